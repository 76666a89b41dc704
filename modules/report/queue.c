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

CK_RING_PROTOTYPE(report, report_arrival)

struct thread_ring {
	_Alignas(REPORT_CACHE_LINE) ck_ring_t ring;
	struct report_arrival *slot;
};

struct report_queue {
	_Alignas(REPORT_CACHE_LINE) atomic_bool sleeping;
	int event;
	unsigned thread_count;
	/** whose ring is looked at next */
	unsigned turn;
	struct thread_ring *of;
};

struct report_queue *report_queue_new(unsigned threads, unsigned entries)
{
	struct report_queue *queue = aligned_alloc(REPORT_CACHE_LINE, sizeof(*queue));
	unsigned i;

	if (queue == NULL)
		return NULL;
	memset(queue, 0, sizeof(*queue));
	queue->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	queue->of = aligned_alloc(REPORT_CACHE_LINE, threads * sizeof(*queue->of));
	if (queue->event == -1 || queue->of == NULL) {
		report_queue_free(queue);
		return NULL;
	}
	memset(queue->of, 0, threads * sizeof(*queue->of));
	queue->thread_count = threads;
	for (i = 0; i < threads; i++) {
		ck_ring_init(&queue->of[i].ring, entries);
		queue->of[i].slot = calloc(entries, sizeof(*queue->of[i].slot));
		if (queue->of[i].slot == NULL) {
			report_queue_free(queue);
			return NULL;
		}
	}
	return queue;
}

void report_queue_free(struct report_queue *queue)
{
	unsigned i;

	if (queue == NULL)
		return;
	for (i = 0; queue->of != NULL && i < queue->thread_count; i++)
		free(queue->of[i].slot);
	if (queue->event != -1)
		close(queue->event);
	free(queue->of);
	free(queue);
}

size_t report_queue_memory(const struct report_queue *queue)
{
	size_t memory = sizeof(*queue) + queue->thread_count * sizeof(*queue->of);
	unsigned i;

	for (i = 0; i < queue->thread_count; i++)
		memory += ck_ring_capacity(&queue->of[i].ring) * sizeof(*queue->of[i].slot);
	return memory;
}

void report_queue_wake(struct report_queue *queue)
{
	uint64_t one = 1;
	ssize_t n;

	/* it cannot fail but for a counter that is full, and then the writer is woken anyway */
	n = write(queue->event, &one, sizeof(one));
	(void)n;
}

bool report_queue_put(struct report_queue *queue, unsigned thread,
		      const struct report_arrival *arrival)
{
	struct report_arrival *entry = (struct report_arrival *)(uintptr_t)arrival;
	struct thread_ring *mine = queue->of + thread;

	if (!CK_RING_ENQUEUE_SPSC(report, &mine->ring, mine->slot, entry))
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
	unsigned tried;

	for (tried = 0; tried < queue->thread_count; tried++) {
		struct thread_ring *from = queue->of + queue->turn;

		queue->turn = (queue->turn + 1) % queue->thread_count;
		if (CK_RING_DEQUEUE_SPSC(report, &from->ring, from->slot, arrival))
			return true;
	}
	return false;
}

bool report_queue_is_empty(const struct report_queue *queue)
{
	unsigned i;

	for (i = 0; i < queue->thread_count; i++)
		if (ck_ring_size(&queue->of[i].ring) != 0)
			return false;
	return true;
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
