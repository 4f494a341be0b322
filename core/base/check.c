/* SPDX-License-Identifier: MIT */
/* check - assertions for ourselves; statuses are for the world.  Layer core/base. */
#include "core/base/check.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void
fsp_check_fail(const char *file, int line, const char *kind, const char *condition)
{
    /* The only output core makes: the process ends here, so nobody is left to return it to. */
    fprintf(stderr, "%s:%d: %s: %s\n", file, line, kind, condition);
    fflush(stderr);
    abort();
}
