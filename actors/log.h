/* SPDX-License-Identifier: MIT */
/* log - one line an event on standard error, logfmt.  Layer actors.
 *
 *   2026-11-25T15:18:36.000Z level=info actor=frontend msg="listening"
 * endpoint=tcp://127.0.0.1:7420
 *
 * A line is one write(2), so lines of several threads do not mix.  Keys, secrets, tokens and
 * contents never go into a line.
 */
#ifndef FSP_ACTORS_LOG_H
#define FSP_ACTORS_LOG_H

typedef enum { FSP_LOG_ERROR, FSP_LOG_WARNING, FSP_LOG_INFO, FSP_LOG_DEBUG } fsp_log_level_t;

/* Lines above this level are dropped; set once, before threads start. */
void fsp_log_set_level(fsp_log_level_t level);
/* format gives the rest of the line: `msg="..." key=value`. */
__attribute__((format(printf, 3, 4))) void fsp_log(fsp_log_level_t level, const char *actor,
                                                   const char *format, ...);
#endif
