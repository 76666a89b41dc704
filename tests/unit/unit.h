/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * What the tables of tests share: a check that names its row and goes on, names, configurations.
 */
#ifndef UNIT_H
#define UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sitebound/conf.h"
#include "sitebound/dname.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static unsigned unit_failures;

/** Check a row; a failure is printed and the other rows go on. */
#define CHECK(id, condition) \
	do { \
		if (!(condition)) { \
			print_error("%s: %s:%d: not so: %s\n", id, __FILE__, __LINE__, \
				    #condition); \
			unit_failures++; \
		} \
	} while (0)

/** Check two texts of a row. */
#define CHECK_TEXT(id, got, want) \
	do { \
		if (strcmp(got, want) != 0) { \
			print_error("%s: %s:%d: got \"%s\", expected \"%s\"\n", id, __FILE__, \
				    __LINE__, got, want); \
			unit_failures++; \
		} \
	} while (0)

/** The last line of a test: fail when a row failed. */
static inline void unit_done(void)
{
	unsigned failures = unit_failures;

	unit_failures = 0;
	assert_int_equal(failures, 0);
}

/** A name in master-file text, \DDD and \c included, to wire; any octet, bounds are not checked
 * but for the room. */
static inline size_t unit_wire(const char *text, uint8_t *wire, size_t room)
{
	size_t at = 1, label = 0;

	wire[0] = 0;
	if (strcmp(text, ".") == 0)
		return 1;
	for (; *text != '\0' && at + 1 < room; text++) {
		if (*text == '.') {
			label = at++;
			wire[label] = 0;
			continue;
		}
		if (*text == '\\' && text[1] >= '0' && text[1] <= '9') {
			wire[at++] = (uint8_t)((text[1] - '0') * 100 + (text[2] - '0') * 10 +
					       (text[3] - '0'));
			text += 3;
		} else {
			if (*text == '\\')
				text++;
			wire[at++] = (uint8_t)*text;
		}
		wire[label]++;
	}
	if (wire[label] != 0)
		wire[at++] = 0;
	return at;
}

/** A parsed name with room of its own. */
struct unit_name {
	uint8_t wire[SB_DNAME_MAX + 64];
	struct sb_dname name;
};

static inline const struct sb_dname *unit_name(struct unit_name *name, const char *text)
{
	size_t wire_len = unit_wire(text, name->wire, sizeof(name->wire));

	if (sb_dname_parse(&name->name, name->wire, wire_len) != SB_OK)
		fail_msg("the test's own name is bad: %s", text);
	return &name->name;
}

/** A wire name of labels with these numbers of octets, filled with 'a'; no check at all. */
static inline size_t unit_wire_of(const char *lens, uint8_t *wire)
{
	size_t at = 0;

	while (*lens != '\0') {
		size_t len = (size_t)strtoul(lens, (char **)(uintptr_t)&lens, 10);
		size_t times = 1;

		if (*lens == 'x')
			times = (size_t)strtoul(lens + 1, (char **)(uintptr_t)&lens, 10);
		while (times-- > 0) {
			wire[at] = (uint8_t)len;
			memset(wire + at + 1, 'a', len);
			at += 1 + len;
		}
		lens += strspn(lens, " ");
	}
	wire[at] = 0;
	return at + 1;
}

/** A good configuration of this text; the test fails when it is a bad one. */
static inline struct sb_conf *unit_conf(const char *text)
{
	struct sb_conf *conf = NULL;
	struct sb_diags diags;
	struct sb_diag *diag;

	sb_diags_init(&diags);
	if (sb_conf_parse("test.yaml", text, strlen(text), &diags, &conf) != SB_OK) {
		for (diag = diags.first; diag != NULL; diag = diag->next)
			print_error("%s\n", diag->text);
		fail_msg("the test's own configuration is bad");
	}
	return conf;
}

#endif
