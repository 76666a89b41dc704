/* SPDX-License-Identifier: BSD-3-Clause */
#include "format.h"
#include "sitebound/envelope_encode.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- UTF-8 ---- */

/** How many octets follow a lead octet, and the range of the first of them (Unicode 15, table
 * 3-7); 0 for an octet that leads nothing. */
static unsigned utf8_follow(uint8_t lead, uint8_t *least, uint8_t *most)
{
	*least = 0x80;
	*most = 0xbf;
	if (lead >= 0xc2 && lead <= 0xdf)
		return 1;
	if (lead >= 0xe0 && lead <= 0xef) {
		if (lead == 0xe0)
			*least = 0xa0;
		else if (lead == 0xed)
			*most = 0x9f;
		return 2;
	}
	if (lead >= 0xf0 && lead <= 0xf4) {
		if (lead == 0xf0)
			*least = 0x90;
		else if (lead == 0xf4)
			*most = 0x8f;
		return 3;
	}
	return 0;
}

size_t report_text_clean(const uint8_t *from, size_t from_len, char *to, size_t room, bool *changed)
{
	static const char replacement[3] = {(char)0xef, (char)0xbf, (char)0xbd};
	size_t at = 0, out = 0;

	while (at < from_len) {
		uint8_t lead = from[at], least, most;
		size_t used = 1;
		unsigned follow;
		bool good = false;

		/* most texts are nothing else */
		if (lead >= 0x20 && lead < 0x7f && out < room) {
			to[out++] = (char)lead;
			at++;
			continue;
		}
		follow = utf8_follow(lead, &least, &most);
		if (follow > 0) {
			while (used <= follow && at + used < from_len && from[at + used] >= least &&
			       from[at + used] <= most) {
				least = 0x80;
				most = 0xbf;
				used++;
			}
			/* C1 is U+0080..U+009F */
			good = used == follow + 1 && !(lead == 0xc2 && from[at + 1] < 0xa0);
		}
		if (out + (good ? used : 3) > room)
			break;
		if (good) {
			memcpy(to + out, from + at, used);
			out += used;
		} else {
			memcpy(to + out, replacement, 3);
			out += 3;
			*changed = true;
		}
		at += used;
	}
	return out;
}

size_t report_text_cut(const char *text, size_t text_len, size_t most)
{
	if (text_len <= most)
		return text_len;
	while (most > 0 && ((unsigned char)text[most] & 0xc0) == 0x80)
		most--;
	return most;
}

/* ---- words ---- */

const char *report_reason_text(enum report_reason reason)
{
	static const char *const words[REPORT_REASON_COUNT] = {
		[REPORT_REASON_NONE] = "",
		[REPORT_REASON_VERSION] = "version",
		[REPORT_REASON_ALPHABET] = "alphabet",
		[REPORT_REASON_LENGTH] = "length",
		[REPORT_REASON_PADDING] = "padding",
		[REPORT_REASON_SHORT] = "short",
		[REPORT_REASON_FLAGS] = "flags",
		[REPORT_REASON_PART] = "part",
		[REPORT_REASON_KEY] = "key",
		[REPORT_REASON_MAC] = "mac",
		[REPORT_REASON_CHECKSUM] = "checksum",
		[REPORT_REASON_TLV_TYPE] = "tlv-type",
		[REPORT_REASON_TLV_LENGTH] = "tlv-length",
		[REPORT_REASON_TLV_VALUE] = "tlv-value",
		[REPORT_REASON_TLV_DUPLICATE] = "tlv-duplicate",
		[REPORT_REASON_NO_CODE] = "no-code",
		[REPORT_REASON_PATTERN] = "pattern",
		[REPORT_REASON_PATTERN_LIMIT] = "pattern-limit",
		[REPORT_REASON_ER_SYNTAX] = "er-syntax",
	};

	return (unsigned)reason < REPORT_REASON_COUNT ? words[reason] : "";
}

const char *report_format_text(enum report_format format)
{
	static const char *const words[] = {
		[REPORT_ENVELOPE] = "envelope",
		[REPORT_PATTERN] = "pattern",
		[REPORT_RFC9567] = "rfc9567",
	};

	return words[format];
}

