/* SPDX-License-Identifier: MIT */
/* cli_history - what was: version ls, show, restore, rm; changes.  Layer cmd. */
#include "cmd/cli_history.h"

#include "core/base/text.h"

const char *
cli_version_kind(unsigned kind)
{
    static const char *const kinds[] = {"none", "put", "delete", "restore", "merge"};
    return kind < sizeof kinds / sizeof kinds[0] ? kinds[kind] : "other";
}

void
cli_json_version(fsp_json_t *json, const filesphere_version_t *version)
{
    fsp_json_hex(json, "version", version->version_id, sizeof version->version_id);
    fsp_json_uint(json, "number", version->number);
    fsp_json_text(json, "kind", cli_version_kind(version->kind));
    fsp_json_uint(json, "size", version->size);
    fsp_json_time(json, "time", version->time_us);
    fsp_json_hex(json, "author", version->author, sizeof version->author);
    cli_json_id(json, "op_id", version->op_id, sizeof version->op_id);
    fsp_json_array(json, "parents");
    for (size_t i = 0; i < version->parent_count; i++)
        fsp_json_hex(json, NULL, version->parents[i], sizeof version->parents[i]);
    fsp_json_array_end(json);
    fsp_json_bool(json, "head", version->is_head);
    fsp_json_bool(json, "retained", version->retained);
}

/* First digits of an id, enough to name it. */
static void
print_short(const char *before, const uint8_t *id)
{
    char text[17];
    fsp_hex_encode(id, 8, text);
    (void)printf("%s%s", before, text);
}

void
cli_print_version_line(const filesphere_version_t *version)
{
    char size[CLI_SIZE_BYTES];
    (void)printf("%6llu", (unsigned long long)version->number);
    print_short("  ", version->version_id);
    (void)printf("  ");
    cli_print_time(version->time_us);
    (void)printf("  %-7s  %12s", cli_version_kind(version->kind),
                 cli_size_text(version->size, size));
    print_short("  by ", version->author);
    for (size_t i = 0; i < version->parent_count; i++)
        print_short(i == 0 ? "  after " : ", ", version->parents[i]);
    (void)printf("%s%s\n", version->is_head ? "  head" : "", version->retained ? "" : "  gone");
}

/* -- naming a version -------------------------------------------------------------------------- */

typedef struct {
    uint64_t number; /* wanted */
    bool found;
    uint8_t id[32];
} numbered_t;

static int
find_numbered(void *arg, const filesphere_version_t *version)
{
    numbered_t *self = arg;
    if (version->number == self->number) {
        memcpy(self->id, version->version_id, sizeof self->id);
        self->found = true;
    }
    return self->found || cli_interrupted() ? -1 : 0;
}

static bool
resolve_number(cli_t *cli, const cli_remote_t *remote, uint64_t number, uint8_t ret_id[32])
{
    numbered_t numbered = {.number = number};
    filesphere_code_t code =
        filesphere_versions(cli->handle, remote->space, remote->path, find_numbered, &numbered);
    if (numbered.found)
        memcpy(ret_id, numbered.id, sizeof numbered.id);
    else if (code != FILESPHERE_OK)
        cli_fail_call(cli, code);
    else
        cli_fail_status(cli, FSP_NO_SUCH_VERSION,
                        "%s%.400s: has no version %llu; look with: filesphere version ls PATH",
                        cli_space_prefix(cli), remote->path, (unsigned long long)number);
    return numbered.found;
}

