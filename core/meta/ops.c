/* SPDX-License-Identifier: MIT */
/* ops - what was answered to whom: exactly once (docs/consensus.md 7).  Layer core/meta.  Pure. */
#include "core/meta/ops.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/mutant.h"
#include "core/meta/ops_oldest.h"

enum { ORDER_KEY_BYTES = FSP_ROW_PREFIX_BYTES + 8 + 16 + 16 };

static fsp_row_key_t
op_key(const fsp_machine_t *m, fsp_subject_id_t subject, fsp_op_id_t op_id)
{
    fsp_row_key_t key = fsp_machine_key(m, FSP_TABLE_OP);
    fsp_row_key_add(&key, FSP_SLICE_OF(subject));
    fsp_row_key_add(&key, FSP_SLICE_OF(op_id));
    return key;
}

static fsp_row_key_t
order_key(const fsp_machine_t *m, uint64_t index, fsp_subject_id_t subject, fsp_op_id_t op_id)
{
    fsp_row_key_t key = fsp_machine_key(m, FSP_TABLE_OP_ORDER);
    fsp_row_key_add_u64(&key, index);
    fsp_row_key_add(&key, FSP_SLICE_OF(subject));
    fsp_row_key_add(&key, FSP_SLICE_OF(op_id));
    FSP_POST(key.used == ORDER_KEY_BYTES);
    return key;
}

fsp_status_t
fsp_ops_find(fsp_machine_t *m, fsp_result_t *ret)
{
    const fsp_command_t *command = m->command;
    fsp_row_key_t key = op_key(m, command->subject, command->op_id);
    fsp_slice_t value;
    fsp_status_t status = fsp_machine_get(m, &key, &value);
    if (status == FSP_NOT_FOUND) {
        if (command->since >= m->space.horizon ||
            (FSP_MUTANT(first_attempt_is_new) && command->attempt == 1) ||
            (FSP_MUTANT(horizon_off_by_one) && command->since + 1 == m->space.horizon))
            return FSP_OK;
        /* A first message did nothing, and now never will.  A later one cannot know what became of
           those before it. */
        return command->attempt == 1 ? FSP_EXPIRED : FSP_OUTCOME_UNKNOWN;
    }
    if (status)
        return status;
    fsp_op_row_t row;
    if (fsp_op_row_decode(value, &row) || fsp_result_decode(row.result, ret))
        return fsp_machine_fail(m, FSP_DAMAGED);
    if (!fsp_hash_eq(row.digest, command->request_digest) && !FSP_MUTANT(op_digest_ignored))
        return FSP_OP_REUSED;
    ret->repeated = true;
    return FSP_EXISTS;
}

bool
fsp_ops_keeps(fsp_status_t status)
{
    if (FSP_MUTANT(refusals_not_kept) && status != FSP_OK)
        return false;
    switch ((int)status) {
    case FSP_EPOCH:
    case FSP_BASE_GONE:
    case FSP_STALE:
    case FSP_LEVEL:
    case FSP_LAYOUT:
        return false;
    default:
        return true;
    }
}

void
fsp_ops_store(fsp_machine_t *m)
{
    const fsp_command_t *command = m->command;
    FSP_PRE(fsp_ops_keeps(m->result.status));
    FSP_PRE(!m->result.repeated);
    FSP_PRE(m->result.index == m->space.change_index);
    fsp_buf_t result;
    fsp_buf_init(&result, FSP_RESULT_BYTES_MAX);
    fsp_result_encode(&m->result, &result);
    FSP_ASSERT(fsp_buf_ok(&result));

    fsp_row_key_t key = op_key(m, command->subject, command->op_id);
    fsp_op_row_encode(&(fsp_op_row_t){.index = m->result.index,
                                      .digest = command->request_digest,
                                      .result = fsp_buf_slice(&result)},
                      fsp_machine_value(m));
    fsp_machine_put(m, &key);
    fsp_buf_clear(&result);

    key = order_key(m, m->result.index, command->subject, command->op_id);
    fsp_canon_uint(fsp_machine_value(m), m->time);
    fsp_machine_put(m, &key);
    m->space.op_count++;
}

