/* SPDX-License-Identifier: MIT */
/* cluster_words - the state of a cluster, and what happens in it in words.  Layer tests.
   cluster.h says what it is for. */
#ifndef FSP_TESTS_UNIT_RAFT_CLUSTER_WORDS_H
#define FSP_TESTS_UNIT_RAFT_CLUSTER_WORDS_H
#include "core/base/alloc.h"
#include "core/base/buf.h"
#include "core/raft/raft.h"
#include "tests/unit/suite.h"

#include <inttypes.h>

enum {
    CLUSTER_REPLICAS_MAX = 24, /* numbers 1 .. 23 */
    CLUSTER_LOG_MAX = 4096,
    CLUSTER_ITEMS_MAX = 8192,
    CLUSTER_TERMS_MAX = 64,
};

/* What is written down. */
enum {
    CLUSTER_SHOWS_HEARTBEATS = 1,
    CLUSTER_SHOWS_APPENDS = 2, /* and their answers */
    CLUSTER_SHOWS_WRITES = 4,
    CLUSTER_SHOWS_ENTRIES = 8,
    CLUSTER_SHOWS_MOST = CLUSTER_SHOWS_APPENDS | CLUSTER_SHOWS_WRITES,
    CLUSTER_SHOWS_ALL = 15,
};

typedef enum { ITEM_MESSAGE, ITEM_WRITTEN, ITEM_SENT, ITEM_INSTALL } cluster_item_type_t;

/* Something that will happen. */
typedef struct {
    cluster_item_type_t type;
    fsp_time_t at;
    uint64_t sequence;
    uint64_t replica; /* to whom */
    fsp_raft_message_t message;
    /* WRITTEN: what is then on the disk. */
    uint64_t token;
    bool has_hard;
    fsp_hard_state_t hard;
    uint64_t truncate_from, drop_below, drop_term;
    bool install, keeps;
    uint64_t index, term;
    fsp_raft_conf_t conf;
    bool has_conf;
    uint64_t applied;
    /* SENT. */
    uint64_t about;
    bool ok;
} cluster_item_t;

typedef struct {
    fsp_hard_state_t hard;
    uint64_t start, start_term, last;
    uint64_t applied;
    uint64_t watermark;
    fsp_raft_conf_t base;
    fsp_entry_t log[CLUSTER_LOG_MAX]; /* by index; entries own a reference */
} cluster_disk_t;

typedef struct {
    fsp_raft_t *raft; /* NULL: not running */
    fsp_raft_member_t member;
    cluster_disk_t *disk;
    fsp_time_t disk_us;
    fsp_time_t written_at; /* of the last write in the queue */
    uint64_t applied;
    unsigned lives;
    bool removed, stopped;
} cluster_replica_t;

typedef struct {
    fsp_time_t now_us;
    fsp_raft_limits_t limits;
    uint64_t seed;
    size_t cache_bytes_max;
    unsigned shows;
    cluster_replica_t replicas[CLUSTER_REPLICAS_MAX];                  /* by number */
    fsp_time_t latency_us[CLUSTER_REPLICAS_MAX][CLUSTER_REPLICAS_MAX]; /* from, to */
    bool cut[CLUSTER_REPLICAS_MAX][CLUSTER_REPLICAS_MAX];
    cluster_item_t *items;
    size_t item_count;
    uint64_t next_sequence;
    fsp_raft_effects_t effects;
    fsp_buf_t text;
    uint64_t next_token;

    /* What must stay true. */
    uint64_t leaders[CLUSTER_TERMS_MAX];    /* by term */
    fsp_entry_t committed[CLUSTER_LOG_MAX]; /* own references */
    uint64_t committed_last;
    uint64_t steps;
} cluster_t;

/* -- words ------------------------------------------------------------------------------------- */

static inline void
cluster_line(cluster_t *self, uint64_t replica, const char *between)
{
    fsp_buf_printf(&self->text, "%" PRIu64 ".%" PRIu64 " %" PRIu64 "%s ", self->now_us / 1000,
                   self->now_us / 100 % 10, replica, between);
}

