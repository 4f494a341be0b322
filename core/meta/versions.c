/* SPDX-License-Identifier: MIT */
/* versions - version records, and which heads a new one leaves.  Layer core/meta.  Pure. */
#include "core/meta/versions.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/mutant.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"
#include "core/meta/past.h"

enum {
    RECORD_FIELDS = 9,
    RECORD_BYTES_MAX = 4096,
    VERSION_HEX_MAX = 2 * sizeof(fsp_version_id_t),
    /* How many versions of other files a prefix of 32 bits may pass before it counts as
       ambiguous. */
    PREFIX_ROWS_MAX = 1000,
};
static_assert(RECORD_BYTES_MAX > FSP_PARENTS_MAX * 34 + 256, "a record with all parents fits");
static_assert(FSP_PARENTS_MAX >= FSP_HEADS_MAX, "replace makes all heads parents");

/* -- record ------------------------------------------------------------------------------------ */

void
fsp_version_record_encode(const fsp_version_info_t *version, fsp_buf_t *buf)
{
    FSP_PRE(version->parent_count <= FSP_PARENTS_MAX);
    fsp_canon_array(buf, RECORD_FIELDS);
    fsp_canon_id(buf, version->file_id);
    fsp_canon_uint(buf, version->number);
    fsp_canon_uint(buf, version->kind);
    fsp_canon_array(buf, version->parent_count);
    for (size_t i = 0; i < version->parent_count; i++) {
        FSP_PRE(i == 0 || fsp_version_id_cmp(version->parents[i - 1], version->parents[i]) < 0);
        fsp_canon_id(buf, version->parents[i]);
    }
    fsp_canon_uint(buf, version->size);
    fsp_canon_id(buf, version->author);
    fsp_canon_uint(buf, version->time);
    fsp_canon_id(buf, version->op_id);
    fsp_canon_id(buf, version->carrier_hash);
}

static fsp_version_id_t
record_id(fsp_slice_t record)
{
    fsp_hash_t hash = fsp_sha256(record);
    fsp_version_id_t id;
    static_assert(sizeof(id) == sizeof(hash), "a version id is a SHA-256");
    memcpy(id.bytes, hash.bytes, sizeof(id.bytes));
    return id;
}

fsp_status_t
fsp_version_record_decode(fsp_slice_t record, fsp_version_info_t *ret)
{
    FSP_PRE(ret);
    memset(ret, 0, sizeof(*ret));
    fsp_canon_t reader = fsp_canon_reader(record);
    (void)fsp_canon_read_array(&reader, RECORD_FIELDS, RECORD_FIELDS); /* sticky */
    fsp_canon_read_id(&reader, &ret->file_id);
    ret->number = fsp_canon_read_uint(&reader, UINT64_MAX);
    uint64_t kind = fsp_canon_read_uint(&reader, FSP_VERSION_MERGE);
    if (kind < FSP_VERSION_PUT || ret->number == 0)
        fsp_canon_fail(&reader, FSP_INVALID);
    ret->kind = (fsp_version_kind_t)kind;
    ret->parent_count = fsp_canon_read_array(&reader, 0, FSP_PARENTS_MAX);
    for (size_t i = 0; i < ret->parent_count; i++) {
        fsp_canon_read_id(&reader, &ret->parents[i]);
        if (i > 0 && fsp_version_id_cmp(ret->parents[i - 1], ret->parents[i]) >= 0)
            fsp_canon_fail(&reader, FSP_INVALID);
    }
    ret->size = fsp_canon_read_uint(&reader, INT64_MAX);
    fsp_canon_read_id(&reader, &ret->author);
    ret->time = fsp_canon_read_uint(&reader, UINT64_MAX);
    fsp_canon_read_id(&reader, &ret->op_id);
    fsp_canon_read_id(&reader, &ret->carrier_hash);
    fsp_status_t status = fsp_canon_finish(&reader);
    if (status == FSP_OK)
        ret->id = record_id(record);
    return status;
}

