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
 *     sb_envelope_uint(&report, SB_ENVELOPE_ERROR_TYPE, SB_ENVELOPE_ERROR_TCP_TIMED_OUT);
 *     sb_envelope_text(&report, SB_ENVELOPE_SERVICE, "login");
 *     if (sb_envelope_end(&report, "r.example.net", name, sizeof(name)) > 0)
 *             getaddrinfo(name, NULL, NULL, &result);
 *
 * With a key: sb_envelope_key() after sb_envelope_begin(), and sb_envelope_end_mac(). Functions
 * that return int return 0, or -1 when the value is not allowed or does not fit. A report with a
 * value that was refused gets no name: ending it returns 0.
 */
#ifndef SITEBOUND_ENVELOPE_ENCODE_H
#define SITEBOUND_ENVELOPE_ENCODE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/** Characters of the longest name with its final dot, and a zero. */
#define SB_ENVELOPE_NAME_MAX 256
/** Octets of the longest stream: what base32 in 253 characters holds. */
#define SB_ENVELOPE_STREAM_MAX 157
/** Octets of a key. */
#define SB_ENVELOPE_KEY_MIN 16
#define SB_ENVELOPE_KEY_MAX 64

/**
 * The TLV types: X(name, number, kind, most, field). This table is the format's definition; the
 * decoder is made of it, and the encoders in other languages are tested against it.
 * kind: how a value is written, see enum sb_envelope_kind.
 * most: octets that a value has at most.
 * field: what it becomes in the log line.
 */
#define SB_ENVELOPE_TYPES(X) \
	X(CODE_TEXT, 1, CODE, 32, "error.code") \
	X(CODE_NUMBER, 2, UINT, 4, "error.code") \
	X(ERROR_TYPE, 3, UINT, 4, "error.type") \
	X(SERVICE, 4, TEXT, 255, "service.name") \
	X(APP, 5, TEXT, 255, "user_agent.name") \
	X(APP_VERSION, 6, TEXT, 255, "user_agent.version") \
	X(OS_TYPE, 7, UINT, 4, "user_agent.os.type") \
	X(OS_VERSION, 8, TEXT, 255, "user_agent.os.version") \
	X(DEVICE, 9, TEXT, 255, "device.model.identifier") \
	X(ACCESS, 10, UINT, 4, "sitebound.access") \
	X(DURATION, 11, UINT, 4, "event.duration") \
	X(SERVER_IP, 12, ADDRESS, 16, "server.ip") \
	X(SERVER_PORT, 13, UINT, 2, "server.port") \
	X(STATUS, 14, UINT, 2, "http.response.status_code") \
	X(START, 15, UINT, 4, "event.start") \
	X(MESSAGE, 16, TEXT, 255, "error.message") \
	X(INSTALL_ID, 17, ID, 8, "sitebound.install_id") \
	X(SAMPLE_RATE, 18, UINT, 8, "sitebound.sample_rate") \
	X(COUNT, 19, UINT, 8, "sitebound.count") \
	X(COUNTRY, 20, COUNTRY, 2, "client.geo.country_iso_code") \
	X(SERVER_DOMAIN, 21, TEXT, 255, "server.domain") \
	X(ATTEMPT, 22, UINT, 2, "sitebound.attempt") \
	X(APPLICATION, 23, TEXT, 255, "network.application") \
	X(LABEL, 31, LABEL, 255, "labels.")

