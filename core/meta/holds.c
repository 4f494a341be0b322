/* SPDX-License-Identifier: MIT */
/* holds - what may not be deleted: legal hold, and worm until a time.  Layer core/meta.  Pure. */
#include "core/meta/holds.h"

#include "core/base/check.h"
#include "core/base/mutant.h"
#include "core/meta/past.h"

fsp_time_t
fsp_holds_now(const fsp_machine_t *m)
{
    fsp_time_t time = m->txn ? m->time : m->shard_row.log_time;
    return fsp_meta_expiry_time(&m->shard_row, time);
}

bool
fsp_holds_node(const fsp_machine_t *m, const fsp_node_row_t *node)
{
    return node->history.legal_hold || node->history.worm_until > fsp_holds_now(m);
}

fsp_status_t
fsp_holds_cover(fsp_machine_t *m, fsp_file_id_t id, const fsp_node_row_t *node, fsp_cover_t *ret)
{
    *ret = (fsp_cover_t){.covered = fsp_holds_node(m, node),
                         .purging = node->history.purging,
                         .top_time = node->time,
                         .rows = 1};
    fsp_file_id_t parent_id = node->parent_id;
    fsp_node_row_t above;
    for (size_t depth = 0; depth < FSP_PATH_DEPTH_MAX; depth++) {
        if (fsp_file_id_is_zero(parent_id))
            return FSP_OK; /* root, trash, or being purged */
        id = parent_id;
        fsp_status_t status = fsp_machine_need_node(m, id, &above);
        if (status)
            return status;
        ret->rows++;
        ret->above = ret->above || fsp_holds_node(m, &above);
        ret->covered = ret->covered || ret->above;
        ret->purging = ret->purging || above.history.purging;
        parent_id = above.parent_id;
        if (!fsp_file_id_is_zero(parent_id))
            ret->top_time = above.time;
    }
    ret->deep = !fsp_file_id_is_zero(parent_id);
    return FSP_OK;
}

fsp_status_t
fsp_holds_check(fsp_machine_t *m, fsp_file_id_t id, const fsp_node_row_t *node)
{
    if (!fsp_past_is_kept(m))
        return FSP_OK;
    fsp_cover_t cover;
    fsp_status_t status = fsp_holds_cover(m, id, node, &cover);
    return status ? status : cover.covered && !FSP_MUTANT(hold_ignored) ? FSP_HELD : FSP_OK;
}

fsp_status_t
fsp_holds_check_above(fsp_machine_t *m, fsp_file_id_t id, const fsp_node_row_t *node)
{
    if (!fsp_past_is_kept(m))
        return FSP_OK;
    fsp_cover_t cover;
    fsp_status_t status = fsp_holds_cover(m, id, node, &cover);
    return status ? status : cover.above ? FSP_HELD : FSP_OK;
}
