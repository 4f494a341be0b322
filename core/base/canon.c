/* SPDX-License-Identifier: MIT */
/* canon - canonical msgpack: all that is hashed, signed, logged or stored.  Layer core/base. */
#include "core/base/canon.h"

#include "core/base/check.h"
#include "core/base/limits.h"
#include "core/base/text.h"

/* First bytes, as in the msgpack specification. */
enum {
    FIXINT_MAX = 0x7f,
    FIXARRAY = 0x90,
    FIXARRAY_COUNT_MAX = 15,
    FIXSTR = 0xa0,
    FIXSTR_BYTES_MAX = 31,
    NIL = 0xc0,
    FALSE = 0xc2,
    TRUE = 0xc3,
    BIN8 = 0xc4,
    BIN16 = 0xc5,
    BIN32 = 0xc6,
    UINT8 = 0xcc,
    UINT16 = 0xcd,
    UINT32 = 0xce,
    UINT64 = 0xcf,
    STR8 = 0xd9,
    STR16 = 0xda,
    STR32 = 0xdb,
    ARRAY16 = 0xdc,
    ARRAY32 = 0xdd
};

/* -- writer ------------------------------------------------------------------------------------ */

void
fsp_canon_nil(fsp_buf_t *buf)
{
    fsp_buf_append_u8(buf, NIL);
}

void
fsp_canon_bool(fsp_buf_t *buf, bool value)
{
    fsp_buf_append_u8(buf, value ? TRUE : FALSE);
}

static void
write_u8(fsp_buf_t *buf, uint8_t first, uint64_t value)
{
    uint8_t *room = fsp_buf_extend(buf, 2);
    if (room) {
        room[0] = first;
        room[1] = (uint8_t)value;
    }
}

static void
write_u16(fsp_buf_t *buf, uint8_t first, uint64_t value)
{
    uint8_t *room = fsp_buf_extend(buf, 3);
    if (room) {
        room[0] = first;
        fsp_store_u16(room + 1, (uint16_t)value);
    }
}

static void
write_u32(fsp_buf_t *buf, uint8_t first, uint64_t value)
{
    uint8_t *room = fsp_buf_extend(buf, 5);
    if (room) {
        room[0] = first;
        fsp_store_u32(room + 1, (uint32_t)value);
    }
}

static void
write_u64(fsp_buf_t *buf, uint8_t first, uint64_t value)
{
    uint8_t *room = fsp_buf_extend(buf, 9);
    if (room) {
        room[0] = first;
        fsp_store_u64(room + 1, value);
    }
}

void
fsp_canon_uint(fsp_buf_t *buf, uint64_t value)
{
    if (value <= FIXINT_MAX)
        fsp_buf_append_u8(buf, (uint8_t)value);
    else if (value <= UINT8_MAX)
        write_u8(buf, UINT8, value);
    else if (value <= UINT16_MAX)
        write_u16(buf, UINT16, value);
    else if (value <= UINT32_MAX)
        write_u32(buf, UINT32, value);
    else
        write_u64(buf, UINT64, value);
}

void
fsp_canon_bin(fsp_buf_t *buf, fsp_slice_t value)
{
    FSP_PRE(value.bytes <= UINT32_MAX);
    if (value.bytes <= UINT8_MAX)
        write_u8(buf, BIN8, value.bytes);
    else if (value.bytes <= UINT16_MAX)
        write_u16(buf, BIN16, value.bytes);
    else
        write_u32(buf, BIN32, value.bytes);
    fsp_buf_append_slice(buf, value);
}

void
fsp_canon_text(fsp_buf_t *buf, fsp_slice_t value)
{
    FSP_PRE(value.bytes <= UINT32_MAX);
    FSP_CHECK_SLOW(fsp_utf8_valid(value));
    if (value.bytes <= FIXSTR_BYTES_MAX)
        fsp_buf_append_u8(buf, (uint8_t)(FIXSTR | value.bytes));
    else if (value.bytes <= UINT8_MAX)
        write_u8(buf, STR8, value.bytes);
    else if (value.bytes <= UINT16_MAX)
        write_u16(buf, STR16, value.bytes);
    else
        write_u32(buf, STR32, value.bytes);
    fsp_buf_append_slice(buf, value);
}

