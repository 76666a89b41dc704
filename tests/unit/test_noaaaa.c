/* SPDX-License-Identifier: BSD-3-Clause */
/* noaaaa: which rule a name is under, whom it means, hints out of SVCB rdata. */
#include <arpa/inet.h>

#include "../../modules/noaaaa/noaaaa_answer.h"

#include "unit.h"

static struct noaaaa_conf *load(struct sb_conf **all, const char *text)
{
	struct noaaaa_conf *conf;

	*all = unit_conf(text);
	conf = sb_conf_section(*all, "noaaaa");
	assert_non_null(conf);
	return conf;
}

static void find(void **state)
{
	static const char text[] =
		"noaaaa:\n"
		"  - zones: [example.com, Deep.v6.example.com]\n"
		"    except: [v6.example.com, ip.example.com, other.example.com]\n"
		"    negative-ttl: 1\n"
		"  - zones: [other.example.com]\n"
		"    negative-ttl: 2\n"
		"    except: [x.other.example.com, example.com]\n"
		"  - zones: [x.other.example.com, test]\n"
		"    negative-ttl: 3\n";
	static const struct {
		const char *id, *name;
		/** negative-ttl of the rule, 0: no rule */
		uint32_t ttl;
	} rows[] = {
		{"apex", "example.com", 1},
		{"below", "www.example.com", 1},
		{"case", "WWW.eXample.COM", 1},
		{"except-apex", "v6.example.com", 0},
		{"except-below", "h.v6.example.com", 0},
		{"zone-in-except", "deep.v6.example.com", 1},
		{"zone-in-except-below", "a.b.DEEP.v6.example.com", 1},
		{"label-not-suffix", "notexample.com", 0},
		{"label-not-suffix-below", "x.notexample.com", 0},
		{"except-label-not-suffix", "xv6.example.com", 1},
		{"parent", "com", 0},
		{"root", ".", 0},
		{"left", "example.com.evil.net", 0},
		/* what one rule excepts may be a zone of another, before it or behind it */
		{"taken-over", "other.example.com", 2},
		{"taken-over-below", "a.other.example.com", 2},
		{"taken-over-twice", "a.x.other.example.com", 3},
		{"one-label", "test", 3},
	};
	struct noaaaa_conf *conf;
	struct unit_name name;
	struct sb_conf *all;
	size_t i;

	(void)state;
	conf = load(&all, text);
	for (i = 0; i < COUNT(rows); i++) {
		const struct noaaaa_zone *zone = noaaaa_find(conf, unit_name(&name, rows[i].name));

		CHECK(rows[i].id, (zone == NULL ? 0 : zone->rule->negative_ttl) == rows[i].ttl);
		if (zone == NULL)
			continue;
		CHECK(rows[i].id, zone->soa.ttl == rows[i].ttl);
		CHECK(rows[i].id, conf->zone[zone->index] == zone);
		CHECK(rows[i].id, zone->soa.owner == zone->apex.wire);
	}
	assert_int_equal(conf->rules.count, 5);
	sb_conf_free(all);
	unit_done();
}

/** ipv4only.arpa is left out by everything but its own name (RFC 7050). */
static void ipv4only(void **state)
{
	static const struct {
		const char *zones, *name;
		bool ruled;
	} rows[] = {
		{".", "ipv4only.arpa", false},
		{".", "x.ipv4only.arpa", false},
		{".", "arpa", true},
		{".", "xipv4only.arpa", true},
		{"arpa", "ipv4only.arpa", false},
		{"ipv4only.arpa", "ipv4only.arpa", true},
		{"x.ipv4only.arpa", "x.ipv4only.arpa", true},
		{"example.com", "ipv4only.arpa", false},
	};
	struct unit_name name;
	struct sb_conf *all;
	char text[64];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		struct noaaaa_conf *conf;

		snprintf(text, sizeof(text), "noaaaa: [{zones: [%s]}]", rows[i].zones);
		conf = load(&all, text);
		CHECK(text,
		      (noaaaa_find(conf, unit_name(&name, rows[i].name)) != NULL) == rows[i].ruled);
		assert_int_equal(conf->rules.count, 1);
		sb_conf_free(all);
	}
	unit_done();
}

