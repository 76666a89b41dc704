/* SPDX-License-Identifier: BSD-3-Clause */
#include "alias.h"
#include "cache.h"
#include "guard.h"
#include "query.h"
#include "reply.h"
#include "watch.h"

static void withhold(const struct sb_module *module, struct module_qstate *qstate,
		     struct dns_msg *response)
{
	sb_withhold(qstate);
	/* nobody stores what has no TTL; sb_reply_ttl() is that of its records */
	if (module->beside_dns64)
		response->rep->ttl = 0;
}

/** Whether a response is to a question for a name above the query's own: a step of the iterator's
 * (QNAME minimisation, RFC 9156), behind which the answer comes. */
static bool is_step(const struct module_qstate *qstate, const struct dns_msg *response)
{
	return response->qinfo.qname_len < qstate->qinfo.qname_len &&
	       dname_subdomain_c(qstate->qinfo.qname, response->qinfo.qname);
}

/** Whether dns64 will ask for A because of this response. Behind another module dns64 does not keep
 * the iterator from storing it, and whoever asks in the meantime would get it. */
static bool is_for_dns64(const struct sb_module *module, const struct module_qstate *qstate,
			 struct dns_msg *response)
{
	/* by a query of the iterator it is not */
	return module->beside_dns64 && qstate->minfo[module->id] != NULL &&
	       !(qstate->query_flags & BIT_CD) && response->qinfo.qtype == LDNS_RR_TYPE_AAAA &&
	       qstate->qinfo.qtype == LDNS_RR_TYPE_AAAA &&
	       reply_find_answer_rrset(&response->qinfo, response->rep) == NULL;
}

/** Unbound calls this for every response that the iterator gets, before it is stored. */
static int guard(struct module_qstate *qstate, struct dns_msg *response, int id, void *arg)
{
	struct sb_module *module = arg;
	struct sb_place *place = qstate->minfo[module->id];
	bool was_open, elsewhere, guarded = false;
	struct sb_query query;
	unsigned i;

	(void)id;
	if (place != NULL && place->step_kept_out) {
		place->step_kept_out = false;
		sb_release(qstate);
	}
	was_open = !sb_is_withheld(qstate);
	if (response == NULL || response->rep == NULL || !sb_query_from(&response->qinfo, &query))
		return 1;
	if (sb_alias_guard(module, qstate, response)) {
		qstate->no_cache_lookup = 1;
		withhold(module, qstate, response);
		return 1;
	}
	if (is_for_dns64(module, qstate, response))
		response->rep->ttl = 0;
	elsewhere = place != NULL && place->elsewhere &&
		    sb_is_qname(qstate, response->qinfo.qname, response->qinfo.qname_len);
	for (i = 0; i < module->job_count; i++) {
		struct sb_state *state = &module->job[i];

		if (state->job->guards == NULL || (elsewhere && state->job->touches == NULL) ||
		    !state->job->guards(state, qstate, &query, response))
			continue;
		if (!qstate->no_cache_store)
			sb_compat_store_rrsets(qstate, response);
		withhold(module, qstate, response);
		guarded = true;
	}
	/* what comes behind it may be cached */
	if (guarded && was_open && is_step(qstate, response)) {
		place = sb_place_new(qstate, module->id);
		if (place != NULL)
			place->step_kept_out = true;
	}
	return 1;
}

/** Unbound calls this for every answer from the message cache, before it is encoded. */
static int on_hit(struct query_info *qinfo, struct module_qstate *qstate, struct reply_info *rep,
		  int rcode, struct edns_data *edns, struct edns_option **options,
		  struct comm_reply *repinfo, struct regional *region, struct timeval *start_time,
		  int id, void *arg)
{
	struct sb_module *module = arg;
	struct module_env *env = sb_env_of(repinfo);

	(void)qstate, (void)rcode, (void)edns, (void)start_time, (void)id;
	/* after a reload that kept the cache no query may come to the jobs for long */
	if (env != NULL)
		sb_watch(module, env, true);
	if (qinfo != NULL && rep != NULL)
		sb_ede_append_cached(module, qinfo, rep, options, region);
	return 1;
}

int sb_guard_set(struct sb_module *module, struct module_env *env)
{
	struct dynlibmod_env *dynlib = env->modinfo[module->id];

	module->guarding = (*dynlib->inplace_cb_register_wrapped)((void *)guard,
								  inplace_cb_query_response, module,
								  env, module->id) != 0;
	if (module->guarding)
		module->hearing_hits = (*dynlib->inplace_cb_register_wrapped)(
					       (void *)on_hit, inplace_cb_reply_cache, module, env,
					       module->id) != 0;
	return module->hearing_hits;
}

void sb_guard_lift(struct sb_module *module, struct module_env *env)
{
	struct dynlibmod_env *dynlib = env->modinfo[module->id];

	if (module->guarding)
		(*dynlib->inplace_cb_delete_wrapped)(env, inplace_cb_query_response, module->id);
	if (module->hearing_hits)
		(*dynlib->inplace_cb_delete_wrapped)(env, inplace_cb_reply_cache, module->id);
	module->guarding = false;
	module->hearing_hits = false;
}

/** dns64 makes AAAA records of these A records, which may be of a name that has others, were it not
 * for noaaaa. They must not meet in the RRset cache. */
static void set_apart(struct reply_info *rep)
{
	size_t i;

	for (i = 0; i < rep->an_numrrsets; i++) {
		struct ub_packed_rrset_key *rrset = rep->rrsets[i];

		if (ntohs(rrset->rk.type) != LDNS_RR_TYPE_A)
			continue;
		rrset->rk.flags |= PACKED_RRSET_RPZ;
		rrset->entry.hash = rrset_key_hash(&rrset->rk);
	}
}

void sb_guard_settle(const struct sb_module *module, struct module_qstate *qstate)
{
	struct mesh_state_ref *super;
	bool withheld;

	/* What was in force when it began is not any more. However long it took, the validator may have
	 * stored it behind the last sweep; and what others make of it is not to be shared. */
	if (qstate->qstarttime <= atomic_load_explicit(&module->moved_at, memory_order_acquire)) {
		sb_withhold(qstate);
		sb_cache_forget(qstate);
	}
	if (!module->beside_dns64 || qstate->return_msg == NULL || sb_is_internal(qstate))
		return;
	withheld = sb_is_withheld(qstate) || !(qstate->query_flags & BIT_RD);
	if (withheld)
		sb_cache_forget(qstate);
	RBTREE_FOR (super, struct mesh_state_ref *, &qstate->mesh_info->super_set) {
		/* of an answer that anyone may have, dns64 makes one that not everyone may */
		withheld = withheld || sb_is_withheld(&super->s->s);
		if (super->s->s.qinfo.qtype == LDNS_RR_TYPE_AAAA)
			set_apart(qstate->return_msg->rep);
	}
	if (withheld)
		qstate->return_msg->rep->ttl = 0;
}
