/* SPDX-License-Identifier: MIT */
/* cli_find - commands that look through whole trees: tree, du, find.  Layer cmd. */
#include "cmd/cli_glob.h"
#include "cmd/cli_walk.h"

#include "core/base/alloc.h"

#include <stdlib.h>

typedef struct {
    uint64_t files, directories, symlinks, bytes;
} sums_t;

static void
add_sums(sums_t *to, const sums_t *from)
{
    to->files += from->files;
    to->directories += from->directories;
    to->symlinks += from->symlinks;
    to->bytes += from->bytes;
}

static sums_t
sums_of(const cli_entry_t *entry)
{
    return (sums_t){.files = entry->kind == FILESPHERE_FILE,
                    .directories = entry->kind == FILESPHERE_DIRECTORY,
                    .symlinks = entry->kind == FILESPHERE_SYMLINK,
                    .bytes = entry->size};
}

/* A directory where a walk began is not among what is in it. */
static void
count_step(sums_t *to, const cli_step_t *step)
{
    if (step->depth == 0 && step->entry->kind == FILESPHERE_DIRECTORY)
        return;
    sums_t sums = sums_of(step->entry);
    add_sums(to, &sums);
}

static void
json_sums(fsp_json_t *json, const sums_t *sums)
{
    fsp_json_uint(json, "bytes", sums->bytes);
    fsp_json_uint(json, "files", sums->files);
    fsp_json_uint(json, "directories", sums->directories);
    fsp_json_uint(json, "symlinks", sums->symlinks);
}

static void
json_step(cli_t *cli, const cli_step_t *step)
{
    const cli_entry_t *entry = step->entry;
    fsp_json_t *json = cli_line(cli, "entry");
    fsp_json_text(json, "name", step->name);
    fsp_json_text(json, "path", step->path);
    cli_json_space(cli, json);
    fsp_json_uint(json, "depth", step->depth);
    fsp_json_text(json, "kind", cli_kind_name(entry->kind));
    fsp_json_uint(json, "size", entry->size);
    cli_json_id(json, "file_id", entry->file_id, sizeof entry->file_id);
    cli_json_id(json, "version", entry->version_id, sizeof entry->version_id);
    fsp_json_uint(json, "number", entry->number);
    fsp_json_time(json, "modified", entry->modified_us);
    fsp_json_uint(json, "head_count", entry->head_count);
    if (entry->lost)
        fsp_json_bool(json, "lost", true);
    cli_line_end(cli);
}

/* The operands, or the root without any; each walked by `walk`. */
static void
walk_operands(cli_t *cli, const cli_walk_t *walk)
{
    static char root[] = "/";
    char *const roots[] = {root};
    char *const *operands = cli->operand_count > 0 ? cli->operands : roots;
    int count = cli->operand_count > 0 ? cli->operand_count : 1;
    cli->many = true;
    for (int i = 0; i < count && !cli_is_hopeless(cli); i++) {
        cli_remote_t remote;
        filesphere_at_t at = cli->at; /* each operand may be of another space */
        if (cli_remote(cli, operands[i], &remote))
            cli_walk(cli, &remote, walk);
        cli->at = at;
    }
}

static int
finish_sums(cli_t *cli, const sums_t *sums, uint64_t count)
{
    if (cli->json && cli->failure_count == 0 && !cli_interrupted()) {
        fsp_json_t *json = cli_line(cli, "result");
        fsp_json_uint(json, "count", count);
        json_sums(json, sums);
        cli_line_end(cli);
    }
    return cli_finish(cli);
}

/* -- tree -------------------------------------------------------------------------------------- */

typedef struct {
    cli_t *cli;
    sums_t sums;
    uint64_t count;
    bool lines[FSP_PATH_DEPTH_MAX + 2]; /* at this depth more comes below */
    bool plain;                         /* the terminal has no box drawings */
} drawer_t;

/* "utf8" in the locale that the variables name, by the order of setlocale(3). */
static bool
is_utf8_locale(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);
        if (value && *value)
            return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
    }
    return false;
}

