/* SPDX-License-Identifier: BSD-3-Clause */
/* The section `report` of sitebound.yaml. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/crypto.h>

#include "../common/conf_yaml.h"
#include "format.h"
#include "sitebound/digits.h"
#include "sitebound/envelope_encode.h"

#define DEFAULT_DEDUP_WINDOW 60
#define DEFAULT_PER_PREFIX 20
#define DEFAULT_BURST 100
#define DEFAULT_TOTAL 5000
#define DEFAULT_STATS_INTERVAL 60
#define DEFAULT_TTL 60
#define DEFAULT_NEGATIVE_TTL 60
#define DEFAULT_MAX_WEIGHT 1000

/** Octets of the longest dotted field name, and its words. */
#define FIELD_NAME_MAX 64
#define FIELD_WORDS_MAX 5

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/** A name server while it is read. */
struct report_server {
	struct sb_dname name;
	bool has_name;
	struct sb_addr *address;
	size_t address_count;
};

/** Where a zone names a server, to say so once all zones are known. */
struct server_place {
	struct sb_dname name;
	size_t zone_index, server_index;
	struct sb_mark mark;
};

/** Where a zone names a field. */
struct field_place {
	const char *name, *group;
	size_t zone_index;
	struct sb_mark mark;
};

/** The zones while they are read. */
struct zones_reader {
	struct report_conf *conf;
	struct server_place *server;
	size_t server_count;
	struct field_place *field;
	size_t field_count;
};

/** A zone while its keys are read: what is checked once all of them are known. */
struct zone_reader {
	struct zones_reader *zones;
	struct report_zone *zone;
	bool has_zone, has_format;
	/** a value whose key was there has its yaml set */
	struct sb_value name, keys, labels, pattern, fields, tests;
	const char *pattern_text;
	struct report_field *field;
	/** the values of the fields, for messages; as many as fields */
	struct sb_value field_value[REPORT_FIELDS_MAX];
	/** the names of the groups */
	const char *group[REPORT_FIELDS_MAX];
	size_t field_count;
	struct report_server *server;
	size_t server_count;
	struct sb_dname rname;
};

static bool is_given(const struct sb_value *value)
{
	return value->yaml != NULL;
}

static char *copy_text(const struct sb_value *value, const char *text)
{
	char *copy = sb_arena_copy(value->yaml->arena, text, strlen(text));

	if (copy == NULL)
		sb_value_no_memory(value);
	return copy;
}

/* ---- keys of a zone ---- */

static void read_zone_name(const struct sb_value *value, void *out)
{
	struct zone_reader *reader = out;
	struct report_zone *zone = reader->zone;
	char text[SB_DNAME_TEXT_MAX];

	reader->name = *value;
	if (!sb_read_dname(value, &zone->apex))
		return;
	if (zone->apex.label_count == 0) {
		sb_value_error(value, "the root cannot be a report zone");
		return;
	}
	zone->text_len = sb_dname_to_text(&zone->apex, text);
	zone->text = copy_text(value, text);
	reader->has_zone = zone->text != NULL;
}

static void read_format(const struct sb_value *value, void *out)
{
	static const char *const words[] = {"envelope", "pattern", "rfc9567"};
	struct zone_reader *reader = out;
	unsigned format;

	if (!SB_READ_WORD(value, words, &format))
		return;
	reader->zone->format = (enum report_format)format;
	reader->has_format = true;
}

static void read_ack_a(const struct sb_value *value, void *out)
{
	struct zone_reader *reader = out;
	struct report_zone *zone = reader->zone;
	const char *text;

	if (!sb_read_text(value, &text))
		return;
	if (inet_pton(AF_INET, text, zone->ack_a.octet) != 1) {
		sb_value_error(value, "\"%s\" is not an IPv4 address", text);
		return;
	}
	zone->ack_a.len = SB_IP4_LEN;
}

static void read_zone_ttl(const struct sb_value *value, void *out)
{
	struct zone_reader *reader = out;

	sb_read_ttl(value, &reader->zone->ttl);
}

static void read_negative_ttl(const struct sb_value *value, void *out)
{
	struct zone_reader *reader = out;

	sb_read_ttl(value, &reader->zone->negative_ttl);
}

static void read_max_weight(const struct sb_value *value, void *out)
{
	struct zone_reader *reader = out;

	sb_read_number(value, 1, 1000000000, &reader->zone->max_weight);
}

static void read_require_tcp(const struct sb_value *value, void *out)
{
	struct zone_reader *reader = out;

	sb_read_bool(value, &reader->zone->require_tcp);
}

static void read_server_name(const struct sb_value *value, void *out)
{
	struct report_server *server = out;

	if (!sb_read_dname(value, &server->name))
		return;
	if (server->name.label_count == 0)
		sb_value_error(value, "the root cannot be a name server");
	else
		server->has_name = true;
}

