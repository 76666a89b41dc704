/* SPDX-License-Identifier: BSD-3-Clause */
#include "query.h"

bool sb_query_from(const struct query_info *qinfo, struct sb_query *query)
{
	query->qtype = qinfo->qtype;
	query->qclass = qinfo->qclass;
	return sb_dname_parse(&query->qname, qinfo->qname, qinfo->qname_len) == SB_OK;
}