static void suppress(void **state)
{
	struct noaaaa_conf *conf;
	struct sb_conf *all;
	struct sb_verdict verdict;

	(void)state;
	conf = load(&all, "noaaaa: [{zones: [a]}, {zones: [b, c], answer: nodata}]");
	memset(&verdict, 0xa5, sizeof(verdict));
	noaaaa_suppress(conf->zone[0], &verdict);
	CHECK("nxdomain", verdict.kind == SB_ANSWER && verdict.rcode == SB_NXDOMAIN);
	CHECK("nxdomain", verdict.rrtype == 0 && verdict.rr_count == 0 && verdict.soa == NULL);
	CHECK("nxdomain", verdict.rule == 0 && verdict.counter == NOAAAA_COUNT_NXDOMAIN);
	CHECK("nxdomain", verdict.ede == SB_EDE_FILTERED && !verdict.authoritative);
	memset(&verdict, 0xa5, sizeof(verdict));
	noaaaa_suppress(conf->zone[2], &verdict);
	CHECK("nodata", verdict.kind == SB_ANSWER && verdict.rcode == SB_NOERROR);
	CHECK("nodata", verdict.rrtype == 0 && verdict.soa == &conf->zone[2]->soa);
	CHECK("nodata", verdict.rule == 2 && verdict.counter == NOAAAA_COUNT_NODATA);
	CHECK("nodata", verdict.ede == SB_EDE_FILTERED);
	sb_conf_free(all);
	unit_done();
}

static void clients(void **state)
{
	static const struct {
		const char *keys;
		bool by_client;
		const char *addr;
		bool means;
	} rows[] = {
		{"", false, "192.0.2.1", true},
		{"", false, "2001:db8::1", true},
		{"clients: [0.0.0.0/0, '::/0']", false, "192.0.2.1", true},
		{"clients: [0.0.0.0/0, '::/0']", false, "2001:db8::1", true},
		{"clients: ['::/0', 10.0.0.0/8, 0.0.0.0/0]", false, "192.0.2.1", true},
		{"clients: [0.0.0.0/0]", true, "192.0.2.1", true},
		{"clients: [0.0.0.0/0]", true, "2001:db8::1", false},
		{"clients: ['::/0']", true, "192.0.2.1", false},
		{"clients: ['::/0']", true, "::", true},
		{"clients: [10.0.0.0/8, '2001:db8::/32']", true, "10.255.255.255", true},
		{"clients: [10.0.0.0/8, '2001:db8::/32']", true, "11.0.0.0", false},
		{"clients: [10.0.0.0/8, '2001:db8::/32']", true, "2001:db8::1", true},
		{"clients: [10.0.0.0/8, '2001:db8::/32']", true, "2001:db9::1", false},
		{"clients: [127.0.0.1]", true, "127.0.0.1", true},
		{"clients: [127.0.0.1]", true, "127.0.0.2", false},
	};
	static const struct sb_addr none = {.len = 0};
	char text[256], id[256];
	struct noaaaa_conf *conf;
	struct sb_conf *all;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		struct sb_addr addr = {.len = strchr(rows[i].addr, ':') ? 16 : 4};

		assert_int_equal(
			inet_pton(addr.len == 4 ? AF_INET : AF_INET6, rows[i].addr, addr.octet), 1);
		snprintf(text, sizeof(text), "noaaaa: [{zones: [a]%s%s}]",
			 rows[i].keys[0] != '\0' ? ", " : "", rows[i].keys);
		snprintf(id, sizeof(id), "%s: %s", rows[i].addr, rows[i].keys);
		conf = load(&all, text);
		CHECK(id, conf->zone[0]->rule->by_client == rows[i].by_client);
		CHECK(id, conf->any_by_client == rows[i].by_client);
		CHECK(id, noaaaa_means(conf->zone[0]->rule, &addr) == rows[i].means);
		/* a client without an address is meant only when everyone is */
		CHECK(id, noaaaa_means(conf->zone[0]->rule, &none) == !rows[i].by_client);
		sb_conf_free(all);
	}
	unit_done();
}

