/* SPDX-License-Identifier: MIT */
/* receipt - a node's signed word on where a version was durable.  Layer core/data.  Pure.
 *
 *   body    = canonical array [1, version id, content root, sha256, w, r,
 *                              [[kind, count, [node id, ...], zones], ...], change number, issued,
 * node id, node key] receipt = canonical array [bin body, bin signature]
 *
 * Classes ascend by kind, nodes by id; w <= r.  The signature is Ed25519 over "fsp receipt v1" ||
 * body.  It is a statement about the instant `issued`: w of r wanted copies of every object were on
 * stable storage.  Whoever knows the node key (it is in the profile) verifies it offline.
 */
#ifndef FSP_CORE_DATA_RECEIPT_H
#define FSP_CORE_DATA_RECEIPT_H
#include "core/crypto/keys.h"
#include "core/data/object.h"

enum { FSP_RECEIPT_CLASSES_MAX = 4, FSP_RECEIPT_NODES_MAX = 16, FSP_RECEIPT_BYTES_MAX = 4096 };

/* Objects of one kind: how many, and the nodes and zones that held copies. */
typedef struct {
    fsp_object_kind_t kind;
    uint64_t count;
    fsp_node_id_t nodes[FSP_RECEIPT_NODES_MAX];
    size_t node_count;
    uint32_t zone_count;
} fsp_receipt_class_t;

typedef struct {
    fsp_version_id_t version_id;
    fsp_key_t content_root;
    fsp_hash_t sha256;
    uint32_t durable_copies, wanted_copies; /* w of r */
    fsp_receipt_class_t classes[FSP_RECEIPT_CLASSES_MAX];
    size_t class_count;
    uint64_t change;       /* the space's change number */
    fsp_time_t issued;     /* microseconds since 1970 */
    fsp_node_id_t node_id; /* who says so: SHA-256 of node_key */
    uint8_t node_key[32];  /* Ed25519 */
} fsp_receipt_t;

/* Appends the signed receipt; node_id and node_key are taken from key. */
void fsp_receipt_sign(const fsp_receipt_t *receipt, const fsp_sign_key_t *key, fsp_buf_t *buf);
/* Reads it and checks the signature by the key that it names: INVALID if it is no receipt,
   UNSUPPORTED if it is of a newer format, DAMAGED if the signature does not fit or node id and key
   do not.  Whether that key is the right one is the caller's question (node_key). */
FSP_MUST_CHECK fsp_status_t fsp_receipt_verify(fsp_slice_t bytes, fsp_receipt_t *ret);
#endif
