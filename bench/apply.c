/* SPDX-License-Identifier: MIT */
/* apply - commands a second through the state machine: on a memory view, and as a replica on a
 * store; and what a file costs as rows and on disk.  Times are CPU time of the process, so that
 * other work on the machine does not count; commands are made outside of them. */
#include "bench/bench.h"
#include "bench/options.h"

#include "bench/commands.h"
#include "bench/shard.h"
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/memview.h"
#include "core/meta/rows.h"
#include "store/dbtext.h"

#include <rocksdb/c.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { STRIDE = 7919 /* a prime: walks all files, and no directory twice in a row */ };
static const fsp_shard_ref_t shard = {.shard = 1, .generation = 1};

typedef enum { PHASE_NEW, PHASE_EDIT, PHASE_MIXED, PHASE_COUNT } phase_t;
static const char *const phase_names[PHASE_COUNT] = {"new files", "edits", "mixed"};

typedef struct {
    bool json;
    size_t files;
    bench_commands_t commands;
    fsp_buf_t bytes; /* of one group */
    fsp_slice_t group[BENCH_GROUP];
    size_t touched[BENCH_GROUP]; /* file whose head the command sets; SIZE_MAX: none */
    double cpu_s, wall_s;
} run_t;

static double
cpu_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Ten commands: four new files, four edits, a move, a removal; files that were moved or removed
   are not edited any more. */
static void
make_mixed(run_t *self, size_t number, size_t *ret_file)
{
    size_t round = number / 10, quarter = self->files / 4;
    bench_commands_t *commands = &self->commands;
    switch (number % 10) {
    case 8:
        bench_commands_move(commands, self->files - 1 - round, &self->bytes);
        break;
    case 9:
        bench_commands_remove(commands, round, &self->bytes);
        break;
    case 0:
    case 1:
    case 2:
    case 3:
        bench_commands_put(commands, self->files + round * 4 + number % 10, &self->bytes);
        break;
    default:
        *ret_file = quarter + number * STRIDE % (2 * quarter);
        bench_commands_replace(commands, *ret_file, &self->bytes);
    }
}

static void
make_group(run_t *self, phase_t phase, size_t first, size_t count)
{
    size_t ends[BENCH_GROUP];
    fsp_buf_reset(&self->bytes);
    for (size_t i = 0; i < count; i++) {
        size_t number = first + i;
        self->touched[i] = SIZE_MAX;
        if (phase == PHASE_NEW) {
            self->touched[i] = number;
            bench_commands_put(&self->commands, number, &self->bytes);
        } else if (phase == PHASE_EDIT) {
            self->touched[i] = number * STRIDE % self->files;
            bench_commands_edit(&self->commands, self->touched[i], &self->bytes);
        } else {
            make_mixed(self, number, &self->touched[i]);
        }
        ends[i] = self->bytes.bytes;
    }
    for (size_t i = 0; i < count; i++) {
        size_t start = i ? ends[i - 1] : 0;
        self->group[i] = fsp_slice(self->bytes.data + start, ends[i] - start);
    }
}

/* Every command must have done what it said. */
static void
take_result(run_t *self, size_t place, const fsp_buf_t *bytes)
{
    fsp_result_t result;
    fsp_status_t status = fsp_result_decode(fsp_buf_slice(bytes), &result);
    if (status != FSP_OK || result.status != FSP_OK) {
        (void)fprintf(stderr, "filesphere-bench: command refused: %s\n",
                      fsp_status_name(status ? status : result.status));
        exit(1);
    }
    if (self->touched[place] != SIZE_MAX)
        self->commands.versions[self->touched[place]] = result.version_id;
    self->commands.since = result.index;
}

static size_t
phase_count(const run_t *self, phase_t phase)
{
    return phase == PHASE_NEW ? self->files : self->files / 2;
}

static void
report(const run_t *self, const char *where, phase_t phase, double other_s, const char *other)
{
    char name[64], note[128];
    double count = (double)phase_count(self, phase);
    (void)snprintf(name, sizeof(name), "%s, %s", where, phase_names[phase]);
    (void)snprintf(note, sizeof(note), "%.0f by the clock; %s %.0f ns", count / self->wall_s, other,
                   other_s * 1e9 / count);
    bench_report(self->json, name, count / self->cpu_s, "1/s", note);
    (void)snprintf(name, sizeof(name), "%s, %s, each", where, phase_names[phase]);
    bench_report(self->json, name, self->cpu_s * 1e9 / count, "ns", "CPU");
}

