/* SPDX-License-Identifier: MIT */
/* directio - files written past the page cache where the file system can.  Layer store. */
#ifndef FSP_STORE_DIRECTIO_H
#define FSP_STORE_DIRECTIO_H
#include "core/base/types.h"

/* open(2) with O_DIRECT, or without where that is refused: *ret_direct says which.  -1 with errno.
 */
int fsp_directio_open(const char *path, int flags, bool *ret_direct);
/* Writes all of data at `at`.  If fd is direct, data, count and at are multiples of what the file
   system wants; one that takes O_DIRECT and then refuses to write so is written through the cache
   from then on, and *direct_io is false.  False with errno. */
bool fsp_directio_write(int fd, bool *direct_io, const uint8_t *data, uint64_t count, uint64_t at);
#endif
