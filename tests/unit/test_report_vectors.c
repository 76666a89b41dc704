/* SPDX-License-Identifier: BSD-3-Clause */
/* The vectors of tests/vectors: name in, outcome and fields or reason out. */
#include "report_testing.h"

#define COLUMNS 5

/** Whether every field of `expected` is in `object`: by dotted name, objects in part. */
static void check_fields(const char *id, json_t *object, json_t *expected)
{
	const char *name;
	json_t *value, *found;

	json_object_foreach(expected, name, value)
	{
		found = field(object, name);
		if (found == NULL)
			fail_msg("%s: no field %s", id, name);
		if (json_is_object(value))
			check_fields(id, found, value);
		else if (!json_equal(found, value))
			fail_msg("%s: %s is %s", id, name,
				 json_dumps(found, JSON_ENCODE_ANY | JSON_COMPACT));
	}
}

static enum report_outcome outcome_from_text(const char *text)
{
	if (strcmp(text, "accepted") == 0)
		return REPORT_ACCEPTED;
	if (strcmp(text, "malformed") == 0)
		return REPORT_MALFORMED;
	assert_string_equal(text, "partial");
	return REPORT_PARTIAL;
}

static void check_row(const struct bench *bench, char *column[COLUMNS], const char *zone)
{
	char name[1024];
	struct asked asked;
	json_t *line, *expected;

	snprintf(name, sizeof(name), "%s%s%s", column[2], zone[0] != '\0' ? "." : "", zone);
	ask(bench, &asked, name, type_from_text(column[1]));
	assert_non_null(asked.zone);
	if (asked.decoded.outcome != outcome_from_text(column[3]))
		fail_msg("%s: outcome %d, reason \"%s\"", column[0], asked.decoded.outcome,
			 report_reason_text(asked.decoded.reason));
	if (asked.decoded.outcome == REPORT_PARTIAL)
		return;
	line = line_of(bench, &asked);
	if (asked.decoded.outcome == REPORT_MALFORMED) {
		assert_string_equal(text_of(line, "event.reason"), column[4]);
		assert_string_equal(text_of(line, "event.action"), "report-malformed");
		assert_null(field(line, "error"));
	} else {
		expected = json_loads(column[4], 0, NULL);
		assert_non_null(expected);
		check_fields(column[0], line, expected);
		json_decref(expected);
		assert_null(field(line, "event.reason"));
	}
	json_decref(line);
}

/** Check each row of a file. */
static void check_file(const char *file, const char *zone, size_t rows)
{
	struct bench bench;
	char path[512], text[8192];
	size_t found = 0;
	FILE *in;

	bench_load(&bench, "good-report-full.yaml");
	snprintf(path, sizeof(path), "%s/vectors/%s", TESTS_DIR, file);
	in = fopen(path, "r");
	assert_non_null(in);
	while (fgets(text, sizeof(text), in) != NULL) {
		char *column[COLUMNS], *rest = text;
		size_t i;

		if (text[0] == '#')
			continue;
		text[strcspn(text, "\n")] = '\0';
		for (i = 0; i < COLUMNS; i++) {
			column[i] = strsep(&rest, "\t");
			assert_non_null(column[i]);
		}
		check_row(&bench, column, zone);
		found++;
	}
	fclose(in);
	assert_int_equal(found, rows);
	bench_free(&bench);
}

static void envelopes(void **state)
{
	(void)state;
	check_file("envelope.tsv", "", 32);
}

static void patterns(void **state)
{
	(void)state;
	check_file("pattern.tsv", "e.example.net", 6);
}

static void dns_error_reports(void **state)
{
	(void)state;
	check_file("rfc9567.tsv", "", 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(envelopes),
		cmocka_unit_test(patterns),
		cmocka_unit_test(dns_error_reports),
	};

	return cmocka_run_group_tests_name("report vectors", tests, NULL, NULL);
}
