/* SPDX-License-Identifier: MIT */
/* audit_system - do the rows of the system shard fit each other?  Layer core/meta.  Pure. */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"
#include "core/meta/audit_parts.h"
#include "core/meta/replicas.h"
#include "core/meta/rows_system.h"

static const fsp_file_id_t none;

/* What the walks find, to be compared at the end. */
typedef struct {
    fsp_audit_t *audit;
    fsp_system_row_t row;
    fsp_list_t newest;
    uint64_t lists, members, admins, invitations, shards;
    uint64_t *spaces; /* by shard */
    fsp_system_change_t last;
    fsp_hash_t hash; /* of the last change */
} system_t;

static void
report(system_t *self, fsp_slice_t key, const char *text)
{
    fsp_audit_report(self->audit, "system", none, 0, key, "%s", text);
}

static void
report_row(system_t *self, fsp_slice_t key, const char *what)
{
    fsp_audit_report(self->audit, "row", none, 0, key, "%s row", what);
}

/* A row of another table: OK, NOT_FOUND, or DAMAGED (reported by the walk of that table). */
static fsp_status_t
look_up(system_t *self, fsp_table_t table, fsp_slice_t id, fsp_slice_t *ret)
{
    fsp_row_key_t key = fsp_row_key(self->audit->shard, table, (fsp_space_id_t){0});
    fsp_row_key_add(&key, id);
    return fsp_audit_get(self->audit, &key, ret);
}

static bool
missing(system_t *self, fsp_table_t table, fsp_slice_t id)
{
    fsp_slice_t ignored;
    return look_up(self, table, id, &ignored) == FSP_NOT_FOUND;
}

/* The name of a thing leads to it. */
static void
check_name(system_t *self, fsp_table_t table, fsp_slice_t name, fsp_slice_t id)
{
    if (!fsp_space_name_valid(name)) {
        report(self, id, "its name is none");
        return;
    }
    const uint8_t kind = (uint8_t)table;
    fsp_row_key_t key = fsp_row_key(self->audit->shard, FSP_TABLE_SYSTEM_NAME, (fsp_space_id_t){0});
    fsp_row_key_add(&key, fsp_slice(&kind, 1));
    fsp_row_key_add(&key, name);
    fsp_slice_t value;
    uint8_t found[16];
    fsp_status_t status = fsp_audit_get(self->audit, &key, &value);
    if (status == FSP_NOT_FOUND ||
        (status == FSP_OK && fsp_system_id_decode(value, found) == FSP_OK &&
         !fsp_slice_eq(fsp_slice(found, sizeof(found)), id)))
        report(self, id, "its name leads elsewhere");
}

/* -- members and lists ------------------------------------------------------------------------- */

static const fsp_member_t *
find_listed(const system_t *self, fsp_slice_t id)
{
    for (size_t i = 0; i < self->newest.count; i++)
        if (fsp_slice_eq(FSP_SLICE_OF(self->newest.members[i].node_id), id))
            return &self->newest.members[i];
    return NULL;
}

static void
check_list(fsp_audit_t *audit, void *walk, fsp_slice_t rest, fsp_slice_t value)
{
    system_t *self = walk;
    fsp_list_t list;
    (void)audit;
    if (rest.bytes != 8 || fsp_list_row_decode(value, &list) != FSP_OK) {
        report_row(self, rest, "list");
        return;
    }
    list.version = fsp_load_u64(rest.data);
    if (list.version > self->row.layout_version)
        report(self, rest, "a list is newer than the layout");
    size_t storing = 0;
    for (size_t i = 0; i < list.count; i++) {
        const fsp_member_t *member = &list.members[i];
        if (!fsp_member_listable(member->roles))
            report(self, rest, "a list names a member that stores nothing");
        storing += (member->roles & FSP_ROLE_STORAGE) && member->capacity_bytes > 0;
    }
    if (storing == 0)
        report(self, rest, "nobody stores in a list");
    self->lists++;
    fsp_list_clear(&self->newest);
    self->newest = list; /* in the order of their versions */
}

