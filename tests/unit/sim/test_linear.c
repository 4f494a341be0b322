/* SPDX-License-Identifier: MIT */
/* test_linear - the two judges of histories, against each other and against known truth.
   Layer tests.

   FSP_SEED repeats or varies a run. */
#include "tests/unit/aborts.h"
#include "tests/unit/sim/history_maker.h"
#include "tests/unit/suite.h"

static const sim_search_limits_t ample = {.steps_max = 2000000, .positions_max = 1000000};
static sim_finding_t by_index, by_search;

static sim_verdict_t
judge_by_index(made_t *made)
{
    sim_reference_t reference = model_reference(&made->model);
    return sim_linear_by_index(&made->history, &reference, &by_index);
}

static sim_verdict_t
judge_by_search(const made_t *made)
{
    return sim_linear_by_search(&made->history, &ample, &by_search, NULL, NULL);
}

/* -- histories written by hand ----------------------------------------------------------------- */

static made_t hand;

static void
set_up_hand(void)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, 1);
    made_init(&hand, &prng, &(plan_t){.clients = 1, .files = 1});
    model_clear(&hand.model);
    model_init(&hand.model, &hand.history, 100);
}

static void
tear_down_hand(void)
{
    made_clear(&hand);
}

/* Adds an operation of its own client; a change (index > 0) is also the log's next one. */
static sim_op_t *
did(uint64_t from, uint64_t to, sim_op_kind_t kind, sim_outcome_t outcome, uint64_t value,
    uint64_t base, uint64_t index)
{
    sim_op_t op = {.client = (uint32_t)hand.history.count,
                   .number = 1,
                   .invoked_us = from,
                   .returned_us = to,
                   .kind = kind,
                   .outcome = outcome,
                   .path = 1,
                   .value = value,
                   .base = base,
                   .index = index};
    if (sim_op_is_change(&op))
        (void)model_apply(&hand.model, &op);
    return &hand.history.ops[sim_history_add(&hand.history, &op)];
}

static void
put(uint64_t from, uint64_t to, uint64_t value, uint64_t index)
{
    (void)did(from, to, SIM_OP_PUT, SIM_OUTCOME_OK, value, 0, index);
}

/* Saw value alone; 0: nothing. */
static sim_op_t *
saw(uint64_t from, uint64_t to, uint64_t value, uint64_t index)
{
    sim_op_t *op = did(from, to, SIM_OP_READ, SIM_OUTCOME_OK, 0, 0, index);
    op->seen = value ? sim_mark(value) : 0;
    return op;
}

static void
must_say(sim_verdict_t index, sim_verdict_t search, const char *words)
{
    ck_assert_msg(judge_by_index(&hand) == index, "by index: %s", by_index.words);
    ck_assert_msg(judge_by_search(&hand) == search, "by search: %s", by_search.words);
    if (words)
        ck_assert_msg(strstr(by_index.words, words), "by index: %s", by_index.words);
    else
        ck_assert_str_eq(by_index.words, "");
}

START_TEST(nothing_is_linear)
{
    must_say(SIM_LINEAR, SIM_LINEAR, NULL);
}
END_TEST

START_TEST(a_wrong_history_is_refused_in_words)
{
    put(0, 10, 7, 1);
    put(20, 30, 8, 2);
    sim_op_t *read = saw(40, 50, 8, 2);
    must_say(SIM_LINEAR, SIM_LINEAR, NULL);
    read->seen = sim_mark(7);
    must_say(
        SIM_NOT_LINEAR, SIM_NOT_LINEAR,
        "a read shows a value that is not there at its index: first client 0 operation 1 "
        "[0..10 us] put /a value 7: ok at 1; then client 2 operation 1 [40..50 us] read /a saw ");
    ck_assert_int_eq(by_index.first, 0);
    ck_assert_int_eq(by_index.second, 2);
    ck_assert_int_eq(by_search.second, 2);
    ck_assert_msg(strstr(by_search.words, "no order explains more than 2 of 3 answers; behind the "
                                          "longest: client 2 operation 1 [40..50 us] read /a"),
                  "%s", by_search.words);
    read->index = 1; /* the value fits the index now; the time does not */
    must_say(SIM_NOT_LINEAR, SIM_NOT_LINEAR, "began after the end of one with a higher index");
    ck_assert_int_eq(by_index.first, 1);
    read->invoked_us = 30; /* a tie is concurrent */
    must_say(SIM_LINEAR, SIM_LINEAR, NULL);
}
END_TEST

