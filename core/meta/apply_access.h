/* SPDX-License-Identifier: MIT */
/* apply_access - what the subject of a command or query may do where.  Layer core/meta.  Pure.
 *
 * core/auth decides; here are the rows it decides on: the way up from a node, with the rules of
 * each directory (docs/protocol/commands-access.md, section 3).  Everything is judged on the state
 * before the command.  Work is bounded by depth.
 */
#ifndef FSP_CORE_META_APPLY_ACCESS_H
#define FSP_CORE_META_APPLY_ACCESS_H
#include "core/meta/answer.h"
#include "core/meta/machine.h"
#include "core/meta/namespace.h"

/* Notes who asks.  A share link: NO_SUCH_LINK, FORBIDDEN (the subject is not its maker), SPENT
   (passed).  m->space is loaded. */
FSP_MUST_CHECK fsp_status_t fsp_access_begin(fsp_machine_t *m, fsp_subject_id_t subject,
                                             const fsp_asker_t *asker);
/* The same without judging a link: for SPACES, which is about no space. */
void fsp_access_note(fsp_machine_t *m, fsp_subject_id_t subject, const fsp_asker_t *asker);
/* The time by which things expire, in this command or query. */
fsp_time_t fsp_access_now(const fsp_machine_t *m);
/* True for the subject of zeros: the shard's leader, and what the mesh orders. */
bool fsp_access_is_node(const fsp_machine_t *m);

/* -- rights: each returns only failed reads; no right is 0 --------------------------------------
 */

/* At a node: itself if it is a directory, else where it lies.  An id that no node has: the root. */
FSP_MUST_CHECK fsp_status_t fsp_access_at_node(fsp_machine_t *m, fsp_file_id_t id,
                                               uint32_t *ret_rights);
/* At a path, or at the node of an id. */
FSP_MUST_CHECK fsp_status_t fsp_access_at(fsp_machine_t *m, const fsp_target_t *target,
                                          uint32_t *ret_rights);
/* At the place of a node: in the directory it lies in (in the trash: came from), and in itself if
   it is a directory.  Of root and trash: at themselves. */
FSP_MUST_CHECK fsp_status_t fsp_access_at_place(fsp_machine_t *m, fsp_file_id_t id,
                                                uint32_t *ret_rights);

/* -- demands: FSP_OK, FORBIDDEN, or a failed read ------------------------------------------------
 */

FSP_MUST_CHECK fsp_status_t fsp_access_need(fsp_machine_t *m, const fsp_target_t *target,
                                            uint32_t wanted);
FSP_MUST_CHECK fsp_status_t fsp_access_need_root(fsp_machine_t *m, uint32_t wanted);
/* At the place of what the target is; of nothing: at the target. */
FSP_MUST_CHECK fsp_status_t fsp_access_need_place(fsp_machine_t *m, const fsp_target_t *target,
                                                  uint32_t wanted);
/* Write where an upload is to go; of none: FSP_OK. */
FSP_MUST_CHECK fsp_status_t fsp_access_need_upload(fsp_machine_t *m, fsp_upload_id_t id);
/* What names things all over the space (CHANGES, all LINKS): at the root; in a parted space only
   the owner sees everything. */
FSP_MUST_CHECK fsp_status_t fsp_access_need_whole(fsp_machine_t *m, uint32_t wanted);

/* Judges m->command, also as an item of a BATCH. */
FSP_MUST_CHECK fsp_status_t fsp_access_judge(fsp_machine_t *m);
/* Level, life of the space, link and rights of a query on a space, which is loaded.  Of LINKS only
   what its own function does not judge. */
FSP_MUST_CHECK fsp_status_t fsp_access_judge_query(fsp_machine_t *m, const fsp_query_t *query);
/* True if SPACES shows the space that m->space was set to. */
FSP_MUST_CHECK fsp_status_t fsp_access_shows_space(fsp_machine_t *m, bool *ret_shows);

/* -- links ---------------------------------------------------------------------------------------
 */

fsp_row_key_t fsp_access_link_key(const fsp_machine_t *m, fsp_link_id_t id);
/* NO_SUCH_LINK.  Borrows from the machine until its next read. */
FSP_MUST_CHECK fsp_status_t fsp_access_get_link(fsp_machine_t *m, fsp_link_id_t id,
                                                fsp_link_row_t *ret);
/* The query LINKS. */
FSP_MUST_CHECK fsp_status_t fsp_access_list_links(fsp_machine_t *m, const fsp_query_t *query,
                                                  fsp_answering_t *answering);
#endif
