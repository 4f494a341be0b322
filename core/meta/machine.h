/* SPDX-License-Identifier: MIT */
/* machine - what one apply or one query carries through its files.  Layer core/meta.  Pure.
 *
 * Refusals are statuses that functions return.  A read that failed (IO, DAMAGED, a row that does
 * not decode) is also returned, and kept in `failure`: whoever started the machine looks there
 * first, so nothing in between has to tell the two apart.
 */
#ifndef FSP_CORE_META_MACHINE_H
#define FSP_CORE_META_MACHINE_H
#include "core/meta/rows.h"

enum { FSP_READS_KEPT = 8, FSP_READ_KEPT_BYTES_MAX = 384 };

/* A row that was read, or is known not to be there. */
typedef struct {
    fsp_row_key_t key;   /* used 0: nothing is kept here */
    fsp_status_t status; /* OK or NOT_FOUND */
    size_t bytes;
    uint8_t value[FSP_READ_KEPT_BYTES_MAX];
} fsp_read_t;

typedef struct {
    fsp_shard_ref_t shard;
    fsp_view_t *view;
    fsp_overlay_t *txn; /* NULL: a query, which writes nothing */
    fsp_space_id_t space_id;
    fsp_status_t failure; /* first read that failed, FSP_OK if none did */
    fsp_buf_t in;         /* value read last */
    fsp_buf_t out;        /* value being written */
    fsp_buf_t space_in;   /* what `space` borrows from */
    fsp_shard_row_t shard_row;
    fsp_space_row_t space;

    /* Who asks (apply_access.h). */
    fsp_subject_t who;
    bool linked;                /* the request came by a share link: */
    fsp_file_id_t link_file_id; /* its node */
    uint32_t link_rights;

    /* Apply only. */
    const fsp_command_t *command;
    fsp_time_t time;
    bool unchanged;            /* succeeded without changing anything: takes no change number */
    fsp_change_info_t change;  /* filled by the command, completed by fsp_changes_append */
    fsp_buf_t path, from_path; /* what `change` may borrow from */
    fsp_buf_t dropped;         /* and what PRUNE and PURGE say of many (fsp_machine_drop) */
    fsp_result_t result;
    uint32_t trashed; /* nodes that went to the trash in this change: their names count on */
    uint64_t credit;  /* used bytes that the version about to be added sets free: its upload's */
    fsp_buf_t items, change_items; /* BATCH: what `result` and `change` borrow from */
    fsp_ops_oldest_t *oldest;      /* of operation rows; NULL: nothing is remembered */

    /* The rows read last, since a command is judged, run and put into the past by the same; who
       writes a row ends what is kept of it. */
    size_t next_read;
    fsp_read_t reads[FSP_READS_KEPT]; /* last; fsp_machine_init clears no values */
} fsp_machine_t;

void fsp_machine_init(fsp_machine_t *self, fsp_shard_ref_t shard, fsp_view_t *view,
                      fsp_space_id_t space_id);
void fsp_machine_clear(fsp_machine_t *self);

/* Notes a failed read; returns status. */
fsp_status_t fsp_machine_fail(fsp_machine_t *self, fsp_status_t status);
/* The number that the change being applied will take. */
static inline uint64_t
fsp_machine_next_index(const fsp_machine_t *self)
{
    return self->space.change_index + 1;
}

fsp_row_key_t fsp_machine_key(const fsp_machine_t *self, fsp_table_t table);
/* The row's value, valid until the next read; NOT_FOUND if there is none. */
FSP_MUST_CHECK fsp_status_t fsp_machine_get(fsp_machine_t *self, const fsp_row_key_t *key,
                                            fsp_slice_t *ret);
/* An empty buffer for the value of the row to write next; then fsp_machine_put. */
fsp_buf_t *fsp_machine_value(fsp_machine_t *self);
/* Writes what the buffer of fsp_machine_value holds. */
void fsp_machine_put(fsp_machine_t *self, const fsp_row_key_t *key);
void fsp_machine_delete(fsp_machine_t *self, const fsp_row_key_t *key);
/* All rows are again as they were before the command. */
void fsp_machine_forget_writes(fsp_machine_t *self);

/* FSP_OK with the initial values if the shard has no row yet; FORMAT_NEWER (a failure) if its level
   is above that of this program. */
FSP_MUST_CHECK fsp_status_t fsp_machine_load_shard(fsp_machine_t *self);
void fsp_machine_store_shard(fsp_machine_t *self);
/* NO_SUCH_SPACE if there is none. */
FSP_MUST_CHECK fsp_status_t fsp_machine_load_space(fsp_machine_t *self);
void fsp_machine_store_space(fsp_machine_t *self);

FSP_MUST_CHECK fsp_status_t fsp_machine_get_entry(fsp_machine_t *self, fsp_file_id_t directory_id,
                                                  fsp_slice_t name, fsp_entry_row_t *ret);
/* Both keep what was there before as a past row (past.h), for which they read. */
void fsp_machine_put_entry(fsp_machine_t *self, fsp_file_id_t directory_id, fsp_slice_t name,
                           const fsp_entry_row_t *row);
void fsp_machine_delete_entry(fsp_machine_t *self, fsp_file_id_t directory_id, fsp_slice_t name);
FSP_MUST_CHECK fsp_status_t fsp_machine_get_node(fsp_machine_t *self, fsp_file_id_t id,
                                                 fsp_node_row_t *ret);
/* Of a node that another row names: its absence is damage. */
FSP_MUST_CHECK fsp_status_t fsp_machine_need_node(fsp_machine_t *self, fsp_file_id_t id,
                                                  fsp_node_row_t *ret);
/* Also stamps the node with the number and time of this change. */
void fsp_machine_put_node(fsp_machine_t *self, fsp_file_id_t id, fsp_node_row_t *row);

/* Adds an id to what the change row says was dropped. */
void fsp_machine_drop(fsp_machine_t *self, fsp_slice_t id);

/* Puts kind, id and heads of a node into the result: of success, and of refusals that name it. */
void fsp_machine_show(fsp_machine_t *self, fsp_file_id_t id, const fsp_node_row_t *node);
#endif
