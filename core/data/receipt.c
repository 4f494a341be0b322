/* SPDX-License-Identifier: MIT */
/* receipt - a node's signed word on where a version was durable.  Layer core/data.  Pure.
 *
 * How to change: raise FORMAT, keep reading the older one, add golden bytes (tests/vectors).
 */
#include "core/data/receipt.h"

#include "core/base/canon.h"
#include "core/base/check.h"

enum { FORMAT = 1, BODY_FIELDS = 11, CLASS_FIELDS = 4 };
static const char CONTEXT[] = "fsp receipt v1";

static void
encode_body(const fsp_receipt_t *receipt, const fsp_sign_key_t *key, fsp_buf_t *buf)
{
    FSP_PRE(receipt->class_count <= FSP_RECEIPT_CLASSES_MAX);
    fsp_canon_array(buf, BODY_FIELDS);
    fsp_canon_uint(buf, FORMAT);
    fsp_canon_id(buf, receipt->version_id);
    fsp_canon_id(buf, receipt->content_root);
    fsp_canon_id(buf, receipt->sha256);
    fsp_canon_uint(buf, receipt->durable_copies);
    fsp_canon_uint(buf, receipt->wanted_copies);
    fsp_canon_array(buf, receipt->class_count);
    for (size_t i = 0; i < receipt->class_count; i++) {
        const fsp_receipt_class_t *class = &receipt->classes[i];
        FSP_PRE(class->node_count <= FSP_RECEIPT_NODES_MAX);
        fsp_canon_array(buf, CLASS_FIELDS);
        fsp_canon_uint(buf, class->kind);
        fsp_canon_uint(buf, class->count);
        fsp_canon_array(buf, class->node_count);
        for (size_t n = 0; n < class->node_count; n++)
            fsp_canon_id(buf, class->nodes[n]);
        fsp_canon_uint(buf, class->zone_count);
    }
    fsp_canon_uint(buf, receipt->change);
    fsp_canon_uint(buf, receipt->issued);
    fsp_node_id_t node_id = fsp_node_id_of(key->public_key);
    fsp_canon_id(buf, node_id);
    fsp_canon_bin(buf, fsp_slice(key->public_key, sizeof(key->public_key)));
}

/* What is signed: the context keeps a receipt from being taken for any other signed record. */
static void
append_signed(fsp_slice_t body, fsp_buf_t *buf)
{
    fsp_buf_append(buf, CONTEXT, sizeof(CONTEXT) - 1);
    fsp_buf_append_slice(buf, body);
}

void
fsp_receipt_sign(const fsp_receipt_t *receipt, const fsp_sign_key_t *key, fsp_buf_t *buf)
{
    fsp_buf_t body, message;
    fsp_buf_init(&body, FSP_RECEIPT_BYTES_MAX);
    fsp_buf_init(&message, FSP_RECEIPT_BYTES_MAX + sizeof(CONTEXT));
    encode_body(receipt, key, &body);
    append_signed(fsp_buf_slice(&body), &message);
    FSP_ASSERT(fsp_buf_ok(&body) && fsp_buf_ok(&message));
    uint8_t signature[FSP_SIGNATURE_BYTES];
    fsp_sign(key, fsp_buf_slice(&message), signature);
    fsp_canon_array(buf, 2);
    fsp_canon_bin(buf, fsp_buf_slice(&body));
    fsp_canon_bin(buf, fsp_slice(signature, sizeof(signature)));
    fsp_buf_clear(&body);
    fsp_buf_clear(&message);
}

