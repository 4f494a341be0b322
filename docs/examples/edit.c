/* SPDX-License-Identifier: MIT */
/* edit - two editors of one note, without a lock: who comes second is told, and nothing is lost.
 *
 *   cc edit.c -o edit $(pkg-config --cflags --libs filesphere)
 *   ./edit /examples/note
 *
 * First with `if_match` (refused if somebody else was faster), then with `edit_of` (kept beside it
 * as a second head), then `merge_of` (one version that takes the place of both).
 */
#include <filesphere.h>

#include <stdio.h>
#include <string.h>

static int
give_text(void *arg, void *buffer, size_t size_max, size_t *ret_size)
{
    const char **text = arg;
    size_t left = strlen(*text);
    *ret_size = left < size_max ? left : size_max;
    memcpy(buffer, *text, *ret_size);
    *text += *ret_size;
    return 0;
}

/* Puts a text under the conditions of `put`; says what became of it. */
static filesphere_code_t
put_text(filesphere_t *handle, filesphere_put_t put, const char *text, filesphere_info_t *ret)
{
    put.kind = FILESPHERE_FILE;
    put.create_parents = true;
    put.size_hint = strlen(text);
    const char *rest = text;
    filesphere_code_t code = filesphere_put(handle, &put, give_text, &rest, ret);
    if (code == FILESPHERE_OK)
        printf("%-28s version %llu, heads now: %zu\n", text, (unsigned long long)ret->number,
               ret->head_count);
    else
        printf("%-28s refused: %s\n", text, filesphere_symbol(code));
    return code;
}

static filesphere_code_t
edit(filesphere_t *handle, const char *path)
{
    filesphere_info_t first, info;
    filesphere_code_t code = put_text(handle, (filesphere_put_t){.path = path}, "milk", &first);
    if (code != FILESPHERE_OK)
        return code;
    /* Ann and Bob have both read the first version.  Ann is faster. */
    filesphere_put_t on_first = {.path = path, .if_match = first.version_id};
    code = put_text(handle, on_first, "milk, bread (Ann)", &info);
    if (code != FILESPHERE_OK)
        return code;
    code = put_text(handle, on_first, "milk, eggs (Bob)", &info);
    if (strcmp(filesphere_symbol(code), "mismatch") != 0)
        return code; /* something else went wrong; the words say what */

    /* Bob's program could read again and ask him.  Or it keeps both: */
    filesphere_put_t beside = {.path = path, .edit_of = first.version_id};
    code = put_text(handle, beside, "milk, eggs (Bob)", &info);
    if (code == FILESPHERE_OK)
        code = filesphere_stat(handle, NULL, path, NULL, &info);
    if (code != FILESPHERE_OK)
        return code;
    for (size_t i = 0; i < info.head_count; i++)
        printf("  head %02x%02x%02x%02x...\n", info.heads[i][0], info.heads[i][1], info.heads[i][2],
               info.heads[i][3]);

    /* Whoever has read both heads writes one that takes their place. */
    filesphere_put_t merge = {
        .path = path, .merge_of = (const uint8_t(*)[32])info.heads, .merge_count = info.head_count};
    filesphere_info_t merged;
    return put_text(handle, merge, "milk, bread, eggs", &merged);
}

int
main(int argc, char **argv)
{
    filesphere_t *handle = NULL;
    filesphere_code_t code = filesphere_open(NULL, &handle);
    if (code == FILESPHERE_OK)
        code = edit(handle, argc > 1 ? argv[1] : "/examples/note");
    if (code != FILESPHERE_OK)
        fprintf(stderr, "edit: %s (%s)\n", filesphere_error(handle), filesphere_symbol(code));
    filesphere_close(&handle);
    return filesphere_exit_code(code);
}
