/* SPDX-License-Identifier: MIT */
/* test_canon - canonical msgpack: one encoding for each value, no other is read.  Layer tests. */
#include "core/base/alloc.h"
#include "core/base/canon.h"
#include "core/base/limits.h"
#include "core/base/prng.h"
#include "tests/unit/aborts.h"
#include "tests/unit/suite.h"

#include <string.h>

static fsp_buf_t buf;

static void
set_up(void)
{
    fsp_buf_init(&buf, 1 << 20);
}

static void
tear_down(void)
{
    fsp_buf_clear(&buf);
}

/* A literal with NULs inside, as a slice. */
#define BYTES(literal) fsp_slice(literal, sizeof(literal) - 1)

static void
expect_written(fsp_slice_t bytes)
{
    ck_assert(fsp_buf_ok(&buf));
    ck_assert_uint_eq(buf.bytes, bytes.bytes);
    ck_assert(fsp_slice_eq(fsp_buf_slice(&buf), bytes));
    fsp_buf_reset(&buf);
}

/* Bytes in memory of exactly their size, so that ASan sees a read behind them. */
static uint8_t *
exact(fsp_slice_t bytes)
{
    uint8_t *copy = fsp_alloc_raw(bytes.bytes);
    if (bytes.bytes)
        memcpy(copy, bytes.data, bytes.bytes);
    return copy;
}

/* -- fixed encodings --------------------------------------------------------------------------- */

START_TEST(scalars_have_the_bytes_of_the_specification)
{
    fsp_canon_nil(&buf);
    fsp_canon_bool(&buf, false);
    fsp_canon_bool(&buf, true);
    fsp_canon_array(&buf, 0);
    fsp_canon_bin(&buf, fsp_slice(NULL, 0));
    fsp_canon_text(&buf, fsp_slice_text(""));
    fsp_canon_bin(&buf, fsp_slice_text("ab"));
    fsp_canon_text(&buf, fsp_slice_text("ab"));
    expect_written(BYTES("\xc0\xc2\xc3\x90\xc4\x00\xa0\xc4\x02"
                         "ab\xa2"
                         "ab"));
}
END_TEST

typedef struct {
    uint64_t value;
    const char *bytes;
    size_t count;
} number_t;

#define NUMBER(value, literal)                                                                     \
    {                                                                                              \
        value, literal, sizeof(literal) - 1                                                        \
    }
