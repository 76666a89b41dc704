/* SPDX-License-Identifier: BSD-3-Clause */
/* The writer of JSON objects against a general JSON library. */
#include "../../modules/report/json.h"
#include "report_testing.h"

static void check(struct report_json *json, const char *expected)
{
	char text[REPORT_LINE_MAX];
	size_t len = report_json_write(json, text, sizeof(text) - 1);

	text[len] = '\0';
	assert_string_equal(text, expected);
}

static uint16_t object(struct report_json *json, uint16_t in, const char *key)
{
	return report_json_object(json, in, key, strlen(key));
}

static void number(struct report_json *json, uint16_t in, const char *key, uint64_t value)
{
	report_json_key(json, in, key, strlen(key));
	report_json_number(json, value);
}

static void text(struct report_json *json, uint16_t in, const char *key, const char *value)
{
	report_json_key(json, in, key, strlen(key));
	report_json_text(json, value, strlen(value));
}

static void objects(void **state)
{
	static const char *const words[] = {"a", "b"};
	static const uint64_t numbers[] = {0, UINT64_MAX};
	const uint16_t root = REPORT_JSON_ROOT;
	struct report_json json;
	uint16_t b, d;

	(void)state;
	report_json_init(&json);
	check(&json, "{}");
	b = object(&json, root, "b");
	text(&json, b, "c", "x");
	number(&json, root, "a", 7);
	/* an object that is there is found, and goes on where it is */
	d = object(&json, b, "d");
	assert_int_equal(object(&json, root, "b"), b);
	text(&json, d, "e", "");
	report_json_key(&json, b, "f", 1);
	report_json_list(&json, words, 2);
	report_json_key(&json, b, "g", 1);
	report_json_list(&json, words, 0);
	report_json_key(&json, root, "h", 1);
	report_json_numbers(&json, numbers, 2);
	object(&json, object(&json, root, "i"), "j");
	/* behind the object, though the member before it is in the same one */
	number(&json, root, "k", 1);
	/* a prefix of a key is another key */
	assert_int_not_equal(object(&json, root, "bb"), b);
	report_json_members(&json, d, ",\"l\":1,\"m\":2", 12);
	report_json_key(&json, d, "n", 1);
	report_json_raw(&json, "1.5", 3);
	check(&json, "{\"b\":{\"c\":\"x\",\"d\":{\"e\":\"\",\"l\":1,\"m\":2,\"n\":1.5},"
		     "\"f\":[\"a\",\"b\"],\"g\":[]},\"a\":7,"
		     "\"h\":[0,18446744073709551615],\"i\":{\"j\":{}},\"k\":1,\"bb\":{}}");
}

/** A place is kept, whether something comes there or not, and is the first or not. */
static void places(void **state)
{
	static const char *const expected[] = {"{\"a\":{},\"b\":2}", "{\"p\":0,\"a\":{},\"b\":2}",
					       "{\"a\":{},\"q\":0,\"r\":1,\"b\":2}",
					       "{\"p\":0,\"a\":{},\"q\":0,\"r\":1,\"b\":2}"};
	struct report_json json;
	unsigned filled;

	(void)state;
	for (filled = 0; filled < 4; filled++) {
		const uint16_t root = REPORT_JSON_ROOT;
		uint16_t p, q;

		report_json_init(&json);
		p = report_json_place(&json, root);
		object(&json, root, "a");
		q = report_json_place(&json, root);
		number(&json, root, "b", 2);
		if ((filled & 1) != 0) {
			report_json_go_to(&json, root, p);
			number(&json, root, "p", 0);
		}
		if ((filled & 2) != 0) {
			report_json_go_to(&json, root, q);
			number(&json, root, "q", 0);
			number(&json, root, "r", 1);
		}
		check(&json, expected[filled]);
	}
}

static void escapes(void **state)
{
	static const struct {
		const char *text, *json;
	} rows[] = {
		{"\"\\/", "{\"a\":\"\\\"\\\\/\"}"},
		{"\x01\n\x1f\x7f", "{\"a\":\"\\u0001\\u000a\\u001f\\u007f\"}"},
		{"\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa",
		 "{\"a\":\"\xe2\x80\xa7\\u2028\\u2029\xe2\x80\xaa\"}"},
		{"\xe2\x81\xa8", "{\"a\":\"\xe2\x81\xa8\"}"},
		{"\xf0\x9f\x98\x80", "{\"a\":\"\xf0\x9f\x98\x80\"}"},
	};
	struct report_json json;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		report_json_init(&json);
		text(&json, REPORT_JSON_ROOT, "a", rows[i].text);
		check(&json, rows[i].json);
	}
}

