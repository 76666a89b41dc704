/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Status and counters, for unbound-control view_list_local_data.
 */
#ifndef SITEBOUND_PUBLISH_H
#define SITEBOUND_PUBLISH_H

#include "job.h"

/**
 * Publish what has changed, as TXT records "status.JOB." and "stats.JOB." in the view. From the
 * worker that watches.
 * @param until_ns: when to stop for now, by the monotonic clock.
 * @return whether something is left to be published at once.
 */
bool sb_publish(struct sb_module *module, struct module_env *env, int64_t until_ns);

#endif
