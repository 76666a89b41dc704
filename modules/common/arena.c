/* SPDX-License-Identifier: BSD-3-Clause */
#include "arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/** Octets that are taken from the system at once. With the address sanitizer every piece is one of its
 * own, so that it sees where one ends. */
#ifdef __SANITIZE_ADDRESS__
#define CHUNK_LEN 0
#else
#define CHUNK_LEN (32U << 10)
#endif
#define ALIGNMENT _Alignof(max_align_t)

struct chunk {
	struct chunk *next;
	size_t used, room;
	_Alignas(max_align_t) unsigned char data[];
};

struct cleanup {
	struct cleanup *next;
	void (*run)(void *);
	void *what;
};

struct sb_arena {
	/** the first is the one that is filled */
	struct chunk *chunks;
	struct cleanup *newest;
};

struct sb_arena *sb_arena_new(void)
{
	return calloc(1, sizeof(struct sb_arena));
}

void sb_arena_free(struct sb_arena *arena)
{
	struct chunk *chunk, *next;
	struct cleanup *cleanup;

	if (arena == NULL)
		return;
	for (cleanup = arena->newest; cleanup != NULL; cleanup = cleanup->next)
		cleanup->run(cleanup->what);
	for (chunk = arena->chunks; chunk != NULL; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	free(arena);
}

void *sb_arena_alloc(struct sb_arena *arena, size_t size)
{
	struct chunk *chunk = arena->chunks;
	size_t room;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (chunk == NULL || chunk->room - chunk->used < size) {
		room = size > CHUNK_LEN ? size : CHUNK_LEN;
		chunk = calloc(1, sizeof(*chunk) + room);
		if (chunk == NULL)
			return NULL;
		chunk->room = room;
		chunk->next = arena->chunks;
		arena->chunks = chunk;
	}
	chunk->used += size;
	return chunk->data + chunk->used - size;
}

void *sb_arena_copy(struct sb_arena *arena, const void *data, size_t size)
{
	void *copy = size < SIZE_MAX ? sb_arena_alloc(arena, size + 1) : NULL;

	if (copy != NULL && size > 0)
		memcpy(copy, data, size);
	return copy;
}

void *sb_arena_grow(struct sb_arena *arena, void *array, size_t count, size_t size)
{
	void *grown;

	/* There is room for the next power of two: the old pieces stay until the arena goes, and
	 * a copy for every item would take memory by the square of their number. */
	if ((count & (count - 1)) != 0)
		return array;
	if (count >= SIZE_MAX / 2 / size)
		return NULL;
	grown = sb_arena_alloc(arena, (count > 0 ? 2 * count : 1) * size);
	if (grown != NULL && count > 0)
		memcpy(grown, array, count * size);
	return grown;
}

int sb_arena_cleanup(struct sb_arena *arena, void (*run)(void *), void *what)
{
	struct cleanup *cleanup = sb_arena_alloc(arena, sizeof(*cleanup));

	if (cleanup == NULL) {
		run(what);
		return -1;
	}
	cleanup->run = run;
	cleanup->what = what;
	cleanup->next = arena->newest;
	arena->newest = cleanup;
	return 0;
}
