/* SPDX-License-Identifier: MIT */
/* cli_completion - what may stand at the end of a command line.  Layer cmd.
 *
 * The shells' stubs (cli_shells.c) call `filesphere __complete -- WORDS...`, the words so far and
 * the one that is being typed, and get one candidate a line: the whole word, and perhaps a tab and
 * what it is.  The line ":files" asks the shell for local files besides.  Nothing here fails or
 * speaks: without an answer of the node within a second there are no remote candidates.
 */
#include "cmd/cli_common.h"
#include "cmd/cli_profile.h"

#include "core/base/text.h"

enum { DEADLINE_MS = 1000, CANDIDATES_MAX = 10000 };

typedef struct {
    cli_t *cli;
    const char *word; /* that is being typed */
    const char *head; /* what of it stays before each candidate: "--space=", "/docs/" */
    size_t count;
    const char *first_operand, *last_operand;
} completer_t;

/* -- candidates -------------------------------------------------------------------------------- */

static bool
is_plain(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return false; /* a shell could not take it as it is */
    }
    return true;
}

/* A candidate with the head before it, if it goes on what is typed. */
static void
offer(completer_t *self, const char *text, const char *end, const char *what)
{
    size_t head = strlen(self->head);
    const char *typed = self->word + head;
    if (strncmp(text, typed, strlen(typed)) != 0 || !is_plain(text) ||
        self->count >= CANDIDATES_MAX)
        return;
    self->count++;
    (void)printf("%s%s%s%s%s\n", self->head, text, end, what ? "\t" : "", what ? what : "");
}

static void
offer_choices(completer_t *self, const char *choices)
{
    for (const char *at = choices; *at;) {
        char word[64];
        size_t bytes = strcspn(at, "|");
        (void)snprintf(word, sizeof word, "%.*s", (int)bytes, at);
        offer(self, word, "", NULL);
        at += bytes + (at[bytes] == '|');
    }
}

static void
offer_option(completer_t *self, const cli_option_t *option)
{
    char text[72];
    (void)snprintf(text, sizeof text, "--%s", option->name);
    offer(self, text, "", option->help);
}

static void
offer_options(completer_t *self, const cli_command_t *command)
{
    for (size_t i = 0; command && i < cli_option_count; i++) {
        if (cli_has_option(command, &cli_options[i]))
            offer_option(self, &cli_options[i]);
    }
    for (size_t i = 0; i < cli_common_option_count; i++)
        offer_option(self, &cli_common_options[i]);
}

/* First words, or the second ones of a group. */
static void
offer_commands(completer_t *self, const char *group)
{
    for (size_t i = 0; i < cli_command_count; i++) {
        const cli_command_t *command = &cli_commands[i];
        if (command->flags & CLI_HIDDEN)
            continue;
        if (group) {
            if (command->group && strcmp(command->group, group) == 0)
                offer(self, command->name, "", command->summary);
            continue;
        }
        bool again = false; /* a group is offered with its first command */
        for (size_t j = 0; command->group && j < i; j++)
            again = again ||
                    (cli_commands[j].group && strcmp(cli_commands[j].group, command->group) == 0);
        if (!again)
            offer(self, command->group ? command->group : command->name, "",
                  command->group ? "several commands" : command->summary);
    }
}

static void
offer_profiles(completer_t *self)
{
    fsp_buf_t names;
    fsp_buf_init(&names, 1024 * 1024);
    size_t count = cli_profile_names(&names);
    const char *at = (const char *)names.data;
    for (size_t i = 0; i < count; i++, at += strlen(at) + 1)
        offer(self, at, "", NULL);
    fsp_buf_clear(&names);
}

/* -- what the node knows ----------------------------------------------------------------------- */

/* Connects, or not: within the deadline, and without a word.  All that follows has to end within
   what is left of it. */
static bool
connect_soon(cli_t *cli)
{
    if (cli->handle)
        return true;
    uint64_t began_us = cli_now_us();
    cli_profile_find(cli);
    filesphere_config_t config = {.profile_path = cli->profile_path,
                                  .timeout_ms = DEADLINE_MS,
                                  .client_name = "filesphere/" FSP_VERSION};
    bool good = filesphere_open(&config, &cli->handle) == FILESPHERE_OK;
    uint64_t gone_ms = (cli_now_us() - began_us) / 1000;
    if (good && gone_ms < DEADLINE_MS) {
        filesphere_set_deadline(cli->handle, DEADLINE_MS - gone_ms);
        filesphere_set_patience(cli->handle, 0);
        return true;
    }
    if (cli->handle)
        filesphere_close(&cli->handle);
    return false;
}

static int
offer_space(void *arg, const filesphere_space_t *space)
{
    offer(arg, space->name, "", NULL);
    return 0;
}

