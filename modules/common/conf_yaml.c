/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf_yaml.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PATH_MAX_LEN 512
#define WHAT_MAX_LEN 1024

void sb_diags_init(struct sb_diags *diags)
{
	diags->first = NULL;
	diags->last = NULL;
	diags->count = 0;
}

void sb_diags_free(struct sb_diags *diags)
{
	struct sb_diag *diag, *next;

	for (diag = diags->first; diag != NULL; diag = next) {
		next = diag->next;
		free(diag->text);
		free(diag);
	}
	sb_diags_init(diags);
}

/** Write "synth.address-names[0].ttl"; the document itself is "". */
static size_t write_path(const struct sb_value *value, char *path, size_t room)
{
	size_t at, n;

	if (value->up == NULL) {
		path[0] = '\0';
		return 0;
	}
	at = write_path(value->up, path, room);
	if (value->key != NULL)
		n = (size_t)snprintf(path + at, room - at, "%s%s", at > 0 ? "." : "", value->key);
	else
		n = (size_t)snprintf(path + at, room - at, "[%zu]", value->index);
	return n < room - at ? at + n : room - 1;
}

void sb_value_error(const struct sb_value *value, const char *format, ...)
{
	struct sb_diags *diags = value->yaml->diags;
	struct sb_diag *diag, *before = diags->last;
	char path[PATH_MAX_LEN], what[WHAT_MAX_LEN];
	size_t path_len = write_path(value, path, sizeof(path)), size;
	va_list args;
	char *c;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	diags->count++;
	diag = malloc(sizeof(*diag));
	size = strlen(value->yaml->file) + strlen(what) + path_len + 64;
	if (diag == NULL || (diag->text = malloc(size)) == NULL) {
		/* the count alone makes the file a bad one */
		free(diag);
		return;
	}
	snprintf(diag->text, size, "%s:%u:%u: %s%s%s", value->yaml->file, value->mark.line + 1,
		 value->mark.column + 1, path, path_len > 0 ? ": " : "", what);
	/* a message is one line of printable text, whatever the file holds */
	for (c = diag->text; *c != '\0'; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	}
	diag->line = value->mark.line;
	diag->column = value->mark.column;
	/* readers find errors nearly in their order */
	while (before != NULL && (before->line > diag->line ||
				  (before->line == diag->line && before->column > diag->column)))
		before = before->previous;
	diag->previous = before;
	diag->next = before != NULL ? before->next : diags->first;
	*(before != NULL ? &before->next : &diags->first) = diag;
	*(diag->next != NULL ? &diag->next->previous : &diags->last) = diag;
}

void sb_value_no_memory(const struct sb_value *value)
{
	sb_value_error(value, "out of memory");
}

size_t sb_value_errors(const struct sb_value *value)
{
	return value->yaml->diags->count;
}

static struct sb_value child(const struct sb_value *up, const struct sb_node *node, const char *key,
			     size_t index)
{
	return (struct sb_value){.yaml = up->yaml,
				 .node = node,
				 .up = up,
				 .key = key,
				 .index = index,
				 .mark = node->mark};
}

bool sb_value_is_map(const struct sb_value *value)
{
	return value->node->kind == SB_NODE_MAP;
}

bool sb_value_is_scalar(const struct sb_value *value)
{
	return value->node->kind == SB_NODE_SCALAR;
}

static const char *scalar(const struct sb_value *value)
{
	return value->node->text;
}

static bool is_plain(const struct sb_value *value)
{
	return value->node->is_plain;
}

/** YAML's ways to write "nothing". */
static bool is_null(const struct sb_value *value)
{
	return sb_value_is_scalar(value) && is_plain(value) &&
	       (scalar(value)[0] == '\0' || strcmp(scalar(value), "~") == 0 ||
		strcmp(scalar(value), "null") == 0);
}

/** What the value is, for messages. */
static const char *kind(const struct sb_value *value)
{
	if (is_null(value))
		return "nothing";
	switch (value->node->kind) {
	case SB_NODE_MAP:
		return "a mapping";
	case SB_NODE_LIST:
		return "a list";
	default:
		return "a single value";
	}
}

/** Count values that are about to be read. @return whether they are not too many; which is said
 * once. */
static bool count_values(const struct sb_value *value, size_t count)
{
	size_t before = value->yaml->values;

	value->yaml->values += count;
	if (value->yaml->values <= SB_CONF_VALUES_MAX)
		return true;
	if (before <= SB_CONF_VALUES_MAX)
		sb_value_error(value, "with what aliases repeat, the file has more than %u values",
			       SB_CONF_VALUES_MAX);
	return false;
}

/**
 * Check a mapping's keys and find the value of each pair; visit() is called with the value, its
 * key and mark set.
 */
