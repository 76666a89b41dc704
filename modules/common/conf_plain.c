/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * A fast reader of the YAML that configurations are written in: block and flow collections,
 * scalars of one line (plain, or quoted with no escapes but of quotes and backslashes), comments,
 * all in ASCII. libyaml takes ten times as long, during which a resolver that reloads answers
 * nothing. What this reader takes it reads as libyaml does, which the unit test compares; whatever
 * it is not sure of it leaves to libyaml: anchors, tags, tabs, empty values, scalars of several
 * lines, several documents, and all that is wrong, which libyaml has the words for.
 */
#include "conf_yaml.h"

#include <string.h>

/** libyaml knows a key by the colon behind it within 1024 characters. */
#define KEY_MAX 1000

struct plain {
	/** a copy with a zero octet behind; scalars are in it, and end in zero octets when all is
	 * read */
	char *text;
	size_t at, line, line_start;
	yaml_node_t *node;
	size_t node_count;
	/** what is in the collections that are not complete yet, and in those that are */
	int *open, *closed;
	size_t open_count, closed_count;
	unsigned depth;
};

static bool read_block(struct plain *plain, int *out);
static bool read_flow(struct plain *plain, int *out);

static size_t column(const struct plain *plain)
{
	return plain->at - plain->line_start;
}

static bool is_end(char c)
{
	return c == '\n' || c == '\0';
}

static bool is_blank(char c)
{
	return c == ' ' || is_end(c);
}

static bool is_dash(const struct plain *plain)
{
	return plain->text[plain->at] == '-' && is_blank(plain->text[plain->at + 1]);
}

/** Go on to what comes next, over spaces, comments and ends of lines. */
static bool skip_blank(struct plain *plain)
{
	const char *text = plain->text;
	size_t at = plain->at;

	for (;;) {
		while (text[at] == ' ')
			at++;
		if (text[at] == '#') {
			if (at > plain->line_start && text[at - 1] != ' ')
				return false;
			while (!is_end(text[at]))
				at++;
		}
		if (text[at] != '\n')
			break;
		at++;
		plain->line++;
		plain->line_start = at;
	}
	plain->at = at;
	/* where a document begins or ends */
	return at > plain->line_start ||
	       (strncmp(text + at, "---", 3) != 0 && strncmp(text + at, "...", 3) != 0);
}

/** The same where nothing more may be on the line. */
static bool skip_line(struct plain *plain)
{
	size_t line = plain->line;

	return skip_blank(plain) && (plain->line > line || plain->text[plain->at] == '\0');
}

/** A node of its own at the present place. @return its number, from 1. */
static int add_node(struct plain *plain, yaml_node_type_t type)
{
	yaml_node_t *node = &plain->node[plain->node_count++];

	node->type = type;
	node->start_mark.index = plain->at;
	node->start_mark.line = plain->line;
	node->start_mark.column = column(plain);
	return (int)plain->node_count;
}

/** Put a node into the collection that is read. */
static void push(struct plain *plain, int node)
{
	plain->open[plain->open_count++] = node;
}

static bool enter(struct plain *plain)
{
	return ++plain->depth <= SB_CONF_DEPTH_MAX;
}

/** A collection is complete: `first` was the number of open nodes when it began. */
static void leave(struct plain *plain, int number, yaml_node_type_t type, size_t first)
{
	yaml_node_t *node = &plain->node[number - 1];
	size_t size = (plain->open_count - first) * sizeof(*plain->open);
	int *start = plain->closed + plain->closed_count;
	int *end = start + (plain->open_count - first);

	if (size > 0)
		memcpy(start, plain->open + first, size);
	plain->closed_count += plain->open_count - first;
	plain->open_count = first;
	plain->depth--;
	node->type = type;
	if (type == YAML_SEQUENCE_NODE) {
		node->data.sequence.items.start = start;
		node->data.sequence.items.end = node->data.sequence.items.top = end;
	} else {
		/* a pair is two numbers */
		node->data.mapping.pairs.start = (yaml_node_pair_t *)start;
		node->data.mapping.pairs.end = node->data.mapping.pairs.top =
			(yaml_node_pair_t *)end;
	}
}

