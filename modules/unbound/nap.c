/* SPDX-License-Identifier: BSD-3-Clause */
#include "nap.h"

static void wake(int fd, short bits, void *arg)
{
	struct module_qstate *qstate = arg;

	(void)fd, (void)bits;
	/* a timer that is not Unbound's own does not set its clock */
	ub_comm_base_now(qstate->env->worker_base);
	mesh_run(qstate->env->mesh, qstate->mesh_info, module_event_pass, NULL);
}

bool sb_nap(const struct sb_state *state, struct module_qstate *qstate, struct ub_event **timer,
	    long us)
{
	struct timeval later = {.tv_sec = us / 1000000, .tv_usec = us % 1000000};
	struct ub_event_base *base = NULL;

#ifndef USE_MINI_EVENT
	/* (Unbound's own event loop takes only Unbound's own callbacks) */
	if (qstate->env->worker_base != NULL)
		base = comm_base_internal(qstate->env->worker_base);
#endif
	if (base == NULL)
		return false;
	if (*timer == NULL)
		*timer = ub_event_new(base, -1, UB_EV_TIMEOUT, wake, qstate);
	if (*timer == NULL || ub_timer_add(*timer, base, wake, qstate, &later) != 0)
		return false;
	qstate->ext_state[state->id] = module_wait_reply;
	return true;
}

void sb_nap_end(struct ub_event **timer)
{
	if (*timer != NULL) {
		(void)ub_timer_del(*timer);
		ub_event_free(*timer);
	}
	*timer = NULL;
}
