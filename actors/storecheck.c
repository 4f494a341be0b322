/* SPDX-License-Identifier: MIT */
/* storecheck - `filesphered check DIR`: is all of a stopped store whole?  Layer actors.
 *
 * Memory: the database's cache (32 MiB) and what lies in its write-ahead log, 64 MiB at most for
 * keys of objects seen, as much for pages of segments, rows of entries that the state lacks, one
 * object at a time.
 */
#include "actors/storecheck.h"

#include "actors/identity.h"
#include "actors/keyring.h"
#include "actors/node.h"
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"
#include "core/data/proof.h"
#include "core/engine/log_audit.h"
#include "proto/errors.h"
#include "store/readonly.h"

#include <stdio.h>

enum {
    LOCK_WAIT_US = 2 * 1000 * 1000,
    SEEN_BYTES_MAX = 64 * 1024 * 1024,
    /* Of the log, behind the state; a store writes its state out when it is a quarter of that. */
    REPLAY_BYTES_MAX = 256 * 1024 * 1024,
    LINE_BYTES_MAX = 64 * 1024,
};

/* That of the log, for ever; whose rows are the state is what the log says (log.shard). */
static const fsp_shard_ref_t home = {.shard = FSP_HOME_SHARD, .generation = 1};

typedef struct {
    const fsp_storecheck_config_t *config;
    fsp_readonly_t *store;
    fsp_identity_t identity;
    bool identified; /* identity is there */
    fsp_replica_config_t replica;
    fsp_overlay_t *state; /* rows of entries that the state lacks, above it */
    fsp_log_audit_t log;
    uint64_t applied; /* with them */
    fsp_audit_counts_t counts;
    fsp_segcheck_t segments;
    fsp_proof_t proof;
    uint64_t fault_count;
    fsp_buf_t line;
} storecheck_t;

/* -- saying ------------------------------------------------------------------------------------ */

/* Names come from users: what a terminal would act on is written as \xNN. */
static void
append_plain(fsp_buf_t *line, fsp_slice_t text)
{
    for (size_t i = 0; i < text.bytes; i++) {
        if (text.data[i] < 0x20 || text.data[i] == 0x7f)
            fsp_buf_printf(line, "\\x%02x", (unsigned)text.data[i]);
        else
            fsp_buf_append_u8(line, text.data[i]);
    }
}

static void
print_line(storecheck_t *self)
{
    (void)fwrite(self->line.data, 1, self->line.bytes, stdout);
    (void)fputc('\n', stdout);
    fsp_buf_reset(&self->line);
}

static void
print_fault_json(storecheck_t *self, const fsp_fault_t *fault, fsp_slice_t path, const char *words)
{
    fsp_json_t json;
    fsp_json_init(&json, &self->line);
    fsp_json_object(&json, NULL);
    fsp_json_text(&json, "type", "fault");
    fsp_json_text(&json, "kind", fault->kind);
    if (path.bytes > 0)
        fsp_json_slice(&json, "path", path);
    if (!fsp_file_id_is_zero(fault->file_id))
        fsp_json_hex(&json, "file_id", fault->file_id.bytes, sizeof(fault->file_id.bytes));
    if (fault->number > 0)
        fsp_json_uint(&json, "number", fault->number);
    if (fault->key.bytes > 0)
        fsp_json_hex(&json, "key", fault->key.data, fault->key.bytes);
    fsp_json_text(&json, "what", fault->what);
    if (words[0])
        fsp_json_text(&json, "database", words);
    fsp_json_object_end(&json);
    print_line(self);
}

static void
print_fault_text(storecheck_t *self, const fsp_fault_t *fault, fsp_slice_t path, const char *words)
{
    fsp_buf_printf(&self->line, "%s", fault->kind);
    if (path.bytes > 0) {
        fsp_buf_printf(&self->line, "  ");
        append_plain(&self->line, path);
    }
    if (fault->number > 0)
        fsp_buf_printf(&self->line, "  number %llu", (unsigned long long)fault->number);
    if (fault->key.bytes > 0 && fault->key.bytes <= FSP_ROW_KEY_BYTES_MAX) {
        char hex[2 * FSP_ROW_KEY_BYTES_MAX + 1];
        fsp_hex_encode(fault->key.data, fault->key.bytes, hex);
        fsp_buf_printf(&self->line, "  key %s", hex);
    }
    fsp_buf_printf(&self->line, "  ");
    append_plain(&self->line, fsp_slice_text(fault->what));
    if (words[0]) {
        fsp_buf_printf(&self->line, " (");
        append_plain(&self->line, fsp_slice_text(words));
        fsp_buf_printf(&self->line, ")");
    }
    print_line(self);
}