START_TEST(every_kind_does_what_it_says)
{
    did(0, 1, SIM_OP_EDIT, SIM_OUTCOME_REFUSED, 1, 50, 0);
    did(2, 3, SIM_OP_DELETE, SIM_OUTCOME_REFUSED, 0, 0, 0);
    did(4, 5, SIM_OP_NEW, SIM_OUTCOME_OK, 2, 0, 1);
    did(6, 7, SIM_OP_NEW, SIM_OUTCOME_REFUSED, 3, 0, 1);
    did(8, 9, SIM_OP_MATCH, SIM_OUTCOME_OK, 4, 2, 2);
    did(10, 11, SIM_OP_EDIT, SIM_OUTCOME_OK, 5, 2, 3); /* joins: 2 was replaced */
    saw(12, 13, 0, 3)->seen = sim_mark(4) + sim_mark(5);
    did(14, 15, SIM_OP_MATCH, SIM_OUTCOME_REFUSED, 6, 5, 3); /* two heads */
    did(16, 17, SIM_OP_EDIT, SIM_OUTCOME_OK, 7, 4, 4);       /* takes the place of 4 */
    saw(18, 19, 0, 4)->seen = sim_mark(7) + sim_mark(5);
    sim_op_t *list = saw(20, 21, 0, 4);
    list->kind = SIM_OP_LIST;
    list->path = 0;
    list->seen = sim_mark(1);
    did(22, 23, SIM_OP_DELETE, SIM_OUTCOME_OK, 0, 0, 5);
    saw(24, 25, 0, 5);
    did(26, 27, SIM_OP_PUT, SIM_OUTCOME_OK, 8, 0, 6);
    did(28, 29, SIM_OP_EDIT, SIM_OUTCOME_REFUSED, 9, 7, 6); /* 7 was of the file before */
    did(30, 31, SIM_OP_PUT, SIM_OUTCOME_DECLINED, 10, 0, 6);
    saw(32, 33, 8, 6);
    must_say(SIM_LINEAR, SIM_LINEAR, NULL);
    for (size_t i = 0; i < hand.history.count; i++) {
        sim_op_t *op = &hand.history.ops[i], kept = *op;
        if (op->outcome == SIM_OUTCOME_DECLINED)
            continue;
        if (sim_op_is_read(op)) {
            op->seen += sim_mark(99);
        } else if (op->outcome == SIM_OUTCOME_REFUSED) {
            op->outcome = SIM_OUTCOME_OK;
        } else if (op->kind == SIM_OP_PUT) {
            op->kind = SIM_OP_MATCH;
            op->base = 99;
        } else {
            op->outcome = SIM_OUTCOME_REFUSED;
        }
        ck_assert_int_eq(judge_by_index(&hand), SIM_NOT_LINEAR);
        ck_assert_msg(judge_by_search(&hand) == SIM_NOT_LINEAR, "operation %zu", i);
        *op = kept;
    }
}
END_TEST

START_TEST(an_unknown_write_may_come_late_or_never_but_once)
{
    did(0, FSP_TIME_NEVER, SIM_OP_PUT, SIM_OUTCOME_UNKNOWN, 1, 0, 0);
    put(10, 20, 2, 1);
    saw(30, 40, 2, 1);
    must_say(SIM_LINEAR, SIM_LINEAR, NULL); /* never */
    hand.history.ops[0].index = 2;
    (void)model_apply(&hand.model, &hand.history.ops[0]);
    saw(50, 60, 1, 2);
    must_say(SIM_LINEAR, SIM_LINEAR, NULL); /* late */
    put(70, 80, 3, 3);
    saw(90, 95, 3, 3);
    must_say(SIM_LINEAR, SIM_LINEAR, NULL);
    (void)model_apply(&hand.model, &hand.history.ops[0]);
    saw(100, 110, 1, 4);
    must_say(SIM_NOT_LINEAR, SIM_NOT_LINEAR, "after number 3 the log has a change that nobody");
}
END_TEST

