/* SPDX-License-Identifier: BSD-3-Clause */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <limits.h>
#include <pcre2.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../common/conf_yaml.h"
#include "synth.h"

#define DEFAULT_TTL 300
#define DEFAULT_FALLBACK_TTL 30
#define DEFAULT_NEGATIVE_TTL 60
#define DEFAULT_RING_TTL 60
#define DEFAULT_TOKENS "tokens.{port}.{host}"
#define DEFAULT_CONFIG "config.{service}"

/** The host name of a resolver is matched once a start; this is plenty for a sane pattern. */
#define SITE_MATCH_LIMIT 10000

/** Take a zone into the configuration. @return whether it was. */
static bool add_zone(const struct sb_value *value, struct synth_conf *conf, struct synth_zone *zone)
{
	const struct sb_dname *name = NULL;
	struct synth_zone **grown;

	switch (sb_zones_add(conf->rules.zones, &zone->apex, zone)) {
	case SB_OK:
		break;
	case SB_EEXIST:
		sb_value_error(value, "this zone is configured already");
		return false;
	default:
		sb_value_no_memory(value);
		return false;
	}
	grown = sb_arena_grow(value->yaml->arena, conf->zone, conf->rules.count, sizeof(*grown));
	if (grown == NULL) {
		sb_value_no_memory(value);
		return false;
	}
	zone->rule = conf->rules.count;
	grown[zone->rule] = zone;
	conf->zone = grown;
	switch (zone->kind) {
	case SYNTH_ADDRESSES:
	case SYNTH_RING:
		name = &zone->apex;
		break;
	case SYNTH_SITES:
		name = &zone->parent;
		break;
	case SYNTH_REVERSE:
		/* belongs to the zone that its PTR records point to */
		break;
	}
	return sb_rules_add(value, &conf->rules, name);
}

static struct synth_zone *new_zone(const struct sb_value *value, enum synth_zone_kind kind)
{
	struct synth_zone *zone = sb_arena_alloc(value->yaml->arena, sizeof(*zone));

	if (zone == NULL) {
		sb_value_no_memory(value);
		return NULL;
	}
	zone->kind = kind;
	zone->ttl = DEFAULT_TTL;
	zone->fallback_ttl = DEFAULT_FALLBACK_TTL;
	return zone;
}

static void zone_soa(struct synth_zone *zone, uint32_t negative_ttl)
{
	sb_soa_init(&zone->soa, &zone->apex, &zone->apex, NULL, negative_ttl);
}

/** Where an item of address-names asks for reverse names: its zones are made when all others are. */
struct reverse_place {
	const struct synth_zone *names;
	/** index of the item, and place of its key `reverse` */
	size_t index;
	struct sb_mark mark;
};

struct section_reader {
	struct synth_conf *conf;
	struct reverse_place *place;
	size_t place_count;
};

/* address-names */

struct address_reader {
	struct synth_zone *zone;
	/** the values that the last checks point at */
	struct sb_value zone_value;
	struct sb_value reverse_value;
	uint32_t negative_ttl;
};

static void read_zone(const struct sb_value *value, void *out)
{
	struct address_reader *reader = out;

	reader->zone_value = *value;
	sb_read_dname(value, &reader->zone->apex);
}

static void read_form(const struct sb_value *value, void *out)
{
	static const char *const words[] = {"dotted", "dashed", "hex"};
	struct address_reader *reader = out;
	unsigned form;

	if (!SB_READ_WORD(value, words, &form))
		return;
	if (reader->zone->forms & 1U << form)
		sb_value_error(value, "repeated form");
	reader->zone->forms |= 1U << form;
}

static void read_forms(const struct sb_value *value, void *out)
{
	sb_read_list(value, 1, read_form, out);
}

static void read_allow(const struct sb_value *value, void *out)
{
	struct address_reader *reader = out;

	sb_read_netblocks(value, &reader->zone->allow);
}

static void read_deny(const struct sb_value *value, void *out)
{
	struct address_reader *reader = out;

	sb_read_netblocks(value, &reader->zone->deny);
}

static void read_address_ttl(const struct sb_value *value, void *out)
{
	struct address_reader *reader = out;

	sb_read_ttl(value, &reader->zone->ttl);
}

