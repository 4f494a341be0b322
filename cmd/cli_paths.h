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
/* What is wrong with a text that cli_remote_parse refuses, and what may be meant, in words. */
enum { CLI_FAULT_BYTES = 256 };
void cli_remote_fault(const char *text, char ret[CLI_FAULT_BYTES]);
/* "/dir" and "name" into "/dir/name"; BAD_NAME if that is no valid path. */
FSP_MUST_CHECK fsp_status_t cli_remote_join(const char *directory, const char *name,
                                            char ret_path[FSP_PATH_BYTES_MAX + 1]);
/* Last name of a remote path; "" for "/".  Points into path. */
const char *cli_remote_base(const char *path);
/* "A-B", both inclusive, or "A-" up to the end.  INVALID otherwise. */
FSP_MUST_CHECK fsp_status_t cli_range_parse(const char *text, uint64_t *ret_first,
                                            uint64_t *ret_last);
/* A moment: "@CHANGE" (*ret_change), or a time (*ret_time_us, microseconds since 1970): RFC 3339
   with its zone, a date (its beginning, UTC), or how long ago ("-90s", "-2h", "-3d").  The other
   output is 0.  BAD_RANGE: a time that is not after the beginning of 1970; INVALID otherwise. */
FSP_MUST_CHECK fsp_status_t cli_at_parse(const char *text, uint64_t now_us, uint64_t *ret_change,
                                         uint64_t *ret_time_us);
/* "90s", "10m", "2h", "7d", "2w" in microseconds; at least one. */
FSP_MUST_CHECK fsp_status_t cli_duration_parse(const char *text, uint64_t *ret_us);
/* "4096", "64K", "10M", "2G", "1T" in bytes (of 1024). */
FSP_MUST_CHECK fsp_status_t cli_size_parse(const char *text, uint64_t *ret_bytes);
/* "999 B", "1.5 KiB", "12 MiB": at most 24 octets with the NUL. */
void cli_size_format(uint64_t bytes, char ret_text[24]);
/* How many letters two words differ by: changed, missing, too many, or two exchanged.  At most 64
   octets of each are looked at. */
size_t cli_distance(const char *a, const char *b);
/* "64K,256K,1M" (least, average, most, not falling), or one size for all three; each at least 1. */
FSP_MUST_CHECK fsp_status_t cli_chunking_parse(const char *text, uint64_t ret_bytes[3]);
/* True if path is directory itself or lies below it. */
bool cli_path_within(const char *path, const char *directory);
/* Last name of a local path without trailing slashes; empty for "/", "." and ".." and what ends so:
   the thing has no name of its own.  A slice of path. */
fsp_slice_t cli_local_base(const char *path);
/* Text for a terminal or a line: control characters (C0, DEL, C1) and backslashes as \n, \t, \\ or
   \xNN, bytes that are not UTF-8 as \xNN.  Always appends whole escapes. */
void cli_escape(fsp_slice_t text, fsp_buf_t *ret);
#endif
