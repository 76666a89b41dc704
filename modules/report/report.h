/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Client error reports carried in query names: the pure part. Deciding (report_decode(),
 * report_decide()) is for resolver threads: it reads no clock, touches no global and keeps
 * nothing. Writing (report_line(), report_stats_line()) is for the writer thread and the tools.
 * Neither allocates.
 *
 * The way of one question through a resolver thread:
 *
 *     zone = sb_zones_find(conf->rules.zones, &query->qname, &apex_label)   NULL: not ours, pass
 *     report_decode(zone, scratch, query, apex_label, client, &decoded)
 *     report_wants_tcp(zone, &decoded, tcp)        true: answer with TC, count nothing, stop
 *     de-duplication by decoded.identity, limits, counters
 *     report_event_id(&decoded, first_seen, event_id)
 *     report_arrival into the queue, when it is new
 *     report_decide(zone, query, apex_label, &decoded, event_id, &verdict)
 */
#ifndef REPORT_H
#define REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "sitebound/addr.h"
#include "sitebound/dname.h"
#include "sitebound/err.h"
#include "sitebound/rules.h"
#include "sitebound/verdict.h"

/* ---- limits ---- */

/** Octets of a log line, its line feed included. */
#define REPORT_LINE_MAX 4096
/** Octets of an event.id with its final zero. */
#define REPORT_EVENT_ID_MAX 40
/** Octets that tell two reports apart. */
#define REPORT_IDENTITY_LEN 16
/** Octets of a decoded envelope: 253 characters of base32 at most. */
#define REPORT_STREAM_MAX 160
/** Octets of a label's key. */
#define REPORT_LABEL_KEY_LEN 16
/** Different keys of labels that the lines of a zone have in a day. */
#define REPORT_LABEL_KEYS_MAX 32
/** Fields of one pattern. */
#define REPORT_FIELDS_MAX 32
/** QTYPEs in one DNS error report: all digits of one label. */
#define REPORT_TYPES_MAX 32
/** Octets of an HMAC key. */
#define REPORT_KEY_MIN 16
#define REPORT_KEY_MAX 64
/** Octets of the salt of report_zone. */
#define REPORT_SALT_LEN 16
/** What client-address "prefix" keeps of an address, in bits. It is also what rate limits and the
 * identity of a report without a nonce go by, whatever client-address says. */
#define REPORT_PREFIX_IP4 24
#define REPORT_PREFIX_IP6 56

/* ---- configuration ---- */

enum report_format { REPORT_ENVELOPE, REPORT_PATTERN, REPORT_RFC9567 };

enum report_client_address { REPORT_CLIENT_FULL, REPORT_CLIENT_PREFIX, REPORT_CLIENT_NONE };

enum report_log {
	/** "-" */
	REPORT_LOG_STDOUT,
	/** "syslog" */
	REPORT_LOG_SYSLOG,
	/** a path: a file, or a Unix datagram socket; which of them is found when it is opened */
	REPORT_LOG_PATH
};

/** A shared key of an envelope zone. */
struct report_key {
	uint8_t id;
	size_t len;
	uint8_t octet[REPORT_KEY_MAX];
};

/** What the Elastic Common Schema, or the index template for fields of ours, lets a field's value
 * be. */
enum report_field_type {
	REPORT_FIELD_TEXT,
	/** a number below 2^63, or below 2^16 */
	REPORT_FIELD_NUMBER,
	REPORT_FIELD_NUMBER16,
	REPORT_FIELD_FRACTION,
	REPORT_FIELD_BOOLEAN,
	/** given in Unix seconds */
	REPORT_FIELD_DATE,
	REPORT_FIELD_ADDRESS,
	/** ISO 3166-1 alpha-2, in capitals */
	REPORT_FIELD_COUNTRY,
	/** one of the words of an envelope */
	REPORT_FIELD_OS_TYPE,
	REPORT_FIELD_ACCESS,
	/** 4 to 8 octets in hexadecimal digits */
	REPORT_FIELD_INSTALL_ID,
	/** no value of a pattern: an object on the way to others, something below a value, a type
	 * that has no text */
	REPORT_FIELD_OBJECT,
	REPORT_FIELD_BELOW,
	REPORT_FIELD_NO_TEXT
};