void
fsp_canon_array(fsp_buf_t *buf, size_t count)
{
    FSP_PRE(count <= UINT32_MAX);
    if (count <= FIXARRAY_COUNT_MAX)
        fsp_buf_append_u8(buf, (uint8_t)(FIXARRAY | count));
    else if (count <= UINT16_MAX)
        write_u16(buf, ARRAY16, count);
    else
        write_u32(buf, ARRAY32, count);
}

/* -- reader ------------------------------------------------------------------------------------ */

fsp_canon_t
fsp_canon_reader(fsp_slice_t bytes)
{
    /* Arithmetic on NULL is undefined, also by 0; an empty slice may be NULL. */
    static const uint8_t nothing[1];
    const uint8_t *at = bytes.data ? bytes.data : nothing;
    FSP_PRE(bytes.data != NULL || bytes.bytes == 0);
    return (fsp_canon_t){.at = at, .end = at + bytes.bytes, .status = FSP_OK};
}

static size_t
bytes_left(const fsp_canon_t *self)
{
    return (size_t)(self->end - self->at);
}

void
fsp_canon_fail(fsp_canon_t *self, fsp_status_t status)
{
    FSP_PRE(self != NULL);
    FSP_PRE(status != FSP_OK);
    if (self->status == FSP_OK)
        self->status = status;
}

static fsp_canon_type_t
type_of(uint8_t first)
{
    if (first <= FIXINT_MAX)
        return FSP_CANON_UINT;
    if (first >= FIXARRAY && first <= FIXARRAY + FIXARRAY_COUNT_MAX)
        return FSP_CANON_ARRAY;
    if (first >= FIXSTR && first <= FIXSTR + FIXSTR_BYTES_MAX)
        return FSP_CANON_TEXT;
    switch (first) {
    case NIL:
        return FSP_CANON_NIL;
    case FALSE:
    case TRUE:
        return FSP_CANON_BOOL;
    case BIN8:
    case BIN16:
    case BIN32:
        return FSP_CANON_BIN;
    case UINT8:
    case UINT16:
    case UINT32:
    case UINT64:
        return FSP_CANON_UINT;
    case STR8:
    case STR16:
    case STR32:
        return FSP_CANON_TEXT;
    case ARRAY16:
    case ARRAY32:
        return FSP_CANON_ARRAY;
    default:
        return FSP_CANON_INVALID;
    }
}

fsp_canon_type_t
fsp_canon_peek(const fsp_canon_t *self)
{
    FSP_PRE(self != NULL);
    if (self->status != FSP_OK)
        return FSP_CANON_INVALID;
    if (self->at == self->end)
        return FSP_CANON_END;
    return type_of(*self->at);
}

/* The head of one value: its first byte and the integer that follows or is part of it. */
typedef struct {
    fsp_canon_type_t type;
    uint64_t number; /* value, length or count; 0 or 1 for booleans */
    size_t bytes;    /* of the head alone */
} head_t;

/* Reads the width bytes behind the first one.  False if they are not there, or if the number is
   below min and so has a shorter form. */
static bool
read_number(const fsp_canon_t *self, size_t width, uint64_t min, head_t *head)
{
    if (bytes_left(self) < 1 + width)
        return false;
    const uint8_t *from = self->at + 1;
    switch (width) {
    case 1:
        head->number = from[0];
        break;
    case 2:
        head->number = fsp_load_u16(from);
        break;
    case 4:
        head->number = fsp_load_u32(from);
        break;
    case 8:
        head->number = fsp_load_u64(from);
        break;
    default:
        FSP_UNREACHABLE();
    }
    head->bytes = 1 + width;
    return head->number >= min;
}