/* S1 to S3 of linear.c: the answers alone can be explained. */
START_TEST(indexes_make_it_stricter)
{
    switch (_i) {
    case 0: /* S1: a number twice */
        put(0, 10, 1, 1);
        put(0, 10, 2, 1);
        must_say(SIM_NOT_LINEAR, SIM_LINEAR, "two changes share a number");
        break;
    case 1: /* S1: a number without a change */
        put(0, 10, 1, 1);
        (void)model_apply(&hand.model, &hand.history.ops[0]);
        must_say(SIM_NOT_LINEAR, SIM_LINEAR, "after number 1 the log has a change that nobody");
        put(20, 30, 2, 3);
        must_say(SIM_NOT_LINEAR, SIM_LINEAR, "between these, the log has a change that nobody");
        break;
    case 2: /* S1: no number */
        put(0, 10, 1, 1);
        hand.history.ops[0].index = 0;
        must_say(SIM_NOT_LINEAR, SIM_LINEAR, "a change without a number");
        break;
    case 3: /* S1: read at an index that is not there yet */
        put(0, 10, 1, 1);
        saw(20, 30, 1, 2);
        must_say(SIM_NOT_LINEAR, SIM_LINEAR, "an index beyond the last change");
        break;
    case 4: /* S1: an old index, though what it saw is there still */
        put(0, 10, 1, 1);
        saw(20, 30, 1, 1);
        put(40, 50, 2, 2);
        hand.history.ops[2].path = 2;
        model_clear(&hand.model);
        model_init(&hand.model, &hand.history, 100);
        (void)model_apply(&hand.model, &hand.history.ops[0]);
        (void)model_apply(&hand.model, &hand.history.ops[2]);
        must_say(SIM_LINEAR, SIM_LINEAR, NULL);
        saw(60, 70, 1, 1);
        must_say(SIM_NOT_LINEAR, SIM_LINEAR, "began after the end of one with a higher index");
        ck_assert_int_eq(by_index.first, 2);
        ck_assert_int_eq(by_index.second, 3);
        break;
    case 5: /* S1: a change with a number that was known before */
        put(0, 10, 1, 1);
        put(20, 30, 2, 2);
        saw(5, 10, 2, 2);
        hand.history.ops[2].seen = sim_mark(1);
        must_say(SIM_NOT_LINEAR, SIM_LINEAR, "a number that was known before it was asked for");
        ck_assert_int_eq(by_index.first, 2);
        break;
    case 6: /* S2: explained by the other order */
        put(0, 10, 1, 1);
        put(0, 10, 2, 2);
        saw(20, 30, 1, 2);
        must_say(SIM_NOT_LINEAR, SIM_LINEAR, "a value that is not there at its index");
        break;
    default: /* S3: an effect before its cause, unseen */
        did(20, FSP_TIME_NEVER, SIM_OP_PUT, SIM_OUTCOME_UNKNOWN, 1, 0, 1);
        put(0, 10, 2, 2);
        must_say(SIM_NOT_LINEAR, SIM_LINEAR, "began after the end of one with a higher index");
        break;
    }
}
END_TEST

START_TEST(refusals_and_conditions_are_judged)
{
    put(0, 10, 1, 1);
    if (_i == 0) {
        did(20, 30, SIM_OP_MATCH, SIM_OUTCOME_REFUSED, 2, 1, 1);
        must_say(SIM_NOT_LINEAR, SIM_NOT_LINEAR, "refused although its condition held");
    } else if (_i == 1) {
        did(20, 30, SIM_OP_MATCH, SIM_OUTCOME_OK, 2, 1, 2);
        did(20, 30, SIM_OP_MATCH, SIM_OUTCOME_OK, 3, 1, 3);
        must_say(SIM_NOT_LINEAR, SIM_NOT_LINEAR, "a change although its condition did not hold");
        ck_assert_int_eq(by_index.first, 1);
    } else {
        /* Answered, but not what the log has at that number. */
        put(20, 30, 2, 2);
        hand.history.ops[1].value = 3;
        saw(40, 50, 2, 2);
        must_say(SIM_NOT_LINEAR, SIM_NOT_LINEAR, "the reference does not show this change");
    }
}
END_TEST

