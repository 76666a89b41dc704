/* SPDX-License-Identifier: BSD-3-Clause */
#define _GNU_SOURCE
#include "counters.h"

#include <stdlib.h>
#include <string.h>

#define CACHE_LINE 64

/** Order of rules: by zone, then by number. */
static int compare_rules(const void *left, const void *right, void *arg)
{
	const unsigned *a = left, *b = right;
	const struct sb_dname *zone_a = ((const struct sb_state *)arg)->rules->name[*a];
	const struct sb_dname *zone_b = ((const struct sb_state *)arg)->rules->name[*b];
	int order = (zone_a != NULL) - (zone_b != NULL);

	if (order == 0 && zone_a != NULL) {
		order = (zone_a->wire_len > zone_b->wire_len) -
			(zone_a->wire_len < zone_b->wire_len);
		/* configured names are in lower case */
		if (order == 0)
			order = memcmp(zone_a->wire, zone_b->wire, zone_a->wire_len);
	}
	return order != 0 ? order : (*a > *b) - (*a < *b);
}

/** Find the rules that share a zone. @return 0 when memory is short. */
static int group_rules(struct sb_state *state)
{
	unsigned *sorted = malloc((state->rules->count + 1) * sizeof(*sorted)), i;

	state->first_of_name = calloc(state->rules->count + 1, sizeof(*state->first_of_name));
	state->next_of_name = calloc(state->rules->count + 1, sizeof(*state->next_of_name));
	if (sorted == NULL || state->first_of_name == NULL || state->next_of_name == NULL) {
		free(sorted);
		return 0;
	}
	for (i = 0; i < state->rules->count; i++)
		sorted[i] = i;
	qsort_r(sorted, state->rules->count, sizeof(*sorted), compare_rules, state);
	for (i = 0; i < state->rules->count; i++) {
		const struct sb_dname *zone = state->rules->name[sorted[i]], *before = NULL;

		state->first_of_name[sorted[i]] = sorted[i];
		state->next_of_name[sorted[i]] = SB_RULE_NONE;
		if (i > 0)
			before = state->rules->name[sorted[i - 1]];
		if (zone == NULL || before == NULL || zone->wire_len != before->wire_len ||
		    memcmp(zone->wire, before->wire, zone->wire_len) != 0)
			continue;
		state->first_of_name[sorted[i]] = state->first_of_name[sorted[i - 1]];
		state->next_of_name[sorted[i - 1]] = sorted[i];
	}
	free(sorted);
	return 1;
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