/* --- hints --- */

#define MAX_RDATA 512

/** Octets written as hexadecimal digits; everything else is skipped. */
static size_t octets(const char *hex, uint8_t *to)
{
	size_t digits = 0;

	for (; *hex != '\0'; hex++) {
		const char *at = strchr("0123456789abcdef", *hex);
		unsigned digit;

		if (at == NULL)
			continue;
		digit = (unsigned)(at - "0123456789abcdef");
		to[digits / 2] = (uint8_t)(digits % 2 == 0 ? digit << 4 : to[digits / 2] | digit);
		digits++;
	}
	assert_int_equal(digits % 2, 0);
	return digits / 2;
}

/** noaaaa_strip_hint() with memory of exactly the documented sizes. */
static bool strip(const uint8_t *rdata, size_t rdata_len, uint8_t *out, size_t *out_len)
{
	uint8_t *from = malloc(rdata_len + (rdata_len == 0));
	uint8_t *to = malloc(rdata_len + (rdata_len == 0));
	bool found;

	assert_non_null(from);
	assert_non_null(to);
	memcpy(from, rdata, rdata_len);
	*out_len = rdata_len;
	found = noaaaa_strip_hint(from, rdata_len, to, out_len);
	if (found) {
		assert_true(*out_len <= rdata_len);
		memcpy(out, to, *out_len);
	}
	/* the record itself is never written to */
	assert_memory_equal(from, rdata, rdata_len);
	free(from);
	free(to);
	return found;
}

#define ALPN " 0001 0003 02 6833 "
#define HINT4 " 0004 0004 c0000201 "
#define HINT6 " 0006 0010 20010db8000000000000000000000001 "
#define HINT66 " 0006 0020 20010db8000000000000000000000001 20010db8000000000000000000000002 "
#define ECH " 0005 0002 abcd "
#define PORT " 0003 0002 01bb "
#define SERVICE "0001 00 "

