/* SPDX-License-Identifier: MIT */
/* identity - what makes a data directory this node of this mesh.  Layer actors.
 *
 *   DIR/node.keys       0600  canonical array [1, store id, signing seed, CURVE secret, sealing
 * secret] DIR/recovery-code   0600  text (core/crypto/keys), made once; move it off the machine
 *   DIR/admin.profile   0600  JSON (proto/json): how the admin's client finds and trusts this node;
 * before the node has an address it lies in DIR/admin.profile.init database, LOCAL: "genesis" the
 * genesis record, "kek.gateway" mesh key sealed to the sealing key, "kek.recovery" mesh key wrapped
 * under the recovery code
 *
 * genesis = canonical array [1, time, slot bits, signing public key, admin's public key, 32 random
 * octets]; mesh id = its SHA-256.  The genesis row is written last: until it is there,
 * initialisation starts again and takes over what it finds, so a crash in the middle leaves nothing
 * to clean up.
 */
#ifndef FSP_ACTORS_IDENTITY_H
#define FSP_ACTORS_IDENTITY_H
#include "core/crypto/keys.h"
#include "proto/json.h"
#include "store/store.h"

/* What keys of a space are wrapped for, under the mesh key. */
#define FSP_WRAP_SPACE_KEY "fsp space key v1"
#define FSP_WRAP_CUT_KEY "fsp cut key v1"

typedef struct {
    fsp_mesh_id_t mesh_id;
    fsp_node_id_t node_id;
    fsp_store_id_t store_id;
    fsp_sign_key_t sign_key;
    fsp_box_key_t curve_key;
    fsp_box_key_t sealing_key;
    fsp_secret_t mesh_key; /* key-encryption key, generation 1 */
    uint8_t admin_public_key[32];
    unsigned slot_bits;
    bool fresh; /* made just now */
} fsp_identity_t;

/* Reads the identity, or makes it in a directory that has none.  FORBIDDEN if a key file is
   readable by others, DAMAGED if keys and database do not belong together; always with words. */
FSP_MUST_CHECK fsp_status_t fsp_identity_open(const char *directory, fsp_store_t *store,
                                              fsp_identity_t *ret, fsp_error_t *error);
/* Reads the identity and makes nothing: NOT_FOUND if there is none yet. */
FSP_MUST_CHECK fsp_status_t fsp_identity_read(const char *directory, fsp_view_t *local,
                                              fsp_identity_t *ret, fsp_error_t *error);
/* Does DIR/recovery-code, if it is still there, open the mesh key that lies in the database for it?
 * DAMAGED. */
FSP_MUST_CHECK fsp_status_t fsp_identity_check_recovery(const char *directory, fsp_view_t *local,
                                                        const fsp_identity_t *self,
                                                        fsp_error_t *error);
/* Overwrites the secrets. */
void fsp_identity_wipe(fsp_identity_t *self);
/* Puts the node's address into DIR/admin.profile if it is still there (it may have been moved off
 * the machine). */
FSP_MUST_CHECK fsp_status_t fsp_identity_publish(const char *directory, const fsp_identity_t *self,
                                                 const char *endpoint, fsp_error_t *error);
#endif
