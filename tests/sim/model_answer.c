/* SPDX-License-Identifier: MIT */
/* model_answer - what a query must be answered, item by item.  Layer tests.
 *
 * docs/protocol/commands.md, section 9.
 */
#include <stdarg.h>
#include <stdio.h>

#include "tests/sim/model_parts.h"

/* A comparison on its way; the first difference is kept. */
typedef struct {
    const model_t *model;
    const model_space_t *space;
    const fsp_query_t *query;
    model_asking_t asking;
    fsp_answer_t answer;
    size_t answer_bytes;
    size_t item; /* number of the item being compared */
    bool differs;
    char *why;
    size_t why_size;
} model_asked_t;

__attribute__((format(printf, 2, 3))) static void
s_differs(model_asked_t *self, const char *format, ...)
{
    if (self->differs)
        return;
    self->differs = true;
    const fsp_query_t *query = self->query;
    int used =
        snprintf(self->why, self->why_size,
                 "query %d of subject %02x%02x (withheld %x, link %d) at %llu/%llu, target %.*s "
                 "%02x%02x, item %zu: ",
                 (int)query->type, query->subject.bytes[0], query->subject.bytes[1],
                 query->asker.withheld, !fsp_link_id_is_zero(query->asker.link_id),
                 (unsigned long long)query->at_index, (unsigned long long)query->at_time,
                 (int)(query->target.path.bytes < 80 ? query->target.path.bytes : 80),
                 (const char *)query->target.path.data, query->target.id.bytes[14],
                 query->target.id.bytes[15], self->item);
    if (used < 0 || (size_t)used >= self->why_size)
        return;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(self->why + used, self->why_size - (size_t)used, format, arguments);
    va_end(arguments);
}

static void
s_same(model_asked_t *self, const char *field, uint64_t expected, uint64_t got)
{
    if (expected != got)
        s_differs(self, "%s: model %llu, machine %llu", field, (unsigned long long)expected,
                  (unsigned long long)got);
}

static void
s_same_bytes(model_asked_t *self, const char *field, fsp_slice_t expected, fsp_slice_t got)
{
    if (!fsp_slice_eq(expected, got))
        s_differs(self, "%s: model \"%.*s\", machine \"%.*s\"", field,
                  (int)(expected.bytes < 80 ? expected.bytes : 80), (const char *)expected.data,
                  (int)(got.bytes < 80 ? got.bytes : 80), (const char *)got.data);
}

#define SAME_ID(self, field, expected, got)                                                        \
    s_same_bytes((self), (field), FSP_SLICE_OF(expected), FSP_SLICE_OF(got))

static void
s_same_status(model_asked_t *self, fsp_status_t expected)
{
    if (self->answer.status != expected)
        s_differs(self, "status: model %s, machine %s", fsp_status_name(expected),
                  fsp_status_name(self->answer.status));
    else if (expected && self->answer.count)
        s_differs(self, "a refusal with items");
}

static fsp_slice_t
s_name(const model_node_t *node)
{
    return fsp_slice(node->name_data, node->name_bytes);
}

/* True if there is one more item in the answer to compare; false ends the list, rightly or not.
   Called when the model has one more item. */
static bool
s_next_item(model_asked_t *self)
{
    if (self->differs)
        return false;
    if (self->item < self->answer.count)
        return true;
    /* The list ended before the model's: the limit of items, or that of octets, which the model
       knows only about: no item is larger than this. */
    enum { ITEM_BYTES_MAX = 64 * 1024 };
    bool full = self->item == self->query->limit ||
                self->answer_bytes + ITEM_BYTES_MAX > FSP_ANSWER_BYTES_MAX;
    if (!full || !self->answer.more)
        s_differs(self, "list ends early: %zu items, more %d", self->answer.count,
                  self->answer.more);
    return false;
}

static void
s_end_of_list(model_asked_t *self)
{
    if (self->item < self->answer.count)
        s_differs(self, "%zu items too many", self->answer.count - self->item);
    else if (self->answer.more)
        s_differs(self, "more, but there is nothing");
}

static void
s_readable(model_asked_t *self, fsp_status_t status)
{
    if (status)
        s_differs(self, "not readable: %s", fsp_status_name(status));
}

