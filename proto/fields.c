/* SPDX-License-Identifier: MIT */
/* fields - structs to msgpack maps and back, by table.  Layer proto.  Pure. */
#include "proto/fields.h"

#include "core/base/check.h"
#include "core/base/text.h"

enum { ID_BYTES = 32 };

static const void *
member(const void *self, size_t offset)
{
    return (const char *)self + offset;
}

static void *
member_rw(void *self, size_t offset)
{
    return (char *)self + offset;
}

static bool
carried(const fsp_field_t *field, unsigned type)
{
    return field->types == 0 || (type < 64 && (field->types >> type & 1));
}

static bool
all_zero(const uint8_t *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (data[i] != 0)
            return false;
    return true;
}

/* -- writing ----------------------------------------------------------------------------------- */

static size_t
count_of(const fsp_field_t *field, const void *self)
{
    size_t count = *(const size_t *)member(self, field->also);
    FSP_PRE(count <= field->bound);
    return count;
}

static bool
present(const fsp_field_t *field, const void *self)
{
    const void *value = member(self, field->at);
    switch ((fsp_field_type_t)field->type) {
    case FSP_FIELD_CUSTOM:
        return field->custom->present(self);
    case FSP_FIELD_IDS:
    case FSP_FIELD_UINTS:
    case FSP_FIELD_TEXTS:
        return count_of(field, self) > 0;
    default:
        break;
    }
    if (field->also != FSP_FIELD_NO_FLAG)
        return *(const bool *)member(self, field->also);
    switch ((fsp_field_type_t)field->type) {
    case FSP_FIELD_UINT:
        return *(const uint64_t *)value != 0;
    case FSP_FIELD_U32:
        return *(const uint32_t *)value != 0;
    case FSP_FIELD_BOOL:
        return *(const bool *)value;
    case FSP_FIELD_TEXT:
    case FSP_FIELD_NAME:
    case FSP_FIELD_PATH:
    case FSP_FIELD_SPACE:
    case FSP_FIELD_HEX:
    case FSP_FIELD_BIN:
        return ((const fsp_slice_t *)value)->bytes > 0;
    case FSP_FIELD_FIXED:
        return !all_zero(value, (size_t)field->bound);
    default:
        FSP_UNREACHABLE();
    }
}

static void
encode_value(const fsp_field_t *field, const void *self, fsp_buf_t *buf)
{
    const void *value = member(self, field->at);
    switch ((fsp_field_type_t)field->type) {
    case FSP_FIELD_UINT:
        fsp_wire_uint(buf, *(const uint64_t *)value);
        return;
    case FSP_FIELD_U32:
        fsp_wire_uint(buf, *(const uint32_t *)value);
        return;
    case FSP_FIELD_BOOL:
        fsp_wire_bool(buf, *(const bool *)value);
        return;
    case FSP_FIELD_TEXT:
    case FSP_FIELD_NAME:
    case FSP_FIELD_PATH:
    case FSP_FIELD_SPACE:
    case FSP_FIELD_HEX:
        fsp_wire_text(buf, *(const fsp_slice_t *)value);
        return;
    case FSP_FIELD_BIN:
        fsp_wire_bin(buf, *(const fsp_slice_t *)value);
        return;
    case FSP_FIELD_FIXED:
        fsp_wire_bin(buf, fsp_slice(value, (size_t)field->bound));
        return;
    case FSP_FIELD_CUSTOM:
        field->custom->encode(self, buf);
        return;
    case FSP_FIELD_IDS:
    case FSP_FIELD_UINTS:
    case FSP_FIELD_TEXTS:
        break;
    }
    size_t count = count_of(field, self);
    fsp_wire_array(buf, count);
    for (size_t i = 0; i < count; i++) {
        if (field->type == FSP_FIELD_IDS)
            fsp_wire_bin(buf, fsp_slice((const uint8_t *)value + i * ID_BYTES, ID_BYTES));
        else if (field->type == FSP_FIELD_UINTS)
            fsp_wire_uint(buf, ((const uint64_t *)value)[i]);
        else
            fsp_wire_text(buf, ((const fsp_slice_t *)value)[i]);
    }
}

void
fsp_fields_encode(fsp_fields_t table, unsigned type, const void *self, fsp_buf_t *buf)
{
    FSP_PRE(table.count <= FSP_FIELDS_MAX);
    FSP_PRE(self);
    FSP_PRE(buf);
    /* The head of a map says how many pairs follow. */
    uint8_t chosen[FSP_FIELDS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < table.count; i++)
        if (carried(&table.fields[i], type) && present(&table.fields[i], self))
            chosen[count++] = (uint8_t)i;
    fsp_wire_map(buf, count);
    for (size_t i = 0; i < count; i++) {
        const fsp_field_t *field = &table.fields[chosen[i]];
        fsp_wire_text(buf, fsp_slice(field->key, field->key_bytes));
        encode_value(field, self, buf);
    }
}

/* -- reading ----------------------------------------------------------------------------------- */

