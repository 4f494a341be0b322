/* SPDX-License-Identifier: MIT */
/* scale_load - the clients of `scale`: each a thread with a connection and one call under way. */
#include "bench/interrupt.h"
#include "bench/scale.h"
#include "bench/usage.h"

#include "actors/filesphere.h"
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/prng.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    DIRECTORY_FILES = 1000,
    BATCH_FILES = 250, /* a divisor of that: 250 x (10 + 2 x 2 parents) rows fit a batch */
    SMALL_BYTES = 64,
    PUT_BYTES = 4096,
    FILLERS = 8,
    PATH_BYTES = 48,
    SAMPLES_MAX = BENCH_SCALE_ROUNDS_MAX * 512,
    ERRORS_MAX = 20, /* of one client in one phase: more will not get better */
    LOOK_EVERY_MS = 20,
};
/* Between two words about a fill: to a person, to a file. */
static const double SAY_EVERY_S = 1, NOTE_EVERY_S = 30;

/* Calls in one round: by one client, and by all together.  Enough for 20 ticks of the node's CPU
   clock; puts and renames are few, so that they do not change what is measured. */
static const struct {
    const char *name;
    unsigned alone, together;
} ops[BENCH_SCALE_OPS] = {
    [BENCH_SCALE_NOTHING] = {"nothing", 300, 6400}, [BENCH_SCALE_PUT] = {"put", 100, 800},
    [BENCH_SCALE_GET] = {"get", 300, 4800},         [BENCH_SCALE_STAT] = {"stat", 300, 4800},
    [BENCH_SCALE_LIST] = {"list", 50, 320},         [BENCH_SCALE_RENAME] = {"rename", 100, 800},
};

typedef struct {
    bench_scale_clients_t *all;
    unsigned number;
    filesphere_t *handle;
    fsp_prng_t prng;
    uint64_t serial; /* of its next put */
    bench_scale_op_t op;
    unsigned stride; /* clients of this phase: renames of file k belong to client k % stride */
    unsigned calls;
    double *samples; /* of one phase, seconds */
    size_t sample_count;
    uint64_t errors;
    uint8_t data[PUT_BYTES];
    size_t given, received; /* of the content under way */
} client_t;

struct bench_scale_clients {
    const bench_node_t *node;
    client_t clients[BENCH_SCALE_CLIENTS];
    uint64_t files;
    atomic_uchar *moved; /* a bit for each file: its name begins with m */
    atomic_uint_fast64_t next_batch;
    uint64_t last_batch; /* of the fill under way, not itself */
    atomic_uint running; /* clients of this phase */
    atomic_bool failed;  /* of the fill; or it was interrupted */
};

const char *
bench_scale_op_name(bench_scale_op_t op)
{
    return ops[op].name;
}

/* -- names and contents ------------------------------------------------------------------------ */

static bool
is_moved(const bench_scale_clients_t *self, uint64_t file)
{
    return (atomic_load(&self->moved[file / 8]) >> (file % 8)) & 1;
}

static void
directory_path(uint64_t directory, char ret[PATH_BYTES])
{
    (void)snprintf(ret, PATH_BYTES, "/%03" PRIu64 "/%03" PRIu64, directory / DIRECTORY_FILES,
                   directory % DIRECTORY_FILES);
}

static void
file_path(uint64_t file, bool moved, char ret[PATH_BYTES])
{
    directory_path(file / DIRECTORY_FILES, ret);
    size_t used = strlen(ret);
    (void)snprintf(ret + used, PATH_BYTES - used, "/%c%03u", moved ? 'm' : 'f',
                   (unsigned)(file % DIRECTORY_FILES));
}

static void
fill_content(uint64_t file, uint8_t ret[SMALL_BYTES])
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, file);
    fsp_prng_fill(&prng, ret, SMALL_BYTES);
}

/* -- calls ------------------------------------------------------------------------------------- */

