/* SPDX-License-Identifier: MIT */
/* command_codec - fields of commands, written or read.  Layer core/meta.  Pure. */
#include "core/meta/command_codec.h"

#include "core/base/check.h"
#include "core/base/text.h"
#include "core/meta/rows.h"

void
fsp_code_array(fsp_codec_t *codec, size_t count)
{
    if (codec->out)
        fsp_canon_array(codec->out, count);
    else
        (void)fsp_canon_read_array(&codec->in, count, count); /* the reader keeps the error */
}

void
fsp_code_u64(fsp_codec_t *codec, uint64_t *value, uint64_t max)
{
    if (codec->out)
        fsp_canon_uint(codec->out, *value);
    else
        *value = fsp_canon_read_uint(&codec->in, max);
}

void
fsp_code_u32(fsp_codec_t *codec, uint32_t *value)
{
    if (codec->out)
        fsp_canon_uint(codec->out, *value);
    else
        *value = (uint32_t)fsp_canon_read_uint(&codec->in, UINT32_MAX);
}

void
fsp_code_bool(fsp_codec_t *codec, bool *value)
{
    if (codec->out)
        fsp_canon_bool(codec->out, *value);
    else
        *value = fsp_canon_read_bool(&codec->in);
}

void
fsp_code_fixed(fsp_codec_t *codec, uint8_t *value, size_t bytes)
{
    if (codec->out)
        fsp_canon_bin(codec->out, fsp_slice(value, bytes));
    else
        fsp_canon_read_fixed(&codec->in, value, bytes);
}
void
fsp_code_bin(fsp_codec_t *codec, fsp_slice_t *value, size_t bytes_max)
{
    if (codec->out)
        fsp_canon_bin(codec->out, *value);
    else
        *value = fsp_canon_read_bin(&codec->in, bytes_max);
}

void
fsp_code_optional(fsp_codec_t *codec, uint8_t *value, size_t bytes)
{
    if (codec->out)
        fsp_row_write_optional(codec->out, value, bytes);
    else
        fsp_row_read_optional(&codec->in, value, bytes);
}

/* Marks the input as wrong unless a condition holds.  Without effect on a writer: what our own
   program encodes is judged where it is decoded. */
void
fsp_code_require(fsp_codec_t *codec, bool holds, fsp_status_t otherwise)
{
    if (!codec->out && codec->in.status == FSP_OK && !holds)
        fsp_canon_fail(&codec->in, otherwise);
}

void
fsp_code_path(fsp_codec_t *codec, fsp_slice_t *path)
{
    if (codec->out) {
        fsp_canon_text(codec->out, *path);
        return;
    }
    *path = fsp_canon_read_text(&codec->in, FSP_PATH_BYTES_MAX);
    if (codec->in.status == FSP_OK)
        fsp_code_require(codec, fsp_path_check(*path) == FSP_OK, FSP_BAD_NAME);
}

/* A path as text, or an id as binary. */
void
fsp_code_target(fsp_codec_t *codec, fsp_target_t *target, bool path_only)
{
    bool by_path = codec->out ? target->path.bytes > 0
                              : path_only || fsp_canon_peek(&codec->in) == FSP_CANON_TEXT;
    if (by_path) {
        fsp_code_path(codec, &target->path);
        return;
    }
    FSP_CODE_ID(codec, &target->id);
    fsp_code_require(codec, !fsp_file_id_is_zero(target->id), FSP_INVALID);
}

static bool
condition_valid(const fsp_condition_t *condition, unsigned allowed)
{
    if (condition->type < FSP_IF_REPLACE || condition->type > FSP_IF_MERGE ||
        !(allowed & FSP_CODE_ALLOW(condition->type)))
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
void
fsp_code_condition(fsp_codec_t *codec, fsp_condition_t *condition, unsigned allowed)
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
        FSP_CODE_ID(codec, &condition->versions[i]);
    if (!codec->out && codec->in.status == FSP_OK)
        fsp_code_require(codec, condition_valid(condition, allowed), FSP_INVALID);
}
