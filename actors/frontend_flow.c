/* SPDX-License-Identifier: MIT */
/* frontend_flow - bytes on their way to clients: what libzmq has not let go yet.  Layer actors.
 *
 * High-water marks count messages, and a full pipe loses what does not fit.  So the gateway counts
 * bytes itself: a message is charged to its session (and to the node) when it is sent and released
 * by libzmq, on its I/O thread, when it has left for the network.  The counters therefore outlive
 * sessions and the frontend.
 */
#include "actors/frontend.h"

#include "core/base/alloc.h"

#include <stdatomic.h>

struct fsp_flow {
    atomic_uint owners; /* who sends, and every message under way */
    atomic_uint_fast64_t bytes;
};

typedef struct {
    fsp_blob_t *blob;
    fsp_flow_t *session, *node;
    size_t bytes; /* charged */
} parcel_t;

fsp_flow_t *
fsp_flow_new(void)
{
    fsp_flow_t *self = FSP_NEW(fsp_flow_t);
    atomic_init(&self->owners, 1);
    atomic_init(&self->bytes, 0);
    return self;
}

static fsp_flow_t *
charge(fsp_flow_t *self, size_t bytes)
{
    (void)atomic_fetch_add_explicit(&self->owners, 1, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&self->bytes, bytes, memory_order_relaxed);
    return self;
}

void
fsp_flow_destroy(fsp_flow_t **self_p)
{
    fsp_flow_t *self = *self_p;
    *self_p = NULL;
    if (self && atomic_fetch_sub_explicit(&self->owners, 1, memory_order_acq_rel) == 1)
        fsp_free(self);
}

uint64_t
fsp_flow_bytes(const fsp_flow_t *self)
{
    return atomic_load_explicit(&self->bytes, memory_order_relaxed);
}

static void
release(void *data, void *hint)
{
    (void)data;
    parcel_t *parcel = hint;
    (void)atomic_fetch_sub_explicit(&parcel->session->bytes, parcel->bytes, memory_order_relaxed);
    (void)atomic_fetch_sub_explicit(&parcel->node->bytes, parcel->bytes, memory_order_relaxed);
    fsp_flow_destroy(&parcel->session);
    fsp_flow_destroy(&parcel->node);
    fsp_blob_destroy(&parcel->blob);
    fsp_free(parcel);
}

fsp_blob_t *
fsp_flow_parcel(fsp_flow_t *session, fsp_flow_t *node, fsp_blob_t **blob_p)
{
    fsp_blob_t *blob = *blob_p;
    *blob_p = NULL;
    parcel_t *parcel = FSP_NEW(parcel_t);
    parcel->blob = blob;
    parcel->bytes = fsp_blob_bytes(blob) + FLOW_MESSAGE_BYTES;
    parcel->session = charge(session, parcel->bytes);
    parcel->node = charge(node, parcel->bytes);
    /* A blob is read only; wrap wants what free would want. */
    union {
        const uint8_t *in;
        void *out;
    } data = {.in = fsp_blob_data(blob)};
    return fsp_blob_wrap(data.out, fsp_blob_bytes(blob), release, parcel);
}