static const number_t numbers[] = {
    NUMBER(0, "\x00"),
    NUMBER(1, "\x01"),
    NUMBER(0x7f, "\x7f"),
    NUMBER(0x80, "\xcc\x80"),
    NUMBER(0xff, "\xcc\xff"),
    NUMBER(0x100, "\xcd\x01\x00"),
    NUMBER(0xffff, "\xcd\xff\xff"),
    NUMBER(0x10000, "\xce\x00\x01\x00\x00"),
    NUMBER(0xffffffff, "\xce\xff\xff\xff\xff"),
    NUMBER(0x100000000, "\xcf\x00\x00\x00\x01\x00\x00\x00\x00"),
    NUMBER(0x8000000000000000, "\xcf\x80\x00\x00\x00\x00\x00\x00\x00"),
    NUMBER(UINT64_MAX, "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
};
enum { NUMBER_COUNT = sizeof(numbers) / sizeof(numbers[0]) };

START_TEST(integers_take_their_shortest_form)
{
    const number_t *number = &numbers[_i];
    fsp_slice_t bytes = fsp_slice(number->bytes, number->count);
    fsp_canon_uint(&buf, number->value);
    expect_written(bytes);
    fsp_canon_t reader = fsp_canon_reader(bytes);
    ck_assert_int_eq(fsp_canon_peek(&reader), FSP_CANON_UINT);
    ck_assert_uint_eq(fsp_canon_read_uint(&reader, number->value), number->value);
    ck_assert_int_eq(fsp_canon_finish(&reader), FSP_OK);
    if (number->value == 0)
        return;
    reader = fsp_canon_reader(bytes);
    ck_assert_uint_eq(fsp_canon_read_uint(&reader, number->value - 1), 0);
    ck_assert_int_eq(reader.status, FSP_INVALID);
    ck_assert_ptr_eq(reader.at, bytes.data);
}
END_TEST

/* Every number of up to 16 bits and the neighbours of every power of two. */
START_TEST(integers_come_back_and_are_as_long_as_they_must)
{
    for (uint64_t i = 0; i < 0x10000 + 64 * 5; i++) {
        uint64_t value = i;
        if (i >= 0x10000) {
            uint64_t power = (uint64_t)1 << ((i - 0x10000) / 5);
            value = power + (i - 0x10000) % 5 - 2;
        }
        fsp_buf_reset(&buf);
        fsp_canon_uint(&buf, value);
        size_t bytes = value < 128 ? 1 : value < 256 ? 2 : value < 65536 ? 3 : value >> 32 ? 9 : 5;
        ck_assert_uint_eq(buf.bytes, bytes);
        fsp_canon_t reader = fsp_canon_reader(fsp_buf_slice(&buf));
        ck_assert_uint_eq(fsp_canon_read_uint(&reader, UINT64_MAX), value);
        ck_assert_int_eq(fsp_canon_finish(&reader), FSP_OK);
    }
}
END_TEST

typedef struct {
    size_t bytes;
    const char *bin_head;
    size_t bin_head_bytes;
    const char *text_head;
    size_t text_head_bytes;
} length_t;

#define LENGTH(bytes, bin, text)                                                                   \
    {                                                                                              \
        bytes, bin, sizeof(bin) - 1, text, sizeof(text) - 1                                        \
    }
static const length_t lengths[] = {
    LENGTH(0, "\xc4\x00", "\xa0"),
    LENGTH(1, "\xc4\x01", "\xa1"),
    LENGTH(31, "\xc4\x1f", "\xbf"),
    LENGTH(32, "\xc4\x20", "\xd9\x20"),
    LENGTH(255, "\xc4\xff", "\xd9\xff"),
    LENGTH(256, "\xc5\x01\x00", "\xda\x01\x00"),
    LENGTH(65535, "\xc5\xff\xff", "\xda\xff\xff"),
    LENGTH(65536, "\xc6\x00\x01\x00\x00", "\xdb\x00\x01\x00\x00"),
    LENGTH(100000, "\xc6\x00\x01\x86\xa0", "\xdb\x00\x01\x86\xa0"),
};
enum { LENGTH_COUNT = sizeof(lengths) / sizeof(lengths[0]) };

START_TEST(binary_and_text_take_their_shortest_head)
{
    const length_t *length = &lengths[_i];
    char *payload = fsp_alloc_raw(length->bytes);
    memset(payload, 'p', length->bytes);
    fsp_slice_t slice = fsp_slice(payload, length->bytes);

    fsp_canon_bin(&buf, slice);
    ck_assert_uint_eq(buf.bytes, length->bin_head_bytes + length->bytes);
    ck_assert_mem_eq(buf.data, length->bin_head, length->bin_head_bytes);
    fsp_canon_t reader = fsp_canon_reader(fsp_buf_slice(&buf));
    ck_assert(fsp_slice_eq(fsp_canon_read_bin(&reader, length->bytes), slice));
    ck_assert_int_eq(fsp_canon_finish(&reader), FSP_OK);
    if (length->bytes > 0) {
        reader = fsp_canon_reader(fsp_buf_slice(&buf));
        ck_assert_uint_eq(fsp_canon_read_bin(&reader, length->bytes - 1).bytes, 0);
        ck_assert_int_eq(reader.status, FSP_TOO_LARGE);
        ck_assert_ptr_eq(reader.at, buf.data);
    }

    fsp_buf_reset(&buf);
    fsp_canon_text(&buf, slice);
    ck_assert_uint_eq(buf.bytes, length->text_head_bytes + length->bytes);
    ck_assert_mem_eq(buf.data, length->text_head, length->text_head_bytes);
    reader = fsp_canon_reader(fsp_buf_slice(&buf));
    ck_assert(fsp_slice_eq(fsp_canon_read_text(&reader, length->bytes), slice));
    ck_assert_int_eq(fsp_canon_finish(&reader), FSP_OK);
    fsp_free(payload);
}
END_TEST

typedef struct {
    size_t count;
    const char *head;
    size_t head_bytes;
} count_t;

#define COUNT(count, head)                                                                         \
    {                                                                                              \
        count, head, sizeof(head) - 1                                                              \
    }
static const count_t counts[] = {
    COUNT(0, "\x90"),
    COUNT(1, "\x91"),
    COUNT(15, "\x9f"),
    COUNT(16, "\xdc\x00\x10"),
    COUNT(255, "\xdc\x00\xff"),
    COUNT(256, "\xdc\x01\x00"),
    COUNT(65535, "\xdc\xff\xff"),
    COUNT(65536, "\xdd\x00\x01\x00\x00"),
};
enum { COUNT_COUNT = sizeof(counts) / sizeof(counts[0]) };

START_TEST(arrays_take_their_shortest_head)
{
    const count_t *array = &counts[_i];
    fsp_canon_array(&buf, array->count);
    ck_assert_uint_eq(buf.bytes, array->head_bytes);
    ck_assert_mem_eq(buf.data, array->head, array->head_bytes);
    for (size_t i = 0; i < array->count; i++)
        fsp_canon_nil(&buf);
    fsp_canon_t reader = fsp_canon_reader(fsp_buf_slice(&buf));
    ck_assert_int_eq(fsp_canon_peek(&reader), FSP_CANON_ARRAY);
    ck_assert_uint_eq(fsp_canon_read_array(&reader, array->count, array->count), array->count);
    for (size_t i = 0; i < array->count; i++)
        ck_assert(fsp_canon_read_nil(&reader));
    ck_assert_int_eq(fsp_canon_finish(&reader), FSP_OK);
    /* One element short: known at the head already. */
    if (array->count > 0) {
        reader = fsp_canon_reader(fsp_slice(buf.data, buf.bytes - 1));
        ck_assert_uint_eq(fsp_canon_read_array(&reader, 0, SIZE_MAX), 0);
        ck_assert_int_eq(reader.status, FSP_INVALID);
        ck_assert_ptr_eq(reader.at, buf.data);
    }
    reader = fsp_canon_reader(fsp_buf_slice(&buf));
    ck_assert(fsp_slice_eq(fsp_canon_read_any(&reader), fsp_buf_slice(&buf)));
    ck_assert_int_eq(fsp_canon_finish(&reader), FSP_OK);
}
END_TEST

/* -- what is refused --------------------------------------------------------------------------- */

typedef struct {
    const char *bytes;
    size_t count;
} bytes_t;

#define LONG_FORM(literal)                                                                         \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }
static const bytes_t long_forms[] = {
    LONG_FORM("\xcc\x00"),
    LONG_FORM("\xcc\x05"),
    LONG_FORM("\xcc\x7f"),
    LONG_FORM("\xcd\x00\x05"),
    LONG_FORM("\xcd\x00\xff"),
    LONG_FORM("\xce\x00\x00\x00\x05"),
    LONG_FORM("\xce\x00\x00\xff\xff"),
    LONG_FORM("\xcf\x00\x00\x00\x00\x00\x00\x00\x05"),
    LONG_FORM("\xcf\x00\x00\x00\x00\xff\xff\xff\xff"),
    LONG_FORM("\xc5\x00\x00"),
    LONG_FORM("\xc5\x00\x01p"),
    LONG_FORM("\xc6\x00\x00\x00\x01p"),
    LONG_FORM("\xc6\x00\x00\x00\x00"),
    LONG_FORM("\xd9\x00"),
    LONG_FORM("\xd9\x01p"),
    LONG_FORM("\xda\x00\x01p"),
    LONG_FORM("\xd9\x1fppppppppppppppppppppppppppppppp"),
    LONG_FORM("\xdb\x00\x00\x00\x01p"),
    LONG_FORM("\xdc\x00\x00"),
    LONG_FORM("\xdc\x00\x01\xc0"),
    LONG_FORM("\xdc\x00\x0f\xc0\xc0\xc0\xc0\xc0\xc0\xc0\xc0\xc0\xc0\xc0\xc0\xc0\xc0\xc0"),
    LONG_FORM("\xdd\x00\x00\x00\x00"),
    LONG_FORM("\xdd\x00\x00\x00\x01\xc0"),
};
enum { LONG_FORM_COUNT = sizeof(long_forms) / sizeof(long_forms[0]) };

/* Reads a value of whatever type stands there; the status is the reader's. */
static void
read_whatever(fsp_canon_t *reader)
{
    switch (fsp_canon_peek(reader)) {
    case FSP_CANON_NIL:
        (void)fsp_canon_read_nil(reader);
        return;
    case FSP_CANON_BOOL:
        (void)fsp_canon_read_bool(reader);
        return;
    case FSP_CANON_UINT:
        (void)fsp_canon_read_uint(reader, UINT64_MAX);
        return;
    case FSP_CANON_BIN:
        (void)fsp_canon_read_bin(reader, SIZE_MAX);
        return;
    case FSP_CANON_TEXT:
        (void)fsp_canon_read_text(reader, SIZE_MAX);
        return;
    case FSP_CANON_ARRAY:
        (void)fsp_canon_read_array(reader, 0, SIZE_MAX);
        return;
    case FSP_CANON_END:
    case FSP_CANON_INVALID:
        (void)fsp_canon_read_uint(reader, UINT64_MAX);
        return;
    }
}

START_TEST(longer_forms_are_refused)
{
    const bytes_t *form = &long_forms[_i];
    uint8_t *bytes = exact(fsp_slice(form->bytes, form->count));
    fsp_canon_t reader = fsp_canon_reader(fsp_slice(bytes, form->count));
    read_whatever(&reader);
    ck_assert_int_eq(reader.status, FSP_INVALID);
    ck_assert_ptr_eq(reader.at, bytes);
    reader = fsp_canon_reader(fsp_slice(bytes, form->count));
    ck_assert_uint_eq(fsp_canon_read_any(&reader).bytes, 0);
    ck_assert_int_eq(reader.status, FSP_INVALID);
    fsp_free(bytes);
}
END_TEST

/* The heads of 16 bits, all of them: exactly those with a shorter form are refused. */
START_TEST(every_16_bit_head_is_refused_or_shortest)
{
    uint8_t *bytes = fsp_alloc(3 + 65536);
    for (unsigned number = 0; number <= 0xffff; number++) {
        fsp_store_u16(bytes + 1, (uint16_t)number);
        bytes[0] = 0xcd;
        fsp_canon_t reader = fsp_canon_reader(fsp_slice(bytes, 3));
        (void)fsp_canon_read_uint(&reader, UINT64_MAX);
        ck_assert_int_eq(reader.status, number > 0xff ? FSP_OK : FSP_INVALID);
        bytes[0] = 0xc5;
        reader = fsp_canon_reader(fsp_slice(bytes, 3 + 65536));
        (void)fsp_canon_read_bin(&reader, 65535);
        ck_assert_int_eq(reader.status, number > 0xff ? FSP_OK : FSP_INVALID);
        bytes[0] = 0xdc;
        reader = fsp_canon_reader(fsp_slice(bytes, 3 + 65536));
        (void)fsp_canon_read_array(&reader, 0, 65535);
        ck_assert_int_eq(reader.status, number > 15 ? FSP_OK : FSP_INVALID);
    }
    fsp_free(bytes);
}
END_TEST

/* What the specification says each first byte is, written apart from canon.c. */
static fsp_canon_type_t
expected_type(unsigned first)
{
    if (first <= 0x7f || (first >= 0xcc && first <= 0xcf))
        return FSP_CANON_UINT;
    if ((first >= 0x90 && first <= 0x9f) || first == 0xdc || first == 0xdd)
        return FSP_CANON_ARRAY;
    if ((first >= 0xa0 && first <= 0xbf) || (first >= 0xd9 && first <= 0xdb))
        return FSP_CANON_TEXT;
    if (first >= 0xc4 && first <= 0xc6)
        return FSP_CANON_BIN;
    if (first == 0xc2 || first == 0xc3)
        return FSP_CANON_BOOL;
    return first == 0xc0 ? FSP_CANON_NIL : FSP_CANON_INVALID;
}

START_TEST(every_first_byte_has_its_type)
{
    unsigned invalid = 0;
    for (unsigned first = 0; first < 256; first++) {
        uint8_t *byte = exact(fsp_slice(&(uint8_t){(uint8_t)first}, 1));
        fsp_canon_t reader = fsp_canon_reader(fsp_slice(byte, 1));
        fsp_canon_type_t type = fsp_canon_peek(&reader);
        ck_assert_int_eq(type, expected_type(first));
        invalid += type == FSP_CANON_INVALID;
        /* One byte alone is a value only if all of it is in the first byte. */
        bool whole = first <= 0x7f || first == 0x90 || first == 0xa0 || first == 0xc0 ||
                     first == 0xc2 || first == 0xc3;
        ck_assert_uint_eq(fsp_canon_read_any(&reader).bytes, whole ? 1 : 0);
        ck_assert_int_eq(reader.status, whole ? FSP_OK : FSP_INVALID);
        fsp_free(byte);
    }
    /* 16 maps, c1, 3 ext, 2 floats, 4 signed, 5 fixext, 2 maps, 32 negative fixints. */
    ck_assert_uint_eq(invalid, 16 + 1 + 3 + 2 + 4 + 5 + 2 + 32);
}
END_TEST

START_TEST(each_read_refuses_every_other_type)
{
    static const char *const values[] = {"\xc2", "\x05", "\xc4\x01p", "\xa1p", "\x91\x05", "\xc1"};
    for (int value = 0; value < 6; value++) {
        for (int read = 0; read < 6; read++) {
            fsp_canon_t reader = fsp_canon_reader(fsp_slice_text(values[value]));
            uint8_t fixed = 0xee;
            switch (read) {
            case 0:
                ck_assert(!fsp_canon_read_bool(&reader));
                break;
            case 1:
                ck_assert_uint_eq(fsp_canon_read_uint(&reader, 10), value == 1 ? 5 : 0);
                break;
            case 2:
                ck_assert_uint_eq(fsp_canon_read_bin(&reader, 10).bytes, value == 2);
                break;
            case 3:
                ck_assert_uint_eq(fsp_canon_read_text(&reader, 10).bytes, value == 3);
                break;
            case 4:
                ck_assert_uint_eq(fsp_canon_read_array(&reader, 0, 10), value == 4);
                break;
            default:
                fsp_canon_read_fixed(&reader, &fixed, 1);
                ck_assert_uint_eq(fixed, value == 2 ? 'p' : 0);
                break;
            }
            bool fits = value == read || (value == 2 && read == 5);
            ck_assert_int_eq(reader.status, fits && value != 5 ? FSP_OK : FSP_INVALID);
        }
    }
}
END_TEST

START_TEST(nil_is_a_question)
{
    fsp_canon_t reader = fsp_canon_reader(BYTES("\x05\xc0"));
    ck_assert(!fsp_canon_read_nil(&reader));
    ck_assert_int_eq(reader.status, FSP_OK);
    ck_assert_uint_eq(fsp_canon_read_uint(&reader, 5), 5);
    ck_assert(fsp_canon_read_nil(&reader));
    ck_assert(!fsp_canon_read_nil(&reader));
    ck_assert_int_eq(fsp_canon_peek(&reader), FSP_CANON_END);
    ck_assert_int_eq(fsp_canon_finish(&reader), FSP_OK);
}
END_TEST

START_TEST(errors_are_sticky_and_the_reader_stays)
{
    fsp_slice_t bytes = BYTES("\x05\x06\xc3\xc4\x01p\xa1t\x91\x07\xc0");
    fsp_canon_t reader = fsp_canon_reader(bytes);
    (void)fsp_canon_read_uint(&reader, 5);
    (void)fsp_canon_read_uint(&reader, 5);
    ck_assert_int_eq(reader.status, FSP_INVALID);
    uint8_t fixed[4];
    memset(fixed, 0xee, sizeof(fixed));
    ck_assert_int_eq(fsp_canon_peek(&reader), FSP_CANON_INVALID);
    ck_assert_uint_eq(fsp_canon_read_uint(&reader, 10), 0);
    ck_assert(!fsp_canon_read_bool(&reader));
    ck_assert(!fsp_canon_read_nil(&reader));
    ck_assert_uint_eq(fsp_canon_read_bin(&reader, 10).bytes, 0);
    ck_assert_uint_eq(fsp_canon_read_text(&reader, 10).bytes, 0);
    ck_assert_uint_eq(fsp_canon_read_array(&reader, 0, 10), 0);
    ck_assert_uint_eq(fsp_canon_read_any(&reader).bytes, 0);
    fsp_canon_read_fixed(&reader, fixed, sizeof(fixed));
    ck_assert_mem_eq(fixed, "\0\0\0\0", 4);
    fsp_canon_fail(&reader, FSP_TOO_LARGE);
    ck_assert_ptr_eq(reader.at, bytes.data + 1);
    ck_assert_int_eq(fsp_canon_finish(&reader), FSP_INVALID);
}
END_TEST

START_TEST(caller_may_fail_and_finish_wants_every_byte)
{
    fsp_canon_t reader = fsp_canon_reader(BYTES("\x05\x06"));
    (void)fsp_canon_read_uint(&reader, 5);
    ck_assert_int_eq(fsp_canon_finish(&reader), FSP_INVALID);
    ck_assert_int_eq(reader.status, FSP_OK);
    fsp_canon_fail(&reader, FSP_TOO_LARGE);
    ck_assert_int_eq(fsp_canon_finish(&reader), FSP_TOO_LARGE);
    reader = fsp_canon_reader(fsp_slice(NULL, 0));
    ck_assert_int_eq(fsp_canon_peek(&reader), FSP_CANON_END);
    ck_assert_int_eq(fsp_canon_finish(&reader), FSP_OK);
    (void)fsp_canon_read_any(&reader);
    ck_assert_int_eq(fsp_canon_finish(&reader), FSP_INVALID);
    FSP_EXPECT_ABORT(fsp_canon_fail(&reader, FSP_OK));
}
END_TEST

START_TEST(array_counts_are_bounded)
{
    fsp_slice_t bytes = BYTES("\x93\x01\x02\x03");
    static const struct {
        size_t min, max;
        fsp_status_t status;
    } bounds[] = {{0, 3, FSP_OK},        {3, 3, FSP_OK},      {3, 9, FSP_OK},
                  {0, 2, FSP_TOO_LARGE}, {4, 9, FSP_INVALID}, {2, 2, FSP_INVALID},
                  {4, 4, FSP_INVALID},   {0, 0, FSP_INVALID}, {0, SIZE_MAX, FSP_OK}};
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        fsp_canon_t reader = fsp_canon_reader(bytes);
        size_t count = fsp_canon_read_array(&reader, bounds[i].min, bounds[i].max);
        ck_assert_uint_eq(count, bounds[i].status == FSP_OK ? 3 : 0);
        ck_assert_int_eq(reader.status, bounds[i].status);
    }
    /* 4 G elements in 5 bytes. */
    fsp_canon_t reader = fsp_canon_reader(BYTES("\xdd\xff\xff\xff\xff"));
    ck_assert_uint_eq(fsp_canon_read_array(&reader, 0, SIZE_MAX), 0);
    ck_assert_int_eq(reader.status, FSP_INVALID);
}
END_TEST

