/* SPDX-License-Identifier: MIT */
/* cli_walk - remote directories: entries kept, trees walked.  Layer cmd. */
#include "cmd/cli_walk.h"

#include "core/base/alloc.h"

/* -- entries ----------------------------------------------------------------------------------- */

void
cli_entries_init(cli_entries_t *self)
{
    *self = (cli_entries_t){.items = NULL};
    fsp_buf_init(&self->names, (size_t)CLI_ENTRIES_MAX * 64);
}

void
cli_entries_clear(cli_entries_t *self)
{
    fsp_free(self->items);
    fsp_buf_clear(&self->names);
    *self = (cli_entries_t){.items = NULL};
}

const char *
cli_entries_name(const cli_entries_t *self, size_t at)
{
    return (const char *)self->names.data + self->items[at].name_at;
}

static int
collect(void *arg, const filesphere_entry_t *entry)
{
    cli_entries_t *self = arg;
    if (cli_interrupted() || self->count == CLI_ENTRIES_MAX)
        return -1;
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? 2 * self->capacity : 64;
        self->items = fsp_realloc(self->items, self->capacity * sizeof *self->items);
    }
    cli_entry_t *item = &self->items[self->count];
    *item = (cli_entry_t){.name_at = self->names.bytes,
                          .kind = entry->kind,
                          .size = entry->size,
                          .modified_us = entry->modified_us,
                          .number = entry->number,
                          .head_count = (uint32_t)entry->head_count,
                          .lost = entry->lost,
                          .attr = entry->attr};
    memcpy(item->file_id, entry->file_id, sizeof item->file_id);
    memcpy(item->version_id, entry->version_id, sizeof item->version_id);
    fsp_buf_append(&self->names, entry->name, strlen(entry->name) + 1);
    if (!fsp_buf_ok(&self->names))
        return -1;
    self->count++;
    return 0;
}

filesphere_code_t
cli_entries_read(cli_t *cli, const char *space, const char *path, const char *prefix,
                 cli_entries_t *self, uint64_t *ret_change)
{
    uint64_t change = 0;
    filesphere_code_t code =
        filesphere_list_at(cli->handle, space, path, prefix, cli->at, collect, self, &change);
    if (ret_change)
        *ret_change = change;
    return code;
}

/* -- trees ------------------------------------------------------------------------------------- */

typedef struct {
    cli_t *cli;
    const char *space;
    const cli_walk_t *walk;
    bool ended; /* a callback ended it, or it makes no sense to go on */
} walker_t;

static void walk_directory(walker_t *self, const cli_step_t *step);

static void
walk_entry(walker_t *self, const cli_step_t *step)
{
    const cli_walk_t *walk = self->walk;
    if (cli_is_hopeless(self->cli) || walk->enter(walk->arg, step) != 0) {
        self->ended = true;
        return;
    }
    if (step->entry->kind != FILESPHERE_DIRECTORY)
        return;
    if (step->depth < walk->depth_max)
        walk_directory(self, step);
    if (!self->ended && walk->leave && walk->leave(walk->arg, step) != 0)
        self->ended = true;
}

/* At most 64 deep: paths have no more parts. */
static void
walk_directory(walker_t *self, const cli_step_t *step)
{
    cli_entries_t entries;
    cli_entries_init(&entries);
    uint64_t change = 0;
    filesphere_code_t code =
        cli_entries_read(self->cli, self->space, step->path, NULL, &entries, &change);
    if (change > 0) /* the rest of the tree is of the same moment */
        self->cli->at = (filesphere_at_t){.change = change};
    bool went = step->depth > 0 && (cli_is(code, FSP_NOT_FOUND) || cli_is(code, FSP_NO_PARENT) ||
                                    cli_is(code, FSP_TRASHED));
    if (code != FILESPHERE_OK && !went) {
        cli_fail_call(self->cli, code);
        self->ended = cli_is_hopeless(self->cli);
    }
    for (size_t i = 0; code == FILESPHERE_OK && i < entries.count && !self->ended; i++) {
        char path[FSP_PATH_BYTES_MAX + 1];
        const char *name = cli_entries_name(&entries, i);
        if (cli_remote_join(step->path, name, path) != FSP_OK) {
            cli_fail_status(self->cli, FSP_BAD_NAME, "%.400s/%.255s: the path is too long",
                            step->path, name);
            continue;
        }
        walk_entry(self, &(cli_step_t){.path = path,
                                       .name = name,
                                       .entry = &entries.items[i],
                                       .depth = step->depth + 1,
                                       .last = i + 1 == entries.count});
    }
    cli_entries_clear(&entries);
}

void
cli_walk(cli_t *cli, const cli_remote_t *remote, const cli_walk_t *walk)
{
    filesphere_info_t info;
    filesphere_code_t code =
        filesphere_stat_at(cli->handle, remote->space, remote->path, cli->at, &info);
    if (code != FILESPHERE_OK) {
        cli_fail_call(cli, code);
        return;
    }
    if (info.kind != FILESPHERE_DIRECTORY && remote->into && strcmp(remote->path, "/") != 0) {
        cli_fail_status(cli, FSP_NOT_DIRECTORY,
                        "%s%.400s: is no directory; leave the last '/' away", cli_space_prefix(cli),
                        remote->path);
        return;
    }
    if (info.at_change > 0)
        cli->at = (filesphere_at_t){.change = info.at_change};
    cli_entry_t root = {.kind = info.kind,
                        .size = info.size,
                        .modified_us = info.modified_us,
                        .number = info.number,
                        .head_count = (uint32_t)info.head_count,
                        .attr = info.attr};
    memcpy(root.file_id, info.file_id, sizeof root.file_id);
    memcpy(root.version_id, info.version_id, sizeof root.version_id);
    walker_t walker = {.cli = cli, .space = remote->space, .walk = walk};
    walk_entry(&walker, &(cli_step_t){.path = remote->path,
                                      .name = cli_remote_base(remote->path),
                                      .entry = &root,
                                      .last = true});
}
