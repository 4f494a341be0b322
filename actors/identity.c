/* SPDX-License-Identifier: MIT */
/* identity - what makes a data directory this node of this mesh.  Layer actors. */
#include "actors/identity.h"

#include "actors/clock.h"
#include "core/base/alloc.h"
#include "core/base/canon.h"
#include "core/base/check.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"
#include "core/place/place.h"
#include "store/datadir.h"

#include <stdio.h>
#include <unistd.h>

#define KEYS_FILE "node.keys"
#define RECOVERY_FILE "recovery-code"
#define PROFILE_FILE "admin.profile"
#define UNPUBLISHED_FILE "admin.profile.init" /* the profile before the node has an address */
#define ROW_GENESIS "genesis"
#define ROW_KEK_GATEWAY "kek.gateway"
#define ROW_KEK_RECOVERY "kek.recovery"
#define WRAP_MESH_KEY "fsp mesh key v1"

enum { FORMAT = 1, RECORD_BYTES_MAX = 4096 };

/* -- node.keys --------------------------------------------------------------------------------- */

static void
derive_keys(fsp_identity_t *self, const fsp_secret_t *seed, const fsp_secret_t *curve,
            const fsp_secret_t *sealing)
{
    fsp_sign_key_from_seed(&self->sign_key, seed);
    fsp_box_key_from_secret(&self->curve_key, curve);
    fsp_box_key_from_secret(&self->sealing_key, sealing);
    self->node_id = fsp_node_id_of(self->sign_key.public_key);
}

static fsp_status_t
read_keys(const char *directory, fsp_identity_t *self, fsp_error_t *error)
{
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, RECORD_BYTES_MAX);
    fsp_status_t status = fsp_datadir_read(directory, KEYS_FILE, true, &bytes, error);
    if (status == FSP_OK) {
        FSP_AUTO(fsp_secret_wipe) fsp_secret_t seed = {0};
        FSP_AUTO(fsp_secret_wipe) fsp_secret_t curve = {0};
        FSP_AUTO(fsp_secret_wipe) fsp_secret_t sealing = {0};
        fsp_canon_t reader = fsp_canon_reader(fsp_buf_slice(&bytes));
        size_t fields = fsp_canon_read_array(&reader, 1, 64); /* a newer format may have more */
        uint64_t format = fsp_canon_read_uint(&reader, UINT32_MAX);
        fsp_canon_read_id(&reader, &self->store_id);
        fsp_canon_read_id(&reader, &seed);
        fsp_canon_read_id(&reader, &curve);
        fsp_canon_read_id(&reader, &sealing);
        if (reader.status == FSP_OK && format > FORMAT)
            status = fsp_error_set(error, FSP_FORMAT_NEWER,
                                   "%s/%s has format %llu, this program knows %d", directory,
                                   KEYS_FILE, (unsigned long long)format, FORMAT);
        else if (fsp_canon_finish(&reader) != FSP_OK || format != FORMAT || fields != 5)
            status = fsp_error_set(error, FSP_DAMAGED, "%s/%s is damaged", directory, KEYS_FILE);
        else
            derive_keys(self, &seed, &curve, &sealing);
        fsp_wipe(bytes.data, bytes.bytes);
    }
    fsp_buf_clear(&bytes);
    return status;
}

static fsp_status_t
make_keys(const char *directory, fsp_identity_t *self, fsp_error_t *error)
{
    FSP_AUTO(fsp_secret_wipe) fsp_secret_t seed;
    FSP_AUTO(fsp_secret_wipe) fsp_secret_t curve;
    FSP_AUTO(fsp_secret_wipe) fsp_secret_t sealing;
    fsp_random(seed.bytes, sizeof(seed.bytes));
    fsp_random(curve.bytes, sizeof(curve.bytes));
    fsp_random(sealing.bytes, sizeof(sealing.bytes));
    fsp_random(self->store_id.bytes, sizeof(self->store_id.bytes));
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, RECORD_BYTES_MAX);
    (void)fsp_buf_extend(
        &bytes, RECORD_BYTES_MAX); /* all at once: growing would leave copies of secrets behind */
    fsp_buf_reset(&bytes);
    fsp_canon_array(&bytes, 5);
    fsp_canon_uint(&bytes, FORMAT);
    fsp_canon_id(&bytes, self->store_id);
    fsp_canon_id(&bytes, seed);
    fsp_canon_id(&bytes, curve);
    fsp_canon_id(&bytes, sealing);
    fsp_status_t status =
        fsp_datadir_write(directory, KEYS_FILE, 0600, fsp_buf_slice(&bytes), error);
    fsp_wipe(bytes.data, bytes.bytes);
    fsp_buf_clear(&bytes);
    if (status == FSP_OK)
        derive_keys(self, &seed, &curve, &sealing);
    return status;
}

