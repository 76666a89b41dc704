/* SPDX-License-Identifier: BSD-3-Clause */
/* Reports whose names an operator's own PCRE2 pattern describes. */
#include "format.h"

#include <stdio.h>

/** What a JIT-compiled pattern may use of the stack, octets. */
#define JIT_STACK_MOST (512U << 10)
/** What the interpreter may use where there is no JIT, KiB. */
#define HEAP_LIMIT 1024

enum sb_err report_pattern_compile(struct report_pattern *pattern, const char *text, char *problem,
				   size_t problem_room)
{
	/* the subject is plain ASCII: neither UTF mode nor \C has a use */
	const uint32_t options = PCRE2_CASELESS | PCRE2_ANCHORED | PCRE2_ENDANCHORED |
				 PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C;
	PCRE2_UCHAR message[160];
	PCRE2_SIZE offset;
	int error;

	pattern->code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, options, &error,
				      &offset, NULL);
	if (pattern->code == NULL) {
		if (pcre2_get_error_message(error, message, sizeof(message)) < 0)
			message[0] = '\0';
		snprintf(problem, problem_room, "does not compile: %s at character %zu",
			 (const char *)message, (size_t)offset + 1);
		return SB_EFORM;
	}
	/* without JIT the interpreter does the same, only slower */
	(void)pcre2_jit_compile(pattern->code, PCRE2_JIT_COMPLETE);
	return SB_OK;
}

pcre2_jit_stack *report_jit_stack_new(void)
{
	return pcre2_jit_stack_create(REPORT_JIT_STACK_LEAST, JIT_STACK_MOST, NULL);
}

pcre2_match_context *report_match_context_new(pcre2_jit_stack *stack)
{
	pcre2_match_context *context = pcre2_match_context_create(NULL);

	if (context == NULL)
		return NULL;
	pcre2_set_match_limit(context, REPORT_MATCH_LIMIT);
	pcre2_set_heap_limit(context, HEAP_LIMIT);
	if (stack != NULL)
		pcre2_jit_stack_assign(context, NULL, stack);
	return context;
}

int report_pattern_match(const struct report_pattern *pattern, const char *subject,
			 size_t subject_len, pcre2_match_data *data, pcre2_match_context *context)
{
	return pcre2_match(pattern->code, (PCRE2_SPTR)subject, subject_len, 0, 0, data, context);
}

enum report_outcome report_pattern_decode(const struct report_pattern *pattern,
					  struct report_scratch *scratch,
					  const struct sb_dname *qname, unsigned apex_label,
					  struct report_match *match, enum report_reason *reason)
{
	char subject[SB_DNAME_TEXT_MAX];
	const PCRE2_SIZE *pairs;
	size_t subject_len, i;
	int found;

	if (apex_label < pattern->least_labels)
		return REPORT_PARTIAL;
	subject_len = sb_labels_to_text(qname, 0, apex_label, SB_TEXT_PATTERN, subject);
	found = report_pattern_match(pattern, subject, subject_len, scratch->match_data,
				     scratch->match_context);
	if (found <= 0) {
		/* every other error is a limit: steps, heap, the JIT's stack */
		*reason = found == PCRE2_ERROR_NOMATCH ? REPORT_REASON_PATTERN
						       : REPORT_REASON_PATTERN_LIMIT;
		return REPORT_MALFORMED;
	}
	pairs = pcre2_get_ovector_pointer(scratch->match_data);
	for (i = 0; i < pattern->field_count; i++) {
		uint32_t group = pattern->field[i].group;
		struct report_span *span = &match->field[i];

		/* groups behind the last one that took part are not written */
		if (group >= (uint32_t)found || pairs[2 * group] == PCRE2_UNSET ||
		    pairs[2 * group + 1] < pairs[2 * group]) {
			span->at = UINT16_MAX;
			span->len = 0;
			continue;
		}
		span->at = (uint16_t)pairs[2 * group];
		span->len = (uint16_t)(pairs[2 * group + 1] - pairs[2 * group]);
	}
	return REPORT_ACCEPTED;
}

bool report_pattern_has_nonce(const struct report_pattern *pattern,
			      const struct report_match *match)
{
	return pattern->nonce_field < pattern->field_count &&
	       match->field[pattern->nonce_field].len > 0;
}
