/* SPDX-License-Identifier: MIT */
/* cli_progress - how far it is, on standard error.  Layer cmd. */
#include "cmd/cli_progress.h"

#include "cmd/cli_paths.h"
#include "core/base/check.h"
#include "proto/json.h"

#include <sys/ioctl.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    FIRST_MS = 1000, /* what is done within this needs no progress */
    BAR_MS = 100,
    PLAIN_MS = 5000,
    JSON_MS = 1000,
    WIDTH_USUAL = 80,
    WIDTH_MIN = 20,
    WIDTH_MAX = 400,
    BAR_CELLS = 20,
    LINE_BYTES_MAX = 4096,
};

/* -- words ------------------------------------------------------------------------------------- */

void
cli_bytes_words(uint64_t bytes, char ret[16])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    size_t unit = 0;
    uint64_t rest = 0;
    while (bytes >= 1024) {
        rest = bytes % 1024;
        bytes /= 1024;
        unit++;
    }
    if (unit > 0 && bytes < 10)
        (void)snprintf(ret, 16, "%u.%u %s", (unsigned)bytes, (unsigned)(rest * 10 / 1024),
                       units[unit]);
    else
        (void)snprintf(ret, 16, "%u %s", (unsigned)bytes, units[unit]);
}

void
cli_duration_words(uint64_t seconds, char ret[16])
{
    unsigned s = (unsigned)(seconds % 60), m = (unsigned)(seconds / 60 % 60);
    unsigned h = (unsigned)(seconds / 3600 % 24);
    uint64_t days = seconds / 86400;
    if (days > 999)
        (void)snprintf(ret, 16, "long");
    else if (days > 0)
        (void)snprintf(ret, 16, "%ud %uh", (unsigned)days, h);
    else if (h > 0)
        (void)snprintf(ret, 16, "%u:%02u:%02u", h, m, s);
    else
        (void)snprintf(ret, 16, "%u:%02u", m, s);
}

/* Seconds that are left; UINT64_MAX: nobody knows. */
static uint64_t
seconds_left(const cli_progress_now_t *now)
{
    if (!now->total_known || now->rate == 0 || now->bytes_done > now->bytes_total)
        return UINT64_MAX;
    return (now->bytes_total - now->bytes_done + now->rate - 1) / now->rate;
}

static unsigned
percent(const cli_progress_now_t *now)
{
    if (now->bytes_total == 0)
        return now->files_total > 0 ? (unsigned)(now->files_done * 100 / now->files_total) : 0;
    if (now->bytes_done >= now->bytes_total)
        return 100;
    return (unsigned)(now->bytes_total > UINT64_MAX / 100
                          ? now->bytes_done / (now->bytes_total / 100)
                          : now->bytes_done * 100 / now->bytes_total);
}

void
cli_progress_words(const cli_progress_now_t *now, fsp_buf_t *ret)
{
    char done[16], total[16], rate[16], time[16];
    cli_bytes_words(now->bytes_done, done);
    cli_bytes_words(now->bytes_total, total);
    cli_bytes_words(now->rate, rate);
    bool files = now->files_total != 1 || !now->total_known;
    if (now->total_known && files)
        fsp_buf_printf(ret, "%llu/%llu files  %s of %s", (unsigned long long)now->files_done,
                       (unsigned long long)now->files_total, done, total);
    else if (now->total_known)
        fsp_buf_printf(ret, "%s of %s", done, total);
    else
        fsp_buf_printf(ret, "%llu files  %s", (unsigned long long)now->files_done, done);
    if (now->rate > 0)
        fsp_buf_printf(ret, "  %s/s", rate);
    uint64_t left = seconds_left(now);
    cli_duration_words(left == UINT64_MAX ? now->elapsed_ms / 1000 : left, time);
    fsp_buf_printf(ret, "  %s%s", time, left == UINT64_MAX ? "" : " left");
}

/* As much of the name as fits into `room` columns, from its end: that is where names differ. */
static void
append_name(fsp_slice_t name, size_t room, fsp_buf_t *ret)
{
    size_t columns = 0, start = name.bytes;
    while (start > 0) {
        size_t at = start - 1;
        while (at > 0 && (name.data[at] & 0xc0) == 0x80)
            at--;
        size_t wide = name.data[at] < 0x80 ? 1 : 2;
        if (columns + wide > room)
            break;
        columns += wide;
        start = at;
    }
    fsp_buf_append(ret, name.data + start, name.bytes - start);
}

