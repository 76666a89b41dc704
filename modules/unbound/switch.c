/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Switches. unbound-control reaches the jobs through a view that no client uses: its local zones
 * "JOB." and "ZONE.JOB." are the switches (type refuse: off, transparent: on). A look at them goes
 * by what is in the view, and not by the rules, of which there may be very many.
 */
#include "counters.h"
#include "switch.h"

#include <stdlib.h>
#include <string.h>

int sb_switches_make(struct sb_state *state)
{
	unsigned count = state->rules->count, i;
	time_t now = time(NULL);

	state->off = calloc(count + 1, sizeof(*state->off));
	state->switches = calloc(count + 1, sizeof(*state->switches));
	if (state->off == NULL || state->switches == NULL)
		return 0;
	for (i = 0; i <= count; i++) {
		state->switches[i].state = state;
		state->switches[i].since = now;
	}
	return 1;
}

void sb_switches_free(struct sb_state *state)
{
	free(state->switches);
	free(state->off);
	state->switches = NULL;
	state->off = NULL;
}

/** Know a switch by its name: ZONE.JOB. or, without a zone, JOB. @return 0 when memory is short. */
static int know(struct sb_zones *names, struct sb_switch *toggle, const struct sb_dname *zone)
{
	const char *job = toggle->state->job->name;
	size_t job_len = strlen(job), zone_len = zone != NULL ? zone->wire_len - 1 : 0;
	uint8_t wire[SB_DNAME_MAX + 1 + SB_LABEL_MAX];
	struct sb_dname name;

	if (zone != NULL)
		memcpy(wire, zone->wire, zone_len);
	wire[zone_len] = (uint8_t)job_len;
	memcpy(wire + zone_len + 1, job, job_len + 1);
	/* a zone whose name leaves no room for the job's has no switch of its own */
	if (sb_dname_parse(&name, wire, zone_len + 1 + job_len + 1) != SB_OK)
		return 1;
	return sb_zones_add(names, &name, toggle) != SB_ENOMEM;
}

/** Put the positions into force: the rule's own, else the job's, else on. */
static void apply(struct sb_state *state)
{
	unsigned i;

	for (i = 0; i < state->rules->count; i++) {
		enum sb_position position = sb_switch_of(state, i)->position;

		if (position == SB_POSITION_ABSENT)
			position = state->switches[0].position;
		atomic_store_explicit(&state->off[i], position == SB_POSITION_OFF,
				      memory_order_release);
	}
}

static void present(struct sb_module *module, struct sb_switch *toggle)
{
	toggle->next_present = module->present;
	module->present = toggle;
}

int sb_switches_configure(struct sb_module *module, const struct sb_unbound_view *view)
{
	const struct config_str2list *line;
	unsigned i, j;

	module->switch_names = sb_zones_new();
	if (module->switch_names == NULL)
		return 0;
	for (i = 0; i < module->job_count; i++) {
		struct sb_state *state = &module->job[i];

		if (!know(module->switch_names, &state->switches[0], NULL))
			return 0;
		for (j = 0; j < state->rules->count; j++) {
			const struct sb_dname *name = sb_shown_name(state, j);

			if (name != NULL &&
			    !know(module->switch_names, &state->switches[1 + j], name))
				return 0;
		}
	}
	for (line = view->local_zones; line != NULL; line = line->next) {
		struct sb_switch *toggle = NULL;
		uint8_t wire[SB_DNAME_MAX];
		struct sb_dname name;
		size_t wire_len;

		if (sb_dname_from_text(line->str, wire, &wire_len) == SB_OK &&
		    sb_dname_parse(&name, wire, wire_len) == SB_OK)
			toggle = sb_zones_get(module->switch_names, &name);
		if (toggle == NULL)
			continue;
		if (strcmp(line->str2, "refuse") == 0)
			toggle->configured = SB_POSITION_OFF;
		else if (strcmp(line->str2, "transparent") == 0)
			toggle->configured = SB_POSITION_ON;
		else
			continue;
		if (toggle->position == SB_POSITION_ABSENT)
			present(module, toggle);
		toggle->position = toggle->configured;
	}
	for (i = 0; i < module->job_count; i++)
		apply(&module->job[i]);
	return 1;
}

static void move(struct sb_switch *toggle, enum sb_position position, unsigned *moved)
{
	if (position == toggle->position)
		return;
	toggle->position = position;
	/* (Unbound's own time stands still while its thread has nothing to do) */
	toggle->since = time(NULL);
	*moved |= 1U << toggle->state->index;
}

/** Look at the zones of the view, which is locked. */
static void look_at_zones(struct sb_module *module, struct local_zones *zones, unsigned *moved)
{
	struct local_zone *zone;

	lock_rw_rdlock(&zones->lock);
	RBTREE_FOR (zone, struct local_zone *, &zones->ztree) {
		enum sb_position position = SB_POSITION_ABSENT;
		struct sb_switch *toggle;
		struct sb_dname name;

		if (sb_dname_parse(&name, zone->name, zone->namelen) != SB_OK)
			continue;
		toggle = sb_zones_get(module->switch_names, &name);
		if (toggle == NULL)
			continue;
		lock_rw_rdlock(&zone->lock);
		if (zone->type == local_zone_refuse)
			position = SB_POSITION_OFF;
		else if (zone->type == local_zone_transparent)
			position = SB_POSITION_ON;
		lock_rw_unlock(&zone->lock);
		if (position == SB_POSITION_ABSENT)
			continue;
		toggle->look = module->look;
		if (toggle->position == SB_POSITION_ABSENT)
			present(module, toggle);
		move(toggle, position, moved);
	}
	lock_rw_unlock(&zones->lock);
}

unsigned sb_switches_look(struct sb_module *module, struct module_env *env)
{
	struct views *views = sb_compat_views(env);
	struct view *view = views != NULL ? views_find_view(views, SB_VIEW, 0) : NULL;
	struct sb_switch **at, *toggle;
	unsigned moved = 0, i;

	module->look++;
	if (view != NULL && view->local_zones != NULL)
		look_at_zones(module, view->local_zones, &moved);
	if (view != NULL)
		lock_rw_unlock(&view->lock);
	for (at = &module->present; (toggle = *at) != NULL;) {
		if (toggle->look == module->look) {
			at = &toggle->next_present;
		} else {
			*at = toggle->next_present;
			move(toggle, SB_POSITION_ABSENT, &moved);
		}
	}
	for (i = 0; i < module->job_count; i++) {
		if ((moved & 1U << i) == 0)
			continue;
		apply(&module->job[i]);
		atomic_fetch_add_explicit(&module->job[i].generation, 1, memory_order_acq_rel);
	}
	if (moved != 0)
		atomic_store_explicit(&module->moved_at, time(NULL), memory_order_release);
	return moved;
}
