/* SPDX-License-Identifier: BSD-3-Clause */
#include "limit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

#define LIMIT_PREFIXES_MIN 64
#define NS_PER_SECOND INT64_C(1000000000)

/** Rate and depth of a bucket. */
struct bucket_shape {
	/** between two tokens; 0 is no limit */
	int64_t interval_ns;
	/** time that all tokens of a full bucket take to grow */
	int64_t depth_ns;
};

struct limit_entry {
	/** family and prefix */
	uint64_t prefix;
	/** the bucket is full from this time on; an entry in the past is free */
	int64_t full_ns;
};

struct report_limit {
	struct report_table_key key;
	struct bucket_shape each, all, malformed;
	size_t set_mask;
	struct limit_entry *entry;
	_Alignas(REPORT_CACHE_LINE) atomic_int_fast64_t all_full_ns;
	atomic_int_fast64_t malformed_full_ns;
	atomic_uint_fast64_t evicted;
	struct report_table_locks locks;
};

static struct bucket_shape bucket_shape(uint32_t rate, uint32_t depth)
{
	struct bucket_shape shape = {0};

	if (rate > 0) {
		shape.interval_ns = NS_PER_SECOND / rate;
		/* over a thousand million a second is as good as no limit */
		shape.depth_ns = shape.interval_ns * (depth > 0 ? depth : 1);
	}
	return shape;
}

/** When the bucket will be full after one more token is taken; false: there is none to take. */
static bool bucket_take(const struct bucket_shape *shape, int64_t full_ns, int64_t now_ns,
			int64_t *then_full_ns)
{
	*then_full_ns = (full_ns > now_ns ? full_ns : now_ns) + shape->interval_ns;
	return *then_full_ns - now_ns <= shape->depth_ns;
}

/** bucket_take() for a bucket that threads share without a lock. */
static bool shared_take(const struct bucket_shape *shape, atomic_int_fast64_t *bucket,
			int64_t now_ns)
{
	int_fast64_t full_ns = atomic_load_explicit(bucket, memory_order_relaxed);
	int64_t then;

	if (shape->interval_ns == 0)
		return true;
	do {
		if (!bucket_take(shape, full_ns, now_ns, &then))
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
		bucket, &full_ns, then, memory_order_relaxed, memory_order_relaxed));
	return true;
}

struct report_limit *report_limit_new(const struct report_rate_limit *rate_limit, size_t prefixes)
{
	struct report_limit *limit = aligned_alloc(REPORT_CACHE_LINE, sizeof(*limit));
	size_t count = LIMIT_PREFIXES_MIN, i;

	if (limit == NULL)
		return NULL;
	memset(limit, 0, sizeof(*limit));
	while (count < prefixes && count < SIZE_MAX / 2 / sizeof(*limit->entry))
		count *= 2;
	limit->each = bucket_shape(rate_limit->per_prefix, rate_limit->burst);
	limit->all = bucket_shape(rate_limit->total, rate_limit->total);
	limit->malformed = bucket_shape(1, 1);
	limit->set_mask = count / REPORT_LIMIT_WAYS - 1;
	limit->entry = malloc(count * sizeof(*limit->entry));
	if (limit->entry == NULL || !report_table_key_make(&limit->key)) {
		free(limit->entry);
		free(limit);
		return NULL;
	}
	for (i = 0; i < count; i++)
		limit->entry[i] = (struct limit_entry){.full_ns = INT64_MIN};
	atomic_init(&limit->all_full_ns, INT64_MIN);
	atomic_init(&limit->malformed_full_ns, INT64_MIN);
	report_table_locks_init(&limit->locks);
	return limit;
}

void report_limit_free(struct report_limit *limit)
{
	if (limit == NULL)
		return;
	report_table_locks_destroy(&limit->locks);
	free(limit->entry);
	free(limit);
}

size_t report_limit_memory(const struct report_limit *limit)
{
	return sizeof(*limit) + (limit->set_mask + 1) * REPORT_LIMIT_WAYS * sizeof(*limit->entry);
}

/** A client's prefix in one word: the family in the first octet, the prefix in the other seven. */
static uint64_t prefix_word(const struct sb_addr *client)
{
	_Static_assert(REPORT_PREFIX_IP6 == 56 && REPORT_PREFIX_IP4 <= 56, "seven octets");
	struct sb_addr prefix = *client;
	uint64_t word = 0;

	if (client->len == SB_IP4_LEN)
		sb_addr_mask(&prefix, REPORT_PREFIX_IP4);
	memcpy((uint8_t *)&word + 1, prefix.octet, client->len < 7 ? client->len : 7);
	*(uint8_t *)&word = client->len;
	return word;
}

static bool prefix_take(struct report_limit *limit, const struct sb_addr *client, int64_t now_ns)
{
	uint64_t prefix = prefix_word(client);
	size_t index = report_table_hash(&limit->key, prefix, 0) & limit->set_mask;
	struct limit_entry *set = limit->entry + index * REPORT_LIMIT_WAYS, *use = set;
	pthread_mutex_t *lock = report_table_lock(&limit->locks, index);
	int64_t then;
	bool taken;
	size_t i;

	pthread_mutex_lock(lock);
	for (i = 0; i < REPORT_LIMIT_WAYS; i++) {
		if (set[i].prefix == prefix && set[i].full_ns > now_ns) {
			use = set + i;
			break;
		}
		/* the one that misses the fewest tokens loses the least by being forgotten */
		if (set[i].full_ns < use->full_ns)
			use = set + i;
	}
	if (i == REPORT_LIMIT_WAYS) {
		if (use->full_ns > now_ns)
			atomic_fetch_add_explicit(&limit->evicted, 1, memory_order_relaxed);
		*use = (struct limit_entry){.prefix = prefix, .full_ns = now_ns};
	}
	taken = bucket_take(&limit->each, use->full_ns, now_ns, &then);
	if (taken)
		use->full_ns = then;
	pthread_mutex_unlock(lock);
	return taken;
}

bool report_limit_take(struct report_limit *limit, const struct sb_addr *client, int64_t now_ns)
{
	if (limit->each.interval_ns != 0 && !prefix_take(limit, client, now_ns))
		return false;
	return shared_take(&limit->all, &limit->all_full_ns, now_ns);
}

bool report_limit_take_malformed(struct report_limit *limit, int64_t now_ns)
{
	return shared_take(&limit->malformed, &limit->malformed_full_ns, now_ns);
}

uint64_t report_limit_evicted(const struct report_limit *limit)
{
	return atomic_load_explicit(&limit->evicted, memory_order_relaxed);
}
