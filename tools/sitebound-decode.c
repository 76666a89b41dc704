/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * sitebound-decode: shows what report.so would log for a name, or who owns a key on a ring.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../modules/report/format.h"
#include "../modules/report/json.h"
#include "ring_file.h"
#include "sitebound/conf.h"

/** Exit codes. */
enum { ALL_ACCEPTED = 0, SOME_NOT = 1, USAGE = 2 };
/** The option that has no letter. */
enum { REPLICA_HASH = 256 };

/** What decoding a name needs. */
struct decoder {
	const struct report_conf *conf;
	struct report_scratch *scratch;
	struct report_observer observer;
};

static void usage(FILE *to)
{
	fprintf(to,
		"usage: sitebound-decode [--config FILE] [NAME ...]\n"
		"       sitebound-decode --ring FILE [--replica-hash] [KEY ...]\n"
		"Decodes names of client error reports; without NAME, one a line from standard\n"
		"input. FILE is by default $SITEBOUND_CONF, then " SB_DEFAULT_CONF ".\n"
		"  -c, --config FILE  sitebound.yaml with the report zones\n"
		"  -r, --ring FILE    print the ring that SRV and TXT records make, as dig prints\n"
		"                     them, or the owner of each KEY; - is standard input\n"
		"      --replica-hash replicas as with \"replica: hash\"\n"
		"  -V, --version      say which version this is\n"
		"Exit: 0 all names are reports, 1 some are not, 2 usage or configuration.\n");
}

/** Print an object for a name that would not be logged. */
static void print_other(const char *action, const char *name, size_t name_len)
{
	struct report_json json;
	char line[REPORT_LINE_MAX];
	size_t line_len;
	uint16_t dns;

	report_json_init(&json);
	report_json_key(&json, report_json_object(&json, REPORT_JSON_ROOT, "event", 5), "action",
			6);
	report_json_words(&json, action, strlen(action));
	dns = report_json_object(&json, REPORT_JSON_ROOT, "dns", 3);
	report_json_key(&json, report_json_object(&json, dns, "question", 8), "name", 4);
	report_json_text(&json, name, name_len);
	line_len = report_json_write(&json, line, sizeof(line));
	printf("%.*s\n", (int)line_len, line);
}

/** Print that the text is no domain name. */
static void print_no_name(const char *text, size_t text_len)
{
	char clean[3 * SB_DNAME_TEXT_MAX];
	bool changed = false;
	size_t clean_len;

	/* a longer one is no name whatever follows */
	if (text_len > 256)
		text_len = 256;
	clean_len = report_text_clean((const uint8_t *)text, text_len, clean, sizeof(clean),
				      &changed);
	print_other("not-a-name", clean, clean_len);
}

/** Print the line of a name in a report zone. @return whether it is accepted. */
static bool print_report(const struct decoder *decoder, const struct sb_query *query,
			 const struct report_decoded *decoded, const struct report_zone *zone)
{
	struct report_arrival arrival = {.zone = zone, .qtype = query->qtype, .decoded = *decoded};
	char line[REPORT_LINE_MAX];
	size_t line_len;

	clock_gettime(CLOCK_REALTIME, &arrival.time);
	arrival.qname_len = (uint16_t)query->qname.wire_len;
	memcpy(arrival.qname, query->qname.wire, query->qname.wire_len);
	report_event_id(decoded, arrival.time.tv_sec, arrival.event_id);
	if (report_line(decoder->conf, NULL, &decoder->observer, &arrival, line, &line_len) !=
	    SB_OK) {
		fprintf(stderr, "sitebound-decode: the line cannot be made\n");
		return false;
	}
	fwrite(line, 1, line_len, stdout);
	return decoded->outcome == REPORT_ACCEPTED;
}

