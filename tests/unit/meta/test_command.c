/* SPDX-License-Identifier: MIT */
/* test_command - bytes of commands.  Tests. */
#include "tests/unit/meta/meta_world.h"

static fsp_buf_t carrier;

/* One valid command of each type, with every field different from its default. */
static fsp_command_t
full_command(fsp_command_type_t type)
{
    fsp_command_t command = new_command(&world, type);
    command.system_index = 70;
    command.attempt = 3;
    command.since = 90;
    command.epoch = 5;
    command.layout_version = 1ull << 40;
    fsp_file_id_t seed = file_id(7);
    switch (type) {
    case FSP_COMMAND_SPACE_INIT:
        command.space_init = space_init_command(&world).space_init;
        command.space_init.quota_bytes = 1ull << 50;
        command.space_init.key_count = 2;
        command.space_init.keys[1] =
            (fsp_wrapped_key_t){.generation = 2, .wrapped = text("another")};
        break;
    case FSP_COMMAND_PUT:
        command.put.target = at("/a/b");
        command.put.kind = FSP_KIND_SYMLINK;
        command.put.condition = condition_on(FSP_IF_EDIT, (fsp_version_id_t){{5}});
        command.put.create_parents = true;
        command.put.ids_seed = seed;
        command.put.size = 1234;
        command.put.carrier = fsp_buf_slice(&carrier);
        command.put.attr = text("attributes");
        break;
    case FSP_COMMAND_DELETE:
        command.remove.target = by_id(file_id(9));
        command.remove.recursive = true;
        command.remove.condition = condition_on(FSP_IF_MATCH, (fsp_version_id_t){{5}});
        break;
    case FSP_COMMAND_MKDIR:
        command.mkdir.target = at("/d");
        command.mkdir.create_parents = true;
        command.mkdir.exist_ok = true;
        command.mkdir.ids_seed = seed;
        command.mkdir.attr = text("attributes");
        break;
    case FSP_COMMAND_MOVE:
        command.move.from = by_id(file_id(9));
        command.move.to = at("/to");
        command.move.create_parents = true;
        command.move.replace = true;
        command.move.ids_seed = seed;
        command.move.condition = condition_on(FSP_IF_MATCH, (fsp_version_id_t){{5}});
        break;
    case FSP_COMMAND_RESTORE:
        command.restore.target = at("/a");
        command.restore.version_id = (fsp_version_id_t){{8}};
        command.restore.condition = condition(FSP_IF_REPLACE);
        break;
    case FSP_COMMAND_COPY:
        command.copy.from = at("/a");
        command.copy.version_id = (fsp_version_id_t){{8}};
        command.copy.to = at("/b");
        command.copy.create_parents = true;
        command.copy.condition = condition(FSP_IF_NONE_MATCH);
        command.copy.ids_seed = seed;
        break;
    default:
        break;
    }
    return command;
}

static void
set_up_codec(void)
{
    set_up_bare();
    (void)carrier_of("content", &carrier);
}

static void
tear_down_codec(void)
{
    fsp_buf_clear(&carrier);
    tear_down();
}

static fsp_status_t
code(const fsp_command_t *command, fsp_command_t *ret)
{
    fsp_buf_reset(&world.bytes);
    fsp_command_encode(command, &world.bytes);
    ck_assert(fsp_buf_ok(&world.bytes));
    return fsp_command_decode(fsp_buf_slice(&world.bytes), ret);
}

static fsp_status_t
judged(const fsp_command_t *command)
{
    fsp_command_t decoded;
    return code(command, &decoded);
}

