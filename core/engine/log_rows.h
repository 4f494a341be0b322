/* SPDX-License-Identifier: MIT */
/* log_rows - a replica's log as rows of family LOG, and how to read them back.  Layer core/engine.
 *
 *   key    shard u32 | generation u32 | replica u64 | store id 16 | kind u8 [| index u64]
 *   value  kind 1, hard state and log start: [1, term, vote, log start index, log start term]
 *          kind 2, entry:                    [1, term, kind, bytes]
 *          kind 3, base:                     [1, generation, configuration]
 *
 * Values are canonical arrays (core/base/canon).  Bytes of a no-op are empty; bytes of a command
 * are log time u64 big-endian | encoded command; those of a configuration are
 core/raft/raft_conf's.
 * The base row says what configuration the log starts from and which generation of state rows is
 * the shard's; without it, both are as the replica was made.  The prefix's generation never
 changes. Bit rot is the database's to find: its blocks and
 * its log carry checksums, and a row that fails one is a read that fails.
 *
 * How to change: raise the 1 for the row kind that changes, keep the decoder of the old form as
 * long as a log may hold it (for ever, or until a release that refuses to start before the log was
 * dropped), add golden bytes to tests/unit/engine/test_log_rows.c.
 * A reader that meets a greater number says FORMAT_NEWER.
 * Expected next: a hash of the entry before, so that logs are compared link by link.
 */
#ifndef FSP_CORE_ENGINE_LOG_ROWS_H
#define FSP_CORE_ENGINE_LOG_ROWS_H
#include "core/base/canon.h"
#include "core/base/view.h"
#include "core/meta/apply.h"
#include "core/raft/raft.h"

enum {
    FSP_LOG_ROW_VERSION = 1,
    FSP_LOG_PREFIX_BYTES = 4 + 4 + 8 + 16,
    FSP_LOG_KEY_BYTES_MAX = FSP_LOG_PREFIX_BYTES + 1 + 8,
    FSP_LOG_TIME_BYTES = 8, /* in front of a command */
};

typedef enum {
    FSP_LOG_ROW_HARD = 1,
    FSP_LOG_ROW_ENTRY = 2,
    FSP_LOG_ROW_BASE = 3,
} fsp_log_row_kind_t;

typedef struct {
    uint8_t bytes[FSP_LOG_KEY_BYTES_MAX];
    size_t used;
} fsp_log_key_t;

static inline fsp_slice_t
fsp_log_key_slice(const fsp_log_key_t *key)
{
    return fsp_slice(key->bytes, key->used);
}

/* Whose log it is. */
typedef struct {
    uint8_t prefix[FSP_LOG_PREFIX_BYTES];
} fsp_log_name_t;
fsp_log_name_t fsp_log_name(fsp_shard_ref_t shard, const fsp_raft_member_t *member);
fsp_log_key_t fsp_log_hard_key(const fsp_log_name_t *name);
fsp_log_key_t fsp_log_entry_key(const fsp_log_name_t *name, uint64_t index);
fsp_log_key_t fsp_log_base_key(const fsp_log_name_t *name);
/* First key behind the entries. */
fsp_log_key_t fsp_log_end_key(const fsp_log_name_t *name);

typedef struct {
    fsp_hard_state_t hard;
    uint64_t start, start_term;
} fsp_log_hard_t;
void fsp_log_hard_encode(const fsp_log_hard_t *row, fsp_buf_t *buf);
/* DAMAGED or FORMAT_NEWER. */
FSP_MUST_CHECK fsp_status_t fsp_log_hard_decode(fsp_slice_t value, fsp_log_hard_t *ret);

typedef struct {
    uint64_t term;
    fsp_entry_kind_t kind;
    fsp_slice_t bytes; /* borrowed from the value */
} fsp_log_entry_t;
void fsp_log_entry_encode(const fsp_entry_t *entry, fsp_buf_t *buf);
/* DAMAGED or FORMAT_NEWER.  A command has at least its log time. */
FSP_MUST_CHECK fsp_status_t fsp_log_entry_decode(fsp_slice_t value, fsp_log_entry_t *ret);

typedef struct {
    uint32_t generation;  /* of the state rows */
    fsp_raft_conf_t conf; /* as of the log's start */
} fsp_log_base_t;
void fsp_log_base_encode(const fsp_log_base_t *row, fsp_buf_t *buf);
/* DAMAGED or FORMAT_NEWER. */
FSP_MUST_CHECK fsp_status_t fsp_log_base_decode(fsp_slice_t value, fsp_log_base_t *ret);
/* The base row; false in *ret_there if there is none. */
FSP_MUST_CHECK fsp_status_t fsp_log_load_base(const fsp_log_name_t *name, fsp_view_t *view,
                                              bool *ret_there, fsp_log_base_t *ret,
                                              fsp_error_t *error);

/* What a whole log looks like: every row is read once and must fit the one before. */
typedef struct {
    fsp_log_hard_t hard;
    uint64_t last, last_term; /* start and its term for an empty log */
    uint64_t applied_term;    /* of the entry at applied; 0: it is not there */
    fsp_time_t last_time;     /* greatest log time of a command, 0 none */
    fsp_raft_run_t *runs;     /* terms of all entries; owned */
    size_t run_count, run_capacity;
    fsp_raft_conf_at_t *confs; /* configurations among them; owned */
    size_t conf_count, conf_capacity;
} fsp_log_summary_t;
void fsp_log_summary_clear(fsp_log_summary_t *self);
/* DAMAGED with a text: a row that does not decode, a gap, a falling term or log time; IO.  ret is
   ended by fsp_log_summary_clear in any case. */
FSP_MUST_CHECK fsp_status_t fsp_log_load(const fsp_log_name_t *name, fsp_view_t *view,
                                         uint64_t applied, fsp_log_summary_t *ret,
                                         fsp_error_t *error);

/* Entries from..to, or as many from the front of them as fit bytes_max, at least one: appended to
   ret_entries, which has room for all; each holds a reference that the caller gives back, also when
   the status is not OK.  DAMAGED if one is missing. */
FSP_MUST_CHECK fsp_status_t fsp_log_read(const fsp_log_name_t *name, fsp_view_t *view,
                                         uint64_t from, uint64_t to, size_t bytes_max,
                                         fsp_entry_t *ret_entries, size_t *ret_count);
#endif
