/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * What unbound.conf says to the modules, in the view `sitebound`: where the configuration is, and
 * the switches' settings. When modules start, Unbound has dropped the text of its views already,
 * and its views themselves cannot be reached from there before 1.23; so the file is read once
 * more, with Unbound's own reader.
 */
#include "adapter.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMMAND_LINE_MAX 4096

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

/** The argument of -c on the command line of this process, in line; or Unbound's default. */
static const char *unbound_conf_path(char line[COMMAND_LINE_MAX])
{
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd != -1 ? read(fd, line, COMMAND_LINE_MAX - 1) : 0;
	const char *found = CONFIGFILE, *word, *end;

	if (fd != -1)
		close(fd);
	if (len <= 0)
		return found;
	line[len] = '\0';
	end = line + len;
	for (word = line + strlen(line) + 1; word < end; word += strlen(word) + 1) {
		const char *letter;

		if (word[0] != '-' || strcmp(word, "--") == 0)
			break;
		/* letters may be joined, and the argument may follow in the same word */
		letter = strchr(word, 'c');
		if (letter == NULL)
			continue;
		if (letter[1] != '\0') {
			found = letter + 1;
		} else {
			word += strlen(word) + 1;
			if (word >= end)
				break;
			found = word;
		}
	}
	return found;
}

/** Unbound's configuration, read anew; NULL when it cannot be. */
static struct config_file *read_unbound_conf(const struct module_env *env)
{
	char line[COMMAND_LINE_MAX], absolute[COMMAND_LINE_MAX];
	const char *path = unbound_conf_path(line), *root = env->cfg->chrootdir;
	const char *from = getenv("PWD");
	struct config_file *cfg;

	path = sb_path_in_chroot(env, path);
	/* `directory:` has moved the daemon away from where it was started */
	if (path[0] != '/' && access(path, R_OK) == -1 && from != NULL &&
	    (size_t)snprintf(absolute, sizeof(absolute), "%s/%s", from, path) < sizeof(absolute))
		path = absolute;
	if (access(path, R_OK) == -1)
		return NULL;
	cfg = config_create();
	if (cfg != NULL && !config_read(cfg, path, root != NULL && root[0] != '\0' ? root : NULL)) {
		config_delete(cfg);
		cfg = NULL;
	}
	return cfg;
}

void sb_unbound_view_read(const struct module_env *env, struct sb_unbound_view *view)
{
	const struct config_view *at;

	view->cfg = read_unbound_conf(env);
	view->conf_path = NULL;
	view->local_zones = NULL;
	for (at = view->cfg != NULL ? view->cfg->views : NULL; at != NULL; at = at->next) {
		const struct config_strlist *record;

		if (at->name == NULL || strcmp(at->name, SB_VIEW) != 0)
			continue;
		view->local_zones = at->local_zones;
		for (record = at->local_data; record != NULL && view->conf_path == NULL;
		     record = record->next)
			view->conf_path = sb_conf_path_from_record(record->str);
		return;
	}
}

void sb_unbound_view_free(struct sb_unbound_view *view)
{
	free(view->conf_path);
	config_delete(view->cfg);
}

const char *sb_conf_path(const struct sb_unbound_view *view)
{
	const char *path = getenv("SITEBOUND_CONF");

	if (path != NULL && path[0] != '\0')
		return path;
	return view->conf_path != NULL ? view->conf_path : SB_DEFAULT_CONF;
}
