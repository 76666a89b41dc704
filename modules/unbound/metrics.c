/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * The metrics file, in Prometheus' text format, written by a thread of its own. The modules share
 * one file: each replaces its own part of it, under a lock, and drops parts of other processes. The
 * part of a module that has stopped stays when the process ends, and goes when others run on: after
 * a reload without the module.
 */
#define _GNU_SOURCE
#include "counters.h"
#include "load.h"
#include "metrics.h"
#include "sitebound/thread.h"
#include "switch.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define WRITE_EVERY_SECONDS 15
#define FILE_MAX_LEN (16U << 20)
#define LINE_BEGIN "# sitebound part "
#define ENDED " ended"
/** How long to wait for the lock, which is held for a moment only: whoever can open the file must
 * not be able to hold up a reload. */
#define LOCK_TRIES 100
#define LOCK_RETRY_NS 10000000

/** Which write of an instance it is. */
enum moment { MOMENT_FIRST, MOMENT_LATER, MOMENT_LAST };

struct sb_metrics {
	const struct sb_module *module;
	char *path;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	bool stop;
	/** the last write failed, and it was said */
	bool failing;
};

static void write_counters(const struct sb_state *state, FILE *out)
{
	unsigned i, j;

	fprintf(out,
		"# HELP sitebound_%s_answers_total Answers that the module gave, by zone and kind; "
		"repeats from the message cache are not counted.\n"
		"# TYPE sitebound_%s_answers_total counter\n",
		state->job->name, state->job->name);
	for (i = 0; i < state->rules->count; i++) {
		const struct sb_dname *zone = sb_shown_name(state, i);
		char name[SB_DNAME_TEXT_MAX];

		if (zone == NULL)
			continue;
		sb_dname_to_text(zone, name);
		for (j = 0; j < state->job->counter_count; j++)
			fprintf(out, "sitebound_%s_answers_total{zone=\"%s\",kind=\"%s\"} %llu\n",
				state->job->name, name, state->job->counter_names[j],
				(unsigned long long)sb_counter_sum(state, i, j));
	}
}

static void write_switches(const struct sb_state *state, FILE *out)
{
	unsigned i;

	fprintf(out,
		"# HELP sitebound_%s_on Whether the zone is switched on.\n"
		"# TYPE sitebound_%s_on gauge\n",
		state->job->name, state->job->name);
	for (i = 0; i < state->rules->count; i++) {
		const struct sb_dname *zone = sb_shown_name(state, i);
		char name[SB_DNAME_TEXT_MAX];

		if (zone == NULL)
			continue;
		sb_dname_to_text(zone, name);
		fprintf(out, "sitebound_%s_on{zone=\"%s\"} %d\n", state->job->name, name,
			!sb_is_off(state, i));
	}
}

/** Where a job's own counters go. */
struct events {
	FILE *out;
	const char *job;
};

static void write_event(void *arg, const char *name, uint64_t value)
{
	const struct events *events = arg;

	fprintf(events->out, "sitebound_%s_events_total{event=\"%s\"} %llu\n", events->job, name,
		(unsigned long long)value);
}

static void write_job(const struct sb_state *state, FILE *out)
{
	const char *name = state->job->name;
	struct events events = {.out = out, .job = name};

	fprintf(out,
		"# HELP sitebound_%s_build_info The module's build; always 1.\n"
		"# TYPE sitebound_%s_build_info gauge\n"
		"sitebound_%s_build_info{version=\"%s\",unbound=\"%s\"} 1\n",
		name, name, name, SB_VERSION, PACKAGE_VERSION);
	write_switches(state, out);
	if (state->job->counter_count > 0)
		write_counters(state, out);
	if (state->job->more_counters == NULL)
		return;
	fprintf(out,
		"# HELP sitebound_%s_events_total What the module counted, by event.\n"
		"# TYPE sitebound_%s_events_total counter\n",
		name, name);
	state->job->more_counters(state, write_event, &events);
}

/** What the module's part is called: the last word of its name. */
static const char *part_name(void)
{
	const char *space = strrchr(sb_module_name, ' ');

	return space != NULL ? space + 1 : sb_module_name;
}

/** The module's own part with its mark; NULL when memory is short. */
static char *render(const struct sb_module *module, enum moment moment, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);
	unsigned i;

	if (out == NULL)
		return NULL;
	fprintf(out, LINE_BEGIN "%s of %ld%s\n", part_name(), (long)getpid(),
		moment == MOMENT_LAST ? ENDED : "");
	for (i = 0; i < module->job_count; i++)
		write_job(&module->job[i], out);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

/** Write the parts of the old file that are of this process and not this module's. Those of modules
 * that have ended stay at first: they may be about to start anew, and at the end. */
static void copy_others(FILE *old, FILE *out, enum moment moment)
{
	char *line = NULL, module[64];
	size_t room = 0, total = 0;
	bool keep = false;
	ssize_t len;
	long pid;

	while ((len = getline(&line, &room, old)) > 0 && (total += (size_t)len) < FILE_MAX_LEN) {
		if (sscanf(line, LINE_BEGIN "%63s of %ld", module, &pid) == 2)
			keep = pid == (long)getpid() && strcmp(module, part_name()) != 0 &&
			       (moment != MOMENT_LATER || strstr(line, ENDED) == NULL);
		if (keep)
			fwrite(line, 1, (size_t)len, out);
	}
	free(line);
}

