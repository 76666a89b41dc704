/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * The monotonic clock. (Unbound's own time stands still while its thread has nothing to do.)
 */
#ifndef SITEBOUND_CLOCK_H
#define SITEBOUND_CLOCK_H

#include "compat.h"

#define SB_MS_NS 1000000

static inline int64_t sb_monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#endif
