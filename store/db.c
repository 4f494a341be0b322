/* SPDX-License-Identifier: MIT */
/* db - the one door to RocksDB: its errors become statuses, its slices counted blobs.  Layer store.
 *
 * Debian's RocksDB 7.8.3 has its assertions on: a family handle, an iterator or a pinned slice that
 * outlives rocksdb_close aborts or corrupts.  Therefore everything lent out is counted (`lent`) and
 * close asserts that the count is 0.  Options that stay off because 7.8.3 has bugs there: WAL
 * compression, WAL tracking in the manifest, WAL recycling, SetOptions while open, resuming after a
 * background error, batched multiget on families with blob files.
 */
#include "store/db.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "store/dbhost.h"

#include <rocksdb/c.h>

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

enum {
    DB_BLOB_BYTES_MIN = 4096,         /* values from here on go to blob files */
    DB_BATCH_KEPT_BYTES = 1024 * 1024 /* a write object that was larger gives its memory back */
};

/* Tuning that has no setter in the C API.  delayed_write_rate: the default of 16 MiB/s turns any
   slowdown into a stall.  max_bgerror_resume_count 0: after a background error we stop and reopen;
   resuming can make families diverge (fixed in 9.6 and 9.7). */
static const char extra_options[] = "delayed_write_rate=1073741824;max_bgerror_resume_count=0";

/* Names on disk: may never change. */
static const char *const family_names[FSP_FAMILY_COUNT] = {
    [FSP_FAMILY_LOCAL] = "default", [FSP_FAMILY_LOG] = "log",     [FSP_FAMILY_STATE] = "state",
    [FSP_FAMILY_OBJECT] = "object", [FSP_FAMILY_BYTES] = "bytes",
};

struct fsp_db {
    rocksdb_t *rocks;
    rocksdb_column_family_handle_t *families[FSP_FAMILY_COUNT];
    rocksdb_readoptions_t *read_rows;   /* checksums verified */
    rocksdb_readoptions_t *read_sealed; /* not verified: CRC32C is the table version in this build */
    rocksdb_writeoptions_t *write_plain;
    rocksdb_writeoptions_t *write_sync;
    atomic_size_t lent;          /* slices and iterators alive */
    pthread_mutex_t fail_lock;   /* around failure, until failed is set */
    atomic_bool failed;          /* set once; failure does not change afterwards */
    fsp_error_t failure;
};

