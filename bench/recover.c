/* SPDX-License-Identifier: MIT */
/* recover - how long a node with many files takes from its start to its first answer.  The files
 * come through the replica and the store (shard.h), not through the network. */
#include "bench/bench.h"
#include "bench/options.h"

#include "actors/filesphere.h"
#include "actors/identity.h"
#include "actors/node.h"
#include "bench/commands.h"
#include "bench/shard.h"
#include "core/base/check.h"
#include "core/engine/log_rows.h"
#include "core/meta/rows.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    HOME_REPLICA = 1,
    TAIL_GROUP = 1000,
    TAIL = 10 * TAIL_GROUP,       /* more than may wait in raft (waiting_entries_max) */
    TAIL_LONG = 100 * TAIL_GROUP, /* what only a state that was set back lacks */
};

typedef struct {
    fsp_store_t *store;
    fsp_raft_member_t member;
    fsp_shard_ref_t shard;
    bench_commands_t commands;
} home_t;

static void
stop_if(bool wrong, const char *what)
{
    if (!wrong)
        return;
    (void)fprintf(stderr, "filesphere-bench: recover: %s\n", what);
    exit(1);
}

/* The one space of a new node. */
static void
find_space(home_t *self, fsp_space_id_t *ret_id, fsp_space_row_t *ret_row, fsp_buf_t *value)
{
    fsp_row_key_t from = fsp_row_key(self->shard, FSP_TABLE_SPACE, (fsp_space_id_t){0});
    from.used -= sizeof(fsp_space_id_t);
    fsp_row_key_t to = from;
    fsp_row_key_to_prefix_end(&to);
    fsp_cursor_t *cursor = fsp_view_scan(fsp_store_view(self->store, FSP_FAMILY_STATE),
                                         fsp_row_key_slice(&from), fsp_row_key_slice(&to));
    stop_if(!cursor->valid, "the node has no space");
    memcpy(ret_id->bytes, cursor->key.data + from.used, sizeof(ret_id->bytes));
    fsp_buf_append_slice(value, cursor->value);
    fsp_cursor_destroy(&cursor);
    stop_if(fsp_space_row_decode(fsp_buf_slice(value), ret_row), "its space cannot be read");
}

static void
open_home(home_t *self, const char *directory)
{
    fsp_error_t error = {0};
    bool fresh;
    fsp_store_config_t config = {.directory = directory, .sync = true, .lock_wait_us = 2000000};
    stop_if(fsp_store_open(&config, &self->store, &fresh, &error), error.text);
    fsp_identity_t identity;
    stop_if(fsp_identity_open(directory, self->store, &identity, &error), error.text);
    self->shard = (fsp_shard_ref_t){.shard = FSP_HOME_SHARD, .generation = 1};
    self->member = (fsp_raft_member_t){
        .node_id = identity.node_id, .replica = HOME_REPLICA, .store_id = identity.store_id};
    fsp_identity_wipe(&identity);
}

static void
fill(home_t *self, size_t files)
{
    static bench_shard_t shard;
    fsp_space_id_t space_id;
    fsp_space_row_t space;
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, (size_t)BENCH_GROUP * FSP_COMMAND_BYTES_MAX);
    find_space(self, &space_id, &space, &bytes);
    bench_commands_init(&self->commands, space_id, space.owner, 1);
    self->commands.since = space.change_index;
    bench_shard_start(&shard, self->store, self->shard, &self->member);
    for (size_t at = 0; at < files; at += BENCH_GROUP) {
        size_t count = files - at < BENCH_GROUP ? files - at : BENCH_GROUP, ends[BENCH_GROUP + 1];
        fsp_slice_t group[BENCH_GROUP];
        fsp_buf_reset(&bytes);
        ends[0] = 0;
        for (size_t i = 0; i < count; i++) {
            bench_commands_put(&self->commands, at + i, &bytes);
            ends[i + 1] = bytes.bytes;
        }
        for (size_t i = 0; i < count; i++)
            group[i] = fsp_slice(bytes.data + ends[i], ends[i + 1] - ends[i]);
        bench_shard_run(&shard, group, count);
        fsp_result_t result;
        stop_if(fsp_result_decode(fsp_buf_slice(&shard.results[count - 1]), &result) ||
                    result.status,
                "a command was refused");
        self->commands.since = result.index;
    }
    bench_shard_stop(&shard);
    fsp_buf_clear(&bytes);
}

/* Entries that are in the log and of which the state knows nothing: what a loss of power in the
   midst of a load leaves. */
