/* SPDX-License-Identifier: BSD-3-Clause */
/* Wire names and their text. */
#include "unit.h"

#include "sitebound/digits.h"

static void parse(void **state)
{
	static const struct {
		const char *id, *lens;
		enum sb_err err;
		unsigned labels;
	} rows[] = {
		{"root", "", SB_OK, 0},
		{"one-octet", "1", SB_OK, 1},
		{"label-62", "62", SB_OK, 1},
		{"label-63", "63", SB_OK, 1},
		{"label-64", "64", SB_EFORM, 0},
		{"label-127", "127", SB_EFORM, 0},
		{"pointer-192", "192", SB_EFORM, 0},
		{"label-255-long", "63x3 62", SB_ERANGE, 0},
		{"name-254", "63x3 60", SB_OK, 4},
		{"name-255", "63x3 61", SB_OK, 4},
		{"name-256", "63x3 62", SB_ERANGE, 0},
		{"name-257", "63x4", SB_ERANGE, 0},
		{"labels-126", "1x126", SB_OK, 126},
		{"labels-127", "1x127", SB_OK, 127},
		{"labels-128", "1x128", SB_ERANGE, 0},
		{"last-label-63", "1 63", SB_OK, 2},
		{"last-label-64", "1 64", SB_EFORM, 0},
	};
	uint8_t wire[1024];
	struct sb_dname name;
	size_t i, wire_len, label_len;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		wire_len = unit_wire_of(rows[i].lens, wire);
		CHECK(rows[i].id, sb_dname_parse(&name, wire, wire_len) == rows[i].err);
		if (rows[i].err != SB_OK)
			continue;
		CHECK(rows[i].id, name.label_count == rows[i].labels);
		CHECK(rows[i].id, name.wire == wire && name.wire_len == wire_len);
		CHECK(rows[i].id, name.offset[name.label_count] == wire_len - 1);
		if (rows[i].labels > 0) {
			CHECK(rows[i].id, sb_dname_label(&name, 0, &label_len) == wire + 1);
			CHECK(rows[i].id, label_len == wire[0]);
		}
	}
	unit_done();
}

static void parse_malformed(void **state)
{
	static const struct {
		const char *id;
		size_t wire_len;
		uint8_t wire[8];
	} rows[] = {
		{"empty", 0, {0}},
		{"no-root", 2, {1, 'a'}},
		{"label-cut", 2, {2, 'a'}},
		{"label-cut-long", 3, {63, 'a', 'a'}},
		{"length-alone", 1, {1}},
		{"octet-behind-root", 2, {0, 0}},
		{"name-behind-root", 4, {1, 'a', 0, 0}},
		{"label-behind-root", 6, {1, 'a', 0, 1, 'b', 0}},
		{"pointer", 2, {0xc0, 0x0c}},
		{"pointer-behind-label", 4, {1, 'a', 0xc0, 0x0c}},
		{"pointer-to-itself", 2, {0xc0, 0x00}},
		{"extended-label-0x40", 3, {0x40, 'a', 0}},
		{"extended-label-0x41", 4, {0x41, 'a', 'b', 0}},
		{"reserved-0x80", 3, {0x80, 'a', 0}},
	};
	struct sb_dname name;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		/* memory of its own, of exactly that size: a read behind it is seen */
		uint8_t *wire = malloc(rows[i].wire_len + (rows[i].wire_len == 0));

		assert_non_null(wire);
		memcpy(wire, rows[i].wire, rows[i].wire_len);
		CHECK(rows[i].id, sb_dname_parse(&name, wire, rows[i].wire_len) == SB_EFORM);
		free(wire);
	}
	unit_done();
}

