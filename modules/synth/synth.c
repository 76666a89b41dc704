/* SPDX-License-Identifier: BSD-3-Clause */
#include "synth.h"
#include "sitebound/digits.h"

#include <string.h>

const char *const synth_counter_names[SYNTH_COUNTERS] = {
	[SYNTH_COUNT_ADDRESS] = "address",
	[SYNTH_COUNT_PTR] = "ptr",
	[SYNTH_COUNT_NODATA] = "nodata",
	[SYNTH_COUNT_NXDOMAIN] = "nxdomain",
	[SYNTH_COUNT_DENIED] = "denied",
	[SYNTH_COUNT_SOA] = "soa",
	[SYNTH_COUNT_SITE_LOCAL] = "site_local",
	[SYNTH_COUNT_SITE_FALLBACK] = "site_fallback",
	[SYNTH_COUNT_SITE_NXDOMAIN] = "site_nxdomain",
	[SYNTH_COUNT_SITE_SERVFAIL] = "site_servfail",
	[SYNTH_COUNT_YXDOMAIN] = "yxdomain",
	[SYNTH_COUNT_RING] = "ring",
	[SYNTH_COUNT_RING_STALE] = "ring_stale",
	[SYNTH_COUNT_RING_SERVFAIL] = "ring_servfail",
};

/** Addresses that no name should lead to, unless an `allow` names them: RFC 6890 "this network",
 * loopback, link-local, multicast and reserved blocks of both families. */
#define BLOCK(family, prefix, ...) \
	{ \
		.addr = {(family), {__VA_ARGS__}}, .prefix_len = (prefix) \
	}
