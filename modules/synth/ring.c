/* SPDX-License-Identifier: BSD-3-Clause */
#include "ring.h"
#include "sitebound/digits.h"

#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** Octets of SRV rdata in front of the target. */
#define SRV_FIXED 6

static const struct {
	const char *name;
	size_t len;
} hashes[] = {
	[RING_SHA1] = {"sha1", 20},
	[RING_MD5] = {"md5", 16},
	[RING_SHA256] = {"sha256", 32},
};

/** A token as it came: its digits are read when the hash is known. */
struct raw_token {
	char text[2 * RING_POSITION_MAX];
	/** 0: it is no token */
	size_t text_len;
	size_t member;
};

struct ring_builder {
	const char *tokens;
	enum ring_hash hash;
	unsigned slaves;
	uint32_t ttl;
	struct ring_member *member;
	size_t member_count, member_room;
	/** members whose names were given out */
	size_t asked;
	struct raw_token *token;
	size_t token_count, token_room;
	size_t bad_tokens;
};

const char *ring_hash_name(enum ring_hash hash)
{
	return hashes[hash].name;
}

/** Room for one more item. */
static void *grow(void *array, size_t count, size_t *room, size_t size)
{
	void *grown;

	if (count < *room)
		return array;
	grown = realloc(array, (*room == 0 ? 16 : 2 * *room) * size);
	if (grown != NULL)
		*room = *room == 0 ? 16 : 2 * *room;
	return grown;
}

static void free_members(struct ring_member *member, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		free((void *)(uintptr_t)member[i].srv);
	free(member);
}

void ring_free(struct ring *ring)
{
	if (ring == NULL)
		return;
	free_members(ring->member, ring->member_count);
	free(ring->segment);
	EVP_MD_free(ring->md);
	free(ring);
}

size_t ring_memory(const struct ring *ring)
{
	size_t memory, i;

	if (ring == NULL)
		return 0;
	memory = sizeof(*ring) + ring->segment_count * sizeof(*ring->segment) +
		 ring->member_count * sizeof(*ring->member);
	for (i = 0; i < ring->member_count; i++)
		memory += ring->member[i].srv_len;
	return memory;
}

struct ring_builder *ring_builder_new(const char *tokens)
{
	struct ring_builder *builder = calloc(1, sizeof(*builder));

	if (builder == NULL)
		return NULL;
	builder->tokens = tokens;
	builder->hash = RING_SHA1;
	builder->slaves = UINT_MAX;
	builder->ttl = INT32_MAX;
	return builder;
}

void ring_builder_free(struct ring_builder *builder)
{
	if (builder == NULL)
		return;
	free_members(builder->member, builder->member_count);
	free(builder->token);
	free(builder);
}

void ring_builder_ttl(struct ring_builder *builder, uint32_t ttl)
{
	if (ttl < builder->ttl)
		builder->ttl = ttl;
}

enum sb_err ring_builder_srv(struct ring_builder *builder, const uint8_t *rdata, size_t rdata_len)
{
	struct ring_member *grown;
	struct sb_dname target;
	uint8_t *copy;

	if (rdata_len <= SRV_FIXED ||
	    sb_dname_parse(&target, rdata + SRV_FIXED, rdata_len - SRV_FIXED) != SB_OK)
		return SB_EFORM;
	if (target.label_count == 0)
		return SB_OK;
	if (builder->member_count == RING_MEMBERS_MAX)
		return SB_ERANGE;
	grown = grow(builder->member, builder->member_count, &builder->member_room, sizeof(*grown));
	if (grown == NULL)
		return SB_ENOMEM;
	builder->member = grown;
	copy = malloc(rdata_len);
	if (copy == NULL)
		return SB_ENOMEM;
	memcpy(copy, rdata, rdata_len);
	grown[builder->member_count].srv = copy;
	grown[builder->member_count++].srv_len = rdata_len;
	return SB_OK;
}

