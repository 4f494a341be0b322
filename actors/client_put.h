/* SPDX-License-Identifier: MIT */
/* client_put - what the files that bring a content to a node share.  Layer actors.
 *
 *   client_put      filesphere_put: opens, streams, commits; begins again when the node was gone
 *   client_offer    cuts and offers, so that what the node has is not sent
 *   client_window   the content between what is durable at the node and what was read
 *   client_journal  what a later process needs to take a put up
 *
 * Offsets of one put, lowest first:
 *
 *   0 ........ durable ........ at ........ window.to
 *     let go of         in memory: sent      read
 *
 * Codes and words are the caller's as everywhere in the library; `again` beside a code says that
 * the same put may be opened once more.
 */
#ifndef FSP_ACTORS_CLIENT_PUT_H
#define FSP_ACTORS_CLIENT_PUT_H
#include "actors/client_internal.h"
#include "core/crypto/digest.h"
#include "core/data/chunker.h"

enum {
    /* 152 frames are 38 MiB: 6 MiB that passed and are not durable, and 8 of the largest chunks cut
       and offered ahead.  Without offers, credit ends at 8 MiB. */
    FSP_CLIENT_WINDOW_FRAMES = 152,
    /* Below this, to send all again costs no more than to look what is there. */
    FSP_CLIENT_JOURNAL_BYTES_MIN = 4 * 1024 * 1024,
    FSP_CLIENT_CHUNK_BYTES_MIN = 64 * 1024, /* no space cuts finer */
};

/* -- client_window.c --------------------------------------------------------------------------- */

typedef struct fsp_client_frame fsp_client_frame_t;

/* Bytes [from, to) of a content in frames of FSP_FRAME_BYTES_MAX, which messages share. */
typedef struct {
    fsp_client_frame_t *frames[FSP_CLIENT_WINDOW_FRAMES]; /* by number modulo */
    uint64_t first; /* number of the first frame that may be there */
    uint64_t from, to;
} fsp_client_window_t;

/* Room behind `to` within one frame; bytes 0: the window is full. */
uint8_t *fsp_client_window_room(fsp_client_window_t *self, size_t *ret_bytes);
/* So many bytes were written there. */
void fsp_client_window_grow(fsp_client_window_t *self, size_t bytes);
/* Bytes from at on, in [from, to): as many as lie together, at most bytes_max. */
fsp_slice_t fsp_client_window_at(const fsp_client_window_t *self, uint64_t at, uint64_t bytes_max);
/* The same as a message that shares the memory. */
void fsp_client_window_message(const fsp_client_window_t *self, uint64_t at, size_t bytes,
                               zmq_msg_t *ret);
/* Lets go of what lies before from (also beyond to: then what is read next is let go of, too). */
void fsp_client_window_drop(fsp_client_window_t *self, uint64_t from);
void fsp_client_window_clear(fsp_client_window_t *self);

/* -- client_journal.c -------------------------------------------------------------------------- */

typedef struct {
    int directory_fd; /* -1: there is no journal */
    int lock_fd;
    char name[65]; /* hex SHA-256 of mesh, space, path, device, inode */
    uint64_t created_s;
    bool written; /* a file is there */
} fsp_client_journal_t;

/* -- the put ----------------------------------------------------------------------------------- */

typedef struct {
    fsp_hash_t digest;
    uint32_t bytes;
    bool wanted;
} fsp_client_chunk_t;

/* What was cut and not passed yet: a ring.  `answered` of them have their WANT, `offered` were
   offered, `count` are cut. */
typedef struct {
    fsp_gear_t *gear; /* NULL: the node has nothing to offer against */
    fsp_chunk_params_t params;
    fsp_secret_t cut_key;
    bool active; /* in the present opening */
    fsp_chunker_t chunker;
    fsp_sha256_t *digest;     /* of the chunk in the making */
    uint32_t making;          /* its bytes */
    uint64_t cut_to;          /* how far the content was looked at */
    uint64_t front;           /* where the first chunk of the ring lies */
    uint64_t asked;           /* where the first chunk without a WANT lies */
    fsp_client_chunk_t *ring; /* FSP_OFFER_CHUNKS_MAX, made when it is first needed */
    size_t first, answered, offered, count;
    fsp_buf_t packed; /* OFFER's chunks */
} fsp_client_offer_t;

typedef struct {
    filesphere_t *handle;
    const filesphere_put_t *put;
    const char *subject;
    filesphere_read_fn *read;
    void *arg;
    bool wanted;           /* the caller takes what the node says of the version */
    fsp_request_t request; /* the PUT; borrows from put */
    uint64_t end;          /* where the source ends by its word; UINT64_MAX: where it does */
    bool source_ended;
    bool kept;   /* the node keeps the upload: minor version 3 */
    bool opened; /* the first CREDIT came */
    bool again;  /* the failure may pass */
    bool greeted_again, renewed;
    bool taken_up;  /* from an earlier process; false from its first CREDIT on */
    bool committed; /* a COMMIT may have left, so that the put may be done */
    bool looked_again;
    fsp_client_window_t window;
    fsp_sha256_t *digest; /* of [0, window.to) */
    bool has_sha256;
    fsp_hash_t sha256;   /* of the whole */
    uint64_t request_id; /* of the present opening; 0: none */
    uint64_t at;         /* what is sent or passed next */
    uint64_t passed;     /* the highest `at` so far */
    uint64_t reach;      /* what the node can have at most: so much was sent or offered */
    uint64_t durable;
    uint64_t credit;                 /* granted and not used */
    uint64_t granted, granted_first; /* in this opening; the first grant */
    uint64_t sent;                   /* in this opening */
    uint64_t bytes_sent, resumed_at;
    fsp_client_offer_t offer;
    fsp_client_journal_t journal;
    fsp_client_trouble_t trouble;
} fsp_client_put_t;

/* Ends with an error of the link; `again` is set if it may pass. */
filesphere_code_t fsp_client_put_broke(fsp_client_put_t *self, fsp_status_t status);
/* `at` moves on. */
void fsp_client_put_pass(fsp_client_put_t *self, uint64_t to);
/* Sends content [at, at + bytes) within one frame, and passes it. */
filesphere_code_t fsp_client_put_data(fsp_client_put_t *self, size_t bytes);

/* The first CREDIT of an opening: begins to cut at self->at if it has a key. */
filesphere_code_t fsp_client_offer_open(fsp_client_put_t *self, const fsp_reply_t *reply);
filesphere_code_t fsp_client_offer_want(fsp_client_put_t *self, const fsp_reply_t *reply);
/* Cuts, offers and sends what can be now; *ret_moved: something was done. */
filesphere_code_t fsp_client_offer_step(fsp_client_put_t *self, bool *ret_moved);
/* Not enough is cut ahead of what is due. */
bool fsp_client_offer_wants_more(const fsp_client_put_t *self);
/* All that was read is passed. */
bool fsp_client_offer_done(const fsp_client_put_t *self);
void fsp_client_offer_clear(fsp_client_offer_t *self);

/* Looks for what an earlier call left and takes it into self->request: *ret_taken_up.  BUSY if
   another process is at it.  Without a place for a journal the put goes on without one, which
   filesphere_warning says. */
filesphere_code_t fsp_client_journal_open(fsp_client_put_t *self, bool *ret_taken_up);
/* Before each attempt: what it says is on disk. */
void fsp_client_journal_write(fsp_client_put_t *self);
/* keep: a later call may take the put up. */
void fsp_client_journal_close(fsp_client_put_t *self, bool keep);
#endif
