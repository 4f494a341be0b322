/* SPDX-License-Identifier: MIT */
/* segments - the files that large objects lie in, each byte written once.  Layer store.
 *
 * Here: the group of the writing thread.  Opening: segopen.c; reading: segread.c; giving back:
 * segclean.c.
 */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "store/segclean.h"
#include "store/segset.h"

enum {
    AGAIN_TICKS = 50,
    QUIET_TICKS = 50,         /* nothing dropped for so long: what is left may be moved together */
    RAGGED_BYTES = 64 * 1024, /* and RAGGED_SHARE of a segment: worth a sweep */
    RAGGED_SHARE = 64,
    SPARSE_MAX = 64,  /* so many segments with little life, and it is moved at once */
    SETS_FIRST = 64,  /* segments that there is room for at first */
    HOLES_KEPT = 4096 /* a list that was longer gives its memory back */
};

/* The set. */

fsp_segment_t *
fsp_segset_find(fsp_segments_t *self, uint64_t number)
{
    size_t low = 0, high = self->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (self->set[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < self->count && self->set[low].number == number ? &self->set[low] : NULL;
}

fsp_segment_t *
fsp_segset_add(fsp_segments_t *self)
{
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? 2 * self->capacity : SETS_FIRST;
        self->set = fsp_realloc(self->set, self->capacity * sizeof(*self->set));
    }
    self->set[self->count] = (fsp_segment_t){.number = self->next++};
    self->next_changed = true;
    return &self->set[self->count++];
}

void
fsp_segset_remove(fsp_segments_t *self, uint64_t number)
{
    fsp_segment_t *segment = fsp_segset_find(self, number);
    FSP_ASSERT(segment != NULL);
    FSP_ASSERT(!segment->changed && !segment->sealed);
    self->count--;
    memmove(segment, segment + 1, (size_t)(self->set + self->count - segment) * sizeof(*self->set));
}

void
fsp_segset_change(fsp_segments_t *self, fsp_segment_t *segment)
{
    if (!segment->changed)
        self->changed_count++;
    segment->changed = true;
}

void
fsp_segset_finish(fsp_segments_t *self, uint64_t number)
{
    fsp_segment_t *segment = fsp_segset_find(self, number);
    FSP_ASSERT(segment != NULL && segment->growing);
    segment->growing = false;
    fsp_segset_change(self, segment); /* it may be dead already */
}

void
fsp_segset_wake(fsp_segments_t *self)
{
    self->idle = false;
    (void)pthread_cond_signal(&self->wake);
}

void
fsp_holes_add(fsp_holes_t *self, fsp_hole_t hole)
{
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? 2 * self->capacity : SETS_FIRST;
        self->holes = fsp_realloc(self->holes, self->capacity * sizeof(*self->holes));
    }
    self->holes[self->count++] = hole;
}

fsp_hole_t
fsp_hole_pages(const fsp_hole_t *self)
{
    uint64_t from = fsp_segment_page_up(self->offset), end = self->offset + self->bytes;
    uint64_t to = end - end % FSP_SEGMENT_PAGE_BYTES;
    return (fsp_hole_t){
        .segment = self->segment, .offset = from, .bytes = to > from ? to - from : 0};
}

void
fsp_holes_reset(fsp_holes_t *self)
{
    self->count = 0;
    if (self->capacity <= HOLES_KEPT)
        return;
    fsp_free(self->holes);
    *self = (fsp_holes_t){.holes = NULL};
}

/* Appending. */

static void
lock(fsp_segments_t *self)
{
    (void)pthread_mutex_lock(&self->lock);
}

static void
unlock(fsp_segments_t *self)
{
    (void)pthread_mutex_unlock(&self->lock);
}

static fsp_status_t
begin_active(fsp_segments_t *self, fsp_error_t *error)
{
    lock(self);
    fsp_segment_t *segment = fsp_segset_add(self);
    segment->growing = true;
    uint64_t number = segment->number;
    unlock(self);
    return fsp_segfile_make(&self->active, number, self->segment_bytes, error);
}

