/* SPDX-License-Identifier: BSD-3-Clause */
/* The JSON lines: nested objects with the names and types of the Elastic Common Schema 8.11. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "format.h"
#include "json.h"
#include "label_keys.h"

/** Octets of a text in `message`. */
#define MESSAGE_PART_MAX 64
/** Octets of error.code and sitebound.nonce where everything else is left out. */
#define REQUIRED_MAX 64
/** Room for the longest text of a name after cleaning: three octets for one. */
#define CLEAN_ROOM (3 * SB_DNAME_TEXT_MAX)

/** A line that is being made. */
struct line {
	struct report_json json;
	/** texts of the report are cut to this many octets; 0: those that can be are left out */
	size_t limit;
	bool sanitized, truncated, capped;
	struct report_label_keys *label_keys;
	/** for sitebound.weight */
	uint64_t count, sample_rate;
	char message[512];
	size_t message_len;
};

/* ---- objects ---- */

/** Text that is known to be valid UTF-8. */
static void put_words(struct line *line, const char *name, const char *text)
{
	report_json_text(&line->json, name, text, strlen(text));
}

static void put_number(struct line *line, const char *name, uint64_t number)
{
	report_json_number(&line->json, name, number);
}

/** The length that a clean text may have in this line. */
static size_t cut(struct line *line, const char *text, size_t text_len, size_t limit)
{
	size_t cut_len = report_text_cut(text, text_len, limit);

	if (cut_len < text_len)
		line->truncated = true;
	return cut_len;
}

/** Text of a report that may be cut or left out. */
static void put_text(struct line *line, const char *name, const uint8_t *octets, size_t len)
{
	char clean[CLEAN_ROOM];
	size_t clean_len;

	if (line->limit == 0) {
		line->truncated = true;
		return;
	}
	clean_len = report_text_clean(octets, len, clean, sizeof(clean), &line->sanitized);
	clean_len = cut(line, clean, clean_len, line->limit);
	report_json_text(&line->json, name, clean, clean_len);
}

/** Text of a report that is in every line, if need be cut. */
static void put_required(struct line *line, const char *name, const uint8_t *octets, size_t len)
{
	size_t limit = line->limit;

	if (line->limit < REQUIRED_MAX)
		line->limit = REQUIRED_MAX;
	put_text(line, name, octets, len);
	line->limit = limit;
}

/** Write a number with leading zeros. */
static void digits(char *to, int count, long number)
{
	while (count > 0) {
		to[--count] = (char)('0' + number % 10);
		number /= 10;
	}
}

/** UTC, milliseconds. */
static void put_time(struct line *line, const char *name, int64_t seconds, long nanoseconds)
{
	char text[] = "0000-00-00T00:00:00.000Z";
	struct tm tm;
	time_t time = (time_t)seconds;

	if (gmtime_r(&time, &tm) == NULL || tm.tm_year < -1900)
		memset(&tm, 0, sizeof(tm));
	digits(text, 4, tm.tm_year + 1900L);
	digits(text + 5, 2, tm.tm_mon + 1L);
	digits(text + 8, 2, tm.tm_mday);
	digits(text + 11, 2, tm.tm_hour);
	digits(text + 14, 2, tm.tm_min);
	digits(text + 17, 2, tm.tm_sec);
	digits(text + 20, 3, nanoseconds / 1000000 % 1000);
	put_words(line, name, text);
}

static void put_addr(struct line *line, const char *name, const struct sb_addr *addr)
{
	char text[INET6_ADDRSTRLEN];

	if (inet_ntop(addr->len == SB_IP4_LEN ? AF_INET : AF_INET6, addr->octet, text,
		      sizeof(text)) != NULL)
		put_words(line, name, text);
}

static void put_hex(struct line *line, const char *name, const uint8_t *octets, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	char text[2 * 8];
	size_t i;

	for (i = 0; i < len && i < 8; i++) {
		text[2 * i] = hex[octets[i] >> 4];
		text[2 * i + 1] = hex[octets[i] & 15];
	}
	report_json_text(&line->json, name, text, 2 * i);
}

