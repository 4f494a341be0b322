/* SPDX-License-Identifier: MIT */
/* log - one line an event on standard error, logfmt.  Layer actors. */
#include "actors/log.h"

#include "actors/clock.h"
#include "core/base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static fsp_log_level_t level_max = FSP_LOG_INFO; /* written before threads start, then only read */

void
fsp_log_set_level(fsp_log_level_t level)
{
    level_max = level;
}

void
fsp_log(fsp_log_level_t level, const char *actor, const char *format, ...)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    if (level > level_max)
        return;
    char line[1024];
    char time_text[FSP_RFC3339_BYTES];
    fsp_rfc3339(fsp_clock_wall_us(), time_text);
    int head =
        snprintf(line, sizeof(line), "%s level=%s actor=%s ", time_text, names[level], actor);
    if (head < 0)
        return;
    size_t used = (size_t)head;
    va_list args;
    va_start(args, format);
    int body = vsnprintf(line + used, sizeof(line) - used - 1, format, args);
    va_end(args);
    if (body < 0)
        return;
    used += (size_t)body;
    if (used > sizeof(line) - 2)
        used = sizeof(line) - 2;
    /* What people or peers named may hold control characters: they must not forge lines. */
    for (size_t i = 0; i < used; i++) {
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    }
    line[used++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, used);
    (void)written; /* There is nowhere to say that the log cannot be written. */
}
