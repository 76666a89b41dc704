/* SPDX-License-Identifier: BSD-3-Clause */
#include "cache.h"
#include "query.h"
#include "reply.h"

#include <stdlib.h>
#include <string.h>

/** Unbound calls this for every response that the iterator gets, before it is stored. */
static int guard(struct module_qstate *qstate, struct dns_msg *response, int id, void *arg)
{
	struct sb_module *module = arg;
	struct sb_query query;
	unsigned i;

	(void)id;
	if (response == NULL || response->rep == NULL || !sb_query_from(&response->qinfo, &query))
		return 1;
	for (i = 0; i < module->job_count; i++) {
		struct sb_state *state = &module->job[i];
		enum sb_guard guarded = SB_GUARD_NONE;

		if (state->job->guards != NULL)
			guarded = state->job->guards(state, qstate, &query, response);
		if (guarded == SB_GUARD_NONE)
			continue;
		if (guarded == SB_GUARD_ALL)
			qstate->no_cache_lookup = 1;
		else if (!qstate->no_cache_store)
			sb_compat_store_rrsets(qstate, response);
		qstate->no_cache_store = 1;
	}
	return 1;
}

/** Unbound calls this for every answer from the message cache, before it is encoded. */
static int annotate(struct query_info *qinfo, struct module_qstate *qstate, struct reply_info *rep,
		    int rcode, struct edns_data *edns, struct edns_option **options,
		    struct comm_reply *repinfo, struct regional *region, struct timeval *start_time,
		    int id, void *arg)
{
	const struct sb_module *module = arg;
	struct sb_query query;
	unsigned i;

	(void)qstate, (void)rcode, (void)edns, (void)repinfo, (void)start_time, (void)id;
	if (qinfo == NULL || rep == NULL || !sb_query_from(qinfo, &query))
		return 1;
	for (i = 0; i < module->job_count; i++) {
		const struct sb_state *state = &module->job[i];
		enum sb_ede code = SB_EDE_NONE;

		if (state->job->cached_ede != NULL)
			code = state->job->cached_ede(state, &query, rep);
		if (code != SB_EDE_NONE)
			sb_ede_append(options, region, code);
	}
	return 1;
}

int sb_cache_guard(struct sb_module *module, struct module_env *env)
{
	struct dynlibmod_env *dynlib = env->modinfo[module->id];

	module->guarding = (*dynlib->inplace_cb_register_wrapped)((void *)guard,
								  inplace_cb_query_response, module,
								  env, module->id) != 0;
	/* costs a call for every cache hit: only where Extended DNS Errors are sent at all */
	if (module->guarding && module->ede)
		module->annotating = (*dynlib->inplace_cb_register_wrapped)(
					     (void *)annotate, inplace_cb_reply_cache, module, env,
					     module->id) != 0;
	return module->guarding && module->annotating == module->ede;
}

void sb_cache_unguard(struct sb_module *module, struct module_env *env)
{
	struct dynlibmod_env *dynlib = env->modinfo[module->id];

	if (module->guarding)
		(*dynlib->inplace_cb_delete_wrapped)(env, inplace_cb_query_response, module->id);
	if (module->annotating)
		(*dynlib->inplace_cb_delete_wrapped)(env, inplace_cb_reply_cache, module->id);
	module->guarding = false;
	module->annotating = false;
}

bool sb_is_usable(const struct module_qstate *qstate, const struct reply_info *rep)
{
	return !qstate->env->need_to_validate || (rep->security > sec_status_bogus &&
						  rep->security != sec_status_secure_sentinel_fail);
}

struct dns_msg *sb_cache_lookup(struct module_qstate *qstate, const struct query_info *qinfo)
{
	struct dns_msg *msg;

	/* a prefetch wants fresh data */
	if (qstate->blacklist != NULL)
		return NULL;
	msg = dns_cache_lookup(qstate->env, qinfo->qname, qinfo->qname_len, qinfo->qtype,
			       qinfo->qclass, qstate->query_flags, qstate->region,
			       qstate->env->scratch, 1, NULL, 0);
	return msg != NULL && sb_is_usable(qstate, msg->rep) ? msg : NULL;
}