/* False on truncation, on a type outside the subset, and on every head that is not the shortest. */
static bool
read_head(const fsp_canon_t *self, head_t *head)
{
    *head = (head_t){.type = FSP_CANON_INVALID};
    if (self->at == self->end)
        return false;
    uint8_t first = *self->at;
    head->type = type_of(first);
    head->bytes = 1;
    if (first <= FIXINT_MAX) {
        head->number = first;
        return true;
    }
    switch (first) {
    case NIL:
    case FALSE:
        return true;
    case TRUE:
        head->number = 1;
        return true;
    case UINT8:
        return read_number(self, 1, FIXINT_MAX + 1, head);
    case UINT16:
        return read_number(self, 2, UINT8_MAX + 1, head);
    case UINT32:
        return read_number(self, 4, UINT16_MAX + 1, head);
    case UINT64:
        return read_number(self, 8, (uint64_t)UINT32_MAX + 1, head);
    case BIN8:
        return read_number(self, 1, 0, head);
    case BIN16:
        return read_number(self, 2, UINT8_MAX + 1, head);
    case BIN32:
        return read_number(self, 4, UINT16_MAX + 1, head);
    case STR8:
        return read_number(self, 1, FIXSTR_BYTES_MAX + 1, head);
    case STR16:
        return read_number(self, 2, UINT8_MAX + 1, head);
    case STR32:
        return read_number(self, 4, UINT16_MAX + 1, head);
    case ARRAY16:
        return read_number(self, 2, FIXARRAY_COUNT_MAX + 1, head);
    case ARRAY32:
        return read_number(self, 4, UINT16_MAX + 1, head);
    default:
        break;
    }
    if (head->type == FSP_CANON_ARRAY)
        head->number = first & FIXARRAY_COUNT_MAX;
    else if (head->type == FSP_CANON_TEXT)
        head->number = first & FIXSTR_BYTES_MAX;
    else
        return false;
    return true;
}

/* A head of the wanted type, not yet consumed.  False (and failed) otherwise. */
static bool
expect(fsp_canon_t *self, fsp_canon_type_t type, head_t *head)
{
    FSP_PRE(self != NULL);
    if (self->status != FSP_OK)
        return false;
    if (!read_head(self, head) || head->type != type) {
        fsp_canon_fail(self, FSP_INVALID);
        return false;
    }
    return true;
}

bool
fsp_canon_read_nil(fsp_canon_t *self)
{
    /* A question, not a demand: fields that may be absent are nil. */
    if (fsp_canon_peek(self) != FSP_CANON_NIL)
        return false;
    self->at++;
    return true;
}

bool
fsp_canon_read_bool(fsp_canon_t *self)
{
    head_t head;
    if (!expect(self, FSP_CANON_BOOL, &head))
        return false;
    self->at += head.bytes;
    return head.number != 0;
}

uint64_t
fsp_canon_read_uint(fsp_canon_t *self, uint64_t max)
{
    head_t head;
    if (!expect(self, FSP_CANON_UINT, &head))
        return 0;
    if (head.number > max) {
        fsp_canon_fail(self, FSP_INVALID);
        return 0;
    }
    self->at += head.bytes;
    return head.number;
}

/* Binary or text with its bytes, consumed.  The limit is looked at before the bytes left, so that
   a length out of bounds is called that, however much of it has come. */
static fsp_slice_t
read_bytes(fsp_canon_t *self, fsp_canon_type_t type, size_t bytes_max)
{
    head_t head;
    if (!expect(self, type, &head))
        return fsp_slice(NULL, 0);
    if (head.number > bytes_max) {
        fsp_canon_fail(self, FSP_TOO_LARGE);
        return fsp_slice(NULL, 0);
    }
    if (head.number > bytes_left(self) - head.bytes) {
        fsp_canon_fail(self, FSP_INVALID);
        return fsp_slice(NULL, 0);
    }
    fsp_slice_t value = fsp_slice(self->at + head.bytes, (size_t)head.number);
    if (type == FSP_CANON_TEXT && !fsp_utf8_valid(value)) {
        fsp_canon_fail(self, FSP_INVALID);
        return fsp_slice(NULL, 0);
    }
    self->at = value.data + value.bytes;
    return value;
}

fsp_slice_t
fsp_canon_read_bin(fsp_canon_t *self, size_t bytes_max)
{
    return read_bytes(self, FSP_CANON_BIN, bytes_max);
}

