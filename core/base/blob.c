/* SPDX-License-Identifier: MIT */
/* blob - counted bytes that several owners read and nobody writes.  Layer core/base. */
#include "core/base/blob.h"

#include <stdatomic.h>
#include <stdalign.h>

#include "core/base/alloc.h"
#include "core/base/check.h"

struct fsp_blob {
    atomic_uint count; /* owners; the one who takes it to 0 frees */
    size_t bytes;
    uint8_t *data;             /* own, or somebody else's */
    fsp_blob_free_fn *free_fn; /* NULL if own lies behind this structure */
    void *hint;
    alignas(16) uint8_t own[]; /* aligned for whatever reads words of it */
};

fsp_blob_t *
fsp_blob_new(size_t bytes)
{
    FSP_PRE(bytes <= SIZE_MAX - sizeof(fsp_blob_t));
    /* One allocation; the payload is not zeroed, for it is about to be written. */
    fsp_blob_t *self = fsp_alloc_raw(sizeof(*self) + bytes);
    atomic_init(&self->count, 1);
    self->bytes = bytes;
    self->data = self->own;
    self->free_fn = NULL;
    self->hint = NULL;
    return self;
}

fsp_blob_t *
fsp_blob_copy(const void *data, size_t bytes)
{
    FSP_PRE(data != NULL || bytes == 0);
    fsp_blob_t *self = fsp_blob_new(bytes);
    if (bytes)
        memcpy(self->data, data, bytes);
    return self;
}

fsp_blob_t *
fsp_blob_wrap(void *data, size_t bytes, fsp_blob_free_fn *free_fn, void *hint)
{
    FSP_PRE(data != NULL || bytes == 0);
    FSP_PRE(free_fn != NULL);
    fsp_blob_t *self = fsp_blob_new(0);
    self->bytes = bytes;
    self->data = data;
    self->free_fn = free_fn;
    self->hint = hint;
    return self;
}

fsp_blob_t *
fsp_blob_ref(fsp_blob_t *self)
{
    FSP_PRE(self != NULL);
    /* Relaxed: whoever may take a reference holds one, so the blob was already handed to it. */
    unsigned before = atomic_fetch_add_explicit(&self->count, 1, memory_order_relaxed);
    FSP_ASSERT(before > 0);
    FSP_ASSERT(before < UINT32_MAX);
    return self;
}

void
fsp_blob_destroy(fsp_blob_t **self_p)
{
    FSP_PRE(self_p != NULL);
    fsp_blob_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    /* Release: our reads are done before another owner frees.  Acquire: theirs before we do. */
    unsigned before = atomic_fetch_sub_explicit(&self->count, 1, memory_order_acq_rel);
    FSP_ASSERT(before > 0);
    if (before > 1)
        return;
    if (self->free_fn)
        self->free_fn(self->data, self->hint);
    fsp_free(self);
}

const uint8_t *
fsp_blob_data(const fsp_blob_t *self)
{
    FSP_PRE(self != NULL);
    return self->data;
}

size_t
fsp_blob_bytes(const fsp_blob_t *self)
{
    FSP_PRE(self != NULL);
    return self->bytes;
}

fsp_slice_t
fsp_blob_slice(const fsp_blob_t *self)
{
    FSP_PRE(self != NULL);
    return fsp_slice(self->data, self->bytes);
}

static bool
is_only_owner(const fsp_blob_t *self)
{
    /* Acquire: what other owners did before they left is seen. */
    return atomic_load_explicit(&self->count, memory_order_acquire) == 1;
}

uint8_t *
fsp_blob_writable(fsp_blob_t *self)
{
    FSP_PRE(self != NULL);
    FSP_PRE(is_only_owner(self));
    return self->data;
}

void
fsp_blob_shrink(fsp_blob_t *self, size_t bytes)
{
    FSP_PRE(self != NULL);
    FSP_PRE(is_only_owner(self));
    FSP_PRE(bytes <= self->bytes);
    /* The memory stays: giving it back could move bytes that somebody points at. */
    self->bytes = bytes;
}