static void hints(void **state)
{
	static const struct {
		const char *id, *rdata;
		/** NULL: no hint, or not of this form */
		const char *stripped;
	} rows[] = {
		{"h3", SERVICE ALPN HINT4 HINT6, SERVICE ALPN HINT4},
		{"hint-alone", SERVICE HINT6, SERVICE},
		{"two-addresses", SERVICE ALPN HINT66, SERVICE ALPN},
		{"hint-in-the-middle", SERVICE ALPN HINT6 " 0007 0001 2f ",
		 SERVICE ALPN " 0007 0001 2f "},
		{"hint-of-no-octets", SERVICE ALPN " 0006 0000 ", SERVICE ALPN},
		{"hint-of-odd-length", SERVICE " 0006 0003 010203 ", SERVICE},
		{"target", "0010 03 737663 07 6578616d706c65 00 " ALPN HINT6,
		 "0010 03 737663 07 6578616d706c65 00 " ALPN},
		{"no-hint", SERVICE ALPN HINT4, NULL},
		{"no-params", SERVICE, NULL},
		{"hint4-holds-a-6", SERVICE " 0004 0004 00060000 ", NULL},
		{"unknown-keys", SERVICE " ff00 0002 0006 " HINT6 " ffff 0000 ",
		 SERVICE " ff00 0002 0006 ffff 0000 "},
		/* mandatory */
		{"mandatory-hint-alone", SERVICE " 0000 0002 0006 " HINT6, SERVICE},
		{"mandatory-first", SERVICE " 0000 0004 0006 0007 " HINT6 " 0007 0000 ",
		 SERVICE " 0000 0002 0007 0007 0000 "},
		{"mandatory-last", SERVICE " 0000 0004 0001 0006 " ALPN HINT6,
		 SERVICE " 0000 0002 0001 " ALPN},
		{"mandatory-middle", SERVICE " 0000 0006 0001 0006 0007 " ALPN HINT6,
		 SERVICE " 0000 0004 0001 0007 " ALPN},
		{"mandatory-others", SERVICE " 0000 0004 0001 0003 " ALPN PORT HINT6,
		 SERVICE " 0000 0004 0001 0003 " ALPN PORT},
		{"mandatory-0600-is-another", SERVICE " 0000 0002 0600 " HINT6,
		 SERVICE " 0000 0002 0600 "},
		{"mandatory-without-hint", SERVICE " 0000 0002 0006 " ALPN, NULL},
		{"mandatory-empty", SERVICE " 0000 0000 " HINT6, SERVICE},
		{"mandatory-odd-stays", SERVICE " 0000 0003 000600 " HINT6,
		 SERVICE " 0000 0003 000600 "},
		{"mandatory-twice-in-list", SERVICE " 0000 0006 0006 0006 0001 " ALPN HINT6,
		 SERVICE " 0000 0002 0001 " ALPN},
		/* not as RFC 9460 section 2.2 has it, but clear all the same */
		{"hint-twice", SERVICE HINT6 HINT66 ALPN, SERVICE ALPN},
		{"wrong-order", SERVICE HINT6 ALPN " 0000 0002 0006 ", SERVICE ALPN},
		{"mandatory-twice", SERVICE " 0000 0002 0006 0000 0004 0006 0001 " ALPN HINT6,
		 SERVICE " 0000 0002 0001 " ALPN},
		/* AliasMode has no parameters that mean anything; hints go all the same */
		{"alias", "0000 03 737663 00", NULL},
		{"alias-with-hint", "0000 03 737663 00 " HINT6, "0000 03 737663 00"},
		{"ech-stays", SERVICE ALPN ECH HINT6, SERVICE ALPN ECH},
		/* of another form */
		{"empty", "", NULL},
		{"priority-cut", "00", NULL},
		{"no-target", "0001", NULL},
		{"target-cut", "0001 03 7376", NULL},
		{"target-without-root", "0001 01 61", NULL},
		{"target-compressed", "0001 c00c " HINT6, NULL},
		{"key-cut", SERVICE HINT6 " 00 ", NULL},
		{"length-cut", SERVICE HINT6 " 0007 00 ", NULL},
		{"value-cut", SERVICE HINT6 " 0007 0002 00 ", NULL},
		{"value-far-too-long", SERVICE HINT6 " 0007 ffff 00 ", NULL},
		{"hint-cut", SERVICE " 0006 0010 20010db8 ", NULL},
	};
	uint8_t rdata[MAX_RDATA], want[MAX_RDATA], got[MAX_RDATA];
	size_t i, rdata_len, want_len, got_len;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		rdata_len = octets(rows[i].rdata, rdata);
		CHECK(rows[i].id,
		      strip(rdata, rdata_len, got, &got_len) == (rows[i].stripped != NULL));
		if (rows[i].stripped == NULL)
			continue;
		want_len = octets(rows[i].stripped, want);
		CHECK(rows[i].id, got_len == want_len && memcmp(got, want, want_len) == 0);
		/* once is enough */
		CHECK(rows[i].id, !strip(want, want_len, got, &got_len));
	}
	unit_done();
}

/** A record cut at any length is either of another form or a shorter good one: never a crash, and
 * never a hint left in a good one. */