static void
on_fault(void *context, const fsp_fault_t *fault)
{
    storecheck_t *self = context;
    self->fault_count++;
    fsp_error_t words = {.text = ""};
    if (self->store)
        fsp_readonly_take_words(self->store, &words);
    fsp_buf_t path;
    fsp_buf_init(&path, FSP_PATH_BYTES_MAX + 16);
    if (self->state && !fsp_file_id_is_zero(fault->file_id))
        fsp_audit_path(self->log.shard, fsp_overlay_view(self->state), fault->space_id,
                       fault->file_id, &path);
    if (self->config->json)
        print_fault_json(self, fault, fsp_buf_slice(&path), words.text);
    else
        print_fault_text(self, fault, fsp_buf_slice(&path), words.text);
    fsp_buf_clear(&path);
    if (self->store)
        fsp_readonly_take_words(self->store, &words); /* of the search for the path */
}

static void
on_state_fault(void *context, const fsp_fault_t *fault)
{
    storecheck_t *self = context;
    if (!fsp_log_remains(self->log.shard, fault))
        on_fault(self, fault);
}

static void
add_fault(storecheck_t *self, const char *kind, fsp_slice_t key, const char *what)
{
    fsp_fault_t fault = {.kind = kind, .key = key};
    (void)snprintf(fault.what, sizeof(fault.what), "%.*s", (int)sizeof(fault.what) - 1, what);
    on_fault(self, &fault);
}

static void
print_result_json(storecheck_t *self)
{
    const fsp_proof_t *proof = &self->proof;
    fsp_json_t json;
    fsp_json_init(&json, &self->line);
    fsp_json_object(&json, NULL);
    fsp_json_text(&json, "type", "result");
    fsp_json_bool(&json, "quick", self->config->quick);
    fsp_json_uint(&json, "spaces", self->counts.spaces);
    fsp_json_uint(&json, "files", self->counts.files);
    fsp_json_uint(&json, "directories", self->counts.directories);
    fsp_json_uint(&json, "symlinks", self->counts.symlinks);
    fsp_json_uint(&json, "versions", self->counts.versions);
    fsp_json_uint(&json, "used_bytes", self->counts.used_bytes);
    fsp_json_uint(&json, "objects", proof->object_count);
    fsp_json_uint(&json, "object_bytes", proof->object_bytes);
    if (proof->seen && !fsp_keyset_full(proof->seen)) {
        fsp_json_uint(&json, "orphans", proof->orphan_count);
        fsp_json_uint(&json, "orphan_bytes", proof->orphan_bytes);
    }
    fsp_json_uint(&json, "loose", proof->loose_count);
    fsp_json_uint(&json, "segments", self->segments.files);
    fsp_json_uint(&json, "segment_live_bytes", self->segments.live_bytes);
    fsp_json_uint(&json, "segment_dead_bytes", self->segments.dead_bytes);
    fsp_json_uint(&json, "stray_segments", self->segments.stray_files);
    fsp_json_uint(&json, "changes", self->counts.changes);
    fsp_json_uint(&json, "operations", self->counts.operations);
    fsp_json_uint(&json, "log_first", self->log.start + 1);
    fsp_json_uint(&json, "log_last", self->log.last);
    fsp_json_uint(&json, "applied", self->log.applied);
    fsp_json_uint(&json, "replayed", self->applied - self->log.applied);
    fsp_json_uint(&json, "faults", self->fault_count);
    fsp_json_object_end(&json);
    print_line(self);
}

