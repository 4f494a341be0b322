/* SPDX-License-Identifier: MIT */
/* segwalk - what lives in a segment, found in its file.  Layer store.
 *
 * Internal to store/.  A record lives if the index row of its key says that very place: nothing
 * that merely looks like a record does, whoever wrote it.
 */
#ifndef FSP_STORE_SEGWALK_H
#define FSP_STORE_SEGWALK_H
#include "store/db.h"
#include "store/segfile.h"

/* fd: the file, to read.  The key is good until it returns.  False ends the walk. */
typedef bool(fsp_segwalk_fn)(void *context, int fd, const fsp_segrecord_t *record);

/* Calls fn for each record that lives in the first `used` octets, in their order.  CANCELLED if fn
   ended it; IO, DAMAGED (file or row cannot be read). */
FSP_MUST_CHECK fsp_status_t fsp_segwalk(const char *directory, fsp_db_t *db, uint64_t segment,
                                        uint64_t used, fsp_segwalk_fn *fn, void *context);
/* Reads the bytes of a record, and compares them with their hash.  DAMAGED, IO. */
FSP_MUST_CHECK fsp_status_t fsp_segwalk_bytes(int fd, const fsp_segrecord_t *record, uint8_t *ret);
#endif
