/* SPDX-License-Identifier: BSD-3-Clause */
#include "../common/conf_yaml.h"
#include "large.h"

struct rule_reader {
	struct large_conf *conf;
	struct large_rule *rule;
};

static void read_max_size(const struct sb_value *value, void *out)
{
	struct rule_reader *reader = out;
	uint64_t size;

	if (sb_read_number(value, LARGE_SIZE_MIN, LARGE_MESSAGE_MAX, &size))
		reader->rule->max_size = size;
}

static void read_keep(const struct sb_value *value, void *out)
{
	static const char *const words[] = {"rotate", "first"};
	struct rule_reader *reader = out;
	unsigned word;

	if (SB_READ_WORD(value, words, &word))
		reader->rule->rotate = word == 0;
}

static void read_zone(const struct sb_value *value, void *out)
{
	struct rule_reader *reader = out;
	struct sb_rules *rules = &reader->conf->rules;
	struct large_zone *zone = sb_arena_alloc(value->yaml->arena, sizeof(*zone));

	if (zone == NULL) {
		sb_value_no_memory(value);
		return;
	}
	if (!sb_read_dname(value, &zone->apex))
		return;
	zone->rule = reader->rule;
	zone->index = rules->count;
	switch (sb_zones_add(rules->zones, &zone->apex, zone)) {
	case SB_OK:
		(void)sb_rules_add(value, rules, &zone->apex);
		break;
	case SB_EEXIST:
		sb_value_error(value, "this zone is configured already");
		break;
	default:
		sb_value_no_memory(value);
	}
}

static void read_zones(const struct sb_value *value, void *out)
{
	sb_read_list(value, 1, read_zone, out);
}

static void read_rule(const struct sb_value *value, void *out)
{
	static const struct sb_key keys[] = {
		{"zones", read_zones, true},
		{"max-size", read_max_size, false},
		{"keep", read_keep, false},
	};
	struct rule_reader reader = {.conf = out};

	reader.rule = sb_arena_alloc(value->yaml->arena, sizeof(*reader.rule));
	if (reader.rule == NULL) {
		sb_value_no_memory(value);
		return;
	}
	reader.rule->max_size = LARGE_MESSAGE_MAX;
	reader.rule->rotate = true;
	SB_READ_MAP(value, keys, &reader);
	if (reader.rule->max_size < reader.conf->least_size)
		reader.conf->least_size = reader.rule->max_size;
}

static void *read_large(const struct sb_value *value)
{
	struct large_conf *conf = sb_arena_alloc(value->yaml->arena, sizeof(*conf));

	if (conf == NULL) {
		sb_value_no_memory(value);
		return NULL;
	}
	if (!sb_rules_init(value, &conf->rules))
		return NULL;
	conf->least_size = LARGE_MESSAGE_MAX;
	sb_read_list(value, 0, read_rule, conf);
	return conf;
}

const struct sb_section large_section = {.key = "large", .read = read_large};
