/* SPDX-License-Identifier: MIT */
/* fuzz_session - the frontend's session machine under any sequence of messages.  Layer tests.
 *
 * The real frontend (actors/actor_frontend, frontend_*) with its real ROUTER and mailbox, on this
 * thread.  Clients are DEALER sockets over inproc; what they say goes in through
 * fsp_frontend_message, since inproc has no ZAP.  Behind the mailbox: the true state machine on a
 * memory view, a map of objects, and jobs that run when the input says so; it also decides which
 * question is answered next, and how badly.
 *
 * What must hold: no crash; one OK or ERROR for each request (a GET that said OK may fail later);
 * never more data than credit, in either direction; bounded memory; nothing is left behind when all
 * sessions have ended.
 */
#include "tests/fuzz/ck.h"

#include "actors/frontend.h"
#include "actors/log.h"
#include "core/base/prng.h"
#include "core/crypto/digest.h"
#include "tests/unit/meta/meta_world.h"

#include <czmq.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    CLIENTS = 4, /* the last one is nobody's address: what is sent to it cannot arrive */
    GHOST = CLIENTS - 1,
    IDS = 32, /* request ids in use */
    QUESTIONS_MAX = 4096,
    EVENTS_MAX = 400,
    WORKERS = 2,
};

/* What a client knows of one request id. */
typedef struct {
    uint64_t due;      /* answers that its requests must bring */
    uint64_t spare;    /* answers that they may bring besides: a GET that fails after its OK */
    uint64_t answered; /* answers that came */
    uint64_t granted;  /* GET: credit given, PUT: credit got; of the present call */
    uint64_t moved;    /* GET: bytes got */
    uint64_t next;     /* GET: offset expected */
    bool resumed;      /* CREDIT repeats what stands, or content comes otherwise: granted is the
                          sum no more */
    uint64_t offered;  /* chunks of OFFERs that were sent; WANT answers no more */
} slot_t;

typedef struct {
    zsock_t *dealer;
    void *handle;
    char routing_id[4];
    const char *user_id;
    slot_t slots[IDS];
    fsp_session_t *session; /* seen last */
} client_t;

static fsp_frontend_t *frontend;
static fsp_shell_t shell;
static fsp_frontend_actor_args_t args;
static const fsp_secret_t mesh_key = {{8}};
static fsp_spaces_t *spaces; /* anew for each input */
static fsp_store_t *store;
static fsp_mailbox_t *shard_box, *objects_box, *auth_box, *rebalancer_box, *worker_boxes[WORKERS];
static const fsp_key_t admin_key = {{0xad}}, further_key = {{3}};
static fsp_keyring_t keyring; /* the auth actor's */
static client_t clients[CLIENTS];
static fsp_mail_t questions[QUESTIONS_MAX];
static size_t question_count;
static fsp_omap_t *objects;
static fsp_disk_t disk_now;
static char directory[] = "/tmp/fsp-fuzz-session-XXXXXX";
/* The owner by the first key and by another one, and somebody else. */
static char owner_id[FSP_USER_ID_BYTES + 1], further_id[FSP_USER_ID_BYTES + 1], guest_id[33];
static fsp_op_id_t session_ids[CLIENTS];
static bool told; /* FSP_FUZZ_TELL: what is said and answered, on standard error */

static const char *const paths[] = {"/a", "/b", "/d", "/d/a", "/x/y", "/", "/large", "/d/e"};

/* -- once -------------------------------------------------------------------------------------- */

static void
remove_all(void)
{
    fsp_frontend_actor_class.stop(frontend);
    for (int i = 0; i < CLIENTS; i++)
        zsock_destroy(&clients[i].dealer);
    fsp_mailbox_destroy(&shell.mailbox);
    fsp_mailbox_destroy(&shard_box);
    fsp_mailbox_destroy(&objects_box);
    fsp_mailbox_destroy(&auth_box);
    fsp_mailbox_destroy(&rebalancer_box);
    for (int i = 0; i < WORKERS; i++)
        fsp_mailbox_destroy(&worker_boxes[i]);
    fsp_store_close(&store, true, 1000000);
    fsp_spaces_destroy(&spaces);
    fsp_free(frontend);
    zsys_shutdown();
    zdir_t *dir = zdir_new(directory, NULL);
    zdir_remove(dir, true);
    zdir_destroy(&dir);
}

static void
connect_client(int i)
{
    client_t *client = &clients[i];
    memcpy(client->routing_id, "c0", 3);
    client->routing_id[1] = (char)('0' + i);
    client->user_id = i == 2 ? guest_id : i == 1 ? further_id : owner_id;
    if (i == GHOST)
        return;
    client->dealer = zsock_new(ZMQ_DEALER);
    zsock_set_identity(client->dealer, client->routing_id);
    FUZZ_CHECK(zsock_connect(client->dealer, "inproc://fuzz-session") == 0);
    client->handle = zsock_resolve(client->dealer);
    /* Until the ROUTER has read something, it may not know the address. */
    FUZZ_CHECK(zmq_send(client->handle, "x", 1, 0) == 1);
    char frame[16];
    FUZZ_CHECK(zmq_recv(frontend->router_handle, frame, sizeof(frame), 0) == 2);
    FUZZ_CHECK(zmq_recv(frontend->router_handle, frame, sizeof(frame), 0) == 1);
}

/* The subject's id, and behind a ':' the key's. */
static void
write_user_id(fsp_key_t key, char *ret)
{
    fsp_subject_id_t subject = fsp_subject_of(admin_key.bytes);
    fsp_hex_encode(subject.bytes, sizeof(subject.bytes), ret);
    ret[2 * sizeof(subject.bytes)] = ':';
    fsp_hex_encode(key.bytes, sizeof(key.bytes), ret + 2 * sizeof(subject.bytes) + 1);
}

