/* SPDX-License-Identifier: MIT */
/* audit - is a shard's state whole?  Reads all rows and trusts none.  Layer core/meta.  Pure. */
#include "core/meta/audit.h"

#include "core/base/check.h"
#include "core/base/text.h"
#include "core/meta/audit_parts.h"
#include "core/meta/versions.h"

#include <stdarg.h>
#include <stdio.h>

/* -- shared by the parts ----------------------------------------------------------------------- */

void
fsp_audit_init(fsp_audit_t *self, fsp_shard_ref_t shard, fsp_view_t *view)
{
    memset(self, 0, sizeof(*self));
    self->shard = shard;
    self->view = view;
    fsp_buf_init(&self->space_bytes, FSP_VALUE_BYTES_MAX);
    fsp_buf_init(&self->value, FSP_VALUE_BYTES_MAX);
}

void
fsp_audit_clear(fsp_audit_t *self)
{
    fsp_buf_clear(&self->space_bytes);
    fsp_buf_clear(&self->value);
}

void
fsp_audit_report(const fsp_audit_t *self, const char *kind, fsp_file_id_t file_id, uint64_t number,
                 fsp_slice_t key, const char *format, ...)
{
    if (!self->fault)
        return;
    fsp_fault_t fault = {
        .kind = kind, .space_id = self->space_id, .file_id = file_id, .number = number, .key = key};
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(fault.what, sizeof(fault.what), format, arguments); /* cut if too long */
    va_end(arguments);
    self->fault(self->context, &fault);
}

static fsp_status_t
read_failed(const fsp_audit_t *self, fsp_slice_t key, fsp_status_t status)
{
    fsp_audit_report(self, "unreadable", (fsp_file_id_t){0}, 0, key, "row cannot be read: %s",
                     fsp_status_text(status));
    return FSP_DAMAGED;
}

fsp_status_t
fsp_audit_get(fsp_audit_t *self, const fsp_row_key_t *key, fsp_slice_t *ret)
{
    fsp_buf_reset(&self->value);
    fsp_status_t status = fsp_view_get(self->view, fsp_row_key_slice(key), &self->value);
    if (status != FSP_OK && status != FSP_NOT_FOUND)
        return read_failed(self, fsp_row_key_slice(key), status);
    *ret = fsp_buf_slice(&self->value);
    return status;
}

fsp_status_t
fsp_audit_get_node(fsp_audit_t *self, fsp_file_id_t id, fsp_node_row_t *ret)
{
    fsp_row_key_t key = fsp_row_key(self->shard, FSP_TABLE_NODE, self->space_id);
    fsp_row_key_add(&key, FSP_SLICE_OF(id));
    fsp_slice_t value;
    fsp_status_t status = fsp_audit_get(self, &key, &value);
    if (status == FSP_OK && fsp_node_row_decode(value, ret) != FSP_OK)
        return FSP_DAMAGED;
    return status;
}

fsp_status_t
fsp_audit_get_entry(fsp_audit_t *self, fsp_file_id_t directory_id, fsp_slice_t name,
                    fsp_entry_row_t *ret)
{
    FSP_PRE(name.bytes <= FSP_NAME_BYTES_MAX);
    fsp_row_key_t key = fsp_row_key(self->shard, FSP_TABLE_ENTRY, self->space_id);
    fsp_row_key_add(&key, FSP_SLICE_OF(directory_id));
    fsp_row_key_add(&key, name);
    fsp_slice_t value;
    fsp_status_t status = fsp_audit_get(self, &key, &value);
    if (status == FSP_OK && fsp_entry_row_decode(value, ret) != FSP_OK)
        return FSP_DAMAGED;
    return status;
}

fsp_status_t
fsp_audit_get_version(fsp_audit_t *self, fsp_file_id_t id, uint64_t number, fsp_version_info_t *ret)
{
    fsp_row_key_t key = fsp_row_key(self->shard, FSP_TABLE_VERSION, self->space_id);
    fsp_row_key_add(&key, FSP_SLICE_OF(id));
    fsp_row_key_add_u64(&key, number);
    fsp_slice_t value;
    fsp_version_row_t row;
    fsp_status_t status = fsp_audit_get(self, &key, &value);
    if (status == FSP_OK && (fsp_version_row_decode(value, &row) != FSP_OK ||
                             fsp_version_record_decode(row.record, ret) != FSP_OK))
        return FSP_DAMAGED;
    return status;
}

fsp_status_t
fsp_audit_get_index(fsp_audit_t *self, fsp_version_id_t version_id, fsp_version_index_row_t *ret)
{
    fsp_row_key_t key = fsp_row_key(self->shard, FSP_TABLE_VERSION_INDEX, self->space_id);
    fsp_row_key_add(&key, FSP_SLICE_OF(version_id));
    fsp_slice_t value;
    fsp_status_t status = fsp_audit_get(self, &key, &value);
    if (status == FSP_OK && fsp_version_index_row_decode(value, ret) != FSP_OK)
        return FSP_DAMAGED;
    return status;
}