START_TEST(an_incomplete_history_owes_no_causes)
{
    put(0, 10, 1, 1);
    (void)model_apply(&hand.model, &hand.history.ops[0]); /* somebody else's */
    put(20, 30, 2, 3);
    sim_reference_t reference = model_reference(&hand.model);
    ck_assert_int_eq(sim_linear_by_index(&hand.history, &reference, &by_index), SIM_NOT_LINEAR);
    reference.complete = false;
    ck_assert_int_eq(sim_linear_by_index(&hand.history, &reference, &by_index), SIM_LINEAR);
}
END_TEST

START_TEST(broken_records_are_bugs)
{
    put(0, 10, 1, 1);
    put(20, 30, 2, 2);
    sim_op_t *op = &hand.history.ops[1], kept = *op;
    op->value = 1;
    FSP_EXPECT_ABORT((void)judge_by_index(&hand));
    FSP_EXPECT_ABORT((void)judge_by_search(&hand));
    *op = kept;
    op->returned_us = 19;
    FSP_EXPECT_ABORT((void)judge_by_index(&hand));
    *op = kept;
    op->outcome = SIM_OUTCOME_UNKNOWN;
    FSP_EXPECT_ABORT((void)judge_by_search(&hand));
    *op = kept;
    op->outcome = SIM_OUTCOME_REFUSED;
    FSP_EXPECT_ABORT((void)judge_by_search(&hand));
}
END_TEST

/* -- limits of the search ---------------------------------------------------------------------- */

START_TEST(the_search_remembers_where_it_was)
{
    /* Twelve puts at once and a read that none explains: 12! orders, but 2^12 sets. */
    for (uint64_t i = 1; i <= 12; i++)
        put(0, 10, i, i);
    saw(20, 30, 99, 12);
    must_say(SIM_NOT_LINEAR, SIM_NOT_LINEAR, "a read does not show what is there");
    ck_assert_uint_gt(by_search.steps, 1000);
    ck_assert_uint_lt(by_search.steps, 12 * 12 * 4096);
}
END_TEST

START_TEST(the_search_gives_up_within_its_limits)
{
    for (uint64_t i = 1; i <= 40; i++)
        did(0, FSP_TIME_NEVER, SIM_OP_PUT, SIM_OUTCOME_UNKNOWN, i, 0, 0);
    saw(20, 30, 99, 0);
    sim_search_limits_t limits = {.steps_max = 1000, .positions_max = 1000000};
    const sim_history_t *history = &hand.history;
    ck_assert_int_eq(sim_linear_by_search(history, &limits, &by_search, NULL, NULL), SIM_UNDECIDED);
    ck_assert_uint_eq(by_search.steps, 1000);
    limits = (sim_search_limits_t){.steps_max = 1000000000, .positions_max = 500};
    ck_assert_int_eq(sim_linear_by_search(history, &limits, &by_search, NULL, NULL), SIM_UNDECIDED);
    ck_assert_str_eq(by_search.words + strlen(by_search.words) - 14, " 500 positions");
}
END_TEST

START_TEST(the_search_takes_64_operations_and_no_more)
{
    for (uint64_t i = 1; i <= 64; i++)
        put(20 * i, 20 * i + 10, i, i);
    must_say(SIM_LINEAR, SIM_LINEAR, NULL);
    did(5000, FSP_TIME_NEVER, SIM_OP_READ, SIM_OUTCOME_UNKNOWN, 0, 0, 0);
    must_say(SIM_LINEAR, SIM_LINEAR, NULL); /* told nobody anything */
    put(6000, 6010, 65, 65);
    must_say(SIM_LINEAR, SIM_UNDECIDED, NULL);
}
END_TEST

/* -- random histories -------------------------------------------------------------------------- */

static const char *
print_of(const made_t *made)
{
    static char text[64 * SIM_OP_WORDS_BYTES];
    size_t used = 0;
    for (size_t i = 0; i < made->history.count && i < 63; i++) {
        char words[SIM_OP_WORDS_BYTES];
        sim_op_words(&made->history, &made->history.ops[i], words);
        used += (size_t)snprintf(text + used, sizeof(text) - used, "\n  %s", words);
    }
    return text;
}