static void
set_up_once(void)
{
    fsp_error_t error = {.text = ""};
    bool fresh = false;
    told = getenv("FSP_FUZZ_TELL") != NULL;
    fsp_log_set_level(FSP_LOG_ERROR);
    (void)zsys_init();
    zsys_handler_set(NULL);
    FUZZ_CHECK(mkdtemp(directory) != NULL);
    fsp_store_config_t config = {.directory = directory, .memory_bytes = 12 * 1024 * 1024};
    FUZZ_CHECK(fsp_store_open(&config, &store, &fresh, &error) == FSP_OK);
    fsp_secret_t secret = {{7}};
    fsp_subject_id_t guest = subject_id(2);
    fsp_hex_encode(guest.bytes, sizeof(guest.bytes), guest_id);
    write_user_id(admin_key, owner_id);
    write_user_id(further_key, further_id);
    args = (fsp_frontend_actor_args_t){.listen = "tcp://127.0.0.1:*",
                                       .store = store,
                                       .feature_level = FSP_FEATURE_LEVEL,
                                       .worker_count = WORKERS,
                                       .layout_version = 1};
    fsp_sign_key_from_seed(&args.sign_key, &secret);
    args.node_id = fsp_node_id_of(args.sign_key.public_key);
    shell.id = FSP_ACTOR_FRONTEND;
    shell.mailbox = fsp_mailbox_new(FSP_ACTOR_FRONTEND);
    shell.now_us = shell.wall_us = 1000000;
    shard_box = fsp_mailbox_new(FSP_ACTOR_SHARD);
    objects_box = fsp_mailbox_new(FSP_ACTOR_OBJECTS);
    auth_box = fsp_mailbox_new(FSP_ACTOR_AUTH);
    rebalancer_box = fsp_mailbox_new(FSP_ACTOR_REBALANCER);
    for (int i = 0; i < WORKERS; i++)
        worker_boxes[i] = fsp_mailbox_new((fsp_actor_id_t)(FSP_ACTOR_WORKER + i));
    frontend = fsp_alloc(fsp_frontend_actor_class.state_bytes);
    FUZZ_CHECK(fsp_frontend_actor_class.start(frontend, &shell, &args, &error) == FSP_OK);
    FUZZ_CHECK(fsp_frontend_actor_class.command(frontend, "SERVE", &error) == FSP_OK);
    FUZZ_CHECK(zmq_bind(frontend->router_handle, "inproc://fuzz-session") == 0);
    for (int i = 0; i < CLIENTS; i++)
        connect_client(i);
    disk_now = frontend->disk;
    disk_now.at_reserve = false;
    (void)atexit(remove_all);
}

/* -- what clients get -------------------------------------------------------------------------- */

static fsp_session_t *
session_of(const client_t *client)
{
    fsp_session_t *session = NULL;
    HASH_FIND(hh, frontend->sessions, client->routing_id, strlen(client->routing_id), session);
    return session;
}

static fsp_call_t *
call_of(const client_t *client, uint64_t id)
{
    fsp_session_t *session = session_of(client);
    return session ? fsp_call_of_session(session, id) : NULL;
}

/* What went before is over for this client; it owes nothing but its live calls. */
static void
start_anew(client_t *client)
{
    memset(client->slots, 0, sizeof(client->slots));
    client->session = session_of(client);
    for (uint64_t id = 0; id < IDS; id++) {
        fsp_call_t *call = call_of(client, id);
        client->slots[id].resumed = true;
        client->slots[id].due = call ? 1 : 0;
        if (call && call->type == FSP_MSG_GET)
            client->slots[id].spare = 1;
    }
}

static void
take_answer(client_t *client, slot_t *slot, const fsp_envelope_t *envelope, fsp_slice_t body,
            size_t payload_bytes)
{
    fsp_reply_t reply;
    memset(&reply, 0, sizeof(reply));
    if (envelope->type != FSP_MSG_DATA)
        FUZZ_CHECK(fsp_reply_decode(body, &reply) == FSP_OK);
    FUZZ_CHECK(payload_bytes <= FSP_FRAME_BYTES_MAX);
    if (told)
        fprintf(stderr, "  client %d gets %d for %d (code %d, credit %d)\n",
                (int)(client - clients), envelope->type, (int)envelope->request_id, (int)reply.code,
                (int)reply.credit);
    switch (envelope->type) {
    case FSP_MSG_WELCOME:
        session_ids[client - clients] = reply.session_id;
        if (reply.resumed)
            for (int i = 0; i < CLIENTS; i++)
                start_anew(&clients[i]);
        slot->answered++;
        slot->due += reply.resumed;
        break;
    case FSP_MSG_PONG:
    case FSP_MSG_ERROR:
        FUZZ_CHECK(envelope->type != FSP_MSG_ERROR || reply.code != 0);
        slot->answered++;
        break;
    case FSP_MSG_OK:
        slot->answered++;
        slot->next = reply.from;
        slot->moved = 0;
        FUZZ_CHECK(payload_bytes == 0 || payload_bytes == reply.to - reply.from);
        break;
    case FSP_MSG_CREDIT:
        FUZZ_CHECK(reply.credit > 0 || reply.has_offset || reply.has_durable);
        FUZZ_CHECK(fsp_key_is_zero(reply.cut_key) == (reply.chunking_count == 0));
        slot->granted += reply.credit;
        slot->resumed = slot->resumed || reply.has_offset;
        break;
    case FSP_MSG_WANT:
        FUZZ_CHECK(reply.has_offset && reply.want.bytes > 0);
        FUZZ_CHECK(slot->resumed || reply.want.bytes <= slot->offered);
        slot->offered -= slot->resumed ? 0 : reply.want.bytes;
        for (size_t i = 0; i < reply.want.bytes; i++) {
            FUZZ_CHECK(reply.want.data[i] <= 1);
            slot->resumed = slot->resumed || reply.want.data[i] == 0; /* offsets jump */
        }
        break;
    case FSP_MSG_NEWS:
        slot->moved += reply.item_count;
        FUZZ_CHECK(slot->moved <= slot->granted);
        break;
    case FSP_MSG_DATA:
        FUZZ_CHECK(body.bytes == 8 && payload_bytes > 0);
        FUZZ_CHECK(slot->resumed || fsp_load_u64(body.data) == slot->next);
        slot->next += payload_bytes;
        slot->moved += payload_bytes;
        FUZZ_CHECK(slot->resumed || slot->moved <= slot->granted);
        break;
    default:
        FSP_UNREACHABLE();
    }
}

