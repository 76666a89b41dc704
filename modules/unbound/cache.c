/* SPDX-License-Identifier: BSD-3-Clause */
#include "cache.h"

void sb_cache_forget(struct module_qstate *qstate)
{
	msg_cache_remove(qstate->env, qstate->qinfo.qname, qstate->qinfo.qname_len,
			 qstate->qinfo.qtype, qstate->qinfo.qclass, qstate->query_flags);
}

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

void sb_cache_store(struct module_qstate *qstate)
{
	struct reply_info *rep = qstate->return_msg->rep;
	size_t i;

	/* without recursion Unbound tells what it has, and not what there is */
	if (!(qstate->query_flags & BIT_RD))
		return;
	/* RRsets of our own making have none until they need one */
	for (i = 0; i < rep->rrset_count; i++) {
		struct ub_packed_rrset_key *rrset = rep->rrsets[i];

		if (rrset->entry.hash == 0)
			rrset->entry.hash = rrset_key_hash(&rrset->rk);
	}
	/* without memory the next asker resolves anew */
	(void)sb_compat_store(qstate, rep);
}
