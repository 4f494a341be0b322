/* SPDX-License-Identifier: MIT */
/* filesphere - the command line client: command table, options, signals.  Layer cmd. */
#include "cmd/cli_common.h"

#include "core/base/text.h"
#include "proto/errors.h"

#include <sys/stat.h>

#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* -- commands ---------------------------------------------------------------------------------- */

enum { MANY = 1 << 20 };

const cli_command_t cli_commands[] = {
    {NULL, "put", "rnMmL", 2, MANY, "LOCAL... REMOTE", "store files; LOCAL '-' is standard input",
     "filesphere put report.pdf /docs/report.pdf", cli_put},
    {NULL, "get", "rVRt", 2, MANY, "REMOTE... LOCAL", "fetch files; LOCAL '-' is standard output",
     "filesphere get -r /docs ./docs", cli_get},
    {NULL, "cat", "VRt", 1, MANY, "REMOTE...",
     "write contents to standard output (with --json, lines go to stderr)",
     "filesphere cat --range 0-99 /docs/report.pdf", cli_cat},
    {NULL, "ls", "lxt", 0, 1, "[REMOTE]", "list a directory", "filesphere ls --at -2h /docs",
     cli_ls},
    {NULL, "stat", "Vt", 1, 1, "REMOTE", "show what is known about a file or directory",
     "filesphere stat --json /docs/report.pdf", cli_stat},
    {NULL, "mkdir", "p", 1, MANY, "REMOTE...", "make directories",
     "filesphere mkdir -p /docs/2026/november", cli_mkdir},
    {NULL, "mv", "n", 2, MANY, "REMOTE... REMOTE", "move or rename; missing parents are made",
     "filesphere mv /docs/report.pdf /archive/", cli_mv},
    {NULL, "cp", "n", 2, MANY, "REMOTE... REMOTE",
     "copy files inside the mesh; missing parents are made",
     "filesphere cp /docs/report.pdf /docs/report-2.pdf", cli_cp},
    {NULL, "rm", "r", 1, MANY, "REMOTE...", "remove; what is removed goes to the trash",
     "filesphere rm -r /docs/old", cli_rm},
    {"version", "ls", "", 1, 1, "REMOTE", "list the versions of a file, newest first",
     "filesphere version ls /docs/report.pdf", cli_version_ls},
    {"version", "restore", "V", 1, 2, "REMOTE VERSION", "make an older version the newest again",
     "filesphere version restore /docs/report.pdf 3f9a51c07b2e", cli_version_restore},
    {"version", "rm", "", 2, MANY, "REMOTE VERSION...",
     "drop the content of older versions for good; their place in the history stays",
     "filesphere version rm /docs/report.pdf 3f9a51c07b2e", cli_version_rm},
    {NULL, "lock", "f", 1, 1, "REMOTE", "take the lease of a file and print its token",
     "filesphere lock --for 10m /docs/report.pdf", cli_lock},
    {NULL, "renew", "f", 2, 2, "REMOTE TOKEN", "let a lease last longer",
     "filesphere renew --for 10m /docs/report.pdf 127", cli_renew},
    {NULL, "unlock", "F", 1, 2, "REMOTE [TOKEN]", "give a lease back, or end it with --force",
     "filesphere unlock /docs/report.pdf 127", cli_unlock},
    {"trash", "ls", "l", 0, 1, "[SPACE:/]", "list what was removed, and from where, oldest first",
     "filesphere trash ls", cli_trash_ls},
    {"trash", "restore", "p", 1, 2, "ITEM|REMOTE [REMOTE]",
     "take something out of the trash, by its number or by where it was",
     "filesphere trash restore /docs/report.pdf", cli_trash_restore},
    {"trash", "empty", "oY", 0, 1, "[SPACE:/]", "drop for good what lies in the trash",
     "filesphere trash empty --older-than 30d --yes", cli_trash_empty},
    {NULL, "batch", "", 1, 2, "FILE [SPACE:/]",
     "do many things at once or none of them: one JSON object a line, '-' is standard input",
     "echo '{\"op\":\"move\",\"path\":\"/a\",\"to\":\"/b\"}' | filesphere batch -", cli_batch},
    {NULL, "watch", "AC", 0, 1, "[REMOTE]",
     "show changes as they happen, below a path; until interrupted",
     "filesphere watch --json /docs", cli_watch},
    {"space", "create", "Q", 1, 1, "NAME", "make a space",
     "filesphere space create --quota 10G team", cli_space_create},
    {"space", "ls", "l", 0, 0, "", "list the spaces", "filesphere space ls", cli_space_ls},
    {"space", "rm", "DNkY", 1, 1, "NAME",
     "remove a space: read only at once, its content goes for good after the delay",
     "filesphere space rm --delay 30d team", cli_space_rm},
    {NULL, "changes", "A", 0, 1, "[SPACE:/]", "list the changes of a space, oldest first",
     "filesphere changes --after 120 --json", cli_changes},
    {"node", "show", "", 0, 0, "", "show the state of the node", "filesphere node show --json",
     cli_node_show},
};
const size_t cli_command_count = sizeof cli_commands / sizeof cli_commands[0];

