/* SPDX-License-Identifier: BSD-3-Clause */
/* The set of zones: longest match by whole labels. */
#include "sitebound/zones.h"

#include "unit.h"

/** A set of these names; the value of a name is its own text. */
static struct sb_zones *zones_of(const char *const *names, size_t count)
{
	struct sb_zones *zones = sb_zones_new();
	struct unit_name name;
	size_t i;

	assert_non_null(zones);
	for (i = 0; i < count; i++)
		assert_int_equal(sb_zones_add(zones, unit_name(&name, names[i]),
					      (void *)(uintptr_t)names[i]),
				 SB_OK);
	return zones;
}

static void find(void **state)
{
	static const char *const names[] = {
		"example.com", "a.b.Example.COM", "ip.example.com", "test",
		"xn--p1ai",    "\\000.bin",	  "\\..dot",	    "\\192\\012.pointer",
	};
	static const struct {
		const char *id, *name, *zone;
		/** labels left of the zone */
		unsigned left;
	} rows[] = {
		{"apex", "example.com", "example.com", 0},
		{"below", "www.example.com", "example.com", 1},
		{"deep-below", "a.b.c.d.example.com", "example.com", 4},
		{"longest", "x.a.b.example.com", "a.b.Example.COM", 1},
		{"longest-apex", "a.b.example.com", "a.b.Example.COM", 0},
		{"between", "b.example.com", "example.com", 1},
		{"beside-between", "c.b.example.com", "example.com", 2},
		{"case", "X.iP.eXaMpLe.CoM", "ip.example.com", 1},
		{"longer-label", "www.notexample.com", NULL, 0},
		{"shorter-label", "xample.com", NULL, 0},
		{"label-prefix", "exampl.com", NULL, 0},
		{"parent", "com", NULL, 0},
		{"root", ".", NULL, 0},
		{"zone-at-the-left", "example.com.evil.net", NULL, 0},
		{"zone-label-elsewhere", "com.example", NULL, 0},
		{"one-label", "test", "test", 0},
		{"one-label-below", "a.test", "test", 1},
		{"a-label", "a.XN--P1AI", "xn--p1ai", 1},
		{"zero-octet", "a.\\000.bin", "\\000.bin", 1},
		{"zero-octet-not", "a.\\001.bin", NULL, 0},
		{"dot-octet", "a.\\..dot", "\\..dot", 1},
		{"dot-octet-not", "a.b.dot", NULL, 0},
		{"pointer-octets", "\\192\\012.pointer", "\\192\\012.pointer", 0},
	};
	struct sb_zones *zones = zones_of(names, COUNT(names)), *outline = sb_zones_new();
	struct unit_name name;
	size_t i;

	(void)state;
	sb_zones_outline(outline, zones);
	for (i = 0; i < COUNT(rows); i++) {
		const struct sb_dname *qname = unit_name(&name, rows[i].name);
		unsigned left;
		const char *zone = sb_zones_find(zones, qname, &left);

		/* false negatives there are none */
		CHECK(rows[i].id, sb_zones_may_have(outline, qname) || zone == NULL);
		CHECK_TEXT(rows[i].id, zone != NULL ? zone : "none",
			   rows[i].zone != NULL ? rows[i].zone : "none");
		if (zone != NULL)
			CHECK(rows[i].id, left == rows[i].left);
		/* exactly this apex: found only when nothing is left of the zone */
		CHECK(rows[i].id, (sb_zones_get(zones, qname) != NULL) ==
					  (rows[i].zone != NULL && rows[i].left == 0));
	}
	sb_zones_free(zones);
	sb_zones_free(outline);
	unit_done();
}

/** What is known of several sets together. */
static void outlines(void **state)
{
	static const char *const one[] = {"a.b.c", "net"}, *const other[] = {"x.example.com",
									     "b.c"};
	static const struct {
		const char *id, *name;
		bool may;
	} rows[] = {
		{"of-the-one", "www.a.b.c", true},
		{"of-the-one-short", "example.NET", true},
		{"of-the-other", "X.example.com", true},
		{"of-the-other-deep", "1.2.3.4.b.c", true},
		{"end-alone", "example.com", false},
		{"elsewhere", "www.example.org", false},
		{"elsewhere-deep", "1.2.3.4.example.org", false},
		{"shorter", "c", false},
		{"root", ".", false},
	};
	struct sb_zones *zones = zones_of(one, COUNT(one)), *more = zones_of(other, COUNT(other));
	struct sb_zones *outline = sb_zones_new();
	struct unit_name name;
	size_t i;

	(void)state;
	CHECK("empty", !sb_zones_may_have(outline, unit_name(&name, "a.b.c")));
	sb_zones_outline(outline, zones);
	sb_zones_outline(outline, more);
	for (i = 0; i < COUNT(rows); i++)
		CHECK(rows[i].id,
		      sb_zones_may_have(outline, unit_name(&name, rows[i].name)) == rows[i].may);
	sb_zones_free(zones);
	sb_zones_free(more);
	sb_zones_free(outline);
	unit_done();
}

