/* SPDX-License-Identifier: MIT */
/* wire - msgpack of message bodies, and the one door to msgpack-c.  Layer proto.  Pure.
 *
 * Why structure is walked here and not by msgpack-c: msgpack_unpack_next allocates what a head
 * announces, 24 to 48 octets a value, before it has seen one of them; five hostile octets make it
 * ask for 137 GB.  The skim also knows where each value lies, which items of lists and unknown keys
 * need (they are never unpacked).
 */
#include "proto/wire.h"

#include <msgpack.h>

#include "core/base/check.h"
#include "core/base/text.h"

/* -- writers ----------------------------------------------------------------------------------- */

static int
append(void *data, const char *bytes, size_t count)
{
    fsp_buf_append(data, bytes, count);
    return 0; /* overflow is the buffer's, and sticky */
}

static msgpack_packer
packer_of(fsp_buf_t *buf)
{
    msgpack_packer packer;
    msgpack_packer_init(&packer, buf, append);
    return packer;
}

void
fsp_wire_map(fsp_buf_t *buf, size_t count)
{
    FSP_PRE(count <= UINT32_MAX);
    msgpack_packer packer = packer_of(buf);
    (void)msgpack_pack_map(&packer, count); /* append never fails: so in all writers */
}

void
fsp_wire_array(fsp_buf_t *buf, size_t count)
{
    FSP_PRE(count <= UINT32_MAX);
    msgpack_packer packer = packer_of(buf);
    (void)msgpack_pack_array(&packer, count);
}

void
fsp_wire_uint(fsp_buf_t *buf, uint64_t value)
{
    msgpack_packer packer = packer_of(buf);
    (void)msgpack_pack_uint64(&packer, value);
}

void
fsp_wire_int(fsp_buf_t *buf, int64_t value)
{
    msgpack_packer packer = packer_of(buf);
    (void)msgpack_pack_int64(&packer, value);
}

void
fsp_wire_bool(fsp_buf_t *buf, bool value)
{
    msgpack_packer packer = packer_of(buf);
    if (value)
        (void)msgpack_pack_true(&packer);
    else
        (void)msgpack_pack_false(&packer);
}

void
fsp_wire_text(fsp_buf_t *buf, fsp_slice_t value)
{
    FSP_PRE(value.bytes <= UINT32_MAX);
    FSP_CHECK_SLOW(fsp_utf8_valid(value));
    msgpack_packer packer = packer_of(buf);
    (void)msgpack_pack_str(&packer, value.bytes);
    (void)msgpack_pack_str_body(&packer, value.data, value.bytes);
}

void
fsp_wire_bin(fsp_buf_t *buf, fsp_slice_t value)
{
    FSP_PRE(value.bytes <= UINT32_MAX);
    msgpack_packer packer = packer_of(buf);
    (void)msgpack_pack_bin(&packer, value.bytes);
    (void)msgpack_pack_bin_body(&packer, value.data, value.bytes);
}

/* -- the skim ---------------------------------------------------------------------------------- */

typedef enum { SHAPE_SCALAR, SHAPE_TEXT, SHAPE_BIN, SHAPE_EXT, SHAPE_ARRAY, SHAPE_MAP } shape_t;

/* First bytes of a value: what follows them. */
typedef struct {
    shape_t shape;
    size_t head_bytes; /* first byte and the length or count behind it */
    uint64_t bytes;    /* behind the head; 0 for a container */
    uint64_t values;   /* in a container, keys counted too */
} head_t;

/* Big-endian number of width bytes behind the first one; false if they are not there. */
static bool
read_length(const fsp_wire_reader_t *self, size_t width, uint64_t *ret)
{
    if ((size_t)(self->end - self->at) < 1 + width)
        return false;
    const uint8_t *from = self->at + 1;
    *ret = width == 1 ? from[0] : width == 2 ? fsp_load_u16(from) : fsp_load_u32(from);
    return true;
}

/* False on truncation and on the one byte that msgpack does not use.  There is a byte at
   self->at. */