static void
start_run(run_t *self, bool json, size_t files)
{
    fsp_space_id_t space_id = {{0x5c}};
    fsp_subject_id_t subject = {{0x50}};
    *self = (run_t){.json = json, .files = files};
    bench_commands_init(&self->commands, space_id, subject, files);
    fsp_buf_init(&self->bytes, (size_t)BENCH_GROUP * FSP_COMMAND_BYTES_MAX);
    fsp_buf_reset(&self->bytes);
    bench_commands_space(&self->commands, &self->bytes);
    self->group[0] = fsp_buf_slice(&self->bytes);
    self->touched[0] = SIZE_MAX;
}

static void
end_run(run_t *self)
{
    fsp_buf_clear(&self->bytes);
    bench_commands_clear(&self->commands);
}

/* -- on a memory view -------------------------------------------------------------------------- */

typedef struct {
    fsp_memview_t *rows;
    fsp_overlay_t *pending, *txn;
    uint64_t index, group;
    double settle_s;
    fsp_buf_t results[BENCH_GROUP];
} memory_t;

/* One group as the engine does it: apply, commit to what is pending, and at the end the store. */
static void
apply_group(run_t *run, memory_t *self, size_t count)
{
    double cpu = cpu_seconds(), wall = bench_seconds();
    fsp_batch_t *batch = fsp_batch_new();
    self->group++;
    for (size_t i = 0; i < count; i++) {
        self->index++;
        fsp_buf_reset(&self->results[i]);
        fsp_status_t status = fsp_meta_apply(shard, self->txn, self->index, 1, self->index * 1000,
                                             run->group[i], &self->results[i]);
        FSP_ASSERT(status == FSP_OK);
        fsp_overlay_commit(self->txn, self->pending, self->group, batch, FSP_FAMILY_STATE);
    }
    double settle = cpu_seconds();
    fsp_memview_apply(self->rows, batch, FSP_FAMILY_STATE);
    fsp_overlay_settle(self->pending, self->group);
    fsp_batch_destroy(&batch);
    double end = cpu_seconds();
    self->settle_s += end - settle;
    run->cpu_s += end - cpu;
    run->wall_s += bench_seconds() - wall;
    for (size_t i = 0; i < count; i++)
        take_result(run, i, &self->results[i]);
}

static const char *
table_name(uint8_t table)
{
    static const char *const names[] = {"-",      "shard",     "space",          "space name",
                                        "entry",  "node",      "version",        "version index",
                                        "change", "operation", "operation order"};
    return table < sizeof(names) / sizeof(names[0]) ? names[table] : "other";
}

/* Rows and octets of each table, a file. */
static void
report_rows(const run_t *run, const memory_t *self)
{
    double rows[256] = {0}, bytes[256] = {0}, all_rows = 0, all_bytes = 0, kept = 0;
    const fsp_omap_t *map = fsp_memview_map(self->rows);
    for (const fsp_omap_row_t *row = fsp_omap_first(map); row; row = fsp_omap_next(row)) {
        uint8_t table = row->key.data[8];
        rows[table]++;
        bytes[table] += (double)(row->key.bytes + row->value.bytes);
    }
    double files = (double)run->files;
    for (unsigned table = 0; table < 256; table++) {
        all_rows += rows[table];
        all_bytes += bytes[table];
        if (table != FSP_TABLE_OP && table != FSP_TABLE_OP_ORDER)
            kept += bytes[table];
        if (bytes[table] / files < 1)
            continue;
        char name[64], note[32];
        (void)snprintf(name, sizeof(name), "rows of a file, %s", table_name((uint8_t)table));
        (void)snprintf(note, sizeof(note), "%.2f rows", rows[table] / files);
        bench_report(run->json, name, bytes[table] / files, "B", note);
    }
    char note[32];
    (void)snprintf(note, sizeof(note), "%.2f rows", all_rows / files);
    bench_report(run->json, "rows of a file, all", all_bytes / files, "B", note);
    bench_report(run->json, "rows of a file, kept", kept / files, "B",
                 "without operations, which go after a day");
}

