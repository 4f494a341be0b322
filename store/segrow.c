/* SPDX-License-Identifier: MIT */
/* segrow - the octets of the segment store: records, and the rows that speak of them.  Layer store.
 */
#include "store/segrow.h"

#include "core/base/canon.h"
#include "core/base/check.h"

#include <xxhash.h>

#include <assert.h>

enum {
    AT_FORMAT = 8,
    AT_KEY_BYTES = 12,
    AT_BYTES = 16,
    AT_HASH = 24,
    AT_SEGMENT = 32,
    AT_OFFSET = 40,
    AT_CHECKSUM = 48
};

/* The number in front of records and rows: that of the store's format from PACKED on. */
enum { PAGED = 1, PACKED = 3 };

static_assert(FSP_SEGMENT_PAGE_BYTES % FSP_SEGMENT_UNIT_BYTES == 0,
              "a record that begins with a page is packed, too");
/* So that no end of a record overflows. */
#define OFFSET_MAX ((uint64_t)1 << 62)

static const uint8_t magic[8] = {'F', 'S', 'P', 'B', 'Y', 'T', 'E', 'S'};
static const char segment_prefix[] = "segment/";

/* What a record begins and ends at multiples of. */
static uint64_t
unit_of(const fsp_place_t *place)
{
    return place->paged ? FSP_SEGMENT_PAGE_BYTES : FSP_SEGMENT_UNIT_BYTES;
}

static uint64_t
round_up(uint64_t octets, uint64_t unit)
{
    return (octets + unit - 1) / unit * unit;
}

uint64_t
fsp_segment_page_up(uint64_t octets)
{
    return round_up(octets, FSP_SEGMENT_PAGE_BYTES);
}

uint64_t
fsp_segrecord_bytes(const fsp_place_t *place, size_t key_bytes)
{
    return round_up(FSP_SEGMENT_HEADER_BYTES + (uint64_t)key_bytes + place->bytes, unit_of(place));
}

uint64_t
fsp_segrecord_data(const fsp_place_t *place, size_t key_bytes)
{
    return place->offset + FSP_SEGMENT_HEADER_BYTES + key_bytes;
}

bool
fsp_place_eq(const fsp_place_t *a, const fsp_place_t *b)
{
    return a->segment == b->segment && a->offset == b->offset && a->bytes == b->bytes &&
           a->hash == b->hash && a->paged == b->paged;
}

static bool
place_fits(const fsp_place_t *place)
{
    return place->segment > 0 && place->offset % unit_of(place) == 0 &&
           place->offset <= OFFSET_MAX && place->bytes <= FSP_OBJECT_BYTES_MAX;
}

uint64_t
fsp_segrecord_hash(fsp_slice_t bytes)
{
    return XXH3_64bits(bytes.data, bytes.bytes);
}

/* Of the header before its checksum, and the key behind it. */
static uint64_t
header_checksum(const uint8_t *header, fsp_slice_t key)
{
    uint8_t covered[AT_CHECKSUM + FSP_ROW_KEY_BYTES_MAX];
    memcpy(covered, header, AT_CHECKSUM);
    memcpy(covered + AT_CHECKSUM, key.data, key.bytes);
    return XXH3_64bits(covered, AT_CHECKSUM + key.bytes);
}

void
fsp_segrecord_encode(const fsp_segrecord_t *record, uint8_t *ret)
{
    FSP_PRE(place_fits(&record->place));
    FSP_PRE(record->key.bytes > 0 && record->key.bytes <= FSP_ROW_KEY_BYTES_MAX);
    memcpy(ret, magic, sizeof(magic));
    fsp_store_u32(ret + AT_FORMAT, record->place.paged ? PAGED : PACKED);
    fsp_store_u32(ret + AT_KEY_BYTES, (uint32_t)record->key.bytes);
    fsp_store_u64(ret + AT_BYTES, record->place.bytes);
    fsp_store_u64(ret + AT_HASH, record->place.hash);
    fsp_store_u64(ret + AT_SEGMENT, record->place.segment);
    fsp_store_u64(ret + AT_OFFSET, record->place.offset);
    fsp_store_u64(ret + AT_CHECKSUM, header_checksum(ret, record->key));
    memcpy(ret + FSP_SEGMENT_HEADER_BYTES, record->key.data, record->key.bytes);
}