void
cli_progress_bar(const cli_progress_now_t *now, size_t width, fsp_buf_t *ret)
{
    fsp_buf_t line, words, name;
    fsp_buf_init(&line, LINE_BYTES_MAX);
    fsp_buf_init(&words, LINE_BYTES_MAX);
    fsp_buf_init(&name, LINE_BYTES_MAX);
    cli_progress_words(now, &words);
    if (now->total_known) {
        unsigned done = percent(now);
        if (words.bytes + BAR_CELLS + 9 <= width) {
            char cells[BAR_CELLS + 1];
            memset(cells, ' ', sizeof cells);
            memset(cells, '=', BAR_CELLS * done / 100);
            cells[BAR_CELLS] = '\0';
            fsp_buf_printf(&line, "[%s] ", cells);
        }
        fsp_buf_printf(&line, "%3u%%  ", done);
    }
    fsp_buf_append_slice(&line, fsp_buf_slice(&words));
    enum { NAME_COLUMNS_MIN = 8 };
    if (now->name && *now->name && line.bytes + 2 + NAME_COLUMNS_MIN <= width) {
        cli_escape(fsp_slice_text(now->name), &name);
        fsp_buf_append(&line, "  ", 2);
        append_name(fsp_buf_slice(&name), width - line.bytes, &line);
        fsp_buf_append_slice(ret, fsp_buf_slice(&line));
    } else {
        fsp_buf_append(ret, line.data, line.bytes < width ? line.bytes : width); /* ASCII */
    }
    fsp_buf_clear(&line);
    fsp_buf_clear(&words);
    fsp_buf_clear(&name);
}

/* -- counting ---------------------------------------------------------------------------------- */

static uint64_t
now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock */
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void
cli_progress_init(cli_progress_t *self, const char *choice, bool quiet)
{
    memset(self, 0, sizeof *self);
    self->began_ms = now_ms();
    const char *terminal = getenv("TERM");
    if (choice && strcmp(choice, "plain") == 0)
        self->style = CLI_PROGRESS_PLAIN;
    else if (choice && strcmp(choice, "json") == 0)
        self->style = CLI_PROGRESS_JSON;
    else if (choice && strcmp(choice, "none") == 0)
        self->style = CLI_PROGRESS_NONE;
    else if (!quiet && isatty(STDERR_FILENO))
        self->style = terminal && *terminal && strcmp(terminal, "dumb") != 0 ? CLI_PROGRESS_BAR
                                                                             : CLI_PROGRESS_PLAIN;
}

void
cli_progress_add(cli_progress_t *self, uint64_t bytes)
{
    (void)atomic_fetch_add(&self->files_total, 1);
    (void)atomic_fetch_add(&self->bytes_total, bytes);
}

void
cli_progress_name(cli_progress_t *self, const char *name)
{
    if (self->style != CLI_PROGRESS_BAR)
        return;
    /* The end of a long name: it is shown from there, too. */
    size_t bytes = strlen(name), most = sizeof self->name - 1;
    if (bytes > most) {
        name += bytes - most;
        while ((*name & 0xc0) == 0x80)
            name++;
    }
    (void)snprintf(self->name, sizeof self->name, "%s", name);
}

void
cli_progress_at(cli_progress_t *self, size_t lane, uint64_t bytes)
{
    FSP_PRE(lane < CLI_PROGRESS_LANES);
    atomic_store(&self->lanes[lane], bytes);
}

void
cli_progress_ended(cli_progress_t *self, size_t lane, uint64_t bytes)
{
    FSP_PRE(lane < CLI_PROGRESS_LANES);
    atomic_store(&self->lanes[lane], 0);
    (void)atomic_fetch_add(&self->bytes_done, bytes);
    (void)atomic_fetch_add(&self->files_done, 1);
}

/* -- drawing ----------------------------------------------------------------------------------- */

