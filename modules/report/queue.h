/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * From the resolver threads to the writer: a bounded queue of reports (Concurrency Kit's ring) and
 * the means to wake a writer that sleeps. Many threads put, one takes.
 */
#ifndef REPORT_QUEUE_H
#define REPORT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "report.h"

struct report_queue;

/**
 * A new, empty queue.
 * @param entries: room; a power of two. It holds one report less.
 * @return NULL when memory or file descriptors are short. Free it with report_queue_free().
 */
struct report_queue *report_queue_new(unsigned entries);

/** NULL is fine. */
void report_queue_free(struct report_queue *queue);

/**
 * Put a report in. Any thread; never waits for the writer, and makes a system call only to wake
 * a writer that sleeps.
 * @param arrival: copied.
 * @return false: the queue is full and the report is not in it.
 */
bool report_queue_put(struct report_queue *queue, const struct report_arrival *arrival);

/** Take the oldest report out. One thread only. @return false: the queue is empty. */
bool report_queue_take(struct report_queue *queue, struct report_arrival *arrival);

/** Whether there is nothing to take. */
bool report_queue_is_empty(const struct report_queue *queue);

/**
 * Sleep until a report is put, report_queue_wake() is called, or the time is over. Only the
 * thread that takes may. It may also return early.
 * @param timeout_ms: milliseconds.
 * @param for_reports: false: sleep through reports.
 * @param writable_fd: end also when this descriptor can be written to; -1: none.
 */
void report_queue_wait(struct report_queue *queue, int timeout_ms, bool for_reports,
		       int writable_fd);

/** End the current or the next report_queue_wait(). Any thread. */
void report_queue_wake(struct report_queue *queue);

#endif