START_TEST(right_histories_pass_both)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(1));
    size_t kinds[SIM_OP_DELETE + 1][SIM_OUTCOME_UNKNOWN + 1] = {{0}}, late = 0;
    for (unsigned round = 0; round < 5000; round++) {
        plan_t plan = short_plan(&prng, 40);
        made_t made;
        made_init(&made, &prng, &plan);
        ck_assert_msg(judge_by_index(&made) == SIM_LINEAR, "round %u: %s%s", round, by_index.words,
                      print_of(&made));
        ck_assert_msg(judge_by_search(&made) == SIM_LINEAR, "round %u: %s%s", round,
                      by_search.words, print_of(&made));
        for (size_t i = 0; i < made.history.count; i++) {
            const sim_op_t *op = &made.history.ops[i];
            kinds[op->kind][op->outcome]++;
            late += op->outcome == SIM_OUTCOME_UNKNOWN && sim_op_is_change(op);
        }
        made_clear(&made);
    }
    /* All of it occurred, refusals of each condition and late effects too. */
    for (unsigned kind = 0; kind <= SIM_OP_DELETE; kind++) {
        ck_assert_uint_gt(kinds[kind][SIM_OUTCOME_OK], 500);
        ck_assert_uint_gt(kinds[kind][SIM_OUTCOME_UNKNOWN], 500);
        if (kind >= SIM_OP_MATCH)
            ck_assert_uint_gt(kinds[kind][SIM_OUTCOME_REFUSED], 500);
    }
    ck_assert_uint_gt(late, 500);
}
END_TEST

/* -- corruptions that no order can explain ----------------------------------------------------- */

static bool
comes_before(const sim_op_t *a, const sim_op_t *b)
{
    return a->returned_us < b->invoked_us;
}

static bool
is_ok(const sim_op_t *op, sim_op_kind_t kind)
{
    return op->kind == kind && op->outcome == SIM_OUTCOME_OK;
}

/* True of two puts and a read of one path, strictly one after the other.  The read cannot see the
   first value: the second replaced it, and no other operation writes it. */
static bool
is_chain(const sim_op_t *one, const sim_op_t *two, const sim_op_t *read)
{
    return is_ok(one, SIM_OP_PUT) && is_ok(two, SIM_OP_PUT) && is_ok(read, SIM_OP_READ) &&
           one->path == two->path && two->path == read->path && comes_before(one, two) &&
           comes_before(two, read);
}

static bool
stale_read(made_t *made, sim_op_t *one, sim_op_t *two, sim_op_t *read)
{
    (void)made;
    if (!is_chain(one, two, read))
        return false;
    read->seen = sim_mark(one->value);
    return true;
}

/* The last put that could matter, and a read behind it that shows what was there before it. */
static bool
lost_update(made_t *made, sim_op_t *one, sim_op_t *two, sim_op_t *read)
{
    if (one != two || !is_ok(two, SIM_OP_PUT) || !is_ok(read, SIM_OP_READ) ||
        read->path != two->path || !comes_before(two, read))
        return false;
    for (size_t i = 0; i < made->history.count; i++) {
        const sim_op_t *op = &made->history.ops[i];
        if (op != two && op->path == two->path && !sim_op_is_read(op) &&
            op->outcome != SIM_OUTCOME_REFUSED && op->outcome != SIM_OUTCOME_DECLINED &&
            !comes_before(op, two))
            return false;
    }
    read->seen = model_sight_at(&made->model, two->path, false, two->index - 1);
    return true;
}

/* The first put once more, behind all that the read had seen; the log shows it. */
static bool
duplicate_effect(made_t *made, sim_op_t *one, sim_op_t *two, sim_op_t *read)
{
    if (!is_chain(one, two, read))
        return false;
    uint64_t number = read->index + 1;
    made_insert(made, number, (size_t)(one - made->history.ops));
    read->index = number;
    read->seen = sim_mark(one->value);
    ck_assert_uint_eq(read->seen, model_sight_at(&made->model, read->path, false, number));
    return true;
}

static bool
swapped_in_time(made_t *made, sim_op_t *one, sim_op_t *two, sim_op_t *read)
{
    (void)made;
    if (!is_chain(one, two, read) || read->seen != sim_mark(two->value))
        return false;
    sim_op_t kept = *one;
    one->invoked_us = two->invoked_us;
    one->returned_us = two->returned_us;
    two->invoked_us = kept.invoked_us;
    two->returned_us = kept.returned_us;
    return true;
}

