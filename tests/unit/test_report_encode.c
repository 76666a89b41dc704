/* SPDX-License-Identifier: BSD-3-Clause */
/* The encoder for applications, in C: pinned by the vectors, and read back by the decoder. */
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "report_testing.h"
#include "sitebound/envelope_encode.h"

static int hmac(const void *key, size_t key_len, const uint8_t *data, size_t data_len,
		uint8_t mac[32])
{
	return HMAC(EVP_sha256(), key, (int)key_len, data, data_len, mac, NULL) != NULL ? 0 : -1;
}

static const uint8_t test_key[32] = {0,	 1,  2,	 3,  4,	 5,  6,	 7,  8,	 9,  10,
				     11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
				     22, 23, 24, 25, 26, 27, 28, 29, 30, 31};

/** The name of a vector. */
static void vector_name(const char *id, char *name, size_t room)
{
	char path[512], text[4096];
	size_t id_len = strlen(id);
	FILE *in;

	snprintf(path, sizeof(path), "%s/vectors/envelope.tsv", TESTS_DIR);
	in = fopen(path, "r");
	assert_non_null(in);
	while (fgets(text, sizeof(text), in) != NULL) {
		char *column = text;

		if (strncmp(text, id, id_len) != 0 || text[id_len] != '\t')
			continue;
		strsep(&column, "\t");
		strsep(&column, "\t");
		snprintf(name, room, "%s.", strsep(&column, "\t"));
		fclose(in);
		return;
	}
	fail_msg("no vector %s", id);
}

static void check_vector(const char *id, struct sb_envelope *report)
{
	char expected[300], name[SB_ENVELOPE_NAME_MAX];
	size_t len;

	vector_name(id, expected, sizeof(expected));
	if ((report->stream[0] & 0x40) != 0)
		len = sb_envelope_end_mac(report, "R.Example.net", hmac, test_key, sizeof(test_key),
					  name, sizeof(name));
	else
		len = sb_envelope_end(report, "r.example.net", name, sizeof(name));
	if ((report->stream[0] & 0x40) != 0)
		memcpy(strstr(name, "R.Ex"), "r.e", 3);
	assert_int_equal(len, strlen(expected));
	assert_string_equal(name, expected);
}

#define ADD(call) assert_int_equal(sb_envelope_##call, 0)

