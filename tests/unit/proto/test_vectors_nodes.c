/* SPDX-License-Identifier: MIT */
/* test_vectors_nodes - golden vectors of attributes, leases, batches, uploads, quota, keys.  Layer
 * tests.
 *
 * docs/protocol/commands-node.md.
 */
#include "tests/unit/proto/vectors_families.h"

static void
make_put_2(json_t *entries)
{
    begin_put(FSP_IF_EDIT, 1);
    command.version = 2;
    add_command(entries, "put of version 2 with nothing more");
    command.put.lease_token = 301;
    command.put.revive = true;
    FILL(command.put.upload_id, 0x0b);
    command.put.base_count = 2;
    FILL(command.put.bases[0], 0xb1);
    FILL(command.put.bases[1], 0xb0);
    add_command(entries, "put of version 2: lease, revive, upload, bases");
    command.put.bases[1] = command.put.bases[0];
    add_command(entries, "refused: put of version 2, a base twice");
}

static void
make_node_commands(json_t *entries)
{
    static const uint8_t attr[] = {0xa7, 0x72};
    begin_command(FSP_COMMAND_ATTR);
    command.node.attr.target = by_path("/a");
    set_condition(&command.node.attr.condition, FSP_IF_REPLACE);
    add_command(entries, "attr, taken away");
    command.node.attr.attr = fsp_slice(attr, sizeof(attr));
    command.node.attr.target = by_file(0x66);
    set_condition(&command.node.attr.condition, FSP_IF_MATCH);
    add_command(entries, "attr, by file, match");
    set_condition(&command.node.attr.condition, FSP_IF_EDIT);
    add_command(entries, "refused: attr, edit");
    begin_command(FSP_COMMAND_RMDIR);
    command.node.rmdir.target = by_path("/a");
    add_command(entries, "rmdir");
    command.node.rmdir.target = by_file(0);
    add_command(entries, "refused: rmdir of a zero id");

    begin_command(FSP_COMMAND_LOCK);
    command.node.lease.target = by_path("/a");
    command.node.lease.duration = FSP_LEASE_US_MIN;
    add_command(entries, "lock for a second");
    command.node.lease.duration--;
    add_command(entries, "refused: lock for less than a second");
    command.node.lease.duration = FSP_LEASE_US_MAX + 1;
    add_command(entries, "refused: lock for more than 30 days");
    begin_command(FSP_COMMAND_RENEW);
    command.node.lease.target = by_file(0x66);
    command.node.lease.token = 301;
    command.node.lease.duration = FSP_LEASE_US_MAX;
    add_command(entries, "renew for 30 days");
    command.node.lease.token = 0;
    add_command(entries, "refused: renew without a token");
    begin_command(FSP_COMMAND_UNLOCK);
    command.node.lease.target = by_file(0x66);
    command.node.lease.token = 301;
    add_command(entries, "unlock");
    command.node.lease.force = true;
    add_command(entries, "refused: unlock by force with a token");
    command.node.lease.token = 0;
    add_command(entries, "unlock by force");
    command.node.lease.force = false;
    add_command(entries, "refused: unlock with no token and no force");

    begin_command(FSP_COMMAND_QUOTA);
    add_command(entries, "quota, none");
    command.node.quota.bytes = UINT64_MAX;
    add_command(entries, "quota, the greatest");
    begin_command(FSP_COMMAND_REKEY);
    FILL(command.node.rekey.version_id, 0xb0);
    FILL(command.node.rekey.present, 0xc1);
    command.node.rekey.carrier = example_carrier(FSP_ROOT_TREE);
    add_command(entries, "rekey");
    command.node.rekey.carrier.bytes--;
    add_command(entries, "refused: rekey, no whole carrier");
}

/* A batch whose items make_batches adds. */
static void
finish_batch(json_t *entries, const char *name, const fsp_buf_t *items, size_t count)
{
    begin_command(FSP_COMMAND_BATCH);
    command.node.batch.items = fsp_buf_slice(items);
    command.node.batch.count = count;
    add_command(entries, name);
}