START_TEST(fixed_binary_has_exactly_its_length)
{
    fsp_file_id_t id;
    for (int i = 0; i < 16; i++)
        id.bytes[i] = (uint8_t)(i + 1);
    fsp_canon_id(&buf, id);
    ck_assert_uint_eq(buf.bytes, 18);
    fsp_file_id_t back;
    fsp_canon_t reader = fsp_canon_reader(fsp_buf_slice(&buf));
    fsp_canon_read_id(&reader, &back);
    ck_assert(fsp_file_id_eq(id, back));
    ck_assert_int_eq(fsp_canon_finish(&reader), FSP_OK);

    fsp_key_t longer;
    reader = fsp_canon_reader(fsp_buf_slice(&buf));
    fsp_canon_read_id(&reader, &longer);
    ck_assert_int_eq(reader.status, FSP_INVALID);
    ck_assert(fsp_key_is_zero(longer));

    uint8_t *bytes = exact(fsp_slice(buf.data, 17));
    reader = fsp_canon_reader(fsp_slice(bytes, 17));
    fsp_canon_read_id(&reader, &back);
    ck_assert_int_eq(reader.status, FSP_INVALID);
    ck_assert(fsp_file_id_is_zero(back));
    fsp_free(bytes);
}
END_TEST

START_TEST(text_must_be_utf8)
{
    fsp_canon_t reader = fsp_canon_reader(BYTES("\xa2\xc3\xa4"));
    ck_assert_uint_eq(fsp_canon_read_text(&reader, 2).bytes, 2);
    ck_assert_int_eq(fsp_canon_finish(&reader), FSP_OK);
    reader = fsp_canon_reader(BYTES("\xa2\xc3\x28"));
    ck_assert_uint_eq(fsp_canon_read_text(&reader, 2).bytes, 0);
    ck_assert_int_eq(reader.status, FSP_INVALID);
    reader = fsp_canon_reader(BYTES("\xa1\xc3"));
    ck_assert_uint_eq(fsp_canon_read_any(&reader).bytes, 0);
    ck_assert_int_eq(reader.status, FSP_INVALID);
}
END_TEST