/* Asked for each time: a terminal may have been resized. */
static size_t
terminal_width(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return WIDTH_USUAL;
    size_t width = size.ws_col - 1u; /* the last column makes some terminals wrap */
    return width < WIDTH_MIN ? WIDTH_MIN : width > WIDTH_MAX ? WIDTH_MAX : width;
}

static cli_progress_now_t
look(cli_progress_t *self, uint64_t time_ms)
{
    cli_progress_now_t now = {.files_done = atomic_load(&self->files_done),
                              .files_total = atomic_load(&self->files_total),
                              .bytes_done = atomic_load(&self->bytes_done),
                              .bytes_total = atomic_load(&self->bytes_total),
                              .total_known = atomic_load(&self->total_known),
                              .elapsed_ms = time_ms - self->began_ms,
                              .name = self->name};
    for (size_t i = 0; i < CLI_PROGRESS_LANES; i++)
        now.bytes_done += atomic_load(&self->lanes[i]);
    if (now.bytes_total < now.bytes_done) /* something grew while it was read */
        now.bytes_total = now.bytes_done;
    return now;
}

/* The rate of late: of the time since the last look, smoothed over some eight of them. */
static void
learn_rate(cli_progress_t *self, const cli_progress_now_t *now, uint64_t passed_ms)
{
    uint64_t moved = now->bytes_done > self->rate_moved ? now->bytes_done - self->rate_moved : 0;
    uint64_t rate = passed_ms > 0 && moved < UINT64_MAX / 1000 ? moved * 1000 / passed_ms : 0;
    self->rate = self->drawn_ms == 0 ? rate : self->rate - self->rate / 8 + rate / 8;
    self->rate_moved = now->bytes_done;
}

static void
draw_json(const cli_progress_now_t *now, fsp_buf_t *line)
{
    fsp_json_t json;
    fsp_json_init(&json, line);
    fsp_json_object(&json, NULL);
    fsp_json_text(&json, "type", "progress");
    fsp_json_uint(&json, "files_done", now->files_done);
    fsp_json_uint(&json, "bytes_done", now->bytes_done);
    if (now->total_known) {
        fsp_json_uint(&json, "files_total", now->files_total);
        fsp_json_uint(&json, "bytes_total", now->bytes_total);
    }
    fsp_json_uint(&json, "bytes_per_second", now->rate);
    fsp_json_uint(&json, "elapsed_ms", now->elapsed_ms);
    fsp_json_object_end(&json);
}

void
cli_progress_tick(cli_progress_t *self)
{
    if (!self || self->style == CLI_PROGRESS_NONE)
        return;
    static const uint64_t pauses[] = {[CLI_PROGRESS_BAR] = BAR_MS,
                                      [CLI_PROGRESS_PLAIN] = PLAIN_MS,
                                      [CLI_PROGRESS_JSON] = JSON_MS};
    uint64_t time_ms = now_ms();
    uint64_t last_ms = self->drawn_ms > 0 ? self->drawn_ms : self->began_ms;
    if (time_ms - last_ms < (self->drawn_ms > 0 ? pauses[self->style] : FIRST_MS))
        return;
    cli_progress_now_t now = look(self, time_ms);
    learn_rate(self, &now, time_ms - last_ms);
    now.rate = self->rate;
    self->drawn_ms = time_ms;
    fsp_buf_t line;
    fsp_buf_init(&line, LINE_BYTES_MAX);
    if (self->style == CLI_PROGRESS_BAR) {
        cli_progress_bar(&now, terminal_width(), &line);
        /* To the first column; the line; what is left of the old one goes. */
        (void)fprintf(stderr, "\r%.*s\x1b[K", (int)line.bytes, (const char *)line.data);
        self->shown = true;
    } else if (self->style == CLI_PROGRESS_PLAIN) {
        cli_progress_words(&now, &line);
        (void)fprintf(stderr, "filesphere: %.*s\n", (int)line.bytes, (const char *)line.data);
    } else {
        draw_json(&now, &line);
        (void)fprintf(stderr, "%.*s\n", (int)line.bytes, (const char *)line.data);
    }
    (void)fflush(stderr);
    fsp_buf_clear(&line);
}

void
cli_progress_hide(cli_progress_t *self)
{
    if (!self || !self->shown)
        return;
    (void)fputs("\r\x1b[K", stderr);
    (void)fflush(stderr);
    self->shown = false;
}
