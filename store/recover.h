/* SPDX-License-Identifier: MIT */
/* recover - is what lies on disk the store that was left there?  Layer store. */
#ifndef FSP_STORE_RECOVER_H
#define FSP_STORE_RECOVER_H
#include "core/base/view.h"
#include "store/dbkept.h"
#include "store/watermark.h"

/* "WORDS: restore from a replica or backup" as DAMAGED. */
fsp_status_t fsp_recover_damaged(fsp_error_t *error, const char *words);
/* Opens directory/WATERMARK, or makes it if no database lies at path: then *ret_mark has sequence 0
   and the database may be made.  DAMAGED if one of the two is missing. */
FSP_MUST_CHECK fsp_status_t fsp_recover_watermark(const char *directory, const char *path,
                                                  fsp_watermark_file_t *ret_file,
                                                  fsp_watermark_t *ret_mark, fsp_error_t *error);
/* Looks at the format row, which decides whether anything else may be read: FSP_STORE_FORMAT, or an
   older one (it is to be migrated, or that was begun).  NOT_FOUND (then of format 3, or later: the
   row may be in the journal only), FORMAT_NEWER, DAMAGED, IO. */
FSP_MUST_CHECK fsp_status_t fsp_recover_format(fsp_view_t *local, uint64_t *ret_format,
                                               fsp_error_t *error);
/* A store of format 1: has moving its objects begun?  If that cannot be read: no. */
bool fsp_recover_is_migrating(fsp_db_t *db);
/* Adds the row that says this format, 1..FSP_STORE_FORMAT, to a write. */
void fsp_recover_put_format(fsp_db_write_t *write, uint64_t format);
/* Of format 1 or 2: checks the database's sequence against the file's. */
FSP_MUST_CHECK fsp_status_t fsp_recover_sequence(fsp_db_t *db, const fsp_watermark_t *mark,
                                                 uint64_t *ret_sequence, fsp_error_t *error);
/* Later: checks what the journal was found to say, the kept rows of the database and the file
   against each other.  DAMAGED. */
FSP_MUST_CHECK fsp_status_t fsp_recover_journal(const fsp_journal_found_t *found,
                                                const fsp_dbkept_t *kept,
                                                const fsp_watermark_t *mark, fsp_error_t *error);
/* The last group that any of them knows of. */
uint64_t fsp_recover_last(const fsp_journal_found_t *found, const fsp_dbkept_t *kept);
/* Adds the marks of the row to *mark: they may be newer than the file's by a tick, or older by a
   group.  DAMAGED, IO. */
FSP_MUST_CHECK fsp_status_t fsp_recover_marks(fsp_view_t *local, fsp_watermark_t *mark,
                                              fsp_error_t *error);
#endif