static void read_address(const struct sb_value *value, void *out)
{
	struct report_server *server = out;
	struct sb_addr addr = {.len = SB_IP4_LEN}, *grown;
	const char *text;
	size_t i;

	if (!sb_read_text(value, &text))
		return;
	if (inet_pton(AF_INET, text, addr.octet) != 1) {
		addr.len = SB_IP6_LEN;
		if (inet_pton(AF_INET6, text, addr.octet) != 1) {
			sb_value_error(value, "\"%s\" is not an IP address", text);
			return;
		}
	}
	for (i = 0; i < server->address_count; i++) {
		if (server->address[i].len == addr.len &&
		    memcmp(server->address[i].octet, addr.octet, addr.len) == 0) {
			sb_value_error(value, "this address is in the list already");
			return;
		}
	}
	grown = sb_arena_grow(value->yaml->arena, server->address, server->address_count,
			      sizeof(*grown));
	if (grown == NULL) {
		sb_value_no_memory(value);
		return;
	}
	grown[server->address_count++] = addr;
	server->address = grown;
}

static void read_addresses(const struct sb_value *value, void *out)
{
	/* with 13 names of these the apex still fits into a message of DNS */
	const size_t most = 16;
	struct report_server *server = out;

	sb_read_list(value, 1, read_address, out);
	if (server->address_count > most)
		sb_value_error(value, "more than %zu addresses", most);
}

static bool is_inside(const struct sb_dname *name, const struct sb_dname *apex)
{
	unsigned left = name->label_count - apex->label_count;

	return name->label_count >= apex->label_count &&
	       name->wire_len - name->offset[left] == apex->wire_len &&
	       sb_octets_equal(name->wire + name->offset[left], apex->wire, apex->wire_len);
}

/** Make the RRset of a name server's addresses of one type, if there are any. */
static void add_addresses(const struct sb_value *value, struct report_zone *zone,
			  const struct report_server *server, uint16_t rrtype, uint8_t addr_len)
{
	struct sb_rrset rrset = {
		.owner = server->name.wire, .owner_len = server->name.wire_len, .rrtype = rrtype};
	struct sb_arena *arena = value->yaml->arena;
	struct sb_rrset *grown = sb_arena_grow(arena, zone->address, zone->address_count,
					       sizeof(*grown));
	uint8_t *rrs = sb_arena_alloc(arena, server->address_count * (2U + addr_len));
	size_t i;

	if (grown == NULL || rrs == NULL) {
		sb_value_no_memory(value);
		return;
	}
	zone->address = grown;
	rrset.rrs = rrs;
	for (i = 0; i < server->address_count; i++) {
		if (server->address[i].len != addr_len)
			continue;
		rrs[rrset.rrs_len + 1] = addr_len;
		memcpy(rrs + rrset.rrs_len + 2, server->address[i].octet, addr_len);
		rrset.rrs_len += 2U + addr_len;
		rrset.rr_count++;
	}
	if (rrset.rr_count > 0)
		grown[zone->address_count++] = rrset;
}

/** The addresses of a name server: it has some when it is inside the zone, and only then. */
static void take_addresses(const struct sb_value *value, const struct zone_reader *reader,
			   const struct report_server *server)
{
	bool inside = is_inside(&server->name, &reader->zone->apex);

	if (inside && server->address_count == 0) {
		sb_value_error(value, "a name server inside the zone needs addresses");
	} else if (!inside && server->address_count > 0) {
		sb_value_error(value, "addresses are for name servers inside the zone");
	} else if (inside) {
		add_addresses(value, reader->zone, server, SB_TYPE_A, SB_IP4_LEN);
		add_addresses(value, reader->zone, server, SB_TYPE_AAAA, SB_IP6_LEN);
	}
}

/** @param value: zones[I].nameservers[J]. */
static void add_server_place(const struct sb_value *value, struct zones_reader *zones,
			     const struct sb_dname *name)
{
	struct server_place *grown = sb_arena_grow(value->yaml->arena, zones->server,
						   zones->server_count, sizeof(*grown));

	if (grown == NULL) {
		sb_value_no_memory(value);
		return;
	}
	grown[zones->server_count++] = (struct server_place){.name = *name,
							     .zone_index = value->up->up->index,
							     .server_index = value->index,
							     .mark = value->mark};
	zones->server = grown;
}

static void read_nameserver(const struct sb_value *value, void *out)
{
	static const struct sb_key keys[] = {
		{"name", read_server_name, true},
		{"addresses", read_addresses, true},
	};
	struct zone_reader *reader = out;
	struct report_server server = {.has_name = false}, *grown;
	size_t errors = sb_value_errors(value), i;

	if (sb_value_is_map(value))
		SB_READ_MAP(value, keys, &server);
	else
		read_server_name(value, &server);
	if (!server.has_name)
		return;
	for (i = 0; i < reader->server_count; i++) {
		if (reader->server[i].name.wire_len == server.name.wire_len &&
		    sb_octets_equal(reader->server[i].name.wire, server.name.wire,
				    server.name.wire_len)) {
			sb_value_error(value, "this name server is in the list already");
			return;
		}
	}
	if (reader->has_zone && sb_value_errors(value) == errors)
		take_addresses(value, reader, &server);
	grown = sb_arena_grow(value->yaml->arena, reader->server, reader->server_count,
			      sizeof(*grown));
	if (grown == NULL) {
		sb_value_no_memory(value);
		return;
	}
	grown[reader->server_count++] = server;
	reader->server = grown;
	add_server_place(value, reader->zones, &server.name);
}

