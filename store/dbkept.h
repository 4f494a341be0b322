/* SPDX-License-Identifier: MIT */
/* dbkept - how much of each family the database has on stable storage.  Layer store.
 *
 * The database writes its families out by itself and one by one; what is not written out yet is in
 * memory, and besides, but for STATE, in the journal.  Here is what both need to know of it: how
 * far back the journal must go, and how far the state machines may have their logs cut.
 *
 * Sequences are those of groups.  Internal to store/; all calls come from the thread that writes.
 */
#ifndef FSP_STORE_DBKEPT_H
#define FSP_STORE_DBKEPT_H
#include "store/db.h"
#include "store/journal.h"

enum { FSP_DBKEPT_MARKS = 40 };

typedef struct {
    fsp_db_t *db;
    /* Each by family; those of LOG say nothing, but for upto, which is always the newest group. */
    uint64_t rows[FSP_FAMILY_COUNT];    /* kept rows on stable storage, as they were last read */
    uint64_t upto[FSP_FAMILY_COUNT];    /* rows of all groups up to this are there; never falls */
    uint64_t written[FSP_FAMILY_COUNT]; /* the last group that has rows of it; 0: none */
    uint64_t asked[FSP_FAMILY_COUNT];   /* a flush was asked for when this was `written` */
    /* Bytes of LOG that groups put, ever; and when the last group was that STATE is kept up to. */
    uint64_t log_bytes, state_bytes;
    uint64_t log_bytes_max; /* more between the two, and STATE is written out */
    struct {
        uint64_t sequence, log_bytes;
    } marks[FSP_DBKEPT_MARKS]; /* of some groups in between */
    size_t mark_count;
} fsp_dbkept_t;

/* Reads the kept rows; nothing has been written since the database was opened.  log_bytes_max: so
   many bytes of LOG may wait for STATE, about.  DAMAGED, IO. */
FSP_MUST_CHECK fsp_status_t fsp_dbkept_open(fsp_dbkept_t *self, fsp_db_t *db,
                                            uint64_t log_bytes_max, fsp_error_t *error);
/* The families that a write touches say in their kept rows that they are at this group, then. */
void fsp_dbkept_mark(fsp_dbkept_t *self, fsp_db_write_t *write, uint64_t sequence);
/* Group `sequence` has been written, with so many bytes of LOG: families that wait for nothing are
   kept up to it. */
void fsp_dbkept_pass(fsp_dbkept_t *self, uint64_t sequence, uint64_t log_bytes);
/* Asks the database what has come to stable storage, where something waits.  sequence: of the
   newest group.  DAMAGED, IO. */
FSP_MUST_CHECK fsp_status_t fsp_dbkept_look(fsp_dbkept_t *self, uint64_t sequence,
                                            fsp_error_t *error);
/* Some rows of it are in memory only, as far as is known. */
bool fsp_dbkept_waits(const fsp_dbkept_t *self, fsp_family_t family);
/* Writes a family out: waits for it, if asked to; else in the background, unless that has been
   begun before and is not known to be over.  Nothing happens if nothing waits.  IO. */
FSP_MUST_CHECK fsp_status_t fsp_dbkept_flush(fsp_dbkept_t *self, fsp_family_t family, bool wait,
                                             fsp_error_t *error);
/* Writes STATE out in the background if too much of LOG waits for it.  Few rows of STATE may come
   from much of LOG, which is read again at the next start.  IO. */
FSP_MUST_CHECK fsp_status_t fsp_dbkept_keep_up(fsp_dbkept_t *self, fsp_error_t *error);
/* Writes those families out in the background that hold the oldest file of the journal back.  IO.
 */
FSP_MUST_CHECK fsp_status_t fsp_dbkept_make_room(fsp_dbkept_t *self, const fsp_journal_t *journal,
                                                 fsp_error_t *error);
#endif
