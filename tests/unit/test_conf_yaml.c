/* SPDX-License-Identifier: BSD-3-Clause */
/* The readers of values, the order of messages, and what is done with files. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../modules/common/conf_yaml.h"

#include "unit.h"

/** A YAML text as a value, with a message list and an arena of its own. */
struct bench {
	struct sb_yaml yaml;
	struct sb_diags diags;
	struct sb_value value;
};

static void bench_open(struct bench *bench, const char *text)
{
	memset(bench, 0, sizeof(*bench));
	sb_diags_init(&bench->diags);
	bench->yaml.file = "f";
	bench->yaml.diags = &bench->diags;
	bench->yaml.arena = sb_arena_new();
	assert_non_null(bench->yaml.arena);
	bench->value.yaml = &bench->yaml;
	bench->value.node = sb_document_read(&bench->yaml, bench->yaml.arena, text, strlen(text));
	assert_non_null(bench->value.node);
	bench->value.mark = bench->value.node->mark;
}

static void bench_close(struct bench *bench)
{
	sb_arena_free(bench->yaml.arena);
	sb_diags_free(&bench->diags);
}

/** All messages, joined by " | ". */
static const char *messages(const struct sb_diags *diags)
{
	static char text[65536];
	const struct sb_diag *diag;
	size_t at = 0;

	text[0] = '\0';
	for (diag = diags->first; diag != NULL && at < sizeof(text); diag = diag->next)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", at > 0 ? " | " : "",
				       diag->text);
	return text;
}

static void numbers(void **state)
{
	static const struct {
		const char *text;
		uint64_t least, most, number;
		/** NULL: no error */
		const char *message;
	} rows[] = {
		{"0", 0, 9, 0, NULL},
		{"9", 0, 9, 9, NULL},
		{"10", 0, 9, 0, "f:1:1: must be from 0 to 9, not 10"},
		{"0", 1, 9, 0, "f:1:1: must be from 1 to 9, not 0"},
		{"-1", 0, 9, 0, "f:1:1: must be from 0 to 9, not -1"},
		{"007", 0, 9, 7, NULL},
		/* refused: nothing needs it */
		{"18446744073709551615", 0, UINT64_MAX, 0,
		 "f:1:1: must be from 0 to 18446744073709551615, not 18446744073709551615"},
		{"18446744073709551616", 0, 9, 0,
		 "f:1:1: must be from 0 to 9, not 18446744073709551616"},
		{"99999999999999999999999999", 0, 9, 0,
		 "f:1:1: must be from 0 to 9, not 99999999999999999999999999"},
		{"1.5", 0, 9, 0, "f:1:1: must be a whole number, not \"1.5\""},
		{"1m", 0, 9, 0, "f:1:1: must be a whole number, not \"1m\""},
		{"0x1", 0, 9, 0, "f:1:1: must be a whole number, not \"0x1\""},
		{"1_0", 0, 9, 0, "f:1:1: must be a whole number, not \"1_0\""},
		{"1e3", 0, 9, 0, "f:1:1: must be a whole number, not \"1e3\""},
		{"+1", 0, 9, 0, "f:1:1: must be a whole number, not \"+1\""},
		{"--1", 0, 9, 0, "f:1:1: must be a whole number, not \"--1\""},
		{".inf", 0, 9, 0, "f:1:1: must be a whole number, not \".inf\""},
		{"'1'", 0, 9, 0, "f:1:1: must be a whole number, not a quoted text"},
		{"\"1\"", 0, 9, 0, "f:1:1: must be a whole number, not a quoted text"},
		{"~", 0, 9, 0, "f:1:1: must be a whole number, not nothing"},
		{"[1]", 0, 9, 0, "f:1:1: must be a whole number, not a list"},
		{"{a: 1}", 0, 9, 0, "f:1:1: must be a whole number, not a mapping"},
	};
	struct bench bench;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		uint64_t number = 77;
		bool good;

		bench_open(&bench, rows[i].text);
		good = sb_read_number(&bench.value, rows[i].least, rows[i].most, &number);
		CHECK(rows[i].text, good == (rows[i].message == NULL));
		CHECK(rows[i].text, number == (good ? rows[i].number : 77));
		CHECK_TEXT(rows[i].text, messages(&bench.diags), good ? "" : rows[i].message);
		bench_close(&bench);
	}
	unit_done();
}

