/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Unbound's message cache: what must not get in, what must go, what is stored and found.
 */
#ifndef SITEBOUND_CACHE_H
#define SITEBOUND_CACHE_H

#include "job.h"

/** Register the callbacks that guard the cache, and that hear of what comes from it: to add Extended
 * DNS Errors (see struct sb_job), and to start the watch. @return 0 when memory is short. */
int sb_cache_guard(struct sb_module *module, struct module_env *env);
void sb_cache_unguard(struct sb_module *module, struct module_env *env);

/** A query has its answer. When a switch has moved since it began, the answer leaves the cache. When it
 * is withheld, see that dns64, which stores what it gets itself, does not do so in front of us, nor has
 * done behind us. */
void sb_cache_settle(const struct sb_module *module, struct module_qstate *qstate);

/** Remove the cached answer to this query. */
void sb_cache_forget(struct module_qstate *qstate);

/** Store the query's return_msg in the message cache under the query. */
void sb_cache_store(struct module_qstate *qstate);

/** Whether a message may be built upon: it is not bogus, or nobody validates. */
bool sb_is_usable(const struct module_qstate *qstate, const struct reply_info *rep);

/** What the cache has for a question, in the query's region, when it is usable; else NULL. */
struct dns_msg *sb_cache_lookup(struct module_qstate *qstate, const struct query_info *qinfo);

#endif
