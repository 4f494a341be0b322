/* SPDX-License-Identifier: MIT */
/* cli_glob - patterns of names and paths.  Layer cmd.  Pure.
 *
 *   *      any characters of one name          ?    one character
 *   [a-z]  one of these, [!a-z] one of others  \x   x itself
 *   **     (as a whole part of a path) any number of parts
 *
 * Characters are those of UTF-8.  An unclosed '[' stands for itself.
 */
#ifndef FSP_CMD_CLI_GLOB_H
#define FSP_CMD_CLI_GLOB_H
#include "core/base/types.h"

/* True if it has *, ?, [ or \: it may mean something else than its own letters. */
bool cli_glob_special(fsp_slice_t pattern);
/* True if the whole name fits.  hidden: *, ? and [ at the start also take a dot. */
bool cli_glob_match(fsp_slice_t pattern, fsp_slice_t name, bool hidden);
/* True if the whole path fits, part by part; neither begins with '/'.  Dots are as other letters.
 */
bool cli_glob_match_path(fsp_slice_t pattern, fsp_slice_t path);
/* Takes the first part off a path without its first '/'; false when nothing is left. */
bool cli_glob_part(fsp_slice_t *path, fsp_slice_t *ret_part);
#endif