static int
draw(void *arg, const cli_step_t *step)
{
    drawer_t *self = arg;
    cli_t *cli = self->cli;
    self->count++;
    cli->done_count++;
    count_step(&self->sums, step);
    if (cli->json) {
        json_step(cli, step);
        return 0;
    }
    self->lines[step->depth] = !step->last;
    for (unsigned i = 1; i < step->depth; i++)
        (void)printf("%s", !self->lines[i] ? "    " : self->plain ? "|   " : "│   ");
    if (step->depth > 0)
        (void)printf("%s", self->plain  ? step->last ? "`-- " : "|-- "
                           : step->last ? "└── "
                                        : "├── ");
    (void)fputs(step->depth > 0 ? "" : cli_space_prefix(cli), stdout);
    cli_print_name(step->depth > 0 ? step->name : step->path, step->entry->kind);
    if (cli->long_lines && step->entry->kind != FILESPHERE_DIRECTORY) {
        char size[CLI_SIZE_BYTES];
        (void)printf("  %s", cli_size_text(step->entry->size, size));
    }
    bool root = strcmp(step->path, "/") == 0;
    (void)printf("%s%s\n", root ? "" : cli_kind_mark(step->entry->kind),
                 step->entry->lost ? "  (no longer kept)" : "");
    return ferror(stdout) ? -1 : 0;
}

int
cli_tree(cli_t *cli)
{
    drawer_t drawer = {.cli = cli, .plain = !is_utf8_locale()};
    cli_walk_t walk = {
        .enter = draw, .arg = &drawer, .depth_max = cli->has_depth ? cli->depth : UINT64_MAX};
    walk_operands(cli, &walk);
    if (!cli->json && !cli->quiet && drawer.count > 0) {
        char size[CLI_SIZE_BYTES];
        (void)cli_count_text(drawer.sums.bytes, size);
        uint64_t directories = drawer.sums.directories;
        uint64_t files = drawer.sums.files + drawer.sums.symlinks;
        (void)printf("\n%llu %s, %llu %s, %s\n", (unsigned long long)directories,
                     directories == 1 ? "directory" : "directories", (unsigned long long)files,
                     files == 1 ? "file" : "files", size);
    }
    return finish_sums(cli, &drawer.sums, drawer.count);
}

/* -- du ---------------------------------------------------------------------------------------- */

typedef struct {
    cli_t *cli;
    sums_t open[FSP_PATH_DEPTH_MAX + 2]; /* of the directories that the walk is in */
    sums_t total;
    uint64_t count;
} summer_t;

static void
print_sums(summer_t *self, const cli_step_t *step, const sums_t *sums)
{
    cli_t *cli = self->cli;
    self->count++;
    cli->done_count++;
    if (cli->json) {
        fsp_json_t *json = cli_line(cli, "usage");
        fsp_json_text(json, "path", step->path);
        cli_json_space(cli, json);
        fsp_json_text(json, "kind", cli_kind_name(step->entry->kind));
        fsp_json_uint(json, "depth", step->depth);
        json_sums(json, sums);
        cli_line_end(cli);
        return;
    }
    char size[CLI_SIZE_BYTES];
    (void)printf("%12s  ", cli_size_text(sums->bytes, size));
    (void)fputs(cli_space_prefix(cli), stdout);
    cli_print_name(step->path, step->entry->kind);
    (void)printf("\n");
}

static bool
is_shown(const cli_t *cli, unsigned depth)
{
    return depth == 0 || (!cli->summary && (!cli->has_depth || depth <= cli->depth));
}

static int
enter_sums(void *arg, const cli_step_t *step)
{
    summer_t *self = arg;
    sums_t sums = sums_of(step->entry);
    if (step->entry->kind == FILESPHERE_DIRECTORY) {
        self->open[step->depth] = (sums_t){.bytes = 0};
        return 0;
    }
    if (step->depth > 0) {
        add_sums(&self->open[step->depth - 1], &sums);
        return 0;
    }
    print_sums(self, step, &sums); /* the operand is a file */
    add_sums(&self->total, &sums);
    return 0;
}

static int
leave_sums(void *arg, const cli_step_t *step)
{
    summer_t *self = arg;
    sums_t sums = self->open[step->depth];
    if (is_shown(self->cli, step->depth))
        print_sums(self, step, &sums);
    sums.directories += step->depth > 0;
    add_sums(step->depth > 0 ? &self->open[step->depth - 1] : &self->total, &sums);
    return ferror(stdout) ? -1 : 0;
}

int
cli_du(cli_t *cli)
{
    summer_t summer = {.cli = cli};
    cli_walk_t walk = {
        .enter = enter_sums, .leave = leave_sums, .arg = &summer, .depth_max = UINT64_MAX};
    walk_operands(cli, &walk);
    return finish_sums(cli, &summer.total, summer.count);
}

