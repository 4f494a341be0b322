/* SPDX-License-Identifier: MIT */
/* proof - is everything that versions refer to there, and right?  Layer core/data.  Pure. */
#include "core/data/proof.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/crypto/digest.h"
#include "core/data/details.h"
#include "core/data/proof_parts.h"
#include "core/data/tree.h"

#include <stdarg.h>
#include <stdio.h>

enum { LEVEL_ANY = FSP_TREE_DEPTH_MAX };

void
fsp_proof_init(fsp_proof_t *self, size_t bytes_max)
{
    FSP_PRE(self != NULL);
    *self = (fsp_proof_t){0};
    self->seen = fsp_keyset_new(bytes_max / 4 * 3);
    self->proved = fsp_keyset_new(bytes_max / 4);
}

void
fsp_proof_clear(fsp_proof_t *self)
{
    fsp_keyset_destroy(&self->seen);
    fsp_keyset_destroy(&self->proved);
}

void
fsp_proof_report(fsp_proof_t *self, const char *kind, fsp_slice_t key, const char *format, ...)
{
    self->faulty = true;
    fsp_fault_t fault = {.kind = kind,
                         .space_id = self->space_id,
                         .file_id = self->file_id,
                         .number = self->number,
                         .key = key};
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(fault.what, sizeof(fault.what), format, arguments);
    va_end(arguments);
    self->fault(self->context, &fault);
}

/* -- one object -------------------------------------------------------------------------------- */

fsp_key_t
fsp_proof_seen_key(const fsp_proof_t *self, fsp_key_t key)
{
    for (size_t i = 0; i < sizeof(self->space_id.bytes); i++)
        key.bytes[i] ^= self->space_id.bytes[i];
    return key;
}

/* The row of the object, of this kind and length (0: any). */
static bool
find_row(fsp_proof_t *self, fsp_key_t key, fsp_object_kind_t kind, uint64_t object_bytes,
         fsp_object_row_t *ret)
{
    fsp_buf_t row_key, value;
    fsp_buf_init(&row_key, FSP_ROW_KEY_BYTES_MAX);
    fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
    fsp_object_row_key(self->slot_bits, self->space_id, key, FSP_PROOF_SUFFIX_ROW, &row_key);
    fsp_status_t status = fsp_view_get(self->objects, fsp_buf_slice(&row_key), &value);
    const char *fault = status == FSP_NOT_FOUND ? "object-missing" : "object-row";
    if (status == FSP_OK)
        status = fsp_object_row_decode(fsp_buf_slice(&value), ret);
    fsp_buf_clear(&row_key);
    fsp_buf_clear(&value);
    if (status != FSP_OK) {
        fsp_proof_report(self, fault, FSP_SLICE_OF(key), "row of the object: %s",
                         status == FSP_NOT_FOUND ? "not there" : fsp_status_text(status));
        return false;
    }
    return fsp_proof_row(self, key, kind, object_bytes, ret);
}

bool
fsp_proof_row(fsp_proof_t *self, fsp_key_t key, fsp_object_kind_t kind, uint64_t object_bytes,
              const fsp_object_row_t *row)
{
    fsp_hash_t name = fsp_sha256(fsp_slice(row->head, FSP_OBJECT_HEAD_BYTES));
    uint64_t bytes = FSP_OBJECT_HEADER_BYTES + row->open_bytes + row->sealed_bytes;
    if (memcmp(name.bytes, key.bytes, sizeof(name.bytes)) != 0)
        fsp_proof_report(self, "object-row", FSP_SLICE_OF(key), "the row has the head of another");
    else if (row->kind != kind)
        fsp_proof_report(self, "object-row", FSP_SLICE_OF(key), "is of kind %d, not %d",
                         (int)row->kind, (int)kind);
    else if (object_bytes != 0 && bytes != object_bytes)
        fsp_proof_report(self, "object-row", FSP_SLICE_OF(key), "has %llu bytes, not %llu",
                         (unsigned long long)bytes, (unsigned long long)object_bytes);
    else
        return true;
    return false;
}

static bool
read_object(fsp_proof_t *self, fsp_key_t key, const fsp_object_row_t *row, fsp_blob_t **ret)
{
    fsp_buf_t bytes_key;
    fsp_buf_init(&bytes_key, FSP_ROW_KEY_BYTES_MAX);
    uint8_t suffix =
        row->family == FSP_FAMILY_OBJECT ? FSP_PROOF_SUFFIX_BYTES : FSP_PROOF_SUFFIX_ROW;
    fsp_object_row_key(self->slot_bits, self->space_id, key, suffix, &bytes_key);
    fsp_status_t status = self->read(self->context, row->family, fsp_buf_slice(&bytes_key), ret);
    fsp_buf_clear(&bytes_key);
    if (status != FSP_OK) {
        fsp_proof_report(self, "object-bytes", FSP_SLICE_OF(key), "bytes of the object: %s",
                         status == FSP_NOT_FOUND ? "not there" : fsp_status_text(status));
        return false;
    }
    uint64_t wanted = FSP_OBJECT_HEADER_BYTES + row->open_bytes + row->sealed_bytes;
    if (fsp_blob_bytes(*ret) == wanted)
        return true;
    fsp_proof_report(self, "object-bytes", FSP_SLICE_OF(key), "%zu bytes are there, not %llu",
                     fsp_blob_bytes(*ret), (unsigned long long)wanted);
    fsp_blob_destroy(ret);
    return false;
}

