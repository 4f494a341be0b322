/* SPDX-License-Identifier: MIT */
/* errors - the error registry: codes, symbols, exit codes, HTTP.  Layer proto.  Pure.
 *
 * Codes have four digits, so that nobody takes one for an HTTP status; the first is the group of
 * core/base/status.  They do not follow from status numbers: a status may be split or merged one
 * day without a client noticing.  docs/errors.md is made from this table by `test_errors --write`.
 *
 * How to change: append a row with the next free number of its group.  Never reuse a number or
 * change its meaning; what is no longer sent stays here.
 *
 * Retry class.  SAME: the same request, op id kept and attempt + 1, may succeed later without
 * anybody looking.  RENEW: look at the present state first, then decide anew (new op id).  NO: it
 * fails again until somebody acts.
 */
#include "proto/errors.h"

/* Words come from the status list; a row that is missing below leaves its text unused, which no
   compiler lets pass. */
#define X(number, name, text) static const char TEXT_##name[] = text;
FSP_STATUS_LIST(X)
#undef X

#define ROW(status, code, symbol, exit_code, http_status, retry)                                   \
    {                                                                                              \
        FSP_##status, code, symbol, TEXT_##status, exit_code, http_status, FSP_RETRY_##retry       \
    }

static const fsp_error_info_t ERRORS[] = {
    ROW(OK, 0, "ok", 0, 200, NO),
    /* 1xxx: the caller's words.  Exit code 2 where a person typed them, 1 where a program did. */
    ROW(INVALID, 1001, "invalid", 2, 400, NO),
    ROW(TOO_LARGE, 1002, "too-large", 2, 413, NO),
    ROW(BAD_NAME, 1003, "bad-name", 2, 400, NO),
    ROW(BAD_RANGE, 1004, "bad-range", 2, 416, NO),
    ROW(UNSUPPORTED, 1005, "unsupported", 1, 501, NO),
    ROW(LEVEL, 1006, "level", 1, 501, NO),
    ROW(AMBIGUOUS, 1007, "ambiguous", 2, 400, NO),
    ROW(PROTOCOL, 1008, "protocol", 1, 400, NO),
    ROW(NO_CREDIT, 1009, "no-credit", 1, 400, NO),
    /* 2xxx: it is not there. */
    ROW(NOT_FOUND, 2001, "not-found", 3, 404, NO),
    ROW(NO_SUCH_SPACE, 2002, "no-such-space", 3, 404, NO),
    ROW(NO_SUCH_VERSION, 2003, "no-such-version", 3, 404, NO),
    ROW(GONE, 2004, "gone", 3, 410, NO),
    ROW(NO_PARENT, 2005, "no-parent", 3, 409, NO),
    ROW(NO_SUCH_UPLOAD, 2006, "no-such-upload", 3, 404, NO),
    ROW(NO_SUCH_LINK, 2007, "no-such-link", 3, 404, NO),
    ROW(NO_SUCH_NODE, 2008, "no-such-node", 3, 404, NO),
    /* 3xxx: something else is there. */
    ROW(EXISTS, 3001, "exists", 4, 409, NO),
    ROW(MISMATCH, 3002, "mismatch", 4, 412, RENEW),
    ROW(IS_DIRECTORY, 3003, "is-directory", 4, 409, NO),
    ROW(NOT_DIRECTORY, 3004, "not-directory", 4, 409, NO),
    ROW(NOT_EMPTY, 3005, "not-empty", 4, 409, NO),
    ROW(CYCLE, 3006, "cycle", 4, 409, NO),
    ROW(TOO_MANY_HEADS, 3007, "too-many-heads", 4, 409, RENEW),
    ROW(TRASHED, 3008, "trashed", 4, 409, NO),
    ROW(LOCKED, 3009, "locked", 4, 423, RENEW),
    ROW(OP_REUSED, 3010, "op-reused", 4, 422, NO),
    ROW(HELD, 3011, "held", 4, 409, NO),
    ROW(SPACE_CLOSING, 3012, "space-closing", 4, 409, NO),
    ROW(LEASE_LOST, 3013, "lease-lost", 4, 409, RENEW),
    ROW(PENDING, 3014, "pending", 4, 409, RENEW),
    /* 4xxx: later, or elsewhere, it may work. */
    ROW(BUSY, 4001, "busy", 8, 503, SAME),
    ROW(NOT_LEADER, 4002, "not-leader", 8, 503, SAME),
    ROW(EPOCH, 4003, "epoch", 8, 503, SAME),
    ROW(BASE_GONE, 4004, "base-gone", 4, 409, RENEW),
    ROW(STALE, 4005, "stale", 8, 503, SAME),
    ROW(LAYOUT, 4006, "layout", 8, 503, SAME),
    ROW(EXPIRED, 4007, "expired", 8, 409, RENEW),
    ROW(OUTCOME_UNKNOWN, 4008, "outcome-unknown", 8, 409, RENEW),
    ROW(TIMEOUT, 4009, "timeout", 8, 504, SAME),
    ROW(CLOSING, 4010, "closing", 8, 503, SAME),
    ROW(UNREACHABLE, 4011, "unreachable", 8, 503, SAME),
    ROW(NEEDS_TWO_COPIES, 4012, "needs-two-copies", 8, 503, SAME),
    /* 5xxx: who may. */
    ROW(UNKNOWN_KEY, 5001, "unknown-key", 5, 401, NO),
    ROW(FORBIDDEN, 5002, "forbidden", 6, 403, NO),
    ROW(NO_PROFILE, 5003, "no-profile", 5, 401, NO),
    ROW(SPENT, 5004, "spent", 6, 403, NO),
    /* 6xxx: room. */
    ROW(QUOTA, 6001, "quota", 9, 507, NO),
    ROW(DISK_RESERVE, 6002, "disk-reserve", 9, 507, NO),
    /* 7xxx: damage. */
    ROW(DAMAGED, 7001, "damaged", 10, 500, NO),
    ROW(FORMAT_NEWER, 7002, "format-newer", 1, 500, NO),
    /* 8xxx: this machine, this program. */
    ROW(INTERNAL, 8001, "internal", 1, 500, NO),
    ROW(IO, 8002, "io", 1, 500, NO),
    ROW(LOCK_HELD, 8003, "lock-held", 8, 503, SAME),
    ROW(CANCELLED, 8004, "cancelled", 130, 400, NO),
};
enum { ERROR_COUNT = sizeof(ERRORS) / sizeof(ERRORS[0]) };

const fsp_error_info_t *
fsp_error_info(fsp_status_t status)
{
    const fsp_error_info_t *internal = NULL;
    for (size_t i = 0; i < ERROR_COUNT; i++) {
        if (ERRORS[i].status == status)
            return &ERRORS[i];
        if (ERRORS[i].status == FSP_INTERNAL)
            internal = &ERRORS[i];
    }
    return internal;
}

const fsp_error_info_t *
fsp_error_by_code(unsigned code)
{
    for (size_t i = 0; i < ERROR_COUNT; i++)
        if (ERRORS[i].code == code)
            return &ERRORS[i];
    return NULL;
}

const fsp_error_info_t *
fsp_error_table(size_t *ret_count)
{
    *ret_count = ERROR_COUNT;
    return ERRORS;
}
