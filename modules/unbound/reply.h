/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Making answers: RRsets, messages, Extended DNS Errors.
 */
#ifndef SITEBOUND_REPLY_H
#define SITEBOUND_REPLY_H

#include "job.h"

/** An RRset in the region. rrs is as in struct sb_verdict. NULL when memory is short. */
struct ub_packed_rrset_key *sb_rrset_make(struct regional *region, const uint8_t *owner,
					  size_t owner_len, uint16_t rrtype, uint32_t ttl,
					  const uint8_t *rrs, size_t rrs_len, unsigned rr_count);

/** An SOA RRset in the region. NULL when memory is short. */
struct ub_packed_rrset_key *sb_rrset_soa(struct regional *region, const struct sb_soa *soa);

/** The message that a verdict is, in the region. @param qinfo: the question. NULL when memory is
 * short. */
struct reply_info *sb_reply_from_verdict(struct regional *region, const struct query_info *qinfo,
					 const struct sb_verdict *verdict);

/** The least TTL of a message's records, in seconds; of one without any, its own. */
time_t sb_reply_ttl(const struct reply_info *rep);

/** Answer with the verdict, at once and uncached. SERVFAIL when memory is short. */
void sb_reply_verdict(const struct sb_state *state, struct module_qstate *qstate,
		      const struct sb_verdict *verdict);

/** Answer with a message of the job's own making, which becomes qstate->return_msg. SERVFAIL when
 * it is NULL. */
void sb_reply_message(const struct sb_state *state, struct module_qstate *qstate,
		      struct reply_info *rep);

/** Have respip, which changes what its clients get from the cache, change a composed answer, too: as
 * if it came to it from the module behind. */
void sb_reply_respip(const struct sb_state *state, struct module_qstate *qstate);

/** Whether respip has changed the answer, for this client. */
static inline bool sb_is_changed(const struct module_qstate *qstate)
{
	return qstate->respip_action_info != NULL;
}

/** Answer SERVFAIL. */
void sb_reply_servfail(const struct sb_state *state, struct module_qstate *qstate);

/** Add an Extended DNS Error option (RFC 8914) to the reply, when unbound.conf has `ede: yes`.
 * Unbound sends it only to a client that used EDNS. */
void sb_reply_ede(const struct sb_state *state, struct module_qstate *qstate, enum sb_ede code);

/** Room for the text of an Extended DNS Error with its final zero. */
#define SB_EDE_TEXT_MAX 64

/** Append an Extended DNS Error option to a list of the region. @param text: may be empty. */
void sb_ede_append(struct edns_option **options, struct regional *region, enum sb_ede code,
		   const char *text);

/** Append what the jobs say of a message that is, or will be, in the cache (see struct sb_job), when
 * unbound.conf has `ede: yes`. */
void sb_ede_append_cached(const struct sb_module *module, const struct query_info *qinfo,
			  const struct reply_info *rep, struct edns_option **options,
			  struct regional *region);

/**
 * A copy of a message with its RRsets, for what must outlive a sub-query. (dns_msg_deepcopy_region()
 * of Unbound leaves the copy pointing into the original.) NULL when memory is short.
 */
struct reply_info *sb_reply_copy(struct regional *region, const struct reply_info *from);

#endif
