/* SPDX-License-Identifier: MIT */
/* client - bodies of the client protocol: msgpack maps with short keys.  Layer proto.  Pure.
 *
 * One struct holds what any request may say, another what any answer may say; a table in client.c
 * names key, type, bound and place of each field (docs/protocol/client.md has the same table for
 * people, and tests/tidy compares them).  Absent means zero or empty.  Unknown keys are ignored,
 * known keys of the wrong type refused.  Decoded values borrow from the body.
 */
#ifndef FSP_PROTO_CLIENT_H
#define FSP_PROTO_CLIENT_H
#include "core/base/buf.h"
#include "core/base/limits.h"
#include "core/base/status.h"
#include "core/base/types.h"
#include "core/data/receipt.h"
#include "core/meta/command.h"
#include "core/meta/query.h"
#include "proto/envelope.h"

enum {
    FSP_CAPABILITIES_MAX = 32,
    FSP_KNOWN_MAX = 16, /* versions besides the present one whose chunks a put may build on */
    FSP_OFFER_CHUNKS_MAX = 1024,
    FSP_OFFER_CHUNK_BYTES = 36, /* SHA-256 of the content, length as u32 */
    FSP_KEEP_VALUES = 6,
    FSP_CHUNKING_VALUES = 3,
    FSP_KEY_NAME_BYTES_MAX = 63,
};
/* What SPACE_SET sets. */
enum { FSP_SET_QUOTA = 1, FSP_SET_KEEP = 2 };
/* Minor versions of the protocol: the first, and the newest that this program speaks. */
enum { FSP_CLIENT_MINOR_FIRST = 1, FSP_CLIENT_MINOR = 3 };

