/* SPDX-License-Identifier: MIT */
/* cli_common - what the commands of `filesphere` share: options, output, failures.  Layer cmd.
 *
 * Data goes to stdout, all else to stderr.  With --json every command writes one object a line with
 * a `type`; the last line is type=result, or type=error when the exit code is not 0.
 */
#ifndef FSP_CMD_CLI_COMMON_H
#define FSP_CMD_CLI_COMMON_H
#include "actors/filesphere.h"
#include "cmd/cli_paths.h"
#include "core/base/buf.h"
#include "core/base/status.h"
#include "proto/json.h"

#include <stdio.h>
#include <sys/types.h>

typedef struct cli cli_t;

typedef struct {
    const char *group; /* "version", or NULL */
    const char *name;
    const char *options; /* letters of the option table in filesphere.c, besides those that every
                            command has */
    int operands_min, operands_max;
    const char *operands; /* for the usage line */
    const char *summary;
    const char *example;
    int (*run)(cli_t *cli);
} cli_command_t;

struct cli {
    const cli_command_t *command;
    filesphere_t *handle;
    char **operands;
    int operand_count;

    bool json, quiet, recursive, parents, no_replace, long_lines;
    const char *profile, *version, *if_match, *message, *prefix;
    uint64_t timeout_s, after;
    bool has_range;
    uint64_t range_first, range_last;
    filesphere_at_t at;        /* --at */
    bool has_after, has_count; /* watch */
    bool force, yes, now, cancel;
    uint64_t count, lease_token, quota_bytes;
    uint64_t duration_us; /* --for, --delay, --older-than; 0: not given */

    mode_t file_mode;       /* 0666 without the umask's bits */
    bool content_on_stdout; /* then lines of --json go to stderr */
    fsp_buf_t line;         /* the object being written */
    fsp_json_t writer;

    bool many; /* several things may succeed or fail one by one */
    uint64_t done_count, failure_count, skip_count;
    filesphere_code_t failure; /* the first, and its words */
    filesphere_code_t last_failure;
    char failure_words[1024];
};

extern const cli_command_t cli_commands[];
extern const size_t cli_command_count;

/* -- lines ------------------------------------------------------------------------------------- */

/* Starts an object with this type. */
fsp_json_t *cli_line(cli_t *cli, const char *type);
/* Ends the object and writes the line. */
void cli_line_end(cli_t *cli);
/* Fields that are null when they are zero. */
void cli_json_id(fsp_json_t *json, const char *key, const void *id, size_t bytes);
void cli_json_node(fsp_json_t *json, const filesphere_info_t *info); /* what stat says */
const char *cli_kind_name(filesphere_kind_t kind);
/* Escaped text on stdout. */
void cli_print_escaped(const char *text);

/* -- failures ---------------------------------------------------------------------------------- */

/* Ctrl-C was pressed. */
bool cli_interrupted(void);
/* Notes a failure of one thing and says so.  cli_finish gives the exit code. */
__attribute__((format(printf, 3, 4))) void cli_fail(cli_t *cli, filesphere_code_t code,
                                                    const char *format, ...);
__attribute__((format(printf, 3, 4))) void cli_fail_status(cli_t *cli, fsp_status_t status,
                                                           const char *format, ...);
/* The failure of a call of the library, in its words. */
void cli_fail_call(cli_t *cli, filesphere_code_t code);
/* A line on stderr, unless -q. */
__attribute__((format(printf, 2, 3))) void cli_warn(const cli_t *cli, const char *format, ...);
/* True when it makes no sense to go on with the next thing: interrupted, no node, no room. */
bool cli_is_hopeless(const cli_t *cli);
bool cli_is(filesphere_code_t code, fsp_status_t status);
/* Writes the error line, if anything failed, and gives the exit code. */
int cli_finish(cli_t *cli);

/* Asks whether something that cannot be undone is meant: --yes, or the word typed on a terminal.
   False: the failure is noted. */
bool cli_confirm(cli_t *cli, const char *what, const char *word);
/* A whole number of at least 1, such as a token; false: the failure is noted. */
bool cli_number(cli_t *cli, const char *what, const char *text, uint64_t *ret);
/* The fields of a change. */
void cli_json_change(fsp_json_t *json, const filesphere_change_t *change);
void cli_print_change(const filesphere_change_t *change);
/* Parses a remote operand; false: the failure is noted. */
bool cli_remote(cli_t *cli, const char *text, cli_remote_t *ret);
/* What is at a remote path: the kind, 0 if nothing is.  False: the failure is noted. */
bool cli_look(cli_t *cli, const cli_remote_t *remote, filesphere_kind_t *ret_kind);

/* -- commands ---------------------------------------------------------------------------------- */

int cli_put(cli_t *cli);
int cli_get(cli_t *cli);
int cli_cat(cli_t *cli);
int cli_ls(cli_t *cli);
int cli_stat(cli_t *cli);
int cli_mkdir(cli_t *cli);
int cli_mv(cli_t *cli);
int cli_cp(cli_t *cli);
int cli_rm(cli_t *cli);
int cli_version_ls(cli_t *cli);
int cli_version_restore(cli_t *cli);
int cli_changes(cli_t *cli);
int cli_node_show(cli_t *cli);
int cli_version_rm(cli_t *cli);
int cli_lock(cli_t *cli);
int cli_renew(cli_t *cli);
int cli_unlock(cli_t *cli);
int cli_trash_ls(cli_t *cli);
int cli_trash_restore(cli_t *cli);
int cli_trash_empty(cli_t *cli);
int cli_watch(cli_t *cli);
int cli_batch(cli_t *cli);
int cli_space_create(cli_t *cli);
int cli_space_ls(cli_t *cli);
int cli_space_rm(cli_t *cli);
#endif
