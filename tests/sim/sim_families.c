/* SPDX-License-Identifier: MIT */
/* sim_families - what clients do once the shard is at level 2.  Layer tests. */
#include "tests/sim/sim_families.h"

#include "core/base/check.h"
#include "core/base/limits.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"
#include "tests/sim/sim_operation_parts.h"

#include <stdio.h>

static const fsp_subject_id_t group = {{0x40}};
enum { VISITORS = 2, UPLOADS = 3, LINKS = 3 };
enum { FAMILY_PERCENT = 45, VISITOR_PERCENT = 35 };

#define PICK_TYPE(self, types) ((types)[sim_below(self, sizeof(types) / sizeof((types)[0]))])

/* -- what is known ----------------------------------------------------------------------------- */

static sim_known_t *
known_of(sim_client_t *self)
{
    return &self->space->known;
}

static size_t
ring(size_t count, size_t size)
{
    return count < size ? count : size;
}

static bool
uses(const sim_client_t *self, sim_family_t family)
{
    return self->space->known.level >= 2 && (self->space->config->families & family) != 0;
}

static fsp_subject_id_t
visitor(uint64_t number)
{
    return (fsp_subject_id_t){{0xe0, (uint8_t)number}};
}

/* A version that there was, and its file. */
static bool
recent_version(sim_client_t *self, fsp_file_id_t *ret_file, fsp_version_id_t *ret_version)
{
    const sim_known_t *known = known_of(self);
    size_t count = ring(known->version_count, SIM_KNOWN_MAX);
    if (count == 0)
        return false;
    size_t at = sim_below(self, count);
    *ret_file = known->versions[at].file_id;
    *ret_version = known->versions[at].version_id;
    return true;
}

static fsp_version_id_t
some_version(sim_client_t *self)
{
    fsp_file_id_t file_id;
    fsp_version_id_t id = {{1}};
    (void)recent_version(self, &file_id, &id);
    if (!fsp_version_id_is_zero(known_of(self)->pruned.version_id) && sim_chance(self, 10))
        id = known_of(self)->pruned.version_id;
    if (sim_chance(self, 5))
        id.bytes[9] ^= 1;
    return id;
}

/* A path mostly, else an id of what there was. */
static fsp_target_t
some_target(sim_client_t *self)
{
    fsp_target_t target = {0};
    fsp_version_id_t version_id;
    if (sim_chance(self, 25) && recent_version(self, &target.id, &version_id))
        return target;
    target.path = sim_pick_path(self, self->path, &self->name);
    return target;
}

/* Something in the trash, by its name there or by its id. */
static fsp_target_t
some_item(sim_client_t *self)
{
    const sim_known_t *known = known_of(self);
    size_t count = ring(known->trashed_count, SIM_KNOWN_MAX);
    if (count == 0 || sim_chance(self, 25))
        return some_target(self);
    snprintf(self->path, sizeof(self->path), "/%020llu%s",
             (unsigned long long)known->trashed[sim_below(self, count)],
             sim_chance(self, 15) ? "/a" : "");
    return (fsp_target_t){.path = fsp_slice_text(self->path)};
}

static fsp_time_t
soon(sim_client_t *self)
{
    const sim_config_t *config = self->space->config;
    fsp_time_t reach = 4 * config->limits.election_us * config->wall_rate;
    fsp_time_t now = known_of(self)->now;
    return sim_chance(self, 20) ? now - sim_below(self, reach) : now + sim_below(self, reach);
}

static fsp_upload_id_t
some_upload(sim_client_t *self)
{
    return (fsp_upload_id_t){{0xaa, (uint8_t)sim_below(self, UPLOADS)}};
}

static fsp_link_id_t
some_link(sim_client_t *self)
{
    return (fsp_link_id_t){{0x11, (uint8_t)sim_below(self, LINKS)}};
}

/* -- history ----------------------------------------------------------------------------------- */

