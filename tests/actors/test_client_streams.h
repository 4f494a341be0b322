/* SPDX-License-Identifier: MIT */
/* test_client_streams - what the client suites share: set-up, sources, sinks.  Layer tests. */
#ifndef FSP_TESTS_ACTORS_TEST_CLIENT_STREAMS_H
#define FSP_TESTS_ACTORS_TEST_CLIENT_STREAMS_H
#include "tests/actors/test_client_fake.h"

static fake_t fake;

static inline void
set_up(void)
{
    memset(&fake, 0, sizeof fake);
    fake_start(&fake);
}

static inline void
tear_down(void)
{
    fake_stop(&fake);
}

static inline void
expect(filesphere_t *handle, filesphere_code_t code, fsp_status_t status, int exit_code)
{
    ck_assert_msg(code == fsp_error_info(status)->code, "%u (%s) instead of %s: %s", code,
                  filesphere_symbol(code), fsp_status_name(status), filesphere_error(handle));
    ck_assert_int_eq(filesphere_exit_code(code), exit_code);
    ck_assert(status == FSP_OK || *filesphere_error(handle));
}

/* -- sources and sinks ------------------------------------------------------------------------- */

typedef struct {
    uint64_t bytes, at; /* pattern bytes, and how many are done */
    size_t piece_max;
    uint64_t fail_at;        /* 0: never */
    unsigned not_yet;        /* so many times nothing, at fail_at */
    _Atomic unsigned *await; /* source: fails only when this counter is there; NULL: at once */
    unsigned await_value;
    bool same; /* sink: everything fitted the pattern */
    filesphere_t *handle;
    filesphere_code_t inner;
} stream_t;

static inline uint8_t
pattern(uint64_t at)
{
    return (uint8_t)(at * 7 + at / 251 + at / 65521);
}

static inline int
read_pattern(void *arg, void *buffer, size_t size_max, size_t *ret_size)
{
    stream_t *stream = arg;
    if (stream->fail_at && stream->at >= stream->fail_at) {
        if (stream->not_yet == 0 && stream->await)
            fake_await(stream->await, stream->await_value);
        if (stream->not_yet == 0)
            return -1;
        if (--stream->not_yet == 0)
            stream->fail_at = 0;
        (void)poll(NULL, 0, 20);
        return FILESPHERE_NOT_YET;
    }
    uint64_t bytes = stream->bytes - stream->at;
    if (bytes > size_max)
        bytes = size_max;
    if (stream->piece_max && bytes > stream->piece_max)
        bytes = stream->piece_max;
    for (uint64_t i = 0; i < bytes; i++)
        ((uint8_t *)buffer)[i] = pattern(stream->at + i);
    stream->at += bytes;
    *ret_size = (size_t)bytes;
    return 0;
}

static inline int
write_pattern(void *arg, const void *data, size_t size)
{
    stream_t *stream = arg;
    if (stream->fail_at && stream->at >= stream->fail_at) {
        if (stream->not_yet == 0)
            return -1;
        if (--stream->not_yet == 0)
            stream->fail_at = 0;
        (void)poll(NULL, 0, 20);
        return FILESPHERE_NOT_YET;
    }
    for (size_t i = 0; i < size; i++)
        stream->same = stream->same && ((const uint8_t *)data)[i] == pattern(stream->at + i);
    stream->at += size;
    if (stream->handle)
        stream->inner = filesphere_stat(stream->handle, NULL, "/", NULL, NULL);
    return 0;
}

static inline filesphere_code_t
put(filesphere_t *handle, stream_t *stream, filesphere_info_t *info)
{
    filesphere_put_t put = {.path = "/dir/file", .create_parents = true, .size_hint = UINT64_MAX};
    return filesphere_put(handle, &put, read_pattern, stream, info);
}

static inline filesphere_code_t
get(filesphere_t *handle, stream_t *stream, filesphere_info_t *info)
{
    filesphere_get_t get = {.path = "/dir/file"};
    return filesphere_get(handle, &get, write_pattern, stream, info);
}

static inline void
fill_content(uint64_t bytes)
{
    (void)pthread_mutex_lock(&fake.mutex);
    fsp_buf_reset(&fake.content);
    uint8_t *to = fsp_buf_extend(&fake.content, bytes);
    for (uint64_t i = 0; i < bytes; i++)
        to[i] = pattern(i);
    (void)pthread_mutex_unlock(&fake.mutex);
}
#endif
