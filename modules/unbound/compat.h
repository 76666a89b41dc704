/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Unbound's headers, and the differences between its versions. Only files of this directory and
 * the *_module.c files include it; the rest of the project does not know Unbound.
 */
#ifndef SITEBOUND_COMPAT_H
#define SITEBOUND_COMPAT_H

#include "config.h"

#include <stdbool.h>

#include "daemon/daemon.h"
#include "daemon/worker.h"
#include "dynlibmod/dynlibmod.h"
#include "iterator/iter_utils.h"
#include "services/cache/dns.h"
#include "services/cache/rrset.h"
#include "services/localzone.h"
#include "services/mesh.h"
#include "services/view.h"
#include "sldns/pkthdr.h"
#include "sldns/rrdef.h"
#include "sldns/sbuffer.h"
#include "util/config_file.h"
#include "util/data/dname.h"
#include "util/data/msgencode.h"
#include "util/data/msgparse.h"
#include "util/data/msgreply.h"
#include "util/data/packed_rrset.h"
#include "util/log.h"
#include "util/module.h"
#include "util/net_help.h"
#include "util/netevent.h"
#include "util/regional.h"
#include "util/storage/slabhash.h"
#include "util/ub_event.h"

/** configure reads the version out of the tree and passes it as SB_UNBOUND in this form. */
#define SB_UNBOUND_VERSION(major, minor, micro) ((major)*10000 + (minor)*100 + (micro))

/** A reply_info with room for total RRsets; NULL when memory is short. TTLs in seconds from now. */
static inline struct reply_info *sb_compat_reply(struct regional *region, uint16_t flags,
						 time_t ttl, size_t an, size_t ns, size_t ar,
						 size_t total, enum sec_status security)
{
#if SB_UNBOUND >= SB_UNBOUND_VERSION(1, 22, 0)
	return construct_reply_info_base(region, flags, 1, ttl, PREFETCH_TTL_CALC(ttl),
					 ttl + SERVE_EXPIRED_TTL, 0, an, ns, ar, total, security,
					 LDNS_EDE_NONE);
#elif SB_UNBOUND >= SB_UNBOUND_VERSION(1, 18, 0)
	return construct_reply_info_base(region, flags, 1, ttl, PREFETCH_TTL_CALC(ttl),
					 ttl + SERVE_EXPIRED_TTL, an, ns, ar, total, security,
					 LDNS_EDE_NONE);
#else
	return construct_reply_info_base(region, flags, 1, ttl, PREFETCH_TTL_CALC(ttl),
					 ttl + SERVE_EXPIRED_TTL, an, ns, ar, total, security);
#endif
}

/** Store a message for the query of qstate; what is in its region stays as it is. */
static inline int sb_compat_store(struct module_qstate *qstate, struct reply_info *rep)
{
	return dns_cache_store(qstate->env, &qstate->qinfo, rep, 0, qstate->prefetch_leeway, 0,
			       NULL, qstate->query_flags, qstate->qstarttime
#if SB_UNBOUND >= SB_UNBOUND_VERSION(1, 23, 0)
			       ,
			       qstate->is_valrec
#endif
	);
}

/** Store the RRsets of a response from upstream, but not the response (as the iterator does with a
 * referral). Without memory they are asked for again. */
static inline void sb_compat_store_rrsets(struct module_qstate *qstate, struct dns_msg *response)
{
	(void)dns_cache_store(qstate->env, &response->qinfo, response->rep, 1,
			      qstate->prefetch_leeway, 0, NULL, qstate->query_flags,
			      qstate->qstarttime
#if SB_UNBOUND >= SB_UNBOUND_VERSION(1, 23, 0)
			      ,
			      qstate->is_valrec
#endif
	);
}

/** Whether a question came over QUIC. */
static inline bool sb_compat_is_quic(const struct comm_point *point)
{
#if SB_UNBOUND >= SB_UNBOUND_VERSION(1, 22, 0)
	return point->type == comm_doq;
#else
	(void)point;
	return false;
#endif
}

/** The views, which live as long as worker threads run. */
static inline struct views *sb_compat_views(const struct module_env *env)
{
#if SB_UNBOUND >= SB_UNBOUND_VERSION(1, 23, 0)
	return env->views;
#else
	return env->worker->daemon->views;
#endif
}

/** Start or join a sub-query; *newq is NULL when it was joined. 0 on a cycle or lack of memory. It
 * has no client: what is made of it is cached for all, and respip changes that for each. */
static inline int sb_compat_attach_sub(struct module_qstate *qstate, struct query_info *qinfo,
				       struct module_qstate **newq)
{
	return (*qstate->env->attach_sub)(qstate, qinfo,
#if SB_UNBOUND >= SB_UNBOUND_VERSION(1, 25, 0)
					  NULL,
#endif
					  qstate->query_flags, 0, 0, newq);
}

/** The same with RD alone and for no client in particular: one query for all who attach it. */
static inline int sb_compat_attach_shared(struct module_qstate *qstate, struct query_info *qinfo,
					  struct module_qstate **newq)
{
	return (*qstate->env->attach_sub)(qstate, qinfo,
#if SB_UNBOUND >= SB_UNBOUND_VERSION(1, 25, 0)
					  NULL,
#endif
					  BIT_RD, 0, 0, newq);
}

#endif
