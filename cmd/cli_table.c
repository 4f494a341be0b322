/* SPDX-License-Identifier: MIT */
/* cli_table - the options of `filesphere` as rows; finding commands.  Layer cmd. */
#include "cmd/cli_table.h"

#include "cmd/cli_common.h"

#include <string.h>

/* -- options ----------------------------------------------------------------------------------- */

#define FLAG(name) CLI_TAKE_FLAG, .field = offsetof(cli_t, name)
#define TEXT(name) CLI_TAKE_TEXT, .field = offsetof(cli_t, name)
#define LIST(name) CLI_TAKE_LIST, .field = offsetof(cli_t, name)
#define CHOICE(name, words) CLI_TAKE_CHOICE, .field = offsetof(cli_t, name), .choices = (words)
#define NUMBER(name, least, most)                                                                  \
    CLI_TAKE_NUMBER, .field = offsetof(cli_t, name), .min = (least), .max = (most)
#define SIZE(name) CLI_TAKE_SIZE, .field = offsetof(cli_t, name)
#define DURATION(name) CLI_TAKE_DURATION, .field = offsetof(cli_t, name)
#define MOMENT(name) CLI_TAKE_MOMENT, .field = offsetof(cli_t, name)
#define TIME(name) CLI_TAKE_TIME, .field = offsetof(cli_t, name)
#define RANGE(name) CLI_TAKE_RANGE, .field = offsetof(cli_t, name)
#define GIVEN(name) .given = offsetof(cli_t, name)

