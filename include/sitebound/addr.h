/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Addresses and netblocks of both families.
 */
#ifndef SITEBOUND_ADDR_H
#define SITEBOUND_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sitebound/err.h"

#define SB_IP4_LEN 4
#define SB_IP6_LEN 16

/** An IPv4 or IPv6 address in network byte order. */
struct sb_addr {
	/** octets used: SB_IP4_LEN or SB_IP6_LEN; 0 is "no address" */
	uint8_t len;
	uint8_t octet[SB_IP6_LEN];
};

/** An address and a prefix length; host bits are zero. */
struct sb_netblock {
	struct sb_addr addr;
	/** bits, at most 8 * addr.len */
	uint8_t prefix_len;
	/** in a sorted array: one more than the index of the smallest block that has this one; 0: none
	 * has */
	uint32_t up;
};

/** An array of netblocks, sorted by sb_netblocks_sort(). */
struct sb_netblocks {
	struct sb_netblock *block;
	size_t count;
};

/**
 * Read "10.0.0.0/8", "2001:db8::/32" or an address alone (a netblock of one).
 * @return SB_OK; SB_EFORM for anything else; SB_ERANGE when the prefix length is over the
 *	family's or host bits are set.
 */
SB_MUST_CHECK enum sb_err sb_netblock_parse(const char *text, struct sb_netblock *block);

/** Eight octets as a number, the first one on top; compilers make it one load. */
static inline uint64_t sb_eight_octets(const uint8_t *octet)
{
	return (uint64_t)octet[0] << 56 | (uint64_t)octet[1] << 48 | (uint64_t)octet[2] << 40 |
	       (uint64_t)octet[3] << 32 | (uint64_t)octet[4] << 24 | (uint64_t)octet[5] << 16 |
	       (uint64_t)octet[6] << 8 | (uint64_t)octet[7];
}

/** Whether addr is in the block; never across families. */
static inline bool sb_netblock_has(const struct sb_netblock *block, const struct sb_addr *addr)
{
	uint64_t differ;
	unsigned bits = block->prefix_len;

	if (block->addr.len != addr->len)
		return false;
	differ = sb_eight_octets(block->addr.octet) ^ sb_eight_octets(addr->octet);
	if (bits > 64) {
		if (differ != 0)
			return false;
		differ = sb_eight_octets(block->addr.octet + 8) ^ sb_eight_octets(addr->octet + 8);
		bits -= 64;
	}
	return bits == 0 || differ >> (64 - bits) == 0;
}

/** The order of sorted blocks: by family, address, prefix length. @return as of strcmp(). */
int sb_netblock_compare(const struct sb_netblock *a, const struct sb_netblock *b);

/** Whether every address of inner is in outer. */
bool sb_netblock_covers(const struct sb_netblock *outer, const struct sb_netblock *inner);

/**
 * Sort an array whose elements begin with a struct sb_netblock, and set `up`: by family, address,
 * prefix length. Then a block is found in a time that hardly grows with their number. Of equal
 * blocks the first one stays.
 * @param count: elements; afterwards those that stay.
 * @param size: octets of an element.
 * @return SB_OK or SB_ENOMEM.
 */
SB_MUST_CHECK enum sb_err sb_netblocks_sort(void *array, size_t *count, size_t size);

/**
 * Find the most specific block of a sorted array that has all of a block.
 * @param next: where the block itself would stand; when nothing has it, only there may stand a
 *	block that it has. May be NULL.
 * @return the element, or NULL.
 */
const void *sb_netblocks_search(const void *array, size_t count, size_t size,
				const struct sb_netblock *block, size_t *next);

/** The most specific block of the array that has addr, or NULL. */
const struct sb_netblock *sb_netblocks_find(const struct sb_netblocks *blocks,
					    const struct sb_addr *addr);

/** Set the bits of addr behind prefix_len to zero. */
void sb_addr_mask(struct sb_addr *addr, unsigned prefix_len);

/**
 * The IPv4 address that an IPv6 address carries: IPv4-mapped ::ffff:0:0/96 (RFC 4291 section
 * 2.5.5.2), IPv4-compatible ::/96 (section 2.5.5.1), IPv4-translated ::ffff:0:0:0/96 (RFC 7915),
 * 6to4 2002::/16 (RFC 3056), NAT64 64:ff9b::/96 (RFC 6052).
 * @return whether it carries one.
 */
bool sb_addr_embedded_ip4(const struct sb_addr *addr, struct sb_addr *ip4);

#endif
