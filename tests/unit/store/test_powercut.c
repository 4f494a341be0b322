/* SPDX-License-Identifier: MIT */
/* test_powercut - power is lost at any call of a store that is written, cleaned and opened.  Layer
 * tests.
 *
 * A child (this program again) works on a store and loses power (powercut.h).  What it does in its
 * i-th group follows from i alone, so the parent knows what must be there after it.  Then the next
 * child goes on in the same directory.  FSP_SEED: other groups and moments; FSP_ROUNDS: how many.
 */
#include "tests/unit/store/powercut.h"

#include "store/readonly.h"
#include "tests/unit/store/storekit.h"
#include "tests/unit/suite.h"

#include <inttypes.h>

enum {
    KEY_COUNT = 40,
    GROUPS = 60,        /* of one child, if it is not cut */
    CALLS = 500,        /* about as many calls does it make */
    UNSYNCED_EVERY = 7, /* such a group is not synced, and not acknowledged */
    SEGMENT_BYTES = 1 << 20,
    LENGTH_MAX = 300000
};

static char *directory;

static uint64_t
number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text && text[0] ? (uint64_t)strtoull(text, NULL, 0) : otherwise;
}

/* -- what a group does ------------------------------------------------------------------------- */

/* Of each key the group that wrote it last; 0: it is not there. */
typedef struct {
    uint64_t groups[KEY_COUNT];
} model_t;

static size_t
make_key(unsigned key, char *ret)
{
    return (size_t)snprintf(ret, 32, "object %02u", key);
}

/* What a group puts under a key. */
static size_t
length_of(unsigned key, uint64_t group)
{
    static const size_t lengths[] = {1, 3900, 4096, 20000, 65536, 70001, 131072, LENGTH_MAX};
    return lengths[fsp_mix64(group * KEY_COUNT + key) % (sizeof(lengths) / sizeof(lengths[0]))];
}

static void
fill(unsigned key, uint64_t group, uint8_t *ret)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, group * KEY_COUNT + key);
    fsp_prng_fill(&prng, ret, length_of(key, group));
}

static void
put(fsp_batch_t *batch, model_t *model, unsigned key, uint64_t group, bool real)
{
    char name[32];
    size_t name_bytes = make_key(key, name);
    /* The last put of a key in a group wins, so it is the one that has the group's bytes. */
    fsp_blob_t *bytes = fsp_blob_new(real ? length_of(key, group) : 66000);
    if (real)
        fill(key, group, fsp_blob_writable(bytes));
    else
        memset(fsp_blob_writable(bytes), 0xee, 66000);
    if (batch)
        fsp_batch_put_blob(batch, FSP_FAMILY_BYTES, fsp_slice(name, name_bytes), bytes);
    fsp_blob_destroy(&bytes);
    model->groups[key] = group;
}

static void
drop(fsp_batch_t *batch, model_t *model, unsigned from, unsigned to)
{
    char name[32], end[32];
    size_t name_bytes = make_key(from, name), end_bytes = make_key(to, end);
    if (batch && to == from + 1)
        fsp_batch_delete(batch, FSP_FAMILY_BYTES, fsp_slice(name, name_bytes));
    else if (batch)
        fsp_batch_delete_range(batch, FSP_FAMILY_BYTES, fsp_slice(name, name_bytes),
                               fsp_slice(end, end_bytes));
    for (unsigned key = from; key < to; key++)
        model->groups[key] = 0;
}

/* Adds the rows of a group; batch NULL: only the model. */
static void
make_group(uint64_t seed, uint64_t group, fsp_batch_t *batch, model_t *model)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_mix64(seed) + group);
    unsigned count = 1 + (unsigned)fsp_prng_below(&prng, 5);
    for (unsigned i = 0; i < count; i++) {
        unsigned key = (unsigned)fsp_prng_below(&prng, KEY_COUNT);
        switch (fsp_prng_below(&prng, 8)) {
        case 0:
            drop(batch, model, key, key + 1);
            break;
        case 1:
            drop(batch, model, key, key + (KEY_COUNT - key < 6 ? KEY_COUNT - key : 6));
            break;
        case 2: /* one key several times in a group */
            put(batch, model, key, group, false);
            put(batch, model, key, group, true);
            break;
        case 3:
            put(batch, model, key, group, false);
            drop(batch, model, key, key + 1);
            break;
        default:
            put(batch, model, key, group, true);
        }
    }
    uint8_t last[8];
    fsp_store_u64(last, group);
    if (batch)
        fsp_batch_put(batch, FSP_FAMILY_STATE, fsp_slice_text("last"), fsp_slice(last, 8));
}