START_TEST(every_field_survives_encoding)
{
    fsp_command_t command = full_command((fsp_command_type_t)_i);
    fsp_command_t decoded;
    ck_status(code(&command, &decoded), FSP_OK);
    ck_assert_int_eq(decoded.type, command.type);
    ck_assert_uint_eq(decoded.version, command.version);
    ck_assert(fsp_space_id_eq(decoded.space_id, command.space_id));
    ck_assert(fsp_subject_id_eq(decoded.subject, command.subject));
    ck_assert_uint_eq(decoded.system_index, 70);
    ck_assert(fsp_op_id_eq(decoded.op_id, command.op_id));
    ck_assert_uint_eq(decoded.attempt, 3);
    ck_assert_uint_eq(decoded.since, 90);
    ck_assert(fsp_hash_eq(decoded.request_digest, command.request_digest));
    ck_assert_uint_eq(decoded.epoch, 5);
    ck_assert_uint_eq(decoded.layout_version, 1ull << 40);
    fsp_buf_t again;
    fsp_buf_init(&again, FSP_COMMAND_BYTES_MAX);
    fsp_command_encode(&decoded, &again);
    ck_assert(fsp_slice_eq(fsp_buf_slice(&again), fsp_buf_slice(&world.bytes)));
    fsp_buf_clear(&again);
}
END_TEST

START_TEST(bodies_come_back_as_they_went)
{
    fsp_command_t back;
    fsp_command_t command = full_command(FSP_COMMAND_PUT);
    ck_status(code(&command, &back), FSP_OK);
    ck_assert(fsp_slice_eq(back.put.target.path, text("/a/b")));
    ck_assert_int_eq(back.put.kind, FSP_KIND_SYMLINK);
    ck_assert_int_eq(back.put.condition.type, FSP_IF_EDIT);
    ck_assert_uint_eq(back.put.condition.versions[0].bytes[0], 5);
    ck_assert(back.put.create_parents);
    ck_assert_uint_eq(back.put.size, 1234);
    ck_assert(fsp_slice_eq(back.put.carrier, fsp_buf_slice(&carrier)));
    ck_assert(fsp_slice_eq(back.put.attr, text("attributes")));
    command = full_command(FSP_COMMAND_MOVE);
    ck_status(code(&command, &back), FSP_OK);
    ck_assert_uint_eq(back.move.from.path.bytes, 0);
    ck_assert(fsp_file_id_eq(back.move.from.id, file_id(9)));
    ck_assert(fsp_slice_eq(back.move.to.path, text("/to")));
    command = full_command(FSP_COMMAND_SPACE_INIT);
    ck_status(code(&command, &back), FSP_OK);
    ck_assert_uint_eq(back.space_init.key_count, 2);
    ck_assert(fsp_slice_eq(back.space_init.keys[1].wrapped, text("another")));
    ck_assert_uint_eq(back.space_init.quota_bytes, 1ull << 50);
}
END_TEST

START_TEST(every_truncation_and_every_extra_byte_is_refused)
{
    fsp_command_t command = full_command((fsp_command_type_t)_i);
    fsp_command_t decoded;
    ck_status(code(&command, &decoded), FSP_OK);
    for (size_t cut = 0; cut < world.bytes.bytes; cut++)
        ck_assert_int_ne(fsp_command_decode(fsp_slice(world.bytes.data, cut), &decoded), FSP_OK);
    fsp_buf_append_u8(&world.bytes, 0);
    ck_status(fsp_command_decode(fsp_buf_slice(&world.bytes), &decoded), FSP_INVALID);
}
END_TEST

START_TEST(unknown_types_and_newer_versions_are_told_apart)
{
    fsp_command_t command = full_command(FSP_COMMAND_MKDIR);
    command.version = FSP_COMMAND_VERSION + 1;
    ck_status(judged(&command), FSP_LEVEL);
    command.version = 0;
    ck_status(judged(&command), FSP_INVALID);
    command = full_command(FSP_COMMAND_MKDIR);
    ck_status(judged(&command), FSP_OK);
    ck_assert_uint_eq(world.bytes.data[1], FSP_COMMAND_MKDIR);
    fsp_command_t decoded;
    world.bytes.data[1] = 0x7f; /* the type, as one byte */
    ck_status(fsp_command_decode(fsp_buf_slice(&world.bytes), &decoded), FSP_UNSUPPORTED);
    world.bytes.data[1] = 0;
    ck_status(fsp_command_decode(fsp_buf_slice(&world.bytes), &decoded), FSP_UNSUPPORTED);
    ck_status(fsp_command_decode((fsp_slice_t){0}, &decoded), FSP_INVALID);
    ck_status(fsp_command_decode(fsp_slice(&decoded, FSP_COMMAND_BYTES_MAX + 1), &decoded),
              FSP_TOO_LARGE);
}
END_TEST

