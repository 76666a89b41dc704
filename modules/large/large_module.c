/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * large's side of the adapter. A question passes; what comes back is measured, and cut when it is too
 * long. Only what was cut enters the message cache, and the long RRset stays out of the RRset cache,
 * where the iterator would find it and store the message anew.
 */
#include "../unbound/cache.h"
#include "../unbound/counters.h"
#include "../unbound/query.h"
#include "../unbound/reply.h"
#include "../unbound/switch.h"
#include "large.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(LARGE_TEXT_MAX <= SB_EDE_TEXT_MAX, "room for the text of an Extended DNS Error");

/* What the key of a cut RRset says beside PACKED_RRSET_RPZ: that it is cut, how many records it had (0:
 * unknown), and something of the question, because RRsets of the same key are one in the cache, and
 * what fits into one message need not fit into another. */
#define FLAG_CUT 0x100U
#define TOTAL_SHIFT 9
/** more records than a message holds */
#define TOTAL_MAX 0x1fffU
#define QUESTION_SHIFT 22
#define QUESTION_MASK 0x1ffU

/** Names that share what is remembered of where the next part begins, at worst. */
#define PARTS 256

struct large_job {
	/** octets that fit into a message, but for a rule's own limit; and what Unbound adds */
	size_t message_size, options;
	/** octets of the answer section below which nothing is large */
	size_t least;
	/** of the main thread: for its message cache */
	struct module_env *env;
	/** where the next part of a set begins, by its name */
	atomic_uint next[PARTS];
};

/** A query whose answer is kept out of the cache until it was looked at; in its region. */
struct large_qstate {
	/** by us alone */
	bool guarded;
	/** upstream has cut it */
	bool upstream;
};

static int large_start(struct sb_state *state, struct module_env *env)
{
	const struct large_conf *conf = state->section;
	struct large_job *job = calloc(1, sizeof(*job));
	size_t size = LARGE_MESSAGE_MAX;

	if (job == NULL) {
		log_err("sitebound large: out of memory");
		return 0;
	}
	state->own = job;
	if (env->cfg->msg_buffer_size < size)
		size = env->cfg->msg_buffer_size;
	job->options = LARGE_OPTIONS;
	if (env->cfg->nsid != NULL)
		job->options += 4U + env->cfg->nsid_len;
	job->env = env;
	job->message_size = size;
	if (conf->least_size < size)
		size = conf->least_size;
	/* half: aliases may stand in front, and other RRsets beside */
	job->least = size > job->options ? (size - job->options) / 2 : 0;
	return 1;
}

static void large_stop(struct sb_state *state)
{
	free(state->own);
}

static size_t large_memory(const struct sb_state *state)
{
	(void)state;
	return sizeof(struct large_job);
}

/** The zone by which an RRset may be cut, switched on or off, or NULL. */
static const struct large_zone *find_zone(const struct sb_state *state,
					  const struct ub_packed_rrset_key *rrset)
{
	struct sb_dname owner;

	/* an alias is one record, and what stands behind it makes no sense without it */
	if (rrset->rk.type == htons(LDNS_RR_TYPE_CNAME) ||
	    rrset->rk.type == htons(LDNS_RR_TYPE_DNAME) ||
	    sb_dname_parse(&owner, rrset->rk.dname, rrset->rk.dname_len) != SB_OK)
		return NULL;
	return large_find(state->section, &owner);
}

/** Whether an answer section may be long: what all others cost. */
static bool is_long(const struct sb_state *state, const struct reply_info *rep)
{
	const struct large_job *job = state->own;
	size_t octets = 0, i, j;

	for (i = 0; i < rep->an_numrrsets; i++) {
		const struct packed_rrset_data *data = rep->rrsets[i]->entry.data;
		size_t count = data->count + data->rrsig_count;

		octets += count * (rep->rrsets[i]->rk.dname_len + 8);
		for (j = 0; j < count; j++)
			octets += data->rr_len[j];
	}
	return octets >= job->least;
}

