/* SPDX-License-Identifier: MIT */
/* test_vectors_access - golden vectors of who asks, rights, links, spaces as a whole.  Layer tests.
 *
 * docs/protocol/commands-access.md.
 */
#include "tests/unit/proto/vectors_families.h"

static void
ask_as(fsp_asker_t *asker)
{
    asker->withheld = FSP_RIGHT_ADMIN | FSP_RIGHT_SHARE;
    FILL(asker->link_id, 0x1a);
    asker->group_count = 2;
    FILL(asker->groups[0], 0x80);
    FILL(asker->groups[1], 0x81);
}

static void
make_askers(json_t *entries)
{
    begin_command(FSP_COMMAND_MKDIR);
    command.mkdir.target = by_path("/a");
    FILL(command.mkdir.ids_seed, 0x55);
    ask_as(&command.asker);
    add_command(entries, "mkdir with ceiling, link and groups");
    command.asker.groups[1] = command.asker.groups[0];
    add_command(entries, "refused: the same group twice");
    memset(&command.asker, 0, sizeof(command.asker));
    command.asker.withheld = FSP_RIGHT_READ;
    add_command(entries, "mkdir with a ceiling alone");
    vectors_add_hex(
        entries, "refused: an asker who says nothing", "command",
        "9d2301c41011111111111111111111111111111111c41022222222222222222222222222222222"
        "07c4103333333333333333333333333333333301cd012cc420444444444444444444444444444444"
        "44444444444444444444444444444444440201"
        "90"
        "931fc090");
}

static void
make_access_commands(json_t *entries)
{
    static const uint8_t password[] = {0x5e, 0xa1};
    begin_command(FSP_COMMAND_RULES);
    command.access.target = by_path("/a");
    add_command(entries, "rules: none, nothing inherited");
    command.access.inherit = true;
    command.access.rule_count = 2;
    FILL(command.access.rules[0].id, 0x21);
    command.access.rules[0].rights = FSP_RIGHTS_ALL;
    FILL(command.access.rules[1].id, 0x80);
    command.access.rules[1].rights = FSP_RIGHT_READ;
    add_command(entries, "rules of a subject and a group");
    command.access.rules[1].rights = 0;
    add_command(entries, "refused: rule without a right");
    command.access.rules[1].rights = FSP_RIGHT_READ;
    FILL(command.access.rules[0].id, 0x81);
    add_command(entries, "refused: rules that do not ascend");

    begin_command(FSP_COMMAND_LINK_MAKE);
    FILL(command.access.link_id, 0x1a);
    command.access.target = by_file(0x66);
    command.access.rights = FSP_RIGHTS_LINK;
    command.access.expiry = TIME;
    command.access.uses_max = 3;
    command.access.password = fsp_slice(password, sizeof(password));
    add_command(entries, "link-make");
    command.access.rights = FSP_RIGHT_SHARE;
    add_command(entries, "refused: link-make, a right that no link has");
    begin_command(FSP_COMMAND_LINK_DROP);
    FILL(command.access.link_id, 0x1a);
    add_command(entries, "link-drop");
    begin_command(FSP_COMMAND_LINK_USE);
    FILL(command.asker.link_id, 0x1a);
    add_command(entries, "link-use");
    memset(&command.asker, 0, sizeof(command.asker));
    add_command(entries, "refused: link-use without a link");
}

static void
make_whole_commands(json_t *entries)
{
    begin_command(FSP_COMMAND_SUBJECT_FLOOR);
    command.access.value = 12;
    add_command(entries, "subject-floor");
    FILL(command.space_id, 0x11);
    add_command(entries, "refused: subject-floor of a space");
    begin_command(FSP_COMMAND_LEVEL_RAISE);
    command.access.value = 2;
    add_command(entries, "level-raise");
    command.access.value = 0;
    add_command(entries, "refused: level-raise to 0");
    begin_command(FSP_COMMAND_SPACE_STATE);
    add_command(entries, "space-state: open");
    command.access.value = FSP_LIFE_CLOSING;
    command.access.detail = TIME;
    add_command(entries, "space-state: closing");
    command.access.detail = 0;
    add_command(entries, "refused: space-state: closing without a deadline");
    begin_command(FSP_COMMAND_SPACE_DROP);
    add_command(entries, "space-drop");
    memset(&command.space_id, 0, sizeof(command.space_id));
    add_command(entries, "refused: space-drop of no space");
    begin_command(FSP_COMMAND_GC_OPEN);
    command.access.value = 3;
    command.access.detail = 9;
    add_command(entries, "gc-open");
    begin_command(FSP_COMMAND_GC_CLOSE);
    command.access.value = 3;
    add_command(entries, "gc-close");
    command.access.value = 0;
    add_command(entries, "refused: gc-close of epoch 0");
    begin_command(FSP_COMMAND_TIME_CONFIRM);
    command.access.value = TIME;
    add_command(entries, "time-confirm");
}

