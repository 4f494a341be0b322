/* SPDX-License-Identifier: MIT */
/* cli_expand - remote patterns, part by part, by listings.  Layer cmd. */
#include "cmd/cli_glob.h"
#include "cmd/cli_walk.h"

#include "core/base/alloc.h"

#include <stdlib.h>

void
cli_matches_clear(cli_matches_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        fsp_free(self->items[i]);
    fsp_free(self->items);
    *self = (cli_matches_t){.items = NULL};
}

static void
add_match(cli_matches_t *self, const char *text)
{
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? 2 * self->capacity : 16;
        self->items = fsp_realloc(self->items, self->capacity * sizeof *self->items);
    }
    self->items[self->count++] = fsp_strdup(text);
}

/* False: the failure is noted. */
static bool
add_child(cli_t *cli, cli_matches_t *to, const char *directory, const char *name)
{
    char path[FSP_PATH_BYTES_MAX + 1];
    if (cli_remote_join(directory, name, path) != FSP_OK)
        return true; /* too long to be there */
    if (to->count == CLI_MATCHES_MAX) {
        cli_fail_status(cli, FSP_TOO_LARGE, "over %d matches; use a narrower pattern",
                        CLI_MATCHES_MAX);
        return false;
    }
    add_match(to, path);
    return true;
}

/* True if a listing found no directory there: nothing can match below it. */
static bool
is_no_directory(filesphere_code_t code)
{
    return cli_is(code, FSP_NOT_FOUND) || cli_is(code, FSP_NOT_DIRECTORY) ||
           cli_is(code, FSP_NO_PARENT) || cli_is(code, FSP_TRASHED);
}

/* Names of one directory that fit one part.  False: the failure is noted. */
static bool
match_part(cli_t *cli, const char *space, const char *directory, fsp_slice_t part,
           bool directories_only, cli_matches_t *to)
{
    /* What stands before the first special letter narrows the listing. */
    char prefix[FSP_NAME_BYTES_MAX + 1], literal[FSP_NAME_BYTES_MAX + 1];
    size_t bytes = 0;
    while (bytes < part.bytes && !cli_glob_special(fsp_slice(part.data + bytes, 1)))
        bytes++;
    (void)snprintf(prefix, sizeof prefix, "%.*s", (int)bytes, (const char *)part.data);
    (void)snprintf(literal, sizeof literal, "%.*s", (int)part.bytes, (const char *)part.data);
    cli_entries_t entries;
    cli_entries_init(&entries);
    filesphere_code_t code =
        cli_entries_read(cli, space, directory, bytes > 0 ? prefix : NULL, &entries, NULL);
    bool good = code == FILESPHERE_OK || is_no_directory(code);
    if (!good)
        cli_fail_call(cli, code);
    bool as_typed = false;
    for (size_t i = 0; i < entries.count && !as_typed; i++)
        as_typed = strcmp(cli_entries_name(&entries, i), literal) == 0;
    for (size_t i = 0; good && i < entries.count; i++) {
        const char *name = cli_entries_name(&entries, i);
        bool fits = as_typed ? strcmp(name, literal) == 0
                             : cli_glob_match(part, fsp_slice_text(name), false);
        if (fits && (!directories_only || entries.items[i].kind == FILESPHERE_DIRECTORY))
            good = add_child(cli, to, directory, name);
    }
    cli_entries_clear(&entries);
    return good;
}

/* A part that has no special letters, below a pattern: is it there? */
static bool
match_literal(cli_t *cli, const char *space, const char *directory, fsp_slice_t part,
              bool directories_only, cli_matches_t *to)
{
    char name[FSP_NAME_BYTES_MAX + 1], path[FSP_PATH_BYTES_MAX + 1];
    (void)snprintf(name, sizeof name, "%.*s", (int)part.bytes, (const char *)part.data);
    if (cli_remote_join(directory, name, path) != FSP_OK)
        return true;
    filesphere_info_t info;
    filesphere_code_t code = filesphere_stat_at(cli->handle, space, path, cli->at, &info);
    if (code == FILESPHERE_OK)
        return (directories_only && info.kind != FILESPHERE_DIRECTORY) ||
               add_child(cli, to, directory, name);
    if (is_no_directory(code) || cli_is(code, FSP_GONE))
        return true;
    cli_fail_call(cli, code);
    return false;
}