/* -- reading ----------------------------------------------------------------------------------- */

fsp_status_t
fsp_versions_owner(fsp_machine_t *m, fsp_version_id_t version_id, fsp_version_index_row_t *ret)
{
    fsp_row_key_t key = fsp_machine_key(m, FSP_TABLE_VERSION_INDEX);
    fsp_row_key_add(&key, FSP_SLICE_OF(version_id));
    fsp_slice_t value;
    fsp_status_t status = fsp_machine_get(m, &key, &value);
    if (status == FSP_NOT_FOUND)
        return FSP_NO_SUCH_VERSION;
    if (status)
        return status;
    return fsp_version_index_row_decode(value, ret) ? fsp_machine_fail(m, FSP_DAMAGED) : FSP_OK;
}

static fsp_row_key_t
version_key(const fsp_machine_t *m, fsp_file_id_t id, uint64_t number)
{
    fsp_row_key_t key = fsp_machine_key(m, FSP_TABLE_VERSION);
    fsp_row_key_add(&key, FSP_SLICE_OF(id));
    fsp_row_key_add_u64(&key, number);
    return key;
}

fsp_status_t
fsp_versions_get(fsp_machine_t *m, fsp_file_id_t id, uint64_t number, fsp_version_info_t *ret,
                 fsp_version_row_t *ret_row)
{
    fsp_row_key_t key = version_key(m, id, number);
    fsp_slice_t value;
    fsp_status_t status = fsp_machine_get(m, &key, &value);
    if (status == FSP_NOT_FOUND)
        return FSP_NO_SUCH_VERSION;
    if (status)
        return status;
    if (fsp_version_row_decode(value, ret_row) || fsp_version_record_decode(ret_row->record, ret))
        return fsp_machine_fail(m, FSP_DAMAGED);
    if (!fsp_file_id_eq(ret->file_id, id) || ret->number != number)
        return fsp_machine_fail(m, FSP_DAMAGED);
    ret->retained = ret_row->retained;
    ret->carrier = ret_row->carrier;
    return FSP_OK;
}

/* First digits of id, as many as there are in hex, are those of hex (either case). */
static bool
starts_with_hex(fsp_slice_t id, fsp_slice_t hex)
{
    for (size_t i = 0; i < hex.bytes; i++) {
        uint8_t digit = i % 2 == 0 ? (uint8_t)(id.data[i / 2] >> 4) : (id.data[i / 2] & 0x0f);
        uint8_t wanted = hex.data[i];
        wanted = (uint8_t)(wanted <= '9' ? wanted - '0' : (wanted | 0x20) - 'a' + 10);
        if (digit != wanted)
            return false;
    }
    return true;
}

fsp_status_t
fsp_versions_by_prefix(fsp_machine_t *m, fsp_file_id_t id, fsp_slice_t hex, uint64_t *ret_number)
{
    if (hex.bytes < FSP_VERSION_PREFIX_HEX_MIN || hex.bytes > VERSION_HEX_MAX)
        return FSP_INVALID;
    uint8_t padded[VERSION_HEX_MAX];
    memset(padded, '0', sizeof(padded));
    memcpy(padded, hex.data, hex.bytes);
    fsp_version_id_t first;
    if (fsp_hex_decode(fsp_slice(padded, sizeof(padded)), first.bytes, sizeof(first.bytes)))
        return FSP_INVALID;

    fsp_row_key_t to = fsp_machine_key(m, FSP_TABLE_VERSION_INDEX);
    fsp_row_key_t from = to;
    fsp_row_key_to_prefix_end(&to);
    fsp_row_key_add(&from, FSP_SLICE_OF(first));
    FSP_AUTO(fsp_cursor_destroy)
    fsp_cursor_t *cursor = fsp_view_scan(m->view, fsp_row_key_slice(&from), fsp_row_key_slice(&to));
    size_t matches = 0;
    for (size_t rows = 0; cursor->valid; rows++, fsp_cursor_next(cursor)) {
        fsp_version_index_row_t row;
        if (cursor->key.bytes != FSP_ROW_PREFIX_BYTES + sizeof(first.bytes) ||
            fsp_version_index_row_decode(cursor->value, &row))
            return fsp_machine_fail(m, FSP_DAMAGED);
        const uint8_t *found = cursor->key.data + FSP_ROW_PREFIX_BYTES;
        if (!starts_with_hex(fsp_slice(found, sizeof(first.bytes)), hex))
            break;
        if (rows >= PREFIX_ROWS_MAX)
            return FSP_AMBIGUOUS;
        if (!fsp_file_id_eq(row.file_id, id))
            continue;
        if (++matches > 1)
            return FSP_AMBIGUOUS;
        *ret_number = row.number;
    }
    if (cursor->status)
        return fsp_machine_fail(m, cursor->status);
    return matches == 1 ? FSP_OK : FSP_NO_SUCH_VERSION;
}

