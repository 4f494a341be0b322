/* SPDX-License-Identifier: MIT */
/* client_journal - what a later process needs to take a put up.  Layer actors.
 *
 * One file for each put of a local file, in $XDG_STATE_HOME/filesphere/transfers, named by what is
 * put where: SHA-256 of mesh, space, path, device and inode.  It is a flat JSON object: the
 * operation (op, upload, attempt, since, created), then everything that makes it the same put: the
 * target, conditions, words, attributes, and the source as it was (size and times).
 *
 * It is taken up only if it says, octet for octet, what this put would write under the same
 * operation; so nothing of it is believed that was not asked for.  Whatever else lies in its place
 * (damaged, of another kind, not ours) is deleted.  It is written to a temporary name and moved, so
 * it is there whole or not at all; a lock file beside it keeps two processes apart.
 *
 * Contents below FSP_CLIENT_JOURNAL_BYTES_MIN have none: to send them again costs no more.
 */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/text.h"
#include "actors/client_put.h"

#include <sys/file.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    FORMAT = 1,
    BYTES_MAX = 64 * 1024,
    KEPT_SECONDS = 7 * 24 * 60 * 60, /* as long as the node keeps uploads */
    SWEPT_MAX = 4096,                /* files that one put looks at */
    NAME_DIGITS = 64,
};

/* -- the place --------------------------------------------------------------------------------- */

/* Why there is no journal; the put goes on. */
static void
warn(fsp_client_put_t *self, const char *what)
{
    (void)snprintf(self->handle->warning, sizeof self->handle->warning,
                   "%.400s: if it is interrupted, a later call begins anew: %s in the state "
                   "directory (%s)",
                   self->subject, what, strerror(errno));
}

