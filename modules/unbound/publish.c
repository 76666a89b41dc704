/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Records in the view "sitebound" that tell of switches and counters. There may be very many:
 * they are written a slice at a time, and the last one, "complete", says that all are there.
 */
#include "clock.h"
#include "counters.h"
#include "publish.h"
#include "switch.h"

/** Records of one name: more are below it, "1.status.JOB." and so on, because the time and memory
 * of Unbound's RRsets grow with the square of their size. */
#define RECORDS_OF_NAME 64

/** Octets that a string of a TXT record holds (RFC 1035 section 3.3.14). */
#define TXT_STRING_MAX 255

/** How often it is looked whether there is something to publish. */
#define LOOK_EVERY_NS 1000000000

/** Where records go. */
struct sink {
	struct local_zones *zones;
	const struct sb_state *state;
	struct sb_publication *publication;
};

/** A publication's own name: OWNER.JOB. */
static const char *const owners[SB_PUBLICATIONS] = {"status", "stats"};

static void add_record(struct sink *sink, const char *text)
{
	struct sb_publication *publication = sink->publication;
	char record[SB_DNAME_TEXT_MAX + 256], below[16] = "";

	/* of the longest zones nothing is said: Unbound would log each time that it cannot be */
	if (strlen(text) > TXT_STRING_MAX)
		return;
	if (publication->records >= RECORDS_OF_NAME)
		snprintf(below, sizeof(below), "%u.", publication->records / RECORDS_OF_NAME);
	publication->records++;
	snprintf(record, sizeof(record), "%s%s.%s. 0 IN TXT \"%s\"", below, publication->owner,
		 sink->state->job->name, text);
	/* what there is no memory for is published the next time */
	(void)local_zones_add_RR(sink->zones, record);
}