/** Where a named group of a pattern goes. */
struct report_field {
	/** dotted name, "error.code" */
	const char *name;
	enum report_field_type type;
	/** the group's number in the pattern */
	uint32_t group;
};

/** A compiled pattern; pattern.c. */
struct report_pattern;

struct report_zone {
	/** which zone of the file this is, from 0: for counters and report_arrival */
	unsigned index;
	/** the apex in lower case */
	struct sb_dname apex;
	/** the apex as text, without the final dot */
	const char *text;
	size_t text_len;
	enum report_format format;
	/** of acknowledgements, of the apex NS and of addresses, seconds */
	uint32_t ttl;
	/** of negative answers and of the SOA, seconds */
	uint32_t negative_ttl;
	bool require_tcp;
	/** A questions are answered with this address; len 0: with none */
	struct sb_addr ack_a;
	struct sb_soa soa;
	/** the apex NS RRset; none in it: NODATA */
	struct sb_rrset ns;
	/** the addresses of the name servers that are inside the zone, by name and type */
	struct sb_rrset *address;
	size_t address_count;
	/** envelope */
	struct report_key *keys;
	size_t key_count;
	/** the keys of labels that are kept, where there is a list */
	bool has_labels;
	const char **label;
	size_t label_count;
	/** pattern */
	struct report_pattern *pattern;
	/** the most that sitebound.weight may be */
	uint64_t max_weight;
	/** secret that goes into a hash with the client's prefix when client-address is none, so
	 * that the prefix cannot be found by trying all of them; NULL otherwise */
	const uint8_t *salt;
};

struct report_rate_limit {
	/** new reports a second from one client prefix; 0 is no limit */
	uint32_t per_prefix;
	/** what one prefix may send at once; at least 1 */
	uint32_t burst;
	/** new reports a second from everybody; 0 is no limit */
	uint32_t total;
};

/** The section `report` of sitebound.yaml; sb_conf_section(conf, "report"). Read-only. */
struct report_conf {
	/** must come first; zones: every struct report_zone by its apex */
	struct sb_rules rules;
	enum report_log log;
	/** the path for REPORT_LOG_PATH, absolute; else "-" or "syslog" */
	const char *log_path;
	enum report_client_address client_address;
	/** seconds, 1..3600 */
	uint32_t dedup_window;
	struct report_rate_limit rate_limit;
	/** seconds, 1..86400 */
	uint32_t stats_interval;
	/** zone[i].index is i */
	struct report_zone **zone;
	/** pairs of offsets that the pattern with the most groups needs; 0: there is none */
	uint32_t pattern_pairs;
};

/* ---- decoding ---- */

enum report_outcome {
	/** a report, complete and well-formed */
	REPORT_ACCEPTED,
	/** meant to be a report, but not well-formed; report_decoded.reason says why */
	REPORT_MALFORMED,
	/** a part of a name as QNAME minimisation (RFC 9156) sends them, noise, or a complete name
	 * asked for with a qtype that carries no reports: counted only */
	REPORT_PARTIAL,
	/** the apex itself, a name server's name, or a class other than IN: answered, not counted */
	REPORT_IGNORED
};

/** Why a name is malformed; the order is that of the checks. */
enum report_reason {
	REPORT_REASON_NONE,
	REPORT_REASON_VERSION,
	REPORT_REASON_ALPHABET,
	REPORT_REASON_LENGTH,
	REPORT_REASON_PADDING,
	REPORT_REASON_SHORT,
	REPORT_REASON_FLAGS,
	REPORT_REASON_PART,
	REPORT_REASON_KEY,
	REPORT_REASON_MAC,
	REPORT_REASON_CHECKSUM,
	REPORT_REASON_TLV_TYPE,
	REPORT_REASON_TLV_LENGTH,
	REPORT_REASON_TLV_VALUE,
	REPORT_REASON_TLV_DUPLICATE,
	REPORT_REASON_NO_CODE,
	REPORT_REASON_PATTERN,
	REPORT_REASON_PATTERN_LIMIT,
	REPORT_REASON_ER_SYNTAX,
	REPORT_REASON_COUNT
};

