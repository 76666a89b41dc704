/* SPDX-License-Identifier: BSD-3-Clause */
/* synth: forms of addresses, who may be answered, verdicts, site names, reverse names. */
#include <arpa/inet.h>
#include <errno.h>
#include <unistd.h>

#include "../../modules/synth/synth.h"

#include "unit.h"

/** The name of the machine; NULL: it has none. */
static const char *host = "ns1";

/* in the place of libc's */
int gethostname(char *name, size_t len)
{
	if (host == NULL) {
		errno = EPERM;
		return -1;
	}
	snprintf(name, len, "%s", host);
	return 0;
}

static struct sb_addr addr_of(const char *text)
{
	struct sb_addr addr = {0};

	if (inet_pton(AF_INET, text, addr.octet) == 1)
		addr.len = SB_IP4_LEN;
	else if (inet_pton(AF_INET6, text, addr.octet) == 1)
		addr.len = SB_IP6_LEN;
	else
		fail_msg("the test's own address is bad: %s", text);
	return addr;
}

static const char *addr_text(const struct sb_addr *addr)
{
	static char text[INET6_ADDRSTRLEN];

	inet_ntop(addr->len == SB_IP4_LEN ? AF_INET : AF_INET6, addr->octet, text, sizeof(text));
	return text;
}

/* --- forms --- */

static void octet(void **state)
{
	static const char *const bad[] = {
		"",   "256", "260", "300", "999", "1000", "0000", "00",
		"01", "001", "007", "+1",  "-1",  "1 ",	  " 1",	  "0x1",
		"1_", "a",   "1a",  "-",   "2 5", "25:",  "/",	  "\3601",
	};
	char text[8];
	uint8_t value = 0;
	unsigned i;

	(void)state;
	for (i = 0; i < 256; i++) {
		size_t len = (size_t)snprintf(text, sizeof(text), "%u", i);

		CHECK(text, synth_parse_octet((const uint8_t *)text, len, &value) && value == i);
	}
	for (i = 0; i < COUNT(bad); i++)
		CHECK(bad[i], !synth_parse_octet((const uint8_t *)bad[i], strlen(bad[i]), &value));
	/* the final zero of a C string is no end */
	CHECK("1\\0", !synth_parse_octet((const uint8_t *)"1\0", 2, &value));
	unit_done();
}

static void dashed(void **state)
{
	static const struct {
		const char *label;
		/** NULL: no address */
		const char *addr;
	} rows[] = {
		{"10-1-2-3", "10.1.2.3"},
		{"0-0-0-0", "0.0.0.0"},
		{"255-255-255-255", "255.255.255.255"},
		{"10-1-2-256", NULL},
		{"10-1-2", NULL},
		{"10-1-2-3-4", NULL},
		{"-10-1-2-3", NULL},
		{"10-1-2-3-", NULL},
		{"10-1-2-003", NULL},
		{"10-01-2-3", NULL},
		{"10--2-3", "10::2:3"},
		{"10-1-2-a", NULL},
		{"10.1.2.3", NULL},
		{"10-1-2-3 ", NULL},
		{"10_1_2_3", NULL},
		{"10-1-2-+3", NULL},
		{"", NULL},
		{"-", NULL},
		{"--", "::"},
		{"---", NULL},
		{"----", NULL},
		{"--1", "::1"},
		{"1--", "1::"},
		{"1-", NULL},
		{"-1", NULL},
		{"1", NULL},
		{"1-2", NULL},
		{"0--0", "::"},
		{"0--1", "::1"},
		{"--1-", NULL},
		{"-1--", NULL},
		{"1---2", NULL},
		{"1--2--3", NULL},
		{"--1--", NULL},
		{"2001-db8--1", "2001:db8::1"},
		{"2001-DB8--1", "2001:db8::1"},
		{"2001-0db8--0001", "2001:db8::1"},
		{"2001-db8--", "2001:db8::"},
		{"2001-db8--0", "2001:db8::"},
		{"2001-db8--1--2", NULL},
		{"2001-db8--12345", NULL},
		{"20010-db8--1", NULL},
		{"2001-db8--g", NULL},
		{"1-2-3-4-5-6-7-8", "1:2:3:4:5:6:7:8"},
		{"2001-db8-1-2-3-4-5-6-7", NULL},
		{"1-2-3-4-5-6-7", NULL},
		{"1-2-3-4-5-6-7-8-9", NULL},
		{"1-2-3-4-5-6-7--", "1:2:3:4:5:6:7:0"},
		{"--2-3-4-5-6-7-8", "0:2:3:4:5:6:7:8"},
		{"1-2-3--5-6-7-8", "1:2:3:0:5:6:7:8"},
		/* "--" in an address of eight groups already stands for none */
		{"1-2-3-4-5-6-7-8--", NULL},
		{"--1-2-3-4-5-6-7-8", NULL},
		{"1-2-3-4--5-6-7-8", NULL},
		{"ffff-ffff-ffff-ffff-ffff-ffff-ffff-ffff",
		 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
		{"0000-0000-0000-0000-0000-0000-0000-0001", "::1"},
		{"--ffff-a01-203", "::ffff:10.1.2.3"},
		{"--ffff-10-1-2-3", "::ffff:10:1:2:3"},
		{"0aa--1", "aa::1"},
		{"aa--1", "aa::1"},
		{"2001-db8--1%1", NULL},
		{"2001:db8::1", NULL},
		{"1-2-3-4-5-6-7-8-9-a-b-c-d-e-f-0-1-2-3-4-5-6-7-8-9-a-b-c-d-e-f-0", NULL},
		{"www", NULL},
		{"face", NULL},
		{"dead-beef", NULL},
	};
	struct sb_addr addr, want;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		/* memory of exactly that size: a read behind it is seen */
		size_t len = strlen(rows[i].label);
		uint8_t *label = malloc(len + (len == 0));

		assert_non_null(label);
		memcpy(label, rows[i].label, len);
		CHECK(rows[i].label,
		      synth_parse_dashed(label, len, &addr) == (rows[i].addr != NULL));
		if (rows[i].addr != NULL) {
			want = addr_of(rows[i].addr);
			CHECK(rows[i].label, memcmp(&addr, &want, sizeof(addr)) == 0);
		}
		free(label);
	}
	unit_done();
}

static void hex(void **state)
{
	static const struct {
		const char *label, *addr;
	} rows[] = {
		{"0a010203", "10.1.2.3"},
		{"0A010203", "10.1.2.3"},
		{"00000000", "0.0.0.0"},
		{"FfFfFfFf", "255.255.255.255"},
		{"deadbeef", "222.173.190.239"},
		{"0a01020", NULL},
		{"0a0102030", NULL},
		{"0a01020g", NULL},
		{"0x010203", NULL},
		{"0a01020-", NULL},
		{"", NULL},
		{"a", NULL},
		{"20010db8000000000000000000000001", "2001:db8::1"},
		{"20010DB8000000000000000000000001", "2001:db8::1"},
		{"ffffffffffffffffffffffffffffffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
		{"2001db8000000000000000000000001", NULL},
		{"020010db8000000000000000000000001", NULL},
		{"20010db800000000000000000000000z", NULL},
		{"20010db80000000000", NULL},
	};
	struct sb_addr addr, want;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		size_t len = strlen(rows[i].label);

		CHECK(rows[i].label, synth_parse_hex((const uint8_t *)rows[i].label, len, &addr) ==
					     (rows[i].addr != NULL));
		if (rows[i].addr != NULL) {
			want = addr_of(rows[i].addr);
			CHECK(rows[i].label, memcmp(&addr, &want, sizeof(addr)) == 0);
		}
	}
	unit_done();
}

/** Write the dashed form, check its rules and read it back. */
static void check_written(const struct sb_addr *addr, const char *want)
{
	uint8_t text[SYNTH_DASHED_MAX];
	size_t len = synth_write_dashed(addr, text);
	char id[64];
	struct sb_addr back;

	snprintf(id, sizeof(id), "%s -> %.*s", addr_text(addr), (int)(len < 40 ? len : 40),
		 (const char *)text);
	CHECK(id, len >= 1 && len <= SYNTH_DASHED_MAX);
	CHECK(id, text[0] != '-' && text[len - 1] != '-');
	/* "??--" is reserved (RFC 5891 section 4.2.3.1) */
	CHECK(id, len < 4 || text[2] != '-' || text[3] != '-');
	CHECK(id, synth_parse_dashed(text, len, &back));
	CHECK(id, memcmp(&back, addr, sizeof(back)) == 0);
	if (want != NULL)
		CHECK(id, len == strlen(want) && memcmp(text, want, len) == 0);
}

