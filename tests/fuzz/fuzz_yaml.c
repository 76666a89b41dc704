/* SPDX-License-Identifier: BSD-3-Clause */
/* sitebound.yaml: the input is the file. It is good, or every error has a place in it, in order; and the
 * same again. What is good can be asked. */
#include "../../modules/synth/synth.h"
#include "fuzz.h"

/** Ask synth for a name in each of its zones. */
static void ask(const struct synth_conf *synth)
{
	struct sb_verdict verdict;
	unsigned i;

	for (i = 0; i < synth->rules.count; i++) {
		struct sb_query query = {
			.qname = synth->zone[i]->apex, .qtype = SB_TYPE_A, .qclass = SB_CLASS_IN};

		synth_decide(synth, &query, &verdict);
		MUST(verdict.kind != SB_ANSWER || verdict.rule < synth->rules.count);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t count[2], round;
	char *text = malloc(size + 1);

	MUST(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	for (round = 0; round < 2; round++) {
		const struct sb_diag *diag, *before = NULL;
		struct sb_conf *conf = NULL;
		struct sb_diags diags;
		enum sb_err err;

		sb_diags_init(&diags);
		err = sb_conf_parse("fuzz", text, size, &diags, &conf);
		MUST(err == (diags.count == 0 ? SB_OK : SB_ECONF));
		MUST((conf != NULL) == (err == SB_OK));
		for (diag = diags.first; diag != NULL; before = diag, diag = diag->next) {
			MUST(strncmp(diag->text, "fuzz:", 5) == 0);
			MUST(before == NULL || before->line < diag->line ||
			     (before->line == diag->line && before->column <= diag->column));
		}
		count[round] = diags.count;
		if (conf != NULL && sb_conf_section(conf, "synth") != NULL)
			ask(sb_conf_section(conf, "synth"));
		sb_diags_free(&diags);
		sb_conf_free(conf);
	}
	MUST(count[0] == count[1]);
	free(text);
	return 0;
}
