/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>
#include <strings.h>

#include "sitebound/conf.h"

char *sb_conf_path_from_record(const char *record)
{
	static const char name[] = "config.";
	const char *at = record + strspn(record, " \t"), *end;

	if (strncasecmp(at, name, sizeof(name) - 1) != 0)
		return NULL;
	at += sizeof(name) - 1;
	if (*at != ' ' && *at != '\t')
		return NULL;
	at += strspn(at, " \t");
	/* a TTL and a class may stand before the type */
	for (;;) {
		size_t word_len = strcspn(at, " \t");

		if (word_len == 3 && strncasecmp(at, "TXT", 3) == 0)
			break;
		if (!(word_len == 2 && strncasecmp(at, "IN", 2) == 0) &&
		    strspn(at, "0123456789") != word_len)
			return NULL;
		if (word_len == 0)
			return NULL;
		at += word_len;
		at += strspn(at, " \t");
	}
	at += 3;
	at += strspn(at, " \t");
	if (*at == '"') {
		at++;
		end = strchr(at, '"');
		if (end == NULL)
			return NULL;
	} else {
		end = at + strcspn(at, " \t");
	}
	return end > at ? strndup(at, (size_t)(end - at)) : NULL;
}