/** The zone of the first RRset that may be cut. */
static const struct large_zone *zone_of(const struct sb_state *state, const struct reply_info *rep,
					bool on)
{
	size_t i;

	for (i = 0; i < rep->an_numrrsets; i++) {
		const struct large_zone *zone = find_zone(state, rep->rrsets[i]);

		if (zone != NULL && !(on && sb_is_off(state, zone->index)))
			return zone;
	}
	return NULL;
}

static bool is_cut(const struct ub_packed_rrset_key *rrset)
{
	const uint32_t both = PACKED_RRSET_RPZ | FLAG_CUT;

	return (rrset->rk.flags & both) == both;
}

/* --- cutting --- */

/** Describe the answer section for the measure. @return the octets that a message may have. */
static size_t describe(const struct sb_state *state, struct large_set *sets,
		       const struct reply_info *rep)
{
	const struct large_job *job = state->own;
	size_t limit = job->message_size, i;

	for (i = 0; i < rep->an_numrrsets; i++) {
		const struct ub_packed_rrset_key *rrset = rep->rrsets[i];
		const struct packed_rrset_data *data = rrset->entry.data;
		const struct large_zone *zone = find_zone(state, rrset);

		sets[i].owner = rrset->rk.dname;
		sets[i].owner_len = rrset->rk.dname_len;
		sets[i].rrtype = ntohs(rrset->rk.type);
		sets[i].rr = data->rr_data;
		sets[i].rr_len = data->rr_len;
		sets[i].count = data->count;
		sets[i].sig_count = data->rrsig_count;
		sets[i].may_cut = zone != NULL && !sb_is_off(state, zone->index) && data->count > 0;
		if (sets[i].may_cut && zone->rule->max_size < limit)
			limit = zone->rule->max_size;
	}
	return limit > job->options ? limit - job->options : 0;
}

/** Where the next part of a set begins. */
static atomic_uint *next_of(const struct sb_state *state, const struct large_set *set)
{
	struct large_job *job = state->own;

	return &job->next[sb_octets_hash(set->rrtype, set->owner, set->owner_len) % PARTS];
}

/** The kept part of a set; NULL when memory is short. */
static struct ub_packed_rrset_key *make_part(struct module_qstate *qstate,
					     const struct large_set *set,
					     const struct packed_rrset_data *data, bool upstream)
{
	uint32_t total = upstream ? 0 : set->count < TOTAL_MAX ? (uint32_t)set->count : TOTAL_MAX;
	uint32_t question = sb_octets_hash(qstate->qinfo.qtype, qstate->qinfo.qname,
					   qstate->qinfo.qname_len);
	struct ub_packed_rrset_key *made;
	size_t room = 0, at = 0, i;
	uint8_t *rrs;

	for (i = 0; i < set->kept; i++)
		room += set->rr_len[(set->start + i) % set->count];
	rrs = regional_alloc(qstate->region, room);
	if (rrs == NULL)
		return NULL;
	for (i = 0; i < set->kept; i++) {
		size_t from = (set->start + i) % set->count;

		memcpy(rrs + at, set->rr[from], set->rr_len[from]);
		at += set->rr_len[from];
	}
	made = sb_rrset_make(qstate->region, set->owner, set->owner_len, set->rrtype,
			     (uint32_t)data->ttl, rrs, room, (unsigned)set->kept);
	if (made != NULL)
		made->rk.flags |= FLAG_CUT | total << TOTAL_SHIFT |
				  (question & QUESTION_MASK) << QUESTION_SHIFT;
	return made;
}

/** The message that an answer becomes in *made; NULL when it stays as it is. @param upstream: it came
 * cut. @return whether there was memory. */
