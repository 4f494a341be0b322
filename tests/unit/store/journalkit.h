/* SPDX-License-Identifier: MIT */
/* journalkit - a journal beside a model of it, and of the database that it feeds.  Layer tests.
 *
 * A group follows from the seed and its number alone, so that a process that was cut can be judged
 * by another one.  `written` is what all groups made of each family; `stable` what a database would
 * have on stable storage: all groups up to `kept`.  What opening replays, over `stable`, must be
 * `written` again, and the view of LOG must be it at any time.
 */
#ifndef FSP_TESTS_UNIT_STORE_JOURNALKIT_H
#define FSP_TESTS_UNIT_STORE_JOURNALKIT_H
#include "core/base/memview.h"
#include "core/base/prng.h"
#include "store/journal.h"
#include "store/journalset.h"
#include "tests/unit/store/scratch.h"

enum { JOURNALKIT_FILE_BYTES = 64 * 1024, JOURNALKIT_KEYS = 48, JOURNALKIT_GROUPS_MAX = 4096 };

typedef struct {
    fsp_journal_t *journal;
    fsp_journal_config_t config;
    uint64_t seed;
    uint64_t sequence; /* of the newest record */
    fsp_memview_t *written[FSP_FAMILY_COUNT];
    fsp_memview_t *stable[FSP_FAMILY_COUNT];
    uint64_t kept[FSP_FAMILY_COUNT];
    fsp_batch_t *groups[JOURNALKIT_GROUPS_MAX]; /* by sequence; NULL: none has that one */
    uint64_t moved;                             /* groups that moved rows */
} journalkit_t;

static inline bool
journalkit_feeds(size_t family)
{
    return family == FSP_FAMILY_LOCAL || family == FSP_FAMILY_OBJECT || family == FSP_FAMILY_BYTES;
}

static inline void
journalkit_init(journalkit_t *self, const char *directory, uint64_t seed)
{
    *self = (journalkit_t){
        .config = {.directory = directory, .file_bytes = JOURNALKIT_FILE_BYTES, .sync = true},
        .seed = seed};
    for (size_t family = 0; family < FSP_FAMILY_COUNT; family++) {
        self->written[family] = fsp_memview_new();
        self->stable[family] = fsp_memview_new();
    }
}

static inline void
journalkit_clear(journalkit_t *self)
{
    fsp_journal_close(&self->journal);
    for (size_t family = 0; family < FSP_FAMILY_COUNT; family++) {
        fsp_memview_destroy(&self->written[family]);
        fsp_memview_destroy(&self->stable[family]);
    }
    for (size_t i = 0; i < JOURNALKIT_GROUPS_MAX; i++)
        fsp_batch_destroy(&self->groups[i]);
}

/* -- groups ------------------------------------------------------------------------------------ */

static inline fsp_slice_t
journalkit_key(fsp_prng_t *prng, uint64_t number, char ret[32])
{
    /* Of different lengths, some a prefix of another. */
    int bytes = snprintf(ret, 32, "key %02u", (unsigned)number);
    if (fsp_prng_chance(prng, 1, 8))
        bytes = 5;
    return fsp_slice(ret, (size_t)bytes);
}

static inline void
journalkit_add_row(fsp_batch_t *batch, fsp_prng_t *prng, fsp_family_t family)
{
    static uint8_t value[200000];
    char from[32], to[32];
    uint64_t number = fsp_prng_below(prng, JOURNALKIT_KEYS);
    fsp_slice_t key = journalkit_key(prng, number, from);
    if (fsp_prng_chance(prng, 1, 6)) {
        fsp_batch_delete(batch, family, key);
        return;
    }
    if (fsp_prng_chance(prng, 1, 12)) {
        fsp_slice_t end = journalkit_key(prng, number + fsp_prng_below(prng, 8), to);
        if (fsp_slice_cmp(key, end) <= 0)
            fsp_batch_delete_range(batch, family, key, end);
        return;
    }
    size_t bytes = (size_t)fsp_prng_below(prng, 3000);
    if (fsp_prng_chance(prng, 1, 10))
        bytes = (size_t)fsp_prng_below(prng, 20000);
    if (fsp_prng_chance(prng, 1, 200))
        bytes = 65000 + (size_t)fsp_prng_below(prng, sizeof(value) - 65000);
    fsp_prng_fill(prng, value, bytes);
    fsp_batch_put(batch, family, key, fsp_slice(value, bytes));
}

