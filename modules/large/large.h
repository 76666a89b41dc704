/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * large: answers that do not fit into a message are cut to whole records that do. Pure decisions;
 * large_module.c carries them out.
 */
#ifndef SITEBOUND_LARGE_H
#define SITEBOUND_LARGE_H

#include "sitebound/dname.h"
#include "sitebound/rules.h"
#include "sitebound/verdict.h"

/** Octets of the longest message (RFC 1035 section 4.2.2). */
#define LARGE_MESSAGE_MAX 65535
/** Octets of a message that Unbound may add to it: the OPT record (11), DNS cookie (28), client subnet
 * (24), TCP keepalive (6), the head of a padding (4), two Extended DNS Errors (64 each). NSID comes on
 * top. */
#define LARGE_OPTIONS (11 + 28 + 24 + 6 + 4 + 2 * 64)
/** Octets of aliases that may be put in front of an answer that was cut. */
#define LARGE_ALIASES 800
/** Octets of the shortest message to be cut to: more than goes over UDP in one piece. */
#define LARGE_SIZE_MIN 4096

/** Settings of one item of the list, shared by its zones. */
struct large_rule {
	/** octets of a message */
	size_t max_size;
	/** another part each time; else the first records */
	bool rotate;
};

struct large_zone {
	const struct large_rule *rule;
	/** of the zone among the rules */
	unsigned index;
	struct sb_dname apex;
};

struct large_conf {
	/** must come first; zones: every struct large_zone by its apex */
	struct sb_rules rules;
	/** the least max_size of all rules */
	size_t least_size;
};

/** What large counts; see large_counter_names. */
enum large_counter { LARGE_COUNT_CUT, LARGE_COUNT_UPSTREAM, LARGE_COUNTERS };
extern const char *const large_counter_names[LARGE_COUNTERS];

/** An RRset of the answer section. Names and records are borrowed. */
struct large_set {
	const uint8_t *owner;
	size_t owner_len;
	uint16_t rrtype;
	/** by record, signatures last: 16-bit length in network order and rdata, all uncompressed; and
	 * the octets of both */
	uint8_t *const *rr;
	const size_t *rr_len;
	size_t count, sig_count;
	/** records may be left out; then the signatures are */
	bool may_cut;
	/** the record that the kept part begins with (it goes on with the first behind the last), and
	 * how many are kept; from large_cut() */
	size_t start, kept;
	/** the kept part has no signatures, and may not be whole */
	bool cut;
	/* by large_measure(): octets of all; of the owner in each record, and in front of the first
	 * two besides; how much of a name is saved, and how often */
	size_t size;
	size_t owner_size, owner_extra;
	size_t saved, saved_count;
};

/** RRsets of an answer section that are looked at. */
#define LARGE_SETS_MAX 64

/** The zone that a name is in, or NULL. */
const struct large_zone *large_find(const struct large_conf *conf, const struct sb_dname *name);

/**
 * The most that Unbound makes of an answer section (RFC 1035 section 4.1), header and question
 * included, for whatever asks and with whichever record it begins. It compresses no more than 120
 * names of a message and rotates the records of an RRset, so that only what holds for each order
 * counts: later owners of an RRset near the front, and the names of PTR, NS and CNAME records by
 * what all of the RRset end in.
 * @param sets: in their order; the size of each is set.
 * @param qname: the question's name.
 * @return octets.
 */
size_t large_measure(struct large_set *sets, size_t set_count, const uint8_t *qname,
		     size_t qname_len);

/**
 * Choose the records that stay. RRsets that are smaller than their share of the room stay whole.
 * @param sets: measured; start is where the kept part is to begin. kept and cut are set.
 * @param size: what large_measure() returned.
 * @param limit: octets that the message may have.
 * @return whether what stays fits, and some record of an RRset that may be cut does stay.
 */
bool large_cut(struct large_set *sets, size_t set_count, size_t size, size_t limit);

/** Octets of a text of large_text(), with the final zero. */
#define LARGE_TEXT_MAX 48

/** The text of the Extended DNS Error (RFC 8914). @param total: 0 when it is not known. */
void large_text(char text[LARGE_TEXT_MAX], size_t kept, size_t total);

#endif
