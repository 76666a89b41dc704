/* SPDX-License-Identifier: BSD-3-Clause */
#define _GNU_SOURCE
#include "unbound_check.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../modules/large/large.h"
#include "../modules/noaaaa/noaaaa.h"
#include "../modules/report/format.h"
#include "../modules/report/report.h"
#include "../modules/synth/synth.h"

/** The jobs in their order, and what a dynlib-file may be besides one of them. */
enum module { REPORT, SYNTH, NOAAAA, LARGE, MODULES, ALL = MODULES, NOT_OURS };
static const char *const module_names[] = {"report", "synth", "noaaaa", "large", "sitebound"};

/** A zone that a module answers in. */
struct own_zone {
	enum module module;
	const struct sb_dname *apex;
	/** a reverse zone of synth */
	bool reverse;
	/** it passes no name on, and may be answered in the place of a local zone */
	bool closed;
};

/** A name that Unbound itself does something with. */
struct mark {
	struct sb_dname name;
	uint8_t wire[SB_DNAME_MAX];
	char text[SB_DNAME_TEXT_MAX];
	/** the statement; NULL for what is built in */
	const struct unbound_statement *statement;
	/** local-zone: it answers; trust anchors: it is an anchor, not a domain-insecure */
	bool holds;
	/** the type of a local-zone, and whether local-data gives it an SOA record */
	const char *type;
	bool has_soa;
	/** said of an anchor whose name could not be read */
	const char *assumed;
};

/** The marks of one kind, found by their name. */
struct marks {
	struct sb_zones *set;
	struct mark **mark;
	size_t count;
};

struct check {
	const struct unbound_conf *unbound;
	const char *path;
	/** sections of the loaded modules; NULL: not loaded, or no section */
	const struct report_conf *report;
	const struct synth_conf *synth;
	const struct noaaaa_conf *noaaaa;
	const struct large_conf *large;
	bool loaded[MODULES];
	bool validates;
	struct sb_arena *arena;
	struct own_zone *zone;
	size_t zone_count;
	struct marks local_zones;
	struct marks anchors;
	unsigned warnings;
};

static void tell(struct check *check, const struct unbound_statement *at, const char *what,
		 const char *format, ...) SB_PRINTF(4, 5);

static void tell(struct check *check, const struct unbound_statement *at, const char *what,
		 const char *format, ...)
{
	va_list args;

	if (at != NULL)
		fprintf(stderr, "%s:%u: %s: ", at->file, at->line, what);
	else
		fprintf(stderr, "%s: %s: ", check->path, what);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	putc('\n', stderr);
	if (strcmp(what, "warning") == 0)
		check->warnings++;
}

static bool is_statement(const struct unbound_statement *at, const char *clause, const char *key)
{
	return strcmp(at->clause, clause) == 0 && strcmp(at->key, key) == 0;
}

/** Whether the last of these statements of the server clause says yes. */
static bool says_yes(const struct check *check, const char *key)
{
	const struct unbound_statement *at = unbound_conf_last(check->unbound, "server", key);

	return at != NULL && strcmp(at->value[0], "yes") == 0;
}

char *unbound_check_locate(const struct unbound_conf *unbound)
{
	const struct unbound_statement *at,
		*chroot = unbound_conf_last(unbound, "server", "chroot");
	const char *root = chroot != NULL ? chroot->value[0] : "";
	size_t root_len = strlen(root);
	char *path = NULL, *whole;
	unsigned view = 0;

	/* the last name of a view counts, and it may stand behind the data */
	for (at = unbound->first; at != NULL && view == 0; at = at->next) {
		if (is_statement(at, "view", "name") && strcmp(at->value[0], "sitebound") == 0)
			view = at->clause_number;
	}
	for (at = unbound->first; at != NULL && path == NULL; at = at->next) {
		if (view != 0 && at->clause_number == view &&
		    is_statement(at, "view", "local-data"))
			path = sb_conf_path_from_record(at->value[0]);
	}
	if (path == NULL)
		path = strdup(SB_DEFAULT_CONF);
	while (root_len > 0 && root[root_len - 1] == '/')
		root_len--;
	if (path == NULL || root_len == 0 ||
	    (strncmp(path, root, root_len) == 0 && path[root_len] == '/'))
		return path;
	whole = malloc(root_len + strlen(path) + 2);
	if (whole != NULL)
		sprintf(whole, "%.*s%s%s", (int)root_len, root, path[0] == '/' ? "" : "/", path);
	free(path);
	return whole;
}

