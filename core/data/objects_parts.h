/* SPDX-License-Identifier: MIT */
/* objects_parts - what the parts of the objects engine share.  Layer core/data.  Pure.  Internal.
 *
 * objects.c has requests and writes, objects_sweep.c the collection of garbage.
 */
#ifndef FSP_CORE_DATA_OBJECTS_PARTS_H
#define FSP_CORE_DATA_OBJECTS_PARTS_H
#include "core/data/objects.h"

enum {
    FSP_OBJECTS_ROW_BYTES_MAX = 512,
    FSP_OBJECTS_KEY_BYTES = 4 + sizeof(fsp_space_id_t) + sizeof(fsp_key_t) + 1,
    FSP_OBJECTS_SUFFIX_ROW = 0x00,
    FSP_OBJECTS_SUFFIX_BYTES = 0x01,
};

typedef struct fsp_objects_answer fsp_objects_answer_t;
struct fsp_objects_answer {
    fsp_objects_answer_t *next;
    fsp_objects_effect_t effect;
};

/* A write that is not durable yet. */
typedef struct {
    uint64_t token;
    fsp_objects_answer_t *first, *last; /* they leave when it is */
    fsp_blob_t *object;                 /* whose bytes it holds, or NULL */
    uint8_t *keys;                      /* of the rows it holds, FSP_OBJECTS_KEY_BYTES each */
    size_t key_count, key_capacity;
} fsp_objects_write_t;

/* One pass over the rows of a space, or of all spaces that are gone. */
typedef struct fsp_sweep fsp_sweep_t;
struct fsp_sweep {
    fsp_sweep_t *next;
    bool gone;               /* of all spaces in `gone`, whatever their marks */
    fsp_space_id_t space_id; /* else of this one, */
    uint64_t round;          /* whose DONE came, */
    uint64_t layout_version; /* under this layout */
    uint8_t at[FSP_OBJECTS_KEY_BYTES];
    size_t at_bytes;  /* key to look at next; 0: the first */
    uint64_t token;   /* of its last write */
    uint64_t *askers; /* tokens of DONE and GONE, answered at its end */
    size_t asker_count, asker_capacity;
    fsp_swept_t swept;
};

struct fsp_objects {
    unsigned slot_bits;
    uint64_t layout_version;
    fsp_store_id_t store_id;
    fsp_view_t *view;       /* rows in the database */
    fsp_overlay_t *pending; /* rows above the view, tagged with the write that holds them */
    fsp_overlay_t *change;  /* above pending: the rows of the present step */
    fsp_omap_t *waiting;    /* row key -> token of the write with its bytes; tag: of its last */
    fsp_objects_write_t **writes; /* ring: token & (capacity - 1); from written + 1 to token */
    size_t capacity;              /* a power of two */
    uint64_t token;               /* of the last write */
    uint64_t written;             /* of the last durable one */
    uint64_t pending_bytes;       /* of objects in writes that are not durable */
    fsp_status_t broken;          /* a read failed: no more steps */
    fsp_omap_t *gone;             /* ids of spaces that are no more */
    fsp_sweep_t *sweeps;          /* the first is under way */
    size_t sweep_count;
};

void fsp_objects_add_effect(fsp_objects_effects_t *effects, const fsp_objects_effect_t *effect);
void fsp_objects_clear_effect(fsp_objects_effect_t *effect);
/* Of the row as this step sees it; NOT_FOUND, or what makes the node stop. */
FSP_MUST_CHECK fsp_status_t fsp_objects_load_row(fsp_objects_t *self, fsp_slice_t row_key,
                                                 fsp_object_row_t *ret);
static inline uint64_t
fsp_objects_bytes(const fsp_object_row_t *row)
{
    return FSP_OBJECT_HEADER_BYTES + row->open_bytes + row->sealed_bytes;
}

fsp_objects_write_t *fsp_objects_new_write(fsp_objects_t *self);
/* Makes row, or its absence, a part of write.  bytes_in: the write with its bytes, 0: none. */
void fsp_objects_write_row(fsp_objects_t *self, fsp_objects_write_t *write, fsp_slice_t row_key,
                           const fsp_object_row_t *row, uint64_t bytes_in);
void fsp_objects_delete_row(fsp_objects_t *self, fsp_objects_write_t *write, fsp_slice_t row_key);
/* Takes batch over: what the write holds besides rows. */
void fsp_objects_emit_write(fsp_objects_t *self, const fsp_objects_write_t *write,
                            fsp_batch_t *batch, fsp_objects_effects_t *effects);
/* Token of the write a row waits for; 0 if the database has it. */
uint64_t fsp_objects_row_token(const fsp_objects_t *self, fsp_slice_t row_key);
/* Token of the write that holds a row's bytes; 0 if the database has them. */
uint64_t fsp_objects_bytes_token(const fsp_objects_t *self, fsp_slice_t row_key);
/* Answers as soon as all writes up to token are durable; takes over what effect owns. */
void fsp_objects_answer_after(fsp_objects_t *self, uint64_t token,
                              const fsp_objects_effect_t *effect, fsp_objects_effects_t *effects);
/* The end of a question about many keys: its write (NULL: none) goes out, its answer behind that
   and all up to token.  A status other than OK, which comes back: the answer is dropped. */
FSP_MUST_CHECK fsp_status_t fsp_objects_finish(fsp_objects_t *self, fsp_status_t status,
                                               const fsp_objects_write_t *write, uint64_t token,
                                               fsp_objects_effect_t *answer,
                                               fsp_objects_effects_t *effects);

/* objects_sweep.c */
bool fsp_objects_is_gone(const fsp_objects_t *self, fsp_space_id_t space_id);
FSP_MUST_CHECK fsp_status_t fsp_objects_mark(fsp_objects_t *self, const fsp_objects_event_t *event,
                                             fsp_objects_effects_t *effects);
void fsp_objects_done(fsp_objects_t *self, const fsp_objects_event_t *event,
                      fsp_objects_effects_t *effects);
void fsp_objects_gone(fsp_objects_t *self, const fsp_objects_event_t *event,
                      fsp_objects_effects_t *effects);
FSP_MUST_CHECK fsp_status_t fsp_objects_sweep(fsp_objects_t *self, fsp_objects_effects_t *effects);
void fsp_sweep_destroy(fsp_sweep_t **self_p);
#endif
