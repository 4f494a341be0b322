/* SPDX-License-Identifier: MIT */
/* journalset - the files of a journal and the index of LOG, as its parts share them.  Layer store.
 *
 * Internal to journal.c, journalopen.c, journalindex.c and journalview.c.  What is below `lock` is
 * changed by the writing thread under it, and read by others under it; a file's `readers` is the
 * one thing that others change.
 *
 * Life of a file: made or taken (journalfile.h) -> newest, records are appended -> older ->
 * released (nothing in it is needed; its number is below `oldest`) -> retired, when a synced record
 * has said `oldest` and no reader is left: a spare file, or deleted.  An index row points into each
 * file that has live rows, and such a file is not released; so who counts itself as a reader in the
 * same section in which it looks at the index may open the file by its name.
 */
#ifndef FSP_STORE_JOURNALSET_H
#define FSP_STORE_JOURNALSET_H
#include "core/base/omap.h"
#include "store/journal.h"
#include "store/journalfile.h"
#include "store/journalrecord.h"
#include "store/journalscan.h"
#include "store/segfile.h"

#include <pthread.h>

typedef struct {
    uint64_t number;
    uint64_t size;                   /* on disk */
    uint64_t last[FSP_FAMILY_COUNT]; /* sequence of the last record with rows of it; 0: none */
    uint64_t live_rows, live_bytes;  /* that the index points to: keys, values and heads of rows */
    uint64_t looked;                 /* records before it have no live rows: fsp_journal_move */
    unsigned readers;                /* between index and file */
} fsp_journalset_file_t;

/* A file that holds nothing that is needed, and nobody reads. */
typedef struct {
    uint64_t number, size;
} fsp_journalset_spare_t;

/* Where a row of LOG lies. */
typedef struct {
    uint64_t file, at; /* of the key; the value follows it */
    uint64_t hash;     /* of key and value */
    uint64_t bytes;    /* of the value */
} fsp_journalplace_t;

struct fsp_journal {
    fsp_view_t view; /* of LOG; first: a view of it is it */
    char directory[FSP_SEGFILE_PATH_BYTES];
    uint64_t file_bytes;
    bool sync, read_only;
    /* Of the writing thread. */
    fsp_journalfile_t active;
    fsp_journalrecord_t record;
    fsp_journalset_spare_t *spares; /* to be used again, or to be deleted */
    size_t spare_count, spare_capacity;
    uint64_t kept[FSP_FAMILY_COUNT]; /* as told last */
    uint64_t next;                   /* number of a file to come */
    bool has_directory;              /* it is there, durably */
    bool failed;                     /* a write or sync did */
    bool tight;
    /* Of all. */
    pthread_mutex_t lock;
    uint64_t sequence;            /* of the newest record; 0: there is none */
    uint64_t oldest;              /* files below it are released; what the next record says */
    uint64_t said;                /* `oldest` in the newest record */
    fsp_journalset_file_t *files; /* in order; the last one has the newest record */
    size_t count, capacity;
    fsp_omap_t *index; /* key of LOG -> fsp_journalplace_t */
    uint64_t live_bytes;
    uint64_t spare_bytes; /* of spares */
};

/* -- the set; under the lock, or before anybody else knows the journal --------------------------
 */

/* NULL: there is none. */
fsp_journalset_file_t *fsp_journalset_find(fsp_journal_t *self, uint64_t number);
/* The oldest that is not released; NULL if the newest is. */
fsp_journalset_file_t *fsp_journalset_oldest(fsp_journal_t *self);
/* Behind all others; pointers into the set are no longer good. */
fsp_journalset_file_t *fsp_journalset_add(fsp_journal_t *self, uint64_t number, uint64_t size);
void fsp_journalset_add_spare(fsp_journal_t *self, uint64_t number, uint64_t size);

/* -- the index; the same (journalindex.c) -------------------------------------------------------
 */

/* A row of the record at `at` of the newest file counts from now on. */
void fsp_journalindex_apply(fsp_journal_t *self, uint64_t sequence, uint64_t at,
                            const fsp_journalrow_t *row);
/* Is this row, of the record at `at` of a file, the one that counts? */
bool fsp_journalindex_lives(const fsp_journal_t *self, uint64_t file, uint64_t at,
                            const fsp_journalrow_t *row);
fsp_journalplace_t fsp_journalindex_place(const fsp_omap_row_t *row);

void fsp_journalview_init(fsp_journal_t *self);
#endif
