/* SPDX-License-Identifier: MIT */
/* client_internal - what the files of the client library share.  Layer actors.
 *
 * One handle is one DEALER socket and one conversation at a time: the handle's mutex makes calls
 * run one after another and is the fence that lets the socket move between threads.
 *
 *   filesphere_* -> ask (retries, op ids, words) -> link (socket, HELLO, signs of life) -> ZeroMQ
 *
 * Codes: the link speaks fsp_status_t, everything above it filesphere_code_t with words already
 * set.
 */
#ifndef FSP_ACTORS_CLIENT_INTERNAL_H
#define FSP_ACTORS_CLIENT_INTERNAL_H
#include "actors/filesphere.h"
#include "core/base/buf.h"
#include "core/base/limits.h"
#include "core/base/status.h"
#include "proto/client.h"
#include "proto/errors.h"
#include "proto/json.h"

#include <zmq.h>

#include <pthread.h>
#include <stdatomic.h>

enum {
    FSP_CLIENT_TIMEOUT_MS = 5000,
    FSP_CLIENT_PATIENCE_MS = 30000,
    FSP_CLIENT_SLICE_MS =
        50, /* a broken link is seen within this; below ZMQ's reconnect interval */
    FSP_CLIENT_TIMEOUTS = 24,    /* a live node that never answers one request: so many timeouts */
    FSP_CLIENT_SPACES_KEPT = 16, /* spaces whose change number a handle remembers */
    FSP_CLIENT_CREDIT_MAX = 64 * 1024 * 1024, /* what a node may make us queue */
    FSP_CLIENT_WORDS_BYTES = 1024,
    FSP_CLIENT_LINGER_MS = 300,     /* for an ABORT, when a handle is closed */
    FSP_CLIENT_BEAT_MS = 10000,     /* until the node says another */
    FSP_CLIENT_AGAIN_MS_FIRST = 50, /* wait before the next connection */
    FSP_CLIENT_AGAIN_MS_LAST = 2000,
    FSP_CLIENT_PROGRESS_MS = 50, /* between two words on how far it is */
};

/* How a call that lost its node fares.  Zero at first. */
typedef struct {
    uint64_t since_ms; /* when the node was heard last, or the call began; 0: the node is there */
    uint64_t spent_ms; /* without it, in earlier troubles since the last progress */
    uint64_t pause_ms; /* before the next try */
} fsp_client_trouble_t;

typedef struct {
    char name[FSP_SPACE_NAME_BYTES_MAX + 1];
    uint64_t change; /* highest seen */
} fsp_client_seen_t;

struct filesphere {
    pthread_mutex_t
        mutex; /* error-checking: a callback that calls its own handle gets an error, no deadlock */
    atomic_bool cancelled; /* set by filesphere_cancel, taken by the call that ends because of it */
    int wake_fd;           /* eventfd beside the socket in every poll; -1 if it could not be made */
    uint64_t timeout_ms;
    _Atomic uint64_t patience_ms; /* these two may be set while a call runs, for the next one */
    _Atomic uint64_t limit_ms;    /* of each call; 0: none */
    uint64_t call_end_ms;         /* of the running call, by fsp_client_now_ms; 0: none */
    filesphere_progress_fn *progress;
    void *progress_arg;
    uint64_t progress_ms; /* when it was called last */
    char client_name[128];
    char *profile_path;
    bool has_profile;
    fsp_profile_t profile; /* kept for reconnecting; wiped at the end */

    struct _zsock_t *sock; /* NULL: not connected */
    void *socket;          /* the same, resolved */
    bool welcomed;
    bool known;        /* welcomed once: the node is worth waiting for */
    uint64_t heard_ms; /* when anything came last */
    unsigned minor;    /* version of the protocol that is spoken on this link */
    bool aborted;      /* an ABORT may still be under way on this link */
    size_t endpoint;   /* the one in use, where the next connect starts */
    uint64_t last_id;
    uint64_t spoke_ms;  /* when something was sent last */
    uint64_t beat_ms;   /* the node wants to hear us so often while a call is under way */
    uint64_t ask_count; /* requests sent, every attempt counts */
    char home[FSP_SPACE_NAME_BYTES_MAX + 1]; /* space that WELCOME named */

