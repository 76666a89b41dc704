/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Rings. All threads share the ring of a zone. It is built by a query of its own, the work, which
 * asks for the parts by sub-queries; the questions that need the ring attach the work and wait. In
 * one thread Unbound sees to it that there is one work; between threads the one who comes first
 * builds, and the works of the others sleep until it is done.
 */
#include "../unbound/cache.h"
#include "../unbound/counters.h"
#include "../unbound/nap.h"
#include "../unbound/query.h"
#include "../unbound/reply.h"
#include "../unbound/subquery.h"
#include "../unbound/switch.h"

#include "ring_module.h"

#include <stdlib.h>
#include <string.h>

/** Parts that are asked for at a time. Unbound takes a query with many more sub-queries below it for
 * one that goes in a circle. */
#define IN_FLIGHT 32
/** Parts after which others have their turn, and for how long. */
#define PARTS_AT_ONCE 256
#define PAUSE_US 1000
/** How often a work looks whether another thread's is done, and when it does not wait any longer:
 * rings of two zones may wait for each other. */
#define LOOK_EVERY_US 5000
#define LOOKS_MAX 2000
/** How often a question tries to have a ring. */
#define TRIES_MAX 3
/** After a failed build of so many parts the next one is a second later. What failed is in Unbound's
 * cache, but a large ring costs much to come to it. At most so many seconds. */
#define PARTS_PER_SECOND 100
#define RETRY_MAX 5

/** The ring of a zone. */
struct kept {
	lock_rw_type lock;
	/** NULL: never built, or not of this generation */
	struct ring *ring;
	/** of the switches when the last build began */
	unsigned generation;
	/** builds that have ended; and what came of the last one */
	unsigned builds;
	bool failed;
	/** some work builds */
	bool building;
	/** until when the ring holds; when a failed build may be followed by another */
	time_t expires, retry;
};

/** What synth keeps of rings: state->own. */
struct rings {
	/** by rule */
	struct kept *kept;
	/** zones that have a ring */
	unsigned count;
	_Atomic uint64_t built, failed, without_token, bad_tokens, duplicate_tokens;
};

/** A query about a ring zone; in its region. Begins as struct synth_own. */
struct ring_own {
	const struct synth_zone *zone;
	/** it is the work, a struct ring_work; else a struct ring_query */
	bool works;
};

/** A question for a key. */
struct ring_query {
	struct ring_own own;
	/** the ring's builds when it began to wait */
	unsigned builds, tries;
	/** the CNAME to the owner's host, when that is asked for */
	struct ub_packed_rrset_key *cname;
	bool stale;
	/** what came in: NULL is a failure */
	struct reply_info *incoming;
};

/** A part that is asked for. */
struct part {
	enum part_kind { PART_NONE, PART_SERVICE, PART_CONFIG, PART_TOKENS } kind;
	uint16_t qtype;
	/** of the member */
	size_t index;
	size_t qname_len;
	uint8_t qname[SB_DNAME_MAX];
};

/** A query that builds a ring. */
struct ring_work {
	struct ring_own own;
	/** the ring's builds when it was attached */
	unsigned builds;
	unsigned generation;
	/** it is the one that builds; it does not wait for another */
	bool claimed, began;
	/** the members are known; all their tokens are asked for */
	bool has_members, asked_all;
	bool failed;
	unsigned looks;
	struct ub_event *timer;
	/** NULL: not begun, or over */
	struct ring_builder *builder;
	/** parts that were asked for, since the last pause; and under way */
	size_t asked, asked_since, in_flight;
	struct part part[IN_FLIGHT];
};

static struct kept *kept_of(const struct sb_state *state, const struct synth_zone *zone)
{
	return &((struct rings *)state->own)->kept[zone->rule];
}

static bool has_ring(const struct sb_state *state, unsigned rule)
{
	return ((const struct synth_conf *)state->section)->zone[rule]->kind == SYNTH_RING;
}

/* --- life --- */

