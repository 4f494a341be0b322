/* SPDX-License-Identifier: MIT */
/* test_apply_node - ATTR, RMDIR, LOCK, RENEW, UNLOCK, QUOTA, REKEY, and leases in other commands.
   Tests. */
#include "tests/unit/meta/node_world.h"

/* -- ATTR and RMDIR ---------------------------------------------------------------------------- */

START_TEST(attributes_are_set_and_taken_away)
{
    fsp_node_info_t node;
    ck_status(put(&world, "/f"), FSP_OK);
    uint64_t last = world.result.index;
    ck_status(apply_as(&world, 1, attr_command(&world, at("/f"), "sealed")), FSP_OK);
    ck_assert_uint_eq(world.result.index, last + 1);
    ck_status(resolve_at(&world, "/f", &node), FSP_OK);
    ck_assert(fsp_slice_eq(node.attr, text("sealed")));
    ck_status(apply_as(&world, 1, attr_command(&world, at("/f"), "sealed")), FSP_OK);
    ck_assert_uint_eq(world.result.index, last + 1); /* unchanged */
    ck_status(apply_as(&world, 1, attr_command(&world, at("/f"), "")), FSP_OK);
    ck_status(resolve_at(&world, "/f", &node), FSP_OK);
    ck_assert_uint_eq(node.attr.bytes, 0);
    ck_status(apply_as(&world, 1, attr_command(&world, at("/"), "of the root")), FSP_OK);
    whole(&world);
}
END_TEST

START_TEST(attr_is_refused_where_it_should_be)
{
    ck_status(put(&world, "/f"), FSP_OK);
    fsp_file_id_t id = world.result.file_id;
    fsp_version_id_t head = world.result.version_id;
    ck_status(mkdir_at(&world, "/d"), FSP_OK);
    ck_status(apply_as(&world, 1, attr_command(&world, at("/none"), "a")), FSP_NOT_FOUND);
    ck_status(apply_as(&world, 1, attr_command(&world, at("/f/x"), "a")), FSP_NOT_DIRECTORY);
    ck_status(apply_as(&world, 3, attr_command(&world, at("/f"), "a")), FSP_FORBIDDEN);
    fsp_command_t command = attr_command(&world, at("/d"), "a");
    command.node.attr.condition = condition_on(FSP_IF_MATCH, head);
    ck_status(apply(&world, &command), FSP_MISMATCH);
    command = attr_command(&world, at("/f"), "a");
    command.node.attr.condition = condition_on(FSP_IF_MATCH, (fsp_version_id_t){{1}});
    ck_status(apply(&world, &command), FSP_MISMATCH);
    ck_assert_uint_eq(world.result.head_count, 1);
    command = attr_command(&world, at("/f"), "a");
    command.node.attr.condition = condition_on(FSP_IF_MATCH, head);
    ck_status(apply(&world, &command), FSP_OK);
    ck_status(remove_at(&world, "/f"), FSP_OK);
    ck_status(apply_as(&world, 1, attr_command(&world, by_id(id), "b")), FSP_TRASHED);
    whole(&world);
}
END_TEST

/* "name=attributes" of a listing, joined by blanks. */
static const char *
listed_attrs(uint64_t at_index, bool attrs, uint32_t limit)
{
    static char said[1024];
    fsp_query_t query = new_query(&world, FSP_QUERY_LIST);
    query.target = at("/");
    query.limit = limit;
    query.attrs = attrs;
    query.at_index = at_index;
    fsp_answer_t answer = ask(&world, &query);
    said[0] = 0;
    if (answer.status)
        return fsp_status_name(answer.status);
    for (size_t i = 0; i < answer.count; i++) {
        fsp_entry_info_t entry;
        ck_status(fsp_answer_entry(&answer, &entry), FSP_OK);
        strncat(said, (const char *)entry.name.data, entry.name.bytes);
        strcat(said, "=");
        if (entry.attr.bytes > 0)
            strncat(said, (const char *)entry.attr.data, entry.attr.bytes);
        strcat(said, " ");
    }
    return said;
}

