/* SPDX-License-Identifier: MIT */
/* load_ops - what one operation of each kind of load is, and what it needs to be there. */
#include "bench/load_plan.h"
#include "bench/measure.h"

#include "core/base/check.h"
#include "core/base/limits.h"
#include "core/base/prng.h"

#include <stdio.h>
#include <string.h>

enum {
    PATH_BYTES = 160,
    FILES_A_DIRECTORY = 1000,
    EDITS_MAX = 16, /* inserts; then the file begins anew as it was */
    INSERT_SHARE = 256,
    INSERT_BYTES_MAX = 1024 * 1024,
    LISTED_BYTES = 16,
    FILL = 250, /* names made at once, where the driver can */
    GET_OF_100 = 45,
    STAT_OF_100 = 30,
    PUT_OF_100 = 15,
};
_Static_assert(EDITS_MAX + 2 <= BENCH_EXTENTS_MAX, "an edited content has too many extents");

static uint64_t
draw(bench_client_t *self, uint64_t bound)
{
    self->random += UINT64_C(0x9e3779b97f4a7c15);
    return fsp_mix64(self->random) % bound; /* the bias is of no matter */
}

/* Keys are a bijection of (client, number), shifted by the run's seed. */
static uint64_t
key_of(const bench_client_t *self, uint64_t number)
{
    return fsp_mix64(self->plan->seed + (self->number << 40) + number);
}

/* File of a client. */
static void
path_of(const bench_client_t *self, uint64_t number, char ret[PATH_BYTES])
{
    (void)snprintf(ret, PATH_BYTES, "%s/c%llu/%llu/f%llu", self->plan->root,
                   (unsigned long long)self->number,
                   (unsigned long long)(number / FILES_A_DIRECTORY), (unsigned long long)number);
}

static void
rename_path(const bench_client_t *self, bool away, char ret[PATH_BYTES])
{
    (void)snprintf(ret, PATH_BYTES, "%s/c%llu/0/%s", self->plan->root,
                   (unsigned long long)self->number, away ? "away" : "f0");
}

static bool
say(bench_client_t *self, const char *what, const char *path, const char *words)
{
    if (self->notes->error[0] == '\0')
        (void)snprintf(self->notes->error, sizeof(self->notes->error), "%s %s: %s", what, path,
                       words);
    return false;
}

double
bench_client_start(const bench_client_t *self)
{
    return self->due_s > 0 ? self->due_s : bench_seconds();
}

void
bench_client_note(bench_client_t *self, double start_s, uint64_t put, uint64_t got)
{
    bench_client_notes_t *notes = self->notes;
    (void)atomic_fetch_add_explicit(&self->plan->moved, put + got, memory_order_relaxed);
    if (!self->measuring)
        return;
    double now = bench_seconds();
    if (notes->times.count == 0)
        notes->first_s = start_s;
    notes->last_s = now;
    notes->put_bytes += put;
    notes->got_bytes += got;
    bench_histogram_add(&notes->times, now > start_s ? now - start_s : 0);
}

/* -- put and get ------------------------------------------------------------------------------- */

typedef struct {
    const uint8_t *pool;
    const bench_extents_t *extents;
    bench_content_at_t at;
} source_t;

static int
give(void *arg, void *buffer, size_t bytes_max, size_t *ret_bytes)
{
    source_t *self = arg;
    *ret_bytes = bench_content_make(&self->at, buffer, bytes_max);
    return 0;
}

static void
go_back(void *arg)
{
    source_t *self = arg;
    bench_content_start(&self->at, self->pool, self->extents);
}

static bool
put_extents(bench_client_t *self, const char *path, const bench_extents_t *extents)
{
    source_t source = {.pool = self->plan->pool, .extents = extents};
    bench_content_t content = {
        .bytes = bench_extents_bytes(extents), .read = give, .rewind = go_back, .arg = &source};
    uint64_t sent = 0;
    go_back(&source);
    double start = bench_client_start(self);
    if (!self->driver->put(self->session, path, &content, &sent))
        return say(self, "put", path, self->driver->error(self->session));
    bench_client_note(self, start, content.bytes, 0);
    if (self->measuring)
        self->notes->sent_bytes += sent;
    return true;
}

