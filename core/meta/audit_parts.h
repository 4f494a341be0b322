/* SPDX-License-Identifier: MIT */
/* audit_parts - what the parts of an audit share.  Layer core/meta.  Pure.  Internal. */
#ifndef FSP_CORE_META_AUDIT_PARTS_H
#define FSP_CORE_META_AUDIT_PARTS_H
#include "core/meta/audit.h"

/* One space under audit. */
typedef struct {
    fsp_shard_ref_t shard;
    fsp_view_t *view;
    fsp_fault_fn *fault;
    void *context;
    fsp_audit_counts_t *counts;
    fsp_space_id_t space_id;
    fsp_space_row_t space; /* borrows from space_bytes */
    fsp_buf_t space_bytes;
    fsp_buf_t value;        /* read last */
    uint64_t feature_level; /* of the shard */
    uint64_t upload_bytes;  /* of the space's uploads; they count as used */
    bool uploads_whole;     /* all of them could be read */
} fsp_audit_t;

void fsp_audit_init(fsp_audit_t *self, fsp_shard_ref_t shard, fsp_view_t *view);
void fsp_audit_clear(fsp_audit_t *self);

__attribute__((format(printf, 6, 7))) void fsp_audit_report(const fsp_audit_t *self,
                                                            const char *kind, fsp_file_id_t file_id,
                                                            uint64_t number, fsp_slice_t key,
                                                            const char *format, ...);

/* Rows looked up: OK, NOT_FOUND (the caller's to report), or DAMAGED: it was reported already, or
   will be by the walk of that table. */
FSP_MUST_CHECK fsp_status_t fsp_audit_get(fsp_audit_t *self, const fsp_row_key_t *key,
                                          fsp_slice_t *ret);
FSP_MUST_CHECK fsp_status_t fsp_audit_get_node(fsp_audit_t *self, fsp_file_id_t id,
                                               fsp_node_row_t *ret);
FSP_MUST_CHECK fsp_status_t fsp_audit_get_entry(fsp_audit_t *self, fsp_file_id_t directory_id,
                                                fsp_slice_t name, fsp_entry_row_t *ret);
/* The fields of the record; no carrier. */
FSP_MUST_CHECK fsp_status_t fsp_audit_get_version(fsp_audit_t *self, fsp_file_id_t id,
                                                  uint64_t number, fsp_version_info_t *ret);
FSP_MUST_CHECK fsp_status_t fsp_audit_get_index(fsp_audit_t *self, fsp_version_id_t version_id,
                                                fsp_version_index_row_t *ret);

/* Walks one table of the space.  row() gets what stands behind the prefix in the key; false if the
   walk ended early. */
typedef void(fsp_audit_row_fn)(fsp_audit_t *self, void *walk, fsp_slice_t rest, fsp_slice_t value);
bool fsp_audit_walk(fsp_audit_t *self, fsp_table_t table, fsp_audit_row_fn *row, void *walk);

/* The parts. */
void fsp_audit_names(fsp_audit_t *self);   /* entries and nodes */
void fsp_audit_access(fsp_audit_t *self);  /* links, directories that do not inherit */
void fsp_audit_remains(fsp_audit_t *self); /* instead of all others: a space that goes or is gone */
void fsp_audit_uploads(fsp_audit_t *self); /* uploads and their roots; before history */
void fsp_audit_history(fsp_audit_t *self); /* versions, index, used bytes */
void fsp_audit_answers(fsp_audit_t *self); /* changes and operations */
void fsp_audit_past(fsp_audit_t *self);    /* past entries and heads, work, horizons */
/* A node that is being purged. */
void fsp_audit_purging(fsp_audit_t *self, fsp_file_id_t id, const fsp_node_row_t *node);
/* Operations alone, against the counters in self->space. */
void fsp_audit_operations(fsp_audit_t *self);
void fsp_audit_system(fsp_audit_t *self); /* the system shard, if this is it */
/* True for tables that only the system shard has, and those that it has under no space. */
bool fsp_audit_is_system_table(const fsp_audit_t *self, uint8_t table);
#endif
