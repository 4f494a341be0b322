/* SPDX-License-Identifier: MIT */
/* cli_report - lines, failures, exit codes.  Layer cmd. */
#include "cmd/cli_common.h"

#include "core/base/check.h"
#include "core/base/text.h"
#include "proto/errors.h"

#include <stdarg.h>
#include <unistd.h>

enum { EXIT_PARTLY = 7, EXIT_INTERRUPTED = 130 };

/* -- lines ------------------------------------------------------------------------------------- */

fsp_json_t *
cli_line(cli_t *cli, const char *type)
{
    fsp_buf_reset(&cli->line);
    fsp_json_init(&cli->writer, &cli->line);
    fsp_json_object(&cli->writer, NULL);
    fsp_json_text(&cli->writer, "type", type);
    return &cli->writer;
}

void
cli_line_end(cli_t *cli)
{
    fsp_json_object_end(&cli->writer);
    fsp_buf_append_u8(&cli->line, '\n');
    FSP_ASSERT(fsp_buf_ok(&cli->line)); /* its maximum is far above the largest line */
    FILE *to = cli->content_on_stdout ? stderr : stdout;
    (void)fwrite(cli->line.data, 1, cli->line.bytes,
                 to); /* looked at once, when stdout is closed */
    (void)fflush(to);
}

void
cli_json_id(fsp_json_t *json, const char *key, const void *id, size_t bytes)
{
    const uint8_t *octets = id;
    for (size_t i = 0; i < bytes; i++) {
        if (octets[i] != 0) {
            fsp_json_hex(json, key, id, bytes);
            return;
        }
    }
    fsp_json_null(json, key);
}

const char *
cli_kind_name(filesphere_kind_t kind)
{
    switch (kind) {
    case FILESPHERE_FILE:
        return "file";
    case FILESPHERE_DIRECTORY:
        return "directory";
    case FILESPHERE_SYMLINK:
        return "symlink";
    }
    return "none";
}

void
cli_json_node(fsp_json_t *json, const filesphere_info_t *info)
{
    fsp_json_text(json, "path", info->path);
    fsp_json_text(json, "space", info->space);
    fsp_json_text(json, "kind", cli_kind_name(info->kind));
    cli_json_id(json, "file_id", info->file_id, sizeof info->file_id);
    cli_json_id(json, "version", info->version_id, sizeof info->version_id);
    fsp_json_uint(json, "number", info->number);
    fsp_json_uint(json, "size", info->size);
    cli_json_id(json, "sha256", info->sha256, sizeof info->sha256);
    cli_json_id(json, "content_root", info->content_root, sizeof info->content_root);
    fsp_json_uint(json, "chunks", info->chunks);
    fsp_json_time(json, "modified", info->modified_us);
    fsp_json_array(json, "heads");
    for (size_t i = 0; i < info->head_count; i++)
        fsp_json_hex(json, NULL, info->heads[i], sizeof info->heads[i]);
    fsp_json_array_end(json);
    if (info->lease_token > 0) {
        fsp_json_object(json, "lease");
        fsp_json_uint(json, "token", info->lease_token);
        cli_json_id(json, "holder", info->lease_holder, sizeof info->lease_holder);
        if (info->lease_expires_us > 0)
            fsp_json_time(json, "expires", info->lease_expires_us);
        fsp_json_object_end(json);
    }
    if (info->at_change > 0)
        fsp_json_uint(json, "at_change", info->at_change);
    if (info->attr.set) {
        fsp_json_uint(json, "mode", info->attr.mode);
        if (info->attr.mtime_s >= 0 && info->attr.mtime_s < 253402300800)
            fsp_json_time(json, "mtime",
                          (fsp_time_t)info->attr.mtime_s * 1000000 + info->attr.mtime_ns / 1000);
    }
}

static void
write_escaped(FILE *to, const char *text)
{
    fsp_buf_t escaped;
    fsp_buf_init(&escaped, 64 * 1024);
    cli_escape(fsp_slice_text(text), &escaped);
    (void)fwrite(escaped.data, 1, escaped.bytes, to);
    fsp_buf_clear(&escaped);
}

