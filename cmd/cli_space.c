/* SPDX-License-Identifier: MIT */
/* cli_space - `filesphere space`: spaces and their settings.  Layer cmd. */
#include "cmd/cli_common.h"

/* The space that an operand names: "NAME", and also "NAME:" and "NAME:/", as other commands want
   it. Cuts the end off. */
static const char *
take_name(char *operand)
{
    char *end = strchr(operand, ':');
    if (end && (strcmp(end, ":") == 0 || strcmp(end, ":/") == 0))
        *end = '\0';
    return operand;
}

/* -- create ------------------------------------------------------------------------------------ */

int
cli_space_create(cli_t *cli)
{
    filesphere_info_t info = {.size = 0};
    const char *name = cli->operands[0];
    uint64_t chunking[3];
    if (cli->chunk_size && cli_chunking_parse(cli->chunk_size, chunking) != FSP_OK) {
        cli_fail_status(
            cli, FSP_INVALID,
            "--chunk-size %.80s: give one size, or the least, the average and the most, "
            "rising, as in 64K,256K,1M",
            cli->chunk_size);
        return cli_finish(cli);
    }
    filesphere_code_t code =
        cli->chunk_size
            ? filesphere_space_create_chunked(cli->handle, name, cli->quota_bytes, chunking, &info)
            : filesphere_space_create(cli->handle, name, cli->quota_bytes, &info);
    if (code != FILESPHERE_OK) {
        cli_fail_call(cli, code);
    } else if (cli->json) {
        fsp_json_t *json = cli_line(cli, "result");
        fsp_json_text(json, "space", info.space);
        cli_json_id(json, "root_id", info.file_id, sizeof info.file_id);
        fsp_json_uint(json, "quota", cli->quota_bytes);
        fsp_json_uint(json, "change", info.change);
        cli_line_end(cli);
    } else if (!cli->quiet) {
        (void)printf("%s:/\n", info.space);
    }
    return cli_finish(cli);
}

/* -- ls, show ---------------------------------------------------------------------------------- */

static void
json_keep(fsp_json_t *json, const filesphere_keep_t *keep)
{
    fsp_json_object(json, "keep");
    fsp_json_uint(json, "last", keep->last);
    fsp_json_uint(json, "days", keep->days);
    fsp_json_uint(json, "daily", keep->daily);
    fsp_json_uint(json, "weekly", keep->weekly);
    fsp_json_uint(json, "monthly", keep->monthly);
    fsp_json_uint(json, "past_days", keep->past_days);
    fsp_json_object_end(json);
}

static void
json_space(fsp_json_t *json, const filesphere_space_t *space)
{
    fsp_json_text(json, "name", space->name);
    fsp_json_hex(json, "space_id", space->space_id, sizeof space->space_id);
    fsp_json_hex(json, "owner", space->owner, sizeof space->owner);
    fsp_json_uint(json, "used", space->used_bytes);
    fsp_json_uint(json, "quota", space->quota_bytes);
    fsp_json_uint(json, "change", space->change);
    fsp_json_uint(json, "epoch", space->epoch);
    if (space->chunk_bytes_max > 0) {
        fsp_json_array(json, "chunking");
        fsp_json_uint(json, NULL, space->chunk_bytes_min);
        fsp_json_uint(json, NULL, space->chunk_bytes_avg);
        fsp_json_uint(json, NULL, space->chunk_bytes_max);
        fsp_json_array_end(json);
    }
    json_keep(json, &space->keep);
    if (space->closes_us > 0)
        fsp_json_time(json, "closes", space->closes_us);
}

typedef struct {
    cli_t *cli;
    uint64_t count;
} lister_t;

static int
list_space(void *arg, const filesphere_space_t *space)
{
    lister_t *self = arg;
    cli_t *cli = self->cli;
    self->count++;
    if (cli->json) {
        json_space(cli_line(cli, "space"), space);
        cli_line_end(cli);
        return cli_interrupted() ? -1 : 0;
    }
    char size[CLI_SIZE_BYTES];
    cli_print_escaped(space->name);
    if (cli->long_lines) {
        (void)printf("  used %s", cli_size_text(space->used_bytes, size));
        if (space->quota_bytes > 0)
            (void)printf(" of %s", cli_size_text(space->quota_bytes, size));
        (void)printf(", change %llu", (unsigned long long)space->change);
    }
    if (space->closes_us > 0) {
        (void)printf("  being removed: its content goes at ");
        cli_print_time(space->closes_us);
    }
    (void)printf("\n");
    return cli_interrupted() || ferror(stdout) ? -1 : 0;
}

