/* SPDX-License-Identifier: MIT */
/* cli_paths - what is typed, taken apart; what is printed, made harmless.  Layer cmd.  Pure. */
#include "cmd/cli_paths.h"

#include "core/base/check.h"
#include "core/base/text.h"

#include <stdio.h>

fsp_status_t
cli_remote_parse(const char *text, cli_remote_t *ret)
{
    *ret = (cli_remote_t){.space = NULL};
    const char *path = text;
    if (*text != '/') {
        path = strchr(text, ':');
        if (!path || path[1] != '/')
            return FSP_INVALID;
        fsp_slice_t space = fsp_slice(text, (size_t)(path - text));
        if (!fsp_space_name_valid(space))
            return FSP_BAD_NAME;
        memcpy(ret->space_name, space.data, space.bytes);
        ret->space = ret->space_name;
        path++;
    }
    size_t bytes = strlen(path);
    while (bytes > 1 && path[bytes - 1] == '/') {
        bytes--;
        ret->into = true;
    }
    if (bytes == 1)
        ret->into = true; /* the root */
    if (fsp_path_check(fsp_slice(path, bytes)) != FSP_OK)
        return FSP_BAD_NAME;
    memcpy(ret->path, path, bytes);
    ret->path[bytes] = '\0';
    return FSP_OK;
}

/* A text that begins neither with '/' nor with SPACE:/. */
static void
relative_fault(const char *text, char ret[CLI_FAULT_BYTES])
{
    char meant[128];
    cli_remote_t remote;
    const char *colon = strchr(text, ':'), *tail = colon ? colon + 1 : text;
    while (strncmp(tail, "./", 2) == 0)
        tail += 2;
    int bytes = snprintf(meant, sizeof meant, "%.*s/%s", colon ? (int)(colon + 1 - text) : 0, text,
                         strcmp(tail, ".") == 0 ? "" : tail);
    bool fits = bytes > 0 && (size_t)bytes < sizeof meant;
    if (fits && cli_remote_parse(meant, &remote) == FSP_OK)
        (void)snprintf(ret, CLI_FAULT_BYTES,
                       "a remote path begins with '/' or with SPACE:/; did you mean %s?", meant);
    else
        (void)snprintf(ret, CLI_FAULT_BYTES, "a remote path begins with '/' or with SPACE:/");
}

/* The first part of a path that is no name; a path without one is too long or too deep. */
static const char *
path_fault(fsp_slice_t path)
{
    while (path.bytes > 1) { /* at a '/' */
        const uint8_t *end = memchr(path.data + 1, '/', path.bytes - 1);
        size_t bytes = end ? (size_t)(end - path.data) : path.bytes;
        fsp_slice_t name = fsp_slice(path.data + 1, bytes - 1);
        if (name.bytes == 0)
            return "a part of the path is empty: two '/' stand side by side";
        if (name.bytes > FSP_NAME_BYTES_MAX)
            return "a part of the path is over 255 bytes";
        if (!fsp_utf8_valid(name))
            return "names are UTF-8, and a part of the path is not";
        if (!fsp_name_valid(name))
            return "no part of a remote path may be '.' or '..'; write the whole path";
        path = fsp_slice(path.data + bytes, path.bytes - bytes);
    }
    return "a remote path has at most 64 parts and 4096 bytes";
}

void
cli_remote_fault(const char *text, char ret[CLI_FAULT_BYTES])
{
    const char *colon = strchr(text, ':');
    if (*text != '/' && (!colon || colon[1] != '/')) {
        relative_fault(text, ret);
        return;
    }
    fsp_slice_t space = fsp_slice(text, *text == '/' ? 0 : (size_t)(colon - text));
    if (*text != '/' && !fsp_space_name_valid(space)) {
        (void)snprintf(ret, CLI_FAULT_BYTES,
                       "'%.*s' is not a name of a space: at most 63 of a-z, 0-9, '-' and '.'",
                       (int)(space.bytes < 80 ? space.bytes : 80), text);
        return;
    }
    fsp_slice_t path = fsp_slice_text(*text == '/' ? text : colon + 1);
    while (path.bytes > 1 && path.data[path.bytes - 1] == '/')
        path.bytes--;
    (void)snprintf(ret, CLI_FAULT_BYTES, "%s", path_fault(path));
}

