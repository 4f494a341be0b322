/* SPDX-License-Identifier: MIT */
/* proof - is everything that versions refer to there, and right?  Layer core/data.  Pure.
 *
 * For each retained version: its details open; its content is there object by object, each with a
 * row, bytes of the right length and the right name, and opens with the space's key; a tree fits
 * together; every chunk has its digest; the whole has the length of the record and the SHA-256 of
 * the details.  For each upload that is open: the same of its roots and tail; its midstate opens,
 * and says of the hash what the content says.  Then every object row that nobody referred to.
 *
 * Shared objects: names are verified once for each object (`seen`, bounded), contents once for
 * each root and digest (`proved`, bounded); beyond the bounds work is done again, nothing is left
 * out.  A chunk that several roots share is read and opened for each, for the SHA-256 of each.
 *
 * Kinds of faults: "details", "content", "attr", "upload"; "object-missing" (no row), "object-row",
 * "object-bytes" (missing, unreadable, or of another length), "object-name" (the bytes do not have
 * it), "object-open" (the key does not open it), "object-suspect" (marked by a reader).
 */
#ifndef FSP_CORE_DATA_PROOF_H
#define FSP_CORE_DATA_PROOF_H
#include "core/base/view.h"
#include "core/data/keyset.h"
#include "core/data/objects.h"
#include "core/meta/audit.h"
#include "core/meta/query.h"

/* The bytes under a key of OBJECT or BYTES.  NOT_FOUND, DAMAGED, IO. */
typedef fsp_status_t(fsp_proof_read_fn)(void *context, fsp_family_t family, fsp_slice_t key,
                                        fsp_blob_t **ret_blob);

typedef struct {
    /* Set by the owner: */
    fsp_view_t *objects; /* family OBJECT */
    unsigned slot_bits;
    fsp_proof_read_fn *read;
    fsp_fault_fn *fault;
    void *context; /* of both */
    bool quick;    /* chunks are not read, nor objects that nobody refers to */

    /* Whose: */
    fsp_space_id_t space_id;
    const fsp_space_keys_t *keys;
    fsp_file_id_t file_id;
    uint64_t number;

    fsp_keyset_t *seen, *proved;
    uint64_t contents;                   /* versions looked at */
    uint64_t object_count, object_bytes; /* rows, and bytes by what they say */
    uint64_t orphan_count, orphan_bytes; /* of them: nothing refers to them */
    uint64_t loose_count;                /* bytes without a row */
    bool faulty;                         /* set by every fault; for the caller to reset */
} fsp_proof_t;

/* Zeroes self; bytes_max for both sets together. */
void fsp_proof_init(fsp_proof_t *self, size_t bytes_max);
void fsp_proof_clear(fsp_proof_t *self);

/* One version: everything its carrier leads to.  size is that of its record. */
void fsp_proof_version(fsp_proof_t *self, fsp_slice_t carrier, uint64_t size);
/* A node's sealed attributes. */
void fsp_proof_attr(fsp_proof_t *self, fsp_slice_t attr);
/* An upload: roots, tail and midstate of upload, which says more than is looked at. */
void fsp_proof_upload(fsp_proof_t *self, const fsp_upload_info_t *upload);
/* All retained versions, attributes and uploads of space_id. */
void fsp_proof_space(fsp_proof_t *self, fsp_shard_ref_t shard, fsp_view_t *state);
/* All object rows, after all spaces: counts, and those that no version led to.  bytes: family
   BYTES, read through to its end to find bytes without a row; NULL: left out. */
void fsp_proof_rows(fsp_proof_t *self, fsp_view_t *bytes);
#endif
