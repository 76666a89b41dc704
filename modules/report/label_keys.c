/* SPDX-License-Identifier: BSD-3-Clause */
#include "label_keys.h"

#include <stdlib.h>
#include <string.h>

#define DAY_SECONDS 86400

/** What one zone has had. */
struct zone_keys {
	/** days since 1970 */
	int64_t day;
	unsigned count;
	char key[REPORT_LABEL_KEYS_MAX][REPORT_LABEL_KEY_LEN + 1];
};

struct report_label_keys {
	/** by report_zone.index */
	struct zone_keys *zone;
};

struct report_label_keys *report_label_keys_new(const struct report_conf *conf)
{
	struct report_label_keys *seen = malloc(sizeof(*seen));

	if (seen == NULL)
		return NULL;
	seen->zone = calloc(conf->rules.count, sizeof(*seen->zone));
	if (seen->zone != NULL)
		return seen;
	free(seen);
	return NULL;
}

void report_label_keys_free(struct report_label_keys *seen)
{
	if (seen == NULL)
		return;
	free(seen->zone);
	free(seen);
}

static bool is_listed(const struct report_zone *zone, const char *key)
{
	size_t i;

	for (i = 0; i < zone->label_count; i++) {
		if (strcmp(zone->label[i], key) == 0)
			return true;
	}
	return false;
}

bool report_label_key_is_kept(struct report_label_keys *seen, const struct report_zone *zone,
			      int64_t seconds, const char *key)
{
	struct zone_keys *keys;
	int64_t day = seconds / DAY_SECONDS;
	unsigned i;

	if (zone->has_labels)
		return is_listed(zone, key);
	if (seen == NULL)
		return true;
	keys = &seen->zone[zone->index];
	/* around midnight the queue may have reports of both days, in any order: the last one's
	 * begin no day anew */
	if (day > keys->day || day < keys->day - 1) {
		keys->day = day;
		keys->count = 0;
	}
	for (i = 0; i < keys->count; i++) {
		if (strcmp(keys->key[i], key) == 0)
			return true;
	}
	if (keys->count == REPORT_LABEL_KEYS_MAX)
		return false;
	strncpy(keys->key[keys->count++], key, REPORT_LABEL_KEY_LEN);
	return true;
}
