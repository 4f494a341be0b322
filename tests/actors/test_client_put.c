/* SPDX-License-Identifier: MIT */
/* test_client_put - puts that outlive their connection, and offers.  Layer tests. */
#include "tests/actors/test_client_kept.h"

#include "tests/unit/suite.h"

enum { MIB = 1024 * 1024, BYTES = 12 * MIB + 345 };

/* -- broken at every message ------------------------------------------------------------------- */

static void
put_broken_at(unsigned type, unsigned nth, bool after, unsigned again)
{
    kept.break_type = type;
    kept.break_nth = nth;
    kept.break_after = after;
    kept.break_again = again;
    filesphere_t *handle = fake_open(&fake, 2000);
    stream_t stream = {.bytes = BYTES, .piece_max = 100000};
    filesphere_info_t info;
    expect(handle, put(handle, &stream, &info), FSP_OK, 0);
    kept_expect_pattern(BYTES);
    ck_assert_uint_eq(info.size, BYTES);
    ck_assert_uint_eq(kept.break_nth, 0);
    ck_assert_uint_eq(stream.at, BYTES); /* the source was read once */
    ck_assert_uint_le(info.bytes_sent, BYTES + (uint64_t)(again + 1) * KEPT_WINDOW);
    ck_assert_uint_eq(info.resumed_at, 0);
    for (unsigned i = 0; i < fake.op_count; i++) {
        ck_assert_mem_eq(fake.ops[i], fake.ops[0], 16);
        ck_assert_uint_eq(fake.sinces[i], fake.sinces[0]);
        ck_assert_uint_eq(fake.attempts[i], i + 1);
    }
    filesphere_close(&handle);
}

START_TEST(a_broken_put_goes_on)
{
    static const struct {
        unsigned type, nth;
    } places[] = {{FSP_MSG_PUT, 1},   {FSP_MSG_DATA, 1},  {FSP_MSG_DATA, 3},  {FSP_MSG_DATA, 4},
                  {FSP_MSG_DATA, 20}, {FSP_MSG_DATA, 49}, {FSP_MSG_COMMIT, 1}};
    size_t i = (size_t)_i / 2;
    put_broken_at(places[i].type, places[i].nth, _i % 2 != 0, 0);
    /* Done without an answer: the history of the file says so, and nothing is put again. */
    bool done = places[i].type == FSP_MSG_COMMIT && _i % 2 != 0;
    ck_assert_uint_eq(kept.openings, places[i].type == FSP_MSG_PUT && _i % 2 == 0 ? 1
                                     : done                                       ? 1
                                                                                  : 2);
}
END_TEST

START_TEST(a_put_that_is_broken_often_goes_on)
{
    put_broken_at(FSP_MSG_DATA, 2, true, 6);
    ck_assert_uint_eq(kept.openings, 8);
}
END_TEST

/* A pipe is silent for long, and the connection breaks meanwhile. */
START_TEST(a_silent_source_outlives_a_broken_link)
{
    fake.beat_ms = 100;
    kept.break_type = FSP_MSG_DATA;
    kept.break_nth = 8;
    filesphere_t *handle = fake_open(&fake, 2000);
    stream_t stream = {.bytes = BYTES, .fail_at = 2 * MIB, .not_yet = 40, .piece_max = 70001};
    filesphere_info_t info;
    expect(handle, put(handle, &stream, &info), FSP_OK, 0);
    kept_expect_pattern(BYTES);
    ck_assert_uint_eq(kept.break_nth, 0);
    ck_assert_uint_eq(kept.openings, 2);
    ck_assert_uint_eq(stream.at, BYTES);
    filesphere_close(&handle);
}
END_TEST

START_TEST(all_durable_needs_no_more_data)
{
    kept.step = 1;
    kept.break_type = FSP_MSG_COMMIT;
    kept.break_nth = 1;
    filesphere_t *handle = fake_open(&fake, 2000);
    stream_t stream = {.bytes = BYTES};
    filesphere_info_t info;
    expect(handle, put(handle, &stream, &info), FSP_OK, 0);
    kept_expect_pattern(BYTES);
    ck_assert_uint_eq(info.bytes_sent, BYTES);
    ck_assert_uint_eq(kept.said_offset, BYTES);
    ck_assert_uint_eq(kept.openings, 2);
    ck_assert_uint_gt(info.receipt_size, 0);
    filesphere_close(&handle);
}
END_TEST

