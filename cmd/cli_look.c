/* SPDX-License-Identifier: MIT */
/* cli_look - commands that only look: ls, stat, node show.  Layer cmd. */
#include "cmd/cli_history.h"

#include <unistd.h>

/* Both name a version; false: the failure is noted. */
static bool
check_moment(cli_t *cli)
{
    if (!cli->version || (cli->at.change == 0 && cli->at.time_us == 0))
        return true;
    cli_fail_status(cli, FSP_INVALID, "--version and --at each name a version; give one");
    return false;
}

/* -- ls ---------------------------------------------------------------------------------------- */

typedef struct {
    cli_t *cli;
    const char *directory; /* that is listed */
    bool headings;         /* several directories: each under its name */
    bool written;          /* something was, so an empty line comes before the next heading */
    uint64_t count;
    uint64_t at_change; /* the moment that is shown; 0: now */
} lister_t;

static void
json_entry(lister_t *self, const filesphere_entry_t *entry)
{
    char path[FSP_PATH_BYTES_MAX + 1];
    fsp_json_t *json = cli_line(self->cli, "entry");
    fsp_json_text(json, "name", entry->name);
    fsp_json_text(json, "path",
                  cli_remote_join(self->directory, entry->name, path) == FSP_OK ? path : "/");
    cli_json_space(self->cli, json);
    fsp_json_text(json, "kind", cli_kind_name(entry->kind));
    fsp_json_uint(json, "size", entry->size);
    cli_json_id(json, "file_id", entry->file_id, sizeof entry->file_id);
    cli_json_id(json, "version", entry->version_id, sizeof entry->version_id);
    fsp_json_uint(json, "number", entry->number);
    fsp_json_time(json, "modified", entry->modified_us);
    fsp_json_uint(json, "head_count", entry->head_count);
    if (entry->lost)
        fsp_json_bool(json, "lost", true);
    cli_line_end(self->cli);
}

static int
list_entry(void *arg, const filesphere_entry_t *entry)
{
    lister_t *self = arg;
    cli_t *cli = self->cli;
    self->count++;
    self->written = true;
    if (cli->json) {
        json_entry(self, entry);
        return cli_interrupted() ? -1 : 0;
    }
    if (cli->long_lines) {
        char size[CLI_SIZE_BYTES];
        cli_print_time(entry->modified_us);
        (void)printf("  %12s  ", cli_size_text(entry->size, size));
    }
    cli_print_name(entry->name, entry->kind);
    (void)printf("%s%s%s\n", cli_kind_mark(entry->kind),
                 entry->head_count > 1 ? "  (several heads: filesphere heads)" : "",
                 entry->lost ? "  (no longer kept)" : "");
    return cli_interrupted() || ferror(stdout) ? -1 : 0;
}

/* A file is listed as itself: under the name that was given. */
static void
list_file(lister_t *self, const char *operand, const filesphere_info_t *info)
{
    filesphere_entry_t entry = {.kind = info->kind,
                                .number = info->number,
                                .size = info->size,
                                .modified_us = info->modified_us,
                                .head_count = info->head_count};
    memcpy(entry.file_id, info->file_id, sizeof entry.file_id);
    memcpy(entry.version_id, info->version_id, sizeof entry.version_id);
    const char *base = cli_remote_base(info->path);
    char parent[FSP_PATH_BYTES_MAX + 1];
    size_t bytes = (size_t)(base - info->path);
    (void)snprintf(parent, sizeof parent, "%.*s", bytes > 1 ? (int)bytes - 1 : 1, info->path);
    (void)snprintf(entry.name, sizeof entry.name, "%s",
                   self->cli->json || !self->headings ? base : operand);
    self->directory = parent;
    (void)list_entry(self, &entry);
    self->directory = NULL;
    self->cli->done_count++;
}

static void
list_directory(lister_t *self, const char *operand, const cli_remote_t *remote)
{
    cli_t *cli = self->cli;
    if (self->headings && !cli->json) {
        (void)printf("%s", self->written ? "\n" : "");
        cli_print_escaped(operand);
        (void)printf(":\n");
        self->written = true;
    }
    self->directory = remote->path;
    filesphere_code_t code =
        filesphere_list_at(cli->handle, remote->space, remote->path, cli->prefix, cli->at,
                           list_entry, self, &self->at_change);
    if (code != FILESPHERE_OK)
        cli_fail_call(cli, code);
    else
        cli->done_count++;
}

/* Files first, then directories, as ls(1) does.  pass 0: files (and failures), 1: directories. */
static void
list_operand(lister_t *self, const char *operand, int pass)
{
    cli_t *cli = self->cli;
    cli_remote_t remote;
    if (pass == 1 && cli_remote_parse(operand, &remote) != FSP_OK)
        return; /* that was said */
    if (!cli_remote(cli, operand, &remote))
        return;
    filesphere_info_t info = {.kind = FILESPHERE_DIRECTORY};
    filesphere_code_t code =
        filesphere_stat_at(cli->handle, remote.space, remote.path, cli->at, &info);
    bool directory = code == FILESPHERE_OK && info.kind == FILESPHERE_DIRECTORY;
    if (info.at_change > 0)
        self->at_change = info.at_change;
    if (directory && pass == 1)
        list_directory(self, operand, &remote);
    if (directory || pass == 1)
        return;
    if (code != FILESPHERE_OK)
        cli_fail_call(cli, code);
    else if (remote.into)
        cli_fail_status(cli, FSP_NOT_DIRECTORY,
                        "%s%.400s: is no directory; leave the last '/' away", cli_space_prefix(cli),
                        remote.path);
    else
        list_file(self, operand, &info);
}

