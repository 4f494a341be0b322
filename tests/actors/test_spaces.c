/* SPDX-License-Identifier: MIT */
/* test_spaces - keys of spaces are made, wrapped and opened again; spaces come and go.  Layer
 * tests. */
#include "actors/spaces.h"
#include "tests/unit/suite.h"

#include "core/crypto/digest.h"

#include <string.h>

static const fsp_secret_t mesh_key = {{1, 2, 3}}, other_key = {{3, 2, 1}};
static fsp_spaces_t *spaces;
static fsp_buf_t bytes;
static fsp_command_t command;

static void
set_up(void)
{
    spaces = fsp_spaces_new(&mesh_key);
    fsp_buf_init(&bytes, FSP_COMMAND_BYTES_MAX);
}

static void
tear_down(void)
{
    fsp_spaces_destroy(&spaces);
    ck_assert_ptr_null(spaces);
    fsp_buf_clear(&bytes);
}

/* A SPACE_INIT as the log has it; in `command`, which borrows from `bytes`. */
static void
make(const char *name, uint8_t id)
{
    fsp_command_t made = {.type = FSP_COMMAND_SPACE_INIT, .version = 1, .attempt = 1};
    memset(made.space_id.bytes, id, sizeof(made.space_id.bytes));
    memset(made.op_id.bytes, id, sizeof(made.op_id.bytes));
    memset(made.space_init.owner.bytes, 9, sizeof(made.space_init.owner.bytes));
    made.space_init.name = fsp_slice_text(name);
    fsp_buf_reset(&bytes);
    fsp_spaces_make(spaces, &made, &bytes);
    ck_assert_int_eq(fsp_command_decode(fsp_buf_slice(&bytes), &command), FSP_OK);
}

/* What SPACES would say about it. */
static fsp_space_info_t
info_of(void)
{
    fsp_space_info_t info = {.space_id = command.space_id,
                             .name = command.space_init.name,
                             .owner = command.space_init.owner,
                             .change_index = 1,
                             .chunk_bytes_min = command.space_init.chunk_bytes_min,
                             .chunk_bytes_avg = command.space_init.chunk_bytes_avg,
                             .chunk_bytes_max = command.space_init.chunk_bytes_max,
                             .key_count = command.space_init.key_count,
                             .wrapped_cut_key = command.space_init.wrapped_cut_key};
    memcpy(info.keys, command.space_init.keys, sizeof(info.keys));
    return info;
}

static fsp_gateway_space_t *
take(const char *name, uint8_t id)
{
    make(name, id);
    fsp_space_info_t info = info_of();
    fsp_gateway_space_t *space = NULL;
    ck_assert_int_eq(fsp_spaces_take(spaces, &info, &space), FSP_OK);
    return space;
}

START_TEST(what_was_wrapped_opens_with_the_mesh_key_only)
{
    fsp_gateway_space_t *space = take("team", 1);
    ck_assert_str_eq(space->name, "team");
    ck_assert_ptr_nonnull(fsp_space_keys_get(space->keys, 1));
    ck_assert_ptr_nonnull(space->gear);
    /* A key in the clear is nowhere in the command. */
    const fsp_space_key_t *key = fsp_space_keys_get(space->keys, 1);
    ck_assert_ptr_null(memmem(bytes.data, bytes.bytes, key->data_key.bytes, 32));

    fsp_space_info_t info = info_of();
    fsp_spaces_t *others = fsp_spaces_new(&other_key);
    fsp_gateway_space_t *stolen = NULL;
    ck_assert_int_eq(fsp_spaces_take(others, &info, &stolen), FSP_DAMAGED);
    ck_assert_ptr_null(stolen);
    ck_assert_uint_eq(fsp_spaces_count(others), 0);
    fsp_spaces_destroy(&others);
    /* Nor under the name of another space. */
    info.space_id.bytes[0]++;
    ck_assert_int_eq(fsp_spaces_take(spaces, &info, &stolen), FSP_DAMAGED);
}
END_TEST

START_TEST(two_spaces_never_have_the_same_keys)
{
    make("a", 1);
    uint8_t first[FSP_WRAPPED_BYTES_MAX];
    fsp_slice_t wrapped = command.space_init.keys[0].wrapped;
    memcpy(first, wrapped.data, wrapped.bytes);
    make("a", 1);
    ck_assert_uint_eq(command.space_init.keys[0].wrapped.bytes, wrapped.bytes);
    ck_assert_mem_ne(command.space_init.keys[0].wrapped.data, first, wrapped.bytes);
    ck_assert_mem_ne(command.space_init.root_id.bytes, command.space_init.trash_id.bytes, 16);
}
END_TEST

