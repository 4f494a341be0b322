/* SPDX-License-Identifier: MIT */
/* cli_past - what happened to a path last, from the change feed.  Layer cmd. */
#ifndef FSP_CMD_CLI_PAST_H
#define FSP_CMD_CLI_PAST_H
#include "cmd/cli_common.h"

/* Changes are looked at in windows, from the present back. */
enum { CLI_PAST_WINDOW = 500, CLI_PAST_LOOKED_MAX = 100000 };

typedef enum {
    CLI_WAS_PUT,     /* a version was made: put, merge, restore */
    CLI_WAS_REMOVED, /* it went to the trash */
    CLI_WAS_MADE,    /* a directory was */
    CLI_WAS_MOVED,
    CLI_WAS_COPIED,
    CLI_WAS_REVIVED, /* it came out of the trash */
    CLI_WAS_FINAL,   /* it cannot be taken back */
    CLI_WAS_NOTHING  /* names and contents stayed as they were: a lease, a setting */
} cli_was_t;
cli_was_t cli_was(const filesphere_change_t *change);

typedef struct {
    bool there;             /* something is at the path now: */
    filesphere_info_t info; /* this */
    unsigned touching;      /* operations of the change that concern the path; 0: none was found */
    filesphere_change_t change;  /* the operation that does, of a batch the last one */
    unsigned parts;              /* of the batch; 0: it was none */
    filesphere_change_t pair[2]; /* its first two */
} cli_past_t;

/* The last change of what is at the path, or of what was there.  False: the failure is noted;
   nothing was found, or it went together with a directory above, for one. */
bool cli_past_find(cli_t *cli, const cli_remote_t *remote, cli_past_t *ret);
#endif
