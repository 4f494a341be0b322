/* SPDX-License-Identifier: MIT */
/* test_mailbox - messages between actors: what arrives is what was sent, and nothing is copied or
 * leaked. */
#include "tests/actors/actor_world.h"

START_TEST(message_arrives_with_body_and_payloads)
{
    world_begin();
    fsp_mailbox_t *a = fsp_mailbox_new(FSP_ACTOR_SHARD), *b = fsp_mailbox_new(FSP_ACTOR_OBJECTS);
    fsp_blob_t *payloads[2] = {fsp_blob_copy("first", 5), fsp_blob_copy("second", 6)};
    fsp_mailbox_send(a, FSP_ACTOR_OBJECTS, FSP_SERVICE_OBJECTS, FSP_OBJECT_PUT, 7,
                     fsp_slice_text("body"), payloads, 2);
    fsp_mail_t mail;
    world_receive(b, &mail);
    ck_assert_int_eq(mail.from, FSP_ACTOR_SHARD);
    ck_assert_uint_eq(mail.envelope.request_id, 7);
    ck_assert_uint_eq(mail.envelope.type, FSP_OBJECT_PUT);
    ck_assert(fsp_slice_eq(fsp_mail_body(&mail), fsp_slice_text("body")));
    ck_assert_uint_eq(mail.payload_count, 2);
    fsp_blob_t *taken = fsp_mail_take_payload(&mail, 1);
    ck_assert(fsp_slice_eq(fsp_blob_slice(taken), fsp_slice_text("second")));
    fsp_mail_clear(&mail);
    ck_assert(
        fsp_slice_eq(fsp_blob_slice(taken), fsp_slice_text("second"))); /* outlives its message */
    fsp_blob_destroy(&taken);
    fsp_mailbox_destroy(&a);
    fsp_mailbox_destroy(&b);
}
END_TEST

START_TEST(message_without_body_or_payload_arrives)
{
    world_begin();
    fsp_mailbox_t *a = fsp_mailbox_new(FSP_ACTOR_SHARD), *b = fsp_mailbox_new(FSP_ACTOR_OBJECTS);
    fsp_mailbox_send(a, FSP_ACTOR_OBJECTS, FSP_SERVICE_OBJECTS, FSP_MSG_OK, 1, fsp_slice(NULL, 0),
                     NULL, 0);
    fsp_mail_t mail;
    world_receive(b, &mail);
    ck_assert_uint_eq(fsp_mail_body(&mail).bytes, 0);
    ck_assert_uint_eq(mail.payload_count, 0);
    fsp_mail_clear(&mail);
    ck_assert(!fsp_mailbox_receive(b, &mail));
    fsp_mailbox_destroy(&a);
    fsp_mailbox_destroy(&b);
}
END_TEST

START_TEST(payload_alone_arrives)
{
    world_begin();
    fsp_mailbox_t *a = fsp_mailbox_new(FSP_ACTOR_SHARD), *b = fsp_mailbox_new(FSP_ACTOR_OBJECTS);
    fsp_blob_t *payload = fsp_blob_new(1024 * 1024);
    memset(fsp_blob_writable(payload), 'x', 1024 * 1024);
    const uint8_t *where = fsp_blob_data(payload);
    fsp_mailbox_send(a, FSP_ACTOR_OBJECTS, FSP_SERVICE_OBJECTS, FSP_MSG_OK, 1, fsp_slice(NULL, 0),
                     &payload, 1);
    ck_assert_ptr_null(payload); /* ownership went with the message */
    fsp_mail_t mail;
    world_receive(b, &mail);
    fsp_blob_t *taken = fsp_mail_take_payload(&mail, 0);
    ck_assert_ptr_eq(fsp_blob_data(taken), where); /* the same memory: no copy between actors */
    fsp_blob_destroy(&taken);
    fsp_mail_clear(&mail);
    fsp_mailbox_destroy(&a);
    fsp_mailbox_destroy(&b);
}
END_TEST

