/* SPDX-License-Identifier: MIT */
/* frontend - the gateway's inside, shared by its files.  Layer actors.
 *
 * A session is one client connection after HELLO.  A call is one request of a session from its
 * first message to its OK or ERROR; transfers (PUT, GET) are calls that live longer.  A call asks
 * other actors under ids made of its serial number, what it asked and which object it asked for, so
 * late answers to calls that are gone find nobody and are dropped.
 */
#ifndef FSP_ACTORS_FRONTEND_H
#define FSP_ACTORS_FRONTEND_H
#include "actors/node.h"
#include "core/data/budget.h"
#include "core/data/details.h"
#include "core/data/download.h"
#include "core/data/offer.h"
#include "core/data/upload.h"
#include "proto/client.h"
#include "proto/errors.h"
#include "proto/peer.h"

/* uthash's own default falls through its cases, which clang takes for a mistake. */
#define HASH_FUNCTION(key, bytes, hash) HASH_FNV(key, bytes, hash)
#include <sys/socket.h>
#include <uthash.h>

enum {
    SESSION_GRACE_US = 60 * 1000 * 1000, /* a session whose connection broke is kept so long */
    ANSWERS_KEPT = 8,                    /* last answers of uploads, for RESUME */
    MOVED_BYTES =
        65536, /* less than this in STALLED_US is standing still: drops do not hold memory */
    STALLED_US =
        10 * 1000 * 1000, /* a transfer that does not move gives its memory to those who wait */
    ROUTING_ID_BYTES_MAX = 32, /* libzmq makes 5; a client may name its own, within this */
    CALLS_PER_SESSION_MAX = 256,
    SESSION_IDLE_US =
        120 * 1000 * 1000, /* silent for so long: the session and its calls are over */
    HEARTBEAT_MS = 10000,  /* a client with a call under way is heard at least so often */
    INLINE_JOB_BYTES_MAX = 128 * 1024,    /* smaller jobs run where they arise: a hop costs more */
    OPENS_WAITING_MAX = 1024,             /* transfers that wait for memory */
    REQUEST_KEPT_BYTES = 16 * 1024,       /* a larger body is kept without what nobody knows */
    SMALL_SHARE_BYTES = 16 * 1024 * 1024, /* of FSP_TRANSFER_MEMORY_BYTES, for small transfers */
    WHOLE_PUTS_BYTES = 24 * 1024 * 1024,  /* content of whole PUTs under way, beside that: they do
                                             not wait for memory */
    FLOW_MESSAGE_BYTES = 512,             /* what a message costs beside its bytes */
    FLOW_FAIR_BYTES = 1024 * 1024, /* a WATCH waits while so much is on the way to its client */
    FLOW_SESSION_BYTES = 8 * 1024 * 1024, /* on the way to one client before its GETs wait */
    FRAMES_BYTES = 16 * 1024 * 1024,      /* a DATA for each GET has no more in all, ... */
    FRAME_BYTES_LEAST = 16 * 1024,        /* ... unless it were smaller than this */
    FLOW_LOST_BYTES = 24 * 1024 * 1024,   /* a client with so much on its way does not read */
    FLOW_LOOK_US = 2 * 1000,   /* how often it is looked whether held credit can be used */
    BASES_CHUNKS = 256 * 1024, /* in the memory of all puts that are offered against something */
    OFFER_BYTES = 256 * 1024,  /* what is reserved for a put with offers, however small it is */
    PURGE_STEPS_MAX = 64,      /* commands for one PURGE; then the client asks again */
    WATCH_CREDIT_MAX = 4096,   /* changes that a client may let come */
    WATCH_PAGE = 256,          /* changes in one NEWS */
    FEED_BYTES = 256 * 1024,   /* a page of changes ends behind so many: parts of batches are short,
                                  and a body has at most FSP_MSGPACK_ITEMS_MAX values */
    WATCH_LOOK_US =
        5 * 1000 * 1000, /* changes that did not come through this gateway are seen so late */
};

typedef struct fsp_session fsp_session_t;
typedef struct fsp_call fsp_call_t;
typedef struct fsp_frontend fsp_frontend_t;
typedef struct fsp_flow fsp_flow_t;
typedef struct fsp_parting fsp_parting_t;

