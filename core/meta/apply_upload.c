/* SPDX-License-Identifier: MIT */
/* apply_upload - UPLOAD_OPEN, _APPEND, _ABORT, and the PUT that ends one.  Layer core/meta.  Pure.
 *
 * Roots lie one behind the other from offset 0, each a row; behind them is the tail.  An APPEND
 * takes roots off the end and puts others there, so that a full row of chunks becomes one tree
 * node; the number of rows stays what a tree has unfinished, not what it has.
 *
 * Uploads take no change number: nothing that others see has changed.
 */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/mutant.h"
#include "core/meta/apply_access.h"
#include "core/meta/apply_node.h"
#include "core/meta/holds.h"

fsp_row_key_t
fsp_upload_key(const fsp_machine_t *m, fsp_upload_id_t id)
{
    fsp_row_key_t key = fsp_machine_key(m, FSP_TABLE_UPLOAD);
    fsp_row_key_add(&key, FSP_SLICE_OF(id));
    return key;
}

fsp_row_key_t
fsp_upload_root_key(const fsp_machine_t *m, fsp_upload_id_t id, uint64_t offset)
{
    fsp_row_key_t key = fsp_machine_key(m, FSP_TABLE_UPLOAD_PART);
    fsp_row_key_add(&key, FSP_SLICE_OF(id));
    fsp_row_key_add_u64(&key, offset);
    return key;
}

/* An upload that is being worked on; its row borrows from its own bytes. */
typedef struct {
    fsp_upload_id_t id;
    fsp_buf_t bytes;
    fsp_upload_row_t row;
} upload_t;

/* NO_SUCH_UPLOAD if it is not there, whoever asks.  The caller clears `bytes`, whatever came. */
static fsp_status_t
load(fsp_machine_t *m, fsp_upload_id_t id, upload_t *ret)
{
    ret->id = id;
    fsp_buf_init(&ret->bytes, FSP_VALUE_BYTES_MAX);
    fsp_row_key_t key = fsp_upload_key(m, id);
    fsp_slice_t value;
    fsp_status_t status = fsp_machine_get(m, &key, &value);
    if (status)
        return status == FSP_NOT_FOUND ? FSP_NO_SUCH_UPLOAD : status;
    fsp_buf_append_slice(&ret->bytes, value);
    if (fsp_upload_row_decode(fsp_buf_slice(&ret->bytes), &ret->row) ||
        ret->row.offset > m->space.used_bytes)
        return fsp_machine_fail(m, FSP_DAMAGED);
    return FSP_OK;
}

static bool
is_mine(const fsp_machine_t *m, const upload_t *upload)
{
    return fsp_subject_id_eq(upload->row.subject, m->command->subject);
}

static fsp_status_t
refuse(fsp_machine_t *m, const upload_t *upload, fsp_status_t refusal)
{
    m->result.offset = upload->row.offset;
    return refusal;
}

static void
store(fsp_machine_t *m, const upload_t *upload)
{
    fsp_row_key_t key = fsp_upload_key(m, upload->id);
    fsp_upload_row_encode(&upload->row, fsp_machine_value(m));
    fsp_machine_put(m, &key);
}

/* Takes away the roots that begin at `from` or behind, and says how many.  No write may happen
   while a cursor is open, so they are found first. */
static fsp_status_t
drop_roots(fsp_machine_t *m, const upload_t *upload, uint64_t from, size_t *ret_count)
{
    fsp_row_key_t first = fsp_upload_root_key(m, upload->id, from);
    fsp_row_key_t to = fsp_machine_key(m, FSP_TABLE_UPLOAD_PART);
    fsp_row_key_add(&to, FSP_SLICE_OF(upload->id));
    const size_t offset_at = to.used;
    fsp_row_key_to_prefix_end(&to);
    uint64_t *offsets = fsp_alloc(sizeof(uint64_t) * FSP_UPLOAD_ROOTS_MAX);
    size_t count = 0;
    fsp_status_t status = FSP_OK;
    fsp_cursor_t *cursor =
        fsp_view_scan(m->view, fsp_row_key_slice(&first), fsp_row_key_slice(&to));
    for (; cursor->valid && status == FSP_OK; fsp_cursor_next(cursor)) {
        if (cursor->key.bytes != offset_at + sizeof(uint64_t) || count == upload->row.root_count)
            status = fsp_machine_fail(m, FSP_DAMAGED);
        else
            offsets[count++] = fsp_load_u64(cursor->key.data + offset_at);
    }
    if (status == FSP_OK && cursor->status)
        status = fsp_machine_fail(m, cursor->status);
    fsp_cursor_destroy(&cursor);
    for (size_t i = 0; i < count && status == FSP_OK; i++) {
        fsp_row_key_t key = fsp_upload_root_key(m, upload->id, offsets[i]);
        fsp_machine_delete(m, &key);
    }
    fsp_free(offsets);
    *ret_count = count;
    return status;
}