static void write_dashed(void **state)
{
	static const struct {
		const char *addr, *label;
	} rows[] = {
		{"10.1.2.3", "10-1-2-3"},
		{"0.0.0.0", "0-0-0-0"},
		{"255.255.255.255", "255-255-255-255"},
		{"9.10.99.100", "9-10-99-100"},
		{"::", "0--0"},
		{"::1", "0--1"},
		{"1::", "1--0"},
		{"::1:0", "0--1-0"},
		{"2001:db8::1", "2001-db8--1"},
		{"2001:db8::", "2001-db8--0"},
		{"2001:db8:0:1::", "2001-db8-0-1--0"},
		{"2001:db8:0:1:1:1:1:1", "2001-db8-0-1-1-1-1-1"},
		{"2001:db8::1:0:0:1", "2001-db8--1-0-0-1"},
		{"2001:0:0:1::1", "2001-0-0-1--1"},
		{"0:0:1:0:0:0:1:1", "0-0-1--1-1"},
		{"::ffff:10.1.2.3", "0--ffff-a01-203"},
		{"aa::1", "0aa--1"},
		{"aa::", "0aa--0"},
		{"10::", "010--0"},
		{"ff::", "0ff--0"},
		{"a::1", "a--1"},
		{"aaa::1", "aaa--1"},
		{"100::1", "100--1"},
		{"aa:0:1:1:1:1:1:1", "aa-0-1-1-1-1-1-1"},
		{"aa:1::", "aa-1--0"},
		{"a:b::c", "a-b--c"},
		{"0:1::", "0-1--0"},
		{"0:0:1:1:1:1:1:1", "0--1-1-1-1-1-1"},
		{"1:1:1:1:1:1:0:0", "1-1-1-1-1-1--0"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		 "ffff-ffff-ffff-ffff-ffff-ffff-ffff-ffff"},
	};
	struct sb_addr addr;
	uint64_t random = 88172645463325252ULL;
	unsigned i, j;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		addr = addr_of(rows[i].addr);
		check_written(&addr, rows[i].label);
	}
	/* every pattern of groups that are zero, short, or long */
	for (i = 0; i < 6561; i++) {
		static const uint16_t groups[] = {0, 0xaa, 0x1234};
		unsigned rest = i;

		memset(&addr, 0, sizeof(addr));
		addr.len = SB_IP6_LEN;
		for (j = 0; j < 8; j++, rest /= 3) {
			addr.octet[2 * j] = (uint8_t)(groups[rest % 3] >> 8);
			addr.octet[2 * j + 1] = (uint8_t)groups[rest % 3];
		}
		check_written(&addr, NULL);
	}
	for (i = 0; i < 20000; i++) {
		memset(&addr, 0, sizeof(addr));
		addr.len = i % 4 == 0 ? SB_IP4_LEN : SB_IP6_LEN;
		for (j = 0; j < addr.len; j++) {
			/* xorshift; some octets zero, so that runs of zero groups come up */
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			addr.octet[j] = random >> 60 < 6 ? 0 : (uint8_t)(random >> 32);
		}
		check_written(&addr, NULL);
	}
	unit_done();
}

/* --- configurations --- */

static const char main_conf[] =
	"synth:\n"
	"  address-names:\n"
	"    - zone: ip.example.com\n"
	"      forms: [dotted, dashed, hex]\n"
	"      allow: [10.0.0.0/8, 192.0.2.0/24, '2001:db8::/32', 'aa::/16']\n"
	"      deny: [10.66.0.0/16]\n"
	"      reverse: yes\n"
	"    - zone: sub.ip.example.com\n"
	"      forms: [dotted]\n"
	"      ttl: 5\n"
	"      negative-ttl: 6\n"
	"      otherwise: nxdomain\n"
	"    - zone: dashed.example.com\n"
	"      forms: [dashed]\n"
	"    - zone: hex.example.com\n"
	"      forms: [hex]\n"
	"    - zone: both.example.com\n"
	"  site-names:\n"
	"    - label: dc\n"
	"      parents: [prd.example.com, stg.example.com]\n"
	"      site: dc1\n"
	"      fallback: [dc2]\n"
	"    - label: DC\n"
	"      parents: [one.example.com]\n"
	"      site: Dc1\n"
	"      ttl: 7\n";

static struct synth_conf *load(struct sb_conf **all, const char *text)
{
	struct synth_conf *conf;

	*all = unit_conf(text);
	conf = sb_conf_section(*all, "synth");
	assert_non_null(conf);
	return conf;
}

static const char *zone_text(const uint8_t *wire, size_t wire_len)
{
	static char text[SB_DNAME_TEXT_MAX];
	struct sb_dname name;

	assert_int_equal(sb_dname_parse(&name, wire, wire_len), SB_OK);
	sb_dname_to_text(&name, text);
	return text;
}

/** A verdict in one line: what the rows expect. */
static const char *verdict_text(const struct sb_verdict *verdict)
{
	static char text[2 * SB_DNAME_TEXT_MAX];
	static const char *const kinds[] = {
		[SB_PASS] = "pass", [SB_ASK_UPSTREAM] = "ask", [SB_FOLLOW] = "follow"};
	struct sb_addr addr = {0};
	char what[SB_DNAME_TEXT_MAX + 64];

	if (verdict->kind != SB_ANSWER)
		return kinds[verdict->kind];
	if (verdict->rrtype == SB_TYPE_SOA) {
		snprintf(what, sizeof(what), "SOA %s",
			 zone_text(verdict->soa->owner, verdict->soa->owner_len));
	} else if (verdict->rrtype != 0) {
		assert_int_equal(verdict->rr_count, 1);
		assert_int_equal(verdict->rrs_len, 2 + (verdict->rrs[0] << 8 | verdict->rrs[1]));
		assert_null(verdict->soa);
		if (verdict->rrtype == SB_TYPE_A || verdict->rrtype == SB_TYPE_AAAA) {
			addr.len = (uint8_t)(verdict->rrs_len - 2);
			assert_int_equal(addr.len, verdict->rrtype == SB_TYPE_A ? 4 : 16);
			memcpy(addr.octet, verdict->rrs + 2, addr.len);
			snprintf(what, sizeof(what), "%s %s", addr.len == 4 ? "A" : "AAAA",
				 addr_text(&addr));
		} else {
			snprintf(what, sizeof(what), "%s %s",
				 verdict->rrtype == SB_TYPE_PTR	    ? "PTR"
				 : verdict->rrtype == SB_TYPE_CNAME ? "CNAME"
								    : "?",
				 zone_text(verdict->rrs + 2, verdict->rrs_len - 2));
		}
		snprintf(what + strlen(what), sizeof(what) - strlen(what), " %u",
			 (unsigned)verdict->ttl);
		assert_int_equal(verdict->rcode, SB_NOERROR);
	} else {
		snprintf(what, sizeof(what), "%s %s",
			 verdict->rcode == SB_NOERROR	 ? "ND"
			 : verdict->rcode == SB_NXDOMAIN ? "NX"
			 : verdict->rcode == SB_YXDOMAIN ? "YX"
							 : "?",
			 verdict->soa != NULL
				 ? zone_text(verdict->soa->owner, verdict->soa->owner_len)
				 : "-");
		assert_int_equal(verdict->rr_count, 0);
	}
	assert_true(verdict->authoritative);
	snprintf(text, sizeof(text), "%s %s %d", what, synth_counter_names[verdict->counter],
		 (int)verdict->ede);
	return text;
}

/** Types that have no name in the library. */
enum { MX = 15, DS = 43, SRV = 33, TYPE65280 = 65280 };

static void ask(const struct synth_conf *conf, const char *qname, unsigned qtype,
		struct sb_verdict *verdict, struct sb_query *query, struct unit_name *name)
{
	query->qname = *unit_name(name, qname);
	query->qtype = (uint16_t)qtype;
	query->qclass = SB_CLASS_IN;
	synth_decide(conf, query, verdict);
}

struct decide_row {
	const char *qname;
	unsigned qtype;
	const char *verdict;
};

static void decide_rows(const char *text, const struct decide_row *rows, size_t row_count)
{
	struct sb_conf *all;
	struct synth_conf *conf = load(&all, text);
	struct sb_verdict verdict;
	struct unit_name name;
	struct sb_query query;
	char id[300];
	size_t i;

	for (i = 0; i < row_count; i++) {
		snprintf(id, sizeof(id), "%s type %u", rows[i].qname, rows[i].qtype);
		/* what stood there before must not show */
		memset(&verdict, 0xa5, sizeof(verdict));
		ask(conf, rows[i].qname, rows[i].qtype, &verdict, &query, &name);
		CHECK_TEXT(id, verdict_text(&verdict), rows[i].verdict);
	}
	sb_conf_free(all);
	unit_done();
}

