/* SPDX-License-Identifier: BSD-3-Clause */
#include "alias.h"
#include "cache.h"
#include "query.h"
#include "reply.h"
#include "subquery.h"

#include <string.h>

/** Aliases in a row, as Unbound follows them; and the RRsets that they are. */
#define STEPS_MAX 11
#define CHAIN_MAX 32

/** A query that has met an alias; in its region. */
struct sb_alias {
	/** the query's name, where the last alias that upstream told of leads, or the one that leads to
	 * a job's name */
	const uint8_t *tail;
	size_t tail_len;
	/** some alias leads to a job's name */
	bool met;
	/** the message cache was open to the query when it did */
	bool may_store;
	/* while sub-queries are asked */
	unsigned steps;
	/** the name that is asked for, and whether it is the job's */
	struct query_info asked;
	bool arrived;
	/** what came in: NULL is a failure */
	struct reply_info *incoming;
	struct ub_packed_rrset_key *chain[CHAIN_MAX];
	size_t chain_count;
	enum sec_status security;
};

static struct sb_alias *alias_of(const struct sb_module *module, const struct module_qstate *qstate)
{
	const struct sb_place *place = qstate->minfo[module->id];

	return place != NULL ? place->alias : NULL;
}

static struct sb_alias *alias_new(const struct sb_module *module, struct module_qstate *qstate)
{
	struct sb_place *place = sb_place_new(qstate, module->id);

	if (place == NULL)
		return NULL;
	if (place->alias == NULL)
		place->alias = regional_alloc_zero(qstate->region, sizeof(*place->alias));
	return place->alias;
}

/** Whether a job answers at the name that an alias leads to. */
static bool is_answered(const struct sb_module *module, const struct query_info *qinfo)
{
	struct sb_query query;
	unsigned i;

	if (!sb_query_from(qinfo, &query))
		return false;
	for (i = 0; i < module->job_count; i++) {
		const struct sb_state *state = &module->job[i];

		if (state->job->follows != NULL && state->job->follows(state, &query))
			return true;
	}
	return false;
}

bool sb_alias_target(struct ub_packed_rrset_key *rrset, struct query_info *qinfo)
{
	uint8_t *name = NULL;
	size_t name_len = 0;

	if (ntohs(rrset->rk.type) != LDNS_RR_TYPE_CNAME)
		return false;
	get_cname_target(rrset, &name, &name_len);
	qinfo->qname = name;
	qinfo->qname_len = name_len;
	return name != NULL;
}

/** Whether the message cache has an answer of ours to a question, which begins with an alias. The
 * iterator would take it for upstream's, and the validator miss its signatures. */
static bool is_composed(const struct module_qstate *qstate, const struct query_info *qinfo)
{
	struct module_env *env = qstate->env;
	struct msgreply_entry *entry = msg_cache_lookup(env, qinfo->qname, qinfo->qname_len,
							qinfo->qtype, qinfo->qclass,
							qstate->query_flags, *env->now, 0);
	struct reply_info *rep;
	bool is = false;

	if (entry == NULL)
		return false;
	rep = entry->entry.data;
	if (rep->an_numrrsets > 0 && rrset_array_lock(rep->ref, rep->rrset_count, *env->now)) {
		const struct packed_rrset_key *rk = &rep->rrsets[0]->rk;

		is = (rk->flags & PACKED_RRSET_RPZ) != 0 &&
		     (ntohs(rk->type) == LDNS_RR_TYPE_CNAME ||
		      ntohs(rk->type) == LDNS_RR_TYPE_DNAME);
		rrset_array_unlock(rep->ref, rep->rrset_count);
	}
	lock_rw_unlock(&entry->entry.lock);
	return is;
}

/** Whether the answer section has an alias to a job's name. *qinfo: where its last alias leads. */
static bool leads_to_job(const struct sb_module *module, const struct reply_info *rep,
			 struct query_info *qinfo)
{
	bool does = false;
	size_t i;

	for (i = 0; i < rep->an_numrrsets; i++) {
		if (sb_alias_target(rep->rrsets[i], qinfo))
			does = does || is_answered(module, qinfo);
	}
	return does;
}

/** Whether a DNAME in the answer section makes of a name an alias to a job's. A minimised question
 * brings one up that is not of the name itself: the iterator takes it, and asks on. */
