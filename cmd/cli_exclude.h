/* SPDX-License-Identifier: MIT */
/* cli_exclude - which things of a tree are left out: --exclude GLOB.  Layer cmd.  Pure.
 *
 * The simple part of what .gitignore means, relative to the tree's root:
 *
 *   *.o         a name anywhere in the tree: there is no '/' in it but perhaps at its end
 *   /build      with a '/' before its end: from the root of the tree on
 *   cache/      only directories
 *   doc/ ** /x    (without the blanks) `**` between slashes: any number of directories, also none
 *
 * `*` is any text without '/', `?` one character without '/', `**` elsewhere any text with '/'; a
 * backslash takes the next character as it is.  What lies in an excluded directory is excluded with
 * it, because nobody looks into it.
 */
#ifndef FSP_CMD_CLI_EXCLUDE_H
#define FSP_CMD_CLI_EXCLUDE_H
#include <stdbool.h>
#include <stddef.h>

/* True if one of the patterns fits.  path is relative to the tree's root, "a/b": no '/' at either
   end, not empty.  Takes time in proportion to the lengths of path and pattern, multiplied. */
bool cli_excluded(const char *const *patterns, size_t count, const char *path, bool is_directory);
#endif
