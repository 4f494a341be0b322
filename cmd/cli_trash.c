/* SPDX-License-Identifier: MIT */
/* cli_trash - `filesphere trash` and `filesphere space`.  Layer cmd. */
#include "cmd/cli_common.h"

#include "core/base/text.h"

#include <time.h>

static void
print_time(uint64_t us)
{
    char text[FSP_RFC3339_BYTES];
    fsp_rfc3339(us, text);
    (void)printf("%s", text);
}

/* The space of an operand "SPACE:/", or the home space.  False: the failure is noted. */
static bool
take_space(cli_t *cli, const char *text, cli_remote_t *ret)
{
    *ret = (cli_remote_t){.space = NULL};
    if (!text)
        return true;
    if (!cli_remote(cli, text, ret))
        return false;
    if (strcmp(ret->path, "/") == 0)
        return true;
    cli_fail_status(cli, FSP_INVALID, "%.400s: only a space can stand here, as SPACE:/", text);
    return false;
}

/* -- trash ls ---------------------------------------------------------------------------------- */

typedef struct {
    cli_t *cli;
    uint64_t count;
} lister_t;

static void
json_trashed(fsp_json_t *json, const filesphere_trashed_t *trashed)
{
    fsp_json_text(json, "item", trashed->name);
    if (trashed->path[0])
        fsp_json_text(json, "path", trashed->path);
    else
        fsp_json_null(json, "path");
    fsp_json_text(json, "kind", cli_kind_name(trashed->kind));
    fsp_json_uint(json, "size", trashed->size);
    cli_json_id(json, "file_id", trashed->file_id, sizeof trashed->file_id);
    fsp_json_uint(json, "change", trashed->change);
    if (trashed->deleted_us > 0)
        fsp_json_time(json, "deleted", trashed->deleted_us);
    else
        fsp_json_null(json, "deleted");
}

/* "17", or "17.0001" of a batch: the name without its leading zeros. */
static const char *
short_name(const char *name)
{
    while (*name == '0' && name[1] >= '0' && name[1] <= '9')
        name++;
    return name;
}

static int
list_trashed(void *arg, const filesphere_trashed_t *trashed)
{
    lister_t *self = arg;
    cli_t *cli = self->cli;
    self->count++;
    if (cli->json) {
        json_trashed(cli_line(cli, "item"), trashed);
        cli_line_end(cli);
    } else {
        (void)printf("%8s  ", short_name(trashed->name));
        if (trashed->deleted_us > 0)
            print_time(trashed->deleted_us);
        else
            (void)printf("%24s", "?");
        if (cli->long_lines)
            (void)printf("  %12llu", (unsigned long long)trashed->size);
        (void)printf("  ");
        cli_print_escaped(trashed->path[0] ? trashed->path : "?");
        (void)printf("%s\n", trashed->kind == FILESPHERE_DIRECTORY ? "/" : "");
    }
    return cli_interrupted() ? -1 : 0;
}

int
cli_trash_ls(cli_t *cli)
{
    cli_remote_t remote;
    if (!take_space(cli, cli->operand_count > 0 ? cli->operands[0] : NULL, &remote))
        return cli_finish(cli);
    lister_t lister = {.cli = cli};
    filesphere_code_t code = filesphere_trash(cli->handle, remote.space, list_trashed, &lister);
    if (code != FILESPHERE_OK) {
        cli_fail_call(cli, code);
    } else if (cli->json) {
        fsp_json_uint(cli_line(cli, "result"), "count", lister.count);
        cli_line_end(cli);
    }
    return cli_finish(cli);
}

/* -- trash restore ----------------------------------------------------------------------------- */

typedef struct {
    const char *item; /* by its number, or NULL: */
    const char *path; /* what was here, the last one */
    bool found;
    filesphere_trashed_t last;
} finder_t;

static int
find_trashed(void *arg, const filesphere_trashed_t *trashed)
{
    finder_t *self = arg;
    bool fits = self->item ? strcmp(self->item, short_name(trashed->name)) == 0
                           : strcmp(self->path, trashed->path) == 0;
    if (fits) {
        self->found = true;
        self->last = *trashed;
    }
    return cli_interrupted() ? -1 : 0;
}

int
cli_trash_restore(cli_t *cli)
{
    const char *what = cli->operands[0];
    bool by_number = *what >= '0' && *what <= '9';
    cli_remote_t from = {.space = NULL}, to = {.space = NULL};
    bool has_to = cli->operand_count > 1;
    if ((!by_number && !cli_remote(cli, what, &from)) ||
        (has_to && !cli_remote(cli, cli->operands[1], &to)))
        return cli_finish(cli);
    const char *space = by_number ? to.space : from.space;
    if (has_to && !by_number && strcmp(from.space_name, to.space_name) != 0) {
        cli_fail_status(cli, FSP_UNSUPPORTED,
                        "%.400s: both paths must be in one space, named the same way", what);
        return cli_finish(cli);
    }
    finder_t finder = {.item = by_number ? short_name(what) : NULL, .path = from.path};
    filesphere_info_t info = {.size = 0};
    filesphere_code_t code = filesphere_trash(cli->handle, space, find_trashed, &finder);
    if (code == FILESPHERE_OK && !finder.found) {
        cli_fail_status(cli, FSP_NOT_FOUND,
                        "%.400s: nothing of it lies in the trash; look with: filesphere trash ls",
                        what);
        return cli_finish(cli);
    }
    if (code == FILESPHERE_OK)
        code = filesphere_undelete(cli->handle, space, finder.last.file_id, has_to ? to.path : NULL,
                                   cli->parents, &info);
    if (code != FILESPHERE_OK) {
        cli_fail_call(cli, code);
    } else if (cli->json) {
        fsp_json_t *json = cli_line(cli, "result");
        cli_json_node(json, &info);
        fsp_json_uint(json, "change", info.change);
        cli_line_end(cli);
    } else if (!cli->quiet) {
        cli_print_escaped(info.path);
        (void)printf("\n");
    }
    return cli_finish(cli);
}