static void root(void **state)
{
	static const char *const names[] = {".", "com"};
	struct sb_zones *zones = zones_of(names, COUNT(names)), *empty = sb_zones_new();
	struct unit_name name;
	unsigned left;

	(void)state;
	CHECK("root-itself", sb_zones_find(zones, unit_name(&name, "."), &left) == names[0]);
	CHECK("root-itself", left == 0);
	CHECK("any", sb_zones_find(zones, unit_name(&name, "a.net"), &left) == names[0]);
	CHECK("any", left == 2);
	CHECK("longer", sb_zones_find(zones, unit_name(&name, "a.com"), &left) == names[1]);
	CHECK("get-root", sb_zones_get(zones, unit_name(&name, ".")) == names[0]);
	CHECK("get-other", sb_zones_get(zones, unit_name(&name, "net")) == NULL);
	CHECK("empty", sb_zones_find(empty, unit_name(&name, "a.com"), &left) == NULL);
	CHECK("empty-root", sb_zones_find(empty, unit_name(&name, "."), &left) == NULL);
	CHECK("empty-get", sb_zones_get(empty, unit_name(&name, ".")) == NULL);
	sb_zones_free(zones);
	sb_zones_free(empty);
	sb_zones_free(NULL);
	unit_done();
}

static void twice(void **state)
{
	static const char *const names[] = {"a.b.c", "b.c"};
	struct sb_zones *zones = zones_of(names, COUNT(names));
	struct unit_name name;
	char other;

	(void)state;
	CHECK("same", sb_zones_add(zones, unit_name(&name, "a.b.c"), &other) == SB_EEXIST);
	CHECK("case", sb_zones_add(zones, unit_name(&name, "A.B.C"), &other) == SB_EEXIST);
	CHECK("stays", sb_zones_get(zones, unit_name(&name, "a.b.c")) == names[0]);
	/* a label between apexes is free to become one */
	CHECK("between", sb_zones_add(zones, unit_name(&name, "c"), &other) == SB_OK);
	CHECK("between", sb_zones_get(zones, unit_name(&name, "c")) == &other);
	sb_zones_free(zones);
	unit_done();
}

/** The longest and the deepest names. */
static void limits(void **state)
{
	static const struct {
		const char *id, *lens;
	} rows[] = {{"label-63", "63"}, {"name-255", "63x3 61"}, {"labels-127", "1x127"}};
	struct sb_zones *zones = sb_zones_new();
	uint8_t wire[512];
	struct sb_dname name;
	unsigned left;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		assert_int_equal(sb_dname_parse(&name, wire, unit_wire_of(rows[i].lens, wire)),
				 SB_OK);
		CHECK(rows[i].id, sb_zones_find(zones, &name, &left) == NULL || i > 0);
		CHECK(rows[i].id,
		      sb_zones_add(zones, &name, (void *)(uintptr_t)rows[i].id) == SB_OK);
		CHECK(rows[i].id, sb_zones_find(zones, &name, &left) == rows[i].id && left == 0);
	}
	sb_zones_free(zones);
	unit_done();
}

#define MANY 30000

/** So many that the table grows again and again; each is found, its neighbours are not. */
static void many(void **state)
{
	struct sb_zones *zones = sb_zones_new();
	static unsigned number[MANY];
	struct unit_name name;
	char text[64];
	unsigned i, left;

	(void)state;
	for (i = 0; i < MANY; i++) {
		number[i] = i;
		snprintf(text, sizeof(text), "z%u.d%u.example", i, i % 7);
		if (sb_zones_add(zones, unit_name(&name, text), &number[i]) != SB_OK)
			CHECK(text, false);
	}
	for (i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "www.Z%u.d%u.example", i, i % 7);
		if (sb_zones_find(zones, unit_name(&name, text), &left) != &number[i] || left != 1)
			CHECK(text, false);
		snprintf(text, sizeof(text), "z%u.d%u.example", i, (i + 1) % 7);
		if (sb_zones_find(zones, unit_name(&name, text), &left) != NULL)
			CHECK(text, false);
	}
	sb_zones_free(zones);
	unit_done();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(find),	 cmocka_unit_test(outlines), cmocka_unit_test(root),
		cmocka_unit_test(twice), cmocka_unit_test(limits),   cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