/* What the bytes of a text must be besides UTF-8. */
static fsp_status_t
check_text(fsp_field_type_t type, fsp_slice_t text)
{
    if (text.bytes == 0)
        return FSP_OK; /* as if absent */
    switch (type) {
    case FSP_FIELD_NAME:
        return fsp_name_valid(text) ? FSP_OK : FSP_BAD_NAME;
    case FSP_FIELD_PATH:
        return fsp_path_check(text);
    case FSP_FIELD_SPACE:
        return fsp_space_name_valid(text) ? FSP_OK : FSP_BAD_NAME;
    case FSP_FIELD_HEX:
        if (text.bytes < FSP_VERSION_PREFIX_HEX_MIN)
            return FSP_INVALID;
        for (size_t i = 0; i < text.bytes; i++) {
            uint8_t c = text.data[i];
            if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))
                return FSP_INVALID;
        }
        return FSP_OK;
    default:
        return FSP_OK;
    }
}

static fsp_status_t
decode_array(const fsp_field_t *field, fsp_slice_t value, void *self)
{
    enum { TEXT_IN_ARRAY_BYTES_MAX = 64 };
    fsp_wire_reader_t reader;
    size_t count;
    fsp_status_t status = fsp_wire_open_array(value, (size_t)field->bound, &reader, &count);
    if (status)
        return status;
    void *to = member_rw(self, field->at);
    for (size_t i = 0; i < count && !status; i++) {
        fsp_slice_t item;
        status = fsp_wire_next(&reader, &item);
        FSP_ASSERT(status == FSP_OK); /* open_array has skimmed it */
        if (field->type == FSP_FIELD_IDS)
            status = fsp_wire_read_fixed(item, (uint8_t *)to + i * ID_BYTES, ID_BYTES);
        else if (field->type == FSP_FIELD_UINTS)
            status = fsp_wire_read_uint(item, UINT64_MAX, &((uint64_t *)to)[i]);
        else
            status = fsp_wire_read_text(item, TEXT_IN_ARRAY_BYTES_MAX, &((fsp_slice_t *)to)[i]);
    }
    if (!status)
        *(size_t *)member_rw(self, field->also) = count;
    return status;
}

static fsp_status_t
decode_value(const fsp_field_t *field, fsp_slice_t value, void *self)
{
    void *to = member_rw(self, field->at);
    uint64_t number;
    fsp_status_t status;
    switch ((fsp_field_type_t)field->type) {
    case FSP_FIELD_UINT:
        return fsp_wire_read_uint(value, field->bound, to);
    case FSP_FIELD_U32:
        status = fsp_wire_read_uint(value, field->bound, &number);
        if (!status)
            *(uint32_t *)to = (uint32_t)number;
        return status;
    case FSP_FIELD_BOOL:
        return fsp_wire_read_bool(value, to);
    case FSP_FIELD_TEXT:
    case FSP_FIELD_NAME:
    case FSP_FIELD_PATH:
    case FSP_FIELD_SPACE:
    case FSP_FIELD_HEX:
        status = fsp_wire_read_text(value, (size_t)field->bound, to);
        return status ? status : check_text((fsp_field_type_t)field->type, *(fsp_slice_t *)to);
    case FSP_FIELD_BIN:
        return fsp_wire_read_bin(value, (size_t)field->bound, to);
    case FSP_FIELD_FIXED:
        return fsp_wire_read_fixed(value, to, (size_t)field->bound);
    case FSP_FIELD_IDS:
    case FSP_FIELD_UINTS:
    case FSP_FIELD_TEXTS:
        return decode_array(field, value, self);
    case FSP_FIELD_CUSTOM:
        return field->custom->decode(self, value);
    }
    FSP_UNREACHABLE();
}

/* Position of the row with that key, or table.count.  Writers follow the table, so the search
   goes on where the last one ended. */
static size_t
find_field(fsp_fields_t table, fsp_slice_t key, size_t from)
{
    for (size_t k = 0; k < table.count; k++) {
        size_t i = from + k < table.count ? from + k : from + k - table.count;
        const fsp_field_t *field = &table.fields[i];
        if (field->key_bytes == key.bytes && memcmp(field->key, key.data, key.bytes) == 0)
            return i;
    }
    return table.count;
}

fsp_status_t
fsp_fields_decode(fsp_fields_t table, unsigned type, fsp_slice_t body, void *self)
{
    FSP_PRE(table.count <= FSP_FIELDS_MAX);
    FSP_PRE(self);
    fsp_wire_reader_t reader;
    fsp_status_t status = fsp_wire_open_map(body, &reader);
    if (status)
        return status;
    uint64_t seen = 0;
    size_t next = 0;
    for (;;) {
        fsp_slice_t key, value;
        status = fsp_wire_next_pair(&reader, &key, &value);
        if (status)
            return status == FSP_NOT_FOUND ? FSP_OK : status;
        size_t i = find_field(table, key, next);
        if (i == table.count)
            continue;
        next = i + 1 < table.count ? i + 1 : 0;
        const fsp_field_t *field = &table.fields[i];
        /* Also where it is not carried: two values for one key are never meant. */
        if (seen >> i & 1)
            return FSP_INVALID;
        seen |= UINT64_C(1) << i;
        if (!carried(field, type)) {
            if (field->strict)
                return FSP_INVALID;
            continue;
        }
        status = decode_value(field, value, self);
        if (status)
            return status;
        if (field->also != FSP_FIELD_NO_FLAG && field->type != FSP_FIELD_IDS &&
            field->type != FSP_FIELD_UINTS && field->type != FSP_FIELD_TEXTS)
            *(bool *)member_rw(self, field->also) = true;
    }
}
