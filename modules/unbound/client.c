/* SPDX-License-Identifier: BSD-3-Clause */
#include "adapter.h"

#include <string.h>

void sb_client_from_reply(const struct mesh_reply *reply, struct sb_client *client)
{
	const struct comm_reply *from = &reply->query_reply;
	const struct sockaddr_storage *addr = &from->client_addr;

	memset(client, 0, sizeof(*client));
	client->stream = from->c != NULL && from->c->type != comm_udp;
	if (addr->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)addr;

		client->addr.len = SB_IP4_LEN;
		memcpy(client->addr.octet, &in->sin_addr, SB_IP4_LEN);
		client->port = ntohs(in->sin_port);
	} else if (addr->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)addr;

		client->addr.len = SB_IP6_LEN;
		memcpy(client->addr.octet, &in6->sin6_addr, SB_IP6_LEN);
		client->port = ntohs(in6->sin6_port);
	}
}
