/* SPDX-License-Identifier: MIT */
/* command - bytes of commands.  Layer core/meta.  Pure.
 *
 * How to change: never reorder or reinterpret a field.  A new meaning is a new command version
 * with a body of its own, decoded beside the old one for ever, and a feature level that allows
 * it.
 *
 * Bodies of later families are in command_FAMILY.c; the walk over fields in command_codec.h.
 */
#include "core/meta/command.h"

#include "core/base/check.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"
#include "core/meta/command_codec.h"

enum {
    COMMAND_FIELDS = 12,
    COMMAND_FIELDS_ASKER = 13, /* level 2: who asks, behind the body */
    SPACE_INIT_FIELDS = 10,
    SPACE_INIT_VERSION_2 = 2,
    PUT_FIELDS = 8,
    PUT_FIELDS_2 = 12,
    PUT_VERSION_2 = 2,
    REMOVE_FIELDS = 3,
    MKDIR_FIELDS = 5,
    MOVE_FIELDS = 6,
    RESTORE_FIELDS = 3,
    COPY_FIELDS = 6,
};

/* What the chunker takes (core/data/chunker): a space that nobody can cut for must not be made.
   Version 1 knows three different lengths only. */
static bool
chunk_lengths_fit(uint32_t version, uint32_t min, uint32_t avg, uint32_t max)
{
    enum { BYTES_MIN = 64 };
    if (min < BYTES_MIN || min > avg || avg > max || max > FSP_CHUNK_BYTES_MAX)
        return false;
    if (version < SPACE_INIT_VERSION_2 && (min == avg || avg == max))
        return false;
    return min == max || (avg & (avg - 1)) == 0;
}

uint32_t
fsp_space_init_version(uint32_t min, uint32_t avg, uint32_t max)
{
    return min == avg || avg == max ? SPACE_INIT_VERSION_2 : FSP_COMMAND_VERSION;
}

static void
code_space_init(fsp_codec_t *codec, fsp_command_t *command)
{
    fsp_code_array(codec, SPACE_INIT_FIELDS);
    if (codec->out)
        fsp_canon_text(codec->out, command->space_init.name);
    else
        command->space_init.name = fsp_canon_read_text(&codec->in, FSP_SPACE_NAME_BYTES_MAX);
    fsp_code_require(codec, fsp_space_name_valid(command->space_init.name), FSP_BAD_NAME);
    FSP_CODE_ID(codec, &command->space_init.owner);
    FSP_CODE_ID(codec, &command->space_init.root_id);
    FSP_CODE_ID(codec, &command->space_init.trash_id);
    fsp_code_u64(codec, &command->space_init.quota_bytes, UINT64_MAX);
    fsp_code_u32(codec, &command->space_init.chunk_bytes_min);
    fsp_code_u32(codec, &command->space_init.chunk_bytes_avg);
    fsp_code_u32(codec, &command->space_init.chunk_bytes_max);
    if (codec->out) {
        FSP_PRE(command->space_init.key_count <= FSP_SPACE_KEYS_MAX);
        fsp_canon_array(codec->out, command->space_init.key_count);
    } else {
        command->space_init.key_count = fsp_canon_read_array(&codec->in, 0, FSP_SPACE_KEYS_MAX);
    }
    for (size_t i = 0; i < command->space_init.key_count; i++) {
        fsp_wrapped_key_t *key = &command->space_init.keys[i];
        fsp_code_array(codec, 2);
        fsp_code_u32(codec, &key->generation);
        fsp_code_bin(codec, &key->wrapped, FSP_WRAPPED_BYTES_MAX);
        fsp_code_require(codec, i == 0 || key[-1].generation < key->generation, FSP_INVALID);
    }
    fsp_code_bin(codec, &command->space_init.wrapped_cut_key, FSP_WRAPPED_BYTES_MAX);

    fsp_code_require(codec, !fsp_subject_id_is_zero(command->space_init.owner), FSP_INVALID);
    fsp_code_require(codec, !fsp_file_id_is_zero(command->space_init.root_id), FSP_INVALID);
    fsp_code_require(codec, !fsp_file_id_is_zero(command->space_init.trash_id), FSP_INVALID);
    fsp_code_require(codec,
                     !fsp_file_id_eq(command->space_init.root_id, command->space_init.trash_id),
                     FSP_INVALID);
    fsp_code_require(codec,
                     chunk_lengths_fit(command->version, command->space_init.chunk_bytes_min,
                                       command->space_init.chunk_bytes_avg,
                                       command->space_init.chunk_bytes_max),
                     FSP_INVALID);
    fsp_code_require(codec, command->space_init.key_count > 0,
                     FSP_INVALID); /* nothing could be sealed */
}