static void
fill_prune(sim_client_t *self, fsp_history_body_t *body)
{
    fsp_version_id_t id;
    body->given = sim_chance(self, 45) && recent_version(self, &body->target.id, &id);
    if (!body->given)
        return; /* a step of a round */
    fsp_buf_append_slice(&self->parts, FSP_SLICE_OF(id));
    if (sim_chance(self, 20)) {
        id = some_version(self);
        fsp_buf_append_slice(&self->parts, FSP_SLICE_OF(id));
    }
    body->versions = fsp_buf_slice(&self->parts);
}

static fsp_retention_t
some_retention(sim_client_t *self)
{
    if (sim_chance(self, 60))
        return (fsp_retention_t){.keep_last = 1 + sim_below(self, 2)};
    return (fsp_retention_t){.keep_last = sim_below(self, 3),
                             .all_days = sim_below(self, 2),
                             .daily = sim_below(self, 3),
                             .weekly = sim_below(self, 2),
                             .monthly = sim_below(self, 2),
                             .past_days = sim_below(self, 2)};
}

static void
fill_history(sim_client_t *self, fsp_command_t *command)
{
    fsp_history_body_t *body = &command->history;
    size_t name;
    switch ((int)command->type) {
    case FSP_COMMAND_UNDELETE:
        body->target = some_item(self);
        if (sim_chance(self, 40))
            body->to.path = sim_pick_path(self, self->path_to, &name);
        body->create_parents = sim_chance(self, 60);
        body->ids_seed = sim_new_file_id(self);
        break;
    case FSP_COMMAND_PRUNE:
        fill_prune(self, body);
        break;
    case FSP_COMMAND_PURGE:
        body->given = sim_chance(self, 50);
        body->person = sim_chance(self, 85);
        if (body->given)
            body->target = some_item(self);
        else if (sim_chance(self, 50))
            body->before = sim_chance(self, 30) ? UINT64_MAX : soon(self);
        break;
    case FSP_COMMAND_RETENTION:
        body->retention = some_retention(self);
        break;
    default:
        body->target = some_target(self);
        body->legal_hold = sim_chance(self, 35);
        body->worm_until = sim_chance(self, 20) ? soon(self) : 0;
        break;
    }
}

/* -- nodes ------------------------------------------------------------------------------------- */

static fsp_time_t
some_duration(sim_client_t *self)
{
    const sim_config_t *config = self->space->config;
    fsp_time_t most = 4 * config->limits.election_us * config->wall_rate;
    return FSP_LEASE_US_MIN + (sim_chance(self, 50) ? 0 : sim_below(self, most));
}

/* A lease that there is or was; the token may be another one.  Its holder is often the one who
   asks: fills *ret_subject. */
static void
some_lease(sim_client_t *self, fsp_target_t *target, uint64_t *token, fsp_subject_id_t *ret_subject)
{
    const sim_known_t *known = known_of(self);
    size_t count = ring(known->lease_count, SIM_KNOWN_LEASES_MAX);
    *token = 1 + sim_below(self, self->space->floor + 1);
    if (count == 0)
        return;
    size_t at = sim_below(self, count);
    target->path = fsp_slice(NULL, 0);
    target->id = known->leases[at].file_id;
    if (sim_chance(self, 80))
        *token = known->leases[at].token;
    if (sim_chance(self, 70))
        *ret_subject = known->leases[at].holder;
}

static void
fill_append(sim_client_t *self, fsp_node_body_t *body)
{
    uint64_t offset = known_of(self)->offset;
    body->upload_append.id = some_upload(self);
    body->upload_append.offset = sim_chance(self, 20) ? 10 * sim_below(self, 6) : offset;
    body->upload_append.keep = sim_chance(self, 70) ? offset : 10 * sim_below(self, 4);
    uint64_t least = body->upload_append.offset; /* it must bring something */
    uint64_t keep = body->upload_append.keep;
    uint64_t count = 1 + sim_below(self, 3) + (least > keep ? (least - keep) / 10 : 0);
    for (uint64_t i = 0; i < count; i++) {
        fsp_upload_root_t root = {.kind = FSP_ROOT_CHUNK, .key = {{7}}, .bytes = 10};
        fsp_upload_root_write(&root, &self->parts);
        body->upload_append.root_count++;
        body->upload_append.root_bytes += root.bytes;
    }
    body->upload_append.roots = fsp_buf_slice(&self->parts);
    if (sim_chance(self, 30)) {
        body->upload_append.tail.bytes[0] = 9;
        body->upload_append.tail_bytes = 10;
    }
    body->upload_append.midstate = fsp_slice_text("state");
}

