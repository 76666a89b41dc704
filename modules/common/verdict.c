/* SPDX-License-Identifier: BSD-3-Clause */
#include "sitebound/verdict.h"

#include <string.h>

static size_t put_u32(uint8_t *to, size_t at, uint32_t value)
{
	to[at] = (uint8_t)(value >> 24);
	to[at + 1] = (uint8_t)(value >> 16);
	to[at + 2] = (uint8_t)(value >> 8);
	to[at + 3] = (uint8_t)value;
	return at + 4;
}

void sb_soa_init(struct sb_soa *soa, const struct sb_dname *apex, const struct sb_dname *mname,
		 const struct sb_dname *rname, uint32_t ttl)
{
	static const uint8_t nobody[] = "\006nobody\007invalid";

	soa->owner = apex->wire;
	soa->owner_len = apex->wire_len;
	soa->mname = mname->wire;
	soa->mname_len = mname->wire_len;
	soa->rname = rname != NULL ? rname->wire : nobody;
	soa->rname_len = rname != NULL ? rname->wire_len : sizeof(nobody);
	soa->ttl = ttl;
}

size_t sb_soa_rdata(const struct sb_soa *soa, uint8_t rdata[SB_SOA_RDATA_MAX])
{
	size_t at = soa->mname_len + soa->rname_len;

	memcpy(rdata, soa->mname, soa->mname_len);
	memcpy(rdata + soa->mname_len, soa->rname, soa->rname_len);
	at = put_u32(rdata, at, 1);
	at = put_u32(rdata, at, 3600);
	at = put_u32(rdata, at, 1200);
	at = put_u32(rdata, at, 604800);
	return put_u32(rdata, at, soa->ttl);
}

void sb_verdict_rr(struct sb_verdict *verdict, uint16_t rrtype, uint32_t ttl, const uint8_t *rdata,
		   size_t rdata_len)
{
	verdict->rcode = SB_NOERROR;
	verdict->rrtype = rrtype;
	verdict->ttl = ttl;
	verdict->own[0] = (uint8_t)(rdata_len >> 8);
	verdict->own[1] = (uint8_t)rdata_len;
	memcpy(verdict->own + 2, rdata, rdata_len);
	verdict->rrs = verdict->own;
	verdict->rrs_len = rdata_len + 2;
	verdict->rr_count = 1;
	verdict->additional_count = 0;
	verdict->soa = NULL;
}

void sb_verdict_negative(struct sb_verdict *verdict, enum sb_rcode rcode, const struct sb_soa *soa)
{
	verdict->rcode = rcode;
	verdict->rrtype = 0;
	verdict->rr_count = 0;
	verdict->additional_count = 0;
	verdict->soa = soa;
}

void sb_verdict_soa(struct sb_verdict *verdict, const struct sb_soa *soa)
{
	sb_verdict_negative(verdict, SB_NOERROR, soa);
	verdict->rrtype = SB_TYPE_SOA;
}
