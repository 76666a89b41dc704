/* SPDX-License-Identifier: BSD-3-Clause */
#include "unbound_conf.h"

#include <errno.h>
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** Includes in includes. */
#define DEPTH_MAX 64
/** A list of local-zones may be long, but not that long. */
#define FILE_MAX_LEN ((size_t)1 << 30)

/** Statements with other than one value; with none the word begins a clause. */
static const struct {
	const char *key;
	unsigned values;
} other_counts[] = {
	{"auth-zone", 0},
	{"cachedb", 0},
	{"dnscrypt", 0},
	{"dnstap", 0},
	{"dynlib", 0},
	{"forward-zone", 0},
	{"ipset", 0},
	{"python", 0},
	{"remote-control", 0},
	{"rpz", 0},
	{"server", 0},
	{"stub-zone", 0},
	{"view", 0},
	{"access-control", 2},
	{"access-control-tag", 2},
	{"access-control-view", 2},
	{"edns-client-string", 2},
	{"interface-action", 2},
	{"interface-tag", 2},
	{"interface-view", 2},
	{"local-zone", 2},
	{"local-zone-tag", 2},
	{"ratelimit-below-domain", 2},
	{"ratelimit-for-domain", 2},
	{"response-ip", 2},
	{"response-ip-data", 2},
	{"response-ip-tag", 2},
	{"tcp-connection-limit", 2},
	{"wait-limit-cookie-netblock", 2},
	{"wait-limit-netblock", 2},
	{"access-control-tag-action", 3},
	{"access-control-tag-data", 3},
	{"interface-tag-action", 3},
	{"interface-tag-data", 3},
	{"local-zone-override", 3},
};

static unsigned values_of(const char *key)
{
	size_t i;

	for (i = 0; i < sizeof(other_counts) / sizeof(other_counts[0]); i++) {
		if (strcmp(other_counts[i].key, key) == 0)
			return other_counts[i].values;
	}
	return 1;
}

/** The place of reading in one file. */
struct cursor {
	const char *at, *end;
	const char *file;
	unsigned line;
};

/** Skip blanks, line ends and comments. @return whether something is left. */
static bool skip_blank(struct cursor *cursor)
{
	for (; cursor->at < cursor->end; cursor->at++) {
		if (*cursor->at == '#') {
			while (cursor->at < cursor->end && *cursor->at != '\n')
				cursor->at++;
			if (cursor->at == cursor->end)
				return false;
		}
		if (*cursor->at == '\n')
			cursor->line++;
		else if (*cursor->at != ' ' && *cursor->at != '\t' && *cursor->at != '\r' &&
			 *cursor->at != '\0')
			return true;
	}
	return false;
}

/** Take a value: a quoted text (up to the end of the line at most), or a word. In a word `#` is
 * like any other character. */
static const char *take_value(struct unbound_conf *conf, struct cursor *cursor)
{
	char quote = *cursor->at == '"' || *cursor->at == '\'' ? *cursor->at++ : '\0';
	const char *from = cursor->at, *value;

	while (cursor->at < cursor->end && *cursor->at != '\n' && *cursor->at != '\r') {
		if (quote != '\0' ? *cursor->at == quote : strchr(" \t\"'", *cursor->at) != NULL)
			break;
		if (*cursor->at == '\\' && cursor->at + 1 < cursor->end && cursor->at[1] != '\n')
			cursor->at++;
		cursor->at++;
	}
	value = sb_arena_copy(conf->arena, from, (size_t)(cursor->at - from));
	if (quote != '\0' && cursor->at < cursor->end && *cursor->at == quote)
		cursor->at++;
	return value;
}

/** Take a word up to its colon; NULL for a word without one, which is passed over. */
static const char *take_key(struct unbound_conf *conf, struct cursor *cursor, bool *no_memory)
{
	const char *from = cursor->at, *key;

	while (cursor->at < cursor->end && strchr(":'\"\n\r \t", *cursor->at) == NULL)
		cursor->at++;
	if (cursor->at == cursor->end || *cursor->at != ':') {
		if (cursor->at == from)
			cursor->at++;
		return NULL;
	}
	key = sb_arena_copy(conf->arena, from, (size_t)(cursor->at++ - from));
	*no_memory = key == NULL;
	return key;
}

static enum sb_err read_file(struct unbound_conf *conf, const char *path, unsigned depth,
			     unbound_conf_problem *problem);