static uint64_t
read_last(fsp_store_t *store)
{
    fsp_buf_t buf;
    fsp_buf_init(&buf, 64);
    fsp_view_t *state = fsp_store_view(store, FSP_FAMILY_STATE);
    uint64_t last = 0;
    if (fsp_view_get(state, fsp_slice_text("last"), &buf) == FSP_OK)
        last = fsp_load_u64(buf.data);
    fsp_buf_clear(&buf);
    return last;
}

/* -- the child --------------------------------------------------------------------------------- */

static fsp_store_config_t
small_segments(const char *path)
{
    fsp_store_config_t config = storekit_config(path);
    config.segment_bytes = SEGMENT_BYTES;
    return config;
}

/* argument: seed, cut, how, directory. */
static int
work(const char *argument)
{
    char *rest = NULL;
    uint64_t seed = strtoull(argument, &rest, 10), cut_at = strtoull(rest, &rest, 10);
    powercut_how_t how = (powercut_how_t)strtoull(rest, &rest, 10);
    const char *path = rest + 1;
    powercut_begin(path, cut_at, how, seed + cut_at);
    fsp_store_config_t config = small_segments(path);
    fsp_store_t *store = NULL;
    bool fresh = false;
    fsp_error_t error = {.text = ""};
    fsp_status_t status = fsp_store_open(&config, &store, &fresh, &error);
    uint64_t first = status == FSP_OK ? read_last(store) + 1 : 1;
    for (uint64_t group = first; status == FSP_OK && group < first + GROUPS; group++) {
        model_t model = {{0}};
        fsp_batch_t *batch = fsp_batch_new();
        make_group(seed, group, batch, &model);
        bool sync = group % UNSYNCED_EVERY != 0;
        status = fsp_store_write(store, &batch, 1, sync, &error);
        fsp_batch_destroy(&batch);
        uint8_t said[8];
        fsp_store_u64(said, group);
        if (status == FSP_OK && sync && write(STDOUT_FILENO, said, 8) != 8)
            return 1;
        if (status == FSP_OK)
            status = fsp_store_tick(store, group * 5000000, &error);
    }
    if (status != FSP_OK) {
        (void)fprintf(stderr, "child: %s\n", error.text);
        return 1;
    }
    fsp_store_close(&store, true, 0);
    return 0;
}

/* -- the parent -------------------------------------------------------------------------------- */

static void
expect_object(fsp_store_t *store, unsigned key, uint64_t group, const char *when)
{
    static uint8_t wanted[LENGTH_MAX];
    char name[32];
    size_t name_bytes = make_key(key, name);
    fsp_blob_t *blob = NULL;
    fsp_status_t status =
        fsp_store_read_bytes(store, FSP_FAMILY_BYTES, fsp_slice(name, name_bytes), 0, 0, &blob);
    ck_assert_msg(status == (group ? FSP_OK : FSP_NOT_FOUND), "%s: %s of group %" PRIu64 ": %s",
                  when, name, group, fsp_status_name(status));
    if (group > 0) {
        fill(key, group, wanted);
        ck_assert_msg(fsp_blob_bytes(blob) == length_of(key, group) &&
                          memcmp(fsp_blob_data(blob), wanted, length_of(key, group)) == 0,
                      "%s: %s has other bytes than those of group %" PRIu64, when, name, group);
    }
    fsp_blob_destroy(&blob);
}

static void
print_fault(void *context, fsp_slice_t key, const char *words)
{
    (void)fprintf(stderr, "%s: %.*s: %s\n", (const char *)context, (int)key.bytes,
                  key.bytes ? (const char *)key.data : "", words);
}

/* Rows and files of a stopped store fit together, whatever was done to it. */
static void
expect_sound(const char *when)
{
    fsp_readonly_t *store = NULL;
    fsp_error_t error = {.text = ""};
    fsp_status_t status = fsp_readonly_open(directory, 0, &store, &error);
    ck_assert_msg(status == FSP_OK, "%s: %s", when, error.text);
    fsp_segcheck_t result = {
        .depth = FSP_SEGCHECK_BYTES, .fault = print_fault, .context = (void *)(uintptr_t)when};
    fsp_readonly_segments(store, &result);
    ck_assert_msg(result.fault_count == 0, "%s: segments have faults", when);
    fsp_readonly_close(&store);
}

