/* SPDX-License-Identifier: MIT */
/* load - the parent of a load: makes the plan, starts the workers, watches the nodes, cleans up. */
#include "bench/load.h"

#include "actors/clock.h"
#include "bench/interrupt.h"
#include "bench/load_plan.h"
#include "bench/measure.h"
#include "bench/usage.h"
#include "core/base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum {
    LOOK_EVERY_MS = 20,
    SAMPLE_EVERY_MS = 100,
    DROP_EVERY_MS = 200,
    STOP_S_MAX = 30,
    LOST_S_MAX = 2
};
enum { SET_BYTES = 256 * 1024 * 1024, FILES_MIN = 16, COLD_FILES_MAX = 4096 };
static const double BEGIN_S = 0.05;

typedef struct {
    const bench_load_t *load;
    bench_target_t targets[BENCH_TARGETS_MAX]; /* as setup leaves them */
    size_t set_up;                             /* so many of them */
    bench_plan_t *plan;
    int plan_fd;
    pid_t workers[BENCH_CLIENTS_MAX]; /* 0: it has ended */
    bench_usage_t before[BENCH_NODES_MAX], after[BENCH_NODES_MAX];
    double disk_before;
    double rss_bytes; /* the most so far */
    double sampled_s, dropped_s;
    bool started; /* the warm-up is over: `before` is filled */
    bool cold;    /* a page cache could be dropped */
    bool lost;    /* a worker or a node ended on its own */
    bool dead;    /* it was a node: what it has cannot be taken away */
} parent_t;

/* -- operations by name ------------------------------------------------------------------------ */

static const char *const op_names[BENCH_OP_COUNT] = {"put",  "get",    "edit", "list",
                                                     "stat", "rename", "mixed"};

const char *
bench_op_name(bench_op_t op)
{
    FSP_PRE(op < BENCH_OP_COUNT);
    return op_names[op];
}

bool
bench_op_find(const char *name, bench_op_t *ret)
{
    for (size_t i = 0; i < BENCH_OP_COUNT; i++) {
        if (strcmp(name, op_names[i]) != 0)
            continue;
        *ret = (bench_op_t)i;
        return true;
    }
    return false;
}

/* -- the plan ---------------------------------------------------------------------------------- */

/* Files of each client: for cold reads so many that one comes again only when it was dropped. */
static uint64_t
files_of(const bench_load_t *load)
{
    if (load->files > 0)
        return load->files;
    uint64_t fit = SET_BYTES / (load->bytes * load->clients);
    if (load->cold && fit > FILES_MIN)
        return fit < COLD_FILES_MAX ? fit : COLD_FILES_MAX;
    return fit < 1 ? 1 : fit < FILES_MIN ? fit : FILES_MIN;
}

static void
fill_plan(const parent_t *self, bench_plan_t *plan)
{
    const bench_load_t *load = self->load;
    plan->op = load->op;
    plan->s3 = load->driver == &bench_driver_s3;
    plan->signed_payload = load->targets[0].signed_payload;
    plan->verify = load->verify;
    plan->bytes = load->bytes;
    plan->clients = load->clients;
    plan->processes = load->processes < load->clients ? load->processes : load->clients;
    plan->files = files_of(load);
    plan->entries = load->entries;
    plan->rate = load->rate;
    plan->moved_max = load->moved_max ? load->moved_max : UINT64_MAX;
    plan->parent = getpid();
    plan->target_count = load->target_count;
    fsp_random(&plan->seed, sizeof(plan->seed));
    bench_pool_fill(plan->pool, plan->seed);
    if (plan->rate > 0)
        bench_arrivals_init(&plan->arrivals, plan->rate, plan->seed);
    if (plan->s3) /* a space is new, a bucket may have other things in it */
        (void)snprintf(plan->root, sizeof(plan->root), "/bench-%016llx",
                       (unsigned long long)plan->seed);
    for (size_t i = 0; i < load->target_count; i++) {
        const bench_target_t *target = &load->targets[i];
        (void)snprintf(plan->endpoint[i], BENCH_ENDPOINT_BYTES, "%s",
                       target->endpoint ? target->endpoint : "");
        if (target->bucket)
            (void)snprintf(plan->bucket[i], BENCH_BUCKET_BYTES, "%s", target->bucket);
        else
            (void)snprintf(plan->bucket[i], BENCH_BUCKET_BYTES, "bench-%016llx",
                           (unsigned long long)plan->seed);
    }
}