static void decide_addresses(void **state)
{
#define Z "ip.example.com"
	static const struct decide_row rows[] = {
		{"10.1.2.3." Z, SB_TYPE_A, "A 10.1.2.3 300 address 29"},
		{"10.1.2.3." Z, SB_TYPE_AAAA, "ND " Z " nodata 29"},
		{"10.1.2.3." Z, SB_TYPE_TXT, "ND " Z " nodata 29"},
		{"10.1.2.3." Z, SB_TYPE_HTTPS, "ND " Z " nodata 29"},
		{"10.1.2.3." Z, SB_TYPE_CNAME, "ND " Z " nodata 29"},
		{"10.1.2.3." Z, SB_TYPE_NS, "ND " Z " nodata 29"},
		{"10.1.2.3." Z, SB_TYPE_SOA, "ND " Z " nodata 29"},
		{"10.1.2.3." Z, SB_TYPE_PTR, "ND " Z " nodata 29"},
		{"10.1.2.3." Z, DS, "ND " Z " nodata 29"},
		{"10.1.2.3." Z, TYPE65280, "ND " Z " nodata 29"},
		{"10.1.2.3." Z, SB_TYPE_ANY, "A 10.1.2.3 300 address 29"},
		{"10.1.2.3.iP.eXaMpLe.CoM", SB_TYPE_A, "A 10.1.2.3 300 address 29"},
		{"10.0.0.0." Z, SB_TYPE_A, "A 10.0.0.0 300 address 29"},
		{"10.255.255.255." Z, SB_TYPE_A, "A 10.255.255.255 300 address 29"},
		{"10.1.2.256." Z, SB_TYPE_A, "pass"},
		{"256.1.2.3." Z, SB_TYPE_A, "pass"},
		{"10.01.2.3." Z, SB_TYPE_A, "pass"},
		{"10.1.2.00." Z, SB_TYPE_A, "pass"},
		{"10.1.2.+3." Z, SB_TYPE_A, "pass"},
		{"10.1.2.-3." Z, SB_TYPE_A, "pass"},
		{"10.1.2.3_." Z, SB_TYPE_A, "pass"},
		{"10.1.2.0x3." Z, SB_TYPE_A, "pass"},
		{"10.1.2.3\\032." Z, SB_TYPE_A, "pass"},
		{"10\\.1\\.2\\.3." Z, SB_TYPE_A, "pass"},
		{"10\\.1.2.3." Z, SB_TYPE_A, "pass"},
		{"3." Z, SB_TYPE_A, "ND " Z " nodata 29"},
		{"2.3." Z, SB_TYPE_A, "ND " Z " nodata 29"},
		{"1.2.3." Z, SB_TYPE_A, "ND " Z " nodata 29"},
		{"1.2.3." Z, SB_TYPE_ANY, "ND " Z " nodata 29"},
		{"0." Z, SB_TYPE_A, "ND " Z " nodata 29"},
		{"255." Z, SB_TYPE_A, "ND " Z " nodata 29"},
		{"256." Z, SB_TYPE_A, "pass"},
		{"x.3." Z, SB_TYPE_A, "pass"},
		{"03." Z, SB_TYPE_A, "pass"},
		{"x.2.3." Z, SB_TYPE_A, "pass"},
		{"x.1.2.3." Z, SB_TYPE_A, "pass"},
		{Z, SB_TYPE_SOA, "SOA " Z " soa 29"},
		{Z, SB_TYPE_A, "ask"},
		{Z, MX, "ask"},
		{Z, SB_TYPE_NS, "ask"},
		{Z, SB_TYPE_ANY, "ask"},
		{"www." Z, SB_TYPE_A, "pass"},
		{"www." Z, SB_TYPE_SOA, "pass"},
		{"*." Z, SB_TYPE_A, "pass"},
		{"x.10.1.2.3." Z, SB_TYPE_A, "NX " Z " nxdomain 29"},
		{"*.10.1.2.3." Z, SB_TYPE_A, "NX " Z " nxdomain 29"},
		{"5.10.1.2.3." Z, SB_TYPE_A, "NX " Z " nxdomain 29"},
		{"a.b.c.10.1.2.3." Z, SB_TYPE_A, "NX " Z " nxdomain 29"},
		{"x.10-1-2-3." Z, SB_TYPE_A, "NX " Z " nxdomain 29"},
		{"x.2001-db8--1." Z, SB_TYPE_AAAA, "NX " Z " nxdomain 29"},
		{"x.0a010203." Z, SB_TYPE_A, "NX " Z " nxdomain 29"},
		{"x.8.8.8.8." Z, SB_TYPE_A, "NX " Z " nxdomain 29"},
		{"10.66.0.1." Z, SB_TYPE_A, "NX " Z " denied 18"},
		{"10.66.0.1." Z, SB_TYPE_AAAA, "NX " Z " denied 18"},
		{"10-66-0-1." Z, SB_TYPE_A, "NX " Z " denied 18"},
		{"0a420001." Z, SB_TYPE_A, "NX " Z " denied 18"},
		{"8.8.8.8." Z, SB_TYPE_A, "NX " Z " denied 18"},
		{"127.0.0.1." Z, SB_TYPE_A, "NX " Z " denied 18"},
		{"169.254.169.254." Z, SB_TYPE_A, "NX " Z " denied 18"},
		{"0.0.0.0." Z, SB_TYPE_A, "NX " Z " denied 18"},
		{"224.0.0.1." Z, SB_TYPE_A, "NX " Z " denied 18"},
		{"255.255.255.255." Z, SB_TYPE_A, "NX " Z " denied 18"},
		{"10-1-2-3." Z, SB_TYPE_A, "A 10.1.2.3 300 address 29"},
		{"10-1-2-3." Z, SB_TYPE_AAAA, "ND " Z " nodata 29"},
		{"10-1-2-3-4." Z, SB_TYPE_A, "pass"},
		{"-10-1-2-3." Z, SB_TYPE_A, "pass"},
		{"10-1-2-3-." Z, SB_TYPE_A, "pass"},
		{"10-1-2-003." Z, SB_TYPE_A, "pass"},
		{"0a010203." Z, SB_TYPE_A, "A 10.1.2.3 300 address 29"},
		{"0A010203." Z, SB_TYPE_A, "A 10.1.2.3 300 address 29"},
		{"deadbeef." Z, SB_TYPE_A, "NX " Z " denied 18"},
		{"20010db8000000000000000000000001." Z, SB_TYPE_AAAA,
		 "AAAA 2001:db8::1 300 address 29"},
		{"2001-db8--1." Z, SB_TYPE_AAAA, "AAAA 2001:db8::1 300 address 29"},
		{"2001-db8--1." Z, SB_TYPE_ANY, "AAAA 2001:db8::1 300 address 29"},
		{"2001-db8--1." Z, SB_TYPE_A, "ND " Z " nodata 29"},
		{"2001-db8--." Z, SB_TYPE_AAAA, "AAAA 2001:db8:: 300 address 29"},
		{"2001-db8--0." Z, SB_TYPE_AAAA, "AAAA 2001:db8:: 300 address 29"},
		{"2001-db8--1--2." Z, SB_TYPE_AAAA, "pass"},
		{"2001-db8-1-2-3-4-5-6-7." Z, SB_TYPE_AAAA, "pass"},
		{"2001-db8--12345." Z, SB_TYPE_AAAA, "pass"},
		{"--1." Z, SB_TYPE_AAAA, "NX " Z " denied 18"},
		{"--." Z, SB_TYPE_AAAA, "NX " Z " denied 18"},
		{"aa--1." Z, SB_TYPE_AAAA, "AAAA aa::1 300 address 29"},
		{"0aa--1." Z, SB_TYPE_AAAA, "AAAA aa::1 300 address 29"},
		/* carries an address of the allow list, and is in no allowed range itself */
		{"--ffff-a01-203." Z, SB_TYPE_AAAA, "NX " Z " denied 18"},
		{"10.1.2.3.zip.example.com", SB_TYPE_A, "pass"},
		{"10.1.2.3." Z ".evil.net", SB_TYPE_A, "pass"},
		{"10.1.2.3ip.example.com", SB_TYPE_A, "pass"},
		{"example.com", SB_TYPE_A, "pass"},
		{".", SB_TYPE_A, "pass"},
		/* the longest match wins, and has its own forms and times */
		{"10.1.2.3.sub." Z, SB_TYPE_A, "A 10.1.2.3 5 address 29"},
		{"8.8.8.8.sub." Z, SB_TYPE_A, "A 8.8.8.8 5 address 29"},
		{"10-1-2-3.sub." Z, SB_TYPE_A, "NX sub." Z " nxdomain 29"},
		{"0a010203.sub." Z, SB_TYPE_A, "NX sub." Z " nxdomain 29"},
		{"www.sub." Z, SB_TYPE_A, "NX sub." Z " nxdomain 29"},
		{"3.sub." Z, SB_TYPE_A, "ND sub." Z " nodata 29"},
		{"sub." Z, SB_TYPE_A, "ask"},
		{"sub." Z, SB_TYPE_SOA, "SOA sub." Z " soa 29"},
		/* one form alone */
		{"10.1.2.3.dashed.example.com", SB_TYPE_A, "pass"},
		{"3.dashed.example.com", SB_TYPE_A, "pass"},
		{"10-1-2-3.dashed.example.com", SB_TYPE_A, "A 10.1.2.3 300 address 29"},
		{"0a010203.dashed.example.com", SB_TYPE_A, "pass"},
		{"10.1.2.3.hex.example.com", SB_TYPE_A, "pass"},
		{"10-1-2-3.hex.example.com", SB_TYPE_A, "pass"},
		{"2001-db8--1.hex.example.com", SB_TYPE_AAAA, "pass"},
		{"0a010203.hex.example.com", SB_TYPE_A, "A 10.1.2.3 300 address 29"},
		/* the default forms */
		{"10.1.2.3.both.example.com", SB_TYPE_A, "A 10.1.2.3 300 address 29"},
		{"10-1-2-3.both.example.com", SB_TYPE_A, "A 10.1.2.3 300 address 29"},
		{"2001-db8--1.both.example.com", SB_TYPE_AAAA, "AAAA 2001:db8::1 300 address 29"},
		{"0a010203.both.example.com", SB_TYPE_A, "pass"},
	};
#undef Z
	(void)state;
	decide_rows(main_conf, rows, COUNT(rows));
}

