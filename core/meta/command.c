/* SPDX-License-Identifier: MIT */
/* command - bytes of commands.  Layer core/meta.  Pure.
 *
 * How to change: never reorder or reinterpret a field.  A new meaning is a new command version
 * with a body of its own, decoded beside the old one for ever, and a feature level that allows
 * it.
 *
 * One function per body walks the fields in both directions (codec_t), so that writer and reader
 * cannot drift apart.
 */
#include "core/meta/command.h"

#include "core/base/canon.h"
#include "core/base/check.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"

enum {
    COMMAND_FIELDS = 12,
    SPACE_INIT_FIELDS = 10,
    PUT_FIELDS = 8,
    REMOVE_FIELDS = 3,
    MKDIR_FIELDS = 5,
    MOVE_FIELDS = 6,
    RESTORE_FIELDS = 3,
    COPY_FIELDS = 6,
};

/* Either writes to `out` or reads from `in`.  The fields of a command are passed by address; a
   writer only reads them. */
typedef struct {
    fsp_buf_t *out; /* NULL: reading */
    fsp_canon_t in;
} codec_t;

static void
code_array(codec_t *codec, size_t count)
{
    if (codec->out)
        fsp_canon_array(codec->out, count);
    else
        (void)fsp_canon_read_array(&codec->in, count, count); /* the reader keeps the error */
}

static void
code_u64(codec_t *codec, uint64_t *value, uint64_t max)
{
    if (codec->out)
        fsp_canon_uint(codec->out, *value);
    else
        *value = fsp_canon_read_uint(&codec->in, max);
}

static void
code_u32(codec_t *codec, uint32_t *value)
{
    if (codec->out)
        fsp_canon_uint(codec->out, *value);
    else
        *value = (uint32_t)fsp_canon_read_uint(&codec->in, UINT32_MAX);
}

static void
code_bool(codec_t *codec, bool *value)
{
    if (codec->out)
        fsp_canon_bool(codec->out, *value);
    else
        *value = fsp_canon_read_bool(&codec->in);
}

static void
code_fixed(codec_t *codec, uint8_t *value, size_t bytes)
{
    if (codec->out)
        fsp_canon_bin(codec->out, fsp_slice(value, bytes));
    else
        fsp_canon_read_fixed(&codec->in, value, bytes);
}
#define CODE_ID(codec, id) code_fixed(codec, (id)->bytes, sizeof((id)->bytes))

static void
code_bin(codec_t *codec, fsp_slice_t *value, size_t bytes_max)
{
    if (codec->out)
        fsp_canon_bin(codec->out, *value);
    else
        *value = fsp_canon_read_bin(&codec->in, bytes_max);
}

/* Marks the input as wrong unless a condition holds.  Without effect on a writer: what our own
   program encodes is judged where it is decoded. */
static void
code_require(codec_t *codec, bool holds, fsp_status_t otherwise)
{
    if (!codec->out && codec->in.status == FSP_OK && !holds)
        fsp_canon_fail(&codec->in, otherwise);
}

static void
code_path(codec_t *codec, fsp_slice_t *path)
{
    if (codec->out) {
        fsp_canon_text(codec->out, *path);
        return;
    }
    *path = fsp_canon_read_text(&codec->in, FSP_PATH_BYTES_MAX);
    if (codec->in.status == FSP_OK)
        code_require(codec, fsp_path_check(*path) == FSP_OK, FSP_BAD_NAME);
}

/* A path as text, or an id as binary. */
static void
code_target(codec_t *codec, fsp_target_t *target, bool path_only)
{
    bool by_path = codec->out ? target->path.bytes > 0
                              : path_only || fsp_canon_peek(&codec->in) == FSP_CANON_TEXT;
    if (by_path) {
        code_path(codec, &target->path);
        return;
    }
    CODE_ID(codec, &target->id);
    code_require(codec, !fsp_file_id_is_zero(target->id), FSP_INVALID);
}

/* Bit of a condition type in a mask of those that a command takes. */
#define ALLOW(type) (1u << (type))