/* Arrays in arrays, inner count innermost. */
static void
write_nested(size_t depth, size_t inner_count)
{
    fsp_buf_reset(&buf);
    for (size_t i = 1; i < depth; i++)
        fsp_canon_array(&buf, 1);
    fsp_canon_array(&buf, inner_count);
    for (size_t i = 0; i < inner_count; i++)
        fsp_canon_nil(&buf);
}

START_TEST(any_is_skipped_to_its_depth)
{
    for (size_t inner_count = 0; inner_count < 3; inner_count++) {
        for (size_t depth = 1; depth <= FSP_MSGPACK_DEPTH_MAX + 2; depth++) {
            write_nested(depth, inner_count);
            size_t bytes = buf.bytes;
            fsp_canon_uint(&buf, 5);
            fsp_canon_t reader = fsp_canon_reader(fsp_buf_slice(&buf));
            fsp_slice_t any = fsp_canon_read_any(&reader);
            if (depth <= FSP_MSGPACK_DEPTH_MAX) {
                ck_assert_uint_eq(any.bytes, bytes);
                ck_assert_uint_eq(fsp_canon_read_uint(&reader, 5), 5);
                ck_assert_int_eq(fsp_canon_finish(&reader), FSP_OK);
            } else {
                ck_assert_uint_eq(any.bytes, 0);
                ck_assert_int_eq(reader.status, FSP_TOO_LARGE);
                ck_assert_ptr_eq(reader.at, buf.data);
            }
        }
    }
}
END_TEST