/* ---- TXT records (RFC 1035 section 3.3.14) ---- */

/** Takes one word of a TXT record. */
typedef enum sb_err take_word(struct ring_builder *builder, size_t member, const char *word,
			      size_t word_len);

/** Give the words of a string, which spaces separate, to take. */
static enum sb_err words(struct ring_builder *builder, size_t member, const char *string,
			 size_t string_len, take_word *take)
{
	enum sb_err err = SB_OK;
	size_t at = 0;

	while (at < string_len && err == SB_OK) {
		size_t start;

		while (at < string_len && string[at] == ' ')
			at++;
		for (start = at; at < string_len && string[at] != ' '; at++)
			;
		if (at > start)
			err = take(builder, member, string + start, at - start);
	}
	return err;
}

static enum sb_err strings(struct ring_builder *builder, size_t member, const uint8_t *rdata,
			   size_t rdata_len, take_word *take)
{
	enum sb_err err = SB_OK;
	size_t at;

	if (rdata_len == 0)
		return SB_EFORM;
	for (at = 0; at < rdata_len; at += 1U + rdata[at]) {
		if (rdata[at] > rdata_len - at - 1)
			return SB_EFORM;
	}
	for (at = 0; at < rdata_len && err == SB_OK; at += 1U + rdata[at])
		err = words(builder, member, (const char *)rdata + at + 1, rdata[at], take);
	return err;
}

/** Whether a text begins with a word, in whatever case. */
static bool begins(const char *text, size_t text_len, const char *word)
{
	size_t word_len = strlen(word);

	return text_len >= word_len &&
	       sb_octets_equal((const uint8_t *)text, (const uint8_t *)word, word_len);
}

static enum sb_err take_config(struct ring_builder *builder, size_t member, const char *word,
			       size_t word_len)
{
	size_t i;

	(void)member;
	if (begins(word, word_len, "slaves="))
		return sb_decimal_read((const uint8_t *)word + 7, word_len - 7, 999,
				       &builder->slaves)
			       ? SB_OK
			       : SB_EFORM;
	if (!begins(word, word_len, "hash="))
		return SB_OK;
	for (i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
		if (word_len - 5 == strlen(hashes[i].name) &&
		    begins(word + 5, word_len - 5, hashes[i].name)) {
			builder->hash = (enum ring_hash)i;
			return SB_OK;
		}
	}
	return SB_EFORM;
}

enum sb_err ring_builder_config(struct ring_builder *builder, const uint8_t *rdata,
				size_t rdata_len)
{
	return strings(builder, 0, rdata, rdata_len, take_config);
}

static enum sb_err take_token(struct ring_builder *builder, size_t member, const char *word,
			      size_t word_len)
{
	struct raw_token *grown;

	if (word_len > sizeof(grown->text)) {
		builder->bad_tokens++;
		return SB_OK;
	}
	if (builder->token_count == RING_MEMBERS_MAX)
		return SB_ERANGE;
	grown = grow(builder->token, builder->token_count, &builder->token_room, sizeof(*grown));
	if (grown == NULL)
		return SB_ENOMEM;
	builder->token = grown;
	grown += builder->token_count++;
	memcpy(grown->text, word, word_len);
	grown->text_len = word_len;
	grown->member = member;
	return SB_OK;
}

enum sb_err ring_builder_tokens(struct ring_builder *builder, size_t index, const uint8_t *rdata,
				size_t rdata_len)
{
	if (index >= builder->member_count)
		return SB_EFORM;
	return strings(builder, index, rdata, rdata_len, take_token);
}

/* ---- names ---- */

