/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of report's running part share. */
#ifndef REPORT_UNIT_H
#define REPORT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define SB_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/** Resident memory of this process, KiB. */
static inline long unit_rss_kib(void)
{
	FILE *statm = fopen("/proc/self/statm", "r");
	long size = 0, resident = 0;

	if (statm != NULL) {
		if (fscanf(statm, "%ld %ld", &size, &resident) != 2)
			resident = 0;
		fclose(statm);
	}
	return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/** CLOCK_MONOTONIC, milliseconds. */
static inline int64_t unit_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/** Evaluate a condition until it holds; fail after ten seconds. */
#define unit_wait_for(condition) \
	do { \
		int64_t unit_until = unit_now_ms() + 10000; \
		while (!(condition)) { \
			if (unit_now_ms() > unit_until) \
				fail_msg("never true: %s", #condition); \
			usleep(1000); \
		} \
	} while (0)

#endif
