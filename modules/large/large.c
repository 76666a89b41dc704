/* SPDX-License-Identifier: BSD-3-Clause */
#include "large.h"

#include <stdio.h>
#include <string.h>

const char *const large_counter_names[LARGE_COUNTERS] = {
	[LARGE_COUNT_CUT] = "cut",
	[LARGE_COUNT_UPSTREAM] = "upstream_cut",
};

/** Header, and the type and class of the question. */
#define FRONT_LEN (12 + 4)
/** Type, class and TTL of a record. */
#define RR_HEAD_LEN 8
/** Octets of a pointer to a name, and how far it reaches (RFC 1035 section 4.1.4). */
#define POINTER_LEN 2
#define POINTER_MAX 0x3fff
/** Names of a message that Unbound compresses, since 1.21.1 and in patched older ones. */
#define COMPRESSED_MAX 120
/** Names of aliases that may be put in front (see LARGE_ALIASES). */
#define ALIAS_NAMES 20

const struct large_zone *large_find(const struct large_conf *conf, const struct sb_dname *name)
{
	unsigned left;

	return sb_zones_find(conf->rules.zones, name, &left);
}

/** Whether records are nothing but a name that Unbound compresses. */
static bool is_name(uint16_t rrtype)
{
	return rrtype == SB_TYPE_PTR || rrtype == SB_TYPE_NS || rrtype == SB_TYPE_CNAME;
}

/** Whether Unbound compresses no name in the records. Of the many types for which it does not, only
 * those that come in numbers. */
static bool has_no_name(uint16_t rrtype)
{
	return rrtype == SB_TYPE_A || rrtype == SB_TYPE_AAAA || rrtype == SB_TYPE_TXT ||
	       rrtype == SB_TYPE_SRV;
}

/** Octets of the longest name that all records of a set end in. */
static size_t common_suffix(const struct large_set *set)
{
	struct sb_dname first, name;
	unsigned same, i;
	size_t rr;

	if (sb_dname_parse(&first, set->rr[0] + 2, set->rr_len[0] - 2) != SB_OK)
		return 0;
	/* labels at the end that all have in common */
	same = first.label_count;
	for (rr = 1; rr < set->count && same > 0; rr++) {
		if (sb_dname_parse(&name, set->rr[rr] + 2, set->rr_len[rr] - 2) != SB_OK)
			return 0;
		if (name.label_count < same)
			same = name.label_count;
		for (i = 1; i <= same; i++) {
			const uint8_t *a = first.wire + first.offset[first.label_count - i];
			const uint8_t *b = name.wire + name.offset[name.label_count - i];

			if (a[0] != b[0] || !sb_octets_equal(a + 1, b + 1, a[0]))
				same = i - 1;
		}
	}
	return first.wire_len - first.offset[first.label_count - same];
}

/** Measure one set. @param at: octets in front of it, at most. @param compressed: names in front of
 * it that were compressed, at most; moves on. */
static void measure_set(struct large_set *set, size_t at, const uint8_t *qname, size_t qname_len,
			size_t *compressed)
{
	bool is_qname = set->owner_len == qname_len &&
			sb_octets_equal(set->owner, qname, qname_len) &&
			*compressed < COMPRESSED_MAX;
	bool pointed = is_qname || at + set->owner_len <= POINTER_MAX;
	size_t suffix, i;

	set->owner_size = pointed && set->owner_len > POINTER_LEN ? POINTER_LEN : set->owner_len;
	/* two may have to write it out: the first one, to be pointed at, and the second one where the
	 * first was compressed in part */
	set->owner_extra = is_qname ? 0 : 2 * (set->owner_len - set->owner_size);
	set->size = set->owner_extra;
	for (i = 0; i < set->count + set->sig_count; i++)
		set->size += set->owner_size + RR_HEAD_LEN + set->rr_len[i];
	*compressed += pointed ? 2 : set->count + set->sig_count;
	set->saved = 0;
	set->saved_count = 0;
	/* whichever record is the first, its name must be where the others can point at */
	at += set->owner_len + RR_HEAD_LEN + 2 + SB_DNAME_MAX;
	if (set->count > 1 && is_name(set->rrtype) && at <= POINTER_MAX &&
	    *compressed + 1 < COMPRESSED_MAX) {
		suffix = common_suffix(set);
		set->saved = suffix > POINTER_LEN ? suffix - POINTER_LEN : 0;
		set->saved_count = COMPRESSED_MAX - 1 - *compressed;
	}
	if (!has_no_name(set->rrtype))
		*compressed += 2 * set->count;
}

/** What `kept` records of a set save by being compressed. */
static size_t savings(const struct large_set *set, size_t kept)
{
	size_t count = kept > 0 ? kept - 1 : 0;

	return set->saved * (count < set->saved_count ? count : set->saved_count);
}

size_t large_measure(struct large_set *sets, size_t set_count, const uint8_t *qname,
		     size_t qname_len)
{
	size_t size = FRONT_LEN + qname_len, compressed = ALIAS_NAMES, i;

	for (i = 0; i < set_count; i++) {
		measure_set(&sets[i], size + LARGE_ALIASES, qname, qname_len, &compressed);
		sets[i].size -= savings(&sets[i], sets[i].count);
		sets[i].kept = sets[i].count;
		sets[i].cut = false;
		size += sets[i].size;
	}
	return size;
}

/** Keep as many records as fit into `room`. @return the octets that they take. */
static size_t keep_some(struct large_set *set, size_t room)
{
	size_t written = set->owner_extra, used = 0;

	set->cut = true;
	for (set->kept = 0; set->kept < set->count; set->kept++) {
		size_t rr_len = set->rr_len[(set->start + set->kept) % set->count];
		size_t next = written + set->owner_size + RR_HEAD_LEN + rr_len;

		if (next - savings(set, set->kept + 1) > room)
			break;
		written = next;
		used = next - savings(set, set->kept + 1);
	}
	return used;
}

/** The smallest set that may be cut and for which nothing was chosen yet. */
static struct large_set *smallest(struct large_set *sets, size_t set_count, const bool *chosen)
{
	struct large_set *found = NULL;
	size_t i;

	for (i = 0; i < set_count; i++) {
		if (sets[i].may_cut && !chosen[i] && (found == NULL || sets[i].size < found->size))
			found = &sets[i];
	}
	return found;
}

bool large_cut(struct large_set *sets, size_t set_count, size_t size, size_t limit)
{
	bool chosen[LARGE_SETS_MAX] = {false}, any = false;
	size_t left = 0, room, used, i;
	struct large_set *set;

	if (set_count > LARGE_SETS_MAX)
		return false;
	for (i = 0; i < set_count; i++) {
		if (sets[i].may_cut) {
			size -= sets[i].size;
			left++;
		}
	}
	if (size > limit)
		return false;
	for (room = limit - size; left > 0; left--) {
		set = smallest(sets, set_count, chosen);
		chosen[set - sets] = true;
		used = set->size <= room / left ? set->size : keep_some(set, room / left);
		room -= used;
		any = any || set->kept > 0;
	}
	return any;
}

void large_text(char text[LARGE_TEXT_MAX], size_t kept, size_t total)
{
	if (total == 0)
		snprintf(text, LARGE_TEXT_MAX, "%zu records, cut upstream", kept);
	else
		snprintf(text, LARGE_TEXT_MAX, "%zu of %zu records fit", kept, total);
}