/* The upload and its roots go; what it used is the caller's to give back. */
static fsp_status_t
end(fsp_machine_t *m, const upload_t *upload)
{
    size_t count;
    fsp_status_t status = drop_roots(m, upload, 0, &count);
    if (status)
        return status;
    if (count != upload->row.root_count)
        return fsp_machine_fail(m, FSP_DAMAGED);
    fsp_row_key_t key = fsp_upload_key(m, upload->id);
    fsp_machine_delete(m, &key);
    return FSP_OK;
}

/* -- OPEN -------------------------------------------------------------------------------------- */

fsp_status_t
fsp_apply_upload_open(fsp_machine_t *m)
{
    const fsp_node_body_t *body = &m->command->node;
    fsp_row_key_t key = fsp_upload_key(m, body->upload_open.id);
    fsp_slice_t value;
    fsp_status_t status = fsp_machine_get(m, &key, &value);
    if (status != FSP_NOT_FOUND)
        return status ? status : FSP_EXISTS;
    upload_t upload = {
        .id = body->upload_open.id,
        .row = {.subject = m->command->subject,
                .target = body->upload_open.target,
                .condition = body->upload_open.condition,
                .size = body->upload_open.size,
                .duration = body->upload_open.duration,
                .expiry = fsp_apply_expiry(m, body->upload_open.duration)},
    };
    store(m, &upload);
    m->unchanged = true;
    return FSP_OK;
}

/* -- APPEND ------------------------------------------------------------------------------------ */

static uint64_t
end_of_append(const fsp_node_body_t *body)
{
    return body->upload_append.keep + body->upload_append.root_bytes +
           body->upload_append.tail_bytes;
}

/* The last APPEND, come again under another operation id: what it did is there. */
static bool
is_repeated(const fsp_node_body_t *body, const fsp_upload_row_t *row)
{
    return row->offset == end_of_append(body) && row->before == body->upload_append.offset &&
           row->tail_bytes == body->upload_append.tail_bytes &&
           fsp_key_eq(row->tail, body->upload_append.tail) &&
           fsp_slice_eq(row->midstate, body->upload_append.midstate);
}

/* True in *ret if a root begins at `keep`, or the roots end there. */
static fsp_status_t
is_boundary(fsp_machine_t *m, const upload_t *upload, uint64_t keep, bool *ret)
{
    *ret = keep == fsp_upload_row_covered(&upload->row);
    if (*ret)
        return FSP_OK;
    fsp_row_key_t key = fsp_upload_root_key(m, upload->id, keep);
    fsp_slice_t value;
    fsp_status_t status = fsp_machine_get(m, &key, &value);
    *ret = status == FSP_OK;
    return status == FSP_NOT_FOUND ? FSP_OK : status;
}

static void
add_roots(fsp_machine_t *m, const fsp_node_body_t *body)
{
    uint64_t offset = body->upload_append.keep;
    fsp_canon_t roots = fsp_canon_reader(body->upload_append.roots);
    for (size_t i = 0; i < body->upload_append.root_count; i++) {
        fsp_upload_root_t root;
        fsp_upload_root_read(&roots, &root);
        FSP_ASSERT(roots.status == FSP_OK); /* checked when the command was decoded */
        fsp_row_key_t key = fsp_upload_root_key(m, body->upload_append.id, offset);
        fsp_upload_root_write(&root, fsp_machine_value(m));
        fsp_machine_put(m, &key);
        offset += root.bytes;
    }
    FSP_POST(offset == body->upload_append.keep + body->upload_append.root_bytes);
}

/* The upload is there, and the sender's. */
static fsp_status_t
append(fsp_machine_t *m, upload_t *upload)
{
    const fsp_node_body_t *body = &m->command->node;
    fsp_upload_row_t *row = &upload->row;
    if (is_repeated(body, row))
        return FSP_OK;
    if (body->upload_append.offset != row->offset)
        return refuse(m, upload, FSP_MISMATCH);
    bool boundary;
    fsp_status_t status = is_boundary(m, upload, body->upload_append.keep, &boundary);
    if (status)
        return status;
    if (!boundary)
        return refuse(m, upload, FSP_MISMATCH);
    uint64_t to = end_of_append(body);
    if (row->size > 0 && to > row->size)
        return FSP_TOO_LARGE;
    size_t dropped;
    status = drop_roots(m, upload, body->upload_append.keep, &dropped);
    if (status)
        return status;
    row->root_count = row->root_count - dropped + body->upload_append.root_count;
    if (row->root_count > FSP_UPLOAD_ROOTS_MAX)
        return FSP_TOO_LARGE;
    status = fsp_versions_charge(&m->space, row->offset, to);
    if (status)
        return status;
    add_roots(m, body);
    row->before = row->offset;
    row->offset = to;
    row->tail = body->upload_append.tail;
    row->tail_bytes = body->upload_append.tail_bytes;
    row->midstate = body->upload_append.midstate;
    row->expiry = fsp_apply_expiry(m, row->duration);
    store(m, upload);
    return FSP_OK;
}

