/* SPDX-License-Identifier: MIT */
/* test_vectors_raft - golden vectors of configurations and of messages between replicas.
   Layer tests.
 *
 * docs/protocol/raft.md.
 */
#include "core/engine/replica_message.h"
#include "tests/unit/proto/vectors.h"

/* -- reading ----------------------------------------------------------------------------------- */

static void
say_conf(json_t *meaning, const fsp_raft_conf_t *conf)
{
    json_t *seats = json_array();
    for (size_t i = 0; i < conf->count; i++) {
        json_t *seat = json_object();
        say_id(seat, "node", conf->seats[i].member.node_id);
        say_u64(seat, "replica", conf->seats[i].member.replica);
        say_id(seat, "store", conf->seats[i].member.store_id);
        say_u64(seat, "flags", conf->seats[i].flags);
        json_array_append_new(seats, seat);
    }
    say_u64(meaning, "aim", conf->aim);
    say_u64(meaning, "next_replica", conf->next_replica);
    say(meaning, "seats", seats);
}

static fsp_status_t
read_conf(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_raft_conf_t conf;
    fsp_status_t status = fsp_raft_conf_decode(bytes, &conf);
    if (status)
        return status;
    say_conf(meaning, &conf);
    fsp_raft_conf_encode(&conf, again);
    return FSP_OK;
}

static void
say_message(json_t *meaning, const fsp_raft_message_t *message)
{
    say_u64(meaning, "type", message->type);
    say_u64(meaning, "from", message->from);
    say_u64(meaning, "to", message->to);
    say_u64(meaning, "term", message->term);
    say_u64(meaning, "index", message->index);
    say_u64(meaning, "index_term", message->index_term);
    say_u64(meaning, "commit", message->commit);
    say_u64(meaning, "round", message->round);
    say_u64(meaning, "hint_index", message->hint_index);
    say_u64(meaning, "hint_term", message->hint_term);
    say_bool(meaning, "refused", message->refused);
    say_bool(meaning, "force", message->force);
    say_optional_id(meaning, "digest", message->digest);
    json_t *entries = json_array();
    for (size_t i = 0; i < message->entry_count; i++) {
        const fsp_entry_t *entry = &message->entries[i];
        json_t *value = json_object();
        say_u64(value, "index", entry->index);
        say_u64(value, "term", entry->term);
        say_u64(value, "entry_kind", entry->kind);
        say_hex(value, "bytes", entry->bytes ? fsp_blob_slice(entry->bytes) : (fsp_slice_t){0});
        json_array_append_new(entries, value);
    }
    say(meaning, "entries", entries);
}

static fsp_status_t
read_message(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_raft_message_t message;
    fsp_status_t status = fsp_raft_message_decode(bytes, &message);
    if (status)
        return status;
    say_message(meaning, &message);
    fsp_raft_message_encode(&message, again);
    fsp_raft_message_clear(&message);
    return FSP_OK;
}

static void
say_frame(json_t *meaning, const fsp_replica_frame_t *frame)
{
    say_u64(meaning, "id", frame->id);
    say_u64(meaning, "position", frame->position);
    say_bool(meaning, "last", frame->last);
    say(meaning, "digest", frame->last ? vectors_hex(FSP_SLICE_OF(frame->digest)) : json_null());
    json_t *conf = json_null();
    if (frame->position == 0) {
        conf = json_object();
        say_conf(conf, &frame->conf);
    }
    say(meaning, "conf", conf);
    say_hex(meaning, "rows", fsp_blob_slice(frame->rows));
}

static fsp_status_t
read_replica(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_replica_message_t message;
    fsp_status_t status = fsp_replica_message_decode(bytes, &message);
    if (status)
        return status;
    say_u64(meaning, "type", message.type);
    if (message.type == FSP_REPLICA_TOOK) {
        say_u64(meaning, "from", message.raft.from);
        say_u64(meaning, "to", message.raft.to);
        say_u64(meaning, "term", message.raft.term);
        say_u64(meaning, "id", message.took.id);
        say_u64(meaning, "position", message.took.position);
        say_bool(meaning, "refused", message.took.refused);
    } else {
        json_t *raft = json_object();
        say_message(raft, &message.raft);
        say(meaning, "raft", raft);
        if (message.type == FSP_REPLICA_FRAME)
            say_frame(meaning, &message.frame);
    }
    fsp_replica_message_encode(&message, again);
    fsp_replica_message_clear(&message);
    return FSP_OK;
}

/* -- making ------------------------------------------------------------------------------------ */

/* Encodes a value and adds it. */
#define ADD(entries_, name_, kind_, encode_, value_)                                               \
    do {                                                                                           \
        fsp_buf_t bytes_;                                                                          \
        fsp_buf_init(&bytes_, VECTORS_BYTES_MAX);                                                  \
        encode_((value_), &bytes_);                                                                \
        vectors_add((entries_), (name_), (kind_), fsp_buf_slice(&bytes_));                         \
        fsp_buf_clear(&bytes_);                                                                    \
    } while (0)

