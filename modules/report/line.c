/* SPDX-License-Identifier: BSD-3-Clause */
/* The JSON lines: nested objects with the names and types of the Elastic Common Schema 8.11. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "format.h"
#include "json.h"
#include "label_keys.h"
#include "sitebound/digits.h"
#include "sitebound/envelope_encode.h"

/** Octets of a text in `message`. */
#define MESSAGE_PART_MAX 64
/** Octets of error.code and sitebound.nonce where everything else is left out. */
#define REQUIRED_MAX 64
/** Room for the longest text of a name after cleaning: three octets for one. */
#define CLEAN_ROOM (3 * SB_DNAME_TEXT_MAX)

/** The objects that lines have, but for those that a pattern's fields bring. */
enum object {
	ROOT,
	LOG,
	ECS,
	EVENT,
	SITEBOUND,
	SITEBOUND_PART,
	SITEBOUND_REPORTED,
	SITEBOUND_STATS,
	STATS_MALFORMED,
	ERROR,
	SERVICE,
	USER_AGENT,
	USER_AGENT_OS,
	DEVICE,
	DEVICE_MODEL,
	SERVER,
	HTTP,
	HTTP_RESPONSE,
	NETWORK,
	CLIENT,
	CLIENT_GEO,
	LABELS,
	DNS,
	DNS_QUESTION,
	OBSERVER,
	OBJECTS
};

/** A literal and its length. */
#define KEY(literal) literal, sizeof(literal) - 1

/** Where an object is, and its key there. */
static const struct {
	enum object in;
	const char *key;
	size_t key_len;
} objects[OBJECTS] = {
	[LOG] = {ROOT, KEY("log")},
	[ECS] = {ROOT, KEY("ecs")},
	[EVENT] = {ROOT, KEY("event")},
	[SITEBOUND] = {ROOT, KEY("sitebound")},
	[SITEBOUND_PART] = {SITEBOUND, KEY("part")},
	[SITEBOUND_REPORTED] = {SITEBOUND, KEY("reported")},
	[SITEBOUND_STATS] = {SITEBOUND, KEY("stats")},
	[STATS_MALFORMED] = {SITEBOUND_STATS, KEY("malformed")},
	[ERROR] = {ROOT, KEY("error")},
	[SERVICE] = {ROOT, KEY("service")},
	[USER_AGENT] = {ROOT, KEY("user_agent")},
	[USER_AGENT_OS] = {USER_AGENT, KEY("os")},
	[DEVICE] = {ROOT, KEY("device")},
	[DEVICE_MODEL] = {DEVICE, KEY("model")},
	[SERVER] = {ROOT, KEY("server")},
	[HTTP] = {ROOT, KEY("http")},
	[HTTP_RESPONSE] = {HTTP, KEY("response")},
	[NETWORK] = {ROOT, KEY("network")},
	[CLIENT] = {ROOT, KEY("client")},
	[CLIENT_GEO] = {CLIENT, KEY("geo")},
	[LABELS] = {ROOT, KEY("labels")},
	[DNS] = {ROOT, KEY("dns")},
	[DNS_QUESTION] = {DNS, KEY("question")},
	[OBSERVER] = {ROOT, KEY("observer")},
};

/** A line that is being made. */
struct line {
	struct report_json json;
	/** the objects that there are already; 0: not yet */
	uint16_t object[OBJECTS];
	/** there may be others, and these among them */
	bool has_names;
	/** texts of the report are cut to this many octets; 0: those that can be are left out */
	size_t limit;
	bool sanitized, truncated, capped;
	struct report_label_keys *label_keys;
	/** for sitebound.weight */
	uint64_t count, sample_rate;
	/** where `message` goes: near the front, though it is known last */
	uint16_t message_place;
	char message[512];
	size_t message_len;
};

/* ---- members ---- */

static uint16_t object_of(struct line *line, enum object object)
{
	uint16_t in;

	if (object == ROOT || line->object[object] != 0)
		return line->object[object];
	in = object_of(line, objects[object].in);
	return line->object[object] = (line->has_names ? report_json_object
						       : report_json_new_object)(
		       &line->json, in, objects[object].key, objects[object].key_len);
}

/** Begin a member; its value comes next. */
static void put_key(struct line *line, enum object object, const char *key, size_t key_len)
{
	report_json_key(&line->json, object_of(line, object), key, key_len);
}

