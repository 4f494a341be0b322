/* SPDX-License-Identifier: MIT */
/* command - what the log of a shard carries, and what apply answers.  Layer core/meta.  Pure.
 *
 * A command is one canonical array (core/base/canon): [type, version, space, subject, system index,
 * op id, attempt, since, request digest, epoch, layout version, body].  Its bytes are in the log
 * for ever: fields are never reordered; a change of meaning is a new command version and a feature
 * level.
 *
 * Decoded commands borrow from the bytes they came from.
 */
#ifndef FSP_CORE_META_COMMAND_H
#define FSP_CORE_META_COMMAND_H
#include "core/base/buf.h"
#include "core/base/canon.h"
#include "core/base/limits.h"
#include "core/base/status.h"
#include "core/base/types.h"

typedef enum {
    FSP_COMMAND_SPACE_INIT = 1,
    FSP_COMMAND_PUT = 2,
    FSP_COMMAND_DELETE = 3,
    FSP_COMMAND_MKDIR = 4,
    FSP_COMMAND_MOVE = 5,
    FSP_COMMAND_RESTORE = 6,
    FSP_COMMAND_COPY = 7,

    /* History: command_history.h. */
    FSP_COMMAND_UNDELETE = 8,
    FSP_COMMAND_PRUNE = 9,
    FSP_COMMAND_PURGE = 10,
    FSP_COMMAND_RETENTION = 11,
    FSP_COMMAND_HOLD = 12,
    FSP_COMMAND_HISTORY_END,

    /* Single nodes, groups of commands, uploads: command_node.h. */
    FSP_COMMAND_ATTR = 16,
    FSP_COMMAND_RMDIR = 17,
    FSP_COMMAND_LOCK = 18,
    FSP_COMMAND_RENEW = 19,
    FSP_COMMAND_UNLOCK = 20,
    FSP_COMMAND_BATCH = 21,
    FSP_COMMAND_UPLOAD_OPEN = 22,
    FSP_COMMAND_UPLOAD_APPEND = 23,
    FSP_COMMAND_UPLOAD_ABORT = 24,
    FSP_COMMAND_QUOTA = 25,
    FSP_COMMAND_REKEY = 26,
    FSP_COMMAND_NODE_END,

    /* Rights, share links, and what concerns a space or shard as a whole: command_access.h. */
    FSP_COMMAND_RULES = 32,
    FSP_COMMAND_LINK_MAKE = 33,
    FSP_COMMAND_LINK_DROP = 34,
    FSP_COMMAND_LINK_USE = 35,
    FSP_COMMAND_SUBJECT_FLOOR = 36,
    FSP_COMMAND_LEVEL_RAISE = 37,
    FSP_COMMAND_SPACE_STATE = 38, /* open, closing */
    FSP_COMMAND_SPACE_DROP = 39,  /* bounded steps; a tombstone stays */
    FSP_COMMAND_GC_OPEN = 40,
    FSP_COMMAND_GC_CLOSE = 41,
    FSP_COMMAND_TIME_CONFIRM = 42, /* a person confirms a jump of log time (3.6) */
    FSP_COMMAND_ACCESS_END,

    /* The system shard, 4.6: command_system.h. */
    FSP_COMMAND_GENESIS = 64,
    FSP_COMMAND_INVITE = 65,
    FSP_COMMAND_UNINVITE = 66,
    FSP_COMMAND_JOIN = 67,
    FSP_COMMAND_LIST_ADD = 68,
    FSP_COMMAND_NODE_SYNCED = 69,
    FSP_COMMAND_OUT = 70,
    FSP_COMMAND_WEIGHT = 71,
    FSP_COMMAND_ZONE = 72,
    FSP_COMMAND_DRAIN = 73,
    FSP_COMMAND_REMOVE = 74,
    FSP_COMMAND_SHARD_ADD = 75,
    FSP_COMMAND_SPACE_NEW = 76,
    FSP_COMMAND_SPACE_READY = 77,
    FSP_COMMAND_SPACE_CLOSE = 78,
    FSP_COMMAND_SPACE_GONE = 79,
    FSP_COMMAND_ACCOUNT = 80,
    FSP_COMMAND_GROUP = 81,
    FSP_COMMAND_TOKEN = 82,
    FSP_COMMAND_TOKEN_DROP = 83,
    FSP_COMMAND_SETTING = 84,
    FSP_COMMAND_NODE_LEVEL = 85, /* a member reports the feature level it knows */
    FSP_COMMAND_SYSTEM_END,
} fsp_command_type_t;

typedef enum {
    FSP_FAMILY_NONE, /* not a command */
    FSP_FAMILY_FIRST,
    FSP_FAMILY_HISTORY,
    FSP_FAMILY_NODE,
    FSP_FAMILY_ACCESS,
    FSP_FAMILY_SYSTEM,
} fsp_command_family_t;
fsp_command_family_t fsp_command_family(uint64_t type);

/* The version that commands begin with; fsp_command_newest says which ones are known. */
enum { FSP_COMMAND_VERSION = 1, FSP_FEATURE_LEVEL = 3 };