/* Near what is used, as far as somebody heard. */
static uint64_t
some_quota(sim_client_t *self)
{
    const sim_known_t *known = known_of(self);
    if (sim_chance(self, 25))
        return 0;
    return known->used + sim_below(self, self->space->config->tight ? 4 : 200);
}

static void
fill_rekey(sim_client_t *self, fsp_node_body_t *body)
{
    uint8_t present[256];
    body->rekey.version_id = some_version(self);
    body->rekey.present =
        fsp_sha256(sim_few_carrier((uint8_t)sim_below(self, SIM_CARRIERS), present));
    body->rekey.carrier = sim_few_carrier((uint8_t)sim_below(self, SIM_CARRIERS), self->carrier);
}

static void
fill_node(sim_client_t *self, fsp_command_t *command)
{
    static const fsp_condition_type_t match[] = {FSP_IF_REPLACE, FSP_IF_MATCH};
    fsp_node_body_t *body = &command->node;
    switch ((int)command->type) {
    case FSP_COMMAND_ATTR:
        body->attr.target = some_target(self);
        body->attr.attr = fsp_slice_text(sim_chance(self, 50) ? "attr" : "");
        body->attr.condition = sim_pick_condition(self, self->name, match, 2);
        break;
    case FSP_COMMAND_RMDIR:
        body->rmdir.target.path = sim_pick_directory(self, self->path);
        break;
    case FSP_COMMAND_LOCK:
        body->lease.target = some_target(self);
        body->lease.duration = some_duration(self);
        break;
    case FSP_COMMAND_RENEW:
    case FSP_COMMAND_UNLOCK:
        body->lease.target = some_target(self);
        some_lease(self, &body->lease.target, &body->lease.token, &command->subject);
        body->lease.duration = some_duration(self);
        body->lease.force = command->type == FSP_COMMAND_UNLOCK && sim_chance(self, 30);
        body->lease.token = body->lease.force ? 0 : body->lease.token;
        break;
    case FSP_COMMAND_UPLOAD_OPEN:
        body->upload_open.id = some_upload(self);
        body->upload_open.target = some_target(self);
        body->upload_open.condition.type = FSP_IF_REPLACE;
        body->upload_open.size = sim_chance(self, 50) ? 0 : 10 * sim_below(self, 8);
        body->upload_open.duration = some_duration(self);
        break;
    case FSP_COMMAND_UPLOAD_APPEND:
        fill_append(self, body);
        break;
    case FSP_COMMAND_UPLOAD_ABORT:
        body->upload_abort.id = some_upload(self);
        break;
    case FSP_COMMAND_QUOTA:
        body->quota.bytes = some_quota(self);
        break;
    default:
        fill_rekey(self, body);
        break;
    }
}

/* What a PUT of version 2 says more. */
static void
fill_put_2(sim_client_t *self, fsp_command_t *command)
{
    command->version = 2;
    if (sim_chance(self, 30)) {
        some_lease(self, &command->put.target, &command->put.lease_token, &command->subject);
        self->name = SIM_NAMES_MAX; /* perhaps another file's */
    }
    command->put.revive = sim_chance(self, 30);
    if (sim_chance(self, 25)) {
        command->put.upload_id = some_upload(self);
        command->put.size = known_of(self)->offset;
    }
    if (sim_chance(self, 20))
        command->put.bases[command->put.base_count++] = some_version(self);
}

