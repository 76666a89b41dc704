/* SPDX-License-Identifier: BSD-3-Clause */
/* The lines: what every one has, who the client is, how long texts are cut, the counters. */
#include "report_testing.h"
#include "sitebound/envelope_encode.h"

static const char policies[] = "report:\n  log: '-'\n  client-address: %s\n"
			       "  zones: [{zone: r.example.net, format: envelope}]\n";

static const struct {
	const char *id, *policy;
	struct sb_addr client;
	bool tcp, quic;
	/** client and network as JSON */
	const char *ip, *network;
} clients[] = {
	{"full-4",
	 "full",
	 {4, {192, 0, 2, 77}},
	 false,
	 false,
	 "{\"ip\":\"192.0.2.77\",\"port\":40000}",
	 "{\"transport\":\"udp\",\"type\":\"ipv4\",\"protocol\":\"dns\"}"},
	{"prefix-4",
	 "prefix",
	 {4, {192, 0, 2, 77}},
	 true,
	 false,
	 "{\"ip\":\"192.0.2.0\"}",
	 "{\"transport\":\"tcp\",\"type\":\"ipv4\",\"protocol\":\"dns\"}"},
	{"none-4",
	 "none",
	 {4, {192, 0, 2, 77}},
	 false,
	 false,
	 NULL,
	 "{\"transport\":\"udp\",\"type\":\"ipv4\",\"protocol\":\"dns\"}"},
	{"full-6",
	 "full",
	 {16, {0x20, 1, 0xd, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}},
	 true,
	 false,
	 "{\"ip\":\"2001:db8:102:304:506:708:90a:b0c\",\"port\":40000}",
	 "{\"transport\":\"tcp\",\"type\":\"ipv6\",\"protocol\":\"dns\"}"},
	{"prefix-6",
	 "prefix",
	 {16, {0x20, 1, 0xd, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}},
	 false,
	 false,
	 "{\"ip\":\"2001:db8:102:300::\"}",
	 "{\"transport\":\"udp\",\"type\":\"ipv6\",\"protocol\":\"dns\"}"},
	{"quic",
	 "none",
	 {4, {192, 0, 2, 77}},
	 true,
	 true,
	 NULL,
	 "{\"transport\":\"quic\",\"type\":\"ipv4\",\"protocol\":\"dns\"}"},
	{"unknown", "full", {0, {0}}, false, false, NULL, "{\"protocol\":\"dns\"}"},
};

static void client(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(clients) / sizeof(clients[0]); i++) {
		struct bench bench;
		struct asked asked;
		char text[512];
		json_t *line, *expected;

		snprintf(text, sizeof(text), policies, clients[i].policy);
		bench_load_text(&bench, clients[i].id, text);
		ask(&bench, &asked, "e1aafbwlb5cedsalmkpu.r.example.net", SB_TYPE_A);
		asked.arrival.client = clients[i].client;
		asked.arrival.tcp = clients[i].tcp;
		asked.arrival.quic = clients[i].quic;
		line = line_of(&bench, &asked);
		if (clients[i].ip == NULL) {
			assert_null(field(line, "client"));
		} else {
			expected = json_loads(clients[i].ip, 0, NULL);
			if (!json_equal(field(line, "client"), expected))
				fail_msg("%s: %s", clients[i].id, json_dumps(line, JSON_COMPACT));
			json_decref(expected);
		}
		expected = json_loads(clients[i].network, 0, NULL);
		if (!json_equal(field(line, "network"), expected))
			fail_msg("%s: %s", clients[i].id, json_dumps(line, JSON_COMPACT));
		json_decref(expected);
		assert_string_equal(text_of(line, "sitebound.verified"),
				    clients[i].tcp ? "tcp" : "none");
		json_decref(line);
		bench_free(&bench);
	}
}

