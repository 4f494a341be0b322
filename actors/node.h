/* SPDX-License-Identifier: MIT */
/* node - what the actors of one node share: classes, start arguments, local messages.  Layer
 * actors. */
#ifndef FSP_ACTORS_NODE_H
#define FSP_ACTORS_NODE_H
#include "actors/actor.h"
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

/* FSP_SERVICE_STORE: a job travels to the store as WRITE and back to its sender as WRITTEN. */
enum { FSP_STORE_WRITE = 1, FSP_STORE_WRITTEN = 2 };
typedef struct {
    uint64_t token;     /* the sender's */
    fsp_batch_t *batch; /* owned */
    bool durable;
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

typedef struct {
    fsp_store_t *store;
    unsigned slot_bits;
    uint64_t layout_version;
} fsp_objects_actor_args_t;

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
    /* SEAL: in kind, open, plain; out object, key, digest. */
    fsp_object_kind_t kind;
    fsp_blob_t *open, *plain, *object;
    fsp_key_t key;
    fsp_hash_t digest;
    /* OPEN: in key, head, open, sealed, sealed_from; out status, plain. */
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
    uint8_t admin_public_key[32];
} fsp_auth_actor_args_t;

/* -- frontend: the gateway --------------------------------------------------------------------- */

extern const fsp_actor_class_t fsp_frontend_actor_class;

typedef struct {
    const char *listen; /* tcp://HOST:PORT, PORT may be * */
    uint8_t curve_public[32];
    fsp_secret_t curve_secret;
    fsp_sign_key_t sign_key; /* signs receipts */
    fsp_node_id_t node_id;
    fsp_mesh_id_t mesh_id;
    fsp_store_t *store;   /* for disk status only */
    fsp_spaces_t *spaces; /* outlives the actor, who alone uses it meanwhile */
    size_t worker_count;
    uint64_t layout_version;
    uint64_t feature_level; /* of the shard: what is above it is not sent there */
    char endpoint[256];     /* out: the actual address, after START */
} fsp_frontend_actor_args_t;
/* Commands of the frontend: "SERVE" answer requests from now on, "DRAIN" refuse new ones. "IDLE"
   asks whether anything is under way: OK or BUSY. */

#endif
