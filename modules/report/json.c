/* SPDX-License-Identifier: BSD-3-Clause */
#include "json.h"
#include "sitebound/digits.h"

#include <string.h>

/** No object. */
#define NOWHERE UINT16_MAX

void report_json_init(struct report_json *json)
{
	json->node_count = 1;
	json->piece = 0;
	json->object = NOWHERE;
	json->text_len = 0;
	json->full = false;
	memset(&json->node[0], 0, sizeof(json->node[0]));
}

/* ---- nodes ---- */

/** A new node at the end of an object; 0 when there is no room. */
static uint16_t node_new(struct report_json *json, uint16_t object)
{
	uint16_t i = json->node_count;

	if (i == REPORT_JSON_NODES) {
		json->full = true;
		return 0;
	}
	json->node_count++;
	memset(&json->node[i], 0, sizeof(json->node[i]));
	if (json->node[object].last != 0)
		json->node[json->node[object].last].next = i;
	else
		json->node[object].first = i;
	json->node[object].last = i;
	return i;
}

/** No piece grows any more. */
static void end_piece(struct report_json *json)
{
	if (json->object != NOWHERE)
		json->node[json->piece].len =
			(uint16_t)(json->text_len - json->node[json->piece].at);
	json->object = NOWHERE;
}

uint16_t report_json_object(struct report_json *json, uint16_t object, const char *key,
			    size_t key_len)
{
	uint16_t i;

	for (i = json->node[object].first; i != 0; i = json->node[i].next) {
		if (json->node[i].key != NULL && json->node[i].key_len == key_len &&
		    memcmp(json->node[i].key, key, key_len) == 0)
			return i;
	}
	return report_json_new_object(json, object, key, key_len);
}

uint16_t report_json_new_object(struct report_json *json, uint16_t object, const char *key,
				size_t key_len)
{
	uint16_t i;

	/* what comes next in the object around it stands behind it */
	if (json->object == object)
		end_piece(json);
	i = node_new(json, object);
	json->node[i].key = key;
	json->node[i].key_len = (uint16_t)key_len;
	return i;
}

uint16_t report_json_place(struct report_json *json, uint16_t object)
{
	end_piece(json);
	return node_new(json, object);
}

void report_json_go_to(struct report_json *json, uint16_t object, uint16_t place)
{
	end_piece(json);
	json->object = object;
	json->piece = place;
	json->node[place].at = (uint16_t)json->text_len;
}

/* ---- members ---- */

static inline void append(struct report_json *json, const char *octets, size_t len)
{
	if (len > REPORT_JSON_TEXT - json->text_len) {
		json->full = true;
		return;
	}
	memcpy(json->text + json->text_len, octets, len);
	json->text_len += len;
}

static inline void append_octet(struct report_json *json, char octet)
{
	append(json, &octet, 1);
}

/** What is appended from now on is in this object. */
static inline void go_on_in(struct report_json *json, uint16_t object)
{
	if (json->object != object)
		report_json_go_to(json, object, node_new(json, object));
}

void report_json_key(struct report_json *json, uint16_t object, const char *key, size_t key_len)
{
	char *to = json->text + json->text_len;

	go_on_in(json, object);
	if (key_len + 4 > REPORT_JSON_TEXT - json->text_len) {
		json->full = true;
		return;
	}
	json->text_len += key_len + 4;
	*to++ = ',';
	*to++ = '"';
	memcpy(to, key, key_len);
	to[key_len] = '"';
	to[key_len + 1] = ':';
}

void report_json_members(struct report_json *json, uint16_t object, const char *text,
			 size_t text_len)
{
	go_on_in(json, object);
	append(json, text, text_len);
}

/* ---- values ---- */

static void append_escape(struct report_json *json, unsigned code)
{
	char escape[6] = {'\\', 'u'};

	escape[2] = SB_HEX_DIGITS[code >> 12 & 15];
	escape[3] = SB_HEX_DIGITS[code >> 8 & 15];
	escape[4] = SB_HEX_DIGITS[code >> 4 & 15];
	escape[5] = SB_HEX_DIGITS[code & 15];
	append(json, escape, sizeof(escape));
}

