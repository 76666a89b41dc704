/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * What an application gets from its C library: asks getaddrinfo() for one name and prints the
 * addresses in order of their text, or the name of the error. Compiled once against each library.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define ADDRESSES_MAX 16

/** The name of an error of getaddrinfo(); libraries have their own numbers for them. */
static const char *error_name(int error)
{
	switch (error) {
	case EAI_AGAIN:
		return "EAI_AGAIN";
	case EAI_FAIL:
		return "EAI_FAIL";
	case EAI_NONAME:
		return "EAI_NONAME";
	case EAI_NODATA:
		return "EAI_NODATA";
	default:
		return gai_strerror(error);
	}
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

int main(int argc, char **argv)
{
	static char text[ADDRESSES_MAX][INET6_ADDRSTRLEN];
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list, *at;
	size_t count = 0, i;
	int error;

	if (argc != 3 || strspn(argv[1], "046") != 1) {
		fprintf(stderr, "usage: addresses 0|4|6 NAME\n");
		return 2;
	}
	hints.ai_family = argv[1][0] == '4' ? AF_INET : argv[1][0] == '6' ? AF_INET6 : AF_UNSPEC;
	error = getaddrinfo(argv[2], NULL, &hints, &list);
	if (error != 0) {
		puts(error_name(error));
		return 0;
	}
	for (at = list; at != NULL && count < ADDRESSES_MAX; at = at->ai_next) {
		const void *addr = &((const struct sockaddr_in6 *)at->ai_addr)->sin6_addr;

		if (at->ai_family == AF_INET)
			addr = &((const struct sockaddr_in *)at->ai_addr)->sin_addr;
		if (inet_ntop(at->ai_family, addr, text[count], sizeof(text[count])) != NULL)
			count++;
	}
	freeaddrinfo(list);
	qsort(text, count, sizeof(text[0]), compare);
	for (i = 0; i < count; i++)
		printf("%s%s", i > 0 ? " " : "", text[i]);
	putchar('\n');
	return 0;
}
