/* SPDX-License-Identifier: BSD-3-Clause */
#include "sitebound/zones.h"

#include <stdlib.h>
#include <string.h>

/* A hash table of whole apexes, which a name is looked up in once for each number of labels that
 * some apex has, the most labels first. Most sets have two or three such numbers, and most names
 * are in none of a few zones: a bit for each sort of apex says so before anything is hashed. */

struct zone {
	void *value;
	/** where the apex begins in the octets of all */
	size_t apex;
	size_t apex_len;
};

struct slot {
	uint32_t hash;
	/** a zone's number from 1, or 0 */
	uint32_t zone;
};

/** The apexes of so many labels. */
struct depth {
	unsigned label_count;
	/** bit sort_of() is set for each */
	uint64_t sorts;
};

struct sb_zones {
	struct zone *zone;
	uint32_t zone_count, zone_room;
	/** the apexes in lower case, one behind the other */
	uint8_t *octets;
	size_t octet_count, octet_room;
	struct slot *slot;
	/** slots less one; the number of slots is a power of two, at least twice the zones */
	uint32_t slot_mask;
	/** in descending order of labels */
	struct depth depth[SB_LABELS_MAX + 1];
	unsigned depth_count;
};

struct sb_zones *sb_zones_new(void)
{
	struct sb_zones *zones = calloc(1, sizeof(*zones));

	if (zones == NULL)
		return NULL;
	zones->slot = calloc(4, sizeof(*zones->slot));
	if (zones->slot == NULL) {
		free(zones);
		return NULL;
	}
	zones->slot_mask = 3;
	return zones;
}

void sb_zones_free(struct sb_zones *zones)
{
	if (zones == NULL)
		return;
	free(zones->zone);
	free(zones->octets);
	free(zones->slot);
	free(zones);
}

/** The slot of an apex, or the empty slot where it would go. */
static struct slot *find_slot(const struct sb_zones *zones, uint32_t hash, const uint8_t *apex,
			      size_t apex_len)
{
	uint32_t i = hash & zones->slot_mask;

	for (; zones->slot[i].zone != 0; i = (i + 1) & zones->slot_mask) {
		const struct zone *zone = &zones->zone[zones->slot[i].zone - 1];

		if (zones->slot[i].hash == hash && zone->apex_len == apex_len &&
		    sb_octets_equal(zones->octets + zone->apex, apex, apex_len))
			break;
	}
	return &zones->slot[i];
}

/** Make room for one more zone. */
static enum sb_err grow(struct sb_zones *zones, size_t apex_len)
{
	uint32_t slots = (zones->slot_mask + 1) * 2, i, to;
	struct slot *slot;

	if (zones->zone_count == zones->zone_room) {
		uint32_t room = zones->zone_room > 0 ? 2 * zones->zone_room : 2;
		struct zone *zone = realloc(zones->zone, room * sizeof(*zone));

		if (zone == NULL)
			return SB_ENOMEM;
		zones->zone = zone;
		zones->zone_room = room;
	}
	if (zones->octet_room - zones->octet_count < apex_len) {
		size_t room = 2 * zones->octet_room + SB_DNAME_MAX;
		uint8_t *octets = realloc(zones->octets, room);

		if (octets == NULL)
			return SB_ENOMEM;
		zones->octets = octets;
		zones->octet_room = room;
	}
	if (zones->zone_count * 2 < zones->slot_mask)
		return SB_OK;
	slot = calloc(slots, sizeof(*slot));
	if (slot == NULL)
		return SB_ENOMEM;
	for (i = 0; i <= zones->slot_mask; i++) {
		if (zones->slot[i].zone == 0)
			continue;
		for (to = zones->slot[i].hash & (slots - 1); slot[to].zone != 0;)
			to = (to + 1) & (slots - 1);
		slot[to] = zones->slot[i];
	}
	free(zones->slot);
	zones->slot = slot;
	zones->slot_mask = slots - 1;
	return SB_OK;
}

