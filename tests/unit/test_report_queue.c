/* SPDX-License-Identifier: BSD-3-Clause */
/* The queue between the resolver threads and the writer, and the counters. */
#include "report_unit.h"

#include "../../modules/report/queue.h"
#include "../../modules/report/stats.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define ENTRIES 8U

/* A report is known by its sender and number here. */
static bool put(struct report_queue *queue, unsigned sender, uint32_t number)
{
	struct report_arrival arrival;

	memset(&arrival, 0, sizeof(arrival));
	arrival.port = (uint16_t)sender;
	arrival.time.tv_sec = number;
	return report_queue_put(queue, sender, &arrival);
}

static long take(struct report_queue *queue)
{
	struct report_arrival arrival;

	return report_queue_take(queue, &arrival) ? (long)arrival.time.tv_sec : -1;
}

static void test_first_in_first_out(void **state)
{
	struct report_queue *queue = report_queue_new(1, ENTRIES);
	uint32_t i;

	(void)state;
	assert_non_null(queue);
	assert_true(report_queue_is_empty(queue));
	assert_int_equal(take(queue), -1);
	/* round and round */
	for (i = 0; i < 1000; i++) {
		assert_true(put(queue, 0, 2 * i));
		assert_true(put(queue, 0, 2 * i + 1));
		assert_false(report_queue_is_empty(queue));
		assert_int_equal(take(queue), 2 * i);
		assert_int_equal(take(queue), 2 * i + 1);
		assert_true(report_queue_is_empty(queue));
	}
	report_queue_free(queue);
}

static void test_full_queue_refuses(void **state)
{
	struct report_queue *queue = report_queue_new(1, ENTRIES);
	uint32_t i;

	(void)state;
	assert_non_null(queue);
	for (i = 0; i < ENTRIES - 1; i++)
		assert_true(put(queue, 0, i));
	assert_false(put(queue, 0, 99));
	assert_int_equal(take(queue), 0);
	assert_true(put(queue, 0, 100));
	assert_false(put(queue, 0, 101));
	for (i = 1; i < ENTRIES - 1; i++)
		assert_int_equal(take(queue), i);
	assert_int_equal(take(queue), 100);
	assert_int_equal(take(queue), -1);
	report_queue_free(queue);
}

static void test_a_full_ring_is_one_threads_own(void **state)
{
	struct report_queue *queue = report_queue_new(2, ENTRIES);
	uint32_t i;

	(void)state;
	assert_non_null(queue);
	for (i = 0; i < ENTRIES - 1; i++)
		assert_true(put(queue, 0, i));
	assert_false(put(queue, 0, 99));
	assert_true(put(queue, 1, 100));
	/* and nobody waits behind it */
	assert_int_equal(take(queue), 0);
	assert_int_equal(take(queue), 100);
	for (i = 1; i < ENTRIES - 1; i++)
		assert_int_equal(take(queue), i);
	assert_true(report_queue_is_empty(queue));
	report_queue_free(queue);
}

static void *put_one(void *queue)
{
	put(queue, 0, 1);
	return NULL;
}

static void *wake(void *queue)
{
	report_queue_wake(queue);
	return NULL;
}

static void test_waiting_ends(void **state)
{
	static const struct {
		const char *id;
		void *(*run)(void *queue);
		bool for_reports;
	} rows[] = {
		{"a report", put_one, true},
		{"a wake", wake, true},
		{"a wake for one who sleeps through reports", wake, false},
	};
	size_t i, k;

	(void)state;
	for (i = 0; i < SB_COUNT(rows); i++) {
		struct report_queue *queue = report_queue_new(1, ENTRIES);

		assert_non_null(queue);
		for (k = 0; k < 200; k++) {
			int64_t began_ms = unit_now_ms();
			pthread_t thread;

			assert_int_equal(pthread_create(&thread, NULL, rows[i].run, queue), 0);
			report_queue_wait(queue, 20000, rows[i].for_reports, -1);
			assert_int_equal(pthread_join(thread, NULL), 0);
			if (unit_now_ms() - began_ms > 10000)
				fail_msg("%s does not end the wait", rows[i].id);
			/* the wait may have been over before it began */
			while (take(queue) != -1)
				continue;
			report_queue_wait(queue, 0, false, -1);
		}
		report_queue_free(queue);
	}
}

