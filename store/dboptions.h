/* SPDX-License-Identifier: MIT */
/* dboptions - how the database is set up on this machine, as RocksDB's option text.  Layer store. */
#ifndef FSP_STORE_DBOPTIONS_H
#define FSP_STORE_DBOPTIONS_H
#include "core/base/batch.h"
#include "core/base/buf.h"

enum { FSP_DBOPTIONS_BYTES_MAX = 2048 };

/* Options of the database: "name=value;...", NUL-terminated. */
void fsp_dboptions_all(const char *path, size_t write_buffer_bytes, bool create, fsp_buf_t *ret);
/* Options of one family, on top of those. */
void fsp_dboptions_family(fsp_family_t family, size_t write_buffer_bytes, fsp_buf_t *ret);
#endif
