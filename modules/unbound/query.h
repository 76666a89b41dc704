/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * A query on its way through the jobs: its question, who asks, where it stands, and what a job
 * keeps for it.
 */
#ifndef SITEBOUND_QUERY_H
#define SITEBOUND_QUERY_H

#include "job.h"

/* --- the question --- */

/** The question of a query. @return false for a name that is none (never from Unbound). */
bool sb_query_from(const struct query_info *qinfo, struct sb_query *query);

/** Whether the resolver asks for itself (validator, priming, iterator): never the jobs'
 * business. */
static inline bool sb_is_internal(const struct module_qstate *qstate)
{
	return qstate->is_valrec || qstate->is_priming;
}

/** Whether a name is the query's own. */
static inline bool sb_is_qname(const struct module_qstate *qstate, const uint8_t *name,
			       size_t name_len)
{
	return name_len == qstate->qinfo.qname_len &&
	       sb_octets_equal(name, qstate->qinfo.qname, name_len);
}

/* --- where it goes --- */

/** Hand the query to the next job or module. */
static inline void sb_pass(const struct sb_state *state, struct module_qstate *qstate)
{
	qstate->ext_state[state->id] = module_wait_module;
}

/** What there is, is the answer. */
static inline void sb_finish(const struct sb_state *state, struct module_qstate *qstate)
{
	qstate->ext_state[state->id] = module_finished;
}

/* --- what is kept for it --- */

/** The jobs' place in a query: minfo of the module. In the query's region, or one for all queries
 * that every job has let pass. */
struct sb_place {
	/** it is of many queries, and constant */
	bool shared;
	/** the query's name is in no zone of any job */
	bool elsewhere;
	/** the jobs were asked before the query went on, or need not be */
	bool seen;
	/** the job whose sub-query is under way, SB_WAITS_ALIAS, or -1 */
	int waits;
	/** it waits on the way back from upstream */
	bool back;
	/** the answer is there, and respip is at it */
	bool done;
	/** the response that was guarded last was to a step above the query's name (cache.c) */
	bool step_kept_out;
	/** upstream has answered, with this, before any job was asked */
	bool late;
	struct dns_msg *late_msg;
	int late_rcode;
	void *own[SB_JOBS_MAX];
	/** it has met an alias (alias.c) */
	struct sb_alias *alias;
};

/** The place of a query, made when it has none of its own. NULL when memory is short. */
struct sb_place *sb_place_new(struct module_qstate *qstate, int id);

static inline struct sb_place *sb_place(const struct sb_state *state,
					const struct module_qstate *qstate)
{
	return qstate->minfo[state->id];
}

/** What the job keeps for a query, or NULL. */
static inline void *sb_own(const struct sb_state *state, const struct module_qstate *qstate)
{
	const struct sb_place *place = sb_place(state, qstate);

	return place != NULL ? place->own[state->index] : NULL;
}

/** Have the job keep `size` zeroed octets for the query, in its region. NULL when memory is
 * short. */
void *sb_own_new(const struct sb_state *state, struct module_qstate *qstate, size_t size);

/** Whether somebody waits for a query whose own question would have come to the jobs first: a
 * client, or a module that is not behind us. A query that the iterator began can have been joined
 * by those. */
bool sb_is_awaited(const struct module_qstate *qstate, int id);

/* --- whether it may be cached --- */

/** In no_cache_store, of which Unbound's modules look at no bit alone: a job's will, and not that of
 * dns64, which sets it in front of us to store the answer itself. */
#define SB_WITHHELD 2

/** Keep what comes of the query out of the message cache. */
static inline void sb_withhold(struct module_qstate *qstate)
{
	qstate->no_cache_store |= SB_WITHHELD;
}

static inline void sb_release(struct module_qstate *qstate)
{
	qstate->no_cache_store &= ~SB_WITHHELD;
}

static inline bool sb_is_withheld(const struct module_qstate *qstate)
{
	return (qstate->no_cache_store & SB_WITHHELD) != 0;
}

/* --- who asks --- */

struct sb_client {
	struct sb_addr addr;
	uint16_t port;
	/** over a connection: TCP, TLS, HTTPS or QUIC */
	bool stream;
	bool quic;
};

/** The environment of the worker that a question came to; NULL when it did not come to one. */
static inline struct module_env *sb_env_of(const struct comm_reply *from)
{
	struct worker *worker = from != NULL && from->c != NULL ? from->c->cb_arg : NULL;

	return worker != NULL ? &worker->env : NULL;
}

/** Fill client from the source of a question. */
void sb_client_from(const struct comm_reply *from, struct sb_client *client);

/** What all clients that wait for an answer say. */
enum sb_verdict_of_clients { SB_CLIENTS_NONE, SB_CLIENTS_ALL, SB_CLIENTS_NO_ONE, SB_CLIENTS_SOME };

/**
 * Ask about every client that waits for a query: its own, and those of the queries that it is a
 * sub-query of.
 * @return SB_CLIENTS_NONE when no client waits (a prefetch).
 */
enum sb_verdict_of_clients sb_clients_ask(const struct module_qstate *qstate,
					  bool (*is_meant)(void *arg, const struct sb_addr *client),
					  void *arg);

/**
 * Let no client join the query who has not yet: for an answer that depends on who asks. Only for a
 * client's query that was new and has no sub-query yet; nothing happens to another one.
 */
void sb_query_keep_apart(struct module_qstate *qstate);

#endif