static void test_waiting_is_for_reports_only_when_asked(void **state)
{
	struct report_queue *queue = report_queue_new(1, ENTRIES);
	int64_t began_ms = unit_now_ms();

	(void)state;
	assert_non_null(queue);
	put(queue, 0, 1);
	report_queue_wait(queue, 50, false, -1);
	assert_true(unit_now_ms() - began_ms >= 49);
	began_ms = unit_now_ms();
	report_queue_wait(queue, 20000, true, -1);
	assert_true(unit_now_ms() - began_ms < 10000);
	report_queue_free(queue);
}

#define PINGS 150000U

static atomic_uint answered;

static void *answer_each(void *queue)
{
	uint32_t i;

	for (i = 0; i < PINGS; i++) {
		volatile unsigned pause;

		/* the next report comes before it lies down, behind that, or just then */
		for (pause = 0; pause < i * 7 % 1024; pause++)
			continue;
		while (take(queue) == -1)
			report_queue_wait(queue, 20000, true, -1);
		atomic_store(&answered, i + 1);
	}
	return NULL;
}

static void test_no_wake_is_lost(void **state)
{
	struct report_queue *queue = report_queue_new(1, ENTRIES);
	pthread_t thread;
	uint32_t i;

	(void)state;
	assert_non_null(queue);
	assert_int_equal(pthread_create(&thread, NULL, answer_each, queue), 0);
	for (i = 0; i < PINGS; i++) {
		int64_t began_ms = unit_now_ms();

		assert_true(put(queue, 0, i));
		while (atomic_load(&answered) != i + 1) {
			if (unit_now_ms() - began_ms > 10000)
				fail_msg("report %u is not taken", i);
		}
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	report_queue_free(queue);
}

#define THREADS 4U
#define EACH 50000U

static struct report_queue *shared;
static atomic_uint senders;

static void *send_all(void *arg)
{
	unsigned sender = atomic_fetch_add(&senders, 1);
	uint32_t i;

	(void)arg;
	for (i = 0; i < EACH; i++)
		while (!put(shared, sender, i))
			usleep(100);
	return NULL;
}

static void test_many_put_one_takes(void **state)
{
	uint32_t next[THREADS] = {0}, total = 0;
	struct report_arrival arrival;
	pthread_t thread[THREADS];
	size_t i;

	(void)state;
	shared = report_queue_new(THREADS, 1024);
	assert_non_null(shared);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, send_all, NULL), 0);
	while (total < THREADS * EACH) {
		if (!report_queue_take(shared, &arrival)) {
			report_queue_wait(shared, 10000, true, -1);
			continue;
		}
		/* none is lost, doubled or out of its sender's order */
		assert_true(arrival.port < THREADS);
		assert_int_equal(arrival.time.tv_sec, next[arrival.port]);
		next[arrival.port]++;
		total++;
	}
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	assert_true(report_queue_is_empty(shared));
	report_queue_free(shared);
}

static void *count_all(void *arg)
{
	struct report_stats_slot *slot = report_stats_claim(arg);
	uint32_t i;

	for (i = 0; slot != NULL && i < EACH; i++) {
		report_stats_add(slot, REPORT_COUNT_ACCEPTED, 1);
		report_stats_add(slot, REPORT_COUNT_MALFORMED + REPORT_REASON_ER_SYNTAX, 2);
	}
	return NULL;
}

static void test_counters_add_up(void **state)
{
	struct report_stats *stats = report_stats_new(THREADS);
	struct report_counts counts;
	pthread_t thread[THREADS];
	size_t i;

	(void)state;
	assert_non_null(stats);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, count_all, stats), 0);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	assert_null(report_stats_claim(stats));
	report_stats_sum(stats, &counts);
	assert_int_equal(counts.accepted, THREADS * EACH);
	assert_int_equal(counts.malformed[REPORT_REASON_ER_SYNTAX], 2 * THREADS * EACH);
	assert_int_equal(counts.malformed[REPORT_REASON_PATTERN], 0);
	assert_int_equal(counts.duplicate + counts.partial + counts.rate_limited +
				 counts.queue_dropped + counts.write_errors + counts.lines,
			 0);
	report_stats_free(stats);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_in_first_out),
		cmocka_unit_test(test_full_queue_refuses),
		cmocka_unit_test(test_a_full_ring_is_one_threads_own),
		cmocka_unit_test(test_waiting_ends),
		cmocka_unit_test(test_waiting_is_for_reports_only_when_asked),
		cmocka_unit_test(test_no_wake_is_lost),
		cmocka_unit_test(test_many_put_one_takes),
		cmocka_unit_test(test_counters_add_up),
	};

	return cmocka_run_group_tests_name("report_queue", tests, NULL, NULL);
}
