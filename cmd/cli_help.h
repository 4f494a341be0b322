/* SPDX-License-Identifier: MIT */
/* cli_help - what the program says about itself, from the rows of cli_table.  Layer cmd. */
#ifndef FSP_CMD_CLI_HELP_H
#define FSP_CMD_CLI_HELP_H
#include "cmd/cli_common.h"

/* Of a command; of a group; of everything (both NULL). */
void cli_print_help(cli_t *cli, const cli_command_t *command, const char *group);
/* The first commands that somebody needs. */
void cli_print_welcome(cli_t *cli);
/* Of the program. */
void cli_print_version(cli_t *cli);
/* A text that is the result: as it is, or in one JSON line.  Ends the buffer. */
void cli_print_text(cli_t *cli, fsp_buf_t *text);
#endif
