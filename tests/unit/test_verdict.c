/* SPDX-License-Identifier: BSD-3-Clause */
/* Contents of verdicts, and of an SOA octet for octet. */
#include "sitebound/verdict.h"

#include "unit.h"

static void soa(void **state)
{
	static const uint8_t rest[] = "\006nobody\007invalid\000"
				      "\000\000\000\001"  /* SERIAL 1 */
				      "\000\000\016\020"  /* REFRESH 3600 */
				      "\000\000\004\260"  /* RETRY 1200 */
				      "\000\011\072\200"; /* EXPIRE 604800 */
	static const struct {
		const char *id;
		uint32_t ttl;
		uint8_t minimum[4];
	} rows[] = {
		{"ttl-60", 60, {0, 0, 0, 60}},
		{"ttl-0", 0, {0, 0, 0, 0}},
		{"ttl-most", 0x7fffffff, {0x7f, 0xff, 0xff, 0xff}},
		{"ttl-every-octet", 0x01020304, {1, 2, 3, 4}},
	};
	struct unit_name owner, mname;
	struct sb_soa made;
	struct sb_dname longest_name;
	uint8_t longest[512], rdata[SB_SOA_RDATA_MAX];
	size_t i;

	(void)state;
	unit_name(&owner, "ip.example.com");
	unit_name(&mname, "ns.example.com");
	for (i = 0; i < COUNT(rows); i++) {
		size_t at = mname.name.wire_len, len;

		sb_soa_init(&made, &owner.name, &mname.name, NULL, rows[i].ttl);
		len = sb_soa_rdata(&made, rdata);
		CHECK(rows[i].id, made.owner == owner.wire);
		CHECK(rows[i].id, made.owner_len == owner.name.wire_len);
		CHECK(rows[i].id, made.ttl == rows[i].ttl);
		CHECK(rows[i].id, memcmp(rdata, mname.wire, at) == 0);
		CHECK(rows[i].id, memcmp(rdata + at, rest, sizeof(rest) - 1) == 0);
		at += sizeof(rest) - 1;
		CHECK(rows[i].id, memcmp(rdata + at, rows[i].minimum, 4) == 0);
		CHECK(rows[i].id, len == at + 4);
	}
	/* the longest MNAME and RNAME have room */
	i = unit_wire_of("63x3 61", longest);
	assert_int_equal(i, SB_DNAME_MAX);
	assert_int_equal(sb_dname_parse(&longest_name, longest, i), SB_OK);
	sb_soa_init(&made, &longest_name, &longest_name, &longest_name, 1);
	CHECK("longest", sb_soa_rdata(&made, rdata) == SB_SOA_RDATA_MAX);
	CHECK("longest", memcmp(rdata + i, longest, i) == 0);
	unit_done();
}

static void rr(void **state)
{
	struct sb_verdict verdict;
	struct sb_soa zone_soa = {.ttl = 1};
	uint8_t rdata[SB_DNAME_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rdata); i++)
		rdata[i] = (uint8_t)i;
	memset(&verdict, 0xa5, sizeof(verdict));
	verdict.soa = &zone_soa;
	sb_verdict_rr(&verdict, SB_TYPE_A, 300, rdata, 4);
	CHECK("a", verdict.rcode == SB_NOERROR && verdict.rrtype == SB_TYPE_A);
	CHECK("a", verdict.ttl == 300 && verdict.rr_count == 1 && verdict.soa == NULL);
	CHECK("a", verdict.rrs_len == 6 && memcmp(verdict.rrs, "\0\4\0\1\2\3", 6) == 0);
	sb_verdict_rr(&verdict, SB_TYPE_CNAME, 0, rdata, sizeof(rdata));
	CHECK("longest", verdict.rrs_len == 2 + sizeof(rdata));
	CHECK("longest", verdict.rrs[0] == 0 && verdict.rrs[1] == 255);
	CHECK("longest", memcmp(verdict.rrs + 2, rdata, sizeof(rdata)) == 0);
	unit_done();
}

static void negative(void **state)
{
	struct sb_verdict verdict;
	struct sb_soa zone_soa = {.ttl = 1};

	(void)state;
	memset(&verdict, 0, sizeof(verdict));
	sb_verdict_rr(&verdict, SB_TYPE_A, 300, (const uint8_t *)"\1\2\3\4", 4);
	sb_verdict_negative(&verdict, SB_NXDOMAIN, &zone_soa);
	CHECK("nx", verdict.rcode == SB_NXDOMAIN && verdict.soa == &zone_soa);
	CHECK("nx", verdict.rrtype == 0 && verdict.rr_count == 0);
	sb_verdict_negative(&verdict, SB_NXDOMAIN, NULL);
	CHECK("nx-without-soa", verdict.rcode == SB_NXDOMAIN && verdict.soa == NULL);
	sb_verdict_negative(&verdict, SB_NOERROR, &zone_soa);
	CHECK("nodata", verdict.rcode == SB_NOERROR && verdict.soa == &zone_soa);
	sb_verdict_soa(&verdict, &zone_soa);
	CHECK("soa", verdict.rcode == SB_NOERROR && verdict.rrtype == SB_TYPE_SOA);
	CHECK("soa", verdict.soa == &zone_soa && verdict.rr_count == 0);
	unit_done();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(soa),
		cmocka_unit_test(rr),
		cmocka_unit_test(negative),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