/* -- options ----------------------------------------------------------------------------------- */

typedef struct {
    char letter;   /* what commands list; also the value getopt gives */
    bool is_short; /* the letter is an option itself: -r */
    const char *name;
    const char *argument; /* NULL: none */
    const char *help;
} option_t;

static const option_t options[] = {
    {'r', true, "recursive", NULL, "directories with all that is in them"},
    {'n', true, "no-replace", NULL, "fail if something is there already"},
    {'M', false, "if-match", "VERSION",
     "only if this is the present version (64 hexadecimal digits)"},
    {'m', true, "message", "TEXT", "a message that is kept with the version"},
    {'V', false, "version", "VERSION",
     "this version (8 to 64 hexadecimal digits) instead of the newest"},
    {'R', false, "range", "A-B", "only bytes A to B, both included; 'A-' is up to the end"},
    {'l', true, "long", NULL, "with size and time"},
    {'x', false, "prefix", "TEXT", "only names that start so"},
    {'p', true, "parents", NULL, "make parents; no error if it exists"},
    {'A', false, "after", "NUMBER", "only changes after this number"},
    {'t', false, "at", "TIME",
     "as it was: RFC 3339, a date, how long ago (-2h), or a change number (@127)"},
    {'L', false, "lease", "TOKEN", "only if the lease is still this one (see lock)"},
    {'f', false, "for", "DURATION", "how long the lease lasts: 30s, 10m, 2h, 1d (10m)"},
    {'F', false, "force", NULL, "whoever holds it"},
    {'o', false, "older-than", "DURATION", "only what was removed so long ago: 12h, 30d"},
    {'C', false, "count", "NUMBER", "end after so many changes"},
    {'Q', false, "quota", "BYTES", "what it may hold: 500M, 10G, 2T"},
    {'D', false, "delay", "DURATION", "how long its content stays: 12h, 30d (7d)"},
    {'N', false, "now", NULL, "without delay"},
    {'k', false, "cancel", NULL, "keep it after all"},
    {'Y', false, "yes", NULL, "do not ask"},
};
static const option_t common_options[] = {
    {'P', false, "profile", "FILE",
     "profile; else $FILESPHERE_PROFILE, else ~/.config/filesphere/profile"},
    {'j', false, "json", NULL, "one JSON object a line; the last has type=result or type=error"},
    {'T', false, "timeout", "SECONDS", "wait so long for a sign of life of the node (5)"},
    {'q', true, "quiet", NULL, "say nothing but results and errors"},
    {'h', true, "help", NULL, "show this help"},
};
enum {
    OPTION_COUNT = sizeof options / sizeof options[0],
    COMMON_COUNT = sizeof common_options / sizeof common_options[0],
    TABLE_MAX = OPTION_COUNT + COMMON_COUNT + 2,
};

typedef struct {
    struct option longs[TABLE_MAX];
    char shorts[2 * TABLE_MAX + 3];
} getopt_table_t;

static void
add_option(getopt_table_t *table, size_t *count, const option_t *option)
{
    table->longs[(*count)++] =
        (struct option){.name = option->name,
                        .has_arg = option->argument ? required_argument : no_argument,
                        .val = option->letter};
    if (option->is_short) {
        size_t at = strlen(table->shorts);
        table->shorts[at++] = option->letter;
        if (option->argument)
            table->shorts[at] = ':';
    }
}

