/* SPDX-License-Identifier: MIT */
/* errors - the error registry: wire code, symbol, exit code, HTTP status, retry class.  Layer
 * proto.  Pure.
 *
 * Wire codes are a list of their own, mapped both ways from core/base/status; a test walks both.
 * Numbers are never reused.  Exit codes: 0 ok, 1 other, 2 usage, 3 not found, 4 conflict, 5 not
 * logged in, 6 forbidden, 7 partly, 8 temporary, 9 quota or space, 10 integrity, 130 interrupted.
 */
#ifndef FSP_PROTO_ERRORS_H
#define FSP_PROTO_ERRORS_H
#include "core/base/status.h"
#include "core/base/types.h"

typedef enum { FSP_RETRY_NO = 0, FSP_RETRY_SAME = 1, FSP_RETRY_RENEW = 2 } fsp_retry_t;

typedef struct {
    fsp_status_t status;
    unsigned code;      /* on the wire and in --json */
    const char *symbol; /* "not-found" */
    const char *text;   /* "no such file or directory" */
    int exit_code;
    int http_status;
    fsp_retry_t retry;
} fsp_error_info_t;

/* Never NULL: INTERNAL for a status that is not listed. */
const fsp_error_info_t *fsp_error_info(fsp_status_t status);
/* NULL for an unknown code. */
const fsp_error_info_t *fsp_error_by_code(unsigned code);
/* The whole table, for tests and documentation. */
const fsp_error_info_t *fsp_error_table(size_t *ret_count);
#endif