/* --- the order of modules --- */

/** The module that a path names. */
static enum module module_of(const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path;
	unsigned i;

	for (i = 0; i < NOT_OURS; i++) {
		size_t len = strlen(module_names[i]);

		if (strncmp(base, module_names[i], len) == 0 && strcmp(base + len, ".so") == 0)
			break;
	}
	return (enum module)i;
}

static void check_modules(struct check *check)
{
	/* what must not stand in front of ours, and why */
	static const struct {
		const char *word, *why;
	} in_front[] = {
		{"dns64", "it would make AAAA answers that the modules never see"},
		{"respip", "it would change the modules' answers"},
		{"subnetcache", "it would keep the modules' answers by client"},
		{"cachedb", "it would keep the modules' answers behind their back"},
		{"validator", "the modules' answers would be taken for bogus"},
		{"iterator", "the modules would never be asked"},
	};
	const struct unbound_statement *order = unbound_conf_last(check->unbound, "server",
								  "module-config");
	const struct unbound_statement *at = check->unbound->first;
	const char *word = order != NULL ? order->value[0] : "validator iterator";
	bool front_seen[sizeof(in_front) / sizeof(in_front[0])] = {false};
	bool front_said[sizeof(in_front) / sizeof(in_front[0])] = {false};
	unsigned instances = 0, files = 0, i;
	int latest = -1;

	for (;;) {
		const struct unbound_statement *file = NULL;
		size_t len;
		enum module module;

		word += strspn(word, " \t");
		len = strcspn(word, " \t");
		if (len == 0)
			break;
		for (i = 0; i < sizeof(in_front) / sizeof(in_front[0]); i++) {
			if (len == strlen(in_front[i].word) &&
			    strncmp(word, in_front[i].word, len) == 0)
				front_seen[i] = true;
		}
		if (len == 9 && strncmp(word, "validator", len) == 0)
			check->validates = true;
		if (len != 6 || strncmp(word, "dynlib", len) != 0) {
			word += len;
			continue;
		}
		word += len;
		/* the words and the files go together in their order */
		instances++;
		for (; at != NULL && file == NULL; at = at->next) {
			if (is_statement(at, "dynlib", "dynlib-file"))
				file = at;
		}
		if (file == NULL)
			continue;
		files++;
		module = module_of(file->value[0]);
		if (module == NOT_OURS)
			continue;
		for (i = 0; i < MODULES; i++) {
			if (module != ALL && module != i)
				continue;
			if (check->loaded[i])
				tell(check, file, "warning",
				     "%s is done by a module in front already: this one will "
				     "refuse "
				     "to load",
				     module_names[i]);
			check->loaded[i] = true;
		}
		if ((int)module < latest)
			tell(check, file, "warning",
			     "%s stands behind %s; the documented order is report, synth, noaaaa, "
			     "large",
			     module_names[module], module_names[latest]);
		else
			latest = module == ALL ? MODULES - 1 : (int)module;
		for (i = 0; i < sizeof(in_front) / sizeof(in_front[0]); i++) {
			/* once is enough for all modules behind it */
			if (front_seen[i] && !front_said[i])
				tell(check, order, "warning", "%s stands in front of %s: %s",
				     in_front[i].word, module_names[module], in_front[i].why);
			front_said[i] = front_seen[i];
		}
	}
	if (instances > files)
		tell(check, order, "warning",
		     "module-config has %u dynlib, but there %s %u dynlib-file: Unbound will not "
		     "start",
		     instances, files == 1 ? "is" : "are", files);
	for (; at != NULL; at = at->next) {
		if (is_statement(at, "dynlib", "dynlib-file"))
			tell(check, at, "warning",
			     "%s is not loaded: module-config has only %u dynlib", at->value[0],
			     instances);
	}
}