static bool dname_leads_to_job(const struct sb_module *module, const struct reply_info *rep,
			       const uint8_t *name, size_t name_len)
{
	struct query_info qinfo = {.qtype = LDNS_RR_TYPE_A, .qclass = LDNS_RR_CLASS_IN};
	uint8_t target[SB_DNAME_MAX];
	size_t i;

	for (i = 0; i < rep->an_numrrsets; i++) {
		const struct ub_packed_rrset_key *rrset = rep->rrsets[i];
		const struct packed_rrset_data *data = rrset->entry.data;
		size_t left = name_len - rrset->rk.dname_len, rdata_len = data->rr_len[0] - 2;

		if (ntohs(rrset->rk.type) != LDNS_RR_TYPE_DNAME ||
		    !dname_strict_subdomain_c((uint8_t *)(uintptr_t)name, rrset->rk.dname) ||
		    left + rdata_len > sizeof(target))
			continue;
		memcpy(target, name, left);
		memcpy(target + left, data->rr_data[0] + 2, rdata_len);
		qinfo.qname = target;
		qinfo.qname_len = left + rdata_len;
		if (is_answered(module, &qinfo))
			return true;
	}
	return false;
}

static bool follows_aliases(const struct module_qstate *qstate)
{
	return qstate->qinfo.qclass == LDNS_RR_CLASS_IN &&
	       qstate->qinfo.qtype != LDNS_RR_TYPE_CNAME &&
	       /* Unbound refuses ANY in the iterator */
	       (qstate->qinfo.qtype != LDNS_RR_TYPE_ANY || !qstate->env->cfg->deny_any);
}

static bool is_name(const struct query_info *qinfo, const uint8_t *name, size_t name_len)
{
	return name_len == qinfo->qname_len && sb_octets_equal(name, qinfo->qname, name_len);
}

/** Whether a job may answer a question otherwise than upstream. */
static bool is_claimed(const struct sb_module *module, const struct query_info *qinfo)
{
	struct sb_query query;

	return sb_query_from(qinfo, &query) && sb_module_claims(module, &query);
}

/** Whether the aliases that the cache knows lead from a name to another one, or with none to a
 * job's. */
static bool is_known(const struct sb_module *module, struct module_qstate *qstate,
		     const uint8_t *from, size_t from_len, const struct query_info *to)
{
	struct query_info next = {.qtype = qstate->qinfo.qtype, .qclass = LDNS_RR_CLASS_IN};
	unsigned steps;

	next.qname = (uint8_t *)(uintptr_t)from;
	next.qname_len = from_len;
	for (steps = 0; steps < STEPS_MAX; steps++) {
		const uint8_t *name = next.qname;
		struct dns_msg *msg = dns_cache_lookup(
			qstate->env, next.qname, next.qname_len, LDNS_RR_TYPE_CNAME, next.qclass,
			qstate->query_flags, qstate->region, qstate->env->scratch, 0, NULL, 0);

		if (msg == NULL)
			return false;
		if (leads_to_job(module, msg->rep, &next))
			return to == NULL;
		if (next.qname == name)
			return false;
		if (to != NULL ? is_name(to, next.qname, next.qname_len)
			       : is_composed(qstate, &next))
			return true;
	}
	return false;
}

/** Whether the cache makes of a name an alias to a job's: it has our answer to the question, or knows
 * the aliases. */
static bool is_led(const struct sb_module *module, struct module_qstate *qstate,
		   const struct query_info *qinfo)
{
	return is_composed(qstate, qinfo) ||
	       is_known(module, qstate, qinfo->qname, qinfo->qname_len, NULL);
}

/** Make a response say that there is nothing. */
static void empty(struct reply_info *rep)
{
	/* The iterator is done with a name that does not exist, and the validator with what has been
	 * judged. The records stay in sight: without signatures the server would look lame. */
	rep->flags = (uint16_t)((rep->flags & ~0xfU) | BIT_AA | LDNS_RCODE_NXDOMAIN);
	rep->rrset_count = rep->an_numrrsets;
	rep->ns_numrrsets = rep->an_numrrsets;
	rep->an_numrrsets = 0;
	rep->ar_numrrsets = 0;
	rep->security = sec_status_insecure;
}

/** Whether a message ends with what that has made of one: subnetcache stores it behind us, and gives it to
 * the next client. */
static bool is_emptied(const struct reply_info *rep)
{
	size_t i;

	for (i = 0; i < rep->ns_numrrsets; i++) {
		uint16_t type = ntohs(rep->rrsets[rep->an_numrrsets + i]->rk.type);

		if (type == LDNS_RR_TYPE_CNAME || type == LDNS_RR_TYPE_DNAME)
			return true;
	}
	return false;
}

