/* SPDX-License-Identifier: MIT */
/* node - what the actors of one node share: classes, start arguments, local messages.  Layer
 * actors. */
#ifndef FSP_ACTORS_NODE_H
#define FSP_ACTORS_NODE_H
#include "actors/actor.h"
#include "actors/keyring.h"
#include "actors/spaces.h"
#include "core/base/batch.h"
#include "core/data/chunker.h"
#include "core/data/object.h"
#include "core/meta/query.h"
#include "core/raft/raft.h"
#include "store/store.h"

/* -- store: makes durable ---------------------------------------------------------------------- */

extern const fsp_actor_class_t fsp_store_actor_class;

typedef struct {
    fsp_store_t *store; /* opened by the supervisor, who closes it when the actor has stopped */
} fsp_store_actor_args_t;

/* FSP_SERVICE_STORE: a job travels to the store as WRITE and back to its sender as WRITTEN.  KEPT,
   without a job, to everybody who wrote for a replica: its request id is a place, and state rows of
   all groups up to it are on stable storage; now and then, behind the WRITTEN of those. */
enum { FSP_STORE_WRITE = 1, FSP_STORE_WRITTEN = 2, FSP_STORE_KEPT = 3 };
typedef struct {
    uint64_t token;     /* the sender's */
    fsp_batch_t *batch; /* owned */
    bool durable;
    bool keeps_state; /* answered when all state rows up to and in it are on stable storage */
    uint64_t place;   /* out: of the group that it went with, a sequence of the store */
    /* For the durable watermark: which log is durable up to where once this is written (index 0:
     * none). */
    uint32_t shard;
    uint64_t replica;
    uint64_t durable_index;
    bool cuts; /* and ends there, though it may have been longer; only with durable */
} fsp_store_job_t;
/* Makes a job; takes *batch_p over.  Ends with fsp_store_job_destroy. */
fsp_store_job_t *fsp_store_job_new(uint64_t token, fsp_batch_t **batch_p, bool durable);
void fsp_store_job_destroy(fsp_store_job_t **self_p);
/* Drops what still waits in the inbox of an actor that ends; jobs of the store are freed. */
void fsp_store_jobs_drop(fsp_mailbox_t *mailbox);

/* -- shard: one replica's log and state machine ------------------------------------------------ */

/* Command "IDLE": OK if all that is applied can be read from the database, BUSY. */
extern const fsp_actor_class_t fsp_shard_actor_class;

enum { FSP_HOME_REPLICA = 1 }; /* number of its only replica */
enum { FSP_HOME_SHARD = 1 };   /* shard 0 is the system shard; spaces start in shard 1 */

typedef struct {
    fsp_store_t *store;
    fsp_shard_ref_t shard;
    fsp_raft_member_t self;
} fsp_shard_actor_args_t;

/* -- objects: this node's slots ---------------------------------------------------------------- */

extern const fsp_actor_class_t fsp_objects_actor_class;

/* An OBJECT_PUT of this node's own gateway has a second payload, the object's head: who sealed it
   knows its digests, and they are not made again.  From anybody else a head is refused. */

typedef struct {
    fsp_store_t *store;
    unsigned slot_bits;
    uint64_t layout_version;
    fsp_store_id_t store_id;
} fsp_objects_actor_args_t;

/* -- rebalancer: what is stored where, and what need not be stored any more ---------------------
 */

extern const fsp_actor_class_t fsp_rebalancer_actor_class;

typedef struct {
    fsp_store_t *store;
    fsp_shard_ref_t shard; /* whose spaces are looked after */
    uint64_t layout_version;
    fsp_time_t first_us, every_us; /* rounds of each space: after the start, and from then on */
} fsp_rebalancer_actor_args_t;

/* FSP_SERVICE_NODE, with the CLOSING of housekeeping.h as 1:
   COLLECT: space id; OK: fsp_node_collected_t; ERROR as of peers.  Who asks while a round of the
   space is under way gets what comes of it.
   GONE (to the frontend, too): space id, without an answer: its tombstone is written.
   STOP: without an answer: the node stops; who waits is answered CLOSING.
   EPOCH (to the frontend): space id, epoch u64, without an answer: a round was opened. */