/* Reads all that has come for a client. */
static void
read_client(client_t *client)
{
    for (;;) {
        zmq_msg_t frames[4];
        size_t count = 0;
        bool more = true;
        while (more) {
            FUZZ_CHECK(count < 4);
            (void)zmq_msg_init(&frames[count]);
            if (zmq_msg_recv(&frames[count], client->handle, ZMQ_DONTWAIT) == -1) {
                FUZZ_CHECK(count == 0);
                return;
            }
            more = zmq_msg_more(&frames[count++]);
        }
        fsp_envelope_t envelope;
        fsp_slice_t head = fsp_slice(zmq_msg_data(&frames[0]), zmq_msg_size(&frames[0]));
        FUZZ_CHECK(fsp_envelope_decode(head, &envelope) == FSP_OK);
        size_t payload_at = envelope.body_bytes > 0 ? 2 : 1;
        FUZZ_CHECK(count <= payload_at + 1 && count >= payload_at);
        fsp_slice_t body = fsp_slice(NULL, 0);
        if (envelope.body_bytes > 0)
            body = fsp_slice(zmq_msg_data(&frames[1]), zmq_msg_size(&frames[1]));
        FUZZ_CHECK(body.bytes == envelope.body_bytes);
        if (envelope.request_id < IDS)
            take_answer(client, &client->slots[envelope.request_id], &envelope, body,
                        count > payload_at ? zmq_msg_size(&frames[payload_at]) : 0);
        for (size_t i = 0; i < count; i++)
            (void)zmq_msg_close(&frames[i]);
    }
}

static void
check_client(client_t *client)
{
    fsp_session_t *session = session_of(client);
    if (session)
        FUZZ_CHECK(session->call_count <= CALLS_PER_SESSION_MAX &&
                   session->transfer_count <= FSP_TRANSFERS_PER_SESSION_MAX);
    if (client->session && (client->session != session || !session->welcomed || session->detached))
        start_anew(client);
    client->session = session && session->welcomed ? session : NULL;
    for (uint64_t id = 0; id < IDS; id++) {
        slot_t *slot = &client->slots[id];
        fsp_call_t *call = session ? fsp_call_of_session(session, id) : NULL;
        if (call && call->type == FSP_MSG_GET && slot->answered == slot->due && slot->due > 0) {
            slot->due++; /* OK is out: the rest may end in an ERROR */
            slot->spare++;
        }
        uint64_t open = call ? 1 : 0;
        if (slot->answered > slot->due || slot->answered + open + slot->spare < slot->due)
            fprintf(stderr, "client %d, request %d: due %d, spare %d, answered %d, open %d\n",
                    (int)(client - clients), (int)id, (int)slot->due, (int)slot->spare,
                    (int)slot->answered, (int)open);
        FUZZ_CHECK(slot->answered <= slot->due);
        FUZZ_CHECK(slot->answered + open + slot->spare >= slot->due);
        if (call && call->upload && !call->request.end && !slot->resumed)
            FUZZ_CHECK(fsp_upload_offset(call->upload) <= slot->granted);
    }
}

/* -- what the frontend asks -------------------------------------------------------------------- */

static void
read_boxes(void)
{
    fsp_mailbox_t *boxes[] = {shard_box,      objects_box,     auth_box,
                              rebalancer_box, worker_boxes[0], worker_boxes[1]};
    static const fsp_actor_id_t asked[] = {
        FSP_ACTOR_SHARD,      FSP_ACTOR_OBJECTS, FSP_ACTOR_AUTH,
        FSP_ACTOR_REBALANCER, FSP_ACTOR_WORKER,  (fsp_actor_id_t)(FSP_ACTOR_WORKER + 1)};
    for (size_t i = 0; i < sizeof(boxes) / sizeof(boxes[0]); i++) {
        while (question_count < QUESTIONS_MAX) {
            fsp_mail_t *question = &questions[question_count];
            if (!fsp_mailbox_receive(boxes[i], question))
                break;
            question->from = asked[i]; /* not the frontend, but whom it asked */
            bool told_only =
                asked[i] == FSP_ACTOR_REBALANCER && question->envelope.type != FSP_NODE_COLLECT;
            if (told_only)
                fsp_mail_clear(question);
            else
                question_count++;
        }
    }
}

static void
settle_clients(void)
{
    read_boxes();
    for (int i = 0; i < GHOST; i++)
        read_client(&clients[i]);
    for (int i = 0; i < GHOST; i++)
        check_client(&clients[i]);
    FUZZ_CHECK(fsp_budget_bytes(&frontend->budget) <= FSP_TRANSFER_MEMORY_BYTES);
    FUZZ_CHECK(frontend->whole_bytes <= WHOLE_PUTS_BYTES);
    FUZZ_CHECK(frontend->budget.waiting <= OPENS_WAITING_MAX);
    FUZZ_CHECK(frontend->over == NULL);
}

/* Sends an answer to the frontend.  Takes payloads. */
static void
answer(const fsp_mail_t *question, unsigned type, fsp_slice_t body, fsp_blob_t **payloads,
       size_t count)
{
    fsp_mail_t mail = {
        .from = question->from, .envelope = question->envelope, .payload_count = count};
    mail.envelope.type = (uint16_t)type;
    mail.envelope.body_bytes = (uint32_t)body.bytes;
    (void)zmq_msg_init_size(&mail.head, FSP_MAIL_HEAD_BYTES + body.bytes);
    uint8_t *head = zmq_msg_data(&mail.head);
    head[0] = (uint8_t)mail.from;
    fsp_envelope_encode(&mail.envelope, head + 1);
    if (body.bytes)
        memcpy(head + FSP_MAIL_HEAD_BYTES, body.data, body.bytes);
    for (size_t i = 0; i < count; i++)
        fsp_blob_to_msg(&payloads[i], &mail.payload[i]);
    fsp_frontend_actor_class.mail(frontend, &mail);
    fsp_mail_clear(&mail);
}

static void
answer_error(const fsp_mail_t *question, fsp_status_t status)
{
    fsp_buf_t body;
    fsp_buf_init(&body, 64);
    fsp_peer_error_encode(status, &body);
    answer(question, FSP_MSG_ERROR, fsp_buf_slice(&body), NULL, 0);
    fsp_buf_clear(&body);
}

/* An answer with one byte changed, if the input says so. */
static void
answer_changed(const fsp_mail_t *question, fsp_buf_t *body, uint8_t how, fuzz_input_t *input)
{
    if (how == 13 && body->bytes > 0) {
        size_t at = fuzz_u16(input) % body->bytes;
        body->data[at] ^= fuzz_u8(input);
    }
    answer(question, FSP_MSG_OK, fsp_buf_slice(body), NULL, 0);
}

