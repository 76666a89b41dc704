/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * What a job is to the adapter (struct sb_job), and what is loaded: a module (struct sb_module)
 * that does one or more jobs (struct sb_state each). entry.c walks them.
 */
#ifndef SITEBOUND_JOB_H
#define SITEBOUND_JOB_H

#include "compat.h"

#include <stdatomic.h>

#include "sitebound/conf.h"
#include "sitebound/rules.h"
#include "sitebound/verdict.h"

struct sb_client;
struct sb_state;

/** A job: each directory of modules/ that has a section of sitebound.yaml defines one. */
struct sb_job {
	/** its name: key of its section, word in log lines and switches */
	const char *name;
	/**
	 * Prepare for queries; the section is read. May be NULL.
	 * @return 0 after an error was logged: the module then refuses to load.
	 */
	int (*start)(struct sb_state *state, struct module_env *env);
	/** Write out what is under way, before stop(); no worker runs any more. May be NULL. */
	void (*flush)(struct sb_state *state);
	/** Undo start(), also one that failed. Neither env->cfg nor any zone of Unbound may be used. May be NULL. */
	void (*stop)(struct sb_state *state);
	/**
	 * A query that is new to the job (module_event_new or _pass), or that comes back from the
	 * next job or module (_moddone) or from a sub-query (_pass). Must leave it passed, finished
	 * or waiting (query.h). A query that the iterator began itself never comes; when somebody has
	 * joined it meanwhile, it comes as a new one does when upstream has answered. One for a name
	 * in no zone of any job need not come before it is back, nor then to a job without touches.
	 * @param query: the question.
	 */
	void (*operate)(struct sb_state *state, struct module_qstate *qstate, enum module_ev event,
			const struct sb_query *query);
	/**
	 * What the job says to a question in the place of a local zone of unbound.conf (early.c);
	 * NULL when it never does. From a worker thread.
	 * @param env: the worker's.
	 * @param apex_len: octets of the local zone's name, which the question's ends with.
	 * @return whether verdict is set; it must be when the job's zone of that name never passes
	 *	the question on.
	 */
	bool (*early)(struct sb_state *state, struct module_env *env, const struct sb_query *query,
		      size_t apex_len, const struct sb_client *client, struct sb_verdict *verdict);
	/** A query that the job keeps something for ends, or is given up: what is not in its region
	 * must go. No local zone and no view is there during a reload. May be NULL. */
	void (*clear)(const struct sb_state *state, struct module_qstate *qstate);
	/** A sub-query that the job attached is done. NULL when it attaches none. */
	void (*inform_super)(struct sb_state *state, struct module_qstate *sub,
			     struct module_qstate *super);
	/**
	 * Whether a response from upstream must not enter the message cache, because the job would
	 * answer the question otherwise, and the message cache is asked before any module. (Its
	 * RRsets may, for the resolver's own use.) NULL when no response can be of that kind.
	 * @param query: the response's question, which may be another than the query's.
	 */
	bool (*guards)(struct sb_state *state, struct module_qstate *qstate,
		       const struct sb_query *query, struct dns_msg *response);
	/** Whether the answer to a question depends on who asks. May be NULL. */
	bool (*is_by_client)(const struct sb_state *state, const struct sb_query *query);
	/** Whether the job may answer a question otherwise than the message cache. */
	bool (*claims)(const struct sb_state *state, const struct sb_query *query);
	/** Whether what the job says to a question stands behind an alias that leads there, instead
	 * of what upstream says (alias.c). NULL when it never does. */
	bool (*follows)(const struct sb_state *state, const struct sb_query *query);
	/** The SOA of NODATA that stands behind an alias where the job answers the question itself
	 * with NXDOMAIN and no SOA; NULL when it does not. May be NULL. */
	const struct sb_soa *(*nodata)(const struct sb_state *state, const struct sb_query *query);
	/** Whether a cached message may depend on the job's being on. NULL: when its name is in one
	 * of the job's zones, and no other is the job's business. */
	bool (*touches)(const struct sb_state *state, const struct sb_query *query,
			const struct reply_info *rep);
	/** The Extended DNS Error that a cached message of the job's was sent with at first. May be
	 * NULL. @param text: its text, of less than SB_EDE_TEXT_MAX octets, which is empty. */
	enum sb_ede (*cached_ede)(const struct sb_state *state, const struct sb_query *query,
				  const struct reply_info *rep, char *text);
	/** What it counts by rule: sb_verdict.counter is an index into the names. */
	const char *const *counter_names;
	unsigned counter_count;
	/** Counters that the job keeps itself. May be NULL. */
	void (*more_counters)(const struct sb_state *state,
			      void (*emit)(void *arg, const char *name, uint64_t value), void *arg);
	/** Octets of what the job keeps itself. May be NULL. */
	size_t (*memory)(const struct sb_state *state);
};

