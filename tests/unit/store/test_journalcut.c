/* SPDX-License-Identifier: MIT */
/* test_journalcut - the power is cut at each call of a history.  Layer tests.
 *
 * A child writes groups, releases, moves, and opens again in between; it says before each commit
 * what it will write, and after it that it was told.  Then its disk is judged: what it was told of
 * is there, in order and whole, and nothing else but the group that was under way.
 */
#include "tests/unit/store/powercut.h"

#include "tests/unit/store/journalkit.h"
#include "tests/unit/suite.h"

enum { STEPS = 36, SEED = 5, LAG = 6 }; /* LAG: groups that the database has in memory */

typedef enum { SAY_GROUP, SAY_MOVE, SAY_DONE, SAY_KEPT, SAY_END } say_kind_t;

typedef struct {
    uint64_t kind, sequence, family; /* SAY_END: sequence is the calls that were counted */
} say_t;

/* -- the child --------------------------------------------------------------------------------- */

static journalkit_t kit;

static void
say(say_kind_t kind, uint64_t sequence, uint64_t family)
{
    say_t words = {kind, sequence, family};
    if (write(STDOUT_FILENO, &words, sizeof(words)) != (ssize_t)sizeof(words))
        _exit(3);
}

static void
need(fsp_status_t status, const fsp_error_t *error)
{
    if (status == FSP_OK)
        return;
    (void)dprintf(STDERR_FILENO, "child: %s\n", error->text);
    _exit(4);
}

static void
commit(uint64_t sequence)
{
    fsp_error_t error = {.text = ""};
    need(fsp_journal_commit(kit.journal, sequence, kit.kept, &error), &error);
    say(SAY_DONE, sequence, 0);
    kit.sequence = sequence;
}

static void
keep(uint64_t sequence)
{
    for (size_t family = 0; family < FSP_FAMILY_COUNT; family++)
        if (journalkit_feeds(family) && kit.kept[family] < sequence) {
            kit.kept[family] = sequence;
            say(SAY_KEPT, sequence, family);
        }
}

static void
child_open(void)
{
    fsp_error_t error = {.text = ""};
    fsp_journal_found_t found;
    need(fsp_journal_open(&kit.config, NULL, NULL, &kit.journal, &found, &error), &error);
    if (found.sequence != kit.sequence)
        _exit(5);
}

static void
child_step(unsigned step)
{
    fsp_error_t error = {.text = ""};
    uint64_t sequence = kit.sequence + 1;
    fsp_batch_t *batch = journalkit_group(kit.seed, sequence);
    journalkit_put(&kit, batch);
    fsp_batch_destroy(&batch);
    say(SAY_GROUP, sequence, 0);
    commit(sequence);
    if (step % 4 == 3) {
        keep(kit.sequence > LAG ? kit.sequence - LAG : 0);
        fsp_journal_release(kit.journal, kit.kept, step % 16 == 15);
        fsp_journal_release(kit.journal, kit.kept, step % 16 == 15); /* no record in between */
    }
    if (fsp_journal_full(kit.journal)) {
        bool moved = false;
        keep(kit.sequence);
        fsp_journal_release(kit.journal, kit.kept, false);
        need(fsp_journal_move(kit.journal, &moved, &error), &error);
        if (moved) {
            say(SAY_MOVE, kit.sequence + 1, 0);
            commit(kit.sequence + 1);
        }
    }
    if (step % 10 == 9)
        commit(kit.sequence); /* says that files may go */
    if (step == STEPS / 2) {
        fsp_journal_close(&kit.journal);
        child_open();
    }
}

/* argument: "CUT_AT HOW DIRECTORY". */
static int
child(const char *argument)
{
    unsigned long long cut_at = 0;
    int how = 0, at = 0;
    if (sscanf(argument, "%llu %d %n", &cut_at, &how, &at) != 2)
        return 2;
    char path[1024];
    (void)snprintf(path, sizeof(path), "%s/journal", argument + at);
    journalkit_init(&kit, path, SEED);
    powercut_begin(argument + at, cut_at, (powercut_how_t)how, cut_at + 1);
    child_open();
    for (unsigned step = 0; step < STEPS; step++)
        child_step(step);
    fsp_journal_close(&kit.journal);
    say(SAY_END, powercut.calls, 0);
    return 0;
}

/* -- the judge --------------------------------------------------------------------------------- */

/* What the child said, taken into the model of `judged` as far as the disk may have it. */
typedef struct {
    bool moves[JOURNALKIT_GROUPS_MAX];
    uint64_t begun, told; /* sequences */
    uint64_t kept[FSP_FAMILY_COUNT];
    uint64_t calls; /* 0: it was cut */
    uint64_t move_count;
} heard_t;