START_TEST(listings_have_attributes_if_they_are_asked_for)
{
    ck_status(put(&world, "/a"), FSP_OK);
    ck_status(mkdir_at(&world, "/d"), FSP_OK);
    ck_status(put(&world, "/none"), FSP_OK);
    uint64_t then = world.result.index;
    ck_status(apply_as(&world, 1, attr_command(&world, at("/a"), "old")), FSP_OK);
    ck_status(apply_as(&world, 1, attr_command(&world, at("/d"), "dir")), FSP_OK);
    ck_assert_str_eq(listed_attrs(0, false, 10), "a= d= none= ");
    ck_assert_str_eq(listed_attrs(0, true, 10), "a=old d=dir none= ");
    ck_assert_str_eq(listed_attrs(0, true, 1), "a=old ");
    /* Those of now, whatever the moment; of what is gone there are none. */
    ck_status(apply_as(&world, 1, attr_command(&world, at("/a"), "new")), FSP_OK);
    ck_assert_str_eq(listed_attrs(then, true, 10), "a=new d=dir none= ");
    ck_assert_str_eq(listed_attrs(then, false, 10), "a= d= none= ");
    ck_status(apply_as(&world, 1, rmdir_command(&world, at("/d"))), FSP_OK);
    ck_assert_str_eq(listed_attrs(then, true, 10), "a=new d= none= ");
    fsp_query_t query = new_query(&world, FSP_QUERY_RESOLVE);
    query.target = at("/a");
    query.attrs = true;
    ck_status(ask(&world, &query).status, FSP_INVALID);
}
END_TEST

/* As many as fit, however large they are, and the next page goes on. */
START_TEST(large_attributes_end_a_page)
{
    enum { FILES = 400 };
    static char attr[4001];
    memset(attr, 'x', sizeof(attr) - 1);
    for (int i = 0; i < FILES; i++) {
        char path[16];
        (void)snprintf(path, sizeof(path), "/f%03d", i);
        ck_status(put(&world, path), FSP_OK);
        ck_status(apply_as(&world, 1, attr_command(&world, at(path), attr)), FSP_OK);
    }
    fsp_query_t query = new_query(&world, FSP_QUERY_LIST);
    query.target = at("/");
    query.limit = FSP_LIST_LIMIT_MAX;
    query.attrs = true;
    uint8_t after[8];
    size_t seen = 0, pages = 0;
    for (bool more = true; more; pages++) {
        fsp_answer_t answer = ask(&world, &query);
        ck_status(answer.status, FSP_OK);
        ck_assert_uint_le(world.answer.bytes, FSP_ANSWER_BYTES_MAX);
        ck_assert_uint_gt(answer.count, 0);
        fsp_entry_info_t entry;
        for (size_t i = 0; i < answer.count; i++, seen++) {
            ck_status(fsp_answer_entry(&answer, &entry), FSP_OK);
            ck_assert_uint_eq(entry.attr.bytes, sizeof(attr) - 1);
        }
        memcpy(after, entry.name.data, entry.name.bytes);
        query.after = fsp_slice(after, entry.name.bytes);
        more = answer.more;
    }
    ck_assert_uint_eq(seen, FILES);
    ck_assert_uint_eq(pages, 2);
}
END_TEST

START_TEST(rmdir_takes_an_empty_directory_for_good)
{
    ck_status(mkdir_at(&world, "/d"), FSP_OK);
    fsp_file_id_t id = world.result.file_id;
    ck_status(put(&world, "/d/f"), FSP_OK);
    ck_status(apply_as(&world, 1, rmdir_command(&world, at("/d"))), FSP_NOT_EMPTY);
    ck_status(apply_as(&world, 1, rmdir_command(&world, at("/d/f"))), FSP_NOT_DIRECTORY);
    ck_status(apply_as(&world, 1, rmdir_command(&world, at("/"))), FSP_INVALID);
    ck_status(apply_as(&world, 1, rmdir_command(&world, by_id(world.trash_id))), FSP_TRASHED);
    ck_status(apply_as(&world, 3, rmdir_command(&world, at("/d"))), FSP_FORBIDDEN);
    ck_status(remove_at(&world, "/d/f"), FSP_OK);
    ck_status(apply_as(&world, 1, rmdir_command(&world, at("/d"))), FSP_OK);
    ck_assert(fsp_file_id_eq(world.result.file_id, id));
    fsp_node_info_t node;
    ck_status(resolve_target(&world, by_id(id), "", &node), FSP_NOT_FOUND);
    ck_status(apply_as(&world, 1, rmdir_command(&world, at("/d"))), FSP_NOT_FOUND);
    whole(&world);
}
END_TEST