static void
check_member(fsp_audit_t *audit, void *walk, fsp_slice_t rest, fsp_slice_t value)
{
    system_t *self = walk;
    fsp_member_row_t row;
    (void)audit;
    self->members++;
    if (rest.bytes != sizeof(fsp_node_id_t) || fsp_member_row_decode(value, &row) != FSP_OK) {
        report_row(self, rest, "member");
        return;
    }
    fsp_node_id_t id = fsp_system_node_id(row.signing_key);
    if (!fsp_slice_eq(FSP_SLICE_OF(id), rest))
        report(self, rest, "the node id is not that of its signing key");
    if (row.joined > self->row.change_index)
        report(self, rest, "it joined at a change that is not known");
    if (row.synced > self->row.layout_version)
        report(self, rest, "it reported a list that is not known");
    if (row.state != FSP_MEMBER_OUT && row.level < self->row.level)
        report(self, rest, "it does not know the level of the mesh");
    bool should = row.state == FSP_MEMBER_ACTIVE && fsp_member_listable(row.roles);
    const fsp_member_t *listed = find_listed(self, rest);
    if (should != (listed != NULL))
        report(self, rest, "state and newest list do not fit");
    else if (listed && listed->roles != row.roles)
        report(self, rest, "the newest list has other roles");
    if (!missing(self, FSP_TABLE_REMOVED, rest))
        report(self, rest, "a removed node is a member");
}

/* Whoever is in the newest list is a member; elders come first. */
static void
check_newest(system_t *self)
{
    uint64_t joined = 0;
    for (size_t i = 0; i < self->newest.count; i++) {
        fsp_slice_t id = FSP_SLICE_OF(self->newest.members[i].node_id), value;
        fsp_member_row_t row;
        fsp_status_t status = look_up(self, FSP_TABLE_MEMBER, id, &value);
        if (status == FSP_NOT_FOUND)
            report(self, id, "the newest list names somebody who is no member");
        if (status != FSP_OK || fsp_member_row_decode(value, &row) != FSP_OK)
            continue;
        if (row.joined <= joined)
            report(self, id, "the newest list is not in the order of age");
        joined = row.joined;
    }
}

static void
check_removed(fsp_audit_t *audit, void *walk, fsp_slice_t rest, fsp_slice_t value)
{
    system_t *self = walk;
    uint64_t number;
    (void)audit;
    if (rest.bytes != sizeof(fsp_node_id_t) || fsp_removed_row_decode(value, &number) != FSP_OK)
        report_row(self, rest, "removed node");
    else if (number == 0 || number > self->row.change_index)
        report(self, rest, "it was removed by a change that is not known");
}

static void
check_invitation(fsp_audit_t *audit, void *walk, fsp_slice_t rest, fsp_slice_t value)
{
    system_t *self = walk;
    fsp_invitation_row_t row;
    (void)audit;
    self->invitations++;
    if (rest.bytes != sizeof(fsp_hash_t) || fsp_invitation_row_decode(value, &row) != FSP_OK) {
        report_row(self, rest, "invitation");
        return;
    }
    if (row.state != FSP_INVITATION_SPENT ||
        !missing(self, FSP_TABLE_REMOVED, FSP_SLICE_OF(row.node_id)))
        return;
    fsp_slice_t bytes;
    fsp_member_row_t member;
    fsp_status_t status = look_up(self, FSP_TABLE_MEMBER, FSP_SLICE_OF(row.node_id), &bytes);
    if (status == FSP_NOT_FOUND)
        report(self, rest, "spent by somebody who never was a member");
    else if (status == FSP_OK && fsp_member_row_decode(bytes, &member) == FSP_OK &&
             !fsp_slice_eq(FSP_SLICE_OF(member.invitation), rest))
        report(self, rest, "spent by a member that came by another one");
}

