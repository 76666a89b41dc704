/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * noaaaa's side of the adapter. A question for AAAA under a rule is answered at once. Everything
 * else is resolved, and what comes back is freed of AAAA records and ipv6hints whose owner is
 * under a rule; only what was freed of them enters the message cache.
 */
#include "../unbound/cache.h"
#include "../unbound/counters.h"
#include "../unbound/query.h"
#include "../unbound/reply.h"
#include "../unbound/subquery.h"
#include "../unbound/switch.h"
#include "noaaaa.h"

#include <string.h>

/** Owners whose A records are looked for in one query; behind them AAAA are removed unseen. */
#define OWNERS_MAX 8

enum has_a { HAS_A_UNKNOWN, HAS_A_YES, HAS_A_NO, HAS_A_ERROR };

struct owner {
	const uint8_t *name;
	size_t name_len;
	enum has_a has_a;
};

/** A query that noaaaa is not done with; in the query's region. */
struct noaaaa_qstate {
	/** the guard kept upstream's response out of the cache for our sake */
	bool guarded;
	/** upstream's answer is in and is being filtered; else the question is being judged */
	struct dns_msg *upstream;
	/** the question is judged after upstream was asked; late_msg and late_rcode are its answer */
	bool late;
	struct dns_msg *late_msg;
	int late_rcode;
	/** a rule looked at who asks, or could not find out about A: not for other clients */
	bool uncacheable;
	/** AAAA at the qname itself stays: the rule does not apply to it */
	bool keep_qname;
	/** no message of this query enters the cache, by our own will */
	bool withheld;
	/** the owner whose A record a sub-query asks for */
	struct owner *asking;
	struct owner owner[OWNERS_MAX];
	unsigned owner_count;
	/** of the switches when the query began */
	unsigned generation;
};

static struct noaaaa_qstate *own_of(const struct sb_state *state, struct module_qstate *qstate)
{
	struct noaaaa_qstate *own = sb_own(state, qstate);

	if (own == NULL) {
		own = sb_own_new(state, qstate, sizeof(*own));
		if (own != NULL) {
			own->generation = sb_generation(state);
			/* then Unbound tells what it has, and not what there is */
			own->uncacheable = !(qstate->query_flags & BIT_RD);
		}
	}
	return own;
}

static bool is_meant(void *arg, const struct sb_addr *client)
{
	return noaaaa_means(arg, client);
}

/** Whether a rule applies to those who wait for the query. When they differ (only possible for a
 * sub-query that several clients share) it does: AAAA is what one can do without. */
static bool applies(struct module_qstate *qstate, const struct noaaaa_rule *rule,
		    struct noaaaa_qstate *own)
{
	if (!rule->by_client)
		return true;
	own->uncacheable = true;
	return sb_clients_ask(qstate, is_meant, (void *)(uintptr_t)rule) != SB_CLIENTS_NO_ONE;
}

/** The zone whose rule a name is under, when it is switched on. */
static const struct noaaaa_zone *find_zone(const struct sb_state *state, const uint8_t *name,
					   size_t name_len)
{
	const struct noaaaa_zone *zone;
	struct sb_dname dname;

	if (sb_dname_parse(&dname, name, name_len) != SB_OK)
		return NULL;
	zone = noaaaa_find(state->section, &dname);
	return zone != NULL && !sb_is_off(state, zone->index) ? zone : NULL;
}

static enum has_a judge_a(const struct module_qstate *qstate, const struct dns_msg *msg)
{
	unsigned rcode;
	size_t i;

	if (msg == NULL || !sb_is_usable(qstate, msg->rep))
		return HAS_A_ERROR;
	rcode = FLAGS_GET_RCODE(msg->rep->flags);
	if (rcode != LDNS_RCODE_NOERROR && rcode != LDNS_RCODE_NXDOMAIN)
		return HAS_A_ERROR;
	for (i = 0; i < msg->rep->an_numrrsets; i++) {
		if (ntohs(msg->rep->rrsets[i]->rk.type) == LDNS_RR_TYPE_A)
			return HAS_A_YES;
	}
	return HAS_A_NO;
}

/** Whether a name has an A record; HAS_A_UNKNOWN: a sub-query was attached, and the query waits. */
static enum has_a look_for_a(const struct sb_state *state, struct module_qstate *qstate,
			     struct noaaaa_qstate *own, const uint8_t *name, size_t name_len)
{
	struct query_info qinfo = qstate->qinfo;
	struct owner *owner;
	struct dns_msg *msg;
	unsigned i;