bool
cli_version_resolve(cli_t *cli, const cli_remote_t *remote, const char *text, uint8_t ret_id[32])
{
    enum { NUMBER_MAX = 9999999, DIGITS_MIN = 8, DIGITS_MAX = 64 }; /* 8 digits are an id's */
    uint64_t number;
    size_t digits = strlen(text);
    bool numbered = fsp_parse_u64(fsp_slice_text(*text == 'v' ? text + 1 : text), NUMBER_MAX,
                                  &number) == FSP_OK;
    if (numbered && (*text == 'v' || digits < DIGITS_MIN))
        return resolve_number(cli, remote, number, ret_id);
    if (digits < DIGITS_MIN || digits > DIGITS_MAX ||
        strspn(text, "0123456789abcdefABCDEF") != digits) {
        cli_fail_status(cli, FSP_INVALID,
                        "%.80s: not a version; give its number, or 8 to 64 hexadecimal digits, as "
                        "filesphere version ls prints them",
                        text);
        return false;
    }
    if (digits == DIGITS_MAX)
        return fsp_hex_decode(fsp_slice_text(text), ret_id, 32) == FSP_OK;
    filesphere_info_t info;
    filesphere_code_t code = filesphere_stat(cli->handle, remote->space, remote->path, text, &info);
    if (code != FILESPHERE_OK) {
        cli_fail_call(cli, code);
        return false;
    }
    memcpy(ret_id, info.version_id, sizeof info.version_id);
    return true;
}

bool
cli_version_text(cli_t *cli, const cli_remote_t *remote, const char *text, char ret_text[65])
{
    uint8_t id[32];
    if (!cli_version_resolve(cli, remote, text, id))
        return false;
    fsp_hex_encode(id, sizeof id, ret_text);
    return true;
}

/* -- version ls -------------------------------------------------------------------------------- */

typedef struct {
    cli_t *cli;
    uint64_t count, head_count;
} lister_t;

static int
list_version(void *arg, const filesphere_version_t *version)
{
    lister_t *self = arg;
    cli_t *cli = self->cli;
    self->count++;
    self->head_count += version->is_head;
    if (cli->json) {
        cli_json_version(cli_line(cli, "version"), version);
        cli_line_end(cli);
    } else {
        cli_print_version_line(version);
    }
    return cli_interrupted() || ferror(stdout) ? -1 : 0;
}

int
cli_version_ls(cli_t *cli)
{
    cli_remote_t remote;
    if (!cli_remote(cli, cli->operands[0], &remote))
        return cli_finish(cli);
    lister_t lister = {.cli = cli};
    filesphere_code_t code =
        filesphere_versions(cli->handle, remote.space, remote.path, list_version, &lister);
    if (code != FILESPHERE_OK) {
        cli_fail_call(cli, code);
    } else if (cli->json) {
        fsp_json_t *json = cli_line(cli, "result");
        fsp_json_text(json, "path", remote.path);
        cli_json_space(cli, json);
        fsp_json_uint(json, "count", lister.count);
        fsp_json_uint(json, "head_count", lister.head_count);
        cli_line_end(cli);
    }
    return cli_finish(cli);
}

/* -- version show ------------------------------------------------------------------------------ */

typedef struct {
    const uint8_t *id;
    bool found;
    filesphere_version_t version;
} seeker_t;

static int
seek_version(void *arg, const filesphere_version_t *version)
{
    seeker_t *self = arg;
    if (memcmp(version->version_id, self->id, sizeof version->version_id) == 0) {
        self->version = *version;
        self->found = true;
        return -1;
    }
    return cli_interrupted() ? -1 : 0;
}

filesphere_code_t
cli_find_version(cli_t *cli, const cli_remote_t *remote, const uint8_t id[32],
                 filesphere_version_t *ret)
{
    seeker_t seeker = {.id = id};
    filesphere_code_t code =
        filesphere_versions(cli->handle, remote->space, remote->path, seek_version, &seeker);
    if (seeker.found) {
        *ret = seeker.version;
        return FILESPHERE_OK;
    }
    return code;
}

