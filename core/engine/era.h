/* SPDX-License-Identifier: MIT */
/* era - which history of the mesh a number belongs to.  Layer core/engine.  Pure.
 *
 * A mesh that lost a majority for good is recovered by a person (recovery.h): what survives becomes
 * the truth, and what the lost nodes alone knew is gone.  From then on two histories may exist, and
 * a number says nothing without the history it was counted in.  So the mesh has an era: a number,
 * raised by each recovery, and the SHA-256 of the record of that recovery:
 *
 *   [1, [previous number, previous hash], [[node id, store id]...], [[shard, last term, last
 *   index]...]]       canonical, both lists ascending, each id and shard once
 *
 * Nodes say their era when they meet.  An older one was left behind and is refused for ever; equal
 * number and other hash means that two people recovered two halves: both refuse, and alarm.
 *
 * Weak: (number, hash) does not say whether a newer era descends from one's own.  Of two halves
 * that were recovered apart, the one that was recovered more often takes the other for left behind
 * without an alarm; nothing is mixed.  The record names its predecessor, for a person to look at.
 */
#ifndef FSP_CORE_ENGINE_ERA_H
#define FSP_CORE_ENGINE_ERA_H
#include "core/base/buf.h"
#include "core/base/status.h"
#include "core/base/types.h"

/* Number 0 and a zero hash: a mesh that was never recovered. */
typedef struct {
    uint64_t number;
    fsp_hash_t hash;
} fsp_era_t;

/* What another one is to the own. */
typedef enum {
    FSP_ERA_SAME,
    FSP_ERA_OLDER,
    FSP_ERA_NEWER,
    FSP_ERA_FORKED, /* equal number, other hash: refuse and alarm */
} fsp_era_order_t;
fsp_era_order_t fsp_era_compare(const fsp_era_t *own, const fsp_era_t *other);

/* A layout version, a log index or a cursor, with the era that it was counted in. */
typedef struct {
    fsp_era_t era;
    uint64_t value;
} fsp_era_value_t;
/* By era, then by value. */
fsp_era_order_t fsp_era_value_compare(const fsp_era_value_t *own, const fsp_era_value_t *other);

/* May a reader go on from a cursor of that era?  OK; GONE: it is older, the reader lists again or
   takes a snapshot; STALE: it is newer, this node is behind; MISMATCH: forked. */
FSP_MUST_CHECK fsp_status_t fsp_era_cursor(const fsp_era_t *own, const fsp_era_t *cursor);

/* How far numbers jump in a recovery: above all that the lost nodes can have counted to. */
#define FSP_ERA_INDEX_STEP (UINT64_C(1) << 32)  /* log index of a shard */
#define FSP_ERA_LAYOUT_STEP (UINT64_C(1) << 16) /* layout version */
#define FSP_ERA_EPOCH_STEP UINT64_C(2)          /* of a space: the fence refuses older sessions */
/* value + step; TOO_LARGE if the sum, or one more, is no number. */
FSP_MUST_CHECK fsp_status_t fsp_era_step(uint64_t value, uint64_t step, uint64_t *ret);

/* -- the record -------------------------------------------------------------------------------- */

enum {
    FSP_ERA_SURVIVORS_MAX = 1024,
    FSP_ERA_SHARDS_MAX = 4096,
    FSP_ERA_RECORD_BYTES_MAX = 256 * 1024,
};

typedef struct {
    fsp_node_id_t node_id;
    fsp_store_id_t store_id;
} fsp_era_survivor_t;

typedef struct {
    uint32_t shard;
    uint64_t last_term, last_index; /* of the log that was taken */
} fsp_era_shard_t;

typedef struct {
    fsp_era_t previous;
    fsp_era_survivor_t *survivors; /* ascending node ids; owned */
    size_t survivor_count;
    fsp_era_shard_t *shards; /* ascending; owned */
    size_t shard_count;
} fsp_era_record_t;
void fsp_era_record_clear(fsp_era_record_t *self);
void fsp_era_record_encode(const fsp_era_record_t *record, fsp_buf_t *buf);
/* INVALID, TOO_LARGE, FORMAT_NEWER.  On FSP_OK ret is owned: end with fsp_era_record_clear. */
FSP_MUST_CHECK fsp_status_t fsp_era_record_decode(fsp_slice_t bytes, fsp_era_record_t *ret);
/* The era that the recovery of this record begins. */
fsp_era_t fsp_era_of(const fsp_era_record_t *record);
#endif
