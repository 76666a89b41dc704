/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "../common/conf_yaml.h"
#include "noaaaa.h"

#define DEFAULT_NEGATIVE_TTL 60

struct rule_reader {
	struct noaaaa_conf *conf;
	struct noaaaa_rule *rule;
	/** whether the zones being read are exceptions */
	bool except;
};

static void read_answer(const struct sb_value *value, void *out)
{
	static const char *const words[] = {"nxdomain", "nodata"};
	struct rule_reader *reader = out;
	unsigned word;

	if (SB_READ_WORD(value, words, &word))
		reader->rule->nxdomain = word == 0;
}

static void read_when(const struct sb_value *value, void *out)
{
	static const char *const words[] = {"always", "only-if-a"};
	struct rule_reader *reader = out;
	unsigned word;

	if (SB_READ_WORD(value, words, &word))
		reader->rule->only_if_a = word == 1;
}

static void read_negative_ttl(const struct sb_value *value, void *out)
{
	struct rule_reader *reader = out;

	sb_read_ttl(value, &reader->rule->negative_ttl);
}

/** Whether a netblock of the list is all of an address family. */
static bool has_whole_family(const struct sb_netblocks *blocks, uint8_t addr_len)
{
	size_t i;

	for (i = 0; i < blocks->count; i++) {
		if (blocks->block[i].addr.len == addr_len && blocks->block[i].prefix_len == 0)
			return true;
	}
	return false;
}

static void read_clients(const struct sb_value *value, void *out)
{
	struct rule_reader *reader = out;
	struct noaaaa_rule *rule = reader->rule;

	if (!sb_read_netblocks(value, &rule->clients))
		return;
	rule->by_client = !has_whole_family(&rule->clients, SB_IP4_LEN) ||
			  !has_whole_family(&rule->clients, SB_IP6_LEN);
	reader->conf->any_by_client |= rule->by_client;
}

/** A zone that is there already: what another rule excepts may be a zone of this one. */
static void take_over(const struct sb_value *value, const struct rule_reader *reader,
		      struct noaaaa_zone *there, const struct noaaaa_zone *zone)
{
	if (reader->except && (there->rule == NULL || there->rule != reader->rule))
		return;
	if (!reader->except && there->rule == NULL) {
		*there = *zone;
		reader->conf->zone[zone->index] = there;
		return;
	}
	sb_value_error(value, "this zone is configured already");
}

static void read_zone(const struct sb_value *value, void *out)
{
	struct rule_reader *reader = out;
	struct noaaaa_conf *conf = reader->conf;
	struct noaaaa_zone *zone = sb_arena_alloc(value->yaml->arena, sizeof(*zone)), **grown;

	if (zone == NULL) {
		sb_value_no_memory(value);
		return;
	}
	if (!sb_read_dname(value, &zone->apex))
		return;
	if (!reader->except) {
		grown = sb_arena_grow(value->yaml->arena, conf->zone, conf->rules.count,
				      sizeof(*grown));
		if (grown == NULL) {
			sb_value_no_memory(value);
			return;
		}
		zone->rule = reader->rule;
		zone->index = conf->rules.count;
		sb_soa_init(&zone->soa, &zone->apex, &zone->apex, NULL, reader->rule->negative_ttl);
		grown[zone->index] = zone;
		conf->zone = grown;
		if (!sb_rules_add(value, &conf->rules, &zone->apex))
			return;
	}
	switch (sb_zones_add(conf->rules.zones, &zone->apex, zone)) {
	case SB_OK:
		break;
	case SB_EEXIST:
		take_over(value, reader, sb_zones_get(conf->rules.zones, &zone->apex), zone);
		break;
	default:
		sb_value_no_memory(value);
	}
}

static void read_zones(const struct sb_value *value, void *out)
{
	struct rule_reader *reader = out;

	reader->except = false;
	sb_read_list(value, 1, read_zone, reader);
}

static void read_except(const struct sb_value *value, void *out)
{
	struct rule_reader *reader = out;

	reader->except = true;
	sb_read_list(value, 0, read_zone, reader);
}

static void read_rule(const struct sb_value *value, void *out)
{
	/* zones come last: they copy the other settings */
	static const struct sb_key keys[] = {
		{"answer", read_answer, false}, {"negative-ttl", read_negative_ttl, false},
		{"when", read_when, false},	{"clients", read_clients, false},
		{"zones", read_zones, true},	{"except", read_except, false},
	};
	struct rule_reader reader = {.conf = out};

	reader.rule = sb_arena_alloc(value->yaml->arena, sizeof(*reader.rule));
	if (reader.rule == NULL) {
		sb_value_no_memory(value);
		return;
	}
	reader.rule->nxdomain = true;
	reader.rule->negative_ttl = DEFAULT_NEGATIVE_TTL;
	SB_READ_MAP(value, keys, &reader);
}

/** Leave out the name whose AAAA tells a network's NAT64 prefix (RFC 7050), unless it is configured. */
static void leave_ipv4only(const struct sb_value *value, const struct noaaaa_conf *conf)
{
	static const uint8_t name[] = "\10ipv4only\4arpa";
	struct noaaaa_zone *zone = sb_arena_alloc(value->yaml->arena, sizeof(*zone));
	enum sb_err err = SB_ENOMEM;

	if (zone != NULL)
		err = sb_dname_parse(&zone->apex, name, sizeof(name));
	if (err == SB_OK)
		err = sb_zones_add(conf->rules.zones, &zone->apex, zone);
	if (err != SB_OK && err != SB_EEXIST)
		sb_value_no_memory(value);
}

static void *read_noaaaa(const struct sb_value *value)
{
	struct noaaaa_conf *conf = sb_arena_alloc(value->yaml->arena, sizeof(*conf));

	if (conf == NULL) {
		sb_value_no_memory(value);
		return NULL;
	}
	if (!sb_rules_init(value, &conf->rules))
		return NULL;
	sb_read_list(value, 0, read_rule, conf);
	leave_ipv4only(value, conf);
	return conf;
}

const struct sb_section noaaaa_section = {.key = "noaaaa", .read = read_noaaaa};
