/* SPDX-License-Identifier: MIT */
/* load_options - the command `load`: its options, the nodes it watches, its limits. */
#include "bench/arrivals.h"
#include "bench/bench.h"
#include "bench/interrupt.h"
#include "bench/load.h"
#include "bench/options.h"

#include "core/base/buf.h"
#include "core/base/check.h"
#include "core/base/text.h"
#include "proto/json.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GIB (UINT64_C(1) << 30)
enum { HOST_BYTES = 256, PATH_BYTES = 1024, INTERRUPTED_CODE = 130 };

typedef struct {
    const char *op, *limits_file, *bucket, *payload, *data;
    bench_texts_t profiles, s3;
    bool json, node, limits;
    bench_load_t load;
    char node_data[BENCH_NODES_MAX][BENCH_DATA_MAX];
} load_options_t;

/* -- nodes to watch ---------------------------------------------------------------------------- */

static void
add_node(load_options_t *self, pid_t pid, const char *data)
{
    bench_load_t *load = &self->load;
    for (size_t i = 0; i < load->node_count; i++) {
        if (load->nodes[i].pid == pid)
            return;
    }
    if (load->node_count == BENCH_NODES_MAX)
        return; /* the others are not watched */
    size_t at = load->node_count++;
    (void)snprintf(self->node_data[at], BENCH_DATA_MAX, "%s", self->data ? self->data : data);
    load->nodes[at].pid = pid;
    load->nodes[at].data = self->node_data[at][0] ? self->node_data[at] : NULL;
}

/* "tcp://HOST:PORT" or "http://HOST:PORT/": the process that listens there, if it is here. */
static void
watch_endpoint(load_options_t *self, const char *endpoint)
{
    const char *start = strstr(endpoint, "://");
    start = start ? start + 3 : endpoint;
    size_t length = strcspn(start, "/");
    const char *colon = memrchr(start, ':', length);
    if (!colon || (size_t)(colon - start) >= HOST_BYTES)
        return;
    char host[HOST_BYTES], data[BENCH_DATA_MAX];
    memcpy(host, start, (size_t)(colon - start));
    host[colon - start] = '\0';
    uint64_t port;
    fsp_slice_t digits = fsp_slice(colon + 1, length - (size_t)(colon + 1 - start));
    if (fsp_parse_u64(digits, UINT16_MAX, &port) != FSP_OK)
        return;
    pid_t pid = bench_listener(host, (uint16_t)port, data);
    if (pid > 0)
        add_node(self, pid, data);
}

/* The endpoints that a profile names; NULL: the default one.  What cannot be read, the clients
   will complain about. */
static void
watch_profile(load_options_t *self, const char *path)
{
    char standard[PATH_BYTES];
    if (!path)
        path = getenv("FILESPHERE_PROFILE");
    if (!path) {
        const char *home = getenv("HOME");
        (void)snprintf(standard, sizeof(standard), "%s/.config/filesphere/profile",
                       home ? home : "");
        path = standard;
    }
    static char text[FSP_PROFILE_BYTES_MAX];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, text, sizeof(text)) : -1;
    if (fd >= 0)
        (void)close(fd); /* was only read */
    static fsp_profile_t profile;
    fsp_error_t error = {0};
    if (got > 0 && fsp_profile_decode(fsp_slice(text, (size_t)got), &profile, &error) == FSP_OK) {
        for (size_t i = 0; i < profile.endpoint_count; i++)
            watch_endpoint(self, profile.endpoints[i]);
        fsp_profile_wipe(&profile);
    }
    explicit_bzero(text, sizeof(text)); /* it has a secret key */
}

/* -- targets and limits ------------------------------------------------------------------------ */

static void
add_target(load_options_t *self, const char *endpoint)
{
    self->load.targets[self->load.target_count++] =
        (bench_target_t){.endpoint = endpoint,
                         .bucket = self->bucket,
                         .signed_payload = strcmp(self->payload, "signed") == 0};
}

/* Where the clients connect, and what is watched. */
static bool
find_targets(load_options_t *self, bench_node_t *node)
{
    bench_load_t *load = &self->load;
    if (self->node) {
        if (!bench_node_start(node))
            return false;
        add_target(self, node->profile);
        add_node(self, node->pid, node->directory);
        load->keep = true;
        return true;
    }
    for (size_t i = 0; i < self->s3.count; i++) {
        add_target(self, self->s3.text[i]);
        watch_endpoint(self, self->s3.text[i]);
    }
    for (size_t i = 0; i < self->profiles.count; i++) {
        add_target(self, self->profiles.text[i]);
        watch_profile(self, self->profiles.text[i]);
    }
    if (load->target_count == 0) {
        add_target(self, NULL);
        watch_profile(self, NULL);
    }
    return true;
}

/* Before the node is busy. */
static bool
find_limits(load_options_t *self, const char *directory, bench_limits_t *ret)
{
    /* The terms are FileSphere's; they say nothing of another system. */
    bool wanted = self->s3.count == 0 && (self->load.op == BENCH_PUT || self->load.op == BENCH_GET);
    if (!wanted || !self->limits)
        return true;
    self->load.limits = ret;
    if (self->limits_file)
        return bench_figures_read(self->limits_file, ret);
    bench_measure_t measure = {.limits = ret, .brief = true, .directory = directory};
    return bench_limits(&measure);
}

