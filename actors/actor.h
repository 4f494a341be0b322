/* SPDX-License-Identifier: MIT */
/* actor - the shell every actor of the daemon runs in.  Layer actors.
 *
 * A thread with a CZMQ pipe to the supervisor, an inbox, and at most one socket to the outside. The
 * loop is the same for all: wait, serve the pipe first, then the outside socket and the inbox (each
 * a bounded number of messages), then `turn`, where batches that collected are carried out.
 *
 * Commands on the pipe:  START -> status (u32), text;  any class's own command -> status, text;
 * $TERM ends; after $HURRY at once. An actor tells the supervisor FAIL, text when it cannot go on:
 * then the node stops with that reason.
 */
#ifndef FSP_ACTORS_ACTOR_H
#define FSP_ACTORS_ACTOR_H
#include "actors/mailbox.h"
#include "core/base/status.h"

typedef struct fsp_actor fsp_actor_t;

/* What an actor's own code sees of its shell. */
typedef struct {
    fsp_actor_id_t id;
    fsp_mailbox_t *mailbox;
    fsp_time_t now_us;  /* monotonic, frozen for one message or turn */
    fsp_time_t wall_us; /* Unix time, the same */
    bool failed;        /* set by fsp_actor_fail: the loop ends */
    void *pipe_;        /* the shell's own */
} fsp_shell_t;

typedef struct {
    const char *name;
    size_t state_bytes; /* zeroed memory handed to every function as self */
    /* Everything that can fail; args as given to fsp_actor_new.  On failure `stop` is called as
     * well. */
    fsp_status_t (*start)(void *self, fsp_shell_t *shell, void *args, fsp_error_t *error);
    /* One message of the inbox; the shell clears it afterwards. */
    void (*mail)(void *self, fsp_mail_t *mail);
    /* May be NULL: a socket to the outside, and what to do when it is readable (bounded work). */
    void *(*socket)(void *self);
    void (*readable)(void *self);
    /* May be NULL: after each round of messages. */
    void (*turn)(void *self);
    /* May be NULL: monotonic time at which turn must be called at the latest. */
    fsp_time_t (*deadline)(void *self);
    /* May be NULL: a command of the class; answers by status and text. */
    fsp_status_t (*command)(void *self, const char *name, fsp_error_t *reply);
    /* May be NULL: true when nothing is under way, so that the actor may end after $TERM. */
    bool (*idle)(void *self);
    void (*stop)(void *self);
} fsp_actor_class_t;

/* Makes the thread; nothing has been started.  class outlives it. */
fsp_actor_t *fsp_actor_new(const fsp_actor_class_t *class, fsp_actor_id_t id, void *args);
/* Ends the actor and waits until it has stopped.  Accepts NULL. */
void fsp_actor_destroy(fsp_actor_t **self_p);
/* Lets it end without waiting for what is under way: what it waits for will not come.  Accepts
 * NULL. */
void fsp_actor_hurry(fsp_actor_t *self);
/* Sends a command ("START" first) and waits for its answer; reply->text is filled also on success.
 */
FSP_MUST_CHECK fsp_status_t fsp_actor_command(fsp_actor_t *self, const char *name,
                                              fsp_error_t *reply);
/* The pipe, for the supervisor's poll; a message on it outside a command is FAIL, text. */
void *fsp_actor_pipe(fsp_actor_t *self);
/* Reads a waiting FAIL; false if none. */
bool fsp_actor_failure(fsp_actor_t *self, fsp_error_t *ret);

/* From inside: the node must stop, for this reason. */
void fsp_actor_fail(fsp_shell_t *shell, const fsp_error_t *error);
#endif