/** The words of error.type, numbered from 0: X(name, word). Other numbers are "typeN". */
#define SB_ENVELOPE_ERROR_TYPES(X) \
	X(UNKNOWN, "unknown") \
	X(OK, "ok") \
	X(ABANDONED, "abandoned") \
	X(DNS_UNREACHABLE, "dns.unreachable") \
	X(DNS_NAME_NOT_RESOLVED, "dns.name_not_resolved") \
	X(DNS_FAILED, "dns.failed") \
	X(DNS_ADDRESS_CHANGED, "dns.address_changed") \
	X(TCP_TIMED_OUT, "tcp.timed_out") \
	X(TCP_CLOSED, "tcp.closed") \
	X(TCP_RESET, "tcp.reset") \
	X(TCP_REFUSED, "tcp.refused") \
	X(TCP_ABORTED, "tcp.aborted") \
	X(TCP_ADDRESS_INVALID, "tcp.address_invalid") \
	X(TCP_ADDRESS_UNREACHABLE, "tcp.address_unreachable") \
	X(TCP_FAILED, "tcp.failed") \
	X(TLS_VERSION_OR_CIPHER_MISMATCH, "tls.version_or_cipher_mismatch") \
	X(TLS_BAD_CLIENT_AUTH_CERT, "tls.bad_client_auth_cert") \
	X(TLS_CERT_NAME_INVALID, "tls.cert.name_invalid") \
	X(TLS_CERT_DATE_INVALID, "tls.cert.date_invalid") \
	X(TLS_CERT_AUTHORITY_INVALID, "tls.cert.authority_invalid") \
	X(TLS_CERT_INVALID, "tls.cert.invalid") \
	X(TLS_CERT_REVOKED, "tls.cert.revoked") \
	X(TLS_CERT_PINNED_KEY_NOT_IN_CERT_CHAIN, "tls.cert.pinned_key_not_in_cert_chain") \
	X(TLS_PROTOCOL_ERROR, "tls.protocol.error") \
	X(TLS_FAILED, "tls.failed") \
	X(HTTP_ERROR, "http.error") \
	X(HTTP_PROTOCOL_ERROR, "http.protocol.error") \
	X(HTTP_RESPONSE_INVALID, "http.response.invalid") \
	X(HTTP_RESPONSE_REDIRECT_LOOP, "http.response.redirect_loop") \
	X(HTTP_FAILED, "http.failed")

/** The words of user_agent.os.type and sitebound.access, numbered from 1. */
#define SB_ENVELOPE_OS_TYPES(X) \
	X(LINUX, "linux") \
	X(MACOS, "macos") \
	X(WINDOWS, "windows") \
	X(IOS, "ios") \
	X(ANDROID, "android") \
	X(UNIX, "unix")
#define SB_ENVELOPE_ACCESSES(X) \
	X(WIFI, "wifi") \
	X(CELLULAR, "cellular") \
	X(ETHERNET, "ethernet") \
	X(VPN, "vpn") \
	X(OTHER, "other")

#define SB_ENVELOPE_ENUM_TYPE(name, number, kind, most, field) SB_ENVELOPE_##name = (number),
#define SB_ENVELOPE_ENUM_ERROR(name, word) SB_ENVELOPE_ERROR_##name,
#define SB_ENVELOPE_ENUM_OS(name, word) SB_ENVELOPE_OS_##name,
#define SB_ENVELOPE_ENUM_ACCESS(name, word) SB_ENVELOPE_ACCESS_##name,

enum sb_envelope_type { SB_ENVELOPE_TYPES(SB_ENVELOPE_ENUM_TYPE) SB_ENVELOPE_TYPE_COUNT = 32 };
enum sb_envelope_error { SB_ENVELOPE_ERROR_TYPES(SB_ENVELOPE_ENUM_ERROR) SB_ENVELOPE_ERROR_COUNT };
enum sb_envelope_os {
	SB_ENVELOPE_OS_NONE,
	SB_ENVELOPE_OS_TYPES(SB_ENVELOPE_ENUM_OS) SB_ENVELOPE_OS_COUNT
};
enum sb_envelope_access {
	SB_ENVELOPE_ACCESS_NONE,
	SB_ENVELOPE_ACCESSES(SB_ENVELOPE_ENUM_ACCESS) SB_ENVELOPE_ACCESS_COUNT
};

/** How the value of a type is written. */
enum sb_envelope_kind {
	/** not in the table: any octets */
	SB_ENVELOPE_KIND_NONE,
	/** [A-Za-z0-9._:-], at least one */
	SB_ENVELOPE_KIND_CODE,
	/** big-endian, no leading zero octet; below 2^63 */
	SB_ENVELOPE_KIND_UINT,
	/** UTF-8 */
	SB_ENVELOPE_KIND_TEXT,
	/** 4 or 16 octets in network order */
	SB_ENVELOPE_KIND_ADDRESS,
	/** 4 to 8 octets */
	SB_ENVELOPE_KIND_ID,
	/** two letters */
	SB_ENVELOPE_KIND_COUNTRY,
	/** key=value, key [a-z][a-z0-9_]{0,15}, no key twice */
	SB_ENVELOPE_KIND_LABEL
};

