/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * The six functions that Unbound looks up in the .so, and nothing else is exported. To Unbound
 * all jobs are one module; here they are walked as Unbound walks modules: forward with a question
 * until one answers it or all have let it pass, and back with the answer.
 */
#include "alias.h"
#include "cache.h"
#include "clock.h"
#include "counters.h"
#include "early.h"
#include "guard.h"
#include "load.h"
#include "metrics.h"
#include "query.h"
#include "reply.h"
#include "sweep.h"
#include "switch.h"
#include "watch.h"

#include <stdlib.h>
#include <string.h>

#define SB_EXPORT __attribute__((visibility("default")))

SB_EXPORT int init(struct module_env *env, int id);
SB_EXPORT void deinit(struct module_env *env, int id);
SB_EXPORT void operate(struct module_qstate *qstate, enum module_ev event, int id,
		       struct outbound_entry *outbound);
SB_EXPORT void inform_super(struct module_qstate *qstate, int id, struct module_qstate *super);
SB_EXPORT void clear(struct module_qstate *qstate, int id);
SB_EXPORT size_t get_mem(struct module_env *env, int id);

static struct sb_module *module_of(const struct module_env *env, int id)
{
	return ((struct dynlibmod_env *)env->modinfo[id])->dyn_env;
}

/* --- loading --- */

/** How long a start sweeps the cache. */
#define SWEEP_AT_START_NS (10 * SB_MS_NS)

/** Start a job. @return 0 after a line was logged. */
static int job_start(struct sb_state *state, struct module_env *env)
{
	state->rules = state->section;
	if (!sb_counters_make(state, env) || !sb_switches_make(state)) {
		log_err("sitebound %s: out of memory", state->job->name);
		return 0;
	}
	return state->job->start == NULL || state->job->start(state, env);
}

static void job_stop(struct sb_state *state)
{
	if (state->job->stop != NULL)
		state->job->stop(state);
	sb_switches_free(state);
	sb_counters_free(state);
	sb_registry_give(state->job);
}

static void module_stop(struct sb_module *module, struct module_env *env)
{
	unsigned i;

	sb_watch_stop(module);
	sb_early_stop(module, env);
	sb_guard_lift(module, env);
	for (i = 0; i < module->job_count; i++) {
		if (module->job[i].job->flush != NULL)
			module->job[i].job->flush(&module->job[i]);
	}
	/* the last numbers, after the last line, are asked of the jobs */
	sb_metrics_stop(module);
	sb_zones_free(module->switch_names);
	sb_zones_free(module->outline);
	while (module->job_count > 0)
		job_stop(&module->job[--module->job_count]);
	sb_conf_free(module->conf);
	free(module);
}

/** Start the jobs that have a section. @return 0 after a line was logged. */
static int module_start(struct sb_module *module, struct module_env *env,
			const struct sb_unbound_view *view)
{
	unsigned i;

	for (i = 0; i < sb_job_count; i++) {
		struct sb_state *state = &module->job[module->job_count];

		state->section = sb_conf_section(module->conf, sb_jobs[i]->name);
		if (state->section == NULL)
			continue;
		state->job = sb_jobs[i];
		state->module = module;
		state->id = module->id;
		state->index = module->job_count;
		switch (sb_registry_take(state->job)) {
		case SB_TAKEN_OK:
			break;
		case SB_TAKEN_REFUSE:
			return 0;
		case SB_TAKEN_LEAVE_OUT:
			continue;
		}
		module->job_count++;
		if (!job_start(state, env))
			return 0;
		sb_zones_outline(module->outline, state->rules->zones);
	}
	if (module->job_count > 0 && (!sb_switches_configure(module, view) ||
				      !sb_guard_set(module, env) || !sb_early_start(module, env))) {
		log_err("%s: out of memory", sb_module_name);
		return 0;
	}
	/* A reload may have kept the cache, with answers by other rules. No worker runs: it must not
	 * take long, and what is left is done by the clock. */
	sb_sweep_start(module, ~0U);
	if (env->msg_cache != NULL)
		sb_sweep_slice(module, env, sb_monotonic_ns() + SWEEP_AT_START_NS);
	return sb_metrics_start(module, env);
}