/* -- leases ------------------------------------------------------------------------------------ */

/* Everything that a lease of somebody else keeps from happening, tried as subject 2. */
static fsp_status_t
try_under_lease(size_t which, fsp_version_id_t version)
{
    fsp_command_t command;
    switch (which) {
    case 0:
        return apply_as(&world, 2, put_command(&world, "/f", condition(FSP_IF_REPLACE), 1));
    case 1:
        return apply_as(&world, 2, delete_command(&world, "/f"));
    case 2:
        return apply_as(&world, 2, move_command(&world, "/f", "/g", false));
    case 3:
        return apply_as(&world, 2, attr_command(&world, at("/f"), "other"));
    case 4:
        command = new_command(&world, FSP_COMMAND_RESTORE);
        command.restore.target = at("/f");
        command.restore.version_id = version;
        command.restore.condition = condition(FSP_IF_REPLACE);
        return apply_as(&world, 2, command);
    case 5: /* displaced by a link */
        command = put_command(&world, "/f", condition(FSP_IF_REPLACE), 1);
        command.put.kind = FSP_KIND_SYMLINK;
        return apply_as(&world, 2, command);
    case 6: /* displaced by a move */
        return apply_as(&world, 2, move_command(&world, "/other", "/f", true));
    case 7: /* displaced by a copy */
        command = new_command(&world, FSP_COMMAND_COPY);
        command.copy.from = at("/other");
        command.copy.to = at("/f");
        command.copy.condition = condition(FSP_IF_REPLACE);
        command.copy.ids_seed = next_seed(&world);
        return apply_as(&world, 2, command);
    default:
        return apply_as(&world, 2, lock_command(&world, "/f", SECOND));
    }
}
enum { TRIES = 9 };

START_TEST(a_lease_keeps_others_out_until_it_has_passed)
{
    ck_status(put(&world, "/f"), FSP_OK);
    fsp_version_id_t version = world.result.version_id;
    ck_status(put(&world, "/other"), FSP_OK);
    ck_status(apply_as(&world, 1, lock_command(&world, "/f", 5 * SECOND)), FSP_OK);
    uint64_t token = world.result.index;
    uint64_t last = world.result.index;
    ck_status(try_under_lease((size_t)_i, version), FSP_LOCKED);
    ck_assert_uint_eq(world.result.head_count, 1);
    ck_assert_uint_eq(world.result.index, last);
    whole(&world);
    world.time +=
        5 * SECOND - 2 * 1000 - 1; /* the next command is one microsecond before the end */
    ck_status(try_under_lease((size_t)_i, version), FSP_LOCKED);
    world.time -= 999; /* and this one at its end */
    ck_status(try_under_lease((size_t)_i, version), FSP_OK);
    whole(&world);
    /* The first change by another one ended it, also for who comes back with the token. */
    fsp_node_info_t node;
    if (resolve_at(&world, "/f", &node) == FSP_OK && _i != TRIES - 1)
        ck_assert_uint_eq(node.lease.token, 0);
    fsp_command_t command = lease_command(&world, FSP_COMMAND_RENEW, at("/f"), token, SECOND);
    fsp_status_t status = apply(&world, &command);
    ck_assert(status == FSP_LEASE_LOST || status == FSP_NOT_FOUND);
}
END_TEST

