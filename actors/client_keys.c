/* SPDX-License-Identifier: MIT */
/* client_keys - the client library's keys: further profiles of the same account.  Layer actors.
 *
 * A new pair is made here and its secret never leaves this machine: it is written into a profile,
 * durably, before the node hears of the public key.  So a key that may connect is never lost, and
 * what is left of a call that was cut short is at most a profile that nobody lets in.
 */
#include "actors/client_internal.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static_assert(sizeof(((filesphere_key_t *)0)->name) == FSP_KEY_NAME_BYTES_MAX + 1, "names fit");

/* -- listing ----------------------------------------------------------------------------------- */

static filesphere_code_t
list_keys(filesphere_t *self, filesphere_key_fn *key, void *arg)
{
    fsp_request_t request;
    memset(&request, 0, sizeof request);
    fsp_client_message_t message;
    filesphere_code_t code =
        fsp_client_ask(self, FSP_MSG_KEY_LIST, &request, fsp_slice(NULL, 0), "keys", &message);
    if (code != FILESPHERE_OK)
        return code;
    fsp_status_t status = message.type == FSP_MSG_OK ? FSP_OK : FSP_PROTOCOL;
    for (size_t at = 0; status == FSP_OK;) {
        fsp_key_info_t from;
        status = fsp_reply_next_key(&message.reply, &at, &from);
        if (status != FSP_OK)
            break;
        filesphere_key_t out = {.added_us = from.added, .own = from.own};
        memcpy(out.key, from.key.bytes, sizeof out.key);
        if (!fsp_client_copy_text(from.name, out.name, sizeof out.name))
            status = FSP_PROTOCOL;
        else if (key(arg, &out) != 0)
            status = FSP_CANCELLED;
    }
    fsp_client_message_clear(&message);
    if (status == FSP_NOT_FOUND)
        return FILESPHERE_OK;
    if (status == FSP_CANCELLED)
        return fsp_client_fail(self, status, "keys", "the listing was ended");
    return fsp_client_fail_link(self, FSP_PROTOCOL, "keys");
}

filesphere_code_t
filesphere_keys(filesphere_t *handle, filesphere_key_fn *key, void *arg)
{
    if (!key || !fsp_client_begin(handle))
        return fsp_error_info(FSP_INVALID)->code;
    return fsp_client_end(handle, list_keys(handle, key, arg));
}

/* -- adding ------------------------------------------------------------------------------------ */

/* The name of a new file, too, must outlive a loss of power. */
static bool
sync_directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *parent = slash ? fsp_strdup(path) : fsp_strdup(".");
    if (slash)
        parent[slash == path ? 1 : slash - path] = '\0';
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;
    int error = errno;
    if (fd >= 0)
        (void)close(fd); /* was only synced */
    fsp_free(parent);
    errno = error;
    return good;
}

/* All of text into a new file, durably; errno says why not, and then there is no file. */
static bool
write_profile(const char *path, fsp_slice_t text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool good = true;
    for (size_t done = 0; good && done < text.bytes;) {
        ssize_t put = write(fd, text.data + done, text.bytes - done);
        if (put > 0)
            done += (size_t)put;
        else if (put < 0 && errno != EINTR)
            good = false;
    }
    good = good && fsync(fd) == 0;
    int error = errno;
    if (close(fd) != 0 && good) {
        error = errno;
        good = false;
    }
    if (good && !sync_directory_of(path)) {
        error = errno;
        good = false;
    }
    if (!good)
        (void)unlink(path);
    errno = error;
    return good;
}

/* A profile like that of the handle, with a pair of its own.  The text holds the secret. */
static void
make_profile(const filesphere_t *self, fsp_slice_t name, fsp_buf_t *ret_text, fsp_key_t *ret_key)
{
    fsp_profile_t profile = self->profile;
    memset(profile.name, 0, sizeof profile.name);
    memcpy(profile.name, name.data, name.bytes);
    int rc = zmq_curve_keypair(profile.public_key, profile.secret_key);
    FSP_ASSERT(rc == 0); /* libzmq has CURVE: the handle is connected by it */
    fsp_status_t status =
        fsp_z85_decode(fsp_slice_text(profile.public_key), ret_key->bytes, sizeof ret_key->bytes);
    FSP_ASSERT(status == FSP_OK);
    /* All at once: growing would leave copies of the secret behind. */
    (void)fsp_buf_extend(ret_text, FSP_PROFILE_BYTES_MAX);
    fsp_buf_reset(ret_text);
    fsp_profile_encode(&profile, ret_text);
    FSP_ASSERT(fsp_buf_ok(ret_text));
    fsp_profile_wipe(&profile);
}