static void
print_version(const filesphere_info_t *info, const filesphere_version_t *version)
{
    (void)printf("path      ");
    cli_print_escaped(info->path);
    (void)printf("\nspace     %s\n", info->space);
    cli_print_hex("file      ", info->file_id, sizeof info->file_id);
    cli_print_hex("version   ", version->version_id, sizeof version->version_id);
    char size[CLI_SIZE_BYTES];
    (void)printf("number    %llu%s%s\nkind      %s\nsize      %s\n",
                 (unsigned long long)version->number, version->is_head ? "  (head)" : "",
                 version->retained ? "" : "  (content gone)", cli_version_kind(version->kind),
                 cli_size_text(version->size, size));
    cli_print_hex("sha256    ", info->sha256, sizeof info->sha256);
    cli_print_hex("root      ", info->content_root, sizeof info->content_root);
    (void)printf("chunks    %llu\ntime      ", (unsigned long long)info->chunks);
    cli_print_time(version->time_us);
    (void)printf("\n");
    cli_print_hex("author    ", version->author, sizeof version->author);
    for (size_t i = 0; i < version->parent_count; i++)
        cli_print_hex("parent    ", version->parents[i], sizeof version->parents[i]);
}

int
cli_version_show(cli_t *cli)
{
    cli_remote_t remote;
    filesphere_info_t info;
    filesphere_version_t version = {.number = 0};
    char wanted[65];
    if (!cli_remote(cli, cli->operands[0], &remote) ||
        !cli_version_text(cli, &remote, cli->operands[1], wanted))
        return cli_finish(cli);
    filesphere_code_t code = filesphere_stat(cli->handle, remote.space, remote.path, wanted, &info);
    if (code == FILESPHERE_OK)
        code = cli_find_version(cli, &remote, info.version_id, &version);
    if (code != FILESPHERE_OK) {
        cli_fail_call(cli, code);
    } else if (version.number == 0) {
        cli_fail_status(cli, FSP_NO_SUCH_VERSION, "%s%.400s: the version went meanwhile",
                        cli_space_prefix(cli), remote.path);
    } else if (cli->json) {
        fsp_json_t *json = cli_line(cli, "result");
        fsp_json_text(json, "path", info.path);
        fsp_json_text(json, "space", info.space);
        cli_json_id(json, "file_id", info.file_id, sizeof info.file_id);
        cli_json_version(json, &version);
        cli_json_id(json, "sha256", info.sha256, sizeof info.sha256);
        cli_json_id(json, "content_root", info.content_root, sizeof info.content_root);
        fsp_json_uint(json, "chunks", info.chunks);
        cli_line_end(cli);
    } else {
        print_version(&info, &version);
    }
    return cli_finish(cli);
}

/* -- version restore, version rm --------------------------------------------------------------- */

int
cli_version_restore(cli_t *cli)
{
    cli_remote_t remote;
    if (!cli_remote(cli, cli->operands[0], &remote))
        return cli_finish(cli);
    const char *version = cli->operand_count > 1 ? cli->operands[1] : cli->version;
    filesphere_info_t info = {.size = 0};
    if (!version) {
        cli_fail_status(cli, FSP_INVALID,
                        "which version? look with: filesphere version ls PATH; then name one");
        return cli_finish(cli);
    }
    char wanted[65];
    if (!cli_version_text(cli, &remote, version, wanted))
        return cli_finish(cli);
    filesphere_code_t code =
        filesphere_restore(cli->handle, remote.space, remote.path, wanted, &info);
    if (code != FILESPHERE_OK) {
        cli_fail_call(cli, code);
    } else if (cli->json) {
        fsp_json_t *json = cli_line(cli, "result");
        cli_json_node(json, &info);
        fsp_json_uint(json, "change", info.change);
        cli_line_end(cli);
    } else if (!cli->quiet) {
        cli_print_stored(cli, &info);
        (void)printf("\n");
    }
    return cli_finish(cli);
}

