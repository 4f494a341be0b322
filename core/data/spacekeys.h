/* SPDX-License-Identifier: MIT */
/* spacekeys - the keys of one space, all generations.  Layer core/data.  Pure. */
#ifndef FSP_CORE_DATA_SPACEKEYS_H
#define FSP_CORE_DATA_SPACEKEYS_H
#include "core/base/types.h"
#include "core/crypto/keys.h"

/* The newest generation seals; all open. */
typedef struct {
    uint32_t generation;
    fsp_secret_t data_key;
    fsp_secret_t naming_key; /* derived */
} fsp_space_key_t;
typedef struct fsp_space_keys fsp_space_keys_t;
fsp_space_keys_t *fsp_space_keys_new(void);
void fsp_space_keys_destroy(fsp_space_keys_t **self_p); /* wipes */
/* In any order; the newest is the one with the highest number.  A known generation is ignored if
   the key is the same, else asserts. */
void fsp_space_keys_add(fsp_space_keys_t *self, uint32_t generation, const fsp_secret_t *data_key);
/* NULL if the generation is not known.  The pointer lives as long as self. */
const fsp_space_key_t *fsp_space_keys_get(const fsp_space_keys_t *self, uint32_t generation);
const fsp_space_key_t *fsp_space_keys_newest(const fsp_space_keys_t *self);
#endif