int init(struct module_env *env, int id)
{
	struct sb_unbound_view view;
	struct sb_module *module;
	int started = 0;

	if (!sb_build_check(env, id, init))
		return 0;
	module = calloc(1, sizeof(*module));
	if (module == NULL || (module->outline = sb_zones_new()) == NULL) {
		log_err("%s: out of memory", sb_module_name);
		free(module);
		return 0;
	}
	module->id = id;
	module->moved_at = -1;
	module->ede = env->cfg->ede;
	module->beside_dns64 = strstr(env->cfg->module_conf, "dns64") != NULL;
	sb_unbound_view_read(env, &view);
	module->conf = sb_conf_or_last_good(env, sb_conf_path(&view));
	if (module->conf != NULL)
		started = module_start(module, env, &view);
	sb_unbound_view_free(&view);
	if (!started) {
		module_stop(module, env);
		return 0;
	}
	((struct dynlibmod_env *)env->modinfo[id])->dyn_env = module;
	return 1;
}

void deinit(struct module_env *env, int id)
{
	struct sb_module *module = module_of(env, id);

	if (module == NULL)
		return;
	module_stop(module, env);
	((struct dynlibmod_env *)env->modinfo[id])->dyn_env = NULL;
}

/* --- queries --- */

/** What queries have that every job has seen, or need not see, and that none keeps anything for. */
static struct sb_place seen_by_all = {.shared = true, .seen = true, .waits = -1};
static struct sb_place elsewhere = {.shared = true, .elsewhere = true, .seen = true, .waits = -1};

struct sb_place *sb_place_new(struct module_qstate *qstate, int id)
{
	struct sb_place *old = qstate->minfo[id], *place;

	if (old != NULL && !old->shared)
		return old;
	place = regional_alloc_zero(qstate->region, sizeof(*place));
	if (place == NULL)
		return NULL;
	place->waits = -1;
	if (old != NULL)
		*place = *old;
	place->shared = false;
	qstate->minfo[id] = place;
	return place;
}

void *sb_own_new(const struct sb_state *state, struct module_qstate *qstate, size_t size)
{
	struct sb_place *place = sb_place_new(qstate, state->id);

	if (place == NULL)
		return NULL;
	place->own[state->index] = regional_alloc_zero(qstate->region, size);
	return place->own[state->index];
}

/** Whether the query waits for a sub-query of the job that was called last, or sleeps (nap.h). */
static bool waits(struct module_qstate *qstate, const struct sb_state *state, bool back)
{
	struct sb_place *place;

	if (qstate->ext_state[state->id] != module_wait_subquery &&
	    qstate->ext_state[state->id] != module_wait_reply)
		return false;
	/* whoever attaches a sub-query keeps something to come back to */
	place = qstate->minfo[state->id];
	place->waits = (int)state->index;
	place->back = back;
	return true;
}

/** Back from what is behind the job of number `index`, through it and those before it. */
static void walk_back(struct sb_module *module, struct module_qstate *qstate, unsigned jobs,
		      const struct sb_query *query)
{
	while (jobs > 0) {
		struct sb_state *state = &module->job[--jobs];
		const struct sb_place *place = qstate->minfo[module->id];

		if (place != NULL && place->elsewhere && state->job->touches == NULL)
			continue;
		state->job->operate(state, qstate, module_event_moddone, query);
		if (waits(qstate, state, true))
			return;
	}
	qstate->ext_state[module->id] = module_finished;
}

/** Back from upstream. */
static void come_back(struct sb_module *module, struct module_qstate *qstate,
		      const struct sb_query *query)
{
	qstate->ext_state[module->id] = module_finished;
	/* what is behind an alias has been through all jobs already */
	if (!sb_alias_begin(module, qstate))
		walk_back(module, qstate, module->job_count, query);
}

