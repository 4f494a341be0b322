/* SPDX-License-Identifier: MIT */
/* spaces - the spaces whose keys this gateway holds.  Layer actors.
 *
 * A space's data keys and cut key are made here, leave only wrapped under the mesh key, and come
 * back in answers of the shard.  The list belongs to one thread at a time: the supervisor fills it
 * before it starts the frontend, which has it from then on.
 */
#ifndef FSP_ACTORS_SPACES_H
#define FSP_ACTORS_SPACES_H
#include "core/crypto/keys.h"
#include "core/data/chunker.h"
#include "core/data/object.h"
#include "core/meta/query.h"

/* The space that is made with the mesh and cannot be removed. */
#define FSP_HOME_SPACE "home"
enum {
    FSP_SPACES_MAX = FSP_LIST_LIMIT_MAX, /* no more are made: one answer lists them all */
    /* What a shard has is taken all the same, for a node that does not start helps nobody. */
    FSP_SPACES_HELD_MAX = 2 * FSP_SPACES_MAX,
};

/* A space as the gateway knows it, with the keys in the clear. */
typedef struct {
    fsp_space_id_t space_id;
    char name[FSP_SPACE_NAME_BYTES_MAX + 1];
    fsp_subject_id_t owner;
    uint64_t epoch;
    uint64_t change;   /* highest change number that this gateway has seen */
    fsp_time_t closes; /* when its content goes; 0: it is open */
    fsp_space_keys_t *keys;
    fsp_gear_t *gear;
    fsp_secret_t cut_key; /* of the gear: for clients that cut by themselves */
    size_t uses;          /* calls that need it */
    bool retired;         /* it is gone: nobody finds it, and it ends with its last call */
} fsp_gateway_space_t;

typedef struct fsp_spaces fsp_spaces_t;

/* mesh_key is borrowed. */
fsp_spaces_t *fsp_spaces_new(const fsp_secret_t *mesh_key);
void fsp_spaces_destroy(fsp_spaces_t **self_p);
/* How many there are, retired ones included: no more are taken beyond FSP_SPACES_HELD_MAX. */
size_t fsp_spaces_count(const fsp_spaces_t *self);

/* Completes the SPACE_INIT of a space (whose id, owner, name and quota the caller has filled, and
   lengths of chunks unless it wants the usual ones) by version, fresh ids and keys, and appends its
   bytes to ret. */
void fsp_spaces_make(const fsp_spaces_t *self, fsp_command_t *command, fsp_buf_t *ret);
/* Opens the keys of a space and takes it into the list, in place of what had its name.  One that is
   there already is only brought up to date.  DAMAGED if the keys do not open, BUSY if there are too
   many. */
FSP_MUST_CHECK fsp_status_t fsp_spaces_take(fsp_spaces_t *self, const fsp_space_info_t *info,
                                            fsp_gateway_space_t **ret);
/* Takes over keys and gear; for tests, whose keys come from nowhere. */
fsp_gateway_space_t *fsp_spaces_add(fsp_spaces_t *self, const fsp_gateway_space_t *space);

/* By name (empty: the home space); NULL if there is none. */
fsp_gateway_space_t *fsp_spaces_find(fsp_spaces_t *self, fsp_slice_t name);
fsp_gateway_space_t *fsp_spaces_by_id(fsp_spaces_t *self, fsp_space_id_t space_id);
/* The home space; the first one where none has its name. */
fsp_gateway_space_t *fsp_spaces_home(fsp_spaces_t *self);
/* The shard does not know it any more. */
void fsp_spaces_retire(fsp_spaces_t *self, fsp_gateway_space_t *space);
/* Frees retired spaces that no call uses. */
void fsp_spaces_sweep(fsp_spaces_t *self);
#endif