/** Add labels from text with "{port}" in it to a name; an empty text adds none. */
static enum sb_err add_labels(const char *text, size_t text_len, unsigned port,
			      uint8_t wire[SB_DNAME_MAX], size_t *wire_len)
{
	char filled[SB_DNAME_TEXT_MAX];
	uint8_t part[SB_DNAME_MAX];
	size_t at = 0, i = 0, part_len;
	enum sb_err err;

	if (text_len == 0)
		return SB_OK;
	while (i < text_len) {
		if (at + 6 > sizeof(filled))
			return SB_ERANGE;
		if (text_len - i >= 6 && memcmp(text + i, "{port}", 6) == 0) {
			at += (size_t)snprintf(filled + at, sizeof(filled) - at, "%u",
					       port & 0xffff);
			i += 6;
		} else {
			filled[at++] = text[i++];
		}
	}
	filled[at] = '\0';
	err = sb_dname_from_text(filled, part, &part_len);
	if (err != SB_OK)
		return err;
	if (*wire_len + part_len > SB_DNAME_MAX)
		return SB_ERANGE;
	/* the root is added at the end */
	memcpy(wire + *wire_len, part, part_len - 1);
	*wire_len += part_len - 1;
	return SB_OK;
}

enum sb_err ring_template(const char *text, const char *hole, const uint8_t *name, size_t name_len,
			  unsigned port, uint8_t wire[SB_DNAME_MAX], size_t *wire_len)
{
	const char *at = strstr(text, hole), *rest;
	size_t before = at == NULL ? strlen(text) : (size_t)(at - text);
	enum sb_err err;

	*wire_len = 0;
	if (at != NULL) {
		rest = at + strlen(hole);
		/* a hole stands for whole labels */
		if ((at > text && at[-1] != '.') || at - 1 == text ||
		    (at - text > 1 && at[-2] == '.') || (*rest != '\0' && *rest != '.') ||
		    strstr(rest, hole) != NULL)
			return SB_EFORM;
		before -= at > text;
		rest += *rest == '.';
	}
	err = add_labels(text, before, port, wire, wire_len);
	if (err == SB_OK && at != NULL) {
		if (*wire_len + name_len > SB_DNAME_MAX)
			return SB_ERANGE;
		memcpy(wire + *wire_len, name, name_len - 1);
		*wire_len += name_len - 1;
		err = add_labels(rest, strlen(rest), port, wire, wire_len);
	}
	if (err != SB_OK)
		return err;
	if (*wire_len == 0)
		return SB_EFORM;
	wire[(*wire_len)++] = 0;
	return SB_OK;
}

bool ring_builder_next(struct ring_builder *builder, size_t *index, uint8_t wire[SB_DNAME_MAX],
		       size_t *wire_len)
{
	while (builder->asked < builder->member_count) {
		const struct ring_member *member = &builder->member[builder->asked];
		size_t host_len;
		const uint8_t *host = ring_member_host(member, &host_len);

		*index = builder->asked++;
		if (ring_template(builder->tokens, "{host}", host, host_len,
				  ring_member_port(member), wire, wire_len) == SB_OK)
			return true;
	}
	return false;
}

/* ---- positions ---- */

/** Hexadecimal digits, the first one being the most significant of the position. */
static bool read_position(const uint8_t *text, size_t text_len, size_t position_len,
			  uint8_t position[RING_POSITION_MAX])
{
	size_t i;

	if (text_len == 0 || text_len > 2 * position_len)
		return false;
	memset(position, 0, RING_POSITION_MAX);
	for (i = 0; i < text_len; i++) {
		int digit = sb_hex_digit(text[i]);

		if (digit < 0)
			return false;
		position[i / 2] |= (uint8_t)(i % 2 == 0 ? digit << 4 : digit);
	}
	return true;
}

