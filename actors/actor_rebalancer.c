/* SPDX-License-Identifier: MIT */
/* actor_rebalancer - keeps on the disk what must be there, and nothing else.  Layer actors.
 *
 * So far it collects garbage, one space at a time.  A round:
 *
 *   GC_OPEN -> (shard) -> EPOCH (to the gateway) -> a frozen state in which the round is open
 *     -> LOOK, OPEN, MARK ... as core/data/collect asks -> (objects)
 *     -> DONE -> (objects sweeps) -> GC_CLOSE -> (shard) -> who asked is answered
 *
 * A round begins when somebody asks (COLLECT), once a day for each space, and, if the disk is used
 * to 80 %, every ten minutes for spaces in which something has changed, and for all when it has
 * grown by 1 %.  A round that a crash cut
 * off is still open in the state: it is taken up under its number, and what was marked stays so.
 *
 * What is marked and swept rests on the state as it can be read, not as it is on stable storage;
 * rows of the state get there late (store/store.h).  That is enough: what can be read was applied,
 * so its entries are on stable storage, and a start after a crash applies them again before anybody
 * reads.  A deletion of objects, which is durable at once, is never ahead of the log that says that
 * nothing names them.  A round that begins on a state which is behind, right after such a start,
 * does not find itself open there, and waits (BUSY).
 *
 * Pace: after each answer it rests for as long as the answer took, so the node has at least half of
 * its time for others.  Everything that it knows is in the state and in marks; it may be killed
 * between any two messages.
 *
 * Objects of spaces that are gone go by the space's tag: when the tombstone is written, and at each
 * start.
 */
#include "actors/clock.h"
#include "actors/log.h"
#include "actors/node.h"
#include "actors/waiters.h"
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/text.h"
#include "core/data/collect.h"
#include "core/meta/audit.h"
#include "proto/peer.h"

#include <utlist.h>

enum {
    REST_US_MIN = 2 * 1000, /* shorter rests are saved up: a timer is good for a millisecond */
    AGAIN_US = 5 * 1000,    /* the shard, or the rows of its state, are not there yet */
    AGAINS_MAX = 12000,
    MARK_KEYS = 256,  /* of one question: objects are away from others for 2 or 3 ms */
    RESTARTS_MAX = 8, /* markers of one round: a frozen state that was given up, another disk */
    DISK_LOOK_US = 10 * 1000 * 1000,
    DISK_ROUND_US = 600 * 1000 * 1000, /* the least time between rounds that a full disk makes */
    SPACES_MAX = FSP_SPACES_HELD_MAX,
    GONE_ID = 0, /* of the questions that nothing waits for; others count from 1 */
};

/* Somebody who waits for a round. */
typedef struct asker {
    fsp_actor_id_t from;
    uint64_t request_id;
    struct asker *next;
} asker_t;

/* A round of a space, waiting or under way. */
typedef struct job {
    fsp_space_id_t space_id;
    asker_t *askers;
    struct job *next;
} job_t;

/* When a space was collected, since the start. */
typedef struct {
    fsp_space_id_t space_id;
    uint64_t change; /* change number when its last round that swept began, */
    bool twice;      /* and also that of the round before */
} seen_t;

typedef enum {
    PHASE_IDLE,
    PHASE_OPENING, /* GC_OPEN was asked */
    PHASE_FREEZING,
    PHASE_MARKING, /* a question of the marker was asked */
    PHASE_RESTING, /* ... will be */
    PHASE_SWEEPING,
    PHASE_CLOSING,
} phase_t;

