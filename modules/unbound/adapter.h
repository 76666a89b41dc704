/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * The adapter: Unbound's side of every module. entry.c holds the six functions that Unbound
 * calls; a module fills struct sb_module and uses the services below.
 */
#ifndef SITEBOUND_ADAPTER_H
#define SITEBOUND_ADAPTER_H

#include "compat.h"

#include <stdatomic.h>

#include "sitebound/conf.h"
#include "sitebound/verdict.h"

struct sb_state;

enum sb_guard {
	SB_GUARD_NONE,
	/** the message; its RRsets may stay, for the resolver's own use */
	SB_GUARD_MESSAGE,
	/** all of it, and the query must not be answered from the cache from here on */
	SB_GUARD_ALL
};

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
	void (*operate)(struct sb_state *state, struct module_qstate *qstate, enum module_ev event);
	/** A sub-query that the module attached is done. NULL when it attaches none. */
	void (*inform_super)(struct sb_state *state, struct module_qstate *sub,
			     struct module_qstate *super);
	/**
	 * What must not enter the cache of a response from upstream, because the module would
	 * answer the question otherwise, and the message cache is asked before any module.
	 * NULL when no response can be of that kind.
	 */
	enum sb_guard (*guards)(struct sb_state *state, struct module_qstate *qstate,
				struct dns_msg *response);

	/* what can be switched and counted one by one: the rules */

	/** How many rules the section has; their indexes are those of sb_verdict.rule. */
	unsigned (*rule_count)(const struct sb_state *state);
	/** The zone that a rule is called by, or NULL for one that has no name of its own. */
	const struct sb_dname *(*rule_zone)(const struct sb_state *state, unsigned rule);
	const char *const *counter_names;
	unsigned counter_count;
	/** Whether a cached message may depend on the module's being on. */
	bool (*touches)(const struct sb_state *state, const struct sb_query *query,
			const struct reply_info *rep);
	/** The Extended DNS Error that a cached message of the module's was sent with at first. */
	enum sb_ede (*cached_ede)(const struct sb_state *state, const struct sb_query *query,
				  const struct reply_info *rep);
	/** Counters that the module keeps itself. May be NULL. */
	void (*more_counters)(const struct sb_state *state,
			      void (*emit)(void *arg, const char *name, uint64_t value), void *arg);
};
extern const struct sb_module sb_module;

struct sb_switch;
struct sb_metrics;
struct sb_unbound_view;

