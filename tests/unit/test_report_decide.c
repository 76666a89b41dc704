/* SPDX-License-Identifier: BSD-3-Clause */
/* The DNS answers inside report zones. */
#include "report_testing.h"

enum answer { NODATA, TXT_ACK, A_ACK, SOA, NS };

static const struct {
	const char *id, *name;
	uint16_t qtype, qclass;
	enum answer answer;
} rows[] = {
	{"txt", "e1aafbwlb5cedsalmkpu.r.example.net", SB_TYPE_TXT, 1, TXT_ACK},
	{"a", "e1aafbwlb5cedsalmkpu.r.example.net", SB_TYPE_A, 1, A_ACK},
	{"aaaa", "e1aafbwlb5cedsalmkpu.r.example.net", SB_TYPE_AAAA, 1, NODATA},
	{"mx", "e1aafbwlb5cedsalmkpu.r.example.net", 15, 1, NODATA},
	{"any", "e1aafbwlb5cedsalmkpu.r.example.net", SB_TYPE_ANY, 1, NODATA},
	{"soa-below", "e1aafbwlb5cedsalmkpu.r.example.net", SB_TYPE_SOA, 1, NODATA},
	{"ds", "e1aafbwlb5cedsalmkpu.r.example.net", 43, 1, NODATA},
	{"chaos", "e1aafbwlb5cedsalmkpu.r.example.net", SB_TYPE_TXT, 3, NODATA},
	{"malformed", "e2aa.r.example.net", SB_TYPE_TXT, 1, NODATA},
	{"malformed-a", "e2aa.r.example.net", SB_TYPE_A, 1, NODATA},
	{"partial", "mcrafndvgfconstwpikmm.r.example.net", SB_TYPE_A, 1, NODATA},
	{"partial-ns", "mcrafndvgfconstwpikmm.r.example.net", SB_TYPE_NS, 1, NODATA},
	{"apex-soa", "r.example.net", SB_TYPE_SOA, 1, SOA},
	{"apex-ns", "R.example.NET", SB_TYPE_NS, 1, NS},
	{"apex-a", "r.example.net", SB_TYPE_A, 1, NODATA},
	{"apex-txt", "r.example.net", SB_TYPE_TXT, 1, NODATA},
	{"apex-dnskey", "r.example.net", 48, 1, NODATA},
	{"apex-ds", "r.example.net", 43, 1, NODATA},
	{"apex-soa-chaos", "r.example.net", SB_TYPE_SOA, 3, NODATA},
	{"apex-ns-none", "e.example.net", SB_TYPE_NS, 1, NODATA},
	{"pattern-a-none", "k3f9.1.win10.v1.se.e.example.net", SB_TYPE_A, 1, NODATA},
	{"pattern-txt", "k3f9.1.win10.v1.se.e.example.net", SB_TYPE_TXT, 1, TXT_ACK},
	{"er-txt", "_er.1.t.7._er.er.example.net", SB_TYPE_TXT, 1, TXT_ACK},
	{"er-a", "_er.1.t.7._er.er.example.net", SB_TYPE_A, 1, NODATA},
	{"er-apex", "er.example.net", SB_TYPE_SOA, 1, SOA},
};

static void check(const char *id, enum answer answer, const struct asked *asked,
		  const struct sb_verdict *verdict)
{
	char ack[64];
	size_t ack_len;

	assert_int_equal(verdict->kind, SB_ANSWER);
	assert_int_equal(verdict->rcode, SB_NOERROR);
	assert_true(verdict->authoritative);
	assert_int_equal(verdict->ede, SB_EDE_NONE);
	assert_int_equal(verdict->rule, asked->zone->index);
	switch (answer) {
	case NODATA:
		if (verdict->rrtype != 0 || verdict->rr_count != 0 ||
		    verdict->soa != &asked->zone->soa)
			fail_msg("%s: not NODATA", id);
		return;
	case SOA:
		assert_int_equal(verdict->rrtype, SB_TYPE_SOA);
		assert_ptr_equal(verdict->soa, &asked->zone->soa);
		return;
	case NS:
		assert_int_equal(verdict->rrtype, SB_TYPE_NS);
		assert_int_equal(verdict->rr_count, 1);
		assert_null(verdict->soa);
		assert_memory_equal(verdict->rrs, "\000\021\003ns1\007example\003net", 19);
		assert_int_equal(verdict->rrs_len, 19);
		return;
	case A_ACK:
		assert_int_equal(verdict->rrtype, SB_TYPE_A);
		assert_null(verdict->soa);
		assert_int_equal(verdict->ttl, 60);
		assert_int_equal(verdict->rrs_len, 6);
		assert_memory_equal(verdict->rrs, "\000\004\306\063\144\065", 6);
		return;
	case TXT_ACK:
		if (verdict->rrtype != SB_TYPE_TXT)
			fail_msg("%s: not TXT", id);
		assert_null(verdict->soa);
		assert_int_equal(verdict->rr_count, 1);
		ack_len = (size_t)snprintf(ack, sizeof(ack), "ok %s", asked->arrival.event_id);
		assert_int_equal(verdict->rrs_len, 2 + 1 + ack_len);
		assert_int_equal(verdict->rrs[0], 0);
		assert_int_equal(verdict->rrs[1], ack_len + 1);
		assert_int_equal(verdict->rrs[2], ack_len);
		assert_memory_equal(verdict->rrs + 3, ack, ack_len);
		return;
	}
}

static void answers(void **state)
{
	struct bench bench;
	struct asked asked;
	struct sb_verdict verdict;
	size_t i;

	(void)state;
	bench_load(&bench, "good-report-full.yaml");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ask(&bench, &asked, rows[i].name, rows[i].qtype);
		asked.query.qclass = rows[i].qclass;
		report_decode(asked.zone, bench.scratch, &asked.query, asked.apex_label,
			      &test_client, &asked.decoded);
		memset(&verdict, 0xa5, sizeof(verdict));
		report_decide(asked.zone, &asked.query, asked.apex_label, &asked.decoded,
			      asked.arrival.event_id, &verdict);
		check(rows[i].id, rows[i].answer, &asked, &verdict);
	}
	bench_free(&bench);
}

static void tcp(void **state)
{
	struct bench bench;
	struct asked asked;

	(void)state;
	bench_load(&bench, "good-report-edges.yaml");
	ask(&bench, &asked, "e1aafbwlb5cedsalmkpu.r.example.net", SB_TYPE_TXT);
	assert_true(report_wants_tcp(asked.zone, &asked.decoded, false));
	assert_false(report_wants_tcp(asked.zone, &asked.decoded, true));
	ask(&bench, &asked, "e2.r.example.net", SB_TYPE_TXT);
	assert_false(report_wants_tcp(asked.zone, &asked.decoded, false));
	ask(&bench, &asked, "r.example.net", SB_TYPE_SOA);
	assert_false(report_wants_tcp(asked.zone, &asked.decoded, false));
	ask(&bench, &asked, "v1.5.end.inner.r.example.net", SB_TYPE_TXT);
	assert_int_equal(asked.decoded.outcome, REPORT_ACCEPTED);
	assert_false(report_wants_tcp(asked.zone, &asked.decoded, false));
	bench_free(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(tcp),
	};

	return cmocka_run_group_tests_name("report answers", tests, NULL, NULL);
}
