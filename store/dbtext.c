/* SPDX-License-Identifier: MIT */
/* dbtext - what is said to the database, and by it, as text: options and errors.  Layer store.
 *
 * Options are text, because RocksDB's C API lacks setters for some of these, and refuses an unknown
 * name.  Off because 7.8.3 has bugs there: WAL compression, WAL tracking in the manifest, WAL
 * recycling, going on after a background error (families may diverge; fixed in 9.6 and 9.7).
 */
#include "store/dbtext.h"

#include "core/base/check.h"

#include <sys/resource.h>
#include <unistd.h>

enum {
    FILES_MAX = 1024,
    FILES_MIN = 64,
    OBJECT_BLOB_BYTES_MIN = 4096,
    STATE_BLOB_BYTES_MIN = 2048 /* a row with less is not worth a read of its own */
};

/* Half of what the process may open is left to sockets and the rest. */
static int
files_max(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur / 2 >= FILES_MAX)
        return FILES_MAX;
    return limit.rlim_cur / 2 < FILES_MIN ? FILES_MIN : (int)(limit.rlim_cur / 2);
}

void
fsp_dbtext_options(size_t write_buffer_bytes, bool create, fsp_buf_t *ret)
{
    fsp_buf_printf(ret, "create_if_missing=%d;create_missing_column_families=%d;", create, create);
    /* Safety. */
    fsp_buf_printf(ret, "paranoid_checks=true;"
                        "wal_recovery_mode=kPointInTimeRecovery;"
                        "wal_compression=kNoCompression;"
                        "recycle_log_file_num=0;"
                        "track_and_verify_wals_in_manifest=false;"
                        "max_bgerror_resume_count=0;"
                        "avoid_flush_during_shutdown=true;");
    /* Memory, files and threads: bounded. */
    fsp_buf_printf(ret, "db_write_buffer_size=%zu;max_total_wal_size=%zu;max_open_files=%d;",
                   write_buffer_bytes, 2 * write_buffer_bytes, files_max());
    fsp_buf_printf(ret, "max_file_opening_threads=1;max_background_jobs=%d;",
                   sysconf(_SC_NPROCESSORS_ONLN) > 2 ? 4 : 2);
    /* Speed, for one writer.  The default delayed_write_rate turns a slowdown into a stall.  Tables
       are written through the page cache, since rows are read from there: past it, each read after
       a compaction went to the disk, twice the CPU of a call, and the writing itself was no cheaper
       (bench/README.md, "Scale"). */
    fsp_buf_printf(ret, "delayed_write_rate=1073741824;"
                        "bytes_per_sync=1048576;"
                        "wal_bytes_per_sync=1048576;"
                        "avoid_unnecessary_blocking_io=true;"
                        "allow_concurrent_memtable_write=false;"
                        "enable_write_thread_adaptive_yield=false;");
    /* Nothing is dumped or kept that nobody reads, and an idle node sleeps.  Its LOG has the
       options only: with assertions on, a second line after one that did not fit a full disk
       aborts. */
    fsp_buf_printf(ret, "info_log_level=FATAL_LEVEL;"
                        "keep_log_file_num=5;"
                        "max_log_file_size=4194304;"
                        "stats_dump_period_sec=0;"
                        "stats_persist_period_sec=0;"
                        "max_manifest_file_size=16777216;"
                        "manifest_preallocation_size=65536;");
    fsp_buf_append_u8(ret, '\0');
    FSP_ASSERT(fsp_buf_ok(ret));
}

/* Sealed objects below 64 KiB, and the contents of small files in rows of STATE: from that size on
   they lie in files of their own, uncompressed, so that compaction moves only their places (4 KiB
   objects: twice the rate; 4 KiB files: a third less written; measured).  Of the oldest files it
   moves all that lives, whether or not there is garbage in them, and lets go of none before it has
   met all their keys: so there may be few of them, else one compaction could fill the disk. */