static void
answer_shard(fsp_mail_t *question, uint8_t how, fuzz_input_t *input)
{
    fsp_slice_t asked = fsp_mail_body(question);
    fsp_buf_t body;
    fsp_buf_init(&body, FSP_ANSWER_BYTES_MAX);
    if (question->envelope.type == FSP_SHARD_COMMAND) {
        /* Not apply_bytes, whose result ends before it could be sent. */
        FUZZ_CHECK(fsp_meta_apply(world.shard, world.txn, world.index + 1, 1, world.time + 1000,
                                  asked, &body) == FSP_OK);
        world.index++;
        world.time += 1000;
        commit(&world);
    } else {
        fsp_query_t query;
        FUZZ_CHECK(fsp_query_decode(asked, &query) == FSP_OK);
        (void)ask(&world, &query);
        fsp_buf_append_slice(&body, fsp_buf_slice(&world.answer));
    }
    answer_changed(question, &body, how, input);
    fsp_buf_clear(&body);
}

static void
answer_get(const fsp_mail_t *question, const fsp_object_get_t *get, uint8_t how,
           fuzz_input_t *input)
{
    const fsp_omap_row_t *row = fsp_omap_get(objects, FSP_SLICE_OF(get->key));
    if (!row) {
        answer_error(question, FSP_NOT_FOUND);
        return;
    }
    fsp_object_header_t header;
    fsp_key_t key;
    fsp_object_got_t got = {.sealed_from = get->from};
    FUZZ_CHECK(fsp_object_header_decode(row->value, &header) == FSP_OK);
    FUZZ_CHECK(fsp_object_name(row->value, &key, got.head) == FSP_OK);
    got.sealed_bytes = fsp_object_sealed_bytes(&header);
    got.open_bytes = header.open_bytes;
    uint64_t to = get->to ? get->to : got.sealed_bytes;
    if (to > got.sealed_bytes || get->from > to) {
        answer_error(question, FSP_BAD_RANGE);
        return;
    }
    const uint8_t *open = row->value.data + FSP_OBJECT_HEADER_BYTES;
    fsp_blob_t *parts[2];
    size_t count = 0;
    if (got.open_bytes > 0)
        parts[count++] = fsp_blob_copy(open, header.open_bytes);
    parts[count++] = fsp_blob_copy(open + header.open_bytes + get->from, (size_t)(to - get->from));
    if (how == 13) { /* bytes that went bad, or too few, or none */
        fsp_blob_t *part = parts[fuzz_u8(input) % count];
        size_t bytes = fsp_blob_bytes(part);
        uint8_t change = fuzz_u8(input);
        if (change == 0 && count == 2)
            fsp_blob_destroy(&parts[--count]);
        else if (change == 1)
            fsp_blob_shrink(part, bytes / 2);
        else if (bytes > 0)
            fsp_blob_writable(part)[fuzz_u16(input) % bytes] ^= change;
    }
    fsp_buf_t body;
    fsp_buf_init(&body, 1024);
    fsp_object_got_encode(&got, &body);
    answer(question, FSP_MSG_OK, fsp_buf_slice(&body), parts, count);
    fsp_buf_clear(&body);
}

static void
answer_objects(fsp_mail_t *question, uint8_t how, fuzz_input_t *input)
{
    fsp_slice_t asked = fsp_mail_body(question);
    fsp_object_put_t put;
    fsp_object_get_t get;
    if (question->envelope.type == FSP_OBJECT_PUT) {
        FUZZ_CHECK(fsp_object_put_decode(asked, &put) == FSP_OK && question->payload_count == 2);
        fsp_slice_t object =
            fsp_slice(zmq_msg_data(&question->payload[0]), zmq_msg_size(&question->payload[0]));
        fsp_key_t key;
        uint8_t head[FSP_OBJECT_HEAD_BYTES];
        FUZZ_CHECK(fsp_object_name(object, &key, head) == FSP_OK && fsp_key_eq(key, put.key));
        FUZZ_CHECK(zmq_msg_size(&question->payload[1]) == sizeof(head) &&
                   memcmp(zmq_msg_data(&question->payload[1]), head, sizeof(head)) == 0);
        fsp_omap_put(objects, FSP_SLICE_OF(put.key), object, 0);
        answer(question, FSP_MSG_OK, fsp_slice(NULL, 0), NULL, 0);
    } else if (question->envelope.type == FSP_OBJECT_HAVE) {
        fsp_object_have_t *have = FSP_NEW(fsp_object_have_t);
        FUZZ_CHECK(fsp_object_have_decode(asked, have) == FSP_OK && have->key_count > 0);
        uint8_t yes[FSP_HAVE_KEYS_MAX];
        for (size_t i = 0; i < have->key_count; i++)
            yes[i] = fsp_omap_get(objects, FSP_SLICE_OF(have->keys[i])) != NULL;
        fsp_buf_t body;
        fsp_buf_init(&body, 2 * FSP_HAVE_KEYS_MAX);
        fsp_object_have_answer_encode(yes, have->key_count, &body);
        answer_changed(question, &body, how, input);
        fsp_buf_clear(&body);
        fsp_free(have);
    } else {
        FUZZ_CHECK(fsp_object_get_decode(asked, &get) == FSP_OK);
        answer_get(question, &get, how, input);
    }
}

/* Adds or removes a key as the auth actor does. */
static void
answer_auth(fsp_mail_t *question)
{
    fsp_slice_t asked = fsp_mail_body(question);
    fsp_buf_t body;
    fsp_key_t key;
    memcpy(key.bytes, asked.data, sizeof(key.bytes));
    fsp_status_t status;
    bool add = question->envelope.type == FSP_AUTH_ADD;
    if (add)
        status = fsp_keyring_add(
            &keyring, key,
            fsp_slice(asked.data + FSP_AUTH_ADD_BYTES_MIN, asked.bytes - FSP_AUTH_ADD_BYTES_MIN),
            fsp_load_u64(asked.data + sizeof(key.bytes)));
    else
        status = fsp_keyring_remove(&keyring, key);
    if (status != FSP_OK) {
        answer_error(question, status);
        return;
    }
    const fsp_keyring_item_t *item = fsp_keyring_find(&keyring, key);
    fsp_buf_init(&body, 1024);
    fsp_buf_append_u8(&body, (uint8_t)question->envelope.type);
    fsp_buf_append(&body, key.bytes, sizeof(key.bytes));
    if (add) {
        fsp_buf_append_u64(&body, item->added);
        fsp_buf_append_slice(&body, fsp_slice_text(item->name));
    }
    answer(question, FSP_MSG_OK, fsp_buf_slice(&body), NULL, 0);
    fsp_buf_clear(&body);
}

