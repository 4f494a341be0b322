/* SPDX-License-Identifier: MIT */
/* cli_look - commands that only look: ls, stat, version ls, changes, node show.  Layer cmd. */
#include "cmd/cli_common.h"

#include "core/base/text.h"

typedef struct {
    cli_t *cli;
    const char *directory;
    uint64_t count;
    uint64_t at_change; /* the moment that is shown; 0: now */
} lister_t;

/* Counts and lets an interrupted listing end. */
static int
go_on(lister_t *self)
{
    self->count++;
    return cli_interrupted() ? -1 : 0;
}

/* The end of a listing. */
static int
finish_list(lister_t *self, const char *path, filesphere_code_t code)
{
    cli_t *cli = self->cli;
    if (code != FILESPHERE_OK)
        cli_fail_call(cli, code);
    else if (cli->json) {
        fsp_json_t *json = cli_line(cli, "result");
        if (path)
            fsp_json_text(json, "path", path);
        fsp_json_uint(json, "count", self->count);
        if (self->at_change > 0)
            fsp_json_uint(json, "at_change", self->at_change);
        cli_line_end(cli);
    }
    return cli_finish(cli);
}

static void
print_time(uint64_t us)
{
    char text[FSP_RFC3339_BYTES];
    fsp_rfc3339(us, text);
    (void)printf("%s", text);
}

/* -- ls ---------------------------------------------------------------------------------------- */

static int
list_entry(void *arg, const filesphere_entry_t *entry)
{
    lister_t *self = arg;
    cli_t *cli = self->cli;
    if (cli->json) {
        char path[FSP_PATH_BYTES_MAX + 1];
        fsp_json_t *json = cli_line(cli, "entry");
        fsp_json_text(json, "name", entry->name);
        fsp_json_text(json, "path",
                      cli_remote_join(self->directory, entry->name, path) == FSP_OK ? path : "");
        fsp_json_text(json, "kind", cli_kind_name(entry->kind));
        fsp_json_uint(json, "size", entry->size);
        cli_json_id(json, "file_id", entry->file_id, sizeof entry->file_id);
        cli_json_id(json, "version", entry->version_id, sizeof entry->version_id);
        fsp_json_uint(json, "number", entry->number);
        fsp_json_time(json, "modified", entry->modified_us);
        fsp_json_uint(json, "head_count", entry->head_count);
        if (entry->lost)
            fsp_json_bool(json, "lost", true);
        cli_line_end(cli);
        return go_on(self);
    }
    if (cli->long_lines) {
        print_time(entry->modified_us);
        (void)printf("  %12llu  ", (unsigned long long)entry->size);
    }
    cli_print_escaped(entry->name);
    (void)printf("%s%s\n",
                 entry->kind == FILESPHERE_DIRECTORY ? "/"
                 : entry->kind == FILESPHERE_SYMLINK ? "@"
                                                     : "",
                 entry->lost ? "  (no longer kept)" : "");
    return go_on(self);
}

/* A file is listed as itself. */
static filesphere_code_t
list_file(lister_t *self, const cli_remote_t *remote)
{
    filesphere_info_t info;
    filesphere_code_t code =
        filesphere_stat_at(self->cli->handle, remote->space, remote->path, self->cli->at, &info);
    if (code != FILESPHERE_OK)
        return code;
    filesphere_entry_t entry = {.kind = info.kind,
                                .number = info.number,
                                .size = info.size,
                                .modified_us = info.modified_us,
                                .head_count = info.head_count};
    memcpy(entry.file_id, info.file_id, sizeof entry.file_id);
    memcpy(entry.version_id, info.version_id, sizeof entry.version_id);
    (void)snprintf(entry.name, sizeof entry.name, "%s", cli_remote_base(remote->path));
    static char parent[FSP_PATH_BYTES_MAX + 1];
    size_t bytes = (size_t)(cli_remote_base(remote->path) - remote->path);
    memcpy(parent, remote->path, bytes);
    parent[bytes > 1 ? bytes - 1 : bytes] = '\0';
    self->directory = parent;
    (void)list_entry(self, &entry);
    return code;
}

