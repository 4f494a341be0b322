/* SPDX-License-Identifier: MIT */
/* scale - what an operation, a start and a file cost at 10^4, 10^5, ... files.
 *
 * One node is filled through the protocol up to each number in turn.  At each: a while of quiet
 * (memory, disk), rounds of all operations one after the other, so that what else the machine does
 * meets all of them alike, then starts after kill -9 and after clean stops.  A call that touches no
 * file is measured with them: its ratio says what the machine itself did between two numbers.  The
 * node's CPU an operation is steadier than the clock: the verdict is about that. */
#include "bench/bench.h"
#include "bench/interrupt.h"
#include "bench/options.h"
#include "bench/scale.h"
#include "bench/usage.h"

#include "core/base/check.h"
#include "core/base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    FILES_MIN = 1000,
    FILES_MAX = 100000000,
    FILES_STEP = 250, /* of a fill: one batch */
    CLEAN_STARTS = 3,
    QUIET_S_MAX = 120, /* background work that takes longer is not waited for */
    PUT_BYTES = 4096,
    INTERRUPTED_CODE = 130,
};
static const double QUIET_CPU = 0.05; /* of a core: less is quiet */

typedef struct {
    const char *files_text, *directory, *keep;
    uint64_t rounds;
    double quiet_s;
    bool json;
    uint64_t files[BENCH_SCALE_POINTS_MAX]; /* rising */
    size_t count;
    uint64_t fresh_disk_bytes; /* of the data directory of the new node */
    bench_scale_point_t points[BENCH_SCALE_POINTS_MAX];
} scale_t;