static void read_nameservers(const struct sb_value *value, void *out)
{
	/* what a message of DNS holds with room to spare */
	const size_t most = 13;
	struct zone_reader *reader = out;

	sb_read_list(value, 1, read_nameserver, out);
	if (reader->server_count > most)
		sb_value_error(value, "more than %zu name servers", most);
}

static void read_rname(const struct sb_value *value, void *out)
{
	struct zone_reader *reader = out;

	sb_read_dname(value, &reader->rname);
}

/** Read hexadecimal digits. @return whether they are a key of a good length. */
static bool read_hex(const char *text, struct report_key *key)
{
	size_t text_len = strlen(text), i;

	if (text_len % 2 != 0 || text_len < 2 * REPORT_KEY_MIN || text_len > 2 * REPORT_KEY_MAX)
		return false;
	for (i = 0; i < text_len; i += 2) {
		int high = sb_hex_digit((uint8_t)text[i]);
		int low = sb_hex_digit((uint8_t)text[i + 1]);

		if (high < 0 || low < 0)
			return false;
		key->octet[i / 2] = (uint8_t)(high << 4 | low);
	}
	key->len = text_len / 2;
	return true;
}

/** Key material does not stay in memory that is given back. */
static void wipe_key(void *what)
{
	struct report_key *key = what;

	OPENSSL_cleanse(key->octet, sizeof(key->octet));
}

static void read_key(const struct sb_value *value, void *out)
{
	struct zone_reader *reader = out;
	struct report_zone *zone = reader->zone;
	struct report_key key = {.len = 0}, *grown;
	const char *text;
	unsigned id;
	size_t i;

	if (!sb_decimal_read((const uint8_t *)value->key, strlen(value->key), UINT8_MAX, &id)) {
		sb_value_error(value, "the number of a key must be from 0 to 255");
		return;
	}
	key.id = (uint8_t)id;
	if (!sb_read_text(value, &text))
		return;
	if (!read_hex(text, &key)) {
		/* the value is a secret: it is not repeated here */
		sb_value_error(value, "a key must be %d to %d octets in hexadecimal digits",
			       REPORT_KEY_MIN, REPORT_KEY_MAX);
		goto wipe;
	}
	grown = sb_arena_grow(value->yaml->arena, zone->keys, zone->key_count, sizeof(key));
	if (grown == NULL) {
		sb_value_no_memory(value);
		goto wipe;
	}
	grown[zone->key_count] = key;
	zone->keys = grown;
	zone->key_count++;
	/* every copy that growing leaves behind has its own cleanup */
	for (i = 0; i < zone->key_count; i++) {
		if (sb_arena_cleanup(value->yaml->arena, wipe_key, &grown[i]) != 0) {
			sb_value_no_memory(value);
			break;
		}
	}
wipe:
	wipe_key(&key);
}

static void read_keys(const struct sb_value *value, void *out)
{
	struct zone_reader *reader = out;

	reader->keys = *value;
	sb_read_pairs(value, read_key, out);
}

static bool is_label_key(const char *text)
{
	char pair[REPORT_LABEL_KEY_LEN + sizeof("=")];
	size_t key_len = strlen(text);

	if (key_len == 0 || key_len > REPORT_LABEL_KEY_LEN)
		return false;
	snprintf(pair, sizeof(pair), "%s=", text);
	return sb_envelope_label_key_len((const uint8_t *)pair, key_len + 1) == key_len;
}

static void read_label(const struct sb_value *value, void *out)
{
	struct report_zone *zone = ((struct zone_reader *)out)->zone;
	const char *text, *copy, **grown;
	size_t i;

	if (!sb_read_text(value, &text))
		return;
	if (!is_label_key(text)) {
		sb_value_error(value, "\"%s\" is not the key of a label", text);
		return;
	}
	for (i = 0; i < zone->label_count; i++) {
		if (strcmp(zone->label[i], text) == 0) {
			sb_value_error(value, "this label is in the list already");
			return;
		}
	}
	copy = copy_text(value, text);
	if (copy == NULL)
		return;
	grown = sb_arena_grow(value->yaml->arena, zone->label, zone->label_count, sizeof(*grown));
	if (grown == NULL) {
		sb_value_no_memory(value);
		return;
	}
	zone->label = grown;
	grown[zone->label_count++] = copy;
}

