/* SPDX-License-Identifier: MIT */
/* db - the one door to RocksDB: its errors become statuses, its slices counted blobs.  Layer store.
 *
 * Debian's RocksDB 7.8.3 has its assertions on: a family handle, an iterator or a pinned slice that
 * outlives rocksdb_close aborts or corrupts.  Therefore everything lent out is counted (`lent`) and
 * close asserts that the count is 0.  Never used because 7.8.3 has bugs there: SetOptions while
 * open, batched multiget on families with blob files; for options see dbtext.c.
 */
#include "store/db.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "store/dbtext.h"

#include <rocksdb/c.h>

#include <stdatomic.h>

/* A write object that was larger gives its memory back. */
enum { DB_BATCH_KEPT_BYTES = 1024 * 1024 };
enum { TIER_PERSISTED = 2, KEPT_VALUE_BYTES = 8 };

/* Names on disk: may never change. */
static const char *const family_names[FSP_FAMILY_COUNT] = {
    [FSP_FAMILY_LOCAL] = "default", [FSP_FAMILY_LOG] = "log",     [FSP_FAMILY_STATE] = "state",
    [FSP_FAMILY_OBJECT] = "object", [FSP_FAMILY_BYTES] = "bytes",
};

struct fsp_db {
    rocksdb_t *rocks;
    rocksdb_column_family_handle_t *families[FSP_FAMILY_COUNT];
    rocksdb_readoptions_t *read_rows;   /* checksums verified */
    rocksdb_readoptions_t *read_sealed; /* not verified: CRC32C is slow in this build */
    rocksdb_readoptions_t *read_kept;   /* what is on stable storage */
    rocksdb_writeoptions_t *write_plain, *write_logged;
    rocksdb_cache_t *cache; /* of all families */
    size_t cache_bytes;
    atomic_size_t reads; /* rows and ranges asked for, ever */
    atomic_size_t lent;  /* slices, iterators and snapshots alive */
    atomic_bool failed;  /* set once, by the writing thread; failure never changes afterwards */
    fsp_error_t failure; /* the first */
    fsp_error_t *words;  /* read-only: of the last read that failed; else NULL */
};

struct fsp_db_write {
    fsp_db_t *db;
    rocksdb_writebatch_t *batch;
    size_t bytes; /* put into batch since it was made or emptied */
    bool touched[FSP_FAMILY_COUNT];
    fsp_db_tee_fn *tee; /* sees every row; or NULL */
    void *tee_context;
};

struct fsp_db_snapshot {
    fsp_db_t *db;
    const rocksdb_snapshot_t *snapshot;
    rocksdb_readoptions_t *read_rows; /* as the database's, with the snapshot in them */
};

struct fsp_db_iter {
    fsp_db_t *db;
    rocksdb_iterator_t *iterator;   /* NULL: the range is empty */
    rocksdb_readoptions_t *options; /* the iterator points into it */
    uint8_t *to;                    /* the options point into it */
    fsp_status_t status;            /* IO if the database had failed before */
};

/* A slice on loan: what its blob's end must give back. */
typedef struct {
    fsp_db_t *db;
    rocksdb_pinnableslice_t *slice;
} loan_t;

/* Behind every key that is not the store's own business. */
static fsp_slice_t
kept_key(void)
{
    return fsp_slice(FSP_DB_KEPT_KEY, sizeof(FSP_DB_KEPT_KEY) - 1);
}

static const char *
chars(fsp_slice_t slice)
{
    return slice.data ? (const char *)slice.data : "";
}

/* Takes RocksDB's words and frees them. */
static fsp_status_t
take_error(char **words_p, const char *doing, fsp_error_t *error)
{
    fsp_status_t status = fsp_dbtext_status(*words_p);
    (void)fsp_error_set(error, status, "%s: %.200s", doing, *words_p);
    rocksdb_free(*words_p);
    *words_p = NULL;
    return status;
}

/* Options of base and text together; ends base. */
static fsp_status_t
apply_text(rocksdb_options_t *base, const fsp_buf_t *text, rocksdb_options_t **ret,
           fsp_error_t *error)
{
    rocksdb_options_t *both = rocksdb_options_create();
    char *words = NULL;
    rocksdb_get_options_from_string(base, (const char *)text->data, both, &words);
    rocksdb_options_destroy(base);
    if (words) {
        rocksdb_options_destroy(both);
        return take_error(&words, "options", error);
    }
    *ret = both;
    return FSP_OK;
}

