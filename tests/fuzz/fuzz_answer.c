/* SPDX-License-Identifier: MIT */
/* fuzz_answer - what readers of a shard get: selector u8 (kind of items), then the answer.
   Layer tests.
 *
 * An answer whose items all decode is made again from them, to the same bytes.
 */
#include "core/meta/answer.h"
#include "core/meta/changes.h"
#include "core/meta/query_system.h"
#include "core/meta/versions.h"
#include "tests/fuzz/fuzz.h"

static fsp_slice_t
record_of(const fsp_version_info_t *version, fsp_buf_t *buf)
{
    fsp_buf_reset(buf);
    fsp_version_record_encode(version, buf);
    return fsp_buf_slice(buf);
}

static bool
copy_node(fsp_answer_t *answer, fsp_answering_t *again, fsp_buf_t *buf)
{
    fsp_node_info_t node;
    if (fsp_answer_node(answer, &node) != FSP_OK)
        return false;
    bool has_version = !fsp_version_id_is_zero(node.version.id);
    fsp_slice_t record = has_version ? record_of(&node.version, buf) : fsp_slice(NULL, 0);
    FUZZ_CHECK(fsp_answering_add_node(again, &node, record));
    return true;
}

/* Uploads: as they came, for the program makes them from rows only; what was decoded must hold. */
static bool
copy_upload(fsp_answer_t *answer, fsp_answering_t *again)
{
    const uint8_t *from = answer->reader.at;
    fsp_upload_info_t upload;
    if (fsp_answer_upload(answer, &upload) != FSP_OK)
        return false;
    FUZZ_CHECK(upload.root_count <= FSP_UPLOAD_ROOTS_MAX);
    fsp_canon_t roots = fsp_canon_reader(upload.roots);
    for (size_t i = 0; i < upload.root_count; i++) {
        fsp_upload_root_t root;
        fsp_upload_root_read(&roots, &root);
    }
    FUZZ_CHECK(fsp_canon_finish(&roots) == FSP_OK);
    fsp_slice_t item = fsp_slice(from, (size_t)(answer->reader.at - from));
    FUZZ_CHECK(fsp_answering_add_item(again, item));
    return true;
}

/* Items of the system shard: [id of 32 octets, or number, row]. */
static bool
copy_row(fsp_answer_t *answer, fsp_answering_t *again)
{
    fsp_answer_t numbered = *answer;
    fsp_node_id_t id;
    fsp_slice_t row;
    uint64_t number;
    if (fsp_answer_row_of_number(&numbered, &number, &row) == FSP_OK) {
        *answer = numbered;
        FUZZ_CHECK(fsp_answering_add_row(again, fsp_slice(NULL, 0), number, row));
        return true;
    }
    if (fsp_answer_row_of_id(answer, &id, sizeof(id), &row) != FSP_OK)
        return false;
    FUZZ_CHECK(fsp_answering_add_row(again, FSP_SLICE_OF(id), 0, row));
    return true;
}

static bool
copy_item(uint8_t kind, fsp_answer_t *answer, fsp_answering_t *again, fsp_buf_t *buf)
{
    fsp_entry_info_t entry;
    fsp_version_info_t version;
    fsp_change_info_t change;
    fsp_space_info_t space;
    fsp_link_info_t link;
    switch (kind % 8) {
    case 0:
        return copy_node(answer, again, buf);
    case 1:
        if (fsp_answer_entry(answer, &entry) != FSP_OK)
            return false;
        FUZZ_CHECK(fsp_answering_add_entry(again, &entry));
        return true;
    case 2:
        if (fsp_answer_version(answer, &version) != FSP_OK)
            return false;
        FUZZ_CHECK(fsp_answering_add_version(again, &version, record_of(&version, buf)));
        return true;
    case 3:
        if (fsp_answer_change(answer, &change) != FSP_OK)
            return false;
        fsp_buf_reset(buf);
        fsp_change_row_encode(&change, buf);
        FUZZ_CHECK(fsp_answering_add_change(again, fsp_buf_slice(buf)));
        return true;
    case 4:
        if (fsp_answer_space(answer, &space) != FSP_OK)
            return false;
        FUZZ_CHECK(fsp_answering_add_space(again, &space));
        return true;
    case 5:
        if (fsp_answer_link(answer, &link) != FSP_OK)
            return false;
        FUZZ_CHECK(fsp_answering_add_link(again, &link));
        return true;
    case 6:
        return copy_upload(answer, again);
    default:
        return copy_row(answer, again);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    fuzz_input_t input = fuzz_input(data, bytes);
    uint8_t kind = fuzz_u8(&input);
    fsp_slice_t body = fuzz_rest(&input);
    fsp_answer_t answer;
    if (fsp_answer_open(body, &answer) != FSP_OK)
        return 0;
    fsp_answering_t again;
    fsp_buf_t buf, whole;
    fsp_answering_init(&again);
    again.at_index = answer.at_index; /* before items: it says what they look like */
    again.next_bytes = answer.next.bytes;
    if (answer.next.bytes > 0)
        memcpy(again.next, answer.next.data, answer.next.bytes);
    fsp_buf_init(&buf, FSP_VALUE_BYTES_MAX);
    fsp_buf_init(&whole, FSP_ANSWER_BYTES_MAX);
    size_t copied = 0;
    while (copied < answer.count && copy_item(kind, &answer, &again, &buf))
        copied++;
    if (copied == answer.count && (answer.status == FSP_OK || (copied == 0 && !answer.more))) {
        again.more = answer.more;
        fsp_answering_finish(&again, answer.status, answer.index, &whole);
        FUZZ_CHECK(fsp_slice_eq(fsp_buf_slice(&whole), body));
    }
    fsp_answering_clear(&again);
    fsp_buf_clear(&buf);
    fsp_buf_clear(&whole);
    return 0;
}