/* Options of a command; NULL: those that may stand before the command. */
static void
make_table(getopt_table_t *table, const cli_command_t *command)
{
    static const option_t version = {'W', false, "version", NULL,
                                     "show the version of this program"};
    memset(table, 0, sizeof *table);
    /* '+': stop at the command.  ':': tell a missing argument from an unknown option. */
    memcpy(table->shorts, command ? ":" : "+:", command ? 1 : 2);
    size_t count = 0;
    for (size_t i = 0; i < COMMON_COUNT; i++)
        add_option(table, &count, &common_options[i]);
    for (size_t i = 0; command && i < OPTION_COUNT; i++) {
        if (strchr(command->options, options[i].letter))
            add_option(table, &count, &options[i]);
    }
    if (!command)
        add_option(table, &count, &version);
}

static void
print_options(const option_t *list, size_t count, const char *letters)
{
    for (size_t i = 0; i < count; i++) {
        const option_t *option = &list[i];
        if (letters && !strchr(letters, option->letter))
            continue;
        char left[64];
        (void)snprintf(left, sizeof left, "%c%c%s --%s%s%s", option->is_short ? '-' : ' ',
                       option->is_short ? option->letter : ' ', option->is_short ? "," : " ",
                       option->name, option->argument ? " " : "",
                       option->argument ? option->argument : "");
        (void)printf("  %-26s %s\n", left, option->help);
    }
}

static void
print_help(const cli_command_t *command)
{
    if (command) {
        (void)printf(
            "Usage: filesphere %s%s%s [OPTION...]%s%s\n\n%s.\n\nExample:\n  %s\n\nOptions:\n",
            command->group ? command->group : "", command->group ? " " : "", command->name,
            *command->operands ? " " : "", command->operands, command->summary, command->example);
        print_options(options, OPTION_COUNT, command->options);
        print_options(common_options, COMMON_COUNT, NULL);
        return;
    }
    (void)printf("Usage: filesphere [OPTION...] COMMAND [OPTION...] [OPERAND...]\n\nCommands:\n");
    for (size_t i = 0; i < cli_command_count; i++) {
        char name[64];
        const cli_command_t *each = &cli_commands[i];
        (void)snprintf(name, sizeof name, "%s%s%s %s", each->group ? each->group : "",
                       each->group ? " " : "", each->name, each->operands);
        (void)printf("  %-32s %s\n", name, each->summary);
    }
    (void)printf("\nREMOTE is /path in the profile's space, or SPACE:/path.  Every command has "
                 "--help.\n\nOptions:\n");
    print_options(common_options, COMMON_COUNT, NULL);
    (void)printf("      --version              show the version of this program\n\n"
                 "Exit codes: 0 done, 1 other failure, 2 usage, 3 not found, 4 conflict, 5 not "
                 "logged in, 6 forbidden,\n"
                 "7 partly done, 8 try again later, 9 quota or space, 10 integrity error, 130 "
                 "interrupted.\n");
}

/* -- parsing ----------------------------------------------------------------------------------- */

static const cli_command_t *
find_command(char **words, int count, int *ret_used)
{
    for (size_t i = 0; i < cli_command_count; i++) {
        const cli_command_t *command = &cli_commands[i];
        int used = command->group ? 2 : 1;
        if (count >= used && strcmp(words[used - 1], command->name) == 0 &&
            (!command->group || strcmp(words[0], command->group) == 0)) {
            *ret_used = used;
            return command;
        }
    }
    return NULL;
}

static bool
is_group(const char *word)
{
    for (size_t i = 0; i < cli_command_count; i++) {
        if (cli_commands[i].group && strcmp(word, cli_commands[i].group) == 0)
            return true;
    }
    return false;
}

/* A number of an option; false: the failure is noted. */
static bool
take_number(cli_t *cli, const char *name, const char *text, uint64_t min, uint64_t max,
            uint64_t *ret)
{
    if (fsp_parse_u64(fsp_slice_text(text), max, ret) == FSP_OK && *ret >= min)
        return true;
    cli_fail_status(cli, FSP_INVALID, "--%s %.80s: give a whole number from %llu to %llu", name,
                    text, (unsigned long long)min, (unsigned long long)max);
    return false;
}