/* The TCP connection that a client speaks by (frontend_flow.c). */
typedef struct {
    bool known;
    int fd; /* libzmq's: it may close it at any time */
    struct sockaddr_storage peer;
} fsp_line_t;

/* What a call asked another actor; part of the id of the question. */
typedef enum {
    ASK_COMMAND = 0,
    ASK_QUERY = 1,
    ASK_HAVE = 2,
    ASK_OBJECT = 3,
    ASK_FETCH = 4, /* an object that a put reads (frontend_fetch.c) */
    ASK_KEPT = 5,  /* about a kept upload (frontend_kept.c) */
    ASK_BASE = 6,  /* a version to offer against (frontend_offer.c) */
    ASK_OFFER = 7, /* which offered chunks are there */
} fsp_ask_t;

/* The id of a question: serial of the call | what was asked | which object of the transfer. */
enum { FSP_ASK_TOKEN_BITS = 28, FSP_ASK_KIND_BITS = 3 };

struct fsp_call {
    uint64_t serial; /* key in frontend->calls */
    fsp_session_t *session;
    uint64_t request_id;
    fsp_client_type_t type;
    fsp_gateway_space_t *space;
    fsp_call_t *prev, *next; /* in session->calls (utlist) */
    UT_hash_handle hh;

    /* A copy of the request's body, which `request` borrows from. */
    fsp_buf_t body;
    fsp_request_t request;

    /* Transfers. */
    fsp_seat_t seat; /* of the node's transfer memory (frontend_memory.c) */
    fsp_upload_t *upload;
    fsp_upload_effects_t upload_effects, upload_more;
    bool committed;       /* COMMIT came, or the content was whole */
    bool credited;        /* PUT: the first CREDIT has gone out */
    fsp_time_t moved_us;  /* when it last went on by MOVED_BYTES, or could begin to */
    uint64_t moved_bytes; /* since then */
    uint64_t left_seen;   /* GET: of the session's flow, when it was looked at last */
    fsp_download_t *download;
    fsp_flow_t *flow; /* GET: plaintext of it that exists, here or on its way to the client */
    fsp_flow_t *session_flow;  /* GET: of the session that it was opened in */
    fsp_line_t line;           /* and its connection */
    fsp_root_kind_t root_kind; /* GET: what was resolved */
    fsp_key_t root_key;
    uint64_t size, from, to;
    fsp_download_effects_t download_effects, download_more;
    fsp_reply_t *reply; /* PUT: made when the upload is ready, completed by the result */
    size_t asked;       /* answers of other actors that are still to come */
    bool commanded; /* its command is on the way to the log: what comes of it is the answer, nothing
                       else */
    bool leaving;   /* over and swept, but asked > 0: its memory is still in use elsewhere; session
                       may be NULL */
    uint64_t whole_bytes; /* PUT, whole: its share of frontend->whole_bytes */
    uint64_t credit_held,
        credit_given; /* GET: not passed on to the download yet; passed on, not sent */

    uint64_t epoch; /* garbage epoch of the space when the call began: of all that it stores */

    /* PUT: kept uploads (frontend_kept.c). */
    fsp_upload_id_t upload_id; /* in the log; zero: none */
    fsp_subject_id_t upload_subject;
    bool upload_logged;           /* the log knows of it, or was not asked yet */
    bool upload_opening;          /* UPLOAD_OPEN is on its way */
    bool ready_waits;             /* all is stored, and that is waited for */
    bool waits_for_upload;        /* another call of it has something on the way */
    bool leaves_upload;           /* it is not this call's to end */
    bool begins_anew, begun_anew; /* what stood in the log was no use: it goes; has gone */
    bool aborting;                /* UPLOAD_ABORT is on its way, then comes: */
    fsp_status_t ending;          /* the ERROR */
    fsp_result_t *ending_result;  /* and what it says; may be NULL */
    fsp_midstate_t *start;        /* where the upload goes on; NULL: from nothing */
    uint64_t durable_told;        /* what the client knows */

