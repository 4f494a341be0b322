/* SPDX-License-Identifier: MIT */
/* cli_man - manual pages, from the rows of cli_table.  Layer cmd.
 *
 * filesphere(1) is the overview; each group has a page, and each command that is in none.  The
 * output is troff with the man(7) macros.
 */
#include "cmd/cli_help.h"

#define MANUAL_DATE "2026-11-25" /* of the last change of the words in this file */

enum { PAGE_BYTES_MAX = 256 * 1024, FILL_COLUMNS = 70 };

/* -- troff ------------------------------------------------------------------------------------- */

/* Text within a line: what troff would take for itself is escaped. */
static void
append_text(fsp_buf_t *buf, const char *text)
{
    for (bool starts = true; *text; starts = *text++ == '\n') {
        if (starts && (*text == '.' || *text == '\''))
            fsp_buf_printf(buf, "\\&");
        switch (*text) {
        case '\\':
            fsp_buf_printf(buf, "\\e");
            break;
        case '-':
            fsp_buf_printf(buf, "\\-");
            break;
        case '\'':
            fsp_buf_printf(buf, "\\(aq");
            break;
        case '~':
            fsp_buf_printf(buf, "\\(ti");
            break;
        case '^':
            fsp_buf_printf(buf, "\\(ha");
            break;
        case '`':
            fsp_buf_printf(buf, "\\(ga");
            break;
        case '"':
            fsp_buf_printf(buf, "\\(dq");
            break;
        default:
            fsp_buf_append_u8(buf, (uint8_t)*text);
        }
    }
}

/* Prose: lines of at most FILL_COLUMNS, a sentence begins on a line of its own, as troff wants it,
   and an empty line begins a paragraph. */
static void
append_prose(fsp_buf_t *buf, const char *text)
{
    size_t column = 0;
    while (*text) {
        size_t bytes = strcspn(text, " \n");
        char word[128];
        (void)snprintf(word, sizeof word, "%.*s", (int)bytes, text);
        if (column > 0 && column + 1 + bytes > FILL_COLUMNS) {
            fsp_buf_append_u8(buf, '\n');
            column = 0;
        } else if (column > 0) {
            fsp_buf_append_u8(buf, ' ');
            column++;
        }
        append_text(buf, word);
        column += bytes;
        text += bytes;
        bool paragraph = text[0] == '\n' && text[1] == '\n';
        bool sentence = text[0] == ' ' && text[1] == ' ';
        if (paragraph || sentence) {
            fsp_buf_printf(buf, paragraph ? "\n.PP\n" : "\n");
            column = 0;
        }
        text += strspn(text, " \n");
    }
    if (column > 0)
        fsp_buf_append_u8(buf, '\n');
}

static void
append_bold(fsp_buf_t *buf, const char *text)
{
    fsp_buf_printf(buf, "\\fB");
    append_text(buf, text);
    fsp_buf_printf(buf, "\\fR");
}

static void
append_italic(fsp_buf_t *buf, const char *text)
{
    fsp_buf_printf(buf, "\\fI");
    append_text(buf, text);
    fsp_buf_printf(buf, "\\fR");
}

static void
append_head(fsp_buf_t *buf, const char *name, const char *summary)
{
    fsp_buf_printf(buf, ".TH ");
    for (const char *c = name; *c; c++)
        fsp_buf_append_u8(buf, *c >= 'a' && *c <= 'z' ? (uint8_t)(*c - 32) : (uint8_t)*c);
    fsp_buf_printf(buf, " 1 " MANUAL_DATE " \"FileSphere " FSP_VERSION "\" \"FileSphere Manual\"\n"
                        ".SH NAME\n");
    append_text(buf, name);
    fsp_buf_printf(buf, " \\- ");
    append_text(buf, summary);
    fsp_buf_append_u8(buf, '\n');
}

/* -- parts of pages ---------------------------------------------------------------------------- */

static void
append_option(fsp_buf_t *buf, const cli_option_t *option)
{
    char name[64];
    fsp_buf_printf(buf, ".TP\n");
    if (option->letter) {
        (void)snprintf(name, sizeof name, "-%c", option->letter);
        append_bold(buf, name);
        fsp_buf_printf(buf, ", ");
    }
    (void)snprintf(name, sizeof name, "--%s", option->name);
    append_bold(buf, name);
    if (option->argument) {
        fsp_buf_append_u8(buf, ' ');
        append_italic(buf, option->argument);
    }
    fsp_buf_append_u8(buf, '\n');
    bool choices = option->choices && strcmp(option->choices, option->argument) != 0;
    char help[320];
    (void)snprintf(help, sizeof help, "%s%s%s%s", option->help, choices ? " (" : "",
                   choices ? option->choices : "", choices ? ")" : "");
    append_prose(buf, help);
}