START_TEST(overflow_of_the_buffer_is_the_writers_error)
{
    fsp_buf_t small;
    fsp_buf_init(&small, 4);
    fsp_canon_array(&small, 2);
    fsp_canon_uint(&small, 70000);
    fsp_canon_nil(&small);
    ck_assert(!fsp_buf_ok(&small));
    /* No half integer, and nothing after the gap. */
    ck_assert_uint_eq(small.bytes, 1);
    fsp_buf_clear(&small);
}
END_TEST

/* -- random ------------------------------------------------------------------------------------ */

/* Reads one value and writes it again; false once the reader failed. */
static bool
rewrite(fsp_canon_t *reader, fsp_buf_t *out, int depth)
{
    if (depth > 64)
        return false;
    switch (fsp_canon_peek(reader)) {
    case FSP_CANON_NIL:
        ck_assert(fsp_canon_read_nil(reader));
        fsp_canon_nil(out);
        break;
    case FSP_CANON_BOOL:
        fsp_canon_bool(out, fsp_canon_read_bool(reader));
        break;
    case FSP_CANON_UINT:
        fsp_canon_uint(out, fsp_canon_read_uint(reader, UINT64_MAX));
        break;
    case FSP_CANON_BIN:
        fsp_canon_bin(out, fsp_canon_read_bin(reader, SIZE_MAX));
        break;
    case FSP_CANON_TEXT:
        fsp_canon_text(out, fsp_canon_read_text(reader, SIZE_MAX));
        break;
    case FSP_CANON_ARRAY: {
        size_t count = fsp_canon_read_array(reader, 0, SIZE_MAX);
        fsp_canon_array(out, count);
        for (size_t i = 0; i < count; i++) {
            if (!rewrite(reader, out, depth + 1))
                return false;
        }
        break;
    }
    case FSP_CANON_END:
    case FSP_CANON_INVALID:
        return false;
    }
    return reader->status == FSP_OK;
}