    /* PUT: offers (frontend_offer.c). */
    fsp_bases_t *bases;  /* of the versions that chunks may come from; NULL: there are none */
    size_t bases_chunks; /* its share of frontend->bases_chunks */
    fsp_version_id_t *base_ids; /* versions still to be looked up */
    size_t base_count, base_at;
    bool heads_taken;   /* the target was looked up */
    fsp_offer_t *offer; /* NULL: the client may not offer */
    uint64_t offer_end; /* of the chunk that comes now */

    /* PURGE, SPACE_SET: the next of its commands. */
    uint32_t step;
    uint8_t after[FSP_NAME_BYTES_MAX];
    size_t after_bytes;

    /* WATCH. */
    uint64_t watch_index; /* the last change that was sent */
    uint64_t watch_credit;
    bool watch_began;                        /* the first NEWS has gone out */
    bool watch_pending;                      /* something may be there behind watch_index */
    fsp_time_t watch_us;                     /* when it was last looked */
    fsp_call_t *watch_previous, *watch_next; /* in frontend->watches */

    /* SPACE_CREATE, SPACE_SET, SPACE_REMOVE. */
    fsp_space_id_t space_id;
    fsp_time_t deadline;

    bool over; /* answered: swept at the end of the round */
    fsp_call_t *over_next;
};

struct fsp_session {
    uint8_t routing_id[ROUTING_ID_BYTES_MAX];
    size_t routing_id_bytes;
    fsp_subject_id_t subject;
    fsp_key_t key; /* CURVE key of the connection; zero in tests */
    bool revoked;  /* that key may not connect any more: nothing is served */
    bool welcomed;
    unsigned minor; /* version of the protocol that is spoken */
    bool detached;  /* its connection broke: kept for a while, since its client may take it up again
                     */
    fsp_op_id_t id; /* for HELLO after a broken connection */
    struct {
        uint64_t request_id;
        fsp_client_type_t type;
        fsp_buf_t body;
    } answers[ANSWERS_KEPT]; /* of uploads in parts: a ring */
    size_t answer_count;
    fsp_time_t seen_us;
    fsp_flow_t *flow;     /* bytes on their way to the client */
    fsp_line_t line;      /* of the message that came last */
    uint64_t given_bytes; /* sum of its calls' credit_given */
    fsp_call_t *calls;
    size_t call_count;
    size_t transfer_count; /* PUT and GET among them */
    UT_hash_handle hh;     /* in frontend->sessions, least recently heard first */
};

struct fsp_frontend {
    fsp_shell_t *shell;
    fsp_frontend_actor_args_t *args;
    void *router; /* zsock_t */
    void *router_handle;
    bool serving, draining;
    fsp_time_t started_us;
    fsp_session_t *sessions;
    fsp_call_t *calls;
    fsp_budget_t budget;     /* memory of transfers */
    fsp_parting_t *partings; /* and who has ended, but has some still */
    size_t gets;             /* opened calls, and partings */
    fsp_time_t partings_us;  /* when they were looked at last */
    fsp_call_t *over;        /* answered calls to be swept */
    fsp_call_t *watches;
    size_t bases_chunks;    /* in the memory of all calls' bases, at most */
    size_t uploads_waiting; /* calls that wait for another call of their upload */
    uint64_t last_serial;
    fsp_time_t last_id_us; /* the time in the file id that was made last */
    uint64_t whole_bytes;  /* content of whole PUTs under way */
    bool credit_waits;     /* a GET waits until something has left for its client, and libzmq
                              tells nobody */
    fsp_time_t flow_us;    /* when that was looked at last */
    uint64_t disk_bytes;   /* taken since the disk was looked at */
    size_t worker_jobs[FSP_WORKERS_MAX];
    fsp_disk_t disk;
    fsp_time_t tick_us; /* when disk, sessions and stalled transfers were last looked at */
    fsp_buf_t scratch;  /* bodies on their way out */
    fsp_buf_t scratch2;
};

/* -- messages of clients (actor_frontend.c) ---------------------------------------------------- */

/* One message of a client behind its routing id: envelope, body, payload (they stay the caller's).
   user_id is what the connection proved about it; too_many: there were more frames than fit.
   fsp_frontend_sweep follows.  The door for tests, which have no ZAP. */
void fsp_frontend_message(fsp_frontend_t *self, fsp_slice_t routing_id, const char *user_id,
                          zmq_msg_t *frames, size_t frame_count, bool too_many);

