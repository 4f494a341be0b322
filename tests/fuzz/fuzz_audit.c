/* SPDX-License-Identifier: MIT */
/* fuzz_audit - checking and asking a state whose rows were damaged.  Layer tests.
 *
 * A small state, then changes to its rows: how u8, which u8, and what.  The audit must end and must
 * not crash whatever the rows say; it finds nothing in a state that nobody touched.  Queries
 * answer, or say that the state cannot be read.
 */
#include "tests/fuzz/ck.h"

#include "core/meta/audit.h"
#include "tests/unit/meta/meta_world.h"

enum { CHANGES_MAX = 24 };

static size_t faults;

static void
count_fault(void *context, const fsp_fault_t *fault)
{
    (void)context;
    FUZZ_CHECK(fault->kind != NULL && fault->kind[0] != '\0');
    FUZZ_CHECK(strnlen(fault->what, sizeof(fault->what)) < sizeof(fault->what));
    fsp_buf_t path;
    fsp_buf_init(&path, 256);
    fsp_audit_path(world.shard, fsp_memview_view(world.rows), fault->space_id, fault->file_id,
                   &path);
    fsp_buf_clear(&path);
    faults++;
}

static size_t
audit(void)
{
    fsp_audit_counts_t counts;
    memset(&counts, 0, sizeof(counts));
    faults = 0;
    fsp_audit_state(world.shard, fsp_memview_view(world.rows), count_fault, NULL, &counts);
    return faults;
}

static void
make_state(void)
{
    world_init(&world);
    (void)put(&world, "/a");
    (void)mkdir_at(&world, "/d");
    (void)put(&world, "/d/f");
    (void)put(&world, "/a");
    (void)put_if(&world, "/a", condition_on(FSP_IF_EDIT, world.result.version_id));
    (void)copy(&world, at("/a"), (fsp_version_id_t){{0}}, "/c", FSP_IF_REPLACE);
    (void)move(&world, "/c", "/d/c");
    (void)remove_at(&world, "/d/f");
}

static void
change_row(fuzz_input_t *input)
{
    uint8_t how = fuzz_u8(input), which = fuzz_u8(input);
    fsp_omap_t *map = fsp_memview_map(world.rows);
    const fsp_omap_row_t *row = fsp_omap_first(map);
    for (uint8_t i = 0; i < which && row; i++)
        row = fsp_omap_next(row);
    if (!row)
        return;
    fsp_buf_t key, value;
    fsp_buf_init(&key, 2 * FSP_ROW_KEY_BYTES_MAX);
    fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
    fsp_buf_append_slice(&key, row->key);
    fsp_buf_append_slice(&value, row->value);
    fsp_slice_t old = fsp_buf_slice(&key);
    switch (how % 6) {
    case 0: /* gone */
        fsp_omap_remove(map, old);
        break;
    case 1: /* a bit flipped in the value */
        if (value.bytes > 0)
            value.data[fuzz_u16(input) % value.bytes] ^= fuzz_u8(input);
        fsp_omap_put(map, old, fsp_buf_slice(&value), 0);
        break;
    case 2: /* a value cut or lengthened */
        value.bytes -= fuzz_u8(input) % (value.bytes + 1);
        fsp_buf_append_slice(&value, fuzz_slice(input, fuzz_u8(input)));
        fsp_omap_put(map, old, fsp_buf_slice(&value), 0);
        break;
    case 3: /* the row under another key */
        fsp_omap_remove(map, old);
        key.data[fuzz_u16(input) % key.bytes] ^= fuzz_u8(input);
        fsp_omap_put(map, fsp_buf_slice(&key), fsp_buf_slice(&value), 0);
        break;
    case 4: /* a copy under another key */
        key.bytes -= fuzz_u8(input) % 32 % key.bytes;
        fsp_buf_append_slice(&key, fuzz_slice(input, fuzz_u8(input) % 64));
        fsp_omap_put(map, fsp_buf_slice(&key), fsp_buf_slice(&value), 0);
        break;
    default: /* another row's value */
        row = fsp_omap_next(row);
        if (row) {
            fsp_buf_reset(&value);
            fsp_buf_append_slice(&value, row->value);
            fsp_omap_put(map, old, fsp_buf_slice(&value), 0);
        }
        break;
    }
    fsp_buf_clear(&key);
    fsp_buf_clear(&value);
}

static void
ask_all(void)
{
    static const char *const paths[] = {"/", "/a", "/d", "/d/c", "/d/f"};
    for (int type = FSP_QUERY_RESOLVE; type <= FSP_QUERY_SPACES; type++) {
        for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
            fsp_query_t query = new_query(&world, (fsp_query_type_t)type);
            query.target = at(paths[i]);
            fsp_buf_reset(&world.answer);
            if (fsp_meta_query(world.shard, fsp_memview_view(world.rows), &query, &world.answer) ==
                FSP_OK) {
                fsp_answer_t answer;
                FUZZ_CHECK(fsp_answer_open(fsp_buf_slice(&world.answer), &answer) == FSP_OK);
            }
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    fuzz_input_t input = fuzz_input(data, bytes);
    make_state();
    if (bytes == 0)
        FUZZ_CHECK(audit() == 0);
    for (int i = 0; i < CHANGES_MAX && input.left > 0; i++)
        change_row(&input);
    (void)audit();
    ask_all();
    world_clear(&world);
    return 0;
}
