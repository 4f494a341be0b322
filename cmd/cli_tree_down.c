/* SPDX-License-Identifier: MIT */
/* cli_tree_down - a remote tree into the file system.  Layer cmd.
 *
 * One directory at a time: what is in it remotely, and, for sync, locally; then its files go to the
 * pool; then the walk goes into its directories.  A directory gets its mode and time when the last
 * task in it has ended, children first (cli_place), so a read-only one does not stand in the way of
 * its content.
 */
#include "cmd/cli_tree.h"

#include "core/base/alloc.h"
#include "core/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

typedef struct {
    cli_tree_t *tree;
    size_t root_bytes; /* of the local path of the root, with its slash */
    cli_place_t *place;
    const char *local, *remote;
    bool was_there; /* locally, before */
    cli_listing_t listing;
} directory_t;

/* What a new directory gets whose mode nobody says: as mkdir would. */
static mode_t
directory_mode(const cli_tree_t *tree)
{
    mode_t files = tree->cli->file_mode; /* 0666 without the umask's bits */
    return files | (files & 0444) >> 2;
}

/* -- what is there locally --------------------------------------------------------------------- */

/* False: nothing is there, or it cannot be seen. */
static bool
look_local(const directory_t *self, const char *name, struct stat *ret)
{
    int fd = cli_place_fd(self->place);
    return self->was_there && fd >= 0 && fstatat(fd, name, ret, AT_SYMLINK_NOFOLLOW) == 0;
}

/* -- deleting ---------------------------------------------------------------------------------- */

/* Removes a local thing, and says so.  False: the failure is noted. */
static bool
remove_local(cli_tree_t *tree, int directory_fd, const char *name, const struct stat *about,
             const char *local)
{
    if (!tree->cli->dry_run && cli_remove(directory_fd, name) != 0) {
        cli_tree_fail(tree, FSP_IO, "%.400s: cannot be deleted: %m", local);
        return false;
    }
    cli_tree_note(tree, CLI_ACT_DELETE, cli_kind_of(about), local, NULL, 0, NULL);
    return true;
}

/* A look into local directories that are to go. */
typedef struct {
    cli_tree_t *tree;
    size_t root_bytes;
    bool removes; /* what of them may go if not all may; else nothing goes then */
    bool found;   /* something excluded */
} prune_t;

static bool has_to_stay(prune_t *self, int parent_fd, const char *name, const char *local);

