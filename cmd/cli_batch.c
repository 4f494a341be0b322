/* SPDX-License-Identifier: MIT */
/* cli_batch - `filesphere batch`: many operations, all or none.  Layer cmd.
 *
 * A line is a flat JSON object with "op" and what that operation takes.  Everything is read and
 * checked before anything is sent; what fails is named by its line.
 */
#include "cmd/cli_history.h"

#include "core/base/alloc.h"
#include "core/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 4 * 1024 * 1024 };

typedef struct {
    filesphere_operation_t operation;
    fsp_json_flat_t *line; /* texts of the operation lie in it */
    size_t line_number;
    uint8_t if_match[32], file_id[16];
    uint8_t *content;
    char version[65];
} item_t;

typedef struct {
    cli_t *cli;
    const char *space;
    item_t *items;
    size_t count;
} batch_t;

typedef struct {
    const char *name;
    filesphere_op_t op;
    const char *const *fields; /* besides "op"; ends with NULL */
} kind_t;

#define FIELDS(...) ((const char *const[]){"op", "path", __VA_ARGS__, NULL})
static const kind_t KINDS[] = {
    {"put", FILESPHERE_OP_PUT,
     FIELDS("local", "text", "parents", "no_replace", "if_match", "message", "lease")},
    {"mkdir", FILESPHERE_OP_MKDIR, FIELDS("parents")},
    {"delete", FILESPHERE_OP_DELETE, FIELDS("recursive", "if_match")},
    {"move", FILESPHERE_OP_MOVE, FIELDS("to", "parents", "replace", "if_match")},
    {"copy", FILESPHERE_OP_COPY, FIELDS("to", "version", "parents", "replace")},
    {"restore", FILESPHERE_OP_RESTORE, FIELDS("version", "if_match")},
    {"lock", FILESPHERE_OP_LOCK, FIELDS("seconds")},
    {"unlock", FILESPHERE_OP_UNLOCK, FIELDS("token", "force")},
    {"undelete", FILESPHERE_OP_UNDELETE, FIELDS("file_id", "to", "parents")},
    {"attr", FILESPHERE_OP_ATTR, FIELDS("mode", "mtime", "if_match")},
};

/* Notes what is wrong with the line that is read; false. */
__attribute__((format(printf, 3, 4))) static bool
refuse(batch_t *self, fsp_status_t status, const char *format, ...)
{
    char words[700];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(words, sizeof words, format, args);
    va_end(args);
    cli_fail_status(self->cli, status, "%s", words);
    return false;
}

/* -- fields ------------------------------------------------------------------------------------ */

static bool
take_text(batch_t *self, item_t *item, const char *key, bool needed, const char **ret)
{
    fsp_status_t status = fsp_json_flat_text(item->line, key, ret);
    if (status == FSP_OK || (status == FSP_NOT_FOUND && !needed))
        return true;
    return refuse(self, FSP_INVALID, "\"%s\" %s", key,
                  status == FSP_NOT_FOUND ? "is missing" : "is not a text");
}

static bool
take_bool(batch_t *self, item_t *item, const char *key, bool *ret)
{
    fsp_status_t status = fsp_json_flat_bool(item->line, key, ret);
    return status != FSP_INVALID ||
           refuse(self, FSP_INVALID, "\"%s\" is neither true nor false", key);
}

static bool
take_number(batch_t *self, item_t *item, const char *key, uint64_t *ret)
{
    fsp_status_t status = fsp_json_flat_uint(item->line, key, ret);
    return status != FSP_INVALID || refuse(self, FSP_INVALID, "\"%s\" is not a whole number", key);
}

/* A path of the batch's space; *ret stays NULL without it, if it is not needed. */
static bool
take_path(batch_t *self, item_t *item, const char *key, bool needed, const char **ret)
{
    cli_remote_t remote;
    char fault[CLI_FAULT_BYTES];
    if (!take_text(self, item, key, needed, ret))
        return false;
    if (!*ret)
        return true;
    if (cli_remote_parse(*ret, &remote) != FSP_OK) {
        cli_remote_fault(*ret, fault);
        return refuse(self, FSP_BAD_NAME, "\"%s\" %.300s: %s", key, *ret, fault);
    }
    if (remote.space)
        return refuse(self, FSP_BAD_NAME,
                      "\"%s\" %.300s: all of a batch is in one space: name it behind FILE", key,
                      *ret);
    return strcmp(remote.path, *ret) == 0 ||
           refuse(self, FSP_BAD_NAME, "\"%s\" %.300s: leave the last '/' away", key, *ret);
}