void
cli_print_escaped(const char *text)
{
    write_escaped(stdout, text);
}

/* -- failures ---------------------------------------------------------------------------------- */

bool
cli_is(filesphere_code_t code, fsp_status_t status)
{
    return code == fsp_error_info(status)->code;
}

/* What to do about it, where the words do not say so already. */
static const char *
advice(filesphere_code_t code)
{
    static const struct {
        fsp_status_t status;
        const char *text;
    } table[] = {
        {FSP_NOT_FOUND, "look with: filesphere ls DIRECTORY"},
        {FSP_NO_SUCH_SPACE, "check the name before the colon"},
        {FSP_NO_SUCH_VERSION, "look with: filesphere version ls PATH"},
        {FSP_GONE, "an older version may be kept: filesphere version ls PATH"},
        {FSP_AMBIGUOUS, "give more digits of the version"},
        {FSP_NO_PARENT, "make it with: filesphere mkdir -p DIRECTORY"},
        {FSP_EXISTS, "choose another name, or leave --no-replace away"},
        {FSP_MISMATCH, "look at the present version with: filesphere stat PATH"},
        {FSP_IS_DIRECTORY, "a whole directory needs -r where the command has it (put, get, rm)"},
        {FSP_NOT_DIRECTORY, "a part of the path is a file"},
        {FSP_NOT_EMPTY, "use rm -r to remove what is in it, too"},
        {FSP_BAD_RANGE, "look at the size with: filesphere stat PATH"},
        {FSP_BUSY, "try again later"},
        {FSP_TIMEOUT, "try again later"},
        {FSP_CLOSING, "try again later"},
        {FSP_OUTCOME_UNKNOWN, "look whether it was done before trying again"},
        {FSP_LOCKED, "wait until the lease ends, or ask its holder"},
        {FSP_LEASE_LOST, "somebody may have changed the file: look, then lock it again"},
        {FSP_HELD, "a hold must end first"},
        {FSP_TRASHED, "look with: filesphere trash ls"},
        {FSP_SPACE_CLOSING, "it can be kept with: filesphere space rm --cancel NAME"},
        {FSP_UNKNOWN_KEY, "ask for a profile whose key the node knows"},
        {FSP_FORBIDDEN, "ask the owner of the space for the right"},
        {FSP_QUOTA, "remove something, or ask for more quota"},
        {FSP_DISK_RESERVE, "the node's disk is full; tell its operator"},
        {FSP_DAMAGED, "do not trust the content; try again or take another version"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (cli_is(code, table[i].status))
            return table[i].text;
    }
    return NULL;
}

static void
note_failure(cli_t *cli, filesphere_code_t code, const char *words)
{
    char all[sizeof cli->failure_words];
    const char *more = strstr(words, "; ") ? NULL : advice(code);
    (void)snprintf(all, sizeof all, "%s%s%s", words, more ? "; " : "", more ? more : "");
    cli->last_failure = code;
    if (cli->failure_count++ == 0) {
        cli->failure = code;
        memcpy(cli->failure_words, all, sizeof all);
    }
    if (!cli->json) {
        (void)fputs("filesphere: ", stderr);
        write_escaped(stderr, all);
        (void)fputc('\n', stderr);
    } else if (cli->many) {
        fsp_json_t *json = cli_line(cli, "failure");
        fsp_json_uint(json, "code", code);
        fsp_json_text(json, "symbol", filesphere_symbol(code));
        fsp_json_text(json, "message", all);
        cli_line_end(cli);
    }
}

void
cli_fail(cli_t *cli, filesphere_code_t code, const char *format, ...)
{
    char words[900];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(words, sizeof words, format, args);
    va_end(args);
    note_failure(cli, code, words);
}

void
cli_fail_status(cli_t *cli, fsp_status_t status, const char *format, ...)
{
    char words[900];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(words, sizeof words, format, args);
    va_end(args);
    note_failure(cli, fsp_error_info(status)->code, words);
}

void
cli_fail_call(cli_t *cli, filesphere_code_t code)
{
    const char *words = filesphere_error(cli->handle);
    note_failure(cli, code, *words ? words : filesphere_symbol(code));
}

void
cli_warn(const cli_t *cli, const char *format, ...)
{
    if (cli->quiet)
        return;
    char words[900];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(words, sizeof words, format, args);
    va_end(args);
    (void)fputs("filesphere: warning: ", stderr);
    write_escaped(stderr, words);
    (void)fputc('\n', stderr);
}

bool
cli_is_hopeless(const cli_t *cli)
{
    if (cli_interrupted())
        return true;
    int exit_code = cli->failure_count > 0 ? filesphere_exit_code(cli->last_failure) : 0;
    return exit_code == 5 || exit_code == 8 || exit_code == 9 || exit_code == EXIT_INTERRUPTED;
}

int
cli_finish(cli_t *cli)
{
    if (cli->failure_count == 0 && !cli_interrupted())
        return 0;
    if (cli_interrupted() && cli->failure_count == 0)
        cli_fail_status(cli, FSP_CANCELLED, "interrupted");
    int exit_code = filesphere_exit_code(cli->failure);
    if (cli_interrupted())
        exit_code = EXIT_INTERRUPTED;
    else if (cli->done_count > 0)
        exit_code = EXIT_PARTLY;
    if (cli->json) {
        fsp_json_t *json = cli_line(cli, "error");
        fsp_json_uint(json, "code", cli->failure);
        fsp_json_text(json, "symbol", filesphere_symbol(cli->failure));
        fsp_json_text(json, "message", cli->failure_words);
        fsp_json_uint(json, "exit", (uint64_t)exit_code);
        if (cli->many) {
            fsp_json_uint(json, "done", cli->done_count);
            fsp_json_uint(json, "failed", cli->failure_count);
        }
        cli_line_end(cli);
    } else if (cli->many && cli->done_count > 0) {
        (void)fprintf(stderr, "filesphere: %llu done, %llu failed\n",
                      (unsigned long long)cli->done_count, (unsigned long long)cli->failure_count);
    }
    return exit_code;
}

bool
cli_confirm(cli_t *cli, const char *what, const char *word)
{
    if (cli->yes)
        return true;
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
        cli_fail_status(cli, FSP_INVALID, "%.400s; this cannot be undone: give --yes", what);
        return false;
    }
    char line[128] = "";
    (void)fputs("filesphere: ", stderr);
    write_escaped(stderr, what);
    (void)fprintf(stderr, "; this cannot be undone.  Type %s to go on: ", word);
    if (!fgets(line, sizeof line, stdin))
        line[0] = '\0';
    line[strcspn(line, "\n")] = '\0';
    if (strcmp(line, word) == 0)
        return true;
    cli_fail_status(cli, FSP_CANCELLED, "not confirmed; nothing was done");
    return false;
}

