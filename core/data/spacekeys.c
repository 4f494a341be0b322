/* SPDX-License-Identifier: MIT */
/* spacekeys - the keys of one space, all generations.  Layer core/data. */
#include "core/data/spacekeys.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/crypto/digest.h"

struct fsp_space_keys {
    fsp_space_key_t **keys; /* ascending generations, each its own memory: pointers stay valid */
    size_t count;
};

fsp_space_keys_t *
fsp_space_keys_new(void)
{
    return FSP_NEW(fsp_space_keys_t);
}

void
fsp_space_keys_destroy(fsp_space_keys_t **self_p)
{
    FSP_PRE(self_p != NULL);
    fsp_space_keys_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    for (size_t i = 0; i < self->count; i++) {
        fsp_wipe(self->keys[i], sizeof(*self->keys[i]));
        fsp_free(self->keys[i]);
    }
    fsp_free(self->keys);
    fsp_free(self);
}

void
fsp_space_keys_add(fsp_space_keys_t *self, uint32_t generation, const fsp_secret_t *data_key)
{
    FSP_PRE(self != NULL);
    FSP_PRE(data_key != NULL);
    const fsp_space_key_t *known = fsp_space_keys_get(self, generation);
    if (known) {
        /* Two keys for one generation: one of them would open nothing. */
        FSP_PRE(fsp_equal_secret(&known->data_key, data_key, sizeof(*data_key)));
        return;
    }
    fsp_space_key_t *key = FSP_NEW(fsp_space_key_t);
    key->generation = generation;
    key->data_key = *data_key;
    fsp_hkdf(FSP_SLICE_OF(*data_key), fsp_slice(NULL, 0), fsp_slice_text("fsp naming v1"),
             key->naming_key.bytes, sizeof(key->naming_key.bytes));
    self->keys = fsp_realloc(self->keys, (self->count + 1) * sizeof(*self->keys));
    size_t at = self->count++;
    for (; at > 0 && self->keys[at - 1]->generation > generation; at--)
        self->keys[at] = self->keys[at - 1];
    self->keys[at] = key;
}

const fsp_space_key_t *
fsp_space_keys_get(const fsp_space_keys_t *self, uint32_t generation)
{
    FSP_PRE(self != NULL);
    /* From the end: nearly everything is of a late generation. */
    for (size_t i = self->count; i > 0; i--) {
        if (self->keys[i - 1]->generation == generation)
            return self->keys[i - 1];
    }
    return NULL;
}

const fsp_space_key_t *
fsp_space_keys_newest(const fsp_space_keys_t *self)
{
    FSP_PRE(self != NULL);
    return self->count ? self->keys[self->count - 1] : NULL;
}
