/* SPDX-License-Identifier: MIT */
/* cli_help - what the program says about itself, from the rows of cli_table.  Layer cmd. */
#include "cmd/cli_help.h"

enum { HELP_BYTES_MAX = 256 * 1024, COLUMNS = 78 };

/* -- words ------------------------------------------------------------------------------------- */

/* Text broken at blanks into lines of at most COLUMNS, `indent` blanks before each; line ends in it
   stay.  The first line is begun already, at column `at`. */
static void
append_wrapped(fsp_buf_t *buf, const char *text, size_t indent, size_t at)
{
    while (*text) {
        size_t bytes = strcspn(text, " \n");
        if (at > indent && at + 1 + bytes > COLUMNS) {
            fsp_buf_printf(buf, "\n%*s", (int)indent, "");
            at = indent;
        } else if (at > indent) {
            fsp_buf_append_u8(buf, ' ');
            at++;
        }
        fsp_buf_append(buf, text, bytes);
        at += bytes;
        text += bytes;
        while (*text == ' ')
            text++;
        for (; *text == '\n'; text++) {
            fsp_buf_printf(buf, "\n%*s", text[1] == '\n' ? 0 : (int)indent, "");
            at = indent;
        }
    }
    fsp_buf_append_u8(buf, '\n');
}

static void
append_entry(fsp_buf_t *buf, const char *left, size_t column, const char *text)
{
    fsp_buf_printf(buf, "  %-*s", (int)column - 2, left);
    if (strlen(left) + 3 > column)
        fsp_buf_printf(buf, "\n%*s", (int)column, "");
    append_wrapped(buf, text, column, column);
}

static void
append_option(fsp_buf_t *buf, const cli_option_t *option)
{
    char left[64];
    (void)snprintf(left, sizeof left, "%c%c%s --%s%s%s", option->letter ? '-' : ' ',
                   option->letter ? option->letter : ' ', option->letter ? "," : " ", option->name,
                   option->argument ? " " : "", option->argument ? option->argument : "");
    char help[320];
    bool choices = option->choices && strcmp(option->choices, option->argument) != 0;
    (void)snprintf(help, sizeof help, "%s%s%s%s", option->help, choices ? " (" : "",
                   choices ? option->choices : "", choices ? ")" : "");
    append_entry(buf, left, 28, help);
}

static void
append_commands(fsp_buf_t *buf, const char *group)
{
    for (size_t i = 0; i < cli_command_count; i++) {
        const cli_command_t *each = &cli_commands[i];
        if ((each->flags & CLI_HIDDEN) ||
            (group && (!each->group || strcmp(each->group, group) != 0)))
            continue;
        if (!group && each->heading)
            fsp_buf_printf(buf, "\n%s:\n", each->heading);
        char name[96];
        (void)snprintf(name, sizeof name, "%s%s%s %s", each->group ? each->group : "",
                       each->group ? " " : "", each->name, each->operands);
        append_entry(buf, name, 34, each->summary);
    }
}

/* -- pages ------------------------------------------------------------------------------------- */

static void
append_command_page(fsp_buf_t *buf, const cli_command_t *command)
{
    fsp_buf_printf(buf, "Usage: filesphere %s%s%s [OPTION...]%s%s\n\n",
                   command->group ? command->group : "", command->group ? " " : "", command->name,
                   *command->operands ? " " : "", command->operands);
    char summary[256];
    (void)snprintf(summary, sizeof summary, "%c%s.", command->summary[0] & ~0x20,
                   command->summary + 1);
    append_wrapped(buf, summary, 0, 0);
    if (command->details) {
        fsp_buf_append_u8(buf, '\n');
        append_wrapped(buf, command->details, 0, 0);
    }
    fsp_buf_printf(buf, "\nExample:\n");
    for (const char *at = command->example; *at;) {
        size_t bytes = strcspn(at, "\n");
        fsp_buf_printf(buf, "  %.*s\n", (int)bytes, at);
        at += bytes + (at[bytes] == '\n');
    }
    fsp_buf_printf(buf, "\nOptions:\n");
    for (size_t i = 0; i < cli_option_count; i++) {
        if (cli_has_option(command, &cli_options[i]))
            append_option(buf, &cli_options[i]);
    }
    for (size_t i = 0; i < cli_common_option_count; i++)
        append_option(buf, &cli_common_options[i]);
}

