/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Counters. Each thread counts in a slot of its own, so that counting is an addition to memory
 * that nobody else writes; whoever wants the numbers adds the slots up.
 */
#ifndef REPORT_STATS_H
#define REPORT_STATS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "report.h"
#include "table.h"

enum report_counter {
	REPORT_COUNT_ACCEPTED,
	REPORT_COUNT_DUPLICATE,
	REPORT_COUNT_PARTIAL,
	REPORT_COUNT_RATE_LIMITED,
	REPORT_COUNT_QUEUE_DROPPED,
	REPORT_COUNT_WRITE_ERRORS,
	REPORT_COUNT_LINES,
	REPORT_COUNT_LINES_ASTRAY,
	/** and behind it one for each enum report_reason */
	REPORT_COUNT_MALFORMED,
	REPORT_COUNTERS = REPORT_COUNT_MALFORMED + REPORT_REASON_COUNT
};

/** One thread's counters, alone in their cache lines. */
struct report_stats_slot {
	_Alignas(REPORT_CACHE_LINE) atomic_uint_fast64_t counter[REPORT_COUNTERS];
};

struct report_stats {
	unsigned slot_count;
	atomic_uint claimed;
	struct report_stats_slot *slot;
};

/** New counters, all 0, for so many threads. NULL when memory is short. */
struct report_stats *report_stats_new(unsigned threads);

/** NULL is fine. */
void report_stats_free(struct report_stats *stats);

/** A slot for the calling thread, its own for good; NULL when there are more threads than were
 * announced. */
struct report_stats_slot *report_stats_claim(struct report_stats *stats);

/** Count `by` more. Only the thread that claimed the slot may. */
static inline void report_stats_add(struct report_stats_slot *slot, unsigned counter, uint64_t by)
{
	atomic_uint_fast64_t *cell = &slot->counter[counter];

	atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + by,
			      memory_order_relaxed);
}

/** The sums since report_stats_new(). From any thread; while others count, each number is one
 * that was true a moment ago. */
void report_stats_sum(const struct report_stats *stats, struct report_counts *counts);

#endif