static void
make_batches(json_t *entries)
{
    fsp_buf_t items;
    fsp_buf_init(&items, FSP_COMMAND_BYTES_MAX);
    begin_put(FSP_IF_REPLACE, 0);
    fsp_batch_add(&command, &items);
    begin_command(FSP_COMMAND_MKDIR);
    command.mkdir.target = by_path("/a/b/c");
    command.mkdir.create_parents = true;
    FILL(command.mkdir.ids_seed, 0x56);
    fsp_batch_add(&command, &items);
    begin_command(FSP_COMMAND_UNDELETE);
    command.history.target = by_file(0x66);
    fsp_batch_add(&command, &items);
    begin_command(FSP_COMMAND_LOCK);
    command.node.lease.target = by_path("/a/b");
    command.node.lease.duration = FSP_LEASE_US_MIN;
    fsp_batch_add(&command, &items);
    finish_batch(entries, "batch of put, mkdir, undelete, lock", &items, 4);
    fsp_buf_reset(&items);
    finish_batch(entries, "refused: batch of nothing", &items, 0);
    /* Each end of an upload may be 2049 rows. */
    for (size_t i = 0; i < 2; i++) {
        begin_put(FSP_IF_REPLACE, 0);
        command.version = 2;
        FILL(command.put.upload_id, (int)(1 + i));
        fsp_batch_add(&command, &items);
    }
    finish_batch(entries, "refused: batch that ends two uploads", &items, 2);
    fsp_buf_reset(&items);
    begin_put(FSP_IF_REPLACE, 0);
    command.version = 3;
    fsp_batch_add(&command, &items);
    finish_batch(entries, "refused: batch, put of version 3", &items, 1);
    fsp_buf_reset(&items);
    fsp_canon_array(&items, 3); /* a quota, which no batch holds */
    fsp_canon_uint(&items, FSP_COMMAND_QUOTA);
    fsp_canon_uint(&items, 1);
    fsp_canon_array(&items, 1);
    fsp_canon_uint(&items, 5);
    finish_batch(entries, "refused: batch with a quota", &items, 1);
    fsp_buf_clear(&items);
}

static fsp_buf_t upload_roots;

/* A tree node of 1024 chunks, and a chunk. */
static void
begin_roots(void)
{
    fsp_upload_root_t root = {.kind = FSP_ROOT_TREE, .bytes = UINT64_C(1) << 30};
    fsp_buf_init(&upload_roots, 4096);
    FILL(root.key, 0x71);
    fsp_upload_root_write(&root, &upload_roots);
    root = (fsp_upload_root_t){.kind = FSP_ROOT_CHUNK, .bytes = 1000000};
    FILL(root.key, 0x72);
    fsp_upload_root_write(&root, &upload_roots);
}

static void
make_upload_commands(json_t *entries)
{
    static const uint8_t midstate[] = {0x3d, 0x57};
    begin_command(FSP_COMMAND_UPLOAD_OPEN);
    FILL(command.node.upload_open.id, 0x0b);
    command.node.upload_open.target = by_path("/a");
    set_condition(&command.node.upload_open.condition, FSP_IF_NONE_MATCH);
    command.node.upload_open.size = INT64_MAX;
    command.node.upload_open.duration = 7 * DAY_US;
    add_command(entries, "upload-open");
    memset(&command.node.upload_open.id, 0, sizeof(command.node.upload_open.id));
    add_command(entries, "refused: upload-open of a zero id");

    begin_command(FSP_COMMAND_UPLOAD_APPEND);
    FILL(command.node.upload_append.id, 0x0b);
    command.node.upload_append.roots = fsp_buf_slice(&upload_roots);
    command.node.upload_append.root_count = 2;
    FILL(command.node.upload_append.tail, 0x73);
    command.node.upload_append.tail_bytes = 5000;
    command.node.upload_append.midstate = fsp_slice(midstate, sizeof(midstate));
    add_command(entries, "upload-append of two roots and a tail");
    command.node.upload_append.offset = (UINT64_C(1) << 30) + 1005000;
    add_command(entries, "refused: upload-append of nothing");
    command.node.upload_append.offset = 0;
    memset(&command.node.upload_append.tail, 0, sizeof(command.node.upload_append.tail));
    add_command(entries, "refused: upload-append, a tail without a key");
    command.node.upload_append.tail_bytes = 0;
    command.node.upload_append.keep = UINT64_C(1) << 40;
    add_command(entries, "upload-append without a tail, behind what is kept");
    command.node.upload_append.keep = INT64_MAX;
    add_command(entries, "refused: upload-append beyond 2^63 - 1");
    begin_command(FSP_COMMAND_UPLOAD_ABORT);
    FILL(command.node.upload_abort.id, 0x0b);
    add_command(entries, "upload-abort");
}

