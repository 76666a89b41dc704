/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * The last good configuration. A reload unmaps the module and maps it anew, and with it goes
 * every variable; and a module that refuses to load ends the daemon. So the text of the last good
 * file is kept in a sealed memory file, whose number is left in the environment of the process.
 */
#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEPT_VARIABLE "SITEBOUND_LAST_GOOD"
#define KEPT_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/** The kept text's file, or -1. The variable may have come from whoever started the daemon: only a
 * memory file that is sealed as ours are is believed, and that would not have outlived an exec. */
static int kept_file(void)
{
	const char *value = getenv(KEPT_VARIABLE);
	char *end;
	long fd;

	if (value == NULL)
		return -1;
	errno = 0;
	fd = strtol(value, &end, 10);
	if (errno != 0 || end == value || *end != '\0' || fd < 0 || fd > INT_MAX)
		return -1;
	if (fcntl((int)fd, F_GET_SEALS) != KEPT_SEALS || fcntl((int)fd, F_GETFD) != FD_CLOEXEC)
		return -1;
	return (int)fd;
}

static void keep(const char *text, size_t text_len)
{
	int old = kept_file(), fd;
	char number[16];
	struct stat stat;

	if (old != -1 && fstat(old, &stat) == 0 && (size_t)stat.st_size == text_len) {
		void *kept = text_len > 0 ? mmap(NULL, text_len, PROT_READ, MAP_PRIVATE, old, 0)
					  : NULL;
		bool same = text_len == 0 ||
			    (kept != MAP_FAILED && memcmp(kept, text, text_len) == 0);

		if (text_len > 0 && kept != MAP_FAILED)
			munmap(kept, text_len);
		/* another module of this file kept it already */
		if (same)
			return;
	}
	fd = memfd_create("sitebound.yaml", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd == -1)
		goto failed;
	while (text_len > 0) {
		ssize_t n = write(fd, text, text_len);

		if (n <= 0)
			goto failed;
		text += n;
		text_len -= (size_t)n;
	}
	snprintf(number, sizeof(number), "%d", fd);
	if (fcntl(fd, F_ADD_SEALS, KEPT_SEALS) == -1 || setenv(KEPT_VARIABLE, number, 1) == -1)
		goto failed;
	if (old != -1)
		close(old);
	return;
failed:
	log_warn("sitebound: the configuration cannot be kept for the next reload: %s",
		 strerror(errno));
	if (fd != -1)
		close(fd);
}

/** The kept configuration, or NULL. */
static struct sb_conf *kept_conf(const char *path)
{
	struct sb_conf *conf = NULL;
	struct sb_diags diags;
	struct stat stat;
	int fd = kept_file();
	char *text;

	if (fd == -1 || fstat(fd, &stat) == -1)
		return NULL;
	text = malloc((size_t)stat.st_size + 1);
	if (text == NULL)
		return NULL;
	sb_diags_init(&diags);
	if (pread(fd, text, (size_t)stat.st_size, 0) == stat.st_size &&
	    sb_conf_parse(path, text, (size_t)stat.st_size, &diags, &conf) != SB_OK)
		conf = NULL;
	sb_diags_free(&diags);
	free(text);
	return conf;
}

struct sb_conf *sb_conf_or_last_good(const struct module_env *env, const char *path)
{
	char *text = NULL;
	const struct sb_diag *diag;
	struct sb_conf *conf = NULL;
	struct sb_diags diags;
	size_t text_len = 0;
	enum sb_err err;

	sb_diags_init(&diags);
	err = sb_conf_read_file(sb_path_in_chroot(env, path), &text, &text_len);
	if (err == SB_OK)
		err = sb_conf_parse(path, text, text_len, &diags, &conf);
	else if (err == SB_ESYS)
		log_err("%s: %s: cannot be read: %s", sb_module_name, path, strerror(errno));
	else
		log_err("%s: %s: %s", sb_module_name, path,
			err == SB_ERANGE ? "is too large" : "out of memory");
	for (diag = diags.first; diag != NULL; diag = diag->next)
		log_err("%s: %s", sb_module_name, diag->text);
	if (err == SB_OK) {
		keep(text, text_len);
	} else {
		conf = kept_conf(path);
		if (conf != NULL)
			log_err("%s: %s is bad: the last good configuration stays in "
				"force",
				sb_module_name, path);
		else
			log_err("%s: no good configuration in %s", sb_module_name, path);
	}
	sb_diags_free(&diags);
	free(text);
	return conf;
}