/* Rows are read one by one at random places, and of many files most blocks come from the page
   cache: three of 16 KiB, for rows of 200 B, cost more than all else of a call.  Indexes are cut
   into pages, too: once they exceed the cache, whole ones would be read anew for each row, eight
   times the cost of a call.  Keys of neighbours differ in their last bytes only: an index that says
   what 16 of them share once takes 7 B a block instead of 45.  Filters are cut where all rows have
   one; state has them for its upper levels only (dbtext.c), a tenth of its rows, and one look at a
   whole filter is cheaper than one at the right part (all measured: bench/README.md, "Scale"). */
static void
set_table(rocksdb_options_t *options, fsp_family_t family, rocksdb_cache_t *cache)
{
    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_block_cache(table, cache);
    rocksdb_block_based_options_set_block_size(table, 4 * 1024);
    rocksdb_block_based_options_set_format_version(table, 5);
    rocksdb_block_based_options_set_index_type(
        table, rocksdb_block_based_table_index_type_two_level_index_search);
    rocksdb_block_based_options_set_index_block_restart_interval(table, 16);
    rocksdb_block_based_options_set_partition_filters(table, family != FSP_FAMILY_STATE);
    rocksdb_block_based_options_set_metadata_block_size(table, 4 * 1024);
    rocksdb_block_based_options_set_pin_top_level_index_and_filter(table, 1);
    rocksdb_filterpolicy_t *bloom = rocksdb_filterpolicy_create_bloom_full(10);
    rocksdb_block_based_options_set_filter_policy(table, bloom); /* owns it from now on */
    rocksdb_block_based_options_set_whole_key_filtering(table, 1);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks_with_high_priority(table, 1);
    rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(table, 1);
    rocksdb_options_set_block_based_table_factory(options, table);
    rocksdb_block_based_options_destroy(table);
}

/* Fills options[0..FSP_FAMILY_COUNT-1] with those of the families and the last with the database's;
   all are NULL or to be destroyed. */
static fsp_status_t
make_options(const fsp_db_config_t *config, rocksdb_cache_t *cache, rocksdb_options_t **options,
             fsp_error_t *error)
{
    fsp_buf_t text;
    fsp_buf_init(&text, FSP_DBTEXT_BYTES_MAX);
    fsp_dbtext_options(config->write_buffer_bytes, config->create, &text);
    fsp_status_t status =
        apply_text(rocksdb_options_create(), &text, &options[FSP_FAMILY_COUNT], error);
    for (int i = 0; i < FSP_FAMILY_COUNT && status == FSP_OK; i++) {
        fsp_buf_reset(&text);
        fsp_dbtext_family((fsp_family_t)i, config->write_buffer_bytes, config->relocate_permille,
                          &text);
        status = apply_text(rocksdb_options_create_copy(options[FSP_FAMILY_COUNT]), &text,
                            &options[i], error);
        if (status == FSP_OK)
            set_table(options[i], (fsp_family_t)i, cache);
    }
    fsp_buf_clear(&text);
    return status;
}

/* Four shards, no strict limit: in a strict cache of many small shards a filter block larger than a
   shard makes reads fail.  What is pinned above the limit is bounded by files and loans. */
static rocksdb_cache_t *
make_cache(size_t bytes)
{
    rocksdb_lru_cache_options_t *options = rocksdb_lru_cache_options_create();
    rocksdb_lru_cache_options_set_capacity(options, bytes);
    rocksdb_lru_cache_options_set_num_shard_bits(options, 2);
    rocksdb_cache_t *cache = rocksdb_cache_create_lru_opts(options);
    rocksdb_lru_cache_options_destroy(options);
    return cache;
}