typedef struct {
    /* HELLO */
    uint64_t
        versions[4]; /* "versions": protocol minor versions the client speaks; 1 is the first */
    size_t version_count;
    fsp_slice_t client;     /* "client": name and version of the program */
    fsp_op_id_t session_id; /* "session": to take up again after a broken connection */
    /* Where. */
    fsp_slice_t space;     /* "space": name */
    fsp_slice_t path;      /* "path" */
    fsp_file_id_t file_id; /* "file": 16 octets; instead of path */
    fsp_slice_t to_path;   /* "to" */
    fsp_slice_t version;   /* "version": hex text, prefix of 8..64 */
    /* How (what changes something). */
    fsp_op_id_t op_id; /* "op": 16 octets; required */
    uint64_t attempt;  /* "attempt": 1, 2, ...; required */
    uint64_t since;    /* "since" */
    fsp_condition_t
        condition;       /* "if": 1..5 (fsp_condition_type_t); "bases": array of 32-octet ids */
    bool create_parents; /* "parents" */
    bool recursive;      /* "recursive" */
    bool replace;        /* "replace" */
    bool exist_ok;       /* "exist_ok" */
    /* PUT */
    uint64_t kind; /* "kind": fsp_kind_t; 0 = file */
    bool has_attr; /* "attr": array [mode, mtime seconds (signed), nanoseconds] */
    uint32_t mode;
    int64_t mtime_s;
    uint32_t mtime_ns;
    bool end;               /* "end": the payload frame is the whole content */
    fsp_slice_t media_type; /* "media" */
    fsp_slice_t message;    /* "message" */
    bool has_size;          /* "size": what the client is going to send; checked at COMMIT */
    uint64_t size;
    bool has_sha256; /* "sha256": what the client computed; checked at COMMIT: DAMAGED if it differs
                      */
    fsp_hash_t sha256;
    /* GET */
    bool has_range; /* "range": array [first, last], both inclusive */
    uint64_t range_first, range_last;
    uint64_t credit; /* "credit": GET and CREDIT */
    /* LIST, VERSIONS, CHANGES */
    fsp_slice_t prefix;   /* "prefix" */
    fsp_slice_t after;    /* "after" (text) */
    uint64_t after_index; /* "after_index" */
    uint64_t limit;       /* "limit": 0 = the most */
    /* GET, STAT, LIST: as it was (minor version 2, as all below) */
    uint64_t at_index;  /* "at": at this change */
    fsp_time_t at_time; /* "at_time": by the last change up to this time */
    /* Leases */
    uint64_t token;      /* "token": PUT, RENEW, UNLOCK */
    fsp_time_t duration; /* "duration": LOCK, RENEW; SPACE_REMOVE: until its content goes */
    bool force;          /* "force": UNLOCK, whoever holds it */
    /* PURGE */
    fsp_time_t before; /* "before": only what was deleted by then */
    /* Spaces */
    uint64_t quota_bytes; /* "quota": SPACE_CREATE, SPACE_SET */
    bool cancel;          /* "cancel": SPACE_REMOVE, it stays after all */
    /* BATCH: "ops": array of [type, body] or [type, body, content]; read with fsp_request_next_op.
     */
    size_t op_count;
    fsp_slice_t ops; /* raw msgpack of the array's elements */
    /* PUT in parts (minor version 3, as all below) */
    fsp_upload_id_t upload_id; /* "upload": the upload is kept in the log and can be taken up */
    bool offer;                /* "offer": the client cuts and offers */
    fsp_version_id_t known[FSP_KNOWN_MAX]; /* "known": versions with chunks that may come again */
    size_t known_count;
    /* OFFER */
    uint64_t offset;    /* "offset": where the first of the chunks lies */
    fsp_slice_t chunks; /* "chunks": FSP_OFFER_CHUNK_BYTES each, in order */
    /* LIST */
    bool attrs; /* "attrs": items with their attributes */
    /* SPACE_CREATE: "chunking": [least, average, most] octets of a chunk */
    uint64_t chunking[FSP_CHUNKING_VALUES];
    size_t chunking_count; /* 0 or FSP_CHUNKING_VALUES */
    /* SPACE_SET */
    uint64_t set; /* "set": FSP_SET_*; quota 0 and no "keep" take away what there was */
    uint64_t keep[FSP_KEEP_VALUES]; /* "keep": fsp_retention_t in its order */
    size_t keep_count;              /* 0 or FSP_KEEP_VALUES */
    /* KEY_ADD, KEY_REMOVE */
    fsp_key_t key;    /* "key": CURVE public key */
    fsp_slice_t name; /* "name": KEY_ADD */
} fsp_request_t;

/* One operation of a BATCH. */
typedef struct {
    fsp_client_type_t type; /* as fsp_client_type_is_op has them */
    fsp_request_t request;  /* without space, op, attempt and since, which are the batch's */
    fsp_slice_t content;    /* PUT: the whole content, at most FSP_INLINE_BYTES_MAX */
} fsp_request_op_t;

