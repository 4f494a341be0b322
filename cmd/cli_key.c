/* SPDX-License-Identifier: MIT */
/* cli_key - `filesphere key`: who else may connect.  Layer cmd. */
#include "cmd/cli_profile.h"

#include "core/base/text.h"

#include <strings.h>

enum { KEY_DIGITS = 64, KEY_DIGITS_MIN = 8 };

static void
json_key(fsp_json_t *json, const filesphere_key_t *key)
{
    fsp_json_text(json, "name", key->name);
    fsp_json_hex(json, "key", key->key, sizeof key->key);
    if (key->added_us > 0)
        fsp_json_time(json, "added", key->added_us);
    else
        fsp_json_null(json, "added");
    fsp_json_bool(json, "own", key->own);
}

/* -- add --------------------------------------------------------------------------------------- */

int
cli_key_add(cli_t *cli)
{
    filesphere_key_t key = {.added_us = 0};
    if (!cli->out) {
        cli_fail_status(cli, FSP_INVALID,
                        "--out FILE: say where the new profile goes; it holds the secret key");
        return cli_finish(cli);
    }
    if (!cli_profile_name_valid(cli->operands[0])) {
        cli_fail_status(cli, FSP_BAD_NAME,
                        "%.80s: not a name for a key; use at most 63 letters, digits, '-', '_' and "
                        "'.', a letter or digit first",
                        cli->operands[0]);
        return cli_finish(cli);
    }
    filesphere_code_t code = filesphere_key_add(cli->handle, cli->operands[0], cli->out, &key);
    if (code != FILESPHERE_OK) {
        cli_fail_call(cli, code);
    } else if (cli->json) {
        fsp_json_t *json = cli_line(cli, "result");
        json_key(json, &key);
        fsp_json_text(json, "out", cli->out);
        cli_line_end(cli);
    } else if (!cli->quiet) {
        cli_print_escaped(key.name);
        (void)printf("  ");
        cli_print_escaped(cli->out);
        (void)printf("\n");
    }
    return cli_finish(cli);
}

/* -- ls ---------------------------------------------------------------------------------------- */

typedef struct {
    cli_t *cli;
    uint64_t count;
} lister_t;

static int
list_key(void *arg, const filesphere_key_t *key)
{
    lister_t *self = arg;
    cli_t *cli = self->cli;
    self->count++;
    if (cli->json) {
        json_key(cli_line(cli, "key"), key);
        cli_line_end(cli);
        return cli_interrupted() ? -1 : 0;
    }
    char text[KEY_DIGITS + 1];
    fsp_hex_encode(key->key, sizeof key->key, text);
    (void)printf("%s  ", text);
    if (key->added_us > 0)
        cli_print_time(key->added_us);
    else
        (void)printf("%-24s", "from the beginning");
    (void)printf("  ");
    cli_print_escaped(key->name);
    (void)printf("%s\n", key->own ? "  (this one)" : "");
    return cli_interrupted() || ferror(stdout) ? -1 : 0;
}

int
cli_key_ls(cli_t *cli)
{
    lister_t lister = {.cli = cli};
    filesphere_code_t code = filesphere_keys(cli->handle, list_key, &lister);
    return cli_finish_list(cli, code, lister.count);
}

/* -- rm ---------------------------------------------------------------------------------------- */

typedef struct {
    const char *text; /* a name, or digits of a key */
    uint64_t named, numbered;
    filesphere_key_t by_name, by_digits;
} finder_t;

static int
find_key(void *arg, const filesphere_key_t *key)
{
    finder_t *self = arg;
    char text[KEY_DIGITS + 1];
    fsp_hex_encode(key->key, sizeof key->key, text);
    size_t digits = strlen(self->text);
    if (strcmp(self->text, key->name) == 0) {
        self->named++;
        self->by_name = *key;
    }
    if (digits >= KEY_DIGITS_MIN && digits <= KEY_DIGITS &&
        strncasecmp(text, self->text, digits) == 0) {
        self->numbered++;
        self->by_digits = *key;
    }
    return cli_interrupted() ? -1 : 0;
}

/* Exactly one key that is meant; NULL: the failure is noted. */
static const filesphere_key_t *
meant_key(cli_t *cli, const finder_t *finder)
{
    if (finder->named == 1)
        return &finder->by_name;
    if (finder->named == 0 && finder->numbered == 1)
        return &finder->by_digits;
    if (finder->named + finder->numbered > 0)
        cli_fail_status(cli, FSP_AMBIGUOUS, "%.80s: fits several keys; give more of its digits",
                        finder->text);
    else
        cli_fail_status(cli, FSP_NOT_FOUND,
                        "%.80s: there is no such key; look with: filesphere key ls", finder->text);
    return NULL;
}

int
cli_key_rm(cli_t *cli)
{
    finder_t finder = {.text = cli->operands[0]};
    filesphere_code_t code = filesphere_keys(cli->handle, find_key, &finder);
    if (code != FILESPHERE_OK) {
        cli_fail_call(cli, code);
        return cli_finish(cli);
    }
    const filesphere_key_t *key = meant_key(cli, &finder);
    char what[160];
    (void)snprintf(what, sizeof what, "whoever has the key %.63s cannot connect any more",
                   key ? key->name : "");
    if (!key || !cli_confirm(cli, what, key->name))
        return cli_finish(cli);
    code = filesphere_key_remove(cli->handle, key->key);
    if (cli_is(code, FSP_FORBIDDEN)) {
        cli_fail(cli, code,
                 "%.63s: the key of this profile, and the one that came with the mesh, cannot be "
                 "removed; use another profile",
                 key->name);
    } else if (code != FILESPHERE_OK) {
        cli_fail_call(cli, code);
    } else if (cli->json) {
        json_key(cli_line(cli, "result"), key);
        cli_line_end(cli);
    }
    return cli_finish(cli);
}
