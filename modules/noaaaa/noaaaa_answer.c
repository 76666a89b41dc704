/* SPDX-License-Identifier: BSD-3-Clause */
#include "noaaaa_answer.h"

#include <string.h>

/** Octets of an RR's rdata. */
static size_t rdata_len_of(const uint8_t *rr)
{
	return (size_t)rr[0] << 8 | rr[1];
}

/** Octets of the name at the beginning; 0 when there is none. */
static size_t name_len_of(const uint8_t *name, size_t room)
{
	size_t at = 0;

	while (at < room && name[at] != 0) {
		if (name[at] > SB_LABEL_MAX)
			return 0;
		at += 1U + name[at];
	}
	return at < room && at < SB_DNAME_MAX ? at + 1 : 0;
}

bool noaaaa_name_of(const struct noaaaa_rrset *rrset, size_t rr, const uint8_t **name,
		    size_t *name_len)
{
	const uint8_t *rdata = rrset->rr[rr] + 2;
	size_t rdata_len = rdata_len_of(rrset->rr[rr]);

	*name = rrset->owner;
	*name_len = rrset->owner_len;
	if (rrset->rrtype == SB_TYPE_AAAA)
		return true;
	if (!noaaaa_has_hints(rrset->rrtype) || rdata_len < 3)
		return false;
	if (rdata[2] == 0)
		return true;
	*name = rdata + 2;
	*name_len = name_len_of(rdata + 2, rdata_len - 2);
	return *name_len > 0;
}

/** Whether the addresses that an RR tells go, and *zone, whose rule that is. */
static enum noaaaa_word word_of(const struct noaaaa_judge *judge, const struct noaaaa_rrset *rrset,
				size_t rr, const struct noaaaa_zone **zone)
{
	const uint8_t *name;
	size_t name_len;

	if (!noaaaa_name_of(rrset, rr, &name, &name_len))
		return NOAAAA_STAY;
	*zone = judge->find(judge->arg, name, name_len);
	return *zone != NULL ? judge->goes(judge->arg, *zone, name, name_len) : NOAAAA_STAY;
}

bool noaaaa_concerns(const struct noaaaa_judge *judge, const struct noaaaa_rrset *rrset)
{
	const uint8_t *name;
	size_t i, name_len;

	for (i = 0; i < rrset->rr_count; i++) {
		if (noaaaa_name_of(rrset, i, &name, &name_len) &&
		    judge->find(judge->arg, name, name_len) != NULL)
			return true;
		/* all AAAA records of an RRset have one owner */
		if (!noaaaa_has_hints(rrset->rrtype))
			break;
	}
	return false;
}

/** Decide about one RRset. False: it must be found out first. */
static bool filter_rrset(const struct noaaaa_judge *judge, struct noaaaa_rrset *rrset,
			 struct noaaaa_filtered *result)
{
	bool hints = noaaaa_has_hints(rrset->rrtype);
	size_t i;

	rrset->fate = NOAAAA_KEPT;
	for (i = 0; i < rrset->rr_count; i++) {
		const uint8_t *rdata = rrset->rr[i] + 2;
		const struct noaaaa_zone *zone = NULL;
		enum noaaaa_word word;

		if (hints && !noaaaa_has_hint(rdata, rdata_len_of(rrset->rr[i])))
			continue;
		word = word_of(judge, rrset, i, &zone);
		if (word == NOAAAA_WAIT)
			return false;
		if (word == NOAAAA_GO) {
			rrset->fate = hints ? NOAAAA_STRIPPED : NOAAAA_REMOVED;
			result->zone = zone;
			result->hints_lost = result->hints_lost || hints;
		}
		if (!hints)
			break;
	}
	return true;
}

bool noaaaa_filter(const struct noaaaa_judge *judge, struct noaaaa_rrset *rrset, size_t count,
		   size_t an, uint16_t qtype, struct noaaaa_filtered *result)
{
	bool lost = false, answers = false;
	size_t i;

	memset(result, 0, sizeof(*result));
	for (i = 0; i < count; i++) {
		if (!filter_rrset(judge, &rrset[i], result))
			return false;
		if (i >= an)
			continue;
		if (rrset[i].fate == NOAAAA_REMOVED)
			lost = true;
		else if (rrset[i].rrtype == qtype || qtype == SB_TYPE_ANY)
			answers = true;
	}
	result->is_nodata = lost && !answers;
	return true;
}

size_t noaaaa_strip(const struct noaaaa_judge *judge, const struct noaaaa_rrset *rrset, uint8_t *to)
{
	size_t i, at = 0;

	for (i = 0; i < rrset->rr_count; i++) {
		const uint8_t *rr = rrset->rr[i];
		size_t rdata_len = rdata_len_of(rr), left = rdata_len;
		const struct noaaaa_zone *zone = NULL;

		if (word_of(judge, rrset, i, &zone) != NOAAAA_GO ||
		    !noaaaa_strip_hint(rr + 2, rdata_len, to + at + 2, &left))
			memcpy(to + at + 2, rr + 2, rdata_len);
		to[at] = (uint8_t)(left >> 8);
		to[at + 1] = (uint8_t)left;
		at += 2 + left;
	}
	return at;
}
