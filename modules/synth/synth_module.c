/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * synth's side of the adapter: carries out what synth_decide() decides. Addresses are answered at
 * once. Site names are resolved at one site after the other by sub-queries, and composed. Ring names
 * are in ring_module.c.
 */
#include "../unbound/alias.h"
#include "../unbound/cache.h"
#include "../unbound/counters.h"
#include "../unbound/query.h"
#include "../unbound/reply.h"
#include "../unbound/subquery.h"
#include "../unbound/switch.h"
#include "ring_module.h"
#include "synth.h"

#include <stdatomic.h>
#include <string.h>

/** Tags of questions for site names that were answered lately: rows of a few, the newest first; in
 * all 64 KiB. */
#define TAG_ROWS (1U << 12)
#define TAGS_IN_ROW 4

/** What came of the question at one site. */
enum outcome {
	/** a sub-query is under way */
	OUTCOME_WAITS,
	/** the name exists there: this is the answer, whatever it says */
	OUTCOME_EXISTS,
	OUTCOME_ABSENT,
	OUTCOME_FAILED,
};

/** A query that synth is not done with; in the query's region. Begins as struct synth_own. */
struct synth_qstate {
	/** the site zone; NULL while real data is asked for */
	const struct synth_zone *zone;
	/** the site that is being tried */
	size_t site;
	/** the name there, for one of the sites at a time; length 0: it would be too long */
	size_t target_site, target_len;
	uint8_t *target;
	/** the last one at this site */
	struct reply_info *reply;
	/** A has said that the name is at this site, and the client's type is asked for */
	bool found;
	/** a reply has come in and has not been looked at */
	bool informed;
	/** what came in: NULL is a failure */
	struct reply_info *incoming;
	/** the local site's NXDOMAIN, for when no site has the name */
	struct reply_info *local_nxdomain;
	/** some site failed; then "does not exist" is not known */
	bool any_failed;
	/** some part must not be shared through the cache */
	bool uncacheable;
};

static struct synth_qstate *new_qstate(const struct sb_state *state, struct module_qstate *qstate,
				       const struct synth_zone *zone)
{
	struct synth_qstate *own = sb_own_new(state, qstate, sizeof(*own));

	if (own == NULL)
		return NULL;
	own->target_site = SIZE_MAX;
	own->zone = zone;
	return own;
}

static bool is_cname_like(uint16_t qtype)
{
	return qtype == SB_TYPE_CNAME || qtype == SB_TYPE_ANY;
}

/** Make own->target the name at a site. @return whether there can be such a name. */
static bool aim(struct module_qstate *qstate, struct synth_qstate *own, size_t site)
{
	struct sb_query query;

	if (own->target_site == site)
		return own->target_len > 0;
	own->target_site = site;
	own->target_len = 0;
	if (own->target == NULL)
		own->target = regional_alloc(qstate->region, SB_DNAME_MAX);
	return own->target != NULL && sb_query_from(&qstate->qinfo, &query) &&
	       synth_target(own->zone, &query.qname, site, own->target, &own->target_len) == SB_OK;
}

/** TTL of the CNAME to a site, seconds. */
static uint32_t cname_ttl(const struct synth_zone *zone, size_t site)
{
	return site == 0 ? zone->ttl : zone->fallback_ttl;
}

/** The CNAME to a site, in the region. */
static struct ub_packed_rrset_key *make_cname(struct module_qstate *qstate,
					      struct synth_qstate *own, size_t site)
{
	uint8_t rr[2 + SB_DNAME_MAX];

	if (!aim(qstate, own, site))
		return NULL;
	rr[0] = 0;
	rr[1] = (uint8_t)own->target_len;
	memcpy(rr + 2, own->target, own->target_len);
	return sb_rrset_make(qstate->region, qstate->qinfo.qname, qstate->qinfo.qname_len,
			     SB_TYPE_CNAME, cname_ttl(own->zone, site), rr, own->target_len + 2, 1);
}

/**
 * Whether an answer is worth a place in the cache: the question was asked before, or the cache wants
 * it anew. Making the answer again from what is cached costs less than storing it, and names that
 * nobody asks for twice, which anyone may send without end, drive nothing out of the cache.
 * Other names may have driven the tag out meanwhile: then it is the next time that counts.
 */