static void decide_sites(void **state)
{
	static const struct decide_row rows[] = {
		{"svc.dc.prd.example.com", SB_TYPE_A, "follow"},
		{"SVC.DC.Prd.example.com", SB_TYPE_A, "follow"},
		{"svc.dc.stg.example.com", SRV, "follow"},
		{"a.b.dc.prd.example.com", SB_TYPE_A, "follow"},
		{"dc.dc.prd.example.com", SB_TYPE_A, "follow"},
		{"*.dc.prd.example.com", SB_TYPE_A, "follow"},
		/* with a fallback even the CNAME depends on what exists */
		{"svc.dc.prd.example.com", SB_TYPE_CNAME, "follow"},
		{"svc.dc.prd.example.com", SB_TYPE_ANY, "follow"},
		{"dc.prd.example.com", SB_TYPE_A, "ND dc.prd.example.com nodata 29"},
		{"dc.prd.example.com", SB_TYPE_SOA, "ND dc.prd.example.com nodata 29"},
		{"dc.prd.example.com", SB_TYPE_NS, "ND dc.prd.example.com nodata 29"},
		{"svc.dc.qa.example.com", SB_TYPE_A, "pass"},
		{"svc.xdc.prd.example.com", SB_TYPE_A, "pass"},
		{"svc.dc1.prd.example.com", SB_TYPE_A, "pass"},
		{"svc.prd.example.com", SB_TYPE_A, "pass"},
		{"svc.dc.prd.example.com.evil.net", SB_TYPE_A, "pass"},
		/* one site: the alias is known */
		{"svc.dc.one.example.com", SB_TYPE_CNAME,
		 "CNAME svc.dc1.one.example.com 7 site_local 29"},
		{"SVC.dc.one.example.com", SB_TYPE_ANY,
		 "CNAME svc.dc1.one.example.com 7 site_local 29"},
		{"svc.dc.one.example.com", SB_TYPE_A, "follow"},
	};
	(void)state;
	decide_rows(main_conf, rows, COUNT(rows));
}

static void decide_classes(void **state)
{
	static const uint16_t classes[] = {0, 2, 3, 4, 254, 255, 65535};
	static const char *const names[] = {"10.1.2.3.ip.example.com", "ip.example.com",
					    "svc.dc.prd.example.com", "3.2.1.10.in-addr.arpa"};
	struct sb_conf *all;
	struct synth_conf *conf = load(&all, main_conf);
	struct sb_verdict verdict;
	struct unit_name name;
	struct sb_query query;
	size_t i, j;

	(void)state;
	for (i = 0; i < COUNT(names); i++) {
		for (j = 0; j < COUNT(classes); j++) {
			query.qname = *unit_name(&name, names[i]);
			query.qtype = SB_TYPE_A;
			query.qclass = classes[j];
			synth_decide(conf, &query, &verdict);
			CHECK(names[i], verdict.kind == SB_PASS);
		}
	}
	sb_conf_free(all);
	unit_done();
}

/** Which rule decides: what counters and toggles go by. */
static void rules(void **state)
{
	static const struct {
		const char *qname;
		int rule;
	} rows[] = {
		{"10.1.2.3.ip.example.com", 0},
		{"www.ip.example.com", 0},
		{"x.sub.ip.example.com", 1},
		{"1-2-3-4.dashed.example.com", 2},
		{"svc.dc.prd.example.com", 5},
		{"svc.dc.stg.example.com", 6},
		{"svc.dc.one.example.com", 7},
		{"www.example.com", -1},
		/* a reverse name moves the counters of the zone that its PTR points to */
		{"3.2.1.10.in-addr.arpa", 0},
	};
	struct sb_conf *all;
	struct synth_conf *conf = load(&all, main_conf);
	struct sb_verdict verdict;
	struct unit_name name;
	struct sb_query query;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		ask(conf, rows[i].qname, SB_TYPE_A, &verdict, &query, &name);
		CHECK(rows[i].qname, verdict.rule == (unsigned)rows[i].rule);
	}
	sb_conf_free(all);
	unit_done();
}

/* --- who may be answered --- */

static void allowed(void **state)
{
	static const struct {
		const char *id, *keys, *addr;
		bool allowed;
	} rows[] = {
		{"default", "", "8.8.8.8", true},
		{"default-6", "", "2001:db8::1", true},
		{"built-in", "", "0.0.0.0", false},
		{"built-in", "", "0.255.255.255", false},
		{"built-in-edge", "", "1.0.0.0", true},
		{"built-in", "", "127.0.0.1", false},
		{"built-in", "", "127.255.255.255", false},
		{"built-in-edge", "", "126.255.255.255", true},
		{"built-in-edge", "", "128.0.0.0", true},
		{"built-in", "", "169.254.0.0", false},
		{"built-in", "", "169.254.255.255", false},
		{"built-in-edge", "", "169.253.255.255", true},
		{"built-in-edge", "", "169.255.0.0", true},
		{"built-in", "", "224.0.0.0", false},
		{"built-in", "", "239.255.255.255", false},
		{"built-in-edge", "", "223.255.255.255", true},
		{"built-in", "", "240.0.0.0", false},
		{"built-in", "", "255.255.255.255", false},
		{"built-in", "", "::", false},
		{"built-in", "", "::1", false},
		{"built-in", "", "::2", false},
		{"built-in", "", "fe80::", false},
		{"built-in", "", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false},
		{"built-in-edge", "", "fe7f:ffff::", true},
		{"built-in", "", "fec0::", false},
		{"built-in", "", "64:ff9b:1::1", false},
		{"built-in-edge", "", "64:ff9b:2::1", true},
		{"built-in", "", "::127.0.0.1", false},
		{"built-in-edge", "", "::10.1.2.3", true},
		{"built-in", "", "0:0:0:0:ffff:0:127.0.0.1", false},
		{"built-in", "", "ff00::", false},
		{"built-in", "", "ffff::", false},
		{"built-in", "", "feff::", false},
		/* an allow that names a built-in block, or a part of it, opens just that */
		{"allow-names", "allow: [127.0.0.0/8]", "127.0.0.1", true},
		{"allow-names-part", "allow: [127.0.0.53]", "127.0.0.53", true},
		{"allow-names-part", "allow: [127.0.0.53]", "127.0.0.1", false},
		{"allow-names-6", "allow: ['fe80::/10']", "fe80::1", true},
		{"allow-names-6", "allow: ['::1']", "::1", true},
		{"allow-names-other", "allow: ['::1']", "::", false},
		/* one that merely holds it does not */
		{"allow-all", "allow: [0.0.0.0/0]", "127.0.0.1", false},
		{"allow-all", "allow: [0.0.0.0/0]", "8.8.8.8", true},
		{"allow-all", "allow: [0.0.0.0/0]", "2001:db8::1", false},
		{"allow-all-and-name", "allow: [0.0.0.0/0, 127.0.0.0/8]", "127.0.0.1", true},
		{"allow-all-and-name", "allow: [127.0.0.0/8, 0.0.0.0/0]", "127.0.0.1", true},
		{"allow-all-6", "allow: ['::/0']", "::1", false},
		{"allow-all-6", "allow: ['::/0']", "10.1.2.3", false},
		{"allow-wider", "allow: [126.0.0.0/7]", "127.0.0.1", false},
		{"allow-wider", "allow: [126.0.0.0/7]", "126.0.0.1", true},
		/* deny wins */
		{"deny", "deny: [10.66.0.0/16]", "10.66.0.1", false},
		{"deny", "deny: [10.66.0.0/16]", "10.67.0.1", true},
		{"deny-over-allow", "{allow: [10.66.0.1], deny: [10.66.0.0/16]}", "10.66.0.1",
		 false},
		{"deny-all", "deny: [0.0.0.0/0]", "10.0.0.1", false},
		{"deny-all", "deny: [0.0.0.0/0]", "2001:db8::1", true},
		/* the address that is carried is judged too */
		{"mapped", "", "::ffff:10.1.2.3", true},
		{"mapped-built-in", "", "::ffff:127.0.0.1", false},
		{"6to4-built-in", "", "2002:7f00:1::", false},
		{"6to4", "", "2002:a01:203::1", true},
		{"nat64-built-in", "", "64:ff9b::169.254.169.254", false},
		{"nat64", "", "64:ff9b::8.8.8.8", true},
		{"mapped-deny", "deny: [10.66.0.0/16]", "::ffff:10.66.0.1", false},
		{"nat64-deny", "deny: [10.66.0.0/16]", "64:ff9b::10.66.0.1", false},
		{"6to4-deny", "deny: [10.66.0.0/16]", "2002:a42:1::", false},
		{"mapped-itself-denied", "deny: ['::ffff:0:0/96']", "::ffff:10.1.2.3", false},
		{"mapped-itself-denied", "deny: ['::ffff:0:0/96']", "10.1.2.3", true},
		{"mapped-not-allowed", "allow: [10.0.0.0/8]", "::ffff:10.1.2.3", false},
		{"nat64-both-allowed", "allow: [10.0.0.0/8, '64:ff9b::/96']", "64:ff9b::10.1.2.3",
		 true},
		{"nat64-carried-not", "allow: [10.0.0.0/8, '64:ff9b::/96']", "64:ff9b::8.8.8.8",
		 false},
		{"nat64-alone-allowed", "allow: ['64:ff9b::/96']", "64:ff9b::8.8.8.8", true},
		{"nat64-alone-built-in", "allow: ['64:ff9b::/96']", "64:ff9b::127.0.0.1", false},
	};
	char text[512], id[128];
	struct synth_conf *conf;
	struct sb_conf *all;
	struct sb_addr addr;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		const char *keys = rows[i].keys;
		int len = (int)strlen(keys);

		if (keys[0] == '{') {
			keys++;
			len -= 2;
		}
		snprintf(text, sizeof(text), "synth: {address-names: [{zone: z%s%.*s}]}",
			 len > 0 ? ", " : "", len, keys);
		snprintf(id, sizeof(id), "%s %s (%s)", rows[i].id, rows[i].addr, rows[i].keys);
		conf = load(&all, text);
		addr = addr_of(rows[i].addr);
		CHECK(id, synth_allowed(conf->zone[0], &addr) == rows[i].allowed);
		sb_conf_free(all);
	}
	unit_done();
}