static void ttls(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} rows[] = {
		{"0", true}, {"2147483647", true}, {"2147483648", false}, {"4294967296", false}};
	struct bench bench;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		uint32_t ttl = 77;

		bench_open(&bench, rows[i].text);
		CHECK(rows[i].text, sb_read_ttl(&bench.value, &ttl) == rows[i].good);
		CHECK(rows[i].text,
		      ttl == (rows[i].good ? (uint32_t)strtoul(rows[i].text, NULL, 10) : 77));
		bench_close(&bench);
	}
	unit_done();
}

static void booleans(void **state)
{
	static const struct {
		const char *text;
		/** -1: an error */
		int value;
	} rows[] = {
		{"yes", 1},   {"Yes", 1},   {"YES", 1}, {"true", 1}, {"on", 1},	   {"no", 0},
		{"False", 0}, {"OFF", 0},   {"y", -1},	{"1", -1},   {"0", -1},	   {"'yes'", -1},
		{"~", -1},    {"null", -1}, {"[]", -1}, {"{}", -1},  {"yess", -1},
	};
	struct bench bench;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		bool value = rows[i].value != 1;

		bench_open(&bench, rows[i].text);
		CHECK(rows[i].text, sb_read_bool(&bench.value, &value) == (rows[i].value >= 0));
		if (rows[i].value >= 0)
			CHECK(rows[i].text, value == (rows[i].value == 1));
		CHECK_TEXT(rows[i].text, messages(&bench.diags),
			   rows[i].value >= 0 ? "" : "f:1:1: must be yes or no");
		bench_close(&bench);
	}
	unit_done();
}

static void words(void **state)
{
	static const char *const one[] = {"one"}, *const three[] = {"one", "two", "three"};
	static const struct {
		const char *text;
		int index;
		const char *message;
	} rows[] = {
		{"one", 0, ""},
		{"'three'", 2, ""},
		{"One", -1, "f:1:1: must be one, two or three, not \"One\""},
		{"''", -1, "f:1:1: must be one, two or three, not \"\""},
		{"~", -1, "f:1:1: must be one, two or three, not nothing"},
		{"[one]", -1, "f:1:1: must be one, two or three, not a list"},
	};
	struct bench bench;
	unsigned index;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		bench_open(&bench, rows[i].text);
		CHECK(rows[i].text,
		      SB_READ_WORD(&bench.value, three, &index) == (rows[i].index >= 0));
		if (rows[i].index >= 0)
			CHECK(rows[i].text, index == (unsigned)rows[i].index);
		CHECK_TEXT(rows[i].text, messages(&bench.diags), rows[i].message);
		bench_close(&bench);
	}
	bench_open(&bench, "two");
	CHECK("one word", !SB_READ_WORD(&bench.value, one, &index));
	CHECK_TEXT("one word", messages(&bench.diags), "f:1:1: must be one, not \"two\"");
	bench_close(&bench);
	unit_done();
}

static void texts(void **state)
{
	static const struct {
		const char *text, *value, *message;
	} rows[] = {
		{"a b", "a b", ""},
		{"'yes'", "yes", ""},
		{"12", "12", ""},
		{"'~'", "~", ""},
		{"''", "", ""},
		{"\"\\u00e4\"", "\303\244", ""},
		{"~", NULL, "f:1:1: must be a text, not nothing"},
		{"null", NULL, "f:1:1: must be a text, not nothing"},
		{"[a]", NULL, "f:1:1: must be a text, not a list"},
		{"\"a\\0b\"", NULL, "f:1:1: has a control character"},
		{"\"a\\tb\"", NULL, "f:1:1: has a control character"},
		{"\"a\\nb\"", NULL, "f:1:1: has a control character"},
		{"\"\\x7f\"", NULL, "f:1:1: has a control character"},
	};
	struct bench bench;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		const char *value = "untouched";

		bench_open(&bench, rows[i].text);
		CHECK(rows[i].text, sb_read_text(&bench.value, &value) == (rows[i].value != NULL));
		CHECK_TEXT(rows[i].text, value,
			   rows[i].value != NULL ? rows[i].value : "untouched");
		CHECK_TEXT(rows[i].text, messages(&bench.diags), rows[i].message);
		bench_close(&bench);
	}
	unit_done();
}