/* --- names --- */

static void marks_free(void *set)
{
	sb_zones_free(set);
}

static bool marks_init(struct check *check, struct marks *marks)
{
	marks->set = sb_zones_new();
	return marks->set != NULL && sb_arena_cleanup(check->arena, marks_free, marks->set) == 0;
}

/** A mark at a name; one that is there already stays and is returned. NULL: no memory. */
static struct mark *mark_at(struct check *check, struct marks *marks, const uint8_t *wire,
			    size_t wire_len)
{
	struct mark *made = sb_arena_alloc(check->arena, sizeof(*made)), **grown;

	if (made == NULL)
		return NULL;
	sb_octets_lower(made->wire, wire, wire_len);
	if (sb_dname_parse(&made->name, made->wire, wire_len) != SB_OK)
		return NULL;
	switch (sb_zones_add(marks->set, &made->name, made)) {
	case SB_OK:
		break;
	case SB_EEXIST:
		return sb_zones_get(marks->set, &made->name);
	default:
		return NULL;
	}
	sb_dname_to_text(&made->name, made->text);
	grown = sb_arena_grow(check->arena, marks->mark, marks->count, sizeof(struct mark *));
	if (grown == NULL)
		return NULL;
	grown[marks->count++] = made;
	marks->mark = grown;
	return made;
}

/** The same for a name in text. What is no name, of which Unbound will say so, has no mark.
 * @return whether there was memory. */
static bool mark_at_text(struct check *check, struct marks *marks, const char *text,
			 struct mark **made)
{
	uint8_t wire[SB_DNAME_MAX];
	size_t wire_len;

	*made = NULL;
	if (sb_dname_from_master_text(text, strlen(text), wire, &wire_len) != SB_OK)
		return true;
	*made = mark_at(check, marks, wire, wire_len);
	return *made != NULL;
}

/* --- the modules' zones --- */

static bool add_zone(struct check *check, enum module module, const struct sb_dname *apex,
		     bool reverse, bool closed)
{
	struct own_zone *grown = sb_arena_grow(check->arena, check->zone, check->zone_count,
					       sizeof(*grown));

	if (grown == NULL)
		return false;
	grown[check->zone_count].module = module;
	grown[check->zone_count].apex = apex;
	grown[check->zone_count].closed = closed;
	grown[check->zone_count++].reverse = reverse;
	check->zone = grown;
	return true;
}

static bool collect_zones(struct check *check)
{
	size_t i;

	for (i = 0; check->report != NULL && i < check->report->rules.count; i++) {
		if (!add_zone(check, REPORT, &check->report->zone[i]->apex, false, true))
			return false;
	}
	for (i = 0; check->synth != NULL && i < check->synth->rules.count; i++) {
		const struct synth_zone *zone = check->synth->zone[i];

		if (!add_zone(check, SYNTH, &zone->apex, zone->kind == SYNTH_REVERSE,
			      zone->kind == SYNTH_ADDRESSES && zone->otherwise_nxdomain))
			return false;
	}
	for (i = 0; check->noaaaa != NULL && i < check->noaaaa->rules.count; i++) {
		if (!add_zone(check, NOAAAA, &check->noaaaa->zone[i]->apex, false, false))
			return false;
	}
	for (i = 0; check->large != NULL && i < check->large->rules.count; i++) {
		if (!add_zone(check, LARGE, check->large->rules.name[i], false, false))
			return false;
	}
	return true;
}