static void read_labels(const struct sb_value *value, void *out)
{
	struct zone_reader *reader = out;

	reader->labels = *value;
	reader->zone->has_labels = true;
	sb_read_list(value, 0, read_label, out);
	if (reader->zone->label_count > REPORT_LABEL_KEYS_MAX)
		sb_value_error(value, "more than %d labels", REPORT_LABEL_KEYS_MAX);
}

static void read_pattern(const struct sb_value *value, void *out)
{
	struct zone_reader *reader = out;

	reader->pattern = *value;
	sb_read_text(value, &reader->pattern_text);
}

static bool has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/** Lower-case words of letters, digits and '_', joined by dots. */
static bool is_field_name(const char *name)
{
	const char *c;
	bool begins = true;
	int words = 1;

	for (c = name; *c != '\0'; c++) {
		bool letter = *c >= 'a' && *c <= 'z';

		if (*c == '.' && !begins && words++ < FIELD_WORDS_MAX)
			begins = true;
		else if (letter || (!begins && ((*c >= '0' && *c <= '9') || *c == '_')))
			begins = false;
		else
			return false;
	}
	return !begins && c - name <= FIELD_NAME_MAX;
}

/** Whether the line has this field from elsewhere, or an object where the field would be. */
static bool is_taken(const char *name)
{
	/* of objects that the module fills itself, these are the report's */
	static const char *const open[] = {
		"event.duration",	 "event.start",	     "network.application",
		"sitebound.nonce",	 "sitebound.access", "sitebound.install_id",
		"sitebound.sample_rate", "sitebound.count",  "sitebound.attempt",
	};
	static const char *const taken[] = {"ecs",	"log",	     "message",	   "tags",
					    "event",	"client",    "network",	   "dns",
					    "observer", "sitebound", "data_stream"};
	size_t i, len;

	for (i = 0; i < COUNT(open); i++) {
		if (strcmp(name, open[i]) == 0)
			return false;
	}
	if (has_prefix(name, "client.geo."))
		return false;
	for (i = 0; i < COUNT(taken); i++) {
		len = strlen(taken[i]);
		if (has_prefix(name, taken[i]) && (name[len] == '\0' || name[len] == '.'))
			return true;
	}
	return strcmp(name, "labels") == 0;
}

/** Whether the schema has no value of a pattern's there. Says so. */
static bool is_no_value(const struct sb_value *value, const char *name)
{
	switch (report_field_type(name)) {
	case REPORT_FIELD_OBJECT:
		sb_value_error(value, "\"%s\" is an object in ECS " REPORT_ECS_VERSION, name);
		return true;
	case REPORT_FIELD_BELOW:
		sb_value_error(value, "\"%s\" is below a field of ECS " REPORT_ECS_VERSION, name);
		return true;
	case REPORT_FIELD_NO_TEXT:
		sb_value_error(value, "\"%s\" has no text in ECS " REPORT_ECS_VERSION, name);
		return true;
	default:
		break;
	}
	if (has_prefix(name, "labels.") && strchr(name + strlen("labels."), '.') != NULL) {
		sb_value_error(value, "the key of a label is one word");
		return true;
	}
	return false;
}

/** Whether one of the two names is the other or an object on the way to it. */
static bool names_clash(const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = strlen(b);
	size_t least = a_len < b_len ? a_len : b_len;

	if (strncmp(a, b, least) != 0)
		return false;
	return a_len == b_len || (a_len > b_len ? a : b)[least] == '.';
}

/** @param value: zones[I].fields.GROUP. */
static void add_field_place(const struct sb_value *value, struct zones_reader *zones,
			    const char *name)
{
	struct field_place *grown = sb_arena_grow(value->yaml->arena, zones->field,
						  zones->field_count, sizeof(*grown));

	if (grown == NULL) {
		sb_value_no_memory(value);
		return;
	}
	grown[zones->field_count++] = (struct field_place){.name = name,
							   .group = value->key,
							   .zone_index = value->up->up->index,
							   .mark = value->mark};
	zones->field = grown;
}

static void read_field(const struct sb_value *value, void *out)
{
	struct zone_reader *reader = out;
	const char *name, *copy;
	size_t i;

	if (!sb_read_text(value, &name))
		return;
	if (!is_field_name(name)) {
		sb_value_error(value,
			       "\"%s\" is not a field name (at most %d lower-case words joined by "
			       "dots, at most %d characters)",
			       name, FIELD_WORDS_MAX, FIELD_NAME_MAX);
		return;
	}
	if (is_taken(name)) {
		sb_value_error(value, "the field \"%s\" is not a report's to set", name);
		return;
	}
	if (is_no_value(value, name))
		return;
	for (i = 0; i < reader->field_count; i++) {
		if (strcmp(reader->field[i].name, name) == 0) {
			sb_value_error(value, "the field \"%s\" has a group already", name);
			return;
		}
		if (names_clash(reader->field[i].name, name)) {
			sb_value_error(value, "the field \"%s\" clashes with \"%s\"", name,
				       reader->field[i].name);
			return;
		}
	}
	if (reader->field_count == REPORT_FIELDS_MAX) {
		sb_value_error(value, "more than %d fields", REPORT_FIELDS_MAX);
		return;
	}
	copy = copy_text(value, name);
	if (copy == NULL)
		return;
	reader->field[reader->field_count].name = copy;
	reader->field[reader->field_count].type = report_field_type(copy);
	reader->field_value[reader->field_count] = *value;
	reader->group[reader->field_count] = value->key;
	reader->field_count++;
	add_field_place(value, reader->zones, copy);
}