/** The whole of one line of each kind, as JSON. */
static void whole(void **state)
{
	static const struct {
		const char *id, *name;
		const char *json;
	} rows[] = {
		{"accepted", "E1aafbwlb5cedsalmkpu.r.example.net",
		 "{'@timestamp':'2026-01-01T00:00:00.007Z','log':{'level':'info'},"
		 "'message':'client error 7','ecs':{'version':'8.11.0'},"
		 "'event':{'kind':'event','category':['network'],'type':['info'],"
		 "'module':'sitebound','dataset':'sitebound.report','action':'client-error',"
		 "'outcome':'failure','id':'0a1b2c3d-202d8a7d'},"
		 "'sitebound':{'format':'envelope','zone':'r.example.net','nonce':'0a1b2c3d',"
		 "'verified':'none','weight':1},'error':{'code':'7'},"
		 "'client':{'ip':'192.0.2.0'},"
		 "'network':{'transport':'udp','type':'ipv4','protocol':'dns'},"
		 "'dns':{'question':{'name':'E1aafbwlb5cedsalmkpu.r.example.net','type':'TXT',"
		 "'class':'IN'},'response_code':'NOERROR'},"
		 "'observer':{'hostname':'resolver.example','product':'unbound',"
		 "'version':'1.17.1'}}"},
		{"malformed", "e1a\\\"\\\\\\010\\200.b\\.c.r.example.net",
		 "{'@timestamp':'2026-01-01T00:00:00.007Z','log':{'level':'warning'},"
		 "'message':'malformed report: alphabet','ecs':{'version':'8.11.0'},"
		 "'event':{'kind':'event','category':['network'],'type':['info'],"
		 "'module':'sitebound','dataset':'sitebound.report',"
		 "'action':'report-malformed','outcome':'unknown','id':'ID','reason':'alphabet'},"
		 "'sitebound':{'format':'envelope','zone':'r.example.net','verified':'none',"
		 "'weight':1},'client':{'ip':'192.0.2.0'},"
		 "'network':{'transport':'udp','type':'ipv4','protocol':'dns'},"
		 "'dns':{'question':{'name':'e1a\\\\034\\\\092\\\\010\\\\200.b\\\\046c.r.example."
		 "net',"
		 "'type':'TXT','class':'IN'},'response_code':'NOERROR'},"
		 "'observer':{'hostname':'resolver.example','product':'unbound',"
		 "'version':'1.17.1'}}"},
		{"er", "_er.1.Broken.test.7._er.er.example.net",
		 "{'@timestamp':'2026-01-01T00:00:00.007Z','log':{'level':'info'},"
		 "'message':'DNS error 7 (Signature Expired) for broken.test',"
		 "'ecs':{'version':'8.11.0'},"
		 "'event':{'kind':'event','category':['network'],'type':['info'],"
		 "'module':'sitebound','dataset':'sitebound.report',"
		 "'action':'dns-error-report','outcome':'failure','id':'ID'},"
		 "'sitebound':{'format':'rfc9567','zone':'er.example.net',"
		 "'reported':{'name':'broken.test','types':['A']},'verified':'none','weight':1},"
		 "'error':{'code':'7','message':'Signature Expired'},"
		 "'client':{'ip':'192.0.2.0'},"
		 "'network':{'transport':'udp','type':'ipv4','protocol':'dns'},"
		 "'dns':{'question':{'name':'_er.1.Broken.test.7._er.er.example.net','type':'TXT',"
		 "'class':'IN'},'response_code':'NOERROR'},"
		 "'observer':{'hostname':'resolver.example','product':'unbound',"
		 "'version':'1.17.1'}}"},
	};
	struct bench bench;
	size_t i;
	char *c;

	(void)state;
	bench_load(&bench, "good-report-full.yaml");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct asked asked;
		char text[2048], *id;
		json_t *line, *expected;

		snprintf(text, sizeof(text), "%s", rows[i].json);
		for (c = text; *c != '\0'; c++)
			*c = *c == '\'' ? '"' : *c;
		ask(&bench, &asked, rows[i].name, SB_TYPE_TXT);
		id = strstr(text, "\"ID\"");
		expected = json_loads(text, 0, NULL);
		assert_non_null(expected);
		if (id != NULL)
			json_object_set_new(field(expected, "event"), "id",
					    json_string(asked.arrival.event_id));
		line = line_of(&bench, &asked);
		if (!json_equal(line, expected))
			fail_msg("%s: %s", rows[i].id, json_dumps(line, JSON_COMPACT));
		json_decref(line);
		json_decref(expected);
	}
	bench_free(&bench);
}

