/* SPDX-License-Identifier: BSD-3-Clause */
/* Patterns and DNS error reports: names at the edges of both formats. */
#include "report_testing.h"

static const struct {
	const char *id, *name;
	uint16_t qtype;
	enum report_outcome outcome;
	const char *reason;
	/** of an accepted one: a field and its JSON */
	const char *field, *json;
} rows[] = {
	{"er", "_er.1.broken.test.7._er.er.example.net", SB_TYPE_TXT, REPORT_ACCEPTED, "",
	 "error.message", "\"Signature Expired\""},
	{"er-action", "_er.1.broken.test.7._er.er.example.net", SB_TYPE_TXT, REPORT_ACCEPTED, "",
	 "event.action", "\"dns-error-report\""},
	{"er-aaaa", "_er.1.broken.test.7._er.er.example.net", SB_TYPE_AAAA, REPORT_PARTIAL, "",
	 NULL, NULL},
	{"er-zero", "_er.0.t.0._er.er.example.net", SB_TYPE_TXT, REPORT_ACCEPTED, "",
	 "sitebound.reported.types", "[\"TYPE0\"]"},
	{"er-most", "_er.65535.t.65535._er.er.example.net", SB_TYPE_TXT, REPORT_ACCEPTED, "",
	 "sitebound.reported.types", "[\"TYPE65535\"]"},
	{"er-no-purpose", "_er.65535.t.65535._er.er.example.net", SB_TYPE_TXT, REPORT_ACCEPTED, "",
	 "error", "{\"code\":\"65535\"}"},
	{"er-29", "_er.1.t.29._er.er.example.net", SB_TYPE_TXT, REPORT_ACCEPTED, "",
	 "error.message", "\"Synthesized\""},
	{"er-30", "_er.1.t.30._er.er.example.net", SB_TYPE_TXT, REPORT_ACCEPTED, "",
	 "error.message", "\"Invalid Query Type\""},
	{"er-sorted", "_er.257-65-1-28.t.1._er.er.example.net", SB_TYPE_TXT, REPORT_ACCEPTED, "",
	 "sitebound.reported.types", "[\"A\",\"AAAA\",\"HTTPS\",\"CAA\"]"},
	{"er-inside", "_er.1._er.t._er.1._er.er.example.net", SB_TYPE_TXT, REPORT_ACCEPTED, "",
	 "sitebound.reported.name", "\"_er.t._er\""},
	{"er-inside-number", "_er.1.x.5._er.9.7._er.er.example.net", SB_TYPE_TXT, REPORT_ACCEPTED,
	 "", "sitebound.reported.name", "\"x.5._er.9\""},
	{"er-dot-in-label", "_er.1.a\\046B\\000.7._er.er.example.net", SB_TYPE_TXT, REPORT_ACCEPTED,
	 "", "sitebound.reported.name", "\"a\\\\046b\\\\000\""},
	{"er-root", "_er.2.1._er.er.example.net", SB_TYPE_TXT, REPORT_ACCEPTED, "",
	 "sitebound.reported.name", "\".\""},
	{"er-no-type", "_er.9._er.er.example.net", SB_TYPE_TXT, REPORT_MALFORMED, "er-syntax", NULL,
	 NULL},
	{"er-er", "_er._er.er.example.net", SB_TYPE_TXT, REPORT_MALFORMED, "er-syntax", NULL, NULL},
	{"er-alone", "_er.er.example.net", SB_TYPE_TXT, REPORT_PARTIAL, "", NULL, NULL},
	{"er-ede-alone", "7._er.er.example.net", SB_TYPE_TXT, REPORT_PARTIAL, "", NULL, NULL},
	{"er-no-head", "1.broken.test.7._er.er.example.net", SB_TYPE_TXT, REPORT_PARTIAL, "", NULL,
	 NULL},
	{"er-no-tail", "_er.1.broken.test.7.er.example.net", SB_TYPE_TXT, REPORT_MALFORMED,
	 "er-syntax", NULL, NULL},
	{"er-plus", "_er.+1.t.7._er.er.example.net", SB_TYPE_TXT, REPORT_MALFORMED, "er-syntax",
	 NULL, NULL},
	{"er-minus", "_er.-1.t.7._er.er.example.net", SB_TYPE_TXT, REPORT_MALFORMED, "er-syntax",
	 NULL, NULL},
	{"er-last-minus", "_er.1-.t.7._er.er.example.net", SB_TYPE_TXT, REPORT_MALFORMED,
	 "er-syntax", NULL, NULL},
	{"er-two-minus", "_er.1--2.t.7._er.er.example.net", SB_TYPE_TXT, REPORT_MALFORMED,
	 "er-syntax", NULL, NULL},
	{"er-space", "_er.1\\032.t.7._er.er.example.net", SB_TYPE_TXT, REPORT_MALFORMED,
	 "er-syntax", NULL, NULL},
	{"er-type-leading-zero", "_er.00.t.7._er.er.example.net", SB_TYPE_TXT, REPORT_MALFORMED,
	 "er-syntax", NULL, NULL},
	{"er-type-65536", "_er.65536.t.7._er.er.example.net", SB_TYPE_TXT, REPORT_MALFORMED,
	 "er-syntax", NULL, NULL},
	{"er-type-six-digits", "_er.100000.t.7._er.er.example.net", SB_TYPE_TXT, REPORT_MALFORMED,
	 "er-syntax", NULL, NULL},
	{"er-type-again", "_er.28-1-28.t.7._er.er.example.net", SB_TYPE_TXT, REPORT_MALFORMED,
	 "er-syntax", NULL, NULL},
	{"er-ede-leading-zero", "_er.1.t.07._er.er.example.net", SB_TYPE_TXT, REPORT_MALFORMED,
	 "er-syntax", NULL, NULL},
	{"er-ede-hex", "_er.1.t.0x7._er.er.example.net", SB_TYPE_TXT, REPORT_MALFORMED, "er-syntax",
	 NULL, NULL},
	{"er-apex", "er.example.net", SB_TYPE_TXT, REPORT_IGNORED, "", NULL, NULL},
	{"pattern", "k3f9.1407.win10.v1-2-58.se.e.example.net", SB_TYPE_AAAA, REPORT_ACCEPTED, "",
	 "event.action", "\"client-error\""},
	{"pattern-case", "K3F9.1407.WIN10.V1-2-58.SE.E.EXAMPLE.NET", SB_TYPE_TXT, REPORT_ACCEPTED,
	 "", "sitebound.nonce", "\"k3f9\""},
	{"pattern-mx", "k3f9.1407.win10.v1-2-58.se.e.example.net", 15, REPORT_PARTIAL, "", NULL,
	 NULL},
	{"pattern-few", "1.2.3.4.e.example.net", SB_TYPE_A, REPORT_PARTIAL, "", NULL, NULL},
	{"pattern-as-many", "1.2.3.4.5.e.example.net", SB_TYPE_A, REPORT_MALFORMED, "pattern", NULL,
	 NULL},
	{"pattern-escape", "k3f9.1407.win\\04910.v1-2-58.se.e.example.net", SB_TYPE_A,
	 REPORT_ACCEPTED, "", "user_agent.os.name", "\"win110\""},
	{"pattern-zero", "k3f9.1407.win10.v1-2-58.s\\000.e.example.net", SB_TYPE_A,
	 REPORT_MALFORMED, "pattern", NULL, NULL},
	{"pattern-line-feed", "k3f9.1407.win10.v1-2-58.se\\010.e.example.net", SB_TYPE_A,
	 REPORT_MALFORMED, "pattern", NULL, NULL},
};

