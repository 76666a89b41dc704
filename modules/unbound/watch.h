/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * What the module does by the clock: looking at the switches.
 */
#ifndef SITEBOUND_WATCH_H
#define SITEBOUND_WATCH_H

#include "job.h"

/** Start to look at the switches every second, from the worker of env. */
void sb_watch_start(struct sb_module *module, struct module_env *env);

/** Stop; no worker runs any more. */
void sb_watch_stop(struct sb_module *module);

/** Start to look at the switches, if nobody does. From a worker, at any query. */
static inline void sb_watch(struct sb_module *module, struct module_env *env)
{
	if (atomic_load_explicit(&module->next_watch, memory_order_relaxed) <= *env->now)
		sb_watch_start(module, env);
}

#endif
