/* SPDX-License-Identifier: MIT */
/* put-get - puts a buffer, gets it back, and compares.
 *
 *   cc put-get.c -o put-get $(pkg-config --cflags --libs filesphere)
 *   ./put-get /examples/numbers
 *
 * The profile comes from $FILESPHERE_PROFILE or ~/.config/filesphere/profile.  Also valid C++.
 */
#include <filesphere.h>

#include <stdio.h>
#include <string.h>

enum { BYTES = 3 * 1000 * 1000 };
static unsigned char sent[BYTES], got[BYTES];

typedef struct {
    unsigned char *bytes;
    size_t at;
} cursor_t;

/* The library asks for the next piece; *ret_size 0 ends the content. */
static int
give(void *arg, void *buffer, size_t size_max, size_t *ret_size)
{
    cursor_t *from = (cursor_t *)arg;
    size_t left = BYTES - from->at;
    *ret_size = left < size_max ? left : size_max;
    memcpy(buffer, from->bytes + from->at, *ret_size);
    from->at += *ret_size;
    return 0;
}

/* The library hands over the next piece; any other return than 0 ends the get. */
static int
take(void *arg, const void *data, size_t size)
{
    cursor_t *to = (cursor_t *)arg;
    if (size > BYTES - to->at)
        return 1; /* not what we put */
    memcpy(to->bytes + to->at, data, size);
    to->at += size;
    return 0;
}

static filesphere_code_t
put_and_get(filesphere_t *handle, const char *path)
{
    filesphere_put_t put;
    memset(&put, 0, sizeof put); /* what is not said is zero */
    put.path = path;
    put.kind = FILESPHERE_FILE;
    put.create_parents = true;
    put.size_hint = BYTES;
    cursor_t from = {sent, 0};
    filesphere_info_t info;
    filesphere_code_t code = filesphere_put(handle, &put, give, &from, &info);
    if (code != FILESPHERE_OK)
        return code;
    printf("%s: version %llu, %llu bytes, of %llu chunks %llu were new\n", info.path,
           (unsigned long long)info.number, (unsigned long long)info.size,
           (unsigned long long)info.chunks, (unsigned long long)info.chunks_new);

    filesphere_get_t get;
    memset(&get, 0, sizeof get);
    get.path = path;
    cursor_t to = {got, 0};
    code = filesphere_get(handle, &get, take, &to, &info);
    if (code != FILESPHERE_OK)
        return code;
    printf("%s\n", to.at == BYTES && memcmp(sent, got, BYTES) == 0 ? "the same" : "DIFFERENT");
    return code;
}

int
main(int argc, char **argv)
{
    for (size_t i = 0; i < BYTES; i++)
        sent[i] = (unsigned char)((i * 2654435761u) >> 13);
    filesphere_t *handle = NULL;
    filesphere_code_t code = filesphere_open(NULL, &handle);
    if (code == FILESPHERE_OK)
        code = put_and_get(handle, argc > 1 ? argv[1] : "/examples/numbers");
    if (code != FILESPHERE_OK)
        fprintf(stderr, "put-get: %s (%s)\n", filesphere_error(handle), filesphere_symbol(code));
    filesphere_close(&handle);
    return filesphere_exit_code(code);
}
