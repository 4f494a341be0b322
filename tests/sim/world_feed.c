/* SPDX-License-Identifier: MIT */
/* world_feed - the change feed of the space, read through the replica and checked.  Layer tests. */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/limits.h"
#include "tests/sim/world_internal.h"

#include <inttypes.h>

/* Of the feed so far. */
typedef struct {
    uint64_t index; /* of the last row */
    fsp_hash_t hash;
    uint64_t gone;       /* so many were dropped, by a policy */
    fsp_op_id_t *op_ids; /* op_ids[i] made change i + 1; zero: gone */
    size_t capacity;
} feed_t;

static void
add_op(feed_t *feed, fsp_op_id_t op_id)
{
    if (feed->index == feed->capacity) {
        feed->capacity = feed->capacity ? 2 * feed->capacity : 64;
        feed->op_ids = fsp_realloc(feed->op_ids, feed->capacity * sizeof(*feed->op_ids));
    }
    feed->op_ids[feed->index++] = op_id;
}

static void
check_row(world_t *self, feed_t *feed, const fsp_change_info_t *row)
{
    const sim_trace_t *trace = &self->trace;
    if (row->index != feed->index + 1)
        sim_fail(trace, "C5: change %" PRIu64 " follows %" PRIu64, row->index, feed->index);
    bool first = feed->gone > 0 && feed->gone == feed->index; /* of those that are left */
    if (!first && !fsp_hash_eq(row->previous, feed->hash))
        sim_fail(trace, "C5: change %" PRIu64 " does not name the hash before it", row->index);
    if (!sim_space_issued(&self->space, row->op_id))
        sim_fail(trace, "C4: change %" PRIu64 " is of an operation that nobody sent", row->index);
    for (size_t i = 0; i < feed->index; i++)
        if (fsp_op_id_eq(feed->op_ids[i], row->op_id))
            sim_fail(trace, "C4: changes %zu and %" PRIu64 " are of one operation", i + 1,
                     row->index);
    const sim_acked_t *acked = sim_space_acked(&self->space, row->op_id);
    if (acked && acked->status != FSP_OK)
        sim_fail(trace, "C4: change %" PRIu64 " is of an operation answered %s", row->index,
                 fsp_status_name(acked->status));
    if (acked && acked->index != row->index)
        sim_fail(trace, "C3: change %" PRIu64 " was answered as %" PRIu64, row->index,
                 acked->index);
    add_op(feed, row->op_id);
    feed->hash = row->hash;
}

/* One page; true if there is more. */
static bool
read_page(world_t *self, replica_t *replica, feed_t *feed)
{
    fsp_query_t query = {
        .type = FSP_QUERY_CHANGES,
        .space_id = self->space.space_id,
        .subject = self->space.subject,
        .system_index = UINT64_MAX, /* newer than any floor */
        .after_index = feed->index,
        .limit = 1 + (uint32_t)fsp_prng_below(&self->prng, 200),
    };
    FSP_AUTO(fsp_buf_clear) fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_ANSWER_BYTES_MAX);
    fsp_status_t status = fsp_meta_query(fsp_replica_shard(replica->replica),
                                         fsp_replica_view(replica->replica), &query, &bytes);
    fsp_answer_t answer;
    if (status || fsp_answer_open(fsp_buf_slice(&bytes), &answer))
        sim_fail(&self->trace, "C5: the feed cannot be read");
    if (answer.status == FSP_NO_SUCH_SPACE && !self->space.space_made)
        return false;
    if (answer.status == FSP_GONE) {
        add_op(feed, (fsp_op_id_t){{0}});
        feed->gone = feed->index;
        return true;
    }
    if (answer.status)
        sim_fail(&self->trace, "C5: the feed is refused: %s", fsp_status_name(answer.status));
    for (size_t i = 0; i < answer.count; i++) {
        fsp_change_info_t row;
        if (fsp_answer_change(&answer, &row))
            sim_fail(&self->trace, "C5: a row of the feed does not decode");
        check_row(self, feed, &row);
    }
    return answer.more;
}

void
world_check_feed(world_t *self, replica_t *replica)
{
    feed_t feed = {0};
    while (read_page(self, replica, &feed)) {
    }
    for (size_t i = 0; i < self->space.acked_count; i++) {
        const sim_acked_t *acked = &self->space.acked[i];
        if (acked->status != FSP_OK)
            continue;
        bool silent = sim_command_silent(acked->type) || acked->index <= feed.gone;
        bool there = acked->index > 0 && acked->index <= feed.index &&
                     fsp_op_id_eq(feed.op_ids[acked->index - 1], acked->op_id);
        if (!there && !silent)
            sim_fail(&self->trace, "C3: an operation answered at %" PRIu64 " is not in the feed",
                     acked->index);
    }
    fsp_free(feed.op_ids);
}