/* Entries of VERSIONS, LIST, CHANGES and SPACES answers are the structs of core/meta/query.h. */
typedef struct {
    /* WELCOME */
    uint64_t version;                               /* "v": chosen minor version */
    fsp_slice_t node_version;                       /* "server": program version text */
    fsp_node_id_t node_id;                          /* "node" */
    fsp_mesh_id_t mesh_id;                          /* "mesh" */
    uint64_t frame_bytes_max;                       /* "frame" */
    uint64_t heartbeat_ms;                          /* "beat" */
    fsp_slice_t capabilities[FSP_CAPABILITIES_MAX]; /* "caps": array of text */
    size_t capability_count;
    fsp_slice_t space;      /* "space": the profile's home space */
    fsp_op_id_t session_id; /* "session": for HELLO after a broken connection */
    uint64_t grace_ms;      /* "grace": how long it is kept then */
    bool resumed;           /* "resumed": its uploads live on */
    /* Every answer that has one. */
    uint64_t change; /* "change": the space's change number, from which `since` comes */
    /* ERROR */
    uint64_t code;      /* "code": number of the error registry */
    fsp_slice_t symbol; /* "symbol" */
    fsp_slice_t text;   /* "text": for people */
    uint64_t retry;     /* "retry": 0 no, 1 the same request later, 2 after a new look */
    /* Results of PUT, MKDIR, MOVE, COPY, RESTORE, DELETE; STAT and GET. */
    bool has_node;
    fsp_kind_t kind;                       /* "kind" */
    fsp_file_id_t file_id;                 /* "file" */
    fsp_slice_t path;                      /* "path" */
    fsp_slice_t space_name;                /* "sp" */
    fsp_version_id_t version_id;           /* "version" */
    uint64_t number;                       /* "number" */
    uint64_t size;                         /* "size" */
    fsp_time_t modified;                   /* "modified": microseconds since 1970 */
    fsp_hash_t sha256;                     /* "sha256" */
    fsp_key_t content_root;                /* "root" */
    uint64_t chunks;                       /* "chunks" */
    uint64_t chunks_new;                   /* "chunks_new" */
    fsp_version_id_t heads[FSP_HEADS_MAX]; /* "heads" */
    size_t head_count;
    bool has_attr; /* "attr" */
    uint32_t mode;
    int64_t mtime_s;
    uint32_t mtime_ns;
    fsp_slice_t message;     /* "message" */
    uint64_t token;          /* "token": LOCK: of the lease; STAT: of the present one */
    fsp_subject_id_t holder; /* "holder": STAT: who has it */
    fsp_time_t expires;      /* "expires": STAT: until when */
    uint64_t from, to;       /* GET: "from", "to" (exclusive): what DATA will bring; a payload frame
                                beside OK is its start */
    fsp_slice_t receipt;     /* PUT: "receipt": signed (core/data/receipt) */
    /* CREDIT */
    uint64_t credit; /* "credit" */
    bool has_offset; /* "offset": answer to RESUME: where DATA goes on */
    uint64_t offset;
    /* LIST, VERSIONS, CHANGES, SPACES: "items": array of maps; read with fsp_reply_next_*. */
    bool more;         /* "more" */
    uint64_t at_index; /* "at": the change number that is shown */
    fsp_slice_t next;  /* "next": LIST with at: what to go on after */
    uint64_t failed;   /* "failed": BATCH: the operation that was refused, from 1 */
    size_t item_count;
    fsp_slice_t items; /* raw msgpack of the array's elements */
    /* NODE */
    uint64_t uptime_s;                            /* "uptime" */
    uint64_t rss_bytes;                           /* "rss" */
    uint64_t disk_total, disk_free, disk_reserve; /* "disk": map {total, free, reserve, state} */
    fsp_slice_t disk_state;                       /* "ok" or "reserve" */
    bool sync;                                    /* "sync" */
    /* CREDIT (minor version 3, as all below) */
    fsp_key_t cut_key; /* "cut": with the first CREDIT of a put that offers, if there is something
                          to offer against */
    uint64_t chunking[FSP_CHUNKING_VALUES]; /* "chunking": beside it */
    size_t chunking_count;
    bool has_durable; /* "durable": the upload survives up to this offset */
    uint64_t durable;
    /* WANT: "offset" as in OFFER, "want": one octet a chunk, 1 = send it */
    fsp_slice_t want;
    /* COLLECT */
    uint64_t epoch;       /* "epoch": number of the round */
    uint64_t live, swept; /* "live", "swept": objects that are reachable, that went */
    uint64_t swept_bytes; /* "swept_bytes" */
} fsp_reply_t;

/* One item of KEY_LIST. */
typedef struct {
    fsp_key_t key;    /* "key": CURVE public key */
    fsp_slice_t name; /* "name" */
    fsp_time_t added; /* "added": microseconds since 1970; 0: with the mesh */
    bool own;         /* "own": the key of this connection */
} fsp_key_info_t;

