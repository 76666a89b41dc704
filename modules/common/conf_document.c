/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * The document of a text, put together from libyaml's events. yaml_parser_load() would do that, too, but
 * its time goes by the square of the depth, so that the text had to be parsed once before to bound it; and
 * at a reload nothing is answered meanwhile.
 */
#include "conf_yaml.h"

#include <string.h>

struct level {
	/** its collection, by number, and the anchor of that, or NULL */
	int node;
	const char *anchor;
	/** how many nodes waited when it began */
	size_t first;
};

struct anchor {
	const char *name;
	int node;
};

struct composer {
	struct sb_yaml *yaml;
	struct sb_arena *arena;
	yaml_node_t *node;
	size_t node_count;
	/** nodes whose collection is not complete yet, the innermost last */
	int *waiting;
	size_t waiting_count;
	struct level level[SB_CONF_DEPTH_MAX];
	unsigned depth;
	struct anchor *anchor;
	size_t anchor_count;
	unsigned documents;
};

/** Report what is wrong. @return false. */
static bool fail(const struct composer *composer, yaml_mark_t mark, const char *what)
{
	struct sb_value place = {.yaml = composer->yaml, .mark = mark};

	sb_value_error(&place, "%s", what);
	return false;
}

static bool no_memory(const struct composer *composer, yaml_mark_t mark)
{
	struct sb_value place = {.yaml = composer->yaml, .mark = mark};

	sb_value_no_memory(&place);
	return false;
}

/** The place of an octet of the text. */
static yaml_mark_t mark_of(const char *text, size_t text_len, size_t offset)
{
	yaml_mark_t mark = {.index = offset};
	size_t i;

	for (i = 0; i < offset && i < text_len; i++) {
		if (text[i] == '\n') {
			mark.line++;
			mark.column = 0;
		} else if (((unsigned char)text[i] & 0xc0) != 0x80) {
			/* columns count characters */
			mark.column++;
		}
	}
	return mark;
}

/** Report what libyaml found. */
static void syntax_error(struct sb_yaml *yaml, const yaml_parser_t *parser, const char *text,
			 size_t text_len)
{
	struct sb_value place = {.yaml = yaml, .mark = parser->problem_mark};

	if (parser->error == YAML_READER_ERROR)
		place.mark = mark_of(text, text_len, parser->problem_offset);
	if (parser->error == YAML_MEMORY_ERROR)
		sb_value_no_memory(&place);
	else if (parser->error == YAML_READER_ERROR)
		sb_value_error(&place, "not readable as UTF-8 text: %s",
			       parser->problem != NULL ? parser->problem : "?");
	else
		sb_value_error(&place, "not valid YAML: %s%s%s",
			       parser->problem != NULL ? parser->problem : "?",
			       parser->context != NULL ? " " : "",
			       parser->context != NULL ? parser->context : "");
}

/** A node of its own. @return its number, from 1; 0 when memory is short. */
static int add_node(struct composer *composer, yaml_node_type_t type, yaml_mark_t mark)
{
	yaml_node_t *grown = sb_arena_grow(composer->arena, composer->node, composer->node_count,
					   sizeof(*grown));

	if (grown == NULL)
		return 0;
	composer->node = grown;
	grown[composer->node_count].type = type;
	grown[composer->node_count].start_mark = mark;
	return (int)++composer->node_count;
}

/** The node of an anchor, or 0. */
static int find_anchor(const struct composer *composer, const char *name)
{
	size_t i;

	for (i = 0; i < composer->anchor_count; i++) {
		if (strcmp(composer->anchor[i].name, name) == 0)
			return composer->anchor[i].node;
	}
	return 0;
}

/** Put a node into the innermost collection. */
static bool put(struct composer *composer, int node, const char *anchor, yaml_mark_t mark)
{
	struct anchor *anchors;
	int *grown = sb_arena_grow(composer->arena, composer->waiting, composer->waiting_count,
				   sizeof(*grown));

	if (grown == NULL)
		return no_memory(composer, mark);
	composer->waiting = grown;
	grown[composer->waiting_count++] = node;
	if (anchor == NULL)
		return true;
	if (find_anchor(composer, anchor) != 0)
		return fail(composer, composer->node[node - 1].start_mark,
			    "not valid YAML: found duplicate anchor");
	anchors = sb_arena_grow(composer->arena, composer->anchor, composer->anchor_count,
				sizeof(*anchors));
	if (anchors == NULL)
		return no_memory(composer, mark);
	composer->anchor = anchors;
	anchors[composer->anchor_count].name = anchor;
	anchors[composer->anchor_count++].node = node;
	return true;
}

/** Whether a tag is one that values here can have. Others say that the value is something else. */
static bool is_tag(const char *tag)
{
	static const char *const known[] = {"!",	   YAML_STR_TAG,  YAML_INT_TAG,
					    YAML_BOOL_TAG, YAML_NULL_TAG, YAML_SEQ_TAG,
					    YAML_MAP_TAG};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(tag, known[i]) == 0)
			return true;
	}
	return false;
}

/** Whether a tag makes a text of whatever it stands before, as quotes do. */
static bool is_text_tag(const yaml_char_t *tag)
{
	return tag != NULL && (strcmp((const char *)tag, "!") == 0 ||
			       strcmp((const char *)tag, YAML_STR_TAG) == 0);
}

