/* SPDX-License-Identifier: MIT */
/* fuzz_peer - bodies between nodes: selector u8, then the body.  Layer tests. */
#include "proto/peer.h"
#include "tests/fuzz/fuzz.h"

static void
check_have_answer(fsp_slice_t body)
{
    fsp_slice_t yes;
    fsp_buf_t again;
    fsp_buf_init(&again, FSP_HAVE_KEYS_MAX + 16);
    if (fsp_object_have_answer_decode(body, &yes) == FSP_OK) {
        fsp_object_have_answer_encode(yes.data, yes.bytes, &again);
        FUZZ_CHECK(fsp_slice_eq(fsp_buf_slice(&again), body));
    }
    fsp_buf_clear(&again);
}

static void
check_error(fsp_slice_t body)
{
    fsp_status_t status = fsp_peer_error_decode(body);
    FUZZ_CHECK(status != FSP_OK && fsp_status_known((unsigned)status));
    fsp_buf_t again;
    fsp_buf_init(&again, 16);
    fsp_peer_error_encode(status, &again);
    FUZZ_CHECK(fsp_peer_error_decode(fsp_buf_slice(&again)) == status);
    fsp_buf_clear(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    fuzz_input_t input = fuzz_input(data, bytes);
    uint8_t which = fuzz_u8(&input);
    fsp_slice_t body = fuzz_rest(&input);
    enum { MAX = 64 * 1024 };
    switch (which % 11) {
    case 0:
        FUZZ_CANONICAL(fsp_object_put_t, fsp_object_put_decode, fsp_object_put_encode, body, MAX);
        break;
    case 1:
        FUZZ_CANONICAL(fsp_object_have_t, fsp_object_have_decode, fsp_object_have_encode, body,
                       MAX);
        break;
    case 2:
        FUZZ_CANONICAL(fsp_object_get_t, fsp_object_get_decode, fsp_object_get_encode, body, MAX);
        break;
    case 3:
        FUZZ_CANONICAL(fsp_object_got_t, fsp_object_got_decode, fsp_object_got_encode, body, MAX);
        break;
    case 4:
        check_have_answer(body);
        break;
    case 6:
        FUZZ_CANONICAL(fsp_object_mark_t, fsp_object_mark_decode, fsp_object_mark_encode, body,
                       MAX);
        break;
    case 7:
        FUZZ_CANONICAL(fsp_object_marked_t, fsp_object_marked_decode, fsp_object_marked_encode,
                       body, MAX);
        break;
    case 8:
        FUZZ_CANONICAL(fsp_object_done_t, fsp_object_done_decode, fsp_object_done_encode, body,
                       MAX);
        break;
    case 9:
        FUZZ_CANONICAL(fsp_space_id_t, fsp_object_gone_decode, fsp_object_gone_encode, body, MAX);
        break;
    case 10:
        FUZZ_CANONICAL(fsp_swept_t, fsp_object_swept_decode, fsp_object_swept_encode, body, MAX);
        break;
    default:
        check_error(body);
        break;
    }
    return 0;
}