/* --- what upstream's answer becomes --- */

struct upstream_row {
	const char *qname;
	unsigned qtype;
	unsigned rcode;
	bool has_answer;
	const char *verdict;
};

static void upstream_rows(const char *text, const struct upstream_row *rows, size_t row_count)
{
	struct sb_conf *all;
	struct synth_conf *conf = load(&all, text);
	struct sb_verdict verdict;
	struct unit_name name;
	struct sb_query query;
	char id[300];
	size_t i;

	for (i = 0; i < row_count; i++) {
		snprintf(id, sizeof(id), "%s type %u rcode %u%s", rows[i].qname, rows[i].qtype,
			 rows[i].rcode, rows[i].has_answer ? " with an answer" : "");
		memset(&verdict, 0xa5, sizeof(verdict));
		ask(conf, rows[i].qname, rows[i].qtype, &verdict, &query, &name);
		CHECK_TEXT(id, verdict_text(&verdict), "ask");
		memset(&verdict, 0xa5, sizeof(verdict));
		synth_decide_upstream(conf, &query, rows[i].rcode, rows[i].has_answer, &verdict);
		CHECK_TEXT(id, verdict_text(&verdict), rows[i].verdict);
	}
	sb_conf_free(all);
	unit_done();
}

/** A name that is in none of the zones stays upstream's. */
static void upstream_elsewhere(void **state)
{
	struct sb_conf *all;
	struct synth_conf *conf = load(&all, "synth: {address-names: [{zone: z}]}");
	struct sb_verdict verdict;
	struct unit_name name;
	struct sb_query query;

	(void)state;
	ask(conf, "10.1.2.3.y", SB_TYPE_A, &verdict, &query, &name);
	memset(&verdict, 0xa5, sizeof(verdict));
	synth_decide_upstream(conf, &query, SB_NXDOMAIN, false, &verdict);
	assert_int_equal(verdict.kind, SB_PASS);
	sb_conf_free(all);
}

#define NX SB_NXDOMAIN
#define OK SB_NOERROR
#define TEN "10.in-addr.arpa"
#define DB8 "8.b.d.0.1.0.0.2.ip6.arpa"
#define ZEROS_7 "0.0.0.0.0.0.0"

static void upstream(void **state)
{
	static const struct upstream_row rows[] = {
		/* the apex of a zone of addresses */
		{"ip.example.com", SB_TYPE_A, NX, false, "ND ip.example.com nodata 29"},
		{"ip.example.com", SB_TYPE_ANY, NX, false, "ND ip.example.com nodata 29"},
		{"ip.example.com", MX, OK, false, "pass"},
		{"ip.example.com", SB_TYPE_A, OK, true, "pass"},
		{"ip.example.com", SB_TYPE_A, NX, true, "pass"},
		{"ip.example.com", SB_TYPE_A, SB_SERVFAIL, false, "pass"},
		{"ip.example.com", SB_TYPE_A, 5, false, "pass"},
		/* PTR: real data wins, an error is no fact */
		{"3.2.1." TEN, SB_TYPE_PTR, NX, false, "PTR 10-1-2-3.ip.example.com 300 ptr 29"},
		{"3.2.1." TEN, SB_TYPE_PTR, OK, false, "PTR 10-1-2-3.ip.example.com 300 ptr 29"},
		{"3.2.1." TEN, SB_TYPE_ANY, NX, false, "PTR 10-1-2-3.ip.example.com 300 ptr 29"},
		{"3.2.1." TEN, SB_TYPE_PTR, OK, true, "pass"},
		{"3.2.1." TEN, SB_TYPE_PTR, NX, true, "pass"},
		{"3.2.1." TEN, SB_TYPE_PTR, SB_SERVFAIL, false, "pass"},
		{"3.2.1." TEN, SB_TYPE_PTR, 5, false, "pass"},
		{"3.2.1.10.IN-ADDR.arpa", SB_TYPE_PTR, NX, false,
		 "PTR 10-1-2-3.ip.example.com 300 ptr 29"},
		/* other types at a name that has a PTR record */
		{"3.2.1." TEN, SB_TYPE_A, NX, false, "ND " TEN " nodata 29"},
		{"3.2.1." TEN, SB_TYPE_TXT, NX, false, "ND " TEN " nodata 29"},
		{"3.2.1." TEN, SB_TYPE_A, OK, false, "pass"},
		/* empty non-terminals */
		{"2.1." TEN, SB_TYPE_PTR, NX, false, "ND " TEN " nodata 29"},
		{"1." TEN, SB_TYPE_A, NX, false, "ND " TEN " nodata 29"},
		{"1." TEN, SB_TYPE_A, OK, false, "pass"},
		{"1." TEN, SB_TYPE_SOA, NX, false, "ND " TEN " nodata 29"},
		{TEN, SB_TYPE_A, NX, false, "ND " TEN " nodata 29"},
		{TEN, SB_TYPE_SOA, NX, false, "SOA " TEN " soa 29"},
		{TEN, SB_TYPE_SOA, OK, true, "pass"},
		/* denied addresses */
		{"1.0.66." TEN, SB_TYPE_PTR, NX, false, "NX " TEN " denied 18"},
		{"1.0.66." TEN, SB_TYPE_A, NX, false, "NX " TEN " denied 18"},
		{"1.0.66." TEN, SB_TYPE_PTR, OK, false, "pass"},
		/* IPv6 */
		{"1." ZEROS_7 ".0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0." DB8, SB_TYPE_PTR, NX, false,
		 "PTR 2001-db8--1.ip.example.com 300 ptr 29"},
		{"A.B.C.D.E.F.0.0." ZEROS_7 ".0.0.0.0.0.0.0.0.0." DB8, SB_TYPE_PTR, NX, false,
		 "PTR 2001-db8--fe-dcba.ip.example.com 300 ptr 29"},
		{"1.0.0.0." ZEROS_7 ".0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.a.a.0.0.ip6.arpa",
		 SB_TYPE_PTR, NX, false, "PTR 0aa--1.ip.example.com 300 ptr 29"},
		{"0.0." DB8, SB_TYPE_PTR, NX, false, "ND " DB8 " nodata 29"},
		{DB8, SB_TYPE_SOA, NX, false, "SOA " DB8 " soa 29"},
	};
	(void)state;
	upstream_rows(main_conf, rows, COUNT(rows));
}