static bool
put_file(bench_client_t *self, uint64_t number)
{
    char path[PATH_BYTES];
    path_of(self, number, path);
    bench_extents_t extents = bench_extents(key_of(self, number), self->plan->bytes);
    return put_extents(self, path, &extents);
}

typedef struct {
    bench_content_at_t at;
    uint64_t got;
    bool verify;
} sink_t;

static int
take(void *arg, const void *data, size_t bytes)
{
    sink_t *self = arg;
    self->got += bytes;
    if (self->verify)
        bench_content_check(&self->at, data, bytes);
    return 0;
}

static bool
get_file(bench_client_t *self, uint64_t number)
{
    char path[PATH_BYTES];
    path_of(self, number, path);
    bench_extents_t extents = bench_extents(key_of(self, number), self->plan->bytes);
    sink_t sink = {.verify = self->plan->verify};
    bench_content_start(&sink.at, self->plan->pool, &extents);
    double start = bench_client_start(self);
    if (!self->driver->get(self->session, path, take, &sink))
        return say(self, "get", path, self->driver->error(self->session));
    if (sink.got != self->plan->bytes || (sink.verify && !bench_content_whole(&sink.at)))
        return say(self, "get", path, "what came is not what was put");
    bench_client_note(self, start, 0, sink.got);
    return true;
}

static bool
stat_file(bench_client_t *self, uint64_t number)
{
    char path[PATH_BYTES];
    path_of(self, number, path);
    uint64_t bytes = 0;
    double start = bench_client_start(self);
    if (!self->driver->stat(self->session, path, &bytes))
        return say(self, "stat", path, self->driver->error(self->session));
    if (bytes != self->plan->bytes)
        return say(self, "stat", path, "the size is not that of what was put");
    bench_client_note(self, start, 0, 0);
    return true;
}

static bool
delete_file(bench_client_t *self, uint64_t number)
{
    char path[PATH_BYTES];
    path_of(self, number, path);
    double start = bench_client_start(self);
    if (!self->driver->remove(self->session, path, false))
        return say(self, "delete", path, self->driver->error(self->session));
    bench_client_note(self, start, 0, 0);
    return true;
}

/* -- edit -------------------------------------------------------------------------------------- */

/* The client's file with so many inserts: its first half, they, its second half. */
static bench_extents_t
edited(const bench_client_t *self, uint64_t edits)
{
    uint64_t bytes = self->plan->bytes, half = bytes / 2, insert = bytes / INSERT_SHARE;
    if (insert == 0)
        insert = 1;
    if (insert > INSERT_BYTES_MAX)
        insert = INSERT_BYTES_MAX;
    bench_extents_t ret = bench_extents(key_of(self, 0), half);
    for (uint64_t i = 0; i < edits; i++) {
        ret.extent[ret.count].key = key_of(self, self->insert_key - i);
        ret.extent[ret.count++].bytes = insert;
    }
    ret.extent[ret.count].key = key_of(self, 0);
    ret.extent[ret.count].from = half;
    ret.extent[ret.count++].bytes = bytes - half;
    return ret;
}

static bool
edit_file(bench_client_t *self)
{
    char path[PATH_BYTES];
    path_of(self, 0, path);
    self->edits = self->edits % EDITS_MAX + 1;
    self->insert_key++;
    bench_extents_t extents = edited(self, self->edits);
    return put_extents(self, path, &extents);
}

/* -- list -------------------------------------------------------------------------------------- */

static void
listed_directory(const bench_client_t *self, char ret[PATH_BYTES])
{
    (void)snprintf(ret, PATH_BYTES, "%s/listed", self->plan->root);
}

typedef struct {
    bench_client_t *client;
    double start_s; /* of the page */
    uint64_t names;
} pages_t;

static void
page_ends(void *arg, uint64_t names)
{
    pages_t *self = arg;
    bench_client_note(self->client, self->start_s, 0, 0);
    if (self->client->measuring)
        self->client->notes->names += names;
    self->names += names;
    self->start_s = bench_seconds();
}