static fsp_link_row_t
example_link(void)
{
    static const uint8_t password[] = {0x5e, 0xa1};
    fsp_link_row_t row = {.kind = FSP_KIND_FILE,
                          .rights = FSP_RIGHT_READ,
                          .expiry = TIME,
                          .uses_max = 3,
                          .uses = 1,
                          .made = TIME - DAY_US,
                          .password = fsp_slice(password, sizeof(password))};
    FILL(row.file_id, 0x66);
    FILL(row.maker, 0x22);
    return row;
}

static void
make_access_rows(json_t *entries)
{
    fsp_shard_row_t shard = {.applied_index = 1000,
                             .applied_term = 3,
                             .log_time = TIME + 3 * DAY_US,
                             .feature_level = 2,
                             .subject_floor = 12,
                             .jump_time = TIME + 2 * DAY_US,
                             .frozen_time = TIME,
                             .hold_left_us = DAY_US};
    ADD(entries, "shard row that holds", "row-shard", fsp_shard_row_encode, &shard);
    shard.frozen_time = shard.jump_time - DAY_US;
    ADD(entries, "refused: shard row, no jump", "row-shard", fsp_shard_row_encode, &shard);
    begin_space_row();
    space_row.access.parted = true;
    space_row.access.link_count = 2;
    space_row.access.round_open = true;
    add_space_row(entries, "space row with rights and no history");
    space_row.history.at_horizon = 1;
    space_row.access.state = FSP_LIFE_DROPPING;
    space_row.access.deadline = TIME;
    space_row.access.cursor = fsp_slice_text("\5cursor");
    add_space_row(entries, "space row being dropped");
    space_row.access.state = FSP_LIFE_CLOSING;
    add_space_row(entries, "refused: space row, closing with a cursor");
    space_row = (fsp_space_row_t){.access = {.state = FSP_LIFE_GONE}};
    add_space_row(entries, "space row of a space that is gone");
    begin_node_row(FSP_KIND_DIRECTORY);
    node_row.access.rule_count = 1;
    FILL(node_row.access.rules[0].id, 0x80);
    node_row.access.rules[0].rights = FSP_RIGHT_READ;
    ADD(entries, "node row with a rule", "row-node", fsp_node_row_encode, &node_row);
    node_row.history.since = 12;
    node_row.access.parted = true;
    ADD(entries, "node row with history and a rule, nothing inherited", "row-node",
        fsp_node_row_encode, &node_row);
    begin_node_row(FSP_KIND_FILE);
    node_row.access.parted = true;
    ADD(entries, "refused: node row of a file with rules", "row-node", fsp_node_row_encode,
        &node_row);
    fsp_link_row_t link = example_link();
    ADD(entries, "link row", "row-link", fsp_link_row_encode, &link);
    link.uses = 4;
    ADD(entries, "refused: link row, used too often", "row-link", fsp_link_row_encode, &link);
    add_key(entries, "key of a link row", FSP_TABLE_LINK, "1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a", 0);
}

static void
make_access_asking(json_t *entries)
{
    begin_change();
    change.operation = FSP_COMMAND_RULES;
    change.kind = FSP_KIND_DIRECTORY;
    memset(&change.version_id, 0, sizeof(change.version_id));
    add_change(entries, "change: rules");
    change.operation = FSP_COMMAND_LINK_USE;
    change.path.bytes = 0;
    add_change(entries, "change: use of a link whose node has no path");
    begin_query(FSP_QUERY_LINKS);
    query.target = by_path("/a");
    query.limit = 100;
    add_query(entries, "links of a node");
    memset(&query.target, 0, sizeof(query.target));
    ask_as(&query.asker);
    add_query(entries, "links, by a link, with groups");
    begin_query(FSP_QUERY_RESOLVE);
    query.target = by_path("/a");
    ask_as(&query.asker);
    query.at_index = 12;
    add_query(entries, "resolve with an asker, as of a change");

    fsp_answering_t answering;
    fsp_answering_init(&answering);
    const fsp_link_row_t row = example_link();
    fsp_link_info_t link = {.file_id = row.file_id,
                            .kind = row.kind,
                            .rights = row.rights,
                            .expiry = row.expiry,
                            .uses_max = row.uses_max,
                            .uses = row.uses,
                            .maker = row.maker,
                            .made = row.made,
                            .password = row.password};
    FILL(link.link_id, 0x1a);
    (void)fsp_answering_add_link(&answering, &link);
    finish_answer(entries, "answer: links", "answer-link", &answering, FSP_OK);
    fsp_answering_clear(&answering);
}

static void
make_access(json_t *entries)
{
    make_askers(entries);
    make_access_commands(entries);
    make_whole_commands(entries);
    make_access_rows(entries);
    make_access_asking(entries);
}

static const vectors_kind_t kinds[] = {VECTORS_FAMILY_KINDS, {NULL, NULL, NULL}};

static const vectors_file_t files[] = {{"access", make_access}, {NULL, NULL}};

int
main(int argc, char **argv)
{
    return vectors_main("vectors_access", files, kinds, argc, argv);
}
