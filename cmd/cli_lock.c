/* SPDX-License-Identifier: MIT */
/* cli_lock - leases: lock, renew, unlock.  Layer cmd. */
#include "cmd/cli_common.h"

#include "core/base/text.h"

static const uint64_t LEASE_US = UINT64_C(600) * 1000 * 1000;

/* The result of a call about one lease. */
static int
finish(cli_t *cli, const filesphere_info_t *info, uint64_t token, uint64_t duration_us)
{
    if (cli->failure_count > 0 || cli_interrupted())
        return cli_finish(cli);
    if (cli->json) {
        fsp_json_t *json = cli_line(cli, "result");
        fsp_json_text(json, "path", info->path);
        fsp_json_text(json, "space", info->space);
        cli_json_id(json, "file_id", info->file_id, sizeof info->file_id);
        if (token > 0)
            fsp_json_uint(json, "token", token);
        if (token > 0 && duration_us > 0)
            fsp_json_time(json, "expires", info->modified_us + duration_us);
        fsp_json_uint(json, "change", info->change);
        cli_line_end(cli);
    } else if (token > 0 && !cli->quiet) {
        (void)printf("%llu\n", (unsigned long long)token);
    }
    return 0;
}

/* How long the lease is to last.  False: the failure is noted. */
static bool
take_duration(cli_t *cli, uint64_t *ret_us)
{
    *ret_us = cli->duration_us ? cli->duration_us : LEASE_US;
    if (*ret_us <= CLI_LEASE_S_MAX * UINT64_C(1000000))
        return true;
    cli_fail_status(cli, FSP_INVALID, "--for: a lease lasts at most %d days",
                    CLI_LEASE_S_MAX / 86400);
    return false;
}

int
cli_lock(cli_t *cli)
{
    cli_remote_t remote;
    uint64_t duration_us, token = 0;
    if (!cli_remote(cli, cli->operands[0], &remote) || !take_duration(cli, &duration_us))
        return cli_finish(cli);
    filesphere_info_t info = {.size = 0};
    filesphere_code_t code =
        filesphere_lock(cli->handle, remote.space, remote.path, duration_us, &token, &info);
    if (code != FILESPHERE_OK)
        cli_fail_call(cli, code);
    bool quiet = cli->quiet;
    cli->quiet = false; /* the token is the result */
    int exit_code = finish(cli, &info, token, duration_us);
    cli->quiet = quiet;
    return exit_code;
}

int
cli_renew(cli_t *cli)
{
    cli_remote_t remote;
    uint64_t token, duration_us;
    if (!cli_remote(cli, cli->operands[0], &remote) ||
        !cli_number(cli, "a token", cli->operands[1], &token) || !take_duration(cli, &duration_us))
        return cli_finish(cli);
    filesphere_info_t info = {.size = 0};
    filesphere_code_t code =
        filesphere_renew(cli->handle, remote.space, remote.path, token, duration_us, &info);
    if (code != FILESPHERE_OK)
        cli_fail_call(cli, code);
    return finish(cli, &info, token, duration_us);
}

int
cli_unlock(cli_t *cli)
{
    cli_remote_t remote;
    uint64_t token = 0;
    if (!cli_remote(cli, cli->operands[0], &remote))
        return cli_finish(cli);
    if (cli->force == (cli->operand_count > 1)) {
        cli_fail_status(cli, FSP_INVALID, "give the token that lock printed, or --force");
        return cli_finish(cli);
    }
    if (!cli->force && !cli_number(cli, "a token", cli->operands[1], &token))
        return cli_finish(cli);
    filesphere_info_t info = {.size = 0};
    filesphere_code_t code =
        filesphere_unlock(cli->handle, remote.space, remote.path, token, &info);
    if (code != FILESPHERE_OK)
        cli_fail_call(cli, code);
    return finish(cli, &info, 0, 0);
}