/* --at, and the durations. */
static bool
take_time(cli_t *cli, int letter)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail with this clock */
    uint64_t now_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
    if (letter == 't') {
        if (cli_at_parse(optarg, now_us, &cli->at.change, &cli->at.time_us) == FSP_OK)
            return true;
        cli_fail_status(cli, FSP_INVALID,
                        "--at %.80s: give a time as 2026-11-25T15:00:00Z, a date, -2h, or @CHANGE",
                        optarg);
        return false;
    }
    if (cli_duration_parse(optarg, &cli->duration_us) == FSP_OK)
        return true;
    cli_fail_status(cli, FSP_INVALID, "%.80s: give a duration, as in 30s, 10m, 2h, 7d or 2w",
                    optarg);
    return false;
}

typedef enum { PARSED, HELP, VERSION, WRONG } parsed_t;

static parsed_t
take_option(cli_t *cli, int letter, char **argv)
{
    switch (letter) {
    case 'r':
        cli->recursive = true;
        return PARSED;
    case 'n':
        cli->no_replace = true;
        return PARSED;
    case 'M':
        cli->if_match = optarg;
        return PARSED;
    case 'm':
        cli->message = optarg;
        return PARSED;
    case 'V':
        cli->version = optarg;
        return PARSED;
    case 'R':
        cli->has_range = true;
        if (cli_range_parse(optarg, &cli->range_first, &cli->range_last) == FSP_OK)
            return PARSED;
        cli_fail_status(cli, FSP_INVALID,
                        "--range %.80s: give the first and the last byte, as in 0-99", optarg);
        return WRONG;
    case 'l':
        cli->long_lines = true;
        return PARSED;
    case 'x':
        cli->prefix = optarg;
        return PARSED;
    case 'p':
        cli->parents = true;
        return PARSED;
    case 'A':
        cli->has_after = true;
        return take_number(cli, "after", optarg, 0, UINT64_MAX - 1, &cli->after) ? PARSED : WRONG;
    case 't':
    case 'f':
    case 'o':
    case 'D':
        return take_time(cli, letter) ? PARSED : WRONG;
    case 'L':
        return take_number(cli, "lease", optarg, 1, UINT64_MAX, &cli->lease_token) ? PARSED : WRONG;
    case 'C':
        cli->has_count = true;
        return take_number(cli, "count", optarg, 1, UINT64_MAX, &cli->count) ? PARSED : WRONG;
    case 'Q':
        if (cli_size_parse(optarg, &cli->quota_bytes) == FSP_OK && cli->quota_bytes > 0)
            return PARSED;
        cli_fail_status(cli, FSP_INVALID, "--quota %.80s: give a size, as in 500M or 10G", optarg);
        return WRONG;
    case 'F':
        cli->force = true;
        return PARSED;
    case 'N':
        cli->now = true;
        return PARSED;
    case 'k':
        cli->cancel = true;
        return PARSED;
    case 'Y':
        cli->yes = true;
        return PARSED;
    case 'P':
        cli->profile = optarg;
        return PARSED;
    case 'j':
        cli->json = true;
        return PARSED;
    case 'T':
        return take_number(cli, "timeout", optarg, 1, 86400, &cli->timeout_s) ? PARSED : WRONG;
    case 'q':
        cli->quiet = true;
        return PARSED;
    case 'h':
        return HELP;
    case 'W':
        return VERSION;
    default:
        cli_fail_status(
            cli, FSP_INVALID, "%.80s: %s; see: filesphere%s%s%s%s --help", argv[optind - 1],
            letter == ':' ? "the option needs an argument" : "there is no such option here",
            cli->command && cli->command->group ? " " : "",
            cli->command && cli->command->group ? cli->command->group : "", cli->command ? " " : "",
            cli->command ? cli->command->name : "");
        return WRONG;
    }
}

/* Options of a command (or those before it) out of argv; operands are left from optind on. */
static parsed_t
take_options(cli_t *cli, int argc, char **argv)
{
    getopt_table_t table;
    make_table(&table, cli->command);
    opterr = 0;
    optind = 0; /* GNU: start anew, also for the way operands are permuted */
    for (;;) {
        int letter = getopt_long(argc, argv, table.shorts, table.longs, NULL);
        if (letter == -1)
            return PARSED;
        parsed_t parsed = take_option(cli, letter, argv);
        if (parsed != PARSED)
            return parsed;
    }
}