typedef enum { FSP_KIND_FILE = 1, FSP_KIND_DIRECTORY = 2, FSP_KIND_SYMLINK = 3 } fsp_kind_t;

/* What must hold at apply (docs/protocol/client.md 6.2). */
typedef enum {
    FSP_IF_REPLACE = 1, /* parents := all heads */
    FSP_IF_EDIT = 2,  /* base: the only head -> successor; else a sibling; base leaves the heads */
    FSP_IF_MATCH = 3, /* heads = {base}, else MISMATCH with the heads */
    FSP_IF_NONE_MATCH = 4, /* no live file there, else EXISTS */
    FSP_IF_MERGE = 5,      /* the named heads leave, others stay */
} fsp_condition_type_t;

typedef struct {
    fsp_condition_type_t type;
    fsp_version_id_t versions[FSP_PARENTS_MAX]; /* EDIT, MATCH: one; MERGE: 1..64 */
    size_t version_count;
} fsp_condition_t;

/* A path from the root of the space, or an id (a file by its id survives renames). */
typedef struct {
    fsp_slice_t path; /* empty: by id */
    fsp_file_id_t id;
} fsp_target_t;

/* Where a version's bytes are. */
typedef enum { FSP_ROOT_INLINE = 1, FSP_ROOT_CHUNK = 2, FSP_ROOT_TREE = 3 } fsp_root_kind_t;

/* The carrier lies beside a version record and is bound to it by its hash: canonical array
   [root kind, root key, inline object or nil, sealed part].  root key = content root = key of the
   tree root, of the only chunk, or of the inline object. */