/* -- find -------------------------------------------------------------------------------------- */

typedef struct {
    cli_t *cli;
    fsp_slice_t below; /* pattern of the path below where the walk began; empty: any */
    const char *start;
    sums_t sums;
    uint64_t count;
} seeker_t;

static bool
type_fits(const char *type, filesphere_kind_t kind)
{
    return !type || *type == (kind == FILESPHERE_DIRECTORY ? 'd'
                              : kind == FILESPHERE_SYMLINK ? 'l'
                                                           : 'f');
}

static bool
is_wanted(const seeker_t *self, const cli_step_t *step)
{
    const cli_t *cli = self->cli;
    const cli_entry_t *entry = step->entry;
    bool sized = cli->has_larger || cli->has_smaller;
    if (!type_fits(cli->type, entry->kind) || (sized && entry->kind == FILESPHERE_DIRECTORY) ||
        (cli->has_larger && entry->size <= cli->larger_bytes) ||
        (cli->has_smaller && entry->size >= cli->smaller_bytes) ||
        (cli->newer_us > 0 && entry->modified_us <= cli->newer_us) ||
        (cli->older_us > 0 && entry->modified_us >= cli->older_us))
        return false;
    if (cli->name_glob && !cli_glob_match(fsp_slice_text(cli->name_glob),
                                          fsp_slice_text(cli_remote_base(step->path)), true))
        return false;
    if (self->below.bytes == 0)
        return true;
    const char *rest = step->path + (strcmp(self->start, "/") == 0 ? 0 : strlen(self->start));
    return rest[0] == '/' && rest[1] != '\0' &&
           cli_glob_match_path(self->below, fsp_slice_text(rest + 1));
}

static int
seek(void *arg, const cli_step_t *step)
{
    seeker_t *self = arg;
    if (!is_wanted(self, step))
        return 0;
    self->count++;
    self->cli->done_count++;
    count_step(&self->sums, step);
    if (self->cli->json) {
        json_step(self->cli, step);
    } else {
        (void)fputs(cli_space_prefix(self->cli), stdout);
        cli_print_name(step->path, step->entry->kind);
        (void)printf("\n");
    }
    return ferror(stdout) ? -1 : 0;
}

/* "/docs/" of a double star: where the walk begins; *ret_below: the pattern from the star on, empty
   if there is none.  Ends with fsp_free. */
static char *
split_stars(const char *operand, fsp_slice_t *ret_below)
{
    const char *at = operand;
    *ret_below = fsp_slice(NULL, 0);
    char *start = fsp_strdup(operand);
    while ((at = strstr(at, "/**")) != NULL && at[3] != '/' && at[3] != '\0')
        at += 3;
    if (!at)
        return start;
    *ret_below = fsp_slice_text(at + 1);
    while (ret_below->bytes > 0 && ret_below->data[ret_below->bytes - 1] == '/')
        ret_below->bytes--;
    start[at + 1 - operand] = '\0';
    return start;
}

static void
seek_below(seeker_t *self, const char *operand)
{
    cli_t *cli = self->cli;
    cli_remote_t remote;
    filesphere_at_t at = cli->at;
    if (!cli_remote(cli, operand, &remote))
        return;
    self->start = remote.path;
    cli_walk_t walk = {
        .enter = seek, .arg = self, .depth_max = cli->has_depth ? cli->depth : UINT64_MAX};
    cli_walk(cli, &remote, &walk);
    cli->at = at;
}

int
cli_find(cli_t *cli)
{
    seeker_t seeker = {.cli = cli};
    const char *operand = cli->operand_count > 0 ? cli->operands[0] : "/";
    char *start;
    cli->many = true;
    if (cli->no_glob) {
        seek_below(&seeker, operand);
        return finish_sums(cli, &seeker.sums, seeker.count);
    }
    start = split_stars(operand, &seeker.below);
    cli_matches_t starts = {.items = NULL};
    if (cli_expand(cli, start, &starts)) {
        for (size_t i = 0; i < starts.count && !cli_is_hopeless(cli); i++)
            seek_below(&seeker, starts.items[i]);
    }
    cli_matches_clear(&starts);
    fsp_free(start);
    return finish_sums(cli, &seeker.sums, seeker.count);
}
