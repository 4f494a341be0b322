/* SPDX-License-Identifier: MIT */
/* migrate - brings a store of format 1 to format 2.  Layer store.
 *
 * In format 1 the values of BYTES are the objects themselves.  They are copied to segments in
 * batches, each atomic, with a row "migrated" that says how far; so a crash at any point goes on at
 * the next start.  WATERMARK says 2 before the first batch, so that no older program meets what is
 * half done; the format row says 2 with the last one.  The old bytes go afterwards, when BYTES is
 * compacted (reclaim.h): so there has to be room for all of them once more.
 */
#ifndef FSP_STORE_MIGRATE_H
#define FSP_STORE_MIGRATE_H
#include "store/objstore.h"

enum { FSP_MIGRATE_BATCH_BYTES = 32 * 1024 * 1024 };

typedef struct {
    fsp_db_t *db;
    fsp_objstore_t *objects;
    uint64_t batch_bytes;
    fsp_buf_t next;                   /* between steps: first key that has not been moved */
    uint64_t done_bytes, total_bytes; /* total: about, and at least done */
} fsp_migrate_t;

/* Is there room?  Before anything is written, so that the older program can still make some.
   DISK_RESERVE (with how much is missing). */
FSP_MUST_CHECK fsp_status_t fsp_migrate_check(fsp_db_t *db, const char *directory,
                                              fsp_error_t *error);
/* Before anything else is written.  DISK_RESERVE (with how much is missing), DAMAGED, IO. */
FSP_MUST_CHECK fsp_status_t fsp_migrate_begin(fsp_migrate_t *self, fsp_db_t *db,
                                              fsp_objstore_t *objects, const char *directory,
                                              uint64_t batch_bytes, fsp_error_t *error);
/* Puts the next objects into a write, which the caller seals and makes durable before the next
 *step. ret_more false: these were the last, and the write says format 2.  DAMAGED, IO. */
FSP_MUST_CHECK fsp_status_t fsp_migrate_step(fsp_migrate_t *self, fsp_db_write_t *write,
                                             bool *ret_more, fsp_error_t *error);
void fsp_migrate_end(fsp_migrate_t *self);
#endif
