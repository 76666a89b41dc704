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
	if (sb_value_is_scalar(value) && value->node->count == 0)
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

/** Whether there is nothing, not so much as a comment. */
static bool is_blank(const char *text, size_t text_len)
{
	size_t i;

	for (i = 0; i < text_len; i++) {
		if (text[i] != ' ' && text[i] != '\t' && text[i] != '\r' && text[i] != '\n')
			return false;
	}
	return true;
}

enum sb_err sb_conf_parse(const char *name, const char *text, size_t text_len,
			  struct sb_diags *diags, struct sb_conf **conf)
{
	struct sb_yaml yaml = {.file = name, .diags = diags};
	struct sb_value document = {.yaml = &yaml};
	struct sb_arena *scratch = sb_arena_new();
	size_t errors = diags->count;
	struct sb_conf *made = NULL;
	enum sb_err err = SB_ENOMEM;

	yaml.arena = sb_arena_new();
	if (scratch == NULL || yaml.arena == NULL ||
	    (made = sb_arena_alloc(yaml.arena, sizeof(*made))) == NULL)
		goto cleanup;
	made->arena = yaml.arena;
	/* a byte order mark is no part of the text */
	if (text_len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		text_len -= 3;
	}
	if (is_blank(text, text_len)) {
		/* an editor has emptied it, and is about to write it */
		sb_value_error(&document, "is empty; a file that is meant to hold nothing says {}");
	} else if ((document.node = sb_document_read(&yaml, scratch, text, text_len)) != NULL) {
		document.mark = document.node->mark;
		/* a file with nothing but comments behind a "---" is an empty one */
		if (!sb_value_is_scalar(&document) || document.node->count > 0)
			read_document(&document, made);
	}
	err = diags->count == errors ? SB_OK : SB_ECONF;
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
