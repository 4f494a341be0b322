/* SPDX-License-Identifier: MIT */
/* recover - is what lies on disk the store that was left there?  Layer store. */
#ifndef FSP_STORE_RECOVER_H
#define FSP_STORE_RECOVER_H
#include "store/db.h"
#include "store/watermark.h"

/* "WORDS: restore from a replica or backup" as DAMAGED. */
fsp_status_t fsp_recover_damaged(fsp_error_t *error, const char *words);
/* Opens directory/WATERMARK, or makes it if no database lies at path: then *ret_mark has sequence 0
   and the database may be made.  DAMAGED if one of the two is missing. */
FSP_MUST_CHECK fsp_status_t fsp_recover_watermark(const char *directory, const char *path,
                                                  fsp_watermark_file_t *ret_file,
                                                  fsp_watermark_t *ret_mark, fsp_error_t *error);
/* Looks at the format row, which decides whether anything else may be read: 1 (it is to be
   migrated, or that was begun) or FSP_STORE_FORMAT.  NOT_FOUND, FORMAT_NEWER, DAMAGED, IO. */
FSP_MUST_CHECK fsp_status_t fsp_recover_format(fsp_db_t *db, uint64_t *ret_format,
                                               fsp_error_t *error);
/* A store of format 1: has moving its objects begun?  If that cannot be read: no. */
bool fsp_recover_is_migrating(fsp_db_t *db);
/* Adds the format row of this program to a write. */
void fsp_recover_put_format(fsp_db_write_t *write);
/* Checks the database's sequence against the file's and adds the row's marks to *mark. */
FSP_MUST_CHECK fsp_status_t fsp_recover_sequence(fsp_db_t *db, fsp_watermark_t *mark,
                                                 uint64_t *ret_sequence, fsp_error_t *error);
#endif
