/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Error codes of the pure library.
 */
#ifndef SITEBOUND_ERR_H
#define SITEBOUND_ERR_H

/** Results of the library's functions; everything but SB_OK is a failure. */
enum sb_err {
	SB_OK = 0,
	/** memory could not be had */
	SB_ENOMEM,
	/** the input does not have the form that the function documents */
	SB_EFORM,
	/** a length is over its limit (63 octets a label, 255 a name, ...) */
	SB_ERANGE,
	/** the thing is there already */
	SB_EEXIST,
	/** a file or a system call failed; errno says why */
	SB_ESYS,
	/** the configuration has errors; they are in the diagnostics */
	SB_ECONF
};

#define SB_MUST_CHECK __attribute__((warn_unused_result))
#define SB_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

#endif