static void names(void **state)
{
	static const struct {
		const char *text;
		bool is_name, is_label;
	} rows[] = {
		{"dc", true, true},	     {"DC.", true, true},
		{"a.b", true, false},	     {".", true, false},
		{"a..b", false, false},	     {"''", false, false},
		{"'*'", false, false},	     {"[a]", false, false},
		{"\"a\\0b\"", false, false}, {"m\303\274nchen", false, false},
		{"10", true, true},
	};
	struct bench bench;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		struct sb_dname name;
		const uint8_t *label;
		size_t label_len;

		bench_open(&bench, rows[i].text);
		CHECK(rows[i].text, sb_read_dname(&bench.value, &name) == rows[i].is_name);
		CHECK(rows[i].text, bench.diags.count == !rows[i].is_name);
		CHECK(rows[i].text,
		      sb_read_label(&bench.value, &label, &label_len) == rows[i].is_label);
		if (rows[i].is_label)
			CHECK(rows[i].text, label_len == 2);
		bench_close(&bench);
	}
	unit_done();
}

static void netblocks(void **state)
{
	struct sb_netblocks blocks = {.count = 0};
	struct bench bench;

	(void)state;
	bench_open(&bench, "[10.0.0.0/8, '::1']");
	CHECK("good", sb_read_netblocks(&bench.value, &blocks) && blocks.count == 2);
	CHECK("good", blocks.block[0].prefix_len == 8 && blocks.block[1].addr.len == 16);
	bench_close(&bench);
	bench_open(&bench, "[10.0.0.1/8, x, 10.0.0.0/8, 10.0.0.0/33, [a]]");
	blocks.count = 0;
	CHECK("bad", !sb_read_netblocks(&bench.value, &blocks));
	CHECK_TEXT("bad", messages(&bench.diags),
		   "f:1:2: [0]: \"10.0.0.1/8\" has bits set behind its prefix, or too long a prefix"
		   " | f:1:14: [1]: \"x\" is not an address or netblock"
		   " | f:1:29: [3]: \"10.0.0.0/33\" has bits set behind its prefix, or too long a "
		   "prefix | f:1:42: [4]: must be a text, not a list");
	bench_close(&bench);
	bench_open(&bench, "[]");
	CHECK("empty", !sb_read_netblocks(&bench.value, &blocks));
	CHECK_TEXT("empty", messages(&bench.diags), "f:1:1: the list must not be empty");
	bench_close(&bench);
	unit_done();
}

static void note(const struct sb_value *value, void *out)
{
	char *order = out;

	strcat(order, value->key);
}

static void maps(void **state)
{
	static const struct sb_key keys[] = {
		{"a", note, true}, {"b", note, false}, {"c", note, true}};
	static const struct {
		const char *text, *order;
		bool complete;
		const char *message;
	} rows[] = {
		/* in the order of the table, not of the file */
		{"{c: 1, b: 2, a: 3}", "abc", true, ""},
		{"{c: 1, a: 3}", "ac", true, ""},
		{"{a: 1}", "a", false, "f:1:1: the key \"c\" is missing"},
		{"{a: 1, c: 1, a: 2, a: 3}", "ac", true,
		 "f:1:14: a: repeated key | f:1:20: a: repeated key"},
		{"{a: 1, c: 1, d: 1, d: 1}", "ac", true,
		 "f:1:14: d: unknown key | f:1:20: d: repeated key"},
		{"{a: 1, c: 1, A: 1}", "ac", true, "f:1:14: A: unknown key"},
		{"{a: 1, c: 1, [x]: 1}", "ac", true, "f:1:14: ?: a key must be a single word"},
		{"{a: 1, c: 1, ~: 1}", "ac", true, "f:1:14: ~: unknown key"},
		{"{a: 1, c: 1, <<: {b: 1}}", "ac", true, "f:1:14: <<: unknown key"},
		{"{}", "", false,
		 "f:1:1: the key \"a\" is missing | f:1:1: the key \"c\" is missing"},
		{"[a]", "", false, "f:1:1: must be a mapping of keys to values, not a list"},
		{"x", "", false, "f:1:1: must be a mapping of keys to values, not a single value"},
		{"~", "", false, "f:1:1: must be a mapping of keys to values, not nothing"},
	};
	struct bench bench;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		char order[16] = "";

		bench_open(&bench, rows[i].text);
		CHECK(rows[i].text, SB_READ_MAP(&bench.value, keys, order) == rows[i].complete);
		CHECK_TEXT(rows[i].text, order, rows[i].order);
		CHECK_TEXT(rows[i].text, messages(&bench.diags), rows[i].message);
		bench_close(&bench);
	}
	unit_done();
}