static bool
read_head(const fsp_wire_reader_t *self, head_t *ret)
{
    uint8_t first = *self->at;
    *ret = (head_t){.shape = SHAPE_SCALAR, .head_bytes = 1};
    if (first <= 0x7f || first >= 0xe0) /* small integers */
        return true;
    if (first <= 0x8f) {
        ret->shape = SHAPE_MAP;
        ret->values = 2u * (first & 0x0fu);
        return true;
    }
    if (first <= 0x9f) {
        ret->shape = SHAPE_ARRAY;
        ret->values = first & 0x0fu;
        return true;
    }
    if (first <= 0xbf) {
        ret->shape = SHAPE_TEXT;
        ret->bytes = first & 0x1fu;
        return true;
    }
    size_t width;
    switch (first) {
    case 0xc0: /* nil, false, true */
    case 0xc2:
    case 0xc3:
        return true;
    case 0xc4: /* bin 8, 16, 32 */
    case 0xc5:
    case 0xc6:
        width = (size_t)1 << (first - 0xc4);
        ret->shape = SHAPE_BIN;
        ret->head_bytes = 1 + width;
        return read_length(self, width, &ret->bytes);
    case 0xc7: /* ext 8, 16, 32: length, then one byte of type */
    case 0xc8:
    case 0xc9:
        width = (size_t)1 << (first - 0xc7);
        ret->shape = SHAPE_EXT;
        ret->head_bytes = 1 + width;
        if (!read_length(self, width, &ret->bytes))
            return false;
        ret->bytes++;
        return true;
    case 0xca: /* float 32, uint 32, int 32 */
    case 0xce:
    case 0xd2:
        ret->bytes = 4;
        return true;
    case 0xcb: /* float 64, uint 64, int 64 */
    case 0xcf:
    case 0xd3:
        ret->bytes = 8;
        return true;
    case 0xcc: /* uint 8, int 8 */
    case 0xd0:
        ret->bytes = 1;
        return true;
    case 0xcd: /* uint 16, int 16 */
    case 0xd1:
        ret->bytes = 2;
        return true;
    case 0xd4: /* fixext 1, 2, 4, 8, 16, with a byte of type */
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
        ret->shape = SHAPE_EXT;
        ret->bytes = 1 + ((size_t)1 << (first - 0xd4));
        return true;
    case 0xd9: /* str 8, 16, 32 */
    case 0xda:
    case 0xdb:
        width = (size_t)1 << (first - 0xd9);
        ret->shape = SHAPE_TEXT;
        ret->head_bytes = 1 + width;
        return read_length(self, width, &ret->bytes);
    case 0xdc: /* array 16, 32 */
    case 0xdd:
        width = (size_t)2 << (first - 0xdc);
        ret->shape = SHAPE_ARRAY;
        ret->head_bytes = 1 + width;
        return read_length(self, width, &ret->values);
    case 0xde: /* map 16, 32 */
    case 0xdf:
        width = (size_t)2 << (first - 0xde);
        ret->shape = SHAPE_MAP;
        ret->head_bytes = 1 + width;
        if (!read_length(self, width, &ret->values))
            return false;
        ret->values *= 2;
        return true;
    default:
        return false;
    }
}

static size_t
bytes_left(const fsp_wire_reader_t *self)
{
    return (size_t)(self->end - self->at);
}

/* Moves over one value with all that it holds.  No recursion: the depth is the peer's. */
static fsp_status_t
skip_value(fsp_wire_reader_t *self)
{
    uint64_t pending[FSP_MSGPACK_DEPTH_MAX]; /* values still to come in each open container */
    size_t depth = 0;
    uint64_t seen = 0;
    do {
        head_t head;
        if (self->at == self->end || !read_head(self, &head))
            return FSP_INVALID;
        self->at += head.head_bytes;
        if (++seen > FSP_MSGPACK_ITEMS_MAX || head.values > FSP_MSGPACK_ITEMS_MAX)
            return FSP_TOO_LARGE;
        /* Every value has a byte at least, so a count beyond the bytes left is a lie. */
        if (head.bytes > bytes_left(self) || head.values > bytes_left(self))
            return FSP_INVALID;
        self->at += head.bytes;
        if (head.shape >= SHAPE_ARRAY) {
            if (depth == FSP_MSGPACK_DEPTH_MAX)
                return FSP_TOO_LARGE; /* also an empty one: depth is depth */
            if (head.values > 0) {
                pending[depth++] = head.values;
                continue;
            }
        }
        while (depth > 0 && --pending[depth - 1] == 0)
            depth--;
    } while (depth > 0);
    return FSP_OK;
}