/** Whether an octet can be a part of what is escaped. */
static const bool is_special[256] = {
	/* C0 */
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,	     1,		 1,	     1,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, ['"'] = 1, ['\\'] = 1, [0x7f] = 1, [0xe2] = 1,
};

/* RFC 8259 section 7. Beside what must be escaped, DEL and the line separators U+2028 and U+2029
 * are: some readers of lines take them for ends of lines. */
void report_json_text(struct report_json *json, const char *text, size_t text_len)
{
	size_t at, plain = 0;

	append_octet(json, '"');
	for (at = 0;; at++) {
		const unsigned char *c;
		size_t used = 1;

		while (at < text_len && !is_special[(unsigned char)text[at]])
			at++;
		if (at == text_len)
			break;
		c = (const unsigned char *)text + at;
		if (*c == 0xe2) {
			if (text_len - at < 3 || c[1] != 0x80 || (c[2] & 0xfe) != 0xa8)
				continue;
			used = 3;
		}
		append(json, text + plain, at - plain);
		if (used == 3) {
			append_escape(json, c[2] == 0xa8 ? 0x2028 : 0x2029);
		} else if (*c == '"' || *c == '\\') {
			append_octet(json, '\\');
			append_octet(json, (char)*c);
		} else {
			append_escape(json, *c);
		}
		at += used - 1;
		plain = at + 1;
	}
	append(json, text + plain, text_len - plain);
	append_octet(json, '"');
}

void report_json_words(struct report_json *json, const char *text, size_t text_len)
{
	append_octet(json, '"');
	append(json, text, text_len);
	append_octet(json, '"');
}

void report_json_raw(struct report_json *json, const char *text, size_t text_len)
{
	append(json, text, text_len);
}

void report_json_number(struct report_json *json, uint64_t number)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	append(json, digits + at, sizeof(digits) - at);
}

void report_json_list(struct report_json *json, const char *const *words, size_t count)
{
	size_t i;

	append_octet(json, '[');
	for (i = 0; i < count; i++) {
		if (i > 0)
			append_octet(json, ',');
		report_json_words(json, words[i], strlen(words[i]));
	}
	append_octet(json, ']');
}

void report_json_numbers(struct report_json *json, const uint64_t *numbers, size_t count)
{
	size_t i;

	append_octet(json, '[');
	for (i = 0; i < count; i++) {
		if (i > 0)
			append_octet(json, ',');
		report_json_number(json, numbers[i]);
	}
	append_octet(json, ']');
}

/* ---- writing ---- */

struct output {
	char *to;
	size_t len, room;
	bool full;
};

static inline void write_octets(struct output *output, const char *octets, size_t len)
{
	if (len > output->room - output->len) {
		output->full = true;
		return;
	}
	memcpy(output->to + output->len, octets, len);
	output->len += len;
}

/** Write what is in an object. Objects are as deep as names have words, so the depth is bounded. */
static void write_object(const struct report_json *json, uint16_t object, struct output *output)
{
	/* the comma of the first member is too many */
	size_t skip = 1;
	uint16_t i;

	write_octets(output, "{", 1);
	for (i = json->node[object].first; i != 0 && !output->full; i = json->node[i].next) {
		const struct report_json_node *node = &json->node[i];

		if (node->key != NULL) {
			char *to = output->to + output->len;

			if (4 + (size_t)node->key_len > output->room - output->len) {
				output->full = true;
				return;
			}
			*to = ',';
			to += 1 - skip;
			*to++ = '"';
			memcpy(to, node->key, node->key_len);
			to[node->key_len] = '"';
			to[node->key_len + 1] = ':';
			output->len += 4 - skip + node->key_len;
			write_object(json, i, output);
		} else if (node->len > 0) {
			write_octets(output, json->text + node->at + skip, node->len - skip);
		} else {
			continue;
		}
		skip = 0;
	}
	write_octets(output, "}", 1);
}

size_t report_json_write(struct report_json *json, char *to, size_t room)
{
	struct output output = {.to = to, .room = room};

	end_piece(json);
	if (json->full)
		return 0;
	write_object(json, REPORT_JSON_ROOT, &output);
	return output.full ? 0 : output.len;
}
