/* SPDX-License-Identifier: MIT */
/* cli_copy - `filesphere cp -r`: trees, copied inside the mesh.  Layer cmd. */
#include "cmd/cli_change.h"
#include "cmd/cli_bundle.h"
#include "cmd/cli_walk.h"

#include "core/base/alloc.h"

typedef struct {
    cli_t *cli;
    const char *space;
    const char *from, *to; /* the roots */
    cli_bundle_t *bundle;
} copier_t;

static int
enter(void *arg, const cli_step_t *step)
{
    copier_t *self = arg;
    size_t skipped = strcmp(self->from, "/") == 0 ? 0 : strlen(self->from);
    const char *rest = strcmp(step->path, "/") == 0 ? "" : step->path + skipped;
    const char *root = strcmp(self->to, "/") == 0 ? "" : self->to;
    size_t bytes = strlen(root) + strlen(rest);
    if (bytes > FSP_PATH_BYTES_MAX) {
        cli_bundle_flush(self->bundle);
        cli_fail_status(self->cli, FSP_BAD_NAME, "%s%.400s: the path of its copy would be too long",
                        cli_space_prefix(self->cli), step->path);
        return 0;
    }
    char *to = fsp_alloc(bytes + 2);
    (void)snprintf(to, bytes + 2, "%s%s", root, bytes == 0 ? "/" : rest);
    bool directory = step->entry->kind == FILESPHERE_DIRECTORY;
    const filesphere_operation_t operation = {
        .op = directory ? FILESPHERE_OP_MKDIR : FILESPHERE_OP_COPY,
        .path = directory ? to : step->path,
        .to = directory ? NULL : to,
        .create_parents = true,
        .exist_ok = directory,
        .replace = !directory && !self->cli->no_replace,
        .attr = directory ? step->entry->attr : (filesphere_attr_t){.set = false}};
    cli_bundle_add(self->bundle, self->space, &operation);
    fsp_free(to);
    return 0;
}

void
cli_copy_tree(cli_t *cli, const cli_remote_t *from, const char *to)
{
    if (cli_path_within(to, from->path)) {
        cli_fail_status(cli, FSP_CYCLE,
                        "%s%.400s: a directory cannot be copied into itself (%.400s)",
                        cli_space_prefix(cli), from->path, to);
        return;
    }
    copier_t copier = {.cli = cli,
                       .space = from->space,
                       .from = from->path,
                       .to = to,
                       .bundle = cli_bundle_new(cli)};
    cli_walk_t walk = {.enter = enter, .arg = &copier, .depth_max = UINT64_MAX};
    cli_walk(cli, from, &walk);
    cli_bundle_flush(copier.bundle);
    cli_bundle_destroy(&copier.bundle);
}
