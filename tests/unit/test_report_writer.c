/* SPDX-License-Identifier: BSD-3-Clause */
/* The writer's thread and its targets. */
#define _GNU_SOURCE
#include "report_unit.h"

#include "../../modules/report/target.h"
#include "../../modules/report/writer.h"
#include "sitebound/conf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <zlib.h>

/* ---- a directory for each test ---- */

struct folder {
	char path[64];
	/** of the log */
	char log[96];
	char other[96];
};

static int make_folder(void **state)
{
	struct folder *folder = calloc(1, sizeof(*folder));

	if (folder == NULL)
		return -1;
	strcpy(folder->path, "/tmp/sitebound-writer-XXXXXX");
	if (mkdtemp(folder->path) == NULL)
		return -1;
	snprintf(folder->log, sizeof(folder->log), "%s/log", folder->path);
	snprintf(folder->other, sizeof(folder->other), "%s/other", folder->path);
	*state = folder;
	return 0;
}

static int remove_folder(void **state)
{
	struct folder *folder = *state;

	unlink(folder->log);
	unlink(folder->other);
	rmdir(folder->path);
	free(folder);
	return 0;
}

/** Contents of a file; "" when there is none. free() it. */
static char *contents(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = calloc(1, 1 << 22);
	size_t n = 0;

	assert_non_null(text);
	if (file != NULL) {
		n = fread(text, 1, (1 << 22) - 1, file);
		fclose(file);
	}
	text[n] = '\0';
	return text;
}

static unsigned lines_with(const char *path, const char *what)
{
	char *text = contents(path), *line, *rest = text;
	unsigned count = 0;

	while ((line = strsep(&rest, "\n")) != NULL)
		count += strstr(line, what) != NULL;
	free(text);
	return count;
}

/* ---- what happens at the moment of a write ---- */

/** What write() into a regular file does meanwhile; NULL: nothing else. */
static ssize_t (*meddle)(int fd, const void *octets, size_t len);
static unsigned meddled;

static ssize_t plain_write(int fd, const void *octets, size_t len)
{
	return syscall(SYS_write, fd, octets, len);
}

/** In the place of libc's. */
ssize_t write(int fd, const void *octets, size_t len)
{
	struct stat stat_buf;

	if (meddle == NULL || fstat(fd, &stat_buf) == -1 || !S_ISREG(stat_buf.st_mode))
		return plain_write(fd, octets, len);
	meddled++;
	return meddle(fd, octets, len);
}

/* ---- the target alone ---- */

static struct report_target *target_at(const char *path)
{
	struct report_target *target = report_target_new(REPORT_LOG_PATH, path);

	assert_non_null(target);
	return target;
}

static void write_all(struct report_target *target, const char *lines)
{
	int error = -1;

	assert_int_equal(report_target_write(target, lines, strlen(lines), &error), strlen(lines));
	assert_int_equal(error, 0);
}

static void assert_contents(const char *path, const char *expected)
{
	char *text = contents(path);

	assert_string_equal(text, expected);
	free(text);
}

static void test_file_is_created(void **state)
{
	const struct folder *folder = *state;
	struct report_target *target = target_at(folder->log);
	mode_t before = umask(022);
	struct stat stat_buf;

	write_all(target, "a\nb\n");
	umask(before);
	assert_int_equal(stat(folder->log, &stat_buf), 0);
	assert_int_equal(stat_buf.st_mode & 07777, 0640);
	assert_contents(folder->log, "a\nb\n");
	report_target_free(target);
	/* and appended to */
	target = target_at(folder->log);
	write_all(target, "c\n");
	assert_contents(folder->log, "a\nb\nc\n");
	report_target_free(target);
}

static void test_path_is_followed(void **state)
{
	static const struct {
		const char *id;
		bool rename, create, follow;
	} rows[] = {
		{"deleted", false, false, false},
		{"deleted, seen while idle", false, false, true},
		{"renamed", true, false, false},
		{"renamed, seen while idle", true, false, true},
		{"renamed and made anew", true, true, false},
		{"deleted and made anew", false, true, true},
	};
	const struct folder *folder = *state;
	size_t i;

	for (i = 0; i < SB_COUNT(rows); i++) {
		struct report_target *target = target_at(folder->log);

		write_all(target, "a\n");
		if (rows[i].rename)
			assert_int_equal(rename(folder->log, folder->other), 0);
		else
			assert_int_equal(unlink(folder->log), 0);
		if (rows[i].create) {
			int fd = open(folder->log, O_CREAT | O_EXCL | O_WRONLY, 0600);

			assert_true(fd != -1);
			close(fd);
		}
		if (rows[i].follow) {
			assert_int_equal(report_target_follow(target), 0);
			assert_int_equal(access(folder->log, F_OK), 0);
		}
		write_all(target, "b\n");
		assert_contents(folder->log, "b\n");
		if (rows[i].rename)
			assert_contents(folder->other, "a\n");
		report_target_free(target);
		unlink(folder->log);
		unlink(folder->other);
	}
}