/** Every job has let the query pass. */
static void pass_on(struct sb_module *module, struct module_qstate *qstate, bool is_new,
		    const struct sb_query *query)
{
	struct sb_place *place = qstate->minfo[module->id];

	if (place == NULL)
		qstate->minfo[module->id] = place = &seen_by_all;
	else if (!place->shared)
		place->seen = true;
	if (!place->late) {
		(void)sb_alias_known(module, qstate, is_new);
		return;
	}
	place->late = false;
	qstate->return_msg = place->late_msg;
	qstate->return_rcode = place->late_rcode;
	come_back(module, qstate, query);
}

/** Forward to the job of number `index` and those behind it. */
static void walk_forward(struct sb_module *module, struct module_qstate *qstate, unsigned index,
			 enum module_ev event, const struct sb_query *query)
{
	struct sb_place *place;

	for (; index < module->job_count; index++) {
		struct sb_state *state = &module->job[index];

		sb_pass(state, qstate);
		state->job->operate(state, qstate, event, query);
		place = qstate->minfo[module->id];
		if (place != NULL && !place->shared)
			place->seen = true;
		if (waits(qstate, state, false))
			return;
		if (qstate->ext_state[module->id] != module_wait_module) {
			/* it is answered: whether those behind have seen it does not matter */
			if (place == NULL)
				qstate->minfo[module->id] = &seen_by_all;
			walk_back(module, qstate, index, query);
			return;
		}
	}
	pass_on(module, qstate, event == module_event_new, query);
}

/** A query that the iterator began itself is answered, and no job has been asked about it. */
static void come_late(struct sb_module *module, struct module_qstate *qstate,
		      const struct sb_query *query)
{
	struct sb_place *place;

	sb_alias_forget(module, qstate);
	if (sb_is_internal(qstate) || !sb_is_awaited(qstate, module->id))
		return;
	place = sb_place_new(qstate, module->id);
	if (place == NULL) {
		sb_reply_servfail(&module->job[0], qstate);
		return;
	}
	place->late = true;
	place->late_msg = qstate->return_msg;
	place->late_rcode = qstate->return_rcode;
	qstate->ext_state[module->id] = module_wait_module;
	walk_forward(module, qstate, 0, module_event_pass, query);
}

/** Let clients that differ not wait for one and the same answer. */
static void keep_apart(const struct sb_module *module, struct module_qstate *qstate,
		       const struct sb_query *query)
{
	unsigned i;

	for (i = 0; i < module->job_count; i++) {
		const struct sb_state *state = &module->job[i];

		if (state->job->is_by_client != NULL && state->job->is_by_client(state, query))
			sb_query_keep_apart(qstate);
	}
}

/** Go on with the job whose sub-query has ended. */
static void walk_on(struct sb_module *module, struct module_qstate *qstate, struct sb_place *place,
		    const struct sb_query *query)
{
	unsigned index = (unsigned)place->waits;
	struct sb_state *state;

	place->waits = -1;
	if (index == SB_WAITS_ALIAS) {
		sb_alias_go_on(module, qstate);
		return;
	}
	state = &module->job[index];
	if (!place->back) {
		walk_forward(module, qstate, index, module_event_pass, query);
		return;
	}
	sb_finish(state, qstate);
	state->job->operate(state, qstate, module_event_pass, query);
	if (!waits(qstate, state, true))
		walk_back(module, qstate, index, query);
}

/** respip of Unbound 1.26 changes sub-queries as well, for no client in particular. Of one that is
 * ours the client's query makes an answer for all: take back what it was. */
static void unchange(struct module_qstate *qstate, int id)
{
	struct mesh_state_ref *super;
	struct dns_msg *msg = NULL;
	bool is_ours = false;

	RBTREE_FOR (super, struct mesh_state_ref *, &qstate->mesh_info->super_set)
		is_ours = is_ours || super->s->s.curmod == id;
	if (!is_ours || !sb_is_changed(qstate))
		return;
	msg = sb_cache_lookup(qstate, &qstate->qinfo);
	if (msg == NULL) {
		sb_withhold(qstate);
		return;
	}
	qstate->return_msg = msg;
	qstate->return_rcode = LDNS_RCODE_NOERROR;
	qstate->respip_action_info = NULL;
}

