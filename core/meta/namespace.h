/* SPDX-License-Identifier: MIT */
/* namespace - paths, entries and parents.  Layer core/meta.  Pure.
 *
 * The tree is kept twice, and both must agree: an entry row (directory, name) -> id leads down, the
 * node's (parent, name) leads up.  Only fsp_namespace_attach and _trash write the pair.
 */
#ifndef FSP_CORE_META_NAMESPACE_H
#define FSP_CORE_META_NAMESPACE_H
#include "core/meta/machine.h"

/* How far a path leads. */
typedef struct {
    fsp_file_id_t directory_id; /* deepest directory that exists */
    fsp_slice_t name;           /* last name of the path; empty for "/" */
    fsp_slice_t missing;        /* path of the parents that do not exist; empty: all do */
    bool found;                 /* the path itself is there: */
    fsp_entry_row_t entry;
} fsp_walk_t;

/* Walks down from the root.  NOT_DIRECTORY if a parent is a file or symlink; CYCLE if the walk
   passes through the directory `avoid` (zero: none) on its way; a missing entry is no error. */
FSP_MUST_CHECK fsp_status_t fsp_namespace_walk(fsp_machine_t *m, fsp_slice_t path,
                                               fsp_file_id_t avoid, fsp_walk_t *ret);
/* The same, down from another directory. */
FSP_MUST_CHECK fsp_status_t fsp_namespace_walk_from(fsp_machine_t *m, fsp_file_id_t directory_id,
                                                    fsp_slice_t path, fsp_file_id_t avoid,
                                                    fsp_walk_t *ret);

/* An existing node. */
typedef struct {
    fsp_file_id_t id;
    fsp_slice_t path; /* present path; empty if trashed or too deep */
    bool trashed;     /* in the trash, itself or a parent */
    bool deep;        /* its path would break the limits, so where it lies was not found out */
    bool fixed;       /* root or trash directory */
    fsp_node_row_t node;
    uint8_t text[FSP_PATH_BYTES_MAX]; /* memory for path if it was made here */
} fsp_found_t;

/* NOT_FOUND, NOT_DIRECTORY (a parent in the path is no directory).  What lies in the trash is
   found by its id; what is being purged is not found.  Borrows from the target's path. */
FSP_MUST_CHECK fsp_status_t fsp_namespace_find(fsp_machine_t *m, const fsp_target_t *target,
                                               fsp_found_t *ret);
/* The same, and TRASHED (the result names the node) or TOO_LARGE (deeper than 64). */
FSP_MUST_CHECK fsp_status_t fsp_namespace_find_live(fsp_machine_t *m, const fsp_target_t *target,
                                                    fsp_found_t *ret);

/* As find, but a path starts at the trash directory; `path` of what is found so is empty. */
FSP_MUST_CHECK fsp_status_t fsp_namespace_find_in_trash(fsp_machine_t *m,
                                                        const fsp_target_t *target,
                                                        fsp_found_t *ret);

/* True in *ret_empty if the directory has no entry. */
FSP_MUST_CHECK fsp_status_t fsp_namespace_is_empty(fsp_machine_t *m, fsp_file_id_t directory_id,
                                                   bool *ret_empty);
/* INVALID if a node with this id exists: a gateway chose an id twice. */
FSP_MUST_CHECK fsp_status_t fsp_namespace_check_new(fsp_machine_t *m, fsp_file_id_t id);
/* Makes the missing parents of a walk, with ids derived from seed (1, 2, ... from the top), if
   `create`, else NO_PARENT.  On FSP_OK the walk has none missing. */
FSP_MUST_CHECK fsp_status_t fsp_namespace_make_parents(fsp_machine_t *m, fsp_walk_t *walk,
                                                       bool create, fsp_file_id_t seed);
/* Writes the node as (directory, name), entry and node. */
void fsp_namespace_attach(fsp_machine_t *m, fsp_file_id_t directory_id, fsp_slice_t name,
                          fsp_file_id_t id, fsp_node_row_t *node);
/* Takes the node's entry away; the node itself must be attached again in the same command. */
void fsp_namespace_detach(fsp_machine_t *m, const fsp_node_row_t *node);
/* Takes entry and node of an empty directory away, for good. */
void fsp_namespace_remove(fsp_machine_t *m, fsp_file_id_t id, const fsp_node_row_t *node);
/* Moves the node to the trash, under the number of this change; what follows it in the same change
   counts on behind the number: "00000000000000000007.0001". */
void fsp_namespace_trash(fsp_machine_t *m, fsp_file_id_t id, fsp_node_row_t *node);
#endif
