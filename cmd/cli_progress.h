/* SPDX-License-Identifier: MIT */
/* cli_progress - how far it is, on standard error.  Layer cmd.
 *
 * Counters are added to by any thread; the main thread draws.  Nothing is drawn before a second has
 * passed, and never more often than ten times a second.  A line of output must not meet the bar:
 * whoever writes to the terminal calls cli_progress_hide first, and the next tick draws it again.
 */
#ifndef FSP_CMD_CLI_PROGRESS_H
#define FSP_CMD_CLI_PROGRESS_H
#include "core/base/buf.h"

#include <stdatomic.h>

typedef enum {
    CLI_PROGRESS_NONE,
    CLI_PROGRESS_BAR,   /* one line that is drawn over and over */
    CLI_PROGRESS_PLAIN, /* a line every few seconds */
    CLI_PROGRESS_JSON   /* the same as an object: type=progress */
} cli_progress_style_t;

enum { CLI_PROGRESS_LANES = 17 }; /* the workers of a pool and the main thread */

typedef struct {
    cli_progress_style_t style;
    uint64_t began_ms, drawn_ms; /* monotonic; drawn_ms 0: not yet */
    uint64_t rate, rate_moved;   /* bytes a second of late; 0: not known yet */
    bool shown;                  /* the bar is on the terminal */
    atomic_uint_least64_t files_total, files_done;
    atomic_uint_least64_t bytes_total, bytes_done;   /* of things that have ended */
    atomic_bool total_known;                         /* the totals do not grow any more */
    atomic_uint_least64_t lanes[CLI_PROGRESS_LANES]; /* bytes of what each is at now */
    char name[256];                                  /* what is at it now, for the bar */
} cli_progress_t;

/* How far it is, for who writes it down. */
typedef struct {
    uint64_t files_done, files_total;
    uint64_t bytes_done, bytes_total;
    bool total_known;
    uint64_t elapsed_ms;
    uint64_t rate; /* bytes a second; 0: not known */
    const char *name;
} cli_progress_now_t;

/* choice: "auto", "plain", "json", "none", NULL is "auto": a bar if standard error is a terminal
   that can draw one, and not quiet; else nothing. */
void cli_progress_init(cli_progress_t *self, const char *choice, bool quiet);
/* More is to do.  Any thread. */
void cli_progress_add(cli_progress_t *self, uint64_t bytes);
/* Name of what begins or is most worth showing.  Main thread. */
void cli_progress_name(cli_progress_t *self, const char *name);
/* How far the thing in this lane is.  The lane's thread. */
void cli_progress_at(cli_progress_t *self, size_t lane, uint64_t bytes);
/* A thing of so many bytes has ended, well or not; its lane starts again from 0. */
void cli_progress_ended(cli_progress_t *self, size_t lane, uint64_t bytes);
/* Draws if it is time for it.  Main thread. */
void cli_progress_tick(cli_progress_t *self);
/* Takes the bar away, for other output or for good.  Harmless with NULL and without a bar. */
void cli_progress_hide(cli_progress_t *self);

/* -- words (pure) ------------------------------------------------------------------------------ */

/* "512 B", "1.5 KiB", "23 MiB": at most 8 characters. */
void cli_bytes_words(uint64_t bytes, char ret[16]);
/* "0:07", "12:34", "1:02:03", "4d 5h". */
void cli_duration_words(uint64_t seconds, char ret[16]);
/* The line of the bar: at most `width` columns, no control character, cut from its least important
   end.  A character beyond ASCII is taken for two columns. */
void cli_progress_bar(const cli_progress_now_t *now, size_t width, fsp_buf_t *ret);
/* The same in one line of words, without a bar. */
void cli_progress_words(const cli_progress_now_t *now, fsp_buf_t *ret);
#endif
