/* SPDX-License-Identifier: MIT */
/* alloc - memory, or abort.  Layer core/base. */
#include "core/base/alloc.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/check.h"

/* One place for "out of memory", so that a breakpoint or a grep finds it. */
static void *
require(void *memory)
{
    if (__builtin_expect(!memory, 0))
        fsp_check_fail(__FILE__, __LINE__, "out of memory", "allocation");
    return memory;
}

/* libc may answer NULL for 0 bytes; callers may not have to know. */
static size_t
at_least_one(size_t bytes)
{
    return bytes ? bytes : 1;
}

void *
fsp_alloc(size_t bytes)
{
    return require(calloc(1, at_least_one(bytes)));
}

void *
fsp_alloc_array(size_t count, size_t bytes)
{
    size_t total;
    FSP_PRE(!__builtin_mul_overflow(count, bytes, &total));
    return fsp_alloc(total);
}

void *
fsp_alloc_raw(size_t bytes)
{
    return require(malloc(at_least_one(bytes)));
}

void *
fsp_realloc(void *memory, size_t bytes)
{
    return require(realloc(memory, at_least_one(bytes)));
}

void
fsp_free(void *memory)
{
    free(memory);
}

char *
fsp_strdup(const char *text)
{
    FSP_PRE(text != NULL);
    size_t bytes = strlen(text) + 1;
    char *copy = fsp_alloc_raw(bytes);
    memcpy(copy, text, bytes);
    return copy;
}