static void read_negative_ttl(const struct sb_value *value, void *out)
{
	struct address_reader *reader = out;

	sb_read_ttl(value, &reader->negative_ttl);
}

static void read_otherwise(const struct sb_value *value, void *out)
{
	static const char *const words[] = {"pass", "nxdomain"};
	struct address_reader *reader = out;
	unsigned word;

	if (SB_READ_WORD(value, words, &word))
		reader->zone->otherwise_nxdomain = word == 1;
}

static void read_reverse(const struct sb_value *value, void *out)
{
	struct address_reader *reader = out;

	reader->reverse_value = *value;
	sb_read_bool(value, &reader->zone->reverse);
}

static void read_address_zone(const struct sb_value *value, void *out)
{
	static const struct sb_key keys[] = {
		{"zone", read_zone, true},
		{"forms", read_forms, false},
		{"allow", read_allow, false},
		{"deny", read_deny, false},
		{"ttl", read_address_ttl, false},
		{"negative-ttl", read_negative_ttl, false},
		{"otherwise", read_otherwise, false},
		{"reverse", read_reverse, false},
	};
	struct section_reader *section = out;
	struct reverse_place *grown;
	struct address_reader reader = {.negative_ttl = DEFAULT_NEGATIVE_TTL};
	size_t errors = sb_value_errors(value);

	reader.zone = new_zone(value, SYNTH_ADDRESSES);
	if (reader.zone == NULL || !SB_READ_MAP(value, keys, &reader))
		return;
	if (reader.zone->forms == 0)
		reader.zone->forms = SYNTH_DOTTED | SYNTH_DASHED;
	if (reader.zone->reverse) {
		if (reader.zone->allow.count == 0)
			sb_value_error(&reader.reverse_value,
				       "needs the ranges that it answers for: the key \"allow\"");
		if (!(reader.zone->forms & SYNTH_DASHED))
			sb_value_error(
				&reader.reverse_value,
				"PTR records point to dashed names: \"dashed\" must be among "
				"the forms");
		if (reader.zone->apex.wire_len + 1 + SYNTH_DASHED_MAX > SB_DNAME_MAX)
			sb_value_error(&reader.zone_value,
				       "too long for PTR records to point into it");
	}
	if (sb_value_errors(value) != errors)
		return;
	zone_soa(reader.zone, reader.negative_ttl);
	if (!add_zone(&reader.zone_value, section->conf, reader.zone) || !reader.zone->reverse)
		return;
	grown = sb_arena_grow(value->yaml->arena, section->place, section->place_count,
			      sizeof(*grown));
	if (grown == NULL) {
		sb_value_no_memory(value);
		return;
	}
	section->place = grown;
	grown += section->place_count++;
	grown->names = reader.zone;
	grown->index = value->index;
	grown->mark = reader.reverse_value.mark;
}

static void read_address_names(const struct sb_value *value, void *out)
{
	sb_read_list(value, 0, read_address_zone, out);
}

/* site-names */

struct site_reader {
	struct synth_conf *conf;
	const uint8_t *label;
	size_t label_len;
	/** shared by the zones of all parents */
	struct synth_site *site;
	size_t site_count;
	const struct sb_value *parents;
	bool error_is_next;
	uint32_t ttl, fallback_ttl;
};

static void read_site_label(const struct sb_value *value, void *out)
{
	struct site_reader *reader = out;

	sb_read_label(value, &reader->label, &reader->label_len);
}

static void add_site(const struct sb_value *value, struct site_reader *reader, const uint8_t *label,
		     size_t label_len)
{
	struct synth_site *grown = sb_arena_grow(value->yaml->arena, reader->site,
						 reader->site_count, sizeof(*grown));

	if (grown == NULL) {
		sb_value_no_memory(value);
		return;
	}
	grown[reader->site_count].label = label;
	grown[reader->site_count++].label_len = label_len;
	reader->site = grown;
}

static bool labels_equal(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	return a_len == b_len && sb_octets_equal(a, b, a_len);
}

