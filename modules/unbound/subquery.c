/* SPDX-License-Identifier: BSD-3-Clause */
#include "query.h"
#include "subquery.h"

bool sb_attach_sub(const struct sb_state *state, struct module_qstate *qstate,
		   struct query_info *qinfo)
{
	struct module_qstate *sub = NULL;

	if (!sb_compat_attach_sub(qstate, qinfo, &sub))
		return false;
	if (sub != NULL && qstate->blacklist != NULL) {
		/* as for the query itself: past the cache, and stored over what is there */
		sock_list_insert(&sub->blacklist, NULL, 0, sub->region);
		sub->prefetch_leeway = qstate->prefetch_leeway;
	}
	qstate->ext_state[state->id] = module_wait_subquery;
	return true;
}

bool sb_attach_shared(const struct sb_state *state, struct module_qstate *qstate,
		      struct query_info *qinfo, struct module_qstate **sub)
{
	*sub = NULL;
	if (!sb_compat_attach_shared(qstate, qinfo, sub))
		return false;
	qstate->ext_state[state->id] = module_wait_subquery;
	return true;
}

bool sb_module_claims(const struct sb_module *module, const struct sb_query *query)
{
	unsigned i;

	for (i = 0; i < module->job_count; i++) {
		const struct sb_state *state = &module->job[i];

		if (state->job->claims != NULL && state->job->claims(state, query))
			return true;
	}
	return false;
}

bool sb_is_claimed(const struct sb_state *state, const struct query_info *qinfo)
{
	struct sb_query query;

	/* of jobs in other modules nothing is known */
	return !sb_has_all_jobs || !sb_query_from(qinfo, &query) ||
	       sb_module_claims(state->module, &query);
}