START_TEST(an_answer_that_was_lost_is_looked_up)
{
    put_broken_at(FSP_MSG_COMMIT, 1, true, 0);
    filesphere_t *handle = fake_open(&fake, 2000);
    kept.break_nth = 1;
    kept.unlisted = 1; /* too many versions since: it says PUT again, and the node knows */
    stream_t stream = {.bytes = BYTES};
    filesphere_info_t info;
    kept.openings = 0;
    expect(handle, put(handle, &stream, &info), FSP_OK, 0);
    ck_assert_uint_eq(kept.openings, 2);
    ck_assert_uint_gt(info.receipt_size, 0);
    kept_expect_pattern(BYTES);
    filesphere_close(&handle);
}
END_TEST

/* It took effect between the look and the PUT that came behind it, which waited for it: the upload
   is gone, and with it what was durable, because the put is done. */
START_TEST(an_upload_that_ended_meanwhile_is_looked_up_again)
{
    kept.break_type = FSP_MSG_COMMIT;
    kept.break_nth = 1;
    kept.break_after = true;
    kept.unlisted = 1;
    kept.forgets = true;
    filesphere_t *handle = fake_open(&fake, 2000);
    stream_t stream = {.bytes = BYTES};
    filesphere_info_t info;
    expect(handle, put(handle, &stream, &info), FSP_OK, 0);
    ck_assert_uint_eq(kept.openings, 2);
    ck_assert_uint_eq(info.size, BYTES);
    ck_assert_uint_eq(stream.at, BYTES);
    /* Never listed: then nobody can tell. */
    kept.break_nth = 1;
    kept.unlisted = 100;
    kept.done = false;
    kept.openings = 0;
    stream = (stream_t){.bytes = BYTES};
    expect(handle, put(handle, &stream, &info), FSP_GONE, 3);
    ck_assert_uint_eq(kept.openings, 3);
    filesphere_close(&handle);
}
END_TEST

START_TEST(what_passes_is_tried_again)
{
    static const fsp_status_t passing[] = {FSP_BUSY, FSP_EPOCH, FSP_CLOSING, FSP_STALE};
    filesphere_t *handle = fake_open(&fake, 2000);
    for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++) {
        kept.refuse_code = fsp_error_info(passing[i])->code;
        stream_t stream = {.bytes = 3 * MIB};
        expect(handle, put(handle, &stream, NULL), FSP_OK, 0);
        kept_expect_pattern(3 * MIB);
    }
    kept.refuse_code = fsp_error_info(FSP_QUOTA)->code;
    stream_t stream = {.bytes = 3 * MIB};
    expect(handle, put(handle, &stream, NULL), FSP_QUOTA, 9);
    filesphere_close(&handle);
}
END_TEST

/* -- what an honest node does not say ---------------------------------------------------------- */

START_TEST(nonsense_is_refused)
{
    static const struct {
        int64_t offset_lie, durable_lie;
        fsp_status_t status;
    } lies[] = {
        {.offset_lie = 20 * MIB, .status = FSP_PROTOCOL}, /* what was never sent */
        {.offset_lie = INT64_MAX - 20 * MIB, .status = FSP_PROTOCOL},
        {.offset_lie = -8 * MIB, .status = FSP_GONE}, /* less than it had confirmed */
        {.durable_lie = 20 * MIB, .status = FSP_PROTOCOL},
        {.durable_lie = -2 * MIB, .status = FSP_PROTOCOL},
    };
    kept.offset_lie = lies[_i].offset_lie;
    kept.durable_lie = lies[_i].durable_lie;
    kept.break_type = FSP_MSG_DATA;
    kept.break_nth = 36; /* beyond the first window: it has heard of 1 MiB that is durable */
    filesphere_t *handle = fake_open(&fake, 2000);
    stream_t stream = {.bytes = BYTES};
    filesphere_code_t code = put(handle, &stream, NULL);
    expect(handle, code, lies[_i].status, lies[_i].status == FSP_GONE ? 3 : 1);
    filesphere_close(&handle);
}
END_TEST

static void *
cancel_later(void *handle)
{
    (void)poll(NULL, 0, 700);
    filesphere_cancel(handle);
    return NULL;
}

