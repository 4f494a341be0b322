/* SPDX-License-Identifier: MIT */
/* waiters - who asked a service, until the answer leaves.  Layer actors.
 *
 * A waiter's address is the token under which a core knows the request, so the answer finds its
 * way back without a search.
 */
#ifndef FSP_ACTORS_WAITERS_H
#define FSP_ACTORS_WAITERS_H
#include "actors/mailbox.h"

enum { FSP_WAITERS_MAX = 16384 };

typedef struct fsp_waiter {
    fsp_actor_id_t from;
    uint64_t request_id;
    uint64_t range_from, range_to; /* for the asked service's own use */
    struct fsp_waiter *prev, *next;
} fsp_waiter_t;

typedef struct {
    fsp_waiter_t *first;
    size_t count;
} fsp_waiters_t;

/* The sender of a message begins to wait; NULL when FSP_WAITERS_MAX do already. */
fsp_waiter_t *fsp_waiters_add(fsp_waiters_t *self, const fsp_mail_t *mail);
/* It was answered. */
void fsp_waiters_remove(fsp_waiters_t *self, fsp_waiter_t **waiter_p);
/* The service ends: nobody is answered any more. */
void fsp_waiters_clear(fsp_waiters_t *self);

static inline uint64_t
fsp_waiter_token(fsp_waiter_t *waiter)
{
    return (uint64_t)(uintptr_t)waiter;
}
static inline fsp_waiter_t *
fsp_waiter_of(uint64_t token)
{
    return (fsp_waiter_t *)(uintptr_t)token;
}
#endif
