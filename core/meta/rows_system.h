/* SPDX-License-Identifier: MIT */
/* rows_system - keys and values of the system shard's tables.  Layer core/meta.  Pure.
 *
 * As rows.h; all keys have the zero space.  Decoded rows borrow from the value.  Readers check what
 * a single row can be checked for (states, roles, order), audit_system what rows say of each other.
 */
#ifndef FSP_CORE_META_ROWS_SYSTEM_H
#define FSP_CORE_META_ROWS_SYSTEM_H
#include "core/meta/rows.h"
#include "core/place/place.h"

/* -- the system row (FSP_TABLE_SYSTEM, -) ------------------------------------------------------ */
typedef struct {
    fsp_mesh_id_t mesh_id;
    uint32_t slot_bits;
    uint32_t copies;         /* R */
    uint64_t layout_version; /* rises by one with every list and retirement */
    uint32_t level;          /* known to every member that is not out */
    uint32_t shard_count;
    uint32_t member_count; /* not removed */
    uint64_t admin_count;  /* enabled */
    /* What a space row has for the feed and for exactly once. */
    uint64_t change_index;
    fsp_hash_t head_hash;
    uint64_t horizon;
    uint64_t op_count;
} fsp_system_row_t;
void fsp_system_row_encode(const fsp_system_row_t *row, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_system_row_decode(fsp_slice_t bytes, fsp_system_row_t *ret);

/* -- member (FSP_TABLE_MEMBER, node id) -------------------------------------------------------- */
typedef enum {
    FSP_MEMBER_JOINING = 1,  /* admitted, in no list yet */
    FSP_MEMBER_ACTIVE = 2,   /* in the newest list; or in none because it stores nothing */
    FSP_MEMBER_DRAINING = 3, /* in no newer list; a source until its bytes are confirmed */
    FSP_MEMBER_OUT = 4,      /* keeps its identity, owns nothing */
} fsp_member_state_t;

typedef struct {
    fsp_hash_t signing_key;
    fsp_store_id_t store_id;
    uint32_t roles, zone;
    uint64_t capacity;
    uint32_t level;
    fsp_member_state_t state;
    bool ready;                /* not listed: it has pulled what it is to own */
    uint64_t synced;           /* version of the list of which it last reported SYNCED, or 0 */
    uint64_t joined;           /* change number of its admission */
    fsp_hash_t invitation;     /* zero: the first member */
    fsp_slice_t member_record; /* signed */
} fsp_member_row_t;
void fsp_member_row_encode(const fsp_member_row_t *row, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_member_row_decode(fsp_slice_t bytes, fsp_member_row_t *ret);
/* True for members that stand in lists: those that store, and witnesses. */
static inline bool
fsp_member_listable(uint32_t roles)
{
    return roles & (FSP_ROLE_STORAGE | FSP_ROLE_WITNESS);
}

/* -- list (FSP_TABLE_LAYOUT, version u64) ------------------------------------------------------ */
typedef struct {
    fsp_member_t *members; /* by age; owned */
    size_t count;
    uint64_t version; /* from the key */
} fsp_list_t;
void fsp_list_clear(fsp_list_t *self);
static inline fsp_member_list_t
fsp_list_members(const fsp_list_t *self)
{
    return (fsp_member_list_t){.members = self->members, .count = self->count};
}
void fsp_list_row_encode(const fsp_list_t *list, fsp_buf_t *buf);
/* On FSP_OK ret owns its members; version is left 0. */
FSP_MUST_CHECK fsp_status_t fsp_list_row_decode(fsp_slice_t bytes, fsp_list_t *ret);

/* -- invitation (FSP_TABLE_INVITATION, public key) --------------------------------------------- */
typedef enum {
    FSP_INVITATION_OPEN = 1,
    FSP_INVITATION_SPENT = 2,
    FSP_INVITATION_TAKEN_BACK = 3,
} fsp_invitation_state_t;

typedef struct {
    uint32_t roles, zone;
    uint64_t ceiling; /* of capacity */
    fsp_time_t expiry;
    fsp_invitation_state_t state;
    fsp_node_id_t node_id; /* that spent it; zero otherwise */
} fsp_invitation_row_t;
void fsp_invitation_row_encode(const fsp_invitation_row_t *row, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_invitation_row_decode(fsp_slice_t bytes, fsp_invitation_row_t *ret);

/* -- shard (FSP_TABLE_SHARDS, number u32) ------------------------------------------------------ */
typedef enum {
    FSP_REPLICA_VOTER = 1,
    FSP_REPLICA_SYNC_LEARNER = 2, /* answers wait for it; it does not vote */
    FSP_REPLICA_WITNESS = 3,      /* a voter that owns no objects */
} fsp_replica_role_t;
enum { FSP_REPLICAS_MAX = 5 };

typedef struct {
    fsp_node_id_t node_id;
    uint64_t number; /* of the replica, within its shard; never used again */
    fsp_store_id_t store_id;
    fsp_replica_role_t role;
} fsp_first_replica_t;

typedef struct {
    uint32_t slot;
    uint64_t list_version; /* newest list when it was made */
    uint64_t space_count;  /* creating, ready or closing */
    fsp_first_replica_t replicas[FSP_REPLICAS_MAX];
    size_t replica_count;
} fsp_shards_row_t;
void fsp_shards_row_encode(const fsp_shards_row_t *row, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_shards_row_decode(fsp_slice_t bytes, fsp_shards_row_t *ret);

/* -- spaces directory (FSP_TABLE_SPACE_DIRECTORY, space id) ------------------------------------ */
typedef enum {
    FSP_DIRECTORY_CREATING = 1,
    FSP_DIRECTORY_READY = 2,
    FSP_DIRECTORY_CLOSING = 3,
    FSP_DIRECTORY_GONE = 4, /* for ever; no name, owner or init */
} fsp_directory_state_t;

typedef struct {
    fsp_slice_t name;
    fsp_subject_id_t owner;
    uint32_t shard;
    fsp_directory_state_t state;
    fsp_time_t deadline; /* closing: from then on it may go; gone: when it went */
    fsp_slice_t init;    /* body of SPACE_INIT, until the space is ready */
} fsp_directory_row_t;
void fsp_directory_row_encode(const fsp_directory_row_t *row, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_directory_row_decode(fsp_slice_t bytes, fsp_directory_row_t *ret);

/* -- accounts, groups, tokens ------------------------------------------------------------------ */
typedef struct {
    fsp_slice_t name;
    bool admin, enabled;
    fsp_slice_t secret; /* sealed under the mesh key */
} fsp_account_row_t;    /* FSP_TABLE_ACCOUNT, account id */
void fsp_account_row_encode(const fsp_account_row_t *row, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_account_row_decode(fsp_slice_t bytes, fsp_account_row_t *ret);

typedef struct {
    fsp_slice_t name;
    fsp_slice_t accounts; /* canonical array of ids, ascending (fsp_entries_open) */
} fsp_group_row_t;        /* FSP_TABLE_GROUP, group id */
void fsp_group_row_encode(const fsp_group_row_t *row, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_group_row_decode(fsp_slice_t bytes, fsp_group_row_t *ret);

typedef struct {
    fsp_subject_id_t account;
    fsp_time_t expiry; /* 0: never */
    fsp_slice_t scope, label;
    fsp_time_t made;
} fsp_token_row_t; /* FSP_TABLE_TOKEN, SHA-256 of the secret */
void fsp_token_row_encode(const fsp_token_row_t *row, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_token_row_decode(fsp_slice_t bytes, fsp_token_row_t *ret);

/* -- change (FSP_TABLE_CHANGE under the zero space, number u64) -------------------------------- */
enum { FSP_SYSTEM_CHANGE_ID_BYTES_MAX = 64 };
typedef struct {
    uint64_t index;
    fsp_command_type_t operation;
    fsp_time_t time;
    fsp_subject_id_t author;
    fsp_op_id_t op_id;
    fsp_slice_t id; /* what it is about */
    uint64_t layout_version;
    uint32_t level;
    fsp_hash_t previous;
} fsp_system_change_t;
void fsp_system_change_encode(const fsp_system_change_t *change, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_system_change_decode(fsp_slice_t bytes, fsp_system_change_t *ret);

/* -- single values ----------------------------------------------------------------------------- */
/* FSP_TABLE_SYSTEM_NAME, table u8 of what is named (SPACE_DIRECTORY, ACCOUNT, GROUP), name: its id
   (16).  FSP_TABLE_REMOVED, node id: change number of the removal.  FSP_TABLE_SETTING, name: the
   value (bin). */
void fsp_system_id_encode(const uint8_t id[16], fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_system_id_decode(fsp_slice_t bytes, uint8_t ret_id[16]);
FSP_MUST_CHECK fsp_status_t fsp_removed_row_decode(fsp_slice_t bytes, uint64_t *ret_number);
FSP_MUST_CHECK fsp_status_t fsp_setting_row_decode(fsp_slice_t bytes, fsp_slice_t *ret_value);
#endif