/* When the node has got no more for a while. */
static void *
cancel_when_full(void *handle)
{
    size_t before = 0;
    for (int i = 0; i < 40; i++) {
        (void)poll(NULL, 0, 500);
        (void)pthread_mutex_lock(&fake.mutex);
        size_t now = kept.content.bytes;
        (void)pthread_mutex_unlock(&fake.mutex);
        if (now > 0 && now == before)
            break;
        before = now;
    }
    filesphere_cancel(handle);
    return NULL;
}

START_TEST(memory_is_bounded_whatever_is_granted)
{
    kept.generous = true;
    kept.step = 0;
    filesphere_t *handle = fake_open(&fake, 5000);
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, cancel_when_full, handle), 0);
    stream_t stream = {.bytes = 60 * MIB};
    expect(handle, put(handle, &stream, NULL), FSP_CANCELLED, 130);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_uint_eq(stream.at, 38 * MIB);
    fake_await(&fake.aborts, 1);
    filesphere_close(&handle);
}
END_TEST

/* -- time -------------------------------------------------------------------------------------- */

START_TEST(patience_ends)
{
    kept.break_type = FSP_MSG_DATA;
    kept.break_nth = 5;
    kept.break_again = 1000000;
    kept.step = 0; /* it never gets further */
    filesphere_t *handle = fake_open(&fake, 1000);
    filesphere_set_patience(handle, 1500);
    stream_t stream = {.bytes = BYTES};
    int64_t start = zclock_mono();
    filesphere_code_t code = put(handle, &stream, NULL);
    int64_t took = zclock_mono() - start;
    ck_assert_int_eq(filesphere_exit_code(code), 8);
    ck_assert_ptr_nonnull(strstr(filesphere_error(handle), "run the same command again"));
    ck_assert_int_ge(took, 1200);
    ck_assert_int_lt(took, 8000);
    filesphere_close(&handle);
}
END_TEST

START_TEST(a_deadline_ends_a_call)
{
    filesphere_t *handle = fake_open(&fake, 5000);
    filesphere_set_deadline(handle, 300);
    kept.step = 0; /* the window of 8 MiB never moves */
    stream_t stream = {.bytes = BYTES};
    int64_t start = zclock_mono();
    expect(handle, put(handle, &stream, NULL), FSP_TIMEOUT, 8);
    ck_assert_int_lt(zclock_mono() - start, 2000);
    fake.ignore_count = 1;
    expect(handle, filesphere_stat(handle, NULL, "/d", NULL, NULL), FSP_TIMEOUT, 8);
    ck_assert_int_lt(zclock_mono() - start, 3000);
    filesphere_set_deadline(handle, 0);
    kept.step = MIB;
    stream = (stream_t){.bytes = BYTES};
    expect(handle, put(handle, &stream, NULL), FSP_OK, 0);
    filesphere_close(&handle);
}
END_TEST

START_TEST(cancel_ends_the_wait_for_a_node)
{
    kept.break_type = FSP_MSG_DATA;
    kept.break_nth = 1;
    kept.break_again = 1000000;
    filesphere_t *handle = fake_open(&fake, 1000);
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, cancel_later, handle), 0);
    stream_t stream = {.bytes = BYTES};
    int64_t start = zclock_mono();
    expect(handle, put(handle, &stream, NULL), FSP_CANCELLED, 130);
    ck_assert_int_lt(zclock_mono() - start, 2500);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    filesphere_close(&handle);
}
END_TEST

typedef struct {
    uint64_t done, total, moved;
    unsigned count;
} seen_t;

static void
see_progress(void *arg, const filesphere_progress_t *progress)
{
    seen_t *seen = arg;
    ck_assert_uint_ge(progress->done_bytes, seen->done);
    ck_assert_uint_ge(progress->moved_bytes, seen->moved);
    ck_assert_uint_le(progress->done_bytes, progress->total_bytes);
    *seen = (seen_t){progress->done_bytes, progress->total_bytes, progress->moved_bytes,
                     seen->count + 1};
}