int
cli_ls(cli_t *cli)
{
    cli_remote_t remote;
    if (!cli_remote(cli, cli->operand_count > 0 ? cli->operands[0] : "/", &remote))
        return cli_finish(cli);
    lister_t lister = {.cli = cli, .directory = remote.path};
    filesphere_code_t code = filesphere_list_at(cli->handle, remote.space, remote.path, cli->prefix,
                                                cli->at, list_entry, &lister, &lister.at_change);
    if (cli_is(code, FSP_NOT_DIRECTORY) && !remote.into)
        code = list_file(&lister, &remote);
    return finish_list(&lister, remote.path, code);
}

/* -- stat -------------------------------------------------------------------------------------- */

static void
print_hex(const char *label, const void *data, size_t bytes)
{
    char text[65];
    fsp_hex_encode(data, bytes, text);
    (void)printf("%s%s\n", label, text);
}

static void
print_info(const filesphere_info_t *info)
{
    (void)printf("path      ");
    cli_print_escaped(info->path);
    (void)printf("\nspace     %s\nkind      %s\n", info->space, cli_kind_name(info->kind));
    print_hex("file      ", info->file_id, sizeof info->file_id);
    if (info->kind != FILESPHERE_DIRECTORY) {
        print_hex("version   ", info->version_id, sizeof info->version_id);
        (void)printf("number    %llu\nsize      %llu\n", (unsigned long long)info->number,
                     (unsigned long long)info->size);
        print_hex("sha256    ", info->sha256, sizeof info->sha256);
        print_hex("root      ", info->content_root, sizeof info->content_root);
        (void)printf("chunks    %llu\nheads     %zu\n", (unsigned long long)info->chunks,
                     info->head_count);
    }
    (void)printf("modified  ");
    print_time(info->modified_us);
    if (info->attr.set)
        (void)printf("\nmode      %04o", info->attr.mode);
    if (info->lease_token > 0) {
        (void)printf("\nlease     %llu until ", (unsigned long long)info->lease_token);
        print_time(info->lease_expires_us);
    }
    (void)printf("\n");
}

int
cli_stat(cli_t *cli)
{
    cli_remote_t remote;
    if (!cli_remote(cli, cli->operands[0], &remote))
        return cli_finish(cli);
    filesphere_info_t info;
    filesphere_code_t code =
        cli->version ? filesphere_stat(cli->handle, remote.space, remote.path, cli->version, &info)
                     : filesphere_stat_at(cli->handle, remote.space, remote.path, cli->at, &info);
    if (cli->version && (cli->at.change || cli->at.time_us)) {
        cli_fail_status(cli, FSP_INVALID, "--version and --at each name a version; give one");
        return cli_finish(cli);
    }
    if (code != FILESPHERE_OK) {
        cli_fail_call(cli, code);
    } else if (cli->json) {
        cli_json_node(cli_line(cli, "result"), &info);
        cli_line_end(cli);
    } else {
        print_info(&info);
    }
    return cli_finish(cli);
}

/* -- version ls -------------------------------------------------------------------------------- */

static int
list_version(void *arg, const filesphere_version_t *version)
{
    static const char *const kinds[] = {"none", "put", "delete", "restore", "merge"};
    lister_t *self = arg;
    cli_t *cli = self->cli;
    const char *kind =
        version->kind < sizeof kinds / sizeof kinds[0] ? kinds[version->kind] : "other";
    if (cli->json) {
        fsp_json_t *json = cli_line(cli, "version");
        fsp_json_hex(json, "version", version->version_id, sizeof version->version_id);
        fsp_json_uint(json, "number", version->number);
        fsp_json_text(json, "kind", kind);
        fsp_json_uint(json, "size", version->size);
        fsp_json_time(json, "time", version->time_us);
        fsp_json_hex(json, "author", version->author, sizeof version->author);
        fsp_json_bool(json, "head", version->is_head);
        fsp_json_bool(json, "retained", version->retained);
        cli_line_end(cli);
        return go_on(self);
    }
    char text[17];
    fsp_hex_encode(version->version_id, 8, text);
    (void)printf("%6llu  %s  ", (unsigned long long)version->number, text);
    print_time(version->time_us);
    (void)printf("  %-7s  %12llu%s%s\n", kind, (unsigned long long)version->size,
                 version->is_head ? "  head" : "", version->retained ? "" : "  gone");
    return go_on(self);
}

