/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * What the report module's pure files share among themselves and with sitebound-decode: the
 * decoders, one a format, and texts.
 */
#ifndef REPORT_FORMAT_H
#define REPORT_FORMAT_H

#include <openssl/evp.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "report.h"

struct report_scratch {
	pcre2_match_data *match_data;
	pcre2_match_context *match_context;
	pcre2_jit_stack *jit_stack;
	EVP_MD *sha256;
	EVP_MD_CTX *digest;
	EVP_MAC *hmac;
	EVP_MAC_CTX *mac;
};

struct report_pattern {
	pcre2_code *code;
	struct report_field *field;
	size_t field_count;
	/** which field is sitebound.nonce; field_count when none is */
	size_t nonce_field;
	/** a name with fewer labels left of the zone is partial */
	unsigned least_labels;
};

/* ---- decoders: each takes a name that is below the apex and was asked for in class IN with a
 * qtype that carries reports ---- */

/**
 * Decode an envelope.
 * @return REPORT_ACCEPTED, REPORT_PARTIAL, or REPORT_MALFORMED with *reason.
 */
enum report_outcome report_envelope_decode(const struct report_zone *zone,
					   struct report_scratch *scratch,
					   const struct sb_dname *qname, unsigned apex_label,
					   struct report_envelope *envelope,
					   enum report_reason *reason);

/**
 * The next label of an envelope: a value of type 31, "key=value".
 * @param end: where to end; not behind tlv_end.
 * @param at: where to begin, tlv_at at first; moved behind the label.
 * @return whether there is one.
 */
bool report_envelope_next_label(const struct report_envelope *envelope, size_t end, size_t *at,
				struct report_envelope_span *label);

/** An unsigned number of an envelope, big-endian; no octets are 0. */
uint64_t report_envelope_uint(const struct report_envelope *envelope, unsigned type);

/** Match a name with the zone's pattern; as report_envelope_decode(). */
enum report_outcome report_pattern_decode(const struct report_pattern *pattern,
					  struct report_scratch *scratch,
					  const struct sb_dname *qname, unsigned apex_label,
					  struct report_match *match, enum report_reason *reason);

/** Whether a matched name carries a nonce. */
bool report_pattern_has_nonce(const struct report_pattern *pattern,
			      const struct report_match *match);

/** Read a DNS error report (RFC 9567 section 6.1.1); as report_envelope_decode(). */
enum report_outcome report_er_decode(const struct sb_dname *qname, unsigned apex_label,
				     struct report_er *er, enum report_reason *reason);

/* ---- patterns ---- */

/** A match is given up after this many steps. */
#define REPORT_MATCH_LIMIT 10000

/**
 * Compile a pattern: without regard to case, anchored at both ends, JIT where the machine has it.
 * @param pattern: zeroed; code is set and must be freed with pcre2_code_free().
 * @param problem: on SB_EFORM, what is wrong with the text.
 * @return SB_OK, SB_EFORM or SB_ENOMEM.
 */
SB_MUST_CHECK enum sb_err report_pattern_compile(struct report_pattern *pattern, const char *text,
						 char *problem, size_t problem_room);

/** The match context of a thread, with the limits; NULL when memory is short. */
pcre2_match_context *report_match_context_new(pcre2_jit_stack *stack);

/** Octets of a stack for JIT-compiled patterns that are there from the beginning. */
#define REPORT_JIT_STACK_LEAST (32U << 10)

/** A stack for JIT-compiled patterns; NULL when memory is short. */
pcre2_jit_stack *report_jit_stack_new(void);

/** @param subject: the labels left of the zone as SB_TEXT_PATTERN. @return as pcre2_match(): above 0 is a match. */
int report_pattern_match(const struct report_pattern *pattern, const char *subject,
			 size_t subject_len, pcre2_match_data *data, pcre2_match_context *context);

/* ---- fields (ecs.c) ---- */

/** The version of the Elastic Common Schema whose field types are known. */
#define REPORT_ECS_VERSION "8.11.0"

/** The type of a field that a report may fill, by its dotted name. What is in no schema is a text. */
enum report_field_type report_field_type(const char *name);

/* ---- texts ---- */

/**
 * Copy text and make it valid UTF-8 without control characters: each ill-formed sequence (one per
 * maximal subpart, Unicode 15 section 3.9) and each of C0, DEL and C1 becomes U+FFFD.
 * @param to, room: room must be at least 3 * from_len.
 * @param changed: set when something was replaced, else left alone.
 * @return octets written; no final zero.
 */
size_t report_text_clean(const uint8_t *from, size_t from_len, char *to, size_t room,
			 bool *changed);

/** The longest beginning of clean text that is at most `most` octets and ends with a whole
 * character. */
size_t report_text_cut(const char *text, size_t text_len, size_t most);

/** The mnemonic of an RR type, or TYPEn (RFC 3597). */
const char *report_type_text(uint16_t type, char room[12]);

/** The registered purpose of an extended DNS error (RFC 8914 section 5.2), or NULL. */
const char *report_ede_text(uint16_t ede);

/** The word for error.type of an envelope, or "typeN". */
const char *report_error_type_text(uint64_t number, char room[32]);

/** The word for an enum value of type 7 (user_agent.os.type) or 10 (sitebound.access), or NULL. */
const char *report_os_type_text(uint64_t number);
const char *report_access_text(uint64_t number);

/** "envelope", "pattern", "rfc9567". */
const char *report_format_text(enum report_format format);

#endif
