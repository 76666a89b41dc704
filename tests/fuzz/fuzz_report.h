/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * What the harnesses of the report module share: a configuration in memory and one question.
 */
#ifndef FUZZ_REPORT_H
#define FUZZ_REPORT_H

#include "../../modules/report/format.h"
#include "fuzz.h"

static struct report_conf *fuzz_conf;
static struct report_scratch *fuzz_scratch;

/** Load the configuration at the first input. */
static inline void fuzz_load(const char *text)
{
	if (fuzz_conf != NULL)
		return;
	fuzz_conf = sb_conf_section(fuzz_conf_of(text), "report");
	MUST(fuzz_conf != NULL);
	fuzz_scratch = report_scratch_new(fuzz_conf);
	MUST(fuzz_scratch != NULL);
}

/** A question. */
struct fuzz_question {
	uint8_t wire[SB_DNAME_MAX];
	struct sb_query query;
	const struct report_zone *zone;
	unsigned apex_label;
	struct report_decoded decoded;
};

static const struct sb_addr fuzz_client = {.len = SB_IP4_LEN, .octet = {192, 0, 2, 1}};

/** Ask for the name as TXT, check what must hold of any name, and decode it twice: the outcome
 * is the same. @return whether it is in a zone. */
static inline int fuzz_ask(struct fuzz_question *question, const uint8_t *wire, size_t wire_len)
{
	struct report_decoded again;
	struct sb_verdict verdict;
	char event_id[REPORT_EVENT_ID_MAX] = "";

	if (wire_len > SB_DNAME_MAX)
		return 0;
	memcpy(question->wire, wire, wire_len);
	if (sb_dname_parse(&question->query.qname, question->wire, wire_len) != SB_OK)
		return 0;
	question->query.qtype = SB_TYPE_TXT;
	question->query.qclass = SB_CLASS_IN;
	question->zone = sb_zones_find(fuzz_conf->rules.zones, &question->query.qname,
				       &question->apex_label);
	if (question->zone == NULL)
		return 0;
	report_decode(question->zone, fuzz_scratch, &question->query, question->apex_label,
		      &fuzz_client, &question->decoded);
	report_decode(question->zone, fuzz_scratch, &question->query, question->apex_label,
		      &fuzz_client, &again);
	MUST(again.outcome == question->decoded.outcome);
	MUST(again.reason == question->decoded.reason);
	MUST((again.reason != REPORT_REASON_NONE) == (again.outcome == REPORT_MALFORMED));
	if (again.outcome == REPORT_ACCEPTED || again.outcome == REPORT_MALFORMED) {
		MUST(memcmp(again.identity, question->decoded.identity, REPORT_IDENTITY_LEN) == 0);
		report_event_id(&again, 1767225600, event_id);
		MUST(strlen(event_id) >= 17);
	}
	report_decide(question->zone, &question->query, question->apex_label, &question->decoded,
		      event_id, &verdict);
	MUST(verdict.kind == SB_ANSWER && verdict.rcode == SB_NOERROR);
	return 1;
}

#endif
