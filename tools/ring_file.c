/* SPDX-License-Identifier: BSD-3-Clause */
#include "ring_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../modules/synth/ring.h"

enum { ALL_OWNED = 0, SOME_NOT = 1, BAD = 2 };

#define SPACES " \t\r\n"

/** A name to which TXT records belong. */
struct holder {
	uint8_t wire[SB_DNAME_MAX];
	size_t wire_len;
	/** of the member, or CONFIG */
	size_t index;
};
#define CONFIG SIZE_MAX

struct reader {
	const char *path;
	size_t line;
	struct ring_builder *builder;
	/** the owner of the SRV records */
	uint8_t service[SB_DNAME_MAX];
	size_t service_len;
	struct holder *holder;
	size_t holder_count;
};

static bool complain(const struct reader *reader, const char *what)
{
	fprintf(stderr, "%s:%zu: %s\n", reader->path, reader->line, what);
	return false;
}

/** The next word of a line, or NULL. */
static char *word(char **line)
{
	char *start = *line + strspn(*line, SPACES);
	size_t len = strcspn(start, SPACES);

	if (len == 0)
		return NULL;
	*line = start + len;
	if (**line != '\0')
		*(*line)++ = '\0';
	return start;
}

static bool read_uint16(char **line, uint8_t *out)
{
	const char *text = word(line);
	char *end;
	unsigned long value;

	if (text == NULL || *text < '0' || *text > '9')
		return false;
	value = strtoul(text, &end, 10);
	if (*end != '\0' || value > UINT16_MAX)
		return false;
	out[0] = (uint8_t)(value >> 8);
	out[1] = (uint8_t)value;
	return true;
}

static bool take_srv(struct reader *reader, const uint8_t *owner, size_t owner_len, char *data)
{
	uint8_t rdata[6 + SB_DNAME_MAX];
	const char *target;
	size_t target_len;

	if (reader->service_len == 0) {
		memcpy(reader->service, owner, owner_len);
		reader->service_len = owner_len;
	} else if (reader->service_len != owner_len ||
		   memcmp(reader->service, owner, owner_len) != 0) {
		return complain(reader, "SRV records of another name: a file holds one ring");
	}
	if (!read_uint16(&data, rdata) || !read_uint16(&data, rdata + 2) ||
	    !read_uint16(&data, rdata + 4) || (target = word(&data)) == NULL ||
	    sb_dname_from_text(target, rdata + 6, &target_len) != SB_OK)
		return complain(reader, "bad SRV record");
	return ring_builder_srv(reader->builder, rdata, 6 + target_len) == SB_OK ||
	       complain(reader, "too many members");
}

/** TXT rdata of strings with or without quotation marks; a backslash takes what follows as it is.
 */
static bool read_strings(const char *data, uint8_t *rdata, size_t room, size_t *rdata_len)
{
	size_t at = 0;

	for (data += strspn(data, SPACES); *data != '\0' && *data != ';';
	     data += strspn(data, SPACES)) {
		bool quoted = *data == '"';
		size_t start = at++;

		data += quoted;
		for (; *data != '\0' && (quoted ? *data != '"' : strchr(SPACES, *data) == NULL);
		     data++) {
			if (*data == '\\' && data[1] != '\0')
				data++;
			if (at >= room || at - start > 255)
				return false;
			rdata[at++] = (uint8_t)*data;
		}
		if (quoted && *data++ != '"')
			return false;
		rdata[start] = (uint8_t)(at - start - 1);
		if (at >= room)
			return false;
	}
	*rdata_len = at;
	return at > 0;
}

static int compare_holders(const void *a, const void *b)
{
	const struct holder *one = a, *other = b;
	int order = (one->wire_len > other->wire_len) - (one->wire_len < other->wire_len);

	return order != 0 ? order : memcmp(one->wire, other->wire, one->wire_len);
}

static bool take_txt(struct reader *reader, const uint8_t *owner, size_t owner_len,
		     const char *data)
{
	uint8_t rdata[4096];
	struct holder key = {.wire_len = owner_len};
	const struct holder *found;
	size_t rdata_len;
	enum sb_err err;

	memcpy(key.wire, owner, owner_len);
	found = bsearch(&key, reader->holder, reader->holder_count, sizeof(key), compare_holders);
	if (found == NULL)
		return complain(reader,
				"a TXT record that is no member's and not the configuration's");
	if (!read_strings(data, rdata, sizeof(rdata), &rdata_len))
		return complain(reader, "bad TXT record");
	if (found->index == CONFIG)
		err = ring_builder_config(reader->builder, rdata, rdata_len);
	else
		err = ring_builder_tokens(reader->builder, found->index, rdata, rdata_len);
	return err == SB_OK || complain(reader, "bad TXT record");
}

/** Read a line; txt: its TXT record, else its SRV record. */
static bool take_line(struct reader *reader, char *line, bool txt)
{
	uint8_t owner[SB_DNAME_MAX];
	size_t owner_len;
	const char *name, *type;

	name = word(&line);
	if (name == NULL || *name == ';')
		return true;
	if (sb_dname_from_text(name, owner, &owner_len) != SB_OK)
		return complain(reader, "bad owner name");
	do {
		type = word(&line);
	} while (type != NULL &&
		 (strspn(type, "0123456789") == strlen(type) || strcasecmp(type, "IN") == 0));
	if (type == NULL)
		return complain(reader, "no record");
	if (strcasecmp(type, "SRV") == 0)
		return txt || take_srv(reader, owner, owner_len, line);
	if (strcasecmp(type, "TXT") == 0)
		return !txt || take_txt(reader, owner, owner_len, line);
	return complain(reader, "neither SRV nor TXT");
}