static void
pause_s(double seconds)
{
    struct timespec wait = {.tv_sec = (time_t)seconds,
                            .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
    (void)nanosleep(&wait, NULL);
}

/* How far it is, to who waits: a fill of 10^7 files takes minutes. */
static void
say(const char *what, uint64_t files)
{
    (void)fprintf(stderr, "%" PRIu64 " files: %s\n", files, what);
}

/* Until at least quiet_s have passed and the node has nothing to do: flushes and compactions of
   the fill are over.  Or until it is interrupted. */
static void
wait_quiet(const scale_t *self, const bench_node_t *node)
{
    double start = bench_seconds();
    bench_usage_t before, now;
    if (!bench_usage(node->pid, &before))
        return;
    for (;;) {
        pause_s(self->quiet_s < 1 ? self->quiet_s : 1);
        if (!bench_usage(node->pid, &now))
            return;
        bool idle = now.cpu_s - before.cpu_s < QUIET_CPU;
        before = now;
        double waited = bench_seconds() - start;
        if ((idle && waited >= self->quiet_s) || waited > QUIET_S_MAX || bench_interrupted())
            return;
    }
}

/* Fills up to the point's number, and measures what that cost and left. */
static bool
fill(scale_t *self, const bench_node_t *node, bench_scale_clients_t *clients,
     bench_scale_point_t *point, uint64_t files_before)
{
    double added = (double)(point->files - files_before);
    bench_usage_t before, after;
    say("filling", point->files);
    if (!bench_usage(node->pid, &before))
        return false;
    double start = bench_seconds();
    if (!bench_scale_fill(clients, point->files))
        return false;
    point->fill_per_s = added / (bench_seconds() - start);
    say("waiting until the node is quiet", point->files);
    wait_quiet(self, node);
    if (!bench_usage(node->pid, &after))
        return false;
    /* Compactions that the fill left behind are its cost, too. */
    point->fill_cpu_us = (after.cpu_s - before.cpu_s) / added * 1e6;
    point->written_bytes = (double)(after.write_bytes - before.write_bytes) / added;
    point->quiet_mib = (double)after.rss_bytes / 1048576.0;
    return true;
}

static bool
start_again(bench_node_t *node, double *ret_ms)
{
    bool good = bench_node_start(node); /* says itself what is wrong */
    *ret_ms = node->start_s * 1e3;
    return good;
}

/* What a file takes on disk, of a node that has stopped: only then nothing is preallocated.  A put
   of 4 KiB is a file whose content does not count. */
static void
measure_disk(const scale_t *self, const bench_node_t *node, bench_scale_point_t *point)
{
    double other = (double)self->fresh_disk_bytes + (double)point->puts * PUT_BYTES;
    double left = (double)bench_disk_bytes(node->directory) - other;
    point->disk_bytes = left > 0 ? left / (double)(point->files + point->puts) : 0;
    point->amplification = left > 0 ? point->written_bytes / point->disk_bytes : 0;
}

/* After kill -9 in the wake of a load, then after clean stops: the middle one. */
static bool
measure_starts(scale_t *self, bench_node_t *node, bench_scale_point_t *point)
{
    say("starting the node, after kill -9 and after clean stops", point->files);
    (void)kill(node->pid, SIGKILL);
    (void)waitpid(node->pid, NULL, 0);
    node->pid = 0;
    if (!start_again(node, &point->killed_ms))
        return false;
    double starts[CLEAN_STARTS];
    for (size_t i = 0; i < CLEAN_STARTS; i++) {
        wait_quiet(self, node);
        if (bench_interrupted())
            return false;
        bench_node_stop(node);
        if (i == 0)
            measure_disk(self, node, point);
        double took;
        if (!start_again(node, &took))
            return false;
        size_t at = i;
        for (; at > 0 && starts[at - 1] > took; at--)
            starts[at] = starts[at - 1];
        starts[at] = took;
    }
    point->stopped_ms = starts[CLEAN_STARTS / 2];
    return true;
}

static bool
measure_point(scale_t *self, bench_node_t *node, bench_scale_clients_t *clients, size_t number)
{
    bench_scale_point_t *point = &self->points[number];
    const bench_scale_point_t *before = number > 0 ? &self->points[number - 1] : NULL;
    point->files = self->files[number];
    point->puts = before ? before->puts : 0;
    bench_usage_t usage;
    bool good =
        bench_scale_open(clients) && fill(self, node, clients, point, before ? before->files : 0);
    if (good) {
        say("measuring", point->files);
        good = bench_scale_measure(clients, (unsigned)self->rounds, point) &&
               bench_usage(node->pid, &usage);
    }
    if (good) {
        point->peak_mib = (double)usage.peak_bytes / 1048576.0;
        point->puts += bench_scale_put_some(clients);
    }
    bench_scale_close(clients);
    return good && !bench_interrupted() && measure_starts(self, node, point);
}

/* The filled directory of the node, which ends, for who wants to look at it. */
static bool
keep(const scale_t *self, bench_node_t *node)
{
    bench_node_stop(node);
    if (rename(node->directory, self->keep) == 0)
        return true;
    (void)fprintf(stderr, "filesphere-bench: scale: --keep %s: %s\n", self->keep, strerror(errno));
    return false;
}

static int
run(void *arg, bench_node_t *node)
{
    scale_t *self = arg;
    bench_catch_signals();
    if (!bench_node_start(node))
        return 1;
    bench_node_stop(node);
    self->fresh_disk_bytes = bench_disk_bytes(node->directory);
    bool good = bench_node_start(node);
    bench_scale_clients_t *clients = bench_scale_clients_new(node, self->files[self->count - 1]);
    for (size_t i = 0; i < self->count && good; i++) {
        good = measure_point(self, node, clients, i);
        if (good && self->json)
            bench_scale_json(&self->points[i]);
    }
    bench_scale_clients_destroy(&clients);
    if (bench_interrupted())
        return INTERRUPTED_CODE;
    if (good && self->json)
        bench_scale_json_ratios(self->points, self->count);
    else if (good)
        bench_scale_table(self->points, self->count);
    if (good && self->keep)
        good = keep(self, node);
    return good ? 0 : 1;
}

/* "10000,100000": rising, each a multiple of a batch. */
static bool
take_files(scale_t *self)
{
    const char *at = self->files_text;
    while (self->count < BENCH_SCALE_POINTS_MAX) {
        size_t length = strcspn(at, ",");
        uint64_t files;
        if (fsp_parse_u64(fsp_slice(at, length), FILES_MAX, &files) != FSP_OK ||
            files < FILES_MIN || files % FILES_STEP != 0 ||
            (self->count > 0 && files <= self->files[self->count - 1]))
            return false;
        self->files[self->count++] = files;
        if (at[length] == '\0')
            return true;
        at += length + 1;
    }
    return false;
}

int
bench_cmd_scale(int argc, char **argv)
{
    static scale_t self;
    self = (scale_t){.files_text = "10000,100000,1000000", .rounds = 5, .quiet_s = 8};
    const bench_option_t options[] = {
        {.name = "files",
         .value = "N,N,..",
         .help = "the numbers, rising, from 1000 (10000,100000,1000000)",
         .text = &self.files_text},
        {.name = "rounds",
         .value = "N",
         .help = "of all operations at each number (5)",
         .count = &self.rounds,
         .least = 1,
         .most = BENCH_SCALE_ROUNDS_MAX},
        {.name = "quiet",
         .value = "SECONDS",
         .help = "at least, before memory and disk are looked at (8)",
         .seconds = &self.quiet_s,
         .least = 0,
         .most = QUIET_S_MAX},
        {.name = "directory",
         .value = "DIR",
         .help = "the node's data lies in a new one in there (.)",
         .text = &self.directory},
        {.name = "keep",
         .value = "NEW",
         .help = "the node's data stays, under this name in there",
         .text = &self.keep},
        {.name = "json", .help = "a JSON object a line", .flag = &self.json},
        {.name = NULL}};
    int code = bench_take_options(
        argc, argv, "What an operation, a start and a file cost as files become many", options);
    if (code != BENCH_GO_ON)
        return code;
    if (!take_files(&self)) {
        (void)fprintf(stderr,
                      "filesphere-bench: scale: --files: at most %d numbers from %d to %d, rising, "
                      "each a multiple of %d\n",
                      BENCH_SCALE_POINTS_MAX, FILES_MIN, FILES_MAX, FILES_STEP);
        return 2;
    }
    if (self.directory && chdir(self.directory) != 0) {
        (void)fprintf(stderr, "filesphere-bench: %s: %s\n", self.directory, strerror(errno));
        return 1;
    }
    return bench_in_directory(run, &self);
}
