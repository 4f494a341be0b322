/* SPDX-License-Identifier: MIT */
/* command_node - bodies of commands: attributes, leases, batches, uploads, quota, keys.
   Layer core/meta.  Pure.
 *
 * Included by command.h only, in its middle: it uses types declared there.
 */
#ifndef FSP_CORE_META_COMMAND_NODE_H
#define FSP_CORE_META_COMMAND_NODE_H

enum {
    FSP_BATCH_ITEMS_MAX = 256,
    /* Rows that the items of a batch may write; the rest up to FSP_COMMAND_ROWS_MAX is the frame's:
       shard, space, change, operation and its order, trimmed operations. */
    FSP_BATCH_ROWS_MAX = FSP_COMMAND_ROWS_MAX - 16,
    /* Of all items in the change row of a batch: with the rest of the row it fits an answer. */
    FSP_CHANGE_ITEMS_BYTES_MAX = 1000000,
    /* Rows of one upload: each root is one, and ends with one command. */
    FSP_UPLOAD_ROOTS_MAX = 2048,
    FSP_APPEND_ROOTS_MAX = 1024, /* that one APPEND brings */
    FSP_MIDSTATE_BYTES_MAX = 1024,
};
static_assert(
    FSP_UPLOAD_ROOTS_MAX >= 2 * (FSP_TREE_FANOUT_MAX - 1) + 2,
    "two levels of unfinished rows fit, whose nodes may not be folded before they are full");
static_assert(FSP_CHANGE_ITEMS_BYTES_MAX + 1024 <= FSP_ANSWER_BYTES_MAX, "readers can get it");
static_assert(FSP_UPLOAD_ROOTS_MAX + FSP_APPEND_ROOTS_MAX + 64 <= FSP_COMMAND_ROWS_MAX,
              "an APPEND may replace all roots by as many as it brings");

/* How long a lease or an idle upload lasts, in microseconds of log time. */
#define FSP_LEASE_US_MIN ((fsp_time_t)1000 * 1000)
#define FSP_LEASE_US_MAX ((fsp_time_t)30 * 24 * 3600 * 1000 * 1000)

/* A chunk or whole tree node of an upload, and how much content lies below it. */
typedef struct {
    fsp_root_kind_t kind; /* CHUNK or TREE */
    fsp_key_t key;
    uint64_t bytes;
} fsp_upload_root_t;

typedef struct {
    struct {
        fsp_target_t target;
        fsp_slice_t attr;          /* sealed; empty: takes them away */
        fsp_condition_t condition; /* REPLACE (none) or MATCH */
    } attr;
    struct {
        fsp_target_t target;
    } rmdir;
    struct {
        fsp_target_t target;
        uint64_t token;      /* RENEW; UNLOCK unless forced */
        fsp_time_t duration; /* LOCK, RENEW */
        bool force;          /* UNLOCK: whoever holds it; needs the right to administer */
    } lease;
    struct {
        fsp_slice_t items; /* as fsp_batch_add makes them */
        size_t count;
        /* Known after decoding. */
        uint64_t level; /* highest that an item needs */
        bool publishes; /* some item brings a root */
        size_t rows;    /* bound of fsp_command_rows over all items */
    } batch;
    struct {
        fsp_upload_id_t id;
        fsp_target_t target;       /* kept for whoever resumes, as the condition is */
        fsp_condition_t condition; /* any */
        uint64_t size;             /* 0: not known */
        fsp_time_t duration;       /* until it passes, from the last APPEND on */
    } upload_open;
    struct {
        fsp_upload_id_t id;
        uint64_t offset;   /* acknowledged, on which this builds */
        uint64_t keep;     /* roots that begin here or behind go */
        fsp_slice_t roots; /* as fsp_upload_root_write makes them; they begin at keep */
        size_t root_count;
        uint64_t root_bytes; /* of content, all together; known after decoding */
        fsp_key_t tail;      /* chunk of what is behind the roots; zero: nothing is */
        uint64_t tail_bytes;
        fsp_slice_t midstate;
    } upload_append;
    struct {
        fsp_upload_id_t id;
    } upload_abort;
    struct {
        uint64_t bytes; /* 0: none */
    } quota;
    struct {
        fsp_version_id_t version_id;
        fsp_hash_t present;  /* of the carrier that is replaced */
        fsp_slice_t carrier; /* the same content under newer keys */
    } rekey;
} fsp_node_body_t;
#endif