int rings_start(struct sb_state *state, struct module_env *env)
{
	struct rings *rings = calloc(1, sizeof(*rings));
	unsigned i;

	(void)env;
	state->own = rings;
	if (rings != NULL)
		rings->kept = calloc(state->rules->count + 1, sizeof(*rings->kept));
	if (rings == NULL || rings->kept == NULL) {
		log_err("sitebound synth: out of memory");
		return 0;
	}
	for (i = 0; i < state->rules->count; i++) {
		lock_rw_init(&rings->kept[i].lock);
		rings->count += has_ring(state, i);
	}
	return 1;
}

void rings_stop(struct sb_state *state)
{
	struct rings *rings = state->own;
	unsigned i;

	for (i = 0; rings != NULL && rings->kept != NULL && i < state->rules->count; i++) {
		lock_rw_destroy(&rings->kept[i].lock);
		ring_free(rings->kept[i].ring);
	}
	if (rings != NULL)
		free(rings->kept);
	free(rings);
	state->own = NULL;
}

void rings_count(const struct sb_state *state,
		 void (*emit)(void *arg, const char *name, uint64_t value), void *arg)
{
	const struct rings *rings = state->own;

	if (rings->count == 0)
		return;
	emit(arg, "rings_built", atomic_load(&rings->built));
	emit(arg, "rings_failed", atomic_load(&rings->failed));
	emit(arg, "ring_members_without_token", atomic_load(&rings->without_token));
	emit(arg, "ring_bad_tokens", atomic_load(&rings->bad_tokens));
	emit(arg, "ring_duplicate_tokens", atomic_load(&rings->duplicate_tokens));
}

size_t rings_memory(const struct sb_state *state)
{
	const struct rings *rings = state->own;
	size_t memory = sizeof(*rings) + state->rules->count * sizeof(*rings->kept);
	unsigned i;

	for (i = 0; i < state->rules->count; i++) {
		struct kept *kept = &rings->kept[i];

		if (!has_ring(state, i))
			continue;
		lock_rw_rdlock(&kept->lock);
		memory += ring_memory(kept->ring);
		lock_rw_unlock(&kept->lock);
	}
	return memory;
}

/* --- building --- */

/** End the work: the ring that was built, or NULL after a failure, is the zone's from now on. */
static void end_work(const struct sb_state *state, struct module_qstate *qstate,
		     struct ring_work *work, struct ring *ring)
{
	struct kept *kept = kept_of(state, work->own.zone);
	struct rings *rings = state->own;
	struct ring *old = NULL;
	time_t now = *qstate->env->now;
	size_t pause = work->asked / PARTS_PER_SECOND;

	if (ring != NULL) {
		atomic_fetch_add(&rings->without_token, ring->without_token);
		atomic_fetch_add(&rings->bad_tokens, ring->bad_tokens);
		atomic_fetch_add(&rings->duplicate_tokens, ring->duplicate_tokens);
	}
	lock_rw_wrlock(&kept->lock);
	if (ring != NULL || kept->generation != work->generation) {
		old = kept->ring;
		kept->ring = ring;
	}
	if (ring != NULL)
		kept->expires = now + (time_t)ring->ttl;
	kept->failed = ring == NULL;
	kept->retry = now + (time_t)(pause < RETRY_MAX ? pause : RETRY_MAX);
	kept->generation = work->generation;
	kept->builds++;
	if (work->claimed)
		kept->building = false;
	work->claimed = false;
	/* before anybody is answered from it: who has an answer finds it counted */
	atomic_fetch_add(ring != NULL ? &rings->built : &rings->failed, 1);
	lock_rw_unlock(&kept->lock);
	ring_free(old);
}

/** The work's own answer, which only a client gets who asks for its name meanwhile: what the name
 * has said before and will say again. */
static void finish_work(const struct sb_state *state, struct module_qstate *qstate,
			const struct ring_work *work)
{
	struct sb_verdict verdict = {.authoritative = true};

	sb_verdict_negative(&verdict, SB_NXDOMAIN, &work->own.zone->soa);
	sb_reply_message(state, qstate,
			 sb_reply_from_verdict(qstate->region, &qstate->qinfo, &verdict));
}

/** Begin to build, unless another thread does. @return false when the work sleeps or is over. */
static bool begin_work(const struct sb_state *state, struct module_qstate *qstate,
		       struct ring_work *work)
{
	struct kept *kept = kept_of(state, work->own.zone);
	bool over, wait;

