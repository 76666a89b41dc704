/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Which jobs of this process are taken. Modules are mapped apart from each other and see none of
 * each other's variables, but they share the process' environment. Modules start and stop one
 * after the other, in one thread.
 */
#include "load.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** Its value: the process, "+" once a job was given back, and the jobs that are taken. */
#define TAKEN_VARIABLE "SITEBOUND_JOBS"

struct registry {
	/** some job was given back: this is a reload */
	bool reload;
	/** names, each with a space in front and behind */
	char jobs[128];
};

static void registry_read(struct registry *registry)
{
	const char *value = getenv(TAKEN_VARIABLE);
	char *end;

	registry->reload = false;
	memcpy(registry->jobs, " ", 2);
	/* another process' may have been inherited */
	if (value == NULL || strtol(value, &end, 10) != (long)getpid() || end == value)
		return;
	if (*end == '+') {
		registry->reload = true;
		end++;
	}
	if (*end == ' ' && strlen(end) < sizeof(registry->jobs))
		memcpy(registry->jobs, end, strlen(end) + 1);
}

static void registry_write(const struct registry *registry)
{
	char value[sizeof(registry->jobs) + 32];

	snprintf(value, sizeof(value), "%ld%s%s", (long)getpid(), registry->reload ? "+" : "",
		 registry->jobs);
	/* without memory for it a job may be taken twice, as if this were not here */
	(void)setenv(TAKEN_VARIABLE, value, 1);
}

/** Where the job's name stands among those taken, or NULL. */
static char *find(struct registry *registry, const struct sb_job *job)
{
	char word[32];

	snprintf(word, sizeof(word), " %s ", job->name);
	return strstr(registry->jobs, word);
}

enum sb_taking sb_registry_take(const struct sb_job *job)
{
	struct registry registry;
	size_t used;

	registry_read(&registry);
	if (find(&registry, job) != NULL) {
		log_err("%s: the job %s is done by another module of module-config already: name "
			"sitebound.so alone, or each single-job module once%s",
			sb_module_name, job->name,
			registry.reload ? "; it stays with that one" : "");
		return registry.reload ? SB_TAKEN_LEAVE_OUT : SB_TAKEN_REFUSE;
	}
	used = strlen(registry.jobs);
	snprintf(registry.jobs + used, sizeof(registry.jobs) - used, "%s ", job->name);
	registry_write(&registry);
	return SB_TAKEN_OK;
}

void sb_registry_give(const struct sb_job *job)
{
	struct registry registry;
	char *at;

	registry_read(&registry);
	at = find(&registry, job);
	if (at != NULL)
		memmove(at, at + strlen(job->name) + 1, strlen(at + strlen(job->name) + 1) + 1);
	registry.reload = true;
	registry_write(&registry);
}