static int
offer_space_root(void *arg, const filesphere_space_t *space)
{
    offer(arg, space->name, ":/", NULL);
    return 0;
}

static int
offer_entry(void *arg, const filesphere_entry_t *entry)
{
    completer_t *self = arg;
    offer(self, entry->name, entry->kind == FILESPHERE_DIRECTORY ? "/" : "", NULL);
    return self->count < CANDIDATES_MAX ? 0 : -1;
}

static int
offer_version(void *arg, const filesphere_version_t *version)
{
    completer_t *self = arg;
    char text[17], number[24], what[96], size[CLI_SIZE_BYTES], time[FSP_RFC3339_BYTES];
    fsp_hex_encode(version->version_id, 8, text);
    fsp_rfc3339(version->time_us, time);
    cli_size_format(version->size, size);
    (void)snprintf(number, sizeof number, "%llu", (unsigned long long)version->number);
    (void)snprintf(what, sizeof what, "version %s, %s, %s", number, time, size);
    offer(self, number, "", what);
    offer(self, text, "", what);
    return self->count < CANDIDATES_MAX ? 0 : -1;
}

static int
offer_key(void *arg, const filesphere_key_t *key)
{
    offer(arg, key->name, "", NULL);
    return 0;
}

/* Names in the directory that is typed already; or roots, of this space and of the others. */
static void
offer_remote(completer_t *self)
{
    cli_t *cli = self->cli;
    size_t skipped = strlen(self->head);
    const char *typed = self->word + skipped, *slash = strrchr(typed, '/');
    if (!slash) {
        offer(self, "/", "", NULL);
        if (connect_soon(cli))
            (void)filesphere_spaces(cli->handle, offer_space_root, self);
        return;
    }
    fsp_buf_t directory, head;
    cli_remote_t remote;
    fsp_buf_init(&directory, 64 * 1024);
    fsp_buf_init(&head, 64 * 1024);
    fsp_buf_append(&directory, typed, (size_t)(slash + 1 - typed));
    fsp_buf_append_u8(&directory, 0);
    fsp_buf_append(&head, self->word, (size_t)(slash + 1 - self->word));
    fsp_buf_append_u8(&head, 0);
    bool parsed = fsp_buf_ok(&directory) && fsp_buf_ok(&head) &&
                  cli_remote_parse((const char *)directory.data, &remote) == FSP_OK;
    if (parsed && connect_soon(cli)) {
        completer_t inside = *self;
        inside.head = (const char *)head.data;
        (void)filesphere_list(cli->handle, remote.space ? remote.space : cli->space, remote.path,
                              slash[1] ? slash + 1 : NULL, offer_entry, &inside);
        self->count = inside.count;
    }
    fsp_buf_clear(&directory);
    fsp_buf_clear(&head);
}

static void
offer_versions(completer_t *self)
{
    cli_remote_t remote;
    cli_t *cli = self->cli;
    const char *path = self->last_operand; /* of put it is the remote one */
    if (path && cli_remote_parse(path, &remote) != FSP_OK)
        path = self->first_operand;
    if (path && cli_remote_parse(path, &remote) == FSP_OK && connect_soon(cli))
        (void)filesphere_versions(cli->handle, remote.space ? remote.space : cli->space,
                                  remote.path, offer_version, self);
}

/* -- what may stand there ---------------------------------------------------------------------- */

/* By the word for it in the tables: "REMOTE", "SPACE", "VERSION", "a|b". */
static void
offer_kind(completer_t *self, const char *kind)
{
    if (strstr(kind, "REMOTE") || strcmp(kind, "PATH") == 0)
        offer_remote(self);
    else if (strcmp(kind, "SPACE:/") == 0 && connect_soon(self->cli))
        (void)filesphere_spaces(self->cli->handle, offer_space_root, self);
    else if (strcmp(kind, "SPACE") == 0 && connect_soon(self->cli))
        (void)filesphere_spaces(self->cli->handle, offer_space, self);
    else if (strcmp(kind, "VERSION") == 0)
        offer_versions(self);
    else if (strcmp(kind, "KEY") == 0 && connect_soon(self->cli))
        (void)filesphere_keys(self->cli->handle, offer_key, self);
    else if (strcmp(kind, "PROFILE") == 0)
        offer_profiles(self);
    else if (strcmp(kind, "SHELL") == 0)
        offer_choices(self, "bash|zsh|fish");
    if (strcmp(kind, "LOCAL") == 0 || strcmp(kind, "FILE") == 0 || strcmp(kind, "LOCALFILE") == 0 ||
        strcmp(kind, "PROFILE") == 0)
        (void)printf(":files\n");
}