START_TEST(pointers_are_handed_over_in_order)
{
    world_begin();
    fsp_mailbox_t *a = fsp_mailbox_new(FSP_ACTOR_SHARD), *b = fsp_mailbox_new(FSP_ACTOR_STORE);
    int values[100];
    for (int i = 0; i < 100; i++)
        fsp_mailbox_hand(a, FSP_ACTOR_STORE, FSP_SERVICE_STORE, 1, (uint64_t)i, &values[i]);
    for (int i = 0; i < 100; i++) {
        fsp_mail_t mail;
        world_receive(b, &mail);
        ck_assert_ptr_eq(fsp_mail_pointer(&mail), &values[i]);
        fsp_mail_clear(&mail);
    }
    fsp_mailbox_destroy(&a);
    fsp_mailbox_destroy(&b);
}
END_TEST

START_TEST(messages_survive_their_senders_end)
{
    world_begin();
    fsp_mailbox_t *a = fsp_mailbox_new(FSP_ACTOR_SHARD), *b = fsp_mailbox_new(FSP_ACTOR_STORE);
    int value;
    fsp_mailbox_hand(a, FSP_ACTOR_STORE, FSP_SERVICE_STORE, 1, 1, &value);
    fsp_mailbox_destroy(&a);
    fsp_mail_t mail;
    world_receive(b, &mail);
    ck_assert_ptr_eq(fsp_mail_pointer(&mail), &value);
    fsp_mail_clear(&mail);
    fsp_mailbox_destroy(&b);
}
END_TEST

/* A node that stops ends who asks before who answers: late answers find nobody. */
START_TEST(sending_to_who_is_gone_does_not_wait)
{
    world_begin();
    fsp_mailbox_t *a = fsp_mailbox_new(FSP_ACTOR_OBJECTS), *b = fsp_mailbox_new(FSP_ACTOR_FRONTEND);
    ck_assert(fsp_mailbox_send(a, FSP_ACTOR_FRONTEND, FSP_SERVICE_OBJECTS, FSP_MSG_OK, 1,
                               fsp_slice(NULL, 0), NULL, 0));
    fsp_mail_t mail;
    world_receive(b, &mail);
    fsp_mail_clear(&mail);
    fsp_mailbox_destroy(&b);
    int value;
    bool reached = true;
    for (int i = 0; i < 1000 && reached; i++) { /* the reaper closes the inbox, a little later */
        fsp_blob_t *blob = fsp_blob_new(100);
        reached = fsp_mailbox_send(a, FSP_ACTOR_FRONTEND, FSP_SERVICE_OBJECTS, FSP_MSG_OK, 1,
                                   fsp_slice(&value, sizeof(value)), &blob, 1);
        (void)zmq_poll(NULL, 0, 1);
    }
    ck_assert(!reached);
    ck_assert(!fsp_mailbox_hand(a, FSP_ACTOR_FRONTEND, FSP_SERVICE_WORKERS, 1, 1, &value));
    fsp_mailbox_destroy(&a);
}
END_TEST

START_TEST(part_of_a_blob_keeps_the_whole_alive)
{
    fsp_blob_t *whole = fsp_blob_copy("0123456789", 10);
    fsp_blob_t *part = fsp_blob_part(whole, 3, 4);
    fsp_blob_destroy(&whole);
    ck_assert(fsp_slice_eq(fsp_blob_slice(part), fsp_slice_text("3456")));
    fsp_blob_destroy(&part);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("mailbox");
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, message_arrives_with_body_and_payloads);
    tcase_add_test(tests, message_without_body_or_payload_arrives);
    tcase_add_test(tests, payload_alone_arrives);
    tcase_add_test(tests, pointers_are_handed_over_in_order);
    tcase_add_test(tests, messages_survive_their_senders_end);
    tcase_add_test(tests, sending_to_who_is_gone_does_not_wait);
    tcase_add_test(tests, part_of_a_blob_keeps_the_whole_alive);
    suite_add_tcase(suite, tests);
    return world_main(suite);
}