bool
fsp_proof_name(fsp_proof_t *self, fsp_key_t key, const fsp_object_row_t *row, fsp_blob_t **ret)
{
    fsp_key_t name;
    uint8_t head[FSP_OBJECT_HEAD_BYTES];
    if (!read_object(self, key, row, ret))
        return false;
    fsp_status_t status = fsp_object_name(fsp_blob_slice(*ret), &name, head);
    if (status == FSP_OK && fsp_key_eq(name, key) && memcmp(head, row->head, sizeof(head)) == 0)
        return true;
    fsp_proof_report(self, "object-name", FSP_SLICE_OF(key),
                     "the bytes of the object do not have its name");
    fsp_blob_destroy(ret);
    return false;
}

/* Everything about an object: row, bytes, name (the first time), and opening.  *ret_object and what
 *ret_open borrows from it live until the caller ends it; in a quick proof chunks are not read and
 *ret_plain stays NULL. */
static bool
open_object(fsp_proof_t *self, fsp_key_t key, fsp_object_kind_t kind, uint64_t object_bytes,
            fsp_blob_t **ret_object, fsp_slice_t *ret_open, fsp_blob_t **ret_plain)
{
    fsp_object_row_t row;
    bool first = fsp_keyset_add(self->seen, fsp_proof_seen_key(self, key));
    if (!find_row(self, key, kind, object_bytes, &row))
        return false;
    if (row.flags & FSP_OBJECT_SUSPECT)
        fsp_proof_report(self, "object-suspect", FSP_SLICE_OF(key), "a reader found it damaged");
    if (self->quick && kind == FSP_OBJECT_CHUNK)
        return true;
    if (first ? !fsp_proof_name(self, key, &row, ret_object)
              : !read_object(self, key, &row, ret_object))
        return false;
    fsp_slice_t bytes = fsp_blob_slice(*ret_object);
    *ret_open = fsp_slice(bytes.data + FSP_OBJECT_HEADER_BYTES, (size_t)row.open_bytes);
    size_t sealed_at = FSP_OBJECT_HEADER_BYTES + (size_t)row.open_bytes;
    fsp_status_t status =
        fsp_object_open(self->keys, key, row.head, *ret_open,
                        fsp_slice(bytes.data + sealed_at, bytes.bytes - sealed_at), ret_plain);
    if (status == FSP_OK)
        return true;
    fsp_proof_report(self, "object-open", FSP_SLICE_OF(key), "the object does not open: %s",
                     fsp_status_text(status));
    fsp_blob_destroy(ret_object);
    return false;
}

/* -- content ----------------------------------------------------------------------------------- */

typedef struct {
    fsp_sha256_t *sha256; /* of the plaintext so far */
    uint64_t bytes;
    uint64_t chunk_count;
    bool whole; /* nothing was left out */
} content_t;

/* digest: the child has one, by the tree that names it. */
static void
prove_chunk(fsp_proof_t *self, content_t *content, const fsp_child_t *child, bool digest)
{
    fsp_blob_t *object = NULL, *plain = NULL;
    fsp_slice_t open;
    content->chunk_count++;
    content->bytes += child->content_bytes;
    if (!open_object(self, child->key, FSP_OBJECT_CHUNK, child->object_bytes, &object, &open,
                     &plain)) {
        content->whole = false;
        return;
    }
    if (!plain) {
        content->whole = false; /* quick */
        return;
    }
    if (fsp_blob_bytes(plain) != child->content_bytes) {
        fsp_proof_report(self, "content", FSP_SLICE_OF(child->key),
                         "the chunk has %zu bytes, not %llu", fsp_blob_bytes(plain),
                         (unsigned long long)child->content_bytes);
        content->whole = false;
    } else if (digest) {
        fsp_hash_t hash = fsp_sha256(fsp_blob_slice(plain));
        if (!fsp_hash_eq(hash, child->digest))
            fsp_proof_report(self, "content", FSP_SLICE_OF(child->key),
                             "the chunk does not have the digest that its tree says");
    }
    fsp_sha256_update(content->sha256, fsp_blob_slice(plain));
    fsp_blob_destroy(&plain);
    fsp_blob_destroy(&object);
}

