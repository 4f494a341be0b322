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
} fsp_command_type_t;

/* Version of each command known to this program; a newer one is refused with LEVEL. */
enum { FSP_COMMAND_VERSION = 1, FSP_FEATURE_LEVEL = 1 };

typedef enum { FSP_KIND_FILE = 1, FSP_KIND_DIRECTORY = 2, FSP_KIND_SYMLINK = 3 } fsp_kind_t;

/* What must hold at apply (distributed core 4.4). */
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
} fsp_command_t;

/* The feature level that a shard must have reached before it takes such a command.  A new command,
   or a new version of one, gets a row here with the next level; apply refuses it with LEVEL below
   (4.1). */
uint64_t fsp_command_level(fsp_command_type_t type, uint32_t version);
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
} fsp_result_t;
void fsp_result_encode(const fsp_result_t *result, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_result_decode(fsp_slice_t bytes, fsp_result_t *ret);
#endif