fsp_status_t
cli_remote_join(const char *directory, const char *name, char ret_path[FSP_PATH_BYTES_MAX + 1])
{
    size_t head = strcmp(directory, "/") == 0 ? 0 : strlen(directory);
    size_t tail = strlen(name);
    if (!fsp_name_valid(fsp_slice(name, tail)) || head + 1 + tail > FSP_PATH_BYTES_MAX)
        return FSP_BAD_NAME;
    memmove(ret_path, directory, head); /* may be the same memory */
    ret_path[head] = '/';
    memcpy(ret_path + head + 1, name, tail + 1);
    return fsp_path_check(fsp_slice(ret_path, head + 1 + tail));
}

const char *
cli_remote_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

fsp_status_t
cli_range_parse(const char *text, uint64_t *ret_first, uint64_t *ret_last)
{
    const char *dash = strchr(text, '-');
    if (!dash)
        return FSP_INVALID;
    uint64_t first, last = UINT64_MAX - 1;
    fsp_slice_t head = fsp_slice(text, (size_t)(dash - text)), tail = fsp_slice_text(dash + 1);
    if (fsp_parse_u64(head, UINT64_MAX - 1, &first) != FSP_OK ||
        (tail.bytes > 0 && fsp_parse_u64(tail, UINT64_MAX - 1, &last) != FSP_OK) || first > last)
        return FSP_INVALID;
    *ret_first = first;
    *ret_last = last;
    return FSP_OK;
}

/* -- moments, durations, sizes ----------------------------------------------------------------- */

/* `digits` decimal digits at *text, which moves behind them; false: they are not there, or they are
   not within min and max. */
static bool
take_digits(const char **text, size_t digits, unsigned min, unsigned max, unsigned *ret)
{
    unsigned value = 0;
    for (size_t i = 0; i < digits; i++) {
        if ((*text)[i] < '0' || (*text)[i] > '9')
            return false;
        value = value * 10 + (unsigned)((*text)[i] - '0');
    }
    *text += digits;
    *ret = value;
    return value >= min && value <= max;
}

static bool
take_char(const char **text, const char *one_of)
{
    if (**text == '\0' || !strchr(one_of, **text))
        return false;
    (*text)++;
    return true;
}

/* Days since 1970-01-01 of a date of the proleptic Gregorian calendar, from 1970 on. */
static uint64_t
days_since_1970(unsigned year, unsigned month, unsigned day)
{
    /* Years that begin in March: the leap day is then the last one. */
    unsigned y = month > 2 ? year : year - 1;
    unsigned m = month > 2 ? month - 3 : month + 9;
    uint64_t days = (uint64_t)y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1;
    return days - 719468;
}

