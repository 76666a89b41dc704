/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Aliases from upstream (CNAME, DNAME) that lead to a name that a job answers. What upstream says
 * of that name does not count, nor whether it says anything. The iterator is stopped where the
 * alias leads there; then the aliases are asked for one by one, so that each is validated, and the
 * name as a client would ask for it, all by sub-queries through all modules.
 */
#ifndef SITEBOUND_ALIAS_H
#define SITEBOUND_ALIAS_H

#include "job.h"

/** What sb_place.waits is while a sub-query of an alias is under way. */
#define SB_WAITS_ALIAS SB_JOBS_MAX

/** The name that an RRset is an alias of: of *qinfo only the name is set. False when it is none. */
bool sb_alias_target(struct ub_packed_rrset_key *rrset, struct query_info *qinfo);

/**
 * Look at a response from upstream, before the iterator does. When it holds an alias to a job's
 * name it is emptied, if the query follows aliases, so that the iterator is done.
 * @return whether it does: then nothing of it may enter the cache, where the iterator would find
 *	the way past us.
 */
bool sb_alias_guard(struct sb_module *module, struct module_qstate *qstate,
		    struct dns_msg *response);

/** Whether a query that comes back from upstream is answered by following an alias. Then it is
 * finished, or waits. */
bool sb_alias_begin(struct sb_module *module, struct module_qstate *qstate);

/** Whether a query that is about to go to upstream is answered by following an alias that the cache
 * knows, or has our answer to. Then it waits. @param is_new: Unbound has just begun it. */
bool sb_alias_known(struct sb_module *module, struct module_qstate *qstate, bool is_new);

/** Whether a query, taken as one of class IN, is for what a job may answer, or for what the cache
 * knows to be an alias of that, or has our answer to. */
bool sb_alias_concerns(const struct sb_module *module, struct module_qstate *qstate);

/** A query that the iterator began itself is done: what it stored of a job's name, or of an alias to
 * one, is taken out of the message cache. (It may have known the alias from the cache.) */
void sb_alias_forget(const struct sb_module *module, struct module_qstate *qstate);

/** What stands behind an alias to a name under a job's rule, where the job answers the name itself
 * with NXDOMAIN and no SOA: no data, and this SOA. That NXDOMAIN would deny the alias, too.
 * @param asked: the name; rep: the job's answer. @return NULL when it stands as it is. */
const struct sb_soa *sb_alias_nodata(const struct sb_module *module, const struct query_info *asked,
				     const struct reply_info *rep);

/** Go on when a sub-query has ended. */
void sb_alias_go_on(struct sb_module *module, struct module_qstate *qstate);

/** A sub-query is done. */
void sb_alias_inform(struct sb_module *module, struct module_qstate *sub,
		     struct module_qstate *super);

#endif
