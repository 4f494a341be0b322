/* SPDX-License-Identifier: MIT */
/* options - the options of one command as a table: taken by getopt_long, and printed as its help.
 */
#ifndef FSP_BENCH_OPTIONS_H
#define FSP_BENCH_OPTIONS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of an option that may be given several times. */
enum { BENCH_TEXTS_MAX = 16 };
typedef struct {
    const char *text[BENCH_TEXTS_MAX]; /* borrowed from argv */
    size_t count;
} bench_texts_t;

/* One option.  Exactly one of the pointers is set: where its value goes, and what it is; what is
   there before is the default.  A table ends with a row of zeros. */
typedef struct {
    const char *name;  /* without the dashes */
    const char *value; /* how its value is called in the help; NULL for flags and switches */
    const char *help;
    bool *flag;           /* --NAME makes it true */
    bool *on;             /* --NAME and --no-NAME */
    const char **text;    /* as it stands */
    bench_texts_t *texts; /* each time one more */
    uint64_t *count;      /* a number */
    uint64_t *size;       /* octets (bench_parse_size) */
    double *seconds;      /* a duration (bench_parse_seconds) */
    uint64_t least, most; /* count, size (octets), seconds (whole ones): bounds, inclusive */
} bench_option_t;

enum { BENCH_GO_ON = -1 };
/* Takes the options of argv (argv[0] is the command's name) into their places.  Returns
   BENCH_GO_ON, or the exit code to end with: 0 after --help, 2 after words on standard error about
   what is wrong.  Arguments that are no options are wrong.  summary: the command's in one line. */
int bench_take_options(int argc, char **argv, const char *summary, const bench_option_t *options);

/* What the commands want that are about a number of files. */
typedef struct {
    uint64_t files;
    bool json;
} bench_files_t;
/* As bench_take_options, with --files (1,000 to 10^7; 100,000) and --json. */
int bench_take_files(int argc, char **argv, const char *summary, bench_files_t *ret);
#endif