/* An edit of what is no longer kept. */
static void
edit_pruned(sim_client_t *self, fsp_command_t *command)
{
    const sim_known_t *known = known_of(self);
    self->name = SIM_NAMES_MAX;
    command->put.target = (fsp_target_t){.id = known->pruned.file_id};
    command->put.condition = (fsp_condition_t){
        .type = FSP_IF_EDIT, .version_count = 1, .versions = {known->pruned.version_id}};
}

/* Mostly what will be done, or no batch ever would. */
static void
fill_item(sim_client_t *self, fsp_command_t *item)
{
    static const fsp_command_type_t types[] = {FSP_COMMAND_ATTR, FSP_COMMAND_RMDIR,
                                               FSP_COMMAND_LOCK, FSP_COMMAND_UNLOCK};
    item->version = FSP_COMMAND_VERSION;
    uint64_t dice = sim_below(self, 100);
    if (dice < 60) {
        sim_make_put(self, item);
        if (dice < 50)
            item->put.condition = (fsp_condition_t){.type = FSP_IF_REPLACE};
        if (dice < 8)
            fill_put_2(self, item);
        item->put.upload_id = (fsp_upload_id_t){{0}}; /* two would be more than a batch may do */
        return;
    }
    if (dice < 75) {
        sim_make_other(self, item, 20 + sim_below(self, 20)); /* MKDIR */
        item->mkdir.exist_ok = item->mkdir.create_parents = true;
        return;
    }
    if (dice < 90) {
        sim_make_other(self, item, sim_below(self, 100));
        return;
    }
    item->type = dice < 93 ? FSP_COMMAND_UNDELETE : PICK_TYPE(self, types);
    if (item->type == FSP_COMMAND_UNDELETE)
        fill_history(self, item);
    else
        fill_node(self, item);
}

/* Each item is written before the next one uses the client's memory. */
static void
fill_batch(sim_client_t *self, fsp_command_t *command)
{
    for (uint64_t i = 1 + sim_below(self, 4); i > 0; i--) {
        fsp_command_t item = {0};
        fill_item(self, &item);
        fsp_batch_add(&item, &self->parts);
        command->node.batch.count++;
    }
    command->node.batch.items = fsp_buf_slice(&self->parts);
    self->name = SIM_NAMES_MAX;
}

/* -- access ------------------------------------------------------------------------------------ */

static void
fill_rules(sim_client_t *self, fsp_access_body_t *body)
{
    body->target = some_target(self);
    if (sim_chance(self, 60))
        body->target.path = sim_pick_directory(self, self->path);
    body->inherit = sim_chance(self, 75);
    const fsp_subject_id_t ids[] = {group, visitor(1), visitor(2)};
    for (size_t i = 0; i < 3; i++)
        if (sim_chance(self, 50))
            body->rules[body->rule_count++] =
                (fsp_rule_t){.id = ids[i], .rights = 1 + (uint32_t)sim_below(self, FSP_RIGHTS_ALL)};
}

static void
fill_access(sim_client_t *self, fsp_command_t *command)
{
    const sim_known_t *known = known_of(self);
    fsp_access_body_t *body = &command->access;
    body->link_id = some_link(self);
    switch ((int)command->type) {
    case FSP_COMMAND_RULES:
        fill_rules(self, body);
        break;
    case FSP_COMMAND_LINK_MAKE:
        body->target = some_target(self);
        body->rights = 1 + (uint32_t)sim_below(self, FSP_RIGHTS_LINK);
        body->expiry = sim_chance(self, 50) ? soon(self) : 0;
        body->uses_max = sim_below(self, 3);
        body->password = fsp_slice_text(sim_chance(self, 50) ? "" : "password");
        break;
    case FSP_COMMAND_SPACE_STATE:
        body->value = known->closing ? 0 : sim_chance(self, 30);
        body->detail = body->value ? soon(self) : 0;
        break;
    case FSP_COMMAND_GC_OPEN:
        body->value = known->epoch + (sim_chance(self, 70) ? 1 : sim_below(self, 3));
        body->value += body->value == 0;
        body->detail = known->layout + sim_chance(self, 15);
        break;
    case FSP_COMMAND_GC_CLOSE:
        body->value = known->epoch + sim_chance(self, 10);
        body->value += body->value == 0;
        break;
    case FSP_COMMAND_SUBJECT_FLOOR:
        body->value = known->floor + sim_below(self, 2);
        break;
    case FSP_COMMAND_TIME_CONFIRM:
        body->value = known->jump && sim_chance(self, 80) ? known->jump : 1 + known->now;
        break;
    case FSP_COMMAND_LEVEL_RAISE:
        body->value = 1 + sim_below(self, 2);
        break;
    default:
        break; /* LINK_DROP, LINK_USE: the link */
    }
}

