/* SPDX-License-Identifier: MIT */
/* fuzz_keyring - the file of client keys.  Layer tests.
 *
 * how u8: the rest is the file itself (0), or the items, to which a hash that fits is put, so that
 * they are looked at.  What is read must be what would be written.
 */
#include "actors/keyring.h"
#include "core/base/canon.h"
#include "core/crypto/digest.h"
#include "tests/fuzz/fuzz.h"

static const fsp_mesh_id_t mesh = {{1}};
static const uint8_t admin[32] = {2};
static fsp_keyring_t ring;

static void
wrap_items(fsp_slice_t items, fsp_buf_t *ret)
{
    fsp_buf_t hashed;
    fsp_buf_init(&hashed, 2 * FSP_KEYRING_FILE_BYTES_MAX);
    fsp_buf_append_slice(&hashed, fsp_slice_text("fsp client keys v1"));
    fsp_buf_append_slice(&hashed, FSP_SLICE_OF(mesh));
    fsp_buf_append_slice(&hashed, items);
    fsp_hash_t hash = fsp_sha256(fsp_buf_slice(&hashed));
    fsp_canon_array(ret, 3);
    fsp_canon_uint(ret, 1);
    fsp_canon_bin(ret, items);
    fsp_canon_id(ret, hash);
    fsp_buf_clear(&hashed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes < 1 || bytes > FSP_KEYRING_FILE_BYTES_MAX)
        return 0;
    fsp_buf_t file, again;
    fsp_buf_init(&file, 2 * FSP_KEYRING_FILE_BYTES_MAX);
    fsp_buf_init(&again, 2 * FSP_KEYRING_FILE_BYTES_MAX);
    fsp_slice_t rest = fsp_slice(data + 1, bytes - 1);
    if (data[0] == 0)
        fsp_buf_append_slice(&file, rest);
    else
        wrap_items(rest, &file);
    fsp_keyring_init(&ring, mesh, admin);
    fsp_status_t status = fsp_keyring_decode(fsp_buf_slice(&file), &ring);
    FUZZ_CHECK(status == FSP_OK || status == FSP_DAMAGED || status == FSP_FORMAT_NEWER);
    if (status == FSP_OK) {
        fsp_keyring_encode(&ring, &again);
        FUZZ_CHECK(fsp_slice_eq(fsp_buf_slice(&file), fsp_buf_slice(&again)));
        for (size_t i = 0; i < ring.count; i++)
            FUZZ_CHECK(fsp_keyring_find(&ring, ring.items[i].key) == &ring.items[i]);
    }
    fsp_buf_clear(&file);
    fsp_buf_clear(&again);
    return 0;
}