/* It is whole and durable before a row says what the next one holds. */
static fsp_status_t
finish_active(fsp_segments_t *self, fsp_error_t *error)
{
    uint64_t number = self->active.segment;
    fsp_status_t status = fsp_segfile_finish(&self->active, error);
    if (status != FSP_OK)
        return status;
    lock(self);
    fsp_segset_finish(self, number);
    unlock(self);
    return FSP_OK;
}

fsp_status_t
fsp_segments_append(fsp_segments_t *self, fsp_slice_t key, fsp_slice_t bytes, fsp_place_t *ret,
                    fsp_error_t *error)
{
    FSP_PRE(key.bytes > 0 && key.bytes <= FSP_ROW_KEY_BYTES_MAX);
    FSP_PRE(bytes.bytes <= FSP_OBJECT_BYTES_MAX);
    uint64_t octets = fsp_segrecord_bytes(&(fsp_place_t){.bytes = bytes.bytes}, key.bytes);
    fsp_status_t status = FSP_OK;
    if (self->active.segment != 0 && self->active.bytes > 0 &&
        self->active.bytes + octets > self->segment_bytes)
        status = finish_active(self, error);
    if (status == FSP_OK && self->active.segment == 0)
        status = begin_active(self, error);
    if (status == FSP_OK)
        status = fsp_segfile_append(&self->active, key, bytes, ret, error);
    if (status != FSP_OK)
        return status;
    lock(self);
    fsp_segment_t *segment = fsp_segset_find(self, ret->segment);
    segment->used = fsp_segment_page_up(ret->offset + octets); /* if it is the group's last */
    segment->live += octets;
    fsp_segset_change(self, segment);
    unlock(self);
    return FSP_OK;
}

/* Under the lock. */
static void
add_dying(fsp_segments_t *self, fsp_segment_t *segment, uint64_t offset, uint64_t octets)
{
    fsp_hole_t hole = {.segment = segment->number, .offset = offset, .bytes = octets};
    segment->ragged += octets - fsp_hole_pages(&hole).bytes;
    if (self->dying.count < FSP_HOLES_MAX) {
        fsp_holes_add(&self->dying, hole);
    } else {
        segment->unswept = self->unswept = true;
    }
}

fsp_status_t
fsp_segments_drop(fsp_segments_t *self, const fsp_place_t *place, size_t key_bytes,
                  fsp_error_t *error)
{
    uint64_t octets = fsp_segrecord_bytes(place, key_bytes);
    self->ticks_quiet = 0;
    lock(self);
    fsp_segment_t *segment = fsp_segset_find(self, place->segment);
    bool fits = segment && segment->live >= octets && place->offset + octets <= segment->used;
    if (fits) {
        segment->live -= octets;
        fsp_segset_change(self, segment);
        add_dying(self, segment, place->offset, octets);
    }
    unlock(self);
    return fits ? FSP_OK
                : fsp_error_set(error, FSP_DAMAGED,
                                "a row of an object says segment %llx, offset %llu, where there is "
                                "none: restore from a replica or backup",
                                (unsigned long long)place->segment,
                                (unsigned long long)place->offset);
}

/* The end of a group. */

static void
put_row(fsp_segments_t *self, fsp_db_write_t *write, fsp_segment_t *segment)
{
    fsp_buf_t key, row;
    fsp_buf_init(&key, FSP_SEGMENT_ROW_BYTES_MAX);
    fsp_buf_init(&row, FSP_SEGMENT_ROW_BYTES_MAX);
    fsp_segment_key(segment->number, &key);
    bool dead = !segment->growing && segment->live == 0;
    if (!dead) {
        fsp_segment_encode(segment->used, segment->live, &row);
        fsp_db_write_put(write, FSP_FAMILY_LOCAL, fsp_buf_slice(&key), fsp_buf_slice(&row));
    } else if (segment->has_row) {
        fsp_db_write_delete(write, FSP_FAMILY_LOCAL, fsp_buf_slice(&key));
    }
    FSP_ASSERT(fsp_buf_ok(&key) && fsp_buf_ok(&row));
    fsp_buf_clear(&key);
    fsp_buf_clear(&row);
    segment->has_row = true;
    segment->changed = false;
    self->changed_count--;
    segment->sealed = !dead;
    self->sealed_count += !dead;
    if (dead) {
        uint64_t number = segment->number;
        fsp_holes_add(&self->dying, (fsp_hole_t){.segment = number});
        fsp_segset_remove(self, number);
    }
}

