/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * report's side of the adapter. A question in a report zone is answered at once and never cached;
 * a new report goes into the queue on the way.
 */
#include "../unbound/clock.h"
#include "../unbound/counters.h"
#include "../unbound/query.h"
#include "../unbound/reply.h"
#include "../unbound/switch.h"
#include "dedup.h"
#include "limit.h"
#include "queue.h"
#include "report.h"
#include "stats.h"
#include "writer.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/** Reports that wait for the writer, in all and at least for one thread: more than a second's
 * worth of a flood. Memory: 39 MiB in all, touched as the rings go round. */
#define QUEUE_ENTRIES (1U << 16)
#define QUEUE_ENTRIES_MIN (1U << 12)
/** Reports that are remembered at most, whatever the limits allow in a window: 32 MiB. */
#define DEDUP_ENTRIES_MAX (1U << 20)
#define DEDUP_ENTRIES_MIN (1U << 16)
/** Client prefixes that may be busy at a time: 1 MiB. */
#define LIMIT_PREFIXES (1U << 16)

/** What belongs to one resolver thread. */
struct report_thread {
	/** its number, from 0 */
	unsigned index;
	struct report_scratch *scratch;
	struct report_stats_slot *slot;
};

/** All that runs; sb_state.own. */
struct report_running {
	struct report_dedup *dedup;
	struct report_limit *limit;
	struct report_queue *queue;
	struct report_stats *stats;
	struct report_writer *writer;
	struct report_observer observer;
	char hostname[HOST_NAME_MAX + 1];
	/** by number of the resolver thread */
	struct report_thread *thread;
	unsigned thread_count;
};

static void running_free(struct report_running *running)
{
	unsigned i;

	if (running == NULL)
		return;
	/* writes what is left */
	report_writer_stop(running->writer);
	for (i = 0; running->thread != NULL && i < running->thread_count; i++)
		report_scratch_free(running->thread[i].scratch);
	free(running->thread);
	report_queue_free(running->queue);
	report_limit_free(running->limit);
	report_dedup_free(running->dedup);
	report_stats_free(running->stats);
	free(running);
}

static bool threads_make(struct report_running *running, const struct report_conf *conf)
{
	unsigned i;

	running->thread = calloc(running->thread_count, sizeof(*running->thread));
	/* one more counts: the writer */
	running->stats = report_stats_new(running->thread_count + 1);
	if (running->thread == NULL || running->stats == NULL)
		return false;
	for (i = 0; i < running->thread_count; i++) {
		running->thread[i].index = i;
		running->thread[i].scratch = report_scratch_new(conf);
		running->thread[i].slot = report_stats_claim(running->stats);
		if (running->thread[i].scratch == NULL || running->thread[i].slot == NULL)
			return false;
	}
	return true;
}

/** Entries for twice as many new reports as may be logged in a window. */
static size_t dedup_entries(const struct report_conf *conf)
{
	uint64_t entries = 2 * (uint64_t)conf->rate_limit.total * conf->dedup_window;

	if (entries == 0 || entries > DEDUP_ENTRIES_MAX)
		return DEDUP_ENTRIES_MAX;
	return entries < DEDUP_ENTRIES_MIN ? DEDUP_ENTRIES_MIN : (size_t)entries;
}

/** Each thread's share of the queue. */
static unsigned queue_entries(unsigned threads)
{
	unsigned entries = QUEUE_ENTRIES;

	while (entries > QUEUE_ENTRIES_MIN && entries > QUEUE_ENTRIES / threads)
		entries /= 2;
	return entries;
}

static void warn(const char *text)
{
	log_warn("sitebound report: %s", text);
}

static int report_start(struct sb_state *state, struct module_env *env)
{
	const struct report_conf *conf = state->section;
	struct report_running *running = calloc(1, sizeof(*running));
	struct report_writer_setup setup;

	if (running == NULL)
		goto failed;
	running->thread_count = env->cfg->num_threads > 0 ? (unsigned)env->cfg->num_threads : 1;
	if (gethostname(running->hostname, sizeof(running->hostname) - 1) == 0)
		running->observer.hostname = running->hostname;
	running->observer.version = PACKAGE_VERSION;
	running->dedup = report_dedup_new(dedup_entries(conf), conf->dedup_window * 1000);
	running->limit = report_limit_new(&conf->rate_limit, LIMIT_PREFIXES);
	running->queue = report_queue_new(running->thread_count,
					  queue_entries(running->thread_count));
	if (!threads_make(running, conf) || running->dedup == NULL || running->limit == NULL ||
	    running->queue == NULL)
		goto failed;
	setup = (struct report_writer_setup){.conf = conf,
					     .log_path = sb_path_in_chroot(env, conf->log_path),
					     .queue = running->queue,
					     .stats = running->stats,
					     .observer = &running->observer,
					     .warn = warn};
	running->writer = report_writer_start(&setup);
	if (running->writer == NULL)
		goto failed;
	state->own = running;
	return 1;
failed:
	running_free(running);
	log_err("sitebound report: out of memory, or no thread to be had");
	return 0;
}