/* Only fields that the type may carry are written, and only when not zero. */
void fsp_request_encode(fsp_client_type_t type, const fsp_request_t *request, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_request_decode(fsp_client_type_t type, fsp_slice_t body,
                                               fsp_request_t *ret);
/* The same without op and attempt, for operations of a batch: of what changes something only. */
FSP_MUST_CHECK fsp_status_t fsp_request_decode_op(fsp_client_type_t type, fsp_slice_t body,
                                                  fsp_request_t *ret);
/* Items of lists are written by the callers below into `items` (raw elements), with item_count. */
void fsp_reply_encode(const fsp_reply_t *reply, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_reply_decode(fsp_slice_t body, fsp_reply_t *ret);

void fsp_item_entry_encode(const fsp_entry_info_t *entry, fsp_buf_t *items);
void fsp_item_version_encode(const fsp_version_info_t *version, fsp_buf_t *items);
void fsp_item_change_encode(const fsp_change_info_t *change, fsp_buf_t *items);
void fsp_item_space_encode(const fsp_space_info_t *space, fsp_buf_t *items); /* never the keys */
void fsp_item_did_encode(const fsp_result_item_t *did, fsp_buf_t *items);
void fsp_item_key_encode(const fsp_key_info_t *key, fsp_buf_t *items);
/* What one operation of a batch did, as an element of change->items: the encoder of changes takes
   these, not the bytes of core/meta. */
void fsp_item_part_encode(const fsp_change_info_t *part, fsp_buf_t *items);

/* Walks reply->items: *at starts at 0 and is moved on; NOT_FOUND at the end. */
FSP_MUST_CHECK fsp_status_t fsp_reply_next_entry(const fsp_reply_t *reply, size_t *at,
                                                 fsp_entry_info_t *ret);
/* The last of them, skimmed to; the items before are not looked at.  NOT_FOUND if there is none. */
FSP_MUST_CHECK fsp_status_t fsp_reply_last_entry(const fsp_reply_t *reply, fsp_entry_info_t *ret);
FSP_MUST_CHECK fsp_status_t fsp_reply_next_version(const fsp_reply_t *reply, size_t *at,
                                                   fsp_version_info_t *ret);
FSP_MUST_CHECK fsp_status_t fsp_reply_next_change(const fsp_reply_t *reply, size_t *at,
                                                  fsp_change_info_t *ret);
FSP_MUST_CHECK fsp_status_t fsp_reply_next_space(const fsp_reply_t *reply, size_t *at,
                                                 fsp_space_info_t *ret);
FSP_MUST_CHECK fsp_status_t fsp_reply_next_did(const fsp_reply_t *reply, size_t *at,
                                               fsp_result_item_t *ret);
FSP_MUST_CHECK fsp_status_t fsp_reply_next_key(const fsp_reply_t *reply, size_t *at,
                                               fsp_key_info_t *ret);
/* Walks the parts of a change that a batch made, in the same way. */
FSP_MUST_CHECK fsp_status_t fsp_change_next_part(const fsp_change_info_t *change, size_t *at,
                                                 fsp_change_info_t *ret);

/* -- batches and minor versions (client_ops.c) ------------------------------------------------- */

/* True for types that may stand in a BATCH. */
bool fsp_client_type_is_op(fsp_client_type_t type);
void fsp_request_op_encode(const fsp_request_op_t *op, fsp_buf_t *ops);
/* Walks request->ops: *at starts at 0 and is moved on; NOT_FOUND at the end.  ret borrows. */
FSP_MUST_CHECK fsp_status_t fsp_request_next_op(const fsp_request_t *request, size_t *at,
                                                fsp_request_op_t *ret);
/* The minor version since which there are messages of this type; 1 for what nobody knows. */
unsigned fsp_client_type_minor(fsp_client_type_t type);
/* The minor version that a request needs, by its type, what it says and, of a batch, its ops. */
unsigned fsp_request_minor(fsp_client_type_t type, const fsp_request_t *request);
#endif