static void test_renamed_folder_keeps_the_open_file(void **state)
{
	struct folder *folder = *state;
	struct report_target *target;
	char moved[80], log[112];

	snprintf(log, sizeof(log), "%s/log", folder->other);
	snprintf(moved, sizeof(moved), "%s/moved", folder->path);
	assert_int_equal(mkdir(folder->other, 0700), 0);
	target = target_at(log);
	write_all(target, "a\n");
	assert_int_equal(rename(folder->other, moved), 0);
	write_all(target, "b\n");
	assert_int_equal(mkdir(folder->other, 0700), 0);
	write_all(target, "c\n");
	assert_contents(log, "c\n");
	unlink(log);
	rmdir(folder->other);
	snprintf(log, sizeof(log), "%s/log", moved);
	assert_contents(log, "a\nb\n");
	unlink(log);
	rmdir(moved);
	report_target_free(target);
}

/** A limit for the size of files, which is to write() what a full disk is, with another errno. */
static void limit_file_size(rlim_t size)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_part_of_a_line_is_taken_back(void **state)
{
	static const struct {
		const char *id;
		rlim_t limit;
		const char *there;
		size_t written;
	} rows[] = {
		{"nothing fits", 6, "", 0},
		{"a line fits", 7, "first-\n", 7},
		{"and a part of the second", 13, "first-\n", 7},
		{"two lines fit", 14, "first-\nsecond\n", 14},
		{"all but the last line feed", 20, "first-\nsecond\n", 14},
	};
	static const char lines[] = "first-\nsecond\nthird-\n";
	const struct folder *folder = *state;
	size_t i;

	for (i = 0; i < SB_COUNT(rows); i++) {
		struct report_target *target = target_at(folder->log);
		size_t written;
		int error = 0;

		assert_int_equal(report_target_follow(target), 0);
		limit_file_size(rows[i].limit);
		written = report_target_write(target, lines, strlen(lines), &error);
		limit_file_size(RLIM_INFINITY);
		if (written != rows[i].written || error == 0)
			fail_msg("%s: %zu written, error %d", rows[i].id, written, error);
		assert_contents(folder->log, rows[i].there);
		/* what is left, or something else */
		write_all(target, i % 2 ? "other\n" : lines + written);
		report_target_free(target);
		if (i % 2 == 0)
			assert_contents(folder->log, lines);
		unlink(folder->log);
	}
}

static const struct folder *meddler;

/** Less than all goes in, and somebody else appends a line right behind. */
static ssize_t write_a_part(int fd, const void *octets, size_t len)
{
	int other;

	if (meddled > 1)
		return plain_write(fd, octets, len);
	other = open(meddler->log, O_WRONLY | O_APPEND);
	assert_int_equal(plain_write(fd, octets, 9), 9);
	assert_int_equal(plain_write(other, "theirs\n", 7), 7);
	close(other);
	return 9;
}

static void test_nothing_of_others_is_taken_back(void **state)
{
	static const char lines[] = "first-\nsecond\n";
	struct report_target *target;
	size_t written;
	int error = 0;

	meddler = *state;
	target = target_at(meddler->log);
	meddled = 0;
	meddle = write_a_part;
	written = report_target_write(target, lines, strlen(lines), &error);
	meddle = NULL;
	assert_int_equal(written, strlen(lines));
	assert_contents(meddler->log, "first-\nsetheirs\ncond\n");
	report_target_free(target);
}

static ssize_t delete_and_write(int fd, const void *octets, size_t len)
{
	unlink(meddler->log);
	return plain_write(fd, octets, len);
}

static ssize_t delete_once_and_write(int fd, const void *octets, size_t len)
{
	return meddled == 1 ? delete_and_write(fd, octets, len) : plain_write(fd, octets, len);
}