static void report_flush(struct sb_state *state)
{
	struct report_running *running = state->own;

	if (running == NULL)
		return;
	report_writer_stop(running->writer);
	running->writer = NULL;
}

static void report_stop(struct sb_state *state)
{
	running_free(state->own);
	state->own = NULL;
}

/** The part of the thread that env belongs to. Workers are numbered from 1 in their allocators. */
static const struct report_thread *thread_of(const struct report_running *running,
					     const struct module_env *env)
{
	return &running->thread[(unsigned)env->alloc->thread_num % running->thread_count];
}

static void count(const struct report_thread *thread, unsigned counter)
{
	report_stats_add(thread->slot, counter, 1);
}

/** Count an accepted or malformed name and, when it is a new one, have a line written. */
static void take_report(struct report_running *running, const struct report_thread *thread,
			const struct report_zone *zone, const struct sb_query *query,
			const struct sb_client *client, const struct report_decoded *decoded,
			char event_id[REPORT_EVENT_ID_MAX])
{
	struct report_arrival arrival;
	int64_t now_ns = sb_monotonic_ns(), first_seconds;
	bool accepted = decoded->outcome == REPORT_ACCEPTED, is_new;

	clock_gettime(CLOCK_REALTIME, &arrival.time);
	is_new = report_dedup_is_new(running->dedup, decoded->identity, now_ns / 1000000,
				     arrival.time.tv_sec, &first_seconds);
	report_event_id(decoded, first_seconds, event_id);
	if (!is_new) {
		count(thread, REPORT_COUNT_DUPLICATE);
		return;
	}
	if (accepted) {
		count(thread, REPORT_COUNT_ACCEPTED);
		if (!report_limit_take(running->limit, &client->addr, now_ns)) {
			count(thread, REPORT_COUNT_RATE_LIMITED);
			return;
		}
	} else {
		count(thread, REPORT_COUNT_MALFORMED + decoded->reason);
		if (!report_limit_take_malformed(running->limit, now_ns))
			return;
	}
	arrival.zone = zone;
	arrival.client = client->addr;
	arrival.port = client->port;
	arrival.tcp = client->stream;
	arrival.quic = client->quic;
	arrival.qtype = query->qtype;
	arrival.qname_len = (uint16_t)query->qname.wire_len;
	memcpy(arrival.qname, query->qname.wire, query->qname.wire_len);
	memcpy(arrival.event_id, event_id, sizeof(arrival.event_id));
	arrival.decoded = *decoded;
	if (!report_queue_put(running->queue, thread->index, &arrival) && accepted)
		count(thread, REPORT_COUNT_QUEUE_DROPPED);
}

/** Decide about a question in a report zone, and take the report in it. */
static void take_question(const struct sb_state *state, const struct module_env *env,
			  const struct report_zone *zone, const struct sb_query *query,
			  unsigned apex_label, const struct sb_client *client,
			  struct sb_verdict *verdict)
{
	struct report_running *running = state->own;
	const struct report_thread *thread = thread_of(running, env);
	char event_id[REPORT_EVENT_ID_MAX] = "";
	struct report_decoded decoded;

	*verdict =
		(struct sb_verdict){.kind = SB_ANSWER, .authoritative = true, .ede = SB_EDE_NONE};
	report_decode(zone, thread->scratch, query, apex_label, &client->addr, &decoded);
	if (report_wants_tcp(zone, &decoded, client->stream)) {
		sb_verdict_negative(verdict, SB_NOERROR, NULL);
		verdict->truncated = true;
		return;
	}
	switch (decoded.outcome) {
	case REPORT_ACCEPTED:
	case REPORT_MALFORMED:
		take_report(running, thread, zone, query, client, &decoded, event_id);
		break;
	case REPORT_PARTIAL:
		count(thread, REPORT_COUNT_PARTIAL);
		break;
	case REPORT_IGNORED:
		break;
	}
	report_decide(zone, query, apex_label, &decoded, event_id, verdict);
}

