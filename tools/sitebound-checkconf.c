/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * sitebound-checkconf: checks sitebound.yaml with the modules' own parsers.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sitebound/conf.h"

/** Exit codes. */
enum { GOOD = 0, BAD = 1, USAGE = 2 };

static void usage(FILE *to)
{
	fprintf(to, "usage: sitebound-checkconf [--quiet] [FILE]\n"
		    "Checks FILE (default: $SITEBOUND_CONF, then " SB_DEFAULT_CONF ").\n"
		    "  -q, --quiet    say nothing of a good file\n"
		    "  -V, --version  say which version this is\n"
		    "Exit: 0 good, 1 bad (every error is listed on standard error), 2 usage.\n");
}

/** Check one file and print its errors. */
static int check(const char *path, bool quiet)
{
	struct sb_conf *conf = NULL;
	const struct sb_diag *diag;
	struct sb_diags diags;
	int result = GOOD;

	sb_diags_init(&diags);
	if (sb_conf_load(path, &diags, &conf) != SB_OK) {
		for (diag = diags.first; diag != NULL; diag = diag->next)
			fprintf(stderr, "%s\n", diag->text);
		fprintf(stderr, "%s: %zu error%s\n", path, diags.count,
			diags.count == 1 ? "" : "s");
		result = BAD;
	} else if (!quiet) {
		printf("%s: no errors\n", path);
	}
	sb_conf_free(conf);
	sb_diags_free(&diags);
	return result;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"quiet", no_argument, NULL, 'q'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	const char *path = getenv("SITEBOUND_CONF");
	bool quiet = false;
	int option;

	while ((option = getopt_long(argc, argv, "qhV", options, NULL)) != -1) {
		switch (option) {
		case 'q':
			quiet = true;
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
	else if (path == NULL || path[0] == '\0')
		path = SB_DEFAULT_CONF;
	return check(path, quiet);
}