static bool
condition_valid(const fsp_condition_t *condition, unsigned allowed)
{
    if (condition->type < FSP_IF_REPLACE || condition->type > FSP_IF_MERGE ||
        !(allowed & ALLOW(condition->type)))
        return false;
    switch (condition->type) {
    case FSP_IF_REPLACE:
    case FSP_IF_NONE_MATCH:
        return condition->version_count == 0;
    case FSP_IF_EDIT:
    case FSP_IF_MATCH:
        return condition->version_count == 1;
    case FSP_IF_MERGE:
        for (size_t i = 0; i < condition->version_count; i++)
            for (size_t j = 0; j < i; j++)
                if (fsp_version_id_eq(condition->versions[i], condition->versions[j]))
                    return false;
        return condition->version_count > 0;
    }
    return false;
}

/* [type, version id...] */
static void
code_condition(codec_t *codec, fsp_condition_t *condition, unsigned allowed)
{
    if (codec->out) {
        FSP_PRE(condition->version_count <= FSP_PARENTS_MAX);
        fsp_canon_array(codec->out, 1 + condition->version_count);
        fsp_canon_uint(codec->out, condition->type);
    } else {
        size_t count = fsp_canon_read_array(&codec->in, 1, 1 + FSP_PARENTS_MAX);
        condition->version_count = count > 0 ? count - 1 : 0;
        condition->type = (fsp_condition_type_t)fsp_canon_read_uint(&codec->in, UINT8_MAX);
    }
    for (size_t i = 0; i < condition->version_count; i++)
        CODE_ID(codec, &condition->versions[i]);
    if (!codec->out && codec->in.status == FSP_OK)
        code_require(codec, condition_valid(condition, allowed), FSP_INVALID);
}

/* What the chunker takes (core/data/chunker): a space that nobody can cut for must not be made. */
static bool
chunk_lengths_fit(uint32_t min, uint32_t avg, uint32_t max)
{
    enum { BYTES_MIN = 64 };
    return min >= BYTES_MIN && min < avg && avg < max && max <= FSP_CHUNK_BYTES_MAX &&
           (avg & (avg - 1)) == 0;
}

static void
code_space_init(codec_t *codec, fsp_command_t *command)
{
    code_array(codec, SPACE_INIT_FIELDS);
    if (codec->out)
        fsp_canon_text(codec->out, command->space_init.name);
    else
        command->space_init.name = fsp_canon_read_text(&codec->in, FSP_SPACE_NAME_BYTES_MAX);
    code_require(codec, fsp_space_name_valid(command->space_init.name), FSP_BAD_NAME);
    CODE_ID(codec, &command->space_init.owner);
    CODE_ID(codec, &command->space_init.root_id);
    CODE_ID(codec, &command->space_init.trash_id);
    code_u64(codec, &command->space_init.quota_bytes, UINT64_MAX);
    code_u32(codec, &command->space_init.chunk_bytes_min);
    code_u32(codec, &command->space_init.chunk_bytes_avg);
    code_u32(codec, &command->space_init.chunk_bytes_max);
    if (codec->out) {
        FSP_PRE(command->space_init.key_count <= FSP_SPACE_KEYS_MAX);
        fsp_canon_array(codec->out, command->space_init.key_count);
    } else {
        command->space_init.key_count = fsp_canon_read_array(&codec->in, 0, FSP_SPACE_KEYS_MAX);
    }
    for (size_t i = 0; i < command->space_init.key_count; i++) {
        fsp_wrapped_key_t *key = &command->space_init.keys[i];
        code_array(codec, 2);
        code_u32(codec, &key->generation);
        code_bin(codec, &key->wrapped, FSP_WRAPPED_BYTES_MAX);
        code_require(codec, i == 0 || key[-1].generation < key->generation, FSP_INVALID);
    }
    code_bin(codec, &command->space_init.wrapped_cut_key, FSP_WRAPPED_BYTES_MAX);

    code_require(codec, !fsp_subject_id_is_zero(command->space_init.owner), FSP_INVALID);
    code_require(codec, !fsp_file_id_is_zero(command->space_init.root_id), FSP_INVALID);
    code_require(codec, !fsp_file_id_is_zero(command->space_init.trash_id), FSP_INVALID);
    code_require(codec, !fsp_file_id_eq(command->space_init.root_id, command->space_init.trash_id),
                 FSP_INVALID);
    code_require(codec,
                 chunk_lengths_fit(command->space_init.chunk_bytes_min,
                                   command->space_init.chunk_bytes_avg,
                                   command->space_init.chunk_bytes_max),
                 FSP_INVALID);
    code_require(codec, command->space_init.key_count > 0,
                 FSP_INVALID); /* nothing could be sealed */
}