static bool walk_map(const struct sb_value *value,
		     void (*visit)(const struct sb_value *pair, void *arg), void *arg)
{
	size_t i, j;

	if (!sb_value_is_map(value)) {
		sb_value_error(value, "must be a mapping of keys to values, not %s", kind(value));
		return false;
	}
	if (value->node->count / 2 > SB_CONF_KEYS_MAX) {
		sb_value_error(value, "more than %d keys", SB_CONF_KEYS_MAX);
		return false;
	}
	if (!count_values(value, value->node->count / 2))
		return false;
	for (i = 0; i < value->node->count; i += 2) {
		struct sb_value key = child(value, value->node->inside[i], "?", 0), item;
		bool repeated = false;

		if (!sb_value_is_scalar(&key)) {
			sb_value_error(&key, "a key must be a single word");
			continue;
		}
		item = child(value, value->node->inside[i + 1], scalar(&key), 0);
		for (j = 0; j < i; j += 2) {
			const struct sb_node *before = value->node->inside[j];

			if (before->kind == SB_NODE_SCALAR &&
			    strcmp(before->text, scalar(&key)) == 0)
				repeated = true;
		}
		if (repeated) {
			item.mark = key.mark;
			sb_value_error(&item, "repeated key");
			continue;
		}
		visit(&item, arg);
	}
	return true;
}

struct map_walk {
	const struct sb_key *keys;
	size_t key_count;
	/** the values found, by the index of their key */
	struct sb_value *found;
};

static void visit_known(const struct sb_value *pair, void *arg)
{
	struct map_walk *walk = arg;
	const struct sb_node *map = pair->up->node;
	struct sb_value unknown;
	size_t i;

	for (i = 0; i < walk->key_count; i++) {
		if (strcmp(walk->keys[i].name, pair->key) == 0) {
			walk->found[i] = *pair;
			return;
		}
	}
	unknown = *pair;
	for (i = 0; i < map->count; i += 2) {
		if (map->inside[i]->kind == SB_NODE_SCALAR && map->inside[i]->text == pair->key)
			unknown.mark = map->inside[i]->mark;
	}
	sb_value_error(&unknown, "unknown key");
}

#define MAP_KEYS_MAX 24

bool sb_read_map(const struct sb_value *value, const struct sb_key *keys, size_t key_count,
		 void *out)
{
	struct sb_value found[MAP_KEYS_MAX];
	struct map_walk walk = {.keys = keys, .key_count = key_count, .found = found};
	bool complete = true;
	size_t i;

	if (key_count > MAP_KEYS_MAX) {
		sb_value_error(value, "too many keys in the reader's table");
		return false;
	}
	for (i = 0; i < key_count; i++)
		found[i].yaml = NULL;
	if (!walk_map(value, visit_known, &walk))
		return false;
	for (i = 0; i < key_count; i++) {
		if (found[i].yaml != NULL) {
			keys[i].read(&found[i], out);
		} else if (keys[i].required) {
			sb_value_error(value, "the key \"%s\" is missing", keys[i].name);
			complete = false;
		}
	}
	return complete;
}

struct pair_walk {
	sb_reader *read;
	void *out;
};

static void visit_pair(const struct sb_value *pair, void *arg)
{
	struct pair_walk *walk = arg;

	walk->read(pair, walk->out);
}

bool sb_read_pairs(const struct sb_value *value, sb_reader *read, void *out)
{
	struct pair_walk walk = {.read = read, .out = out};

	return walk_map(value, visit_pair, &walk);
}

bool sb_read_list(const struct sb_value *value, size_t least, sb_reader *read, void *out)
{
	size_t i;

	if (value->node->kind != SB_NODE_LIST) {
		sb_value_error(value, "must be a list, not %s", kind(value));
		return false;
	}
	if (!count_values(value, value->node->count))
		return false;
	for (i = 0; i < value->node->count; i++) {
		struct sb_value element = child(value, value->node->inside[i], NULL, i);

		read(&element, out);
	}
	if (value->node->count < least) {
		sb_value_error(value, "the list must not be empty");
		return false;
	}
	return true;
}

bool sb_read_text(const struct sb_value *value, const char **out)
{
	size_t i;

	if (!sb_value_is_scalar(value) || is_null(value)) {
		sb_value_error(value, "must be a text, not %s", kind(value));
		return false;
	}
	for (i = 0; i < value->node->count; i++) {
		unsigned char octet = (unsigned char)scalar(value)[i];

		if (octet < ' ' || octet == 0x7f) {
			sb_value_error(value, "has a control character");
			return false;
		}
	}
	*out = scalar(value);
	return true;
}

