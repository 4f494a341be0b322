/* SPDX-License-Identifier: MIT */
/* past - what names meant and which heads files had before.  Layer core/meta.  Pure.
 *
 * From level 2 on, whoever changes an entry or the heads of a file leaves what was there in a past
 * row, whose key ends with the number of the change that ended it (*until*).  So the rows of one
 * name or file are in the order of time, and what held at T is in the first with until > T.  Only
 * fsp_machine_put_entry, _delete_entry and fsp_versions_add write them.
 */
#ifndef FSP_CORE_META_PAST_H
#define FSP_CORE_META_PAST_H
#include "core/meta/machine.h"

typedef struct {
    uint64_t since; /* 0: at level 1, unknown */
    fsp_head_t heads[FSP_HEADS_MAX];
    size_t head_count;
} fsp_past_heads_row_t;
void fsp_past_heads_row_encode(const fsp_past_heads_row_t *row, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_past_heads_row_decode(fsp_slice_t bytes, fsp_past_heads_row_t *ret);

/* True if this shard keeps the past.  The shard row is loaded. */
static inline bool
fsp_past_is_kept(const fsp_machine_t *m)
{
    return m->shard_row.feature_level >= FSP_LEVEL_HISTORY;
}

/* Keys.  A name ends with NUL, which no name holds, so that names sort as in the entry table. */
fsp_row_key_t fsp_past_entry_key(const fsp_machine_t *m, fsp_file_id_t directory_id,
                                 fsp_slice_t name, uint64_t until);
/* Directory, name and until out of what stands behind the prefix of a key; false if it is none. */
bool fsp_past_entry_split(fsp_slice_t rest, fsp_file_id_t *ret_directory_id, fsp_slice_t *ret_name,
                          uint64_t *ret_until);
fsp_row_key_t fsp_past_heads_key(const fsp_machine_t *m, fsp_file_id_t id, uint64_t until);

/* Keeps what the name means now, before it changes.  A failed read is noted in the machine.  Reads,
   so that slices of the row read last end. */
void fsp_past_keep_entry(fsp_machine_t *m, fsp_file_id_t directory_id, fsp_slice_t name);
/* Keeps the heads, before they change, and says in the node since when the new ones are. */
void fsp_past_keep_heads(fsp_machine_t *m, fsp_file_id_t id, fsp_node_row_t *node);

/* -- work: long operations, whose cursor is in the state -----------------------------------------
 */
typedef enum {
    FSP_WORK_PURGE = 1, /* file id: this node is being purged.  [change that marked it] */
    FSP_WORK_PRUNE = 2, /* zero id: a round of the policy.  [phase, key] */
} fsp_work_kind_t;
fsp_row_key_t fsp_work_key(const fsp_machine_t *m, fsp_work_kind_t kind, fsp_file_id_t id);

enum { FSP_WORK_KEY_BYTES_MAX = FSP_ROW_KEY_BYTES_MAX - FSP_ROW_PREFIX_BYTES };
typedef enum {
    FSP_PHASE_VERSIONS = 1,
    FSP_PHASE_PAST_ENTRIES = 2,
    FSP_PHASE_PAST_HEADS = 3,
    FSP_PHASE_CHANGES = 4,
} fsp_prune_phase_t;
typedef struct {
    fsp_prune_phase_t phase;
    uint8_t key[FSP_WORK_KEY_BYTES_MAX]; /* behind the prefix, of the row to look at next */
    size_t key_bytes;                    /* 0: from the first row */
} fsp_prune_work_t;
void fsp_prune_work_encode(const fsp_prune_work_t *work, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_prune_work_decode(fsp_slice_t bytes, fsp_prune_work_t *ret);
#endif