static void formats(void **state)
{
	struct bench bench;
	struct asked asked;
	json_t *line, *expected;
	size_t i;

	(void)state;
	bench_load(&bench, "good-report-full.yaml");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ask(&bench, &asked, rows[i].name, rows[i].qtype);
		if (asked.decoded.outcome != rows[i].outcome ||
		    strcmp(report_reason_text(asked.decoded.reason), rows[i].reason) != 0)
			fail_msg("%s: outcome %d, reason \"%s\"", rows[i].id, asked.decoded.outcome,
				 report_reason_text(asked.decoded.reason));
		if (rows[i].field == NULL)
			continue;
		line = line_of(&bench, &asked);
		expected = json_loads(rows[i].json, JSON_DECODE_ANY, NULL);
		assert_non_null(expected);
		if (!json_equal(field(line, rows[i].field), expected))
			fail_msg("%s: %s", rows[i].id, json_dumps(line, JSON_COMPACT));
		json_decref(expected);
		json_decref(line);
	}
	bench_free(&bench);
}

/** All digits of one label, as many types as fit. */
static void most_types(void **state)
{
	struct bench bench;
	struct asked asked;

	(void)state;
	bench_load(&bench, "good-report-full.yaml");
	/* 63 octets */
	ask(&bench, &asked,
	    "_er.0-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15-16-17-18-19-20-21-22-230.t.1._er."
	    "er.example.net",
	    SB_TYPE_TXT);
	assert_int_equal(asked.decoded.outcome, REPORT_ACCEPTED);
	assert_int_equal(asked.decoded.u.er.type_count, 24);
	json_decref(line_of(&bench, &asked));
	bench_free(&bench);
}