/* -- the socket (frontend_socket.c) ------------------------------------------------------------ */

/* Binds the ROUTER to args->listen; args->endpoint is the actual address.  With words. */
fsp_status_t fsp_frontend_listen(fsp_frontend_t *self, fsp_error_t *error);

/* -- calls (frontend_call.c) ------------------------------------------------------------------- */

fsp_call_t *fsp_call_new(fsp_frontend_t *self, fsp_session_t *session, uint64_t request_id,
                         fsp_client_type_t type);
/* Only from the sweep, or with its session. */
void fsp_call_destroy(fsp_frontend_t *self, fsp_call_t *call);
/* Ends what was answered; it stays, without its session's notice, until its last question is
 * answered. */
void fsp_call_sweep(fsp_frontend_t *self, fsp_call_t *call);
/* Takes a call from its session: it is over, whatever it was about. */
void fsp_call_drop(fsp_frontend_t *self, fsp_call_t *call);
/* An answer to one question of this call has come: the call, NULL if it is not there or was
 * answered. */
fsp_call_t *fsp_call_answered(fsp_frontend_t *self, uint64_t serial);
/* NULL if it is not there or was answered. */
fsp_call_t *fsp_call_by_serial(fsp_frontend_t *self, uint64_t serial);
fsp_call_t *fsp_call_of_session(fsp_session_t *session, uint64_t request_id);

/* -- sessions (frontend_session.c) ------------------------------------------------------------- */

/* The session of a routing id, made if need be, now the one heard last; NULL if there is no room or
 * no identity. */
fsp_session_t *fsp_session_touch(fsp_frontend_t *self, const uint8_t *routing_id, size_t bytes,
                                 const char *user_id);
void fsp_session_destroy(fsp_frontend_t *self, fsp_session_t *session);
/* Moves the session that HELLO names to the connection of `session`, which it replaces: its uploads
   live on, its other calls end.  Returns the session to go on with; *ret_resumed says whether it is
   the old one. */
fsp_session_t *fsp_session_resume(fsp_frontend_t *self, fsp_session_t *session, fsp_op_id_t id,
                                  bool *ret_resumed);
/* Keeps the answer of an upload, in case it does not arrive. */
void fsp_session_keep_answer(fsp_session_t *session, uint64_t request_id, fsp_client_type_t type,
                             fsp_slice_t body);
/* Ends transfers that do not move, if others wait for their memory. */
void fsp_frontend_evict_stalled(fsp_frontend_t *self);
/* So many octets of a transfer have come or gone. */
void fsp_call_moved(fsp_frontend_t *self, fsp_call_t *call, uint64_t bytes);
/* Ends what was answered.  Called when no call or session is on the stack. */
void fsp_frontend_sweep(fsp_frontend_t *self);

/* -- answers to clients (frontend_call.c) ------------------------------------------------------ */

void fsp_frontend_send_reply(fsp_frontend_t *self, fsp_session_t *session, fsp_client_type_t type,
                             uint64_t request_id, const fsp_reply_t *reply);
/* result (may be NULL): change number and heads that go with the refusal. */
void fsp_frontend_send_error(fsp_frontend_t *self, fsp_session_t *session, uint64_t request_id,
                             fsp_status_t status, const fsp_result_t *result);

/* Sends a message to the session's client; payload (may be NULL) is taken over. */
void fsp_frontend_send(fsp_frontend_t *self, fsp_session_t *session, fsp_client_type_t type,
                       uint64_t request_id, fsp_slice_t body, fsp_blob_t **payload_p);
/* The one OK of a call; the call is over. */
void fsp_frontend_ok(fsp_frontend_t *self, fsp_call_t *call, const fsp_reply_t *reply);
/* The one ERROR of a call; the call is over.  heads: with MISMATCH. */
void fsp_frontend_error(fsp_frontend_t *self, fsp_call_t *call, fsp_status_t status,
                        const fsp_result_t *result);
/* Ends a call without a word (its client is gone or has been told). */
void fsp_frontend_end(fsp_frontend_t *self, fsp_call_t *call);
/* The call is about this space, which stays as long as the call does. */
void fsp_call_use_space(fsp_call_t *call, fsp_gateway_space_t *space);
/* An answer has shown this change number of the space: who watches it gets what is new. */
void fsp_frontend_note_change(fsp_frontend_t *self, fsp_gateway_space_t *space, uint64_t change);

