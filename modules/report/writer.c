/* SPDX-License-Identifier: BSD-3-Clause */
#include "writer.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "label_keys.h"
#include "sitebound/thread.h"
#include "target.h"

/** Octets of lines that are written at once. */
#define BATCH_LEN (256U << 10)
#define BATCH_LINES 1024U
/** While reports come in, the thread sleeps so long between two batches, in milliseconds: waking
 * it for each would cost more than the line. */
#define GATHER_MS 20
/** A path is followed at least so often. */
#define FOLLOW_MS 500
/** A failed write is tried again after so long. */
#define RETRY_MS 100
/** A stop goes on no longer than this without writing anything. */
#define STOP_IDLE_MS 500
/** Of the same trouble Unbound's log is told so often at most. */
#define WARN_MS 60000
#define CANNOT_WRITE "cannot write"
#define TRYING_AGAIN "trying again"

/** A line in the batch. */
struct batch_line {
	/** where it ends */
	size_t end;
	/** it is a report's, not one of malformed names or counters */
	bool counts;
};

struct report_writer {
	struct report_writer_setup setup;
	struct report_target *target;
	struct report_label_keys *label_keys;
	struct report_stats_slot *slot;
	pthread_t thread;
	atomic_bool stopping;
	/** lines that are made and not written */
	char *batch;
	size_t batch_len;
	struct batch_line line[BATCH_LINES];
	size_t line_count;
	/** monotonic, milliseconds */
	int64_t now_ms;
	int64_t stats_due_ms;
	int64_t followed_ms;
	/** since when nothing could be written; 0: all is well */
	int64_t failing_since_ms;
	int64_t progress_ms;
	int64_t warned_ms;
	/** a warning was given that is not taken back */
	bool warned;
	/** it was said that lines go into a file that the path does not lead to */
	bool was_astray;
	/** the counters of the last stats line */
	struct report_counts told;
	/** reports given up since the last warning */
	uint64_t given_up;
	/** lines that went into a file that the path did not lead to, since the last warning */
	uint64_t astray;
};

static int64_t monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void count(const struct report_writer *writer, enum report_counter counter, uint64_t by)
{
	report_stats_add(writer->slot, counter, by);
}

/** A report that will have no line. */
static void give_up(struct report_writer *writer)
{
	count(writer, REPORT_COUNT_WRITE_ERRORS, 1);
	writer->given_up++;
}

/* ---- the batch ---- */

static bool batch_has_room(const struct report_writer *writer)
{
	return writer->line_count < BATCH_LINES && BATCH_LEN - writer->batch_len >= REPORT_LINE_MAX;
}

static void batch_add(struct report_writer *writer, size_t line_len, bool counts)
{
	writer->batch_len += line_len;
	writer->line[writer->line_count++] = (struct batch_line){.end = writer->batch_len,
								 .counts = counts};
}

/** Remove the first lines, up to this many octets. */
static void batch_remove(struct report_writer *writer, size_t len, bool written)
{
	size_t gone = 0, i;

	for (; gone < writer->line_count && writer->line[gone].end <= len; gone++) {
		if (!writer->line[gone].counts)
			continue;
		if (!written) {
			give_up(writer);
			continue;
		}
		count(writer, REPORT_COUNT_LINES, 1);
		if (report_target_astray(writer->target) != 0) {
			count(writer, REPORT_COUNT_LINES_ASTRAY, 1);
			writer->astray++;
		}
	}
	writer->line_count -= gone;
	for (i = 0; i < writer->line_count; i++) {
		writer->line[i] = writer->line[i + gone];
		writer->line[i].end -= len;
	}
	writer->batch_len -= len;
	memmove(writer->batch, writer->batch + len, writer->batch_len);
}

/** Make lines of what is in the queue. */
static void fill(struct report_writer *writer)
{
	struct report_arrival arrival;

	while (batch_has_room(writer) && report_queue_take(writer->setup.queue, &arrival)) {
		bool counts = arrival.decoded.outcome == REPORT_ACCEPTED;
		size_t line_len = 0;

		if (report_line(writer->setup.conf, writer->label_keys, writer->setup.observer,
				&arrival, writer->batch + writer->batch_len, &line_len) == SB_OK)
			batch_add(writer, line_len, counts);
		else if (counts)
			give_up(writer);
	}
}

