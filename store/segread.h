/* SPDX-License-Identifier: MIT */
/* segread - reads of segments: open files, and who may still be on the way to them.  Layer store.
 *
 * Internal to store/.  A reader enters before it looks a row up and leaves after it has read.  Who
 * wants to give dead room back waits, after the rows are gone, until everybody who entered before
 * has left (fsp_segread_wait); whoever enters later finds no row that leads there.  Readers never
 * wait for anybody.
 */
#ifndef FSP_STORE_SEGREAD_H
#define FSP_STORE_SEGREAD_H
#include "core/base/blob.h"
#include "store/segfile.h"

#include <pthread.h>
#include <stdatomic.h>

enum { FSP_SEGREAD_FILES_MAX = 128 };

typedef struct {
    uint64_t segment; /* 0: free */
    int fd;
    unsigned users;
    bool forgotten; /* to be closed by the last user */
    uint64_t used;  /* when it was used last, by a counter */
} fsp_segread_file_t;

typedef struct {
    char directory[FSP_SEGFILE_PATH_BYTES];
    atomic_uint turn;      /* raised by each wait */
    atomic_uint inside[2]; /* readers that entered in an even, an odd turn */
    pthread_mutex_t lock;  /* of what follows */
    unsigned files_max;    /* what the process may open decides */
    uint64_t uses;
    fsp_segread_file_t files[FSP_SEGREAD_FILES_MAX];
} fsp_segread_t;

void fsp_segread_init(fsp_segread_t *self, const char *directory);
/* Nobody may be inside. */
void fsp_segread_clear(fsp_segread_t *self);

/* The turn, to be given back to leave.  Any thread. */
unsigned fsp_segread_enter(fsp_segread_t *self);
void fsp_segread_leave(fsp_segread_t *self, unsigned entered);
/* Until all have left who entered before this call.  One thread at a time; it may not be inside. */
void fsp_segread_wait(fsp_segread_t *self);

/* from..to (0: the end) of the object at place, whose key has key_bytes.  Any thread, inside.
   BAD_RANGE, DAMAGED (the file, or a part of it, is not there), IO. */
FSP_MUST_CHECK fsp_status_t fsp_segread_read(fsp_segread_t *self, const fsp_place_t *place,
                                             size_t key_bytes, uint64_t from, uint64_t to,
                                             fsp_blob_t **ret_blob);
/* Closes the file, as soon as nobody reads it: it is about to be deleted. */
void fsp_segread_forget(fsp_segread_t *self, uint64_t segment);
#endif