static void
offer_value(completer_t *self, const cli_option_t *option)
{
    if (option->choices)
        offer_choices(self, option->choices);
    else
        offer_kind(self, option->argument);
}

/* The option that a word is: "-r", "--space", "--space=x"; NULL: none of these. */
static const cli_option_t *
option_of(const cli_command_t *command, const char *word)
{
    const cli_option_t *tables[] = {cli_common_options, command ? cli_options : NULL};
    size_t counts[] = {cli_common_option_count, cli_option_count};
    for (size_t t = 0; t < 2; t++) {
        for (size_t i = 0; tables[t] && i < counts[t]; i++) {
            const cli_option_t *option = &tables[t][i];
            size_t bytes = strlen(option->name);
            if (t == 1 && !cli_has_option(command, option))
                continue;
            if (word[1] == '-' && strncmp(word + 2, option->name, bytes) == 0 &&
                (word[2 + bytes] == '\0' || word[2 + bytes] == '='))
                return option;
            if (option->letter && word[1] == option->letter && word[2] == '\0')
                return option;
        }
    }
    return NULL;
}

/* --profile and --space count for what is asked, too. */
static void
note_setting(cli_t *cli, const cli_option_t *option, const char *value)
{
    if (strcmp(option->name, "profile") == 0)
        cli->profile = value;
    else if (strcmp(option->name, "space") == 0)
        cli->space = value;
}

/* Where the words before the last one lead. */
typedef struct {
    const cli_command_t *command;
    const char *group;          /* a group without its command yet */
    const cli_option_t *option; /* that waits for its argument */
    size_t operands;            /* of the command, so far */
    bool no_options;            /* after "--" */
} place_t;

static void
take_word(completer_t *self, place_t *place, char *const *words, size_t at)
{
    const char *word = words[at];
    if (place->option) {
        note_setting(self->cli, place->option, word);
        place->option = NULL;
    } else if (!place->no_options && strcmp(word, "--") == 0) {
        place->no_options = true;
    } else if (!place->no_options && word[0] == '-' && word[1]) {
        const cli_option_t *option = option_of(place->command, word);
        const char *value = strchr(word, '=');
        if (option && option->argument && value)
            note_setting(self->cli, option, value + 1);
        else if (option && option->argument)
            place->option = option;
    } else if (place->command) {
        if (place->operands++ == 0)
            self->first_operand = word;
        self->last_operand = word;
    } else if (place->group) {
        char *pair[2] = {(char *)place->group, words[at]};
        size_t used;
        place->command = cli_find_command(pair, 2, &used);
        place->group = NULL;
    } else if (cli_is_group(word)) {
        place->group = word;
    } else {
        size_t used;
        place->command = cli_find_command(&words[at], 1, &used);
    }
}

static void
offer_operand(completer_t *self, const place_t *place)
{
    char kind[32];
    size_t before, after;
    cli_operand_word(place->command, place->operands, kind, sizeof kind);
    if (strcmp(kind, "COMMAND") == 0)
        offer_commands(self, place->operands > 0 ? self->first_operand : NULL);
    else
        offer_kind(self, kind);
    /* After the first of "LOCAL... REMOTE" it may be either. */
    cli_operand_many(place->command, &before, &after);
    const char *last = strrchr(place->command->operands, ' ');
    if (before != SIZE_MAX && after > 0 && place->operands > before && last &&
        strcmp(last + 1, kind) != 0)
        offer_kind(self, last + 1);
}

int
cli_complete(cli_t *cli)
{
    static const char nothing[] = "";
    size_t count = (size_t)cli->operand_count;
    completer_t self = {
        .cli = cli, .word = count > 0 ? cli->operands[count - 1] : nothing, .head = nothing};
    place_t place = {.command = NULL};
    cli->json = false;
    for (size_t i = 0; i + 1 < count; i++)
        take_word(&self, &place, cli->operands, i);
    char head[80];
    const char *value = self.word[0] == '-' ? strchr(self.word, '=') : NULL;
    if (place.option) {
        offer_value(&self, place.option);
    } else if (value && !place.no_options && (size_t)(value - self.word) + 2 < sizeof head) {
        const cli_option_t *option = option_of(place.command, self.word);
        (void)snprintf(head, sizeof head, "%.*s", (int)(value + 1 - self.word), self.word);
        self.head = head;
        if (option && option->argument)
            offer_value(&self, option);
    } else if (self.word[0] == '-' && !place.no_options) {
        offer_options(&self, place.command);
    } else if (place.command) {
        offer_operand(&self, &place);
    } else {
        offer_commands(&self, place.group);
    }
    if (cli->handle)
        filesphere_close(&cli->handle);
    return 0;
}
