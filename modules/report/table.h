/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * What the set-associative tables of dedup.c and limit.c share: a keyed hash, so that nobody can
 * choose names or addresses that fall into one set, and striped locks.
 */
#ifndef REPORT_TABLE_H
#define REPORT_TABLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/random.h>

#define REPORT_CACHE_LINE 64
#define REPORT_TABLE_STRIPES 64

/** The secret of a table. */
struct report_table_key {
	uint64_t word[4];
};

/** A stripe's lock, alone in its cache line. */
union report_table_stripe {
	_Alignas(REPORT_CACHE_LINE) pthread_mutex_t lock;
};

struct report_table_locks {
	union report_table_stripe stripe[REPORT_TABLE_STRIPES];
};

/** Draw a key. @return false when the system has no randomness to give. */
static inline bool report_table_key_make(struct report_table_key *key)
{
	return getrandom(key->word, sizeof(key->word), 0) == (ssize_t)sizeof(key->word);
}

/** One half of a 64 by 64 bit product folded into the other. */
static inline uint64_t report_table_fold(uint64_t a, uint64_t b)
{
	__uint128_t product = (__uint128_t)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/** A keyed hash of two words. It chooses a set; it is no proof of anything. */
static inline size_t report_table_hash(const struct report_table_key *key, uint64_t a, uint64_t b)
{
	uint64_t mixed = report_table_fold(a ^ key->word[0], b ^ key->word[1]);

	return (size_t)report_table_fold(mixed ^ key->word[2], key->word[3] | 1);
}

static inline void report_table_locks_init(struct report_table_locks *locks)
{
	size_t i;

	for (i = 0; i < REPORT_TABLE_STRIPES; i++)
		pthread_mutex_init(&locks->stripe[i].lock, NULL);
}

static inline void report_table_locks_destroy(struct report_table_locks *locks)
{
	size_t i;

	for (i = 0; i < REPORT_TABLE_STRIPES; i++)
		pthread_mutex_destroy(&locks->stripe[i].lock);
}

/** The lock of a set. */
static inline pthread_mutex_t *report_table_lock(struct report_table_locks *locks, size_t set)
{
	return &locks->stripe[set % REPORT_TABLE_STRIPES].lock;
}

#endif
