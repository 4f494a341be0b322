/* SPDX-License-Identifier: MIT */
/* vectors_asking - results, queries and answers in golden vectors.  Layer tests. */
#ifndef FSP_TESTS_UNIT_PROTO_VECTORS_ASKING_H
#define FSP_TESTS_UNIT_PROTO_VECTORS_ASKING_H
#include "core/meta/answer.h"
#include "core/meta/changes.h"
#include "core/meta/query_system.h"
#include "core/meta/rows_history.h"
#include "core/meta/versions.h"
#include "tests/unit/proto/vectors_commands.h"

static fsp_result_t result;
static fsp_query_t query;
static fsp_answer_t answer;
static fsp_version_info_t version;
static fsp_change_info_t change;
static fsp_node_info_t node_info;
static fsp_space_info_t space_info;

/* -- results ----------------------------------------------------------------------------------- */

/* What the longer forms say, each only where it is written. */
static inline void
say_longer_result(json_t *meaning)
{
    bool longest = result.offset > 0 || result.failed > 0 || result.item_count > 0;
    if (!longest && result.path.bytes == 0 && !result.more)
        return;
    say_text(meaning, "path", result.path);
    say_bool(meaning, "more", result.more);
    if (!longest)
        return;
    say_u64(meaning, "offset", result.offset);
    say_u64(meaning, "failed", result.failed);
    json_t *items = json_array();
    fsp_canon_t reader = fsp_canon_reader(result.items);
    for (size_t i = 0; i < result.item_count; i++) {
        fsp_result_item_t item;
        fsp_result_item_next(&reader, &item);
        json_t *value = json_object();
        say_u64(value, "node_kind", item.kind);
        say_optional_id(value, "file", item.file_id);
        say_optional_id(value, "version", item.version_id);
        say_u64(value, "number", item.number);
        say_u64(value, "size", item.size);
        json_array_append_new(items, value);
    }
    ck_assert_int_eq(fsp_canon_finish(&reader), FSP_OK);
    say(meaning, "items", items);
}

static inline fsp_status_t
read_result(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_status_t status = fsp_result_decode(bytes, &result);
    if (status)
        return status;
    say_u64(meaning, "status", result.status);
    say_u64(meaning, "change", result.index);
    say_u64(meaning, "node_kind", result.kind);
    say_optional_id(meaning, "file", result.file_id);
    say_optional_id(meaning, "version", result.version_id);
    say_u64(meaning, "number", result.number);
    say_u64(meaning, "size", result.size);
    say_u64(meaning, "time", result.time);
    say_ids(meaning, "heads", result.heads, result.head_count);
    say_bool(meaning, "repeated", result.repeated);
    say_longer_result(meaning);
    fsp_result_encode(&result, again);
    return FSP_OK;
}

static inline void
add_result(json_t *entries, const char *name)
{
    static fsp_result_t kept; /* reading it back overwrites it */
    kept = result;
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_RESULT_BYTES_MAX);
    fsp_result_encode(&result, &bytes);
    vectors_add(entries, name, "result", fsp_buf_slice(&bytes));
    fsp_buf_clear(&bytes);
    result = kept;
}

/* -- queries ----------------------------------------------------------------------------------- */

static inline fsp_status_t
read_query(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_status_t status = fsp_query_decode(bytes, &query);
    if (status)
        return status;
    say_u64(meaning, "type", query.type);
    say_optional_id(meaning, "space", query.space_id);
    say_id(meaning, "subject", query.subject);
    say_u64(meaning, "system_index", query.system_index);
    if (query.target.path.bytes) {
        say_target(meaning, "target", &query.target);
    } else {
        json_t *target = json_object();
        say_optional_id(target, "file", query.target.id);
        say(meaning, "target", target);
    }
    say_hex(meaning, "version", query.version);
    say_hex(meaning, "prefix", query.prefix);
    say_hex(meaning, "after", query.after);
    say_u64(meaning, "after_index", query.after_index);
    say_u64(meaning, "limit", query.limit);
    say_asker(meaning, &query.asker);
    if (query.at_index > 0 || query.at_time > 0) {
        json_t *at = json_object();
        say_u64(at, "index", query.at_index);
        say_u64(at, "time", query.at_time);
        say(meaning, "at", at);
    }
    if (query.attrs)
        say_bool(meaning, "attrs", true);
    fsp_query_encode(&query, again);
    return FSP_OK;
}