START_TEST(progress_is_told)
{
    filesphere_t *handle = fake_open(&fake, 2000);
    seen_t seen = {.count = 0};
    filesphere_on_progress(handle, see_progress, &seen);
    stream_t stream = {.bytes = BYTES, .fail_at = 5 * MIB, .not_yet = 20};
    expect(handle, put(handle, &stream, NULL), FSP_OK, 0);
    ck_assert_uint_eq(seen.done, BYTES);
    ck_assert_uint_eq(seen.total, BYTES);
    ck_assert_uint_eq(seen.moved, BYTES);
    ck_assert(seen.count >= 3 && seen.count < 60);
    seen = (seen_t){.count = 0};
    stream = (stream_t){.same = true};
    expect(handle, get(handle, &stream, NULL), FSP_OK, 0);
    ck_assert_uint_eq(seen.done, BYTES);
    ck_assert_uint_eq(seen.total, BYTES);
    seen = (seen_t){.count = 0};
    stream = (stream_t){.bytes = 100};
    expect(handle, put(handle, &stream, NULL), FSP_OK, 0);
    ck_assert_uint_eq(seen.done, 100);
    filesphere_on_progress(handle, NULL, NULL);
    filesphere_close(&handle);
}
END_TEST

/* -- offers ------------------------------------------------------------------------------------ */

typedef struct {
    fsp_buf_t bytes;
    size_t at;
} edit_t;

static int
read_edit(void *arg, void *buffer, size_t size_max, size_t *ret_size)
{
    edit_t *edit = arg;
    size_t bytes = edit->bytes.bytes - edit->at;
    if (bytes > size_max)
        bytes = size_max;
    memcpy(buffer, edit->bytes.data + edit->at, bytes);
    edit->at += bytes;
    *ret_size = bytes;
    return 0;
}

static uint32_t
next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* The base is random; the edit is the same with `front` bytes put before it. */
static void
make_edit(edit_t *ret, size_t base_bytes, size_t front)
{
    uint32_t state = 12345;
    uint8_t *base = fsp_buf_extend(&kept.base, base_bytes);
    for (size_t i = 0; i < base_bytes; i++)
        base[i] = (uint8_t)next_random(&state);
    fsp_buf_init(&ret->bytes, FAKE_CONTENT_MAX);
    uint8_t *bytes = fsp_buf_extend(&ret->bytes, front + base_bytes);
    for (size_t i = 0; i < front; i++)
        bytes[i] = (uint8_t)next_random(&state);
    memcpy(bytes + front, base, base_bytes);
    ret->at = 0;
    kept_index_base();
    kept.cuts = true;
}

static filesphere_code_t
put_edit(filesphere_t *handle, edit_t *edit, filesphere_info_t *info)
{
    static const char *const bases[] = {"/other"};
    filesphere_put_t put = {
        .path = "/dir/file", .size_hint = UINT64_MAX, .bases = bases, .base_count = 1};
    return filesphere_put(handle, &put, read_edit, edit, info);
}

static void
expect_edit(const edit_t *edit)
{
    (void)pthread_mutex_lock(&fake.mutex);
    ck_assert_uint_eq(fake.content.bytes, edit->bytes.bytes);
    ck_assert_int_eq(memcmp(fake.content.data, edit->bytes.data, edit->bytes.bytes), 0);
    ck_assert(!kept.offset_wrong);
    ck_assert(!fake.overrun);
    (void)pthread_mutex_unlock(&fake.mutex);
}

START_TEST(what_the_node_has_is_not_sent)
{
    edit_t edit;
    make_edit(&edit, 20 * MIB, 500000);
    filesphere_t *handle = fake_open(&fake, 2000);
    filesphere_info_t info;
    expect(handle, put_edit(handle, &edit, &info), FSP_OK, 0);
    expect_edit(&edit);
    ck_assert_uint_lt(info.bytes_sent, 500000 + 4 * 262144);
    ck_assert_uint_eq(info.bytes_sent, kept.data_bytes + 36 * kept.offered);
    ck_assert_uint_gt(kept.known_passed, 100);
    ck_assert_uint_eq(kept.known_id_count, 1); /* /other */
    ck_assert_uint_eq(kept.known_ids[0].bytes[0], 8);
    ck_assert_uint_ge(edit.at, edit.bytes.bytes);
    fsp_buf_clear(&edit.bytes);
    filesphere_close(&handle);
}
END_TEST