static void
answer_collected(fsp_mail_t *question)
{
    static uint64_t epoch;
    fsp_node_collected_t collected = {.epoch = ++epoch, .live = 1, .swept = 2, .swept_bytes = 3};
    answer(question, FSP_MSG_OK, fsp_slice(&collected, sizeof(collected)), NULL, 0);
}

/* Answers the question at position: how 12 by an error, 13 badly, else truly. */
static void
answer_question(size_t position, uint8_t how, fuzz_input_t *input)
{
    FUZZ_CHECK(position < question_count);
    fsp_mail_t question = questions[position];
    if (told)
        fprintf(stderr, "actor %d answers %d, how %d\n", (int)question.from, question.envelope.type,
                how);
    memmove(&questions[position], &questions[position + 1],
            (--question_count - position) * sizeof(question));
    if (question.envelope.service == FSP_SERVICE_WORKERS) {
        fsp_job_t *job = fsp_mail_pointer(&question);
        fsp_job_run(job);
        answer(&question, FSP_WORKER_DONE, fsp_slice(&job, sizeof(job)), NULL, 0);
    } else if (how == 12) {
        static const fsp_status_t statuses[] = {
            FSP_NOT_LEADER, FSP_LAYOUT, FSP_IO, FSP_DAMAGED, FSP_BUSY, FSP_EPOCH, FSP_NOT_FOUND};
        size_t choice = fuzz_u8(input) % (sizeof(statuses) / sizeof(statuses[0]));
        answer_error(&question, statuses[choice]);
    } else if (question.envelope.service == FSP_SERVICE_AUTH) {
        answer_auth(&question);
    } else if (question.envelope.service == FSP_SERVICE_NODE) {
        answer_collected(&question);
    } else if (question.envelope.service == FSP_SERVICE_SHARD) {
        answer_shard(&question, how, input);
    } else {
        answer_objects(&question, how, input);
    }
    fsp_mail_clear(&question);
}

/* -- what clients say -------------------------------------------------------------------------- */

static void
frame_init(zmq_msg_t *frame, fsp_slice_t bytes)
{
    (void)zmq_msg_init_size(frame, bytes.bytes);
    if (bytes.bytes)
        memcpy(zmq_msg_data(frame), bytes.data, bytes.bytes);
}

/* Whether the frames are one message, as docs/protocol/client.md has it; *ret is its envelope. */
static bool
is_message(zmq_msg_t *frames, size_t count, bool too_many, fsp_envelope_t *ret)
{
    memset(ret, 0, sizeof(*ret));
    if (fsp_envelope_decode(fsp_slice(zmq_msg_data(&frames[0]), zmq_msg_size(&frames[0])), ret) !=
        FSP_OK)
        return false;
    size_t payload_at = ret->body_bytes > 0 ? 2 : 1;
    if (too_many || count > payload_at + 1)
        return false;
    if (ret->body_bytes > 0 && (count < 2 || zmq_msg_size(&frames[1]) != ret->body_bytes))
        return false;
    return count <= payload_at || zmq_msg_size(&frames[payload_at]) <= FSP_FRAME_BYTES_MAX;
}

/* Of a key that was taken away, also before it says anything. */
static bool
is_revoked(const client_t *client, const fsp_session_t *session)
{
    if (session)
        return session->revoked;
    return client->user_id == further_id && !fsp_keyring_find(&args.keyring, further_key);
}

/* Hands a message to the frontend and notes what it must bring.  Closes the frames. */
static void
deliver(client_t *client, zmq_msg_t *frames, size_t count, bool too_many)
{
    fsp_envelope_t envelope;
    bool whole = is_message(frames, count, too_many, &envelope);
    fsp_session_t *session = session_of(client);
    bool welcomed = session && session->welcomed;
    bool had_call = session && fsp_call_of_session(session, envelope.request_id);
    /* What continues a transfer brings no answer of its own, also when it cannot be read. */
    bool continues = welcomed && envelope.service == FSP_SERVICE_CLIENT &&
                     ((envelope.type >= FSP_MSG_DATA && envelope.type <= FSP_MSG_RESUME) ||
                      (envelope.type == FSP_MSG_OFFER && session->minor >= 3));
    if (whole && envelope.type == FSP_MSG_RESUME && !had_call)
        continues = false; /* GONE, or the answer again */
    if (whole && is_revoked(client, session) && envelope.service == FSP_SERVICE_CLIENT)
        continues = (envelope.type >= FSP_MSG_DATA && envelope.type < FSP_MSG_RESUME) ||
                    envelope.type == FSP_MSG_OFFER; /* all else is FORBIDDEN */
    uint64_t serial = frontend->last_serial;
    slot_t *slot = envelope.request_id < IDS ? &client->slots[envelope.request_id] : NULL;
    if (slot && whole && welcomed && envelope.type == FSP_MSG_CREDIT && had_call) {
        fsp_request_t request;
        if (fsp_request_decode(FSP_MSG_CREDIT,
                               fsp_slice(zmq_msg_data(&frames[1]), envelope.body_bytes),
                               &request) == FSP_OK)
            slot->granted += request.credit;
    }
    if (slot && whole && had_call && envelope.type == FSP_MSG_OFFER)
        slot->offered += FSP_OFFER_CHUNKS_MAX; /* at most */
    if (slot && !continues)
        slot->due++;
    if (slot && !continues && !had_call) {
        slot->granted = slot->moved = slot->next = slot->offered = 0;
        slot->resumed = false;
        fsp_request_t request;
        bool credited = envelope.type == FSP_MSG_GET || envelope.type == FSP_MSG_WATCH;
        if (whole && credited && envelope.body_bytes > 0 &&
            fsp_request_decode((fsp_client_type_t)envelope.type,
                               fsp_slice(zmq_msg_data(&frames[1]), envelope.body_bytes),
                               &request) == FSP_OK)
            slot->granted = request.credit;
    }
    if (told)
        fprintf(stderr, "client %d says %d for %d (whole %d, continues %d, call %d)\n",
                (int)(client - clients), envelope.type, (int)envelope.request_id, whole, continues,
                had_call);
    fsp_frontend_message(frontend, fsp_slice(client->routing_id, strlen(client->routing_id)),
                         client->user_id, frames, count, too_many);
    fsp_frontend_sweep(frontend);
    FUZZ_CHECK(frontend->last_serial == serial || !continues);
    for (size_t i = 0; i < count; i++)
        (void)zmq_msg_close(&frames[i]);
}