typedef struct {
    fsp_shell_t *shell;
    fsp_rebalancer_actor_args_t *args;
    job_t *jobs; /* the first one is under way unless idle */
    phase_t phase;
    uint64_t request_id; /* of the question under way: others' answers are late */
    fsp_time_t due_us; /* IDLE, FREEZING, RESTING: when to go on; OPENING: to ask again, 0: asked */
    unsigned agains, restarts;
    uint64_t round;
    uint64_t change;          /* of the space, when the round began */
    fsp_space_id_t closed_id; /* the space whose round was closed last, */
    uint64_t closed_round;    /* and that round */
    fsp_view_t *frozen;
    fsp_collect_t *collect;
    const fsp_collect_question_t *question;
    fsp_time_t asked_us, rest_us;
    fsp_time_t began_us;
    fsp_swept_t swept;
    fsp_time_t daily_us, disk_us, disk_round_us; /* when to look next */
    uint64_t disk_used; /* least bytes since spaces were last taken for quiet */
    seen_t seen[SPACES_MAX];
    size_t seen_count;
    fsp_object_mark_t mark; /* encoded here: it is large */
    fsp_buf_t body;
} rebalancer_t;

/* -- jobs -------------------------------------------------------------------------------------- */

static job_t *
add_job(rebalancer_t *self, fsp_space_id_t space_id)
{
    job_t *job;
    LL_FOREACH(self->jobs, job)
    {
        if (fsp_space_id_eq(job->space_id, space_id))
            return job;
    }
    job = FSP_NEW(job_t);
    job->space_id = space_id;
    LL_APPEND(self->jobs, job);
    return job;
}

static void
answer_askers(rebalancer_t *self, job_t *job, fsp_status_t status)
{
    const fsp_node_collected_t collected = {.epoch = self->round,
                                            .live = self->swept.live,
                                            .swept = self->swept.objects,
                                            .swept_bytes = self->swept.bytes};
    fsp_buf_reset(&self->body);
    if (status == FSP_OK)
        fsp_buf_append(&self->body, &collected, sizeof(collected)); /* never leaves the process */
    else
        fsp_peer_error_encode(status, &self->body);
    while (job->askers) {
        asker_t *asker = job->askers;
        LL_DELETE(job->askers, asker);
        fsp_mailbox_send(self->shell->mailbox, asker->from, FSP_SERVICE_NODE,
                         status == FSP_OK ? FSP_MSG_OK : FSP_MSG_ERROR, asker->request_id,
                         fsp_buf_slice(&self->body), NULL, 0);
        fsp_free(asker);
    }
}

static void
end_marker(rebalancer_t *self)
{
    fsp_collect_destroy(&self->collect);
    fsp_view_thaw(&self->frozen);
    self->question = NULL;
}

/* The job under way is over. */
static void
end_job(rebalancer_t *self, fsp_status_t status)
{
    job_t *job = self->jobs;
    end_marker(self);
    answer_askers(self, job, status);
    LL_DELETE(self->jobs, job);
    fsp_free(job);
    self->phase = PHASE_IDLE;
    self->due_us = self->shell->now_us;
}

static void
log_space(const rebalancer_t *self, fsp_log_level_t level, const char *words, fsp_status_t status)
{
    char hex[2 * sizeof(fsp_space_id_t) + 1];
    fsp_hex_encode(self->jobs->space_id.bytes, sizeof(self->jobs->space_id.bytes), hex);
    fsp_log(level, "rebalancer", "msg=\"%s\" space=%s round=%llu reason=%s", words, hex,
            (unsigned long long)self->round, fsp_status_name(status));
}

/* -- questions --------------------------------------------------------------------------------- */

/* Sends what stands in body; other answers are no longer waited for. */
static void
ask(rebalancer_t *self, fsp_actor_id_t to, fsp_service_t service, unsigned type)
{
    FSP_ASSERT(fsp_buf_ok(&self->body));
    self->asked_us = self->shell->now_us;
    fsp_mailbox_send(self->shell->mailbox, to, service, type, ++self->request_id,
                     fsp_buf_slice(&self->body), NULL, 0);
}

static void
ask_shard(rebalancer_t *self, fsp_command_type_t type)
{
    fsp_command_t command = {.type = type,
                             .version = FSP_COMMAND_VERSION,
                             .space_id = self->jobs->space_id,
                             .attempt = 1,
                             .access = {.value = self->round}};
    if (type == FSP_COMMAND_GC_OPEN)
        command.access.detail = self->args->layout_version;
    fsp_random(command.op_id.bytes, sizeof(command.op_id.bytes));
    fsp_random(command.request_digest.bytes, sizeof(command.request_digest.bytes));
    fsp_buf_reset(&self->body);
    fsp_command_encode(&command, &self->body);
    ask(self, FSP_ACTOR_SHARD, FSP_SERVICE_SHARD, FSP_SHARD_COMMAND);
}