/* The common part of versions in RESOLVE and VERSIONS. */
static void
s_same_version(model_asked_t *self, const model_node_t *node, const model_version_t *expected,
               const fsp_version_info_t *got)
{
    fsp_buf_t record;
    fsp_buf_init(&record, FSP_VALUE_BYTES_MAX);
    fsp_version_record_encode(got, &record);
    s_same_bytes(self, "record", expected->record, fsp_buf_slice(&record));
    fsp_buf_clear(&record);
    SAME_ID(self, "version id", expected->info.id, got->id);
    s_same(self, "retained", expected->info.retained, got->retained);
    bool is_head = false;
    for (size_t i = 0; i < node->head_count; i++)
        is_head |= node->heads[i] == expected;
    s_same(self, "head", is_head, got->is_head);
}

/* -- RESOLVE ----------------------------------------------------------------------------------- */

static fsp_status_t
s_pick_version(const model_node_t *node, fsp_slice_t hex, const model_version_t **ret)
{
    *ret = node->heads[0];
    if (hex.bytes) {
        *ret = NULL;
        for (const model_version_t *v = node->newest; v; v = v->older) {
            char text[2 * 32 + 1];
            fsp_hex_encode(v->info.id.bytes, 32, text);
            bool fits = hex.bytes <= 64;
            for (size_t i = 0; i < hex.bytes && fits; i++)
                fits = text[i] ==
                       (hex.data[i] >= 'A' && hex.data[i] <= 'F' ? hex.data[i] + 32 : hex.data[i]);
            if (!fits)
                continue;
            if (*ret)
                return FSP_AMBIGUOUS;
            *ret = v;
        }
        if (!*ret)
            return FSP_NO_SUCH_VERSION;
    }
    return (*ret)->info.retained ? FSP_OK : FSP_GONE;
}

static void
s_check_resolve(model_asked_t *self, const model_place_t *place)
{
    const model_node_t *node = place->node;
    const model_version_t *version = NULL;
    bool directory = node->kind == FSP_KIND_DIRECTORY;
    fsp_status_t status = FSP_OK;
    if (!directory)
        status = s_pick_version(node, self->query->version, &version);
    else if (self->query->version.bytes)
        status = FSP_IS_DIRECTORY;
    s_same_status(self, status);
    if (status || self->differs || !s_next_item(self))
        return;
    fsp_node_info_t got;
    s_readable(self, fsp_answer_node(&self->answer, &got));
    if (self->differs)
        return;
    s_same(self, "kind", node->kind, got.kind);
    SAME_ID(self, "file", node->id, got.file_id);
    SAME_ID(self, "parent", node->parent_id, got.parent_id);
    s_same_bytes(self, "name", s_name(node), got.name);
    s_same_bytes(self, "path", place->path, got.path);
    s_same_bytes(self, "attributes", node->attr, got.attr);
    s_same(self, "time", node->time, got.time);
    s_same(self, "heads", node->head_count, got.head_count);
    for (size_t i = 0; i < node->head_count && !self->differs; i++)
        SAME_ID(self, "head", node->heads[i]->info.id, got.heads[i]);
    s_same(self, "lease", node->lease.token, got.lease.token);
    SAME_ID(self, "lease holder", node->lease.holder, got.lease.holder);
    s_same(self, "lease expiry", node->lease.expiry, got.lease.expiry);
    if (version && !self->differs) {
        s_same_version(self, node, version, &got.version);
        s_same_bytes(self, "carrier", version->info.carrier, got.version.carrier);
    }
    self->item++;
    s_end_of_list(self);
}

/* -- LIST -------------------------------------------------------------------------------------- */

/* The child with the least name above `after` that begins with the prefix. */
static const model_node_t *
s_next_child(const model_asked_t *self, const model_tree_t *tree, fsp_file_id_t directory_id,
             fsp_slice_t after)
{
    const model_node_t *best = NULL;
    fsp_slice_t prefix = self->query->prefix;
    for (size_t i = 0; i < tree->count; i++) {
        const model_node_t *node = tree->nodes[i];
        fsp_slice_t name = s_name(node);
        if (!fsp_file_id_eq(node->parent_id, directory_id) || fsp_slice_cmp(name, after) <= 0)
            continue;
        if (name.bytes < prefix.bytes ||
            (prefix.bytes && memcmp(name.data, prefix.data, prefix.bytes) != 0))
            continue;
        if (!best || fsp_slice_cmp(name, s_name(best)) < 0)
            best = node;
    }
    return best;
}

