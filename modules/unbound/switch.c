/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Switches. unbound-control reaches the modules through a view that no client uses: its local
 * zones "MODULE." and "ZONE.MODULE." are the switches (type refuse: off, transparent: on), and
 * the modules publish "status.MODULE." and "stats.MODULE." there.
 */
#include "cache.h"
#include "counters.h"
#include "switch.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/** What a switch in the view says. */
enum position { POSITION_ABSENT, POSITION_ON, POSITION_OFF };

/** The switch of the module, and one for each rule. */
struct toggle {
	/** its name in the view, wire format */
	size_t name_len;
	int label_count;
	uint8_t name[SB_DNAME_MAX];
	enum position position;
	/** what unbound.conf said */
	enum position configured;
	/** when it came into its position; seconds since 1970 */
	time_t since;
};

struct sb_switch {
	struct toggle module;
	struct toggle *rule;
	/** polls until what was under way at the last change has ended and is swept, too */
	unsigned sweeps_left;
	/** what the last published counters add up to, and the generation of the last status */
	uint64_t published_sum;
	unsigned published_generation;
	bool ever_published;
	/** when counters may be published again; milliseconds of the monotonic clock */
	int64_t next_publish;
};

/** Sweeps after a change, one a second: queries that were under way may store what was right
 * before; the modules do not, the iterator may. */
#define SWEEPS_AFTER_CHANGE 3

/** The name ZONE.MODULE. or, without a zone, MODULE. */
static bool set_name(struct toggle *toggle, const struct sb_job *job, const struct sb_dname *zone)
{
	size_t module_len = strlen(job->name), zone_len = zone != NULL ? zone->wire_len - 1 : 0;
	struct sb_dname name;

	if (zone_len + 1 + module_len + 1 > SB_DNAME_MAX)
		return false;
	if (zone != NULL)
		memcpy(toggle->name, zone->wire, zone_len);
	toggle->name[zone_len] = (uint8_t)module_len;
	memcpy(toggle->name + zone_len + 1, job->name, module_len);
	toggle->name[zone_len + 1 + module_len] = 0;
	toggle->name_len = zone_len + 1 + module_len + 1;
	if (sb_dname_parse(&name, toggle->name, toggle->name_len) != SB_OK)
		return false;
	/* Unbound counts the root */
	toggle->label_count = (int)name.label_count + 1;
	return true;
}

/** What unbound.conf says of a switch. */
static enum position configured_position(const struct sb_unbound_view *view,
					 const struct toggle *toggle)
{
	const struct config_str2list *line;
	enum position position = POSITION_ABSENT;

	for (line = view->local_zones; line != NULL; line = line->next) {
		uint8_t wire[SB_DNAME_MAX];
		size_t wire_len;

		if (sb_dname_from_text(line->str, wire, &wire_len) != SB_OK ||
		    wire_len != toggle->name_len || !sb_octets_equal(wire, toggle->name, wire_len))
			continue;
		if (strcmp(line->str2, "refuse") == 0)
			position = POSITION_OFF;
		else if (strcmp(line->str2, "transparent") == 0)
			position = POSITION_ON;
	}
	return position;
}

static void toggle_make(struct toggle *toggle, const struct sb_job *job,
			const struct sb_dname *zone, const struct sb_unbound_view *view)
{
	/* a zone whose name leaves no room for the module's has no switch of its own */
	if (!set_name(toggle, job, zone))
		toggle->name_len = 0;
	else
		toggle->configured = configured_position(view, toggle);
	toggle->position = toggle->configured;
	toggle->since = time(NULL);
}

/** Put the positions into force: the rule's own, else the module's, else on. */
static void apply(struct sb_state *state)
{
	const struct sb_switch *switches = state->switches;
	unsigned i;

	for (i = 0; i < state->rules->count; i++) {
		enum position position = switches->rule[i].position;

		if (position == POSITION_ABSENT)
			position = switches->module.position;
		atomic_store_explicit(&state->off[i], position == POSITION_OFF,
				      memory_order_release);
	}
}

int sb_switches_make(struct sb_state *state, const struct sb_unbound_view *view)
{
	unsigned i;

	state->off = calloc(state->rules->count + 1, sizeof(*state->off));
	state->switches = calloc(1, sizeof(*state->switches));
	if (state->off == NULL || state->switches == NULL)
		return 0;
	state->switches->rule = calloc(state->rules->count + 1, sizeof(*state->switches->rule));
	if (state->switches->rule == NULL)
		return 0;
	toggle_make(&state->switches->module, state->job, NULL, view);
	for (i = 0; i < state->rules->count; i++) {
		const struct sb_dname *zone = state->rules->name[i];

		if (zone != NULL)
			toggle_make(&state->switches->rule[i], state->job, zone, view);
	}
	apply(state);
	return 1;
}

void sb_switches_free(struct sb_state *state)
{
	if (state->switches != NULL)
		free(state->switches->rule);
	free(state->switches);
	free(state->off);
	state->switches = NULL;
	state->off = NULL;
}

