/* SPDX-License-Identifier: MIT */
/* alloc - memory, or abort.  Layer core/base.
 *
 * Out of memory aborts in one place.  Therefore nothing that a peer or a user sizes is allocated
 * before it was checked against limits.h.
 */
#ifndef FSP_CORE_BASE_ALLOC_H
#define FSP_CORE_BASE_ALLOC_H
#include <stddef.h>

/* Zeroed memory, never NULL.  bytes may be 0. */
__attribute__((malloc, warn_unused_result)) void *fsp_alloc(size_t bytes);
/* Zeroed array; aborts when count * bytes overflows. */
__attribute__((malloc, warn_unused_result)) void *fsp_alloc_array(size_t count, size_t bytes);
/* Uninitialised memory for payload that is written at once. */
__attribute__((malloc, warn_unused_result)) void *fsp_alloc_raw(size_t bytes);
/* Grows or shrinks; the new part is not zeroed. */
__attribute__((warn_unused_result)) void *fsp_realloc(void *memory, size_t bytes);
/* Accepts NULL. */
void fsp_free(void *memory);
/* Copy of a NUL-terminated text; end with fsp_free. */
__attribute__((warn_unused_result)) char *fsp_strdup(const char *text);

#define FSP_NEW(type) ((type *)fsp_alloc(sizeof(type)))

/* Clean-up by scope: FSP_AUTO(fsp_thing_destroy) fsp_thing_t *thing = NULL; */
#define FSP_AUTO(destroy) __attribute__((cleanup(destroy)))
#endif