/** Every prefix of a good name but the whole of it is malformed. */
static void parse_truncated(void **state)
{
	uint8_t whole[512], *wire;
	size_t whole_len = unit_wire_of("1 63x2 5 30x3", whole), len;
	struct sb_dname name;
	char id[48];

	(void)state;
	assert_int_equal(sb_dname_parse(&name, whole, whole_len), SB_OK);
	for (len = 0; len < whole_len; len++) {
		snprintf(id, sizeof(id), "cut at %zu", len);
		wire = malloc(len + (len == 0));
		assert_non_null(wire);
		memcpy(wire, whole, len);
		CHECK(id, sb_dname_parse(&name, wire, len) == SB_EFORM);
		free(wire);
	}
	unit_done();
}

static void from_text(void **state)
{
	static const char a63[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	static const struct {
		const char *id, *text;
		enum sb_err err;
		/** as sb_dname_to_text() writes it */
		const char *back;
	} rows[] = {
		{"root", ".", SB_OK, "."},
		{"one", "a", SB_OK, "a"},
		{"final-dot", "a.b.", SB_OK, "a.b"},
		{"case", "AbC.ExAmPlE", SB_OK, "abc.example"},
		{"dash-underscore", "_sip-.-a_", SB_OK, "_sip-.-a_"},
		{"digits", "10.in-addr.arpa", SB_OK, "10.in-addr.arpa"},
		{"a-label", "xn--mnchen-3ya.example", SB_OK, "xn--mnchen-3ya.example"},
		{"empty", "", SB_EFORM, NULL},
		{"two-dots", "a..b", SB_EFORM, NULL},
		{"leading-dot", ".a", SB_EFORM, NULL},
		{"only-dots", "..", SB_EFORM, NULL},
		{"end-dots", "a..", SB_EFORM, NULL},
		{"space", "a b", SB_EFORM, NULL},
		{"space-end", "a ", SB_EFORM, NULL},
		{"escape", "a\\046b", SB_EFORM, NULL},
		{"star", "*.a", SB_EFORM, NULL},
		{"slash", "0/25.2.0.192.in-addr.arpa", SB_EFORM, NULL},
		{"at", "a@b", SB_EFORM, NULL},
		{"utf-8", "m\303\274nchen", SB_EFORM, NULL},
		{"control", "a\001", SB_EFORM, NULL},
		{"del", "a\177", SB_EFORM, NULL},
	};
	uint8_t wire[SB_DNAME_MAX];
	char text[1024], back[SB_DNAME_TEXT_MAX];
	struct sb_dname name;
	size_t i, wire_len;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		CHECK(rows[i].id, sb_dname_from_text(rows[i].text, wire, &wire_len) == rows[i].err);
		if (rows[i].err != SB_OK)
			continue;
		CHECK(rows[i].id, sb_dname_parse(&name, wire, wire_len) == SB_OK);
		CHECK(rows[i].id, sb_dname_to_text(&name, back) == strlen(rows[i].back));
		CHECK_TEXT(rows[i].id, back, rows[i].back);
	}
	/* limits */
	CHECK("label-63", sb_dname_from_text(a63, wire, &wire_len) == SB_OK && wire_len == 65);
	snprintf(text, sizeof(text), "%sa", a63);
	CHECK("label-64", sb_dname_from_text(text, wire, &wire_len) == SB_ERANGE);
	snprintf(text, sizeof(text), "%s.%s.%s.%.61s", a63, a63, a63, a63);
	CHECK("name-255", sb_dname_from_text(text, wire, &wire_len) == SB_OK && wire_len == 255);
	snprintf(text, sizeof(text), "%s.%s.%s.%.61s.", a63, a63, a63, a63);
	CHECK("name-255-dot", sb_dname_from_text(text, wire, &wire_len) == SB_OK);
	snprintf(text, sizeof(text), "%s.%s.%s.%.62s", a63, a63, a63, a63);
	CHECK("name-256", sb_dname_from_text(text, wire, &wire_len) == SB_ERANGE);
	for (i = 0; i < 128; i++)
		memcpy(text + 2 * i, "a.", 3);
	CHECK("labels-128", sb_dname_from_text(text, wire, &wire_len) == SB_ERANGE);
	CHECK("labels-127", sb_dname_from_text(text + 2, wire, &wire_len) == SB_OK);
	CHECK("labels-127-length", wire_len == 255);
	unit_done();
}