int
cli_space_ls(cli_t *cli)
{
    lister_t lister = {.cli = cli};
    filesphere_code_t code = filesphere_spaces(cli->handle, list_space, &lister);
    return cli_finish_list(cli, code, lister.count);
}

/* "keeps     last 10, 30 days", as the settings are. */
static void
print_keep(const filesphere_keep_t *keep)
{
    const struct {
        uint64_t count;
        const char *before, *after;
    } rules[] = {{keep->last, "the newest ", ""},
                 {keep->days, "all for ", " days"},
                 {keep->daily, "one of each of ", " days"},
                 {keep->weekly, "one of each of ", " weeks"},
                 {keep->monthly, "one of each of ", " months"}};
    bool any = false;
    (void)printf("keeps     ");
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (rules[i].count == 0)
            continue;
        (void)printf("%s%s%llu%s", any ? ", " : "", rules[i].before,
                     (unsigned long long)rules[i].count, rules[i].after);
        any = true;
    }
    (void)printf("%s\npast      ", any ? "" : "all versions");
    if (keep->past_days > 0)
        (void)printf("%llu days\n", (unsigned long long)keep->past_days);
    else
        (void)printf("for ever\n");
}

static void
print_space(const filesphere_space_t *space)
{
    char used[CLI_SIZE_BYTES], quota[CLI_SIZE_BYTES];
    char least[CLI_SIZE_BYTES], average[CLI_SIZE_BYTES], most[CLI_SIZE_BYTES];
    (void)printf("name      %s\n", space->name);
    cli_print_hex("space     ", space->space_id, sizeof space->space_id);
    cli_print_hex("owner     ", space->owner, sizeof space->owner);
    (void)printf("used      %s\nquota     %s\nchange    %llu\nepoch     %llu\n",
                 cli_size_text(space->used_bytes, used),
                 space->quota_bytes > 0 ? cli_size_text(space->quota_bytes, quota) : "none",
                 (unsigned long long)space->change, (unsigned long long)space->epoch);
    if (space->chunk_bytes_max > 0)
        (void)printf("chunks    %s, %s, %s (least, average, most)\n",
                     cli_size_text(space->chunk_bytes_min, least),
                     cli_size_text(space->chunk_bytes_avg, average),
                     cli_count_text(space->chunk_bytes_max, most));
    print_keep(&space->keep);
    if (space->closes_us > 0) {
        (void)printf("closes    ");
        cli_print_time(space->closes_us);
        (void)printf("  (its content goes then; keep it with: filesphere space rm --cancel)\n");
    }
}

/* The space as it is now, as the result. */
static void
show(cli_t *cli, const char *name)
{
    filesphere_space_t space;
    filesphere_code_t code = filesphere_space_show(cli->handle, name, &space);
    if (code != FILESPHERE_OK) {
        cli_fail_call(cli, code);
    } else if (cli->json) {
        json_space(cli_line(cli, "result"), &space);
        cli_line_end(cli);
    } else {
        print_space(&space);
    }
}

int
cli_space_show(cli_t *cli)
{
    show(cli, cli->operand_count > 0 ? take_name(cli->operands[0]) : cli->space);
    return cli_finish(cli);
}

/* -- set --------------------------------------------------------------------------------------- */

