/* SPDX-License-Identifier: MIT */
/* cli_options - what is typed, into the fields of cli_t, by the rows of cli_table.  Layer cmd. */
#ifndef FSP_CMD_CLI_OPTIONS_H
#define FSP_CMD_CLI_OPTIONS_H
#include "cmd/cli_common.h"

typedef enum {
    CLI_PARSED,  /* run cli->command */
    CLI_NOTHING, /* not even a command was given */
    CLI_HELP,    /* of cli->command, of cli->group, or of everything */
    CLI_VERSION, /* of the program */
    CLI_WRONG    /* the failure is noted */
} cli_parsed_t;

/* Takes the words of main; operands are left in cli, pointing into argv. */
cli_parsed_t cli_parse(cli_t *cli, int argc, char **argv);
#endif
