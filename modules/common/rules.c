/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf_yaml.h"
#include "sitebound/rules.h"

static void free_zones(void *zones)
{
	sb_zones_free(zones);
}

bool sb_rules_init(const struct sb_value *value, struct sb_rules *rules)
{
	rules->zones = sb_zones_new();
	if (rules->zones == NULL ||
	    sb_arena_cleanup(value->yaml->arena, free_zones, rules->zones) != 0) {
		sb_value_no_memory(value);
		return false;
	}
	return true;
}

bool sb_rules_add(const struct sb_value *value, struct sb_rules *rules, const struct sb_dname *name)
{
	const struct sb_dname **grown = sb_arena_grow(value->yaml->arena, rules->name, rules->count,
						      sizeof(*grown));

	if (grown == NULL) {
		sb_value_no_memory(value);
		return false;
	}
	grown[rules->count++] = name;
	rules->name = grown;
	return true;
}