static void
ask_objects(rebalancer_t *self)
{
    const fsp_collect_question_t *question = self->question;
    fsp_buf_reset(&self->body);
    if (question->ask == FSP_COLLECT_OPEN) {
        /* An empty range: the head and the open part are all that is asked for. */
        fsp_object_get_encode(
            &(fsp_object_get_t){
                .space_id = self->jobs->space_id, .key = question->keys[0], .from = 1, .to = 1},
            &self->body);
        ask(self, FSP_ACTOR_OBJECTS, FSP_SERVICE_OBJECTS, FSP_OBJECT_GET);
        return;
    }
    fsp_object_mark_t *mark = &self->mark;
    mark->space_id = self->jobs->space_id;
    mark->round = self->round;
    mark->layout_version = self->args->layout_version;
    mark->store_id = fsp_collect_store(self->collect);
    mark->look = question->ask == FSP_COLLECT_LOOK;
    mark->key_count = question->key_count;
    if (question->key_count > 0)
        memcpy(mark->keys, question->keys, question->key_count * sizeof(mark->keys[0]));
    fsp_object_mark_encode(mark, &self->body);
    ask(self, FSP_ACTOR_OBJECTS, FSP_SERVICE_OBJECTS, FSP_OBJECT_MARK);
}

/* -- a round ----------------------------------------------------------------------------------- */

/* *ret_round: the one that is to be opened; *ret_change: number of the last change. */
static fsp_status_t
read_space(const rebalancer_t *self, fsp_space_id_t space_id, uint64_t *ret_round,
           uint64_t *ret_change)
{
    fsp_row_key_t key = fsp_row_key(self->args->shard, FSP_TABLE_SPACE, space_id);
    fsp_space_row_t row;
    fsp_buf_t value;
    fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
    fsp_status_t status = fsp_view_get(fsp_store_view(self->args->store, FSP_FAMILY_STATE),
                                       fsp_row_key_slice(&key), &value);
    if (status == FSP_OK)
        status = fsp_space_row_decode(fsp_buf_slice(&value), &row);
    if (status == FSP_NOT_FOUND || (status == FSP_OK && row.access.state >= FSP_LIFE_DROPPING))
        status = FSP_NO_SUCH_SPACE;
    if (status == FSP_OK) {
        /* One that is open was cut off: it is taken up, unless under another layout, whose marks
           nobody takes any more. */
        bool cut_off = row.access.round_open && row.gc_layout_version == self->args->layout_version;
        *ret_round = row.epoch + !cut_off;
        *ret_change = row.change_index;
    }
    fsp_buf_clear(&value);
    return status;
}

/* A round of the space has swept, which began at this change. */
static void
note_seen(rebalancer_t *self, fsp_space_id_t space_id, uint64_t change)
{
    seen_t *seen = NULL;
    for (size_t i = 0; i < self->seen_count && !seen; i++)
        if (fsp_space_id_eq(self->seen[i].space_id, space_id))
            seen = &self->seen[i];
    if (!seen && self->seen_count < SPACES_MAX) {
        seen = &self->seen[self->seen_count++];
        *seen = (seen_t){.space_id = space_id, .change = UINT64_MAX};
    }
    if (!seen)
        return; /* it is collected more often than it must */
    seen->twice = seen->change == change;
    seen->change = change;
}

static void
forget_seen(rebalancer_t *self, fsp_space_id_t space_id)
{
    for (size_t i = 0; i < self->seen_count; i++)
        if (fsp_space_id_eq(self->seen[i].space_id, space_id)) {
            self->seen[i] = self->seen[--self->seen_count];
            return;
        }
}

/* Another round would find nothing that a change has left: two have run since the last one. */
static bool
is_quiet(const rebalancer_t *self, fsp_space_id_t space_id, uint64_t change)
{
    for (size_t i = 0; i < self->seen_count; i++)
        if (fsp_space_id_eq(self->seen[i].space_id, space_id))
            return self->seen[i].twice && self->seen[i].change == change;
    return false;
}

