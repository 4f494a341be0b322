/* SPDX-License-Identifier: MIT */
/* audit_names - entries and nodes: the tree is kept twice, and both must agree.  Layer core/meta.
   Pure. */
#include "core/base/text.h"
#include "core/meta/audit_parts.h"

typedef struct {
    fsp_file_id_t directory_id; /* of the entry before: it was looked at */
    bool seen;
} entries_t;

static void
check_directory(fsp_audit_t *self, entries_t *walk, fsp_file_id_t id, fsp_slice_t rest)
{
    if (walk->seen && fsp_file_id_eq(walk->directory_id, id))
        return;
    walk->seen = true;
    walk->directory_id = id;
    fsp_node_row_t node;
    fsp_status_t status = fsp_audit_get_node(self, id, &node);
    if (status == FSP_NOT_FOUND)
        fsp_audit_report(self, "entry", id, 0, rest, "names lie in a directory without a node");
    else if (status == FSP_OK && node.kind != FSP_KIND_DIRECTORY)
        fsp_audit_report(self, "entry", id, 0, rest, "names lie in what is no directory");
}

static void
check_entry(fsp_audit_t *self, void *walk, fsp_slice_t rest, fsp_slice_t value)
{
    fsp_file_id_t directory_id = {0};
    fsp_entry_row_t entry;
    if (rest.bytes > sizeof(directory_id.bytes))
        memcpy(directory_id.bytes, rest.data, sizeof(directory_id.bytes));
    fsp_slice_t name = {0};
    if (rest.bytes > sizeof(directory_id.bytes))
        name = fsp_slice(rest.data + sizeof(directory_id.bytes),
                         rest.bytes - sizeof(directory_id.bytes));
    if (!fsp_name_valid(name) || fsp_entry_row_decode(value, &entry) != FSP_OK) {
        fsp_audit_report(self, "row", directory_id, 0, rest, "entry row");
        return;
    }
    check_directory(self, walk, directory_id, rest);
    fsp_node_row_t node;
    fsp_status_t status = fsp_audit_get_node(self, entry.id, &node);
    if (status == FSP_NOT_FOUND)
        fsp_audit_report(self, "entry", directory_id, 0, rest, "the name \"%.*s\" has no node",
                         (int)name.bytes, (const char *)name.data);
    if (status != FSP_OK)
        return;
    if (node.kind != entry.kind)
        fsp_audit_report(self, "entry", entry.id, 0, rest, "name and node differ in kind");
    if (!fsp_file_id_eq(node.parent_id, directory_id) ||
        !fsp_slice_eq(fsp_node_row_name(&node), name))
        fsp_audit_report(self, "entry", entry.id, 0, rest,
                         "the name \"%.*s\" leads to a node that lies elsewhere", (int)name.bytes,
                         (const char *)name.data);
    if (entry.since > self->space.change_index || entry.since > node.index)
        fsp_audit_report(self, "entry", entry.id, 0, rest,
                         "change %llu, which made the name, is not known",
                         (unsigned long long)entry.since);
}

/* Up from a directory; Brent's way to see a cycle without a set. */
static void
check_climb(fsp_audit_t *self, fsp_file_id_t start)
{
    fsp_file_id_t id = start, mark = start;
    uint64_t steps = 0, limit = 1;
    fsp_node_row_t node;
    while (!fsp_file_id_eq(id, self->space.root_id) && !fsp_file_id_eq(id, self->space.trash_id)) {
        if (fsp_audit_get_node(self, id, &node) != FSP_OK || fsp_file_id_is_zero(node.parent_id))
            return; /* who names it says so */
        id = node.parent_id;
        if (fsp_file_id_eq(id, mark)) {
            fsp_audit_report(self, "cycle", start, 0, FSP_SLICE_OF(start),
                             "the way up from this directory never ends");
            return;
        }
        if (++steps == limit) {
            mark = id;
            steps = 0;
            limit *= 2;
        }
    }
}

