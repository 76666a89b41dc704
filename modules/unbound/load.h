/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Loading: is this the right Unbound, what does unbound.conf say, where is sitebound.yaml, and
 * which jobs are done already.
 */
#ifndef SITEBOUND_LOAD_H
#define SITEBOUND_LOAD_H

#include "job.h"

/**
 * Check that the running program is the build that this module was compiled for; logs one line
 * when it is not. Must come before anything else touches env.
 * @param own_init: address of this module's init(), to compare with what Unbound found.
 * @return whether it is safe to go on.
 */
bool sb_build_check(const struct module_env *env, int id,
		    int (*own_init)(struct module_env *, int));

/** The view of unbound.conf where unbound-control reaches the modules. */
#define SB_VIEW "sitebound"

/** What unbound.conf says in the view. */
struct sb_unbound_view {
	/** the file as read; owns local_zones */
	struct config_file *cfg;
	/** of the record `config. TXT`, or NULL; owned */
	char *conf_path;
	/** `local-zone:` lines: name and type */
	const struct config_str2list *local_zones;
};

/** Read unbound.conf. Without the file or the view everything in it is NULL. */
void sb_unbound_view_read(const struct module_env *env, struct sb_unbound_view *view);
void sb_unbound_view_free(struct sb_unbound_view *view);

/** The path of sitebound.yaml: environment, view, or the default. Borrowed. */
const char *sb_conf_path(const struct sb_unbound_view *view);

/** A path as it is called from inside `chroot:`, which is in force when modules start. A part of
 * path; borrowed. */
const char *sb_path_in_chroot(const struct module_env *env, const char *path);

/** Read the configuration; at a reload with a bad file, the last good one again. Logs every
 * error. @return NULL when there is none to go on with. */
struct sb_conf *sb_conf_or_last_good(const struct module_env *env, const char *path);

enum sb_taking {
	SB_TAKEN_OK,
	/** another module has the job: refuse to load */
	SB_TAKEN_REFUSE,
	/** the same at a reload, which must not end the daemon: go on without the job */
	SB_TAKEN_LEAVE_OUT
};

/** Take a job on for the process. Each can be taken once: two modules that do the same one would
 * answer, count and write twice. Logs a line when it is taken. */
enum sb_taking sb_registry_take(const struct sb_job *job);

/** Give a job back. */
void sb_registry_give(const struct sb_job *job);

#endif