START_TEST(one_chunk_is_known_by_the_digest_of_the_whole)
{
    edit_t edit;
    kept.coarse = true;
    make_edit(&edit, 700000, 0);
    ck_assert_uint_eq(kept.known_count, 1);
    filesphere_t *handle = fake_open(&fake, 2000);
    filesphere_info_t info;
    expect(handle, put_edit(handle, &edit, &info), FSP_OK, 0);
    expect_edit(&edit);
    ck_assert_uint_eq(kept.known_passed, 1);
    ck_assert_uint_eq(info.bytes_sent, 36);
    fsp_buf_clear(&edit.bytes);
    filesphere_close(&handle);
}
END_TEST

START_TEST(nothing_in_common_is_sent_whole)
{
    edit_t edit;
    make_edit(&edit, 9 * MIB, 0);
    memset(kept.known, 0, sizeof kept.known);
    filesphere_t *handle = fake_open(&fake, 2000);
    filesphere_info_t info;
    expect(handle, put_edit(handle, &edit, &info), FSP_OK, 0);
    expect_edit(&edit);
    ck_assert_uint_eq(info.bytes_sent, 9 * MIB + 36 * kept.offered);
    fsp_buf_clear(&edit.bytes);
    filesphere_close(&handle);
}
END_TEST

START_TEST(a_broken_offer_goes_on)
{
    static const struct {
        unsigned type, nth;
    } places[] = {{FSP_MSG_OFFER, 1}, {FSP_MSG_OFFER, 2}, {FSP_MSG_OFFER, 5},
                  {FSP_MSG_DATA, 3},  {FSP_MSG_DATA, 10}, {FSP_MSG_COMMIT, 1}};
    edit_t edit;
    make_edit(&edit, 20 * MIB, 3 * MIB);
    kept.break_type = places[_i / 2].type;
    kept.break_nth = places[_i / 2].nth;
    kept.break_after = _i % 2 != 0;
    kept.step = 300007;
    filesphere_t *handle = fake_open(&fake, 2000);
    filesphere_info_t info;
    expect(handle, put_edit(handle, &edit, &info), FSP_OK, 0);
    ck_assert_uint_eq(kept.break_nth, 0);
    expect_edit(&edit);
    ck_assert_uint_lt(info.bytes_sent, 12 * MIB);
    fsp_buf_clear(&edit.bytes);
    filesphere_close(&handle);
}
END_TEST

START_TEST(a_want_that_does_not_fit_is_refused)
{
    edit_t edit;
    make_edit(&edit, 5 * MIB, 1000);
    kept.want_lie = (unsigned)_i;
    filesphere_t *handle = fake_open(&fake, 2000);
    expect(handle, put_edit(handle, &edit, NULL), FSP_PROTOCOL, 1);
    fsp_buf_clear(&edit.bytes);
    filesphere_close(&handle);
}
END_TEST

START_TEST(chunks_of_no_space_are_refused)
{
    static const uint64_t sizes[][3] = {
        {1, 2, 4},
        {64, 128, 256}, /* valid for the chunker, too fine for a space */
        {65536, 100000, 262144},
        {65536, 131072, UINT64_C(4) << 20 | 1},
        {65536, 131072, UINT64_C(1) << 40},
        {131072, 65536, 262144},
        {0, 0, 0},
        {UINT64_MAX, UINT64_MAX, UINT64_MAX},
        {UINT64_C(1) << 32 | 65536, UINT64_C(1) << 32 | 131072, UINT64_C(1) << 32 | 262144},
    };
    ck_assert_uint_eq(sizeof sizes / sizeof sizes[0], 9);
    edit_t edit;
    make_edit(&edit, 5 * MIB, 1000);
    memcpy(kept.chunking, sizes[_i], sizeof kept.chunking);
    kept.chunking_count = 3;
    filesphere_t *handle = fake_open(&fake, 2000);
    expect(handle, put_edit(handle, &edit, NULL), FSP_PROTOCOL, 1);
    fsp_buf_clear(&edit.bytes);
    filesphere_close(&handle);
}
END_TEST

/* -- conditions -------------------------------------------------------------------------------- */

