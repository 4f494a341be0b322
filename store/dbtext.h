/* SPDX-License-Identifier: MIT */
/* dbtext - what is said to the database, and by it, as text: options and errors.  Layer store. */
#ifndef FSP_STORE_DBTEXT_H
#define FSP_STORE_DBTEXT_H
#include "core/base/batch.h"
#include "core/base/buf.h"
#include "core/base/status.h"

enum { FSP_DBTEXT_BYTES_MAX = 2048 };

/* Options of the database: "name=value;...", NUL-terminated. */
void fsp_dbtext_options(size_t write_buffer_bytes, bool create, fsp_buf_t *ret);
/* Options of one family, on top of those. */
/* Of a family.  relocate_permille: fsp_db_config_t. */
void fsp_dbtext_family(fsp_family_t family, size_t write_buffer_bytes, unsigned relocate_permille,
                       fsp_buf_t *ret);
/* RocksDB's words as a status: "Corruption: ..." is DAMAGED. */
fsp_status_t fsp_dbtext_status(const char *words);
#endif