static void keys_limit(void **state)
{
	static char text[SB_CONF_KEYS_MAX * 8 + 64];
	struct bench bench;
	size_t at, i;
	unsigned count;

	(void)state;
	for (count = SB_CONF_KEYS_MAX; count <= SB_CONF_KEYS_MAX + 1; count++) {
		static char order[SB_CONF_KEYS_MAX * 8];

		order[0] = '\0';
		for (i = 0, at = 0; i < count; i++)
			at += (size_t)snprintf(text + at, sizeof(text) - at, "k%zu: 1\n", i);
		bench_open(&bench, text);
		CHECK(count == SB_CONF_KEYS_MAX ? "at the limit" : "one more",
		      sb_read_pairs(&bench.value, note, order) == (count == SB_CONF_KEYS_MAX));
		CHECK_TEXT("limit", messages(&bench.diags),
			   count == SB_CONF_KEYS_MAX ? "" : "f:1:1: more than 1024 keys");
		bench_close(&bench);
	}
	unit_done();
}

/** A reader's table has no more keys than there is room for. */
static void table_limit(void **state)
{
	static const struct sb_key keys[25] = {{"a", note, true}};
	struct bench bench;
	char order[16] = "";

	(void)state;
	bench_open(&bench, "{a: 1}");
	CHECK("table", !SB_READ_MAP(&bench.value, keys, order));
	CHECK_TEXT("table", messages(&bench.diags), "f:1:1: too many keys in the reader's table");
	bench_close(&bench);
	unit_done();
}

/** Messages come in the order of their places, whatever the order in which they were found; those
 * of one place in the order of their finding. */
static void order(void **state)
{
	static const struct {
		uint32_t line, column;
		const char *text;
	} found[] = {{5, 5, "e"}, {1, 1, "a"}, {9, 0, "g"}, {5, 4, "d"}, {5, 5, "f"},
		     {0, 9, "0"}, {1, 1, "b"}, {9, 0, "h"}, {1, 2, "c"}};
	struct sb_diags diags;
	struct sb_yaml yaml = {.file = "f", .diags = &diags};
	struct sb_value value = {.yaml = &yaml};
	const struct sb_diag *diag;
	char forward[16] = "", back[16] = "";
	size_t i;

	(void)state;
	sb_diags_init(&diags);
	for (i = 0; i < COUNT(found); i++) {
		value.mark.line = found[i].line;
		value.mark.column = found[i].column;
		sb_value_error(&value, "%s", found[i].text);
	}
	CHECK("count", diags.count == COUNT(found));
	for (diag = diags.first; diag != NULL; diag = diag->next)
		strcat(forward, diag->text + strlen(diag->text) - 1);
	for (diag = diags.last; diag != NULL; diag = diag->previous)
		strcat(back, diag->text + strlen(diag->text) - 1);
	CHECK_TEXT("forward", forward, "0abcdefgh");
	CHECK_TEXT("back", back, "hgfedcba0");
	sb_diags_free(&diags);
	CHECK("freed", diags.first == NULL && diags.last == NULL && diags.count == 0);
	unit_done();
}

/** A message is one line of text, whatever the file has in it and however long it is. */
static void message_text(void **state)
{
	struct sb_diags diags;
	struct sb_yaml yaml = {.file = "f\n\033[31m", .diags = &diags};
	struct sb_value value = {.yaml = &yaml}, below = {.yaml = &yaml, .up = &value};
	static char longest[8192];

	(void)state;
	memset(longest, 'k', sizeof(longest) - 1);
	sb_diags_init(&diags);
	sb_value_error(&value, "a\r\n\tb\177");
	CHECK_TEXT("control", diags.first->text, "f??[31m:1:1: a???b?");
	sb_diags_free(&diags);
	below.key = longest;
	yaml.file = "f";
	sb_value_error(&below, "%s", longest);
	CHECK("long", strlen(diags.first->text) < 2048);
	sb_diags_free(&diags);
	unit_done();
}