static int
give(void *arg, void *buffer, size_t bytes_max, size_t *ret_bytes)
{
    client_t *self = arg;
    size_t bytes = PUT_BYTES - self->given < bytes_max ? PUT_BYTES - self->given : bytes_max;
    memcpy(buffer, self->data + self->given, bytes);
    self->given += bytes;
    *ret_bytes = bytes;
    return 0;
}

static int
take(void *arg, const void *data, size_t bytes)
{
    client_t *self = arg;
    if (bytes > PUT_BYTES - self->received)
        return -1;
    memcpy(self->data + self->received, data, bytes);
    self->received += bytes;
    return 0;
}

static int
count_names(void *arg, const filesphere_entry_t *entry)
{
    (void)entry;
    client_t *self = arg;
    return ++self->received == DIRECTORY_FILES ? -1 : 0;
}

static bool
put_one(client_t *self, uint64_t file)
{
    char path[PATH_BYTES];
    directory_path(file / DIRECTORY_FILES, path);
    size_t used = strlen(path);
    (void)snprintf(path + used, sizeof(path) - used, "/z%02u-%08" PRIu64, self->number,
                   self->serial++);
    fsp_prng_fill(&self->prng, self->data, PUT_BYTES);
    self->given = 0;
    filesphere_put_t put = {
        .path = path, .kind = FILESPHERE_FILE, .if_none_match = true, .size_hint = PUT_BYTES};
    return filesphere_put(self->handle, &put, give, self, NULL) == FILESPHERE_OK;
}

static bool
get_one(client_t *self, uint64_t file)
{
    char path[PATH_BYTES];
    uint8_t wanted[SMALL_BYTES];
    file_path(file, is_moved(self->all, file), path);
    fill_content(file, wanted);
    self->received = 0;
    filesphere_get_t get = {.path = path};
    return filesphere_get(self->handle, &get, take, self, NULL) == FILESPHERE_OK &&
           self->received == SMALL_BYTES && memcmp(self->data, wanted, SMALL_BYTES) == 0;
}

static bool
stat_one(client_t *self, uint64_t file)
{
    char path[PATH_BYTES];
    filesphere_info_t info;
    file_path(file, is_moved(self->all, file), path);
    return filesphere_stat(self->handle, NULL, path, NULL, &info) == FILESPHERE_OK &&
           info.size == SMALL_BYTES;
}

/* Ends by its own will behind the last file of the fill, which is a whole page. */
static bool
list_one(client_t *self, uint64_t file)
{
    char path[PATH_BYTES];
    directory_path(file / DIRECTORY_FILES, path);
    self->received = 0;
    (void)filesphere_list(self->handle, NULL, path, NULL, count_names, self);
    return self->received == DIRECTORY_FILES;
}

static bool
rename_one(client_t *self, uint64_t file)
{
    char from[PATH_BYTES], to[PATH_BYTES];
    uint64_t own = file - file % self->stride + self->number;
    if (own >= self->all->files)
        own -= self->stride;
    bool moved = is_moved(self->all, own);
    file_path(own, moved, from);
    file_path(own, !moved, to);
    if (filesphere_move(self->handle, NULL, from, to, false, false, NULL) != FILESPHERE_OK)
        return false;
    (void)atomic_fetch_xor(&self->all->moved[own / 8], (uint8_t)(1U << (own % 8)));
    return true;
}

static bool
call_one(client_t *self)
{
    uint64_t whole = self->all->files - self->all->files % DIRECTORY_FILES;
    uint64_t file = fsp_prng_below(&self->prng, whole);
    filesphere_node_t node;
    switch (self->op) {
    case BENCH_SCALE_NOTHING:
        return filesphere_node(self->handle, &node) == FILESPHERE_OK;
    case BENCH_SCALE_PUT:
        return put_one(self, file);
    case BENCH_SCALE_GET:
        return get_one(self, file);
    case BENCH_SCALE_STAT:
        return stat_one(self, file);
    case BENCH_SCALE_LIST:
        return list_one(self, file);
    case BENCH_SCALE_RENAME:
        return rename_one(self, file);
    case BENCH_SCALE_OPS:
        break;
    }
    FSP_UNREACHABLE();
}

