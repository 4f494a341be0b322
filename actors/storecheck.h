/* SPDX-License-Identifier: MIT */
/* storecheck - `filesphered check DIR`: reads a stopped store and verifies all of it.  Layer actors.
 *
 * Nothing is written, not a byte.  Order: the store as such (format, WATERMARK against database), identity, log, state
 * (core/meta/audit), entries that the state lacks, everything that versions refer to (core/data/proof), all object
 * rows.  A line for each fault goes to standard output, then a summary; with json one object a line, {"type":"fault"}
 * and at the end {"type":"result"}.
 */
#ifndef FSP_ACTORS_STORECHECK_H
#define FSP_ACTORS_STORECHECK_H
#include <stdbool.h>

typedef struct {
    const char *directory;
    bool json;
    bool quick; /* chunks are not read: rows, trees and the state only */
} fsp_storecheck_config_t;

/* Returns the process's exit code: 0 all is well, 10 faults, 8 the directory is in use, 3 there is no store; others as
   errors say. */
int fsp_storecheck_run(const fsp_storecheck_config_t *config);
#endif
