/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * The writer: a thread that takes reports from the queue, makes lines of them, and writes many
 * lines at a time. It sleeps while there is nothing to do.
 */
#ifndef REPORT_WRITER_H
#define REPORT_WRITER_H

#include "queue.h"
#include "report.h"
#include "stats.h"

/** A line that cannot be written for so long is given up and counted in write_errors; meanwhile
 * others wait in the queue. Milliseconds. */
#define REPORT_WRITER_PATIENCE_MS 3000
/** The longest time that report_writer_stop() takes to write what is left. Milliseconds. */
#define REPORT_WRITER_STOP_MS 2000

struct report_writer;

/** What a writer works with: borrowed, and must outlive the writer. */
struct report_writer_setup {
	const struct report_conf *conf;
	/** conf->log_path as this process sees it; copied */
	const char *log_path;
	struct report_queue *queue;
	struct report_stats *stats;
	const struct report_observer *observer;
	/** Called from the writer's thread when the target fails and when it works again; text
	 * has no line feed. */
	void (*warn)(const char *text);
};

/**
 * Start the thread, with all signals blocked. It claims a slot of the counters.
 * @return NULL when memory or threads are short.
 */
struct report_writer *report_writer_start(const struct report_writer_setup *setup);

/**
 * Write what is in the queue and the last counters, and end the thread. What cannot be written
 * within REPORT_WRITER_STOP_MS is counted in write_errors. Nobody may put reports any more. NULL is
 * fine.
 */
void report_writer_stop(struct report_writer *writer);

/** Octets of it, without those of its target and its thread's stack. */
size_t report_writer_memory(const struct report_writer *writer);

#endif