/* An id in hexadecimal digits; *ret stays NULL without it. */
static bool
take_id(batch_t *self, item_t *item, const char *key, uint8_t *place, size_t bytes,
        const uint8_t **ret)
{
    const char *text = NULL;
    if (!take_text(self, item, key, false, &text))
        return false;
    if (!text)
        return true;
    *ret = place;
    return fsp_hex_decode(fsp_slice_text(text), place, bytes) == FSP_OK ||
           refuse(self, FSP_INVALID, "\"%s\" is not %zu hexadecimal digits", key, 2 * bytes);
}

/* -- contents and versions --------------------------------------------------------------------- */

static bool
read_local(batch_t *self, item_t *item, const char *local)
{
    int fd = open(local, O_RDONLY | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return refuse(self, errno == ENOENT ? FSP_NOT_FOUND : FSP_IO,
                      "%.400s: cannot be read: %m; check the local path", local);
    size_t size = 0;
    ssize_t got;
    item->content = fsp_alloc(FILESPHERE_BATCH_CONTENT_MAX + 1);
    do {
        got = read(fd, item->content + size, FILESPHERE_BATCH_CONTENT_MAX + 1 - size);
        size += got > 0 ? (size_t)got : 0;
    } while (got > 0 || (got < 0 && errno == EINTR && !cli_interrupted()));
    int error = errno;
    (void)close(fd); /* was only read */
    errno = error;
    if (got < 0)
        return refuse(self, FSP_IO, "%.400s: cannot be read: %m; check the local path", local);
    if (size > FILESPHERE_BATCH_CONTENT_MAX)
        return refuse(self, FSP_TOO_LARGE,
                      "%.400s: over %d bytes; put it under another name before, and move it in the "
                      "batch",
                      local, FILESPHERE_BATCH_CONTENT_MAX);
    item->operation.content = item->content;
    item->operation.size = size;
    return true;
}

static bool
take_content(batch_t *self, item_t *item)
{
    const char *local = NULL, *text = NULL;
    if (!take_text(self, item, "local", false, &local) ||
        !take_text(self, item, "text", false, &text))
        return false;
    if (!local == !text)
        return refuse(self, FSP_INVALID, "a put has \"local\", a file, or \"text\"");
    if (local)
        return read_local(self, item, local);
    item->operation.content = text;
    item->operation.size = strlen(text);
    return item->operation.size <= FILESPHERE_BATCH_CONTENT_MAX ||
           refuse(self, FSP_TOO_LARGE, "\"text\" is over %d bytes", FILESPHERE_BATCH_CONTENT_MAX);
}

/* A prefix of a version is looked up now: in the batch there is nobody to ask. */
static bool
take_version(batch_t *self, item_t *item, bool needed)
{
    const char *text = NULL;
    if (!take_text(self, item, "version", needed, &text))
        return false;
    if (!text)
        return true;
    cli_remote_t remote;
    if (cli_remote_parse(item->operation.path, &remote) != FSP_OK)
        return false; /* take_path would have refused it */
    remote.space = self->space;
    if (!cli_version_text(self->cli, &remote, text, item->version))
        return false;
    item->operation.version = item->version;
    return true;
}

/* Mode as `stat` says it, a number, and time; what the line does not say is what is there now. */
static bool
take_attr(batch_t *self, item_t *item)
{
    filesphere_attr_t *attr = &item->operation.attr;
    const char *text = NULL;
    uint64_t mode = UINT64_MAX, change = 0, time_us = 0;
    if (!take_number(self, item, "mode", &mode) || !take_text(self, item, "mtime", false, &text))
        return false;
    if (mode == UINT64_MAX && !text)
        return refuse(self, FSP_INVALID, "an attr has \"mode\", \"mtime\" or both");
    if (mode != UINT64_MAX && mode > 07777)
        return refuse(self, FSP_INVALID, "\"mode\" is a number of at most 4095");
    if (text && (cli_at_parse(text, cli_now_us(), &change, &time_us) != FSP_OK || change > 0))
        return refuse(self, FSP_INVALID, "\"mtime\" is not a time");
    if (mode == UINT64_MAX || !text) {
        filesphere_info_t info;
        filesphere_code_t code =
            filesphere_stat(self->cli->handle, self->space, item->operation.path, NULL, &info);
        if (code != FILESPHERE_OK) {
            cli_fail_call(self->cli, code);
            return false;
        }
        *attr = info.attr;
        if (!attr->set)
            return refuse(self, FSP_INVALID,
                          "%.400s has no mode and time yet: give \"mode\" and \"mtime\"",
                          item->operation.path);
    }
    attr->set = true;
    if (mode != UINT64_MAX)
        attr->mode = (uint32_t)mode;
    if (text) {
        attr->mtime_s = (int64_t)(time_us / 1000000);
        attr->mtime_ns = (uint32_t)(time_us % 1000000) * 1000;
    }
    return true;
}

/* -- lines ------------------------------------------------------------------------------------- */

static bool
take_operation(batch_t *self, item_t *item, const kind_t *kind)
{
    filesphere_operation_t *operation = &item->operation;
    uint64_t seconds = 600;
    bool force = false;
    operation->op = kind->op;
    bool by_id = kind->op == FILESPHERE_OP_UNDELETE;
    if (!take_path(self, item, "path", !by_id, &operation->path) ||
        !take_path(self, item, "to",
                   kind->op == FILESPHERE_OP_MOVE || kind->op == FILESPHERE_OP_COPY,
                   &operation->to) ||
        !take_text(self, item, "message", false, &operation->message) ||
        !take_bool(self, item, "parents", &operation->create_parents) ||
        !take_bool(self, item, "recursive", &operation->recursive) ||
        !take_bool(self, item, "replace", &operation->replace) ||
        !take_bool(self, item, "no_replace", &operation->if_none_match) ||
        !take_bool(self, item, "force", &force) ||
        !take_number(self, item, "lease", &operation->token) ||
        !take_number(self, item, "token", &operation->token) ||
        !take_number(self, item, "seconds", &seconds) ||
        !take_id(self, item, "if_match", item->if_match, sizeof item->if_match,
                 &operation->if_match) ||
        !take_id(self, item, "file_id", item->file_id, sizeof item->file_id, &operation->file_id))
        return false;
    if (by_id && !operation->path && !operation->file_id)
        return refuse(self, FSP_INVALID, "an undelete has \"path\" or \"file_id\"");
    if (seconds == 0 || seconds > CLI_LEASE_S_MAX)
        return refuse(self, FSP_INVALID, "\"seconds\" is a number from 1 to %d", CLI_LEASE_S_MAX);
    operation->exist_ok = kind->op == FILESPHERE_OP_MKDIR && operation->create_parents;
    operation->duration_us = kind->op == FILESPHERE_OP_LOCK ? seconds * 1000000 : 0;
    if (kind->op == FILESPHERE_OP_UNLOCK && force == (operation->token > 0))
        return refuse(self, FSP_INVALID, "an unlock has \"token\" or \"force\": true");
    if (kind->op == FILESPHERE_OP_PUT)
        return take_content(self, item);
    if (kind->op == FILESPHERE_OP_ATTR)
        return take_attr(self, item);
    if (kind->op == FILESPHERE_OP_RESTORE || kind->op == FILESPHERE_OP_COPY)
        return take_version(self, item, kind->op == FILESPHERE_OP_RESTORE);
    return true;
}

static bool
take_line(batch_t *self, item_t *item, fsp_slice_t text)
{
    fsp_error_t error = {.text = ""};
    if (fsp_json_flat_open(text, &item->line, &error) != FSP_OK)
        return refuse(self, FSP_INVALID, "%s", error.text);
    const char *name = NULL;
    if (!take_text(self, item, "op", true, &name))
        return false;
    const kind_t *kind = NULL;
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        if (strcmp(KINDS[i].name, name) == 0)
            kind = &KINDS[i];
    }
    if (!kind)
        return refuse(self, FSP_INVALID,
                      "\"op\" is one of put, mkdir, delete, move, copy, restore, lock, unlock, "
                      "undelete, attr");
    const char *unknown = fsp_json_flat_unknown(item->line, kind->fields);
    if (unknown)
        return refuse(self, FSP_INVALID, "a %s has no \"%.60s\"", kind->name, unknown);
    return take_operation(self, item, kind);
}