static const char typed[] =
	"report:\n"
	"  log: '-'\n"
	"  client-address: full\n"
	"  zones:\n"
	"    - zone: t.example.net\n"
	"      format: pattern\n"
	"      pattern: "
	"'(?<a>[^.]*)\\.(?<b>[^.]*)\\.(?<c>[^.]*)\\.(?<d>(?:[0-9]+\\.){3}[0-9]+)\\.end(?<x>z)?'\n"
	"      fields: {a: event.start, b: server.port, c: sitebound.count, d: server.ip, x: "
	"labels.x}\n"
	"      tests: [1.2.3.4.4.4.4.end]\n"
	"    - zone: l.example.net\n"
	"      format: pattern\n"
	"      pattern: '(?<a>(a|aa)+)[.]b'\n"
	"      fields: {a: error.code}\n"
	"      tests: [a.b]\n";

static void typed_fields(void **state)
{
	struct bench bench;
	struct asked asked;
	json_t *line;

	(void)state;
	bench_load_text(&bench, "typed", typed);
	ask(&bench, &asked, "1767225600.443.7.192.0.2.1.end.t.example.net", SB_TYPE_A);
	line = line_of(&bench, &asked);
	assert_string_equal(text_of(line, "event.start"), "2026-01-01T00:00:00.000Z");
	assert_int_equal(json_integer_value(field(line, "server.port")), 443);
	assert_int_equal(json_integer_value(field(line, "sitebound.weight")), 7);
	assert_string_equal(text_of(line, "server.ip"), "192.0.2.1");
	/* a group that took no part has no field */
	assert_null(field(line, "labels"));
	assert_null(field(line, "tags"));
	json_decref(line);
	/* values of another type are left out, and the line says so */
	ask(&bench, &asked, "x.65536.9999999999999999999.192.0.2.256.end.t.example.net", SB_TYPE_A);
	line = line_of(&bench, &asked);
	assert_null(field(line, "event.start"));
	assert_null(field(line, "server"));
	assert_null(field(line, "sitebound.count"));
	assert_string_equal(json_string_value(json_array_get(field(line, "tags"), 0)), "sanitized");
	json_decref(line);
	bench_free(&bench);
}

static void match_limit(void **state)
{
	struct bench bench;
	struct asked asked;
	json_t *line;

	(void)state;
	bench_load_text(&bench, "typed", typed);
	ask(&bench, &asked, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.c.b.l.example.net",
	    SB_TYPE_A);
	assert_int_equal(asked.decoded.outcome, REPORT_MALFORMED);
	line = line_of(&bench, &asked);
	assert_string_equal(text_of(line, "event.reason"), "pattern-limit");
	json_decref(line);
	bench_free(&bench);
}

/** A pattern that says nothing of its ends is anchored at both. */
static void anchored(void **state)
{
	static const struct {
		const char *name;
		enum report_outcome outcome;
	} names[] = {
		{"aa.b.l.example.net", REPORT_ACCEPTED},
		{"AA.B.l.example.net", REPORT_ACCEPTED},
		{"c.aa.b.l.example.net", REPORT_MALFORMED},
		{"aa.b.c.l.example.net", REPORT_MALFORMED},
		{"aa.bb.l.example.net", REPORT_MALFORMED},
		{"aa.b\\010.l.example.net", REPORT_MALFORMED},
	};
	struct bench bench;
	struct asked asked;
	size_t i;

	(void)state;
	bench_load_text(&bench, "typed", typed);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		ask(&bench, &asked, names[i].name, SB_TYPE_A);
		if (asked.decoded.outcome != names[i].outcome)
			fail_msg("%s: outcome %d", names[i].name, asked.decoded.outcome);
	}
	bench_free(&bench);
}