static bool
list_all(bench_client_t *self)
{
    char path[PATH_BYTES];
    listed_directory(self, path);
    pages_t pages = {.client = self, .start_s = bench_seconds()};
    if (!self->driver->list(self->session, path, page_ends, &pages))
        return say(self, "list", path, self->driver->error(self->session));
    if (pages.names != self->plan->entries)
        return say(self, "list", path, "there are not as many names as were put");
    return true;
}

/* In the order of names, as a tree that is unpacked: the first client of each target. */
static bool
fill_directory(bench_client_t *self)
{
    char directory[PATH_BYTES], path[PATH_BYTES + 32];
    listed_directory(self, directory);
    for (uint64_t at = 0; at < self->plan->entries;) {
        uint64_t left = self->plan->entries - at, some = left < FILL ? left : FILL;
        if (atomic_load(&self->plan->phase) == BENCH_PHASE_STOP)
            return say(self, "put", directory, "stopped");
        if (self->driver->fill) {
            if (!self->driver->fill(self->session, directory, at, some))
                return say(self, "put", directory, self->driver->error(self->session));
            at += some;
            continue;
        }
        (void)snprintf(path, sizeof(path), "%s/n%09llu", directory, (unsigned long long)at);
        bench_extents_t extents = bench_extents(key_of(self, at), LISTED_BYTES);
        if (!put_extents(self, path, &extents))
            return false;
        at++;
    }
    return true;
}

/* -- the rest ---------------------------------------------------------------------------------- */

static bool
rename_file(bench_client_t *self)
{
    char from[PATH_BYTES], to[PATH_BYTES];
    rename_path(self, self->moved_away, from);
    rename_path(self, !self->moved_away, to);
    double start = bench_client_start(self);
    if (!self->driver->rename(self->session, from, to))
        return say(self, "rename", from, self->driver->error(self->session));
    bench_client_note(self, start, 0, 0);
    self->moved_away = !self->moved_away;
    return true;
}

/* One of the files that were not deleted. */
static uint64_t
pick(bench_client_t *self)
{
    return self->oldest + draw(self, self->made - self->oldest);
}

static bool
do_something(bench_client_t *self)
{
    uint64_t choice = draw(self, 100);
    if (choice < GET_OF_100)
        return get_file(self, pick(self));
    if (choice < GET_OF_100 + STAT_OF_100)
        return stat_file(self, pick(self));
    bool puts = choice < GET_OF_100 + STAT_OF_100 + PUT_OF_100;
    if (puts || self->made - self->oldest < 2) /* one is kept, to be got */
        return put_file(self, self->made) && ++self->made > 0;
    return delete_file(self, self->oldest) && ++self->oldest > 0;
}

bool
bench_client_prepare(bench_client_t *self)
{
    uint64_t files = self->plan->files;
    if (self->plan->op == BENCH_LIST)
        return self->number >= self->plan->target_count || fill_directory(self);
    if (self->plan->op == BENCH_PUT)
        files = 0;
    if (self->plan->op == BENCH_EDIT || self->plan->op == BENCH_RENAME)
        files = 1;
    self->insert_key = (uint64_t)1 << 32; /* apart from numbers of files */
    for (; self->made < files; self->made++) {
        if (atomic_load(&self->plan->phase) == BENCH_PHASE_STOP)
            return say(self, "put", self->plan->root, "stopped");
        if (!put_file(self, self->made))
            return false;
    }
    return true;
}

bool
bench_client_step(bench_client_t *self)
{
    switch (self->plan->op) {
    case BENCH_PUT:
        return put_file(self, self->made++);
    case BENCH_GET:
        /* One after the other, so that the time until one comes again is as long as can be. */
        return get_file(self, self->turn++ % self->made);
    case BENCH_EDIT:
        return edit_file(self);
    case BENCH_LIST:
        return list_all(self);
    case BENCH_STAT:
        return stat_file(self, draw(self, self->made));
    case BENCH_RENAME:
        return rename_file(self);
    case BENCH_MIXED:
        return do_something(self);
    case BENCH_OP_COUNT:
        break;
    }
    FSP_UNREACHABLE();
}