static fsp_status_t
read_order_row(const fsp_cursor_t *cursor, fsp_order_row_t *ret)
{
    if (cursor->key.bytes != ORDER_KEY_BYTES)
        return FSP_DAMAGED;
    const uint8_t *at = cursor->key.data + FSP_ROW_PREFIX_BYTES;
    ret->index = fsp_load_u64(at);
    memcpy(ret->subject.bytes, at + 8, sizeof(ret->subject.bytes));
    memcpy(ret->op_id.bytes, at + 8 + sizeof(ret->subject.bytes), sizeof(ret->op_id.bytes));
    fsp_canon_t reader = fsp_canon_reader(cursor->value);
    ret->time = fsp_canon_read_uint(&reader, UINT64_MAX);
    return fsp_canon_finish(&reader) ? FSP_DAMAGED : FSP_OK;
}

/* The first rows of the order table that lie behind the present change. */
static fsp_status_t
read_oldest(fsp_machine_t *m, fsp_ops_oldest_rows_t *ret)
{
    /* Nothing lies below the row trimmed last: start there, not at the deleted rows before it. */
    fsp_row_key_t to = fsp_machine_key(m, FSP_TABLE_OP_ORDER);
    fsp_row_key_t from = to;
    fsp_row_key_to_prefix_end(&to);
    fsp_row_key_add_u64(&from, m->space.horizon ? m->space.horizon - 1 : 0);

    FSP_AUTO(fsp_cursor_destroy)
    fsp_cursor_t *cursor = fsp_view_scan(m->view, fsp_row_key_slice(&from), fsp_row_key_slice(&to));
    ret->first = ret->count = 0;
    for (; ret->count < FSP_OPS_OLDEST_ROWS && cursor->valid; fsp_cursor_next(cursor)) {
        fsp_order_row_t *row = &ret->rows[ret->count];
        fsp_status_t status = read_order_row(cursor, row);
        if (status)
            return fsp_machine_fail(m, status);
        if (row->index >= m->space.change_index && !FSP_MUTANT(present_op_trimmed))
            break;
        ret->count++;
    }
    return cursor->status ? fsp_machine_fail(m, cursor->status) : FSP_OK;
}

/* How many of them, at most rows_max, are older than kept_us. */
static size_t
count_old(const fsp_machine_t *m, const fsp_ops_oldest_rows_t *rows, fsp_time_t kept_us,
          size_t rows_max)
{
    size_t left = rows->count - rows->first;
    size_t count = 0;
    for (; count < rows_max && count < left; count++) {
        fsp_time_t time = rows->rows[rows->first + count].time;
        if (time > m->time || m->time - time <= kept_us)
            break;
    }
    return count;
}

/* Deletes the first count of the rows. */
static void
trim_rows(fsp_machine_t *m, const fsp_ops_oldest_rows_t *rows, size_t count)
{
    FSP_PRE(count <= m->space.op_count);
    for (size_t i = 0; i < count; i++) {
        const fsp_order_row_t *row = &rows->rows[rows->first + i];
        fsp_row_key_t key = op_key(m, row->subject, row->op_id);
        fsp_machine_delete(m, &key);
        key = order_key(m, row->index, row->subject, row->op_id);
        fsp_machine_delete(m, &key);
        m->space.op_count--;
        FSP_ASSERT(row->index + 1 >= m->space.horizon);
        m->space.horizon = row->index + 1;
    }
    FSP_POST(m->space.horizon <= m->space.change_index || FSP_MUTANT(present_op_trimmed));
}

fsp_status_t
fsp_ops_trim(fsp_machine_t *m, uint64_t kept_min, fsp_time_t kept_us, size_t rows_max)
{
    static_assert((int)FSP_OPS_TRIM_MAX <= (int)FSP_OPS_OLDEST_ROWS, "one look is enough");
    FSP_PRE(rows_max <= FSP_OPS_TRIM_MAX);
    if (m->space.op_count <= kept_min)
        return FSP_OK;
    uint64_t spare = m->space.op_count - kept_min;
    if (spare < rows_max)
        rows_max = (size_t)spare;
    fsp_ops_oldest_rows_t apart = {.count = 0};
    fsp_ops_oldest_rows_t *rows = m->oldest ? fsp_ops_oldest_of(m->oldest, m) : &apart;
    size_t count = count_old(m, rows, kept_us, rows_max);
    if (count < rows_max && count == rows->count - rows->first) {
        /* What comes behind them is not known. */
        fsp_status_t status = read_oldest(m, rows);
        if (status)
            return status;
        count = count_old(m, rows, kept_us, rows_max);
    }
    trim_rows(m, rows, count);
    fsp_ops_oldest_trimmed(rows, m, count);
    return FSP_OK;
}