/* Under the lock.  The last ones change most. */
static void
put_rows(fsp_segments_t *self, fsp_db_write_t *write)
{
    for (size_t i = self->count; i-- > 0 && self->changed_count > 0;)
        if (self->set[i].changed)
            put_row(self, write, &self->set[i]);
    FSP_ASSERT(self->changed_count == 0);
    if (!self->next_changed)
        return;
    self->next_changed = false;
    fsp_buf_t row;
    fsp_buf_init(&row, FSP_SEGMENT_ROW_BYTES_MAX);
    fsp_segments_encode(self->next, &row);
    fsp_db_write_put(write, FSP_FAMILY_LOCAL, fsp_slice_text("segments"), fsp_buf_slice(&row));
    fsp_buf_clear(&row);
}

fsp_status_t
fsp_segments_seal(fsp_segments_t *self, fsp_db_write_t *write, fsp_error_t *error)
{
    FSP_PRE(self->sealed_count == 0);
    fsp_status_t status = fsp_segfile_flush(&self->active, self->sync, error);
    if (status != FSP_OK)
        return status;
    lock(self);
    self->ahead_bytes = fsp_segfile_ahead(&self->active);
    put_rows(self, write);
    unlock(self);
    return FSP_OK;
}

/* Under the lock: what was dropped will never be asked for again. */
static void
give_to_cleaner(fsp_segments_t *self)
{
    for (size_t i = 0; i < self->dying.count; i++) {
        const fsp_hole_t *hole = &self->dying.holes[i];
        fsp_segment_t *segment = fsp_segset_find(self, hole->segment);
        if (hole->bytes == 0 || self->dead.count < FSP_HOLES_MAX)
            fsp_holes_add(&self->dead, *hole);
        else if (segment)
            segment->sweep = true;
    }
    fsp_holes_reset(&self->dying);
    for (size_t i = 0; self->unswept && i < self->count; i++) {
        self->set[i].sweep |= self->set[i].unswept;
        self->set[i].unswept = false;
    }
    self->unswept = false;
    self->synced++;
    self->want_sync = false;
    fsp_segset_wake(self);
}

void
fsp_segments_done(fsp_segments_t *self, bool synced)
{
    lock(self);
    for (size_t i = self->count; i-- > 0 && self->sealed_count > 0;)
        if (self->set[i].sealed) {
            self->set[i].sealed = false;
            self->set[i].told = self->set[i].used;
            self->set[i].told_live = self->set[i].live;
            self->sealed_count--;
        }
    if (self->moving) {
        self->moving = self->moves_offered = false;
        fsp_segset_wake(self);
    }
    if (synced || !self->sync)
        give_to_cleaner(self);
    unlock(self);
}

bool
fsp_segments_waiting(fsp_segments_t *self)
{
    lock(self);
    bool waiting =
        self->dying.count > 0 || self->unswept || self->changed_count > 0 || self->want_sync;
    unlock(self);
    return waiting;
}

/* What was moved. */

const fsp_move_t *
fsp_segments_moves(fsp_segments_t *self, size_t *ret_count)
{
    lock(self);
    self->moving = self->moves_offered;
    unlock(self);
    *ret_count = self->moving ? self->clean.move_count : 0;
    return self->moving ? self->clean.moves : NULL;
}