static bool
refused_but_done(made_t *made, sim_op_t *one, sim_op_t *two, sim_op_t *read)
{
    (void)made;
    if (one != two || !sim_op_is_put(two) || two->outcome != SIM_OUTCOME_REFUSED ||
        !is_ok(read, SIM_OP_READ) || read->path != two->path || !comes_before(two, read))
        return false;
    read->seen = sim_mark(two->value);
    return true;
}

/* Two that won against one version; the log has both. */
static bool
match_won_twice(made_t *made, sim_op_t *one, sim_op_t *two, sim_op_t *read)
{
    if (read != two || !is_ok(one, SIM_OP_MATCH) || two->kind != SIM_OP_MATCH ||
        two->outcome != SIM_OUTCOME_REFUSED || one->path != two->path || two->index < one->index)
        return false;
    two->base = one->base;
    two->outcome = SIM_OUTCOME_OK;
    made_insert(made, two->index + 1, (size_t)(two - made->history.ops));
    return true;
}

static const struct {
    const char *name;
    bool (*corrupt)(made_t *made, sim_op_t *one, sim_op_t *two, sim_op_t *read);
} corruptions[] = {{"stale read", stale_read},
                   {"lost update", lost_update},
                   {"duplicate effect", duplicate_effect},
                   {"swapped in time", swapped_in_time},
                   {"refused but done", refused_but_done},
                   {"if-match won twice", match_won_twice}};
enum { CORRUPTION_COUNT = sizeof(corruptions) / sizeof(corruptions[0]), CORRUPTED = 500 };

/* Corrupts at some place, if there is one. */
static bool
corrupt(made_t *made, fsp_prng_t *prng, unsigned how)
{
    size_t count = made->history.count, start = (size_t)fsp_prng_below(prng, count);
    sim_op_t *ops = made->history.ops;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++)
            for (size_t k = 0; k < count; k++)
                if (corruptions[how].corrupt(made, &ops[(i + start) % count],
                                             &ops[(j + start) % count], &ops[(k + start) % count]))
                    return true;
    return false;
}

START_TEST(corrupted_histories_fail_both)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(2) + (unsigned)_i);
    unsigned corrupted = 0;
    for (unsigned round = 0; corrupted < CORRUPTED; round++) {
        ck_assert_msg(round < 100 * CORRUPTED, "%s: no place for it", corruptions[_i].name);
        plan_t plan = short_plan(&prng, 32);
        made_t made;
        made_init(&made, &prng, &plan);
        if (corrupt(&made, &prng, (unsigned)_i)) {
            corrupted++;
            ck_assert_msg(judge_by_index(&made) == SIM_NOT_LINEAR, "%s, round %u, by index%s",
                          corruptions[_i].name, round, print_of(&made));
            ck_assert_msg(judge_by_search(&made) == SIM_NOT_LINEAR, "%s, round %u, by search%s",
                          corruptions[_i].name, round, print_of(&made));
        }
        made_clear(&made);
    }
}
END_TEST

/* -- agreement --------------------------------------------------------------------------------- */

/* Numbers the history along an order (positions; all answered operations, unknown changes if they
   have an effect) and judges it by these numbers. */
static sim_verdict_t
judge_along(made_t *made, const size_t *order, size_t count)
{
    model_t model;
    model_init(&model, &made->history, made->model.value_count);
    for (size_t i = 0; i < made->history.count; i++)
        made->history.ops[i].index = 0;
    for (size_t i = 0; i < count; i++) {
        sim_op_t *op = &made->history.ops[order[i]];
        bool changes = !sim_op_is_read(op) &&
                       (op->outcome == SIM_OUTCOME_OK || op->outcome == SIM_OUTCOME_UNKNOWN);
        op->index = changes ? model_apply(&model, op) : model.last;
    }
    sim_reference_t reference = model_reference(&model);
    sim_verdict_t verdict = sim_linear_by_index(&made->history, &reference, &by_index);
    model_clear(&model);
    return verdict;
}