static int compare_octets(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

	return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

/** By priority, then host and port: the same whatever came first. */
static int compare_members(const struct ring_member *a, const struct ring_member *b)
{
	uint8_t a_host[SB_DNAME_MAX], b_host[SB_DNAME_MAX];
	size_t a_len, b_len;
	int order = memcmp(a->srv, b->srv, 2);

	if (order != 0)
		return order;
	sb_octets_lower(a_host, ring_member_host(a, &a_len), a->srv_len - SRV_FIXED);
	sb_octets_lower(b_host, ring_member_host(b, &b_len), b->srv_len - SRV_FIXED);
	order = compare_octets(a_host, a_len, b_host, b_len);
	if (order != 0)
		return order;
	return compare_octets(a->srv + 2, SRV_FIXED - 2, b->srv + 2, SRV_FIXED - 2);
}

static int compare_segments(const void *a, const void *b)
{
	const struct ring_segment *one = a, *other = b;
	int order = memcmp(one->token, other->token, RING_POSITION_MAX);

	return order != 0 ? order : compare_members(one->member, other->member);
}

/** Read the tokens into segments, sort them, and leave each token to one member. */
static void make_segments(struct ring *ring, const struct ring_builder *builder, bool *has_token)
{
	size_t i, kept = 0;

	for (i = 0; i < builder->token_count; i++) {
		const struct raw_token *raw = &builder->token[i];
		struct ring_segment *segment = &ring->segment[ring->segment_count];

		if (!read_position((const uint8_t *)raw->text, raw->text_len, ring->position_len,
				   segment->token)) {
			ring->bad_tokens++;
			continue;
		}
		segment->member = &ring->member[raw->member];
		has_token[raw->member] = true;
		ring->segment_count++;
	}
	if (ring->segment_count > 1)
		qsort(ring->segment, ring->segment_count, sizeof(*ring->segment), compare_segments);
	for (i = 0; i < ring->segment_count; i++) {
		if (kept > 0 && memcmp(ring->segment[kept - 1].token, ring->segment[i].token,
				       RING_POSITION_MAX) == 0) {
			/* the same member twice is no quarrel */
			if (compare_members(ring->segment[kept - 1].member,
					    ring->segment[i].member) != 0)
				ring->duplicate_tokens++;
			continue;
		}
		ring->segment[kept++] = ring->segment[i];
	}
	ring->segment_count = kept;
}

enum sb_err ring_builder_finish(struct ring_builder *builder, struct ring **out)
{
	struct ring *ring = calloc(1, sizeof(*ring));
	bool *has_token = calloc(builder->member_count + 1, sizeof(*has_token));
	enum sb_err err = SB_ENOMEM;
	size_t i;

	*out = NULL;
	if (ring == NULL || has_token == NULL)
		goto cleanup;
	ring->segment = calloc(builder->token_count + 1, sizeof(*ring->segment));
	ring->md = EVP_MD_fetch(NULL, hashes[builder->hash].name, NULL);
	if (ring->segment == NULL || ring->md == NULL)
		goto cleanup;
	ring->hash = builder->hash;
	ring->position_len = hashes[builder->hash].len;
	ring->slaves = builder->slaves;
	ring->ttl = builder->ttl;
	ring->bad_tokens = builder->bad_tokens;
	ring->member = builder->member;
	ring->member_count = builder->member_count;
	builder->member = NULL;
	builder->member_count = 0;
	make_segments(ring, builder, has_token);
	for (i = 0; i < ring->member_count; i++)
		ring->without_token += !has_token[i];
	*out = ring;
	ring = NULL;
	err = SB_OK;
cleanup:
	free(has_token);
	ring_free(ring);
	ring_builder_free(builder);
	return err;
}

/* ---- asking ---- */

bool ring_key_parse(const struct sb_dname *qname, unsigned left, struct ring_key *key)
{
	size_t label_len, i;
	const uint8_t *label;

	key->replica = 0;
	if (left == 2) {
		label = sb_dname_label(qname, 0, &label_len);
		if (label_len < 2 || sb_lower(label[0]) != 'r' ||
		    !sb_decimal_read(label + 1, label_len - 1, 999, &key->replica) ||
		    key->replica == 0)
			return false;
	} else if (left != 1) {
		return false;
	}
	label = sb_dname_label(qname, left - 1, &label_len);
	key->hashed = label_len > 2 && sb_lower(label[0]) == 'h' && label[1] == '-';
	key->text = label + (key->hashed ? 2 : 0);
	key->text_len = label_len - (key->hashed ? 2 : 0);
	for (i = 0; i < key->text_len && !key->hashed; i++) {
		if (sb_hex_digit(key->text[i]) < 0)
			return false;
	}
	return true;
}

static bool hash(const struct ring *ring, const uint8_t *data, size_t data_len,
		 uint8_t position[RING_POSITION_MAX])
{
	uint8_t digest[EVP_MAX_MD_SIZE];

	if (EVP_Digest(data, data_len, digest, NULL, ring->md, NULL) != 1)
		return false;
	memset(position, 0, RING_POSITION_MAX);
	memcpy(position, digest, ring->position_len);
	return true;
}

/** The first segment whose token is not before the position; the first of all behind the last. */
static size_t search(const struct ring *ring, const uint8_t *position)
{
	size_t low = 0, high = ring->segment_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(ring->segment[middle].token, position, ring->position_len) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low == ring->segment_count ? 0 : low;
}

const struct ring_segment *ring_owner(const struct ring *ring, const uint8_t *position)
{
	return ring->segment_count == 0 ? NULL : &ring->segment[search(ring, position)];
}

const struct ring_segment *ring_find(const struct ring *ring, const struct ring_key *key,
				     bool by_hash, uint8_t position[RING_POSITION_MAX])
{
	uint8_t lower[SB_LABEL_MAX];
	unsigned i;

	if (ring->segment_count == 0 || key->replica > ring->slaves)
		return NULL;
	if (key->hashed) {
		/* names that differ in case are one */
		sb_octets_lower(lower, key->text, key->text_len);
		if (!hash(ring, lower, key->text_len, position))
			return NULL;
	} else if (!read_position(key->text, key->text_len, ring->position_len, position)) {
		return NULL;
	}
	if (by_hash) {
		for (i = 0; i < key->replica; i++) {
			if (!hash(ring, position, ring->position_len, position))
				return NULL;
		}
		return ring_owner(ring, position);
	}
	/* once around there are no others */
	if (key->replica >= ring->segment_count)
		return NULL;
	return &ring->segment[(search(ring, position) + key->replica) % ring->segment_count];
}

static void host_text(const struct ring_member *member, char text[SB_DNAME_TEXT_MAX])
{
	struct sb_dname name;
	size_t host_len;
	const uint8_t *host = ring_member_host(member, &host_len);

	/* ring_builder_srv() has looked at it */
	if (sb_dname_parse(&name, host, host_len) == SB_OK)
		sb_dname_to_text(&name, text);
	else
		text[0] = '\0';
}

size_t ring_txt(const struct ring *ring, const struct ring_segment *segment,
		const uint8_t *position, uint8_t rdata[RING_TXT_MAX])
{
	char key[2 * RING_POSITION_MAX], token[2 * RING_POSITION_MAX];
	int hex_len = (int)sb_hex_write(position, ring->position_len, key);
	char host[SB_DNAME_TEXT_MAX], text[RING_TXT_MAX];
	size_t text_len, from, at = 0;

	sb_hex_write(segment->token, ring->position_len, token);
	host_text(segment->member, host);
	text_len = (size_t)snprintf(text, sizeof(text), "key=%.*s token=%.*s host=%s port=%u",
				    hex_len, key, hex_len, token, host,
				    ring_member_port(segment->member));
	for (from = 0; from < text_len; from += rdata[at], at += 1U + rdata[at]) {
		rdata[at] = (uint8_t)(text_len - from < 255 ? text_len - from : 255);
		memcpy(rdata + at + 1, text + from, rdata[at]);
	}
	return at;
}
