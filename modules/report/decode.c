/* SPDX-License-Identifier: BSD-3-Clause */
/* What all formats have in common: who decodes, what makes two questions one report, and the DNS
 * answer. */
#include "format.h"
#include "sitebound/digits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define SHA256_LEN 32

struct report_scratch *report_scratch_new(const struct report_conf *conf)
{
	struct report_scratch *scratch = calloc(1, sizeof(*scratch));

	if (scratch == NULL)
		return NULL;
	scratch->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	scratch->digest = EVP_MD_CTX_new();
	scratch->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	if (scratch->sha256 == NULL || scratch->digest == NULL || scratch->hmac == NULL ||
	    !EVP_DigestInit_ex2(scratch->digest, scratch->sha256, NULL))
		goto cleanup;
	scratch->mac = EVP_MAC_CTX_new(scratch->hmac);
	if (scratch->mac == NULL)
		goto cleanup;
	if (conf->pattern_pairs == 0)
		return scratch;
	scratch->match_data = pcre2_match_data_create(conf->pattern_pairs, NULL);
	scratch->jit_stack = report_jit_stack_new();
	scratch->match_context = report_match_context_new(scratch->jit_stack);
	if (scratch->match_data != NULL && scratch->match_context != NULL)
		return scratch;
cleanup:
	report_scratch_free(scratch);
	return NULL;
}

void report_scratch_free(struct report_scratch *scratch)
{
	if (scratch == NULL)
		return;
	pcre2_match_data_free(scratch->match_data);
	pcre2_match_context_free(scratch->match_context);
	if (scratch->jit_stack != NULL)
		pcre2_jit_stack_free(scratch->jit_stack);
	EVP_MAC_CTX_free(scratch->mac);
	EVP_MAC_free(scratch->hmac);
	EVP_MD_CTX_free(scratch->digest);
	EVP_MD_free(scratch->sha256);
	free(scratch);
}

size_t report_scratch_memory(const struct report_scratch *scratch)
{
	size_t memory = sizeof(*scratch);

	if (scratch->match_data != NULL)
		memory += pcre2_get_match_data_size(scratch->match_data) + REPORT_JIT_STACK_LEAST;
	return memory;
}

/** Whether questions of this type carry reports in this format. */
static bool carries(enum report_format format, uint16_t qtype)
{
	if (format == REPORT_RFC9567)
		return qtype == SB_TYPE_TXT;
	return qtype == SB_TYPE_A || qtype == SB_TYPE_AAAA || qtype == SB_TYPE_TXT;
}

/** Identity by the name in lower case and, unless it is NULL, the client's prefix. */
static void identify_name(const struct report_zone *zone, struct report_scratch *scratch,
			  const struct sb_dname *qname, const struct sb_addr *client,
			  uint8_t identity[REPORT_IDENTITY_LEN])
{
	uint8_t name[SB_DNAME_MAX], hash[SHA256_LEN] = {0};
	unsigned hash_len = sizeof(hash);
	struct sb_addr prefix = {.len = 0};
	bool hashed;

	sb_octets_lower(name, qname->wire, qname->wire_len);
	if (client != NULL && client->len > 0) {
		prefix = *client;
		sb_addr_mask(&prefix,
			     prefix.len == SB_IP4_LEN ? REPORT_PREFIX_IP4 : REPORT_PREFIX_IP6);
	}
	/* a name tells its own length: nothing of what follows can be taken for a part of it */
	hashed = EVP_DigestInit_ex2(scratch->digest, NULL, NULL) &&
		 EVP_DigestUpdate(scratch->digest, name, qname->wire_len) &&
		 EVP_DigestUpdate(scratch->digest, prefix.octet, prefix.len) &&
		 (prefix.len == 0 || zone->salt == NULL ||
		  EVP_DigestUpdate(scratch->digest, zone->salt, REPORT_SALT_LEN)) &&
		 EVP_DigestFinal_ex(scratch->digest, hash, &hash_len);
	if (!hashed) {
		/* libcrypto has no memory: a weaker identity is better than one for all names */
		uint32_t crc = (uint32_t)crc32(0, name, (uInt)qname->wire_len);

		memcpy(hash, &crc, sizeof(crc));
		memcpy(hash + sizeof(crc), prefix.octet, 8);
	}
	memcpy(identity, hash, REPORT_IDENTITY_LEN);
}

