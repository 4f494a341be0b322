/* SPDX-License-Identifier: MIT */
/* memview - a view in memory, for tests and the simulator's disk.  Layer core/base. */
#ifndef FSP_CORE_BASE_MEMVIEW_H
#define FSP_CORE_BASE_MEMVIEW_H
#include "core/base/batch.h"
#include "core/base/omap.h"
#include "core/base/view.h"

typedef struct fsp_memview fsp_memview_t;

fsp_memview_t *fsp_memview_new(void);
void fsp_memview_destroy(fsp_memview_t **self_p);
fsp_view_t *fsp_memview_view(fsp_memview_t *self);
/* Applies the rows of one family of a batch.  Cursors may be open: they keep their row and go on
   from its key; unlike the database's they may see rows applied after they were opened. */
void fsp_memview_apply(fsp_memview_t *self, const fsp_batch_t *batch, fsp_family_t family);
/* The rows, to look at or compare. */
fsp_omap_t *fsp_memview_map(fsp_memview_t *self);
#endif