static inline void
begin_query(fsp_query_type_t type)
{
    memset(&query, 0, sizeof(query));
    query.type = type;
    FILL(query.space_id, 0x11);
    FILL(query.subject, 0x22);
}

static inline void
add_query(json_t *entries, const char *name)
{
    static fsp_query_t kept; /* reading it back overwrites it */
    kept = query;
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_COMMAND_BYTES_MAX);
    fsp_query_encode(&query, &bytes);
    vectors_add(entries, name, "query", fsp_buf_slice(&bytes));
    fsp_buf_clear(&bytes);
    query = kept;
}

/* -- answers ----------------------------------------------------------------------------------- */

/* The fields of a version in an answer. */
static inline json_t *
version_item(void)
{
    json_t *item = json_object(), *record = json_object();
    say_id(item, "id", version.id);
    say_id(record, "file", version.file_id);
    say_u64(record, "number", version.number);
    say_u64(record, "how", version.kind);
    say_ids(record, "parents", version.parents, version.parent_count);
    say_u64(record, "size", version.size);
    say_id(record, "author", version.author);
    say_u64(record, "time", version.time);
    say_id(record, "op", version.op_id);
    say_id(record, "carrier_hash", version.carrier_hash);
    say(item, "record", record);
    say_bool(item, "retained", version.retained);
    say_bool(item, "head", version.is_head);
    say_hex(item, "carrier", version.carrier);
    return item;
}

/* The last field of a change row, by operation. */
static inline void
say_change_more(json_t *row)
{
    if (change.dropped.bytes > 0)
        say_hex(row, "dropped", change.dropped);
    if (change.operation == FSP_COMMAND_REKEY) {
        json_t *rekey = json_object();
        say_id(rekey, "old", change.old_carrier);
        say_id(rekey, "new", change.new_carrier);
        say_u64(rekey, "earlier", change.earlier);
        say(row, "rekey", rekey);
    }
    if (change.operation != FSP_COMMAND_BATCH)
        return;
    json_t *items = json_array();
    fsp_canon_t reader = fsp_canon_reader(change.items);
    for (size_t i = 0; i < change.item_count; i++) {
        fsp_change_info_t item;
        fsp_change_item_next(&reader, &item);
        json_t *value = json_object();
        say_u64(value, "what", item.operation);
        say_u64(value, "node_kind", item.kind);
        say_id(value, "file", item.file_id);
        say_text(value, "path", item.path);
        say_text(value, "from_path", item.from_path);
        say_optional_id(value, "version", item.version_id);
        say_optional_id(value, "displaced", item.displaced_id);
        say_ids(value, "made", item.made_ids, item.made_count);
        json_array_append_new(items, value);
    }
    ck_assert_int_eq(fsp_canon_finish(&reader), FSP_OK);
    say(row, "items", items);
}

static inline json_t *
change_meaning(void)
{
    json_t *row = json_object();
    say_u64(row, "change", change.index);
    say_u64(row, "what", change.operation);
    say_u64(row, "time", change.time);
    say_id(row, "author", change.author);
    say_id(row, "op", change.op_id);
    say_u64(row, "node_kind", change.kind);
    say_id(row, "file", change.file_id);
    say_text(row, "path", change.path);
    say_text(row, "from_path", change.from_path);
    say_optional_id(row, "version", change.version_id);
    say_optional_id(row, "displaced", change.displaced_id);
    say_ids(row, "made", change.made_ids, change.made_count);
    say_id(row, "previous", change.previous);
    say_change_more(row);
    say_id(row, "hash", change.hash);
    return row;
}

static inline void
record_bytes(fsp_buf_t *buf)
{
    fsp_buf_init(buf, FSP_VALUE_BYTES_MAX);
    fsp_version_record_encode(&version, buf);
}

static inline void
say_lease(json_t *object, const fsp_lease_t *lease)
{
    json_t *value = json_object();
    say_u64(value, "token", lease->token);
    say_id(value, "holder", lease->holder);
    say_u64(value, "expiry", lease->expiry);
    say(object, "lease", value);
}

static inline void
say_lease_if(json_t *object, const fsp_lease_t *lease)
{
    if (lease->token > 0)
        say_lease(object, lease);
}

