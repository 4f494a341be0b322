/* SPDX-License-Identifier: MIT */
/* chunker - content-defined cuts: keyed FastCDC with normalisation.  Layer core/data.  Pure.
 *
 * Xia et al., FastCDC (USENIX ATC 2016), two bytes a turn as in the 2020 journal version, high bits
 * of the gear hash.  The table (256 x u64, big-endian) is HKDF-SHA-256 of the space's cut key
 * without salt, info "fsp gear v1", so chunk lengths tell a storage node nothing.  With hash =
 * (hash << 1) + table[byte], begun at 0 behind the first bytes_min bytes, a chunk ends with the
 * first byte after which the bits 62, 61, ... of the hash are zero: log2(avg) + 2 of them up to
 * bytes_avg, log2(avg) - 2 behind it; or at bytes_max.  Where all three are equal, all chunks but
 * the last have this length, whatever they hold.  The same bytes under the same key and
 * parameters cut alike for ever (vectors in tests/unit/data; docs/protocol/chunking.md).
 */
#ifndef FSP_CORE_DATA_CHUNKER_H
#define FSP_CORE_DATA_CHUNKER_H
#include "core/base/types.h"
#include "core/crypto/keys.h"

typedef struct {
    uint32_t bytes_min, bytes_avg, bytes_max;
} fsp_chunk_params_t;
extern const fsp_chunk_params_t fsp_chunk_params_default;
/* 64 <= min <= avg <= max <= FSP_CHUNK_BYTES_MAX, avg a power of two unless all are equal. */
bool fsp_chunk_params_valid(const fsp_chunk_params_t *params);

/* Gear table and masks of one space; immutable, shared by its sessions (not counted: the owner
   keeps it). */
typedef struct fsp_gear fsp_gear_t;
fsp_gear_t *fsp_gear_new(const fsp_secret_t *cut_key, const fsp_chunk_params_t *params);
void fsp_gear_destroy(fsp_gear_t **self_p);
const fsp_chunk_params_t *fsp_gear_params(const fsp_gear_t *self);

/* Finds one cut at a time in bytes that arrive in pieces of any size. */
typedef struct {
    const fsp_gear_t *gear;
    uint64_t hash;
    size_t position; /* bytes of the present chunk seen so far */
} fsp_chunker_t;
void fsp_chunker_init(fsp_chunker_t *self, const fsp_gear_t *gear);
/* Looks at the next bytes of the stream.  Returns how many of them belong to the present chunk;
 *ret_cut says whether the chunk ends there (then self is ready for the next one). */
size_t fsp_chunker_feed(fsp_chunker_t *self, fsp_slice_t bytes, bool *ret_cut);
#endif
