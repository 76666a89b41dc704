/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Encode a client error report as a DNS name (envelope, version 1). One header, no library, C99
 * or C++, no allocation: copy it into an application. Asking for the name is the application's:
 * getaddrinfo() does it.
 *
 *     struct sb_envelope report;
 *     char name[SB_ENVELOPE_NAME_MAX];
 *
 *     sb_envelope_begin(&report, nonce);                    four random octets, new for each report
 *     sb_envelope_uint(&report, SB_ENVELOPE_CODE_NUMBER, 1407);
 *     sb_envelope_uint(&report, SB_ENVELOPE_ERROR_TYPE, 7);             tcp.timed_out
 *     sb_envelope_text(&report, SB_ENVELOPE_SERVICE, "login");
 *     if (sb_envelope_end(&report, "r.example.net", name, sizeof(name)) > 0)
 *             getaddrinfo(name, NULL, NULL, &result);
 *
 * With a key: sb_envelope_key() after sb_envelope_begin(), and sb_envelope_end_mac(). Functions
 * that return int return 0, or -1 when the value is not allowed or does not fit; the report is
 * as it was before then, and may go on.
 */
#ifndef SITEBOUND_ENVELOPE_ENCODE_H
#define SITEBOUND_ENVELOPE_ENCODE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** Characters of the longest name with its final dot, and a zero. */
#define SB_ENVELOPE_NAME_MAX 256
/** Octets of the longest stream: what base32 in 253 characters holds. */
#define SB_ENVELOPE_STREAM_MAX 157

/** TLV types and the field of the log line that each becomes. */
enum sb_envelope_type {
	/** error.code as text, [A-Za-z0-9._:-]{1,32}; or the next one, not both */
	SB_ENVELOPE_CODE_TEXT = 1,
	/** error.code as a number, at most 2^32-1 */
	SB_ENVELOPE_CODE_NUMBER = 2,
	/** error.type: a number of the list in README.md */
	SB_ENVELOPE_ERROR_TYPE = 3,
	SB_ENVELOPE_SERVICE = 4,
	SB_ENVELOPE_APP = 5,
	SB_ENVELOPE_APP_VERSION = 6,
	/** 1 linux 2 macos 3 windows 4 ios 5 android 6 unix */
	SB_ENVELOPE_OS_TYPE = 7,
	SB_ENVELOPE_OS_VERSION = 8,
	SB_ENVELOPE_DEVICE = 9,
	/** 1 wifi 2 cellular 3 ethernet 4 vpn 5 other */
	SB_ENVELOPE_ACCESS = 10,
	/** milliseconds */
	SB_ENVELOPE_DURATION = 11,
	/** 4 or 16 octets in network order; sb_envelope_octets() */
	SB_ENVELOPE_SERVER_IP = 12,
	SB_ENVELOPE_SERVER_PORT = 13,
	SB_ENVELOPE_STATUS = 14,
	/** Unix seconds */
	SB_ENVELOPE_START = 15,
	SB_ENVELOPE_MESSAGE = 16,
	/** 4 to 8 octets; sb_envelope_octets() */
	SB_ENVELOPE_INSTALL_ID = 17,
	/** N: one of N errors is reported */
	SB_ENVELOPE_SAMPLE_RATE = 18,
	SB_ENVELOPE_COUNT = 19,
	/** two letters */
	SB_ENVELOPE_COUNTRY = 20,
	SB_ENVELOPE_SERVER_DOMAIN = 21,
	SB_ENVELOPE_ATTEMPT = 22,
	SB_ENVELOPE_APPLICATION = 23,
	/** key=value; sb_envelope_label() */
	SB_ENVELOPE_LABEL = 31
};

/** A report in the making. */
struct sb_envelope {
	uint8_t stream[SB_ENVELOPE_STREAM_MAX];
	size_t len;
	/** how much of stream comes before the first TLV */
	size_t head_len;
};

/**
 * HMAC-SHA-256, given by the application. With OpenSSL:
 * HMAC(EVP_sha256(), key, (int)key_len, data, data_len, mac, NULL) != NULL ? 0 : -1
 * @return 0, or anything else when it failed.
 */
typedef int sb_envelope_hmac(const void *key, size_t key_len, const uint8_t *data, size_t data_len,
			     uint8_t mac[32]);

/** Begin a report. @param nonce: random, and new for each report; the same for its parts. */
static inline void sb_envelope_begin(struct sb_envelope *report, uint32_t nonce)
{
	report->stream[0] = 0;
	report->stream[1] = (uint8_t)(nonce >> 24);
	report->stream[2] = (uint8_t)(nonce >> 16);
	report->stream[3] = (uint8_t)(nonce >> 8);
	report->stream[4] = (uint8_t)nonce;
	report->len = report->head_len = 5;
}

