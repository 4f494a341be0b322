/* SPDX-License-Identifier: MIT */
/* test_query_list - large directories: whatever the order of ids, a LIST tells of each name what
 * its node says, and reads no more than it must.  Tests. */
#include "core/base/prng.h"
#include "tests/unit/meta/faulty_view.h"
#include "tests/unit/meta/node_world.h"

enum { FILES = 700 }; /* more than are taken at a time */

/* How the ids of files with rising names lie. */
typedef enum { RISING, FALLING, NEARLY_RISING, IN_RUNS, RANDOM, ORDERS } order_t;

/* The id of the i-th name.  file_id() keeps those of other makers below. */
static fsp_file_id_t
id_of(order_t order, uint64_t i)
{
    switch (order) {
    case RISING:
        return file_id(100000 + i);
    case FALLING:
        return file_id(200000 - i);
    case NEARLY_RISING: /* as clients beside each other make them */
        return file_id(100000 + (i ^ 13));
    case IN_RUNS: /* runs of ten, each far from the others */
        return file_id(100000 + i % 10 + i / 10 * 7919 % 500 * 1000);
    case RANDOM:
    default: {
        fsp_prng_t prng;
        fsp_prng_init(&prng, i + 1);
        fsp_file_id_t id;
        fsp_prng_fill(&prng, id.bytes, sizeof(id.bytes));
        id.bytes[0] |= 0x80;
        return id;
    }
    }
}

static void
name_of(uint64_t i, char ret[32])
{
    (void)snprintf(ret, 32, "file %05llu", (unsigned long long)i);
}

static void
attr_of(uint64_t i, char ret[32])
{
    ret[0] = 0;
    if (i % 3 > 0)
        (void)snprintf(ret, 32, "attributes %0*llu", (int)(i % 17), (unsigned long long)i);
}

static fsp_row_key_t
node_key(fsp_file_id_t id)
{
    fsp_row_key_t key = fsp_row_key(world.shard, FSP_TABLE_NODE, world.space_id);
    fsp_row_key_add(&key, FSP_SLICE_OF(id));
    return key;
}

/* Rows of others between ours, which a listing steps over or not, but does not read. */
static void
make_strangers(uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        fsp_row_key_t key = node_key(id_of(RANDOM, FILES + i));
        fsp_omap_put(fsp_memview_map(world.rows), fsp_row_key_slice(&key), text("not ours"), 0);
    }
}

/* Files of /d. */
static void
make_files(order_t order)
{
    ck_status(mkdir_at(&world, "/d"), FSP_OK);
    world.lazy = true;
    for (uint64_t i = 0; i < FILES; i++) {
        char name[32], attr[32], path[64];
        name_of(i, name);
        attr_of(i, attr);
        (void)snprintf(path, sizeof(path), "/d/%s", name);
        fsp_buf_t carrier;
        fsp_command_t command = new_command(&world, FSP_COMMAND_PUT);
        command.put.target = at(path);
        command.put.kind = i % 50 == 7 ? FSP_KIND_SYMLINK : FSP_KIND_FILE;
        command.put.condition = condition(FSP_IF_NONE_MATCH);
        command.put.ids_seed = id_of(order, i);
        command.put.size = i + 1;
        command.put.carrier = carrier_of(name, &carrier);
        command.put.attr = text(attr);
        ck_status(apply(&world, &command), FSP_OK);
        fsp_buf_clear(&carrier);
    }
    world.lazy = false;
    settle(&world);
    if (order == RANDOM)
        make_strangers(20000);
}

/* All names by pages of `limit`, compared with what was put. */
static void
ck_listing(order_t order, uint32_t limit, bool attrs)
{
    fsp_query_t query = new_query(&world, FSP_QUERY_LIST);
    char after[32] = "";
    query.target = at("/d");
    query.limit = limit;
    query.attrs = attrs;
    uint64_t i = 0;
    for (bool more = true; more;) {
        query.after = text(after);
        fsp_answer_t answer = ask(&world, &query);
        ck_status(answer.status, FSP_OK);
        ck_assert_uint_eq(answer.count, FILES - i < limit ? FILES - i : limit);
        for (size_t k = 0; k < answer.count; k++, i++) {
            fsp_entry_info_t entry;
            char attr[32];
            ck_status(fsp_answer_entry(&answer, &entry), FSP_OK);
            name_of(i, after);
            attr_of(i, attr);
            ck_assert(fsp_slice_eq(entry.name, text(after)));
            ck_assert(fsp_file_id_eq(entry.file_id, id_of(order, i)));
            ck_assert_int_eq(entry.kind, i % 50 == 7 ? FSP_KIND_SYMLINK : FSP_KIND_FILE);
            ck_assert_uint_eq(entry.size, i + 1);
            ck_assert_uint_eq(entry.number, 1);
            ck_assert_uint_eq(entry.head_count, 1);
            ck_assert(fsp_slice_eq(entry.attr, attrs ? text(attr) : text("")));
        }
        more = answer.more;
    }
    ck_assert_uint_eq(i, FILES);
}

START_TEST(every_entry_tells_what_its_node_says)
{
    order_t order = (order_t)_i;
    make_files(order);
    static const uint32_t limits[] = {1000, 1, 7, 256, 257, 699, 700};
    for (size_t k = 0; k < sizeof(limits) / sizeof(limits[0]); k++)
        ck_listing(order, limits[k], k % 2 == 0);
}
END_TEST

/* -- how much is read -------------------------------------------------------------------------- */

