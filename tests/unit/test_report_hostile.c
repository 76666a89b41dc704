/* SPDX-License-Identifier: BSD-3-Clause */
/* Names that nobody means well with: whatever comes, the outcome is one of four, the answer is
 * NOERROR, and a line is one line of JSON. */
#include "report_testing.h"

static void try_wire(const struct bench *bench, const uint8_t *wire, size_t wire_len)
{
	static const uint16_t qtypes[] = {SB_TYPE_A, SB_TYPE_TXT, SB_TYPE_AAAA, SB_TYPE_NS};
	struct sb_verdict verdict;
	struct asked asked;
	struct sb_dname name;
	size_t i;

	if (sb_dname_parse(&name, wire, wire_len) != SB_OK)
		return;
	for (i = 0; i < sizeof(qtypes) / sizeof(qtypes[0]); i++) {
		ask_wire(bench, &asked, wire, wire_len, qtypes[i], &test_client);
		if (asked.zone == NULL)
			return;
		report_decide(asked.zone, &asked.query, asked.apex_label, &asked.decoded,
			      asked.arrival.event_id, &verdict);
		assert_int_equal(verdict.kind, SB_ANSWER);
		assert_int_equal(verdict.rcode, SB_NOERROR);
		if (asked.decoded.outcome == REPORT_MALFORMED)
			assert_true(asked.decoded.reason != REPORT_REASON_NONE &&
				    asked.decoded.reason < REPORT_REASON_COUNT);
		/* the line does not depend on the qtype */
		if (qtypes[i] == SB_TYPE_TXT && (asked.decoded.outcome == REPORT_MALFORMED ||
						 asked.decoded.outcome == REPORT_ACCEPTED))
			json_decref(line_of(bench, &asked));
	}
}

static const char *const good[] = {
	"e1aafbwlb5cedsalmkpu.r.example.net",
	"e1aaaaaaafcec7yylchv4p6clfpbyd25dmomytgigsagkq.r.example.net",
	"e1iaaaaaalaeiqsvoeaaxgpdipxm.r.example.net",
	"k3f9.1407.win10.v1-2-58.se.e.example.net",
	"_er.1.broken.test.7._er.er.example.net",
};

/** Every octet in every position of the wire name, length octets too. */
static void every_octet(void **state)
{
	struct bench bench;
	uint8_t wire[SB_DNAME_MAX], changed[SB_DNAME_MAX];
	size_t wire_len, i, at;
	unsigned octet;

	(void)state;
	bench_load(&bench, "good-report-full.yaml");
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(
			sb_dname_from_master_text(good[i], strlen(good[i]), wire, &wire_len),
			SB_OK);
		for (at = 0; at < wire_len; at++) {
			for (octet = 0; octet < 256; octet++) {
				memcpy(changed, wire, wire_len);
				changed[at] = (uint8_t)octet;
				try_wire(&bench, changed, wire_len);
			}
		}
	}
	bench_free(&bench);
}

/** Fill a name in front of a zone with labels of one size, up to 255 octets. */
static size_t fill(uint8_t *wire, const char *head, size_t label_size, uint8_t octet,
		   const uint8_t *zone, size_t zone_len)
{
	size_t at = 0, head_len = strlen(head);

	if (head_len > 0) {
		wire[at++] = (uint8_t)head_len;
		memcpy(wire + at, head, head_len);
		at += head_len;
	}
	while (at + 1 < SB_DNAME_MAX - zone_len) {
		size_t len = SB_DNAME_MAX - zone_len - at - 1;

		len = len > label_size ? label_size : len;
		wire[at++] = (uint8_t)len;
		memset(wire + at, octet, len);
		at += len;
	}
	memcpy(wire + at, zone, zone_len);
	return at + zone_len;
}

