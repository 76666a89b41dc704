/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * synth: answers for names that are computed. Pure decisions; synth_module.c carries them out.
 */
#ifndef SITEBOUND_SYNTH_H
#define SITEBOUND_SYNTH_H

#include "ring.h"
#include "sitebound/addr.h"
#include "sitebound/dname.h"
#include "sitebound/rules.h"
#include "sitebound/verdict.h"

/** How an address may be written left of the zone: bits of synth_zone.forms. */
enum synth_form { SYNTH_DOTTED = 1, SYNTH_DASHED = 2, SYNTH_HEX = 4 };

/** Characters of the longest dashed address: eight groups of four digits, seven dashes. */
#define SYNTH_DASHED_MAX 39

enum synth_zone_kind {
	/** `address-names`: the names of addresses */
	SYNTH_ADDRESSES,
	/** `site-names`: LABEL.PARENT, an alias of SITE.PARENT */
	SYNTH_SITES,
	/** the in-addr.arpa or ip6.arpa zone of an allowed range */
	SYNTH_REVERSE,
	/** `ring-names`: KEY.ZONE, the member of a ring who owns the key */
	SYNTH_RING
};

/** A site that a name of SYNTH_SITES may be found at. */
struct synth_site {
	const uint8_t *label;
	size_t label_len;
};

/** A zone that synth answers in. */
struct synth_zone {
	enum synth_zone_kind kind;
	/** index in synth_conf.zone */
	unsigned rule;
	struct sb_dname apex;
	struct sb_soa soa;
	/** TTL of addresses, PTR records, or the CNAME to the local site; seconds */
	uint32_t ttl;
	/* SYNTH_ADDRESSES */
	unsigned forms;
	struct sb_netblocks allow;
	struct sb_netblocks deny;
	bool otherwise_nxdomain;
	bool reverse;
	/* SYNTH_SITES */
	/** what stands left of the parent in apex, replaced by a site's label */
	struct sb_dname parent;
	/** the local site and the fallbacks in their order */
	struct synth_site *site;
	size_t site_count;
	/** on-error: next */
	bool error_is_next;
	/** TTL of the CNAME to a fallback site; seconds */
	uint32_t fallback_ttl;
	/* SYNTH_RING; ttl is the longest of its answers' */
	/** whose SRV records are the members, and where the configuration is */
	struct sb_dname service, config;
	/** template of the names of tokens, see ring_template() */
	const char *tokens;
	/** replicas by hashing, see ring_find() */
	bool replica_by_hash;
};

/** A range whose addresses have computed PTR records. */
struct synth_range {
	/** must come first */
	struct sb_netblock block;
	/** the zone of the names that PTR records point to */
	const struct synth_zone *names;
};

struct synth_conf {
	/** must come first; zones: every struct synth_zone by its apex */
	struct sb_rules rules;
	/** by rule: in the order of the file, reverse zones last */
	struct synth_zone **zone;
	/** sorted by their blocks */
	struct synth_range *range;
	size_t range_count;
};

/** What synth counts; see synth_counter_names. */
enum synth_counter {
	SYNTH_COUNT_ADDRESS,
	SYNTH_COUNT_PTR,
	SYNTH_COUNT_NODATA,
	SYNTH_COUNT_NXDOMAIN,
	SYNTH_COUNT_DENIED,
	SYNTH_COUNT_SOA,
	SYNTH_COUNT_SITE_LOCAL,
	SYNTH_COUNT_SITE_FALLBACK,
	SYNTH_COUNT_SITE_NXDOMAIN,
	SYNTH_COUNT_SITE_SERVFAIL,
	SYNTH_COUNT_YXDOMAIN,
	SYNTH_COUNT_RING,
	SYNTH_COUNT_RING_STALE,
	SYNTH_COUNT_RING_SERVFAIL,
	SYNTH_COUNTERS
};
extern const char *const synth_counter_names[SYNTH_COUNTERS];