/* -- judging ----------------------------------------------------------------------------------- */

static fsp_status_t
mismatch(fsp_machine_t *m, fsp_file_id_t id, const fsp_node_row_t *node)
{
    fsp_machine_show(m, id, node);
    return FSP_MISMATCH;
}

fsp_status_t
fsp_versions_check_match(fsp_machine_t *m, fsp_file_id_t id, const fsp_node_row_t *node,
                         const fsp_condition_t *condition)
{
    FSP_PRE(condition->type == FSP_IF_REPLACE || condition->type == FSP_IF_MATCH);
    if (condition->type == FSP_IF_REPLACE)
        return FSP_OK;
    bool matches =
        (node->head_count == 1 || (FSP_MUTANT(match_with_siblings) && node->head_count > 0)) &&
        fsp_version_id_eq(node->heads[0].id, condition->versions[0]);
    return matches ? FSP_OK : mismatch(m, id, node);
}

static bool
names_version(const fsp_condition_t *condition, fsp_version_id_t version_id)
{
    for (size_t i = 0; i < condition->version_count; i++)
        if (fsp_version_id_eq(condition->versions[i], version_id))
            return true;
    return false;
}

/* Inserts into ascending parents; each comes once. */
static void
add_parent(fsp_succession_t *succession, fsp_version_id_t version_id)
{
    FSP_ASSERT(succession->parent_count < FSP_PARENTS_MAX);
    size_t at = succession->parent_count++;
    for (; at > 0 && fsp_version_id_cmp(succession->parents[at - 1], version_id) > 0; at--)
        succession->parents[at] = succession->parents[at - 1];
    succession->parents[at] = version_id;
}

/* Every version that a condition names must be of this file and still be kept: objects below it may
   be all that justifies the new root (collection rule ii). */
static fsp_status_t
check_bases(fsp_machine_t *m, fsp_file_id_t id, const fsp_node_row_t *node,
            const fsp_condition_t *condition)
{
    for (size_t i = 0; i < condition->version_count; i++) {
        fsp_version_index_row_t owner;
        fsp_status_t status = fsp_versions_owner(m, condition->versions[i], &owner);
        if (status == FSP_NO_SUCH_VERSION ||
            (status == FSP_OK && !fsp_file_id_eq(owner.file_id, id)))
            return mismatch(m, id, node);
        if (status)
            return status;
        fsp_version_info_t version;
        fsp_version_row_t row;
        status = fsp_versions_get(m, id, owner.number, &version, &row);
        if (status == FSP_NO_SUCH_VERSION)
            return fsp_machine_fail(m, FSP_DAMAGED);
        if (status)
            return status;
        if (!version.retained && !FSP_MUTANT(pruned_base_taken))
            return FSP_BASE_GONE;
    }
    return FSP_OK;
}