	for (i = 0; i < own->owner_count; i++) {
		if (own->owner[i].name_len == name_len &&
		    sb_octets_equal(own->owner[i].name, name, name_len))
			return own->owner[i].has_a;
	}
	if (own->owner_count == OWNERS_MAX)
		return HAS_A_YES;
	owner = &own->owner[own->owner_count++];
	owner->name = name;
	owner->name_len = name_len;
	qinfo.qname = (uint8_t *)(uintptr_t)name;
	qinfo.qname_len = name_len;
	qinfo.qtype = LDNS_RR_TYPE_A;
	qinfo.local_alias = NULL;
	msg = sb_cache_lookup(qstate, &qinfo);
	if (msg != NULL) {
		owner->has_a = judge_a(qstate, msg);
	} else {
		/* what inform_super() overwrites, if the sub-query ends as it should */
		owner->has_a = HAS_A_ERROR;
		if (sb_attach_sub(state, qstate, &qinfo)) {
			own->asking = owner;
			return HAS_A_UNKNOWN;
		}
	}
	return owner->has_a;
}

/** Whether AAAA of a name under a rule goes. *waits is set when that must be found out first. */
static bool goes(const struct sb_state *state, struct module_qstate *qstate,
		 struct noaaaa_qstate *own, const struct noaaaa_zone *zone, const uint8_t *name,
		 size_t name_len, bool *waits)
{
	/* (others may have joined a sub-query since, who are meant) */
	if (own->keep_qname && !zone->rule->by_client && sb_is_qname(qstate, name, name_len))
		return false;
	if (!applies(qstate, zone->rule, own))
		return false;
	if (!zone->rule->only_if_a)
		return true;
	switch (look_for_a(state, qstate, own, name, name_len)) {
	case HAS_A_YES:
		return true;
	case HAS_A_NO:
		return false;
	case HAS_A_ERROR:
		/* an error is never the answer to AAAA, nor is it worth remembering */
		own->uncacheable = true;
		return false;
	case HAS_A_UNKNOWN:
	default:
		*waits = true;
		return false;
	}
}

static bool has_hints(uint16_t rrtype)
{
	return rrtype == LDNS_RR_TYPE_HTTPS || rrtype == LDNS_RR_TYPE_SVCB;
}

/* --- before upstream is asked --- */

/** Keep every message of the query out of the cache. */
static void withhold(const struct sb_state *state, struct module_qstate *qstate)
{
	struct noaaaa_qstate *own = own_of(state, qstate);

	if (own != NULL && !qstate->no_cache_store)
		own->withheld = true;
	sb_withhold(qstate);
}

/** @return whether the query is answered or waits; else it is for upstream. */
static bool judge_question(const struct sb_state *state, struct module_qstate *qstate)
{
	struct sb_verdict verdict = {.kind = SB_PASS};
	const struct noaaaa_zone *zone;
	struct noaaaa_qstate *own;
	bool waits = false;

	if (qstate->qinfo.qclass != LDNS_RR_CLASS_IN ||
	    (qstate->qinfo.qtype != LDNS_RR_TYPE_AAAA && qstate->qinfo.qtype != LDNS_RR_TYPE_ANY &&
	     !has_hints(qstate->qinfo.qtype)))
		return false;
	zone = find_zone(state, qstate->qinfo.qname, qstate->qinfo.qname_len);
	if (zone == NULL)
		return false;
	if (qstate->qinfo.qtype != LDNS_RR_TYPE_AAAA) {
		if (!zone->rule->by_client)
			return false;
		withhold(state, qstate);
		/* not composed of what the cache happens to have of the name */
		if (qstate->qinfo.qtype == LDNS_RR_TYPE_ANY && !qstate->env->cfg->deny_any)
			qstate->no_cache_lookup = 1;
		return false;
	}
	if (zone->rule->only_if_a || zone->rule->by_client) {
		own = own_of(state, qstate);
		if (own == NULL) {
			sb_reply_servfail(state, qstate);
			return true;
		}
		if (!goes(state, qstate, own, zone, qstate->qinfo.qname, qstate->qinfo.qname_len,
			  &waits)) {
			if (waits)
				return true;
			own->keep_qname = true;
			sb_count(state, qstate->env, zone->index,
				 zone->rule->by_client && !zone->rule->only_if_a
					 ? NOAAAA_COUNT_CLIENT_PASSED
					 : NOAAAA_COUNT_KEPT);
			if (own->uncacheable)
				withhold(state, qstate);
			return false;
		}
		/* tells a query that waits for this one not to share what it makes of it */
		if (own->uncacheable)
			sb_withhold(qstate);
	}
	noaaaa_suppress(zone, &verdict);
	sb_reply_verdict(state, qstate, &verdict);
	return true;
}