/* Every value at the front of bytes: what is accepted is encoded to the same bytes, and any and
   the typed reads agree. */
static size_t
check_decode_encode(fsp_slice_t bytes)
{
    size_t accepted = 0;
    uint8_t *copy = exact(bytes);
    fsp_canon_t reader = fsp_canon_reader(fsp_slice(copy, bytes.bytes));
    while (reader.status == FSP_OK && fsp_canon_peek(&reader) != FSP_CANON_END) {
        fsp_canon_t skipper = reader;
        const uint8_t *start = reader.at;
        fsp_buf_reset(&buf);
        bool read = rewrite(&reader, &buf, 0);
        fsp_slice_t any = fsp_canon_read_any(&skipper);
        if (!read) {
            ck_assert_int_ne(skipper.status, FSP_OK);
            ck_assert_ptr_eq(skipper.at, start);
            break;
        }
        ck_assert(fsp_slice_eq(fsp_buf_slice(&buf), fsp_slice(start, (size_t)(reader.at - start))));
        if (skipper.status != FSP_TOO_LARGE) {
            ck_assert_int_eq(skipper.status, FSP_OK);
            ck_assert(fsp_slice_eq(any, fsp_buf_slice(&buf)));
        }
        accepted++;
    }
    fsp_free(copy);
    return accepted;
}