/* -- questions to other actors ----------------------------------------------------------------- */

/* The id under which the call asks; the call waits for one answer more. */
uint64_t fsp_ask_id(fsp_call_t *call, fsp_ask_t ask, uint64_t token);
void fsp_frontend_ask_shard(fsp_frontend_t *self, fsp_call_t *call, fsp_ask_t ask,
                            fsp_slice_t body);
/* Fills what all queries and commands of a call share. */
void fsp_frontend_query_init(const fsp_call_t *call, fsp_query_type_t type, fsp_query_t *ret);
void fsp_frontend_command_init(const fsp_call_t *call, fsp_command_type_t type, fsp_command_t *ret);
/* A new file id: the time, then random octets (docs/protocol/keys.md, section 3).  Each is greater
   than the one before, so the rows of what was made together lie together. */
fsp_file_id_t fsp_frontend_new_id(fsp_frontend_t *self);
void fsp_frontend_send_query(fsp_frontend_t *self, fsp_call_t *call, const fsp_query_t *query);
/* Encodes and sends; TOO_LARGE ends the call. */
void fsp_frontend_send_command(fsp_frontend_t *self, fsp_call_t *call,
                               const fsp_command_t *command);
/* Runs a job here if it is small, else hands it to the least busy worker; true if it ran here. */
bool fsp_frontend_run_job(fsp_frontend_t *self, fsp_job_t *job);

/* -- memory of transfers (frontend_memory.c) --------------------------------------------------- */

/* Reserves memory for a transfer, or lets it wait its turn (then fsp_frontend_opened follows
   later).  BUSY when too many wait. */
fsp_status_t fsp_frontend_reserve(fsp_frontend_t *self, fsp_call_t *call, uint64_t bytes,
                                  bool *ret_now);
/* The same for content that is here already; it does not wait: BUSY. */
fsp_status_t fsp_frontend_reserve_whole(fsp_frontend_t *self, fsp_call_t *call, uint64_t bytes);
/* True if the disk has room for bytes more. */
bool fsp_frontend_has_room(fsp_frontend_t *self, uint64_t bytes);
void fsp_frontend_opened(fsp_frontend_t *self, fsp_call_t *call);
/* Opens what waited, as far as memory allows. */
void fsp_frontend_start_waiting(fsp_frontend_t *self);
/* The call goes: its memory is free, but for what its client has still to take away. */
void fsp_frontend_give_back(fsp_frontend_t *self, fsp_call_t *call);
/* Lets go of all that has been given back so. */
void fsp_frontend_forget_partings(fsp_frontend_t *self);

/* -- bytes on their way to clients (frontend_flow.c) ------------------------------------------- */

fsp_flow_t *fsp_flow_new(void);
void fsp_flow_destroy(fsp_flow_t **self_p);
fsp_flow_t *fsp_flow_ref(fsp_flow_t *self);
uint64_t fsp_flow_bytes(const fsp_flow_t *self);
/* What was charged and has been released, since the flow was made. */
uint64_t fsp_flow_left(const fsp_flow_t *self);
/* A message that is charged to the flow until it is released, on any thread; takes over one
   reference. */
fsp_blob_t *fsp_flow_parcel(fsp_flow_t *flow, fsp_blob_t **blob_p);
/* The same bytes, charged to the flow as long as anybody holds them; takes over one reference. */
fsp_blob_t *fsp_flow_hold(fsp_flow_t *flow, fsp_blob_t **blob_p);
/* fd_text: "__fd" of a message that came by it (zmq_msg_gets); NULL: unknown. */
void fsp_line_note(fsp_line_t *self, const char *fd_text);
/* Ends the connection if it is still there, with all that is on its way by it. */
void fsp_line_cut(const fsp_line_t *self);

/* -- frontend_put.c ---------------------------------------------------------------------------- */