/* All lines that are not blank.  False: the failure is noted. */
static bool
take_lines(batch_t *self, fsp_slice_t text)
{
    size_t number = 0;
    while (text.bytes > 0) {
        const uint8_t *end = memchr(text.data, '\n', text.bytes);
        size_t bytes = end ? (size_t)(end - text.data) : text.bytes;
        fsp_slice_t line = fsp_slice(text.data, bytes);
        size_t used = bytes + (end ? 1 : 0);
        text = fsp_slice(text.data + used, text.bytes - used);
        self->cli->input_line = ++number;
        while (line.bytes > 0 && strchr(" \t\r", line.data[line.bytes - 1]))
            line.bytes--;
        if (line.bytes == 0)
            continue;
        if (self->count == FILESPHERE_BATCH_MAX) {
            return refuse(self, FSP_TOO_LARGE, "a batch has at most %d operations",
                          FILESPHERE_BATCH_MAX);
        }
        item_t *item = &self->items[self->count++];
        item->line_number = number;
        if (!take_line(self, item, line))
            return false;
    }
    self->cli->input_line = 0;
    if (self->count > 0)
        return true;
    cli_fail_status(self->cli, FSP_INVALID, "nothing to do; give one JSON object a line");
    return false;
}

/* -- running ----------------------------------------------------------------------------------- */