/* What can be judged of a PUT without state. */
static void
check_put(fsp_codec_t *codec, const fsp_command_t *command)
{
    if (codec->out || codec->in.status != FSP_OK)
        return;
    fsp_carrier_t carrier;
    fsp_status_t status = fsp_carrier_decode(command->put.carrier, &carrier);
    if (status) {
        fsp_canon_fail(&codec->in, status);
        return;
    }
    bool inlined = carrier.root_kind == FSP_ROOT_INLINE;
    fsp_code_require(codec, !inlined || command->put.size <= FSP_INLINE_BYTES_MAX, FSP_INVALID);
    if (command->put.kind == FSP_KIND_SYMLINK)
        fsp_code_require(codec, command->put.size <= FSP_PATH_BYTES_MAX, FSP_TOO_LARGE);
    else
        fsp_code_require(codec, command->put.kind == FSP_KIND_FILE, FSP_INVALID);
    fsp_code_require(codec, !fsp_file_id_is_zero(command->put.ids_seed), FSP_INVALID);
}

static void
code_kind(fsp_codec_t *codec, fsp_kind_t *kind)
{
    if (codec->out)
        fsp_canon_uint(codec->out, *kind);
    else
        *kind = (fsp_kind_t)fsp_canon_read_uint(&codec->in, FSP_KIND_SYMLINK);
}

/* What version 2 has behind the fields of version 1. */
static void
code_put_2(fsp_codec_t *codec, fsp_command_t *command)
{
    fsp_code_u64(codec, &command->put.lease_token, UINT64_MAX);
    fsp_code_bool(codec, &command->put.revive);
    fsp_code_optional(codec, command->put.upload_id.bytes, sizeof(command->put.upload_id.bytes));
    if (codec->out) {
        FSP_PRE(command->put.base_count <= FSP_PARENTS_MAX);
        fsp_canon_array(codec->out, command->put.base_count);
    } else {
        command->put.base_count = fsp_canon_read_array(&codec->in, 0, FSP_PARENTS_MAX);
    }
    for (size_t i = 0; i < command->put.base_count; i++) {
        FSP_CODE_ID(codec, &command->put.bases[i]);
        for (size_t j = 0; j < i; j++)
            fsp_code_require(codec,
                             !fsp_version_id_eq(command->put.bases[i], command->put.bases[j]),
                             FSP_INVALID);
    }
}

static void
code_put(fsp_codec_t *codec, fsp_command_t *command)
{
    const unsigned allowed = FSP_CODE_ALLOW(FSP_IF_REPLACE) | FSP_CODE_ALLOW(FSP_IF_EDIT) |
                             FSP_CODE_ALLOW(FSP_IF_MATCH) | FSP_CODE_ALLOW(FSP_IF_NONE_MATCH) |
                             FSP_CODE_ALLOW(FSP_IF_MERGE);
    bool second = command->version >= PUT_VERSION_2;
    fsp_code_array(codec, second ? PUT_FIELDS_2 : PUT_FIELDS);
    fsp_code_target(codec, &command->put.target, false);
    code_kind(codec, &command->put.kind);
    fsp_code_condition(codec, &command->put.condition, allowed);
    fsp_code_bool(codec, &command->put.create_parents);
    FSP_CODE_ID(codec, &command->put.ids_seed);
    fsp_code_u64(codec, &command->put.size, INT64_MAX);
    fsp_code_bin(codec, &command->put.carrier, FSP_CARRIER_BYTES_MAX);
    fsp_code_bin(codec, &command->put.attr, FSP_ATTR_BYTES_MAX);
    if (second)
        code_put_2(codec, command);
    check_put(codec, command);
}

