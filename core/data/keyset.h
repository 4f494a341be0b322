/* SPDX-License-Identifier: MIT */
/* keyset - object keys seen so far, exactly, up to a bound.  Layer core/data.  Pure. */
#ifndef FSP_CORE_DATA_KEYSET_H
#define FSP_CORE_DATA_KEYSET_H
#include "core/base/types.h"

typedef struct fsp_keyset fsp_keyset_t;

/* At most bytes_max of table, filled to three quarters: 64 MiB hold 1.5 million keys. */
fsp_keyset_t *fsp_keyset_new(size_t bytes_max);
void fsp_keyset_destroy(fsp_keyset_t **self_p);
/* False if the key is in it already.  True if it is new, also when there was no room to keep it. */
bool fsp_keyset_add(fsp_keyset_t *self, fsp_key_t key);
bool fsp_keyset_has(const fsp_keyset_t *self, fsp_key_t key);
/* A key was not kept: from now on "not in it" proves nothing. */
bool fsp_keyset_full(const fsp_keyset_t *self);
size_t fsp_keyset_count(const fsp_keyset_t *self);
#endif
