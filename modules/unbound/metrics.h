/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * The file of the key `metrics`, in Prometheus' text format.
 */
#ifndef SITEBOUND_METRICS_H
#define SITEBOUND_METRICS_H

#include "job.h"

/** Start the thread that writes the file, if there is one. @return 0 when it cannot be started. */
int sb_metrics_start(struct sb_module *module, const struct module_env *env);

/** Stop the thread. */
void sb_metrics_stop(struct sb_module *module);

#endif
