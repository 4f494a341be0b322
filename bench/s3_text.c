/* SPDX-License-Identifier: MIT */
/* s3_text - addresses in the canonical form that is signed, and the little XML that S3 answers. */
#include "bench/s3_text.h"

#include "core/base/check.h"
#include "core/base/text.h"

#include <stdio.h>
#include <string.h>

enum { KEYS_A_PAGE = 1000, TAG_BYTES_MAX = 64, CODE_MAX = 127 };

static bool
is_unreserved(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void
bench_s3_encode(fsp_buf_t *buf, fsp_slice_t text, bool slashes)
{
    for (size_t i = 0; i < text.bytes; i++) {
        uint8_t c = text.data[i];
        if (is_unreserved(c) || (slashes && c == '/'))
            fsp_buf_append_u8(buf, c);
        else
            fsp_buf_printf(buf, "%%%02X", c);
    }
}

void
bench_s3_list_query(fsp_buf_t *buf, fsp_slice_t prefix, bool delimited, fsp_slice_t token)
{
    if (token.bytes > 0) {
        fsp_buf_printf(buf, "continuation-token=");
        bench_s3_encode(buf, token, false);
        fsp_buf_printf(buf, "&");
    }
    fsp_buf_printf(buf, "%slist-type=2&max-keys=%d&prefix=", delimited ? "delimiter=%2F&" : "",
                   KEYS_A_PAGE);
    bench_s3_encode(buf, prefix, false);
}

/* Where mark begins in text; text.bytes if nowhere. */
static size_t
find(fsp_slice_t text, const char *mark)
{
    const uint8_t *at = text.bytes ? memmem(text.data, text.bytes, mark, strlen(mark)) : NULL;
    return at ? (size_t)(at - text.data) : text.bytes;
}

static fsp_slice_t
from(fsp_slice_t text, size_t at)
{
    return fsp_slice(text.data + at, text.bytes - at);
}

bool
bench_s3_element(fsp_slice_t *rest, const char *name, fsp_slice_t *ret)
{
    char open[TAG_BYTES_MAX], close[TAG_BYTES_MAX];
    int open_bytes = snprintf(open, sizeof open, "<%s>", name);
    int close_bytes = snprintf(close, sizeof close, "</%s>", name);
    FSP_PRE(open_bytes > 0 && close_bytes > 0 && (size_t)close_bytes < sizeof close);
    size_t begin = find(*rest, open);
    if (begin == rest->bytes)
        return false;
    fsp_slice_t inner = from(*rest, begin + (size_t)open_bytes);
    size_t end = find(inner, close);
    if (end == inner.bytes)
        return false;
    *ret = fsp_slice(inner.data, end);
    *rest = from(inner, end + (size_t)close_bytes);
    return true;
}

/* The octet that an entity (without '&' and ';') stands for; 0: none. */
static uint8_t
entity(fsp_slice_t name)
{
    static const struct {
        const char *name;
        char value;
    } known[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (fsp_slice_eq(name, fsp_slice_text(known[i].name)))
            return (uint8_t)known[i].value;
    }
    uint64_t code = 0;
    if (name.bytes > 1 && name.data[0] == '#' &&
        fsp_parse_u64(from(name, 1), CODE_MAX, &code) == FSP_OK)
        return (uint8_t)code;
    return 0;
}

bool
bench_s3_unescape(fsp_buf_t *buf, fsp_slice_t text)
{
    while (text.bytes > 0) {
        size_t plain = find(text, "&");
        fsp_buf_append(buf, text.data, plain);
        text = from(text, plain);
        if (text.bytes == 0)
            break;
        size_t end = find(text, ";");
        uint8_t value = end < text.bytes ? entity(fsp_slice(text.data + 1, end - 1)) : 0;
        if (value == 0)
            return false;
        fsp_buf_append_u8(buf, value);
        text = from(text, end + 1);
    }
    return true;
}