static bool
make_plan(parent_t *self)
{
    self->plan_fd = memfd_create("filesphere-bench", 0); /* workers inherit it */
    if (self->plan_fd < 0 || ftruncate(self->plan_fd, sizeof(bench_plan_t)) != 0) {
        perror("filesphere-bench: shared memory");
        return false;
    }
    void *memory =
        mmap(NULL, sizeof(bench_plan_t), PROT_READ | PROT_WRITE, MAP_SHARED, self->plan_fd, 0);
    if (memory == MAP_FAILED) {
        perror("filesphere-bench: shared memory");
        return false;
    }
    self->plan = memory;
    fill_plan(self, self->plan);
    for (size_t i = 0; i < self->load->target_count; i++) {
        self->targets[i] = self->load->targets[i];
        self->targets[i].bucket = self->plan->bucket[i];
    }
    return true;
}

/* -- targets ----------------------------------------------------------------------------------- */

static bool
set_up(parent_t *self)
{
    const bench_driver_t *driver = self->load->driver;
    char words[BENCH_WORDS_MAX] = "";
    for (; self->set_up < self->load->target_count; self->set_up++) {
        if (!driver->setup || driver->setup(&self->targets[self->set_up], words))
            continue;
        (void)fprintf(stderr, "filesphere-bench load: %s\n", words);
        return false;
    }
    return true;
}

/* What was there before the run stays. */
static bool
take_away(const parent_t *self, const bench_target_t *target, char words[BENCH_WORDS_MAX])
{
    const bench_driver_t *driver = self->load->driver;
    if (target->made)
        return !driver->teardown || driver->teardown(target, words);
    if (self->plan->root[0] == '\0')
        return true; /* of another target in the same mesh, which made the space */
    void *session = driver->open(target, words);
    if (!session)
        return false;
    bool good = driver->remove(session, self->plan->root, true);
    if (!good)
        (void)snprintf(words, BENCH_WORDS_MAX, "%s", driver->error(session));
    driver->close(session);
    return good;
}

static void
tear_down(const parent_t *self)
{
    for (size_t i = 0; i < self->set_up && !self->load->keep; i++) {
        char words[BENCH_WORDS_MAX] = "its node has ended";
        if (self->dead || !take_away(self, &self->targets[i], words))
            (void)fprintf(stderr, "filesphere-bench load: %s stays: %s\n", self->targets[i].bucket,
                          words);
    }
}

/* -- workers ----------------------------------------------------------------------------------- */

static bool
start_workers(parent_t *self)
{
    char fd[16], number[32];
    (void)snprintf(fd, sizeof(fd), "%d", self->plan_fd);
    for (uint64_t i = 0; i < self->plan->processes; i++) {
        (void)snprintf(number, sizeof(number), "%llu", (unsigned long long)i);
        const char *argv[] = {"filesphere-bench", "load-worker", fd, number, NULL};
        /* posix_spawn takes char *const *, and writes to none of them. */
        int rc = posix_spawn(&self->workers[i], "/proc/self/exe", NULL, NULL,
                             (char *const *)(uintptr_t)argv, environ);
        if (rc != 0) {
            self->workers[i] = 0;
            (void)fprintf(stderr, "filesphere-bench load: a client process: %s\n", strerror(rc));
            return false;
        }
    }
    return true;
}

/* True while workers run; notes those that end before they are told. */
static bool
reap(parent_t *self)
{
    bool running = false;
    for (uint64_t i = 0; i < self->plan->processes; i++) {
        if (self->workers[i] == 0)
            continue;
        if (waitpid(self->workers[i], NULL, WNOHANG) == 0) {
            running = true;
            continue;
        }
        self->workers[i] = 0;
        self->lost = self->lost || atomic_load(&self->plan->phase) != BENCH_PHASE_STOP;
    }
    return running;
}

static void
stop_workers(parent_t *self)
{
    atomic_store(&self->plan->phase, BENCH_PHASE_STOP);
    double until = bench_seconds() + (self->lost ? LOST_S_MAX : STOP_S_MAX);
    struct timespec pause = {.tv_nsec = LOOK_EVERY_MS * 1000 * 1000};
    while (reap(self) && bench_seconds() < until)
        (void)nanosleep(&pause, NULL);
    for (uint64_t i = 0; i < self->plan->processes; i++) {
        if (self->workers[i] == 0)
            continue;
        (void)kill(self->workers[i], SIGKILL); /* its operation does not end */
        (void)waitpid(self->workers[i], NULL, 0);
        self->workers[i] = 0;
    }
}

/* -- nodes ------------------------------------------------------------------------------------- */

static int dropped_files;

static int
drop_file(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info;
    (void)place;
    int fd = type == FTW_F ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return 0;
    dropped_files += posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0;
    (void)close(fd); /* was only advised */
    return 0;
}

/* What was written and synced leaves the page cache; the nodes' own caches stay. */
static void
drop_caches(parent_t *self)
{
    dropped_files = 0;
    for (size_t i = 0; i < self->load->node_count; i++) {
        if (self->load->nodes[i].data)
            (void)nftw(self->load->nodes[i].data, drop_file, 16, FTW_PHYS);
    }
    self->cold = self->cold || dropped_files > 0;
}

