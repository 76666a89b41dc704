/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * A JSON object of nested objects in fixed memory, for the log lines: fields are set by their
 * dotted names in any order, and written once. It allocates nothing: a line takes a
 * fifth of the time that it takes with a general library, and this is what a report costs.
 */
#ifndef REPORT_JSON_H
#define REPORT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Objects and values of one line. */
#define REPORT_JSON_NODES 256
/** Octets of all values of one line, as JSON text. */
#define REPORT_JSON_TEXT 8192

struct report_json_node {
	/** borrowed */
	const char *key;
	uint16_t key_len;
	/** the object's members; 0 is none: node 0 is the outermost object and nobody's member */
	uint16_t first, last;
	/** the next member of the same object */
	uint16_t next;
	/** the value's JSON text; len 0 is an object */
	uint16_t at, len;
};

struct report_json {
	size_t node_count;
	size_t text_len;
	/** something did not fit: the object cannot be written */
	bool full;
	struct report_json_node node[REPORT_JSON_NODES];
	char text[REPORT_JSON_TEXT];
};

void report_json_init(struct report_json *json);

/**
 * Set a field to a text.
 * @param name: dotted; must live until the object is written. Set again, the newer value counts.
 * @param text: valid UTF-8.
 */
void report_json_text(struct report_json *json, const char *name, const char *text,
		      size_t text_len);

/** Set a field to what is JSON already. */
void report_json_raw(struct report_json *json, const char *name, const char *text, size_t text_len);

/** Set a field to a number. */
void report_json_number(struct report_json *json, const char *name, uint64_t number);

/** Set a field to a list of texts. */
void report_json_texts(struct report_json *json, const char *name, const char *const *texts,
		       size_t count);

/** Set a field to a list of numbers. */
void report_json_numbers(struct report_json *json, const char *name, const uint64_t *numbers,
			 size_t count);

/** Make a field an object, if it is none yet. */
void report_json_object(struct report_json *json, const char *name);

/** Keep a name as long as the object; NULL when there is no room. */
const char *report_json_name(struct report_json *json, const char *name);

/**
 * Write the object.
 * @return octets written; 0 when it has more than `room`, or was full before.
 */
size_t report_json_write(const struct report_json *json, char *to, size_t room);

#endif
