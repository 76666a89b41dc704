/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Removing from the message cache what is not right any more, a slice at a time.
 */
#ifndef SITEBOUND_SWEEP_H
#define SITEBOUND_SWEEP_H

#include "job.h"

/** Have every message removed that one of the jobs touches, or that holds computed records.
 * @param jobs: a bit for each active job of the module. */
void sb_sweep_start(struct sb_module *module, unsigned jobs);

/** Whether there is a slice to do now. @param now_ns: of the monotonic clock. */
bool sb_sweep_is_due(const struct sb_module *module, int64_t now_ns);

/** Do a slice of what was started. From one thread at a time; answers of other threads wait no
 * longer than for a few messages. @param until_ns: when to stop, by the monotonic clock. */
void sb_sweep_slice(struct sb_module *module, struct module_env *env, int64_t until_ns);

#endif