static void
add_tail(home_t *self, size_t first, size_t count)
{
    fsp_shard_row_t row;
    stop_if(fsp_meta_shard_row(self->shard, fsp_store_view(self->store, FSP_FAMILY_STATE), &row),
            "the shard's row cannot be read");
    fsp_log_name_t name = fsp_log_name(self->shard, &self->member);
    fsp_buf_t command, value;
    fsp_buf_init(&command, FSP_COMMAND_BYTES_MAX);
    fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
    fsp_error_t error = {0};
    for (size_t at = 0; at < count; at += TAIL_GROUP) {
        fsp_batch_t *batch = fsp_batch_new();
        for (size_t i = at; i < at + TAIL_GROUP && i < count; i++) {
            fsp_buf_reset(&command);
            fsp_buf_append_u64(&command, row.log_time + 1 + i);
            bench_commands_put(&self->commands, first + i, &command);
            fsp_blob_t *bytes = fsp_blob_copy(command.data, command.bytes);
            fsp_entry_t entry = {.index = row.applied_index + 1 + i,
                                 .term = row.applied_term,
                                 .kind = FSP_ENTRY_COMMAND,
                                 .bytes = bytes};
            fsp_buf_reset(&value);
            fsp_log_entry_encode(&entry, &value);
            fsp_log_key_t key = fsp_log_entry_key(&name, entry.index);
            fsp_batch_put(batch, FSP_FAMILY_LOG, fsp_log_key_slice(&key), fsp_buf_slice(&value));
            fsp_blob_destroy(&bytes);
        }
        stop_if(fsp_store_write(self->store, &batch, 1, &error), error.text);
        fsp_batch_destroy(&batch);
    }
    fsp_buf_clear(&command);
    fsp_buf_clear(&value);
}

static int
count_version(void *arg, const filesphere_version_t *version)
{
    (void)version;
    ++*(size_t *)arg;
    return 0;
}

/* Starts the node, looks for the last file (0: there is none), stops it. */
static void
measure(bool json, bench_node_t *node, const char *name, size_t files)
{
    stop_if(!bench_node_start(node), "the node does not answer");
    char path[64], note[64];
    filesphere_config_t config = {.profile_path = node->profile};
    filesphere_t *handle = NULL;
    filesphere_node_t about;
    stop_if(filesphere_open(&config, &handle), "no connection");
    stop_if(filesphere_node(handle, &about), "no word from the node");
    if (files > 0) {
        size_t versions = 0;
        (void)bench_commands_path(files - 1, path, sizeof(path));
        stop_if(filesphere_versions(handle, "home", path, count_version, &versions),
                "the last file cannot be read");
        stop_if(versions != 1, "the last file has not its one version");
    }
    filesphere_close(&handle);
    (void)snprintf(note, sizeof(note), "%zu files, %.0f MiB resident", files,
                   (double)about.rss_bytes / 1048576.0);
    bench_report(json, name, node->start_s * 1e3, "ms", note);
    bench_node_stop(node);
}

void
bench_recover(bool json, size_t files, bench_node_t *node)
{
    home_t home = {0};
    measure(json, node, "start, new", 0);
    open_home(&home, node->directory);
    double start = bench_seconds();
    fill(&home, files);
    bench_report(json, "fill", (double)files / (bench_seconds() - start), "1/s",
                 "commands made inside of it");
    fsp_store_close(&home.store, true, 1000000);
    measure(json, node, "start, after a clean stop", files);
    open_home(&home, node->directory);
    add_tail(&home, files, TAIL);
    fsp_store_close(&home.store, false, 1000000);
    measure(json, node, "start, 10,000 entries to apply", files + TAIL);
    open_home(&home, node->directory);
    add_tail(&home, files + TAIL, TAIL_LONG);
    fsp_store_close(&home.store, false, 1000000);
    measure(json, node, "start, 100,000 entries to apply", files + TAIL + TAIL_LONG);
    bench_commands_clear(&home.commands);
}

static int
run_recover(void *arg, bench_node_t *node)
{
    const bench_files_t *self = arg;
    bench_recover(self->json, (size_t)self->files, node);
    return 0;
}

int
bench_cmd_recover(int argc, char **argv)
{
    bench_files_t self;
    int code = bench_take_files(argc, argv,
                                "From the start of a node with N files to its first answer", &self);
    return code == BENCH_GO_ON ? bench_in_directory(run_recover, &self) : code;
}