/* What is in node must fit what was said of it. */
static bool
node_fits(fsp_proof_t *self, fsp_key_t key, const fsp_tree_node_t *node, unsigned level,
          uint64_t content_bytes)
{
    uint64_t sum = 0; /* decoding saw to it that it does not overflow */
    for (size_t i = 0; i < node->count; i++)
        sum += node->children[i].content_bytes;
    if (sum == content_bytes && (level == LEVEL_ANY || node->level == level))
        return true;
    fsp_proof_report(self, "content", FSP_SLICE_OF(key),
                     "tree node of level %u with %llu bytes does not fit where it stands",
                     node->level, (unsigned long long)sum);
    return false;
}

static void
prove_node(fsp_proof_t *self, content_t *content, const fsp_child_t *place, unsigned level)
{
    fsp_blob_t *object = NULL, *plain = NULL;
    fsp_slice_t open;
    if (!open_object(self, place->key, FSP_OBJECT_TREE, place->object_bytes, &object, &open,
                     &plain)) {
        content->whole = false;
        return;
    }
    fsp_tree_node_t *node = FSP_NEW(fsp_tree_node_t);
    fsp_status_t status = fsp_tree_decode(open, fsp_blob_slice(plain), node);
    fsp_blob_destroy(&plain);
    fsp_blob_destroy(&object);
    if (status != FSP_OK) {
        fsp_proof_report(self, "content", FSP_SLICE_OF(place->key), "no tree node: %s",
                         fsp_status_text(status));
        content->whole = false;
    } else if (!node_fits(self, place->key, node, level, place->content_bytes)) {
        content->whole = false;
    } else {
        for (size_t i = 0; i < node->count; i++) {
            if (node->level == 0)
                prove_chunk(self, content, &node->children[i], true);
            else
                prove_node(self, content, &node->children[i], node->level - 1);
        }
    }
    fsp_free(node);
}

static void
prove_content(fsp_proof_t *self, const fsp_carrier_t *carrier, uint64_t size,
              const fsp_details_t *details)
{
    content_t content = {.sha256 = fsp_sha256_new(), .whole = true};
    const fsp_child_t root = {.key = carrier->root_key, .content_bytes = size};
    fsp_slice_t key = FSP_SLICE_OF(carrier->root_key);
    if (carrier->root_kind == FSP_ROOT_TREE) {
        prove_node(self, &content, &root, LEVEL_ANY);
    } else if (carrier->root_kind == FSP_ROOT_CHUNK) {
        prove_chunk(self, &content, &root, false);
    } else {
        fsp_blob_t *plain = NULL;
        fsp_status_t status = fsp_object_open_whole(self->keys, carrier->root_key,
                                                    carrier->inline_object, &plain, NULL);
        content.whole = status == FSP_OK && fsp_blob_bytes(plain) == size;
        if (!content.whole)
            fsp_proof_report(self, "content", key, "the inline object: %s",
                             status != FSP_OK ? fsp_status_text(status) : "another length");
        if (plain)
            fsp_sha256_update(content.sha256, fsp_blob_slice(plain));
        fsp_blob_destroy(&plain);
    }
    fsp_hash_t hash = fsp_sha256_finish(content.sha256);
    if (content.whole && !fsp_hash_eq(hash, details->sha256))
        fsp_proof_report(self, "content", key,
                         "the content does not have the SHA-256 of its details");
    if (content.whole && content.chunk_count != details->chunk_count)
        fsp_proof_report(self, "content", key, "%llu chunks, the details say %llu",
                         (unsigned long long)content.chunk_count,
                         (unsigned long long)details->chunk_count);
    fsp_sha256_destroy(&content.sha256);
}

/* What a proved content depends on. */
static fsp_key_t
content_key(const fsp_proof_t *self, const fsp_carrier_t *carrier, uint64_t size,
            const fsp_details_t *details)
{
    uint8_t numbers[17];
    fsp_store_u64(numbers, size);
    fsp_store_u64(numbers + 8, details->chunk_count);
    numbers[16] = (uint8_t)carrier->root_kind;
    const fsp_slice_t pieces[] = {FSP_SLICE_OF(self->space_id), FSP_SLICE_OF(carrier->root_key),
                                  FSP_SLICE_OF(details->sha256), fsp_slice(numbers, 17)};
    fsp_hash_t hash = fsp_sha256_pieces(pieces, sizeof(pieces) / sizeof(pieces[0]));
    fsp_key_t key;
    memcpy(key.bytes, hash.bytes, sizeof(key.bytes));
    return key;
}