struct fsp_db_write {
    fsp_db_t *db;
    rocksdb_writebatch_t *batch;
    size_t bytes; /* put into batch since it was made or emptied */
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

static const char *
chars(fsp_slice_t slice)
{
    return slice.data ? (const char *)slice.data : "";
}

/* Takes RocksDB's words and frees them. */
static fsp_status_t
take_error(char **words_p, const char *doing, fsp_error_t *error)
{
    fsp_status_t status = fsp_dbhost_status_of(*words_p);
    (void)fsp_error_set(error, status, "%s: %.200s", doing, *words_p);
    rocksdb_free(*words_p);
    *words_p = NULL;
    return status;
}

/* Lifecycle. */

static fsp_status_t
make_options(const fsp_db_config_t *config, rocksdb_options_t **ret, fsp_error_t *error)
{
    rocksdb_options_t *plain = rocksdb_options_create();
    rocksdb_options_t *all = rocksdb_options_create();
    char *words = NULL;
    rocksdb_get_options_from_string(plain, extra_options, all, &words);
    rocksdb_options_destroy(plain);
    if (words) {
        rocksdb_options_destroy(all);
        return take_error(&words, "options", error);
    }
    bool many_cores = sysconf(_SC_NPROCESSORS_ONLN) > 2;
    rocksdb_options_set_create_if_missing(all, config->create);
    rocksdb_options_set_create_missing_column_families(all, config->create);
    rocksdb_options_set_paranoid_checks(all, 1);
    rocksdb_options_set_wal_recovery_mode(all, rocksdb_point_in_time_recovery);
    rocksdb_options_set_wal_compression(all, rocksdb_no_compression);
    rocksdb_options_set_recycle_log_file_num(all, 0);
    rocksdb_options_set_max_total_wal_size(all, 2 * config->write_buffer_bytes);
    rocksdb_options_set_db_write_buffer_size(all, config->write_buffer_bytes);
    rocksdb_options_set_max_open_files(all, fsp_dbhost_files_max());
    rocksdb_options_set_max_file_opening_threads(all, 1);
    rocksdb_options_set_max_background_jobs(all, many_cores ? 4 : 2);
    rocksdb_options_set_bytes_per_sync(all, 1024 * 1024);
    rocksdb_options_set_wal_bytes_per_sync(all, 1024 * 1024);
    rocksdb_options_set_avoid_unnecessary_blocking_io(all, 1);
    rocksdb_options_set_use_direct_io_for_flush_and_compaction(all, fsp_dbhost_direct_works(config->path));
    rocksdb_options_set_allow_concurrent_memtable_write(all, 0); /* one writer */
    rocksdb_options_set_enable_write_thread_adaptive_yield(all, 0);
    /* Nothing is logged, dumped or kept that nobody reads. */
    rocksdb_options_set_keep_log_file_num(all, 5);
    rocksdb_options_set_max_log_file_size(all, 4 * 1024 * 1024);
    rocksdb_options_set_stats_dump_period_sec(all, 0);
    rocksdb_options_set_stats_persist_period_sec(all, 0);
    rocksdb_options_set_max_manifest_file_size(all, 16 * 1024 * 1024);
    rocksdb_options_set_manifest_preallocation_size(all, 64 * 1024);
    rocksdb_options_set_level_compaction_dynamic_level_bytes(all, 1);
    rocksdb_options_set_level0_file_num_compaction_trigger(all, 4);
    rocksdb_options_set_level0_slowdown_writes_trigger(all, 40);
    rocksdb_options_set_level0_stop_writes_trigger(all, 60);
    rocksdb_options_set_soft_pending_compaction_bytes_limit(all, 128ULL << 30);
    rocksdb_options_set_hard_pending_compaction_bytes_limit(all, 512ULL << 30);
    *ret = all;
    return FSP_OK;
}

/* Blobs are opaque sealed bytes: not compressed, in files of their own, so that compaction moves
   only their places.  GC rewrites the older half of the files as compaction meets their keys. */
static void
use_blob_files(rocksdb_options_t *options, size_t buffer_bytes)
{
    rocksdb_options_set_enable_blob_files(options, 1);
    rocksdb_options_set_min_blob_size(options, DB_BLOB_BYTES_MIN);
    rocksdb_options_set_blob_file_size(options, buffer_bytes);
    rocksdb_options_set_blob_compression_type(options, rocksdb_no_compression);
    rocksdb_options_set_enable_blob_gc(options, 1);
    rocksdb_options_set_blob_gc_age_cutoff(options, 0.5);
    rocksdb_options_set_blob_gc_force_threshold(options, 0.5);
    rocksdb_options_set_target_file_size_base(options, 4 * 1024 * 1024);
    rocksdb_options_set_max_bytes_for_level_base(options, 40 * 1024 * 1024);
}

static rocksdb_options_t *
family_options(rocksdb_options_t *all, fsp_family_t family, rocksdb_cache_t *cache,
               size_t write_buffer_bytes)
{
    rocksdb_options_t *self = rocksdb_options_create_copy(all);
    bool objects = family == FSP_FAMILY_OBJECT || family == FSP_FAMILY_BYTES;
    size_t buffer_bytes = write_buffer_bytes / (objects ? 2 : 4);
    rocksdb_options_set_write_buffer_size(self, buffer_bytes);
    rocksdb_options_set_max_write_buffer_number(self, objects ? 4 : 2);
    bool sealed = objects || family == FSP_FAMILY_LOCAL;
    rocksdb_options_set_compression(self, sealed ? rocksdb_no_compression : rocksdb_lz4_compression);
    if (objects)
        use_blob_files(self, buffer_bytes);

    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_block_cache(table, cache);
    rocksdb_block_based_options_set_block_size(table, 16 * 1024);
    rocksdb_block_based_options_set_format_version(table, 5);
    rocksdb_block_based_options_set_filter_policy(table, rocksdb_filterpolicy_create_bloom_full(10));
    rocksdb_block_based_options_set_whole_key_filtering(table, 1);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks_with_high_priority(table, 1);
    rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(table, 1);
    rocksdb_options_set_block_based_table_factory(self, table);
    rocksdb_block_based_options_destroy(table);
    return self;
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
    rocksdb_options_t *all = NULL;
    fsp_status_t status = make_options(config, &all, error);
    if (status != FSP_OK)
        return status;
    rocksdb_cache_t *cache = make_cache(config->cache_bytes);
    const rocksdb_options_t *options[FSP_FAMILY_COUNT];
    rocksdb_options_t *owned[FSP_FAMILY_COUNT];
    for (int i = 0; i < FSP_FAMILY_COUNT; i++)
        options[i] = owned[i] =
            family_options(all, (fsp_family_t)i, cache, config->write_buffer_bytes);
    fsp_db_t *self = FSP_NEW(fsp_db_t);
    char *words = NULL;
    self->rocks = rocksdb_open_column_families(all, config->path, FSP_FAMILY_COUNT, family_names,
                                               options, self->families, &words);
    for (int i = 0; i < FSP_FAMILY_COUNT; i++)
        rocksdb_options_destroy(owned[i]);
    rocksdb_options_destroy(all);
    rocksdb_cache_destroy(cache);
    if (words) {
        fsp_free(self);
        return take_error(&words, "database", error);
    }
    int refused = pthread_mutex_init(&self->fail_lock, NULL);
    FSP_ASSERT(refused == 0);
    self->read_rows = rocksdb_readoptions_create();
    self->read_sealed = rocksdb_readoptions_create();
    rocksdb_readoptions_set_verify_checksums(self->read_sealed, 0);
    self->write_plain = rocksdb_writeoptions_create();
    self->write_sync = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(self->write_sync, 1);
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
    rocksdb_readoptions_destroy(self->read_rows);
    rocksdb_readoptions_destroy(self->read_sealed);
    rocksdb_writeoptions_destroy(self->write_plain);
    rocksdb_writeoptions_destroy(self->write_sync);
    (void)pthread_mutex_destroy(&self->fail_lock);
    fsp_free(self);
    *self_p = NULL;
}

size_t
fsp_db_lent(const fsp_db_t *self)
{
    return atomic_load_explicit(&self->lent, memory_order_acquire);
}

/* Failure. */

void
fsp_db_fail(fsp_db_t *self, const char *reason)
{
    (void)pthread_mutex_lock(&self->fail_lock);
    if (!atomic_load(&self->failed)) {
        (void)fsp_error_set(&self->failure, FSP_IO, "%.220s", reason);
        atomic_store(&self->failed, true);
    }
    (void)pthread_mutex_unlock(&self->fail_lock);
}

fsp_status_t
fsp_db_check(const fsp_db_t *self, fsp_error_t *error)
{
    if (!atomic_load(&self->failed))
        return FSP_OK;
    return fsp_error_set(error, FSP_IO, "store has failed: %.220s", self->failure.text);
}

fsp_status_t
fsp_db_poll(fsp_db_t *self, fsp_error_t *error)
{
    /* RocksDB counts the errors of all families at the default one. */
    uint64_t errors = 0;
    if (rocksdb_property_int(self->rocks, "rocksdb.background-errors", &errors) == 0 && errors > 0)
        fsp_db_fail(self, "a flush or compaction failed (see db/LOG)");
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

/* Reading. */

fsp_status_t
fsp_db_get(fsp_db_t *self, fsp_family_t family, fsp_slice_t key, fsp_buf_t *ret_value)
{
    if (atomic_load_explicit(&self->failed, memory_order_acquire))
        return FSP_IO;
    char *words = NULL;
    rocksdb_pinnableslice_t *slice =
        rocksdb_get_pinned_cf(self->rocks, self->read_rows, self->families[family], chars(key),
                              key.bytes, &words);
    if (words)
        return take_error(&words, "get", NULL);
    if (!slice)
        return FSP_NOT_FOUND;
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
    if (atomic_load_explicit(&self->failed, memory_order_acquire))
        return FSP_IO;
    char *words = NULL;
    rocksdb_pinnableslice_t *slice =
        rocksdb_get_pinned_cf(self->rocks, self->read_sealed, self->families[family], chars(key),
                              key.bytes, &words);
    if (words)
        return take_error(&words, "read", NULL);
    if (!slice)
        return FSP_NOT_FOUND;
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
    /* The blob is never written: nobody owns it alone but through us. */
    *ret_blob = fsp_blob_wrap((void *)(uintptr_t)(value + from), (size_t)(to - from), take_back,
                              loan);
    return FSP_OK;
}

fsp_db_iter_t *
fsp_db_iter_new(fsp_db_t *self, fsp_family_t family, fsp_slice_t from, fsp_slice_t to)
{
    fsp_db_iter_t *iter = FSP_NEW(fsp_db_iter_t);
    iter->db = self;
    iter->status = atomic_load_explicit(&self->failed, memory_order_acquire) ? FSP_IO : FSP_OK;
    (void)atomic_fetch_add_explicit(&self->lent, 1, memory_order_relaxed);
    if (iter->status != FSP_OK || (to.bytes > 0 && fsp_slice_cmp(from, to) >= 0))
        return iter;
    iter->options = rocksdb_readoptions_create();
    if (to.bytes > 0) {
        iter->to = fsp_alloc_raw(to.bytes);
        memcpy(iter->to, to.data, to.bytes);
        rocksdb_readoptions_set_iterate_upper_bound(iter->options, (const char *)iter->to,
                                                    to.bytes);
    }
    iter->iterator = rocksdb_create_iterator_cf(self->rocks, iter->options, self->families[family]);
    rocksdb_iter_seek(iter->iterator, chars(from), from.bytes);
    return iter;
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
    return words ? take_error(&words, "scan", NULL) : FSP_OK;
}

/* Writing. */

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

void
fsp_db_write_put(fsp_db_write_t *self, fsp_family_t family, fsp_slice_t key, fsp_slice_t value)
{
    self->bytes += key.bytes + value.bytes;
    rocksdb_writebatch_put_cf(self->batch, self->db->families[family], chars(key), key.bytes,
                              chars(value), value.bytes);
}

void
fsp_db_write_delete(fsp_db_write_t *self, fsp_family_t family, fsp_slice_t key)
{
    self->bytes += key.bytes;
    rocksdb_writebatch_delete_cf(self->batch, self->db->families[family], chars(key), key.bytes);
}

void
fsp_db_write_delete_range(fsp_db_write_t *self, fsp_family_t family, fsp_slice_t from,
                          fsp_slice_t to)
{
    /* RocksDB refuses a backward range only after it is in the WAL. */
    if (fsp_slice_cmp(from, to) >= 0)
        return;
    self->bytes += from.bytes + to.bytes;
    rocksdb_writebatch_delete_range_cf(self->batch, self->db->families[family], chars(from),
                                       from.bytes, chars(to), to.bytes);
}

fsp_status_t
fsp_db_commit(fsp_db_t *self, fsp_db_write_t *write, bool sync, fsp_error_t *error)
{
    fsp_status_t status = fsp_db_check(self, error);
    char *words = NULL;
    if (status == FSP_OK)
        rocksdb_write(self->rocks, sync ? self->write_sync : self->write_plain, write->batch,
                      &words);
    if (write->bytes > DB_BATCH_KEPT_BYTES) {
        rocksdb_writebatch_destroy(write->batch);
        write->batch = rocksdb_writebatch_create();
    } else {
        rocksdb_writebatch_clear(write->batch);
    }
    write->bytes = 0;
    return words ? fail_with(self, &words, "write", error) : status;
}

fsp_status_t
fsp_db_sync(fsp_db_t *self, fsp_error_t *error)
{
    fsp_status_t status = fsp_db_check(self, error);
    if (status != FSP_OK)
        return status;
    char *words = NULL;
    rocksdb_flush_wal(self->rocks, 1, &words);
    return words ? fail_with(self, &words, "sync", error) : FSP_OK;
}
