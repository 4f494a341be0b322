/* SPDX-License-Identifier: MIT */
/* apply_history - the commands on trash, versions and holds.  Layer core/meta.  Pure.
 *
 * One file per command that needs more than a page.  Bodies and answers:
 * docs/protocol/commands-history.md.
 */
#ifndef FSP_CORE_META_APPLY_HISTORY_H
#define FSP_CORE_META_APPLY_HISTORY_H
#include "core/meta/machine.h"
#include "core/meta/namespace.h"

enum {
    /* Part of the state machine, as every bound that decides how far a command comes. */
    FSP_UNDELETE_NAMES_MAX = 100, /* `name (1)` ... `name (100)` */
    FSP_PRUNE_COST_MAX = 1024,    /* rows a step of a round looks at */
    FSP_PURGE_ITEMS_MAX = 64,     /* items of the trash that a command begins to purge, */
    FSP_PURGE_LOOKS_MAX = 256,    /* of those that it looks at */
    FSP_PURGE_UNITS_MAX = 512,    /* entries, versions, past heads and nodes it deletes */
};
#define FSP_PURGE_YOUNG_US ((fsp_time_t)30 * 24 * 3600 * 1000 * 1000)

FSP_MUST_CHECK fsp_status_t fsp_apply_undelete(fsp_machine_t *m);
FSP_MUST_CHECK fsp_status_t fsp_apply_prune(fsp_machine_t *m);
FSP_MUST_CHECK fsp_status_t fsp_apply_purge(fsp_machine_t *m);

/* Takes a node out of the trash: to the path `to`, or, if that is empty, to where it was.  A name
   that is taken becomes `name (n)`.  On FSP_OK the node is written at its new place, found->path
   says where that is, and parents that were made are in m->change.  NO_PARENT, NOT_DIRECTORY,
   EXISTS, TOO_LARGE. */
FSP_MUST_CHECK fsp_status_t fsp_apply_take_out(fsp_machine_t *m, fsp_found_t *found, fsp_slice_t to,
                                               bool create_parents, fsp_file_id_t ids_seed);
#endif