/* The group with this sequence; its rows follow from it and the seed. */
static inline fsp_batch_t *
journalkit_group(uint64_t seed, uint64_t sequence)
{
    static const fsp_family_t families[] = {FSP_FAMILY_LOG,   FSP_FAMILY_LOG,    FSP_FAMILY_LOG,
                                            FSP_FAMILY_LOCAL, FSP_FAMILY_OBJECT, FSP_FAMILY_BYTES};
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_mix64(seed) + sequence);
    fsp_batch_t *batch = fsp_batch_new();
    for (uint64_t count = 1 + fsp_prng_below(&prng, 8); count > 0; count--)
        journalkit_add_row(batch, &prng, families[fsp_prng_below(&prng, 6)]);
    return batch;
}

/* Takes the group into the model, and owns it. */
static inline void
journalkit_model(journalkit_t *self, uint64_t sequence, fsp_batch_t *batch)
{
    ck_assert_uint_lt(sequence, JOURNALKIT_GROUPS_MAX);
    self->groups[sequence] = batch;
    self->sequence = sequence;
    for (size_t family = 0; family < FSP_FAMILY_COUNT; family++)
        fsp_memview_apply(self->written[family], batch, (fsp_family_t)family);
}

static inline void
journalkit_put(journalkit_t *self, const fsp_batch_t *batch)
{
    for (size_t i = 0; i < fsp_batch_count(batch); i++) {
        fsp_batch_row_t row = fsp_batch_row(batch, i);
        fsp_journal_put(self->journal, &row);
    }
}

static inline void
journalkit_commit(journalkit_t *self, uint64_t sequence)
{
    fsp_error_t error = {.text = ""};
    fsp_status_t status = fsp_journal_commit(self->journal, sequence, self->kept, &error);
    ck_assert_msg(status == FSP_OK, "commit: %s", error.text);
    ck_assert(!fsp_journal_waiting(self->journal));
}

/* Writes a batch, and owns it. */
static inline void
journalkit_write(journalkit_t *self, uint64_t sequence, fsp_batch_t *batch)
{
    journalkit_put(self, batch);
    journalkit_commit(self, sequence);
    journalkit_model(self, sequence, batch);
}

/* The database has all groups up to `sequence` of a family on stable storage. */
static inline void
journalkit_keep(journalkit_t *self, fsp_family_t family, uint64_t sequence)
{
    for (uint64_t i = self->kept[family] + 1; i <= sequence; i++)
        if (self->groups[i])
            fsp_memview_apply(self->stable[family], self->groups[i], family);
    if (self->kept[family] < sequence)
        self->kept[family] = sequence;
}

static inline void
journalkit_keep_all(journalkit_t *self)
{
    for (size_t family = 0; family < FSP_FAMILY_COUNT; family++)
        if (journalkit_feeds(family))
            journalkit_keep(self, (fsp_family_t)family, self->sequence);
}

/* Moves rows if that is what there is to do. */
static inline void
journalkit_move(journalkit_t *self)
{
    fsp_error_t error = {.text = ""};
    bool moved = false;
    fsp_status_t status = fsp_journal_move(self->journal, &moved, &error);
    ck_assert_msg(status == FSP_OK, "move: %s", error.text);
    ck_assert(moved == fsp_journal_waiting(self->journal));
    if (!moved)
        return;
    self->moved++;
    journalkit_commit(self, self->sequence + 1);
    journalkit_model(self, self->sequence + 1, fsp_batch_new());
}

/* -- what is there ----------------------------------------------------------------------------- */

static inline void
journalkit_same(fsp_view_t *is, fsp_memview_t *wanted, const char *what)
{
    fsp_cursor_t *left = fsp_view_scan(is, fsp_slice(NULL, 0), fsp_slice(NULL, 0));
    fsp_cursor_t *right =
        fsp_view_scan(fsp_memview_view(wanted), fsp_slice(NULL, 0), fsp_slice(NULL, 0));
    while (left->valid && right->valid) {
        ck_assert_msg(fsp_slice_eq(left->key, right->key), "%s: %.*s, not %.*s", what,
                      (int)left->key.bytes, (const char *)left->key.data, (int)right->key.bytes,
                      (const char *)right->key.data);
        ck_assert_msg(fsp_slice_eq(left->value, right->value), "%s: value of %.*s", what,
                      (int)left->key.bytes, (const char *)left->key.data);
        fsp_cursor_next(left);
        fsp_cursor_next(right);
    }
    ck_assert_msg(left->status == FSP_OK, "%s: %s", what, fsp_status_name(left->status));
    ck_assert_msg(!left->valid && !right->valid, "%s: a row is %s", what,
                  left->valid ? "too many" : "missing");
    fsp_cursor_destroy(&left);
    fsp_cursor_destroy(&right);
}