/* A well-formed message. */
static void
say(client_t *client, fsp_client_type_t type, uint64_t id, fsp_slice_t body, const uint8_t *payload,
    size_t payload_bytes)
{
    zmq_msg_t frames[3];
    size_t count = 0;
    uint8_t head[FSP_ENVELOPE_BYTES];
    fsp_envelope_t envelope = {.service = FSP_SERVICE_CLIENT,
                               .type = (uint16_t)type,
                               .request_id = id,
                               .body_bytes = (uint32_t)body.bytes};
    fsp_envelope_encode(&envelope, head);
    frame_init(&frames[count++], fsp_slice(head, sizeof(head)));
    if (body.bytes > 0)
        frame_init(&frames[count++], body);
    if (payload)
        frame_init(&frames[count++], fsp_slice(payload, payload_bytes));
    deliver(client, frames, count, false);
}

static const uint8_t *
content(uint8_t share)
{
    static uint8_t *made[3];
    share %= 3;
    if (!made[share]) {
        made[share] = fsp_alloc(FSP_FRAME_BYTES_MAX + 16);
        fsp_prng_t prng;
        fsp_prng_init(&prng, share);
        fsp_prng_fill(&prng, made[share], FSP_FRAME_BYTES_MAX + 16);
        if (share == 1)
            memset(made[share], 'a', FSP_FRAME_BYTES_MAX + 16);
    }
    return made[share];
}

static size_t
some_length(fuzz_input_t *input)
{
    uint8_t scale = fuzz_u8(input) % 20;
    size_t length = fuzz_u32(input) & ((1u << scale) - 1);
    return length > FSP_FRAME_BYTES_MAX + 1 ? FSP_FRAME_BYTES_MAX + 1 : length;
}

static void
say_data(client_t *client, uint64_t id, fuzz_input_t *input)
{
    fsp_call_t *call = call_of(client, id);
    uint8_t offset[8];
    uint64_t at = call && call->upload ? fsp_upload_offset(call->upload) : 0;
    uint8_t how = fuzz_u8(input);
    if (how >= 250)
        at += how;
    fsp_store_u64(offset, at);
    size_t length = some_length(input);
    say(client, FSP_MSG_DATA, id, fsp_slice(offset, how == 249 ? 7 : 8),
        how == 248 ? NULL : content(how), length);
}

/* Chunks as a put of content() may have left them; lengths that inputs meet again. */
static fsp_slice_t
some_chunks(uint8_t flags, uint8_t more)
{
    static uint8_t chunks[5 * FSP_OFFER_CHUNK_BYTES];
    size_t count = 1 + flags % 5;
    for (size_t i = 0; i < count; i++) {
        uint8_t *at = chunks + i * FSP_OFFER_CHUNK_BYTES;
        uint32_t length = flags == 253 ? more : 5000 + 1000 * ((more + (uint32_t)i) % 4);
        fsp_hash_t digest = fsp_sha256(fsp_slice(content((uint8_t)(more + i)), length));
        memcpy(at, digest.bytes, sizeof(digest.bytes));
        fsp_store_u32(at + sizeof(digest.bytes), flags == 252 ? UINT32_MAX - more : length);
    }
    return fsp_slice(chunks, count * FSP_OFFER_CHUNK_BYTES);
}

/* What came with version 3. */
static void
say_third(client_t *client, fsp_request_t *request, fsp_client_type_t type, uint64_t id,
          uint8_t flags, uint8_t more)
{
    fsp_call_t *call = call_of(client, id);
    if (type == FSP_MSG_PUT && !request->end) {
        request->upload_id.bytes[0] = flags & 16 ? 1 + more % 4 : 0;
        request->offer = flags & 32;
        request->token = request->offer ? 0 : request->token; /* or none would come to its end */
        request->known_count = flags & 64 ? 1 + more % FSP_KNOWN_MAX : 0;
    }
    if (type == FSP_MSG_OFFER) {
        request->offset = call && call->upload ? fsp_upload_offset(call->upload) : 0;
        request->offset += flags >= 250 ? more : 0;
        request->chunks = some_chunks(flags, more);
    }
    if (type == FSP_MSG_COMMIT && (flags & 16)) {
        request->has_sha256 = request->has_size;
        request->sha256 = fsp_sha256(fsp_slice(content(more), (size_t)request->size));
    }
    request->attrs = flags & 16;
    if (type == FSP_MSG_ATTR)
        request->has_attr = flags != 251;
    if (type == FSP_MSG_SPACE_SET) {
        request->space = text(more & 1 ? "home" : "team");
        request->set = flags % 4;
        request->quota_bytes = request->set & FSP_SET_QUOTA ? more * 1000000 : 0;
        request->keep_count = request->set & FSP_SET_KEEP && (flags & 8) ? FSP_KEEP_VALUES : 0;
        request->keep[0] = more;
    }
    if (type == FSP_MSG_SPACE_CREATE && (flags & 16)) {
        request->chunking_count = FSP_CHUNKING_VALUES;
        for (size_t i = 0; i < FSP_CHUNKING_VALUES; i++)
            request->chunking[i] = (uint64_t)65536 << (i * (more % 4));
    }
    if (type == FSP_MSG_KEY_ADD || type == FSP_MSG_KEY_REMOVE)
        request->key.bytes[0] = more % 8;
    request->name = text(flags & 1 ? "laptop" : "phone");
}

/* What came with version 2.  ops: where a batch's operations lie. */
static void
say_more(fsp_request_t *request, fsp_client_type_t type, uint8_t flags, uint8_t more,
         fsp_buf_t *ops)
{
    bool looks = type == FSP_MSG_GET || type == FSP_MSG_STAT || type == FSP_MSG_LIST;
    if (looks && (flags & 96) == 96)
        request->at_index = 1 + more % 16;
    if (type == FSP_MSG_WATCH) {
        request->credit = 1 + more % 7;
        request->after_index = flags % 8;
    }
    request->token = flags & 1 ? 1 + more % 16 : 0;
    request->force = type == FSP_MSG_UNLOCK && !(flags & 1);
    request->duration = (uint64_t)(1 + more) * 1000000;
    if (type == FSP_MSG_PURGE) {
        request->before = flags & 1 ? shell.wall_us : 0;
        request->path.bytes = 0;
    }
    if (type == FSP_MSG_SPACE_CREATE || (type == FSP_MSG_SPACE_REMOVE && flags != 254))
        request->space = text(more & 1 ? "home" : "team");
    request->cancel = type == FSP_MSG_SPACE_REMOVE && (flags & 8);
    if (request->cancel)
        request->duration = 0;
    static const fsp_client_type_t parts[] = {FSP_MSG_PUT,    FSP_MSG_MKDIR, FSP_MSG_MOVE,
                                              FSP_MSG_DELETE, FSP_MSG_LOCK,  FSP_MSG_COPY};
    request->op_count = type == FSP_MSG_BATCH ? 1 + flags % 4 : 0;
    for (size_t i = 0; i < request->op_count; i++) {
        fsp_request_op_t op = {.type = parts[(more + i) % 6], .request = *request};
        op.request.space.bytes = 0;
        memset(&op.request.op_id, 0, sizeof(op.request.op_id));
        op.request.attempt = 0;
        if (op.type == FSP_MSG_PUT)
            op.content = fsp_slice(content(more), more * 16);
        fsp_request_op_encode(&op, ops);
    }
    request->ops = fsp_buf_slice(ops);
}

