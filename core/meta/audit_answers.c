/* SPDX-License-Identifier: MIT */
/* audit_answers - the feed of changes, and what was answered to whom.  Layer core/meta.  Pure. */
#include "core/base/text.h"
#include "core/crypto/digest.h"
#include "core/meta/audit_parts.h"
#include "core/meta/changes.h"

static const fsp_file_id_t none;

/* -- changes ----------------------------------------------------------------------------------- */

typedef struct {
    uint64_t last;
    fsp_time_t time;
    fsp_hash_t hash; /* of the last row, whatever it holds */
} feed_t;

/* True if the file, or some of its versions, may have been deleted for good; also where another one
   took its id since. */
static bool
was_purged(fsp_audit_t *self, const fsp_change_info_t *change)
{
    fsp_node_row_t node;
    fsp_version_info_t first;
    if (self->space.history.at_horizon == 0)
        return false;
    fsp_status_t status = fsp_audit_get_node(self, change->file_id, &node);
    if (status != FSP_OK || node.history.purging)
        return status == FSP_OK || status == FSP_NOT_FOUND;
    return fsp_audit_get_version(self, change->file_id, 1, &first) == FSP_OK &&
           first.time > change->time;
}

static void
check_content(fsp_audit_t *self, feed_t *walk, const fsp_change_info_t *change, fsp_slice_t rest)
{
    if (change->index != walk->last)
        fsp_audit_report(self, "change", change->file_id, walk->last, rest,
                         "the row is that of change %llu", (unsigned long long)change->index);
    if (change->time < walk->time)
        fsp_audit_report(self, "change", change->file_id, walk->last, rest, "time falls");
    walk->time = change->time;
    /* From type 8 on: what lies in the trash, or too deep, has no path. */
    if (change->path.bytes == 0 && fsp_command_family(change->operation) == FSP_FAMILY_FIRST)
        fsp_audit_report(self, "change", change->file_id, walk->last, rest, "no path");
    fsp_version_index_row_t owner;
    if (!fsp_version_id_is_zero(change->version_id) && !was_purged(self, change) &&
        fsp_audit_get_index(self, change->version_id, &owner) == FSP_NOT_FOUND)
        fsp_audit_report(self, "change", change->file_id, walk->last,
                         FSP_SLICE_OF(change->version_id), "its version is not there");
}

static void
check_change(fsp_audit_t *self, void *walk_, fsp_slice_t rest, fsp_slice_t value)
{
    feed_t *walk = walk_;
    if (rest.bytes != sizeof(walk->last)) {
        fsp_audit_report(self, "row", none, 0, rest, "change row");
        return;
    }
    uint64_t index = fsp_load_u64(rest.data);
    bool next = index == walk->last + 1;
    /* A round of PRUNE deletes the first rows; how far it came shows here. */
    bool first = walk->last == 0 && index <= self->space.history.feed_horizon;
    if (!next && !first)
        fsp_audit_report(self, "change", none, index, rest, "changes are missing behind %llu",
                         (unsigned long long)walk->last);
    self->counts->changes++;
    walk->last = index;
    fsp_change_info_t change;
    if (fsp_change_row_decode(value, &change) != FSP_OK) {
        fsp_audit_report(self, "row", none, index, rest, "change row");
    } else {
        if (next && !fsp_hash_eq(change.previous, walk->hash))
            fsp_audit_report(self, "change", change.file_id, index, rest,
                             "the hash chain is broken: this or the row before was changed");
        check_content(self, walk, &change, rest);
    }
    walk->hash = fsp_sha256(value);
}

static void
audit_changes(fsp_audit_t *self)
{
    feed_t walk = {.last = 0};
    if (!fsp_audit_walk(self, FSP_TABLE_CHANGE, check_change, &walk))
        return;
    fsp_slice_t key = FSP_SLICE_OF(self->space_id);
    if (walk.last != self->space.change_index)
        fsp_audit_report(
            self, "change", none, walk.last, key, "the feed ends at %llu, the space is at %llu",
            (unsigned long long)walk.last, (unsigned long long)self->space.change_index);
    else if (!fsp_hash_eq(walk.hash, self->space.head_hash))
        fsp_audit_report(self, "change", none, walk.last, key,
                         "the last change does not have the hash that the space knows");
}

/* -- operations -------------------------------------------------------------------------------- */

enum { OP_ID_BYTES = 16 + 16, ORDER_BYTES = 8 + OP_ID_BYTES };

