/* SPDX-License-Identifier: BSD-3-Clause */
/* The section `report`: values of good files, every error of bad ones. */
#include <glob.h>

#include "report_testing.h"

static void full(void **state)
{
	struct bench bench;
	const struct report_zone *zone;

	(void)state;
	bench_load(&bench, "good-report-full.yaml");
	assert_int_equal(bench.conf->log, REPORT_LOG_PATH);
	assert_string_equal(bench.conf->log_path, "/var/lib/unbound/reports.jsonl");
	assert_int_equal(bench.conf->client_address, REPORT_CLIENT_PREFIX);
	assert_int_equal(bench.conf->rate_limit.total, 5000);
	assert_int_equal(bench.conf->rules.count, 3);
	zone = bench.conf->zone[0];
	assert_string_equal(zone->text, "r.example.net");
	assert_int_equal(zone->format, REPORT_ENVELOPE);
	assert_int_equal(zone->ack_a.len, SB_IP4_LEN);
	assert_int_equal(zone->ack_a.octet[3], 53);
	assert_int_equal(zone->key_count, 1);
	assert_int_equal(zone->keys[0].id, 1);
	assert_int_equal(zone->keys[0].len, 32);
	assert_int_equal(zone->keys[0].octet[31], 0x1f);
	assert_int_equal(zone->ns.rr_count, 1);
	assert_null(zone->salt);
	zone = bench.conf->zone[1];
	assert_int_equal(zone->index, 1);
	assert_int_equal(zone->pattern->field_count, 5);
	assert_int_equal(zone->pattern->least_labels, 5);
	assert_int_equal(bench.conf->pattern_pairs, 6);
	assert_int_equal(bench.conf->zone[2]->format, REPORT_RFC9567);
	bench_free(&bench);
}

static void least(void **state)
{
	struct bench bench;
	const struct report_zone *zone;

	(void)state;
	bench_load(&bench, "good-report-least.yaml");
	zone = bench.conf->zone[0];
	assert_int_equal(bench.conf->log, REPORT_LOG_STDOUT);
	assert_int_equal(bench.conf->client_address, REPORT_CLIENT_PREFIX);
	assert_int_equal(bench.conf->dedup_window, 60);
	assert_int_equal(bench.conf->stats_interval, 60);
	assert_int_equal(bench.conf->rate_limit.per_prefix, 20);
	assert_int_equal(bench.conf->rate_limit.burst, 100);
	assert_int_equal(bench.conf->rate_limit.total, 5000);
	assert_int_equal(zone->ttl, 60);
	assert_int_equal(zone->negative_ttl, 60);
	assert_int_equal(zone->soa.ttl, 60);
	assert_false(zone->require_tcp);
	assert_int_equal(zone->ack_a.len, 0);
	assert_false(zone->has_labels);
	assert_int_equal(zone->ns.rr_count, 0);
	assert_int_equal(bench.conf->pattern_pairs, 0);
	bench_free(&bench);
}

static void edges(void **state)
{
	struct bench bench;
	const struct report_zone *zone;
	struct asked asked;

	(void)state;
	bench_load(&bench, "good-report-edges.yaml");
	assert_int_equal(bench.conf->log, REPORT_LOG_SYSLOG);
	assert_int_equal(bench.conf->client_address, REPORT_CLIENT_NONE);
	assert_int_equal(bench.conf->dedup_window, 3600);
	assert_int_equal(bench.conf->rate_limit.per_prefix, 0);
	zone = bench.conf->zone[0];
	assert_string_equal(zone->text, "r.example.net");
	assert_true(zone->require_tcp);
	assert_int_equal(zone->negative_ttl, 2147483647);
	assert_int_equal(zone->ns.rr_count, 3);
	assert_int_equal(zone->ns.rrs_len, 2 * (2 + 17) + 2 + 19);
	assert_int_equal(zone->soa.rname_len, 24);
	assert_memory_equal(zone->soa.rname, "\012hostmaster\007example\003net", 24);
	assert_true(zone->has_labels);
	assert_int_equal(zone->label_count, 2);
	assert_string_equal(zone->label[1], "abcdefghijklmn_0");
	assert_int_equal(zone->address_count, 2);
	assert_int_equal(zone->address[0].rrtype, SB_TYPE_A);
	assert_int_equal(zone->address[0].rr_count, 2);
	assert_int_equal(zone->address[0].rrs_len, 12);
	assert_memory_equal(zone->address[0].rrs, "\0\4\300\0\2\065\0\4\300\0\2\066", 12);
	assert_int_equal(zone->address[1].rrtype, SB_TYPE_AAAA);
	assert_int_equal(zone->address[1].rr_count, 1);
	assert_int_equal(zone->address[1].owner_len, 19);
	assert_memory_equal(zone->address[1].owner, "\003ns3\001r\007example\003net", 19);
	assert_int_equal(zone->keys[0].len, 16);
	assert_int_equal(zone->keys[1].len, 64);
	assert_non_null(zone->salt);
	/* the zone inside decides for its names */
	ask(&bench, &asked, "v1.5.end.inner.R.example.net", SB_TYPE_A);
	assert_int_equal(asked.zone->index, 1);
	assert_int_equal(asked.decoded.outcome, REPORT_ACCEPTED);
	bench_free(&bench);
}

