/* SPDX-License-Identifier: MIT */
/* keyring - the CURVE keys that may connect to this node.  Layer actors.
 *
 * The first is the admin's, which came with the mesh (genesis record); further ones lie in
 * DIR/client-keys (0600; docs/protocol/keys.md, section 9.1), which only the auth actor writes.
 * All of them stand for one subject, the admin's account, until there are accounts.
 */
#ifndef FSP_ACTORS_KEYRING_H
#define FSP_ACTORS_KEYRING_H
#include "core/base/buf.h"
#include "core/base/status.h"
#include "core/base/types.h"

enum {
    FSP_KEYRING_FURTHER_MAX = 256,
    FSP_KEYRING_NAME_BYTES_MAX = 63,
    FSP_KEYRING_FILE_BYTES_MAX = 32 * 1024,
};

typedef struct {
    fsp_key_t key;
    char name[FSP_KEYRING_NAME_BYTES_MAX + 1];
    fsp_time_t added; /* 0: it came with the mesh */
} fsp_keyring_item_t;

typedef struct {
    fsp_mesh_id_t mesh_id;
    size_t count; /* 0: nobody may connect */
    fsp_keyring_item_t
        items[1 + FSP_KEYRING_FURTHER_MAX]; /* the admin's, then as they were added */
} fsp_keyring_t;

/* The admin's key alone. */
void fsp_keyring_init(fsp_keyring_t *self, fsp_mesh_id_t mesh_id, const uint8_t admin_key[32]);
/* NULL if it is not there.  Takes the same time whichever it is. */
const fsp_keyring_item_t *fsp_keyring_find(const fsp_keyring_t *self, fsp_key_t key);
/* A name as it may stand in a profile: BAD_NAME.  A key that is there under this name stays as it
   is: OK.  EXISTS if the key has another name or the name another key, BUSY if there are too many,
   INVALID for a zero key. */
FSP_MUST_CHECK fsp_status_t fsp_keyring_add(fsp_keyring_t *self, fsp_key_t key, fsp_slice_t name,
                                            fsp_time_t added);
/* NOT_FOUND; FORBIDDEN for the admin's. */
FSP_MUST_CHECK fsp_status_t fsp_keyring_remove(fsp_keyring_t *self, fsp_key_t key);

/* The further keys as octets of the file.  Decoding adds to a ring of the admin's key alone:
   DAMAGED (also: of another mesh), FORMAT_NEWER. */
void fsp_keyring_encode(const fsp_keyring_t *self, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_keyring_decode(fsp_slice_t bytes, fsp_keyring_t *self);
/* Reads DIR/client-keys; OK if there is none.  FORBIDDEN if others can read it, DAMAGED,
   FORMAT_NEWER, IO; with words.  self: a ring of the admin's key alone. */
FSP_MUST_CHECK fsp_status_t fsp_keyring_load(const char *directory, fsp_keyring_t *self,
                                             fsp_error_t *error);
/* Writes it; it is durable on return.  After a failure the file is the old or the new one. */
FSP_MUST_CHECK fsp_status_t fsp_keyring_save(const char *directory, const fsp_keyring_t *self,
                                             fsp_error_t *error);
#endif