/* All parts of a path, the root first.  False: the failure is noted. */
static bool
match_path(cli_t *cli, const cli_remote_t *remote, cli_matches_t *ret)
{
    cli_matches_t now = {.items = NULL};
    add_match(&now, "/");
    fsp_slice_t rest = fsp_slice_text(remote->path + 1), part;
    bool good = true, special_seen = false;
    while (good && cli_glob_part(&rest, &part)) {
        bool special = cli_glob_special(part), directories_only = rest.bytes > 0 || remote->into;
        special_seen = special_seen || special;
        cli_matches_t next = {.items = NULL};
        for (size_t i = 0; good && i < now.count && !cli_interrupted(); i++) {
            char name[FSP_NAME_BYTES_MAX + 1];
            (void)snprintf(name, sizeof name, "%.*s", (int)part.bytes, (const char *)part.data);
            if (special)
                good = match_part(cli, remote->space, now.items[i], part, directories_only, &next);
            else if (special_seen)
                good =
                    match_literal(cli, remote->space, now.items[i], part, directories_only, &next);
            else
                good = add_child(cli, &next, now.items[i], name);
        }
        cli_matches_clear(&now);
        now = next;
    }
    *ret = now;
    return good;
}

bool
cli_expand(cli_t *cli, const char *operand, cli_matches_t *ret)
{
    cli_remote_t remote;
    if (cli_remote_parse(operand, &remote) != FSP_OK ||
        !cli_glob_special(fsp_slice_text(remote.path))) {
        add_match(ret, operand); /* the command says what is wrong with it, if anything is */
        return true;
    }
    cli_matches_t paths = {.items = NULL};
    cli_remote_t asked;
    bool good = cli_remote(cli, operand, &asked) && match_path(cli, &asked, &paths);
    if (good && paths.count == 0 && !cli_interrupted()) {
        cli_fail_status(cli, FSP_NOT_FOUND,
                        "%.400s: nothing matches; look with: filesphere ls DIRECTORY", operand);
        good = false;
    }
    for (size_t i = 0; good && i < paths.count; i++) {
        fsp_buf_t text;
        fsp_buf_init(&text, FSP_PATH_BYTES_MAX + FSP_SPACE_NAME_BYTES_MAX + 4);
        fsp_buf_printf(&text, "%s%s%s%s", remote.space ? remote.space : "", remote.space ? ":" : "",
                       paths.items[i], remote.into ? "/" : "");
        fsp_buf_append_u8(&text, 0);
        add_match(ret, (const char *)text.data);
        fsp_buf_clear(&text);
    }
    cli_matches_clear(&paths);
    return good && ret->count <= CLI_MATCHES_MAX;
}

static int
compare_names(const void *a, const void *b)
{
    const fsp_slice_t *left = a, *right = b;
    size_t bytes = left->bytes < right->bytes ? left->bytes : right->bytes;
    int order = memcmp(left->data, right->data, bytes);
    return order != 0 ? order : (left->bytes > right->bytes) - (left->bytes < right->bytes);
}

bool
cli_names_differ(cli_t *cli)
{
    if (cli->operand_count < 3)
        return true;
    size_t count = (size_t)cli->operand_count - 1;
    fsp_slice_t *names = fsp_alloc_array(count, sizeof *names);
    for (size_t i = 0; i < count; i++)
        names[i] = cli_local_base(cli->operands[i]);
    qsort(names, count, sizeof *names, compare_names);
    bool differ = true;
    for (size_t i = 1; i < count && differ; i++) {
        differ = names[i].bytes == 0 || compare_names(&names[i - 1], &names[i]) != 0;
        if (!differ)
            cli_fail_status(cli, FSP_INVALID,
                            "'%.*s': two of this name would go into one directory, and one take "
                            "the other's place; do one after the other",
                            (int)(names[i].bytes < 300 ? names[i].bytes : 300), names[i].data);
    }
    fsp_free(names);
    return differ;
}

bool
cli_expand_operands(cli_t *cli)
{
    size_t least, most, before, after, count = (size_t)cli->operand_count;
    cli_operand_counts(cli->command, &least, &most);
    if (!(cli->command->flags & CLI_GLOBS) || cli->no_glob)
        return true;
    cli_operand_many(cli->command, &before, &after);
    cli_matches_t all = {.items = NULL};
    bool good = true;
    for (size_t i = 0; good && i < count; i++) {
        if (i < before || i + after >= count)
            add_match(&all, cli->operands[i]);
        else
            good = cli_expand(cli, cli->operands[i], &all);
    }
    if (good && all.count > CLI_MATCHES_MAX) {
        cli_fail_status(cli, FSP_TOO_LARGE, "over %d matches; use narrower patterns",
                        CLI_MATCHES_MAX);
        good = false;
    }
    cli->expanded = all.items; /* end with cli_drop_operands */
    cli->operands = all.items;
    cli->operand_count = (int)all.count;
    return good && !cli_interrupted();
}

void
cli_drop_operands(cli_t *cli)
{
    cli_matches_t all = {.items = cli->expanded, .count = (size_t)cli->operand_count};
    if (cli->expanded)
        cli_matches_clear(&all);
    cli->expanded = NULL;
}
