/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Which reports were seen lately. A table of fixed size, shared by the resolver threads: one
 * report takes several questions (A, then TXT; over UDP, then TCP; once more from a stub that
 * lost patience), and only the first of them makes a line.
 */
#ifndef REPORT_DEDUP_H
#define REPORT_DEDUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report.h"

struct report_dedup;

/** Entries that share a place in the table. A new one takes the oldest one's room. */
#define REPORT_DEDUP_WAYS 8

/**
 * A new, empty table.
 * @param entries: how many reports it can hold; rounded up to a power of two, at least 64. Each
 *	takes 32 octets, and memory is touched as the table fills.
 * @param window_ms: how long a report is remembered, milliseconds from its first question.
 * @return NULL when memory or randomness is short. Free it with report_dedup_free().
 */
struct report_dedup *report_dedup_new(size_t entries, uint32_t window_ms);

/** NULL is fine. */
void report_dedup_free(struct report_dedup *dedup);

/** Octets of it. */
size_t report_dedup_memory(const struct report_dedup *dedup);

/**
 * Remember a report. Threads may call it at the same time; it takes a lock for the time of
 * REPORT_DEDUP_WAYS comparisons.
 * @param identity: what tells reports apart.
 * @param now_ms: a monotonic clock, milliseconds.
 * @param seconds: Unix time of this question.
 * @param first_seconds: Unix time of the report's first question; equals seconds for a new one.
 * @return whether it is new: not seen in the last window_ms.
 */
bool report_dedup_is_new(struct report_dedup *dedup, const uint8_t identity[REPORT_IDENTITY_LEN],
			 int64_t now_ms, int64_t seconds, int64_t *first_seconds);

/** How many reports were forgotten before their time because the table was full; a repeat of one
 * of those counts as new. */
uint64_t report_dedup_evicted(const struct report_dedup *dedup);

/** Entries that the table holds at most. */
size_t report_dedup_capacity(const struct report_dedup *dedup);

#endif
