/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Sweeps of the message cache. A cache of a million messages takes a second to walk, and nothing
 * is answered by a thread that walks. So a sweep is cut into slices, and a slice into runs of some
 * bins with the table's lock given back between them. Bins are walked in their order: when a table
 * grows meanwhile, what was in a bin that is still to come goes to that bin or to a later one.
 */
#include "alias.h"
#include "clock.h"
#include "query.h"
#include "sweep.h"

#include <string.h>

/** Bins that are looked at while a table is locked. */
#define BINS_AT_ONCE 64
/** Messages that go at once; their keys are copied, because they cannot go while their bin is
 * walked. */
#define DOOMED_AT_ONCE 32
/** Walks after a change. What queries were under way for leaves the cache when they end
 * (sb_guard_settle()), but the iterator may be storing what it got on its way at this very moment. */
#define WALKS 2
#define WALKS_APART_NS 1000000000

struct doomed {
	uint16_t qtype, qclass;
	size_t qname_len;
	uint8_t qname[SB_DNAME_MAX];
};

/** Whether some record of a message is computed, by rules that may be gone. */
static bool is_computed(const struct reply_info *rep)
{
	size_t i;

	for (i = 0; i < rep->rrset_count; i++) {
		if (rep->rrsets[i]->rk.flags & PACKED_RRSET_RPZ)
			return true;
	}
	return false;
}

/** Whether a message may depend on a job: its name does, or that of an alias in it. */
static bool is_touched(const struct sb_state *state, const struct sb_query *query,
		       const struct reply_info *rep)
{
	struct sb_dname target;
	unsigned apex_label;
	size_t i;

	if (state->job->touches != NULL
		    ? state->job->touches(state, query, rep)
		    : sb_zones_find(state->rules->zones, &query->qname, &apex_label) != NULL)
		return true;
	for (i = 0; i < rep->an_numrrsets; i++) {
		uint8_t *name = NULL;
		size_t name_len = 0;

		if (ntohs(rep->rrsets[i]->rk.type) != LDNS_RR_TYPE_CNAME)
			continue;
		get_cname_target(rep->rrsets[i], &name, &name_len);
		if (name != NULL && sb_dname_parse(&target, name, name_len) == SB_OK &&
		    sb_zones_find(state->rules->zones, &target, &apex_label) != NULL)
			return true;
	}
	return false;
}

static bool is_touched_by_any(const struct sb_module *module, const struct sb_query *query,
			      const struct reply_info *rep)
{
	bool is = false;
	unsigned i;

	for (i = 0; i < module->job_count && !is; i++)
		is = (module->sweep.jobs & 1U << i) != 0 && is_touched(&module->job[i], query, rep);
	return is;
}

static bool is_doomed(const struct sb_module *module, struct msgreply_entry *msg)
{
	struct reply_info *rep = msg->entry.data;
	struct query_info target = msg->key;
	struct sb_query query;
	bool doomed;
	size_t i;

	/* RRsets that the RRset cache has dropped must not be looked at; then the message is void */
	if (!sb_query_from(&msg->key, &query) || !rrset_array_lock(rep->ref, rep->rrset_count, 0))
		return false;
	doomed = is_computed(rep) || is_touched_by_any(module, &query, rep);
	/* what is behind an alias is what the job says of it, or said */
	for (i = 0; i < rep->an_numrrsets && !doomed; i++)
		doomed = sb_alias_target(rep->rrsets[i], &target) &&
			 sb_query_from(&target, &query) && is_touched_by_any(module, &query, rep);
	rrset_array_unlock(rep->ref, rep->rrset_count);
	return doomed;
}

/** Look at some bins of a table. @return messages that are to go. */
static size_t walk_bins(struct sb_module *module, struct lruhash *table, struct doomed *doomed)
{
	struct sb_sweep *sweep = &module->sweep;
	size_t count = 0, end = sweep->bin + BINS_AT_ONCE;
	struct lruhash_entry *entry;

	lock_quick_lock(&table->lock);
	if (end > table->size)
		end = table->size;
	/* a bin that does not end in the room for its keys is looked at again */
	for (; sweep->bin < end && count < DOOMED_AT_ONCE; sweep->bin++) {
		struct lruhash_bin *bin = &table->array[sweep->bin];

		lock_quick_lock(&bin->lock);
		for (entry = bin->overflow_list; entry != NULL && count < DOOMED_AT_ONCE;
		     entry = entry->overflow_next) {
			struct msgreply_entry *msg = entry->key;

			lock_rw_rdlock(&entry->lock);
			if (is_doomed(module, msg)) {
				doomed[count].qtype = msg->key.qtype;
				doomed[count].qclass = msg->key.qclass;
				doomed[count].qname_len = msg->key.qname_len;
				memcpy(doomed[count].qname, msg->key.qname, msg->key.qname_len);
				count++;
			}
			lock_rw_unlock(&entry->lock);
		}
		lock_quick_unlock(&bin->lock);
		if (count == DOOMED_AT_ONCE)
			break;
	}
	sweep->in_table = sweep->bin < table->size;
	lock_quick_unlock(&table->lock);
	return count;
}

static void remove_doomed(struct module_env *env, struct doomed *doomed, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		struct doomed *d = &doomed[i];

		msg_cache_remove(env, d->qname, d->qname_len, d->qtype, d->qclass, 0);
		/* AAAA is kept apart by the CD bit */
		if (d->qtype == LDNS_RR_TYPE_AAAA)
			msg_cache_remove(env, d->qname, d->qname_len, d->qtype, d->qclass, BIT_CD);
	}
}

void sb_sweep_start(struct sb_module *module, unsigned jobs)
{
	struct sb_sweep *sweep = &module->sweep;

	sweep->jobs |= jobs;
	sweep->slab = 0;
	sweep->bin = 0;
	sweep->walks_left = WALKS;
	sweep->due_ns = 0;
}

bool sb_sweep_is_due(const struct sb_module *module, int64_t now_ns)
{
	return module->sweep.walks_left > 0 && now_ns >= module->sweep.due_ns;
}

void sb_sweep_slice(struct sb_module *module, struct module_env *env, int64_t until_ns)
{
	struct sb_sweep *sweep = &module->sweep;
	struct slabhash *cache = env->msg_cache;
	struct doomed doomed[DOOMED_AT_ONCE];
	int64_t now_ns;

	do {
		if (sweep->slab < cache->size) {
			remove_doomed(env, doomed,
				      walk_bins(module, cache->array[sweep->slab], doomed));
			if (!sweep->in_table) {
				sweep->slab++;
				sweep->bin = 0;
			}
		}
		now_ns = sb_monotonic_ns();
	} while (sweep->slab < cache->size && now_ns < until_ns);
	if (sweep->slab < cache->size)
		return;
	sweep->slab = 0;
	sweep->due_ns = now_ns + WALKS_APART_NS;
	if (--sweep->walks_left == 0)
		sweep->jobs = 0;
}