/** Make it part `index` (from 0) of `total` (at most 16); part 0 has the code. Right after
 * sb_envelope_begin(). */
static inline int sb_envelope_part(struct sb_envelope *report, unsigned index, unsigned total)
{
	if (report->len != 5 || total < 1 || total > 16 || index >= total)
		return -1;
	report->stream[0] |= 0x80;
	report->stream[report->len++] = (uint8_t)(index << 4 | (total - 1));
	report->head_len = report->len;
	return 0;
}

/** Say which key the MAC is made with. Before the first value. */
static inline int sb_envelope_key(struct sb_envelope *report, unsigned key_id)
{
	if (report->len != report->head_len || (report->stream[0] & 0x40) != 0 || key_id > 255)
		return -1;
	report->stream[0] |= 0x40;
	report->stream[report->len++] = (uint8_t)key_id;
	report->head_len = report->len;
	return 0;
}

/** Octets of the check at the end. */
static inline size_t sb_envelope_check_len(const struct sb_envelope *report)
{
	return (report->stream[0] & 0x40) != 0 ? 8 : 4;
}

/** Add a value as it is. */
static inline int sb_envelope_octets(struct sb_envelope *report, unsigned type, const void *value,
				     size_t value_len)
{
	size_t head = value_len < 7 ? 1 : 2;

	if (type < 1 || type > 31 || value_len > 255 ||
	    report->len + head + value_len + sb_envelope_check_len(report) > SB_ENVELOPE_STREAM_MAX)
		return -1;
	report->stream[report->len++] = (uint8_t)(type << 3 | (value_len < 7 ? value_len : 7));
	if (head == 2)
		report->stream[report->len++] = (uint8_t)value_len;
	if (value_len > 0)
		memcpy(report->stream + report->len, value, value_len);
	report->len += value_len;
	return 0;
}

static inline int sb_envelope_is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline int sb_envelope_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/** Whether an error.code may be sent as text. */
static inline int sb_envelope_is_code(const char *text)
{
	size_t len = strlen(text), i;

	for (i = 0; i < len; i++) {
		if (!sb_envelope_is_letter(text[i]) && !sb_envelope_is_digit(text[i]) &&
		    strchr("._:-", text[i]) == NULL)
			return 0;
	}
	return len >= 1 && len <= 32;
}

/** Add a text, UTF-8. */
static inline int sb_envelope_text(struct sb_envelope *report, unsigned type, const char *text)
{
	size_t len = strlen(text);

	if (type == SB_ENVELOPE_CODE_TEXT && !sb_envelope_is_code(text))
		return -1;
	if (type == SB_ENVELOPE_COUNTRY &&
	    (len != 2 || !sb_envelope_is_letter(text[0]) || !sb_envelope_is_letter(text[1])))
		return -1;
	return sb_envelope_octets(report, type, text, len);
}

/** Octets that a number of a type may have. */
static inline size_t sb_envelope_uint_most(unsigned type)
{
	switch (type) {
	case SB_ENVELOPE_SERVER_PORT:
	case SB_ENVELOPE_STATUS:
	case SB_ENVELOPE_ATTEMPT:
		return 2;
	case SB_ENVELOPE_SAMPLE_RATE:
	case SB_ENVELOPE_COUNT:
		return 7;
	default:
		return 4;
	}
}

/** Add a number. */
static inline int sb_envelope_uint(struct sb_envelope *report, unsigned type, uint64_t number)
{
	uint8_t octets[8];
	size_t at = sizeof(octets);

	while (number > 0) {
		octets[--at] = (uint8_t)number;
		number >>= 8;
	}
	if (sizeof(octets) - at > sb_envelope_uint_most(type))
		return -1;
	return sb_envelope_octets(report, type, octets + at, sizeof(octets) - at);
}

/** Add a label of your own. @param key: [a-z][a-z0-9_]{0,15}, not used before in this report. */
static inline int sb_envelope_label(struct sb_envelope *report, const char *key, const char *value)
{
	char both[16 + 1 + 255];
	size_t key_len = strlen(key), value_len = strlen(value), i;

	if (key_len < 1 || key_len > 16 || value_len > 255 - 1 - key_len || key[0] < 'a' ||
	    key[0] > 'z')
		return -1;
	for (i = 0; i < key_len; i++) {
		if (!(key[i] >= 'a' && key[i] <= 'z') && !sb_envelope_is_digit(key[i]) &&
		    key[i] != '_')
			return -1;
	}
	memcpy(both, key, key_len);
	both[key_len] = '=';
	memcpy(both + key_len + 1, value, value_len);
	return sb_envelope_octets(report, SB_ENVELOPE_LABEL, both, key_len + 1 + value_len);
}

/** Length of a zone's text without its final dot. */
static inline size_t sb_envelope_zone_len(const char *zone)
{
	size_t zone_len = strlen(zone);

	return zone_len > 0 && zone[zone_len - 1] == '.' ? zone_len - 1 : zone_len;
}

