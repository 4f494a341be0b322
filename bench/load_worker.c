/* SPDX-License-Identifier: MIT */
/* load_worker - a process of clients: each a thread with a connection of its own. */
#include "bench/load_plan.h"
#include "bench/measure.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/prng.h"
#include "core/base/text.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { ERRORS_MAX = 100 /* in a row: then a client gives up */, PAUSE_US = 5000 };
static const double NAP_S_MAX = 0.1; /* so that STOP is seen */
static const double DRAIN_S = 5;     /* behind the end, for what was due before it */

static void
pause_briefly(void)
{
    struct timespec pause = {.tv_nsec = PAUSE_US * 1000};
    (void)nanosleep(&pause, NULL);
}

static bool
is_stopped(const bench_plan_t *plan)
{
    return atomic_load(&plan->phase) == BENCH_PHASE_STOP;
}

/* Closed loop: now, unless it is over; at least one operation is measured. */
static bool
begin_closed(bench_client_t *self)
{
    const bench_plan_t *plan = self->plan;
    double now = bench_seconds();
    self->measuring = now >= plan->measure_s;
    bool enough = self->notes->times.count > 0 &&
                  (now >= plan->until_s || atomic_load(&plan->moved) >= plan->moved_max);
    return !enough && !is_stopped(plan);
}

/* False: STOP came first. */
static bool
sleep_until(const bench_plan_t *plan, double due_s)
{
    for (double now = bench_seconds(); now < due_s; now = bench_seconds()) {
        double to = due_s - now < NAP_S_MAX ? due_s : now + NAP_S_MAX;
        struct timespec at = {.tv_sec = (time_t)to,
                              .tv_nsec = (long)((to - (double)(time_t)to) * 1e9)};
        if (is_stopped(plan))
            return false;
        (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
    }
    return true;
}

static void
note_lateness(bench_client_t *self, double late_s)
{
    if (late_s * 1e3 > BENCH_LATE_MS)
        self->notes->late++;
    if (late_s > self->notes->late_max_s)
        self->notes->late_max_s = late_s;
}

/* When the next arrival is due that no other client has taken.  What the warm-up leaves behind is
   passed over: the measurement begins without a queue. */
static double
take_arrival(bench_plan_t *plan)
{
    double due_s, measure_s = plan->measure_s;
    do
        due_s = plan->start_s + (double)bench_arrivals_take(&plan->arrivals) / 1e9;
    while (due_s < measure_s && bench_seconds() >= measure_s);
    return due_s;
}

/* Open loop: at the next arrival.  What was due within the run is still begun for a while behind
   its end, or the longest waits would be left out. */
static bool
begin_open(bench_client_t *self)
{
    bench_plan_t *plan = self->plan;
    double due_s = take_arrival(plan);
    if (due_s >= plan->until_s || !sleep_until(plan, due_s))
        return false;
    double now = bench_seconds();
    self->due_s = due_s;
    self->measuring = due_s >= plan->measure_s;
    if (now > plan->until_s + DRAIN_S || is_stopped(plan) ||
        atomic_load(&plan->moved) >= plan->moved_max) {
        self->notes->dropped += self->measuring;
        return false;
    }
    if (self->measuring)
        note_lateness(self, now - due_s);
    return true;
}

/* Warm-up, then the measurement. */
static void
run_loop(bench_client_t *self)
{
    bool open = self->plan->rate > 0;
    for (unsigned errors = 0; errors < ERRORS_MAX;) {
        if (!(open ? begin_open(self) : begin_closed(self)))
            return;
        if (bench_client_step(self)) {
            errors = 0;
            continue;
        }
        errors++;
        self->notes->errors++;
    }
}

static void *
run_client(void *arg)
{
    bench_client_t *self = arg;
    bench_plan_t *plan = self->plan;
    self->session = self->driver->open(&self->target, self->notes->error);
    if (!self->session || !bench_client_prepare(self)) {
        (void)atomic_fetch_add(&plan->failed, 1);
    } else {
        (void)atomic_fetch_add(&plan->ready, 1);
        while (atomic_load(&plan->phase) == BENCH_PHASE_PREPARE)
            pause_briefly();
        run_loop(self);
        (void)atomic_fetch_add(&plan->done, 1);
    }
    /* Whoever is done waits, or the end of its connection would be somebody else's load. */
    while (atomic_load(&plan->phase) != BENCH_PHASE_STOP)
        pause_briefly();
    if (self->session)
        self->driver->close(self->session);
    return NULL;
}

/* CPU time of this process between the end of the warm-up and the last answer. */
static void
watch_own_cpu(bench_plan_t *plan, uint64_t worker)
{
    while (atomic_load(&plan->phase) == BENCH_PHASE_PREPARE)
        pause_briefly();
    while (atomic_load(&plan->phase) == BENCH_PHASE_GO && bench_seconds() < plan->measure_s)
        pause_briefly();
    double start = bench_cpu_seconds();
    while (atomic_load(&plan->phase) == BENCH_PHASE_GO && atomic_load(&plan->done) < plan->clients)
        pause_briefly();
    plan->workers[worker].cpu_s = bench_cpu_seconds() - start;
}

static bench_plan_t *
map_plan(const char *descriptor)
{
    uint64_t fd;
    if (fsp_parse_u64(fsp_slice_text(descriptor), 1 << 20, &fd) != FSP_OK)
        return NULL;
    void *memory = mmap(NULL, sizeof(bench_plan_t), PROT_READ | PROT_WRITE, MAP_SHARED, (int)fd, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static void
init_client(bench_client_t *self, bench_plan_t *plan, uint64_t number)
{
    size_t target = (size_t)(number % plan->target_count);
    *self = (bench_client_t){
        .plan = plan,
        .driver = plan->s3 ? &bench_driver_s3 : &bench_driver_filesphere,
        .target = {.endpoint = plan->endpoint[target][0] ? plan->endpoint[target] : NULL,
                   .bucket = plan->bucket[target],
                   .signed_payload = plan->signed_payload},
        .number = number,
        .notes = &plan->notes[number],
        .random = fsp_mix64(plan->seed ^ number)};
}

int
bench_cmd_load_worker(int argc, char **argv)
{
    uint64_t worker;
    bench_plan_t *plan = argc == 3 ? map_plan(argv[1]) : NULL;
    if (!plan || fsp_parse_u64(fsp_slice_text(argv[2]), plan->processes - 1, &worker) != FSP_OK)
        return 2; /* started by hand */
    /* Ctrl-C is for the parent, which says STOP; if it dies itself, nobody will. */
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)prctl(PR_SET_TIMERSLACK, 1UL); /* ns, else 50 us: arrivals are met as well as can be */
    if (getppid() != plan->parent)
        return 1;
    size_t count = 0;
    bench_client_t *clients = fsp_alloc_array((size_t)plan->clients, sizeof(bench_client_t));
    pthread_t *threads = fsp_alloc_array((size_t)plan->clients, sizeof(pthread_t));
    for (uint64_t number = worker; number < plan->clients; number += plan->processes, count++) {
        init_client(&clients[count], plan, number);
        int rc = pthread_create(&threads[count], NULL, run_client, &clients[count]);
        FSP_ASSERT(rc == 0);
    }
    watch_own_cpu(plan, worker);
    for (size_t i = 0; i < count; i++)
        (void)pthread_join(threads[i], NULL); /* it is ours */
    fsp_free(threads);
    fsp_free(clients);
    return 0;
}
