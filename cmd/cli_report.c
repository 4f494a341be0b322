/* SPDX-License-Identifier: MIT */
/* cli_report - lines, failures, exit codes.  Layer cmd. */
#include "cmd/cli_common.h"

#include "core/base/check.h"
#include "core/base/text.h"
#include "proto/errors.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_PARTLY = 7, EXIT_INTERRUPTED = 130 };

uint64_t
cli_now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail with this clock */
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

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
    cli_progress_hide(cli->progress);
    FILE *to = cli->content_on_stdout ? stderr : stdout;
    (void)fwrite(cli->line.data, 1, cli->line.bytes, to);
    if (fflush(to) != 0 && to == stdout && cli->output_error == 0)
        cli->output_error = errno; /* told when the program ends */
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
cli_json_space(const cli_t *cli, fsp_json_t *json)
{
    if (cli->shown_space[0])
        fsp_json_text(json, "space", cli->shown_space);
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
    if (info->head_count > 0 || info->kind == FILESPHERE_DIRECTORY) { /* else it is not known */
        fsp_json_array(json, "heads");
        for (size_t i = 0; i < info->head_count; i++)
            fsp_json_hex(json, NULL, info->heads[i], sizeof info->heads[i]);
        fsp_json_array_end(json);
    }
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

const char *
cli_space_prefix(const cli_t *cli)
{
    return cli->space_prefix;
}

void
cli_print_path(const cli_t *cli, const char *path)
{
    (void)fputs(cli_space_prefix(cli), stdout); /* a valid name: nothing in it needs escapes */
    cli_print_escaped(path);
}

void
cli_print_stored(const cli_t *cli, const filesphere_info_t *info)
{
    char version[17], size[CLI_SIZE_BYTES];
    fsp_hex_encode(info->version_id, 8, version);
    cli_print_path(cli, info->path);
    (void)printf("  version %llu (%s)  %s", (unsigned long long)info->number, version,
                 cli_count_text(info->size, size));
}

const char *
cli_kind_mark(filesphere_kind_t kind)
{
    return kind == FILESPHERE_DIRECTORY ? "/" : kind == FILESPHERE_SYMLINK ? "@" : "";
}

static bool
has_colours(void)
{
    static int known; /* 1 yes, 2 no */
    if (known == 0) {
        const char *none = getenv("NO_COLOR"), *terminal = getenv("TERM");
        bool has = isatty(STDOUT_FILENO) && !(none && *none) && terminal && *terminal &&
                   strcmp(terminal, "dumb") != 0;
        known = has ? 1 : 2;
    }
    return known == 1;
}

void
cli_print_name(const char *text, filesphere_kind_t kind)
{
    const char *colour = kind == FILESPHERE_DIRECTORY ? "\033[1;34m"
                         : kind == FILESPHERE_SYMLINK ? "\033[36m"
                                                      : "";
    bool coloured = *colour && has_colours();
    (void)fputs(coloured ? colour : "", stdout);
    cli_print_escaped(text);
    (void)fputs(coloured ? "\033[0m" : "", stdout);
}

void
cli_print_time(uint64_t us)
{
    char text[FSP_RFC3339_BYTES];
    fsp_rfc3339(us, text);
    (void)fputs(text, stdout);
}

const char *
cli_size_text(uint64_t bytes, char ret[CLI_SIZE_BYTES])
{
    if (isatty(STDOUT_FILENO))
        cli_size_format(bytes, ret);
    else
        (void)snprintf(ret, CLI_SIZE_BYTES, "%llu", (unsigned long long)bytes);
    return ret;
}

const char *
cli_count_text(uint64_t bytes, char ret[CLI_SIZE_BYTES])
{
    (void)cli_size_text(bytes, ret);
    if (bytes < 1024 || !isatty(STDOUT_FILENO))
        (void)snprintf(ret, CLI_SIZE_BYTES, "%llu bytes", (unsigned long long)bytes);
    return ret;
}

void
cli_print_hex(const char *label, const void *data, size_t bytes)
{
    char text[65];
    FSP_PRE(bytes < sizeof text / 2 + 1);
    fsp_hex_encode(data, bytes, text);
    (void)printf("%s%s\n", label, text);
}

/* -- failures ---------------------------------------------------------------------------------- */

bool
cli_is(filesphere_code_t code, fsp_status_t status)
{
    return code == fsp_error_info(status)->code;
}

/* What to do about it, where the words do not say so already. */
static const char *
advice(const cli_t *cli, filesphere_code_t code)
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
        {FSP_EXISTS, "choose another name"},
        {FSP_MISMATCH, "look at the present version with: filesphere stat PATH"},
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
    bool trees = cli->command && cli_takes(cli->command, "recursive") && !cli->recursive;
    if (cli_is(code, FSP_IS_DIRECTORY))
        return trees ? "a whole directory needs -r" : "name a file";
    if (cli_is(code, FSP_INVALID) && cli->handle && cli->at.change > 0)
        return "there may be no such change yet: filesphere changes";
    if (cli_is(code, FSP_EXISTS) && cli->no_replace)
        return "choose another name, or leave --no-replace away";
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (cli_is(code, table[i].status))
            return table[i].text;
    }
    return NULL;
}

