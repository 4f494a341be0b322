/* SPDX-License-Identifier: MIT */
/* json - a streaming JSON writer, and the door to jansson for reading.  Layer proto.  Pure.
 *
 * The writer appends to a buffer and keeps no tree.  Strings are escaped; bytes that are not UTF-8
 * cannot occur in names (core/base/text), anything else is replaced by U+FFFD.
 */
#ifndef FSP_PROTO_JSON_H
#define FSP_PROTO_JSON_H
#include "core/base/buf.h"
#include "core/base/status.h"
#include "core/base/types.h"

typedef struct {
    fsp_buf_t *buf;
    unsigned depth;
    bool comma; /* the next value needs a comma before it */
} fsp_json_t;

void fsp_json_init(fsp_json_t *self, fsp_buf_t *buf);
/* key NULL: an element of an array, or the top value. */
void fsp_json_object(fsp_json_t *self, const char *key);
void fsp_json_object_end(fsp_json_t *self);
void fsp_json_array(fsp_json_t *self, const char *key);
void fsp_json_array_end(fsp_json_t *self);
void fsp_json_text(fsp_json_t *self, const char *key, const char *value);
void fsp_json_slice(fsp_json_t *self, const char *key, fsp_slice_t value);
void fsp_json_hex(fsp_json_t *self, const char *key, const void *data, size_t bytes);
void fsp_json_uint(fsp_json_t *self, const char *key, uint64_t value);
void fsp_json_bool(fsp_json_t *self, const char *key, bool value);
void fsp_json_null(fsp_json_t *self, const char *key);
/* RFC 3339 text of a time in microseconds since 1970. */
void fsp_json_time(fsp_json_t *self, const char *key, fsp_time_t unix_us);

/* One JSON object whose members are texts, whole numbers from 0 and booleans (json_read.c). */
typedef struct fsp_json_flat fsp_json_flat_t;
/* INVALID with words in error, which never quote a value.  No key may occur twice. */
FSP_MUST_CHECK fsp_status_t fsp_json_flat_open(fsp_slice_t text, fsp_json_flat_t **ret,
                                               fsp_error_t *error);
void fsp_json_flat_close(fsp_json_flat_t **self_p);
/* A key that is not in the list, which ends with NULL; NULL if all are. */
const char *fsp_json_flat_unknown(const fsp_json_flat_t *self, const char *const *known);
/* Each: NOT_FOUND without such a member, INVALID if it is of another kind (a text must not hold a
   NUL); ret is untouched then.  Texts live as long as the object. */
FSP_MUST_CHECK fsp_status_t fsp_json_flat_text(const fsp_json_flat_t *self, const char *key,
                                               const char **ret);
FSP_MUST_CHECK fsp_status_t fsp_json_flat_uint(const fsp_json_flat_t *self, const char *key,
                                               uint64_t *ret);
FSP_MUST_CHECK fsp_status_t fsp_json_flat_bool(const fsp_json_flat_t *self, const char *key,
                                               bool *ret);

/* The profile: how a client finds and trusts its mesh.  Format 1; a JSON object with format, name,
   mesh_id (64 hex), endpoints (array of text), server_key, public_key, secret_key (Z85, 40),
   node_key (Ed25519, 64 hex), space. */
enum { FSP_PROFILE_ENDPOINTS_MAX = 16, FSP_PROFILE_BYTES_MAX = 64 * 1024 };
typedef struct {
    char name[64];
    uint8_t mesh_id[32];
    char endpoints[FSP_PROFILE_ENDPOINTS_MAX][256];
    size_t endpoint_count;
    char server_key[41], public_key[41], secret_key[41];
    uint8_t node_key[32];
    char space[64];
} fsp_profile_t;
void fsp_profile_encode(const fsp_profile_t *profile, fsp_buf_t *buf);
/* INVALID with words in error (which field and why, never a secret); FORMAT_NEWER for format > 1.
 */
FSP_MUST_CHECK fsp_status_t fsp_profile_decode(fsp_slice_t text, fsp_profile_t *ret,
                                               fsp_error_t *error);
void fsp_profile_wipe(fsp_profile_t *self);
#endif
