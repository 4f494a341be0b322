/* SPDX-License-Identifier: MIT */
/* log_audit - does the log fit the watermark and the state?  Layer core/engine.  Pure. */
#include "core/engine/log_audit.h"

#include "core/base/check.h"
#include "core/engine/log_rows.h"

#include <stdarg.h>
#include <stdio.h>

enum { BATCH_ENTRIES = 64, BATCH_BYTES = 1024 * 1024 };

typedef struct {
    fsp_fault_fn *fault;
    void *context;
    bool sound;
} sink_t;

__attribute__((format(printf, 5, 6))) static void
report(sink_t *sink, const char *kind, uint64_t index, fsp_slice_t key, const char *format, ...)
{
    sink->sound = false;
    fsp_fault_t fault = {.kind = kind, .number = index, .key = key};
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(fault.what, sizeof(fault.what), format, arguments);
    va_end(arguments);
    sink->fault(sink->context, &fault);
}

/* Rows beside the log that was read: before it, behind it, of no kind. */
static void
check_strays(const fsp_log_name_t *name, fsp_view_t *view, const fsp_log_audit_t *log, sink_t *sink)
{
    fsp_cursor_t *cursor = fsp_view_scan(view, (fsp_slice_t){0}, (fsp_slice_t){0});
    for (; cursor->valid; fsp_cursor_next(cursor)) {
        fsp_slice_t key = cursor->key;
        bool own = key.bytes > FSP_LOG_PREFIX_BYTES &&
                   memcmp(key.data, name->prefix, FSP_LOG_PREFIX_BYTES) == 0;
        uint8_t kind = own ? key.data[FSP_LOG_PREFIX_BYTES] : 0;
        if ((kind == FSP_LOG_ROW_HARD || kind == FSP_LOG_ROW_BASE) &&
            key.bytes == FSP_LOG_PREFIX_BYTES + 1)
            continue;
        if (kind == FSP_LOG_ROW_ENTRY && key.bytes == FSP_LOG_KEY_BYTES_MAX) {
            uint64_t index = fsp_load_u64(key.data + FSP_LOG_PREFIX_BYTES + 1);
            if (index > log->start && index <= log->last)
                continue;
        }
        report(sink, "stray", 0, key, "a row that is not of this replica's log");
    }
    if (cursor->status != FSP_OK)
        report(sink, "unreadable", 0, (fsp_slice_t){0}, "the log is not readable to its end: %s",
               fsp_status_text(cursor->status));
    fsp_cursor_destroy(&cursor);
}

static void
check_hard(const fsp_raft_conf_t *base, const fsp_log_summary_t *log, sink_t *sink)
{
    if (log->hard.hard.term < log->last_term)
        report(sink, "log", log->last, (fsp_slice_t){0},
               "the hard state has term %llu, the log %llu",
               (unsigned long long)log->hard.hard.term, (unsigned long long)log->last_term);
    /* Of the newest configuration; a vote for a replica that left may be older than it. */
    const fsp_raft_conf_t *conf =
        log->conf_count > 0 ? &log->confs[log->conf_count - 1].conf : base;
    if (log->hard.hard.vote >= conf->next_replica && conf->next_replica > 0)
        report(sink, "log", 0, (fsp_slice_t){0}, "voted for %llu, which was never a member",
               (unsigned long long)log->hard.hard.vote);
    if (log->hard.hard.term == 0 && log->hard.hard.vote != 0)
        report(sink, "log", 0, (fsp_slice_t){0}, "a vote in term 0");
}