static void
code_remove(fsp_codec_t *codec, fsp_command_t *command)
{
    fsp_code_array(codec, REMOVE_FIELDS);
    fsp_code_target(codec, &command->remove.target, false);
    fsp_code_bool(codec, &command->remove.recursive);
    fsp_code_condition(codec, &command->remove.condition,
                       FSP_CODE_ALLOW(FSP_IF_REPLACE) | FSP_CODE_ALLOW(FSP_IF_MATCH));
}

static void
code_mkdir(fsp_codec_t *codec, fsp_command_t *command)
{
    fsp_code_array(codec, MKDIR_FIELDS);
    fsp_code_target(codec, &command->mkdir.target, true);
    fsp_code_bool(codec, &command->mkdir.create_parents);
    fsp_code_bool(codec, &command->mkdir.exist_ok);
    FSP_CODE_ID(codec, &command->mkdir.ids_seed);
    fsp_code_bin(codec, &command->mkdir.attr, FSP_ATTR_BYTES_MAX);
    fsp_code_require(codec, !fsp_file_id_is_zero(command->mkdir.ids_seed), FSP_INVALID);
}

static void
code_move(fsp_codec_t *codec, fsp_command_t *command)
{
    fsp_code_array(codec, MOVE_FIELDS);
    fsp_code_target(codec, &command->move.from, false);
    fsp_code_target(codec, &command->move.to, true);
    fsp_code_bool(codec, &command->move.create_parents);
    fsp_code_bool(codec, &command->move.replace);
    FSP_CODE_ID(codec, &command->move.ids_seed);
    fsp_code_condition(codec, &command->move.condition,
                       FSP_CODE_ALLOW(FSP_IF_REPLACE) | FSP_CODE_ALLOW(FSP_IF_MATCH));
    fsp_code_require(codec,
                     !command->move.create_parents || !fsp_file_id_is_zero(command->move.ids_seed),
                     FSP_INVALID);
}

static void
code_restore(fsp_codec_t *codec, fsp_command_t *command)
{
    fsp_code_array(codec, RESTORE_FIELDS);
    fsp_code_target(codec, &command->restore.target, false);
    FSP_CODE_ID(codec, &command->restore.version_id);
    fsp_code_condition(codec, &command->restore.condition,
                       FSP_CODE_ALLOW(FSP_IF_REPLACE) | FSP_CODE_ALLOW(FSP_IF_MATCH));
}

static void
code_copy(fsp_codec_t *codec, fsp_command_t *command)
{
    fsp_code_array(codec, COPY_FIELDS);
    fsp_code_target(codec, &command->copy.from, false);
    FSP_CODE_ID(codec, &command->copy.version_id);
    fsp_code_target(codec, &command->copy.to, true);
    fsp_code_bool(codec, &command->copy.create_parents);
    fsp_code_condition(codec, &command->copy.condition,
                       FSP_CODE_ALLOW(FSP_IF_REPLACE) | FSP_CODE_ALLOW(FSP_IF_NONE_MATCH));
    FSP_CODE_ID(codec, &command->copy.ids_seed);
    fsp_code_require(codec, !fsp_file_id_is_zero(command->copy.ids_seed), FSP_INVALID);
}