START_TEST(a_lease_is_no_ones_business_but_of_its_file)
{
    ck_status(mkdir_at(&world, "/d"), FSP_OK);
    ck_status(put(&world, "/d/f"), FSP_OK);
    fsp_file_id_t id = world.result.file_id;
    ck_status(apply_as(&world, 1, lock_command(&world, "/d/f", SECOND)), FSP_OK);
    uint64_t token = world.result.index;
    ck_status(apply_as(&world, 2, put_command(&world, "/d/g", condition(FSP_IF_REPLACE), 1)),
              FSP_OK);
    ck_status(apply_as(&world, 2, move_command(&world, "/d", "/e", false)), FSP_OK);
    fsp_node_info_t node;
    ck_status(resolve_at(&world, "/e/f", &node), FSP_OK);
    ck_assert_uint_eq(node.lease.token, token);
    ck_assert(fsp_subject_id_eq(node.lease.holder, world.owner));
    ck_status(apply_as(&world, 2, delete_command(&world, "/e")), FSP_OK);
    ck_status(resolve_target(&world, by_id(id), "", &node), FSP_OK);
    ck_assert_uint_eq(node.lease.token, token);
    ck_status(apply_as(&world, 1, lock_command(&world, "/e", SECOND)), FSP_NOT_FOUND);
    ck_status(apply_as(&world, 1, lock_command(&world, "/", SECOND)), FSP_IS_DIRECTORY);
    whole(&world);
}
END_TEST

START_TEST(the_holder_needs_no_token_but_a_token_must_be_good)
{
    ck_status(put(&world, "/f"), FSP_OK);
    ck_status(apply_as(&world, 1, put_token(&world, "/f", 1)), FSP_LEASE_LOST); /* no lease */
    ck_status(apply_as(&world, 1, lock_command(&world, "/f", 5 * SECOND)), FSP_OK);
    uint64_t old = world.result.index;
    ck_status(apply_as(&world, 1, put_token(&world, "/f", old)), FSP_OK);
    ck_status(apply_as(&world, 1, put_token(&world, "/f", 0)), FSP_OK);
    ck_status(apply_as(&world, 2, put_token(&world, "/f", old)), FSP_LEASE_LOST); /* not his */
    ck_status(apply_as(&world, 1, lock_command(&world, "/f", 5 * SECOND)), FSP_OK);
    uint64_t token = world.result.index;
    ck_assert_uint_gt(token, old);
    ck_status(apply_as(&world, 1, put_token(&world, "/f", old)), FSP_LEASE_LOST);
    ck_assert_uint_eq(world.result.head_count, 1);
    ck_status(apply_as(&world, 1, put_token(&world, "/none", token)), FSP_LEASE_LOST);
    ck_status(apply_as(&world, 1, put_token(&world, "/", token)), FSP_IS_DIRECTORY);
    world.time += 6 * SECOND;
    ck_status(apply_as(&world, 1, put_token(&world, "/f", token)), FSP_LEASE_LOST);
    /* Nobody else came: it may go on, under the same token. */
    fsp_command_t renew = lease_command(&world, FSP_COMMAND_RENEW, at("/f"), token, SECOND);
    ck_status(apply(&world, &renew), FSP_OK);
    ck_status(apply_as(&world, 1, put_token(&world, "/f", token)), FSP_OK);
    fsp_command_t by_file = put_token(&world, "/f", token);
    by_file.put.target = by_id(world.result.file_id);
    ck_status(apply(&world, &by_file), FSP_OK);
    whole(&world);
}
END_TEST