/* --- local zones --- */

/* What Unbound knows of local zones; tests/integration/test_local_zones.py asks one. */

/** Types of local-zone that let questions through, but for names that have local-data, or for one
 * type of record. */
static bool type_passes(const char *type)
{
	static const char *const types[] = {
		"transparent", "typetransparent", "inform",	     "always_transparent",
		"nodefault",   "noview",	  "ipset",	     "block_a",
		"block_aaaa",  "block_a_wdata",	  "block_aaaa_wdata"};
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(type, types[i]) == 0)
			return true;
	}
	return false;
}

/** Types that never answer with an address. */
static bool type_is_empty(const char *type)
{
	static const char *const types[] = {"deny",	     "refuse",		"static",
					    "always_refuse", "always_nxdomain", "always_nodata",
					    "always_deny",   "inform_deny"};
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(type, types[i]) == 0)
			return true;
	}
	return false;
}

/* the reverse names of :: and ::1 */
#define ZEROS "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa"
static const char unspecified_name[] = "0." ZEROS, loopback_name[] = "1." ZEROS;

static bool builtin_zone(struct check *check, const char *name)
{
	struct mark *mark;

	if (!mark_at_text(check, &check->local_zones, name, &mark))
		return false;
	/* a local-zone of the same name, nodefault too, stands instead of it */
	if (mark->type == NULL) {
		mark->type = "static";
		mark->holds = true;
	}
	return true;
}

/** Visit the reverse zones of private addresses that Unbound answers unless `unblock-lan-zones` is
 * set (RFC 6303, 7793). @return false when a visit did. */
static bool each_lan_zone(struct check *check, bool (*visit)(struct check *check, const char *name))
{
	static const char *const names[] = {
		"10.in-addr.arpa",	  "168.192.in-addr.arpa",
		"0.in-addr.arpa",	  "254.169.in-addr.arpa",
		"2.0.192.in-addr.arpa",	  "100.51.198.in-addr.arpa",
		"113.0.203.in-addr.arpa", "255.255.255.255.in-addr.arpa",
		"d.f.ip6.arpa",		  "8.e.f.ip6.arpa",
		"9.e.f.ip6.arpa",	  "a.e.f.ip6.arpa",
		"b.e.f.ip6.arpa",	  "8.b.d.0.1.0.0.2.ip6.arpa",
		unspecified_name};
	char name[64];
	unsigned i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!visit(check, names[i]))
			return false;
	}
	for (i = 16; i <= 31; i++) {
		snprintf(name, sizeof(name), "%u.172.in-addr.arpa", i);
		if (!visit(check, name))
			return false;
	}
	for (i = 64; i <= 127; i++) {
		snprintf(name, sizeof(name), "%u.100.in-addr.arpa", i);
		if (!visit(check, name))
			return false;
	}
	return true;
}

/** The zones that Unbound answers when nothing is said (RFC 6303, 6761, 7686, 8375). */
static bool builtin_zones(struct check *check)
{
	static const char *const names[] = {
		"localhost", "127.in-addr.arpa", loopback_name,	  "home.arpa",	 "onion",
		"test",	     "invalid",		 "resolver.arpa", "service.arpa"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!builtin_zone(check, names[i]))
			return false;
	}
	return says_yes(check, "unblock-lan-zones") || each_lan_zone(check, builtin_zone);
}

/** The local zone that a record of local-data is the SOA of, or NULL. */
static struct mark *mark_of_soa(const struct check *check, const char *record)
{
	char owner[SB_DNAME_TEXT_MAX], word[16];
	uint8_t wire[SB_DNAME_MAX];
	struct sb_dname name;
	size_t wire_len;
	int used = 0;

