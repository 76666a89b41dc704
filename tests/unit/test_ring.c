/* SPDX-License-Identifier: BSD-3-Clause */
/* Ring names: keys, tokens, owners, replicas, what a ring is built of. */
#include <limits.h>

#include "../../modules/synth/ring.h"

#include "unit.h"

#define TOKENS "tokens.{port}.{host}"

/** SRV rdata. */
static size_t srv(unsigned priority, unsigned port, const char *host,
		  uint8_t rdata[6 + SB_DNAME_MAX])
{
	rdata[0] = (uint8_t)(priority >> 8);
	rdata[1] = (uint8_t)priority;
	rdata[2] = rdata[3] = 0;
	rdata[4] = (uint8_t)(port >> 8);
	rdata[5] = (uint8_t)port;
	return 6 + unit_wire(host, rdata + 6, SB_DNAME_MAX);
}

/** TXT rdata of one string. */
static size_t txt(const char *text, uint8_t rdata[256])
{
	size_t len = strlen(text);

	assert_true(len <= 255);
	rdata[0] = (uint8_t)len;
	memcpy(rdata + 1, text, len);
	return 1 + len;
}

/** A member of a test's ring: its host, port 80, priority 0, and its tokens. */
struct member {
	const char *host, *tokens;
};

static struct ring_builder *new_builder(void)
{
	struct ring_builder *builder = ring_builder_new(TOKENS);

	assert_non_null(builder);
	return builder;
}

static void add_member(struct ring_builder *builder, size_t index, const struct member *member)
{
	uint8_t rdata[6 + SB_DNAME_MAX], strings[256];

	assert_int_equal(ring_builder_srv(builder, rdata, srv(0, 80, member->host, rdata)), SB_OK);
	if (member->tokens != NULL)
		assert_int_equal(
			ring_builder_tokens(builder, index, strings, txt(member->tokens, strings)),
			SB_OK);
}

static struct ring *finish(struct ring_builder *builder)
{
	struct ring *ring;

	assert_int_equal(ring_builder_finish(builder, &ring), SB_OK);
	return ring;
}

static struct ring *ring_of(const char *config, const struct member *member, size_t count)
{
	struct ring_builder *builder = new_builder();
	uint8_t strings[256];
	size_t i;

	for (i = 0; i < count; i++)
		add_member(builder, i, &member[i]);
	if (config != NULL)
		assert_int_equal(ring_builder_config(builder, strings, txt(config, strings)),
				 SB_OK);
	return finish(builder);
}

/** The first label of the host that a name's key belongs to; "-" for no key, "" for nobody. */
static const char *owner(const struct ring *ring, const char *name, bool by_hash)
{
	static char text[64];
	uint8_t wire[SB_DNAME_MAX], position[RING_POSITION_MAX];
	const struct ring_segment *segment;
	struct sb_dname qname;
	struct ring_key key;
	size_t host_len;
	const uint8_t *host;

	assert_int_equal(sb_dname_parse(&qname, wire, unit_wire(name, wire, sizeof(wire))), SB_OK);
	if (!ring_key_parse(&qname, qname.label_count, &key))
		return "-";
	segment = ring_find(ring, &key, by_hash, position);
	if (segment == NULL)
		return "";
	host = ring_member_host(segment->member, &host_len);
	memcpy(text, host + 1, host[0]);
	text[host[0]] = '\0';
	return text;
}

static const struct member three[] = {
	{"a.example", "40"},
	{"b.example", "80"},
	{"c.example", "c0"},
};

