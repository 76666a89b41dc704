/* SPDX-License-Identifier: BSD-3-Clause */
/* Patterns, a sane one and one that goes back and forth: the input is a name in front of the zone. */
#include "fuzz_report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t zones[2][16] = {"\001e\007example\003net", "\001b\007example\003net"};
	struct fuzz_question question;
	uint8_t wire[300];
	char subject[SB_DNAME_TEXT_MAX];
	size_t subject_len, i;

	fuzz_load("report:\n  log: '-'\n  zones:\n    - zone: e.example.net\n"
		  "      format: pattern\n"
		  "      pattern: '^(?<n>[a-z0-9]{4,16})\\.(?<code>[a-z]?[0-9]{1,5})\\."
		  "(?<os>[a-z0-9]{2,10})\\.(?<ver>v[0-9]{1,4}(?:-[0-9]{1,4}){0,3})\\."
		  "(?<cc>[a-z]{2})$'\n"
		  "      fields: {n: sitebound.nonce, code: error.code, os: user_agent.os.name,"
		  " ver: user_agent.version, cc: client.geo.country_iso_code}\n"
		  "      tests: [k3f9.1407.win10.v1-2-58.se]\n"
		  "    - zone: b.example.net\n      format: pattern\n"
		  "      pattern: '(?<a>(a|aa|\\.)+)(?:(?<b>[^.]*)\\.)?end'\n"
		  "      fields: {a: error.code, b: labels.b}\n"
		  "      tests: [a.end]\n");
	if (size < 1 || size > 240)
		return 0;
	memcpy(wire, data + 1, size - 1);
	memcpy(wire + size - 1, zones[data[0] % 2], 15);
	if (!fuzz_ask(&question, wire, size - 1 + 15) ||
	    question.decoded.outcome != REPORT_ACCEPTED)
		return 0;
	subject_len = sb_labels_to_text(&question.query.qname, 0, question.apex_label,
					SB_TEXT_PATTERN, subject);
	MUST(subject_len < SB_DNAME_TEXT_MAX);
	for (i = 0; i < question.zone->pattern->field_count; i++) {
		const struct report_span *span = &question.decoded.u.match.field[i];

		MUST(span->at == UINT16_MAX || span->at + span->len <= subject_len);
	}
	return 0;
}
