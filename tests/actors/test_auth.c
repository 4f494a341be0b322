/* SPDX-License-Identifier: MIT */
/* test_auth - the ZAP handler: known keys get their subject, everything else is refused, never
 * deferred. */
#include "actors/node.h"
#include "proto/peer.h"
#include "tests/actors/actor_world.h"

#include <stdlib.h>
#include <unistd.h>

static uint8_t admin_key[32];

typedef struct {
    char status[8];
    char user[FSP_USER_ID_BYTES + 8];
} verdict_t;

/* Asks as libzmq does (RFC 27). */
static verdict_t
ask(const char *version, const char *mechanism, const void *key, size_t key_bytes)
{
    zsock_t *client = zsock_new(ZMQ_REQ);
    zsock_set_rcvtimeo(client, WORLD_WAIT_MS);
    ck_assert_int_eq(zsock_connect(client, "inproc://zeromq.zap.01"), 0);
    zmsg_t *request = zmsg_new();
    (void)zmsg_addstr(request, version);
    (void)zmsg_addstr(request, "id-1");
    (void)zmsg_addstr(request, "filesphere");
    (void)zmsg_addstr(request, "127.0.0.1");
    (void)zmsg_addmem(request, "", 0);
    (void)zmsg_addstr(request, mechanism);
    if (key)
        (void)zmsg_addmem(request, key, key_bytes);
    (void)zmsg_send(&request, client);
    zmsg_t *reply = zmsg_recv(client);
    ck_assert_ptr_nonnull(reply);
    ck_assert_uint_eq(zmsg_size(reply), 6);
    char *fields[6];
    for (size_t i = 0; i < 6; i++)
        fields[i] = zmsg_popstr(reply);
    ck_assert_str_eq(fields[0], "1.0");
    ck_assert_str_eq(fields[1], "id-1");
    verdict_t verdict;
    (void)snprintf(verdict.status, sizeof(verdict.status), "%s", fields[2]);
    (void)snprintf(verdict.user, sizeof(verdict.user), "%s", fields[4]);
    for (size_t i = 0; i < 6; i++)
        zstr_free(&fields[i]);
    zmsg_destroy(&reply);
    zsock_destroy(&client);
    return verdict;
}

static const fsp_mesh_id_t mesh = {{5}};
static fsp_auth_actor_args_t args;
static char directory[64];

/* An actor with what its directory says, as the supervisor starts it. */
static fsp_actor_t *
start_again(void)
{
    args.directory = directory;
    fsp_keyring_init(&args.keyring, mesh, admin_key);
    fsp_error_t error;
    ck_assert_int_eq(fsp_keyring_load(directory, &args.keyring, &error), FSP_OK);
    fsp_actor_t *actor = fsp_actor_new(&fsp_auth_actor_class, FSP_ACTOR_AUTH, &args);
    fsp_error_t reply;
    ck_assert_int_eq(fsp_actor_command(actor, "START", &reply), FSP_OK);
    return actor;
}

