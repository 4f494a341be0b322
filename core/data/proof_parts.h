/* SPDX-License-Identifier: MIT */
/* proof_parts - what the parts of a proof share.  Layer core/data.  Pure.  Internal. */
#ifndef FSP_CORE_DATA_PROOF_PARTS_H
#define FSP_CORE_DATA_PROOF_PARTS_H
#include "core/data/proof.h"

/* Last byte of a key (core/data/objects.h). */
enum { FSP_PROOF_SUFFIX_ROW = 0x00, FSP_PROOF_SUFFIX_BYTES = 0x01 };

__attribute__((format(printf, 4, 5))) void
fsp_proof_report(fsp_proof_t *self, const char *kind, fsp_slice_t key, const char *format, ...);
/* Under which an object stands in `seen`: spaces do not share objects. */
fsp_key_t fsp_proof_seen_key(const fsp_proof_t *self, fsp_key_t key);
/* Does the row belong to this key, kind and length (0: any)? */
bool fsp_proof_row(fsp_proof_t *self, fsp_key_t key, fsp_object_kind_t kind, uint64_t object_bytes,
                   const fsp_object_row_t *row);
/* Reads the object; length and name are right. */
bool fsp_proof_name(fsp_proof_t *self, fsp_key_t key, const fsp_object_row_t *row,
                    fsp_blob_t **ret);
#endif