/* The view of LOG, and the account that the index keeps. */
static inline void
journalkit_check(journalkit_t *self)
{
    fsp_journal_info_t info;
    journalkit_same(fsp_journal_view(self->journal), self->written[FSP_FAMILY_LOG], "LOG");
    fsp_journal_info(self->journal, &info);
    const fsp_omap_t *map = fsp_memview_map(self->written[FSP_FAMILY_LOG]);
    ck_assert_uint_eq(info.live_rows, fsp_omap_count(map));
    ck_assert_uint_eq(info.live_bytes,
                      fsp_omap_bytes(map) + FSP_JOURNAL_ROW_BYTES * fsp_omap_count(map));
    ck_assert_uint_eq(info.sequence, self->sequence);
}

typedef struct {
    journalkit_t *kit;
    fsp_memview_t *rows[FSP_FAMILY_COUNT];
    uint64_t last; /* sequence that was replayed */
    uint64_t count;
} journalkit_replay_t;

static inline fsp_status_t
journalkit_replay(void *context, uint64_t sequence, const fsp_batch_row_t *row, fsp_error_t *error)
{
    journalkit_replay_t *self = (journalkit_replay_t *)context;
    (void)error;
    ck_assert(journalkit_feeds(row->family));
    ck_assert_uint_le(self->last, sequence);
    self->last = sequence;
    self->count++;
    if (sequence <= self->kit->kept[row->family])
        return FSP_OK;
    fsp_batch_t *batch = fsp_batch_new();
    if (row->op == FSP_ROW_PUT)
        fsp_batch_put(batch, row->family, row->key, row->value);
    else if (row->op == FSP_ROW_DELETE)
        fsp_batch_delete(batch, row->family, row->key);
    else
        fsp_batch_delete_range(batch, row->family, row->key, row->value);
    fsp_memview_apply(self->rows[row->family], batch, row->family);
    fsp_batch_destroy(&batch);
    return FSP_OK;
}

/* Opens it; what is replayed over the stable rows is what was written. */
static inline fsp_journal_found_t
journalkit_open(journalkit_t *self)
{
    journalkit_replay_t replay = {.kit = self};
    for (size_t family = 0; family < FSP_FAMILY_COUNT; family++)
        replay.rows[family] =
            (fsp_memview_t *)fsp_view_freeze(fsp_memview_view(self->stable[family]));
    fsp_journal_found_t found;
    fsp_error_t error = {.text = ""};
    fsp_status_t status =
        fsp_journal_open(&self->config, journalkit_replay, &replay, &self->journal, &found, &error);
    ck_assert_msg(status == FSP_OK, "open: %s", error.text);
    ck_assert(found.any == (self->sequence > 0));
    ck_assert_uint_eq(found.sequence, self->sequence);
    for (size_t family = 0; family < FSP_FAMILY_COUNT; family++) {
        ck_assert_uint_le(found.kept[family], self->kept[family]);
        if (journalkit_feeds(family))
            journalkit_same(fsp_memview_view(replay.rows[family]), self->written[family],
                            "replayed");
        fsp_memview_destroy(&replay.rows[family]);
    }
    journalkit_check(self);
    return found;
}

/* Opening must be refused as damage, with these words. */
static inline void
journalkit_refuse(const journalkit_t *self, const char *words)
{
    fsp_journal_t *journal = NULL;
    fsp_journal_found_t found;
    fsp_error_t error = {.text = ""};
    fsp_status_t status = fsp_journal_open(&self->config, NULL, NULL, &journal, &found, &error);
    if (journal)
        fsp_journal_close(&journal);
    ck_assert_msg(status == FSP_DAMAGED, "%s: %s", fsp_status_name(status), error.text);
    ck_assert_msg(strstr(error.text, words) && strstr(error.text, "restore from a replica"),
                  "\"%s\" lacks \"%s\"", error.text, words);
}

/* Path of a file of the journal; in static storage, as scratch_path. */
static inline const char *
journalkit_file(const journalkit_t *self, uint64_t number)
{
    char name[32];
    (void)snprintf(name, sizeof(name), "%016llx", (unsigned long long)number);
    return scratch_path(self->config.directory, name);
}
#endif