/* What can be judged of a PUT without state. */
static void
check_put(codec_t *codec, const fsp_command_t *command)
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
    code_require(codec, !inlined || command->put.size <= FSP_INLINE_BYTES_MAX, FSP_INVALID);
    if (command->put.kind == FSP_KIND_SYMLINK)
        code_require(codec, command->put.size <= FSP_PATH_BYTES_MAX, FSP_TOO_LARGE);
    else
        code_require(codec, command->put.kind == FSP_KIND_FILE, FSP_INVALID);
    code_require(codec, !fsp_file_id_is_zero(command->put.ids_seed), FSP_INVALID);
}

static void
code_kind(codec_t *codec, fsp_kind_t *kind)
{
    if (codec->out)
        fsp_canon_uint(codec->out, *kind);
    else
        *kind = (fsp_kind_t)fsp_canon_read_uint(&codec->in, FSP_KIND_SYMLINK);
}

static void
code_put(codec_t *codec, fsp_command_t *command)
{
    const unsigned allowed = ALLOW(FSP_IF_REPLACE) | ALLOW(FSP_IF_EDIT) | ALLOW(FSP_IF_MATCH) |
                             ALLOW(FSP_IF_NONE_MATCH) | ALLOW(FSP_IF_MERGE);
    code_array(codec, PUT_FIELDS);
    code_target(codec, &command->put.target, false);
    code_kind(codec, &command->put.kind);
    code_condition(codec, &command->put.condition, allowed);
    code_bool(codec, &command->put.create_parents);
    CODE_ID(codec, &command->put.ids_seed);
    code_u64(codec, &command->put.size, INT64_MAX);
    code_bin(codec, &command->put.carrier, FSP_CARRIER_BYTES_MAX);
    code_bin(codec, &command->put.attr, FSP_ATTR_BYTES_MAX);
    check_put(codec, command);
}

static void
code_remove(codec_t *codec, fsp_command_t *command)
{
    code_array(codec, REMOVE_FIELDS);
    code_target(codec, &command->remove.target, false);
    code_bool(codec, &command->remove.recursive);
    code_condition(codec, &command->remove.condition, ALLOW(FSP_IF_REPLACE) | ALLOW(FSP_IF_MATCH));
}

static void
code_mkdir(codec_t *codec, fsp_command_t *command)
{
    code_array(codec, MKDIR_FIELDS);
    code_target(codec, &command->mkdir.target, true);
    code_bool(codec, &command->mkdir.create_parents);
    code_bool(codec, &command->mkdir.exist_ok);
    CODE_ID(codec, &command->mkdir.ids_seed);
    code_bin(codec, &command->mkdir.attr, FSP_ATTR_BYTES_MAX);
    code_require(codec, !fsp_file_id_is_zero(command->mkdir.ids_seed), FSP_INVALID);
}

static void
code_move(codec_t *codec, fsp_command_t *command)
{
    code_array(codec, MOVE_FIELDS);
    code_target(codec, &command->move.from, false);
    code_target(codec, &command->move.to, true);
    code_bool(codec, &command->move.create_parents);
    code_bool(codec, &command->move.replace);
    CODE_ID(codec, &command->move.ids_seed);
    code_condition(codec, &command->move.condition, ALLOW(FSP_IF_REPLACE) | ALLOW(FSP_IF_MATCH));
    code_require(codec,
                 !command->move.create_parents || !fsp_file_id_is_zero(command->move.ids_seed),
                 FSP_INVALID);
}