static void
open_round(rebalancer_t *self)
{
    fsp_space_id_t space_id = self->jobs->space_id;
    /* The change is read before the round opens: what comes behind it is for the next one. */
    fsp_status_t status = read_space(self, space_id, &self->round, &self->change);
    if (status != FSP_OK) {
        end_job(self, status);
        return;
    }
    /* The row may not say yet that the last one was closed. */
    if (fsp_space_id_eq(space_id, self->closed_id) && self->round <= self->closed_round)
        self->round = self->closed_round + 1;
    self->phase = PHASE_OPENING;
    self->due_us = 0;
    ask_shard(self, FSP_COMMAND_GC_OPEN);
}

static void
begin_job(rebalancer_t *self)
{
    self->agains = self->restarts = 0;
    self->rest_us = 0;
    self->began_us = self->shell->now_us;
    self->swept = (fsp_swept_t){0};
    open_round(self);
}

/* Tries the phase once more a little later; after very many times it gives up. */
static void
go_on_later(rebalancer_t *self, phase_t phase, fsp_status_t status)
{
    if (++self->agains > AGAINS_MAX) {
        log_space(self, FSP_LOG_ERROR, "round given up", status);
        end_job(self, status);
        return;
    }
    self->phase = phase;
    self->due_us = self->shell->now_us + AGAIN_US;
}

/* Every answer of the gateway from now on carries the epoch; what it began before is fenced only
   by the round after this one. */
static void
tell_epoch(rebalancer_t *self)
{
    uint8_t body[sizeof(fsp_space_id_t) + 8];
    memcpy(body, self->jobs->space_id.bytes, sizeof(fsp_space_id_t));
    fsp_store_u64(body + sizeof(fsp_space_id_t), self->round);
    fsp_mailbox_send(self->shell->mailbox, FSP_ACTOR_FRONTEND, FSP_SERVICE_NODE, FSP_NODE_EPOCH, 0,
                     fsp_slice(body, sizeof(body)), NULL, 0);
}

static void begin_marker(rebalancer_t *self);

/* The state, or the disk, is not what it was: from the roots again, under the same number. */
static void
restart_marker(rebalancer_t *self, fsp_status_t status)
{
    log_space(self, FSP_LOG_WARNING, "marker begins anew", status);
    end_marker(self);
    if (++self->restarts > RESTARTS_MAX) {
        end_job(self, status);
        return;
    }
    begin_marker(self);
}

/* Names what cannot be read, with the place of the version that needs it. */
static void
log_fault(const rebalancer_t *self, fsp_log_level_t level, const char *words)
{
    const fsp_collect_fault_t *fault = fsp_collect_fault(self->collect);
    char key[2 * sizeof(fault->key.bytes) + 1], upload[2 * sizeof(fault->upload_id.bytes) + 1];
    fsp_buf_t path;
    fsp_buf_init(&path, FSP_PATH_BYTES_MAX + 16);
    fsp_hex_encode(fault->key.bytes, sizeof(fault->key.bytes), key);
    fsp_hex_encode(fault->upload_id.bytes, sizeof(fault->upload_id.bytes), upload);
    if (!fsp_file_id_is_zero(fault->file_id))
        fsp_audit_path(self->args->shard, fsp_store_view(self->args->store, FSP_FAMILY_STATE),
                       self->jobs->space_id, fault->file_id, &path);
    for (size_t i = 0; i < path.bytes; i++)
        if (path.data[i] < 0x20 || path.data[i] == '"' || path.data[i] == 0x7f)
            path.data[i] = '?';
    if (!fsp_upload_id_is_zero(fault->upload_id))
        fsp_log(level, "rebalancer", "msg=\"%s\" key=%s upload=%s", words, key, upload);
    else
        fsp_log(level, "rebalancer", "msg=\"%s\" key=%s path=\"%.*s\" number=%llu", words, key,
                (int)path.bytes, (const char *)path.data, (unsigned long long)fault->number);
    fsp_buf_clear(&path);
}