static void
run_memory(bool json, size_t files)
{
    run_t run;
    memory_t self = {.rows = fsp_memview_new()};
    self.pending = fsp_overlay_new(fsp_memview_view(self.rows));
    self.txn = fsp_overlay_new(fsp_overlay_view(self.pending));
    for (size_t i = 0; i < BENCH_GROUP; i++)
        fsp_buf_init(&self.results[i], FSP_RESULT_BYTES_MAX);
    start_run(&run, json, files);
    apply_group(&run, &self, 1);
    for (phase_t phase = 0; phase < PHASE_COUNT; phase++) {
        run.cpu_s = run.wall_s = self.settle_s = 0;
        size_t count = phase_count(&run, phase);
        for (size_t at = 0; at < count; at += BENCH_GROUP) {
            size_t more = count - at < BENCH_GROUP ? count - at : BENCH_GROUP;
            make_group(&run, phase, at, more);
            apply_group(&run, &self, more);
        }
        report(&run, "memory", phase, self.settle_s, "of it the view");
        if (phase == PHASE_NEW)
            report_rows(&run, &self);
    }
    for (size_t i = 0; i < BENCH_GROUP; i++)
        fsp_buf_clear(&self.results[i]);
    fsp_overlay_destroy(&self.txn);
    fsp_overlay_destroy(&self.pending);
    fsp_memview_destroy(&self.rows);
    end_run(&run);
}

/* -- on a store -------------------------------------------------------------------------------- */

static rocksdb_options_t *
parse_options(rocksdb_options_t *base, const char *text)
{
    rocksdb_options_t *options = rocksdb_options_create();
    char *words = NULL;
    rocksdb_get_options_from_string(base, text, options, &words);
    if (words) {
        (void)fprintf(stderr, "filesphere-bench: options: %s\n", words);
        exit(1);
    }
    rocksdb_options_destroy(base);
    return options;
}

/* Of the tables of operations in compacted files, about. */
static double
operation_bytes(rocksdb_t *db, rocksdb_column_family_handle_t *family)
{
    fsp_row_key_t from = fsp_row_key(shard, FSP_TABLE_OP, (fsp_space_id_t){0});
    fsp_row_key_t to = fsp_row_key(shard, FSP_TABLE_OP_ORDER + 1, (fsp_space_id_t){0});
    const char *start = (const char *)from.bytes, *limit = (const char *)to.bytes;
    uint64_t bytes = 0;
    char *words = NULL;
    rocksdb_approximate_sizes_cf(db, family, 1, &start, &from.used, &limit, &to.used, &bytes,
                                 &words);
    FSP_ASSERT(words == NULL);
    return (double)bytes;
}

/* Octets of the files of family STATE when everything is compacted, and of its operations there. */
static double
compacted_bytes(const char *directory, double *ret_operations)
{
    static const char *const names[FSP_FAMILY_COUNT] = {"default", "log", "state", "object",
                                                        "bytes"};
    static const char table[] = "block_based_table_factory={block_size=4096;format_version=5;"
                                "index_type=kTwoLevelIndexSearch;index_block_restart_interval=16;"
                                "filter_policy=bloomfilter:10:false}";
    enum { BUFFER_BYTES = 64 * 1024 * 1024 };
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/db", directory);
    fsp_buf_t text;
    fsp_buf_init(&text, FSP_DBTEXT_BYTES_MAX);
    fsp_dbtext_options(BUFFER_BYTES, false, &text);
    rocksdb_options_t *options = parse_options(rocksdb_options_create(), (char *)text.data);
    rocksdb_options_t *of[FSP_FAMILY_COUNT];
    for (int i = 0; i < FSP_FAMILY_COUNT; i++) {
        fsp_buf_reset(&text);
        fsp_dbtext_family((fsp_family_t)i, BUFFER_BYTES, 0, &text);
        of[i] = parse_options(rocksdb_options_create_copy(options), (char *)text.data);
        of[i] = parse_options(of[i], table);
    }
    rocksdb_column_family_handle_t *families[FSP_FAMILY_COUNT];
    char *words = NULL;
    rocksdb_t *db =
        rocksdb_open_column_families(options, path, FSP_FAMILY_COUNT, names,
                                     (const rocksdb_options_t *const *)of, families, &words);
    FSP_ASSERT(db != NULL);
    rocksdb_compactoptions_t *compact = rocksdb_compactoptions_create();
    rocksdb_compactoptions_set_bottommost_level_compaction(compact, 2); /* force */
    rocksdb_compact_range_cf_opt(db, families[FSP_FAMILY_STATE], compact, NULL, 0, NULL, 0);
    uint64_t bytes = 0;
    (void)rocksdb_property_int_cf(db, families[FSP_FAMILY_STATE], "rocksdb.live-sst-files-size",
                                  &bytes);
    *ret_operations = operation_bytes(db, families[FSP_FAMILY_STATE]);
    rocksdb_compactoptions_destroy(compact);
    for (int i = 0; i < FSP_FAMILY_COUNT; i++) {
        rocksdb_column_family_handle_destroy(families[i]);
        rocksdb_options_destroy(of[i]);
    }
    rocksdb_close(db);
    rocksdb_options_destroy(options);
    fsp_buf_clear(&text);
    return (double)bytes;
}