/* The entries of a directory in the tree of now, or of a change. */
static void
s_check_entries(model_asked_t *self, const model_tree_t *tree, fsp_file_id_t directory_id)
{
    bool past = tree != &self->space->tree;
    s_same_status(self, FSP_OK);
    const model_node_t *node = s_next_child(self, tree, directory_id, self->query->after);
    for (; node; node = s_next_child(self, tree, directory_id, s_name(node))) {
        if (!s_next_item(self))
            return;
        fsp_entry_info_t got;
        s_readable(self, fsp_answer_entry(&self->answer, &got));
        if (self->differs)
            return;
        const model_node_t *now = model_tree_find(&self->space->tree, node->id);
        const model_version_t *head = node->head_count ? node->heads[0] : NULL;
        bool known = !past || (now && !now->purging);
        fsp_version_id_t none = {{0}};
        s_same_bytes(self, "name", s_name(node), got.name);
        s_same(self, "kind", node->kind, got.kind);
        SAME_ID(self, "file", node->id, got.file_id);
        s_same(self, "retained", known && (!head || !past || head->info.retained), got.retained);
        s_same(self, "modified",
               !known ? 0
               : head ? head->info.time
                      : node->made_time,
               got.modified);
        head = known ? head : NULL;
        s_same(self, "size", head ? head->info.size : 0, got.size);
        SAME_ID(self, "version", head ? head->info.id : none, got.version_id);
        s_same(self, "number", head ? head->info.number : 0, got.number);
        s_same(self, "heads", head ? node->head_count : 0, got.head_count);
        self->item++;
    }
    s_end_of_list(self);
}

static void
s_check_list(model_asked_t *self, const model_place_t *place)
{
    if (place->node->kind != FSP_KIND_DIRECTORY) {
        s_same_status(self, FSP_NOT_DIRECTORY);
        return;
    }
    s_same_status(self, FSP_OK);
    s_check_entries(self, &self->space->tree, place->node->id);
}

/* -- as of ------------------------------------------------------------------------------------- */

/* The change number that a query asks for. */
static fsp_status_t
s_find_index(const model_asked_t *self, uint64_t *ret)
{
    const model_space_t *space = self->space;
    uint64_t last = space->info.change_index;
    *ret = self->query->at_index;
    for (uint64_t i = 1; self->query->at_time && i <= last; i++)
        if (i >= space->first_change && space->changes[i].time <= self->query->at_time)
            *ret = i;
    if (*ret == 0)
        return FSP_GONE;
    if (*ret > last)
        return FSP_INVALID;
    return *ret < (space->at_horizon ? space->at_horizon : last) ? FSP_GONE : FSP_OK;
}

/* Finds a node in a tree of the past: by path as it was then, by id only what is there now. */
static fsp_status_t
s_find_then(const model_asked_t *self, const model_tree_t *then, model_place_t *ret)
{
    const fsp_target_t *target = &self->query->target;
    if (target->path.bytes)
        return model_find(self->space, then, target, ret);
    fsp_status_t status = model_find(self->space, &self->space->tree, target, ret);
    if (!status && !model_tree_find(then, target->id))
        status = FSP_NOT_FOUND;
    return status;
}

/* Heads and version of then; place and name of then by path, of now by id; attributes of now. */
static void
s_check_resolve_then(model_asked_t *self, const model_tree_t *then, const model_place_t *place)
{
    const model_node_t *now = model_tree_find(&self->space->tree, place->node->id);
    const model_node_t *node = model_tree_find(then, place->node->id);
    const model_version_t *version = node->head_count ? node->heads[0] : NULL;
    bool gone = !now || now->purging || (version && !version->info.retained);
    s_same_status(self, gone ? FSP_GONE : FSP_OK);
    if (gone || self->differs || !s_next_item(self))
        return;
    fsp_node_info_t got;
    s_readable(self, fsp_answer_node(&self->answer, &got));
    if (self->differs)
        return;
    s_same(self, "kind", node->kind, got.kind);
    SAME_ID(self, "file", node->id, got.file_id);
    SAME_ID(self, "parent", place->node->parent_id, got.parent_id);
    s_same_bytes(self, "name", s_name(place->node), got.name);
    s_same_bytes(self, "path", place->path, got.path);
    s_same_bytes(self, "attributes", now->attr, got.attr);
    s_same(self, "time", version ? version->info.time : node->made_time, got.time);
    s_same(self, "heads", node->head_count, got.head_count);
    for (size_t i = 0; i < node->head_count && !self->differs; i++)
        SAME_ID(self, "head", node->heads[i]->info.id, got.heads[i]);
    if (version && !self->differs) {
        s_same_version(self, node, version, &got.version);
        s_same_bytes(self, "carrier", version->info.carrier, got.version.carrier);
    }
    self->item++;
    s_end_of_list(self);
}