/* Removes what does not stay of a directory that does. */
static void
remove_rest(const prune_t *self, int fd, const char *local, const cli_names_t *names,
            const bool *stays)
{
    cli_tree_t *tree = self->tree;
    struct stat about, child;
    bool closed = !tree->cli->dry_run && fstat(fd, &about) == 0 && (about.st_mode & 0700) != 0700;
    if (closed) /* not ours: removing will tell */
        (void)fchmod(fd, (about.st_mode & 07777) | 0700);
    const char *name = (const char *)names->text.data;
    for (size_t i = 0; i < names->count; i++, name += strlen(name) + 1) {
        if (stays[i] || fstatat(fd, name, &child, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        char *path = cli_join(local, name);
        (void)remove_local(tree, fd, name, &child, path);
        fsp_free(path);
    }
    if (closed)
        (void)fchmod(fd, about.st_mode & 07777); /* as it was */
}

/* Looks at all that is in a directory: which of it stays.  True: something does. */
static bool
look_through(prune_t *self, int fd, const char *local, const cli_names_t *names, bool *ret_stays)
{
    bool ret = false;
    const char *name = (const char *)names->text.data;
    for (size_t i = 0; i < names->count && (self->removes || !ret); i++, name += strlen(name) + 1) {
        struct stat about;
        if (fstatat(fd, name, &about, AT_SYMLINK_NOFOLLOW) != 0)
            continue; /* it went away */
        char *path = cli_join(local, name);
        bool excluded =
            cli_tree_excludes(self->tree, path + self->root_bytes, S_ISDIR(about.st_mode));
        self->found |= excluded;
        ret_stays[i] = excluded || (S_ISDIR(about.st_mode) && has_to_stay(self, fd, name, path));
        ret |= ret_stays[i];
        fsp_free(path);
    }
    return ret;
}

/* True if the directory has to stay: something excluded is in it, however deep, or it could not be
   seen.  Then what else is in it goes; each directory as a whole if all of it may. */
static bool
has_to_stay(prune_t *self, int parent_fd, const char *name, const char *local)
{
    int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int names_fd = fd >= 0 ? openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    cli_names_t names;
    cli_names_init(&names);
    bool ret = true;
    if (names_fd < 0 || cli_names_read(names_fd, &names) != 0) {
        cli_tree_fail(self->tree, FSP_IO, "%.400s: cannot be listed: %m; it stays", local);
    } else {
        bool *stays = fsp_alloc_array(names.count, sizeof *stays);
        ret = look_through(self, fd, local, &names, stays);
        if (cli_tree_is_ending(self->tree)) /* not all of it was seen */
            ret = true;
        else if (ret && self->removes)
            remove_rest(self, fd, local, &names, stays);
        fsp_free(stays);
    }
    cli_names_clear(&names);
    if (fd >= 0)
        (void)close(fd); /* nothing was written through it */
    return ret;
}

/* What stands in the way of a thing of another kind goes.  False: it does not, and that is noted.
 */
static bool
clear_the_way(directory_t *self, const char *name, const struct stat *about, const char *local)
{
    cli_tree_t *tree = self->tree;
    int fd = cli_place_fd(self->place);
    prune_t look = {.tree = tree, .root_bytes = self->root_bytes};
    bool blocked = false;
    if (S_ISDIR(about->st_mode) && tree->cli->excludes.count > 0) {
        look.found = cli_tree_excludes(tree, local + self->root_bytes, true);
        blocked = look.found || has_to_stay(&look, fd, name, local);
    }
    if (look.found)
        cli_tree_fail(tree, FSP_IS_DIRECTORY,
                      "%.400s: is a directory with something excluded in it, and no directory is "
                      "to be there; move it away first",
                      local);
    return !blocked && remove_local(tree, fd, name, about, local);
}

/* With --delete: what is there locally only goes. */
static void
remove_extra(directory_t *self)
{
    int fd = cli_place_fd(self->place);
    int names_fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cli_names_t names;
    cli_names_init(&names);
    if (names_fd < 0 || cli_names_read(names_fd, &names) != 0) {
        cli_tree_fail(self->tree, FSP_IO, "%.400s: cannot be listed: %m", self->local);
        names.count = 0;
    }
    const char *name = (const char *)names.text.data;
    for (size_t i = 0; i < names.count && !cli_tree_is_ending(self->tree);
         i++, name += strlen(name) + 1) {
        struct stat about;
        if (cli_listing_find(&self->listing, name) ||
            fstatat(fd, name, &about, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        char *local = cli_join(self->local, name);
        prune_t prune = {.tree = self->tree, .root_bytes = self->root_bytes, .removes = true};
        if (cli_tree_excludes(self->tree, local + self->root_bytes, S_ISDIR(about.st_mode))) {
            /* it stays, as if it were not there */
        } else if (!S_ISDIR(about.st_mode) || self->tree->cli->excludes.count == 0 ||
                   !has_to_stay(&prune, fd, name, local)) {
            (void)remove_local(self->tree, fd, name, &about, local);
        } else if (prune.found) {
            cli_tree_note(self->tree, CLI_ACT_STAY, FILESPHERE_DIRECTORY, local, NULL, 0, NULL);
        }
        fsp_free(local);
    }
    cli_names_clear(&names);
}

/* -- files ------------------------------------------------------------------------------------- */

/* Same size and time: at most the mode is to be set, here and now. */
static void
set_mode(directory_t *self, const cli_entry_t *entry, const struct stat *about, const char *local,
         const char *remote)
{
    cli_tree_t *tree = self->tree;
    bool same = entry->kind == FILESPHERE_SYMLINK ||
                (about->st_mode & 0777) == (entry->attr.mode & 0777); /* set-id bits never come */
    if (!same && !tree->cli->dry_run) {
        int fd = openat(cli_place_fd(self->place), entry->name,
                        O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        int rc = fd >= 0 ? cli_apply_attr(fd, &entry->attr) : -1;
        if (rc != 0)
            cli_tree_fail(tree, FSP_IO, "%.400s: the mode cannot be set: %m", local);
        if (fd >= 0)
            (void)close(fd); /* was only read */
        if (rc != 0)
            return;
    }
    cli_tree_note(tree, same ? CLI_ACT_SAME : CLI_ACT_ATTR, entry->kind, local, remote, entry->size,
                  NULL);
}

static void
start_file(directory_t *self, const cli_entry_t *entry, const char *local, const char *remote)
{
    cli_tree_t *tree = self->tree;
    const cli_t *cli = tree->cli;
    struct stat about;
    bool there = (tree->is_sync || cli->checksum) && look_local(self, entry->name, &about);
    if (there && cli->remove_extra && cli_kind_of(&about) != entry->kind) {
        if (!clear_the_way(self, entry->name, &about, local))
            return;
        there = false;
    }
    bool same_size =
        there && cli_kind_of(&about) == entry->kind && (uint64_t)about.st_size == entry->size;
    if (tree->is_sync && !cli->checksum && same_size && cli_same_time(&about, &entry->attr)) {
        set_mode(self, entry, &about, local, remote);
        return;
    }
    bool compare = cli->checksum && same_size;
    if (cli->dry_run && !compare)
        cli_tree_note(tree, CLI_ACT_GET, entry->kind, local, remote, entry->size, NULL);
    else
        cli_get_start(tree, self->place, entry->name, local, remote, entry->kind, entry->size,
                      compare);
}

/* -- directories ------------------------------------------------------------------------------- */

static void walk(directory_t *self);

/* The attributes of a directory that the listing gave none for: an older node, or it has none. */
static filesphere_attr_t
attr_of(cli_tree_t *tree, const char *remote, const cli_entry_t *entry)
{
    filesphere_info_t info;
    if (entry->attr.set || filesphere_stat_at(tree->cli->handle, tree->space, remote, tree->cli->at,
                                              &info) != FILESPHERE_OK)
        return entry->attr;
    return info.attr;
}

static void
go_into(directory_t *self, const cli_entry_t *entry, const char *local, const char *remote)
{
    cli_tree_t *tree = self->tree;
    struct stat about = {.st_mode = 0};
    bool there = look_local(self, entry->name, &about);
    if (there && tree->cli->remove_extra && !S_ISDIR(about.st_mode)) {
        if (!clear_the_way(self, entry->name, &about, local))
            return;
        there = false;
    }
    int parent_fd = cli_place_fd(self->place), fd = -1;
    mode_t mode = directory_mode(tree);
    bool made = !there;
    if (!tree->cli->dry_run)
        fd = cli_directory(parent_fd, entry->name, mode, &mode, &made);
    else if (there)
        fd = openat(parent_fd, entry->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && (there || !tree->cli->dry_run)) {
        cli_tree_fail(tree, FSP_IO,
                      "%.400s: no directory can be made there: %m; links are not followed", local);
        return;
    }
    directory_t child = {.tree = tree,
                         .root_bytes = self->root_bytes,
                         .local = local,
                         .remote = remote,
                         .was_there = !made};
    filesphere_attr_t attr = attr_of(tree, remote, entry);
    child.place = cli_place_new(tree, self->place, fd, local);
    if (tree->cli->dry_run)
        cli_place_keep(child.place);
    cli_place_attr(child.place, &attr, mode);
    filesphere_attr_t plain = attr;
    plain.mode &= 0777;
    about.st_mode &= (mode_t)~07000;
    cli_act_t act = made                                         ? CLI_ACT_MKDIR
                    : attr.set && !cli_same_attr(&about, &plain) ? CLI_ACT_ATTR
                                                                 : CLI_ACT_SAME;
    cli_tree_note(tree, act, FILESPHERE_DIRECTORY, local, remote, 0, NULL);
    walk(&child);
    cli_place_unref(&child.place);
}

/* All that is in it, files first. */
static void
walk(directory_t *self)
{
    cli_tree_t *tree = self->tree;
    if (!cli_listing_read(tree, self->remote, &self->listing)) {
        cli_listing_clear(&self->listing);
        return;
    }
    if (tree->cli->remove_extra && self->was_there && cli_place_fd(self->place) >= 0)
        remove_extra(self);
    for (size_t i = 0; i < 2 * self->listing.count && !cli_tree_is_ending(tree); i++) {
        bool directories = i >= self->listing.count; /* the second time round */
        const cli_entry_t *entry = &self->listing.entries[i % self->listing.count];
        if ((entry->kind == FILESPHERE_DIRECTORY) != directories)
            continue;
        char remote[FSP_PATH_BYTES_MAX + 1];
        char *local = cli_join(self->local, entry->name);
        if (cli_tree_excludes(tree, local + self->root_bytes, directories)) {
            /* neither fetched nor, locally, removed */
        } else if (cli_remote_join(self->remote, entry->name, remote) != FSP_OK) {
            cli_tree_fail(tree, FSP_BAD_NAME, "%.400s/%.255s: the path is too long", self->remote,
                          entry->name);
        } else if (directories) {
            go_into(self, entry, local, remote);
        } else {
            start_file(self, entry, local, remote);
        }
        fsp_free(local);
    }
    cli_listing_clear(&self->listing);
}

void
cli_tree_down(cli_tree_t *self, const char *remote, const filesphere_info_t *info,
              const char *local)
{
    const cli_entry_t entry = {
        .name = *local ? local : "/", .kind = FILESPHERE_DIRECTORY, .attr = info->attr};
    /* The user names it, so a link there is followed, as cp does. */
    struct stat about = {.st_mode = 0};
    bool there = stat(entry.name, &about) == 0;
    mode_t mode = there ? about.st_mode & 07777 : directory_mode(self);
    if (!there && !self->cli->dry_run && mkdir(entry.name, 0700) != 0) {
        cli_tree_fail(self, FSP_IO, "%.400s: cannot be made: %m; choose another place", entry.name);
        return;
    }
    int fd = open(entry.name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && (there || !self->cli->dry_run)) {
        cli_tree_fail(self, FSP_IO, "%.400s: cannot be opened: %m; choose another place",
                      entry.name);
        return;
    }
    if (fd >= 0 && there && !self->cli->dry_run && (mode & 0700) != 0700)
        (void)fchmod(fd, mode | 0700); /* not ours: writing will tell */
    directory_t root = {.tree = self,
                        .root_bytes = strlen(local) + 1,
                        .local = local,
                        .remote = remote,
                        .was_there = there};
    root.place = cli_place_new(self, NULL, fd, entry.name);
    if (self->cli->dry_run)
        cli_place_keep(root.place);
    cli_place_attr(root.place, &info->attr, mode);
    bool same = !info->attr.set ||
                (cli_same_time(&about, &info->attr) && (mode & 0777) == (info->attr.mode & 0777));
    cli_tree_note(self,
                  !there ? CLI_ACT_MKDIR
                  : same ? CLI_ACT_SAME
                         : CLI_ACT_ATTR,
                  FILESPHERE_DIRECTORY, entry.name, remote, 0, NULL);
    walk(&root);
    cli_place_unref(&root.place);
}
