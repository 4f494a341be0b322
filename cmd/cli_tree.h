/* SPDX-License-Identifier: MIT */
/* cli_tree - whole trees up and down: what put, get, sync and check share.  Layer cmd.
 *
 *   cli_put, cli_get, cli_sync, cli_check     operands, options, the result
 *   cli_tree_up, cli_tree_down                walk a tree and decide, in the main thread
 *   cli_tree_put, cli_tree_get                move one thing: tasks, in threads of the pool
 *   cli_tree                                  tasks: how they end, and the lines about them
 *
 * A task is a job of the pool with a path and an outcome.  It is filled by whoever runs it and told
 * by the main thread, in the order of the walk.
 */
#ifndef FSP_CMD_CLI_TREE_H
#define FSP_CMD_CLI_TREE_H
#include "cmd/cli_common.h"
#include "cmd/cli_files.h"
#include "cmd/cli_pool.h"

/* What became of a thing. */
typedef enum {
    CLI_ACT_NONE, /* it failed, or it was not begun */
    CLI_ACT_PUT,
    CLI_ACT_GET,
    CLI_ACT_MKDIR,
    CLI_ACT_DELETE,
    CLI_ACT_ATTR, /* mode and time only */
    CLI_ACT_SAME, /* nothing to do: counted, no line */
    CLI_ACT_STAY, /* not deleted, since something excluded is in it: a warning, not counted */
    CLI_ACT_SKIP  /* it cannot be stored, or went away meanwhile */
} cli_act_t;

typedef struct {
    cli_t *cli;
    cli_pool_t *pool;
    cli_progress_t progress;
    const char *space;
    /* What is wanted. */
    bool is_sync;                      /* lines are actions, and what seems unchanged stays */
    bool up;                           /* the target is remote */
    bool no_lines;                     /* nothing but the result */
    const uint8_t *if_match, *edit_of; /* NULL, or below */
    uint8_t if_match_bytes[32], edit_of_bytes[32];
    filesphere_info_t *single; /* what a command about one thing wants to know; else NULL */
    struct cli_group *group;   /* small contents that wait for more */
    /* What was done.  Main thread. */
    uint64_t file_count, directory_count, symlink_count;
    uint64_t size_sum, moved_sum; /* of contents; of what crossed the network for them */
    uint64_t acts[CLI_ACT_SKIP + 1];
} cli_tree_t;

/* Sets up a run of the command; the pool begins with the first job.  Ends with cli_tree_clear. */
void cli_tree_init(cli_tree_t *self, cli_t *cli, bool up);
/* Waits for all that runs and reports it: operands come one after the other. */
void cli_tree_wait(cli_tree_t *self);
/* The same at the end: the progress goes from the terminal. */
void cli_tree_finish(cli_tree_t *self);
void cli_tree_clear(cli_tree_t *self);
/* True when nothing more should be begun. */
bool cli_tree_is_ending(cli_tree_t *self);
/* Main thread: a failure or a warning about the walk itself, in its place among the tasks. */
__attribute__((format(printf, 3, 4))) void cli_tree_fail(cli_tree_t *self, fsp_status_t status,
                                                         const char *format, ...);
void cli_tree_fail_call(cli_tree_t *self, filesphere_code_t code);
/* --exclude; path relative to the root of the tree. */
bool cli_tree_excludes(const cli_tree_t *self, const char *path, bool is_directory);

/* -- tasks ------------------------------------------------------------------------------------- */

typedef struct {
    cli_job_t job; /* first: a task is a job */
    cli_tree_t *tree;
    char *local, *remote;                     /* end with fsp_free, by cli_task_clear */
    filesphere_kind_t kind;                   /* 0: neither file, directory nor link */
    char space[FSP_SPACE_NAME_BYTES_MAX + 1]; /* "": the profile's */
    filesphere_at_t at;
    size_t lane;
    /* The outcome. */
    cli_act_t act;
    filesphere_code_t code;
    char *words;    /* of the failure; for a skip, why */
    fsp_buf_t line; /* ready to be written, if it is not an action's */
    uint64_t size, moved;
} cli_task_t;

void cli_task_init(cli_task_t *self, const cli_job_class_t *class, cli_tree_t *tree,
                   const char *local, const char *remote, filesphere_kind_t kind);
void cli_task_clear(cli_task_t *self);
/* As the library wants it: NULL for the profile's. */
const char *cli_task_space(const cli_task_t *self);
/* A task in the pool, or, if the command is about a single thing, here and now. */
void cli_task_start(cli_task_t *self);
/* The progress of a handle's calls is the task's from here on; ends with cli_task_close. */
void cli_task_open(cli_task_t *self, filesphere_t *handle, size_t lane);
/* True if others can go on: what class->run returns. */
bool cli_task_close(cli_task_t *self, filesphere_t *handle, uint64_t size);
/* The failure of a task, any thread.  The first one counts. */
__attribute__((format(printf, 3, 4))) void cli_task_fail(cli_task_t *self, fsp_status_t status,
                                                         const char *format, ...);
void cli_task_fail_call(cli_task_t *self, filesphere_t *handle, filesphere_code_t code);
/* Takes a failure back: it is tried again. */
void cli_task_forget(cli_task_t *self);
/* Fills the line of a content that was stored or fetched, if there is one. */
void cli_task_line_put(cli_task_t *self, const filesphere_info_t *info);
void cli_task_line_get(cli_task_t *self, const filesphere_info_t *info, uint64_t bytes);
/* What put says about a stored content, the receipt with it. */
void cli_json_stored(fsp_json_t *json, const filesphere_info_t *info);
/* The report of a task: class->report for tasks alone in their job. */
void cli_task_report(cli_job_t *job, cli_t *cli);
/* Counts and tells what a task did. */
void cli_task_tell(cli_task_t *self);
/* Main thread: something that is done already, or with --dry-run would be. */
void cli_tree_note(cli_tree_t *self, cli_act_t act, filesphere_kind_t kind, const char *local,
                   const char *remote, uint64_t size, const char *why);