/* Read also at what was meant, where that lies now; what is gone: at the root. */
static bool
s_may_read_then(const model_asked_t *self, const model_node_t *meant)
{
    fsp_target_t now = {.id = meant->id};
    return model_rights_at(&self->asking, &now) & FSP_RIGHT_READ;
}

/* True if the answer is FORBIDDEN, to somebody who does not own the space (or who comes through a
   link, as anybody may), where nothing was (meant is NULL) or where a directory on the way is
   gone, and its rules with it.  What such a reader may learn of the past the text leaves open: both
   answers pass. */
static bool
s_hides_the_past(const model_asked_t *self, const model_tree_t *then, const model_node_t *meant)
{
    bool owns =
        !self->asking.link && fsp_subject_id_eq(self->query->subject, self->space->info.owner);
    if (self->answer.status != FSP_FORBIDDEN || self->answer.index != 0 || owns)
        return false;
    bool gone = meant == NULL;
    for (; meant; meant = model_tree_find(then, meant->parent_id))
        gone |= model_tree_find(&self->space->tree, meant->id) == NULL;
    return gone;
}

static void
s_check_then(model_asked_t *self)
{
    uint64_t index;
    fsp_status_t status = s_find_index(self, &index);
    if (status) {
        s_same_status(self, status);
        s_same(self, "change", self->space->info.change_index, self->answer.index);
        return;
    }
    const model_tree_t *then = &self->space->changes[index].tree;
    model_place_t place;
    status = s_find_then(self, then, &place);
    if (s_hides_the_past(self, then, status ? NULL : place.node))
        return;
    if (!status && !s_may_read_then(self, place.node)) {
        s_same_status(self, FSP_FORBIDDEN);
        s_same(self, "change", 0, self->answer.index);
        return;
    }
    if (!status && self->query->type == FSP_QUERY_LIST && place.node->kind != FSP_KIND_DIRECTORY)
        status = FSP_NOT_DIRECTORY;
    if (status) {
        s_same_status(self, status);
        s_same(self, "change", self->space->info.change_index, self->answer.index);
        return;
    }
    if (self->query->type == FSP_QUERY_RESOLVE)
        s_check_resolve_then(self, then, &place);
    else
        s_check_entries(self, then, place.node->id);
    if (self->answer.status == FSP_OK)
        s_same(self, "shown change", index, self->answer.at_index);
    s_same(self, "change", self->space->info.change_index, self->answer.index);
}

/* -- VERSIONS, CHANGES, SPACES ----------------------------------------------------------------- */

static void
s_check_versions(model_asked_t *self, const model_place_t *place)
{
    if (place->node->kind == FSP_KIND_DIRECTORY) {
        s_same_status(self, FSP_IS_DIRECTORY);
        return;
    }
    s_same_status(self, FSP_OK);
    uint64_t below = self->query->after_index;
    for (const model_version_t *v = place->node->newest; v; v = v->older) {
        if (below && v->info.number >= below)
            continue;
        if (!s_next_item(self))
            return;
        fsp_version_info_t got;
        s_readable(self, fsp_answer_version(&self->answer, &got));
        if (self->differs)
            return;
        s_same_version(self, place->node, v, &got);
        s_same(self, "carrier", 0, got.carrier.bytes);
        self->item++;
    }
    s_end_of_list(self);
}

static void
s_check_changes(model_asked_t *self)
{
    uint64_t horizon = self->space->feed_horizon;
    if (horizon && self->query->after_index < horizon - 1) {
        s_same_status(self, FSP_GONE);
        return;
    }
    s_same_status(self, FSP_OK);
    uint64_t last = self->space->info.change_index;
    for (uint64_t i = self->query->after_index; i < last; i++) {
        if (!s_next_item(self))
            return;
        fsp_change_info_t got;
        s_readable(self, fsp_answer_change(&self->answer, &got));
        if (self->differs)
            return;
        s_same(self, "number", i + 1, got.index);
        SAME_ID(self, "hash", self->space->changes[i + 1].hash, got.hash);
        self->item++;
    }
    s_end_of_list(self);
}

