/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Typed reading of a YAML document. A reader takes a value, reports what is wrong with it at its
 * line, column and key path, and goes on: all errors of a file are found in one pass.
 */
#ifndef SITEBOUND_CONF_YAML_H
#define SITEBOUND_CONF_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "sitebound/addr.h"
#include "sitebound/conf.h"
#include "sitebound/rules.h"
#include "sitebound/verdict.h"

/** A place in the file, from 0. */
struct sb_mark {
	uint32_t line;
	/** in characters */
	uint32_t column;
};

enum sb_node_kind { SB_NODE_SCALAR, SB_NODE_LIST, SB_NODE_MAP };

/** A node of the document. Small: a file of 10,000 rules has 50,000, and touching memory for the first
 * time is what reading them costs most. */
struct sb_node {
	uint8_t kind;
	/** a scalar that may mean a number, "no" or nothing: neither quotes nor a tag make a text of it */
	bool is_plain;
	/** octets of a scalar; nodes of a list; nodes of a mapping: each key and its value */
	uint32_t count;
	struct sb_mark mark;
	union {
		/** NUL behind it */
		const char *text;
		const struct sb_node *const *inside;
	};
};

/** What readers share: the memory for results, where messages go. */
struct sb_yaml {
	const char *file;
	struct sb_arena *arena;
	struct sb_diags *diags;
	/** values that were read so far */
	size_t values;
};

/** A value and the way to it. Lives on the stack of the reader that walks the document. */
struct sb_value {
	struct sb_yaml *yaml;
	const struct sb_node *node;
	/** the value that this one is in; NULL for the document itself */
	const struct sb_value *up;
	/** the key when up is a mapping, else NULL */
	const char *key;
	/** the index when up is a sequence */
	size_t index;
	/** where messages point; the key's place for a key that is wrong itself */
	struct sb_mark mark;
};

/** Reads one value into out (the structure that the enclosing reader fills). */
typedef void sb_reader(const struct sb_value *value, void *out);

/** A key of a mapping. */
struct sb_key {
	const char *name;
	sb_reader *read;
	bool required;
};

/**
 * Read the document of a text. What is wrong (syntax, depth, a second document) is reported.
 * @param arena: the nodes' memory.
 * @return its root, or NULL when there is nothing that can be looked at.
 */
const struct sb_node *sb_document_read(struct sb_yaml *yaml, struct sb_arena *arena,
				       const char *text, size_t text_len);

/** Report an error at the value. */
void sb_value_error(const struct sb_value *value, const char *format, ...) SB_PRINTF(2, 3);

/** Report that memory is short. */
void sb_value_no_memory(const struct sb_value *value);

/** How many messages there are: compare before and after to see whether a part was good. */
size_t sb_value_errors(const struct sb_value *value);

/**
 * Read a mapping by a table of keys: unknown, repeated and missing keys are reported, each known
 * one goes to its reader, in the order of the table.
 * @return whether the value is a mapping with all required keys.
 */
bool sb_read_map(const struct sb_value *value, const struct sb_key *keys, size_t key_count,
		 void *out);
#define SB_READ_MAP(value, keys, out) \
	sb_read_map(value, keys, sizeof(keys) / sizeof((keys)[0]), out)

/** Visit every pair of a mapping whose keys are the user's: value->key is the key. Repeated keys
 * are reported. @return whether the value is a mapping. */
bool sb_read_pairs(const struct sb_value *value, sb_reader *read, void *out);

/** Read every item of a sequence, at least `least` of them. @return whether the value is a
 * sequence that is long enough. */
bool sb_read_list(const struct sb_value *value, size_t least, sb_reader *read, void *out);

bool sb_value_is_map(const struct sb_value *value);
bool sb_value_is_scalar(const struct sb_value *value);

/* Scalars: each returns whether *out was set; what is wrong is reported otherwise. */

/** Text without control characters; the string is the document's and dies with it. */
bool sb_read_text(const struct sb_value *value, const char **out);
/** A decimal number, least <= number <= most. */
bool sb_read_number(const struct sb_value *value, uint64_t least, uint64_t most, uint64_t *out);
/** A TTL in seconds, 0..2^31-1 (RFC 2181 section 8). */
bool sb_read_ttl(const struct sb_value *value, uint32_t *out);
/** yes/no, true/false, on/off. */
bool sb_read_bool(const struct sb_value *value, bool *out);
/** One of the words; its index goes to out. */
bool sb_read_word(const struct sb_value *value, const char *const *words, size_t word_count,
		  unsigned *out);
#define SB_READ_WORD(value, words, out) \
	sb_read_word(value, words, sizeof(words) / sizeof((words)[0]), out)
/** A domain name; lower-cased wire octets in the arena. */
bool sb_read_dname(const struct sb_value *value, struct sb_dname *out);
/** A single label, lower-cased, without its length octet, in the arena. */
bool sb_read_label(const struct sb_value *value, const uint8_t **out, size_t *out_len);
/** A list of netblocks, in the arena. */
bool sb_read_netblocks(const struct sb_value *value, struct sb_netblocks *out);

/** Make an empty set of rules, which goes with the arena. @return whether there was memory. */
bool sb_rules_init(const struct sb_value *value, struct sb_rules *rules);

/**
 * Count one more rule.
 * @param name: the zone that it is called by, or NULL; borrowed.
 * @return whether there was memory.
 */
bool sb_rules_add(const struct sb_value *value, struct sb_rules *rules,
		  const struct sb_dname *name);

/** The section of a job: its top-level key and its reader. */
struct sb_section {
	const char *key;
	/** Build the job's structure from the section, in the arena; it begins with a struct
	 * sb_rules. NULL when errors were reported. */
	void *(*read)(const struct sb_value *value);
};

#endif
