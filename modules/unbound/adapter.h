/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * The adapter: Unbound's side of every module. entry.c holds the six functions that Unbound
 * calls; a module fills struct sb_module and uses the services below.
 */
#ifndef SITEBOUND_ADAPTER_H
#define SITEBOUND_ADAPTER_H

#include "compat.h"

#include "sitebound/conf.h"
#include "sitebound/verdict.h"

struct sb_state;

/** What a module is to the adapter. Each .so defines one, `sb_module`. */
struct sb_module {
	/** its name: key of its section, word in log lines and toggles */
	const char *name;
	/**
	 * Prepare for queries; the section is read. May be NULL.
	 * @return 0 after an error was logged: the module then refuses to load.
	 */
	int (*start)(struct sb_state *state, struct module_env *env);
	/** Undo start(). Neither env->cfg nor any zone of Unbound may be used. May be NULL. */
	void (*stop)(struct sb_state *state);
	/**
	 * A query that is new to the module (module_event_new or _pass), or that comes back from
	 * the next module (_moddone) or a sub-query (_pass). Must set qstate->ext_state[state->id].
	 * A query that the iterator began itself comes back without ever having come; when
	 * clients have joined it meanwhile, the event is _moddone and sb_was_seen() is false:
	 * what was never asked of the module must be decided now. (Without clients the module is
	 * not called.)
	 */
	void (*operate)(struct sb_state *state, struct module_qstate *qstate,
			enum module_ev event);
	/** A sub-query that the module attached is done. NULL when it attaches none. */
	void (*inform_super)(struct sb_state *state, struct module_qstate *sub,
			     struct module_qstate *super);
	/**
	 * Whether a response from upstream must not enter the message cache, because the module
	 * would answer this question otherwise, and the message cache is asked before any module.
	 * NULL when no response can be of that kind.
	 */
	bool (*guards)(struct sb_state *state, struct module_qstate *qstate,
		       struct dns_msg *response);
};
extern const struct sb_module sb_module;

/** One loaded instance. Read-only while threads run, but for what a module keeps in `own`. */
struct sb_state {
	int id;
	/** the whole file, and the module's section of it; NULL: no section, everything passes */
	struct sb_conf *conf;
	void *section;
	/** `ede: yes` in unbound.conf */
	bool ede;
	/** the guard callback is registered */
	bool guarding;
	/** the module's own */
	void *own;
};

/* --- who asks (client.c) --- */

struct sb_client {
	struct sb_addr addr;
	uint16_t port;
	/** over TCP, TLS or HTTPS */
	bool stream;
};

/** Fill client from one reply of a query's list. */
void sb_client_from_reply(const struct mesh_reply *reply, struct sb_client *client);

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

/* --- the question (query.c) --- */

/** The question of a query. @return false for a name that is none (never from Unbound). */
bool sb_query_from(const struct query_info *qinfo, struct sb_query *query);

/** Whether the resolver asks for itself (validator, priming, iterator): never the modules'
 * business. */
static inline bool sb_is_internal(const struct module_qstate *qstate)
{
	return qstate->is_valrec || qstate->is_priming;
}

/** Hand the query to the next module. */
static inline void sb_pass(const struct sb_state *state, struct module_qstate *qstate)
{
	qstate->ext_state[state->id] = module_wait_module;
}

/** What the next module answered stands. */
static inline void sb_finish(const struct sb_state *state, struct module_qstate *qstate)
{
	qstate->ext_state[state->id] = module_finished;
}

/** What a module keeps for a query (memory of the query's region), or NULL. */
void *sb_own(const struct sb_state *state, const struct module_qstate *qstate);

/** Keep own for the query. */
static inline void sb_set_own(const struct sb_state *state, struct module_qstate *qstate, void *own)
{
	qstate->minfo[state->id] = own;
}

/** Whether the module was asked about the query before it went to the next one. */
static inline bool sb_was_seen(const struct sb_state *state, const struct module_qstate *qstate)
{
	return qstate->minfo[state->id] != NULL;
}

/* --- the answer (reply.c) --- */

