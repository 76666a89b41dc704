/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Other names on behalf of the same query.
 */
#ifndef SITEBOUND_SUBQUERY_H
#define SITEBOUND_SUBQUERY_H

#include "job.h"

/**
 * Ask another question on behalf of the query, with its RD and CD, through all modules. The query
 * waits; inform_super() of the job gets the result, then its operate() is called.
 * @return false on a cycle or when memory is short: nothing was attached.
 */
bool sb_attach_sub(const struct sb_state *state, struct module_qstate *qstate,
		   struct query_info *qinfo);

/**
 * Ask a question that is the same for all queries that need it: with RD, without CD, for no client
 * in particular. The query waits as with sb_attach_sub().
 * @param sub: the new query, for which the job may keep something; NULL when it is under way.
 * @return false on a cycle or when memory is short: nothing was attached.
 */
bool sb_attach_shared(const struct sb_state *state, struct module_qstate *qstate,
		      struct query_info *qinfo, struct module_qstate **sub);

/** Whether a job of the module may answer a question otherwise than upstream. */
bool sb_module_claims(const struct sb_module *module, const struct sb_query *query);

/** Whether a job, this one included, may answer a question otherwise than the message cache does:
 * then it has to be asked by a sub-query. */
bool sb_is_claimed(const struct sb_state *state, const struct query_info *qinfo);

#endif