void fsp_put_begin(fsp_frontend_t *self, fsp_call_t *call, zmq_msg_t *payload);
void fsp_put_opened(fsp_frontend_t *self, fsp_call_t *call);
void fsp_put_data(fsp_frontend_t *self, fsp_call_t *call, uint64_t offset, fsp_slice_t bytes);
/* Answers RESUME: where the upload stands. */
void fsp_put_resume(fsp_frontend_t *self, fsp_call_t *call);
void fsp_put_commit(fsp_frontend_t *self, fsp_call_t *call, const fsp_request_t *commit);
void fsp_put_job_done(fsp_frontend_t *self, fsp_call_t *call, fsp_job_t *job);
/* Answer of the objects service; status not OK: its ERROR. */
void fsp_put_object_answer(fsp_frontend_t *self, fsp_call_t *call, fsp_ask_t ask, uint64_t token,
                           fsp_status_t status, fsp_mail_t *mail);
void fsp_put_result(fsp_frontend_t *self, fsp_call_t *call, const fsp_result_t *result);
/* Carries out what the upload wants done. */
void fsp_put_go_on(fsp_frontend_t *self, fsp_call_t *call);
/* All of it is stored: binds it to its name by one command. */
void fsp_put_ready(fsp_frontend_t *self, fsp_call_t *call);
/* Before the first CREDIT: its memory, its place in the log (fsp_put_log_ready), what it may be
   offered against (fsp_put_start). */
void fsp_put_start(fsp_frontend_t *self, fsp_call_t *call);
void fsp_put_log_ready(fsp_frontend_t *self, fsp_call_t *call);
/* Tells the client of the last checkpoint, if it does not know. */
void fsp_put_tell_durable(fsp_frontend_t *self, fsp_call_t *call);
/* An object that was fetched for it has come, or will not. */
void fsp_put_fetched(fsp_frontend_t *self, fsp_call_t *call, uint64_t token,
                     const fsp_fetched_t *fetched);
/* How long the content is to be; UINT64_MAX: its client has not said it. */
uint64_t fsp_put_size(const fsp_call_t *call);
/* The sealed records that a PUT command borrows; end with fsp_put_records_clear. */
typedef struct {
    fsp_blob_t *details, *content, *attr;
    fsp_buf_t carrier;
    fsp_key_t root_key;
} fsp_put_records_t;
/* Fills a PUT of content that is stored (or inline) into a command that was initialised. */
void fsp_put_fill(fsp_frontend_t *self, const fsp_call_t *call, const fsp_request_t *request,
                  const fsp_upload_outcome_t *outcome, fsp_put_records_t *ret_records,
                  fsp_command_t *command);
void fsp_put_records_clear(fsp_put_records_t *self);
/* What the client asked for, whatever the attempt, the epoch and the ids that the gateway makes. */
fsp_hash_t fsp_put_digest(const fsp_request_t *request, const fsp_upload_outcome_t *outcome,
                          fsp_buf_t *buf);

/* -- frontend_kept.c --------------------------------------------------------------------------- */

bool fsp_kept_is(const fsp_call_t *call);
/* The log knows of it: a PUT must end it. */
bool fsp_kept_in_log(const fsp_call_t *call);
/* Looks up how far the upload of a PUT is; fsp_put_log_ready follows. */
void fsp_kept_begin(fsp_frontend_t *self, fsp_call_t *call);
void fsp_kept_answer(fsp_frontend_t *self, fsp_call_t *call, uint64_t token, fsp_mail_t *mail);
/* The upload's CHECKPOINT. */
void fsp_kept_checkpoint(fsp_frontend_t *self, fsp_call_t *call);
/* It could not be taken up where it stood: true if it begins anew. */
bool fsp_kept_restart(fsp_frontend_t *self, fsp_call_t *call, fsp_status_t why);
/* The call ends with this ERROR: true if its upload ends before, and the ERROR follows. */
bool fsp_kept_give_up(fsp_frontend_t *self, fsp_call_t *call, fsp_status_t status,
                      const fsp_result_t *result);
/* The upload goes, whatever comes of the call. */
void fsp_kept_drop(fsp_frontend_t *self, fsp_call_t *call);
/* With the call's memory. */
void fsp_kept_forget(fsp_frontend_t *self, fsp_call_t *call);
/* Goes on with what waited for another call. */
void fsp_kept_start_waiting(fsp_frontend_t *self);