static void
s_same_space(model_asked_t *self, const fsp_space_info_t *expected, const fsp_space_info_t *got)
{
    SAME_ID(self, "space", expected->space_id, got->space_id);
    s_same_bytes(self, "name", expected->name, got->name);
    SAME_ID(self, "owner", expected->owner, got->owner);
    s_same(self, "epoch", expected->epoch, got->epoch);
    s_same(self, "change", expected->change_index, got->change_index);
    s_same(self, "quota", expected->quota_bytes, got->quota_bytes);
    s_same(self, "used", expected->used_bytes, got->used_bytes);
    SAME_ID(self, "root", expected->root_id, got->root_id);
    SAME_ID(self, "trash", expected->trash_id, got->trash_id);
    s_same(self, "chunk min", expected->chunk_bytes_min, got->chunk_bytes_min);
    s_same(self, "chunk avg", expected->chunk_bytes_avg, got->chunk_bytes_avg);
    s_same(self, "chunk max", expected->chunk_bytes_max, got->chunk_bytes_max);
    s_same(self, "keys", expected->key_count, got->key_count);
    for (size_t i = 0; i < expected->key_count && !self->differs; i++) {
        s_same(self, "generation", expected->keys[i].generation, got->keys[i].generation);
        s_same_bytes(self, "wrapped key", expected->keys[i].wrapped, got->keys[i].wrapped);
    }
    s_same_bytes(self, "cut key", expected->wrapped_cut_key, got->wrapped_cut_key);
}

static void
s_check_spaces(model_asked_t *self)
{
    s_same_status(self, FSP_OK);
    fsp_slice_t prefix = self->query->prefix, after = self->query->after;
    for (const model_space_t *s = self->model->spaces; s; s = s->next) {
        fsp_slice_t name = s->info.name;
        model_asking_t asking = {.model = self->model,
                                 .space = s,
                                 .tree = &s->tree,
                                 .subject = self->query->subject,
                                 .asker = &self->query->asker};
        bool node = self->model->feature_level >= 2 && fsp_subject_id_is_zero(self->query->subject);
        if ((!node && !model_rights_at_root(&asking)) ||
            !fsp_link_id_is_zero(self->query->asker.link_id) ||
            (after.bytes && fsp_slice_cmp(FSP_SLICE_OF(s->info.space_id), after) <= 0) ||
            name.bytes < prefix.bytes ||
            (prefix.bytes && memcmp(name.data, prefix.data, prefix.bytes) != 0))
            continue;
        if (!s_next_item(self))
            return;
        fsp_space_info_t got;
        s_readable(self, fsp_answer_space(&self->answer, &got));
        if (self->differs)
            return;
        s_same_space(self, &s->info, &got);
        self->item++;
    }
    s_end_of_list(self);
}

/* -- UPLOAD, LINKS ----------------------------------------------------------------------------- */

static void
s_same_upload(model_asked_t *self, const model_upload_t *upload, fsp_upload_info_t *got)
{
    const fsp_upload_info_t *expected = &upload->info;
    SAME_ID(self, "upload", expected->id, got->id);
    SAME_ID(self, "subject", expected->subject, got->subject);
    s_same_bytes(self, "target", expected->target.path, got->target.path);
    SAME_ID(self, "target", expected->target.id, got->target.id);
    s_same(self, "condition", expected->condition.type, got->condition.type);
    s_same(self, "bases", expected->condition.version_count, got->condition.version_count);
    for (size_t i = 0; i < expected->condition.version_count && !self->differs; i++)
        SAME_ID(self, "base", expected->condition.versions[i], got->condition.versions[i]);
    s_same(self, "size", expected->size, got->size);
    s_same(self, "offset", expected->offset, got->offset);
    s_same(self, "roots", expected->root_count, got->root_count);
    fsp_canon_t roots = fsp_canon_reader(got->roots);
    for (size_t i = 0; i < expected->root_count && !self->differs; i++) {
        fsp_upload_root_t root;
        fsp_upload_root_read(&roots, &root);
        s_same(self, "root kind", upload->roots[i].kind, root.kind);
        SAME_ID(self, "root key", upload->roots[i].key, root.key);
        s_same(self, "root octets", upload->roots[i].bytes, root.bytes);
    }
    SAME_ID(self, "tail", expected->tail, got->tail);
    s_same(self, "tail octets", expected->tail_bytes, got->tail_bytes);
    s_same_bytes(self, "midstate", expected->midstate, got->midstate);
    s_same(self, "duration", expected->duration, got->duration);
    s_same(self, "expiry", expected->expiry, got->expiry);
}

