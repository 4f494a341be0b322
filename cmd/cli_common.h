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
#include "cmd/cli_progress.h"
#include "cmd/cli_table.h"
#include "core/base/buf.h"
#include "core/base/status.h"
#include "proto/json.h"

#include <stdio.h>
#include <sys/types.h>

/* Values of an option that may be given several times; they lie in argv. */
enum { CLI_TEXTS_MAX = 64 };
typedef struct {
    const char *items[CLI_TEXTS_MAX];
    size_t count;
} cli_texts_t;

struct cli {
    const cli_command_t *command;
    filesphere_t *handle;
    char **operands;
    int operand_count;
    char **expanded; /* operands that patterns matched; NULL: they lie in argv */

    /* What the options of cli_table fill. */
    bool json, quiet, help, show_version, no_input;
    const char *profile, *space;
    uint64_t timeout_s; /* 0: the library's default */
    const char *group;  /* of which help is wanted */
    bool recursive, parents, no_replace, long_lines, no_glob;
    const char *version, *if_match, *message, *prefix;
    bool has_range;
    uint64_t range_first, range_last;
    filesphere_at_t at;        /* --at */
    bool has_after, has_count; /* changes, watch */
    uint64_t after, count;
    const char *name_glob, *type; /* find */
    uint64_t larger_bytes, smaller_bytes, newer_us, older_us;
    bool has_larger, has_smaller;
    bool has_depth, summary; /* tree, du */
    uint64_t depth;
    bool force, yes, now, cancel;
    bool has_quota;
    uint64_t lease_token, quota_bytes;
    const char *chunk_size; /* space create */
    filesphere_keep_t keep; /* space set */
    bool has_keep_last, has_keep_days, has_keep_daily, has_keep_weekly, has_keep_monthly;
    bool has_past_days, keep_all;
    const char *take, *from; /* merge */
    cli_texts_t heads;
    const char *out; /* key add */
    bool dry_run;
    uint64_t duration_us; /* --for, --delay, --older-than; 0: not given */

    /* trees */
    bool checksum, strict, remove_extra, replace, if_none_match, down;
    const char *edit_of, *receipt_path, *direction, *progress_choice;
    cli_texts_t bases, excludes;
    cli_progress_t *progress; /* what is on the terminal; NULL: nothing */

    const char *profile_path; /* of the profile's file; NULL: the library's default */
    char profile_place[4096];
    mode_t file_mode;       /* 0666 without the umask's bits */
    bool content_on_stdout; /* then lines of --json go to stderr */
    int output_error;       /* errno of the line that stdout did not take; 0: none */
    fsp_buf_t line;         /* the object being written */
    fsp_json_t writer;

    size_t input_line;     /* of a batch that is read: failures name it; 0: none */
    char asked_space[64];  /* of the last remote operand; "": the profile's */
    char space_prefix[65]; /* the same with its ':', before its paths; "": the profile's */
    char shown_space[64];  /* of the last remote operand, for JSON; "": not known */
    bool home_known;       /* it was looked for */
    char home_space[64];   /* of paths that name none; "": not known */
    bool many;             /* several things may succeed or fail one by one */
    uint64_t done_count, failure_count, skip_count;
    filesphere_code_t failure; /* the first, and its words */
    filesphere_code_t last_failure;
    char failure_words[1024];
};

enum { CLI_LEASE_S_MAX = 30 * 86400 }; /* a lease lasts no longer */

/* Microseconds since 1970. */
uint64_t cli_now_us(void);

/* -- lines ------------------------------------------------------------------------------------- */

/* Starts an object with this type. */
fsp_json_t *cli_line(cli_t *cli, const char *type);
/* Ends the object and writes the line. */
void cli_line_end(cli_t *cli);
/* The field `space` of what has a path in the space of the last remote operand. */
void cli_json_space(const cli_t *cli, fsp_json_t *json);
/* Fields that are null when they are zero. */
void cli_json_id(fsp_json_t *json, const char *key, const void *id, size_t bytes);
void cli_json_node(fsp_json_t *json, const filesphere_info_t *info); /* what stat says */
const char *cli_kind_name(filesphere_kind_t kind);
/* Escaped text on stdout. */
void cli_print_escaped(const char *text);
/* What stands before the paths of the last remote operand in what people read: "SPACE:" if a space
   was named, else "". */
