/* SPDX-License-Identifier: BSD-3-Clause */
/* The envelope, version 1: base32 in labels, a stream of octets in it, TLVs in that. The checks
 * run in the order of enum report_reason, and the first that fails names the reason. */
#include "format.h"
#include "sitebound/envelope_encode.h"

#include <string.h>
#include <zlib.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

#define FLAG_MULTI_PART 0x80
#define FLAG_AUTHENTICATED 0x40
#define NONCE_LEN 4
#define CRC_LEN 4
#define MAC_LEN 8
#define SHA256_LEN 32

/** The value of a base32 character (RFC 4648 section 6), any case; 0xff for all others. */
static uint8_t base32_value(uint8_t c)
{
	/* the two cases of a letter differ in this bit; what becomes a letter by it is one */
	uint8_t letter = (uint8_t)((c | 0x20) - 'a');

	if (letter < 26)
		return letter;
	if (c >= '2' && c <= '7')
		return (uint8_t)(c - '2' + 26);
	return 0xff;
}

/** base32 of all labels left of the zone, behind the "e1". */
static enum report_reason read_base32(const struct sb_dname *qname, unsigned apex_label,
				      struct report_envelope *envelope)
{
	uint32_t bits = 0;
	unsigned bit_count = 0, i;
	size_t chars = 0;

	for (i = 0; i < apex_label; i++) {
		size_t label_len, j;
		const uint8_t *label = sb_dname_label(qname, i, &label_len);

		for (j = i == 0 ? 2 : 0; j < label_len; j++) {
			uint8_t value = base32_value(label[j]);

			if (value == 0xff)
				return REPORT_REASON_ALPHABET;
			chars++;
			bits = (bits << 5 | value) & 0xfff;
			bit_count += 5;
			if (bit_count >= 8) {
				bit_count -= 8;
				/* cannot happen: 253 characters are 158 octets */
				if (envelope->stream_len == REPORT_STREAM_MAX)
					return REPORT_REASON_LENGTH;
				envelope->stream[envelope->stream_len++] = (uint8_t)(bits >>
										     bit_count);
			}
		}
	}
	/* 1, 3 and 6 characters more than a multiple of 8 end in the middle of an octet */
	if (chars % 8 == 1 || chars % 8 == 3 || chars % 8 == 6)
		return REPORT_REASON_LENGTH;
	if ((bits & ((1U << bit_count) - 1)) != 0)
		return REPORT_REASON_PADDING;
	return REPORT_REASON_NONE;
}

static const struct report_key *find_key(const struct report_zone *zone, uint8_t id)
{
	size_t i;

	for (i = 0; i < zone->key_count; i++) {
		if (zone->keys[i].id == id)
			return &zone->keys[i];
	}
	return NULL;
}

/** HMAC-SHA-256 of the stream and the zone, cut to 8 octets, against the one that came. */
static bool mac_is_good(const struct report_zone *zone, const struct report_key *key,
			struct report_scratch *scratch, const struct report_envelope *envelope)
{
	char digest[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end()};
	size_t covered = envelope->stream_len - MAC_LEN, mac_len;
	uint8_t mac[SHA256_LEN];

	if (!EVP_MAC_init(scratch->mac, key->octet, key->len, params) ||
	    !EVP_MAC_update(scratch->mac, envelope->stream, covered) ||
	    !EVP_MAC_update(scratch->mac, (const uint8_t *)zone->text, zone->text_len) ||
	    !EVP_MAC_final(scratch->mac, mac, &mac_len, sizeof(mac)))
		return false;
	return CRYPTO_memcmp(mac, envelope->stream + covered, MAC_LEN) == 0;
}

/** Flags, part, key and check. @param tlv_at, tlv_end: where the TLVs are. */
static enum report_reason read_frame(const struct report_zone *zone, struct report_scratch *scratch,
				     struct report_envelope *envelope)
{
	const uint8_t *stream = envelope->stream;
	uint8_t at = 1 + NONCE_LEN, check_len = CRC_LEN;
	const uint8_t *check;
	const struct report_key *key = NULL;
	uint32_t crc;

	if (envelope->stream_len < at + check_len)
		return REPORT_REASON_SHORT;
	envelope->multi_part = (stream[0] & FLAG_MULTI_PART) != 0;
	envelope->authenticated = (stream[0] & FLAG_AUTHENTICATED) != 0;
	if ((stream[0] & ~(FLAG_MULTI_PART | FLAG_AUTHENTICATED)) != 0)
		return REPORT_REASON_FLAGS;
	if (envelope->authenticated)
		check_len = MAC_LEN;
	if (envelope->stream_len < at + envelope->multi_part + envelope->authenticated + check_len)
		return REPORT_REASON_SHORT;
	envelope->part_count = 1;
	if (envelope->multi_part) {
		envelope->part_index = stream[at] >> 4;
		envelope->part_count = (uint8_t)((stream[at] & 0x0f) + 1);
		if (envelope->part_index >= envelope->part_count)
			return REPORT_REASON_PART;
		at++;
	}
	if (envelope->authenticated) {
		key = find_key(zone, stream[at]);
		if (key == NULL)
			return REPORT_REASON_KEY;
		at++;
	}
	envelope->tlv_at = at;
	envelope->tlv_end = (uint8_t)(envelope->stream_len - check_len);
	if (key != NULL)
		return mac_is_good(zone, key, scratch, envelope) ? REPORT_REASON_NONE
								 : REPORT_REASON_MAC;
	crc = (uint32_t)crc32(0, stream, envelope->tlv_end);
	check = stream + envelope->tlv_end;
	if (check[0] != (uint8_t)(crc >> 24) || check[1] != (uint8_t)(crc >> 16) ||
	    check[2] != (uint8_t)(crc >> 8) || check[3] != (uint8_t)crc)
		return REPORT_REASON_CHECKSUM;
	return REPORT_REASON_NONE;
}