START_TEST(the_home_space_is_found_by_its_name)
{
    ck_assert_ptr_null(fsp_spaces_home(spaces));
    fsp_gateway_space_t *first = take("alpha", 1);
    ck_assert_ptr_eq(fsp_spaces_home(spaces), first);
    fsp_gateway_space_t *home = take("home", 2);
    ck_assert_ptr_eq(fsp_spaces_home(spaces), home);
    ck_assert_ptr_eq(fsp_spaces_find(spaces, fsp_slice_text("")), home);
    ck_assert_ptr_eq(fsp_spaces_find(spaces, fsp_slice_text("alpha")), first);
    ck_assert_ptr_null(fsp_spaces_find(spaces, fsp_slice_text("alph")));
}
END_TEST

START_TEST(a_space_that_is_used_outlives_its_end)
{
    fsp_gateway_space_t *old = take("team", 1);
    old->uses = 1;
    fsp_gateway_space_t *young = take("team", 2); /* its name was free again */
    ck_assert(old->retired);
    ck_assert_ptr_eq(fsp_spaces_find(spaces, fsp_slice_text("team")), young);
    fsp_spaces_sweep(spaces);
    ck_assert_uint_eq(fsp_spaces_count(spaces), 2);
    ck_assert_ptr_nonnull(fsp_space_keys_get(old->keys, 1));
    old->uses = 0;
    fsp_spaces_sweep(spaces);
    ck_assert_uint_eq(fsp_spaces_count(spaces), 1);
}
END_TEST

START_TEST(taking_again_brings_up_to_date)
{
    fsp_gateway_space_t *space = take("team", 1);
    fsp_space_info_t info = info_of();
    info.change_index = 7;
    info.epoch = 3;
    fsp_gateway_space_t *again = NULL;
    ck_assert_int_eq(fsp_spaces_take(spaces, &info, &again), FSP_OK);
    ck_assert_ptr_eq(again, space);
    ck_assert_uint_eq(space->change, 7);
    ck_assert_uint_eq(space->epoch, 3);
    info.change_index = 5; /* an answer that is older than what was seen */
    ck_assert_int_eq(fsp_spaces_take(spaces, &info, &again), FSP_OK);
    ck_assert_uint_eq(space->change, 7);
}
END_TEST

START_TEST(there_is_a_bound)
{
    static const fsp_chunk_params_t params = {8 * 1024, 64 * 1024, 256 * 1024};
    for (size_t i = 0; i < FSP_SPACES_HELD_MAX; i++) {
        fsp_gateway_space_t space = {.keys = fsp_space_keys_new(),
                                     .gear = fsp_gear_new(&mesh_key, &params)};
        (void)snprintf(space.name, sizeof(space.name), "s%zu", i);
        memcpy(space.space_id.bytes, &i, sizeof(i));
        space.space_id.bytes[15] = 1;
        (void)fsp_spaces_add(spaces, &space);
    }
    make("more", 1);
    fsp_space_info_t info = info_of();
    fsp_gateway_space_t *space = NULL;
    ck_assert_int_eq(fsp_spaces_take(spaces, &info, &space), FSP_BUSY);
    fsp_spaces_retire(spaces, fsp_spaces_find(spaces, fsp_slice_text("s5")));
    ck_assert_int_eq(fsp_spaces_take(spaces, &info, &space), FSP_OK);
}
END_TEST

static Suite *
spaces_suite(void)
{
    Suite *suite = suite_create("spaces");
    TCase *tcase = tcase_create("spaces");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, what_was_wrapped_opens_with_the_mesh_key_only);
    tcase_add_test(tcase, two_spaces_never_have_the_same_keys);
    tcase_add_test(tcase, the_home_space_is_found_by_its_name);
    tcase_add_test(tcase, a_space_that_is_used_outlives_its_end);
    tcase_add_test(tcase, taking_again_brings_up_to_date);
    tcase_add_test(tcase, there_is_a_bound);
    suite_add_tcase(suite, tcase);
    return suite;
}

int
main(void)
{
    return fsp_suite_main(spaces_suite());
}