/* -- recovery code ----------------------------------------------------------------------------- */

static fsp_status_t
recovery_bits(const char *directory, fsp_secret_t *ret_bits, fsp_error_t *error)
{
    fsp_buf_t text;
    fsp_buf_init(&text, RECORD_BYTES_MAX);
    fsp_status_t status = fsp_datadir_read(directory, RECOVERY_FILE, true, &text, error);
    if (status == FSP_OK) {
        /* Made by a start that did not finish: the code may have been shown, so it stays. */
        if (fsp_recovery_decode(fsp_buf_slice(&text), ret_bits) != FSP_OK)
            status =
                fsp_error_set(error, FSP_DAMAGED, "%s/%s is damaged", directory, RECOVERY_FILE);
    } else if (status == FSP_NOT_FOUND) {
        fsp_random(ret_bits->bytes, sizeof(ret_bits->bytes));
        char code[FSP_RECOVERY_TEXT_BYTES + 1];
        fsp_recovery_encode(ret_bits, code);
        size_t length = strlen(code);
        code[length] = '\n';
        status =
            fsp_datadir_write(directory, RECOVERY_FILE, 0600, fsp_slice(code, length + 1), error);
        fsp_wipe(code, sizeof(code));
    }
    if (text.data)
        fsp_wipe(text.data, text.bytes);
    fsp_buf_clear(&text);
    return status;
}

/* -- admin.profile ----------------------------------------------------------------------------- */

static fsp_status_t
write_profile(const char *directory, const char *name, const fsp_profile_t *profile,
              fsp_error_t *error)
{
    fsp_buf_t text;
    fsp_buf_init(&text, FSP_PROFILE_BYTES_MAX);
    fsp_profile_encode(profile, &text);
    FSP_ASSERT(fsp_buf_ok(&text));
    fsp_status_t status = fsp_datadir_write(directory, name, 0600, fsp_buf_slice(&text), error);
    fsp_wipe(text.data, text.bytes);
    fsp_buf_clear(&text);
    return status;
}

static fsp_status_t
read_profile(const char *directory, const char *name, fsp_profile_t *ret, fsp_error_t *error)
{
    fsp_buf_t text;
    fsp_buf_init(&text, FSP_PROFILE_BYTES_MAX);
    fsp_status_t status = fsp_datadir_read(directory, name, true, &text, error);
    if (status == FSP_OK)
        status = fsp_profile_decode(fsp_buf_slice(&text), ret, error);
    if (text.data)
        fsp_wipe(text.data, text.bytes);
    fsp_buf_clear(&text);
    return status;
}

/* -- genesis ----------------------------------------------------------------------------------- */

static void
fill_profile(const fsp_identity_t *self, const fsp_box_key_t *admin, fsp_profile_t *ret)
{
    memset(ret, 0, sizeof(*ret));
    (void)snprintf(ret->name, sizeof(ret->name), "admin");
    memcpy(ret->mesh_id, self->mesh_id.bytes, sizeof(ret->mesh_id));
    /* Replaced by the real address when it is published. */
    (void)snprintf(ret->endpoints[0], sizeof(ret->endpoints[0]), "tcp://127.0.0.1:7420");
    ret->endpoint_count = 1;
    fsp_z85_encode(self->curve_key.public_key, 32, ret->server_key);
    fsp_z85_encode(admin->public_key, 32, ret->public_key);
    fsp_z85_encode(admin->secret_key.bytes, 32, ret->secret_key);
    memcpy(ret->node_key, self->sign_key.public_key, sizeof(ret->node_key));
    (void)snprintf(ret->space, sizeof(ret->space), "home");
}

