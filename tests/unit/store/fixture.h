/* SPDX-License-Identifier: MIT */
/* fixture - a store of an older format, as the program of that format left it.  Layer tests.
 *
 * tests/fixtures/store-FORMAT.tar.gz; its README.md says how each was made.  Object i lies in BYTES
 * under fixture_key(i, 0); its octets follow from i.
 */
#ifndef FSP_TESTS_UNIT_STORE_FIXTURE_H
#define FSP_TESTS_UNIT_STORE_FIXTURE_H
#include "core/base/blob.h"
#include "core/base/types.h"
#include "tests/unit/proto/docs.h"
#include "tests/unit/store/scratch.h"

enum {
    FIXTURE_OBJECTS = 30, /* less those of 10 and 11, and one more: fixture_object */
    FIXTURE_KEY_BYTES = 53,
    FIXTURE_SEQUENCE = 32,
    FIXTURE_SHARD = 3, /* its replica 1 has the mark FIXTURE_OBJECTS */
    FIXTURE_BYTES_MAX = 2097152
};

/* Unpacks that of a format into the directory, which exists. */
static inline void
fixture_unpack(const char *directory, unsigned format)
{
    char archive[4096], name[64];
    (void)snprintf(name, sizeof(name), "tests/fixtures/store-%u.tar.gz", format);
    fsp_docs_path(name, archive, sizeof(archive));
    pid_t child = fork();
    ck_assert(child >= 0);
    if (child == 0) {
        (void)execlp("tar", "tar", "-xzf", archive, "-C", directory, (char *)NULL);
        _exit(127);
    }
    int code = 0;
    ck_assert_int_eq(waitpid(child, &code, 0), child);
    ck_assert_msg(WIFEXITED(code) && WEXITSTATUS(code) == 0, "tar -xzf %s: %d", archive, code);
}

static inline void
fixture_key(unsigned i, uint8_t last, uint8_t key[FIXTURE_KEY_BYTES])
{
    fsp_store_u32(key, i * 7);
    memset(key + 4, 0x5a, 16);
    memset(key + 20, (int)i, 32);
    key[FIXTURE_KEY_BYTES - 1] = last;
}

/* The i-th object that is there: its key, and the number that its octets follow from.  False behind
   the last. */
static inline bool
fixture_object(unsigned i, uint8_t key[FIXTURE_KEY_BYTES], unsigned *ret_number)
{
    if (i >= FIXTURE_OBJECTS - 1)
        return false;
    if (i == FIXTURE_OBJECTS - 2) { /* beside object 28 */
        fixture_key(28, 1, key);
        *ret_number = 29;
        return true;
    }
    *ret_number = i < 10 ? i : i + 2; /* a range was deleted */
    fixture_key(*ret_number, 0, key);
    return true;
}

/* New blob with the octets that follow from a number. */
static inline fsp_blob_t *
fixture_bytes(unsigned number)
{
    static const size_t lengths[] = {1,      4095,   4096,   4097,    65536,         65537,  100000,
                                     131072, 262144, 700001, 1 << 20, (1 << 20) + 1, 2097152};
    size_t bytes = lengths[number % (sizeof(lengths) / sizeof(lengths[0]))];
    fsp_blob_t *blob = fsp_blob_new(bytes);
    uint8_t *data = fsp_blob_writable(blob);
    for (size_t at = 0; at < bytes; at++) {
        uint64_t word = at % 16 < 8 ? number : at / 4096;
        data[at] = (uint8_t)(word >> (56 - 8 * (at % 8)));
    }
    return blob;
}
#endif