	lock_rw_wrlock(&kept->lock);
	over = kept->builds != work->builds;
	wait = !over && kept->building && work->looks++ < LOOKS_MAX;
	if (!over && !kept->building)
		work->claimed = kept->building = true;
	lock_rw_unlock(&kept->lock);
	if (over) {
		finish_work(state, qstate, work);
		return false;
	}
	if (wait && sb_nap(state, qstate, &work->timer, LOOK_EVERY_US))
		return false;
	work->began = true;
	work->generation = sb_generation(state);
	work->builder = ring_builder_new(work->own.zone->tokens);
	work->failed = work->builder == NULL;
	return true;
}

/** Ask for a part; its name and index are in it. */
static void ask(const struct sb_state *state, struct module_qstate *qstate, struct ring_work *work,
		struct part *part, enum part_kind kind, uint16_t qtype)
{
	struct query_info qinfo = {.qname = part->qname,
				   .qname_len = part->qname_len,
				   .qtype = qtype,
				   .qclass = LDNS_RR_CLASS_IN};
	struct module_qstate *sub;

	if (!sb_attach_shared(state, qstate, &qinfo, &sub)) {
		work->failed = true;
		return;
	}
	part->kind = kind;
	part->qtype = qtype;
	work->in_flight++;
	work->asked++;
	work->asked_since++;
}

static struct part *free_part(struct ring_work *work)
{
	size_t i;

	for (i = 0; i < IN_FLIGHT; i++) {
		if (work->part[i].kind == PART_NONE)
			return &work->part[i];
	}
	return NULL;
}

/** Ask for what may be asked for now. */
static void ask_more(const struct sb_state *state, struct module_qstate *qstate,
		     struct ring_work *work)
{
	const struct synth_zone *zone = work->own.zone;
	struct part *part;

	if (work->asked == 0) {
		part = &work->part[0];
		part->qname_len = zone->service.wire_len;
		memcpy(part->qname, zone->service.wire, part->qname_len);
		ask(state, qstate, work, part, PART_SERVICE, SB_TYPE_SRV);
		part = &work->part[1];
		part->qname_len = zone->config.wire_len;
		memcpy(part->qname, zone->config.wire, part->qname_len);
		ask(state, qstate, work, part, PART_CONFIG, SB_TYPE_TXT);
		return;
	}
	if (!work->has_members)
		return;
	while (!work->failed && !work->asked_all && work->asked_since < PARTS_AT_ONCE &&
	       (part = free_part(work)) != NULL) {
		if (ring_builder_next(work->builder, &part->index, part->qname, &part->qname_len))
			ask(state, qstate, work, part, PART_TOKENS, SB_TYPE_TXT);
		else
			work->asked_all = true;
	}
}

/** Go on with the work until it is done, or must wait. */
static void go_on_working(const struct sb_state *state, struct module_qstate *qstate,
			  struct ring_work *work)
{
	struct ring_builder *builder;
	struct ring *ring = NULL;

	if (!work->began && !begin_work(state, qstate, work))
		return;
	/* a sub-query that left without a word; (never seen) */
	if (work->in_flight > 0 && qstate->mesh_info->sub_set.count == 0)
		work->failed = true;
	while (!work->failed && !work->asked_all) {
		if (work->in_flight == 0 && work->asked_since >= PARTS_AT_ONCE) {
			work->asked_since = 0;
			if (sb_nap(state, qstate, &work->timer, PAUSE_US))
				return;
		}
		ask_more(state, qstate, work);
		if (work->in_flight > 0)
			break;
	}
	if (!work->failed && work->in_flight > 0) {
		qstate->ext_state[state->id] = module_wait_subquery;
		return;
	}
	builder = work->builder;
	work->builder = NULL;
	if (work->failed)
		ring_builder_free(builder);
	else if (ring_builder_finish(builder, &ring) != SB_OK)
		ring = NULL;
	end_work(state, qstate, work, ring);
	finish_work(state, qstate, work);
}

/** Give one record of a part to the builder. */
static enum sb_err take_record(struct ring_work *work, const struct part *part,
			       const uint8_t *rdata, size_t rdata_len)
{
	switch (part->kind) {
	case PART_SERVICE:
		return ring_builder_srv(work->builder, rdata, rdata_len);
	case PART_CONFIG:
		return ring_builder_config(work->builder, rdata, rdata_len);
	case PART_TOKENS:
		return ring_builder_tokens(work->builder, part->index, rdata, rdata_len);
	case PART_NONE:
		break;
	}
	return SB_EFORM;
}

