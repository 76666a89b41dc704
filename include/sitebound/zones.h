/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * A set of zones that finds the longest one a name is in.
 */
#ifndef SITEBOUND_ZONES_H
#define SITEBOUND_ZONES_H

#include "sitebound/dname.h"

struct sb_zones;

/** A new, empty set; NULL when memory is short. Free it with sb_zones_free(). */
struct sb_zones *sb_zones_new(void);

/** Free a set (NULL is fine). The values are the caller's. */
void sb_zones_free(struct sb_zones *zones);

/**
 * Add a zone.
 * @param name: the apex, a validated name in any case; it is copied.
 * @param value: what sb_zones_find() returns for it; not NULL.
 * @return SB_OK, SB_EEXIST when the apex is in the set, or SB_ENOMEM.
 */
SB_MUST_CHECK enum sb_err sb_zones_add(struct sb_zones *zones, const struct sb_dname *name,
				       void *value);

/**
 * Find the longest zone of the set that a name is in, whole labels, without regard to case.
 * It costs a probe of a table for each number of labels that zones of the set have and the name
 * does, until one is found.
 * @param qname: the name.
 * @param apex_label: when found, the label of qname at which the apex begins: the number of
 *	labels left of the zone.
 * @return the value, or NULL when the name is in no zone.
 */
void *sb_zones_find(const struct sb_zones *zones, const struct sb_dname *qname,
		    unsigned *apex_label);

/**
 * Take over what tells at little cost that a name is in no zone of a set.
 * @param outline: one for several sets, of which nothing is asked but sb_zones_may_have().
 */
void sb_zones_outline(struct sb_zones *outline, const struct sb_zones *zones);

/** False: the name is in no zone of the set. True says nothing, and is rare for sets of a few
 * zones. */
bool sb_zones_may_have(const struct sb_zones *zones, const struct sb_dname *qname);

/** The value of exactly this apex, or NULL. */
void *sb_zones_get(const struct sb_zones *zones, const struct sb_dname *name);

#endif
