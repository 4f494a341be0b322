/* SPDX-License-Identifier: MIT */
/* test_vectors_history - golden vectors of trash, pruning, holds, and looking back.  Layer tests.
 *
 * docs/protocol/commands-history.md.
 */
#include "tests/unit/proto/vectors_families.h"

static void
make_history_commands(json_t *entries)
{
    static const uint8_t versions[] = {[0 ... 31] = 0xb0, [32 ... 63] = 0xb1};
    begin_command(FSP_COMMAND_UNDELETE);
    command.history.target = by_file(0x66);
    add_command(entries, "undelete, to where it was, no seed");
    command.history.create_parents = true;
    add_command(entries, "refused: undelete, parents without a seed");
    command.history.target = by_path("/00000000000000000017/a");
    command.history.to = by_path("/b/c");
    FILL(command.history.ids_seed, 0x55);
    add_command(entries, "undelete, by name in the trash, to a path, parents");
    command.history.to = by_path("/..");
    add_command(entries, "refused: undelete to a path with ..");

    begin_command(FSP_COMMAND_PRUNE);
    add_command(entries, "prune, a step of a round");
    command.history.given = true;
    command.history.target = by_path("/a");
    add_command(entries, "refused: prune of a file, no version");
    command.history.versions = fsp_slice(versions, sizeof(versions));
    add_command(entries, "prune of two versions");
    command.history.versions.bytes--;
    add_command(entries, "refused: prune, a part of a version id");
    command.history.versions.bytes = 32;
    command.history.given = false;
    add_command(entries, "refused: prune of versions of no file");

    begin_command(FSP_COMMAND_PURGE);
    add_command(entries, "purge, go on with the work");
    command.history.before = TIME;
    command.history.after = fsp_slice_text("00000000000000000017");
    command.history.person = true;
    add_command(entries, "purge of all up to a time, by a person");
    command.history.given = true;
    command.history.target = by_file(0x66);
    add_command(entries, "refused: purge of one item and of all");
    command.history.before = 0;
    command.history.after.bytes = 0;
    add_command(entries, "purge of one item");

    begin_command(FSP_COMMAND_RETENTION);
    add_command(entries, "retention, none");
    command.history.retention = (fsp_retention_t){5, 7, 14, 8, 12, FSP_RETENTION_MAX};
    add_command(entries, "retention");
    command.history.retention.past_days++;
    add_command(entries, "refused: retention of more than 1000000 days");

    begin_command(FSP_COMMAND_HOLD);
    command.history.target = by_path("/");
    command.history.legal_hold = true;
    add_command(entries, "hold of the root");
    command.history.target = by_file(0x66);
    command.history.legal_hold = false;
    command.history.worm_until = UINT64_MAX;
    add_command(entries, "hold for ever");
}

static void
make_history_changes(json_t *entries)
{
    static const uint8_t dropped[] = {[0 ... 31] = 0xb0, [32 ... 63] = 0xb1};
    begin_change();
    change.operation = FSP_COMMAND_UNDELETE;
    memset(&change.version_id, 0, sizeof(change.version_id));
    change.made_count = 1;
    FILL(change.made_ids[0], 0x67);
    add_change(entries, "change: undelete");
    change.operation = FSP_COMMAND_HOLD;
    change.path.bytes = 0;
    change.made_count = 0;
    add_change(entries, "change: hold of what lies in the trash");
    change.operation = FSP_COMMAND_PRUNE;
    change.path = fsp_slice_text("/a");
    change.dropped = fsp_slice(dropped, sizeof(dropped));
    add_change(entries, "change: prune of two versions");
    change.operation = FSP_COMMAND_PURGE;
    change.kind = FSP_KIND_DIRECTORY;
    FILL(change.file_id, 0x99);
    change.path.bytes = 0;
    change.dropped.bytes = 16;
    add_change(entries, "change: purge that marked one item");
    change.dropped.bytes = 17;
    add_change(entries, "refused: change: a part of an id dropped");
    change.operation = FSP_COMMAND_PUT;
    change.dropped.bytes = 16;
    add_change(entries, "refused: change: a put that dropped something");
}

