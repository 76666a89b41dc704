/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * The adapter side of ring names: builds rings by sub-queries, keeps them, answers from them.
 */
#ifndef SITEBOUND_RING_MODULE_H
#define SITEBOUND_RING_MODULE_H

#include "synth.h"

struct module_env;
struct module_qstate;
struct sb_state;

/** What everything begins with that synth keeps for a query. */
struct synth_own {
	/** the zone whose name is resolved; NULL while real data is asked for */
	const struct synth_zone *zone;
};

int rings_start(struct sb_state *state, struct module_env *env);
void rings_stop(struct sb_state *state);

/** Answer a key of a zone's ring, or let the query wait for what that needs. */
void ring_follow(const struct sb_state *state, struct module_qstate *qstate,
		 const struct sb_query *query, const struct synth_zone *zone);

/** Go on with a query whose zone is a SYNTH_RING. */
void ring_go_on(const struct sb_state *state, struct module_qstate *qstate,
		const struct sb_query *query);

/** A sub-query of such a query is done. */
void ring_inform(const struct sb_state *state, struct module_qstate *sub,
		 struct module_qstate *super);

/** Such a query ends. */
void ring_clear(const struct sb_state *state, struct module_qstate *qstate);

/** As more_counters and memory of struct sb_job. */
void rings_count(const struct sb_state *state,
		 void (*emit)(void *arg, const char *name, uint64_t value), void *arg);
size_t rings_memory(const struct sb_state *state);

#endif
