/* SPDX-License-Identifier: BSD-3-Clause */
#include "dedup.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

#define DEDUP_ENTRIES_MIN 64

struct dedup_entry {
	uint8_t identity[REPORT_IDENTITY_LEN];
	/** monotonic, 1 + milliseconds; 0 is an empty entry */
	int64_t seen_ms;
	/** Unix time */
	int64_t seconds;
};

struct report_dedup {
	struct report_table_key key;
	int64_t window_ms;
	size_t set_mask;
	struct dedup_entry *entry;
	atomic_uint_fast64_t evicted;
	struct report_table_locks locks;
};

struct report_dedup *report_dedup_new(size_t entries, uint32_t window_ms)
{
	struct report_dedup *dedup = aligned_alloc(REPORT_CACHE_LINE, sizeof(*dedup));
	size_t count = DEDUP_ENTRIES_MIN;

	if (dedup == NULL)
		return NULL;
	memset(dedup, 0, sizeof(*dedup));
	while (count < entries && count < SIZE_MAX / 2 / sizeof(*dedup->entry))
		count *= 2;
	dedup->window_ms = window_ms;
	dedup->set_mask = count / REPORT_DEDUP_WAYS - 1;
	/* calloc() maps a large table and leaves it untouched */
	dedup->entry = calloc(count, sizeof(*dedup->entry));
	if (dedup->entry == NULL || !report_table_key_make(&dedup->key)) {
		free(dedup->entry);
		free(dedup);
		return NULL;
	}
	report_table_locks_init(&dedup->locks);
	return dedup;
}

void report_dedup_free(struct report_dedup *dedup)
{
	if (dedup == NULL)
		return;
	report_table_locks_destroy(&dedup->locks);
	free(dedup->entry);
	free(dedup);
}

size_t report_dedup_memory(const struct report_dedup *dedup)
{
	return sizeof(*dedup) + (dedup->set_mask + 1) * REPORT_DEDUP_WAYS * sizeof(*dedup->entry);
}

bool report_dedup_is_new(struct report_dedup *dedup, const uint8_t identity[REPORT_IDENTITY_LEN],
			 int64_t now_ms, int64_t seconds, int64_t *first_seconds)
{
	uint64_t half[2];
	struct dedup_entry *set, *victim;
	pthread_mutex_t *lock;
	size_t index, i;

	memcpy(half, identity, sizeof(half));
	index = report_table_hash(&dedup->key, half[0], half[1]) & dedup->set_mask;
	set = dedup->entry + index * REPORT_DEDUP_WAYS;
	lock = report_table_lock(&dedup->locks, index);
	victim = set;
	pthread_mutex_lock(lock);
	for (i = 0; i < REPORT_DEDUP_WAYS; i++) {
		struct dedup_entry *entry = set + i;

		if (entry->seen_ms != 0 &&
		    memcmp(entry->identity, identity, REPORT_IDENTITY_LEN) == 0) {
			if (now_ms - (entry->seen_ms - 1) < dedup->window_ms) {
				*first_seconds = entry->seconds;
				pthread_mutex_unlock(lock);
				return false;
			}
			victim = entry;
			break;
		}
		if (entry->seen_ms < victim->seen_ms)
			victim = entry;
	}
	if (victim->seen_ms != 0 && now_ms - (victim->seen_ms - 1) < dedup->window_ms)
		atomic_fetch_add_explicit(&dedup->evicted, 1, memory_order_relaxed);
	memcpy(victim->identity, identity, REPORT_IDENTITY_LEN);
	victim->seen_ms = now_ms + 1;
	victim->seconds = seconds;
	pthread_mutex_unlock(lock);
	*first_seconds = seconds;
	return true;
}

uint64_t report_dedup_evicted(const struct report_dedup *dedup)
{
	return atomic_load_explicit(&dedup->evicted, memory_order_relaxed);
}

size_t report_dedup_capacity(const struct report_dedup *dedup)
{
	return (dedup->set_mask + 1) * REPORT_DEDUP_WAYS;
}