static void read_fields(const struct sb_value *value, void *out)
{
	struct zone_reader *reader = out;

	reader->fields = *value;
	reader->field = sb_arena_alloc(value->yaml->arena,
				       REPORT_FIELDS_MAX * sizeof(*reader->field));
	if (reader->field == NULL) {
		sb_value_no_memory(value);
		return;
	}
	if (sb_read_pairs(value, read_field, out) && value->node->count == 0)
		sb_value_error(value, "there must be a field");
	/* the values point at this one, which is gone when the reader returns */
	for (size_t i = 0; i < reader->field_count; i++)
		reader->field_value[i].up = &reader->fields;
}

static void read_tests(const struct sb_value *value, void *out)
{
	struct zone_reader *reader = out;

	reader->tests = *value;
}

/* ---- patterns ---- */

static void free_pattern(void *code)
{
	pcre2_code_free(code);
	/* PCRE2 keeps executable memory for the next pattern; a reload unmaps a module that has
	 * linked it alone, and with it what knows of that memory */
	pcre2_jit_free_unused_memory(NULL);
}

/** What a test of a pattern needs. */
struct test_reader {
	const struct report_zone *zone;
	struct report_pattern *pattern;
	pcre2_match_data *data;
	pcre2_match_context *context;
};

/** Match the labels from `first` on. @return as pcre2_match(). */
static int match_from(const struct test_reader *reader, const struct sb_dname *name, unsigned first)
{
	char subject[SB_DNAME_TEXT_MAX];
	size_t len = sb_labels_to_text(name, first, name->label_count, SB_TEXT_PATTERN, subject);

	return report_pattern_match(reader->pattern, subject, len, reader->data, reader->context);
}

static void read_test(const struct sb_value *value, void *out)
{
	struct test_reader *reader = out;
	struct sb_dname name;
	uint8_t wire[SB_DNAME_MAX];
	const char *text;
	size_t wire_len;
	unsigned first;
	int found;

	if (!sb_read_text(value, &text))
		return;
	if (sb_dname_from_master_text(text, strlen(text), wire, &wire_len) != SB_OK ||
	    sb_dname_parse(&name, wire, wire_len) != SB_OK || name.label_count == 0) {
		sb_value_error(value, "\"%s\" is not a name", text);
		return;
	}
	if (wire_len - 1 + reader->zone->apex.wire_len > SB_DNAME_MAX) {
		sb_value_error(value, "\"%s\" is too long for a name in this zone", text);
		return;
	}
	if (reader->pattern->least_labels == 0 || name.label_count < reader->pattern->least_labels)
		reader->pattern->least_labels = name.label_count;
	for (first = 0; first < name.label_count; first++) {
		found = match_from(reader, &name, first);
		if (found <= 0 && found != PCRE2_ERROR_NOMATCH) {
			sb_value_error(value, "matching \"%s\" takes more than %d steps", text,
				       REPORT_MATCH_LIMIT);
			return;
		}
		if (first == 0 && found <= 0) {
			sb_value_error(value, "the pattern does not match \"%s\"", text);
			return;
		}
		if (first > 0 && found > 0) {
			char suffix[SB_DNAME_TEXT_MAX];

			sb_labels_to_text(&name, first, name.label_count, SB_TEXT_PATTERN, suffix);
			sb_value_error(value,
				       "the pattern matches \"%s\" too, which resolvers ask for on "
				       "the way to \"%s\"",
				       suffix, text);
			return;
		}
	}
}

/** Find the groups of the fields. */
static void find_groups(struct zone_reader *reader, struct report_pattern *pattern)
{
	size_t i;

	pattern->nonce_field = reader->field_count;
	for (i = 0; i < reader->field_count; i++) {
		int group = pcre2_substring_number_from_name(pattern->code,
							     (PCRE2_SPTR)reader->group[i]);

		if (group == PCRE2_ERROR_NOUNIQUESUBSTRING) {
			sb_value_error(&reader->field_value[i],
				       "the pattern has more than one group \"%s\"",
				       reader->group[i]);
		} else if (group <= 0) {
			sb_value_error(&reader->field_value[i], "the pattern has no group \"%s\"",
				       reader->group[i]);
		} else {
			reader->field[i].group = (uint32_t)group;
			if (strcmp(reader->field[i].name, "sitebound.nonce") == 0)
				pattern->nonce_field = i;
		}
	}
	pattern->field = reader->field;
	pattern->field_count = reader->field_count;
}

