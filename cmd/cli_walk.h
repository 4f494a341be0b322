/* SPDX-License-Identifier: MIT */
/* cli_walk - remote directories: entries kept, trees walked, patterns expanded.  Layer cmd. */
#ifndef FSP_CMD_CLI_WALK_H
#define FSP_CMD_CLI_WALK_H
#include "cmd/cli_common.h"

/* -- entries ----------------------------------------------------------------------------------- */

/* What is kept of an entry while its directory's other entries come: a callback of a listing must
   not call the handle. */
typedef struct {
    size_t name_at; /* in cli_entries_t.names */
    filesphere_kind_t kind;
    uint64_t size, modified_us, number;
    uint8_t file_id[16], version_id[32];
    uint32_t head_count;
    bool lost;
    filesphere_attr_t attr;
} cli_entry_t;

/* In name order.  At most CLI_ENTRIES_MAX. */
enum { CLI_ENTRIES_MAX = 4 * 1024 * 1024 };
typedef struct {
    cli_entry_t *items;
    size_t count, capacity;
    fsp_buf_t names; /* each with its NUL */
} cli_entries_t;

void cli_entries_init(cli_entries_t *self);
void cli_entries_clear(cli_entries_t *self);
/* Valid until the next entry is added. */
const char *cli_entries_name(const cli_entries_t *self, size_t at);
/* Entries of a directory as cli->at says, added to what is there.  *ret_change (may be NULL): the
   moment that was shown, 0 for now. */
filesphere_code_t cli_entries_read(cli_t *cli, const char *space, const char *path,
                                   const char *prefix, cli_entries_t *self, uint64_t *ret_change);

/* -- trees ------------------------------------------------------------------------------------- */

typedef struct {
    const char *path;         /* of the entry */
    const char *name;         /* its last part; "" for the root */
    const cli_entry_t *entry; /* its version and file are there */
    unsigned depth;           /* 0: where the walk began */
    bool last;                /* of its directory */
} cli_step_t;

typedef struct {
    /* An entry, before what is in it.  Other than 0 ends the walk. */
    int (*enter)(void *arg, const cli_step_t *step);
    /* A directory, after what is in it (may be NULL). */
    int (*leave)(void *arg, const cli_step_t *step);
    void *arg;
    uint64_t depth_max; /* no deeper */
} cli_walk_t;

/* Walks from a path, which may be a file, in name order; every directory of the moment of the
   first, if cli->at is one.  Failures are noted; a directory that goes meanwhile is passed over. */
void cli_walk(cli_t *cli, const cli_remote_t *remote, const cli_walk_t *walk);

/* -- patterns ---------------------------------------------------------------------------------- */

/* Puts what they match in the place of the operands that may be patterns (CLI_GLOBS).  A name that
   is there as it was typed wins.  False: the failure is noted; nothing was found, for one. */
bool cli_expand_operands(cli_t *cli);
/* What one pattern matches, as operands, appended to the list; each ends with fsp_free. */
typedef struct {
    char **items;
    size_t count, capacity;
} cli_matches_t;
enum { CLI_MATCHES_MAX = 100000 };
bool cli_expand(cli_t *cli, const char *operand, cli_matches_t *ret);
void cli_matches_clear(cli_matches_t *self);
#endif
