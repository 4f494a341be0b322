/* SPDX-License-Identifier: MIT */
/* query_list - LIST: the entries of a directory.  Layer core/meta.  Pure. */
#ifndef FSP_CORE_META_QUERY_LIST_H
#define FSP_CORE_META_QUERY_LIST_H
#include "core/meta/answer.h"
#include "core/meta/machine.h"

/* Adds the entries of query->target between prefix and after, in the order of names, each with what
   its node says; as they are now (with `at`: asof.h).  The caller has judged the query. */
FSP_MUST_CHECK fsp_status_t fsp_query_list(fsp_machine_t *m, const fsp_query_t *query,
                                           fsp_answering_t *answering);
#endif