static void longest_names(void **state)
{
	static const struct {
		const uint8_t *wire;
		size_t len;
	} zones[] = {
		{(const uint8_t *)"\001r\007example\003net", 15},
		{(const uint8_t *)"\001e\007example\003net", 15},
		{(const uint8_t *)"\003_er\002er\007example\003net", 20},
	};
	static const char *const heads[] = {"", "e1a", "e1", "e9", "_er"};
	static const size_t sizes[] = {1, 2, 31, 62, 63};
	struct bench bench;
	uint8_t wire[SB_DNAME_MAX + 64];
	size_t z, h, s, wire_len;
	unsigned octet;

	(void)state;
	bench_load(&bench, "good-report-full.yaml");
	for (z = 0; z < 3; z++) {
		for (h = 0; h < sizeof(heads) / sizeof(heads[0]); h++) {
			for (s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
				for (octet = 0; octet < 256; octet += octet < 'a' ? 16 : 1) {
					wire_len = fill(wire, heads[h], sizes[s], (uint8_t)octet,
							zones[z].wire, zones[z].len);
					try_wire(&bench, wire, wire_len);
				}
			}
		}
	}
	bench_free(&bench);
}

/** 127 labels: only a zone of one label leaves room for so many. */
static void most_labels(void **state)
{
	static const char text[] = "report:\n  log: '-'\n  zones:\n"
				   "    - {zone: r, format: envelope}\n"
				   "    - {zone: e, format: rfc9567}\n"
				   "    - zone: p\n      format: pattern\n"
				   "      pattern: '(?<c>[^.]+(\\.[^.]+){125})'\n"
				   "      fields: {c: error.code}\n      tests: [%s]\n";
	struct bench bench;
	char conf[1024], labels[300];
	uint8_t wire[SB_DNAME_MAX];
	struct asked asked;
	size_t i;

	(void)state;
	for (i = 0; i < 251; i++)
		labels[i] = i % 2 == 0 ? 'a' : '.';
	labels[251] = '\0';
	snprintf(conf, sizeof(conf), text, labels);
	bench_load_text(&bench, "labels", conf);
	for (i = 0; i < 127; i++) {
		wire[2 * i] = 1;
		wire[2 * i + 1] = 'a';
	}
	wire[254] = 0;
	wire[253] = 'p';
	try_wire(&bench, wire, 255);
	ask_wire(&bench, &asked, wire, 255, SB_TYPE_TXT, &test_client);
	assert_int_equal(asked.query.qname.label_count, 127);
	assert_int_equal(asked.decoded.outcome, REPORT_ACCEPTED);
	wire[253] = 'r';
	try_wire(&bench, wire, 255);
	wire[253] = 'e';
	try_wire(&bench, wire, 255);
	bench_free(&bench);
}

/** Random labels in each zone; the numbers are the same at each run. */
static void random_names(void **state)
{
	static const char *const tails[] = {"\001r\007example\003net", "\001e\007example\003net",
					    "\003_er\002er\007example\003net"};
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
	struct bench bench;
	uint8_t wire[SB_DNAME_MAX];
	uint32_t seed = 1;
	unsigned round;

	(void)state;
	bench_load(&bench, "good-report-full.yaml");
	for (round = 0; round < 30000; round++) {
		size_t tail_len = strlen(tails[round % 3]) + 1, at = 0;

		for (;;) {
			size_t len, i;

			seed = seed * 1664525 + 1013904223;
			len = 1 + (seed >> 16) % 63;
			if (at + 1 + len + tail_len > SB_DNAME_MAX || (seed >> 8) % 8 == 0)
				break;
			wire[at] = (uint8_t)len;
			for (i = 0; i < len; i++) {
				seed = seed * 1664525 + 1013904223;
				wire[at + 1 + i] = round % 2 == 0
							   ? (uint8_t)(seed >> 24)
							   : (uint8_t)alphabet[seed >> 24 & 31];
			}
			if (at == 0 && len >= 3 && round % 3 == 0)
				memcpy(wire + 1, "e1", 2);
			at += 1 + len;
		}
		memcpy(wire + at, tails[round % 3], tail_len);
		try_wire(&bench, wire, at + tail_len);
	}
	bench_free(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_octet),
		cmocka_unit_test(longest_names),
		cmocka_unit_test(most_labels),
		cmocka_unit_test(random_names),
	};

	return cmocka_run_group_tests_name("report hostile names", tests, NULL, NULL);
}
