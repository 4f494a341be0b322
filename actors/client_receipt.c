/* SPDX-License-Identifier: MIT */
/* client_receipt - reads and verifies receipts, offline.  Layer actors. */
#include "actors/filesphere.h"
#include "core/base/canon.h"
#include "core/data/receipt.h"
#include "proto/errors.h"

static_assert((int)FILESPHERE_RECEIPT_MAX == (int)FSP_RECEIPT_BYTES_MAX, "one bound");
static_assert((int)FILESPHERE_RECEIPT_CLASSES_MAX == (int)FSP_RECEIPT_CLASSES_MAX, "one bound");
static_assert((int)FILESPHERE_RECEIPT_NODES_MAX == (int)FSP_RECEIPT_NODES_MAX, "one bound");

filesphere_code_t
filesphere_receipt_verify(const void *bytes, size_t size, const uint8_t *node_key,
                          filesphere_receipt_t *ret)
{
    fsp_receipt_t receipt;
    fsp_status_t status = fsp_receipt_verify(fsp_slice(bytes, size), &receipt);
    if (status == FSP_OK && node_key &&
        memcmp(node_key, receipt.node_key, sizeof(receipt.node_key)) != 0)
        status = FSP_DAMAGED;
    if (status != FSP_OK)
        return fsp_error_info(status)->code;
    memset(ret, 0, sizeof(*ret));
    memcpy(ret->version_id, receipt.version_id.bytes, 32);
    memcpy(ret->content_root, receipt.content_root.bytes, 32);
    memcpy(ret->sha256, receipt.sha256.bytes, 32);
    ret->durable_copies = receipt.durable_copies;
    ret->wanted_copies = receipt.wanted_copies;
    ret->class_count = receipt.class_count;
    for (size_t i = 0; i < receipt.class_count; i++) {
        ret->classes[i].kind = (unsigned)receipt.classes[i].kind;
        ret->classes[i].count = receipt.classes[i].count;
        ret->classes[i].node_count = receipt.classes[i].node_count;
        ret->classes[i].zones = receipt.classes[i].zone_count;
        for (size_t n = 0; n < receipt.classes[i].node_count; n++)
            memcpy(ret->classes[i].nodes[n], receipt.classes[i].nodes[n].bytes, 32);
    }
    ret->change = receipt.change;
    ret->issued_us = receipt.issued;
    memcpy(ret->node_id, receipt.node_id.bytes, 32);
    memcpy(ret->node_key, receipt.node_key, 32);
    /* The signature is the last 64 bytes of what was just verified. */
    memcpy(ret->signature, (const uint8_t *)bytes + size - FSP_SIGNATURE_BYTES,
           FSP_SIGNATURE_BYTES);
    return FILESPHERE_OK;
}
