/* SPDX-License-Identifier: MIT */
/* tree - the command line as people use it: a tree of small files and one large file, in and out,
 * and the start of a small `cat`.  Each figure stands beside what the machine allows. */
#include "bench/bench.h"
#include "bench/options.h"
#include "bench/terms.h"

#include "core/base/check.h"
#include "core/base/prng.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

enum {
    SMALL_BYTES = 10 * 1024,
    FILES_A_DIRECTORY = 100,
    PIECE_BYTES = 1024 * 1024,
    CAT_RUNS = 50,
    ARGUMENTS_MAX = 10,
    LOOK_EVERY_MS = 20,
};
static const double CAT_GOAL_MS = 40, LIMIT_SHARE_GOAL = 0.7;

typedef struct {
    bool json;
    const char *profile;
    const bench_limits_t *limits;
    size_t files, large_mib;
    bench_tree_result_t *result;
    char cli[512];
    char directory[64]; /* small/, large, and what comes back */
} tree_t;

/* One run of a program, from before its exec to its end. */
typedef struct {
    double seconds, first_byte_s;
    long resident_kib; /* at most */
} run_t;

/* -- what goes in ------------------------------------------------------------------------------ */

/* A file of bytes that do not compress. */
static bool
make_file(const char *path, uint64_t bytes, fsp_prng_t *prng)
{
    static uint8_t piece[PIECE_BYTES];
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    bool made = fd >= 0;
    while (made && bytes > 0) {
        size_t some = bytes < sizeof piece ? (size_t)bytes : sizeof piece;
        fsp_prng_fill(prng, piece, some);
        made = write(fd, piece, some) == (ssize_t)some;
        bytes -= some;
    }
    return fd >= 0 && close(fd) == 0 && made;
}

/* small/DIRECTORY/FILE, and how long that and a sync take. */
static bool
make_small(const tree_t *self, double *ret_seconds)
{
    char path[256];
    fsp_prng_t prng;
    fsp_prng_init(&prng, 1);
    double start = bench_seconds();
    (void)snprintf(path, sizeof path, "%s/small", self->directory);
    bool made = mkdir(path, 0700) == 0;
    for (size_t i = 0; made && i < self->files; i++) {
        if (i % FILES_A_DIRECTORY == 0) {
            (void)snprintf(path, sizeof path, "%s/small/%zu", self->directory,
                           i / FILES_A_DIRECTORY);
            made = mkdir(path, 0700) == 0;
        }
        (void)snprintf(path, sizeof path, "%s/small/%zu/%zu", self->directory,
                       i / FILES_A_DIRECTORY, i);
        made = made && make_file(path, SMALL_BYTES, &prng);
    }
    int fd = open(self->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    made = fd >= 0 && syncfs(fd) == 0 && made;
    if (fd >= 0)
        (void)close(fd); /* was only synced */
    *ret_seconds = bench_seconds() - start;
    return made;
}

/* -- the command line -------------------------------------------------------------------------- */

/* VmHWM of a process; 0: it has ended.  (ru_maxrss would also count this program, which it was
   before its exec.) */
static long
peak_kib(pid_t pid)
{
    char path[64], text[4096];
    (void)snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
    if (fd >= 0)
        (void)close(fd); /* was only read */
    text[got > 0 ? got : 0] = '\0';
    const char *line = strstr(text, "VmHWM:");
    long kib = 0;
    for (line = line ? line + strcspn(line, "0123456789") : ""; *line >= '0' && *line <= '9';
         line++)
        kib = 10 * kib + (*line - '0');
    return kib;
}

/* Reads what the program writes, until it ends: the moment of the first byte; its memory, looked at
   now and then. */
static void
drain(pid_t pid, int fd, double start, run_t *ret)
{
    static uint8_t piece[PIECE_BYTES];
    for (bool first = true;;) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (poll(&wait, 1, LOOK_EVERY_MS) == 0) {
            long now = peak_kib(pid);
            ret->resident_kib = now > ret->resident_kib ? now : ret->resident_kib;
            continue;
        }
        ssize_t got = read(fd, piece, sizeof piece);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return;
        if (first)
            ret->first_byte_s = bench_seconds() - start;
        first = false;
    }
}