static void
append_overview(fsp_buf_t *buf)
{
    fsp_buf_printf(buf, "Usage: filesphere [OPTION...] COMMAND [OPTION...] [OPERAND...]\n");
    append_commands(buf, NULL);
    fsp_buf_printf(buf, "\nREMOTE is /path in the profile's space, or SPACE:/path.  Every command "
                        "has --help.\n\nOptions:\n");
    for (size_t i = 0; i < cli_common_option_count; i++)
        append_option(buf, &cli_common_options[i]);
    fsp_buf_printf(buf, "      --version             show the version of this program\n\n"
                        "Exit codes: 0 done, 1 other failure, 2 usage, 3 not found, 4 conflict, 5 "
                        "not logged\nin, 6 forbidden, 7 partly done, 8 try again later, 9 quota or "
                        "space, 10 integrity\nerror, 130 interrupted.\n");
}

/* -- doors ------------------------------------------------------------------------------------- */

void
cli_print_text(cli_t *cli, fsp_buf_t *text)
{
    if (cli->json) {
        fsp_json_slice(cli_line(cli, "result"), "text", fsp_buf_slice(text));
        cli_line_end(cli);
    } else {
        (void)fwrite(text->data, 1, text->bytes, stdout); /* looked at once, at the end */
    }
    fsp_buf_clear(text);
}

void
cli_print_help(cli_t *cli, const cli_command_t *command, const char *group)
{
    fsp_buf_t text;
    fsp_buf_init(&text, HELP_BYTES_MAX);
    if (command) {
        append_command_page(&text, command);
    } else if (group) {
        fsp_buf_printf(
            &text, "Usage: filesphere %s COMMAND [OPTION...] [OPERAND...]\n\nCommands:\n", group);
        append_commands(&text, group);
        fsp_buf_printf(&text, "\nEvery command has --help.\n");
    } else {
        append_overview(&text);
    }
    cli_print_text(cli, &text);
}

void
cli_print_welcome(cli_t *cli)
{
    fsp_buf_t text;
    fsp_buf_init(&text, HELP_BYTES_MAX);
    fsp_buf_printf(&text, "filesphere " FSP_VERSION " - files on machines of your own\n\n"
                          "Start a node, and take the profile that it makes:\n"
                          "  filesphered --data ~/filesphere &\n"
                          "  filesphere profile add home ~/filesphere/admin.profile\n\n"
                          "Store a file, and fetch it again:\n"
                          "  filesphere put report.pdf /docs/report.pdf\n"
                          "  filesphere get /docs/report.pdf copy.pdf\n\n"
                          "All commands: filesphere help.  One of them: filesphere help put.\n");
    cli_print_text(cli, &text);
}

void
cli_print_version(cli_t *cli)
{
    if (cli->json) {
        fsp_json_text(cli_line(cli, "result"), "version", FSP_VERSION);
        cli_line_end(cli);
    } else {
        (void)printf("filesphere %s\n", FSP_VERSION);
    }
}

int
cli_help(cli_t *cli)
{
    size_t used = 0, count = (size_t)cli->operand_count;
    const cli_command_t *command = count > 0 ? cli_find_command(cli->operands, count, &used) : NULL;
    if (count == 0 || (command && used == count))
        cli_print_help(cli, command, NULL);
    else if (count == 1 && cli_is_group(cli->operands[0]))
        cli_print_help(cli, NULL, cli->operands[0]);
    else
        cli_fail_status(cli, FSP_INVALID,
                        "%.80s%s%.80s: there is no such command; see: filesphere "
                        "help",
                        cli->operands[0], count > 1 ? " " : "", count > 1 ? cli->operands[1] : "");
    return cli_finish(cli);
}
