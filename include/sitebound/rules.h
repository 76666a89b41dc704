/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * What of a section can be switched and counted one by one: its rules. Every job's section begins
 * with a struct sb_rules, so that the adapter needs to know nothing else of it.
 */
#ifndef SITEBOUND_RULES_H
#define SITEBOUND_RULES_H

#include "sitebound/dname.h"
#include "sitebound/zones.h"

struct sb_rules {
	/** the job's own structures, by the apex of their zones */
	struct sb_zones *zones;
	/** by rule (sb_verdict.rule): the zone that it is called by, or NULL for a rule that has no
	 * name of its own; several rules may have one name */
	const struct sb_dname **name;
	unsigned count;
};

#endif
