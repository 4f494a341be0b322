/* SPDX-License-Identifier: MIT */
/* frontend_flow - bytes on their way to clients: what libzmq has not let go yet.  Layer actors.
 *
 * High-water marks count messages, and a full pipe loses what does not fit.  So the gateway counts
 * bytes itself: a message is charged to its session when it is sent and released by libzmq, on its
 * I/O thread, when it has left for the network.  What a GET has opened is charged to the call in
 * the same way, chunk by chunk: a frame keeps the whole chunk that it is cut from.  The counters
 * therefore outlive calls, sessions and the frontend.
 *
 * A *line* is the TCP connection that a client speaks by.  The socket has no way to end one, so it
 * is shut down below it, as if its client had gone: libzmq, whose descriptor it stays, sees that
 * and drops what it held for it.
 */
#include "actors/frontend.h"

#include "core/base/alloc.h"
#include "core/base/text.h"

#include <limits.h>
#include <stdatomic.h>
#include <sys/socket.h>

struct fsp_flow {
    atomic_uint owners; /* who sends, and every message under way */
    atomic_uint_fast64_t bytes;
    atomic_uint_fast64_t left; /* released, since it was made */
};

typedef struct {
    fsp_blob_t *blob;
    fsp_flow_t *flow;
    size_t bytes; /* charged */
} parcel_t;

fsp_flow_t *
fsp_flow_new(void)
{
    fsp_flow_t *self = FSP_NEW(fsp_flow_t);
    atomic_init(&self->owners, 1);
    atomic_init(&self->bytes, 0);
    atomic_init(&self->left, 0);
    return self;
}

fsp_flow_t *
fsp_flow_ref(fsp_flow_t *self)
{
    (void)atomic_fetch_add_explicit(&self->owners, 1, memory_order_relaxed);
    return self;
}

static fsp_flow_t *
charge(fsp_flow_t *self, size_t bytes)
{
    (void)atomic_fetch_add_explicit(&self->bytes, bytes, memory_order_relaxed);
    return fsp_flow_ref(self);
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
    return atomic_load_explicit(&self->bytes, memory_order_acquire);
}

uint64_t
fsp_flow_left(const fsp_flow_t *self)
{
    return atomic_load_explicit(&self->left, memory_order_relaxed);
}

static void
release(void *data, void *hint)
{
    (void)data;
    parcel_t *parcel = hint;
    /* First the bytes, then the number: who reads it may give them to somebody else. */
    fsp_blob_destroy(&parcel->blob);
    (void)atomic_fetch_add_explicit(&parcel->flow->left, parcel->bytes, memory_order_relaxed);
    (void)atomic_fetch_sub_explicit(&parcel->flow->bytes, parcel->bytes, memory_order_release);
    fsp_flow_destroy(&parcel->flow);
    fsp_free(parcel);
}

static fsp_blob_t *
wrap(fsp_flow_t *flow, size_t bytes, fsp_blob_t **blob_p)
{
    fsp_blob_t *blob = *blob_p;
    *blob_p = NULL;
    parcel_t *parcel = FSP_NEW(parcel_t);
    parcel->blob = blob;
    parcel->bytes = bytes;
    parcel->flow = charge(flow, bytes);
    /* A blob is read only; wrap wants what free would want. */
    union {
        const uint8_t *in;
        void *out;
    } data = {.in = fsp_blob_data(blob)};
    return fsp_blob_wrap(data.out, fsp_blob_bytes(blob), release, parcel);
}

fsp_blob_t *
fsp_flow_parcel(fsp_flow_t *flow, fsp_blob_t **blob_p)
{
    return wrap(flow, fsp_blob_bytes(*blob_p) + FLOW_MESSAGE_BYTES, blob_p);
}

fsp_blob_t *
fsp_flow_hold(fsp_flow_t *flow, fsp_blob_t **blob_p)
{
    return wrap(flow, fsp_blob_bytes(*blob_p), blob_p);
}

/* -- lines ------------------------------------------------------------------------------------- */

/* Who is at the other end of a TCP connection; false of whatever else the descriptor is now. */
static bool
read_peer(int fd, struct sockaddr_storage *ret)
{
    socklen_t bytes = sizeof(*ret);
    memset(ret, 0, sizeof(*ret));
    return getpeername(fd, (struct sockaddr *)ret, &bytes) == 0 &&
           (ret->ss_family == AF_INET || ret->ss_family == AF_INET6);
}

void
fsp_line_note(fsp_line_t *self, const char *fd_text)
{
    uint64_t fd;
    if (!fd_text || fsp_parse_u64(fsp_slice_text(fd_text), INT_MAX, &fd) != FSP_OK)
        return;
    if (self->known && self->fd == (int)fd)
        return;
    self->fd = (int)fd;
    self->known = read_peer(self->fd, &self->peer);
}

/* The number may belong to something else by now.  No two connections have one peer at a time. */
void
fsp_line_cut(const fsp_line_t *self)
{
    struct sockaddr_storage now;
    if (self->known && read_peer(self->fd, &now) && memcmp(&now, &self->peer, sizeof(now)) == 0)
        (void)shutdown(self->fd, SHUT_RDWR);
}
