/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Where lines go: a file, standard output, syslog, a FIFO or a Unix datagram socket. Only the
 * writer's thread uses it. It never waits for a reader, writes whole lines only, and follows a
 * path whose file was renamed, deleted or made anew.
 */
#ifndef REPORT_TARGET_H
#define REPORT_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report.h"

struct report_target;

/**
 * A target, not yet opened.
 * @param path: for REPORT_LOG_PATH; copied.
 * @return NULL when memory is short. Free it with report_target_free().
 */
struct report_target *report_target_new(enum report_log log, const char *path);

/** Close and free. NULL is fine. */
void report_target_free(struct report_target *target);

/**
 * Open the target if it is not open, or open it anew if its path now leads to another file or to
 * none. A file is created with mode 0640.
 * @return 0, or the error (errno) that keeps it from being open.
 */
int report_target_follow(struct report_target *target);

/** What keeps the path from being opened (errno) while the file that it led to before is still
 * written to, since it has a name elsewhere; 0: lines go where the path leads. */
int report_target_astray(const struct report_target *target);

/**
 * Write lines. Nothing is lost here: what is not written is for the caller to offer again, the
 * same first line first, unless it calls report_target_abandon().
 * @param lines: whole lines, each with its line feed.
 * @param error: 0 when all is written; EAGAIN when the reader is slow; EMSGSIZE when the first
 *	line that is left can never be written; else the errno of what failed.
 * @return octets written, always whole lines.
 */
size_t report_target_write(struct report_target *target, const char *lines, size_t lines_len,
			   int *error);

/** The first line that was not written will not be offered again. */
void report_target_abandon(struct report_target *target);

/** A descriptor that poll() can tell the end of EAGAIN for, or -1. */
int report_target_poll_fd(const struct report_target *target);

/** What the target is called in messages. */
const char *report_target_name(const struct report_target *target);

#endif