/** Look at one switch; the view is locked. @return whether it has moved. */
static bool look(struct toggle *toggle, struct local_zones *zones)
{
	enum position position = POSITION_ABSENT;
	struct local_zone *zone = NULL;

	if (toggle->name_len == 0)
		return false;
	if (zones != NULL) {
		lock_rw_rdlock(&zones->lock);
		zone = local_zones_find(zones, toggle->name, toggle->name_len, toggle->label_count,
					LDNS_RR_CLASS_IN);
		if (zone != NULL) {
			lock_rw_rdlock(&zone->lock);
			if (zone->type == local_zone_refuse)
				position = POSITION_OFF;
			else if (zone->type == local_zone_transparent)
				position = POSITION_ON;
			lock_rw_unlock(&zone->lock);
		}
		lock_rw_unlock(&zones->lock);
	}
	if (position == toggle->position)
		return false;
	toggle->position = position;
	/* (Unbound's own time stands still while its thread has nothing to do) */
	toggle->since = time(NULL);
	return true;
}

void sb_switches_poll(struct sb_state *state, struct module_env *env)
{
	struct sb_switch *switches = state->switches;
	struct views *views = sb_compat_views(env);
	struct view *view = views != NULL ? views_find_view(views, SB_VIEW, 0) : NULL;
	struct local_zones *zones = view != NULL ? view->local_zones : NULL;
	bool moved = look(&switches->module, zones);
	unsigned i;

	for (i = 0; i < state->rules->count; i++)
		moved = look(&switches->rule[i], zones) || moved;
	if (view != NULL)
		lock_rw_unlock(&view->lock);
	if (moved) {
		apply(state);
		atomic_fetch_add_explicit(&state->generation, 1, memory_order_acq_rel);
		switches->sweeps_left = SWEEPS_AFTER_CHANGE;
	}
	if (switches->sweeps_left > 0) {
		switches->sweeps_left--;
		sb_cache_renew(state, env);
	}
}

/* --- status and counters, for unbound-control view_list_local_data --- */

/** Where records go. */
struct sink {
	struct local_zones *zones;
	/** of the records: OWNER.JOB. */
	const char *owner, *job;
	/** how many there are */
	unsigned count;
};

/** Records of one name: more are below it, "1.status.MODULE." and so on, because the time and
 * memory of Unbound's RRsets grow with the square of their size. */
#define RECORDS_OF_NAME 64

/** Octets that a string of a TXT record holds (RFC 1035 section 3.3.14). */
#define TXT_STRING_MAX 255

static void add_record(struct sink *sink, const char *text)
{
	char record[SB_DNAME_TEXT_MAX + 256], below[16] = "";

	/* of the longest zones nothing is said: Unbound would log each time that it cannot be */
	if (strlen(text) > TXT_STRING_MAX)
		return;
	if (sink->count >= RECORDS_OF_NAME)
		snprintf(below, sizeof(below), "%u.", sink->count / RECORDS_OF_NAME);
	sink->count++;
	snprintf(record, sizeof(record), "%s%s.%s. 0 IN TXT \"%s\"", below, sink->owner, sink->job,
		 text);
	/* what there is no memory for is published the next time */
	(void)local_zones_add_RR(sink->zones, record);
}

/** The name of a sink's zone, in wire. @return its labels as Unbound counts them, 0 for none. */
static int sink_name(const struct sink *sink, uint8_t wire[SB_DNAME_MAX], size_t *wire_len)
{
	struct sb_dname name;
	char text[128];

	snprintf(text, sizeof(text), "%s.%s.", sink->owner, sink->job);
	if (sb_dname_from_text(text, wire, wire_len) != SB_OK ||
	    sb_dname_parse(&name, wire, *wire_len) != SB_OK)
		return 0;
	return (int)name.label_count + 1;
}

/** Whether the sink's zone is there. A fast_reload makes the view anew. */
static bool has_zone(const struct sink *sink)
{
	uint8_t wire[SB_DNAME_MAX];
	size_t wire_len;
	int labels = sink_name(sink, wire, &wire_len);
	bool found;

	if (labels == 0)
		return false;
	lock_rw_rdlock(&sink->zones->lock);
	found = local_zones_find(sink->zones, wire, wire_len, labels, LDNS_RR_CLASS_IN) != NULL;
	lock_rw_unlock(&sink->zones->lock);
	return found;
}

/**
 * Make the sink's zone anew, without records. It must be a zone of its own: in that of a switch
 * the records could not be removed. @return whether it is there.
 */
static bool renew_zone(const struct sink *sink)
{
	uint8_t wire[SB_DNAME_MAX], *owned;
	struct local_zone *zone;
	size_t wire_len;
	int labels = sink_name(sink, wire, &wire_len);
	bool made = false;

	if (labels == 0)
		return false;
	lock_rw_wrlock(&sink->zones->lock);
	zone = local_zones_find(sink->zones, wire, wire_len, labels, LDNS_RR_CLASS_IN);
	if (zone != NULL)
		local_zones_del_zone(sink->zones, zone);
	owned = memdup(wire, wire_len);
	if (owned != NULL)
		made = local_zones_add_zone(sink->zones, owned, wire_len, labels, LDNS_RR_CLASS_IN,
					    local_zone_static) != NULL;
	lock_rw_unlock(&sink->zones->lock);
	return made;
}