static void *
run_calls(void *arg)
{
    client_t *self = arg;
    for (unsigned i = 0; i < self->calls && self->errors < ERRORS_MAX; i++) {
        double start = bench_seconds();
        if (call_one(self))
            self->samples[self->sample_count++] = bench_seconds() - start;
        else if (self->errors++ == 0)
            (void)fprintf(stderr, "filesphere-bench: scale: %s: %s\n", ops[self->op].name,
                          filesphere_error(self->handle));
    }
    (void)atomic_fetch_sub(&self->all->running, 1);
    return NULL;
}

/* -- many clients ------------------------------------------------------------------------------ */

bench_scale_clients_t *
bench_scale_clients_new(const bench_node_t *node, uint64_t files_max)
{
    bench_scale_clients_t *self = FSP_NEW(bench_scale_clients_t);
    self->node = node;
    self->moved = fsp_alloc((size_t)(files_max / 8 + 1));
    for (unsigned i = 0; i < BENCH_SCALE_CLIENTS; i++) {
        client_t *client = &self->clients[i];
        client->all = self;
        client->number = i;
        client->samples = fsp_alloc_array(SAMPLES_MAX, sizeof(double));
        fsp_prng_init(&client->prng, i + 1);
    }
    return self;
}

void
bench_scale_clients_destroy(bench_scale_clients_t **self_p)
{
    bench_scale_clients_t *self = *self_p;
    if (!self)
        return;
    bench_scale_close(self);
    for (unsigned i = 0; i < BENCH_SCALE_CLIENTS; i++)
        fsp_free(self->clients[i].samples);
    fsp_free(self->moved);
    fsp_free(self);
    *self_p = NULL;
}

bool
bench_scale_open(bench_scale_clients_t *self)
{
    filesphere_config_t config = {.profile_path = self->node->profile,
                                  .timeout_ms = 60000,
                                  .client_name = "filesphere-bench"};
    for (unsigned i = 0; i < BENCH_SCALE_CLIENTS; i++) {
        client_t *client = &self->clients[i];
        if (filesphere_open(&config, &client->handle) == FILESPHERE_OK) {
            filesphere_set_patience(client->handle, 0); /* a node that has died is not waited for */
            continue;
        }
        (void)fprintf(stderr, "filesphere-bench: scale: client %u: %s\n", i,
                      client->handle ? filesphere_error(client->handle) : "no connection");
        return false;
    }
    return true;
}

void
bench_scale_close(bench_scale_clients_t *self)
{
    for (unsigned i = 0; i < BENCH_SCALE_CLIENTS; i++)
        filesphere_close(&self->clients[i].handle);
}

/* Runs `run` in a thread for each of the first count clients, and calls look (may be NULL) again
   and again meanwhile.  Signals are for this thread: no call of a client is cut by one. */
