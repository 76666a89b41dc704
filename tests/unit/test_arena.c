/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory of a configuration. */
#include "../../modules/common/arena.h"

#include "unit.h"

static bool is_zero(const void *data, size_t size)
{
	const unsigned char *octet = data;
	size_t i;

	for (i = 0; i < size; i++) {
		if (octet[i] != 0)
			return false;
	}
	return true;
}

static void pieces(void **state)
{
	static const size_t sizes[] = {0, 1, 7, 8, 255, 4096, 1 << 20};
	struct sb_arena *arena = sb_arena_new();
	size_t i;

	(void)state;
	assert_non_null(arena);
	for (i = 0; i < COUNT(sizes); i++) {
		char id[48];
		void *piece = sb_arena_alloc(arena, sizes[i]);

		snprintf(id, sizeof(id), "size %zu", sizes[i]);
		CHECK(id, piece != NULL && is_zero(piece, sizes[i]));
		CHECK(id, (uintptr_t)piece % _Alignof(max_align_t) == 0);
		if (piece != NULL)
			memset(piece, 0xff, sizes[i]);
	}
	CHECK("too large", sb_arena_alloc(arena, SIZE_MAX) == NULL);
	CHECK("too large", sb_arena_alloc(arena, SIZE_MAX - 8) == NULL);
	sb_arena_free(arena);
	sb_arena_free(NULL);
	unit_done();
}

static void copies(void **state)
{
	struct sb_arena *arena = sb_arena_new();
	const char *copy;

	(void)state;
	copy = sb_arena_copy(arena, "a\0b", 3);
	CHECK("copy", copy != NULL && memcmp(copy, "a\0b\0", 4) == 0);
	copy = sb_arena_copy(arena, NULL, 0);
	CHECK("nothing", copy != NULL && copy[0] == '\0');
	CHECK("too large", sb_arena_copy(arena, "", SIZE_MAX) == NULL);
	sb_arena_free(arena);
	unit_done();
}

static void grows(void **state)
{
	struct sb_arena *arena = sb_arena_new();
	uint64_t *array = NULL;
	size_t count, i;

	(void)state;
	for (count = 0; count < 3000; count++) {
		array = sb_arena_grow(arena, array, count, sizeof(*array));
		assert_non_null(array);
		if (array[count] != 0)
			CHECK("new item is zero", false);
		array[count] = count + 1;
	}
	for (i = 0; i < count; i++) {
		if (array[i] != i + 1)
			CHECK("items stay", false);
	}
	CHECK("too large", sb_arena_grow(arena, array, (size_t)1 << 60, 8) == NULL);
	CHECK("too large", sb_arena_grow(arena, array, (size_t)1 << 63, 1) == NULL);
	sb_arena_free(arena);
	unit_done();
}

static char order[8];

static void note(void *what)
{
	strcat(order, what);
}

static void cleanups(void **state)
{
	struct sb_arena *arena = sb_arena_new();
	char a[] = "a", b[] = "b", c[] = "c";

	(void)state;
	assert_int_equal(sb_arena_cleanup(arena, note, a), 0);
	assert_non_null(sb_arena_alloc(arena, 10));
	assert_int_equal(sb_arena_cleanup(arena, note, b), 0);
	assert_int_equal(sb_arena_cleanup(arena, note, c), 0);
	CHECK_TEXT("not yet", order, "");
	sb_arena_free(arena);
	CHECK_TEXT("newest first", order, "cba");
	unit_done();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces),
		cmocka_unit_test(copies),
		cmocka_unit_test(grows),
		cmocka_unit_test(cleanups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
