/* SPDX-License-Identifier: BSD-3-Clause */
/* The envelope at its edges: each TLV type, each check, and how the labels are cut. */
#include <zlib.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "report_testing.h"

static const uint8_t zone_wire[] = "\001r\007example\003net";

/** Hexadecimal digits, spaces between them, to octets. */
static size_t from_hex(const char *hex, uint8_t *octets)
{
	size_t len = 0;
	unsigned octet;

	for (; *hex != '\0'; hex += *hex == ' ' ? 1 : 2) {
		if (*hex == ' ')
			continue;
		assert_int_equal(sscanf(hex, "%2x", &octet), 1);
		octets[len++] = (uint8_t)octet;
	}
	return len;
}

/** "e1" and base32 of the stream, cut into labels of the given size, and the zone. */
static size_t to_wire(const uint8_t *stream, size_t stream_len, size_t label_size, uint8_t *wire)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
	char text[300] = "e1";
	size_t len = 2, at = 0, i;
	unsigned bits = 0, bit_count = 0;

	for (i = 0; i < stream_len; i++) {
		bits = bits << 8 | stream[i];
		for (bit_count += 8; bit_count >= 5; bit_count -= 5)
			text[len++] = alphabet[bits >> (bit_count - 5) & 31];
		bits &= 0xff;
	}
	if (bit_count > 0)
		text[len++] = alphabet[bits << (5 - bit_count) & 31];
	for (i = 0; i < len; i += label_size) {
		size_t label_len = len - i < label_size ? len - i : label_size;

		wire[at++] = (uint8_t)label_len;
		memcpy(wire + at, text + i, label_len);
		at += label_len;
	}
	memcpy(wire + at, zone_wire, sizeof(zone_wire));
	at += sizeof(zone_wire);
	assert_true(at <= SB_DNAME_MAX);
	return at;
}

static size_t add_crc(uint8_t *stream, size_t len)
{
	uint32_t crc = (uint32_t)crc32(0, stream, (uInt)len);

	stream[len] = (uint8_t)(crc >> 24);
	stream[len + 1] = (uint8_t)(crc >> 16);
	stream[len + 2] = (uint8_t)(crc >> 8);
	stream[len + 3] = (uint8_t)crc;
	return len + 4;
}

#define NONCE "01020304 "
/** A whole report of one part; with code 5. */
#define OK "00 " NONCE "1105 "