/** Every octet, alone in a label. */
static void octets(void **state)
{
	unsigned octet;

	(void)state;
	for (octet = 0; octet < 256; octet++) {
		uint8_t wire[] = {1, (uint8_t)octet, 0}, read[SB_DNAME_MAX];
		char text[SB_DNAME_TEXT_MAX], want[8], id[16];
		char host[2] = {(char)octet, '\0'};
		bool is_host = (octet >= 'a' && octet <= 'z') || (octet >= 'A' && octet <= 'Z') ||
			       (octet >= '0' && octet <= '9') || octet == '-' || octet == '_';
		struct sb_dname name;
		size_t read_len;

		snprintf(id, sizeof(id), "octet %u", octet);
		CHECK(id, sb_dname_parse(&name, wire, sizeof(wire)) == SB_OK);
		if (octet < 33 || octet > 126 || (octet > 0 && strchr("\".;@$()\\", (int)octet)))
			snprintf(want, sizeof(want), "\\%03u", octet);
		else
			snprintf(want, sizeof(want), "%c", (char)octet);
		CHECK(id, sb_dname_to_text(&name, text) == strlen(want));
		CHECK_TEXT(id, text, want);
		/* text takes letters, digits, dash and underscore, and "." for the root */
		CHECK(id, (sb_dname_from_text(host, read, &read_len) == SB_OK) ==
				  (is_host || octet == '.'));
		CHECK(id, sb_lower((uint8_t)octet) ==
				  (octet >= 'A' && octet <= 'Z' ? octet + 32 : octet));
	}
	unit_done();
}

static void to_text(void **state)
{
	static const struct {
		const char *id, *name;
		unsigned first, end;
		enum sb_text style;
		const char *text;
	} rows[] = {
		{"all", "a.B.c", 0, 3, SB_TEXT_MASTER, "a.B.c"},
		{"first-1", "a.B.c", 1, 3, SB_TEXT_MASTER, "B.c"},
		{"first-last", "a.B.c", 2, 3, SB_TEXT_MASTER, "c"},
		{"first-root", "a.B.c", 3, 3, SB_TEXT_MASTER, "."},
		{"end", "a.B.c", 0, 2, SB_TEXT_LOG, "a.B"},
		{"lower", "a.B.c", 1, 2, SB_TEXT_LOG_LOWER, "b"},
		{"root", ".", 0, 0, SB_TEXT_MASTER, "."},
		{"root-log", ".", 0, 0, SB_TEXT_LOG, "."},
		{"root-pattern", ".", 0, 0, SB_TEXT_PATTERN, ""},
		{"dot-in-label", "a\\.b.c", 0, 2, SB_TEXT_MASTER, "a\\046b.c"},
		{"dot-label", "\\..c", 0, 2, SB_TEXT_MASTER, "\\046.c"},
		{"dot-log", "\\..c", 0, 2, SB_TEXT_LOG, "\\046.c"},
		{"master", "a;@$()!z", 0, 1, SB_TEXT_MASTER, "a\\059\\064\\036\\040\\041!z"},
		{"log", "a;@$()!Z", 0, 1, SB_TEXT_LOG, "a;@$()!Z"},
		{"pattern", "Az09_-;", 0, 1, SB_TEXT_PATTERN, "az09_-\\059"},
	};
	struct unit_name name;
	char text[SB_DNAME_TEXT_MAX];
	uint8_t wire[512];
	size_t i, wire_len;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		const struct sb_dname *parsed = unit_name(&name, rows[i].name);

		CHECK(rows[i].id, sb_labels_to_text(parsed, rows[i].first, rows[i].end,
						    rows[i].style, text) == strlen(rows[i].text));
		CHECK_TEXT(rows[i].id, text, rows[i].text);
	}
	/* the longest text: every octet of the longest name takes four characters */
	wire_len = unit_wire_of("63x3 61", wire);
	for (i = 0; i < wire_len; i++) {
		if (wire[i] == 'a')
			wire[i] = 0xff;
	}
	CHECK("longest", sb_dname_parse(&name.name, wire, wire_len) == SB_OK);
	CHECK("longest", sb_dname_to_text(&name.name, text) == 4 * 250 + 3);
	unit_done();
}