START_TEST(heads_of_commands_are_checked)
{
    fsp_command_t command = full_command(FSP_COMMAND_MKDIR);
    command.space_id = (fsp_space_id_t){{0}};
    ck_status(judged(&command), FSP_INVALID);
    command = full_command(FSP_COMMAND_MKDIR);
    command.op_id = (fsp_op_id_t){{0}};
    ck_status(judged(&command), FSP_INVALID);
    command = full_command(FSP_COMMAND_MKDIR);
    command.attempt = 0;
    ck_status(judged(&command), FSP_INVALID);
}
END_TEST

START_TEST(paths_are_checked)
{
    static const char *const bad[] = {"a", "//", "/a/", "/a//b", "/.", "/..", "/a/../b"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        fsp_command_t command = full_command(FSP_COMMAND_MKDIR);
        command.mkdir.target = at(bad[i]);
        ck_status(judged(&command), FSP_BAD_NAME);
        command = full_command(FSP_COMMAND_COPY);
        command.copy.to = at(bad[i]);
        ck_status(judged(&command), FSP_BAD_NAME);
        command = full_command(FSP_COMMAND_MOVE);
        command.move.from = at(bad[i]);
        ck_status(judged(&command), FSP_BAD_NAME);
    }
    fsp_command_t command = full_command(FSP_COMMAND_MKDIR);
    command.mkdir.target.path = fsp_slice("/a\0b", 4);
    ck_status(judged(&command), FSP_BAD_NAME);
    command.mkdir.target = by_id(file_id(3)); /* only by path */
    ck_status(judged(&command), FSP_INVALID);
    command = full_command(FSP_COMMAND_DELETE);
    command.remove.target = by_id((fsp_file_id_t){{0}});
    ck_status(judged(&command), FSP_INVALID);
}
END_TEST

START_TEST(conditions_are_those_the_command_takes)
{
    fsp_command_t command = full_command(FSP_COMMAND_PUT);
    const fsp_version_id_t version = {{1}};
    command.put.condition = condition(FSP_IF_EDIT);
    ck_status(judged(&command), FSP_INVALID);
    command.put.condition = condition_on(FSP_IF_REPLACE, version);
    ck_status(judged(&command), FSP_INVALID);
    command.put.condition = condition_on(FSP_IF_NONE_MATCH, version);
    ck_status(judged(&command), FSP_INVALID);
    command.put.condition = condition(FSP_IF_MERGE);
    ck_status(judged(&command), FSP_INVALID);
    command.put.condition = condition_on(FSP_IF_MERGE, version);
    ck_status(judged(&command), FSP_OK);
    command.put.condition.versions[1] = version;
    command.put.condition.version_count = 2;
    ck_status(judged(&command), FSP_INVALID); /* one named twice */
    command.put.condition.versions[1].bytes[31] = 1;
    ck_status(judged(&command), FSP_OK);
    command.put.condition.type = (fsp_condition_type_t)6;
    ck_status(judged(&command), FSP_INVALID);
    command.put.condition.type = (fsp_condition_type_t)0;
    ck_status(judged(&command), FSP_INVALID);
    command = full_command(FSP_COMMAND_DELETE);
    command.remove.condition = condition_on(FSP_IF_EDIT, version);
    ck_status(judged(&command), FSP_INVALID);
    command = full_command(FSP_COMMAND_COPY);
    command.copy.condition = condition_on(FSP_IF_MATCH, version);
    ck_status(judged(&command), FSP_INVALID);
    command = full_command(FSP_COMMAND_RESTORE);
    command.restore.condition = condition(FSP_IF_NONE_MATCH);
    ck_status(judged(&command), FSP_INVALID);
}
END_TEST