static filesphere_code_t
register_key(filesphere_t *self, fsp_slice_t name, fsp_key_t key, const char *subject,
             filesphere_key_t *ret)
{
    fsp_request_t request;
    memset(&request, 0, sizeof request);
    request.key = key;
    request.name = name;
    fsp_client_message_t message;
    filesphere_code_t code =
        fsp_client_ask(self, FSP_MSG_KEY_ADD, &request, fsp_slice(NULL, 0), subject, &message);
    if (code != FILESPHERE_OK)
        return code;
    if (message.type != FSP_MSG_OK) {
        code = fsp_client_fail_link(self, FSP_PROTOCOL, subject);
    } else if (ret) {
        *ret = (filesphere_key_t){.added_us = message.reply.modified};
        memcpy(ret->key, key.bytes, sizeof ret->key);
        memcpy(ret->name, name.data, name.bytes);
    }
    fsp_client_message_clear(&message);
    return code;
}

static filesphere_code_t
add_key(filesphere_t *self, const char *name_text, const char *path, filesphere_key_t *ret)
{
    fsp_slice_t name = fsp_slice_text(name_text);
    if (!self->has_profile)
        return fsp_client_fail(self, FSP_NO_PROFILE, NULL,
                               "the handle has no profile; open it again");
    if (name.bytes > FSP_KEY_NAME_BYTES_MAX || !fsp_name_valid(name))
        return fsp_client_fail(self, FSP_BAD_NAME, name_text, "not a valid name of a key");
    filesphere_code_t code = fsp_client_ready(self, fsp_client_now_ms() + self->timeout_ms);
    if (code != FILESPHERE_OK)
        return code;
    fsp_key_t key;
    fsp_buf_t text;
    fsp_buf_init(&text, FSP_PROFILE_BYTES_MAX);
    make_profile(self, name, &text, &key);
    bool written = write_profile(path, fsp_buf_slice(&text));
    int error = errno;
    fsp_wipe(text.data, text.capacity);
    fsp_buf_clear(&text);
    errno = error;
    if (!written && error == EEXIST)
        return fsp_client_fail(self, FSP_EXISTS, path,
                               "there is something already; give another file for the profile");
    if (!written)
        return fsp_client_fail(self, FSP_IO, path, "the profile cannot be written: %m");
    code = register_key(self, name, key, name_text, ret);
    if (code != FILESPHERE_OK)
        (void)unlink(path); /* whether or not the node has the key: nobody has its secret now */
    return code;
}

filesphere_code_t
filesphere_key_add(filesphere_t *handle, const char *name, const char *profile_path,
                   filesphere_key_t *ret)
{
    if (!name || !profile_path || !fsp_client_begin(handle))
        return fsp_error_info(FSP_INVALID)->code;
    return fsp_client_end(handle, add_key(handle, name, profile_path, ret));
}

/* -- removing ---------------------------------------------------------------------------------- */

filesphere_code_t
filesphere_key_remove(filesphere_t *handle, const uint8_t key[32])
{
    if (!key || !fsp_client_begin(handle))
        return fsp_error_info(FSP_INVALID)->code;
    fsp_request_t request;
    memset(&request, 0, sizeof request);
    memcpy(request.key.bytes, key, sizeof request.key.bytes);
    fsp_client_message_t message;
    filesphere_code_t code =
        fsp_client_ask(handle, FSP_MSG_KEY_REMOVE, &request, fsp_slice(NULL, 0), "key", &message);
    if (code == fsp_error_info(FSP_NOT_FOUND)->code && request.attempt > 1) {
        handle->words[0] = '\0'; /* an earlier attempt, whose answer was lost, removed it */
        return fsp_client_end(handle, FILESPHERE_OK);
    }
    if (code == FILESPHERE_OK) {
        if (message.type != FSP_MSG_OK)
            code = fsp_client_fail_link(handle, FSP_PROTOCOL, "key");
        fsp_client_message_clear(&message);
    }
    return fsp_client_end(handle, code);
}