static void
run_together(bench_scale_clients_t *self, unsigned count, void *(*run)(void *),
             void (*look)(bench_scale_clients_t *self, void *arg), void *arg)
{
    pthread_t threads[BENCH_SCALE_CLIENTS];
    sigset_t all, before;
    (void)sigfillset(&all);
    atomic_store(&self->running, count);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    for (unsigned i = 0; i < count; i++) {
        int rc = pthread_create(&threads[i], NULL, run, &self->clients[i]);
        FSP_ASSERT(rc == 0);
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    struct timespec pause = {.tv_nsec = LOOK_EVERY_MS * 1000 * 1000};
    while (look && atomic_load(&self->running) > 0) {
        look(self, arg);
        (void)nanosleep(&pause, NULL);
    }
    for (unsigned i = 0; i < count; i++)
        (void)pthread_join(threads[i], NULL);
}

/* -- filling ----------------------------------------------------------------------------------- */

static bool
fill_batch(client_t *self, uint64_t first)
{
    static __thread filesphere_operation_t operations[BATCH_FILES];
    static __thread filesphere_did_t did[BATCH_FILES];
    static __thread char paths[BATCH_FILES][PATH_BYTES];
    static __thread uint8_t contents[BATCH_FILES][SMALL_BYTES];
    for (size_t i = 0; i < BATCH_FILES; i++) {
        file_path(first + i, false, paths[i]);
        fill_content(first + i, contents[i]);
        operations[i] = (filesphere_operation_t){.op = FILESPHERE_OP_PUT,
                                                 .path = paths[i],
                                                 .content = contents[i],
                                                 .size = SMALL_BYTES,
                                                 .if_none_match = true,
                                                 .create_parents = true};
    }
    uint64_t change;
    size_t failed;
    return filesphere_batch(self->handle, NULL, operations, BATCH_FILES, did, &change, &failed) ==
           FILESPHERE_OK;
}

static void *
run_fill(void *arg)
{
    client_t *self = arg;
    bench_scale_clients_t *all = self->all;
    while (!atomic_load(&all->failed)) {
        uint64_t batch = atomic_fetch_add(&all->next_batch, 1);
        if (batch >= all->last_batch)
            break;
        if (fill_batch(self, batch * BATCH_FILES))
            continue;
        (void)fprintf(stderr, "filesphere-bench: scale: fill: %s\n",
                      filesphere_error(self->handle));
        atomic_store(&all->failed, true);
    }
    (void)atomic_fetch_sub(&all->running, 1);
    return NULL;
}

/* What is said about a fill, and when it was last said. */
typedef struct {
    double start_s, said_s;
    bool person;
} progress_t;

static void
look_at_fill(bench_scale_clients_t *self, void *arg)
{
    progress_t *progress = arg;
    double now = bench_seconds(), took = now - progress->start_s;
    if (bench_interrupted())
        atomic_store(&self->failed, true);
    if (now - progress->said_s < (progress->person ? SAY_EVERY_S : NOTE_EVERY_S))
        return;
    progress->said_s = now;
    uint64_t first = self->files / BATCH_FILES, next = atomic_load(&self->next_batch);
    next = next < self->last_batch ? next : self->last_batch; /* who is done has asked once more */
    double whole = (double)(self->last_batch - first), done = (double)(next - first);
    (void)fprintf(stderr, "%s%" PRIu64 " files: filling, %.0f %%, %.0f/s, %.0f s left%s",
                  progress->person ? "\r" : "", self->last_batch * BATCH_FILES, 100 * done / whole,
                  done * BATCH_FILES / took, took * (whole - done) / done,
                  progress->person ? "   " : "\n");
}

bool
bench_scale_fill(bench_scale_clients_t *self, uint64_t files)
{
    FSP_PRE(files % BATCH_FILES == 0);
    atomic_store(&self->next_batch, self->files / BATCH_FILES);
    self->last_batch = files / BATCH_FILES;
    double now = bench_seconds();
    progress_t progress = {.start_s = now, .said_s = now, .person = isatty(STDERR_FILENO) == 1};
    run_together(self, FILLERS, run_fill, look_at_fill, &progress);
    if (progress.person && progress.said_s > now)
        (void)fputs("\n", stderr);
    self->files = files;
    return !atomic_load(&self->failed);
}

/* -- measuring --------------------------------------------------------------------------------- */

typedef struct {
    double *alone; /* seconds of each call by one client, all rounds */
    size_t alone_count;
    double seconds, cpu_s; /* of all clients together, all rounds */
    uint64_t calls;
} sums_t;

static uint64_t
run_phase(bench_scale_clients_t *self, bench_scale_op_t op, unsigned clients, unsigned calls,
          uint64_t *errors)
{
    for (unsigned i = 0; i < clients; i++) {
        client_t *client = &self->clients[i];
        client->op = op;
        client->stride = clients;
        client->calls = calls / clients;
        client->sample_count = 0;
        client->errors = 0;
    }
    run_together(self, clients, run_calls, NULL, NULL);
    uint64_t done = 0;
    for (unsigned i = 0; i < clients; i++) {
        done += self->clients[i].sample_count;
        *errors += self->clients[i].errors;
    }
    return done;
}

static bool
measure_round(bench_scale_clients_t *self, bench_scale_op_t op, sums_t *sums,
              bench_scale_figure_t *ret)
{
    uint64_t alone = run_phase(self, op, 1, ops[op].alone, &ret->errors);
    FSP_ASSERT(sums->alone_count + alone <= SAMPLES_MAX);
    if (alone > 0)
        memcpy(sums->alone + sums->alone_count, self->clients[0].samples, alone * sizeof(double));
    sums->alone_count += alone;

    bench_usage_t before, after;
    if (!bench_usage(self->node->pid, &before))
        return false;
    double start = bench_seconds();
    uint64_t calls = run_phase(self, op, BENCH_SCALE_CLIENTS, ops[op].together, &ret->errors);
    double seconds = bench_seconds() - start;
    if (alone == 0 || calls == 0 || !bench_usage(self->node->pid, &after))
        return false;
    double per_s = (double)calls / seconds;
    double cpu_us = (after.cpu_s - before.cpu_s) / (double)calls * 1e6;
    bool first = sums->calls == 0;
    ret->least_per_s = first || per_s < ret->least_per_s ? per_s : ret->least_per_s;
    ret->most_per_s = first || per_s > ret->most_per_s ? per_s : ret->most_per_s;
    ret->least_cpu_us = first || cpu_us < ret->least_cpu_us ? cpu_us : ret->least_cpu_us;
    ret->most_cpu_us = first || cpu_us > ret->most_cpu_us ? cpu_us : ret->most_cpu_us;
    sums->seconds += seconds;
    sums->cpu_s += after.cpu_s - before.cpu_s;
    sums->calls += calls;
    ret->operations += alone + calls;
    return true;
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void
conclude(sums_t *sums, bench_scale_figure_t *ret)
{
    qsort(sums->alone, sums->alone_count, sizeof(double), compare);
    ret->p50_ms = sums->alone[sums->alone_count / 2] * 1e3;
    ret->p99_ms = sums->alone[sums->alone_count - 1 - sums->alone_count / 100] * 1e3;
    ret->per_s = (double)sums->calls / sums->seconds;
    ret->cpu_us = sums->cpu_s / (double)sums->calls * 1e6;
}

bool
bench_scale_measure(bench_scale_clients_t *self, unsigned rounds, bench_scale_point_t *ret)
{
    FSP_PRE(rounds > 0 && rounds <= BENCH_SCALE_ROUNDS_MAX);
    sums_t sums[BENCH_SCALE_OPS] = {{0}};
    for (size_t i = 0; i < BENCH_SCALE_OPS; i++)
        sums[i].alone = fsp_alloc_array(SAMPLES_MAX, sizeof(double));
    bool good = true;
    for (unsigned round = 0; round < rounds && good; round++)
        for (size_t i = 0; i < BENCH_SCALE_OPS && good; i++)
            good = !bench_interrupted() &&
                   measure_round(self, (bench_scale_op_t)i, &sums[i], &ret->ops[i]);
    for (size_t i = 0; i < BENCH_SCALE_OPS; i++) {
        if (good)
            conclude(&sums[i], &ret->ops[i]);
        fsp_free(sums[i].alone);
    }
    ret->puts += ret->ops[BENCH_SCALE_PUT].operations;
    return good;
}

uint64_t
bench_scale_put_some(bench_scale_clients_t *self)
{
    uint64_t errors = 0;
    return run_phase(self, BENCH_SCALE_PUT, BENCH_SCALE_CLIENTS, ops[BENCH_SCALE_PUT].together,
                     &errors);
}
