/* SPDX-License-Identifier: MIT */
/* mailbox - how actors of one node reach each other.  Layer actors.
 *
 * Every actor has one inbox (PULL, inproc://fsp-NAME) and sends through one PUSH per receiver, made
 * on first use: so an actor polls its pipe, its inbox, and at most one socket to the outside.  A
 * wake-up of another thread is the cost of a quiet request, so there is no switch in between.
 *
 * Frames: return address, envelope and body | payload 0..2.  The first frame holds three things
 * because each frame costs an allocation and two calls at both ends; payloads are apart, since they
 * are handed over without a copy.  What follows the return address is the protocol's own message
 * (proto/envelope), the same bytes as between nodes.  The return address is opaque to the receiver,
 * who gives it back in the answer; its first octet is the sending actor.
 *
 * Two services are local to a node by nature, the store and the workers: their messages carry one
 * pointer, whose ownership moves with the message.
 */
#ifndef FSP_ACTORS_MAILBOX_H
#define FSP_ACTORS_MAILBOX_H
#include "core/base/blob.h"
#include "core/base/limits.h"
#include "core/base/types.h"
#include "proto/envelope.h"

#include <zmq.h>

enum {
    FSP_WORKERS_MAX = 16,
    FSP_MAIL_HEAD_BYTES = 1 + FSP_ENVELOPE_BYTES /* of the first frame, before the body */
};
typedef enum {
    FSP_ACTOR_SUPERVISOR,
    FSP_ACTOR_STORE,
    FSP_ACTOR_OBJECTS,
    FSP_ACTOR_SHARD,
    FSP_ACTOR_AUTH,
    FSP_ACTOR_FRONTEND,
    FSP_ACTOR_REBALANCER,
    FSP_ACTOR_WORKER, /* the first of FSP_WORKERS_MAX */
    FSP_ACTOR_COUNT = FSP_ACTOR_WORKER + FSP_WORKERS_MAX
} fsp_actor_id_t;

typedef struct fsp_mailbox fsp_mailbox_t;

/* One received message.  Frames are owned by it until fsp_mail_clear. */
typedef struct {
    fsp_actor_id_t from;
    fsp_envelope_t envelope;
    zmq_msg_t head; /* the first frame, whose end is the body */
    zmq_msg_t payload[2];
    size_t payload_count;
} fsp_mail_t;
void fsp_mail_clear(fsp_mail_t *mail);
fsp_slice_t fsp_mail_body(fsp_mail_t *mail);
/* A payload as a counted blob, without a copy; the frame is empty afterwards. */
fsp_blob_t *fsp_mail_take_payload(fsp_mail_t *mail, size_t position);
/* The pointer of a local message; asserts that it is one. */
void *fsp_mail_pointer(fsp_mail_t *mail);

/* Binds the inbox of `self`.  Belongs to the thread that uses it from then on. */
fsp_mailbox_t *fsp_mailbox_new(fsp_actor_id_t self);
void fsp_mailbox_destroy(fsp_mailbox_t **self_p);
/* The inbox, for zmq_poll or for its descriptor, which tells only what comes after receive has
   found nothing. */
void *fsp_mailbox_socket(fsp_mailbox_t *self);
/* The next message, false if none waits.  ret must be cleared by the caller if true. */
bool fsp_mailbox_receive(fsp_mailbox_t *self, fsp_mail_t *ret);
/* Sends; takes over one reference on each payload blob (payloads may be NULL with count 0).  False
   if the receiver has ended: then nobody waits for the message, and it is dropped. */
bool fsp_mailbox_send(fsp_mailbox_t *self, fsp_actor_id_t to, fsp_service_t service, unsigned type,
                      uint64_t request_id, fsp_slice_t body, fsp_blob_t **payloads,
                      size_t payload_count);
/* Hands a pointer to another actor of this node; false if that one has ended: then the pointer
 * stays the caller's. */
bool fsp_mailbox_hand(fsp_mailbox_t *self, fsp_actor_id_t to, fsp_service_t service, unsigned type,
                      uint64_t request_id, void *pointer);

/* A blob as the content of a message, without a copy; takes over one reference. */
void fsp_blob_to_msg(fsp_blob_t **blob_p, zmq_msg_t *ret);
/* Part of a blob as a blob of its own, which keeps the whole alive. */
fsp_blob_t *fsp_blob_part(fsp_blob_t *whole, size_t from, size_t bytes);
/* A received message as a blob, without a copy; msg is empty afterwards. */
fsp_blob_t *fsp_blob_from_msg(zmq_msg_t *msg);
#endif
