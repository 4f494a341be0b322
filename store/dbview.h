/* SPDX-License-Identifier: MIT */
/* dbview - one family of the database as a view.  Layer store. */
#ifndef FSP_STORE_DBVIEW_H
#define FSP_STORE_DBVIEW_H
#include "core/base/view.h"
#include "store/db.h"

enum { FSP_DBVIEW_FROZEN_S = 2 * 3600 };

typedef struct {
    fsp_view_t view; /* first */
    fsp_db_t *db;
    fsp_family_t family;
    fsp_time_t frozen_us_max; /* life of a frozen view: FSP_DBVIEW_FROZEN_S */
} fsp_dbview_t;

/* Holds nothing that must be ended; db outlives it.  Cursors and frozen views count as lent
   (fsp_db_lent).

   A frozen view may outlive the view it was made from, not the database, and belongs to one thread.
   No cursor may stand on it when it is thawed.  After frozen_us_max a read, or a scan, that begins
   gives the snapshot back and answers GONE, for ever; cursors go on to their end. */
void fsp_dbview_init(fsp_dbview_t *self, fsp_db_t *db, fsp_family_t family);
#endif