	if (sscanf(record, " %1023s%n", owner, &used) != 1)
		return NULL;
	/* a TTL and a class may stand before the type */
	while (sscanf(record += used, " %15s%n", word, &used) == 1) {
		if (strcasecmp(word, "SOA") == 0)
			return sb_dname_from_text(owner, wire, &wire_len) == SB_OK &&
					       sb_dname_parse(&name, wire, wire_len) == SB_OK
				       ? sb_zones_get(check->local_zones.set, &name)
				       : NULL;
		if (strcasecmp(word, "IN") != 0 && strspn(word, "0123456789") != strlen(word))
			return NULL;
	}
	return NULL;
}

static enum sb_err collect_local_zones(struct check *check)
{
	const struct unbound_statement *at;
	struct mark *mark;

	for (at = check->unbound->first; at != NULL; at = at->next) {
		if (!is_statement(at, "server", "local-zone"))
			continue;
		if (!mark_at_text(check, &check->local_zones, at->value[0], &mark))
			return SB_ENOMEM;
		if (mark == NULL)
			continue;
		mark->statement = at;
		mark->type = at->value[1];
		mark->holds = !type_passes(mark->type);
	}
	for (at = check->unbound->first; at != NULL; at = at->next) {
		if (is_statement(at, "server", "local-data") &&
		    (mark = mark_of_soa(check, at->value[0])))
			mark->has_soa = true;
	}
	return builtin_zones(check) ? SB_OK : SB_ENOMEM;
}

/** Whether an auth-zone answers clients, as it does unless `for-downstream` is no. */
static bool is_downstream(const struct check *check, unsigned clause_number)
{
	const struct unbound_statement *at;
	bool answers = true;

	for (at = check->unbound->first; at != NULL; at = at->next) {
		if (at->clause_number == clause_number &&
		    is_statement(at, "auth-zone", "for-downstream"))
			answers = strcmp(at->value[0], "yes") == 0;
	}
	return answers;
}

static const char auth_zone_type[] = "auth-zone";

/** Auth-zones answer where local zones do; what is both is the local zone's. */
static enum sb_err collect_auth_zones(struct check *check)
{
	const struct unbound_statement *at;
	struct mark *mark;

	for (at = check->unbound->first; at != NULL; at = at->next) {
		if (!is_statement(at, "auth-zone", "name") ||
		    !is_downstream(check, at->clause_number))
			continue;
		if (!mark_at_text(check, &check->local_zones, at->value[0], &mark))
			return SB_ENOMEM;
		if (mark == NULL || (mark->holds && mark->statement != NULL))
			continue;
		mark->statement = at;
		mark->type = auth_zone_type;
		mark->holds = true;
	}
	return SB_OK;
}

static const char *zone_text(const struct own_zone *zone)
{
	static char text[SB_DNAME_TEXT_MAX];

	sb_dname_to_text(zone->apex, text);
	return text;
}

/** Say that a local zone is in the way of a module's zone. */
static void say_local_zone(struct check *check, const struct mark *mark,
			   const struct own_zone *zone, const char *how)
{
	const char *module = module_names[zone->module];

	if (zone->closed && mark->statement != NULL && strcmp(mark->type, "static") == 0 &&
	    mark->name.wire_len == zone->apex->wire_len) {
		if (mark->has_soa)
			tell(check, mark->statement, "note",
			     "%s answers its zone %s in the place of this local-zone", module,
			     zone_text(zone));
		else
			tell(check, mark->statement, "warning",
			     "without local-data for its SOA record this local-zone says itself "
			     "that "
			     "names do not exist, and %s never answers there",
			     module);
		return;
	}
	if (mark->type == auth_zone_type)
		tell(check, mark->statement, "warning",
		     "auth-zone \"%s\" %s the %s zone %s: with for-downstream, which is on by "
		     "default, Unbound answers there itself and never asks %s",
		     mark->text, how, module, zone_text(zone), module);
	else if (mark->statement != NULL)
		tell(check, mark->statement, "warning",
		     "local-zone \"%s\" %s %s the %s zone %s: Unbound answers there itself and "
		     "never asks %s",
		     mark->text, mark->type, how, module, zone_text(zone), module);
	else
		tell(check, NULL, "warning",
		     "Unbound's built-in local-zone \"%s\" %s the %s zone %s: add "
		     "local-zone: \"%s.\" nodefault",
		     mark->text, how, module, zone_text(zone), mark->text);
}