/* --- when upstream has answered --- */

/** A copy of an SVCB or HTTPS RRset without ipv6hints and signatures; NULL when memory is short,
 * the RRset itself when there is nothing to take out. */
static struct ub_packed_rrset_key *strip_hints(struct regional *region,
					       struct ub_packed_rrset_key *rrset)
{
	const struct packed_rrset_data *data = rrset->entry.data;
	struct ub_packed_rrset_key *made;
	size_t i, room = 0, at = 0;
	bool changed = false;
	uint8_t *rrs;

	for (i = 0; i < data->count; i++)
		room += data->rr_len[i];
	rrs = regional_alloc(region, room);
	if (rrs == NULL)
		return NULL;
	for (i = 0; i < data->count; i++) {
		const uint8_t *rr = data->rr_data[i];
		size_t rdata_len;

		if (noaaaa_strip_hint(rr + 2, data->rr_len[i] - 2, rrs + at + 2, &rdata_len)) {
			changed = true;
		} else {
			rdata_len = data->rr_len[i] - 2;
			memcpy(rrs + at + 2, rr + 2, rdata_len);
		}
		rrs[at] = (uint8_t)(rdata_len >> 8);
		rrs[at + 1] = (uint8_t)rdata_len;
		at += 2 + rdata_len;
	}
	if (!changed)
		return rrset;
	made = sb_rrset_make(region, rrset->rk.dname, rrset->rk.dname_len, ntohs(rrset->rk.type),
			     (uint32_t)data->ttl, rrs, at, (unsigned)data->count);
	return made;
}

/** What a message becomes. */
struct filtered {
	struct reply_info *rep;
	/** the zone of the last record that was taken out; NULL: nothing was */
	const struct noaaaa_zone *zone;
	/** a record was taken out of the answer section */
	bool answer_lost;
	/** hints were taken out of a record */
	bool hints_lost;
	bool failed;
};

/** Filter one section into result->rep. False: the query waits, or memory is short. */
static bool filter_section(const struct sb_state *state, struct module_qstate *qstate,
			   struct noaaaa_qstate *own, const struct reply_info *from, size_t first,
			   size_t count, struct filtered *result, size_t *kept)
{
	size_t i;

	*kept = 0;
	for (i = first; i < first + count; i++) {
		struct ub_packed_rrset_key *rrset = from->rrsets[i];
		uint16_t rrtype = ntohs(rrset->rk.type);
		const struct noaaaa_zone *zone = NULL;
		bool waits = false;

		if (rrtype == LDNS_RR_TYPE_AAAA || has_hints(rrtype))
			zone = find_zone(state, rrset->rk.dname, rrset->rk.dname_len);
		if (zone != NULL &&
		    goes(state, qstate, own, zone, rrset->rk.dname, rrset->rk.dname_len, &waits)) {
			struct ub_packed_rrset_key *stripped = NULL;

			if (has_hints(rrtype)) {
				stripped = strip_hints(qstate->region, rrset);
				if (stripped == NULL) {
					result->failed = true;
					return false;
				}
			}
			if (stripped != rrset)
				result->zone = zone;
			if (stripped == NULL) {
				result->answer_lost = result->answer_lost || first == 0;
				continue;
			}
			result->hints_lost = result->hints_lost || stripped != rrset;
			rrset = stripped;
		}
		if (waits)
			return false;
		result->rep->rrsets[result->rep->rrset_count++] = rrset;
		(*kept)++;
	}
	return true;
}

/** Whether the answer section still answers the question. */
static bool still_answers(const struct module_qstate *qstate, const struct reply_info *rep)
{
	size_t i;

	for (i = 0; i < rep->an_numrrsets; i++) {
		uint16_t rrtype = ntohs(rep->rrsets[i]->rk.type);

		if (rrtype == qstate->qinfo.qtype || qstate->qinfo.qtype == LDNS_RR_TYPE_ANY)
			return true;
	}
	return false;
}