/** @param module: the module's switch, which a zone without one of its own follows. */
static void publish_switch(struct sink *sink, const struct toggle *toggle,
			   const struct toggle *module, const char *zone, bool off)
{
	const char *source = "file";
	char text[SB_DNAME_TEXT_MAX + 64];

	if (toggle->position == POSITION_ABSENT && toggle->position == toggle->configured)
		toggle = module;
	if (toggle->position != toggle->configured)
		source = "control";
	else if (toggle->position != POSITION_ABSENT)
		source = "unbound.conf";
	snprintf(text, sizeof(text), "%s %s %lld %s", zone, off ? "off" : "on",
		 (long long)toggle->since, source);
	add_record(sink, text);
}

static void emit_counter(void *arg, const char *name, uint64_t value)
{
	char text[128];

	snprintf(text, sizeof(text), ". %s %llu", name, (unsigned long long)value);
	add_record(arg, text);
}

static void add_up(void *arg, const char *name, uint64_t value)
{
	(void)name;
	*(uint64_t *)arg += value;
}

/** A number that moves when a counter does: counters only grow. */
static uint64_t counters_sum(const struct sb_state *state)
{
	uint64_t sum = 0;
	unsigned i, j;

	for (i = 0; i < state->rules->count; i++) {
		for (j = 0; j < state->job->counter_count; j++)
			sum += sb_counter_sum(state, i, j);
	}
	if (state->job->more_counters != NULL)
		state->job->more_counters(state, add_up, &sum);
	return sum;
}

static void publish_status(const struct sb_state *state, struct sink *sink)
{
	const struct sb_switch *switches = state->switches;
	unsigned i;

	publish_switch(sink, &switches->module, &switches->module, ".",
		       switches->module.position == POSITION_OFF);
	for (i = 0; i < state->rules->count; i++) {
		const struct sb_dname *zone = sb_shown_name(state, i);
		char name[SB_DNAME_TEXT_MAX];

		if (zone == NULL)
			continue;
		sb_dname_to_text(zone, 0, name);
		publish_switch(sink, &switches->rule[i], &switches->module, name,
			       sb_is_off(state, i));
	}
}

static void publish_stats(const struct sb_state *state, struct sink *sink)
{
	unsigned i, j;

	for (i = 0; i < state->rules->count; i++) {
		const struct sb_dname *zone = sb_shown_name(state, i);
		char name[SB_DNAME_TEXT_MAX], text[SB_DNAME_TEXT_MAX + 128];

		if (zone == NULL)
			continue;
		sb_dname_to_text(zone, 0, name);
		for (j = 0; j < state->job->counter_count; j++) {
			uint64_t count = sb_counter_sum(state, i, j);

			if (count == 0)
				continue;
			snprintf(text, sizeof(text), "%s %s %llu", name,
				 state->job->counter_names[j], (unsigned long long)count);
			add_record(sink, text);
		}
	}
	if (state->job->more_counters != NULL)
		state->job->more_counters(state, emit_counter, sink);
}

static int64_t monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void sb_switches_publish(struct sb_state *state, struct module_env *env)
{
	struct sb_switch *switches = state->switches;
	struct sink status = {.owner = "status", .job = state->job->name};
	struct sink stats = {.owner = "stats", .job = state->job->name};
	struct views *views = sb_compat_views(env);
	int64_t began = monotonic_ms();
	uint64_t sum = counters_sum(state);
	bool status_due, stats_due;
	struct view *view = views != NULL ? views_find_view(views, SB_VIEW, 0) : NULL;

	if (view == NULL)
		return;
	status.zones = stats.zones = view->local_zones;
	status_due = !switches->ever_published || status.zones == NULL || !has_zone(&status) ||
		     switches->published_generation != sb_generation(state);
	stats_due = status.zones == NULL || !has_zone(&stats) ||
		    (sum != switches->published_sum && began >= switches->next_publish);
	lock_rw_unlock(&view->lock);
	if (!status_due && !stats_due)
		return;
	view = views_find_view(views, SB_VIEW, 1);
	if (view == NULL)
		return;
	if (view->local_zones == NULL)
		view->local_zones = local_zones_create();
	status.zones = stats.zones = view->local_zones;
	if (status.zones != NULL && status_due && renew_zone(&status)) {
		publish_status(state, &status);
		switches->published_generation = sb_generation(state);
		switches->ever_published = true;
	}
	if (stats.zones != NULL && stats_due && renew_zone(&stats)) {
		publish_stats(state, &stats);
		switches->published_sum = sum;
		/* of the worker's time a hundredth at most */
		switches->next_publish = began + 100 * (monotonic_ms() - began);
	}
	lock_rw_unlock(&view->lock);
}
