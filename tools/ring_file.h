/* SPDX-License-Identifier: BSD-3-Clause */
/** \file
 * Rings of ring names from a file of records, for people.
 */
#ifndef RING_FILE_H
#define RING_FILE_H

#include <stdbool.h>

/**
 * Print the ring of a file, or the owners of keys on it.
 * @param path: records as in a master file, one a line, as dig prints them; "-": standard input.
 * @param key: KEY or rN.KEY; none: print the ring.
 * @param by_hash: replicas as with `replica: hash`.
 * @return 0; 1 when a key has no owner; 2 when the file is bad, after a message on standard error.
 */
int ring_file(const char *path, char *const *key, int key_count, bool by_hash);

#endif
