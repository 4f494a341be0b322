/* SPDX-License-Identifier: MIT */
/* cli_tree_up - a local tree into the mesh.  Layer cmd.
 *
 * The walk is by directory descriptors; a symbolic link in the tree is stored as a link and never
 * followed.  One directory at a time: what is in it locally and, if it was there before, remotely;
 * then its directories are made, many in one request; then its files go to the pool; then the walk
 * goes into its directories.  So a directory is always there before what is in it, and while the
 * main thread waits for one answer, the pool has work.
 */
#include "cmd/cli_tree.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { REQUEST_OPS_MAX = 64 };

/* A thing in a local directory. */
typedef struct {
    const char *name;
    struct stat about;
    cli_entry_t *entry; /* what is there remotely under this name; NULL: nothing */
    bool ready;         /* a directory that is there remotely now */
    bool blocked;       /* what is there stays: nothing is stored */
} child_t;

typedef struct {
    cli_tree_t *tree;
    size_t root_bytes; /* of the local path of the root, with its slash */
    int fd;
    const char *local, *remote;
    cli_names_t names;
    cli_listing_t listing;
    child_t *children;
    size_t count;
} directory_t;

/* -- requests of many operations --------------------------------------------------------------- */

/* Directories that are made, get new attributes, or are removed, in one request. */
typedef struct {
    directory_t *directory;
    filesphere_operation_t operations[REQUEST_OPS_MAX];
    child_t *children[REQUEST_OPS_MAX]; /* NULL: a removal */
    filesphere_kind_t kinds[REQUEST_OPS_MAX];
    char *paths[REQUEST_OPS_MAX];
    size_t count;
} request_t;

static void
note_operation(const request_t *self, size_t at)
{
    const filesphere_operation_t *operation = &self->operations[at];
    cli_tree_t *tree = self->directory->tree;
    child_t *child = self->children[at];
    char *local = child ? cli_join(self->directory->local, child->name) : NULL;
    if (child)
        child->ready = true;
    cli_act_t act = operation->op == FILESPHERE_OP_DELETE  ? CLI_ACT_DELETE
                    : operation->op == FILESPHERE_OP_MKDIR ? CLI_ACT_MKDIR
                                                           : CLI_ACT_ATTR;
    cli_tree_note(tree, act, self->kinds[at], local, operation->path, 0, NULL);
    fsp_free(local);
}

static void
do_operation(const request_t *self, size_t at)
{
    const filesphere_operation_t *operation = &self->operations[at];
    cli_tree_t *tree = self->directory->tree;
    filesphere_t *handle = tree->cli->handle;
    filesphere_info_t info;
    filesphere_code_t code;
    if (operation->op == FILESPHERE_OP_DELETE)
        code = filesphere_remove(handle, tree->space, operation->path, true, &info);
    else if (operation->op == FILESPHERE_OP_MKDIR)
        code = filesphere_mkdir(handle, tree->space, operation->path, true, true, &operation->attr,
                                &info);
    else
        code = filesphere_set_attr(handle, tree->space, operation->path, &operation->attr, NULL,
                                   &info);
    /* A removal that finds nothing: somebody was faster. */
    if (code == FILESPHERE_OK ||
        (operation->op == FILESPHERE_OP_DELETE && cli_is(code, FSP_NOT_FOUND)))
        note_operation(self, at);
    else
        cli_tree_fail_call(tree, code);
}

static void
send_request(request_t *self)
{
    cli_tree_t *tree = self->directory->tree;
    filesphere_did_t did[REQUEST_OPS_MAX];
    size_t failed = 0;
    filesphere_code_t code = FILESPHERE_OK;
    bool together = tree->cli->dry_run || self->count == 0;
    if (!together && self->count > 1) {
        code = filesphere_batch(tree->cli->handle, tree->space, self->operations, self->count, did,
                                NULL, &failed);
        together = code == FILESPHERE_OK;
    }
    if (code != FILESPHERE_OK && cli_code_is_hopeless(code))
        cli_tree_fail_call(tree, code);
    for (size_t i = 0; i < self->count; i++) {
        if (together)
            note_operation(self, i);
        else if (!cli_tree_is_ending(tree)) /* refused: each has its own answer */
            do_operation(self, i);
        fsp_free(self->paths[i]);
    }
    self->count = 0;
}