static bool take_scalar(struct composer *composer, const yaml_event_t *event, const char *anchor)
{
	int node = add_node(composer, YAML_SCALAR_NODE, event->start_mark);
	yaml_node_t *scalar;

	if (node == 0)
		return no_memory(composer, event->start_mark);
	scalar = &composer->node[node - 1];
	scalar->data.scalar.length = event->data.scalar.length;
	scalar->data.scalar.style = is_text_tag(event->data.scalar.tag)
					    ? YAML_DOUBLE_QUOTED_SCALAR_STYLE
					    : event->data.scalar.style;
	scalar->data.scalar.value = sb_arena_copy(composer->arena, event->data.scalar.value,
						  event->data.scalar.length);
	if (scalar->data.scalar.value == NULL)
		return no_memory(composer, event->start_mark);
	return put(composer, node, anchor, event->start_mark);
}

static bool take_alias(struct composer *composer, const yaml_event_t *event)
{
	int node = find_anchor(composer, (const char *)event->data.alias.anchor);

	/* none yet, too, when it is inside what it stands for */
	if (node == 0)
		return fail(composer, event->start_mark, "not valid YAML: found undefined alias");
	return put(composer, node, NULL, event->start_mark);
}

static bool enter(struct composer *composer, yaml_node_type_t type, const yaml_event_t *event,
		  const char *anchor)
{
	struct level *level = &composer->level[composer->depth];
	struct sb_value place = {.yaml = composer->yaml, .mark = event->start_mark};

	if (composer->depth == SB_CONF_DEPTH_MAX) {
		sb_value_error(&place, "nested more than %d deep", SB_CONF_DEPTH_MAX);
		return false;
	}
	level->node = add_node(composer, type, event->start_mark);
	level->anchor = anchor;
	level->first = composer->waiting_count;
	composer->depth++;
	return level->node != 0 || no_memory(composer, event->start_mark);
}

static bool leave(struct composer *composer, const yaml_event_t *event)
{
	struct level *level;
	yaml_node_t *node;
	size_t count;
	int *inside;

	/* libyaml's events are balanced, and in a mapping there are pairs of them */
	if (composer->depth == 0 || composer->node == NULL)
		return fail(composer, event->start_mark, "not valid YAML");
	level = &composer->level[--composer->depth];
	node = &composer->node[level->node - 1];
	count = composer->waiting_count - level->first;
	inside = sb_arena_alloc(composer->arena, (count + 1) * sizeof(*inside));
	if (inside == NULL)
		return no_memory(composer, event->start_mark);
	if (count > 0)
		memcpy(inside, composer->waiting + level->first, count * sizeof(*inside));
	composer->waiting_count = level->first;
	if (node->type == YAML_SEQUENCE_NODE) {
		node->data.sequence.items.start = inside;
		node->data.sequence.items.top = inside + count;
	} else {
		node->data.mapping.pairs.start = (yaml_node_pair_t *)inside;
		node->data.mapping.pairs.top = (yaml_node_pair_t *)inside + count / 2;
	}
	/* an alias inside it has found none */
	return put(composer, level->node, level->anchor, event->start_mark);
}

/** @return whether to go on. */
static bool take(struct composer *composer, const yaml_event_t *event)
{
	const yaml_char_t *name = NULL, *tag = NULL;
	const char *anchor = NULL;

	if (event->type == YAML_SCALAR_EVENT) {
		name = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		name = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
	} else if (event->type == YAML_MAPPING_START_EVENT) {
		name = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
	}
	if (tag != NULL && !is_tag((const char *)tag))
		return fail(composer, event->start_mark, "a tag that means nothing here");
	if (name != NULL) {
		anchor = sb_arena_copy(composer->arena, name, strlen((const char *)name));
		if (anchor == NULL)
			return no_memory(composer, event->start_mark);
	}
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return take_scalar(composer, event, anchor);
	case YAML_ALIAS_EVENT:
		return take_alias(composer, event);
	case YAML_SEQUENCE_START_EVENT:
		return enter(composer, YAML_SEQUENCE_NODE, event, anchor);
	case YAML_MAPPING_START_EVENT:
		return enter(composer, YAML_MAPPING_NODE, event, anchor);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return leave(composer, event);
	case YAML_DOCUMENT_START_EVENT:
		composer->documents++;
		return true;
	default:
		return event->type != YAML_STREAM_END_EVENT;
	}
}

bool sb_document_read(struct sb_yaml *yaml, struct sb_arena *arena, const char *text,
		      size_t text_len)
{
	struct composer composer = {.yaml = yaml, .arena = arena};
	size_t errors = yaml->diags->count;
	yaml_parser_t parser;
	yaml_event_t event;
	bool more = true;

	if (!yaml_parser_initialize(&parser))
		return no_memory(&composer, parser.mark);
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, text_len);
	while (more) {
		if (!yaml_parser_parse(&parser, &event)) {
			syntax_error(yaml, &parser, text, text_len);
			break;
		}
		if (composer.documents == 2) {
			more = fail(&composer, event.start_mark, "a second document in one file");
		} else {
			more = take(&composer, &event);
		}
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	yaml->document.nodes.start = composer.node;
	if (composer.node_count > 0)
		yaml->document.nodes.top = composer.node + composer.node_count;
	yaml->document.nodes.end = yaml->document.nodes.top;
	return composer.documents > 0 && composer.waiting_count > 0 &&
	       (yaml->diags->count == errors || composer.documents == 2);
}