static void types(void **state)
{
	struct bench bench;
	struct asked asked;
	json_t *line;

	(void)state;
	bench_load(&bench, "good-report-full.yaml");
	ask(&bench, &asked, "e1aafbwlb5cedsalmkpu.r.example.net", SB_TYPE_AAAA);
	line = line_of(&bench, &asked);
	assert_string_equal(text_of(line, "dns.question.type"), "AAAA");
	json_decref(line);
	bench_free(&bench);
}

/** An arrival that is no report is no line. */
static void refused(void **state)
{
	struct bench bench;
	struct asked asked;
	char line[REPORT_LINE_MAX];
	size_t line_len;

	(void)state;
	bench_load(&bench, "good-report-full.yaml");
#define REFUSED() \
	assert_int_equal( \
		report_line(bench.conf, NULL, &test_observer, &asked.arrival, line, &line_len), \
		SB_EFORM)
	ask(&bench, &asked, "x.r.example.net", SB_TYPE_A);
	REFUSED();
	ask(&bench, &asked, "e1aafbwlb5cedsalmkpu.r.example.net", SB_TYPE_A);
	asked.arrival.qname_len = 256;
	REFUSED();
	asked.arrival.qname_len = 10;
	REFUSED();
	asked.arrival.qname_len = 0;
	REFUSED();
	/* fewer labels than its zone has */
	memcpy(asked.arrival.qname, "\3net", 5);
	asked.arrival.qname_len = 5;
	REFUSED();
	bench_free(&bench);
}