/** Add to `message`; nothing is added where the whole does not fit. */
static void say(struct line *line, const char *text, size_t text_len)
{
	if (line->message_len + text_len > sizeof(line->message))
		return;
	memcpy(line->message + line->message_len, text, text_len);
	line->message_len += text_len;
}

static void say_words(struct line *line, const char *words)
{
	say(line, words, strlen(words));
}

/** Add a text of the report to `message`. */
static void say_text(struct line *line, const char *before, const uint8_t *octets, size_t len)
{
	char clean[CLEAN_ROOM];
	bool changed = false;
	size_t clean_len = report_text_clean(octets, len, clean, sizeof(clean), &changed);

	say_words(line, before);
	say(line, clean, report_text_cut(clean, clean_len, MESSAGE_PART_MAX));
}

/* ---- fields of the formats ---- */

/** What to do with the value of a TLV type; the checks were the decoder's. */
static const struct {
	const char *name;
	enum { PUT_NOTHING, PUT_TEXT, PUT_NUMBER } how;
} tlv_fields[32] = {
	[4] = {"service.name", PUT_TEXT},
	[5] = {"user_agent.name", PUT_TEXT},
	[6] = {"user_agent.version", PUT_TEXT},
	[8] = {"user_agent.os.version", PUT_TEXT},
	[9] = {"device.model.identifier", PUT_TEXT},
	[13] = {"server.port", PUT_NUMBER},
	[14] = {"http.response.status_code", PUT_NUMBER},
	[16] = {"error.message", PUT_TEXT},
	[18] = {"sitebound.sample_rate", PUT_NUMBER},
	[19] = {"sitebound.count", PUT_NUMBER},
	[21] = {"server.domain", PUT_TEXT},
	[22] = {"sitebound.attempt", PUT_NUMBER},
	[23] = {"network.application", PUT_TEXT},
};

static bool has(const struct report_envelope *envelope, unsigned type)
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

	if (has(envelope, 1)) {
		put_required(line, "error.code", octets_of(envelope, 1), envelope->tlv[1].len);
		say_text(line, " ", octets_of(envelope, 1), envelope->tlv[1].len);
	} else if (has(envelope, 2)) {
		snprintf(text, sizeof(text), "%llu",
			 (unsigned long long)report_envelope_uint(envelope, 2));
		put_words(line, "error.code", text);
		say_words(line, " ");
		say_words(line, text);
	}
	if (has(envelope, 3)) {
		const char *type = report_error_type_text(report_envelope_uint(envelope, 3), text);

		put_words(line, "error.type", type);
		say_words(line, " ");
		say_words(line, type);
	}
}

