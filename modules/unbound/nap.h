/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Queries that sleep for a while: for what another thread does, or to let others have their turn.
 */
#ifndef SITEBOUND_NAP_H
#define SITEBOUND_NAP_H

#include "job.h"

/**
 * Let the query sleep, without a sub-query under way; then the job's operate() is called, as after
 * a sub-query. The job must keep something for the query, and end it in clear().
 * @param timer: NULL at first; for sb_nap_end().
 * @return false where there are no timers: the query does not sleep.
 */
bool sb_nap(const struct sb_state *state, struct module_qstate *qstate, struct ub_event **timer,
	    long us);

/** Wake the query no more. */
void sb_nap_end(struct ub_event **timer);

#endif