static void run_tests(struct zone_reader *reader, struct report_pattern *pattern)
{
	struct test_reader test = {.zone = reader->zone, .pattern = pattern};
	pcre2_jit_stack *stack = report_jit_stack_new();

	test.data = pcre2_match_data_create_from_pattern(pattern->code, NULL);
	test.context = report_match_context_new(stack);
	/* there is no stack where there is no JIT */
	if (test.data == NULL || test.context == NULL)
		sb_value_no_memory(&reader->tests);
	else
		sb_read_list(&reader->tests, 1, read_test, &test);
	pcre2_match_data_free(test.data);
	pcre2_match_context_free(test.context);
	if (stack != NULL)
		pcre2_jit_stack_free(stack);
}

static void build_pattern(struct zone_reader *reader, struct report_conf *conf)
{
	struct sb_arena *arena = reader->pattern.yaml->arena;
	struct report_pattern *pattern = sb_arena_alloc(arena, sizeof(*pattern));
	char problem[256];
	uint32_t groups;

	if (pattern == NULL) {
		sb_value_no_memory(&reader->pattern);
		return;
	}
	if (report_pattern_compile(pattern, reader->pattern_text, problem, sizeof(problem)) !=
	    SB_OK) {
		sb_value_error(&reader->pattern, "%s", problem);
		return;
	}
	if (sb_arena_cleanup(arena, free_pattern, pattern->code) != 0) {
		sb_value_no_memory(&reader->pattern);
		return;
	}
	find_groups(reader, pattern);
	if (is_given(&reader->tests) && reader->has_zone)
		run_tests(reader, pattern);
	if (pcre2_pattern_info(pattern->code, PCRE2_INFO_CAPTURECOUNT, &groups) == 0 &&
	    groups + 1 > conf->pattern_pairs)
		conf->pattern_pairs = groups + 1;
	reader->zone->pattern = pattern;
}

/* ---- a zone ---- */

/** A key that has a use with one format only. */
static void only_for(const struct zone_reader *reader, const struct sb_value *value,
		     enum report_format format)
{
	if (is_given(value) && reader->zone->format != format)
		sb_value_error(value, "is for the format %s only", report_format_text(format));
}

static void check_format(struct zone_reader *reader, const struct sb_value *value,
			 struct report_conf *conf)
{
	only_for(reader, &reader->keys, REPORT_ENVELOPE);
	only_for(reader, &reader->labels, REPORT_ENVELOPE);
	only_for(reader, &reader->pattern, REPORT_PATTERN);
	only_for(reader, &reader->fields, REPORT_PATTERN);
	only_for(reader, &reader->tests, REPORT_PATTERN);
	if (reader->zone->format != REPORT_PATTERN)
		return;
	if (!is_given(&reader->pattern))
		sb_value_error(value, "the key \"pattern\" is missing");
	if (!is_given(&reader->fields))
		sb_value_error(value, "the key \"fields\" is missing");
	if (!is_given(&reader->tests))
		sb_value_error(value, "the key \"tests\" is missing");
	if (reader->pattern_text != NULL)
		build_pattern(reader, conf);
}

/** The apex NS RRset, once and for all. */
static void build_ns(struct zone_reader *reader, const struct sb_value *value)
{
	struct report_zone *zone = reader->zone;
	size_t len = 0, i;
	uint8_t *rrs;

	for (i = 0; i < reader->server_count; i++)
		len += 2 + reader->server[i].name.wire_len;
	rrs = sb_arena_alloc(value->yaml->arena, len);
	if (rrs == NULL) {
		sb_value_no_memory(value);
		return;
	}
	zone->ns.owner = zone->apex.wire;
	zone->ns.owner_len = zone->apex.wire_len;
	zone->ns.rrtype = SB_TYPE_NS;
	zone->ns.rrs = rrs;
	zone->ns.rrs_len = len;
	zone->ns.rr_count = (unsigned)reader->server_count;
	for (i = 0; i < reader->server_count; i++) {
		const struct sb_dname *server = &reader->server[i].name;

		*rrs++ = (uint8_t)(server->wire_len >> 8);
		*rrs++ = (uint8_t)server->wire_len;
		memcpy(rrs, server->wire, server->wire_len);
		rrs += server->wire_len;
	}
}

static void build_apex(struct zone_reader *reader, const struct sb_value *value)
{
	struct report_zone *zone = reader->zone;
	const struct sb_dname *mname = &zone->apex;

	if (reader->server_count > 0) {
		mname = &reader->server[0].name;
		build_ns(reader, value);
	}
	sb_soa_init(&zone->soa, &zone->apex, mname,
		    reader->rname.wire != NULL ? &reader->rname : NULL, zone->negative_ttl);
}

