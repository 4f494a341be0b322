/* SPDX-License-Identifier: MIT */
/* fuzz_tree - nodes of content trees: bytes of the sealed part u16, sealed part, open part.
   Layer tests. */
#include "core/data/tree.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    fuzz_input_t input = fuzz_input(data, bytes);
    fsp_slice_t plain = fuzz_slice(&input, fuzz_u16(&input));
    fsp_slice_t open = fuzz_rest(&input);
    fsp_tree_node_t *node = FSP_NEW(fsp_tree_node_t);
    fsp_buf_t open_again, plain_again;
    fsp_buf_init(&open_again, FSP_OBJECT_OPEN_BYTES_MAX);
    fsp_buf_init(&plain_again, FSP_OBJECT_OPEN_BYTES_MAX);
    if (fsp_tree_decode(open, plain, node) == FSP_OK) {
        FUZZ_CHECK(node->count > 0 && node->count <= FSP_TREE_FANOUT_MAX);
        FUZZ_CHECK(node->level < FSP_TREE_DEPTH_MAX);
        fsp_tree_encode(node, &open_again, &plain_again);
        FUZZ_CHECK(fsp_buf_ok(&open_again) && fsp_buf_ok(&plain_again));
        FUZZ_CHECK(fsp_slice_eq(fsp_buf_slice(&open_again), open));
        FUZZ_CHECK(plain.bytes == 0 || fsp_slice_eq(fsp_buf_slice(&plain_again), plain));
    }
    fsp_buf_clear(&open_again);
    fsp_buf_clear(&plain_again);
    fsp_free(node);
    return 0;
}
