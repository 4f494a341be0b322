/* SPDX-License-Identifier: MIT */
/* cli_paths - what is typed, taken apart; what is printed, made harmless.  Layer cmd.  Pure. */
#ifndef FSP_CMD_CLI_PATHS_H
#define FSP_CMD_CLI_PATHS_H
#include "core/base/buf.h"
#include "core/base/limits.h"
#include "core/base/status.h"

typedef struct {
    char space_name[FSP_SPACE_NAME_BYTES_MAX + 1];
    const char *space; /* space_name, or NULL: the profile's */
    char path[FSP_PATH_BYTES_MAX + 1];
    bool into; /* it ended with '/': something goes into this directory */
} cli_remote_t;

/* "/path" or "SPACE:/path".  INVALID: neither; BAD_NAME: no valid space or path.  The struct must
 * stay where it is. */
FSP_MUST_CHECK fsp_status_t cli_remote_parse(const char *text, cli_remote_t *ret);
/* "/dir" and "name" into "/dir/name"; BAD_NAME if that is no valid path. */
FSP_MUST_CHECK fsp_status_t cli_remote_join(const char *directory, const char *name,
                                            char ret_path[FSP_PATH_BYTES_MAX + 1]);
/* Last name of a remote path; "" for "/".  Points into path. */
const char *cli_remote_base(const char *path);
/* "A-B", both inclusive, or "A-" up to the end.  INVALID otherwise. */
FSP_MUST_CHECK fsp_status_t cli_range_parse(const char *text, uint64_t *ret_first,
                                            uint64_t *ret_last);
/* Last name of a local path without trailing slashes; empty for "/", "." and ".." and what ends so:
   the thing has no name of its own.  A slice of path. */
fsp_slice_t cli_local_base(const char *path);
/* Text for a terminal or a line: control characters (C0, DEL, C1) and backslashes as \n, \t, \\ or
   \xNN, bytes that are not UTF-8 as \xNN.  Always appends whole escapes. */
void cli_escape(fsp_slice_t text, fsp_buf_t *ret);
#endif