/* Bytes as a peer may invent them, with a liking for heads and small lengths. */
static size_t
invent_bytes(fsp_prng_t *prng, uint8_t *to, size_t bytes_max)
{
    size_t bytes = (size_t)fsp_prng_below(prng, bytes_max + 1);
    fsp_prng_fill(prng, to, bytes);
    if (fsp_prng_chance(prng, 1, 4))
        return bytes;
    for (size_t i = 0; i < bytes; i++) {
        uint64_t kind = fsp_prng_below(prng, 4);
        if (kind == 0)
            to[i] = (uint8_t)(0xc0 + fsp_prng_below(prng, 0x20));
        else if (kind == 1)
            to[i] = (uint8_t)(0x90 + fsp_prng_below(prng, 4));
        else if (kind == 2)
            to[i] = (uint8_t)fsp_prng_below(prng, 4);
    }
    return bytes;
}

START_TEST(garbage_is_refused_or_encoded_to_itself)
{
    enum { ROUNDS = 200000 };
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(1));
    uint8_t bytes[64];
    size_t accepted = 0;
    for (int i = 0; i < ROUNDS; i++) {
        size_t count = invent_bytes(&prng, bytes, sizeof(bytes));
        accepted += check_decode_encode(fsp_slice(bytes, count));
    }
    /* Else the test would look at nothing but refusals. */
    ck_assert_uint_gt(accepted, ROUNDS / 2);
}
END_TEST

