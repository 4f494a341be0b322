/* SPDX-License-Identifier: MIT */
/* cli_change - what mv, cp and cp -r share.  Layer cmd. */
#ifndef FSP_CMD_CLI_CHANGE_H
#define FSP_CMD_CLI_CHANGE_H
#include "cmd/cli_common.h"

/* One thing was done: counted, kept in *ret_last, and a line for it where there are several. */
void cli_note_done(cli_t *cli, const filesphere_info_t *info, filesphere_info_t *ret_last);
/* A directory with all that is in it, to `to`, which is made; what is there already stays beside or
   is replaced file by file.  Failures are noted. */
void cli_copy_tree(cli_t *cli, const cli_remote_t *from, const char *to);
#endif