/* Opens a sealed record that lies in a row, under the name it has. */
static bool
open_record(fsp_proof_t *self, const char *kind, fsp_object_kind_t wanted, fsp_slice_t object,
            fsp_blob_t **ret_plain)
{
    fsp_key_t key = {{0}};
    fsp_object_header_t header;
    fsp_status_t status = fsp_object_name(object, &key, NULL);
    if (status == FSP_OK)
        status = fsp_object_header_decode(object, &header);
    if (status == FSP_OK && header.kind != wanted)
        status = FSP_DAMAGED;
    if (status == FSP_OK)
        status = fsp_object_open_whole(self->keys, key, object, ret_plain, NULL);
    if (status != FSP_OK)
        fsp_proof_report(self, kind, FSP_SLICE_OF(key), "does not open: %s",
                         fsp_status_text(status));
    return status == FSP_OK;
}

void
fsp_proof_version(fsp_proof_t *self, fsp_slice_t carrier_bytes, uint64_t size)
{
    FSP_PRE(self != NULL);
    fsp_carrier_t carrier;
    fsp_blob_t *plain = NULL;
    self->contents++;
    if (fsp_carrier_decode(carrier_bytes, &carrier) != FSP_OK)
        return; /* the audit of the state says so */
    if (!open_record(self, "details", FSP_OBJECT_DETAILS, carrier.sealed_part, &plain))
        return;
    fsp_details_t details;
    if (fsp_details_decode(fsp_blob_slice(plain), &details) != FSP_OK) {
        fsp_proof_report(self, "details", (fsp_slice_t){0}, "the details do not decode");
    } else {
        fsp_key_t key = content_key(self, &carrier, size, &details);
        if (!fsp_keyset_has(self->proved, key)) {
            bool before = self->faulty;
            self->faulty = false;
            prove_content(self, &carrier, size, &details);
            if (!self->faulty)
                (void)fsp_keyset_add(self->proved, key);
            self->faulty |= before;
        }
    }
    fsp_blob_destroy(&plain);
}

void
fsp_proof_attr(fsp_proof_t *self, fsp_slice_t attr)
{
    FSP_PRE(self != NULL);
    fsp_blob_t *plain = NULL;
    fsp_attr_t decoded;
    if (!open_record(self, "attr", FSP_OBJECT_ATTR, attr, &plain))
        return;
    if (fsp_attr_decode(fsp_blob_slice(plain), &decoded) != FSP_OK)
        fsp_proof_report(self, "attr", (fsp_slice_t){0}, "the attributes do not decode");
    fsp_blob_destroy(&plain);
}

/* The midstate of an upload of one root, which is what this program makes. */
static void
prove_midstate(fsp_proof_t *self, const fsp_upload_info_t *upload, const fsp_upload_root_t *root,
               const content_t *content)
{
    fsp_blob_t *plain = NULL;
    fsp_midstate_t midstate;
    if (!open_record(self, "upload", FSP_OBJECT_DETAILS, upload->midstate, &plain))
        return;
    fsp_slice_t key = FSP_SLICE_OF(root->key);
    fsp_status_t status = fsp_midstate_decode(fsp_blob_slice(plain), &midstate);
    fsp_blob_destroy(&plain);
    if (status != FSP_OK || midstate.offset != upload->offset || midstate.root_kind != root->kind ||
        !fsp_key_eq(midstate.root_key, root->key)) {
        fsp_proof_report(self, "upload", key, "the midstate is not that of the root beside it");
        return;
    }
    if (!content->whole)
        return;
    fsp_sha256_state_t hash;
    fsp_sha256_save(content->sha256, &hash);
    if (midstate.chunk_count != content->chunk_count ||
        (midstate.hashed && memcmp(&midstate.hash, &hash, sizeof(hash)) != 0))
        fsp_proof_report(self, "upload", key, "the midstate is not that of the content");
}

void
fsp_proof_upload(fsp_proof_t *self, const fsp_upload_info_t *upload)
{
    FSP_PRE(self != NULL);
    FSP_PRE(upload != NULL);
    content_t content = {.sha256 = fsp_sha256_new(), .whole = true};
    fsp_canon_t roots = fsp_canon_reader(upload->roots);
    fsp_upload_root_t root = {.bytes = 0};
    for (size_t i = 0; i < upload->root_count; i++) {
        fsp_upload_root_read(&roots, &root);
        if (roots.status != FSP_OK)
            break; /* the audit of the state says so */
        const fsp_child_t child = {.key = root.key, .content_bytes = root.bytes};
        if (root.kind == FSP_ROOT_TREE)
            prove_node(self, &content, &child, LEVEL_ANY);
        else
            prove_chunk(self, &content, &child, false);
    }
    const fsp_child_t tail = {.key = upload->tail, .content_bytes = upload->tail_bytes};
    if (upload->tail_bytes > 0)
        prove_chunk(self, &content, &tail, false);
    else if (upload->root_count == 1 && roots.status == FSP_OK)
        prove_midstate(self, upload, &root, &content);
    fsp_sha256_destroy(&content.sha256);
}