void sb_cache_store(struct module_qstate *qstate)
{
	struct reply_info *rep = qstate->return_msg->rep;
	size_t i;

	/* RRsets of our own making have none until they need one */
	for (i = 0; i < rep->rrset_count; i++) {
		struct ub_packed_rrset_key *rrset = rep->rrsets[i];

		if (rrset->entry.hash == 0)
			rrset->entry.hash = rrset_key_hash(&rrset->rk);
	}
	/* without memory the next asker resolves anew */
	(void)sb_compat_store(qstate, rep);
}

void sb_cache_forget(struct module_qstate *qstate)
{
	msg_cache_remove(qstate->env, qstate->qinfo.qname, qstate->qinfo.qname_len,
			 qstate->qinfo.qtype, qstate->qinfo.qclass, qstate->query_flags);
}

/** A message to remove: its key, copied, because it cannot go while its table is walked. */
struct doomed_key {
	struct doomed_key *next;
	uint16_t qtype, qclass;
	size_t qname_len;
	uint8_t qname[SB_DNAME_MAX];
};

struct sweep {
	bool (*doomed)(void *arg, const struct sb_query *query, const struct reply_info *rep);
	void *arg;
	struct doomed_key *keys;
};

static void sweep_entry(struct lruhash_entry *entry, void *arg)
{
	struct msgreply_entry *msg = entry->key;
	struct reply_info *rep = entry->data;
	struct sweep *sweep = arg;
	struct sb_query query;
	struct doomed_key *key;

	if (!sb_query_from(&msg->key, &query))
		return;
	/* RRsets that the RRset cache has dropped must not be looked at; then the message is void */
	if (rrset_array_lock(rep->ref, rep->rrset_count, 0)) {
		bool doomed = sweep->doomed(sweep->arg, &query, rep);

		rrset_array_unlock(rep->ref, rep->rrset_count);
		if (!doomed)
			return;
	}
	/* without memory for its key the message is expired in its place */
	rep->ttl = 0;
	rep->prefetch_ttl = 0;
	rep->serve_expired_ttl = 0;
	key = malloc(sizeof(*key));
	if (key == NULL)
		return;
	key->next = sweep->keys;
	key->qtype = query.qtype;
	key->qclass = query.qclass;
	key->qname_len = query.qname.wire_len;
	memcpy(key->qname, query.qname.wire, query.qname.wire_len);
	sweep->keys = key;
}

static size_t sweep_cache(struct module_env *env,
			  bool (*doomed)(void *arg, const struct sb_query *query,
					 const struct reply_info *rep),
			  void *arg)
{
	struct sweep sweep = {.doomed = doomed, .arg = arg};
	struct doomed_key *key, *next;
	size_t count = 0;

	slabhash_traverse(env->msg_cache, 1, sweep_entry, &sweep);
	for (key = sweep.keys; key != NULL; key = next) {
		next = key->next;
		/* AAAA is kept apart by the CD bit */
		msg_cache_remove(env, key->qname, key->qname_len, key->qtype, key->qclass, 0);
		msg_cache_remove(env, key->qname, key->qname_len, key->qtype, key->qclass, BIT_CD);
		free(key);
		count++;
	}
	return count;
}

static bool touches(void *arg, const struct sb_query *query, const struct reply_info *rep)
{
	const struct sb_state *state = arg;
	unsigned apex_label;

	return state->job->touches != NULL
		       ? state->job->touches(state, query, rep)
		       : sb_zones_find(state->rules->zones, &query->qname, &apex_label) != NULL;
}

void sb_cache_renew(const struct sb_state *state, struct module_env *env)
{
	if (env->msg_cache != NULL)
		sweep_cache(env, touches, (void *)(uintptr_t)state);
}
