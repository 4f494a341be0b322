/* SPDX-License-Identifier: MIT */
/* test_auth - the ZAP handler: known keys get their subject, everything else is refused, never
 * deferred. */
#include "actors/node.h"
#include "core/base/text.h"
#include "tests/actors/actor_world.h"

static uint8_t admin_key[32];

typedef struct {
    char status[8];
    char user[64];
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

static fsp_auth_actor_args_t args;

static fsp_actor_t *
begin(void)
{
    world_begin();
    for (size_t i = 0; i < sizeof(admin_key); i++)
        admin_key[i] = (uint8_t)(i * 7 + 1);
    memcpy(args.admin_public_key, admin_key, sizeof(admin_key));
    fsp_actor_t *actor = fsp_actor_new(&fsp_auth_actor_class, FSP_ACTOR_AUTH, &args);
    fsp_error_t reply;
    ck_assert_int_eq(fsp_actor_command(actor, "START", &reply), FSP_OK);
    return actor;
}

START_TEST(known_key_gets_its_subject)
{
    fsp_actor_t *actor = begin();
    verdict_t verdict = ask("1.0", "CURVE", admin_key, sizeof(admin_key));
    ck_assert_str_eq(verdict.status, "200");
    char hex[33];
    fsp_subject_id_t subject = fsp_subject_of(admin_key);
    fsp_hex_encode(subject.bytes, sizeof(subject.bytes), hex);
    ck_assert_str_eq(verdict.user, hex);
    fsp_actor_destroy(&actor);
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
    fsp_actor_destroy(&actor);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("auth");
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, known_key_gets_its_subject);
    tcase_add_test(tests, everything_else_is_refused_with_400_and_no_user);
    suite_add_tcase(suite, tests);
    return world_main(suite);
}
