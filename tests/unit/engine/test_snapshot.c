/* SPDX-License-Identifier: MIT */
/* test_snapshot - frames on their way, losses, restarts, and the switch.  Layer tests. */
#include "core/base/canon.h"
#include "core/engine/snapshot_send.h"
#include "core/engine/snapshot_take.h"
#include "tests/unit/aborts.h"
#include "tests/unit/engine/mesh.h"

enum { ROW_BYTES = 4096, ROWS = 600 }; /* about ten frames */

/* Row n of a table that the state machine does not know. */
static void
put_row(fsp_memview_t *state, fsp_shard_ref_t shard, uint32_t n, uint8_t content)
{
    uint8_t key[4 + 4 + 1 + 4];
    fsp_store_u32(key, shard.shard);
    fsp_store_u32(key + 4, shard.generation);
    key[8] = 0xee;
    fsp_store_u32(key + 9, n);
    static uint8_t value[ROW_BYTES];
    memset(value, content, sizeof(value));
    fsp_store_u32(value, n);
    fsp_omap_put(fsp_memview_map(state), fsp_slice(key, sizeof(key)),
                 fsp_slice(value, sizeof(value)), 0);
}

static void
put_shard_row(fsp_memview_t *state, fsp_shard_ref_t shard, uint64_t index, uint64_t term)
{
    fsp_shard_row_t row = {.applied_index = index, .applied_term = term, .feature_level = 1};
    fsp_row_key_t key = fsp_row_key(shard, FSP_TABLE_SHARD, (fsp_space_id_t){{0}});
    fsp_buf_t buf;
    fsp_buf_init(&buf, 256);
    fsp_shard_row_encode(&row, &buf);
    fsp_omap_put(fsp_memview_map(state), fsp_row_key_slice(&key), fsp_buf_slice(&buf), 0);
    fsp_buf_clear(&buf);
}

/* -- one transfer by hand ---------------------------------------------------------------------- */

static fsp_memview_t *from, *to;
static fsp_snapshot_send_t *send;
static fsp_snapshot_take_t take;

static void
set_up(void)
{
    from = fsp_memview_new();
    to = fsp_memview_new();
    for (uint32_t i = 0; i < ROWS; i++)
        put_row(from, mesh_shard, i, 7);
    put_shard_row(from, mesh_shard, 40, 3);
    /* Not of this shard, or not of this generation. */
    put_row(from, (fsp_shard_ref_t){.shard = 2, .generation = 1}, 5, 1);
    put_row(from, (fsp_shard_ref_t){.shard = 3, .generation = 2}, 5, 1);
    put_row(from, (fsp_shard_ref_t){.shard = 4, .generation = 1}, 5, 1);
    fsp_status_t status;
    send = fsp_snapshot_send_new(2, 99, fsp_memview_view(from), mesh_shard, &status);
    ck_assert_int_eq(status, FSP_OK);
    take = (fsp_snapshot_take_t){.generation = 5};
}

static void
tear_down(void)
{
    fsp_snapshot_send_destroy(&send);
    fsp_memview_destroy(&from);
    fsp_memview_destroy(&to);
}

static fsp_replica_frame_t
next_frame(void)
{
    fsp_replica_frame_t frame;
    ck_assert(fsp_snapshot_send_open(send));
    ck_assert_int_eq(fsp_snapshot_send_next(send, &frame), FSP_OK);
    ck_assert_uint_eq(frame.id, 99);
    return frame;
}

static fsp_status_t
take_rows(fsp_slice_t rows)
{
    fsp_batch_t *batch = fsp_batch_new();
    fsp_status_t status = fsp_snapshot_take_rows(&take, mesh_shard, rows, batch);
    fsp_memview_apply(to, batch, FSP_FAMILY_STATE);
    fsp_batch_destroy(&batch);
    return status;
}

static bool
verify(size_t *ret_pieces)
{
    bool done = false;
    bool equal = false;
    take.phase = FSP_TAKE_VERIFY;
    take.verified = (fsp_hash_t){0};
    take.after_bytes = 0;
    for (*ret_pieces = 0; !done; (*ret_pieces)++)
        ck_assert_int_eq(
            fsp_snapshot_take_verify(&take, mesh_shard, fsp_memview_view(to), &done, &equal),
            FSP_OK);
    return equal;
}