static void
say_request(client_t *client, fsp_client_type_t type, uint64_t id, fuzz_input_t *input)
{
    uint8_t flags = fuzz_u8(input), more = fuzz_u8(input);
    fsp_request_t *request = FSP_NEW(fsp_request_t);
    request->versions[0] = flags == 255 ? 9 : flags & 4 ? 1 : flags & 32 ? 2 : 3;
    request->version_count = 1;
    if (type == FSP_MSG_HELLO && (flags & 1))
        request->session_id = session_ids[(flags >> 1) % CLIENTS];
    request->path = text(paths[more % 8]);
    request->to_path = text(paths[more / 8 % 8]);
    if (flags == 254)
        request->space = text("nowhere");
    fsp_store_u64(request->op_id.bytes, 1 + (flags & 2 ? more : frontend->last_serial + 1000));
    request->attempt = 1 + (flags & 2);
    request->since = flags & 4 ? more : UINT64_MAX;
    request->create_parents = flags & 8;
    request->recursive = request->replace = flags & 16;
    request->exist_ok = flags & 32;
    request->has_attr = flags & 64;
    request->limit = more % 5;
    bool end = type == FSP_MSG_PUT && (flags & 128);
    request->end = end;
    if (type == FSP_MSG_PUT || type == FSP_MSG_COMMIT) {
        request->has_size = (flags & 3) == 3;
        request->size = request->has_size ? fuzz_u16(input) : 0;
    }
    if (type == FSP_MSG_GET && (flags & 8)) {
        request->has_range = true;
        request->range_first = fuzz_u16(input);
        request->range_last = request->range_first + fuzz_u16(input);
    }
    if (type == FSP_MSG_GET || type == FSP_MSG_CREDIT)
        request->credit = more & 1 ? fuzz_u32(input) : 1 + some_length(input);
    if (type == FSP_MSG_RESTORE || type == FSP_MSG_PRUNE ||
        ((flags & 1) && (type == FSP_MSG_GET || type == FSP_MSG_COPY))) {
        fsp_row_key_t from = fsp_row_key(world.shard, FSP_TABLE_VERSION_INDEX, world.space_id);
        const fsp_omap_row_t *row =
            fsp_omap_seek(fsp_memview_map(world.rows), fsp_row_key_slice(&from));
        static char hex[65];
        fsp_hex_encode(row && row->key.bytes >= FSP_ROW_PREFIX_BYTES + 32
                           ? row->key.data + FSP_ROW_PREFIX_BYTES
                           : content(0),
                       32, hex);
        request->version = fsp_slice(hex, 8 + more % 57);
    }
    fsp_buf_t body, ops;
    fsp_buf_init(&body, FSP_BODY_BYTES_MAX);
    fsp_buf_init(&ops, FSP_BODY_BYTES_MAX);
    say_more(request, type, flags, more, &ops);
    say_third(client, request, type, id, flags, more);
    fsp_request_encode(type, request, &body);
    fsp_buf_clear(&ops);
    size_t length = end ? some_length(input) : 0;
    say(client, type, id, fsp_buf_slice(&body), length ? content(more) : NULL, length);
    fsp_buf_clear(&body);
    fsp_free(request);
}

static void
say_raw(client_t *client, fuzz_input_t *input)
{
    zmq_msg_t frames[3];
    size_t count = 1 + fuzz_u8(input) % 3;
    uint8_t how = fuzz_u8(input);
    fsp_slice_t parts[3];
    for (size_t i = 0; i < 3; i++)
        parts[i] = i < count ? fuzz_slice(input, fuzz_u8(input)) : fsp_slice(NULL, 0);
    uint8_t head[FSP_ENVELOPE_BYTES];
    fsp_envelope_t envelope = {.service = how & 2 ? fuzz_u8(input) : FSP_SERVICE_CLIENT,
                               .type = fuzz_u8(input) % 64,
                               .request_id = fuzz_u8(input) % IDS,
                               .body_bytes = (uint32_t)(count > 1 ? parts[1].bytes : how / 128)};
    fsp_envelope_encode(&envelope, head);
    if (how & 1)
        parts[0] = fsp_slice(head, sizeof(head));
    for (size_t i = 0; i < count; i++)
        frame_init(&frames[i], parts[i]);
    deliver(client, frames, count, how & 64);
}

static const fsp_client_type_t types[] = {
    FSP_MSG_PUT,          FSP_MSG_PUT,          FSP_MSG_GET,     FSP_MSG_GET,
    FSP_MSG_CREDIT,       FSP_MSG_CREDIT,       FSP_MSG_COMMIT,  FSP_MSG_COMMIT,
    FSP_MSG_STAT,         FSP_MSG_LIST,         FSP_MSG_MKDIR,   FSP_MSG_MOVE,
    FSP_MSG_COPY,         FSP_MSG_RESTORE,      FSP_MSG_DELETE,  FSP_MSG_ABORT,
    FSP_MSG_HELLO,        FSP_MSG_PING,         FSP_MSG_NODE,    FSP_MSG_VERSIONS,
    FSP_MSG_CHANGES,      FSP_MSG_SPACES,       FSP_MSG_RESUME,  FSP_MSG_GET,
    FSP_MSG_WATCH,        FSP_MSG_LOCK,         FSP_MSG_RENEW,   FSP_MSG_UNLOCK,
    FSP_MSG_UNDELETE,     FSP_MSG_PRUNE,        FSP_MSG_PURGE,   FSP_MSG_BATCH,
    FSP_MSG_SPACE_CREATE, FSP_MSG_SPACE_REMOVE, FSP_MSG_OFFER,   FSP_MSG_OFFER,
    FSP_MSG_ATTR,         FSP_MSG_SPACE_SET,    FSP_MSG_COLLECT, FSP_MSG_KEY_ADD,
    FSP_MSG_KEY_LIST,     FSP_MSG_KEY_REMOVE,
};

