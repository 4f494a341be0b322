/* SPDX-License-Identifier: MIT */
/* types - identifiers as values, so that no two kinds can be mixed up.  Layer core/base.  Pure. */
#ifndef FSP_CORE_BASE_TYPES_H
#define FSP_CORE_BASE_TYPES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FSP_DEFINE_ID(name, size)                                                                  \
    typedef struct {                                                                               \
        uint8_t bytes[size];                                                                       \
    } name##_t;                                                                                    \
    static inline bool name##_eq(name##_t a, name##_t b)                                           \
    {                                                                                              \
        return memcmp(a.bytes, b.bytes, size) == 0;                                                \
    }                                                                                              \
    static inline int name##_cmp(name##_t a, name##_t b)                                           \
    {                                                                                              \
        return memcmp(a.bytes, b.bytes, size);                                                     \
    }                                                                                              \
    static inline bool name##_is_zero(name##_t a)                                                  \
    {                                                                                              \
        static const name##_t zero;                                                                \
        return memcmp(a.bytes, zero.bytes, size) == 0;                                             \
    }

FSP_DEFINE_ID(fsp_mesh_id, 32)    /* SHA-256 of the genesis record */
FSP_DEFINE_ID(fsp_node_id, 32)    /* SHA-256 of a node's Ed25519 public key */
FSP_DEFINE_ID(fsp_store_id, 16)   /* random, made with a data directory */
FSP_DEFINE_ID(fsp_space_id, 16)   /* random; also the space tag in object rows */
FSP_DEFINE_ID(fsp_file_id, 16)    /* random; files, directories and symlinks alike */
FSP_DEFINE_ID(fsp_op_id, 16)      /* random, chosen by the client, kept over retries */
FSP_DEFINE_ID(fsp_upload_id, 16)  /* random, chosen by the client */
FSP_DEFINE_ID(fsp_link_id, 16)    /* random, a secret: whoever has it may use the share link */
FSP_DEFINE_ID(fsp_subject_id, 16) /* who acts: an account or a client key */
FSP_DEFINE_ID(fsp_key, 32)        /* an object's name: SHA-256 of its head (docs/protocol) */
FSP_DEFINE_ID(fsp_version_id, 32) /* SHA-256 of a version record */
FSP_DEFINE_ID(fsp_hash, 32)       /* any other SHA-256 */

/* Microseconds.  Which clock is said where a value is used; core never asks one. */
typedef uint64_t fsp_time_t;
#define FSP_TIME_NEVER UINT64_MAX

/* Borrowed bytes: valid as long as the owner says. */
typedef struct {
    const uint8_t *data;
    size_t bytes;
} fsp_slice_t;

static inline fsp_slice_t
fsp_slice(const void *data, size_t bytes)
{
    return (fsp_slice_t){.data = (const uint8_t *)data, .bytes = bytes};
}

static inline fsp_slice_t
fsp_slice_text(const char *text)
{
    return fsp_slice(text, strlen(text));
}

/* memcmp order, shorter first on a tie; total, also for empty slices. */
static inline int
fsp_slice_cmp(fsp_slice_t a, fsp_slice_t b)
{
    size_t common = a.bytes < b.bytes ? a.bytes : b.bytes;
    int order = common ? memcmp(a.data, b.data, common) : 0;
    if (order != 0)
        return order;
    return a.bytes < b.bytes ? -1 : a.bytes > b.bytes;
}

static inline bool
fsp_slice_eq(fsp_slice_t a, fsp_slice_t b)
{
    return a.bytes == b.bytes && (a.bytes == 0 || memcmp(a.data, b.data, a.bytes) == 0);
}

/* Whole identifier as a slice: FSP_SLICE_OF(space_id). */
#define FSP_SLICE_OF(id) fsp_slice((id).bytes, sizeof((id).bytes))

/* Big-endian integers, as in keys and envelopes.  Through memcpy, which compilers turn into one
   move and a swap; a loop over bytes they do not (measured: 6 times slower in a hot loop). */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define FSP_SWAP16(value) __builtin_bswap16(value)
#define FSP_SWAP32(value) __builtin_bswap32(value)
#define FSP_SWAP64(value) __builtin_bswap64(value)
#else
#define FSP_SWAP16(value) (value)
#define FSP_SWAP32(value) (value)
#define FSP_SWAP64(value) (value)
#endif

static inline void
fsp_store_u16(uint8_t *to, uint16_t value)
{
    value = FSP_SWAP16(value);
    memcpy(to, &value, sizeof(value));
}
static inline void
fsp_store_u32(uint8_t *to, uint32_t value)
{
    value = FSP_SWAP32(value);
    memcpy(to, &value, sizeof(value));
}
static inline void
fsp_store_u64(uint8_t *to, uint64_t value)
{
    value = FSP_SWAP64(value);
    memcpy(to, &value, sizeof(value));
}
static inline uint16_t
fsp_load_u16(const uint8_t *from)
{
    uint16_t value;
    memcpy(&value, from, sizeof(value));
    return FSP_SWAP16(value);
}
static inline uint32_t
fsp_load_u32(const uint8_t *from)
{
    uint32_t value;
    memcpy(&value, from, sizeof(value));
    return FSP_SWAP32(value);
}
static inline uint64_t
fsp_load_u64(const uint8_t *from)
{
    uint64_t value;
    memcpy(&value, from, sizeof(value));
    return FSP_SWAP64(value);
}
#endif