void
fsp_code_body(fsp_codec_t *codec, fsp_command_t *command)
{
    switch (command->type) {
    case FSP_COMMAND_SPACE_INIT:
        code_space_init(codec, command);
        return;
    case FSP_COMMAND_PUT:
        code_put(codec, command);
        return;
    case FSP_COMMAND_DELETE:
        code_remove(codec, command);
        return;
    case FSP_COMMAND_MKDIR:
        code_mkdir(codec, command);
        return;
    case FSP_COMMAND_MOVE:
        code_move(codec, command);
        return;
    case FSP_COMMAND_RESTORE:
        code_restore(codec, command);
        return;
    case FSP_COMMAND_COPY:
        code_copy(codec, command);
        return;
    default:
        break;
    }
    switch (fsp_command_family(command->type)) {
    case FSP_FAMILY_HISTORY:
        fsp_code_history(codec, command);
        return;
    case FSP_FAMILY_NODE:
        fsp_code_node(codec, command);
        return;
    case FSP_FAMILY_ACCESS:
        fsp_code_access(codec, command);
        return;
    case FSP_FAMILY_SYSTEM:
        fsp_code_system(codec, command);
        return;
    default:
        FSP_UNREACHABLE();
    }
}

/* What follows type and version.  asked: with the asker at the end. */
static void
code_rest(fsp_codec_t *codec, fsp_command_t *command, bool asked)
{
    FSP_CODE_ID(codec, &command->space_id);
    FSP_CODE_ID(codec, &command->subject);
    fsp_code_u64(codec, &command->system_index, UINT64_MAX);
    FSP_CODE_ID(codec, &command->op_id);
    fsp_code_u32(codec, &command->attempt);
    fsp_code_u64(codec, &command->since, UINT64_MAX);
    FSP_CODE_ID(codec, &command->request_digest);
    fsp_code_u64(codec, &command->epoch, UINT64_MAX);
    fsp_code_u64(codec, &command->layout_version, UINT64_MAX);
    fsp_code_require(
        codec, fsp_space_id_is_zero(command->space_id) == fsp_command_is_shard_wide(command->type),
        FSP_INVALID);
    fsp_code_require(codec, !fsp_op_id_is_zero(command->op_id), FSP_INVALID);
    fsp_code_require(codec, command->attempt > 0, FSP_INVALID);
    if (codec->out || codec->in.status == FSP_OK)
        fsp_code_body(codec, command);
    if (asked && codec->out)
        fsp_asker_write(&command->asker, codec->out);
    else if (asked)
        fsp_asker_read(&codec->in, &command->asker);
    fsp_code_require(codec,
                     command->type != FSP_COMMAND_LINK_USE ||
                         !fsp_link_id_is_zero(command->asker.link_id),
                     FSP_INVALID);
}

void
fsp_command_encode(const fsp_command_t *command, fsp_buf_t *buf)
{
    FSP_PRE(command);
    FSP_PRE(buf);
    fsp_codec_t codec = {.out = buf};
    bool asked = !fsp_asker_is_empty(&command->asker);
    fsp_canon_array(buf, asked ? COMMAND_FIELDS_ASKER : COMMAND_FIELDS);
    fsp_canon_uint(buf, command->type);
    fsp_canon_uint(buf, command->version);
    /* A writing codec only reads; one walk for both directions is worth this cast. */
    code_rest(&codec, (fsp_command_t *)(uintptr_t)command, asked);
}

uint64_t
fsp_command_level(fsp_command_type_t type, uint32_t version)
{
    /* Level 1: the first seven.  Level 2: the other families, and history kept for `at`.  How to
       change: add a case, raise FSP_FEATURE_LEVEL.  Level 3: spaces whose chunks have one length.
     */
    if (type == FSP_COMMAND_PUT)
        return version < PUT_VERSION_2 ? 1 : 2;
    if (type == FSP_COMMAND_SPACE_INIT)
        return version < SPACE_INIT_VERSION_2 ? 1 : 3;
    if (type == FSP_COMMAND_LEVEL_RAISE || type == FSP_COMMAND_GENESIS)
        return 1; /* the way there */
    return fsp_command_family(type) == FSP_FAMILY_FIRST ? 1 : 2;
}

