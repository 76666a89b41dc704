/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Counters of the jobs' rules: each thread has its own, whoever shows them adds up.
 */
#ifndef SITEBOUND_COUNTERS_H
#define SITEBOUND_COUNTERS_H

#include "job.h"

/** Make room for counters. @return 0 when memory is short. */
int sb_counters_make(struct sb_state *state, const struct module_env *env);
void sb_counters_free(struct sb_state *state);

/** Octets of the counters. */
size_t sb_counters_memory(const struct sb_state *state);

/** Count one answer of a rule. From the thread that env belongs to. */
static inline void sb_count(const struct sb_state *state, const struct module_env *env,
			    unsigned rule, unsigned counter)
{
	size_t thread = (unsigned)env->alloc->thread_num % state->count_threads;
	_Atomic uint64_t *count;

	if (rule >= state->rules->count || counter >= state->job->counter_count)
		return;
	count = &state->count[thread * state->count_stride];
	/* nobody else writes them: no need for an atomic addition */
	atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1,
			      memory_order_relaxed);
	count += 1 + (size_t)rule * state->job->counter_count + counter;
	atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

/**
 * The name that a rule is shown by: NULL for a rule that has none of its own, or the name of a
 * rule before it.
 */
const struct sb_dname *sb_shown_name(const struct sb_state *state, unsigned rule);

/** How often anything was counted. From any thread. */
uint64_t sb_counters_moved(const struct sb_state *state);

/** A counter of the rule and of those behind it that have the same name, over all threads. From
 * any thread. */
uint64_t sb_counter_sum(const struct sb_state *state, unsigned rule, unsigned counter);

#endif