START_TEST(renew_and_unlock_are_the_holders)
{
    ck_status(put(&world, "/f"), FSP_OK);
    ck_status(apply_as(&world, 2, lock_command(&world, "/f", 5 * SECOND)), FSP_OK);
    uint64_t token = world.result.index;
    ck_status(
        apply_as(&world, 1, lease_command(&world, FSP_COMMAND_RENEW, at("/f"), token, SECOND)),
        FSP_LEASE_LOST);
    ck_status(apply_as(&world, 2, lease_command(&world, FSP_COMMAND_RENEW, at("/f"), 1, SECOND)),
              FSP_LEASE_LOST);
    ck_status(apply_as(&world, 2, lease_command(&world, FSP_COMMAND_RENEW, at("/"), 1, SECOND)),
              FSP_IS_DIRECTORY);
    ck_status(apply_as(&world, 1, lease_command(&world, FSP_COMMAND_UNLOCK, at("/f"), token, 0)),
              FSP_LEASE_LOST);
    ck_status(apply_as(&world, 2, lease_command(&world, FSP_COMMAND_UNLOCK, at("/f"), 7, 0)),
              FSP_LEASE_LOST);
    /* Force is for who administers. */
    ck_status(apply_as(&world, 2, lease_command(&world, FSP_COMMAND_UNLOCK, at("/f"), 0, 0)),
              FSP_FORBIDDEN);
    ck_status(apply_as(&world, 1, lease_command(&world, FSP_COMMAND_UNLOCK, at("/f"), 0, 0)),
              FSP_OK);
    uint64_t last = world.result.index;
    ck_status(apply_as(&world, 1, lease_command(&world, FSP_COMMAND_UNLOCK, at("/f"), 0, 0)),
              FSP_OK);
    ck_assert_uint_eq(world.result.index, last);
    ck_status(apply_as(&world, 1, put_token(&world, "/f", 0)), FSP_OK);
    ck_status(apply_as(&world, 2, lock_command(&world, "/f", SECOND)), FSP_OK);
    token = world.result.index;
    ck_status(apply_as(&world, 2, lease_command(&world, FSP_COMMAND_UNLOCK, at("/f"), token, 0)),
              FSP_OK);
    fsp_node_info_t node;
    ck_status(resolve_at(&world, "/f", &node), FSP_OK);
    ck_assert_uint_eq(node.lease.token, 0);
    whole(&world);
}
END_TEST

START_TEST(a_jump_of_log_time_ends_no_lease)
{
    ck_status(put(&world, "/f"), FSP_OK);
    ck_status(apply_as(&world, 1, lock_command(&world, "/f", 60 * SECOND)), FSP_OK);
    world.time += (fsp_time_t)365 * 24 * 3600 * SECOND;
    ck_status(apply_as(&world, 2, put_token(&world, "/f", 0)), FSP_LOCKED);
    world.time += 61 * SECOND;
    ck_status(apply_as(&world, 2, put_token(&world, "/f", 0)), FSP_OK);
    whole(&world);
}
END_TEST

/* -- QUOTA ------------------------------------------------------------------------------------- */

START_TEST(quota_is_set_and_what_does_not_grow_is_taken)
{
    ck_status(put(&world, "/f"), FSP_OK); /* 10 bytes */
    ck_status(apply_as(&world, 2, quota_command(&world, 100)), FSP_FORBIDDEN);
    ck_status(apply_as(&world, 1, quota_command(&world, 20)), FSP_OK);
    uint64_t last = world.result.index;
    ck_assert(fsp_file_id_eq(world.result.file_id, world.root_id));
    ck_status(apply_as(&world, 1, quota_command(&world, 20)), FSP_OK);
    ck_assert_uint_eq(world.result.index, last);
    ck_status(put(&world, "/g"), FSP_OK);
    ck_assert_uint_eq(space_of(&world).used_bytes, 20);
    ck_status(put(&world, "/h"), FSP_QUOTA);
    ck_assert_uint_eq(space_of(&world).used_bytes, 20);
    ck_status(apply_as(&world, 1, quota_command(&world, 5)), FSP_OK); /* below what is used */
    ck_status(put_full(&world, at("/g"), FSP_KIND_FILE, condition(FSP_IF_REPLACE), 1), FSP_QUOTA);
    ck_status(put_full(&world, at("/g"), FSP_KIND_FILE, condition(FSP_IF_REPLACE), 0), FSP_OK);
    ck_status(mkdir_at(&world, "/d"), FSP_OK);
    ck_status(apply_as(&world, 1, quota_command(&world, 0)), FSP_OK);
    ck_status(put(&world, "/h"), FSP_OK);
    whole(&world);
}
END_TEST

/* -- REKEY ------------------------------------------------------------------------------------- */

static fsp_status_t
rekey(uint8_t subject, fsp_version_id_t version, const char *present, const char *next)
{
    fsp_buf_t old_bytes, new_bytes;
    fsp_command_t command = new_command(&world, FSP_COMMAND_REKEY);
    command.node.rekey.version_id = version;
    command.node.rekey.present = fsp_sha256(carrier_of(present, &old_bytes));
    command.node.rekey.carrier = carrier_of(next, &new_bytes);
    fsp_status_t status = apply_as(&world, subject, command);
    fsp_buf_clear(&old_bytes);
    fsp_buf_clear(&new_bytes);
    return status;
}