static inline fsp_status_t
read_node_item(json_t *item, fsp_answering_t *answering)
{
    fsp_status_t status = fsp_answer_node(&answer, &node_info);
    if (status)
        return status;
    say_u64(item, "node_kind", node_info.kind);
    say_id(item, "file", node_info.file_id);
    say_optional_id(item, "parent", node_info.parent_id);
    say_text(item, "name", node_info.name);
    say_text(item, "path", node_info.path);
    say_hex(item, "attr", node_info.attr);
    say_u64(item, "time", node_info.time);
    say_ids(item, "heads", node_info.heads, node_info.head_count);
    fsp_buf_t record;
    fsp_buf_init(&record, FSP_VALUE_BYTES_MAX);
    if (fsp_version_id_is_zero(node_info.version.id)) {
        say(item, "version", json_null());
    } else {
        version = node_info.version;
        say(item, "version", version_item());
        fsp_version_record_encode(&version, &record);
    }
    say_lease_if(item, &node_info.lease);
    (void)fsp_answering_add_node(answering, &node_info, fsp_buf_slice(&record));
    fsp_buf_clear(&record);
    return FSP_OK;
}

static inline fsp_status_t
read_entry_item(json_t *item, fsp_answering_t *answering)
{
    fsp_entry_info_t entry;
    fsp_status_t status = fsp_answer_entry(&answer, &entry);
    if (status)
        return status;
    say_text(item, "name", entry.name);
    say_u64(item, "node_kind", entry.kind);
    say_id(item, "file", entry.file_id);
    say_u64(item, "size", entry.size);
    say_u64(item, "modified", entry.modified);
    say_optional_id(item, "version", entry.version_id);
    say_u64(item, "number", entry.number);
    say_u64(item, "heads", entry.head_count);
    if (answer.at_index > 0)
        say_bool(item, "retained", entry.retained);
    if (entry.attr.bytes > 0)
        say_hex(item, "attr", entry.attr);
    (void)fsp_answering_add_entry(answering, &entry);
    return FSP_OK;
}

static inline fsp_status_t
read_version_item(json_t *item, fsp_answering_t *answering)
{
    fsp_status_t status = fsp_answer_version(&answer, &version);
    if (status)
        return status;
    json_t *value = version_item();
    (void)json_object_update(item, value);
    json_decref(value);
    fsp_buf_t record;
    record_bytes(&record);
    (void)fsp_answering_add_version(answering, &version, fsp_buf_slice(&record));
    fsp_buf_clear(&record);
    return FSP_OK;
}

static inline fsp_status_t
read_change_item(json_t *item, fsp_answering_t *answering)
{
    fsp_status_t status = fsp_answer_change(&answer, &change);
    if (status)
        return status;
    json_t *value = change_meaning();
    (void)json_object_update(item, value);
    json_decref(value);
    fsp_buf_t row;
    fsp_buf_init(&row, FSP_VALUE_BYTES_MAX);
    fsp_change_row_encode(&change, &row);
    (void)fsp_answering_add_change(answering, fsp_buf_slice(&row));
    fsp_buf_clear(&row);
    return FSP_OK;
}

static inline fsp_status_t
read_space_item(json_t *item, fsp_answering_t *answering)
{
    fsp_status_t status = fsp_answer_space(&answer, &space_info);
    if (status)
        return status;
    say_id(item, "space", space_info.space_id);
    say_text(item, "name", space_info.name);
    say_id(item, "owner", space_info.owner);
    say_u64(item, "epoch", space_info.epoch);
    say_u64(item, "change", space_info.change_index);
    say_u64(item, "quota", space_info.quota_bytes);
    say_u64(item, "used", space_info.used_bytes);
    say_id(item, "root", space_info.root_id);
    say_id(item, "trash", space_info.trash_id);
    say_u64(item, "chunk_min", space_info.chunk_bytes_min);
    say_u64(item, "chunk_avg", space_info.chunk_bytes_avg);
    say_u64(item, "chunk_max", space_info.chunk_bytes_max);
    say(item, "keys", wrapped_keys(space_info.keys, space_info.key_count));
    say_hex(item, "cut_key", space_info.wrapped_cut_key);
    if (fsp_retention_is_set(&space_info.retention)) {
        const fsp_retention_t *keep = &space_info.retention;
        json_t *value = json_object();
        say_u64(value, "keep_last", keep->keep_last);
        say_u64(value, "all_days", keep->all_days);
        say_u64(value, "daily", keep->daily);
        say_u64(value, "weekly", keep->weekly);
        say_u64(value, "monthly", keep->monthly);
        say_u64(value, "past_days", keep->past_days);
        say(item, "retention", value);
    }
    (void)fsp_answering_add_space(answering, &space_info);
    return FSP_OK;
}

