/* SPDX-License-Identifier: BSD-3-Clause */
#include "sitebound/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf_yaml.h"

#define SB_SECTION(name) extern const struct sb_section name##_section;
#include "sections.def"
#undef SB_SECTION

static const struct sb_section *const sections[] = {
#define SB_SECTION(name) &name##_section,
#include "sections.def"
#undef SB_SECTION
};
#define SECTION_COUNT (sizeof(sections) / sizeof(sections[0]))

struct sb_conf {
	struct sb_arena *arena;
	void *section[SECTION_COUNT];
	const char *metrics;
};

enum sb_err sb_conf_read_fd(int fd, char **text, size_t *text_len)
{
	size_t len = 0, room = 0;
	char *buffer = NULL;

	for (;;) {
		ssize_t n;

		if (room - len < 2) {
			char *grown = realloc(buffer, room = room > 0 ? 2 * room : 1U << 16);

			if (grown == NULL) {
				free(buffer);
				return SB_ENOMEM;
			}
			buffer = grown;
		}
		n = read(fd, buffer + len, room - len - 1);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0) {
			if (n == 0)
				break;
			free(buffer);
			return SB_ESYS;
		}
		len += (size_t)n;
		if (len > SB_CONF_FILE_MAX) {
			free(buffer);
			return SB_ERANGE;
		}
	}
	buffer[len] = '\0';
	*text = buffer;
	*text_len = len;
	return SB_OK;
}

enum sb_err sb_conf_read_file(const char *path, char **text, size_t *text_len)
{
	enum sb_err err = SB_ESYS;
	struct stat stat;
	int fd, error;

	/* O_NONBLOCK: opening a FIFO must not hang the resolver */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd == -1)
		return SB_ESYS;
	if (fstat(fd, &stat) == 0) {
		if (!S_ISREG(stat.st_mode))
			errno = S_ISDIR(stat.st_mode) ? EISDIR : EINVAL;
		else
			err = stat.st_size > (off_t)SB_CONF_FILE_MAX
				      ? SB_ERANGE
				      : sb_conf_read_fd(fd, text, text_len);
	}
	error = errno;
	close(fd);
	errno = error;
	return err;
}

static void read_metrics(const struct sb_value *value, void *out)
{
	struct sb_conf *conf = out;
	const char *text;

	if (!sb_read_text(value, &text))
		return;
	if (text[0] != '/') {
		sb_value_error(value, "must be an absolute path");
		return;
	}
	conf->metrics = sb_arena_copy(conf->arena, text, strlen(text));
	if (conf->metrics == NULL)
		sb_value_no_memory(value);
}

static void read_section(const struct sb_value *value, void *out)
{
	struct sb_conf *conf = out;
	size_t i;

	/* a section whose contents are commented out is an absent one */
	if (sb_value_is_scalar(value) && value->node->data.scalar.length == 0)
		return;
	for (i = 0; i < SECTION_COUNT; i++) {
		if (strcmp(sections[i]->key, value->key) == 0)
			conf->section[i] = sections[i]->read(value);
	}
}

