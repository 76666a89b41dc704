/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * On and off, through the view `sitebound` of unbound.conf.
 */
#ifndef SITEBOUND_SWITCH_H
#define SITEBOUND_SWITCH_H

#include "load.h"

/** What a switch in the view says. */
enum sb_position { SB_POSITION_ABSENT, SB_POSITION_ON, SB_POSITION_OFF };

/** The switch of a job or of a name of its rules. */
struct sb_switch {
	enum sb_position position;
	/** what unbound.conf said */
	enum sb_position configured;
	/** the last look at the view that found it there */
	unsigned look;
	/** the next one that is not absent */
	struct sb_switch *next_present;
	/** when it came into its position; seconds since 1970 */
	time_t since;
	struct sb_state *state;
};

/** Make the switches of a job, all absent: state->switches[0] is the job's, the one of a rule is
 * sb_switch_of(). Its counters are made already. @return 0 when memory is short. */
int sb_switches_make(struct sb_state *state);
void sb_switches_free(struct sb_state *state);

/** Set the switches of all jobs as unbound.conf says. @return 0 when memory is short. */
int sb_switches_configure(struct sb_module *module, const struct sb_unbound_view *view);

/** Look at the view for what has moved, and put it into force. From the worker that watches.
 * @return a bit for each job that has moved. */
unsigned sb_switches_look(struct sb_module *module, struct module_env *env);

/** The switch of a rule, which rules of one name share. */
static inline const struct sb_switch *sb_switch_of(const struct sb_state *state, unsigned rule)
{
	return &state->switches[1 + state->first_of_name[rule]];
}

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

#endif
