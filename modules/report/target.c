/* SPDX-License-Identifier: BSD-3-Clause */
#define _GNU_SOURCE
#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define FILE_MODE 0640
#define SYSLOG_PATH "/dev/log"
#define SYSLOG_IDENT "sitebound"
#define STDOUT_LINK "/proc/self/fd/1"

enum target_kind {
	/** a regular file or a device: takes any number of lines at once */
	TARGET_FILE,
	/** a pipe or FIFO: up to PIPE_BUF octets are written whole or not at all */
	TARGET_PIPE,
	/** a stream socket or a terminal: may take a part of a line */
	TARGET_STREAM,
	/** a datagram socket: one line at a time */
	TARGET_DATAGRAM
};

struct report_target {
	enum report_log log;
	char *path;
	int fd;
	enum target_kind kind;
	/** which file fd is, to see when the path leads elsewhere */
	dev_t dev;
	ino_t ino;
	/** a part of a line can be taken back: a regular file that we opened to append */
	bool takes_back;
	/** fd is a socket, which can be told for each write not to block */
	bool socket;
	/** fd is shared with others and may block: ask poll() before each write */
	bool shared;
	/** octets of the first line that are written already */
	size_t begun;
	/** the last octets there are a piece of a line that nobody will end */
	bool broken;
	/** why the path cannot be opened while the file that it led to before is written to; 0:
	 * it leads to what is open */
	int astray;
};

struct report_target *report_target_new(enum report_log log, const char *path)
{
	struct report_target *target = calloc(1, sizeof(*target));
	const char *name = log == REPORT_LOG_STDOUT   ? "standard output"
			   : log == REPORT_LOG_SYSLOG ? SYSLOG_PATH
						      : path;

	if (target == NULL)
		return NULL;
	target->log = log;
	target->fd = -1;
	target->path = strdup(name);
	if (target->path == NULL) {
		free(target);
		return NULL;
	}
	return target;
}

static void target_close(struct report_target *target)
{
	if (target->fd != -1)
		close(target->fd);
	target->fd = -1;
	/* a line that was begun there begins anew elsewhere */
	target->begun = 0;
	target->broken = false;
	target->astray = 0;
}

void report_target_free(struct report_target *target)
{
	if (target == NULL)
		return;
	target_close(target);
	free(target->path);
	free(target);
}

const char *report_target_name(const struct report_target *target)
{
	return target->path;
}

int report_target_poll_fd(const struct report_target *target)
{
	return target->kind == TARGET_FILE ? -1 : target->fd;
}

void report_target_abandon(struct report_target *target)
{
	if (target->begun > 0)
		target->broken = true;
	target->begun = 0;
}

/** Whether the file ends with a line feed, or is empty. Whoever wrote it before may have been cut
 * off in the middle of a line. @param path: leads to the file. A line feed too
 * many is better than a line that nobody can read: what cannot be read does not end whole. */
static bool ends_whole(const char *path, const struct stat *stat_buf)
{
	struct stat same;
	char last = '\0';
	int reading;

	if (stat_buf->st_size == 0)
		return true;
	reading = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (reading == -1)
		return false;
	if (fstat(reading, &same) == -1 || same.st_dev != stat_buf->st_dev ||
	    same.st_ino != stat_buf->st_ino || pread(reading, &last, 1, stat_buf->st_size - 1) != 1)
		last = '\0';
	close(reading);
	return last == '\n';
}

/** Take over an open descriptor. */
static void target_adopt(struct report_target *target, int fd, const struct stat *stat)
{
	target_close(target);
	target->fd = fd;
	target->dev = stat->st_dev;
	target->ino = stat->st_ino;
	target->takes_back = false;
	target->shared = false;
	target->socket = S_ISSOCK(stat->st_mode);
	if (S_ISFIFO(stat->st_mode))
		target->kind = TARGET_PIPE;
	else if (target->socket || isatty(fd))
		target->kind = TARGET_STREAM;
	else
		target->kind = TARGET_FILE;
}

/** A socket connected to the datagram socket at the path. */
static int open_socket(struct report_target *target, const struct stat *stat)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, error;

	if (strlen(target->path) >= sizeof(address.sun_path))
		return ENAMETOOLONG;
	memcpy(address.sun_path, target->path, strlen(target->path));
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return errno;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == -1) {
		error = errno;
		close(fd);
		return error;
	}
	target_adopt(target, fd, stat);
	target->kind = TARGET_DATAGRAM;
	return 0;
}

