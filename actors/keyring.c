/* SPDX-License-Identifier: MIT */
/* keyring - the CURVE keys that may connect to this node.  Layer actors. */
#include "actors/keyring.h"

#include "core/base/canon.h"
#include "core/base/check.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"
#include "proto/client.h"
#include "store/datadir.h"

#define KEYS_FILE "client-keys"
#define ADMIN_NAME "admin"

enum { FORMAT = 1, FILE_FIELDS = 3, ITEM_FIELDS = 3, NEWER_FIELDS_MAX = 64 };

static_assert((int)FSP_KEYRING_NAME_BYTES_MAX == (int)FSP_KEY_NAME_BYTES_MAX, "one bound");
/* [key, name, added] is at most 1 + 34 + 65 + 9 octets. */
static_assert(FSP_KEYRING_FURTHER_MAX * 112 + 128 <= FSP_KEYRING_FILE_BYTES_MAX, "a ring fits");

void
fsp_keyring_init(fsp_keyring_t *self, fsp_mesh_id_t mesh_id, const uint8_t admin_key[32])
{
    FSP_PRE(self && admin_key);
    memset(self, 0, sizeof(*self));
    self->mesh_id = mesh_id;
    memcpy(self->items[0].key.bytes, admin_key, sizeof(self->items[0].key.bytes));
    memcpy(self->items[0].name, ADMIN_NAME, sizeof(ADMIN_NAME));
    self->count = 1;
}

/* All are looked at, and none differently from the others: how long it takes says nothing. */
const fsp_keyring_item_t *
fsp_keyring_find(const fsp_keyring_t *self, fsp_key_t key)
{
    const fsp_keyring_item_t *found = NULL;
    for (size_t i = 0; i < self->count; i++) {
        if (fsp_equal_secret(self->items[i].key.bytes, key.bytes, sizeof(key.bytes)))
            found = &self->items[i];
    }
    return found;
}

/* As a profile's name (docs/protocol/keys.md, section 9). */
static bool
name_fits(fsp_slice_t name)
{
    if (name.bytes > FSP_KEYRING_NAME_BYTES_MAX || !fsp_name_valid(name))
        return false;
    for (size_t i = 0; i < name.bytes; i++) {
        if (name.data[i] < 0x20 || name.data[i] == 0x7f)
            return false;
    }
    return true;
}

fsp_status_t
fsp_keyring_add(fsp_keyring_t *self, fsp_key_t key, fsp_slice_t name, fsp_time_t added)
{
    if (fsp_key_is_zero(key))
        return FSP_INVALID;
    if (!name_fits(name))
        return FSP_BAD_NAME;
    for (size_t i = 0; i < self->count; i++) {
        bool same_key = fsp_key_eq(self->items[i].key, key);
        bool same_name = fsp_slice_eq(fsp_slice_text(self->items[i].name), name);
        if (same_key && same_name)
            return FSP_OK;
        if (same_key || same_name)
            return FSP_EXISTS;
    }
    if (self->count == 1 + FSP_KEYRING_FURTHER_MAX)
        return FSP_BUSY;
    fsp_keyring_item_t *item = &self->items[self->count++];
    *item = (fsp_keyring_item_t){.key = key, .added = added};
    memcpy(item->name, name.data, name.bytes);
    return FSP_OK;
}

fsp_status_t
fsp_keyring_remove(fsp_keyring_t *self, fsp_key_t key)
{
    const fsp_keyring_item_t *item = fsp_keyring_find(self, key);
    if (!item)
        return FSP_NOT_FOUND;
    if (item == &self->items[0])
        return FSP_FORBIDDEN;
    size_t at = (size_t)(item - self->items);
    self->count--;
    memmove(&self->items[at], &self->items[at + 1], (self->count - at) * sizeof(self->items[0]));
    self->items[self->count] = (fsp_keyring_item_t){.added = 0};
    return FSP_OK;
}

/* -- the file ---------------------------------------------------------------------------------- */

/* A bit that turned would be another key, which might be somebody's; and the file of another mesh
   has keys of other people. */
static fsp_hash_t
checksum(fsp_mesh_id_t mesh_id, fsp_slice_t items)
{
    static const char what[] = "fsp client keys v1";
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_KEYRING_FILE_BYTES_MAX + sizeof(what) + sizeof(mesh_id.bytes));
    fsp_buf_append(&bytes, what, sizeof(what) - 1);
    fsp_buf_append(&bytes, mesh_id.bytes, sizeof(mesh_id.bytes));
    fsp_buf_append_slice(&bytes, items);
    FSP_ASSERT(fsp_buf_ok(&bytes));
    fsp_hash_t hash = fsp_sha256(fsp_buf_slice(&bytes));
    fsp_buf_clear(&bytes);
    return hash;
}