/** Add the line of the counters when they moved, or in any case. */
static void add_stats(struct report_writer *writer, bool anyway)
{
	struct report_counts counts;
	struct timespec when;
	size_t line_len = 0;

	if (!batch_has_room(writer))
		return;
	memset(&counts, 0, sizeof(counts));
	report_stats_sum(writer->setup.stats, &counts);
	if (!anyway && memcmp(&counts, &writer->told, sizeof(counts)) == 0)
		return;
	clock_gettime(CLOCK_REALTIME, &when);
	if (report_stats_line(writer->setup.observer, &when, &counts,
			      writer->batch + writer->batch_len, &line_len) != SB_OK)
		return;
	batch_add(writer, line_len, false);
	writer->told = counts;
}

/* ---- writing ---- */

/** What is wrong, at most once a minute. @param then: what the writer does about it.
 * @return whether it was said. */
static bool warn_failing(struct report_writer *writer, const char *what, int error,
			 const char *then)
{
	char text[512];

	if (writer->warned_ms != 0 && writer->now_ms - writer->warned_ms < WARN_MS)
		return false;
	writer->warned = true;
	writer->warned_ms = writer->now_ms;
	snprintf(text, sizeof(text), "%s: %s: %s; %s", report_target_name(writer->target), what,
		 error == EAGAIN ? "nobody reads" : strerror(error), then);
	writer->setup.warn(text);
	return true;
}

static void warn_over(struct report_writer *writer)
{
	char text[512];

	if (!writer->warned)
		return;
	writer->warned = false;
	snprintf(text, sizeof(text), "%s: is written to again; %llu reports were lost",
		 report_target_name(writer->target), (unsigned long long)writer->given_up);
	if (writer->astray > 0)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 ", %llu lines are in the file that was there",
			 (unsigned long long)writer->astray);
	writer->given_up = 0;
	writer->astray = 0;
	writer->setup.warn(text);
}

/** Lines can be written; tell whether they go where the path leads. */
static void tell_astray(struct report_writer *writer)
{
	int error = report_target_astray(writer->target);

	if (error == 0)
		warn_over(writer);
	if (error == 0 || !writer->was_astray)
		writer->was_astray = error != 0 &&
				     warn_failing(writer, "cannot be opened", error,
						  "lines go on into the file that was there");
}

/** Offer the batch to the target. @return 0, or the error that left some of it. */
static int flush(struct report_writer *writer)
{
	size_t written;
	int error;

	if (writer->batch_len == 0)
		return 0;
	written = report_target_write(writer->target, writer->batch, writer->batch_len, &error);
	writer->followed_ms = writer->now_ms;
	if (written > 0) {
		batch_remove(writer, written, true);
		writer->progress_ms = writer->now_ms;
		writer->failing_since_ms = 0;
	}
	if (error == 0) {
		tell_astray(writer);
		return 0;
	}
	if (error == EMSGSIZE) {
		report_target_abandon(writer->target);
		batch_remove(writer, writer->line[0].end, false);
		return error;
	}
	if (writer->failing_since_ms == 0)
		writer->failing_since_ms = writer->now_ms;
	/* a reader that is slow for a moment is no trouble */
	if (error != EAGAIN || writer->now_ms - writer->failing_since_ms >= 1000)
		(void)warn_failing(writer, CANNOT_WRITE, error, TRYING_AGAIN);
	if (writer->now_ms - writer->failing_since_ms >= REPORT_WRITER_PATIENCE_MS) {
		report_target_abandon(writer->target);
		batch_remove(writer, writer->batch_len, false);
		writer->failing_since_ms = writer->now_ms;
	}
	return error;
}

static void follow(struct report_writer *writer)
{
	int error;

	if (writer->now_ms - writer->followed_ms < FOLLOW_MS)
		return;
	writer->followed_ms = writer->now_ms;
	error = report_target_follow(writer->target);
	/* a FIFO that nobody reads is no trouble before there is something to read */
	if (error != 0 && error != ENXIO)
		(void)warn_failing(writer, CANNOT_WRITE, error, TRYING_AGAIN);
	else if (error == 0 && writer->batch_len == 0)
		tell_astray(writer);
}

/** The stats line is best made when nothing is on its way: then the numbers add up. */
static void tell_stats(struct report_writer *writer)
{
	int64_t late_ms = writer->now_ms - writer->stats_due_ms;

	if (late_ms < 0 || (late_ms < 1000 && writer->batch_len > 0))
		return;
	add_stats(writer, false);
	writer->stats_due_ms = writer->now_ms + (int64_t)writer->setup.conf->stats_interval * 1000;
}

