/* SPDX-License-Identifier: MIT */
/* command_system - bytes of commands: the system shard.  Layer core/meta.  Pure. */
#include "core/base/check.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"
#include "core/meta/command_codec.h"
#include "core/place/place.h"

enum { GENESIS_FIELDS = 6, GENESIS_NODE_FIELDS = 6, GENESIS_RECORD_FIELDS = 6 };
enum { SLOT_BITS_MIN = 16, SLOT_BITS_MAX = 20, ROLES_ALL = 15 };

/* -- parts ------------------------------------------------------------------------------------- */

fsp_node_id_t
fsp_system_node_id(fsp_hash_t signing_key)
{
    fsp_hash_t hash = fsp_sha256(FSP_SLICE_OF(signing_key));
    fsp_node_id_t id;
    static_assert(sizeof(id) == sizeof(hash), "a node id is a hash");
    memcpy(id.bytes, hash.bytes, sizeof(id.bytes));
    return id;
}

bool
fsp_roles_valid(uint32_t roles)
{
    bool storage = roles & FSP_ROLE_STORAGE;
    if (roles == 0 || roles > ROLES_ALL)
        return false;
    if (storage && (roles & FSP_ROLE_WITNESS))
        return false;
    return storage || !(roles & FSP_ROLE_VOTER);
}

static void
code_name(fsp_codec_t *codec, fsp_slice_t *name)
{
    if (codec->out)
        fsp_canon_text(codec->out, *name);
    else
        *name = fsp_canon_read_text(&codec->in, FSP_SPACE_NAME_BYTES_MAX);
    fsp_code_require(codec, fsp_space_name_valid(*name), FSP_BAD_NAME);
}

