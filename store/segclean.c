/* SPDX-License-Identifier: MIT */
/* segclean - gives back what is dead in segments, in a thread of its own.  Layer store. */
#include "store/segclean.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "store/segwalk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    SPARSE_SHARE = 4,       /* a segment with a quarter of its nominal size alive is copied */
    SPARSE_SHARE_WHOLE = 2, /* with a half, where there are no holes */
    MISSED_MAX = 3,         /* the writing thread may have been between a batch and its account */
    PAUSE_TICKS = 600       /* after a copy that failed */
};

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

bool
fsp_segclean_is_sparse(const fsp_segments_t *self, const fsp_segment_t *segment)
{
    uint64_t share = self->cannot_punch ? SPARSE_SHARE_WHOLE : SPARSE_SHARE;
    return !segment->growing && !segment->changed && !segment->sealed && !segment->stuck &&
           segment->live > 0 && segment->live <= self->segment_bytes / share;
}

/* Under the lock: the first segment that wants this, or NULL. */
static fsp_segment_t *
find_sweep(const fsp_segments_t *self)
{
    for (size_t i = 0; i < self->count && !self->cannot_punch; i++)
        if (self->set[i].sweep && !self->set[i].stuck)
            return &self->set[i];
    return NULL;
}

static fsp_segment_t *
find_sparse(const fsp_segments_t *self)
{
    for (size_t i = 0; i < self->count && self->compact; i++)
        if (fsp_segclean_is_sparse(self, &self->set[i]))
            return &self->set[i];
    return NULL;
}

bool
fsp_segclean_has_work(const fsp_segments_t *self)
{
    return self->dead.count > 0 || find_sweep(self) || find_sparse(self);
}

/* Under the lock: until something has happened. */
static void
wait(fsp_segments_t *self)
{
    self->idle = true;
    (void)pthread_cond_broadcast(&self->rested);
    (void)pthread_cond_wait(&self->wake, &self->lock);
    self->idle = false;
}

/* Under the lock: until the writing thread has done its part, or all ends.  True if it has. */
static bool
wait_for_writer(fsp_segments_t *self, const bool *asked)
{
    while (*asked && !self->stop)
        wait(self);
    return !*asked;
}

/* Giving back. */

static int
compare_holes(const void *a_, const void *b_)
{
    const fsp_hole_t *a = a_, *b = b_;
    if (a->segment != b->segment)
        return a->segment < b->segment ? -1 : 1;
    return a->offset < b->offset ? -1 : a->offset > b->offset;
}

typedef enum {
    PUNCHED,
    LATER, /* not now: a hole may want a block of the disk, a file a descriptor */
    NEVER  /* the file system has no holes */
} punched_t;

/* What shares a page with something that lives stays, or what was written at the end of a group. */
static punched_t
punch(int fd, const fsp_hole_t *dead)
{
    fsp_hole_t pages = fsp_hole_pages(dead), *hole = &pages;
    while (hole->bytes > 0) {
        if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)hole->offset,
                      (off_t)hole->bytes) == 0)
            return PUNCHED;
        if (errno != EINTR)
            return errno == EOPNOTSUPP || errno == ENOSYS ? NEVER : LATER;
    }
    return PUNCHED;
}

/* Holes of one segment, sorted; the worst that became of them. */
static punched_t
punch_all(const fsp_segments_t *self, const fsp_hole_t *holes, size_t count)
{
    char path[FSP_SEGFILE_PATH_BYTES];
    fsp_segfile_path(self->directory, holes->segment, path);
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? PUNCHED : LATER; /* deleted meanwhile */
    punched_t worst = PUNCHED;
    for (size_t i = 0; i < count && worst != NEVER;) {
        fsp_hole_t whole = holes[i++];
        while (i < count && holes[i].offset <= whole.offset + whole.bytes) {
            uint64_t end = holes[i].offset + holes[i].bytes;
            if (end > whole.offset + whole.bytes)
                whole.bytes = end - whole.offset;
            i++;
        }
        punched_t became = punch(fd, &whole);
        worst = became > worst ? became : worst;
    }
    (void)close(fd);
    return worst;
}

/* Sweeps it after a while. */
static void
sweep_later(fsp_segments_t *self, uint64_t number)
{
    lock(self);
    fsp_segment_t *segment = fsp_segset_find(self, number);
    if (segment)
        segment->again = true;
    unlock(self);
}

static void
delete_file(fsp_segments_t *self, uint64_t segment)
{
    char path[FSP_SEGFILE_PATH_BYTES];
    fsp_segread_forget(&self->read, segment);
    fsp_segfile_path(self->directory, segment, path);
    (void)unlink(path); /* no row names it: what stays now goes at the next start */
}

