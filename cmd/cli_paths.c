/* SPDX-License-Identifier: MIT */
/* cli_paths - what is typed, taken apart; what is printed, made harmless.  Layer cmd.  Pure. */
#include "cmd/cli_paths.h"

#include "core/base/check.h"
#include "core/base/text.h"

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