static void test_deleted_at_the_moment_of_writing(void **state)
{
	struct report_target *target;
	int error = 0;

	meddler = *state;
	target = target_at(meddler->log);
	meddled = 0;
	meddle = delete_once_and_write;
	write_all(target, "a\nb\n");
	assert_contents(meddler->log, "a\nb\n");
	/* again and again: nothing is taken for written, and it comes to an end */
	meddle = delete_and_write;
	assert_int_equal(report_target_write(target, "c\n", 2, &error), 0);
	meddle = NULL;
	assert_int_equal(error, EAGAIN);
	write_all(target, "c\n");
	assert_contents(meddler->log, "c\n");
	report_target_free(target);
}

static void test_part_of_a_line_is_ended_where_others_write(void **state)
{
	static const struct {
		const char *id;
		bool abandon;
		const char *there;
	} rows[] = {
		{"the rest comes", false, "first-\nsecond\n"},
		{"the rest never comes", true, "first-\nseco\nthird-\n"},
	};
	static const char lines[] = "first-\nsecond\n";
	const struct folder *folder = *state;
	int saved = dup(STDOUT_FILENO);
	size_t i;

	/* standard output that is a file belongs to others too: nothing is cut off there */
	for (i = 0; i < SB_COUNT(rows); i++) {
		struct report_target *target = report_target_new(REPORT_LOG_STDOUT, "-");
		int fd = open(folder->log, O_CREAT | O_TRUNC | O_WRONLY, 0600), error = 0;
		size_t written;

		assert_non_null(target);
		fflush(stdout);
		dup2(fd, STDOUT_FILENO);
		limit_file_size(11);
		written = report_target_write(target, lines, strlen(lines), &error);
		limit_file_size(RLIM_INFINITY);
		if (rows[i].abandon) {
			report_target_abandon(target);
			write_all(target, "third-\n");
		} else {
			write_all(target, lines + written);
		}
		dup2(saved, STDOUT_FILENO);
		close(fd);
		assert_int_equal(written, 7);
		assert_int_equal(error, EFBIG);
		assert_contents(folder->log, rows[i].there);
		report_target_free(target);
		unlink(folder->log);
	}
	close(saved);
}

static void test_torn_tail(void **state)
{
	static const struct {
		const char *id, *before, *after;
		bool rotated, emptied;
	} rows[] = {
		{"a piece of a line", "{\"a\":\"torn", "{\"a\":\"torn\nb\nc\n", false, false},
		{"one octet", "x", "x\nb\nc\n", false, false},
		{"a whole line", "a\n", "a\nb\nc\n", false, false},
		{"a line, and a piece of one", "a\nx", "a\nx\nb\nc\n", false, false},
		{"nothing", "", "b\nc\n", false, false},
		{"in a file that takes the path over", "x", "x\nb\nc\n", true, false},
		{"cut off before the first line comes", "x", "b\nc\n", false, true},
	};
	const struct folder *folder = *state;
	int saved = dup(STDOUT_FILENO);
	size_t i;

	/* the path, and standard output that leads to the same file */
	for (i = 0; i < 2 * SB_COUNT(rows); i++) {
		const size_t row = i / 2;
		struct report_target *target = i % 2 ? report_target_new(REPORT_LOG_STDOUT, "-")
						     : target_at(folder->log);
		int fd;

		assert_non_null(target);
		if (rows[row].rotated && i % 2 == 0) {
			write_all(target, "a\n");
			assert_int_equal(unlink(folder->log), 0);
		}
		fd = open(folder->log, O_CREAT | O_TRUNC | O_WRONLY | O_APPEND, 0600);
		assert_int_equal(write(fd, rows[row].before, strlen(rows[row].before)),
				 strlen(rows[row].before));
		fflush(stdout);
		dup2(fd, STDOUT_FILENO);
		assert_int_equal(report_target_follow(target), 0);
		if (rows[row].emptied)
			assert_int_equal(ftruncate(fd, 0), 0);
		write_all(target, "b\n");
		write_all(target, "c\n");
		dup2(saved, STDOUT_FILENO);
		close(fd);
		assert_contents(folder->log, rows[row].after);
		report_target_free(target);
		unlink(folder->log);
	}
	close(saved);
}