/** Whether synth has names in a zone below one of its reverse zones. */
static bool synth_reaches(const struct check *check, const struct mark *mark)
{
	struct sb_query query = {.qname = mark->name, .qtype = SB_TYPE_PTR, .qclass = SB_CLASS_IN};
	struct sb_verdict verdict;

	synth_decide(check->synth, &query, &verdict);
	return verdict.kind != SB_PASS;
}

/** Whether a local zone below a module's zone takes names away from it. */
static bool takes_names(const struct check *check, const struct mark *mark,
			const struct own_zone *zone)
{
	if (zone->reverse)
		return synth_reaches(check, mark);
	/* the built-in zones below the root are wanted there */
	if (mark->statement == NULL)
		return false;
	/* where nothing has an address noaaaa has nothing to do */
	return zone->module != NOAAAA || !type_is_empty(mark->type);
}

static enum sb_err check_local_zones(struct check *check)
{
	struct sb_zones *own[MODULES] = {NULL};
	enum sb_err err = SB_ENOMEM;
	unsigned left, module;
	size_t i;

	for (module = 0; module < MODULES; module++) {
		own[module] = sb_zones_new();
		if (own[module] == NULL)
			goto cleanup;
	}
	for (i = 0; i < check->zone_count; i++) {
		struct own_zone *zone = &check->zone[i];
		const struct mark *mark = sb_zones_find(check->local_zones.set, zone->apex, &left);

		if (mark != NULL && mark->holds)
			say_local_zone(check, mark, zone, "covers");
		if (sb_zones_add(own[zone->module], zone->apex, zone) == SB_ENOMEM)
			goto cleanup;
	}
	for (i = 0; i < check->local_zones.count; i++) {
		const struct mark *mark = check->local_zones.mark[i];

		for (module = 0; module < MODULES && mark->holds; module++) {
			const struct own_zone *zone = sb_zones_find(own[module], &mark->name,
								    &left);

			if (zone != NULL && left > 0 && takes_names(check, mark, zone))
				say_local_zone(check, mark, zone, "takes a part of");
		}
	}
	err = SB_OK;
cleanup:
	for (module = 0; module < MODULES; module++)
		sb_zones_free(own[module]);
	return err;
}

/* --- trust anchors --- */

static enum sb_err add_anchor(struct check *check, const struct unbound_statement *at,
			      const char *name, const char *assumed)
{
	struct mark *mark;

	if (!mark_at_text(check, &check->anchors, name, &mark))
		return SB_ENOMEM;
	if (mark != NULL && mark->statement == NULL) {
		mark->statement = at;
		mark->holds = true;
		mark->assumed = assumed;
	}
	return SB_OK;
}

/** The owners of the records in a file of anchors; the root when the file cannot be read. */
static enum sb_err read_anchors(struct check *check, const struct unbound_statement *at)
{
	const char *path = at->value[0];
	char below[4096], *line = NULL;
	enum sb_err err = SB_OK;
	size_t room = 0;
	unsigned found = 0;
	FILE *file;

	if (path[0] != '/' && check->unbound->directory[0] != '\0' &&
	    (size_t)snprintf(below, sizeof(below), "%s/%s", check->unbound->directory, path) <
		    sizeof(below))
		path = below;
	file = fopen(path, "re");
	while (file != NULL && err == SB_OK && getline(&line, &room, file) != -1) {
		size_t len = strcspn(line, " \t\r\n");

		/* a record with its owner in front: that is how anchors are written */
		if (len == 0 || line[0] == ';' || line[0] == '$' ||
		    (strcasestr(line + len, "DS") == NULL &&
		     strcasestr(line + len, "DNSKEY") == NULL))
			continue;
		line[len] = '\0';
		found++;
		err = add_anchor(check, at, line, NULL);
	}
	free(line);
	if (file != NULL)
		fclose(file);
	if (found == 0 && err == SB_OK)
		err = add_anchor(check, at, ".", " (assumed: no anchor can be read there)");
	return err;
}