static void hints_truncated(void **state)
{
	static const char whole_text[] = "0001 03 737663 00 0000 0004 0001 0006 " ALPN HINT4 HINT6
					 " 0007 0001 2f ";
	uint8_t whole[MAX_RDATA], got[MAX_RDATA];
	size_t whole_len = octets(whole_text, whole), len, got_len, hint_end = whole_len - 5;
	char id[48];

	(void)state;
	for (len = 0; len <= whole_len; len++) {
		snprintf(id, sizeof(id), "cut at %zu", len);
		CHECK(id,
		      strip(whole, len, got, &got_len) == (len == hint_end || len == whole_len));
	}
	unit_done();
}

/** Every octet of a record set to every value: no crash, and what comes out has no hint. */
static void hints_changed(void **state)
{
	static const char whole_text[] = SERVICE " 0000 0004 0001 0006 " ALPN HINT6;
	uint8_t whole[MAX_RDATA], got[MAX_RDATA], again[MAX_RDATA];
	size_t whole_len = octets(whole_text, whole), at, got_len, again_len;
	unsigned value;
	char id[48];

	(void)state;
	for (at = 0; at < whole_len; at++) {
		for (value = 0; value < 256; value++) {
			uint8_t kept = whole[at];

			whole[at] = (uint8_t)value;
			snprintf(id, sizeof(id), "octet %zu is %u", at, value);
			if (strip(whole, whole_len, got, &got_len)) {
				CHECK(id, got_len < whole_len);
				CHECK(id, !strip(got, got_len, again, &again_len));
			}
			whole[at] = kept;
		}
	}
	unit_done();
}

/* --- answers --- */

/** Names under the rule of the one zone: those that begin with an `i`. */
static const struct noaaaa_zone *in_find(void *arg, const uint8_t *name, size_t name_len)
{
	return name_len > 1 && (name[1] == 'i' || name[1] == 'I') ? arg : NULL;
}

/** AAAA goes where the name ends on `g`, stays on `s`, and is to be found out else. */
static enum noaaaa_word in_goes(void *arg, const struct noaaaa_zone *zone, const uint8_t *name,
				size_t name_len)
{
	(void)name_len;
	assert_ptr_equal(arg, zone);
	return name[name[0]] == 'g' ? NOAAAA_GO : name[name[0]] == 's' ? NOAAAA_STAY : NOAAAA_WAIT;
}

#define RRS_MAX 3

/** An RRset: its owner is one label; rdata as hexadecimal digits, separated by `|`. */
struct text_rrset {
	uint16_t rrtype;
	const char *owner, *rdata;
};

struct made_rrset {
	uint8_t owner[16], octets[RRS_MAX][2 + MAX_RDATA], *rr[RRS_MAX];
};

static struct noaaaa_rrset make_rrset(struct made_rrset *made, const struct text_rrset *text)
{
	struct noaaaa_rrset rrset = {.owner = made->owner, .rrtype = text->rrtype, .rr = made->rr};
	const char *at = text->rdata;

	rrset.owner_len = strlen(text->owner) + 2;
	made->owner[0] = (uint8_t)strlen(text->owner);
	memcpy(made->owner + 1, text->owner, rrset.owner_len - 1);
	while (at != NULL) {
		const char *end = strchr(at, '|');
		uint8_t *rr = made->octets[rrset.rr_count];
		size_t len, text_len = end != NULL ? (size_t)(end - at) : strlen(at);
		char one[2 * MAX_RDATA];

		snprintf(one, sizeof(one), "%.*s", (int)text_len, at);
		len = octets(one, rr + 2);
		rr[0] = (uint8_t)(len >> 8);
		rr[1] = (uint8_t)len;
		made->rr[rrset.rr_count++] = rr;
		at = end != NULL ? end + 1 : NULL;
	}
	return rrset;
}

#define V6 "20010db8000000000000000000000001"
#define AT_IG "0001 02 6967 00 "
#define AT_IS "0001 02 6973 00 "
#define AT_OG "0001 02 6f67 00 "