/** Take what is said of a part. @return false when it is no answer, or one that cannot be used. */
static bool take_part(struct ring_work *work, const struct part *part,
		      const struct module_qstate *sub)
{
	const struct reply_info *rep;
	time_t ttl = INT32_MAX;
	bool found = false;
	unsigned rcode;
	size_t i, j;

	if (sub->return_rcode != LDNS_RCODE_NOERROR || sub->return_msg == NULL ||
	    !sb_is_usable(sub, sub->return_msg->rep))
		return false;
	rep = sub->return_msg->rep;
	rcode = FLAGS_GET_RCODE(rep->flags);
	if (rcode != LDNS_RCODE_NOERROR && rcode != LDNS_RCODE_NXDOMAIN)
		return false;
	for (i = 0; i < rep->an_numrrsets; i++) {
		const struct packed_rrset_data *data = rep->rrsets[i]->entry.data;

		if (data->ttl < ttl)
			ttl = data->ttl;
		if (ntohs(rep->rrsets[i]->rk.type) != part->qtype)
			continue;
		found = true;
		for (j = 0; j < data->count; j++) {
			if (take_record(work, part, data->rr_data[j] + 2, data->rr_len[j] - 2) !=
			    SB_OK)
				return false;
		}
	}
	/* of what is not there, how long that is known */
	if (!found && sb_reply_ttl(rep) < ttl)
		ttl = sb_reply_ttl(rep);
	ring_builder_ttl(work->builder, ttl > 0 ? (uint32_t)ttl : 0);
	return true;
}

static void inform_work(struct ring_work *work, const struct module_qstate *sub)
{
	size_t i;

	if (work->builder == NULL)
		return;
	/* members may share a name */
	for (i = 0; i < IN_FLIGHT; i++) {
		struct part *part = &work->part[i];

		if (part->kind == PART_NONE || part->qtype != sub->qinfo.qtype ||
		    part->qname_len != sub->qinfo.qname_len ||
		    !sb_octets_equal(part->qname, sub->qinfo.qname, part->qname_len))
			continue;
		if (!take_part(work, part, sub))
			work->failed = true;
		if (part->kind == PART_SERVICE)
			work->has_members = true;
		part->kind = PART_NONE;
		work->in_flight--;
	}
}

/* --- answering --- */

/** What a question has to do about the ring. */
enum action {
	/** the ring holds: answer from it */
	ACTION_ANSWER,
	/** it does not any more, but there is none other: answer from it */
	ACTION_STALE,
	ACTION_WAIT,
	ACTION_SERVFAIL,
};

/** Whether a ring whose time is over may be used still. */
static bool may_be_stale(const struct kept *kept, const struct config_file *cfg, time_t now)
{
	return kept->ring != NULL && cfg->serve_expired &&
	       (cfg->serve_expired_ttl == 0 || now <= kept->expires + cfg->serve_expired_ttl);
}

/**
 * Look at the ring.
 * @param waited: the question, when it has waited for a build; NULL at first.
 * @param ttl: how long what the ring says holds.
 */
static enum action look(const struct kept *kept, const struct module_env *env, unsigned generation,
			const struct ring_query *waited, uint32_t *ttl)
{
	time_t now = *env->now;
	/* who has waited may use what he waited for, even when it does not hold a second */
	bool has_built = waited != NULL && kept->builds != waited->builds;
	bool is_mine = has_built || (kept->builds > 0 && kept->generation == generation);
	bool stale;

	*ttl = 0;
	if (!is_mine)
		return waited != NULL && waited->tries == TRIES_MAX ? ACTION_SERVFAIL : ACTION_WAIT;
	if (kept->ring != NULL && (now < kept->expires || (has_built && !kept->failed))) {
		if (kept->expires > now)
			*ttl = (uint32_t)(kept->expires - now);
		return ACTION_ANSWER;
	}
	stale = may_be_stale(kept, env->cfg, now);
	if (stale && (kept->building || (kept->failed && (has_built || now < kept->retry)))) {
		*ttl = (uint32_t)env->cfg->serve_expired_reply_ttl;
		return ACTION_STALE;
	}
	if (kept->failed && (has_built || now < kept->retry))
		return ACTION_SERVFAIL;
	return waited != NULL && waited->tries == TRIES_MAX ? ACTION_SERVFAIL : ACTION_WAIT;
}

