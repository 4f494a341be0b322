/* SPDX-License-Identifier: MIT */
/* cli_profile - which profile, and the store of them.  Layer cmd.
 *
 * Profiles lie in $XDG_CONFIG_HOME/filesphere/profiles/NAME (else ~/.config/...), mode 0600; beside
 * them `profile` is a symbolic link to the one in use.
 */
#ifndef FSP_CMD_CLI_PROFILE_H
#define FSP_CMD_CLI_PROFILE_H
#include "cmd/cli_common.h"

/* Fills cli->profile_path from what was given, --profile or $FILESPHERE_PROFILE: a path if it has a
   '/', else the profile of that name if there is one, else a path.  NULL: the library's default. */
void cli_profile_find(cli_t *cli);
/* Reads that profile, or the default.  False: the failure is noted.  End with fsp_profile_wipe. */
bool cli_profile_load(cli_t *cli, fsp_profile_t *ret);
/* A name that is easily typed, and never hidden or an option: of a profile, of a key.  At most 63
   letters, digits, '-', '_' and '.', a letter or digit first. */
bool cli_profile_name_valid(const char *name);
/* Names of the stored profiles in order, each with its NUL, in ret (at most 1 MiB). */
size_t cli_profile_names(fsp_buf_t *ret);
#endif