static void answers(void **state)
{
	static const struct {
		const char *id;
		uint16_t qtype;
		struct text_rrset rrset[3];
		size_t an;
		/** K kept, R removed, S stripped, W: the whole waits */
		const char *fates;
		bool is_nodata, hints_lost;
	} rows[] = {
		{"aaaa", 28, {{28, "ig", V6}}, 1, "R", true, false},
		{"aaaa-stays", 28, {{28, "is", V6}}, 1, "K", false, false},
		{"aaaa-waits", 28, {{28, "iw", V6}}, 1, "W", false, false},
		{"aaaa-elsewhere", 28, {{28, "og", V6}}, 1, "K", false, false},
		{"behind-an-alias",
		 28,
		 {{5, "og", "02 6967 00"}, {28, "ig", V6}},
		 2,
		 "KR",
		 true,
		 false},
		{"alias-into-nothing", 28, {{5, "og", "02 6967 00"}}, 1, "K", false, false},
		{"any", 255, {{1, "ig", "0a010203"}, {28, "ig", V6}}, 2, "KR", false, false},
		{"any-of-nothing-else", 255, {{28, "ig", V6}}, 1, "R", true, false},
		{"additional", 15, {{15, "og", "0001 00"}, {28, "ig", V6}}, 1, "KR", false, false},
		{"additional-alone", 15, {{28, "ig", V6}}, 0, "R", false, false},
		{"one-of-two-owners", 255, {{28, "ig", V6}, {28, "is", V6}}, 2, "RK", false, false},
		{"hint", 65, {{65, "ig", SERVICE HINT6}}, 1, "S", false, true},
		{"svcb", 64, {{64, "ig", SERVICE HINT6}}, 1, "S", false, true},
		{"no-hint", 65, {{65, "ig", SERVICE ALPN}}, 1, "K", false, false},
		{"no-hint-asks-nobody", 65, {{65, "iw", SERVICE ALPN}}, 1, "K", false, false},
		{"hint-waits", 65, {{65, "iw", SERVICE HINT6}}, 1, "W", false, false},
		{"hint-of-target", 65, {{65, "og", AT_IG HINT6}}, 1, "S", false, true},
		{"hint-of-target-stays", 65, {{65, "og", AT_IS HINT6}}, 1, "K", false, false},
		{"hint-of-target-elsewhere", 65, {{65, "ig", AT_OG HINT6}}, 1, "K", false, false},
		{"one-of-two-hints",
		 65,
		 {{65, "og", AT_OG HINT6 "|" AT_IG HINT6}},
		 1,
		 "S",
		 false,
		 true},
		{"hint-and-address",
		 255,
		 {{65, "ig", SERVICE HINT6}, {28, "ig", V6}},
		 2,
		 "SR",
		 false,
		 true},
		{"hint-malformed", 65, {{65, "ig", "0001 c00c " HINT6}}, 1, "K", false, false},
		{"hint-empty", 65, {{65, "ig", ""}}, 1, "K", false, false},
		{"nothing", 28, {{0, NULL, NULL}}, 0, "", false, false},
	};
	static struct made_rrset made[3];
	struct noaaaa_zone zone = {.index = 0};
	const struct noaaaa_judge judge = {in_find, in_goes, &zone};
	struct noaaaa_rrset rrset[3];
	size_t i, j, count;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		const char *fates = rows[i].fates;
		struct noaaaa_filtered result;
		bool known;

		count = strlen(fates);
		for (j = 0; j < count; j++)
			rrset[j] = make_rrset(&made[j], &rows[i].rrset[j]);
		known = noaaaa_filter(&judge, rrset, count, rows[i].an, rows[i].qtype, &result);
		CHECK(rows[i].id, known == (strchr(fates, 'W') == NULL));
		if (!known)
			continue;
		for (j = 0; j < count; j++)
			CHECK(rows[i].id, "KRS"[rrset[j].fate] == fates[j]);
		CHECK(rows[i].id, (result.zone == &zone) == (strpbrk(fates, "RS") != NULL));
		CHECK(rows[i].id, result.is_nodata == rows[i].is_nodata);
		CHECK(rows[i].id, result.hints_lost == rows[i].hints_lost);
	}
	unit_done();
}

