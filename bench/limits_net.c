/* SPDX-License-Identifier: MIT */
/* limits_net - frames from one thread to another through libzmq and loopback, encrypted by CURVE or
 * not: CPU of both ends with the I/O threads, and how fast by the clock. */
#include "bench/measure.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/prng.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

enum {
    Z85_KEY_BYTES = 41,
    IO_THREADS = 2, /* one for each end, as if they were two processes */
    WAIT_MS = 5000,
    AHEAD_BYTES = 4 * 1024 * 1024, /* that may lie in the queues */
    ENDPOINT_BYTES = 256,
};

typedef struct {
    void *push, *pull;
    const uint8_t *data;
    size_t frame;
    size_t count, warm_count; /* frames in all; of them before the measurement */
    bool sent;
} link_t;

static bool
set_int(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof(value)) == 0;
}

static bool
set_curve(void *server, void *client)
{
    char public_key[Z85_KEY_BYTES], secret_key[Z85_KEY_BYTES];
    return zmq_curve_keypair(public_key, secret_key) == 0 && set_int(server, ZMQ_CURVE_SERVER, 1) &&
           zmq_setsockopt(server, ZMQ_CURVE_SECRETKEY, secret_key, Z85_KEY_BYTES) == 0 &&
           zmq_setsockopt(client, ZMQ_CURVE_SERVERKEY, public_key, Z85_KEY_BYTES) == 0 &&
           zmq_setsockopt(client, ZMQ_CURVE_PUBLICKEY, public_key, Z85_KEY_BYTES) == 0 &&
           zmq_setsockopt(client, ZMQ_CURVE_SECRETKEY, secret_key, Z85_KEY_BYTES) == 0;
}

static bool
connect_ends(link_t *self, bool curve)
{
    int ahead = AHEAD_BYTES / (int)self->frame;
    char endpoint[ENDPOINT_BYTES];
    size_t bytes = sizeof(endpoint);
    if (!self->push || !self->pull || (curve && !set_curve(self->pull, self->push)))
        return false;
    return set_int(self->pull, ZMQ_RCVTIMEO, WAIT_MS) && set_int(self->pull, ZMQ_RCVHWM, ahead) &&
           set_int(self->push, ZMQ_SNDTIMEO, WAIT_MS) && set_int(self->push, ZMQ_SNDHWM, ahead) &&
           set_int(self->push, ZMQ_LINGER, 0) && zmq_bind(self->pull, "tcp://127.0.0.1:*") == 0 &&
           zmq_getsockopt(self->pull, ZMQ_LAST_ENDPOINT, endpoint, &bytes) == 0 &&
           zmq_connect(self->push, endpoint) == 0;
}

static void *
send_all(void *arg)
{
    link_t *self = arg;
    for (size_t i = 0; i < self->count; i++) {
        zmq_msg_t msg;
        /* Lent, as payload frames of a node are; libzmq does not write to it. */
        (void)zmq_msg_init_data(&msg, (void *)(uintptr_t)self->data, self->frame, NULL, NULL);
        if (zmq_msg_send(&msg, self->push, 0) == -1)
            return NULL;
    }
    self->sent = true;
    return NULL;
}

/* False: not all of them came.  On success *ret_cpu and *ret_wall are nanoseconds a byte. */
static bool
receive_all(link_t *self, double *ret_cpu, double *ret_wall)
{
    double cpu = 0, wall = 0;
    for (size_t i = 0; i < self->count; i++) {
        if (i == self->warm_count) { /* the handshake and the first pages are behind us */
            cpu = bench_cpu_seconds();
            wall = bench_seconds();
        }
        zmq_msg_t msg;
        (void)zmq_msg_init(&msg); /* always 0 */
        bool whole = zmq_msg_recv(&msg, self->pull, 0) != -1 && zmq_msg_size(&msg) == self->frame;
        (void)zmq_msg_close(&msg); /* of an initialised message */
        if (!whole)
            return false;
    }
    double bytes = (double)((self->count - self->warm_count) * self->frame);
    *ret_cpu = (bench_cpu_seconds() - cpu) * 1e9 / bytes;
    *ret_wall = (bench_seconds() - wall) * 1e9 / bytes;
    return true;
}

static bool
measure_link(const uint8_t *data, size_t frame, size_t count, bool curve, double *ret_cpu,
             double *ret_wall)
{
    void *context = zmq_ctx_new();
    FSP_ASSERT(context != NULL);
    (void)zmq_ctx_set(context, ZMQ_IO_THREADS, IO_THREADS);
    link_t self = {.push = zmq_socket(context, ZMQ_PUSH),
                   .pull = zmq_socket(context, ZMQ_PULL),
                   .data = data,
                   .frame = frame,
                   .count = count,
                   .warm_count = count / 8};
    bool good = connect_ends(&self, curve);
    pthread_t sender;
    if (good) {
        int rc = pthread_create(&sender, NULL, send_all, &self);
        FSP_ASSERT(rc == 0);
        good = receive_all(&self, ret_cpu, ret_wall);
        (void)pthread_join(sender, NULL); /* it is ours, and gives up after WAIT_MS */
        good = good && self.sent;
    }
    if (self.push)
        (void)zmq_close(self.push); /* of an open socket */
    if (self.pull)
        (void)zmq_close(self.pull);
    (void)zmq_ctx_term(context); /* no socket is left */
    return good;
}

bool
bench_limits_net(const bench_measure_t *self)
{
    static const struct {
        size_t frame, bytes;
        bool curve, brief;
        bench_figure_t cpu, rate;
    } rows[] = {
        {4096, 64 << 20, true, true, BENCH_CURVE_4K, BENCH_CURVE_4K_RATE},
        {256 * 1024, 160 << 20, true, true, BENCH_CURVE_256K, BENCH_CURVE_256K_RATE},
        {4096, 96 << 20, false, false, BENCH_NULL_4K, BENCH_NULL_4K_RATE},
        {256 * 1024, 384 << 20, false, false, BENCH_NULL_256K, BENCH_NULL_256K_RATE},
    };
    uint8_t *data = fsp_alloc_raw(256 * 1024);
    fsp_prng_t prng;
    fsp_prng_init(&prng, 3);
    fsp_prng_fill(&prng, data, 256 * 1024);
    bool good = true;
    for (size_t i = 0; good && i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (self->brief && !rows[i].brief)
            continue;
        size_t bytes = (size_t)(self->effort * (double)rows[i].bytes);
        double cpu_ns, wall_ns;
        good = measure_link(data, rows[i].frame, bytes / rows[i].frame, rows[i].curve, &cpu_ns,
                            &wall_ns);
        if (!good) {
            (void)fprintf(stderr, "filesphere-bench: loopback: frames do not arrive\n");
            break;
        }
        bench_figure(self->limits, self->output, rows[i].cpu, cpu_ns);
        bench_figure(self->limits, self->output, rows[i].rate, 1e3 / wall_ns);
    }
    fsp_free(data);
    return good;
}