static void set_scalar(struct plain *plain, int number, yaml_scalar_style_t style, size_t from,
		       size_t to)
{
	yaml_node_t *node = &plain->node[number - 1];

	node->data.scalar.style = style;
	node->data.scalar.value = (yaml_char_t *)plain->text + from;
	node->data.scalar.length = to - from;
}

static bool read_quoted(struct plain *plain, char quote, int number)
{
	char *text = plain->text;
	size_t from = plain->at + 1, to = from, at = from;

	for (; text[at] != quote || (quote == '\'' && text[at + 1] == quote); at++) {
		if (is_end(text[at]))
			return false;
		if (text[at] == quote)
			at++;
		else if (quote == '"' && text[at] == '\\' && text[++at] != '\\' && text[at] != '"')
			return false;
		text[to++] = text[at];
	}
	plain->at = at + 1;
	set_scalar(plain, number,
		   quote == '"' ? YAML_DOUBLE_QUOTED_SCALAR_STYLE : YAML_SINGLE_QUOTED_SCALAR_STYLE,
		   from, to);
	return is_blank(text[at + 1]) || strchr(":,]}", text[at + 1]) != NULL;
}

static bool is_first(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("_./~$^(\\+=;<", c) != NULL);
}

static bool read_scalar(struct plain *plain, bool in_flow, int number)
{
	const char *text = plain->text;
	size_t at = plain->at, end = at;

	if (text[at] == '\'' || text[at] == '"')
		return read_quoted(plain, text[at], number);
	if (!is_first(text[at]))
		return false;
	for (; !is_end(text[at]); at++) {
		switch (text[at]) {
		case ' ':
			continue;
		case '#':
			if (text[at - 1] == ' ')
				goto done;
			break;
		case ':':
			if (is_blank(text[at + 1]))
				goto done;
			if (in_flow && strchr(",?[]{}", text[at + 1]) != NULL)
				return false;
			break;
		case ',':
		case ']':
		case '}':
			if (in_flow)
				goto done;
			break;
		case '[':
		case '{':
		case '?':
			if (in_flow)
				return false;
			break;
		}
		end = at + 1;
	}
done:
	set_scalar(plain, number, YAML_PLAIN_SCALAR_STYLE, plain->at, end);
	plain->at = at;
	return true;
}

/** Behind a key: over its colon. */
static bool skip_colon(struct plain *plain, int key)
{
	if (plain->text[plain->at] != ':' || !is_blank(plain->text[plain->at + 1]) ||
	    plain->at - plain->node[key - 1].start_mark.index > KEY_MAX)
		return false;
	plain->at++;
	push(plain, key);
	return skip_blank(plain);
}

/** A scalar or a flow collection that is no key. */
static bool read_leaf(struct plain *plain, bool in_flow, int *out)
{
	char c = plain->text[plain->at];

	if (c == '[' || c == '{')
		return read_flow(plain, out);
	*out = add_node(plain, YAML_SCALAR_NODE);
	return read_scalar(plain, in_flow, *out) && plain->text[plain->at] != ':';
}

static bool read_flow(struct plain *plain, int *out)
{
	bool is_map = plain->text[plain->at] == '{';
	char close = is_map ? '}' : ']';
	size_t first = plain->open_count;
	int key, value;

	*out = add_node(plain, YAML_NO_NODE);
	plain->at++;
	if (!enter(plain) || !skip_blank(plain))
		return false;
	while (plain->text[plain->at] != close || plain->open_count > first) {
		if (is_map) {
			key = add_node(plain, YAML_SCALAR_NODE);
			if (!read_scalar(plain, true, key) || !skip_colon(plain, key))
				return false;
		}
		if (!read_leaf(plain, true, &value) || !skip_blank(plain))
			return false;
		push(plain, value);
		if (plain->text[plain->at] == close)
			break;
		if (plain->text[plain->at] != ',')
			return false;
		plain->at++;
		if (!skip_blank(plain))
			return false;
	}
	plain->at++;
	leave(plain, *out, is_map ? YAML_MAPPING_NODE : YAML_SEQUENCE_NODE, first);
	return true;
}

/**
 * A block sequence, from its first dash on.
 * @param is_in_map: it is as far to the left as the keys of the mapping that it is in.
 */
