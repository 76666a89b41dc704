/* SPDX-License-Identifier: BSD-3-Clause */
#include "json.h"

#include <string.h>

void report_json_init(struct report_json *json)
{
	json->node_count = 1;
	json->text_len = 0;
	json->full = false;
	memset(&json->node[0], 0, sizeof(json->node[0]));
}

/* ---- nodes ---- */

static bool is_key(const struct report_json_node *node, const char *key, size_t key_len)
{
	return node->key_len == key_len && node->key[0] == key[0] &&
	       memcmp(node->key, key, key_len) == 0;
}

/** The member of an object, made when it is not there; 0 when there is no room. */
static uint16_t member(struct report_json *json, uint16_t object, const char *key, size_t key_len)
{
	struct report_json_node *node;
	uint16_t i = json->node[object].last;

	/* the newest object is the likeliest one: fields come in groups */
	if (i != 0 && is_key(&json->node[i], key, key_len))
		return i;
	for (i = json->node[object].first; i != 0; i = json->node[i].next) {
		if (is_key(&json->node[i], key, key_len))
			return i;
	}
	if (json->node_count == REPORT_JSON_NODES || key_len > UINT16_MAX) {
		json->full = true;
		return 0;
	}
	i = (uint16_t)json->node_count++;
	node = &json->node[i];
	memset(node, 0, sizeof(*node));
	node->key = key;
	node->key_len = (uint16_t)key_len;
	if (json->node[object].last != 0)
		json->node[json->node[object].last].next = i;
	else
		json->node[object].first = i;
	json->node[object].last = i;
	return i;
}

/** Set the field to the text that was appended since `at`. */
static void set(struct report_json *json, const char *name, size_t at)
{
	uint16_t node = 0;
	const char *dot;

	if (json->full)
		return;
	while ((dot = strchr(name, '.')) != NULL) {
		node = member(json, node, name, (size_t)(dot - name));
		if (json->full)
			return;
		/* a value where an object should be: the value was first, the object counts */
		json->node[node].len = 0;
		name = dot + 1;
	}
	node = member(json, node, name, strlen(name));
	if (json->full)
		return;
	json->node[node].at = (uint16_t)at;
	json->node[node].len = (uint16_t)(json->text_len - at);
}

/* ---- values ---- */

static void append(struct report_json *json, const char *octets, size_t len)
{
	if (len > REPORT_JSON_TEXT - json->text_len) {
		json->full = true;
		return;
	}
	memcpy(json->text + json->text_len, octets, len);
	json->text_len += len;
}

static void append_octet(struct report_json *json, char octet)
{
	append(json, &octet, 1);
}

static void append_escape(struct report_json *json, unsigned code)
{
	static const char digits[] = "0123456789abcdef";
	char escape[6] = {'\\', 'u'};

	escape[2] = digits[code >> 12 & 15];
	escape[3] = digits[code >> 8 & 15];
	escape[4] = digits[code >> 4 & 15];
	escape[5] = digits[code & 15];
	append(json, escape, sizeof(escape));
}

/** Whether an octet can be a part of what is escaped. */
static const bool is_special[256] = {
	/* C0 */
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,	     1,		 1,	     1,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, ['"'] = 1, ['\\'] = 1, [0x7f] = 1, [0xe2] = 1,
};

/** A string (RFC 8259 section 7). Beside what must be escaped, DEL and the line separators
 * U+2028 and U+2029 are: some readers of lines take them for ends of lines. */
static void append_string(struct report_json *json, const char *text, size_t text_len)
{
	size_t at, plain = 0;

	append_octet(json, '"');
	for (at = 0; at < text_len; at++) {
		const unsigned char *c = (const unsigned char *)text + at;
		size_t used = 1;

		if (!is_special[*c])
			continue;
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

static void append_number(struct report_json *json, uint64_t number)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	append(json, digits + at, sizeof(digits) - at);
}

void report_json_text(struct report_json *json, const char *name, const char *text, size_t text_len)
{
	size_t at = json->text_len;

	append_string(json, text, text_len);
	set(json, name, at);
}

void report_json_raw(struct report_json *json, const char *name, const char *text, size_t text_len)
{
	size_t at = json->text_len;

	append(json, text, text_len);
	set(json, name, at);
}

void report_json_number(struct report_json *json, const char *name, uint64_t number)
{
	size_t at = json->text_len;

	append_number(json, number);
	set(json, name, at);
}

void report_json_texts(struct report_json *json, const char *name, const char *const *texts,
		       size_t count)
{
	size_t at = json->text_len, i;

	append_octet(json, '[');
	for (i = 0; i < count; i++) {
		if (i > 0)
			append_octet(json, ',');
		append_string(json, texts[i], strlen(texts[i]));
	}
	append_octet(json, ']');
	set(json, name, at);
}

void report_json_numbers(struct report_json *json, const char *name, const uint64_t *numbers,
			 size_t count)
{
	size_t at = json->text_len, i;

	append_octet(json, '[');
	for (i = 0; i < count; i++) {
		if (i > 0)
			append_octet(json, ',');
		append_number(json, numbers[i]);
	}
	append_octet(json, ']');
	set(json, name, at);
}

void report_json_object(struct report_json *json, const char *name)
{
	set(json, name, json->text_len);
}

const char *report_json_name(struct report_json *json, const char *name)
{
	size_t at = json->text_len;

	append(json, name, strlen(name) + 1);
	return json->full ? NULL : json->text + at;
}

/* ---- writing ---- */

struct output {
	char *to;
	size_t len, room;
	bool full;
};

static void write_octets(struct output *output, const char *octets, size_t len)
{
	if (len > output->room - output->len) {
		output->full = true;
		return;
	}
	memcpy(output->to + output->len, octets, len);
	output->len += len;
}

/** Names are dotted words of a bounded length, so the depth is bounded too. */
static void write_object(const struct report_json *json, uint16_t object, struct output *output)
{
	const char *before = "{\"";
	uint16_t i;

	if (json->node[object].first == 0)
		write_octets(output, "{", 1);
	for (i = json->node[object].first; i != 0 && !output->full; i = json->node[i].next) {
		const struct report_json_node *node = &json->node[i];

		write_octets(output, before, 2);
		write_octets(output, node->key, node->key_len);
		write_octets(output, "\":", 2);
		if (node->len > 0)
			write_octets(output, json->text + node->at, node->len);
		else
			write_object(json, i, output);
		before = ",\"";
	}
	write_octets(output, "}", 1);
}

size_t report_json_write(const struct report_json *json, char *to, size_t room)
{
	struct output output = {.to = to, .room = room};

	if (json->full)
		return 0;
	write_object(json, 0, &output);
	return output.full ? 0 : output.len;
}
