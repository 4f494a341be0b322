/* SPDX-License-Identifier: MIT */
/* test_objects_crash - what a node that stores promised outlives a crash.  Layer tests. */
#include "core/data/objects.h"
#include "tests/unit/data/storer.h"

enum { OBJECTS = 24, REQUESTS = 1024 };

typedef struct {
    uint64_t epoch;
    size_t object[4]; /* asked for */
    size_t count;
    bool answered;
} request_t;

static fsp_key_t all_keys[OBJECTS];
static fsp_blob_t *all_objects[OBJECTS];
static uint64_t promised[OBJECTS]; /* stamp + 1 that the disk must have; 0: nothing */
static request_t requests[REQUESTS];
static size_t request_count;
static uint64_t epoch; /* rises, so that there is always something to write */

/* Notes what the engine promised. */
static void
note_promises(void)
{
    for (size_t i = 0; i < effects.count; i++) {
        const fsp_objects_effect_t *effect = &effects.items[i];
        if (effect->type != FSP_OBJECTS_STORED && effect->type != FSP_OBJECTS_ANSWER)
            continue;
        request_t *request = &requests[effect->token];
        ck_assert(!request->answered);
        request->answered = true;
        ck_assert_int_eq(effect->status, FSP_OK);
        for (size_t j = 0; j < request->count; j++) {
            size_t which = request->object[j];
            bool yes = effect->type == FSP_OBJECTS_STORED || effect->yes[j];
            ck_assert(yes || promised[which] == 0); /* what was promised is not forgotten */
            if (yes && promised[which] < request->epoch + 1)
                promised[which] = request->epoch + 1;
        }
    }
}

static void
check_disk(void)
{
    for (size_t i = 0; i < OBJECTS; i++) {
        fsp_object_row_t row;
        bool there = row_on_disk(&all_keys[i], &row);
        ck_assert(there || promised[i] == 0);
        if (there)
            ck_assert_uint_ge(row.stamp + 1, promised[i]);
    }
}

static void
random_request(void)
{
    uint64_t token = request_count++;
    request_t *request = &requests[token];
    *request = (request_t){.epoch = epoch + fsp_prng_below(&prng, 6), .count = 1};
    if (fsp_prng_chance(&prng, 1, 2)) {
        request->object[0] = (size_t)fsp_prng_below(&prng, OBJECTS);
        put(token, &all_keys[request->object[0]], all_objects[request->object[0]], request->epoch);
    } else {
        fsp_key_t keys[4];
        request->count = 1 + (size_t)fsp_prng_below(&prng, 4);
        for (size_t i = 0; i < request->count; i++) {
            request->object[i] = (size_t)fsp_prng_below(&prng, OBJECTS);
            keys[i] = all_keys[request->object[i]];
        }
        have(token, keys, request->count, request->epoch);
    }
    note_promises();
}

START_TEST(what_was_promised_outlives_a_crash)
{
    size_t crashes = 0, unanswered = 0, promises = 0;
    uint64_t seed = fsp_suite_seed(21);
    for (unsigned life = 0; life < 400; life++) {
        if (life % 20 == 0) { /* a new disk */
            tear_down();
            set_up();
            fsp_prng_init(&prng, seed + life);
            memset(promised, 0, sizeof(promised));
            for (size_t i = 0; i < OBJECTS; i++) {
                fsp_blob_destroy(&all_objects[i]);
                all_objects[i] = make_object(i % 3 ? 50 + i : 66000 + i, &all_keys[i]);
            }
        }
        request_count = 0;
        epoch = life % 20;
        size_t steps = (size_t)fsp_prng_below(&prng, 120);
        uint64_t eagerness = 2 + fsp_prng_below(&prng, 8);
        for (size_t i = 0; i < steps; i++) {
            if (written_token < write_token && fsp_prng_chance(&prng, 1, eagerness)) {
                finish_write();
                note_promises();
            } else if (fsp_prng_chance(&prng, 1, 10)) {
                fsp_objects_event_t event =
                    event_of(FSP_OBJECTS_GET, 0, &all_keys[fsp_prng_below(&prng, OBJECTS)], 1, 0);
                step(&event);
            } else {
                random_request();
            }
            check_disk();
        }
        if (fsp_prng_chance(&prng, 1, 3)) {
            /* No crash: everything is answered. */
            while (written_token < write_token) {
                finish_write();
                note_promises();
            }
            for (size_t i = 0; i < request_count; i++)
                ck_assert(requests[i].answered);
            ck_assert_uint_eq(fsp_objects_pending_bytes(engine), 0);
        }
        for (size_t i = 0; i < request_count; i++)
            unanswered += !requests[i].answered;
        crashes += written_token < write_token;
        stop_engine();
        start_engine();
        check_disk();
        for (size_t i = 0; i < OBJECTS; i++)
            if (promised[i]) {
                promises++;
                expect_readable(&all_keys[i], all_objects[i], false);
            }
    }
    /* The test has seen what it is for. */
    ck_assert_uint_gt(crashes, 50);
    ck_assert_uint_gt(unanswered, 50);
    ck_assert_uint_gt(promises, 500);
    for (size_t i = 0; i < OBJECTS; i++)
        fsp_blob_destroy(&all_objects[i]);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("objects_crash");
    TCase *tcase = tcase_create("objects_crash");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, what_was_promised_outlives_a_crash);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