    fsp_client_seen_t seen[FSP_CLIENT_SPACES_KEPT];
    size_t seen_next; /* the slot that is given up next */
    fsp_buf_t body;   /* being sent */
    size_t failed;    /* BATCH: the operation of the last ERROR */
    char words[FSP_CLIENT_WORDS_BYTES];
    char warning[FSP_CLIENT_WORDS_BYTES];
};

/* A message from the node, checked; slices and reply borrow from frames. */
typedef struct {
    zmq_msg_t frames[FSP_MESSAGE_FRAMES_MAX];
    size_t frame_count;
    unsigned type; /* fsp_client_type_t */
    uint64_t request_id;
    fsp_slice_t payload; /* empty: none */
    uint64_t offset;     /* DATA */
    fsp_reply_t reply;   /* WELCOME, OK, ERROR, CREDIT, WANT, NEWS */
} fsp_client_message_t;

/* -- client_link.c: the socket ----------------------------------------------------------------- */

uint64_t fsp_client_now_ms(void);
/* The call's deadline has passed. */
bool fsp_client_overdue(const filesphere_t *self);
/* Sleeps, but not beyond filesphere_cancel. */
void fsp_client_pause(filesphere_t *self, uint64_t wait_ms);
void fsp_client_message_clear(fsp_client_message_t *self);
/* Connected and welcomed, now or within deadline (and the call's own); words are set otherwise. */
filesphere_code_t fsp_client_ready(filesphere_t *self, uint64_t deadline_ms);
void fsp_client_drop_link(filesphere_t *self);
/* Drops the link at the end of a handle; an ABORT gets a moment to leave. */
void fsp_client_leave(filesphere_t *self);
uint64_t fsp_client_next_id(filesphere_t *self);
/* Queues a message; payload (may be NULL) is taken in any case.  TIMEOUT: there is no link. */
FSP_MUST_CHECK fsp_status_t fsp_client_send(filesphere_t *self, fsp_client_type_t type,
                                            uint64_t request_id, fsp_slice_t body,
                                            zmq_msg_t *payload);
/* The next message of a request without waiting: OK, NOT_FOUND (none yet), TIMEOUT (link is gone),
   PROTOCOL (not our language), CANCELLED.  ret is something on OK only and then cleared by the
   caller; its slices may point into itself, so it is not copied. */
FSP_MUST_CHECK fsp_status_t fsp_client_receive(filesphere_t *self, uint64_t request_id,
                                               fsp_client_message_t *ret);
/* The same, waiting; asks for a sign of life after half of quiet_ms, TIMEOUT after quiet_ms without
 * one. */
FSP_MUST_CHECK fsp_status_t fsp_client_wait(filesphere_t *self, uint64_t request_id,
                                            uint64_t quiet_ms, fsp_client_message_t *ret);

/* One look for the next message, which may take any time to come: NOT_FOUND after a slice without
   one.  *life_ms (0 at first) is when the node was heard last; after quiet_ms without a sign of
   life TIMEOUT, having asked for one at half of it. */
FSP_MUST_CHECK fsp_status_t fsp_client_await(filesphere_t *self, uint64_t request_id,
                                             uint64_t quiet_ms, uint64_t *life_ms,
                                             fsp_client_message_t *ret);

/* A PING if the node has not heard us for half of what it wants.  Its answer is not waited for. */
void fsp_client_beat(filesphere_t *self);

/* -- client_ask.c: requests -------------------------------------------------------------------- */

/* False: called from a callback of the same handle, or without a handle. */
bool fsp_client_begin(filesphere_t *self);
filesphere_code_t fsp_client_end(filesphere_t *self, filesphere_code_t code);
/* Sets the words "subject: text" and returns the code of status. */
__attribute__((format(printf, 4, 5))) filesphere_code_t fsp_client_fail(filesphere_t *self,
                                                                        fsp_status_t status,
                                                                        const char *subject,
                                                                        const char *format, ...);
/* Behind the words that there are. */
void fsp_client_add_words(filesphere_t *self, const char *more);
/* The words of a link's status; takes the cancellation if it was one.  PROTOCOL and TIMEOUT drop
 * the link. */