/* Runs `filesphere --profile P WORD...`; words end with NULL.  False: it failed, and said why. */
static bool
run_cli(const tree_t *self, const char *const *words, run_t *ret)
{
    const char *argv[ARGUMENTS_MAX] = {self->cli, "--profile", self->profile};
    for (size_t i = 0; words[i]; i++) {
        FSP_ASSERT(i + 4 < ARGUMENTS_MAX);
        argv[i + 3] = words[i];
    }
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    posix_spawn_file_actions_t actions;
    FSP_ASSERT(posix_spawn_file_actions_init(&actions) == 0);
    FSP_ASSERT(posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO) == 0);
    *ret = (run_t){.seconds = 0};
    double start = bench_seconds();
    pid_t pid;
    /* posix_spawn takes char *const *, and writes to none of them. */
    int rc = posix_spawn(&pid, self->cli, &actions, NULL, (char *const *)(uintptr_t)argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(ends[1]); /* the child has its own */
    int status = -1;
    if (rc == 0) {
        drain(pid, ends[0], start, ret);
        (void)waitpid(pid, &status, 0); /* it is ours */
    }
    (void)close(ends[0]); /* was only read */
    ret->seconds = bench_seconds() - start;
    return rc == 0 && status == 0;
}

static bool
failed(const tree_t *self, const char *name)
{
    bench_report(self->json, name, 0, "-", "failed");
    return false;
}

/* -- figures ----------------------------------------------------------------------------------- */

static bool
tree_of_small(const tree_t *self)
{
    char local[96], back[96], note[128];
    (void)snprintf(local, sizeof local, "%s/small", self->directory);
    (void)snprintf(back, sizeof back, "%s/small-back", self->directory);
    double plain_s;
    if (!make_small(self, &plain_s))
        return failed(self, "tree of small files");
    double files = (double)self->files;
    (void)snprintf(note, sizeof note, "%zu of 10 KiB written plainly, one sync at the end",
                   self->files);
    bench_report(self->json, "small files, the file system", files / plain_s, "1/s", note);
    run_t run;
    if (!run_cli(self, (const char *const[]){"put", "-q", "-r", local, "/small", NULL}, &run))
        return failed(self, "put -r, small files");
    (void)snprintf(note, sizeof note, "%.1f s, %.0f %% of the file system; client %ld MiB resident",
                   run.seconds, 100 * plain_s / run.seconds, run.resident_kib / 1024);
    bench_report(self->json, "put -r, small files", files / run.seconds, "1/s", note);
    self->result->put_files_per_s = files / run.seconds;
    if (!run_cli(self, (const char *const[]){"get", "-q", "-r", "/small", back, NULL}, &run))
        return failed(self, "get -r, small files");
    (void)snprintf(note, sizeof note, "%.1f s, %.0f %% of the file system; client %ld MiB resident",
                   run.seconds, 100 * plain_s / run.seconds, run.resident_kib / 1024);
    bench_report(self->json, "get -r, small files", files / run.seconds, "1/s", note);
    self->result->get_files_per_s = files / run.seconds;
    return true;
}

/* Returns MB/s. */
static double
report_large(const tree_t *self, const char *name, const run_t *run, double limit)
{
    double rate = (double)self->large_mib * 1048576.0 / 1e6 / run->seconds;
    char note[160];
    (void)snprintf(note, sizeof note,
                   "%.1f s, %.0f %% of %.0f (goal %.0f %%); client %ld MiB resident", run->seconds,
                   limit > 0 ? 100 * rate / limit : 0, limit, 100 * LIMIT_SHARE_GOAL,
                   run->resident_kib / 1024);
    bench_report(self->json, name, rate, "MB/s", note);
    return rate;
}

static bool
one_large(const tree_t *self)
{
    char local[96], back[96];
    (void)snprintf(local, sizeof local, "%s/large", self->directory);
    (void)snprintf(back, sizeof back, "%s/large-back", self->directory);
    fsp_prng_t prng;
    fsp_prng_init(&prng, 2);
    if (!make_file(local, (uint64_t)self->large_mib * 1048576u, &prng))
        return failed(self, "large file");
    bench_terms_t put, get;
    uint64_t bytes = (uint64_t)self->large_mib * 1048576u;
    bench_terms_put(self->limits, bytes, 1, &put);
    bench_terms_get(self->limits, bytes, false, &get); /* from the page cache */
    run_t run;
    if (!run_cli(self, (const char *const[]){"put", "-q", local, "/large", NULL}, &run))
        return failed(self, "put, large file");
    self->result->put_mb_per_s = report_large(self, "put, large file", &run, put.limit_mb_s);
    self->result->put_limit_mb_s = put.limit_mb_s;
    self->result->put_binding = put.binding;
    if (!run_cli(self, (const char *const[]){"get", "-q", "/large", back, NULL}, &run))
        return failed(self, "get, large file");
    self->result->get_mb_per_s = report_large(self, "get, large file", &run, get.limit_mb_s);
    self->result->get_limit_mb_s = get.limit_mb_s;
    self->result->get_binding = get.binding;
    return true;
}