bool
fsp_audit_walk(fsp_audit_t *self, fsp_table_t table, fsp_audit_row_fn *row, void *walk)
{
    fsp_row_key_t from = fsp_row_key(self->shard, table, self->space_id);
    fsp_row_key_t to = from;
    fsp_row_key_to_prefix_end(&to);
    fsp_cursor_t *cursor =
        fsp_view_scan(self->view, fsp_row_key_slice(&from), fsp_row_key_slice(&to));
    for (; cursor->valid; fsp_cursor_next(cursor)) {
        fsp_slice_t rest = fsp_slice(cursor->key.data + FSP_ROW_PREFIX_BYTES,
                                     cursor->key.bytes - FSP_ROW_PREFIX_BYTES);
        row(self, walk, rest, cursor->value);
    }
    fsp_status_t status = cursor->status;
    fsp_cursor_destroy(&cursor);
    if (status != FSP_OK)
        fsp_audit_report(self, "unreadable", (fsp_file_id_t){0}, 0, fsp_row_key_slice(&from),
                         "table %u is not readable to its end: %s", (unsigned)table,
                         fsp_status_text(status));
    return status == FSP_OK;
}

/* -- paths ------------------------------------------------------------------------------------- */

/* "/name" in front of what fills text from *at on, as far as there is room. */
static void
prepend(uint8_t *text, size_t *at, fsp_slice_t name)
{
    size_t bytes = name.bytes < *at ? name.bytes : *at;
    *at -= bytes;
    memcpy(text + *at, name.data + (name.bytes - bytes), bytes);
    if (*at > 0)
        text[--*at] = '/';
}

void
fsp_audit_path(fsp_shard_ref_t shard, fsp_view_t *view, fsp_space_id_t space_id,
               fsp_file_id_t file_id, fsp_buf_t *ret)
{
    fsp_audit_t self;
    fsp_audit_init(&self, shard, view);
    self.space_id = space_id;
    fsp_row_key_t key = fsp_row_key(shard, FSP_TABLE_SPACE, space_id);
    bool known = fsp_view_get(view, fsp_row_key_slice(&key), &self.space_bytes) == FSP_OK &&
                 fsp_space_row_decode(fsp_buf_slice(&self.space_bytes), &self.space) == FSP_OK;
    uint8_t text[FSP_PATH_BYTES_MAX];
    size_t at = sizeof(text);
    const char *front = "lost: ";
    fsp_node_row_t node;
    /* A cycle ends when the text is full: every step adds a byte at least. */
    for (fsp_file_id_t id = file_id; known && at > 0; id = node.parent_id) {
        if (fsp_file_id_eq(id, self.space.root_id)) {
            front = "";
            if (at == sizeof(text))
                text[--at] = '/';
            break;
        }
        if (fsp_file_id_eq(id, self.space.trash_id)) {
            front = "trash: ";
            at += at < sizeof(text); /* without the slash */
            break;
        }
        if (fsp_file_id_is_zero(id) || fsp_audit_get_node(&self, id, &node) != FSP_OK)
            break;
        prepend(text, &at, fsp_node_row_name(&node));
    }
    fsp_buf_append_slice(ret, fsp_slice_text(front));
    fsp_buf_append(ret, text + at, sizeof(text) - at);
    fsp_audit_clear(&self);
}

/* -- spaces and strays ------------------------------------------------------------------------- */

static void
audit_fixed(fsp_audit_t *self, fsp_file_id_t id, const char *what)
{
    fsp_node_row_t node;
    fsp_status_t status = fsp_audit_get_node(self, id, &node);
    if (status == FSP_NOT_FOUND)
        fsp_audit_report(self, "space", id, 0, FSP_SLICE_OF(id), "the %s has no node", what);
    else if (status == FSP_OK && node.kind != FSP_KIND_DIRECTORY)
        fsp_audit_report(self, "space", id, 0, FSP_SLICE_OF(id), "the %s is no directory", what);
}

