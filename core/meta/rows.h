/* SPDX-License-Identifier: MIT */
/* rows - keys and values of the state machine's tables.  Layer core/meta.  Pure.
 *
 * Every key begins with shard u32 | generation u32 | table u8 | space id 16 (zero for rows of the
 * shard), big-endian; then what the table says below.  A name stands last, so that a scan of a
 * directory is in the order of names as bytes.
 *
 * Values are canonical arrays without a version of their own: the feature level of the shard says
 * which lengths may occur.  How to change: append fields, raise the feature level, let the reader
 * take both lengths (the short one with the meaning it always had), add golden bytes to
 * tests/unit/meta/test_rows.c.  Never reorder, never reuse a table number.
 *
 * Decoded rows borrow names and bytes from the value unless a field is an array.
 */
#ifndef FSP_CORE_META_ROWS_H
#define FSP_CORE_META_ROWS_H
#include "core/base/canon.h"
#include "core/meta/apply.h"
#include "core/meta/command.h"
#include "core/meta/query.h"

typedef enum {
    FSP_TABLE_SHARD = 1,         /* - (zero space)                 : how far the shard is */
    FSP_TABLE_SPACE = 2,         /* -                              : the space itself */
    FSP_TABLE_SPACE_NAME = 3,    /* name (zero space)              : space id */
    FSP_TABLE_ENTRY = 4,         /* directory id 16, name          : what the name means */
    FSP_TABLE_NODE = 5,          /* file id 16                     : file, directory or symlink */
    FSP_TABLE_VERSION = 6,       /* file id 16, number u64         : record, carrier, flags */
    FSP_TABLE_VERSION_INDEX = 7, /* version id 32                  : file id, number */
    FSP_TABLE_CHANGE = 8,        /* index u64                      : what happened, hash-chained */
    FSP_TABLE_OP = 9,            /* subject 16, op id 16           : what was answered */
    FSP_TABLE_OP_ORDER = 10,     /* index u64, subject 16, op id 16: log time */

    /* Level 2.  Rows in rows_history, rows_node, rows_access, rows_system. */
    FSP_TABLE_PAST_ENTRY = 11,  /* directory id 16, name, NUL, until u64 */
    FSP_TABLE_PAST_HEADS = 12,  /* file id 16, until u64 */
    FSP_TABLE_WORK = 13,        /* kind u8, id 16: cursor of a long operation (past.h) */
    FSP_TABLE_UPLOAD = 16,      /* upload id 16 */
    FSP_TABLE_UPLOAD_PART = 17, /* upload id 16, offset u64 */
    FSP_TABLE_LINK = 20,        /* link id 16 */
    FSP_TABLE_MEMBER = 32,      /* node id 32; these and the following are of the system shard */
    FSP_TABLE_INVITATION = 33,
    FSP_TABLE_LAYOUT = 34,
    FSP_TABLE_SHARDS = 35,
    FSP_TABLE_SPACE_DIRECTORY = 36,
    FSP_TABLE_ACCOUNT = 37,
    FSP_TABLE_GROUP = 38,
    FSP_TABLE_TOKEN = 39,
    FSP_TABLE_SETTING = 40,
    FSP_TABLE_SYSTEM = 41,      /* -: the system shard itself */
    FSP_TABLE_SYSTEM_NAME = 42, /* table u8 of what has the name, name */
    FSP_TABLE_REMOVED = 43,     /* node id 32, for ever */
} fsp_table_t;

enum {
    /* The level of a shard that has no row yet.  Part of the state machine: never changed, however
       new the program is, or replicas would differ. */
    FSP_FEATURE_LEVEL_INITIAL = 1,
    FSP_ROW_PREFIX_BYTES = 4 + 4 + 1 + 16,
};

typedef struct {
    uint8_t bytes[FSP_ROW_KEY_BYTES_MAX];
    size_t used;
} fsp_row_key_t;

static inline fsp_slice_t
fsp_row_key_slice(const fsp_row_key_t *key)
{
    return fsp_slice(key->bytes, key->used);
}

/* A key of the table with nothing behind the prefix; the appenders below add to it. */
fsp_row_key_t fsp_row_key(fsp_shard_ref_t shard, fsp_table_t table, fsp_space_id_t space_id);
void fsp_row_key_add(fsp_row_key_t *key, fsp_slice_t bytes);
void fsp_row_key_add_u64(fsp_row_key_t *key, uint64_t value);
/* Makes key the first key behind every key that begins with it.  The first byte is never 0xff in
   practice (a shard number); asserted. */
void fsp_row_key_to_prefix_end(fsp_row_key_t *key);

/* An id that may be zero, as nil; shorter, and one encoding each. */
#define FSP_ROW_WRITE_ID(buf, id) fsp_row_write_optional((buf), (id).bytes, sizeof((id).bytes))
#define FSP_ROW_READ_ID(reader, ret_id)                                                            \
    fsp_row_read_optional((reader), (ret_id)->bytes, sizeof((ret_id)->bytes))