/* The rows are gone durably; whoever looked them up before is waited for.  Not under the lock. */
static void
give_back(fsp_segments_t *self, fsp_holes_t *dead, bool can_punch)
{
    fsp_segread_wait(&self->read);
    qsort(dead->holes, dead->count, sizeof(*dead->holes), compare_holes);
    for (size_t i = 0; i < dead->count;) {
        uint64_t segment = dead->holes[i].segment;
        bool whole = false;
        size_t first = i;
        for (; i < dead->count && dead->holes[i].segment == segment; i++)
            whole |= dead->holes[i].bytes == 0;
        punched_t became = PUNCHED;
        if (whole)
            delete_file(self, segment);
        else if (can_punch)
            became = punch_all(self, dead->holes + first, i - first);
        can_punch &= became != NEVER;
        if (became == LATER)
            sweep_later(self, segment);
    }
    fsp_holes_reset(dead);
    lock(self);
    self->cannot_punch |= !can_punch;
    unlock(self);
}

/* Sweeping. */

typedef struct {
    fsp_segments_t *self;
    uint64_t segment, end, live; /* end of the record before; octets of all so far */
    fsp_holes_t holes;
} sweep_t;

static bool
is_stopped(fsp_segments_t *self)
{
    lock(self);
    bool stop = self->stop;
    unlock(self);
    return stop;
}

static void
add_gap(sweep_t *sweep, uint64_t to)
{
    if (to > sweep->end)
        fsp_holes_add(&sweep->holes, (fsp_hole_t){.segment = sweep->segment,
                                                  .offset = sweep->end,
                                                  .bytes = to - sweep->end});
}

static bool
note_alive(void *context, int fd, const fsp_segrecord_t *record)
{
    (void)fd;
    sweep_t *sweep = context;
    uint64_t octets = fsp_segrecord_bytes(&record->place, record->key.bytes);
    add_gap(sweep, record->place.offset);
    sweep->end = record->place.offset + octets;
    sweep->live += octets;
    return !is_stopped(sweep->self);
}

/* Under the lock, which it leaves meanwhile.  What lies between the living may go if nothing that
   lives was overlooked: their octets are those of the row, before and after. */
static void
sweep_segment(fsp_segments_t *self, fsp_segment_t *segment)
{
    sweep_t sweep = {.self = self, .segment = segment->number};
    uint64_t used = segment->told, live = segment->told_live;
    segment->sweep = false;
    segment->ragged = 0;
    unlock(self);
    fsp_status_t status =
        fsp_segwalk(self->directory, self->db, sweep.segment, used, note_alive, &sweep);
    add_gap(&sweep, used);
    lock(self);
    segment = fsp_segset_find(self, sweep.segment);
    bool same = segment && segment->told == used && segment->told_live == live &&
                !segment->changed && !segment->sealed;
    bool whole = same && status == FSP_OK && sweep.live == live;
    if (segment && !whole) {
        if (same && status != FSP_IO) /* that may pass */
            segment->missed++;
        segment->stuck = segment->missed == MISSED_MAX;
        segment->again = !segment->stuck;
    }
    bool sure = whole && sweep.holes.count > 0;
    self->want_sync = sure; /* what took the rows away may not be durable yet */
    if (sure && wait_for_writer(self, &self->want_sync)) {
        unlock(self);
        give_back(self, &sweep.holes, true);
        lock(self);
    }
    fsp_free(sweep.holes.holes);
}

/* Copying. */

typedef struct {
    fsp_segments_t *self;
    uint8_t *bytes; /* room for an object */
    fsp_status_t status;
} copy_t;

/* The copies so far are made durable, and their rows switched.  CANCELLED: all ends. */
static fsp_status_t
offer_moves(fsp_segments_t *self, fsp_error_t *error)
{
    fsp_segclean_t *clean = &self->clean;
    fsp_status_t status = fsp_segfile_flush(&clean->file, self->sync, error);
    if (status != FSP_OK || clean->move_count == 0)
        return status;
    lock(self);
    self->clean_ahead_bytes = fsp_segfile_ahead(&clean->file);
    self->moves_offered = true;
    bool done = wait_for_writer(self, &self->moves_offered);
    unlock(self);
    if (done) { /* else the writing thread may still look at them */
        clean->move_count = 0;
        clean->move_bytes = 0;
    }
    return done ? FSP_OK : FSP_CANCELLED;
}

/* A file with room for so much more. */
static fsp_status_t
need_file(fsp_segments_t *self, uint64_t octets, fsp_error_t *error)
{
    fsp_segfile_t *file = &self->clean.file;
    if (file->segment != 0 && file->bytes + octets <= self->segment_bytes)
        return FSP_OK;
    uint64_t number = file->segment;
    fsp_status_t status = offer_moves(self, error); /* while the file still grows */
    if (status == FSP_OK)
        status = fsp_segfile_finish(file, error);
    if (status != FSP_OK)
        return status;
    lock(self);
    if (number)
        fsp_segset_finish(self, number);
    fsp_segment_t *segment = fsp_segset_add(self);
    segment->growing = true;
    number = segment->number;
    unlock(self);
    status = fsp_segfile_make(file, number, self->segment_bytes, error);
    if (status != FSP_OK) {
        lock(self);
        fsp_segset_remove(self, number); /* no row has named it */
        unlock(self);
    }
    return status;
}