/** Check a bad file: its leading comments "# expect: LINE:COLUMN: KEY PATH: text" are all of its
 * errors, in their order. */
static void check_bad(const char *path)
{
	static const char mark[] = "# expect: ";
	struct sb_conf *conf = NULL;
	struct sb_diags diags;
	const struct sb_diag *diag;
	char *text, *at, *end;
	size_t text_len, path_len = strlen(path);

	sb_diags_init(&diags);
	assert_int_equal(sb_conf_read_file(path, &text, &text_len), SB_OK);
	assert_int_equal(sb_conf_parse(path, text, text_len, &diags, &conf), SB_ECONF);
	diag = diags.first;
	for (at = text; strncmp(at, mark, strlen(mark)) == 0; at = end + 1) {
		at += strlen(mark);
		end = strchr(at, '\n');
		*end = '\0';
		if (diag == NULL)
			fail_msg("%s: not found: %s", path, at);
		assert_int_equal(strncmp(diag->text, path, path_len), 0);
		assert_string_equal(diag->text + path_len + 1, at);
		diag = diag->next;
	}
	if (diag != NULL)
		fail_msg("not expected: %s", diag->text);
	free(text);
	sb_diags_free(&diags);
}

static void bad(void **state)
{
	glob_t files;
	size_t i;

	(void)state;
	assert_int_equal(glob(TESTS_DIR "/conf/bad-report-*.yaml", 0, NULL, &files), 0);
	for (i = 0; i < files.gl_pathc; i++)
		check_bad(files.gl_pathv[i]);
	assert_true(files.gl_pathc >= 6);
	globfree(&files);
}

/** A key in a message would be a key in a log. */
static void no_secrets(void **state)
{
	static const char text[] = "report:\n  log: '-'\n  zones:\n"
				   "    - {zone: r.example, format: envelope, keys: {1: 5ec3e7}}\n";
	struct sb_conf *conf = NULL;
	struct sb_diags diags;

	(void)state;
	sb_diags_init(&diags);
	assert_int_equal(sb_conf_parse("f", text, strlen(text), &diags, &conf), SB_ECONF);
	assert_null(strstr(diags.first->text, "5ec3e7"));
	sb_diags_free(&diags);
}

/** Zones are numbered in 16 bits. */
static void many_zones(void **state)
{
	static char text[65536 * 40 + 64];
	unsigned count;

	(void)state;
	for (count = 65535; count <= 65536; count++) {
		size_t at = (size_t)sprintf(text, "report:\n  log: '-'\n  zones:\n");
		struct sb_conf *conf = NULL;
		struct sb_diags diags;
		unsigned i;

		for (i = 0; i < count; i++)
			at += (size_t)sprintf(text + at, "  - {zone: z%u, format: rfc9567}\n", i);
		sb_diags_init(&diags);
		assert_int_equal(sb_conf_parse("f", text, at, &diags, &conf) == SB_OK,
				 count == 65535);
		if (count > 65535)
			assert_non_null(strstr(diags.first->text, "more than 65535 zones"));
		sb_conf_free(conf);
		sb_diags_free(&diags);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full), cmocka_unit_test(least),      cmocka_unit_test(edges),
		cmocka_unit_test(bad),	cmocka_unit_test(no_secrets), cmocka_unit_test(many_zones),
	};

	return cmocka_run_group_tests_name("report configuration", tests, NULL, NULL);
}