bool sb_alias_guard(struct sb_module *module, struct module_qstate *qstate,
		    struct dns_msg *response)
{
	struct reply_info *rep = response->rep;
	struct query_info target = qstate->qinfo;
	struct sb_alias *alias;
	bool does;

	if (rep->an_numrrsets == 0 || response->qinfo.qclass != LDNS_RR_CLASS_IN)
		return false;
	does = leads_to_job(module, rep, &target);
	/* the iterator would go on from the cache, and store where that led it */
	if (!does && target.qname != qstate->qinfo.qname && follows_aliases(qstate))
		does = is_led(module, qstate, &target);
	if (target.qname == qstate->qinfo.qname || sb_is_internal(qstate) ||
	    !follows_aliases(qstate))
		return does;
	alias = alias_new(module, qstate);
	if (alias == NULL)
		return does;
	if (alias->tail == NULL) {
		alias->tail = qstate->qinfo.qname;
		alias->tail_len = qstate->qinfo.qname_len;
	}
	/* not what a name above is an alias of, which a minimised question has brought up */
	if (!is_name(&response->qinfo, qstate->qinfo.qname, qstate->qinfo.qname_len) &&
	    !is_name(&response->qinfo, alias->tail, alias->tail_len) &&
	    !(does && is_known(module, qstate, alias->tail, alias->tail_len, &response->qinfo))) {
		if (!dname_leads_to_job(module, rep, alias->tail, alias->tail_len))
			return does;
		empty(rep);
		return true;
	}
	/* the name itself is asked for again when the question was a minimised one */
	alias->tail = does ? response->qinfo.qname : target.qname;
	alias->tail_len = does ? response->qinfo.qname_len : target.qname_len;
	if (!does)
		return false;
	if (!alias->met)
		alias->may_store = !sb_is_withheld(qstate);
	alias->met = true;
	empty(rep);
	return true;
}

/** Whether upstream's answer, or with none the cache, knows an alias to a job's name. */
static bool meets(const struct sb_module *module, struct module_qstate *qstate)
{
	struct query_info target = qstate->qinfo;
	const struct dns_msg *msg = qstate->return_msg;

	/* its aliases are not upstream's */
	if (sb_is_changed(qstate))
		return false;
	if (qstate->return_rcode == LDNS_RCODE_NOERROR && msg != NULL &&
	    FLAGS_GET_RCODE(msg->rep->flags) != LDNS_RCODE_SERVFAIL)
		return is_emptied(msg->rep) || leads_to_job(module, msg->rep, &target);
	return is_known(module, qstate, qstate->qinfo.qname, qstate->qinfo.qname_len, NULL);
}

const struct sb_soa *sb_alias_nodata(const struct sb_module *module, const struct query_info *asked,
				     const struct reply_info *rep)
{
	const struct sb_soa *soa = NULL;
	struct sb_query query;
	unsigned i;

	if (rep->rrset_count > 0 || FLAGS_GET_RCODE(rep->flags) != LDNS_RCODE_NXDOMAIN ||
	    !sb_query_from(asked, &query))
		return NULL;
	for (i = 0; i < module->job_count && soa == NULL; i++) {
		const struct sb_state *state = &module->job[i];

		if (state->job->nodata != NULL)
			soa = state->job->nodata(state, &query);
	}
	return soa;
}