static void
append_synopsis(fsp_buf_t *buf, const cli_command_t *command)
{
    char words[96];
    (void)snprintf(words, sizeof words, "filesphere %s%s%s", command->group ? command->group : "",
                   command->group ? " " : "", command->name);
    append_bold(buf, words);
    fsp_buf_printf(buf, " [\\fIOPTION\\fR...]");
    if (*command->operands) {
        fsp_buf_append_u8(buf, ' ');
        append_italic(buf, command->operands);
    }
    fsp_buf_append_u8(buf, '\n');
}

/* What it does, its own options, how it is used. */
static void
append_command(fsp_buf_t *buf, const cli_command_t *command)
{
    char summary[256];
    (void)snprintf(summary, sizeof summary, "%c%s.", command->summary[0] & ~0x20,
                   command->summary + 1);
    append_prose(buf, summary);
    if (command->details) {
        fsp_buf_printf(buf, ".PP\n");
        append_prose(buf, command->details);
    }
    if (command->flags & CLI_GLOBS) {
        fsp_buf_printf(buf, ".PP\n");
        append_prose(buf, "Remote operands may be patterns; see filesphere(1), Patterns.");
    }
    for (size_t i = 0; i < cli_option_count; i++) {
        if (cli_has_option(command, &cli_options[i]))
            append_option(buf, &cli_options[i]);
    }
}

static void
append_example(fsp_buf_t *buf, const cli_command_t *command, bool first)
{
    fsp_buf_printf(buf, "%s.nf\n.RS\n", first ? "" : ".PP\n");
    append_text(buf, command->example);
    fsp_buf_printf(buf, "\n.RE\n.fi\n");
}

static void
append_tail(fsp_buf_t *buf)
{
    fsp_buf_printf(buf, ".SH EXIT STATUS\n"
                        "0 when everything was done; the other numbers are in\n"
                        ".BR filesphere (1).\n"
                        ".SH SEE ALSO\n"
                        ".BR filesphere (1),\n"
                        "which has the options of every command\n");
}

/* -- pages ------------------------------------------------------------------------------------- */

static void
append_command_page(fsp_buf_t *buf, const cli_command_t *command)
{
    char name[64];
    (void)snprintf(name, sizeof name, "filesphere-%s", command->name);
    append_head(buf, name, command->summary);
    fsp_buf_printf(buf, ".SH SYNOPSIS\n");
    append_synopsis(buf, command);
    fsp_buf_printf(buf, ".SH DESCRIPTION\n");
    append_command(buf, command);
    fsp_buf_printf(buf, ".SH EXAMPLES\n");
    append_example(buf, command, true);
    append_tail(buf);
}

static bool
is_of(const cli_command_t *command, const char *group)
{
    return command->group && strcmp(command->group, group) == 0 && !(command->flags & CLI_HIDDEN);
}

static void
append_group_page(fsp_buf_t *buf, const char *group)
{
    static const struct {
        const char *group, *summary;
    } summaries[] = {
        {"version", "the versions of a file"},
        {"trash", "what was removed"},
        {"space", "spaces, and what they keep"},
        {"key", "who may connect"},
        {"node", "the node that the client talks to"},
        {"profile", "meshes that the client knows"},
        {"receipt", "a node's signed word that a version was durable"},
    };
    char name[64];
    const char *summary = "commands of one kind";
    for (size_t i = 0; i < sizeof summaries / sizeof summaries[0]; i++) {
        if (strcmp(summaries[i].group, group) == 0)
            summary = summaries[i].summary;
    }
    (void)snprintf(name, sizeof name, "filesphere-%s", group);
    append_head(buf, name, summary);
    fsp_buf_printf(buf, ".SH SYNOPSIS\n.nf\n");
    for (size_t i = 0; i < cli_command_count; i++) {
        if (is_of(&cli_commands[i], group))
            append_synopsis(buf, &cli_commands[i]);
    }
    fsp_buf_printf(buf, ".fi\n.SH DESCRIPTION\n");
    for (size_t i = 0; i < cli_command_count; i++) {
        if (!is_of(&cli_commands[i], group))
            continue;
        fsp_buf_printf(buf, ".SS ");
        append_text(buf, cli_commands[i].name);
        fsp_buf_append_u8(buf, '\n');
        append_command(buf, &cli_commands[i]);
    }
    fsp_buf_printf(buf, ".SH EXAMPLES\n");
    bool first = true;
    for (size_t i = 0; i < cli_command_count; i++) {
        if (is_of(&cli_commands[i], group)) {
            append_example(buf, &cli_commands[i], first);
            first = false;
        }
    }
    append_tail(buf);
}

