/* SPDX-License-Identifier: BSD-3-Clause */
#include "counters.h"
#include "query.h"
#include "reply.h"

#include <string.h>

/** An RRset's two structures. The arrays of the data, the rdata and the owner follow. */
struct rrset {
	struct ub_packed_rrset_key key;
	struct packed_rrset_data data;
};

struct ub_packed_rrset_key *sb_rrset_make(struct regional *region, const uint8_t *owner,
					  size_t owner_len, uint16_t rrtype, uint32_t ttl,
					  const uint8_t *rrs, size_t rrs_len, unsigned rr_count)
{
	const size_t an_rr = sizeof(size_t) + sizeof(uint8_t *) + sizeof(time_t);
	/* all in one: the way through the allocator is half of what an RRset costs */
	struct rrset *rrset =
		regional_alloc(region, sizeof(*rrset) + rr_count * an_rr + rrs_len + owner_len);
	struct ub_packed_rrset_key *key;
	struct packed_rrset_data *data;
	size_t i, at = 0;

	if (rrset == NULL)
		return NULL;
	memset(rrset, 0, sizeof(*rrset));
	key = &rrset->key;
	data = &rrset->data;
	key->entry.key = key;
	key->entry.data = data;
	key->rk.dname = (uint8_t *)(rrset + 1) + rr_count * an_rr + rrs_len;
	memcpy(key->rk.dname, owner, owner_len);
	key->rk.dname_len = owner_len;
	key->rk.type = htons(rrtype);
	key->rk.rrset_class = htons(LDNS_RR_CLASS_IN);
	/* keeps computed data apart from resolved data in the RRset cache: the flag is part of
	 * the key, and the iterator looks up without it. The hash is made when it gets there. */
	key->rk.flags = PACKED_RRSET_RPZ;
	data->ttl = ttl;
	data->count = rr_count;
	data->trust = rrset_trust_ans_noAA;
	data->security = sec_status_insecure;
	data->rr_len = (size_t *)(data + 1);
	for (i = 0; i < rr_count; i++) {
		data->rr_len[i] = 2U + (size_t)(rrs[at] << 8 | rrs[at + 1]);
		at += data->rr_len[i];
	}
	packed_rrset_ptr_fixup(data);
	for (i = 0, at = 0; i < rr_count; i++) {
		memcpy(data->rr_data[i], rrs + at, data->rr_len[i]);
		data->rr_ttl[i] = ttl;
		at += data->rr_len[i];
	}
	return key;
}

struct ub_packed_rrset_key *sb_rrset_soa(struct regional *region, const struct sb_soa *soa)
{
	uint8_t rr[2 + SB_SOA_RDATA_MAX];
	size_t rdata_len = sb_soa_rdata(soa, rr + 2);

	rr[0] = (uint8_t)(rdata_len >> 8);
	rr[1] = (uint8_t)rdata_len;
	return sb_rrset_make(region, soa->owner, soa->owner_len, SB_TYPE_SOA, soa->ttl, rr,
			     rdata_len + 2, 1);
}

void sb_reply_servfail(const struct sb_state *state, struct module_qstate *qstate)
{
	qstate->return_rcode = LDNS_RCODE_SERVFAIL;
	qstate->return_msg = NULL;
	sb_finish(state, qstate);
}

void sb_ede_append(struct edns_option **options, struct regional *region, enum sb_ede code,
		   const char *text)
{
	uint8_t option[2 + SB_EDE_TEXT_MAX];
	size_t text_len = strnlen(text, SB_EDE_TEXT_MAX);

	option[0] = (uint8_t)(code >> 8);
	option[1] = (uint8_t)code;
	memcpy(option + 2, text, text_len);
	/* an option that there is no memory for is one that the client does not get */
	(void)edns_opt_list_append(options, LDNS_EDNS_EDE, 2 + text_len, option, region);
}

void sb_ede_append_cached(const struct sb_module *module, const struct query_info *qinfo,
			  const struct reply_info *rep, struct edns_option **options,
			  struct regional *region)
{
	struct sb_query query;
	unsigned i;

	if (!module->ede || !sb_query_from(qinfo, &query))
		return;
	for (i = 0; i < module->job_count; i++) {
		const struct sb_state *state = &module->job[i];
		char text[SB_EDE_TEXT_MAX] = "";
		enum sb_ede code = SB_EDE_NONE;

		if (state->job->cached_ede != NULL)
			code = state->job->cached_ede(state, &query, rep, text);
		if (code != SB_EDE_NONE)
			sb_ede_append(options, region, code, text);
	}
}

void sb_reply_ede(const struct sb_state *state, struct module_qstate *qstate, enum sb_ede code)
{
	if (state->module->ede && code != SB_EDE_NONE)
		sb_ede_append(&qstate->edns_opts_front_out, qstate->region, code, "");
}

