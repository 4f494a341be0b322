/* SPDX-License-Identifier: MIT */
/* command_history - bytes of commands: trash, pruning, retention.  Layer core/meta.  Pure. */
#include "core/base/check.h"
#include "core/meta/command_codec.h"

enum {
    UNDELETE_FIELDS = 4,
    PRUNE_FIELDS = 2,
    PURGE_FIELDS = 4,
    RETENTION_FIELDS = 6,
    HOLD_FIELDS = 3,
};

/* A nil in place of a field: true if there is none. */
static bool
code_nil(fsp_codec_t *codec, bool absent)
{
    if (!codec->out)
        return fsp_canon_read_nil(&codec->in);
    if (absent)
        fsp_canon_nil(codec->out);
    return absent;
}

static void
code_optional_target(fsp_codec_t *codec, fsp_history_body_t *body)
{
    bool absent = code_nil(codec, !body->given);
    if (!codec->out)
        body->given = !absent;
    if (!absent)
        fsp_code_target(codec, &body->target, false);
}

static void
code_undelete(fsp_codec_t *codec, fsp_history_body_t *body)
{
    fsp_code_array(codec, UNDELETE_FIELDS);
    if (!codec->out)
        body->given = true;
    fsp_code_target(codec, &body->target, false);
    if (!code_nil(codec, body->to.path.bytes == 0))
        fsp_code_target(codec, &body->to, true);
    fsp_code_bool(codec, &body->create_parents);
    FSP_CODE_ID(codec, &body->ids_seed);
    fsp_code_require(codec, !body->create_parents || !fsp_file_id_is_zero(body->ids_seed),
                     FSP_INVALID);
}

static void
code_prune(fsp_codec_t *codec, fsp_history_body_t *body)
{
    const size_t id_bytes = sizeof(fsp_version_id_t);
    fsp_code_array(codec, PRUNE_FIELDS);
    code_optional_target(codec, body);
    fsp_code_bin(codec, &body->versions, FSP_PRUNE_VERSIONS_MAX * id_bytes);
    fsp_code_require(codec, body->versions.bytes % id_bytes == 0, FSP_INVALID);
    fsp_code_require(codec, body->given == (body->versions.bytes > 0), FSP_INVALID);
}

static void
code_purge(fsp_codec_t *codec, fsp_history_body_t *body)
{
    fsp_code_array(codec, PURGE_FIELDS);
    code_optional_target(codec, body);
    fsp_code_u64(codec, &body->before, UINT64_MAX);
    if (codec->out)
        fsp_canon_text(codec->out, body->after);
    else
        body->after = fsp_canon_read_text(&codec->in, FSP_PATH_BYTES_MAX);
    fsp_code_bool(codec, &body->person);
    fsp_code_require(codec, body->after.bytes <= FSP_NAME_BYTES_MAX, FSP_BAD_NAME);
    fsp_code_require(codec, !body->given || (body->before == 0 && body->after.bytes == 0),
                     FSP_INVALID);
}

static void
code_retention(fsp_codec_t *codec, fsp_history_body_t *body)
{
    fsp_code_array(codec, RETENTION_FIELDS);
    fsp_code_u64(codec, &body->retention.keep_last, FSP_RETENTION_MAX);
    fsp_code_u64(codec, &body->retention.all_days, FSP_RETENTION_MAX);
    fsp_code_u64(codec, &body->retention.daily, FSP_RETENTION_MAX);
    fsp_code_u64(codec, &body->retention.weekly, FSP_RETENTION_MAX);
    fsp_code_u64(codec, &body->retention.monthly, FSP_RETENTION_MAX);
    fsp_code_u64(codec, &body->retention.past_days, FSP_RETENTION_MAX);
}

static void
code_hold(fsp_codec_t *codec, fsp_history_body_t *body)
{
    fsp_code_array(codec, HOLD_FIELDS);
    if (!codec->out)
        body->given = true;
    fsp_code_target(codec, &body->target, false);
    fsp_code_bool(codec, &body->legal_hold);
    fsp_code_u64(codec, &body->worm_until, UINT64_MAX);
}

void
fsp_code_history(fsp_codec_t *codec, fsp_command_t *command)
{
    fsp_history_body_t *body = &command->history;
    switch ((int)command->type) {
    case FSP_COMMAND_UNDELETE:
        code_undelete(codec, body);
        return;
    case FSP_COMMAND_PRUNE:
        code_prune(codec, body);
        return;
    case FSP_COMMAND_PURGE:
        code_purge(codec, body);
        return;
    case FSP_COMMAND_RETENTION:
        code_retention(codec, body);
        return;
    case FSP_COMMAND_HOLD:
        code_hold(codec, body);
        return;
    default:
        FSP_UNREACHABLE();
    }
}