static void
marker_ended(rebalancer_t *self, fsp_status_t status)
{
    if (status == FSP_BUSY) { /* its rows are on their way */
        end_marker(self);
        go_on_later(self, PHASE_FREEZING, status);
        return;
    }
    if (status == FSP_GONE || status == FSP_STALE) {
        restart_marker(self, status);
        return;
    }
    if (status != FSP_OK) {
        if (!fsp_key_is_zero(fsp_collect_fault(self->collect)->key))
            log_fault(self, FSP_LOG_ERROR, "a tree node cannot be read: nothing is collected");
        log_space(self, FSP_LOG_ERROR, "round stopped", status);
        end_job(self, status);
        return;
    }
    if (fsp_collect_counts(self->collect)->missing > 0)
        log_fault(self, FSP_LOG_ERROR, "objects are missing: run filesphered check");
    self->phase = PHASE_SWEEPING;
    fsp_buf_reset(&self->body);
    fsp_object_done_encode(&(fsp_object_done_t){.space_id = self->jobs->space_id,
                                                .round = self->round,
                                                .layout_version = self->args->layout_version,
                                                .store_id = fsp_collect_store(self->collect)},
                           &self->body);
    end_marker(self);
    ask(self, FSP_ACTOR_OBJECTS, FSP_SERVICE_OBJECTS, FSP_OBJECT_DONE);
}

/* Gives the marker an answer (NULL: none yet) and asks its next question, after a rest if one is
   due. */
static void
go_on_marking(rebalancer_t *self, const fsp_collect_answer_t *answer)
{
    self->question = fsp_collect_step(self->collect, answer);
    fsp_time_t now_us = fsp_clock_mono_us();
    if (answer)
        self->rest_us += now_us > self->asked_us ? now_us - self->asked_us : 0;
    if (self->question->ask == FSP_COLLECT_ENDED) {
        marker_ended(self, self->question->status);
    } else if (self->rest_us >= REST_US_MIN || self->question->ask == FSP_COLLECT_AGAIN) {
        self->phase = PHASE_RESTING;
        self->due_us = now_us + self->rest_us;
        self->rest_us = 0;
    } else {
        self->phase = PHASE_MARKING;
        ask_objects(self);
    }
}

static void
rested(rebalancer_t *self)
{
    if (self->question->ask == FSP_COLLECT_AGAIN) {
        self->asked_us = self->shell->now_us;
        go_on_marking(self, &(fsp_collect_answer_t){.status = FSP_OK});
        return;
    }
    self->phase = PHASE_MARKING;
    ask_objects(self);
}

static void
begin_marker(rebalancer_t *self)
{
    self->frozen = fsp_view_freeze(fsp_store_view(self->args->store, FSP_FAMILY_STATE));
    FSP_ASSERT(self->frozen != NULL);
    self->collect = fsp_collect_new(self->args->shard, self->jobs->space_id, self->round,
                                    self->frozen, MARK_KEYS);
    go_on_marking(self, NULL);
}

/* -- answers ----------------------------------------------------------------------------------- */

static void
shard_answered(rebalancer_t *self, fsp_mail_t *mail)
{
    fsp_result_t result;
    fsp_status_t status;
    if (mail->envelope.type != FSP_MSG_OK)
        status = fsp_peer_error_decode(fsp_mail_body(mail));
    else if (fsp_result_decode(fsp_mail_body(mail), &result) != FSP_OK)
        status = FSP_INTERNAL;
    else
        status = result.status;
    bool later = status == FSP_BUSY || status == FSP_NOT_LEADER;
    if (self->phase == PHASE_CLOSING) {
        /* A round that stays open would only be taken up once more. */
        if (status != FSP_OK) {
            log_space(self, FSP_LOG_WARNING, "round not closed", status);
        } else {
            self->closed_id = self->jobs->space_id;
            self->closed_round = self->round;
        }
        end_job(self, FSP_OK);
    } else if (later || status == FSP_EPOCH || status == FSP_MISMATCH) {
        go_on_later(self, PHASE_OPENING, status); /* the rows that were read lag behind */
    } else if (status != FSP_OK) {
        end_job(self, status);
    } else {
        tell_epoch(self);
        begin_marker(self);
    }
}

