/* SPDX-License-Identifier: MIT */
/* load_filesphere - the driver of FileSphere: its client library, as programs use it.
 *
 * Everything happens in a space of its own, "bench-...", which goes for good at the end: neither
 * the history nor the trash of other spaces sees any of it. */
#include "bench/load.h"

#include "actors/clock.h"
#include "actors/filesphere.h"
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/limits.h"

#include <stdio.h>
#include <string.h>

enum { SPACE_BYTES = 64, NAME_BYTES = 32, FILLED_BYTES = 16 };

typedef struct {
    filesphere_t *handle;
    const char *space; /* the target's bucket */
} session_t;

static void
take_words(const filesphere_t *handle, char ret_words[BENCH_WORDS_MAX])
{
    (void)snprintf(ret_words, BENCH_WORDS_MAX, "%s",
                   handle ? filesphere_error(handle) : "no handle");
}

static bool
open_handle(const bench_target_t *target, filesphere_t **ret, char ret_words[BENCH_WORDS_MAX])
{
    filesphere_config_t config = {.profile_path = target->endpoint,
                                  .client_name = "filesphere-bench"};
    if (filesphere_open(&config, ret) == FILESPHERE_OK) {
        filesphere_set_patience(*ret, 0); /* a lost node is an error, not a long operation */
        return true;
    }
    take_words(*ret, ret_words);
    filesphere_close(ret);
    return false;
}

/* Several targets may be nodes of one mesh: then the space is there already. */
static bool
setup(bench_target_t *target, char ret_words[BENCH_WORDS_MAX])
{
    filesphere_t *handle = NULL;
    if (!open_handle(target, &handle, ret_words))
        return false;
    filesphere_space_t space;
    target->made = filesphere_space_create(handle, target->bucket, 0, NULL) == FILESPHERE_OK;
    bool there = target->made;
    if (!there) {
        take_words(handle, ret_words);
        there = filesphere_space_show(handle, target->bucket, &space) == FILESPHERE_OK;
    }
    filesphere_close(&handle);
    return there;
}

static bool
teardown(const bench_target_t *target, char ret_words[BENCH_WORDS_MAX])
{
    filesphere_t *handle = NULL;
    if (!open_handle(target, &handle, ret_words))
        return false;
    bool good = filesphere_space_remove(handle, target->bucket, 0, NULL) == FILESPHERE_OK;
    if (!good)
        take_words(handle, ret_words);
    filesphere_close(&handle);
    return good;
}

static void *
open_session(const bench_target_t *target, char ret_words[BENCH_WORDS_MAX])
{
    filesphere_t *handle = NULL;
    if (!open_handle(target, &handle, ret_words))
        return NULL;
    session_t *self = FSP_NEW(session_t);
    *self = (session_t){.handle = handle, .space = target->bucket};
    return self;
}

static void
close_session(void *session)
{
    session_t *self = session;
    filesphere_close(&self->handle);
    fsp_free(self);
}

static const char *
error_of(void *session)
{
    return filesphere_error(((session_t *)session)->handle);
}

/* Who wants no answer is not asked to verify the receipt; what is sent is known then for contents
   that travel whole. */
static bool
put(void *session, const char *path, const bench_content_t *content, uint64_t *ret_sent)
{
    session_t *self = session;
    filesphere_put_t put = {.space = self->space,
                            .path = path,
                            .kind = FILESPHERE_FILE,
                            .create_parents = true,
                            .size_hint = content->bytes};
    content->rewind(content->arg);
    if (content->bytes <= FSP_INLINE_BYTES_MAX) {
        *ret_sent = content->bytes;
        return filesphere_put(self->handle, &put, content->read, content->arg, NULL) ==
               FILESPHERE_OK;
    }
    filesphere_info_t info;
    if (filesphere_put(self->handle, &put, content->read, content->arg, &info) != FILESPHERE_OK)
        return false;
    *ret_sent = info.bytes_sent;
    return true;
}

static bool
get(void *session, const char *path, bench_write_fn *write, void *arg)
{
    session_t *self = session;
    filesphere_get_t get = {.space = self->space, .path = path};
    return filesphere_get(self->handle, &get, write, arg, NULL) == FILESPHERE_OK;
}

typedef struct {
    bench_page_fn *page;
    void *arg;
    uint64_t names;
} pages_t;

/* A node gives as many entries a page as there may be; the last page may have fewer. */
static int
count_entry(void *arg, const filesphere_entry_t *entry)
{
    (void)entry;
    pages_t *self = arg;
    if (++self->names == FSP_LIST_LIMIT_MAX) {
        self->page(self->arg, self->names);
        self->names = 0;
    }
    return 0;
}

static bool
list(void *session, const char *directory, bench_page_fn *page, void *arg)
{
    session_t *self = session;
    pages_t pages = {.page = page, .arg = arg};
    if (filesphere_list(self->handle, self->space, directory, NULL, count_entry, &pages) !=
        FILESPHERE_OK)
        return false;
    if (pages.names > 0)
        page(arg, pages.names);
    return true;
}

static bool
fill(void *session, const char *directory, uint64_t first, uint64_t count)
{
    session_t *self = session;
    FSP_PRE(count <= FILESPHERE_BATCH_MAX);
    filesphere_operation_t operations[FILESPHERE_BATCH_MAX];
    filesphere_did_t did[FILESPHERE_BATCH_MAX];
    static const uint8_t content[FILLED_BYTES] = "a listed file";
    size_t bytes_max = strlen(directory) + NAME_BYTES;
    char *paths = fsp_alloc_array((size_t)count, bytes_max);
    for (size_t i = 0; i < count; i++) {
        char *path = paths + i * bytes_max;
        (void)snprintf(path, bytes_max, "%s/n%09llu", directory, (unsigned long long)(first + i));
        operations[i] = (filesphere_operation_t){.op = FILESPHERE_OP_PUT,
                                                 .path = path,
                                                 .content = content,
                                                 .size = sizeof(content),
                                                 .create_parents = true};
    }
    uint64_t change;
    size_t failed;
    bool good = filesphere_batch(self->handle, self->space, operations, (size_t)count, did, &change,
                                 &failed) == FILESPHERE_OK;
    fsp_free(paths);
    return good;
}

static bool
stat_file(void *session, const char *path, uint64_t *ret_bytes)
{
    session_t *self = session;
    filesphere_info_t info;
    if (filesphere_stat(self->handle, self->space, path, NULL, &info) != FILESPHERE_OK)
        return false;
    *ret_bytes = info.size;
    return true;
}

static bool
rename_file(void *session, const char *from, const char *to)
{
    session_t *self = session;
    return filesphere_move(self->handle, self->space, from, to, false, false, NULL) ==
           FILESPHERE_OK;
}

static bool
remove_path(void *session, const char *path, bool tree)
{
    session_t *self = session;
    return filesphere_remove(self->handle, self->space, path, tree, NULL) == FILESPHERE_OK;
}

const bench_driver_t bench_driver_filesphere = {
    .name = "filesphere",
    .setup = setup,
    .teardown = teardown,
    .open = open_session,
    .close = close_session,
    .error = error_of,
    .put = put,
    .get = get,
    .fill = fill,
    .list = list,
    .stat = stat_file,
    .rename = rename_file,
    .remove = remove_path,
};
