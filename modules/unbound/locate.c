/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * What unbound.conf says to the modules, in the view `sitebound`: where the configuration is, and
 * the switches' settings. When modules start, Unbound has dropped the text of its views already,
 * and its views themselves cannot be reached from there before 1.23; so the file is read once
 * more, with Unbound's own reader.
 */
#include "load.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/** The program's arguments, NULL when they cannot be had. */
static char **arguments;

#ifdef __GLIBC__
/* glibc gives them to the constructors of what is loaded at run time, too; /proc is out of sight in
 * a chroot and to AppArmor */
__attribute__((constructor)) static void keep_arguments(int argc, char **argv)
{
	if (argc > 0)
		arguments = argv;
}
#else
/* other C libraries give nothing to constructors */
__attribute__((constructor)) static void read_arguments(void)
{
	static char text[4096], *words[64];
	FILE *file = fopen("/proc/self/cmdline", "r");
	size_t len = file != NULL ? fread(text, 1, sizeof(text) - 1, file) : 0, at = 0, count = 0;

	if (file != NULL)
		fclose(file);
	for (; at < len && count < sizeof(words) / sizeof(words[0]) - 1;
	     at += strlen(text + at) + 1)
		words[count++] = text + at;
	if (count > 0)
		arguments = words;
}
#endif

/** The argument of -c on the command line of this process, or Unbound's default. */
static const char *unbound_conf_path(void)
{
	const char *found = CONFIGFILE;
	char **word;

	if (arguments == NULL)
		return found;
	for (word = arguments + 1; *word != NULL; word++) {
		const char *letter;

		if ((*word)[0] != '-' || strcmp(*word, "--") == 0)
			break;
		/* letters may be joined, and the argument may follow in the same word */
		letter = strchr(*word, 'c');
		if (letter == NULL)
			continue;
		if (letter[1] != '\0') {
			found = letter + 1;
		} else {
			if (*++word == NULL)
				break;
			found = *word;
		}
	}
	return found;
}

/** Free the configuration whole: some lists Unbound frees when it applies them, and config_delete() of most
 * versions leaves them. */
static void free_unbound_conf(struct config_file *cfg)
{
	struct config_view *view;

	if (cfg == NULL)
		return;
	for (view = cfg->views; view != NULL; view = view->next) {
		config_deldblstrlist(view->respip_actions);
		config_deldblstrlist(view->respip_data);
		view->respip_actions = view->respip_data = NULL;
	}
	config_deldblstrlist(cfg->respip_actions);
	config_deldblstrlist(cfg->respip_data);
	cfg->respip_actions = cfg->respip_data = NULL;
	config_delete(cfg);
}

/** Unbound's configuration, read anew; NULL when it cannot be. */
static struct config_file *read_unbound_conf(const struct module_env *env)
{
	char absolute[PATH_MAX];
	const char *path = unbound_conf_path(), *root = env->cfg->chrootdir;
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
		free_unbound_conf(cfg);
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
	free_unbound_conf(view->cfg);
}

const char *sb_conf_path(const struct sb_unbound_view *view)
{
	const char *path = getenv("SITEBOUND_CONF");

	if (path != NULL && path[0] != '\0')
		return path;
	return view->conf_path != NULL ? view->conf_path : SB_DEFAULT_CONF;
}
