/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Unbound's message cache: what is found, stored and removed for one query.
 */
#ifndef SITEBOUND_CACHE_H
#define SITEBOUND_CACHE_H

#include "job.h"

/** Remove the cached answer to this query. */
void sb_cache_forget(struct module_qstate *qstate);

/** Store the query's return_msg in the message cache under the query. */
void sb_cache_store(struct module_qstate *qstate);

/** Whether a message may be built upon: it is not bogus, or nobody validates. */
bool sb_is_usable(const struct module_qstate *qstate, const struct reply_info *rep);

/** What the cache has for a question, in the query's region, when it is usable; else NULL. */
struct dns_msg *sb_cache_lookup(struct module_qstate *qstate, const struct query_info *qinfo);

#endif