int
cli_space_set(cli_t *cli)
{
    const char *name = take_name(cli->operands[0]);
    bool rules_given = cli->has_keep_last || cli->has_keep_days || cli->has_keep_daily ||
                       cli->has_keep_weekly || cli->has_keep_monthly || cli->has_past_days;
    bool keep = rules_given || cli->keep_all;
    filesphere_space_settings_t settings = {
        .set_quota = cli->has_quota, .quota_bytes = cli->quota_bytes, .set_keep = keep};
    if (!keep && !cli->has_quota) {
        cli_fail_status(cli, FSP_INVALID, "nothing to set; see: filesphere space set --help");
        return cli_finish(cli);
    }
    if (rules_given && cli->keep_all) {
        cli_fail_status(cli, FSP_INVALID, "--keep-all and the other rules exclude each other");
        return cli_finish(cli);
    }
    /* What is not named stays as it is: of rules, too. */
    filesphere_space_t now;
    filesphere_code_t code =
        rules_given ? filesphere_space_show(cli->handle, name, &now) : FILESPHERE_OK;
    if (code == FILESPHERE_OK && rules_given) {
        const struct {
            bool given;
            uint64_t value, *rule;
        } rules[] = {{cli->has_keep_last, cli->keep.last, &now.keep.last},
                     {cli->has_keep_days, cli->keep.days, &now.keep.days},
                     {cli->has_keep_daily, cli->keep.daily, &now.keep.daily},
                     {cli->has_keep_weekly, cli->keep.weekly, &now.keep.weekly},
                     {cli->has_keep_monthly, cli->keep.monthly, &now.keep.monthly},
                     {cli->has_past_days, cli->keep.past_days, &now.keep.past_days}};
        for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
            if (rules[i].given)
                *rules[i].rule = rules[i].value;
        }
        settings.keep = now.keep;
    }
    if (code == FILESPHERE_OK)
        code = filesphere_space_set(cli->handle, name, &settings);
    if (code != FILESPHERE_OK)
        cli_fail_call(cli, code);
    else if (cli->json || !cli->quiet)
        show(cli, name);
    return cli_finish(cli);
}

/* -- rm ---------------------------------------------------------------------------------------- */

/* False: the failure is noted. */
static bool
confirm_removal(cli_t *cli, const char *name)
{
    if (cli->cancel || !cli->now)
        return true; /* it can be taken back until the delay has passed */
    char what[160];
    (void)snprintf(what, sizeof what, "the space %.64s and all that is in it goes at once", name);
    return cli_confirm(cli, what, name);
}

int
cli_space_rm(cli_t *cli)
{
    static const uint64_t delay_us = UINT64_C(7) * 86400 * 1000000;
    const char *name = take_name(cli->operands[0]);
    if (cli->now + (cli->duration_us > 0) + cli->cancel > 1) {
        cli_fail_status(cli, FSP_INVALID, "--delay, --now and --cancel exclude each other");
        return cli_finish(cli);
    }
    if (!confirm_removal(cli, name))
        return cli_finish(cli);
    uint64_t wanted_us = cli->now ? 0 : cli->duration_us > 0 ? cli->duration_us : delay_us;
    uint64_t closes_us = 0;
    filesphere_code_t code =
        cli->cancel ? filesphere_space_keep(cli->handle, name)
                    : filesphere_space_remove(cli->handle, name, wanted_us, &closes_us);
    if (cli_is(code, FSP_INVALID)) {
        cli_fail(cli, code, "%.64s: the home space of a mesh cannot be removed", name);
    } else if (code != FILESPHERE_OK) {
        cli_fail_call(cli, code);
    } else if (cli->json) {
        fsp_json_t *json = cli_line(cli, "result");
        fsp_json_text(json, "space", name);
        if (closes_us > 0)
            fsp_json_time(json, "closes", closes_us);
        cli_line_end(cli);
    } else if (!cli->quiet && closes_us > 0) {
        (void)printf("%s: its content goes at ", name);
        cli_print_time(closes_us);
        (void)printf("\n");
    }
    return cli_finish(cli);
}

/* -- collect ----------------------------------------------------------------------------------- */

int
cli_space_collect(cli_t *cli)
{
    filesphere_collection_t round = {.epoch = 0};
    filesphere_code_t code = filesphere_space_collect(
        cli->handle, cli->operand_count > 0 ? take_name(cli->operands[0]) : cli->space, &round);
    if (code != FILESPHERE_OK) {
        cli_fail_call(cli, code);
    } else if (cli->json) {
        fsp_json_t *json = cli_line(cli, "result");
        fsp_json_uint(json, "epoch", round.epoch);
        fsp_json_uint(json, "live_objects", round.live_objects);
        fsp_json_uint(json, "swept_objects", round.swept_objects);
        fsp_json_uint(json, "swept_bytes", round.swept_bytes);
        cli_line_end(cli);
    } else if (!cli->quiet) {
        char size[CLI_SIZE_BYTES];
        (void)printf("round %llu: %llu objects in use, %llu went (%s)\n",
                     (unsigned long long)round.epoch, (unsigned long long)round.live_objects,
                     (unsigned long long)round.swept_objects,
                     cli_count_text(round.swept_bytes, size));
    }
    return cli_finish(cli);
}