int
cli_version_ls(cli_t *cli)
{
    cli_remote_t remote;
    if (!cli_remote(cli, cli->operands[0], &remote))
        return cli_finish(cli);
    lister_t lister = {.cli = cli};
    return finish_list(
        &lister, remote.path,
        filesphere_versions(cli->handle, remote.space, remote.path, list_version, &lister));
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
cli_print_change(const filesphere_change_t *change)
{
    (void)printf("%8llu  ", (unsigned long long)change->index);
    print_time(change->time_us);
    (void)printf("  %s%-10s  ", change->part > 0 ? "  " : "",
                 filesphere_operation_name(change->operation));
    if (change->from_path[0]) {
        cli_print_escaped(change->from_path);
        (void)printf(" -> ");
    }
    cli_print_escaped(change->path);
    (void)printf("\n");
}

static int
list_change(void *arg, const filesphere_change_t *change)
{
    lister_t *self = arg;
    cli_t *cli = self->cli;
    if (cli->json) {
        cli_json_change(cli_line(cli, change->part > 0 ? "part" : "change"), change);
        cli_line_end(cli);
    } else {
        cli_print_change(change);
    }
    if (change->part == 0)
        return go_on(self);
    return cli_interrupted() ? -1 : 0;
}

int
cli_changes(cli_t *cli)
{
    cli_remote_t remote = {.space = NULL};
    if (cli->operand_count > 0 && !cli_remote(cli, cli->operands[0], &remote))
        return cli_finish(cli);
    lister_t lister = {.cli = cli};
    return finish_list(
        &lister, NULL,
        filesphere_changes(cli->handle, remote.space, cli->after, list_change, &lister));
}

/* -- node show --------------------------------------------------------------------------------- */

int
cli_node_show(cli_t *cli)
{
    filesphere_node_t node;
    filesphere_code_t code = filesphere_node(cli->handle, &node);
    if (code != FILESPHERE_OK) {
        cli_fail_call(cli, code);
    } else if (cli->json) {
        fsp_json_t *json = cli_line(cli, "result");
        fsp_json_text(json, "version", node.version);
        fsp_json_hex(json, "node_id", node.node_id, sizeof node.node_id);
        fsp_json_uint(json, "uptime_s", node.uptime_s);
        fsp_json_uint(json, "rss_bytes", node.rss_bytes);
        fsp_json_object(json, "disk");
        fsp_json_uint(json, "total_bytes", node.disk_total_bytes);
        fsp_json_uint(json, "free_bytes", node.disk_free_bytes);
        fsp_json_uint(json, "reserve_bytes", node.disk_reserve_bytes);
        fsp_json_text(json, "state", node.disk_state);
        fsp_json_object_end(json);
        fsp_json_bool(json, "sync", node.sync);
        cli_line_end(cli);
    } else {
        print_hex("node      ", node.node_id, sizeof node.node_id);
        (void)printf("version   ");
        cli_print_escaped(node.version);
        (void)printf("\nuptime    %llu s\nmemory    %llu bytes\n",
                     (unsigned long long)node.uptime_s, (unsigned long long)node.rss_bytes);
        (void)printf("disk      %llu of %llu bytes free, reserve %llu: ",
                     (unsigned long long)node.disk_free_bytes,
                     (unsigned long long)node.disk_total_bytes,
                     (unsigned long long)node.disk_reserve_bytes);
        cli_print_escaped(node.disk_state);
        (void)printf("\nsync      %s\n", node.sync ? "on" : "OFF: a power cut loses data");
    }
    return cli_finish(cli);
}