const cli_option_t cli_options[] = {
    {'r', "recursive", NULL, "directories with all that is in them", FLAG(recursive)},
    {'n', "no-replace", NULL, "fail if something is there already", FLAG(no_replace)},
    {0, "no-glob", NULL, "take *, ? and [ in remote paths as they are", FLAG(no_glob)},
    {0, "if-match", "VERSION",
     "only if this is the present version: its number, or 8 to 64 of its digits", TEXT(if_match)},
    {'m', "message", "TEXT", "a message that is kept with the version", TEXT(message)},
    {0, "version", "VERSION",
     "this version instead of the newest: its number, or 8 to 64 of its digits", TEXT(version)},
    {0, "range", "A-B", "only bytes A to B, both included; 'A-' is up to the end",
     RANGE(range_first), GIVEN(has_range)},
    {'l', "long", NULL, "with size and time", FLAG(long_lines)},
    {0, "prefix", "TEXT", "only names that start so", TEXT(prefix)},
    {'p', "parents", NULL, "make parents; no error if it exists", FLAG(parents)},
    {0, "after", "NUMBER", "only changes after this number", NUMBER(after, 0, UINT64_MAX - 1),
     GIVEN(has_after)},
    {0, "at", "TIME", "as it was: RFC 3339, a date, how long ago (-2h), or a change number (@127)",
     MOMENT(at)},
    {0, "lease", "TOKEN", "only if the lease is still this one (see lock)",
     NUMBER(lease_token, 1, UINT64_MAX)},
    {0, "for", "DURATION", "how long the lease lasts: 30s, 10m, 2h, 1d (10m)",
     DURATION(duration_us)},
    {0, "force", NULL, "whoever holds it", FLAG(force)},
    {0, "older-than", "DURATION", "only what was removed so long ago: 12h, 30d",
     DURATION(duration_us)},
    {0, "count", "NUMBER", "end after so many changes", NUMBER(count, 1, UINT64_MAX),
     GIVEN(has_count)},
    {0, "chunk-size", "SIZE|MIN,AVG,MAX",
     "length of its chunks: one for all, or where cuts may be (64K to 4M); cannot be changed later",
     TEXT(chunk_size)},
    {0, "keep-last", "NUMBER", "keep the newest so many versions of each file",
     NUMBER(keep.last, 0, 1000000), GIVEN(has_keep_last)},
    {0, "keep-days", "NUMBER", "keep all versions so many days after they were replaced",
     NUMBER(keep.days, 0, 1000000), GIVEN(has_keep_days)},
    {0, "keep-daily", "NUMBER", "keep what stood at the ends of so many days",
     NUMBER(keep.daily, 0, 1000000), GIVEN(has_keep_daily)},
    {0, "keep-weekly", "NUMBER", "keep what stood at the ends of so many weeks",
     NUMBER(keep.weekly, 0, 1000000), GIVEN(has_keep_weekly)},
    {0, "keep-monthly", "NUMBER", "keep what stood at the ends of so many months",
     NUMBER(keep.monthly, 0, 1000000), GIVEN(has_keep_monthly)},
    {0, "keep-all", NULL, "keep every version, and the past for ever", FLAG(keep_all)},
    {0, "past-days", "NUMBER", "how far --at and changes reach back; 0: for ever",
     NUMBER(keep.past_days, 0, 1000000), GIVEN(has_past_days)},
    {0, "take", "VERSION", "this version's content is right: its number, or 8 to 64 of its digits",
     TEXT(take)},
    {0, "from", "LOCALFILE", "this file's content is right; '-' is standard input", TEXT(from)},
    {0, "head", "VERSION", "a head that you have seen (repeatable): fail if there are others now",
     LIST(heads)},
    {0, "out", "FILE", "where the new profile goes; there must be nothing", TEXT(out)},
    {0, "quota", "BYTES", "what it may hold: 500M, 10G, 2T", SIZE(quota_bytes), GIVEN(has_quota)},
    {0, "delay", "DURATION", "how long its content stays: 12h, 30d (7d)", DURATION(duration_us)},
    {0, "now", NULL, "without delay", FLAG(now)},
    {0, "cancel", NULL, "keep it after all", FLAG(cancel)},
    {0, "depth", "NUMBER", "no deeper than so many levels; 0 is the path itself",
     NUMBER(depth, 0, 64), GIVEN(has_depth)},
    {'s', "summary", NULL, "only the whole of each path", FLAG(summary)},
    {0, "name", "PATTERN", "only names that fit: * any letters, ? one, [a-z] one of these",
     TEXT(name_glob)},
    {0, "type", "TYPE", "only files, directories or symbolic links", CHOICE(type, "f|d|l")},
    {0, "larger", "SIZE", "only what has more bytes: 4096, 64K, 10M", SIZE(larger_bytes),
     GIVEN(has_larger)},
    {0, "smaller", "SIZE", "only what has less bytes", SIZE(smaller_bytes), GIVEN(has_smaller)},
    {0, "newer", "TIME", "only what changed after it: RFC 3339, a date, or -2h", TIME(newer_us)},
    {0, "older", "TIME", "only what changed before it", TIME(older_us)},
    {'y', "yes", NULL, "do not ask", FLAG(yes)},
    /* trees */
    {0, "if-none-match", NULL, "the same as --no-replace", FLAG(if_none_match)},
    {0, "replace", NULL, "replace what is there: this is what happens anyway", FLAG(replace)},
    {0, "edit", "VERSION",
     "made from this version (its number, or 8 to 64 digits): if others came between, both stand",
     TEXT(edit_of)},
    {0, "base", "PATH",
     "a remote path whose content has parts in common: they are not sent (repeatable)",
     LIST(bases)},
    {0, "receipt", "FILE", "keep the node's signed receipt in this file", TEXT(receipt_path)},
    {0, "checksum", NULL, "leave what has the same SHA-256 on both sides", FLAG(checksum)},
    {0, "exclude", "GLOB",
     "leave out what fits: a name, or a path from the root of the tree (repeatable)",
     LIST(excludes)},
    {0, "strict", NULL, "what cannot be stored (devices, pipes) is a failure", FLAG(strict)},
    {0, "dry-run", NULL, "say what would be done, and do nothing", FLAG(dry_run)},
    {0, "delete", NULL, "what is on the other side only goes: remotely to the trash",
     FLAG(remove_extra)},
    {0, "down", NULL, "the same as --direction down", FLAG(down)},
    {0, "direction", "up|down", "up: LOCAL to REMOTE (this is the default); down: the other way",
     CHOICE(direction, "up|down")},
    {0, "progress", "auto|plain|json|none", "how to show the progress, on standard error",
     CHOICE(progress_choice, "auto|plain|json|none")},
};
const size_t cli_option_count = sizeof cli_options / sizeof cli_options[0];

const cli_option_t cli_common_options[] = {
    {0, "profile", "PROFILE",
     "name of a profile or a file with one; else $FILESPHERE_PROFILE, else "
     "~/.config/filesphere/profile",
     TEXT(profile), .environment = "FILESPHERE_PROFILE"},
    {0, "space", "SPACE",
     "what paths without 'SPACE:' mean; else $FILESPHERE_SPACE, else the profile's", TEXT(space),
     .environment = "FILESPHERE_SPACE"},
    {0, "json", NULL, "one JSON object a line; the last has type=result or type=error", FLAG(json)},
    {0, "timeout", "SECONDS",
     "wait so long for a sign of life of the node; else $FILESPHERE_TIMEOUT, else 5",
     NUMBER(timeout_s, 1, 86400), .environment = "FILESPHERE_TIMEOUT"},
    {0, "no-input", NULL, "never ask; what would be asked fails", FLAG(no_input)},
    {'q', "quiet", NULL, "say nothing but results and errors", FLAG(quiet)},
    {'h', "help", NULL, "show this help", FLAG(help)},
};
const size_t cli_common_option_count = sizeof cli_common_options / sizeof cli_common_options[0];