static fsp_actor_t *
begin(void)
{
    world_begin();
    for (size_t i = 0; i < sizeof(admin_key); i++)
        admin_key[i] = (uint8_t)(i * 7 + 1);
    (void)snprintf(directory, sizeof(directory), "/tmp/fsp-auth-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    return start_again();
}

static void
end(fsp_actor_t **actor_p)
{
    fsp_actor_destroy(actor_p);
    char path[96];
    (void)snprintf(path, sizeof(path), "%s/client-keys", directory);
    (void)unlink(path); /* most tests make none */
    ck_assert_int_eq(rmdir(directory), 0);
}

START_TEST(known_key_gets_its_subject)
{
    fsp_actor_t *actor = begin();
    verdict_t verdict = ask("1.0", "CURVE", admin_key, sizeof(admin_key));
    ck_assert_str_eq(verdict.status, "200");
    char user[FSP_USER_ID_BYTES + 1];
    fsp_key_t key;
    memcpy(key.bytes, admin_key, sizeof(key.bytes));
    fsp_user_id_encode(fsp_subject_of(admin_key), key, user);
    ck_assert_str_eq(verdict.user, user);
    end(&actor);
}
END_TEST

START_TEST(a_user_id_says_subject_and_key)
{
    fsp_subject_id_t subject = {{0xab, 1}}, subject_back;
    fsp_key_t key = {{0xcd, 2}}, key_back;
    char user[FSP_USER_ID_BYTES + 8];
    fsp_user_id_encode(subject, key, user);
    ck_assert_uint_eq(strlen(user), FSP_USER_ID_BYTES);
    ck_assert_int_eq(fsp_user_id_decode(user, &subject_back, &key_back), FSP_OK);
    ck_assert(fsp_subject_id_eq(subject, subject_back));
    ck_assert(fsp_key_eq(key, key_back));
    user[32] = '.';
    ck_assert_int_eq(fsp_user_id_decode(user, &subject_back, &key_back), FSP_INVALID);
    user[32] = '\0'; /* without a key */
    ck_assert_int_eq(fsp_user_id_decode(user, &subject_back, &key_back), FSP_OK);
    ck_assert(fsp_key_is_zero(key_back));
    static const char *const bad[] = {"", "ab", "x", ":"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_int_eq(fsp_user_id_decode(bad[i], &subject_back, &key_back), FSP_INVALID);
    fsp_user_id_encode(subject, key, user);
    user[FSP_USER_ID_BYTES] = '0'; /* a digit more */
    user[FSP_USER_ID_BYTES + 1] = '\0';
    ck_assert_int_eq(fsp_user_id_decode(user, &subject_back, &key_back), FSP_INVALID);
    user[FSP_USER_ID_BYTES] = '\0';
    user[40] = 'g';
    ck_assert_int_eq(fsp_user_id_decode(user, &subject_back, &key_back), FSP_INVALID);
}
END_TEST

/* Asks the actor for a change of its keys; *ret_added: what an ADD says. */
static fsp_status_t
change(fsp_mailbox_t *mailbox, unsigned type, uint8_t number, const char *name,
       fsp_time_t *ret_added)
{
    uint8_t body[FSP_AUTH_ADD_BYTES_MIN + 64] = {[0] = 3, [31] = number};
    size_t bytes = sizeof(fsp_key_t);
    if (type == FSP_AUTH_ADD) {
        fsp_store_u64(body + bytes, 77 + number);
        bytes = FSP_AUTH_ADD_BYTES_MIN + strlen(name);
        memcpy(body + FSP_AUTH_ADD_BYTES_MIN, name, strlen(name));
    }
    fsp_mailbox_send(mailbox, FSP_ACTOR_AUTH, FSP_SERVICE_AUTH, type, 4242, fsp_slice(body, bytes),
                     NULL, 0);
    fsp_mail_t mail;
    world_receive(mailbox, &mail);
    ck_assert_int_eq(mail.envelope.service, FSP_SERVICE_AUTH);
    ck_assert_uint_eq(mail.envelope.request_id, 4242);
    fsp_status_t status = FSP_OK;
    fsp_slice_t answer = fsp_mail_body(&mail);
    if (mail.envelope.type != FSP_MSG_OK) {
        status = fsp_peer_error_decode(answer);
    } else {
        ck_assert_uint_eq(answer.bytes, 1 + bytes);
        ck_assert_uint_eq(answer.data[0], type);
        ck_assert_mem_eq(answer.data + 1, body, sizeof(fsp_key_t));
        if (ret_added)
            *ret_added = fsp_load_u64(answer.data + 1 + sizeof(fsp_key_t));
    }
    fsp_mail_clear(&mail);
    return status;
}

static const char *
status_of(uint8_t number)
{
    static verdict_t verdict;
    uint8_t key[32] = {[0] = 3, [31] = number};
    verdict = ask("1.0", "CURVE", key, sizeof(key));
    return verdict.status;
}

/* A further key gets the admin's subject, at once and after a restart, until it is removed. */
START_TEST(keys_are_added_and_removed_for_good)
{
    fsp_actor_t *actor = begin();
    fsp_mailbox_t *mailbox = fsp_mailbox_new(FSP_ACTOR_FRONTEND);
    fsp_time_t added = 0;
    ck_assert_str_eq(status_of(1), "400");
    ck_assert_int_eq(change(mailbox, FSP_AUTH_ADD, 1, "laptop", &added), FSP_OK);
    ck_assert_uint_eq(added, 78);
    ck_assert_int_eq(change(mailbox, FSP_AUTH_ADD, 2, "phone", NULL), FSP_OK);
    ck_assert_str_eq(status_of(1), "200");
    uint8_t key[32] = {[0] = 3, [31] = 2};
    fsp_subject_id_t subject;
    fsp_key_t said;
    verdict_t verdict = ask("1.0", "CURVE", key, sizeof(key));
    ck_assert_int_eq(fsp_user_id_decode(verdict.user, &subject, &said), FSP_OK);
    ck_assert(fsp_subject_id_eq(subject, fsp_subject_of(admin_key)));
    ck_assert_mem_eq(said.bytes, key, sizeof(key));
    ck_assert_int_eq(change(mailbox, FSP_AUTH_ADD, 3, "phone", NULL), FSP_EXISTS);
    ck_assert_int_eq(change(mailbox, FSP_AUTH_ADD, 3, "a/b", NULL), FSP_BAD_NAME);
    ck_assert_int_eq(change(mailbox, FSP_AUTH_REMOVE, 3, NULL, NULL), FSP_NOT_FOUND);
    ck_assert_str_eq(status_of(3), "400");

    fsp_mailbox_destroy(&mailbox);
    fsp_actor_destroy(&actor);
    actor = start_again();
    mailbox = fsp_mailbox_new(FSP_ACTOR_FRONTEND);
    ck_assert_str_eq(status_of(1), "200");
    ck_assert_int_eq(change(mailbox, FSP_AUTH_REMOVE, 1, NULL, NULL), FSP_OK);
    ck_assert_str_eq(status_of(1), "400");
    ck_assert_str_eq(status_of(2), "200");
    fsp_mailbox_destroy(&mailbox);
    fsp_actor_destroy(&actor);
    actor = start_again();
    ck_assert_str_eq(status_of(1), "400");
    ck_assert_str_eq(status_of(2), "200");
    ck_assert_str_eq(ask("1.0", "CURVE", admin_key, sizeof(admin_key)).status, "200");
    end(&actor);
}
END_TEST

/* What cannot be made durable has not happened. */
START_TEST(a_change_that_cannot_be_written_is_none)
{
    fsp_actor_t *actor = begin();
    fsp_mailbox_t *mailbox = fsp_mailbox_new(FSP_ACTOR_FRONTEND);
    ck_assert_int_eq(change(mailbox, FSP_AUTH_ADD, 1, "laptop", NULL), FSP_OK);
    char away[80];
    (void)snprintf(away, sizeof(away), "%s-away", directory);
    ck_assert_int_eq(rename(directory, away), 0);
    ck_assert_int_eq(change(mailbox, FSP_AUTH_ADD, 2, "phone", NULL), FSP_IO);
    ck_assert_int_eq(change(mailbox, FSP_AUTH_REMOVE, 1, NULL, NULL), FSP_IO);
    ck_assert_str_eq(status_of(1), "200");
    ck_assert_str_eq(status_of(2), "400");
    /* Nothing is to be written for what is true already. */
    fsp_time_t added = 0;
    ck_assert_int_eq(change(mailbox, FSP_AUTH_ADD, 1, "laptop", &added), FSP_OK);
    ck_assert_uint_eq(added, 78);
    ck_assert_int_eq(rename(away, directory), 0);
    fsp_mailbox_destroy(&mailbox);
    end(&actor);
}
END_TEST

START_TEST(everything_else_is_refused_with_400_and_no_user)
{
    fsp_actor_t *actor = begin();
    uint8_t other[32];
    memcpy(other, admin_key, sizeof(other));
    other[31] ^= 1;
    const struct {
        const char *version, *mechanism;
        const void *key;
        size_t bytes;
    } bad[] = {
        {"1.0", "CURVE", other, 32},
        {"1.0", "CURVE", admin_key, 31},
        {"1.0", "CURVE", NULL, 0},
        {"1.0", "NULL", NULL, 0},
        {"1.0", "PLAIN", admin_key, 32},
        {"2.0", "CURVE", admin_key, 32},
        {"", "", "", 0},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        verdict_t verdict = ask(bad[i].version, bad[i].mechanism, bad[i].key, bad[i].bytes);
        ck_assert_str_eq(verdict.status, "400");
        ck_assert_str_eq(verdict.user, "");
    }
    /* It still answers well. */
    ck_assert_str_eq(ask("1.0", "CURVE", admin_key, sizeof(admin_key)).status, "200");
    end(&actor);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("auth");
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, known_key_gets_its_subject);
    tcase_add_test(tests, everything_else_is_refused_with_400_and_no_user);
    tcase_add_test(tests, a_user_id_says_subject_and_key);
    tcase_add_test(tests, keys_are_added_and_removed_for_good);
    tcase_add_test(tests, a_change_that_cannot_be_written_is_none);
    suite_add_tcase(suite, tests);
    return world_main(suite);
}