static void
invent_value(fsp_prng_t *prng, fsp_buf_t *out, int depth)
{
    static uint8_t payload[70000];
    size_t bytes = (size_t)fsp_prng_below(prng, fsp_prng_chance(prng, 1, 50) ? 70000 : 40);
    switch (fsp_prng_below(prng, depth < 4 ? 8 : 5)) {
    case 0:
        fsp_canon_nil(out);
        return;
    case 1:
        fsp_canon_bool(out, fsp_prng_chance(prng, 1, 2));
        return;
    case 2:
        fsp_canon_uint(out, fsp_prng_next(prng) >> fsp_prng_below(prng, 64));
        return;
    case 3:
        fsp_prng_fill(prng, payload, bytes);
        fsp_canon_bin(out, fsp_slice(payload, bytes));
        return;
    case 4:
        memset(payload, 'a' + (int)fsp_prng_below(prng, 26), bytes);
        fsp_canon_text(out, fsp_slice(payload, bytes));
        return;
    default: {
        size_t count = (size_t)fsp_prng_below(prng, depth == 0 ? 30 : 5);
        fsp_canon_array(out, count);
        for (size_t i = 0; i < count; i++)
            invent_value(prng, out, depth + 1);
    }
    }
}

START_TEST(values_come_back_and_no_prefix_is_a_value)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(2));
    fsp_buf_t value;
    fsp_buf_init(&value, 16 << 20);
    for (int i = 0; i < 1000; i++) {
        fsp_buf_reset(&value);
        invent_value(&prng, &value, 0);
        ck_assert(fsp_buf_ok(&value));
        if (value.bytes > buf.bytes_max)
            continue;
        ck_assert_uint_eq(check_decode_encode(fsp_buf_slice(&value)), 1);
        for (int cut = 0; cut < 20; cut++) {
            size_t bytes = (size_t)fsp_prng_below(&prng, value.bytes);
            uint8_t *prefix = exact(fsp_slice(value.data, bytes));
            fsp_canon_t reader = fsp_canon_reader(fsp_slice(prefix, bytes));
            ck_assert_uint_eq(fsp_canon_read_any(&reader).bytes, 0);
            ck_assert_int_eq(reader.status, FSP_INVALID);
            fsp_free(prefix);
        }
    }
    fsp_buf_clear(&value);
}
END_TEST

START_TEST(changed_bytes_are_refused_or_encoded_to_themselves)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(3));
    fsp_buf_t value;
    fsp_buf_init(&value, 1 << 20);
    for (int i = 0; i < 3000; i++) {
        fsp_buf_reset(&value);
        invent_value(&prng, &value, 2);
        if (!fsp_buf_ok(&value) || value.bytes > 300)
            continue;
        for (size_t at = 0; at < value.bytes; at++) {
            uint8_t before = value.data[at];
            value.data[at] = (uint8_t)fsp_prng_next(&prng);
            (void)check_decode_encode(fsp_buf_slice(&value));
            value.data[at] = before;
        }
    }
    fsp_buf_clear(&value);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("canon");
    TCase *tests = tcase_create("canon");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, scalars_have_the_bytes_of_the_specification);
    tcase_add_loop_test(tests, integers_take_their_shortest_form, 0, NUMBER_COUNT);
    tcase_add_test(tests, integers_come_back_and_are_as_long_as_they_must);
    tcase_add_loop_test(tests, binary_and_text_take_their_shortest_head, 0, LENGTH_COUNT);
    tcase_add_loop_test(tests, arrays_take_their_shortest_head, 0, COUNT_COUNT);
    tcase_add_loop_test(tests, longer_forms_are_refused, 0, LONG_FORM_COUNT);
    tcase_add_test(tests, every_16_bit_head_is_refused_or_shortest);
    tcase_add_test(tests, every_first_byte_has_its_type);
    tcase_add_test(tests, each_read_refuses_every_other_type);
    tcase_add_test(tests, nil_is_a_question);
    tcase_add_test(tests, errors_are_sticky_and_the_reader_stays);
    tcase_add_test(tests, caller_may_fail_and_finish_wants_every_byte);
    tcase_add_test(tests, array_counts_are_bounded);
    tcase_add_test(tests, fixed_binary_has_exactly_its_length);
    tcase_add_test(tests, text_must_be_utf8);
    tcase_add_test(tests, any_is_skipped_to_its_depth);
    tcase_add_test(tests, overflow_of_the_buffer_is_the_writers_error);
    tcase_add_test(tests, garbage_is_refused_or_encoded_to_itself);
    tcase_add_test(tests, values_come_back_and_no_prefix_is_a_value);
    tcase_add_test(tests, changed_bytes_are_refused_or_encoded_to_themselves);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
