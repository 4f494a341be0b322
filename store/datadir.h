/* SPDX-License-Identifier: MIT */
/* datadir - files of a data directory beside the database, each written durably.  Layer store. */
#ifndef FSP_STORE_DATADIR_H
#define FSP_STORE_DATADIR_H
#include "core/base/buf.h"
#include "core/base/status.h"
#include "core/base/types.h"

/* Makes the directory (0700) and its parents if they are missing. */
FSP_MUST_CHECK fsp_status_t fsp_datadir_make(const char *directory, fsp_error_t *error);
/* EXISTS, naming one, if the directory has no database but files of somebody else: a node must not
   settle among them. OK for an empty directory, for one with a database, and for one whose first
   start was cut short. */
FSP_MUST_CHECK fsp_status_t fsp_datadir_check_own(const char *directory, fsp_error_t *error);
/* Holds DIR/lock (flock) for this process and writes its pid into it.  A held lock is retried until
   wait_us have passed, then LOCK_HELD with the holder's pid in the text.  ret_fd keeps it until
   closed. */
FSP_MUST_CHECK fsp_status_t fsp_datadir_lock(const char *directory, uint64_t wait_us, int *ret_fd,
                                             fsp_error_t *error);
/* Keeps nodes out while somebody reads: shares the lock with other readers and writes nothing.
   LOCK_HELD as above.  A directory without a lock file (a copy) gives FSP_OK and *ret_fd -1. */
FSP_MUST_CHECK fsp_status_t fsp_datadir_lock_shared(const char *directory, uint64_t wait_us,
                                                    int *ret_fd, fsp_error_t *error);
/* Writes directory/name by temporary file, fsync, rename, fsync of the directory. */
FSP_MUST_CHECK fsp_status_t fsp_datadir_write(const char *directory, const char *name,
                                              unsigned mode, fsp_slice_t bytes, fsp_error_t *error);
/* Reads directory/name of at most the buffer's maximum.  secret: FORBIDDEN unless only its owner
   may read it.  NOT_FOUND if it is not there. */
FSP_MUST_CHECK fsp_status_t fsp_datadir_read(const char *directory, const char *name, bool secret,
                                             fsp_buf_t *ret, fsp_error_t *error);
#endif
