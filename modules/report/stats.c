/* SPDX-License-Identifier: BSD-3-Clause */
#include "stats.h"

#include <stdlib.h>
#include <string.h>

struct report_stats *report_stats_new(unsigned threads)
{
	struct report_stats *stats = calloc(1, sizeof(*stats));

	if (stats == NULL)
		return NULL;
	stats->slot_count = threads;
	stats->slot = aligned_alloc(REPORT_CACHE_LINE, threads * sizeof(*stats->slot));
	if (stats->slot == NULL) {
		free(stats);
		return NULL;
	}
	memset(stats->slot, 0, threads * sizeof(*stats->slot));
	return stats;
}

void report_stats_free(struct report_stats *stats)
{
	if (stats == NULL)
		return;
	free(stats->slot);
	free(stats);
}

struct report_stats_slot *report_stats_claim(struct report_stats *stats)
{
	unsigned index = atomic_fetch_add_explicit(&stats->claimed, 1, memory_order_relaxed);

	return index < stats->slot_count ? stats->slot + index : NULL;
}

static uint64_t sum(const struct report_stats *stats, unsigned counter)
{
	uint64_t total = 0;
	unsigned i;

	for (i = 0; i < stats->slot_count; i++)
		total += atomic_load_explicit(&stats->slot[i].counter[counter],
					      memory_order_relaxed);
	return total;
}

void report_stats_sum(const struct report_stats *stats, struct report_counts *counts)
{
	unsigned reason;

	counts->accepted = sum(stats, REPORT_COUNT_ACCEPTED);
	counts->duplicate = sum(stats, REPORT_COUNT_DUPLICATE);
	counts->partial = sum(stats, REPORT_COUNT_PARTIAL);
	counts->rate_limited = sum(stats, REPORT_COUNT_RATE_LIMITED);
	counts->queue_dropped = sum(stats, REPORT_COUNT_QUEUE_DROPPED);
	counts->write_errors = sum(stats, REPORT_COUNT_WRITE_ERRORS);
	counts->lines = sum(stats, REPORT_COUNT_LINES);
	counts->lines_astray = sum(stats, REPORT_COUNT_LINES_ASTRAY);
	for (reason = 0; reason < REPORT_REASON_COUNT; reason++)
		counts->malformed[reason] = sum(stats, REPORT_COUNT_MALFORMED + reason);
}