fsp_status_t
fsp_db_open(const fsp_db_config_t *config, fsp_db_t **ret_self, fsp_error_t *error)
{
    FSP_PRE(config != NULL);
    FSP_PRE(config->path != NULL);
    rocksdb_cache_t *cache = make_cache(config->cache_bytes);
    rocksdb_options_t *options[FSP_FAMILY_COUNT + 1] = {NULL};
    fsp_status_t status = make_options(config, cache, options, error);
    fsp_db_t *self = FSP_NEW(fsp_db_t);
    char *words = NULL;
    if (status == FSP_OK && config->read_only)
        self->rocks = rocksdb_open_for_read_only_column_families(
            options[FSP_FAMILY_COUNT], config->path, FSP_FAMILY_COUNT, family_names,
            (const rocksdb_options_t *const *)options, self->families, 0, &words);
    else if (status == FSP_OK)
        self->rocks = rocksdb_open_column_families(
            options[FSP_FAMILY_COUNT], config->path, FSP_FAMILY_COUNT, family_names,
            (const rocksdb_options_t *const *)options, self->families, &words);
    for (int i = 0; i <= FSP_FAMILY_COUNT; i++)
        if (options[i])
            rocksdb_options_destroy(options[i]);
    if (words)
        status = take_error(&words, "database", error);
    if (status != FSP_OK) {
        rocksdb_cache_destroy(cache);
        fsp_free(self);
        return status;
    }
    self->cache = cache;
    self->cache_bytes = config->cache_bytes;
    self->read_rows = rocksdb_readoptions_create();
    self->read_sealed = rocksdb_readoptions_create();
    rocksdb_readoptions_set_verify_checksums(self->read_sealed, config->read_only);
    if (config->read_only)
        self->words = FSP_NEW(fsp_error_t);
    self->read_kept = rocksdb_readoptions_create();
    rocksdb_readoptions_set_read_tier(self->read_kept, TIER_PERSISTED);
    self->write_plain = rocksdb_writeoptions_create();
    rocksdb_writeoptions_disable_WAL(self->write_plain, 1);
    self->write_logged = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(self->write_logged, 1);
    *ret_self = self;
    return FSP_OK;
}

void
fsp_db_close(fsp_db_t **self_p)
{
    FSP_PRE(self_p != NULL);
    fsp_db_t *self = *self_p;
    if (!self)
        return;
    FSP_PRE(fsp_db_lent(self) == 0);
    rocksdb_cancel_all_background_work(self->rocks, 1);
    for (int i = 0; i < FSP_FAMILY_COUNT; i++)
        rocksdb_column_family_handle_destroy(self->families[i]);
    rocksdb_close(self->rocks);
    rocksdb_cache_destroy(self->cache);
    rocksdb_readoptions_destroy(self->read_rows);
    rocksdb_readoptions_destroy(self->read_sealed);
    rocksdb_readoptions_destroy(self->read_kept);
    rocksdb_writeoptions_destroy(self->write_plain);
    rocksdb_writeoptions_destroy(self->write_logged);
    fsp_free(self->words);
    fsp_free(self);
    *self_p = NULL;
}

void
fsp_db_take_words(fsp_db_t *self, fsp_error_t *ret)
{
    FSP_PRE(self->words != NULL);
    *ret = *self->words;
    self->words->text[0] = '\0';
}

size_t
fsp_db_lent(const fsp_db_t *self)
{
    return atomic_load_explicit(&self->lent, memory_order_acquire);
}

static bool
has_failed(const fsp_db_t *self)
{
    return atomic_load_explicit(&self->failed, memory_order_acquire);
}

void
fsp_db_fail(fsp_db_t *self, const char *reason)
{
    if (has_failed(self))
        return;
    (void)fsp_error_set(&self->failure, FSP_IO, "%.220s", reason);
    atomic_store_explicit(&self->failed, true, memory_order_release);
}

fsp_status_t
fsp_db_check(const fsp_db_t *self, fsp_error_t *error)
{
    if (!has_failed(self))
        return FSP_OK;
    return fsp_error_set(error, FSP_IO, "store has failed: %.220s", self->failure.text);
}

fsp_status_t
fsp_db_poll(fsp_db_t *self, fsp_error_t *error)
{
    /* RocksDB counts the errors of all families at the default one. */
    uint64_t errors = 0;
    if (rocksdb_property_int(self->rocks, "rocksdb.background-errors", &errors) == 0 && errors > 0)
        fsp_db_fail(self, "a flush or compaction failed: the disk is full or failing");
    return fsp_db_check(self, error);
}

/* Sticky, then the answer. */
static fsp_status_t
fail_with(fsp_db_t *self, char **words_p, const char *doing, fsp_error_t *error)
{
    fsp_error_t local;
    (void)take_error(words_p, doing, &local);
    fsp_db_fail(self, local.text);
    return fsp_db_check(self, error);
}

