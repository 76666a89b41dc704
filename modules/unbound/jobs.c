/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Which jobs this .so does: all of sections.def, in that order, or the one of SB_ONE_JOB. Nothing
 * else tells sitebound.so and the single-job modules apart.
 */
#include "job.h"

#ifdef SB_ONE_JOB
#define JOB_OF(name) name##_job
#define JOB(name) JOB_OF(name)
#define TEXT_OF(name) #name
#define TEXT(name) TEXT_OF(name)

extern const struct sb_job JOB(SB_ONE_JOB);
const struct sb_job *const sb_jobs[] = {&JOB(SB_ONE_JOB)};
const char sb_module_name[] = "sitebound " TEXT(SB_ONE_JOB);
const bool sb_has_all_jobs = false;
#else
#define SB_SECTION(name) extern const struct sb_job name##_job;
#include "../common/sections.def"
#undef SB_SECTION

const struct sb_job *const sb_jobs[] = {
#define SB_SECTION(name) &name##_job,
#include "../common/sections.def"
};
const char sb_module_name[] = "sitebound";
const bool sb_has_all_jobs = true;
#endif

const unsigned sb_job_count = sizeof(sb_jobs) / sizeof(sb_jobs[0]);
_Static_assert(sizeof(sb_jobs) / sizeof(sb_jobs[0]) <= SB_JOBS_MAX, "SB_JOBS_MAX is too small");
