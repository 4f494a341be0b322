/* SPDX-License-Identifier: MIT */
/* segcheck - a stopped store's segments: read with all checksums, rows against files.  Layer store.
 *
 * Internal to store/ (readonly.h is what others call).  Writes nothing; one thread.
 */
#ifndef FSP_STORE_SEGCHECK_H
#define FSP_STORE_SEGCHECK_H
#include "core/base/blob.h"
#include "core/base/view.h"
#include "store/segrow.h"

enum { FSP_SEGVERIFY_PATH_BYTES = 4096 };

/* Reads records; keeps the last file open. */
typedef struct {
    const char *directory; /* the node's; outlives it */
    uint64_t segment;      /* of fd; 0: none */
    int fd;
} fsp_segverify_t;

void fsp_segverify_init(fsp_segverify_t *self, const char *directory);
void fsp_segverify_clear(fsp_segverify_t *self);
/* Header and key at that place are those of this very record.  DAMAGED, FORMAT_NEWER, IO; error
   names the file and the offset. */
FSP_MUST_CHECK fsp_status_t fsp_segverify_head(fsp_segverify_t *self, fsp_slice_t key,
                                               const fsp_place_t *place, fsp_error_t *error);
/* The same, and the bytes: they have their checksum, and zeros behind them.  Lends them. */
FSP_MUST_CHECK fsp_status_t fsp_segverify_bytes(fsp_segverify_t *self, fsp_slice_t key,
                                                const fsp_place_t *place, fsp_blob_t **ret_blob,
                                                fsp_error_t *error);

/* What is wrong with a file, or with the object of a key (empty: of none); words name the file. */
typedef void(fsp_segcheck_fault_fn)(void *context, fsp_slice_t key, const char *words);

typedef enum {
    FSP_SEGCHECK_ROWS,  /* rows and sizes of files */
    FSP_SEGCHECK_HEADS, /* and the head of each record that a row points to */
    FSP_SEGCHECK_BYTES  /* and its bytes */
} fsp_segcheck_depth_t;

typedef struct {
    /* Set by the owner: */
    fsp_segcheck_depth_t depth;
    fsp_segcheck_fault_fn *fault;
    void *context;

    uint64_t files;      /* that rows name */
    uint64_t objects;    /* index rows */
    uint64_t live_bytes; /* of records that index rows point to */
    uint64_t dead_bytes; /* of other records of those files, as far as rows say; and the zeros
                            between groups */
    uint64_t
        stray_files; /* that no row names: what a crash may leave, and the next start removes */
    uint64_t fault_count;
} fsp_segcheck_t;

/* Faults: a row that does not decode; a segment that has no file, or one that is shorter than its
   row says; an index row whose record lies outside the log of a segment that a row names, or on
   another record; heads and bytes; live bytes that are not the sum of the index rows.  local, rows:
   families LOCAL and BYTES; only keys below `until` are index rows (empty: all). */
void fsp_segcheck_run(fsp_segcheck_t *self, const char *directory, fsp_view_t *local,
                      fsp_view_t *rows, fsp_slice_t until);
#endif
