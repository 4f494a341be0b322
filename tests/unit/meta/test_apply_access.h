/* SPDX-License-Identifier: MIT */
/* test_apply_access - what the suites on rights, links and spaces share.  Tests.
 *
 * `as` changes who acts: subject of all commands and queries of meta_world.h from then on.
 */
#ifndef FSP_TESTS_UNIT_META_TEST_APPLY_ACCESS_H
#define FSP_TESTS_UNIT_META_TEST_APPLY_ACCESS_H
#include "core/meta/apply_access.h"
#include "tests/unit/meta/meta_check.h"
#include "tests/unit/meta/meta_world.h"

#define OWNER subject_id(1)
#define ALICE subject_id(2)
#define BOB subject_id(3)
#define TEAM subject_id(0x80) /* a group */

static inline void
as(fsp_subject_id_t subject)
{
    world.owner = subject;
}

/* A command of the node itself; shard-wide ones name no space. */
static inline fsp_command_t
new_order(fsp_command_type_t type, uint64_t value, uint64_t detail)
{
    fsp_command_t command = new_command(&world, type);
    command.subject = (fsp_subject_id_t){{0}};
    if (fsp_command_is_shard_wide(type))
        command.space_id = (fsp_space_id_t){{0}};
    command.access.value = value;
    command.access.detail = detail;
    return command;
}

static inline fsp_status_t
order(fsp_command_type_t type, uint64_t value, uint64_t detail)
{
    fsp_command_t command = new_order(type, value, detail);
    return apply(&world, &command);
}

static inline void
set_up_level_2(void)
{
    world_init(&world);
    ck_status(order(FSP_COMMAND_LEVEL_RAISE, 2, 0), FSP_OK);
}

/* Rules of a directory; up to two. */
static inline fsp_command_t
rules_command(fsp_target_t target, bool inherit, size_t count, fsp_subject_id_t first,
              uint32_t first_rights, fsp_subject_id_t second, uint32_t second_rights)
{
    fsp_command_t command = new_command(&world, FSP_COMMAND_RULES);
    command.access.target = target;
    command.access.inherit = inherit;
    command.access.rule_count = count;
    command.access.rules[0] = (fsp_rule_t){first, first_rights};
    command.access.rules[1] = (fsp_rule_t){second, second_rights};
    return command;
}

static inline fsp_status_t
grant(const char *path, fsp_subject_id_t subject, uint32_t rights)
{
    fsp_command_t command =
        rules_command(at(path), true, 1, subject, rights, (fsp_subject_id_t){{0}}, 0);
    return apply(&world, &command);
}

/* Stops inheriting; grants nothing. */
static inline fsp_status_t
part(const char *path)
{
    fsp_command_t command = rules_command(at(path), false, 0, OWNER, 1, OWNER, 1);
    return apply(&world, &command);
}

static inline fsp_link_id_t
link_id(uint8_t number)
{
    return (fsp_link_id_t){{0x11, number}};
}

static inline fsp_command_t
link_command(uint8_t number, fsp_target_t target, uint32_t rights)
{
    fsp_command_t command = new_command(&world, FSP_COMMAND_LINK_MAKE);
    command.access.link_id = link_id(number);
    command.access.target = target;
    command.access.rights = rights;
    command.access.password = text("sealed password");
    return command;
}

static inline fsp_status_t
make_link(uint8_t number, const char *path, uint32_t rights)
{
    fsp_command_t command = link_command(number, at(path), rights);
    return apply(&world, &command);
}

static inline fsp_status_t
drop_link(uint8_t number)
{
    fsp_command_t command = new_command(&world, FSP_COMMAND_LINK_DROP);
    command.access.link_id = link_id(number);
    return apply(&world, &command);
}

static inline fsp_status_t
use_link(uint8_t number)
{
    fsp_command_t command = new_command(&world, FSP_COMMAND_LINK_USE);
    command.asker.link_id = link_id(number);
    return apply(&world, &command);
}

static inline fsp_status_t
resolve_by_link(uint8_t number, const char *path)
{
    fsp_query_t query = new_query(&world, FSP_QUERY_RESOLVE);
    query.target = at(path);
    query.asker.link_id = link_id(number);
    return ask(&world, &query).status;
}

static inline fsp_status_t
resolve_status(const char *path)
{
    fsp_node_info_t node;
    return resolve_at(&world, path, &node);
}

static inline fsp_space_row_t
space_row(void)
{
    static fsp_buf_t value;
    fsp_buf_clear(&value);
    fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
    fsp_row_key_t key = fsp_row_key(world.shard, FSP_TABLE_SPACE, world.space_id);
    fsp_space_row_t row;
    ck_assert_int_eq(fsp_view_get(fsp_memview_view(world.rows), fsp_row_key_slice(&key), &value),
                     FSP_OK);
    ck_assert_int_eq(fsp_space_row_decode(fsp_buf_slice(&value), &row), FSP_OK);
    return row;
}

static inline fsp_shard_row_t
shard_row(void)
{
    fsp_shard_row_t row;
    ck_assert_int_eq(fsp_meta_shard_row(world.shard, fsp_memview_view(world.rows), &row), FSP_OK);
    return row;
}
#endif