static bool is_worth_storing(const struct module_qstate *qstate)
{
	static _Atomic uint32_t rows[TAG_ROWS][TAGS_IN_ROW];
	uint32_t tag = sb_octets_hash(qstate->qinfo.qtype, qstate->qinfo.qname,
				      qstate->qinfo.qname_len);
	_Atomic uint32_t *row = rows[tag % TAG_ROWS];
	uint32_t newer = tag, older;
	unsigned i;

	/* threads that meet here lose a tag at worst */
	for (i = 0; i < TAGS_IN_ROW; i++) {
		if (atomic_load_explicit(&row[i], memory_order_relaxed) == tag)
			return true;
	}
	for (i = 0; i < TAGS_IN_ROW; i++, newer = older) {
		older = atomic_load_explicit(&row[i], memory_order_relaxed);
		atomic_store_explicit(&row[i], newer, memory_order_relaxed);
	}
	return qstate->prefetch_leeway > 0;
}

/** Answer with the CNAME to a site and, behind it, what the site said (NULL: nothing). */
static void compose(const struct sb_state *state, struct module_qstate *qstate,
		    struct synth_qstate *own, size_t site, const struct reply_info *target)
{
	struct ub_packed_rrset_key *cname = make_cname(qstate, own, site);
	size_t an = target != NULL ? target->an_numrrsets : 0;
	size_t ns = target != NULL ? target->ns_numrrsets : 0;
	struct query_info asked = qstate->qinfo;
	struct ub_packed_rrset_key *authority = NULL;
	const struct sb_soa *soa = NULL;
	enum sec_status security = sec_status_insecure;
	time_t ttl = cname_ttl(own->zone, site);
	struct reply_info *rep = NULL;
	unsigned rcode = 0;

	if (target != NULL) {
		rcode = FLAGS_GET_RCODE(target->flags);
		if (sb_reply_ttl(target) < ttl)
			ttl = sb_reply_ttl(target);
		/* with CD a client may have the bogus data, but it stays marked */
		if (!sb_is_usable(qstate, target))
			security = target->security;
		asked.qname = own->target;
		asked.qname_len = own->target_len;
		soa = sb_alias_nodata(state->module, &asked, target);
	}
	if (soa != NULL) {
		rcode = LDNS_RCODE_NOERROR;
		ttl = soa->ttl < ttl ? (time_t)soa->ttl : ttl;
		authority = sb_rrset_soa(qstate->region, soa);
		ns = 1;
	}
	/* an RRset is missing only when memory is short */
	if (cname != NULL && (soa != NULL) == (authority != NULL))
		rep = sb_compat_reply(qstate->region, (uint16_t)(BIT_QR | BIT_RA | rcode), ttl,
				      1 + an, ns, 0, 1 + an + ns, security);
	if (rep != NULL) {
		rep->rrsets[0] = cname;
		if (authority != NULL)
			rep->rrsets[1] = authority;
		else if (an + ns > 0)
			memcpy(rep->rrsets + 1, target->rrsets, (an + ns) * sizeof(rep->rrsets[0]));
		sb_ede_append_cached(state->module, &qstate->qinfo, rep,
				     &qstate->edns_opts_front_out, qstate->region);
	}
	sb_reply_message(state, qstate, rep);
	if (own->uncacheable || security != sec_status_insecure ||
	    is_cname_like(qstate->qinfo.qtype))
		sb_withhold(qstate);
	if (rep != NULL && !qstate->no_cache_store && is_worth_storing(qstate))
		sb_cache_store(qstate);
	sb_reply_respip(state, qstate);
}

/** Whether the answer to a target leads back to the name that was asked. */
static bool leads_back(const struct module_qstate *qstate, const struct reply_info *rep)
{
	size_t i;

	for (i = 0; i < rep->an_numrrsets; i++) {
		const struct ub_packed_rrset_key *rrset = rep->rrsets[i];
		uint8_t *target = NULL;
		size_t target_len = 0;

		if (ntohs(rrset->rk.type) != LDNS_RR_TYPE_CNAME)
			continue;
		get_cname_target((struct ub_packed_rrset_key *)(uintptr_t)rrset, &target,
				 &target_len);
		if (target != NULL && sb_is_qname(qstate, target, target_len))
			return true;
	}
	return false;
}