/** Begin the member of a dotted name. */
static void put_name(struct line *line, const char *name)
{
	uint16_t object = REPORT_JSON_ROOT;
	const char *dot;

	line->has_names = true;
	for (; (dot = strchr(name, '.')) != NULL; name = dot + 1)
		object = report_json_object(&line->json, object, name, (size_t)(dot - name));
	report_json_key(&line->json, object, name, strlen(name));
}

/** Printable ASCII without quotes and backslashes. */
static void put_words(struct line *line, enum object object, const char *key, size_t key_len,
		      const char *words)
{
	put_key(line, object, key, key_len);
	report_json_words(&line->json, words, strlen(words));
}

/** Members that are always the same, as JSON with a comma before each. */
static void put_members(struct line *line, enum object object, const char *json, size_t json_len)
{
	report_json_members(&line->json, object_of(line, object), json, json_len);
}

static void put_number(struct line *line, enum object object, const char *key, size_t key_len,
		       uint64_t number)
{
	put_key(line, object, key, key_len);
	report_json_number(&line->json, number);
}

/** The length that a clean text may have in this line. */
static size_t cut(struct line *line, const char *text, size_t text_len, size_t limit)
{
	size_t cut_len = report_text_cut(text, text_len, limit);

	if (cut_len < text_len)
		line->truncated = true;
	return cut_len;
}

/** Whether texts that need not be in the line are left out of it. */
static bool leaves_out(struct line *line)
{
	if (line->limit == 0)
		line->truncated = true;
	return line->limit == 0;
}

/** Text of a report as a value, of at most so many octets. */
static void put_cut_value(struct line *line, const uint8_t *octets, size_t len, size_t limit)
{
	char clean[CLEAN_ROOM];
	size_t clean_len;

	clean_len = report_text_clean(octets, len, clean, sizeof(clean), &line->sanitized);
	clean_len = cut(line, clean, clean_len, limit);
	report_json_text(&line->json, clean, clean_len);
}

/** Text of a report as the value of a member that is not left out. */
static void put_value(struct line *line, const uint8_t *octets, size_t len)
{
	put_cut_value(line, octets, len, line->limit);
}

/** The value of a member that is in every line, if need be cut. */
static void put_required_value(struct line *line, const uint8_t *octets, size_t len)
{
	put_cut_value(line, octets, len, line->limit < REQUIRED_MAX ? REQUIRED_MAX : line->limit);
}

/** Write a number with leading zeros. */
static void digits(char *to, int count, unsigned number)
{
	while (count > 0) {
		to[--count] = (char)('0' + number % 10);
		number /= 10;
	}
}

/** The date, UTC, as "YYYY-MM-DD": years of the Gregorian calendar are counted from a first of
 * March, so that the leap day is the last one of a year. */
