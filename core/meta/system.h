/* SPDX-License-Identifier: MIT */
/* system - what one command of the system shard carries through its files.  Layer core/meta.
 * Pure.  Internal: apply_system*.c and system_*.c.
 *
 * Above fsp_machine_t: the system row and the newest list.  Counters of the feed and of exactly
 * once live in m->space while a command runs, so that ops.c serves both kinds of tables.
 *
 * Rows that are read borrow from m->in until the next read: read what must be compared first, the
 * row to be changed last, and write it before anything else is read.
 */
#ifndef FSP_CORE_META_SYSTEM_H
#define FSP_CORE_META_SYSTEM_H
#include "core/meta/machine.h"
#include "core/meta/rows_system.h"

typedef struct {
    fsp_machine_t *m;
    const fsp_system_body_t *body;
    fsp_system_row_t row; /* as it will be stored */
    fsp_time_t now;       /* by which deadlines are judged (fsp_meta_expiry_time) */

    /* Lists, after fsp_layout_load. */
    fsp_list_t newest; /* owned */
    uint64_t versions[FSP_LISTS_HARD_MAX];
    size_t list_count;

    /* Of the change. */
    uint8_t about[FSP_SYSTEM_CHANGE_ID_BYTES_MAX];
    size_t about_bytes;
} fsp_system_t;

/* -- rows -------------------------------------------------------------------------------------- */
fsp_row_key_t fsp_system_key(const fsp_system_t *self, fsp_table_t table, fsp_slice_t id);
/* NOT_FOUND if there is no such row. */
FSP_MUST_CHECK fsp_status_t fsp_system_get(fsp_system_t *self, fsp_table_t table, fsp_slice_t id,
                                           fsp_slice_t *ret);
/* Writes what was encoded into fsp_machine_value(self->m). */
void fsp_system_put(fsp_system_t *self, fsp_table_t table, fsp_slice_t id);
void fsp_system_delete(fsp_system_t *self, fsp_table_t table, fsp_slice_t id);
/* A row of ours that does not decode is damage. */
FSP_MUST_CHECK fsp_status_t fsp_system_decoded(fsp_system_t *self, fsp_status_t status);

/* Names are unique within what they name (table: SPACE_DIRECTORY, ACCOUNT or GROUP).  NOT_FOUND, or
   the id that has the name. */
FSP_MUST_CHECK fsp_status_t fsp_system_find_name(fsp_system_t *self, fsp_table_t table,
                                                 fsp_slice_t name, uint8_t ret_id[16]);
/* FSP_OK if the name is free or already that of id; EXISTS. */
FSP_MUST_CHECK fsp_status_t fsp_system_check_name(fsp_system_t *self, fsp_table_t table,
                                                  fsp_slice_t name, const uint8_t id[16]);
void fsp_system_take_name(fsp_system_t *self, fsp_table_t table, fsp_slice_t name,
                          const uint8_t id[16]);
void fsp_system_free_name(fsp_system_t *self, fsp_table_t table, fsp_slice_t name);

/* NOT_FOUND. */
FSP_MUST_CHECK fsp_status_t fsp_system_get_account(fsp_system_t *self, fsp_subject_id_t id,
                                                   fsp_account_row_t *ret);
FSP_MUST_CHECK fsp_status_t fsp_system_get_shard(fsp_system_t *self, uint32_t number,
                                                 fsp_shards_row_t *ret);
void fsp_system_put_shard(fsp_system_t *self, uint32_t number, const fsp_shards_row_t *row);
/* NO_SUCH_SPACE; a row that is gone is a row. */
FSP_MUST_CHECK fsp_status_t fsp_system_get_space(fsp_system_t *self, fsp_space_id_t id,
                                                 fsp_directory_row_t *ret);

/* -- what the change row and the result say ---------------------------------------------------- */
/* For the change row. */
void fsp_system_about(fsp_system_t *self, fsp_slice_t id);
/* A node, an invitation or a token: for both. */
void fsp_system_about_hash(fsp_system_t *self, const uint8_t id[32]);
/* This change takes rights away: whoever asked for it waits for its floor. */
void fsp_system_takes_rights(fsp_system_t *self);

