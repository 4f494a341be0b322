/* SPDX-License-Identifier: MIT */
/* query - what readers of a shard ask and get.  Layer core/meta.  Pure.
 *
 * Queries and answers are canonical arrays; an answer starts [status, change number of the space,
 * ...]. Answers borrow from their bytes.
 */
#ifndef FSP_CORE_META_QUERY_H
#define FSP_CORE_META_QUERY_H
#include "core/base/canon.h"
#include "core/base/view.h"
#include "core/meta/apply.h"
#include "core/meta/command.h"

typedef enum {
    FSP_QUERY_RESOLVE = 1,  /* one node, one version of it; no target: by a whole version id */
    FSP_QUERY_LIST = 2,     /* children of a directory, by name */
    FSP_QUERY_VERSIONS = 3, /* of a file, newest first */
    FSP_QUERY_CHANGES = 4,  /* of the space, oldest first */
    FSP_QUERY_SPACES = 5,   /* spaces of this shard, by id */
    FSP_QUERY_UPLOAD = 7,   /* target: an upload's id; none: uploads, by id */
    FSP_QUERY_LINKS = 8,    /* share links: of a node, of the space, or the one in `asker` */

    /* The system shard: query_system.h. */
    FSP_QUERY_MEMBERS = 32,
    FSP_QUERY_LAYOUT = 33,
    FSP_QUERY_INVITATIONS = 34,
    FSP_QUERY_SPACE_DIRECTORY = 35,
    FSP_QUERY_SHARDS = 36,
    FSP_QUERY_ACCOUNTS = 37,
} fsp_query_type_t;