static void
print_result_text(storecheck_t *self)
{
    const fsp_audit_counts_t *counts = &self->counts;
    const fsp_proof_t *proof = &self->proof;
    (void)printf("%llu files, %llu directories, %llu symlinks, %llu versions of %llu bytes, "
                 "%llu changes, %llu operations\n",
                 (unsigned long long)counts->files, (unsigned long long)counts->directories,
                 (unsigned long long)counts->symlinks, (unsigned long long)counts->versions,
                 (unsigned long long)counts->used_bytes, (unsigned long long)counts->changes,
                 (unsigned long long)counts->operations);
    (void)printf("%llu objects of %llu bytes", (unsigned long long)proof->object_count,
                 (unsigned long long)proof->object_bytes);
    if (proof->seen && !fsp_keyset_full(proof->seen))
        (void)printf("; %llu of them (%llu bytes) belong to no version",
                     (unsigned long long)proof->orphan_count,
                     (unsigned long long)proof->orphan_bytes);
    (void)printf("\n%llu segments, %llu bytes live, %llu dead",
                 (unsigned long long)self->segments.files,
                 (unsigned long long)self->segments.live_bytes,
                 (unsigned long long)self->segments.dead_bytes);
    if (self->segments.stray_files > 0)
        (void)printf("; %llu files besides, which no row names",
                     (unsigned long long)self->segments.stray_files);
    (void)printf("\nlog %llu to %llu, state at %llu%s\n", (unsigned long long)self->log.start + 1,
                 (unsigned long long)self->log.last, (unsigned long long)self->log.applied,
                 self->applied > self->log.applied ? " and the rest applies" : "");
    (void)printf("%llu fault%s%s\n", (unsigned long long)self->fault_count,
                 self->fault_count == 1 ? "" : "s",
                 self->config->quick ? " (quick: chunks were not read)" : "");
}

/* -- parts ------------------------------------------------------------------------------------- */

static bool
is_empty(storecheck_t *self, fsp_family_t family)
{
    fsp_cursor_t *cursor =
        fsp_view_scan(fsp_readonly_view(self->store, family), (fsp_slice_t){0}, (fsp_slice_t){0});
    bool empty = !cursor->valid && cursor->status == FSP_OK;
    fsp_cursor_destroy(&cursor);
    return empty;
}

/* The keys of further clients, without which a node does not start. */
static fsp_status_t
check_keyring(const storecheck_t *self, fsp_error_t *error)
{
    fsp_keyring_t *keyring = FSP_NEW(fsp_keyring_t);
    fsp_keyring_init(keyring, self->identity.mesh_id, self->identity.admin_public_key);
    fsp_status_t status = fsp_keyring_load(self->config->directory, keyring, error);
    fsp_free(keyring);
    return status;
}

/* NOT_FOUND, with words: the first start was cut short before there was an identity, or anything
   else. */
static fsp_status_t
check_local(storecheck_t *self, fsp_error_t *error)
{
    const fsp_watermark_t *mark = fsp_readonly_watermark(self->store);
    fsp_view_t *local = fsp_readonly_view(self->store, FSP_FAMILY_LOCAL);
    fsp_cursor_t *cursor = fsp_view_scan(local, (fsp_slice_t){0}, (fsp_slice_t){0});
    while (cursor->valid)
        fsp_cursor_next(cursor);
    if (cursor->status != FSP_OK)
        add_fault(self, "unreadable", (fsp_slice_t){0},
                  "the node's own rows are not readable to their end");
    fsp_cursor_destroy(&cursor);
    /* Without a clean stop it may be what a power failure left of the last write to it. */
    if (mark->clean && !fsp_readonly_slots_whole(self->store))
        add_fault(self, "watermark", (fsp_slice_t){0},
                  "a slot of WATERMARK is damaged; the other one says the same");
    const char *directory = self->config->directory;
    fsp_status_t status = fsp_identity_read(directory, local, &self->identity, error);
    if (status == FSP_NOT_FOUND && self->fault_count == 0 && is_empty(self, FSP_FAMILY_LOG) &&
        is_empty(self, FSP_FAMILY_STATE) && is_empty(self, FSP_FAMILY_OBJECT))
        return status;
    self->identified = status == FSP_OK;
    if (self->identified)
        status = fsp_identity_check_recovery(directory, local, &self->identity, error);
    if (self->identified && status == FSP_OK)
        status = check_keyring(self, error);
    if (status == FSP_NOT_FOUND)
        add_fault(self, "identity", (fsp_slice_t){0}, "the genesis record is missing");
    else if (status != FSP_OK)
        add_fault(self, "identity", (fsp_slice_t){0}, error->text);
    return FSP_OK;
}