/** An RRset in the region. rrs is as in struct sb_verdict. NULL when memory is short. */
struct ub_packed_rrset_key *sb_rrset_make(struct regional *region, const uint8_t *owner,
					  size_t owner_len, uint16_t rrtype, uint32_t ttl,
					  const uint8_t *rrs, size_t rrs_len, unsigned rr_count);

/** An SOA RRset in the region. NULL when memory is short. */
struct ub_packed_rrset_key *sb_rrset_soa(struct regional *region, const struct sb_soa *soa);

/** Answer with the verdict, at once and uncached. SERVFAIL when memory is short. */
void sb_reply_verdict(const struct sb_state *state, struct module_qstate *qstate,
		      const struct sb_verdict *verdict);

/** Answer with a message of the module's own making, which becomes qstate->return_msg. */
void sb_reply_message(const struct sb_state *state, struct module_qstate *qstate,
		      struct reply_info *rep);

/** Answer SERVFAIL. */
void sb_reply_servfail(const struct sb_state *state, struct module_qstate *qstate);

/** Add an Extended DNS Error option (RFC 8914) to the reply, when unbound.conf has `ede: yes`.
 * Unbound sends it only to a client that used EDNS. */
void sb_reply_ede(const struct sb_state *state, struct module_qstate *qstate, enum sb_ede code);

/* --- the message cache (cache.c) --- */

/** Register the guard (see struct sb_module). @return 0 when memory is short. */
int sb_cache_guard(struct sb_state *state, struct module_env *env);
void sb_cache_unguard(struct sb_state *state, struct module_env *env);

/** Remove the cached answer to this query. */
void sb_cache_forget(struct module_qstate *qstate);

/**
 * Remove every cached message that doomed() picks. From any thread.
 * @param doomed: called with a message's question and contents; the cache is locked meanwhile.
 * @return the number of messages removed.
 */
size_t sb_cache_sweep(struct module_env *env,
		      bool (*doomed)(void *arg, const struct sb_query *query,
				     const struct reply_info *rep),
		      void *arg);

/** Store the query's return_msg in the message cache under the query. */
static inline void sb_cache_store(struct module_qstate *qstate)
{
	/* without memory the next asker resolves anew */
	(void)sb_compat_store(qstate, qstate->return_msg->rep);
}

/* --- other names in the same query (subquery.c) --- */

/** Whether a message may be built upon: it is not bogus, or nobody validates. */
bool sb_is_usable(const struct module_qstate *qstate, const struct reply_info *rep);

/** What the cache has for a question, in the query's region, when it is usable; else NULL. */
struct dns_msg *sb_cache_lookup(struct module_qstate *qstate, const struct query_info *qinfo);

/**
 * Ask another question on behalf of the query, with its RD and CD, through all modules. The
 * query waits; inform_super() of the module gets the result, then operate() is called.
 * @return false on a cycle or when memory is short: nothing was attached.
 */
bool sb_attach_sub(const struct sb_state *state, struct module_qstate *qstate,
		   struct query_info *qinfo);

/**
 * A copy of a message with its RRsets, for what must outlive a sub-query. (dns_msg_deepcopy_region()
 * of Unbound leaves the copy pointing into the original.) NULL when memory is short.
 */
struct reply_info *sb_reply_copy(struct regional *region, const struct reply_info *from);

/* --- loading (buildcheck.c, locate.c, lastgood.c) --- */

/**
 * Check that the running program is the build that this module was compiled for; logs one line
 * when it is not. Must come before anything else touches env.
 * @param own_init: address of this module's init(), to compare with what Unbound found.
 * @return whether it is safe to go on.
 */
bool sb_build_check(const struct module_env *env, int id, const char *module_name,
		    int (*own_init)(struct module_env *, int));

/** The path of sitebound.yaml: environment, view `sitebound`, or the default. free() it; NULL
 * when memory is short. */
char *sb_locate_conf(const struct module_env *env);

/** A path as it is called from inside `chroot:`, which is in force when modules start. A part of
 * path; borrowed. */
const char *sb_path_in_chroot(const struct module_env *env, const char *path);

/** Read the configuration; at a reload with a bad file, the last good one again. Logs every
 * error. @return NULL when there is none to go on with. */
struct sb_conf *sb_conf_or_last_good(const struct module_env *env, const char *module_name);

#endif