/** The word for a reason as the log has it ("tlv-type"); "" for REPORT_REASON_NONE. */
const char *report_reason_text(enum report_reason reason);

/** Octets of an envelope's stream: where they begin and how many. */
struct report_envelope_span {
	uint8_t at;
	uint8_t len;
};

/** A decoded envelope (version 1). */
struct report_envelope {
	uint8_t stream[REPORT_STREAM_MAX];
	uint8_t stream_len;
	/** where the TLVs are; behind them is the check */
	uint8_t tlv_at, tlv_end;
	bool authenticated;
	bool multi_part;
	/** 0 unless multi_part */
	uint8_t part_index;
	/** 1 unless multi_part */
	uint8_t part_count;
	/** bit N: the value of type N is in tlv[N] */
	uint32_t present;
	/** bit N: type N was there, but is not known or has an unknown enum value */
	uint32_t unknown;
	struct report_envelope_span tlv[32];
};

/** Characters of a pattern's subject: where they begin and how many. */
struct report_span {
	uint16_t at;
	uint16_t len;
};

/** What a pattern found. */
struct report_match {
	/** by the index of the pattern's fields; at is UINT16_MAX when the group is not set */
	struct report_span field[REPORT_FIELDS_MAX];
};

/** A DNS error report (RFC 9567). */
struct report_er {
	/** ascending */
	uint16_t type[REPORT_TYPES_MAX];
	size_t type_count;
	uint16_t ede;
	/** the labels of the qname that are the reported name: first <= i < end; none is the root */
	unsigned first, end;
};

struct report_decoded {
	enum report_outcome outcome;
	enum report_reason reason;
	/** for accepted and malformed: equal for questions that are the same report, whatever
	 * their qtype, letters' case or transport. It is no secret and no hash that withstands a
	 * flooder who may choose it: key a table with your own secret. */
	uint8_t identity[REPORT_IDENTITY_LEN];
	/** the event.id does not depend on the time */
	bool id_is_final;
	/** the report carries a MAC that was verified */
	bool authenticated;
	/** by the zone's format, for accepted names only */
	union {
		struct report_envelope envelope;
		struct report_match match;
		struct report_er er;
	} u;
};

/** What one thread needs for report_decode(): match data, a MAC context. */
struct report_scratch;

/**
 * Make a thread's scratch for this configuration; it must not outlive the configuration.
 * @return NULL when memory is short.
 */
struct report_scratch *report_scratch_new(const struct report_conf *conf);

/** NULL is fine. */
void report_scratch_free(struct report_scratch *scratch);

/** Octets of it, without what libcrypto keeps in it. */
size_t report_scratch_memory(const struct report_scratch *scratch);

/**
 * Decode a name. Allocates nothing of its own (libcrypto takes and gives back a small piece of
 * memory for a hash or a MAC), reads no clock. Any octets are fine in the name.
 * @param zone: what sb_zones_find() gave for the qname.
 * @param scratch: the calling thread's.
 * @param query: the question; borrowed by decoded.
 * @param apex_label: from sb_zones_find().
 * @param client: the DNS peer's full address; len 0 when there is none.
 * @param decoded: is filled whole; with outcome partial and ignored only outcome is.
 */
void report_decode(const struct report_zone *zone, struct report_scratch *scratch,
		   const struct sb_query *query, unsigned apex_label, const struct sb_addr *client,
		   struct report_decoded *decoded);

/**
 * The event.id of an accepted or malformed name. For an envelope it is the same on every server
 * and at all times; for everything else the minute is a part of it, so pass the time at which
 * the report was first seen for repeats to get the same one.
 * @param decoded: accepted or malformed.
 * @param seconds: Unix time.
 */