/* All of it, each frame acknowledged; returns how many there were. */
static uint64_t
transfer(void)
{
    for (;;) {
        fsp_replica_frame_t frame = next_frame();
        ck_assert_uint_le(fsp_blob_bytes(frame.rows),
                          FSP_SNAPSHOT_FRAME_BYTES + ROW_BYTES + FSP_ROW_KEY_BYTES_MAX);
        ck_assert_int_eq(take_rows(fsp_blob_slice(frame.rows)), FSP_OK);
        take.digest = frame.digest;
        ck_assert(fsp_snapshot_send_took(send, frame.position + 1));
        fsp_blob_destroy(&frame.rows);
        if (frame.last)
            return frame.position + 1;
    }
}

START_TEST(every_row_of_the_shard_arrives_under_another_generation)
{
    ck_assert_uint_eq(send->index, 40);
    ck_assert_uint_eq(send->term, 3);
    ck_assert_uint_eq(transfer(), 10);
    ck_assert(fsp_snapshot_send_done(send));
    ck_assert(!fsp_snapshot_send_open(send));
    ck_assert_uint_eq(fsp_omap_count(fsp_memview_map(to)), ROWS + 1);
    fsp_shard_row_t row;
    ck_assert_int_eq(fsp_meta_shard_row((fsp_shard_ref_t){.shard = 3, .generation = 5},
                                        fsp_memview_view(to), &row),
                     FSP_OK);
    ck_assert_uint_eq(row.applied_index, 40);
    size_t pieces;
    ck_assert(verify(&pieces));
    ck_assert_uint_eq(pieces, 3); /* of a megabyte at most */
}
END_TEST

START_TEST(what_is_written_after_it_began_is_not_in_it)
{
    fsp_replica_frame_t frame = next_frame();
    fsp_blob_destroy(&frame.rows);
    ck_assert(fsp_snapshot_send_took(send, 0));
    put_row(from, mesh_shard, ROWS - 1, 9);
    put_row(from, mesh_shard, ROWS + 1, 9);
    put_shard_row(from, mesh_shard, 41, 3);
    fsp_snapshot_send_again(send);
    (void)transfer();
    ck_assert_uint_eq(fsp_omap_count(fsp_memview_map(to)), ROWS + 1);
    size_t pieces;
    ck_assert(verify(&pieces));
}
END_TEST

START_TEST(at_most_a_window_is_out)
{
    for (uint64_t i = 0; i < FSP_SNAPSHOT_WINDOW; i++) {
        fsp_replica_frame_t frame = next_frame();
        ck_assert_uint_eq(frame.position, i);
        fsp_blob_destroy(&frame.rows);
    }
    ck_assert(!fsp_snapshot_send_open(send));
    fsp_replica_frame_t frame;
    fsp_status_t status;
    FSP_EXPECT_ABORT(status = fsp_snapshot_send_next(send, &frame); (void)status);
    ck_assert(fsp_snapshot_send_took(send, 1)); /* credit for one */
    frame = next_frame();
    ck_assert_uint_eq(frame.position, 4);
    fsp_blob_destroy(&frame.rows);
    ck_assert(!fsp_snapshot_send_open(send));
}
END_TEST

/* Going back sends the same bytes again, wherever it goes back to. */
START_TEST(going_back_repeats_the_same_frames)
{
    fsp_slice_t seen[16] = {{0}};
    fsp_blob_t *kept[16] = {NULL};
    uint64_t count = 0;
    for (int round = 0; !fsp_snapshot_send_done(send); round++) {
        while (fsp_snapshot_send_open(send)) {
            fsp_replica_frame_t frame = next_frame();
            if (frame.position >= count) {
                kept[count] = frame.rows;
                seen[count++] = fsp_blob_slice(frame.rows);
                continue;
            }
            ck_assert(fsp_slice_eq(seen[frame.position], fsp_blob_slice(frame.rows)));
            fsp_blob_destroy(&frame.rows);
        }
        fsp_snapshot_send_again(send);
        if (round % 2) {
            fsp_replica_frame_t frame = next_frame();
            ck_assert(fsp_slice_eq(seen[frame.position], fsp_blob_slice(frame.rows)));
            fsp_blob_destroy(&frame.rows);
            ck_assert(fsp_snapshot_send_took(send, send->acked + 1));
        }
    }
    ck_assert_uint_eq(count, 10);
    for (uint64_t i = 0; i < count; i++)
        fsp_blob_destroy(&kept[i]);
}
END_TEST

