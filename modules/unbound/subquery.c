/* SPDX-License-Identifier: BSD-3-Clause */
#include "adapter.h"

#include <string.h>

bool sb_is_usable(const struct module_qstate *qstate, const struct reply_info *rep)
{
	return !qstate->env->need_to_validate || (rep->security > sec_status_bogus &&
						  rep->security != sec_status_secure_sentinel_fail);
}

struct dns_msg *sb_cache_lookup(struct module_qstate *qstate, const struct query_info *qinfo)
{
	struct dns_msg *msg;

	/* a prefetch wants fresh data */
	if (qstate->blacklist != NULL)
		return NULL;
	msg = dns_cache_lookup(qstate->env, qinfo->qname, qinfo->qname_len, qinfo->qtype,
			       qinfo->qclass, qstate->query_flags, qstate->region,
			       qstate->env->scratch, 1, NULL, 0);
	return msg != NULL && sb_is_usable(qstate, msg->rep) ? msg : NULL;
}

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

struct reply_info *sb_reply_copy(struct regional *region, const struct reply_info *from)
{
	struct reply_info *rep = sb_compat_reply(region, from->flags, from->ttl, from->an_numrrsets,
						 from->ns_numrrsets, from->ar_numrrsets,
						 from->rrset_count, from->security);
	size_t i;

	if (rep == NULL)
		return NULL;
	rep->authoritative = from->authoritative;
	for (i = 0; i < from->rrset_count; i++) {
		rep->rrsets[i] = packed_rrset_copy_region(from->rrsets[i], region, 0);
		if (rep->rrsets[i] == NULL)
			return NULL;
	}
	return rep;
}
