/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses and netblocks. */
#include <arpa/inet.h>

#include "sitebound/addr.h"

#include "unit.h"

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

static void parse(void **state)
{
	static const struct {
		const char *text;
		enum sb_err err;
		unsigned prefix_len;
	} rows[] = {
		{"10.0.0.0/8", SB_OK, 8},
		{"0.0.0.0/0", SB_OK, 0},
		{"0.0.0.0", SB_OK, 32},
		{"255.255.255.255", SB_OK, 32},
		{"192.0.2.1/32", SB_OK, 32},
		{"192.0.2.128/25", SB_OK, 25},
		{"192.0.2.2/31", SB_OK, 31},
		{"128.0.0.0/1", SB_OK, 1},
		{"192.0.2.1/33", SB_ERANGE, 0},
		{"192.0.2.1/31", SB_ERANGE, 0},
		{"10.0.0.1/8", SB_ERANGE, 0},
		{"1.0.0.0/0", SB_ERANGE, 0},
		{"::/0", SB_OK, 0},
		{"::", SB_OK, 128},
		{"::1", SB_OK, 128},
		{"2001:db8::/32", SB_OK, 32},
		{"2001:DB8::/32", SB_OK, 32},
		{"fe80::/10", SB_OK, 10},
		{"::ffff:10.0.0.0/104", SB_OK, 104},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", SB_OK, 128},
		{"0000:0000:0000:0000:0000:ffff:255.255.255.255/128", SB_OK, 128},
		{"2001:db8::1/32", SB_ERANGE, 0},
		{"::/129", SB_ERANGE, 0},
		{"::/999", SB_ERANGE, 0},
		{"fe80::/9", SB_OK, 9},
		{"fe80::/8", SB_ERANGE, 0},
		{"", SB_EFORM, 0},
		{"/", SB_EFORM, 0},
		{"/8", SB_EFORM, 0},
		{"10", SB_EFORM, 0},
		{"10/8", SB_EFORM, 0},
		{"10.0.0/24", SB_EFORM, 0},
		{"10.0.0.0.0/24", SB_EFORM, 0},
		{"010.0.0.0/8", SB_EFORM, 0},
		{"10.0.0.256", SB_EFORM, 0},
		{"10.0.0.0/", SB_EFORM, 0},
		{"10.0.0.0/08", SB_EFORM, 0},
		{"10.0.0.0/+8", SB_EFORM, 0},
		{"10.0.0.0/-1", SB_EFORM, 0},
		{"10.0.0.0/8 ", SB_EFORM, 0},
		{"10.0.0.0/8/8", SB_EFORM, 0},
		{"10.0.0.0/1000", SB_EFORM, 0},
		{" 10.0.0.0/8", SB_EFORM, 0},
		{"10.0.0.0/255.0.0.0", SB_EFORM, 0},
		{"2001:db8:/32", SB_EFORM, 0},
		{"2001:db8::1::2", SB_EFORM, 0},
		{"fe80::1%eth0", SB_EFORM, 0},
		{"::g", SB_EFORM, 0},
		{"example.com", SB_EFORM, 0},
		{"00000000000000000000000000000000000000000000000000000000000000/1", SB_EFORM, 0},
	};
	struct sb_netblock block;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		CHECK(rows[i].text, sb_netblock_parse(rows[i].text, &block) == rows[i].err);
		if (rows[i].err == SB_OK)
			CHECK(rows[i].text, block.prefix_len == rows[i].prefix_len);
	}
	unit_done();
}

static void has(void **state)
{
	static const struct {
		const char *block, *addr;
		bool in;
	} rows[] = {
		{"10.0.0.0/8", "10.0.0.0", true},
		{"10.0.0.0/8", "10.255.255.255", true},
		{"10.0.0.0/8", "9.255.255.255", false},
		{"10.0.0.0/8", "11.0.0.0", false},
		{"172.16.0.0/12", "172.16.0.0", true},
		{"172.16.0.0/12", "172.31.255.255", true},
		{"172.16.0.0/12", "172.32.0.0", false},
		{"172.16.0.0/12", "172.15.255.255", false},
		{"192.0.2.128/25", "192.0.2.127", false},
		{"192.0.2.128/25", "192.0.2.128", true},
		{"192.0.2.1/32", "192.0.2.1", true},
		{"192.0.2.1/32", "192.0.2.0", false},
		{"0.0.0.0/0", "255.255.255.255", true},
		{"128.0.0.0/1", "127.255.255.255", false},
		{"128.0.0.0/1", "128.0.0.0", true},
		{"2001:db8::/32", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", true},
		{"2001:db8::/32", "2001:db9::", false},
		{"fe80::/10", "febf:ffff::", true},
		{"fe80::/10", "fec0::", false},
		{"::1/128", "::1", true},
		{"::1/128", "::", false},
		{"::/0", "ffff::", true},
		/* never across families */
		{"0.0.0.0/0", "::", false},
		{"::/0", "0.0.0.0", false},
		{"::ffff:10.0.0.0/104", "10.0.0.1", false},
		{"10.0.0.0/8", "a00::", false},
	};
	struct sb_netblock block;
	struct sb_addr addr;
	char id[128];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		snprintf(id, sizeof(id), "%s in %s", rows[i].addr, rows[i].block);
		assert_int_equal(sb_netblock_parse(rows[i].block, &block), SB_OK);
		addr = addr_of(rows[i].addr);
		CHECK(id, sb_netblock_has(&block, &addr) == rows[i].in);
	}
	addr = (struct sb_addr){0};
	assert_int_equal(sb_netblock_parse("0.0.0.0/0", &block), SB_OK);
	CHECK("no address", !sb_netblock_has(&block, &addr));
	unit_done();
}