/** Reverse names that are no address, or of no allowed range. */
static void reverse_passes(void **state)
{
	static const struct decide_row rows[] = {
		{"x.3.2.1." TEN, SB_TYPE_PTR, "pass"},
		{"4.3.2.1." TEN, SB_TYPE_PTR, "pass"},
		{"03.2.1." TEN, SB_TYPE_PTR, "pass"},
		{"256.2.1." TEN, SB_TYPE_PTR, "pass"},
		{"a.2.1." TEN, SB_TYPE_PTR, "pass"},
		{"0/25.2.0.192.in-addr.arpa", SB_TYPE_PTR, "pass"},
		{"1.1.1.11.in-addr.arpa", SB_TYPE_PTR, "pass"},
		{"1.3.0.192.in-addr.arpa", SB_TYPE_PTR, "pass"},
		{"in-addr.arpa", SB_TYPE_PTR, "pass"},
		{"arpa", SB_TYPE_PTR, "pass"},
		{"g." DB8, SB_TYPE_PTR, "pass"},
		{"00." DB8, SB_TYPE_PTR, "pass"},
		{"1.2.3.4.5.6.7.8.9.1.2.3.4.5.6.7.8.9.1.2.3.4.5.6.7." DB8, SB_TYPE_PTR, "pass"},
		{"ip6.arpa", SB_TYPE_PTR, "pass"},
	};
	(void)state;
	decide_rows(main_conf, rows, COUNT(rows));
}

/** Ranges that end between labels: the zone is cut at the label before. */
static void reverse_odd(void **state)
{
	static const char text[] =
		"synth:\n"
		"  address-names:\n"
		"    - zone: a\n"
		"      allow: [192.0.2.0/25, 172.16.0.0/12, '2001:db8:8000::/33']\n"
		"      reverse: yes\n"
		"    - zone: b\n"
		"      allow: [192.0.2.128/26, 192.0.2.7]\n"
		"      reverse: yes\n"
		"      ttl: 9\n"
		"      negative-ttl: 10\n";
	static const struct upstream_row rows[] = {
		{"1.2.0.192.in-addr.arpa", SB_TYPE_PTR, NX, false, "PTR 192-0-2-1.a 300 ptr 29"},
		{"127.2.0.192.in-addr.arpa", SB_TYPE_PTR, NX, false,
		 "PTR 192-0-2-127.a 300 ptr 29"},
		{"128.2.0.192.in-addr.arpa", SB_TYPE_PTR, NX, false, "PTR 192-0-2-128.b 9 ptr 29"},
		/* the most specific range */
		{"7.2.0.192.in-addr.arpa", SB_TYPE_PTR, NX, false, "PTR 192-0-2-7.b 9 ptr 29"},
		{"0.0.31.172.in-addr.arpa", SB_TYPE_PTR, NX, false, "PTR 172-31-0-0.a 300 ptr 29"},
		{"31.172.in-addr.arpa", SB_TYPE_PTR, NX, false, "ND 172.in-addr.arpa nodata 29"},
		/* above the range there are names below: empty non-terminals too */
		{"172.in-addr.arpa", SB_TYPE_PTR, NX, false, "ND 172.in-addr.arpa nodata 29"},
		{"172.in-addr.arpa", SB_TYPE_SOA, NX, false, "SOA 172.in-addr.arpa soa 29"},
		{"2.0.192.in-addr.arpa", SB_TYPE_A, NX, false, "ND 2.0.192.in-addr.arpa nodata 29"},
		{"7.2.0.192.in-addr.arpa", SB_TYPE_A, NX, false,
		 "ND 7.2.0.192.in-addr.arpa nodata 29"},
		{"1.2.0.192.in-addr.arpa", SB_TYPE_A, NX, false,
		 "ND 2.0.192.in-addr.arpa nodata 29"},
		{"8." DB8, SB_TYPE_PTR, NX, false, "ND " DB8 " nodata 29"},
		{DB8, SB_TYPE_PTR, NX, false, "ND " DB8 " nodata 29"},
	};
	static const struct decide_row passes[] = {
		{"192.2.0.192.in-addr.arpa", SB_TYPE_PTR, "pass"},
		{"255.2.0.192.in-addr.arpa", SB_TYPE_PTR, "pass"},
		{"1.1.32.172.in-addr.arpa", SB_TYPE_PTR, "pass"},
		{"32.172.in-addr.arpa", SB_TYPE_PTR, "pass"},
		{"15.172.in-addr.arpa", SB_TYPE_PTR, "pass"},
		{"0." DB8, SB_TYPE_PTR, "pass"},
	};
	(void)state;
	upstream_rows(text, rows, COUNT(rows));
	decide_rows(text, passes, COUNT(passes));
}

/** forward(PTR(x)) = x, for addresses of every allowed range. */
static void reverse_round_trip(void **state)
{
	static const char *const names[] = {
		"3.2.1." TEN,
		"0.0.0." TEN,
		"255.255.255." TEN,
		"128.2.0.192.in-addr.arpa",
		"0.0.0.0." ZEROS_7 ".0.0.0.0.0.0.0.0.0.0.0.0.0." DB8,
		"1.0.0.0." ZEROS_7 ".0.0.0.0.0.0.0.0.0.0.0.0.0." DB8,
		"f.f.f.f.f.f.f.f.f.f.f.f.f.f.f.f.f.f.f.f.f.f.f.f." DB8,
		"0.0.0.0." ZEROS_7 ".0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.a.a.0.0.ip6.arpa",
	};
	struct sb_verdict ptr, forward;
	struct sb_query query;
	struct unit_name name;
	struct synth_conf *conf;
	struct sb_conf *all;
	size_t i, j;

	(void)state;
	conf = load(&all, main_conf);
	for (i = 0; i < COUNT(names); i++) {
		uint8_t target[SB_DNAME_MAX];
		size_t labels;

		ask(conf, names[i], SB_TYPE_PTR, &ptr, &query, &name);
		labels = query.qname.label_count - 2;
		CHECK(names[i], labels == 4 || labels == 32);
		synth_decide_upstream(conf, &query, NX, false, &ptr);
		CHECK(names[i], ptr.kind == SB_ANSWER && ptr.rrtype == SB_TYPE_PTR);
		memcpy(target, ptr.rrs + 2, ptr.rrs_len - 2);
		assert_int_equal(sb_dname_parse(&query.qname, target, ptr.rrs_len - 2), SB_OK);
		query.qtype = labels == 4 ? SB_TYPE_A : SB_TYPE_AAAA;
		synth_decide(conf, &query, &forward);
		CHECK(names[i], forward.kind == SB_ANSWER && forward.rrtype == query.qtype);
		/* octet by octet against the labels of the question */
		unit_name(&name, names[i]);
		for (j = 0; j < labels; j++) {
			size_t label_len;
			const uint8_t *label =
				sb_dname_label(&name.name, (unsigned)(labels - 1 - j), &label_len);
			char text[8];
			unsigned value = forward.rrs[2 + (labels == 4 ? j : j / 2)];

			if (labels == 4)
				snprintf(text, sizeof(text), "%u", value);
			else
				snprintf(text, sizeof(text), "%x",
					 (j % 2 == 0 ? value >> 4 : value) & 15U);
			CHECK(names[i],
			      strlen(text) == label_len && memcmp(text, label, label_len) == 0);
		}
	}
	sb_conf_free(all);
	unit_done();
}

/* --- the target of a site name --- */

static void target(void **state)
{
	static const struct {
		const char *qname;
		size_t site;
		const char *target;
	} rows[] = {
		{"svc.dc.prd.example.com", 0, "svc.dc1.prd.example.com"},
		{"svc.dc.prd.example.com", 1, "svc.dc2.prd.example.com"},
		{"SVC.DC.PRD.Example.Com", 0, "svc.dc1.prd.example.com"},
		{"a.b.dc.prd.example.com", 0, "a.b.dc1.prd.example.com"},
		{"dc.dc.prd.example.com", 0, "dc.dc1.prd.example.com"},
		{"dc.prd.example.com", 0, "dc1.prd.example.com"},
		{"*.dc.prd.example.com", 0, "*.dc1.prd.example.com"},
		{"\\000\\255\\..dc.prd.example.com", 0, "\\000\\255\\046.dc1.prd.example.com"},
	};
	uint8_t wire[SB_DNAME_MAX];
	struct unit_name name;
	struct synth_conf *conf;
	struct sb_conf *all;
	struct synth_zone *zone;
	unsigned left;
	size_t i, wire_len;

	(void)state;
	conf = load(&all, main_conf);
	for (i = 0; i < COUNT(rows); i++) {
		zone = sb_zones_find(conf->rules.zones, unit_name(&name, rows[i].qname), &left);
		CHECK(rows[i].qname,
		      synth_target(zone, &name.name, rows[i].site, wire, &wire_len) == SB_OK);
		CHECK_TEXT(rows[i].qname, zone_text(wire, wire_len), rows[i].target);
	}
	sb_conf_free(all);
	unit_done();
}