uint64_t
fsp_db_unwritten_bytes(fsp_db_t *self)
{
    uint64_t bytes = 0;
    for (int i = 0; i < FSP_FAMILY_COUNT; i++) {
        uint64_t more = 0;
        (void)rocksdb_property_int_cf(self->rocks, self->families[i],
                                      "rocksdb.cur-size-all-mem-tables", &more); /* else 0 */
        bytes += more;
    }
    return bytes;
}

uint64_t
fsp_db_rows(fsp_db_t *self, fsp_family_t family)
{
    uint64_t rows = 0;
    (void)rocksdb_property_int_cf(self->rocks, self->families[family], "rocksdb.estimate-num-keys",
                                  &rows); /* else 0 */
    return rows;
}

uint64_t
fsp_db_live_bytes(fsp_db_t *self, fsp_family_t family)
{
    uint64_t bytes = 0;
    (void)rocksdb_property_int_cf(self->rocks, self->families[family],
                                  "rocksdb.estimate-live-data-size", &bytes); /* else 0 */
    return bytes;
}

void
fsp_db_compact(fsp_db_t *self, fsp_family_t family)
{
    enum {
        FORCE_OPTIMIZED = 3
    }; /* BottommostLevelCompaction: also what lies at the bottom, once */
    if (has_failed(self))
        return;
    rocksdb_compactoptions_t *options = rocksdb_compactoptions_create();
    rocksdb_compactoptions_set_exclusive_manual_compaction(options, 0);
    rocksdb_compactoptions_set_bottommost_level_compaction(options, FORCE_OPTIMIZED);
    rocksdb_compact_range_cf_opt(self->rocks, self->families[family], options, NULL, 0, NULL, 0);
    rocksdb_compactoptions_destroy(options);
}

void
fsp_db_compact_stop(fsp_db_t *self)
{
    rocksdb_disable_manual_compaction(self->rocks);
}

void
fsp_db_blob_bytes(fsp_db_t *self, fsp_family_t family, uint64_t *ret_total, uint64_t *ret_garbage)
{
    *ret_total = *ret_garbage = 0; /* and stay so if it does not know */
    (void)rocksdb_property_int_cf(self->rocks, self->families[family],
                                  "rocksdb.live-blob-file-size", ret_total);
    (void)rocksdb_property_int_cf(self->rocks, self->families[family],
                                  "rocksdb.live-blob-file-garbage-size", ret_garbage);
}

uint64_t
fsp_db_reads(const fsp_db_t *self)
{
    return atomic_load_explicit(&self->reads, memory_order_relaxed);
}

size_t
fsp_db_cached_bytes(const fsp_db_t *self)
{
    return rocksdb_cache_get_usage(self->cache);
}

void
fsp_db_forget_above(fsp_db_t *self, size_t bytes_max)
{
    if (bytes_max >= self->cache_bytes || fsp_db_cached_bytes(self) <= bytes_max)
        return;
    rocksdb_cache_set_capacity(self->cache, bytes_max); /* lets go of what was read longest ago */
    rocksdb_cache_set_capacity(self->cache, self->cache_bytes);
}

void
fsp_db_flush_above(fsp_db_t *self, uint64_t bytes_max)
{
    if (has_failed(self) || fsp_db_unwritten_bytes(self) <= bytes_max)
        return;
    rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
    rocksdb_flushoptions_set_wait(options, 0);
    /* After a failure nothing more is asked of it. */
    for (int i = 0; i < FSP_FAMILY_COUNT && !has_failed(self); i++) {
        char *words = NULL;
        rocksdb_flush_cf(self->rocks, options, self->families[i], &words);
        if (words)
            (void)fail_with(self, &words, "flush", NULL); /* sticky: the next call says so */
    }
    rocksdb_flushoptions_destroy(options);
}

fsp_status_t
fsp_db_flush(fsp_db_t *self, fsp_family_t family, bool wait, fsp_error_t *error)
{
    fsp_status_t status = fsp_db_check(self, error);
    if (status != FSP_OK)
        return status;
    char *words = NULL;
    rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
    rocksdb_flushoptions_set_wait(options, wait);
    rocksdb_flush_cf(self->rocks, options, self->families[family], &words);
    rocksdb_flushoptions_destroy(options);
    return words ? fail_with(self, &words, "flush", error) : FSP_OK;
}

