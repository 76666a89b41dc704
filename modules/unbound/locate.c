/* SPDX-License-Identifier: BSD-3-Clause */
#include "adapter.h"

#include <stdlib.h>
#include <string.h>

/** The text of `config. TXT "..."` when the line is one, in memory of its own. */
static char *path_from_record(const char *record)
{
	static const char name[] = "config.";
	const char *at = record + strspn(record, " \t"), *end;

	if (strncasecmp(at, name, sizeof(name) - 1) != 0)
		return NULL;
	at += sizeof(name) - 1;
	if (*at != ' ' && *at != '\t')
		return NULL;
	at += strspn(at, " \t");
	/* a TTL and a class may stand before the type */
	for (;;) {
		size_t word_len = strcspn(at, " \t");

		if (word_len == 3 && strncasecmp(at, "TXT", 3) == 0)
			break;
		if (!(word_len == 2 && strncasecmp(at, "IN", 2) == 0) &&
		    strspn(at, "0123456789") != word_len)
			return NULL;
		if (word_len == 0)
			return NULL;
		at += word_len;
		at += strspn(at, " \t");
	}
	at += 3;
	at += strspn(at, " \t");
	if (*at == '"') {
		at++;
		end = strchr(at, '"');
		if (end == NULL)
			return NULL;
	} else {
		end = at + strcspn(at, " \t");
	}
	return end > at ? strndup(at, (size_t)(end - at)) : NULL;
}

char *sb_locate_conf(const struct module_env *env)
{
	const char *path = getenv("SITEBOUND_CONF");
	const struct config_view *view;
	const struct config_strlist *record;
	char *found;

	if (path != NULL && path[0] != '\0')
		return strdup(path);
	for (view = env->cfg->views; view != NULL; view = view->next) {
		if (view->name == NULL || strcmp(view->name, "sitebound") != 0)
			continue;
		for (record = view->local_data; record != NULL; record = record->next) {
			found = path_from_record(record->str);
			if (found != NULL)
				return found;
		}
	}
	return strdup(SB_DEFAULT_CONF);
}

const char *sb_path_in_chroot(const struct module_env *env, const char *path)
{
	const char *root = env->cfg->chrootdir;
	size_t root_len = root != NULL ? strlen(root) : 0;

	while (root_len > 0 && root[root_len - 1] == '/')
		root_len--;
	if (root_len > 0 && strncmp(path, root, root_len) == 0 && path[root_len] == '/')
		return path + root_len;
	return path;
}
