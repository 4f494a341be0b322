/* SPDX-License-Identifier: MIT */
/* query_uploads - UPLOAD: how far a transfer is, for whoever goes on with it.  Layer core/meta.
   Pure. */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/meta/answer.h"
#include "core/meta/apply_access.h"
#include "core/meta/apply_node.h"
#include "core/meta/command_codec.h"

enum { UPLOAD_FIELDS = 12, ROOT_BYTES_MAX = 1 + 1 + 34 + 9 };
static_assert(FSP_UPLOAD_ROOTS_MAX * ROOT_BYTES_MAX + 3 * FSP_PATH_BYTES_MAX +
                      FSP_MIDSTATE_BYTES_MAX <
                  FSP_ANSWER_BYTES_MAX / 2,
              "one upload fits an answer, whatever it holds");

/* One walk for both directions. */
static void
code_upload(fsp_codec_t *codec, fsp_upload_info_t *info)
{
    const unsigned any = FSP_CODE_ALLOW(FSP_IF_REPLACE) | FSP_CODE_ALLOW(FSP_IF_EDIT) |
                         FSP_CODE_ALLOW(FSP_IF_MATCH) | FSP_CODE_ALLOW(FSP_IF_NONE_MATCH) |
                         FSP_CODE_ALLOW(FSP_IF_MERGE);
    fsp_code_array(codec, UPLOAD_FIELDS);
    FSP_CODE_ID(codec, &info->id);
    FSP_CODE_ID(codec, &info->subject);
    fsp_code_target(codec, &info->target, false);
    fsp_code_condition(codec, &info->condition, any);
    fsp_code_u64(codec, &info->size, INT64_MAX);
    fsp_code_u64(codec, &info->offset, INT64_MAX);
    if (codec->out) {
        fsp_canon_array(codec->out, info->root_count);
        fsp_buf_append_slice(codec->out, info->roots);
    } else {
        info->root_count = fsp_canon_read_array(&codec->in, 0, FSP_UPLOAD_ROOTS_MAX);
        const uint8_t *from = codec->in.at;
        fsp_upload_root_t root;
        for (size_t i = 0; i < info->root_count && codec->in.status == FSP_OK; i++)
            fsp_upload_root_read(&codec->in, &root);
        info->roots = fsp_slice(from, (size_t)(codec->in.at - from));
    }
    fsp_code_optional(codec, info->tail.bytes, sizeof(info->tail.bytes));
    fsp_code_u64(codec, &info->tail_bytes, FSP_CHUNK_BYTES_MAX);
    fsp_code_bin(codec, &info->midstate, FSP_MIDSTATE_BYTES_MAX);
    fsp_code_u64(codec, &info->duration, FSP_LEASE_US_MAX);
    fsp_code_u64(codec, &info->expiry, UINT64_MAX);
}

fsp_status_t
fsp_answer_upload(fsp_answer_t *self, fsp_upload_info_t *ret)
{
    memset(ret, 0, sizeof(*ret));
    fsp_codec_t codec = {.in = self->reader};
    code_upload(&codec, ret);
    self->reader = codec.in;
    return codec.in.status;
}

/* The roots of an upload, as they stand in an answer. */
static fsp_status_t
read_roots(fsp_machine_t *m, fsp_upload_id_t id, uint64_t count, fsp_buf_t *ret)
{
    fsp_row_key_t from = fsp_machine_key(m, FSP_TABLE_UPLOAD_PART);
    fsp_row_key_add(&from, FSP_SLICE_OF(id));
    fsp_row_key_t to = from;
    fsp_row_key_to_prefix_end(&to);
    FSP_AUTO(fsp_cursor_destroy)
    fsp_cursor_t *cursor = fsp_view_scan(m->view, fsp_row_key_slice(&from), fsp_row_key_slice(&to));
    uint64_t found = 0;
    for (; cursor->valid; fsp_cursor_next(cursor)) {
        fsp_upload_root_t root;
        if (++found > count || fsp_upload_root_decode(cursor->value, &root))
            return fsp_machine_fail(m, FSP_DAMAGED);
        fsp_buf_append_slice(ret, cursor->value);
    }
    if (cursor->status)
        return fsp_machine_fail(m, cursor->status);
    return found == count ? FSP_OK : fsp_machine_fail(m, FSP_DAMAGED);
}

/* row borrows from bytes that no read touches. */
static fsp_status_t
add_upload(fsp_machine_t *m, fsp_upload_id_t id, const fsp_upload_row_t *row,
           fsp_answering_t *answering, bool *ret_fits)
{
    fsp_buf_t roots, item;
    fsp_buf_init(&roots, (size_t)FSP_UPLOAD_ROOTS_MAX * ROOT_BYTES_MAX);
    fsp_buf_init(&item, FSP_ANSWER_BYTES_MAX);
    fsp_status_t status = read_roots(m, id, row->root_count, &roots);
    if (status == FSP_OK) {
        fsp_upload_info_t info = {
            .id = id,
            .subject = row->subject,
            .target = row->target,
            .condition = row->condition,
            .size = row->size,
            .offset = row->offset,
            .roots = fsp_buf_slice(&roots),
            .root_count = (size_t)row->root_count,
            .tail = row->tail,
            .tail_bytes = row->tail_bytes,
            .midstate = row->midstate,
            .duration = row->duration,
            .expiry = row->expiry,
        };
        fsp_codec_t codec = {.out = &item};
        code_upload(&codec, &info);
        FSP_ASSERT(fsp_buf_ok(&roots));
        FSP_ASSERT(fsp_buf_ok(&item));
        *ret_fits = fsp_answering_add_item(answering, fsp_buf_slice(&item));
    }
    fsp_buf_clear(&item);
    fsp_buf_clear(&roots);
    return status;
}

