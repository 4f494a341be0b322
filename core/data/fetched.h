/* SPDX-License-Identifier: MIT */
/* fetched - an object that a machine asked its shell for.  Layer core/data.  Pure. */
#ifndef FSP_CORE_DATA_FETCHED_H
#define FSP_CORE_DATA_FETCHED_H
#include "core/data/object.h"

/* Borrowed by whoever is given it.  The key is SHA-256 of the head that came, which may be another
   than the one that was wanted: who asked compares.  If only the head was wanted, open and plain
   are empty, and nothing but the header is proved. */
typedef struct {
    fsp_status_t status; /* not OK: it did not come, and nothing else here means anything */
    fsp_key_t key;
    fsp_object_header_t header;
    fsp_slice_t open, plain;
} fsp_fetched_t;
#endif