/* -- commands ---------------------------------------------------------------------------------- */

/* The first client raises the shard, and then says what visitors may. */
static bool
raise_is_due(const sim_client_t *self)
{
    const sim_config_t *config = self->space->config;
    return self->number == 0 && config->raised && self->space->known.level < 2 &&
           self->operation > config->raise_at;
}

static bool
rights_are_due(const sim_client_t *self)
{
    const sim_known_t *known = &self->space->known;
    return self->number == 0 && self->space->config->visitors && known->level >= 2 &&
           !known->rights_given;
}

bool
sim_families_wanted(sim_client_t *self)
{
    if (raise_is_due(self) || rights_are_due(self))
        return true;
    if (self->space->known.closing && sim_chance(self, 8))
        return true;                  /* or all would end here */
    if (self->space->known.level < 2) /* too early: LEVEL */
        return self->space->config->families != 0 && sim_chance(self, 1);
    return self->space->config->families != 0 && sim_chance(self, FAMILY_PERCENT);
}

static fsp_command_type_t
some_type(sim_client_t *self)
{
    static const fsp_command_type_t history[] = {
        FSP_COMMAND_UNDELETE, FSP_COMMAND_UNDELETE,  FSP_COMMAND_PRUNE,
        FSP_COMMAND_PRUNE,    FSP_COMMAND_PRUNE,     FSP_COMMAND_PURGE,
        FSP_COMMAND_PURGE,    FSP_COMMAND_RETENTION, FSP_COMMAND_HOLD};
    static const fsp_command_type_t node[] = {
        FSP_COMMAND_ATTR,         FSP_COMMAND_RMDIR,         FSP_COMMAND_LOCK,
        FSP_COMMAND_LOCK,         FSP_COMMAND_RENEW,         FSP_COMMAND_UNLOCK,
        FSP_COMMAND_BATCH,        FSP_COMMAND_BATCH,         FSP_COMMAND_BATCH,
        FSP_COMMAND_UPLOAD_OPEN,  FSP_COMMAND_UPLOAD_APPEND, FSP_COMMAND_UPLOAD_APPEND,
        FSP_COMMAND_UPLOAD_ABORT, FSP_COMMAND_QUOTA,         FSP_COMMAND_QUOTA,
        FSP_COMMAND_REKEY};
    static const fsp_command_type_t access[] = {
        FSP_COMMAND_RULES,     FSP_COMMAND_RULES,     FSP_COMMAND_RULES,     FSP_COMMAND_RULES,
        FSP_COMMAND_LINK_MAKE, FSP_COMMAND_LINK_MAKE, FSP_COMMAND_LINK_DROP, FSP_COMMAND_LINK_USE,
        FSP_COMMAND_LINK_USE,  FSP_COMMAND_GC_OPEN,   FSP_COMMAND_GC_OPEN,   FSP_COMMAND_GC_CLOSE};
    static const fsp_command_type_t seldom[] = {FSP_COMMAND_SPACE_STATE, FSP_COMMAND_SUBJECT_FLOOR,
                                                FSP_COMMAND_TIME_CONFIRM, FSP_COMMAND_LEVEL_RAISE};
    unsigned families = self->space->config->families, family;
    do
        family = 1u << sim_below(self, 3);
    while (!(family & families));
    if (self->space->known.closing)
        return FSP_COMMAND_SPACE_STATE;
    if (family == SIM_FAMILY_HISTORY)
        return PICK_TYPE(self, history);
    if (family == SIM_FAMILY_NODE)
        return PICK_TYPE(self, node);
    if (self->space->known.jump && sim_chance(self, 5))
        return FSP_COMMAND_TIME_CONFIRM;
    return sim_chance(self, 10) ? PICK_TYPE(self, seldom) : PICK_TYPE(self, access);
}

