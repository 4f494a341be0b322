/* SPDX-License-Identifier: MIT */
/* command_access - bytes of who asks, and of commands: rights, links, and what concerns a space or
   shard as a whole.  Layer core/meta.  Pure. */
#include "core/base/check.h"
#include "core/meta/command_codec.h"
#include "core/meta/rows.h"

enum {
    ASKER_FIELDS = 3,
    RULES_FIELDS = 3,
    LINK_MAKE_FIELDS = 6,
};

/* -- who asks ---------------------------------------------------------------------------------- */

bool
fsp_asker_is_empty(const fsp_asker_t *asker)
{
    return asker->withheld == 0 && fsp_link_id_is_zero(asker->link_id) && asker->group_count == 0;
}

void
fsp_asker_write(const fsp_asker_t *asker, fsp_buf_t *buf)
{
    FSP_PRE(asker->group_count <= FSP_GROUPS_MAX);
    FSP_PRE(asker->withheld <= FSP_RIGHTS_ALL);
    fsp_canon_array(buf, ASKER_FIELDS);
    fsp_canon_uint(buf, FSP_RIGHTS_ALL & ~asker->withheld);
    FSP_ROW_WRITE_ID(buf, asker->link_id);
    fsp_canon_array(buf, asker->group_count);
    for (size_t i = 0; i < asker->group_count; i++)
        fsp_canon_id(buf, asker->groups[i]);
}

void
fsp_asker_read(fsp_canon_t *reader, fsp_asker_t *ret)
{
    memset(ret, 0, sizeof(*ret));
    (void)fsp_canon_read_array(reader, ASKER_FIELDS, ASKER_FIELDS); /* sticky */
    ret->withheld = FSP_RIGHTS_ALL & ~(uint32_t)fsp_canon_read_uint(reader, FSP_RIGHTS_ALL);
    FSP_ROW_READ_ID(reader, &ret->link_id);
    ret->group_count = fsp_canon_read_array(reader, 0, FSP_GROUPS_MAX);
    for (size_t i = 0; i < ret->group_count; i++) {
        fsp_subject_id_t *group = &ret->groups[i];
        fsp_canon_read_id(reader, group);
        if (fsp_subject_id_is_zero(*group) || (i > 0 && fsp_subject_id_cmp(group[-1], *group) >= 0))
            fsp_canon_fail(reader, FSP_INVALID);
    }
    if (reader->status == FSP_OK && fsp_asker_is_empty(ret))
        fsp_canon_fail(reader, FSP_INVALID);
}

/* -- bodies ------------------------------------------------------------------------------------ */

static void
code_rules(fsp_codec_t *codec, fsp_access_body_t *body)
{
    fsp_code_array(codec, RULES_FIELDS);
    fsp_code_target(codec, &body->target, false);
    fsp_code_bool(codec, &body->inherit);
    if (codec->out) {
        FSP_PRE(body->rule_count <= FSP_RULES_MAX);
        fsp_canon_array(codec->out, body->rule_count);
    } else {
        body->rule_count = fsp_canon_read_array(&codec->in, 0, FSP_RULES_MAX);
    }
    for (size_t i = 0; i < body->rule_count; i++) {
        fsp_rule_t *rule = &body->rules[i];
        fsp_code_array(codec, 2);
        FSP_CODE_ID(codec, &rule->id);
        fsp_code_u32(codec, &rule->rights);
        fsp_code_require(codec, !fsp_subject_id_is_zero(rule->id), FSP_INVALID);
        fsp_code_require(codec, i == 0 || fsp_subject_id_cmp(rule[-1].id, rule->id) < 0,
                         FSP_INVALID);
        fsp_code_require(codec, rule->rights > 0 && rule->rights <= FSP_RIGHTS_ALL, FSP_INVALID);
    }
}

static void
code_link_id(fsp_codec_t *codec, fsp_access_body_t *body)
{
    FSP_CODE_ID(codec, &body->link_id);
    fsp_code_require(codec, !fsp_link_id_is_zero(body->link_id), FSP_INVALID);
}

static void
code_link_make(fsp_codec_t *codec, fsp_access_body_t *body)
{
    fsp_code_array(codec, LINK_MAKE_FIELDS);
    code_link_id(codec, body);
    fsp_code_target(codec, &body->target, false);
    fsp_code_u32(codec, &body->rights);
    fsp_code_u64(codec, &body->expiry, UINT64_MAX);
    fsp_code_u64(codec, &body->uses_max, UINT64_MAX);
    fsp_code_bin(codec, &body->password, FSP_LINK_PASSWORD_BYTES_MAX);
    fsp_code_require(codec, body->rights > 0 && body->rights <= FSP_RIGHTS_LINK, FSP_INVALID);
}

static void
code_space_state(fsp_codec_t *codec, fsp_access_body_t *body)
{
    fsp_code_array(codec, 2);
    fsp_code_u64(codec, &body->value, FSP_LIFE_CLOSING);
    fsp_code_u64(codec, &body->detail, UINT64_MAX);
    fsp_code_require(codec, (body->value == FSP_LIFE_OPEN) == (body->detail == 0), FSP_INVALID);
}

/* [value], not 0 unless `zero` */
static void
code_value(fsp_codec_t *codec, fsp_access_body_t *body, bool zero)
{
    fsp_code_array(codec, 1);
    fsp_code_u64(codec, &body->value, UINT64_MAX);
    fsp_code_require(codec, zero || body->value > 0, FSP_INVALID);
}

void
fsp_code_access(fsp_codec_t *codec, fsp_command_t *command)
{
    fsp_access_body_t *body = &command->access;
    switch ((int)command->type) {
    case FSP_COMMAND_RULES:
        code_rules(codec, body);
        return;
    case FSP_COMMAND_LINK_MAKE:
        code_link_make(codec, body);
        return;
    case FSP_COMMAND_LINK_DROP:
        fsp_code_array(codec, 1);
        code_link_id(codec, body);
        return;
    case FSP_COMMAND_LINK_USE: /* of the link in `asker`; required behind the body (command.c) */
    case FSP_COMMAND_SPACE_DROP:
        fsp_code_array(codec, 0);
        return;
    case FSP_COMMAND_SUBJECT_FLOOR:
        code_value(codec, body, true);
        return;
    case FSP_COMMAND_SPACE_STATE:
        code_space_state(codec, body);
        return;
    case FSP_COMMAND_GC_OPEN:
        fsp_code_array(codec, 2);
        fsp_code_u64(codec, &body->value, UINT64_MAX);
        fsp_code_u64(codec, &body->detail, UINT64_MAX);
        fsp_code_require(codec, body->value > 0, FSP_INVALID);
        return;
    case FSP_COMMAND_LEVEL_RAISE:
    case FSP_COMMAND_GC_CLOSE:
    case FSP_COMMAND_TIME_CONFIRM:
        code_value(codec, body, false);
        return;
    default:
        FSP_UNREACHABLE();
    }
}