/** Every limit at its edge, and one past it. */
static void limits(void **state)
{
	static char names[REPORT_JSON_NODES][8], octets[REPORT_JSON_TEXT];
	struct report_json json;
	char out[64];
	size_t i;

	(void)state;
	report_json_init(&json);
	number(&json, REPORT_JSON_ROOT, "a", 12);
	assert_int_equal(report_json_write(&json, out, 8), 8);
	assert_memory_equal(out, "{\"a\":12}", 8);
	assert_int_equal(report_json_write(&json, out, 7), 0);
	report_json_init(&json);
	number(&json, object(&json, REPORT_JSON_ROOT, "abc"), "d", 1);
	assert_int_equal(report_json_write(&json, out, 15), 15);
	for (i = 0; i < 15; i++)
		assert_int_equal(report_json_write(&json, out, i), 0);
	/* members: a comma, four octets of the key, and two quotes */
	memset(octets, 'x', sizeof(octets));
	report_json_init(&json);
	report_json_key(&json, REPORT_JSON_ROOT, "a", 1);
	report_json_text(&json, octets, REPORT_JSON_TEXT - 5 - 2);
	assert_false(json.full);
	report_json_number(&json, 1);
	assert_true(json.full);
	assert_int_equal(report_json_write(&json, octets, sizeof(octets)), 0);
	report_json_init(&json);
	report_json_key(&json, REPORT_JSON_ROOT, octets, REPORT_JSON_TEXT - 4);
	assert_false(json.full);
	report_json_init(&json);
	report_json_key(&json, REPORT_JSON_ROOT, octets, REPORT_JSON_TEXT - 3);
	assert_true(json.full);
	/* objects: node 0 is the root */
	report_json_init(&json);
	for (i = 0; i < REPORT_JSON_NODES - 1; i++) {
		snprintf(names[i], sizeof(names[i]), "n%zu", i);
		object(&json, REPORT_JSON_ROOT, names[i]);
	}
	assert_false(json.full);
	assert_int_equal(object(&json, REPORT_JSON_ROOT, names[7]), 8);
	assert_false(json.full);
	number(&json, REPORT_JSON_ROOT, "one-more", 1);
	assert_true(json.full);
	assert_int_equal(report_json_write(&json, octets, sizeof(octets)), 0);
}

static void cleaned(void **state)
{
	static const struct {
		const char *text;
		size_t room;
		const char *expected;
		bool changed;
	} rows[] = {
		{"abc", 3, "abc", false},
		{"abc", 2, "ab", false},
		{"abc", 0, "", false},
		{"a\xc3\xa9", 3, "a\xc3\xa9", false},
		{"a\xc3\xa9", 2, "a", false},
		{"\xff", 3, "\xef\xbf\xbd", true},
		{"\xff", 2, "", false},
		{"a\xc2\x9f", 4, "a\xef\xbf\xbd", true},
		{"\xc2\xa0", 2, "\xc2\xa0", false},
		{"\xe2\x82"
		 "b",
		 4,
		 "\xef\xbf\xbd"
		 "b",
		 true},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char to[8] = "ZZZZZZZ";
		bool changed = false;
		size_t len = report_text_clean((const uint8_t *)rows[i].text, strlen(rows[i].text),
					       to, rows[i].room, &changed);

		if (len != strlen(rows[i].expected) || memcmp(to, rows[i].expected, len) != 0 ||
		    to[rows[i].room] != 'Z' || changed != rows[i].changed)
			fail_msg("row %zu: %zu octets, %.7s", i, len, to);
	}
}

/** Random texts, read back. */
static void read_back(void **state)
{
	struct report_json json;
	char raw[64], clean[192], out[REPORT_LINE_MAX];
	uint32_t seed = 7;
	unsigned round;
	json_t *read;
	json_error_t error;

	(void)state;
	for (round = 0; round < 20000; round++) {
		size_t len, clean_len, i, out_len;
		bool changed = false;

		seed = seed * 1664525 + 1013904223;
		len = seed >> 26;
		for (i = 0; i < len; i++) {
			seed = seed * 1664525 + 1013904223;
			raw[i] = (char)(seed >> 24);
		}
		clean_len = report_text_clean((const uint8_t *)raw, len, clean, sizeof(clean),
					      &changed);
		report_json_init(&json);
		report_json_key(&json, object(&json, REPORT_JSON_ROOT, "a"), "b", 1);
		report_json_text(&json, clean, clean_len);
		out_len = report_json_write(&json, out, sizeof(out));
		read = json_loadb(out, out_len, 0, &error);
		if (read == NULL)
			fail_msg("%s: %.*s", error.text, (int)out_len, out);
		assert_int_equal(json_string_length(field(read, "a.b")), clean_len);
		assert_memory_equal(json_string_value(field(read, "a.b")), clean, clean_len);
		json_decref(read);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects), cmocka_unit_test(places), cmocka_unit_test(escapes),
		cmocka_unit_test(cleaned), cmocka_unit_test(limits), cmocka_unit_test(read_back),
	};

	return cmocka_run_group_tests_name("report json", tests, NULL, NULL);
}