/* -- frontend_offer.c -------------------------------------------------------------------------- */

/* Reads what the client may offer against; fsp_put_start follows. */
void fsp_offer_begin(fsp_frontend_t *self, fsp_call_t *call);
void fsp_offer_base_answer(fsp_frontend_t *self, fsp_call_t *call, fsp_mail_t *mail);
void fsp_offer_base_fetched(fsp_frontend_t *self, fsp_call_t *call, uint64_t token,
                            const fsp_fetched_t *fetched);
/* What the first CREDIT says of it. */
void fsp_offer_fill_credit(const fsp_call_t *call, fsp_reply_t *reply);
/* From the client. */
void fsp_offer_message(fsp_frontend_t *self, fsp_call_t *call, const fsp_request_t *request);
void fsp_offer_have_answer(fsp_frontend_t *self, fsp_call_t *call, uint64_t token,
                           fsp_status_t status, fsp_slice_t body);
/* Asks, tells and passes what it can; true if the upload then wants something done. */
bool fsp_offer_turn(fsp_frontend_t *self, fsp_call_t *call);
/* So many of the octets at the upload's end may be taken now; 0: not one of them. */
size_t fsp_offer_room(const fsp_call_t *call, size_t bytes);
/* Octets were taken. */
void fsp_offer_taken(fsp_call_t *call);
void fsp_offer_forget(fsp_frontend_t *self, fsp_call_t *call);

/* -- frontend_fetch.c -------------------------------------------------------------------------- */

/* Reads an object, or no more than its head, for a PUT; fsp_put_fetched follows. */
void fsp_fetch_ask(fsp_frontend_t *self, fsp_call_t *call, fsp_key_t key, bool head_only,
                   uint64_t token);
void fsp_fetch_answer(fsp_frontend_t *self, fsp_call_t *call, uint64_t token, fsp_status_t status,
                      fsp_mail_t *mail);
void fsp_fetch_opened(fsp_frontend_t *self, fsp_call_t *call, fsp_job_t *job);
/* What an OBJECT_GET was answered; the caller clears it, whatever came. */
FSP_MUST_CHECK fsp_status_t fsp_fetch_take_part(fsp_mail_t *mail, fsp_object_part_t *ret);

/* -- frontend_get.c ---------------------------------------------------------------------------- */

/* Opens a node's sealed attributes; DAMAGED. */
fsp_status_t fsp_get_open_attr(const fsp_call_t *call, fsp_slice_t sealed, fsp_attr_t *ret);
void fsp_get_begin(fsp_frontend_t *self, fsp_call_t *call);
/* Opens what a version's record vouches for; *ret_plain keeps what *ret_details borrows. */
FSP_MUST_CHECK fsp_status_t fsp_get_open_version(const fsp_call_t *call,
                                                 const fsp_version_info_t *version,
                                                 fsp_carrier_t *ret_carrier,
                                                 fsp_details_t *ret_details,
                                                 fsp_blob_t **ret_plain);
/* The node that GET or STAT asked for; bytes stay valid during the call only. */
void fsp_get_resolved(fsp_frontend_t *self, fsp_call_t *call, const fsp_node_info_t *node,
                      uint64_t change, uint64_t at_index);
void fsp_get_opened(fsp_frontend_t *self, fsp_call_t *call);
/* Passes on held credit, as far as there is room on the way to the client. */
void fsp_get_go_on(fsp_frontend_t *self, fsp_call_t *call);
void fsp_get_credit(fsp_frontend_t *self, fsp_call_t *call, uint64_t bytes);
void fsp_get_job_done(fsp_frontend_t *self, fsp_call_t *call, fsp_job_t *job);
void fsp_get_object_answer(fsp_frontend_t *self, fsp_call_t *call, uint64_t token,
                           fsp_status_t status, fsp_mail_t *mail);

/* -- frontend_names.c -------------------------------------------------------------------------- */

/* STAT, LIST, VERSIONS, CHANGES, SPACES, MKDIR, DELETE, MOVE, COPY, RESTORE, LOCK, RENEW, UNLOCK,
   UNDELETE, PRUNE, ATTR. */
