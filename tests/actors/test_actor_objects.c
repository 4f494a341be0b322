/* SPDX-License-Identifier: MIT */
/* test_actor_objects - whom the objects actor believes: the gateway of its own process, from which
 * a put comes with the head of its object, and nobody else.  Layer tests. */
#include "actors/node.h"
#include "core/base/alloc.h"
#include "proto/peer.h"
#include "tests/actors/actor_world.h"

#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BYTES = 70000, LAYOUT = 1 };

static char directory[64];
static fsp_objects_actor_args_t args;
static fsp_actor_t *store_actor, *objects_actor;
static fsp_space_keys_t *keys;
static fsp_sealed_t made, other; /* two objects of a length */

static int
remove_entry(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info;
    (void)type;
    (void)place;
    return remove(path);
}

static void
seal(uint8_t filling, fsp_sealed_t *ret)
{
    static uint8_t plain[BYTES];
    for (size_t i = 0; i < sizeof(plain); i++)
        plain[i] = (uint8_t)(filling + i * i / 7 + i / 251); /* nothing that compresses away */
    fsp_object_seal_all(keys, FSP_OBJECT_CHUNK, fsp_slice(NULL, 0), fsp_slice(plain, sizeof(plain)),
                        ret);
}

static void
set_up(void)
{
    world_begin();
    (void)snprintf(directory, sizeof(directory), "/tmp/fsp-actor-objects-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    args = (fsp_objects_actor_args_t){.slot_bits = 8, .layout_version = LAYOUT, .store_id = {{9}}};
    fsp_error_t error = {0};
    bool fresh = false;
    fsp_store_config_t config = {.directory = directory, .sync = true, .lock_wait_us = 2000000};
    ck_assert_msg(fsp_store_open(&config, &args.store, &fresh, &error) == FSP_OK, "%s", error.text);
    static fsp_store_actor_args_t store_args;
    store_args.store = args.store;
    store_actor = fsp_actor_new(&fsp_store_actor_class, FSP_ACTOR_STORE, &store_args);
    objects_actor = fsp_actor_new(&fsp_objects_actor_class, FSP_ACTOR_OBJECTS, &args);
    ck_assert_int_eq(fsp_actor_command(store_actor, "START", &error), FSP_OK);
    ck_assert_int_eq(fsp_actor_command(objects_actor, "START", &error), FSP_OK);
    fsp_secret_t secret = {.bytes = {5}};
    keys = fsp_space_keys_new();
    fsp_space_keys_add(keys, 1, &secret);
    seal(1, &made);
    seal(2, &other);
    ck_assert_uint_eq(fsp_blob_bytes(made.object), fsp_blob_bytes(other.object));
}

static void
tear_down(void)
{
    fsp_blob_destroy(&made.object);
    fsp_blob_destroy(&other.object);
    fsp_space_keys_destroy(&keys);
    fsp_actor_destroy(&objects_actor);
    fsp_actor_destroy(&store_actor);
    fsp_store_close(&args.store, true, 1000000);
    (void)nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* What is answered to a put of object under key; head NULL: none comes with it. */
static fsp_status_t
put(fsp_mailbox_t *from, fsp_key_t key, fsp_blob_t *object, const uint8_t *head)
{
    fsp_object_put_t body = {.space_id = {{2}}, .epoch = 1, .layout_version = LAYOUT, .key = key};
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, 1024);
    fsp_object_put_encode(&body, &bytes);
    fsp_blob_t *payloads[2] = {fsp_blob_ref(object)};
    if (head)
        payloads[1] = fsp_blob_copy(head, FSP_OBJECT_HEAD_BYTES);
    ck_assert(fsp_mailbox_send(from, FSP_ACTOR_OBJECTS, FSP_SERVICE_OBJECTS, FSP_OBJECT_PUT, 7,
                               fsp_buf_slice(&bytes), payloads, head ? 2 : 1));
    fsp_buf_clear(&bytes);
    fsp_mail_t mail;
    world_receive(from, &mail);
    ck_assert_uint_eq(mail.envelope.request_id, 7);
    fsp_status_t status =
        mail.envelope.type == FSP_MSG_OK ? FSP_OK : fsp_peer_error_decode(fsp_mail_body(&mail));
    fsp_mail_clear(&mail);
    return status;
}

/* OK: what was got, as a blob of the caller, is the sealed part of object from..to. */
static fsp_status_t
get(fsp_mailbox_t *from, fsp_key_t key, uint64_t begin, uint64_t end, fsp_blob_t **ret)
{
    fsp_object_get_t body = {.space_id = {{2}}, .key = key, .from = begin, .to = end};
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, 1024);
    fsp_object_get_encode(&body, &bytes);
    ck_assert(fsp_mailbox_send(from, FSP_ACTOR_OBJECTS, FSP_SERVICE_OBJECTS, FSP_OBJECT_GET, 8,
                               fsp_buf_slice(&bytes), NULL, 0));
    fsp_buf_clear(&bytes);
    fsp_mail_t mail;
    world_receive(from, &mail);
    fsp_status_t status = FSP_OK;
    if (mail.envelope.type == FSP_MSG_OK) {
        ck_assert_uint_eq(mail.payload_count, 1);
        *ret = fsp_mail_take_payload(&mail, 0);
    } else {
        status = fsp_peer_error_decode(fsp_mail_body(&mail));
    }
    fsp_mail_clear(&mail);
    return status;
}