static void test_fifo(void **state)
{
	const struct folder *folder = *state;
	struct report_target *target = target_at(folder->log);
	static char lines[1 << 20], got[1 << 20];
	size_t len = 0, sent, received = 0;
	int error = 0, reader;
	ssize_t n;

	for (n = 0; len + 64 < sizeof(lines); n++)
		len += (size_t)snprintf(lines + len, sizeof(lines) - len, "line number %zd\n", n);
	assert_int_equal(mkfifo(folder->log, 0600), 0);
	/* nobody reads */
	assert_int_equal(report_target_write(target, lines, len, &error), 0);
	assert_int_equal(error, ENXIO);
	/* somebody opens it, and reads nothing: whole lines go in until it is full */
	reader = open(folder->log, O_RDONLY | O_NONBLOCK);
	assert_true(reader != -1);
	sent = report_target_write(target, lines, len, &error);
	assert_int_equal(error, EAGAIN);
	assert_in_range(sent, 4096, len - 1);
	assert_int_equal(lines[sent - 1], '\n');
	/* it is read, and the rest goes in */
	while (received < len) {
		while ((n = read(reader, got + received, sizeof(got) - received)) > 0)
			received += (size_t)n;
		sent += report_target_write(target, lines + sent, len - sent, &error);
	}
	assert_int_equal(error, 0);
	assert_memory_equal(got, lines, len);
	/* the reader goes, and no SIGPIPE comes of it */
	close(reader);
	assert_int_equal(report_target_write(target, lines, len, &error), 0);
	assert_int_equal(error, EPIPE);
	assert_int_equal(report_target_write(target, lines, len, &error), 0);
	assert_int_equal(error, ENXIO);
	/* and another comes */
	reader = open(folder->log, O_RDONLY | O_NONBLOCK);
	write_all(target, "again\n");
	assert_int_equal(read(reader, got, sizeof(got)), 6);
	close(reader);
	report_target_free(target);
}