/** Match the host name and take the group "site" out of it; false after an error message. */
static bool match_hostname(const struct sb_value *value, pcre2_code *code, char *site,
			   size_t site_room)
{
	pcre2_match_data *match = NULL;
	pcre2_match_context *context = pcre2_match_context_create(NULL);
	char host[HOST_NAME_MAX + 1] = "";
	PCRE2_SIZE site_len = site_room;
	bool found = false;
	int result;

	match = pcre2_match_data_create_from_pattern(code, NULL);
	if (match == NULL || context == NULL) {
		sb_value_no_memory(value);
		goto cleanup;
	}
	if (gethostname(host, sizeof(host) - 1) != 0) {
		sb_value_error(value, "the host name cannot be had");
		goto cleanup;
	}
	pcre2_set_match_limit(context, SITE_MATCH_LIMIT);
	result = pcre2_match(code, (PCRE2_SPTR)host, PCRE2_ZERO_TERMINATED, 0, 0, match, context);
	if (result < 0)
		sb_value_error(value, "the host name \"%s\" does not match: no site", host);
	else if (pcre2_substring_copy_byname(match, (PCRE2_SPTR) "site", (PCRE2_UCHAR *)site,
					     &site_len) != 0 ||
		 site_len == 0)
		sb_value_error(value, "the host name \"%s\" gives no usable site", host);
	else
		found = true;
cleanup:
	pcre2_match_context_free(context);
	pcre2_match_data_free(match);
	return found;
}

static void read_hostname(const struct sb_value *value, void *out)
{
	struct site_reader *reader = out;
	char site[SB_LABEL_MAX + 1];
	uint8_t wire[SB_DNAME_MAX];
	const uint8_t *label;
	pcre2_code *code;
	const char *pattern;
	size_t wire_len;
	PCRE2_SIZE at;
	int error;

	if (!sb_read_text(value, &pattern))
		return;
	code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_CASELESS, &error,
			     &at, NULL);
	if (code == NULL) {
		PCRE2_UCHAR what[128] = "";

		pcre2_get_error_message(error, what, sizeof(what));
		sb_value_error(value, "the pattern does not compile: %s, at character %zu",
			       (const char *)what, (size_t)at + 1);
		return;
	}
	if (pcre2_substring_number_from_name(code, (PCRE2_SPTR) "site") < 0) {
		sb_value_error(value, "the pattern has no group \"site\"");
	} else if (match_hostname(value, code, site, sizeof(site))) {
		if (sb_dname_from_text(site, wire, &wire_len) != SB_OK || wire_len != wire[0] + 2U)
			sb_value_error(value, "the site \"%s\" from the host name is not a label",
				       site);
		else if ((label = sb_arena_copy(value->yaml->arena, wire + 1, wire[0])) == NULL)
			sb_value_no_memory(value);
		else
			add_site(value, reader, label, wire[0]);
	}
	pcre2_code_free(code);
}

static void read_site(const struct sb_value *value, void *out)
{
	static const struct sb_key keys[] = {{"hostname", read_hostname, true}};
	struct site_reader *reader = out;
	const uint8_t *label;
	size_t label_len;

	if (sb_value_is_map(value))
		SB_READ_MAP(value, keys, reader);
	else if (sb_read_label(value, &label, &label_len))
		add_site(value, reader, label, label_len);
	else
		return;
	if (reader->site_count == 1 && reader->label != NULL &&
	    labels_equal(reader->site[0].label, reader->site[0].label_len, reader->label,
			 reader->label_len))
		sb_value_error(value,
			       "the site is the label itself: names would lead to themselves");
}

static void read_fallback_site(const struct sb_value *value, void *out)
{
	struct site_reader *reader = out;
	const uint8_t *label;
	size_t label_len, i;

	if (!sb_read_label(value, &label, &label_len))
		return;
	if (reader->label != NULL &&
	    labels_equal(label, label_len, reader->label, reader->label_len))
		sb_value_error(value,
			       "the fallback is the label itself: names would lead to themselves");
	for (i = 0; i < reader->site_count; i++) {
		if (labels_equal(label, label_len, reader->site[i].label,
				 reader->site[i].label_len)) {
			sb_value_error(value, i == 0 ? "the fallback is the local site"
						     : "repeated fallback");
			return;
		}
	}
	add_site(value, reader, label, label_len);
}

static void read_fallback(const struct sb_value *value, void *out)
{
	struct site_reader *reader = out;

	/* without a site the first fallback would take its place: its error is enough */
	if (reader->site_count > 0)
		sb_read_list(value, 0, read_fallback_site, reader);
}