static bool cut(const struct sb_state *state, struct module_qstate *qstate,
		const struct reply_info *from, bool upstream, struct reply_info **made)
{
	struct large_set sets[LARGE_SETS_MAX];
	struct reply_info *rep;
	size_t limit, size, i;

	if (from->an_numrrsets > LARGE_SETS_MAX)
		return true;
	limit = describe(state, sets, from);
	size = large_measure(sets, from->an_numrrsets, qstate->qinfo.qname,
			     qstate->qinfo.qname_len);
	if (size <= limit && !upstream)
		return true;
	for (i = 0; i < from->an_numrrsets; i++) {
		const struct large_zone *zone = find_zone(state, from->rrsets[i]);

		sets[i].start = 0;
		if (sets[i].may_cut && zone->rule->rotate)
			sets[i].start = atomic_load(next_of(state, &sets[i])) % sets[i].count;
	}
	if (size > limit && (limit < LARGE_ALIASES ||
			     !large_cut(sets, from->an_numrrsets, size, limit - LARGE_ALIASES)))
		return true;
	rep = sb_compat_reply(qstate->region, from->flags, sb_reply_ttl(from), 0, 0, 0,
			      from->an_numrrsets,
			      sb_is_usable(qstate, from) ? sec_status_insecure : from->security);
	if (rep == NULL)
		return false;
	for (i = 0; i < from->an_numrrsets; i++) {
		struct ub_packed_rrset_key *rrset = from->rrsets[i];

		if (sets[i].may_cut && (sets[i].cut || upstream)) {
			atomic_store(next_of(state, &sets[i]),
				     (unsigned)(sets[i].start + sets[i].kept));
			if (sets[i].kept == 0)
				continue;
			rrset = make_part(qstate, &sets[i], rrset->entry.data, upstream);
			if (rrset == NULL)
				return false;
		}
		rep->rrsets[rep->an_numrrsets++] = rrset;
	}
	rep->rrset_count = rep->an_numrrsets;
	*made = rep;
	return true;
}

/** The Extended DNS Error of a message with cut RRsets, and its text. */
static enum sb_ede ede_of(const struct reply_info *rep, char *text)
{
	size_t kept = 0, total = 0, i;
	bool known = true;

	for (i = 0; i < rep->an_numrrsets; i++) {
		const struct packed_rrset_data *data = rep->rrsets[i]->entry.data;
		uint32_t had = rep->rrsets[i]->rk.flags >> TOTAL_SHIFT & TOTAL_MAX;

		if (!is_cut(rep->rrsets[i]))
			continue;
		kept += data->count;
		total += had;
		known = known && had > 0;
	}
	if (kept == 0)
		return SB_EDE_NONE;
	large_text(text, kept, known ? total : 0);
	return SB_EDE_OTHER;
}

/** Let ANY not be composed of the RRsets that the cache happens to have: the large one is not there as
 * resolved data. */
static void ask_upstream(const struct sb_state *state, struct module_qstate *qstate,
			 const struct sb_query *query)
{
	const struct large_zone *zone = large_find(state->section, &query->qname);

	if (zone != NULL && !sb_is_off(state, zone->index) && query->qclass == SB_CLASS_IN &&
	    !qstate->env->cfg->deny_any)
		qstate->no_cache_lookup = 1;
}

static void large_operate(struct sb_state *state, struct module_qstate *qstate,
			  enum module_ev event, const struct sb_query *query)
{
	const struct large_qstate *own = sb_own(state, qstate);
	bool upstream = own != NULL && own->upstream;
	const struct large_zone *zone;
	struct reply_info *from, *made = NULL;
	char text[LARGE_TEXT_MAX];

