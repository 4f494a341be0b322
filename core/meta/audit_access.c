/* SPDX-License-Identifier: MIT */
/* audit_access - links, directories that do not inherit, and what is left of a space.  Layer
   core/meta.  Pure. */
#include "core/meta/audit_parts.h"

/* -- links ------------------------------------------------------------------------------------- */

static void
check_link(fsp_audit_t *self, void *walk, fsp_slice_t rest, fsp_slice_t value)
{
    uint64_t *count = (uint64_t *)walk;
    fsp_link_row_t link;
    ++*count;
    if (rest.bytes != sizeof(fsp_link_id_t) || fsp_link_row_decode(value, &link) != FSP_OK) {
        fsp_audit_report(self, "row", (fsp_file_id_t){0}, 0, rest, "link row");
        return;
    }
    /* The node may have been purged; if it is there, it is what it was. */
    fsp_node_row_t node;
    if (fsp_audit_get_node(self, link.file_id, &node) == FSP_OK && node.kind != link.kind)
        fsp_audit_report(self, "link", link.file_id, 0, rest, "link and node differ in kind");
}

static void
check_parted(fsp_audit_t *self, void *walk, fsp_slice_t rest, fsp_slice_t value)
{
    (void)walk;
    fsp_node_row_t node;
    if (self->space.access.parted || fsp_node_row_decode(value, &node) != FSP_OK ||
        !node.access.parted)
        return;
    fsp_audit_report(self, "space", (fsp_file_id_t){0}, 0, rest,
                     "a directory does not inherit, and the space does not say so");
}

void
fsp_audit_access(fsp_audit_t *self)
{
    uint64_t links = 0;
    if (fsp_audit_walk(self, FSP_TABLE_LINK, check_link, &links) &&
        links != self->space.access.link_count)
        fsp_audit_report(self, "space", (fsp_file_id_t){0}, 0, FSP_SLICE_OF(self->space_id),
                         "%llu links are there, %llu are counted", (unsigned long long)links,
                         (unsigned long long)self->space.access.link_count);
    (void)fsp_audit_walk(self, FSP_TABLE_NODE, check_parted, NULL);
}

/* -- a space that goes ------------------------------------------------------------------------- */

typedef struct {
    unsigned table;
} remains_t;

/* Behind the cursor of SPACE_DROP everything may be left, up to it nothing. */
static void
check_remains(fsp_audit_t *self, void *walk, fsp_slice_t rest, fsp_slice_t value)
{
    (void)value;
    const remains_t *remains = (const remains_t *)walk;
    fsp_slice_t cursor = self->space.access.cursor;
    bool gone = self->space.access.state == FSP_LIFE_GONE;
    if (!gone && (cursor.bytes == 0 || remains->table > cursor.data[0]))
        return;
    if (!gone && remains->table == cursor.data[0] &&
        fsp_slice_cmp(rest, fsp_slice(cursor.data + 1, cursor.bytes - 1)) > 0)
        return;
    fsp_audit_report(self, "stray", (fsp_file_id_t){0}, 0, rest,
                     "a row of table %u of a space that was dropped", remains->table);
}

void
fsp_audit_remains(fsp_audit_t *self)
{
    fsp_slice_t id = FSP_SLICE_OF(self->space_id);
    if (self->space.key_count > 0 || self->space.wrapped_cut_key.bytes > 0 ||
        self->space.name.bytes > 0)
        fsp_audit_report(self, "space", (fsp_file_id_t){0}, 0, id,
                         "a space that was dropped has its name or keys");
    for (remains_t remains = {FSP_TABLE_ENTRY}; remains.table < FSP_TABLE_MEMBER; remains.table++)
        (void)fsp_audit_walk(self, (fsp_table_t)remains.table, check_remains, &remains);
}
