/* SPDX-License-Identifier: MIT */
/* buf - growable bytes that cannot be made without their maximum.  Layer core/base.
 *
 * Overflow is sticky: writers append without looking and ask once at the end (fsp_buf_ok).
 */
#ifndef FSP_CORE_BASE_BUF_H
#define FSP_CORE_BASE_BUF_H
#include "core/base/types.h"

typedef struct {
    uint8_t *data;
    size_t bytes;     /* in use */
    size_t capacity;  /* allocated, <= bytes_max */
    size_t bytes_max; /* never exceeded */
    bool overflow;    /* an append did not fit; data is what fitted before it, and stays so */
} fsp_buf_t;

/* An empty buffer; allocates nothing yet. */
void fsp_buf_init(fsp_buf_t *self, size_t bytes_max);
/* Frees the memory; the buffer may be used again with the same maximum. */
void fsp_buf_clear(fsp_buf_t *self);
/* Empties but keeps the memory; resets overflow. */
void fsp_buf_reset(fsp_buf_t *self);
/* data may not lie in the buffer itself (asserted): growing moves it. */
void fsp_buf_append(fsp_buf_t *self, const void *data, size_t bytes);
static inline void
fsp_buf_append_slice(fsp_buf_t *self, fsp_slice_t slice)
{
    fsp_buf_append(self, slice.data, slice.bytes);
}
void fsp_buf_append_u8(fsp_buf_t *self, uint8_t value);
void fsp_buf_append_u16(fsp_buf_t *self, uint16_t value); /* big-endian */
void fsp_buf_append_u32(fsp_buf_t *self, uint32_t value); /* big-endian */
void fsp_buf_append_u64(fsp_buf_t *self, uint64_t value); /* big-endian */
/* printf into the buffer, without a NUL. */
__attribute__((format(printf, 2, 3))) void fsp_buf_printf(fsp_buf_t *self, const char *format, ...);
/* Room for bytes more at the end, to be written by the caller; NULL (and overflow) if it does not
   fit, and only then: 0 bytes give a pointer too. */
uint8_t *fsp_buf_extend(fsp_buf_t *self, size_t bytes);
/* Drops bytes from the front. */
void fsp_buf_consume(fsp_buf_t *self, size_t bytes);
static inline bool
fsp_buf_ok(const fsp_buf_t *self)
{
    return !self->overflow;
}
static inline fsp_slice_t
fsp_buf_slice(const fsp_buf_t *self)
{
    return fsp_slice(self->data, self->bytes);
}
#endif