fsp_wire_reader_t
fsp_wire_open_values(fsp_slice_t values)
{
    /* Arithmetic on NULL is undefined, also by 0; an empty slice may be NULL. */
    static const uint8_t nothing[1];
    FSP_PRE(values.data || values.bytes == 0);
    const uint8_t *at = values.data ? values.data : nothing;
    return (fsp_wire_reader_t){.at = at, .end = at + values.bytes};
}

/* A reader of the inside of value, which must be exactly one container of that shape. */
static fsp_status_t
open_container(fsp_slice_t value, shape_t shape, fsp_wire_reader_t *ret, uint64_t *ret_values)
{
    if (value.bytes > FSP_BODY_BYTES_MAX)
        return FSP_TOO_LARGE;
    fsp_wire_reader_t whole = fsp_wire_open_values(value);
    fsp_wire_reader_t inside = whole;
    head_t head;
    if (whole.at == whole.end || !read_head(&whole, &head) || head.shape != shape)
        return FSP_INVALID;
    fsp_status_t status = skip_value(&whole);
    if (status)
        return status;
    if (whole.at != whole.end)
        return FSP_INVALID;
    inside.at += head.head_bytes;
    *ret = inside;
    *ret_values = head.values;
    return FSP_OK;
}

fsp_status_t
fsp_wire_open_map(fsp_slice_t body, fsp_wire_reader_t *ret)
{
    FSP_PRE(ret);
    if (body.bytes == 0) {
        *ret = fsp_wire_open_values(body);
        return FSP_OK;
    }
    uint64_t values;
    return open_container(body, SHAPE_MAP, ret, &values);
}

fsp_status_t
fsp_wire_open_array(fsp_slice_t value, size_t count_max, fsp_wire_reader_t *ret, size_t *ret_count)
{
    FSP_PRE(ret);
    FSP_PRE(ret_count);
    uint64_t values;
    fsp_wire_reader_t inside;
    fsp_status_t status = open_container(value, SHAPE_ARRAY, &inside, &values);
    if (status)
        return status;
    if (values > count_max)
        return FSP_TOO_LARGE;
    *ret = inside;
    *ret_count = (size_t)values;
    return FSP_OK;
}

fsp_status_t
fsp_wire_next(fsp_wire_reader_t *self, fsp_slice_t *ret_value)
{
    FSP_PRE(self);
    FSP_PRE(ret_value);
    if (self->at == self->end)
        return FSP_NOT_FOUND;
    const uint8_t *from = self->at;
    fsp_wire_reader_t ahead = *self;
    fsp_status_t status = skip_value(&ahead);
    if (status)
        return status;
    *self = ahead;
    *ret_value = fsp_slice(from, (size_t)(ahead.at - from));
    return FSP_OK;
}

/* -- scalars ----------------------------------------------------------------------------------- */

/* A head whose bytes are there and are all of value. */
static bool
read_whole_head(fsp_slice_t value, head_t *ret)
{
    fsp_wire_reader_t reader = fsp_wire_open_values(value);
    return value.bytes > 0 && read_head(&reader, ret) &&
           ret->bytes == value.bytes - ret->head_bytes;
}

/* Lets msgpack-c read one nil, boolean or number.  (It takes 8 KiB from the heap for a text or a
   binary; where those lie is known from the head.) */
static bool
unpack_scalar(fsp_slice_t value, msgpack_object *ret)
{
    head_t head;
    if (!read_whole_head(value, &head) || head.shape != SHAPE_SCALAR)
        return false;
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    size_t used = 0;
    msgpack_unpack_return outcome =
        msgpack_unpack_next(&unpacked, (const char *)value.data, value.bytes, &used);
    *ret = unpacked.data;
    FSP_POST(!unpacked.zone); /* nothing to free, nothing sized by a peer */
    return outcome == MSGPACK_UNPACK_SUCCESS && used == value.bytes;
}

