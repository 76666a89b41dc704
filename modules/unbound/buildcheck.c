/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * A module reads structures whose layout differs between versions, patches and configure options
 * of Unbound. Loaded into another build it would crash at the first query; this refuses instead.
 */
#define _GNU_SOURCE
#include "load.h"

#include <link.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define SB_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SB_SANITIZED 1
#endif
#endif
#ifndef SB_SANITIZED
#define SB_SANITIZED 0
#endif

/* Both strings are in every unbound, for `unbound -V`; Unbound's configure made them. */
static const char built_for[] = PACKAGE_STRING;
static const char built_with[] = CONFCMDLINE;

struct program {
	bool has_version;
	bool has_options;
	/** what the program calls itself, when it is another version: "unbound X.Y.Z" */
	char version[32];
};

/** Find octets in a segment; NULL when they are not there. */
__attribute__((no_sanitize("address"))) static const char *find(const char *in, size_t in_len,
								const char *what, size_t what_len)
{
#if !SB_SANITIZED
	return memmem(in, in_len, what, what_len);
#else
	/* the address sanitizer would stop memmem(): it knows of gaps between a program's variables
	 * that are nobody's */
	size_t i, j;

	for (i = 0; i + what_len <= in_len; i++) {
		for (j = 0; j < what_len && in[i + j] == what[j]; j++)
			;
		if (j == what_len)
			return in + i;
	}
	return NULL;
#endif
}

/** Find "unbound X.Y.Z" in one segment of the program. */
__attribute__((no_sanitize("address"))) static void find_version(const char *segment, size_t len,
								 char *version, size_t room)
{
	static const char word[] = PACKAGE_NAME " ";
	const char *at = segment, *end = segment + len;

	while ((at = find(at, (size_t)(end - at), word, sizeof(word) - 1)) != NULL) {
		const char *digit = at + sizeof(word) - 1;
		size_t n = 0, dots = 0;

		while (digit + n < end && n + sizeof(word) < room &&
		       ((digit[n] >= '0' && digit[n] <= '9') || digit[n] == '.'))
			dots += digit[n++] == '.';
		if (dots == 2) {
			snprintf(version, room, "%s%.*s", word, (int)n, digit);
			return;
		}
		at++;
	}
}

static int look_at_program(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct program *program = arg;
	size_t i;

	(void)size;
	for (i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *phdr = &info->dlpi_phdr[i];
		const char *segment;

		if (phdr->p_type != PT_LOAD || !(phdr->p_flags & PF_R) || (phdr->p_flags & PF_W))
			continue;
		segment = (const char *)(info->dlpi_addr + phdr->p_vaddr);
		/* with the final zero: "unbound 1.2.3" must not be found in "unbound 1.2.31" */
		if (find(segment, phdr->p_memsz, built_for, sizeof(built_for)) != NULL)
			program->has_version = true;
		else if (program->version[0] == '\0')
			find_version(segment, phdr->p_memsz, program->version,
				     sizeof(program->version));
		if (find(segment, phdr->p_memsz, built_with, sizeof(built_with) - 1) != NULL)
			program->has_options = true;
	}
	/* the first object is the program itself */
	return 1;
}

/** Whether an allocation is one of `size` octets. Patches within one version have grown
 * structures; glibc rounds up by less than 16 octets, and adds 16 where what would be left of a
 * free piece is too small to stand alone, as happens after reloads. */
static bool block_fits(const void *block, size_t size)
{
	size_t usable = malloc_usable_size((void *)(uintptr_t)block);
	void *probe = malloc(1);
	bool glibc = probe != NULL && malloc_usable_size(probe) <= 24;

	free(probe);
	return usable == 0 || (usable >= size && (!glibc || usable < size + 32));
}

bool sb_build_check(const struct module_env *env, int id, int (*own_init)(struct module_env *, int))
{
	struct program program = {.has_version = false};
	const struct dynlibmod_env *dynlib;

	dl_iterate_phdr(look_at_program, &program);
	if (!program.has_version || !program.has_options) {
		log_err("%s: this module was built for %s configured with \"%s\", "
			"which the running %s is not; rebuild it with ./configure "
			"--with-unbound-source=DIR of the running one",
			sb_module_name, built_for, built_with,
			program.has_version	     ? "build of that version"
			: program.version[0] != '\0' ? program.version
						     : "program");
		return false;
	}
	if (!block_fits(env, sizeof(*env)) || !block_fits(env->cfg, sizeof(*env->cfg))) {
		log_err("%s: this module was built for another patch level of %s: "
			"structures differ in size (environment %zu, here %zu; configuration %zu, "
			"here %zu octets); rebuild it with ./configure --with-unbound-source=DIR "
			"of the running one",
			sb_module_name, built_for, sizeof(*env),
			malloc_usable_size((void *)(uintptr_t)env), sizeof(*env->cfg),
			malloc_usable_size(env->cfg));
		return false;
	}
	dynlib = env->modinfo[id];
	if (dynlib->func_init != own_init) {
		log_err("%s: Unbound's structures are not where this module expects "
			"them; rebuild it with ./configure --with-unbound-source=DIR of the "
			"running one",
			sb_module_name);
		return false;
	}
	return true;
}