static void from_master_text(void **state)
{
	static const struct {
		const char *text;
		enum sb_err err;
		const char *back;
	} texts[] = {
		{"a.b", SB_OK, "a.b"},
		{"a.b.", SB_OK, "a.b"},
		{".", SB_OK, "."},
		{"", SB_EFORM, NULL},
		{"..", SB_EFORM, NULL},
		{".a", SB_EFORM, NULL},
		{"a..", SB_EFORM, NULL},
		{"A\\.b", SB_OK, "A\\046b"},
		{"\\\\\\\"", SB_OK, "\\092\\034"},
		{"a\\", SB_EFORM, NULL},
		{"a\\1", SB_EFORM, NULL},
		{"a\\12", SB_EFORM, NULL},
		{"a\\12x", SB_EFORM, NULL},
		{"a\\256", SB_EFORM, NULL},
		{"a\\255", SB_OK, "a\\255"},
		{"a b;@$()", SB_OK, "a\\032b;@$()"},
		{"\xc3\xb6", SB_OK, "\\195\\182"},
	};
	struct sb_dname name;
	uint8_t wire[SB_DNAME_MAX];
	char text[SB_DNAME_TEXT_MAX], longest[300];
	size_t wire_len, i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		enum sb_err err = sb_dname_from_master_text(texts[i].text, strlen(texts[i].text),
							    wire, &wire_len);

		if (err != texts[i].err)
			fail_msg("\"%s\": %d", texts[i].text, err);
		if (err != SB_OK)
			continue;
		assert_int_equal(sb_dname_parse(&name, wire, wire_len), SB_OK);
		sb_labels_to_text(&name, 0, name.label_count, SB_TEXT_LOG, text);
		assert_string_equal(text, texts[i].back);
	}
	/* 63 and 64 octets in a label, 255 and 256 in a name, 127 labels */
	memset(longest, 'a', sizeof(longest));
	assert_int_equal(sb_dname_from_master_text(longest, 63, wire, &wire_len), SB_OK);
	assert_int_equal(sb_dname_from_master_text(longest, 64, wire, &wire_len), SB_ERANGE);
	longest[63] = longest[127] = longest[191] = '.';
	assert_int_equal(sb_dname_from_master_text(longest, 253, wire, &wire_len), SB_OK);
	assert_int_equal(wire_len, 255);
	assert_int_equal(sb_dname_from_master_text(longest, 254, wire, &wire_len), SB_ERANGE);
	for (i = 0; i < sizeof(longest); i++)
		longest[i] = i % 2 == 0 ? 'a' : '.';
	assert_int_equal(sb_dname_from_master_text(longest, 253, wire, &wire_len), SB_OK);
	assert_int_equal(sb_dname_parse(&name, wire, wire_len), SB_OK);
	assert_int_equal(name.label_count, 127);
	assert_int_equal(sb_dname_from_master_text(longest, 255, wire, &wire_len), SB_ERANGE);
}