fsp_status_t
fsp_wire_read_uint(fsp_slice_t value, uint64_t max, uint64_t *ret)
{
    FSP_PRE(ret);
    msgpack_object object;
    if (!unpack_scalar(value, &object) || object.type != MSGPACK_OBJECT_POSITIVE_INTEGER ||
        object.via.u64 > max)
        return FSP_INVALID;
    *ret = object.via.u64;
    return FSP_OK;
}

fsp_status_t
fsp_wire_read_int(fsp_slice_t value, int64_t min, int64_t max, int64_t *ret)
{
    FSP_PRE(ret);
    msgpack_object object;
    if (!unpack_scalar(value, &object))
        return FSP_INVALID;
    int64_t number;
    if (object.type == MSGPACK_OBJECT_POSITIVE_INTEGER && object.via.u64 <= INT64_MAX)
        number = (int64_t)object.via.u64;
    else if (object.type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
        number = object.via.i64;
    else
        return FSP_INVALID;
    if (number < min || number > max)
        return FSP_INVALID;
    *ret = number;
    return FSP_OK;
}

fsp_status_t
fsp_wire_read_bool(fsp_slice_t value, bool *ret)
{
    FSP_PRE(ret);
    msgpack_object object;
    if (!unpack_scalar(value, &object) || object.type != MSGPACK_OBJECT_BOOLEAN)
        return FSP_INVALID;
    *ret = object.via.boolean;
    return FSP_OK;
}

fsp_status_t
fsp_wire_read_text(fsp_slice_t value, size_t bytes_max, fsp_slice_t *ret)
{
    FSP_PRE(ret);
    head_t head;
    if (!read_whole_head(value, &head) || head.shape != SHAPE_TEXT)
        return FSP_INVALID;
    if (head.bytes > bytes_max)
        return FSP_TOO_LARGE;
    fsp_slice_t text = fsp_slice(value.data + head.head_bytes, (size_t)head.bytes);
    if (!fsp_utf8_valid(text))
        return FSP_INVALID;
    *ret = text;
    return FSP_OK;
}

fsp_status_t
fsp_wire_read_bin(fsp_slice_t value, size_t bytes_max, fsp_slice_t *ret)
{
    FSP_PRE(ret);
    head_t head;
    if (!read_whole_head(value, &head) || head.shape != SHAPE_BIN)
        return FSP_INVALID;
    if (head.bytes > bytes_max)
        return FSP_TOO_LARGE;
    *ret = fsp_slice(value.data + head.head_bytes, (size_t)head.bytes);
    return FSP_OK;
}

fsp_status_t
fsp_wire_read_fixed(fsp_slice_t value, void *ret, size_t bytes)
{
    FSP_PRE(ret);
    head_t head;
    /* Another length is a mistake of form, not something too large. */
    if (!read_whole_head(value, &head) || head.shape != SHAPE_BIN || head.bytes != bytes)
        return FSP_INVALID;
    memcpy(ret, value.data + head.head_bytes, bytes);
    return FSP_OK;
}

fsp_status_t
fsp_wire_next_pair(fsp_wire_reader_t *self, fsp_slice_t *ret_key, fsp_slice_t *ret_value)
{
    FSP_PRE(self);
    FSP_PRE(ret_key);
    FSP_PRE(ret_value);
    if (self->at == self->end)
        return FSP_NOT_FOUND;
    /* Keys are compared with known ones, so they are not unpacked: their head says where they
       lie. */
    fsp_wire_reader_t ahead = *self;
    head_t head;
    if (!read_head(&ahead, &head) || head.shape != SHAPE_TEXT)
        return FSP_INVALID;
    ahead.at += head.head_bytes;
    if (head.bytes > bytes_left(&ahead))
        return FSP_INVALID;
    fsp_slice_t key = fsp_slice(ahead.at, (size_t)head.bytes);
    ahead.at += head.bytes;
    fsp_slice_t value;
    fsp_status_t status = fsp_wire_next(&ahead, &value);
    if (status)
        return status == FSP_NOT_FOUND ? FSP_INVALID : status;
    *self = ahead;
    *ret_key = key;
    *ret_value = value;
    return FSP_OK;
}
