/* SPDX-License-Identifier: MIT */
/* test_codec - compression of chunks, and whether to try it.  Layer tests. */
#include "core/base/alloc.h"
#include "core/base/prng.h"
#include "core/data/codec.h"
#include "tests/unit/suite.h"

#include <string.h>

enum { BYTES = 5 << 20 };

static void
fill_text(uint8_t *to, size_t bytes)
{
    static const char *const words[] = {"the ", "sphere ", "file ", "node ", "of ", "slot ", "\n"};
    fsp_prng_t prng;
    fsp_prng_init(&prng, 4);
    for (size_t at = 0; at < bytes;) {
        const char *word = words[fsp_prng_below(&prng, 7)];
        for (; *word && at < bytes; word++)
            to[at++] = (uint8_t)*word;
    }
}

START_TEST(the_sample_tells_what_promises)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, 99);
    uint8_t *random_bytes = fsp_alloc_raw(BYTES);
    fsp_prng_fill(&prng, random_bytes, BYTES);
    size_t bytes = 300000;
    uint8_t *data = fsp_alloc_raw(bytes);
    fsp_slice_t all = fsp_slice(data, bytes);
    /* Random bytes of any length do not. */
    for (size_t count = 0; count < 200; count++)
        ck_assert(!fsp_codec_promises(fsp_slice(random_bytes + count * 3, count)) || count >= 64);
    for (size_t count = 4096; count < BYTES; count += 54321)
        ck_assert(!fsp_codec_promises(fsp_slice(random_bytes, count)));
    /* Text, zeros, digits, base 64 do; also a block of random bytes again and again. */
    fill_text(data, bytes);
    ck_assert(fsp_codec_promises(all));
    ck_assert(fsp_codec_promises(fsp_slice(data, 64)));
    ck_assert(!fsp_codec_promises(fsp_slice(data, 63)));
    memset(data, 0, bytes);
    ck_assert(fsp_codec_promises(all));
    for (size_t i = 0; i < bytes; i++)
        data[i] = random_bytes[i] & 63;
    ck_assert(fsp_codec_promises(all));
    for (size_t i = 0; i < bytes; i++)
        data[i] = random_bytes[i % 256];
    ck_assert(fsp_codec_promises(all));
    /* All values equally often, so that only the repetition tells. */
    for (size_t i = 0; i < bytes; i++)
        data[i] = (uint8_t)i;
    ck_assert(fsp_codec_promises(all));
    /* All but one of the windows random. */
    memcpy(data, random_bytes, bytes);
    memset(data, 0, 20000);
    ck_assert(fsp_codec_promises(all));
    /* Only fixed places are looked at: a change between windows changes nothing. */
    memcpy(data, random_bytes, bytes);
    memset(data + 1024, 0, 18000);
    ck_assert(!fsp_codec_promises(all));
    fsp_free(data);
    fsp_free(random_bytes);
}
END_TEST

START_TEST(frames_come_back)
{
    static const size_t sizes[] = {64, 100, 4097, 65536, 1000000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint8_t *text = fsp_alloc_raw(sizes[i]), *out = fsp_alloc_raw(sizes[i]);
        memset(text, 'x', sizes[i]);
        size_t frame_bytes = 0;
        uint8_t *frame = fsp_codec_compress(fsp_slice(text, sizes[i]), &frame_bytes);
        ck_assert_ptr_nonnull(frame);
        ck_assert_uint_le(frame_bytes, sizes[i] - sizes[i] / 16);
        ck_assert(fsp_codec_decompress(fsp_slice(frame, frame_bytes), out, sizes[i]));
        ck_assert_mem_eq(out, text, sizes[i]);
        fsp_free(frame);
        fsp_free(out);
        fsp_free(text);
    }
    size_t frame_bytes = 0;
    ck_assert_ptr_null(fsp_codec_compress(fsp_slice(NULL, 0), &frame_bytes));
}
END_TEST

START_TEST(frames_that_lie_are_refused)
{
    uint8_t text[10000], out[20000];
    size_t frame_bytes = 0;
    fill_text(text, sizeof(text));
    uint8_t *frame = fsp_codec_compress(fsp_slice(text, sizeof(text)), &frame_bytes);
    ck_assert_ptr_nonnull(frame);
    ck_assert(fsp_codec_decompress(fsp_slice(frame, frame_bytes), out, sizeof(text)));
    ck_assert_mem_eq(out, text, sizeof(text));
    ck_assert(!fsp_codec_decompress(fsp_slice(frame, frame_bytes), out, sizeof(text) - 1));
    ck_assert(!fsp_codec_decompress(fsp_slice(frame, frame_bytes), out, sizeof(text) + 1));
    for (size_t count = 0; count < frame_bytes; count++)
        ck_assert(!fsp_codec_decompress(fsp_slice(frame, count), out, sizeof(text)));
    /* Two frames are not one; nor is a frame with bytes behind it. */
    uint8_t *twice = fsp_alloc_raw(2 * frame_bytes);
    memcpy(twice, frame, frame_bytes);
    memcpy(twice + frame_bytes, frame, frame_bytes);
    ck_assert(!fsp_codec_decompress(fsp_slice(twice, 2 * frame_bytes), out, sizeof(out)));
    ck_assert(!fsp_codec_decompress(fsp_slice(twice, frame_bytes + 1), out, sizeof(text)));
    /* One that is to be skipped behind it: the library would take both. */
    static const uint8_t skippable[] = {0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 'x'};
    memcpy(twice + frame_bytes, skippable, sizeof(skippable));
    ck_assert(!fsp_codec_decompress(fsp_slice(twice, frame_bytes + sizeof(skippable)), out,
                                    sizeof(text)));
    fsp_free(twice);
    /* Another magic number: a frame of zstd 0.7, one that is to be skipped. */
    frame[0] = 0x27;
    ck_assert(!fsp_codec_decompress(fsp_slice(frame, frame_bytes), out, sizeof(text)));
    ck_assert(!fsp_codec_decompress(fsp_slice(skippable, sizeof(skippable)), out, 0));
    frame[0] = 0x28;
    ck_assert(fsp_codec_decompress(fsp_slice(frame, frame_bytes), out, sizeof(text)));
    /* Random damage never writes outside (AddressSanitizer looks on). */
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(3));
    for (int turn = 0; turn < 5000; turn++) {
        size_t at = (size_t)fsp_prng_below(&prng, frame_bytes);
        uint8_t before = frame[at];
        frame[at] = (uint8_t)fsp_prng_next(&prng);
        (void)fsp_codec_decompress(fsp_slice(frame, frame_bytes), out, sizeof(text));
        frame[at] = before;
    }
    fsp_free(frame);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("codec");
    TCase *tests = tcase_create("codec");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, the_sample_tells_what_promises);
    tcase_add_test(tests, frames_come_back);
    tcase_add_test(tests, frames_that_lie_are_refused);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
