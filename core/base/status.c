/* SPDX-License-Identifier: MIT */
/* status - the one list of outcomes used inside the program.  Layer core/base.  Pure. */
#include "core/base/status.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "core/base/check.h"

const char *
fsp_status_name(fsp_status_t status)
{
    /* A switch, not a table: the compiler refuses a number that is listed twice. */
    switch (status) {
#define X(number, name, text)                                                                      \
    case FSP_##name:                                                                               \
        return #name;
        FSP_STATUS_LIST(X)
#undef X
    }
    return "UNLISTED";
}

const char *
fsp_status_text(fsp_status_t status)
{
    switch (status) {
#define X(number, name, text)                                                                      \
    case FSP_##name:                                                                               \
        return text;
        FSP_STATUS_LIST(X)
#undef X
    }
    return "unlisted status";
}

int
fsp_status_known(unsigned number)
{
    switch (number) {
#define X(number_, name, text)                                                                     \
    case number_:                                                                                  \
        return 1;
        FSP_STATUS_LIST(X)
#undef X
    default:
        return 0;
    }
}

fsp_status_t
fsp_error_set(fsp_error_t *error, fsp_status_t status, const char *format, ...)
{
    FSP_PRE(format != NULL);
    if (!error)
        return status;
    error->status = status;
    va_list arguments;
    va_start(arguments, format);
    /* Cutting a long text is right: it is for a reader, not for a program. */
    int needed = vsnprintf(error->text, sizeof(error->text), format, arguments);
    va_end(arguments);
    if (needed < 0)
        error->text[0] = '\0';
    return status;
}
