/* SPDX-License-Identifier: MIT */
/* fifo - a queue of items of one size, by value.  Layer core/engine.  Pure. */
#include "core/engine/fifo.h"

#include "core/base/alloc.h"
#include "core/base/check.h"

enum { SLOTS_MIN = 16 };

void
fsp_fifo_init(fsp_fifo_t *self, size_t item_bytes)
{
    FSP_PRE(self);
    FSP_PRE(item_bytes > 0);
    *self = (fsp_fifo_t){.item_bytes = item_bytes};
}

void
fsp_fifo_clear(fsp_fifo_t *self)
{
    FSP_PRE(self);
    fsp_free(self->items);
    *self = (fsp_fifo_t){.item_bytes = self->item_bytes};
}

static void
grow(fsp_fifo_t *self)
{
    size_t slots = self->slots ? 2 * self->slots : SLOTS_MIN;
    uint8_t *items = fsp_alloc_array(slots, self->item_bytes);
    for (size_t i = 0; i < self->count; i++)
        memcpy(items + i * self->item_bytes, fsp_fifo_at(self, i), self->item_bytes);
    fsp_free(self->items);
    self->items = items;
    self->slots = slots;
    self->first = 0;
}

void *
fsp_fifo_push(fsp_fifo_t *self)
{
    FSP_PRE(self && self->item_bytes > 0);
    if (self->count == self->slots)
        grow(self);
    self->count++;
    void *item = fsp_fifo_at(self, self->count - 1);
    memset(item, 0, self->item_bytes);
    return item;
}

void *
fsp_fifo_at(const fsp_fifo_t *self, size_t position)
{
    FSP_PRE(self);
    FSP_PRE(position < self->count);
    /* Slots are a power of two. */
    size_t slot = (self->first + position) & (self->slots - 1);
    return self->items + slot * self->item_bytes;
}

void *
fsp_fifo_first(const fsp_fifo_t *self)
{
    FSP_PRE(self);
    return self->count > 0 ? fsp_fifo_at(self, 0) : NULL;
}

void
fsp_fifo_pop(fsp_fifo_t *self)
{
    FSP_PRE(self);
    FSP_PRE(self->count > 0);
    self->first = (self->first + 1) & (self->slots - 1);
    self->count--;
}

void
fsp_fifo_drop_last(fsp_fifo_t *self)
{
    FSP_PRE(self);
    FSP_PRE(self->count > 0);
    self->count--;
}