fsp_slice_t
fsp_canon_read_text(fsp_canon_t *self, size_t bytes_max)
{
    return read_bytes(self, FSP_CANON_TEXT, bytes_max);
}

void
fsp_canon_read_fixed(fsp_canon_t *self, void *ret, size_t bytes)
{
    FSP_PRE(ret != NULL);
    memset(ret, 0, bytes);
    head_t head;
    if (!expect(self, FSP_CANON_BIN, &head))
        return;
    /* Another length is a mistake of form, not something too large. */
    if (head.number != bytes || bytes > bytes_left(self) - head.bytes) {
        fsp_canon_fail(self, FSP_INVALID);
        return;
    }
    memcpy(ret, self->at + head.bytes, bytes);
    self->at += head.bytes + bytes;
}

size_t
fsp_canon_read_array(fsp_canon_t *self, size_t count_min, size_t count_max)
{
    FSP_PRE(count_min <= count_max);
    head_t head;
    if (!expect(self, FSP_CANON_ARRAY, &head))
        return 0;
    if (head.number > count_max && count_min < count_max) {
        fsp_canon_fail(self, FSP_TOO_LARGE);
        return 0;
    }
    if (head.number < count_min || head.number > count_max ||
        head.number > bytes_left(self) - head.bytes) {
        fsp_canon_fail(self, FSP_INVALID);
        return 0;
    }
    self->at += head.bytes;
    return (size_t)head.number;
}

/* Consumes one value that is no array, or the head of one; ret_count is what it holds. */
static void
skip_one(fsp_canon_t *self, size_t *ret_count)
{
    *ret_count = 0;
    switch (fsp_canon_peek(self)) {
    case FSP_CANON_NIL:
        (void)fsp_canon_read_nil(self);
        break;
    case FSP_CANON_BOOL:
        (void)fsp_canon_read_bool(self);
        break;
    case FSP_CANON_UINT:
        (void)fsp_canon_read_uint(self, UINT64_MAX);
        break;
    case FSP_CANON_BIN:
        (void)fsp_canon_read_bin(self, SIZE_MAX);
        break;
    case FSP_CANON_TEXT:
        (void)fsp_canon_read_text(self, SIZE_MAX);
        break;
    case FSP_CANON_ARRAY:
        *ret_count = fsp_canon_read_array(self, 0, SIZE_MAX);
        break;
    case FSP_CANON_END:
    case FSP_CANON_INVALID:
        fsp_canon_fail(self, FSP_INVALID);
        break;
    }
}

fsp_slice_t
fsp_canon_read_any(fsp_canon_t *self)
{
    FSP_PRE(self != NULL);
    if (self->status != FSP_OK)
        return fsp_slice(NULL, 0);
    /* A copy moves, so that the reader stays where it was if something inside is wrong.  No
       recursion: the depth is the peer's. */
    fsp_canon_t inner = *self;
    size_t pending[FSP_MSGPACK_DEPTH_MAX]; /* values still to skip in each open array */
    size_t depth = 0;
    do {
        size_t count;
        if (depth == FSP_MSGPACK_DEPTH_MAX && fsp_canon_peek(&inner) == FSP_CANON_ARRAY)
            fsp_canon_fail(&inner, FSP_TOO_LARGE); /* also an empty one: depth is depth */
        skip_one(&inner, &count);
        if (count > 0)
            pending[depth++] = count + 1; /* and the array itself, taken off just below */
        if (inner.status != FSP_OK) {
            fsp_canon_fail(self, inner.status);
            return fsp_slice(NULL, 0);
        }
        while (depth > 0 && --pending[depth - 1] == 0)
            depth--;
    } while (depth > 0);
    fsp_slice_t value = fsp_slice(self->at, (size_t)(inner.at - self->at));
    self->at = inner.at;
    return value;
}

fsp_status_t
fsp_canon_finish(const fsp_canon_t *self)
{
    FSP_PRE(self != NULL);
    if (self->status != FSP_OK)
        return self->status;
    return self->at == self->end ? FSP_OK : FSP_INVALID;
}