/** One of 64 sorts, the same in any case: by length, and the ends of the first label. */
static inline uint64_t sort_of(const uint8_t *apex, size_t apex_len)
{
	return UINT64_C(1) << ((apex_len * 21 + (apex[apex[0] != 0] | 0x20U) * 5 +
				(apex[apex[0]] | 0x20U)) %
			       64);
}

static void add_depth(struct sb_zones *zones, unsigned label_count, uint64_t sorts)
{
	unsigned i = 0;

	while (i < zones->depth_count && zones->depth[i].label_count > label_count)
		i++;
	if (i == zones->depth_count || zones->depth[i].label_count != label_count) {
		memmove(&zones->depth[i + 1], &zones->depth[i],
			(zones->depth_count - i) * sizeof(zones->depth[0]));
		zones->depth[i] = (struct depth){.label_count = label_count};
		zones->depth_count++;
	}
	zones->depth[i].sorts |= sorts;
}

void sb_zones_outline(struct sb_zones *outline, const struct sb_zones *zones)
{
	unsigned i;

	for (i = 0; i < zones->depth_count; i++)
		add_depth(outline, zones->depth[i].label_count, zones->depth[i].sorts);
}

enum sb_err sb_zones_add(struct sb_zones *zones, const struct sb_dname *name, void *value)
{
	uint32_t hash = sb_octets_hash(0, name->wire, name->wire_len);
	struct zone *zone;
	struct slot *slot;

	if (find_slot(zones, hash, name->wire, name->wire_len)->zone != 0)
		return SB_EEXIST;
	if (grow(zones, name->wire_len) != SB_OK)
		return SB_ENOMEM;
	slot = find_slot(zones, hash, name->wire, name->wire_len);
	zone = &zones->zone[zones->zone_count++];
	zone->value = value;
	zone->apex = zones->octet_count;
	zone->apex_len = name->wire_len;
	sb_octets_lower(zones->octets + zone->apex, name->wire, name->wire_len);
	zones->octet_count += name->wire_len;
	slot->hash = hash;
	slot->zone = zones->zone_count;
	add_depth(zones, name->label_count, sort_of(name->wire, name->wire_len));
	return SB_OK;
}

/** Whether the end of a name that has this depth may be an apex. */
static inline bool may_be_apex(const struct depth *depth, const struct sb_dname *qname,
			       unsigned *apex_label, const uint8_t **apex, size_t *apex_len)
{
	if (depth->label_count > qname->label_count)
		return false;
	*apex_label = qname->label_count - depth->label_count;
	*apex = qname->wire + qname->offset[*apex_label];
	*apex_len = qname->wire_len - qname->offset[*apex_label];
	return (depth->sorts & sort_of(*apex, *apex_len)) != 0;
}

bool sb_zones_may_have(const struct sb_zones *zones, const struct sb_dname *qname)
{
	const struct depth *depth, *end = zones->depth + zones->depth_count;
	const uint8_t *apex;
	unsigned apex_label;
	size_t apex_len;

	for (depth = zones->depth; depth < end; depth++) {
		if (may_be_apex(depth, qname, &apex_label, &apex, &apex_len))
			return true;
	}
	return false;
}

void *sb_zones_find(const struct sb_zones *zones, const struct sb_dname *qname,
		    unsigned *apex_label)
{
	const struct depth *depth, *end = zones->depth + zones->depth_count;

	for (depth = zones->depth; depth < end; depth++) {
		const struct slot *slot;
		const uint8_t *apex;
		size_t apex_len;

		if (!may_be_apex(depth, qname, apex_label, &apex, &apex_len))
			continue;
		slot = find_slot(zones, sb_octets_hash(0, apex, apex_len), apex, apex_len);
		if (slot->zone != 0)
			return zones->zone[slot->zone - 1].value;
	}
	*apex_label = qname->label_count;
	return NULL;
}

void *sb_zones_get(const struct sb_zones *zones, const struct sb_dname *name)
{
	const struct slot *slot = find_slot(zones, sb_octets_hash(0, name->wire, name->wire_len),
					    name->wire, name->wire_len);

	return slot->zone != 0 ? zones->zone[slot->zone - 1].value : NULL;
}