static void read_on_error(const struct sb_value *value, void *out)
{
	static const char *const words[] = {"fail", "next"};
	struct site_reader *reader = out;
	unsigned word;

	if (SB_READ_WORD(value, words, &word))
		reader->error_is_next = word == 1;
}

static void read_site_ttl(const struct sb_value *value, void *out)
{
	struct site_reader *reader = out;

	sb_read_ttl(value, &reader->ttl);
}

static void read_fallback_ttl(const struct sb_value *value, void *out)
{
	struct site_reader *reader = out;

	sb_read_ttl(value, &reader->fallback_ttl);
}

/** Read one parent and make its zone. Comes last of the keys: the zone copies all others. */
static void read_parent(const struct sb_value *value, void *out)
{
	struct site_reader *reader = out;
	struct synth_zone *zone = new_zone(value, SYNTH_SITES);
	uint8_t wire[SB_DNAME_MAX];
	const uint8_t *copy;
	size_t wire_len;

	if (zone == NULL || !sb_read_dname(value, &zone->parent) || reader->label == NULL ||
	    reader->site_count == 0)
		return;
	wire_len = 1 + reader->label_len + zone->parent.wire_len;
	if (wire_len > SB_DNAME_MAX) {
		sb_value_error(value, "too long with the label in front of it");
		return;
	}
	wire[0] = (uint8_t)reader->label_len;
	memcpy(wire + 1, reader->label, reader->label_len);
	memcpy(wire + 1 + reader->label_len, zone->parent.wire, zone->parent.wire_len);
	copy = sb_arena_copy(value->yaml->arena, wire, wire_len);
	if (copy == NULL || sb_dname_parse(&zone->apex, copy, wire_len) != SB_OK) {
		sb_value_no_memory(value);
		return;
	}
	zone->site = reader->site;
	zone->site_count = reader->site_count;
	zone->error_is_next = reader->error_is_next;
	zone->ttl = reader->ttl;
	zone->fallback_ttl = reader->fallback_ttl;
	zone_soa(zone, DEFAULT_NEGATIVE_TTL);
	add_zone(value, reader->conf, zone);
}

static void read_parents(const struct sb_value *value, void *out)
{
	sb_read_list(value, 1, read_parent, out);
}

static void read_site_zone(const struct sb_value *value, void *out)
{
	/* the order matters: site before fallback, parents last */
	static const struct sb_key keys[] = {
		{"label", read_site_label, true},   {"site", read_site, true},
		{"fallback", read_fallback, false}, {"on-error", read_on_error, false},
		{"ttl", read_site_ttl, false},	    {"fallback-ttl", read_fallback_ttl, false},
		{"parents", read_parents, true},
	};
	const struct section_reader *section = out;
	struct site_reader reader = {
		.conf = section->conf,
		.ttl = DEFAULT_TTL,
		.fallback_ttl = DEFAULT_FALLBACK_TTL,
	};

	SB_READ_MAP(value, keys, &reader);
}

static void read_site_names(const struct sb_value *value, void *out)
{
	sb_read_list(value, 0, read_site_zone, out);
}

/* ring-names */

struct ring_reader {
	struct synth_zone *zone;
	/** the values that the last checks point at; service_value also for a config that is not
	 * there */
	struct sb_value zone_value, service_value, config_value;
	const char *config;
};

static void read_ring_name(const struct sb_value *value, void *out)
{
	struct ring_reader *reader = out;

	reader->zone_value = *value;
	if (sb_read_dname(value, &reader->zone->apex) &&
	    reader->zone->apex.wire_len + 2 > SB_DNAME_MAX)
		sb_value_error(value, "too long for a key in front of it");
}

static void read_service(const struct sb_value *value, void *out)
{
	struct ring_reader *reader = out;

	reader->service_value = *value;
	reader->config_value = *value;
	sb_read_dname(value, &reader->zone->service);
}

/** Whether a template is one, with no other holes than these. */
static bool check_template(const struct sb_value *value, const char *text, const char *hole,
			   const char *other)
{
	static const uint8_t sample[] = {1, 'x', 0};
	uint8_t wire[SB_DNAME_MAX];
	const char *at = text;
	size_t wire_len;

	while ((at = strpbrk(at, "{}")) != NULL) {
		if (strncmp(at, hole, strlen(hole)) == 0)
			at += strlen(hole);
		else if (other != NULL && strncmp(at, other, strlen(other)) == 0)
			at += strlen(other);
		else
			break;
	}
	if (at == NULL &&
	    ring_template(text, hole, sample, sizeof(sample), 65535, wire, &wire_len) == SB_OK)
		return true;
	sb_value_error(value, "\"%s\" is not a name with %s%s%s in it", text, hole,
		       other != NULL ? " or " : "", other != NULL ? other : "");
	return false;
}