START_TEST(acknowledgements_that_make_no_sense_are_not_followed)
{
    for (int i = 0; i < 4; i++) {
        fsp_replica_frame_t frame = next_frame();
        fsp_blob_destroy(&frame.rows);
    }
    ck_assert(!fsp_snapshot_send_took(send, 5)); /* never sent */
    ck_assert(!fsp_snapshot_send_took(send, UINT64_MAX));
    ck_assert(fsp_snapshot_send_took(send, 3));
    ck_assert(!fsp_snapshot_send_took(send, 2)); /* old */
    ck_assert(fsp_snapshot_send_took(send, 3));  /* a sign of life */
    fsp_snapshot_send_again(send);
    ck_assert(!fsp_snapshot_send_took(send, 4)); /* true, but it went back behind that */
    ck_assert(fsp_snapshot_send_took(send, 0));  /* the receiver began anew */
    fsp_replica_frame_t frame = next_frame();
    ck_assert_uint_eq(frame.position, 0);
    fsp_blob_destroy(&frame.rows);
    ck_assert(fsp_snapshot_send_took(send, 1));
    (void)transfer();
}
END_TEST

START_TEST(one_flipped_byte_is_found)
{
    (void)transfer();
    size_t pieces;
    ck_assert(verify(&pieces));
    fsp_shard_ref_t there = {.shard = 3, .generation = 5};
    put_row(to, there, 123, 8);
    ck_assert(!verify(&pieces));
    put_row(to, there, 123, 7);
    ck_assert(verify(&pieces));
    put_row(to, there, ROWS, 7); /* one too many */
    ck_assert(!verify(&pieces));
    fsp_batch_t *batch = fsp_batch_new();
    fsp_snapshot_forget(3, 5, 6, batch);
    fsp_memview_apply(to, batch, FSP_FAMILY_STATE);
    fsp_batch_destroy(&batch);
    ck_assert(!verify(&pieces)); /* nothing there */
    ck_assert_uint_eq(fsp_omap_count(fsp_memview_map(to)), 0);
}
END_TEST

START_TEST(rows_that_are_none_are_refused)
{
    fsp_buf_t buf;
    fsp_buf_init(&buf, 4096);
    static const uint8_t bytes[FSP_ROW_KEY_BYTES_MAX];
    fsp_canon_bin(&buf, (fsp_slice_t){0}); /* an empty key */
    fsp_canon_bin(&buf, fsp_slice(bytes, 1));
    ck_assert_int_eq(take_rows(fsp_buf_slice(&buf)), FSP_INVALID);
    fsp_buf_reset(&buf);
    fsp_canon_bin(&buf, fsp_slice(bytes, 1)); /* a key without a value */
    ck_assert_int_eq(take_rows(fsp_buf_slice(&buf)), FSP_INVALID);
    fsp_buf_reset(&buf);
    fsp_canon_bin(&buf, fsp_slice(bytes, FSP_ROW_KEY_BYTES_MAX)); /* too long with its prefix */
    fsp_canon_bin(&buf, fsp_slice(bytes, 1));
    ck_assert_int_eq(take_rows(fsp_buf_slice(&buf)), FSP_INVALID);
    fsp_buf_reset(&buf);
    fsp_canon_uint(&buf, 7);
    ck_assert_int_eq(take_rows(fsp_buf_slice(&buf)), FSP_INVALID);
    ck_assert_int_eq(take_rows((fsp_slice_t){0}), FSP_OK); /* no rows are none */
    fsp_buf_clear(&buf);
}
END_TEST

/* -- between replicas -------------------------------------------------------------------------- */

static mesh_t mesh;

