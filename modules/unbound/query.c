/* SPDX-License-Identifier: BSD-3-Clause */
#include "query.h"

bool sb_query_from(const struct query_info *qinfo, struct sb_query *query)
{
	query->qtype = qinfo->qtype;
	query->qclass = qinfo->qclass;
	return sb_dname_parse(&query->qname, qinfo->qname, qinfo->qname_len) == SB_OK;
}

bool sb_is_awaited(const struct module_qstate *qstate, int id)
{
	bool is = qstate->mesh_info->reply_list != NULL;
	struct mesh_state_ref *super;

	RBTREE_FOR (super, struct mesh_state_ref *, &qstate->mesh_info->super_set)
		is = is || super->s->s.curmod <= id;
	return is;
}