/* -- shards and spaces ------------------------------------------------------------------------- */

static void
check_space(fsp_audit_t *audit, void *walk, fsp_slice_t rest, fsp_slice_t value)
{
    system_t *self = walk;
    fsp_directory_row_t row;
    (void)audit;
    if (rest.bytes != sizeof(fsp_space_id_t) || fsp_directory_row_decode(value, &row) != FSP_OK) {
        report_row(self, rest, "space directory");
        return;
    }
    if (row.shard == FSP_SYSTEM_SHARD || row.shard >= self->row.shard_count) {
        report(self, rest, "a space in a shard that is not there");
        return;
    }
    if (row.state == FSP_DIRECTORY_GONE)
        return;
    self->spaces[row.shard]++;
    if ((row.state == FSP_DIRECTORY_CREATING && row.init.bytes == 0) ||
        (row.state == FSP_DIRECTORY_READY && row.init.bytes > 0))
        report(self, rest, "its state and what it is made from do not fit");
    if (missing(self, FSP_TABLE_ACCOUNT, FSP_SLICE_OF(row.owner)))
        report(self, rest, "its owner is no account");
    check_name(self, FSP_TABLE_SPACE_DIRECTORY, row.name, rest);
}

static void
check_shard(fsp_audit_t *audit, void *walk, fsp_slice_t rest, fsp_slice_t value)
{
    system_t *self = walk;
    fsp_shards_row_t row;
    (void)audit;
    if (rest.bytes != 4 || fsp_shards_row_decode(value, &row) != FSP_OK) {
        self->shards++;
        report_row(self, rest, "shard");
        return;
    }
    uint32_t number = fsp_load_u32(rest.data);
    if (number != self->shards || number >= self->row.shard_count) {
        report(self, rest, "numbers of shards have a gap, or one too many");
        return;
    }
    self->shards++;
    if (row.slot != fsp_shard_slot(number, self->row.slot_bits))
        report(self, rest, "a shard lies at another slot");
    if (row.space_count != self->spaces[number])
        report(self, rest, "a shard has another number of spaces");
    size_t voters = 0;
    for (size_t i = 0; i < row.replica_count; i++) {
        voters += row.replicas[i].role != FSP_REPLICA_SYNC_LEARNER;
        if (row.replicas[i].number != i + 1)
            report(self, rest, "numbers of the first replicas are not 1, 2, ...");
    }
    if (voters % 2 == 0)
        report(self, rest, "an even number of voters");
}

/* -- accounts, groups, tokens, settings, names ------------------------------------------------- */

static void
check_account(fsp_audit_t *audit, void *walk, fsp_slice_t rest, fsp_slice_t value)
{
    system_t *self = walk;
    fsp_account_row_t row;
    (void)audit;
    if (rest.bytes != sizeof(fsp_subject_id_t) || fsp_account_row_decode(value, &row) != FSP_OK) {
        report_row(self, rest, "account");
        return;
    }
    self->admins += row.admin && row.enabled;
    check_name(self, FSP_TABLE_ACCOUNT, row.name, rest);
}

static void
check_group(fsp_audit_t *audit, void *walk, fsp_slice_t rest, fsp_slice_t value)
{
    system_t *self = walk;
    fsp_group_row_t row;
    (void)audit;
    if (rest.bytes != sizeof(fsp_subject_id_t) || fsp_group_row_decode(value, &row) != FSP_OK) {
        report_row(self, rest, "group");
        return;
    }
    check_name(self, FSP_TABLE_GROUP, row.name, rest);
    size_t count = 0;
    fsp_canon_t reader = fsp_entries_open(row.accounts, &count);
    for (size_t i = 0; i < count; i++) {
        fsp_subject_id_t id = fsp_account_id_next(&reader);
        if (missing(self, FSP_TABLE_ACCOUNT, FSP_SLICE_OF(id)))
            report(self, rest, "a group names somebody who has no account");
    }
}