fsp_status_t
fsp_db_kept(fsp_db_t *self, fsp_family_t family, uint64_t *ret, fsp_error_t *error)
{
    fsp_status_t status = fsp_db_check(self, error);
    if (status != FSP_OK)
        return status;
    char *words = NULL;
    fsp_slice_t key = kept_key();
    *ret = 0;
    rocksdb_pinnableslice_t *slice = rocksdb_get_pinned_cf(
        self->rocks, self->read_kept, self->families[family], chars(key), key.bytes, &words);
    if (words)
        return take_error(&words, "kept row", error);
    if (!slice)
        return FSP_OK;
    size_t bytes = 0;
    const char *value = rocksdb_pinnableslice_value(slice, &bytes);
    if (bytes == KEPT_VALUE_BYTES)
        *ret = fsp_load_u64((const uint8_t *)value);
    rocksdb_pinnableslice_destroy(slice);
    return bytes == KEPT_VALUE_BYTES
               ? FSP_OK
               : fsp_error_set(error, FSP_DAMAGED,
                               "kept row of family %s is damaged: restore from a replica or backup",
                               family_names[family]);
}

/* Reading. */

static fsp_status_t
find(fsp_db_t *self, const rocksdb_readoptions_t *how, fsp_family_t family, fsp_slice_t key,
     rocksdb_pinnableslice_t **ret)
{
    if (has_failed(self))
        return FSP_IO;
    if (fsp_slice_cmp(key, kept_key()) >= 0)
        return FSP_NOT_FOUND;
    char *words = NULL;
    (void)atomic_fetch_add_explicit(&self->reads, 1, memory_order_relaxed);
    *ret = rocksdb_get_pinned_cf(self->rocks, how, self->families[family], chars(key), key.bytes,
                                 &words);
    if (words)
        return take_error(&words, "read", self->words);
    return *ret ? FSP_OK : FSP_NOT_FOUND;
}

fsp_db_snapshot_t *
fsp_db_snapshot_new(fsp_db_t *self)
{
    fsp_db_snapshot_t *made = FSP_NEW(fsp_db_snapshot_t);
    made->db = self;
    (void)atomic_fetch_add_explicit(&self->lent, 1, memory_order_relaxed);
    made->snapshot = rocksdb_create_snapshot(self->rocks);
    made->read_rows = rocksdb_readoptions_create();
    rocksdb_readoptions_set_snapshot(made->read_rows, made->snapshot);
    return made;
}

void
fsp_db_snapshot_destroy(fsp_db_snapshot_t **self_p)
{
    FSP_PRE(self_p != NULL);
    fsp_db_snapshot_t *self = *self_p;
    if (!self)
        return;
    fsp_db_t *db = self->db;
    rocksdb_readoptions_destroy(self->read_rows);
    rocksdb_release_snapshot(db->rocks, self->snapshot);
    fsp_free(self);
    *self_p = NULL;
    (void)atomic_fetch_sub_explicit(&db->lent, 1, memory_order_release);
}

fsp_status_t
fsp_db_get(fsp_db_t *self, const fsp_db_snapshot_t *at, fsp_family_t family, fsp_slice_t key,
           fsp_buf_t *ret_value)
{
    rocksdb_pinnableslice_t *slice = NULL;
    fsp_status_t status = find(self, at ? at->read_rows : self->read_rows, family, key, &slice);
    if (status != FSP_OK)
        return status;
    size_t bytes = 0;
    const char *value = rocksdb_pinnableslice_value(slice, &bytes);
    fsp_buf_append(ret_value, value, bytes);
    rocksdb_pinnableslice_destroy(slice);
    return fsp_buf_ok(ret_value) ? FSP_OK : FSP_TOO_LARGE;
}

/* The end of a lent blob, on any thread. */
static void
take_back(void *data, void *hint)
{
    (void)data;
    loan_t *loan = hint;
    fsp_db_t *db = loan->db;
    rocksdb_pinnableslice_destroy(loan->slice);
    fsp_free(loan);
    /* Last: who sees 0 closes the database. */
    (void)atomic_fetch_sub_explicit(&db->lent, 1, memory_order_release);
}