/* One small lie or none, of any kind; the result may still be linearizable. */
static void
disturb(made_t *made, fsp_prng_t *prng)
{
    size_t count = made->history.count;
    sim_op_t *one = &made->history.ops[fsp_prng_below(prng, count)];
    sim_op_t *two = &made->history.ops[fsp_prng_below(prng, count)];
    bool known = one->outcome != SIM_OUTCOME_UNKNOWN && two->outcome != SIM_OUTCOME_UNKNOWN;
    switch (fsp_prng_below(prng, 6)) {
    case 0: /* what was there at another time */
        one->seen = model_sight_at(&made->model, one->path, one->kind == SIM_OP_LIST,
                                   fsp_prng_below(prng, made->model.last + 1));
        break;
    case 1: /* what another one wrote */
        if (sim_op_is_put(two))
            one->seen = sim_mark(two->value);
        break;
    case 2: /* the opposite answer */
        if (one->kind >= SIM_OP_MATCH && known)
            one->outcome = one->outcome == SIM_OUTCOME_OK ? SIM_OUTCOME_REFUSED : SIM_OUTCOME_OK;
        break;
    case 3: /* no answer, or one that came after all */
        if (one->outcome == SIM_OUTCOME_UNKNOWN && !sim_op_is_read(one)) {
            one->outcome = SIM_OUTCOME_OK;
            one->returned_us = one->invoked_us + fsp_prng_below(prng, 100);
        } else if (!sim_op_is_read(one) && one->outcome == SIM_OUTCOME_OK) {
            one->outcome = SIM_OUTCOME_UNKNOWN;
            one->returned_us = FSP_TIME_NEVER;
        }
        break;
    case 4: /* another time */
        if (known) {
            sim_op_t kept = *one;
            one->invoked_us = two->invoked_us;
            one->returned_us = two->returned_us;
            two->invoked_us = kept.invoked_us;
            two->returned_us = kept.returned_us;
        }
        break;
    default: /* shorter */
        if (known)
            one->returned_us = one->invoked_us;
        break;
    }
}

static void
shuffle(fsp_prng_t *prng, size_t *items, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t j = (size_t)fsp_prng_below(prng, i), kept = items[i - 1];
        items[i - 1] = items[j];
        items[j] = kept;
    }
}

/* 20,000 histories, right and wrong: where the search finds an order, its numbering is accepted by
   index; where it finds none, no numbering is that we try, the log's own first. */
START_TEST(both_agree_on_right_and_wrong_histories)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(3));
    unsigned linear = 0, wrong = 0, stricter = 0;
    for (unsigned round = 0; round < 20000; round++) {
        plan_t plan = short_plan(&prng, 16);
        made_t made;
        made_init(&made, &prng, &plan);
        for (uint64_t i = fsp_prng_below(&prng, 6); i > 0; i--)
            disturb(&made, &prng);
        sim_verdict_t claimed = judge_by_index(&made);
        size_t order[SIM_SEARCH_OPS_MAX], count = 0;
        sim_verdict_t found =
            sim_linear_by_search(&made.history, &ample, &by_search, order, &count);
        ck_assert_int_ne(found, SIM_UNDECIDED);
        if (found == SIM_LINEAR) {
            linear++;
            stricter += claimed == SIM_NOT_LINEAR;
            ck_assert_msg(judge_along(&made, order, count) == SIM_LINEAR, "round %u: %s%s", round,
                          by_index.words, print_of(&made));
        } else {
            wrong++;
            ck_assert_msg(claimed == SIM_NOT_LINEAR, "round %u: %s%s", round, by_search.words,
                          print_of(&made));
            for (size_t i = 0; i < made.history.count; i++)
                if (made.history.ops[i].outcome != SIM_OUTCOME_UNKNOWN ||
                    (!sim_op_is_read(&made.history.ops[i]) && fsp_prng_chance(&prng, 1, 2)))
                    order[count++] = i;
            for (unsigned i = 0; i < 10; i++) {
                shuffle(&prng, order, count);
                ck_assert_msg(judge_along(&made, order, count) == SIM_NOT_LINEAR, "round %u: %s%s",
                              round, by_search.words, print_of(&made));
            }
        }
        made_clear(&made);
    }
    printf("%u linear (%u of them not by their own indexes), %u not\n", linear, stricter, wrong);
    ck_assert_uint_gt(linear, 5000);
    ck_assert_uint_gt(wrong, 4000);
    ck_assert_uint_gt(stricter, 100);
}
END_TEST