static void owners(void **state)
{
	static const struct {
		const char *name, *owner;
	} rows[] = {
		/* before the first, and at it */
		{"0", "a"},
		{"00", "a"},
		{"3f", "a"},
		{"40", "a"},
		{"4", "a"},
		{"4000000000000000000000000000000000000000", "a"},
		/* one past it */
		{"4000000000000000000000000000000000000001", "b"},
		{"41", "b"},
		{"80", "b"},
		{"8000000000000000000000000000000000000001", "c"},
		{"C0", "c"},
		{"c0", "c"},
		/* around the end */
		{"c000000000000000000000000000000000000001", "a"},
		{"ffffffffffffffffffffffffffffffffffffffff", "a"},
		{"f", "a"},
		{"d34db33f", "a"},
		/* more digits than the hash has */
		{"40000000000000000000000000000000000000000", ""},
		/* no key */
		{"x", "-"},
		{"h", "-"},
		{"h-", "-"},
		{"4g", "-"},
		{"-4", "-"},
		{"0x40", "-"},
		{"40.41", "-"},
		{"x.r1.40", "-"},
		/* replicas */
		{"r1.40", "b"},
		{"R1.40", "b"},
		{"r2.40", "c"},
		{"r1.ff", "b"},
		{"r1.c0", "a"},
		{"r2.c0", "b"},
		/* once around */
		{"r3.40", ""},
		{"r999.40", ""},
		{"r0.40", "-"},
		{"r01.40", "-"},
		{"r.40", "-"},
		{"r1000.40", "-"},
		{"r-1.40", "-"},
		{"r1x.40", "-"},
		{"1.40", "-"},
	};
	struct ring *ring = ring_of("hash=sha1", three, COUNT(three));
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++)
		CHECK_TEXT(rows[i].name, owner(ring, rows[i].name, false), rows[i].owner);
	ring_free(ring);
	unit_done();
}

static void hashes(void **state)
{
	/* what sha1sum, md5sum and sha256sum say of "track", and of the octets of that */
	static const struct {
		const char *config, *once, *twice;
	} rows[] = {
		{"hash=sha1", "42aef171c1c0accaeee38c605d98ab5db51a13f5",
		 "cb7e4ff75aae17cd5f351264681227f3e501d6ec"},
		{"hash=md5", "368cc7b17925cc0f9c4b5a90db1e68c1",
		 "25ab3e8c0ab159c3c4a0bc920b1727c7"},
		{"HASH=SHA256", "2bb8bf7259c4ea0edaef5b8552247e06dde993959d3d33e4a2b32f32e1144c0a",
		 "2e62c4429c4def5fc967563abc4d7c83cb13331f1e47ed0636dd448fe36bb4e7"},
	};
	uint8_t wire[SB_DNAME_MAX], position[RING_POSITION_MAX];
	static const char *const names[] = {"h-track", "H-TRACK", "r1.h-track"};
	struct sb_dname qname;
	struct ring_key key;
	size_t i, name, at;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		struct ring *ring = ring_of(rows[i].config, three, COUNT(three));

		for (name = 0; name < COUNT(names); name++) {
			const char *want = name < 2 ? rows[i].once : rows[i].twice;
			char text[2 * RING_POSITION_MAX + 1] = "";

			assert_int_equal(sb_dname_parse(&qname, wire,
							unit_wire(names[name], wire, sizeof(wire))),
					 SB_OK);
			CHECK(names[name], ring_key_parse(&qname, qname.label_count, &key));
			CHECK(names[name],
			      ring_find(ring, &key, true, position) == ring_owner(ring, position));
			for (at = 0; at < ring->position_len; at++)
				snprintf(text + 2 * at, 3, "%02x", position[at]);
			CHECK_TEXT(rows[i].config, text, want);
		}
		ring_free(ring);
	}
	unit_done();
}

static void few(void **state)
{
	static const struct member one = {"a.example", "80"};
	static const struct member none = {"a.example", NULL};
	static const char *const keys[] = {"0", "80", "81", "ff"};
	struct ring *ring = ring_of(NULL, &one, 1);
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(keys); i++)
		CHECK_TEXT(keys[i], owner(ring, keys[i], false), "a");
	CHECK_TEXT("its replica", owner(ring, "r1.0", false), "");
	CHECK_TEXT("by hash it may be itself", owner(ring, "r1.0", true), "a");
	ring_free(ring);

	ring = ring_of(NULL, &none, 1);
	CHECK("none", ring->segment_count == 0 && ring->without_token == 1);
	CHECK_TEXT("no token", owner(ring, "80", false), "");
	CHECK_TEXT("no token", owner(ring, "r1.h-x", true), "");
	ring_free(ring);

	ring = ring_of(NULL, NULL, 0);
	CHECK("empty",
	      ring->member_count == 0 && ring->hash == RING_SHA1 && ring->slaves == UINT_MAX);
	CHECK_TEXT("no member", owner(ring, "80", false), "");
	ring_free(ring);
	unit_done();
}