const char *report_type_text(uint16_t type, char room[12])
{
	/* IANA "Resource Record (RR) TYPEs" */
	static const char *const low[] = {
		NULL,	  "A",	   "NS",	 "MD",	     "MF",	"CNAME",      "SOA",
		"MB",	  "MG",	   "MR",	 "NULL",     "WKS",	"PTR",	      "HINFO",
		"MINFO",  "MX",	   "TXT",	 "RP",	     "AFSDB",	"X25",	      "ISDN",
		"RT",	  "NSAP",  "NSAP-PTR",	 "SIG",	     "KEY",	"PX",	      "GPOS",
		"AAAA",	  "LOC",   "NXT",	 "EID",	     "NIMLOC",	"SRV",	      "ATMA",
		"NAPTR",  "KX",	   "CERT",	 "A6",	     "DNAME",	"SINK",	      "OPT",
		"APL",	  "DS",	   "SSHFP",	 "IPSECKEY", "RRSIG",	"NSEC",	      "DNSKEY",
		"DHCID",  "NSEC3", "NSEC3PARAM", "TLSA",     "SMIMEA",	NULL,	      "HIP",
		"NINFO",  "RKEY",  "TALINK",	 "CDS",	     "CDNSKEY", "OPENPGPKEY", "CSYNC",
		"ZONEMD", "SVCB",  "HTTPS",	 "DSYNC",    "HHIT",	"BRID",
	};
	static const struct {
		uint16_t type;
		const char *text;
	} high[] = {
		{99, "SPF"},	  {100, "UINFO"},  {101, "UID"},   {102, "GID"},
		{103, "UNSPEC"},  {104, "NID"},	   {105, "L32"},   {106, "L64"},
		{107, "LP"},	  {108, "EUI48"},  {109, "EUI64"}, {128, "NXNAME"},
		{249, "TKEY"},	  {250, "TSIG"},   {251, "IXFR"},  {252, "AXFR"},
		{253, "MAILB"},	  {254, "MAILA"},  {255, "ANY"},   {256, "URI"},
		{257, "CAA"},	  {258, "AVC"},	   {259, "DOA"},   {260, "AMTRELAY"},
		{261, "RESINFO"}, {262, "WALLET"}, {263, "CLA"},   {264, "IPN"},
		{32768, "TA"},	  {32769, "DLV"},
	};
	size_t i;

	if (type < COUNT(low) && low[type] != NULL)
		return low[type];
	for (i = 0; i < COUNT(high); i++) {
		if (high[i].type == type)
			return high[i].text;
	}
	snprintf(room, 12, "TYPE%u", (unsigned)type);
	return room;
}

const char *report_ede_text(uint16_t ede)
{
	static const char *const purposes[] = {
		"Other Error",
		"Unsupported DNSKEY Algorithm",
		"Unsupported DS Digest Type",
		"Stale Answer",
		"Forged Answer",
		"DNSSEC Indeterminate",
		"DNSSEC Bogus",
		"Signature Expired",
		"Signature Not Yet Valid",
		"DNSKEY Missing",
		"RRSIGs Missing",
		"No Zone Key Bit Set",
		"NSEC Missing",
		"Cached Error",
		"Not Ready",
		"Blocked",
		"Censored",
		"Filtered",
		"Prohibited",
		"Stale NXDomain Answer",
		"Not Authoritative",
		"Not Supported",
		"No Reachable Authority",
		"Network Error",
		"Invalid Data",
		"Signature Expired before Valid",
		"Too Early",
		"Unsupported NSEC3 Iterations Value",
		"Unable to conform to policy",
		"Synthesized",
		"Invalid Query Type",
	};

	return ede < COUNT(purposes) ? purposes[ede] : NULL;
}

#define WORD(name, word) word,

const char *report_error_type_text(uint64_t number, char room[32])
{
	/* the types of the W3C's Network Error Logging, section 6 */
	static const char *const words[] = {SB_ENVELOPE_ERROR_TYPES(WORD)};

	if (number < COUNT(words))
		return words[number];
	snprintf(room, 32, "type%llu", (unsigned long long)number);
	return room;
}

const char *report_os_type_text(uint64_t number)
{
	static const char *const words[] = {NULL, SB_ENVELOPE_OS_TYPES(WORD)};

	return number < COUNT(words) ? words[number] : NULL;
}

const char *report_access_text(uint64_t number)
{
	static const char *const words[] = {NULL, SB_ENVELOPE_ACCESSES(WORD)};

	return number < COUNT(words) ? words[number] : NULL;
}
