/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Digits in texts, decimal and hexadecimal.
 */
#ifndef SITEBOUND_DIGITS_H
#define SITEBOUND_DIGITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The hexadecimal digits that are written. */
#define SB_HEX_DIGITS "0123456789abcdef"

/** The value of a hexadecimal digit in either case, or -1. */
static inline int sb_hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/** Write octets as two digits each, without a final zero. @return characters written. */
static inline size_t sb_hex_write(const uint8_t *octets, size_t len, char *text)
{
	size_t i;

	for (i = 0; i < len; i++) {
		text[2 * i] = SB_HEX_DIGITS[octets[i] >> 4];
		text[2 * i + 1] = SB_HEX_DIGITS[octets[i] & 15];
	}
	return 2 * len;
}

/**
 * Read a decimal number that is all of a text: no sign, no leading zero.
 * @param most: the largest that is taken, below 1,000,000,000.
 * @param[out] number: is written only on success.
 */
static inline bool sb_decimal_read(const uint8_t *text, size_t len, unsigned most, unsigned *number)
{
	unsigned value = 0;
	size_t i;

	if (len < 1 || len > 9 || (text[0] == '0' && len > 1))
		return false;
	for (i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = value * 10 + (unsigned)(text[i] - '0');
	}
	if (value > most)
		return false;
	*number = value;
	return true;
}

#endif