/* A directory of our own in parent, made if need be; -1 and errno. */
static int
step_into(int parent_fd, const char *name)
{
    if (mkdirat(parent_fd, name, 0700) != 0 && errno != EEXIST)
        return -1;
    return openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* $XDG_STATE_HOME, which must be absolute, or ~/.local/state, made if need be; -1 and errno. */
static int
open_state_home(void)
{
    const char *state = getenv("XDG_STATE_HOME");
    if (state && *state == '/') {
        if (mkdir(state, 0700) != 0 && errno != EEXIST)
            return -1;
        return open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    const char *home = getenv("HOME");
    int fd = open(home && *home ? home : "/nonexistent", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    static const char *const below[] = {".local", "state"};
    for (size_t i = 0; i < 2 && fd >= 0; i++) {
        int next = step_into(fd, below[i]);
        (void)close(fd); /* was only walked through */
        fd = next;
    }
    return fd;
}

static int
open_directory(void)
{
    int state_fd = open_state_home();
    if (state_fd < 0)
        return -1;
    int own_fd = step_into(state_fd, "filesphere");
    int fd = own_fd < 0 ? -1 : step_into(own_fd, "transfers");
    int error = errno;
    (void)close(state_fd); /* these two were only walked through */
    if (own_fd >= 0)
        (void)close(own_fd);
    struct stat about;
    if (fd >= 0 &&
        (fstat(fd, &about) != 0 || about.st_uid != geteuid() || (about.st_mode & 022) != 0)) {
        (void)close(fd); /* others could put words into our mouth */
        fd = -1;
        error = EACCES;
    }
    errno = error;
    return fd;
}

/* -- the lock ---------------------------------------------------------------------------------- */

static void
lock_name(const char *name, char ret[NAME_DIGITS + 8])
{
    (void)snprintf(ret, NAME_DIGITS + 8, "%.64s.lock", name);
}

/* The lock file of a name, locked, and still the one that has the name; -1 and errno
   (EWOULDBLOCK: another process has it). */
static int
take_lock(int directory_fd, const char *name)
{
    char lock[NAME_DIGITS + 8];
    lock_name(name, lock);
    for (int tries = 0; tries < 16; tries++) {
        int fd = openat(directory_fd, lock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK,
                        0600);
        if (fd < 0 && errno == ELOOP && unlinkat(directory_fd, lock, 0) == 0)
            continue; /* no link of ours */
        if (fd < 0)
            return -1;
        struct stat ours, theirs;
        if (flock(fd, LOCK_EX | LOCK_NB) != 0 || fstat(fd, &ours) != 0) {
            int error = errno;
            (void)close(fd);
            errno = error;
            return -1;
        }
        if (fstatat(directory_fd, lock, &theirs, AT_SYMLINK_NOFOLLOW) == 0 &&
            theirs.st_ino == ours.st_ino && theirs.st_dev == ours.st_dev)
            return fd;
        (void)close(fd); /* who had it has ended meanwhile, and taken the file away */
    }
    errno = EWOULDBLOCK;
    return -1;
}

static void
drop_lock(int directory_fd, const char *name, int lock_fd)
{
    char lock[NAME_DIGITS + 8];
    lock_name(name, lock);
    (void)unlinkat(directory_fd, lock, 0); /* one that stays is swept some day */
    (void)close(lock_fd);
}

/* -- old ones ---------------------------------------------------------------------------------- */

static bool
is_journal_name(const char *name)
{
    return strspn(name, "0123456789abcdef") == NAME_DIGITS &&
           (name[NAME_DIGITS] == '\0' || strcmp(name + NAME_DIGITS, ".tmp") == 0 ||
            strcmp(name + NAME_DIGITS, ".lock") == 0);
}

/* Deletes what is older than uploads are kept, unless somebody is at it. */
static void
sweep(int directory_fd)
{
    int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
    if (!directory) {
        if (fd >= 0)
            (void)close(fd); /* was only read */
        return;
    }
    time_t now = time(NULL);
    const struct dirent *entry;
    for (int i = 0; i < SWEPT_MAX && (entry = readdir(directory)) != NULL; i++) {
        struct stat about;
        if (!is_journal_name(entry->d_name) ||
            fstatat(directory_fd, entry->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0 ||
            about.st_mtime > now - KEPT_SECONDS)
            continue;
        char name[NAME_DIGITS + 1];
        memcpy(name, entry->d_name, NAME_DIGITS);
        name[NAME_DIGITS] = '\0';
        int lock_fd = take_lock(directory_fd, name);
        if (lock_fd < 0)
            continue;
        (void)unlinkat(directory_fd, entry->d_name, 0);
        drop_lock(directory_fd, name, lock_fd);
    }
    (void)closedir(directory); /* was only read */
}

/* -- what it says ------------------------------------------------------------------------------ */

static void
write_number(fsp_json_t *json, const char *key, uint64_t value)
{
    char text[24]; /* as text: numbers of JSON readers end at 2^63 or before */
    (void)snprintf(text, sizeof text, "%" PRIu64, value);
    fsp_json_text(json, key, text);
}

static void
write_moment(fsp_json_t *json, const char *key, int64_t seconds, uint32_t nanoseconds)
{
    char text[40];
    (void)snprintf(text, sizeof text, "%" PRId64 ".%09" PRIu32, seconds, nanoseconds);
    fsp_json_text(json, key, text);
}

static fsp_slice_t
space_of(const fsp_client_put_t *self)
{
    const fsp_request_t *request = &self->request;
    return request->space.bytes > 0 ? request->space : fsp_slice_text(self->handle->home);
}

/* The whole file, as this put would write it. */
static void
encode(const fsp_client_put_t *self, fsp_buf_t *ret)
{
    const fsp_request_t *request = &self->request;
    const filesphere_source_t *source = &self->put->source;
    fsp_json_t json;
    fsp_json_init(&json, ret);
    fsp_json_object(&json, NULL);
    fsp_json_uint(&json, "format", FORMAT);
    fsp_json_hex(&json, "op", request->op_id.bytes, sizeof request->op_id.bytes);
    fsp_json_hex(&json, "upload", request->upload_id.bytes, sizeof request->upload_id.bytes);
    write_number(&json, "attempt", request->attempt);
    write_number(&json, "since", request->since);
    write_number(&json, "created", self->journal.created_s);
    fsp_json_hex(&json, "mesh", self->handle->profile.mesh_id,
                 sizeof self->handle->profile.mesh_id);
    fsp_json_slice(&json, "space", space_of(self));
    fsp_json_slice(&json, "path", request->path);
    write_number(&json, "kind", request->kind);
    fsp_json_bool(&json, "parents", request->create_parents);
    write_number(&json, "if", request->condition.type);
    fsp_json_hex(&json, "bases", request->condition.versions,
                 request->condition.version_count * sizeof request->condition.versions[0]);
    write_number(&json, "token", request->token);
    fsp_json_slice(&json, "message", request->message);
    fsp_json_bool(&json, "attr", request->has_attr);
    write_number(&json, "mode", request->mode);
    write_moment(&json, "attr_mtime", request->mtime_s, request->mtime_ns);
    write_number(&json, "device", source->device);
    write_number(&json, "inode", source->inode);
    write_number(&json, "size", source->size);
    write_moment(&json, "mtime", source->mtime_s, source->mtime_ns);
    write_moment(&json, "ctime", source->ctime_s, source->ctime_ns);
    fsp_json_object_end(&json);
    fsp_buf_append_u8(ret, '\n');
}

static bool
read_id(const fsp_json_flat_t *flat, const char *key, uint8_t ret[16])
{
    const char *text = NULL;
    static const uint8_t none[16];
    return fsp_json_flat_text(flat, key, &text) == FSP_OK &&
           fsp_hex_decode(fsp_slice_text(text), ret, 16) == FSP_OK && memcmp(ret, none, 16) != 0;
}

static bool
read_number(const fsp_json_flat_t *flat, const char *key, uint64_t max, uint64_t *ret)
{
    const char *text = NULL;
    return fsp_json_flat_text(flat, key, &text) == FSP_OK &&
           fsp_parse_u64(fsp_slice_text(text), max, ret) == FSP_OK;
}

/* The operation of the file into the put; false, and the put as it was, unless all of the file is
   what this put would write. */
static bool
take_up(fsp_client_put_t *self, fsp_slice_t text)
{
    fsp_request_t *request = &self->request;
    fsp_op_id_t op_id = request->op_id;
    fsp_upload_id_t upload_id = request->upload_id;
    uint64_t since = request->since, created_s = self->journal.created_s;
    fsp_json_flat_t *flat = NULL;
    fsp_error_t error;
    if (fsp_json_flat_open(text, &flat, &error) != FSP_OK)
        return false;
    bool fits = read_id(flat, "op", request->op_id.bytes) &&
                read_id(flat, "upload", request->upload_id.bytes) &&
                read_number(flat, "attempt", UINT32_MAX - 1, &request->attempt) &&
                read_number(flat, "since", UINT64_MAX, &request->since) &&
                read_number(flat, "created", created_s, &self->journal.created_s) &&
                request->attempt > 0 && created_s - self->journal.created_s < KEPT_SECONDS;
    fsp_json_flat_close(&flat);
    if (fits) {
        fsp_buf_t same;
        fsp_buf_init(&same, BYTES_MAX);
        encode(self, &same);
        fits = fsp_buf_ok(&same) && fsp_slice_eq(fsp_buf_slice(&same), text);
        fsp_buf_clear(&same);
    }
    if (fits)
        return true;
    request->op_id = op_id;
    request->upload_id = upload_id;
    request->since = since;
    request->attempt = 0;
    self->journal.created_s = created_s;
    return false;
}

/* -- reading and writing ----------------------------------------------------------------------- */

/* The file's bytes, if it is one that we can have written. */
static bool
read_journal(const fsp_client_journal_t *journal, fsp_buf_t *ret)
{
    int fd = openat(journal->directory_fd, journal->name,
                    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return false;
    struct stat about;
    bool fits = fstat(fd, &about) == 0 && S_ISREG(about.st_mode) && about.st_uid == geteuid() &&
                (about.st_mode & 022) == 0 && about.st_size <= BYTES_MAX;
    while (fits) {
        uint8_t piece[4096];
        ssize_t got = read(fd, piece, sizeof piece);
        if (got == 0)
            break;
        if (got > 0)
            fsp_buf_append(ret, piece, (size_t)got);
        fits = (got > 0 || errno == EINTR) && fsp_buf_ok(ret);
    }
    (void)close(fd); /* was only read */
    return fits;
}

static bool
write_all(int fd, fsp_slice_t bytes)
{
    while (bytes.bytes > 0) {
        ssize_t done = write(fd, bytes.data, bytes.bytes);
        if (done < 0 && errno != EINTR)
            return false;
        if (done > 0)
            bytes = fsp_slice(bytes.data + done, bytes.bytes - (size_t)done);
    }
    return true;
}

/* Written, synced, in its place, and that synced. */
static bool
replace(const fsp_client_journal_t *journal, fsp_slice_t text)
{
    char temporary[NAME_DIGITS + 8];
    (void)snprintf(temporary, sizeof temporary, "%.64s.tmp", journal->name);
    (void)unlinkat(journal->directory_fd, temporary, 0); /* of a process that died; we are alone */
    int fd = openat(journal->directory_fd, temporary,
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool written = write_all(fd, text) && fsync(fd) == 0;
    int error = errno;
    if (close(fd) != 0 && written) {
        error = errno;
        written = false;
    }
    if (written &&
        renameat(journal->directory_fd, temporary, journal->directory_fd, journal->name) == 0)
        return fsync(journal->directory_fd) == 0;
    if (written)
        error = errno;
    (void)unlinkat(journal->directory_fd, temporary, 0);
    errno = error;
    return false;
}

static void
name_of(const fsp_client_put_t *self, char ret[NAME_DIGITS + 1])
{
    uint8_t file[16];
    fsp_store_u64(file, self->put->source.device);
    fsp_store_u64(file + 8, self->put->source.inode);
    fsp_slice_t zero = fsp_slice("", 1); /* neither a space nor a path has one */
    const fsp_slice_t pieces[] = {
        fsp_slice(self->handle->profile.mesh_id, sizeof self->handle->profile.mesh_id),
        space_of(self),
        zero,
        self->request.path,
        zero,
        fsp_slice(file, sizeof file)};
    fsp_hash_t hash = fsp_sha256_pieces(pieces, sizeof pieces / sizeof pieces[0]);
    fsp_hex_encode(hash.bytes, sizeof hash.bytes, ret);
}

filesphere_code_t
fsp_client_journal_open(fsp_client_put_t *self, bool *ret_taken_up)
{
    fsp_client_journal_t *journal = &self->journal;
    *ret_taken_up = false;
    if (!self->put->source.set || self->put->source.size < FSP_CLIENT_JOURNAL_BYTES_MIN)
        return FILESPHERE_OK;
    journal->directory_fd = open_directory();
    if (journal->directory_fd < 0) {
        warn(self, "nothing can be kept");
        return FILESPHERE_OK;
    }
    sweep(journal->directory_fd);
    name_of(self, journal->name);
    journal->lock_fd = take_lock(journal->directory_fd, journal->name);
    if (journal->lock_fd < 0) {
        bool busy = errno == EWOULDBLOCK;
        if (!busy)
            warn(self, "nothing can be kept");
        (void)close(journal->directory_fd);
        journal->directory_fd = -1;
        return busy ? fsp_client_fail(self->handle, FSP_BUSY, self->subject,
                                      "another process is putting this file there; wait for it")
                    : FILESPHERE_OK;
    }
    journal->created_s = (uint64_t)time(NULL);
    fsp_buf_t text;
    fsp_buf_init(&text, BYTES_MAX);
    *ret_taken_up = read_journal(journal, &text) && take_up(self, fsp_buf_slice(&text));
    fsp_buf_clear(&text);
    journal->written = *ret_taken_up;
    if (!*ret_taken_up)
        (void)unlinkat(journal->directory_fd, journal->name, 0);
    return FILESPHERE_OK;
}

void
fsp_client_journal_write(fsp_client_put_t *self)
{
    fsp_client_journal_t *journal = &self->journal;
    if (journal->directory_fd < 0)
        return;
    fsp_buf_t text;
    fsp_buf_init(&text, BYTES_MAX);
    encode(self, &text);
    FSP_ASSERT(fsp_buf_ok(&text)); /* all of it is bounded, also escaped */
    if (replace(journal, fsp_buf_slice(&text)))
        journal->written = true;
    else
        warn(self, journal->written ? "it cannot be renewed" : "nothing can be kept");
    fsp_buf_clear(&text);
}

void
fsp_client_journal_close(fsp_client_put_t *self, bool keep)
{
    fsp_client_journal_t *journal = &self->journal;
    if (journal->directory_fd < 0)
        return;
    if (!keep)
        (void)unlinkat(journal->directory_fd, journal->name, 0); /* else it is swept some day */
    drop_lock(journal->directory_fd, journal->name, journal->lock_fd);
    (void)close(journal->directory_fd); /* was only walked through */
    journal->directory_fd = journal->lock_fd = -1;
    journal->written = journal->written && keep;
}
