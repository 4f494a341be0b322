/* SPDX-License-Identifier: MIT */
/* budget - who of all transfers may have how much memory now.  Layer core/data.  Pure.
 *
 * A transfer takes a *seat*: all the bytes that it will ever hold at a time.  Seats never hold more
 * than bytes_max together.  What does not fit waits, first come first served in its class:
 *
 *   large   one of more than FSP_BUDGET_SMALL_BYTES; never gets at the last share_bytes
 *   small   has that share for itself, and what else is free while no large one waits
 *
 * So nothing waits for ever while those that hold a seat end: a large one waits for large ones that
 * came before it, and for small ones that hold more than their share, whose number does not grow
 * meanwhile; a small one waits for small ones only.  A share must hold one small seat, the rest one
 * large seat (asserted).
 *
 * Seats lie in what belongs to their owners; the budget refers to those that wait.
 */
#ifndef FSP_CORE_DATA_BUDGET_H
#define FSP_CORE_DATA_BUDGET_H
#include "core/base/types.h"

enum { FSP_BUDGET_SMALL_BYTES = 1024 * 1024 };
typedef enum { FSP_BUDGET_LARGE, FSP_BUDGET_SMALL, FSP_BUDGET_CLASSES } fsp_budget_class_t;
typedef enum { FSP_SEAT_NONE, FSP_SEAT_WAITS, FSP_SEAT_HELD } fsp_seat_state_t;

typedef struct fsp_seat fsp_seat_t;
struct fsp_seat { /* zeros: none */
    fsp_seat_state_t state;
    uint64_t bytes;     /* wanted, then held */
    void *owner;        /* of whom it is; the budget does not look */
    fsp_seat_t *before; /* WAITS */
    fsp_seat_t *behind;
    fsp_budget_class_t class; /* of what was asked for */
};

typedef struct {
    uint64_t bytes_max;
    uint64_t share_bytes;
    struct {
        fsp_seat_t *first, *last; /* who waits */
        uint64_t bytes;           /* held */
    } classes[FSP_BUDGET_CLASSES];
    size_t waiting; /* seats */
} fsp_budget_t;

/* share_bytes: of bytes_max, for small seats. */
void fsp_budget_init(fsp_budget_t *self, uint64_t bytes_max, uint64_t share_bytes);
/* Takes a seat that is NONE, of 0 to bytes_max - share_bytes.  True if it is held now; else it
   waits, and must not move in memory meanwhile. */
bool fsp_budget_take(fsp_budget_t *self, fsp_seat_t *seat, uint64_t bytes, void *owner);
/* The next seat that waited and is held now; NULL: nobody's turn has come. */
fsp_seat_t *fsp_budget_next(fsp_budget_t *self);
/* A held seat keeps no more than these bytes. */
void fsp_budget_shrink(fsp_budget_t *self, fsp_seat_t *seat, uint64_t bytes);
/* A held seat goes over to another owner's, which is NONE. */
void fsp_budget_move(fsp_seat_t *from, fsp_seat_t *to, void *owner);
/* Whatever it was, it is NONE. */
void fsp_budget_leave(fsp_budget_t *self, fsp_seat_t *seat);
/* Held by all seats together. */
uint64_t fsp_budget_bytes(const fsp_budget_t *self);
#endif