/** The client's prefix tells two reports apart only where nothing else does. */
static void identity(void **state)
{
	static const struct {
		const char *id, *a, *b;
		struct sb_addr from_a, from_b;
		bool same;
	} pairs[] = {
		{"nonce",
		 "k3f9.1.win10.v1.se.e.example.net",
		 "k3f9.1.win10.v1.se.e.example.net",
		 {4, {10, 0, 0, 1}},
		 {4, {10, 9, 0, 1}},
		 true},
		{"nonce-differs",
		 "k3f9.1.win10.v1.se.e.example.net",
		 "k3f8.1.win10.v1.se.e.example.net",
		 {4, {10, 0, 0, 1}},
		 {4, {10, 0, 0, 1}},
		 false},
		{"case",
		 "_er.1.t.7._er.er.example.net",
		 "_ER.1.T.7._eR.ER.example.net",
		 {4, {10, 0, 0, 1}},
		 {4, {10, 0, 0, 1}},
		 true},
		{"same-prefix",
		 "_er.1.t.7._er.er.example.net",
		 "_er.1.t.7._er.er.example.net",
		 {4, {10, 0, 0, 1}},
		 {4, {10, 0, 0, 255}},
		 true},
		{"other-prefix",
		 "_er.1.t.7._er.er.example.net",
		 "_er.1.t.7._er.er.example.net",
		 {4, {10, 0, 0, 1}},
		 {4, {10, 0, 1, 1}},
		 false},
		{"same-prefix-6",
		 "_er.1.t.7._er.er.example.net",
		 "_er.1.t.7._er.er.example.net",
		 {16, {32, 1, 0, 0, 0, 0, 0, 1}},
		 {16, {32, 1, 0, 0, 0, 0, 0, 255, 7}},
		 true},
		{"other-prefix-6",
		 "_er.1.t.7._er.er.example.net",
		 "_er.1.t.7._er.er.example.net",
		 {16, {32, 1, 0, 0, 0, 0, 1}},
		 {16, {32, 1, 0, 0, 0, 0, 2}},
		 false},
		{"malformed-nonce",
		 "k.1.win10.v1.se.e.example.net",
		 "k.1.win10.v1.se.e.example.net",
		 {4, {10, 0, 0, 1}},
		 {4, {10, 9, 0, 1}},
		 false},
	};
	struct bench bench;
	struct asked a, b;
	char id_a[REPORT_EVENT_ID_MAX], id_b[REPORT_EVENT_ID_MAX];
	size_t i;

	(void)state;
	bench_load(&bench, "good-report-full.yaml");
	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		bool same;

		ask(&bench, &a, pairs[i].a, SB_TYPE_TXT);
		ask(&bench, &b, pairs[i].b, SB_TYPE_TXT);
		report_decode(a.zone, bench.scratch, &a.query, a.apex_label, &pairs[i].from_a,
			      &a.decoded);
		report_decode(b.zone, bench.scratch, &b.query, b.apex_label, &pairs[i].from_b,
			      &b.decoded);
		same = memcmp(a.decoded.identity, b.decoded.identity, REPORT_IDENTITY_LEN) == 0;
		if (same != pairs[i].same)
			fail_msg("%s", pairs[i].id);
	}
	/* the minute is a part of the event.id, the second is not */
	report_event_id(&a.decoded, 1767225600, id_a);
	report_event_id(&a.decoded, 1767225659, id_b);
	assert_string_equal(id_a, id_b);
	report_event_id(&a.decoded, 1767225660, id_b);
	assert_string_not_equal(id_a, id_b);
	assert_int_equal(strlen(id_a), 16 + 1 + 8);
	bench_free(&bench);
}

/** With client-address none, a hash must not give the prefix away. */
static void salt(void **state)
{
	static const char text[] = "report:\n  log: '-'\n  client-address: none\n"
				   "  zones: [{zone: er.example.net, format: rfc9567}]\n";
	struct bench first, second;
	struct asked a, b;

	(void)state;
	bench_load_text(&first, "first", text);
	bench_load_text(&second, "second", text);
	ask(&first, &a, "_er.1.t.7._er.er.example.net", SB_TYPE_TXT);
	ask(&second, &b, "_er.1.t.7._er.er.example.net", SB_TYPE_TXT);
	assert_memory_not_equal(a.decoded.identity, b.decoded.identity, REPORT_IDENTITY_LEN);
	bench_free(&first);
	bench_free(&second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats),	cmocka_unit_test(most_types),
		cmocka_unit_test(typed_fields), cmocka_unit_test(match_limit),
		cmocka_unit_test(anchored),	cmocka_unit_test(identity),
		cmocka_unit_test(salt),
	};

	return cmocka_run_group_tests_name("report names", tests, NULL, NULL);
}