fsp_status_t
fsp_versions_judge(fsp_machine_t *m, fsp_file_id_t id, const fsp_node_row_t *node,
                   const fsp_condition_t *condition, fsp_succession_t *ret)
{
    FSP_PRE(condition->type != FSP_IF_NONE_MATCH);
    ret->kind = condition->type == FSP_IF_MERGE ? FSP_VERSION_MERGE : FSP_VERSION_PUT;
    ret->parent_count = 0;
    ret->stay_count = 0;
    if (condition->type == FSP_IF_REPLACE) {
        for (size_t i = 0; i < node->head_count; i++)
            add_parent(ret, node->heads[i].id);
        return FSP_OK;
    }
    fsp_status_t status = FSP_OK;
    if (condition->type == FSP_IF_MATCH)
        status = fsp_versions_check_match(m, id, node, condition);
    if (status == FSP_OK)
        status = check_bases(m, id, node, condition);
    if (status)
        return status;
    for (size_t i = 0; i < condition->version_count; i++)
        add_parent(ret, condition->versions[i]);
    for (size_t i = 0; i < node->head_count; i++)
        if (!names_version(condition, node->heads[i].id) && !FSP_MUTANT(heads_lost_on_edit))
            ret->stay[ret->stay_count++] = node->heads[i];
    if (ret->stay_count + 1 > FSP_HEADS_MAX) {
        fsp_machine_show(m, id, node);
        return FSP_TOO_MANY_HEADS;
    }
    return FSP_OK;
}

/* -- writing ----------------------------------------------------------------------------------- */

fsp_status_t
fsp_versions_charge(fsp_space_row_t *space, uint64_t freed, uint64_t size)
{
    FSP_PRE(freed <= space->used_bytes);
    uint64_t used = space->used_bytes - freed;
    if (size > UINT64_MAX - used)
        return FSP_QUOTA;
    used += size;
    if (FSP_MUTANT(quota_counted_when_refused))
        space->used_bytes = used;
    uint64_t limit = space->quota_bytes + (FSP_MUTANT(quota_off_by_one) ? 1 : 0);
    if (size > freed && space->quota_bytes != 0 && used > limit)
        return FSP_QUOTA;
    space->used_bytes = used;
    return FSP_OK;
}

static void
write_version(fsp_machine_t *m, const fsp_version_info_t *version, fsp_slice_t record)
{
    fsp_row_key_t key = version_key(m, version->file_id, version->number);
    fsp_version_row_encode(
        &(fsp_version_row_t){.record = record, .retained = true, .carrier = version->carrier},
        fsp_machine_value(m));
    fsp_machine_put(m, &key);

    key = fsp_machine_key(m, FSP_TABLE_VERSION_INDEX);
    fsp_row_key_add(&key, FSP_SLICE_OF(version->id));
    fsp_version_index_row_encode(
        &(fsp_version_index_row_t){.file_id = version->file_id, .number = version->number},
        fsp_machine_value(m));
    fsp_machine_put(m, &key);
}

fsp_status_t
fsp_versions_add(fsp_machine_t *m, fsp_file_id_t id, fsp_node_row_t *node,
                 const fsp_succession_t *succession, uint64_t size, fsp_slice_t carrier)
{
    FSP_PRE(node->kind != FSP_KIND_DIRECTORY);
    FSP_PRE(succession->stay_count < FSP_HEADS_MAX);
    fsp_status_t status = fsp_versions_charge(&m->space, m->credit, size);
    m->credit = 0;
    if (status)
        return status;
    /* The newest version is always a head, so the preferred head has the highest number in use. */
    fsp_version_info_t version = {
        .file_id = id,
        .number = node->head_count ? node->heads[0].number + 1 : 1,
        .kind = succession->kind,
        .parent_count = succession->parent_count,
        .size = size,
        .author = m->command->subject,
        .time = m->time,
        .op_id = m->command->op_id,
        .carrier_hash = fsp_sha256(carrier),
        .carrier = carrier,
    };
    memcpy(version.parents, succession->parents,
           succession->parent_count * sizeof(succession->parents[0]));
    fsp_buf_t record;
    fsp_buf_init(&record, RECORD_BYTES_MAX);
    fsp_version_record_encode(&version, &record);
    FSP_ASSERT(fsp_buf_ok(&record));
    version.id = record_id(fsp_buf_slice(&record));
    write_version(m, &version, fsp_buf_slice(&record));
    fsp_buf_clear(&record);

    fsp_past_keep_heads(m, id, node);
    node->heads[0] = (fsp_head_t){.number = version.number, .id = version.id};
    memcpy(node->heads + 1, succession->stay, succession->stay_count * sizeof(succession->stay[0]));
    node->head_count = succession->stay_count + 1;
    node->size = size;
    node->content_time = m->time;
    FSP_POST(node->head_count == 1 || node->heads[0].number > node->heads[1].number);

    m->result.version_id = version.id;
    m->result.number = version.number;
    m->result.size = size;
    m->change.version_id = version.id;
    return FSP_OK;
}