static void digits(void **state)
{
	static const struct {
		const char *text;
		unsigned most;
		bool good;
		unsigned number;
	} rows[] = {
		{"", 9, false, 0},
		{"0", 9, true, 0},
		{"00", 9, false, 0},
		{"01", 9, false, 0},
		{"9", 9, true, 9},
		{"10", 9, false, 0},
		{"255", 255, true, 255},
		{"256", 255, false, 0},
		{"/", 99, false, 0},
		{":", 99, false, 0},
		{"1 ", 99, false, 0},
		{"-1", 99, false, 0},
		{"999999999", 999999999, true, 999999999},
		/* 2^32 + 1 */
		{"4294967297", 999999999, false, 0},
	};
	static const uint8_t octets[] = {0x00, 0x9a, 0xff};
	char text[2 * sizeof(octets)];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		unsigned number = 77;

		CHECK(rows[i].text,
		      sb_decimal_read((const uint8_t *)rows[i].text, strlen(rows[i].text),
				      rows[i].most, &number) == rows[i].good);
		CHECK(rows[i].text, number == (rows[i].good ? rows[i].number : 77));
	}
	CHECK("hex", sb_hex_write(octets, sizeof(octets), text) == sizeof(text) &&
			     memcmp(text, "009aff", sizeof(text)) == 0);
	for (i = 0; i < 256; i++) {
		const char *at = i != 0 ? strchr("0123456789abcdefABCDEF", (int)i) : NULL;
		int value = at == NULL ? -1 : (int)(at - strchr("0123456789abcdefABCDEF", '0'));

		CHECK("digit", sb_hex_digit((uint8_t)i) == (value > 15 ? value - 6 : value));
	}
	unit_done();
}

static void compare(void **state)
{
	uint8_t lower[8];

	(void)state;
	CHECK("equal", sb_octets_equal((const uint8_t *)"aBc", (const uint8_t *)"AbC", 3));
	CHECK("differ", !sb_octets_equal((const uint8_t *)"abc", (const uint8_t *)"abd", 3));
	CHECK("nothing", sb_octets_equal((const uint8_t *)"a", (const uint8_t *)"b", 0));
	/* 32 apart, but no letters (RFC 4343 section 2) */
	CHECK("at-grave", !sb_octets_equal((const uint8_t *)"@", (const uint8_t *)"`", 1));
	CHECK("bracket-brace", !sb_octets_equal((const uint8_t *)"[", (const uint8_t *)"{", 1));
	CHECK("latin-1", !sb_octets_equal((const uint8_t *)"\304", (const uint8_t *)"\344", 1));
	sb_octets_lower(lower, (const uint8_t *)"@AZ[`az{", 8);
	CHECK("lower", memcmp(lower, "@az[`az{", 8) == 0);
	unit_done();
}

/** Labels that differ in some digits only meet no more often than by chance in a table. */
static void hash(void **state)
{
	enum { LABELS = 10000, SLOTS = 32768 };
	static const struct {
		const char *before;
		int digits;
		const char *after;
	} forms[] = {{"", 1, ""}, {"p", 1, ""}, {"zone", 1, ""},
		     {"", 4, ""}, {"h", 7, ""}, {"a-name-", 1, "-of-many"}};
	static bool used[SLOTS];
	char label[32];
	size_t form;

	(void)state;
	for (form = 0; form < COUNT(forms); form++) {
		unsigned slots = 0;
		int i;

		memset(used, 0, sizeof(used));
		for (i = 0; i < LABELS; i++) {
			int len = snprintf(label, sizeof(label), "%s%0*d%s", forms[form].before,
					   forms[form].digits, i, forms[form].after);
			uint32_t slot = sb_octets_hash(7, (const uint8_t *)label, (size_t)len) %
					SLOTS;

			slots += !used[slot];
			used[slot] = true;
		}
		/* by chance: 8,619 */
		CHECK(forms[form].before, slots > 8300);
	}
	CHECK("case", sb_octets_hash(1, (const uint8_t *)"Zone-A", 6) ==
			      sb_octets_hash(1, (const uint8_t *)"zone-a", 6));
	unit_done();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse),
		cmocka_unit_test(parse_malformed),
		cmocka_unit_test(parse_truncated),
		cmocka_unit_test(from_text),
		cmocka_unit_test(octets),
		cmocka_unit_test(to_text),
		cmocka_unit_test(from_master_text),
		cmocka_unit_test(digits),
		cmocka_unit_test(compare),
		cmocka_unit_test(hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
