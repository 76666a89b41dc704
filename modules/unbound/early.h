/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Answers in the place of a local zone's, before the cache and without a query of the mesh.
 */
#ifndef SITEBOUND_EARLY_H
#define SITEBOUND_EARLY_H

#include "job.h"

/** Register for answers from local zones, if a job gives such. @return 0 when memory is short. */
int sb_early_start(struct sb_module *module, struct module_env *env);
void sb_early_stop(struct sb_module *module, struct module_env *env);

#endif