/** Put what is left together; an answer that is lost becomes NODATA behind its aliases. */
static bool assemble(struct module_qstate *qstate, const struct reply_info *from,
		     struct filtered *result, size_t an, size_t ns, size_t ar)
{
	struct reply_info *rep = result->rep;

	rep->an_numrrsets = an;
	rep->ns_numrrsets = ns;
	rep->ar_numrrsets = ar;
	rep->authoritative = from->authoritative;
	if (result->answer_lost && !still_answers(qstate, rep)) {
		struct ub_packed_rrset_key *soa = sb_rrset_soa(qstate->region, &result->zone->soa);

		if (soa == NULL)
			return false;
		rep->rrsets[an] = soa;
		rep->ns_numrrsets = 1;
		rep->ar_numrrsets = 0;
		rep->rrset_count = an + 1;
	}
	rep->ttl = sb_reply_ttl(rep);
	rep->prefetch_ttl = PREFETCH_TTL_CALC(rep->ttl);
	rep->serve_expired_ttl = rep->ttl + SERVE_EXPIRED_TTL;
	return true;
}

/** The Extended DNS Error of a filtered message: where the client can tell that something is
 * missing, and where a repeat from the cache can be told to be ours. */
static enum sb_ede ede_of(const struct sb_state *state, const struct reply_info *rep)
{
	size_t i;

	for (i = 0; i < rep->rrset_count; i++) {
		const struct packed_rrset_key *rk = &rep->rrsets[i]->rk;
		uint16_t rrtype = ntohs(rk->type);

		if ((rk->flags & PACKED_RRSET_RPZ) &&
		    (rrtype == LDNS_RR_TYPE_SOA || has_hints(rrtype)) &&
		    find_zone(state, rk->dname, rk->dname_len) != NULL)
			return SB_EDE_FILTERED;
	}
	return SB_EDE_NONE;
}

/** Filter own->upstream; sets the state of the query. */
static void filter(const struct sb_state *state, struct module_qstate *qstate,
		   struct noaaaa_qstate *own)
{
	const struct reply_info *from = own->upstream->rep;
	struct filtered result = {.rep = NULL};
	size_t an, ns, ar;

	sb_finish(state, qstate);
	qstate->return_msg = own->upstream;
	qstate->return_rcode = LDNS_RCODE_NOERROR;
	/* a bogus answer to a client with CD stays marked, and out of the cache */
	result.rep = sb_compat_reply(
		qstate->region, from->flags, from->ttl, 0, 0, 0, from->rrset_count + 1,
		sb_is_usable(qstate, from) ? sec_status_insecure : from->security);
	if (result.rep == NULL) {
		sb_reply_servfail(state, qstate);
		return;
	}
	result.rep->rrset_count = 0;
	if (!filter_section(state, qstate, own, from, 0, from->an_numrrsets, &result, &an) ||
	    !filter_section(state, qstate, own, from, from->an_numrrsets, from->ns_numrrsets,
			    &result, &ns) ||
	    !filter_section(state, qstate, own, from, from->an_numrrsets + from->ns_numrrsets,
			    from->ar_numrrsets, &result, &ar)) {
		if (result.failed)
			sb_reply_servfail(state, qstate);
		return;
	}
	if (result.zone != NULL) {
		if (!assemble(qstate, from, &result, an, ns, ar)) {
			sb_reply_servfail(state, qstate);
			return;
		}
		sb_count(state, qstate->env, result.zone->index,
			 result.hints_lost ? NOAAAA_COUNT_HINTS : NOAAAA_COUNT_FILTERED);
		sb_reply_ede(state, qstate, ede_of(state, result.rep));
		sb_reply_message(state, qstate, result.rep);
	}
	if (own->uncacheable || own->generation != sb_generation(state) || sb_is_changed(qstate)) {
		/* built from cached RRsets it may be in the cache nevertheless, changed or not */
		if (!qstate->no_cache_store)
			sb_cache_forget(qstate);
		sb_withhold(qstate);
		return;
	}
	if (own->guarded) {
		sb_release(qstate);
		if (qstate->return_msg != NULL)
			qstate->return_msg->rep->ttl = sb_reply_ttl(qstate->return_msg->rep);
	}
	if ((own->guarded || result.zone != NULL) && !qstate->no_cache_store &&
	    qstate->return_msg != NULL && sb_is_usable(qstate, qstate->return_msg->rep))
		sb_cache_store(qstate);
}

