/* SPDX-License-Identifier: BSD-3-Clause */
/* unbound.conf as sitebound-checkconf reads it: the input is the file, without includes, which would
 * read whatever is on the machine. */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <unistd.h>

#include "../../tools/unbound_check.h"
#include "fuzz.h"

static void no_include(const char *file, unsigned line, const char *what)
{
	(void)file, (void)line, (void)what;
	MUST(!"a file was included");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char good[] =
		"synth:\n  address-names:\n    - {zone: ip.example.com, allow: [10.0.0.0/8], "
		"reverse: yes}\n"
		"  site-names:\n    - {label: dc, parents: [prd.example.com], site: dc1}\n"
		"noaaaa:\n  - {zones: [example.com]}\n"
		"report:\n  log: '-'\n  zones: [{zone: r.example.net, format: envelope}]\n";
	static struct sb_conf *conf;
	static FILE *nowhere, *said;
	static char path[64];
	static int file = -1;
	struct unbound_conf unbound;
	unsigned warnings;
	char *located;

	if (conf == NULL) {
		conf = fuzz_conf_of(good);
		nowhere = fopen("/dev/null", "w");
		said = stderr;
		file = memfd_create("unbound.conf", 0);
		MUST(nowhere != NULL && file >= 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	}
	if (memmem(data, size, "include", 7) != NULL)
		return -1;
	MUST(ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == (ssize_t)size);
	MUST(unbound_conf_read(&unbound, path, no_include) == SB_OK);
	MUST(unbound.files == 1);
	located = unbound_check_locate(&unbound);
	MUST(located != NULL);
	stderr = nowhere;
	MUST(unbound_check(&unbound, path, conf, &warnings) == SB_OK);
	stderr = said;
	free(located);
	unbound_conf_free(&unbound);
	return 0;
}
