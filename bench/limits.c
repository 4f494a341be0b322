/* SPDX-License-Identifier: MIT */
/* limits - what this machine allows: the building blocks of a put and a get, measured one by one.
 */
#include "bench/bench.h"

#include "actors/clock.h"
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/prng.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"
#include "core/crypto/gcm.h"
#include "core/crypto/keys.h"
#include "core/data/chunker.h"

#include <czmq.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include <zstd.h>

enum { BLOCK_BYTES = 1024 * 1024, FRAME_BYTES = 256 * 1024, DISK_BLOCKS = 128 };
static const double BUDGET_S = 0.3; /* a block, best of what fits */

double
bench_seconds(void)
{
    return (double)fsp_clock_mono_us() / 1e6;
}

typedef void(work_fn)(void *arg);

/* Best nanoseconds a byte of repeated runs of work over `bytes`. */
static double
measure(work_fn *work, void *arg, size_t bytes)
{
    double best = 1e30, until = bench_seconds() + BUDGET_S;
    do {
        double start = bench_seconds();
        for (int i = 0; i < 4; i++)
            work(arg);
        double ns = (bench_seconds() - start) * 1e9 / (4.0 * (double)bytes);
        if (ns < best)
            best = ns;
    } while (bench_seconds() < until);
    return best;
}

typedef struct {
    uint8_t *data, *out;
    fsp_gcm_t *gcm;
    fsp_gear_t *gear;
} blocks_t;

static void
run_sha(void *arg)
{
    blocks_t *blocks = arg;
    (void)fsp_sha256(fsp_slice(blocks->data, BLOCK_BYTES));
}

static void
run_gcm(void *arg)
{
    blocks_t *blocks = arg;
    static const uint8_t nonce[FSP_GCM_NONCE_BYTES];
    for (size_t at = 0; at < BLOCK_BYTES; at += 65536)
        fsp_gcm_seal(blocks->gcm, nonce, fsp_slice(NULL, 0), fsp_slice(blocks->data + at, 65536),
                     blocks->out);
}

static void
run_zstd(void *arg)
{
    blocks_t *blocks = arg;
    (void)ZSTD_compress(blocks->out, ZSTD_compressBound(BLOCK_BYTES), blocks->data, BLOCK_BYTES, 1);
}

static void
run_chunk(void *arg)
{
    blocks_t *blocks = arg;
    fsp_chunker_t chunker;
    fsp_chunker_init(&chunker, blocks->gear);
    size_t at = 0;
    while (at < BLOCK_BYTES) {
        bool cut;
        at += fsp_chunker_feed(&chunker, fsp_slice(blocks->data + at, BLOCK_BYTES - at), &cut);
    }
}

static double
cpu_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* CPU of both ends of a CURVE connection on loopback, 256 KiB frames. */
static double
measure_curve(const uint8_t *data)
{
    uint8_t secret[32];
    fsp_secret_t seed;
    fsp_box_key_t pair;
    fsp_random(seed.bytes, sizeof(seed.bytes));
    fsp_box_key_from_secret(&pair, &seed);
    memcpy(secret, pair.secret_key.bytes, 32);
    char public_text[41], secret_text[41];
    fsp_z85_encode(pair.public_key, 32, public_text);
    fsp_z85_encode(secret, 32, secret_text);
    zsock_t *pull = zsock_new(ZMQ_PULL), *push = zsock_new(ZMQ_PUSH);
    zsock_set_curve_server(pull, 1);
    zsock_set_curve_publickey(pull, public_text);
    zsock_set_curve_secretkey(pull, secret_text);
    zsock_set_rcvtimeo(pull, 5000);
    zsock_set_sndtimeo(push, 5000);
    int port = zsock_bind(pull, "tcp://127.0.0.1:*");
    zsock_set_curve_serverkey(push, public_text);
    zsock_set_curve_publickey(push, public_text);
    zsock_set_curve_secretkey(push, secret_text);
    double ns = 0;
    if (port > 0 && zsock_connect(push, "tcp://127.0.0.1:%d", port) == 0) {
        const int frames = 400, ahead = 16;
        double start = 0;
        void *out = zsock_resolve(push), *in = zsock_resolve(pull);
        int sent = 0;
        for (int received = 0; received < frames; received++) {
            while (sent < frames && sent - received < ahead) {
                if (zmq_send(out, data, FRAME_BYTES, 0) == -1)
                    goto out;
                sent++;
            }
            zmq_msg_t msg;
            (void)zmq_msg_init(&msg);
            if (zmq_msg_recv(&msg, in, 0) == -1)
                goto out;
            (void)zmq_msg_close(&msg);
            if (received == 50)
                start = cpu_seconds(); /* the handshake and the first pages are behind us */
        }
        ns = (cpu_seconds() - start) * 1e9 / ((double)(frames - 51) * FRAME_BYTES);
    }
out:
    zsock_destroy(&push);
    zsock_destroy(&pull);
    return ns;
}

