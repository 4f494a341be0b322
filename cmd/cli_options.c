/* SPDX-License-Identifier: MIT */
/* cli_options - what is typed, into the fields of cli_t, by the rows of cli_table.  Layer cmd.
 *
 * Order of settings: option, then environment, then profile, then default.
 */
#include "cmd/cli_options.h"

#include "core/base/check.h"
#include "core/base/text.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>

enum { TABLE_MAX = 96, FIRST_VALUE = 256 };

/* What getopt wants, and the rows behind it: value FIRST_VALUE + i is rows[i]. */
typedef struct {
    struct option longs[TABLE_MAX];
    const cli_option_t *rows[TABLE_MAX];
    size_t count;
    char shorts[2 * TABLE_MAX + 3];
} getopt_table_t;

static void
add_option(getopt_table_t *table, const cli_option_t *row)
{
    FSP_ASSERT(table->count + 1 < TABLE_MAX); /* the last one ends the list */
    table->rows[table->count] = row;
    table->longs[table->count] =
        (struct option){.name = row->name,
                        .has_arg = row->argument ? required_argument : no_argument,
                        .val = FIRST_VALUE + (int)table->count};
    table->count++;
    if (row->letter) {
        size_t at = strlen(table->shorts);
        table->shorts[at++] = row->letter;
        if (row->argument)
            table->shorts[at] = ':';
    }
}

static size_t
word_count(const char *text)
{
    size_t count = 0;
    while (*(text += strspn(text, " "))) {
        count++;
        text += strcspn(text, " ");
    }
    return count;
}

/* Options of a command; NULL: those that may stand before the command. */
static void
make_table(getopt_table_t *table, const cli_command_t *command)
{
    static const cli_option_t version = {0,  "version",     NULL,
                                         "", CLI_TAKE_FLAG, .field = offsetof(cli_t, show_version)};
    memset(table, 0, sizeof *table);
    /* '+': stop at the command.  ':': tell a missing argument from an unknown option. */
    memcpy(table->shorts, command ? ":" : "+:", command ? 1 : 2);
    for (size_t i = 0; i < cli_common_option_count; i++)
        add_option(table, &cli_common_options[i]);
    size_t own = 0;
    for (size_t i = 0; command && i < cli_option_count; i++) {
        if (cli_has_option(command, &cli_options[i])) {
            add_option(table, &cli_options[i]);
            own++;
        }
    }
    FSP_ASSERT(!command || own == word_count(command->options)); /* no misspelled name in the row */
    if (!command)
        add_option(table, &version);
}

/* -- values ------------------------------------------------------------------------------------ */

/* The name under which a value was given: "--timeout", or the variable. */
typedef struct {
    const cli_option_t *row;
    const char *from; /* variable, or NULL */
} source_t;

static void *
field_of(cli_t *cli, size_t offset)
{
    return (char *)cli + offset;
}