int
cli_ls(cli_t *cli)
{
    static char root[] = "/";
    char *const roots[] = {root};
    char *const *operands = cli->operand_count > 0 ? cli->operands : roots;
    int count = cli->operand_count > 0 ? cli->operand_count : 1;
    cli->many = count > 1;
    lister_t lister = {.cli = cli, .headings = cli->many};
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < count && !cli_is_hopeless(cli); i++)
            list_operand(&lister, operands[i], pass);
    }
    if (cli->failure_count > 0 || cli_interrupted() || !cli->json)
        return cli_finish(cli);
    cli_remote_t remote;
    fsp_json_t *json = cli_line(cli, "result");
    if (!cli->many && cli_remote_parse(operands[0], &remote) == FSP_OK) {
        fsp_json_text(json, "path", remote.path);
        cli_json_space(cli, json);
    }
    fsp_json_uint(json, "count", lister.count);
    if (lister.at_change > 0)
        fsp_json_uint(json, "at_change", lister.at_change);
    cli_line_end(cli);
    return 0;
}

/* -- stat -------------------------------------------------------------------------------------- */

static void
print_info(const filesphere_info_t *info)
{
    char size[CLI_SIZE_BYTES];
    (void)printf("path      ");
    cli_print_escaped(info->path);
    (void)printf("\nspace     %s\nkind      %s\n", info->space, cli_kind_name(info->kind));
    cli_print_hex("file      ", info->file_id, sizeof info->file_id);
    if (info->kind != FILESPHERE_DIRECTORY) {
        cli_print_hex("version   ", info->version_id, sizeof info->version_id);
        (void)printf("number    %llu\nsize      %llu", (unsigned long long)info->number,
                     (unsigned long long)info->size);
        cli_size_format(info->size, size); /* besides the exact one, for people */
        if (isatty(STDOUT_FILENO))
            (void)printf("  (%s)", size);
        (void)printf("\n");
        cli_print_hex("sha256    ", info->sha256, sizeof info->sha256);
        cli_print_hex("root      ", info->content_root, sizeof info->content_root);
        (void)printf("chunks    %llu\nheads     %zu%s\n", (unsigned long long)info->chunks,
                     info->head_count,
                     info->head_count > 1 ? "  (look with: filesphere heads)" : "");
    }
    (void)printf("modified  ");
    cli_print_time(info->modified_us);
    if (info->attr.set)
        (void)printf("\nmode      %04o", info->attr.mode);
    if (info->lease_token > 0) {
        (void)printf("\nlease     %llu until ", (unsigned long long)info->lease_token);
        cli_print_time(info->lease_expires_us);
    }
    (void)printf("\n");
}

/* False: the failure is noted. */
static bool
stat_operand(cli_t *cli, const char *operand, filesphere_info_t *ret)
{
    cli_remote_t remote;
    if (!cli_remote(cli, operand, &remote))
        return false;
    char wanted[65];
    if (cli->version && !cli_version_text(cli, &remote, cli->version, wanted))
        return false;
    filesphere_code_t code =
        cli->version ? filesphere_stat(cli->handle, remote.space, remote.path, wanted, ret)
                     : filesphere_stat_at(cli->handle, remote.space, remote.path, cli->at, ret);
    bool odd = code == FILESPHERE_OK && remote.into && ret->kind != FILESPHERE_DIRECTORY;
    if (code != FILESPHERE_OK)
        cli_fail_call(cli, code);
    else if (odd)
        cli_fail_status(cli, FSP_NOT_DIRECTORY,
                        "%s%.400s: is no directory; leave the last '/' away", cli_space_prefix(cli),
                        remote.path);
    else
        cli->done_count++;
    return code == FILESPHERE_OK && !odd;
}

int
cli_stat(cli_t *cli)
{
    cli->many = cli->operand_count > 1;
    if (!check_moment(cli))
        return cli_finish(cli);
    filesphere_info_t info;
    for (int i = 0; i < cli->operand_count && !cli_is_hopeless(cli); i++) {
        if (!stat_operand(cli, cli->operands[i], &info))
            continue;
        if (cli->json) {
            cli_json_node(cli_line(cli, cli->many ? "node" : "result"), &info);
            cli_line_end(cli);
        } else {
            (void)printf("%s", cli->done_count > 1 ? "\n" : "");
            print_info(&info);
        }
    }
    if (cli->many && cli->json && cli->failure_count == 0 && !cli_interrupted()) {
        fsp_json_uint(cli_line(cli, "result"), "count", cli->done_count);
        cli_line_end(cli);
    }
    return cli_finish(cli);
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
        cli_print_hex("node      ", node.node_id, sizeof node.node_id);
        (void)printf("version   ");
        cli_print_escaped(node.version);
        char memory[CLI_SIZE_BYTES], unused[CLI_SIZE_BYTES], total[CLI_SIZE_BYTES];
        char reserve[CLI_SIZE_BYTES];
        (void)printf("\nuptime    %llu s\nmemory    %s\n", (unsigned long long)node.uptime_s,
                     cli_count_text(node.rss_bytes, memory));
        (void)printf(
            "disk      %s of %s free, reserve %s: ", cli_size_text(node.disk_free_bytes, unused),
            cli_count_text(node.disk_total_bytes, total),
            cli_size_text(node.disk_reserve_bytes, reserve));
        cli_print_escaped(node.disk_state);
        (void)printf("\nsync      %s\n", node.sync ? "on" : "OFF: a power cut loses data");
    }
    return cli_finish(cli);
}
