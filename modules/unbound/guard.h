/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * The guard of Unbound's message cache: what must not get in.
 */
#ifndef SITEBOUND_GUARD_H
#define SITEBOUND_GUARD_H

#include "job.h"

/** Register the callbacks that guard the cache, and that hear of what comes from it: to add Extended
 * DNS Errors (see struct sb_job), and to start the watch. @return 0 when memory is short. */
int sb_guard_set(struct sb_module *module, struct module_env *env);
void sb_guard_lift(struct sb_module *module, struct module_env *env);

/** A query has its answer. When a switch has moved since it began, the answer leaves the cache. When it
 * is withheld, see that dns64, which stores what it gets itself, does not do so in front of us, nor has
 * done behind us. */
void sb_guard_settle(const struct sb_module *module, struct module_qstate *qstate);

#endif