/* 3 was away; what it needs is no longer in 1's log. */
static void
set_up_mesh(void)
{
    mesh_init(&mesh, 3, false);
    mesh.limits.keep_entries = 2;
    mesh.limits.drop_entries_min = 5;
    for (uint64_t i = 1; i <= 2; i++)
        for (uint32_t n = 0; n < ROWS; n++)
            put_row(mesh.replicas[i].state, mesh_shard, n, 7);
    mesh_start_led_by(&mesh, 1);
    mesh.cut[3] = true;
    mesh_run(&mesh, 1500);
    for (uint64_t i = 0; i < 30; i++) {
        mesh_command(&mesh, 1, i, fsp_slice_text("x"), false);
        mesh_settle(&mesh);
    }
    ck_assert_uint_gt(fsp_raft_log_start(fsp_replica_raft(mesh.replicas[1].replica)), 5);
    mesh.cut[3] = false;
    mesh.frames = 0;
}

static void
tear_down_mesh(void)
{
    mesh_clear(&mesh);
}

static void
expect_caught_up(void)
{
    for (int i = 0; i < 6000 && fsp_replica_applied_index(mesh.replicas[3].replica) <
                                    fsp_replica_applied_index(mesh.replicas[1].replica);
         i++)
        mesh_run(&mesh, 10);
    mesh_command(&mesh, mesh_leader(&mesh), 77, fsp_slice_text("y"), false);
    mesh_run(&mesh, 200);
    ck_assert_uint_eq(fsp_replica_applied_index(mesh.replicas[3].replica),
                      fsp_replica_applied_index(mesh.replicas[1].replica));
    mesh_expect_same_state(&mesh, 1, 3);
    mesh_expect_same_state(&mesh, 1, 2);
}

START_TEST(who_fell_behind_gets_the_state)
{
    expect_caught_up();
    ck_assert_uint_eq(mesh.frames, 10);
    ck_assert_uint_eq(fsp_replica_shard(mesh.replicas[3].replica).generation, 2);
    /* A restart finds the generation, and the log behind it. */
    mesh_crash(&mesh, 3);
    mesh_start(&mesh, 3);
    ck_assert_uint_eq(fsp_replica_shard(mesh.replicas[3].replica).generation, 2);
    expect_caught_up();
    ck_assert_uint_eq(mesh.frames, 10);
}
END_TEST

static bool
lose_some(mesh_t *self, const fsp_replica_message_t *message)
{
    if (message->type == FSP_REPLICA_RAFT)
        return true;
    return self->count++ % 3 != 1;
}

START_TEST(lost_frames_and_acknowledgements_are_made_up_for)
{
    mesh.pass = lose_some;
    expect_caught_up();
}
END_TEST

/* Each frame and acknowledgement comes twice, the second time late. */
static bool
double_all(mesh_t *self, const fsp_replica_message_t *message)
{
    if (message->type == FSP_REPLICA_RAFT || self->count > 200 || self->count % 2)
        return true;
    fsp_buf_t *again = fsp_fifo_push(&self->messages);
    fsp_buf_init(again, 4 * 1024 * 1024);
    fsp_replica_message_encode(message, again);
    self->count += 3; /* odd: the copy is not copied */
    mesh_deliver(self, message);
    self->count--;
    return false;
}

START_TEST(doubled_frames_do_no_harm)
{
    mesh.pass = double_all;
    expect_caught_up();
}
END_TEST

/* 3 dies after each of its first writes in turn, that is in every phase, and comes back. */
START_TEST(a_restart_in_any_phase_starts_again_or_goes_on)
{
    for (uint64_t writes = 1; writes <= 16; writes++) {
        if (writes > 1) {
            mesh_clear(&mesh);
            set_up_mesh();
        }
        mesh.replicas[3].slow = true;
        uint64_t done = 0;
        for (int i = 0; i < 600 && done < writes; i++) {
            mesh_run(&mesh, 10);
            if (mesh.replicas[3].writes.count > 0) {
                mesh_write_first(&mesh, 3);
                mesh_settle(&mesh);
                done++;
            }
        }
        mesh_crash(&mesh, 3);
        mesh.replicas[3].slow = false;
        mesh_start(&mesh, 3);
        expect_caught_up();
    }
}
END_TEST