fsp_status_t
fsp_segrecord_decode(fsp_slice_t octets, fsp_segrecord_t *ret)
{
    const uint8_t *at = octets.data;
    if (octets.bytes < sizeof(magic) || memcmp(at, magic, sizeof(magic)) != 0)
        return FSP_NOT_FOUND;
    if (octets.bytes < FSP_SEGMENT_HEADER_BYTES)
        return FSP_DAMAGED;
    /* Another format may have its checksum elsewhere, so this one counts without. */
    uint32_t format = fsp_load_u32(at + AT_FORMAT);
    if (format != PAGED && format != PACKED)
        return format > PAGED ? FSP_FORMAT_NEWER : FSP_DAMAGED;
    uint32_t key_bytes = fsp_load_u32(at + AT_KEY_BYTES);
    if (key_bytes == 0 || key_bytes > FSP_ROW_KEY_BYTES_MAX ||
        octets.bytes < FSP_SEGMENT_HEADER_BYTES + key_bytes)
        return FSP_DAMAGED;
    fsp_segrecord_t record = {.place = {.segment = fsp_load_u64(at + AT_SEGMENT),
                                        .offset = fsp_load_u64(at + AT_OFFSET),
                                        .bytes = fsp_load_u64(at + AT_BYTES),
                                        .hash = fsp_load_u64(at + AT_HASH),
                                        .paged = format == PAGED},
                              .key = fsp_slice(at + FSP_SEGMENT_HEADER_BYTES, key_bytes)};
    if (!place_fits(&record.place) ||
        fsp_load_u64(at + AT_CHECKSUM) != header_checksum(at, record.key))
        return FSP_DAMAGED;
    *ret = record;
    return FSP_OK;
}

/* Rows. */

/* The array of a row and its number, which is PAGED or, if ret_paged, PACKED.  What a newer program
   wrote may have more values. */
static fsp_status_t
begin_row(fsp_canon_t *reader, size_t count, bool *ret_paged)
{
    enum { COUNT_MAX = 64 };
    size_t found = fsp_canon_read_array(reader, 1, COUNT_MAX);
    uint64_t format = fsp_canon_read_uint(reader, UINT64_MAX);
    bool known = format == PAGED || (format == PACKED && ret_paged);
    if (reader->status == FSP_OK && !known && format > PAGED)
        return FSP_FORMAT_NEWER;
    if (reader->status != FSP_OK || !known || found != count)
        return FSP_DAMAGED;
    if (ret_paged)
        *ret_paged = format == PAGED;
    return FSP_OK;
}

void
fsp_place_encode(const fsp_place_t *place, fsp_buf_t *ret)
{
    FSP_PRE(place_fits(place));
    fsp_canon_array(ret, 5);
    fsp_canon_uint(ret, place->paged ? PAGED : PACKED);
    fsp_canon_uint(ret, place->segment);
    fsp_canon_uint(ret, place->offset);
    fsp_canon_uint(ret, place->bytes);
    fsp_canon_uint(ret, place->hash);
}

fsp_status_t
fsp_place_decode(fsp_slice_t row, fsp_place_t *ret)
{
    fsp_canon_t reader = fsp_canon_reader(row);
    fsp_place_t place = {.segment = 0};
    fsp_status_t status = begin_row(&reader, 5, &place.paged);
    if (status != FSP_OK)
        return status;
    place.segment = fsp_canon_read_uint(&reader, UINT64_MAX);
    place.offset = fsp_canon_read_uint(&reader, OFFSET_MAX);
    place.bytes = fsp_canon_read_uint(&reader, FSP_OBJECT_BYTES_MAX);
    place.hash = fsp_canon_read_uint(&reader, UINT64_MAX);
    if (fsp_canon_finish(&reader) != FSP_OK || !place_fits(&place))
        return FSP_DAMAGED;
    *ret = place;
    return FSP_OK;
}

void
fsp_segment_encode(uint64_t used, uint64_t live, fsp_buf_t *ret)
{
    fsp_canon_array(ret, 3);
    fsp_canon_uint(ret, PACKED);
    fsp_canon_uint(ret, used);
    fsp_canon_uint(ret, live);
}

