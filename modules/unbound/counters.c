/* SPDX-License-Identifier: BSD-3-Clause */
#include "counters.h"

#include <stdlib.h>

#define CACHE_LINE 64

/** Find the rules that share a zone. @return 0 when memory is short. */
static int group_rules(struct sb_state *state)
{
	size_t count = state->rules->count;
	unsigned *last = calloc(count + 1, sizeof(*last)), i, first;
	struct sb_zones *names = sb_zones_new();
	enum sb_err err = SB_OK;

	state->first_of_name = calloc(count + 1, sizeof(*state->first_of_name));
	state->next_of_name = calloc(count + 1, sizeof(*state->next_of_name));
	if (last == NULL || names == NULL || state->first_of_name == NULL ||
	    state->next_of_name == NULL)
		err = SB_ENOMEM;
	for (i = 0; i < count && err != SB_ENOMEM; i++) {
		const struct sb_dname *zone = state->rules->name[i];

		state->first_of_name[i] = i;
		state->next_of_name[i] = SB_RULE_NONE;
		last[i] = i;
		err = zone != NULL ? sb_zones_add(names, zone, &state->first_of_name[i]) : SB_OK;
		if (err != SB_EEXIST)
			continue;
		first = *(const unsigned *)sb_zones_get(names, zone);
		state->first_of_name[i] = first;
		state->next_of_name[last[first]] = i;
		last[first] = i;
	}
	sb_zones_free(names);
	free(last);
	return err != SB_ENOMEM;
}

int sb_counters_make(struct sb_state *state, const struct module_env *env)
{
	size_t per_line = CACHE_LINE / sizeof(uint64_t);
	/* the first one counts all */
	size_t counts = 1 + (size_t)state->rules->count * state->job->counter_count;

	/* workers are numbered from 1 in their allocators, 0 is the main thread's; each has whole
	 * cache lines of its own */
	state->count_threads = (unsigned)env->cfg->num_threads + 1;
	state->count_stride = (counts + 2 * per_line - 1) / per_line * per_line;
	state->count = calloc(state->count_threads * state->count_stride, sizeof(*state->count));
	return state->count != NULL && group_rules(state);
}

void sb_counters_free(struct sb_state *state)
{
	free((void *)state->count);
	free(state->first_of_name);
	free(state->next_of_name);
	state->count = NULL;
	state->first_of_name = NULL;
	state->next_of_name = NULL;
}

const struct sb_dname *sb_shown_name(const struct sb_state *state, unsigned rule)
{
	return state->first_of_name[rule] == rule ? state->rules->name[rule] : NULL;
}

uint64_t sb_counters_moved(const struct sb_state *state)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < state->count_threads; i++)
		sum += atomic_load_explicit(&state->count[i * state->count_stride],
					    memory_order_relaxed);
	return sum;
}

uint64_t sb_counter_sum(const struct sb_state *state, unsigned rule, unsigned counter)
{
	uint64_t sum = 0;
	unsigned i;

	for (; rule != SB_RULE_NONE; rule = state->next_of_name[rule]) {
		for (i = 0; i < state->count_threads; i++)
			sum += atomic_load_explicit(
				&state->count[i * state->count_stride + 1 +
					      (size_t)rule * state->job->counter_count + counter],
				memory_order_relaxed);
	}
	return sum;
}

size_t sb_counters_memory(const struct sb_state *state)
{
	return state->count_threads * state->count_stride * sizeof(*state->count) +
	       2 * state->rules->count * sizeof(*state->first_of_name);
}