static inline fsp_status_t
read_link_item(json_t *item, fsp_answering_t *answering)
{
    fsp_link_info_t link;
    fsp_status_t status = fsp_answer_link(&answer, &link);
    if (status)
        return status;
    say_id(item, "link", link.link_id);
    say_id(item, "file", link.file_id);
    say_u64(item, "node_kind", link.kind);
    say_u64(item, "rights", link.rights);
    say_u64(item, "expiry", link.expiry);
    say_u64(item, "uses", link.uses_max);
    say_u64(item, "used", link.uses);
    say_id(item, "maker", link.maker);
    say_u64(item, "made", link.made);
    say_hex(item, "password", link.password);
    (void)fsp_answering_add_link(answering, &link);
    return FSP_OK;
}

/* As docs/protocol/commands-node.md, section 10, says: the program makes these from rows only. */
static inline void
encode_upload_item(const fsp_upload_info_t *upload, fsp_buf_t *buf)
{
    fsp_canon_array(buf, 12);
    fsp_canon_id(buf, upload->id);
    fsp_canon_id(buf, upload->subject);
    if (upload->target.path.bytes)
        fsp_canon_text(buf, upload->target.path);
    else
        fsp_canon_id(buf, upload->target.id);
    fsp_canon_array(buf, 1 + upload->condition.version_count);
    fsp_canon_uint(buf, upload->condition.type);
    for (size_t i = 0; i < upload->condition.version_count; i++)
        fsp_canon_id(buf, upload->condition.versions[i]);
    fsp_canon_uint(buf, upload->size);
    fsp_canon_uint(buf, upload->offset);
    fsp_canon_array(buf, upload->root_count);
    fsp_buf_append_slice(buf, upload->roots);
    if (fsp_key_is_zero(upload->tail))
        fsp_canon_nil(buf);
    else
        fsp_canon_id(buf, upload->tail);
    fsp_canon_uint(buf, upload->tail_bytes);
    fsp_canon_bin(buf, upload->midstate);
    fsp_canon_uint(buf, upload->duration);
    fsp_canon_uint(buf, upload->expiry);
}

static inline bool
add_upload_item(fsp_answering_t *answering, const fsp_upload_info_t *upload)
{
    fsp_buf_t item;
    fsp_buf_init(&item, FSP_ANSWER_BYTES_MAX);
    encode_upload_item(upload, &item);
    bool added = fsp_answering_add_item(answering, fsp_buf_slice(&item));
    fsp_buf_clear(&item);
    return added;
}

static inline fsp_status_t
read_upload_item(json_t *item, fsp_answering_t *answering)
{
    fsp_upload_info_t upload;
    fsp_status_t status = fsp_answer_upload(&answer, &upload);
    if (status)
        return status;
    say_id(item, "upload", upload.id);
    say_id(item, "subject", upload.subject);
    say_target(item, "target", &upload.target);
    say_condition(item, &upload.condition);
    say_u64(item, "size", upload.size);
    say_u64(item, "offset", upload.offset);
    say(item, "roots", root_list(upload.roots, upload.root_count));
    say_optional_id(item, "tail", upload.tail);
    say_u64(item, "tail_bytes", upload.tail_bytes);
    say_hex(item, "midstate", upload.midstate);
    say_u64(item, "duration", upload.duration);
    say_u64(item, "expiry", upload.expiry);
    (void)add_upload_item(answering, &upload);
    return FSP_OK;
}

/* [id or number, row] of the system shard: the row as its bytes. */
static inline fsp_status_t
read_row_item(json_t *item, fsp_answering_t *answering)
{
    fsp_answer_t numbered = answer;
    uint64_t number;
    fsp_slice_t row;
    if (fsp_answer_row_of_number(&numbered, &number, &row) == FSP_OK) {
        answer = numbered;
        say_u64(item, "number", number);
        (void)fsp_answering_add_row(answering, (fsp_slice_t){0}, number, row);
    } else {
        fsp_answer_t narrow = answer;
        uint8_t id[32];
        size_t bytes = 16;
        fsp_status_t status = fsp_answer_row_of_id(&narrow, id, bytes, &row);
        if (status) {
            narrow = answer;
            bytes = 32;
            status = fsp_answer_row_of_id(&narrow, id, bytes, &row);
        }
        if (status)
            return status;
        answer = narrow;
        say_hex(item, "id", fsp_slice(id, bytes));
        (void)fsp_answering_add_row(answering, fsp_slice(id, bytes), 0, row);
    }
    say_hex(item, "row", row);
    return FSP_OK;
}