static void covers(void **state)
{
	static const struct {
		const char *outer, *inner;
		bool covers;
	} rows[] = {
		{"10.0.0.0/8", "10.0.0.0/8", true},   {"10.0.0.0/8", "10.1.0.0/16", true},
		{"10.1.0.0/16", "10.0.0.0/8", false}, {"10.0.0.0/8", "11.0.0.0/16", false},
		{"0.0.0.0/0", "10.0.0.0/8", true},    {"10.0.0.0/8", "0.0.0.0/0", false},
		{"0.0.0.0/0", "::/0", false},	      {"fe80::/10", "fe80::/11", true},
		{"fe80::/10", "fe80::/9", false},
	};
	struct sb_netblock outer, inner;
	char id[128];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		snprintf(id, sizeof(id), "%s covers %s", rows[i].outer, rows[i].inner);
		assert_int_equal(sb_netblock_parse(rows[i].outer, &outer), SB_OK);
		assert_int_equal(sb_netblock_parse(rows[i].inner, &inner), SB_OK);
		CHECK(id, sb_netblock_covers(&outer, &inner) == rows[i].covers);
	}
	unit_done();
}

static void find(void **state)
{
	static const char *const texts[] = {"10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "0.0.0.0/0",
					    "2001:db8::/32"};
	static const struct {
		const char *addr;
		int found;
	} rows[] = {
		{"10.1.2.3", 3}, {"10.1.2.4", 2},    {"10.2.0.0", 1},
		{"8.8.8.8", 0},	 {"2001:db8::1", 4}, {"2001:db9::", -1},
	};
	struct sb_netblock block[COUNT(texts)];
	struct sb_netblocks blocks = {.block = block, .count = COUNT(texts)};
	struct sb_addr addr;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(texts); i++)
		assert_int_equal(sb_netblock_parse(texts[i], &block[i]), SB_OK);
	assert_int_equal(sb_netblocks_sort(block, &blocks.count, sizeof(block[0])), SB_OK);
	assert_int_equal(blocks.count, COUNT(texts));
	for (i = 0; i < COUNT(rows); i++) {
		addr = addr_of(rows[i].addr);
		CHECK(rows[i].addr, sb_netblocks_find(&blocks, &addr) ==
					    (rows[i].found < 0 ? NULL : &block[rows[i].found]));
	}
	blocks.count = 0;
	addr = addr_of("10.0.0.1");
	CHECK("empty", sb_netblocks_find(&blocks, &addr) == NULL);
	unit_done();
}

/** Of equal blocks the first one stays, whatever lies in it or around it. */
static void equal_ones(void **state)
{
	static const char *const texts[] = {"10.1.0.0/16", "10.0.0.0/8", "10.1.0.0/16",
					    "10.1.2.0/24", "10.0.0.0/8", "10.1.0.0/16"};
	struct {
		struct sb_netblock block;
		int number;
	} element[COUNT(texts)];
	size_t count = COUNT(texts), i;

	(void)state;
	for (i = 0; i < COUNT(texts); i++) {
		assert_int_equal(sb_netblock_parse(texts[i], &element[i].block), SB_OK);
		element[i].number = (int)i;
	}
	assert_int_equal(sb_netblocks_sort(element, &count, sizeof(element[0])), SB_OK);
	assert_int_equal(count, 3);
	assert_int_equal(element[0].number, 1);
	assert_int_equal(element[1].number, 0);
	assert_int_equal(element[2].number, 3);
	assert_int_equal(element[2].block.up, 2);
}