static void
make_node_changes(json_t *entries)
{
    fsp_buf_t items;
    fsp_buf_init(&items, FSP_VALUE_BYTES_MAX);
    begin_change();
    change.made_count = 1;
    FILL(change.made_ids[0], 0x67);
    fsp_change_item_write(&change, &items);
    change.operation = FSP_COMMAND_MOVE;
    change.made_count = 0;
    change.from_path = fsp_slice_text("/old");
    memset(&change.version_id, 0, sizeof(change.version_id));
    FILL(change.displaced_id, 0x68);
    fsp_change_item_write(&change, &items);
    begin_change();
    change.operation = FSP_COMMAND_BATCH;
    change.kind = FSP_KIND_DIRECTORY;
    FILL(change.file_id, 0x88);
    change.path = fsp_slice_text("/");
    memset(&change.version_id, 0, sizeof(change.version_id));
    change.items = fsp_buf_slice(&items);
    change.item_count = 2;
    add_change(entries, "change: batch of put and move");
    change.item_count = 0;
    change.items.bytes = 0;
    add_change(entries, "refused: change: batch of nothing");
    fsp_buf_clear(&items);
    begin_change();
    change.operation = FSP_COMMAND_REKEY;
    FILL(change.old_carrier, 0xc1);
    FILL(change.new_carrier, 0xc2);
    change.earlier = 17;
    add_change(entries, "change: rekey");
    change.operation = FSP_COMMAND_LOCK;
    memset(&change.version_id, 0, sizeof(change.version_id));
    add_change(entries, "change: lock");
    change.operation = FSP_COMMAND_RMDIR;
    change.kind = FSP_KIND_DIRECTORY;
    add_change(entries, "change: rmdir");
}

static fsp_upload_row_t
example_upload_row(void)
{
    static const uint8_t midstate[] = {0x3d, 0x57};
    fsp_upload_row_t row = {.target = by_path("/a"),
                            .offset = (UINT64_C(1) << 30) + 1005000,
                            .before = UINT64_C(1) << 30,
                            .tail_bytes = 5000,
                            .midstate = fsp_slice(midstate, sizeof(midstate)),
                            .root_count = 2,
                            .duration = 7 * DAY_US,
                            .expiry = TIME};
    FILL(row.subject, 0x22);
    FILL(row.tail, 0x73);
    set_condition(&row.condition, FSP_IF_MATCH);
    return row;
}

static void
make_node_rows(json_t *entries)
{
    begin_node_row(FSP_KIND_FILE);
    node_row.lease.token = 301;
    FILL(node_row.lease.holder, 0x22);
    node_row.lease.expiry = TIME;
    ADD(entries, "node row with a lease and no history", "row-node", fsp_node_row_encode,
        &node_row);
    node_row.history.since = 12;
    ADD(entries, "node row with history and a lease", "row-node", fsp_node_row_encode, &node_row);
    vectors_add_hex(entries, "refused: node row of a directory with a lease", "row-node",
                    "9b02c0a00101010090c400c09305c4102222222222222222222222222222222206");
    begin_version();
    fsp_buf_t record;
    record_bytes(&record);
    fsp_version_row_t row = {.record = fsp_buf_slice(&record),
                             .retained = true,
                             .carrier = version.carrier,
                             .rekeyed = 301};
    ADD(entries, "version row with a new carrier", "row-version", fsp_version_row_encode, &row);
    row.retained = false;
    row.carrier.bytes = 0;
    row.rekeyed = 0;
    ADD(entries, "version row that was pruned", "row-version", fsp_version_row_encode, &row);
    fsp_buf_clear(&record);

    fsp_upload_row_t upload = example_upload_row();
    ADD(entries, "upload row", "row-upload", fsp_upload_row_encode, &upload);
    upload.before = upload.offset;
    ADD(entries, "refused: upload row that did not move", "row-upload", fsp_upload_row_encode,
        &upload);
    upload = (fsp_upload_row_t){
        .target = by_file(0x66), .duration = FSP_LEASE_US_MIN, .size = 5, .expiry = UINT64_MAX};
    FILL(upload.subject, 0x22);
    set_condition(&upload.condition, FSP_IF_REPLACE);
    ADD(entries, "upload row at offset 0", "row-upload", fsp_upload_row_encode, &upload);
    fsp_upload_root_t root = {.kind = FSP_ROOT_CHUNK, .bytes = 1000000};
    FILL(root.key, 0x72);
    ADD(entries, "upload root row", "row-upload-root", fsp_upload_root_write, &root);
    root.kind = FSP_ROOT_INLINE;
    ADD(entries, "refused: upload root row of inline content", "row-upload-root",
        fsp_upload_root_write, &root);
    add_key(entries, "key of an upload row", FSP_TABLE_UPLOAD, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
            0);
    add_key(entries, "key of an upload root row", FSP_TABLE_UPLOAD_PART,
            "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", UINT64_C(1) << 30);
}