/** Read the files of an include statement. */
static enum sb_err include(struct unbound_conf *conf, const struct cursor *cursor,
			   const char *pattern, unsigned depth, unbound_conf_problem *problem)
{
	char below[4096];
	glob_t files;
	enum sb_err err = SB_OK;
	size_t i;

	if (pattern[0] != '/' && conf->directory[0] != '\0' &&
	    (size_t)snprintf(below, sizeof(below), "%s/%s", conf->directory, pattern) <
		    sizeof(below))
		pattern = below;
	if (glob(pattern, GLOB_ERR | GLOB_NOSORT | GLOB_BRACE | GLOB_TILDE, NULL, &files) != 0) {
		/* a pattern may match nothing; a name may not */
		if (strpbrk(pattern, "*?[{~") == NULL)
			problem(cursor->file, cursor->line, pattern);
		return SB_OK;
	}
	for (i = 0; i < files.gl_pathc && err == SB_OK; i++) {
		err = read_file(conf, files.gl_pathv[i], depth + 1, problem);
		if (err == SB_ESYS) {
			problem(cursor->file, cursor->line, files.gl_pathv[i]);
			err = SB_OK;
		}
	}
	globfree(&files);
	return err;
}

static enum sb_err add_statement(struct unbound_conf *conf, struct cursor *cursor, const char *key,
				 unsigned values)
{
	struct unbound_statement *made = sb_arena_alloc(conf->arena, sizeof(*made));
	unsigned i;

	if (made == NULL)
		return SB_ENOMEM;
	made->file = cursor->file;
	made->line = cursor->line;
	made->clause = conf->clause;
	made->clause_number = conf->clause_number;
	made->key = key;
	for (i = 0; i < UNBOUND_CONF_VALUES; i++) {
		made->value[i] = "";
		if (i < values && skip_blank(cursor) &&
		    (made->value[i] = take_value(conf, cursor)) == NULL)
			return SB_ENOMEM;
	}
	if (conf->last != NULL)
		conf->last->next = made;
	else
		conf->first = made;
	conf->last = made;
	if (strcmp(conf->clause, "server") == 0 && strcmp(key, "directory") == 0)
		conf->directory = made->value[0];
	return SB_OK;
}

static enum sb_err read_text(struct unbound_conf *conf, struct cursor *cursor, unsigned depth,
			     unbound_conf_problem *problem)
{
	bool no_memory = false;
	enum sb_err err = SB_OK;

	while (err == SB_OK && skip_blank(cursor)) {
		const char *key = take_key(conf, cursor, &no_memory), *pattern;
		unsigned values;

		if (no_memory)
			return SB_ENOMEM;
		if (key == NULL)
			continue;
		values = values_of(key);
		if (strcmp(key, "include") == 0 || strcmp(key, "include-toplevel") == 0) {
			if (!skip_blank(cursor))
				break;
			pattern = take_value(conf, cursor);
			if (pattern == NULL)
				return SB_ENOMEM;
			err = include(conf, cursor, pattern, depth, problem);
		} else if (values == 0) {
			conf->clause = key;
			conf->clause_number++;
		} else {
			err = add_statement(conf, cursor, key, values);
		}
	}
	return err;
}

static enum sb_err read_file(struct unbound_conf *conf, const char *path, unsigned depth,
			     unbound_conf_problem *problem)
{
	struct cursor cursor = {.line = 1};
	enum sb_err err = SB_ENOMEM;
	size_t room = 0, len = 0, got;
	char *text = NULL, *grown;
	FILE *file;

	if (depth > DEPTH_MAX) {
		errno = ELOOP;
		return SB_ESYS;
	}
	file = fopen(path, "re");
	if (file == NULL)
		return SB_ESYS;
	do {
		if (len == room) {
			room = room > 0 ? 2 * room : 65536;
			grown = room <= FILE_MAX_LEN ? realloc(text, room) : NULL;
			if (grown == NULL)
				goto cleanup;
			text = grown;
		}
		got = fread(text + len, 1, room - len, file);
		len += got;
	} while (got > 0);
	if (ferror(file)) {
		err = SB_ESYS;
		goto cleanup;
	}
	cursor.at = text;
	cursor.end = text + len;
	cursor.file = sb_arena_copy(conf->arena, path, strlen(path));
	conf->files++;
	if (cursor.file != NULL)
		err = read_text(conf, &cursor, depth, problem);
cleanup:
	free(text);
	/* errno is the caller's */
	got = (size_t)errno;
	fclose(file);
	errno = (int)got;
	return err;
}

enum sb_err unbound_conf_read(struct unbound_conf *conf, const char *path,
			      unbound_conf_problem *problem)
{
	memset(conf, 0, sizeof(*conf));
	conf->clause = conf->directory = "";
	conf->arena = sb_arena_new();
	return conf->arena != NULL ? read_file(conf, path, 0, problem) : SB_ENOMEM;
}

void unbound_conf_free(struct unbound_conf *conf)
{
	sb_arena_free(conf->arena);
	memset(conf, 0, sizeof(*conf));
}

const struct unbound_statement *unbound_conf_last(const struct unbound_conf *conf,
						  const char *clause, const char *key)
{
	const struct unbound_statement *at, *found = NULL;

	for (at = conf->first; at != NULL; at = at->next) {
		if (strcmp(at->clause, clause) == 0 && strcmp(at->key, key) == 0)
			found = at;
	}
	return found;
}
