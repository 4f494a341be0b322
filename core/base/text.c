/* SPDX-License-Identifier: MIT */
/* text - hexadecimal, Z85, UTF-8, numbers, names.  Layer core/base.  Pure. */
#include "core/base/text.h"

#include "core/base/check.h"
#include "core/base/limits.h"

/* -- hexadecimal ------------------------------------------------------------------------------- */

void
fsp_hex_encode(const void *data, size_t bytes, char *ret_text)
{
    static const char digits[] = "0123456789abcdef";
    FSP_PRE(data != NULL || bytes == 0);
    FSP_PRE(ret_text != NULL);
    const uint8_t *from = data;
    for (size_t i = 0; i < bytes; i++) {
        ret_text[2 * i] = digits[from[i] >> 4];
        ret_text[2 * i + 1] = digits[from[i] & 15];
    }
    ret_text[2 * bytes] = '\0';
}

/* 0..15, or 16 for no digit. */
static unsigned
hex_value(uint8_t digit)
{
    if (digit >= '0' && digit <= '9')
        return (unsigned)(digit - '0');
    if (digit >= 'a' && digit <= 'f')
        return (unsigned)(digit - 'a') + 10;
    if (digit >= 'A' && digit <= 'F')
        return (unsigned)(digit - 'A') + 10;
    return 16;
}

fsp_status_t
fsp_hex_decode(fsp_slice_t text, void *ret_data, size_t bytes)
{
    FSP_PRE(ret_data != NULL || bytes == 0);
    if (text.bytes % 2 != 0 || text.bytes / 2 != bytes)
        return FSP_INVALID;
    /* Two passes, so that the output is untouched on failure. */
    for (size_t i = 0; i < text.bytes; i++) {
        if (hex_value(text.data[i]) > 15)
            return FSP_INVALID;
    }
    uint8_t *to = ret_data;
    for (size_t i = 0; i < bytes; i++)
        to[i] = (uint8_t)(hex_value(text.data[2 * i]) << 4 | hex_value(text.data[2 * i + 1]));
    return FSP_OK;
}

/* -- Z85 --------------------------------------------------------------------------------------- */

static const char z85_digits[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 ".-:+=^!/*?&<>()[]{}@%$#";
static_assert(sizeof(z85_digits) == 85 + 1, "the base is 85");

void
fsp_z85_encode(const void *data, size_t bytes, char *ret_text)
{
    FSP_PRE(data != NULL || bytes == 0);
    FSP_PRE(bytes % 4 == 0);
    FSP_PRE(ret_text != NULL);
    const uint8_t *from = data;
    char *to = ret_text;
    for (size_t i = 0; i < bytes; i += 4) {
        uint32_t word = fsp_load_u32(from + i);
        for (int digit = 4; digit >= 0; digit--) {
            to[digit] = z85_digits[word % 85];
            word /= 85;
        }
        to += 5;
    }
    *to = '\0';
}

/* 0..84, or 85 for no digit. */
static uint32_t
z85_value(uint8_t digit)
{
    for (uint32_t value = 0; value < 85; value++) {
        if ((uint8_t)z85_digits[value] == digit)
            return value;
    }
    return 85;
}

/* Five digits as a word.  False if one is no digit or the word does not fit 32 bits. */
static bool
z85_word(const uint8_t *digits, uint32_t *ret_word)
{
    uint64_t word = 0;
    for (int i = 0; i < 5; i++) {
        uint32_t value = z85_value(digits[i]);
        if (value > 84)
            return false;
        word = word * 85 + value;
    }
    if (word > UINT32_MAX)
        return false;
    *ret_word = (uint32_t)word;
    return true;
}

fsp_status_t
fsp_z85_decode(fsp_slice_t text, void *ret_data, size_t bytes)
{
    FSP_PRE(ret_data != NULL || bytes == 0);
    FSP_PRE(bytes % 4 == 0);
    if (text.bytes % 5 != 0 || text.bytes / 5 != bytes / 4)
        return FSP_INVALID;
    uint32_t word;
    for (size_t i = 0; i < text.bytes; i += 5) {
        if (!z85_word(text.data + i, &word))
            return FSP_INVALID;
    }
    uint8_t *to = ret_data;
    for (size_t i = 0; i < bytes / 4; i++) {
        bool fits = z85_word(text.data + 5 * i, &word);
        FSP_ASSERT(fits);
        fsp_store_u32(to + 4 * i, word);
    }
    return FSP_OK;
}

/* -- UTF-8 and numbers ------------------------------------------------------------------------- */

/* Length of the character at the front, 0 if it is not valid.  The ranges of the second byte are
   those of table 3-7 of the Unicode standard: they exclude long forms, surrogates and what lies
   above U+10FFFF. */
static size_t
utf8_character_bytes(const uint8_t *at, size_t left)
{
    uint8_t first = at[0];
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    size_t bytes = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (left < bytes)
        return 0;
    uint8_t second_min = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t second_max = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < second_min || at[1] > second_max)
        return 0;
    for (size_t i = 2; i < bytes; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    }
    return bytes;
}

bool
fsp_utf8_valid(fsp_slice_t text)
{
    size_t at = 0;
    while (at < text.bytes) {
        size_t bytes = utf8_character_bytes(text.data + at, text.bytes - at);
        if (bytes == 0)
            return false;
        at += bytes;
    }
    return true;
}