static unsigned
days_of_month(unsigned year, unsigned month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

/* ".123" in microseconds; further digits say nothing. */
static bool
take_fraction(const char **text, uint64_t *ret_us)
{
    *ret_us = 0;
    if (!take_char(text, "."))
        return true;
    if (**text < '0' || **text > '9')
        return false;
    for (uint64_t unit = 100000; **text >= '0' && **text <= '9'; unit /= 10, (*text)++)
        *ret_us += unit * (uint64_t)(**text - '0');
    return true;
}

/* RFC 3339, or a date alone. */
static fsp_status_t
parse_time(const char *text, uint64_t *ret_us)
{
    unsigned year, month, day, hour = 0, minute = 0, second = 0;
    uint64_t fraction = 0, zone_s = 0;
    bool west = false;
    if (!take_digits(&text, 4, 1970, 9999, &year) || !take_char(&text, "-") ||
        !take_digits(&text, 2, 1, 12, &month) || !take_char(&text, "-") ||
        !take_digits(&text, 2, 1, days_of_month(year, month), &day))
        return FSP_INVALID;
    if (*text != '\0') {
        if (!take_char(&text, "Tt ") || !take_digits(&text, 2, 0, 23, &hour) ||
            !take_char(&text, ":") || !take_digits(&text, 2, 0, 59, &minute) ||
            !take_char(&text, ":") || !take_digits(&text, 2, 0, 60, &second) ||
            !take_fraction(&text, &fraction))
            return FSP_INVALID;
        if (*text == '+' || *text == '-') {
            unsigned zone_h, zone_m;
            west = *text++ == '-';
            if (!take_digits(&text, 2, 0, 23, &zone_h) || !take_char(&text, ":") ||
                !take_digits(&text, 2, 0, 59, &zone_m))
                return FSP_INVALID;
            zone_s = zone_h * 3600 + zone_m * 60;
        } else if (!take_char(&text, "Zz")) {
            return FSP_INVALID;
        }
        if (*text != '\0')
            return FSP_INVALID;
    }
    uint64_t seconds =
        days_since_1970(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    if (!west && zone_s > seconds)
        return FSP_BAD_RANGE;
    seconds = west ? seconds + zone_s : seconds - zone_s;
    *ret_us = seconds * 1000000 + fraction;
    return *ret_us > 0 ? FSP_OK : FSP_BAD_RANGE; /* 0 would mean now */
}

/* A number and a letter of a table; the number at least 1. */
static fsp_status_t
parse_scaled(const char *text, const char *letters, const uint64_t *factors, uint64_t *ret)
{
    size_t bytes = strlen(text);
    const char *letter =
        bytes > 1 && text[bytes - 1] != '\0' ? strchr(letters, text[bytes - 1]) : NULL;
    if (!letter)
        return FSP_INVALID;
    uint64_t factor = factors[letter - letters], number;
    if (fsp_parse_u64(fsp_slice(text, bytes - 1), UINT64_MAX / factor, &number) != FSP_OK ||
        number == 0)
        return FSP_INVALID;
    *ret = number * factor;
    return FSP_OK;
}

fsp_status_t
cli_duration_parse(const char *text, uint64_t *ret_us)
{
    static const uint64_t second = 1000000;
    static const uint64_t factors[] = {second, 60 * second, 3600 * second, 86400 * second,
                                       7 * 86400 * second};
    return parse_scaled(text, "smhdw", factors, ret_us);
}

fsp_status_t
cli_size_parse(const char *text, uint64_t *ret_bytes)
{
    static const uint64_t factors[] = {UINT64_C(1) << 10, UINT64_C(1) << 20, UINT64_C(1) << 30,
                                       UINT64_C(1) << 40};
    if (parse_scaled(text, "KMGT", factors, ret_bytes) == FSP_OK)
        return FSP_OK;
    return fsp_parse_u64(fsp_slice_text(text), UINT64_MAX, ret_bytes);
}

fsp_status_t
cli_chunking_parse(const char *text, uint64_t ret_bytes[3])
{
    uint64_t sizes[3];
    size_t count = 0;
    for (const char *at = text;; at++) {
        char piece[24];
        size_t bytes = strcspn(at, ",");
        if (count == 3 || bytes == 0 || bytes >= sizeof piece)
            return FSP_INVALID;
        memcpy(piece, at, bytes);
        piece[bytes] = '\0';
        if (cli_size_parse(piece, &sizes[count++]) != FSP_OK)
            return FSP_INVALID;
        at += bytes;
        if (*at == '\0')
            break;
    }
    if (count == 1)
        sizes[1] = sizes[2] = sizes[0];
    else if (count != 3)
        return FSP_INVALID;
    if (sizes[0] == 0 || sizes[0] > sizes[1] || sizes[1] > sizes[2])
        return FSP_INVALID;
    memcpy(ret_bytes, sizes, sizeof sizes);
    return FSP_OK;
}

fsp_status_t
cli_at_parse(const char *text, uint64_t now_us, uint64_t *ret_change, uint64_t *ret_time_us)
{
    uint64_t change = 0, time_us = 0, ago_us;
    fsp_status_t status;
    if (*text == '@') {
        status = fsp_parse_u64(fsp_slice_text(text + 1), UINT64_MAX, &change);
        if (status == FSP_OK && change == 0)
            status = FSP_INVALID;
    } else if (*text == '-') {
        status = cli_duration_parse(text + 1, &ago_us);
        size_t digits = strspn(text + 1, "0123456789");
        bool formed = digits > 0 && strspn(text + 1, "0") < digits && text[1 + digits] != '\0' &&
                      strchr("smhdw", text[1 + digits]) && text[2 + digits] == '\0';
        if (formed && (status != FSP_OK || ago_us >= now_us))
            status = FSP_BAD_RANGE; /* also what does not fit into 64 bits */
        if (status == FSP_OK)
            time_us = now_us - ago_us;
    } else {
        status = parse_time(text, &time_us);
    }
    if (status != FSP_OK)
        return *text != '@' && status == FSP_BAD_RANGE ? status : FSP_INVALID;
    *ret_change = change;
    *ret_time_us = time_us;
    return FSP_OK;
}

void
cli_size_format(uint64_t bytes, char ret_text[24])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    size_t unit = 0;
    uint64_t whole = bytes, rest = 0; /* rest: of 1024 */
    while (whole >= 1024) {
        rest = whole % 1024;
        whole /= 1024;
        unit++;
    }
    if (unit > 0 && whole < 10)
        (void)snprintf(ret_text, 24, "%llu.%llu %s", (unsigned long long)whole,
                       (unsigned long long)(rest * 10 / 1024), units[unit]);
    else
        (void)snprintf(ret_text, 24, "%llu %s", (unsigned long long)whole, units[unit]);
}

static size_t
least_of(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

size_t
cli_distance(const char *a, const char *b)
{
    enum { MOST = 64 };
    size_t a_bytes = strnlen(a, MOST), b_bytes = strnlen(b, MOST);
    /* rows[i % 3][j]: between the first i octets of a and the first j of b. */
    size_t rows[3][MOST + 1];
    for (size_t j = 0; j <= b_bytes; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_bytes; i++) {
        const size_t *before = rows[(i - 1) % 3], *before_that = rows[(i + 1) % 3];
        size_t *row = rows[i % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_bytes; j++) {
            row[j] =
                least_of(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a[i - 1] != b[j - 1]));
            bool exchanged = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (exchanged && before_that[j - 2] + 1 < row[j])
                row[j] = before_that[j - 2] + 1;
        }
    }
    return rows[a_bytes % 3][b_bytes];
}

bool
cli_path_within(const char *path, const char *directory)
{
    size_t bytes = strcmp(directory, "/") == 0 ? 0 : strlen(directory);
    return strncmp(path, directory, bytes) == 0 && (path[bytes] == '/' || path[bytes] == '\0');
}

fsp_slice_t
cli_local_base(const char *path)
{
    size_t end = strlen(path);
    while (end > 0 && path[end - 1] == '/')
        end--;
    size_t start = end;
    while (start > 0 && path[start - 1] != '/')
        start--;
    fsp_slice_t base = fsp_slice(path + start, end - start);
    if (fsp_slice_eq(base, fsp_slice_text(".")) || fsp_slice_eq(base, fsp_slice_text("..")))
        base.bytes = 0;
    return base;
}

/* Bytes of the UTF-8 sequence at the start of text; 0 if there is none. */
static size_t
sequence_bytes(fsp_slice_t text)
{
    uint8_t first = text.data[0];
    size_t bytes = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    return bytes <= text.bytes && fsp_utf8_valid(fsp_slice(text.data, bytes)) ? bytes : 0;
}

void
cli_escape(fsp_slice_t text, fsp_buf_t *ret)
{
    FSP_PRE(ret);
    while (text.bytes > 0) {
        uint8_t c = text.data[0];
        size_t bytes = sequence_bytes(text);
        bool c1 = bytes == 2 && c == 0xc2 && text.data[1] < 0xa0;
        if (c == '\n' || c == '\t' || c == '\\') {
            fsp_buf_printf(ret, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : '\\');
        } else if (bytes == 0 || c < 0x20 || c == 0x7f || c1) {
            bytes = bytes == 0 ? 1 : bytes;
            for (size_t i = 0; i < bytes; i++)
                fsp_buf_printf(ret, "\\x%02x", text.data[i]);
        } else {
            fsp_buf_append(ret, text.data, bytes);
        }
        text = fsp_slice(text.data + bytes, text.bytes - bytes);
    }
}