/* Is any order of the operations not yet in it accepted?  Tries all. */
static bool
some_order_is_accepted(made_t *made, size_t *order, size_t count, unsigned used)
{
    bool whole = true;
    for (size_t i = 0; i < made->history.count; i++)
        if (!(used & 1u << i) && made->history.ops[i].outcome != SIM_OUTCOME_UNKNOWN)
            whole = false;
    if (whole && judge_along(made, order, count) == SIM_LINEAR)
        return true;
    for (size_t i = 0; i < made->history.count; i++) {
        const sim_op_t *op = &made->history.ops[i];
        if (used & 1u << i || (sim_op_is_read(op) && op->outcome == SIM_OUTCOME_UNKNOWN))
            continue;
        order[count] = i;
        if (some_order_is_accepted(made, order, count + 1, used | 1u << i))
            return true;
    }
    return false;
}

/* On up to five operations: the search is right, because every order was tried. */
START_TEST(the_search_agrees_with_all_orders)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(4));
    unsigned linear = 0, wrong = 0;
    for (unsigned round = 0; round < 10000; round++) {
        plan_t plan = short_plan(&prng, 5);
        plan.files = 1 + plan.files % 2;
        made_t made;
        made_init(&made, &prng, &plan);
        for (uint64_t i = fsp_prng_below(&prng, 10); i > 0; i--)
            disturb(&made, &prng);
        size_t order[5];
        sim_verdict_t found = judge_by_search(&made);
        bool accepted = some_order_is_accepted(&made, order, 0, 0);
        ck_assert_msg(accepted == (found == SIM_LINEAR), "round %u: %d, %s%s", round, accepted,
                      by_search.words, print_of(&made));
        linear += accepted;
        wrong += !accepted;
        made_clear(&made);
    }
    ck_assert_uint_gt(linear, 2000);
    ck_assert_uint_gt(wrong, 2000);
}
END_TEST

/* -- long ones --------------------------------------------------------------------------------- */

START_TEST(long_histories_are_judged_by_index_within_a_second)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(5));
    made_t made;
    made_init(&made, &prng,
              &(plan_t){.clients = 50,
                        .operations = 100000,
                        .span_us = 10000,
                        .gap_us = 1000,
                        .unknown_percent = 3,
                        .files = 4});
    clock_t began = clock();
    sim_verdict_t verdict = judge_by_index(&made);
    clock_t took = clock() - began;
    printf("100,000 operations: %ld ms\n", (long)(took * 1000 / CLOCKS_PER_SEC));
    ck_assert_msg(verdict == SIM_LINEAR, "%s", by_index.words);
    ck_assert_uint_gt(by_index.steps, 190000); /* each by time and by index */
    ck_assert_int_lt((long)took, CLOCKS_PER_SEC);
    /* One wrong read far inside. */
    size_t at = 50000;
    while (!is_ok(&made.history.ops[at], SIM_OP_READ))
        at++;
    made.history.ops[at].seen++;
    ck_assert_int_eq(judge_by_index(&made), SIM_NOT_LINEAR);
    ck_assert_int_eq(by_index.second, (int64_t)at);
    made_clear(&made);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("linear");
    TCase *tcase = tcase_create("by hand");
    tcase_add_checked_fixture(tcase, set_up_hand, tear_down_hand);
    tcase_add_test(tcase, nothing_is_linear);
    tcase_add_test(tcase, a_wrong_history_is_refused_in_words);
    tcase_add_test(tcase, every_kind_does_what_it_says);
    tcase_add_test(tcase, an_unknown_write_may_come_late_or_never_but_once);
    tcase_add_loop_test(tcase, indexes_make_it_stricter, 0, 8);
    tcase_add_loop_test(tcase, refusals_and_conditions_are_judged, 0, 3);
    tcase_add_test(tcase, an_incomplete_history_owes_no_causes);
    tcase_add_test(tcase, broken_records_are_bugs);
    tcase_add_test(tcase, the_search_remembers_where_it_was);
    tcase_add_test(tcase, the_search_gives_up_within_its_limits);
    tcase_add_test(tcase, the_search_takes_64_operations_and_no_more);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("random");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, right_histories_pass_both);
    tcase_add_loop_test(tcase, corrupted_histories_fail_both, 0, CORRUPTION_COUNT);
    tcase_add_test(tcase, both_agree_on_right_and_wrong_histories);
    tcase_add_test(tcase, the_search_agrees_with_all_orders);
    tcase_add_test(tcase, long_histories_are_judged_by_index_within_a_second);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
