/* SPDX-License-Identifier: MIT */
/* limits_disk - what the disk below a directory allows: syncs, large writes and reads past the page
 * cache, and batches of the store. */
#include "bench/bench.h"
#include "bench/measure.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/prng.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PAGE_BYTES = 4096,
    PATH_BYTES = 512,
    SMALL_BYTES = 16 * 1024 * 1024, /* preallocated for a writer of pages */
    LARGE_BYTES = 1024 * 1024,      /* one write */
    GROUP = 16,                     /* large writes a sync */
    GROUPS_MAX = 16,
    WRITERS_MAX = 16,
    VALUES_MAX = 64,
    TIMES_MAX = 1000,
};
static const double SMALL_S = 0.6, LARGE_S = 2;
/* Others use the disk, too, and a limit is what it allows when they do not: of many small writes
   the time of the fast tenth, of a few groups of large ones that of the fast quarter. */
static const double UNDISTURBED = 0.1, UNDISTURBED_LARGE = 0.25;

static bool
complain(const char *directory, const char *what)
{
    (void)fprintf(stderr, "filesphere-bench: %s: %s: %s\n", directory, what, strerror(errno));
    return false;
}

static int
make_file(const char *directory, unsigned number, int flags)
{
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof(path), "%s/limits-%u.tmp", directory, number);
    int fd = open(path, O_CREAT | O_RDWR | O_TRUNC | O_CLOEXEC | flags, 0600);
    if (fd >= 0)
        (void)unlink(path); /* lives as long as it is open */
    return fd;
}

/* -- pages, each one synced -------------------------------------------------------------------- */

typedef struct {
    int fd;
    const uint8_t *page;
    double seconds;
    bool wraps; /* writes again from the start when its room is used up */
    uint64_t count;
    double took_s[TIMES_MAX]; /* of the first ones */
    bool failed;
} writer_t;

/* Writes pages one after the other, and syncs each. */
static void *
write_pages(void *arg)
{
    writer_t *self = arg;
    double until = bench_seconds() + self->seconds;
    while (bench_seconds() < until && !self->failed) {
        double start = bench_seconds();
        uint64_t place = self->wraps ? self->count % (SMALL_BYTES / PAGE_BYTES) : self->count;
        self->failed =
            pwrite(self->fd, self->page, PAGE_BYTES, (off_t)(place * PAGE_BYTES)) != PAGE_BYTES ||
            fdatasync(self->fd) != 0;
        if (self->count < TIMES_MAX)
            self->took_s[self->count] = bench_seconds() - start;
        self->count++;
    }
    return NULL;
}

/* Pages a second of so many writers, each with a file of its own; 0: it failed.  *ret_us: the
   what one takes undisturbed. */
static double
pages_a_second(const bench_measure_t *self, const uint8_t *page, unsigned count, bool extend,
               double *ret_us)
{
    static writer_t writers[WRITERS_MAX];
    pthread_t threads[WRITERS_MAX];
    double seconds = self->effort * SMALL_S;
    uint64_t pages = 0;
    bool good = true;
    for (unsigned i = 0; i < count; i++) {
        int fd = make_file(self->directory, i, 0);
        good = fd >= 0 && (extend || posix_fallocate(fd, 0, SMALL_BYTES) == 0) && good;
        good = good && fsync(fd) == 0;
        writers[i] = (writer_t){.fd = fd, .page = page, .seconds = seconds, .wraps = !extend};
    }
    double start = bench_seconds();
    for (unsigned i = 0; good && i < count; i++) {
        int rc = pthread_create(&threads[i], NULL, write_pages, &writers[i]);
        FSP_ASSERT(rc == 0);
    }
    for (unsigned i = 0; good && i < count; i++)
        (void)pthread_join(threads[i], NULL); /* it is ours */
    double took = bench_seconds() - start;
    uint64_t timed = writers[0].count < TIMES_MAX ? writers[0].count : TIMES_MAX;
    *ret_us = timed > 0 ? bench_quantile(writers[0].took_s, (size_t)timed, UNDISTURBED) * 1e6 : 0;
    for (unsigned i = 0; i < count; i++) {
        good = good && !writers[i].failed;
        pages += writers[i].count;
        if (writers[i].fd >= 0)
            (void)close(writers[i].fd); /* what was in it is of no use */
    }
    return good ? (double)pages / took : 0;
}

static bool
measure_pages(const bench_measure_t *self, const uint8_t *page)
{
    bench_limits_t *limits = self->limits;
    double sync_us, extend_us, unused_us;
    double one = pages_a_second(self, page, 1, false, &sync_us);
    if (one <= 0)
        return complain(self->directory, "synced writes");
    bench_figure(limits, self->output, BENCH_SYNC, sync_us);
    if (self->brief)
        return true;
    double extending = pages_a_second(self, page, 1, true, &extend_us);
    double many = pages_a_second(self, page, WRITERS_MAX, false, &unused_us);
    if (extending <= 0 || many <= 0)
        return complain(self->directory, "synced writes");
    bench_figure(limits, self->output, BENCH_SYNC_EXTEND, extend_us);
    bench_figure(limits, self->output, BENCH_WRITERS_1, one);
    bench_figure(limits, self->output, BENCH_WRITERS_16, many);
    return true;
}

/* -- large writes and reads -------------------------------------------------------------------- */