static fsp_raft_conf_t
example_conf(size_t count, const uint32_t *flags)
{
    fsp_raft_conf_t conf = {.aim = 5, .next_replica = 1 + count, .count = count};
    for (size_t i = 0; i < count; i++) {
        FILL(conf.seats[i].member.node_id, (int)(0xd0 + i));
        FILL(conf.seats[i].member.store_id, (int)(0x0d + i));
        conf.seats[i].member.replica = 1 + i;
        conf.seats[i].flags = flags[i];
    }
    return conf;
}

static void
make_confs(json_t *entries)
{
    static const uint32_t simple[] = {1, 1, 1}, sync[] = {1, 4}, joint[] = {2, 3, 3, 1, 0};
    static const uint32_t leaving[] = {2, 0}, mixed[] = {1, 5};
    fsp_raft_conf_t conf = {.next_replica = 1};
    ADD(entries, "configuration of nobody", "raft-conf", fsp_raft_conf_encode, &conf);
    conf = example_conf(3, simple);
    ADD(entries, "configuration of three voters", "raft-conf", fsp_raft_conf_encode, &conf);
    conf.next_replica = 3;
    ADD(entries, "refused: configuration, a number that is still to be given", "raft-conf",
        fsp_raft_conf_encode, &conf);
    conf.next_replica = 9;
    conf.seats[2].member.replica = 2;
    ADD(entries, "refused: configuration, a number twice", "raft-conf", fsp_raft_conf_encode,
        &conf);
    conf = example_conf(2, sync);
    ADD(entries, "configuration of a voter and a synchronous learner", "raft-conf",
        fsp_raft_conf_encode, &conf);
    conf = example_conf(5, joint);
    ADD(entries, "joint configuration with a learner", "raft-conf", fsp_raft_conf_encode, &conf);
    conf = example_conf(2, leaving);
    ADD(entries, "refused: joint configuration without new voters", "raft-conf",
        fsp_raft_conf_encode, &conf);
    conf = example_conf(2, mixed);
    ADD(entries, "refused: configuration, a synchronous learner that votes", "raft-conf",
        fsp_raft_conf_encode, &conf);
    vectors_add_hex(entries, "refused: configuration of version 2", "raft-conf", "9402000190");
    vectors_add_hex(entries, "refused: configuration, unknown flags", "raft-conf",
                    "940105029194c420d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0"
                    "d001c4100d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d08");
}

static fsp_raft_message_t
example_message(fsp_raft_message_type_t type)
{
    return (fsp_raft_message_t){.type = type, .from = 1, .to = 2, .term = 3};
}

/* Every type with what it says. */
static void
make_small_messages(json_t *entries)
{
    static const char *const names[] = {
        NULL,       "prevote",   "prevoted",    "vote",        "voted",    "append, heartbeat",
        "appended", "heartbeat", "heartbeated", "timeout-now", "read-ask", "read-told",
        "snapshot", "diverged",
    };
    for (int type = FSP_RAFT_PREVOTE; type <= FSP_RAFT_DIVERGED; type++) {
        fsp_raft_message_t message = example_message((fsp_raft_message_type_t)type);
        bool round = type == FSP_RAFT_HEARTBEAT || type == FSP_RAFT_HEARTBEATED ||
                     type == FSP_RAFT_READ_ASK || type == FSP_RAFT_READ_TOLD;
        bool end = type == FSP_RAFT_PREVOTE || type == FSP_RAFT_VOTE || type == FSP_RAFT_APPEND ||
                   type == FSP_RAFT_SNAPSHOT;
        message.index = type == FSP_RAFT_VOTED || type == FSP_RAFT_TIMEOUT_NOW ? 0 : 300;
        message.index_term = end ? 2 : 0;
        message.commit = type == FSP_RAFT_APPEND || type == FSP_RAFT_HEARTBEAT ? 299 : 0;
        message.round = round ? UINT64_MAX : 0;
        message.force = type == FSP_RAFT_VOTE;
        message.refused = type == FSP_RAFT_PREVOTED || type == FSP_RAFT_APPENDED;
        message.hint_index = type == FSP_RAFT_APPENDED ? 200 : 0;
        message.hint_term = type == FSP_RAFT_APPENDED ? 1 : 0;
        if (type == FSP_RAFT_HEARTBEATED)
            FILL(message.digest, 0xd1);
        ADD(entries, names[type], "raft-message", fsp_raft_message_encode, &message);
    }
}

