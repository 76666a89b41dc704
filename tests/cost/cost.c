/* SPDX-License-Identifier: BSD-3-Clause */
/* What deciding and writing cost: each function that begins with cost_ does one thing CALLS times, and `run` has
 * callgrind count the instructions of each. By itself this program says only how it was built. */
#include "../unit/report_testing.h"

#include "../../modules/noaaaa/noaaaa.h"
#include "../../modules/synth/synth.h"

#define CALLS 100
/** Blocks, zones and pattern zones where there are many. */
#define BLOCKS 10000
#define ZONES 10000
#define PATTERNS 20
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/** What is asked, and what came of it. */
struct subject {
	struct bench bench;
	const struct synth_conf *synth;
	const struct noaaaa_conf *noaaaa;
	/** of synth and report */
	struct sb_zones *outline;
	bool may_have;
	struct asked asked;
	struct sb_verdict verdict;
	const struct noaaaa_zone *zone;
	char line[REPORT_LINE_MAX];
	size_t line_len;
};

/** A thing that is counted. The compiler must believe that each round matters. */
#define COST(name, what) \
	__attribute__((noinline)) void cost_##name(struct subject *s); \
	void cost_##name(struct subject *s) \
	{ \
		int i; \
\
		for (i = 0; i < CALLS; i++) { \
			what; \
			__asm__ volatile("" : : "r"(s) : "memory"); \
		} \
	}

#define SYNTH synth_decide(s->synth, &s->asked.query, &s->verdict)
#define NOAAAA s->zone = noaaaa_find(s->noaaaa, &s->asked.query.qname)
/* finding the zone is a part of it */
#define DECODE \
	do { \
		s->asked.zone = sb_zones_find(s->bench.conf->rules.zones, &s->asked.query.qname, \
					      &s->asked.apex_label); \
		report_decode(s->asked.zone, s->bench.scratch, &s->asked.query, \
			      s->asked.apex_label, &test_client, &s->asked.decoded); \
	} while (0)
#define LINE \
	if (report_line(s->bench.conf, NULL, &test_observer, &s->asked.arrival, s->line, \
			&s->line_len) != SB_OK) \
	abort()

COST(synth_dotted, SYNTH)
COST(synth_dashed, SYNTH)
COST(synth_dashed6, SYNTH)
COST(synth_hex, SYNTH)
COST(synth_denied, SYNTH)
COST(synth_many_blocks, SYNTH)
COST(synth_site, SYNTH)
COST(synth_pass, SYNTH)
COST(noaaaa_one_of_many, NOAAAA)
COST(noaaaa_pass, NOAAAA)
COST(outline_pass, s->may_have = sb_zones_may_have(s->outline, &s->asked.query.qname))
COST(report_envelope, DECODE)
COST(report_envelope_line, LINE)
COST(report_pattern, DECODE)
COST(report_pattern_of_many, DECODE)
COST(report_pattern_line, LINE)
COST(report_er, DECODE)
COST(report_er_line, LINE)

/* what an application sends when a connection timed out */
#define ENVELOPE "e1aaaaambzbqytimbxdedsk3dpm5uw4nrrfyzc4njyhea2eu2fmqp53nq.r.example.net"

static const struct {
	const char *name;
	uint16_t qtype;
	void (*cost)(struct subject *s);
} rows[] = {
	{"10.1.2.3.ip.example.com", SB_TYPE_A, cost_synth_dotted},
	{"10-1-2-3.ip.example.com", SB_TYPE_A, cost_synth_dashed},
	{"2001-db8--1-2.ip.example.com", SB_TYPE_AAAA, cost_synth_dashed6},
	{"0a010203.ip.example.com", SB_TYPE_A, cost_synth_hex},
	{"10.66.1.1.ip.example.com", SB_TYPE_A, cost_synth_denied},
	{"10.20.99.3.many.example.com", SB_TYPE_A, cost_synth_many_blocks},
	{"svc.dc.prd.example.com", SB_TYPE_A, cost_synth_site},
	{"www.example.org", SB_TYPE_A, cost_synth_pass},
	{"www.z7777.example.com", SB_TYPE_AAAA, cost_noaaaa_one_of_many},
	{"www.example.org", SB_TYPE_AAAA, cost_noaaaa_pass},
	{"www.example.org", SB_TYPE_A, cost_outline_pass},
	{ENVELOPE, SB_TYPE_A, cost_report_envelope},
	{ENVELOPE, SB_TYPE_A, cost_report_envelope_line},
	{"k3f9.1407.win10.v1-2-58.se.p1.example.net", SB_TYPE_A, cost_report_pattern},
	{"k3f9.1407.win10.v1-2-58.se.p19.example.net", SB_TYPE_A, cost_report_pattern_of_many},
	{"k3f9.1407.win10.v1-2-58.se.p1.example.net", SB_TYPE_A, cost_report_pattern_line},
	{"_er.1.broken.test.7._er.er.example.net", SB_TYPE_TXT, cost_report_er},
	{"_er.1.broken.test.7._er.er.example.net", SB_TYPE_TXT, cost_report_er_line},
};