static const struct {
	const char *id;
	/** everything before the check */
	const char *hex;
	/** of a malformed one */
	const char *reason;
	/** of an accepted one: a field and its JSON */
	const char *name, *json;
} rows[] = {
	{"least", "00" NONCE "10", NULL, "error.code", "\"0\""},
	{"zero-octet", "00" NONCE "1100", NULL, "error.code", "\"0\""},
	{"code-2-most", "00" NONCE "14ffffffff", NULL, "error.code", "\"4294967295\""},
	{"code-2-long", "00" NONCE "150100000000", "tlv-value", NULL, NULL},
	{"code-2-leading-zero", "00" NONCE "120007", "tlv-value", NULL, NULL},
	{"code-1-empty", "00" NONCE "08", "tlv-value", NULL, NULL},
	{"code-1-least", "00" NONCE "0941", NULL, "error.code", "\"A\""},
	{"code-1-all", "00" NONCE "0f08 417a392e5f3a2d30", NULL, "error.code", "\"Az9._:-0\""},
	{"code-1-32",
	 "00" NONCE "0f20 6161616161616161616161616161616161616161616161616161616161616161", NULL,
	 "error.code", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\""},
	{"code-1-33",
	 "00" NONCE "0f21 616161616161616161616161616161616161616161616161616161616161616161",
	 "tlv-value", NULL, NULL},
	{"code-1-slash", "00" NONCE "0b612f62", "tlv-value", NULL, NULL},
	{"code-1-utf8", "00" NONCE "0ac3b6", "tlv-value", NULL, NULL},
	{"code-twice", "00" NONCE "1105 1105", "tlv-duplicate", NULL, NULL},
	{"code-1-and-2", "00" NONCE "0941 1105", "tlv-duplicate", NULL, NULL},
	{"no-tlv", "00" NONCE, "no-code", NULL, NULL},
	{"text-only", "00" NONCE "2161", "no-code", NULL, NULL},
	{"type-0", OK "00", "tlv-type", NULL, NULL},
	{"type-0-with-value", OK "0361626364", "tlv-type", NULL, NULL},
	{"len-beyond", OK "2261", "tlv-length", NULL, NULL},
	{"len-7-nothing", OK "27", "tlv-length", NULL, NULL},
	{"len-7-is-6", OK "2706616263646566", "tlv-length", NULL, NULL},
	{"len-7-is-0", OK "2700", "tlv-length", NULL, NULL},
	{"len-7-is-7", OK "270761626364656667", NULL, "service.name", "\"abcdefg\""},
	{"len-7-beyond", OK "2708 61626364656667", "tlv-length", NULL, NULL},
	{"len-7-255", OK "27ff61", "tlv-length", NULL, NULL},
	{"len-6", OK "26616263646566", NULL, "service.name", "\"abcdef\""},
	{"text-empty", OK "20", NULL, "service.name", "\"\""},
	{"type-3-empty", OK "18", NULL, "error.type", "\"unknown\""},
	{"type-3-29", OK "191d", NULL, "error.type", "\"http.failed\""},
	{"type-3-30", OK "191e", NULL, "error.type", "\"type30\""},
	{"type-3-most", OK "1cffffffff", NULL, "error.type", "\"type4294967295\""},
	{"type-3-long", OK "1d0100000000", "tlv-value", NULL, NULL},
	{"type-4", OK "2161", NULL, "service.name", "\"a\""},
	{"type-5", OK "2961", NULL, "user_agent.name", "\"a\""},
	{"type-6", OK "3161", NULL, "user_agent.version", "\"a\""},
	{"type-7-1", OK "3901", NULL, "user_agent.os.type", "\"linux\""},
	{"type-7-6", OK "3906", NULL, "user_agent.os.type", "\"unix\""},
	{"type-7-7", OK "3907", NULL, "sitebound.unknown", "[7]"},
	{"type-7-0", OK "38", NULL, "sitebound.unknown", "[7]"},
	{"type-7-256", OK "3a0100", NULL, "sitebound.unknown", "[7]"},
	{"type-7-leading-zero", OK "3a0001", "tlv-value", NULL, NULL},
	{"type-7-unknown-twice", OK "3907 3908", "tlv-duplicate", NULL, NULL},
	{"type-8", OK "4161", NULL, "user_agent.os.version", "\"a\""},
	{"type-9", OK "4961", NULL, "device.model.identifier", "\"a\""},
	{"type-10-1", OK "5101", NULL, "sitebound.access", "\"wifi\""},
	{"type-10-5", OK "5105", NULL, "sitebound.access", "\"other\""},
	{"type-10-6", OK "5106", NULL, "sitebound.unknown", "[10]"},
	{"type-11", OK "5901", NULL, "event.duration", "1000000"},
	{"type-11-most", OK "5cffffffff", NULL, "event.duration", "4294967295000000"},
	{"type-11-long", OK "5d0100000000", "tlv-value", NULL, NULL},
	{"type-12-4", OK "64c0000201", NULL, "server.ip", "\"192.0.2.1\""},
	{"type-12-16", OK "6710 20010db8000000000000000000000001", NULL, "server.ip",
	 "\"2001:db8::1\""},
	{"type-12-5", OK "65c000020100", "tlv-value", NULL, NULL},
	{"type-12-0", OK "60", "tlv-value", NULL, NULL},
	{"type-13-most", OK "6affff", NULL, "server.port", "65535"},
	{"type-13-long", OK "6b010000", "tlv-value", NULL, NULL},
	{"type-14", OK "7201f4", NULL, "http.response.status_code", "500"},
	{"type-15", OK "7c 00000000", "tlv-value", NULL, NULL},
	{"type-15-2026", OK "7c 6955b900", NULL, "event.start", "\"2026-01-01T00:00:00.000Z\""},
	{"type-15-most", OK "7c ffffffff", NULL, "event.start", "\"2106-02-07T06:28:15.000Z\""},
	{"type-16", OK "8161", NULL, "error.message", "\"a\""},
	{"type-17-3", OK "8b010203", "tlv-value", NULL, NULL},
	{"type-17-4", OK "8c0102030a", NULL, "sitebound.install_id", "\"0102030a\""},
	{"type-17-8", OK "8f08 01020304050607ff", NULL, "sitebound.install_id",
	 "\"01020304050607ff\""},
	{"type-17-9", OK "8f09 010203040506070809", "tlv-value", NULL, NULL},
	{"type-18", OK "9164", NULL, "sitebound.weight", "100"},
	{"type-18-most", OK "9708 7fffffffffffffff", NULL, "sitebound.sample_rate",
	 "9223372036854775807"},
	{"type-18-over", OK "9708 8000000000000000", "tlv-value", NULL, NULL},
	{"type-18-long", OK "9709 010000000000000000", "tlv-value", NULL, NULL},
	{"type-19", OK "9903", NULL, "sitebound.count", "3"},
	{"weight", OK "9164 9903", NULL, "sitebound.weight", "300"},
	{"weight-most", OK "9708 7fffffffffffffff 9902", NULL, "sitebound.weight", "1000"},
	{"weight-zero", OK "9164 98", NULL, "sitebound.weight", "0"},
	{"type-20", OK "a27365", NULL, "client.geo.country_iso_code", "\"SE\""},
	{"type-20-upper", OK "a25345", NULL, "client.geo.country_iso_code", "\"SE\""},
	{"type-20-three", OK "a3737765", "tlv-value", NULL, NULL},
	{"type-20-digit", OK "a27331", "tlv-value", NULL, NULL},
	{"type-20-at", OK "a24073", "tlv-value", NULL, NULL},
	{"type-21", OK "a961", NULL, "server.domain", "\"a\""},
	{"type-22", OK "b102", NULL, "sitebound.attempt", "2"},
	{"type-22-long", OK "b3010000", "tlv-value", NULL, NULL},
	{"type-23", OK "b961", NULL, "network.application", "\"a\""},
	{"type-24", OK "c0", NULL, "sitebound.unknown", "[24]"},
	{"type-24-twice", OK "c0c0", "tlv-duplicate", NULL, NULL},
	{"type-30", OK "f10ac0", NULL, "sitebound.unknown", "[24,30]"},
	{"label", OK "fb613d62", NULL, "labels.a", "\"b\""},
	{"label-empty-value", OK "fa613d", NULL, "labels.a", "\"\""},
	{"label-two-equals", OK "fc613d3d62", NULL, "labels.a", "\"=b\""},
	{"label-twice", OK "fb613d62 fb613d63", "tlv-duplicate", NULL, NULL},
	{"label-prefix", OK "fb613d62 fc61623d63", NULL, "labels.ab", "\"c\""},
	{"label-16", OK "ff12 61626364656667686930313233345f39 3d62", NULL,
	 "labels.abcdefghi01234_9", "\"b\""},
	{"label-17", OK "ff13 6162636465666768693031323334353637 3d62", "tlv-value", NULL, NULL},
	{"label-no-equals", OK "fa6162", "tlv-value", NULL, NULL},
	{"label-no-key", OK "fa3d62", "tlv-value", NULL, NULL},
	{"label-empty", OK "f8", "tlv-value", NULL, NULL},
	{"label-digit-first", OK "fb313d62", "tlv-value", NULL, NULL},
	{"label-upper", OK "fb413d62", "tlv-value", NULL, NULL},
	{"label-dot", OK "fd612e623d62", "tlv-value", NULL, NULL},
	{"clean", OK "84 0a7f1b00", NULL, "error.message",
	 "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
	{"clean-c1", OK "84 c280c2a0", NULL, "error.message", "\"\xef\xbf\xbd\xc2\xa0\""},
	{"clean-c1-last", OK "84 c29fc2a1", NULL, "error.message", "\"\xef\xbf\xbd\xc2\xa1\""},
	{"clean-tag", OK "810a", NULL, "tags", "[\"sanitized\"]"},
	/* the example of Unicode 15, table 3-8 and on: one for each maximal subpart */
	{"clean-subparts", OK "870d c0af e080bf f0818241 e2 f19141", NULL, "error.message",
	 "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
	 "\xef\xbf\xbd\xef\xbf\xbd\x41\xef\xbf\xbd\xef\xbf\xbd\x41\""},
	{"clean-surrogate", OK "83 eda080", NULL, "error.message",
	 "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
	{"clean-over", OK "84 f4908080", NULL, "error.message",
	 "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
	{"clean-cut", OK "82 e29c", NULL, "error.message", "\"\xef\xbf\xbd\""},
	{"separators", OK "86 e280a8e280a9", NULL, "error.message", "\"\\u2028\\u2029\""},
	{"flags-0x20", "20" NONCE "1105", "flags", NULL, NULL},
	{"flags-all-low", "3f" NONCE "1105", "flags", NULL, NULL},
	{"part-0-of-1", "80" NONCE "00 1105", NULL, "sitebound.part", "{\"index\":0,\"total\":1}"},
	{"part-15-of-16", "80" NONCE "ff", NULL, "event.action", "\"client-error-detail\""},
	{"part-15-of-16-total", "80" NONCE "ff", NULL, "sitebound.part.total", "16"},
	{"part-1-of-1", "80" NONCE "10 1105", "part", NULL, NULL},
	{"part-2-of-2", "80" NONCE "21 1105", "part", NULL, NULL},
	{"part-0-no-code", "80" NONCE "01 2161", "no-code", NULL, NULL},
	{"part-missing", "80" NONCE, "short", NULL, NULL},
	{"short-nonce", "00 010203", "short", NULL, NULL},
	{"short-nothing", "", "short", NULL, NULL},
	{"auth-short", "40" NONCE "01 010203", "short", NULL, NULL},
};

static void check_row(const struct bench *bench, size_t row, size_t label_size)
{
	uint8_t stream[REPORT_STREAM_MAX], wire[400];
	size_t len = add_crc(stream, from_hex(rows[row].hex, stream));
	struct asked asked;
	json_t *line, *expected;

	ask_wire(bench, &asked, wire, to_wire(stream, len, label_size, wire), SB_TYPE_TXT,
		 &test_client);
	if (rows[row].reason != NULL) {
		if (asked.decoded.outcome != REPORT_MALFORMED ||
		    strcmp(report_reason_text(asked.decoded.reason), rows[row].reason) != 0)
			fail_msg("%s: outcome %d, reason \"%s\"", rows[row].id,
				 asked.decoded.outcome, report_reason_text(asked.decoded.reason));
		return;
	}
	if (asked.decoded.outcome != REPORT_ACCEPTED)
		fail_msg("%s: reason \"%s\"", rows[row].id,
			 report_reason_text(asked.decoded.reason));
	line = line_of(bench, &asked);
	expected = json_loads(rows[row].json, JSON_DECODE_ANY, NULL);
	assert_non_null(expected);
	if (!json_equal(field(line, rows[row].name), expected))
		fail_msg("%s: %s", rows[row].id, json_dumps(line, JSON_COMPACT));
	json_decref(expected);
	json_decref(line);
}

static void tlvs(void **state)
{
	struct bench bench;
	size_t i;

	(void)state;
	bench_load(&bench, "good-report-full.yaml");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		check_row(&bench, i, 63);
		/* the split is free */
		check_row(&bench, i, 7);
		check_row(&bench, i, 3);
	}
	bench_free(&bench);
}

static const struct {
	const char *id, *name;
	enum report_outcome outcome;
	const char *reason;
	uint16_t qtype;
} names[] = {
	{"accepted", "e1aafbwlb5cedsalmkpu.r.example.net", REPORT_ACCEPTED, "", SB_TYPE_TXT},
	{"a", "e1aafbwlb5cedsalmkpu.r.example.net", REPORT_ACCEPTED, "", SB_TYPE_A},
	{"aaaa", "e1aafbwlb5cedsalmkpu.r.example.net", REPORT_ACCEPTED, "", SB_TYPE_AAAA},
	{"mx", "e1aafbwlb5cedsalmkpu.r.example.net", REPORT_PARTIAL, "", 15},
	{"ns", "e1aafbwlb5cedsalmkpu.r.example.net", REPORT_PARTIAL, "", SB_TYPE_NS},
	{"any", "e1aafbwlb5cedsalmkpu.r.example.net", REPORT_PARTIAL, "", SB_TYPE_ANY},
	{"apex", "r.example.net", REPORT_IGNORED, "", SB_TYPE_TXT},
	{"one-letter", "e.r.example.net", REPORT_PARTIAL, "", SB_TYPE_TXT},
	{"no-digit", "ex1.r.example.net", REPORT_PARTIAL, "", SB_TYPE_TXT},
	{"noise", "www.r.example.net", REPORT_PARTIAL, "", SB_TYPE_A},
	{"version-0", "e0.r.example.net", REPORT_MALFORMED, "version", SB_TYPE_A},
	{"version-9", "E9aa.r.example.net", REPORT_MALFORMED, "version", SB_TYPE_A},
	{"version-10", "e10.r.example.net", REPORT_MALFORMED, "alphabet", SB_TYPE_A},
	{"alphabet-1", "e1aafbwlb5cedsalmkp1.r.example.net", REPORT_MALFORMED, "alphabet",
	 SB_TYPE_A},
	{"alphabet-dash", "e1aafb.w-b5.r.example.net", REPORT_MALFORMED, "alphabet", SB_TYPE_A},
	{"alphabet-dot", "e1aafb\\046wlb5cedsalmkpu.r.example.net", REPORT_MALFORMED, "alphabet",
	 SB_TYPE_A},
	/* 1, 3 and 6 characters over a multiple of eight */
	{"length-1", "e1aaaaaaaaaaaaaaaaa.r.example.net", REPORT_MALFORMED, "length", SB_TYPE_A},
	{"length-3", "e1aaaaaaaaaaaaaaaaaaa.r.example.net", REPORT_MALFORMED, "length", SB_TYPE_A},
	{"length-6", "e1aaaaaaaaaaaaaaaaaaaaaa.r.example.net", REPORT_MALFORMED, "length",
	 SB_TYPE_A},
	{"length-2", "e1aaaaaaaaaaaaaaaaaa.r.example.net", REPORT_MALFORMED, "checksum", SB_TYPE_A},
	{"padding-2", "e1aaaaaaaaaaaaaaaaab.r.example.net", REPORT_MALFORMED, "padding", SB_TYPE_A},
	{"padding-7", "e1aaaaaaaaaaaaaaaaaaaaaab.r.example.net", REPORT_MALFORMED, "padding",
	 SB_TYPE_A},
	{"head-alone", "e1.aafbwlb5cedsalmkpu.r.example.net", REPORT_MALFORMED, "short", SB_TYPE_A},
	{"short-8", "e1aaaaaaaaaaaaa.r.example.net", REPORT_MALFORMED, "short", SB_TYPE_A},
	{"one-char-labels", "e1a.a.f.b.w.l.b.5.c.e.d.s.a.l.m.k.p.u.r.example.net", REPORT_ACCEPTED,
	 "", SB_TYPE_A},
	{"no-key-zone", "e1iaaaaaalaeiqsvoeaaxgpdipxm.r.example.net", REPORT_ACCEPTED, "",
	 SB_TYPE_A},
	{"mac", "e1iaaaaaalaeiqsvoeaaxgpdipxa.r.example.net", REPORT_MALFORMED, "mac", SB_TYPE_A},
};

static void whole_names(void **state)
{
	struct bench bench;
	struct asked asked;
	size_t i;

	(void)state;
	bench_load(&bench, "good-report-full.yaml");
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		ask(&bench, &asked, names[i].name, names[i].qtype);
		if (asked.decoded.outcome != names[i].outcome ||
		    strcmp(report_reason_text(asked.decoded.reason), names[i].reason) != 0)
			fail_msg("%s: outcome %d, reason \"%s\"", names[i].id,
				 asked.decoded.outcome, report_reason_text(asked.decoded.reason));
	}
	ask(&bench, &asked, "e1aafbwlb5cedsalmkpu.r.example.net", SB_TYPE_TXT);
	asked.query.qclass = 3;
	report_decode(asked.zone, bench.scratch, &asked.query, asked.apex_label, &test_client,
		      &asked.decoded);
	assert_int_equal(asked.decoded.outcome, REPORT_IGNORED);
	bench_free(&bench);
}

/** A MAC covers the stream and the zone: a report for one zone is none for another. */
static void macs(void **state)
{
	static const char head[] = "40" NONCE "01 1105";
	struct bench bench;
	struct asked asked;
	uint8_t stream[REPORT_STREAM_MAX + 32], wire[400], mac[32];
	size_t len, i;
	json_t *line;

	(void)state;
	bench_load(&bench, "good-report-full.yaml");
	len = from_hex(head, stream);
	memcpy(stream + len, "r.example.net", 13);
	HMAC(EVP_sha256(), bench.conf->zone[0]->keys[0].octet, 32, stream, len + 13, mac, NULL);
	memcpy(stream + len, mac, 8);
	ask_wire(&bench, &asked, wire, to_wire(stream, len + 8, 63, wire), SB_TYPE_TXT,
		 &test_client);
	assert_int_equal(asked.decoded.outcome, REPORT_ACCEPTED);
	line = line_of(&bench, &asked);
	assert_string_equal(text_of(line, "sitebound.verified"), "mac");
	json_decref(line);
	/* every bit of the MAC counts, and every bit before it */
	for (i = 0; i < (len + 8) * 8; i++) {
		stream[i / 8] = (uint8_t)(stream[i / 8] ^ 1U << i % 8);
		ask_wire(&bench, &asked, wire, to_wire(stream, len + 8, 63, wire), SB_TYPE_TXT,
			 &test_client);
		assert_int_equal(asked.decoded.outcome, REPORT_MALFORMED);
		stream[i / 8] = (uint8_t)(stream[i / 8] ^ 1U << i % 8);
	}
	memcpy(stream + len, "s.example.net", 13);
	HMAC(EVP_sha256(), bench.conf->zone[0]->keys[0].octet, 32, stream, len + 13, mac, NULL);
	memcpy(stream + len, mac, 8);
	ask_wire(&bench, &asked, wire, to_wire(stream, len + 8, 63, wire), SB_TYPE_TXT,
		 &test_client);
	assert_int_equal(asked.decoded.reason, REPORT_REASON_MAC);
	bench_free(&bench);
}

/** One report by its identity: not by case, split of labels, type, transport or client. */
static void identity(void **state)
{
	static const char *const same[] = {
		"e1aafbwlb5cedsalmkpu.r.example.net",
		"E1AAFBWLB5CEDSALMKPU.R.EXAMPLE.NET",
		"e1aafbwl.b5cedsalmkpu.r.example.net",
	};
	struct bench bench;
	struct asked first, asked;
	struct sb_addr other = {.len = SB_IP6_LEN, .octet = {0x20, 1}};
	char event_id[REPORT_EVENT_ID_MAX];
	size_t i;

	(void)state;
	bench_load(&bench, "good-report-full.yaml");
	ask(&bench, &first, same[0], SB_TYPE_TXT);
	for (i = 0; i < 3; i++) {
		ask(&bench, &asked, same[i], i == 1 ? SB_TYPE_A : SB_TYPE_TXT);
		assert_memory_equal(asked.decoded.identity, first.decoded.identity,
				    REPORT_IDENTITY_LEN);
	}
	report_decode(asked.zone, bench.scratch, &asked.query, asked.apex_label, &other,
		      &asked.decoded);
	assert_memory_equal(asked.decoded.identity, first.decoded.identity, REPORT_IDENTITY_LEN);
	report_event_id(&asked.decoded, 0, event_id);
	assert_string_equal(event_id, "0a1b2c3d-202d8a7d");
	/* two parts are two reports */
	ask(&bench, &first, "e1qaaaaaakaeiqs4tdjnka.r.example.net", SB_TYPE_TXT);
	ask(&bench, &asked, "e1qaaaaaakcgdgizlumfuwz7rd3fda.r.example.net", SB_TYPE_TXT);
	assert_memory_not_equal(asked.decoded.identity, first.decoded.identity,
				REPORT_IDENTITY_LEN);
	bench_free(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tlvs),
		cmocka_unit_test(whole_names),
		cmocka_unit_test(macs),
		cmocka_unit_test(identity),
	};

	return cmocka_run_group_tests_name("report envelope", tests, NULL, NULL);
}