/** Identity by nonce, check and zone; the part is covered by the check. */
static void identify_envelope(const struct report_zone *zone,
			      const struct report_envelope *envelope,
			      uint8_t identity[REPORT_IDENTITY_LEN])
{
	uint32_t crc = (uint32_t)crc32(0, (const uint8_t *)zone->text, (uInt)zone->text_len);
	size_t check_len = envelope->authenticated ? 8 : 4;

	memset(identity, 0, REPORT_IDENTITY_LEN);
	memcpy(identity, envelope->stream + 1, 4);
	memcpy(identity + 4, envelope->stream + envelope->stream_len - check_len, check_len);
	memcpy(identity + 12, &crc, sizeof(crc));
}

/** Whether an RRset is of this name. */
static bool is_owner(const struct sb_rrset *rrset, const struct sb_dname *qname)
{
	return rrset->owner_len == qname->wire_len &&
	       sb_octets_equal(rrset->owner, qname->wire, qname->wire_len);
}

/** Whether the name is that of a name server inside the zone. */
static bool is_nameserver(const struct report_zone *zone, const struct sb_dname *qname)
{
	size_t i;

	for (i = 0; i < zone->address_count; i++) {
		if (is_owner(&zone->address[i], qname))
			return true;
	}
	return false;
}

void report_decode(const struct report_zone *zone, struct report_scratch *scratch,
		   const struct sb_query *query, unsigned apex_label, const struct sb_addr *client,
		   struct report_decoded *decoded)
{
	const struct sb_dname *qname = &query->qname;

	decoded->reason = REPORT_REASON_NONE;
	decoded->id_is_final = false;
	decoded->authenticated = false;
	if (apex_label == 0 || query->qclass != SB_CLASS_IN || is_nameserver(zone, qname)) {
		decoded->outcome = REPORT_IGNORED;
		return;
	}
	if (!carries(zone->format, query->qtype)) {
		decoded->outcome = REPORT_PARTIAL;
		return;
	}
	switch (zone->format) {
	case REPORT_ENVELOPE:
		decoded->outcome = report_envelope_decode(zone, scratch, qname, apex_label,
							  &decoded->u.envelope, &decoded->reason);
		break;
	case REPORT_PATTERN:
		decoded->outcome = report_pattern_decode(zone->pattern, scratch, qname, apex_label,
							 &decoded->u.match, &decoded->reason);
		break;
	case REPORT_RFC9567:
		decoded->outcome = report_er_decode(qname, apex_label, &decoded->u.er,
						    &decoded->reason);
		break;
	}
	if (decoded->outcome == REPORT_PARTIAL)
		return;
	if (decoded->outcome == REPORT_ACCEPTED && zone->format == REPORT_ENVELOPE) {
		decoded->id_is_final = true;
		decoded->authenticated = decoded->u.envelope.authenticated;
		identify_envelope(zone, &decoded->u.envelope, decoded->identity);
		return;
	}
	/* a name with a nonce is one report wherever it comes from */
	if (decoded->outcome == REPORT_ACCEPTED && zone->format == REPORT_PATTERN &&
	    report_pattern_has_nonce(zone->pattern, &decoded->u.match))
		client = NULL;
	identify_name(zone, scratch, qname, client, decoded->identity);
}