typedef fsp_status_t(read_item_t)(json_t *item, fsp_answering_t *answering);

static inline fsp_status_t
read_answer(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again, read_item_t *read_item)
{
    fsp_status_t status = fsp_answer_open(bytes, &answer);
    if (status)
        return status;
    say_u64(meaning, "status", answer.status);
    say_u64(meaning, "change", answer.index);
    say_bool(meaning, "more", answer.more);
    json_t *items = json_array();
    say(meaning, "items", items);
    fsp_answering_t answering;
    fsp_answering_init(&answering);
    answering.at_index = answer.at_index;
    for (size_t i = 0; i < answer.count && status == FSP_OK; i++) {
        json_t *item = json_object();
        status = read_item(item, &answering);
        json_array_append_new(items, item);
    }
    answering.more = answer.more;
    if (answer.at_index > 0) {
        say_u64(meaning, "at_index", answer.at_index);
        say_hex(meaning, "next", answer.next);
        answering.next_bytes = answer.next.bytes;
        if (answer.next.bytes)
            memcpy(answering.next, answer.next.data, answer.next.bytes);
    }
    if (status == FSP_OK)
        fsp_answering_finish(&answering, answer.status, answer.index, again);
    fsp_answering_clear(&answering);
    return status;
}

#define READ_ANSWER(what)                                                                          \
    static inline fsp_status_t read_answer_##what(fsp_slice_t bytes, json_t *meaning,              \
                                                  fsp_buf_t *again)                                \
    {                                                                                              \
        return read_answer(bytes, meaning, again, read_##what##_item);                             \
    }
READ_ANSWER(node)
READ_ANSWER(entry)
READ_ANSWER(version)
READ_ANSWER(change)
READ_ANSWER(space)
READ_ANSWER(link)
READ_ANSWER(upload)
READ_ANSWER(row)

#define VECTORS_ASKING_KINDS                                                                       \
    {"result", read_result, NULL}, {"query", read_query, NULL},                                    \
        {"answer-node", read_answer_node, NULL}, {"answer-entry", read_answer_entry, NULL},        \
        {"answer-version", read_answer_version, NULL},                                             \
        {"answer-change", read_answer_change, NULL}, {"answer-space", read_answer_space, NULL},    \
        {"answer-link", read_answer_link, NULL}, {"answer-upload", read_answer_upload, NULL},      \
    {                                                                                              \
        "answer-row", read_answer_row, NULL                                                        \
    }

static inline void
begin_version(void)
{
    memset(&version, 0, sizeof(version));
    FILL(version.file_id, 0x66);
    version.number = 2;
    version.kind = FSP_VERSION_PUT;
    version.parent_count = 1;
    FILL(version.parents[0], 0xaf);
    version.size = 5000000;
    FILL(version.author, 0x22);
    version.time = UINT64_C(1764083916000000);
    FILL(version.op_id, 0x33);
    version.carrier = example_carrier(FSP_ROOT_TREE);
    version.carrier_hash = fsp_sha256(version.carrier);
    version.retained = true;
    version.is_head = true;
}

static inline void
begin_change(void)
{
    memset(&change, 0, sizeof(change));
    change.index = 301;
    change.operation = FSP_COMMAND_PUT;
    change.time = UINT64_C(1764083916000000);
    FILL(change.author, 0x22);
    FILL(change.op_id, 0x33);
    change.kind = FSP_KIND_FILE;
    FILL(change.file_id, 0x66);
    change.path = fsp_slice_text("/d\xc3\xa9j\xc3\xa0/vu.txt");
    FILL(change.version_id, 0xb0);
    FILL(change.previous, 0xc0);
}

static inline void
finish_answer(json_t *entries, const char *name, const char *kind, fsp_answering_t *answering,
              fsp_status_t status)
{
    static fsp_version_info_t kept; /* reading it back overwrites it */
    kept = version;
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_ANSWER_BYTES_MAX);
    fsp_answering_finish(answering, status, status == FSP_FORBIDDEN ? 0 : 301, &bytes);
    fsp_answering_clear(answering);
    vectors_add(entries, name, kind, fsp_buf_slice(&bytes));
    fsp_buf_clear(&bytes);
    fsp_answering_init(answering);
    version = kept;
}
#endif
