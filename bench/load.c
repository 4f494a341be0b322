/* SPDX-License-Identifier: MIT */
/* load - clients of a real node: each thread has its own connection and one operation under way. */
#include "bench/bench.h"

#include "actors/filesphere.h"
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/prng.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILES_PER_CLIENT = 16, SAMPLES_MAX = 200000 };

typedef struct {
    const bench_load_t *load;
    unsigned number;
    filesphere_t *handle;
    uint8_t *data;
    fsp_prng_t prng;
    size_t at, end; /* of the content being sent */
    uint64_t received;
    double *samples;
    size_t sample_count;
    uint64_t errors;
    double until;
    bool ready;
} client_t;

static int
give(void *arg, void *buffer, size_t size_max, size_t *ret_size)
{
    client_t *self = arg;
    size_t bytes = self->end - self->at < size_max ? self->end - self->at : size_max;
    memcpy(buffer, self->data + self->at, bytes);
    self->at += bytes;
    *ret_size = bytes;
    return 0;
}

static int
take(void *arg, const void *data, size_t size)
{
    (void)data;
    ((client_t *)arg)->received += size;
    return 0;
}

static void
path_of(const client_t *self, unsigned file, char *ret, size_t bytes)
{
    (void)snprintf(ret, bytes, "/bench/%zu/client-%u/file-%u", self->load->bytes, self->number,
                   file);
}

static bool
put_one(client_t *self, unsigned file)
{
    char path[256];
    path_of(self, file, path, sizeof(path));
    /* New bytes each time, all over the file, or deduplication would be measured. */
    for (size_t at = 0; at + 8 <= self->load->bytes; at += 4096) {
        uint64_t word = fsp_prng_next(&self->prng);
        memcpy(self->data + at, &word, sizeof(word));
    }
    self->at = 0;
    self->end = self->load->bytes;
    filesphere_put_t put = {.path = path, .create_parents = true, .size_hint = self->load->bytes};
    put.kind = FILESPHERE_FILE;
    return filesphere_put(self->handle, &put, give, self, NULL) == FILESPHERE_OK;
}

static bool
get_one(client_t *self, unsigned file)
{
    char path[256];
    path_of(self, file, path, sizeof(path));
    self->received = 0;
    filesphere_get_t get = {.path = path};
    return filesphere_get(self->handle, &get, take, self, NULL) == FILESPHERE_OK &&
           self->received == self->load->bytes;
}

static void *
run_client(void *arg)
{
    client_t *self = arg;
    unsigned file = 0;
    while (bench_seconds() < self->until && self->sample_count < SAMPLES_MAX) {
        double start = bench_seconds();
        bool ok = self->load->get ? get_one(self, file % FILES_PER_CLIENT)
                                  : put_one(self, file % FILES_PER_CLIENT);
        file++;
        if (ok)
            self->samples[self->sample_count++] = bench_seconds() - start;
        else
            self->errors++;
        if (self->errors > 100)
            break;
    }
    return NULL;
}

static bool
prepare(client_t *self)
{
    filesphere_config_t config = {.profile_path = self->load->profile,
                                  .client_name = "filesphere-bench"};
    if (filesphere_open(&config, &self->handle) != FILESPHERE_OK) {
        (void)fprintf(stderr, "client %u: %s\n", self->number,
                      self->handle ? filesphere_error(self->handle) : "?");
        return false;
    }
    self->data = fsp_alloc(self->load->bytes + 8);
    self->samples = fsp_alloc_array(SAMPLES_MAX, sizeof(double));
    fsp_prng_init(&self->prng, self->number + 1);
    fsp_prng_fill(&self->prng, self->data, self->load->bytes);
    if (self->load->get) {
        for (unsigned file = 0; file < FILES_PER_CLIENT; file++) {
            if (!put_one(self, file)) {
                (void)fprintf(stderr, "client %u: %s\n", self->number,
                              filesphere_error(self->handle));
                return false;
            }
        }
    }
    return true;
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

bool
bench_load(const bench_load_t *load, bench_load_result_t *ret)
{
    memset(ret, 0, sizeof(*ret));
    client_t *clients = fsp_alloc_array(load->clients, sizeof(client_t));
    pthread_t *threads = fsp_alloc_array(load->clients, sizeof(pthread_t));
    bool ok = true;
    for (unsigned i = 0; i < load->clients; i++) {
        clients[i].load = load;
        clients[i].number = i;
        ok = ok && prepare(&clients[i]);
    }
    double start = bench_seconds();
    if (ok) {
        for (unsigned i = 0; i < load->clients; i++) {
            clients[i].until = start + load->seconds;
            int rc = pthread_create(&threads[i], NULL, run_client, &clients[i]);
            FSP_ASSERT(rc == 0);
        }
        for (unsigned i = 0; i < load->clients; i++)
            (void)pthread_join(threads[i], NULL);
    }
    double seconds = bench_seconds() - start;
    size_t total = 0;
    for (unsigned i = 0; i < load->clients; i++) {
        total += clients[i].sample_count;
        ret->errors += clients[i].errors;
    }
    double *all = fsp_alloc_array(total + 1, sizeof(double));
    size_t at = 0;
    for (unsigned i = 0; i < load->clients; i++) {
        if (clients[i].sample_count > 0)
            memcpy(all + at, clients[i].samples, clients[i].sample_count * sizeof(double));
        at += clients[i].sample_count;
        filesphere_close(&clients[i].handle);
        fsp_free(clients[i].samples);
        fsp_free(clients[i].data);
    }
    if (total > 0 && ok) {
        qsort(all, total, sizeof(double), compare);
        ret->operations = total;
        ret->operations_per_s = (double)total / seconds;
        ret->megabytes_per_s = ret->operations_per_s * (double)load->bytes / 1e6;
        ret->p50_ms = all[total / 2] * 1e3;
        ret->p99_ms = all[total - 1 - total / 100] * 1e3;
    }
    fsp_free(all);
    fsp_free(clients);
    fsp_free(threads);
    return ok && total > 0;
}
