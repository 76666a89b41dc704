/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Memory of one configuration: taken piece by piece, given back at once.
 */
#ifndef SITEBOUND_ARENA_H
#define SITEBOUND_ARENA_H

#include <stddef.h>

struct sb_arena;

/** A new arena, NULL when memory is short. */
struct sb_arena *sb_arena_new(void);

/** Run the cleanups, newest first, and free everything. NULL is fine. */
void sb_arena_free(struct sb_arena *arena);

/** Zeroed memory that lives as long as the arena; NULL when memory is short. */
void *sb_arena_alloc(struct sb_arena *arena, size_t size);

/** A copy of size octets, and a zero octet behind them. NULL when memory is short. */
void *sb_arena_copy(struct sb_arena *arena, const void *data, size_t size);

/**
 * Room for one more item in an array.
 * @param array: what the last call for this array returned; not of use any more. NULL at first.
 * @param count: items it has, each of size octets. They stay, and item number count is zeroed.
 * @return the array, perhaps where it was; NULL when memory is short.
 */
void *sb_arena_grow(struct sb_arena *arena, void *array, size_t count, size_t size);

/** Have cleanup(what) run by sb_arena_free(). @return 0, or -1 when memory is short (cleanup has
 * then run already). */
int sb_arena_cleanup(struct sb_arena *arena, void (*cleanup)(void *), void *what);

#endif