static void
append_command_list(fsp_buf_t *buf)
{
    fsp_buf_printf(buf, ".SH COMMANDS\n");
    for (size_t i = 0; i < cli_command_count; i++) {
        const cli_command_t *command = &cli_commands[i];
        char words[96];
        if (command->flags & CLI_HIDDEN)
            continue;
        if (command->heading) {
            fsp_buf_printf(buf, ".SS ");
            append_text(buf, command->heading);
            fsp_buf_append_u8(buf, '\n');
        }
        (void)snprintf(words, sizeof words, "%s%s%s", command->group ? command->group : "",
                       command->group ? " " : "", command->name);
        fsp_buf_printf(buf, ".TP\n");
        append_bold(buf, words);
        if (*command->operands) {
            fsp_buf_append_u8(buf, ' ');
            append_italic(buf, command->operands);
        }
        fsp_buf_append_u8(buf, '\n');
        append_prose(buf, command->summary);
    }
}

typedef struct {
    const char *term, *text;
} term_t;

static void
append_terms(fsp_buf_t *buf, const char *heading, const term_t *terms, size_t count)
{
    fsp_buf_printf(buf, ".SH ");
    append_text(buf, heading);
    fsp_buf_append_u8(buf, '\n');
    for (size_t i = 0; i < count; i++) {
        fsp_buf_printf(buf, ".TP\n");
        append_bold(buf, terms[i].term);
        fsp_buf_append_u8(buf, '\n');
        append_prose(buf, terms[i].text);
    }
}

static void
append_tables(fsp_buf_t *buf)
{
    static const term_t exits[] = {
        {"0", "done"},
        {"1", "another failure"},
        {"2", "usage: the command line, or a value in it, is wrong"},
        {"3", "not found"},
        {"4", "conflict: a condition does not hold, or something is in the way"},
        {"5", "not logged in: no profile, or a key that the node does not know"},
        {"6", "forbidden"},
        {"7", "partly done: of several things, some failed"},
        {"8", "temporary: try again later"},
        {"9", "no quota or no room"},
        {"10", "integrity: bytes are not what they should be"},
        {"130", "interrupted"},
    };
    static const term_t environment[] = {
        {"FILESPHERE_PROFILE", "stands for --profile"},
        {"FILESPHERE_SPACE", "stands for --space"},
        {"FILESPHERE_TIMEOUT", "stands for --timeout"},
        {"NO_COLOR", "if it is set and not empty, names have no colours on a terminal"},
        {"XDG_CONFIG_HOME", "where profiles lie, instead of ~/.config"},
        {"XDG_STATE_HOME",
         "where transfers that were interrupted are remembered, instead of ~/.local/state"},
        {"TMPDIR", "where version diff puts what it compares, instead of /tmp"},
    };
    static const term_t files[] = {
        {"~/.config/filesphere/profile", "the profile in use; a link to one of:"},
        {"~/.config/filesphere/profiles/NAME",
         "profiles.  They hold secret keys; only their owner may read them."},
        {"~/.local/state/filesphere/transfers/",
         "transfers that were interrupted, to be taken up; nothing there is older than 7 days"},
    };
    append_terms(buf, "EXIT STATUS", exits, sizeof exits / sizeof exits[0]);
    append_prose(buf, "Numbers that are not listed mean failure, too.");
    append_terms(buf, "ENVIRONMENT", environment, sizeof environment / sizeof environment[0]);
    append_terms(buf, "FILES", files, sizeof files / sizeof files[0]);
}

