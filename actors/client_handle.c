/* SPDX-License-Identifier: MIT */
/* client_handle - the client library's handles: profile, open, close, cancel.  Layer actors. */
#include "actors/client_internal.h"

#include "core/base/alloc.h"
#include "core/base/check.h"

#include <sys/eventfd.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* -- profile ----------------------------------------------------------------------------------- */

/* The path that stands for what the caller said; end with fsp_free.  NULL: there is no home
 * directory. */
static char *
find_profile(const char *wanted)
{
    const char *path = wanted && *wanted ? wanted : getenv("FILESPHERE_PROFILE");
    if (path && *path)
        return fsp_strdup(path);
    const char *home = getenv("HOME");
    if (!home || !*home)
        return NULL;
    static const char below_home[] = "/.config/filesphere/profile";
    size_t bytes = strlen(home) + sizeof below_home;
    char *joined = fsp_alloc(bytes);
    (void)snprintf(joined, bytes, "%s%s", home, below_home);
    return joined;
}

/* The file's bytes into ret; IO with errno set, TOO_LARGE, or OK. */
static fsp_status_t
read_file(filesphere_t *self, const char *path, fsp_buf_t *ret)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return FSP_IO;
    struct stat about;
    fsp_status_t status = fstat(fd, &about) == 0 ? FSP_OK : FSP_IO;
    if (status == FSP_OK && S_ISREG(about.st_mode) && (about.st_mode & 077) != 0) {
        (void)snprintf(
            self->warning, sizeof self->warning,
            "%.900s: others can read the profile, which holds a secret key; run: chmod 600 on it",
            path);
    }
    while (status == FSP_OK) {
        uint8_t piece[4096];
        ssize_t got = read(fd, piece, sizeof piece);
        if (got == 0)
            break;
        if (got > 0)
            fsp_buf_append(ret, piece, (size_t)got);
        else if (errno != EINTR)
            status = FSP_IO;
        if (!fsp_buf_ok(ret))
            status = FSP_TOO_LARGE;
    }
    int error = errno;
    (void)close(fd); /* was only read */
    errno = error;
    return status;
}

static filesphere_code_t
load_profile(filesphere_t *self, const char *wanted)
{
    static const char how[] =
        "no such profile; a node writes one to admin.profile in its data directory: give it with "
        "--profile FILE or in FILESPHERE_PROFILE, or put it at ~/.config/filesphere/profile";
    self->profile_path = find_profile(wanted);
    if (!self->profile_path)
        return fsp_client_fail(self, FSP_NO_PROFILE, NULL, "%s", how);
    const char *path = self->profile_path;
    fsp_buf_t text;
    fsp_buf_init(&text, FSP_PROFILE_BYTES_MAX);
    fsp_error_t error = {.status = FSP_OK};
    filesphere_code_t code = FILESPHERE_OK;
    fsp_status_t status = read_file(self, path, &text);
    if (status == FSP_IO && (errno == ENOENT || errno == ENOTDIR))
        code = fsp_client_fail(self, FSP_NO_PROFILE, path, "%s", how);
    else if (status == FSP_IO)
        code = fsp_client_fail(self, status, path, "cannot be read: %m; give a readable profile");
    else if (status != FSP_OK)
        code = fsp_client_fail(self, status, path, "too large for a profile; give another file");
    else if ((status = fsp_profile_decode(fsp_buf_slice(&text), &self->profile, &error)) != FSP_OK)
        code = fsp_client_fail(self, status, path, "not a profile (%s); get it again from the node",
                               error.text);
    else if (self->profile.endpoint_count == 0)
        code = fsp_client_fail(self, FSP_INVALID, path,
                               "the profile names no endpoint; get it again from the node");
    self->has_profile = code == FILESPHERE_OK;
    if (text.data)
        explicit_bzero(text.data, text.capacity);
    fsp_buf_clear(&text);
    return code;
}

/* -- handles ----------------------------------------------------------------------------------- */

