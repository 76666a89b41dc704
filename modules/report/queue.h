/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * From the resolver threads to the writer: a bounded ring of reports for each thread (Concurrency
 * Kit's, one producer and one consumer) and the means to wake a writer that sleeps. One ring for
 * all would make threads wait for one that the kernel stopped while it was putting a report in.
 */
#ifndef REPORT_QUEUE_H
#define REPORT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "report.h"

struct report_queue;

/**
 * A new, empty queue.
 * @param threads: how many threads put reports in.
 * @param entries: room for each of them; a power of two. It holds one report less.
 * @return NULL when memory or file descriptors are short. Free it with report_queue_free().
 */
struct report_queue *report_queue_new(unsigned threads, unsigned entries);

/** NULL is fine. */
void report_queue_free(struct report_queue *queue);

/** Octets of it. */
size_t report_queue_memory(const struct report_queue *queue);

/**
 * Put a report in. It waits for nobody, and makes a system call only to wake a writer that sleeps.
 * @param thread: 0 to threads - 1; no two threads may use the same number.
 * @param arrival: copied.
 * @return false: the thread's ring is full and the report is not in it.
 */
bool report_queue_put(struct report_queue *queue, unsigned thread,
		      const struct report_arrival *arrival);

/** Take a report out; those of one thread come in their order. One thread only.
 * @return false: the queue is empty. */
bool report_queue_take(struct report_queue *queue, struct report_arrival *arrival);

/** Whether there is nothing to take. The thread that takes only. */
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