/* The group that the store is at: all of it, nothing of later ones. */
static uint64_t
expect_state(uint64_t seed, uint64_t acknowledged, const char *when)
{
    fsp_store_config_t config = small_segments(directory);
    fsp_store_t *store = NULL;
    bool fresh = false;
    fsp_error_t error = {.text = ""};
    fsp_status_t status = fsp_store_open(&config, &store, &fresh, &error);
    ck_assert_msg(status == FSP_OK, "%s: %s", when, error.text);
    uint64_t last = read_last(store);
    ck_assert_msg(last >= acknowledged, "%s: group %" PRIu64 " was acknowledged, it is at %" PRIu64,
                  when, acknowledged, last);
    model_t model = {{0}};
    for (uint64_t group = 1; group <= last; group++)
        make_group(seed, group, NULL, &model);
    size_t count = 0;
    for (unsigned key = 0; key < KEY_COUNT; key++) {
        expect_object(store, key, model.groups[key], when);
        count += model.groups[key] > 0;
    }
    fsp_cursor_t *cursor =
        fsp_view_scan(fsp_store_view(store, FSP_FAMILY_BYTES), (fsp_slice_t){0}, (fsp_slice_t){0});
    for (; cursor->valid; fsp_cursor_next(cursor))
        count--;
    ck_assert_int_eq(cursor->status, FSP_OK);
    ck_assert_msg(count == 0, "%s: a scan finds other objects", when);
    fsp_cursor_destroy(&cursor);
    fsp_store_close(&store, false, 0);
    return last;
}

/* One child; what it acknowledged last, or `acknowledged`.  *ret_cut: it lost power. */
static uint64_t
run_child(uint64_t seed, uint64_t cut_at, unsigned how, uint64_t acknowledged, bool *ret_cut)
{
    char argument[700];
    (void)snprintf(argument, sizeof(argument), "%" PRIu64 " %" PRIu64 " %u %s", seed, cut_at, how,
                   directory);
    int fd = -1, code = 0;
    pid_t child = scratch_again("work", argument, &fd);
    uint8_t said[8];
    while (read(fd, said, sizeof(said)) == (ssize_t)sizeof(said))
        acknowledged = fsp_load_u64(said);
    (void)close(fd);
    ck_assert_int_eq(waitpid(child, &code, 0), child);
    ck_assert_msg(WIFEXITED(code) && (WEXITSTATUS(code) == POWERCUT_EXIT || WEXITSTATUS(code) == 0),
                  "cut %" PRIu64 ", how %u: the child ended with %d", cut_at, how, code);
    *ret_cut = WEXITSTATUS(code) == POWERCUT_EXIT;
    return acknowledged;
}

/* Children, one after the other, each cut at a moment of its own. */
static void
run_rounds(unsigned how, unsigned rounds)
{
    uint64_t seed = number_from("FSP_SEED", 1), acknowledged = 0;
    unsigned cuts = 0;
    fsp_prng_t prng;
    fsp_prng_init(&prng, seed * POWERCUT_HOW_COUNT + how);
    for (unsigned round = 0; round < rounds; round++) {
        /* Most in the middle of groups, some while it opens. */
        uint64_t cut_at = 1 + fsp_prng_below(&prng, round % 3 == 0 ? 60 : CALLS);
        char when[96];
        bool cut = false;
        (void)snprintf(when, sizeof(when), "seed %" PRIu64 " how %u round %u cut %" PRIu64, seed,
                       how, round, cut_at);
        acknowledged = run_child(seed, cut_at, how, acknowledged, &cut);
        cuts += cut;
        acknowledged = expect_state(seed, acknowledged, when);
        if (acknowledged > 0 || round > 5)
            expect_sound(when);
    }
    ck_assert_uint_gt(cuts, rounds / 2); /* else CALLS is wrong, and nothing was tested */
}

static void
set_up(void)
{
    directory = scratch_make();
}

static void
tear_down(void)
{
    scratch_remove(powercut.stash); /* of the children: the same name */
    char stash[600];
    (void)snprintf(stash, sizeof(stash), "%s.stash", directory);
    scratch_remove(stash);
    scratch_end(&directory);
}

START_TEST(what_was_acknowledged_is_there)
{
    run_rounds((unsigned)_i, (unsigned)number_from("FSP_ROUNDS", _i == POWERCUT_MIX ? 24 : 12));
}
END_TEST

/* Power is lost at each call of a first start. */
START_TEST(a_first_start_is_cut_at_each_call)
{
    bool cut = true;
    for (uint64_t cut_at = 1; cut && cut_at < 1000; cut_at += 1 + cut_at / 16) {
        tear_down();
        set_up();
        char when[64];
        (void)snprintf(when, sizeof(when), "first start, how %d, cut %" PRIu64, _i, cut_at);
        uint64_t acknowledged = run_child(1, cut_at, (unsigned)_i, 0, &cut);
        (void)expect_state(1, acknowledged, when);
    }
}
END_TEST

int
main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "work") == 0)
        return work(argv[2]);
    powercut_never();
    Suite *suite = suite_create("powercut");
    TCase *tests = tcase_create("powercut");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 0);
    tcase_add_loop_test(tests, what_was_acknowledged_is_there, 0, POWERCUT_HOW_COUNT);
    tcase_add_loop_test(tests, a_first_start_is_cut_at_each_call, POWERCUT_LOSE,
                        POWERCUT_HOW_COUNT);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