static int open_path(struct report_target *target)
{
	/* O_NONBLOCK: a FIFO that nobody reads is an error, not a wait */
	int flags = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, fd, error;
	struct stat stat_buf;

	if (stat(target->path, &stat_buf) == -1) {
		if (errno != ENOENT || target->log == REPORT_LOG_SYSLOG)
			return errno;
		flags |= O_CREAT;
	} else if (S_ISSOCK(stat_buf.st_mode)) {
		return open_socket(target, &stat_buf);
	}
	fd = open(target->path, flags, FILE_MODE);
	if (fd == -1)
		return errno;
	if (fstat(fd, &stat_buf) == -1) {
		error = errno;
		close(fd);
		return error;
	}
	target_adopt(target, fd, &stat_buf);
	target->takes_back = S_ISREG(stat_buf.st_mode);
	target->broken = target->takes_back && !ends_whole(target->path, &stat_buf);
	return 0;
}

/** Standard output, by an open file description of our own where that is possible: whether it
 * blocks is a property that all who share a description share. */
static int open_stdout(struct report_target *target)
{
	struct stat stat;
	int fd = -1, error;

	if (fstat(STDOUT_FILENO, &stat) == -1)
		return errno;
	if (S_ISFIFO(stat.st_mode) || S_ISCHR(stat.st_mode))
		fd = open(STDOUT_LINK, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd != -1) {
		target_adopt(target, fd, &stat);
		return 0;
	}
	fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (fd == -1) {
		error = errno;
		return error;
	}
	target_adopt(target, fd, &stat);
	target->shared = true;
	target->broken = S_ISREG(stat.st_mode) && !ends_whole(STDOUT_LINK, &stat);
	return 0;
}

int report_target_follow(struct report_target *target)
{
	struct stat stat_buf;
	int error;

	if (target->log == REPORT_LOG_STDOUT)
		return target->fd != -1 ? 0 : open_stdout(target);
	if (target->fd == -1)
		return open_path(target);
	if (stat(target->path, &stat_buf) == 0 && stat_buf.st_dev == target->dev &&
	    stat_buf.st_ino == target->ino) {
		target->astray = 0;
		return 0;
	}
	error = open_path(target);
	if (error == 0)
		return 0;
	/* There is nothing to go to. The file that is open is still a good place, unless it is
	 * in no directory any more. */
	if (target->kind == TARGET_FILE && fstat(target->fd, &stat_buf) == 0 &&
	    stat_buf.st_nlink > 0) {
		target->astray = error;
		return 0;
	}
	target_close(target);
	return error;
}

int report_target_astray(const struct report_target *target)
{
	return target->astray;
}

/** One system call. @return octets, or -1 and errno. */
static ssize_t put(const struct report_target *target, const char *octets, size_t len)
{
	ssize_t n;

	if (target->shared && !target->socket && target->kind != TARGET_FILE) {
		struct pollfd ready = {.fd = target->fd, .events = POLLOUT};

		if (poll(&ready, 1, 0) != 1) {
			errno = EAGAIN;
			return -1;
		}
		/* poll() speaks of some room, not of room for all */
		len = len < PIPE_BUF ? len : PIPE_BUF;
	}
	do {
		n = target->socket ? send(target->fd, octets, len, MSG_DONTWAIT | MSG_NOSIGNAL)
				   : write(target->fd, octets, len);
	} while (n == -1 && errno == EINTR);
	if (n == -1 && errno == EWOULDBLOCK)
		errno = EAGAIN;
	return n;
}

/** Octets of the whole lines in len octets. */
static size_t whole_lines(const char *octets, size_t len)
{
	const char *last = len > 0 ? memrchr(octets, '\n', len) : NULL;

	return last == NULL ? 0 : (size_t)(last - octets) + 1;
}

/** Cut a part of a line off the end of the file. It must be the end: others may append too. */
static bool take_back(const struct report_target *target, size_t part)
{
	struct stat stat;
	off_t at = lseek(target->fd, 0, SEEK_CUR);

	return target->takes_back && at != -1 && fstat(target->fd, &stat) == 0 &&
	       stat.st_size == at && (off_t)part <= at &&
	       ftruncate(target->fd, at - (off_t)part) == 0;
}

/** Whether somebody cut off all that was in the file. */
static bool is_empty(const struct report_target *target)
{
	struct stat stat;

	return target->kind == TARGET_FILE && fstat(target->fd, &stat) == 0 &&
	       S_ISREG(stat.st_mode) && stat.st_size == 0;
}

