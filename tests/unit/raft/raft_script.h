/* SPDX-License-Identifier: MIT */
/* raft_script - drives a raft by hand and writes down what it wants, one line an effect.
 *
 * Layer tests.
 * The transcript of a test is its expectation; a failure is read, not debugged.
 */
#ifndef FSP_TESTS_UNIT_RAFT_RAFT_SCRIPT_H
#define FSP_TESTS_UNIT_RAFT_RAFT_SCRIPT_H
#include "core/base/alloc.h"
#include "core/base/buf.h"
#include "core/raft/raft.h"
#include "tests/unit/suite.h"

#include <inttypes.h>

typedef struct {
    fsp_raft_t *raft;
    fsp_raft_effects_t effects;
    fsp_buf_t text;
    fsp_error_t error;
    size_t cache_bytes_max;
    const fsp_raft_conf_t *base; /* NULL: replica 1 votes alone */
    fsp_time_t now_us;
} script_t;

static inline void
script_init(script_t *self)
{
    *self = (script_t){.cache_bytes_max = 1024 * 1024};
    fsp_buf_init(&self->text, 1024 * 1024);
}

static inline void
script_clear(script_t *self)
{
    fsp_raft_effects_clear(&self->effects);
    fsp_raft_destroy(&self->raft);
    fsp_buf_clear(&self->text);
}

/* Replica 1 of shard 7. */
static inline fsp_status_t
script_start(script_t *self, fsp_raft_restore_t restore)
{
    fsp_raft_destroy(&self->raft);
    fsp_raft_member_t member = {.node_id = {{1}}, .replica = 1, .store_id = {{2}}};
    fsp_raft_config_t config = {
        .shard = 7,
        .self = member,
        .cache_bytes_max = self->cache_bytes_max,
        .limits = fsp_raft_limits_default(),
        .seed = 1,
    };
    fsp_raft_conf_t alone = fsp_raft_conf_single(&member);
    restore.base = self->base ? self->base : &alone;
    /* A log of one term, unless the test says more. */
    fsp_raft_run_t run = {
        .term = restore.last_term, .first = restore.log_start + 1, .last = restore.last_index};
    if (restore.run_count == 0 && restore.last_index > restore.log_start) {
        restore.runs = &run;
        restore.run_count = 1;
    }
    self->error = (fsp_error_t){0};
    return fsp_raft_new(&config, &restore, &self->raft, &self->error);
}

static inline void
script_entries(fsp_buf_t *text, const fsp_raft_effect_t *effect)
{
    for (size_t i = 0; i < effect->entry_count; i++) {
        const fsp_entry_t *entry = &effect->entries[i];
        /* Long runs are cut short in the middle. */
        if (effect->entry_count > 8 && i == 3)
            fsp_buf_printf(text, " ...");
        if (effect->entry_count > 8 && i >= 3 && i + 3 < effect->entry_count)
            continue;
        fsp_buf_printf(text, " %" PRIu64 ".%" PRIu64, entry->index, entry->term);
        if (entry->kind == FSP_ENTRY_NOOP)
            fsp_buf_printf(text, " no-op");
        else if (entry->kind == FSP_ENTRY_CONFIG)
            fsp_buf_printf(text, " conf");
        else
            fsp_buf_printf(text, " '%.*s'", (int)fsp_blob_bytes(entry->bytes),
                           (const char *)fsp_blob_data(entry->bytes));
    }
}

