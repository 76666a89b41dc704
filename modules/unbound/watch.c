/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * What is done by the clock. A timer in the event loop of one worker does it, so that it happens
 * on an idle resolver, too, whose next answer may come from the cache; and never while a reload
 * takes the views away, because then no worker runs. While it works no other answer of that worker
 * goes out: so it works in slices.
 */
#include "clock.h"
#include "publish.h"
#include "sweep.h"
#include "switch.h"
#include "watch.h"

#define NEVER ((time_t)INT64_MAX)

/** A slice, and the pause behind it for everything else. */
#define SLICE_NS (4 * SB_MS_NS)
#define PAUSE_US 1000
/** How often the switches are looked at, at most; and of the worker's time a hundredth. */
#define LOOK_EVERY_NS (250 * SB_MS_NS)
#define LOOK_SHARE 100

/** Do what is due. @return microseconds until there is more to do. */
static long work(struct sb_module *module, struct module_env *env)
{
	int64_t began_ns = sb_monotonic_ns(), until_ns = began_ns + SLICE_NS, now_ns;
	bool busy;

	if (began_ns >= module->next_look_ns) {
		unsigned moved = sb_switches_look(module, env);

		if (moved != 0)
			sb_sweep_start(module, moved);
		now_ns = sb_monotonic_ns();
		module->next_look_ns = now_ns + LOOK_SHARE * (now_ns - began_ns);
		if (module->next_look_ns < began_ns + LOOK_EVERY_NS)
			module->next_look_ns = began_ns + LOOK_EVERY_NS;
	}
	/* what may be wrong in the cache goes before what tells of it */
	if (sb_sweep_is_due(module, began_ns)) {
		sb_sweep_slice(module, env, until_ns);
		return PAUSE_US;
	}
	busy = sb_publish(module, env, until_ns);
	return busy ? PAUSE_US : LOOK_EVERY_NS / 1000;
}

static void on_timer(int fd, short bits, void *arg);

static bool arm(struct sb_module *module, struct ub_event_base *base, long us)
{
	struct timeval later = {.tv_sec = us / 1000000, .tv_usec = us % 1000000};

	return ub_timer_add(module->watch_timer, base, on_timer, module, &later) == 0;
}

static void on_timer(int fd, short bits, void *arg)
{
	struct sb_module *module = arg;
	struct module_env *env = module->watch_env;
	long us = work(module, env);

	(void)fd, (void)bits;
	/* without a timer the queries do it */
	if (!arm(module, comm_base_internal(env->worker_base), us))
		atomic_store(&module->next_watch, *env->now);
}

void sb_watch_start(struct sb_module *module, struct module_env *env, bool holds_locks)
{
	time_t due = atomic_load(&module->next_watch);
	struct ub_event_base *base = NULL;
	long us = 0;

	/* one thread wins; the others go on with what is in force */
	if (due > *env->now || !atomic_compare_exchange_strong(&module->next_watch, &due, NEVER))
		return;
#ifndef USE_MINI_EVENT
	/* (Unbound's own event loop takes only Unbound's own callbacks) */
	base = env->worker_base != NULL ? comm_base_internal(env->worker_base) : NULL;
#endif
	module->watch_env = env;
	/* what was switched before the first question holds for it; but a sweep takes all locks of the cache */
	if (!holds_locks)
		us = work(module, env);
	if (base != NULL && module->watch_timer == NULL)
		module->watch_timer = ub_event_new(base, -1, UB_EV_TIMEOUT, on_timer, module);
	/* without a timer it waits for a query that holds none */
	if (base == NULL || module->watch_timer == NULL || !arm(module, base, us))
		atomic_store(&module->next_watch, *env->now + us / 1000000);
}

void sb_watch_stop(struct sb_module *module)
{
	/* the loop that it was in is gone, and the timer out of it: only its memory is left */
	ub_event_free(module->watch_timer);
	module->watch_timer = NULL;
}
