/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Ring names: who owns a key on a ring of tokens (consistent hashing). Pure.
 *
 * A service's SRV records (RFC 2782) list the members. A TXT record says how keys are hashed, and
 * each member has a TXT record with the tokens at which it sits. A member owns the keys from the
 * token before its own, exclusive, to its own, inclusive, around the end of the ring.
 *
 * A ring is made by a builder, which takes record data as they arrive and says which names to ask
 * next; it is read-only afterwards and may be shared by threads.
 */
#ifndef SITEBOUND_RING_H
#define SITEBOUND_RING_H

#include "sitebound/dname.h"

/** Octets of the longest position, that of SHA-256. */
#define RING_POSITION_MAX 32
/** Members, and tokens of all of them together, that one ring takes. */
#define RING_MEMBERS_MAX 65535
/** Octets of the rdata of a TXT record that ring_txt() makes, at most. */
#define RING_TXT_MAX 1280

enum ring_hash { RING_SHA1, RING_MD5, RING_SHA256 };

/** A member of a ring: one SRV record. */
struct ring_member {
	/** the record's rdata: priority, weight, port, target (uncompressed) */
	const uint8_t *srv;
	size_t srv_len;
};

static inline unsigned ring_member_port(const struct ring_member *member)
{
	return (unsigned)member->srv[4] << 8 | member->srv[5];
}

/** The target: the member's host, as it was written in the record. */
static inline const uint8_t *ring_member_host(const struct ring_member *member, size_t *host_len)
{
	*host_len = member->srv_len - 6;
	return member->srv + 6;
}

/** A token and the member whose it is. */
struct ring_segment {
	uint8_t token[RING_POSITION_MAX];
	const struct ring_member *member;
};

struct ring {
	enum ring_hash hash;
	/** libcrypto's digest of that: to look it up takes longer than to hash */
	struct evp_md_st *md;
	/** octets of a position */
	size_t position_len;
	/** the highest N of rN; UINT_MAX when the configuration record does not say */
	unsigned slaves;
	/** the smallest TTL of all parts, seconds */
	uint32_t ttl;
	/** sorted by token; no token twice */
	struct ring_segment *segment;
	size_t segment_count;
	struct ring_member *member;
	size_t member_count;
	/** members without a token */
	size_t without_token;
	/** tokens that are not hexadecimal or are too long, and tokens that another member has */
	size_t bad_tokens, duplicate_tokens;
};

/** "sha1", ... */
const char *ring_hash_name(enum ring_hash hash);

/** Free a ring; NULL is fine. */
void ring_free(struct ring *ring);

/** Octets of a ring; 0 for NULL. */
size_t ring_memory(const struct ring *ring);

/* ---- building ---- */

struct ring_builder;

/**
 * Begin a ring.
 * @param tokens: how a member's name for tokens is made, see ring_template(); borrowed.
 * @return NULL when memory is short.
 */
struct ring_builder *ring_builder_new(const char *tokens);

/** Free a builder that was not finished; NULL is fine. */
void ring_builder_free(struct ring_builder *builder);

/**
 * Take one SRV record; it is copied. The target "." is no member (RFC 2782).
 * @param rdata: wire, target uncompressed.
 * @return SB_OK, SB_EFORM, SB_ERANGE (over RING_MEMBERS_MAX) or SB_ENOMEM.
 */
SB_MUST_CHECK enum sb_err ring_builder_srv(struct ring_builder *builder, const uint8_t *rdata,
					   size_t rdata_len);

/**
 * Take one TXT record of the configuration: `hash=sha1`, `hash=md5`, `hash=sha256`, `slaves=N`,
 * in one string or several; other keys are skipped. Without a hash it is SHA-1.
 * @return SB_OK; SB_EFORM for what is no TXT rdata, or a value that is not known.
 */
SB_MUST_CHECK enum sb_err ring_builder_config(struct ring_builder *builder, const uint8_t *rdata,
					      size_t rdata_len);

/**
 * The next name whose TXT records hold tokens, each once.
 * @param index: of the member, for ring_builder_tokens().
 * @param wire, wire_len: the name.
 * @return whether there is one. A member whose name would be over 255 octets is passed over: it
 * has no token.
 */
bool ring_builder_next(struct ring_builder *builder, size_t *index, uint8_t wire[SB_DNAME_MAX],
		       size_t *wire_len);

/**
 * Take one TXT record of a member: hexadecimal tokens, one a string or with spaces between them.
 * In any order with respect to the configuration. What is no token is counted, not an error.
 * @return SB_OK, SB_EFORM (no TXT rdata), SB_ERANGE (over RING_MEMBERS_MAX) or SB_ENOMEM.
 */
SB_MUST_CHECK enum sb_err ring_builder_tokens(struct ring_builder *builder, size_t index,
					      const uint8_t *rdata, size_t rdata_len);

/** The TTL of a part, or how long it is known that there is none: the ring's is the smallest. */
void ring_builder_ttl(struct ring_builder *builder, uint32_t ttl);

/**
 * Make the ring and free the builder, whatever is returned. The ring is the same in whatever order
 * its parts came: of two members with one token the first by priority, then by host and port, has
 * it. A ring may have no segment: then nothing is owned.
 * @return SB_OK or SB_ENOMEM; also where libcrypto does not have the hash.
 */
SB_MUST_CHECK enum sb_err ring_builder_finish(struct ring_builder *builder, struct ring **ring);

/**
 * A name from a template: "{host}" or "{service}" between labels stands for a name, "{port}" for
 * a number.
 * @param hole: "{host}" or "{service}".
 * @param name: what stands there, wire.
 * @return SB_OK, SB_EFORM (a bad label, two holes, a hole inside a label) or SB_ERANGE.
 */
SB_MUST_CHECK enum sb_err ring_template(const char *text, const char *hole, const uint8_t *name,
					size_t name_len, unsigned port, uint8_t wire[SB_DNAME_MAX],
					size_t *wire_len);

/* ---- asking ---- */

/** What a name left of the zone says: KEY or rN.KEY. */
struct ring_key {
	/** hexadecimal digits; or with `hashed` what is to be hashed */
	const uint8_t *text;
	size_t text_len;
	bool hashed;
	/** 0: the owner; N: the N-th replica */
	unsigned replica;
};

/**
 * Read the labels left of the zone. KEY is hexadecimal digits, or "h-" and a text to be hashed.
 * rN has no leading zero, N from 1 to 999.
 * @param qname: borrowed by key.
 * @param left: labels left of the zone.
 * @return whether it is a key.
 */
bool ring_key_parse(const struct sb_dname *qname, unsigned left, struct ring_key *key);

/**
 * The segment that a key belongs to.
 * @param by_hash: the N-th replica owns the N times hashed position; else it is the N-th next
 * segment.
 * @param position: where the key is, ring->position_len octets.
 * @return NULL: more digits than the hash has, no such replica, or nobody on the ring.
 */
const struct ring_segment *ring_find(const struct ring *ring, const struct ring_key *key,
				     bool by_hash, uint8_t position[RING_POSITION_MAX]);

/** The segment that owns a position; NULL when nobody is on the ring. */
const struct ring_segment *ring_owner(const struct ring *ring, const uint8_t *position);

/**
 * The rdata of the TXT answer: "key=HEX token=HEX host=NAME port=NUMBER".
 * @return octets written.
 */
size_t ring_txt(const struct ring *ring, const struct ring_segment *segment,
		const uint8_t *position, uint8_t rdata[RING_TXT_MAX]);

#endif
