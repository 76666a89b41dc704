/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Threads of our own beside the resolver's.
 */
#ifndef SITEBOUND_THREAD_H
#define SITEBOUND_THREAD_H

#include <pthread.h>

/**
 * Start a thread that takes no signals: they are for the resolver's own.
 * @param name: what ps and gdb show, at most 15 characters.
 * @return 0, or the error number of pthread_create().
 */
int sb_thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *arg);

#endif