static void
swept(rebalancer_t *self, fsp_mail_t *mail)
{
    fsp_status_t status = mail->envelope.type == FSP_MSG_OK
                              ? fsp_object_swept_decode(fsp_mail_body(mail), &self->swept)
                              : fsp_peer_error_decode(fsp_mail_body(mail));
    if (status == FSP_STALE) {
        restart_marker(self, status);
        return;
    }
    if (status != FSP_OK) {
        log_space(self, FSP_LOG_ERROR, "sweep stopped", status);
        end_job(self, status);
        return;
    }
    char hex[2 * sizeof(fsp_space_id_t) + 1];
    fsp_hex_encode(self->jobs->space_id.bytes, sizeof(self->jobs->space_id.bytes), hex);
    fsp_log(FSP_LOG_INFO, "rebalancer",
            "msg=\"collected\" space=%s round=%llu live=%llu young=%llu swept=%llu "
            "swept_bytes=%llu ms=%llu",
            hex, (unsigned long long)self->round, (unsigned long long)self->swept.live,
            (unsigned long long)self->swept.young, (unsigned long long)self->swept.objects,
            (unsigned long long)self->swept.bytes,
            (unsigned long long)((fsp_clock_mono_us() - self->began_us) / 1000));
    note_seen(self, self->jobs->space_id, self->change);
    self->phase = PHASE_CLOSING;
    ask_shard(self, FSP_COMMAND_GC_CLOSE);
}

/* Head and open part of a tree node, as GET brings them; the marker compares their hashes. */
static void
opened(rebalancer_t *self, fsp_mail_t *mail)
{
    fsp_object_got_t got;
    fsp_collect_answer_t answer = {.status = FSP_OK};
    if (mail->envelope.type != FSP_MSG_OK)
        answer.status = fsp_peer_error_decode(fsp_mail_body(mail));
    else
        answer.status = fsp_object_got_decode(fsp_mail_body(mail), &got);
    if (answer.status == FSP_OK) {
        answer.head = fsp_slice(got.head, sizeof(got.head));
        if (got.open_bytes > 0 && mail->payload_count > 0)
            answer.open =
                fsp_slice(zmq_msg_data(&mail->payload[0]), zmq_msg_size(&mail->payload[0]));
    }
    go_on_marking(self, &answer);
}

static void
marked(rebalancer_t *self, fsp_mail_t *mail)
{
    fsp_object_marked_t reply;
    fsp_collect_answer_t answer = {.status = FSP_OK};
    if (mail->envelope.type != FSP_MSG_OK)
        answer.status = fsp_peer_error_decode(fsp_mail_body(mail));
    else
        answer.status = fsp_object_marked_decode(fsp_mail_body(mail), &reply);
    if (answer.status == FSP_OK) {
        answer.store_id = reply.store_id;
        answer.marks = reply.marks;
    }
    go_on_marking(self, &answer);
}

/* -- spaces that are gone ---------------------------------------------------------------------- */

static void
tell_gone(rebalancer_t *self, fsp_space_id_t space_id)
{
    fsp_buf_reset(&self->body);
    fsp_object_gone_encode(&space_id, &self->body);
    fsp_mailbox_send(self->shell->mailbox, FSP_ACTOR_OBJECTS, FSP_SERVICE_OBJECTS, FSP_OBJECT_GONE,
                     GONE_ID, fsp_buf_slice(&self->body), NULL, 0);
}

static void
gone_swept(fsp_mail_t *mail)
{
    fsp_swept_t swept;
    if (mail->envelope.type == FSP_MSG_OK &&
        fsp_object_swept_decode(fsp_mail_body(mail), &swept) == FSP_OK && swept.objects > 0)
        fsp_log(FSP_LOG_INFO, "rebalancer",
                "msg=\"objects of spaces that are gone have gone\" swept=%llu swept_bytes=%llu",
                (unsigned long long)swept.objects, (unsigned long long)swept.bytes);
}

