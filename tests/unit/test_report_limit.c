/* SPDX-License-Identifier: BSD-3-Clause */
/* Token buckets of new reports. */
#include "report_unit.h"

#include "../../modules/report/limit.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define MS INT64_C(1000000)

static struct sb_addr address(const char *text)
{
	struct sb_addr addr = {0};

	if (*text == '\0')
		return addr;
	if (inet_pton(AF_INET, text, addr.octet) == 1)
		addr.len = SB_IP4_LEN;
	else if (inet_pton(AF_INET6, text, addr.octet) == 1)
		addr.len = SB_IP6_LEN;
	else
		fail_msg("%s is no address", text);
	return addr;
}

static unsigned take(struct report_limit *limit, const char *client, int64_t at_ns, unsigned asked)
{
	struct sb_addr addr = address(client);
	unsigned taken = 0;

	while (asked-- > 0)
		taken += report_limit_take(limit, &addr, at_ns);
	return taken;
}

/* One row a case: who asks for how many tokens when, and how many there must be. */
static const struct {
	const char *id;
	struct report_rate_limit rate;
	struct {
		const char *client;
		int64_t at_ms;
		unsigned asked, taken;
	} step[5];
} rows[] = {
	{"burst, and no more", {20, 100, 0}, {{"192.0.2.1", 0, 150, 100}}},
	{"the rate after the burst",
	 {20, 100, 0},
	 {{"192.0.2.1", 0, 100, 100},
	  {"192.0.2.1", 49, 5, 0},
	  {"192.0.2.1", 50, 5, 1},
	  {"192.0.2.1", 1050, 50, 20}}},
	{"a bucket fills up to the burst and not over",
	 {20, 100, 0},
	 {{"192.0.2.1", 0, 100, 100}, {"192.0.2.1", 3600000, 200, 100}}},
	{"one /24", {1, 10, 0}, {{"192.0.2.1", 0, 10, 10}, {"192.0.2.254", 0, 1, 0}}},
	{"another /24", {1, 10, 0}, {{"192.0.2.1", 0, 11, 10}, {"192.0.3.1", 0, 11, 10}}},
	{"one /56", {1, 10, 0}, {{"2001:db8:0:ff::1", 0, 10, 10}, {"2001:db8:0:1::1", 0, 1, 0}}},
	{"another /56",
	 {1, 10, 0},
	 {{"2001:db8:0:ff::1", 0, 11, 10}, {"2001:db8:0:100::1", 0, 11, 10}}},
	{"families are apart", {1, 2, 0}, {{"0.0.0.0", 0, 3, 2}, {"::", 0, 3, 2}, {"", 0, 3, 2}}},
	{"no limit", {0, 100, 0}, {{"192.0.2.1", 0, 100000, 100000}}},
	{"burst of one", {10, 1, 0}, {{"192.0.2.1", 0, 3, 1}, {"192.0.2.1", 100, 3, 1}}},
	{"total: a second's worth at once",
	 {0, 1, 50},
	 {{"192.0.2.1", 0, 30, 30}, {"198.51.100.1", 0, 30, 20}, {"203.0.113.1", 1000, 60, 50}}},
	{"who is over the limit takes nothing from the others",
	 {1, 10, 50},
	 {{"192.0.2.1", 0, 100000, 10}, {"198.51.100.1", 0, 10, 10}}},
	{"rates above a million", {4000000, 10, 0}, {{"192.0.2.1", 0, 20, 10}}},
};

static void test_rows(void **state)
{
	size_t i, k;

	(void)state;
	for (i = 0; i < SB_COUNT(rows); i++) {
		struct report_limit *limit = report_limit_new(&rows[i].rate, 0);

		assert_non_null(limit);
		for (k = 0; k < SB_COUNT(rows[i].step) && rows[i].step[k].client != NULL; k++) {
			/* a monotonic clock may begin anywhere */
			unsigned taken = take(limit, rows[i].step[k].client,
					      rows[i].step[k].at_ms * MS, rows[i].step[k].asked);

			if (taken != rows[i].step[k].taken)
				fail_msg("%s, step %zu: %u taken, not %u", rows[i].id, k, taken,
					 rows[i].step[k].taken);
		}
		report_limit_free(limit);
	}
}

static void test_malformed_one_a_second(void **state)
{
	const struct report_rate_limit none = {0};
	struct report_limit *limit = report_limit_new(&none, 0);
	unsigned taken = 0;
	int64_t at_ms;

	(void)state;
	assert_non_null(limit);
	for (at_ms = 7; at_ms < 10007; at_ms++)
		taken += report_limit_take_malformed(limit, at_ms * MS);
	assert_int_equal(taken, 10);
	report_limit_free(limit);
}

static void test_many_prefixes_take_no_memory(void **state)
{
	const struct report_rate_limit rate = {.per_prefix = 1, .burst = 1, .total = 0};
	struct report_limit *limit = report_limit_new(&rate, 1 << 12);
	long before_kib = unit_rss_kib();
	struct sb_addr client = {.len = SB_IP6_LEN};
	uint32_t i;

	(void)state;
	assert_non_null(limit);
	for (i = 0; i < 1000000; i++) {
		memcpy(client.octet, &i, sizeof(i));
		assert_true(report_limit_take(limit, &client, 0));
		/* whatever the flood, who came just now is known */
		assert_false(report_limit_take(limit, &client, 0));
	}
	assert_true(report_limit_evicted(limit) >= 1000000 - (1 << 12));
	assert_true(unit_rss_kib() - before_kib <= 1024);
	/* and what it takes is told: 16 octets for a prefix */
	assert_in_range(report_limit_memory(limit), 16 << 12, (16 << 12) + 8192);
	report_limit_free(limit);
}

static void test_who_missed_most_is_remembered(void **state)
{
	const struct report_rate_limit rate = {.per_prefix = 1, .burst = 10, .total = 0};
	struct report_limit *limit = report_limit_new(&rate, 0);
	struct sb_addr client = {.len = SB_IP6_LEN};
	uint32_t i;

	(void)state;
	assert_non_null(limit);
	assert_int_equal(take(limit, "192.0.2.1", 0, 20), 10);
	for (i = 0; i < 100000; i++) {
		memcpy(client.octet, &i, sizeof(i));
		(void)report_limit_take(limit, &client, 0);
	}
	assert_int_equal(take(limit, "192.0.2.1", 0, 20), 0);
	report_limit_free(limit);
}

#define THREADS 4

static atomic_uint tokens;

static void *take_many(void *limit)
{
	atomic_fetch_add(&tokens, take(limit, "192.0.2.1", 0, 20000));
	return NULL;
}

static void test_threads_share_the_total(void **state)
{
	const struct report_rate_limit rate = {.per_prefix = 30000, .burst = 30000, .total = 5000};
	struct report_limit *limit = report_limit_new(&rate, 0);
	pthread_t thread[THREADS];
	size_t i;

	(void)state;
	assert_non_null(limit);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, take_many, limit), 0);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	assert_int_equal(atomic_load(&tokens), 5000);
	report_limit_free(limit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_malformed_one_a_second),
		cmocka_unit_test(test_many_prefixes_take_no_memory),
		cmocka_unit_test(test_who_missed_most_is_remembered),
		cmocka_unit_test(test_threads_share_the_total),
	};

	return cmocka_run_group_tests_name("report_limit", tests, NULL, NULL);
}
