/* SPDX-License-Identifier: MIT */
/* test_apply_access_random - rights in a random tree against an evaluator that knows nothing of
 * ours. Tests.
 *
 * The model keeps directories as a table of who lies in whom and computes rights from the root
 * downwards, each directory from the one above it.  The state machine climbs from below.  Deleted
 * directories stay in the model where they were: they keep the rights they had there.
 *
 * FSP_SEED=n runs another history.
 */
#include "core/base/prng.h"
#include "tests/unit/meta/faulty_view.h"
#include "tests/unit/meta/test_apply_access.h"

enum { DIRECTORIES_MAX = 48, STEPS = 400, SUBJECTS = 4, GROUPS = 3, LINKS = 6 };

typedef struct {
    fsp_file_id_t id;
    int above; /* -1: the root */
    bool trashed;
    bool parted;
    uint32_t rules[SUBJECTS + GROUPS]; /* rights of each */
} directory_t;

typedef struct {
    int directory;
    uint32_t rights;
    int maker;
} link_t;

static fsp_prng_t prng;
static directory_t tree[DIRECTORIES_MAX];
static int tree_count;
static link_t links[LINKS];
static int link_count;

static int
below(int bound)
{
    return (int)fsp_prng_below(&prng, (uint64_t)bound);
}

/* Subjects first, then groups; the owner of the space is the first. */
static fsp_subject_id_t
who_is(int number)
{
    return subject_id((uint8_t)(number + 1));
}

/* -- the evaluator ----------------------------------------------------------------------------- */

static uint32_t
granted_by(const directory_t *directory, int subject, unsigned groups)
{
    uint32_t rights = directory->rules[subject];
    for (int g = 0; g < GROUPS; g++)
        if (groups & 1u << g)
            rights |= directory->rules[SUBJECTS + g];
    return rights;
}

/* From the root down to `at`. */
static uint32_t
flowing(int at, int subject, unsigned groups)
{
    uint32_t from_above = 0;
    if (tree[at].above >= 0 && !tree[at].parted)
        from_above = flowing(tree[at].above, subject, groups);
    return from_above | granted_by(&tree[at], subject, groups);
}

static bool
lies_in(int at, int other)
{
    for (; at >= 0; at = tree[at].above)
        if (at == other)
            return true;
    return false;
}

static bool
in_trash(int at)
{
    for (; at >= 0; at = tree[at].above)
        if (tree[at].trashed)
            return true;
    return false;
}

static uint32_t
expected(int at, int subject, unsigned groups, uint32_t withheld, const link_t *link)
{
    uint32_t rights = subject == 0 ? (uint32_t)FSP_RIGHTS_ALL : flowing(at, subject, groups);
    if (link)
        rights &= lies_in(at, link->directory) && !in_trash(at) ? link->rights : 0;
    return rights & ~withheld;
}

/* -- the state machine ------------------------------------------------------------------------- */

static fsp_asker_t
asker_of(unsigned groups, uint32_t withheld, int link)
{
    fsp_asker_t asker = {.withheld = withheld};
    if (link >= 0)
        asker.link_id = link_id((uint8_t)(link + 1));
    for (int g = 0; g < GROUPS; g++)
        if (groups & 1u << g)
            asker.groups[asker.group_count++] = who_is(SUBJECTS + g);
    return asker;
}

static uint32_t
observed(const fsp_target_t *target, int subject, const fsp_asker_t *asker)
{
    fsp_machine_t m;
    uint32_t rights = UINT32_MAX;
    fsp_machine_init(&m, world.shard, fsp_memview_view(world.rows), world.space_id);
    ck_status(fsp_machine_load_shard(&m), FSP_OK);
    ck_status(fsp_machine_load_space(&m), FSP_OK);
    ck_status(fsp_access_begin(&m, who_is(subject), asker), FSP_OK);
    ck_status(fsp_access_at(&m, target, &rights), FSP_OK);
    ck_assert_int_eq(m.failure, FSP_OK);
    fsp_machine_clear(&m);
    return rights;
}

/* -- random steps, as the owner ---------------------------------------------------------------- */

static fsp_target_t
target_of(int at)
{
    return by_id(tree[at].id);
}

/* The present path of a live directory. */
static fsp_slice_t
path_of(int at, fsp_buf_t *buf)
{
    fsp_node_info_t node;
    ck_status(resolve_target(&world, target_of(at), "", &node), FSP_OK);
    ck_assert_uint_gt(node.path.bytes, 0);
    fsp_buf_init(buf, 2 * FSP_PATH_BYTES_MAX);
    if (node.path.bytes > 1)
        fsp_buf_append_slice(buf, node.path);
    return fsp_buf_slice(buf);
}

static int
depth_of(int at)
{
    int depth = 0;
    for (; tree[at].above >= 0; at = tree[at].above)
        depth++;
    return depth;
}

static int
live(void)
{
    int at = below(tree_count);
    while (in_trash(at))
        at = below(tree_count);
    return at;
}

/* "<path of directory>/d<number>" in buf. */
static fsp_target_t
place_in(int above, int number, fsp_buf_t *buf)
{
    char name[16];
    (void)path_of(above, buf);
    (void)snprintf(name, sizeof(name), "/d%d", number);
    fsp_buf_append_slice(buf, text(name));
    return (fsp_target_t){.path = fsp_buf_slice(buf)};
}