static void
check_log(storecheck_t *self)
{
    const fsp_watermark_t *mark = fsp_readonly_watermark(self->store);
    self->replica = (fsp_replica_config_t){
        .shard = home,
        .self = {.node_id = self->identity.node_id,
                 .replica = FSP_HOME_REPLICA,
                 .store_id = self->identity.store_id},
        .cache_bytes_max = 1024 * 1024,
        .watermark = fsp_watermark_index(mark, home.shard, FSP_HOME_REPLICA),
        .clean = mark->clean,
    };
    self->replica.base = fsp_raft_conf_single(&self->replica.self);
    fsp_log_audit(&self->replica, fsp_readonly_view(self->store, FSP_FAMILY_LOG),
                  fsp_readonly_view(self->store, FSP_FAMILY_STATE), on_fault, self, &self->log);
    self->applied = self->log.applied;
}

static void
on_segment_fault(void *context, fsp_slice_t key, const char *words)
{
    add_fault(context, "segment", key, words);
}

/* A quick look compares rows with sizes of files; the bytes of objects are read later, by their
   rows (check_objects). */
static void
check_segments(storecheck_t *self)
{
    self->segments = (fsp_segcheck_t){
        .depth = self->config->quick ? FSP_SEGCHECK_ROWS : FSP_SEGCHECK_HEADS,
        .fault = on_segment_fault,
        .context = self,
    };
    fsp_readonly_segments(self->store, &self->segments);
}

/* The state as it lies there, and again with the entries that it lacks. */
static void
check_state(storecheck_t *self)
{
    uint64_t before = self->fault_count;
    fsp_audit_state(self->log.shard, fsp_overlay_view(self->state), on_state_fault, self,
                    &self->counts);
    if (self->fault_count > before || !self->log.sound || self->log.applied == self->log.last)
        return;
    if (fsp_log_replay(&self->replica, fsp_readonly_view(self->store, FSP_FAMILY_LOG), &self->log,
                       self->state, REPLAY_BYTES_MAX, on_fault, self, &self->applied)) {
        self->counts = (fsp_audit_counts_t){0};
        fsp_audit_state(self->log.shard, fsp_overlay_view(self->state), on_state_fault, self,
                        &self->counts);
    }
}

static bool
unwrap(const storecheck_t *self, const char *context, fsp_slice_t wrapped, fsp_secret_t *ret)
{
    fsp_buf_t plain;
    fsp_buf_init(&plain, FSP_WRAPPED_BYTES_MAX);
    fsp_status_t status = fsp_unwrap(&self->identity.mesh_key, context, wrapped, &plain);
    bool done = status == FSP_OK && plain.bytes == sizeof(ret->bytes);
    if (done)
        memcpy(ret->bytes, plain.data, sizeof(ret->bytes));
    if (plain.data)
        fsp_wipe(plain.data, plain.bytes);
    fsp_buf_clear(&plain);
    return done;
}

static void
check_space(storecheck_t *self, fsp_space_id_t space_id, const fsp_space_row_t *space)
{
    FSP_AUTO(fsp_secret_wipe) fsp_secret_t secret = {0};
    fsp_space_keys_t *keys = fsp_space_keys_new();
    char context[FSP_WRAP_CONTEXT_BYTES];
    for (size_t i = 0; i < space->key_count; i++) {
        fsp_wrap_context(FSP_WRAP_SPACE_KEY, space_id, space->keys[i].generation, context);
        if (!unwrap(self, context, space->keys[i].wrapped, &secret))
            add_fault(self, "key", FSP_SLICE_OF(space_id),
                      "a key of the space does not open with the mesh key");
        else if (!fsp_space_keys_get(keys, space->keys[i].generation))
            fsp_space_keys_add(keys, space->keys[i].generation, &secret);
    }
    fsp_wrap_context(FSP_WRAP_CUT_KEY, space_id, 0, context);
    if (!unwrap(self, context, space->wrapped_cut_key, &secret))
        add_fault(self, "key", FSP_SLICE_OF(space_id),
                  "the cut key of the space does not open with the mesh key");
    const fsp_chunk_params_t params = {space->chunk_bytes_min, space->chunk_bytes_avg,
                                       space->chunk_bytes_max};
    if (!fsp_chunk_params_valid(&params))
        add_fault(self, "space", FSP_SLICE_OF(space_id), "no chunk lengths");
    self->proof.space_id = space_id;
    self->proof.keys = keys;
    fsp_proof_space(&self->proof, self->log.shard, fsp_overlay_view(self->state));
    self->proof.keys = NULL;
    fsp_space_keys_destroy(&keys);
}