static double
disk_of(const bench_load_t *load)
{
    double bytes = load->node_count > 0 ? 0 : NAN;
    for (size_t i = 0; i < load->node_count; i++)
        bytes += load->nodes[i].data ? (double)bench_disk_bytes(load->nodes[i].data) : NAN;
    return bytes;
}

/* Notes what all nodes have used so far; their memory, if it is the most yet. */
static void
sample_nodes(parent_t *self, bench_usage_t *ret)
{
    for (size_t i = 0; i < self->load->node_count; i++) {
        if (!bench_usage(self->load->nodes[i].pid, &ret[i])) {
            self->lost = self->dead = true;
            continue;
        }
        if ((double)ret[i].rss_bytes > self->rss_bytes)
            self->rss_bytes = (double)ret[i].rss_bytes;
    }
}

/* What has to be done now and then while the clients run. */
static void
look(parent_t *self)
{
    double now = bench_seconds();
    const bench_plan_t *plan = self->plan;
    if (!self->started && now >= plan->measure_s) {
        self->started = true;
        self->rss_bytes = 0;
        sample_nodes(self, self->before);
        self->sampled_s = now;
    }
    if (self->started && now - self->sampled_s >= SAMPLE_EVERY_MS / 1e3) {
        self->sampled_s = now;
        sample_nodes(self, self->after);
    }
    if (self->load->cold && now - self->dropped_s >= DROP_EVERY_MS / 1e3) {
        drop_caches(self);
        self->dropped_s = bench_seconds();
    }
}

/* -- the run ----------------------------------------------------------------------------------- */

/* False: it was interrupted, or somebody could not prepare. */
static bool
wait_until_ready(parent_t *self)
{
    struct timespec pause = {.tv_nsec = LOOK_EVERY_MS * 1000 * 1000};
    const bench_plan_t *plan = self->plan;
    while (atomic_load(&plan->ready) < plan->clients) {
        if (bench_interrupted() || atomic_load(&plan->failed) > 0 || !reap(self) || self->lost)
            return false;
        (void)nanosleep(&pause, NULL);
    }
    return true;
}

static void
run_clients(parent_t *self)
{
    bench_plan_t *plan = self->plan;
    if (self->load->cold)
        drop_caches(self);
    double warmup_s = self->load->warmup_s;
    plan->start_s = bench_seconds() + (warmup_s > 0 ? BEGIN_S : 0);
    plan->measure_s = plan->start_s + warmup_s;
    plan->until_s = plan->measure_s + self->load->seconds;
    atomic_store(&plan->phase, BENCH_PHASE_GO);
    struct timespec pause = {.tv_nsec = LOOK_EVERY_MS * 1000 * 1000};
    while (atomic_load(&plan->done) < plan->clients && !bench_interrupted()) {
        if (!reap(self) || self->lost)
            break;
        look(self);
        (void)nanosleep(&pause, NULL);
    }
    if (self->started)
        sample_nodes(self, self->after);
}

static void
add_client(bench_load_result_t *ret, const bench_client_notes_t *notes, double *last_p,
           double bytes[3])
{
    bench_histogram_merge(&ret->times, &notes->times);
    ret->errors += notes->errors;
    ret->late += notes->late;
    ret->dropped += notes->dropped;
    ret->late_max_s = notes->late_max_s > ret->late_max_s ? notes->late_max_s : ret->late_max_s;
    if (ret->error[0] == '\0')
        memcpy(ret->error, notes->error, sizeof(ret->error));
    if (notes->times.count == 0 || notes->last_s <= notes->first_s)
        return;
    double took = notes->last_s - notes->first_s;
    ret->ops_per_s += (double)notes->times.count / took;
    ret->mb_per_s += (double)(notes->put_bytes + notes->got_bytes) / took / 1e6;
    ret->names_per_s += (double)notes->names / took;
    *last_p = notes->last_s > *last_p ? notes->last_s : *last_p;
    bytes[0] += (double)notes->put_bytes;
    bytes[1] += (double)notes->got_bytes;
    bytes[2] += (double)notes->sent_bytes;
}

static void
add_nodes(const parent_t *self, bench_load_result_t *ret)
{
    size_t count = self->load->node_count;
    if (count == 0 || !self->started)
        return;
    ret->node_cpu_s = ret->write_bytes = ret->rss_end_bytes = 0;
    ret->rss_bytes = self->rss_bytes;
    for (size_t i = 0; i < count; i++) {
        ret->node_cpu_s += self->after[i].cpu_s - self->before[i].cpu_s;
        ret->write_bytes += (double)(self->after[i].write_bytes - self->before[i].write_bytes);
        if ((double)self->after[i].rss_bytes > ret->rss_end_bytes)
            ret->rss_end_bytes = (double)self->after[i].rss_bytes;
    }
    ret->disk_bytes = disk_of(self->load) - self->disk_before;
}