/** The answer: the aliases and what came in for the name behind them. */
static void compose(struct sb_module *module, struct module_qstate *qstate, struct sb_alias *alias)
{
	const struct reply_info *target = alias->incoming;
	const struct sb_soa *soa = sb_alias_nodata(module, &alias->asked, target);
	size_t an = target->an_numrrsets, ns = target->ns_numrrsets, count = alias->chain_count, i;
	time_t ttl = soa != NULL ? (time_t)soa->ttl : sb_reply_ttl(target);
	unsigned rcode = soa != NULL ? LDNS_RCODE_NOERROR : FLAGS_GET_RCODE(target->flags);
	struct ub_packed_rrset_key *authority = NULL;
	struct reply_info *rep = NULL;

	if (soa != NULL) {
		authority = sb_rrset_soa(qstate->region, soa);
		ns = 1;
	}
	for (i = 0; i < count; i++) {
		const struct packed_rrset_data *data = alias->chain[i]->entry.data;

		if (data->ttl < ttl)
			ttl = data->ttl;
	}
	/* the RRset is missing only when memory is short */
	if ((soa != NULL) == (authority != NULL))
		rep = sb_compat_reply(qstate->region, (uint16_t)(BIT_QR | BIT_RA | rcode), ttl,
				      count + an, ns, 0, count + an + ns, alias->security);
	if (rep != NULL) {
		memcpy(rep->rrsets, alias->chain, count * sizeof(rep->rrsets[0]));
		if (authority != NULL)
			rep->rrsets[count] = authority;
		else
			memcpy(rep->rrsets + count, target->rrsets,
			       (an + ns) * sizeof(rep->rrsets[0]));
		sb_ede_append_cached(module, &qstate->qinfo, rep, &qstate->edns_opts_front_out,
				     qstate->region);
	}
	sb_reply_message(&module->job[0], qstate, rep);
	sb_release(qstate);
	if (!alias->may_store || alias->security != sec_status_insecure)
		sb_withhold(qstate);
	if (rep != NULL && !qstate->no_cache_store)
		sb_cache_store(qstate);
	sb_reply_respip(&module->job[0], qstate);
}

/** Put the aliases that came in to the chain, and aim at where they lead. False: there is none.
 * When there are too many, no further step is left. */
static bool take_aliases(const struct sb_module *module, const struct module_qstate *qstate,
			 struct sb_alias *alias)
{
	struct reply_info *rep = alias->incoming;
	bool any = false;
	size_t i;

	for (i = 0; i < rep->an_numrrsets; i++) {
		struct ub_packed_rrset_key *rrset = rep->rrsets[i];

		if (alias->chain_count == CHAIN_MAX) {
			alias->steps = STEPS_MAX;
			return true;
		}
		/* a copy that the iterator does not find in the cache (see sb_rrset_make()) */
		rrset->rk.flags |= PACKED_RRSET_RPZ;
		rrset->entry.hash = 0;
		alias->chain[alias->chain_count++] = rrset;
		if (!sb_alias_target(rrset, &alias->asked))
			continue;
		any = true;
		alias->asked.qtype = qstate->qinfo.qtype;
		if (is_answered(module, &alias->asked)) {
			alias->arrived = true;
			return true;
		}
	}
	alias->asked.qtype = LDNS_RR_TYPE_CNAME;
	return any;
}

static void ask(struct sb_module *module, struct module_qstate *qstate, struct sb_alias *alias)
{
	struct sb_place *place = qstate->minfo[module->id];

	alias->incoming = NULL;
	if (alias->steps++ == STEPS_MAX || !sb_attach_sub(&module->job[0], qstate, &alias->asked)) {
		sb_reply_servfail(&module->job[0], qstate);
		return;
	}
	place->waits = SB_WAITS_ALIAS;
}

/** Ask for the first alias. @return 0 when memory is short. */
static bool begin(struct sb_module *module, struct module_qstate *qstate)
{
	struct sb_alias *alias = alias_new(module, qstate);

	if (alias == NULL)
		return false;
	if (!alias->met) {
		alias->met = true;
		alias->may_store = !sb_is_withheld(qstate);
	}
	alias->security = sec_status_insecure;
	alias->asked = qstate->qinfo;
	alias->asked.qtype = LDNS_RR_TYPE_CNAME;
	alias->asked.local_alias = NULL;
	ask(module, qstate, alias);
	return true;
}

/** Whether a new query is of a client, and the message cache was asked its question in vain just now:
 * what it may have for it the iterator will not take either. */
static bool was_missed(const struct module_qstate *qstate)
{
	return qstate->mesh_info->reply_list != NULL &&
	       /* respip may have asked for what is behind an alias of its own */
	       qstate->client_info == NULL &&
	       !edns_bypass_cache_stage(qstate->edns_opts_front_in, qstate->env);
}

bool sb_alias_known(struct sb_module *module, struct module_qstate *qstate, bool is_new)
{
	struct ub_packed_rrset_key *cname;

	if (!follows_aliases(qstate) || qstate->blacklist != NULL)
		return false;
	/* a sub-query has not been looked for in the cache yet */
	if (!(is_new && was_missed(qstate)) && is_composed(qstate, &qstate->qinfo))
		return begin(module, qstate);
	/* a quick look first: it is made for every question that upstream is asked */
	cname = rrset_cache_lookup(qstate->env->rrset_cache, qstate->qinfo.qname,
				   qstate->qinfo.qname_len, LDNS_RR_TYPE_CNAME,
				   qstate->qinfo.qclass, 0, *qstate->env->now, 0);
	if (cname == NULL)
		return false;
	lock_rw_unlock(&cname->entry.lock);
	return is_known(module, qstate, qstate->qinfo.qname, qstate->qinfo.qname_len, NULL) &&
	       begin(module, qstate);
}

