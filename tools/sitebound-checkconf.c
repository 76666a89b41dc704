/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * sitebound-checkconf: checks sitebound.yaml with the modules' own parsers.
 */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../modules/noaaaa/noaaaa.h"
#include "sitebound/conf.h"
#include "unbound_check.h"
#include "unbound_conf.h"

/** Exit codes. */
enum { GOOD = 0, BAD = 1, USAGE = 2 };

static void usage(FILE *to)
{
	fprintf(to,
		"usage: sitebound-checkconf [-q] [-u UNBOUND.CONF] [FILE]\n"
		"Checks FILE (default: $SITEBOUND_CONF, then " SB_DEFAULT_CONF ").\n"
		"  -q, --quiet              say nothing of a good file\n"
		"  -u, --unbound-conf FILE  also warn of what keeps the modules from answering;\n"
		"                           without FILE check the one that it names\n"
		"  -V, --version            say which version this is\n"
		"Exit: 0 good, 1 bad (every error is listed on standard error), 2 usage.\n");
}

/** Say what `answer: nxdomain` costs, once a file. */
static void note_nxdomain(const char *path, const struct sb_conf *conf)
{
	const struct noaaaa_conf *noaaaa = sb_conf_section(conf, "noaaaa");
	char text[SB_DNAME_TEXT_MAX], more[48] = "";
	size_t i, first = 0, zones = 0;

	for (i = 0; noaaaa != NULL && i < noaaaa->rules.count; i++) {
		if (noaaaa->zone[i]->rule->nxdomain && zones++ == 0)
			first = i;
	}
	if (zones == 0)
		return;
	if (zones > 1)
		snprintf(more, sizeof(more), " and %zu other zone%s", zones - 1,
			 zones == 2 ? "" : "s");
	sb_dname_to_text(&noaaaa->zone[first]->apex, text);
	printf("%s: note: noaaaa answers AAAA of %s%s with nxdomain, \"no such name\". musl since "
	       "1.2.1 (Alpine) takes that for A as well; so do systemd-resolved and caches that "
	       "follow RFC 8020 when a SOA comes with it, which is why none does. answer: nodata "
	       "is the safe choice.\n",
	       path, text, more);
}

/** Check one file and print its errors. @return the configuration when it is good. */
static struct sb_conf *check(const char *path, bool quiet)
{
	struct sb_conf *conf = NULL;
	const struct sb_diag *diag;
	struct sb_diags diags;

	sb_diags_init(&diags);
	if (sb_conf_load(path, &diags, &conf) != SB_OK) {
		for (diag = diags.first; diag != NULL; diag = diag->next)
			fprintf(stderr, "%s\n", diag->text);
		fprintf(stderr, "%s: %zu error%s\n", path, diags.count,
			diags.count == 1 ? "" : "s");
		conf = NULL;
	} else if (!quiet) {
		printf("%s: no errors\n", path);
		note_nxdomain(path, conf);
	}
	sb_diags_free(&diags);
	return conf;
}

/** Included files that cannot be read. */
static unsigned missing;

static void cannot_include(const char *file, unsigned line, const char *what)
{
	missing++;
	fprintf(stderr, "%s:%u: warning: cannot read %s\n", file, line, what);
}

/** Check what unbound.conf makes of the configuration. */
static int check_unbound(const char *unbound_path, const char *path, bool quiet)
{
	struct unbound_conf unbound;
	struct sb_conf *conf = NULL;
	char *located = NULL;
	unsigned warnings = 0;
	enum sb_err err = unbound_conf_read(&unbound, unbound_path, cannot_include);
	int result = BAD;

	if (err == SB_ESYS) {
		fprintf(stderr, "%s: cannot be read: %s\n", unbound_path, strerror(errno));
		goto cleanup;
	}
	if (err == SB_OK && path == NULL &&
	    (path = located = unbound_check_locate(&unbound)) == NULL)
		err = SB_ENOMEM;
	/* a tier that loads no module needs no configuration of one */
	if (err == SB_OK && located != NULL && !unbound_check_is_meant(&unbound) &&
	    strcmp(located, SB_DEFAULT_CONF) == 0 && access(located, F_OK) == -1) {
		if (!quiet)
			printf("%s: no module of Sitebound is loaded: nothing to check\n",
			       unbound_path);
		result = GOOD;
		goto cleanup;
	}
	if (err == SB_OK && (conf = check(path, quiet)) == NULL)
		goto cleanup;
	if (err == SB_OK)
		err = unbound_check(&unbound, unbound_path, conf, &warnings);
	if (err != SB_OK) {
		fprintf(stderr, "out of memory\n");
		goto cleanup;
	}
	warnings += missing;
	if (!quiet)
		printf("%s: %u warning%s\n", unbound_path, warnings, warnings == 1 ? "" : "s");
	result = GOOD;
cleanup:
	sb_conf_free(conf);
	unbound_conf_free(&unbound);
	free(located);
	return result;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"quiet", no_argument, NULL, 'q'},
		{"unbound-conf", required_argument, NULL, 'u'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	const char *path = getenv("SITEBOUND_CONF"), *unbound_path = NULL;
	struct sb_conf *conf;
	bool quiet = false;
	int option;

	while ((option = getopt_long(argc, argv, "qu:hV", options, NULL)) != -1) {
		switch (option) {
		case 'q':
			quiet = true;
			break;
		case 'u':
			unbound_path = optarg;
			break;
		case 'h':
			usage(stdout);
			return GOOD;
		case 'V':
			printf("sitebound-checkconf %s\n", SB_VERSION);
			return GOOD;
		default:
			usage(stderr);
			return USAGE;
		}
	}
	if (argc - optind > 1) {
		usage(stderr);
		return USAGE;
	}
	if (optind < argc)
		path = argv[optind];
	else if (path != NULL && path[0] == '\0')
		path = NULL;
	if (unbound_path != NULL)
		return check_unbound(unbound_path, path, quiet);
	conf = check(path != NULL ? path : SB_DEFAULT_CONF, quiet);
	sb_conf_free(conf);
	return conf != NULL ? GOOD : BAD;
}