uint32_t
fsp_command_newest(fsp_command_type_t type)
{
    if (type == FSP_COMMAND_SPACE_INIT)
        return SPACE_INIT_VERSION_2;
    return type == FSP_COMMAND_PUT ? PUT_VERSION_2 : FSP_COMMAND_VERSION;
}

bool
fsp_command_publishes(const fsp_command_t *command)
{
    switch (command->type) {
    case FSP_COMMAND_PUT:
    case FSP_COMMAND_RESTORE:
    case FSP_COMMAND_COPY:
    case FSP_COMMAND_UPLOAD_APPEND:
    case FSP_COMMAND_REKEY:
        return true;
    case FSP_COMMAND_BATCH:
        return command->node.batch.publishes;
    default:
        return false;
    }
}

bool
fsp_command_is_shard_wide(fsp_command_type_t type)
{
    return type == FSP_COMMAND_SUBJECT_FLOOR || type == FSP_COMMAND_LEVEL_RAISE ||
           type == FSP_COMMAND_TIME_CONFIRM || fsp_command_family(type) == FSP_FAMILY_SYSTEM;
}

fsp_command_family_t
fsp_command_family(uint64_t type)
{
    if (type >= FSP_COMMAND_SPACE_INIT && type <= FSP_COMMAND_COPY)
        return FSP_FAMILY_FIRST;
    if (type >= FSP_COMMAND_UNDELETE && type < FSP_COMMAND_HISTORY_END)
        return FSP_FAMILY_HISTORY;
    if (type >= FSP_COMMAND_ATTR && type < FSP_COMMAND_NODE_END)
        return FSP_FAMILY_NODE;
    if (type >= FSP_COMMAND_RULES && type < FSP_COMMAND_ACCESS_END)
        return FSP_FAMILY_ACCESS;
    if (type >= FSP_COMMAND_GENESIS && type < FSP_COMMAND_SYSTEM_END)
        return FSP_FAMILY_SYSTEM;
    return FSP_FAMILY_NONE;
}

fsp_status_t
fsp_command_decode(fsp_slice_t bytes, fsp_command_t *ret)
{
    FSP_PRE(ret);
    if (bytes.bytes > FSP_COMMAND_BYTES_MAX)
        return FSP_TOO_LARGE;
    memset(ret, 0, sizeof(*ret));
    fsp_codec_t codec = {.in = fsp_canon_reader(bytes)};
    size_t fields = fsp_canon_read_array(&codec.in, COMMAND_FIELDS, COMMAND_FIELDS_ASKER);
    if (codec.in.status == FSP_TOO_LARGE)
        return FSP_INVALID; /* as it was when there was one form only */
    uint64_t type = fsp_canon_read_uint(&codec.in, UINT32_MAX);
    uint32_t version = (uint32_t)fsp_canon_read_uint(&codec.in, UINT32_MAX);
    if (codec.in.status)
        return codec.in.status;
    if (fsp_command_family(type) == FSP_FAMILY_NONE)
        return FSP_UNSUPPORTED;
    if (version > fsp_command_newest((fsp_command_type_t)type))
        return FSP_LEVEL;
    if (version == 0)
        return FSP_INVALID;
    ret->type = (fsp_command_type_t)type;
    ret->version = version;
    code_rest(&codec, ret, fields == COMMAND_FIELDS_ASKER);
    return fsp_canon_finish(&codec.in);
}

fsp_file_id_t
fsp_derived_id(fsp_file_id_t seed, uint32_t k)
{
    if (k == 0)
        return seed;
    uint8_t number[4];
    fsp_store_u32(number, k);
    const fsp_slice_t pieces[] = {fsp_slice_text("fsp id"), FSP_SLICE_OF(seed),
                                  fsp_slice(number, sizeof(number))};
    fsp_hash_t hash = fsp_sha256_pieces(pieces, 3);
    fsp_file_id_t id;
    static_assert(sizeof(id) <= sizeof(hash), "an id is the beginning of a hash");
    memcpy(id.bytes, hash.bytes, sizeof(id.bytes));
    return id;
}