filesphere_code_t fsp_client_fail_link(filesphere_t *self, fsp_status_t status,
                                       const char *subject);
/* The words of an ERROR message. */
filesphere_code_t fsp_client_fail_reply(filesphere_t *self, const fsp_reply_t *reply,
                                        const char *subject);
/* Space and path into a request, checked; for a change also op id and since. */
filesphere_code_t fsp_client_prepare(filesphere_t *self, fsp_request_t *request, const char *space,
                                     const char *path, bool change);
/* A version's hex digits into a request; NULL: none. */
filesphere_code_t fsp_client_set_version(filesphere_t *self, fsp_request_t *request,
                                         const char *version);
/* Tells the node that a transfer is given up. */
void fsp_client_abort(filesphere_t *self, uint64_t request_id);
/* For a change that cannot be repeated: makes sure that request->since is known, by a question if
 * need be. */
filesphere_code_t fsp_client_learn_since(filesphere_t *self, fsp_request_t *request);
/* After a failure that may pass: waits a random while (50 ms doubling to 2 s) and returns true to
   try again.  False when patience or the deadline is used up, or the call was cancelled: *ret_code
   and the words say so; they end with `resume` (NULL: nothing). */
bool fsp_client_try_again(filesphere_t *self, fsp_client_trouble_t *trouble, const char *subject,
                          const char *resume, filesphere_code_t *ret_code);
/* The node is there again; progress: and the call is further than ever. */
void fsp_client_trouble_over(fsp_client_trouble_t *trouble, bool progress);
/* The registry says of a code that the same request may succeed later. */
bool fsp_client_may_pass(filesphere_code_t code);
void fsp_client_random(void *ret, size_t bytes);
/* A fresh operation id, and the change number to go with it. */
void fsp_client_renew(filesphere_t *self, fsp_request_t *request);
/* Tells the caller, not too often; last: in any case. */
void fsp_client_tell_progress(filesphere_t *self, const filesphere_progress_t *progress, bool last);
/* Sends and waits for the first answer that is not an error, over as many connections as patience
   allows, but before the handle's first connection only one timeout.  request->attempt counts up
   for changes.  ret->type is OK, CREDIT or NEWS; clear it. */
filesphere_code_t fsp_client_ask(filesphere_t *self, fsp_client_type_t type, fsp_request_t *request,
                                 fsp_slice_t payload, const char *subject,
                                 fsp_client_message_t *ret);
/* Sends a prepared request; its answer must be OK and is about a node.  ret may be NULL. */
filesphere_code_t fsp_client_ask_info(filesphere_t *self, fsp_client_type_t type,
                                      fsp_request_t *request, const char *subject,
                                      filesphere_info_t *ret);
/* Remembers the change number of an answer about request->space. */
void fsp_client_note_change(filesphere_t *self, fsp_slice_t space, uint64_t change);
/* A node's fields out of an answer; PROTOCOL if they are not what a node may say. */
filesphere_code_t fsp_client_fill_info(filesphere_t *self, const fsp_request_t *request,
                                       const fsp_reply_t *reply, filesphere_info_t *ret);
/* A change of the node's for the caller: itself, then its parts.  CANCELLED if the caller does not
   want more, PROTOCOL if it is none. */
FSP_MUST_CHECK fsp_status_t fsp_client_give_change(const fsp_change_info_t *from,
                                                   filesphere_change_fn *change, void *arg);
/* filesphere_spaces within a call. */
filesphere_code_t fsp_client_list_spaces(filesphere_t *self, filesphere_space_fn *space, void *arg);
/* Mode and time into a request, and out of an answer: what is no time is not set. */
void fsp_client_set_attr(fsp_request_t *request, const filesphere_attr_t *attr);
filesphere_attr_t fsp_client_attr(bool set, uint32_t mode, int64_t mtime_s, uint32_t mtime_ns);
/* Text of the node as a C string of a caller's struct; false if it does not fit or holds a NUL. */
bool fsp_client_copy_text(fsp_slice_t text, char *ret, size_t bytes_max);
/* A moment into a request; INVALID, with words, if it names two. */
filesphere_code_t fsp_client_set_at(filesphere_t *self, fsp_request_t *request, filesphere_at_t at);
#endif
