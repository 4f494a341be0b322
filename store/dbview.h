/* SPDX-License-Identifier: MIT */
/* dbview - one family of the database as a view.  Layer store. */
#ifndef FSP_STORE_DBVIEW_H
#define FSP_STORE_DBVIEW_H
#include "core/base/view.h"
#include "store/db.h"

typedef struct {
    fsp_view_t view; /* first */
    fsp_db_t *db;
    fsp_family_t family;
} fsp_dbview_t;

/* Holds nothing that must be ended; db outlives it.  Cursors count as lent (fsp_db_lent). */
void fsp_dbview_init(fsp_dbview_t *self, fsp_db_t *db, fsp_family_t family);
#endif