typedef struct {
    fsp_root_kind_t root_kind;
    fsp_key_t root_key;
    fsp_slice_t inline_object; /* INLINE only */
    fsp_slice_t sealed_part;   /* an object: sha256, media type, message (core/data/seal) */
} fsp_carrier_t;
void fsp_carrier_encode(const fsp_carrier_t *carrier, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_carrier_decode(fsp_slice_t bytes, fsp_carrier_t *ret);

typedef struct {
    uint32_t generation;
    fsp_slice_t wrapped; /* data key under the mesh key (core/crypto fsp_wrap) */
} fsp_wrapped_key_t;
enum { FSP_SPACE_KEYS_MAX = 16, FSP_WRAPPED_BYTES_MAX = 128 };

#include "core/meta/command_access.h"
#include "core/meta/command_history.h"
#include "core/meta/command_node.h"
#include "core/meta/command_system.h"

typedef struct {
    fsp_command_type_t type;
    uint32_t version;
    fsp_space_id_t space_id;
    fsp_subject_id_t subject;
    uint64_t system_index; /* of shard 0, at which the subject was built */
    fsp_op_id_t op_id;
    uint32_t attempt;          /* 1, 2, ...: every re-send counts */
    uint64_t since;            /* highest change number the client knew before it first sent */
    fsp_hash_t request_digest; /* of what the client asked: operation, path, conditions, content */
    uint64_t epoch;            /* garbage epoch of the session */
    uint64_t layout_version;
    fsp_asker_t asker; /* level 2; all zero: not written */

    /* Bodies.  Only the one named by type is filled. */
    struct {
        fsp_slice_t name;
        fsp_subject_id_t owner;
        fsp_file_id_t root_id, trash_id;
        uint64_t quota_bytes; /* 0: none */
        uint32_t chunk_bytes_min, chunk_bytes_avg, chunk_bytes_max;
        fsp_wrapped_key_t keys[FSP_SPACE_KEYS_MAX];
        size_t key_count;
        fsp_slice_t wrapped_cut_key;
    } space_init;
    struct {
        fsp_target_t target;
        fsp_kind_t kind; /* FILE or SYMLINK */
        fsp_condition_t condition;
        bool create_parents;
        fsp_file_id_t ids_seed; /* id of a new file; ids of new parents are derived from it */
        uint64_t size;
        fsp_slice_t carrier;
        fsp_slice_t attr; /* sealed attributes, empty: keep */

        /* Version 2; version 1 means zero, false and none. */
        uint64_t lease_token;      /* that the sender holds; 0: none */
        bool revive;               /* an edit of what lies in the trash takes it out again */
        fsp_upload_id_t upload_id; /* ends with this command; zero: none */
        fsp_version_id_t bases[FSP_PARENTS_MAX]; /* besides the condition's: justify objects */
        size_t base_count;
    } put;
    struct {
        fsp_target_t target;
        bool recursive;            /* a directory with what is in it */
        fsp_condition_t condition; /* REPLACE (none) or MATCH */
    } remove;
    struct {
        fsp_target_t target; /* by path */
        bool create_parents;
        bool exist_ok; /* an existing directory is no error */
        fsp_file_id_t ids_seed;
        fsp_slice_t attr;
    } mkdir;
    struct {
        fsp_target_t from; /* path or id */
        fsp_target_t to;   /* path */
        bool create_parents;
        bool replace; /* a file at `to` goes to the trash; a directory only if it is empty */
        fsp_file_id_t ids_seed;
        fsp_condition_t condition; /* on from: REPLACE (none) or MATCH */
    } move;
    struct {
        fsp_target_t target;
        fsp_version_id_t version_id; /* becomes the content of a new head */
        fsp_condition_t condition;   /* REPLACE or MATCH */
    } restore;
    struct {
        fsp_target_t from;
        fsp_version_id_t version_id; /* zero: the preferred head */
        fsp_target_t to;             /* path */
        bool create_parents;
        fsp_condition_t condition; /* on `to`: NONE_MATCH or REPLACE */
        fsp_file_id_t ids_seed;
    } copy;
    fsp_history_body_t history;
    fsp_node_body_t node;
    fsp_access_body_t access;
    fsp_system_body_t system;
} fsp_command_t;

/* The feature level that a shard must have reached before it takes such a command.  A new command,
   or a new version of one, gets a row here with the next level; apply refuses it with LEVEL below
   (4.1). */
uint64_t fsp_command_level(fsp_command_type_t type, uint32_t version);
/* The version of a SPACE_INIT with these lengths of chunks: 1, or 2 where two of them are equal. */
uint32_t fsp_space_init_version(uint32_t min, uint32_t avg, uint32_t max);
/* Newest version of the command known to this program; a newer one is refused with LEVEL. */
uint32_t fsp_command_newest(fsp_command_type_t type);
/* True for commands that bring roots: those the garbage epoch fences. */
bool fsp_command_publishes(const fsp_command_t *command);
/* An upper bound of the rows that a command writes which a batch may hold, its answer's rows and
   those of shard and space apart.  Known from its bytes alone. */
size_t fsp_command_rows(const fsp_command_t *command);

/* Items of a batch: appends one (type, version, body); reads the next, of which only these are
   filled: NOT_FOUND behind the last.  items: a reader over batch.items, which were checked when the
   batch was decoded. */
void fsp_batch_add(const fsp_command_t *item, fsp_buf_t *items);
FSP_MUST_CHECK fsp_status_t fsp_batch_next(fsp_canon_t *items, fsp_command_t *ret);
/* A root of an upload as it stands in APPEND, rows and answers; the reader keeps the error. */
void fsp_upload_root_write(const fsp_upload_root_t *root, fsp_buf_t *buf);
void fsp_upload_root_read(fsp_canon_t *reader, fsp_upload_root_t *ret);

/* True for commands on a shard: their space id is zero; for all others it is not. */
bool fsp_command_is_shard_wide(fsp_command_type_t type);
/* Appends the command's bytes; the buffer's maximum decides (FSP_COMMAND_BYTES_MAX). */
void fsp_command_encode(const fsp_command_t *command, fsp_buf_t *buf);
/* INVALID, TOO_LARGE, LEVEL (known shape, newer version), UNSUPPORTED (unknown type).  Paths and
   names are checked here.  ret borrows from bytes. */
FSP_MUST_CHECK fsp_status_t fsp_command_decode(fsp_slice_t bytes, fsp_command_t *ret);
/* First id made from a seed is the seed itself; the k-th is SHA-256("fsp id" || seed || k as
 * u32)[0..16]. */
fsp_file_id_t fsp_derived_id(fsp_file_id_t seed, uint32_t k);

/* What apply answers and the operation table keeps: canonical array. */
typedef struct {
    fsp_status_t status;
    uint64_t index;  /* the space's change number: of this change, or the last one for an error */
    fsp_kind_t kind; /* of what was touched, 0 none */
    fsp_file_id_t file_id;
    fsp_version_id_t version_id; /* zero if no version was made */
    uint64_t number;
    uint64_t size;
    fsp_time_t time; /* log time of the change */
    fsp_version_id_t heads[FSP_HEADS_MAX];
    size_t head_count; /* also with MISMATCH */
    bool repeated;     /* answered from the operation table; not stored */

    /* Written only where one of them says something (level 2): the first two by themselves, or all.
       Slices borrow from what was decoded. */
    fsp_slice_t path;  /* of history's commands: where it lies now, or the last name looked at */
    bool more;         /* the work goes on with a further command */
    uint64_t offset;   /* of an upload: acknowledged so far; also with MISMATCH */
    uint32_t failed;   /* BATCH: the item that was refused, from 1; 0: none */
    fsp_slice_t items; /* BATCH: fsp_result_item_t one after the other (fsp_result_item_next) */
    size_t item_count;
} fsp_result_t;
/* What an item of a batch did. */
typedef struct {
    fsp_kind_t kind;
    fsp_file_id_t file_id;
    fsp_version_id_t version_id; /* zero if no version was made */
    uint64_t number;
    uint64_t size;
} fsp_result_item_t;
void fsp_result_item_write(const fsp_result_item_t *item, fsp_buf_t *buf);
/* Reads the next from a reader over result.items, which keeps the error. */
void fsp_result_item_next(fsp_canon_t *items, fsp_result_item_t *ret);
void fsp_result_encode(const fsp_result_t *result, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_result_decode(fsp_slice_t bytes, fsp_result_t *ret);
#endif