static void
echo_actor(zsock_t *pipe, void *arg)
{
    (void)arg;
    zsock_signal(pipe, 0);
    void *socket = zsock_resolve(pipe);
    char byte;
    while (zmq_recv(socket, &byte, 1, 0) == 1 && byte != '$')
        (void)zmq_send(socket, &byte, 1, 0);
}

static double
measure_wake(void)
{
    zactor_t *actor = zactor_new(echo_actor, NULL);
    void *socket = zsock_resolve(actor);
    char byte = 'x';
    double start = 0;
    const int rounds = 2000;
    for (int i = -100; i < rounds; i++) {
        if (i == 0)
            start = bench_seconds();
        (void)zmq_send(socket, &byte, 1, 0);
        (void)zmq_recv(socket, &byte, 1, 0);
    }
    double us = (bench_seconds() - start) * 1e6 / rounds;
    zactor_destroy(&actor);
    return us;
}

static void
measure_disk(const char *directory, const uint8_t *data, bench_limits_t *ret)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/limits.tmp", directory);
    int fd = open(path, O_CREAT | O_RDWR | O_DIRECT | O_TRUNC, 0600);
    bool direct = fd >= 0;
    if (!direct)
        fd = open(path, O_CREAT | O_RDWR | O_TRUNC, 0600);
    if (fd < 0)
        return;
    off_t bytes = (off_t)DISK_BLOCKS * BLOCK_BYTES;
    if (posix_fallocate(fd, 0, bytes) == 0) {
        double start = bench_seconds();
        for (int i = 0; i < DISK_BLOCKS; i++) {
            if (pwrite(fd, data, BLOCK_BYTES, (off_t)i * BLOCK_BYTES) != BLOCK_BYTES)
                break;
            if (i % 16 == 15)
                (void)fdatasync(fd);
        }
        ret->disk_write = (bench_seconds() - start) * 1e9 / (double)bytes;
        uint8_t *into = aligned_alloc(4096, BLOCK_BYTES);
        start = bench_seconds();
        for (int i = 0; i < DISK_BLOCKS; i++) {
            if (pread(fd, into, BLOCK_BYTES, (off_t)i * BLOCK_BYTES) != BLOCK_BYTES)
                break;
        }
        ret->disk_read = (bench_seconds() - start) * 1e9 / (double)bytes;
        fsp_free(into);
        const int syncs = 200;
        start = bench_seconds();
        for (int i = 0; i < syncs; i++) {
            (void)!pwrite(fd, data, 4096, (off_t)(i % 64) * 4096);
            (void)fdatasync(fd);
        }
        ret->sync_us = (bench_seconds() - start) * 1e6 / syncs;
    }
    (void)close(fd);
    (void)unlink(path);
}

void
bench_limits(const char *directory, bench_limits_t *ret)
{
    memset(ret, 0, sizeof(*ret));
    blocks_t blocks = {.data = aligned_alloc(4096, BLOCK_BYTES), .out = fsp_alloc(2 * BLOCK_BYTES)};
    FSP_ASSERT(blocks.data != NULL);
    fsp_prng_t prng;
    fsp_prng_init(&prng, 1);
    fsp_prng_fill(&prng, blocks.data, BLOCK_BYTES);
    fsp_secret_t key = {{1}};
    blocks.gcm = fsp_gcm_new(key.bytes);
    blocks.gear = fsp_gear_new(&key, &fsp_chunk_params_default);
    ret->sha256 = measure(run_sha, &blocks, BLOCK_BYTES);
    ret->gcm = measure(run_gcm, &blocks, BLOCK_BYTES);
    ret->zstd_random = measure(run_zstd, &blocks, BLOCK_BYTES);
    ret->chunk = measure(run_chunk, &blocks, BLOCK_BYTES);
    ret->curve_both_ends = measure_curve(blocks.data);
    ret->wake_us = measure_wake();
    measure_disk(directory, blocks.data, ret);
    fsp_gcm_destroy(&blocks.gcm);
    fsp_gear_destroy(&blocks.gear);
    fsp_free(blocks.data);
    fsp_free(blocks.out);
}

void
bench_limits_print(bool json, const bench_limits_t *limits)
{
    bench_report(json, "sha256", limits->sha256, "ns/B", "one pass, one core");
    bench_report(json, "aes-256-gcm", limits->gcm, "ns/B", "64 KiB sub-blocks, one core");
    bench_report(json, "zstd -1, random data", limits->zstd_random, "ns/B", "one core");
    bench_report(json, "fastcdc", limits->chunk, "ns/B", "one core");
    bench_report(json, "curve, both ends", limits->curve_both_ends, "ns/B",
                 "CPU, 256 KiB frames on loopback");
    bench_report(json, "disk write", limits->disk_write, "ns/B",
                 "1 MiB O_DIRECT, preallocated, a sync every 16");
    bench_report(json, "disk read", limits->disk_read, "ns/B", "1 MiB O_DIRECT");
    bench_report(json, "disk sync", limits->sync_us, "us", "4 KiB write + fdatasync");
    bench_report(json, "thread wake", limits->wake_us, "us",
                 "inproc round trip between two threads");
}