/* -- letting go -------------------------------------------------------------------------------- */

static fsp_status_t
release(fsp_machine_t *m, const fsp_version_info_t *version)
{
    if (!version->retained)
        return FSP_OK;
    if (version->size > m->space.used_bytes)
        return fsp_machine_fail(m, FSP_DAMAGED);
    m->space.used_bytes -= version->size;
    return FSP_OK;
}

fsp_status_t
fsp_versions_drop(fsp_machine_t *m, fsp_file_id_t id, uint64_t number, bool *ret_dropped)
{
    fsp_version_info_t version;
    fsp_version_row_t row;
    fsp_status_t status = fsp_versions_get(m, id, number, &version, &row);
    if (status)
        return status == FSP_NO_SUCH_VERSION ? fsp_machine_fail(m, FSP_DAMAGED) : status;
    *ret_dropped = row.retained;
    status = release(m, &version);
    if (status || !row.retained)
        return status;
    row.retained = false;
    row.carrier = (fsp_slice_t){0};
    fsp_row_key_t key = version_key(m, id, number);
    fsp_version_row_encode(&row, fsp_machine_value(m));
    fsp_machine_put(m, &key);
    return FSP_OK;
}

/* The lowest number of the versions of a file from `from` on; 0: none. */
static fsp_status_t
next_number(fsp_machine_t *m, fsp_file_id_t id, uint64_t from, uint64_t *ret)
{
    fsp_row_key_t low = version_key(m, id, from);
    fsp_row_key_t high = version_key(m, id, UINT64_MAX);
    FSP_AUTO(fsp_cursor_destroy)
    fsp_cursor_t *cursor =
        fsp_view_scan(m->view, fsp_row_key_slice(&low), fsp_row_key_slice(&high));
    *ret = 0;
    if (cursor->status || (cursor->valid && cursor->key.bytes != low.used))
        return fsp_machine_fail(m, cursor->status ? cursor->status : FSP_DAMAGED);
    if (cursor->valid)
        *ret = fsp_load_u64(cursor->key.data + cursor->key.bytes - 8);
    return FSP_OK;
}

fsp_status_t
fsp_versions_delete(fsp_machine_t *m, fsp_file_id_t id, size_t rows_max, size_t *ret_rows)
{
    uint64_t number = 0;
    *ret_rows = 0;
    /* Numbers are dense from the first that is left on. */
    fsp_status_t status = rows_max > 0 ? next_number(m, id, 0, &number) : FSP_OK;
    if (status || number == 0)
        return status;
    for (; *ret_rows < rows_max; number++) {
        fsp_version_info_t version;
        fsp_version_row_t row;
        status = fsp_versions_get(m, id, number, &version, &row);
        if (status)
            return status == FSP_NO_SUCH_VERSION ? FSP_OK : status;
        status = release(m, &version);
        if (status)
            return status;
        fsp_row_key_t key = version_key(m, id, number);
        fsp_machine_delete(m, &key);
        key = fsp_machine_key(m, FSP_TABLE_VERSION_INDEX);
        fsp_row_key_add(&key, FSP_SLICE_OF(version.id));
        fsp_machine_delete(m, &key);
        ++*ret_rows;
    }
    return FSP_OK;
}