static void
report(batch_t *self, const filesphere_did_t *did, uint64_t change)
{
    cli_t *cli = self->cli;
    for (size_t i = 0; i < self->count && cli->json; i++) {
        fsp_json_t *json = cli_line(cli, "done");
        fsp_json_uint(json, "line", self->items[i].line_number);
        if (self->items[i].operation.path)
            fsp_json_text(json, "path", self->items[i].operation.path);
        cli_json_space(cli, json);
        fsp_json_text(json, "kind", cli_kind_name(did[i].kind));
        cli_json_id(json, "file_id", did[i].file_id, sizeof did[i].file_id);
        cli_json_id(json, "version", did[i].version_id, sizeof did[i].version_id);
        fsp_json_uint(json, "number", did[i].number);
        fsp_json_uint(json, "size", did[i].size);
        cli_line_end(cli);
    }
    if (cli->json) {
        fsp_json_t *json = cli_line(cli, "result");
        fsp_json_uint(json, "count", self->count);
        fsp_json_uint(json, "change", change);
        cli_line_end(cli);
    } else if (!cli->quiet) {
        (void)printf("%zu operation%s, change %llu\n", self->count, self->count == 1 ? "" : "s",
                     (unsigned long long)change);
    }
}

static void
run_batch(batch_t *self)
{
    filesphere_operation_t *operations = fsp_alloc_array(self->count, sizeof *operations);
    filesphere_did_t *did = fsp_alloc_array(self->count, sizeof *did);
    for (size_t i = 0; i < self->count; i++)
        operations[i] = self->items[i].operation;
    uint64_t change = 0;
    size_t failed = 0;
    filesphere_code_t code = filesphere_batch(self->cli->handle, self->space, operations,
                                              self->count, did, &change, &failed);
    char words[CLI_WORDS_BYTES];
    cli_call_words(self->cli, self->cli->handle, code, words);
    if (code == FILESPHERE_OK)
        report(self, did, change);
    else if (failed > 0 && failed <= self->count)
        cli_fail(self->cli, code, "line %zu: %.600s; nothing was done",
                 self->items[failed - 1].line_number, words);
    else
        cli_fail_call(self->cli, code);
    fsp_free(operations);
    fsp_free(did);
}

int
cli_batch(cli_t *cli)
{
    cli_remote_t remote;
    if (!cli_space_operand(cli, 1, &remote))
        return cli_finish(cli);
    fsp_buf_t text;
    fsp_buf_init(&text, FILE_BYTES_MAX);
    batch_t batch = {.cli = cli, .space = remote.space};
    batch.items = fsp_alloc_array(FILESPHERE_BATCH_MAX, sizeof *batch.items);
    if (cli_read_file(cli, cli->operands[0], &text) && take_lines(&batch, fsp_buf_slice(&text)))
        run_batch(&batch);
    for (size_t i = 0; i < batch.count; i++) {
        fsp_json_flat_close(&batch.items[i].line);
        fsp_free(batch.items[i].content);
    }
    fsp_free(batch.items);
    fsp_buf_clear(&text);
    return cli_finish(cli);
}