static void write_date(char *to, unsigned days_since_1970)
{
	unsigned days = days_since_1970 + 719468; /* since 1 March 0000 */
	unsigned era = days / 146097, day_of_era = days % 146097;
	unsigned year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	unsigned day_of_year = day_of_era -
			       (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	unsigned month = (5 * day_of_year + 2) / 153; /* 0 is March */

	digits(to, 4, era * 400 + year_of_era + (month >= 10));
	digits(to + 5, 2, month < 10 ? month + 3 : month - 9);
	digits(to + 8, 2, day_of_year - (153 * month + 2) / 5 + 1);
}

/** UTC, milliseconds. Times before 1970 and after 9999 are none: 1970. */
static void put_time_value(struct line *line, int64_t seconds, long nanoseconds)
{
	char text[] = "0000-00-00T00:00:00.000Z";
	unsigned of_day;

	if (seconds < 0 || seconds > INT64_C(253402300799))
		seconds = 0;
	of_day = (unsigned)(seconds % 86400);
	write_date(text, (unsigned)(seconds / 86400));
	digits(text + 11, 2, of_day / 3600);
	digits(text + 14, 2, of_day / 60 % 60);
	digits(text + 17, 2, of_day % 60);
	digits(text + 20, 3, (unsigned)(nanoseconds / 1000000 % 1000));
	report_json_words(&line->json, text, sizeof(text) - 1);
}

static void put_addr_value(struct line *line, const struct sb_addr *addr)
{
	char text[INET6_ADDRSTRLEN] = "";
	const uint8_t *octet = addr->octet;
	size_t len = 0, i;

	if (addr->len != SB_IP4_LEN) {
		(void)inet_ntop(AF_INET6, octet, text, sizeof(text));
		report_json_words(&line->json, text, strlen(text));
		return;
	}
	/* inet_ntop() makes it with sprintf(), which takes more than the rest of the object */
	for (i = 0; i < SB_IP4_LEN; i++) {
		int count = 1 + (octet[i] >= 10) + (octet[i] >= 100);

		if (i > 0)
			text[len++] = '.';
		digits(text + len, count, octet[i]);
		len += (size_t)count;
	}
	report_json_words(&line->json, text, len);
}

static void put_hex_value(struct line *line, const uint8_t *octets, size_t len)
{
	char text[2 * 8];

	report_json_words(&line->json, text, sb_hex_write(octets, len < 8 ? len : 8, text));
}

/** Add to `message`; nothing is added where the whole does not fit. */
static void say_octets(struct line *line, const char *text, size_t text_len)
{
	if (line->message_len + text_len > sizeof(line->message))
		return;
	memcpy(line->message + line->message_len, text, text_len);
	line->message_len += text_len;
}

static void say_words(struct line *line, const char *words)
{
	say_octets(line, words, strlen(words));
}

/** Add a text of the report to `message`. */
static void say_text(struct line *line, const char *before, const uint8_t *octets, size_t len)
{
	char clean[CLEAN_ROOM];
	bool changed = false;
	size_t clean_len = report_text_clean(octets, len, clean, sizeof(clean), &changed);

	say_words(line, before);
	say_octets(line, clean, report_text_cut(clean, clean_len, MESSAGE_PART_MAX));
}

/* ---- fields of the formats ---- */

/** What to do with the value of a TLV type; the checks were the decoder's. */
static const struct {
	enum object object;
	const char *key;
	size_t key_len;
	enum { PUT_NOTHING, PUT_TEXT, PUT_NUMBER } how;
} tlv_fields[32] = {
	[4] = {SERVICE, KEY("name"), PUT_TEXT},
	[5] = {USER_AGENT, KEY("name"), PUT_TEXT},
	[6] = {USER_AGENT, KEY("version"), PUT_TEXT},
	[8] = {USER_AGENT_OS, KEY("version"), PUT_TEXT},
	[9] = {DEVICE_MODEL, KEY("identifier"), PUT_TEXT},
	[13] = {SERVER, KEY("port"), PUT_NUMBER},
	[14] = {HTTP_RESPONSE, KEY("status_code"), PUT_NUMBER},
	[16] = {ERROR, KEY("message"), PUT_TEXT},
	[18] = {SITEBOUND, KEY("sample_rate"), PUT_NUMBER},
	[19] = {SITEBOUND, KEY("count"), PUT_NUMBER},
	[21] = {SERVER, KEY("domain"), PUT_TEXT},
	[22] = {SITEBOUND, KEY("attempt"), PUT_NUMBER},
	[23] = {NETWORK, KEY("application"), PUT_TEXT},
};

static bool has_field(const struct report_envelope *envelope, unsigned type)
{
	return (envelope->present >> type & 1) != 0;
}

static const uint8_t *octets_of(const struct report_envelope *envelope, unsigned type)
{
	return envelope->stream + envelope->tlv[type].at;
}

static void put_envelope_code(struct line *line, const struct report_envelope *envelope)
{
	char text[32];

	if (has_field(envelope, 1)) {
		put_key(line, ERROR, KEY("code"));
		put_required_value(line, octets_of(envelope, 1), envelope->tlv[1].len);
		say_text(line, " ", octets_of(envelope, 1), envelope->tlv[1].len);
	} else if (has_field(envelope, 2)) {
		snprintf(text, sizeof(text), "%llu",
			 (unsigned long long)report_envelope_uint(envelope, 2));
		put_words(line, ERROR, KEY("code"), text);
		say_words(line, " ");
		say_words(line, text);
	}
	if (has_field(envelope, 3)) {
		const char *type = report_error_type_text(report_envelope_uint(envelope, 3), text);

		put_words(line, ERROR, KEY("type"), type);
		say_words(line, " ");
		say_words(line, type);
	}
}

static void put_envelope_labels(struct line *line, const struct report_zone *zone, int64_t seconds,
				const struct report_envelope *envelope)
{
	struct report_envelope_span label;
	size_t at = envelope->tlv_at;

	while (report_envelope_next_label(envelope, envelope->tlv_end, &at, &label)) {
		const uint8_t *text = envelope->stream + label.at;
		size_t key_len = sb_envelope_label_key_len(text, label.len);
		char key[REPORT_LABEL_KEY_LEN + 1];

		memcpy(key, text, key_len);
		key[key_len] = '\0';
		if (!report_label_key_is_kept(line->label_keys, zone, seconds, key)) {
			line->capped = true;
		} else if (!leaves_out(line)) {
			put_key(line, LABELS, key, key_len);
			put_value(line, text + key_len + 1, label.len - key_len - 1);
		}
	}
}

static void put_envelope_unknown(struct line *line, const struct report_envelope *envelope)
{
	uint64_t list[32];
	size_t count = 0;
	unsigned type;

	for (type = 0; type < 32; type++) {
		if ((envelope->unknown >> type & 1) != 0)
			list[count++] = type;
	}
	put_key(line, SITEBOUND, KEY("unknown"));
	report_json_numbers(&line->json, list, count);
}

static void put_envelope(struct line *line, const struct report_zone *zone, int64_t seconds,
			 const struct report_envelope *envelope)
{
	char part[64];
	uint32_t left;
	unsigned type;

	if (envelope->part_index > 0) {
		snprintf(part, sizeof(part), "client error detail, part %u of %u",
			 envelope->part_index + 1U, (unsigned)envelope->part_count);
		say_words(line, part);
	} else {
		say_words(line, "client error");
	}
	put_envelope_code(line, envelope);
	if (has_field(envelope, 4))
		say_text(line, " in ", octets_of(envelope, 4), envelope->tlv[4].len);
	if (has_field(envelope, 5))
		say_text(line, " from ", octets_of(envelope, 5), envelope->tlv[5].len);
	if (has_field(envelope, 5) && has_field(envelope, 6))
		say_text(line, " ", octets_of(envelope, 6), envelope->tlv[6].len);
	for (left = envelope->present; left != 0; left &= left - 1) {
		type = (unsigned)__builtin_ctz(left);
		if (tlv_fields[type].how == PUT_NOTHING)
			continue;
		if (tlv_fields[type].how == PUT_TEXT && leaves_out(line))
			continue;
		put_key(line, tlv_fields[type].object, tlv_fields[type].key,
			tlv_fields[type].key_len);
		if (tlv_fields[type].how == PUT_NUMBER)
			report_json_number(&line->json, report_envelope_uint(envelope, type));
		else
			put_value(line, octets_of(envelope, type), envelope->tlv[type].len);
	}
	if (has_field(envelope, 7))
		put_words(line, USER_AGENT_OS, KEY("type"),
			  report_os_type_text(report_envelope_uint(envelope, 7)));
	if (has_field(envelope, 10))
		put_words(line, SITEBOUND, KEY("access"),
			  report_access_text(report_envelope_uint(envelope, 10)));
	if (has_field(envelope, 11))
		put_number(line, EVENT, KEY("duration"),
			   report_envelope_uint(envelope, 11) * 1000000);
	if (has_field(envelope, 12)) {
		struct sb_addr addr = {.len = envelope->tlv[12].len};

		memcpy(addr.octet, octets_of(envelope, 12), addr.len);
		put_key(line, SERVER, KEY("ip"));
		put_addr_value(line, &addr);
	}
	if (has_field(envelope, 15)) {
		put_key(line, EVENT, KEY("start"));
		put_time_value(line, (int64_t)report_envelope_uint(envelope, 15), 0);
	}
	if (has_field(envelope, 17)) {
		put_key(line, SITEBOUND, KEY("install_id"));
		put_hex_value(line, octets_of(envelope, 17), envelope->tlv[17].len);
	}
	if (has_field(envelope, 18))
		line->sample_rate = report_envelope_uint(envelope, 18);
	if (has_field(envelope, 19))
		line->count = report_envelope_uint(envelope, 19);
	if (has_field(envelope, 20)) {
		const uint8_t *letters = octets_of(envelope, 20);
		char country[3] = {(char)(letters[0] & ~0x20), (char)(letters[1] & ~0x20), '\0'};

		put_words(line, CLIENT_GEO, KEY("country_iso_code"), country);
	}
	put_envelope_labels(line, zone, seconds, envelope);
	put_key(line, SITEBOUND, KEY("nonce"));
	put_hex_value(line, envelope->stream + 1, 4);
	if (envelope->multi_part) {
		put_number(line, SITEBOUND_PART, KEY("index"), envelope->part_index);
		put_number(line, SITEBOUND_PART, KEY("total"), envelope->part_count);
	}
	if (envelope->unknown != 0)
		put_envelope_unknown(line, envelope);
}

/** A decimal number of at most 18 digits, no more than most. */
static bool read_number(const char *text, size_t text_len, uint64_t most, uint64_t *number)
{
	size_t i;

	if (text_len < 1 || text_len > 18)
		return false;
	*number = 0;
	for (i = 0; i < text_len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		*number = *number * 10 + (uint64_t)(text[i] - '0');
	}
	return *number <= most;
}

/** A number with a fraction, as JSON has it: digits, and a point and digits. */
static bool put_fraction(struct line *line, const char *name, const char *text, size_t text_len)
{
	const char *point = memchr(text, '.', text_len);
	size_t whole_len = point != NULL ? (size_t)(point - text) : text_len;
	uint64_t whole, fraction;

	if (!read_number(text, whole_len, INT64_MAX, &whole) || (text[0] == '0' && whole_len > 1) ||
	    (point != NULL &&
	     !read_number(point + 1, text_len - whole_len - 1, INT64_MAX, &fraction)))
		return false;
	put_name(line, name);
	report_json_raw(&line->json, text, text_len);
	return true;
}

/** A country in capitals, whatever letters it came in. */
static bool put_country(struct line *line, const char *name, const char *text, size_t text_len)
{
	char country[3] = "";
	size_t i;

	for (i = 0; i < text_len && i < 2; i++) {
		if (sb_lower((uint8_t)text[i]) < 'a' || sb_lower((uint8_t)text[i]) > 'z')
			return false;
		country[i] = (char)(text[i] & ~0x20);
	}
	if (text_len != 2)
		return false;
	put_name(line, name);
	report_json_words(&line->json, country, 2);
	return true;
}

/** A text that must be one of the words of an envelope's type. */
static bool put_word(struct line *line, const char *name, const char *text, size_t text_len,
		     const char *(*word_of)(uint64_t number))
{
	const char *word;
	uint64_t number;

	for (number = 1; (word = word_of(number)) != NULL; number++) {
		if (strlen(word) == text_len && memcmp(word, text, text_len) == 0) {
			put_name(line, name);
			report_json_words(&line->json, word, text_len);
			return true;
		}
	}
	return false;
}

static bool put_address_text(struct line *line, const char *name, const char *text, size_t text_len)
{
	char addr[INET6_ADDRSTRLEN];
	struct sb_netblock block;

	/* (a '/' would make a block of it; names have it escaped) */
	if (text_len >= sizeof(addr))
		return false;
	memcpy(addr, text, text_len);
	addr[text_len] = '\0';
	if (sb_netblock_parse(addr, &block) != SB_OK)
		return false;
	put_name(line, name);
	put_addr_value(line, &block.addr);
	return true;
}

static bool is_install_id(const char *text, size_t text_len)
{
	size_t i;

	for (i = 0; i < text_len; i++) {
		if (!(text[i] >= '0' && text[i] <= '9') && !(text[i] >= 'a' && text[i] <= 'f'))
			return false;
	}
	return text_len >= 8 && text_len <= 16 && text_len % 2 == 0;
}

/** A field whose type is not text. @return false when the text is no value of that type. */
static bool put_typed(struct line *line, const struct report_field *field, const char *text,
		      size_t text_len)
{
	const char *name = field->name;
	bool yes = text_len == 4 && memcmp(text, "true", 4) == 0;
	uint64_t number;

	switch (field->type) {
	case REPORT_FIELD_NUMBER:
	case REPORT_FIELD_NUMBER16:
		if (!read_number(text, text_len,
				 field->type == REPORT_FIELD_NUMBER ? INT64_MAX : UINT16_MAX,
				 &number))
			return false;
		put_name(line, name);
		report_json_number(&line->json, number);
		if (strcmp(name, "sitebound.sample_rate") == 0)
			line->sample_rate = number;
		else if (strcmp(name, "sitebound.count") == 0)
			line->count = number;
		return true;
	case REPORT_FIELD_FRACTION:
		return put_fraction(line, name, text, text_len);
	case REPORT_FIELD_BOOLEAN:
		if (!yes && !(text_len == 5 && memcmp(text, "false", 5) == 0))
			return false;
		put_name(line, name);
		report_json_raw(&line->json, text, text_len);
		return true;
	case REPORT_FIELD_DATE:
		if (!read_number(text, text_len, UINT32_MAX, &number))
			return false;
		put_name(line, name);
		put_time_value(line, (int64_t)number, 0);
		return true;
	case REPORT_FIELD_ADDRESS:
		return put_address_text(line, name, text, text_len);
	case REPORT_FIELD_COUNTRY:
		return put_country(line, name, text, text_len);
	case REPORT_FIELD_OS_TYPE:
		return put_word(line, name, text, text_len, report_os_type_text);
	case REPORT_FIELD_ACCESS:
		return put_word(line, name, text, text_len, report_access_text);
	case REPORT_FIELD_INSTALL_ID:
		if (!is_install_id(text, text_len))
			return false;
		put_name(line, name);
		report_json_words(&line->json, text, text_len);
		return true;
	default:
		return false;
	}
}

static void put_match(struct line *line, const struct report_pattern *pattern,
		      const struct report_match *match, const char *subject)
{
	size_t i;

	say_words(line, "client error");
	for (i = 0; i < pattern->field_count; i++) {
		const char *name = pattern->field[i].name;
		const char *text = subject + match->field[i].at;
		const uint8_t *octets = (const uint8_t *)text;
		size_t len = match->field[i].len;

		if (match->field[i].at == UINT16_MAX)
			continue;
		if (pattern->field[i].type != REPORT_FIELD_TEXT) {
			if (!put_typed(line, &pattern->field[i], text, len))
				line->sanitized = true;
		} else if (strcmp(name, "error.code") == 0) {
			put_name(line, name);
			put_required_value(line, octets, len);
			say_text(line, " ", octets, len);
		} else if (strcmp(name, "sitebound.nonce") == 0) {
			put_name(line, name);
			put_required_value(line, octets, len);
		} else if (!leaves_out(line)) {
			put_name(line, name);
			put_value(line, octets, len);
		}
	}
}

static void put_er(struct line *line, const struct report_er *er, const struct sb_dname *qname)
{
	const char *purpose = report_ede_text(er->ede);
	char name[SB_DNAME_TEXT_MAX], number[16], room[REPORT_TYPES_MAX][12];
	const char *types[REPORT_TYPES_MAX];
	size_t name_len = sb_labels_to_text(qname, er->first, er->end, SB_TEXT_LOG_LOWER, name), i;

	snprintf(number, sizeof(number), "%u", (unsigned)er->ede);
	put_words(line, ERROR, KEY("code"), number);
	say_words(line, "DNS error ");
	say_words(line, number);
	if (purpose != NULL) {
		put_words(line, ERROR, KEY("message"), purpose);
		say_words(line, " (");
		say_words(line, purpose);
		say_words(line, ")");
	}
	say_text(line, " for ", (const uint8_t *)name, name_len);
	put_key(line, SITEBOUND_REPORTED, KEY("name"));
	put_required_value(line, (const uint8_t *)name, name_len);
	for (i = 0; i < er->type_count; i++)
		types[i] = report_type_text(er->type[i], room[i]);
	put_key(line, SITEBOUND_REPORTED, KEY("types"));
	report_json_list(&line->json, types, er->type_count);
}

/* ---- what every line has ---- */

static void put_head(struct line *line, const struct timespec *time, bool warning)
{
	put_key(line, ROOT, KEY("@timestamp"));
	put_time_value(line, time->tv_sec, time->tv_nsec);
	put_words(line, LOG, KEY("level"), warning ? "warning" : "info");
	line->message_place = report_json_place(&line->json, REPORT_JSON_ROOT);
	put_members(line, ECS, KEY(",\"version\":\"" REPORT_ECS_VERSION "\""));
}

/** @param kind: a member. */
static void put_event(struct line *line, const char *kind, size_t kind_len, const char *action)
{
	put_members(line, EVENT, kind, kind_len);
	put_members(line, EVENT,
		    KEY(",\"category\":[\"network\"],\"type\":[\"info\"],"
			"\"module\":\"sitebound\",\"dataset\":\"sitebound.report\""));
	put_words(line, EVENT, KEY("action"), action);
}

/** A text of the observer's, which nobody has checked. */
static void put_observer_text(struct line *line, const char *key, size_t key_len, const char *text,
			      size_t most)
{
	bool changed = false;
	char clean[CLEAN_ROOM];
	size_t len = strnlen(text, most);

	len = report_text_clean((const uint8_t *)text, len, clean, sizeof(clean), &changed);
	put_key(line, OBSERVER, key, key_len);
	report_json_text(&line->json, clean, len);
}

static void put_observer(struct line *line, const struct report_observer *observer)
{
	if (observer->hostname != NULL)
		put_observer_text(line, KEY("hostname"), observer->hostname, 255);
	put_members(line, OBSERVER, KEY(",\"product\":\"unbound\""));
	if (observer->version != NULL)
		put_observer_text(line, KEY("version"), observer->version, 64);
}

static void put_client(struct line *line, enum report_client_address policy,
		       const struct report_arrival *arrival)
{
	const char *transport = arrival->quic ? "quic" : arrival->tcp ? "tcp" : "udp";
	struct sb_addr client = arrival->client;

	/* not known: sitebound-decode */
	if (client.len != 0) {
		if (policy == REPORT_CLIENT_PREFIX)
			sb_addr_mask(&client, client.len == SB_IP4_LEN ? REPORT_PREFIX_IP4
								       : REPORT_PREFIX_IP6);
		if (policy != REPORT_CLIENT_NONE) {
			put_key(line, CLIENT, KEY("ip"));
			put_addr_value(line, &client);
		}
		if (policy == REPORT_CLIENT_FULL)
			put_number(line, CLIENT, KEY("port"), arrival->port);
		put_words(line, NETWORK, KEY("transport"), transport);
		put_words(line, NETWORK, KEY("type"), client.len == SB_IP4_LEN ? "ipv4" : "ipv6");
	}
	put_members(line, NETWORK, KEY(",\"protocol\":\"dns\""));
}

static void put_question(struct line *line, const struct report_arrival *arrival,
			 const struct sb_dname *qname)
{
	char text[SB_DNAME_TEXT_MAX], room[32];
	size_t len = sb_labels_to_text(qname, 0, qname->label_count, SB_TEXT_LOG, text);

	put_key(line, DNS_QUESTION, KEY("name"));
	report_json_text(&line->json, text, len);
	put_words(line, DNS_QUESTION, KEY("type"), report_type_text(arrival->qtype, room));
	/* a report has no other class, and no other answer */
	put_members(line, DNS_QUESTION, KEY(",\"class\":\"IN\""));
	put_members(line, DNS, KEY(",\"response_code\":\"NOERROR\""));
}

/** What a report stands for; one that nobody signed must not outweigh all others. */
static uint64_t weight(struct line *line, uint64_t most)
{
	if (line->count != 0 && line->sample_rate > most / line->count) {
		line->capped = true;
		return most;
	}
	return line->count * line->sample_rate;
}

static void put_tags(struct line *line)
{
	const char *tags[3];
	size_t count = 0;

	if (line->sanitized)
		tags[count++] = "sanitized";
	if (line->truncated)
		tags[count++] = "truncated";
	if (line->capped)
		tags[count++] = "capped";
	if (count > 0) {
		put_key(line, ROOT, KEY("tags"));
		report_json_list(&line->json, tags, count);
	}
}

/** The text for people, at the place that is kept for it. */
static void put_message(struct line *line, const char *message, size_t message_len)
{
	report_json_go_to(&line->json, REPORT_JSON_ROOT, line->message_place);
	put_key(line, ROOT, KEY("message"));
	report_json_text(&line->json, message, message_len);
}

static void line_init(struct line *line, size_t limit)
{
	report_json_init(&line->json);
	memset(line->object, 0, sizeof(line->object));
	line->has_names = false;
	line->limit = limit;
	line->sanitized = false;
	line->truncated = false;
	line->capped = false;
	line->count = 1;
	line->sample_rate = 1;
	line->label_keys = NULL;
	line->message_len = 0;
}

/** Write the line. @return SB_OK, or SB_ERANGE when it is too long. */
static enum sb_err line_write(struct line *made, char line[REPORT_LINE_MAX], size_t *line_len)
{
	size_t len = report_json_write(&made->json, line, REPORT_LINE_MAX - 1);

	if (len == 0)
		return SB_ERANGE;
	line[len] = '\n';
	*line_len = len + 1;
	return SB_OK;
}

/** Make the object of a report. */
static void build(struct line *line, const struct report_conf *conf,
		  const struct report_observer *observer, const struct report_arrival *arrival,
		  const struct sb_dname *qname)
{
	const struct report_zone *zone = arrival->zone;
	const struct report_decoded *decoded = &arrival->decoded;
	bool accepted = decoded->outcome == REPORT_ACCEPTED;
	const char *action = "report-malformed", *verified = "none";
	char subject[SB_DNAME_TEXT_MAX];

	if (accepted && zone->format == REPORT_RFC9567)
		action = "dns-error-report";
	else if (accepted && zone->format == REPORT_ENVELOPE && decoded->u.envelope.part_index > 0)
		action = "client-error-detail";
	else if (accepted)
		action = "client-error";
	if (decoded->authenticated && accepted)
		verified = "mac";
	else if (arrival->tcp)
		verified = "tcp";
	put_head(line, &arrival->time, !accepted);
	put_event(line, KEY(",\"kind\":\"event\""), action);
	put_words(line, EVENT, KEY("outcome"), accepted ? "failure" : "unknown");
	put_words(line, EVENT, KEY("id"), arrival->event_id);
	put_words(line, SITEBOUND, KEY("format"), report_format_text(zone->format));
	put_key(line, SITEBOUND, KEY("zone"));
	report_json_text(&line->json, zone->text, zone->text_len);
	if (!accepted) {
		const char *reason = report_reason_text(decoded->reason);

		put_words(line, EVENT, KEY("reason"), reason);
		say_words(line, "malformed report: ");
		say_words(line, reason);
	} else if (zone->format == REPORT_ENVELOPE) {
		put_envelope(line, zone, arrival->time.tv_sec, &decoded->u.envelope);
	} else if (zone->format == REPORT_PATTERN) {
		sb_labels_to_text(qname, 0, qname->label_count - zone->apex.label_count,
				  SB_TEXT_PATTERN, subject);
		put_match(line, zone->pattern, &decoded->u.match, subject);
	} else {
		put_er(line, &decoded->u.er, qname);
	}
	put_words(line, SITEBOUND, KEY("verified"), verified);
	put_number(line, SITEBOUND, KEY("weight"), weight(line, zone->max_weight));
	put_client(line, conf->client_address, arrival);
	put_question(line, arrival, qname);
	put_observer(line, observer);
	put_tags(line);
	put_message(line, line->message, line->message_len);
}

enum sb_err report_line(const struct report_conf *conf, struct report_label_keys *label_keys,
			const struct report_observer *observer,
			const struct report_arrival *arrival, char line[REPORT_LINE_MAX],
			size_t *line_len)
{
	/* the last one leaves everything out that can be */
	static const size_t limits[] = {1024, 256, 64, 16, 0};
	struct sb_dname qname;
	struct line made;
	enum sb_err err = SB_ERANGE;
	size_t i;

	if ((arrival->decoded.outcome != REPORT_ACCEPTED &&
	     arrival->decoded.outcome != REPORT_MALFORMED) ||
	    arrival->qname_len > SB_DNAME_MAX ||
	    sb_dname_parse(&qname, arrival->qname, arrival->qname_len) != SB_OK ||
	    qname.label_count < arrival->zone->apex.label_count)
		return SB_EFORM;
	for (i = 0; i < sizeof(limits) / sizeof(limits[0]) && err == SB_ERANGE; i++) {
		line_init(&made, limits[i]);
		made.label_keys = label_keys;
		build(&made, conf, observer, arrival, &qname);
		err = line_write(&made, line, line_len);
	}
	/* the fields that stay have room for sure */
	return err == SB_ERANGE ? SB_EFORM : err;
}

enum sb_err report_stats_line(const struct report_observer *observer, const struct timespec *when,
			      const struct report_counts *counts, char line[REPORT_LINE_MAX],
			      size_t *line_len)
{
	struct line made;
	int reason;

	line_init(&made, 0);
	put_head(&made, when, false);
	put_event(&made, KEY(",\"kind\":\"metric\""), "report-stats");
	put_number(&made, SITEBOUND_STATS, KEY("accepted"), counts->accepted);
	put_number(&made, SITEBOUND_STATS, KEY("duplicate"), counts->duplicate);
	put_number(&made, SITEBOUND_STATS, KEY("partial"), counts->partial);
	(void)object_of(&made, STATS_MALFORMED);
	for (reason = REPORT_REASON_NONE + 1; reason < REPORT_REASON_COUNT; reason++) {
		const char *word = report_reason_text((enum report_reason)reason);

		if (counts->malformed[reason] != 0)
			put_number(&made, STATS_MALFORMED, word, strlen(word),
				   counts->malformed[reason]);
	}
	put_number(&made, SITEBOUND_STATS, KEY("rate_limited"), counts->rate_limited);
	put_number(&made, SITEBOUND_STATS, KEY("queue_dropped"), counts->queue_dropped);
	put_number(&made, SITEBOUND_STATS, KEY("write_errors"), counts->write_errors);
	put_number(&made, SITEBOUND_STATS, KEY("lines"), counts->lines);
	put_number(&made, SITEBOUND_STATS, KEY("lines_astray"), counts->lines_astray);
	put_observer(&made, observer);
	put_message(&made, KEY("report counters"));
	return line_write(&made, line, line_len) == SB_OK ? SB_OK : SB_EFORM;
}