START_TEST(one_condition_at_most)
{
    static const uint8_t version[32] = {1}, heads[2][32] = {{1}, {2}};
    filesphere_t *handle = fake_open(&fake, 2000);
    stream_t stream = {.bytes = 100};
    filesphere_put_t wrong = {.path = "/f", .if_match = version, .edit_of = version};
    expect(handle, filesphere_put(handle, &wrong, read_pattern, &stream, NULL), FSP_INVALID, 2);
    wrong = (filesphere_put_t){.path = "/f", .merge_of = heads, .merge_count = 65};
    expect(handle, filesphere_put(handle, &wrong, read_pattern, &stream, NULL), FSP_INVALID, 2);
    wrong = (filesphere_put_t){.path = "/f", .merge_count = 1};
    expect(handle, filesphere_put(handle, &wrong, read_pattern, &stream, NULL), FSP_INVALID, 2);
    filesphere_put_t edit = {.path = "/f", .edit_of = version};
    expect(handle, filesphere_put(handle, &edit, read_pattern, &stream, NULL), FSP_OK, 0);
    filesphere_put_t merge = {.path = "/f", .merge_of = heads, .merge_count = 2};
    expect(handle, filesphere_put(handle, &merge, read_pattern, &stream, NULL), FSP_OK, 0);
    filesphere_close(&handle);
}
END_TEST

/* -- downloads --------------------------------------------------------------------------------- */

START_TEST(a_broken_get_goes_on)
{
    filesphere_t *handle = fake_open(&fake, 2000);
    fill_content(20 * MIB + 17);
    fake.break_at = 5 * MIB;
    stream_t stream = {.same = true};
    filesphere_info_t info;
    expect(handle, get(handle, &stream, &info), FSP_OK, 0);
    ck_assert(stream.same);
    ck_assert_uint_eq(stream.at, 20 * MIB + 17);
    ck_assert_uint_eq(fake.break_at, 0);
    ck_assert_uint_ge(fake.hellos, 2);
    fake.break_at = 3 * MIB;
    filesphere_get_t range = {.path = "/f", .has_range = true, .first = MIB, .last = 12 * MIB - 1};
    stream = (stream_t){.at = MIB, .same = true};
    expect(handle, filesphere_get(handle, &range, write_pattern, &stream, NULL), FSP_OK, 0);
    ck_assert(stream.same);
    ck_assert_uint_eq(stream.at, 12 * MIB);
    ck_assert_uint_eq(fake.break_at, 0);
    filesphere_close(&handle);
}
END_TEST

START_TEST(damage_is_seen_over_connections)
{
    filesphere_t *handle = fake_open(&fake, 2000);
    fill_content(20 * MIB);
    fake.break_at = 5 * MIB;
    fake.wrong_sha = true;
    stream_t stream = {.same = true};
    expect(handle, get(handle, &stream, NULL), FSP_DAMAGED, 10);
    ck_assert_uint_eq(stream.at, 20 * MIB);
    filesphere_close(&handle);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("client_put");
    TCase *tcase = tcase_create("client_put");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, kept_set_up, kept_tear_down);
    tcase_add_loop_test(tcase, a_broken_put_goes_on, 0, 14);
    tcase_add_test(tcase, a_put_that_is_broken_often_goes_on);
    tcase_add_test(tcase, a_silent_source_outlives_a_broken_link);
    tcase_add_test(tcase, all_durable_needs_no_more_data);
    tcase_add_test(tcase, an_answer_that_was_lost_is_looked_up);
    tcase_add_test(tcase, an_upload_that_ended_meanwhile_is_looked_up_again);
    tcase_add_test(tcase, what_passes_is_tried_again);
    tcase_add_loop_test(tcase, nonsense_is_refused, 0, 5);
    tcase_add_test(tcase, memory_is_bounded_whatever_is_granted);
    tcase_add_test(tcase, patience_ends);
    tcase_add_test(tcase, a_deadline_ends_a_call);
    tcase_add_test(tcase, cancel_ends_the_wait_for_a_node);
    tcase_add_test(tcase, progress_is_told);
    tcase_add_test(tcase, what_the_node_has_is_not_sent);
    tcase_add_test(tcase, one_chunk_is_known_by_the_digest_of_the_whole);
    tcase_add_test(tcase, nothing_in_common_is_sent_whole);
    tcase_add_loop_test(tcase, a_broken_offer_goes_on, 0, 12);
    tcase_add_loop_test(tcase, a_want_that_does_not_fit_is_refused, 1, 5);
    tcase_add_loop_test(tcase, chunks_of_no_space_are_refused, 0, 9);
    tcase_add_test(tcase, one_condition_at_most);
    tcase_add_test(tcase, a_broken_get_goes_on);
    tcase_add_test(tcase, damage_is_seen_over_connections);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