bool sb_read_number(const struct sb_value *value, uint64_t least, uint64_t most, uint64_t *out)
{
	const char *text;
	uint64_t number = 0;
	bool over = false;

	if (!sb_value_is_scalar(value) || is_null(value) || !is_plain(value)) {
		sb_value_error(value, "must be a whole number, not %s",
			       sb_value_is_scalar(value) && !is_null(value) ? "a quoted text"
									    : kind(value));
		return false;
	}
	for (text = scalar(value); *text >= '0' && *text <= '9'; text++) {
		over = over || number > (UINT64_MAX - 9) / 10;
		number = number * 10 + (uint64_t)(*text - '0');
	}
	if (*text != '\0' &&
	    !(text == scalar(value) && *text == '-' && text[1] >= '0' && text[1] <= '9')) {
		sb_value_error(value, "must be a whole number, not \"%s\"", scalar(value));
		return false;
	}
	if (*text != '\0' || over || number < least || number > most) {
		sb_value_error(value, "must be from %llu to %llu, not %s",
			       (unsigned long long)least, (unsigned long long)most, scalar(value));
		return false;
	}
	*out = number;
	return true;
}

bool sb_read_ttl(const struct sb_value *value, uint32_t *out)
{
	uint64_t number;

	if (!sb_read_number(value, 0, 0x7fffffff, &number))
		return false;
	*out = (uint32_t)number;
	return true;
}

bool sb_read_bool(const struct sb_value *value, bool *out)
{
	static const char *const words[] = {"no", "false", "off", "yes", "true", "on"};
	size_t i;

	if (sb_value_is_scalar(value) && is_plain(value)) {
		for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
			if (strcasecmp(scalar(value), words[i]) == 0) {
				*out = i >= 3;
				return true;
			}
		}
	}
	sb_value_error(value, "must be yes or no");
	return false;
}

bool sb_read_word(const struct sb_value *value, const char *const *words, size_t word_count,
		  unsigned *out)
{
	char list[WHAT_MAX_LEN / 2] = "";
	size_t i, at = 0;

	for (i = 0; i < word_count; i++) {
		if (sb_value_is_scalar(value) && strcmp(scalar(value), words[i]) == 0) {
			*out = (unsigned)i;
			return true;
		}
		at += (size_t)snprintf(list + at, sizeof(list) - at, "%s%s",
				       i == 0		     ? ""
				       : i + 1 == word_count ? " or "
							     : ", ",
				       words[i]);
	}
	if (sb_value_is_scalar(value) && !is_null(value))
		sb_value_error(value, "must be %s, not \"%s\"", list, scalar(value));
	else
		sb_value_error(value, "must be %s, not %s", list, kind(value));
	return false;
}

static bool dname_octets(const struct sb_value *value, uint8_t wire[SB_DNAME_MAX], size_t *wire_len)
{
	const char *text;

	if (!sb_read_text(value, &text))
		return false;
	switch (sb_dname_from_text(text, wire, wire_len)) {
	case SB_OK:
		return true;
	case SB_ERANGE:
		sb_value_error(
			value,
			"\"%s\" is too long for a domain name (63 octets a label, 255 in all)",
			text);
		return false;
	default:
		sb_value_error(value,
			       "\"%s\" is not a domain name (international names are written as "
			       "A-labels, xn--...)",
			       text);
		return false;
	}
}

bool sb_read_dname(const struct sb_value *value, struct sb_dname *out)
{
	uint8_t wire[SB_DNAME_MAX];
	size_t wire_len;
	const uint8_t *copy;

	if (!dname_octets(value, wire, &wire_len))
		return false;
	copy = sb_arena_copy(value->yaml->arena, wire, wire_len);
	if (copy == NULL || sb_dname_parse(out, copy, wire_len) != SB_OK) {
		sb_value_no_memory(value);
		return false;
	}
	return true;
}

bool sb_read_label(const struct sb_value *value, const uint8_t **out, size_t *out_len)
{
	struct sb_dname name;

	if (!sb_read_dname(value, &name))
		return false;
	if (name.label_count != 1) {
		sb_value_error(value, "must be a single label");
		return false;
	}
	*out = sb_dname_label(&name, 0, out_len);
	return true;
}

static void read_netblock(const struct sb_value *value, void *out)
{
	struct sb_netblocks *blocks = out;
	struct sb_netblock block, *grown;
	const char *text;

	if (!sb_read_text(value, &text))
		return;
	switch (sb_netblock_parse(text, &block)) {
	case SB_OK:
		break;
	case SB_ERANGE:
		sb_value_error(value, "\"%s\" has bits set behind its prefix, or too long a prefix",
			       text);
		return;
	default:
		sb_value_error(value, "\"%s\" is not an address or netblock", text);
		return;
	}
	grown = sb_arena_grow(value->yaml->arena, blocks->block, blocks->count, sizeof(block));
	if (grown == NULL) {
		sb_value_no_memory(value);
		return;
	}
	grown[blocks->count++] = block;
	blocks->block = grown;
}

bool sb_read_netblocks(const struct sb_value *value, struct sb_netblocks *out)
{
	size_t errors = sb_value_errors(value);

	if (!sb_read_list(value, 1, read_netblock, out) || sb_value_errors(value) != errors)
		return false;
	if (sb_netblocks_sort(out->block, &out->count, sizeof(*out->block)) == SB_OK)
		return true;
	sb_value_no_memory(value);
	return false;
}
