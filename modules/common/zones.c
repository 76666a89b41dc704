/* SPDX-License-Identifier: BSD-3-Clause */
#include "sitebound/zones.h"

#include <stdlib.h>
#include <string.h>

/* The zones are a tree of labels under the root. A child is found in one hash table for the whole
 * tree, by its parent's number and its label, so a walk down touches one slot a level. */

struct node {
	uint32_t parent;
	/** the value of the zone whose apex this is, NULL between apexes */
	void *value;
	bool has_children;
	uint8_t label_len;
	uint8_t label[SB_LABEL_MAX];
};

struct sb_zones {
	/** node[0] is the root */
	struct node *node;
	uint32_t node_count;
	/** nodes that there is room for */
	uint32_t node_room;
	/** open addressing: slot[i] is a node's number or 0; the root is in no slot */
	uint32_t *slot;
	/** slots less one; the number of slots is a power of two, at least twice the nodes */
	uint32_t slot_mask;
};

struct sb_zones *sb_zones_new(void)
{
	struct sb_zones *zones = calloc(1, sizeof(*zones));

	if (zones == NULL)
		return NULL;
	zones->node = calloc(1, sizeof(*zones->node));
	zones->slot = calloc(4, sizeof(*zones->slot));
	if (zones->node == NULL || zones->slot == NULL) {
		sb_zones_free(zones);
		return NULL;
	}
	zones->node_count = 1;
	zones->node_room = 1;
	zones->slot_mask = 3;
	return zones;
}

void sb_zones_free(struct sb_zones *zones)
{
	if (zones == NULL)
		return;
	free(zones->node);
	free(zones->slot);
	free(zones);
}

/** The slot of the child, or the empty slot where it would go. */
static uint32_t find_slot(const struct sb_zones *zones, uint32_t parent, const uint8_t *label,
			  size_t label_len)
{
	uint32_t i = sb_octets_hash(parent, label, label_len) & zones->slot_mask;

	while (zones->slot[i] != 0) {
		const struct node *node = &zones->node[zones->slot[i]];

		if (node->parent == parent && node->label_len == label_len &&
		    sb_octets_equal(node->label, label, label_len))
			break;
		i = (i + 1) & zones->slot_mask;
	}
	return i;
}

/** Make room for one more node. */
static enum sb_err grow(struct sb_zones *zones)
{
	struct node *node;

	if (zones->node_count == zones->node_room) {
		node = realloc(zones->node, 2 * (size_t)zones->node_room * sizeof(*node));
		if (node == NULL)
			return SB_ENOMEM;
		zones->node = node;
		zones->node_room *= 2;
	}
	if (zones->node_count * 2 > zones->slot_mask) {
		uint32_t slots = (zones->slot_mask + 1) * 2;
		uint32_t *slot = calloc(slots, sizeof(*slot));
		uint32_t i;

		if (slot == NULL)
			return SB_ENOMEM;
		free(zones->slot);
		zones->slot = slot;
		zones->slot_mask = slots - 1;
		for (i = 1; i < zones->node_count; i++) {
			node = &zones->node[i];
			slot[find_slot(zones, node->parent, node->label, node->label_len)] = i;
		}
	}
	return SB_OK;
}

enum sb_err sb_zones_add(struct sb_zones *zones, const struct sb_dname *name, void *value)
{
	uint32_t at = 0;
	unsigned i;

	for (i = name->label_count; i > 0; i--) {
		size_t label_len;
		const uint8_t *label = sb_dname_label(name, i - 1, &label_len);
		uint32_t slot = find_slot(zones, at, label, label_len);

		if (zones->slot[slot] == 0) {
			struct node *node;

			if (grow(zones) != SB_OK)
				return SB_ENOMEM;
			node = &zones->node[zones->node_count];
			memset(node, 0, sizeof(*node));
			node->parent = at;
			node->label_len = (uint8_t)label_len;
			sb_octets_lower(node->label, label, label_len);
			slot = find_slot(zones, at, label, label_len);
			zones->slot[slot] = zones->node_count++;
			zones->node[at].has_children = true;
		}
		at = zones->slot[slot];
	}
	if (zones->node[at].value != NULL)
		return SB_EEXIST;
	zones->node[at].value = value;
	return SB_OK;
}

void *sb_zones_find(const struct sb_zones *zones, const struct sb_dname *qname,
		    unsigned *apex_label)
{
	void *value = zones->node[0].value;
	uint32_t at = 0;
	unsigned i;

	*apex_label = qname->label_count;
	for (i = qname->label_count; i > 0 && zones->node[at].has_children; i--) {
		size_t label_len;
		const uint8_t *label = sb_dname_label(qname, i - 1, &label_len);

		at = zones->slot[find_slot(zones, at, label, label_len)];
		if (at == 0)
			break;
		if (zones->node[at].value != NULL) {
			value = zones->node[at].value;
			*apex_label = i - 1;
		}
	}
	return value;
}

void *sb_zones_get(const struct sb_zones *zones, const struct sb_dname *name)
{
	unsigned apex_label;
	void *value = sb_zones_find(zones, name, &apex_label);

	return apex_label == 0 ? value : NULL;
}
