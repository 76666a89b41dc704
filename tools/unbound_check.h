/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * What in unbound.conf keeps the modules from answering in their zones.
 */
#ifndef UNBOUND_CHECK_H
#define UNBOUND_CHECK_H

#include <stdbool.h>

#include "sitebound/conf.h"
#include "unbound_conf.h"

/**
 * Where the modules would find their configuration: the record `config.` of the view `sitebound`,
 * else the built-in path; put behind `chroot:` when it is not below it.
 * @return the path, free() it; NULL when memory is short.
 */
char *unbound_check_locate(const struct unbound_conf *unbound);

/** Whether unbound.conf names a module of ours. */
bool unbound_check_is_meant(const struct unbound_conf *unbound);

/**
 * Print warnings and notes to standard error, one a line: FILE:LINE: warning: TEXT. Only the
 * zones of modules that unbound.conf loads are looked at.
 * @param path: unbound.conf, for what has no line.
 * @param conf: the good configuration.
 * @param warnings: how many there were.
 * @return SB_OK or SB_ENOMEM.
 */
SB_MUST_CHECK enum sb_err unbound_check(const struct unbound_conf *unbound, const char *path,
					const struct sb_conf *conf, unsigned *warnings);

#endif
