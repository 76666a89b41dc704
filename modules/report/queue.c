/* SPDX-License-Identifier: BSD-3-Clause */
#include "queue.h"

#include <ck_ring.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "table.h"

/* The ring is the multi-producer one. A producer that is put to sleep by the kernel between taking
 * a slot and filling it makes the others spin until it runs again; it copies some hundred octets
 * there and nothing else, so that is as rare as it is short. */
CK_RING_PROTOTYPE(report, report_arrival)

struct report_queue {
	ck_ring_t ring;
	_Alignas(REPORT_CACHE_LINE) atomic_bool sleeping;
	int event;
	struct report_arrival *slot;
};

struct report_queue *report_queue_new(unsigned entries)
{
	struct report_queue *queue = aligned_alloc(REPORT_CACHE_LINE, sizeof(*queue));

	if (queue == NULL)
		return NULL;
	memset(queue, 0, sizeof(*queue));
	ck_ring_init(&queue->ring, entries);
	queue->slot = calloc(entries, sizeof(*queue->slot));
	queue->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (queue->slot == NULL || queue->event == -1) {
		report_queue_free(queue);
		return NULL;
	}
	return queue;
}

void report_queue_free(struct report_queue *queue)
{
	if (queue == NULL)
		return;
	if (queue->event != -1)
		close(queue->event);
	free(queue->slot);
	free(queue);
}

void report_queue_wake(struct report_queue *queue)
{
	uint64_t one = 1;
	ssize_t n;

	/* it cannot fail but for a counter that is full, and then the writer is woken anyway */
	n = write(queue->event, &one, sizeof(one));
	(void)n;
}

bool report_queue_put(struct report_queue *queue, const struct report_arrival *arrival)
{
	struct report_arrival *entry = (struct report_arrival *)(uintptr_t)arrival;

	if (!CK_RING_ENQUEUE_MPSC(report, &queue->ring, queue->slot, entry))
		return false;
	/* either this thread sees that the writer sleeps, or the writer sees the report */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&queue->sleeping, memory_order_relaxed) &&
	    atomic_exchange_explicit(&queue->sleeping, false, memory_order_relaxed))
		report_queue_wake(queue);
	return true;
}

bool report_queue_take(struct report_queue *queue, struct report_arrival *arrival)
{
	return CK_RING_DEQUEUE_MPSC(report, &queue->ring, queue->slot, arrival);
}

bool report_queue_is_empty(const struct report_queue *queue)
{
	return ck_ring_size(&queue->ring) == 0;
}

void report_queue_wait(struct report_queue *queue, int timeout_ms, bool for_reports,
		       int writable_fd)
{
	/* poll() passes over a negative descriptor */
	struct pollfd until[2] = {{.fd = queue->event, .events = POLLIN},
				  {.fd = writable_fd, .events = POLLOUT}};
	uint64_t count;
	ssize_t n;

	if (for_reports) {
		atomic_store_explicit(&queue->sleeping, true, memory_order_relaxed);
		atomic_thread_fence(memory_order_seq_cst);
	}
	if (!for_reports || report_queue_is_empty(queue))
		(void)poll(until, 2, timeout_ms);
	atomic_store_explicit(&queue->sleeping, false, memory_order_relaxed);
	n = read(queue->event, &count, sizeof(count));
	(void)n;
}
