/* SPDX-License-Identifier: BSD-3-Clause */
/* The writer of JSON objects against a general JSON library. */
#include "../../modules/report/json.h"
#include "report_testing.h"

static void check(const struct report_json *json, const char *expected)
{
	char text[REPORT_LINE_MAX];
	size_t len = report_json_write(json, text, sizeof(text) - 1);

	text[len] = '\0';
	assert_string_equal(text, expected);
}

static void objects(void **state)
{
	static const char *const texts[] = {"a", "\""};
	static const uint64_t numbers[] = {0, UINT64_MAX};
	struct report_json json;

	(void)state;
	report_json_init(&json);
	check(&json, "{}");
	report_json_text(&json, "b.c", "x", 1);
	report_json_number(&json, "a", 7);
	report_json_text(&json, "b.d.e", "", 0);
	report_json_texts(&json, "b.f", texts, 2);
	report_json_texts(&json, "b.g", texts, 0);
	report_json_numbers(&json, "h", numbers, 2);
	report_json_object(&json, "i.j");
	/* a prefix of a key is another key */
	report_json_number(&json, "bb", 1);
	check(&json,
	      "{\"b\":{\"c\":\"x\",\"d\":{\"e\":\"\"},\"f\":[\"a\",\"\\\"\"],\"g\":[]},\"a\":7,"
	      "\"h\":[0,18446744073709551615],\"i\":{\"j\":{}},\"bb\":1}");
	/* the newer value, at the older one's place */
	report_json_number(&json, "b.c", 2);
	check(&json, "{\"b\":{\"c\":2,\"d\":{\"e\":\"\"},\"f\":[\"a\",\"\\\"\"],\"g\":[]},\"a\":7,"
		     "\"h\":[0,18446744073709551615],\"i\":{\"j\":{}},\"bb\":1}");
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
		report_json_text(&json, "a", rows[i].text, strlen(rows[i].text));
		check(&json, rows[i].json);
	}
}

/** Every limit at its edge, and one past it. */
static void limits(void **state)
{
	static char names[REPORT_JSON_NODES][8], text[REPORT_JSON_TEXT];
	struct report_json json;
	char out[64];
	size_t i;

	(void)state;
	report_json_init(&json);
	report_json_number(&json, "a", 12);
	assert_int_equal(report_json_write(&json, out, 8), 8);
	assert_memory_equal(out, "{\"a\":12}", 8);
	assert_int_equal(report_json_write(&json, out, 7), 0);
	/* values */
	memset(text, 'x', sizeof(text));
	report_json_init(&json);
	report_json_text(&json, "a", text, REPORT_JSON_TEXT - 2);
	assert_false(json.full);
	report_json_number(&json, "b", 1);
	assert_true(json.full);
	assert_int_equal(report_json_write(&json, text, sizeof(text)), 0);
	assert_null(report_json_name(&json, "c"));
	/* members: node 0 is the object itself */
	report_json_init(&json);
	for (i = 0; i < REPORT_JSON_NODES - 1; i++) {
		snprintf(names[i], sizeof(names[i]), "n%zu", i);
		report_json_number(&json, names[i], 1);
	}
	assert_false(json.full);
	report_json_number(&json, names[0], 2);
	assert_false(json.full);
	report_json_number(&json, "one.more", 1);
	assert_true(json.full);
}

/** Random texts and names, read back. */
static void read_back(void **state)
{
	static const char *const names[] = {"a", "b", "a.b", "c.d", "c.e", "c.d.f", "g.h.i.j", "c"};
	struct report_json json;
	char raw[64], clean[192], out[REPORT_LINE_MAX];
	uint32_t seed = 7;
	unsigned round;
	json_t *object;
	json_error_t error;

	(void)state;
	for (round = 0; round < 20000; round++) {
		size_t len, clean_len, i, out_len;
		bool changed = false;
		const char *name = names[round % 8];

		seed = seed * 1664525 + 1013904223;
		len = seed >> 26;
		for (i = 0; i < len; i++) {
			seed = seed * 1664525 + 1013904223;
			raw[i] = (char)(seed >> 24);
		}
		clean_len = report_text_clean((const uint8_t *)raw, len, clean, sizeof(clean),
					      &changed);
		report_json_init(&json);
		report_json_text(&json, name, clean, clean_len);
		out_len = report_json_write(&json, out, sizeof(out));
		object = json_loadb(out, out_len, 0, &error);
		if (object == NULL)
			fail_msg("%s: %.*s", error.text, (int)out_len, out);
		assert_int_equal(json_string_length(field(object, name)), clean_len);
		assert_memory_equal(json_string_value(field(object, name)), clean, clean_len);
		json_decref(object);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects),
		cmocka_unit_test(escapes),
		cmocka_unit_test(limits),
		cmocka_unit_test(read_back),
	};

	return cmocka_run_group_tests_name("report json", tests, NULL, NULL);
}