/* Calls `found` for every space of the shard. */
static fsp_status_t
each_space(rebalancer_t *self,
           void (*found)(rebalancer_t *self, fsp_space_id_t space_id, const fsp_space_row_t *row))
{
    fsp_row_key_t from = fsp_row_key(self->args->shard, FSP_TABLE_SPACE, (fsp_space_id_t){{0}});
    from.used -= sizeof(fsp_space_id_t);
    fsp_row_key_t to = from;
    fsp_row_key_to_prefix_end(&to);
    FSP_AUTO(fsp_cursor_destroy)
    fsp_cursor_t *cursor = fsp_view_scan(fsp_store_view(self->args->store, FSP_FAMILY_STATE),
                                         fsp_row_key_slice(&from), fsp_row_key_slice(&to));
    for (; cursor->valid; fsp_cursor_next(cursor)) {
        fsp_space_id_t space_id;
        fsp_space_row_t row;
        if (cursor->key.bytes != FSP_ROW_PREFIX_BYTES ||
            fsp_space_row_decode(cursor->value, &row) != FSP_OK)
            return FSP_DAMAGED;
        memcpy(space_id.bytes, cursor->key.data + from.used, sizeof(space_id.bytes));
        found(self, space_id, &row);
    }
    return cursor->status;
}

static void
gone_at_start(rebalancer_t *self, fsp_space_id_t space_id, const fsp_space_row_t *row)
{
    if (row->access.state == FSP_LIFE_GONE)
        tell_gone(self, space_id);
}

/* -- when nobody asks -------------------------------------------------------------------------- */

static void
collect_daily(rebalancer_t *self, fsp_space_id_t space_id, const fsp_space_row_t *row)
{
    if (row->access.state < FSP_LIFE_DROPPING)
        (void)add_job(self, space_id);
}

static void
collect_if_changed(rebalancer_t *self, fsp_space_id_t space_id, const fsp_space_row_t *row)
{
    if (row->access.state < FSP_LIFE_DROPPING && !is_quiet(self, space_id, row->change_index))
        (void)add_job(self, space_id);
}

static void
look_at_spaces(rebalancer_t *self, void (*found)(rebalancer_t *self, fsp_space_id_t space_id,
                                                 const fsp_space_row_t *row))
{
    fsp_status_t status = each_space(self, found);
    if (status != FSP_OK) /* the shard stops the node when it meets that row */
        fsp_log(FSP_LOG_ERROR, "rebalancer", "msg=\"spaces cannot be read\" reason=%s",
                fsp_status_name(status));
}

static void
look_at_disk(rebalancer_t *self)
{
    fsp_disk_t disk;
    fsp_time_t now_us = self->shell->now_us;
    self->disk_us = now_us + DISK_LOOK_US;
    if (now_us < self->disk_round_us || fsp_store_disk(self->args->store, &disk) != FSP_OK)
        return;
    uint64_t used = disk.total_bytes - disk.free_bytes;
    uint64_t usable = disk.total_bytes - disk.reserve_bytes;
    if (used / 4 < usable / 5)
        return;
    self->disk_round_us = now_us + DISK_ROUND_US;
    if (used < self->disk_used) {
        self->disk_used = used;
    } else if (used - self->disk_used > disk.total_bytes / 100) {
        /* Puts that were given up, and uploads that were ended, leave garbage and no change. */
        self->disk_used = used;
        self->seen_count = 0;
    }
    look_at_spaces(self, collect_if_changed);
}

/* -- the actor --------------------------------------------------------------------------------- */

static fsp_status_t
start(void *self_, fsp_shell_t *shell, void *args, fsp_error_t *error)
{
    rebalancer_t *self = self_;
    self->shell = shell;
    self->args = args;
    self->daily_us = shell->now_us + self->args->first_us;
    self->disk_us = shell->now_us + DISK_LOOK_US;
    fsp_buf_init(&self->body, FSP_BODY_BYTES_MAX);
    fsp_status_t status = each_space(self, gone_at_start);
    if (status != FSP_OK)
        return fsp_error_set(error, status, "spaces cannot be read: %s", fsp_status_text(status));
    return FSP_OK;
}

