/* SPDX-License-Identifier: MIT */
/* journalfile - one file of the journal that records are appended to.  Layer store.
 *
 * Internal to store/; belongs to one thread.  Records are written past the page cache where the
 * file system can (O_DIRECT), else through it.  A file gets its room before its first record, and
 * best from one that is needed no more: then a sync has nothing to say about the file, only its
 * bytes.
 */
#ifndef FSP_STORE_JOURNALFILE_H
#define FSP_STORE_JOURNALFILE_H
#include "core/base/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    const char *directory; /* borrowed */
    uint64_t number;       /* 0: no file is open */
    uint64_t bytes;        /* of its records, a multiple of a page */
    uint64_t size;         /* of the file, at least `bytes` */
    int fd;
    bool direct; /* past the page cache */
} fsp_journalfile_t;

/* No file yet.  directory lives as long as self; it and a file's name fit FSP_SEGFILE_PATH_BYTES.
 */
void fsp_journalfile_init(fsp_journalfile_t *self, const char *directory);
/* Makes a file without records, which may not exist, with `ahead` octets of room if they are to be
   had.  None is open.  Its name is not durable yet.  IO. */
FSP_MUST_CHECK fsp_status_t fsp_journalfile_make(fsp_journalfile_t *self, uint64_t number,
                                                 uint64_t ahead, fsp_error_t *error);
/* The same from file `from` of `size` octets, which nobody reads any more: it gets the new name,
   and what is in it is written over.  IO. */
FSP_MUST_CHECK fsp_status_t fsp_journalfile_take(fsp_journalfile_t *self, uint64_t from,
                                                 uint64_t size, uint64_t number,
                                                 fsp_error_t *error);
/* Appends a record: count octets, a multiple of a page, aligned to a page.  With sync it is on
   stable storage on return.  IO. */
FSP_MUST_CHECK fsp_status_t fsp_journalfile_append(fsp_journalfile_t *self, const uint8_t *record,
                                                   uint64_t count, bool sync, fsp_error_t *error);
/* Closes it; without a file: nothing. */
void fsp_journalfile_close(fsp_journalfile_t *self);

/* Makes the directory unless it is there, and syncs the one it lies in.  IO. */
FSP_MUST_CHECK fsp_status_t fsp_journalfile_make_directory(const char *directory, bool sync,
                                                           fsp_error_t *error);
/* Syncs a file, open or not.  IO. */
FSP_MUST_CHECK fsp_status_t fsp_journalfile_sync(const char *directory, uint64_t number,
                                                 fsp_error_t *error);
/* What was named and renamed in the directory is so durably.  IO. */
FSP_MUST_CHECK fsp_status_t fsp_journalfile_sync_names(const char *directory, fsp_error_t *error);
#endif