static void
make_batch_results(json_t *entries)
{
    fsp_buf_t items;
    fsp_buf_init(&items, FSP_RESULT_BYTES_MAX);
    fsp_result_item_t item = {.kind = FSP_KIND_FILE, .number = 2, .size = 5000000};
    FILL(item.file_id, 0x66);
    FILL(item.version_id, 0xb0);
    fsp_result_item_write(&item, &items);
    item = (fsp_result_item_t){.kind = FSP_KIND_DIRECTORY};
    FILL(item.file_id, 0x67);
    fsp_result_item_write(&item, &items);
    begin_result(FSP_OK);
    result.items = fsp_buf_slice(&items);
    result.item_count = 2;
    add_result(entries, "result of a batch");
    fsp_buf_clear(&items);
    begin_result(FSP_EXISTS);
    result.failed = 2;
    add_result(entries, "batch refused for its second item");
    begin_result(FSP_MISMATCH);
    result.kind = 0;
    memset(&result.file_id, 0, sizeof(result.file_id));
    result.offset = 1005000;
    add_result(entries, "append refused, with the right offset");
    vectors_add_hex(entries, "refused: result, the longest form that says nothing", "result",
                    "9f000000c0c000000090c2a0c2000090");
}

static void
make_node_asking(json_t *entries)
{
    make_batch_results(entries);
    begin_query(FSP_QUERY_UPLOAD);
    FILL(query.target.id, 0x0b);
    query.limit = 1;
    add_query(entries, "query of an upload");
    begin_query(FSP_QUERY_UPLOAD);
    query.limit = 100;
    query.after = fsp_slice_text("0123456789abcdef");
    add_query(entries, "query of uploads behind an id");

    fsp_answering_t answering;
    fsp_answering_init(&answering);
    const fsp_upload_row_t row = example_upload_row();
    fsp_upload_info_t upload = {.subject = row.subject,
                                .target = row.target,
                                .condition = row.condition,
                                .offset = row.offset,
                                .roots = fsp_buf_slice(&upload_roots),
                                .root_count = 2,
                                .tail = row.tail,
                                .tail_bytes = row.tail_bytes,
                                .midstate = row.midstate,
                                .duration = row.duration,
                                .expiry = row.expiry};
    FILL(upload.id, 0x0b);
    (void)add_upload_item(&answering, &upload);
    finish_answer(entries, "answer: upload", "answer-upload", &answering, FSP_OK);

    begin_version();
    fsp_buf_t record;
    record_bytes(&record);
    memset(&node_info, 0, sizeof(node_info));
    node_info.kind = FSP_KIND_FILE;
    FILL(node_info.file_id, 0x66);
    FILL(node_info.parent_id, 0x88);
    node_info.name = fsp_slice_text("vu.txt");
    node_info.path = fsp_slice_text("/vu.txt");
    node_info.time = version.time;
    FILL(node_info.heads[0], 0xb0);
    node_info.head_count = 1;
    node_info.version = version;
    node_info.lease.token = 301;
    FILL(node_info.lease.holder, 0x22);
    node_info.lease.expiry = TIME;
    (void)fsp_answering_add_node(&answering, &node_info, fsp_buf_slice(&record));
    finish_answer(entries, "answer: resolve of a file with a lease", "answer-node", &answering,
                  FSP_OK);
    fsp_buf_clear(&record);
    fsp_answering_clear(&answering);
}

static void
make_nodes(json_t *entries)
{
    begin_roots();
    make_put_2(entries);
    make_node_commands(entries);
    make_batches(entries);
    make_upload_commands(entries);
    make_node_changes(entries);
    make_node_rows(entries);
    make_node_asking(entries);
    fsp_buf_clear(&upload_roots);
}

static const vectors_kind_t kinds[] = {VECTORS_FAMILY_KINDS, {NULL, NULL, NULL}};

static const vectors_file_t files[] = {{"nodes", make_nodes}, {NULL, NULL}};

int
main(int argc, char **argv)
{
    return vectors_main("vectors_nodes", files, kinds, argc, argv);
}