static parsed_t
parse(cli_t *cli, int argc, char **argv)
{
    parsed_t parsed = take_options(cli, argc, argv);
    if (parsed != PARSED)
        return parsed;
    int at = optind, used = 0;
    if (at < argc && strcmp(argv[at], "help") == 0) { /* help [COMMAND] */
        cli->command = find_command(argv + at + 1, argc - at - 1, &used);
        return HELP;
    }
    cli->command = find_command(argv + at, argc - at, &used);
    if (!cli->command) {
        if (at >= argc)
            cli_fail_status(cli, FSP_INVALID, "a command is missing; see: filesphere --help");
        else if (is_group(argv[at]))
            cli_fail_status(cli, FSP_INVALID,
                            "%.80s: say what to do with it; see: filesphere --help", argv[at]);
        else
            cli_fail_status(cli, FSP_INVALID,
                            "%.80s: there is no such command; see: filesphere --help", argv[at]);
        return WRONG;
    }
    /* getopt wants a name before the first option: the command's. */
    char **rest = argv + at + used - 1;
    int rest_count = argc - at - used + 1;
    parsed = take_options(cli, rest_count, rest);
    if (parsed != PARSED)
        return parsed;
    cli->operands = rest + optind;
    cli->operand_count = rest_count - optind;
    if (cli->operand_count >= cli->command->operands_min &&
        cli->operand_count <= cli->command->operands_max)
        return PARSED;
    cli_fail_status(cli, FSP_INVALID, "%s operands; usage: filesphere %s%s%s [OPTION...] %s",
                    cli->operand_count < cli->command->operands_min ? "missing" : "too many",
                    cli->command->group ? cli->command->group : "", cli->command->group ? " " : "",
                    cli->command->name, cli->command->operands);
    return WRONG;
}

/* -- signals ----------------------------------------------------------------------------------- */

static volatile sig_atomic_t interrupt_count;
static cli_t *volatile interrupt_cli; /* whose handle is to be cancelled */

static void
on_interrupt(int number)
{
    (void)number;
    if (++interrupt_count > 3) /* it hangs, and the user means it */
        _exit(130);
    if (interrupt_cli)
        filesphere_cancel(interrupt_cli->handle);
}

bool
cli_interrupted(void)
{
    return interrupt_count > 0;
}

/* Without SA_RESTART: a read from a terminal ends. */
static void
catch_interrupts(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_interrupt;
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL); /* cannot fail for these */
    (void)sigaction(SIGTERM, &action, NULL);
}

/* -- main -------------------------------------------------------------------------------------- */

static int
run(cli_t *cli)
{
    filesphere_config_t config = {.profile_path = cli->profile,
                                  .timeout_ms = cli->timeout_s * 1000,
                                  .client_name = "filesphere/" FSP_VERSION};
    interrupt_cli = cli;
    catch_interrupts();
    filesphere_code_t code = filesphere_open(&config, &cli->handle);
    if (*filesphere_warning(cli->handle))
        cli_warn(cli, "%s", filesphere_warning(cli->handle));
    int exit_code;
    if (code != FILESPHERE_OK) {
        cli_fail_call(cli, code);
        exit_code = cli_finish(cli);
    } else {
        exit_code = cli->command->run(cli);
    }
    interrupt_cli = NULL;
    filesphere_close(&cli->handle);
    return exit_code;
}

int
main(int argc, char **argv)
{
    cli_t cli = {.json = false};
    fsp_buf_init(&cli.line, 1024 * 1024);
    mode_t mask = umask(077);
    (void)umask(mask);
    cli.file_mode = 0666 & ~mask;
    /* A mistake in the options is told in the form the user wants, wherever he says so. */
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        cli.json = cli.json || strcmp(argv[i], "--json") == 0;

    int exit_code = 0;
    switch (parse(&cli, argc, argv)) {
    case HELP:
        print_help(cli.command);
        break;
    case VERSION:
        (void)printf("filesphere %s\n", FSP_VERSION);
        break;
    case WRONG:
        exit_code = cli_finish(&cli);
        break;
    case PARSED:
        exit_code = run(&cli);
        break;
    }
    fsp_buf_clear(&cli.line);
    if ((fflush(stdout) != 0 || ferror(stdout)) && exit_code == 0) {
        perror("filesphere: standard output");
        exit_code = 1;
    }
    return exit_code;
}