int
cli_version_rm(cli_t *cli)
{
    cli_remote_t remote;
    if (!cli_remote(cli, cli->operands[0], &remote))
        return cli_finish(cli);
    if (!cli_confirm(cli, "the content of these versions goes for good", "drop"))
        return cli_finish(cli);
    cli->many = cli->operand_count > 2;
    filesphere_info_t info = {.size = 0};
    for (int i = 1; i < cli->operand_count && !cli_is_hopeless(cli); i++) {
        char wanted[65];
        if (!cli_version_text(cli, &remote, cli->operands[i], wanted))
            continue;
        filesphere_code_t code =
            filesphere_prune(cli->handle, remote.space, remote.path, wanted, &info);
        if (code != FILESPHERE_OK) {
            if (cli_is(code, FSP_MISMATCH))
                cli_fail(
                    cli, code,
                    "%s%.400s: version %.64s is the present one; only older ones can be dropped",
                    cli_space_prefix(cli), remote.path, cli->operands[i]);
            else
                cli_fail_call(cli, code);
            continue;
        }
        cli->done_count++;
        if (cli->json && cli->many) {
            fsp_json_t *json = cli_line(cli, "done");
            fsp_json_text(json, "path", info.path);
            fsp_json_text(json, "space", info.space);
            fsp_json_text(json, "version", wanted);
            cli_line_end(cli);
        }
    }
    if (cli->failure_count == 0 && !cli_interrupted() && cli->json) {
        fsp_json_t *json = cli_line(cli, "result");
        fsp_json_text(json, "path", info.path);
        fsp_json_text(json, "space", info.space);
        cli_json_id(json, "file_id", info.file_id, sizeof info.file_id);
        fsp_json_uint(json, "count", cli->done_count);
        fsp_json_uint(json, "change", info.change);
        cli_line_end(cli);
    }
    return cli_finish(cli);
}

/* -- changes ----------------------------------------------------------------------------------- */

void
cli_json_change(fsp_json_t *json, const filesphere_change_t *change)
{
    fsp_json_uint(json, "index", change->index);
    if (change->part > 0)
        fsp_json_uint(json, "part", change->part);
    fsp_json_text(json, "operation", filesphere_operation_name(change->operation));
    fsp_json_time(json, "time", change->time_us);
    fsp_json_hex(json, "author", change->author, sizeof change->author);
    cli_json_id(json, "op_id", change->op_id, sizeof change->op_id);
    fsp_json_text(json, "kind", cli_kind_name(change->kind));
    cli_json_id(json, "file_id", change->file_id, sizeof change->file_id);
    cli_json_id(json, "version", change->version_id, sizeof change->version_id);
    fsp_json_text(json, "path", change->path);
    if (change->from_path[0])
        fsp_json_text(json, "from", change->from_path);
    if (change->part == 0)
        fsp_json_hex(json, "hash", change->hash, sizeof change->hash);
}

void
cli_print_change(const cli_t *cli, const filesphere_change_t *change)
{
    (void)printf("%8llu  ", (unsigned long long)change->index);
    cli_print_time(change->time_us);
    (void)printf("  %s%-10s  ", change->part > 0 ? "  " : "",
                 filesphere_operation_name(change->operation));
    if (change->from_path[0]) {
        cli_print_path(cli, change->from_path);
        (void)printf(" -> ");
    }
    cli_print_path(cli, change->path);
    (void)printf("\n");
}

static int
list_change(void *arg, const filesphere_change_t *change)
{
    lister_t *self = arg;
    cli_t *cli = self->cli;
    self->count += change->part == 0;
    if (cli->json) {
        fsp_json_t *json = cli_line(cli, change->part > 0 ? "part" : "change");
        cli_json_change(json, change);
        cli_json_space(cli, json);
        cli_line_end(cli);
    } else {
        cli_print_change(cli, change);
    }
    return cli_interrupted() || ferror(stdout) ? -1 : 0;
}

int
cli_changes(cli_t *cli)
{
    cli_remote_t remote;
    if (!cli_space_operand(cli, 0, &remote))
        return cli_finish(cli);
    lister_t lister = {.cli = cli};
    filesphere_code_t code =
        filesphere_changes(cli->handle, remote.space, cli->after, list_change, &lister);
    return cli_finish_list(cli, code, lister.count);
}