/** Targets at the limit of 255 octets and one past it. The site is one octet longer than the
 * label. */
static void target_limits(void **state)
{
	static const struct {
		const char *id, *lens;
		const char *verdict;
	} rows[] = {
		/* .dc.p is 3 + 2 + 1 octets of wire; with dc1 one more */
		{"253", "63x3 54", "follow"},
		{"254", "63x3 55", "follow"},
		{"255", "63x3 56", "YX - yxdomain 29"},
	};
	static const uint8_t tail[] = "\002dc\001p";
	struct sb_verdict verdict;
	struct sb_query query = {.qtype = SB_TYPE_A, .qclass = SB_CLASS_IN};
	struct synth_conf *conf;
	struct sb_conf *all;
	uint8_t wire[512], to[SB_DNAME_MAX];
	size_t i, at, to_len;

	(void)state;
	conf = load(&all, "synth: {site-names: [{label: dc, parents: [p], site: dc1}]}");
	for (i = 0; i < COUNT(rows); i++) {
		at = unit_wire_of(rows[i].lens, wire) - 1;
		memcpy(wire + at, tail, sizeof(tail));
		at += sizeof(tail);
		CHECK(rows[i].id, at == (size_t)atoi(rows[i].id));
		assert_int_equal(sb_dname_parse(&query.qname, wire, at), SB_OK);
		synth_decide(conf, &query, &verdict);
		CHECK_TEXT(rows[i].id, verdict_text(&verdict), rows[i].verdict);
		CHECK(rows[i].id, synth_target(conf->zone[0], &query.qname, 0, to, &to_len) ==
					  (at == 255 ? SB_ERANGE : SB_OK));
		if (at < 255)
			CHECK(rows[i].id, to_len == at + 1);
	}
	sb_conf_free(all);
	unit_done();
}

/* --- rings --- */

#define K "k.example.com"
static const char ring_conf[] = "synth:\n"
				"  ring-names:\n"
				"    - {zone: k.example.com, service: s.example, ttl: 60}\n"
				"    - {zone: in.k.example.com, service: s.example,\n"
				"       replica: hash}\n";

static void decide_keys(void **state)
{
	static const struct decide_row rows[] = {
		{"40." K, SB_TYPE_SRV, "follow"},
		{"40." K, SB_TYPE_A, "follow"},
		{"40." K, MX, "follow"},
		{"D34DB33F.K.example.COM", SB_TYPE_TXT, "follow"},
		{"h-any." K, SB_TYPE_A, "follow"},
		{"r1.40." K, SB_TYPE_A, "follow"},
		{"r999.40." K, SB_TYPE_A, "follow"},
		{"r1000.40." K, SB_TYPE_A, "NX " K " nxdomain 29"},
		{"r1." K, SB_TYPE_A, "NX " K " nxdomain 29"},
		{"x." K, SB_TYPE_SRV, "NX " K " nxdomain 29"},
		{"*." K, SB_TYPE_A, "NX " K " nxdomain 29"},
		{"40.40." K, SB_TYPE_A, "NX " K " nxdomain 29"},
		{"x.r1.40." K, SB_TYPE_A, "NX " K " nxdomain 29"},
		{K, SB_TYPE_SOA, "SOA " K " soa 29"},
		{K, SB_TYPE_A, "ask"},
		{K, SB_TYPE_SRV, "ask"},
		{"40.in." K, SB_TYPE_A, "follow"},
		{"x.in." K, SB_TYPE_A, "NX in." K " nxdomain 29"},
		{"40.xk.example.com", SB_TYPE_A, "pass"},
	};
	static const struct upstream_row up[] = {
		{K, SB_TYPE_A, NX, false, "ND " K " nodata 29"},
		{K, SB_TYPE_A, OK, false, "pass"},
		{K, SB_TYPE_A, OK, true, "pass"},
		{K, SB_TYPE_A, SB_SERVFAIL, false, "pass"},
	};

	(void)state;
	decide_rows(ring_conf, rows, COUNT(rows));
	upstream_rows(ring_conf, up, COUNT(up));
}

static struct ring *two_members(void)
{
	/* weight 2, port 8080 */
	static const uint8_t a[] = "\0\1\0\2\x1f\x90\1a\7example";
	static const uint8_t b[] = "\0\1\0\2\x1f\x90\1b\7example";
	struct ring_builder *builder = ring_builder_new("{host}");
	struct ring *ring;

	assert_non_null(builder);
	assert_int_equal(ring_builder_srv(builder, a, sizeof(a)), SB_OK);
	assert_int_equal(ring_builder_srv(builder, b, sizeof(b)), SB_OK);
	assert_int_equal(ring_builder_config(builder, (const uint8_t *)"\010hash=md5", 9), SB_OK);
	assert_int_equal(ring_builder_tokens(builder, 0, (const uint8_t *)"\00240", 3), SB_OK);
	assert_int_equal(ring_builder_tokens(builder, 1, (const uint8_t *)"\00280", 3), SB_OK);
	assert_int_equal(ring_builder_finish(builder, &ring), SB_OK);
	return ring;
}

#define TXT_41 \
	"TXT key=41000000000000000000000000000000 " \
	"token=80000000000000000000000000000000 host=b.example port=8080"

static void decide_on_a_ring(void **state)
{
	static const struct {
		const char *qname;
		unsigned qtype, ttl;
		const char *verdict;
	} rows[] = {
		{"40." K, SRV, 100, "SRV a.example 60 ring"},
		{"41." K, SRV, 100, "SRV b.example 60 ring"},
		{"41." K, SRV, 59, "SRV b.example 59 ring"},
		{"41." K, SRV, 0, "SRV b.example 0 ring"},
		{"81." K, SB_TYPE_ANY, 100, "SRV a.example 60 ring"},
		{"41." K, SB_TYPE_TXT, 100, TXT_41 " 60 ring"},
		{"r1.41." K, SRV, 100, "SRV a.example 60 ring"},
		{"41." K, SB_TYPE_CNAME, 100, "CNAME b.example 60 ring"},
		{"41." K, SB_TYPE_A, 100, "follow CNAME b.example 60 ring"},
		{"41." K, SB_TYPE_AAAA, 7, "follow CNAME b.example 7 ring"},
		{"41." K, MX, 100, "ND nodata"},
		{"41." K, DS, 100, "ND nodata"},
		{"r2.41." K, SRV, 100, "NX nxdomain"},
		{"r2.41." K, MX, 100, "NX nxdomain"},
		{"410000000000000000000000000000000." K, SRV, 100, "NX nxdomain"},
		/* MD5, once to three times, is 1b..., 20..., f1...: more than there are next segments */
		{"r1.41.in." K, SRV, 100, "SRV a.example 60 ring"},
		{"r2.41.in." K, SRV, 100, "SRV a.example 60 ring"},
		{"r3.41.in." K, SRV, 100, "SRV a.example 60 ring"},
	};
	uint8_t room[SYNTH_RING_RR_MAX];
	char got[RING_TXT_MAX + 64];
	struct ring *ring = two_members();
	struct sb_verdict verdict;
	struct synth_conf *conf;
	struct sb_query query;
	struct unit_name name;
	struct sb_conf *all;
	size_t i;

	(void)state;
	CHECK("memory", ring_memory(ring) > 2 * sizeof(struct ring_segment) &&
				ring_memory(ring) < 1000 && ring_memory(NULL) == 0);
	conf = load(&all, ring_conf);
	for (i = 0; i < COUNT(rows); i++) {
		ask(conf, rows[i].qname, rows[i].qtype, &verdict, &query, &name);
		memset(&verdict, 0xa5, sizeof(verdict));
		synth_decide_ring(conf, &query, ring, rows[i].ttl, room, &verdict);
		if (verdict.rrtype == 0) {
			CHECK(rows[i].qname, verdict.kind == SB_ANSWER &&
						     verdict.soa == &conf->zone[verdict.rule]->soa);
			snprintf(got, sizeof(got), "%s %s",
				 verdict.rcode == SB_NXDOMAIN ? "NX" : "ND",
				 synth_counter_names[verdict.counter]);
		} else {
			size_t len = (size_t)(verdict.rrs[0] << 8 | verdict.rrs[1]);

			CHECK(rows[i].qname, verdict.rr_count == 1 && verdict.rrs_len == len + 2 &&
						     verdict.rcode == SB_NOERROR);
			snprintf(got, sizeof(got), "%s%s %.*s %u %s",
				 verdict.kind == SB_FOLLOW ? "follow " : "",
				 verdict.rrtype == SRV		 ? "SRV"
				 : verdict.rrtype == SB_TYPE_TXT ? "TXT"
								 : "CNAME",
				 verdict.rrtype == SB_TYPE_TXT ? (int)len - 1 : 255,
				 verdict.rrtype == SB_TYPE_TXT
					 ? (const char *)verdict.rrs + 3
					 : zone_text(verdict.rrs + 2 +
							     (verdict.rrtype == SRV ? 6 : 0),
						     len - (verdict.rrtype == SRV ? 6 : 0)),
				 (unsigned)verdict.ttl, synth_counter_names[verdict.counter]);
		}
		CHECK_TEXT(rows[i].qname, got, rows[i].verdict);
	}
	ring_free(ring);
	sb_conf_free(all);
	unit_done();
}