/* --- files --- */

static void write_file(const char *path, size_t size)
{
	FILE *file = fopen(path, "w");
	size_t i;

	assert_non_null(file);
	/* comments: good YAML of any length */
	for (i = 0; i < size; i++)
		putc(i % 64 == 0 ? '#' : i % 64 == 63 ? '\n' : 'c', file);
	assert_int_equal(fclose(file), 0);
}

static void write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void files(void **state)
{
	static const struct {
		const char *name, *message;
	} rows[] = {
		{"good", ""},
		{"empty", ":1:1: is empty; a file that is meant to hold nothing says {}"},
		{"blank", ":1:1: is empty; a file that is meant to hold nothing says {}"},
		{"largest", ""},
		{"too-large", ":1:1: larger than 33554432 octets"},
		{"missing", ":1:1: cannot be read: No such file or directory"},
		{"good/below", ":1:1: cannot be read: Not a directory"},
		{"directory", ":1:1: cannot be read: Is a directory"},
		{"loop", ":1:1: cannot be read: Too many levels of symbolic links"},
		{"link", ""},
	};
	char directory[] = "/tmp/sitebound-test-XXXXXX", path[128], want[256];
	struct sb_diags diags;
	size_t i;

	(void)state;
	assert_non_null(mkdtemp(directory));
	assert_int_equal(chdir(directory), 0);
	write_file("good", 100);
	write_file("empty", 0);
	write_text("blank", " \n\t\r\n");
	write_file("largest", SB_CONF_FILE_MAX);
	write_file("too-large", SB_CONF_FILE_MAX + 1);
	assert_int_equal(mkdir("directory", 0700), 0);
	assert_int_equal(symlink("loop", "loop"), 0);
	assert_int_equal(symlink("good", "link"), 0);
	for (i = 0; i < COUNT(rows); i++) {
		struct sb_conf *conf = NULL;
		bool good = rows[i].message[0] == '\0';

		snprintf(path, sizeof(path), "%s/%s", directory, rows[i].name);
		snprintf(want, sizeof(want), "%s%s", good ? "" : path, rows[i].message);
		sb_diags_init(&diags);
		CHECK(rows[i].name, sb_conf_load(path, &diags, &conf) == (good ? SB_OK : SB_ECONF));
		CHECK_TEXT(rows[i].name, messages(&diags), want);
		CHECK(rows[i].name, (conf != NULL) == good);
		sb_conf_free(conf);
		sb_diags_free(&diags);
	}
	for (i = 0; i < COUNT(rows); i++) {
		if (strcmp(rows[i].name, "directory") == 0)
			rmdir(rows[i].name);
		else
			unlink(rows[i].name);
	}
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(rmdir(directory), 0);
	unit_done();
}

/** What is read is what is in the file, zero octets included. */
static void file_text(void **state)
{
	char path[] = "/tmp/sitebound-test-XXXXXX", *text;
	int fd = mkstemp(path);
	size_t text_len;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "a\0b\n", 4), 4);
	close(fd);
	CHECK("text", sb_conf_read_file(path, &text, &text_len) == SB_OK);
	CHECK("text", text_len == 4 && memcmp(text, "a\0b\n\0", 5) == 0);
	free(text);
	unlink(path);
	errno = 0;
	CHECK("gone", sb_conf_read_file(path, &text, &text_len) == SB_ESYS && errno == ENOENT);
	/* nobody is waited for */
	assert_int_equal(mkfifo(path, 0600), 0);
	CHECK("fifo", sb_conf_read_file(path, &text, &text_len) == SB_ESYS && errno == EINVAL);
	unlink(path);
	unit_done();
}

static void top(void **state)
{
	struct sb_conf *conf = unit_conf("metrics: /m\nnoaaaa: [{zones: [a]}]\n");

	(void)state;
	CHECK_TEXT("metrics", sb_conf_metrics(conf), "/m");
	CHECK("section", sb_conf_section(conf, "noaaaa") != NULL);
	CHECK("absent", sb_conf_section(conf, "synth") == NULL);
	CHECK("unknown", sb_conf_section(conf, "nothing") == NULL);
	sb_conf_free(conf);
	conf = unit_conf("# nothing\n");
	CHECK("metrics", sb_conf_metrics(conf) == NULL);
	sb_conf_free(conf);
	sb_conf_free(NULL);
	unit_done();
}

