/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * What the tests of the report module share: a configuration, and a name asked as a question.
 */
#ifndef REPORT_TESTING_H
#define REPORT_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "../../modules/report/format.h"
#include "../../modules/report/label_keys.h"
#include "sitebound/conf.h"

/** A configuration and a thread's scratch. */
struct bench {
	struct sb_conf *all;
	struct report_conf *conf;
	struct report_scratch *scratch;
	/** NULL: no limit for each day */
	struct report_label_keys *label_keys;
};

/** A question, what was decoded from it and what would be logged. */
struct asked {
	uint8_t wire[SB_DNAME_MAX];
	struct sb_query query;
	struct report_zone *zone;
	unsigned apex_label;
	struct report_decoded decoded;
	struct report_arrival arrival;
};

static inline void bench_load_text(struct bench *bench, const char *name, const char *text)
{
	struct sb_diags diags;
	struct sb_diag *diag;

	sb_diags_init(&diags);
	if (sb_conf_parse(name, text, strlen(text), &diags, &bench->all) != SB_OK) {
		for (diag = diags.first; diag != NULL; diag = diag->next)
			print_error("%s\n", diag->text);
		fail_msg("%s is a bad file", name);
	}
	bench->label_keys = NULL;
	bench->conf = sb_conf_section(bench->all, "report");
	assert_non_null(bench->conf);
	bench->scratch = report_scratch_new(bench->conf);
	assert_non_null(bench->scratch);
}

static inline void bench_load(struct bench *bench, const char *file)
{
	char path[512], *text;
	size_t text_len;

	snprintf(path, sizeof(path), "%s/conf/%s", TESTS_DIR, file);
	assert_int_equal(sb_conf_read_file(path, &text, &text_len), SB_OK);
	bench_load_text(bench, path, text);
	free(text);
}

static inline void bench_free(struct bench *bench)
{
	report_scratch_free(bench->scratch);
	report_label_keys_free(bench->label_keys);
	sb_conf_free(bench->all);
}

/** Ask with a wire name. Names outside of all zones have zone NULL. */
static inline void ask_wire(const struct bench *bench, struct asked *asked, const uint8_t *wire,
			    size_t wire_len, uint16_t qtype, const struct sb_addr *client)
{
	memset(asked, 0, sizeof(*asked));
	memcpy(asked->wire, wire, wire_len);
	assert_int_equal(sb_dname_parse(&asked->query.qname, asked->wire, wire_len), SB_OK);
	asked->query.qtype = qtype;
	asked->query.qclass = SB_CLASS_IN;
	asked->zone = sb_zones_find(bench->conf->rules.zones, &asked->query.qname,
				    &asked->apex_label);
	if (asked->zone == NULL)
		return;
	report_decode(asked->zone, bench->scratch, &asked->query, asked->apex_label, client,
		      &asked->decoded);
	asked->arrival.time.tv_sec = 1767225600;
	asked->arrival.time.tv_nsec = 7999999;
	asked->arrival.client = *client;
	asked->arrival.port = 40000;
	asked->arrival.qtype = qtype;
	asked->arrival.qname_len = (uint16_t)wire_len;
	memcpy(asked->arrival.qname, wire, wire_len);
	if (asked->decoded.outcome == REPORT_ACCEPTED || asked->decoded.outcome == REPORT_MALFORMED)
		report_event_id(&asked->decoded, asked->arrival.time.tv_sec,
				asked->arrival.event_id);
	asked->arrival.zone = asked->zone;
	asked->arrival.decoded = asked->decoded;
}

static const struct sb_addr test_client = {.len = SB_IP4_LEN, .octet = {192, 0, 2, 77}};

/** Ask with a name in master-file text. */
static inline void ask(const struct bench *bench, struct asked *asked, const char *name,
		       uint16_t qtype)
{
	uint8_t wire[SB_DNAME_MAX];
	size_t wire_len;

	assert_int_equal(sb_dname_from_master_text(name, strlen(name), wire, &wire_len), SB_OK);
	ask_wire(bench, asked, wire, wire_len, qtype, &test_client);
}

static const struct report_observer test_observer = {.hostname = "resolver.example",
						     .version = "1.17.1"};

/** The line of a question as a JSON object; every rule for lines is checked on the way. */
static inline json_t *line_of(const struct bench *bench, const struct asked *asked)
{
	char line[REPORT_LINE_MAX];
	size_t line_len = 0, i;
	json_error_t error;
	json_t *object;

	assert_int_equal(report_line(bench->conf, bench->label_keys, &test_observer,
				     &asked->arrival, line, &line_len),
			 SB_OK);
	assert_true(line_len > 1 && line_len <= REPORT_LINE_MAX);
	assert_int_equal(line[line_len - 1], '\n');
	for (i = 0; i < line_len - 1; i++)
		assert_true((unsigned char)line[i] >= 0x20 && line[i] != 0x7f);
	object = json_loadb(line, line_len, JSON_REJECT_DUPLICATES, &error);
	if (object == NULL)
		fail_msg("%s: %.*s", error.text, (int)line_len, line);
	return object;
}

/** A field by its dotted name, or NULL. */
static inline json_t *field(json_t *object, const char *name)
{
	const char *dot;

	while (object != NULL && (dot = strchr(name, '.')) != NULL) {
		object = json_object_getn(object, name, (size_t)(dot - name));
		name = dot + 1;
	}
	return object != NULL ? json_object_get(object, name) : NULL;
}

/** A field's text; "" when there is none. */
static inline const char *text_of(json_t *object, const char *name)
{
	const char *text = json_string_value(field(object, name));

	return text != NULL ? text : "";
}

static inline uint16_t type_from_text(const char *text)
{
	char room[12];
	unsigned type;

	for (type = 0; type <= UINT16_MAX; type++) {
		if (strcmp(report_type_text((uint16_t)type, room), text) == 0)
			return (uint16_t)type;
	}
	fail_msg("%s is no type", text);
	return 0;
}

#endif
