/* SPDX-License-Identifier: MIT */
/* docs - reads and writes documents of the source tree.  Layer tests. */
#ifndef FSP_TESTS_UNIT_PROTO_DOCS_H
#define FSP_TESTS_UNIT_PROTO_DOCS_H
#include "core/base/buf.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Path of a document: below FSP_SOURCE_DIR from the environment, or above this very file. */
static inline void
fsp_docs_path(const char *document, char *ret, size_t capacity)
{
    static const char here[] = __FILE__;
    static const char below[] = "tests/unit/proto/docs.h";
    const char *root = getenv("FSP_SOURCE_DIR");
    int root_chars = (int)(sizeof(here) - sizeof(below));
    if (root)
        (void)snprintf(ret, capacity, "%s/%s", root, document);
    else
        (void)snprintf(ret, capacity, "%.*s%s", root_chars, here, document);
}

/* Appends the whole document. */
static inline void
fsp_docs_read(const char *document, fsp_buf_t *ret)
{
    char path[4096];
    fsp_docs_path(document, path, sizeof(path));
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "cannot open %s", path);
    char piece[4096];
    size_t count;
    while ((count = fread(piece, 1, sizeof(piece), file)) > 0)
        fsp_buf_append(ret, piece, count);
    fclose(file);
}

static inline int
fsp_docs_write(const char *document, fsp_slice_t text)
{
    char path[4096];
    fsp_docs_path(document, path, sizeof(path));
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(text.data, 1, text.bytes, file) != text.bytes || fclose(file) != 0) {
        perror(path);
        return 1;
    }
    printf("wrote %s\n", path);
    return 0;
}
#endif