static void
make_messages(json_t *entries)
{
    make_small_messages(entries);
    static const uint8_t bytes[] = {0, 0, 0, 0, 0, 0, 0, 1, 0xc0};
    fsp_entry_t log[] = {{.index = 301, .term = 3, .kind = FSP_ENTRY_NOOP},
                         {.index = 302, .term = 3, .kind = FSP_ENTRY_COMMAND},
                         {.index = 303, .term = 3, .kind = FSP_ENTRY_CONFIG}};
    log[1].bytes = fsp_blob_copy(bytes, sizeof(bytes));
    log[2].bytes = fsp_blob_copy("\x94\x01\x05\x01\x90", 5);
    fsp_raft_message_t message = example_message(FSP_RAFT_APPEND);
    message.index = 300;
    message.index_term = 2;
    message.commit = 300;
    message.entries = log;
    message.entry_count = 3;
    ADD(entries, "append of three entries", "raft-message", fsp_raft_message_encode, &message);
    log[0].kind = FSP_ENTRY_COMMAND;
    ADD(entries, "refused: append, a command without octets", "raft-message",
        fsp_raft_message_encode, &message);
    log[0].kind = FSP_ENTRY_NOOP;
    message.entry_count = 0;
    message.term = 0;
    ADD(entries, "refused: append of term 0", "raft-message", fsp_raft_message_encode, &message);
    message.term = 3;
    message.to = 0;
    ADD(entries, "refused: append to nobody", "raft-message", fsp_raft_message_encode, &message);
    fsp_blob_destroy(&log[1].bytes);
    fsp_blob_destroy(&log[2].bytes);
    vectors_add_hex(entries, "refused: message of type 14", "raft-message",
                    "9f010e010203000000000000c2c2c090");
    vectors_add_hex(entries, "refused: message of version 2", "raft-message",
                    "9f0201010203000000000000c2c2c090");
    vectors_add_hex(entries, "refused: message, a zero digest that is not nil", "raft-message",
                    "9f0108010203000000000000c2c2c420000000000000000000000000000000000000000000000"
                    "000000000000000000090");
}

static void
make_replicas(json_t *entries)
{
    static const uint32_t simple[] = {1, 1, 1};
    fsp_replica_message_t message = {.type = FSP_REPLICA_RAFT,
                                     .raft = example_message(FSP_RAFT_TIMEOUT_NOW)};
    ADD(entries, "replica: a message of raft", "replica-message", fsp_replica_message_encode,
        &message);
    message = (fsp_replica_message_t){.type = FSP_REPLICA_FRAME,
                                      .raft = example_message(FSP_RAFT_SNAPSHOT)};
    message.raft.index = 300;
    message.raft.index_term = 2;
    message.frame.id = UINT64_C(0x0123456789abcdef);
    message.frame.conf = example_conf(3, simple);
    message.frame.rows = fsp_blob_copy("\x92\xc4\x01\x01\xc4\x01\xc0", 7);
    ADD(entries, "replica: first frame of a snapshot", "replica-message",
        fsp_replica_message_encode, &message);
    message.frame.last = true;
    FILL(message.frame.digest, 0xd1);
    ADD(entries, "replica: only frame of a snapshot", "replica-message", fsp_replica_message_encode,
        &message);
    message.frame.position = 1;
    ADD(entries, "replica: last frame of a snapshot", "replica-message", fsp_replica_message_encode,
        &message);
    message.frame.position = UINT64_MAX;
    ADD(entries, "refused: replica: a frame behind which there is no number", "replica-message",
        fsp_replica_message_encode, &message);
    fsp_blob_destroy(&message.frame.rows);
    message = (fsp_replica_message_t){.type = FSP_REPLICA_TOOK,
                                      .raft = example_message(FSP_RAFT_SNAPSHOT),
                                      .took = {.id = 7, .position = 1}};
    ADD(entries, "replica: a frame was taken", "replica-message", fsp_replica_message_encode,
        &message);
    message.took.refused = true;
    ADD(entries, "replica: start again", "replica-message", fsp_replica_message_encode, &message);
    vectors_add_hex(entries, "refused: replica: type 4", "replica-message", "930104c400");
    vectors_add_hex(entries, "refused: replica: version 2", "replica-message", "930201c400");
    vectors_add_hex(entries, "refused: replica: raft in the length of a frame", "replica-message",
                    "990101c4000000c2c0c0c400");
}

static void
make_raft(json_t *entries)
{
    make_confs(entries);
    make_messages(entries);
    make_replicas(entries);
}

static const vectors_kind_t kinds[] = {
    {"raft-conf", read_conf, NULL},
    {"raft-message", read_message, NULL},
    {"replica-message", read_replica, NULL},
    {NULL, NULL, NULL},
};

static const vectors_file_t files[] = {{"raft", make_raft}, {NULL, NULL}};

int
main(int argc, char **argv)
{
    return vectors_main("vectors_raft", files, kinds, argc, argv);
}
