/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * A reader of unbound.conf for sitebound-checkconf: words, quotes, comments, clauses and includes
 * as Unbound reads them. It does not judge the file: unbound-checkconf does.
 */
#ifndef UNBOUND_CONF_H
#define UNBOUND_CONF_H

#include <stddef.h>

#include "../modules/common/arena.h"
#include "sitebound/err.h"

/** Values of the longest statement (local-zone-override). */
#define UNBOUND_CONF_VALUES 3

/** One statement: `key: value ...`. */
struct unbound_statement {
	struct unbound_statement *next;
	/** where the key stands; the line counts from 1 */
	const char *file;
	unsigned line;
	/** the clause it is in ("server", "view", ...); "" before the first */
	const char *clause;
	/** which clause of the file this is: two views are two clauses */
	unsigned clause_number;
	const char *key;
	/** without their quotes; those that are missing are "" */
	const char *value[UNBOUND_CONF_VALUES];
};

struct unbound_conf {
	/** holds all texts */
	struct sb_arena *arena;
	/** in the order of their reading, included files in their places */
	struct unbound_statement *first, *last;
	/** of the last clause */
	const char *clause;
	unsigned clause_number;
	/** the value of `directory:` so far, or "" */
	const char *directory;
	/** files that were read, included ones too */
	unsigned files;
};

/** What is called for a file that cannot be read. */
typedef void unbound_conf_problem(const char *file, unsigned line, const char *what);

/**
 * Read a file and what it includes.
 * @param conf: is filled; free it with unbound_conf_free(), also after an error.
 * @param problem: told of each included file that cannot be read; reading goes on without it.
 * @return SB_OK, SB_ESYS (the file itself cannot be read; errno says why) or SB_ENOMEM.
 */
SB_MUST_CHECK enum sb_err unbound_conf_read(struct unbound_conf *conf, const char *path,
					    unbound_conf_problem *problem);

void unbound_conf_free(struct unbound_conf *conf);

/** The value of the last `key:` of all clauses with this name, or NULL: the last one counts. */
const struct unbound_statement *unbound_conf_last(const struct unbound_conf *conf,
						  const char *clause, const char *key);

#endif
