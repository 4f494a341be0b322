/* SPDX-License-Identifier: MIT */
/* profile - how a client finds and trusts its mesh; the door to jansson.  Layer proto.  Pure.
 *
 * A profile holds a secret key, so nothing of the text is ever quoted: not even jansson's words for
 * an error, which end with "near '...'".  Only names of fields and positions are said.  Our copies
 * are wiped; what jansson's reader kept while it looked for the end of a string is freed, not
 * wiped.
 *
 * How to change: format 1 has exactly these fields, all required.  Another field is format 2.
 */
#include <jansson.h>

#include "core/base/check.h"
#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"
#include "proto/json.h"

enum { PROFILE_FORMAT = 1, PROFILE_DEPTH_MAX = 4, Z85_KEY_CHARS = 40, CURVE_KEY_BYTES = 32 };

static const char *const FIELD_NAMES[] = {
    "format",     "name",       "mesh_id",  "endpoints", "server_key",
    "public_key", "secret_key", "node_key", "space",
};
enum { FIELD_COUNT = sizeof(FIELD_NAMES) / sizeof(FIELD_NAMES[0]) };

void
fsp_profile_wipe(fsp_profile_t *self)
{
    if (self)
        fsp_wipe(self, sizeof(*self));
}

void
fsp_profile_encode(const fsp_profile_t *profile, fsp_buf_t *buf)
{
    FSP_PRE(profile);
    FSP_PRE(buf);
    FSP_PRE(profile->endpoint_count <= FSP_PROFILE_ENDPOINTS_MAX);
    fsp_json_t json;
    fsp_json_init(&json, buf);
    fsp_json_object(&json, NULL);
    fsp_json_uint(&json, "format", PROFILE_FORMAT);
    fsp_json_text(&json, "name", profile->name);
    fsp_json_hex(&json, "mesh_id", profile->mesh_id, sizeof(profile->mesh_id));
    fsp_json_array(&json, "endpoints");
    for (size_t i = 0; i < profile->endpoint_count; i++)
        fsp_json_text(&json, NULL, profile->endpoints[i]);
    fsp_json_array_end(&json);
    fsp_json_text(&json, "server_key", profile->server_key);
    fsp_json_text(&json, "public_key", profile->public_key);
    fsp_json_text(&json, "secret_key", profile->secret_key);
    fsp_json_hex(&json, "node_key", profile->node_key, sizeof(profile->node_key));
    fsp_json_text(&json, "space", profile->space);
    fsp_json_object_end(&json);
    fsp_buf_append_u8(buf, '\n');
}

/* jansson's parser recurses; brackets are counted before it sees them. */
static bool
depth_fits(fsp_slice_t text)
{
    unsigned depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.bytes; i++) {
        uint8_t c = text.data[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > PROFILE_DEPTH_MAX)
                return false;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return true;
}

static fsp_status_t
refuse(fsp_error_t *error, const char *field, const char *why)
{
    return fsp_error_set(error, FSP_INVALID, "profile: field \"%s\" %s", field, why);
}

/* A text of at most capacity - 1 octets without NUL, copied with its NUL. */
static fsp_status_t
read_text(const json_t *object, const char *field, char *ret, size_t capacity, fsp_error_t *error)
{
    const json_t *value = json_object_get(object, field);
    if (!value)
        return refuse(error, field, "is missing");
    if (!json_is_string(value))
        return refuse(error, field, "is not a text");
    size_t bytes = json_string_length(value);
    if (bytes == 0)
        return refuse(error, field, "is empty");
    if (bytes >= capacity)
        return refuse(error, field, "is too long");
    memcpy(ret, json_string_value(value), bytes + 1);
    return FSP_OK;
}

static fsp_status_t
read_hex(const json_t *object, const char *field, uint8_t *ret, size_t bytes, fsp_error_t *error)
{
    enum { HEX_CHARS_MAX = 64 };
    char text[HEX_CHARS_MAX + 1];
    FSP_PRE(2 * bytes <= HEX_CHARS_MAX);
    fsp_status_t status = read_text(object, field, text, sizeof(text), error);
    if (status)
        return status;
    if (fsp_hex_decode(fsp_slice_text(text), ret, bytes) != FSP_OK)
        return refuse(error, field, "is not 64 hexadecimal digits");
    return FSP_OK;
}

/* A CURVE key as text; ret has room for 40 characters and a NUL. */
static fsp_status_t
read_z85(const json_t *object, const char *field, char *ret, fsp_error_t *error)
{
    fsp_status_t status = read_text(object, field, ret, Z85_KEY_CHARS + 1, error);
    if (status)
        return status;
    uint8_t key[CURVE_KEY_BYTES];
    status = fsp_z85_decode(fsp_slice_text(ret), key, sizeof(key));
    fsp_wipe(key, sizeof(key));
    if (status)
        return refuse(error, field, "is not a Z85 key of 40 characters");
    return FSP_OK;
}

/* A transport, "://" and something, in visible ASCII. */
static bool
is_endpoint(const char *text)
{
    const char *colon = strstr(text, "://");
    if (!colon || colon == text || colon[3] == '\0')
        return false;
    for (const char *c = text; *c; c++)
        if (*c <= ' ' || *c >= 0x7f)
            return false;
    return true;
}

