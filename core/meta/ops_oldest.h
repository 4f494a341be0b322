/* SPDX-License-Identifier: MIT */
/* ops_oldest - the oldest operation rows, remembered from one command to the next.  Layer
 * core/meta.  Pure.
 *
 * A space with more than FSP_OPS_KEPT operation rows looks for old ones after every command; an
 * iterator each time, to find none or one, was a tenth of applying.  So what one look has read is
 * remembered: the beginning of the order table, as far as it lies behind the present change.
 *
 * It is exact for as long as shard, generation, space and horizon are those of the look: a new row
 * has the present change number, so none comes among what is remembered, and rows go by trimming
 * only, from the front.  Whoever has another state finds nothing here and reads.  Results are the
 * same whatever is remembered.
 *
 * Bounded: FSP_OPS_OLDEST_SPACES times FSP_OPS_OLDEST_ROWS rows of 48 bytes.
 */
#ifndef FSP_CORE_META_OPS_OLDEST_H
#define FSP_CORE_META_OPS_OLDEST_H
#include "core/meta/machine.h"

enum { FSP_OPS_OLDEST_SPACES = 4, FSP_OPS_OLDEST_ROWS = 32 };

/* One row of the order table. */
typedef struct {
    uint64_t index;
    fsp_subject_id_t subject;
    fsp_op_id_t op_id;
    fsp_time_t time;
} fsp_order_row_t;

/* Of one space: rows[first..count-1], in order. */
typedef struct {
    fsp_shard_ref_t shard;
    fsp_space_id_t space_id;
    uint64_t horizon; /* of the space that the rows are the first of */
    size_t first, count;
    fsp_order_row_t rows[FSP_OPS_OLDEST_ROWS];
} fsp_ops_oldest_rows_t;

struct fsp_ops_oldest {
    fsp_ops_oldest_rows_t spaces[FSP_OPS_OLDEST_SPACES];
    size_t next; /* of them: makes room for another space */
};

/* What is remembered of the machine's space, its horizon being what it is now: perhaps no rows. */
fsp_ops_oldest_rows_t *fsp_ops_oldest_of(fsp_ops_oldest_t *self, const fsp_machine_t *m);
/* The first count rows have been trimmed; the machine's horizon says so. */
void fsp_ops_oldest_trimmed(fsp_ops_oldest_rows_t *rows, const fsp_machine_t *m, size_t count);
#endif
