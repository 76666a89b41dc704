/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Which keys of labels.KEY are kept. A client may send any key, and each one is a new field of the
 * index that takes the lines: so a zone either has a list of them, or the first ones of a day (UTC)
 * are kept.
 */
#ifndef REPORT_LABEL_KEYS_H
#define REPORT_LABEL_KEYS_H

#include "report.h"

/** The keys that each zone's lines have had today. For one thread. */
struct report_label_keys;

/** None so far. @return NULL when memory is short. */
struct report_label_keys *report_label_keys_new(const struct report_conf *conf);

/** NULL is fine. */
void report_label_keys_free(struct report_label_keys *seen);

/**
 * Whether a key is kept: it is in the zone's list, or there is none and it is one of the first
 * REPORT_LABEL_KEYS_MAX different ones of the day.
 * @param seen: takes the key; NULL: the day has no limit.
 * @param seconds: Unix time at which the report came.
 * @param key: as the decoder takes them, zero-terminated.
 */
bool report_label_key_is_kept(struct report_label_keys *seen, const struct report_zone *zone,
			      int64_t seconds, const char *key);

#endif
