/* SPDX-License-Identifier: MIT */
/* cli_table - the commands and options of `filesphere` as rows.  Layer cmd.
 *
 * Everything about a command is in its row: parsing, usage, --help, completion and the man pages
 * are made from it, so they cannot differ.
 */
#ifndef FSP_CMD_CLI_TABLE_H
#define FSP_CMD_CLI_TABLE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct cli cli_t;

/* -- options ----------------------------------------------------------------------------------- */

typedef enum {
    CLI_TAKE_FLAG,     /* bool */
    CLI_TAKE_TEXT,     /* const char * */
    CLI_TAKE_LIST,     /* cli_texts_t; may be given several times */
    CLI_TAKE_CHOICE,   /* const char *, one of `choices` */
    CLI_TAKE_NUMBER,   /* uint64_t from min to max */
    CLI_TAKE_SIZE,     /* uint64_t, bytes: 4096, 64K, 10G */
    CLI_TAKE_DURATION, /* uint64_t, microseconds: 30s, 10m, 7d; at least one */
    CLI_TAKE_MOMENT,   /* filesphere_at_t: a time or a change number */
    CLI_TAKE_TIME,     /* uint64_t, microseconds since 1970 */
    CLI_TAKE_RANGE     /* uint64_t first, last */
} cli_take_t;

typedef struct {
    char letter; /* of the short form; 0: there is none */
    const char *name;
    const char *argument; /* for people; NULL: it takes none */
    const char *help;
    cli_take_t take;
    size_t field;            /* offset in cli_t of what it fills */
    size_t given;            /* offset in cli_t of a bool that is set, too; 0: none */
    uint64_t min, max;       /* NUMBER */
    const char *choices;     /* CHOICE: "auto|plain|none" */
    const char *environment; /* variable that stands for it when it is not given */
} cli_option_t;

/* Options that only some commands have; and those of every command. */
extern const cli_option_t cli_options[];
extern const size_t cli_option_count;
extern const cli_option_t cli_common_options[];
extern const size_t cli_common_option_count;

/* -- commands ---------------------------------------------------------------------------------- */

enum {
    CLI_OFFLINE = 1, /* needs no node */
    CLI_GLOBS = 2,   /* "REMOTE..." operands are patterns that the program expands */
    CLI_HIDDEN = 4   /* for programs, not for people */
};

typedef struct {
    const char *heading; /* of the section that begins here in lists of commands; else NULL */
    const char *group;   /* "version", or NULL */
    const char *name;
    const char *options; /* names of the option table, separated by blanks, besides the common */
    /* For the usage line, and for who counts and completes: words separated by blanks, each once,
       "[X]" at most once, "X..." once or more, "[X...]" any number.  REMOTE, LOCAL, FILE, SPACE,
       PROFILE, KEY, COMMAND say what it is. */
    const char *operands;
    const char *summary; /* a clause without its full stop */
    const char *details; /* paragraphs for --help and the man page, separated by empty lines */
    const char *example; /* lines */
    unsigned flags;
    int (*run)(cli_t *cli);
} cli_command_t;

extern const cli_command_t cli_commands[];
extern const size_t cli_command_count;

/* The command that the words begin with, and how many they are; NULL: none. */
const cli_command_t *cli_find_command(char *const *words, size_t count, size_t *ret_used);
bool cli_is_group(const char *word);
/* True if the command has this option, common ones besides. */
bool cli_has_option(const cli_command_t *command, const cli_option_t *option);
bool cli_takes(const cli_command_t *command, const char *option_name);
/* What the word was meant to be: the nearest first word of a command or (group given) the nearest
   command of the group; NULL: nothing is near. */
const char *cli_nearest_command(const char *group, const char *word);

/* The word of `operands` for operand number `at` (from 0) of `count`; "" beyond them.  Static
   storage of `size` bytes at ret. */
void cli_operand_word(const cli_command_t *command, size_t at, char *ret, size_t size);
/* How many words stand before and after the one that may be repeated; SIZE_MAX before: none may. */
void cli_operand_many(const cli_command_t *command, size_t *ret_before, size_t *ret_after);
/* How many operands there must and may be; SIZE_MAX: any number. */
void cli_operand_counts(const cli_command_t *command, size_t *ret_min, size_t *ret_max);
#endif
