/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * What becomes of an answer: which of its RRsets go, which lose their hints, and what that makes of
 * the whole. Pure; what must be found out is asked of the caller.
 */
#ifndef SITEBOUND_NOAAAA_ANSWER_H
#define SITEBOUND_NOAAAA_ANSWER_H

#include "noaaaa.h"

/** Whether the addresses of a name go. */
enum noaaaa_word { NOAAAA_STAY, NOAAAA_GO, /** must be found out first */ NOAAAA_WAIT };

/** Who is asked. */
struct noaaaa_judge {
	/** The zone whose rule a name (in wire format) is under, when it is in force; else NULL. */
	const struct noaaaa_zone *(*find)(void *arg, const uint8_t *name, size_t name_len);
	/** Whether AAAA of a name under the rule of `zone` goes. Says the same when asked again. */
	enum noaaaa_word (*goes)(void *arg, const struct noaaaa_zone *zone, const uint8_t *name,
				 size_t name_len);
	void *arg;
};

enum noaaaa_fate { NOAAAA_KEPT, NOAAAA_REMOVED, /** its hints are */ NOAAAA_STRIPPED };

/** An RRset of an answer; what it points to belongs to the caller. */
struct noaaaa_rrset {
	const uint8_t *owner;
	size_t owner_len;
	uint16_t rrtype;
	/** each RR: a 16-bit length in network order and the rdata */
	uint8_t *const *rr;
	size_t rr_count;
	/** what noaaaa_filter() says */
	enum noaaaa_fate fate;
};

/** What an answer becomes. */
struct noaaaa_filtered {
	/** the zone of the last record that was taken out; NULL: nothing was */
	const struct noaaaa_zone *zone;
	/** hints were taken out of a record */
	bool hints_lost;
	/** nothing is left that answers the question: no data, with the SOA of `zone` */
	bool is_nodata;
};

/** Whether a type of record has hints (RFC 9460). */
static inline bool noaaaa_has_hints(uint16_t rrtype)
{
	return rrtype == SB_TYPE_HTTPS || rrtype == SB_TYPE_SVCB;
}

/**
 * The name whose addresses an RR of an RRset tells or hints at: the owner of an AAAA record, the
 * TargetName of an SVCB or HTTPS record, and its owner where that is "." (RFC 9460 sections 2.5.2
 * and 7.3).
 * @return false when it tells none: another type, or a target of another form.
 */
bool noaaaa_name_of(const struct noaaaa_rrset *rrset, size_t rr, const uint8_t **name,
		    size_t *name_len);

/** Whether any RR of an RRset tells or hints at addresses of a name that judge->find() knows. */
bool noaaaa_concerns(const struct noaaaa_judge *judge, const struct noaaaa_rrset *rrset);

/**
 * Decide about an answer: sets the fate of each RRset.
 * @param rrset, count: all sections in their order, `an` of them the answer section.
 * @param qtype: of the question.
 * @return false when something must be found out first; then *result means nothing.
 */
bool noaaaa_filter(const struct noaaaa_judge *judge, struct noaaaa_rrset *rrset, size_t count,
		   size_t an, uint16_t qtype, struct noaaaa_filtered *result);

/**
 * The RRs of an RRset with the fate NOAAAA_STRIPPED.
 * @param to: room for all its RRs with their lengths.
 * @return octets written, in the form of sb_verdict.rrs.
 */
size_t noaaaa_strip(const struct noaaaa_judge *judge, const struct noaaaa_rrset *rrset,
		    uint8_t *to);

#endif