/* -- finding ----------------------------------------------------------------------------------- */

const cli_command_t *
cli_find_command(char *const *words, size_t count, size_t *ret_used)
{
    for (size_t i = 0; i < cli_command_count; i++) {
        const cli_command_t *command = &cli_commands[i];
        size_t used = command->group ? 2 : 1;
        if (count >= used && strcmp(words[used - 1], command->name) == 0 &&
            (!command->group || strcmp(words[0], command->group) == 0)) {
            *ret_used = used;
            return command;
        }
    }
    return NULL;
}

bool
cli_is_group(const char *word)
{
    for (size_t i = 0; i < cli_command_count; i++) {
        if (cli_commands[i].group && strcmp(word, cli_commands[i].group) == 0)
            return true;
    }
    return false;
}

/* True if a list separated by blanks has this word. */
static bool
has_word(const char *list, const char *word)
{
    size_t bytes = strlen(word);
    for (const char *at = list; (at = strstr(at, word)) != NULL; at += bytes) {
        bool begins = at == list || at[-1] == ' ';
        if (begins && (at[bytes] == ' ' || at[bytes] == '\0'))
            return true;
    }
    return false;
}

bool
cli_has_option(const cli_command_t *command, const cli_option_t *option)
{
    return has_word(command->options, option->name);
}

bool
cli_takes(const cli_command_t *command, const char *option_name)
{
    return has_word(command->options, option_name);
}

const char *
cli_nearest_command(const char *group, const char *word)
{
    const char *nearest = NULL;
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < cli_command_count; i++) {
        const cli_command_t *command = &cli_commands[i];
        const char *own = command->group ? command->group : "";
        if ((command->flags & CLI_HIDDEN) || (group && strcmp(own, group) != 0))
            continue;
        const char *name = !group && command->group ? command->group : command->name;
        size_t distance = cli_distance(word, name);
        if (distance < least) {
            least = distance;
            nearest = name;
        }
    }
    /* A third of the letters may be wrong, and one in any case. */
    size_t bytes = strlen(word);
    return least <= 1 + bytes / 4 && least < bytes ? nearest : NULL;
}

/* -- operands ---------------------------------------------------------------------------------- */

/* The next word of a list separated by blanks; false at its end. */
static bool
next_word(const char **at, fsp_slice_t *ret)
{
    *at += strspn(*at, " ");
    size_t bytes = strcspn(*at, " ");
    *ret = fsp_slice(*at, bytes);
    *at += bytes;
    return bytes > 0;
}

static bool
is_many(fsp_slice_t word)
{
    return memmem(word.data, word.bytes, "...", 3) != NULL;
}

void
cli_operand_counts(const cli_command_t *command, size_t *ret_min, size_t *ret_max)
{
    const char *at = command->operands;
    fsp_slice_t word;
    *ret_min = *ret_max = 0;
    while (next_word(&at, &word)) {
        *ret_min += word.data[0] != '[';
        *ret_max = is_many(word) || *ret_max == SIZE_MAX ? SIZE_MAX : *ret_max + 1;
    }
}

void
cli_operand_many(const cli_command_t *command, size_t *ret_before, size_t *ret_after)
{
    const char *at = command->operands;
    fsp_slice_t word;
    size_t seen = 0;
    *ret_before = SIZE_MAX;
    while (next_word(&at, &word)) {
        if (is_many(word))
            *ret_before = seen;
        seen++;
    }
    *ret_after = *ret_before == SIZE_MAX ? 0 : seen - 1 - *ret_before;
}

void
cli_operand_word(const cli_command_t *command, size_t at, char *ret, size_t size)
{
    const char *list = command->operands;
    fsp_slice_t word = fsp_slice("", 0);
    /* Whoever may stand several times takes all that come; the last one is not told from it. */
    for (size_t i = 0; next_word(&list, &word) && i < at && !is_many(word); i++)
        ;
    while (word.bytes > 0 && strchr("[", word.data[0]))
        word = fsp_slice(word.data + 1, word.bytes - 1);
    size_t bytes = 0;
    while (bytes < word.bytes && !strchr("].", word.data[bytes]))
        bytes++;
    (void)snprintf(ret, size, "%.*s", (int)bytes, (const char *)word.data);
}