static void
stop_jobs(rebalancer_t *self)
{
    end_marker(self);
    self->request_id++; /* what is under way is answered to nobody */
    self->phase = PHASE_IDLE;
    while (self->jobs) {
        job_t *job = self->jobs;
        answer_askers(self, job, FSP_CLOSING);
        LL_DELETE(self->jobs, job);
        fsp_free(job);
    }
    self->daily_us = self->disk_us = FSP_TIME_NEVER;
}

static void
node_mail(rebalancer_t *self, fsp_mail_t *mail)
{
    fsp_space_id_t space_id = {{0}};
    fsp_slice_t body = fsp_mail_body(mail);
    if (mail->envelope.type == FSP_NODE_STOP) {
        stop_jobs(self);
        return;
    }
    FSP_ASSERT(body.bytes == sizeof(space_id));
    memcpy(space_id.bytes, body.data, sizeof(space_id));
    if (mail->envelope.type == FSP_NODE_GONE) {
        forget_seen(self, space_id);
        tell_gone(self, space_id);
        return;
    }
    FSP_ASSERT(mail->envelope.type == FSP_NODE_COLLECT);
    asker_t *asker = FSP_NEW(asker_t);
    asker->from = mail->from;
    asker->request_id = mail->envelope.request_id;
    job_t *job = add_job(self, space_id);
    LL_APPEND(job->askers, asker);
}

static void
mail(void *self_, fsp_mail_t *message)
{
    rebalancer_t *self = self_;
    if (message->envelope.service == FSP_SERVICE_NODE) {
        node_mail(self, message);
        return;
    }
    if (message->envelope.request_id == GONE_ID)
        gone_swept(message);
    if (message->envelope.request_id != self->request_id || self->request_id == GONE_ID)
        return; /* of a question that nobody waits for any more */
    if (message->envelope.service == FSP_SERVICE_SHARD) {
        if ((self->phase == PHASE_OPENING && self->due_us == 0) || self->phase == PHASE_CLOSING)
            shard_answered(self, message);
    } else if (message->envelope.service == FSP_SERVICE_OBJECTS) {
        if (self->phase == PHASE_SWEEPING)
            swept(self, message);
        else if (self->phase == PHASE_MARKING && self->question->ask == FSP_COLLECT_OPEN)
            opened(self, message);
        else if (self->phase == PHASE_MARKING)
            marked(self, message);
    }
}

static void
turn(void *self_)
{
    rebalancer_t *self = self_;
    fsp_time_t now_us = self->shell->now_us;
    if (now_us >= self->daily_us) {
        self->daily_us = now_us + self->args->every_us;
        look_at_spaces(self, collect_daily);
    }
    if (now_us >= self->disk_us)
        look_at_disk(self);
    if (self->phase == PHASE_IDLE && self->jobs)
        begin_job(self);
    else if (self->phase == PHASE_OPENING && self->due_us != 0 && now_us >= self->due_us)
        open_round(self);
    else if (self->phase == PHASE_FREEZING && now_us >= self->due_us)
        begin_marker(self);
    else if (self->phase == PHASE_RESTING && now_us >= self->due_us)
        rested(self);
}

static fsp_time_t
deadline(void *self_)
{
    rebalancer_t *self = self_;
    fsp_time_t due_us = self->daily_us < self->disk_us ? self->daily_us : self->disk_us;
    bool timed = (self->phase == PHASE_IDLE && self->jobs) || self->phase == PHASE_FREEZING ||
                 self->phase == PHASE_RESTING ||
                 (self->phase == PHASE_OPENING && self->due_us != 0);
    return timed && self->due_us < due_us ? self->due_us : due_us;
}

static void
stop(void *self_)
{
    rebalancer_t *self = self_;
    stop_jobs(self);
    fsp_buf_clear(&self->body);
}

const fsp_actor_class_t fsp_rebalancer_actor_class = {
    .name = "rebalancer",
    .state_bytes = sizeof(rebalancer_t),
    .start = start,
    .mail = mail,
    .turn = turn,
    .deadline = deadline,
    .stop = stop,
};
