/* SPDX-License-Identifier: BSD-3-Clause */
#include "noaaaa.h"

#include <string.h>

const char *const noaaaa_counter_names[NOAAAA_COUNTERS] = {
	[NOAAAA_COUNT_NXDOMAIN] = "nxdomain", [NOAAAA_COUNT_NODATA] = "nodata",
	[NOAAAA_COUNT_KEPT] = "kept",	      [NOAAAA_COUNT_CLIENT_PASSED] = "client_passed",
	[NOAAAA_COUNT_FILTERED] = "filtered", [NOAAAA_COUNT_HINTS] = "hints",
};

/* SvcParamKeys (RFC 9460 section 14.3.2) */
#define KEY_MANDATORY 0
#define KEY_IPV6HINT 6

const struct noaaaa_zone *noaaaa_find(const struct noaaaa_conf *conf, const struct sb_dname *name)
{
	unsigned left;
	const struct noaaaa_zone *zone = sb_zones_find(conf->rules.zones, name, &left);

	return zone != NULL && zone->rule != NULL ? zone : NULL;
}

bool noaaaa_means(const struct noaaaa_rule *rule, const struct sb_addr *client)
{
	return !rule->by_client || sb_netblocks_find(&rule->clients, client) != NULL;
}

void noaaaa_suppress(const struct noaaaa_zone *zone, struct sb_verdict *verdict)
{
	verdict->kind = SB_ANSWER;
	verdict->authoritative = false;
	verdict->truncated = false;
	verdict->rule = zone->index;
	verdict->ede = SB_EDE_FILTERED;
	if (zone->rule->nxdomain) {
		/* with a SOA stub resolvers would cache "no such name" for A as well */
		verdict->counter = NOAAAA_COUNT_NXDOMAIN;
		sb_verdict_negative(verdict, SB_NXDOMAIN, NULL);
	} else {
		verdict->counter = NOAAAA_COUNT_NODATA;
		sb_verdict_negative(verdict, SB_NOERROR, &zone->soa);
	}
}

static unsigned get_u16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

static void put_u16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/** Where the parameters begin: behind the priority and the target name; 0 when there is no such
 * place. */
static size_t params_offset(const uint8_t *rdata, size_t rdata_len)
{
	size_t at = 2;

	while (at < rdata_len && rdata[at] != 0) {
		if (rdata[at] > SB_LABEL_MAX)
			return 0;
		at += 1U + rdata[at];
	}
	return at < rdata_len ? at + 1 : 0;
}

/** Copy a `mandatory` parameter without ipv6hint; nothing when nothing else is mandatory. */
static size_t copy_mandatory(const uint8_t *value, size_t value_len, uint8_t *to)
{
	size_t at, kept = 0;

	for (at = 0; at + 2 <= value_len; at += 2) {
		if (get_u16(value + at) == KEY_IPV6HINT)
			continue;
		memcpy(to + 4 + kept, value + at, 2);
		kept += 2;
	}
	if (kept == 0)
		return 0;
	put_u16(to, KEY_MANDATORY);
	put_u16(to + 2, kept);
	return 4 + kept;
}

/** Where the parameters begin, when there is a hint and all is well-formed; else 0. */
static size_t find_hint(const uint8_t *rdata, size_t rdata_len)
{
	size_t first = rdata_len > 2 ? params_offset(rdata, rdata_len) : 0, at = first;
	bool found = false;

	if (first == 0)
		return 0;
	while (at < rdata_len) {
		if (rdata_len - at < 4 || rdata_len - at - 4 < get_u16(rdata + at + 2))
			return 0;
		found = found || get_u16(rdata + at) == KEY_IPV6HINT;
		at += 4U + get_u16(rdata + at + 2);
	}
	return found ? first : 0;
}

bool noaaaa_has_hint(const uint8_t *rdata, size_t rdata_len)
{
	return find_hint(rdata, rdata_len) > 0;
}

bool noaaaa_strip_hint(const uint8_t *rdata, size_t rdata_len, uint8_t *to, size_t *to_len)
{
	size_t first = find_hint(rdata, rdata_len), at, out = first;

	if (first == 0)
		return false;
	memcpy(to, rdata, first);
	for (at = first; at < rdata_len;) {
		unsigned key = get_u16(rdata + at);
		size_t value_len = get_u16(rdata + at + 2);

		if (key == KEY_MANDATORY && value_len % 2 == 0) {
			out += copy_mandatory(rdata + at + 4, value_len, to + out);
		} else if (key != KEY_IPV6HINT) {
			memcpy(to + out, rdata + at, 4 + value_len);
			out += 4 + value_len;
		}
		at += 4 + value_len;
	}
	*to_len = out;
	return true;
}