static void
add_operation(request_t *self, filesphere_op_t op, const char *path, child_t *child,
              filesphere_kind_t kind)
{
    if (self->count == REQUEST_OPS_MAX)
        send_request(self);
    size_t at = self->count++;
    self->paths[at] = fsp_strdup(path);
    self->children[at] = child;
    self->kinds[at] = kind;
    self->operations[at] = (filesphere_operation_t){.op = op,
                                                    .path = self->paths[at],
                                                    .create_parents = true,
                                                    .exist_ok = true,
                                                    .recursive = true};
    if (child)
        self->operations[at].attr = cli_attr_of(&child->about);
}

/* -- looking ----------------------------------------------------------------------------------- */

/* What is in the local directory, without what is excluded.  False: a failure is noted. */
static bool
read_children(directory_t *self)
{
    /* A second descriptor: reading names moves an offset and ends with closing. */
    int names_fd = openat(self->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (names_fd < 0 || cli_names_read(names_fd, &self->names) != 0) {
        cli_tree_fail(self->tree, FSP_IO, "%.400s: cannot be listed: %m", self->local);
        return false;
    }
    self->children = fsp_alloc_array(self->names.count, sizeof *self->children);
    const char *name = (const char *)self->names.text.data;
    for (size_t i = 0; i < self->names.count; i++, name += strlen(name) + 1) {
        child_t *child = &self->children[self->count];
        char path[FSP_PATH_BYTES_MAX + 1];
        if (fstatat(self->fd, name, &child->about, AT_SYMLINK_NOFOLLOW) != 0) {
            if (errno != ENOENT) /* else it went away just now */
                cli_tree_fail(self->tree, FSP_IO, "%.400s/%.255s: %m; nothing was stored",
                              self->local, name);
            continue;
        }
        child->name = name;
        child->entry = cli_listing_find(&self->listing, name);
        if (child->entry)
            child->entry->matched = true;
        char *local = cli_join(self->local, name);
        bool excluded =
            cli_tree_excludes(self->tree, local + self->root_bytes, S_ISDIR(child->about.st_mode));
        if (excluded) {
            /* neither stored nor, on the other side, removed */
        } else if (cli_remote_join(self->remote, name, path) != FSP_OK) {
            cli_tree_fail(self->tree, FSP_BAD_NAME,
                          "%.400s: cannot be a remote path (UTF-8, %d bytes a name, %d bytes and "
                          "%d names a path); rename it",
                          local, FSP_NAME_BYTES_MAX, FSP_PATH_BYTES_MAX, FSP_PATH_DEPTH_MAX);
        } else {
            self->count++;
        }
        fsp_free(local);
    }
    return true;
}

/* -- files ------------------------------------------------------------------------------------- */

static void
put_link(cli_tree_t *tree, int directory_fd, const char *name, const char *local,
         const char *remote, const struct stat *about, bool compare)
{
    char target[FSP_PATH_BYTES_MAX];
    ssize_t bytes = readlinkat(directory_fd, name, target, sizeof target);
    if (bytes < 0 || (size_t)bytes == sizeof target) {
        if (bytes >= 0)
            errno = ENAMETOOLONG;
        cli_tree_fail(tree, FSP_IO, "%.400s: the link cannot be read: %m; nothing was stored",
                      local);
        return;
    }
    cli_put_source_t source = {
        .fd = -1, .about = about, .text = target, .text_bytes = (size_t)bytes, .compare = compare};
    cli_put_start(tree, local, remote, &source);
}

/* A small file is read here and travels with others.  False: it has to go alone. */
static bool
put_small(cli_tree_t *tree, int fd, const char *local, const char *remote, const struct stat *about)
{
    if (!cli_group_takes(tree, (uint64_t)about->st_size))
        return false;
    uint8_t content[FILESPHERE_BATCH_CONTENT_MAX + 1];
    size_t bytes = 0;
    ssize_t got = 1;
    while (got > 0 && bytes < sizeof content) {
        got = read(fd, content + bytes, sizeof content - bytes);
        bytes += got > 0 ? (size_t)got : 0;
    }
    if (got != 0 || bytes != (size_t)about->st_size) /* it grows, or fails: the usual way tells */
        return lseek(fd, 0, SEEK_SET) != 0;
    filesphere_attr_t attr = cli_attr_of(about);
    cli_group_add(tree, local, remote, content, bytes, &attr);
    return true;
}

/* O_NONBLOCK: it may have become a pipe since it was looked at. */
static void
put_regular(cli_tree_t *tree, int directory_fd, const char *name, const char *local,
            const char *remote, bool alone, bool compare)
{
    int fd = openat(directory_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat about;
    if (fd < 0 && errno == ENOENT) {
        cli_tree_note(tree, CLI_ACT_SKIP, FILESPHERE_FILE, local, remote, 0, "it went away");
        return;
    }
    if (fd < 0 || fstat(fd, &about) != 0) {
        cli_tree_fail(tree, FSP_IO, "%.400s: cannot be read: %m; nothing was stored", local);
    } else if (!S_ISREG(about.st_mode)) {
        cli_tree_fail(tree, FSP_IO, "%.400s: is no regular file any more; nothing was stored",
                      local);
    } else if (alone || !put_small(tree, fd, local, remote, &about)) {
        cli_put_source_t source = {.fd = fd, .about = &about, .compare = compare};
        cli_put_start(tree, local, remote, &source);
        return;
    }
    if (fd >= 0)
        (void)close(fd); /* was only read */
}

/* A child that is no directory. */
static void
start_child(cli_tree_t *tree, int directory_fd, const child_t *child, const char *local,
            const char *remote)
{
    const cli_t *cli = tree->cli;
    const struct stat *about = &child->about;
    const cli_entry_t *entry = child->entry;
    filesphere_kind_t kind = cli_kind_of(about);
    if (kind == 0) {
        cli_tree_note(tree, CLI_ACT_SKIP, kind, local, remote, 0,
                      "neither file, directory nor symbolic link");
        return;
    }
    bool same_size = entry && entry->kind == kind && entry->size == (uint64_t)about->st_size;
    if (tree->is_sync && !cli->checksum && same_size && cli_same_time(about, &entry->attr)) {
        filesphere_attr_t attr = cli_attr_of(about);
        if (cli_same_attr(about, &entry->attr) || kind == FILESPHERE_SYMLINK)
            cli_tree_note(tree, CLI_ACT_SAME, kind, local, remote, entry->size, NULL);
        else
            cli_attr_start(tree, local, remote, kind, &attr);
        return;
    }
    bool compare = cli->checksum && same_size;
    if (cli->dry_run && !compare)
        cli_tree_note(tree, CLI_ACT_PUT, kind, local, remote, (uint64_t)about->st_size, NULL);
    else if (kind == FILESPHERE_SYMLINK)
        put_link(tree, directory_fd, child->name, local, remote, about, compare);
    else /* one that is there may have to be refused: it must not take others with it */
        put_regular(tree, directory_fd, child->name, local, remote,
                    compare || (entry && (cli->no_replace || cli->if_none_match)), compare);
}

void
cli_tree_up_one(cli_tree_t *self, int directory_fd, const char *name, const char *local,
                const char *remote)
{
    child_t child = {.name = name};
    cli_entry_t there = {.kind = (filesphere_kind_t)0};
    if (fstatat(directory_fd, name, &child.about, AT_SYMLINK_NOFOLLOW) != 0) {
        cli_tree_fail(self, FSP_IO, "%.400s: %m; nothing was stored", local);
        return;
    }
    if (self->cli->checksum) { /* nobody has listed it: as if it were there, the task looks */
        there =
            (cli_entry_t){.kind = cli_kind_of(&child.about), .size = (uint64_t)child.about.st_size};
        child.entry = &there;
    }
    start_child(self, directory_fd, &child, local, remote);
}

/* -- deleting ---------------------------------------------------------------------------------- */

/* A look into remote directories that are to go. */
typedef struct {
    directory_t *directory; /* local: where the first of them would be */
    request_t *request;     /* for what of them may go if not all may; NULL: nothing goes then */
    bool found;             /* something excluded */
} prune_t;

/* True if the directory has to stay: something excluded is in it, however deep, or it could not be
   seen.  Then what else is in it goes; each directory as a whole if all of it may. */
static bool
has_to_stay(prune_t *self, const char *local, const char *remote)
{
    cli_tree_t *tree = self->directory->tree;
    cli_listing_t listing;
    char path[FSP_PATH_BYTES_MAX + 1];
    bool seen = cli_listing_read(tree, remote, &listing), ret = !seen;
    for (size_t i = 0; seen && i < listing.count && (self->request || !ret); i++) {
        cli_entry_t *entry = &listing.entries[i];
        bool is_directory = entry->kind == FILESPHERE_DIRECTORY;
        char *below = cli_join(local, entry->name);
        bool excluded = cli_tree_excludes(tree, below + self->directory->root_bytes, is_directory);
        self->found |= excluded;
        entry->matched = excluded || cli_remote_join(remote, entry->name, path) != FSP_OK ||
                         (is_directory && has_to_stay(self, below, path));
        ret |= entry->matched;
        fsp_free(below);
    }
    bool whole = seen && !cli_tree_is_ending(tree); /* all of it was looked at */
    ret |= !whole;
    for (size_t i = 0; whole && ret && self->request && i < listing.count; i++) {
        const cli_entry_t *entry = &listing.entries[i];
        if (!entry->matched && cli_remote_join(remote, entry->name, path) == FSP_OK)
            add_operation(self->request, FILESPHERE_OP_DELETE, path, NULL, entry->kind);
    }
    cli_listing_clear(&listing);
    return ret;
}

/* With --delete, what stands in the way of another kind of thing goes first. */
static void
clear_the_way(directory_t *self)
{
    request_t request = {.directory = self};
    char path[FSP_PATH_BYTES_MAX + 1];
    for (size_t i = 0; i < self->count && !cli_tree_is_ending(self->tree); i++) {
        child_t *child = &self->children[i];
        filesphere_kind_t kind = cli_kind_of(&child->about);
        if (!child->entry || kind == 0 || child->entry->kind == kind ||
            cli_remote_join(self->remote, child->name, path) != FSP_OK)
            continue;
        char *local = cli_join(self->local, child->name);
        prune_t look = {.directory = self};
        if (child->entry->kind == FILESPHERE_DIRECTORY && self->tree->cli->excludes.count > 0) {
            look.found = cli_tree_excludes(self->tree, local + self->root_bytes, true);
            child->blocked = look.found || has_to_stay(&look, local, path);
        }
        fsp_free(local);
        if (look.found)
            cli_tree_fail(self->tree, FSP_IS_DIRECTORY,
                          "%.400s: is a directory with something excluded in it, and no directory "
                          "is to be stored there; move it away first",
                          path);
        if (child->blocked)
            continue;
        add_operation(&request, FILESPHERE_OP_DELETE, path, NULL, child->entry->kind);
        child->entry = NULL;
    }
    send_request(&request);
}

/* With --delete, what is there remotely only goes at the end. */
static void
remove_extra(directory_t *self)
{
    request_t request = {.directory = self};
    char path[FSP_PATH_BYTES_MAX + 1];
    for (size_t i = 0; i < self->listing.count && !cli_tree_is_ending(self->tree); i++) {
        const cli_entry_t *entry = &self->listing.entries[i];
        bool is_directory = entry->kind == FILESPHERE_DIRECTORY;
        if (entry->matched || cli_remote_join(self->remote, entry->name, path) != FSP_OK)
            continue;
        char *local = cli_join(self->local, entry->name);
        prune_t prune = {.directory = self, .request = &request};
        if (cli_tree_excludes(self->tree, local + self->root_bytes, is_directory)) {
            /* it stays, as if it were not there */
        } else if (!is_directory || self->tree->cli->excludes.count == 0 ||
                   !has_to_stay(&prune, local, path)) {
            add_operation(&request, FILESPHERE_OP_DELETE, path, NULL, entry->kind);
        } else if (prune.found) {
            send_request(&request); /* its lines first */
            cli_tree_note(self->tree, CLI_ACT_STAY, entry->kind, NULL, path, 0, NULL);
        }
        fsp_free(local);
    }
    send_request(&request);
}

/* -- directories ------------------------------------------------------------------------------- */

static void
make_directories(directory_t *self)
{
    request_t request = {.directory = self};
    for (size_t i = 0; i < self->count && !cli_tree_is_ending(self->tree); i++) {
        child_t *child = &self->children[i];
        char path[FSP_PATH_BYTES_MAX + 1];
        if (!S_ISDIR(child->about.st_mode) ||
            cli_remote_join(self->remote, child->name, path) != FSP_OK)
            continue;
        bool there = child->entry && child->entry->kind == FILESPHERE_DIRECTORY;
        if (there && cli_same_attr(&child->about, &child->entry->attr)) {
            char *local = cli_join(self->local, child->name);
            child->ready = true;
            cli_tree_note(self->tree, CLI_ACT_SAME, FILESPHERE_DIRECTORY, local, path, 0, NULL);
            fsp_free(local);
        } else {
            add_operation(&request, there ? FILESPHERE_OP_ATTR : FILESPHERE_OP_MKDIR, path, child,
                          FILESPHERE_DIRECTORY);
        }
    }
    send_request(&request);
}

static void walk(cli_tree_t *tree, size_t root_bytes, int fd, const char *local, const char *remote,
                 bool there);

static void
go_into(directory_t *self, const child_t *child)
{
    char path[FSP_PATH_BYTES_MAX + 1];
    if (cli_remote_join(self->remote, child->name, path) != FSP_OK)
        FSP_UNREACHABLE(); /* it was looked at before */
    char *local = cli_join(self->local, child->name);
    int fd = openat(self->fd, child->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0)
        walk(self->tree, self->root_bytes, fd, local, path, child->entry != NULL);
    else if (errno != ENOENT)
        cli_tree_fail(self->tree, FSP_IO, "%.400s: cannot be opened: %m", local);
    if (fd >= 0)
        (void)close(fd); /* was only read */
    fsp_free(local);
}

/* What is in a directory whose remote one is there: since before if `there`, else it is empty. */
static void
walk(cli_tree_t *tree, size_t root_bytes, int fd, const char *local, const char *remote, bool there)
{
    directory_t self = {
        .tree = tree, .root_bytes = root_bytes, .fd = fd, .local = local, .remote = remote};
    cli_names_init(&self.names);
    if ((!there || cli_listing_read(tree, remote, &self.listing)) && read_children(&self)) {
        if (tree->cli->remove_extra)
            clear_the_way(&self);
        make_directories(&self);
        for (size_t i = 0; i < self.count && !cli_tree_is_ending(tree); i++) {
            const child_t *child = &self.children[i];
            char path[FSP_PATH_BYTES_MAX + 1];
            if (S_ISDIR(child->about.st_mode) || child->blocked ||
                cli_remote_join(remote, child->name, path) != FSP_OK)
                continue;
            char *child_local = cli_join(local, child->name);
            start_child(tree, fd, child, child_local, path);
            fsp_free(child_local);
        }
        if (tree->cli->remove_extra && !cli_tree_is_ending(tree))
            remove_extra(&self);
        for (size_t i = 0; i < self.count && !cli_tree_is_ending(tree); i++) {
            if (self.children[i].ready)
                go_into(&self, &self.children[i]);
        }
    }
    fsp_free(self.children);
    cli_listing_clear(&self.listing);
    cli_names_clear(&self.names);
}

void
cli_tree_up(cli_tree_t *self, int fd, const char *local, const char *remote)
{
    struct stat about;
    if (fstat(fd, &about) != 0) {
        cli_tree_fail(self, FSP_IO, "%.400s: %m; nothing was stored", local);
        return;
    }
    filesphere_t *handle = self->cli->handle;
    filesphere_info_t info;
    filesphere_code_t code = filesphere_stat(handle, self->space, remote, NULL, &info);
    bool there = code == FILESPHERE_OK;
    if (!there && (cli_is(code, FSP_NOT_FOUND) || cli_is(code, FSP_NO_PARENT)))
        code = FILESPHERE_OK;
    if (there && info.kind != FILESPHERE_DIRECTORY) {
        cli_tree_fail(self, FSP_NOT_DIRECTORY,
                      "%.400s: is no directory, and one is to be stored there; move it away first",
                      remote);
        return;
    }
    filesphere_attr_t attr = cli_attr_of(&about);
    bool is_root = strcmp(remote, "/") == 0; /* of the space: always there, and as it is */
    cli_act_t act = !there ? CLI_ACT_MKDIR : CLI_ACT_ATTR;
    if (is_root || (there && cli_same_attr(&about, &info.attr)))
        act = CLI_ACT_SAME;
    if (code == FILESPHERE_OK && !self->cli->dry_run && act == CLI_ACT_MKDIR)
        code = filesphere_mkdir(handle, self->space, remote, true, true, &attr, &info);
    else if (code == FILESPHERE_OK && !self->cli->dry_run && act == CLI_ACT_ATTR)
        code = filesphere_set_attr(handle, self->space, remote, &attr, NULL, &info);
    if (code != FILESPHERE_OK) {
        cli_tree_fail_call(self, code);
        return;
    }
    cli_tree_note(self, act, FILESPHERE_DIRECTORY, *local ? local : "/", remote, 0, NULL);
    walk(self, strlen(local) + 1, fd, local, remote, there);
}