static void read_document(const struct sb_value *document, struct sb_conf *conf)
{
	struct sb_key keys[SECTION_COUNT + 1];
	size_t i;

	for (i = 0; i < SECTION_COUNT; i++)
		keys[i] = (struct sb_key){sections[i]->key, read_section, false};
	keys[SECTION_COUNT] = (struct sb_key){"metrics", read_metrics, false};
	sb_read_map(document, keys, SECTION_COUNT + 1, conf);
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

static bool parser_start(yaml_parser_t *parser, const char *text, size_t text_len)
{
	if (!yaml_parser_initialize(parser))
		return false;
	yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(parser, (const unsigned char *)text, text_len);
	return true;
}

/**
 * Refuse what is nested too deeply, before it is loaded: libyaml's time goes by the square of the
 * depth. Other errors are left to the loader.
 * @return whether the text may be loaded.
 */
static bool check_depth(struct sb_yaml *yaml, const char *text, size_t text_len)
{
	struct sb_value place = {.yaml = yaml};
	yaml_parser_t parser;
	yaml_event_t event;
	bool more = true;
	unsigned depth = 0;

	if (!parser_start(&parser, text, text_len)) {
		sb_value_no_memory(&place);
		return false;
	}
	while (more && depth <= SB_CONF_DEPTH_MAX && yaml_parser_parse(&parser, &event)) {
		if (event.type == YAML_MAPPING_START_EVENT ||
		    event.type == YAML_SEQUENCE_START_EVENT)
			depth++;
		else if (event.type == YAML_MAPPING_END_EVENT ||
			 event.type == YAML_SEQUENCE_END_EVENT)
			depth--;
		more = event.type != YAML_STREAM_END_EVENT;
		place.mark = event.start_mark;
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	if (depth > SB_CONF_DEPTH_MAX)
		sb_value_error(&place, "nested more than %d deep", SB_CONF_DEPTH_MAX);
	return depth <= SB_CONF_DEPTH_MAX;
}

/** Read a document of the file. A scalar that is empty is what a file of nothing but comments
 * behind a "---" has. */
static void read_root(struct sb_yaml *yaml, struct sb_conf *conf)
{
	yaml_node_t *root = yaml_document_get_root_node(&yaml->document);
	struct sb_value document = {.yaml = yaml, .node = root};

	if (root == NULL || (root->type == YAML_SCALAR_NODE && root->data.scalar.length == 0))
		return;
	document.mark = root->start_mark;
	read_document(&document, conf);
}

/** What libyaml has to read. @return SB_OK, also when there are errors; SB_ENOMEM. */
static enum sb_err read_any(struct sb_yaml *yaml, const char *text, size_t text_len,
			    struct sb_conf *conf)
{
	yaml_parser_t parser;
	yaml_document_t second;
	yaml_node_t *root;

	if (!check_depth(yaml, text, text_len))
		return SB_OK;
	if (!parser_start(&parser, text, text_len))
		return SB_ENOMEM;
	if (!yaml_parser_load(&parser, &yaml->document)) {
		syntax_error(yaml, &parser, text, text_len);
		goto cleanup;
	}
	if (yaml_document_get_root_node(&yaml->document) != NULL) {
		read_root(yaml, conf);
		if (!yaml_parser_load(&parser, &second)) {
			syntax_error(yaml, &parser, text, text_len);
		} else {
			root = yaml_document_get_root_node(&second);
			if (root != NULL) {
				struct sb_value document = {.yaml = yaml, .mark = root->start_mark};

				sb_value_error(&document, "a second document in one file");
			}
			yaml_document_delete(&second);
		}
	}
	yaml_document_delete(&yaml->document);
cleanup:
	yaml_parser_delete(&parser);
	return SB_OK;
}

enum sb_err sb_conf_parse(const char *name, const char *text, size_t text_len,
			  struct sb_diags *diags, struct sb_conf **conf)
{
	struct sb_yaml yaml = {.file = name, .diags = diags};
	size_t errors = diags->count;
	struct sb_conf *made = NULL;
	struct sb_arena *scratch;
	enum sb_err err = SB_ENOMEM;

	/* a byte order mark is no part of the text */
	if (text_len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		text_len -= 3;
	}
	/* an editor has emptied it, and is about to write it */
	if (text_len == 0) {
		struct sb_value place = {.yaml = &yaml};

		sb_value_error(&place, "is empty; a file that is meant to hold nothing says {}");
		return SB_ECONF;
	}
	scratch = sb_arena_new();
	yaml.arena = sb_arena_new();
	if (scratch == NULL || yaml.arena == NULL ||
	    (made = sb_arena_alloc(yaml.arena, sizeof(*made))) == NULL)
		goto cleanup;
	made->arena = yaml.arena;
	err = SB_OK;
	if (sb_plain_load(scratch, text, text_len, &yaml.document))
		read_root(&yaml, made);
	else
		err = read_any(&yaml, text, text_len, made);
	if (diags->count != errors)
		err = SB_ECONF;
cleanup:
	sb_arena_free(scratch);
	if (err == SB_OK)
		*conf = made;
	else
		sb_arena_free(yaml.arena);
	return err;
}

enum sb_err sb_conf_load(const char *path, struct sb_diags *diags, struct sb_conf **conf)
{
	struct sb_yaml yaml = {.file = path, .diags = diags};
	struct sb_value place = {.yaml = &yaml};
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	enum sb_err err = SB_ESYS;
	size_t text_len;
	char *text;

	if (fd != -1)
		err = sb_conf_read_fd(fd, &text, &text_len);
	if (err == SB_OK) {
		err = sb_conf_parse(path, text, text_len, diags, conf);
		free(text);
	} else {
		if (err == SB_ERANGE)
			sb_value_error(&place, "larger than %u octets", SB_CONF_FILE_MAX);
		else if (err == SB_ENOMEM)
			sb_value_no_memory(&place);
		else
			sb_value_error(&place, "cannot be read: %s", strerror(errno));
		err = SB_ECONF;
	}
	if (fd != -1 && !is_stdin)
		close(fd);
	return err;
}

void sb_conf_free(struct sb_conf *conf)
{
	if (conf != NULL)
		sb_arena_free(conf->arena);
}

void *sb_conf_section(const struct sb_conf *conf, const char *key)
{
	size_t i;

	for (i = 0; i < SECTION_COUNT; i++) {
		if (strcmp(sections[i]->key, key) == 0)
			return conf->section[i];
	}
	return NULL;
}

const char *sb_conf_metrics(const struct sb_conf *conf)
{
	return conf->metrics;
}