/** One loaded instance. Read-only while threads run, but for what a module keeps in `own`. */
struct sb_state {
	int id;
	/** the whole file, and the module's section of it; NULL: no section, everything passes */
	struct sb_conf *conf;
	void *section;
	/** `ede: yes` in unbound.conf */
	bool ede;
	/** the callbacks are registered */
	bool guarding, annotating;
	/** rule_count() of the module, and a switch for each: true is off (switch.c) */
	unsigned rule_count;
	atomic_bool *off;
	/** moved by every change of a switch: what was decided before must not be cached behind */
	atomic_uint generation;
	struct sb_switch *switches;
	/** counts by thread, rule and counter (counters.c) */
	_Atomic uint64_t *count;
	/** rules of one zone are one zone to those who look: for each rule the first one of its
	 * zone, and the next one or SB_RULE_NONE */
	unsigned *first_of_zone, *next_of_zone;
	unsigned count_threads;
	size_t count_stride;
	/** when the switches are looked at next, in Unbound's time (watch.c) */
	_Atomic time_t next_watch;
	struct module_env *watch_env;
	struct ub_event *watch_timer;
	/** the thread that writes the metrics file, or NULL (metrics.c) */
	struct sb_metrics *metrics;
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

/** Whether a response is to the query's own question, which the module has let pass: then the
 * module need not look at the question again. */
static inline bool sb_has_passed(const struct sb_state *state, const struct module_qstate *qstate,
				 const struct dns_msg *response)
{
	/* once a switch has moved it may have been let pass by what is not in force any more */
	return atomic_load_explicit(&state->generation, memory_order_acquire) == 0 &&
	       sb_was_seen(state, qstate) && sb_own(state, qstate) == NULL &&
	       response->qinfo.qtype == qstate->qinfo.qtype &&
	       response->qinfo.qname_len == qstate->qinfo.qname_len &&
	       sb_octets_equal(response->qinfo.qname, qstate->qinfo.qname, qstate->qinfo.qname_len);
}

/* --- counters (counters.c) --- */

/** Make room for counters. @return 0 when memory is short. */
int sb_counters_make(struct sb_state *state, const struct module_env *env);

/** Count one answer of a rule. From the thread that the query belongs to. */
static inline void sb_count(const struct sb_state *state, const struct module_qstate *qstate,
			    unsigned rule, unsigned counter)
{
	size_t thread = (unsigned)qstate->env->alloc->thread_num % state->count_threads;
	_Atomic uint64_t *count;

	if (rule >= state->rule_count)
		return;
	count = &state->count[thread * state->count_stride +
			      (size_t)rule * sb_module.counter_count + counter];
	/* nobody else writes it: no need for an atomic addition */
	atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

void sb_counters_free(struct sb_state *state);

/**
 * The zone that a rule is shown by: NULL for a rule that has no name of its own, or the name of a
 * rule before it.
 */
const struct sb_dname *sb_shown_zone(const struct sb_state *state, unsigned rule);

/** A counter of the rule and of those behind it that have the same zone, over all threads. From
 * any thread. */
uint64_t sb_counter_sum(const struct sb_state *state, unsigned rule, unsigned counter);

/* --- switches (switch.c, watch.c) --- */

/** Make the switches, set as unbound.conf says. @return 0 when memory is short. */
int sb_switches_make(struct sb_state *state, const struct sb_unbound_view *view);
void sb_switches_free(struct sb_state *state);

/** Whether a rule is switched off: then the module does as if it were not there. */
static inline bool sb_is_off(const struct sb_state *state, unsigned rule)
{
	return rule < state->rule_count &&
	       atomic_load_explicit(&state->off[rule], memory_order_relaxed);
}

/** Turn a verdict of a rule that is switched off into a pass. */
static inline void sb_switch_verdict(const struct sb_state *state, struct sb_verdict *verdict)
{
	if (verdict->kind != SB_PASS && sb_is_off(state, verdict->rule))
		verdict->kind = SB_PASS;
}

/** Which change of the switches is the latest. */
static inline unsigned sb_generation(const struct sb_state *state)
{
	return atomic_load_explicit(&state->generation, memory_order_acquire);
}

/** Compare the switches with the view; remove cached answers after a change, and once more a
 * while later, for what was under way. From a worker thread. */
void sb_switches_poll(struct sb_state *state, struct module_env *env);

/** Publish status and counters as TXT records in the view, when they have changed. */
void sb_switches_publish(struct sb_state *state, struct module_env *env);

/** Start to look at the switches every second, from the worker of env. */
void sb_watch_start(struct sb_state *state, struct module_env *env);

/** Stop; no worker runs any more. */
void sb_watch_stop(struct sb_state *state);

static inline void sb_watch(struct sb_state *state, struct module_env *env)
{
	if (atomic_load_explicit(&state->next_watch, memory_order_relaxed) <= *env->now)
		sb_watch_start(state, env);
}

/* --- Prometheus text (metrics.c) --- */

/** Start the thread that writes the file of the key `metrics`, if there is one. @return 0 when it
 * cannot be started. */
int sb_metrics_start(struct sb_state *state, const struct module_env *env);
void sb_metrics_stop(struct sb_state *state);

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

/** Append an Extended DNS Error option to a list of the region. */
void sb_ede_append(struct edns_option **options, struct regional *region, enum sb_ede code);

/* --- the message cache (cache.c) --- */

/** Register the callbacks that guard the cache, and that add Extended DNS Errors to what comes
 * from it (see struct sb_module). @return 0 when memory is short. */
int sb_cache_guard(struct sb_state *state, struct module_env *env);
void sb_cache_unguard(struct sb_state *state, struct module_env *env);

/** Remove every message that the module touches from the cache. From any thread. */
void sb_cache_renew(const struct sb_state *state, struct module_env *env);

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
void sb_cache_store(struct module_qstate *qstate);

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

/** The view of unbound.conf where unbound-control reaches the modules. */
#define SB_VIEW "sitebound"

/** What unbound.conf says in the view. */
struct sb_unbound_view {
	/** the file as read; owns local_zones */
	struct config_file *cfg;
	/** of the record `config. TXT`, or NULL; owned */
	char *conf_path;
	/** `local-zone:` lines: name and type */
	const struct config_str2list *local_zones;
};

/** Read unbound.conf. Without the file or the view everything in it is NULL. */
void sb_unbound_view_read(const struct module_env *env, struct sb_unbound_view *view);
void sb_unbound_view_free(struct sb_unbound_view *view);

/** The path of sitebound.yaml: environment, view, or the default. Borrowed. */
const char *sb_conf_path(const struct sb_unbound_view *view);

/** A path as it is called from inside `chroot:`, which is in force when modules start. A part of
 * path; borrowed. */
const char *sb_path_in_chroot(const struct module_env *env, const char *path);

/** Read the configuration; at a reload with a bad file, the last good one again. Logs every
 * error. @return NULL when there is none to go on with. */
struct sb_conf *sb_conf_or_last_good(const struct module_env *env, const char *path,
				     const char *module_name);

#endif
