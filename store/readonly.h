/* SPDX-License-Identifier: MIT */
/* readonly - a stopped store, opened without writing a byte.  Layer store.
 *
 * The same checks as a node makes at its start (recover.h), and nothing is recovered on disk: what
 * the journal has and the database lacks is read into memory.  While it is open no node can start.
 * One thread.
 *
 * A store of an older format, and one whose migration was cut short, are read as they are.  Format
 * 1: what lies before row "migrated" lies in segments, the rest is still in the rows of BYTES
 * themselves.  Formats 1 and 2: rows of LOG are the database's, and what lies in its write-ahead
 * log is read into memory; a journal beside it is half made, and not looked at.
 */
#ifndef FSP_STORE_READONLY_H
#define FSP_STORE_READONLY_H
#include "core/base/batch.h"
#include "core/base/status.h"
#include "core/base/view.h"
#include "store/segcheck.h"
#include "store/watermark.h"

typedef struct fsp_readonly fsp_readonly_t;

/* NOT_FOUND (no store there), LOCK_HELD, FORMAT_NEWER, DAMAGED, IO; always with text. */
FSP_MUST_CHECK fsp_status_t fsp_readonly_open(const char *directory, uint64_t lock_wait_us,
                                              fsp_readonly_t **ret_self, fsp_error_t *error);
/* Everything lent must be back (asserted). */
void fsp_readonly_close(fsp_readonly_t **self_p);
/* Rows of a family; belongs to self.  Those of BYTES say where the bytes lie (segrow.h). */
fsp_view_t *fsp_readonly_view(fsp_readonly_t *self, fsp_family_t family);
/* The bytes under a key of OBJECT or BYTES, checksums verified.  NOT_FOUND, DAMAGED, IO; of what
   lies in a segment also FORMAT_NEWER. */
FSP_MUST_CHECK fsp_status_t fsp_readonly_bytes(fsp_readonly_t *self, fsp_family_t family,
                                               fsp_slice_t key, fsp_blob_t **ret_blob);
/* File and row together, as a node would start with them. */
const fsp_watermark_t *fsp_readonly_watermark(const fsp_readonly_t *self);
/* False if one of the two slots of the file is damaged: after a clean stop that is a fault, else
   it may be what a power failure left. */
bool fsp_readonly_slots_whole(const fsp_readonly_t *self);
uint64_t fsp_readonly_sequence(const fsp_readonly_t *self);
/* Rows of segments against their files (segcheck.h). */
void fsp_readonly_segments(fsp_readonly_t *self, fsp_segcheck_t *check);
/* What the database, or the reader of segments, said about the last read that failed since this was
   asked (it names the file); text "" if none did. */
void fsp_readonly_take_words(fsp_readonly_t *self, fsp_error_t *ret);
#endif