/** Jobs that one module can do. */
#define SB_JOBS_MAX 4

/** The jobs of this .so in their order (jobs.c). */
extern const struct sb_job *const sb_jobs[];
extern const unsigned sb_job_count;
/** What the .so is called in log lines and metrics. */
extern const char sb_module_name[];
/** All jobs that there are, are in this .so. */
extern const bool sb_has_all_jobs;

struct sb_module;
struct sb_switch;
struct sb_metrics;

/** Publications of a job: its status and its counters (publish.c). */
#define SB_PUBLICATIONS 2

struct sb_publication {
	/** the first label of its records */
	const char *owner;
	/** it is being written: the next rule, and the records up to there */
	bool busy;
	unsigned rule, records;
	/** what it tells of: another number is another state of things */
	uint64_t mark;
	/** what writing it took, and when it may be written again */
	int64_t spent_ns, not_before_ns;
};

/** A sweep of the message cache (sweep.c). */
struct sb_sweep {
	/** a bit for each job whose messages go */
	unsigned jobs;
	unsigned walks_left;
	/** when the next walk may begin or go on */
	int64_t due_ns;
	/** where it is */
	size_t slab, bin;
	bool in_table;
};

/** A job of a loaded module. Read-only while threads run, but for what the job keeps in `own`. */
struct sb_state {
	const struct sb_job *job;
	struct sb_module *module;
	/** Unbound's number of the module */
	int id;
	/** which of the module's active jobs it is */
	unsigned index;
	/** the job's section of the file, and how it begins */
	void *section;
	const struct sb_rules *rules;
	/** for each rule whether it is switched off (switch.c) */
	atomic_bool *off;
	/** moved by every change of a switch */
	atomic_uint generation;
	/** the job's switch, and one for each rule */
	struct sb_switch *switches;
	struct sb_publication publication[SB_PUBLICATIONS];
	/** counts by thread, rule and counter (counters.c) */
	_Atomic uint64_t *count;
	/** rules of one name are one to those who look: for each rule the first one of its name,
	 * and the next one or SB_RULE_NONE */
	unsigned *first_of_name, *next_of_name;
	unsigned count_threads;
	size_t count_stride;
	/** the job's own */
	void *own;
};

/** A loaded module. */
struct sb_module {
	int id;
	struct sb_conf *conf;
	/** `ede: yes` in unbound.conf */
	bool ede;
	/** dns64 is among Unbound's modules */
	bool beside_dns64;
	/** the callbacks are registered (cache.c, early.c) */
	bool guarding, hearing_hits, early;
	/** the jobs that have a section, in the order of sb_jobs */
	struct sb_state job[SB_JOBS_MAX];
	unsigned job_count;
	/** what the zones of all jobs look like, for sb_zones_may_have() */
	struct sb_zones *outline;
	/** when the switches are looked at next, in Unbound's time (watch.c) */
	_Atomic time_t next_watch;
	struct module_env *watch_env;
	struct ub_event *watch_timer;
	/* what the one who watches does; times of the monotonic clock */
	/** finds the struct sb_switch of a name in the view */
	struct sb_zones *switch_names;
	/** the switches that are not absent */
	struct sb_switch *present;
	/** when a switch moved last while workers ran, seconds since 1970; -1: never. What was decided
	 * before must not be cached behind it (cache.c) */
	_Atomic time_t moved_at;
	/** number of the last look at the switches */
	unsigned look;
	int64_t next_look_ns;
	struct sb_sweep sweep;
	bool publishing;
	int64_t next_publish_ns;
	/** the thread that writes the metrics file, or NULL (metrics.c) */
	struct sb_metrics *metrics;
};

#endif