static void tokens(void **state)
{
	static const struct {
		const char *id, *first, *second;
		size_t segments, without, bad, duplicate;
	} rows[] = {
		{"several", "10 30  50", " 20 40", 5, 0, 0, 0},
		{"same twice", "10", "10", 1, 0, 0, 1},
		{"same in other digits", "10", "100", 1, 0, 0, 1},
		{"one member twice", "10 10", "20", 2, 0, 0, 0},
		{"no hexadecimal", "xyz", "10", 1, 1, 1, 0},
		{"empty", "", "10", 1, 1, 0, 0},
		{"case", "aB", "Ab", 1, 0, 0, 1},
		{"40 digits", "0123456789012345678901234567890123456789", "1", 2, 0, 0, 0},
		{"41 digits", "01234567890123456789012345678901234567890", "1", 1, 1, 1, 0},
		{"65 digits", "0123456789012345678901234567890123456789012345678901234567890123x",
		 "1", 1, 1, 1, 0},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		struct member both[2] = {{"a.example", rows[i].first},
					 {"b.example", rows[i].second}};
		struct ring *ring = ring_of(NULL, both, 2);

		CHECK(rows[i].id, ring->segment_count == rows[i].segments);
		CHECK(rows[i].id, ring->without_token == rows[i].without);
		CHECK(rows[i].id, ring->bad_tokens == rows[i].bad);
		CHECK(rows[i].id, ring->duplicate_tokens == rows[i].duplicate);
		ring_free(ring);
	}
	unit_done();
}

/** Who has a token that two members have does not depend on who came first. */
static void order(void **state)
{
	static const struct {
		const char *id;
		unsigned priority[2], port[2];
		const char *host[2];
		int owner;
	} rows[] = {
		{"priority", {1, 2}, {80, 80}, {"z.example", "a.example"}, 0},
		{"host", {1, 1}, {81, 80}, {"A.example", "b.example"}, 0},
		{"port", {1, 1}, {80, 81}, {"a.example", "A.EXAMPLE"}, 0},
	};
	uint8_t rdata[6 + SB_DNAME_MAX], strings[256];
	unsigned swap, i, j;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		for (swap = 0; swap < 2; swap++) {
			struct ring_builder *builder = new_builder();
			struct ring *ring;

			for (j = 0; j < 2; j++) {
				unsigned k = j ^ swap;

				assert_int_equal(
					ring_builder_srv(builder, rdata,
							 srv(rows[i].priority[k], rows[i].port[k],
							     rows[i].host[k], rdata)),
					SB_OK);
				assert_int_equal(
					ring_builder_tokens(builder, j, strings, txt("7", strings)),
					SB_OK);
			}
			ring = finish(builder);
			CHECK(rows[i].id, ring->segment_count == 1 && ring->duplicate_tokens == 1);
			CHECK(rows[i].id, ring->segment[0].member == &ring->member[swap]);
			ring_free(ring);
		}
	}
	unit_done();
}

static void config(void **state)
{
	static const struct {
		const char *text;
		enum sb_err err;
		enum ring_hash hash;
		unsigned slaves;
	} rows[] = {
		{"hash=sha1", SB_OK, RING_SHA1, UINT_MAX},
		{"hash=md5 slaves=2", SB_OK, RING_MD5, 2},
		{"slaves=0 hash=sha256", SB_OK, RING_SHA256, 0},
		{"other=1 slaves=999", SB_OK, RING_SHA1, 999},
		{"", SB_OK, RING_SHA1, UINT_MAX},
		{"hash=", SB_EFORM, RING_SHA1, UINT_MAX},
		{"hash=sha", SB_EFORM, RING_SHA1, UINT_MAX},
		{"hash=sha11", SB_EFORM, RING_SHA1, UINT_MAX},
		{"hash=sha512", SB_EFORM, RING_SHA1, UINT_MAX},
		{"slaves=", SB_EFORM, RING_SHA1, UINT_MAX},
		{"slaves=-1", SB_EFORM, RING_SHA1, UINT_MAX},
		{"slaves=1000", SB_EFORM, RING_SHA1, UINT_MAX},
		{"slaves=01", SB_EFORM, RING_SHA1, UINT_MAX},
	};
	uint8_t strings[256];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		struct ring_builder *builder = new_builder();
		struct ring *ring;

		CHECK(rows[i].text, ring_builder_config(builder, strings,
							txt(rows[i].text, strings)) == rows[i].err);
		ring = finish(builder);
		CHECK(rows[i].text, ring->hash == rows[i].hash && ring->slaves == rows[i].slaves);
		ring_free(ring);
	}
	unit_done();
}