START_TEST(a_put_names_a_sound_carrier_kind_and_size)
{
    fsp_command_t command = full_command(FSP_COMMAND_PUT);
    command.put.kind = FSP_KIND_DIRECTORY;
    ck_status(judged(&command), FSP_INVALID);
    command.put.kind = (fsp_kind_t)0;
    ck_status(judged(&command), FSP_INVALID);
    command.put.kind = FSP_KIND_SYMLINK;
    command.put.size = FSP_PATH_BYTES_MAX + 1;
    ck_status(judged(&command), FSP_TOO_LARGE);
    command.put.kind = FSP_KIND_FILE;
    command.put.size = (uint64_t)INT64_MAX + 1;
    ck_status(judged(&command), FSP_INVALID);
    command.put.size = INT64_MAX;
    ck_status(judged(&command), FSP_OK);
    command.put.carrier = text("no carrier");
    ck_status(judged(&command), FSP_INVALID);
    fsp_buf_t inlined;
    fsp_buf_init(&inlined, FSP_CARRIER_BYTES_MAX);
    fsp_carrier_encode(
        &(fsp_carrier_t){.root_kind = FSP_ROOT_INLINE, .inline_object = text("object")}, &inlined);
    command.put.carrier = fsp_buf_slice(&inlined);
    command.put.size = FSP_INLINE_BYTES_MAX;
    ck_status(judged(&command), FSP_OK);
    command.put.size = FSP_INLINE_BYTES_MAX + 1;
    ck_status(judged(&command), FSP_INVALID);
    fsp_buf_clear(&inlined);
    command = full_command(FSP_COMMAND_PUT);
    command.put.ids_seed = (fsp_file_id_t){{0}};
    ck_status(judged(&command), FSP_INVALID);
}
END_TEST

START_TEST(a_space_is_born_sound)
{
    fsp_command_t command = full_command(FSP_COMMAND_SPACE_INIT);
    command.space_init.name = text("No Name");
    ck_status(judged(&command), FSP_BAD_NAME);
    command = full_command(FSP_COMMAND_SPACE_INIT);
    command.space_init.trash_id = command.space_init.root_id;
    ck_status(judged(&command), FSP_INVALID);
    command = full_command(FSP_COMMAND_SPACE_INIT);
    command.space_init.owner = (fsp_subject_id_t){{0}};
    ck_status(judged(&command), FSP_INVALID);
    command = full_command(FSP_COMMAND_SPACE_INIT);
    command.space_init.chunk_bytes_min = command.space_init.chunk_bytes_avg + 1;
    ck_status(judged(&command), FSP_INVALID);
    command = full_command(FSP_COMMAND_SPACE_INIT);
    command.space_init.chunk_bytes_max = FSP_CHUNK_BYTES_MAX + 1;
    ck_status(judged(&command), FSP_INVALID);
    command = full_command(FSP_COMMAND_SPACE_INIT);
    command.space_init.keys[1].generation = 1;
    ck_status(judged(&command), FSP_INVALID);
}
END_TEST