/** One zone whose every field is as long as a name allows, 32 times. */
static void long_fields(void **state)
{
	struct bench bench;
	char text[16384], group[256];
	size_t at, i, label;
	struct asked asked;
	uint8_t wire[SB_DNAME_MAX];
	struct sb_addr client6 = {16, {0x20, 1, 0xd, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};
	json_t *line;

	(void)state;
	/* 32 groups, one in the other, around the whole name */
	at = (size_t)snprintf(text, sizeof(text),
			      "report:\n  log: '-'\n  client-address: full\n  zones:\n"
			      "    - zone: z\n      format: pattern\n      pattern: '");
	for (i = 0; i < REPORT_FIELDS_MAX; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "(?<g%zu>", i);
	at += (size_t)snprintf(text + at, sizeof(text) - at, ".+\\.[^.]+\\.[^.]+\\.[^.]+");
	for (i = 0; i < REPORT_FIELDS_MAX; i++)
		text[at++] = ')';
	at += (size_t)snprintf(text + at, sizeof(text) - at,
			       "'\n      tests: [a.b.c.d]\n      fields:\n"
			       "        g0: error.code\n        g1: sitebound.nonce\n");
	for (i = 2; i < REPORT_FIELDS_MAX; i++) {
		snprintf(group, sizeof(group),
			 "field_number_%02zu.with.a_long.name.of_many_words_in_five_objectsss", i);
		at += (size_t)snprintf(text + at, sizeof(text) - at, "        g%zu: %s\n", i,
				       group);
	}
	bench_load_text(&bench, "long", text);
	/* 253 octets left of the zone, each of which is four characters in a line */
	at = 0;
	for (label = 0; label < 4; label++) {
		size_t len = label < 3 ? 63 : 58;

		wire[at++] = (uint8_t)len;
		memset(wire + at, 0xff, len);
		at += len;
	}
	memcpy(wire + at, "\001z", 3);
	at += 3;
	ask_wire(&bench, &asked, wire, at, SB_TYPE_A, &client6);
	assert_int_equal(asked.decoded.outcome, REPORT_ACCEPTED);
	asked.arrival.tcp = true;
	line = line_of(&bench, &asked);
	assert_non_null(field(line, "error.code"));
	assert_non_null(field(line, "sitebound.nonce"));
	assert_int_equal(strlen(text_of(line, "error.code")), 64);
	assert_string_equal(json_string_value(json_array_get(field(line, "tags"), 0)), "truncated");
	assert_null(field(line, "field_number_02"));
	/* the question is never cut */
	assert_int_equal(strlen(text_of(line, "dns.question.name")), (63 * 3 + 58) * 4 + 5);
	json_decref(line);
	/* a little less, and all fields are there */
	ask(&bench, &asked, "aaaaaaaaaaaaaaaaaaaaaaaa.b.c.d.z", SB_TYPE_A);
	line = line_of(&bench, &asked);
	assert_non_null(field(line, "field_number_31"));
	json_decref(line);
	bench_free(&bench);
}

/** The longest name of a DNS error report, all of it escaped, with the longest of hosts. */
static void longest_er(void **state)
{
	struct bench bench;
	struct asked asked;
	uint8_t wire[SB_DNAME_MAX];
	char host[256], line[REPORT_LINE_MAX];
	struct report_observer observer = {.hostname = host, .version = "1.22.0"};
	size_t at = 0, line_len;
	struct sb_addr client6 = {16, {0x20, 1, 0xd, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};
	json_t *object;

	(void)state;
	memset(host, 0xff, sizeof(host) - 1);
	host[sizeof(host) - 1] = '\0';
	bench_load_text(&bench, "er",
			"report:\n  log: '-'\n  client-address: full\n"
			"  zones: [{zone: z, format: rfc9567}]\n");
	memcpy(wire, "\003_er\0011", 6);
	at = 6;
	while (at < 255 - 12) {
		size_t len = 255 - 12 - at - 1;

		len = len > 63 ? 63 : len;
		wire[at++] = (uint8_t)len;
		memset(wire + at, 0x01, len);
		at += len;
	}
	memcpy(wire + at, "\0045555\003_er\001z", 12);
	ask_wire(&bench, &asked, wire, 255, SB_TYPE_TXT, &client6);
	assert_int_equal(asked.decoded.outcome, REPORT_ACCEPTED);
	assert_int_equal(report_line(bench.conf, NULL, &observer, &asked.arrival, line, &line_len),
			 SB_OK);
	object = json_loadb(line, line_len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(object);
	json_decref(object);
	bench_free(&bench);
}

/** What the Elastic Common Schema says of a field holds for what a pattern puts there. */
static void typed_fields(void **state)
{
	static const struct {
		const char *field, *text, *json;
	} rows[] = {
		{"source.ip", "192.0.2.1", "\"192.0.2.1\""},
		{"source.ip", "abc", NULL},
		{"source.ip", "192.0.2.0/24", NULL},
		{"source.ip", "1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1", NULL},
		{"destination.bytes", "12", "12"},
		{"destination.bytes", "1a", NULL},
		{"server.port", "65535", "65535"},
		{"server.port", "65536", NULL},
		{"event.duration", "5000000000", "5000000000"},
		{"process.start", "1767225600", "\"2026-01-01T00:00:00.000Z\""},
		{"process.start", "yesterday", NULL},
		{"tls.resumed", "true", "true"},
		{"tls.resumed", "FALSE", "false"},
		{"tls.resumed", "1", NULL},
		{"vulnerability.score.base", "7.5", "7.5"},
		{"vulnerability.score.base", "07.5", NULL},
		{"vulnerability.score.base", "-7", NULL},
		{"client.geo.country_iso_code", "se", "\"SE\""},
		{"client.geo.country_iso_code", "Se", "\"SE\""},
		{"client.geo.country_iso_code", "swe", NULL},
		{"client.geo.country_iso_code", "s1", NULL},
		{"user_agent.os.type", "Linux", "\"linux\""},
		{"user_agent.os.type", "win", NULL},
		{"sitebound.access", "wifi", "\"wifi\""},
		{"sitebound.access", "carrier-pigeon", NULL},
		{"sitebound.install_id", "0A0B0C0D", "\"0a0b0c0d\""},
		{"sitebound.install_id", "0a0b0c", NULL},
		{"sitebound.install_id", "0a0b0c0g", NULL},
		{"error.code", "007", "\"007\""},
		{"my.own.field", "12", "\"12\""},
		{"labels.key", "12", "\"12\""},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bench bench;
		struct asked asked;
		char text[512];
		json_t *line, *expected, *found;

		snprintf(text, sizeof(text),
			 "report:\n  log: '-'\n  zones:\n    - zone: z\n      format: pattern\n"
			 "      pattern: 'v\\.(?<f>.*)'\n      tests: [v.a]\n"
			 "      fields: {f: %s}\n",
			 rows[i].field);
		bench_load_text(&bench, rows[i].field, text);
		snprintf(text, sizeof(text), "v.%s.z", rows[i].text);
		ask(&bench, &asked, text, SB_TYPE_TXT);
		line = line_of(&bench, &asked);
		found = field(line, rows[i].field);
		if (rows[i].json == NULL) {
			if (found != NULL)
				fail_msg("%s: %s", rows[i].field, rows[i].text);
			assert_string_equal(
				json_string_value(json_array_get(field(line, "tags"), 0)),
				"sanitized");
		} else {
			expected = json_loads(rows[i].json, JSON_DECODE_ANY, NULL);
			if (!json_equal(found, expected))
				fail_msg("%s: %s", rows[i].field, rows[i].text);
			assert_null(field(line, "tags"));
			json_decref(expected);
		}
		json_decref(line);
		bench_free(&bench);
	}
}

/** Times that have no four digits of a year. */
static void times(void **state)
{
	static const struct {
		time_t seconds;
		const char *text;
	} rows[] = {
		{-1, "1970-01-01T00:00:00.007Z"},
		{INT64_C(253402300799), "9999-12-31T23:59:59.007Z"},
		{INT64_C(253402300800), "1970-01-01T00:00:00.007Z"},
	};
	struct bench bench;
	struct asked asked;
	char text[512];
	size_t i;

	(void)state;
	snprintf(text, sizeof(text), policies, "none");
	bench_load_text(&bench, "times", text);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *line;

		ask(&bench, &asked, "e1aafbwlb5cedsalmkpu.r.example.net", SB_TYPE_A);
		asked.arrival.time.tv_sec = rows[i].seconds;
		line = line_of(&bench, &asked);
		assert_string_equal(text_of(line, "@timestamp"), rows[i].text);
		json_decref(line);
	}
	bench_free(&bench);
}

/** No character is cut in two. */
static void cut_texts(void **state)
{
	static const struct {
		const char *text;
		size_t most, len;
	} rows[] = {
		{"abc", 3, 3},	    {"abc", 2, 2}, {"a\xc3\xa4", 2, 1}, {"a\xf0\x9f\x98\x80", 4, 1},
		{"\xc3\xa4", 1, 0},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(report_text_cut(rows[i].text, strlen(rows[i].text), rows[i].most),
				 rows[i].len);
}

/** One report does not outweigh all others. */
static void weights(void **state)
{
	static const struct {
		const char *most, *count, *rate;
		json_int_t weight;
		bool capped;
	} rows[] = {
		{"", "10", "100", 1000, false},
		{"", "10", "101", 1000, true},
		{"", "1", "999999999999999999", 1000, true},
		{"", "999999999999999999", "999999999999999999", 1000, true},
		{"", "0", "5000", 0, false},
		{"max-weight: 1", "1", "1", 1, false},
		{"max-weight: 1", "2", "1", 1, true},
		{"max-weight: 1000000000", "1000000000", "1", 1000000000, false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bench bench;
		struct asked asked;
		char text[512];
		json_t *line;

		snprintf(text, sizeof(text),
			 "report:\n  log: '-'\n  zones:\n    - zone: z\n      format: pattern\n"
			 "      pattern: '(?<c>[0-9]+)\\.(?<r>[0-9]+)\\.e'\n      tests: [1.2.e]\n"
			 "      fields: {c: sitebound.count, r: sitebound.sample_rate}\n      %s\n",
			 rows[i].most);
		bench_load_text(&bench, "weight", text);
		snprintf(text, sizeof(text), "%s.%s.e.z", rows[i].count, rows[i].rate);
		ask(&bench, &asked, text, SB_TYPE_TXT);
		line = line_of(&bench, &asked);
		assert_int_equal(json_integer_value(field(line, "sitebound.weight")),
				 rows[i].weight);
		if (rows[i].capped)
			assert_string_equal(
				json_string_value(json_array_get(field(line, "tags"), 0)),
				"capped");
		else
			assert_null(field(line, "tags"));
		json_decref(line);
		bench_free(&bench);
	}
}

/** The line of an envelope with these labels, `key=value` with a space between them. */
static json_t *line_with_labels(struct bench *bench, const char *zone, time_t seconds,
				const char *labels)
{
	char name[SB_ENVELOPE_NAME_MAX], copy[128], *rest = copy, *label;
	struct sb_envelope report;
	struct asked asked;

	snprintf(copy, sizeof(copy), "%s", labels);
	sb_envelope_begin(&report, 1);
	sb_envelope_uint(&report, SB_ENVELOPE_CODE_NUMBER, 7);
	while ((label = strsep(&rest, " ")) != NULL)
		assert_int_equal(
			sb_envelope_octets(&report, SB_ENVELOPE_LABEL, label, strlen(label)), 0);
	assert_true(sb_envelope_end(&report, zone, name, sizeof(name)) > 0);
	ask(bench, &asked, name, SB_TYPE_TXT);
	assert_int_equal(asked.decoded.outcome, REPORT_ACCEPTED);
	asked.arrival.time.tv_sec = seconds;
	return line_of(bench, &asked);
}

/** Check what one line keeps, as in the line: {"a": "1"}, or NULL for no labels. */
static void check_labels(struct bench *bench, const char *zone, time_t seconds, const char *labels,
			 const char *kept, bool capped)
{
	json_t *line = line_with_labels(bench, zone, seconds, labels);
	json_t *expected = kept != NULL ? json_loads(kept, 0, NULL) : NULL;
	const char *tag = json_string_value(json_array_get(field(line, "tags"), 0));

	if (kept == NULL ? field(line, "labels") != NULL
			 : !json_equal(field(line, "labels"), expected))
		fail_msg("%s in %s: %s", labels, zone, json_dumps(line, 0));
	assert_true(capped == (tag != NULL && strcmp(tag, "capped") == 0));
	json_decref(expected);
	json_decref(line);
}

/** A list of labels, and the first ones of a day where there is none. */
static void labels(void **state)
{
	/* one second before midnight */
	const time_t before = 1767225599, after = before + 1, later = before + 2 * 86400;
	struct bench bench;
	char text[32], kept[32];
	int i;

	(void)state;
	bench_load_text(&bench, "labels",
			"report:\n  log: '-'\n  zones:\n"
			"    - {zone: any, format: envelope}\n"
			"    - {zone: list, format: envelope, labels: [exp, build]}\n"
			"    - {zone: none, format: envelope, labels: []}\n");
	bench.label_keys = report_label_keys_new(bench.conf);
	assert_non_null(bench.label_keys);
	check_labels(&bench, "list", before, "exp=1 x=2 build=3",
		     "{\"exp\": \"1\", \"build\": \"3\"}", true);
	check_labels(&bench, "list", before, "build=3", "{\"build\": \"3\"}", false);
	check_labels(&bench, "list", before, "buil=3", NULL, true);
	check_labels(&bench, "none", before, "exp=1", NULL, true);
	for (i = 0; i < 40; i++) {
		snprintf(text, sizeof(text), "abcdefghijklmn%02d=v", i);
		snprintf(kept, sizeof(kept), "{\"abcdefghijklmn%02d\": \"v\"}", i);
		check_labels(&bench, "any", before, text, i < 32 ? kept : NULL, i >= 32);
	}
	/* the first ones go on, beside those that are too many */
	check_labels(&bench, "any", before, "k=1 abcdefghijklmn00=2",
		     "{\"abcdefghijklmn00\": \"2\"}", true);
	check_labels(&bench, "any", after, "k=1", "{\"k\": \"1\"}", false);
	/* what was late joins the new day */
	check_labels(&bench, "any", before, "l=1", "{\"l\": \"1\"}", false);
	for (i = 0; i < 30; i++) {
		snprintf(text, sizeof(text), "m%d=v", i);
		json_decref(line_with_labels(&bench, "any", after, text));
	}
	check_labels(&bench, "any", before, "n=1", NULL, true);
	check_labels(&bench, "any", after, "n=1 k=1", "{\"k\": \"1\"}", true);
	check_labels(&bench, "any", later, "n=1", "{\"n\": \"1\"}", false);
	/* a clock that is set back */
	check_labels(&bench, "any", after - 86400, "k=1", "{\"k\": \"1\"}", false);
	bench_free(&bench);
}

static void stats(void **state)
{
	static const struct timespec when = {1767225600, 0};
	struct report_counts counts = {.accepted = 10,
				       .duplicate = 1,
				       .partial = 2,
				       .rate_limited = 3,
				       .queue_dropped = 4,
				       .write_errors = 5,
				       .lines = UINT64_C(9007199254740993)};
	char line[REPORT_LINE_MAX];
	size_t line_len, i;
	json_t *object, *expected;

	(void)state;
	counts.malformed[REPORT_REASON_CHECKSUM] = 6;
	counts.malformed[REPORT_REASON_ER_SYNTAX] = 7;
	assert_int_equal(report_stats_line(&test_observer, &when, &counts, line, &line_len), SB_OK);
	object = json_loadb(line, line_len, JSON_REJECT_DUPLICATES, NULL);
	expected = json_loads("{\"accepted\":10,\"duplicate\":1,\"partial\":2,\"malformed\":"
			      "{\"checksum\":6,\"er-syntax\":7},\"rate_limited\":3,"
			      "\"queue_dropped\":4,\"write_errors\":5,\"lines\":9007199254740993,"
			      "\"lines_astray\":0}",
			      0, NULL);
	assert_true(json_equal(field(object, "sitebound.stats"), expected));
	assert_string_equal(text_of(object, "event.kind"), "metric");
	assert_string_equal(text_of(object, "event.action"), "report-stats");
	assert_string_equal(text_of(object, "event.dataset"), "sitebound.report");
	assert_string_equal(text_of(object, "@timestamp"), "2026-01-01T00:00:00.000Z");
	assert_string_equal(text_of(object, "observer.hostname"), "resolver.example");
	json_decref(expected);
	json_decref(object);
	/* everything at its most: each reason under its own word */
	memset(&counts, 0xff, sizeof(counts));
	for (i = 0; i < REPORT_REASON_COUNT; i++)
		counts.malformed[i] = 1000000000000000000U + i;
	assert_int_equal(report_stats_line(&test_observer, &when, &counts, line, &line_len), SB_OK);
	counts.accepted = 0;
	memset(&counts, 0, sizeof(counts));
	for (i = 1; i < REPORT_REASON_COUNT; i++)
		counts.malformed[i] = i;
	assert_int_equal(report_stats_line(&test_observer, &when, &counts, line, &line_len), SB_OK);
	object = json_loadb(line, line_len, JSON_REJECT_DUPLICATES, NULL);
	for (i = 1; i < REPORT_REASON_COUNT; i++)
		assert_int_equal(json_integer_value(json_object_get(
					 field(object, "sitebound.stats.malformed"),
					 report_reason_text((enum report_reason)i))),
				 i);
	json_decref(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(client),	cmocka_unit_test(whole),
		cmocka_unit_test(types),	cmocka_unit_test(refused),
		cmocka_unit_test(long_fields),	cmocka_unit_test(longest_er),
		cmocka_unit_test(typed_fields), cmocka_unit_test(weights),
		cmocka_unit_test(labels),	cmocka_unit_test(stats),
		cmocka_unit_test(times),	cmocka_unit_test(cut_texts),
	};

	return cmocka_run_group_tests_name("report lines", tests, NULL, NULL);
}
