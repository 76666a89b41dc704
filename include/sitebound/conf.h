/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * sitebound.yaml: reading the file, all sections, with every error's place.
 */
#ifndef SITEBOUND_CONF_H
#define SITEBOUND_CONF_H

#include <stdio.h>

#include "sitebound/err.h"

/** A file larger than this many octets is refused: several hundred thousand zones fit in. */
#define SB_CONF_FILE_MAX (32U << 20)

/** Values of a file, each as often as aliases of YAML repeat it: more are refused. */
#define SB_CONF_VALUES_MAX (2U << 20)

/** Mappings and lists may be in one another this deep; no file of ours needs more than six. */
#define SB_CONF_DEPTH_MAX 32

/** Keys of one mapping. */
#define SB_CONF_KEYS_MAX 1024

/** One message about a configuration: FILE:LINE:COLUMN: KEY PATH: what is wrong. */
struct sb_diag {
	struct sb_diag *next, *previous;
	/** counted from 0 */
	size_t line, column;
	char *text;
};

/** Messages in the order of their places in the file. */
struct sb_diags {
	struct sb_diag *first, *last;
	size_t count;
};

void sb_diags_init(struct sb_diags *diags);
void sb_diags_free(struct sb_diags *diags);

/** A configuration, read-only once it is loaded. */
struct sb_conf;

/**
 * Read a file whole: a regular one, without waiting for anybody.
 * @param text, text_len: the contents, with a zero octet behind; free() them.
 * @return SB_OK, SB_ESYS (errno), SB_ERANGE (over SB_CONF_FILE_MAX), SB_ENOMEM.
 */
SB_MUST_CHECK enum sb_err sb_conf_read_file(const char *path, char **text, size_t *text_len);

/** The same for whatever is open: a pipe is read until it is closed. */
SB_MUST_CHECK enum sb_err sb_conf_read_fd(int fd, char **text, size_t *text_len);

/**
 * Check and build a configuration. All sections are checked, whichever module asks.
 * @param name: the file's name for messages.
 * @param text: YAML.
 * @param diags: every error is added here.
 * @param conf: the configuration when there is no error; free it with sb_conf_free().
 * @return SB_OK, SB_ECONF (see diags) or SB_ENOMEM.
 */
SB_MUST_CHECK enum sb_err sb_conf_parse(const char *name, const char *text, size_t text_len,
					struct sb_diags *diags, struct sb_conf **conf);

/** For tools: read and parse a file, a pipe, or standard input for "-"; what cannot be read is a
 * diagnostic too. */
SB_MUST_CHECK enum sb_err sb_conf_load(const char *path, struct sb_diags *diags,
				       struct sb_conf **conf);

void sb_conf_free(struct sb_conf *conf);

/** A section's structure by its key ("synth", ...), or NULL when the file has no such section. */
void *sb_conf_section(const struct sb_conf *conf, const char *key);

/** The value of the key `metrics`, or NULL. */
const char *sb_conf_metrics(const struct sb_conf *conf);

/**
 * The path in a local-data record `config. TXT "PATH"`, as the view `sitebound` of unbound.conf
 * holds it; a TTL and the class IN may stand before the type.
 * @return the path, free() it; NULL for another record or when memory is short.
 */
char *sb_conf_path_from_record(const char *record);

#endif