/** What a reply for a target says of its existence at the site. */
static enum outcome judge(const struct module_qstate *qstate, const struct reply_info *rep)
{
	unsigned rcode;

	if (rep == NULL)
		return OUTCOME_FAILED;
	if (!sb_is_usable(qstate, rep) && !(qstate->query_flags & BIT_CD))
		return OUTCOME_FAILED;
	if (leads_back(qstate, rep))
		return OUTCOME_FAILED;
	rcode = FLAGS_GET_RCODE(rep->flags);
	if (rcode == LDNS_RCODE_NOERROR)
		return OUTCOME_EXISTS;
	if (rcode != LDNS_RCODE_NXDOMAIN)
		return OUTCOME_FAILED;
	/* an alias to a name that does not exist is itself a name that does */
	return rep->an_numrrsets > 0 ? OUTCOME_EXISTS : OUTCOME_ABSENT;
}

/** Whether the question at a site is for an A record, to learn whether the name is there. No other
 * type is asked: that there is no AAAA, HTTPS or TXT may be a filter's word, and no fact about the
 * name, be it NXDOMAIN (RFC 4074 section 4.2) or NODATA; and all types are to be of one site. */
static bool asks_a(const struct module_qstate *qstate, const struct synth_qstate *own)
{
	return own->zone->site_count > 1 && !own->found && qstate->qinfo.qtype != SB_TYPE_A;
}

/** Ask the question of this site, from the cache or by a sub-query. False: the query waits. */
static bool ask_site(const struct sb_state *state, struct module_qstate *qstate,
		     struct synth_qstate *own)
{
	struct query_info qinfo = qstate->qinfo;
	struct dns_msg *msg = NULL;

	own->incoming = NULL;
	own->informed = true;
	qinfo.qname = own->target;
	qinfo.qname_len = own->target_len;
	qinfo.local_alias = NULL;
	if (asks_a(qstate, own))
		qinfo.qtype = SB_TYPE_A;
	/* the cache knows nothing of what the jobs do to a question */
	if (!sb_is_claimed(state, &qinfo))
		msg = sb_cache_lookup(qstate, &qinfo);
	if (msg != NULL) {
		own->incoming = msg->rep;
		return true;
	}
	if (!sb_attach_sub(state, qstate, &qinfo))
		return true;
	own->informed = false;
	return false;
}

/** No site has the name, or one that decides failed. */
static void conclude(const struct sb_state *state, struct module_qstate *qstate,
		     struct synth_qstate *own)
{
	enum synth_counter counter = SYNTH_COUNT_SITE_NXDOMAIN;

	if (own->any_failed) {
		counter = SYNTH_COUNT_SITE_SERVFAIL;
		sb_reply_servfail(state, qstate);
	} else if (is_cname_like(qstate->qinfo.qtype)) {
		compose(state, qstate, own, 0, NULL);
	} else {
		compose(state, qstate, own, 0, own->local_nxdomain);
	}
	sb_count(state, qstate->env, own->zone->rule, counter);
}

/** Ask what must be asked at one site, until the outcome is known or the query must wait. */
static enum outcome try_site(const struct sb_state *state, struct module_qstate *qstate,
			     struct synth_qstate *own)
{
	for (;;) {
		enum outcome outcome;

		if (!own->informed) {
			/* longer than a name can be: it is nowhere */
			if (!aim(qstate, own, own->site))
				return own->target != NULL ? OUTCOME_ABSENT : OUTCOME_FAILED;
			if (!ask_site(state, qstate, own))
				return OUTCOME_WAITS;
		}
		own->informed = false;
		own->reply = own->incoming;
		outcome = judge(qstate, own->reply);
		/* A has decided: whatever this type says, is the answer */
		if (own->found)
			return outcome == OUTCOME_ABSENT ? OUTCOME_EXISTS : outcome;
		if (outcome != OUTCOME_EXISTS || !asks_a(qstate, own) ||
		    is_cname_like(qstate->qinfo.qtype))
			return outcome;
		own->found = true;
	}
}