typedef struct {
    uint64_t change, time_us;
} beginning_t;

static int
take_beginning(void *arg, const filesphere_change_t *change)
{
    beginning_t *self = arg;
    self->change = change->index;
    self->time_us = change->time_us;
    return -1; /* the first one is enough */
}

/* --at a moment before the space's first change: when that was; else NULL. */
static const char *
beginning(cli_t *cli, filesphere_code_t code, char ret[128])
{
    beginning_t first = {.change = 0};
    char time[FSP_RFC3339_BYTES];
    const char *space = *cli->asked_space ? cli->asked_space : NULL;
    if (!cli->handle || !cli_is(code, FSP_GONE) || (cli->at.change == 0 && cli->at.time_us == 0))
        return NULL;
    (void)filesphere_changes(cli->handle, space, 0, take_beginning, &first);
    bool before =
        cli->at.change > 0 ? cli->at.change < first.change : cli->at.time_us < first.time_us;
    if (!before)
        return NULL;
    fsp_rfc3339(first.time_us, time);
    (void)snprintf(ret, 128, "the history of this space begins at %s (@%llu)", time,
                   (unsigned long long)first.change);
    return ret;
}

static void
note_failure(cli_t *cli, filesphere_code_t code, const char *words)
{
    if (cli_interrupted() && (cli_is(code, FSP_CANCELLED) || cli_is(code, FSP_IO))) {
        code = fsp_error_info(FSP_CANCELLED)->code; /* whatever call it ended */
        words = strstr(words, "interrupted") ? words : "interrupted";
    }
    char all[sizeof cli->failure_words], said[880], when[128], line[32] = "";
    (void)snprintf(said, sizeof said, "%s", words); /* they may be the handle's, which is asked: */
    if (cli->input_line > 0)
        (void)snprintf(line, sizeof line, "line %zu: ", cli->input_line);
    const char *more = beginning(cli, code, when);
    if (!more && cli_is(code, FSP_NO_SUCH_SPACE) && *cli->asked_space) {
        (void)snprintf(when, sizeof when, "'%s' is none of: filesphere space ls", cli->asked_space);
        more = when;
    }
    if (!more)
        more = strstr(said, "; ") ? NULL : advice(cli, code);
    (void)snprintf(all, sizeof all, "%s%.850s%s%s", line, said, more ? "; " : "", more ? more : "");
    /* What ends the command is what the exit code says, also if something failed before or after.
     */
    bool decides = cli->failure_count == 0 || !cli_code_is_hopeless(cli->failure);
    if (decides || cli_code_is_hopeless(code))
        cli->last_failure = code;
    if (cli->failure_count++ == 0 || (decides && cli_code_is_hopeless(code))) {
        cli->failure = code;
        memcpy(cli->failure_words, all, sizeof all);
    }
    if (!cli->json) {
        cli_progress_hide(cli->progress);
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
    char words[CLI_WORDS_BYTES];
    cli_call_words(cli, cli->handle, code, words);
    note_failure(cli, code, words);
}

void
cli_call_words(const cli_t *cli, const filesphere_t *handle, filesphere_code_t code,
               char ret[CLI_WORDS_BYTES])
{
    const char *words = filesphere_error(handle);
    (void)snprintf(ret, CLI_WORDS_BYTES, "%s%s", *words == '/' ? cli_space_prefix(cli) : "",
                   *words ? words : filesphere_symbol(code));
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
    cli_progress_hide(cli->progress);
    (void)fputs("filesphere: warning: ", stderr);
    write_escaped(stderr, words);
    (void)fputc('\n', stderr);
}

bool
cli_code_is_hopeless(filesphere_code_t code)
{
    int exit_code = filesphere_exit_code(code);
    return exit_code == 5 || exit_code == 8 || exit_code == 9 || exit_code == EXIT_INTERRUPTED;
}

bool
cli_is_hopeless(const cli_t *cli)
{
    return cli_interrupted() || (cli->failure_count > 0 && cli_code_is_hopeless(cli->last_failure));
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
    else if (cli->done_count > 0 && !cli_code_is_hopeless(cli->failure))
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

int
cli_finish_list(cli_t *cli, filesphere_code_t code, uint64_t count)
{
    if (code != FILESPHERE_OK) {
        cli_fail_call(cli, code);
    } else if (cli->json) {
        fsp_json_uint(cli_line(cli, "result"), "count", count);
        cli_line_end(cli);
    }
    return cli_finish(cli);
}

static bool
confirm(cli_t *cli, const char *what, const char *warning, const char *word)
{
    if (cli->yes)
        return true;
    if (cli->no_input || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
        cli_fail_status(cli, FSP_INVALID, "%.400s%s: give --yes", what, warning);
        return false;
    }
    char line[128] = "";
    (void)fputs("filesphere: ", stderr);
    write_escaped(stderr, what);
    (void)fprintf(stderr, "%s.  Type %s to go on: ", warning, word);
    if (!fgets(line, sizeof line, stdin))
        line[0] = '\0';
    line[strcspn(line, "\n")] = '\0';
    if (strcmp(line, word) == 0)
        return true;
    cli_fail_status(cli, FSP_CANCELLED, "not confirmed; nothing was done");
    return false;
}

bool
cli_confirm(cli_t *cli, const char *what, const char *word)
{
    return confirm(cli, what, "; this cannot be undone", word);
}

bool
cli_confirm_recoverable(cli_t *cli, const char *what, const char *word)
{
    return confirm(cli, what, "", word);
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

void
cli_home_space(const cli_t *cli, cli_remote_t *ret)
{
    if (!cli->space)
        return;
    memcpy(ret->space_name, cli->space, strlen(cli->space) + 1);
    ret->space = ret->space_name;
}

/* The space of paths that name none: the profile's, or the node's home space, which is asked for.
   Without an answer no space is named; whatever is asked next fails, too, and says why. */
static void
find_home(cli_t *cli)
{
    filesphere_space_t space = {.name = ""};
    cli->home_known = true;
    if (filesphere_space_show(cli->handle, NULL, &space) == FILESPHERE_OK)
        memcpy(cli->home_space, space.name, sizeof cli->home_space);
}

/* What is said from now on is about things in this space. */
static void
note_space(cli_t *cli, const cli_remote_t *remote)
{
    const char *name = remote->space ? remote->space : "";
    (void)snprintf(cli->asked_space, sizeof cli->asked_space, "%s", name);
    (void)snprintf(cli->space_prefix, sizeof cli->space_prefix, "%s%s", name, *name ? ":" : "");
    (void)snprintf(cli->shown_space, sizeof cli->shown_space, "%s", name);
    if (cli->json && !*name && cli->handle) {
        if (!cli->home_known)
            find_home(cli);
        memcpy(cli->shown_space, cli->home_space, sizeof cli->shown_space);
    }
}

bool
cli_remote(cli_t *cli, const char *text, cli_remote_t *ret)
{
    fsp_status_t status = cli_remote_parse(text, ret);
    if (status == FSP_OK) {
        if (!ret->space)
            cli_home_space(cli, ret);
        note_space(cli, ret);
        return true;
    }
    char fault[CLI_FAULT_BYTES];
    cli_remote_fault(text, fault);
    cli_fail_status(cli, status, "%.400s: %s", text, fault);
    return false;
}

bool
cli_space_operand(cli_t *cli, int at, cli_remote_t *ret)
{
    *ret = (cli_remote_t){.space = NULL};
    if (at >= cli->operand_count) {
        cli_home_space(cli, ret);
        note_space(cli, ret);
        return true;
    }
    const char *text = cli->operands[at];
    if (!cli_remote(cli, text, ret))
        return false;
    if (strcmp(ret->path, "/") == 0)
        return true;
    cli_fail_status(cli, FSP_INVALID, "%.400s: only a space can stand here, as SPACE:/", text);
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
