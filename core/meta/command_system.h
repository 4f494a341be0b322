/* SPDX-License-Identifier: MIT */
/* command_system - bodies of commands: the system shard.  Layer core/meta.  Pure.
 *
 * Included by command.h only, in its middle: it uses types declared there.
 * Exact words: docs/protocol/commands-system.md.
 *
 * Lists within a body (members of a list, accounts of a group, settings) stay in their canonical
 * bytes, which decoding has checked, so that a command is small whatever it carries.  They are
 * made by the _encode functions below and read one by one by _next.
 */
#ifndef FSP_CORE_META_COMMAND_SYSTEM_H
#define FSP_CORE_META_COMMAND_SYSTEM_H
#include "core/base/canon.h"

enum {
    FSP_SYSTEM_SHARD = 0,
    FSP_SYSTEM_LEVEL_MIN = 2, /* first feature level that knows these commands */
    FSP_SYSTEM_MEMBERS_MAX = 1024,
    FSP_LISTS_MAX = 8,       /* live ones, for LIST_ADD */
    FSP_LISTS_HARD_MAX = 32, /* for OUT, DRAIN, REMOVE */
    FSP_INVITATIONS_MAX = 1024,
    FSP_SHARDS_MAX = 65536,
    FSP_GROUP_ACCOUNTS_MAX = 1000,
    FSP_GENESIS_SETTINGS_MAX = 64,
    FSP_GENESIS_RECORD_BYTES_MAX = 256,
    FSP_MEMBER_RECORD_BYTES_MAX = 2048,
    FSP_ACCOUNT_SECRET_BYTES_MAX = 1024,
    FSP_TOKEN_SCOPE_BYTES_MAX = 256,
    FSP_TOKEN_LABEL_BYTES_MAX = 63,
    FSP_SETTING_BYTES_MAX = 4096,
    FSP_SPACE_INIT_BYTES_MAX = 4096,
};
#define FSP_INVITATION_KEPT_US ((fsp_time_t)24 * 3600 * 1000 * 1000)
#define FSP_SPACE_GRACE_US_MAX ((fsp_time_t)365 * 24 * 3600 * 1000 * 1000)

typedef struct {
    /* Who or what it is about; each command uses those that its name says. */
    fsp_node_id_t node_id;    /* NODE_SYNCED, OUT, WEIGHT, ZONE, DRAIN, REMOVE, NODE_LEVEL */
    fsp_hash_t invitation;    /* INVITE, UNINVITE, JOIN: one-shot CURVE public key */
    fsp_hash_t token;         /* TOKEN, TOKEN_DROP: SHA-256 of the secret */
    fsp_space_id_t space_id;  /* SPACE_* (the command's own space id is zero) */
    fsp_subject_id_t account; /* GENESIS, ACCOUNT, TOKEN; owner of SPACE_NEW */
    fsp_subject_id_t group;   /* GROUP */
    fsp_slice_t name;         /* GENESIS (of the account), SPACE_NEW, ACCOUNT, GROUP, SETTING */
    uint32_t shard;           /* SHARD_ADD */
    uint64_t list_version;    /* NODE_SYNCED; LIST_ADD: layout version that it was made for */
    uint32_t level;           /* GENESIS, JOIN, NODE_LEVEL */
    fsp_time_t expiry;        /* INVITE, TOKEN (0: never) */

    /* A node: GENESIS (the first), INVITE (roles, zone, capacity = ceiling), JOIN, WEIGHT, ZONE. */
    fsp_hash_t signing_key;
    fsp_store_id_t store_id;
    uint32_t roles, zone;
    uint64_t capacity;
    fsp_slice_t member_record; /* signed; not looked into */

    fsp_slice_t genesis_record;
    uint32_t slot_bits;       /* GENESIS: from the record, by decoding; not encoded */
    uint32_t copies;          /* GENESIS: R */
    fsp_slice_t settings;     /* GENESIS: array of [name, value] */
    fsp_slice_t list;         /* LIST_ADD: array of [node, inverse weight] */
    fsp_slice_t accounts;     /* GROUP: array of account ids */
    fsp_slice_t init;         /* SPACE_NEW: body of the SPACE_INIT to come */
    fsp_slice_t secret;       /* GENESIS, ACCOUNT */
    fsp_slice_t scope, label; /* TOKEN */
    fsp_slice_t value;        /* SETTING */
    bool admin, enabled;      /* ACCOUNT */
    bool drop;                /* GROUP; SPACE_CLOSE: take back (encoded as `close` = !drop) */
    uint64_t grace;           /* SPACE_CLOSE, microseconds */
} fsp_system_body_t;

typedef struct {
    fsp_node_id_t node_id;
    uint32_t inverse_weight;
} fsp_list_entry_t;
/* Appends the array for `list`; entries by ascending node id. */
void fsp_list_entries_encode(const fsp_list_entry_t *entries, size_t count, fsp_buf_t *buf);
/* Appends the array for `accounts`; ascending. */
void fsp_account_ids_encode(const fsp_subject_id_t *ids, size_t count, fsp_buf_t *buf);
typedef struct {
    fsp_slice_t name, value;
} fsp_setting_t;
/* Appends the array for `settings`; names ascending. */
void fsp_settings_encode(const fsp_setting_t *settings, size_t count, fsp_buf_t *buf);

/* Reading one by one: open gives the count, then as many _next. */
fsp_canon_t fsp_entries_open(fsp_slice_t array, size_t *ret_count);
fsp_list_entry_t fsp_list_entry_next(fsp_canon_t *reader);
fsp_subject_id_t fsp_account_id_next(fsp_canon_t *reader);
fsp_setting_t fsp_setting_next(fsp_canon_t *reader);

/* SHA-256 of the signing key. */
fsp_node_id_t fsp_system_node_id(fsp_hash_t signing_key);
/* Roles that a member may have (docs/protocol/commands-system.md, section 2). */
bool fsp_roles_valid(uint32_t roles);
#endif