static void
make_history_rows(json_t *entries)
{
    begin_space_row();
    space_row.history.at_horizon = 1;
    add_space_row(entries, "space row that can be looked back at");
    space_row.history.feed_horizon = 200;
    space_row.history.retention = (fsp_retention_t){5, 7, 14, 8, 12, 400};
    add_space_row(entries, "space row with a policy");
    begin_node_row(FSP_KIND_FILE);
    node_row.history.since = 301;
    ADD(entries, "node row, heads since a change", "row-node", fsp_node_row_encode, &node_row);
    FILL(node_row.parent_id, 0x99);
    node_row.history.legal_hold = true;
    node_row.history.worm_until = TIME;
    FILL(node_row.history.origin_id, 0x88);
    memcpy(node_row.history.origin_name, "vu.txt", 6);
    node_row.history.origin_name_bytes = 6;
    ADD(entries, "node row in the trash, held, with its origin", "row-node", fsp_node_row_encode,
        &node_row);
    begin_node_row(FSP_KIND_DIRECTORY);
    memset(&node_row.parent_id, 0, sizeof(node_row.parent_id));
    node_row.name_bytes = 0;
    node_row.history.purging = true;
    ADD(entries, "node row being purged", "row-node", fsp_node_row_encode, &node_row);
    vectors_add_hex(entries, "refused: node row, history of nothing written out", "row-node",
                    "9a02c0a00101010090c4009600c200c2c0a0");
    vectors_add_hex(entries, "refused: node row, nil at its end", "row-node",
                    "9a02c0a00101010090c400c0");

    fsp_past_heads_row_t heads = {.since = 12, .head_count = 2};
    heads.heads[0].number = 3;
    FILL(heads.heads[0].id, 0xb1);
    heads.heads[1].number = 2;
    FILL(heads.heads[1].id, 0xb0);
    ADD(entries, "past heads row", "row-past-heads", fsp_past_heads_row_encode, &heads);
    heads.heads[1].number = 1;
    heads.head_count = 1;
    heads.since = 0;
    ADD(entries, "past heads row of a head set at level 1", "row-past-heads",
        fsp_past_heads_row_encode, &heads);
    vectors_add_hex(entries, "refused: past heads row without heads", "row-past-heads", "920c90");
    fsp_prune_work_t work = {.phase = FSP_PHASE_CHANGES};
    ADD(entries, "prune row, from the first row of phase 4", "row-prune", fsp_prune_work_encode,
        &work);
    work = (fsp_prune_work_t){.phase = FSP_PHASE_VERSIONS, .key_bytes = 24};
    memset(work.key, 0x66, 16);
    fsp_store_u64(work.key + 16, 2);
    ADD(entries, "prune row in phase 1", "row-prune", fsp_prune_work_encode, &work);
    vectors_add_hex(entries, "refused: prune row of phase 0", "row-prune", "9200c400");
    vectors_add_hex(entries, "refused: prune row of phase 5", "row-prune", "9205c400");
    fsp_entry_row_t entry = {.kind = FSP_KIND_FILE, .since = 12};
    FILL(entry.id, 0x66);
    ADD(entries, "past entry row", "row-entry", fsp_entry_row_encode, &entry);

    add_key(entries, "key of a past entry row: directory, name, NUL, until", FSP_TABLE_PAST_ENTRY,
            "8888888888888888888888888888888864c3a96ac3a000", 301);
    add_key(entries, "key of a past heads row", FSP_TABLE_PAST_HEADS,
            "66666666666666666666666666666666", 301);
    add_key(entries, "key of a work row: purge of a node", FSP_TABLE_WORK,
            "0166666666666666666666666666666666", 0);
    add_key(entries, "key of a work row: a round of prune", FSP_TABLE_WORK,
            "0200000000000000000000000000000000", 0);
}

static void
make_history_asking(json_t *entries)
{
    begin_result(FSP_OK);
    result.kind = FSP_KIND_FILE;
    result.path = fsp_slice_text("/d\xc3\xa9j\xc3\xa0/vu.txt (1)");
    result.head_count = 1;
    FILL(result.heads[0], 0xb0);
    add_result(entries, "result of an undelete");
    begin_result(FSP_OK);
    result.more = true;
    add_result(entries, "result of a step of prune with more to do");
    vectors_add_hex(entries, "refused: result, path and more that say nothing", "result",
                    "9c000000c0c000000090c2a0c2");

    begin_query(FSP_QUERY_RESOLVE);
    query.target.path = fsp_slice_text("/a");
    query.at_index = 12;
    add_query(entries, "resolve, as of a change");
    begin_query(FSP_QUERY_LIST);
    query.target.path = fsp_slice_text("/");
    query.limit = 100;
    query.at_time = TIME;
    add_query(entries, "list, as of a time");
    query.at_index = 12;
    add_query(entries, "refused: list, as of a change and a time");

    fsp_answering_t answering;
    fsp_answering_init(&answering);
    answering.at_index = 12;
    fsp_entry_info_t entry = {.name = fsp_slice_text("c"),
                              .kind = FSP_KIND_FILE,
                              .size = 5,
                              .modified = 2000000,
                              .number = 1,
                              .head_count = 1,
                              .retained = true};
    FILL(entry.file_id, 0x99);
    FILL(entry.version_id, 0xaa);
    (void)fsp_answering_add_entry(&answering, &entry);
    entry = (fsp_entry_info_t){.name = fsp_slice_text("d"), .kind = FSP_KIND_DIRECTORY};
    FILL(entry.file_id, 0x98);
    (void)fsp_answering_add_entry(&answering, &entry);
    answering.more = true;
    answering.next[0] = 'd';
    answering.next_bytes = 1;
    finish_answer(entries, "answer: list as of a change", "answer-entry", &answering, FSP_OK);
    answering.at_index = 12;
    (void)fsp_answering_add_entry(&answering, &entry);
    answering.at_index = 0;
    finish_answer(entries, "refused: answer: list of now, an entry as of a change", "answer-entry",
                  &answering, FSP_OK);
    fsp_answering_clear(&answering);
    vectors_add_hex(entries, "refused: answer: a refusal as of a change", "answer-entry",
                    "964700c2900cc400");
    vectors_add_hex(entries, "refused: answer as of change 0", "answer-entry", "96000cc29000c400");
}

static void
make_history(json_t *entries)
{
    make_history_commands(entries);
    make_history_changes(entries);
    make_history_rows(entries);
    make_history_asking(entries);
}

static const vectors_kind_t kinds[] = {VECTORS_FAMILY_KINDS, {NULL, NULL, NULL}};

static const vectors_file_t files[] = {{"history", make_history}, {NULL, NULL}};

int
main(int argc, char **argv)
{
    return vectors_main("vectors_history", files, kinds, argc, argv);
}