void report_event_id(const struct report_decoded *decoded, int64_t seconds,
		     char event_id[REPORT_EVENT_ID_MAX])
{
	const uint8_t *id = decoded->identity;
	size_t at = sb_hex_write(id, decoded->id_is_final ? 4 : 8, event_id);

	if (decoded->id_is_final) {
		/* the nonce, and the first half of the check */
		event_id[at++] = '-';
		at += sb_hex_write(id + 4, 4, event_id + at);
		event_id[at] = '\0';
		return;
	}
	snprintf(event_id + at, REPORT_EVENT_ID_MAX - at, "-%lld", (long long)(seconds / 60));
}

bool report_wants_tcp(const struct report_zone *zone, const struct report_decoded *decoded,
		      bool tcp)
{
	return zone->require_tcp && !tcp && decoded->outcome == REPORT_ACCEPTED;
}

/** Make an RRset of the configuration the answer. */
static void answer_rrset(const struct report_zone *zone, const struct sb_rrset *rrset,
			 struct sb_verdict *verdict)
{
	verdict->rrtype = rrset->rrtype;
	verdict->ttl = zone->ttl;
	verdict->rrs = rrset->rrs;
	verdict->rrs_len = rrset->rrs_len;
	verdict->rr_count = rrset->rr_count;
	verdict->soa = NULL;
}

static void decide_apex(const struct report_zone *zone, const struct sb_query *query,
			struct sb_verdict *verdict)
{
	if (query->qtype == SB_TYPE_SOA) {
		sb_verdict_soa(verdict, &zone->soa);
	} else if (query->qtype == SB_TYPE_NS && zone->ns.rr_count > 0) {
		answer_rrset(zone, &zone->ns, verdict);
		verdict->additional = zone->address;
		verdict->additional_count = zone->address_count;
	}
}

static void decide_address(const struct report_zone *zone, const struct sb_query *query,
			   struct sb_verdict *verdict)
{
	size_t i;

	for (i = 0; i < zone->address_count; i++) {
		const struct sb_rrset *address = &zone->address[i];

		if (address->rrtype == query->qtype && is_owner(address, &query->qname))
			answer_rrset(zone, address, verdict);
	}
}

/** "ok EVENT-ID" as one character-string (RFC 1035 section 3.3). */
static void acknowledge_txt(const struct report_zone *zone, const char *event_id,
			    struct sb_verdict *verdict)
{
	uint8_t rdata[1 + 3 + REPORT_EVENT_ID_MAX] = "\0ok ";
	size_t id_len = strnlen(event_id, REPORT_EVENT_ID_MAX - 1);

	rdata[0] = (uint8_t)(3 + id_len);
	memcpy(rdata + 4, event_id, id_len);
	sb_verdict_rr(verdict, SB_TYPE_TXT, zone->ttl, rdata, 4 + id_len);
}

void report_decide(const struct report_zone *zone, const struct sb_query *query,
		   unsigned apex_label, const struct report_decoded *decoded, const char *event_id,
		   struct sb_verdict *verdict)
{
	verdict->kind = SB_ANSWER;
	verdict->authoritative = true;
	verdict->ttl = 0;
	verdict->rrs = NULL;
	verdict->rrs_len = 0;
	verdict->ede = SB_EDE_NONE;
	verdict->rule = zone->index;
	verdict->counter = decoded->outcome;
	sb_verdict_negative(verdict, SB_NOERROR, &zone->soa);
	if (decoded->outcome == REPORT_ACCEPTED) {
		if (query->qtype == SB_TYPE_TXT && event_id != NULL)
			acknowledge_txt(zone, event_id, verdict);
		else if (query->qtype == SB_TYPE_A && zone->ack_a.len != 0)
			sb_verdict_rr(verdict, SB_TYPE_A, zone->ttl, zone->ack_a.octet,
				      zone->ack_a.len);
	} else if (decoded->outcome == REPORT_IGNORED && query->qclass == SB_CLASS_IN) {
		if (apex_label == 0)
			decide_apex(zone, query, verdict);
		decide_address(zone, query, verdict);
	}
}