/* The same, and power fails: what of the state was not kept is gone, whichever phase it was. */
START_TEST(a_power_failure_in_any_phase_starts_again_or_goes_on)
{
    unsigned again = 0, switched = 0;
    for (uint64_t writes = 1; writes <= 16; writes++) {
        mesh_clear(&mesh);
        set_up_mesh();
        mesh_keep(&mesh, 3);
        mesh.replicas[3].lags = true;
        mesh.replicas[3].slow = true;
        uint64_t done = 0;
        for (int i = 0; i < 600 && done < writes; i++) {
            mesh_run(&mesh, 10);
            if (mesh.replicas[3].writes.count > 0) {
                mesh_write_first(&mesh, 3);
                mesh_settle(&mesh);
                done++;
            }
        }
        uint64_t before = fsp_omap_count(fsp_memview_map(mesh.replicas[3].state));
        mesh_crash(&mesh, 3);
        again += fsp_omap_count(fsp_memview_map(mesh.replicas[3].state)) < before;
        mesh.replicas[3].slow = false;
        mesh_start(&mesh, 3);
        switched += fsp_replica_shard(mesh.replicas[3].replica).generation > 1;
        expect_caught_up();
        /* And once more, now that all of it went through a life that was told nothing. */
        mesh_crash(&mesh, 3);
        mesh_start(&mesh, 3);
        ck_assert_uint_gt(fsp_replica_shard(mesh.replicas[3].replica).generation, 1);
        expect_caught_up();
    }
    ck_assert_uint_gt(again, 5); /* it took rows away */
    ck_assert_uint_gt(switched, 1);
}
END_TEST

/* Rows of the snapshot that are on stable storage, when the log is about to name them. */
static void
count_kept_rows(mesh_t *self, uint64_t replica, const mesh_write_t *write)
{
    const mesh_replica_t *r = &self->replicas[3];
    if (replica != 3 || !write->cuts || r->writes.count > 0)
        return;
    fsp_row_key_t first = {.used = FSP_SNAPSHOT_PREFIX_BYTES};
    fsp_store_u32(first.bytes, mesh_shard.shard);
    fsp_store_u32(first.bytes + 4, 2);
    fsp_row_key_t end = first;
    fsp_row_key_to_prefix_end(&end);
    for (size_t i = 0; i < 2; i++) {
        fsp_cursor_t *cursor = fsp_view_scan(fsp_memview_view(i ? r->kept : r->state),
                                             fsp_row_key_slice(&first), fsp_row_key_slice(&end));
        for (; cursor->valid; fsp_cursor_next(cursor))
            self->count += i ? 1 : 1000000;
        fsp_cursor_destroy(&cursor);
    }
}

START_TEST(the_switch_waits_until_its_rows_are_kept)
{
    mesh.replicas[3].lags = true;
    mesh.written = count_kept_rows;
    expect_caught_up();
    ck_assert_uint_gt(mesh.count / 1000000, ROWS);
    ck_assert_uint_eq(mesh.count / 1000000, mesh.count % 1000000);
    /* The state that was switched to is kept, and so the log behind it is all that there is. */
    ck_assert_uint_ge(fsp_raft_log_start(fsp_replica_raft(mesh.replicas[3].replica)), 30);
}
END_TEST

/* Only the last frame of a transfer is waited for. */
static void
count_keeping(mesh_t *self, uint64_t replica, const mesh_write_t *write)
{
    self->count += replica == 3 && write->keeps_state;
}

START_TEST(a_transfer_keeps_the_state_once)
{
    mesh.written = count_keeping;
    expect_caught_up();
    ck_assert_uint_eq(mesh.frames, 10);
    ck_assert_uint_eq(mesh.count, 1);
}
END_TEST

/* What a leader cannot drop, because its own state might need it, a follower gets as entries. */
START_TEST(a_leader_whose_state_is_not_kept_drops_nothing)
{
    expect_caught_up();
    mesh_run(&mesh, 200);
    const fsp_raft_t *raft = fsp_replica_raft(mesh.replicas[1].replica);
    uint64_t start = fsp_raft_log_start(raft);
    mesh.replicas[1].lags = true;
    mesh.cut[3] = true;
    mesh_run(&mesh, 1500);
    for (uint64_t i = 0; i < 60; i++) {
        mesh_command(&mesh, 1, i, fsp_slice_text("x"), false);
        mesh_settle(&mesh);
    }
    ck_assert_uint_le(fsp_raft_log_start(raft), start + 1);
    mesh.cut[3] = false;
    mesh.frames = 0;
    expect_caught_up();
    ck_assert_uint_eq(mesh.frames, 0);
    /* Told at last, it drops, and who is away then gets a snapshot. */
    mesh.cut[3] = true;
    mesh_run(&mesh, 1500);
    for (uint64_t i = 0; i < 60; i++) {
        mesh_command(&mesh, 1, i, fsp_slice_text("x"), false);
        mesh_settle(&mesh);
    }
    mesh_keep(&mesh, 1);
    mesh_settle(&mesh);
    ck_assert_uint_gt(fsp_raft_log_start(raft), start + 100);
    mesh.cut[3] = false;
    expect_caught_up();
    ck_assert_uint_eq(mesh.frames, 10);
}
END_TEST

