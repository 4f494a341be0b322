/* SPDX-License-Identifier: MIT */
/* cli_exclude - which things of a tree are left out.  Layer cmd.  Pure.
 *
 * Matching goes back to the last wildcard only: what an earlier one could take besides, the last
 * one of the same reach can take, too.  There are two reaches, within a name (`*`) and over names
 * (`**`), so two places are remembered, and the wide one replaces the narrow one.
 */
#include "cmd/cli_exclude.h"

#include <string.h>

/* A pattern between its slashes at the ends. */
typedef struct {
    const char *at, *end;
} span_t;

/* A wildcard that may take more than it did. */
typedef struct {
    const char *pattern; /* goes on here after it; NULL: there is none */
    const char *text;    /* how far it has taken */
} retry_t;

static size_t
character_bytes(const char *text)
{
    size_t bytes = 1;
    while (((unsigned char)text[bytes] & 0xc0) == 0x80) /* the rest of a character in UTF-8 */
        bytes++;
    return bytes;
}

/* One character of the pattern against the text; how much of each they take, 0: they differ. */
static bool
match_one(span_t pattern, const char *text, size_t *ret_pattern, size_t *ret_text)
{
    if (pattern.at == pattern.end || *text == '\0')
        return false;
    *ret_pattern = *ret_text = 1;
    if (*pattern.at == '?') {
        *ret_text = character_bytes(text);
        return *text != '/';
    }
    if (*pattern.at == '\\' && pattern.at + 1 < pattern.end) {
        *ret_pattern = 2;
        return pattern.at[1] == *text;
    }
    return *pattern.at == *text;
}

/* A `**` takes more: over whole names if a '/' follows it, so that what comes then begins a name.
   False: there is no more. */
static bool
take_more(retry_t *wide, bool whole_names)
{
    if (!wide->pattern || *wide->text == '\0')
        return false;
    if (whole_names) {
        const char *slash = strchr(wide->text, '/');
        if (!slash)
            return false;
        wide->text = slash + 1;
        return true;
    }
    wide->text++;
    return true;
}

static bool
matches(span_t pattern, const char *text)
{
    retry_t narrow = {NULL, NULL}, wide = {NULL, NULL};
    bool whole_names = false;
    const char *start = pattern.at;
    while (*text != '\0' || pattern.at != pattern.end) {
        size_t left = (size_t)(pattern.end - pattern.at), of_pattern, of_text;
        if (left > 1 && pattern.at[0] == '*' && pattern.at[1] == '*') {
            whole_names =
                left > 2 && pattern.at[2] == '/' && (pattern.at == start || pattern.at[-1] == '/');
            pattern.at += whole_names ? 3 : 2;
            wide = (retry_t){pattern.at, text};
            narrow.pattern = NULL;
        } else if (left > 0 && *pattern.at == '*') {
            pattern.at++;
            narrow = (retry_t){pattern.at, text};
        } else if (match_one(pattern, text, &of_pattern, &of_text)) {
            pattern.at += of_pattern;
            text += of_text;
        } else if (narrow.pattern && *narrow.text != '\0' && *narrow.text != '/') {
            pattern.at = narrow.pattern;
            text = ++narrow.text;
        } else if (take_more(&wide, whole_names)) {
            pattern.at = wide.pattern;
            text = wide.text;
            narrow.pattern = NULL;
        } else {
            return false;
        }
    }
    return true;
}

static bool
fits(const char *pattern, const char *path, bool is_directory)
{
    span_t span = {pattern, pattern + strlen(pattern)};
    if (span.end > span.at && span.end[-1] == '/') {
        if (!is_directory)
            return false;
        span.end--;
    }
    if (span.at == span.end)
        return false; /* "" and "/" name the root, which is never left out */
    bool anchored = memchr(span.at, '/', (size_t)(span.end - span.at)) != NULL;
    if (*span.at == '/')
        span.at++;
    const char *base = strrchr(path, '/');
    return matches(span, !anchored && base ? base + 1 : path);
}

bool
cli_excluded(const char *const *patterns, size_t count, const char *path, bool is_directory)
{
    for (size_t i = 0; i < count; i++) {
        if (fits(patterns[i], path, is_directory))
            return true;
    }
    return false;
}
