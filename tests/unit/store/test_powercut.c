/* SPDX-License-Identifier: MIT */
/* test_powercut - power is lost at any call of a store that is written, cleaned and opened.  Layer
 * tests.
 *
 * A child (this program again) works on a store and loses power (powercut.h).  What it does in its
 * i-th group follows from i alone, so the parent knows what must be there after it.  Then the next
 * child goes on in the same directory.  FSP_SEED: other groups and moments; FSP_ROUNDS: how many.
 *
 * Rows of STATE are a state machine's: those of group i come with a later group, or alone, and the
 * next child makes those again that a cut took away.  What is left of them must be what some group
 * left: at least what the store had said to be kept, at most the last group that is there.
 */
#include "tests/unit/store/powercut.h"

#include "store/readonly.h"
#include "tests/unit/store/storekit.h"
#include "tests/unit/suite.h"

#include <inttypes.h>

enum {
    KEY_COUNT = 40,
    GROUPS = 60,     /* of one child, if it is not cut */
    CALLS = 900,     /* about as many calls does it make */
    STATE_KEYS = 7,  /* the i-th state row is that of groups i, i + STATE_KEYS, ... */
    STATE_EVERY = 3, /* behind so many groups the rows of STATE that wait are written */
    ALONE_EVERY = 2, /* and so often by themselves */
    KEEP_EVERY = 23, /* groups, and STATE is kept and waited for */
    LOG_ROWS = 5,    /* of the newest groups; older ones are deleted */
    SEGMENT_BYTES = 1 << 20,
    JOURNAL_BYTES = 128 * 1024, /* so that files are full, go, and come again */
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

/* The small rows of a group, in every family that the journal is for. */
static void
make_rows(fsp_batch_t *batch, uint64_t group)
{
    uint8_t key[8], value[8];
    fsp_store_u64(value, group);
    fsp_slice_t number = fsp_slice(value, 8);
    fsp_batch_put(batch, FSP_FAMILY_LOG, fsp_slice_text("last"), number);
    fsp_batch_put(batch, FSP_FAMILY_LOG, number, number);
    fsp_store_u64(key, group > LOG_ROWS ? group - LOG_ROWS : 0);
    fsp_batch_delete(batch, FSP_FAMILY_LOG, fsp_slice(key, 8));
    fsp_batch_put(batch, FSP_FAMILY_LOCAL, fsp_slice_text("last"), number);
    if (group % 2 == 0) /* so that families are at different groups */
        fsp_batch_put(batch, FSP_FAMILY_OBJECT, fsp_slice_text("last"), number);
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
    if (batch)
        make_rows(batch, group);
}

/* -- rows of STATE ----------------------------------------------------------------------------- */

static void
put_state(fsp_batch_t *batch, uint64_t group)
{
    uint8_t key[8], value[8];
    fsp_store_u64(key, group % STATE_KEYS);
    fsp_store_u64(value, group);
    fsp_batch_put(batch, FSP_FAMILY_STATE, fsp_slice(key, 8), fsp_slice(value, 8));
    fsp_batch_put(batch, FSP_FAMILY_STATE, fsp_slice_text("last"), fsp_slice(value, 8));
}

/* 0: the row is not there. */
static uint64_t
read_number(fsp_store_t *store, fsp_family_t family, fsp_slice_t key)
{
    fsp_buf_t buf;
    fsp_buf_init(&buf, 64);
    uint64_t number = 0;
    fsp_status_t status = fsp_view_get(fsp_store_view(store, family), key, &buf);
    if (status != FSP_NOT_FOUND && (status != FSP_OK || buf.bytes != 8)) {
        (void)fprintf(stderr, "a row cannot be read: %s\n", fsp_status_name(status));
        abort(); /* also in a child */
    }
    if (status == FSP_OK)
        number = fsp_load_u64(buf.data);
    fsp_buf_clear(&buf);
    return number;
}

static uint64_t
read_last(fsp_store_t *store)
{
    return read_number(store, FSP_FAMILY_LOG, fsp_slice_text("last"));
}

static uint64_t
read_state(fsp_store_t *store)
{
    return read_number(store, FSP_FAMILY_STATE, fsp_slice_text("last"));
}

/* -- the child --------------------------------------------------------------------------------- */

static fsp_store_config_t
small_segments(const char *path)
{
    fsp_store_config_t config = storekit_config(path);
    config.segment_bytes = SEGMENT_BYTES;
    config.journal_bytes = JOURNAL_BYTES;
    return config;
}

typedef struct {
    fsp_store_t *store;
    uint64_t seed;
    uint64_t state; /* rows of STATE are written up to this group */
    struct {
        uint64_t sequence, state;
    } written[4 * GROUPS]; /* which was so from this sequence of the store on */
    size_t written_count;
} child_t;

static const uint64_t is_state = UINT64_C(1) << 63; /* in what a child says */

/* A group is acknowledged, or rows of STATE are kept. */
static bool
say(uint64_t number)
{
    uint8_t said[8];
    fsp_store_u64(said, number);
    return write(STDOUT_FILENO, said, sizeof(said)) == (ssize_t)sizeof(said);
}

static fsp_status_t
write_batch(child_t *self, fsp_batch_t **batch_p, uint64_t state, fsp_error_t *error)
{
    fsp_status_t status = fsp_store_write(self->store, batch_p, 1, error);
    fsp_batch_destroy(batch_p);
    if (status != FSP_OK)
        return status;
    self->state = state;
    self->written[self->written_count].sequence = fsp_store_sequence(self->store);
    self->written[self->written_count++].state = state;
    return FSP_OK;
}

static bool
say_kept(const child_t *self)
{
    uint64_t kept = fsp_store_state_kept(self->store), state = 0;
    for (size_t i = 0; i < self->written_count && self->written[i].sequence <= kept; i++)
        state = self->written[i].state;
    return state == 0 || say(state | is_state);
}

/* With the rows of STATE of earlier groups, and sometimes with those of its own by themselves. */
static fsp_status_t
write_numbered(child_t *self, uint64_t group, fsp_error_t *error)
{
    model_t model = {{0}};
    fsp_batch_t *batch = fsp_batch_new();
    uint64_t state = self->state;
    make_group(self->seed, group, batch, &model);
    while (group % STATE_EVERY == 0 && state + 1 < group)
        put_state(batch, ++state);
    fsp_status_t status = write_batch(self, &batch, state, error);
    if (status == FSP_OK && !say(group))
        status = FSP_IO;
    if (status != FSP_OK || group % (STATE_EVERY * ALONE_EVERY) != 0)
        return status;
    batch = fsp_batch_new();
    while (state < group)
        put_state(batch, ++state);
    return write_batch(self, &batch, state, error);
}

/* What a cut took away is made again. */
static fsp_status_t
catch_up(child_t *self, uint64_t last, fsp_error_t *error)
{
    uint64_t state = read_state(self->store);
    fsp_batch_t *batch = fsp_batch_new();
    while (state < last)
        put_state(batch, ++state);
    return write_batch(self, &batch, state, error);
}

static fsp_status_t
work_on(child_t *self, fsp_error_t *error)
{
    uint64_t first = read_last(self->store) + 1;
    fsp_status_t status = catch_up(self, first - 1, error);
    for (uint64_t group = first; status == FSP_OK && group < first + GROUPS; group++) {
        status = write_numbered(self, group, error);
        if (status == FSP_OK && group % KEEP_EVERY == 0)
            status = fsp_store_keep_state(self->store, error);
        if (status == FSP_OK)
            status = fsp_store_tick(self->store, group * 5000000, error);
        if (status == FSP_OK && !say_kept(self))
            status = FSP_IO;
    }
    return status;
}

/* argument: seed, cut, how, directory. */
static int
work(const char *argument)
{
    char *rest = NULL;
    child_t child = {.seed = strtoull(argument, &rest, 10)};
    uint64_t cut_at = strtoull(rest, &rest, 10);
    powercut_how_t how = (powercut_how_t)strtoull(rest, &rest, 10);
    const char *path = rest + 1;
    powercut_begin(path, cut_at, how, child.seed + cut_at);
    fsp_store_config_t config = small_segments(path);
    bool fresh = false;
    fsp_error_t error = {.text = ""};
    fsp_status_t status = fsp_store_open(&config, &child.store, &fresh, &error);
    if (status == FSP_OK)
        status = work_on(&child, &error);
    if (status != FSP_OK) {
        (void)fprintf(stderr, "child: %s\n", error.text);
        return 1;
    }
    fsp_store_close(&child.store, true, 0);
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

/* What a child has said, that must be there. */
typedef struct {
    uint64_t group, state;
} said_t;

/* LOG: the newest rows, and no other. */
static void
expect_log(fsp_store_t *store, uint64_t last, const char *when)
{
    uint64_t next = last > LOG_ROWS ? last - LOG_ROWS + 1 : 1;
    fsp_cursor_t *rows =
        fsp_view_scan(fsp_store_view(store, FSP_FAMILY_LOG), (fsp_slice_t){0}, (fsp_slice_t){0});
    for (; rows->valid && rows->key.bytes == 8; fsp_cursor_next(rows)) {
        ck_assert_msg(fsp_load_u64(rows->key.data) == next && rows->value.bytes == 8 &&
                          fsp_load_u64(rows->value.data) == next,
                      "%s: a row of LOG is not that of group %" PRIu64, when, next);
        next++;
    }
    ck_assert_int_eq(rows->status, FSP_OK);
    ck_assert_msg(next == last + 1, "%s: LOG ends before %" PRIu64, when, next);
    ck_assert(rows->valid == (last > 0)); /* "last" */
    fsp_cursor_destroy(&rows);
}

/* Rows of STATE are as one group left them.  Which. */
static uint64_t
expect_state(fsp_store_t *store, uint64_t last, uint64_t kept, const char *when)
{
    uint64_t state = read_state(store);
    ck_assert_msg(state >= kept, "%s: STATE of group %" PRIu64 " was kept, it is at %" PRIu64, when,
                  kept, state);
    ck_assert_msg(state <= last, "%s: STATE is at %" PRIu64 ", ahead of the groups", when, state);
    for (uint64_t i = 0; i < STATE_KEYS; i++) {
        uint8_t key[8];
        fsp_store_u64(key, i);
        uint64_t wanted = state - (state + STATE_KEYS - i) % STATE_KEYS;
        if (state < i || wanted > state)
            wanted = 0;
        ck_assert_msg(read_number(store, FSP_FAMILY_STATE, fsp_slice(key, 8)) == wanted,
                      "%s: STATE is at %" PRIu64 ", its row %" PRIu64 " is not", when, state, i);
    }
    return state;
}

/* The group that the store is at: all of it, nothing of later ones. */
static said_t
expect_groups(uint64_t seed, said_t said, const char *when)
{
    fsp_store_config_t config = small_segments(directory);
    fsp_store_t *store = NULL;
    bool fresh = false;
    fsp_error_t error = {.text = ""};
    fsp_status_t status = fsp_store_open(&config, &store, &fresh, &error);
    ck_assert_msg(status == FSP_OK, "%s: %s", when, error.text);
    uint64_t last = read_last(store);
    ck_assert_msg(last >= said.group, "%s: group %" PRIu64 " was acknowledged, it is at %" PRIu64,
                  when, said.group, last);
    ck_assert_uint_eq(read_number(store, FSP_FAMILY_LOCAL, fsp_slice_text("last")), last);
    ck_assert_uint_eq(read_number(store, FSP_FAMILY_OBJECT, fsp_slice_text("last")), last & ~1ULL);
    expect_log(store, last, when);
    said = (said_t){.group = last, .state = expect_state(store, last, said.state, when)};
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
    return said;
}

/* One child; what it said last, or what was said before.  *ret_cut: it lost power. */
static said_t
run_child(uint64_t seed, uint64_t cut_at, unsigned how, said_t said, bool *ret_cut)
{
    char argument[700];
    (void)snprintf(argument, sizeof(argument), "%" PRIu64 " %" PRIu64 " %u %s", seed, cut_at, how,
                   directory);
    int fd = -1, code = 0;
    pid_t child = scratch_again("work", argument, &fd);
    uint8_t octets[8];
    while (read(fd, octets, sizeof(octets)) == (ssize_t)sizeof(octets)) {
        uint64_t number = fsp_load_u64(octets);
        if (number & is_state)
            said.state = number & ~is_state;
        else
            said.group = number;
    }
    (void)close(fd);
    ck_assert_int_eq(waitpid(child, &code, 0), child);
    ck_assert_msg(WIFEXITED(code) && (WEXITSTATUS(code) == POWERCUT_EXIT || WEXITSTATUS(code) == 0),
                  "cut %" PRIu64 ", how %u: the child ended with %d", cut_at, how, code);
    *ret_cut = WEXITSTATUS(code) == POWERCUT_EXIT;
    return said;
}

/* Children, one after the other, each cut at a moment of its own. */
static void
run_rounds(unsigned how, unsigned rounds)
{
    uint64_t seed = number_from("FSP_SEED", 1);
    said_t said = {0};
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
        said = run_child(seed, cut_at, how, said, &cut);
        cuts += cut;
        said = expect_groups(seed, said, when);
        if (said.group > 0 || round > 5)
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
        said_t said = run_child(1, cut_at, (unsigned)_i, (said_t){0}, &cut);
        (void)expect_groups(1, said, when);
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