static int
by_size(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* From before the exec to the first byte on standard output. */
static bool
start_of_cat(const tree_t *self)
{
    char local[96], note[128];
    (void)snprintf(local, sizeof local, "%s/word", self->directory);
    fsp_prng_t prng;
    fsp_prng_init(&prng, 3);
    run_t run;
    if (!make_file(local, 100, &prng) ||
        !run_cli(self, (const char *const[]){"put", "-q", local, "/word", NULL}, &run))
        return failed(self, "cat, first byte");
    double first_ms[CAT_RUNS];
    for (size_t i = 0; i < CAT_RUNS; i++) {
        if (!run_cli(self, (const char *const[]){"cat", "/word", NULL}, &run) ||
            run.first_byte_s <= 0)
            return failed(self, "cat, first byte");
        first_ms[i] = run.first_byte_s * 1e3;
    }
    qsort(first_ms, CAT_RUNS, sizeof first_ms[0], by_size);
    (void)snprintf(note, sizeof note, "p50 of %d; %.1f to %.1f; goal %.0f", CAT_RUNS, first_ms[0],
                   first_ms[CAT_RUNS - 1], CAT_GOAL_MS);
    bench_report(self->json, "cat, first byte", first_ms[CAT_RUNS / 2], "ms", note);
    self->result->first_byte_ms = first_ms[CAT_RUNS / 2];
    return true;
}

bool
bench_tree(bool json, const char *profile, const bench_limits_t *limits, size_t files,
           size_t large_mib, bench_tree_result_t *ret)
{
    *ret = (bench_tree_result_t){.put_binding = "", .get_binding = ""};
    tree_t self = {.json = json,
                   .result = ret,
                   .profile = profile,
                   .limits = limits,
                   .files = files,
                   .large_mib = large_mib,
                   .directory = "bench-tree-XXXXXX"};
    bench_beside("filesphere", self.cli, sizeof self.cli);
    if (!mkdtemp(self.directory)) {
        perror("filesphere-bench: temporary directory");
        return false;
    }
    bool good = start_of_cat(&self);
    good = tree_of_small(&self) && good;
    good = one_large(&self) && good;
    bench_remove(self.directory);
    return good;
}

typedef struct {
    bool json;
    uint64_t files, large_mib;
} tree_options_t;

static int
run_tree(void *arg, bench_node_t *node)
{
    const tree_options_t *self = arg;
    bench_limits_t limits;
    bench_measure_t measure = {.limits = &limits,
                               .output = self->json ? BENCH_JSON : BENCH_TABLE,
                               .brief = true,
                               .directory = node->directory};
    bench_tree_result_t result;
    return bench_limits(&measure) && bench_node_start(node) &&
                   bench_tree(self->json, node->profile, &limits, (size_t)self->files,
                              (size_t)self->large_mib, &result)
               ? 0
               : 1;
}

int
bench_cmd_tree(int argc, char **argv)
{
    tree_options_t self = {.files = 10000, .large_mib = 1024};
    const bench_option_t options[] = {
        {.name = "files",
         .value = "N",
         .help = "small files, of 10 KiB (10000)",
         .count = &self.files,
         .least = 1000,
         .most = 10000000},
        {.name = "mib",
         .value = "N",
         .help = "size of the large file (1024)",
         .count = &self.large_mib,
         .least = 1,
         .most = 1 << 20},
        {.name = "json", .help = "a JSON object a line", .flag = &self.json},
        {.name = NULL}};
    int code = bench_take_options(
        argc, argv, "The command line on a node of its own, beside limits measured now", options);
    return code == BENCH_GO_ON ? bench_in_directory(run_tree, &self) : code;
}