/**
 * Decide what becomes of a question.
 * SB_PASS: not synth's. SB_ANSWER: the verdict is the answer. SB_ASK_UPSTREAM: real data may
 * exist; ask and call synth_decide_upstream(). SB_FOLLOW: a site name to be resolved at
 * the sites of conf->zone[verdict->rule] with synth_target(), or a key on the ring of that zone,
 * for synth_decide_ring().
 */
void synth_decide(const struct synth_conf *conf, const struct sb_query *query,
		  struct sb_verdict *verdict);

/**
 * The same where the zone is known.
 * @param zone: what sb_zones_find() found for the question's name in conf->rules.zones, or NULL.
 * @param left: labels left of its apex.
 */
void synth_decide_in(const struct synth_conf *conf, const struct synth_zone *zone, unsigned left,
		     const struct sb_query *query, struct sb_verdict *verdict);

/**
 * Decide again about a question that synth_decide() sent upstream.
 * @param rcode: what upstream answered.
 * @param has_answer: whether the answer section holds anything.
 * SB_PASS: upstream's answer stands. SB_ANSWER: the verdict replaces it.
 */
void synth_decide_upstream(const struct synth_conf *conf, const struct sb_query *query,
			   unsigned rcode, bool has_answer, struct sb_verdict *verdict);

/**
 * The name at a site that a site name stands for: one label of qname replaced, all in lower case,
 * so that the answer does not depend on how the first asker wrote it.
 * @param zone: the SYNTH_SITES zone that qname is in.
 * @param site: index into zone->site.
 * @param target, target_len: the name in wire format.
 * @return SB_OK; SB_ERANGE when it is over 255 octets (YXDOMAIN, as RFC 6672 section 2.2).
 */
SB_MUST_CHECK enum sb_err synth_target(const struct synth_zone *zone, const struct sb_dname *qname,
				       size_t site, uint8_t target[SB_DNAME_MAX],
				       size_t *target_len);

/** Octets of the longest rdata of a ring's answer, with the length in front. */
#define SYNTH_RING_RR_MAX (2 + RING_TXT_MAX)

/**
 * Decide about a key of a SYNTH_RING zone when its ring is there.
 * @param ttl: how long what the ring says may be kept, seconds.
 * @param room: for the answer's rdata; the verdict points into it.
 * SB_ANSWER: the verdict is the answer. SB_FOLLOW: it is a CNAME to the owner's host, which is to be
 * resolved for the question's type and to be put behind it.
 */
void synth_decide_ring(const struct synth_conf *conf, const struct sb_query *query,
		       const struct ring *ring, uint32_t ttl, uint8_t room[SYNTH_RING_RR_MAX],
		       struct sb_verdict *verdict);

/** Whether a zone of SYNTH_ADDRESSES answers for this address: allow, deny, the built-in deny
 * list, and for IPv6 the IPv4 address that it carries. */
bool synth_allowed(const struct synth_zone *zone, const struct sb_addr *addr);

/* Address forms, exported for their tests. Each takes one label and says whether it is one. */

/** 0..255 in decimal without leading zero. */
bool synth_parse_octet(const uint8_t *label, size_t label_len, uint8_t *octet);
/** Four octets with dashes between them, or RFC 4291 section 2.2 text with `:` written `-`. */
bool synth_parse_dashed(const uint8_t *label, size_t label_len, struct sb_addr *addr);
/** Eight or 32 hexadecimal digits. */
bool synth_parse_hex(const uint8_t *label, size_t label_len, struct sb_addr *addr);
/**
 * The dashed form of an address, without a dash at its ends and without two dashes as its third
 * and fourth character (those are reserved, RFC 5891 section 4.2.3.1).
 * @return characters written to text.
 */
size_t synth_write_dashed(const struct sb_addr *addr, uint8_t text[SYNTH_DASHED_MAX]);

#endif
