/* SPDX-License-Identifier: MIT */
/* sim_history - what the clients of one space asked, when, and what they were told.  Layer tests.
 *
 * Input of the two checkers in linear.h.  Pure.  Nothing here knows the replica: versions are
 * numbers, and what a reader saw is a *sight*, 64 bits that stand for a set:
 *
 *     a file:       the versions that are its heads       a directory: the names of files in it
 *     sight(set) =  sum of sim_mark(x) for x in the set;  0 is the empty set: nothing is there
 *
 * A sum, because a set has no order and because one member more or less is one addition.  Two sets
 * of one run have the same sight with probability 2^-64.
 */
#ifndef FSP_TESTS_SIM_SIM_HISTORY_H
#define FSP_TESTS_SIM_SIM_HISTORY_H
#include "core/base/types.h"

typedef enum {
    SIM_OP_READ,  /* heads of a file */
    SIM_OP_LIST,  /* names of the files directly in a directory */
    SIM_OP_PUT,   /* the value becomes the only head, whatever was there */
    SIM_OP_MATCH, /* the same if base is the only head */
    SIM_OP_NEW,   /* the same if nothing is there */
    SIM_OP_EDIT,  /* the value takes the place of base among the heads, or joins them if base was
                     replaced already; refused if base is no version of this file */
    SIM_OP_DELETE /* nothing is there any more; refused if nothing is there */
} sim_op_kind_t;

typedef enum {
    SIM_OUTCOME_OK,
    SIM_OUTCOME_REFUSED,  /* its condition did not hold; no effect */
    SIM_OUTCOME_DECLINED, /* for a reason that is not modelled (quota, rights); no effect */
    SIM_OUTCOME_UNKNOWN   /* no answer, or one that does not tell; takes effect later, or never */
} sim_outcome_t;

/* One operation.  Virtual time; equal times are concurrent.
 *
 * One that is sent again until it is answered is one operation, from its first sending: a repeated
 * answer carries the index of the first.  One that certainly did nothing and was answered without
 * an index says nothing; a recorder leaves it out. */
typedef struct {
    uint32_t client;
    uint64_t number;        /* the client's own count, for words only */
    fsp_time_t invoked_us;  /* first sent */
    fsp_time_t returned_us; /* answered; >= invoked_us; FSP_TIME_NEVER exactly if UNKNOWN */
    sim_op_kind_t kind;
    sim_outcome_t outcome;
    uint32_t path;  /* of sim_history_path */
    uint64_t value; /* puts: the version written; not 0, no two puts write the same */
    uint64_t base;  /* MATCH, EDIT: a version; not 0, may be one that nobody wrote */
    uint64_t seen;  /* READ, LIST that are OK: the sight */
    /* Change number of the space in the answer: a change's own, else the last one before it.  Of an
       UNKNOWN change: where the log has it, 0 if nowhere. */
    uint64_t index;
} sim_op_t;

typedef struct {
    const char *text; /* "/a/b", owned by the history */
    uint32_t parent;  /* UINT32_MAX of "/" */
} sim_path_t;

typedef struct {
    sim_op_t *ops; /* in any order */
    size_t count, capacity;
    sim_path_t *paths;
    uint32_t path_count, path_capacity;
} sim_history_t;

void sim_history_init(sim_history_t *self);
/* Empty again, as after init. */
void sim_history_clear(sim_history_t *self);
/* The number of a path ("/", "/a/b"); equal texts have equal numbers.  Directories above it get
   numbers too.  Linear in the paths so far: the simulator uses few. */
uint32_t sim_history_path(sim_history_t *self, const char *text);
/* Appends a copy; returns its position. */
size_t sim_history_add(sim_history_t *self, const sim_op_t *op);
/* Asserts the rules of sim_op_t that a recorder can break, but for the uniqueness of values. */
void sim_history_check(const sim_history_t *self);

/* The part of x in a sight; x is a version, or the number of a path. */
uint64_t sim_mark(uint64_t x);
/* True of PUT, MATCH, NEW, EDIT. */
bool sim_op_is_put(const sim_op_t *op);
/* True if it reads only, whatever its outcome. */
bool sim_op_is_read(const sim_op_t *op);
/* True if it has a change number of its own. */
bool sim_op_is_change(const sim_op_t *op);
/* True if the index says where in the log it belongs: all but UNKNOWN without effect. */
bool sim_op_has_index(const sim_op_t *op);
/* The operation in words, cut off at bytes; always ends in NUL. */
enum { SIM_OP_WORDS_BYTES = 256 };
void sim_op_words(const sim_history_t *self, const sim_op_t *op,
                  char ret_words[SIM_OP_WORDS_BYTES]);
#endif
