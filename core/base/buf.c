/* SPDX-License-Identifier: MIT */
/* buf - growable bytes that cannot be made without their maximum.  Layer core/base. */
#include "core/base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/base/alloc.h"
#include "core/base/check.h"

enum { BUF_CAPACITY_MIN = 64, BUF_PRINTF_STACK = 256 };

void
fsp_buf_init(fsp_buf_t *self, size_t bytes_max)
{
    FSP_PRE(self != NULL);
    *self = (fsp_buf_t){.bytes_max = bytes_max};
}

void
fsp_buf_clear(fsp_buf_t *self)
{
    FSP_PRE(self != NULL);
    fsp_free(self->data);
    fsp_buf_init(self, self->bytes_max);
}

void
fsp_buf_reset(fsp_buf_t *self)
{
    FSP_PRE(self != NULL);
    self->bytes = 0;
    self->overflow = false;
}

/* Doubles, so that n small appends copy O(n) bytes, but never beyond the maximum. */
static void
grow(fsp_buf_t *self, size_t needed)
{
    FSP_ASSERT(needed <= self->bytes_max);
    size_t capacity = self->capacity;
    if (capacity < BUF_CAPACITY_MIN)
        capacity = BUF_CAPACITY_MIN;
    while (capacity < needed)
        capacity = capacity > SIZE_MAX / 2 ? needed : capacity * 2;
    if (capacity > self->bytes_max)
        capacity = self->bytes_max;
    self->data = fsp_realloc(self->data, capacity);
    self->capacity = capacity;
}

uint8_t *
fsp_buf_extend(fsp_buf_t *self, size_t bytes)
{
    FSP_PRE(self != NULL);
    FSP_ASSERT(self->bytes <= self->capacity);
    FSP_ASSERT(self->capacity <= self->bytes_max);
    /* After the first append that did not fit nothing is taken, not even what would fit: a
       record with a hole in it must not look like a record. */
    if (self->overflow || bytes > self->bytes_max - self->bytes) {
        self->overflow = true;
        return NULL;
    }
    /* Also for 0 bytes: NULL means overflow and nothing else. */
    if (!self->data || bytes > self->capacity - self->bytes)
        grow(self, self->bytes + bytes);
    uint8_t *room = self->data + self->bytes;
    self->bytes += bytes;
    return room;
}

void
fsp_buf_append(fsp_buf_t *self, const void *data, size_t bytes)
{
    FSP_PRE(self != NULL);
    FSP_PRE(data != NULL || bytes == 0);
    /* Growing would move the source away. */
    FSP_PRE(!self->data || (const uint8_t *)data < self->data ||
            (const uint8_t *)data >= self->data + self->capacity || bytes == 0);
    if (bytes == 0)
        return;
    uint8_t *room = fsp_buf_extend(self, bytes);
    if (room)
        memcpy(room, data, bytes);
}

void
fsp_buf_append_u8(fsp_buf_t *self, uint8_t value)
{
    fsp_buf_append(self, &value, sizeof(value));
}

void
fsp_buf_append_u16(fsp_buf_t *self, uint16_t value)
{
    uint8_t *room = fsp_buf_extend(self, sizeof(value));
    if (room)
        fsp_store_u16(room, value);
}

void
fsp_buf_append_u32(fsp_buf_t *self, uint32_t value)
{
    uint8_t *room = fsp_buf_extend(self, sizeof(value));
    if (room)
        fsp_store_u32(room, value);
}

void
fsp_buf_append_u64(fsp_buf_t *self, uint64_t value)
{
    uint8_t *room = fsp_buf_extend(self, sizeof(value));
    if (room)
        fsp_store_u64(room, value);
}

void
fsp_buf_printf(fsp_buf_t *self, const char *format, ...)
{
    FSP_PRE(self != NULL);
    FSP_PRE(format != NULL);
    /* Not straight into the buffer: vsnprintf wants room for a NUL, and the maximum may not have
       it. */
    char stack[BUF_PRINTF_STACK];
    va_list arguments;
    va_start(arguments, format);
    int printed = vsnprintf(stack, sizeof(stack), format, arguments);
    va_end(arguments);
    FSP_ASSERT(printed >= 0);
    size_t bytes = (size_t)printed;
    if (bytes < sizeof(stack)) {
        fsp_buf_append(self, stack, bytes);
        return;
    }
    if (self->overflow || bytes > self->bytes_max - self->bytes) {
        self->overflow = true;
        return;
    }
    char *heap = fsp_alloc_raw(bytes + 1);
    va_start(arguments, format);
    printed = vsnprintf(heap, bytes + 1, format, arguments);
    va_end(arguments);
    FSP_ASSERT(printed >= 0 && (size_t)printed == bytes);
    fsp_buf_append(self, heap, bytes);
    fsp_free(heap);
}

void
fsp_buf_consume(fsp_buf_t *self, size_t bytes)
{
    FSP_PRE(self != NULL);
    FSP_PRE(bytes <= self->bytes);
    if (bytes == 0)
        return;
    memmove(self->data, self->data + bytes, self->bytes - bytes);
    self->bytes -= bytes;
}
