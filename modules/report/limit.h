/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Rate limits of new reports: token buckets, one for each client prefix and one for all. They are
 * kept as the time at which a bucket will be full again (the "generic cell rate algorithm"),
 * so a bucket is two words and a full bucket needs no memory at all.
 */
#ifndef REPORT_LIMIT_H
#define REPORT_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report.h"

struct report_limit;

/** Prefixes that share a place in the table. */
#define REPORT_LIMIT_WAYS 4

/**
 * New limits, all buckets full.
 * @param rate_limit: copied. per_prefix: reports a second from one prefix (REPORT_PREFIX_IP4,
 *	REPORT_PREFIX_IP6) in the long run, of which `burst` may come at once; total: reports a
 *	second from everybody, of which one second's worth may come at once. 0 is no limit.
 * @param prefixes: how many busy prefixes are known at a time; rounded up to a power of two, at
 *	least 64. Each takes 16 octets.
 * @return NULL when memory or randomness is short. Free it with report_limit_free().
 */
struct report_limit *report_limit_new(const struct report_rate_limit *rate_limit, size_t prefixes);

/** NULL is fine. */
void report_limit_free(struct report_limit *limit);

/** Octets of it. */
size_t report_limit_memory(const struct report_limit *limit);

/**
 * Take a token of the client's prefix, then one of all. Threads may call it at the same time.
 * @param client: len 0 is a prefix of its own.
 * @param now_ns: a monotonic clock, nanoseconds.
 * @return whether the report is within the limits. A prefix over its limit takes nothing from the
 *	others' share of `total`.
 */
bool report_limit_take(struct report_limit *limit, const struct sb_addr *client, int64_t now_ns);

/**
 * The limit of lines for malformed names: one a second, whoever sends them.
 * @return whether this one may have a line.
 */
bool report_limit_take_malformed(struct report_limit *limit, int64_t now_ns);

/** How many buckets were forgotten while they were not full, because the table was: their
 * prefixes began with a full bucket again. */
uint64_t report_limit_evicted(const struct report_limit *limit);

#endif