static heard_t
listen_to(const char *directory, uint64_t cut_at, powercut_how_t how)
{
    char argument[1024];
    int fd = -1, code = 0;
    (void)snprintf(argument, sizeof(argument), "%llu %d %s", (unsigned long long)cut_at, (int)how,
                   directory);
    pid_t pid = scratch_again("cut", argument, &fd);
    heard_t heard = {.begun = 0};
    say_t words;
    while (read(fd, &words, sizeof(words)) == (ssize_t)sizeof(words)) {
        if (words.kind == SAY_GROUP || words.kind == SAY_MOVE)
            heard.begun = words.sequence;
        heard.moves[words.sequence % JOURNALKIT_GROUPS_MAX] |= words.kind == SAY_MOVE;
        heard.move_count += words.kind == SAY_MOVE;
        if (words.kind == SAY_DONE)
            heard.told = words.sequence;
        if (words.kind == SAY_KEPT)
            heard.kept[words.family] = words.sequence;
        if (words.kind == SAY_END)
            heard.calls = words.sequence;
    }
    (void)close(fd);
    ck_assert_int_eq(waitpid(pid, &code, 0), pid);
    ck_assert_msg(WIFEXITED(code) && WEXITSTATUS(code) == (heard.calls ? 0 : POWERCUT_EXIT),
                  "cut %llu: child ended with %d", (unsigned long long)cut_at, code);
    return heard;
}

/* What the disk has; it may not be changed by looking. */
static uint64_t
found_sequence(const char *path, uint64_t cut_at)
{
    fsp_journal_config_t config = {.directory = path, .read_only = true};
    fsp_journal_t *journal = NULL;
    fsp_journal_found_t found;
    fsp_error_t error = {.text = ""};
    fsp_status_t status = fsp_journal_open(&config, NULL, NULL, &journal, &found, &error);
    ck_assert_msg(status == FSP_OK, "cut %llu: %s", (unsigned long long)cut_at, error.text);
    fsp_journal_close(&journal);
    return found.sequence;
}

static void
go_on(journalkit_t *judged)
{
    for (int i = 0; i < 6; i++) {
        uint64_t sequence = judged->sequence + 1;
        journalkit_write(judged, sequence, journalkit_group(judged->seed, sequence));
    }
    journalkit_keep_all(judged);
    fsp_journal_release(judged->journal, judged->kept, false);
    journalkit_commit(judged, judged->sequence);
    fsp_journal_release(judged->journal, judged->kept, false);
    journalkit_check(judged);
    fsp_journal_close(&judged->journal);
    (void)journalkit_open(judged);
}

static heard_t
cut_and_judge(uint64_t cut_at, powercut_how_t how)
{
    char *directory = scratch_make();
    char path[600];
    (void)snprintf(path, sizeof(path), "%s/journal", directory);
    heard_t heard = listen_to(directory, cut_at, how);
    uint64_t sequence = found_sequence(path, cut_at);
    ck_assert_msg(sequence >= heard.told && sequence <= heard.begun,
                  "cut %llu, %d: %llu, told %llu", (unsigned long long)cut_at, (int)how,
                  (unsigned long long)sequence, (unsigned long long)heard.told);
    static journalkit_t judged;
    journalkit_init(&judged, path, SEED);
    judged.config.sync = false;
    for (uint64_t i = 1; i <= sequence; i++)
        journalkit_model(&judged, i, heard.moves[i] ? fsp_batch_new() : journalkit_group(SEED, i));
    for (size_t family = 0; family < FSP_FAMILY_COUNT; family++)
        journalkit_keep(&judged, (fsp_family_t)family, heard.kept[family]);
    (void)journalkit_open(&judged);
    go_on(&judged);
    journalkit_clear(&judged);
    char stash[1024];
    (void)snprintf(stash, sizeof(stash), "%s.stash", directory);
    scratch_remove(stash);
    scratch_end(&directory);
    return heard;
}

START_TEST(every_synced_record_survives_a_cut_at_any_call)
{
    heard_t whole = cut_and_judge(0, POWERCUT_KEEP);
    ck_assert_uint_gt(whole.calls, 2 * STEPS);
    ck_assert_uint_gt(whole.move_count, 0);
    ck_assert_uint_eq(whole.told, whole.begun);
    for (uint64_t cut_at = 1; cut_at <= whole.calls; cut_at++) {
        heard_t heard = cut_and_judge(cut_at, (powercut_how_t)_i);
        ck_assert_uint_eq(heard.calls, 0);
    }
}
END_TEST

static Suite *
journalcut_suite(void)
{
    Suite *suite = suite_create("journalcut");
    TCase *group = tcase_create("journalcut");
    tcase_set_timeout(group, 900);
    tcase_add_loop_test(group, every_synced_record_survives_a_cut_at_any_call, POWERCUT_KEEP,
                        POWERCUT_HOW_COUNT);
    suite_add_tcase(suite, group);
    return suite;
}

int
main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "cut") == 0)
        return child(argv[2]);
    powercut_never();
    return fsp_suite_main(journalcut_suite());
}