/** The zone that a question is for, when it is switched on. */
static const struct report_zone *find_zone(const struct sb_state *state,
					   const struct sb_query *query, unsigned *apex_label)
{
	const struct report_zone *zone = sb_zones_find(state->rules->zones, &query->qname,
						       apex_label);

	return zone != NULL && !sb_is_off(state, zone->index) ? zone : NULL;
}

static void report_operate(struct sb_state *state, struct module_qstate *qstate,
			   enum module_ev event, const struct sb_query *query)
{
	const struct mesh_reply *reply = qstate->mesh_info->reply_list;
	const struct report_zone *zone;
	struct sb_client client = {.port = 0};
	struct sb_verdict verdict;
	unsigned apex_label;

	if (event == module_event_moddone)
		return;
	zone = find_zone(state, query, &apex_label);
	if (zone == NULL)
		return;
	/* none: another name led here, and the client asked for that one */
	if (reply != NULL)
		sb_client_from(&reply->query_reply, &client);
	take_question(state, qstate->env, zone, query, apex_label, &client, &verdict);
	sb_reply_verdict(state, qstate, &verdict);
}

static bool report_early(struct sb_state *state, struct module_env *env,
			 const struct sb_query *query, size_t apex_len,
			 const struct sb_client *client, struct sb_verdict *verdict)
{
	unsigned apex_label;
	const struct report_zone *zone = find_zone(state, query, &apex_label);

	if (zone == NULL || zone->apex.wire_len != apex_len)
		return false;
	take_question(state, env, zone, query, apex_label, client, verdict);
	return true;
}

/** What the resolver itself asks about a report zone's names (the validator's DS) must not be
 * what clients get from the cache. */
static bool report_guards(struct sb_state *state, struct module_qstate *qstate,
			  const struct sb_query *query, struct dns_msg *response)
{
	unsigned apex_label;

	(void)qstate, (void)response;
	return find_zone(state, query, &apex_label) != NULL;
}

static bool report_claims(const struct sb_state *state, const struct sb_query *query)
{
	unsigned apex_label;

	return sb_zones_find(state->rules->zones, &query->qname, &apex_label) != NULL;
}

static void report_more_counters(const struct sb_state *state,
				 void (*emit)(void *arg, const char *name, uint64_t value),
				 void *arg)
{
	const struct report_running *running = state->own;
	struct report_counts counts;
	uint64_t malformed = 0;
	unsigned i;

	report_stats_sum(running->stats, &counts);
	for (i = 0; i < REPORT_REASON_COUNT; i++)
		malformed += counts.malformed[i];
	emit(arg, "accepted", counts.accepted);
	emit(arg, "duplicate", counts.duplicate);
	emit(arg, "partial", counts.partial);
	emit(arg, "malformed", malformed);
	emit(arg, "rate_limited", counts.rate_limited);
	emit(arg, "queue_dropped", counts.queue_dropped);
	emit(arg, "write_errors", counts.write_errors);
	emit(arg, "lines", counts.lines);
	emit(arg, "lines_astray", counts.lines_astray);
	emit(arg, "dedup_evicted", report_dedup_evicted(running->dedup));
	emit(arg, "limit_evicted", report_limit_evicted(running->limit));
}

static size_t report_memory(const struct sb_state *state)
{
	const struct report_running *running = state->own;
	size_t memory;
	unsigned i;

	memory = sizeof(*running) + report_dedup_memory(running->dedup) +
		 report_limit_memory(running->limit) + report_queue_memory(running->queue) +
		 report_writer_memory(running->writer) + sizeof(*running->stats) +
		 running->stats->slot_count * sizeof(*running->stats->slot) +
		 running->thread_count * sizeof(*running->thread);
	for (i = 0; i < running->thread_count; i++)
		memory += report_scratch_memory(running->thread[i].scratch);
	return memory;
}

const struct sb_job report_job = {
	.name = "report",
	.start = report_start,
	.flush = report_flush,
	.stop = report_stop,
	.operate = report_operate,
	.early = report_early,
	.guards = report_guards,
	.claims = report_claims,
	.more_counters = report_more_counters,
	.memory = report_memory,
};
