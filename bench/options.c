/* SPDX-License-Identifier: MIT */
/* options - the options of one command as a table: taken by getopt_long, and printed as its help.
 */
#include "bench/options.h"

#include "bench/units.h"
#include "core/base/check.h"
#include "core/base/text.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

enum {
    OPTIONS_MAX = 32,
    NAME_BYTES = 40,
    USAGE_CODE = 2,
    HELP_COLUMN = 22,
    /* What getopt_long returns for the row of a table: its place behind these. */
    VALUE_BASE = 1000,
    NO_BASE = 2000,
    HELP_VALUE = 3000,
};

static void
print_help(FILE *to, const char *command, const char *summary, const bench_option_t *options)
{
    (void)fprintf(to, "Usage: filesphere-bench %s [OPTION]...\n%s.\n\n", command, summary);
    for (const bench_option_t *option = options; option->name; option++) {
        char left[2 * NAME_BYTES];
        (void)snprintf(left, sizeof(left), "--%s%s%s%s", option->on ? "[no-]" : "", option->name,
                       option->value ? " " : "", option->value ? option->value : "");
        (void)fprintf(to, "  %-*s  %s\n", HELP_COLUMN, left, option->help);
    }
    (void)fprintf(to, "  %-*s  %s\n", HELP_COLUMN, "--help", "this text");
}

static bool
take_number(const bench_option_t *option, const char *value)
{
    uint64_t number = 0;
    if (option->seconds) {
        double seconds;
        if (!bench_parse_seconds(value, (double)option->most, &seconds) ||
            seconds < (double)option->least)
            return false;
        *option->seconds = seconds;
        return true;
    }
    bool good = option->size
                    ? bench_parse_size(value, option->most, &number)
                    : fsp_parse_u64(fsp_slice_text(value), option->most, &number) == FSP_OK;
    if (!good || number < option->least)
        return false;
    *(option->size ? option->size : option->count) = number;
    return true;
}

/* False: it is no value for this option. */
static bool
take_value(const bench_option_t *option, const char *value, bool no)
{
    if (option->flag)
        return *option->flag = true;
    if (option->on) {
        *option->on = !no;
        return true;
    }
    if (option->text) {
        *option->text = value;
        return true;
    }
    if (option->texts) {
        if (option->texts->count == BENCH_TEXTS_MAX)
            return false;
        option->texts->text[option->texts->count++] = value;
        return true;
    }
    return take_number(option, value);
}

/* The table as getopt_long wants it; names of switches' negations live in no_names. */
static void
to_getopt(const bench_option_t *options, char no_names[OPTIONS_MAX][NAME_BYTES],
          struct option ret[2 * OPTIONS_MAX + 2])
{
    size_t at = 0;
    for (int i = 0; options[i].name; i++) {
        FSP_PRE(i < OPTIONS_MAX);
        bool bare = options[i].flag || options[i].on;
        ret[at++] = (struct option){.name = options[i].name,
                                    .has_arg = bare ? no_argument : required_argument,
                                    .val = VALUE_BASE + i};
        if (!options[i].on)
            continue;
        (void)snprintf(no_names[i], NAME_BYTES, "no-%s", options[i].name);
        ret[at++] =
            (struct option){.name = no_names[i], .has_arg = no_argument, .val = NO_BASE + i};
    }
    ret[at++] = (struct option){.name = "help", .has_arg = no_argument, .val = HELP_VALUE};
    ret[at] = (struct option){.name = NULL};
}

int
bench_take_options(int argc, char **argv, const char *summary, const bench_option_t *options)
{
    FSP_PRE(argc > 0);
    char no_names[OPTIONS_MAX][NAME_BYTES];
    struct option table[2 * OPTIONS_MAX + 2];
    to_getopt(options, no_names, table);
    optind = 0; /* anew, whoever used it before */
    opterr = 0;
    int found;
    while ((found = getopt_long(argc, argv, ":", table, NULL)) != -1) {
        if (found == HELP_VALUE) {
            print_help(stdout, argv[0], summary, options);
            return 0;
        }
        if (found < VALUE_BASE) {
            (void)fprintf(stderr, "filesphere-bench %s: %s: %s; --help lists the options\n",
                          argv[0], argv[optind - 1],
                          found == ':' ? "a value is missing" : "no such option");
            return USAGE_CODE;
        }
        bool no = found >= NO_BASE;
        const bench_option_t *option = &options[found - (no ? NO_BASE : VALUE_BASE)];
        if (!take_value(option, optarg, no)) {
            (void)fprintf(stderr, "filesphere-bench %s: --%s: %s cannot be; %s\n", argv[0],
                          option->name, optarg, option->help);
            return USAGE_CODE;
        }
    }
    if (optind < argc) {
        (void)fprintf(stderr,
                      "filesphere-bench %s: %s: no such argument; --help lists the options\n",
                      argv[0], argv[optind]);
        return USAGE_CODE;
    }
    return BENCH_GO_ON;
}

int
bench_take_files(int argc, char **argv, const char *summary, bench_files_t *ret)
{
    *ret = (bench_files_t){.files = 100000};
    const bench_option_t options[] = {
        {.name = "files",
         .value = "N",
         .help = "how many files (100000)",
         .count = &ret->files,
         .least = 1000,
         .most = 10000000},
        {.name = "json", .help = "a JSON object a line", .flag = &ret->json},
        {.name = NULL}};
    return bench_take_options(argc, argv, summary, options);
}