static void
append_overview(fsp_buf_t *buf)
{
    append_head(buf, "filesphere", "files on machines of your own");
    fsp_buf_printf(buf,
                   ".SH SYNOPSIS\n"
                   "\\fBfilesphere\\fR [\\fIOPTION\\fR...] \\fICOMMAND\\fR [\\fIOPTION\\fR...] "
                   "[\\fIOPERAND\\fR...]\n"
                   ".SH DESCRIPTION\n");
    append_prose(buf, "The client of a FileSphere mesh, whose nodes are filesphered(8).  Data goes "
                      "to standard output, all else to standard error.");
    fsp_buf_printf(buf, ".SS Paths\n");
    append_prose(buf,
                 "A remote path is /directory/file in the space of the profile, or "
                 "SPACE:/directory/file.  A '/' at the end says that a directory is meant.  In "
                 "what is printed, control characters and backslashes in names are escaped.");
    fsp_buf_printf(buf, ".SS Patterns\n");
    append_prose(buf,
                 "Where several remote operands may stand, each may be a pattern, to be quoted "
                 "for the shell: '*' is any letters of one name, '?' one, '[a-z]' one of "
                 "these, and '\\' takes the meaning of the next away.  Names that begin with "
                 "a dot want one in the pattern.  A name that is there as it was typed wins.  A "
                 "pattern without a match is an error, and then nothing is done.");
    fsp_buf_printf(buf, ".SS Times\n");
    append_prose(buf,
                 "A time is 2026-11-25T15:00:00Z (RFC 3339), a date, or how long ago, as "
                 "-90s, -2h, -3d; --at also takes a change number, as @127.  Durations are 30s, "
                 "10m, 2h, 7d, 2w; sizes 4096, 64K, 10M, 2G, 1T, of 1024.");
    fsp_buf_printf(buf, ".SS JSON\n");
    append_prose(buf, "With --json every command writes one object a line, each with a type.  The "
                      "last one has type result, or type error with code, symbol, message and "
                      "exit.  Times are RFC 3339 in UTC, sizes bytes.  Where content goes to "
                      "standard output, the lines go to standard error.");
    fsp_buf_printf(buf, ".SS Settings\n");
    append_prose(buf,
                 "An option counts before the environment, the environment before the profile, "
                 "the profile before what is built in.");
    append_command_list(buf);
    fsp_buf_printf(buf, ".SH OPTIONS\nEvery command has these; they may also stand before it.\n");
    for (size_t i = 0; i < cli_common_option_count; i++)
        append_option(buf, &cli_common_options[i]);
    fsp_buf_printf(buf, ".TP\n\\fB\\-\\-version\\fR\nbefore a command: show the version of this "
                        "program\n");
    append_tables(buf);
    fsp_buf_printf(buf, ".SH EXAMPLES\n.nf\n.RS\n");
    append_text(buf, "filesphered --data ~/filesphere &\n"
                     "filesphere profile add home ~/filesphere/admin.profile\n"
                     "filesphere put report.pdf /docs/report.pdf\n"
                     "filesphere get /docs/report.pdf copy.pdf");
    fsp_buf_printf(buf, "\n.RE\n.fi\n.SH SEE ALSO\n.BR filesphered (8)\n");
}

/* -- command ----------------------------------------------------------------------------------- */

/* The page of the command number `at` if it is the first of its page: "filesphere-put". */
static bool
first_of_page(size_t at, char ret[64])
{
    const cli_command_t *command = &cli_commands[at];
    if (command->flags & CLI_HIDDEN)
        return false;
    for (size_t i = 0; command->group && i < at; i++) {
        if (is_of(&cli_commands[i], command->group))
            return false;
    }
    (void)snprintf(ret, 64, "filesphere-%s", command->group ? command->group : command->name);
    return true;
}

int
cli_man(cli_t *cli)
{
    const char *wanted = cli->operand_count > 0 ? cli->operands[0] : NULL;
    fsp_buf_t page;
    fsp_buf_init(&page, PAGE_BYTES_MAX);
    if (!wanted)
        fsp_buf_printf(&page, "filesphere\n");
    else if (strcmp(wanted, "filesphere") == 0)
        append_overview(&page);
    for (size_t i = 0; i < cli_command_count; i++) {
        const cli_command_t *command = &cli_commands[i];
        char name[64];
        if (!first_of_page(i, name))
            continue;
        if (!wanted)
            fsp_buf_printf(&page, "%s\n", name);
        else if (strcmp(wanted, name) == 0 && command->group)
            append_group_page(&page, command->group);
        else if (strcmp(wanted, name) == 0)
            append_command_page(&page, command);
    }
    if (page.bytes == 0)
        cli_fail_status(cli, FSP_NOT_FOUND, "%.80s: there is no such page; see: filesphere __man",
                        wanted);
    else
        cli_print_text(cli, &page);
    fsp_buf_clear(&page);
    return cli_finish(cli);
}