/** The name of a sink's zone, in wire. @return its labels as Unbound counts them, 0 for none. */
static int sink_name(const struct sink *sink, uint8_t wire[SB_DNAME_MAX], size_t *wire_len)
{
	struct sb_dname name;
	char text[128];

	snprintf(text, sizeof(text), "%s.%s.", sink->publication->owner, sink->state->job->name);
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

	if (labels == 0 || sink->zones == NULL)
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

/* --- status --- */

static void add_switch(struct sink *sink, const struct sb_switch *toggle, const char *zone,
		       bool off)
{
	const char *source = "file";
	char text[SB_DNAME_TEXT_MAX + 64];

	/* one without a word of its own follows the job's */
	if (toggle->position == SB_POSITION_ABSENT && toggle->configured == SB_POSITION_ABSENT)
		toggle = &sink->state->switches[0];
	if (toggle->position != toggle->configured)
		source = "control";
	else if (toggle->position != SB_POSITION_ABSENT)
		source = "unbound.conf";
	snprintf(text, sizeof(text), "%s %s %lld %s", zone, off ? "off" : "on",
		 (long long)toggle->since, source);
	add_record(sink, text);
}

static void add_status_of_job(struct sink *sink)
{
	const struct sb_switch *toggle = &sink->state->switches[0];

	add_switch(sink, toggle, ".", toggle->position == SB_POSITION_OFF);
}

static void add_status(struct sink *sink, unsigned rule, const char *name)
{
	add_switch(sink, sb_switch_of(sink->state, rule), name, sb_is_off(sink->state, rule));
}

/* --- counters --- */

static void add_counter(void *arg, const char *name, uint64_t value)
{
	char text[128];

	snprintf(text, sizeof(text), ". %s %llu", name, (unsigned long long)value);
	add_record(arg, text);
}

static void add_stats_of_job(struct sink *sink)
{
	if (sink->state->job->more_counters != NULL)
		sink->state->job->more_counters(sink->state, add_counter, sink);
}

static void add_stats(struct sink *sink, unsigned rule, const char *name)
{
	const struct sb_job *job = sink->state->job;
	char text[SB_DNAME_TEXT_MAX + 128];
	unsigned i;

	for (i = 0; i < job->counter_count; i++) {
		uint64_t count = sb_counter_sum(sink->state, rule, i);

		if (count == 0)
			continue;
		snprintf(text, sizeof(text), "%s %s %llu", name, job->counter_names[i],
			 (unsigned long long)count);
		add_record(sink, text);
	}
}

static void add_up(void *arg, const char *name, uint64_t value)
{
	(void)name;
	*(uint64_t *)arg += value;
}

/** A number that moves when a counter does: counters only grow. */
static uint64_t sum_of(const struct sb_state *state)
{
	uint64_t sum = sb_counters_moved(state);

	if (state->job->more_counters != NULL)
		state->job->more_counters(state, add_up, &sum);
	return sum;
}

/* --- slices --- */

static const struct {
	void (*of_job)(struct sink *sink);
	void (*of_rule)(struct sink *sink, unsigned rule, const char *name);
} contents[SB_PUBLICATIONS] = {
	{add_status_of_job, add_status},
	{add_stats_of_job, add_stats},
};

/** Whether a publication must be made anew. */
static bool is_due(const struct sink *sink, unsigned which, uint64_t mark, int64_t now_ns)
{
	const struct sb_publication *publication = sink->publication;

	if (publication->busy || !has_zone(sink))
		return true;
	return publication->mark != mark && (which == 0 || now_ns >= publication->not_before_ns);
}

/** Write until it is complete or time is up; the view is locked. */
static void write_records(struct sink *sink, unsigned which, int64_t until_ns)
{
	struct sb_publication *publication = sink->publication;
	const struct sb_state *state = sink->state;

	if (publication->rule == 0)
		(*contents[which].of_job)(sink);
	while (publication->rule < state->rules->count) {
		const struct sb_dname *zone = sb_shown_name(state, publication->rule);
		char name[SB_DNAME_TEXT_MAX];

		if (zone != NULL) {
			sb_dname_to_text(zone, name);
			(*contents[which].of_rule)(sink, publication->rule, name);
		}
		publication->rule++;
		if (publication->rule % 64 == 0 && sb_monotonic_ns() >= until_ns)
			return;
	}
	add_record(sink, ". complete");
	publication->busy = false;
}

/** Do a slice of one publication. @return whether it is not complete. */
static bool publish(struct sb_state *state, unsigned which, struct views *views, int64_t until_ns)
{
	struct sb_publication *publication = &state->publication[which];
	struct sink sink = {.state = state, .publication = publication};
	int64_t began_ns = sb_monotonic_ns();
	struct view *view;

	view = views_find_view(views, SB_VIEW, 1);
	if (view == NULL)
		return false;
	if (view->local_zones == NULL)
		view->local_zones = local_zones_create();
	sink.zones = view->local_zones;
	if (sink.zones != NULL && (!publication->busy || !has_zone(&sink))) {
		publication->busy = renew_zone(&sink);
		publication->mark = which == 0 ? sb_generation(state) : sum_of(state);
		publication->rule = 0;
		publication->records = 0;
		publication->spent_ns = 0;
	}
	if (sink.zones != NULL && publication->busy)
		write_records(&sink, which, until_ns);
	lock_rw_unlock(&view->lock);
	publication->spent_ns += sb_monotonic_ns() - began_ns;
	/* of the worker's time a hundredth at most */
	publication->not_before_ns = began_ns + 100 * publication->spent_ns;
	return publication->busy;
}

bool sb_publish(struct sb_module *module, struct module_env *env, int64_t until_ns)
{
	struct views *views = sb_compat_views(env);
	int64_t now_ns = sb_monotonic_ns();
	bool busy = false, due[SB_JOBS_MAX][SB_PUBLICATIONS] = {{false}};
	struct view *view;
	unsigned i, j;

	if (!module->publishing && now_ns < module->next_publish_ns)
		return false;
	module->next_publish_ns = now_ns + LOOK_EVERY_NS;
	view = views != NULL ? views_find_view(views, SB_VIEW, 0) : NULL;
	if (view == NULL)
		return false;
	for (i = 0; i < module->job_count; i++) {
		struct sb_state *state = &module->job[i];
		uint64_t mark[SB_PUBLICATIONS] = {sb_generation(state), sum_of(state)};

		for (j = 0; j < SB_PUBLICATIONS; j++) {
			struct sink sink = {.zones = view->local_zones,
					    .state = state,
					    .publication = &state->publication[j]};

			sink.publication->owner = owners[j];
			due[i][j] = is_due(&sink, j, mark[j], now_ns);
		}
	}
	lock_rw_unlock(&view->lock);
	for (i = 0; i < module->job_count; i++) {
		for (j = 0; j < SB_PUBLICATIONS; j++) {
			if (!due[i][j])
				continue;
			if (sb_monotonic_ns() >= until_ns ||
			    publish(&module->job[i], j, views, until_ns))
				busy = true;
		}
	}
	module->publishing = busy;
	return busy;
}