static inline void
cluster_words_conf(fsp_buf_t *text, const fsp_raft_conf_t *conf)
{
    static const struct {
        uint32_t mask, flags;
        const char *name;
    } parts[] = {
        {FSP_RAFT_VOTER, FSP_RAFT_VOTER, "voters"},
        {FSP_RAFT_OLD, FSP_RAFT_OLD, "old"},
        {~0u, 0, "learners"},
        {FSP_RAFT_SYNC, FSP_RAFT_SYNC, "sync"},
    };
    for (size_t p = 0; p < sizeof(parts) / sizeof(parts[0]); p++) {
        bool first = true;
        for (size_t i = 0; i < conf->count; i++) {
            if ((conf->seats[i].flags & parts[p].mask) != parts[p].flags)
                continue;
            if (first)
                fsp_buf_printf(text, "%s%s", p ? ", " : "", parts[p].name);
            first = false;
            fsp_buf_printf(text, " %" PRIu64, conf->seats[i].member.replica);
        }
    }
}

static inline void
cluster_words_entries(fsp_buf_t *text, const fsp_entry_t *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (count > 6 && i == 2)
            fsp_buf_printf(text, " ...");
        if (count > 6 && i >= 2 && i + 2 < count)
            continue;
        fsp_buf_printf(text, " %" PRIu64 ".%" PRIu64, entries[i].index, entries[i].term);
        if (entries[i].kind == FSP_ENTRY_NOOP)
            fsp_buf_printf(text, " no-op");
        else if (entries[i].kind == FSP_ENTRY_COMMAND)
            fsp_buf_printf(text, " '%.*s'", (int)fsp_blob_bytes(entries[i].bytes),
                           (const char *)fsp_blob_data(entries[i].bytes));
        else {
            fsp_raft_conf_t conf;
            ck_assert_int_eq(fsp_raft_conf_decode(fsp_blob_slice(entries[i].bytes), &conf), FSP_OK);
            fsp_buf_printf(text, " {");
            cluster_words_conf(text, &conf);
            fsp_buf_printf(text, "}");
        }
    }
}

static inline bool
cluster_shown(const cluster_t *self, const fsp_raft_message_t *m)
{
    if (m->type == FSP_RAFT_HEARTBEAT || m->type == FSP_RAFT_HEARTBEATED)
        return (self->shows & CLUSTER_SHOWS_HEARTBEATS) != 0;
    if (m->type == FSP_RAFT_APPEND || m->type == FSP_RAFT_APPENDED)
        return (self->shows & CLUSTER_SHOWS_APPENDS) != 0;
    return true;
}

static inline void
cluster_words_message(cluster_t *self, const fsp_raft_message_t *m)
{
    static const char *const names[] = {
        "?",         "PREVOTE",     "PREVOTED",    "VOTE",     "VOTED",     "APPEND",   "APPENDED",
        "HEARTBEAT", "HEARTBEATED", "TIMEOUT_NOW", "READ_ASK", "READ_TOLD", "SNAPSHOT", "DIVERGED"};
    if (!cluster_shown(self, m))
        return;
    fsp_buf_t *text = &self->text;
    cluster_line(self, m->from, ">");
    fsp_buf_printf(text, "%" PRIu64 " %s term %" PRIu64, m->to, names[m->type], m->term);
    if (m->refused)
        fsp_buf_printf(text, " refused");
    if (m->force)
        fsp_buf_printf(text, " forced");
    switch (m->type) {
    case FSP_RAFT_PREVOTE:
    case FSP_RAFT_VOTE:
        fsp_buf_printf(text, ", end %" PRIu64 ".%" PRIu64, m->index, m->index_term);
        break;
    case FSP_RAFT_APPEND:
        fsp_buf_printf(text, ", behind %" PRIu64 ".%" PRIu64 ", commit %" PRIu64, m->index,
                       m->index_term, m->commit);
        if (m->entry_count > 0)
            fsp_buf_printf(text, ":");
        cluster_words_entries(text, m->entries, m->entry_count);
        break;
    case FSP_RAFT_APPENDED:
        fsp_buf_printf(text, " %" PRIu64, m->index);
        if (m->refused)
            fsp_buf_printf(text, ", hint %" PRIu64 ".%" PRIu64, m->hint_index, m->hint_term);
        break;
    case FSP_RAFT_HEARTBEAT:
        fsp_buf_printf(text, ", commit %" PRIu64 ", round %" PRIu64, m->commit, m->round);
        break;
    case FSP_RAFT_HEARTBEATED:
        fsp_buf_printf(text, ", round %" PRIu64, m->round);
        break;
    case FSP_RAFT_READ_TOLD: /* its number is another in each life */
    case FSP_RAFT_DIVERGED:
        fsp_buf_printf(text, ", index %" PRIu64, m->index);
        break;
    case FSP_RAFT_SNAPSHOT:
        fsp_buf_printf(text, " of %" PRIu64 ".%" PRIu64, m->index, m->index_term);
        break;
    default:
        break;
    }
    fsp_buf_printf(text, "\n");
}