void
fsp_keyring_encode(const fsp_keyring_t *self, fsp_buf_t *buf)
{
    FSP_PRE(self->count > 0);
    fsp_buf_t items;
    fsp_buf_init(&items, FSP_KEYRING_FILE_BYTES_MAX);
    fsp_canon_array(&items, self->count - 1);
    for (size_t i = 1; i < self->count; i++) {
        fsp_canon_array(&items, ITEM_FIELDS);
        fsp_canon_id(&items, self->items[i].key);
        fsp_canon_text(&items, fsp_slice_text(self->items[i].name));
        fsp_canon_uint(&items, self->items[i].added);
    }
    fsp_canon_array(buf, FILE_FIELDS);
    fsp_canon_uint(buf, FORMAT);
    fsp_canon_bin(buf, fsp_buf_slice(&items));
    fsp_hash_t hash = checksum(self->mesh_id, fsp_buf_slice(&items));
    fsp_canon_id(buf, hash);
    fsp_buf_clear(&items);
}

static fsp_status_t
decode_items(fsp_slice_t bytes, fsp_keyring_t *self)
{
    fsp_canon_t reader = fsp_canon_reader(bytes);
    size_t count = fsp_canon_read_array(&reader, 0, FSP_KEYRING_FURTHER_MAX);
    for (size_t i = 0; i < count && reader.status == FSP_OK; i++) {
        fsp_key_t key;
        (void)fsp_canon_read_array(&reader, ITEM_FIELDS, ITEM_FIELDS); /* sticky */
        fsp_canon_read_id(&reader, &key);
        fsp_slice_t name = fsp_canon_read_text(&reader, FSP_KEYRING_NAME_BYTES_MAX);
        fsp_time_t added = fsp_canon_read_uint(&reader, UINT64_MAX);
        size_t before = self->count;
        if (reader.status == FSP_OK && (fsp_keyring_add(self, key, name, added) != FSP_OK ||
                                        self->count == before || added == 0))
            fsp_canon_fail(&reader, FSP_DAMAGED);
    }
    return fsp_canon_finish(&reader);
}

fsp_status_t
fsp_keyring_decode(fsp_slice_t bytes, fsp_keyring_t *self)
{
    FSP_PRE(self->count == 1);
    fsp_canon_t reader = fsp_canon_reader(bytes);
    size_t fields = fsp_canon_read_array(&reader, 1, NEWER_FIELDS_MAX);
    uint64_t format = fsp_canon_read_uint(&reader, UINT32_MAX);
    if (reader.status == FSP_OK && format > FORMAT)
        return FSP_FORMAT_NEWER;
    fsp_slice_t items = fsp_canon_read_bin(&reader, FSP_KEYRING_FILE_BYTES_MAX);
    fsp_hash_t hash;
    fsp_canon_read_id(&reader, &hash);
    if (fsp_canon_finish(&reader) != FSP_OK || format != FORMAT || fields != FILE_FIELDS ||
        !fsp_hash_eq(hash, checksum(self->mesh_id, items)) || decode_items(items, self) != FSP_OK)
        return FSP_DAMAGED;
    return FSP_OK;
}

fsp_status_t
fsp_keyring_load(const char *directory, fsp_keyring_t *self, fsp_error_t *error)
{
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_KEYRING_FILE_BYTES_MAX);
    fsp_status_t status = fsp_datadir_read(directory, KEYS_FILE, true, &bytes, error);
    if (status == FSP_OK || status == FSP_TOO_LARGE) {
        status = status == FSP_OK ? fsp_keyring_decode(fsp_buf_slice(&bytes), self) : FSP_DAMAGED;
        if (status == FSP_FORMAT_NEWER)
            (void)fsp_error_set(error, status, "%.150s/%s is of a newer format", directory,
                                KEYS_FILE);
        else if (status != FSP_OK)
            (void)fsp_error_set(error, status,
                                "%.150s/%s is damaged: put a copy back, or move it away, and give "
                                "further clients new keys",
                                directory, KEYS_FILE);
    } else if (status == FSP_NOT_FOUND) {
        status = FSP_OK;
    }
    fsp_buf_clear(&bytes);
    return status;
}

fsp_status_t
fsp_keyring_save(const char *directory, const fsp_keyring_t *self, fsp_error_t *error)
{
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_KEYRING_FILE_BYTES_MAX);
    fsp_keyring_encode(self, &bytes);
    FSP_ASSERT(fsp_buf_ok(&bytes));
    fsp_status_t status =
        fsp_datadir_write(directory, KEYS_FILE, 0600, fsp_buf_slice(&bytes), error);
    fsp_buf_clear(&bytes);
    return status;
}