/* -- remote directories ------------------------------------------------------------------------ */

/* An entry, as far as trees need it. */
typedef struct {
    const char *name; /* in the listing's text */
    filesphere_kind_t kind;
    bool matched; /* the walk's: the other side has it */
    bool lost;
    uint64_t size;
    filesphere_attr_t attr;
} cli_entry_t;
typedef struct {
    cli_entry_t *entries; /* sorted by strcmp */
    size_t count, room;
    fsp_buf_t text;
} cli_listing_t;
/* Every name is valid as one.  False: the failure is noted.  End with cli_listing_clear in any
   case. */
bool cli_listing_read(cli_tree_t *tree, const char *path, cli_listing_t *ret);
void cli_listing_clear(cli_listing_t *self);
cli_entry_t *cli_listing_find(const cli_listing_t *self, const char *name);

/* -- local things ------------------------------------------------------------------------------ */

filesphere_attr_t cli_attr_of(const struct stat *about);
/* Mode and time are the same; or the time alone.  Attributes that are not set are never. */
bool cli_same_attr(const struct stat *about, const filesphere_attr_t *attr);
bool cli_same_time(const struct stat *about, const filesphere_attr_t *attr);
/* FILE, DIRECTORY, SYMLINK or 0. */
filesphere_kind_t cli_kind_of(const struct stat *about);
/* SHA-256 of all that can be read from the current position on.  0, or -1 with errno. */
int cli_hash_file(int fd, uint8_t ret[32], bool (*interrupted)(void));
/* "DIR/NAME"; end with fsp_free. */
char *cli_join(const char *directory, const char *name);
/* Without slashes at its end: "" for "/".  End with fsp_free. */
char *cli_local_root(const char *operand);

/* -- moving things ----------------------------------------------------------------------------- */

/* A file that is open, or not one at all (fd -1: `text`).  Takes fd and, if not NULL, its about. */
typedef struct {
    int fd;
    bool is_input;            /* standard input, which is not closed */
    const struct stat *about; /* NULL: nothing is known of it */
    const char *text;         /* a link's target; copied */
    size_t text_bytes;
    bool compare; /* it may be there already with this content */
} cli_put_source_t;
/* Stores it under `remote`. */
void cli_put_start(cli_tree_t *tree, const char *local, const char *remote,
                   const cli_put_source_t *source);
/* Gives a remote thing new attributes. */
void cli_attr_start(cli_tree_t *tree, const char *local, const char *remote, filesphere_kind_t kind,
                    const filesphere_attr_t *attr);
/* True if a content of so many bytes may travel with others under this command's options. */
bool cli_group_takes(const cli_tree_t *tree, uint64_t bytes);
/* Adds it to the tree's group of small contents, which is sent when it is full. */
void cli_group_add(cli_tree_t *tree, const char *local, const char *remote, const void *content,
                   size_t bytes, const filesphere_attr_t *attr);
/* Sends what is there. */
void cli_group_send(cli_tree_t *tree);

/* A local directory that is written to.  It gets its mode and time when nothing in it needs it any
   more: every child and every task holds a reference. */
typedef struct cli_place cli_place_t;
/* fd -1: it is not there (--dry-run).  parent may be NULL; takes fd. */
cli_place_t *cli_place_new(cli_tree_t *tree, cli_place_t *parent, int fd, const char *local);
/* What it gets at the end: of the remote one, or else what it had. */
void cli_place_attr(cli_place_t *self, const filesphere_attr_t *attr, mode_t mode);
/* It stays as it is (--dry-run). */
void cli_place_keep(cli_place_t *self);
cli_place_t *cli_place_ref(cli_place_t *self);
void cli_place_unref(cli_place_t **self_p);
int cli_place_fd(const cli_place_t *self);

/* Fetches into the directory `place` under `name`.  compare: what is there may have the content
   already. */
void cli_get_start(cli_tree_t *tree, cli_place_t *place, const char *name, const char *local,
                   const char *remote, filesphere_kind_t kind, uint64_t size, bool compare);
/* Into an open device or standard output, here and now.  False: the failure was told. */
bool cli_get_stream(cli_tree_t *tree, int fd, const char *local, const char *remote,
                    uint64_t *ret_bytes);
/* The directory that holds the local file `local`, opened, and the name in it.  -1: the failure is
   noted. */
int cli_open_parent(cli_t *cli, const char *local, char ret_name[FSP_NAME_BYTES_MAX + 1]);

/* -- walking ----------------------------------------------------------------------------------- */

/* Local `local`, open as fd (which stays the caller's), to `remote`, whose parents are made if they
   are not there.  Names for people begin with `local`. */
void cli_tree_up(cli_tree_t *self, int fd, const char *local, const char *remote);
/* One thing of a directory that is no directory itself. */
void cli_tree_up_one(cli_tree_t *self, int directory_fd, const char *name, const char *local,
                     const char *remote);
/* A remote directory into the local one `local`, which is made if it is not there. */
void cli_tree_down(cli_tree_t *self, const char *remote, const filesphere_info_t *info,
                   const char *local);
#endif