/* An id that must not be zero. */
#define CODE_ID_SET(codec, id, type)                                                               \
    do {                                                                                           \
        FSP_CODE_ID((codec), (id));                                                                \
        fsp_code_require((codec), !type##_is_zero(*(id)), FSP_INVALID);                            \
    } while (0)

static void
code_roles(fsp_codec_t *codec, uint32_t *roles)
{
    fsp_code_u32(codec, roles);
    fsp_code_require(codec, fsp_roles_valid(*roles), FSP_INVALID);
}

static void
code_level(fsp_codec_t *codec, uint32_t *level)
{
    fsp_code_u32(codec, level);
    fsp_code_require(codec, *level > 0, FSP_INVALID);
}

/* -- lists that stay in their bytes ------------------------------------------------------------ */

void
fsp_list_entries_encode(const fsp_list_entry_t *entries, size_t count, fsp_buf_t *buf)
{
    fsp_canon_array(buf, count);
    for (size_t i = 0; i < count; i++) {
        fsp_canon_array(buf, 2);
        fsp_canon_id(buf, entries[i].node_id);
        fsp_canon_uint(buf, entries[i].inverse_weight);
    }
}

void
fsp_account_ids_encode(const fsp_subject_id_t *ids, size_t count, fsp_buf_t *buf)
{
    fsp_canon_array(buf, count);
    for (size_t i = 0; i < count; i++)
        fsp_canon_id(buf, ids[i]);
}

void
fsp_settings_encode(const fsp_setting_t *settings, size_t count, fsp_buf_t *buf)
{
    fsp_canon_array(buf, count);
    for (size_t i = 0; i < count; i++) {
        fsp_canon_array(buf, 2);
        fsp_canon_text(buf, settings[i].name);
        fsp_canon_bin(buf, settings[i].value);
    }
}

fsp_canon_t
fsp_entries_open(fsp_slice_t array, size_t *ret_count)
{
    fsp_canon_t reader = fsp_canon_reader(array);
    *ret_count = fsp_canon_read_array(&reader, 0, FSP_SYSTEM_MEMBERS_MAX);
    FSP_ASSERT(reader.status == FSP_OK); /* decoding has read it before */
    return reader;
}

fsp_list_entry_t
fsp_list_entry_next(fsp_canon_t *reader)
{
    fsp_list_entry_t entry;
    (void)fsp_canon_read_array(reader, 2, 2); /* sticky */
    fsp_canon_read_id(reader, &entry.node_id);
    entry.inverse_weight = (uint32_t)fsp_canon_read_uint(reader, UINT32_MAX);
    return entry;
}

fsp_subject_id_t
fsp_account_id_next(fsp_canon_t *reader)
{
    fsp_subject_id_t id;
    fsp_canon_read_id(reader, &id);
    return id;
}

fsp_setting_t
fsp_setting_next(fsp_canon_t *reader)
{
    fsp_setting_t setting;
    (void)fsp_canon_read_array(reader, 2, 2); /* sticky */
    setting.name = fsp_canon_read_text(reader, FSP_SPACE_NAME_BYTES_MAX);
    setting.value = fsp_canon_read_bin(reader, FSP_SETTING_BYTES_MAX);
    return setting;
}

/* Reads what one item is, and says whether it may follow the one before (NULL: the first). */
typedef fsp_status_t(check_item_fn)(fsp_canon_t *reader, fsp_slice_t *last);

/* The bytes of an array of count_min..count_max items, each checked as it goes by. */
static void
code_entries(fsp_codec_t *codec, fsp_slice_t *array, size_t count_min, size_t count_max,
             check_item_fn *check)
{
    if (codec->out) {
        fsp_buf_append_slice(codec->out, *array);
        return;
    }
    const uint8_t *from = codec->in.at;
    size_t count = fsp_canon_read_array(&codec->in, count_min, count_max);
    fsp_slice_t last = {0};
    for (size_t i = 0; i < count && codec->in.status == FSP_OK; i++) {
        fsp_status_t status = check(&codec->in, &last);
        if (status && codec->in.status == FSP_OK)
            fsp_canon_fail(&codec->in, status);
    }
    *array = fsp_slice(from, (size_t)(codec->in.at - from));
}

/* True if next comes behind *last, which it becomes. */
static bool
ascends(fsp_slice_t *last, fsp_slice_t next)
{
    bool rises = last->bytes == 0 || fsp_slice_cmp(*last, next) < 0;
    *last = next;
    return rises;
}

static fsp_status_t
check_id(fsp_canon_t *reader, size_t bytes, fsp_slice_t *last)
{
    static const uint8_t zero[sizeof(fsp_node_id_t)];
    fsp_slice_t id = fsp_canon_read_bin(reader, bytes);
    if (id.bytes != bytes || memcmp(id.data, zero, bytes) == 0)
        return FSP_INVALID;
    return ascends(last, id) ? FSP_OK : FSP_INVALID;
}

static fsp_status_t
check_list_entry(fsp_canon_t *reader, fsp_slice_t *last)
{
    (void)fsp_canon_read_array(reader, 2, 2); /* sticky */
    fsp_status_t status = check_id(reader, sizeof(fsp_node_id_t), last);
    (void)fsp_canon_read_uint(reader, UINT32_MAX); /* sticky */
    return status;
}

static fsp_status_t
check_account_id(fsp_canon_t *reader, fsp_slice_t *last)
{
    return check_id(reader, sizeof(fsp_subject_id_t), last);
}

static fsp_status_t
check_setting(fsp_canon_t *reader, fsp_slice_t *last)
{
    fsp_setting_t setting = fsp_setting_next(reader);
    if (reader->status)
        return reader->status;
    if (!fsp_space_name_valid(setting.name))
        return FSP_BAD_NAME;
    if (setting.value.bytes == 0)
        return FSP_INVALID;
    return ascends(last, setting.name) ? FSP_OK : FSP_INVALID;
}

/* -- GENESIS ----------------------------------------------------------------------------------- */

/* What apply needs of a genesis record (docs/protocol/keys.md, section 8). */
static void
read_genesis_record(fsp_codec_t *codec, fsp_system_body_t *body)
{
    if (codec->out || codec->in.status)
        return;
    fsp_canon_t reader = fsp_canon_reader(body->genesis_record);
    (void)fsp_canon_read_array(&reader, GENESIS_RECORD_FIELDS, GENESIS_RECORD_FIELDS); /* sticky */
    uint64_t format = fsp_canon_read_uint(&reader, 1);
    (void)fsp_canon_read_uint(&reader, UINT64_MAX); /* its time */
    body->slot_bits = (uint32_t)fsp_canon_read_uint(&reader, SLOT_BITS_MAX);
    fsp_hash_t signing_key, ignored;
    fsp_canon_read_id(&reader, &signing_key);
    fsp_canon_read_id(&reader, &ignored); /* the admin's key */
    fsp_canon_read_id(&reader, &ignored); /* random */
    bool whole = fsp_canon_finish(&reader) == FSP_OK && format == 1;
    fsp_code_require(codec, whole && body->slot_bits >= SLOT_BITS_MIN, FSP_INVALID);
    fsp_code_require(codec, fsp_hash_eq(signing_key, body->signing_key), FSP_INVALID);
}

static void
code_genesis(fsp_codec_t *codec, fsp_system_body_t *body)
{
    fsp_code_array(codec, GENESIS_FIELDS);
    fsp_code_bin(codec, &body->genesis_record, FSP_GENESIS_RECORD_BYTES_MAX);
    fsp_code_u32(codec, &body->copies);
    fsp_code_require(codec, body->copies >= 1 && body->copies <= FSP_OWNERS_MAX, FSP_INVALID);
    fsp_code_u32(codec, &body->level);
    fsp_code_require(codec, body->level >= FSP_SYSTEM_LEVEL_MIN, FSP_INVALID);
    fsp_code_array(codec, GENESIS_NODE_FIELDS);
    CODE_ID_SET(codec, &body->signing_key, fsp_hash);
    CODE_ID_SET(codec, &body->store_id, fsp_store_id);
    code_roles(codec, &body->roles);
    fsp_code_require(codec, body->roles & FSP_ROLE_STORAGE, FSP_INVALID);
    fsp_code_u32(codec, &body->zone);
    fsp_code_u64(codec, &body->capacity, INT64_MAX);
    fsp_code_require(codec, body->capacity > 0, FSP_INVALID);
    fsp_code_bin(codec, &body->member_record, FSP_MEMBER_RECORD_BYTES_MAX);
    fsp_code_array(codec, 3);
    CODE_ID_SET(codec, &body->account, fsp_subject_id);
    code_name(codec, &body->name);
    fsp_code_bin(codec, &body->secret, FSP_ACCOUNT_SECRET_BYTES_MAX);
    code_entries(codec, &body->settings, 0, FSP_GENESIS_SETTINGS_MAX, check_setting);
    read_genesis_record(codec, body);
}

/* -- members and layout ------------------------------------------------------------------------ */

static void
code_invite(fsp_codec_t *codec, fsp_system_body_t *body)
{
    fsp_code_array(codec, 5);
    CODE_ID_SET(codec, &body->invitation, fsp_hash);
    code_roles(codec, &body->roles);
    fsp_code_u32(codec, &body->zone);
    fsp_code_u64(codec, &body->capacity, INT64_MAX);
    fsp_code_require(codec, body->capacity > 0 || !(body->roles & FSP_ROLE_STORAGE), FSP_INVALID);
    fsp_code_u64(codec, &body->expiry, UINT64_MAX);
}

static void
code_join(fsp_codec_t *codec, fsp_system_body_t *body)
{
    fsp_code_array(codec, 6);
    CODE_ID_SET(codec, &body->invitation, fsp_hash);
    CODE_ID_SET(codec, &body->signing_key, fsp_hash);
    CODE_ID_SET(codec, &body->store_id, fsp_store_id);
    fsp_code_u64(codec, &body->capacity, INT64_MAX);
    code_level(codec, &body->level);
    fsp_code_bin(codec, &body->member_record, FSP_MEMBER_RECORD_BYTES_MAX);
    if (!codec->out && codec->in.status == FSP_OK)
        body->node_id = fsp_system_node_id(body->signing_key);
}

static void
code_node(fsp_codec_t *codec, fsp_command_type_t type, fsp_system_body_t *body)
{
    bool alone = type == FSP_COMMAND_OUT || type == FSP_COMMAND_DRAIN || type == FSP_COMMAND_REMOVE;
    fsp_code_array(codec, alone ? 1 : 2);
    CODE_ID_SET(codec, &body->node_id, fsp_node_id);
    switch ((int)type) {
    case FSP_COMMAND_NODE_SYNCED:
        fsp_code_u64(codec, &body->list_version, UINT64_MAX);
        break;
    case FSP_COMMAND_WEIGHT:
        fsp_code_u64(codec, &body->capacity, INT64_MAX);
        fsp_code_require(codec, body->capacity > 0, FSP_INVALID);
        break;
    case FSP_COMMAND_ZONE:
        fsp_code_u32(codec, &body->zone);
        break;
    case FSP_COMMAND_NODE_LEVEL:
        code_level(codec, &body->level);
        break;
    default:
        break;
    }
}

static void
code_list_add(fsp_codec_t *codec, fsp_system_body_t *body)
{
    fsp_code_array(codec, 2);
    fsp_code_u64(codec, &body->list_version, UINT64_MAX);
    code_entries(codec, &body->list, 1, FSP_SYSTEM_MEMBERS_MAX, check_list_entry);
}

/* -- spaces and accounts ----------------------------------------------------------------------- */

static void
code_space_new(fsp_codec_t *codec, fsp_system_body_t *body)
{
    fsp_code_array(codec, 4);
    CODE_ID_SET(codec, &body->space_id, fsp_space_id);
    code_name(codec, &body->name);
    CODE_ID_SET(codec, &body->account, fsp_subject_id);
    fsp_code_bin(codec, &body->init, FSP_SPACE_INIT_BYTES_MAX);
    fsp_code_require(codec, body->init.bytes > 0, FSP_INVALID);
}

static void
code_space_close(fsp_codec_t *codec, fsp_system_body_t *body)
{
    bool closes = !body->drop;
    fsp_code_array(codec, 3);
    CODE_ID_SET(codec, &body->space_id, fsp_space_id);
    fsp_code_bool(codec, &closes);
    if (!codec->out)
        body->drop = !closes;
    fsp_code_u64(codec, &body->grace, FSP_SPACE_GRACE_US_MAX);
    fsp_code_require(codec, closes || body->grace == 0, FSP_INVALID);
}

static void
code_account(fsp_codec_t *codec, fsp_system_body_t *body)
{
    fsp_code_array(codec, 5);
    CODE_ID_SET(codec, &body->account, fsp_subject_id);
    code_name(codec, &body->name);
    fsp_code_bool(codec, &body->admin);
    fsp_code_bool(codec, &body->enabled);
    fsp_code_bin(codec, &body->secret, FSP_ACCOUNT_SECRET_BYTES_MAX);
}

static void
code_group(fsp_codec_t *codec, fsp_system_body_t *body)
{
    fsp_code_array(codec, 4);
    CODE_ID_SET(codec, &body->group, fsp_subject_id);
    code_name(codec, &body->name);
    fsp_code_bool(codec, &body->drop);
    code_entries(codec, &body->accounts, 0, FSP_GROUP_ACCOUNTS_MAX, check_account_id);
    /* An empty array is one octet. */
    fsp_code_require(codec, !body->drop || body->accounts.bytes == 1, FSP_INVALID);
}

static void
code_token(fsp_codec_t *codec, fsp_system_body_t *body)
{
    fsp_code_array(codec, 5);
    CODE_ID_SET(codec, &body->token, fsp_hash);
    CODE_ID_SET(codec, &body->account, fsp_subject_id);
    fsp_code_u64(codec, &body->expiry, UINT64_MAX);
    fsp_code_bin(codec, &body->scope, FSP_TOKEN_SCOPE_BYTES_MAX);
    if (codec->out)
        fsp_canon_text(codec->out, body->label);
    else
        body->label = fsp_canon_read_text(&codec->in, FSP_TOKEN_LABEL_BYTES_MAX);
}

static void
code_setting(fsp_codec_t *codec, fsp_system_body_t *body)
{
    fsp_code_array(codec, 2);
    code_name(codec, &body->name);
    fsp_code_bin(codec, &body->value, FSP_SETTING_BYTES_MAX);
}

void
fsp_code_system(fsp_codec_t *codec, fsp_command_t *command)
{
    fsp_system_body_t *body = &command->system;
    switch ((int)command->type) {
    case FSP_COMMAND_GENESIS:
        code_genesis(codec, body);
        return;
    case FSP_COMMAND_INVITE:
        code_invite(codec, body);
        return;
    case FSP_COMMAND_UNINVITE:
        fsp_code_array(codec, 1);
        CODE_ID_SET(codec, &body->invitation, fsp_hash);
        return;
    case FSP_COMMAND_JOIN:
        code_join(codec, body);
        return;
    case FSP_COMMAND_LIST_ADD:
        code_list_add(codec, body);
        return;
    case FSP_COMMAND_SHARD_ADD:
        fsp_code_array(codec, 1);
        fsp_code_u32(codec, &body->shard);
        return;
    case FSP_COMMAND_SPACE_NEW:
        code_space_new(codec, body);
        return;
    case FSP_COMMAND_SPACE_CLOSE:
        code_space_close(codec, body);
        return;
    case FSP_COMMAND_SPACE_READY:
    case FSP_COMMAND_SPACE_GONE:
        fsp_code_array(codec, 1);
        CODE_ID_SET(codec, &body->space_id, fsp_space_id);
        return;
    case FSP_COMMAND_ACCOUNT:
        code_account(codec, body);
        return;
    case FSP_COMMAND_GROUP:
        code_group(codec, body);
        return;
    case FSP_COMMAND_TOKEN:
        code_token(codec, body);
        return;
    case FSP_COMMAND_TOKEN_DROP:
        fsp_code_array(codec, 1);
        CODE_ID_SET(codec, &body->token, fsp_hash);
        return;
    case FSP_COMMAND_SETTING:
        code_setting(codec, body);
        return;
    default:
        code_node(codec, command->type, body);
        return;
    }
}