static inline void
script_describe(fsp_buf_t *text, const fsp_raft_effect_t *effect)
{
    static const char *const roles[] = {"follower", "candidate", "leader"};
    switch (effect->type) {
    case FSP_RAFT_WRITE:
        fsp_buf_printf(text, "WRITE %" PRIu64, effect->token);
        if (effect->has_hard)
            fsp_buf_printf(text, " term %" PRIu64 " vote %" PRIu64, effect->hard.term,
                           effect->hard.vote);
        if (effect->truncate_from)
            fsp_buf_printf(text, " truncate from %" PRIu64, effect->truncate_from);
        if (effect->drop_below)
            fsp_buf_printf(text, " drop below %" PRIu64 ", term %" PRIu64 " before it, conf of %zu",
                           effect->drop_below, effect->drop_term, effect->conf->count);
        script_entries(text, effect);
        break;
    case FSP_RAFT_ACCEPTED:
        fsp_buf_printf(text, "ACCEPTED %" PRIu64 " as %" PRIu64 ".%" PRIu64, effect->token,
                       effect->index, effect->term);
        break;
    case FSP_RAFT_COMMIT:
        fsp_buf_printf(text, "COMMIT %" PRIu64 ".%" PRIu64, effect->index, effect->term);
        break;
    case FSP_RAFT_ENTRIES:
        fsp_buf_printf(text, "ENTRIES");
        script_entries(text, effect);
        break;
    case FSP_RAFT_READ_AT:
        fsp_buf_printf(text, "READ %" PRIu64 " at %" PRIu64, effect->token, effect->index);
        break;
    case FSP_RAFT_FETCH:
        fsp_buf_printf(text, "FETCH %" PRIu64 "..%" PRIu64, effect->from, effect->to);
        break;
    case FSP_RAFT_REFUSE:
        fsp_buf_printf(text, "REFUSE %" PRIu64 " %s", effect->token,
                       fsp_status_name(effect->status));
        break;
    case FSP_RAFT_ROLE:
        fsp_buf_printf(text, "ROLE %s of term %" PRIu64 ", leader %" PRIu64, roles[effect->role],
                       effect->term, effect->leader);
        break;
    case FSP_RAFT_CONFIGURED:
        return; /* the same in every story of one voter */
    default:
        fsp_buf_printf(text, "UNEXPECTED %d", effect->type);
        break;
    }
    fsp_buf_printf(text, "\n");
}

static inline void
script_step(script_t *self, const fsp_raft_event_t *event)
{
    fsp_raft_effects_reset(&self->effects);
    fsp_raft_event_t timed = *event;
    timed.now_us = self->now_us;
    fsp_raft_step(self->raft, &timed, &self->effects);
    for (size_t i = 0; i < self->effects.count; i++)
        script_describe(&self->text, &self->effects.items[i]);
}

static inline void
script_tick(script_t *self)
{
    script_step(self, &(fsp_raft_event_t){.type = FSP_RAFT_TICK});
}

static inline void
script_written(script_t *self, uint64_t token)
{
    script_step(self, &(fsp_raft_event_t){.type = FSP_RAFT_WRITTEN, .token = token});
}

static inline void
script_propose(script_t *self, uint64_t token, const char *command)
{
    fsp_blob_t *bytes = fsp_blob_copy(command, strlen(command));
    fsp_raft_event_t event = {.type = FSP_RAFT_PROPOSE, .token = token, .bytes = bytes};
    script_step(self, &event);
    fsp_blob_destroy(&bytes);
}

static inline void
script_read(script_t *self, uint64_t token)
{
    script_step(self, &(fsp_raft_event_t){.type = FSP_RAFT_READ, .token = token});
}

static inline void
script_applied(script_t *self, uint64_t index)
{
    script_step(self, &(fsp_raft_event_t){.type = FSP_RAFT_APPLIED, .index = index});
}

/* Entries from..to of one term, each with its index as its command. */
static inline void
script_fetched(script_t *self, uint64_t from, uint64_t to, uint64_t term)
{
    size_t count = (size_t)(to - from + 1);
    fsp_entry_t *entries = fsp_alloc_array(count, sizeof(*entries));
    for (size_t i = 0; i < count; i++) {
        char command[32];
        snprintf(command, sizeof(command), "%" PRIu64, from + i);
        entries[i] = (fsp_entry_t){.index = from + i,
                                   .term = term,
                                   .kind = FSP_ENTRY_COMMAND,
                                   .bytes = fsp_blob_copy(command, strlen(command))};
    }
    script_step(self, &(fsp_raft_event_t){
                          .type = FSP_RAFT_FETCHED, .entries = entries, .entry_count = count});
    for (size_t i = 0; i < count; i++)
        fsp_blob_destroy(&entries[i].bytes);
    fsp_free(entries);
}

/* What was written down since the last time is this text. */
static inline void
script_expect(script_t *self, const char *expected)
{
    fsp_buf_append_u8(&self->text, 0);
    ck_assert(fsp_buf_ok(&self->text));
    ck_assert_str_eq((const char *)self->text.data, expected);
    fsp_buf_reset(&self->text);
}

static inline void
script_forget(script_t *self)
{
    fsp_buf_reset(&self->text);
}
#endif
