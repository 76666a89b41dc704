/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Looking at the switches once a second. A timer in the event loop of one worker does it, so that
 * it happens on an idle resolver, too, whose next answer may come from the cache; and never while
 * a reload takes the views away, because then no worker runs.
 */
#include "switch.h"
#include "watch.h"

#include <stdint.h>

#define WATCH_SECONDS 1
#define NEVER ((time_t)INT64_MAX)

static void look(struct sb_module *module, struct module_env *env)
{
	unsigned i;

	for (i = 0; i < module->job_count; i++) {
		sb_switches_poll(&module->job[i], env);
		sb_switches_publish(&module->job[i], env);
	}
}

static void on_timer(int fd, short bits, void *arg);

static bool arm(struct sb_module *module, struct ub_event_base *base)
{
	struct timeval later = {.tv_sec = WATCH_SECONDS};

	return ub_timer_add(module->watch_timer, base, on_timer, module, &later) == 0;
}

static void on_timer(int fd, short bits, void *arg)
{
	struct sb_module *module = arg;
	struct module_env *env = module->watch_env;

	(void)fd, (void)bits;
	look(module, env);
	/* without a timer the queries do it */
	if (!arm(module, comm_base_internal(env->worker_base)))
		atomic_store(&module->next_watch, *env->now + WATCH_SECONDS);
}

void sb_watch_start(struct sb_module *module, struct module_env *env)
{
	time_t due = atomic_load(&module->next_watch);
	struct ub_event_base *base = NULL;

	/* one thread wins; the others go on with what is in force */
	if (due > *env->now || !atomic_compare_exchange_strong(&module->next_watch, &due, NEVER))
		return;
#ifndef USE_MINI_EVENT
	/* (Unbound's own event loop takes only Unbound's own callbacks) */
	base = env->worker_base != NULL ? comm_base_internal(env->worker_base) : NULL;
#endif
	module->watch_env = env;
	look(module, env);
	if (base != NULL && module->watch_timer == NULL)
		module->watch_timer = ub_event_new(base, -1, UB_EV_TIMEOUT, on_timer, module);
	if (base == NULL || module->watch_timer == NULL || !arm(module, base))
		atomic_store(&module->next_watch, *env->now + WATCH_SECONDS);
}

void sb_watch_stop(struct sb_module *module)
{
	/* the loop that it was in is gone, and the timer out of it: only its memory is left */
	ub_event_free(module->watch_timer);
	module->watch_timer = NULL;
}