fsp_status_t
fsp_segment_decode(fsp_slice_t row, uint64_t *ret_used, uint64_t *ret_live)
{
    fsp_canon_t reader = fsp_canon_reader(row);
    bool paged = false;
    fsp_status_t status = begin_row(&reader, 3, &paged);
    if (status != FSP_OK)
        return status;
    uint64_t used = fsp_canon_read_uint(&reader, 2 * OFFSET_MAX - 1);
    uint64_t live = fsp_canon_read_uint(&reader, used);
    if (fsp_canon_finish(&reader) != FSP_OK || used % FSP_SEGMENT_PAGE_BYTES != 0 ||
        live % (paged ? FSP_SEGMENT_PAGE_BYTES : FSP_SEGMENT_UNIT_BYTES) != 0)
        return FSP_DAMAGED;
    *ret_used = used;
    *ret_live = live;
    return FSP_OK;
}

void
fsp_segment_name(uint64_t segment, char ret[FSP_SEGMENT_NAME_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    for (int i = FSP_SEGMENT_NAME_BYTES - 2; i >= 0; i--, segment /= 16)
        ret[i] = digits[segment % 16];
    ret[FSP_SEGMENT_NAME_BYTES - 1] = '\0';
}

/* 0 unless these are the digits of a number above 0. */
static uint64_t
parse_digits(fsp_slice_t digits)
{
    uint64_t number = 0;
    if (digits.bytes != FSP_SEGMENT_NAME_BYTES - 1)
        return 0;
    for (size_t i = 0; i < digits.bytes; i++) {
        uint8_t digit = digits.data[i];
        if (digit >= '0' && digit <= '9')
            number = number * 16 + (uint64_t)(digit - '0');
        else if (digit >= 'a' && digit <= 'f')
            number = number * 16 + (uint64_t)(digit - 'a') + 10;
        else
            return 0;
    }
    return number;
}

fsp_status_t
fsp_segment_parse_name(const char *name, uint64_t *ret_segment)
{
    uint64_t segment = parse_digits(fsp_slice_text(name));
    if (segment == 0)
        return FSP_NOT_FOUND;
    *ret_segment = segment;
    return FSP_OK;
}

void
fsp_segment_key(uint64_t segment, fsp_buf_t *ret)
{
    char name[FSP_SEGMENT_NAME_BYTES];
    fsp_segment_name(segment, name);
    fsp_buf_append(ret, segment_prefix, sizeof(segment_prefix) - 1);
    fsp_buf_append(ret, name, sizeof(name) - 1);
}

fsp_status_t
fsp_segment_parse_key(fsp_slice_t key, uint64_t *ret_segment)
{
    size_t prefix = sizeof(segment_prefix) - 1;
    if (key.bytes < prefix || memcmp(key.data, segment_prefix, prefix) != 0)
        return FSP_DAMAGED;
    uint64_t segment = parse_digits(fsp_slice(key.data + prefix, key.bytes - prefix));
    if (segment == 0)
        return FSP_DAMAGED;
    *ret_segment = segment;
    return FSP_OK;
}

void
fsp_segments_encode(uint64_t next, fsp_buf_t *ret)
{
    fsp_canon_array(ret, 2);
    fsp_canon_uint(ret, PAGED);
    fsp_canon_uint(ret, next);
}

fsp_status_t
fsp_segments_decode(fsp_slice_t row, uint64_t *ret_next)
{
    fsp_canon_t reader = fsp_canon_reader(row);
    fsp_status_t status = begin_row(&reader, 2, NULL);
    if (status != FSP_OK)
        return status;
    uint64_t next = fsp_canon_read_uint(&reader, UINT64_MAX);
    if (fsp_canon_finish(&reader) != FSP_OK || next == 0)
        return FSP_DAMAGED;
    *ret_next = next;
    return FSP_OK;
}

void
fsp_migrated_encode(fsp_slice_t key, fsp_buf_t *ret)
{
    fsp_canon_array(ret, 2);
    fsp_canon_uint(ret, PAGED);
    fsp_canon_bin(ret, key);
}

fsp_status_t
fsp_migrated_decode(fsp_slice_t row, fsp_slice_t *ret_key)
{
    fsp_canon_t reader = fsp_canon_reader(row);
    fsp_status_t status = begin_row(&reader, 2, NULL);
    if (status != FSP_OK)
        return status;
    fsp_slice_t key = fsp_canon_read_bin(&reader, FSP_ROW_KEY_BYTES_MAX);
    if (fsp_canon_finish(&reader) != FSP_OK)
        return FSP_DAMAGED;
    *ret_key = key;
    return FSP_OK;
}