static void
give_rights(fsp_command_t *command)
{
    fsp_access_body_t *body = &command->access;
    command->type = FSP_COMMAND_RULES;
    body->target.path = fsp_slice_text("/");
    body->inherit = true;
    for (uint64_t i = 1; i <= VISITORS; i++)
        body->rules[body->rule_count++] =
            (fsp_rule_t){.id = visitor(i), .rights = FSP_RIGHTS_ALL & ~(uint32_t)FSP_RIGHT_ADMIN};
}

void
sim_families_make(sim_client_t *self, fsp_command_t *command)
{
    fsp_buf_reset(&self->parts);
    if (raise_is_due(self)) {
        command->type = FSP_COMMAND_LEVEL_RAISE;
        command->access.value = 2;
        return;
    }
    if (rights_are_due(self)) {
        give_rights(command);
        return;
    }
    command->type = some_type(self);
    if (command->type == FSP_COMMAND_BATCH)
        fill_batch(self, command);
    else if (fsp_command_family(command->type) == FSP_FAMILY_HISTORY)
        fill_history(self, command);
    else if (fsp_command_family(command->type) == FSP_FAMILY_NODE)
        fill_node(self, command);
    else
        fill_access(self, command);
}

static void
fill_asker(sim_client_t *self, fsp_subject_id_t *subject, fsp_asker_t *asker)
{
    if (self->space->config->visitors && sim_chance(self, VISITOR_PERCENT))
        *subject = visitor(1 + sim_below(self, VISITORS));
    if (!uses(self, SIM_FAMILY_ACCESS))
        return;
    if (sim_chance(self, 25)) {
        asker->group_count = 1;
        asker->groups[0] = group;
    }
    if (sim_chance(self, 4))
        asker->withheld = (uint32_t)sim_below(self, FSP_RIGHTS_ALL + 1);
    if (known_of(self)->links_made && fsp_link_id_is_zero(asker->link_id) && sim_chance(self, 6))
        asker->link_id = some_link(self);
}

/* Ordered by the shard's leader, in the name of nobody. */
static bool
is_of_the_node(fsp_command_type_t type)
{
    return type >= FSP_COMMAND_SUBJECT_FLOOR && type < FSP_COMMAND_ACCESS_END;
}

/* Others than the owner are mostly refused. */
static bool
needs_admin(fsp_command_type_t type)
{
    return (type >= FSP_COMMAND_PRUNE && type <= FSP_COMMAND_HOLD) || type == FSP_COMMAND_QUOTA ||
           type == FSP_COMMAND_REKEY || type == FSP_COMMAND_RULES;
}

void
sim_families_dress(sim_client_t *self, fsp_command_t *command)
{
    const sim_known_t *known = known_of(self);
    if (is_of_the_node(command->type)) {
        command->subject = (fsp_subject_id_t){{0}};
        if (fsp_command_is_shard_wide(command->type))
            command->space_id = (fsp_space_id_t){{0}};
        return;
    }
    if (command->type == FSP_COMMAND_LINK_USE)
        command->asker.link_id = command->access.link_id;
    if (known->level < 2 || rights_are_due(self))
        return;
    bool put = command->type == FSP_COMMAND_PUT;
    if (put && !fsp_version_id_is_zero(known->pruned.version_id) && sim_chance(self, 6))
        edit_pruned(self, command);
    if (put && uses(self, SIM_FAMILY_NODE) && sim_chance(self, 40))
        fill_put_2(self, command);
    else if (fsp_subject_id_eq(command->subject, self->space->subject) &&
             (!needs_admin(command->type) || sim_chance(self, 20)))
        fill_asker(self, &command->subject, &command->asker);
    command->system_index = known->floor - (known->floor > 0 && sim_chance(self, 2));
    uint64_t behind = sim_chance(self, 15) ? sim_below(self, 4) : 0;
    command->epoch = known->epoch - (behind < known->epoch ? behind : known->epoch);
    command->layout_version = known->layout - (known->layout > 0 && sim_chance(self, 3));
}

