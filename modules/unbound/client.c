/* SPDX-License-Identifier: BSD-3-Clause */
#include "query.h"

#include <string.h>

void sb_client_from(const struct comm_reply *from, struct sb_client *client)
{
	const struct sockaddr_storage *addr = &from->client_addr;

	memset(client, 0, sizeof(*client));
	client->stream = from->c != NULL && from->c->type != comm_udp;
	client->quic = from->c != NULL && sb_compat_is_quic(from->c);
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

/** Sub-queries of sub-queries nest no deeper than a chain of aliases does. */
#define SUPER_DEPTH_MAX 16

struct asking {
	bool (*is_meant)(void *arg, const struct sb_addr *client);
	void *arg;
	bool yes, no;
};

static void ask_state(const struct mesh_state *mesh, unsigned depth, struct asking *asking)
{
	const struct mesh_reply *reply;
	struct mesh_state_ref *super;

	for (reply = mesh->reply_list; reply != NULL; reply = reply->next) {
		struct sb_client client;

		sb_client_from(&reply->query_reply, &client);
		if (asking->is_meant(asking->arg, &client.addr))
			asking->yes = true;
		else
			asking->no = true;
	}
	if (depth == SUPER_DEPTH_MAX)
		return;
	RBTREE_FOR (super, struct mesh_state_ref *, (rbtree_type *)(uintptr_t)&mesh->super_set)
		ask_state(super->s, depth + 1, asking);
}

enum sb_verdict_of_clients sb_clients_ask(const struct module_qstate *qstate,
					  bool (*is_meant)(void *arg, const struct sb_addr *client),
					  void *arg)
{
	struct asking asking = {.is_meant = is_meant, .arg = arg};

	ask_state(qstate->mesh_info, 0, &asking);
	if (asking.yes && asking.no)
		return SB_CLIENTS_SOME;
	if (asking.yes)
		return SB_CLIENTS_ALL;
	return asking.no ? SB_CLIENTS_NO_ONE : SB_CLIENTS_NONE;
}

void sb_query_keep_apart(struct module_qstate *qstate)
{
	struct mesh_state *mesh = qstate->mesh_info;
	rbtree_type *all = &qstate->env->mesh->all;

	if (mesh->reply_list == NULL || mesh->super_set.count > 0 || mesh->sub_set.count > 0 ||
	    mesh->unique != NULL)
		return;
	/* being unique is a part of the key */
	(void)rbtree_delete(all, mesh);
	mesh_state_make_unique(mesh);
	(void)rbtree_insert(all, &mesh->node);
}
