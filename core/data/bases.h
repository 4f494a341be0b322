/* SPDX-License-Identifier: MIT */
/* bases - which chunks a new version may share with older ones.  Layer core/data.  Pure.
 *
 * Versions go in, the nodes of their trees are fetched, and what comes of it is an index from the
 * SHA-256 of a chunk's plaintext to the object that holds it.  It says what there was when the
 * versions were made; whether the objects are there now is the owners' to say (HAVE).
 *
 * Memory is bounded by chunks_max; from the left, version by version, as many as fit.  What cannot
 * be read is passed over: the chunks below it are sent again, that is all.
 */
#ifndef FSP_CORE_DATA_BASES_H
#define FSP_CORE_DATA_BASES_H
#include "core/data/chunker.h"
#include "core/data/fetched.h"
#include "core/data/tree.h"
#include "core/meta/command.h"

enum {
    FSP_BASES_CHUNKS_MAX = 131072, /* 128 GiB at the usual average */
    FSP_BASES_AHEAD = 4,           /* nodes that are fetched at once */
    FSP_BASES_CHUNK_BYTES = 112    /* memory of a chunk in the index, at most */
};

typedef struct fsp_bases fsp_bases_t;

/* params: of the space; seed: random, so that nobody can make chunks that fall into one place. */
fsp_bases_t *fsp_bases_new(const fsp_chunk_params_t *params, uint64_t seed);
void fsp_bases_destroy(fsp_bases_t **self_p);
/* One version's content.  sha256: of all of it.  Before the first fsp_bases_next. */
void fsp_bases_add(fsp_bases_t *self, fsp_root_kind_t root_kind, fsp_key_t root_key, uint64_t size,
                   fsp_hash_t sha256);
/* Chunks that there may be at most, by the sizes alone; at most FSP_BASES_CHUNKS_MAX. */
size_t fsp_bases_bound(const fsp_bases_t *self);
/* No more than these are taken; FSP_BASES_CHUNKS_MAX if it is not called. */
void fsp_bases_limit(fsp_bases_t *self, size_t chunks_max);
/* The next object to fetch, or false: then wait for those that are under way, if any.  head_only:
   its head is enough. */
bool fsp_bases_next(fsp_bases_t *self, uint64_t *ret_token, fsp_key_t *ret_key,
                    bool *ret_head_only);
void fsp_bases_fetched(fsp_bases_t *self, uint64_t token, const fsp_fetched_t *fetched);
/* Nothing is under way, nothing is left. */
bool fsp_bases_is_done(const fsp_bases_t *self);

size_t fsp_bases_count(const fsp_bases_t *self);
/* The chunk with this plaintext, NULL if there is none; valid until the next is added.
   *ret_is_cut: it ends where a cut is, whatever comes behind it; else it may have ended because its
   content did. */
const fsp_child_t *fsp_bases_find(const fsp_bases_t *self, fsp_hash_t digest, bool *ret_is_cut);
#endif
