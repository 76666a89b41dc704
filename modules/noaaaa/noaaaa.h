/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * noaaaa: no AAAA for internal names. Pure decisions; noaaaa_module.c carries them out.
 */
#ifndef SITEBOUND_NOAAAA_H
#define SITEBOUND_NOAAAA_H

#include "sitebound/addr.h"
#include "sitebound/dname.h"
#include "sitebound/rules.h"
#include "sitebound/verdict.h"

/** Settings of one item of the list, shared by its zones. */
struct noaaaa_rule {
	/** NXDOMAIN without SOA; else NODATA with SOA */
	bool nxdomain;
	/** only where the name has an A record */
	bool only_if_a;
	/** SOA TTL and MINIMUM in seconds */
	uint32_t negative_ttl;
	/** who is meant; empty: everyone */
	struct sb_netblocks clients;
	/** some client is not meant: no answer may be shared between clients */
	bool by_client;
};

/** A zone of `zones` or of `except`. */
struct noaaaa_zone {
	/** NULL for an exception */
	const struct noaaaa_rule *rule;
	/** index in noaaaa_conf.zone; of use when rule is set */
	unsigned index;
	struct sb_dname apex;
	struct sb_soa soa;
};

struct noaaaa_conf {
	/** must come first; zones: every struct noaaaa_zone by its apex */
	struct sb_rules rules;
	/** by rule: the zones that have one, in the order of the file */
	struct noaaaa_zone **zone;
	/** some rule has by_client */
	bool any_by_client;
};

/** What noaaaa counts; see noaaaa_counter_names. */
enum noaaaa_counter {
	NOAAAA_COUNT_NXDOMAIN,
	NOAAAA_COUNT_NODATA,
	NOAAAA_COUNT_KEPT,
	NOAAAA_COUNT_CLIENT_PASSED,
	NOAAAA_COUNT_FILTERED,
	NOAAAA_COUNT_HINTS,
	NOAAAA_COUNTERS
};
extern const char *const noaaaa_counter_names[NOAAAA_COUNTERS];

/** The zone whose rule a name is under, or NULL: longest match of zones and exceptions. */
const struct noaaaa_zone *noaaaa_find(const struct noaaaa_conf *conf, const struct sb_dname *name);

/** Whether a rule means a client. */
bool noaaaa_means(const struct noaaaa_rule *rule, const struct sb_addr *client);

/** The answer to AAAA of a name under the zone's rule (RFC 2308 section 2). */
void noaaaa_suppress(const struct noaaaa_zone *zone, struct sb_verdict *verdict);

/** Whether the rdata of an SVCB or HTTPS record has an ipv6hint. False for rdata of another form. */
bool noaaaa_has_hint(const uint8_t *rdata, size_t rdata_len);

/**
 * Take ipv6hint out of the rdata of an SVCB or HTTPS record, and its number out of `mandatory`
 * (RFC 9460 sections 7.3 and 8); what is left is the same octet for octet.
 * @param rdata, rdata_len: without the length in front.
 * @param to: room for rdata_len octets.
 * @param to_len: octets written.
 * @return whether there was a hint; false too for rdata of another form, which stays as it is.
 */
bool noaaaa_strip_hint(const uint8_t *rdata, size_t rdata_len, uint8_t *to, size_t *to_len);

#endif
