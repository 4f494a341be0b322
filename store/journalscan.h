/* SPDX-License-Identifier: MIT */
/* journalscan - reads the records of one file of the journal, in order.  Layer store.
 *
 * Internal to store/; writes nothing.
 */
#ifndef FSP_STORE_JOURNALSCAN_H
#define FSP_STORE_JOURNALSCAN_H
#include "store/journalrow.h"

typedef struct {
    const char *directory; /* borrowed */
    uint64_t number;       /* of the file; 0: none is open */
    int fd;
    uint64_t size;          /* of the file */
    uint64_t at;            /* of the record that was read, or of what is none */
    uint64_t next;          /* where the record behind it would begin */
    fsp_journalhead_t head; /* of the record that was read */
    uint8_t *payload;       /* of it; of `capacity` octets, or NULL */
    uint64_t capacity;
} fsp_journalscan_t; /* begins zeroed */

/* Opens a file at its beginning, after closing that before; memory stays.  NOT_FOUND, IO. */
FSP_MUST_CHECK fsp_status_t fsp_journalscan_open(fsp_journalscan_t *self, const char *directory,
                                                 uint64_t number, fsp_error_t *error);
/* Reads the next record: one that is whole, and says this file.  NOT_FOUND: none begins here, and
   the next call says so again.  IO.  Nothing is allocated that the file is too short for. */
FSP_MUST_CHECK fsp_status_t fsp_journalscan_next(fsp_journalscan_t *self, fsp_error_t *error);
fsp_slice_t fsp_journalscan_payload(const fsp_journalscan_t *self);
/* Closes the file and frees all. */
void fsp_journalscan_clear(fsp_journalscan_t *self);

/* Exactly these octets of a file.  DAMAGED: it is shorter; IO.  errno is left. */
FSP_MUST_CHECK fsp_status_t fsp_journalscan_read(int fd, uint64_t at, uint8_t *ret, size_t count);
/* Numbers of the files in a directory, in order: *ret_numbers of *ret_count, to be freed; NULL and
   0 if there is none, or no directory.  Other people's names are passed over.  IO. */
FSP_MUST_CHECK fsp_status_t fsp_journalscan_list(const char *directory, uint64_t **ret_numbers,
                                                 size_t *ret_count, fsp_error_t *error);
/* Text for a journal that cannot be trusted: "journal DIR/NUMBER WORDS: restore from ...".  Returns
   DAMAGED. */
fsp_status_t fsp_journal_say_damaged(const char *directory, uint64_t number, const char *words,
                                     fsp_error_t *error);
#endif