fsp_status_t
fsp_parse_u64(fsp_slice_t text, uint64_t max, uint64_t *ret_value)
{
    FSP_PRE(ret_value != NULL);
    if (text.bytes == 0 || (text.bytes > 1 && text.data[0] == '0'))
        return FSP_INVALID;
    uint64_t value = 0;
    for (size_t i = 0; i < text.bytes; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return FSP_INVALID;
        uint64_t digit = (uint64_t)(text.data[i] - '0');
        if (value > max / 10 || digit > max - value * 10)
            return FSP_INVALID;
        value = value * 10 + digit;
    }
    *ret_value = value;
    return FSP_OK;
}

/* -- names and paths --------------------------------------------------------------------------- */

bool
fsp_name_valid(fsp_slice_t name)
{
    if (name.bytes == 0 || name.bytes > FSP_NAME_BYTES_MAX)
        return false;
    if (memchr(name.data, '\0', name.bytes) || memchr(name.data, '/', name.bytes))
        return false;
    if (name.data[0] == '.' && (name.bytes == 1 || (name.bytes == 2 && name.data[1] == '.')))
        return false;
    return fsp_utf8_valid(name);
}

static bool
is_root(fsp_slice_t path)
{
    return path.bytes == 1 && path.data[0] == '/';
}

bool
fsp_path_next(fsp_slice_t *path, fsp_slice_t *ret_name)
{
    FSP_PRE(path != NULL);
    FSP_PRE(ret_name != NULL);
    if (path->bytes == 0 || is_root(*path))
        return false;
    FSP_PRE(path->data[0] == '/');
    const uint8_t *name = path->data + 1;
    size_t left = path->bytes - 1;
    const uint8_t *slash = memchr(name, '/', left);
    size_t bytes = slash ? (size_t)(slash - name) : left;
    *ret_name = fsp_slice(name, bytes);
    *path = fsp_slice(name + bytes, left - bytes);
    return true;
}

fsp_status_t
fsp_path_check(fsp_slice_t path)
{
    if (path.bytes == 0 || path.bytes > FSP_PATH_BYTES_MAX || path.data[0] != '/')
        return FSP_BAD_NAME;
    if (is_root(path))
        return FSP_OK;
    /* Else path_next, which stops at "/", would not see the empty part at the end. */
    if (path.data[path.bytes - 1] == '/')
        return FSP_BAD_NAME;
    size_t depth = 0;
    fsp_slice_t name;
    while (fsp_path_next(&path, &name)) {
        if (++depth > FSP_PATH_DEPTH_MAX || !fsp_name_valid(name))
            return FSP_BAD_NAME;
    }
    return FSP_OK;
}

void
fsp_path_split(fsp_slice_t path, fsp_slice_t *ret_parent, fsp_slice_t *ret_name)
{
    FSP_PRE(path.bytes > 1 && path.data[0] == '/');
    FSP_PRE(ret_parent != NULL);
    FSP_PRE(ret_name != NULL);
    size_t slash = path.bytes - 1;
    while (path.data[slash] != '/')
        slash--;
    *ret_parent = fsp_slice(path.data, slash == 0 ? 1 : slash);
    *ret_name = fsp_slice(path.data + slash + 1, path.bytes - slash - 1);
}

static bool
is_lower_or_digit(uint8_t letter)
{
    return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9');
}

bool
fsp_space_name_valid(fsp_slice_t name)
{
    if (name.bytes == 0 || name.bytes > FSP_SPACE_NAME_BYTES_MAX)
        return false;
    for (size_t i = 0; i < name.bytes; i++) {
        uint8_t letter = name.data[i];
        if (!is_lower_or_digit(letter) && letter != '-' && letter != '.')
            return false;
    }
    return is_lower_or_digit(name.data[0]) && is_lower_or_digit(name.data[name.bytes - 1]);
}

/* -- time -------------------------------------------------------------------------------------- */

/* The last digits of value, right-aligned with leading zeros. */
static void
put_digits(char *to, int digits, uint64_t value)
{
    for (int i = digits - 1; i >= 0; i--) {
        to[i] = (char)('0' + value % 10);
        value /= 10;
    }
}

void
fsp_rfc3339(fsp_time_t unix_us, char ret_text[FSP_RFC3339_BYTES])
{
    /* The last millisecond of 9999: what lies behind it has no form, and must not become a date
       that looks true. */
    static const uint64_t last_ms = UINT64_C(253402300799999);
    FSP_PRE(ret_text != NULL);
    uint64_t ms = unix_us / 1000;
    if (ms > last_ms)
        ms = last_ms;
    uint64_t second = ms / 1000;
    uint64_t second_of_day = second % 86400;

    /* Days from 0000-03-01 in the proleptic Gregorian calendar: years that start in March have
       their leap day last, so eras, years and months are plain divisions. */
    uint64_t day = second / 86400 + 719468;
    uint64_t era = day / 146097;
    uint64_t day_of_era = day % 146097;
    uint64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint64_t month_from_march = (5 * day_of_year + 2) / 153;
    uint64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    uint64_t year = era * 400 + year_of_era + (month <= 2 ? 1 : 0);

    memcpy(ret_text, "0000-00-00T00:00:00.000Z", FSP_RFC3339_BYTES);
    put_digits(ret_text, 4, year);
    put_digits(ret_text + 5, 2, month);
    put_digits(ret_text + 8, 2, day_of_year - (153 * month_from_march + 2) / 5 + 1);
    put_digits(ret_text + 11, 2, second_of_day / 3600);
    put_digits(ret_text + 14, 2, second_of_day / 60 % 60);
    put_digits(ret_text + 17, 2, second_of_day % 60);
    put_digits(ret_text + 20, 3, ms % 1000);
}