static void add_zone(struct zone_reader *reader, struct report_conf *conf)
{
	struct report_zone *zone = reader->zone, **grown;

	switch (sb_zones_add(conf->rules.zones, &zone->apex, zone)) {
	case SB_OK:
		break;
	case SB_EEXIST:
		sb_value_error(&reader->name, "this zone is configured already");
		return;
	default:
		sb_value_no_memory(&reader->name);
		return;
	}
	grown = sb_arena_grow(reader->name.yaml->arena, conf->zone, conf->rules.count,
			      sizeof(*grown));
	if (grown == NULL) {
		sb_value_no_memory(&reader->name);
		return;
	}
	zone->index = conf->rules.count;
	grown[zone->index] = zone;
	conf->zone = grown;
	if (!sb_rules_add(&reader->name, &conf->rules, &zone->apex))
		return;
	if (conf->rules.count > UINT16_MAX)
		sb_value_error(&reader->name, "more than %d zones", UINT16_MAX);
}

static void read_zone(const struct sb_value *value, void *out)
{
	static const struct sb_key keys[] = {
		{"zone", read_zone_name, true},
		{"format", read_format, true},
		{"ack-a", read_ack_a, false},
		{"ttl", read_zone_ttl, false},
		{"negative-ttl", read_negative_ttl, false},
		{"require-tcp", read_require_tcp, false},
		{"nameservers", read_nameservers, false},
		{"rname", read_rname, false},
		{"max-weight", read_max_weight, false},
		{"keys", read_keys, false},
		{"labels", read_labels, false},
		{"pattern", read_pattern, false},
		{"fields", read_fields, false},
		{"tests", read_tests, false},
	};
	struct zones_reader *zones = out;
	struct report_conf *conf = zones->conf;
	struct zone_reader reader = {.zones = zones};

	reader.zone = sb_arena_alloc(value->yaml->arena, sizeof(*reader.zone));
	if (reader.zone == NULL) {
		sb_value_no_memory(value);
		return;
	}
	reader.zone->ttl = DEFAULT_TTL;
	reader.zone->negative_ttl = DEFAULT_NEGATIVE_TTL;
	reader.zone->max_weight = DEFAULT_MAX_WEIGHT;
	SB_READ_MAP(value, keys, &reader);
	if (reader.has_format)
		check_format(&reader, value, conf);
	if (!reader.has_zone)
		return;
	build_apex(&reader, value);
	add_zone(&reader, conf);
}

/* ---- the section ---- */

static void read_log(const struct sb_value *value, void *out)
{
	struct report_conf *conf = out;
	const char *text;

	if (!sb_read_text(value, &text))
		return;
	if (strcmp(text, "-") == 0)
		conf->log = REPORT_LOG_STDOUT;
	else if (strcmp(text, "syslog") == 0)
		conf->log = REPORT_LOG_SYSLOG;
	else if (text[0] == '/' && text[strlen(text) - 1] != '/')
		conf->log = REPORT_LOG_PATH;
	else
		sb_value_error(value, "must be \"-\", \"syslog\" or the absolute path of a file");
	conf->log_path = copy_text(value, text);
}

static void read_client_address(const struct sb_value *value, void *out)
{
	static const char *const words[] = {"full", "prefix", "none"};
	struct report_conf *conf = out;
	unsigned word;

	if (SB_READ_WORD(value, words, &word))
		conf->client_address = (enum report_client_address)word;
}

static void read_u32(const struct sb_value *value, uint64_t least, uint64_t most, uint32_t *out)
{
	uint64_t number;

	if (sb_read_number(value, least, most, &number))
		*out = (uint32_t)number;
}

static void read_dedup_window(const struct sb_value *value, void *out)
{
	read_u32(value, 1, 3600, &((struct report_conf *)out)->dedup_window);
}

static void read_stats_interval(const struct sb_value *value, void *out)
{
	read_u32(value, 1, 86400, &((struct report_conf *)out)->stats_interval);
}

static void read_per_prefix(const struct sb_value *value, void *out)
{
	read_u32(value, 0, 1000000, &((struct report_rate_limit *)out)->per_prefix);
}

static void read_burst(const struct sb_value *value, void *out)
{
	read_u32(value, 1, 1000000, &((struct report_rate_limit *)out)->burst);
}

static void read_total(const struct sb_value *value, void *out)
{
	read_u32(value, 0, 10000000, &((struct report_rate_limit *)out)->total);
}

static void read_rate_limit(const struct sb_value *value, void *out)
{
	static const struct sb_key keys[] = {
		{"per-prefix", read_per_prefix, false},
		{"burst", read_burst, false},
		{"total", read_total, false},
	};

	SB_READ_MAP(value, keys, &((struct report_conf *)out)->rate_limit);
}

