/* SPDX-License-Identifier: MIT */
/* reclaim - gives the room of deleted rows of objects back to the file system.  Layer store. */
#include "store/reclaim.h"

#include "core/base/check.h"

enum {
    QUIET_US = 1000 * 1000,
    PASSES_MAX = 32,
    GARBAGE_SHARE = 8, /* an eighth of the blob files may be garbage */
};

void
fsp_reclaim_init(fsp_reclaim_t *self, fsp_db_t *db)
{
    FSP_PRE(db != NULL);
    *self = (fsp_reclaim_t){.db = db};
    uint64_t total = 0, garbage = 0;
    fsp_db_blob_bytes(db, FSP_FAMILY_BYTES, &total, &garbage);
    self->old_files = total > 0;
    self->deleted = self->old_files; /* so that a run begins */
    atomic_init(&self->running, false);
    atomic_init(&self->stop, false);
}

static void
join(fsp_reclaim_t *self)
{
    if (self->has_thread)
        (void)pthread_join(self->thread, NULL); /* it is ours and joined once */
    self->has_thread = false;
}

void
fsp_reclaim_end(fsp_reclaim_t *self)
{
    if (!self->db)
        return;
    atomic_store(&self->stop, true);
    if (self->has_thread)
        fsp_db_compact_stop(self->db);
    join(self);
    self->db = NULL;
}

void
fsp_reclaim_note(fsp_reclaim_t *self, uint64_t rows)
{
    self->deleted += rows;
}

/* A pass lets go of files that are garbage as a whole, and moves what lives in some of the oldest
   (dbtext.c says how many): each one finds the next oldest. */
static void *
run(void *self_)
{
    fsp_reclaim_t *self = self_;
    uint64_t before = UINT64_MAX;
    if (self->old_files)
        fsp_db_compact(self->db, FSP_FAMILY_BYTES);
    for (int i = 0; i < PASSES_MAX && !atomic_load(&self->stop); i++) {
        fsp_db_compact(self->db, FSP_FAMILY_OBJECT);
        uint64_t total = 0, garbage = 0;
        fsp_db_blob_bytes(self->db, FSP_FAMILY_OBJECT, &total, &garbage);
        if (garbage <= total / GARBAGE_SHARE || garbage >= before)
            break;
        before = garbage;
    }
    self->old_files = false; /* what is left of them goes after the next start */
    atomic_store(&self->running, false);
    return NULL;
}

void
fsp_reclaim_tick(fsp_reclaim_t *self, fsp_time_t now_us)
{
    if (self->deleted != self->seen) {
        self->seen = self->deleted;
        self->deleted_us = now_us;
    }
    if (self->deleted == 0 || now_us < self->deleted_us + QUIET_US || atomic_load(&self->running))
        return;
    join(self);
    self->deleted = self->seen = 0;
    /* So that the log goes, too.  Here, for only the writing thread may find that the store fails.
     */
    fsp_db_flush_above(self->db, 0);
    atomic_store(&self->running, true);
    self->has_thread = pthread_create(&self->thread, NULL, run, self) == 0;
    if (!self->has_thread) { /* no room for a thread: later */
        atomic_store(&self->running, false);
        self->deleted = 1;
    }
}