START_TEST(rekey_replaces_the_carrier_and_chains_it)
{
    fsp_buf_t bytes;
    fsp_node_info_t node;
    ck_status(put(&world, "/f"), FSP_OK);
    fsp_version_id_t version = world.result.version_id;
    ck_status(rekey(1, version, "content", "second"), FSP_OK);
    ck_assert(fsp_version_id_eq(world.result.version_id, version));
    ck_assert_uint_eq(world.result.number, 1);
    uint64_t first = world.result.index;
    whole(&world);
    ck_status(rekey(1, version, "second", "second"), FSP_OK); /* there already */
    ck_assert_uint_eq(world.result.index, first);
    ck_status(rekey(1, version, "content", "second"), FSP_OK); /* also for who is late */
    ck_status(rekey(1, version, "content", "third"), FSP_MISMATCH);
    ck_status(rekey(1, version, "second", "third"), FSP_OK);
    whole(&world);
    ck_status(resolve_at(&world, "/f", &node), FSP_OK);
    ck_assert(fsp_version_id_eq(node.version.id, version));
    ck_assert(fsp_slice_eq(node.version.carrier, carrier_of("third", &bytes)));
    fsp_buf_clear(&bytes);

    fsp_query_t query = new_query(&world, FSP_QUERY_CHANGES);
    query.after_index = world.result.index - 1;
    fsp_answer_t answer = ask(&world, &query);
    fsp_change_info_t change;
    ck_assert_uint_eq(answer.count, 1);
    ck_status(fsp_answer_change(&answer, &change), FSP_OK);
    ck_assert_uint_eq(change.earlier, first);
    fsp_hash_t hash = fsp_sha256(carrier_of("second", &bytes));
    ck_assert(fsp_hash_eq(change.old_carrier, hash));
    fsp_buf_clear(&bytes);

    /* In the trash too, without a path. */
    ck_status(remove_at(&world, "/f"), FSP_OK);
    ck_status(rekey(1, version, "third", "fourth"), FSP_OK);
    whole(&world);
}
END_TEST

START_TEST(rekey_is_refused_where_it_should_be)
{
    ck_status(put(&world, "/f"), FSP_OK);
    fsp_version_id_t version = world.result.version_id;
    ck_status(rekey(2, version, "content", "second"), FSP_FORBIDDEN);
    ck_status(rekey(1, (fsp_version_id_t){{9}}, "content", "second"), FSP_NO_SUCH_VERSION);
    fsp_buf_t present, next;
    fsp_command_t command = new_command(&world, FSP_COMMAND_REKEY);
    command.node.rekey.version_id = version;
    command.node.rekey.present = fsp_sha256(carrier_of("content", &present));
    fsp_carrier_t tree = {.root_kind = FSP_ROOT_TREE, .root_key = {{5}}};
    fsp_buf_init(&next, FSP_CARRIER_BYTES_MAX);
    fsp_carrier_encode(&tree, &next);
    command.node.rekey.carrier = fsp_buf_slice(&next);
    ck_status(apply(&world, &command), FSP_INVALID); /* another root kind */
    fsp_buf_clear(&present);
    fsp_buf_clear(&next);
    whole(&world);
}
END_TEST

static const char *fault_seen;
static void
note_fault(void *context, const fsp_fault_t *fault)
{
    (void)context;
    fault_seen = fault->kind;
}

