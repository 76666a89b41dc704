/* SPDX-License-Identifier: BSD-3-Clause */
#include "sitebound/addr.h"

#include <arpa/inet.h>
#include <string.h>

void sb_addr_mask(struct sb_addr *addr, unsigned prefix_len)
{
	unsigned i;

	for (i = 0; i < addr->len; i++) {
		unsigned before = i * 8;

		if (prefix_len <= before)
			addr->octet[i] = 0;
		else if (prefix_len - before < 8)
			addr->octet[i] &= (uint8_t)(0xff00U >> (prefix_len - before));
	}
}

enum sb_err sb_netblock_parse(const char *text, struct sb_netblock *block)
{
	const char *slash = strchr(text, '/');
	size_t addr_len = slash != NULL ? (size_t)(slash - text) : strlen(text);
	char addr[INET6_ADDRSTRLEN];
	struct sb_addr masked;
	unsigned most;

	if (addr_len >= sizeof(addr))
		return SB_EFORM;
	memcpy(addr, text, addr_len);
	addr[addr_len] = '\0';
	memset(block, 0, sizeof(*block));
	if (inet_pton(AF_INET, addr, block->addr.octet) == 1)
		block->addr.len = SB_IP4_LEN;
	else if (inet_pton(AF_INET6, addr, block->addr.octet) == 1)
		block->addr.len = SB_IP6_LEN;
	else
		return SB_EFORM;
	most = block->addr.len * 8U;
	block->prefix_len = (uint8_t)most;
	if (slash != NULL) {
		const char *digit = slash + 1;
		unsigned bits = 0;

		if (*digit == '\0' || strlen(digit) > 3 || (digit[0] == '0' && digit[1] != '\0'))
			return SB_EFORM;
		for (; *digit != '\0'; digit++) {
			if (*digit < '0' || *digit > '9')
				return SB_EFORM;
			bits = bits * 10 + (unsigned)(*digit - '0');
		}
		if (bits > most)
			return SB_ERANGE;
		block->prefix_len = (uint8_t)bits;
	}
	masked = block->addr;
	sb_addr_mask(&masked, block->prefix_len);
	return memcmp(&masked, &block->addr, sizeof(masked)) == 0 ? SB_OK : SB_ERANGE;
}

bool sb_netblock_covers(const struct sb_netblock *outer, const struct sb_netblock *inner)
{
	return inner->prefix_len >= outer->prefix_len && sb_netblock_has(outer, &inner->addr);
}

const struct sb_netblock *sb_netblocks_find(const struct sb_netblocks *blocks,
					    const struct sb_addr *addr)
{
	const struct sb_netblock *best = NULL;
	size_t i;

	for (i = 0; i < blocks->count; i++) {
		const struct sb_netblock *block = &blocks->block[i];

		if (sb_netblock_has(block, addr) &&
		    (best == NULL || block->prefix_len > best->prefix_len))
			best = block;
	}
	return best;
}

bool sb_addr_embedded_ip4(const struct sb_addr *addr, struct sb_addr *ip4)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b};
	static const uint8_t to4[2] = {0x20, 0x02};
	const uint8_t *from;

	if (addr->len != SB_IP6_LEN)
		return false;
	if (memcmp(addr->octet, mapped, sizeof(mapped)) == 0 ||
	    memcmp(addr->octet, nat64, sizeof(nat64)) == 0)
		from = addr->octet + 12;
	else if (memcmp(addr->octet, to4, sizeof(to4)) == 0)
		from = addr->octet + 2;
	else
		return false;
	memset(ip4, 0, sizeof(*ip4));
	ip4->len = SB_IP4_LEN;
	memcpy(ip4->octet, from, SB_IP4_LEN);
	return true;
}