static void
audit_space_row(fsp_audit_t *self)
{
    const fsp_space_row_t *space = &self->space;
    const fsp_file_id_t none = {0};
    fsp_slice_t id = FSP_SLICE_OF(self->space_id);
    audit_fixed(self, space->root_id, "root");
    audit_fixed(self, space->trash_id, "trash");
    if (!fsp_space_name_valid(space->name))
        fsp_audit_report(self, "space", none, 0, id, "the name of the space is none");
    if (space->key_count == 0)
        fsp_audit_report(self, "space", none, 0, id, "the space has no key");
    for (size_t i = 1; i < space->key_count; i++)
        if (space->keys[i - 1].generation >= space->keys[i].generation)
            fsp_audit_report(self, "space", none, 0, id, "generations of keys do not rise");
    /* From level 2 on a quota may be set below what is used: then nothing grows. */
    if (self->feature_level < 2 && space->quota_bytes > 0 && space->used_bytes > space->quota_bytes)
        fsp_audit_report(self, "space", none, 0, id, "more is used than the quota allows");
    if (space->name.bytes > FSP_SPACE_NAME_BYTES_MAX)
        return;
    fsp_row_key_t key = fsp_row_key(self->shard, FSP_TABLE_SPACE_NAME, (fsp_space_id_t){0});
    fsp_row_key_add(&key, space->name);
    fsp_slice_t value;
    fsp_status_t status = fsp_audit_get(self, &key, &value);
    fsp_space_id_t found = {0};
    if (status == FSP_OK) {
        fsp_canon_t reader = fsp_canon_reader(value);
        fsp_canon_read_id(&reader, &found);
        if (fsp_canon_finish(&reader) != FSP_OK)
            return; /* the walk of the names says so */
    }
    if (status == FSP_NOT_FOUND || (status == FSP_OK && !fsp_space_id_eq(found, self->space_id)))
        fsp_audit_report(self, "space", none, 0, id, "the name of the space leads elsewhere");
}

/* Table SPACE with a space of its own in each row's prefix, so it is walked by hand. */
static void
audit_space(fsp_audit_t *self, const fsp_cursor_t *cursor)
{
    memcpy(self->space_id.bytes, cursor->key.data + 9, sizeof(self->space_id.bytes));
    fsp_buf_reset(&self->space_bytes);
    fsp_buf_append_slice(&self->space_bytes, cursor->value);
    if (cursor->key.bytes != FSP_ROW_PREFIX_BYTES || !fsp_buf_ok(&self->space_bytes) ||
        fsp_space_row_decode(fsp_buf_slice(&self->space_bytes), &self->space) != FSP_OK) {
        fsp_audit_report(self, "row", (fsp_file_id_t){0}, 0, cursor->key,
                         "the space row does not decode");
        return;
    }
    if (self->space.access.state >= FSP_LIFE_DROPPING) {
        fsp_audit_remains(self);
        return;
    }
    self->counts->spaces++;
    audit_space_row(self);
    fsp_audit_access(self);
    fsp_audit_names(self);
    fsp_audit_uploads(self);
    fsp_audit_history(self);
    fsp_audit_answers(self);
    fsp_audit_past(self);
}

static void
audit_spaces(fsp_audit_t *self)
{
    fsp_row_key_t from = fsp_row_key(self->shard, FSP_TABLE_SPACE, (fsp_space_id_t){0});
    from.used = 9;
    fsp_row_key_t to = from;
    fsp_row_key_to_prefix_end(&to);
    fsp_cursor_t *cursor =
        fsp_view_scan(self->view, fsp_row_key_slice(&from), fsp_row_key_slice(&to));
    for (; cursor->valid; fsp_cursor_next(cursor))
        audit_space(self, cursor);
    self->space_id = (fsp_space_id_t){0};
    if (cursor->status != FSP_OK)
        (void)read_failed(self, fsp_row_key_slice(&from), cursor->status);
    fsp_cursor_destroy(&cursor);
}

static void
audit_space_name(fsp_audit_t *self, void *walk, fsp_slice_t rest, fsp_slice_t value)
{
    (void)walk;
    fsp_space_id_t id;
    fsp_canon_t reader = fsp_canon_reader(value);
    fsp_canon_read_id(&reader, &id);
    if (fsp_canon_finish(&reader) != FSP_OK || !fsp_space_name_valid(rest)) {
        fsp_audit_report(self, "row", (fsp_file_id_t){0}, 0, rest, "space name row");
        return;
    }
    fsp_row_key_t key = fsp_row_key(self->shard, FSP_TABLE_SPACE, id);
    fsp_slice_t bytes;
    fsp_space_row_t space;
    fsp_status_t status = fsp_audit_get(self, &key, &bytes);
    if (status == FSP_NOT_FOUND ||
        (status == FSP_OK && fsp_space_row_decode(bytes, &space) == FSP_OK &&
         !fsp_slice_eq(space.name, rest)))
        fsp_audit_report(self, "space", (fsp_file_id_t){0}, 0, rest,
                         "a space name leads to no space of that name");
}