void sb_reply_message(const struct sb_state *state, struct module_qstate *qstate,
		      struct reply_info *rep)
{
	struct dns_msg *msg = regional_alloc_zero(qstate->region, sizeof(*msg));

	if (msg == NULL || rep == NULL) {
		sb_reply_servfail(state, qstate);
		return;
	}
	msg->qinfo = qstate->qinfo;
	msg->rep = rep;
	qstate->return_msg = msg;
	qstate->return_rcode = LDNS_RCODE_NOERROR;
	sb_finish(state, qstate);
}

void sb_reply_respip(const struct sb_state *state, struct module_qstate *qstate)
{
	struct module_stack *mods = &qstate->env->mesh->mods;
	int respip = modstack_find(mods, "respip");
	struct sb_place *place = sb_place_new(qstate, state->id);

	/* a query has client_info where there is something for respip to do */
	if (respip <= state->id || place == NULL || qstate->client_info == NULL)
		return;
	(*mods->mod[respip]->operate)(qstate, module_event_pass, respip, NULL);
	(*mods->mod[respip]->operate)(qstate, module_event_moddone, respip, NULL);
	if (qstate->ext_state[respip] != module_wait_subquery)
		return;
	/* it looks for the target of an alias, and comes back when it has it */
	place->done = true;
	qstate->curmod = respip;
}

struct reply_info *sb_reply_from_verdict(struct regional *region, const struct query_info *qinfo,
					 const struct sb_verdict *verdict)
{
	struct ub_packed_rrset_key *answer = NULL, *authority = NULL;
	struct reply_info *rep;
	size_t an, ns, ar = verdict->additional_count, count = 0, i;

	if (verdict->rrtype == SB_TYPE_SOA) {
		answer = sb_rrset_soa(region, verdict->soa);
	} else if (verdict->rrtype != 0) {
		answer = sb_rrset_make(region, qinfo->qname, qinfo->qname_len, verdict->rrtype,
				       verdict->ttl, verdict->rrs, verdict->rrs_len,
				       verdict->rr_count);
	} else if (verdict->soa != NULL) {
		authority = sb_rrset_soa(region, verdict->soa);
	}
	an = verdict->rrtype != 0;
	ns = verdict->rrtype == 0 && verdict->soa != NULL;
	/* an RRset is missing only when memory is short */
	if ((answer != NULL) != (an > 0) || (authority != NULL) != (ns > 0))
		return NULL;
	/* nobody stores what has no TTL */
	rep = sb_compat_reply(region, (uint16_t)(BIT_QR | BIT_RA | verdict->rcode), 0, an, ns, ar,
			      an + ns + ar, sec_status_insecure);
	if (rep == NULL)
		return NULL;
	if (answer != NULL)
		rep->rrsets[count++] = answer;
	if (authority != NULL)
		rep->rrsets[count++] = authority;
	for (i = 0; i < ar; i++) {
		const struct sb_rrset *rrset = &verdict->additional[i];

		rep->rrsets[count] = sb_rrset_make(region, rrset->owner, rrset->owner_len,
						   rrset->rrtype, verdict->ttl, rrset->rrs,
						   rrset->rrs_len, rrset->rr_count);
		if (rep->rrsets[count++] == NULL)
			return NULL;
	}
	if (verdict->authoritative) {
		rep->authoritative = 1;
		rep->flags |= BIT_AA;
	}
	if (verdict->truncated)
		rep->flags |= BIT_TC;
	return rep;
}

time_t sb_reply_ttl(const struct reply_info *rep)
{
	time_t ttl = rep->ttl;
	size_t i;

	for (i = 0; i < rep->rrset_count; i++) {
		const struct packed_rrset_data *data = rep->rrsets[i]->entry.data;

		if (i == 0 || data->ttl < ttl)
			ttl = data->ttl;
	}
	return ttl;
}

void sb_reply_verdict(const struct sb_state *state, struct module_qstate *qstate,
		      const struct sb_verdict *verdict)
{
	struct reply_info *rep = sb_reply_from_verdict(qstate->region, &qstate->qinfo, verdict);

	if (rep != NULL)
		sb_reply_ede(state, qstate, verdict->ede);
	sb_count(state, qstate->env, verdict->rule, verdict->counter);
	sb_reply_message(state, qstate, rep);
}

struct reply_info *sb_reply_copy(struct regional *region, const struct reply_info *from)
{
	struct reply_info *rep = sb_compat_reply(region, from->flags, from->ttl, from->an_numrrsets,
						 from->ns_numrrsets, from->ar_numrrsets,
						 from->rrset_count, from->security);
	size_t i;

	if (rep == NULL)
		return NULL;
	rep->authoritative = from->authoritative;
	for (i = 0; i < from->rrset_count; i++) {
		rep->rrsets[i] = packed_rrset_copy_region(from->rrsets[i], region, 0);
		if (rep->rrsets[i] == NULL)
			return NULL;
	}
	return rep;
}