/** Decode one name. @return whether it is an accepted report. */
static bool decode(const struct decoder *decoder, const char *text, size_t text_len)
{
	static const struct sb_addr nobody = {.len = 0};
	struct sb_query query = {.qtype = SB_TYPE_TXT, .qclass = SB_CLASS_IN};
	const struct report_zone *zone;
	struct report_decoded decoded;
	uint8_t wire[SB_DNAME_MAX];
	char name[SB_DNAME_TEXT_MAX];
	size_t wire_len, name_len;
	unsigned apex_label;

	if (sb_dname_from_master_text(text, text_len, wire, &wire_len) != SB_OK ||
	    sb_dname_parse(&query.qname, wire, wire_len) != SB_OK) {
		print_no_name(text, text_len);
		return false;
	}
	name_len = sb_labels_to_text(&query.qname, 0, query.qname.label_count, SB_TEXT_LOG, name);
	zone = sb_zones_find(decoder->conf->rules.zones, &query.qname, &apex_label);
	if (zone == NULL) {
		print_other("not-in-a-report-zone", name, name_len);
		return false;
	}
	report_decode(zone, decoder->scratch, &query, apex_label, &nobody, &decoded);
	if (decoded.outcome == REPORT_ACCEPTED || decoded.outcome == REPORT_MALFORMED)
		return print_report(decoder, &query, &decoded, zone);
	print_other("partial", name, name_len);
	return false;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/** Decode the names of standard input, one a line; empty lines are skipped. */
static int decode_input(const struct decoder *decoder)
{
	int result = ALL_ACCEPTED;
	char *buffer = NULL;
	size_t room = 0;
	ssize_t got;

	while ((got = getline(&buffer, &room, stdin)) != -1) {
		size_t len = (size_t)got, from = 0;

		while (len > 0 && is_space(buffer[len - 1]))
			len--;
		while (from < len && is_space(buffer[from]))
			from++;
		if (len > from && !decode(decoder, buffer + from, len - from))
			result = SOME_NOT;
	}
	free(buffer);
	if (ferror(stdin)) {
		perror("sitebound-decode: standard input");
		return USAGE;
	}
	return result;
}

static int decode_all(const struct decoder *decoder, char **names, int count)
{
	int result = ALL_ACCEPTED, i;

	if (count == 0)
		result = decode_input(decoder);
	for (i = 0; i < count; i++) {
		if (!decode(decoder, names[i], strlen(names[i])))
			result = SOME_NOT;
	}
	if (fflush(stdout) != 0) {
		perror("sitebound-decode: standard output");
		return USAGE;
	}
	return result;
}

/** Load the configuration and decode. */
static int run(const char *path, char **names, int count)
{
	struct decoder decoder = {.conf = NULL};
	char hostname[256] = "";
	struct sb_conf *conf = NULL;
	const struct sb_diag *diag;
	struct sb_diags diags;
	int result = USAGE;

	sb_diags_init(&diags);
	if (sb_conf_load(path, &diags, &conf) != SB_OK) {
		for (diag = diags.first; diag != NULL; diag = diag->next)
			fprintf(stderr, "%s\n", diag->text);
		goto cleanup;
	}
	decoder.conf = sb_conf_section(conf, "report");
	if (decoder.conf == NULL) {
		fprintf(stderr, "%s: there is no section \"report\"\n", path);
		goto cleanup;
	}
	decoder.scratch = report_scratch_new(decoder.conf);
	if (decoder.scratch == NULL) {
		fprintf(stderr, "sitebound-decode: out of memory\n");
		goto cleanup;
	}
	if (gethostname(hostname, sizeof(hostname) - 1) == 0)
		decoder.observer.hostname = hostname;
	result = decode_all(&decoder, names, count);
	report_scratch_free(decoder.scratch);
cleanup:
	sb_conf_free(conf);
	sb_diags_free(&diags);
	return result;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{"replica-hash", no_argument, NULL, REPLICA_HASH},
		{"ring", required_argument, NULL, 'r'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	const char *path = getenv("SITEBOUND_CONF"), *ring = NULL;
	bool by_hash = false;
	int option;

	if (path == NULL || path[0] == '\0')
		path = SB_DEFAULT_CONF;
	while ((option = getopt_long(argc, argv, "c:hr:V", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			path = optarg;
			break;
		case 'r':
			ring = optarg;
			break;
		case REPLICA_HASH:
			by_hash = true;
			break;
		case 'h':
			usage(stdout);
			return ALL_ACCEPTED;
		case 'V':
			printf("sitebound-decode %s\n", SB_VERSION);
			return ALL_ACCEPTED;
		default:
			usage(stderr);
			return USAGE;
		}
	}
	if (ring != NULL)
		return ring_file(ring, argv + optind, argc - optind, by_hash);
	return run(path, argv + optind, argc - optind);
}
