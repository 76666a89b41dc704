/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * The six functions that Unbound looks up in the .so, and nothing else is exported.
 */
#include "adapter.h"

#include <stdlib.h>

#define SB_EXPORT __attribute__((visibility("default")))

SB_EXPORT int init(struct module_env *env, int id);
SB_EXPORT void deinit(struct module_env *env, int id);
SB_EXPORT void operate(struct module_qstate *qstate, enum module_ev event, int id,
		       struct outbound_entry *outbound);
SB_EXPORT void inform_super(struct module_qstate *qstate, int id, struct module_qstate *super);
SB_EXPORT void clear(struct module_qstate *qstate, int id);
SB_EXPORT size_t get_mem(struct module_env *env, int id);

/** Stands in minfo for "seen, nothing to remember". */
static char seen;

void *sb_own(const struct sb_state *state, const struct module_qstate *qstate)
{
	void *own = qstate->minfo[state->id];

	return own != &seen ? own : NULL;
}

static struct sb_state *state_of(const struct module_env *env, int id)
{
	return ((struct dynlibmod_env *)env->modinfo[id])->dyn_env;
}

static void state_free(struct sb_state *state, struct module_env *env)
{
	sb_watch_stop(state);
	sb_cache_unguard(state, env);
	sb_switches_free(state);
	sb_counters_free(state);
	sb_conf_free(state->conf);
	free(state);
}

/** All that a module with a section needs. @return 0 when it cannot be had. */
static int state_start(struct sb_state *state, struct module_env *env,
		       const struct sb_unbound_view *view)
{
	state->rule_count = sb_module.rule_count(state);
	if (!sb_switches_make(state, view) || !sb_counters_make(state, env) ||
	    !sb_cache_guard(state, env)) {
		log_err("sitebound %s: out of memory", sb_module.name);
		return 0;
	}
	/* a reload may have kept the cache, with answers by other rules */
	sb_cache_renew(state, env);
	if (sb_module.start != NULL && !sb_module.start(state, env))
		return 0;
	if (!sb_metrics_start(state, env)) {
		if (sb_module.stop != NULL)
			sb_module.stop(state);
		return 0;
	}
	return 1;
}

int init(struct module_env *env, int id)
{
	struct sb_unbound_view view;
	struct dynlibmod_env *dynlib;
	struct sb_state *state;
	int started = 1;

	if (!sb_build_check(env, id, sb_module.name, init))
		return 0;
	dynlib = env->modinfo[id];
	state = calloc(1, sizeof(*state));
	if (state == NULL) {
		log_err("sitebound %s: out of memory", sb_module.name);
		return 0;
	}
	state->id = id;
	state->ede = env->cfg->ede;
	sb_unbound_view_read(env, &view);
	state->conf = sb_conf_or_last_good(env, sb_conf_path(&view), sb_module.name);
	if (state->conf != NULL)
		state->section = sb_conf_section(state->conf, sb_module.name);
	if (state->section != NULL)
		started = state_start(state, env, &view);
	sb_unbound_view_free(&view);
	if (state->conf == NULL || !started) {
		state_free(state, env);
		return 0;
	}
	dynlib->dyn_env = state;
	return 1;
}

void deinit(struct module_env *env, int id)
{
	struct dynlibmod_env *dynlib = env->modinfo[id];
	struct sb_state *state = dynlib->dyn_env;

	if (state == NULL)
		return;
	/* its thread asks the module for numbers */
	sb_metrics_stop(state);
	/* a reload may keep the cache, and what comes next may not know these rules */
	if (state->section != NULL)
		sb_cache_renew(state, env);
	if (state->section != NULL && sb_module.stop != NULL)
		sb_module.stop(state);
	state_free(state, env);
	dynlib->dyn_env = NULL;
}

void operate(struct module_qstate *qstate, enum module_ev event, int id,
	     struct outbound_entry *outbound)
{
	struct sb_state *state = state_of(qstate->env, id);

	bool ours = state->section != NULL && !sb_is_internal(qstate);

	(void)outbound;
	switch (event) {
	case module_event_new:
	case module_event_pass:
		sb_pass(state, qstate);
		if (ours) {
			sb_watch(state, qstate->env);
			sb_module.operate(state, qstate, event);
			if (qstate->minfo[id] == NULL)
				qstate->minfo[id] = &seen;
		}
		break;
	case module_event_moddone:
		sb_finish(state, qstate);
		if (ours && (sb_was_seen(state, qstate) || qstate->mesh_info->reply_list != NULL))
			sb_module.operate(state, qstate, event);
		break;
	default:
		/* replies from upstream and their failures go to the iterator, never to us */
		qstate->ext_state[id] = module_error;
	}
}

void inform_super(struct module_qstate *qstate, int id, struct module_qstate *super)
{
	struct sb_state *state = state_of(qstate->env, id);

	/* sub-queries that other modules attached inform all modules of the super query */
	if (state->section != NULL && sb_module.inform_super != NULL &&
	    sb_own(state, super) != NULL)
		sb_module.inform_super(state, qstate, super);
}

void clear(struct module_qstate *qstate, int id)
{
	/* what a module keeps for a query is in the query's region */
	qstate->minfo[id] = NULL;
}

size_t get_mem(struct module_env *env, int id)
{
	return state_of(env, id) != NULL ? sizeof(struct sb_state) : 0;
}
