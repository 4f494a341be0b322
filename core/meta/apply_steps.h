/* SPDX-License-Identifier: MIT */
/* apply_steps - one function per command, called by apply.c.  Layer core/meta.  Pure.
 *
 * Each judges and writes in one pass; if it returns a refusal, apply forgets its writes.  On
 * FSP_OK it has filled m->result (but not index and time) and m->change (operation-specific
 * fields), or has set m->unchanged.
 */
#ifndef FSP_CORE_META_APPLY_STEPS_H
#define FSP_CORE_META_APPLY_STEPS_H
#include "core/meta/machine.h"
#include "core/meta/namespace.h"
#include "core/meta/versions.h"

FSP_MUST_CHECK fsp_status_t fsp_apply_space_init(fsp_machine_t *m);
FSP_MUST_CHECK fsp_status_t fsp_apply_put(fsp_machine_t *m);
FSP_MUST_CHECK fsp_status_t fsp_apply_delete(fsp_machine_t *m);
FSP_MUST_CHECK fsp_status_t fsp_apply_mkdir(fsp_machine_t *m);
FSP_MUST_CHECK fsp_status_t fsp_apply_move(fsp_machine_t *m);
FSP_MUST_CHECK fsp_status_t fsp_apply_restore(fsp_machine_t *m);
FSP_MUST_CHECK fsp_status_t fsp_apply_copy(fsp_machine_t *m);
/* The later families, each in apply_FAMILY*.c. */
FSP_MUST_CHECK fsp_status_t fsp_apply_history(fsp_machine_t *m);
FSP_MUST_CHECK fsp_status_t fsp_apply_node(fsp_machine_t *m);
FSP_MUST_CHECK fsp_status_t fsp_apply_access(fsp_machine_t *m);
FSP_MUST_CHECK fsp_status_t fsp_apply_link_make(fsp_machine_t *m);
FSP_MUST_CHECK fsp_status_t fsp_apply_link_drop(fsp_machine_t *m);
FSP_MUST_CHECK fsp_status_t fsp_apply_link_use(fsp_machine_t *m);
FSP_MUST_CHECK fsp_status_t fsp_apply_space_state(fsp_machine_t *m);
/* Three whose answers are not kept: they may be sent again at any time. */
FSP_MUST_CHECK fsp_status_t fsp_apply_space_drop(fsp_machine_t *m);
FSP_MUST_CHECK fsp_status_t fsp_apply_gc_open(fsp_machine_t *m);
FSP_MUST_CHECK fsp_status_t fsp_apply_gc_close(fsp_machine_t *m);
/* SUBJECT_FLOOR, LEVEL_RAISE and TIME_CONFIRM, fences and rights too: they change m->shard_row. */
FSP_MUST_CHECK fsp_status_t fsp_apply_shard(fsp_machine_t *m);
/* Steps 2 to 7, with the system row in the place of a space's; the outcome is in m->result.  Any
   other status than FSP_OK: a read failed. */
FSP_MUST_CHECK fsp_status_t fsp_apply_system(fsp_machine_t *m);

/* Rights, then the command itself: steps 6 and 7 (apply.c) of a command, or of an item of a batch,
   in m->command. */
FSP_MUST_CHECK fsp_status_t fsp_apply_step(fsp_machine_t *m);

/* Says in m->change what was touched and where; copies the paths. */
void fsp_apply_note(fsp_machine_t *m, fsp_kind_t kind, fsp_file_id_t id, fsp_slice_t path,
                    fsp_slice_t from_path);
/* A version of the file as the source of another one: NO_SUCH_VERSION, GONE.  Its carrier is
   copied to ret_carrier. */
FSP_MUST_CHECK fsp_status_t fsp_apply_source(fsp_machine_t *m, fsp_file_id_t id,
                                             fsp_version_id_t version_id, fsp_version_info_t *ret,
                                             fsp_buf_t *ret_carrier);
/* Puts what stands at a walk's entry into the trash, to make room. */
FSP_MUST_CHECK fsp_status_t fsp_apply_displace(fsp_machine_t *m, const fsp_walk_t *walk);
/* Loads the node at a walk's entry and shows it in the result; returns `refusal`. */
FSP_MUST_CHECK fsp_status_t fsp_apply_refuse(fsp_machine_t *m, const fsp_walk_t *walk,
                                             fsp_status_t refusal);
/* Makes a file or symlink with its first version at the place of a walk, whose entry is free. */
FSP_MUST_CHECK fsp_status_t fsp_apply_make_file(fsp_machine_t *m, const fsp_walk_t *walk,
                                                fsp_kind_t kind, fsp_file_id_t id, uint64_t size,
                                                fsp_slice_t carrier, fsp_slice_t attr);
#endif