/* One group: 16 MiB at its place; with a sync if it writes. */
static bool
move_group(int fd, uint8_t *memory, size_t group, bool writes)
{
    for (size_t i = 0; i < GROUP; i++) {
        off_t at = (off_t)((group * GROUP + i) * LARGE_BYTES);
        ssize_t moved =
            writes ? pwrite(fd, memory, LARGE_BYTES, at) : pread(fd, memory, LARGE_BYTES, at);
        if (moved != LARGE_BYTES)
            return false;
    }
    return !writes || fdatasync(fd) == 0;
}

/* Nanoseconds a byte of an undisturbed group; 0: it failed.
 *groups_p: how many there are; when it writes, how many the time allowed. */
static double
time_of_groups(const bench_measure_t *self, int fd, uint8_t *memory, bool writes, size_t *groups_p)
{
    double took[GROUPS_MAX];
    double until = bench_seconds() + self->effort * LARGE_S;
    size_t count = 0;
    while (count < *groups_p && (count == 0 || bench_seconds() < until)) {
        double start = bench_seconds();
        if (!move_group(fd, memory, count, writes))
            return 0;
        took[count++] = bench_seconds() - start;
    }
    *groups_p = count;
    return bench_quantile(took, count, UNDISTURBED_LARGE) * 1e9 / ((double)GROUP * LARGE_BYTES);
}

static bool
measure_large(const bench_measure_t *self, uint8_t *memory)
{
    /* Some file systems (tmpfs) cannot go past the page cache: then through it. */
    int fd = make_file(self->directory, 0, O_DIRECT);
    if (fd < 0)
        fd = make_file(self->directory, 0, 0);
    size_t groups = self->effort < 1 ? GROUPS_MAX / 4 : GROUPS_MAX;
    double write_ns = 0, read_ns = 0;
    if (fd >= 0 && posix_fallocate(fd, 0, (off_t)groups * GROUP * LARGE_BYTES) == 0)
        write_ns = time_of_groups(self, fd, memory, true, &groups);
    if (write_ns > 0)
        read_ns = time_of_groups(self, fd, memory, false, &groups);
    if (fd >= 0)
        (void)close(fd); /* what was in it is of no use */
    if (read_ns <= 0)
        return complain(self->directory, "writes and reads of 1 MiB");
    bench_figure(self->limits, self->output, BENCH_DISK_WRITE, write_ns);
    bench_figure(self->limits, self->output, BENCH_DISK_READ, read_ns);
    return true;
}

/* -- the store --------------------------------------------------------------------------------- */

/* Batches a second of so many values of 4 KiB; 0: it failed. */
static double
batches_a_second(fsp_store_t *store, const uint8_t *page, size_t values, double seconds,
                 uint64_t *key_p)
{
    double start = bench_seconds(), until = start + seconds;
    uint64_t count = 0;
    fsp_error_t error = {0};
    while (bench_seconds() < until) {
        fsp_batch_t *batch = fsp_batch_new();
        for (size_t i = 0; i < values; i++) {
            uint8_t key[16] = {0};
            uint64_t number = fsp_mix64(++*key_p); /* all over the keys */
            memcpy(key, &number, sizeof(number));
            fsp_batch_put(batch, FSP_FAMILY_STATE, fsp_slice(key, sizeof(key)),
                          fsp_slice(page, PAGE_BYTES));
        }
        fsp_status_t status = fsp_store_write(store, &batch, 1, &error);
        fsp_batch_destroy(&batch);
        if (status != FSP_OK) {
            (void)fprintf(stderr, "filesphere-bench: %s\n", error.text);
            return 0;
        }
        count++;
    }
    return (double)count / (bench_seconds() - start);
}

static bool
measure_store(const bench_measure_t *self, const uint8_t *page)
{
    static const struct {
        size_t values;
        bench_figure_t figure;
    } rows[] = {{1, BENCH_BATCH_1}, {16, BENCH_BATCH_16}, {VALUES_MAX, BENCH_BATCH_64}};
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof(path), "%s/limits.store", self->directory);
    if (mkdir(path, 0700) != 0)
        return complain(path, "cannot be made");
    fsp_store_config_t config = {.directory = path, .sync = true};
    fsp_store_t *store = NULL;
    fsp_error_t error = {0};
    bool fresh, good = true;
    if (fsp_store_open(&config, &store, &fresh, &error) != FSP_OK) {
        (void)fprintf(stderr, "filesphere-bench: %s\n", error.text);
        bench_remove(path);
        return false;
    }
    uint64_t key = 0;
    for (size_t i = 0; good && i < sizeof(rows) / sizeof(rows[0]); i++) {
        double rate = batches_a_second(store, page, rows[i].values, self->effort * SMALL_S, &key);
        good = rate > 0;
        if (good)
            bench_figure(self->limits, self->output, rows[i].figure, rate);
    }
    fsp_store_close(&store, true, 1000000);
    bench_remove(path);
    return good;
}

bool
bench_limits_disk(const bench_measure_t *self)
{
    uint8_t *memory = aligned_alloc(PAGE_BYTES, LARGE_BYTES);
    FSP_ASSERT(memory != NULL);
    fsp_prng_t prng;
    fsp_prng_init(&prng, 4);
    fsp_prng_fill(&prng, memory, LARGE_BYTES);
    bool good = measure_pages(self, memory);
    good = good && measure_large(self, memory);
    fsp_prng_fill(&prng, memory, LARGE_BYTES);
    good = good && (self->brief || measure_store(self, memory));
    fsp_free(memory);
    return good;
}