/* -- trash empty ------------------------------------------------------------------------------- */

int
cli_trash_empty(cli_t *cli)
{
    cli_remote_t remote;
    if (!take_space(cli, cli->operand_count > 0 ? cli->operands[0] : NULL, &remote) ||
        !cli_confirm(cli, "what lies in the trash is dropped for good", "empty"))
        return cli_finish(cli);
    uint64_t before_us = 0, change = 0;
    if (cli->duration_us > 0) {
        struct timespec now;
        (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail with this clock */
        uint64_t now_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
        before_us = now_us > cli->duration_us ? now_us - cli->duration_us : 1;
    }
    filesphere_code_t code = filesphere_purge(cli->handle, remote.space, NULL, before_us, &change);
    if (code != FILESPHERE_OK) {
        cli_fail_call(cli, code);
    } else if (cli->json) {
        fsp_json_uint(cli_line(cli, "result"), "change", change);
        cli_line_end(cli);
    }
    return cli_finish(cli);
}

/* -- space ------------------------------------------------------------------------------------- */

int
cli_space_create(cli_t *cli)
{
    filesphere_info_t info = {.size = 0};
    filesphere_code_t code =
        filesphere_space_create(cli->handle, cli->operands[0], cli->quota_bytes, &info);
    if (code != FILESPHERE_OK) {
        cli_fail_call(cli, code);
    } else if (cli->json) {
        fsp_json_t *json = cli_line(cli, "result");
        fsp_json_text(json, "space", info.space);
        cli_json_id(json, "root_id", info.file_id, sizeof info.file_id);
        fsp_json_uint(json, "quota", cli->quota_bytes);
        fsp_json_uint(json, "change", info.change);
        cli_line_end(cli);
    } else if (!cli->quiet) {
        (void)printf("%s:/\n", info.space);
    }
    return cli_finish(cli);
}

static int
list_space(void *arg, const filesphere_space_t *space)
{
    lister_t *self = arg;
    cli_t *cli = self->cli;
    self->count++;
    if (cli->json) {
        fsp_json_t *json = cli_line(cli, "space");
        fsp_json_text(json, "name", space->name);
        fsp_json_hex(json, "space_id", space->space_id, sizeof space->space_id);
        fsp_json_hex(json, "owner", space->owner, sizeof space->owner);
        fsp_json_uint(json, "used", space->used_bytes);
        fsp_json_uint(json, "quota", space->quota_bytes);
        fsp_json_uint(json, "change", space->change);
        if (space->closes_us > 0)
            fsp_json_time(json, "closes", space->closes_us);
        cli_line_end(cli);
        return cli_interrupted() ? -1 : 0;
    }
    cli_print_escaped(space->name);
    if (cli->long_lines) {
        (void)printf("  %llu", (unsigned long long)space->used_bytes);
        if (space->quota_bytes > 0)
            (void)printf(" of %llu", (unsigned long long)space->quota_bytes);
        (void)printf(" bytes, change %llu", (unsigned long long)space->change);
    }
    if (space->closes_us > 0) {
        (void)printf("  being removed: its content goes at ");
        print_time(space->closes_us);
    }
    (void)printf("\n");
    return cli_interrupted() ? -1 : 0;
}

int
cli_space_ls(cli_t *cli)
{
    lister_t lister = {.cli = cli};
    filesphere_code_t code = filesphere_spaces(cli->handle, list_space, &lister);
    if (code != FILESPHERE_OK) {
        cli_fail_call(cli, code);
    } else if (cli->json) {
        fsp_json_uint(cli_line(cli, "result"), "count", lister.count);
        cli_line_end(cli);
    }
    return cli_finish(cli);
}

/* False: the failure is noted. */
static bool
confirm_removal(cli_t *cli, const char *name)
{
    if (cli->cancel || !cli->now)
        return true; /* it can be taken back until the delay has passed */
    char what[160];
    (void)snprintf(what, sizeof what, "the space %.64s and all that is in it goes at once", name);
    return cli_confirm(cli, what, name);
}

int
cli_space_rm(cli_t *cli)
{
    static const uint64_t delay_us = UINT64_C(7) * 86400 * 1000000;
    const char *name = cli->operands[0];
    if (cli->now + (cli->duration_us > 0) + cli->cancel > 1) {
        cli_fail_status(cli, FSP_INVALID, "--delay, --now and --cancel exclude each other");
        return cli_finish(cli);
    }
    if (!confirm_removal(cli, name))
        return cli_finish(cli);
    uint64_t wanted_us = cli->now ? 0 : cli->duration_us > 0 ? cli->duration_us : delay_us;
    uint64_t closes_us = 0;
    filesphere_code_t code =
        cli->cancel ? filesphere_space_keep(cli->handle, name)
                    : filesphere_space_remove(cli->handle, name, wanted_us, &closes_us);
    if (cli_is(code, FSP_INVALID)) {
        cli_fail(cli, code, "%.64s: the home space of a mesh cannot be removed", name);
    } else if (code != FILESPHERE_OK) {
        cli_fail_call(cli, code);
    } else if (cli->json) {
        fsp_json_t *json = cli_line(cli, "result");
        fsp_json_text(json, "space", name);
        if (closes_us > 0)
            fsp_json_time(json, "closes", closes_us);
        cli_line_end(cli);
    } else if (!cli->quiet && closes_us > 0) {
        (void)printf("%s: its content goes at ", name);
        print_time(closes_us);
        (void)printf("\n");
    }
    return cli_finish(cli);
}