/** A report in the making. */
struct sb_envelope {
	uint8_t stream[SB_ENVELOPE_STREAM_MAX];
	size_t len;
	/** how much of stream comes before the first TLV */
	size_t head_len;
	/** bit N: type N is there */
	uint32_t present;
	/** something was refused: the report gets no name */
	int refused;
};

/**
 * HMAC-SHA-256, given by the application. With OpenSSL:
 * HMAC(EVP_sha256(), key, (int)key_len, data, data_len, mac, NULL) != NULL ? 0 : -1
 * @return 0, or anything else when it failed.
 */
typedef int sb_envelope_hmac(const void *key, size_t key_len, const uint8_t *data, size_t data_len,
			     uint8_t mac[32]);

/* ---- what values are allowed: the decoder asks the same ---- */

static inline int sb_envelope_is_lower(uint8_t c)
{
	return c >= 'a' && c <= 'z';
}

static inline int sb_envelope_is_letter(uint8_t c)
{
	return sb_envelope_is_lower(c) || (c >= 'A' && c <= 'Z');
}

static inline int sb_envelope_is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/** The kind of a type, and octets that its value may have. */
static inline enum sb_envelope_kind sb_envelope_kind_of(unsigned type, size_t *most)
{
#define SB_ENVELOPE_CASE(name, number, kind, octets, field) \
	case (number): \
		*most = (octets); \
		return SB_ENVELOPE_KIND_##kind;
	switch (type) {
		SB_ENVELOPE_TYPES(SB_ENVELOPE_CASE)
	default:
		break;
	}
#undef SB_ENVELOPE_CASE
	*most = 255;
	return SB_ENVELOPE_KIND_NONE;
}

/** The length of the key of "key=value"; 0 when it is not good. */
static inline size_t sb_envelope_label_key_len(const uint8_t *value, size_t value_len)
{
	size_t i;

	if (value_len == 0 || !sb_envelope_is_lower(value[0]))
		return 0;
	for (i = 1; i < value_len && i <= 16; i++) {
		if (value[i] == '=')
			return i;
		if (!sb_envelope_is_lower(value[i]) && !sb_envelope_is_digit(value[i]) &&
		    value[i] != '_')
			return 0;
	}
	return 0;
}

/** Whether octets are a value of the type. */
static inline int sb_envelope_is_value(unsigned type, const uint8_t *value, size_t value_len)
{
	size_t most, i;

	switch (sb_envelope_kind_of(type, &most)) {
	case SB_ENVELOPE_KIND_CODE:
		for (i = 0; i < value_len; i++) {
			if (!sb_envelope_is_letter(value[i]) && !sb_envelope_is_digit(value[i]) &&
			    value[i] != '.' && value[i] != '_' && value[i] != ':' &&
			    value[i] != '-')
				return 0;
		}
		return value_len >= 1 && value_len <= most;
	case SB_ENVELOPE_KIND_UINT:
		return value_len <= most && (value_len < 2 || value[0] != 0) &&
		       (value_len < 8 || value[0] < 0x80);
	case SB_ENVELOPE_KIND_ADDRESS:
		return value_len == 4 || value_len == 16;
	case SB_ENVELOPE_KIND_ID:
		return value_len >= 4 && value_len <= most;
	case SB_ENVELOPE_KIND_COUNTRY:
		return value_len == 2 && sb_envelope_is_letter(value[0]) &&
		       sb_envelope_is_letter(value[1]);
	case SB_ENVELOPE_KIND_LABEL:
		return sb_envelope_label_key_len(value, value_len) > 0;
	case SB_ENVELOPE_KIND_TEXT:
	case SB_ENVELOPE_KIND_NONE:
		break;
	}
	return 1;
}

/* ---- making a report ---- */

/** Begin a report. @param nonce: random, and new for each report; the same for its parts. */
static inline void sb_envelope_begin(struct sb_envelope *report, uint32_t nonce)
{
	report->stream[0] = 0;
	report->stream[1] = (uint8_t)(nonce >> 24);
	report->stream[2] = (uint8_t)(nonce >> 16);
	report->stream[3] = (uint8_t)(nonce >> 8);
	report->stream[4] = (uint8_t)nonce;
	report->len = report->head_len = 5;
	report->present = 0;
	report->refused = 0;
}

/** Remember that something was refused. @return -1. */
static inline int sb_envelope_refuse(struct sb_envelope *report)
{
	report->refused = 1;
	return -1;
}