bool
cli_number(cli_t *cli, const char *what, const char *text, uint64_t *ret)
{
    if (fsp_parse_u64(fsp_slice_text(text), UINT64_MAX, ret) == FSP_OK && *ret > 0)
        return true;
    cli_fail_status(cli, FSP_INVALID, "%.80s: not %s; give its number", text, what);
    return false;
}

/* -- remote operands --------------------------------------------------------------------------- */

bool
cli_remote(cli_t *cli, const char *text, cli_remote_t *ret)
{
    fsp_status_t status = cli_remote_parse(text, ret);
    if (status == FSP_OK)
        return true;
    cli_fail_status(
        cli, status, "%.400s: %s", text,
        status == FSP_INVALID
            ? "a remote path starts with '/' or with SPACE:/; a local path cannot stand here"
            : "not a valid remote path; no part of it may be empty, '.' or '..', or over 255 "
              "bytes");
    return false;
}

bool
cli_look(cli_t *cli, const cli_remote_t *remote, filesphere_kind_t *ret_kind)
{
    filesphere_info_t info;
    filesphere_code_t code = filesphere_stat(cli->handle, remote->space, remote->path, NULL, &info);
    if (code != FILESPHERE_OK && !cli_is(code, FSP_NOT_FOUND) && !cli_is(code, FSP_NO_PARENT)) {
        cli_fail_call(cli, code);
        return false;
    }
    *ret_kind = code == FILESPHERE_OK ? info.kind : (filesphere_kind_t)0;
    return true;
}