static void
check_place(fsp_audit_t *self, fsp_file_id_t id, const fsp_node_row_t *node)
{
    fsp_slice_t key = FSP_SLICE_OF(id);
    if (fsp_file_id_eq(id, self->space.root_id) || fsp_file_id_eq(id, self->space.trash_id)) {
        if (!fsp_file_id_is_zero(node->parent_id) || node->name_bytes > 0)
            fsp_audit_report(self, "node", id, 0, key, "root or trash has a parent or a name");
        return;
    }
    if (node->history.purging) {
        fsp_audit_purging(self, id, node);
        return;
    }
    if (fsp_file_id_is_zero(node->parent_id) || !fsp_name_valid(fsp_node_row_name(node))) {
        fsp_audit_report(self, "node", id, 0, key, "node without parent or name");
        return;
    }
    fsp_entry_row_t entry;
    fsp_status_t status =
        fsp_audit_get_entry(self, node->parent_id, fsp_node_row_name(node), &entry);
    if (status == FSP_NOT_FOUND)
        fsp_audit_report(self, "node", id, 0, key, "no name leads to the node");
    else if (status == FSP_OK && !fsp_file_id_eq(entry.id, id))
        fsp_audit_report(self, "node", id, 0, key, "the node's name leads to another node");
}

static void
check_first_head(fsp_audit_t *self, fsp_file_id_t id, const fsp_node_row_t *node)
{
    const fsp_head_t *head = &node->heads[0];
    fsp_version_info_t version;
    fsp_status_t status = fsp_audit_get_version(self, id, head->number, &version);
    if (status == FSP_NOT_FOUND)
        fsp_audit_report(self, "heads", id, head->number, FSP_SLICE_OF(head->id),
                         "the preferred head is not there");
    else if (status == FSP_OK && !fsp_version_id_eq(version.id, head->id))
        fsp_audit_report(self, "heads", id, head->number, FSP_SLICE_OF(head->id),
                         "the preferred head is another version");
    else if (status == FSP_OK && (version.size != node->size || version.time != node->content_time))
        fsp_audit_report(self, "heads", id, head->number, FSP_SLICE_OF(head->id),
                         "size or time of the node is not that of its preferred head");
}

static void
check_node(fsp_audit_t *self, void *walk, fsp_slice_t rest, fsp_slice_t value)
{
    (void)walk;
    fsp_file_id_t id = {0};
    fsp_node_row_t node;
    if (rest.bytes == sizeof(id.bytes))
        memcpy(id.bytes, rest.data, sizeof(id.bytes));
    if (fsp_file_id_is_zero(id) || fsp_node_row_decode(value, &node) != FSP_OK) {
        fsp_audit_report(self, "row", id, 0, rest, "node row");
        return;
    }
    if (node.kind == FSP_KIND_DIRECTORY)
        self->counts->directories++;
    else if (node.kind == FSP_KIND_SYMLINK)
        self->counts->symlinks++;
    else
        self->counts->files++;
    check_place(self, id, &node);
    if (node.lease.token > 0 && (node.lease.token > node.index || node.lease.expiry == 0 ||
                                 fsp_subject_id_is_zero(node.lease.holder)))
        fsp_audit_report(self, "lease", id, node.lease.token, rest,
                         "the lease is of nobody, or of a change behind the node's last");
    if (node.index > self->space.change_index)
        fsp_audit_report(self, "node", id, 0, rest, "changed by change %llu, which is not known",
                         (unsigned long long)node.index);
    if (node.kind == FSP_KIND_DIRECTORY)
        check_climb(self, id);
    else if (!node.history.purging)
        check_first_head(self, id, &node);
    if (node.history.since > node.index)
        fsp_audit_report(self, "node", id, node.history.since, rest,
                         "its heads are those of a change behind its last");
    if (node.history.origin_name_bytes > 0 && !fsp_file_id_eq(node.parent_id, self->space.trash_id))
        fsp_audit_report(self, "node", id, 0, rest,
                         "it does not lie in the trash, but came from somewhere");
}

void
fsp_audit_names(fsp_audit_t *self)
{
    entries_t entries = {.seen = false};
    (void)fsp_audit_walk(self, FSP_TABLE_ENTRY, check_entry, &entries);
    (void)fsp_audit_walk(self, FSP_TABLE_NODE, check_node, NULL);
}
