/* SPDX-License-Identifier: MIT */
/* fuzz_text - hexadecimal, Z85, UTF-8, numbers, names, paths, times.  Layer tests. */
#include "core/base/text.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>

/* UTF-8 by code points: written from RFC 3629, not from text.c. */
static bool
is_utf8(fsp_slice_t text)
{
    for (size_t i = 0; i < text.bytes;) {
        uint32_t first = text.data[i];
        size_t more = first < 0x80 ? 0 : first >> 5 == 6 ? 1 : first >> 4 == 14 ? 2 : 3;
        if (more == 3 && first >> 3 != 30)
            return false;
        if (more >= text.bytes - i)
            return false;
        uint32_t point = more ? first & ((1u << (6 - more)) - 1) : first;
        for (size_t k = 1; k <= more; k++) {
            if ((text.data[i + k] & 0xc0) != 0x80)
                return false;
            point = point << 6 | (text.data[i + k] & 0x3f);
        }
        static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
        if (point < least[more] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
            return false;
        i += more + 1;
    }
    return true;
}

static void
check_path(fsp_slice_t path)
{
    if (fsp_path_check(path) != FSP_OK)
        return;
    FUZZ_CHECK(path.bytes <= FSP_PATH_BYTES_MAX && fsp_utf8_valid(path));
    fsp_slice_t rest = path, name, last = fsp_slice(NULL, 0);
    size_t parts = 0, bytes = 0;
    while (fsp_path_next(&rest, &name)) {
        FUZZ_CHECK(fsp_name_valid(name));
        bytes += 1 + name.bytes;
        last = name;
        parts++;
    }
    FUZZ_CHECK(parts <= FSP_PATH_DEPTH_MAX);
    FUZZ_CHECK(parts == 0 ? path.bytes == 1 : bytes == path.bytes);
    if (parts == 0)
        return;
    fsp_slice_t parent;
    fsp_path_split(path, &parent, &name);
    FUZZ_CHECK(fsp_slice_eq(name, last));
    FUZZ_CHECK(fsp_path_check(parent) == FSP_OK);
    FUZZ_CHECK(parent.bytes == 1 || parent.bytes + 1 + name.bytes == path.bytes);
}

static void
check_binary(fsp_slice_t text)
{
    uint8_t *binary = fsp_alloc(text.bytes + 8), *again = fsp_alloc(text.bytes + 8);
    char *written = fsp_alloc(2 * text.bytes + 16);
    if (fsp_hex_decode(text, binary, text.bytes / 2) == FSP_OK) {
        fsp_hex_encode(binary, text.bytes / 2, written);
        FUZZ_CHECK(strlen(written) == text.bytes);
        FUZZ_CHECK(fsp_hex_decode(fsp_slice_text(written), again, text.bytes / 2) == FSP_OK);
        FUZZ_CHECK(memcmp(binary, again, text.bytes / 2) == 0);
    }
    size_t bytes = text.bytes / 5 * 4;
    if (fsp_z85_decode(text, binary, bytes) == FSP_OK) {
        fsp_z85_encode(binary, bytes, written);
        FUZZ_CHECK(fsp_slice_eq(fsp_slice_text(written), text)); /* one text each */
    }
    bytes = text.bytes / 4 * 4;
    fsp_z85_encode(text.data, bytes, written);
    FUZZ_CHECK(fsp_z85_decode(fsp_slice_text(written), binary, bytes) == FSP_OK);
    FUZZ_CHECK(bytes == 0 || memcmp(binary, text.data, bytes) == 0);
    fsp_hex_encode(text.data, text.bytes, written);
    FUZZ_CHECK(fsp_hex_decode(fsp_slice_text(written), binary, text.bytes) == FSP_OK);
    FUZZ_CHECK(text.bytes == 0 || memcmp(binary, text.data, text.bytes) == 0);
    fsp_free(binary);
    fsp_free(again);
    fsp_free(written);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    fsp_slice_t text = fsp_slice(data, bytes);
    FUZZ_CHECK(fsp_utf8_valid(text) == is_utf8(text));
    check_path(text);
    check_binary(text);
    if (fsp_name_valid(text))
        FUZZ_CHECK(bytes > 0 && bytes <= FSP_NAME_BYTES_MAX && !memchr(data, '/', bytes) &&
                   !memchr(data, 0, bytes));
    if (fsp_space_name_valid(text))
        FUZZ_CHECK(bytes <= FSP_SPACE_NAME_BYTES_MAX && fsp_name_valid(text));
    uint64_t number;
    if (fsp_parse_u64(text, UINT64_MAX, &number) == FSP_OK) {
        char written[32];
        (void)snprintf(written, sizeof(written), "%llu", (unsigned long long)number);
        FUZZ_CHECK(fsp_slice_eq(fsp_slice_text(written), text));
    }
    fuzz_input_t input = fuzz_input(data, bytes);
    char time[FSP_RFC3339_BYTES];
    fsp_rfc3339(fuzz_u64(&input), time);
    FUZZ_CHECK(strlen(time) == 24 && time[10] == 'T' && time[23] == 'Z');
    return 0;
}