static void
add_blob_files(size_t bytes_min, size_t file_bytes, unsigned relocate_permille, fsp_buf_t *ret)
{
    fsp_buf_printf(ret,
                   "enable_blob_files=true;"
                   "min_blob_size=%zu;"
                   "blob_file_size=%zu;"
                   "blob_compression_type=kNoCompression;"
                   "enable_blob_garbage_collection=true;"
                   "blob_garbage_collection_age_cutoff=%u.%03u;"
                   "blob_garbage_collection_force_threshold=0.5;",
                   bytes_min, file_bytes, relocate_permille / 1000, relocate_permille % 1000);
}

void
fsp_dbtext_family(fsp_family_t family, size_t write_buffer_bytes, unsigned relocate_permille,
                  fsp_buf_t *ret)
{
    FSP_PRE(relocate_permille <= 1000);
    bool objects = family == FSP_FAMILY_OBJECT;
    bool rows =
        family == FSP_FAMILY_LOG || family == FSP_FAMILY_STATE || family == FSP_FAMILY_BYTES;
    size_t buffer_bytes = write_buffer_bytes / (objects ? 2 : 4);
    fsp_buf_printf(ret, "write_buffer_size=%zu;max_write_buffer_number=%d;compression=%s;",
                   buffer_bytes, objects ? 4 : 2,
                   rows && family != FSP_FAMILY_BYTES ? "kLZ4Compression" : "kNoCompression");
    fsp_buf_printf(ret, "arena_block_size=262144;");
    /* Most rows of the state that are asked for are there, and nearly all of those in the lowest
       level: a filter of that one says yes, for nine tenths of the memory of all filters. */
    if (family == FSP_FAMILY_STATE)
        fsp_buf_printf(ret, "optimize_filters_for_hits=true;");
    fsp_buf_printf(ret, "level_compaction_dynamic_level_bytes=true;"
                        "level0_file_num_compaction_trigger=4;"
                        "level0_slowdown_writes_trigger=40;"
                        "level0_stop_writes_trigger=60;"
                        "soft_pending_compaction_bytes_limit=137438953472;"
                        "hard_pending_compaction_bytes_limit=549755813888;");
    if (objects)
        add_blob_files(OBJECT_BLOB_BYTES_MIN, buffer_bytes, relocate_permille, ret);
    if (family == FSP_FAMILY_STATE)
        add_blob_files(STATE_BLOB_BYTES_MIN, buffer_bytes, relocate_permille, ret);
    if (objects)
        fsp_buf_printf(ret, "target_file_size_base=4194304;"
                            "max_bytes_for_level_base=41943040;");
    /* Rows: a compaction takes and gives some 100 MiB at once, whatever the size of the store, for
       which the reserve has room (256 MiB; less on disks below 1 GiB). */
    if (rows)
        fsp_buf_printf(ret, "target_file_size_base=16777216;"
                            "max_bytes_for_level_base=67108864;"
                            "max_compaction_bytes=67108864;");
    else
        fsp_buf_printf(ret, "max_compaction_bytes=33554432;");
    fsp_buf_append_u8(ret, '\0');
    FSP_ASSERT(fsp_buf_ok(ret));
}

fsp_status_t
fsp_dbtext_status(const char *words)
{
    FSP_PRE(words != NULL);
    if (strncmp(words, "Corruption", 10) == 0)
        return FSP_DAMAGED;
    if (strstr(words, "lock hold by current process") || strstr(words, "While lock file"))
        return FSP_LOCK_HELD;
    if (strstr(words, "No such file or directory"))
        return FSP_DAMAGED; /* a file of its own that should be there */
    if (strstr(words, "olumn families not opened"))
        return FSP_FORMAT_NEWER;
    if (strstr(words, "olumn family not found") ||
        strstr(words, "does not exist (create_if_missing"))
        return FSP_DAMAGED;
    if (strncmp(words, "Not implemented", 15) == 0)
        return FSP_FORMAT_NEWER; /* table or blob format it cannot read */
    return FSP_IO;
}