static fsp_status_t
read_genesis(const char *directory, fsp_slice_t record, fsp_identity_t *self, fsp_error_t *error)
{
    uint8_t sign_public[32], nonce[32];
    fsp_canon_t reader = fsp_canon_reader(record);
    size_t fields = fsp_canon_read_array(&reader, 1, 64); /* a newer format may have more */
    uint64_t format = fsp_canon_read_uint(&reader, UINT32_MAX);
    (void)fsp_canon_read_uint(&reader, UINT64_MAX);
    self->slot_bits = (unsigned)fsp_canon_read_uint(&reader, 20);
    fsp_canon_read_fixed(&reader, sign_public, sizeof(sign_public));
    fsp_canon_read_fixed(&reader, self->admin_public_key, sizeof(self->admin_public_key));
    fsp_canon_read_fixed(&reader, nonce, sizeof(nonce));
    if (reader.status == FSP_OK && format > FORMAT)
        return fsp_error_set(error, FSP_FORMAT_NEWER, "%s: the genesis record is of a newer format",
                             directory);
    if (fsp_canon_finish(&reader) != FSP_OK || format != FORMAT || fields != 6 ||
        self->slot_bits < 16)
        return fsp_error_set(error, FSP_DAMAGED, "%s: the genesis record is damaged", directory);
    if (memcmp(sign_public, self->sign_key.public_key, sizeof(sign_public)) != 0)
        return fsp_error_set(error, FSP_DAMAGED,
                             "%s: node.keys belongs to another node than the database beside it",
                             directory);
    fsp_hash_t hash = fsp_sha256(record);
    memcpy(self->mesh_id.bytes, hash.bytes, sizeof(self->mesh_id.bytes));
    return FSP_OK;
}

static fsp_status_t
open_mesh_key(const char *directory, fsp_view_t *local, fsp_identity_t *self, fsp_error_t *error)
{
    fsp_buf_t sealed, plain;
    fsp_buf_init(&sealed, RECORD_BYTES_MAX);
    fsp_buf_init(&plain, RECORD_BYTES_MAX);
    fsp_status_t status = fsp_view_get(local, fsp_slice_text(ROW_KEK_GATEWAY), &sealed);
    if (status == FSP_OK)
        status = fsp_box_open(&self->sealing_key, fsp_buf_slice(&sealed), &plain);
    if (status == FSP_OK && plain.bytes == sizeof(self->mesh_key.bytes))
        memcpy(self->mesh_key.bytes, plain.data, sizeof(self->mesh_key.bytes));
    else
        status = fsp_error_set(error, FSP_DAMAGED,
                               "%s: the mesh key cannot be opened with node.keys", directory);
    if (plain.data)
        fsp_wipe(plain.data, plain.bytes);
    fsp_buf_clear(&plain);
    fsp_buf_clear(&sealed);
    return status;
}

/* Writes the three rows of a new mesh in one durable batch. */
static fsp_status_t
write_genesis(fsp_store_t *store, fsp_slice_t record, fsp_identity_t *self,
              const fsp_secret_t *recovery, fsp_error_t *error)
{
    fsp_random(self->mesh_key.bytes, sizeof(self->mesh_key.bytes));
    FSP_AUTO(fsp_secret_wipe) fsp_secret_t ephemeral;
    FSP_AUTO(fsp_secret_wipe) fsp_secret_t recovery_kek;
    uint8_t salt[32];
    fsp_random(ephemeral.bytes, sizeof(ephemeral.bytes));
    fsp_random(salt, sizeof(salt));
    fsp_recovery_kek(recovery, &recovery_kek);
    fsp_buf_t sealed, wrapped;
    fsp_buf_init(&sealed, RECORD_BYTES_MAX);
    fsp_buf_init(&wrapped, RECORD_BYTES_MAX);
    fsp_status_t status = fsp_box_seal(self->sealing_key.public_key, &ephemeral,
                                       FSP_SLICE_OF(self->mesh_key), &sealed);
    FSP_ASSERT(status == FSP_OK); /* our own key is a good point */
    fsp_wrap(&recovery_kek, salt, WRAP_MESH_KEY, FSP_SLICE_OF(self->mesh_key), &wrapped);
    fsp_batch_t *batch = fsp_batch_new();
    fsp_batch_put(batch, FSP_FAMILY_LOCAL, fsp_slice_text(ROW_KEK_GATEWAY), fsp_buf_slice(&sealed));
    fsp_batch_put(batch, FSP_FAMILY_LOCAL, fsp_slice_text(ROW_KEK_RECOVERY),
                  fsp_buf_slice(&wrapped));
    fsp_batch_put(batch, FSP_FAMILY_LOCAL, fsp_slice_text(ROW_GENESIS), record);
    status = fsp_store_write(store, &batch, 1, error);
    fsp_batch_destroy(&batch);
    fsp_buf_clear(&sealed);
    fsp_buf_clear(&wrapped);
    return status;
}