static void fail(const struct sb_state *state, struct module_qstate *qstate,
		 const struct synth_zone *zone)
{
	sb_count(state, qstate->env, zone->rule, SYNTH_COUNT_RING_SERVFAIL);
	sb_reply_servfail(state, qstate);
}

static struct ring_query *new_query(const struct sb_state *state, struct module_qstate *qstate,
				    const struct synth_zone *zone)
{
	struct ring_query *own = sb_own_new(state, qstate, sizeof(*own));

	if (own != NULL)
		own->own.zone = zone;
	return own;
}

/** Let the query wait for the zone's work. */
static bool attach_work(const struct sb_state *state, struct module_qstate *qstate,
			const struct ring_query *own)
{
	const struct synth_zone *zone = own->own.zone;
	uint8_t qname[SB_DNAME_MAX];
	/* a name that is no key */
	struct query_info qinfo = {.qname = qname,
				   .qname_len = 2 + zone->apex.wire_len,
				   .qtype = LDNS_RR_TYPE_NULL,
				   .qclass = LDNS_RR_CLASS_IN};
	struct module_qstate *sub;
	struct ring_work *work;

	qname[0] = 1;
	qname[1] = '*';
	memcpy(qname + 2, zone->apex.wire, zone->apex.wire_len);
	if (!sb_attach_shared(state, qstate, &qinfo, &sub))
		return false;
	work = sub != NULL ? sb_own_new(state, sub, sizeof(*work)) : NULL;
	/* without memory it is a question as any other, after which no ring is there */
	if (work != NULL) {
		work->own.zone = zone;
		work->own.works = true;
		work->builds = own->builds;
		/* it is called as if it came back from a sub-query, and no job before us is */
		sb_place(state, sub)->waits = (int)state->index;
	}
	return true;
}

/** Answer with the CNAME to the owner's host and, behind it, what came in. */
static void compose(const struct sb_state *state, struct module_qstate *qstate,
		    const struct ring_query *own)
{
	const struct reply_info *host = own->incoming;
	struct reply_info *rep;

	if (host == NULL || (!sb_is_usable(qstate, host) && !(qstate->query_flags & BIT_CD))) {
		fail(state, qstate, own->own.zone);
		return;
	}
	/* nobody stores what has no TTL */
	rep = sb_compat_reply(qstate->region,
			      (uint16_t)(BIT_QR | BIT_RA | FLAGS_GET_RCODE(host->flags)), 0,
			      1 + host->an_numrrsets, host->ns_numrrsets, 0,
			      1 + host->an_numrrsets + host->ns_numrrsets,
			      /* with CD a client may have the bogus data, but it stays marked */
			      sb_is_usable(qstate, host) ? sec_status_insecure : host->security);
	if (rep != NULL) {
		rep->rrsets[0] = own->cname;
		memcpy(rep->rrsets + 1, host->rrsets,
		       (host->an_numrrsets + host->ns_numrrsets) * sizeof(rep->rrsets[0]));
		sb_reply_ede(state, qstate, SB_EDE_SYNTHESIZED);
	}
	sb_count(state, qstate->env, own->own.zone->rule,
		 own->stale ? SYNTH_COUNT_RING_STALE : SYNTH_COUNT_RING);
	sb_reply_message(state, qstate, rep);
	sb_reply_respip(state, qstate);
}

/** Ask for the owner's host, which the verdict has as a CNAME. */
static void ask_host(const struct sb_state *state, struct module_qstate *qstate,
		     struct ring_query *own, const struct sb_verdict *verdict)
{
	struct query_info qinfo = qstate->qinfo;
	struct dns_msg *msg = NULL;