/**
 * Octets that values may still take (each with one octet of its own, two from a length of 7 on)
 * for the name to fit in front of this zone. Cut the error.message by it.
 */
static inline size_t sb_envelope_room(const struct sb_envelope *report, const char *zone)
{
	size_t zone_len = sb_envelope_zone_len(zone), chars, used;

	/* 253 without the final dot; a dot for each 62 characters, so that moving one character
	 * to the next label never makes the name longer than this */
	if (zone_len > 200)
		return 0;
	chars = 253 - 1 - zone_len;
	chars -= (chars + 61) / 62 - 1;
	used = report->len + sb_envelope_check_len(report);
	chars = (chars - 2) * 5 / 8;
	return chars > used ? chars - used : 0;
}

/** The stream is whole: write "e1", base32 in labels, the zone and the final dot. @return
 * characters, or 0 when it does not fit. */
static inline size_t sb_envelope_write(const struct sb_envelope *report, const char *zone,
				       char *name, size_t room)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
	char text[2 + (SB_ENVELOPE_STREAM_MAX * 8 + 4) / 5] = {'e', '1'};
	size_t zone_len = sb_envelope_zone_len(zone), len = 2, from = 0, at = 0, i;
	unsigned bits = 0, bit_count = 0;

	for (i = 0; i < report->len; i++) {
		bits = (bits << 8 | report->stream[i]) & 0xffff;
		for (bit_count += 8; bit_count >= 5; bit_count -= 5)
			text[len++] = alphabet[bits >> (bit_count - 5) & 31];
	}
	if (bit_count > 0)
		text[len++] = alphabet[bits << (5 - bit_count) & 31];
	if (zone_len == 0)
		return 0;
	while (from < len) {
		size_t label_len = len - from < 63 ? len - from : 63, next = from + label_len;

		/* a resolver may ask for the labels on the right alone, and a name that begins
		 * with 'e' and a digit looks like a whole report */
		if (next + 1 < len && text[next] == 'e' && text[next + 1] >= '0' &&
		    text[next + 1] <= '9')
			label_len--;
		if (at + label_len + 1 + zone_len + 2 > room || at + label_len + 1 + zone_len > 253)
			return 0;
		memcpy(name + at, text + from, label_len);
		at += label_len;
		name[at++] = '.';
		from += label_len;
	}
	memcpy(name + at, zone, zone_len);
	at += zone_len;
	name[at++] = '.';
	name[at] = '\0';
	return at;
}

/**
 * End a report without a key and write its name.
 * @param zone: the report zone, with or without final dot.
 * @param name, room: the name with its final dot and a zero; SB_ENVELOPE_NAME_MAX is enough.
 * @return characters of the name; 0 when it does not fit, or a key was named.
 */
static inline size_t sb_envelope_end(struct sb_envelope *report, const char *zone, char *name,
				     size_t room)
{
	uint32_t crc = 0xffffffffU;
	size_t i, written;
	int bit;

	if ((report->stream[0] & 0x40) != 0)
		return 0;
	for (i = 0; i < report->len; i++) {
		crc ^= report->stream[i];
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320U : 0);
	}
	crc = ~crc;
	report->stream[report->len] = (uint8_t)(crc >> 24);
	report->stream[report->len + 1] = (uint8_t)(crc >> 16);
	report->stream[report->len + 2] = (uint8_t)(crc >> 8);
	report->stream[report->len + 3] = (uint8_t)crc;
	report->len += 4;
	written = sb_envelope_write(report, zone, name, room);
	report->len -= 4;
	return written;
}

/**
 * End a report with the key that sb_envelope_key() named and write its name.
 * @param hmac: HMAC-SHA-256.
 * @return as sb_envelope_end(); 0 also when hmac failed or no key was named.
 */
static inline size_t sb_envelope_end_mac(struct sb_envelope *report, const char *zone,
					 sb_envelope_hmac *hmac, const void *key, size_t key_len,
					 char *name, size_t room)
{
	uint8_t covered[SB_ENVELOPE_STREAM_MAX + 254], mac[32];
	size_t zone_len = sb_envelope_zone_len(zone), i, written;

	if ((report->stream[0] & 0x40) == 0 || zone_len > 253)
		return 0;
	memcpy(covered, report->stream, report->len);
	for (i = 0; i < zone_len; i++)
		covered[report->len + i] = (uint8_t)(zone[i] >= 'A' && zone[i] <= 'Z'
							     ? zone[i] + ('a' - 'A')
							     : zone[i]);
	if (hmac(key, key_len, covered, report->len + zone_len, mac) != 0)
		return 0;
	memcpy(report->stream + report->len, mac, 8);
	report->len += 8;
	written = sb_envelope_write(report, zone, name, room);
	report->len -= 8;
	return written;
}

#endif