static bool
table_of_space(uint8_t table)
{
    switch (table) {
    case FSP_TABLE_PAST_ENTRY:
    case FSP_TABLE_PAST_HEADS:
    case FSP_TABLE_WORK:
    case FSP_TABLE_UPLOAD:
    case FSP_TABLE_UPLOAD_PART:
    case FSP_TABLE_LINK:
        return true;
    default:
        return table >= FSP_TABLE_SHARD && table <= FSP_TABLE_OP_ORDER;
    }
}

/* True if rows with this prefix may be there. */
static bool
prefix_known(fsp_audit_t *self, fsp_slice_t prefix)
{
    if (prefix.bytes < FSP_ROW_PREFIX_BYTES || fsp_load_u32(prefix.data) != self->shard.shard ||
        fsp_load_u32(prefix.data + 4) != self->shard.generation)
        return false;
    fsp_space_id_t space_id;
    memcpy(space_id.bytes, prefix.data + 9, sizeof(space_id.bytes));
    uint8_t table = prefix.data[8];
    if (fsp_space_id_is_zero(space_id) && fsp_audit_is_system_table(self, table)) {
        fsp_row_key_t system = fsp_row_key(self->shard, FSP_TABLE_SYSTEM, space_id);
        fsp_slice_t row;
        return fsp_audit_get(self, &system, &row) != FSP_NOT_FOUND;
    }
    if (table == FSP_TABLE_SHARD || table == FSP_TABLE_SPACE_NAME)
        return fsp_space_id_is_zero(space_id);
    if (!table_of_space(table))
        return false;
    fsp_row_key_t key = fsp_row_key(self->shard, FSP_TABLE_SPACE, space_id);
    fsp_slice_t ignored;
    return fsp_audit_get(self, &key, &ignored) != FSP_NOT_FOUND;
}

/* One look at every prefix that occurs: rows of a shard, table or space that are not. */
static void
audit_strays(fsp_audit_t *self)
{
    fsp_buf_t from;
    fsp_buf_init(&from, FSP_ROW_PREFIX_BYTES + 1);
    for (bool more = true; more;) {
        fsp_cursor_t *cursor = fsp_view_scan(self->view, fsp_buf_slice(&from), (fsp_slice_t){0});
        more = cursor->valid;
        if (cursor->valid) {
            size_t bytes =
                cursor->key.bytes < FSP_ROW_PREFIX_BYTES ? cursor->key.bytes : FSP_ROW_PREFIX_BYTES;
            uint8_t prefix[FSP_ROW_PREFIX_BYTES];
            memcpy(prefix, cursor->key.data, bytes);
            if (!prefix_known(self, fsp_slice(prefix, bytes)))
                fsp_audit_report(self, "stray", (fsp_file_id_t){0}, 0, cursor->key,
                                 "a row of a shard, table or space that is not there");
            fsp_buf_reset(&from);
            if (bytes < FSP_ROW_PREFIX_BYTES) {
                fsp_buf_append(&from, prefix, bytes);
                fsp_buf_append_u8(&from, 0); /* the next key that there can be */
            } else {
                fsp_view_prefix_end(fsp_slice(prefix, bytes), &from);
                more = from.bytes > 0;
            }
        } else if (cursor->status != FSP_OK) {
            (void)read_failed(self, fsp_buf_slice(&from), cursor->status);
        }
        fsp_cursor_destroy(&cursor);
    }
    fsp_buf_clear(&from);
}

static void
audit_shard_row(fsp_audit_t *self, void *walk, fsp_slice_t rest, fsp_slice_t value)
{
    (void)walk;
    fsp_shard_row_t row;
    if (rest.bytes > 0 || fsp_shard_row_decode(value, &row) != FSP_OK)
        fsp_audit_report(self, "row", (fsp_file_id_t){0}, 0, rest, "the shard row does not decode");
    else if (row.feature_level > FSP_FEATURE_LEVEL)
        fsp_audit_report(self, "row", (fsp_file_id_t){0}, 0, rest,
                         "feature level %llu is newer than this program",
                         (unsigned long long)row.feature_level);
    else
        self->feature_level = row.feature_level;
}

void
fsp_audit_state(fsp_shard_ref_t shard, fsp_view_t *view, fsp_fault_fn *fault, void *context,
                fsp_audit_counts_t *counts)
{
    FSP_PRE(view != NULL);
    FSP_PRE(counts != NULL);
    fsp_audit_t self;
    fsp_audit_init(&self, shard, view);
    self.fault = fault;
    self.context = context;
    self.counts = counts;
    (void)fsp_audit_walk(&self, FSP_TABLE_SHARD, audit_shard_row, NULL);
    (void)fsp_audit_walk(&self, FSP_TABLE_SPACE_NAME, audit_space_name, NULL);
    audit_spaces(&self);
    fsp_audit_system(&self);
    audit_strays(&self);
    fsp_audit_clear(&self);
}
