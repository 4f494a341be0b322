/* SPDX-License-Identifier: MIT */
/* client_window - the part of a content that a put still needs.  Layer actors.
 *
 * A frame lies in memory once: the messages that carry parts of it count as owners, and ZeroMQ's
 * I/O thread may be the last one.  Bytes behind those that were sent are written while earlier ones
 * of the same frame are on their way; nobody ever writes what is shared.
 */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "actors/client_put.h"

struct fsp_client_frame {
    atomic_uint owners;
    uint8_t bytes[FSP_FRAME_BYTES_MAX];
};

static void
release(void *data, void *frame_)
{
    fsp_client_frame_t *frame = frame_;
    (void)data;
    if (frame && atomic_fetch_sub(&frame->owners, 1) == 1)
        fsp_free(frame);
}

static fsp_client_frame_t *
frame_at(const fsp_client_window_t *self, uint64_t at)
{
    return self->frames[at / FSP_FRAME_BYTES_MAX % FSP_CLIENT_WINDOW_FRAMES];
}

uint8_t *
fsp_client_window_room(fsp_client_window_t *self, size_t *ret_bytes)
{
    uint64_t number = self->to / FSP_FRAME_BYTES_MAX;
    size_t used = (size_t)(self->to % FSP_FRAME_BYTES_MAX);
    *ret_bytes = 0;
    if (number - self->first >= FSP_CLIENT_WINDOW_FRAMES)
        return NULL;
    fsp_client_frame_t **place = &self->frames[number % FSP_CLIENT_WINDOW_FRAMES];
    if (!*place) {
        *place = fsp_alloc_raw(sizeof **place);
        /* Not by atomic_init, which is a plain write: the thread sanitizer does not see how libzmq
           hands the frame to its thread, and would take it for a race with release. */
        atomic_store(&(*place)->owners, 1);
    }
    *ret_bytes = FSP_FRAME_BYTES_MAX - used;
    return (*place)->bytes + used;
}

void
fsp_client_window_grow(fsp_client_window_t *self, size_t bytes)
{
    FSP_PRE(bytes <= FSP_FRAME_BYTES_MAX - self->to % FSP_FRAME_BYTES_MAX);
    self->to += bytes;
    if (self->from >= self->to) /* read again only for its digest */
        fsp_client_window_drop(self, self->from);
}

fsp_slice_t
fsp_client_window_at(const fsp_client_window_t *self, uint64_t at, uint64_t bytes_max)
{
    FSP_PRE(at >= self->from && at < self->to);
    size_t skip = (size_t)(at % FSP_FRAME_BYTES_MAX);
    uint64_t bytes = FSP_FRAME_BYTES_MAX - skip;
    if (bytes > self->to - at)
        bytes = self->to - at;
    if (bytes > bytes_max)
        bytes = bytes_max;
    return fsp_slice(frame_at(self, at)->bytes + skip, (size_t)bytes);
}

void
fsp_client_window_message(const fsp_client_window_t *self, uint64_t at, size_t bytes,
                          zmq_msg_t *ret)
{
    FSP_PRE(fsp_client_window_at(self, at, bytes).bytes == bytes);
    fsp_client_frame_t *frame = frame_at(self, at);
    atomic_fetch_add(&frame->owners, 1);
    int rc = zmq_msg_init_data(ret, frame->bytes + at % FSP_FRAME_BYTES_MAX, bytes, release, frame);
    FSP_ASSERT(rc == 0);
}

void
fsp_client_window_drop(fsp_client_window_t *self, uint64_t from)
{
    FSP_PRE(from >= self->from);
    uint64_t end = from < self->to ? from : self->to;
    for (; (self->first + 1) * FSP_FRAME_BYTES_MAX <= end; self->first++) {
        fsp_client_frame_t **place = &self->frames[self->first % FSP_CLIENT_WINDOW_FRAMES];
        release(NULL, *place);
        *place = NULL;
    }
    self->from = from;
}

void
fsp_client_window_clear(fsp_client_window_t *self)
{
    for (size_t i = 0; i < FSP_CLIENT_WINDOW_FRAMES; i++) {
        release(NULL, self->frames[i]);
        self->frames[i] = NULL;
    }
}