filesphere_code_t
filesphere_open(const filesphere_config_t *config, filesphere_t **ret_handle)
{
    if (!ret_handle)
        return fsp_error_info(FSP_INVALID)->code;
    static const filesphere_config_t defaults;
    if (!config)
        config = &defaults;
    filesphere_t *self = FSP_NEW(filesphere_t);
    pthread_mutexattr_t attributes;
    int rc = pthread_mutexattr_init(&attributes);
    FSP_ASSERT(rc == 0);
    rc = pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    FSP_ASSERT(rc == 0);
    rc = pthread_mutex_init(&self->mutex, &attributes);
    FSP_ASSERT(rc == 0);
    (void)pthread_mutexattr_destroy(&attributes); /* cannot fail */
    atomic_init(&self->cancelled, false);
    self->wake_fd =
        eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); /* without it, cancelling takes a slice longer */
    self->timeout_ms = config->timeout_ms ? config->timeout_ms : FSP_CLIENT_TIMEOUT_MS;
    if (self->timeout_ms > 86400000)
        self->timeout_ms = 86400000;
    atomic_init(&self->patience_ms, FSP_CLIENT_PATIENCE_MS);
    atomic_init(&self->limit_ms, 0);
    (void)snprintf(self->client_name, sizeof self->client_name, "%s",
                   config->client_name ? config->client_name : "libfilesphere");
    fsp_buf_init(&self->body, FSP_BODY_BYTES_MAX);
    *ret_handle = self;

    FSP_ASSERT(fsp_client_begin(self));
    filesphere_code_t code = load_profile(self, config->profile_path);
    if (code == FILESPHERE_OK)
        code = fsp_client_ready(self, fsp_client_now_ms() + self->timeout_ms);
    return fsp_client_end(self, code);
}

void
filesphere_close(filesphere_t **handle_p)
{
    if (!handle_p || !*handle_p)
        return;
    filesphere_t *self = *handle_p;
    *handle_p = NULL;
    fsp_client_leave(self);
    if (self->has_profile)
        fsp_profile_wipe(&self->profile);
    fsp_buf_clear(&self->body);
    fsp_free(self->profile_path);
    if (self->wake_fd >= 0)
        (void)close(self->wake_fd); /* an eventfd has nothing to lose */
    int rc = pthread_mutex_destroy(&self->mutex);
    FSP_ASSERT(rc == 0); /* else a call is still running on the handle */
    fsp_free(self);
}

void
filesphere_cancel(filesphere_t *handle)
{
    if (!handle)
        return;
    /* Signal-safe: write and a lock-free store, errno kept.  The order is what fsp_client_fail_link
     * relies on. */
    int error = errno;
    uint64_t one = 1;
    if (handle->wake_fd >= 0)
        (void)!write(handle->wake_fd, &one, sizeof one);
    atomic_store(&handle->cancelled, true);
    errno = error;
}

void
filesphere_set_deadline(filesphere_t *handle, uint64_t milliseconds)
{
    if (handle)
        atomic_store(&handle->limit_ms, milliseconds);
}

void
filesphere_set_patience(filesphere_t *handle, uint64_t milliseconds)
{
    if (handle)
        atomic_store(&handle->patience_ms, milliseconds);
}

void
filesphere_on_progress(filesphere_t *handle, filesphere_progress_fn *progress, void *arg)
{
    if (!handle || pthread_mutex_lock(&handle->mutex) != 0)
        return; /* from a callback of the same handle: the call goes on as it began */
    handle->progress = progress;
    handle->progress_arg = arg;
    int rc = pthread_mutex_unlock(&handle->mutex);
    FSP_ASSERT(rc == 0);
}

const char *
filesphere_error(const filesphere_t *handle)
{
    return handle ? handle->words : "";
}

const char *
filesphere_warning(const filesphere_t *handle)
{
    return handle ? handle->warning : "";
}

const char *
filesphere_symbol(filesphere_code_t code)
{
    const fsp_error_info_t *info = fsp_error_by_code(code);
    return code == FILESPHERE_OK ? "ok" : info ? info->symbol : "unknown-error";
}

int
filesphere_exit_code(filesphere_code_t code)
{
    const fsp_error_info_t *info = fsp_error_by_code(code);
    return code == FILESPHERE_OK ? 0 : info ? info->exit_code : 1;
}