/* May this one be shown?  One's own, if one may go on with it: a share link, a token or rules of
   now may say no.  Reads. */
static fsp_status_t
is_shown(fsp_machine_t *m, const fsp_query_t *query, fsp_upload_id_t id, fsp_subject_id_t subject,
         bool all, bool *ret_shown)
{
    *ret_shown = all;
    if (all || !fsp_subject_id_eq(subject, query->subject))
        return FSP_OK;
    fsp_status_t status = fsp_access_need_upload(m, id);
    *ret_shown = status == FSP_OK;
    return status == FSP_FORBIDDEN ? FSP_OK : status;
}

static fsp_status_t
get_upload(fsp_machine_t *m, fsp_upload_id_t id, fsp_upload_row_t *ret)
{
    fsp_row_key_t key = fsp_upload_key(m, id);
    fsp_slice_t value;
    fsp_status_t status = fsp_machine_get(m, &key, &value);
    if (status)
        return status == FSP_NOT_FOUND ? FSP_NO_SUCH_UPLOAD : status;
    return fsp_upload_row_decode(value, ret) ? fsp_machine_fail(m, FSP_DAMAGED) : FSP_OK;
}

static fsp_status_t
one(fsp_machine_t *m, const fsp_query_t *query, bool all, fsp_answering_t *answering)
{
    fsp_upload_id_t id;
    static_assert(sizeof(id) == sizeof(query->target.id), "a target holds either");
    memcpy(id.bytes, query->target.id.bytes, sizeof(id.bytes));
    fsp_upload_row_t row;
    bool shown = false, fits = false;
    fsp_status_t status = get_upload(m, id, &row);
    if (status == FSP_OK)
        status = is_shown(m, query, id, row.subject, all, &shown);
    if (status)
        return status;
    if (!shown)
        return FSP_NO_SUCH_UPLOAD;
    status = get_upload(m, id, &row); /* again: it borrows from what was read last */
    if (status == FSP_OK)
        status = add_upload(m, id, &row, answering, &fits); /* reads by cursors only: row stays */
    FSP_ASSERT(status || fits);
    return status;
}

static fsp_status_t
many(fsp_machine_t *m, const fsp_query_t *query, bool all, fsp_answering_t *answering)
{
    static const uint8_t nul[1] = {0};
    fsp_row_key_t to = fsp_machine_key(m, FSP_TABLE_UPLOAD);
    fsp_row_key_t from = to;
    fsp_row_key_to_prefix_end(&to);
    if (query->after.bytes) {
        fsp_row_key_add(&from, query->after);
        fsp_row_key_add(&from, fsp_slice(nul, sizeof(nul))); /* the next possible key */
    }
    FSP_AUTO(fsp_cursor_destroy)
    fsp_cursor_t *cursor = fsp_view_scan(m->view, fsp_row_key_slice(&from), fsp_row_key_slice(&to));
    for (; cursor->valid; fsp_cursor_next(cursor)) {
        fsp_upload_id_t id;
        fsp_upload_row_t row;
        if (cursor->key.bytes != FSP_ROW_PREFIX_BYTES + sizeof(id.bytes) ||
            fsp_upload_row_decode(cursor->value, &row))
            return fsp_machine_fail(m, FSP_DAMAGED);
        memcpy(id.bytes, cursor->key.data + FSP_ROW_PREFIX_BYTES, sizeof(id.bytes));
        bool shown = false, fits = false;
        fsp_status_t status = is_shown(m, query, id, row.subject, all, &shown);
        if (status)
            return status;
        if (!shown)
            continue;
        if (answering->count == query->limit) {
            answering->more = true;
            break;
        }
        status = add_upload(m, id, &row, answering, &fits);
        if (status)
            return status;
        if (!fits)
            break;
    }
    return cursor->status ? fsp_machine_fail(m, cursor->status) : FSP_OK;
}

fsp_status_t
fsp_query_uploads(fsp_machine_t *m, const fsp_query_t *query, fsp_answering_t *answering)
{
    if (query->target.path.bytes ||
        (query->after.bytes && query->after.bytes != sizeof(fsp_upload_id_t)))
        return FSP_INVALID;
    fsp_status_t status = fsp_access_is_node(m) ? FSP_OK : fsp_access_need_root(m, FSP_RIGHT_ADMIN);
    if (status != FSP_OK && status != FSP_FORBIDDEN)
        return status;
    bool all = status == FSP_OK;
    if (!fsp_file_id_is_zero(query->target.id))
        return one(m, query, all, answering);
    return many(m, query, all, answering);
}
