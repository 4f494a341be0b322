/* SPDX-License-Identifier: MIT */
/* cli_bundle - many changes of names, in few requests.  Layer cmd.
 *
 * Changes go in batches.  A batch that is refused is done once more, one by one, so that one thing
 * that cannot be changed does not take others with it.  What is said is the same either way.
 */
#ifndef FSP_CMD_CLI_BUNDLE_H
#define FSP_CMD_CLI_BUNDLE_H
#include "cmd/cli_common.h"

typedef struct cli_bundle cli_bundle_t;

cli_bundle_t *cli_bundle_new(cli_t *cli);
/* What still waits is dropped. */
void cli_bundle_destroy(cli_bundle_t **self_p);
/* MKDIR, DELETE, MOVE or COPY in a space (NULL: the profile's), in this order.  Texts are copied.
   What waits is done first if it is enough, or of another space. */
void cli_bundle_add(cli_bundle_t *self, const char *space, const filesphere_operation_t *operation);
/* Does what waits; every thing is told, or its failure noted.  To be called before anything else
   is said, and at the end. */
void cli_bundle_flush(cli_bundle_t *self);
#endif