/** The record that says where the file is. */
static void record(void **state)
{
	static const struct {
		const char *record, *path;
	} rows[] = {
		{"config. TXT \"/a b.yaml\"", "/a b.yaml"},
		{"config. TXT /a.yaml", "/a.yaml"},
		{"config. TXT /a.yaml more", "/a.yaml"},
		{"  CONFIG.\t60  in  txt\t\"/a\"", "/a"},
		{"config. IN 60 TXT \"/a\"", "/a"},
		{"config. 60 TXT \"/a\"", "/a"},
		{"config TXT \"/a\"", NULL},
		{"config.x TXT \"/a\"", NULL},
		{"xconfig. TXT \"/a\"", NULL},
		{"config.TXT \"/a\"", NULL},
		{"config. A 192.0.2.1", NULL},
		{"config. CH TXT \"/a\"", NULL},
		{"config. 6x TXT \"/a\"", NULL},
		{"config. TXT \"/a", NULL},
		{"config. TXT \"\"", NULL},
		{"config. TXT", NULL},
		{"config. TXT ", NULL},
		{"config. ", NULL},
		{"config.", NULL},
		{"config. 60", NULL},
		{"config. 60 IN", NULL},
		{"", NULL},
		{" ", NULL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		char *path = sb_conf_path_from_record(rows[i].record);

		CHECK_TEXT(rows[i].record, path != NULL ? path : "none",
			   rows[i].path != NULL ? rows[i].path : "none");
		free(path);
	}
	unit_done();
}

/** A good file cut at every octet, and with every octet changed: an answer, and messages when it
 * is a bad one; memory is looked after by the sanitizers' run. */
static void damaged(void **state)
{
	static const char whole[] =
		"\357\273\277# c\nsynth: {address-names: [{zone: &z a.b, allow: [10.0.0.0/8],\n"
		"  reverse: yes}], site-names: [{label: dc, parents: [*z], site: \"x\\x61\"}]}\n"
		"noaaaa:\n- zones: [e]\n  clients: ['::/0']\n"
		"report: {log: '-', zones: [{zone: r, format: pattern, pattern: '(?<a>[a-z]+)',\n"
		"  fields: {a: error.code}, tests: [abc]}]}\n";
	static const char changes[] = {'\0', '\t', '\n', ' ', '[', '}', '*',	'&',
				       ':',  '-',  '\'', '"', '9', 'a', '\200', '\377'};
	struct sb_diags diags;
	char text[sizeof(whole)];
	size_t at, i;

	(void)state;
	for (at = 0; at < sizeof(whole) - 1; at++) {
		for (i = 0; i <= sizeof(changes); i++) {
			struct sb_conf *conf = NULL;
			size_t len = sizeof(whole) - 1;
			enum sb_err err;

			memcpy(text, whole, sizeof(whole));
			if (i == sizeof(changes))
				len = at;
			else
				text[at] = changes[i];
			sb_diags_init(&diags);
			err = sb_conf_parse("f", text, len, &diags, &conf);
			if ((err == SB_OK) != (diags.count == 0) ||
			    (err == SB_OK) != (conf != NULL) || (err != SB_OK && err != SB_ECONF))
				CHECK("result and messages agree", false);
			sb_conf_free(conf);
			sb_diags_free(&diags);
		}
	}
	unit_done();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),    cmocka_unit_test(ttls),
		cmocka_unit_test(booleans),   cmocka_unit_test(words),
		cmocka_unit_test(texts),      cmocka_unit_test(names),
		cmocka_unit_test(netblocks),  cmocka_unit_test(maps),
		cmocka_unit_test(keys_limit), cmocka_unit_test(table_limit),
		cmocka_unit_test(order),      cmocka_unit_test(message_text),
		cmocka_unit_test(files),      cmocka_unit_test(file_text),
		cmocka_unit_test(top),	      cmocka_unit_test(record),
		cmocka_unit_test(damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
