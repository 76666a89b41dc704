/* SPDX-License-Identifier: BSD-3-Clause */
/* large: zones, what an answer section measures, and what of it stays. */
#include "../../modules/large/large.h"

#include "unit.h"

#define QNAME "set.roles.example.net"
#define QNAME_LEN 23
#define FRONT (12 + QNAME_LEN + 4)
#define RECORDS 6000

static uint8_t octets[RECORDS][80];
static uint8_t *rr[RECORDS];
static size_t rr_len[RECORDS];
static uint8_t names[4][SB_DNAME_MAX];

/** Records of a set, from the first free one on. */
static size_t made;

/** An RRset of rdata that is as long as said, with `sigs` signatures of 50 octets. */
static void make(struct large_set *set, const char *owner, uint16_t rrtype, size_t count,
		 size_t rdata_len, size_t sigs)
{
	static unsigned name;
	size_t i;

	memset(set, 0, sizeof(*set));
	name = (name + 1) % COUNT(names);
	set->owner_len = unit_wire(owner, names[name], sizeof(names[name]));
	set->owner = names[name];
	set->rrtype = rrtype;
	set->count = count;
	set->sig_count = sigs;
	set->may_cut = true;
	set->rr = rr + made;
	set->rr_len = rr_len + made;
	for (i = 0; i < count + sigs; i++, made++) {
		assert_true(made < RECORDS);
		memset(octets[made], 'x', sizeof(octets[made]));
		rr[made] = octets[made];
		rr_len[made] = 2 + (i < count ? rdata_len : 50);
	}
}

/** A set of PTR records with these names, in turn. */
static void make_names(struct large_set *set, size_t count, const char *const *text, size_t texts)
{
	size_t first = made, i;

	make(set, QNAME, SB_TYPE_PTR, count, 0, 0);
	for (i = 0; i < count; i++)
		rr_len[first + i] = 2 + unit_wire(text[i % texts], octets[first + i] + 2, 78);
}

static size_t measure(struct large_set *sets, size_t count)
{
	uint8_t qname[SB_DNAME_MAX];
	size_t qname_len = unit_wire("Set.Roles.Example.NET", qname, sizeof(qname));

	assert_int_equal(qname_len, QNAME_LEN);
	return large_measure(sets, count, qname, qname_len);
}

static void find(void **state)
{
	static const char text[] = "large:\n"
				   "  - zones: [example.net, a.example.com]\n"
				   "  - zones: [roles.example.net]\n"
				   "    max-size: 20000\n"
				   "    keep: first\n";
	static const struct {
		const char *id, *name;
		/** of the rule; 0: no rule */
		size_t max_size;
		bool rotate;
	} rows[] = {
		{"apex", "example.net", 65535, true},
		{"below", "a.b.EXAMPLE.net", 65535, true},
		{"longest", "x.roles.example.net", 20000, false},
		{"not-a-label", "xroles.example.net", 65535, true},
		{"second", "a.example.com", 65535, true},
		{"above", "example.com", 0, false},
	};
	const struct large_conf *conf;
	struct unit_name name;
	struct sb_conf *all = unit_conf(text);
	size_t i;

	(void)state;
	conf = sb_conf_section(all, "large");
	assert_int_equal(conf->rules.count, 3);
	assert_int_equal(conf->least_size, 20000);
	for (i = 0; i < COUNT(rows); i++) {
		const struct large_zone *zone = large_find(conf, unit_name(&name, rows[i].name));

		CHECK(rows[i].id, (zone == NULL ? 0 : zone->rule->max_size) == rows[i].max_size);
		CHECK(rows[i].id, zone == NULL || zone->rule->rotate == rows[i].rotate);
	}
	sb_conf_free(all);
	unit_done();
}

