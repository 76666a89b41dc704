/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * The document of a text, put together from libyaml's events. yaml_parser_load() would do that, too, but
 * its time goes by the square of the depth, so that the text had to be parsed once before to bound it; and
 * at a reload nothing is answered meanwhile.
 */
#include "conf_yaml.h"

#include <string.h>
#include <yaml.h>

struct level {
	/** its collection, and the anchor of that, or NULL */
	struct sb_node *node;
	const char *anchor;
	/** how many nodes waited when it began */
	size_t first;
};

struct anchor {
	const char *name;
	const struct sb_node *node;
};

struct composer {
	struct sb_yaml *yaml;
	struct sb_arena *arena;
	/** nodes whose collection is not complete yet, the innermost last; at the end the root */
	const struct sb_node **waiting;
	size_t waiting_count;
	struct level level[SB_CONF_DEPTH_MAX];
	unsigned depth;
	struct anchor *anchor;
	size_t anchor_count;
	unsigned documents;
};

static struct sb_mark mark_from(yaml_mark_t mark)
{
	return (struct sb_mark){.line = (uint32_t)mark.line, .column = (uint32_t)mark.column};
}

/** Report what is wrong. @return false. */
static bool fail(const struct composer *composer, struct sb_mark mark, const char *what)
{
	struct sb_value place = {.yaml = composer->yaml, .mark = mark};

	sb_value_error(&place, "%s", what);
	return false;
}

static bool no_memory(const struct composer *composer, struct sb_mark mark)
{
	struct sb_value place = {.yaml = composer->yaml, .mark = mark};

	sb_value_no_memory(&place);
	return false;
}

/** The place of an octet of the text. */
static struct sb_mark mark_of(const char *text, size_t text_len, size_t offset)
{
	struct sb_mark mark = {.line = 0};
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
	struct sb_value place = {.yaml = yaml, .mark = mark_from(parser->problem_mark)};

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

/** A node, with room behind it. @return NULL when memory is short. */
static struct sb_node *add_node(struct composer *composer, enum sb_node_kind kind,
				const yaml_event_t *event, size_t room)
{
	struct sb_node *node = sb_arena_alloc(composer->arena, sizeof(*node) + room);

	if (node != NULL) {
		node->kind = (uint8_t)kind;
		node->mark = mark_from(event->start_mark);
	}
	return node;
}

/** The node of an anchor, or NULL. */
static const struct sb_node *find_anchor(const struct composer *composer, const char *name)
{
	size_t i;

	for (i = 0; i < composer->anchor_count; i++) {
		if (strcmp(composer->anchor[i].name, name) == 0)
			return composer->anchor[i].node;
	}
	return NULL;
}

/** Put a node into the innermost collection. */
static bool put(struct composer *composer, const struct sb_node *node, const char *anchor)
{
	const struct sb_node **grown = sb_arena_grow(composer->arena, composer->waiting,
						     composer->waiting_count, sizeof(*grown));
	struct anchor *anchors;

	if (grown == NULL)
		return no_memory(composer, node->mark);
	composer->waiting = grown;
	grown[composer->waiting_count++] = node;
	if (anchor == NULL)
		return true;
	if (find_anchor(composer, anchor) != NULL)
		return fail(composer, node->mark, "not valid YAML: found duplicate anchor");
	anchors = sb_arena_grow(composer->arena, composer->anchor, composer->anchor_count,
				sizeof(*anchors));
	if (anchors == NULL)
		return no_memory(composer, node->mark);
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
	size_t len = event->data.scalar.length;
	struct sb_node *scalar = add_node(composer, SB_NODE_SCALAR, event, len + 1);

	if (scalar == NULL)
		return no_memory(composer, mark_from(event->start_mark));
	scalar->is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
			   !is_text_tag(event->data.scalar.tag);
	scalar->count = (uint32_t)len;
	scalar->text = memcpy(scalar + 1, event->data.scalar.value, len);
	return put(composer, scalar, anchor);
}

static bool take_alias(struct composer *composer, const yaml_event_t *event)
{
	const struct sb_node *node = find_anchor(composer, (const char *)event->data.alias.anchor);

	/* none yet, too, when it is inside what it stands for */
	if (node == NULL)
		return fail(composer, mark_from(event->start_mark),
			    "not valid YAML: found undefined alias");
	return put(composer, node, NULL);
}

static bool enter(struct composer *composer, enum sb_node_kind kind, const yaml_event_t *event,
		  const char *anchor)
{
	struct level *level = &composer->level[composer->depth];
	struct sb_value place = {.yaml = composer->yaml, .mark = mark_from(event->start_mark)};

	if (composer->depth == SB_CONF_DEPTH_MAX) {
		sb_value_error(&place, "nested more than %d deep", SB_CONF_DEPTH_MAX);
		return false;
	}
	level->node = add_node(composer, kind, event, 0);
	level->anchor = anchor;
	level->first = composer->waiting_count;
	composer->depth++;
	return level->node != NULL || no_memory(composer, place.mark);
}

static bool leave(struct composer *composer, const yaml_event_t *event)
{
	struct level *level;
	size_t count;

	/* libyaml's events are balanced, and in a mapping there are pairs of them */
	if (composer->depth == 0)
		return fail(composer, mark_from(event->start_mark), "not valid YAML");
	level = &composer->level[--composer->depth];
	count = composer->waiting_count - level->first;
	level->node->inside = sb_arena_copy(composer->arena,
					    count > 0 ? composer->waiting + level->first : NULL,
					    count * sizeof(*composer->waiting));
	if (level->node->inside == NULL)
		return no_memory(composer, mark_from(event->start_mark));
	level->node->count = (uint32_t)count;
	composer->waiting_count = level->first;
	/* an alias inside it has found none */
	return put(composer, level->node, level->anchor);
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
		return fail(composer, mark_from(event->start_mark),
			    "a tag that means nothing here");
	if (name != NULL) {
		anchor = sb_arena_copy(composer->arena, name, strlen((const char *)name));
		if (anchor == NULL)
			return no_memory(composer, mark_from(event->start_mark));
	}
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return take_scalar(composer, event, anchor);
	case YAML_ALIAS_EVENT:
		return take_alias(composer, event);
	case YAML_SEQUENCE_START_EVENT:
		return enter(composer, SB_NODE_LIST, event, anchor);
	case YAML_MAPPING_START_EVENT:
		return enter(composer, SB_NODE_MAP, event, anchor);
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

const struct sb_node *sb_document_read(struct sb_yaml *yaml, struct sb_arena *arena,
				       const char *text, size_t text_len)
{
	struct composer composer = {.yaml = yaml, .arena = arena};
	size_t errors = yaml->diags->count;
	yaml_parser_t parser;
	yaml_event_t event;
	bool more = true;

	if (!yaml_parser_initialize(&parser)) {
		no_memory(&composer, (struct sb_mark){.line = 0});
		return NULL;
	}
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, text_len);
	while (more) {
		if (!yaml_parser_parse(&parser, &event)) {
			syntax_error(yaml, &parser, text, text_len);
			break;
		}
		if (composer.documents == 2) {
			more = fail(&composer, mark_from(event.start_mark),
				    "a second document in one file");
		} else {
			more = take(&composer, &event);
		}
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	if (composer.documents == 0 || composer.waiting_count == 0 ||
	    (yaml->diags->count > errors && composer.documents < 2))
		return NULL;
	return composer.waiting[0];
}