static bool read_sequence(struct plain *plain, bool is_in_map, int number)
{
	size_t left = column(plain), first = plain->open_count, line;
	int item;

	if (!enter(plain))
		return false;
	do {
		line = plain->line;
		plain->at++;
		if (!skip_blank(plain) || (plain->line > line && column(plain) <= left) ||
		    !read_block(plain, &item))
			return false;
		push(plain, item);
	} while (column(plain) == left && is_dash(plain));
	leave(plain, number, YAML_SEQUENCE_NODE, first);
	return column(plain) < left || (column(plain) == left && is_in_map) ||
	       plain->text[plain->at] == '\0';
}

/** A block mapping, from behind its first key on. */
static bool read_mapping(struct plain *plain, int key, int number)
{
	size_t left = plain->node[key - 1].start_mark.column, first = plain->open_count, line;
	int value;

	if (!enter(plain))
		return false;
	for (;;) {
		line = plain->line;
		if (!skip_colon(plain, key))
			return false;
		if (plain->line == line) {
			if (!read_leaf(plain, false, &value) || !skip_line(plain))
				return false;
		} else if (column(plain) > left) {
			if (!read_block(plain, &value))
				return false;
		} else {
			value = add_node(plain, YAML_NO_NODE);
			if (column(plain) < left || !is_dash(plain) ||
			    !read_sequence(plain, true, value))
				return false;
		}
		push(plain, value);
		if (column(plain) < left || plain->text[plain->at] == '\0')
			break;
		key = add_node(plain, YAML_SCALAR_NODE);
		if (column(plain) > left || !read_scalar(plain, false, key))
			return false;
	}
	leave(plain, number, YAML_MAPPING_NODE, first);
	return true;
}

/** Anything in block style; goes on to what comes behind it, which is on another line. */
static bool read_block(struct plain *plain, int *out)
{
	char c = plain->text[plain->at];
	int key;

	if (c == '[' || c == '{')
		return read_flow(plain, out) && skip_line(plain);
	*out = add_node(plain, YAML_SCALAR_NODE);
	if (is_dash(plain))
		return read_sequence(plain, false, *out);
	if (!read_scalar(plain, false, *out))
		return false;
	if (plain->text[plain->at] != ':')
		return skip_line(plain);
	/* it was a key: the number is the mapping's, because the root has the first one */
	key = add_node(plain, YAML_SCALAR_NODE);
	plain->node[key - 1] = plain->node[*out - 1];
	return read_mapping(plain, key, *out);
}

bool sb_plain_load(struct sb_arena *scratch, const char *text, size_t text_len,
		   yaml_document_t *document)
{
	/* what begins or ends a node, and how many there may be for it at most: around a colon are a
	 * key, a value and the mapping */
	static const uint8_t weight[256] = {[':'] = 3, ['-'] = 1, [','] = 1, ['['] = 1, ['{'] = 1};
	struct plain plain = {.text = NULL};
	size_t i, room = 2;
	yaml_node_t *node;
	int root;

	for (i = 0; i < text_len; i++) {
		if (text[i] != '\n' && (text[i] < ' ' || text[i] > '~'))
			return false;
		room += weight[(unsigned char)text[i]];
	}
	plain.node = sb_arena_alloc(scratch, room * sizeof(*plain.node));
	plain.open = sb_arena_alloc(scratch, room * sizeof(*plain.open));
	plain.closed = sb_arena_alloc(scratch, room * sizeof(*plain.closed));
	plain.text = sb_arena_copy(scratch, text, text_len);
	if (plain.node == NULL || plain.open == NULL || plain.closed == NULL ||
	    plain.text == NULL || !skip_blank(&plain) || column(&plain) > 0 ||
	    !read_block(&plain, &root) || plain.text[plain.at] != '\0')
		return false;
	for (node = plain.node; node < plain.node + plain.node_count; node++) {
		if (node->type == YAML_SCALAR_NODE)
			node->data.scalar.value[node->data.scalar.length] = '\0';
	}
	memset(document, 0, sizeof(*document));
	document->nodes.start = plain.node;
	document->nodes.top = document->nodes.end = plain.node + plain.node_count;
	return true;
}
