/* SPDX-License-Identifier: MIT */
/* storecheck - `filesphered check DIR`: is all of a stopped store whole?  Layer actors.
 *
 * Nothing is written, not a byte.  Order: the store as such (format, WATERMARK against database),
 * identity, log (core/engine/log_audit), state (core/meta/audit), entries that the state lacks,
 * everything that versions refer to (core/data/proof), all object rows.  A line for each fault goes
 * to standard output, then a summary; with json one object a line, {"type":"fault"} and at the end
 * {"type":"result"}.
 *
 * Kinds of faults beside those of the three heads above: "store" (a node would not open it; nothing
 * else is looked at), "watermark" (one slot is damaged after a clean stop), "identity" (node.keys,
 * genesis, recovery code), "key" (a space's key does not open).
 */
#ifndef FSP_ACTORS_STORECHECK_H
#define FSP_ACTORS_STORECHECK_H
#include <stdbool.h>

typedef struct {
    const char *directory;
    bool json;
    bool quick; /* chunks are not read: rows, trees and the state only */
} fsp_storecheck_config_t;

/* Returns the process's exit code: 0 all is well, 10 faults, 8 the directory is in use, 3 there is
   no store; others as proto/errors has them. */
int fsp_storecheck_run(const fsp_storecheck_config_t *config);
#endif