/** Questions for every class at once: the iterator asks for each class by a query that no job
 * sees, and Unbound stores what it finds as of class IN, for all threads at once. So those that
 * jobs have a say in are refused. @return whether it is. */
static bool is_refused(const struct sb_module *module, struct module_qstate *qstate)
{
	/* ... and the answer itself as of class IN */
	sb_withhold(qstate);
	if (!sb_alias_concerns(module, qstate))
		return false;
	qstate->return_rcode = LDNS_RCODE_REFUSED;
	qstate->return_msg = NULL;
	qstate->ext_state[module->id] = module_finished;
	return true;
}

void operate(struct module_qstate *qstate, enum module_ev event, int id,
	     struct outbound_entry *outbound)
{
	struct sb_module *module = module_of(qstate->env, id);
	struct sb_place *place = qstate->minfo[id];
	struct sb_query query;
	bool active = module->job_count > 0 && sb_query_from(&qstate->qinfo, &query);

	(void)outbound;
	switch (event) {
	case module_event_new:
	case module_event_pass:
		qstate->ext_state[id] = module_wait_module;
		if (!active || sb_is_internal(qstate))
			break;
		sb_watch(module, qstate->env, false);
		if (qstate->qinfo.qclass == LDNS_RR_CLASS_ANY && is_refused(module, qstate))
			break;
		if (place != NULL && place->waits >= 0) {
			walk_on(module, qstate, place, &query);
			break;
		}
		/* dns64 sends a query through again when it has nothing to make of A */
		qstate->minfo[id] = NULL;
		if (sb_zones_may_have(module->outline, &query.qname)) {
			keep_apart(module, qstate, &query);
			walk_forward(module, qstate, 0, event, &query);
		} else {
			qstate->minfo[id] = &elsewhere;
			pass_on(module, qstate, event == module_event_new, &query);
		}
		break;
	case module_event_moddone:
		qstate->ext_state[id] = module_finished;
		if (!active || (place != NULL && place->done))
			break;
		unchange(qstate, id);
		if (place != NULL && place->seen)
			come_back(module, qstate, &query);
		else
			come_late(module, qstate, &query);
		break;
	default:
		/* replies from upstream and their failures go to the iterator, never to us */
		qstate->ext_state[id] = module_error;
	}
	if (active && qstate->ext_state[id] == module_finished)
		sb_guard_settle(module, qstate);
}

void inform_super(struct module_qstate *qstate, int id, struct module_qstate *super)
{
	struct sb_module *module = module_of(qstate->env, id);
	const struct sb_place *place = super->minfo[id];
	struct sb_state *state;

	if (place == NULL || place->waits < 0)
		return;
	if (place->waits == SB_WAITS_ALIAS) {
		sb_alias_inform(module, qstate, super);
		return;
	}
	state = &module->job[place->waits];
	if (state->job->inform_super != NULL)
		state->job->inform_super(state, qstate, super);
}

void clear(struct module_qstate *qstate, int id)
{
	struct sb_module *module = module_of(qstate->env, id);
	const struct sb_place *place = qstate->minfo[id];
	unsigned i;

	for (i = 0; place != NULL && !place->shared && i < module->job_count; i++) {
		const struct sb_state *state = &module->job[i];

		if (state->job->clear != NULL && sb_own(state, qstate) != NULL)
			state->job->clear(state, qstate);
	}
	qstate->minfo[id] = NULL;
}

size_t get_mem(struct module_env *env, int id)
{
	const struct sb_module *module = module_of(env, id);
	size_t memory = module != NULL ? sizeof(*module) : 0;
	unsigned i;

	for (i = 0; module != NULL && i < module->job_count; i++) {
		const struct sb_state *state = &module->job[i];

		memory += sb_counters_memory(state);
		if (state->job->memory != NULL)
			memory += state->job->memory(state);
	}
	return memory;
}
