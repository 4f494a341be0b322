/* SPDX-License-Identifier: MIT */
/* supervisor - starts the actors of a node in order, watches them, and stops them in reverse. Layer
 * actors.
 *
 * Runs on the main thread and is the only one to see signals.  SIGTERM and SIGINT drain: new work
 * is refused, what is under way is finished (at most 10 s), everything is flushed; a second SIGINT
 * stops at once.
 */
#ifndef FSP_ACTORS_SUPERVISOR_H
#define FSP_ACTORS_SUPERVISOR_H
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    const char *directory;
    const char *listen; /* tcp://HOST:PORT */
    bool sync;
    uint64_t feature_level;  /* raise the shard to this one only; 0: to the program's.  For tests of
                                upgrades. */
    uint64_t duties_after_s; /* seconds after the start at which the node first collects garbage and
                                prunes; 0: 600 */
} fsp_supervisor_config_t;

/* Runs a node until it is told to stop.  Returns the process's exit code; reasons go to standard
 * error. */
int fsp_supervisor_run(const fsp_supervisor_config_t *config);
#endif