/** Go on with a site name: one site after the other, until it is answered or must wait. */
static void follow(const struct sb_state *state, struct module_qstate *qstate,
		   struct synth_qstate *own)
{
	for (; own->site < own->zone->site_count; own->site++) {
		enum outcome outcome = try_site(state, qstate, own);

		if (outcome == OUTCOME_WAITS)
			return;
		if (outcome == OUTCOME_EXISTS) {
			compose(state, qstate, own, own->site,
				is_cname_like(qstate->qinfo.qtype) ? NULL : own->reply);
			sb_count(state, qstate->env, own->zone->rule,
				 own->site == 0 ? SYNTH_COUNT_SITE_LOCAL
						: SYNTH_COUNT_SITE_FALLBACK);
			return;
		}
		if (outcome == OUTCOME_FAILED) {
			own->any_failed = true;
			if (!own->zone->error_is_next || own->found)
				break;
		}
		if (own->site == 0)
			own->local_nxdomain = own->reply;
		own->reply = NULL;
	}
	conclude(state, qstate, own);
}

/** Real data was asked for first; decide about what there is. */
static void handle_upstream(const struct sb_state *state, struct module_qstate *qstate,
			    const struct sb_query *query)
{
	const struct reply_info *rep;
	struct sb_verdict verdict;

	if (qstate->return_rcode != LDNS_RCODE_NOERROR || qstate->return_msg == NULL)
		return;
	rep = qstate->return_msg->rep;
	if (qstate->env->need_to_validate && rep->security == sec_status_bogus)
		return;
	synth_decide_upstream(state->section, query, FLAGS_GET_RCODE(rep->flags),
			      rep->an_numrrsets > 0, &verdict);
	sb_switch_verdict(state, &verdict);
	if (verdict.kind != SB_ANSWER)
		return;
	sb_reply_verdict(state, qstate, &verdict);
}

/** Decide about a question. */
static void handle_question(const struct sb_state *state, struct module_qstate *qstate,
			    const struct sb_query *query)
{
	const struct synth_conf *conf = state->section;
	struct synth_qstate *own;
	struct sb_verdict verdict;

	synth_decide(conf, query, &verdict);
	sb_switch_verdict(state, &verdict);
	switch (verdict.kind) {
	case SB_PASS:
		break;
	case SB_ANSWER:
		sb_reply_verdict(state, qstate, &verdict);
		break;
	case SB_ASK_UPSTREAM:
		if (new_qstate(state, qstate, NULL) == NULL)
			sb_reply_servfail(state, qstate);
		break;
	case SB_FOLLOW:
		if (conf->zone[verdict.rule]->kind == SYNTH_RING) {
			ring_follow(state, qstate, query, conf->zone[verdict.rule]);
			break;
		}
		own = new_qstate(state, qstate, conf->zone[verdict.rule]);
		if (own == NULL)
			sb_reply_servfail(state, qstate);
		else
			follow(state, qstate, own);
		break;
	}
}

static bool is_of_ring(const struct synth_own *own)
{
	return own != NULL && own->zone != NULL && own->zone->kind == SYNTH_RING;
}

static void synth_operate(struct sb_state *state, struct module_qstate *qstate,
			  enum module_ev event, const struct sb_query *query)
{
	struct synth_qstate *own = sb_own(state, qstate);

	if (is_of_ring(sb_own(state, qstate))) {
		ring_go_on(state, qstate, query);
	} else if (own != NULL && own->zone != NULL) {
		/* a failed sub-query may leave without informing us */
		own->informed = true;
		follow(state, qstate, own);
	} else if (event != module_event_moddone) {
		handle_question(state, qstate, query);
	} else if (own != NULL) {
		handle_upstream(state, qstate, query);
	}
}

static bool synth_early(struct sb_state *state, struct module_env *env,
			const struct sb_query *query, size_t apex_len,
			const struct sb_client *client, struct sb_verdict *verdict)
{
	unsigned left;
	const struct synth_zone *zone = sb_zones_find(state->rules->zones, &query->qname, &left);

	(void)env, (void)client;
	if (zone == NULL || zone->apex.wire_len != apex_len || zone->kind != SYNTH_ADDRESSES ||
	    !zone->otherwise_nxdomain)
		return false;
	synth_decide_in(state->section, zone, left, query, verdict);
	/* the local zone has nothing: upstream in its place */
	if (verdict->kind == SB_ASK_UPSTREAM)
		synth_decide_upstream(state->section, query, SB_NXDOMAIN, false, verdict);
	sb_switch_verdict(state, verdict);
	return true;
}

