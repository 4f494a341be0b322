/* SPDX-License-Identifier: MIT */
/* fuzz - what the fuzz targets share: entry point, checks, pieces of the input.  Layer tests.
 *
 * A target is one function over bytes.  libFuzzer drives it in the tree `fuzz`; replay_main.c runs
 * the same function over the corpus in every other tree, so that gcc's sanitizers see it, too.
 */
#ifndef FSP_TESTS_FUZZ_FUZZ_H
#define FSP_TESTS_FUZZ_FUZZ_H
#include "core/base/alloc.h"
#include "core/base/buf.h"
#include "core/base/check.h"
#include "core/base/limits.h"
#include "core/base/status.h"
#include "core/base/types.h"

/* Always returns 0; what is wrong aborts. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);
/* Optional, once before the first input; weak in replay_main.c. */
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define FUZZ_CHECK(condition) FSP_CHECK_("fuzz", condition)

/* The input as a source of decisions: every read succeeds, with zeros behind the end. */
typedef struct {
    const uint8_t *at;
    size_t left;
} fuzz_input_t;

static inline fuzz_input_t
fuzz_input(const uint8_t *data, size_t bytes)
{
    return (fuzz_input_t){data, bytes};
}
static inline uint8_t
fuzz_u8(fuzz_input_t *self)
{
    if (self->left == 0)
        return 0;
    self->left--;
    return *self->at++;
}
static inline uint16_t
fuzz_u16(fuzz_input_t *self)
{
    uint16_t high = fuzz_u8(self);
    return (uint16_t)(high << 8 | fuzz_u8(self));
}
static inline uint32_t
fuzz_u32(fuzz_input_t *self)
{
    uint32_t high = fuzz_u16(self);
    return high << 16 | fuzz_u16(self);
}
static inline uint64_t
fuzz_u64(fuzz_input_t *self)
{
    uint64_t high = fuzz_u32(self);
    return high << 32 | fuzz_u32(self);
}
/* At most bytes of them. */
static inline fsp_slice_t
fuzz_slice(fuzz_input_t *self, size_t bytes)
{
    if (bytes > self->left)
        bytes = self->left;
    fsp_slice_t slice = fsp_slice(self->at, bytes);
    self->at += bytes;
    self->left -= bytes;
    return slice;
}
static inline fsp_slice_t
fuzz_rest(fuzz_input_t *self)
{
    return fuzz_slice(self, self->left);
}
static inline void
fuzz_fill(fuzz_input_t *self, void *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        ((uint8_t *)data)[i] = fuzz_u8(self);
}

/* What decodes encodes to the same bytes: for formats with one encoding of each value. */
#define FUZZ_CANONICAL(type_, decode_, encode_, input_, bytes_max_)                                \
    do {                                                                                           \
        type_ *value_ = FSP_NEW(type_);                                                            \
        fsp_buf_t again_;                                                                          \
        fsp_buf_init(&again_, (bytes_max_));                                                       \
        if (decode_((input_), value_) == FSP_OK) {                                                 \
            encode_(value_, &again_);                                                              \
            FUZZ_CHECK(fsp_buf_ok(&again_));                                                       \
            FUZZ_CHECK(fsp_slice_eq(fsp_buf_slice(&again_), (input_)));                            \
        }                                                                                          \
        fsp_buf_clear(&again_);                                                                    \
        fsp_free(value_);                                                                          \
    } while (0)

/* What decodes encodes to bytes that decode and encode to themselves: for formats that let writers
   choose. */
#define FUZZ_STABLE(type_, decode_, encode_, input_, bytes_max_)                                   \
    do {                                                                                           \
        type_ *value_ = FSP_NEW(type_);                                                            \
        fsp_buf_t once_, twice_;                                                                   \
        fsp_buf_init(&once_, (bytes_max_));                                                        \
        fsp_buf_init(&twice_, (bytes_max_));                                                       \
        if (decode_((input_), value_) == FSP_OK) {                                                 \
            encode_(value_, &once_);                                                               \
            FUZZ_CHECK(fsp_buf_ok(&once_));                                                        \
            memset(value_, 0, sizeof(*value_));                                                    \
            FUZZ_CHECK(decode_(fsp_buf_slice(&once_), value_) == FSP_OK);                          \
            encode_(value_, &twice_);                                                              \
            FUZZ_CHECK(fsp_slice_eq(fsp_buf_slice(&once_), fsp_buf_slice(&twice_)));               \
        }                                                                                          \
        fsp_buf_clear(&once_);                                                                     \
        fsp_buf_clear(&twice_);                                                                    \
        fsp_free(value_);                                                                          \
    } while (0)
#endif