static void
make_directory(int above)
{
    fsp_buf_t path;
    fsp_command_t command = new_command(&world, FSP_COMMAND_MKDIR);
    command.mkdir.target = place_in(above, tree_count, &path);
    command.mkdir.ids_seed = next_seed(&world);
    ck_status(apply(&world, &command), FSP_OK);
    tree[tree_count++] = (directory_t){.id = world.result.file_id, .above = above};
    fsp_buf_clear(&path);
}

static void
move_directory(int at, int above)
{
    if (at == 0 || lies_in(above, at) || depth_of(above) > 12)
        return;
    fsp_buf_t path;
    fsp_command_t command = new_command(&world, FSP_COMMAND_MOVE);
    command.move.from = target_of(at);
    command.move.to = place_in(above, at, &path);
    command.move.condition = condition(FSP_IF_REPLACE);
    ck_status(apply(&world, &command), FSP_OK);
    tree[at].above = above;
    fsp_buf_clear(&path);
}

static void
delete_directory(int at)
{
    if (at == 0)
        return;
    ck_status(remove_target(&world, target_of(at), true, condition(FSP_IF_REPLACE)), FSP_OK);
    tree[at].trashed = true;
}

static void
rule_directory(int at)
{
    fsp_command_t command = new_command(&world, FSP_COMMAND_RULES);
    command.access.target = target_of(at);
    tree[at].parted = at != 0 && below(4) == 0;
    command.access.inherit = !tree[at].parted;
    for (int i = 0; i < SUBJECTS + GROUPS; i++) {
        tree[at].rules[i] = below(3) == 0 ? (uint32_t)below(FSP_RIGHTS_ALL + 1) : 0;
        if (tree[at].rules[i])
            command.access.rules[command.access.rule_count++] =
                (fsp_rule_t){who_is(i), tree[at].rules[i]};
    }
    ck_status(apply(&world, &command), FSP_OK);
}

static void
link_directory(int at)
{
    if (link_count == LINKS)
        return;
    uint32_t rights = 1 + (uint32_t)below(FSP_RIGHTS_LINK);
    int maker = below(SUBJECTS);
    fsp_command_t command = link_command((uint8_t)(link_count + 1), target_of(at), rights);
    command.subject = who_is(maker);
    bool may = (expected(at, maker, 0, 0, NULL) & (rights | FSP_RIGHT_SHARE)) ==
               (rights | FSP_RIGHT_SHARE);
    ck_status(apply(&world, &command), may ? FSP_OK : FSP_FORBIDDEN);
    if (may)
        links[link_count++] = (link_t){.directory = at, .rights = rights, .maker = maker};
}

static void
random_step(void)
{
    switch (below(8)) {
    case 0:
    case 1:
        if (tree_count < DIRECTORIES_MAX)
            make_directory(live());
        return;
    case 2:
        move_directory(live(), live());
        return;
    case 3:
        if (below(3) == 0)
            delete_directory(live());
        return;
    case 4:
        link_directory(live());
        return;
    default:
        rule_directory(live());
        return;
    }
}

/* Every directory, for random askers: by id, and what a query and a command make of it. */
static void
compare(void)
{
    for (int at = 0; at < tree_count; at++) {
        int link = below(2) ? below(link_count + 1) - 1 : -1;
        int subject = link >= 0 ? links[link].maker : below(SUBJECTS);
        unsigned groups = (unsigned)below(1 << GROUPS);
        uint32_t withheld = below(3) == 0 ? (uint32_t)below(FSP_RIGHTS_ALL) : 0;
        fsp_asker_t asker = asker_of(groups, withheld, link);
        uint32_t rights = expected(at, subject, groups, withheld, link >= 0 ? &links[link] : NULL);
        fsp_target_t target = target_of(at);
        ck_assert_uint_eq(observed(&target, subject, &asker), rights);

        fsp_query_t query = new_query(&world, FSP_QUERY_LIST);
        query.target = target;
        query.subject = who_is(subject);
        query.asker = asker;
        ck_status(ask(&world, &query).status, rights & FSP_RIGHT_READ ? FSP_OK : FSP_FORBIDDEN);
        ck_failed_reads_stop_query(&world, &query);
        if (in_trash(at))
            continue;
        fsp_buf_t path;
        fsp_slice_t here = path_of(at, &path);
        target.path = here.bytes ? here : text("/");
        ck_assert_uint_eq(observed(&target, subject, &asker), rights);
        fsp_command_t command = new_command(&world, FSP_COMMAND_MKDIR);
        command.mkdir.target = target;
        command.mkdir.exist_ok = true;
        command.mkdir.ids_seed = next_seed(&world);
        command.subject = who_is(subject);
        command.asker = asker;
        ck_status(apply(&world, &command), rights & FSP_RIGHT_WRITE ? FSP_OK : FSP_FORBIDDEN);
        fsp_buf_clear(&path);
    }
}

START_TEST(rights_agree_with_another_evaluator)
{
    fsp_prng_init(&prng, fsp_suite_seed(20 + (unsigned long long)_i));
    tree_count = link_count = 0;
    tree[tree_count++] = (directory_t){.id = world.root_id, .above = -1};
    uint64_t forbidden = 0;
    for (int step = 0; step < STEPS; step++) {
        random_step();
        if (step % 20 == 19)
            compare();
        forbidden += world.result.status == FSP_FORBIDDEN;
    }
    ck_assert_int_gt(tree_count, 20);
    ck_assert_int_gt(link_count, 2);
    ck_assert_uint_gt(forbidden, 0);
    check_state(&world);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("apply_access_random");
    TCase *tcase = new_case("random", set_up_level_2);
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, rights_agree_with_another_evaluator, 0, 6);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