static bool insecure_zone(struct check *check, const char *name)
{
	struct mark *mark;

	if (!mark_at_text(check, &check->anchors, name, &mark))
		return false;
	mark->holds = false;
	return true;
}

static enum sb_err collect_anchors(struct check *check)
{
	const struct unbound_statement *at;
	enum sb_err err = SB_OK;
	struct mark *mark;

	for (at = check->unbound->first; at != NULL && err == SB_OK; at = at->next) {
		if (is_statement(at, "server", "trust-anchor")) {
			char name[SB_DNAME_TEXT_MAX];
			size_t blank = strspn(at->value[0], " \t");

			snprintf(name, sizeof(name), "%.*s",
				 (int)strcspn(at->value[0] + blank, " \t"), at->value[0] + blank);
			err = add_anchor(check, at, name, NULL);
		} else if (is_statement(at, "server", "trust-anchor-file") ||
			   is_statement(at, "server", "auto-trust-anchor-file")) {
			err = read_anchors(check, at);
		} else if (is_statement(at, "server", "trusted-keys-file")) {
			err = add_anchor(check, at, ".",
					 " (assumed: such files are not read here)");
		}
	}
	for (at = check->unbound->first; at != NULL && err == SB_OK; at = at->next) {
		if (!is_statement(at, "server", "domain-insecure"))
			continue;
		if (!mark_at_text(check, &check->anchors, at->value[0], &mark))
			err = SB_ENOMEM;
		else if (mark != NULL)
			mark->holds = false;
	}
	if (err == SB_OK && says_yes(check, "insecure-lan-zones") &&
	    !each_lan_zone(check, insecure_zone))
		err = SB_ENOMEM;
	return err;
}

static void check_anchors(struct check *check)
{
	unsigned left;
	size_t i;

	for (i = 0; i < check->zone_count; i++) {
		const struct own_zone *zone = &check->zone[i];
		const struct mark *mark = sb_zones_find(check->anchors.set, zone->apex, &left);

		/* what large does not cut stays signed */
		if (mark != NULL && mark->holds && zone->module != LARGE)
			tell(check, mark->statement, "warning",
			     "the trust anchor \"%s\"%s covers the %s zone %s, where answers are "
			     "not signed: add domain-insecure: \"%s\"",
			     mark->text, mark->assumed != NULL ? mark->assumed : "",
			     module_names[zone->module], zone_text(zone), zone_text(zone));
	}
}

/* --- the rest --- */

/** Reports come from clients that may not ask for recursion (RD=0). */
static void check_access(struct check *check)
{
	const struct unbound_statement *at, *first = NULL;

	for (at = check->unbound->first; at != NULL; at = at->next) {
		if (!is_statement(at, "server", "access-control"))
			continue;
		if (strcmp(at->value[1], "allow_setrd") == 0 ||
		    strcmp(at->value[1], "allow_snoop") == 0 ||
		    strcmp(at->value[1], "refuse_non_local") == 0)
			return;
		if (first == NULL && strcmp(at->value[1], "allow") == 0)
			first = at;
	}
	if (first != NULL)
		tell(check, first, "note",
		     "questions without RD are refused before report sees them; where clients send "
		     "such, as resolvers do, use allow_setrd");
}

/** The length of a netblock's prefix; -1 when it is a single address. */
static int prefix_len(const char *netblock)
{
	const char *slash = strrchr(netblock, '/');

	return slash != NULL ? atoi(slash + 1) : -1;
}