static int
run_load(void *arg, bench_node_t *node)
{
    load_options_t *self = arg;
    bench_limits_t limits;
    static bench_load_result_t result;
    bench_catch_signals();
    if (!find_limits(self, node->directory, &limits) || !find_targets(self, node))
        return 1;
    bool measured = bench_load_run(&self->load, &result);
    if (result.times.count > 0)
        bench_load_print(&self->load, &result, self->json);
    if (bench_interrupted())
        return INTERRUPTED_CODE;
    return measured && result.errors == 0 ? 0 : 1;
}

/* -- options ----------------------------------------------------------------------------------- */

/* False, with words: they contradict each other. */
static bool
check(load_options_t *self)
{
    const char *words = NULL;
    if (!bench_op_find(self->op, &self->load.op))
        words = "--op is put, get, edit, list, stat, rename or mixed";
    else if (strcmp(self->payload, "signed") != 0 && strcmp(self->payload, "unsigned") != 0)
        words = "--s3-payload is signed or unsigned";
    else if ((self->node ? 1 : 0) + (self->s3.count > 0) + (self->profiles.count > 0) > 1)
        words = "--node, --profile and --s3 exclude each other";
    else if (self->load.rate > 0 && self->load.op == BENCH_LIST)
        words = "--rate counts operations, and list counts pages";
    else if (self->bucket && self->s3.count == 0)
        words = "--bucket goes with --s3";
    if (words)
        (void)fprintf(stderr, "filesphere-bench load: %s\n", words);
    return words == NULL;
}

int
bench_cmd_load(int argc, char **argv)
{
    static load_options_t self;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    self = (load_options_t){.op = "put",
                            .payload = "signed",
                            .limits = true,
                            .load = {.driver = &bench_driver_filesphere,
                                     .bytes = 4096,
                                     .clients = 1,
                                     .processes = cores > 0 ? (uint64_t)cores : 1,
                                     .entries = 10000,
                                     .warmup_s = 1,
                                     .seconds = 10,
                                     .verify = true}};
    bench_load_t *load = &self.load;
    const bench_option_t options[] = {
        {.name = "op",
         .value = "OP",
         .help = "put, get, edit, list, stat, rename or mixed (put)",
         .text = &self.op},
        {.name = "size",
         .value = "BYTES",
         .help = "of each content: 1 .. 1GiB (4KiB)",
         .size = &load->bytes,
         .least = 1,
         .most = GIB},
        {.name = "concurrency",
         .value = "N",
         .help = "clients, each a connection: 1 .. 256 (1)",
         .count = &load->clients,
         .least = 1,
         .most = BENCH_CLIENTS_MAX},
        {.name = "processes",
         .value = "N",
         .help = "that the clients are spread over (one a core)",
         .count = &load->processes,
         .least = 1,
         .most = BENCH_CLIENTS_MAX},
        {.name = "duration",
         .value = "TIME",
         .help = "of the measurement: 10, 500ms, 2m (10s)",
         .seconds = &load->seconds,
         .most = 86400},
        {.name = "warmup",
         .value = "TIME",
         .help = "before it (1s)",
         .seconds = &load->warmup_s,
         .most = 3600},
        {.name = "rate",
         .value = "N",
         .help = "open loop: operations a second of all clients together, at random times,\n"
                 "                          timed from when they were due (as many as can be)",
         .count = &load->rate,
         .least = 1,
         .most = BENCH_RATE_MAX},
        {.name = "files",
         .value = "N",
         .help = "of each client, prepared (16, or as many as make 256 MiB)",
         .count = &load->files,
         .least = 1,
         .most = 1000000},
        {.name = "entries",
         .value = "N",
         .help = "names in the directory that `list` lists (10000)",
         .count = &load->entries,
         .least = 1,
         .most = 10000000},
        {.name = "moved-max",
         .value = "BYTES",
         .help = "of content, after which it ends early (no bound)",
         .size = &load->moved_max,
         .least = 1,
         .most = UINT64_MAX},
        {.name = "cold",
         .help = "drop the page cache of the node's files all the time",
         .flag = &load->cold},
        {.name = "verify", .help = "compare what is got (on)", .on = &load->verify},
        {.name = "limits", .help = "measure what the machine allows (on)", .on = &self.limits},
        {.name = "limits-from",
         .value = "FILE",
         .help = "take it from what `limits --json` wrote",
         .text = &self.limits_file},
        {.name = "profile",
         .value = "FILE",
         .help = "of a node; several: clients in turn (as filesphere finds it)",
         .texts = &self.profiles},
        {.name = "node", .help = "a node of its own, in a temporary directory", .flag = &self.node},
        {.name = "s3",
         .value = "URL",
         .help = "another system, by S3: http://HOST:PORT; keys as for its tools",
         .texts = &self.s3},
        {.name = "bucket", .value = "NAME", .help = "of it (one of its own)", .text = &self.bucket},
        {.name = "s3-payload",
         .value = "HOW",
         .help = "signed or unsigned (signed)",
         .text = &self.payload},
        {.name = "data",
         .value = "DIR",
         .help = "of the node, for --cold and what it takes on disk (asked of a local node)",
         .text = &self.data},
        {.name = "json", .help = "a JSON object in the last line", .flag = &self.json},
        {.name = NULL}};
    int code = bench_take_options(argc, argv, "What a node does under one kind of load", options);
    if (code != BENCH_GO_ON)
        return code;
    if (!check(&self))
        return 2;
    if (self.s3.count > 0)
        load->driver = &bench_driver_s3;
    if (load->processes > load->clients)
        load->processes = load->clients;
    return bench_in_directory(run_load, &self);
}
