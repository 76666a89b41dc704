/* SPDX-License-Identifier: BSD-3-Clause */
#include "adapter.h"

#include <stdlib.h>

#define CACHE_LINE 64

int sb_counters_make(struct sb_state *state, const struct module_env *env)
{
	size_t per_line = CACHE_LINE / sizeof(uint64_t);
	size_t counts = (size_t)state->rule_count * sb_module.counter_count;

	/* workers are numbered from 1 in their allocators, 0 is the main thread's; each has whole
	 * cache lines of its own */
	state->count_threads = (unsigned)env->cfg->num_threads + 1;
	state->count_stride = (counts + 2 * per_line - 1) / per_line * per_line;
	state->count = calloc(state->count_threads * state->count_stride, sizeof(*state->count));
	return state->count != NULL;
}

uint64_t sb_counter_sum(const struct sb_state *state, unsigned rule, unsigned counter)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < state->count_threads; i++)
		sum += atomic_load_explicit(&state->count[i * state->count_stride +
							  (size_t)rule * sb_module.counter_count +
							  counter],
					    memory_order_relaxed);
	return sum;
}