fsp_status_t
fsp_apply_upload_append(fsp_machine_t *m)
{
    upload_t upload;
    fsp_status_t status = load(m, m->command->node.upload_append.id, &upload);
    if (status == FSP_OK && !is_mine(m, &upload))
        status = FSP_NO_SUCH_UPLOAD;
    if (status == FSP_OK)
        status = append(m, &upload);
    if (status == FSP_OK) {
        m->result.offset = upload.row.offset;
        m->unchanged = true;
    }
    fsp_buf_clear(&upload.bytes);
    return status;
}

/* -- the end ----------------------------------------------------------------------------------- */

/* May somebody else's upload be ended by this subject? */
static fsp_status_t
check_stranger(fsp_machine_t *m, const upload_t *upload)
{
    if (fsp_access_is_node(m))
        return fsp_holds_now(m) >= upload->row.expiry ? FSP_OK : FSP_NO_SUCH_UPLOAD;
    fsp_status_t status = fsp_access_need_root(m, FSP_RIGHT_ADMIN);
    return status == FSP_FORBIDDEN ? FSP_NO_SUCH_UPLOAD : status;
}

fsp_status_t
fsp_apply_upload_abort(fsp_machine_t *m)
{
    upload_t upload;
    fsp_status_t status = load(m, m->command->node.upload_abort.id, &upload);
    if (status == FSP_OK && !is_mine(m, &upload))
        status = check_stranger(m, &upload);
    if (status == FSP_OK)
        status = end(m, &upload);
    if (status == FSP_OK) {
        m->space.used_bytes -= upload.row.offset;
        m->result.offset = upload.row.offset;
        m->unchanged = true;
    }
    fsp_buf_clear(&upload.bytes);
    return status;
}

/* The upload that a PUT of so many bytes completes. */
static fsp_status_t
complete(fsp_machine_t *m, uint64_t size)
{
    upload_t upload;
    fsp_status_t status = load(m, m->command->put.upload_id, &upload);
    if (status == FSP_OK && !is_mine(m, &upload))
        status = FSP_NO_SUCH_UPLOAD;
    if (status == FSP_OK &&
        (upload.row.offset > size || (upload.row.size > 0 && upload.row.size != size)))
        status = refuse(m, &upload, FSP_MISMATCH);
    if (status == FSP_OK)
        status = end(m, &upload);
    if (status == FSP_OK)
        m->credit = upload.row.offset;
    fsp_buf_clear(&upload.bytes);
    return status;
}

/* BASE_GONE unless the version is there and kept; the right to read it was judged before. */
static fsp_status_t
check_base(fsp_machine_t *m, fsp_version_id_t version_id)
{
    fsp_version_index_row_t owner;
    fsp_status_t status = fsp_versions_owner(m, version_id, &owner);
    if (status)
        return status == FSP_NO_SUCH_VERSION ? FSP_BASE_GONE : status;
    /* What is being purged has rows, but is not there. */
    fsp_found_t found;
    status = fsp_namespace_find(m, &(fsp_target_t){.id = owner.file_id}, &found);
    if (status)
        return status == FSP_NOT_FOUND ? FSP_BASE_GONE : status;
    fsp_version_info_t version;
    fsp_version_row_t row;
    status = fsp_versions_get(m, owner.file_id, owner.number, &version, &row);
    if (status)
        return status == FSP_NO_SUCH_VERSION ? fsp_machine_fail(m, FSP_DAMAGED) : status;
    return version.retained || FSP_MUTANT(base_unchecked) ? FSP_OK : FSP_BASE_GONE;
}

fsp_status_t
fsp_apply_put_begin(fsp_machine_t *m)
{
    const fsp_command_t *command = m->command;
    fsp_status_t status = FSP_OK;
    if (!fsp_upload_id_is_zero(command->put.upload_id))
        status = complete(m, command->put.size);
    for (size_t i = 0; i < command->put.base_count && status == FSP_OK; i++)
        status = check_base(m, command->put.bases[i]);
    return status;
}