static bool take_lines(struct reader *reader, FILE *file, bool txt)
{
	char *line = NULL;
	size_t room = 0;
	bool good = true;

	rewind(file);
	for (reader->line = 1; getline(&line, &room, file) != -1; reader->line++)
		good = take_line(reader, line, txt) && good;
	free(line);
	return good;
}

/** The names whose TXT records count. */
static bool list_holders(struct reader *reader)
{
	struct holder *grown;

	for (;;) {
		grown = reallocarray(reader->holder, reader->holder_count + 1, sizeof(*grown));
		if (grown == NULL)
			return false;
		reader->holder = grown;
		grown += reader->holder_count;
		if (!ring_builder_next(reader->builder, &grown->index, grown->wire,
				       &grown->wire_len))
			break;
		reader->holder_count++;
	}
	/* the place that is left */
	if (reader->service_len > 0 &&
	    ring_template("config.{service}", "{service}", reader->service, reader->service_len, 0,
			  grown->wire, &grown->wire_len) == SB_OK) {
		grown->index = CONFIG;
		reader->holder_count++;
	}
	if (reader->holder_count > 1)
		qsort(reader->holder, reader->holder_count, sizeof(*grown), compare_holders);
	return true;
}

/** A stream that can be read twice. */
static FILE *open_twice(const char *path)
{
	FILE *copy;
	char block[4096];
	size_t len;

	if (strcmp(path, "-") != 0)
		return fopen(path, "r");
	copy = tmpfile();
	while (copy != NULL && (len = fread(block, 1, sizeof(block), stdin)) > 0)
		fwrite(block, 1, len, copy);
	return copy;
}

static struct ring *read_ring(const char *path)
{
	struct reader reader = {.path = path};
	struct ring *ring = NULL;
	FILE *file = open_twice(path);
	bool good;

	if (file == NULL) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return NULL;
	}
	reader.builder = ring_builder_new("tokens.{port}.{host}");
	good = reader.builder != NULL && take_lines(&reader, file, false) &&
	       list_holders(&reader) && take_lines(&reader, file, true);
	fclose(file);
	free(reader.holder);
	if (!good)
		ring_builder_free(reader.builder);
	else if (ring_builder_finish(reader.builder, &ring) != SB_OK)
		fprintf(stderr, "%s: out of memory\n", path);
	return ring;
}

/** The first octets of a position as a share of the ring. */
static double share_of(const uint8_t *position)
{
	double share = 0;
	int i;

	for (i = 7; i >= 0; i--)
		share = (share + position[i]) / 256;
	return share;
}

static void print_ring(const struct ring *ring)
{
	char host[SB_DNAME_TEXT_MAX];
	size_t i, octet, host_len;

	printf("hash=%s members=%zu tokens=%zu", ring_hash_name(ring->hash), ring->member_count,
	       ring->segment_count);
	if (ring->slaves != UINT_MAX)
		printf(" slaves=%u", ring->slaves);
	printf(" without-token=%zu bad-tokens=%zu duplicate-tokens=%zu\n", ring->without_token,
	       ring->bad_tokens, ring->duplicate_tokens);
	for (i = 0; i < ring->segment_count; i++) {
		const struct ring_segment *segment = &ring->segment[i];
		size_t before = i == 0 ? ring->segment_count - 1 : i - 1;
		double share = share_of(segment->token) - share_of(ring->segment[before].token);
		const uint8_t *wire = ring_member_host(segment->member, &host_len);
		struct sb_dname name;

		/* around the end; one alone has all */
		if (i == 0)
			share += 1;
		for (octet = 0; octet < ring->position_len; octet++)
			printf("%02x", segment->token[octet]);
		if (sb_dname_parse(&name, wire, host_len) == SB_OK) {
			sb_dname_to_text(&name, host);
			printf(" %5.1f%% %s:%u\n", 100 * share, host,
			       ring_member_port(segment->member));
		}
	}
}

static bool print_owner(const struct ring *ring, const char *text, bool by_hash)
{
	uint8_t wire[SB_DNAME_MAX], position[RING_POSITION_MAX], rdata[RING_TXT_MAX];
	const struct ring_segment *segment;
	struct sb_dname name;
	struct ring_key key;
	size_t wire_len, len, at;

	if (sb_dname_from_text(text, wire, &wire_len) != SB_OK ||
	    sb_dname_parse(&name, wire, wire_len) != SB_OK ||
	    !ring_key_parse(&name, name.label_count, &key) ||
	    (segment = ring_find(ring, &key, by_hash, position)) == NULL) {
		printf("%s nobody\n", text);
		return false;
	}
	printf("%s ", text);
	len = ring_txt(ring, segment, position, rdata);
	for (at = 0; at < len; at += 1U + rdata[at])
		fwrite(rdata + at + 1, 1, rdata[at], stdout);
	putchar('\n');
	return true;
}

int ring_file(const char *path, char *const *key, int key_count, bool by_hash)
{
	struct ring *ring = read_ring(path);
	int i, result = ALL_OWNED;

	if (ring == NULL)
		return BAD;
	if (key_count == 0)
		print_ring(ring);
	for (i = 0; i < key_count; i++) {
		if (!print_owner(ring, key[i], by_hash))
			result = SOME_NOT;
	}
	ring_free(ring);
	return result;
}
