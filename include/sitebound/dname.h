/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Domain names in wire format (RFC 1035 section 3.1): length-prefixed labels, ended by the
 * root's zero octet, uncompressed. Names compare without regard to ASCII case (RFC 4343).
 */
#ifndef SITEBOUND_DNAME_H
#define SITEBOUND_DNAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sitebound/err.h"

/** Octets of the longest name, the root's octet included. */
#define SB_DNAME_MAX 255
/** Octets of the longest label, without its length octet. */
#define SB_LABEL_MAX 63
/** Labels of the deepest name, without the root. */
#define SB_LABELS_MAX 127
/** Characters of the longest name in master-file text, with the final zero. */
#define SB_DNAME_TEXT_MAX 1024

/** A validated name and where its labels are. It borrows the wire bytes. */
struct sb_dname {
	/** the name; not owned */
	const uint8_t *wire;
	/** octets of wire, root included */
	size_t wire_len;
	/** labels, the root not counted */
	unsigned label_count;
	/** offset[i] is where the length octet of label i is; label 0 is the leftmost, and
	 * offset[label_count] is the root */
	uint8_t offset[SB_LABELS_MAX + 1];
};

/** The data of label i (0 is the leftmost) of a parsed name; its octets go to label_len. */
static inline const uint8_t *sb_dname_label(const struct sb_dname *name, unsigned i,
					    size_t *label_len)
{
	const uint8_t *label = name->wire + name->offset[i];

	*label_len = label[0];
	return label + 1;
}

/** ASCII lower case; every other octet as it is (RFC 4343). */
static inline uint8_t sb_lower(uint8_t octet)
{
	return octet >= 'A' && octet <= 'Z' ? (uint8_t)(octet | 0x20) : octet;
}

/**
 * Validate a wire name and find its labels.
 * @param name: is filled; it borrows wire.
 * @param wire: the name, uncompressed.
 * @param wire_len: octets that may be read; the name must use all of them.
 * @return SB_OK, SB_EFORM (compression, no root, octets left over) or SB_ERANGE (over 255).
 */
SB_MUST_CHECK enum sb_err sb_dname_parse(struct sb_dname *name, const uint8_t *wire,
					 size_t wire_len);

/**
 * Read a host-like name from text: labels of letters, digits, `-` and `_`, with or without the
 * final dot, `.` for the root. Case is folded to lower. International names are taken in their
 * A-label form only.
 * @param text: zero-terminated.
 * @param wire: the name goes here.
 * @param wire_len: octets written.
 * @return SB_OK, SB_EFORM (empty label or another character) or SB_ERANGE (63/255).
 */
SB_MUST_CHECK enum sb_err sb_dname_from_text(const char *text, uint8_t wire[SB_DNAME_MAX],
					     size_t *wire_len);

/**
 * Read a name in master-file text (RFC 1035 section 5.1): \DDD and \X are taken, with or without
 * the final dot, every octet is fine, case is kept.
 * @param[out] wire: the name.
 * @param[out] wire_len: octets written.
 * @return SB_OK, SB_EFORM (empty label, bad escape) or SB_ERANGE (63/255).
 */
SB_MUST_CHECK enum sb_err sb_dname_from_master_text(const char *text, size_t text_len,
						    uint8_t wire[SB_DNAME_MAX], size_t *wire_len);

/** What of a name in text stands as it is; every other octet becomes \DDD. */
enum sb_text {
	/** in a master file (RFC 1035 section 5.1): 33..126 but `"`, `.`, `;`, `@`, `$`, `(`, `)`
	 * and the backslash */
	SB_TEXT_MASTER,
	/** in a log: 33..126 but `"`, `.` and the backslash */
	SB_TEXT_LOG,
	/** the same in lower case */
	SB_TEXT_LOG_LOWER,
	/** for a pattern: [a-z0-9_-], in lower case; of no label the text is empty */
	SB_TEXT_PATTERN
};

/**
 * Write labels joined by dots, without the final dot; of no label the text is ".".
 * @param first, end: labels first <= i < end of the name.
 * @param[out] text: the text and a final zero.
 * @return characters written, without the final zero.
 */
size_t sb_labels_to_text(const struct sb_dname *name, unsigned first, unsigned end,
			 enum sb_text style, char text[SB_DNAME_TEXT_MAX]);

/** The same of a whole name, as in a master file. */
static inline size_t sb_dname_to_text(const struct sb_dname *name, char text[SB_DNAME_TEXT_MAX])
{
	return sb_labels_to_text(name, 0, name->label_count, SB_TEXT_MASTER, text);
}

/** Whether two labels or names of the same length are equal without regard to ASCII case. */
bool sb_octets_equal(const uint8_t *a, const uint8_t *b, size_t len);

/** Copy len octets of a name in lower case. Length octets (at most 63) are not letters. */
void sb_octets_lower(uint8_t *to, const uint8_t *from, size_t len);

/**
 * A hash of a label or a name, the same for all that are equal without regard to ASCII case. It
 * has no secret: good for a table that the configuration fills, not for one that clients fill.
 */
uint32_t sb_octets_hash(uint32_t seed, const uint8_t *octets, size_t len);

#endif