static void read_tokens(const struct sb_value *value, void *out)
{
	struct ring_reader *reader = out;
	const char *text;

	if (!sb_read_text(value, &text) || !check_template(value, text, "{host}", "{port}"))
		return;
	if (strstr(text, "{host}") == NULL && strstr(text, "{port}") == NULL) {
		sb_value_error(value, "needs {host} or {port}: else all members have one name");
		return;
	}
	reader->zone->tokens = sb_arena_copy(value->yaml->arena, text, strlen(text));
	if (reader->zone->tokens == NULL)
		sb_value_no_memory(value);
}

static void read_ring_config(const struct sb_value *value, void *out)
{
	struct ring_reader *reader = out;

	reader->config_value = *value;
	if (!sb_read_text(value, &reader->config) ||
	    !check_template(value, reader->config, "{service}", NULL))
		reader->config = NULL;
}

static void read_ring_ttl(const struct sb_value *value, void *out)
{
	struct ring_reader *reader = out;

	sb_read_ttl(value, &reader->zone->ttl);
}

static void read_replica(const struct sb_value *value, void *out)
{
	static const char *const words[] = {"next", "hash"};
	struct ring_reader *reader = out;
	unsigned word;

	if (SB_READ_WORD(value, words, &word))
		reader->zone->replica_by_hash = word == 1;
}

/** Whether a name is the apex or below it. */
static bool is_in(const struct sb_dname *name, const struct sb_dname *apex)
{
	size_t from = name->wire_len - apex->wire_len;

	return name->label_count >= apex->label_count &&
	       name->offset[name->label_count - apex->label_count] == from &&
	       memcmp(name->wire + from, apex->wire, apex->wire_len) == 0;
}

static void read_ring_zone(const struct sb_value *value, void *out)
{
	static const struct sb_key keys[] = {
		{"zone", read_ring_name, true}, {"service", read_service, true},
		{"tokens", read_tokens, false}, {"config", read_ring_config, false},
		{"ttl", read_ring_ttl, false},	{"replica", read_replica, false},
	};
	const struct section_reader *section = out;
	struct ring_reader reader = {.config = DEFAULT_CONFIG};
	size_t errors = sb_value_errors(value), wire_len;
	uint8_t wire[SB_DNAME_MAX];
	struct synth_zone *zone;
	const uint8_t *copy;

	zone = reader.zone = new_zone(value, SYNTH_RING);
	if (zone == NULL)
		return;
	zone->ttl = DEFAULT_RING_TTL;
	zone->tokens = DEFAULT_TOKENS;
	if (!SB_READ_MAP(value, keys, &reader) || sb_value_errors(value) != errors)
		return;
	if (is_in(&zone->service, &zone->apex)) {
		sb_value_error(&reader.service_value,
			       "is in the zone itself: the ring would be built from itself");
		return;
	}
	if (ring_template(reader.config, "{service}", zone->service.wire, zone->service.wire_len, 0,
			  wire, &wire_len) != SB_OK) {
		sb_value_error(&reader.config_value, "the name of the configuration is too long");
		return;
	}
	copy = sb_arena_copy(value->yaml->arena, wire, wire_len);
	if (copy == NULL || sb_dname_parse(&zone->config, copy, wire_len) != SB_OK) {
		sb_value_no_memory(value);
		return;
	}
	zone_soa(zone, DEFAULT_NEGATIVE_TTL);
	add_zone(&reader.zone_value, section->conf, zone);
}

static void read_ring_names(const struct sb_value *value, void *out)
{
	sb_read_list(value, 0, read_ring_zone, out);
}

/* reverse zones */