static void synth_inform_super(struct sb_state *state, struct module_qstate *sub,
			       struct module_qstate *super)
{
	struct synth_qstate *own = sb_own(state, super);

	if (is_of_ring(sb_own(state, super))) {
		ring_inform(state, sub, super);
		return;
	}
	if (sub->no_cache_store)
		own->uncacheable = true;
	if (sub->return_rcode != LDNS_RCODE_NOERROR || sub->return_msg == NULL)
		return;
	own->incoming = sb_reply_copy(super->region, sub->return_msg->rep);
}

static void synth_clear(const struct sb_state *state, struct module_qstate *qstate)
{
	if (is_of_ring(sb_own(state, qstate)))
		ring_clear(state, qstate);
}

/** Whether synth answers a question otherwise than with this reply from upstream. */
static bool overrides(const struct sb_state *state, const struct sb_query *query,
		      const struct reply_info *rep)
{
	struct sb_verdict verdict;

	synth_decide(state->section, query, &verdict);
	if (verdict.kind == SB_ASK_UPSTREAM)
		synth_decide_upstream(state->section, query, FLAGS_GET_RCODE(rep->flags),
				      rep->an_numrrsets > 0, &verdict);
	sb_switch_verdict(state, &verdict);
	return verdict.kind != SB_PASS;
}

static bool synth_guards(struct sb_state *state, struct module_qstate *qstate,
			 const struct sb_query *query, struct dns_msg *response)
{
	(void)qstate;
	return overrides(state, query, response->rep);
}

static bool synth_follows(const struct sb_state *state, const struct sb_query *query)
{
	struct sb_verdict verdict;

	synth_decide(state->section, query, &verdict);
	sb_switch_verdict(state, &verdict);
	return verdict.kind != SB_PASS;
}

static bool synth_claims(const struct sb_state *state, const struct sb_query *query)
{
	struct sb_verdict verdict;

	synth_decide(state->section, query, &verdict);
	return verdict.kind != SB_PASS;
}

static enum sb_ede synth_cached_ede(const struct sb_state *state, const struct sb_query *query,
				    const struct reply_info *rep, char *text)
{
	struct query_info target = {.qtype = query->qtype, .qclass = query->qclass};
	struct sb_query behind;
	unsigned left;
	size_t i;

	(void)text;
	/* nothing but a composed answer begins with an alias that is kept apart */
	if (rep->an_numrrsets == 0 || !(rep->rrsets[0]->rk.flags & PACKED_RRSET_RPZ) ||
	    (ntohs(rep->rrsets[0]->rk.type) != LDNS_RR_TYPE_CNAME &&
	     ntohs(rep->rrsets[0]->rk.type) != LDNS_RR_TYPE_DNAME))
		return SB_EDE_NONE;
	if (sb_zones_find(state->rules->zones, &query->qname, &left) != NULL)
		return SB_EDE_SYNTHESIZED;
	/* one from elsewhere leads to a computed name, which has this when asked directly; for ANY there
	 * is nothing behind it */
	for (i = 0; query->qtype != SB_TYPE_ANY && i < rep->an_numrrsets; i++) {
		struct sb_verdict verdict;

		if (!sb_alias_target(rep->rrsets[i], &target) || !sb_query_from(&target, &behind))
			continue;
		synth_decide(state->section, &behind, &verdict);
		if (verdict.kind == SB_ANSWER)
			return verdict.ede;
		if (verdict.kind == SB_FOLLOW)
			return SB_EDE_SYNTHESIZED;
	}
	return SB_EDE_NONE;
}

const struct sb_job synth_job = {
	.name = "synth",
	.start = rings_start,
	.stop = rings_stop,
	.clear = synth_clear,
	.operate = synth_operate,
	.early = synth_early,
	.inform_super = synth_inform_super,
	.guards = synth_guards,
	.claims = synth_claims,
	.follows = synth_follows,
	.cached_ede = synth_cached_ede,
	.counter_names = synth_counter_names,
	.counter_count = SYNTH_COUNTERS,
	.more_counters = rings_count,
	.memory = rings_memory,
};