/* Own uploads where the asker may still write, or all for who may administer. */
static bool
s_shows_upload(const model_asked_t *self, const model_upload_t *upload)
{
    if (upload->gone)
        return false;
    if (model_rights_at_root(&self->asking) & FSP_RIGHT_ADMIN)
        return true;
    return fsp_subject_id_eq(upload->info.subject, self->query->subject) &&
           (model_rights_at(&self->asking, &upload->info.target) & FSP_RIGHT_WRITE);
}

static void
s_check_uploads(model_asked_t *self)
{
    const fsp_query_t *query = self->query;
    fsp_upload_id_t wanted;
    memcpy(wanted.bytes, query->target.id.bytes, sizeof(wanted.bytes));
    bool one = !fsp_upload_id_is_zero(wanted);
    bool found = !one;
    for (const model_upload_t *u = self->space->uploads; u && one; u = u->next)
        found |= fsp_upload_id_eq(u->info.id, wanted) && s_shows_upload(self, u);
    fsp_slice_t after = query->after;
    bool wrong = !one && after.bytes != 0 && after.bytes != 16;
    s_same_status(self, wrong ? FSP_INVALID : found ? FSP_OK : FSP_NO_SUCH_UPLOAD);
    if (wrong || !found)
        return;
    for (const model_upload_t *u = self->space->uploads; u; u = u->next) {
        if (!s_shows_upload(self, u) || (one && !fsp_upload_id_eq(u->info.id, wanted)) ||
            (!one && after.bytes && fsp_slice_cmp(FSP_SLICE_OF(u->info.id), after) <= 0))
            continue;
        if (!s_next_item(self))
            return;
        fsp_upload_info_t got;
        s_readable(self, fsp_answer_upload(&self->answer, &got));
        if (self->differs)
            return;
        s_same_upload(self, u, &got);
        self->item++;
    }
    s_end_of_list(self);
}

static void
s_same_link(model_asked_t *self, const fsp_link_info_t *expected, const fsp_link_info_t *got)
{
    SAME_ID(self, "link", expected->link_id, got->link_id);
    SAME_ID(self, "file", expected->file_id, got->file_id);
    s_same(self, "kind", expected->kind, got->kind);
    s_same(self, "rights", expected->rights, got->rights);
    s_same(self, "expiry", expected->expiry, got->expiry);
    s_same(self, "uses", expected->uses_max, got->uses_max);
    s_same(self, "used", expected->uses, got->uses);
    SAME_ID(self, "maker", expected->maker, got->maker);
    s_same(self, "made", expected->made, got->made);
    s_same_bytes(self, "password", expected->password, got->password);
}

/* Which links the query is about: one by id, those on a node, or all (both zero). */
static fsp_status_t
s_judge_links(model_asked_t *self, fsp_link_id_t *ret_link, fsp_file_id_t *ret_file)
{
    const fsp_query_t *query = self->query;
    *ret_link = query->asker.link_id;
    *ret_file = (fsp_file_id_t){{0}};
    if (!fsp_link_id_is_zero(*ret_link)) {
        const model_link_t *link = model_link(self->space, *ret_link);
        if (!link)
            return FSP_NO_SUCH_LINK;
        fsp_time_t expiry = link->info.expiry;
        return expiry && expiry <= model_now(self->model) ? FSP_SPENT : FSP_OK;
    }
    (void)model_asking_begin(&self->asking, self->model, self->space, &self->space->tree,
                             query->subject, &query->asker);
    if (query->target.path.bytes == 0 && fsp_file_id_is_zero(query->target.id)) {
        bool owner = fsp_subject_id_eq(query->subject, self->space->info.owner);
        bool may = model_rights_at_root(&self->asking) & FSP_RIGHT_SHARE;
        return may && (owner || !self->space->parted) ? FSP_OK : FSP_FORBIDDEN;
    }
    if (!(model_rights_at(&self->asking, &query->target) & FSP_RIGHT_SHARE))
        return FSP_FORBIDDEN;
    model_place_t place;
    fsp_status_t status = model_find(self->space, &self->space->tree, &query->target, &place);
    if (!status)
        *ret_file = place.node->id;
    return status;
}