static void
check_spaces(storecheck_t *self)
{
    fsp_row_key_t from = fsp_row_key(self->log.shard, FSP_TABLE_SPACE, (fsp_space_id_t){0});
    from.used -= sizeof(fsp_space_id_t);
    fsp_row_key_t to = from;
    fsp_row_key_to_prefix_end(&to);
    fsp_cursor_t *cursor = fsp_view_scan(fsp_overlay_view(self->state), fsp_row_key_slice(&from),
                                         fsp_row_key_slice(&to));
    for (; cursor->valid; fsp_cursor_next(cursor)) {
        fsp_space_row_t space;
        fsp_space_id_t space_id;
        if (cursor->key.bytes != FSP_ROW_PREFIX_BYTES ||
            fsp_space_row_decode(cursor->value, &space) != FSP_OK)
            continue; /* reported with the state */
        if (space.access.state >= FSP_LIFE_DROPPING)
            continue; /* its keys are gone, so that nothing of it can be read: by design */
        memcpy(space_id.bytes, cursor->key.data + from.used, sizeof(space_id.bytes));
        check_space(self, space_id, &space);
    }
    fsp_cursor_destroy(&cursor);
}

static fsp_status_t
read_bytes(void *context, fsp_family_t family, fsp_slice_t key, fsp_blob_t **ret_blob)
{
    storecheck_t *self = context;
    return fsp_readonly_bytes(self->store, family, key, ret_blob);
}

static void
check_objects(storecheck_t *self)
{
    fsp_proof_init(&self->proof, SEEN_BYTES_MAX);
    self->proof.objects = fsp_readonly_view(self->store, FSP_FAMILY_OBJECT);
    self->proof.slot_bits = self->identity.slot_bits;
    self->proof.read = read_bytes;
    self->proof.fault = on_fault;
    self->proof.context = self;
    self->proof.quick = self->config->quick;
    check_spaces(self);
    fsp_view_t *bytes = fsp_readonly_view(self->store, FSP_FAMILY_BYTES);
    fsp_proof_rows(&self->proof, self->config->quick ? NULL : bytes);
}

static fsp_status_t
check_all(storecheck_t *self, fsp_error_t *error)
{
    self->state = fsp_overlay_new(fsp_readonly_view(self->store, FSP_FAMILY_STATE));
    fsp_status_t status = check_local(self, error);
    if (status != FSP_OK)
        return status;
    if (self->identified)
        check_log(self);
    check_state(self);
    check_segments(self);
    if (self->identified)
        check_objects(self);
    return FSP_OK;
}

/* -- run --------------------------------------------------------------------------------------- */

static int
print_error(storecheck_t *self, fsp_status_t status, const char *words)
{
    const fsp_error_info_t *info = fsp_error_info(status);
    if (self->config->json) {
        fsp_json_t json;
        fsp_json_init(&json, &self->line);
        fsp_json_object(&json, NULL);
        fsp_json_text(&json, "type", "error");
        fsp_json_uint(&json, "code", info->code);
        fsp_json_text(&json, "error", info->symbol);
        fsp_json_text(&json, "message", words);
        fsp_json_object_end(&json);
        print_line(self);
    } else {
        (void)fprintf(stderr, "filesphered: %s\n", words);
    }
    return info->exit_code;
}

int
fsp_storecheck_run(const fsp_storecheck_config_t *config)
{
    FSP_PRE(config != NULL);
    FSP_PRE(config->directory != NULL);
    storecheck_t *self = FSP_NEW(storecheck_t);
    self->config = config;
    self->log.shard = home; /* until the log is read */
    fsp_buf_init(&self->line, LINE_BYTES_MAX);
    fsp_error_t error = {.text = ""};
    int code = 0;
    fsp_status_t status = fsp_readonly_open(config->directory, LOCK_WAIT_US, &self->store, &error);
    if (status == FSP_OK)
        status = check_all(self, &error);
    else if (status == FSP_DAMAGED)
        add_fault(self, "store", (fsp_slice_t){0}, error.text);
    if (status == FSP_OK || status == FSP_DAMAGED) {
        if (config->json)
            print_result_json(self);
        else
            print_result_text(self);
        code = self->fault_count > 0 ? fsp_error_info(FSP_DAMAGED)->exit_code : 0;
    } else {
        code = print_error(self, status, error.text);
    }
    fsp_proof_clear(&self->proof);
    fsp_overlay_destroy(&self->state);
    fsp_readonly_close(&self->store);
    fsp_identity_wipe(&self->identity);
    fsp_buf_clear(&self->line);
    fsp_free(self);
    return fflush(stdout) == 0 || code != 0 ? code : 1;
}