void fsp_names_begin(fsp_frontend_t *self, fsp_call_t *call);
void fsp_names_result(fsp_frontend_t *self, fsp_call_t *call, const fsp_result_t *result);
void fsp_names_answer(fsp_frontend_t *self, fsp_call_t *call, fsp_slice_t body);
/* The command that a request of this type stands for; 0 if it stands for none. */
fsp_command_type_t fsp_names_command_type(fsp_client_type_t type);
/* Fills it into a command that was initialised.  version_id: the whole id of the version that the
   request names; both are borrowed.  *ret_attr: what the command borrows, to be destroyed later. */
void fsp_names_fill(fsp_frontend_t *self, const fsp_call_t *call, fsp_client_type_t type,
                    const fsp_request_t *request, const fsp_version_id_t *version_id,
                    fsp_command_t *command, fsp_blob_t **ret_attr);
fsp_hash_t fsp_names_digest(const fsp_request_t *request, fsp_command_type_t type, fsp_buf_t *buf);
/* One item of CHANGES for clients. */
fsp_status_t fsp_names_change_item(fsp_answer_t *answer, fsp_buf_t *items, uint64_t *ret_index);

/* -- frontend_batch.c: BATCH, PURGE ------------------------------------------------------------ */

/* The operation id of the k-th further command of a request (docs/protocol/commands.md 6). */
fsp_op_id_t fsp_step_op(fsp_op_id_t op_id, uint32_t step);
void fsp_batch_begin(fsp_frontend_t *self, fsp_call_t *call);
void fsp_batch_result(fsp_frontend_t *self, fsp_call_t *call, const fsp_result_t *result);
void fsp_purge_begin(fsp_frontend_t *self, fsp_call_t *call);
void fsp_purge_result(fsp_frontend_t *self, fsp_call_t *call, const fsp_result_t *result);

/* -- frontend_keys.c: KEY_ADD, KEY_LIST, KEY_REMOVE ---------------------------------------------
 */

void fsp_keys_begin(fsp_frontend_t *self, fsp_call_t *call);
/* The auth actor has made a change durable: `body` is its OK.  Carried out, whoever asked. */
void fsp_keys_changed(fsp_frontend_t *self, fsp_slice_t body);
void fsp_keys_answer(fsp_frontend_t *self, fsp_call_t *call, fsp_status_t status, fsp_slice_t body);

/* -- frontend_watch.c -------------------------------------------------------------------------- */

void fsp_watch_begin(fsp_frontend_t *self, fsp_call_t *call);
void fsp_watch_credit(fsp_frontend_t *self, fsp_call_t *call, uint64_t changes);
void fsp_watch_answer(fsp_frontend_t *self, fsp_call_t *call, fsp_slice_t body);
/* Looks behind every watch that was not looked after for long, or that waited for room. */
void fsp_watch_turn(fsp_frontend_t *self);
/* Ends all watches: the node stops. */
void fsp_watch_end_all(fsp_frontend_t *self);

/* -- frontend_collect.c ------------------------------------------------------------------------ */

void fsp_collect_begin(fsp_frontend_t *self, fsp_call_t *call);
/* Answer of the rebalancer. */
void fsp_collect_answer(fsp_frontend_t *self, fsp_call_t *call, fsp_mail_t *mail);
/* FSP_NODE_EPOCH. */
void fsp_collect_epoch(fsp_frontend_t *self, fsp_slice_t body);
/* The node stops: rounds are ended, and those who wait for one are answered. */
void fsp_collect_end_all(fsp_frontend_t *self);

/* -- frontend_space.c -------------------------------------------------------------------------- */

void fsp_space_create_begin(fsp_frontend_t *self, fsp_call_t *call);
void fsp_space_set_begin(fsp_frontend_t *self, fsp_call_t *call);
void fsp_space_remove_begin(fsp_frontend_t *self, fsp_call_t *call);
void fsp_space_result(fsp_frontend_t *self, fsp_call_t *call, const fsp_result_t *result);
/* The answer to SPACES about a space that was just made. */
void fsp_space_answer(fsp_frontend_t *self, fsp_call_t *call, fsp_slice_t body);
/* FSP_NODE_GONE: else a removed space that nobody asks for would stay, and count, until the end. */
void fsp_space_gone(fsp_frontend_t *self, fsp_slice_t body);
#endif
