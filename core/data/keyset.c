/* SPDX-License-Identifier: MIT */
/* keyset - object keys seen so far, exactly, up to a bound.  Layer core/data.  Pure.
 *
 * Open addressing; keys are hashes, so their first bytes are the place.  Zero is a free slot, and
 * no object's key.
 */
#include "core/data/keyset.h"

#include "core/base/alloc.h"
#include "core/base/check.h"

enum { SLOTS_MIN = 1024 };

struct fsp_keyset {
    fsp_key_t *slots;
    size_t slot_count; /* a power of two */
    size_t slots_max;
    size_t count;
    bool full;
};

fsp_keyset_t *
fsp_keyset_new(size_t bytes_max)
{
    fsp_keyset_t *self = FSP_NEW(fsp_keyset_t);
    self->slot_count = SLOTS_MIN;
    self->slots_max = bytes_max / sizeof(fsp_key_t);
    self->slots = fsp_alloc_array(self->slot_count, sizeof(*self->slots));
    return self;
}

void
fsp_keyset_destroy(fsp_keyset_t **self_p)
{
    FSP_PRE(self_p != NULL);
    if (!*self_p)
        return;
    fsp_free((*self_p)->slots);
    fsp_free(*self_p);
    *self_p = NULL;
}

/* Where the key is or belongs. */
static fsp_key_t *
find_slot(const fsp_keyset_t *self, fsp_key_t key)
{
    size_t at = (size_t)fsp_load_u64(key.bytes) & (self->slot_count - 1);
    while (!fsp_key_is_zero(self->slots[at]) && !fsp_key_eq(self->slots[at], key))
        at = (at + 1) & (self->slot_count - 1);
    return &self->slots[at];
}

/* False if it may not grow. */
static bool
grow(fsp_keyset_t *self)
{
    if (2 * self->slot_count > self->slots_max)
        return false;
    fsp_key_t *old = self->slots;
    size_t count = self->slot_count;
    self->slot_count *= 2;
    self->slots = fsp_alloc_array(self->slot_count, sizeof(*self->slots));
    for (size_t i = 0; i < count; i++)
        if (!fsp_key_is_zero(old[i]))
            *find_slot(self, old[i]) = old[i];
    fsp_free(old);
    return true;
}

bool
fsp_keyset_add(fsp_keyset_t *self, fsp_key_t key)
{
    FSP_PRE(self != NULL);
    fsp_key_t *slot = find_slot(self, key);
    if (fsp_key_eq(*slot, key))
        return false;
    if (4 * (self->count + 1) > 3 * self->slot_count) {
        if (!grow(self)) {
            self->full = true;
            return true;
        }
        slot = find_slot(self, key);
    }
    *slot = key;
    self->count++;
    return true;
}

bool
fsp_keyset_has(const fsp_keyset_t *self, fsp_key_t key)
{
    FSP_PRE(self != NULL);
    return fsp_key_eq(*find_slot(self, key), key);
}

bool
fsp_keyset_full(const fsp_keyset_t *self)
{
    return self->full;
}

size_t
fsp_keyset_count(const fsp_keyset_t *self)
{
    return self->count;
}