/** More replicas than the configuration record says there are none of. */
static void slaves(void **state)
{
	struct ring *ring = ring_of("slaves=1", three, COUNT(three));

	(void)state;
	CHECK_TEXT("r1", owner(ring, "r1.40", false), "b");
	CHECK_TEXT("r2", owner(ring, "r2.40", false), "");
	CHECK_TEXT("r1 by hash", owner(ring, "r2.40", true), "");
	ring_free(ring);
	unit_done();
}

static void bad_records(void **state)
{
	static const struct {
		const char *id;
		size_t len;
		uint8_t octets[16];
	} srvs[] =
		{
			{"empty", 0, {0}},
			{"no target", 6, {0, 0, 0, 0, 0, 80}},
			{"no root", 9, {0, 0, 0, 0, 0, 80, 2, 'a', 'b'}},
			{"pointer", 8, {0, 0, 0, 0, 0, 80, 0xc0, 12}},
			{"more behind", 10, {0, 0, 0, 0, 0, 80, 1, 'a', 0, 0}},
		},
	  txts[] = {
		  {"empty", 0, {0}},
		  {"string over the end", 2, {2, '1'}},
		  {"second string over the end", 4, {1, '1', 2, '2'}},
		  {"length alone", 1, {255}},
	  };
	struct ring_builder *builder = new_builder();
	uint8_t rdata[6 + SB_DNAME_MAX];
	struct ring *ring;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(srvs); i++)
		CHECK(srvs[i].id,
		      ring_builder_srv(builder, srvs[i].octets, srvs[i].len) == SB_EFORM);
	/* not available (RFC 2782) */
	CHECK("root", ring_builder_srv(builder, rdata, srv(0, 80, ".", rdata)) == SB_OK);
	CHECK("no such member", ring_builder_tokens(builder, 0, txts[0].octets, 0) == SB_EFORM);
	CHECK("good", ring_builder_srv(builder, rdata, srv(0, 80, "a.example", rdata)) == SB_OK);
	for (i = 0; i < COUNT(txts); i++) {
		CHECK(txts[i].id,
		      ring_builder_tokens(builder, 0, txts[i].octets, txts[i].len) == SB_EFORM);
		CHECK(txts[i].id,
		      ring_builder_config(builder, txts[i].octets, txts[i].len) == SB_EFORM);
	}
	ring = finish(builder);
	CHECK("ring", ring->member_count == 1 && ring->segment_count == 0);
	ring_free(ring);
	ring_builder_free(NULL);
	ring_free(NULL);
	unit_done();
}

/* 50 octets of a name, as in text; and 500 */
#define FIFTY "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
#define TEN FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY

static void templates(void **state)
{
	static const struct {
		const char *text;
		enum sb_err err;
		const char *name;
	} rows[] = {
		{TOKENS, SB_OK, "tokens.8080.h.example"},
		{"{host}", SB_OK, "h.example"},
		{"{host}.", SB_OK, "h.example"},
		{"x-{port}-y.{host}.ring.test", SB_OK, "x-8080-y.h.example.ring.test"},
		{"{host}.p{port}", SB_OK, "h.example.p8080"},
		{"fixed.test", SB_OK, "fixed.test"},
		{"", SB_EFORM, NULL},
		{"x{host}", SB_EFORM, NULL},
		{"{host}x", SB_EFORM, NULL},
		{".{host}", SB_EFORM, NULL},
		{"a..{host}", SB_EFORM, NULL},
		{"{host}.{host}", SB_EFORM, NULL},
		{"{hosts}", SB_EFORM, NULL},
		{"a b.{host}", SB_EFORM, NULL},
		/* behind the hole they do not fit any more */
		{"{host}." FIFTY FIFTY FIFTY FIFTY "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		 SB_OK,
		 "h.example." FIFTY FIFTY FIFTY FIFTY
		 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
		{"{host}." FIFTY FIFTY FIFTY FIFTY "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		 SB_ERANGE, NULL},
		/* longer than the text of any name */
		{TEN TEN TEN "{host}", SB_ERANGE, NULL},
	};
	uint8_t host[SB_DNAME_MAX], wire[SB_DNAME_MAX];
	char text[SB_DNAME_TEXT_MAX], longest[300];
	size_t host_len = unit_wire("h.example", host, sizeof(host)), wire_len, i;
	struct sb_dname name;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		enum sb_err err = ring_template(rows[i].text, "{host}", host, host_len, 8080, wire,
						&wire_len);

		CHECK(rows[i].text, err == rows[i].err);
		if (err == SB_OK) {
			CHECK(rows[i].text, sb_dname_parse(&name, wire, wire_len) == SB_OK);
			sb_dname_to_text(&name, text);
			CHECK_TEXT(rows[i].text, text, rows[i].name);
		}
	}
	/* 255 octets, and one more: 3 labels of 63, 11 of h.example, the rest, the root */
	for (i = 0; i < 2; i++) {
		snprintf(longest, sizeof(longest), "%.63s.%.63s.%.63s.%.*s.{host}",
			 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
			 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
			 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
			 (int)(255 - 192 - 1 - 11 + i),
			 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
		CHECK(longest, ring_template(longest, "{host}", host, host_len, 0, wire,
					     &wire_len) == (i == 0 ? SB_OK : SB_ERANGE));
		CHECK(longest, i == 1 || wire_len == 255);
	}
	unit_done();
}

/** Each member's name is given out once, whatever has come meanwhile. */
static void next_names(void **state)
{
	struct ring_builder *builder = new_builder();
	uint8_t rdata[6 + SB_DNAME_MAX], wire[SB_DNAME_MAX];
	char text[SB_DNAME_TEXT_MAX];
	struct sb_dname name;
	struct ring *ring;
	size_t index, wire_len;
	unsigned i;

	(void)state;
	CHECK("none yet", !ring_builder_next(builder, &index, wire, &wire_len));
	for (i = 0; i < 3; i++) {
		char want[64];

		assert_int_equal(
			ring_builder_srv(builder, rdata, srv(0, 80 + i, "m.example", rdata)),
			SB_OK);
		CHECK("next", ring_builder_next(builder, &index, wire, &wire_len) && index == i);
		assert_int_equal(sb_dname_parse(&name, wire, wire_len), SB_OK);
		sb_dname_to_text(&name, text);
		snprintf(want, sizeof(want), "tokens.%u.m.example", 80 + i);
		CHECK_TEXT("name", text, want);
		CHECK("once", !ring_builder_next(builder, &index, wire, &wire_len));
	}
	ring_builder_ttl(builder, 300);
	ring_builder_ttl(builder, 60);
	ring_builder_ttl(builder, 3600);
	ring = finish(builder);
	CHECK("ttl", ring->ttl == 60);
	ring_free(ring);
	unit_done();
}

static void text(void **state)
{
	static const struct member member[] = {{"a\\.b.example", "d34db33f"}};
	struct ring *ring = ring_of("hash=md5", member, 1);
	uint8_t position[RING_POSITION_MAX] = {0xab, 0xcd}, rdata[RING_TXT_MAX];
	static const char want[] = "key=abcd0000000000000000000000000000 "
				   "token=d34db33f000000000000000000000000 "
				   "host=a\\046b.example port=80";
	size_t len = ring_txt(ring, &ring->segment[0], position, rdata);

	(void)state;
	CHECK("length", len == sizeof(want) && rdata[0] == sizeof(want) - 1);
	CHECK("text", memcmp(rdata + 1, want, sizeof(want) - 1) == 0);
	ring_free(ring);
	unit_done();
}

/** The longest host that can be: more than one string of 255 octets. */
static void long_text(void **state)
{
	struct ring_builder *builder = new_builder();
	uint8_t srv_rdata[6 + SB_DNAME_MAX] = {0, 0, 0, 0, 0xff, 0xff}, rdata[RING_TXT_MAX];
	uint8_t position[RING_POSITION_MAX] = {0}, strings[256];
	size_t at, len, octets = 0;
	struct ring *ring;

	(void)state;
	for (at = 0; at < 254; at += 64) {
		size_t label_len = at + 64 <= 254 ? 63 : 254 - at - 1;

		srv_rdata[6 + at] = (uint8_t)label_len;
		memset(srv_rdata + 7 + at, 1, label_len);
	}
	assert_int_equal(ring_builder_srv(builder, srv_rdata, sizeof(srv_rdata)), SB_OK);
	assert_int_equal(ring_builder_tokens(builder, 0, strings, txt("1", strings)), SB_OK);
	assert_int_equal(ring_builder_config(builder, strings, txt("hash=sha256", strings)), SB_OK);
	ring = finish(builder);
	len = ring_txt(ring, &ring->segment[0], position, rdata);
	for (at = 0; at < len; at += 1U + rdata[at])
		octets += rdata[at];
	CHECK("strings", at == len && len <= RING_TXT_MAX);
	/* key=, token=, host=, port= with 64 digits twice; 250 octets of \001 and 3 dots; 65535 */
	CHECK("octets", octets == 4 + 64 + 1 + 6 + 64 + 1 + 5 + 250 * 4 + 3 + 1 + 5 + 5);
	ring_free(ring);
	unit_done();
}

/** 10,000 members, each with a token of its own: as a walk over all of them finds. */
static void many(void **state)
{
	enum { MEMBERS = 10000 };
	struct ring_builder *builder = new_builder();
	uint8_t position[RING_POSITION_MAX];
	struct ring *ring;
	uint32_t random = 1;
	size_t i, step;

	(void)state;
	for (i = 0; i < MEMBERS; i++) {
		char host[32], token[16];
		struct member member = {host, token};

		snprintf(host, sizeof(host), "m%zu.example", i);
		snprintf(token, sizeof(token), "%08x", (unsigned)i * 2654435761U);
		add_member(builder, i, &member);
	}
	ring = finish(builder);
	assert_int_equal(ring->segment_count, MEMBERS);
	for (step = 0; step < 2000; step++) {
		const struct ring_segment *best = NULL, *least = &ring->segment[0];

		random = random * 1664525U + 1013904223U;
		memset(position, 0, sizeof(position));
		position[0] = (uint8_t)(random >> 24);
		position[1] = (uint8_t)(random >> 16);
		position[2] = (uint8_t)(random >> 8);
		if (step % 2 == 0)
			memcpy(position, ring->segment[random % MEMBERS].token, sizeof(position));
		for (i = 0; i < MEMBERS; i++) {
			const struct ring_segment *segment = &ring->segment[i];

			if (memcmp(segment->token, least->token, sizeof(position)) < 0)
				least = segment;
			if (memcmp(segment->token, position, sizeof(position)) >= 0 &&
			    (best == NULL ||
			     memcmp(segment->token, best->token, sizeof(position)) < 0))
				best = segment;
		}
		CHECK("owner", ring_owner(ring, position) == (best == NULL ? least : best));
	}
	ring_free(ring);
	unit_done();
}

/** The bound of members and of tokens: at it, and one past it. */
static void limits(void **state)
{
	struct ring_builder *builder = new_builder();
	uint8_t rdata[6 + SB_DNAME_MAX], strings[256];
	size_t rdata_len = srv(0, 80, "a", rdata), strings_len = txt("1", strings), i;
	enum sb_err err = SB_OK;

	(void)state;
	for (i = 0; i < RING_MEMBERS_MAX && err == SB_OK; i++)
		err = ring_builder_srv(builder, rdata, rdata_len);
	CHECK("members", err == SB_OK);
	CHECK("one more", ring_builder_srv(builder, rdata, rdata_len) == SB_ERANGE);
	for (i = 0; i < RING_MEMBERS_MAX && err == SB_OK; i++)
		err = ring_builder_tokens(builder, i, strings, strings_len);
	CHECK("tokens", err == SB_OK);
	CHECK("one more", ring_builder_tokens(builder, 0, strings, strings_len) == SB_ERANGE);
	ring_builder_free(builder);
	unit_done();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(owners),    cmocka_unit_test(hashes),
		cmocka_unit_test(few),	     cmocka_unit_test(tokens),
		cmocka_unit_test(order),     cmocka_unit_test(config),
		cmocka_unit_test(slaves),    cmocka_unit_test(bad_records),
		cmocka_unit_test(templates), cmocka_unit_test(next_names),
		cmocka_unit_test(text),	     cmocka_unit_test(long_text),
		cmocka_unit_test(many),	     cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