/* Written, not yet reported: the process dies right behind the switch, and the old state's rows are
   still there.  The next life finds them and takes them away. */
static void
die_at_the_switch(mesh_t *self, uint64_t replica, const mesh_write_t *write)
{
    if (replica == 3 && write->cuts)
        self->count = 1;
}

START_TEST(a_crash_right_behind_the_switch_leaves_no_rows_behind)
{
    put_row(mesh.replicas[3].state, mesh_shard, 5, 1); /* of the old state */
    mesh.written = die_at_the_switch;
    while (mesh.count == 0)
        mesh_run(&mesh, 10);
    /* The write that forgets the old generation did not happen. */
    mesh.written = NULL;
    mesh_crash(&mesh, 3);
    put_row(mesh.replicas[3].state, mesh_shard, 5, 1);
    put_row(mesh.replicas[3].state, (fsp_shard_ref_t){.shard = 3, .generation = 9}, 5, 1);
    mesh_start(&mesh, 3);
    expect_caught_up(); /* which looks at all rows of the database */
}
END_TEST

/* Another leader, another life: another id; what came before is forgotten. */
START_TEST(another_sender_starts_again)
{
    mesh.replicas[3].slow = true;
    mesh_run(&mesh, 300);
    mesh.replicas[3].slow = false;
    mesh.cut[1] = true;
    for (int i = 0; i < 500 && mesh_leader(&mesh) != 2; i++)
        mesh_run(&mesh, 10);
    ck_assert_uint_eq(mesh_leader(&mesh), 2);
    mesh.cut[1] = false;
    mesh_run(&mesh, 3000);
    expect_caught_up();
}
END_TEST

/* Writes of an abandoned transfer that come back late count for nothing: the next transfer must
   wait for its own. */
START_TEST(late_writes_of_an_abandoned_transfer_are_not_counted)
{
    mesh.cut[1] = mesh.cut[2] = true;
    mesh_run(&mesh, 50);
    mesh.replicas[3].slow = true;
    const fsp_raft_t *raft = fsp_replica_raft(mesh.replicas[3].replica);
    fsp_shard_row_t row = {
        .applied_index = 50, .applied_term = fsp_raft_term(raft), .feature_level = 1};
    fsp_row_key_t key = fsp_row_key(mesh_shard, FSP_TABLE_SHARD, (fsp_space_id_t){{0}});
    fsp_slice_t suffix =
        fsp_slice(key.bytes + FSP_SNAPSHOT_PREFIX_BYTES, key.used - FSP_SNAPSHOT_PREFIX_BYTES);
    fsp_buf_t value, rows;
    fsp_buf_init(&value, 256);
    fsp_buf_init(&rows, 1024);
    fsp_shard_row_encode(&row, &value);
    fsp_canon_bin(&rows, suffix);
    fsp_canon_bin(&rows, fsp_buf_slice(&value));
    fsp_replica_message_t frame = {
        .type = FSP_REPLICA_FRAME,
        .raft = {.type = FSP_RAFT_SNAPSHOT,
                 .from = 1,
                 .to = 3,
                 .term = fsp_raft_term(raft),
                 .index = 50,
                 .index_term = fsp_raft_term(raft)},
        .frame = {.id = 5, .conf = *fsp_raft_conf(raft)},
    };
    frame.frame.rows = fsp_blob_copy(rows.data, rows.bytes);
    fsp_replica_event_t event = {.type = FSP_REPLICA_MESSAGE, .message = &frame};
    mesh_step(&mesh, 3, event); /* two frames of one transfer */
    frame.frame.position = 1;
    mesh_step(&mesh, 3, event);
    frame.frame.id = 6; /* and another one of a single frame, before they are written */
    frame.frame.position = 0;
    frame.frame.last = true;
    fsp_snapshot_digest(&frame.frame.digest, suffix, fsp_buf_slice(&value));
    mesh_step(&mesh, 3, event);
    ck_assert_uint_ge(mesh.replicas[3].writes.count, 3);
    mesh.replicas[3].slow = false;
    mesh_settle(&mesh);
    ck_assert_uint_eq(fsp_replica_applied_index(mesh.replicas[3].replica), 50);
    ck_assert_uint_eq(fsp_replica_shard(mesh.replicas[3].replica).generation, 3);
    fsp_blob_destroy(&frame.frame.rows);
    fsp_buf_clear(&value);
    fsp_buf_clear(&rows);
}
END_TEST