const char *cli_space_prefix(const cli_t *cli);
/* A remote path with that. */
void cli_print_path(const cli_t *cli, const char *path);
/* The same in the colour of a kind, on a terminal that has colours (NO_COLOR: none). */
void cli_print_name(const char *text, filesphere_kind_t kind);
/* "/" behind a directory, "@" behind a link. */
const char *cli_kind_mark(filesphere_kind_t kind);
/* "/path  version 3 (0123456789abcdef)  12 bytes", without the end of the line. */
void cli_print_stored(const cli_t *cli, const filesphere_info_t *info);
void cli_print_time(uint64_t us); /* RFC 3339 */
/* "1.5 MiB" when stdout is a terminal, else "1572864". */
enum { CLI_SIZE_BYTES = 32 };
const char *cli_size_text(uint64_t bytes, char ret[CLI_SIZE_BYTES]);
/* The same with its unit: "1.5 MiB", else "1572864 bytes"; small ones always so. */
const char *cli_count_text(uint64_t bytes, char ret[CLI_SIZE_BYTES]);
void cli_print_hex(const char *label, const void *data, size_t bytes); /* a line */

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
/* Those words, of whichever handle, with the space that was named before a path. */
enum { CLI_WORDS_BYTES = 900 };
void cli_call_words(const cli_t *cli, const filesphere_t *handle, filesphere_code_t code,
                    char ret[CLI_WORDS_BYTES]);
/* A line on stderr, unless -q. */
__attribute__((format(printf, 2, 3))) void cli_warn(const cli_t *cli, const char *format, ...);
/* True when it makes no sense to go on with the next thing: interrupted, no node, no room. */
bool cli_is_hopeless(const cli_t *cli);
bool cli_code_is_hopeless(filesphere_code_t code);
bool cli_is(filesphere_code_t code, fsp_status_t status);
/* Writes the error line, if anything failed, and gives the exit code. */
int cli_finish(cli_t *cli);
/* The same behind a listing: its failure, or with --json the result with its count. */
int cli_finish_list(cli_t *cli, filesphere_code_t code, uint64_t count);

/* Asks whether something that cannot be undone is meant: --yes, or the word typed on a terminal.
   False: the failure is noted. */
bool cli_confirm(cli_t *cli, const char *what, const char *word);
/* The same of much that can be taken back, as `what` says. */
bool cli_confirm_recoverable(cli_t *cli, const char *what, const char *word);
/* A small local file, or standard input for "-", whole (cli_input.c).  False: the failure is noted,
   or it was interrupted. */
bool cli_read_file(cli_t *cli, const char *path, fsp_buf_t *ret);
bool cli_read_quietly(const char *path, fsp_buf_t *ret); /* false: it could not be read */
/* A whole number of at least 1, such as a token; false: the failure is noted. */
bool cli_number(cli_t *cli, const char *what, const char *text, uint64_t *ret);
/* The fields of a change. */
void cli_json_change(fsp_json_t *json, const filesphere_change_t *change);
void cli_print_change(const cli_t *cli, const filesphere_change_t *change);
/* The space of what says none itself: --space, or the profile's. */
void cli_home_space(const cli_t *cli, cli_remote_t *ret);
/* The operands that patterns matched (cli_walk.h: cli_expand_operands) are freed. */
void cli_drop_operands(cli_t *cli);
/* Parses a remote operand; false: the failure is noted. */
bool cli_remote(cli_t *cli, const char *text, cli_remote_t *ret);
/* The space of operand number `at`, "SPACE:/", or the home space without it.  False: the failure is
   noted. */
bool cli_space_operand(cli_t *cli, int at, cli_remote_t *ret);
/* False, with the failure noted, if two of the operands before the last one have the same last
   name: in the directory that the last one is, one would take the place of the other. */
bool cli_names_differ(cli_t *cli);
/* What is at a remote path: the kind, 0 if nothing is.  False: the failure is noted. */
bool cli_look(cli_t *cli, const cli_remote_t *remote, filesphere_kind_t *ret_kind);

/* -- commands ---------------------------------------------------------------------------------- */

int cli_help(cli_t *cli);
int cli_put(cli_t *cli);
int cli_sync(cli_t *cli);
int cli_check(cli_t *cli);
int cli_get(cli_t *cli);
int cli_cat(cli_t *cli);
int cli_ls(cli_t *cli);
int cli_stat(cli_t *cli);
int cli_tree(cli_t *cli);
int cli_find(cli_t *cli);
int cli_du(cli_t *cli);
int cli_mkdir(cli_t *cli);
int cli_mv(cli_t *cli);
int cli_cp(cli_t *cli);
int cli_rm(cli_t *cli);
int cli_version_ls(cli_t *cli);
int cli_version_restore(cli_t *cli);
int cli_version_show(cli_t *cli);
int cli_version_diff(cli_t *cli);
int cli_heads(cli_t *cli);
int cli_merge(cli_t *cli);
int cli_undo(cli_t *cli);
int cli_receipt_show(cli_t *cli);
int cli_receipt_verify(cli_t *cli);
int cli_profile_ls(cli_t *cli);
int cli_profile_add(cli_t *cli);
int cli_profile_use(cli_t *cli);
int cli_profile_rm(cli_t *cli);
int cli_key_add(cli_t *cli);
int cli_key_ls(cli_t *cli);
int cli_key_rm(cli_t *cli);
int cli_completion(cli_t *cli);
int cli_complete(cli_t *cli);
int cli_man(cli_t *cli);
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
int cli_space_show(cli_t *cli);
int cli_space_set(cli_t *cli);
int cli_space_collect(cli_t *cli);
int cli_space_rm(cli_t *cli);
#endif
