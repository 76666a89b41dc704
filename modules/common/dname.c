/* SPDX-License-Identifier: BSD-3-Clause */
#include "sitebound/dname.h"

#include <string.h>

enum sb_err sb_dname_parse(struct sb_dname *name, const uint8_t *wire, size_t wire_len)
{
	size_t at = 0;
	unsigned count = 0;

	if (wire_len > SB_DNAME_MAX)
		return SB_ERANGE;
	for (;;) {
		if (at >= wire_len || wire[at] > SB_LABEL_MAX)
			return SB_EFORM;
		/* at most 255 octets: neither the offset nor the count can overflow */
		name->offset[count] = (uint8_t)at;
		if (wire[at] == 0)
			break;
		at += 1U + wire[at];
		count++;
	}
	if (at + 1 != wire_len)
		return SB_EFORM;
	name->wire = wire;
	name->wire_len = wire_len;
	name->label_count = count;
	return SB_OK;
}

static bool is_host_octet(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

enum sb_err sb_dname_from_text(const char *text, uint8_t wire[SB_DNAME_MAX], size_t *wire_len)
{
	size_t at = 0;

	if (strcmp(text, ".") == 0) {
		wire[0] = 0;
		*wire_len = 1;
		return SB_OK;
	}
	do {
		size_t label_len = 0;

		while (is_host_octet(text[label_len]))
			label_len++;
		if (label_len == 0 || (text[label_len] != '.' && text[label_len] != '\0'))
			return SB_EFORM;
		if (label_len > SB_LABEL_MAX || at + 1 + label_len + 1 > SB_DNAME_MAX)
			return SB_ERANGE;
		wire[at] = (uint8_t)label_len;
		sb_octets_lower(wire + at + 1, (const uint8_t *)text, label_len);
		at += 1 + label_len;
		text += label_len;
		if (*text == '.')
			text++;
	} while (*text != '\0');
	wire[at] = 0;
	*wire_len = at + 1;
	return SB_OK;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/** Read the octet at text[*at], an escape or not. @return whether it is one. */
static bool read_octet(const char *text, size_t text_len, size_t *at, uint8_t *octet)
{
	unsigned number;

	if (text[*at] != '\\') {
		*octet = (uint8_t)text[(*at)++];
		return true;
	}
	if (text_len - *at >= 4 && is_digit(text[*at + 1]) && is_digit(text[*at + 2]) &&
	    is_digit(text[*at + 3])) {
		number = (unsigned)(text[*at + 1] - '0') * 100 +
			 (unsigned)(text[*at + 2] - '0') * 10 + (unsigned)(text[*at + 3] - '0');
		if (number > 255)
			return false;
		*octet = (uint8_t)number;
		*at += 4;
		return true;
	}
	if (text_len - *at < 2 || is_digit(text[*at + 1]))
		return false;
	*octet = (uint8_t)text[*at + 1];
	*at += 2;
	return true;
}

enum sb_err sb_dname_from_master_text(const char *text, size_t text_len, uint8_t wire[SB_DNAME_MAX],
				      size_t *wire_len)
{
	size_t at = 0, label = 0, label_len = 0;

	if (text_len == 0)
		return SB_EFORM;
	if (text_len == 1 && text[0] == '.') {
		wire[0] = 0;
		*wire_len = 1;
		return SB_OK;
	}
	/* label is where the length octet of the label at hand goes */
	while (at < text_len) {
		uint8_t octet;

		if (text[at] == '.') {
			if (label_len == 0)
				return SB_EFORM;
			wire[label] = (uint8_t)label_len;
			label += 1 + label_len;
			label_len = 0;
			at++;
			continue;
		}
		if (!read_octet(text, text_len, &at, &octet))
			return SB_EFORM;
		/* room for this octet and the root's */
		if (label_len == SB_LABEL_MAX || label + 1 + label_len + 1 >= SB_DNAME_MAX)
			return SB_ERANGE;
		wire[label + 1 + label_len++] = octet;
	}
	if (label_len > 0) {
		wire[label] = (uint8_t)label_len;
		label += 1 + label_len;
	}
	wire[label] = 0;
	*wire_len = label + 1;
	return SB_OK;
}

/** Whether an octet stands in a text as it is. */
static bool is_plain(uint8_t octet, enum sb_text style)
{
	switch (style) {
	case SB_TEXT_PATTERN:
		return (octet >= 'a' && octet <= 'z') || (octet >= '0' && octet <= '9') ||
		       octet == '_' || octet == '-';
	case SB_TEXT_MASTER:
		if (octet == ';' || octet == '@' || octet == '$' || octet == '(' || octet == ')')
			return false;
		break;
	case SB_TEXT_LOG:
	case SB_TEXT_LOG_LOWER:
		break;
	}
	return octet > 32 && octet < 127 && octet != '"' && octet != '.' && octet != '\\';
}

size_t sb_labels_to_text(const struct sb_dname *name, unsigned first, unsigned end,
			 enum sb_text style, char text[SB_DNAME_TEXT_MAX])
{
	bool lower = style == SB_TEXT_LOG_LOWER || style == SB_TEXT_PATTERN;
	size_t at = 0;
	unsigned i;

	for (i = first; i < end; i++) {
		size_t label_len, j;
		const uint8_t *label = sb_dname_label(name, i, &label_len);

		if (i > first)
			text[at++] = '.';
		for (j = 0; j < label_len; j++) {
			uint8_t octet = lower ? sb_lower(label[j]) : label[j];

			if (is_plain(octet, style)) {
				text[at++] = (char)octet;
				continue;
			}
			text[at++] = '\\';
			text[at++] = (char)('0' + octet / 100);
			text[at++] = (char)('0' + octet / 10 % 10);
			text[at++] = (char)('0' + octet % 10);
		}
	}
	if (at == 0 && style != SB_TEXT_PATTERN)
		text[at++] = '.';
	text[at] = '\0';
	return at;
}

/* Names are compared, copied and hashed eight octets at a time: they are in every query's path. */

#define EIGHT(octet) (UINT64_C(0x0101010101010101) * (octet))

static inline uint64_t get_eight(const uint8_t *from)
{
	uint64_t eight;

	memcpy(&eight, from, sizeof(eight));
	return eight;
}

/** Fewer than eight octets; where they would leave gaps, some come twice. */
static inline uint64_t get_few(const uint8_t *from, size_t len)
{
	uint32_t first, last;

	if (len == 0)
		return 0;
	if (len < 4)
		return from[0] | (uint32_t)from[len / 2] << 8 | (uint32_t)from[len - 1] << 16;
	memcpy(&first, from, sizeof(first));
	memcpy(&last, from + len - sizeof(last), sizeof(last));
	return first | (uint64_t)last << 32;
}

/** sb_lower() of eight octets: bit 7 of each octet of `upper` says whether it is a capital. */
static inline uint64_t lower_eight(uint64_t eight)
{
	uint64_t low = eight & EIGHT(0x7f);
	uint64_t from_a = low + EIGHT(0x80 - 'A'), over_z = low + EIGHT(0x7f - 'Z');
	uint64_t upper = (from_a ^ over_z) & ~eight & EIGHT(0x80);

	return eight | upper >> 2;
}

static inline bool eight_equal(uint64_t a, uint64_t b)
{
	/* most names come in lower case */
	return a == b || lower_eight(a) == lower_eight(b);
}

bool sb_octets_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
	for (; len >= 8; a += 8, b += 8, len -= 8) {
		if (!eight_equal(get_eight(a), get_eight(b)))
			return false;
	}
	return eight_equal(get_few(a, len), get_few(b, len));
}

void sb_octets_lower(uint8_t *to, const uint8_t *from, size_t len)
{
	for (; len >= 8; to += 8, from += 8, len -= 8) {
		uint64_t eight = lower_eight(get_eight(from));

		memcpy(to, &eight, sizeof(eight));
	}
	for (; len > 0; to++, from++, len--)
		*to = sb_lower(*from);
}

uint32_t sb_octets_hash(uint32_t seed, const uint8_t *octets, size_t len)
{
	/* an odd number with its bits spread: 2^64 divided by the golden ratio */
	const uint64_t factor = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t hash = (seed + len) * factor;

	/* bit 5 is what the two cases of a letter differ in */
	for (; len >= 8; octets += 8, len -= 8) {
		hash = (hash ^ (get_eight(octets) | EIGHT(0x20))) * factor;
		hash ^= hash >> 32;
	}
	hash = (hash ^ (get_few(octets, len) | EIGHT(0x20))) * factor;
	/* the last octets are the uppermost, and a product's lower bits know nothing of them */
	hash ^= hash >> 32;
	return (uint32_t)(hash * factor >> 32);
}
