/* SPDX-License-Identifier: MIT */
/* replay - what the journal has and the database lost goes back into it.  Layer store.
 *
 * At open, before anything else is read.  Only rows of groups behind the family's kept row: what
 * lies before is on stable storage.  Rows say what is, not what changes, so those that are there
 * already do no harm, and neither does a crash in between: kept rows never say more than is there.
 * Internal to store/.
 */
#ifndef FSP_STORE_REPLAY_H
#define FSP_STORE_REPLAY_H
#include "store/dbkept.h"
#include "store/watermark.h"

typedef struct {
    fsp_dbkept_t *kept;               /* of the database as it was found */
    fsp_db_write_t *write;            /* empty before and after */
    const fsp_watermark_t *mark;      /* that of the file */
    const fsp_journal_found_t *found; /* filled before the first row comes */
    bool checked;
    uint64_t sequence; /* of the row that came last */
} fsp_replay_t;

/* An fsp_journal_replay_fn; context: an fsp_replay_t with its first four fields set.  DAMAGED if
   journal, database and mark do not fit together (fsp_recover_journal), IO. */
fsp_status_t fsp_replay_row(void *context, uint64_t sequence, const fsp_batch_row_t *row,
                            fsp_error_t *error);
/* All rows have come, perhaps none.  The same. */
FSP_MUST_CHECK fsp_status_t fsp_replay_end(fsp_replay_t *self, fsp_error_t *error);
#endif
