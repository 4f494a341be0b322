/* SPDX-License-Identifier: MIT */
/* ops_oldest - the oldest operation rows, remembered from one command to the next.  Layer
 * core/meta.  Pure. */
#include "core/meta/ops_oldest.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/mutant.h"

fsp_ops_oldest_t *
fsp_ops_oldest_new(void)
{
    return FSP_NEW(fsp_ops_oldest_t);
}

void
fsp_ops_oldest_destroy(fsp_ops_oldest_t **self_p)
{
    FSP_PRE(self_p != NULL);
    fsp_free(*self_p);
    *self_p = NULL;
}

/* A place that nobody has taken yet may look so, and holds no rows. */
static bool
is_of(const fsp_ops_oldest_rows_t *rows, const fsp_machine_t *m)
{
    return rows->shard.shard == m->shard.shard && fsp_space_id_eq(rows->space_id, m->space_id);
}

static bool
is_exact(const fsp_ops_oldest_rows_t *rows, const fsp_machine_t *m)
{
    return rows->shard.generation == m->shard.generation && rows->horizon == m->space.horizon;
}

fsp_ops_oldest_rows_t *
fsp_ops_oldest_of(fsp_ops_oldest_t *self, const fsp_machine_t *m)
{
    FSP_PRE(self != NULL);
    fsp_ops_oldest_rows_t *rows = NULL;
    for (size_t i = 0; i < FSP_OPS_OLDEST_SPACES && !rows; i++)
        if (is_of(&self->spaces[i], m))
            rows = &self->spaces[i];
    if (!rows) {
        rows = &self->spaces[self->next];
        self->next = (self->next + 1) % FSP_OPS_OLDEST_SPACES;
        rows->first = rows->count = 0;
    }
    if (!is_exact(rows, m) && !FSP_MUTANT(oldest_ops_outlive_state))
        rows->first = rows->count = 0;
    rows->shard = m->shard;
    rows->space_id = m->space_id;
    rows->horizon = m->space.horizon;
    return rows;
}

void
fsp_ops_oldest_trimmed(fsp_ops_oldest_rows_t *rows, const fsp_machine_t *m, size_t count)
{
    FSP_PRE(count <= rows->count - rows->first);
    rows->first += count;
    rows->horizon = m->space.horizon;
}
