/* SPDX-License-Identifier: BSD-3-Clause */
/* DNS error reports: the input is a name in front of the zone, or labels in front of its "_er". */
#include "fuzz_report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t tail[] = "\003_er\002er\007example\003net";
	struct fuzz_question question;
	uint8_t wire[300];
	size_t at = 0, from, i;

	fuzz_load("report:\n  log: '-'\n  zones: [{zone: er.example.net, format: rfc9567}]\n");
	if (size < 1 || size > 230)
		return 0;
	from = data[0] % 2 == 0 ? 4 : 0;
	if (data[0] % 4 >= 2) {
		memcpy(wire, "\003_er", 4);
		at = 4;
	}
	memcpy(wire + at, data + 1, size - 1);
	at += size - 1;
	memcpy(wire + at, tail + from, sizeof(tail) - from);
	if (!fuzz_ask(&question, wire, at + sizeof(tail) - from) ||
	    question.decoded.outcome != REPORT_ACCEPTED)
		return 0;
	MUST(question.decoded.u.er.type_count > 0);
	MUST(question.decoded.u.er.type_count <= REPORT_TYPES_MAX);
	for (i = 1; i < question.decoded.u.er.type_count; i++)
		MUST(question.decoded.u.er.type[i - 1] < question.decoded.u.er.type[i]);
	MUST(question.decoded.u.er.first <= question.decoded.u.er.end);
	MUST(question.decoded.u.er.end + 2 == question.apex_label);
	return 0;
}
