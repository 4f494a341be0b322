/* SPDX-License-Identifier: MIT */
/* fuzz_identity - what makes a directory a node: key file, genesis, mesh keys.  Layer tests.
 *
 * A sound identity, then for each of its pieces: how u8 (kept, bytes changed, replaced, gone).
 */
#include "actors/identity.h"
#include "core/base/canon.h"
#include "core/base/memview.h"
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEYS, CODE, GENESIS, GATEWAY, RECOVERY, PIECES, PIECE_BYTES_MAX = 4096 };

static char directory[] = "/tmp/fsp-fuzz-identity-XXXXXX";
static const char *const names[PIECES] = {"node.keys", "recovery-code", "genesis", "kek.gateway",
                                          "kek.recovery"};
static fsp_buf_t sound[PIECES];

static void
path_of(int piece, char *ret, size_t bytes)
{
    (void)snprintf(ret, bytes, "%s/%s", directory, names[piece]);
}

static void
remove_directory(void)
{
    char path[128];
    for (int i = KEYS; i <= CODE; i++) {
        path_of(i, path, sizeof(path));
        (void)unlink(path);
    }
    (void)rmdir(directory);
    for (int i = 0; i < PIECES; i++)
        fsp_buf_clear(&sound[i]);
}

static void
make_sound(void)
{
    static const fsp_secret_t seed = {{1}}, curve = {{2}}, sealing = {{3}}, mesh_key = {{4}},
                              bits = {{5}}, ephemeral = {{6}};
    static const fsp_store_id_t store_id = {{7}};
    static const uint8_t salt[32] = {8};
    FUZZ_CHECK(mkdtemp(directory) != NULL);
    (void)atexit(remove_directory);
    for (int i = 0; i < PIECES; i++)
        fsp_buf_init(&sound[i], PIECE_BYTES_MAX);
    fsp_canon_array(&sound[KEYS], 5);
    fsp_canon_uint(&sound[KEYS], 1);
    fsp_canon_id(&sound[KEYS], store_id);
    fsp_canon_id(&sound[KEYS], seed);
    fsp_canon_id(&sound[KEYS], curve);
    fsp_canon_id(&sound[KEYS], sealing);
    char code[FSP_RECOVERY_TEXT_BYTES];
    fsp_recovery_encode(&bits, code);
    fsp_buf_append_slice(&sound[CODE], fsp_slice_text(code));
    fsp_sign_key_t sign_key;
    fsp_sign_key_from_seed(&sign_key, &seed);
    fsp_canon_array(&sound[GENESIS], 6);
    fsp_canon_uint(&sound[GENESIS], 1);
    fsp_canon_uint(&sound[GENESIS], 1000000);
    fsp_canon_uint(&sound[GENESIS], 16);
    fsp_canon_bin(&sound[GENESIS], fsp_slice(sign_key.public_key, 32));
    fsp_canon_id(&sound[GENESIS], curve);
    fsp_canon_id(&sound[GENESIS], sealing);
    fsp_box_key_t box;
    fsp_box_key_from_secret(&box, &sealing);
    FUZZ_CHECK(fsp_box_seal(box.public_key, &ephemeral, FSP_SLICE_OF(mesh_key), &sound[GATEWAY]) ==
               FSP_OK);
    fsp_secret_t kek;
    fsp_recovery_kek(&bits, &kek);
    fsp_wrap(&kek, salt, "fsp mesh key v1", FSP_SLICE_OF(mesh_key), &sound[RECOVERY]);
}

static void
write_piece(int piece, const fsp_buf_t *bytes)
{
    char path[128];
    path_of(piece, path, sizeof(path));
    (void)unlink(path);
    if (!bytes)
        return;
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FUZZ_CHECK(file != -1);
    FUZZ_CHECK(write(file, bytes->data, bytes->bytes) == (ssize_t)bytes->bytes);
    (void)close(file);
}

/* True if the piece is as it was. */
static bool
change_piece(int piece, fuzz_input_t *input, fsp_memview_t *rows)
{
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, PIECE_BYTES_MAX);
    fsp_buf_append_slice(&bytes, fsp_buf_slice(&sound[piece]));
    uint8_t how = fuzz_u8(input) % 8;
    if (how == 1 || how == 2) {
        size_t at = fuzz_u8(input) % bytes.bytes;
        bytes.data[at] ^= fuzz_u8(input);
    } else if (how == 3) {
        bytes.bytes -= fuzz_u8(input) % bytes.bytes;
    } else if (how == 4) {
        fsp_buf_append_slice(&bytes, fuzz_slice(input, fuzz_u8(input)));
    } else if (how == 5) {
        fsp_buf_reset(&bytes);
        fsp_buf_append_slice(&bytes, fuzz_slice(input, fuzz_u8(input)));
    }
    bool gone = how == 6;
    if (piece <= CODE)
        write_piece(piece, gone ? NULL : &bytes);
    else if (!gone)
        fsp_omap_put(fsp_memview_map(rows), fsp_slice_text(names[piece]), fsp_buf_slice(&bytes), 0);
    bool same = !gone && fsp_slice_eq(fsp_buf_slice(&bytes), fsp_buf_slice(&sound[piece]));
    fsp_buf_clear(&bytes);
    return same;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (!sound[KEYS].data)
        make_sound();
    fuzz_input_t input = fuzz_input(data, bytes);
    fsp_memview_t *rows = fsp_memview_new();
    bool same[PIECES];
    for (int i = 0; i < PIECES; i++)
        same[i] = change_piece(i, &input, rows);
    fsp_identity_t identity;
    memset(&identity, 0, sizeof(identity));
    fsp_error_t error = {.text = ""};
    fsp_view_t *local = fsp_memview_view(rows);
    fsp_status_t status = fsp_identity_read(directory, local, &identity, &error);
    FUZZ_CHECK(status == FSP_OK || error.text[0] != '\0');
    FUZZ_CHECK(status == FSP_OK || !same[KEYS] || !same[GENESIS] || !same[GATEWAY]);
    FUZZ_CHECK(status != FSP_OK || same[GATEWAY]); /* sealed: no other bytes open */
    if (status == FSP_OK) {
        status = fsp_identity_check_recovery(directory, local, &identity, &error);
        FUZZ_CHECK(status == FSP_OK || !same[CODE] || !same[RECOVERY]);
    }
    fsp_identity_wipe(&identity);
    fsp_memview_destroy(&rows);
    return 0;
}