/* The admin's pair: new, or of a start that did not finish. */
static fsp_status_t
admin_pair(const char *directory, fsp_box_key_t *ret, fsp_error_t *error)
{
    fsp_profile_t profile;
    FSP_AUTO(fsp_secret_wipe) fsp_secret_t secret;
    fsp_status_t status = read_profile(directory, UNPUBLISHED_FILE, &profile, error);
    if (status == FSP_OK) {
        status =
            fsp_z85_decode(fsp_slice_text(profile.secret_key), secret.bytes, sizeof(secret.bytes));
        fsp_profile_wipe(&profile);
        if (status != FSP_OK)
            return fsp_error_set(error, FSP_DAMAGED, "%s/%s is damaged", directory,
                                 UNPUBLISHED_FILE);
    } else if (status == FSP_NOT_FOUND) {
        fsp_random(secret.bytes, sizeof(secret.bytes));
    } else {
        return status;
    }
    fsp_box_key_from_secret(ret, &secret);
    return FSP_OK;
}

static fsp_status_t
initialise(const char *directory, fsp_store_t *store, fsp_identity_t *self, fsp_error_t *error)
{
    FSP_AUTO(fsp_secret_wipe) fsp_secret_t recovery = {0};
    fsp_box_key_t admin = {0};
    fsp_status_t status = recovery_bits(directory, &recovery, error);
    if (status == FSP_OK)
        status = admin_pair(directory, &admin, error);
    if (status != FSP_OK)
        return status;
    uint8_t nonce[32];
    fsp_random(nonce, sizeof(nonce));
    self->slot_bits = FSP_SLOT_BITS_DEFAULT;
    memcpy(self->admin_public_key, admin.public_key, sizeof(self->admin_public_key));
    fsp_buf_t record;
    fsp_buf_init(&record, RECORD_BYTES_MAX);
    fsp_canon_array(&record, 6);
    fsp_canon_uint(&record, FORMAT);
    fsp_canon_uint(&record, fsp_clock_wall_us());
    fsp_canon_uint(&record, self->slot_bits);
    fsp_canon_bin(&record, fsp_slice(self->sign_key.public_key, 32));
    fsp_canon_bin(&record, fsp_slice(self->admin_public_key, 32));
    fsp_canon_bin(&record, fsp_slice(nonce, 32));
    fsp_hash_t hash = fsp_sha256(fsp_buf_slice(&record));
    memcpy(self->mesh_id.bytes, hash.bytes, sizeof(self->mesh_id.bytes));
    fsp_profile_t profile;
    fill_profile(self, &admin, &profile);
    status = write_profile(directory, UNPUBLISHED_FILE, &profile, error);
    if (status == FSP_OK)
        status = write_genesis(store, fsp_buf_slice(&record), self, &recovery, error);
    self->fresh = status == FSP_OK;
    fsp_profile_wipe(&profile);
    fsp_secret_wipe(&admin.secret_key);
    fsp_buf_clear(&record);
    return status;
}

fsp_status_t
fsp_identity_open(const char *directory, fsp_store_t *store, fsp_identity_t *ret,
                  fsp_error_t *error)
{
    memset(ret, 0, sizeof(*ret));
    fsp_view_t *local = fsp_store_view(store, FSP_FAMILY_LOCAL);
    fsp_buf_t record;
    fsp_buf_init(&record, RECORD_BYTES_MAX);
    fsp_status_t genesis = fsp_view_get(local, fsp_slice_text(ROW_GENESIS), &record);
    fsp_status_t status = read_keys(directory, ret, error);
    if (genesis != FSP_OK && genesis != FSP_NOT_FOUND)
        status = fsp_error_set(error, genesis, "%s: the genesis record cannot be read", directory);
    else if (genesis == FSP_OK && status == FSP_NOT_FOUND)
        status = fsp_error_set(error, FSP_DAMAGED, "%s: the database is there, but %s is missing",
                               directory, KEYS_FILE);
    else if (genesis == FSP_NOT_FOUND && status == FSP_NOT_FOUND)
        status = make_keys(directory, ret, error);
    if (status == FSP_OK && genesis == FSP_OK) {
        status = read_genesis(directory, fsp_buf_slice(&record), ret, error);
        if (status == FSP_OK)
            status = open_mesh_key(directory, local, ret, error);
    } else if (status == FSP_OK) {
        status = initialise(directory, store, ret, error);
    }
    fsp_buf_clear(&record);
    return status;
}

