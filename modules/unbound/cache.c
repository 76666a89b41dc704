/* SPDX-License-Identifier: BSD-3-Clause */
#include "adapter.h"

#include <stdlib.h>
#include <string.h>

/** Unbound calls this for every response that the iterator gets, before it is stored. */
static int guard(struct module_qstate *qstate, struct dns_msg *response, int id, void *arg)
{
	(void)id;
	if (response == NULL || response->rep == NULL ||
	    !sb_module.guards(arg, qstate, response) || qstate->no_cache_store)
		return 1;
	/* the RRsets may stay: no client is answered from them without the modules being asked */
	sb_compat_store_rrsets(qstate, response);
	qstate->no_cache_store = 1;
	return 1;
}

int sb_cache_guard(struct sb_state *state, struct module_env *env)
{
	struct dynlibmod_env *dynlib = env->modinfo[state->id];

	state->guarding = (*dynlib->inplace_cb_register_wrapped)(
				  (void *)guard, inplace_cb_query_response, state, env,
				  state->id) != 0;
	return state->guarding;
}

void sb_cache_unguard(struct sb_state *state, struct module_env *env)
{
	struct dynlibmod_env *dynlib = env->modinfo[state->id];

	if (state->guarding)
		(*dynlib->inplace_cb_delete_wrapped)(env, inplace_cb_query_response, state->id);
	state->guarding = false;
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

	if (!sb_query_from(&msg->key, &query) || !sweep->doomed(sweep->arg, &query, rep))
		return;
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

size_t sb_cache_sweep(struct module_env *env,
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
