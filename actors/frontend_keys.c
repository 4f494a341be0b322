/* SPDX-License-Identifier: MIT */
/* frontend_keys - client keys: KEY_ADD, KEY_LIST, KEY_REMOVE.  Layer actors.
 *
 * The auth actor keeps them and makes changes durable; what it answers is carried out here, too,
 * whether the call that asked is still there or not.  libzmq cannot end one connection, so that of
 * a removed key lives on as long as its client wants, but nothing of it is served.
 */
#include "actors/frontend.h"

#include "core/base/check.h"
#include "core/crypto/digest.h"

#include <utlist.h>

/* -- requests ---------------------------------------------------------------------------------- */

static void
list_keys(fsp_frontend_t *self, fsp_call_t *call)
{
    const fsp_keyring_t *keyring = &self->args->keyring;
    fsp_buf_reset(&self->scratch2);
    for (size_t i = 0; i < keyring->count; i++) {
        const fsp_keyring_item_t *item = &keyring->items[i];
        fsp_key_info_t info = {.key = item->key,
                               .name = fsp_slice_text(item->name),
                               .added = item->added,
                               .own = fsp_key_eq(item->key, call->session->key)};
        fsp_item_key_encode(&info, &self->scratch2);
    }
    FSP_ASSERT(fsp_buf_ok(&self->scratch2));
    fsp_reply_t reply = {.item_count = keyring->count, .items = fsp_buf_slice(&self->scratch2)};
    fsp_frontend_ok(self, call, &reply);
}

/* Keys are the admin's: until there are accounts, nobody else connects. */
static bool
is_admin(const fsp_frontend_t *self, const fsp_session_t *session)
{
    const fsp_keyring_t *keyring = &self->args->keyring;
    return keyring->count > 0 &&
           fsp_subject_id_eq(session->subject, fsp_subject_of(keyring->items[0].key.bytes));
}

/* What a new key may be called: as a profile, so that it is easily typed, and never hidden or an
   option.  The ring itself takes more, as of nodes that asked for less. */
static bool
is_key_name(fsp_slice_t name)
{
    for (size_t i = 0; i < name.bytes; i++) {
        uint8_t c = name.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (i == 0 || (c != '-' && c != '_' && c != '.')))
            return false;
    }
    return name.bytes > 0 && name.bytes <= FSP_KEY_NAME_BYTES_MAX;
}

void
fsp_keys_begin(fsp_frontend_t *self, fsp_call_t *call)
{
    const fsp_request_t *request = &call->request;
    fsp_buf_t body;
    if (!is_admin(self, call->session) ||
        (call->type == FSP_MSG_KEY_REMOVE && fsp_key_eq(request->key, call->session->key))) {
        fsp_frontend_error(self, call, FSP_FORBIDDEN, NULL);
        return;
    }
    if (call->type == FSP_MSG_KEY_LIST) {
        list_keys(self, call);
        return;
    }
    bool add = call->type == FSP_MSG_KEY_ADD;
    if (add && !fsp_key_is_zero(request->key) && !is_key_name(request->name)) {
        fsp_frontend_error(self, call, FSP_BAD_NAME, NULL);
        return;
    }
    fsp_buf_init(&body, FSP_AUTH_ADD_BYTES_MIN + FSP_KEY_NAME_BYTES_MAX);
    fsp_buf_append(&body, request->key.bytes, sizeof(request->key.bytes));
    if (add) {
        uint8_t added[8];
        fsp_store_u64(added, self->shell->wall_us);
        fsp_buf_append(&body, added, sizeof(added));
        fsp_buf_append_slice(&body, request->name);
    }
    FSP_ASSERT(fsp_buf_ok(&body)); /* the decoder has bounded the name */
    call->commanded = true;
    fsp_mailbox_send(self->shell->mailbox, FSP_ACTOR_AUTH, FSP_SERVICE_AUTH,
                     add ? FSP_AUTH_ADD : FSP_AUTH_REMOVE, fsp_ask_id(call, ASK_COMMAND, 0),
                     fsp_buf_slice(&body), NULL, 0);
    fsp_buf_clear(&body);
}

/* -- answers of the auth actor ----------------------------------------------------------------- */

/* What goes on for long ends; what was asked before gets its answer. */
static void
revoke_sessions(fsp_frontend_t *self, fsp_key_t key)
{
    fsp_session_t *session, *next;
    HASH_ITER(hh, self->sessions, session, next)
    {
        if (!fsp_key_eq(session->key, key))
            continue;
        session->revoked = true;
        fsp_call_t *call;
        DL_FOREACH(session->calls, call)
        {
            bool lasts = call->type == FSP_MSG_PUT || call->type == FSP_MSG_GET ||
                         call->type == FSP_MSG_WATCH;
            if (lasts && !call->commanded)
                fsp_frontend_error(self, call, FSP_FORBIDDEN, NULL);
        }
    }
}

/* A client may have been let in before its key was known here (the auth actor knows it first), or
   have stayed since the key was removed. */
static void
readmit_sessions(fsp_frontend_t *self, fsp_key_t key)
{
    fsp_session_t *session, *next;
    HASH_ITER(hh, self->sessions, session, next)
    {
        if (fsp_key_eq(session->key, key))
            session->revoked = false;
    }
}

void
fsp_keys_changed(fsp_frontend_t *self, fsp_slice_t body)
{
    FSP_PRE(body.bytes >= 1 + sizeof(fsp_key_t));
    fsp_key_t key;
    memcpy(key.bytes, body.data + 1, sizeof(key.bytes));
    fsp_status_t status;
    if (body.data[0] == FSP_AUTH_ADD) {
        fsp_slice_t rest = fsp_slice(body.data + 1, body.bytes - 1);
        FSP_PRE(rest.bytes >= FSP_AUTH_ADD_BYTES_MIN);
        fsp_slice_t name =
            fsp_slice(rest.data + FSP_AUTH_ADD_BYTES_MIN, rest.bytes - FSP_AUTH_ADD_BYTES_MIN);
        status = fsp_keyring_add(&self->args->keyring, key, name,
                                 fsp_load_u64(rest.data + sizeof(key.bytes)));
        readmit_sessions(self, key);
    } else {
        status = fsp_keyring_remove(&self->args->keyring, key);
        revoke_sessions(self, key);
    }
    FSP_ASSERT(status == FSP_OK); /* the ring is a copy of the one that was changed, in its order */
}

void
fsp_keys_answer(fsp_frontend_t *self, fsp_call_t *call, fsp_status_t status, fsp_slice_t body)
{
    if (status != FSP_OK) {
        fsp_frontend_error(self, call, status, NULL);
        return;
    }
    fsp_reply_t reply = {.kind = (fsp_kind_t)0};
    if (call->type == FSP_MSG_KEY_ADD)
        reply.modified = fsp_load_u64(body.data + 1 + sizeof(fsp_key_t));
    fsp_frontend_ok(self, call, &reply);
}
