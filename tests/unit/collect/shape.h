/* SPDX-License-Identifier: MIT */
/* shape - the objects of the collection tests: a few trees that overlap.  Layer tests.
 *
 *   chunks   x0 .. x4                  x1 is large, so that its bytes lie apart from its row
 *   level 0  m0 (x0 x1)   m1 (x1 x2)   m2 (x2 x0 x0)
 *   level 1  r0 (m0 m1)   r1 (m0)      r2 (m1 m2)   r3 (m2 m0 m1)
 *
 * Every one but x4 may be a root, so that equal objects are reached on many ways.
 */
#ifndef FSP_TESTS_UNIT_COLLECT_SHAPE_H
#define FSP_TESTS_UNIT_COLLECT_SHAPE_H
#include "core/base/alloc.h"
#include "core/crypto/digest.h"
#include "core/data/objects.h"
#include "core/data/tree.h"
#include "core/meta/command.h"
#include "tests/unit/suite.h"

enum { CHUNKS = 5, OBJECTS = 12, SLOT_BITS = 16, LARGE_BYTES = 66000 };
typedef uint32_t set_t; /* of objects, one bit each */

static const char *const shape_children[OBJECTS] = {
    [5] = "01", [6] = "12", [7] = "200", [8] = "56", [9] = "5", [10] = "67", [11] = "756"};

typedef struct {
    fsp_blob_t *bytes;
    fsp_key_t key;
    fsp_root_kind_t kind;
    uint64_t content_bytes;
    set_t below; /* itself and all that it refers to */
    uint8_t row_key[64];
    size_t row_key_bytes;
} shape_t;
static shape_t shapes[OBJECTS];
static const fsp_space_id_t shape_space = {{0x5b, 1}};

/* A sound object by its form; its sealed part is not opened here. */
static inline fsp_blob_t *
seal_shape(fsp_object_kind_t kind, size_t which, size_t input_bytes, fsp_slice_t open)
{
    fsp_object_header_t header = {.kind = kind,
                                  .generation = 1,
                                  .open_bytes = (uint32_t)open.bytes,
                                  .input_bytes = input_bytes,
                                  .plain_bytes = input_bytes};
    memset(header.salt, (int)which + 1, sizeof(header.salt));
    fsp_blob_t *blob = fsp_blob_new((size_t)fsp_object_bytes(&header));
    uint8_t *data = fsp_blob_writable(blob);
    memset(data, (int)which, fsp_blob_bytes(blob));
    fsp_object_header_encode(&header, data);
    if (open.bytes > 0)
        memcpy(data + FSP_OBJECT_HEADER_BYTES, open.data, open.bytes);
    return blob;
}

static inline void
make_tree_shape(size_t which)
{
    fsp_tree_node_t *node = FSP_NEW(fsp_tree_node_t);
    node->level = which >= 8 ? 1 : 0;
    for (const char *at = shape_children[which]; *at; at++) {
        const shape_t *child = &shapes[*at - '0'];
        node->children[node->count++] = (fsp_child_t){.key = child->key,
                                                      .object_bytes = fsp_blob_bytes(child->bytes),
                                                      .content_bytes = child->content_bytes};
        shapes[which].content_bytes += child->content_bytes;
        shapes[which].below |= child->below;
    }
    fsp_buf_t open, plain;
    fsp_buf_init(&open, FSP_OBJECT_OPEN_BYTES_MAX);
    fsp_buf_init(&plain, FSP_OBJECT_OPEN_BYTES_MAX);
    fsp_tree_encode(node, &open, &plain);
    shapes[which].bytes = seal_shape(FSP_OBJECT_TREE, which, plain.bytes, fsp_buf_slice(&open));
    shapes[which].kind = FSP_ROOT_TREE;
    fsp_buf_clear(&open);
    fsp_buf_clear(&plain);
    fsp_free(node);
}

static inline void
make_shapes(void)
{
    for (size_t i = 0; i < OBJECTS; i++) {
        shape_t *shape = &shapes[i];
        *shape = (shape_t){.below = (set_t)1 << i};
        if (i < CHUNKS) {
            size_t bytes = i == 1 ? LARGE_BYTES : 100 + i;
            shape->bytes = seal_shape(FSP_OBJECT_CHUNK, i, bytes, (fsp_slice_t){0});
            shape->kind = FSP_ROOT_CHUNK;
            shape->content_bytes = bytes;
        } else {
            make_tree_shape(i);
        }
        ck_assert_int_eq(fsp_object_name(fsp_blob_slice(shape->bytes), &shape->key, NULL), FSP_OK);
        fsp_buf_t row_key;
        fsp_buf_init(&row_key, sizeof(shape->row_key));
        fsp_object_row_key(SLOT_BITS, shape_space, shape->key, 0x00, &row_key);
        memcpy(shape->row_key, row_key.data, row_key.bytes);
        shape->row_key_bytes = row_key.bytes;
        fsp_buf_clear(&row_key);
    }
}

static inline void
drop_shapes(void)
{
    for (size_t i = 0; i < OBJECTS; i++)
        fsp_blob_destroy(&shapes[i].bytes);
}

/* OBJECTS if it is none of ours. */
static inline size_t
shape_of(fsp_key_t key)
{
    size_t i = 0;
    while (i < OBJECTS && !fsp_key_eq(shapes[i].key, key))
        i++;
    return i;
}
static inline size_t
shape_of_row(fsp_slice_t row_key)
{
    size_t i = 0;
    while (i < OBJECTS &&
           !fsp_slice_eq(row_key, fsp_slice(shapes[i].row_key, shapes[i].row_key_bytes)))
        i++;
    return i;
}
#endif
