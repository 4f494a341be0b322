/* SPDX-License-Identifier: MIT */
/* migrate - brings a store of an older format to this program's, one step a format.  Layer store.
 *
 * Before the first batch WATERMARK says the number that is aimed at, so that no older program meets
 * what is half done.  The format row says after which step the rows are: the last batch of a step
 * raises it, so a crash at any point goes on at the next start.
 *
 *     1 -> 2   here.  In format 1 the values of BYTES are the objects themselves.  They are copied
 *              to segments in batches, each atomic, with a row "migrated" that says how far.  The
 *              old bytes go afterwards, when BYTES is compacted (reclaim.h): so there has to be
 *              room for all of them once more.
 *     2 -> 3   The rows of LOG go to the journal, and the families get their kept rows (db.h); then
 *              nothing goes through RocksDB's own log any more.  Cut short, it begins anew, with
 *              another journal.  What is left of LOG in the database goes at the end, or at a later
 *              start (fsp_migrate_clear_log).  Records of segments that were written fill whole
 *              pages for ever and say so; new ones are packed.
 */
#ifndef FSP_STORE_MIGRATE_H
#define FSP_STORE_MIGRATE_H
#include "store/journal.h"
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

/* Is there room for the step 2 -> 3?  DISK_RESERVE (with how much is missing). */
FSP_MUST_CHECK fsp_status_t fsp_migrate_log_check(fsp_db_t *db, const char *directory,
                                                  fsp_error_t *error);
/* That step, all of it; WATERMARK says 3 already.  *sequence: of the last group; of the last record
   on return.  The journal is open then and belongs to the caller.  DAMAGED, IO. */
FSP_MUST_CHECK fsp_status_t fsp_migrate_log(fsp_db_t *db, fsp_db_write_t *write,
                                            const fsp_journal_config_t *journal, uint64_t *sequence,
                                            fsp_journal_t **ret_journal, fsp_error_t *error);
/* Deletes rows of LOG that are still in the database of a store of format 3; *ret_any: there were
   some, and only compaction gives their room back.  IO. */
FSP_MUST_CHECK fsp_status_t fsp_migrate_clear_log(fsp_db_t *db, fsp_db_write_t *write,
                                                  bool *ret_any, fsp_error_t *error);
#endif
