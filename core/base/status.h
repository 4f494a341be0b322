/* SPDX-License-Identifier: MIT */
/* status - the one list of outcomes used inside the program.  Layer core/base.  Pure.
 *
 * Numbers are stable: results of the state machine are stored with them.  A number is never
 * reused and never changes its meaning.  Wire codes, exit codes and HTTP types are derived
 * from this list in proto/errors.
 */
#ifndef FSP_CORE_BASE_STATUS_H
#define FSP_CORE_BASE_STATUS_H

/* X(number, NAME, "text for people") */
#define FSP_STATUS_LIST(X)                                                                         \
    X(0, OK, "done")                                                                               \
    /* The caller's words are wrong. */                                                            \
    X(1, INVALID, "malformed request")                                                             \
    X(2, TOO_LARGE, "larger than a limit allows")                                                  \
    X(3, BAD_NAME, "not a valid name or path")                                                     \
    X(4, BAD_RANGE, "range lies outside the content")                                              \
    X(5, UNSUPPORTED, "not known to this version")                                                 \
    X(6, LEVEL, "newer than the feature level of this shard")                                      \
    X(7, AMBIGUOUS, "prefix fits more than one version")                                           \
    X(8, PROTOCOL, "message does not fit the state of the conversation")                           \
    X(9, NO_CREDIT, "more data than was granted")                                                  \
    /* It is not there. */                                                                         \
    X(20, NOT_FOUND, "no such file or directory")                                                  \
    X(21, NO_SUCH_SPACE, "no such space")                                                          \
    X(22, NO_SUCH_VERSION, "no such version")                                                      \
    X(23, GONE, "no longer kept")                                                                  \
    X(24, NO_PARENT, "parent directory does not exist")                                            \
    X(25, NO_SUCH_UPLOAD, "no such upload")                                                        \
    X(26, NO_SUCH_LINK, "no such link")                                                            \
    X(27, NO_SUCH_NODE, "no such node or invitation")                                              \
    /* Something else is there. */                                                                 \
    X(30, EXISTS, "already exists")                                                                \
    X(31, MISMATCH, "condition does not hold")                                                     \
    X(32, IS_DIRECTORY, "is a directory")                                                          \
    X(33, NOT_DIRECTORY, "is not a directory")                                                     \
    X(34, NOT_EMPTY, "directory is not empty")                                                     \
    X(35, CYCLE, "a directory cannot move into itself")                                            \
    X(36, TOO_MANY_HEADS, "too many unmerged versions")                                            \
    X(37, TRASHED, "lies in the trash")                                                            \
    X(38, LOCKED, "locked by somebody else")                                                       \
    X(39, OP_REUSED, "operation id was used for another request")                                  \
    X(40, HELD, "under a hold: it may not be pruned or deleted")                                   \
    X(41, SPACE_CLOSING, "the space is being deleted")                                             \
    X(42, LEASE_LOST, "the lease is another one's or has passed")                                  \
    X(43, PENDING, "another change of the same kind is under way")                                 \
    /* Later, or elsewhere, it may work. */                                                        \
    X(50, BUSY, "overloaded, try again later")                                                     \
    X(51, NOT_LEADER, "another node leads this shard")                                             \
    X(52, EPOCH, "garbage epoch has passed")                                                       \
    X(53, BASE_GONE, "a base version is no longer kept")                                           \
    X(54, STALE, "built on an old state of the mesh")                                              \
    X(55, LAYOUT, "built on an old layout")                                                        \
    X(56, EXPIRED, "request is older than the memory of operations; nothing was done")             \
    X(57, OUTCOME_UNKNOWN,                                                                         \
      "request is older than the memory of operations; it may have been done")                     \
    X(58, TIMEOUT, "no answer in time")                                                            \
    X(59, CLOSING, "node is shutting down")                                                        \
    X(60, UNREACHABLE, "node cannot be reached")                                                   \
    X(61, NEEDS_TWO_COPIES, "the second copy cannot be made now")                                  \
    /* Who may. */                                                                                 \
    X(70, UNKNOWN_KEY, "key is not known to this node")                                            \
    X(71, FORBIDDEN, "not allowed")                                                                \
    X(72, NO_PROFILE, "no profile: not logged in")                                                 \
    X(73, SPENT, "invitation was used or has passed")                                              \
    /* Room. */                                                                                    \
    X(80, QUOTA, "quota of the space is used up")                                                  \
    X(81, DISK_RESERVE, "disk is at its reserve")                                                  \
    /* Damage. */                                                                                  \
    X(90, DAMAGED, "stored bytes are damaged")                                                     \
    X(91, FORMAT_NEWER, "written by a newer version of the program")                               \
    /* This machine, this program. */                                                              \
    X(100, INTERNAL, "internal error")                                                             \
    X(101, IO, "input or output error")                                                            \
    X(102, LOCK_HELD, "another process uses this directory")                                       \
    X(103, CANCELLED, "cancelled")

typedef enum {
#define X(number, name, text) FSP_##name = number,
    FSP_STATUS_LIST(X)
#undef X
} fsp_status_t;

#define FSP_MUST_CHECK __attribute__((warn_unused_result))

/* "NOT_FOUND"; "UNLISTED" for a number that is not in the list.  Static storage. */
const char *fsp_status_name(fsp_status_t status);
/* "no such file or directory".  Static storage. */
const char *fsp_status_text(fsp_status_t status);
/* True if the number is in the list. */
int fsp_status_known(unsigned number);

/* A status with words for a human: opening a store, reading a configuration. */
typedef struct {
    fsp_status_t status;
    char text[256];
} fsp_error_t;

/* Fills error (which may be NULL) and returns status, so that `return fsp_error_set(...)` reads
   well.  A text that is too long is cut. */
__attribute__((format(printf, 3, 4))) fsp_status_t
fsp_error_set(fsp_error_t *error, fsp_status_t status, const char *format, ...);
#endif
