/* SPDX-License-Identifier: MIT */
/* storeset - what the store is made of, for its two files.  Layer store.
 *
 * Internal to store.c and storeopen.c.
 */
#ifndef FSP_STORE_STORESET_H
#define FSP_STORE_STORESET_H
#include "store/db.h"
#include "store/dbview.h"
#include "store/journal.h"
#include "store/dbkept.h"
#include "store/objstore.h"
#include "store/reclaim.h"
#include "store/store.h"
#include "store/watermark.h"

#include <stdatomic.h>

struct fsp_store {
    char *directory;
    bool sync;
    int lock_fd;
    fsp_db_t *db;
    fsp_journal_t *journal; /* NULL: a store of format 1 or 2 that is being migrated */
    fsp_dbkept_t kept;
    uint64_t journal_bytes; /* of one of its files */
    uint64_t log_bytes;     /* of LOG, in the group that is being made */
    fsp_db_write_t *write;  /* used again for every group */
    fsp_dbview_t views[FSP_FAMILY_COUNT];
    fsp_objstore_t objects;
    fsp_reclaim_t reclaim;
    _Atomic uint64_t sequence;   /* of the last group; read by any thread */
    _Atomic uint64_t state_kept; /* kept.upto of STATE; the same */
    fsp_watermark_file_t file;
    fsp_watermark_t opened;  /* what the watermark said at open; does not change */
    fsp_watermark_t noted;   /* reported WRITTEN; its sequence is that of the last synced record */
    fsp_watermark_t durable; /* the part of noted that is on stable storage for certain */
    bool row_behind;         /* noted has marks the row has not */
    bool file_behind;        /* durable is ahead of the file */
    fsp_time_t file_us;      /* when the file was looked at last */
    fsp_time_t quiet_us;     /* start of the time over which groups are counted */
    uint64_t quiet_sequence; /* the sequence then */
    uint64_t quiet_reads;    /* and how much had been read */
    fsp_time_t room_us;      /* when the disk was looked at last */
    bool tight;              /* there was little room */
    bool let_go;             /* released files of the journal go with an empty record */
    unsigned full_ticks;     /* since the journal has been full */
    uint64_t full_sequence;  /* that of the store when this began */
};

/* Writes what was put into self->write and into the journal's record, with the store's own rows.
   First the bytes of large objects, then the rows that say where they are.  IO is final. */
FSP_MUST_CHECK fsp_status_t fsp_storeset_write(fsp_store_t *self, fsp_error_t *error);
/* There is little room: nothing is taken ahead. */
bool fsp_storeset_is_tight(fsp_store_t *self);
/* Ends what was opened of it, and self. */
void fsp_storeset_release(fsp_store_t *self);
/* Monotonic. */
uint64_t fsp_storeset_now_us(void);
void fsp_storeset_sleep_us(long us);
#endif
