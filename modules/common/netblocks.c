/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Arrays of netblocks, when a configuration is read. (What looks into them is in addr.c.)
 */
#include "sitebound/addr.h"

#include <stdlib.h>
#include <string.h>

static int compare_places(const void *left, const void *right)
{
	const uint8_t *const *a = left, *const *b = right;
	int order = sb_netblock_compare((const struct sb_netblock *)*a,
					(const struct sb_netblock *)*b);

	return order != 0 ? order : (*a > *b) - (*a < *b);
}

static struct sb_netblock *block_at(void *array, size_t index, size_t size)
{
	return (struct sb_netblock *)((uint8_t *)array + index * size);
}

enum sb_err sb_netblocks_sort(void *array, size_t *count, size_t size)
{
	const uint8_t **place = malloc((*count + 1) * sizeof(*place));
	uint8_t *sorted = malloc(*count * size + 1);
	size_t kept = 0, i;

	if (place == NULL || sorted == NULL) {
		free(place);
		free(sorted);
		return SB_ENOMEM;
	}
	for (i = 0; i < *count; i++)
		place[i] = (const uint8_t *)array + i * size;
	qsort(place, *count, sizeof(*place), compare_places);
	for (i = 0; i < *count; i++) {
		if (i == 0 || sb_netblock_compare((const struct sb_netblock *)place[i - 1],
						  (const struct sb_netblock *)place[i]) != 0)
			memcpy(sorted + kept++ * size, place[i], size);
	}
	if (kept > 0)
		memcpy(array, sorted, kept * size);
	*count = kept;
	for (i = 0; i < kept; i++) {
		struct sb_netblock *block = block_at(array, i, size);
		uint32_t up = (uint32_t)i;

		/* blocks hold each other or nothing in common: the one before, or one around it */
		while (up != 0 && !sb_netblock_covers(block_at(array, up - 1, size), block))
			up = block_at(array, up - 1, size)->up;
		block->up = up;
	}
	free(place);
	free(sorted);
	return SB_OK;
}