static bool
copy_record(void *context, int fd, const fsp_segrecord_t *record)
{
    copy_t *copy = context;
    fsp_segments_t *self = copy->self;
    fsp_segclean_t *clean = &self->clean;
    fsp_error_t why;
    const fsp_place_t packed = {.bytes = record->place.bytes};
    uint64_t octets = fsp_segrecord_bytes(&packed, record->key.bytes);
    if (is_stopped(self)) {
        copy->status = FSP_CANCELLED;
        return false;
    }
    copy->status = fsp_segwalk_bytes(fd, record, copy->bytes);
    if (copy->status == FSP_DAMAGED)
        return true; /* it stays where it is */
    if (copy->status == FSP_OK)
        copy->status = need_file(self, octets, &why);
    fsp_move_t *move = &clean->moves[clean->move_count];
    if (copy->status == FSP_OK)
        copy->status = fsp_segfile_append(&clean->file, record->key,
                                          fsp_slice(copy->bytes, (size_t)record->place.bytes),
                                          &move->to, &why);
    if (copy->status != FSP_OK)
        return false;
    uint8_t *key = clean->keys + clean->move_count * FSP_ROW_KEY_BYTES_MAX;
    memcpy(key, record->key.data, record->key.bytes);
    move->key = fsp_slice(key, record->key.bytes);
    move->from = record->place;
    clean->move_bytes += octets;
    if (++clean->move_count == FSP_MOVES_MAX || clean->move_bytes >= FSP_MOVES_BYTES_MAX)
        copy->status = offer_moves(self, &why);
    return copy->status == FSP_OK;
}

/* What was copied since the last moves is worth nothing; the file ends where its row says. */
static void
give_up_file(fsp_segments_t *self)
{
    uint64_t number = self->clean.file.segment;
    self->clean.move_count = 0;
    self->clean.move_bytes = 0;
    lock(self);
    self->copy_pause = PAUSE_TICKS;
    self->compact = false;
    self->clean_ahead_bytes = 0;
    if (number) {
        fsp_segfile_cut(&self->clean.file, fsp_segset_find(self, number)->told);
        fsp_segset_finish(self, number);
    }
    unlock(self);
}

/* Under the lock, which it leaves meanwhile. */
static void
copy_segment(fsp_segments_t *self, const fsp_segment_t *segment)
{
    fsp_segclean_t *clean = &self->clean;
    uint64_t number = segment->number, used = segment->told;
    unlock(self);
    if (!clean->moves) {
        clean->moves = fsp_alloc_array(FSP_MOVES_MAX, sizeof(*clean->moves));
        clean->keys = fsp_alloc_raw((size_t)FSP_MOVES_MAX * FSP_ROW_KEY_BYTES_MAX);
    }
    copy_t copy = {.self = self, .bytes = fsp_alloc_raw(FSP_OBJECT_BYTES_MAX)};
    fsp_status_t status = fsp_segwalk(self->directory, self->db, number, used, copy_record, &copy);
    fsp_free(copy.bytes);
    fsp_error_t why;
    if (status != FSP_CANCELLED)
        copy.status = offer_moves(self, &why);
    if (copy.status == FSP_OK && status == FSP_IO)
        copy.status = status; /* not all was looked at; what was copied is */
    if (copy.status != FSP_OK && copy.status != FSP_CANCELLED)
        give_up_file(self);
    lock(self);
    fsp_segment_t *rest = fsp_segset_find(self, number);
    if (rest && rest->live > 0 && copy.status == FSP_OK)
        rest->stuck = true; /* something that lives was not found, or cannot be read */
}

/* The thread. */

/* Under the lock, which it leaves meanwhile: memory and room of copies go back when there are none
   to be made. */
static void
rest(fsp_segments_t *self)
{
    fsp_segfile_t *file = &self->clean.file;
    unlock(self);
    fsp_segfile_trim(file);
    fsp_segfile_rest(file);
    lock(self);
    self->clean_ahead_bytes = fsp_segfile_ahead(file);
}

static void *
run(void *self_)
{
    fsp_segments_t *self = self_;
    lock(self);
    while (!self->stop) {
        fsp_segment_t *segment = NULL;
        if (self->dead.count > 0) {
            fsp_holes_t dead = self->dead;
            self->dead = (fsp_holes_t){.holes = NULL};
            bool can_punch = !self->cannot_punch;
            unlock(self);
            give_back(self, &dead, can_punch);
            fsp_free(dead.holes);
            lock(self);
        } else if ((segment = find_sweep(self))) {
            sweep_segment(self, segment);
        } else if ((segment = find_sparse(self))) {
            copy_segment(self, segment);
        } else if (self->clean.file.buffer) {
            rest(self);
        } else {
            wait(self);
        }
    }
    unlock(self);
    return NULL;
}

void
fsp_segclean_begin(fsp_segments_t *self)
{
    if (!self->clean.has_thread)
        self->clean.has_thread = pthread_create(&self->clean.thread, NULL, run, self) == 0;
}

void
fsp_segclean_end(fsp_segments_t *self)
{
    if (!self->clean.has_thread)
        return;
    lock(self);
    self->stop = true;
    (void)pthread_cond_signal(&self->wake);
    unlock(self);
    (void)pthread_join(self->clean.thread, NULL); /* it is ours and joined once */
    self->clean.has_thread = false;
}