/* -- one input --------------------------------------------------------------------------------- */

static void
raise_level(void)
{
    for (uint8_t level = 2; level <= FSP_FEATURE_LEVEL; level++) { /* one by one */
        fsp_command_t command = {.type = FSP_COMMAND_LEVEL_RAISE,
                                 .version = FSP_COMMAND_VERSION,
                                 .op_id = {{level}},
                                 .attempt = 1,
                                 .access = {.value = level}};
        FUZZ_CHECK(apply(&world, &command) == FSP_OK);
    }
}

/* The gateway's home space, with keys of its own. */
static void
make_home(void)
{
    static const fsp_secret_t secret = {{7}};
    static const fsp_chunk_params_t params = {8 * 1024, 64 * 1024, 256 * 1024};
    fsp_gateway_space_t home = {.name = "home", .keys = fsp_space_keys_new()};
    fsp_space_keys_add(home.keys, 1, &secret);
    home.gear = fsp_gear_new(&secret, &params);
    home.cut_key = secret;
    home.space_id = world.space_id;
    home.owner = world.owner;
    fsp_spaces_destroy(&spaces);
    spaces = fsp_spaces_new(&mesh_key);
    (void)fsp_spaces_add(spaces, &home);
    args.spaces = spaces;
}

static void
begin(void)
{
    world_init_bare(&world);
    world.owner = fsp_subject_of(admin_key.bytes);
    fsp_command_t command = space_init_command(&world);
    FUZZ_CHECK(apply(&world, &command) == FSP_OK);
    fsp_keyring_init(&keyring, (fsp_mesh_id_t){{1}}, admin_key.bytes);
    FUZZ_CHECK(fsp_keyring_add(&keyring, further_key, text("further"), 1) == FSP_OK);
    args.keyring = keyring;
    raise_level();
    make_home();
    objects = fsp_omap_new();
    shell.now_us = shell.wall_us = 1000000;
    frontend->last_serial = 0;
    frontend->draining = false;
    frontend->disk = disk_now;
    frontend->tick_us = shell.now_us;
    frontend->flow_us = 0;
    frontend->credit_waits = false;
    frontend->disk_bytes = 0;
    memset(session_ids, 0, sizeof(session_ids));
    fuzz_input_t none = fuzz_input(NULL, 0);
    for (int i = 0; i < CLIENTS; i++) {
        memset(clients[i].slots, 0, sizeof(clients[i].slots));
        clients[i].session = NULL;
        say_request(&clients[i], FSP_MSG_HELLO, 0, &none);
    }
    settle_clients();
}

/* Everything is answered and given up: each request has had its answer, and nothing is left. */
static void
finish(void)
{
    fuzz_input_t none = fuzz_input(NULL, 0);
    for (int round = 0; round < 3; round++) {
        while (question_count > 0) {
            answer_question(0, 0, &none);
            settle_clients();
        }
        for (int i = 0; i < GHOST; i++) {
            if (!session_of(&clients[i]) || !session_of(&clients[i])->welcomed)
                continue;
            for (uint64_t id = 0; id < IDS; id++) {
                if (call_of(&clients[i], id))
                    say_request(&clients[i], FSP_MSG_ABORT, id, &none);
            }
        }
        settle_clients();
    }
    for (int i = 0; i < GHOST; i++) {
        for (uint64_t id = 0; id < IDS; id++) {
            slot_t *slot = &clients[i].slots[id];
            FUZZ_CHECK(!call_of(&clients[i], id));
            FUZZ_CHECK(slot->answered + slot->spare >= slot->due);
        }
    }
    fsp_session_t *session, *next;
    HASH_ITER(hh, frontend->sessions, session, next) fsp_session_destroy(frontend, session);
    fsp_frontend_sweep(frontend);
    read_boxes();
    while (question_count > 0) {
        answer_question(0, 0, &none);
        read_boxes();
    }
    FUZZ_CHECK(frontend->sessions == NULL && frontend->calls == NULL);
    fsp_frontend_forget_partings(frontend);
    FUZZ_CHECK(frontend->budget.waiting == 0 && fsp_budget_bytes(&frontend->budget) == 0);
    FUZZ_CHECK(frontend->whole_bytes == 0);
    for (int i = 0; i < WORKERS; i++)
        FUZZ_CHECK(frontend->worker_jobs[i] == 0);
    fsp_omap_destroy(&objects);
    world_clear(&world);
}

static void
pass_time(fuzz_input_t *input)
{
    uint8_t how = fuzz_u8(input);
    uint64_t us = how < 128 ? (uint64_t)how * 1000 : (uint64_t)(how - 127) * 1000000;
    shell.now_us += us;
    shell.wall_us += us;
    bool at_reserve = frontend->disk.at_reserve;
    fsp_frontend_actor_class.turn(frontend);
    frontend->disk = disk_now;
    frontend->disk.at_reserve = at_reserve;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (!frontend)
        set_up_once();
    fuzz_input_t input = fuzz_input(data, bytes);
    begin();
    for (int i = 0; i < EVENTS_MAX && input.left > 0; i++) {
        uint8_t event = fuzz_u8(&input);
        uint8_t what = event % 16;
        client_t *client = &clients[event / 16 % CLIENTS];
        if (what <= 4) {
            uint8_t type = fuzz_u8(&input);
            say_request(client, types[type % (sizeof(types) / sizeof(types[0]))],
                        fuzz_u8(&input) % IDS, &input);
        } else if (what <= 6) {
            say_data(client, fuzz_u8(&input) % IDS, &input);
        } else if (what == 7) {
            say_raw(client, &input);
        } else if (what <= 13) {
            size_t position = fuzz_u8(&input);
            if (question_count > 0)
                answer_question(position % question_count, what, &input);
        } else if (what == 14) {
            pass_time(&input);
        } else if (what == 15 && event > 200) {
            frontend->disk.at_reserve = !frontend->disk.at_reserve;
        } else if (what == 15) {
            fsp_frontend_actor_class.turn(frontend);
        }
        settle_clients();
    }
    finish();
    return 0;
}