/* An answer says what its change says, if it made one. */
static void
check_answer(fsp_audit_t *self, const fsp_result_t *result, fsp_slice_t rest)
{
    fsp_row_key_t key = fsp_row_key(self->shard, FSP_TABLE_CHANGE, self->space_id);
    fsp_row_key_add_u64(&key, result->index);
    fsp_slice_t value;
    fsp_change_info_t change;
    if (fsp_audit_get(self, &key, &value) != FSP_OK ||
        fsp_change_row_decode(value, &change) != FSP_OK)
        return; /* reported with the changes */
    bool own = memcmp(rest.data, change.author.bytes, 16) == 0 &&
               memcmp(rest.data + 16, change.op_id.bytes, 16) == 0;
    bool fits = result->status != FSP_OK ? !own && fsp_version_id_is_zero(result->version_id)
                : own                    ? fsp_file_id_eq(result->file_id, change.file_id) &&
                            fsp_version_id_eq(result->version_id, change.version_id) &&
                            result->time == change.time
                      : fsp_version_id_is_zero(result->version_id);
    fsp_version_index_row_t owner;
    if (fits && !fsp_version_id_is_zero(result->version_id) &&
        fsp_audit_get_index(self, result->version_id, &owner) == FSP_OK)
        fits = owner.number == result->number;
    if (!fits)
        fsp_audit_report(self, "operation", result->file_id, result->index, rest,
                         "the answer is not what was done");
}

static void
check_op(fsp_audit_t *self, void *walk, fsp_slice_t rest, fsp_slice_t value)
{
    uint64_t *count = walk;
    ++*count;
    self->counts->operations++;
    fsp_op_row_t op;
    fsp_result_t result;
    if (rest.bytes != OP_ID_BYTES || fsp_op_row_decode(value, &op) != FSP_OK ||
        fsp_result_decode(op.result, &result) != FSP_OK) {
        fsp_audit_report(self, "row", none, 0, rest, "operation row");
        return;
    }
    if (op.index != result.index || op.index > self->space.change_index)
        fsp_audit_report(self, "operation", result.file_id, op.index, rest,
                         "answered at a change that is not known");
    else if (op.index > 0)
        check_answer(self, &result, rest);
    if (op.index + 1 < self->space.horizon)
        fsp_audit_report(self, "operation", result.file_id, op.index, rest,
                         "lies behind the horizon %llu", (unsigned long long)self->space.horizon);
    fsp_row_key_t key = fsp_row_key(self->shard, FSP_TABLE_OP_ORDER, self->space_id);
    fsp_row_key_add_u64(&key, op.index);
    fsp_row_key_add(&key, rest);
    fsp_slice_t ignored;
    if (fsp_audit_get(self, &key, &ignored) == FSP_NOT_FOUND)
        fsp_audit_report(self, "operation", result.file_id, op.index, rest, "has no order row");
}

static void
check_order(fsp_audit_t *self, void *walk, fsp_slice_t rest, fsp_slice_t value)
{
    uint64_t *count = walk;
    ++*count;
    fsp_canon_t reader = fsp_canon_reader(value);
    (void)fsp_canon_read_uint(&reader, UINT64_MAX);
    if (rest.bytes != ORDER_BYTES || fsp_canon_finish(&reader) != FSP_OK) {
        fsp_audit_report(self, "row", none, 0, rest, "operation order row");
        return;
    }
    uint64_t index = fsp_load_u64(rest.data);
    fsp_row_key_t key = fsp_row_key(self->shard, FSP_TABLE_OP, self->space_id);
    fsp_row_key_add(&key, fsp_slice(rest.data + 8, OP_ID_BYTES));
    fsp_slice_t bytes;
    fsp_op_row_t op;
    fsp_status_t status = fsp_audit_get(self, &key, &bytes);
    if (status == FSP_NOT_FOUND)
        fsp_audit_report(self, "operation", none, index, rest, "order row without its operation");
    else if (status == FSP_OK && fsp_op_row_decode(bytes, &op) == FSP_OK && op.index != index)
        fsp_audit_report(self, "operation", none, index, rest, "the operation was answered at %llu",
                         (unsigned long long)op.index);
}

void
fsp_audit_operations(fsp_audit_t *self)
{
    uint64_t ops = 0, orders = 0;
    bool whole = fsp_audit_walk(self, FSP_TABLE_OP, check_op, &ops);
    whole = fsp_audit_walk(self, FSP_TABLE_OP_ORDER, check_order, &orders) && whole;
    fsp_slice_t key = FSP_SLICE_OF(self->space_id);
    if (whole && (ops != self->space.op_count || orders != ops))
        fsp_audit_report(self, "operation", none, 0, key,
                         "the space says %llu operations; there are %llu, and %llu order rows",
                         (unsigned long long)self->space.op_count, (unsigned long long)ops,
                         (unsigned long long)orders);
    if (self->space.horizon > self->space.change_index)
        fsp_audit_report(self, "operation", none, 0, key,
                         "the horizon lies behind the last change");
}

void
fsp_audit_answers(fsp_audit_t *self)
{
    audit_changes(self);
    fsp_audit_operations(self);
}
