/* SPDX-License-Identifier: MIT */
/* dbhost - what the database must know of this machine, and its words as statuses.  Layer store. */
#ifndef FSP_STORE_DBHOST_H
#define FSP_STORE_DBHOST_H
#include "core/base/status.h"

#include <stdbool.h>

/* RocksDB's words as a status: "Corruption: ..." is DAMAGED. */
fsp_status_t fsp_dbhost_status_of(const char *words);
/* How many files the database may keep open: half of what the process may. */
int fsp_dbhost_files_max(void);
/* Can files in that directory be written past the page cache?  (On tmpfs often not.) */
bool fsp_dbhost_direct_works(const char *path);
#endif