void report_event_id(const struct report_decoded *decoded, int64_t seconds,
		     char event_id[REPORT_EVENT_ID_MAX]);

/** Whether the question must be asked again over TCP before it counts: answer it with the header
 * bit TC and nothing else (RFC 9567 section 6.3 does so to prove the client's address). */
bool report_wants_tcp(const struct report_zone *zone, const struct report_decoded *decoded,
		      bool tcp);

/**
 * The DNS answer. Always SB_ANSWER, NOERROR and AA: a resolver that gets NXDOMAIN, SERVFAIL, REFUSED
 * or FORMERR for a part of a name stops asking for the rest (RFC 8020, RFC 9156 section 4).
 * @param event_id: for accepted; may be NULL otherwise.
 * @param verdict: is filled whole; rule is zone->index, counter is decoded->outcome. It borrows
 *	the zone.
 */
void report_decide(const struct report_zone *zone, const struct sb_query *query,
		   unsigned apex_label, const struct report_decoded *decoded, const char *event_id,
		   struct sb_verdict *verdict);

/* ---- from the resolver threads to the writer ---- */

/** All that a line needs and the resolver thread knows. Fixed size, nothing to free. */
struct report_arrival {
	/** of the configuration that is in force until the writer has ended */
	const struct report_zone *zone;
	/** CLOCK_REALTIME */
	struct timespec time;
	/** the DNS peer, whole: the line writer applies client-address; len 0: not known */
	struct sb_addr client;
	uint16_t port;
	/** over a connection, and whether that was QUIC */
	bool tcp, quic;
	uint16_t qtype;
	uint16_t qname_len;
	/** as asked, case kept */
	uint8_t qname[SB_DNAME_MAX];
	char event_id[REPORT_EVENT_ID_MAX];
	/** accepted or malformed */
	struct report_decoded decoded;
};

/* ---- lines ---- */

/** Who writes the lines. Texts may be NULL: the field is left out. Borrowed. */
struct report_observer {
	const char *hostname;
	/** of Unbound, "1.17.1" */
	const char *version;
};

/** Keys of labels that a thread has written; label_keys.h. */
struct report_label_keys;

/**
 * Write the JSON line of a report.
 * @param conf: the configuration that was in force when the question came.
 * @param label_keys: what limits the keys of labels; NULL: nothing but the zone's list.
 * @param line: the line and its line feed; no final zero.
 * @param line_len: octets of the line.
 * @return SB_OK; SB_EFORM when the arrival is neither accepted nor malformed or has no name in its
 *	zone.
 */
SB_MUST_CHECK enum sb_err report_line(const struct report_conf *conf,
				      struct report_label_keys *label_keys,
				      const struct report_observer *observer,
				      const struct report_arrival *arrival,
				      char line[REPORT_LINE_MAX], size_t *line_len);

/** The numbers of a stats line. */
struct report_counts {
	/** new reports that were accepted, those over a limit included */
	uint64_t accepted;
	uint64_t duplicate;
	uint64_t partial;
	/** by reason; [REPORT_REASON_NONE] is not used */
	uint64_t malformed[REPORT_REASON_COUNT];
	uint64_t rate_limited;
	uint64_t queue_dropped;
	uint64_t write_errors;
	/** lines of reports that were written whole */
	uint64_t lines;
	/** those of them that went into a file that the path did not lead to any more, because it
	 * could not be opened */
	uint64_t lines_astray;
};

/**
 * Write the JSON line of the counters (event.action report-stats).
 * @param when: CLOCK_REALTIME.
 * @return SB_OK, or SB_EFORM when it has no room (with sane texts of the observer it has).
 */
SB_MUST_CHECK enum sb_err report_stats_line(const struct report_observer *observer,
					    const struct timespec *when,
					    const struct report_counts *counts,
					    char line[REPORT_LINE_MAX], size_t *line_len);

#endif