static void load(struct subject *s)
{
	char *text;
	size_t text_len;
	FILE *to = open_memstream(&text, &text_len);
	int i;

	assert_non_null(to);
	fputs("synth:\n  address-names:\n"
	      "    - {zone: ip.example.com, forms: [dotted, dashed, hex],\n"
	      "       allow: [10.0.0.0/8, \"2001:db8::/32\"], deny: [10.66.0.0/16]}\n"
	      "    - zone: many.example.com\n      allow: [",
	      to);
	for (i = 0; i < BLOCKS; i++)
		fprintf(to, "10.%d.%d.0/25,%s", i / 250, i % 250, i % 8 == 0 ? "\n" : " ");
	fputs("10.255.0.0/25]\n  site-names:\n"
	      "    - {label: dc, parents: [prd.example.com], site: dc1, fallback: [dc2]}\n"
	      "noaaaa:\n  - zones: [",
	      to);
	for (i = 0; i < ZONES; i++)
		fprintf(to, "z%d.example.com,%s", i, i % 8 == 0 ? "\n" : " ");
	fputs("example.com]\nreport:\n  log: '-'\n  zones:\n"
	      "    - {zone: r.example.net, format: envelope}\n"
	      "    - {zone: er.example.net, format: rfc9567}\n",
	      to);
	for (i = 0; i < PATTERNS; i++)
		fprintf(to,
			"    - zone: p%d.example.net\n      format: pattern\n"
			"      pattern: '^(?<n>[a-z0-9]{4,16})\\.(?<code>[a-z]?[0-9]{1,5})\\."
			"(?<os>[a-z0-9]{2,10})\\.(?<ver>v[0-9]{1,4}(?:-[0-9]{1,4}){0,3})\\."
			"(?<cc>[a-z]{2})$'\n"
			"      fields: {n: sitebound.nonce, code: error.code,"
			" os: user_agent.os.name, ver: user_agent.version,"
			" cc: client.geo.country_iso_code}\n"
			"      tests: [k3f9.1407.win10.v1-2-58.se]\n",
			i);
	fclose(to);
	bench_load_text(&s->bench, "cost", text);
	free(text);
	s->synth = sb_conf_section(s->bench.all, "synth");
	s->noaaaa = sb_conf_section(s->bench.all, "noaaaa");
	s->outline = sb_zones_new();
	assert_non_null(s->outline);
	sb_zones_outline(s->outline, s->synth->rules.zones);
	sb_zones_outline(s->outline, s->bench.conf->rules.zones);
}

#if !defined(__OPTIMIZE__) || defined(__clang__) || defined(__SANITIZE_ADDRESS__)
static const bool is_counted = false;
#else
static const bool is_counted = true;
#endif

int main(void)
{
	struct subject s;
	size_t i;

	if (!is_counted) {
		puts("skipped: the numbers are of gcc's optimized code");
		return 77;
	}
	/* counts of another build are other counts */
	puts("gcc " __VERSION__ " " COST_FLAGS);
	memset(&s, 0, sizeof(s));
	load(&s);
	for (i = 0; i < LENGTH(rows); i++) {
		ask(&s.bench, &s.asked, rows[i].name, rows[i].qtype);
		/* the first time functions are bound and tables are made */
		rows[i].cost(&s);
		rows[i].cost(&s);
	}
	sb_zones_free(s.outline);
	bench_free(&s.bench);
	return 0;
}
