/* SPDX-License-Identifier: MIT */
/* cli_history - versions, for several commands.  Layer cmd. */
#ifndef FSP_CMD_CLI_HISTORY_H
#define FSP_CMD_CLI_HISTORY_H
#include "cmd/cli_common.h"

/* "put", "restore", "merge"; "other" for one that is not known. */
const char *cli_version_kind(unsigned kind);
void cli_json_version(fsp_json_t *json, const filesphere_version_t *version);
void cli_print_version_line(const filesphere_version_t *version);
/* The row of one version; ret stays as it is, with OK, if the file has no such version. */
filesphere_code_t cli_find_version(cli_t *cli, const cli_remote_t *remote, const uint8_t id[32],
                                   filesphere_version_t *ret);
/* The version that a text names: its number as `version ls` prints it ("3", "v3"), or 8 to 64
   hexadecimal digits.  All 64 are taken as they are, whether there is such a version or not. False:
   the failure is noted. */
bool cli_version_resolve(cli_t *cli, const cli_remote_t *remote, const char *text,
                         uint8_t ret_id[32]);
/* The same as the text of all 64 digits, for the calls of the library. */
bool cli_version_text(cli_t *cli, const cli_remote_t *remote, const char *text, char ret_text[65]);
#endif