typedef struct {
    fsp_view_t view; /* first */
    fsp_view_t *below;
    size_t gets, scans, steps;
} counting_view_t;

typedef struct {
    fsp_cursor_t cursor; /* first */
    counting_view_t *owner;
    fsp_cursor_t *below;
} counting_cursor_t;

static fsp_status_t
counting_get(fsp_view_t *view, fsp_slice_t key, fsp_buf_t *ret_value)
{
    counting_view_t *self = (counting_view_t *)view;
    self->gets++;
    return fsp_view_get(self->below, key, ret_value);
}

static void
counting_show(counting_cursor_t *self)
{
    self->cursor.valid = self->below->valid;
    self->cursor.status = self->below->status;
    self->cursor.key = self->below->key;
    self->cursor.value = self->below->value;
}

static void
counting_next(fsp_cursor_t *cursor)
{
    counting_cursor_t *self = (counting_cursor_t *)cursor;
    self->owner->steps++;
    fsp_cursor_next(self->below);
    counting_show(self);
}

static void
counting_end(fsp_cursor_t *cursor)
{
    counting_cursor_t *self = (counting_cursor_t *)cursor;
    fsp_cursor_destroy(&self->below);
    fsp_free(self);
}

static fsp_cursor_t *
counting_scan(fsp_view_t *view, fsp_slice_t from, fsp_slice_t to)
{
    static const fsp_cursor_ops_t ops = {.next = counting_next, .destroy = counting_end};
    counting_view_t *owner = (counting_view_t *)view;
    counting_cursor_t *self = FSP_NEW(counting_cursor_t);
    owner->scans++;
    self->cursor.ops = &ops;
    self->owner = owner;
    self->below = fsp_view_scan(owner->below, from, to);
    counting_show(self);
    return &self->cursor;
}

START_TEST(nodes_are_read_by_key_only_where_they_lie_far_apart)
{
    static const fsp_view_ops_t ops = {.get = counting_get, .scan = counting_scan};
    static const struct {
        size_t gets_max, scans_max, steps_max;
    } most[ORDERS] = {
        [RISING] = {20, 4, 2 * FILES},
        [FALLING] = {20, 8, 2 * FILES}, /* a jump for each time that entries are taken */
        [NEARLY_RISING] = {20, 8, 2 * FILES},
        [IN_RUNS] = {20, FILES / 8, 3 * FILES},
        [RANDOM] = {20 + FILES, 8, 2 * FILES},
    };
    order_t order = (order_t)_i;
    make_files(order);
    counting_view_t counting = {.view.ops = &ops, .below = fsp_memview_view(world.rows)};
    fsp_query_t query = new_query(&world, FSP_QUERY_LIST);
    query.target = at("/d");
    fsp_buf_reset(&world.answer);
    ck_status(fsp_meta_query(world.shard, &counting.view, &query, &world.answer), FSP_OK);
    ck_assert_uint_le(counting.gets, most[order].gets_max);
    ck_assert_uint_le(counting.scans, most[order].scans_max);
    ck_assert_uint_le(counting.steps, most[order].steps_max);
    /* Two names are not worth a cursor. */
    query.limit = 2;
    counting.scans = counting.steps = 0;
    fsp_buf_reset(&world.answer);
    ck_status(fsp_meta_query(world.shard, &counting.view, &query, &world.answer), FSP_OK);
    ck_assert_uint_le(counting.scans, 2); /* of the space's rules and of the entries */
    ck_assert_uint_le(counting.steps, 3);
}
END_TEST

/* -- damage ------------------------------------------------------------------------------------ */

static void
ck_damaged(void)
{
    fsp_query_t query = new_query(&world, FSP_QUERY_LIST);
    query.target = at("/d");
    fsp_buf_reset(&world.answer);
    ck_status(fsp_meta_query(world.shard, fsp_memview_view(world.rows), &query, &world.answer),
              FSP_DAMAGED);
}

START_TEST(a_node_that_is_not_there_is_damage)
{
    order_t order = (order_t)_i;
    make_files(order);
    fsp_row_key_t key = node_key(id_of(order, 300));
    fsp_omap_remove(fsp_memview_map(world.rows), fsp_row_key_slice(&key));
    ck_damaged();
}
END_TEST

START_TEST(a_node_that_is_no_row_is_damage)
{
    order_t order = (order_t)_i;
    make_files(order);
    fsp_row_key_t key = node_key(id_of(order, 699));
    fsp_omap_put(fsp_memview_map(world.rows), fsp_row_key_slice(&key), text("no row"), 0);
    ck_damaged();
}
END_TEST

START_TEST(a_read_that_fails_ends_the_listing)
{
    order_t order = (order_t)_i;
    make_files(order);
    fsp_query_t query = new_query(&world, FSP_QUERY_LIST);
    query.target = at("/d");
    query.limit = 300;
    ck_failed_reads_stop_query(&world, &query);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("query_list");
    TCase *tcase = new_case("large directories", set_up_node);
    tcase_add_loop_test(tcase, every_entry_tells_what_its_node_says, 0, ORDERS);
    tcase_add_loop_test(tcase, nodes_are_read_by_key_only_where_they_lie_far_apart, 0, ORDERS);
    tcase_add_loop_test(tcase, a_node_that_is_not_there_is_damage, 0, ORDERS);
    tcase_add_loop_test(tcase, a_node_that_is_no_row_is_damage, 0, ORDERS);
    tcase_add_loop_test(tcase, a_read_that_fails_ends_the_listing, 0, ORDERS);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