static const struct sb_netblock builtin_deny[] = {
	BLOCK(4, 8, 0),
	BLOCK(4, 8, 127),
	BLOCK(4, 16, 169, 254),
	BLOCK(4, 4, 224),
	BLOCK(4, 4, 240),
	BLOCK(16, 128, 0),
	BLOCK(16, 128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
	/* carries IPv4 addresses at places that only the network knows (RFC 8215) */
	BLOCK(16, 48, 0, 0x64, 0xff, 0x9b, 0, 1),
	BLOCK(16, 10, 0xfe, 0x80),
	/* site-local (RFC 3879) */
	BLOCK(16, 10, 0xfe, 0xc0),
	BLOCK(16, 8, 0xff),
};

static bool allow_has_family(const struct sb_netblocks *allow, uint8_t addr_len)
{
	/* IPv4 stands before IPv6 */
	return allow->count > 0 && (allow->block[0].addr.len == addr_len ||
				    allow->block[allow->count - 1].addr.len == addr_len);
}

/** allow, deny and the built-in list for one address, carried ones not regarded. */
static bool allowed_alone(const struct synth_zone *zone, const struct sb_addr *addr,
			  bool allow_applies)
{
	const struct sb_netblock *allow = sb_netblocks_find(&zone->allow, addr);
	size_t i;

	if (sb_netblocks_find(&zone->deny, addr) != NULL)
		return false;
	if (allow_applies && zone->allow.count > 0 && allow == NULL)
		return false;
	for (i = 0; i < sizeof(builtin_deny) / sizeof(builtin_deny[0]); i++) {
		if (sb_netblock_has(&builtin_deny[i], addr) &&
		    (allow == NULL || !sb_netblock_covers(&builtin_deny[i], allow)))
			return false;
	}
	return true;
}

bool synth_allowed(const struct synth_zone *zone, const struct sb_addr *addr)
{
	struct sb_addr ip4;

	if (!allowed_alone(zone, addr, true))
		return false;
	/* an allow list of IPv6 ranges alone says nothing of the addresses they carry */
	return !sb_addr_embedded_ip4(addr, &ip4) ||
	       allowed_alone(zone, &ip4, allow_has_family(&zone->allow, SB_IP4_LEN));
}

bool synth_parse_octet(const uint8_t *label, size_t label_len, uint8_t *octet)
{
	unsigned value;

	if (!sb_decimal_read(label, label_len, 255, &value))
		return false;
	*octet = (uint8_t)value;
	return true;
}

static bool parse_dashed4(const uint8_t *label, size_t label_len, struct sb_addr *addr)
{
	unsigned value = 0, digits = 0, octets = 0;
	size_t i;

	memset(addr, 0, sizeof(*addr));
	addr->len = SB_IP4_LEN;
	/* the octets as synth_parse_octet() has them, in one pass */
	for (i = 0; i < label_len; i++) {
		if (label[i] == '-') {
			if (digits == 0 || octets == SB_IP4_LEN - 1)
				return false;
			addr->octet[octets++] = (uint8_t)value;
			value = digits = 0;
			continue;
		}
		if (label[i] < '0' || label[i] > '9' || (digits > 0 && value == 0))
			return false;
		value = value * 10 + (unsigned)(label[i] - '0');
		if (value > 255)
			return false;
		digits++;
	}
	addr->octet[octets] = (uint8_t)value;
	return digits > 0 && octets == SB_IP4_LEN - 1;
}

static bool parse_dashed6(const uint8_t *label, size_t label_len, struct sb_addr *addr)
{
	/* octets before and behind the "--"; before holds all of them when there is none */
	uint8_t part[2][SB_IP6_LEN];
	size_t part_len[2] = {0, 0};
	unsigned in = 0;
	size_t i = 0;

	if (label_len >= 2 && label[0] == '-' && label[1] == '-') {
		in = 1;
		i = 2;
	} else if (label_len == 0 || label[0] == '-') {
		return false;
	}
	while (i < label_len) {
		unsigned group = 0, digits = 0;

		while (i < label_len && sb_hex_digit(label[i]) >= 0) {
			if (++digits > 4)
				return false;
			group = group << 4 | (unsigned)sb_hex_digit(label[i++]);
		}
		if (digits == 0 || part_len[0] + part_len[1] == SB_IP6_LEN)
			return false;
		part[in][part_len[in]++] = (uint8_t)(group >> 8);
		part[in][part_len[in]++] = (uint8_t)group;
		if (i == label_len)
			break;
		if (label[i] != '-' || i + 1 == label_len)
			return false;
		if (label[i + 1] == '-') {
			if (in == 1)
				return false;
			in = 1;
			i++;
		}
		i++;
	}
	/* "--" stands for one group of zeros at least */
	if (in == 1 ? part_len[0] + part_len[1] == SB_IP6_LEN : part_len[0] != SB_IP6_LEN)
		return false;
	memset(addr, 0, sizeof(*addr));
	addr->len = SB_IP6_LEN;
	memcpy(addr->octet, part[0], part_len[0]);
	memcpy(addr->octet + SB_IP6_LEN - part_len[1], part[1], part_len[1]);
	return true;
}

bool synth_parse_dashed(const uint8_t *label, size_t label_len, struct sb_addr *addr)
{
	return parse_dashed4(label, label_len, addr) || parse_dashed6(label, label_len, addr);
}

bool synth_parse_hex(const uint8_t *label, size_t label_len, struct sb_addr *addr)
{
	size_t i;

	if (label_len != 2 * SB_IP4_LEN && label_len != 2 * SB_IP6_LEN)
		return false;
	memset(addr, 0, sizeof(*addr));
	addr->len = (uint8_t)(label_len / 2);
	for (i = 0; i < label_len; i++) {
		int digit = sb_hex_digit(label[i]);

		if (digit < 0)
			return false;
		addr->octet[i / 2] = (uint8_t)(addr->octet[i / 2] << 4 | digit);
	}
	return true;
}

static size_t write_decimal(unsigned value, uint8_t *text)
{
	size_t at = 0;

	if (value >= 100)
		text[at++] = (uint8_t)('0' + value / 100);
	if (value >= 10)
		text[at++] = (uint8_t)('0' + value / 10 % 10);
	text[at++] = (uint8_t)('0' + value % 10);
	return at;
}

/** One group in hexadecimal, with at least `least` digits. */
static size_t write_group(unsigned group, unsigned least, uint8_t *text)
{
	unsigned count = 4;
	size_t at = 0;

	while (count > least && group >> (4 * (count - 1)) == 0)
		count--;
	while (count-- > 0)
		text[at++] = (uint8_t)SB_HEX_DIGITS[group >> (4 * count) & 15];
	return at;
}

static size_t write_dashed6(const struct sb_addr *addr, uint8_t text[SYNTH_DASHED_MAX])
{
	unsigned group[8], i, run, best_at = 8, best_run = 1;
	size_t at = 0;

	for (i = 0; i < 8; i++)
		group[i] = (unsigned)addr->octet[2 * i] << 8 | addr->octet[2 * i + 1];
	/* the longest run of zero groups, the first of equals (RFC 5952 section 4.2) */
	for (i = 0; i < 8;) {
		for (run = 0; i + run < 8 && group[i + run] == 0; run++)
			;
		if (run > best_run) {
			best_at = i;
			best_run = run;
		}
		i += run > 0 ? run : 1;
	}
	for (i = 0; i < 8; i++) {
		if (i == best_at) {
			if (at == 0)
				text[at++] = '0';
			text[at++] = '-';
			text[at++] = '-';
			i += best_run - 1;
			if (i == 7)
				text[at++] = '0';
			continue;
		}
		if (at > 0 && text[at - 1] != '-')
			text[at++] = '-';
		/* "aa--1" would carry dashes where RFC 5891 reserves them: "0aa--1" */
		at += write_group(group[i],
				  i == 0 && best_at == 1 && group[0] > 15 && group[0] < 256 ? 3 : 1,
				  text + at);
	}
	return at;
}

size_t synth_write_dashed(const struct sb_addr *addr, uint8_t text[SYNTH_DASHED_MAX])
{
	size_t at = 0;
	unsigned i;

	if (addr->len == SB_IP6_LEN)
		return write_dashed6(addr, text);
	for (i = 0; i < SB_IP4_LEN; i++) {
		if (i > 0)
			text[at++] = '-';
		at += write_decimal(addr->octet[i], text + at);
	}
	return at;
}

enum sb_err synth_target(const struct synth_zone *zone, const struct sb_dname *qname, size_t site,
			 uint8_t target[SB_DNAME_MAX], size_t *target_len)
{
	const struct synth_site *at_site = &zone->site[site];
	size_t left_len = qname->wire_len - zone->apex.wire_len;
	size_t len = left_len + 1 + at_site->label_len + zone->parent.wire_len;

	if (len > SB_DNAME_MAX)
		return SB_ERANGE;
	sb_octets_lower(target, qname->wire, left_len);
	target[left_len] = (uint8_t)at_site->label_len;
	memcpy(target + left_len + 1, at_site->label, at_site->label_len);
	memcpy(target + left_len + 1 + at_site->label_len, zone->parent.wire,
	       zone->parent.wire_len);
	*target_len = len;
	return SB_OK;
}

static void answer_negative(struct sb_verdict *verdict, enum sb_rcode rcode,
			    const struct synth_zone *zone, enum synth_counter counter)
{
	verdict->kind = SB_ANSWER;
	verdict->counter = counter;
	verdict->ede = counter == SYNTH_COUNT_DENIED ? SB_EDE_PROHIBITED : SB_EDE_SYNTHESIZED;
	sb_verdict_negative(verdict, rcode, &zone->soa);
}

static void answer_nodata(struct sb_verdict *verdict, const struct synth_zone *zone)
{
	answer_negative(verdict, SB_NOERROR, zone, SYNTH_COUNT_NODATA);
}

static void answer_soa(struct sb_verdict *verdict, const struct synth_zone *zone)
{
	verdict->kind = SB_ANSWER;
	verdict->counter = SYNTH_COUNT_SOA;
	sb_verdict_soa(verdict, &zone->soa);
}

/** The answer at the name of an address. */
static void answer_address(const struct synth_zone *zone, const struct sb_addr *addr,
			   uint16_t qtype, struct sb_verdict *verdict)
{
	uint16_t own_type = addr->len == SB_IP4_LEN ? SB_TYPE_A : SB_TYPE_AAAA;

	if (!synth_allowed(zone, addr)) {
		answer_negative(verdict, SB_NXDOMAIN, zone, SYNTH_COUNT_DENIED);
	} else if (qtype == own_type || qtype == SB_TYPE_ANY) {
		verdict->kind = SB_ANSWER;
		verdict->counter = SYNTH_COUNT_ADDRESS;
		sb_verdict_rr(verdict, own_type, zone->ttl, addr->octet, addr->len);
	} else {
		answer_nodata(verdict, zone);
	}
}

/**
 * Find the address that the labels next to the apex spell.
 * @param left: labels left of the apex, at least one.
 * @return labels that the address takes; 0 when there is none.
 */
static unsigned find_address(const struct synth_zone *zone, const struct sb_dname *qname,
			     unsigned left, struct sb_addr *addr)
{
	size_t label_len;
	const uint8_t *label = sb_dname_label(qname, left - 1, &label_len);
	unsigned i;

	if ((zone->forms & SYNTH_DASHED) && synth_parse_dashed(label, label_len, addr))
		return 1;
	if ((zone->forms & SYNTH_HEX) && synth_parse_hex(label, label_len, addr))
		return 1;
	if (!(zone->forms & SYNTH_DOTTED) || left < SB_IP4_LEN)
		return 0;
	memset(addr, 0, sizeof(*addr));
	addr->len = SB_IP4_LEN;
	for (i = 0; i < SB_IP4_LEN; i++) {
		label = sb_dname_label(qname, left - SB_IP4_LEN + i, &label_len);
		if (!synth_parse_octet(label, label_len, &addr->octet[i]))
			return 0;
	}
	return SB_IP4_LEN;
}

/** Whether the labels left of the apex are the last ones of a dotted address: an empty
 * non-terminal (RFC 4592 section 2.2.2). */
static bool is_address_suffix(const struct synth_zone *zone, const struct sb_dname *qname,
			      unsigned left)
{
	unsigned i;

	if (!(zone->forms & SYNTH_DOTTED) || left >= SB_IP4_LEN)
		return false;
	for (i = 0; i < left; i++) {
		size_t label_len;
		const uint8_t *label = sb_dname_label(qname, i, &label_len);
		uint8_t octet;

		if (!synth_parse_octet(label, label_len, &octet))
			return false;
	}
	return true;
}

/** At the apex: our SOA, and what else upstream has there. */
static void decide_apex(const struct synth_zone *zone, const struct sb_query *query,
			struct sb_verdict *verdict)
{
	if (query->qtype == SB_TYPE_SOA)
		answer_soa(verdict, zone);
	else
		verdict->kind = SB_ASK_UPSTREAM;
}

static void decide_address(const struct synth_zone *zone, const struct sb_query *query,
			   unsigned left, struct sb_verdict *verdict)
{
	struct sb_addr addr;
	unsigned taken;

	if (left == 0) {
		decide_apex(zone, query, verdict);
		return;
	}
	taken = find_address(zone, &query->qname, left, &addr);
	if (taken == left)
		answer_address(zone, &addr, query->qtype, verdict);
	else if (taken > 0)
		answer_negative(verdict, SB_NXDOMAIN, zone, SYNTH_COUNT_NXDOMAIN);
	else if (is_address_suffix(zone, &query->qname, left))
		answer_nodata(verdict, zone);
	else if (zone->otherwise_nxdomain)
		answer_negative(verdict, SB_NXDOMAIN, zone, SYNTH_COUNT_NXDOMAIN);
	else
		verdict->kind = SB_PASS;
}

static void decide_site(const struct synth_zone *zone, const struct sb_query *query, unsigned left,
			struct sb_verdict *verdict)
{
	uint8_t target[SB_DNAME_MAX];
	size_t target_len;

	if (left == 0) {
		answer_nodata(verdict, zone);
	} else if (synth_target(zone, &query->qname, 0, target, &target_len) != SB_OK) {
		verdict->kind = SB_ANSWER;
		verdict->counter = SYNTH_COUNT_YXDOMAIN;
		sb_verdict_negative(verdict, SB_YXDOMAIN, NULL);
	} else if (zone->site_count == 1 &&
		   (query->qtype == SB_TYPE_CNAME || query->qtype == SB_TYPE_ANY)) {
		verdict->kind = SB_ANSWER;
		verdict->counter = SYNTH_COUNT_SITE_LOCAL;
		sb_verdict_rr(verdict, SB_TYPE_CNAME, zone->ttl, target, target_len);
	} else {
		verdict->kind = SB_FOLLOW;
	}
}

static void decide_key(const struct synth_zone *zone, const struct sb_query *query, unsigned left,
		       struct sb_verdict *verdict)
{
	struct ring_key key;

	if (left == 0)
		decide_apex(zone, query, verdict);
	else if (ring_key_parse(&query->qname, left, &key))
		verdict->kind = SB_FOLLOW;
	else
		answer_negative(verdict, SB_NXDOMAIN, zone, SYNTH_COUNT_NXDOMAIN);
}

/**
 * Read a name of in-addr.arpa (RFC 1035 section 3.5) or ip6.arpa (RFC 3596 section 2.5).
 * @param qname: in one of synth's reverse zones.
 * @param block: the address, or the block that a shorter name stands for.
 * @return whether it is one.
 */
static bool parse_reverse(const struct sb_dname *qname, struct sb_netblock *block)
{
	size_t label_len;
	const uint8_t *label;
	unsigned left, i;

	memset(block, 0, sizeof(*block));
	left = qname->label_count - 2;
	label = sb_dname_label(qname, left, &label_len);
	if (label_len == 7 && sb_octets_equal(label, (const uint8_t *)"in-addr", 7)) {
		block->addr.len = SB_IP4_LEN;
		if (left > SB_IP4_LEN)
			return false;
		for (i = 0; i < left; i++) {
			label = sb_dname_label(qname, left - 1 - i, &label_len);
			if (!synth_parse_octet(label, label_len, &block->addr.octet[i]))
				return false;
		}
		block->prefix_len = (uint8_t)(left * 8);
		return true;
	}
	block->addr.len = SB_IP6_LEN;
	if (left > 2 * SB_IP6_LEN)
		return false;
	for (i = 0; i < left; i++) {
		int digit;

		label = sb_dname_label(qname, left - 1 - i, &label_len);
		digit = label_len == 1 ? sb_hex_digit(label[0]) : -1;
		if (digit < 0)
			return false;
		block->addr.octet[i / 2] |= (uint8_t)(i % 2 == 0 ? digit << 4 : digit);
	}
	block->prefix_len = (uint8_t)(left * 4);
	return true;
}

/** The most specific range that has the whole block; or else one that the block has, whose names
 * make the block's an empty non-terminal; or NULL. */
static const struct synth_range *find_range(const struct synth_conf *conf,
					    const struct sb_netblock *block)
{
	size_t next;
	const struct synth_range *range = sb_netblocks_search(conf->range, conf->range_count,
							      sizeof(*conf->range), block, &next);

	if (range == NULL && next < conf->range_count &&
	    sb_netblock_covers(block, &conf->range[next].block))
		range = &conf->range[next];
	return range;
}

static void decide_reverse(const struct synth_conf *conf, const struct sb_query *query,
			   struct sb_verdict *verdict)
{
	const struct synth_range *range;
	struct sb_netblock block;

	range = parse_reverse(&query->qname, &block) ? find_range(conf, &block) : NULL;
	if (range == NULL)
		return;
	verdict->kind = SB_ASK_UPSTREAM;
	verdict->rule = range->names->rule;
}

static void verdict_init(struct sb_verdict *verdict)
{
	verdict->kind = SB_PASS;
	verdict->rcode = SB_NOERROR;
	verdict->authoritative = true;
	verdict->truncated = false;
	verdict->rrtype = 0;
	verdict->rr_count = 0;
	verdict->additional_count = 0;
	verdict->soa = NULL;
	verdict->ede = SB_EDE_SYNTHESIZED;
	verdict->rule = SB_RULE_NONE;
	verdict->counter = 0;
}

void synth_decide(const struct synth_conf *conf, const struct sb_query *query,
		  struct sb_verdict *verdict)
{
	unsigned left;
	const struct synth_zone *zone = sb_zones_find(conf->rules.zones, &query->qname, &left);

	synth_decide_in(conf, zone, left, query, verdict);
}

void synth_decide_in(const struct synth_conf *conf, const struct synth_zone *zone, unsigned left,
		     const struct sb_query *query, struct sb_verdict *verdict)
{
	verdict_init(verdict);
	if (zone == NULL || query->qclass != SB_CLASS_IN)
		return;
	verdict->rule = zone->rule;
	switch (zone->kind) {
	case SYNTH_ADDRESSES:
		decide_address(zone, query, left, verdict);
		break;
	case SYNTH_SITES:
		decide_site(zone, query, left, verdict);
		break;
	case SYNTH_REVERSE:
		decide_reverse(conf, query, verdict);
		break;
	case SYNTH_RING:
		decide_key(zone, query, left, verdict);
		break;
	}
}

/** Make the answer one RR with rdata of any length, in room. */
static void answer_rr(struct sb_verdict *verdict, uint16_t rrtype, const uint8_t *rdata,
		      size_t rdata_len, uint8_t *room)
{
	room[0] = (uint8_t)(rdata_len >> 8);
	room[1] = (uint8_t)rdata_len;
	if (rdata != room + 2)
		memcpy(room + 2, rdata, rdata_len);
	verdict->kind = SB_ANSWER;
	verdict->rrtype = rrtype;
	verdict->rrs = room;
	verdict->rrs_len = rdata_len + 2;
	verdict->rr_count = 1;
}

void synth_decide_ring(const struct synth_conf *conf, const struct sb_query *query,
		       const struct ring *ring, uint32_t ttl, uint8_t room[SYNTH_RING_RR_MAX],
		       struct sb_verdict *verdict)
{
	uint8_t position[RING_POSITION_MAX];
	const struct ring_segment *segment = NULL;
	const struct synth_zone *zone;
	const uint8_t *host;
	struct ring_key key;
	size_t host_len;
	unsigned left;

	verdict_init(verdict);
	zone = sb_zones_find(conf->rules.zones, &query->qname, &left);
	if (zone == NULL || zone->kind != SYNTH_RING)
		return;
	verdict->rule = zone->rule;
	verdict->counter = SYNTH_COUNT_RING;
	verdict->ttl = ttl < zone->ttl ? ttl : zone->ttl;
	if (ring_key_parse(&query->qname, left, &key))
		segment = ring_find(ring, &key, zone->replica_by_hash, position);
	if (segment == NULL) {
		answer_negative(verdict, SB_NXDOMAIN, zone, SYNTH_COUNT_NXDOMAIN);
		return;
	}
	switch (query->qtype) {
	case SB_TYPE_SRV:
	case SB_TYPE_ANY:
		answer_rr(verdict, SB_TYPE_SRV, segment->member->srv, segment->member->srv_len,
			  room);
		break;
	case SB_TYPE_TXT:
		answer_rr(verdict, SB_TYPE_TXT, room + 2,
			  ring_txt(ring, segment, position, room + 2), room);
		break;
	case SB_TYPE_A:
	case SB_TYPE_AAAA:
	case SB_TYPE_CNAME:
		host = ring_member_host(segment->member, &host_len);
		answer_rr(verdict, SB_TYPE_CNAME, host, host_len, room);
		if (query->qtype != SB_TYPE_CNAME)
			verdict->kind = SB_FOLLOW;
		break;
	default:
		answer_nodata(verdict, zone);
	}
}

/** What a name of a range becomes when upstream has nothing. */
static void decide_reverse_upstream(const struct synth_conf *conf, const struct synth_zone *zone,
				    const struct sb_query *query, unsigned rcode,
				    struct sb_verdict *verdict)
{
	const struct synth_range *range;
	struct sb_netblock block;
	uint8_t target[SB_DNAME_MAX];
	const struct sb_dname *names;

	range = parse_reverse(&query->qname, &block) ? find_range(conf, &block) : NULL;
	if (range == NULL)
		return;
	verdict->rule = range->names->rule;
	if (block.prefix_len < block.addr.len * 8) {
		if (rcode != SB_NXDOMAIN)
			return;
		if (query->qtype == SB_TYPE_SOA &&
		    query->qname.label_count == zone->apex.label_count)
			answer_soa(verdict, zone);
		else
			answer_nodata(verdict, zone);
		return;
	}
	if (!synth_allowed(range->names, &block.addr)) {
		if (rcode == SB_NXDOMAIN)
			answer_negative(verdict, SB_NXDOMAIN, zone, SYNTH_COUNT_DENIED);
		return;
	}
	if (query->qtype != SB_TYPE_PTR && query->qtype != SB_TYPE_ANY) {
		if (rcode == SB_NXDOMAIN)
			answer_nodata(verdict, zone);
		return;
	}
	names = &range->names->apex;
	target[0] = (uint8_t)synth_write_dashed(&block.addr, target + 1);
	memcpy(target + 1 + target[0], names->wire, names->wire_len);
	verdict->kind = SB_ANSWER;
	verdict->counter = SYNTH_COUNT_PTR;
	sb_verdict_rr(verdict, SB_TYPE_PTR, range->names->ttl, target,
		      1U + target[0] + names->wire_len);
}

void synth_decide_upstream(const struct synth_conf *conf, const struct sb_query *query,
			   unsigned rcode, bool has_answer, struct sb_verdict *verdict)
{
	const struct synth_zone *zone;
	unsigned left;

	verdict_init(verdict);
	/* an error is no fact: it never becomes a computed answer */
	if (has_answer || (rcode != SB_NOERROR && rcode != SB_NXDOMAIN))
		return;
	zone = sb_zones_find(conf->rules.zones, &query->qname, &left);
	if (zone == NULL)
		return;
	verdict->rule = zone->rule;
	if (zone->kind == SYNTH_REVERSE)
		decide_reverse_upstream(conf, zone, query, rcode, verdict);
	else if ((zone->kind == SYNTH_ADDRESSES || zone->kind == SYNTH_RING) && left == 0 &&
		 rcode == SB_NXDOMAIN)
		answer_nodata(verdict, zone);
}