static void measure_owners(void **state)
{
	static const struct {
		const char *id, *owner;
		size_t in_front, count, sigs, size;
	} rows[] = {
		{"qname", QNAME, 0, 100, 0, 100 * 16},
		{"qname-case", "SET.roles.example.net", 0, 100, 0, 100 * 16},
		{"signatures", QNAME, 0, 3, 2, 3 * 16 + 2 * (12 + 50)},
		{"one", "other.test", 0, 1, 0, 16 + 2 * (12 - 2)},
		/* the first is written out, and the second where the first was compressed in part */
		{"other", "other.test", 0, 100, 0, 100 * 16 + 2 * (12 - 2)},
		{"root", ".", 0, 100, 0, 100 * 15},
		/* a pointer reaches so far: front, 800 for aliases, sets in front, the name itself */
		{"near", "other.test", 15532, 9, 0, 9 * 16 + 2 * (12 - 2)},
		{"far", "other.test", 15533, 9, 0, 9 * (16 + 12 - 2)},
		{"far-qname", QNAME, 15533, 9, 0, 9 * 16},
	};
	struct large_set sets[2];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		size_t first = 0, size;

		made = 0;
		if (rows[i].in_front > 0) {
			/* one record of so many octets */
			make(&sets[0], QNAME, SB_TYPE_TXT, 1, 0, 0);
			rr_len[0] = rows[i].in_front - 2 - 8;
			first = 1;
		}
		make(&sets[first], rows[i].owner, SB_TYPE_A, rows[i].count, 4, rows[i].sigs);
		size = measure(sets, first + 1);
		CHECK(rows[i].id, sets[first].size == rows[i].size);
		CHECK(rows[i].id, size == FRONT + rows[i].in_front + rows[i].size);
	}
	unit_done();
}

static void measure_names(void **state)
{
	/* 24 octets each, of which 12 are example.se and 10 are saved */
	static const char *const hosts[] = {"machine-100.example.se", "machine-101.example.se"};
	static const char *const cases[] = {"machine-100.example.se", "machine-101.EXAMPLE.se"};
	static const char *const apart[] = {"machine-100.example.se", "machine-10.example.com"};
	static const char *const labels[] = {"machine-100.example.se", "machine1.100example.se"};
	static const char *const fewer[] = {"machine-100.example.se", "machine-100-example.se"};
	static const struct {
		const char *id;
		const char *const *text;
		size_t count, saved;
	} rows[] = {
		{"one", hosts, 1, 0},
		{"two", hosts, 2, 10},
		/* of 120, 20 are for aliases, 2 for the owner and 1 for the first name */
		{"most", hosts, 98, 97 * 10},
		{"more", hosts, 99, 97 * 10},
		{"many", hosts, 2450, 97 * 10},
		{"case", cases, 50, 49 * 10},
		{"apart", apart, 50, 0},
		/* whole labels: .se alone, 4 octets */
		{"labels", labels, 50, 49 * 2},
		{"fewer", fewer, 50, 49 * 2},
	};
	struct large_set sets[2];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		made = 0;
		make_names(&sets[0], rows[i].count, rows[i].text, 2);
		CHECK(rows[i].id,
		      measure(sets, 1) == FRONT + rows[i].count * (12 + 24) - rows[i].saved);
	}
	/* behind many names nothing is compressed, the owner neither */
	made = 0;
	make_names(&sets[0], 60, hosts, 2);
	make_names(&sets[1], 60, hosts, 2);
	measure(sets, 2);
	CHECK("behind", sets[1].saved * sets[1].saved_count == 0);
	CHECK("behind", sets[1].owner_size == 2 && sets[1].owner_extra == 2 * (QNAME_LEN - 2));
	/* what is no name is not read as one */
	made = 0;
	make(&sets[0], QNAME, SB_TYPE_PTR, 50, 20, 0);
	CHECK("malformed", measure(sets, 1) == FRONT + 50 * (12 + 20));
	made = 0;
	make_names(&sets[0], 50, hosts, 2);
	octets[49][2] = SB_LABEL_MAX + 1;
	CHECK("last-malformed", measure(sets, 1) == FRONT + 50 * (12 + 24));
	unit_done();
}