/* Version 2 knows lengths of chunks that are equal; what version 1 says did not change. */
START_TEST(chunks_of_one_length_are_version_2)
{
    static const struct {
        uint32_t min, avg, max;
        fsp_status_t first, second;
    } cases[] = {
        {65536, 65536, 65536, FSP_INVALID, FSP_OK},
        {100000, 100000, 100000, FSP_INVALID, FSP_OK},
        {FSP_CHUNK_BYTES_MAX, FSP_CHUNK_BYTES_MAX, FSP_CHUNK_BYTES_MAX, FSP_INVALID, FSP_OK},
        {65536, 65536, 131072, FSP_INVALID, FSP_OK},
        {65536, 131072, 131072, FSP_INVALID, FSP_OK},
        {65536, 131072, 262144, FSP_OK, FSP_OK},
        {65536, 100000, 100000, FSP_INVALID, FSP_INVALID},
        {65536, 100000, 262144, FSP_INVALID, FSP_INVALID},
        {131072, 65536, 131072, FSP_INVALID, FSP_INVALID},
        {63, 63, 63, FSP_INVALID, FSP_INVALID},
        {0, 0, 0, FSP_INVALID, FSP_INVALID},
        {FSP_CHUNK_BYTES_MAX + 1, FSP_CHUNK_BYTES_MAX + 1, FSP_CHUNK_BYTES_MAX + 1, FSP_INVALID,
         FSP_INVALID},
    };
    fsp_command_t command = full_command(FSP_COMMAND_SPACE_INIT);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        command.space_init.chunk_bytes_min = cases[i].min;
        command.space_init.chunk_bytes_avg = cases[i].avg;
        command.space_init.chunk_bytes_max = cases[i].max;
        command.version = 1;
        ck_status(judged(&command), cases[i].first);
        command.version = 2;
        ck_status(judged(&command), cases[i].second);
        uint32_t wanted = fsp_space_init_version(cases[i].min, cases[i].avg, cases[i].max);
        if (cases[i].second == FSP_OK)
            ck_assert_uint_eq(wanted, cases[i].first == FSP_OK ? 1 : 2);
    }
    command.version = 3;
    ck_status(judged(&command), FSP_LEVEL);
    ck_assert_uint_eq(fsp_command_level(FSP_COMMAND_SPACE_INIT, 1), 1);
    ck_assert_uint_eq(fsp_command_level(FSP_COMMAND_SPACE_INIT, 2), 3);
}
END_TEST

START_TEST(derived_ids_are_fixed_for_ever)
{
    fsp_file_id_t seed;
    memset(seed.bytes, 0x11, sizeof(seed.bytes));
    ck_assert(fsp_file_id_eq(fsp_derived_id(seed, 0), seed));
    /* printf 'fsp id' + 16 x 0x11 + 00000001 | sha256sum, first 16 bytes. */
    uint8_t bytes[6 + 16 + 4] = "fsp id";
    memset(bytes + 6, 0x11, 16);
    bytes[25] = 1;
    fsp_hash_t hash = fsp_sha256(fsp_slice(bytes, sizeof(bytes)));
    ck_assert_mem_eq(fsp_derived_id(seed, 1).bytes, hash.bytes, 16);
    ck_assert(!fsp_file_id_eq(fsp_derived_id(seed, 1), fsp_derived_id(seed, 2)));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("command");
    TCase *tcase = tcase_create("codec");
    tcase_add_checked_fixture(tcase, set_up_codec, tear_down_codec);
    tcase_add_loop_test(tcase, every_field_survives_encoding, FSP_COMMAND_SPACE_INIT,
                        FSP_COMMAND_COPY + 1);
    tcase_add_test(tcase, bodies_come_back_as_they_went);
    tcase_add_loop_test(tcase, every_truncation_and_every_extra_byte_is_refused,
                        FSP_COMMAND_SPACE_INIT, FSP_COMMAND_COPY + 1);
    tcase_add_test(tcase, unknown_types_and_newer_versions_are_told_apart);
    tcase_add_test(tcase, heads_of_commands_are_checked);
    tcase_add_test(tcase, paths_are_checked);
    tcase_add_test(tcase, conditions_are_those_the_command_takes);
    tcase_add_test(tcase, a_put_names_a_sound_carrier_kind_and_size);
    tcase_add_test(tcase, a_space_is_born_sound);
    tcase_add_test(tcase, chunks_of_one_length_are_version_2);
    tcase_add_test(tcase, derived_ids_are_fixed_for_ever);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