static void put_envelope_labels(struct line *line, const struct report_zone *zone, int64_t seconds,
				const struct report_envelope *envelope)
{
	size_t i;

	for (i = 0; i < envelope->label_count; i++) {
		const uint8_t *value = envelope->stream + envelope->label[i].at;
		const uint8_t *equals = memchr(value, '=', envelope->label[i].len);
		char name[sizeof("labels.") + REPORT_LABEL_KEY_LEN];
		const char *kept;
		size_t key_len;

		/* cannot happen: the decoder took labels with a key of 1 to 16 octets only */
		if (equals == NULL || equals - value > REPORT_LABEL_KEY_LEN)
			continue;
		key_len = (size_t)(equals - value);
		snprintf(name, sizeof(name), "labels.%.*s", (int)key_len, (const char *)value);
		if (!report_label_key_is_kept(line->label_keys, zone, seconds,
					      name + strlen("labels."))) {
			line->capped = true;
			continue;
		}
		kept = report_json_name(&line->json, name);
		if (kept != NULL)
			put_text(line, kept, equals + 1, envelope->label[i].len - key_len - 1);
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
	report_json_numbers(&line->json, "sitebound.unknown", list, count);
}

static void put_envelope(struct line *line, const struct report_zone *zone, int64_t seconds,
			 const struct report_envelope *envelope)
{
	char part[64];
	unsigned type;

	if (envelope->part_index > 0) {
		snprintf(part, sizeof(part), "client error detail, part %u of %u",
			 envelope->part_index + 1U, (unsigned)envelope->part_count);
		say_words(line, part);
	} else {
		say_words(line, "client error");
	}
	put_envelope_code(line, envelope);
	if (has(envelope, 4))
		say_text(line, " in ", octets_of(envelope, 4), envelope->tlv[4].len);
	if (has(envelope, 5))
		say_text(line, " from ", octets_of(envelope, 5), envelope->tlv[5].len);
	if (has(envelope, 5) && has(envelope, 6))
		say_text(line, " ", octets_of(envelope, 6), envelope->tlv[6].len);
	for (type = 0; type < 32; type++) {
		if (!has(envelope, type) || tlv_fields[type].how == PUT_NOTHING)
			continue;
		if (tlv_fields[type].how == PUT_NUMBER)
			put_number(line, tlv_fields[type].name,
				   report_envelope_uint(envelope, type));
		else
			put_text(line, tlv_fields[type].name, octets_of(envelope, type),
				 envelope->tlv[type].len);
	}
	if (has(envelope, 7))
		put_words(line, "user_agent.os.type",
			  report_os_type_text(report_envelope_uint(envelope, 7)));
	if (has(envelope, 10))
		put_words(line, "sitebound.access",
			  report_access_text(report_envelope_uint(envelope, 10)));
	if (has(envelope, 11))
		put_number(line, "event.duration", report_envelope_uint(envelope, 11) * 1000000);
	if (has(envelope, 12)) {
		struct sb_addr addr = {.len = (uint8_t)envelope->tlv[12].len};

		memcpy(addr.octet, octets_of(envelope, 12), addr.len);
		put_addr(line, "server.ip", &addr);
	}
	if (has(envelope, 15))
		put_time(line, "event.start", (int64_t)report_envelope_uint(envelope, 15), 0);
	if (has(envelope, 17))
		put_hex(line, "sitebound.install_id", octets_of(envelope, 17),
			envelope->tlv[17].len);
	if (has(envelope, 18))
		line->sample_rate = report_envelope_uint(envelope, 18);
	if (has(envelope, 19))
		line->count = report_envelope_uint(envelope, 19);
	if (has(envelope, 20)) {
		const uint8_t *letters = octets_of(envelope, 20);
		char country[3] = {(char)(letters[0] & ~0x20), (char)(letters[1] & ~0x20), '\0'};

		put_words(line, "client.geo.country_iso_code", country);
	}
	put_envelope_labels(line, zone, seconds, envelope);
	put_hex(line, "sitebound.nonce", envelope->stream + 1, 4);
	if (envelope->multi_part) {
		put_number(line, "sitebound.part.index", envelope->part_index);
		put_number(line, "sitebound.part.total", envelope->part_count);
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
	report_json_raw(&line->json, name, text, text_len);
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
	put_words(line, name, country);
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
			put_words(line, name, word);
			return true;
		}
	}
	return false;
}

static bool put_address_text(struct line *line, const char *name, const char *text, size_t text_len)
{
	char addr[INET6_ADDRSTRLEN];
	struct sb_netblock block;

	if (text_len >= sizeof(addr) || memchr(text, '/', text_len) != NULL)
		return false;
	memcpy(addr, text, text_len);
	addr[text_len] = '\0';
	if (sb_netblock_parse(addr, &block) != SB_OK)
		return false;
	put_addr(line, name, &block.addr);
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
		put_number(line, name, number);
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
		report_json_raw(&line->json, name, text, text_len);
		return true;
	case REPORT_FIELD_DATE:
		if (!read_number(text, text_len, UINT32_MAX, &number))
			return false;
		put_time(line, name, (int64_t)number, 0);
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
		report_json_text(&line->json, name, text, text_len);
		return true;
	default:
		return false;
	}
}

