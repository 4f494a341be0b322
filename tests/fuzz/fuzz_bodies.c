/* SPDX-License-Identifier: MIT */
/* fuzz_bodies - the state machine at feature level 2 under bodies of every command.  Layer tests.
 *
 * Shard u8 (odd: the system shard), then entries: type u8, how u8 (below), length u16, body.  The
 * head of the command is made here, so that what is judged is the body.  Each entry must be
 * answered, and core/meta/audit must find nothing in the end.
 *
 * how: 1 version 2; 2 the node itself asks; 4 another subject; 8 at a later time; 16 inside a
 * batch.
 */
#include "tests/fuzz/ck.h"

#include "core/meta/audit.h"
#include "tests/unit/meta/meta_world.h"

enum {
    ENTRIES_MAX = 40,
    LISTS_MAX = 2, /* a share is judged over up to a million walks */
    FAR = 1 << 20, /* epoch and layout that no fence stops */
};
#define DAY_US (UINT64_C(86400) * 1000000)

static fsp_status_t
raise_level(void)
{
    fsp_command_t command = new_command(&world, FSP_COMMAND_LEVEL_RAISE);
    command.space_id = (fsp_space_id_t){{0}};
    command.subject = (fsp_subject_id_t){{0}};
    command.access.value = 2;
    return apply(&world, &command);
}

/* A space with a few files, one of them in the trash; ids as the golden vectors name them. */
static void
make_space(void)
{
    world_init_bare(&world);
    memset(world.space_id.bytes, 0x11, sizeof(world.space_id.bytes));
    memset(world.owner.bytes, 0x22, sizeof(world.owner.bytes));
    memset(world.root_id.bytes, 0x88, sizeof(world.root_id.bytes));
    memset(world.trash_id.bytes, 0x99, sizeof(world.trash_id.bytes));
    fsp_command_t command = space_init_command(&world);
    ck_assert_int_eq(apply(&world, &command), FSP_OK);
    (void)put(&world, "/old");
    (void)remove_at(&world, "/old");
    ck_assert_int_eq(raise_level(), FSP_OK);
    (void)put(&world, "/a");
    (void)mkdir_at(&world, "/d");
    (void)put(&world, "/d/b");
    (void)remove_at(&world, "/d/b");
}

static void
make_system(void)
{
    world_init_bare(&world);
    world.shard.shard = FSP_SYSTEM_SHARD;
    memset(world.owner.bytes, 0x22, sizeof(world.owner.bytes));
}

/* The command's bytes: a head, and the body as it came. */
static void
write_command(uint64_t type, uint8_t how, fsp_slice_t body, fsp_buf_t *buf)
{
    bool wide = fsp_command_is_shard_wide((fsp_command_type_t)type);
    bool batched = how & 16 && !wide;
    fsp_command_t head = new_command(&world, FSP_COMMAND_MKDIR);
    fsp_canon_array(buf, 12);
    fsp_canon_uint(buf, batched ? FSP_COMMAND_BATCH : type);
    fsp_canon_uint(buf, how & 1 && !batched ? 2 : 1);
    fsp_canon_id(buf, (wide ? (fsp_space_id_t){{0}} : world.space_id));
    fsp_subject_id_t subject = how & 2   ? (fsp_subject_id_t){{0}}
                               : how & 4 ? subject_id(9)
                                         : world.owner;
    fsp_canon_id(buf, subject);
    fsp_canon_uint(buf, FAR);
    fsp_canon_id(buf, head.op_id);
    fsp_canon_uint(buf, 1);
    fsp_canon_uint(buf, UINT64_MAX);
    fsp_canon_id(buf, head.request_digest);
    fsp_canon_uint(buf, FAR);
    fsp_canon_uint(buf, FAR);
    if (batched) {
        fsp_canon_array(buf, 1);
        fsp_canon_array(buf, 3);
        fsp_canon_uint(buf, type);
        fsp_canon_uint(buf, how & 1 ? 2 : 1);
    }
    fsp_buf_append_slice(buf, body);
}

static void
apply_body(fuzz_input_t *input, unsigned *lists)
{
    uint64_t type = fuzz_u8(input);
    uint8_t how = fuzz_u8(input);
    fsp_slice_t body = fuzz_slice(input, fuzz_u16(input));
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_COMMAND_BYTES_MAX);
    write_command(type, how, body, &bytes);
    fsp_command_t *command = FSP_NEW(fsp_command_t);
    fsp_status_t status = fsp_command_decode(fsp_buf_slice(&bytes), command);
    if (status == FSP_OK) {
        fsp_buf_t again;
        fsp_buf_init(&again, FSP_COMMAND_BYTES_MAX);
        fsp_command_encode(command, &again);
        FUZZ_CHECK(fsp_slice_eq(fsp_buf_slice(&again), fsp_buf_slice(&bytes)));
        fsp_buf_clear(&again);
    }
    /* A level that the program does not know stops it, as it must; a list costs time. */
    bool stops = status == FSP_OK && type == FSP_COMMAND_LEVEL_RAISE &&
                 command->access.value > FSP_FEATURE_LEVEL;
    bool slow = type == FSP_COMMAND_LIST_ADD && ++*lists > LISTS_MAX;
    if (how & 8)
        world.time += (1 + how / 32) * DAY_US / 2;
    if (!stops && !slow) {
        fsp_status_t answered = apply_bytes(&world, fsp_buf_slice(&bytes));
        FUZZ_CHECK(status == FSP_OK || answered == status);
    }
    fsp_free(command);
    fsp_buf_clear(&bytes);
}

static void
refuse_fault(void *context, const fsp_fault_t *fault)
{
    (void)context;
    fprintf(stderr, "fault %s: %s\n", fault->kind, fault->what);
    FUZZ_CHECK(false);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    fuzz_input_t input = fuzz_input(data, bytes);
    if (fuzz_u8(&input) % 2)
        make_system();
    else
        make_space();
    unsigned lists = 0;
    for (int i = 0; i < ENTRIES_MAX && input.left > 0; i++)
        apply_body(&input, &lists);
    fsp_audit_counts_t counts;
    memset(&counts, 0, sizeof(counts));
    fsp_audit_state(world.shard, fsp_memview_view(world.rows), refuse_fault, NULL, &counts);
    world_clear(&world);
    return 0;
}