static inline void
cluster_words_write(cluster_t *self, uint64_t replica, const fsp_raft_effect_t *effect)
{
    if (!(self->shows & CLUSTER_SHOWS_WRITES))
        return;
    cluster_line(self, replica, "|");
    fsp_buf_printf(&self->text, "writes");
    if (effect->has_hard)
        fsp_buf_printf(&self->text, " term %" PRIu64 " vote %" PRIu64, effect->hard.term,
                       effect->hard.vote);
    if (effect->truncate_from)
        fsp_buf_printf(&self->text, " cut from %" PRIu64, effect->truncate_from);
    if (effect->drop_below)
        fsp_buf_printf(&self->text, " drop below %" PRIu64, effect->drop_below);
    if (effect->install)
        fsp_buf_printf(&self->text, " snapshot of %" PRIu64 ".%" PRIu64 ", log %s", effect->index,
                       effect->term, effect->install_keeps ? "stays" : "goes");
    cluster_words_entries(&self->text, effect->entries, effect->entry_count);
    fsp_buf_printf(&self->text, "\n");
}

static inline void
cluster_say(cluster_t *self, uint64_t replica, const fsp_raft_effect_t *effect)
{
    static const char *const roles[] = {"follows", "campaigns", "leads"};
    fsp_buf_t *text = &self->text;
    cluster_line(self, replica, "|");
    switch (effect->type) {
    case FSP_RAFT_ACCEPTED:
        fsp_buf_printf(text, "accepts %" PRIu64 " as %" PRIu64 ".%" PRIu64, effect->token,
                       effect->index, effect->term);
        break;
    case FSP_RAFT_COMMIT:
        fsp_buf_printf(text, "commits %" PRIu64 ".%" PRIu64, effect->index, effect->term);
        break;
    case FSP_RAFT_READ_AT:
        fsp_buf_printf(text, "reads %" PRIu64 " at %" PRIu64, effect->token, effect->index);
        break;
    case FSP_RAFT_REFUSE:
        fsp_buf_printf(text, "refuses %" PRIu64 " %s, leader %" PRIu64, effect->token,
                       fsp_status_name(effect->status), effect->leader);
        break;
    case FSP_RAFT_ROLE:
        fsp_buf_printf(text, "%s in term %" PRIu64, roles[effect->role], effect->term);
        if (effect->role == FSP_RAFT_FOLLOWER && effect->leader)
            fsp_buf_printf(text, ", leader %" PRIu64, effect->leader);
        break;
    case FSP_RAFT_COPIED:
        fsp_buf_printf(text, "has %" PRIu64 " copied", effect->index);
        break;
    case FSP_RAFT_CONFIGURED:
        fsp_buf_printf(text, "is configured by %" PRIu64 " {", effect->index);
        cluster_words_conf(text, effect->conf);
        fsp_buf_printf(text, "}");
        break;
    case FSP_RAFT_REMOVED:
        fsp_buf_printf(text, "is removed");
        break;
    case FSP_RAFT_SEND_SNAPSHOT:
        fsp_buf_printf(text, "wants a snapshot sent to %" PRIu64, effect->replica);
        break;
    case FSP_RAFT_TAKE_SNAPSHOT:
        fsp_buf_printf(text, "takes the snapshot of %" PRIu64, effect->index);
        break;
    case FSP_RAFT_FETCH:
        fsp_buf_printf(text, "fetches %" PRIu64 "..%" PRIu64, effect->from, effect->to);
        break;
    case FSP_RAFT_STOP:
        fsp_buf_printf(text, "stops, for its results differ at %" PRIu64, effect->index);
        break;
    default:
        fsp_buf_printf(text, "?? %d", effect->type);
        break;
    }
    fsp_buf_printf(text, "\n");
}
#endif