static void vectors(void **state)
{
	struct sb_envelope r;

	(void)state;
	sb_envelope_begin(&r, 0x0a1b2c3d);
	ADD(uint(&r, SB_ENVELOPE_CODE_NUMBER, 7));
	check_vector("envelope-01", &r);
	sb_envelope_begin(&r, 0x51f00d01);
	ADD(uint(&r, SB_ENVELOPE_CODE_NUMBER, 1407));
	ADD(uint(&r, SB_ENVELOPE_ERROR_TYPE, 7));
	ADD(text(&r, SB_ENVELOPE_SERVICE, "login"));
	ADD(text(&r, SB_ENVELOPE_APP, "desktop"));
	ADD(text(&r, SB_ENVELOPE_APP_VERSION, "1.2.58"));
	ADD(uint(&r, SB_ENVELOPE_OS_TYPE, 3));
	ADD(text(&r, SB_ENVELOPE_OS_VERSION, "10.0"));
	ADD(uint(&r, SB_ENVELOPE_ACCESS, 1));
	ADD(uint(&r, SB_ENVELOPE_DURATION, 15000));
	ADD(text(&r, SB_ENVELOPE_COUNTRY, "se"));
	check_vector("envelope-05", &r);
	sb_envelope_begin(&r, 0x0a1b2c3d);
	ADD(text(&r, SB_ENVELOPE_CODE_TEXT, "ap-4:tls"));
	check_vector("envelope-06", &r);
	sb_envelope_begin(&r, 1);
	ADD(uint(&r, SB_ENVELOPE_CODE_NUMBER, 111));
	ADD(uint(&r, SB_ENVELOPE_ERROR_TYPE, 10));
	ADD(octets(&r, SB_ENVELOPE_SERVER_IP, "\xc6\x33\x64\x07", 4));
	ADD(uint(&r, SB_ENVELOPE_SERVER_PORT, 4070));
	check_vector("envelope-07", &r);
	sb_envelope_begin(&r, 2);
	ADD(uint(&r, SB_ENVELOPE_CODE_NUMBER, 111));
	ADD(octets(&r, SB_ENVELOPE_SERVER_IP, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07", 16));
	check_vector("envelope-08", &r);
	sb_envelope_begin(&r, 3);
	ADD(uint(&r, SB_ENVELOPE_CODE_NUMBER, 5));
	ADD(text(&r, SB_ENVELOPE_MESSAGE, "ansl\xc3\xb6t ej \xe2\x9c\x97"));
	check_vector("envelope-09", &r);
	sb_envelope_begin(&r, 5);
	ADD(uint(&r, SB_ENVELOPE_CODE_NUMBER, 5));
	ADD(label(&r, "ab", "x"));
	ADD(label(&r, "exp", "tls13"));
	check_vector("envelope-11", &r);
	sb_envelope_begin(&r, 6);
	ADD(uint(&r, SB_ENVELOPE_CODE_NUMBER, 5));
	ADD(octets(&r, 29, "\x01\x02", 2));
	check_vector("envelope-12", &r);
	sb_envelope_begin(&r, 7);
	ADD(uint(&r, SB_ENVELOPE_CODE_NUMBER, 5));
	ADD(uint(&r, SB_ENVELOPE_SAMPLE_RATE, 100));
	ADD(uint(&r, SB_ENVELOPE_COUNT, 3));
	ADD(uint(&r, SB_ENVELOPE_ATTEMPT, 2));
	check_vector("envelope-13", &r);
	sb_envelope_begin(&r, 10);
	ADD(part(&r, 0, 2));
	ADD(uint(&r, SB_ENVELOPE_CODE_NUMBER, 9));
	check_vector("envelope-16", &r);
	sb_envelope_begin(&r, 10);
	ADD(part(&r, 1, 2));
	ADD(text(&r, SB_ENVELOPE_MESSAGE, "detail"));
	check_vector("envelope-17", &r);
	sb_envelope_begin(&r, 11);
	ADD(key(&r, 1));
	ADD(uint(&r, SB_ENVELOPE_CODE_NUMBER, 9));
	check_vector("envelope-18", &r);
}

/** A report on which one thing is done that is refused has no name, whatever else is in it. */
#define REFUSED(call) \
	do { \
		sb_envelope_begin(&r, 1); \
		assert_int_equal(sb_envelope_##call, -1); \
		if (r.present == 0) \
			(void)sb_envelope_uint(&r, SB_ENVELOPE_CODE_NUMBER, 5); \
		assert_int_equal(sb_envelope_end(&r, "r.example", name, sizeof(name)), 0); \
	} while (0)

/** A library that fails. */
static int no_hmac(const void *key, size_t key_len, const uint8_t *data, size_t data_len,
		   uint8_t mac[32])
{
	(void)key, (void)key_len, (void)data, (void)data_len, (void)mac;
	return -1;
}

static void refused(void **state)
{
	static const char *const bad_zones[] = {"",
						".",
						"a..b",
						".a",
						"https://r.example",
						"a b",
						"r.example..",
						"\xc3\xa4.example"};
	static const char *const no_utf8[] = {"\x80",
					      "a\xc3",
					      "\xc0\xaf",
					      "\xc1\xbf",
					      "\xe0\x9f\xbf",
					      "\xed\xa0\x80",
					      "\xf0\x8f\xbf\xbf",
					      "\xf4\x90\x80\x80",
					      "\xf5\x80\x80\x80",
					      "\xe2\x9c",
					      "\xe2\x9cz",
					      "\xff"};
	static const char *const utf8[] = {
		"\x7f",		"\xc2\x80",	"\xdf\xbf",	    "\xe0\xa0\x80",
		"\xed\x9f\xbf", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"};
	struct sb_envelope r;
	char name[SB_ENVELOPE_NAME_MAX], text[300];
	size_t len, i;

	(void)state;
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	REFUSED(part(&r, 2, 2));
	REFUSED(part(&r, 0, 17));
	REFUSED(key(&r, 256));
	REFUSED(text(&r, SB_ENVELOPE_CODE_TEXT, ""));
	REFUSED(text(&r, SB_ENVELOPE_CODE_TEXT, "a b"));
	REFUSED(text(&r, SB_ENVELOPE_CODE_NUMBER, "1407"));
	REFUSED(text(&r, SB_ENVELOPE_SERVER_PORT, "80"));
	REFUSED(text(&r, SB_ENVELOPE_COUNTRY, "swe"));
	REFUSED(text(&r, SB_ENVELOPE_MESSAGE, text));
	REFUSED(uint(&r, SB_ENVELOPE_SERVICE, 1));
	REFUSED(uint(&r, SB_ENVELOPE_SERVER_PORT, 65536));
	REFUSED(uint(&r, SB_ENVELOPE_CODE_NUMBER, 4294967296));
	REFUSED(uint(&r, SB_ENVELOPE_CODE_NUMBER, (uint64_t)-110));
	REFUSED(uint(&r, SB_ENVELOPE_COUNT, UINT64_C(1) << 63));
	REFUSED(label(&r, "", "x"));
	REFUSED(label(&r, "Ab", "x"));
	REFUSED(label(&r, "abcdefghijklmnopq", "x"));
	REFUSED(text(&r, SB_ENVELOPE_MESSAGE, NULL));
	REFUSED(label(&r, NULL, "x"));
	REFUSED(label(&r, "ab", NULL));
	REFUSED(label(&r, "ab", "\xff"));
	for (i = 0; i < sizeof(no_utf8) / sizeof(no_utf8[0]); i++)
		REFUSED(text(&r, SB_ENVELOPE_MESSAGE, no_utf8[i]));
	REFUSED(octets(&r, 0, "", 0));
	REFUSED(octets(&r, 32, "", 0));
	REFUSED(octets(&r, SB_ENVELOPE_SERVER_IP, "12345", 5));
	REFUSED(octets(&r, SB_ENVELOPE_INSTALL_ID, "123", 3));
	for (i = 0; i < sizeof(utf8) / sizeof(utf8[0]); i++) {
		sb_envelope_begin(&r, 1);
		ADD(text(&r, SB_ENVELOPE_MESSAGE, utf8[i]));
	}
	/* twice, and one field in two ways */
	sb_envelope_begin(&r, 1);
	ADD(uint(&r, SB_ENVELOPE_CODE_NUMBER, 5));
	assert_int_equal(sb_envelope_text(&r, SB_ENVELOPE_CODE_TEXT, "a"), -1);
	assert_int_equal(sb_envelope_end(&r, "r.example", name, sizeof(name)), 0);
	sb_envelope_begin(&r, 1);
	ADD(uint(&r, SB_ENVELOPE_CODE_NUMBER, 5));
	ADD(text(&r, SB_ENVELOPE_MESSAGE, "long enough for a length of its own"));
	ADD(label(&r, "ab", "x"));
	ADD(label(&r, "a", "b=x"));
	assert_int_equal(sb_envelope_label(&r, "ab", "y"), -1);
	assert_int_equal(sb_envelope_end(&r, "r.example", name, sizeof(name)), 0);
	/* the order of the head is fixed */
	sb_envelope_begin(&r, 1);
	ADD(uint(&r, SB_ENVELOPE_CODE_NUMBER, 5));
	assert_int_equal(sb_envelope_part(&r, 0, 2), -1);
	assert_int_equal(sb_envelope_key(&r, 1), -1);
	/* no code: only a later part may be without */
	sb_envelope_begin(&r, 1);
	ADD(text(&r, SB_ENVELOPE_MESSAGE, "x"));
	assert_int_equal(sb_envelope_end(&r, "r.example", name, sizeof(name)), 0);
	sb_envelope_begin(&r, 1);
	ADD(part(&r, 0, 2));
	assert_int_equal(sb_envelope_end(&r, "r.example", name, sizeof(name)), 0);
	sb_envelope_begin(&r, 1);
	ADD(part(&r, 1, 2));
	assert_true(sb_envelope_end(&r, "r.example", name, sizeof(name)) > 0);
	/* keys */
	sb_envelope_begin(&r, 1);
	ADD(key(&r, 1));
	ADD(uint(&r, SB_ENVELOPE_CODE_NUMBER, 5));
	assert_int_equal(
		sb_envelope_end_mac(&r, "r.example", hmac, test_key, 15, name, sizeof(name)), 0);
	assert_true(sb_envelope_end_mac(&r, "r.example", hmac, test_key, 16, name, sizeof(name)) >
		    0);
	assert_int_equal(sb_envelope_end(&r, "r.example", name, sizeof(name)), 0);
	assert_int_equal(
		sb_envelope_end_mac(&r, "r.example", no_hmac, test_key, 16, name, sizeof(name)), 0);
	/* room for the name: exactly, and one less */
	sb_envelope_begin(&r, 1);
	ADD(uint(&r, SB_ENVELOPE_CODE_NUMBER, 5));
	assert_int_equal(
		sb_envelope_end_mac(&r, "r.example", hmac, test_key, 32, name, sizeof(name)), 0);
	len = sb_envelope_end(&r, "r.example", name, sizeof(name));
	assert_true(len > 0);
	assert_int_equal(sb_envelope_end(&r, "r.example", name, len + 1), len);
	assert_int_equal(sb_envelope_end(&r, "r.example", name, len), 0);
	for (i = 0; i < sizeof(bad_zones) / sizeof(bad_zones[0]); i++)
		assert_int_equal(sb_envelope_end(&r, bad_zones[i], name, sizeof(name)), 0);
	for (i = 49; i < 254; i += 50)
		text[i] = '.';
	text[254] = '\0';
	assert_int_equal(sb_envelope_zone_len(text), 0);
	text[253] = '\0';
	assert_int_equal(sb_envelope_zone_len(text), 253);
	assert_int_equal(sb_envelope_end(&r, text, name, sizeof(name)), 0);
}

static uint32_t next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/** Random reports up to the longest, read back by the decoder. */
static void round_trips(void **state)
{
	static const char *const zones[] = {"r.example.net", "r.example.net."};
	struct bench bench;
	uint32_t seed = 3;
	unsigned round;
	size_t longest = 0, shifted = 0;

	(void)state;
	bench_load(&bench, "good-report-full.yaml");
	for (round = 0; round < 20000; round++) {
		const char *zone = zones[round % 2];
		char name[SB_ENVELOPE_NAME_MAX], message[256], value[8];
		struct sb_envelope r;
		struct asked asked;
		size_t room, len, i;
		uint32_t nonce = next(&seed) << 8 ^ next(&seed);
		unsigned label_index;
		json_t *line;

		sb_envelope_begin(&r, nonce);
		if (round % 5 == 0)
			ADD(part(&r, next(&seed) % 4, 4));
		if (round % 3 == 0)
			ADD(key(&r, 1));
		ADD(uint(&r, SB_ENVELOPE_CODE_NUMBER, next(&seed) % 100000));
		snprintf(value, sizeof(value), "v%u", next(&seed) % 1000);
		ADD(text(&r, SB_ENVELOPE_APP_VERSION, value));
		ADD(label(&r, "k", value));
		room = sb_envelope_room(&r, zone);
		assert_true(room > 2);
		len = next(&seed) % (room - 1);
		for (i = 0; i < len; i++)
			message[i] = (char)(' ' + next(&seed) % 95);
		message[len] = '\0';
		ADD(text(&r, SB_ENVELOPE_MESSAGE, message));
		if (round % 3 == 0)
			len = sb_envelope_end_mac(&r, zone, hmac, test_key, sizeof(test_key), name,
						  sizeof(name));
		else
			len = sb_envelope_end(&r, zone, name, sizeof(name));
		assert_true(len > 0 && name[len - 1] == '.');
		if (len > longest)
			longest = len;
		ask(&bench, &asked, name, SB_TYPE_TXT);
		if (asked.decoded.outcome != REPORT_ACCEPTED)
			fail_msg("%s: %s", name, report_reason_text(asked.decoded.reason));
		for (label_index = 1; label_index < asked.apex_label; label_index++) {
			size_t label_len, before_len;
			const uint8_t *label = sb_dname_label(&asked.query.qname, label_index,
							      &label_len);

			sb_dname_label(&asked.query.qname, label_index - 1, &before_len);
			if (before_len == 62)
				shifted++;
			assert_false(label_len > 1 && label[0] == 'e' && label[1] <= '9');
		}
		line = line_of(&bench, &asked);
		assert_string_equal(text_of(line, "error.message"), message);
		assert_string_equal(text_of(line, "user_agent.version"), value);
		assert_string_equal(text_of(line, "labels.k"), value);
		assert_string_equal(text_of(line, "sitebound.verified"),
				    round % 3 == 0 ? "mac" : "none");
		json_decref(line);
	}
	/* the longest names were among them, and labels that had to give one character away */
	assert_true(longest > 245);
	assert_true(shifted > 0);
	bench_free(&bench);
}

/** What sb_envelope_room() promises fits with zones of every length. */
static void room(void **state)
{
	char zone[256], name[SB_ENVELOPE_NAME_MAX], message[256];
	struct sb_envelope r;
	size_t zone_len, room, i;

	(void)state;
	for (zone_len = 1; zone_len < 253; zone_len++) {
		for (i = 0; i < zone_len; i++)
			zone[i] = i % 50 == 49 && i + 1 < zone_len ? '.' : 'z';
		zone[zone_len] = '\0';
		sb_envelope_begin(&r, 1);
		ADD(uint(&r, SB_ENVELOPE_CODE_NUMBER, 5));
		room = sb_envelope_room(&r, zone);
		if (room < 8)
			continue;
		memset(message, 'm', sizeof(message));
		message[room - 2] = '\0';
		ADD(text(&r, SB_ENVELOPE_MESSAGE, message));
		assert_int_equal(sb_envelope_room(&r, zone), 0);
		assert_true(sb_envelope_end(&r, zone, name, sizeof(name)) > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
		cmocka_unit_test(refused),
		cmocka_unit_test(round_trips),
		cmocka_unit_test(room),
	};

	return cmocka_run_group_tests_name("report encoder", tests, NULL, NULL);
}