/* -- members (system_members.c) ---------------------------------------------------------------- */
/* NO_SUCH_NODE: not a member, or not any more. */
FSP_MUST_CHECK fsp_status_t fsp_system_get_member(fsp_system_t *self, fsp_node_id_t id,
                                                  fsp_member_row_t *ret);
void fsp_system_put_member(fsp_system_t *self, fsp_node_id_t id, const fsp_member_row_t *row);
/* FSP_OK: this id was removed once; NOT_FOUND. */
FSP_MUST_CHECK fsp_status_t fsp_system_find_removed(fsp_system_t *self, fsp_node_id_t id);
/* Raises the mesh level to the least level of all members that are not out. */
FSP_MUST_CHECK fsp_status_t fsp_system_raise_level(fsp_system_t *self);

/* -- layout (system_layout.c) ------------------------------------------------------------------ */
/* Loads the newest list and the versions of all live ones; once per command. */
FSP_MUST_CHECK fsp_status_t fsp_layout_load(fsp_system_t *self);
/* Position in the newest list, which is loaded; false if it is not there. */
bool fsp_layout_find(const fsp_system_t *self, fsp_node_id_t id, size_t *ret_position);
/* Makes it the newest list under the next layout version.  Takes the members; the list that was
   loaded is gone. */
void fsp_layout_append(fsp_system_t *self, fsp_list_t *list);
/* Appends the newest list without one of its members: MISMATCH, PENDING. */
FSP_MUST_CHECK fsp_status_t fsp_layout_shorten(fsp_system_t *self, size_t position);
/* Drops all older lists if every member that stores in the newest has reported SYNCED of it. */
FSP_MUST_CHECK fsp_status_t fsp_layout_retire(fsp_system_t *self);

/* -- commands ---------------------------------------------------------------------------------- */
/* FSP_OK (m->unchanged: nothing was changed) or a refusal; apply_system.c forgets the writes of
   that. */
FSP_MUST_CHECK fsp_status_t fsp_system_genesis(fsp_system_t *self);
FSP_MUST_CHECK fsp_status_t fsp_system_invite(fsp_system_t *self);
FSP_MUST_CHECK fsp_status_t fsp_system_uninvite(fsp_system_t *self);
FSP_MUST_CHECK fsp_status_t fsp_system_join(fsp_system_t *self);
FSP_MUST_CHECK fsp_status_t fsp_system_node_level(fsp_system_t *self);
FSP_MUST_CHECK fsp_status_t fsp_system_weight(fsp_system_t *self);
FSP_MUST_CHECK fsp_status_t fsp_system_zone(fsp_system_t *self);
FSP_MUST_CHECK fsp_status_t fsp_system_list_add(fsp_system_t *self);
FSP_MUST_CHECK fsp_status_t fsp_system_node_synced(fsp_system_t *self);
FSP_MUST_CHECK fsp_status_t fsp_system_out(fsp_system_t *self);
FSP_MUST_CHECK fsp_status_t fsp_system_drain(fsp_system_t *self);
FSP_MUST_CHECK fsp_status_t fsp_system_remove(fsp_system_t *self);
FSP_MUST_CHECK fsp_status_t fsp_system_shard_add(fsp_system_t *self);
FSP_MUST_CHECK fsp_status_t fsp_system_space_new(fsp_system_t *self);
FSP_MUST_CHECK fsp_status_t fsp_system_space_ready(fsp_system_t *self);
FSP_MUST_CHECK fsp_status_t fsp_system_space_close(fsp_system_t *self);
FSP_MUST_CHECK fsp_status_t fsp_system_space_gone(fsp_system_t *self);
FSP_MUST_CHECK fsp_status_t fsp_system_account(fsp_system_t *self);
FSP_MUST_CHECK fsp_status_t fsp_system_group(fsp_system_t *self);
FSP_MUST_CHECK fsp_status_t fsp_system_token(fsp_system_t *self);
FSP_MUST_CHECK fsp_status_t fsp_system_token_drop(fsp_system_t *self);
FSP_MUST_CHECK fsp_status_t fsp_system_setting(fsp_system_t *self);
#endif
