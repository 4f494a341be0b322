/* SPDX-License-Identifier: MIT */
/* json_read - a flat JSON object, as people and scripts write it; a door to jansson.  Layer proto.
 * Pure.
 *
 * Members are texts, whole numbers and booleans; anything deeper is refused before jansson sees it,
 * whose parser recurses.  Errors say what is wrong with which member, never its value.
 */
#include <jansson.h>

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "proto/json.h"

struct fsp_json_flat {
    json_t *object;
};

/* One pair of braces, and no bracket, outside of texts. */
static bool
is_flat(fsp_slice_t text)
{
    unsigned braces = 0;
    bool in_text = false;
    for (size_t i = 0; i < text.bytes; i++) {
        uint8_t c = text.data[i];
        if (in_text) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_text = false;
        } else if (c == '"') {
            in_text = true;
        } else if (c == '[' || (c == '{' && ++braces > 1)) {
            return false;
        }
    }
    return true;
}

fsp_status_t
fsp_json_flat_open(fsp_slice_t text, fsp_json_flat_t **ret, fsp_error_t *error)
{
    FSP_PRE(ret);
    if (!is_flat(text))
        return fsp_error_set(error, FSP_INVALID,
                             "not a flat JSON object: a member is a list or "
                             "an object");
    json_error_t why;
    json_t *object = json_loadb((const char *)text.data, text.bytes, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(object)) {
        json_decref(object);
        return fsp_error_set(error, FSP_INVALID, "not a JSON object (column %d)", why.column);
    }
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        if (json_is_string(value) || json_is_boolean(value) ||
            (json_is_integer(value) && json_integer_value(value) >= 0))
            continue;
        fsp_status_t status =
            fsp_error_set(error, FSP_INVALID,
                          "\"%.60s\" is neither a text, a whole number nor true or false", key);
        json_decref(object);
        return status;
    }
    fsp_json_flat_t *self = FSP_NEW(fsp_json_flat_t);
    self->object = object;
    *ret = self;
    return FSP_OK;
}

void
fsp_json_flat_close(fsp_json_flat_t **self_p)
{
    fsp_json_flat_t *self = *self_p;
    *self_p = NULL;
    if (!self)
        return;
    json_decref(self->object);
    fsp_free(self);
}

const char *
fsp_json_flat_unknown(const fsp_json_flat_t *self, const char *const *known)
{
    const char *key;
    json_t *value;
    json_object_foreach(self->object, key, value)
    {
        const char *const *each = known;
        while (*each && strcmp(*each, key) != 0)
            each++;
        if (!*each)
            return key;
    }
    return NULL;
}

fsp_status_t
fsp_json_flat_text(const fsp_json_flat_t *self, const char *key, const char **ret)
{
    const json_t *value = json_object_get(self->object, key);
    if (!value)
        return FSP_NOT_FOUND;
    if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
        return FSP_INVALID;
    *ret = json_string_value(value);
    return FSP_OK;
}

fsp_status_t
fsp_json_flat_uint(const fsp_json_flat_t *self, const char *key, uint64_t *ret)
{
    const json_t *value = json_object_get(self->object, key);
    if (!value)
        return FSP_NOT_FOUND;
    if (!json_is_integer(value))
        return FSP_INVALID;
    *ret = (uint64_t)json_integer_value(value);
    return FSP_OK;
}

fsp_status_t
fsp_json_flat_bool(const fsp_json_flat_t *self, const char *key, bool *ret)
{
    const json_t *value = json_object_get(self->object, key);
    if (!value)
        return FSP_NOT_FOUND;
    if (!json_is_boolean(value))
        return FSP_INVALID;
    *ret = json_is_true(value);
    return FSP_OK;
}