static void put_match(struct line *line, const struct report_pattern *pattern,
		      const struct report_match *match)
{
	size_t i;

	say_words(line, "client error");
	for (i = 0; i < pattern->field_count; i++) {
		const char *name = pattern->field[i].name;
		const char *text = match->subject + match->field[i].at;
		size_t text_len = match->field[i].len;

		if (match->field[i].at == UINT16_MAX)
			continue;
		if (pattern->field[i].type != REPORT_FIELD_TEXT) {
			if (!put_typed(line, &pattern->field[i], text, text_len))
				line->sanitized = true;
		} else if (strcmp(name, "error.code") == 0) {
			put_required(line, name, (const uint8_t *)text, text_len);
			say_text(line, " ", (const uint8_t *)text, text_len);
		} else if (strcmp(name, "sitebound.nonce") == 0) {
			put_required(line, name, (const uint8_t *)text, text_len);
		} else {
			put_text(line, name, (const uint8_t *)text, text_len);
		}
	}
}

static void put_er(struct line *line, const struct report_er *er, const struct sb_dname *qname)
{
	const char *purpose = report_ede_text(er->ede);
	char name[SB_DNAME_TEXT_MAX], number[16], room[REPORT_TYPES_MAX][12];
	const char *types[REPORT_TYPES_MAX];
	size_t name_len = report_name_to_text(qname, er->first, er->end, true, name), i;

	snprintf(number, sizeof(number), "%u", (unsigned)er->ede);
	put_words(line, "error.code", number);
	say_words(line, "DNS error ");
	say_words(line, number);
	if (purpose != NULL) {
		put_words(line, "error.message", purpose);
		say_words(line, " (");
		say_words(line, purpose);
		say_words(line, ")");
	}
	say_text(line, " for ", (const uint8_t *)name, name_len);
	put_required(line, "sitebound.reported.name", (const uint8_t *)name, name_len);
	for (i = 0; i < er->type_count; i++)
		types[i] = report_type_text(er->type[i], room[i]);
	report_json_texts(&line->json, "sitebound.reported.types", types, er->type_count);
}

/* ---- what every line has ---- */

static void put_head(struct line *line, const struct timespec *time, bool warning)
{
	put_time(line, "@timestamp", time->tv_sec, time->tv_nsec);
	put_words(line, "log.level", warning ? "warning" : "info");
	/* its place near the front; the text comes last */
	put_words(line, "message", "");
	put_words(line, "ecs.version", REPORT_ECS_VERSION);
}

static void put_event(struct line *line, const char *kind, const char *action)
{
	static const char *const category = "network", *const type = "info";

	put_words(line, "event.kind", kind);
	report_json_texts(&line->json, "event.category", &category, 1);
	report_json_texts(&line->json, "event.type", &type, 1);
	put_words(line, "event.module", "sitebound");
	put_words(line, "event.dataset", "sitebound.report");
	put_words(line, "event.action", action);
}

static void put_observer(struct line *line, const struct report_observer *observer)
{
	bool changed = false;
	char clean[CLEAN_ROOM];
	size_t len;

	if (observer->hostname != NULL) {
		len = strnlen(observer->hostname, 255);
		len = report_text_clean((const uint8_t *)observer->hostname, len, clean,
					sizeof(clean), &changed);
		report_json_text(&line->json, "observer.hostname", clean, len);
	}
	put_words(line, "observer.product", "unbound");
	if (observer->version != NULL) {
		len = strnlen(observer->version, 64);
		len = report_text_clean((const uint8_t *)observer->version, len, clean,
					sizeof(clean), &changed);
		report_json_text(&line->json, "observer.version", clean, len);
	}
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
		if (policy != REPORT_CLIENT_NONE)
			put_addr(line, "client.ip", &client);
		if (policy == REPORT_CLIENT_FULL)
			put_number(line, "client.port", arrival->port);
		put_words(line, "network.transport", transport);
		put_words(line, "network.type", client.len == SB_IP4_LEN ? "ipv4" : "ipv6");
	}
	put_words(line, "network.protocol", "dns");
}

