/* SPDX-License-Identifier: MIT */
/* collect - the marker of a round of garbage collection: finds what can be reached and says so to
 * who stores it.  Layer core/data.  Pure.
 *
 * Round g of a space is opened by GC_OPEN, which makes g the space's epoch.  A marker reads all
 * roots from one frozen state in which that has happened: roots of retained versions, wherever
 * they lie (the trash too, and what is being purged), and of uploads, with their tails.  Details,
 * attributes and inline content lie in rows of the state and are no objects.  It walks the trees
 * below by their open parts, needs no key, and sends MARK for every object that it comes by.
 * When it has ended well, DONE may be sent; until then nothing is swept.
 *
 * Questions and answers: one at a time.  The owner carries each question to who stores the object
 * and comes back with the answer; how long it waits in between is how much the node is left alone.
 *
 * Memory does not grow with the space: a page of roots, one list of children a level, and one queue
 * of keys a level.  What was walked is not remembered here but by its mark, and that is sound since
 *
 *     a tree node is marked only after everything below it is marked, durably.
 *
 * So a node with a mark of this round needs no second walk, whichever marker put it there, and
 * a marker that died and begins anew passes over all that was done.  With more owners the rule
 * reads: ... is marked at all its owners; where one is away, nodes above stay unmarked, and are
 * walked once for each root.
 *
 * Why the state must be frozen: reading roots page by page from the living state loses those that
 * are copied to a place that was passed already while the original, further on, is pruned.
 *
 * A tree node that cannot be read ends the attempt: what is below it would be swept.  A chunk that
 * is missing is counted and told, and the round goes on: its absence hides nothing.
 */
#ifndef FSP_CORE_DATA_COLLECT_H
#define FSP_CORE_DATA_COLLECT_H
#include "core/base/limits.h"
#include "core/base/view.h"
#include "core/data/objects.h"
#include "core/meta/rows.h"

typedef enum {
    FSP_COLLECT_NOTHING, /* never given out */
    FSP_COLLECT_LOOK,    /* MARK with `look`, of keys */
    FSP_COLLECT_MARK,    /* MARK of keys: sorted, none twice */
    FSP_COLLECT_OPEN,    /* head and open part of keys[0] */
    FSP_COLLECT_AGAIN,   /* nothing to ask: answer at once, with an empty answer */
    FSP_COLLECT_ENDED,   /* status says how */
} fsp_collect_ask_t;

typedef struct {
    fsp_collect_ask_t ask;
    const fsp_key_t *keys; /* the marker's, until the answer */
    size_t key_count;      /* MARK of none asks for the disk only */
    /* ENDED.  OK: everything has its mark.  BUSY: the state is older than the round: take another
       one.  EPOCH: a later round was opened.  NO_SUCH_SPACE.  STALE: the disk that stores was
       exchanged: begin anew.  NOT_FOUND, DAMAGED, UNSUPPORTED: a tree node.  GONE: the frozen state
       was given up.  Or what an answer or the state said. */
    fsp_status_t status;
} fsp_collect_question_t;

typedef struct {
    fsp_status_t status;
    fsp_store_id_t store_id; /* LOOK, MARK */
    fsp_slice_t marks;       /* LOOK, MARK: fsp_mark_t, one octet a key */
    fsp_slice_t head, open;  /* OPEN */
} fsp_collect_answer_t;

/* For people: an object, and the root above it. */
typedef struct {
    fsp_key_t key;         /* of the object; zero: there is none */
    fsp_file_id_t file_id; /* with the number of the version; zero: not of a version */
    uint64_t number;
    fsp_upload_id_t upload_id; /* zero: not of an upload */
} fsp_collect_fault_t;

typedef struct {
    uint64_t roots;   /* of versions and uploads; equal ones count each time */
    uint64_t nodes;   /* tree nodes that were opened */
    uint64_t marked;  /* objects that got their mark from this marker */
    uint64_t missing; /* objects that are not there, or not sound */
} fsp_collect_counts_t;

typedef struct fsp_collect fsp_collect_t;

/* state: a frozen view of family STATE; outlives self.  keys_max: of a question, 1 ..
   FSP_HAVE_KEYS_MAX. */
fsp_collect_t *fsp_collect_new(fsp_shard_ref_t shard, fsp_space_id_t space_id, uint64_t round,
                               fsp_view_t *state, size_t keys_max);
void fsp_collect_destroy(fsp_collect_t **self_p);
/* The next question; answer is that to the one before, NULL at first.  After ENDED there is none.
 */
const fsp_collect_question_t *fsp_collect_step(fsp_collect_t *self,
                                               const fsp_collect_answer_t *answer);
const fsp_collect_counts_t *fsp_collect_counts(const fsp_collect_t *self);
/* The disk that has the marks; zero before the first answer. */
fsp_store_id_t fsp_collect_store(const fsp_collect_t *self);
/* The tree node that ended the attempt; else the first object that was missing, by its key only. */
const fsp_collect_fault_t *fsp_collect_fault(const fsp_collect_t *self);
#endif
