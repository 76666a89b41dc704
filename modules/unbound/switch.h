/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * On and off, through the view `sitebound` of unbound.conf; what the jobs publish there.
 */
#ifndef SITEBOUND_SWITCH_H
#define SITEBOUND_SWITCH_H

#include "load.h"

/** Make the switches, set as unbound.conf says. @return 0 when memory is short. */
int sb_switches_make(struct sb_state *state, const struct sb_unbound_view *view);
void sb_switches_free(struct sb_state *state);

/** Whether a rule is switched off: then the job does as if it were not there. */
static inline bool sb_is_off(const struct sb_state *state, unsigned rule)
{
	return rule < state->rules->count &&
	       atomic_load_explicit(&state->off[rule], memory_order_relaxed);
}

/** Turn a verdict of a rule that is switched off into a pass. */
static inline void sb_switch_verdict(const struct sb_state *state, struct sb_verdict *verdict)
{
	if (verdict->kind != SB_PASS && sb_is_off(state, verdict->rule))
		verdict->kind = SB_PASS;
}

/** Which change of the switches is the latest. */
static inline unsigned sb_generation(const struct sb_state *state)
{
	return atomic_load_explicit(&state->generation, memory_order_acquire);
}

/** Compare the switches with the view; remove cached answers after a change, and once more a
 * while later, for what was under way. From a worker thread. */
void sb_switches_poll(struct sb_state *state, struct module_env *env);

/** Publish status and counters as TXT records in the view, when they have changed. */
void sb_switches_publish(struct sb_state *state, struct module_env *env);

#endif