/** Whether a message holds anything that a rule may be about. */
static bool concerns(const struct sb_state *state, const struct reply_info *rep)
{
	size_t i;

	for (i = 0; i < rep->rrset_count; i++) {
		const struct packed_rrset_key *rk = &rep->rrsets[i]->rk;
		uint16_t rrtype = ntohs(rk->type);

		if ((rrtype == LDNS_RR_TYPE_AAAA || has_hints(rrtype)) &&
		    find_zone(state, rk->dname, rk->dname_len) != NULL)
			return true;
	}
	return false;
}

static void judge_answer(const struct sb_state *state, struct module_qstate *qstate)
{
	struct noaaaa_qstate *own = sb_own(state, qstate);

	if (qstate->return_rcode != LDNS_RCODE_NOERROR || qstate->return_msg == NULL ||
	    qstate->qinfo.qclass != LDNS_RR_CLASS_IN)
		return;
	if (own == NULL && !concerns(state, qstate->return_msg->rep))
		return;
	own = own_of(state, qstate);
	if (own == NULL) {
		sb_reply_servfail(state, qstate);
		return;
	}
	own->upstream = qstate->return_msg;
	filter(state, qstate, own);
}

/** Judge a question that upstream has answered without our being asked first. */
static void judge_late(const struct sb_state *state, struct module_qstate *qstate)
{
	struct noaaaa_qstate *own = own_of(state, qstate);

	if (own == NULL) {
		sb_reply_servfail(state, qstate);
		return;
	}
	if (!own->late) {
		own->late = true;
		own->late_msg = qstate->return_msg;
		own->late_rcode = qstate->return_rcode;
	}
	sb_finish(state, qstate);
	if (judge_question(state, qstate))
		return;
	qstate->return_msg = own->late_msg;
	qstate->return_rcode = own->late_rcode;
	judge_answer(state, qstate);
}

static void noaaaa_operate(struct sb_state *state, struct module_qstate *qstate,
			   enum module_ev event, const struct sb_query *query)
{
	struct noaaaa_qstate *own = sb_own(state, qstate);

	(void)query;
	if (own != NULL && own->upstream != NULL)
		filter(state, qstate, own);
	else if ((own != NULL && own->late) ||
		 (event == module_event_moddone && !sb_was_seen(state, qstate)))
		judge_late(state, qstate);
	else if (event == module_event_moddone)
		judge_answer(state, qstate);
	else
		judge_question(state, qstate);
}

static void noaaaa_inform_super(struct sb_state *state, struct module_qstate *sub,
				struct module_qstate *super)
{
	struct noaaaa_qstate *own = sb_own(state, super);

	if (own->asking == NULL)
		return;
	if (sub->return_rcode == LDNS_RCODE_NOERROR)
		own->asking->has_a = judge_a(super, sub->return_msg);
	own->asking = NULL;
}

/** Whether AAAA of a name is under a rule, in a response that qstate got. */
static bool is_ruled(const struct sb_state *state, struct module_qstate *qstate,
		     const uint8_t *name, size_t name_len)
{
	const struct noaaaa_zone *zone = find_zone(state, name, name_len);
	const struct noaaaa_qstate *own = sb_own(state, qstate);

	/* what was found to be outside the rule for everyone may be cached */
	return zone != NULL && !(own != NULL && own->keep_qname && !own->uncacheable &&
				 sb_is_qname(qstate, name, name_len));
}

/** Whether a response holds what must not be served from the cache to a client. */
static bool is_tainted(const struct sb_state *state, struct module_qstate *qstate,
		       const struct dns_msg *response)
{
	const struct reply_info *rep = response->rep;
	size_t i;

	if (response->qinfo.qtype == LDNS_RR_TYPE_AAAA &&
	    is_ruled(state, qstate, response->qinfo.qname, response->qinfo.qname_len))
		return true;
	/* a referral is not an answer: its addresses are for the resolver alone */
	if (rep->an_numrrsets == 0)
		return false;
	for (i = 0; i < rep->rrset_count; i++) {
		struct ub_packed_rrset_key *rrset = rep->rrsets[i];
		uint16_t rrtype = ntohs(rrset->rk.type);

		if ((rrtype == LDNS_RR_TYPE_AAAA || has_hints(rrtype)) &&
		    is_ruled(state, qstate, rrset->rk.dname, rrset->rk.dname_len))
			return true;
		if (rrtype == LDNS_RR_TYPE_CNAME && i < rep->an_numrrsets &&
		    (qstate->qinfo.qtype == LDNS_RR_TYPE_AAAA || has_hints(qstate->qinfo.qtype))) {
			uint8_t *target = NULL;
			size_t target_len = 0;

			get_cname_target(rrset, &target, &target_len);
			if (target != NULL && find_zone(state, target, target_len) != NULL)
				return true;
		}
	}
	return false;
}