/** The file as one of our processes left it, for reading; NULL when it is not there. What is not
 * ours is not believed: in a directory where others may write it may have no end. */
static FILE *open_own(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	struct stat stat;
	FILE *file = NULL;

	if (fd == -1)
		return NULL;
	if (fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode) && stat.st_uid == geteuid() &&
	    stat.st_size <= (off_t)FILE_MAX_LEN)
		file = fdopen(fd, "r");
	if (file == NULL)
		close(fd);
	return file;
}

/** Lock a file, without waiting for long. @return 0, or -1 and errno. */
static int lock_file(int fd)
{
	const struct timespec pause = {.tv_nsec = LOCK_RETRY_NS};
	int tries;

	for (tries = 0; flock(fd, LOCK_EX | LOCK_NB) == -1; tries++) {
		if ((errno != EWOULDBLOCK && errno != EINTR) || tries == LOCK_TRIES)
			return -1;
		nanosleep(&pause, NULL);
	}
	return 0;
}

/** Replace the module's part of the file. @return 0 or an errno. */
static int replace_part(const char *path, const char *part, size_t part_len, enum moment moment)
{
	char *lock_path = NULL, *new_path = NULL;
	FILE *old = NULL, *out = NULL;
	int lock = -1, fd = -1, error = 0;

	if (asprintf(&lock_path, "%s.lock", path) == -1)
		return ENOMEM;
	if (asprintf(&new_path, "%s.new", path) == -1) {
		free(lock_path);
		return ENOMEM;
	}
	lock = open(lock_path, O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (lock == -1 || lock_file(lock) == -1)
		goto failed;
	/* whatever is there, a link or a pipe, is not to be written to */
	unlink(new_path);
	fd = open(new_path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
	if (fd == -1)
		goto failed;
	out = fdopen(fd, "w");
	if (out == NULL) {
		error = errno;
		close(fd);
		goto cleanup;
	}
	old = open_own(path);
	if (old != NULL)
		copy_others(old, out, moment);
	fwrite(part, 1, part_len, out);
	if (ferror(out) || fflush(out) != 0)
		goto failed;
	if (rename(new_path, path) == -1)
		goto failed;
	goto cleanup;
failed:
	error = errno != 0 ? errno : EIO;
	/* half a file would take room that a full disk needs */
	if (fd != -1)
		unlink(new_path);
cleanup:
	if (old != NULL)
		fclose(old);
	if (out != NULL)
		fclose(out);
	if (lock != -1)
		close(lock);
	free(lock_path);
	free(new_path);
	return error;
}

static void write_file(struct sb_metrics *metrics, enum moment moment)
{
	size_t len = 0;
	char *part = render(metrics->module, moment, &len);
	int error = part != NULL ? replace_part(metrics->path, part, len, moment) : ENOMEM;

	free(part);
	if (error != 0 && !metrics->failing)
		log_warn("%s: %s: cannot be written: %s", sb_module_name, metrics->path,
			 strerror(error));
	metrics->failing = error != 0;
}

static void *run(void *arg)
{
	struct sb_metrics *metrics = arg;
	enum moment moment = MOMENT_FIRST;
	struct timespec due;

	pthread_mutex_lock(&metrics->mutex);
	while (!metrics->stop) {
		pthread_mutex_unlock(&metrics->mutex);
		write_file(metrics, moment);
		moment = MOMENT_LATER;
		pthread_mutex_lock(&metrics->mutex);
		clock_gettime(CLOCK_MONOTONIC, &due);
		due.tv_sec += WRITE_EVERY_SECONDS;
		while (!metrics->stop &&
		       pthread_cond_timedwait(&metrics->wake, &metrics->mutex, &due) == 0)
			;
	}
	pthread_mutex_unlock(&metrics->mutex);
	return NULL;
}

int sb_metrics_start(struct sb_module *module, const struct module_env *env)
{
	const char *path = sb_conf_metrics(module->conf);
	struct sb_metrics *metrics;
	pthread_condattr_t attr;
	int error;

	if (path == NULL)
		return 1;
	metrics = calloc(1, sizeof(*metrics));
	if (metrics == NULL || (metrics->path = strdup(sb_path_in_chroot(env, path))) == NULL) {
		free(metrics);
		log_err("%s: out of memory", sb_module_name);
		return 0;
	}
	metrics->module = module;
	pthread_mutex_init(&metrics->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&metrics->wake, &attr);
	pthread_condattr_destroy(&attr);
	error = sb_thread_start(&metrics->thread, "sitebound-stats", run, metrics);
	if (error != 0) {
		log_err("%s: no thread for the metrics: %s", sb_module_name, strerror(error));
		free(metrics->path);
		free(metrics);
		return 0;
	}
	module->metrics = metrics;
	return 1;
}

void sb_metrics_stop(struct sb_module *module)
{
	struct sb_metrics *metrics = module->metrics;

	if (metrics == NULL)
		return;
	pthread_mutex_lock(&metrics->mutex);
	metrics->stop = true;
	pthread_cond_signal(&metrics->wake);
	pthread_mutex_unlock(&metrics->mutex);
	pthread_join(metrics->thread, NULL);
	/* the last numbers, for whoever reads after the end */
	write_file(metrics, MOMENT_LAST);
	pthread_cond_destroy(&metrics->wake);
	pthread_mutex_destroy(&metrics->mutex);
	free(metrics->path);
	free(metrics);
	module->metrics = NULL;
}