static int datagram_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	assert_true(fd != -1);
	strcpy(address.sun_path, path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void test_datagram_socket(void **state)
{
	const struct folder *folder = *state;
	struct report_target *target = target_at(folder->log);
	int receiver = datagram_socket(folder->log), error = 0;
	char got[64];
	size_t sent;

	write_all(target, "first\nsecond\n");
	assert_int_equal(read(receiver, got, sizeof(got)), 6);
	assert_memory_equal(got, "first\n", 6);
	assert_int_equal(read(receiver, got, sizeof(got)), 7);
	assert_memory_equal(got, "second\n", 7);
	/* a receiver that is slow */
	do {
		sent = report_target_write(target, "slow\n", 5, &error);
	} while (sent == 5);
	assert_int_equal(sent, 0);
	assert_int_equal(error, EAGAIN);
	/* a receiver that is gone */
	close(receiver);
	assert_int_equal(report_target_write(target, "gone\n", 5, &error), 0);
	assert_int_equal(error, ECONNREFUSED);
	/* and comes back */
	unlink(folder->log);
	receiver = datagram_socket(folder->log);
	write_all(target, "back\n");
	assert_int_equal(read(receiver, got, sizeof(got)), 5);
	close(receiver);
	report_target_free(target);
}

static void test_errors_of_the_path(void **state)
{
	const struct folder *folder = *state;
	char below[128], longer[512], around[256];
	int receiver = datagram_socket(folder->log);
	const struct {
		const char *path;
		int error;
	} rows[] = {
		{below, ENOENT},
		{folder->path, EISDIR},
		{"/dev/full", ENOSPC},
		{longer, ENAMETOOLONG},
		/* a path may be so long, but not a socket's */
		{around, ENAMETOOLONG},
	};
	size_t i;

	snprintf(below, sizeof(below), "%s/missing/log", folder->path);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[0] = '/';
	longer[sizeof(longer) - 1] = '\0';
	snprintf(around, sizeof(around),
		 "%s/././././././././././././././././././././././././././././"
		 "././././././././././././././././././././././././log",
		 folder->path);
	for (i = 0; i < SB_COUNT(rows); i++) {
		struct report_target *target = target_at(rows[i].path);
		int error = 0;
		size_t written = report_target_write(target, "a\n", 2, &error);

		if (written != 0 || error != rows[i].error)
			fail_msg("%s: %zu written, error %d", rows[i].path, written, error);
		report_target_free(target);
	}
	close(receiver);
}

/** A file that was deleted together with its directory is no place any more. */
static void test_deleted_folder(void **state)
{
	const struct folder *folder = *state;
	char below[128];
	struct report_target *target;
	int error = 0;

	assert_int_equal(mkdir(folder->other, 0700), 0);
	snprintf(below, sizeof(below), "%s/log", folder->other);
	target = target_at(below);
	write_all(target, "first\n");
	unlink(below);
	assert_int_equal(rmdir(folder->other), 0);
	assert_int_equal(report_target_write(target, "lost\n", 5, &error), 0);
	assert_int_equal(error, ENOENT);
	assert_int_equal(mkdir(folder->other, 0700), 0);
	write_all(target, "second\n");
	assert_contents(below, "second\n");
	unlink(below);
	rmdir(folder->other);
	report_target_free(target);
}

/** Go on as a user who owns nothing but the directory and the log, where root runs this. */
static void give_up_root(const struct folder *folder)
{
	if (geteuid() != 0)
		return;
	assert_int_equal(chown(folder->path, 65534, 65534), 0);
	(void)!chown(folder->log, 65534, 65534);
	assert_int_equal(seteuid(65534), 0);
}

static void take_root(void)
{
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
}

/** Whether a file ends whole cannot be told when it may not be read: a line feed too many. */
static void test_unreadable_tail(void **state)
{
	const struct folder *folder = *state;
	int fd = open(folder->log, O_WRONLY | O_CREAT | O_CLOEXEC, 0200);
	struct report_target *target;

	assert_int_equal(write(fd, "whole\n", 6), 6);
	close(fd);
	give_up_root(folder);
	target = target_at(folder->log);
	write_all(target, "next\n");
	take_root();
	assert_int_equal(chmod(folder->log, 0600), 0);
	assert_contents(folder->log, "whole\n\nnext\n");
	report_target_free(target);
}

/** Standard output is closed, or a pipe of somebody else's, whose description others share: what does not fit
 * is not waited for. */
static void test_standard_output(void **state)
{
	static char lines[2 * PIPE_BUF + 1], got[sizeof(lines)];
	int before = dup(STDOUT_FILENO), ends[2], error = 0;
	struct report_target *target = report_target_new(REPORT_LOG_STDOUT, NULL);
	size_t written, sent = 0, at;

	fflush(stdout);
	close(STDOUT_FILENO);
	written = report_target_write(target, "a\n", 2, &error);
	dup2(before, STDOUT_FILENO);
	assert_int_equal(written, 0);
	assert_int_equal(error, EBADF);

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	memset(lines, 'x', sizeof(lines));
	for (at = 63; at < 2 * PIPE_BUF; at += 64)
		lines[at] = '\n';
	dup2(ends[1], STDOUT_FILENO);
	close(ends[1]);
	give_up_root(*state);
	do {
		written = report_target_write(target, lines, 2 * PIPE_BUF, &error);
		sent += written;
	} while (error == 0);
	take_root();
	dup2(before, STDOUT_FILENO);
	close(before);
	report_target_free(target);
	assert_int_equal(error, EAGAIN);
	assert_true(sent >= PIPE_BUF && sent % 64 == 0);
	for (; sent > 0; sent -= written) {
		written = (size_t)read(ends[0], got, sent < 2 * PIPE_BUF ? sent : 2 * PIPE_BUF);
		assert_memory_equal(got, lines, written);
	}
	/* nobody has the other end, and nothing is left */
	assert_int_equal(read(ends[0], got, sizeof(got)), 0);
	close(ends[0]);
}

/* ---- the writer ---- */

static const char conf_text[] = "report:\n"
				"  log: %s\n"
				"  stats-interval: 1\n"
				"  zones:\n"
				"    - {zone: r.example.net, format: envelope}\n";

static atomic_uint warnings;

static void warn(const char *text)
{
	(void)text;
	atomic_fetch_add(&warnings, 1);
}

struct work {
	struct sb_conf *conf;
	struct report_queue *queue;
	struct report_stats *stats;
	struct report_stats_slot *slot;
	struct report_observer observer;
	struct report_writer *writer;
	uint32_t nonce;
};

static void begin(struct work *work, const char *log, unsigned entries)
{
	struct report_writer_setup setup;
	char text[512];
	struct sb_diags diags;

	memset(work, 0, sizeof(*work));
	snprintf(text, sizeof(text), conf_text, log);
	sb_diags_init(&diags);
	if (sb_conf_parse("test.yaml", text, strlen(text), &diags, &work->conf) != SB_OK)
		fail_msg("%s", diags.first != NULL ? diags.first->text : "no memory");
	sb_diags_free(&diags);
	work->queue = report_queue_new(1, entries);
	work->stats = report_stats_new(2);
	assert_non_null(work->queue);
	assert_non_null(work->stats);
	work->slot = report_stats_claim(work->stats);
	work->observer.hostname = "test";
	setup = (struct report_writer_setup){.conf = sb_conf_section(work->conf, "report"),
					     .log_path = log,
					     .queue = work->queue,
					     .stats = work->stats,
					     .observer = &work->observer,
					     .warn = warn};
	work->writer = report_writer_start(&setup);
	assert_non_null(work->writer);
}

static struct report_counts counts_of(const struct work *work)
{
	struct report_counts counts;

	memset(&counts, 0, sizeof(counts));
	report_stats_sum(work->stats, &counts);
	return counts;
}

/** Stop; the numbers must add up. @return them. */
static struct report_counts end(struct work *work)
{
	struct report_counts counts;

	report_writer_stop(work->writer);
	counts = counts_of(work);
	assert_int_equal(counts.accepted, counts.lines + counts.queue_dropped +
						  counts.write_errors + counts.rate_limited);
	report_stats_free(work->stats);
	report_queue_free(work->queue);
	sb_conf_free(work->conf);
	return counts;
}

/** Complete an arrival that has a name, as a resolver thread does. */
static void decode(const struct work *work, struct report_arrival *arrival)
{
	static const struct sb_addr nobody = {.len = 0};
	const struct report_conf *conf = sb_conf_section(work->conf, "report");
	struct report_scratch *scratch = report_scratch_new(conf);
	struct sb_query query = {.qtype = SB_TYPE_TXT, .qclass = SB_CLASS_IN};
	unsigned apex_label;

	assert_non_null(scratch);
	assert_int_equal(sb_dname_parse(&query.qname, arrival->qname, arrival->qname_len), SB_OK);
	arrival->qtype = query.qtype;
	arrival->zone = sb_zones_find(conf->rules.zones, &query.qname, &apex_label);
	assert_non_null(arrival->zone);
	report_decode(arrival->zone, scratch, &query, apex_label, &nobody, &arrival->decoded);
	report_scratch_free(scratch);
}

/** A report as a resolver thread sends it: an envelope with the code 7 and a nonce of its own. */
static void send_report(struct work *work)
{
	static const char base32[] = "abcdefghijklmnopqrstuvwxyz234567";
	uint8_t stream[11] = {0}, *at;
	struct report_arrival arrival;
	char label[64] = "e1";
	size_t len = 2, bits = 0, i;
	uint32_t nonce = work->nonce++, check;
	unsigned held = 0;

	for (i = 0; i < 4; i++)
		stream[1 + i] = (uint8_t)(nonce >> (24 - 8 * i));
	stream[5] = 2 << 3 | 1;
	stream[6] = 7;
	check = (uint32_t)crc32(0, stream, 7);
	for (i = 0; i < 4; i++)
		stream[7 + i] = (uint8_t)(check >> (24 - 8 * i));
	for (i = 0; i < sizeof(stream); i++) {
		held = held << 8 | stream[i];
		for (bits += 8; bits >= 5; bits -= 5)
			label[len++] = base32[held >> (bits - 5) & 31];
	}
	label[len++] = base32[held << (5 - bits) & 31];
	memset(&arrival, 0, sizeof(arrival));
	clock_gettime(CLOCK_REALTIME, &arrival.time);
	at = arrival.qname;
	*at++ = (uint8_t)len;
	memcpy(at, label, len);
	at += len;
	memcpy(at, "\1r\7example\3net", 15);
	arrival.qname_len = (uint16_t)(len + 1 + 15);
	snprintf(arrival.event_id, sizeof(arrival.event_id), "%08x", nonce);
	decode(work, &arrival);
	report_stats_add(work->slot, REPORT_COUNT_ACCEPTED, 1);
	if (!report_queue_put(work->queue, 0, &arrival))
		report_stats_add(work->slot, REPORT_COUNT_QUEUE_DROPPED, 1);
}

static void send_malformed(struct work *work)
{
	struct report_arrival arrival;

	memset(&arrival, 0, sizeof(arrival));
	memcpy(arrival.qname, "\2e1\1r\7example\3net", 18);
	arrival.qname_len = 18;
	decode(work, &arrival);
	report_stats_add(work->slot, REPORT_COUNT_MALFORMED + REPORT_REASON_SHORT, 1);
	assert_true(report_queue_put(work->queue, 0, &arrival));
}

#define IS_REPORT "\"action\":\"client-error\""
#define IS_MALFORMED "\"action\":\"report-malformed\""
#define IS_STATS "\"action\":\"report-stats\""

static void test_every_report_has_a_line(void **state)
{
	const struct folder *folder = *state;
	struct report_counts counts;
	struct work work;
	unsigned i;

	begin(&work, folder->log, 1 << 12);
	for (i = 0; i < 3000; i++)
		send_report(&work);
	send_malformed(&work);
	/* the queue is written before the thread ends */
	counts = end(&work);
	assert_int_equal(counts.lines, 3000);
	assert_int_equal(lines_with(folder->log, IS_REPORT), 3000);
	assert_int_equal(lines_with(folder->log, IS_MALFORMED), 1);
	assert_true(lines_with(folder->log, IS_STATS) >= 1);
	assert_int_equal(lines_with(folder->log, "\"00000bb7\""), 1);
}

static void test_a_line_comes_at_once(void **state)
{
	const struct folder *folder = *state;
	int64_t began_ms;
	struct work work;

	begin(&work, folder->log, 16);
	began_ms = unit_now_ms();
	send_report(&work);
	unit_wait_for(lines_with(folder->log, IS_REPORT) == 1);
	assert_true(unit_now_ms() - began_ms < 2000);
	(void)end(&work);
}

static void test_stats_lines(void **state)
{
	const struct folder *folder = *state;
	struct work work;

	begin(&work, folder->log, 16);
	send_report(&work);
	unit_wait_for(lines_with(folder->log, IS_STATS) == 1);
	assert_int_equal(lines_with(folder->log, "\"accepted\":1,"), 1);
	/* a counter that moves without a report */
	report_stats_add(work.slot, REPORT_COUNT_PARTIAL, 1);
	unit_wait_for(lines_with(folder->log, IS_STATS) == 2);
	assert_int_equal(lines_with(folder->log, "\"partial\":1,"), 1);
	(void)end(&work);
	assert_int_equal(lines_with(folder->log, IS_STATS), 3);
}

static int64_t writable_ms;

static ssize_t write_later(int fd, const void *octets, size_t len)
{
	if (unit_now_ms() >= writable_ms)
		return plain_write(fd, octets, len);
	errno = EAGAIN;
	return -1;
}

static void test_stats_wait_for_what_is_under_way(void **state)
{
	const struct folder *folder = *state;
	struct work work;
	char *text, *line;

	/* the line of the counters is due, and the report's is not written yet */
	writable_ms = unit_now_ms() + 1200;
	meddle = write_later;
	begin(&work, folder->log, 16);
	send_report(&work);
	unit_wait_for(lines_with(folder->log, IS_STATS) == 1);
	(void)end(&work);
	meddle = NULL;
	text = contents(folder->log);
	line = strstr(text, IS_STATS);
	assert_non_null(line);
	*strchrnul(line, '\n') = '\0';
	assert_non_null(strstr(line, "\"accepted\":1,"));
	assert_non_null(strstr(line, "\"lines\":1,"));
	free(text);
}

static void test_full_queue_is_counted(void **state)
{
	const struct folder *folder = *state;
	struct report_counts counts;
	struct work work;
	unsigned i;

	/* a FIFO that nobody reads holds everything up */
	assert_int_equal(mkfifo(folder->log, 0600), 0);
	begin(&work, folder->log, 16);
	for (i = 0; i < 10000; i++)
		send_report(&work);
	counts = end(&work);
	assert_int_equal(counts.accepted, 10000);
	assert_int_equal(counts.lines, 0);
	assert_true(counts.queue_dropped > 0);
	assert_true(counts.write_errors > 0);
}

static void test_stop_is_bounded(void **state)
{
	const struct folder *folder = *state;
	struct report_counts counts;
	int64_t began_ms;
	struct work work;
	unsigned i;
	int reader;

	/* a FIFO that is open and never read */
	assert_int_equal(mkfifo(folder->log, 0600), 0);
	reader = open(folder->log, O_RDONLY | O_NONBLOCK);
	assert_true(reader != -1);
	begin(&work, folder->log, 1 << 12);
	for (i = 0; i < 4000; i++)
		send_report(&work);
	began_ms = unit_now_ms();
	counts = end(&work);
	assert_true(unit_now_ms() - began_ms < REPORT_WRITER_STOP_MS + 2000);
	assert_int_equal(counts.lines + counts.write_errors, 4000);
	assert_true(counts.lines > 0);
	assert_true(counts.write_errors > 0);
	close(reader);
}

static void test_missing_folder_comes_later(void **state)
{
	const struct folder *folder = *state;
	struct report_counts counts;
	struct work work;
	char log[128];

	snprintf(log, sizeof(log), "%s/log", folder->other);
	atomic_store(&warnings, 0);
	begin(&work, log, 16);
	send_report(&work);
	unit_wait_for(atomic_load(&warnings) == 1);
	assert_int_equal(mkdir(folder->other, 0700), 0);
	/* nothing is lost of what waited less than the writer's patience */
	unit_wait_for(lines_with(log, IS_REPORT) == 1);
	unit_wait_for(atomic_load(&warnings) == 2);
	counts = end(&work);
	assert_int_equal(counts.lines, 1);
	unlink(log);
	rmdir(folder->other);
}

static void test_idle_writer_follows_the_path(void **state)
{
	const struct folder *folder = *state;
	int64_t began_ms;
	struct work work;

	begin(&work, folder->log, 16);
	/* the file is there before the first report */
	unit_wait_for(access(folder->log, F_OK) == 0);
	began_ms = unit_now_ms();
	assert_int_equal(unlink(folder->log), 0);
	unit_wait_for(access(folder->log, F_OK) == 0);
	assert_true(unit_now_ms() - began_ms < 1000);
	(void)end(&work);
}

static void test_patience_ends(void **state)
{
	const struct folder *folder = *state;
	struct report_counts counts;
	struct work work;
	char log[128];

	snprintf(log, sizeof(log), "%s/log", folder->other);
	begin(&work, log, 16);
	send_report(&work);
	unit_wait_for(counts_of(&work).write_errors == 1);
	assert_int_equal(mkdir(folder->other, 0700), 0);
	send_report(&work);
	unit_wait_for(lines_with(log, IS_REPORT) == 1);
	counts = end(&work);
	assert_int_equal(counts.lines, 1);
	unlink(log);
	rmdir(folder->other);
}

/** The signals that the writer's thread blocks, as the kernel says; 0 when it is not found. */
static uint64_t blocked_by_writer(void)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *task;
	uint64_t blocked = 0;

	assert_non_null(tasks);
	while ((task = readdir(tasks)) != NULL) {
		char path[300], line[256];
		bool writer = false;
		FILE *status;

		snprintf(path, sizeof(path), "/proc/self/task/%s/status", task->d_name);
		status = fopen(path, "r");
		while (status != NULL && fgets(line, sizeof(line), status) != NULL) {
			if (strcmp(line, "Name:\tsitebound-log\n") == 0)
				writer = true;
			if (writer && strncmp(line, "SigBlk:", 7) == 0)
				blocked = strtoull(line + 7, NULL, 16);
		}
		if (status != NULL)
			fclose(status);
	}
	closedir(tasks);
	return blocked;
}