/* -- queries ----------------------------------------------------------------------------------- */

static void
look_back(sim_client_t *self, fsp_query_t *query)
{
    const sim_known_t *known = known_of(self);
    size_t count = ring(known->change_count, SIM_KNOWN_MAX);
    if (sim_chance(self, 10))
        query->target.path = fsp_slice_text("/");
    if (count == 0 || sim_chance(self, 20)) {
        query->at_index = 1 + sim_below(self, self->space->floor + 1);
        return;
    }
    size_t at = sim_below(self, count);
    if (sim_chance(self, 50))
        query->at_index = known->changes[at].index;
    else
        query->at_time = known->changes[at].time + sim_chance(self, 10);
}

/* By an id, or a version by the beginning of its id. */
static void
resolve_otherwise(sim_client_t *self, fsp_query_t *query)
{
    fsp_file_id_t file_id;
    fsp_version_id_t version_id;
    if (!sim_chance(self, 25) || !recent_version(self, &file_id, &version_id))
        return;
    if (sim_chance(self, 50))
        query->target = (fsp_target_t){.id = file_id};
    if (sim_chance(self, 30))
        return;
    char *hex = (char *)self->carrier;
    static_assert(sizeof(self->carrier) > 2 * sizeof(version_id), "there is room");
    fsp_hex_encode(version_id.bytes, sizeof(version_id), hex);
    size_t digits = sim_chance(self, 50) ? FSP_VERSION_PREFIX_HEX_MIN : 2 * sizeof(version_id);
    query->version = fsp_slice(hex, digits);
}

void
sim_families_make_query(sim_client_t *self, fsp_query_t *query)
{
    const sim_known_t *known = known_of(self);
    bool names = query->type == FSP_QUERY_LIST;
    if (query->type == FSP_QUERY_RESOLVE)
        resolve_otherwise(self, query);
    if (names && sim_chance(self, 15))
        query->prefix = fsp_slice_text(sim_chance(self, 50) ? "a" : "e");
    if (names && sim_chance(self, 15))
        query->after = fsp_slice_text(sim_chance(self, 50) ? "a" : "d");
    if (query->type == FSP_QUERY_VERSIONS && sim_chance(self, 20))
        query->after_index = sim_below(self, 6);
    if (known->level < 2)
        return;
    fill_asker(self, &query->subject, &query->asker);
    query->system_index = known->floor - (known->floor > 0 && sim_chance(self, 2));
    if (uses(self, SIM_FAMILY_HISTORY) && query->type <= FSP_QUERY_LIST &&
        query->version.bytes == 0 && sim_chance(self, 60)) {
        look_back(self, query);
    } else if (names && sim_chance(self, 20)) {
        query->target = (fsp_target_t){.id = known->trash_id};
    } else if (uses(self, SIM_FAMILY_NODE) && query->type == FSP_QUERY_VERSIONS &&
               sim_chance(self, 50)) {
        *query = (fsp_query_t){.type = FSP_QUERY_UPLOAD,
                               .space_id = query->space_id,
                               .subject = query->subject,
                               .asker = query->asker,
                               .system_index = query->system_index,
                               .limit = query->limit};
        if (sim_chance(self, 60))
            memcpy(query->target.id.bytes, some_upload(self).bytes, sizeof(fsp_upload_id_t));
    } else if (uses(self, SIM_FAMILY_ACCESS) && query->type == FSP_QUERY_CHANGES &&
               sim_chance(self, 50)) {
        query->type = FSP_QUERY_LINKS;
        query->after_index = 0;
        if (sim_chance(self, 50))
            query->target.path = sim_pick_path(self, self->path, &self->name);
    }
}