/** Many random blocks that lie in one another, against a look at each of them. */
static void find_random(void **state)
{
	struct sb_netblock block[300], part;
	struct sb_netblocks blocks = {.block = block, .count = COUNT(block)};
	uint32_t random = 7;
	size_t i, round, next;

	(void)state;
	for (round = 0; round < 2000; round++) {
		const struct sb_netblock *found, *best = NULL;
		bool has_one = false;

		/* few different octets, so that blocks meet */
		if (round % 100 == 0)
			blocks.count = COUNT(block);
		for (i = 0; round % 100 == 0 && i < COUNT(block); i++) {
			memset(&block[i], 0, sizeof(block[i]));
			random = random * 1664525 + 1013904223;
			block[i].addr.len = random >> 31 ? SB_IP4_LEN : SB_IP6_LEN;
			block[i].addr.octet[0] = (uint8_t)(random >> 20 & 3);
			block[i].addr.octet[1] = (uint8_t)(random >> 12 & 0xe0);
			block[i].prefix_len = (uint8_t)((random >> 8) % 17);
			sb_addr_mask(&block[i].addr, block[i].prefix_len);
		}
		if (round % 100 == 0)
			assert_int_equal(sb_netblocks_sort(block, &blocks.count, sizeof(block[0])),
					 SB_OK);
		random = random * 1664525 + 1013904223;
		memset(&part, 0, sizeof(part));
		part.addr.len = random >> 31 ? SB_IP4_LEN : SB_IP6_LEN;
		part.addr.octet[0] = (uint8_t)(random >> 20 & 3);
		part.addr.octet[1] = (uint8_t)(random >> 12 & 0xf0);
		part.prefix_len = (uint8_t)((random >> 8) % 20);
		sb_addr_mask(&part.addr, part.prefix_len);
		for (i = 0; i < blocks.count; i++) {
			if (sb_netblock_covers(&block[i], &part) &&
			    (best == NULL || block[i].prefix_len > best->prefix_len))
				best = &block[i];
			has_one = has_one || sb_netblock_covers(&part, &block[i]);
		}
		found = sb_netblocks_search(block, blocks.count, sizeof(block[0]), &part, &next);
		CHECK("random", found == best);
		if (best == NULL)
			CHECK("inside", has_one == (next < blocks.count &&
						    sb_netblock_covers(&part, &block[next])));
		if (part.prefix_len == part.addr.len * 8)
			CHECK("find", sb_netblocks_find(&blocks, &part.addr) == best);
	}
	unit_done();
}

/** Every prefix length, against a mask made bit by bit. */
static void mask(void **state)
{
	unsigned family, bits, i;

	(void)state;
	for (family = 0; family < 2; family++) {
		uint8_t len = family == 0 ? SB_IP4_LEN : SB_IP6_LEN;

		for (bits = 0; bits <= len * 8U; bits++) {
			struct sb_addr addr = {.len = len};
			char id[48];
			bool same = true;

			memset(addr.octet, 0xff, len);
			sb_addr_mask(&addr, bits);
			for (i = 0; i < len * 8U; i++)
				same = same &&
				       ((addr.octet[i / 8] >> (7 - i % 8)) & 1) == (i < bits);
			for (i = len; i < SB_IP6_LEN; i++)
				same = same && addr.octet[i] == 0;
			snprintf(id, sizeof(id), "%u of %u", bits, len * 8U);
			CHECK(id, same);
		}
	}
	unit_done();
}

static void embedded(void **state)
{
	static const struct {
		const char *addr, *ip4;
	} rows[] = {
		{"::ffff:10.1.2.3", "10.1.2.3"},
		{"::ffff:255.255.255.255", "255.255.255.255"},
		{"::fffe:10.1.2.3", NULL},
		{"::1:ffff:10.1.2.3", NULL},
		{"0:0:0:0:ffff:0:10.1.2.3", "10.1.2.3"},
		{"::10.1.2.3", "10.1.2.3"},
		{"::", NULL},
		{"::1", NULL},
		{"::2", "0.0.0.2"},
		{"::ffff:0:0:10.1.2.3", NULL},
		{"2002:a01:203::", "10.1.2.3"},
		{"2002:a01:203:ffff:ffff:ffff:ffff:ffff", "10.1.2.3"},
		{"2002:ffff:ffff::1", "255.255.255.255"},
		{"2003:a01:203::", NULL},
		{"2001:a01:203::", NULL},
		{"64:ff9b::10.1.2.3", "10.1.2.3"},
		{"64:ff9b::a01:203", "10.1.2.3"},
		{"64:ff9b::1:a01:203", NULL},
		{"64:ff9b:1::10.1.2.3", NULL},
		{"64:ff9a::10.1.2.3", NULL},
		{"6400:ff9b::10.1.2.3", NULL},
		{"2001:db8::1", NULL},
		{"10.1.2.3", NULL},
	};
	struct sb_addr addr, ip4, want;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		addr = addr_of(rows[i].addr);
		CHECK(rows[i].addr, sb_addr_embedded_ip4(&addr, &ip4) == (rows[i].ip4 != NULL));
		if (rows[i].ip4 == NULL)
			continue;
		want = addr_of(rows[i].ip4);
		CHECK(rows[i].addr, memcmp(&ip4, &want, sizeof(want)) == 0);
	}
	unit_done();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse),      cmocka_unit_test(has),
		cmocka_unit_test(covers),     cmocka_unit_test(find),
		cmocka_unit_test(mask),	      cmocka_unit_test(embedded),
		cmocka_unit_test(equal_ones), cmocka_unit_test(find_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