void
fsp_log_audit(const fsp_replica_config_t *config, fsp_view_t *log_view, fsp_view_t *state_view,
              fsp_fault_fn *fault, void *context, fsp_log_audit_t *ret)
{
    FSP_PRE(config != NULL);
    FSP_PRE(fault != NULL);
    FSP_PRE(ret != NULL);
    sink_t sink = {.fault = fault, .context = context, .sound = true};
    *ret = (fsp_log_audit_t){.shard = config->shard};
    fsp_error_t error = {.text = ""};
    fsp_log_name_t name = fsp_log_name(config->shard, &config->self);
    bool based;
    fsp_log_base_t base = {.generation = config->shard.generation, .conf = config->base};
    /* Also of a log that no node would start on: whose rows the state is.  A base row that cannot
       be read is what such a start reports. */
    if (fsp_log_load_base(&name, log_view, &based, &base, &error) == FSP_OK)
        ret->shard.generation = base.generation;
    /* What a node does at its start; it writes nothing before its first step. */
    fsp_replica_t *replica = NULL;
    fsp_status_t status = fsp_replica_new(config, log_view, state_view, &replica, &error);
    if (status != FSP_OK) {
        report(&sink, "log", 0, (fsp_slice_t){0}, "%s", error.text);
        return;
    }
    ret->applied = fsp_replica_applied_index(replica);
    ret->shard = fsp_replica_shard(replica);
    fsp_replica_destroy(&replica);
    fsp_log_summary_t log = {0};
    status = fsp_log_load(&name, log_view, ret->applied, &log, &error);
    if (status != FSP_OK) {
        report(&sink, "log", 0, (fsp_slice_t){0}, "%s", error.text);
        fsp_log_summary_clear(&log);
        return;
    }
    ret->start = log.hard.start;
    ret->last = log.last;
    check_hard(&base.conf, &log, &sink);
    check_strays(&name, log_view, ret, &sink);
    fsp_log_summary_clear(&log);
    ret->sound = sink.sound;
}

bool
fsp_log_remains(fsp_shard_ref_t shard, const fsp_fault_t *fault)
{
    return strcmp(fault->kind, "stray") == 0 && fault->key.bytes >= 8 &&
           fsp_load_u32(fault->key.data) == shard.shard &&
           fsp_load_u32(fault->key.data + 4) != shard.generation;
}

static fsp_status_t
apply_entry(fsp_shard_ref_t shard, const fsp_entry_t *entry, fsp_overlay_t *pending,
            fsp_overlay_t *txn)
{
    fsp_slice_t command = {0};
    fsp_shard_row_t row;
    fsp_status_t status = fsp_meta_shard_row(shard, fsp_overlay_view(pending), &row);
    if (status != FSP_OK)
        return status;
    fsp_time_t time = row.log_time;
    if (entry->kind == FSP_ENTRY_COMMAND) {
        fsp_slice_t bytes = fsp_blob_slice(entry->bytes);
        time = fsp_load_u64(bytes.data);
        command = fsp_slice(bytes.data + FSP_LOG_TIME_BYTES, bytes.bytes - FSP_LOG_TIME_BYTES);
    }
    fsp_buf_t result;
    fsp_buf_init(&result, FSP_RESULT_BYTES_MAX);
    status = fsp_meta_apply(shard, txn, entry->index, entry->term, time, command, &result);
    fsp_buf_clear(&result);
    if (status == FSP_OK)
        fsp_overlay_commit(txn, pending, 0, NULL, FSP_FAMILY_STATE);
    return status;
}

bool
fsp_log_replay(const fsp_replica_config_t *config, fsp_view_t *log_view, const fsp_log_audit_t *log,
               fsp_overlay_t *pending, size_t bytes_max, fsp_fault_fn *fault, void *context,
               uint64_t *ret_applied)
{
    FSP_PRE(log->sound);
    sink_t sink = {.fault = fault, .context = context, .sound = true};
    fsp_log_name_t name = fsp_log_name(config->shard, &config->self);
    fsp_overlay_t *txn = fsp_overlay_new(fsp_overlay_view(pending));
    uint64_t at = log->applied;
    size_t bytes = 0;
    while (at < log->last && bytes < bytes_max && sink.sound) {
        fsp_entry_t entries[BATCH_ENTRIES];
        uint64_t to = log->last - at > BATCH_ENTRIES ? at + BATCH_ENTRIES : log->last;
        size_t count = 0;
        fsp_status_t status =
            fsp_log_read(&name, log_view, at + 1, to, BATCH_BYTES, entries, &count);
        for (size_t i = 0; i < count; i++) {
            if (status == FSP_OK) {
                status = apply_entry(log->shard, &entries[i], pending, txn);
                bytes += entries[i].bytes ? fsp_blob_bytes(entries[i].bytes) : 0;
                at += status == FSP_OK;
            }
            fsp_blob_destroy(&entries[i].bytes);
        }
        if (status != FSP_OK)
            report(&sink, "replay", at + 1, (fsp_slice_t){0}, "log entry cannot be applied: %s",
                   fsp_status_text(status));
    }
    fsp_overlay_destroy(&txn);
    *ret_applied = at;
    return sink.sound;
}