static void
check_token(fsp_audit_t *audit, void *walk, fsp_slice_t rest, fsp_slice_t value)
{
    system_t *self = walk;
    fsp_token_row_t row;
    (void)audit;
    if (rest.bytes != sizeof(fsp_hash_t) || fsp_token_row_decode(value, &row) != FSP_OK)
        report_row(self, rest, "token");
    else if (missing(self, FSP_TABLE_ACCOUNT, FSP_SLICE_OF(row.account)))
        report(self, rest, "a token without its account");
}

static void
check_setting(fsp_audit_t *audit, void *walk, fsp_slice_t rest, fsp_slice_t value)
{
    system_t *self = walk;
    fsp_slice_t setting;
    (void)audit;
    if (!fsp_space_name_valid(rest) || fsp_setting_row_decode(value, &setting) != FSP_OK ||
        setting.bytes == 0)
        report_row(self, rest, "setting");
}

/* A name leads to something of that name: the way back is checked from there. */
static void
check_name_row(fsp_audit_t *audit, void *walk, fsp_slice_t rest, fsp_slice_t value)
{
    system_t *self = walk;
    uint8_t id[16];
    (void)audit;
    if (rest.bytes < 2 || fsp_system_id_decode(value, id) != FSP_OK) {
        report_row(self, rest, "system name");
        return;
    }
    fsp_slice_t name = fsp_slice(rest.data + 1, rest.bytes - 1), bytes, found = {0};
    fsp_status_t status = look_up(self, (fsp_table_t)rest.data[0], fsp_slice(id, 16), &bytes);
    fsp_directory_row_t space;
    fsp_account_row_t account;
    fsp_group_row_t group;
    switch (rest.data[0]) {
    case FSP_TABLE_SPACE_DIRECTORY:
        if (status == FSP_OK && fsp_directory_row_decode(bytes, &space) == FSP_OK)
            found = space.name;
        break;
    case FSP_TABLE_ACCOUNT:
        if (status == FSP_OK && fsp_account_row_decode(bytes, &account) == FSP_OK)
            found = account.name;
        break;
    case FSP_TABLE_GROUP:
        if (status == FSP_OK && fsp_group_row_decode(bytes, &group) == FSP_OK)
            found = group.name;
        break;
    default:
        report_row(self, rest, "system name");
        return;
    }
    if (!fsp_slice_eq(found, name))
        report(self, rest, "a name leads to nothing of that name");
}

/* -- the feed ---------------------------------------------------------------------------------- */

static void
check_change(fsp_audit_t *audit, void *walk, fsp_slice_t rest, fsp_slice_t value)
{
    system_t *self = walk;
    fsp_system_change_t change;
    if (rest.bytes != 8 || fsp_system_change_decode(value, &change) != FSP_OK) {
        report_row(self, rest, "system change");
        return;
    }
    audit->counts->changes++;
    const fsp_system_change_t *last = &self->last;
    uint64_t index = fsp_load_u64(rest.data);
    const char *wrong = NULL;
    if (index != last->index + 1 || change.index != index)
        wrong = "changes are missing, or the row is that of another change";
    else if (!fsp_hash_eq(change.previous, self->hash))
        wrong = "the hash chain is broken: this or the row before was changed";
    else if (change.time < last->time)
        wrong = "time falls";
    else if (change.layout_version < last->layout_version ||
             change.layout_version > last->layout_version + 1)
        wrong = "the layout version does not rise one by one";
    else if (change.level < last->level)
        wrong = "the level of the mesh falls";
    if (wrong)
        fsp_audit_report(audit, "change", none, index, rest, "%s", wrong);
    self->last = change;
    self->last.index = index;
    self->hash = fsp_sha256(value);
}

