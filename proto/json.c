/* SPDX-License-Identifier: MIT */
/* json - a streaming JSON writer.  Layer proto.  Pure.
 *
 * Appends RFC 8259 text to a buffer, compact, on one line (an output of one object a line needs no
 * more).  Structure is the caller's code and therefore asserted; overflow is the buffer's.
 */
#include "proto/json.h"

#include "core/base/check.h"
#include "core/base/text.h"

enum { JSON_DEPTH_MAX = 64 };

void
fsp_json_init(fsp_json_t *self, fsp_buf_t *buf)
{
    FSP_PRE(self);
    FSP_PRE(buf);
    *self = (fsp_json_t){.buf = buf};
}

static void
put_text(fsp_json_t *self, const char *text)
{
    fsp_buf_append(self->buf, text, strlen(text));
}

/* Bytes of the UTF-8 sequence at the start of text; 0 if there is none.  fsp_utf8_valid judges,
   so that there is one opinion about UTF-8. */
static size_t
sequence_bytes(fsp_slice_t text)
{
    uint8_t first = text.data[0];
    size_t bytes = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (bytes > text.bytes || !fsp_utf8_valid(fsp_slice(text.data, bytes)))
        return 0;
    return bytes;
}

static void
put_control(fsp_json_t *self, uint8_t c)
{
    switch (c) {
    case '"':
        put_text(self, "\\\"");
        return;
    case '\\':
        put_text(self, "\\\\");
        return;
    case '\n':
        put_text(self, "\\n");
        return;
    case '\r':
        put_text(self, "\\r");
        return;
    case '\t':
        put_text(self, "\\t");
        return;
    default:
        fsp_buf_printf(self->buf, "\\u%04x", c);
        return;
    }
}

static bool
is_plain(uint8_t c)
{
    /* DEL is allowed by JSON, but does not belong on a terminal. */
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* A quoted string.  Runs of plain bytes are appended at once. */
static void
put_string(fsp_json_t *self, fsp_slice_t text)
{
    fsp_buf_append_u8(self->buf, '"');
    size_t at = 0;
    while (at < text.bytes) {
        size_t run = at;
        while (run < text.bytes && is_plain(text.data[run]))
            run++;
        fsp_buf_append(self->buf, text.data + at, run - at);
        at = run;
        if (at == text.bytes)
            break;
        if (text.data[at] < 0x80) {
            put_control(self, text.data[at++]);
            continue;
        }
        fsp_slice_t rest = fsp_slice(text.data + at, text.bytes - at);
        size_t bytes = sequence_bytes(rest);
        if (bytes > 0)
            fsp_buf_append(self->buf, rest.data, bytes);
        else
            put_text(self, "\xef\xbf\xbd"); /* U+FFFD for one byte */
        at += bytes > 0 ? bytes : 1;
    }
    fsp_buf_append_u8(self->buf, '"');
}

/* Comma and key before a value. */
static void
begin_value(fsp_json_t *self, const char *key)
{
    FSP_PRE(self);
    FSP_PRE(self->buf);
    FSP_PRE(self->depth > 0 || !key);
    FSP_PRE(self->depth > 0 || !self->comma); /* one top value */
    if (self->comma)
        fsp_buf_append_u8(self->buf, ',');
    if (key) {
        put_string(self, fsp_slice_text(key));
        fsp_buf_append_u8(self->buf, ':');
    }
    self->comma = true;
}

static void
begin_container(fsp_json_t *self, const char *key, char bracket)
{
    FSP_PRE(self->depth < JSON_DEPTH_MAX);
    begin_value(self, key);
    fsp_buf_append_u8(self->buf, (uint8_t)bracket);
    self->depth++;
    self->comma = false;
}

static void
end_container(fsp_json_t *self, char bracket)
{
    FSP_PRE(self);
    FSP_PRE(self->depth > 0);
    fsp_buf_append_u8(self->buf, (uint8_t)bracket);
    self->depth--;
    self->comma = true;
}

void
fsp_json_object(fsp_json_t *self, const char *key)
{
    begin_container(self, key, '{');
}

void
fsp_json_object_end(fsp_json_t *self)
{
    end_container(self, '}');
}

void
fsp_json_array(fsp_json_t *self, const char *key)
{
    begin_container(self, key, '[');
}

void
fsp_json_array_end(fsp_json_t *self)
{
    end_container(self, ']');
}

void
fsp_json_text(fsp_json_t *self, const char *key, const char *value)
{
    FSP_PRE(value);
    fsp_json_slice(self, key, fsp_slice_text(value));
}

void
fsp_json_slice(fsp_json_t *self, const char *key, fsp_slice_t value)
{
    FSP_PRE(value.data || value.bytes == 0);
    begin_value(self, key);
    put_string(self, value);
}

void
fsp_json_hex(fsp_json_t *self, const char *key, const void *data, size_t bytes)
{
    enum { PIECE_BYTES = 32 };
    FSP_PRE(data || bytes == 0);
    begin_value(self, key);
    fsp_buf_append_u8(self->buf, '"');
    for (size_t at = 0; at < bytes; at += PIECE_BYTES) {
        size_t piece = bytes - at < PIECE_BYTES ? bytes - at : PIECE_BYTES;
        char text[2 * PIECE_BYTES + 1];
        fsp_hex_encode((const uint8_t *)data + at, piece, text);
        fsp_buf_append(self->buf, text, 2 * piece);
    }
    fsp_buf_append_u8(self->buf, '"');
}

void
fsp_json_uint(fsp_json_t *self, const char *key, uint64_t value)
{
    char digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    begin_value(self, key);
    fsp_buf_append(self->buf, digits + at, sizeof(digits) - at);
}

void
fsp_json_bool(fsp_json_t *self, const char *key, bool value)
{
    begin_value(self, key);
    put_text(self, value ? "true" : "false");
}

void
fsp_json_null(fsp_json_t *self, const char *key)
{
    begin_value(self, key);
    put_text(self, "null");
}

void
fsp_json_time(fsp_json_t *self, const char *key, fsp_time_t unix_us)
{
    char text[FSP_RFC3339_BYTES];
    fsp_rfc3339(unix_us, text);
    fsp_json_text(self, key, text);
}
