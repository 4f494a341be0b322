/* SPDX-License-Identifier: MIT */
/* rows_node - leases in node rows, uploads and their roots.  Layer core/meta.  Pure.
 *
 * Included by rows.h only, in its middle: it uses types declared there.
 */
#ifndef FSP_CORE_META_ROWS_NODE_H
#define FSP_CORE_META_ROWS_NODE_H

/* Part of the node row, and of RESOLVE, as one field: nil for none (all zero). */
void fsp_lease_write(const fsp_lease_t *lease, fsp_buf_t *buf);
void fsp_lease_read(fsp_canon_t *reader, fsp_lease_t *ret);

/* Table UPLOAD.  Its roots lie in table UPLOAD_PART, from offset 0 on without a gap; behind the
   last one is the tail, and the offset is the tail's end. */
typedef struct {
    fsp_subject_id_t subject;
    fsp_target_t target;       /* for whoever resumes; borrows */
    fsp_condition_t condition; /* the same */
    uint64_t size;             /* of the whole; 0: not known */
    uint64_t offset;           /* acknowledged; counts as used */
    uint64_t before;           /* offset from which the last APPEND came */
    fsp_key_t tail;            /* zero: there is none */
    uint64_t tail_bytes;
    fsp_slice_t midstate; /* of the hash at `offset`, sealed; empty at offset 0 only */
    uint64_t root_count;  /* rows of UPLOAD_PART */
    fsp_time_t duration;
    fsp_time_t expiry;
} fsp_upload_row_t;
void fsp_upload_row_encode(const fsp_upload_row_t *row, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_upload_row_decode(fsp_slice_t bytes, fsp_upload_row_t *ret);
/* Content under the roots. */
static inline uint64_t
fsp_upload_row_covered(const fsp_upload_row_t *row)
{
    return row->offset - row->tail_bytes;
}
FSP_MUST_CHECK fsp_status_t fsp_upload_root_decode(fsp_slice_t bytes, fsp_upload_root_t *ret);
#endif