/** Unbound 1.20 to 1.22 begins anew behind a DNAME that a minimised question has brought up, and finds it
 * once more: it stands in the answer once. */
static void drop_repeats(struct reply_info *rep)
{
	size_t i, j;

	for (i = 0; i < rep->an_numrrsets; i++) {
		for (j = rep->an_numrrsets - 1; j > i; j--) {
			const struct packed_rrset_key *one = &rep->rrsets[i]->rk;
			const struct packed_rrset_key *other = &rep->rrsets[j]->rk;

			if (one->type != other->type ||
			    query_dname_compare(one->dname, other->dname) != 0)
				continue;
			rep->an_numrrsets--;
			rep->rrset_count--;
			memmove(&rep->rrsets[j], &rep->rrsets[j + 1],
				(rep->rrset_count - j) * sizeof(rep->rrsets[0]));
		}
	}
}

bool sb_alias_begin(struct sb_module *module, struct module_qstate *qstate)
{
	const struct sb_alias *alias = alias_of(module, qstate);

	if (!follows_aliases(qstate)) {
		if (qstate->qinfo.qtype == LDNS_RR_TYPE_CNAME && qstate->return_msg != NULL)
			drop_repeats(qstate->return_msg->rep);
		return false;
	}
	return ((alias != NULL && alias->met) || meets(module, qstate)) && begin(module, qstate);
}

bool sb_alias_concerns(const struct sb_module *module, struct module_qstate *qstate)
{
	struct query_info qinfo = qstate->qinfo;

	qinfo.qclass = LDNS_RR_CLASS_IN;
	return is_claimed(module, &qinfo) || is_led(module, qstate, &qinfo);
}

void sb_alias_forget(const struct sb_module *module, struct module_qstate *qstate)
{
	struct query_info target = qstate->qinfo;

	if (qstate->return_rcode == LDNS_RCODE_NOERROR && qstate->return_msg != NULL &&
	    (is_claimed(module, &qstate->qinfo) ||
	     leads_to_job(module, qstate->return_msg->rep, &target)))
		sb_cache_forget(qstate);
}

void sb_alias_go_on(struct sb_module *module, struct module_qstate *qstate)
{
	struct sb_alias *alias = alias_of(module, qstate);
	struct reply_info *rep = alias->incoming;

	if (rep == NULL || (!sb_is_usable(qstate, rep) && !(qstate->query_flags & BIT_CD))) {
		sb_reply_servfail(&module->job[0], qstate);
		return;
	}
	/* with CD a client may have the bogus data, but it stays marked */
	if (!sb_is_usable(qstate, rep))
		alias->security = rep->security;
	if (alias->arrived) {
		compose(module, qstate, alias);
		return;
	}
	if (!take_aliases(module, qstate, alias)) {
		/* a job was switched off meanwhile: behind the aliases stands what upstream says */
		alias->asked.qtype = qstate->qinfo.qtype;
		alias->arrived = true;
		alias->may_store = false;
	} else if (qstate->qinfo.qtype == LDNS_RR_TYPE_ANY) {
		/* all that is at the name is the alias. (After a minimised question older iterators
		 * follow it.) */
		rep->flags = (uint16_t)(rep->flags & ~0xfU);
		rep->an_numrrsets = 0;
		rep->ns_numrrsets = 0;
		rep->rrset_count = 0;
		compose(module, qstate, alias);
		return;
	}
	ask(module, qstate, alias);
}

void sb_alias_inform(struct sb_module *module, struct module_qstate *sub,
		     struct module_qstate *super)
{
	struct sb_alias *alias = alias_of(module, super);

	/* an alias itself is kept out of the cache, for its own sake alone */
	if (alias->arrived && sub->no_cache_store)
		alias->may_store = false;
	if (sub->return_rcode == LDNS_RCODE_NOERROR && sub->return_msg != NULL)
		alias->incoming = sb_reply_copy(super->region, sub->return_msg->rep);
}
