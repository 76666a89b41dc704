/* SPDX-License-Identifier: BSD-3-Clause */
/* DNS error reports (RFC 9567): _er.<qtypes>.<name>.<ede>._er.<zone>. */
#include "format.h"
#include "sitebound/digits.h"

#include <string.h>

static bool is_er(const struct sb_dname *qname, unsigned i)
{
	size_t label_len;
	const uint8_t *label = sb_dname_label(qname, i, &label_len);

	return label_len == 3 && sb_octets_equal(label, (const uint8_t *)"_er", 3);
}

/** Numbers joined by '-', in any order, none twice; they are kept in ascending order. */
static bool read_types(const uint8_t *text, size_t text_len, struct report_er *er)
{
	size_t at = 0;

	er->type_count = 0;
	for (;;) {
		const uint8_t *dash = memchr(text + at, '-', text_len - at);
		size_t end = dash != NULL ? (size_t)(dash - text) : text_len, i;
		unsigned type;

		/* 63 octets hold no more than 32 numbers, so the array is never full here */
		if (!sb_decimal_read(text + at, end - at, UINT16_MAX, &type) ||
		    er->type_count == REPORT_TYPES_MAX)
			return false;
		for (i = er->type_count; i > 0 && er->type[i - 1] >= type; i--) {
			if (er->type[i - 1] == type)
				return false;
			er->type[i] = er->type[i - 1];
		}
		er->type[i] = (uint16_t)type;
		er->type_count++;
		if (dash == NULL)
			return true;
		at = end + 1;
	}
}

enum report_outcome report_er_decode(const struct sb_dname *qname, unsigned apex_label,
				     struct report_er *er, enum report_reason *reason)
{
	const uint8_t *label;
	size_t label_len;
	unsigned ede;

	/* "_er.<zone>" itself is a step on the way down, not the mark of a complete name */
	if (apex_label < 2 || !is_er(qname, 0))
		return REPORT_PARTIAL;
	*reason = REPORT_REASON_ER_SYNTAX;
	/* counted from the right, so an "_er" inside the reported name is no end of it */
	if (apex_label < 4 || !is_er(qname, apex_label - 1))
		return REPORT_MALFORMED;
	label = sb_dname_label(qname, apex_label - 2, &label_len);
	if (!sb_decimal_read(label, label_len, UINT16_MAX, &ede))
		return REPORT_MALFORMED;
	er->ede = (uint16_t)ede;
	label = sb_dname_label(qname, 1, &label_len);
	if (!read_types(label, label_len, er))
		return REPORT_MALFORMED;
	er->first = 2;
	er->end = apex_label - 2;
	*reason = REPORT_REASON_NONE;
	return REPORT_ACCEPTED;
}