/** Sleep until it is worth going on. */
static void rest(struct report_writer *writer, int error, bool busy)
{
	struct report_queue *queue = writer->setup.queue;
	int64_t until_stats_ms = writer->stats_due_ms - writer->now_ms;
	int idle_ms = until_stats_ms < FOLLOW_MS ? (int)until_stats_ms : FOLLOW_MS;

	/* a negative time is no end of time to poll() */
	if (idle_ms < 0)
		idle_ms = 0;
	if (error == EMSGSIZE)
		return;
	if (error != 0)
		report_queue_wait(queue, RETRY_MS, false,
				  error == EAGAIN ? report_target_poll_fd(writer->target) : -1);
	else if (busy)
		report_queue_wait(queue, GATHER_MS, false, -1);
	else
		report_queue_wait(queue, idle_ms, true, -1);
}

/** Write what is left, in bounded time. */
static void finish(struct report_writer *writer)
{
	struct report_arrival arrival;
	int64_t began_ms = monotonic_ms();
	bool told = false;

	writer->progress_ms = began_ms;
	writer->failing_since_ms = 0;
	for (;;) {
		int error;

		writer->now_ms = monotonic_ms();
		fill(writer);
		if (writer->batch_len == 0 && !told) {
			add_stats(writer, true);
			told = true;
		}
		if (writer->batch_len == 0)
			return;
		error = flush(writer);
		if (error == 0 || error == EMSGSIZE)
			continue;
		if (writer->now_ms - began_ms >= REPORT_WRITER_STOP_MS ||
		    writer->now_ms - writer->progress_ms >= STOP_IDLE_MS)
			break;
		report_queue_wait(writer->setup.queue, GATHER_MS, false,
				  error == EAGAIN ? report_target_poll_fd(writer->target) : -1);
	}
	batch_remove(writer, writer->batch_len, false);
	while (report_queue_take(writer->setup.queue, &arrival))
		if (arrival.decoded.outcome == REPORT_ACCEPTED)
			give_up(writer);
	if (writer->given_up > 0) {
		char text[512];

		snprintf(text, sizeof(text), "%s: cannot write: %llu reports were lost",
			 report_target_name(writer->target), (unsigned long long)writer->given_up);
		writer->setup.warn(text);
	}
}

static void *run(void *arg)
{
	struct report_writer *writer = arg;

	writer->now_ms = monotonic_ms();
	writer->stats_due_ms = writer->now_ms + (int64_t)writer->setup.conf->stats_interval * 1000;
	/* the first round opens the target */
	writer->followed_ms = writer->now_ms - FOLLOW_MS;
	while (!atomic_load(&writer->stopping)) {
		bool busy, full;
		int error;

		writer->now_ms = monotonic_ms();
		fill(writer);
		tell_stats(writer);
		busy = writer->batch_len > 0;
		full = !batch_has_room(writer);
		error = flush(writer);
		follow(writer);
		if (error != 0 || !full)
			rest(writer, error, busy);
	}
	finish(writer);
	return NULL;
}

struct report_writer *report_writer_start(const struct report_writer_setup *setup)
{
	struct report_writer *writer = calloc(1, sizeof(*writer));

	if (writer == NULL)
		return NULL;
	writer->setup = *setup;
	writer->batch = malloc(BATCH_LEN);
	writer->target = report_target_new(setup->conf->log, setup->log_path);
	writer->label_keys = report_label_keys_new(setup->conf);
	writer->slot = report_stats_claim(setup->stats);
	if (writer->batch == NULL || writer->target == NULL || writer->label_keys == NULL ||
	    writer->slot == NULL)
		goto failed;
	if (sb_thread_start(&writer->thread, "sitebound-log", run, writer) == 0)
		return writer;
failed:
	report_label_keys_free(writer->label_keys);
	report_target_free(writer->target);
	free(writer->batch);
	free(writer);
	return NULL;
}

void report_writer_stop(struct report_writer *writer)
{
	if (writer == NULL)
		return;
	atomic_store(&writer->stopping, true);
	report_queue_wake(writer->setup.queue);
	pthread_join(writer->thread, NULL);
	report_label_keys_free(writer->label_keys);
	report_target_free(writer->target);
	free(writer->batch);
	free(writer);
}

size_t report_writer_memory(const struct report_writer *writer)
{
	return sizeof(*writer) + BATCH_LEN;
}
