/* SPDX-License-Identifier: BSD-3-Clause */
#include "sitebound/addr.h"
#include "sitebound/digits.h"

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
		unsigned bits;

		if (!sb_decimal_read((const uint8_t *)slash + 1, strlen(slash + 1), 999, &bits))
			return SB_EFORM;
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

int sb_netblock_compare(const struct sb_netblock *a, const struct sb_netblock *b)
{
	int order = (a->addr.len > b->addr.len) - (a->addr.len < b->addr.len);

	if (order == 0)
		order = memcmp(a->addr.octet, b->addr.octet, sizeof(a->addr.octet));
	return order != 0 ? order
			  : (a->prefix_len > b->prefix_len) - (a->prefix_len < b->prefix_len);
}

static const struct sb_netblock *block_at(const void *array, size_t index, size_t size)
{
	return (const struct sb_netblock *)((const uint8_t *)array + index * size);
}

const void *sb_netblocks_search(const void *array, size_t count, size_t size,
				const struct sb_netblock *block, size_t *next)
{
	size_t low = 0, high = count;

	/* the first one that stands behind the block */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (sb_netblock_compare(block_at(array, middle, size), block) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (next != NULL)
		*next = low;
	while (low != 0 && !sb_netblock_covers(block_at(array, low - 1, size), block))
		low = block_at(array, low - 1, size)->up;
	return low != 0 ? block_at(array, low - 1, size) : NULL;
}

const struct sb_netblock *sb_netblocks_find(const struct sb_netblocks *blocks,
					    const struct sb_addr *addr)
{
	struct sb_netblock one = {.addr = *addr, .prefix_len = (uint8_t)(addr->len * 8)};

	return sb_netblocks_search(blocks->block, blocks->count, sizeof(*blocks->block), &one,
				   NULL);
}

/** :: and ::1, which carry nothing. */
static bool is_ip6_special(const struct sb_addr *addr)
{
	return addr->octet[12] == 0 && addr->octet[13] == 0 && addr->octet[14] == 0 &&
	       addr->octet[15] <= 1;
}

bool sb_addr_embedded_ip4(const struct sb_addr *addr, struct sb_addr *ip4)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	static const uint8_t compatible[12] = {0};
	static const uint8_t translated[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b};
	static const uint8_t to4[2] = {0x20, 0x02};
	const uint8_t *from;

	if (addr->len != SB_IP6_LEN)
		return false;
	if (memcmp(addr->octet, mapped, sizeof(mapped)) == 0 ||
	    memcmp(addr->octet, translated, sizeof(translated)) == 0 ||
	    (memcmp(addr->octet, compatible, sizeof(compatible)) == 0 && !is_ip6_special(addr)) ||
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