/** A file, a device, a terminal, a stream socket: may take a part. */
static size_t write_stream(struct report_target *target, const char *lines, size_t len, int *error)
{
	size_t done = 0;

	while (done < len) {
		size_t end = done + target->begun, whole;
		ssize_t n;

		if (target->broken && !is_empty(target)) {
			if (put(target, "\n", 1) != 1) {
				*error = errno;
				return done;
			}
		}
		target->broken = false;
		n = put(target, lines + end, len - end);
		if (n <= 0) {
			*error = n == -1 ? errno : EIO;
			return done;
		}
		end += (size_t)n;
		whole = done + whole_lines(lines + done, end - done);
		target->begun = end - whole;
		done = whole;
		if (target->begun > 0 && take_back(target, target->begun)) {
			/* the next attempt would do no better */
			target->begun = 0;
			*error = ENOSPC;
			return done;
		}
	}
	return done;
}

static size_t write_pipe(struct report_target *target, const char *lines, size_t len, int *error)
{
	size_t done = 0;

	_Static_assert(REPORT_LINE_MAX <= PIPE_BUF, "a line is written whole or not at all");
	while (done < len) {
		size_t left = len - done;
		size_t some = whole_lines(lines + done, left < PIPE_BUF ? left : PIPE_BUF);

		if (put(target, lines + done, some) == -1) {
			*error = errno;
			return done;
		}
		done += some;
	}
	return done;
}

/** What syslog(3) puts in front of a message (RFC 3164 section 4.1, without a host name). */
static size_t syslog_header(char *header, size_t size)
{
	static const char month[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t now = time(NULL);
	struct tm tm;
	int n;

	if (localtime_r(&now, &tm) == NULL)
		memset(&tm, 0, sizeof(tm));
	n = snprintf(header, size,
		     "<%d>%s %2d %02d:%02d:%02d " SYSLOG_IDENT "[%d]: ", LOG_DAEMON | LOG_INFO,
		     month[tm.tm_mon], tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)getpid());
	return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

static size_t write_datagrams(struct report_target *target, const char *lines, size_t len,
			      int *error)
{
	bool to_syslog = target->log == REPORT_LOG_SYSLOG;
	size_t done = 0, header_len;
	char header[64];

	header_len = to_syslog ? syslog_header(header, sizeof(header)) : 0;
	while (done < len) {
		const char *end = memchr(lines + done, '\n', len - done);
		size_t line_len = end == NULL ? len - done : (size_t)(end - lines) + 1 - done;
		/* syslog ends its lines itself */
		struct iovec part[2] = {{.iov_base = header, .iov_len = header_len},
					{.iov_base = (char *)(uintptr_t)(lines + done),
					 .iov_len = to_syslog ? line_len - 1 : line_len}};
		struct msghdr message = {.msg_iov = part, .msg_iovlen = 2};
		ssize_t n;

		do {
			n = sendmsg(target->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
		} while (n == -1 && errno == EINTR);
		if (n == -1) {
			*error = errno == EWOULDBLOCK || errno == ENOBUFS ? EAGAIN : errno;
			return done;
		}
		done += line_len;
	}
	return done;
}

/** Whether a new open may cure the error. */
static bool cured_by_open(int error)
{
	return error != EAGAIN && error != ENOSPC && error != EDQUOT && error != EMSGSIZE &&
	       error != EFBIG;
}

size_t report_target_write(struct report_target *target, const char *lines, size_t lines_len,
			   int *error)
{
	size_t written = 0;
	unsigned attempt;

	for (attempt = 0; attempt < 3; attempt++) {
		struct stat stat;

		*error = report_target_follow(target);
		if (*error != 0)
			return 0;
		switch (target->kind) {
		case TARGET_FILE:
		case TARGET_STREAM:
			written = write_stream(target, lines, lines_len, error);
			break;
		case TARGET_PIPE:
			written = write_pipe(target, lines, lines_len, error);
			break;
		case TARGET_DATAGRAM:
			written = write_datagrams(target, lines, lines_len, error);
			break;
		}
		if (*error != 0 && cured_by_open(*error))
			target_close(target);
		/* lines in a file that was deleted between follow() and now are in no file */
		if (!target->takes_back || target->fd == -1 || fstat(target->fd, &stat) == -1 ||
		    stat.st_nlink > 0)
			return written;
		target_close(target);
		written = 0;
		*error = EAGAIN;
	}
	return written;
}