fsp_status_t
fsp_db_lend(fsp_db_t *self, fsp_family_t family, fsp_slice_t key, uint64_t from, uint64_t to,
            fsp_blob_t **ret_blob)
{
    rocksdb_pinnableslice_t *slice = NULL;
    fsp_status_t status = find(self, self->read_sealed, family, key, &slice);
    if (status != FSP_OK)
        return status;
    size_t bytes = 0;
    const char *value = rocksdb_pinnableslice_value(slice, &bytes);
    if (to == 0)
        to = bytes;
    if (from > to || to > bytes) {
        rocksdb_pinnableslice_destroy(slice);
        return FSP_BAD_RANGE;
    }
    loan_t *loan = FSP_NEW(loan_t);
    loan->db = self;
    loan->slice = slice;
    (void)atomic_fetch_add_explicit(&self->lent, 1, memory_order_relaxed);
    *ret_blob =
        fsp_blob_wrap((void *)(uintptr_t)(value + from), (size_t)(to - from), take_back, loan);
    return FSP_OK;
}

static fsp_db_iter_t *
new_iter(fsp_db_t *self, const fsp_db_snapshot_t *at, fsp_family_t family, fsp_slice_t from,
         fsp_slice_t to, bool verify)
{
    fsp_db_iter_t *iter = FSP_NEW(fsp_db_iter_t);
    iter->db = self;
    iter->status = has_failed(self) ? FSP_IO : FSP_OK;
    (void)atomic_fetch_add_explicit(&self->lent, 1, memory_order_relaxed);
    if (to.bytes == 0 || fsp_slice_cmp(to, kept_key()) > 0)
        to = kept_key();
    if (iter->status != FSP_OK || fsp_slice_cmp(from, to) >= 0)
        return iter;
    iter->options = rocksdb_readoptions_create();
    rocksdb_readoptions_set_verify_checksums(iter->options, verify);
    if (at)
        rocksdb_readoptions_set_snapshot(iter->options, at->snapshot);
    iter->to = fsp_alloc_raw(to.bytes);
    memcpy(iter->to, to.data, to.bytes);
    rocksdb_readoptions_set_iterate_upper_bound(iter->options, (const char *)iter->to, to.bytes);
    iter->iterator = rocksdb_create_iterator_cf(self->rocks, iter->options, self->families[family]);
    rocksdb_iter_seek(iter->iterator, chars(from), from.bytes);
    return iter;
}

fsp_db_iter_t *
fsp_db_iter_new(fsp_db_t *self, const fsp_db_snapshot_t *at, fsp_family_t family, fsp_slice_t from,
                fsp_slice_t to)
{
    return new_iter(self, at, family, from, to, true);
}

fsp_db_iter_t *
fsp_db_iter_new_sealed(fsp_db_t *self, fsp_family_t family, fsp_slice_t from)
{
    return new_iter(self, NULL, family, from, fsp_slice(NULL, 0), false);
}

void
fsp_db_iter_destroy(fsp_db_iter_t **self_p)
{
    FSP_PRE(self_p != NULL);
    fsp_db_iter_t *self = *self_p;
    if (!self)
        return;
    fsp_db_t *db = self->db;
    if (self->iterator)
        rocksdb_iter_destroy(self->iterator);
    if (self->options)
        rocksdb_readoptions_destroy(self->options);
    fsp_free(self->to);
    fsp_free(self);
    *self_p = NULL;
    (void)atomic_fetch_sub_explicit(&db->lent, 1, memory_order_release);
}

bool
fsp_db_iter_row(fsp_db_iter_t *self, fsp_slice_t *ret_key, fsp_slice_t *ret_value)
{
    if (!self->iterator || !rocksdb_iter_valid(self->iterator))
        return false;
    size_t bytes = 0;
    const char *data = rocksdb_iter_key(self->iterator, &bytes);
    *ret_key = fsp_slice(data, bytes);
    data = rocksdb_iter_value(self->iterator, &bytes);
    *ret_value = fsp_slice(data, bytes);
    return true;
}

void
fsp_db_iter_next(fsp_db_iter_t *self)
{
    FSP_PRE(self->iterator != NULL);
    rocksdb_iter_next(self->iterator);
}

fsp_status_t
fsp_db_iter_status(fsp_db_iter_t *self)
{
    if (!self->iterator)
        return self->status;
    char *words = NULL;
    rocksdb_iter_get_error(self->iterator, &words);
    return words ? take_error(&words, "scan", self->db->words) : FSP_OK;
}

