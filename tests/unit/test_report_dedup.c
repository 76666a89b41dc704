/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of reports that were seen lately. */
#include "report_unit.h"

#include "../../modules/report/dedup.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define WINDOW_MS 60000

static void identity_of(uint64_t number, uint8_t identity[REPORT_IDENTITY_LEN])
{
	memset(identity, 0, REPORT_IDENTITY_LEN);
	memcpy(identity, &number, sizeof(number));
}

static bool is_new(struct report_dedup *dedup, uint64_t number, int64_t now_ms)
{
	uint8_t identity[REPORT_IDENTITY_LEN];
	int64_t first;

	identity_of(number, identity);
	return report_dedup_is_new(dedup, identity, now_ms, 0, &first);
}

/* One row a case: reports with the time of each, and whether it must be new. */
static const struct {
	const char *id;
	struct {
		uint64_t report;
		int64_t at_ms;
		bool is_new;
		/** Unix time that the report must be said to have come first; the test's clock
		 * is 1000000 + at_ms / 1000 */
		int64_t first;
	} step[6];
} sequences[] = {
	{"repeat at once", {{1, 0, true, 1000000}, {1, 0, false, 1000000}}},
	{"another report", {{1, 0, true, 1000000}, {2, 0, true, 1000000}}},
	{"last millisecond of the window",
	 {{1, 5000, true, 1000005}, {1, 5000 + WINDOW_MS - 1, false, 1000005}}},
	{"end of the window", {{1, 5000, true, 1000005}, {1, 5000 + WINDOW_MS, true, 1000065}}},
	{"a repeat does not lengthen the window",
	 {{1, 0, true, 1000000},
	  {1, 59000, false, 1000000},
	  {1, 60000, true, 1000060},
	  {1, 61000, false, 1000060}}},
	{"the first second of the clock", {{0, 0, true, 1000000}, {0, 1, false, 1000000}}},
};

static void test_sequences(void **state)
{
	size_t i, k;

	(void)state;
	for (i = 0; i < SB_COUNT(sequences); i++) {
		struct report_dedup *dedup = report_dedup_new(0, WINDOW_MS);

		assert_non_null(dedup);
		for (k = 0; k < SB_COUNT(sequences[i].step) && sequences[i].step[k].first != 0;
		     k++) {
			uint8_t identity[REPORT_IDENTITY_LEN];
			int64_t at = sequences[i].step[k].at_ms, first = -1;
			bool is;

			identity_of(sequences[i].step[k].report, identity);
			is = report_dedup_is_new(dedup, identity, at, 1000000 + at / 1000, &first);
			if (is != sequences[i].step[k].is_new ||
			    first != sequences[i].step[k].first)
				fail_msg("%s, step %zu: new %d, first %lld", sequences[i].id, k, is,
					 (long long)first);
		}
		report_dedup_free(dedup);
	}
}

static void test_identities_differ_in_any_octet(void **state)
{
	struct report_dedup *dedup = report_dedup_new(4096, WINDOW_MS);
	uint8_t identity[REPORT_IDENTITY_LEN];
	int64_t first;
	size_t i;

	(void)state;
	assert_non_null(dedup);
	for (i = 0; i < REPORT_IDENTITY_LEN; i++) {
		memset(identity, 0, sizeof(identity));
		identity[i] = 1;
		assert_true(report_dedup_is_new(dedup, identity, 0, 0, &first));
		assert_false(report_dedup_is_new(dedup, identity, 0, 0, &first));
	}
	report_dedup_free(dedup);
}

static void test_nothing_is_forgotten_below_a_quarter(void **state)
{
	struct report_dedup *dedup = report_dedup_new(1 << 16, WINDOW_MS);
	uint64_t i;

	(void)state;
	assert_non_null(dedup);
	assert_int_equal(report_dedup_capacity(dedup), 1 << 16);
	assert_in_range(report_dedup_memory(dedup), 32 << 16, (32 << 16) + 8192);
	for (i = 0; i < 1 << 12; i++)
		assert_true(is_new(dedup, i, 0));
	for (i = 0; i < 1 << 12; i++)
		assert_false(is_new(dedup, i, WINDOW_MS - 1));
	assert_int_equal(report_dedup_evicted(dedup), 0);
	report_dedup_free(dedup);
}

static void test_full_table_forgets_the_oldest(void **state)
{
	struct report_dedup *dedup = report_dedup_new(64, WINDOW_MS);
	uint64_t i;

	(void)state;
	assert_non_null(dedup);
	for (i = 0; i < 100000; i++) {
		assert_true(is_new(dedup, i, (int64_t)i / 10));
		/* whatever the flood, what was seen just now is known */
		assert_false(is_new(dedup, i, (int64_t)i / 10));
	}
	assert_int_equal(report_dedup_evicted(dedup), 100000 - 64);
	assert_true(is_new(dedup, 0, 10000));
	report_dedup_free(dedup);
}

static void test_ten_million_names_take_no_memory(void **state)
{
	struct report_dedup *dedup = report_dedup_new(1 << 16, WINDOW_MS);
	long before_kib = unit_rss_kib(), grown_kib;
	uint64_t i;

	(void)state;
	assert_non_null(dedup);
	for (i = 0; i < 10000000; i++)
		(void)is_new(dedup, i * 0x9e3779b97f4a7c15U, (int64_t)i / 50);
	grown_kib = unit_rss_kib() - before_kib;
	print_message("10 million names: %ld KiB more\n", grown_kib);
	/* 65,536 entries of 32 octets, and some room for a sanitizer's own */
	assert_true(grown_kib <= 4096);
	report_dedup_free(dedup);
}

#define THREADS 4
#define SHARED_REPORTS 10000

static atomic_uint new_reports;

static void *all_reports(void *dedup)
{
	unsigned found = 0;
	uint64_t i;

	for (i = 0; i < SHARED_REPORTS; i++)
		found += is_new(dedup, i, 0);
	atomic_fetch_add(&new_reports, found);
	return NULL;
}

static void test_threads_agree_who_was_first(void **state)
{
	struct report_dedup *dedup = report_dedup_new(1 << 18, WINDOW_MS);
	pthread_t thread[THREADS];
	size_t i;

	(void)state;
	assert_non_null(dedup);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, all_reports, dedup), 0);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	assert_int_equal(atomic_load(&new_reports), SHARED_REPORTS);
	report_dedup_free(dedup);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sequences),
		cmocka_unit_test(test_identities_differ_in_any_octet),
		cmocka_unit_test(test_nothing_is_forgotten_below_a_quarter),
		cmocka_unit_test(test_full_table_forgets_the_oldest),
		cmocka_unit_test(test_ten_million_names_take_no_memory),
		cmocka_unit_test(test_threads_agree_who_was_first),
	};

	return cmocka_run_group_tests_name("report_dedup", tests, NULL, NULL);
}
