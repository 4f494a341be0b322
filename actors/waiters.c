/* SPDX-License-Identifier: MIT */
/* waiters - who asked a service, until the answer leaves.  Layer actors. */
#include "actors/waiters.h"

#include "core/base/alloc.h"
#include "core/base/check.h"

#include <utlist.h>

fsp_waiter_t *
fsp_waiters_add(fsp_waiters_t *self, const fsp_mail_t *mail)
{
    if (self->count >= FSP_WAITERS_MAX)
        return NULL;
    fsp_waiter_t *waiter = FSP_NEW(fsp_waiter_t);
    waiter->from = mail->from;
    waiter->request_id = mail->envelope.request_id;
    DL_APPEND(self->first, waiter);
    self->count++;
    return waiter;
}

void
fsp_waiters_remove(fsp_waiters_t *self, fsp_waiter_t **waiter_p)
{
    FSP_PRE(self->count > 0);
    DL_DELETE(self->first, *waiter_p);
    self->count--;
    fsp_free(*waiter_p);
    *waiter_p = NULL;
}

void
fsp_waiters_clear(fsp_waiters_t *self)
{
    while (self->first) {
        fsp_waiter_t *waiter = self->first;
        fsp_waiters_remove(self, &waiter);
    }
}