/* --- the section --- */

static void defaults(void **state)
{
	struct synth_conf *conf;
	struct sb_conf *all;
	const struct synth_zone *zone;

	(void)state;
	conf = load(&all, "synth: {address-names: [{zone: z}], site-names: [{label: DC, "
			  "parents: [P.Q, r], site: DC1}]}");
	assert_int_equal(conf->rules.count, 3);
	zone = conf->zone[0];
	CHECK("kind", zone->kind == SYNTH_ADDRESSES && zone->rule == 0);
	CHECK("forms", zone->forms == (SYNTH_DOTTED | SYNTH_DASHED));
	CHECK("ttl", zone->ttl == 300 && zone->soa.ttl == 60);
	CHECK("otherwise", !zone->otherwise_nxdomain && !zone->reverse);
	CHECK("lists", zone->allow.count == 0 && zone->deny.count == 0);
	CHECK("ranges", conf->range_count == 0);
	zone = conf->zone[2];
	CHECK("kind", zone->kind == SYNTH_SITES && zone->rule == 2);
	CHECK_TEXT("apex", zone_text(zone->apex.wire, zone->apex.wire_len), "dc.r");
	CHECK_TEXT("parent", zone_text(zone->parent.wire, zone->parent.wire_len), "r");
	CHECK("sites", zone->site_count == 1 && memcmp(zone->site[0].label, "dc1", 3) == 0);
	CHECK("ttl", zone->ttl == 300 && zone->fallback_ttl == 30 && zone->soa.ttl == 60);
	CHECK("on-error", !zone->error_is_next);
	sb_conf_free(all);
	conf = load(&all, "synth: {ring-names: [{zone: K., service: S.q}]}");
	zone = conf->zone[0];
	CHECK("kind", zone->kind == SYNTH_RING && zone->rule == 0);
	CHECK_TEXT("service", zone_text(zone->service.wire, zone->service.wire_len), "s.q");
	CHECK_TEXT("config", zone_text(zone->config.wire, zone->config.wire_len), "config.s.q");
	CHECK_TEXT("tokens", zone->tokens, "tokens.{port}.{host}");
	CHECK("ttl", zone->ttl == 60 && zone->soa.ttl == 60 && !zone->replica_by_hash);
	sb_conf_free(all);
	/* an empty section and an empty mapping */
	conf = load(&all, "synth: {}");
	CHECK("empty", conf->rules.count == 0);
	sb_conf_free(all);
	all = unit_conf("{}");
	CHECK("absent", sb_conf_section(all, "synth") == NULL);
	sb_conf_free(all);
	all = unit_conf("synth:\n  # nothing\n");
	CHECK("commented out", sb_conf_section(all, "synth") == NULL);
	sb_conf_free(all);
	unit_done();
}

static void values(void **state)
{
	struct synth_conf *conf;
	struct sb_conf *all;
	const struct synth_zone *zone;

	(void)state;
	conf = load(&all,
		    "synth:\n"
		    "  address-names:\n"
		    "    - {zone: Z., forms: [hex], ttl: 0, negative-ttl: 2147483647,\n"
		    "       otherwise: nxdomain, allow: [10.0.0.0/8], deny: [10.1.0.0/16]}\n"
		    "    - {zone: r, allow: [10.0.0.0/8, 10.1.0.0/16], reverse: yes}\n"
		    "    - {zone: s, allow: [10.0.0.0/8], reverse: yes}\n"
		    "  site-names:\n"
		    "    - {label: dc, parents: [p], site: a, fallback: [b, c],\n"
		    "       on-error: next, ttl: 1, fallback-ttl: 2}\n"
		    "    - {label: any, parents: [p], site: {hostname: '(?<site>[a-z0-9])'}}\n");
	zone = conf->zone[0];
	CHECK("forms", zone->forms == SYNTH_HEX);
	CHECK("ttl", zone->ttl == 0 && zone->soa.ttl == 0x7fffffff);
	CHECK("otherwise", zone->otherwise_nxdomain);
	CHECK("lists", zone->allow.count == 1 && zone->deny.count == 1);
	zone = conf->zone[3];
	CHECK("sites", zone->site_count == 3 && zone->site[2].label[0] == 'c');
	CHECK("on-error", zone->error_is_next && zone->ttl == 1 && zone->fallback_ttl == 2);
	zone = conf->zone[4];
	CHECK("hostname", zone->site_count == 1 && zone->site[0].label_len == 1);
	/* 10/8 and 10.1/16 have a zone of their own each; of 10/8 the names are those of r */
	CHECK("ranges", conf->range_count == 2 && conf->rules.count == 7);
	CHECK("first", conf->range[0].names == conf->zone[1]);
	CHECK_TEXT("reverse", zone_text(conf->zone[5]->apex.wire, conf->zone[5]->apex.wire_len),
		   "10.in-addr.arpa");
	CHECK_TEXT("reverse", zone_text(conf->zone[6]->apex.wire, conf->zone[6]->apex.wire_len),
		   "1.10.in-addr.arpa");
	sb_conf_free(all);
	unit_done();
}

static void site_of_the_host(void **state)
{
	static const char text[] = "synth: {site-names: [{label: dc, parents: [p], "
				   "site: {hostname: '^ns1\\.(?<site>.*)'}}]}";
	static const struct {
		const char *host;
		/** the site's label, or the end of the message */
		const char *site, *problem;
	} rows[] = {
		{"ns1.dc1", "dc1", NULL},
		{"NS1.dc1", "dc1", NULL},
		{"ns1.dc1.example.net", NULL,
		 "the site \"dc1.example.net\" from the host name is not a label"},
		{"ns1.", NULL, "the host name \"ns1.\" gives no usable site"},
		{"ns2.dc1", NULL, "the host name \"ns2.dc1\" does not match: no site"},
		{NULL, NULL, "the host name cannot be had"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		const char *id = rows[i].host != NULL ? rows[i].host : "none";
		const struct synth_conf *conf;
		struct sb_conf *all = NULL;
		struct sb_diags diags;

		host = rows[i].host;
		sb_diags_init(&diags);
		CHECK(id, (sb_conf_parse("f", text, strlen(text), &diags, &all) == SB_OK) ==
				  (rows[i].site != NULL));
		if (all != NULL) {
			conf = sb_conf_section(all, "synth");
			CHECK(id, conf->zone[0]->site[0].label_len == strlen(rows[i].site) &&
					  memcmp(conf->zone[0]->site[0].label, rows[i].site,
						 strlen(rows[i].site)) == 0);
		} else {
			CHECK(id, strstr(diags.first->text, rows[i].problem) != NULL);
		}
		sb_conf_free(all);
		sb_diags_free(&diags);
	}
	unit_done();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(octet),
		cmocka_unit_test(dashed),
		cmocka_unit_test(hex),
		cmocka_unit_test(write_dashed),
		cmocka_unit_test(decide_addresses),
		cmocka_unit_test(decide_sites),
		cmocka_unit_test(decide_classes),
		cmocka_unit_test(rules),
		cmocka_unit_test(allowed),
		cmocka_unit_test(upstream),
		cmocka_unit_test(reverse_passes),
		cmocka_unit_test(reverse_odd),
		cmocka_unit_test(reverse_round_trip),
		cmocka_unit_test(target),
		cmocka_unit_test(target_limits),
		cmocka_unit_test(decide_keys),
		cmocka_unit_test(decide_on_a_ring),
		cmocka_unit_test(defaults),
		cmocka_unit_test(values),
		cmocka_unit_test(upstream_elsewhere),
		cmocka_unit_test(site_of_the_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