void
fsp_segments_moved(fsp_segments_t *self, const fsp_move_t *move, bool switched)
{
    FSP_PRE(self->moving);
    uint64_t octets = fsp_segrecord_bytes(&move->to, move->key.bytes);
    uint64_t old_octets = fsp_segrecord_bytes(&move->from, move->key.bytes); /* paged, perhaps */
    lock(self);
    fsp_segment_t *to = fsp_segset_find(self, move->to.segment);
    FSP_ASSERT(to != NULL && to->growing);
    if (to->used < move->to.offset + octets)
        to->used = fsp_segment_page_up(move->to.offset + octets);
    fsp_segset_change(self, to);
    if (!switched) {
        add_dying(self, to, move->to.offset, octets);
    } else {
        fsp_segment_t *from = fsp_segset_find(self, move->from.segment);
        FSP_ASSERT(from != NULL && from->live >= old_octets);
        to->live += octets;
        from->live -= old_octets;
        fsp_segset_change(self, from);
        add_dying(self, from, move->from.offset, old_octets);
    }
    unlock(self);
}

/* Between groups. */

/* Under the lock. */
static void
sweep_again(fsp_segments_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        self->set[i].sweep |= self->set[i].again;
        self->set[i].again = false;
    }
}

/* Under the lock: pages that neighbours died in one after the other are known to nobody. */
static void
sweep_ragged(fsp_segments_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        fsp_segment_t *segment = &self->set[i];
        if (segment->ragged <= RAGGED_BYTES + segment->used / RAGGED_SHARE)
            continue;
        segment->ragged = 0;
        segment->sweep = true;
    }
}

static size_t
sparse_count(fsp_segments_t *self)
{
    size_t count = 0;
    for (size_t i = 0; i < self->count; i++)
        count += fsp_segclean_is_sparse(self, &self->set[i]);
    return count;
}

void
fsp_segments_tick(fsp_segments_t *self, bool quiet, bool tight)
{
    self->active.tight = tight;
    if (quiet || tight)
        fsp_segfile_trim(&self->active);
    if (quiet)
        fsp_segfile_rest(&self->active);
    self->ticks_quiet += self->ticks_quiet < QUIET_TICKS;
    lock(self);
    self->ahead_bytes = fsp_segfile_ahead(&self->active);
    if (self->ticks_again-- == 0) {
        self->ticks_again = AGAIN_TICKS;
        sweep_again(self);
    }
    if (tight || self->ticks_quiet == QUIET_TICKS)
        sweep_ragged(self);
    /* Copies need room for a while, and make none where dead places are holes already. */
    self->copy_pause -= self->copy_pause > 0;
    self->compact =
        self->copy_pause == 0 &&
        (self->cannot_punch ||
         (!tight && (self->ticks_quiet == QUIET_TICKS || sparse_count(self) > SPARSE_MAX)));
    bool work = fsp_segclean_has_work(self);
    if (work)
        fsp_segset_wake(self);
    unlock(self);
    if (work)
        fsp_segclean_begin(self);
}

void
fsp_segments_rest(fsp_segments_t *self)
{
    lock(self);
    bool work = fsp_segclean_has_work(self);
    unlock(self);
    if (work)
        fsp_segclean_begin(self);
    lock(self);
    while (self->clean.has_thread && (!self->idle || (fsp_segclean_has_work(self) &&
                                                      !self->moves_offered && !self->want_sync)))
        (void)pthread_cond_wait(&self->rested, &self->lock);
    unlock(self);
}

/* Reading, any thread. */

unsigned
fsp_segments_enter(fsp_segments_t *self)
{
    return fsp_segread_enter(&self->read);
}

void
fsp_segments_leave(fsp_segments_t *self, unsigned entered)
{
    fsp_segread_leave(&self->read, entered);
}

fsp_status_t
fsp_segments_read(fsp_segments_t *self, const fsp_place_t *place, size_t key_bytes, uint64_t from,
                  uint64_t to, fsp_blob_t **ret_blob)
{
    return fsp_segread_read(&self->read, place, key_bytes, from, to, ret_blob);
}

void
fsp_segments_info(fsp_segments_t *self, fsp_segments_info_t *ret)
{
    *ret = (fsp_segments_info_t){.files = 0};
    lock(self);
    ret->files = self->count;
    ret->ahead_bytes = self->ahead_bytes + self->clean_ahead_bytes;
    for (size_t i = 0; i < self->count; i++) {
        ret->used_bytes += self->set[i].used;
        ret->live_bytes += self->set[i].live;
    }
    unlock(self);
}