/** The length of a label is looked at, even where the octets behind it would do for a name. */
static void labels_too_long(void **state)
{
	static uint8_t rr[2 + 2 + 1 + 64 + 1] = {0, 2 + 1 + 64 + 1, 0, 1};
	static uint8_t *const rrs[] = {rr};
	const struct noaaaa_rrset rrset = {.rrtype = 65, .rr = rrs, .rr_count = 1};
	const uint8_t *name;
	size_t name_len;

	(void)state;
	/* 63 and an empty label, or 64 */
	rr[4] = 63;
	assert_true(noaaaa_name_of(&rrset, 0, &name, &name_len));
	assert_int_equal(name_len, 65);
	rr[4] = 64;
	assert_false(noaaaa_name_of(&rrset, 0, &name, &name_len));
}

/** Of an RRset those RRs lose their hints whose target goes; the others are the same. */
static void stripped(void **state)
{
	static const struct text_rrset before = {65, "og",
						 AT_OG HINT6 "|" AT_IG ALPN HINT6 "|" AT_IS HINT6},
				       after = {65, "og",
						AT_OG HINT6 "|" AT_IG ALPN "|" AT_IS HINT6};
	static struct made_rrset made, wanted;
	struct noaaaa_zone zone = {.index = 0};
	const struct noaaaa_judge judge = {in_find, in_goes, &zone};
	struct noaaaa_rrset rrset = make_rrset(&made, &before), want = make_rrset(&wanted, &after);
	uint8_t to[RRS_MAX * (2 + MAX_RDATA)];
	size_t i, at = 0, len = noaaaa_strip(&judge, &rrset, to);

	(void)state;
	for (i = 0; i < want.rr_count; i++) {
		size_t rr_len = 2U + (size_t)(want.rr[i][0] << 8 | want.rr[i][1]);

		assert_true(at + rr_len <= len);
		assert_memory_equal(to + at, want.rr[i], rr_len);
		at += rr_len;
	}
	assert_int_equal(at, len);
}

static void defaults(void **state)
{
	struct noaaaa_conf *conf;
	struct sb_conf *all;
	const struct noaaaa_rule *rule;

	(void)state;
	conf = load(&all, "noaaaa: [{zones: [a, b]}, {zones: [c], answer: nodata, "
			  "negative-ttl: 0, when: only-if-a}]");
	assert_int_equal(conf->rules.count, 3);
	rule = conf->zone[0]->rule;
	CHECK("answer", rule->nxdomain);
	CHECK("when", !rule->only_if_a);
	CHECK("negative-ttl", rule->negative_ttl == 60);
	CHECK("clients", rule->clients.count == 0 && !rule->by_client);
	CHECK("one rule", conf->zone[1]->rule == rule);
	rule = conf->zone[2]->rule;
	CHECK("values", !rule->nxdomain && rule->only_if_a && rule->negative_ttl == 0);
	sb_conf_free(all);
	conf = load(&all, "noaaaa: []");
	CHECK("empty", conf->rules.count == 0);
	sb_conf_free(all);
	unit_done();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(find),		 cmocka_unit_test(ipv4only),
		cmocka_unit_test(suppress),	 cmocka_unit_test(clients),
		cmocka_unit_test(hints),	 cmocka_unit_test(hints_truncated),
		cmocka_unit_test(hints_changed), cmocka_unit_test(answers),
		cmocka_unit_test(stripped),	 cmocka_unit_test(labels_too_long),
		cmocka_unit_test(defaults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
