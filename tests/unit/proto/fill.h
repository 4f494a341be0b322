/* SPDX-License-Identifier: MIT */
/* fill - random structs that fit a table of fields, and their comparison.  Layer tests. */
#ifndef FSP_TESTS_UNIT_PROTO_FILL_H
#define FSP_TESTS_UNIT_PROTO_FILL_H
#include "core/base/check.h"
#include "core/base/prng.h"
#include "proto/fields.h"

/* Somewhere for texts to lie; starts again at its beginning when it is full. */
typedef struct {
    char text[64 * 1024];
    size_t used;
} fsp_fill_pool_t;

static inline fsp_slice_t
fsp_fill_text(fsp_prng_t *prng, fsp_fill_pool_t *pool, fsp_field_type_t type, size_t bound)
{
    static const char *const letters[] = {"a", "B", "7", "-", " ", "\xc3\xbc", "\xe2\x82\xac"};
    size_t bytes_max = (size_t)fsp_prng_below(prng, fsp_prng_chance(prng, 1, 8) ? bound + 1 : 12);
    if (bytes_max > bound)
        bytes_max = bound;
    if (pool->used + bound > sizeof(pool->text))
        pool->used = 0;
    char *text = pool->text + pool->used;
    size_t bytes = 0;
    size_t in_part = 0; /* of a path */
    while (bytes + 3 <= bytes_max) {
        const char *letter = letters[fsp_prng_below(prng, sizeof(letters) / sizeof(letters[0]))];
        if (type == FSP_FIELD_SPACE)
            letter = "q";
        else if (type == FSP_FIELD_HEX)
            letter = fsp_prng_chance(prng, 1, 2) ? "0" : "f";
        else if (type == FSP_FIELD_PATH && bytes == 0)
            letter = "/";
        else if (type == FSP_FIELD_PATH && in_part > 70)
            letter = "/";
        in_part = *letter == '/' ? 0 : in_part + strlen(letter);
        memcpy(text + bytes, letter, strlen(letter));
        bytes += strlen(letter);
    }
    if (bytes > 1 && text[bytes - 1] == '/')
        bytes--;
    if (type == FSP_FIELD_HEX && bytes < 8)
        bytes = 0;
    pool->used += bytes;
    return fsp_slice(text, bytes);
}

static inline uint64_t
fsp_fill_number(fsp_prng_t *prng, uint64_t bound)
{
    uint64_t number = fsp_prng_next(prng) >> fsp_prng_below(prng, 64);
    return bound == UINT64_MAX ? number : number % (bound + 1);
}

/* Fills each carried field with probability 1/2.  Custom fields are left to the caller. */
static inline void
fsp_fill(fsp_prng_t *prng, fsp_fill_pool_t *pool, fsp_fields_t table, unsigned type, void *self)
{
    for (size_t i = 0; i < table.count; i++) {
        const fsp_field_t *field = &table.fields[i];
        void *to = (char *)self + field->at;
        void *also = field->also == FSP_FIELD_NO_FLAG ? NULL : (char *)self + field->also;
        if ((field->types && !(field->types >> type & 1)) || fsp_prng_chance(prng, 1, 2))
            continue;
        size_t count = (size_t)fsp_prng_below(prng, field->bound < 9 ? field->bound + 1 : 9);
        switch ((fsp_field_type_t)field->type) {
        case FSP_FIELD_UINT:
            *(uint64_t *)to = fsp_fill_number(prng, field->bound);
            break;
        case FSP_FIELD_U32:
            *(uint32_t *)to = (uint32_t)fsp_fill_number(prng, field->bound);
            break;
        case FSP_FIELD_BOOL:
            *(bool *)to = true;
            break;
        case FSP_FIELD_TEXT:
        case FSP_FIELD_NAME:
        case FSP_FIELD_PATH:
        case FSP_FIELD_SPACE:
        case FSP_FIELD_HEX:
            *(fsp_slice_t *)to =
                fsp_fill_text(prng, pool, (fsp_field_type_t)field->type, (size_t)field->bound);
            break;
        case FSP_FIELD_BIN:
            *(fsp_slice_t *)to = fsp_fill_text(prng, pool, FSP_FIELD_TEXT, (size_t)field->bound);
            break;
        case FSP_FIELD_FIXED:
            fsp_prng_fill(prng, to, (size_t)field->bound);
            break;
        case FSP_FIELD_IDS:
            fsp_prng_fill(prng, to, 32 * count);
            *(size_t *)also = count;
            continue;
        case FSP_FIELD_UINTS:
            for (size_t k = 0; k < count; k++)
                ((uint64_t *)to)[k] = fsp_fill_number(prng, UINT64_MAX);
            *(size_t *)also = count;
            continue;
        case FSP_FIELD_TEXTS:
            for (size_t k = 0; k < count; k++)
                ((fsp_slice_t *)to)[k] = fsp_fill_text(prng, pool, FSP_FIELD_TEXT, 64);
            *(size_t *)also = count;
            continue;
        case FSP_FIELD_CUSTOM:
            break;
        }
        if (also)
            *(bool *)also = true;
    }
}

/* Are all fields of the table the same?  Custom fields are left to the caller. */
static inline bool
fsp_fill_equal(fsp_fields_t table, const void *a, const void *b)
{
    for (size_t i = 0; i < table.count; i++) {
        const fsp_field_t *field = &table.fields[i];
        const void *left = (const char *)a + field->at;
        const void *right = (const char *)b + field->at;
        size_t count = 0;
        bool same = true;
        if (field->type >= FSP_FIELD_IDS && field->type <= FSP_FIELD_TEXTS) {
            count = *(const size_t *)(const void *)((const char *)a + field->also);
            same = count == *(const size_t *)(const void *)((const char *)b + field->also);
        } else if (field->also != FSP_FIELD_NO_FLAG) {
            same = ((const char *)a)[field->also] == ((const char *)b)[field->also];
        }
        if (!same)
            return false;
        switch ((fsp_field_type_t)field->type) {
        case FSP_FIELD_UINT:
            same = *(const uint64_t *)left == *(const uint64_t *)right;
            break;
        case FSP_FIELD_U32:
            same = *(const uint32_t *)left == *(const uint32_t *)right;
            break;
        case FSP_FIELD_BOOL:
            same = *(const bool *)left == *(const bool *)right;
            break;
        case FSP_FIELD_TEXT:
        case FSP_FIELD_NAME:
        case FSP_FIELD_PATH:
        case FSP_FIELD_SPACE:
        case FSP_FIELD_HEX:
        case FSP_FIELD_BIN:
            same = fsp_slice_eq(*(const fsp_slice_t *)left, *(const fsp_slice_t *)right);
            break;
        case FSP_FIELD_FIXED:
            same = memcmp(left, right, (size_t)field->bound) == 0;
            break;
        case FSP_FIELD_IDS:
            same = memcmp(left, right, 32 * count) == 0;
            break;
        case FSP_FIELD_UINTS:
            same = memcmp(left, right, 8 * count) == 0;
            break;
        case FSP_FIELD_TEXTS:
            for (size_t k = 0; k < count && same; k++)
                same =
                    fsp_slice_eq(((const fsp_slice_t *)left)[k], ((const fsp_slice_t *)right)[k]);
            break;
        case FSP_FIELD_CUSTOM:
            break;
        }
        if (!same)
            return false;
    }
    return true;
}
#endif