/* The disk changes a byte between the write and the verification: the receiver refuses, nothing is
   switched, and the next transfer is clean. */
static void
flip_once(mesh_t *self, uint64_t replica, const mesh_write_t *write)
{
    if (replica != 3 || self->count > 0)
        return;
    for (size_t i = 0; i < fsp_batch_count(write->batch); i++) {
        fsp_batch_row_t row = fsp_batch_row(write->batch, i);
        if (row.family != FSP_FAMILY_STATE || row.key.bytes != 13 || row.key.data[8] != 0xee)
            continue;
        uint8_t *value = (uint8_t *)(uintptr_t)row.value.data;
        value[100] ^= 1;
        self->count = 1;
        return;
    }
}

START_TEST(a_byte_that_changed_on_disk_is_found_before_the_switch)
{
    mesh.written = flip_once;
    expect_caught_up();
    ck_assert_uint_eq(mesh.count, 1);
    ck_assert_uint_eq(mesh.frames, 20); /* all of it twice */
    ck_assert_uint_eq(fsp_replica_shard(mesh.replicas[3].replica).generation, 3);
}
END_TEST

/* The switch: one durable write with generation, configuration, log start and all; everything that
   it stands for was synced before. */
static void
look_at_the_switch(mesh_t *self, uint64_t replica, const mesh_write_t *write)
{
    if (replica != 3)
        return;
    const mesh_replica_t *r = &self->replicas[3];
    fsp_log_name_t name = fsp_log_name(mesh_shard, &r->self);
    fsp_log_key_t base = fsp_log_base_key(&name);
    fsp_log_key_t hard = fsp_log_hard_key(&name);
    bool has_base = false;
    bool has_hard = false;
    bool deletes = false;
    for (size_t i = 0; i < fsp_batch_count(write->batch); i++) {
        fsp_batch_row_t row = fsp_batch_row(write->batch, i);
        bool log = row.family == FSP_FAMILY_LOG;
        has_base = has_base || (log && fsp_slice_eq(row.key, fsp_log_key_slice(&base)));
        has_hard = has_hard || (log && fsp_slice_eq(row.key, fsp_log_key_slice(&hard)));
        deletes = deletes || (log && row.op == FSP_ROW_DELETE_RANGE);
    }
    if (!has_base)
        return;
    ck_assert(has_hard && deletes && write->durable && write->cuts);
    fsp_shard_row_t row;
    ck_assert_int_eq(fsp_meta_shard_row((fsp_shard_ref_t){.shard = 3, .generation = 2},
                                        fsp_memview_view(r->state), &row),
                     FSP_OK);
    ck_assert_uint_eq(row.applied_index, write->durable_index);
    ck_assert_uint_le(r->watermark, write->durable_index);
    self->count++;
}

START_TEST(the_switch_is_one_durable_write)
{
    mesh.written = look_at_the_switch;
    mesh_run(&mesh, 1000);
    ck_assert_uint_eq(mesh.count, 1);
    mesh.written = NULL;
    expect_caught_up();
}
END_TEST

/* A frame whose header no log could hold, a transfer that begins in the middle, rows that are none,
   a snapshot that says it is another one. */
