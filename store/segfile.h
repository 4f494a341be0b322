/* SPDX-License-Identifier: MIT */
/* segfile - one segment that records are appended to.  Layer store.
 *
 * Internal to store/; belongs to one thread.  Records are copied into an aligned buffer, one behind
 * the other, and written past the page cache where the file system can (O_DIRECT), else through it.
 * A flush fills its last page up with zeros: each page is written once, and what is acknowledged
 * shares none with what comes later.  Room is taken ahead of the log in steps (fallocate), so that
 * a sync has little to say about the file.
 */
#ifndef FSP_STORE_SEGFILE_H
#define FSP_STORE_SEGFILE_H
#include "store/segrow.h"

enum {
    FSP_SEGFILE_BUFFER_BYTES = 4 * 1024 * 1024,
    FSP_SEGFILE_AHEAD_BYTES = 16 * 1024 * 1024, /* of room taken at once */
    FSP_SEGFILE_PATH_BYTES = 4096
};

typedef struct {
    char directory[FSP_SEGFILE_PATH_BYTES]; /* of the segments */
    uint64_t segment;                       /* 0: no file is open */
    uint64_t limit;                         /* no room is taken ahead beyond it */
    bool tight;                             /* nor at all */
    int fd;
    bool direct;    /* past the page cache */
    bool unsynced;  /* written since the last sync */
    bool unnamed;   /* new: its name is not durable yet */
    uint64_t bytes; /* of its log, also what still lies in the buffer; a multiple of a unit */
    uint64_t out;   /* of its log, written to the file; a multiple of a page */
    uint64_t size;  /* of the file: at least `out`, and what was taken ahead */
    uint8_t *memory, *buffer; /* as allocated; aligned, or NULL */
    size_t fill;
} fsp_segfile_t;

/* directory/NUMBER, cut off if it does not fit. */
void fsp_segfile_path(const char *directory, uint64_t segment, char ret[FSP_SEGFILE_PATH_BYTES]);

/* No file yet.  directory exists, and its name and a file's fit FSP_SEGFILE_PATH_BYTES. */
void fsp_segfile_init(fsp_segfile_t *self, const char *directory);
/* Makes a new file, which may not exist.  None is open.  IO. */
FSP_MUST_CHECK fsp_status_t fsp_segfile_make(fsp_segfile_t *self, uint64_t segment, uint64_t limit,
                                             fsp_error_t *error);
/* Goes on at `used` of one that is there and at least as long; what lies behind is gone.  IO. */
FSP_MUST_CHECK fsp_status_t fsp_segfile_open(fsp_segfile_t *self, uint64_t segment, uint64_t used,
                                             uint64_t limit, fsp_error_t *error);
/* Appends a record; *ret says where.  It is in the buffer or the file.  IO. */
FSP_MUST_CHECK fsp_status_t fsp_segfile_append(fsp_segfile_t *self, fsp_slice_t key,
                                               fsp_slice_t bytes, fsp_place_t *ret,
                                               fsp_error_t *error);
/* Writes the buffer out, to the end of a page, and with sync waits until file and name are on
   stable storage.  IO. */
FSP_MUST_CHECK fsp_status_t fsp_segfile_flush(fsp_segfile_t *self, bool sync, fsp_error_t *error);
/* Gives room back that was taken ahead.  A failure only leaves the file longer than it need be. */
void fsp_segfile_trim(fsp_segfile_t *self);
/* Gives the buffer back, which is empty. */
void fsp_segfile_rest(fsp_segfile_t *self);
/* Octets on the disk that were taken ahead. */
uint64_t fsp_segfile_ahead(const fsp_segfile_t *self);
/* Flush, trim, sync, close.  Without a file: nothing.  IO. */
FSP_MUST_CHECK fsp_status_t fsp_segfile_finish(fsp_segfile_t *self, fsp_error_t *error);
/* Closes it, and cuts what lies behind `used`, if that works. */
void fsp_segfile_cut(fsp_segfile_t *self, uint64_t used);
/* Closes it as it is: what was not flushed is lost. */
void fsp_segfile_clear(fsp_segfile_t *self);
#endif