enum {
    FSP_NODE_COLLECT = 2,
    FSP_NODE_GONE = 3,
    FSP_NODE_STOP = 4,
    FSP_NODE_EPOCH = 7, /* 5 and 6 are OK and ERROR */
};
typedef struct {
    uint64_t epoch;
    uint64_t live, swept, swept_bytes;
} fsp_node_collected_t;

/* -- workers: jobs too large for an actor's own thread ----------------------------------------- */

extern const fsp_actor_class_t fsp_worker_actor_class;

/* FSP_SERVICE_WORKERS: a job travels to a worker as JOB and back as DONE. */
enum { FSP_WORKER_JOB = 1, FSP_WORKER_DONE = 2 };
typedef enum { FSP_JOB_SEAL, FSP_JOB_OPEN, FSP_JOB_OPEN_RANGE } fsp_job_type_t;
typedef struct {
    fsp_job_type_t type;
    uint64_t owner;               /* the frontend's: which transfer, by serial number */
    uint64_t token;               /* the transfer's: which object */
    const fsp_space_keys_t *keys; /* outlive every job */
    /* SEAL: in kind, open, plain; out made. */
    fsp_object_kind_t kind;
    fsp_blob_t *open, *plain;
    fsp_sealed_t made;
    /* OPEN: in key, head, open, sealed, sealed_from; out status, plain. */
    fsp_key_t key;
    uint8_t head[FSP_OBJECT_HEAD_BYTES];
    fsp_blob_t *sealed;
    uint64_t sealed_from;
    fsp_status_t status;
} fsp_job_t;
fsp_job_t *fsp_job_new(fsp_job_type_t type, uint64_t owner, uint64_t token,
                       const fsp_space_keys_t *keys);
void fsp_job_destroy(fsp_job_t **self_p);
/* Does the work on the caller's thread. */
void fsp_job_run(fsp_job_t *self);
/* Bytes the job has to go through, to decide where it runs. */
size_t fsp_job_bytes(const fsp_job_t *self);

/* -- auth: who may connect --------------------------------------------------------------------- */

extern const fsp_actor_class_t fsp_auth_actor_class;

typedef struct {
    const char *directory;
    fsp_keyring_t keyring; /* as it was loaded; the actor's own from START on */
} fsp_auth_actor_args_t;

/* FSP_SERVICE_AUTH: ADD [key 32, time u64, name], REMOVE [key 32], plain octets.  OK: the type as
   u8, then the same octets (of the key that is there now): what is durable; ERROR: [1, status]. */
enum { FSP_AUTH_ADD = 1, FSP_AUTH_REMOVE = 2, FSP_AUTH_ADD_BYTES_MIN = 32 + 8 };
/* What a connection proved about itself, as its User-Id: 32 hex digits of the subject, and behind a
   ':' 64 of the key.  The key may be missing (tests have no ZAP): zero. */
enum { FSP_USER_ID_BYTES = 32 + 1 + 64 };
void fsp_user_id_encode(fsp_subject_id_t subject, fsp_key_t key, char ret[FSP_USER_ID_BYTES + 1]);
FSP_MUST_CHECK fsp_status_t fsp_user_id_decode(const char *user_id, fsp_subject_id_t *ret_subject,
                                               fsp_key_t *ret_key);

/* -- frontend: the gateway --------------------------------------------------------------------- */

extern const fsp_actor_class_t fsp_frontend_actor_class;

typedef struct {
    const char *listen; /* tcp://HOST:PORT, PORT may be * */
    uint8_t curve_public[32];
    fsp_secret_t curve_secret;
    fsp_sign_key_t sign_key; /* signs receipts */
    fsp_node_id_t node_id;
    fsp_mesh_id_t mesh_id;
    fsp_store_t *store;    /* for disk status only */
    fsp_spaces_t *spaces;  /* outlives the actor, who alone uses it meanwhile */
    fsp_keyring_t keyring; /* a copy, kept up to date by the auth actor's answers */
    size_t worker_count;
    uint64_t layout_version;
    uint64_t feature_level; /* of the shard: what is above it is not sent there */
    char endpoint[256];     /* out: the actual address, after START */
} fsp_frontend_actor_args_t;
/* Commands of the frontend: "SERVE" answer requests from now on, "DRAIN" refuse new ones. "IDLE"
   asks whether anything is under way: OK or BUSY. */

#endif
