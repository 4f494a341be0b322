/* SPDX-License-Identifier: MIT */
/* cli_glob - patterns of names and paths.  Layer cmd.  Pure. */
#include "cmd/cli_glob.h"

static const uint32_t NO_CHARACTER = UINT32_MAX;

/* Takes one character off the front: of valid UTF-8 its code point, else the octet (from 0xdc00 on,
   which no text has).  NO_CHARACTER at the end. */
static uint32_t
take(fsp_slice_t *text)
{
    if (text->bytes == 0)
        return NO_CHARACTER;
    uint8_t first = text->data[0];
    size_t bytes = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    uint32_t value = bytes <= 1 ? first : first & (0x7fu >> bytes);
    for (size_t i = 1; i < bytes; i++) {
        if (i >= text->bytes || (text->data[i] & 0xc0) != 0x80)
            bytes = 0;
        else
            value = value << 6 | (text->data[i] & 0x3fu);
    }
    if (bytes == 0) {
        bytes = 1;
        value = 0xdc00u + first;
    }
    *text = fsp_slice(text->data + bytes, text->bytes - bytes);
    return value;
}

static uint32_t
take_escaped(fsp_slice_t *pattern)
{
    uint32_t c = take(pattern);
    return c == '\\' && pattern->bytes > 0 ? take(pattern) : c;
}

/* The set behind a '[' that was taken off *pattern; false: it is not closed, *pattern stays. */
static bool
take_set(fsp_slice_t *pattern, uint32_t character, bool *ret_fits)
{
    fsp_slice_t at = *pattern;
    bool others = at.bytes > 0 && (at.data[0] == '!' || at.data[0] == '^');
    bool fits = false;
    if (others)
        (void)take(&at);
    for (bool first = true;; first = false) {
        if (at.bytes == 0)
            return false;
        if (at.data[0] == ']' && !first)
            break;
        uint32_t from = take_escaped(&at), to = from;
        if (at.bytes > 1 && at.data[0] == '-' && at.data[1] != ']') {
            (void)take(&at);
            to = take_escaped(&at);
        }
        fits = fits || (character >= from && character <= to);
    }
    (void)take(&at);
    *pattern = at;
    *ret_fits = fits != others;
    return true;
}

/* One element of the pattern that is no '*' against one character. */
static bool
element_fits(fsp_slice_t *pattern, uint32_t character)
{
    uint32_t c = take(pattern);
    bool fits = false;
    if (c == '?')
        return true;
    if (c == '[' && take_set(pattern, character, &fits))
        return fits;
    if (c == '\\' && pattern->bytes > 0)
        c = take(pattern);
    return c == character;
}

bool
cli_glob_special(fsp_slice_t pattern)
{
    for (size_t i = 0; i < pattern.bytes; i++) {
        uint8_t c = pattern.data[i];
        if (c == '*' || c == '?' || c == '[' || c == '\\')
            return true;
    }
    return false;
}

bool
cli_glob_match(fsp_slice_t pattern, fsp_slice_t name, bool hidden)
{
    if (!hidden && name.bytes > 0 && name.data[0] == '.' &&
        (pattern.bytes == 0 || (pattern.data[0] != '.' && pattern.data[0] != '\\')))
        return false;
    /* Only the last '*' is ever tried anew: what an earlier one could take besides, it can, too. */
    fsp_slice_t star = fsp_slice(NULL, 0), star_name = star;
    bool has_star = false;
    for (;;) {
        if (pattern.bytes > 0 && pattern.data[0] == '*') {
            (void)take(&pattern);
            has_star = true;
            star = pattern;
            star_name = name;
            continue;
        }
        if (name.bytes == 0 && pattern.bytes == 0)
            return true;
        if (name.bytes > 0 && pattern.bytes > 0 && element_fits(&pattern, take(&name)))
            continue;
        if (!has_star || take(&star_name) == NO_CHARACTER)
            return false;
        pattern = star;
        name = star_name;
    }
}

bool
cli_glob_part(fsp_slice_t *path, fsp_slice_t *ret_part)
{
    if (path->bytes == 0)
        return false;
    size_t bytes = 0;
    while (bytes < path->bytes && path->data[bytes] != '/')
        bytes++;
    *ret_part = fsp_slice(path->data, bytes);
    size_t used = bytes < path->bytes ? bytes + 1 : bytes;
    *path = fsp_slice(path->data + used, path->bytes - used);
    return true;
}

bool
cli_glob_match_path(fsp_slice_t pattern, fsp_slice_t path)
{
    fsp_slice_t stars = fsp_slice(NULL, 0), stars_path = stars, want, part;
    bool has_stars = false;
    for (;;) {
        fsp_slice_t rest = pattern, path_rest = path;
        bool wants = cli_glob_part(&rest, &want), has = cli_glob_part(&path_rest, &part);
        if (wants && fsp_slice_eq(want, fsp_slice_text("**"))) {
            has_stars = true;
            pattern = stars = rest;
            stars_path = path;
            continue;
        }
        if (!wants && !has)
            return true;
        if (wants && has && cli_glob_match(want, part, true)) {
            pattern = rest;
            path = path_rest;
            continue;
        }
        if (!has_stars || !cli_glob_part(&stars_path, &part))
            return false;
        pattern = stars;
        path = stars_path;
    }
}