fsp_db_write_t *
fsp_db_write_new(fsp_db_t *db)
{
    fsp_db_write_t *self = FSP_NEW(fsp_db_write_t);
    self->db = db;
    self->batch = rocksdb_writebatch_create();
    return self;
}

void
fsp_db_write_destroy(fsp_db_write_t **self_p)
{
    FSP_PRE(self_p != NULL);
    if (!*self_p)
        return;
    rocksdb_writebatch_destroy((*self_p)->batch);
    fsp_free(*self_p);
    *self_p = NULL;
}

/* Before a row goes into the batch. */
static void
show(fsp_db_write_t *self, const fsp_batch_row_t *row)
{
    self->bytes += row->key.bytes + row->value.bytes;
    self->touched[row->family] = true;
    if (self->tee)
        self->tee(self->tee_context, row);
}

void
fsp_db_write_put(fsp_db_write_t *self, fsp_family_t family, fsp_slice_t key, fsp_slice_t value)
{
    FSP_PRE(fsp_slice_cmp(key, kept_key()) < 0);
    show(self, &(fsp_batch_row_t){.op = FSP_ROW_PUT, .family = family, .key = key, .value = value});
    rocksdb_writebatch_put_cf(self->batch, self->db->families[family], chars(key), key.bytes,
                              chars(value), value.bytes);
}

void
fsp_db_write_delete(fsp_db_write_t *self, fsp_family_t family, fsp_slice_t key)
{
    FSP_PRE(fsp_slice_cmp(key, kept_key()) < 0);
    show(self, &(fsp_batch_row_t){.op = FSP_ROW_DELETE, .family = family, .key = key});
    rocksdb_writebatch_delete_cf(self->batch, self->db->families[family], chars(key), key.bytes);
}

void
fsp_db_write_delete_range(fsp_db_write_t *self, fsp_family_t family, fsp_slice_t from,
                          fsp_slice_t to)
{
    if (fsp_slice_cmp(to, kept_key()) > 0)
        to = kept_key();
    /* RocksDB refuses a backward range only when it has begun to write. */
    if (fsp_slice_cmp(from, to) >= 0)
        return;
    show(self, &(fsp_batch_row_t){
                   .op = FSP_ROW_DELETE_RANGE, .family = family, .key = from, .value = to});
    rocksdb_writebatch_delete_range_cf(self->batch, self->db->families[family], chars(from),
                                       from.bytes, chars(to), to.bytes);
}

void
fsp_db_write_keep(fsp_db_write_t *self, fsp_family_t family, uint64_t sequence)
{
    uint8_t value[KEPT_VALUE_BYTES];
    fsp_slice_t key = kept_key();
    fsp_store_u64(value, sequence);
    rocksdb_writebatch_put_cf(self->batch, self->db->families[family], chars(key), key.bytes,
                              (const char *)value, sizeof(value));
}

bool
fsp_db_write_touches(const fsp_db_write_t *self, fsp_family_t family)
{
    return self->touched[family];
}

size_t
fsp_db_write_bytes(const fsp_db_write_t *self)
{
    return self->bytes;
}

void
fsp_db_write_tee(fsp_db_write_t *self, fsp_db_tee_fn *tee, void *context)
{
    self->tee = tee;
    self->tee_context = context;
}

static fsp_status_t
commit(fsp_db_t *self, fsp_db_write_t *write, const rocksdb_writeoptions_t *how, fsp_error_t *error)
{
    fsp_status_t status = fsp_db_check(self, error);
    char *words = NULL;
    if (status == FSP_OK && rocksdb_writebatch_count(write->batch) > 0)
        rocksdb_write(self->rocks, how, write->batch, &words);
    if (write->bytes > DB_BATCH_KEPT_BYTES) {
        rocksdb_writebatch_destroy(write->batch);
        write->batch = rocksdb_writebatch_create();
    } else {
        rocksdb_writebatch_clear(write->batch);
    }
    write->bytes = 0;
    memset(write->touched, 0, sizeof(write->touched));
    return words ? fail_with(self, &words, "write", error) : status;
}

fsp_status_t
fsp_db_commit(fsp_db_t *self, fsp_db_write_t *write, fsp_error_t *error)
{
    return commit(self, write, self->write_plain, error);
}

fsp_status_t
fsp_db_commit_logged(fsp_db_t *self, fsp_db_write_t *write, fsp_error_t *error)
{
    return commit(self, write, self->write_logged, error);
}