__attribute__((format(printf, 4, 5))) static bool
refuse(cli_t *cli, const source_t *source, const char *text, const char *format, ...)
{
    char words[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(words, sizeof words, format, args);
    va_end(args);
    cli_fail_status(cli, FSP_INVALID, "%s%s %.80s: give %s", source->from ? "" : "--",
                    source->from ? source->from : source->row->name, text, words);
    return false;
}

static bool
take_moment(cli_t *cli, const source_t *source, const char *text)
{
    filesphere_at_t at = {.change = 0};
    bool time_only = source->row->take == CLI_TAKE_TIME;
    fsp_status_t status = cli_at_parse(text, cli_now_us(), &at.change, &at.time_us);
    if (status == FSP_BAD_RANGE)
        return refuse(cli, source, text, "a moment after the beginning of 1970");
    if (status != FSP_OK || (time_only && at.change > 0))
        return refuse(cli, source, text, "a time as 2026-11-25T15:00:00Z, a date%s",
                      time_only ? ", or how long ago, as -2h" : ", -2h, or @CHANGE");
    if (time_only)
        *(uint64_t *)field_of(cli, source->row->field) = at.time_us;
    else
        *(filesphere_at_t *)field_of(cli, source->row->field) = at;
    return true;
}

static bool
take_number(cli_t *cli, const source_t *source, const char *text)
{
    const cli_option_t *row = source->row;
    uint64_t value;
    if (fsp_parse_u64(fsp_slice_text(text), row->max, &value) != FSP_OK || value < row->min)
        return refuse(cli, source, text, "a whole number from %llu to %llu",
                      (unsigned long long)row->min, (unsigned long long)row->max);
    *(uint64_t *)field_of(cli, row->field) = value;
    return true;
}

/* One of "auto|plain|none"; the field then points into that text's own copy: what was typed. */
static bool
take_choice(cli_t *cli, const source_t *source, const char *text)
{
    const char *at = source->row->choices;
    size_t bytes = strlen(text);
    for (;;) {
        size_t word = strcspn(at, "|");
        if (word == bytes && memcmp(at, text, bytes) == 0) {
            *(const char **)field_of(cli, source->row->field) = text;
            return true;
        }
        if (at[word] == '\0')
            return refuse(cli, source, text, "one of %s", source->row->choices);
        at += word + 1;
    }
}

static bool
take_listed(cli_t *cli, const source_t *source, const char *text)
{
    cli_texts_t *texts = field_of(cli, source->row->field);
    if (texts->count == CLI_TEXTS_MAX)
        return refuse(cli, source, text, "it at most %d times", CLI_TEXTS_MAX);
    texts->items[texts->count++] = text;
    return true;
}

/* text NULL for a flag.  False: the failure is noted. */
static bool
take_value(cli_t *cli, const source_t *source, const char *text)
{
    const cli_option_t *row = source->row;
    void *field = field_of(cli, row->field);
    if (row->given)
        *(bool *)field_of(cli, row->given) = true;
    switch (row->take) {
    case CLI_TAKE_FLAG:
        *(bool *)field = true;
        return true;
    case CLI_TAKE_TEXT:
        *(const char **)field = text;
        return true;
    case CLI_TAKE_LIST:
        return take_listed(cli, source, text);
    case CLI_TAKE_CHOICE:
        return take_choice(cli, source, text);
    case CLI_TAKE_NUMBER:
        return take_number(cli, source, text);
    case CLI_TAKE_SIZE:
        return cli_size_parse(text, field) == FSP_OK ||
               refuse(cli, source, text, "a size, as in 500M or 10G");
    case CLI_TAKE_DURATION:
        return cli_duration_parse(text, field) == FSP_OK ||
               refuse(cli, source, text, "a duration, as in 30s, 10m, 2h, 7d or 2w");
    case CLI_TAKE_MOMENT:
    case CLI_TAKE_TIME:
        return take_moment(cli, source, text);
    case CLI_TAKE_RANGE:
        return cli_range_parse(text, &((uint64_t *)field)[0], &((uint64_t *)field)[1]) == FSP_OK ||
               refuse(cli, source, text, "the first and the last byte, as in 0-99");
    }
    return false;
}

/* -- parsing ----------------------------------------------------------------------------------- */

/* " version restore", or "" without a command. */
static const char *
command_words(const cli_command_t *command, char ret[64])
{
    ret[0] = '\0';
    if (command)
        (void)snprintf(ret, 64, " %s%s%s", command->group ? command->group : "",
                       command->group ? " " : "", command->name);
    return ret;
}

/* How many long options begin with the word, without its "--" and what follows '='. */
static size_t
begun_count(const getopt_table_t *table, const char *word)
{
    size_t count = 0, bytes = strncmp(word, "--", 2) == 0 ? strcspn(word + 2, "=") : 0;
    for (size_t i = 0; bytes > 0 && i < table->count; i++)
        count += strncmp(table->longs[i].name, word + 2, bytes) == 0;
    return count;
}

/* What getopt gave no row for; word: where it stopped, not a letter's word, which it may still be
   in: then the letter is in optopt. */
static void
refuse_option(cli_t *cli, const getopt_table_t *table, int value, const char *word)
{
    char letter[] = {'-', (char)optopt, '\0'}, words[64];
    bool early = false; /* an option of commands, before the command */
    for (size_t i = 0; !cli->command && optopt == 0 && i < cli_option_count; i++)
        early = early || strcmp(cli_options[i].name, word + strspn(word, "-")) == 0;
    bool is_long = optopt == 0 || optopt >= FIRST_VALUE;
    const char *fault = value == ':'                   ? "the option needs an argument"
                        : optopt >= FIRST_VALUE        ? "the option takes no argument"
                        : early                        ? "the option belongs behind its command"
                        : begun_count(table, word) > 1 ? "several options begin so; write it out"
                                                       : "there is no such option here";
    cli_fail_status(cli, FSP_INVALID, "%.80s: %s; see: filesphere%s --help",
                    is_long ? word : letter, fault, command_words(cli->command, words));
}

/* Options of a command (or those before it) out of argv; operands are left from optind on. */
static cli_parsed_t
take_options(cli_t *cli, int argc, char **argv)
{
    getopt_table_t table;
    make_table(&table, cli->command);
    opterr = 0;
    optind = 0; /* GNU: start anew, also for the way operands are permuted */
    for (;;) {
        int value = getopt_long(argc, argv, table.shorts, table.longs, NULL);
        if (value == -1)
            break;
        const cli_option_t *row = value >= FIRST_VALUE ? table.rows[value - FIRST_VALUE] : NULL;
        for (size_t i = 0; !row && i < table.count; i++) {
            if (table.rows[i]->letter == value)
                row = table.rows[i];
        }
        if (!row) {
            refuse_option(cli, &table, value, argv[optind - 1]);
            return CLI_WRONG;
        }
        if (!take_value(cli, &(source_t){.row = row}, optarg))
            return CLI_WRONG;
    }
    return cli->help ? CLI_HELP : cli->show_version ? CLI_VERSION : CLI_PARSED;
}

/* Settings of the environment that no option gave.  False: the failure is noted. */
static bool
take_environment(cli_t *cli)
{
    static const uint64_t none;
    for (size_t i = 0; i < cli_common_option_count; i++) {
        const cli_option_t *row = &cli_common_options[i];
        const char *text = row->environment ? getenv(row->environment) : NULL;
        size_t bytes = row->take == CLI_TAKE_NUMBER ? sizeof(uint64_t) : sizeof(const char *);
        if (!text || !*text || memcmp(field_of(cli, row->field), &none, bytes) != 0)
            continue;
        if (!take_value(cli, &(source_t){.row = row, .from = row->environment}, text))
            return false;
    }
    return true;
}

/* No command begins there: says what was meant. */
static void
refuse_command(cli_t *cli, char **words, int count)
{
    bool group = cli_is_group(words[0]);
    if (group && count == 1) {
        cli_fail_status(cli, FSP_INVALID,
                        "%.80s: say what to do with it; see: filesphere help %.80s", words[0],
                        words[0]);
        return;
    }
    const char *wrong = words[group ? 1 : 0];
    const char *meant = cli_nearest_command(group ? words[0] : NULL, wrong);
    if (meant)
        cli_fail_status(cli, FSP_INVALID,
                        "%s%s%.80s: there is no such command; did you mean: filesphere %s%s%s",
                        group ? words[0] : "", group ? " " : "", wrong, group ? words[0] : "",
                        group ? " " : "", meant);
    else
        cli_fail_status(cli, FSP_INVALID,
                        "%s%s%.80s: there is no such command; see: filesphere help%s%s",
                        group ? words[0] : "", group ? " " : "", wrong, group ? " " : "",
                        group ? words[0] : "");
}

static bool
check_operands(cli_t *cli)
{
    size_t least, most, count = (size_t)cli->operand_count;
    char words[64];
    cli_operand_counts(cli->command, &least, &most);
    bool empty = false; /* completion is asked about words that have not begun */
    for (size_t i = 0; i < count && !(cli->command->flags & CLI_HIDDEN); i++)
        empty = empty || cli->operands[i][0] == '\0';
    if (empty) {
        cli_fail_status(cli, FSP_INVALID,
                        "'': an operand is empty; is a variable not set?  usage: filesphere%s "
                        "[OPTION...] %s",
                        command_words(cli->command, words), cli->command->operands);
        return false;
    }
    if (count >= least && count <= most)
        return true;
    cli_fail_status(cli, FSP_INVALID, "%s operands; usage: filesphere%s [OPTION...]%s%s",
                    count < least ? "missing" : "too many", command_words(cli->command, words),
                    *cli->command->operands ? " " : "", cli->command->operands);
    return false;
}

static bool
check_space(cli_t *cli)
{
    if (!cli->space || fsp_space_name_valid(fsp_slice_text(cli->space)))
        return true;
    cli_fail_status(cli, FSP_BAD_NAME, "--space %.80s: not a name of a space; leave ':' away",
                    cli->space);
    return false;
}

cli_parsed_t
cli_parse(cli_t *cli, int argc, char **argv)
{
    cli_parsed_t parsed = take_options(cli, argc, argv);
    if (parsed != CLI_PARSED)
        return parsed;
    int at = optind;
    size_t used = 0;
    if (at >= argc)
        return CLI_NOTHING;
    cli->command = cli_find_command(argv + at, (size_t)(argc - at), &used);
    if (!cli->command) {
        bool asks = argc - at == 2 && strcmp(argv[at + 1], "--help") == 0;
        if (asks && cli_is_group(argv[at])) { /* `version --help` */
            cli->group = argv[at];
            return CLI_HELP;
        }
        refuse_command(cli, argv + at, argc - at);
        return CLI_WRONG;
    }
    /* getopt wants a name before the first option: the command's. */
    char **rest = argv + at + used - 1;
    int rest_count = argc - at - (int)used + 1;
    parsed = take_options(cli, rest_count, rest);
    if (parsed != CLI_PARSED)
        return parsed;
    cli->operands = rest + optind;
    cli->operand_count = rest_count - optind;
    return check_operands(cli) && take_environment(cli) && check_space(cli) ? CLI_PARSED
                                                                            : CLI_WRONG;
}