bool report_envelope_next_label(const struct report_envelope *envelope, size_t end, size_t *at,
				struct report_envelope_span *label)
{
	while (*at < end) {
		unsigned type = envelope->stream[*at] >> 3;
		uint8_t len = envelope->stream[*at] & 7;

		++*at;
		if (len == 7)
			len = envelope->stream[(*at)++];
		*label = (struct report_envelope_span){(uint8_t)*at, len};
		*at += len;
		if (type == SB_ENVELOPE_LABEL)
			return true;
	}
	return false;
}

/** Whether there was a label before this TLV that has the key of this value. */
static bool is_key_there(const struct report_envelope *envelope, size_t end, const uint8_t *value,
			 size_t value_len)
{
	size_t key_len = sb_envelope_label_key_len(value, value_len), at = envelope->tlv_at;
	struct report_envelope_span label;

	while (report_envelope_next_label(envelope, end, &at, &label)) {
		/* with the '=': equal length and equal octets */
		if (label.len > key_len &&
		    memcmp(envelope->stream + label.at, value, key_len + 1) == 0)
			return true;
	}
	return false;
}

uint64_t report_envelope_uint(const struct report_envelope *envelope, unsigned type)
{
	const struct report_envelope_span *span = &envelope->tlv[type];
	uint64_t number = 0;
	unsigned i;

	for (i = 0; i < span->len; i++)
		number = number << 8 | envelope->stream[span->at + i];
	return number;
}

static enum report_reason read_tlvs(struct report_envelope *envelope)
{
	const uint8_t *stream = envelope->stream;
	size_t at = envelope->tlv_at, end = envelope->tlv_end;
	uint32_t seen = 0;

	while (at < end) {
		unsigned type = stream[at] >> 3;
		size_t len = stream[at] & 7, most;
		size_t head = at++;
		uint32_t bit = 1U << type;

		if (type == 0)
			return REPORT_REASON_TLV_TYPE;
		if (len == 7) {
			if (at == end || stream[at] < 7)
				return REPORT_REASON_TLV_LENGTH;
			len = stream[at++];
		}
		if (len > end - at)
			return REPORT_REASON_TLV_LENGTH;
		if (!sb_envelope_is_value(type, stream + at, len))
			return REPORT_REASON_TLV_VALUE;
		if (type == SB_ENVELOPE_LABEL) {
			if (is_key_there(envelope, head, stream + at, len))
				return REPORT_REASON_TLV_DUPLICATE;
			at += len;
			continue;
		}
		if ((seen & bit) != 0)
			return REPORT_REASON_TLV_DUPLICATE;
		seen |= bit;
		envelope->tlv[type] = (struct report_envelope_span){(uint8_t)at, (uint8_t)len};
		at += len;
		if (sb_envelope_kind_of(type, &most) == SB_ENVELOPE_KIND_NONE ||
		    (type == SB_ENVELOPE_OS_TYPE &&
		     report_os_type_text(report_envelope_uint(envelope, type)) == NULL) ||
		    (type == SB_ENVELOPE_ACCESS &&
		     report_access_text(report_envelope_uint(envelope, type)) == NULL))
			envelope->unknown |= bit;
		else
			envelope->present |= bit;
	}
	/* 1 and 2 are two ways to write one field */
	if ((envelope->present & 6) == 6)
		return REPORT_REASON_TLV_DUPLICATE;
	if (envelope->part_index == 0 && (envelope->present & 6) == 0)
		return REPORT_REASON_NO_CODE;
	return REPORT_REASON_NONE;
}

enum report_outcome report_envelope_decode(const struct report_zone *zone,
					   struct report_scratch *scratch,
					   const struct sb_dname *qname, unsigned apex_label,
					   struct report_envelope *envelope,
					   enum report_reason *reason)
{
	size_t head_len;
	const uint8_t *head = sb_dname_label(qname, 0, &head_len);

	if (head_len < 2 || sb_lower(head[0]) != 'e' || !sb_envelope_is_digit(head[1]))
		return REPORT_PARTIAL;
	memset(envelope, 0, sizeof(*envelope));
	if (head[1] != '1') {
		*reason = REPORT_REASON_VERSION;
		return REPORT_MALFORMED;
	}
	*reason = read_base32(qname, apex_label, envelope);
	/* the grammar wants a character behind the "e1" */
	if (*reason == REPORT_REASON_NONE && head_len == 2)
		*reason = REPORT_REASON_SHORT;
	if (*reason == REPORT_REASON_NONE)
		*reason = read_frame(zone, scratch, envelope);
	if (*reason == REPORT_REASON_NONE)
		*reason = read_tlvs(envelope);
	return *reason == REPORT_REASON_NONE ? REPORT_ACCEPTED : REPORT_MALFORMED;
}
