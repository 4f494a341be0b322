/* SPDX-License-Identifier: MIT */
/* fields - structs to msgpack maps and back, by table.  Layer proto.  Pure.
 *
 * A table has one row for each field of a struct: key, type, place, bound.  One walk writes,
 * another reads, so a field cannot be written and not read.  Zero, empty and false are not written,
 * and what is absent is zero: a body says only what it has to say, and a new field costs old
 * messages nothing.
 *
 * How to change: add rows with new keys; never give a key another type or meaning
 * (docs/protocol/client.md).
 */
#ifndef FSP_PROTO_FIELDS_H
#define FSP_PROTO_FIELDS_H
#include "core/base/buf.h"
#include "core/base/status.h"
#include "core/base/types.h"
#include "proto/wire.h"

typedef enum {
    FSP_FIELD_UINT,  /* uint64_t, at most bound */
    FSP_FIELD_U32,   /* uint32_t or an enumeration, at most bound */
    FSP_FIELD_BOOL,  /* bool */
    FSP_FIELD_TEXT,  /* fsp_slice_t: UTF-8 of at most bound octets */
    FSP_FIELD_NAME,  /* the same, a name of an entry (BAD_NAME) */
    FSP_FIELD_PATH,  /* the same, a path (BAD_NAME) */
    FSP_FIELD_SPACE, /* the same, a space's name (BAD_NAME) */
    FSP_FIELD_HEX,   /* the same, FSP_VERSION_PREFIX_HEX_MIN..bound hex digits */
    FSP_FIELD_BIN,   /* fsp_slice_t: at most bound octets of binary */
    FSP_FIELD_FIXED, /* exactly bound octets of binary */
    FSP_FIELD_IDS,   /* array of at most bound binaries of 32 octets; size_t at `also` */
    FSP_FIELD_UINTS, /* array of at most bound uint64_t; size_t at `also` */
    FSP_FIELD_TEXTS, /* array of at most bound fsp_slice_t; size_t at `also` */
    FSP_FIELD_CUSTOM
} fsp_field_type_t;

/* A field that is several members; the struct's address comes in. */
typedef struct {
    const char *text; /* for documentation */
    bool (*present)(const void *self);
    void (*encode)(const void *self, fsp_buf_t *buf);
    fsp_status_t (*decode)(void *self, fsp_slice_t value);
} fsp_field_custom_t;

enum { FSP_FIELD_NO_FLAG = 0xffff, FSP_FIELDS_MAX = 64 };

typedef struct {
    const char *key;
    uint16_t key_bytes;
    uint16_t type; /* fsp_field_type_t */
    uint16_t at;   /* offset of the value */
    uint16_t also; /* offset of the count (arrays) or of the bool that says "present"; NO_FLAG */
    uint64_t bound;
    uint64_t types; /* bit t: carried by messages of type t; 0 where there is one kind of map */
    bool strict;    /* refused, not ignored, in messages that may not carry it */
    const fsp_field_custom_t *custom;
} fsp_field_t;

typedef struct {
    const fsp_field_t *fields;
    size_t count; /* <= FSP_FIELDS_MAX */
} fsp_fields_t;

/* Row makers: FSP_FIELD(TEXT, fsp_reply_t, symbol, "symbol", 64). */
#define FSP_FIELD_ALSO(type_, struct_, member, key_, bound_, also_)                                \
    .key = (key_), .key_bytes = sizeof(key_) - 1, .type = FSP_FIELD_##type_,                       \
    .at = offsetof(struct_, member), .also = (also_), .bound = (bound_)
#define FSP_FIELD(type_, struct_, member, key_, bound_)                                            \
    FSP_FIELD_ALSO(type_, struct_, member, key_, bound_, FSP_FIELD_NO_FLAG)
#define FSP_FIELD_OF(custom_, key_)                                                                \
    .key = (key_), .key_bytes = sizeof(key_) - 1, .type = FSP_FIELD_CUSTOM,                        \
    .also = FSP_FIELD_NO_FLAG, .custom = (custom_)

/* Appends a map of the fields that are present and carried by this type of message. */
void fsp_fields_encode(fsp_fields_t table, unsigned type, const void *self, fsp_buf_t *buf);
/* Reads a map into *self, which the caller has zeroed; on failure it is half filled. */
FSP_MUST_CHECK fsp_status_t fsp_fields_decode(fsp_fields_t table, unsigned type, fsp_slice_t body,
                                              void *self);
#endif