static void
s_check_links(model_asked_t *self)
{
    fsp_slice_t after = self->query->after;
    fsp_link_id_t link_id;
    fsp_file_id_t file_id;
    fsp_status_t status = s_judge_links(self, &link_id, &file_id);
    bool known = status != FSP_FORBIDDEN && status != FSP_NO_SUCH_LINK && status != FSP_SPENT;
    if (!status && after.bytes != 0 && after.bytes != 16)
        status = FSP_INVALID;
    s_same_status(self, status);
    s_same(self, "change", known ? self->space->info.change_index : 0, self->answer.index);
    for (const model_link_t *link = self->space->links; link && !status; link = link->next) {
        bool one = !fsp_link_id_is_zero(link_id);
        if ((one && !fsp_link_id_eq(link->info.link_id, link_id)) ||
            (!fsp_file_id_is_zero(file_id) && !fsp_file_id_eq(link->info.file_id, file_id)) ||
            (!one && after.bytes && fsp_slice_cmp(FSP_SLICE_OF(link->info.link_id), after) <= 0))
            continue;
        if (!s_next_item(self))
            return;
        fsp_link_info_t got;
        s_readable(self, fsp_answer_link(&self->answer, &got));
        if (self->differs)
            return;
        s_same_link(self, &link->info, &got);
        self->item++;
    }
    s_end_of_list(self);
}

/* -- all --------------------------------------------------------------------------------------- */

static void
s_check_target(model_asked_t *self)
{
    model_place_t place;
    fsp_status_t status = model_find(self->space, &self->space->tree, &self->query->target, &place);
    if (status)
        s_same_status(self, status);
    else if (self->query->type == FSP_QUERY_RESOLVE)
        s_check_resolve(self, &place);
    else if (self->query->type == FSP_QUERY_LIST)
        s_check_list(self, &place);
    else
        s_check_versions(self, &place);
}

/* Link and rights of a query on a space. */
static fsp_status_t
s_judge_rights(model_asked_t *self)
{
    const fsp_query_t *query = self->query;
    fsp_status_t status = model_asking_begin(&self->asking, self->model, self->space,
                                             &self->space->tree, query->subject, &query->asker);
    if (status || query->type == FSP_QUERY_UPLOAD)
        return status;
    uint32_t rights = query->type == FSP_QUERY_CHANGES
                          ? model_rights_at_root(&self->asking)
                          : model_rights_at(&self->asking, &query->target);
    if (query->type == FSP_QUERY_CHANGES && self->space->parted &&
        (self->asking.link || !fsp_subject_id_eq(query->subject, self->space->info.owner)))
        rights = 0;
    return rights & FSP_RIGHT_READ ? FSP_OK : FSP_FORBIDDEN;
}

static void
s_check_space(model_asked_t *self)
{
    self->space = model_space(self->model, self->query->space_id);
    if (self->space && self->query->type == FSP_QUERY_LINKS) {
        s_check_links(self);
        return;
    }
    fsp_status_t status = self->space ? s_judge_rights(self) : FSP_NO_SUCH_SPACE;
    if (status) {
        s_same_status(self, status);
        s_same(self, "change", 0, self->answer.index);
        return;
    }
    if (self->query->at_index || self->query->at_time) {
        s_check_then(self);
        return;
    }
    s_same(self, "change", self->space->info.change_index, self->answer.index);
    if (self->query->type == FSP_QUERY_CHANGES)
        s_check_changes(self);
    else if (self->query->type == FSP_QUERY_UPLOAD)
        s_check_uploads(self);
    else
        s_check_target(self);
}

bool
model_check_answer(const model_t *model, const fsp_query_t *query, fsp_slice_t answer, char *why,
                   size_t size)
{
    model_asked_t *self = FSP_NEW(model_asked_t);
    *self = (model_asked_t){.model = model, .query = query, .why = why, .why_size = size};
    self->answer_bytes = answer.bytes;
    s_readable(self, fsp_answer_open(answer, &self->answer));
    if (self->differs)
        ;
    else if (model->feature_level < 2 &&
             (!fsp_asker_is_empty(&query->asker) || query->type == FSP_QUERY_LINKS))
        s_same_status(self, FSP_LEVEL);
    else if (query->system_index < model->subject_floor)
        s_same_status(self, FSP_STALE);
    else if (query->type == FSP_QUERY_SPACES)
        s_check_spaces(self);
    else
        s_check_space(self);
    bool same = !self->differs;
    fsp_free(self);
    return same;
}
