/* SPDX-License-Identifier: MIT */
/* upload_parts - what the parts of an upload share.  Layer core/data.  Pure.  Internal. */
#ifndef FSP_CORE_DATA_UPLOAD_PARTS_H
#define FSP_CORE_DATA_UPLOAD_PARTS_H
#include "core/crypto/digest.h"
#include "core/data/upload.h"

enum {
    FSP_UPLOAD_PIECES_MAX = 256,
    FSP_UPLOAD_NODES_MAX = FSP_TREE_DEPTH_MAX,
    FSP_UPLOAD_LEVELS = FSP_TREE_DEPTH_MAX + 1 /* chunks, and nodes of each level */
};

typedef enum {
    FSP_UPLOAD_RESTORING,
    FSP_UPLOAD_RECEIVING,
    FSP_UPLOAD_DRAINING,
    FSP_UPLOAD_OVER_READY,
    FSP_UPLOAD_OVER_FAILED,
    FSP_UPLOAD_STATE_COUNT
} fsp_upload_state_t;

typedef enum {
    FSP_PIECE_SEALING,
    FSP_PIECE_ASKING,
    FSP_PIECE_STORING,
    FSP_PIECE_DONE
} fsp_piece_state_t;

/* How far the content is at the end of a chunk. */
typedef struct {
    uint64_t offset;
    uint64_t data_bytes; /* of it: received here */
    bool hashed;         /* all of it was seen, and: */
    fsp_sha256_state_t hash;
} fsp_upload_place_t;

typedef struct fsp_piece fsp_piece_t;
struct fsp_piece {
    fsp_piece_t *next;
    uint64_t token;
    fsp_piece_state_t state;
    fsp_object_kind_t kind;
    uint64_t open_bytes, plain_bytes; /* what was given to seal */
    uint64_t held_bytes;              /* its share of the upload's */
    fsp_blob_t *object;               /* ASKING only, and: */
    uint8_t head[FSP_OBJECT_HEAD_BYTES];
    fsp_child_t child;      /* content bytes from the start, the rest from SEALED */
    bool stored;            /* it had to be */
    bool expected;          /* chunk: must have the digest that child has already */
    fsp_upload_place_t end; /* chunk: where it ends */
};

typedef struct {
    fsp_piece_t *first, *last;
} fsp_piece_queue_t;

/* A chunk that the next bytes must be. */
typedef struct fsp_expectation fsp_expectation_t;
struct fsp_expectation {
    fsp_expectation_t *next;
    uint64_t from, to;
    fsp_hash_t digest;
};

struct fsp_upload {
    fsp_upload_state_t state;
    const fsp_gear_t *gear;
    size_t chunk_bytes_max;
    uint64_t window_bytes, size_max, checkpoint_bytes;
    fsp_upload_place_t at; /* end of what came; its hash is `sha256`, up to what was cut */
    uint64_t cut_at;       /* where the present chunk begins */
    uint64_t credit_bytes; /* granted, not received */
    uint64_t plain_bytes;  /* plaintext held: head, present chunk, chunks that are not DONE */
    uint64_t held_bytes;   /* of pieces: plaintext before sealing, the object after it */
    fsp_buf_t head;        /* the first bytes, as long as the content may stay inline */
    fsp_chunker_t chunker;
    uint8_t *chunk; /* the present chunk */
    size_t chunk_bytes, chunk_capacity;
    uint64_t token; /* last given out */
    fsp_piece_queue_t queues[FSP_UPLOAD_LEVELS];
    size_t piece_count, node_count; /* in all queues; of these nodes */
    fsp_expectation_t *expected, *expected_last;
    fsp_tree_builder_t *builder;
    fsp_sha256_t *sha256;
    fsp_upload_outcome_t outcome;

    /* Checkpoints. */
    fsp_upload_place_t prefix; /* all chunks that are in the builder */
    uint64_t durable_offset, durable_data_bytes;
    bool marking;                     /* one is under way */
    fsp_upload_place_t mark;          /* what it is about; */
    fsp_midstate_t mark_midstate;     /* its root when that is stored */
    fsp_tree_builder_t *mark_builder; /* closed over its chunks */
    fsp_piece_t *mark_piece;          /* the node of it that is under way; in no queue */
    unsigned mark_level;              /* where its name goes */

    /* Restoring. */
    fsp_midstate_t start;
    fsp_tree_node_t *edge[FSP_TREE_DEPTH_MAX]; /* by level */
    unsigned edge_level, edge_levels; /* of the last one; of the root plus 1, 0: no root yet */
    fsp_child_t edge_child;           /* what is said of the one that is wanted */
    uint64_t edge_token;
};

fsp_upload_effect_t *fsp_upload_add_effect(fsp_upload_effects_t *effects,
                                           fsp_upload_effect_type_t type);
bool fsp_upload_is_over(const fsp_upload_t *self);
void fsp_upload_move_to(fsp_upload_t *self, fsp_upload_state_t to);
void fsp_upload_fail(fsp_upload_t *self, fsp_status_t status, fsp_upload_effects_t *effects);
void fsp_upload_check(const fsp_upload_t *self);
/* Grants what is free, in lots of a quarter of the window.  rides: the client is told something
   now anyway, and goes on sooner with a smaller one. */
void fsp_upload_grant(fsp_upload_t *self, bool rides, fsp_upload_effects_t *effects);
/* Moves DONE pieces into the tree, and the transfer towards its end. */
void fsp_upload_advance(fsp_upload_t *self, fsp_upload_effects_t *effects);
/* Puts a piece at the end of its queue. */
void fsp_upload_push(fsp_upload_t *self, unsigned level, fsp_piece_t *piece);
/* A node in the making: asks for it to be sealed.  It is in no queue yet. */
fsp_piece_t *fsp_upload_make_node(fsp_upload_t *self, const fsp_tree_node_t *node,
                                  fsp_upload_effects_t *effects);
void fsp_upload_destroy_piece(fsp_upload_t *self, fsp_piece_t *piece);
/* Cuts what may have stayed inline. */
void fsp_upload_cut_head(fsp_upload_t *self, fsp_upload_effects_t *effects);

/* -- upload_keep.c ----------------------------------------------------------------------------- */

/* Begins a checkpoint if it is time. */
void fsp_upload_mark(fsp_upload_t *self, fsp_upload_effects_t *effects);
/* The node of the checkpoint is stored. */
void fsp_upload_mark_stored(fsp_upload_t *self, fsp_upload_effects_t *effects);
/* The present chunk ends: is that as it was expected?  Takes the digest that it must have. */
bool fsp_upload_meet(fsp_upload_t *self, uint64_t from, fsp_piece_t *piece);
void fsp_upload_restore(fsp_upload_t *self, fsp_upload_effects_t *effects);
void fsp_upload_release_kept(fsp_upload_t *self);
#endif
