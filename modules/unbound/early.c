/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Answers in the place of a local zone's. Where unbound.conf has
 *
 *     local-zone: "r.example.net." static
 *     local-data: "r.example.net. 60 SOA ..."
 *
 * for a zone of ours that never passes a name on, Unbound says "no such name" from there: before
 * the cache and without a query of the mesh, whatever RD is, and to clients that
 * `refuse_non_local` keeps from everything else. It lets a callback see that reply before it is
 * encoded. The callback asks the job what it would have said in operate(), and puts that in.
 * Without the SOA record there is no reply to write into, and the local zone's word stands.
 */
#include "early.h"
#include "counters.h"
#include "query.h"
#include "reply.h"
#include "switch.h"
#include "watch.h"

/** Whether a reply is what a local zone says that has nothing but its SOA record for the question.
 * (An auth-zone's is authoritative; a policy zone's RRsets are marked, or its SOA is additional.) */
static bool is_soa_of_local_zone(const struct query_info *qinfo, const struct reply_info *rep)
{
	const struct packed_rrset_key *rk;

	if (rep->rrset_count != 1 || rep->ar_numrrsets != 0 || rep->authoritative)
		return false;
	rk = &rep->rrsets[0]->rk;
	return ntohs(rk->type) == LDNS_RR_TYPE_SOA && !(rk->flags & PACKED_RRSET_RPZ) &&
	       rk->dname_len <= qinfo->qname_len &&
	       sb_octets_equal(qinfo->qname + (qinfo->qname_len - rk->dname_len), rk->dname,
			       rk->dname_len);
}

/** Unbound calls this for every answer from local data, before it is encoded. */
static int answer(struct query_info *qinfo, struct module_qstate *qstate, struct reply_info *rep,
		  int rcode, struct edns_data *edns, struct edns_option **options,
		  struct comm_reply *from, struct regional *region, struct timeval *start_time,
		  int id, void *arg)
{
	struct sb_module *module = arg;
	struct module_env *env = sb_env_of(from);
	struct sb_client client;
	struct sb_query query;
	unsigned i;

	(void)qstate, (void)rcode, (void)edns, (void)start_time, (void)id;
	if (env == NULL || qinfo == NULL || rep == NULL || !is_soa_of_local_zone(qinfo, rep) ||
	    !sb_query_from(qinfo, &query))
		return 1;
	/* here may be all the questions that ever come */
	sb_watch(module, env, true);
	sb_client_from(from, &client);
	for (i = 0; i < module->job_count; i++) {
		struct sb_state *state = &module->job[i];
		struct sb_verdict verdict;
		struct reply_info *made;

		if (state->job->early == NULL ||
		    !state->job->early(state, env, &query, rep->rrsets[0]->rk.dname_len, &client,
				       &verdict) ||
		    verdict.kind != SB_ANSWER)
			continue;
		made = sb_reply_from_verdict(region, qinfo, &verdict);
		/* SERVFAIL, as in operate() */
		if (made == NULL)
			return 0;
		rep->flags = made->flags;
		rep->ttl = made->ttl;
		rep->an_numrrsets = made->an_numrrsets;
		rep->ns_numrrsets = made->ns_numrrsets;
		rep->ar_numrrsets = made->ar_numrrsets;
		rep->rrset_count = made->rrset_count;
		rep->rrsets = made->rrsets;
		if (module->ede && verdict.ede != SB_EDE_NONE)
			sb_ede_append(options, region, verdict.ede, "");
		sb_count(state, env, verdict.rule, verdict.counter);
		return 1;
	}
	return 1;
}

int sb_early_start(struct sb_module *module, struct module_env *env)
{
	struct dynlibmod_env *dynlib = env->modinfo[module->id];
	unsigned i;

	for (i = 0; i < module->job_count && !module->early; i++) {
		if (module->job[i].job->early == NULL)
			continue;
		module->early = (*dynlib->inplace_cb_register_wrapped)(
					(void *)answer, inplace_cb_reply_local, module, env,
					module->id) != 0;
		if (!module->early)
			return 0;
	}
	return 1;
}

void sb_early_stop(struct sb_module *module, struct module_env *env)
{
	struct dynlibmod_env *dynlib = env->modinfo[module->id];

	if (module->early)
		(*dynlib->inplace_cb_delete_wrapped)(env, inplace_cb_reply_local, module->id);
	module->early = false;
}