START_TEST(a_head_is_taken_from_the_own_gateway_only)
{
    fsp_mailbox_t *gateway = fsp_mailbox_new(FSP_ACTOR_FRONTEND);
    fsp_mailbox_t *stranger = fsp_mailbox_new(FSP_ACTOR_REBALANCER);
    fsp_blob_t *bytes = NULL;
    /* Octets of one object under the head and the name of another: its own gateway would be
       believed, so nobody else may be. */
    fsp_blob_t *forged = fsp_blob_copy(fsp_blob_data(made.object), fsp_blob_bytes(made.object));
    fsp_blob_writable(forged)[BYTES / 2] ^= 1;
    ck_assert_int_eq(put(stranger, made.key, forged, made.head), FSP_INVALID);
    ck_assert_int_eq(put(stranger, made.key, forged, NULL), FSP_DAMAGED);
    ck_assert_int_eq(get(gateway, made.key, 0, 0, &bytes), FSP_NOT_FOUND);
    fsp_blob_destroy(&forged);
    /* Who does hash it is heard. */
    ck_assert_int_eq(put(stranger, made.key, made.object, NULL), FSP_OK);
    /* A head that is not the object's, or none. */
    ck_assert_int_eq(put(gateway, other.key, other.object, made.head), FSP_DAMAGED);
    ck_assert_int_eq(put(gateway, other.key, made.object, other.head), FSP_DAMAGED);
    ck_assert_int_eq(put(gateway, other.key, other.object, NULL), FSP_INVALID);
    ck_assert_int_eq(get(gateway, other.key, 0, 0, &bytes), FSP_NOT_FOUND);
    ck_assert_int_eq(put(gateway, other.key, other.object, other.head), FSP_OK);
    fsp_mailbox_destroy(&gateway);
    fsp_mailbox_destroy(&stranger);
}
END_TEST

START_TEST(a_get_gives_the_range_that_is_asked_for)
{
    fsp_mailbox_t *gateway = fsp_mailbox_new(FSP_ACTOR_FRONTEND);
    ck_assert_int_eq(put(gateway, made.key, made.object, made.head), FSP_OK);
    uint64_t all = fsp_blob_bytes(made.object) - FSP_OBJECT_HEADER_BYTES;
    const uint8_t *sealed = fsp_blob_data(made.object) + FSP_OBJECT_HEADER_BYTES;
    const struct {
        uint64_t from, to;
        fsp_status_t status;
    } cases[] = {{0, 0, FSP_OK},
                 {0, all, FSP_OK},
                 {all - 1, all, FSP_OK},
                 {4095, 8193, FSP_OK},
                 {all, all, FSP_OK},
                 {5, 5, FSP_OK},
                 {0, all + 1, FSP_BAD_RANGE},
                 {all + 1, all + 1, FSP_BAD_RANGE}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fsp_blob_t *bytes = NULL;
        ck_assert_int_eq(get(gateway, made.key, cases[i].from, cases[i].to, &bytes),
                         cases[i].status);
        if (!bytes)
            continue;
        uint64_t to = cases[i].to == 0 ? all : cases[i].to;
        ck_assert_uint_eq(fsp_blob_bytes(bytes), to - cases[i].from);
        ck_assert(fsp_slice_eq(fsp_blob_slice(bytes),
                               fsp_slice(sealed + cases[i].from, (size_t)(to - cases[i].from))));
        fsp_blob_destroy(&bytes);
    }
    fsp_mailbox_destroy(&gateway);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("actor_objects");
    TCase *tcase = tcase_create("actor_objects");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_head_is_taken_from_the_own_gateway_only);
    tcase_add_test(tcase, a_get_gives_the_range_that_is_asked_for);
    suite_add_tcase(suite, tcase);
    return world_main(suite);
}
