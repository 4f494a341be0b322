/* SPDX-License-Identifier: MIT */
/* segset - what the writing thread and the cleaner know of the segments together.  Layer store.
 *
 * Internal to segments.c and segclean.c.  Everything below `lock` is held by it; the rest belongs
 * to the thread that is named.
 */
#ifndef FSP_STORE_SEGSET_H
#define FSP_STORE_SEGSET_H
#include "store/segments.h"
#include "store/segread.h"

#include <pthread.h>

/* One segment; as many as there are files, and those are few: the disk's bytes by a quarter of the
   nominal size at most. */
typedef struct {
    uint64_t number;
    uint64_t used, live;      /* with what the group that is being made says */
    uint64_t told, told_live; /* the same, as the written rows say it */
    uint64_t ragged;          /* octets that died in pages which were not wholly dead then */
    bool has_row;
    bool changed;   /* its row is behind */
    bool sealed;    /* its row is in the batch that is being written */
    bool growing;   /* somebody appends to it */
    bool sweep;     /* dead places in it are not known one by one: the cleaner has to look */
    bool unswept;   /* the same, as soon as what was dropped is so durably */
    bool again;     /* the same, after a while: its rows changed during a sweep */
    uint8_t missed; /* sweeps that did not find all that lives */
    bool stuck;     /* not all that lives in it is found: it stays as it is, for `check` */
} fsp_segment_t;

/* A dead place, of which the whole pages can be given back.  bytes 0: the file as a whole. */
typedef struct {
    uint64_t segment, offset, bytes;
} fsp_hole_t;

typedef struct {
    fsp_hole_t *holes;
    size_t count, capacity;
} fsp_holes_t;

enum {
    FSP_HOLES_MAX = 64 * 1024, /* that are remembered one by one; their segments are swept, else */
    FSP_MOVES_MAX = 256,
    FSP_MOVES_BYTES_MAX = 16 * 1024 * 1024 /* copied in one go */
};

/* The cleaner: segclean.h. */
typedef struct {
    pthread_t thread;
    bool has_thread;    /* to be joined; the writing thread's */
    fsp_segfile_t file; /* that copies are appended to; the cleaner's */
    /* The cleaner's until they are offered, then the writing thread's. */
    fsp_move_t *moves; /* FSP_MOVES_MAX, or NULL */
    uint8_t *keys;     /* of the moves, FSP_ROW_KEY_BYTES_MAX each */
    size_t move_count;
    uint64_t move_bytes; /* copied for them */
} fsp_segclean_t;

struct fsp_segments {
    fsp_db_t *db;
    char directory[FSP_SEGFILE_PATH_BYTES]; /* of the segments */
    uint64_t segment_bytes;
    bool sync;
    fsp_segread_t read;
    fsp_segclean_t clean;
    /* Of the writing thread. */
    fsp_segfile_t active;
    fsp_holes_t dying;    /* dropped, and not durably so yet */
    bool unswept;         /* some segment is */
    bool moving;          /* the group switches the cleaner's moves */
    unsigned ticks_quiet; /* since something was dropped last */
    unsigned ticks_again; /* until what is to be swept again is */
    /* Of both. */
    pthread_mutex_t lock;
    pthread_cond_t wake;   /* the cleaner: there is work, or what it waits for has come */
    pthread_cond_t rested; /* fsp_segments_rest: the cleaner has gone idle */
    fsp_segment_t *set;    /* in the order of their numbers */
    size_t count, capacity;
    size_t changed_count;       /* segments whose row is behind */
    size_t sealed_count;        /* and whose row is in the batch */
    uint64_t next;              /* number of a segment to come */
    bool next_changed;          /* its row is behind */
    uint64_t ahead_bytes;       /* on the disk and not used: of the active file */
    uint64_t synced;            /* writes that were, counted */
    fsp_holes_t dead;           /* to be given back */
    bool stop;                  /* the cleaner ends */
    bool compact;               /* copying is worth while now */
    unsigned copy_pause;        /* ticks until it is tried again after a failure */
    bool cannot_punch;          /* the file system has no holes */
    bool want_sync;             /* the cleaner waits for a synced write */
    bool moves_offered;         /* clean.moves is the writing thread's */
    bool idle;                  /* the cleaner waits, and nothing has happened since */
    uint64_t clean_ahead_bytes; /* as above, of the cleaner's file */
};

/* All under the lock. */
fsp_segment_t *fsp_segset_find(fsp_segments_t *self, uint64_t number);
/* A new segment with the next number; the pointer is good until the set changes. */
fsp_segment_t *fsp_segset_add(fsp_segments_t *self);
void fsp_segset_remove(fsp_segments_t *self, uint64_t number);
void fsp_segset_change(fsp_segments_t *self, fsp_segment_t *segment);
/* Nobody appends to it any more. */
void fsp_segset_finish(fsp_segments_t *self, uint64_t number);
void fsp_segset_wake(fsp_segments_t *self);
void fsp_holes_add(fsp_holes_t *self, fsp_hole_t hole);
/* The whole pages in it; bytes 0: there is none. */
fsp_hole_t fsp_hole_pages(const fsp_hole_t *self);
/* Empties it; a long one gives its memory back. */
void fsp_holes_reset(fsp_holes_t *self);
#endif
