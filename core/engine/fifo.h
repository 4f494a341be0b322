/* SPDX-License-Identifier: MIT */
/* fifo - a queue of items of one size, by value.  Layer core/engine.  Pure. */
#ifndef FSP_CORE_ENGINE_FIFO_H
#define FSP_CORE_ENGINE_FIFO_H
#include "core/base/types.h"

typedef struct {
    uint8_t *items;
    size_t item_bytes;
    size_t first; /* position of the oldest item */
    size_t count;
    size_t slots;
} fsp_fifo_t;

void fsp_fifo_init(fsp_fifo_t *self, size_t item_bytes);
/* Frees the memory; what items own is the caller's. */
void fsp_fifo_clear(fsp_fifo_t *self);
/* A zeroed item at the end; valid until the next push. */
void *fsp_fifo_push(fsp_fifo_t *self);
/* Item number position, 0 the oldest; valid until the next push. */
void *fsp_fifo_at(const fsp_fifo_t *self, size_t position);
/* The oldest, NULL if there is none. */
void *fsp_fifo_first(const fsp_fifo_t *self);
void fsp_fifo_pop(fsp_fifo_t *self);
/* Takes the youngest away. */
void fsp_fifo_drop_last(fsp_fifo_t *self);
#endif