/* What the clients of an open loop could do together within its time, or longer if it took them
   longer; what was due and nobody took. */
static void
conclude_open(const parent_t *self, bench_load_result_t *ret, double moved)
{
    const bench_plan_t *plan = self->plan;
    bool early = bench_interrupted() || atomic_load(&plan->moved) >= plan->moved_max;
    double wanted_s = early ? ret->seconds : self->load->seconds;
    double took_s = ret->seconds > wanted_s ? ret->seconds : wanted_s;
    if (early) /* by who asked for it, not for want of speed */
        ret->dropped = 0;
    else
        ret->dropped += bench_arrivals_left(&plan->arrivals,
                                            (uint64_t)((plan->measure_s - plan->start_s) * 1e9),
                                            (uint64_t)((plan->until_s - plan->start_s) * 1e9));
    ret->ops_per_s = took_s > 0 ? (double)ret->times.count / took_s : 0;
    ret->mb_per_s = took_s > 0 ? moved / took_s / 1e6 : 0;
}

static void
conclude(const parent_t *self, bench_load_result_t *ret)
{
    const bench_load_t *load = self->load;
    double last_s = self->plan->measure_s, bytes[3] = {0, 0, 0};
    for (uint64_t i = 0; i < load->clients; i++)
        add_client(ret, &self->plan->notes[i], &last_s, bytes);
    ret->seconds = last_s - self->plan->measure_s;
    ret->client_cpu_s = 0;
    for (uint64_t i = 0; i < self->plan->processes; i++)
        ret->client_cpu_s += self->plan->workers[i].cpu_s;
    add_nodes(self, ret);
    bool puts = load->op == BENCH_PUT || load->op == BENCH_EDIT;
    if (puts && ret->times.count > 0)
        ret->sent_per_op = bytes[2] / (double)ret->times.count;
    if (bytes[0] > 0)
        ret->write_amplification = ret->write_bytes / bytes[0];
    double moved = bytes[0] + bytes[1];
    if (load->rate > 0)
        conclude_open(self, ret, moved);
    ret->cpu_ns_per_byte = moved > 0 ? (ret->node_cpu_s + ret->client_cpu_s) * 1e9 / moved : NAN;
    if (load->op != BENCH_LIST)
        ret->names_per_s = NAN;
    ret->cold = self->cold;
    ret->interrupted = bench_interrupted();
    if (load->limits && load->op == BENCH_PUT)
        bench_terms_put(load->limits, load->bytes, load->clients, &ret->terms);
    if (load->limits && load->op == BENCH_GET)
        bench_terms_get(load->limits, load->bytes, ret->cold, &ret->terms);
    if (ret->terms.count > 0 && ret->terms.limit_mb_s > 0)
        ret->of_limit = ret->mb_per_s / ret->terms.limit_mb_s;
}

static void
say_failure(const parent_t *self)
{
    const char *words = self->lost              ? "a process ended on its own"
                        : bench_interrupted()   ? "interrupted"
                        : self->load->rate == 0 ? "no operation ended"
                                                : "nothing was due: it is too short for that rate";
    for (uint64_t i = 0; i < self->load->clients && !bench_interrupted(); i++) {
        if (self->plan->notes[i].error[0] != '\0')
            words = self->plan->notes[i].error;
    }
    (void)fprintf(stderr, "filesphere-bench load: %s\n", words);
}

bool
bench_load_run(const bench_load_t *load, bench_load_result_t *ret)
{
    FSP_PRE(load->clients > 0 && load->clients <= BENCH_CLIENTS_MAX);
    FSP_PRE(load->target_count > 0 && load->target_count <= BENCH_TARGETS_MAX);
    FSP_PRE(load->processes > 0 && load->bytes > 0);
    memset(ret, 0, sizeof(*ret));
    ret->sent_per_op = ret->node_cpu_s = ret->rss_bytes = ret->rss_end_bytes = NAN;
    ret->write_bytes = ret->disk_bytes = ret->write_amplification = ret->of_limit = NAN;
    parent_t self = {.load = load, .plan_fd = -1, .disk_before = disk_of(load)};
    bool good = make_plan(&self) && set_up(&self);
    if (good) {
        good = start_workers(&self) && wait_until_ready(&self);
        if (good)
            run_clients(&self);
        stop_workers(&self);
        conclude(&self, ret);
        good = good && ret->times.count > 0;
        if (!good || self.lost)
            say_failure(&self);
    }
    tear_down(&self);
    if (self.plan)
        (void)munmap(self.plan, sizeof(bench_plan_t)); /* a mapping of our own */
    if (self.plan_fd >= 0)
        (void)close(self.plan_fd); /* lives in memory only */
    return good && !self.lost;
}