static fsp_status_t
read_endpoints(const json_t *object, fsp_profile_t *ret, fsp_error_t *error)
{
    static const char FIELD[] = "endpoints";
    const json_t *array = json_object_get(object, FIELD);
    if (!array)
        return refuse(error, FIELD, "is missing");
    if (!json_is_array(array))
        return refuse(error, FIELD, "is not an array");
    size_t count = json_array_size(array);
    if (count == 0)
        return refuse(error, FIELD, "is empty");
    if (count > FSP_PROFILE_ENDPOINTS_MAX)
        return refuse(error, FIELD, "has more than 16 elements");
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_array_get(array, i);
        if (!json_is_string(value))
            return refuse(error, FIELD, "has an element that is not a text");
        size_t bytes = json_string_length(value);
        if (bytes >= sizeof(ret->endpoints[i]))
            return refuse(error, FIELD, "has an element that is too long");
        memcpy(ret->endpoints[i], json_string_value(value), bytes + 1);
        if (!is_endpoint(ret->endpoints[i]))
            return refuse(error, FIELD, "has an element that is not like \"tcp://host:port\"");
    }
    ret->endpoint_count = count;
    return FSP_OK;
}

/* The name of the mesh: a name that may be part of a file name and be printed. */
static bool
is_profile_name(const char *text)
{
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return false;
    return fsp_name_valid(fsp_slice_text(text));
}

static fsp_status_t
check_format(const json_t *object, fsp_error_t *error)
{
    const json_t *format = json_object_get(object, "format");
    if (!format)
        return refuse(error, "format", "is missing");
    if (!json_is_integer(format) || json_integer_value(format) < PROFILE_FORMAT)
        return refuse(error, "format", "is not 1");
    if (json_integer_value(format) > PROFILE_FORMAT)
        return fsp_error_set(error, FSP_FORMAT_NEWER,
                             "profile: field \"format\" is newer than 1: a newer version of the "
                             "program wrote it");
    return FSP_OK;
}

/* Only a word of letters is repeated to the reader: anything else in a key's place may be a
   secret gone astray. */
static bool
is_word(const char *text)
{
    size_t chars = strlen(text);
    return chars > 0 && chars <= 24 && strspn(text, "abcdefghijklmnopqrstuvwxyz_") == chars;
}

static fsp_status_t
check_fields_known(json_t *object, fsp_error_t *error)
{
    for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at)) {
        const char *key = json_object_iter_key(at);
        bool known = false;
        for (size_t i = 0; i < FIELD_COUNT && !known; i++)
            known = strcmp(key, FIELD_NAMES[i]) == 0;
        if (!known)
            return refuse(error, is_word(key) ? key : "?", "is not known to format 1");
    }
    return FSP_OK;
}

static fsp_status_t
read_fields(json_t *object, fsp_profile_t *ret, fsp_error_t *error)
{
    fsp_status_t status = check_format(object, error);
    if (!status)
        status = check_fields_known(object, error);
    if (!status)
        status = read_text(object, "name", ret->name, sizeof(ret->name), error);
    if (!status && !is_profile_name(ret->name))
        status = refuse(error, "name", "is not a valid name");
    if (!status)
        status = read_hex(object, "mesh_id", ret->mesh_id, sizeof(ret->mesh_id), error);
    if (!status)
        status = read_endpoints(object, ret, error);
    if (!status)
        status = read_z85(object, "server_key", ret->server_key, error);
    if (!status)
        status = read_z85(object, "public_key", ret->public_key, error);
    if (!status)
        status = read_z85(object, "secret_key", ret->secret_key, error);
    if (!status)
        status = read_hex(object, "node_key", ret->node_key, sizeof(ret->node_key), error);
    if (!status)
        status = read_text(object, "space", ret->space, sizeof(ret->space), error);
    if (!status && !fsp_space_name_valid(fsp_slice_text(ret->space)))
        status = refuse(error, "space", "is not a valid name of a space");
    return status;
}

/* Wipes every text at the top: a secret under a wrong name is a secret, too. */
static void
wipe_texts(json_t *object)
{
    for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at)) {
        json_t *value = json_object_iter_value(at);
        if (json_is_string(value))
            fsp_wipe((void *)(uintptr_t)json_string_value(value), json_string_length(value));
    }
}

fsp_status_t
fsp_profile_decode(fsp_slice_t text, fsp_profile_t *ret, fsp_error_t *error)
{
    FSP_PRE(ret);
    FSP_PRE(text.data || text.bytes == 0);
    if (text.bytes > FSP_PROFILE_BYTES_MAX)
        return fsp_error_set(error, FSP_INVALID, "profile: larger than %d octets",
                             (int)FSP_PROFILE_BYTES_MAX);
    if (text.bytes == 0)
        return fsp_error_set(error, FSP_INVALID, "profile: empty");
    if (!depth_fits(text))
        return fsp_error_set(error, FSP_INVALID, "profile: not a JSON object of format 1");
    json_error_t where;
    json_t *object =
        json_loadb((const char *)text.data, text.bytes, JSON_REJECT_DUPLICATES, &where);
    int line = where.line, column = where.column;
    fsp_wipe(&where, sizeof(where)); /* on failure it quotes the text */
    if (!object)
        return fsp_error_set(error, FSP_INVALID, "profile: not valid JSON: line %d, column %d",
                             line, column);
    fsp_profile_t profile;
    memset(&profile, 0, sizeof(profile));
    fsp_status_t status = FSP_INVALID;
    if (json_is_object(object))
        status = read_fields(object, &profile, error);
    else
        (void)fsp_error_set(error, FSP_INVALID, "profile: not a JSON object of format 1");
    if (!status)
        *ret = profile;
    fsp_profile_wipe(&profile);
    wipe_texts(object);
    json_decref(object);
    return status;
}