/** Make it part `index` (from 0) of `total` (at most 16); part 0 has the code. Right after
 * sb_envelope_begin(). */
static inline int sb_envelope_part(struct sb_envelope *report, unsigned index, unsigned total)
{
	if (report->len != 5 || total < 1 || total > 16 || index >= total)
		return sb_envelope_refuse(report);
	report->stream[0] |= 0x80;
	report->stream[report->len++] = (uint8_t)(index << 4 | (total - 1));
	report->head_len = report->len;
	return 0;
}

/** Say which key the MAC is made with. Before the first value. */
static inline int sb_envelope_key(struct sb_envelope *report, unsigned key_id)
{
	if (report->len != report->head_len || (report->stream[0] & 0x40) != 0 || key_id > 255)
		return sb_envelope_refuse(report);
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

/** Whether a label with the same key is there. */
static inline int sb_envelope_has_label(const struct sb_envelope *report, const uint8_t *value,
					size_t value_len)
{
	size_t key_len = sb_envelope_label_key_len(value, value_len), at = report->head_len, len;
	unsigned type;

	while (at < report->len) {
		type = report->stream[at] >> 3;
		len = report->stream[at++] & 7;
		if (len == 7)
			len = report->stream[at++];
		if (type == SB_ENVELOPE_LABEL && len > key_len &&
		    memcmp(report->stream + at, value, key_len + 1) == 0)
			return 1;
		at += len;
	}
	return 0;
}

/** Add a value as it is sent: a number in big-endian octets, an address in network order. Types
 * that are not in the table are for what comes after this version. */
static inline int sb_envelope_octets(struct sb_envelope *report, unsigned type, const void *value,
				     size_t value_len)
{
	const uint8_t *octets = (const uint8_t *)value;
	size_t head = value_len < 7 ? 1 : 2;
	uint32_t bit;

	if (type < 1 || type > 31 || value_len > 255 ||
	    report->len + head + value_len + sb_envelope_check_len(report) >
		    SB_ENVELOPE_STREAM_MAX ||
	    !sb_envelope_is_value(type, octets, value_len))
		return sb_envelope_refuse(report);
	bit = (uint32_t)1 << type;
	if (type == SB_ENVELOPE_LABEL ? sb_envelope_has_label(report, octets, value_len)
				      : (report->present & bit) != 0)
		return sb_envelope_refuse(report);
	/* two ways to send one field */
	if ((type == SB_ENVELOPE_CODE_TEXT || type == SB_ENVELOPE_CODE_NUMBER) &&
	    (report->present & (1U << SB_ENVELOPE_CODE_TEXT | 1U << SB_ENVELOPE_CODE_NUMBER)) != 0)
		return sb_envelope_refuse(report);
	report->present |= bit;
	report->stream[report->len++] = (uint8_t)(type << 3 | (value_len < 7 ? value_len : 7));
	if (head == 2)
		report->stream[report->len++] = (uint8_t)value_len;
	if (value_len > 0)
		memcpy(report->stream + report->len, octets, value_len);
	report->len += value_len;
	return 0;
}

/** Whether a text is well-formed UTF-8. */
static inline int sb_envelope_is_utf8(const char *text)
{
	const uint8_t *at = (const uint8_t *)text;

	while (*at != 0) {
		uint8_t lead = *at++;
		unsigned follow = lead < 0x80 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
		/* of the second octet: nothing too long, no surrogates, nothing above U+10FFFF */
		uint8_t least = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
		uint8_t most = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;

		if ((lead >= 0x80 && lead < 0xc2) || lead > 0xf4)
			return 0;
		for (; follow > 0; follow--) {
			if (*at < least || *at > most)
				return 0;
			at++;
			least = 0x80;
			most = 0xbf;
		}
	}
	return 1;
}

/** Add a text, UTF-8. Not for types that are no text. */
static inline int sb_envelope_text(struct sb_envelope *report, unsigned type, const char *text)
{
	size_t most;
	enum sb_envelope_kind kind = sb_envelope_kind_of(type, &most);

	if (text == NULL || !sb_envelope_is_utf8(text) ||
	    (kind != SB_ENVELOPE_KIND_TEXT && kind != SB_ENVELOPE_KIND_CODE &&
	     kind != SB_ENVELOPE_KIND_COUNTRY))
		return sb_envelope_refuse(report);
	return sb_envelope_octets(report, type, text, strlen(text));
}

/** Add a number. Not for types that are no number. A negative error code is a text. */
static inline int sb_envelope_uint(struct sb_envelope *report, unsigned type, uint64_t number)
{
	uint8_t octets[8];
	size_t at = sizeof(octets), most;

	if (sb_envelope_kind_of(type, &most) != SB_ENVELOPE_KIND_UINT)
		return sb_envelope_refuse(report);
	while (number > 0) {
		octets[--at] = (uint8_t)number;
		number >>= 8;
	}
	return sb_envelope_octets(report, type, octets + at, sizeof(octets) - at);
}

/** Add a label of your own. @param key: [a-z][a-z0-9_]{0,15}, not used before in this report. */
static inline int sb_envelope_label(struct sb_envelope *report, const char *key, const char *value)
{
	char both[16 + 1 + 255];
	size_t key_len, value_len;

	if (key == NULL || value == NULL || !sb_envelope_is_utf8(value))
		return sb_envelope_refuse(report);
	key_len = strlen(key);
	value_len = strlen(value);
	if (key_len > 16 || value_len > 255 - 1 - key_len || strchr(key, '=') != NULL)
		return sb_envelope_refuse(report);
	(void)snprintf(both, sizeof(both), "%s=%s", key, value);
	return sb_envelope_octets(report, SB_ENVELOPE_LABEL, both, key_len + 1 + value_len);
}

/** Length of a zone's text without its final dot; 0 when it is no domain name of letters, digits,
 * '-' and '_'. */
static inline size_t sb_envelope_zone_len(const char *zone)
{
	size_t zone_len = zone == NULL ? 0 : strlen(zone), label_len = 0, i;

	if (zone_len > 0 && zone[zone_len - 1] == '.')
		zone_len--;
	if (zone_len > 253)
		return 0;
	for (i = 0; i < zone_len; i++) {
		uint8_t c = (uint8_t)zone[i];

		if (c == '.' && label_len > 0)
			label_len = 0;
		else if ((sb_envelope_is_letter(c) || sb_envelope_is_digit(c) || c == '-' ||
			  c == '_') &&
			 label_len < 63)
			label_len++;
		else
			return 0;
	}
	return label_len > 0 ? zone_len : 0;
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
	if (zone_len == 0 || zone_len > 200)
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

/** Whether a report may be ended: nothing was refused, the first part has a code, and the zone is
 * a domain name. */
static inline int sb_envelope_is_whole(const struct sb_envelope *report, const char *zone)
{
	int first = (report->stream[0] & 0x80) == 0 || report->stream[5] >> 4 == 0;

	return !report->refused && sb_envelope_zone_len(zone) > 0 &&
	       (!first || (report->present &
			   (1U << SB_ENVELOPE_CODE_TEXT | 1U << SB_ENVELOPE_CODE_NUMBER)) != 0);
}

/**
 * End a report without a key and write its name.
 * @param zone: the report zone, with or without final dot.
 * @param name, room: the name with its final dot and a zero; SB_ENVELOPE_NAME_MAX is enough.
 * @return characters of the name; 0 when it does not fit, a value was refused, the code is
 *	missing, zone is no domain name, or a key was named.
 */
static inline size_t sb_envelope_end(struct sb_envelope *report, const char *zone, char *name,
				     size_t room)
{
	uint32_t crc = 0xffffffffU;
	size_t i, written;
	int bit;

	if ((report->stream[0] & 0x40) != 0 || !sb_envelope_is_whole(report, zone))
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
 * @param key, key_len: SB_ENVELOPE_KEY_MIN to SB_ENVELOPE_KEY_MAX octets.
 * @return as sb_envelope_end(); 0 also when hmac failed or no key was named.
 */
static inline size_t sb_envelope_end_mac(struct sb_envelope *report, const char *zone,
					 sb_envelope_hmac *hmac, const void *key, size_t key_len,
					 char *name, size_t room)
{
	uint8_t covered[SB_ENVELOPE_STREAM_MAX + 254], mac[32];
	size_t zone_len = sb_envelope_zone_len(zone), i, written;

	if ((report->stream[0] & 0x40) == 0 || key_len < SB_ENVELOPE_KEY_MIN ||
	    key_len > SB_ENVELOPE_KEY_MAX || !sb_envelope_is_whole(report, zone))
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
