/* SPDX-License-Identifier: MIT */
/* envelope - the fixed first frame of every message.  Layer proto.  Pure.
 *
 *   0  "FSP"   3  major version 1   4  service u8   5  flags u8, zero   6  type u16
 *   8  request id u64              16  body bytes u32                 all big-endian, 20 octets
 *
 * Frames of a message: envelope, body (absent when body bytes is 0), then 0..2 raw payload frames.
 * The same bytes travel over inproc:// between actors and over TCP between processes.
 */
#ifndef FSP_PROTO_ENVELOPE_H
#define FSP_PROTO_ENVELOPE_H
#include "core/base/limits.h"
#include "core/base/status.h"
#include "core/base/types.h"

enum { FSP_PROTOCOL_MAJOR = 1 };

typedef enum {
    FSP_SERVICE_CLIENT = 1, /* a client and its gateway: docs/protocol/client.md */
    FSP_SERVICE_SHARD =
        2, /* commands and queries to a shard's replica; bodies are canonical arrays */
    FSP_SERVICE_OBJECTS = 3, /* objects of a node that stores */
    FSP_SERVICE_STORE = 4,   /* node-local: batches by pointer */
    FSP_SERVICE_WORKERS = 5, /* node-local: jobs by pointer */
    FSP_SERVICE_NODE = 6,    /* node-local: actors to their supervisor */
    FSP_SERVICE_AUTH = 7,    /* node-local: client keys */
} fsp_service_t;

/* Types of FSP_SERVICE_CLIENT. */
typedef enum {
    FSP_MSG_HELLO = 1,
    FSP_MSG_WELCOME = 2,
    FSP_MSG_PING = 3,
    FSP_MSG_PONG = 4,
    FSP_MSG_OK = 5,
    FSP_MSG_ERROR = 6,
    FSP_MSG_PUT = 10,    /* opens an upload; with `end` and a payload frame it is whole */
    FSP_MSG_DATA = 11,   /* body: offset u64; one payload frame */
    FSP_MSG_COMMIT = 12, /* ends an upload */
    FSP_MSG_ABORT = 13,  /* gives a transfer up */
    FSP_MSG_CREDIT = 14, /* the receiver of data grants bytes */
    FSP_MSG_RESUME = 15, /* asks where an upload stands, after HELLO took a session up again */
    FSP_MSG_NEWS = 16,   /* what a WATCH brings; minor version 2, as all that are marked so */
    FSP_MSG_OFFER = 17,  /* 3: digests of the chunks that come next in an upload */
    FSP_MSG_WANT = 18,   /* 3: which of them the node does not have */
    FSP_MSG_GET = 20,
    FSP_MSG_STAT = 30,
    FSP_MSG_LIST = 31,
    FSP_MSG_VERSIONS = 32,
    FSP_MSG_CHANGES = 33,
    FSP_MSG_SPACES = 34,
    FSP_MSG_WATCH = 35, /* 2: changes as they happen */
    FSP_MSG_MKDIR = 40,
    FSP_MSG_DELETE = 41,
    FSP_MSG_MOVE = 42,
    FSP_MSG_COPY = 43,
    FSP_MSG_RESTORE = 44,
    FSP_MSG_LOCK = 45,         /* 2 */
    FSP_MSG_RENEW = 46,        /* 2 */
    FSP_MSG_UNLOCK = 47,       /* 2 */
    FSP_MSG_UNDELETE = 48,     /* 2: out of the trash */
    FSP_MSG_PRUNE = 49,        /* 2: an old version's content goes */
    FSP_MSG_NODE = 50,         /* node status */
    FSP_MSG_PURGE = 51,        /* 2: what lies in the trash goes */
    FSP_MSG_BATCH = 52,        /* 2: all or nothing */
    FSP_MSG_SPACE_CREATE = 53, /* 2 */
    FSP_MSG_SPACE_REMOVE = 54, /* 2 */
    FSP_MSG_ATTR = 55,         /* 3: mode and time of a node */
    FSP_MSG_SPACE_SET = 56,    /* 3: quota, retention */
    FSP_MSG_COLLECT = 57,      /* 3: a round of garbage collection, until it ends */
    FSP_MSG_KEY_ADD = 58,      /* 3: a further client key */
    FSP_MSG_KEY_LIST = 59,     /* 3 */
    FSP_MSG_KEY_REMOVE = 60,   /* 3 */
} fsp_client_type_t;

/* Types of FSP_SERVICE_SHARD and FSP_SERVICE_OBJECTS; answers are FSP_MSG_OK or FSP_MSG_ERROR. */
typedef enum {
    FSP_SHARD_COMMAND = 1,
    FSP_SHARD_QUERY = 2,
    FSP_OBJECT_PUT = 1,
    FSP_OBJECT_HAVE = 2,
    FSP_OBJECT_GET = 3,
    FSP_OBJECT_MARK = 7, /* 5 and 6 are OK and ERROR */
    FSP_OBJECT_DONE = 8,
    FSP_OBJECT_GONE = 9,
} fsp_peer_type_t;

typedef struct {
    uint8_t service;
    uint16_t type;
    uint64_t request_id;
    uint32_t body_bytes;
} fsp_envelope_t;

void fsp_envelope_encode(const fsp_envelope_t *envelope, uint8_t ret[FSP_ENVELOPE_BYTES]);
/* INVALID: wrong length, magic or flags; UNSUPPORTED: another major version; TOO_LARGE: body over
 * its bound. */
FSP_MUST_CHECK fsp_status_t fsp_envelope_decode(fsp_slice_t frame, fsp_envelope_t *ret);
#endif
