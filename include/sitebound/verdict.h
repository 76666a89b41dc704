/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * What goes into a module's decision and what comes out of it. A decision is a pure function:
 * it reads its arguments and its configuration, nothing else, and allocates nothing.
 */
#ifndef SITEBOUND_VERDICT_H
#define SITEBOUND_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sitebound/addr.h"
#include "sitebound/dname.h"

/* RR types and classes that the modules name (IANA "Domain Name System Parameters"). */
enum sb_rrtype {
	SB_TYPE_A = 1,
	SB_TYPE_NS = 2,
	SB_TYPE_CNAME = 5,
	SB_TYPE_SOA = 6,
	SB_TYPE_PTR = 12,
	SB_TYPE_TXT = 16,
	SB_TYPE_AAAA = 28,
	SB_TYPE_SRV = 33,
	SB_TYPE_SVCB = 64,
	SB_TYPE_HTTPS = 65,
	SB_TYPE_ANY = 255
};
#define SB_CLASS_IN 1

/* RCODEs (RFC 1035 section 4.1.1, RFC 2136 section 2.2). */
enum sb_rcode { SB_NOERROR = 0, SB_SERVFAIL = 2, SB_NXDOMAIN = 3, SB_YXDOMAIN = 6 };

/* Extended DNS Error codes (RFC 8914 section 4; 29 from the IANA registry). */
enum sb_ede {
	SB_EDE_NONE = -1,
	SB_EDE_OTHER = 0,
	SB_EDE_FILTERED = 17,
	SB_EDE_PROHIBITED = 18,
	SB_EDE_SYNTHESIZED = 29
};

/** The question. */
struct sb_query {
	struct sb_dname qname;
	uint16_t qtype;
	uint16_t qclass;
};

/** Octets of the longest SOA rdata: two names and five 32-bit numbers. */
#define SB_SOA_RDATA_MAX (2 * SB_DNAME_MAX + 20)

/** A zone's SOA. The names are wire octets, owned by the configuration. */
struct sb_soa {
	/** the zone's apex */
	const uint8_t *owner;
	size_t owner_len;
	/** the primary server */
	const uint8_t *mname;
	size_t mname_len;
	/** the mailbox */
	const uint8_t *rname;
	size_t rname_len;
	/** TTL in seconds; MINIMUM has the same value (RFC 2308 section 3) */
	uint32_t ttl;
};

/**
 * Fill an SOA; the names' wire is borrowed.
 * @param apex: the zone's.
 * @param mname: the primary server's name.
 * @param rname: the mailbox; NULL is "nobody.invalid.".
 */
void sb_soa_init(struct sb_soa *soa, const struct sb_dname *apex, const struct sb_dname *mname,
		 const struct sb_dname *rname, uint32_t ttl);

/**
 * Write an SOA's rdata (RFC 1035 section 3.3.13): SERIAL 1, REFRESH 3600, RETRY 1200, EXPIRE 604800,
 * MINIMUM the TTL.
 * @return octets written.
 */
size_t sb_soa_rdata(const struct sb_soa *soa, uint8_t rdata[SB_SOA_RDATA_MAX]);

/** An RRset of the configuration that is not the answer's own. */
struct sb_rrset {
	const uint8_t *owner;
	size_t owner_len;
	uint16_t rrtype;
	/** rdata, as in struct sb_verdict */
	const uint8_t *rrs;
	size_t rrs_len;
	unsigned rr_count;
};

enum sb_verdict_kind {
	/** not the module's business: exactly what Unbound would do without it */
	SB_PASS = 0,
	/** answer at once with the verdict's contents */
	SB_ANSWER,
	/** ask upstream; what comes back is decided by a second call */
	SB_ASK_UPSTREAM,
	/** resolve another name in the same query and compose (synth's site names) */
	SB_FOLLOW
};

/** A verdict with no rule: a pass. */
#define SB_RULE_NONE ((unsigned)-1)

/** An answer. `rrs` may point into `own`: a verdict is filled where it stays, and never copied. */
struct sb_verdict {
	enum sb_verdict_kind kind;
	enum sb_rcode rcode;
	/** AA: the answer is computed here, not resolved */
	bool authoritative;
	/** TC: ask again over TCP */
	bool truncated;
	/** type of the answer's RRset; 0 is an empty answer section */
	uint16_t rrtype;
	/** TTL of the answer's RRset in seconds */
	uint32_t ttl;
	/** the answer's rdata: rr_count times a 16-bit length in network order and the octets,
	 * in `own` or in the configuration; owner is the qname */
	const uint8_t *rrs;
	size_t rrs_len;
	unsigned rr_count;
	/** RRsets for the additional section, with the TTL of the answer's */
	const struct sb_rrset *additional;
	size_t additional_count;
	/** SOA for the authority section, or NULL; with rrtype SB_TYPE_SOA it is the answer */
	const struct sb_soa *soa;
	enum sb_ede ede;
	/** which rule of the configuration decided: index for counters and toggles */
	unsigned rule;
	/** which of the module's counters this answer moves */
	unsigned counter;
	/** room for one short rdata */
	uint8_t own[2 + SB_DNAME_MAX];
};

/** Make the answer section one RR with this rdata (at most SB_DNAME_MAX octets). */
void sb_verdict_rr(struct sb_verdict *verdict, uint16_t rrtype, uint32_t ttl, const uint8_t *rdata,
		   size_t rdata_len);

/** Make the answer section empty and put soa (or nothing, for NULL) into authority: NODATA with
 * SB_NOERROR, a name error with SB_NXDOMAIN (RFC 2308 section 2). */
void sb_verdict_negative(struct sb_verdict *verdict, enum sb_rcode rcode, const struct sb_soa *soa);

/** Make the zone's SOA the answer. */
void sb_verdict_soa(struct sb_verdict *verdict, const struct sb_soa *soa);

#endif
