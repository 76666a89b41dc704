/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Looking at the switches once a second. A timer in the event loop of one worker does it, so that
 * it happens on an idle resolver, too, whose next answer may come from the cache; and never while
 * a reload takes the views away, because then no worker runs.
 */
#include "adapter.h"

#include <stdint.h>

#define WATCH_SECONDS 1
#define NEVER ((time_t)INT64_MAX)

static void look(struct sb_state *state, struct module_env *env)
{
	sb_switches_poll(state, env);
	sb_switches_publish(state, env);
}

static void on_timer(int fd, short bits, void *arg);

static bool arm(struct sb_state *state, struct ub_event_base *base)
{
	struct timeval later = {.tv_sec = WATCH_SECONDS};

	return ub_timer_add(state->watch_timer, base, on_timer, state, &later) == 0;
}

static void on_timer(int fd, short bits, void *arg)
{
	struct sb_state *state = arg;
	struct module_env *env = state->watch_env;

	(void)fd, (void)bits;
	look(state, env);
	/* without a timer the queries do it */
	if (!arm(state, comm_base_internal(env->worker_base)))
		atomic_store(&state->next_watch, *env->now + WATCH_SECONDS);
}

void sb_watch_start(struct sb_state *state, struct module_env *env)
{
	time_t due = atomic_load(&state->next_watch);
	struct ub_event_base *base = NULL;

	/* one thread wins; the others go on with what is in force */
	if (due > *env->now || !atomic_compare_exchange_strong(&state->next_watch, &due, NEVER))
		return;
#ifndef USE_MINI_EVENT
	/* (Unbound's own event loop takes only Unbound's own callbacks) */
	base = env->worker_base != NULL ? comm_base_internal(env->worker_base) : NULL;
#endif
	state->watch_env = env;
	look(state, env);
	if (base != NULL && state->watch_timer == NULL)
		state->watch_timer = ub_event_new(base, -1, UB_EV_TIMEOUT, on_timer, state);
	if (base == NULL || state->watch_timer == NULL || !arm(state, base))
		atomic_store(&state->next_watch, *env->now + WATCH_SECONDS);
}

void sb_watch_stop(struct sb_state *state)
{
	/* the loop that it was in is gone, and the timer out of it: only its memory is left */
	ub_event_free(state->watch_timer);
	state->watch_timer = NULL;
}
