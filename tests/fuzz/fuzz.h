/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * What all harnesses share.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sitebound/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** End with a message: the fuzzer keeps the input. */
#define MUST(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

/** A configuration that is good. It stays. */
static inline struct sb_conf *fuzz_conf_of(const char *text)
{
	struct sb_conf *conf;
	struct sb_diags diags;

	sb_diags_init(&diags);
	MUST(sb_conf_parse("fuzz", text, strlen(text), &diags, &conf) == SB_OK);
	return conf;
}

#endif