	if (event != module_event_moddone && query->qtype == SB_TYPE_ANY)
		ask_upstream(state, qstate, query);
	if (event != module_event_moddone || qstate->return_rcode != LDNS_RCODE_NOERROR ||
	    qstate->return_msg == NULL)
		return;
	from = qstate->return_msg->rep;
	if ((own == NULL && !is_long(state, from)) || qstate->qinfo.qclass != LDNS_RR_CLASS_IN ||
	    (!sb_is_usable(qstate, from) && !(qstate->query_flags & BIT_CD)))
		return;
	zone = zone_of(state, from, true);
	if (zone != NULL && !cut(state, qstate, from, upstream, &made)) {
		sb_reply_servfail(state, qstate);
		return;
	}
	if (made != NULL) {
		sb_count(state, qstate->env, zone->index,
			 upstream ? LARGE_COUNT_UPSTREAM : LARGE_COUNT_CUT);
		sb_reply_message(state, qstate, made);
		if (qstate->return_msg == NULL)
			return;
		if (state->module->ede && ede_of(made, text) != SB_EDE_NONE)
			sb_ede_append(&qstate->edns_opts_front_out, qstate->region, SB_EDE_OTHER,
				      text);
	}
	if (own != NULL && own->guarded) {
		sb_release(qstate);
		qstate->return_msg->rep->ttl = sb_reply_ttl(qstate->return_msg->rep);
	}
	/* without RD it is what the cache has, and not what there is */
	if (sb_is_changed(qstate) || !(qstate->query_flags & BIT_RD))
		sb_withhold(qstate);
	else if ((made != NULL || (own != NULL && own->guarded)) && !qstate->no_cache_store &&
		 sb_is_usable(qstate, qstate->return_msg->rep))
		sb_cache_store(qstate);
}

/* --- the cache --- */

static bool large_guards(struct sb_state *state, struct module_qstate *qstate,
			 const struct sb_query *query, struct dns_msg *response)
{
	struct reply_info *rep = response->rep;
	bool upstream = (rep->flags & BIT_TC) != 0;
	struct large_qstate *own;

	if (query->qclass != SB_CLASS_IN || rep->an_numrrsets == 0 ||
	    (!upstream && !is_long(state, rep)) || zone_of(state, rep, true) == NULL)
		return false;
	/* over UDP it would have been asked for again: it is all that there is, and Unbound would throw
	 * it away */
	rep->flags = (uint16_t)(rep->flags & ~BIT_TC);
	own = sb_own(state, qstate);
	if (own == NULL && !sb_is_internal(qstate))
		own = sb_own_new(state, qstate, sizeof(*own));
	if (own != NULL) {
		own->upstream = own->upstream || upstream;
		own->guarded = own->guarded || !sb_is_withheld(qstate);
	}
	/* before the adapter does, which would have the RRsets stored */
	sb_withhold(qstate);
	return true;
}

/** Whether the cache has a cut answer. Behind an alias the iterator would take it as resolved data, and
 * the validator find it bogus: without signatures, or not all of what was signed. */
static bool large_follows(const struct sb_state *state, const struct sb_query *query)
{
	const struct large_job *job = state->own;
	const struct large_zone *zone = NULL;
	struct msgreply_entry *entry;
	struct reply_info *rep;
	bool found = false;
	size_t i;

	if (query->qclass == SB_CLASS_IN)
		zone = large_find(state->section, &query->qname);
	if (zone == NULL || sb_is_off(state, zone->index))
		return false;
	entry = msg_cache_lookup(job->env, (uint8_t *)(uintptr_t)query->qname.wire,
				 query->qname.wire_len, query->qtype, query->qclass, 0, 0, 0);
	if (entry == NULL)
		return false;
	rep = entry->entry.data;
	if (rrset_array_lock(rep->ref, rep->rrset_count, 0)) {
		for (i = 0; i < rep->an_numrrsets; i++)
			found = found || is_cut(rep->rrsets[i]);
		rrset_array_unlock(rep->ref, rep->rrset_count);
	}
	lock_rw_unlock(&entry->entry.lock);
	return found;
}

static bool large_touches(const struct sb_state *state, const struct sb_query *query,
			  const struct reply_info *rep)
{
	(void)query;
	return is_long(state, rep) && zone_of(state, rep, false) != NULL;
}

static enum sb_ede large_cached_ede(const struct sb_state *state, const struct sb_query *query,
				    const struct reply_info *rep, char *text)
{
	(void)state, (void)query;
	return ede_of(rep, text);
}

const struct sb_job large_job = {
	.name = "large",
	.start = large_start,
	.stop = large_stop,
	.operate = large_operate,
	.guards = large_guards,
	.follows = large_follows,
	.touches = large_touches,
	.cached_ede = large_cached_ede,
	.counter_names = large_counter_names,
	.counter_count = LARGE_COUNTERS,
	.memory = large_memory,
};