void fsp_row_write_optional(fsp_buf_t *buf, const uint8_t *id, size_t bytes);
/* A zero id that is written out is INVALID: it has a shorter form. */
void fsp_row_read_optional(fsp_canon_t *reader, uint8_t *ret_id, size_t bytes);

/* -- shard ------------------------------------------------------------------------------------- */
void fsp_shard_row_encode(const fsp_shard_row_t *row, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_shard_row_decode(fsp_slice_t bytes, fsp_shard_row_t *ret);

#include "core/meta/rows_access.h"
#include "core/meta/rows_history.h"

/* -- space ------------------------------------------------------------------------------------- */
typedef struct {
    fsp_slice_t name;
    fsp_subject_id_t owner;
    uint64_t epoch;             /* garbage epoch e: publishes below e - 1 are refused */
    uint64_t gc_layout_version; /* of the last GC_OPEN: publishes below it are refused */
    uint64_t quota_bytes;       /* 0: none */
    uint64_t used_bytes;        /* of retained versions, exactly */
    uint64_t change_index;      /* number of the last change */
    fsp_hash_t head_hash;       /* SHA-256 of the last change row, zero before the first */
    uint64_t horizon;           /* lowest `since` that the operation table covers (ops.h) */
    uint64_t op_count;          /* operation rows */
    fsp_file_id_t root_id, trash_id;
    uint32_t chunk_bytes_min, chunk_bytes_avg, chunk_bytes_max;
    fsp_wrapped_key_t keys[FSP_SPACE_KEYS_MAX]; /* ascending generations */
    size_t key_count;
    fsp_slice_t wrapped_cut_key;
    fsp_space_history_t history; /* level 2 */
    fsp_space_access_t access;   /* level 2 */
} fsp_space_row_t;
void fsp_space_row_encode(const fsp_space_row_t *row, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_space_row_decode(fsp_slice_t bytes, fsp_space_row_t *ret);

/* -- entry ------------------------------------------------------------------------------------- */
typedef struct {
    fsp_kind_t kind;
    fsp_file_id_t id;
    uint64_t since; /* change number since which the name means this */
} fsp_entry_row_t;
void fsp_entry_row_encode(const fsp_entry_row_t *row, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_entry_row_decode(fsp_slice_t bytes, fsp_entry_row_t *ret);

/* -- node -------------------------------------------------------------------------------------- */
typedef struct {
    uint64_t number;
    fsp_version_id_t id;
} fsp_head_t;

#include "core/meta/rows_node.h"

/* Owns its bytes: nodes are read, changed and written back, and live longer than a read buffer. */
typedef struct {
    fsp_kind_t kind;
    fsp_file_id_t parent_id; /* zero: root or trash */
    uint8_t name[FSP_NAME_BYTES_MAX];
    size_t name_bytes;       /* 0: root or trash */
    uint64_t index;          /* number of the last change of this node */
    fsp_time_t time;         /* log time of that change */
    fsp_time_t content_time; /* log time of the preferred version; of making, for directories */
    uint64_t size;           /* of the preferred version */
    fsp_head_t heads[FSP_HEADS_MAX]; /* descending numbers: the first is the preferred head */
    size_t head_count;               /* 0 for directories, >= 1 otherwise */
    fsp_lease_t lease;               /* files and symlinks */
    fsp_node_history_t history;      /* level 2 */
    fsp_node_access_t access;        /* level 2; directories */
    size_t attr_bytes;
    uint8_t attr[FSP_ATTR_BYTES_MAX]; /* last: most nodes leave it untouched */
} fsp_node_row_t;
void fsp_node_row_encode(const fsp_node_row_t *row, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_node_row_decode(fsp_slice_t bytes, fsp_node_row_t *ret);
static inline fsp_slice_t
fsp_node_row_name(const fsp_node_row_t *row)
{
    return fsp_slice(row->name, row->name_bytes);
}

/* -- version ----------------------------------------------------------------------------------- */
typedef struct {
    fsp_slice_t record;  /* canonical record (4.3); its SHA-256 is the version's id */
    bool retained;       /* its bytes are kept and count as used */
    fsp_slice_t carrier; /* where its bytes are */
    uint64_t rekeyed;    /* number of its last REKEY, 0: the carrier is that of the record */
} fsp_version_row_t;
void fsp_version_row_encode(const fsp_version_row_t *row, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_version_row_decode(fsp_slice_t bytes, fsp_version_row_t *ret);

typedef struct {
    fsp_file_id_t file_id;
    uint64_t number;
} fsp_version_index_row_t;
void fsp_version_index_row_encode(const fsp_version_index_row_t *row, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_version_index_row_decode(fsp_slice_t bytes,
                                                         fsp_version_index_row_t *ret);

/* -- operation --------------------------------------------------------------------------------- */
typedef struct {
    uint64_t index;     /* last change number when it was answered (its own, if it made one) */
    fsp_hash_t digest;  /* of what the client asked */
    fsp_slice_t result; /* encoded fsp_result_t */
} fsp_op_row_t;
void fsp_op_row_encode(const fsp_op_row_t *row, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_op_row_decode(fsp_slice_t bytes, fsp_op_row_t *ret);
#endif