static void put_question(struct line *line, const struct report_arrival *arrival,
			 const struct sb_dname *qname)
{
	static const char *const rcodes[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",
					     "NOTIMP",	"REFUSED", "YXDOMAIN", "YXRRSET",
					     "NXRRSET", "NOTAUTH", "NOTZONE"};
	char text[SB_DNAME_TEXT_MAX], room[32];

	report_name_to_text(qname, 0, qname->label_count, false, text);
	put_words(line, "dns.question.name", text);
	put_words(line, "dns.question.type", report_type_text(arrival->qtype, room));
	if (arrival->qclass == SB_CLASS_IN) {
		put_words(line, "dns.question.class", "IN");
	} else {
		snprintf(room, sizeof(room), "CLASS%u", (unsigned)arrival->qclass);
		put_words(line, "dns.question.class", room);
	}
	if (arrival->rcode < sizeof(rcodes) / sizeof(rcodes[0])) {
		put_words(line, "dns.response_code", rcodes[arrival->rcode]);
	} else {
		snprintf(room, sizeof(room), "RCODE%u", (unsigned)arrival->rcode);
		put_words(line, "dns.response_code", room);
	}
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
	if (count > 0)
		report_json_texts(&line->json, "tags", tags, count);
}

static void line_init(struct line *line, size_t limit)
{
	report_json_init(&line->json);
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
static enum sb_err line_write(const struct line *made, char line[REPORT_LINE_MAX], size_t *line_len)
{
	size_t len = report_json_write(&made->json, line, REPORT_LINE_MAX - 1);

	if (len == 0)
		return SB_ERANGE;
	line[len] = '\n';
	*line_len = len + 1;
	return SB_OK;
}

/** Make the object of a report. */
static void build(struct line *line, const struct report_conf *conf, const struct report_zone *zone,
		  const struct report_observer *observer, const struct report_arrival *arrival,
		  const struct sb_dname *qname, const struct report_decoded *decoded)
{
	bool accepted = decoded->outcome == REPORT_ACCEPTED;
	const char *action = "report-malformed", *verified = "none";

	if (accepted && decoded->format == REPORT_RFC9567)
		action = "dns-error-report";
	else if (accepted && decoded->format == REPORT_ENVELOPE &&
		 decoded->u.envelope.part_index > 0)
		action = "client-error-detail";
	else if (accepted)
		action = "client-error";
	if (decoded->authenticated && accepted)
		verified = "mac";
	else if (arrival->tcp)
		verified = "tcp";
	put_head(line, &arrival->time, !accepted);
	put_event(line, "event", action);
	put_words(line, "event.outcome", accepted ? "failure" : "unknown");
	put_words(line, "event.id", arrival->event_id);
	put_words(line, "sitebound.format", report_format_text(zone->format));
	put_words(line, "sitebound.zone", zone->text);
	if (!accepted) {
		const char *reason = report_reason_text(decoded->reason);

		put_words(line, "event.reason", reason);
		say_words(line, "malformed report: ");
		say_words(line, reason);
	} else if (decoded->format == REPORT_ENVELOPE) {
		put_envelope(line, zone, arrival->time.tv_sec, &decoded->u.envelope);
	} else if (decoded->format == REPORT_PATTERN) {
		put_match(line, zone->pattern, &decoded->u.match);
	} else {
		put_er(line, &decoded->u.er, qname);
	}
	put_words(line, "sitebound.verified", verified);
	put_number(line, "sitebound.weight", weight(line, zone->max_weight));
	put_client(line, conf->client_address, arrival);
	put_question(line, arrival, qname);
	put_observer(line, observer);
	put_tags(line);
	report_json_text(&line->json, "message", line->message, line->message_len);
}

enum sb_err report_line(const struct report_conf *conf, struct report_scratch *scratch,
			struct report_label_keys *label_keys,
			const struct report_observer *observer,
			const struct report_arrival *arrival, char line[REPORT_LINE_MAX],
			size_t *line_len)
{
	/* the last one leaves everything out that can be */
	static const size_t limits[] = {1024, 256, 64, 16, 0};
	const struct report_zone *zone;
	struct report_decoded decoded;
	struct line made;
	struct sb_query query = {.qtype = arrival->qtype, .qclass = arrival->qclass};
	enum sb_err err = SB_ERANGE;
	unsigned apex_label;
	size_t i;

	if (arrival->qname_len > SB_DNAME_MAX ||
	    memchr(arrival->event_id, '\0', sizeof(arrival->event_id)) == NULL ||
	    sb_dname_parse(&query.qname, arrival->qname, arrival->qname_len) != SB_OK)
		return SB_EFORM;
	zone = sb_zones_find(conf->rules.zones, &query.qname, &apex_label);
	if (zone == NULL || zone->index != arrival->zone_index)
		return SB_EFORM;
	report_decode(zone, scratch, &query, apex_label, &arrival->client, &decoded);
	if (decoded.outcome != REPORT_ACCEPTED && decoded.outcome != REPORT_MALFORMED)
		return SB_EFORM;
	for (i = 0; i < sizeof(limits) / sizeof(limits[0]) && err == SB_ERANGE; i++) {
		line_init(&made, limits[i]);
		made.label_keys = label_keys;
		build(&made, conf, zone, observer, arrival, &query.qname, &decoded);
		err = line_write(&made, line, line_len);
	}
	/* the fields that stay have room for sure */
	return err == SB_ERANGE ? SB_EFORM : err;
}

enum sb_err report_stats_line(const struct report_observer *observer, const struct timespec *when,
			      const struct report_counts *counts, char line[REPORT_LINE_MAX],
			      size_t *line_len)
{
	/* dotted names, in the order of enum report_reason */
	static const char *const names[REPORT_REASON_COUNT] = {
#define NAME(reason) "sitebound.stats.malformed." reason
		NULL,
		NAME("version"),
		NAME("alphabet"),
		NAME("length"),
		NAME("padding"),
		NAME("short"),
		NAME("flags"),
		NAME("part"),
		NAME("key"),
		NAME("mac"),
		NAME("checksum"),
		NAME("tlv-type"),
		NAME("tlv-length"),
		NAME("tlv-value"),
		NAME("tlv-duplicate"),
		NAME("no-code"),
		NAME("pattern"),
		NAME("pattern-limit"),
		NAME("er-syntax"),
#undef NAME
	};
	struct line made;
	int reason;

	line_init(&made, 0);
	put_head(&made, when, false);
	put_event(&made, "metric", "report-stats");
	put_number(&made, "sitebound.stats.accepted", counts->accepted);
	put_number(&made, "sitebound.stats.duplicate", counts->duplicate);
	put_number(&made, "sitebound.stats.partial", counts->partial);
	report_json_object(&made.json, "sitebound.stats.malformed");
	for (reason = REPORT_REASON_NONE + 1; reason < REPORT_REASON_COUNT; reason++) {
		if (counts->malformed[reason] != 0)
			put_number(&made, names[reason], counts->malformed[reason]);
	}
	put_number(&made, "sitebound.stats.rate_limited", counts->rate_limited);
	put_number(&made, "sitebound.stats.queue_dropped", counts->queue_dropped);
	put_number(&made, "sitebound.stats.write_errors", counts->write_errors);
	put_number(&made, "sitebound.stats.lines", counts->lines);
	put_number(&made, "sitebound.stats.lines_astray", counts->lines_astray);
	put_observer(&made, observer);
	put_words(&made, "message", "report counters");
	return line_write(&made, line, line_len) == SB_OK ? SB_OK : SB_EFORM;
}