static bool noaaaa_guards(struct sb_state *state, struct module_qstate *qstate,
			  const struct sb_query *query, struct dns_msg *response)
{
	struct noaaaa_qstate *own = sb_own(state, qstate);

	if (query->qclass != SB_CLASS_IN || !is_tainted(state, qstate, response))
		return false;
	/* as the guard does for a response that is kept out only now */
	if (own != NULL && own->withheld)
		sb_compat_store_rrsets(qstate, response);
	/* the resolver's own look-ups are not filtered: their messages stay out of the cache */
	if (!sb_is_internal(qstate)) {
		own = own_of(state, qstate);
		if (own != NULL && !sb_is_withheld(qstate))
			own->guarded = true;
	}
	return true;
}

static bool noaaaa_is_by_client(const struct sb_state *state, const struct sb_query *query)
{
	const struct noaaaa_conf *conf = state->section;
	const struct noaaaa_zone *zone;

	if (!conf->any_by_client || (query->qtype != SB_TYPE_AAAA && query->qtype != SB_TYPE_ANY &&
				     !has_hints(query->qtype)))
		return false;
	zone = noaaaa_find(conf, &query->qname);
	return zone != NULL && zone->rule->by_client;
}

static bool noaaaa_claims(const struct sb_state *state, const struct sb_query *query)
{
	return (query->qtype == SB_TYPE_AAAA || query->qtype == SB_TYPE_ANY ||
		has_hints(query->qtype)) &&
	       noaaaa_find(state->section, &query->qname) != NULL;
}

static bool noaaaa_follows(const struct sb_state *state, const struct sb_query *query)
{
	return query->qtype == SB_TYPE_AAAA && query->qclass == SB_CLASS_IN &&
	       find_zone(state, query->qname.wire, query->qname.wire_len) != NULL;
}

static const struct sb_soa *noaaaa_nodata(const struct sb_state *state,
					  const struct sb_query *query)
{
	return noaaaa_follows(state, query)
		       ? &find_zone(state, query->qname.wire, query->qname.wire_len)->soa
		       : NULL;
}

static bool is_under_rule(const struct sb_state *state, const uint8_t *name, size_t name_len)
{
	struct sb_dname dname;

	return sb_dname_parse(&dname, name, name_len) == SB_OK &&
	       noaaaa_find(state->section, &dname) != NULL;
}

static bool noaaaa_touches(const struct sb_state *state, const struct sb_query *query,
			   const struct reply_info *rep)
{
	size_t i;

	if (query->qtype != SB_TYPE_AAAA && query->qtype != SB_TYPE_ANY &&
	    !has_hints(query->qtype) && rep->ar_numrrsets == 0)
		return false;
	if (is_under_rule(state, query->qname.wire, query->qname.wire_len))
		return true;
	for (i = 0; i < rep->rrset_count; i++) {
		if (is_under_rule(state, rep->rrsets[i]->rk.dname, rep->rrsets[i]->rk.dname_len))
			return true;
	}
	return false;
}

static enum sb_ede noaaaa_cached_ede(const struct sb_state *state, const struct sb_query *query,
				     const struct reply_info *rep, char *text)
{
	(void)query, (void)text;
	return ede_of(state, rep);
}

const struct sb_job noaaaa_job = {
	.name = "noaaaa",
	.operate = noaaaa_operate,
	.inform_super = noaaaa_inform_super,
	.guards = noaaaa_guards,
	.is_by_client = noaaaa_is_by_client,
	.claims = noaaaa_claims,
	.follows = noaaaa_follows,
	.nodata = noaaaa_nodata,
	.touches = noaaaa_touches,
	.cached_ede = noaaaa_cached_ede,
	.counter_names = noaaaa_counter_names,
	.counter_count = NOAAAA_COUNTERS,
};