/** Warn of a resolver that recurses for everybody, in whatever class of questions. */
static void check_open(struct check *check)
{
	const struct unbound_statement *at;
	bool everybody = false;

	for (at = check->unbound->first; at != NULL; at = at->next) {
		int len;

		if (!is_statement(at, "server", "access-control"))
			continue;
		len = prefix_len(at->value[0]);
		everybody = everybody || len == 0;
		if (len < 0 || strncmp(at->value[1], "allow", 5) != 0)
			continue;
		if (len == 0)
			tell(check, at, "warning",
			     "everybody may ask for recursion (a local-zone \".\" does not hold "
			     "for "
			     "class ANY): an open resolver; to answer report zones for the "
			     "internet "
			     "use refuse_non_local and a local-zone for each of them");
		/* no organisation's own networks are wider than 10/8 and fc00::/7 */
		else if (len < (strchr(at->value[0], ':') != NULL ? 7 : 8))
			tell(check, at, "warning",
			     "a large part of the internet may ask for recursion: an open "
			     "resolver");
	}
	for (at = check->unbound->first; at != NULL; at = at->next) {
		/* access-control counts where it has something for the client */
		if (!everybody && is_statement(at, "server", "interface-action") &&
		    strncmp(at->value[1], "allow", 5) == 0)
			tell(check, at, "note",
			     "whoever can reach this interface may ask for recursion, in every "
			     "class");
	}
}

/** Unbound drops what is over these before any module, and logs the names. */
static void check_rate_limit(struct check *check)
{
	const struct unbound_statement *at;

	for (at = check->unbound->first; at != NULL; at = at->next) {
		if (is_statement(at, "server", "ip-ratelimit") && atoi(at->value[0]) > 0)
			tell(check, at, "warning",
			     "reports over this limit are dropped before they are counted, and "
			     "their "
			     "names go to Unbound's log; rate-limit of the section report answers "
			     "them");
	}
}

bool unbound_check_is_meant(const struct unbound_conf *unbound)
{
	const struct unbound_statement *at;

	for (at = unbound->first; at != NULL; at = at->next) {
		if (is_statement(at, "dynlib", "dynlib-file") &&
		    module_of(at->value[0]) != NOT_OURS)
			return true;
	}
	return false;
}

enum sb_err unbound_check(const struct unbound_conf *unbound, const char *path,
			  const struct sb_conf *conf, unsigned *warnings)
{
	struct check check = {.unbound = unbound, .path = path};
	enum sb_err err = SB_ENOMEM;

	check.arena = sb_arena_new();
	if (check.arena == NULL)
		return SB_ENOMEM;
	if (!marks_init(&check, &check.local_zones) || !marks_init(&check, &check.anchors))
		goto cleanup;
	check_modules(&check);
	if (check.loaded[REPORT])
		check.report = sb_conf_section(conf, "report");
	if (check.loaded[SYNTH])
		check.synth = sb_conf_section(conf, "synth");
	if (check.loaded[NOAAAA])
		check.noaaaa = sb_conf_section(conf, "noaaaa");
	if (check.loaded[LARGE])
		check.large = sb_conf_section(conf, "large");
	if (!unbound_check_is_meant(unbound))
		tell(&check, NULL, "note", "no module of Sitebound is loaded");
	if (!collect_zones(&check))
		goto cleanup;
	err = collect_local_zones(&check);
	if (err == SB_OK)
		err = collect_auth_zones(&check);
	if (err == SB_OK)
		err = check_local_zones(&check);
	if (err == SB_OK)
		err = collect_anchors(&check);
	if (err != SB_OK)
		goto cleanup;
	if (check.validates)
		check_anchors(&check);
	if (check.report != NULL && check.report->rules.count > 0)
		check_access(&check);
	check_open(&check);
	if (check.report != NULL && check.report->rules.count > 0)
		check_rate_limit(&check);
	*warnings = check.warnings;
cleanup:
	sb_arena_free(check.arena);
	return err;
}