typedef struct {
    fsp_query_type_t type;
    fsp_space_id_t space_id;
    fsp_subject_id_t subject;
    uint64_t system_index;
    fsp_target_t target; /* RESOLVE, LIST, VERSIONS; UPLOAD: by id, an upload's */
    fsp_slice_t
        version; /* RESOLVE: empty = preferred head; else hex: a unique prefix of 8 to 64 digits */
    fsp_slice_t prefix;   /* LIST: only names that start so */
    fsp_slice_t after;    /* LIST: only names greater than this */
    uint64_t after_index; /* CHANGES: greater than this; VERSIONS: numbers lower than this (0: from
                             the newest) */
    uint32_t limit;       /* 1..FSP_LIST_LIMIT_MAX */

    /* RESOLVE without version, LIST: as it was at this change, or by the last change up to this log
       time; both 0: now. */
    uint64_t at_index;
    fsp_time_t at_time;
    bool attrs;        /* LIST: entries with the sealed attributes of their nodes; level 2 */
    fsp_asker_t asker; /* level 2; all zero: not written */
} fsp_query_t;
void fsp_query_encode(const fsp_query_t *query, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_query_decode(fsp_slice_t bytes, fsp_query_t *ret);

/* SPACES shows what the subject may read, whatever space_id says.  prefix: only names that start
   so; after: the 16 bytes of a space id, only greater ones. */
/* UPLOAD, without a target: after: the 16 bytes of an upload id, only greater ones. */
/* True for the types above. */
bool fsp_query_known(uint64_t type);
/* Answers a query from view.  Refusals (NOT_FOUND, FORBIDDEN, ...) are answers; any other status
   than FSP_OK means that a read failed.  An answer holds at most limit items and
   FSP_ANSWER_BYTES_MAX bytes. */
FSP_MUST_CHECK fsp_status_t fsp_meta_query(fsp_shard_ref_t shard, fsp_view_t *view,
                                           const fsp_query_t *query, fsp_buf_t *ret_answer);

typedef enum {
    FSP_VERSION_PUT = 1,
    FSP_VERSION_DELETE = 2,
    FSP_VERSION_RESTORE = 3,
    FSP_VERSION_MERGE = 4
} fsp_version_kind_t;

/* One version: its record (4.3) and what lies beside it. */
typedef struct {
    fsp_version_id_t id;
    fsp_file_id_t file_id;
    uint64_t number;
    fsp_version_kind_t kind;
    fsp_version_id_t parents[FSP_PARENTS_MAX];
    size_t parent_count;
    uint64_t size;
    fsp_subject_id_t author;
    fsp_time_t time;
    fsp_op_id_t op_id;
    fsp_hash_t carrier_hash;
    fsp_slice_t carrier; /* RESOLVE; empty in VERSIONS */
    bool retained;
    bool is_head;
} fsp_version_info_t;

/* Who may change a file meanwhile. */
typedef struct {
    uint64_t token; /* number of the change that took it; 0: no lease */
    fsp_subject_id_t holder;
    fsp_time_t expiry;
} fsp_lease_t;

typedef struct {
    fsp_kind_t kind;
    fsp_file_id_t file_id;
    fsp_file_id_t parent_id;
    fsp_slice_t name; /* "" for the root */
    fsp_slice_t path; /* present path; empty if it lies in the trash */
    fsp_slice_t attr; /* sealed attributes */
    fsp_time_t time;  /* of the last change of this node */
    fsp_version_id_t heads[FSP_HEADS_MAX];
    size_t head_count;          /* 0 for directories */
    fsp_version_info_t version; /* files and symlinks: the one asked for */
    fsp_lease_t lease;          /* also one that has passed */
} fsp_node_info_t;

typedef struct {
    fsp_slice_t name;
    fsp_kind_t kind;
    fsp_file_id_t file_id;
    uint64_t size;
    fsp_time_t modified;
    fsp_version_id_t version_id; /* preferred head; zero for directories */
    uint64_t number;
    size_t head_count;
    bool retained;    /* with `at`: node and preferred head of then are still kept; else true */
    fsp_slice_t attr; /* sealed attributes, if the query asks for them */
    /* Gateways open them for clients, answers do not have these. */
    bool has_attr;
    uint32_t mode;
    int64_t mtime_s;
    uint32_t mtime_ns;
} fsp_entry_info_t;

typedef struct {
    uint64_t index;
    fsp_command_type_t operation;
    fsp_time_t time;
    fsp_subject_id_t author;
    fsp_op_id_t op_id;
    fsp_kind_t kind;
    fsp_file_id_t file_id;
    fsp_slice_t path;      /* where it was when the change was applied (MOVE, COPY: the target) */
    fsp_slice_t from_path; /* MOVE, COPY */
    fsp_version_id_t version_id; /* zero if none was made */
    fsp_file_id_t
        displaced_id; /* what this change put into the trash to make room; zero if nothing */
    fsp_file_id_t
        made_ids[FSP_PATH_DEPTH_MAX]; /* parents this change made on the way, from the top */
    size_t made_count;
    fsp_slice_t dropped; /* PRUNE: ids of versions that it dropped; PURGE: of nodes that it began to
                            purge; one behind the other */
    fsp_hash_t previous; /* hash of the row before */
    fsp_slice_t items;   /* BATCH: what each item did (fsp_change_item_next) */
    size_t item_count;
    fsp_hash_t old_carrier, new_carrier; /* REKEY */
    uint64_t earlier;                    /* REKEY of that version before this one; 0: none */

    fsp_hash_t hash; /* SHA-256 of this row */
} fsp_change_info_t;

typedef struct {
    fsp_space_id_t space_id;
    fsp_slice_t name;
    fsp_subject_id_t owner;
    uint64_t epoch;
    uint64_t change_index;
    uint64_t quota_bytes, used_bytes;
    fsp_file_id_t root_id, trash_id;
    uint32_t chunk_bytes_min, chunk_bytes_avg, chunk_bytes_max;
    fsp_wrapped_key_t keys[FSP_SPACE_KEYS_MAX];
    size_t key_count;
    fsp_slice_t wrapped_cut_key;
    fsp_time_t closes; /* gateways tell it to clients, answers do not have it: when its content
                          goes; 0: it is open */
    fsp_retention_t retention; /* all zero: everything is kept */
} fsp_space_info_t;

/* What a resumable upload has brought so far. */
typedef struct {
    fsp_upload_id_t id;
    fsp_subject_id_t subject;
    fsp_target_t target;
    fsp_condition_t condition;
    uint64_t size;     /* 0: not known */
    uint64_t offset;   /* acknowledged */
    fsp_slice_t roots; /* from offset 0 on, one behind the other (fsp_upload_root_read) */
    size_t root_count;
    fsp_key_t tail; /* chunk behind them; zero: none */
    uint64_t tail_bytes;
    fsp_slice_t midstate;
    fsp_time_t duration;
    fsp_time_t expiry;
} fsp_upload_info_t;

typedef struct {
    fsp_link_id_t link_id;
    fsp_file_id_t file_id;
    fsp_kind_t kind;
    uint32_t rights;
    fsp_time_t expiry; /* 0: never */
    uint64_t uses_max; /* 0: without limit */
    uint64_t uses;
    fsp_subject_id_t maker;
    fsp_time_t made;
    fsp_slice_t password; /* sealed; empty: none */
} fsp_link_info_t;

/* An answer being read: status and index first, then `count` items of the query's kind. */
typedef struct {
    fsp_status_t status;
    uint64_t index;
    bool more;         /* the limit ended the list */
    uint64_t at_index; /* with `at`: the change number shown; else 0 */
    fsp_slice_t next;  /* with `at`: what to ask for after, if there is more */
    size_t count;
    fsp_canon_t reader;
} fsp_answer_t;
FSP_MUST_CHECK fsp_status_t fsp_answer_open(fsp_slice_t bytes, fsp_answer_t *ret);
/* Each reads the next item; INVALID if the bytes are not such an item. */
FSP_MUST_CHECK fsp_status_t fsp_answer_node(fsp_answer_t *self, fsp_node_info_t *ret);
FSP_MUST_CHECK fsp_status_t fsp_answer_entry(fsp_answer_t *self, fsp_entry_info_t *ret);
FSP_MUST_CHECK fsp_status_t fsp_answer_version(fsp_answer_t *self, fsp_version_info_t *ret);
FSP_MUST_CHECK fsp_status_t fsp_answer_change(fsp_answer_t *self, fsp_change_info_t *ret);
FSP_MUST_CHECK fsp_status_t fsp_answer_space(fsp_answer_t *self, fsp_space_info_t *ret);
FSP_MUST_CHECK fsp_status_t fsp_answer_link(fsp_answer_t *self, fsp_link_info_t *ret);
FSP_MUST_CHECK fsp_status_t fsp_answer_upload(fsp_answer_t *self, fsp_upload_info_t *ret);
#endif