START_TEST(frames_that_nobody_honest_sends_change_nothing)
{
    mesh.cut[1] = mesh.cut[2] = true;
    mesh_run(&mesh, 50);
    mesh.replicas[3].writes.count == 0 ? (void)0 : ck_abort();
    const fsp_raft_t *raft = fsp_replica_raft(mesh.replicas[3].replica);
    fsp_replica_message_t frame = {
        .type = FSP_REPLICA_FRAME,
        .raft = {.type = FSP_RAFT_SNAPSHOT,
                 .from = 1,
                 .to = 3,
                 .term = fsp_raft_term(raft),
                 .index = 50,
                 .index_term = 99},
        .frame = {.id = 5, .conf = mesh.replicas[1].base},
    };
    frame.frame.rows = fsp_blob_copy("\xc0", 1);
    fsp_replica_event_t event = {.type = FSP_REPLICA_MESSAGE, .message = &frame};
    mesh_step(&mesh, 3, event); /* a term above the message's */
    frame.raft.index_term = 0;
    mesh_step(&mesh, 3, event);
    ck_assert_uint_eq(mesh.replicas[3].writes.count, 0);
    frame.raft.index_term = fsp_raft_term(raft);
    frame.frame.position = 7;
    mesh_step(&mesh, 3, event); /* the middle of nothing: told to begin at 0 */
    frame.frame.position = 0;
    mesh_step(&mesh, 3, event); /* rows that are none: refused */
    mesh_settle(&mesh);
    fsp_blob_destroy(&frame.frame.rows);
    /* All as it says, but its rows are of another index: found before the switch. */
    fsp_buf_t rows;
    fsp_buf_init(&rows, 4096);
    static const uint8_t key[] = {1};
    fsp_canon_bin(&rows, fsp_slice(key, sizeof(key)));
    fsp_canon_bin(&rows, fsp_slice(key, sizeof(key)));
    frame.frame.rows = fsp_blob_copy(rows.data, rows.bytes);
    frame.frame.last = true;
    frame.frame.id = 6;
    fsp_snapshot_digest(&frame.frame.digest, fsp_slice(key, sizeof(key)),
                        fsp_slice(key, sizeof(key)));
    mesh_step(&mesh, 3, event);
    mesh_settle(&mesh);
    ck_assert_uint_eq(fsp_replica_shard(mesh.replicas[3].replica).generation, 1);
    fsp_blob_destroy(&frame.frame.rows);
    fsp_buf_clear(&rows);
    mesh.cut[1] = mesh.cut[2] = false;
    mesh_run(&mesh, 3000);
    expect_caught_up();
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("snapshot");
    TCase *frames = tcase_create("frames");
    tcase_add_checked_fixture(frames, set_up, tear_down);
    tcase_add_test(frames, every_row_of_the_shard_arrives_under_another_generation);
    tcase_add_test(frames, what_is_written_after_it_began_is_not_in_it);
    tcase_add_test(frames, at_most_a_window_is_out);
    tcase_add_test(frames, going_back_repeats_the_same_frames);
    tcase_add_test(frames, acknowledgements_that_make_no_sense_are_not_followed);
    tcase_add_test(frames, one_flipped_byte_is_found);
    tcase_add_test(frames, rows_that_are_none_are_refused);
    suite_add_tcase(suite, frames);
    TCase *between = tcase_create("between replicas");
    tcase_set_timeout(between, 120);
    tcase_add_checked_fixture(between, set_up_mesh, tear_down_mesh);
    tcase_add_test(between, who_fell_behind_gets_the_state);
    tcase_add_test(between, lost_frames_and_acknowledgements_are_made_up_for);
    tcase_add_test(between, doubled_frames_do_no_harm);
    tcase_add_test(between, a_restart_in_any_phase_starts_again_or_goes_on);
    tcase_add_test(between, a_power_failure_in_any_phase_starts_again_or_goes_on);
    tcase_add_test(between, the_switch_waits_until_its_rows_are_kept);
    tcase_add_test(between, a_transfer_keeps_the_state_once);
    tcase_add_test(between, a_leader_whose_state_is_not_kept_drops_nothing);
    tcase_add_test(between, a_crash_right_behind_the_switch_leaves_no_rows_behind);
    tcase_add_test(between, another_sender_starts_again);
    tcase_add_test(between, late_writes_of_an_abandoned_transfer_are_not_counted);
    tcase_add_test(between, a_byte_that_changed_on_disk_is_found_before_the_switch);
    tcase_add_test(between, the_switch_is_one_durable_write);
    tcase_add_test(between, frames_that_nobody_honest_sends_change_nothing);
    suite_add_tcase(suite, between);
    return fsp_suite_main(suite);
}