/** The name of the reverse zone that holds a block: cut at a label boundary. */
static size_t reverse_apex(const struct sb_netblock *block, uint8_t wire[SB_DNAME_MAX])
{
	static const uint8_t ip4_root[] = "\007in-addr\004arpa";
	static const uint8_t ip6_root[] = "\003ip6\004arpa";
	bool ip4 = block->addr.len == SB_IP4_LEN;
	unsigned labels = block->prefix_len / (ip4 ? 8U : 4U), i;
	size_t at = 0;

	for (i = labels; i > 0; i--) {
		unsigned octet = block->addr.octet[ip4 ? i - 1 : (i - 1) / 2];
		char text[4];
		int n;

		if (ip4)
			n = snprintf(text, sizeof(text), "%u", octet & 255U);
		else
			n = snprintf(text, sizeof(text), "%x",
				     (i % 2 == 1 ? octet >> 4 : octet) & 15U);
		wire[at++] = (uint8_t)n;
		memcpy(wire + at, text, (size_t)n);
		at += (size_t)n;
	}
	if (ip4)
		memcpy(wire + at, ip4_root, sizeof(ip4_root));
	else
		memcpy(wire + at, ip6_root, sizeof(ip6_root));
	return at + (ip4 ? sizeof(ip4_root) : sizeof(ip6_root));
}

/** Make the reverse zone of a block when it is not there yet. @return whether it is there. */
static bool add_reverse_zone(const struct sb_value *value, struct synth_conf *conf,
			     const struct sb_netblock *block, uint32_t negative_ttl)
{
	struct synth_zone *zone = new_zone(value, SYNTH_REVERSE);
	const struct synth_zone *there;
	char text[SB_DNAME_TEXT_MAX];
	uint8_t wire[SB_DNAME_MAX];
	size_t wire_len = reverse_apex(block, wire);
	const uint8_t *copy = sb_arena_copy(value->yaml->arena, wire, wire_len);

	if (zone == NULL)
		return false;
	if (copy == NULL || sb_dname_parse(&zone->apex, copy, wire_len) != SB_OK) {
		sb_value_no_memory(value);
		return false;
	}
	there = sb_zones_get(conf->rules.zones, &zone->apex);
	if (there != NULL && there->kind == SYNTH_REVERSE)
		return true;
	if (there != NULL) {
		sb_dname_to_text(&zone->apex, text);
		sb_value_error(value, "needs the zone \"%s\", which is configured already", text);
		return false;
	}
	zone_soa(zone, negative_ttl);
	return add_zone(value, conf, zone);
}

static void add_ranges(const struct sb_value *value, struct synth_conf *conf,
		       const struct synth_zone *names)
{
	size_t i;

	for (i = 0; i < names->allow.count; i++) {
		struct synth_range range = {.block = names->allow.block[i], .names = names};
		struct synth_range *grown;

		if (!add_reverse_zone(value, conf, &range.block, names->soa.ttl))
			return;
		grown = sb_arena_grow(value->yaml->arena, conf->range, conf->range_count,
				      sizeof(*grown));
		if (grown == NULL) {
			sb_value_no_memory(value);
			return;
		}
		grown[conf->range_count++] = range;
		conf->range = grown;
	}
}

static void *read_synth(const struct sb_value *value)
{
	static const struct sb_key keys[] = {
		{"address-names", read_address_names, false},
		{"site-names", read_site_names, false},
		{"ring-names", read_ring_names, false},
	};
	struct sb_value list = {.yaml = value->yaml, .up = value, .key = "address-names"};
	struct section_reader reader = {.place = NULL};
	struct synth_conf *conf;
	size_t i;

	conf = reader.conf = sb_arena_alloc(value->yaml->arena, sizeof(*conf));
	if (conf == NULL) {
		sb_value_no_memory(value);
		return NULL;
	}
	if (!sb_rules_init(value, &conf->rules))
		return NULL;
	SB_READ_MAP(value, keys, &reader);
	for (i = 0; i < reader.place_count; i++) {
		const struct reverse_place *place = &reader.place[i];
		struct sb_value item = {.yaml = value->yaml, .up = &list, .index = place->index};
		struct sb_value reverse = {
			.yaml = value->yaml, .up = &item, .key = "reverse", .mark = place->mark};

		add_ranges(&reverse, conf, place->names);
	}
	if (sb_netblocks_sort(conf->range, &conf->range_count, sizeof(*conf->range)) != SB_OK)
		sb_value_no_memory(value);
	return conf;
}

const struct sb_section synth_section = {.key = "synth", .read = read_synth};