static void cut(void **state)
{
	static const struct {
		const char *id;
		/** of three sets of 100 records, or fewer: octets of rdata; 0: no set */
		size_t rdata_len[3];
		bool fixed[3];
		size_t sigs, room, kept[3];
		/** what large_cut() says */
		bool fits;
	} rows[] = {
		{"one", {4}, {false}, 0, 50 * 16, {50}, true},
		{"edge", {4}, {false}, 0, 51 * 16 - 1, {50}, true},
		{"past", {4}, {false}, 0, 51 * 16, {51}, true},
		{"last", {4}, {false}, 0, 16, {1}, true},
		{"nothing", {4}, {false}, 0, 15, {0}, false},
		{"signatures", {4}, {false}, 1, 100 * 16 + 61, {100}, true},
		/* each has its share, and what one leaves the other has */
		{"small-whole", {4, 28}, {false}, 0, 2 * 1600, {100, 40}, true},
		{"both", {4, 28}, {false}, 0, 2 * 1000, {62, 25}, true},
		{"rest", {8, 8, 38}, {false}, 0, 6000, {100, 100, 40}, true},
		{"fixed", {28, 4}, {true, false}, 0, 4000 + 160, {100, 10}, true},
		{"fixed-all", {28, 4}, {true, false}, 0, 4000 + 15, {100, 0}, false},
		{"fixed-too-long", {28, 4}, {true, false}, 0, 3999, {100, 100}, false},
	};
	struct large_set sets[3];
	size_t i, j, count, size;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		made = 0;
		for (count = 0; count < 3 && rows[i].rdata_len[count] > 0; count++) {
			make(&sets[count], QNAME, SB_TYPE_A, 100, rows[i].rdata_len[count],
			     rows[i].sigs);
			sets[count].may_cut = !rows[i].fixed[count];
		}
		size = measure(sets, count);
		CHECK(rows[i].id,
		      large_cut(sets, count, size, FRONT + rows[i].room) == rows[i].fits);
		for (j = 0; j < count; j++) {
			CHECK(rows[i].id, sets[j].kept == rows[i].kept[j]);
			CHECK(rows[i].id, sets[j].cut == (sets[j].kept < 100 || rows[i].sigs > 0));
		}
	}
	unit_done();
}

/** What is kept never measures more than the room, wherever it begins; and one more would. */
static void cut_again(void **state)
{
	static const char *const hosts[] = {"a.example.se", "machine-1000.example.se",
					    "bb.example.se"};
	struct large_set set, part;
	size_t start, room, size, i;

	(void)state;
	for (room = 500; room < 40000; room += 1777) {
		for (start = 0; start < 1500; start += 499) {
			uint8_t *kept[1501];
			size_t kept_len[1501];

			made = 0;
			make_names(&set, 1500, hosts, 3);
			size = measure(&set, 1);
			set.start = start;
			assert_true(large_cut(&set, 1, size, room));
			for (i = 0; i <= set.kept; i++) {
				kept[i] = rr[(start + i) % 1500];
				kept_len[i] = rr_len[(start + i) % 1500];
			}
			part = set;
			part.rr = kept;
			part.rr_len = kept_len;
			part.count = set.kept;
			assert_true(measure(&part, 1) <= room);
			part.count++;
			assert_true(measure(&part, 1) > room);
		}
	}
}

static void cut_many_sets(void **state)
{
	static struct large_set sets[LARGE_SETS_MAX + 1];
	size_t i, size;

	(void)state;
	made = 0;
	for (i = 0; i <= LARGE_SETS_MAX; i++)
		make(&sets[i], QNAME, SB_TYPE_A, 2, 4, 0);
	size = measure(sets, LARGE_SETS_MAX);
	assert_true(large_cut(sets, LARGE_SETS_MAX, size, size - 1));
	size = measure(sets, LARGE_SETS_MAX + 1);
	assert_false(large_cut(sets, LARGE_SETS_MAX + 1, size, size - 1));
}

static void texts(void **state)
{
	char text[LARGE_TEXT_MAX];

	(void)state;
	large_text(text, 1786, 2450);
	CHECK_TEXT("known", text, "1786 of 2450 records fit");
	large_text(text, 4093, 0);
	CHECK_TEXT("unknown", text, "4093 records, cut upstream");
	large_text(text, SIZE_MAX, SIZE_MAX);
	CHECK("longest", strlen(text) == LARGE_TEXT_MAX - 1);
	unit_done();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(find),		 cmocka_unit_test(measure_owners),
		cmocka_unit_test(measure_names), cmocka_unit_test(cut),
		cmocka_unit_test(cut_again),	 cmocka_unit_test(cut_many_sets),
		cmocka_unit_test(texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