static bool has_address(const struct report_zone *zone, const struct sb_dname *name)
{
	size_t i;

	for (i = 0; i < zone->address_count; i++) {
		if (zone->address[i].owner_len == name->wire_len &&
		    sb_octets_equal(zone->address[i].owner, name->wire, name->wire_len))
			return true;
	}
	return false;
}

/** A name server inside a report zone must have its addresses there, whichever zone it serves: that
 * zone answers for the name, and would deny it. */
static void check_servers(const struct sb_value *value, const struct zones_reader *zones)
{
	size_t i;

	for (i = 0; i < zones->server_count; i++) {
		const struct server_place *place = &zones->server[i];
		struct sb_value zone = {
			.yaml = value->yaml, .up = value, .index = place->zone_index};
		struct sb_value servers = {.yaml = value->yaml, .up = &zone, .key = "nameservers"};
		struct sb_value server = {.yaml = value->yaml,
					  .up = &servers,
					  .index = place->server_index,
					  .mark = place->mark};
		const struct report_zone *in;
		unsigned apex_label;

		in = sb_zones_find(zones->conf->rules.zones, &place->name, &apex_label);
		if (in != NULL && !has_address(in, &place->name))
			sb_value_error(
				&server,
				"this name is in the zone %s, which does not have its addresses",
				in->text);
	}
}

static int compare_fields(const void *a, const void *b)
{
	const struct field_place *one = a, *other = b;
	int order = strcmp(one->name, other->name);

	if (order != 0)
		return order;
	return one->zone_index < other->zone_index ? -1 : one->zone_index > other->zone_index;
}

/** A field of one zone must not be an object of another: the lines go to one place. */
static void check_fields(const struct sb_value *value, const struct zones_reader *zones)
{
	size_t i;

	/* what clashes is side by side then: the dot comes before all that words are of */
	if (zones->field_count > 1)
		qsort(zones->field, zones->field_count, sizeof(*zones->field), compare_fields);
	for (i = 1; i < zones->field_count; i++) {
		const struct field_place *place = &zones->field[i];
		const char *before = zones->field[i - 1].name;
		struct sb_value zone = {
			.yaml = value->yaml, .up = value, .index = place->zone_index};
		struct sb_value fields = {.yaml = value->yaml, .up = &zone, .key = "fields"};
		struct sb_value field = {.yaml = value->yaml,
					 .up = &fields,
					 .key = place->group,
					 .mark = place->mark};

		if (strcmp(before, place->name) != 0 && names_clash(before, place->name))
			sb_value_error(&field,
				       "the field \"%s\" clashes with \"%s\" of another zone",
				       place->name, before);
	}
}

static void read_zones(const struct sb_value *value, void *out)
{
	struct zones_reader zones = {.conf = out};
	size_t errors = sb_value_errors(value);

	sb_read_list(value, 1, read_zone, &zones);
	if (sb_value_errors(value) == errors) {
		check_servers(value, &zones);
		check_fields(value, &zones);
	}
}

/** Give every zone the salt that a hash with a client's prefix needs when no line may tell it. */
static void add_salt(const struct sb_value *value, struct report_conf *conf)
{
	uint8_t *salt = sb_arena_alloc(value->yaml->arena, REPORT_SALT_LEN);
	size_t i;

	if (salt == NULL) {
		sb_value_no_memory(value);
		return;
	}
	if (getrandom(salt, REPORT_SALT_LEN, 0) != REPORT_SALT_LEN) {
		sb_value_error(value, "the system has no random numbers");
		return;
	}
	for (i = 0; i < conf->rules.count; i++)
		conf->zone[i]->salt = salt;
}

static void *read_report(const struct sb_value *value)
{
	static const struct sb_key keys[] = {
		{"log", read_log, true},
		{"client-address", read_client_address, false},
		{"dedup-window", read_dedup_window, false},
		{"rate-limit", read_rate_limit, false},
		{"stats-interval", read_stats_interval, false},
		{"zones", read_zones, true},
	};
	struct sb_arena *arena = value->yaml->arena;
	struct report_conf *conf = sb_arena_alloc(arena, sizeof(*conf));
	size_t errors = sb_value_errors(value);

	if (conf == NULL) {
		sb_value_no_memory(value);
		return NULL;
	}
	if (!sb_rules_init(value, &conf->rules))
		return NULL;
	conf->client_address = REPORT_CLIENT_PREFIX;
	conf->dedup_window = DEFAULT_DEDUP_WINDOW;
	conf->rate_limit.per_prefix = DEFAULT_PER_PREFIX;
	conf->rate_limit.burst = DEFAULT_BURST;
	conf->rate_limit.total = DEFAULT_TOTAL;
	conf->stats_interval = DEFAULT_STATS_INTERVAL;
	SB_READ_MAP(value, keys, conf);
	if (conf->client_address == REPORT_CLIENT_NONE)
		add_salt(value, conf);
	return sb_value_errors(value) == errors ? conf : NULL;
}

const struct sb_section report_section = {"report", read_report};
