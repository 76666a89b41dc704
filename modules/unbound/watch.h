/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * What the module does by the clock: looks at switches, sweeps, publishes.
 */
#ifndef SITEBOUND_WATCH_H
#define SITEBOUND_WATCH_H

#include "job.h"

/** Start to work by the clock, in the worker of env: at once, or behind its event loop when the caller holds
 * locks. */
void sb_watch_start(struct sb_module *module, struct module_env *env, bool holds_locks);

/** Stop; no worker runs any more. */
void sb_watch_stop(struct sb_module *module);

/** Start to work by the clock, if nobody does. From a worker, at any question; `holds_locks` says that
 * the caller is a callback that Unbound calls with a message of the cache, or a local zone, locked. */
static inline void sb_watch(struct sb_module *module, struct module_env *env, bool holds_locks)
{
	if (atomic_load_explicit(&module->next_watch, memory_order_relaxed) <= *env->now)
		sb_watch_start(module, env, holds_locks);
}

#endif
