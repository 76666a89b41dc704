/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * A JSON object of nested objects in fixed memory, for the log lines. Members are printed when they
 * come, each into the object that is named with it; what goes on in the same object is one piece of
 * text, and the pieces are put together once. It allocates nothing and looks up nothing but
 * objects that are not known yet: this is most of what a report costs.
 *
 * A member is report_json_key() and then one value. No key may come twice in an object.
 */
#ifndef REPORT_JSON_H
#define REPORT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Objects and pieces of text of one line. */
#define REPORT_JSON_NODES 256
/** Octets of all members of one line; a line has fewer. */
#define REPORT_JSON_TEXT 4096
/** The object that is not in another one. */
#define REPORT_JSON_ROOT 0

/** An object, or a piece of text: some members of the object that it is in. */
struct report_json_node {
	/** borrowed; NULL for a piece */
	const char *key;
	uint16_t key_len;
	/** what is in the object; 0 is nothing: node 0 is the root */
	uint16_t first, last;
	/** what comes behind it in the same object */
	uint16_t next;
	/** where the piece is in text; each member begins with a comma */
	uint16_t at, len;
};

struct report_json {
	uint16_t node_count;
	/** the piece that grows, and the object that it is in; 0 and UINT16_MAX: none */
	uint16_t piece, object;
	bool full;
	size_t text_len;
	struct report_json_node node[REPORT_JSON_NODES];
	char text[REPORT_JSON_TEXT];
};

void report_json_init(struct report_json *json);

/**
 * An object in an object; made, at its end, when it is not there.
 * @param key: must live until all is written.
 */
uint16_t report_json_object(struct report_json *json, uint16_t object, const char *key,
			    size_t key_len);

/** The same for an object that is known not to be there. */
uint16_t report_json_new_object(struct report_json *json, uint16_t object, const char *key,
				size_t key_len);

/** Keep a place at the end of an object for members that are known later. */
uint16_t report_json_place(struct report_json *json, uint16_t object);

/** The next members of the object, up to those of another, go to this place in it. */
void report_json_go_to(struct report_json *json, uint16_t object, uint16_t place);

/** Begin a member. */
void report_json_key(struct report_json *json, uint16_t object, const char *key, size_t key_len);

/** Add members that are JSON already, with a comma before each. */
void report_json_members(struct report_json *json, uint16_t object, const char *text,
			 size_t text_len);

/** A string; valid UTF-8. */
void report_json_text(struct report_json *json, const char *text, size_t text_len);

/** A string of printable ASCII without quotes and backslashes. */
void report_json_words(struct report_json *json, const char *text, size_t text_len);

/** What is JSON already. */
void report_json_raw(struct report_json *json, const char *text, size_t text_len);

void report_json_number(struct report_json *json, uint64_t number);

/** A list of strings as for report_json_words(). */
void report_json_list(struct report_json *json, const char *const *words, size_t count);

/** A list of numbers. */
void report_json_numbers(struct report_json *json, const uint64_t *numbers, size_t count);

/**
 * Write the object.
 * @return octets written; 0 when it has more than `room`, or something did not fit before.
 */
size_t report_json_write(struct report_json *json, char *to, size_t room);

#endif