static void
check_feed_end(system_t *self)
{
    const fsp_system_row_t *row = &self->row;
    const char *wrong = NULL;
    if (self->last.index != row->change_index)
        wrong = "the feed does not end where the system shard is";
    else if (!fsp_hash_eq(self->hash, row->head_hash))
        wrong = "the last change does not have the hash that the system shard knows";
    else if (self->last.layout_version != row->layout_version || self->last.level != row->level)
        wrong = "the last change is of another layout or level";
    if (wrong)
        fsp_audit_report(self->audit, "change", none, self->last.index, (fsp_slice_t){0}, "%s",
                         wrong);
}

/* -- all --------------------------------------------------------------------------------------- */

static void
check_counts(system_t *self, bool whole)
{
    const fsp_system_row_t *row = &self->row;
    const fsp_slice_t key = {0};
    if (!whole)
        return;
    if (self->lists == 0 || self->lists > FSP_LISTS_HARD_MAX)
        report(self, key, "no list is live, or too many are");
    if (self->members != row->member_count)
        report(self, key, "the number of members is another one");
    if (self->admins != row->admin_count || self->admins == 0)
        report(self, key, "the number of admins is another one, or none");
    if (self->invitations > FSP_INVITATIONS_MAX)
        report(self, key, "too many invitations");
    if (self->shards != row->shard_count)
        report(self, key, "the number of shards is another one");
}

static void
walk_all(system_t *self)
{
    static const struct {
        fsp_table_t table;
        fsp_audit_row_fn *check;
    } tables[] = {
        /* Lists before members, spaces before shards: the later look at what was found. */
        {FSP_TABLE_LAYOUT, check_list},          {FSP_TABLE_MEMBER, check_member},
        {FSP_TABLE_REMOVED, check_removed},      {FSP_TABLE_INVITATION, check_invitation},
        {FSP_TABLE_ACCOUNT, check_account},      {FSP_TABLE_SPACE_DIRECTORY, check_space},
        {FSP_TABLE_SHARDS, check_shard},         {FSP_TABLE_GROUP, check_group},
        {FSP_TABLE_TOKEN, check_token},          {FSP_TABLE_SETTING, check_setting},
        {FSP_TABLE_SYSTEM_NAME, check_name_row}, {FSP_TABLE_CHANGE, check_change},
    };
    bool whole = true;
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        whole = fsp_audit_walk(self->audit, tables[i].table, tables[i].check, self) && whole;
    check_newest(self);
    check_counts(self, whole);
    if (whole)
        check_feed_end(self);
}

bool
fsp_audit_is_system_table(const fsp_audit_t *self, uint8_t table)
{
    if (self->shard.shard != FSP_SYSTEM_SHARD)
        return false;
    return (table >= FSP_TABLE_MEMBER && table <= FSP_TABLE_REMOVED) || table == FSP_TABLE_CHANGE ||
           table == FSP_TABLE_OP || table == FSP_TABLE_OP_ORDER;
}

void
fsp_audit_system(fsp_audit_t *audit)
{
    FSP_PRE(fsp_space_id_is_zero(audit->space_id));
    if (audit->shard.shard != FSP_SYSTEM_SHARD)
        return;
    system_t self = {.audit = audit};
    fsp_slice_t value;
    fsp_status_t status = look_up(&self, FSP_TABLE_SYSTEM, (fsp_slice_t){0}, &value);
    if (status == FSP_OK && fsp_system_row_decode(value, &self.row) != FSP_OK) {
        report_row(&self, (fsp_slice_t){0}, "system");
        status = FSP_DAMAGED;
    }
    if (status != FSP_OK)
        return; /* without it nothing can be said; rows of such tables are strays then */
    self.spaces = fsp_alloc_array(self.row.shard_count, sizeof(*self.spaces));
    walk_all(&self);
    /* The walk of operations compares with what a space row says. */
    audit->space = (fsp_space_row_t){0};
    audit->space.change_index = self.row.change_index;
    audit->space.horizon = self.row.horizon;
    audit->space.op_count = self.row.op_count;
    fsp_audit_operations(audit);
    fsp_list_clear(&self.newest);
    fsp_free(self.spaces);
}