static void
code_restore(codec_t *codec, fsp_command_t *command)
{
    code_array(codec, RESTORE_FIELDS);
    code_target(codec, &command->restore.target, false);
    CODE_ID(codec, &command->restore.version_id);
    code_condition(codec, &command->restore.condition, ALLOW(FSP_IF_REPLACE) | ALLOW(FSP_IF_MATCH));
}

static void
code_copy(codec_t *codec, fsp_command_t *command)
{
    code_array(codec, COPY_FIELDS);
    code_target(codec, &command->copy.from, false);
    CODE_ID(codec, &command->copy.version_id);
    code_target(codec, &command->copy.to, true);
    code_bool(codec, &command->copy.create_parents);
    code_condition(codec, &command->copy.condition,
                   ALLOW(FSP_IF_REPLACE) | ALLOW(FSP_IF_NONE_MATCH));
    CODE_ID(codec, &command->copy.ids_seed);
    code_require(codec, !fsp_file_id_is_zero(command->copy.ids_seed), FSP_INVALID);
}

static void
code_body(codec_t *codec, fsp_command_t *command)
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
    }
    FSP_UNREACHABLE();
}

/* What follows type and version. */
static void
code_rest(codec_t *codec, fsp_command_t *command)
{
    CODE_ID(codec, &command->space_id);
    CODE_ID(codec, &command->subject);
    code_u64(codec, &command->system_index, UINT64_MAX);
    CODE_ID(codec, &command->op_id);
    code_u32(codec, &command->attempt);
    code_u64(codec, &command->since, UINT64_MAX);
    CODE_ID(codec, &command->request_digest);
    code_u64(codec, &command->epoch, UINT64_MAX);
    code_u64(codec, &command->layout_version, UINT64_MAX);
    code_require(codec, !fsp_space_id_is_zero(command->space_id), FSP_INVALID);
    code_require(codec, !fsp_op_id_is_zero(command->op_id), FSP_INVALID);
    code_require(codec, command->attempt > 0, FSP_INVALID);
    if (codec->out || codec->in.status == FSP_OK)
        code_body(codec, command);
}

void
fsp_command_encode(const fsp_command_t *command, fsp_buf_t *buf)
{
    FSP_PRE(command);
    FSP_PRE(buf);
    codec_t codec = {.out = buf};
    fsp_canon_array(buf, COMMAND_FIELDS);
    fsp_canon_uint(buf, command->type);
    fsp_canon_uint(buf, command->version);
    /* A writing codec only reads; one walk for both directions is worth this cast. */
    code_rest(&codec, (fsp_command_t *)(uintptr_t)command);
}

uint64_t
fsp_command_level(fsp_command_type_t type, uint32_t version)
{
    /* Everything known so far came with the first level.  How to change: add a case, raise
     * FSP_FEATURE_LEVEL. */
    (void)type;
    (void)version;
    return 1;
}

fsp_status_t
fsp_command_decode(fsp_slice_t bytes, fsp_command_t *ret)
{
    FSP_PRE(ret);
    if (bytes.bytes > FSP_COMMAND_BYTES_MAX)
        return FSP_TOO_LARGE;
    memset(ret, 0, sizeof(*ret));
    codec_t codec = {.in = fsp_canon_reader(bytes)};
    (void)fsp_canon_read_array(&codec.in, COMMAND_FIELDS, COMMAND_FIELDS); /* sticky */
    uint64_t type = fsp_canon_read_uint(&codec.in, UINT32_MAX);
    uint32_t version = (uint32_t)fsp_canon_read_uint(&codec.in, UINT32_MAX);
    if (codec.in.status)
        return codec.in.status;
    if (type < FSP_COMMAND_SPACE_INIT || type > FSP_COMMAND_COPY)
        return FSP_UNSUPPORTED;
    if (version > FSP_COMMAND_VERSION)
        return FSP_LEVEL;
    if (version == 0)
        return FSP_INVALID;
    ret->type = (fsp_command_type_t)type;
    ret->version = version;
    code_rest(&codec, ret);
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