fsp_status_t
fsp_identity_read(const char *directory, fsp_view_t *local, fsp_identity_t *ret, fsp_error_t *error)
{
    memset(ret, 0, sizeof(*ret));
    fsp_buf_t record;
    fsp_buf_init(&record, RECORD_BYTES_MAX);
    fsp_status_t status = fsp_view_get(local, fsp_slice_text(ROW_GENESIS), &record);
    if (status == FSP_NOT_FOUND)
        (void)fsp_error_set(error, status,
                            "%s: the first start was cut short: there is nothing yet", directory);
    else if (status != FSP_OK)
        (void)fsp_error_set(error, status, "%s: the genesis record cannot be read", directory);
    else if ((status = read_keys(directory, ret, error)) == FSP_NOT_FOUND)
        status = fsp_error_set(error, FSP_DAMAGED, "%s: the database is there, but %s is missing",
                               directory, KEYS_FILE);
    if (status == FSP_OK)
        status = read_genesis(directory, fsp_buf_slice(&record), ret, error);
    if (status == FSP_OK)
        status = open_mesh_key(directory, local, ret, error);
    fsp_buf_clear(&record);
    return status;
}

fsp_status_t
fsp_identity_check_recovery(const char *directory, fsp_view_t *local, const fsp_identity_t *self,
                            fsp_error_t *error)
{
    FSP_AUTO(fsp_secret_wipe) fsp_secret_t bits = {0};
    FSP_AUTO(fsp_secret_wipe) fsp_secret_t kek = {0};
    fsp_buf_t text, wrapped, plain;
    fsp_buf_init(&text, RECORD_BYTES_MAX);
    fsp_buf_init(&wrapped, RECORD_BYTES_MAX);
    fsp_buf_init(&plain, RECORD_BYTES_MAX);
    fsp_status_t status = fsp_datadir_read(directory, RECOVERY_FILE, true, &text, error);
    bool moved = status == FSP_NOT_FOUND;
    if (status == FSP_OK)
        status = fsp_recovery_decode(fsp_buf_slice(&text), &bits);
    if (status == FSP_OK)
        status = fsp_view_get(local, fsp_slice_text(ROW_KEK_RECOVERY), &wrapped);
    if (status == FSP_OK) {
        fsp_recovery_kek(&bits, &kek);
        status = fsp_unwrap(&kek, WRAP_MESH_KEY, fsp_buf_slice(&wrapped), &plain);
    }
    if (status == FSP_OK && !fsp_slice_eq(fsp_buf_slice(&plain), FSP_SLICE_OF(self->mesh_key)))
        status = FSP_DAMAGED;
    if (status != FSP_OK && !moved)
        status =
            fsp_error_set(error, FSP_DAMAGED, "%s/%s does not open the mesh key in the database",
                          directory, RECOVERY_FILE);
    if (text.data)
        fsp_wipe(text.data, text.bytes);
    if (plain.data)
        fsp_wipe(plain.data, plain.bytes);
    fsp_buf_clear(&text);
    fsp_buf_clear(&wrapped);
    fsp_buf_clear(&plain);
    return moved ? FSP_OK : status;
}

void
fsp_identity_wipe(fsp_identity_t *self)
{
    fsp_wipe(self, sizeof(*self));
}

fsp_status_t
fsp_identity_publish(const char *directory, const fsp_identity_t *self, const char *endpoint,
                     fsp_error_t *error)
{
    /* A profile appears under its name only with an address that answers; until then it waits under
     * another. */
    fsp_profile_t profile;
    fsp_status_t status = read_profile(directory, UNPUBLISHED_FILE, &profile, error);
    bool unpublished = status == FSP_OK;
    if (status == FSP_NOT_FOUND)
        status = read_profile(directory, PROFILE_FILE, &profile, error);
    if (status == FSP_NOT_FOUND)
        return FSP_OK; /* moved off the machine, as advised */
    if (status != FSP_OK)
        return status;
    bool same =
        !unpublished && profile.endpoint_count > 0 && strcmp(profile.endpoints[0], endpoint) == 0;
    if (memcmp(profile.mesh_id, self->mesh_id.bytes, sizeof(profile.mesh_id)) != 0) {
        status = fsp_error_set(error, FSP_DAMAGED, "%s/%s belongs to another mesh", directory,
                               unpublished ? UNPUBLISHED_FILE : PROFILE_FILE);
    } else if (!same) {
        (void)snprintf(profile.endpoints[0], sizeof(profile.endpoints[0]), "%s", endpoint);
        if (profile.endpoint_count == 0)
            profile.endpoint_count = 1;
        status = write_profile(directory, PROFILE_FILE, &profile, error);
    }
    fsp_profile_wipe(&profile);
    if (status == FSP_OK && unpublished) {
        /* If this is lost in a crash, the next start publishes the same profile again. */
        char path[4096];
        if (snprintf(path, sizeof(path), "%s/%s", directory, UNPUBLISHED_FILE) < (int)sizeof(path))
            (void)unlink(path);
    }
    return status;
}