static fsp_store_t *
open_store(const char *directory)
{
    fsp_store_config_t config = {.directory = directory, .sync = true};
    fsp_store_t *store = NULL;
    bool fresh;
    fsp_error_t error = {0};
    if (fsp_store_open(&config, &store, &fresh, &error)) {
        (void)fprintf(stderr, "filesphere-bench: store: %s\n", error.text);
        exit(1);
    }
    return store;
}

static void
run_phase(run_t *run, bench_shard_t *self, phase_t phase)
{
    run->cpu_s = run->wall_s = self->write_s = 0;
    size_t count = phase_count(run, phase);
    for (size_t at = 0; at < count; at += BENCH_GROUP) {
        size_t more = count - at < BENCH_GROUP ? count - at : BENCH_GROUP;
        make_group(run, phase, at, more);
        double cpu = cpu_seconds(), wall = bench_seconds();
        bench_shard_run(self, run->group, more);
        run->cpu_s += cpu_seconds() - cpu;
        run->wall_s += bench_seconds() - wall;
        for (size_t i = 0; i < more; i++)
            take_result(run, i, &self->results[i]);
    }
}

static void
report_disk(const run_t *run, const char *directory)
{
    double operations, files = (double)run->files;
    double all = compacted_bytes(directory, &operations);
    bench_report(run->json, "disk of a file, all", all / files, "B",
                 "family STATE after compaction");
    bench_report(run->json, "disk of a file, kept", (all - operations) / files, "B",
                 "without operations");
}

/* Until the database is closed: flushes and compactions of this phase are its cost too. */
static void
run_store(bool json, size_t files, const char *directory)
{
    static bench_shard_t self;
    run_t run;
    const fsp_raft_member_t member = {.node_id = {{1}}, .replica = 1, .store_id = {{2}}};
    start_run(&run, json, files);
    for (phase_t phase = 0; phase < PHASE_COUNT; phase++) {
        fsp_store_t *store = open_store(directory);
        bench_shard_start(&self, store, shard, &member);
        if (phase == PHASE_NEW) {
            bench_shard_run(&self, run.group, 1);
            take_result(&run, 0, &self.results[0]);
        }
        run_phase(&run, &self, phase);
        bench_shard_stop(&self);
        fsp_store_close(&store, true, 1000000);
        report(&run, "store", phase, self.write_s, "by the clock in the store");
        if (phase == PHASE_NEW)
            report_disk(&run, directory);
    }
    end_run(&run);
}

void
bench_apply(bool json, size_t files, const char *directory)
{
    run_memory(json, files);
    run_store(json, files, directory);
}

static int
run_apply(void *arg, bench_node_t *node)
{
    const bench_files_t *self = arg;
    bench_apply(self->json, (size_t)self->files, node->directory);
    return 0;
}

int
bench_cmd_apply(int argc, char **argv)
{
    bench_files_t self;
    int code = bench_take_files(
        argc, argv, "Commands a second through the state machine, and what a file costs", &self);
    return code == BENCH_GO_ON ? bench_in_directory(run_apply, &self) : code;
}