/* A carrier that no REKEY put there, or a broken link of its chain, is a fault. */
START_TEST(audit_follows_the_chain_of_carriers)
{
    ck_status(put(&world, "/f"), FSP_OK);
    fsp_version_id_t version = world.result.version_id;
    uint8_t rest[24] = {0};
    memcpy(rest, world.result.file_id.bytes, 16);
    fsp_store_u64(rest + 16, 1);
    ck_status(rekey(1, version, "content", "second"), FSP_OK);
    uint64_t first = world.result.index;
    ck_status(rekey(1, version, "second", "third"), FSP_OK);
    const uint64_t wrong[] = {0, first, first - 1, world.result.index + 1};
    fsp_row_key_t key = fsp_row_key(world.shard, FSP_TABLE_VERSION, world.space_id);
    fsp_row_key_add(&key, fsp_slice(rest, sizeof(rest)));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        fsp_omap_t *map = fsp_memview_map(world.rows);
        fsp_buf_t value, before;
        fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
        fsp_buf_init(&before, FSP_VALUE_BYTES_MAX);
        fsp_version_row_t row;
        fsp_buf_append_slice(&before, fsp_omap_get(map, fsp_row_key_slice(&key))->value);
        ck_status(fsp_version_row_decode(fsp_buf_slice(&before), &row), FSP_OK);
        row.rekeyed = wrong[i];
        fsp_version_row_encode(&row, &value);
        fsp_omap_put(map, fsp_row_key_slice(&key), fsp_buf_slice(&value), 0);
        fsp_audit_counts_t counts = {0};
        fault_seen = "";
        fsp_audit_state(world.shard, fsp_memview_view(world.rows), note_fault, NULL, &counts);
        ck_assert_str_eq(fault_seen, "carrier");
        fsp_omap_put(map, fsp_row_key_slice(&key), fsp_buf_slice(&before), 0);
        fsp_buf_clear(&value);
        fsp_buf_clear(&before);
    }
    whole(&world);
}
END_TEST

/* -- level and PUT of version 2 ---------------------------------------------------------------- */

START_TEST(level_1_knows_none_of_it)
{
    ck_status(put(&world, "/f"), FSP_OK);
    ck_status(apply_as(&world, 1, attr_command(&world, at("/f"), "a")), FSP_LEVEL);
    ck_status(apply_as(&world, 1, put_token(&world, "/f", 0)), FSP_LEVEL);
    ck_status(apply_as(&world, 1, quota_command(&world, 5)), FSP_LEVEL);
    batch_t batch;
    batch_init(&batch);
    batch_item(&batch, mkdir_command(&world, "/d"));
    ck_status(batch_apply(&world, &batch), FSP_LEVEL);
    whole(&world);
}
END_TEST

START_TEST(bases_of_a_put_must_be_kept)
{
    ck_status(put(&world, "/base"), FSP_OK);
    fsp_version_id_t base = world.result.version_id;
    fsp_command_t command = put_command(&world, "/f", condition(FSP_IF_REPLACE), 3);
    command.put.base_count = 2;
    command.put.bases[0] = base;
    command.put.bases[1] = (fsp_version_id_t){{7}};
    ck_status(apply(&world, &command), FSP_BASE_GONE);
    ck_assert(!exists(&world, "/f"));
    command.put.base_count = 1;
    ck_status(apply(&world, &command), FSP_OK); /* BASE_GONE was not kept: the same operation */
    whole(&world);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("apply_node");
    TCase *tcase = new_case("node", set_up_node);
    tcase_add_test(tcase, attributes_are_set_and_taken_away);
    tcase_add_test(tcase, attr_is_refused_where_it_should_be);
    tcase_add_test(tcase, listings_have_attributes_if_they_are_asked_for);
    tcase_add_test(tcase, large_attributes_end_a_page);
    tcase_add_test(tcase, rmdir_takes_an_empty_directory_for_good);
    tcase_add_loop_test(tcase, a_lease_keeps_others_out_until_it_has_passed, 0, TRIES);
    tcase_add_test(tcase, a_lease_is_no_ones_business_but_of_its_file);
    tcase_add_test(tcase, the_holder_needs_no_token_but_a_token_must_be_good);
    tcase_add_test(tcase, renew_and_unlock_are_the_holders);
    tcase_add_test(tcase, a_jump_of_log_time_ends_no_lease);
    tcase_add_test(tcase, quota_is_set_and_what_does_not_grow_is_taken);
    tcase_add_test(tcase, rekey_replaces_the_carrier_and_chains_it);
    tcase_add_test(tcase, rekey_is_refused_where_it_should_be);
    tcase_add_test(tcase, audit_follows_the_chain_of_carriers);
    tcase_add_test(tcase, bases_of_a_put_must_be_kept);
    suite_add_tcase(suite, tcase);
    TCase *low = new_case("level 1", set_up);
    tcase_add_test(low, level_1_knows_none_of_it);
    suite_add_tcase(suite, low);
    return fsp_suite_main(suite);
}
