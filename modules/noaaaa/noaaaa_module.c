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
#include "noaaaa_answer.h"

#include <string.h>

/** Owners whose A records are looked for in one query; behind them AAAA are removed unseen. */
#define OWNERS_MAX 8

enum has_a { HAS_A_UNKNOWN, HAS_A_YES, HAS_A_NO, HAS_A_ERROR };

struct owner {
	const uint8_t *name;
	size_t name_len;
	enum has_a has_a;
	/** for how long that is known, seconds */
	time_t ttl;
};

/** A query that noaaaa is not done with; in the query's region. */
struct noaaaa_qstate {
	/** the guard kept upstream's response out of the cache for our sake */
	bool guarded;
	/** upstream's answer is in and is being filtered; else the question is being judged */
	struct dns_msg *upstream;
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
};

static struct noaaaa_qstate *own_of(const struct sb_state *state, struct module_qstate *qstate)
{
	struct noaaaa_qstate *own = sb_own(state, qstate);

	if (own == NULL) {
		own = sb_own_new(state, qstate, sizeof(*own));
		/* then Unbound tells what it has, and not what there is */
		if (own != NULL)
			own->uncacheable = !(qstate->query_flags & BIT_RD);
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

/** What the answer to A says. */
static void judge_a(const struct module_qstate *qstate, struct owner *owner,
		    const struct dns_msg *msg)
{
	unsigned rcode;
	size_t i;

	owner->has_a = HAS_A_ERROR;
	if (msg == NULL || !sb_is_usable(qstate, msg->rep))
		return;
	rcode = FLAGS_GET_RCODE(msg->rep->flags);
	if (rcode != LDNS_RCODE_NOERROR && rcode != LDNS_RCODE_NXDOMAIN)
		return;
	owner->has_a = HAS_A_NO;
	owner->ttl = msg->rep->ttl;
	for (i = 0; i < msg->rep->an_numrrsets; i++) {
		if (ntohs(msg->rep->rrsets[i]->rk.type) == LDNS_RR_TYPE_A)
			owner->has_a = HAS_A_YES;
	}
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
		judge_a(qstate, owner, msg);
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

/** Whether AAAA of a name under a rule goes. */
static enum noaaaa_word goes(const struct sb_state *state, struct module_qstate *qstate,
			     struct noaaaa_qstate *own, const struct noaaaa_zone *zone,
			     const uint8_t *name, size_t name_len)
{
	/* (others may have joined a sub-query since, who are meant) */
	if (own->keep_qname && !zone->rule->by_client && sb_is_qname(qstate, name, name_len))
		return NOAAAA_STAY;
	if (!applies(qstate, zone->rule, own))
		return NOAAAA_STAY;
	if (!zone->rule->only_if_a)
		return NOAAAA_GO;
	switch (look_for_a(state, qstate, own, name, name_len)) {
	case HAS_A_YES:
		return NOAAAA_GO;
	case HAS_A_NO:
		return NOAAAA_STAY;
	case HAS_A_ERROR:
		/* an error is never the answer to AAAA, nor is it worth remembering */
		own->uncacheable = true;
		return NOAAAA_STAY;
	case HAS_A_UNKNOWN:
	default:
		return NOAAAA_WAIT;
	}
}

/** What noaaaa_answer.c asks, and about which query. */
struct asking {
	const struct sb_state *state;
	struct module_qstate *qstate;
	struct noaaaa_qstate *own;
};

static const struct noaaaa_zone *asked_find(void *arg, const uint8_t *name, size_t name_len)
{
	return find_zone(((struct asking *)arg)->state, name, name_len);
}

static enum noaaaa_word asked_goes(void *arg, const struct noaaaa_zone *zone, const uint8_t *name,
				   size_t name_len)
{
	struct asking *asking = arg;

	return goes(asking->state, asking->qstate, asking->own, zone, name, name_len);
}

static struct noaaaa_rrset rrset_of(const struct ub_packed_rrset_key *key)
{
	const struct packed_rrset_data *data = key->entry.data;

	return (struct noaaaa_rrset){.owner = key->rk.dname,
				     .owner_len = key->rk.dname_len,
				     .rrtype = ntohs(key->rk.type),
				     .rr = data->rr_data,
				     .rr_count = data->count};
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

/** Keep the answer to AAAA that A has decided, for as long as A is known: then repeats cost no more
 * than others from the cache. */
static void keep_answer(const struct noaaaa_zone *zone, struct module_qstate *qstate,
			const struct noaaaa_qstate *own)
{
	struct reply_info *rep = qstate->return_msg != NULL ? qstate->return_msg->rep : NULL;
	time_t ttl = own->owner[0].ttl;

	/* a resolver without IPv4 would take it for the word on a name server's only address */
	if (rep == NULL || !zone->rule->only_if_a || own->owner_count == 0 || own->uncacheable ||
	    qstate->no_cache_store || !qstate->env->cfg->do_ip4)
		return;
	if (ttl > (time_t)zone->rule->negative_ttl)
		ttl = (time_t)zone->rule->negative_ttl;
	rep->ttl = ttl;
	rep->prefetch_ttl = PREFETCH_TTL_CALC(ttl);
	rep->serve_expired_ttl = ttl + SERVE_EXPIRED_TTL;
	sb_cache_store(qstate);
}

/** @return whether the query is answered or waits; else it is for upstream. */
static bool judge_question(const struct sb_state *state, struct module_qstate *qstate)
{
	struct sb_verdict verdict = {.kind = SB_PASS};
	const struct noaaaa_zone *zone;
	struct noaaaa_qstate *own = NULL;
	enum noaaaa_word word;

	if (qstate->qinfo.qclass != LDNS_RR_CLASS_IN ||
	    (qstate->qinfo.qtype != LDNS_RR_TYPE_AAAA && qstate->qinfo.qtype != LDNS_RR_TYPE_ANY &&
	     !noaaaa_has_hints(qstate->qinfo.qtype)))
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
		word = goes(state, qstate, own, zone, qstate->qinfo.qname, qstate->qinfo.qname_len);
		if (word == NOAAAA_WAIT)
			return true;
		if (word == NOAAAA_STAY) {
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
	if (own != NULL)
		keep_answer(zone, qstate, own);
	return true;
}

/* --- when upstream has answered --- */

/** A copy of an RRset without hints and signatures; NULL when memory is short. */
static struct ub_packed_rrset_key *strip(const struct noaaaa_judge *judge, struct regional *region,
					 const struct ub_packed_rrset_key *key,
					 const struct noaaaa_rrset *rrset)
{
	const struct packed_rrset_data *data = key->entry.data;
	size_t i, room = 0;
	uint8_t *rrs;

	for (i = 0; i < data->count; i++)
		room += data->rr_len[i];
	rrs = regional_alloc(region, room);
	if (rrs == NULL)
		return NULL;
	room = noaaaa_strip(judge, rrset, rrs);
	return sb_rrset_make(region, rrset->owner, rrset->owner_len, rrset->rrtype,
			     (uint32_t)data->ttl, rrs, room, (unsigned)data->count);
}

/** Put what is left of an answer together; one that is lost becomes NODATA behind its aliases. NULL
 * when memory is short. */
static struct reply_info *assemble(const struct noaaaa_judge *judge, struct module_qstate *qstate,
				   const struct reply_info *from, const struct noaaaa_rrset *rrset,
				   const struct noaaaa_filtered *result)
{
	/* a bogus answer to a client with CD stays marked, and out of the cache */
	struct reply_info *rep = sb_compat_reply(
		qstate->region, from->flags, from->ttl, 0, 0, 0, from->rrset_count + 1,
		sb_is_usable(qstate, from) ? sec_status_insecure : from->security);
	size_t i, kept = 0;

	if (rep == NULL)
		return NULL;
	for (i = 0; i < from->rrset_count; i++) {
		if (result->is_nodata && i >= from->an_numrrsets)
			break;
		if (rrset[i].fate == NOAAAA_REMOVED)
			continue;
		rep->rrsets[kept] = rrset[i].fate == NOAAAA_STRIPPED
					    ? strip(judge, qstate->region, from->rrsets[i],
						    &rrset[i])
					    : from->rrsets[i];
		if (rep->rrsets[kept++] == NULL)
			return NULL;
		if (i < from->an_numrrsets)
			rep->an_numrrsets++;
		else if (i < from->an_numrrsets + from->ns_numrrsets)
			rep->ns_numrrsets++;
		else
			rep->ar_numrrsets++;
	}
	if (result->is_nodata) {
		rep->rrsets[kept] = sb_rrset_soa(qstate->region, &result->zone->soa);
		if (rep->rrsets[kept++] == NULL)
			return NULL;
		rep->ns_numrrsets = 1;
	}
	rep->rrset_count = kept;
	rep->authoritative = from->authoritative;
	rep->ttl = sb_reply_ttl(rep);
	rep->prefetch_ttl = PREFETCH_TTL_CALC(rep->ttl);
	rep->serve_expired_ttl = rep->ttl + SERVE_EXPIRED_TTL;
	return rep;
}

/** Whether a SOA is what stands for AAAA that were removed; other jobs have theirs, of other zones. */
static bool is_soa_of_rule(const struct sb_state *state, uint16_t qtype,
			   const struct packed_rrset_key *rk)
{
	const struct noaaaa_zone *zone;

	if (ntohs(rk->type) != LDNS_RR_TYPE_SOA ||
	    (qtype != LDNS_RR_TYPE_AAAA && qtype != LDNS_RR_TYPE_ANY))
		return false;
	zone = find_zone(state, rk->dname, rk->dname_len);
	return zone != NULL && zone->soa.owner_len == rk->dname_len;
}

/** The Extended DNS Error of a filtered message: where the client can tell that something is
 * missing, and where a repeat from the cache can be told to be ours. */
static enum sb_ede ede_of(const struct sb_state *state, uint16_t qtype,
			  const struct reply_info *rep)
{
	struct asking asking = {.state = state};
	const struct noaaaa_judge judge = {.find = asked_find, .arg = &asking};
	size_t i;

	for (i = 0; i < rep->rrset_count; i++) {
		const struct packed_rrset_key *rk = &rep->rrsets[i]->rk;
		struct noaaaa_rrset rrset = rrset_of(rep->rrsets[i]);

		if ((rk->flags & PACKED_RRSET_RPZ) &&
		    ((noaaaa_has_hints(rrset.rrtype) && noaaaa_concerns(&judge, &rrset)) ||
		     is_soa_of_rule(state, qtype, rk)))
			return SB_EDE_FILTERED;
	}
	return SB_EDE_NONE;
}

/** Filter own->upstream; sets the state of the query. */
static void filter(const struct sb_state *state, struct module_qstate *qstate,
		   struct noaaaa_qstate *own)
{
	struct asking asking = {state, qstate, own};
	const struct noaaaa_judge judge = {asked_find, asked_goes, &asking};
	const struct reply_info *from = own->upstream->rep;
	struct noaaaa_rrset *rrset = regional_alloc(qstate->region,
						    (from->rrset_count + 1) * sizeof(*rrset));
	struct noaaaa_filtered result;
	size_t i;

	sb_finish(state, qstate);
	qstate->return_msg = own->upstream;
	qstate->return_rcode = LDNS_RCODE_NOERROR;
	if (rrset == NULL) {
		sb_reply_servfail(state, qstate);
		return;
	}
	for (i = 0; i < from->rrset_count; i++)
		rrset[i] = rrset_of(from->rrsets[i]);
	if (!noaaaa_filter(&judge, rrset, from->rrset_count, from->an_numrrsets,
			   qstate->qinfo.qtype, &result)) {
		/* it waits; what was built from cached RRsets may be in the cache meanwhile */
		if (!qstate->no_cache_store)
			sb_cache_forget(qstate);
		return;
	}
	if (result.zone != NULL) {
		struct reply_info *rep = assemble(&judge, qstate, from, rrset, &result);

		sb_reply_message(state, qstate, rep);
		if (rep == NULL)
			return;
		sb_count(state, qstate->env, result.zone->index,
			 result.hints_lost ? NOAAAA_COUNT_HINTS : NOAAAA_COUNT_FILTERED);
	}
	if (qstate->return_msg == NULL)
		return;
	/* parts of it may have been filtered for another question, and come from the cache */
	if (state->module->ede)
		sb_reply_ede(state, qstate,
			     ede_of(state, qstate->qinfo.qtype, qstate->return_msg->rep));
	if (own->uncacheable || sb_is_changed(qstate)) {
		/* built from cached RRsets it may be in the cache nevertheless, changed or not */
		if (!qstate->no_cache_store)
			sb_cache_forget(qstate);
		sb_withhold(qstate);
		return;
	}
	if (own->guarded) {
		sb_release(qstate);
		qstate->return_msg->rep->ttl = sb_reply_ttl(qstate->return_msg->rep);
	}
	if ((own->guarded || result.zone != NULL) && !qstate->no_cache_store &&
	    sb_is_usable(qstate, qstate->return_msg->rep))
		sb_cache_store(qstate);
}

/** Whether a message holds anything that a rule may be about. */
static bool concerns(const struct sb_state *state, const struct reply_info *rep)
{
	struct asking asking = {.state = state};
	const struct noaaaa_judge judge = {.find = asked_find, .arg = &asking};
	size_t i;

	for (i = 0; i < rep->rrset_count; i++) {
		struct noaaaa_rrset rrset = rrset_of(rep->rrsets[i]);

		if (noaaaa_concerns(&judge, &rrset))
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

static void noaaaa_operate(struct sb_state *state, struct module_qstate *qstate,
			   enum module_ev event, const struct sb_query *query)
{
	struct noaaaa_qstate *own = sb_own(state, qstate);

	(void)query;
	if (own != NULL && own->upstream != NULL)
		filter(state, qstate, own);
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
		judge_a(super, own->asking, sub->return_msg);
	own->asking = NULL;
}

/** A name that a rule is about, in a response that a query got. */
static const struct noaaaa_zone *ruled_find(void *arg, const uint8_t *name, size_t name_len)
{
	const struct asking *asking = arg;
	const struct noaaaa_qstate *own = asking->own;

	/* what was found to be outside the rule for everyone may be cached */
	if (own != NULL && own->keep_qname && !own->uncacheable &&
	    sb_is_qname(asking->qstate, name, name_len))
		return NULL;
	return find_zone(asking->state, name, name_len);
}

/** Whether a response holds what must not be served from the cache to a client. */
static bool is_tainted(const struct sb_state *state, struct module_qstate *qstate,
		       const struct dns_msg *response)
{
	struct asking asking = {state, qstate, sb_own(state, qstate)};
	const struct noaaaa_judge judge = {.find = ruled_find, .arg = &asking};
	const struct reply_info *rep = response->rep;
	size_t i;

	if (response->qinfo.qtype == LDNS_RR_TYPE_AAAA &&
	    ruled_find(&asking, response->qinfo.qname, response->qinfo.qname_len) != NULL)
		return true;
	/* a referral is not an answer: its addresses are for the resolver alone */
	if (rep->an_numrrsets == 0)
		return false;
	for (i = 0; i < rep->rrset_count; i++) {
		struct noaaaa_rrset rrset = rrset_of(rep->rrsets[i]);

		if (noaaaa_concerns(&judge, &rrset))
			return true;
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
				     !noaaaa_has_hints(query->qtype)))
		return false;
	zone = noaaaa_find(conf, &query->qname);
	return zone != NULL && zone->rule->by_client;
}

static bool noaaaa_claims(const struct sb_state *state, const struct sb_query *query)
{
	return (query->qtype == SB_TYPE_AAAA || query->qtype == SB_TYPE_ANY ||
		noaaaa_has_hints(query->qtype)) &&
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
	    !noaaaa_has_hints(query->qtype) && rep->ar_numrrsets == 0)
		return false;
	if (is_under_rule(state, query->qname.wire, query->qname.wire_len))
		return true;
	for (i = 0; i < rep->rrset_count; i++) {
		const struct packed_rrset_key *rk = &rep->rrsets[i]->rk;

		/* hints may be of names elsewhere, which may be gone by now */
		if (noaaaa_has_hints(ntohs(rk->type)) ||
		    is_under_rule(state, rk->dname, rk->dname_len))
			return true;
	}
	return false;
}

static enum sb_ede noaaaa_cached_ede(const struct sb_state *state, const struct sb_query *query,
				     const struct reply_info *rep, char *text)
{
	const struct noaaaa_zone *zone;

	(void)text;
	/* what only-if-a has kept */
	if (query->qtype == SB_TYPE_AAAA && rep->rrset_count == 0 &&
	    FLAGS_GET_RCODE(rep->flags) == LDNS_RCODE_NXDOMAIN) {
		zone = find_zone(state, query->qname.wire, query->qname.wire_len);
		if (zone != NULL && zone->rule->nxdomain && zone->rule->only_if_a)
			return SB_EDE_FILTERED;
	}
	return ede_of(state, query->qtype, rep);
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
