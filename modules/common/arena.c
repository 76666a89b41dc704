/* SPDX-License-Identifier: BSD-3-Clause */
#include "arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct piece {
	struct piece *next;
	void (*cleanup)(void *);
	void *what;
	_Alignas(max_align_t) unsigned char data[];
};

struct sb_arena {
	struct piece *newest;
};

struct sb_arena *sb_arena_new(void)
{
	return calloc(1, sizeof(struct sb_arena));
}

void sb_arena_free(struct sb_arena *arena)
{
	struct piece *piece, *next;

	if (arena == NULL)
		return;
	for (piece = arena->newest; piece != NULL; piece = next) {
		next = piece->next;
		if (piece->cleanup != NULL)
			piece->cleanup(piece->what);
		free(piece);
	}
	free(arena);
}

static struct piece *piece_new(struct sb_arena *arena, size_t size)
{
	struct piece *piece;

	if (size > SIZE_MAX - sizeof(*piece))
		return NULL;
	piece = calloc(1, sizeof(*piece) + size);
	if (piece == NULL)
		return NULL;
	piece->next = arena->newest;
	arena->newest = piece;
	return piece;
}

void *sb_arena_alloc(struct sb_arena *arena, size_t size)
{
	struct piece *piece = piece_new(arena, size);

	return piece != NULL ? piece->data : NULL;
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

int sb_arena_cleanup(struct sb_arena *arena, void (*cleanup)(void *), void *what)
{
	struct piece *piece = piece_new(arena, 0);

	if (piece == NULL) {
		cleanup(what);
		return -1;
	}
	piece->cleanup = cleanup;
	piece->what = what;
	return 0;
}