	own->cname = sb_rrset_make(qstate->region, qstate->qinfo.qname, qstate->qinfo.qname_len,
				   SB_TYPE_CNAME, verdict->ttl, verdict->rrs, verdict->rrs_len, 1);
	if (own->cname == NULL) {
		fail(state, qstate, own->own.zone);
		return;
	}
	qinfo.qname = (uint8_t *)(uintptr_t)verdict->rrs + 2;
	qinfo.qname_len = verdict->rrs_len - 2;
	qinfo.local_alias = NULL;
	/* the cache knows nothing of what the jobs do to a question */
	if (!sb_is_claimed(state, &qinfo))
		msg = sb_cache_lookup(qstate, &qinfo);
	if (msg != NULL)
		own->incoming = msg->rep;
	else if (sb_attach_sub(state, qstate, &qinfo))
		return;
	compose(state, qstate, own);
}

/** Answer from the ring. @param own: NULL when the question has not waited yet. */
static void resolve(const struct sb_state *state, struct module_qstate *qstate,
		    const struct sb_query *query, const struct synth_zone *zone,
		    struct ring_query *own)
{
	struct kept *kept = kept_of(state, zone);
	uint8_t room[SYNTH_RING_RR_MAX];
	struct sb_verdict verdict;
	enum action action;
	unsigned builds;
	uint32_t ttl;

	lock_rw_rdlock(&kept->lock);
	action = look(kept, qstate->env, sb_generation(state), own, &ttl);
	builds = kept->builds;
	if (action == ACTION_ANSWER || action == ACTION_STALE)
		synth_decide_ring(state->section, query, kept->ring, ttl, room, &verdict);
	lock_rw_unlock(&kept->lock);
	if (action == ACTION_SERVFAIL) {
		fail(state, qstate, zone);
		return;
	}
	if (action != ACTION_WAIT && verdict.kind == SB_ANSWER) {
		if (action == ACTION_STALE && verdict.counter == SYNTH_COUNT_RING)
			verdict.counter = SYNTH_COUNT_RING_STALE;
		sb_reply_verdict(state, qstate, &verdict);
		return;
	}
	if (own == NULL)
		own = new_query(state, qstate, zone);
	if (own == NULL) {
		fail(state, qstate, zone);
		return;
	}
	if (action != ACTION_WAIT) {
		own->stale = action == ACTION_STALE;
		ask_host(state, qstate, own, &verdict);
		return;
	}
	own->builds = builds;
	own->tries++;
	if (!attach_work(state, qstate, own))
		fail(state, qstate, zone);
}

void ring_follow(const struct sb_state *state, struct module_qstate *qstate,
		 const struct sb_query *query, const struct synth_zone *zone)
{
	resolve(state, qstate, query, zone, NULL);
}

void ring_go_on(const struct sb_state *state, struct module_qstate *qstate,
		const struct sb_query *query)
{
	struct ring_own *own = sb_own(state, qstate);

	if (own->works)
		go_on_working(state, qstate, (struct ring_work *)own);
	else if (((struct ring_query *)own)->cname != NULL)
		compose(state, qstate, (struct ring_query *)own);
	else
		resolve(state, qstate, query, own->zone, (struct ring_query *)own);
}

void ring_inform(const struct sb_state *state, struct module_qstate *sub,
		 struct module_qstate *super)
{
	struct ring_own *own = sb_own(state, super);
	struct ring_query *asker = (struct ring_query *)own;

	if (own->works) {
		inform_work((struct ring_work *)own, sub);
		return;
	}
	/* the work is no message that anybody wants */
	if (asker->cname == NULL)
		return;
	if (sb_is_withheld(sub))
		sb_withhold(super);
	if (sub->return_rcode == LDNS_RCODE_NOERROR && sub->return_msg != NULL)
		asker->incoming = sb_reply_copy(super->region, sub->return_msg->rep);
}

void ring_clear(const struct sb_state *state, struct module_qstate *qstate)
{
	struct ring_work *work = sb_own(state, qstate);
	struct kept *kept = kept_of(state, work->own.zone);

	if (!work->own.works)
		return;
	sb_nap_end(&work->timer);
	ring_builder_free(work->builder);
	work->builder = NULL;
	if (!work->claimed)
		return;
	/* given up: another may build */
	lock_rw_wrlock(&kept->lock);
	kept->building = false;
	lock_rw_unlock(&kept->lock);
	work->claimed = false;
}