static void test_signals_are_not_the_writers(void **state)
{
	static const int signals[] = {SIGHUP, SIGTERM, SIGINT, SIGQUIT, SIGPIPE, SIGALRM, SIGXFSZ};
	const struct folder *folder = *state;
	struct work work;
	uint64_t blocked;
	sigset_t now;
	size_t i;

	begin(&work, folder->log, 16);
	/* a thread that has not begun has everything blocked */
	unit_wait_for(access(folder->log, F_OK) == 0);
	blocked = blocked_by_writer();
	for (i = 0; i < SB_COUNT(signals); i++)
		assert_true(blocked & UINT64_C(1) << (signals[i] - 1));
	/* and the caller's are as they were */
	assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &now), 0);
	for (i = 0; i < SB_COUNT(signals); i++)
		assert_int_equal(sigismember(&now, signals[i]), 0);
	(void)end(&work);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_file_is_created),
		TEST(test_path_is_followed),
		TEST(test_renamed_folder_keeps_the_open_file),
		TEST(test_part_of_a_line_is_taken_back),
		TEST(test_nothing_of_others_is_taken_back),
		TEST(test_deleted_at_the_moment_of_writing),
		TEST(test_part_of_a_line_is_ended_where_others_write),
		TEST(test_torn_tail),
		TEST(test_fifo),
		TEST(test_datagram_socket),
		TEST(test_errors_of_the_path),
		TEST(test_deleted_folder),
		TEST(test_unreadable_tail),
		TEST(test_standard_output),
		TEST(test_every_report_has_a_line),
		TEST(test_a_line_comes_at_once),
		TEST(test_stats_lines),
		TEST(test_stats_wait_for_what_is_under_way),
		TEST(test_full_queue_is_counted),
		TEST(test_stop_is_bounded),
		TEST(test_missing_folder_comes_later),
		TEST(test_idle_writer_follows_the_path),
		TEST(test_patience_ends),
		TEST(test_signals_are_not_the_writers),
	};

	/* the writer's thread blocks them; here the targets are used without it */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests_name("report_writer", tests, NULL, NULL);
}