static void
decode_class(fsp_canon_t *reader, fsp_receipt_class_t *ret)
{
    (void)fsp_canon_read_array(reader, CLASS_FIELDS, CLASS_FIELDS);
    ret->kind = (fsp_object_kind_t)fsp_canon_read_uint(reader, FSP_OBJECT_ATTR);
    ret->count = fsp_canon_read_uint(reader, UINT64_MAX);
    ret->node_count = fsp_canon_read_array(reader, 0, FSP_RECEIPT_NODES_MAX);
    for (size_t i = 0; i < ret->node_count; i++)
        fsp_canon_read_id(reader, &ret->nodes[i]);
    ret->zone_count = (uint32_t)fsp_canon_read_uint(reader, UINT32_MAX);
    if (ret->kind < FSP_OBJECT_CHUNK)
        fsp_canon_fail(reader, FSP_INVALID);
    for (size_t i = 1; i < ret->node_count; i++) /* ascending: each node once */
        if (fsp_node_id_cmp(ret->nodes[i - 1], ret->nodes[i]) >= 0)
            fsp_canon_fail(reader, FSP_INVALID);
}

static fsp_status_t
decode_body(fsp_slice_t body, fsp_receipt_t *ret)
{
    fsp_canon_t reader = fsp_canon_reader(body);
    size_t fields = fsp_canon_read_array(&reader, 1, 64); /* a newer format may have more */
    uint64_t format = fsp_canon_read_uint(&reader, UINT32_MAX);
    if (format != FORMAT)
        fsp_canon_fail(&reader, format > FORMAT ? FSP_UNSUPPORTED : FSP_INVALID);
    else if (fields != BODY_FIELDS)
        fsp_canon_fail(&reader, FSP_INVALID);
    fsp_canon_read_id(&reader, &ret->version_id);
    fsp_canon_read_id(&reader, &ret->content_root);
    fsp_canon_read_id(&reader, &ret->sha256);
    ret->durable_copies = (uint32_t)fsp_canon_read_uint(&reader, UINT32_MAX);
    ret->wanted_copies = (uint32_t)fsp_canon_read_uint(&reader, UINT32_MAX);
    ret->class_count = fsp_canon_read_array(&reader, 0, FSP_RECEIPT_CLASSES_MAX);
    for (size_t i = 0; i < ret->class_count; i++) {
        decode_class(&reader, &ret->classes[i]);
        if (i > 0 && ret->classes[i].kind <= ret->classes[i - 1].kind)
            fsp_canon_fail(&reader, FSP_INVALID);
    }
    if (ret->durable_copies > ret->wanted_copies)
        fsp_canon_fail(&reader, FSP_INVALID);
    ret->change = fsp_canon_read_uint(&reader, UINT64_MAX);
    ret->issued = fsp_canon_read_uint(&reader, UINT64_MAX);
    fsp_canon_read_id(&reader, &ret->node_id);
    fsp_canon_read_fixed(&reader, ret->node_key, sizeof(ret->node_key));
    return fsp_canon_finish(&reader);
}

fsp_status_t
fsp_receipt_verify(fsp_slice_t bytes, fsp_receipt_t *ret)
{
    if (bytes.bytes > FSP_RECEIPT_BYTES_MAX)
        return FSP_INVALID;
    uint8_t signature[FSP_SIGNATURE_BYTES];
    fsp_canon_t reader = fsp_canon_reader(bytes);
    (void)fsp_canon_read_array(&reader, 2, 2);
    fsp_slice_t body = fsp_canon_read_bin(&reader, FSP_RECEIPT_BYTES_MAX);
    fsp_canon_read_fixed(&reader, signature, sizeof(signature));
    fsp_receipt_t receipt;
    memset(&receipt, 0, sizeof(receipt));
    if (fsp_canon_finish(&reader) != FSP_OK)
        return FSP_INVALID;
    fsp_status_t status = decode_body(body, &receipt);
    if (status != FSP_OK)
        return status == FSP_UNSUPPORTED ? FSP_UNSUPPORTED : FSP_INVALID;
    fsp_buf_t message;
    fsp_buf_init(&message, FSP_RECEIPT_BYTES_MAX + sizeof(CONTEXT));
    append_signed(body, &message);
    bool good = fsp_node_id_eq(receipt.node_id, fsp_node_id_of(receipt.node_key)) &&
                fsp_verify(receipt.node_key, fsp_buf_slice(&message), signature);
    fsp_buf_clear(&message);
    if (!good)
        return FSP_DAMAGED;
    *ret = receipt;
    return FSP_OK;
}
