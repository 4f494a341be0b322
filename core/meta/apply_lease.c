/* SPDX-License-Identifier: MIT */
/* apply_lease - LOCK, RENEW, UNLOCK, and what a lease means for other commands.  Layer core/meta.
   Pure.
 *
 * A lease is of a subject, and a token names one taking of it.  The holder's programs without a
 * token are not somebody else; a token is for those that must know that nobody came between.  It
 * says so whatever time has passed: the first change by another one ends a lease that has passed.
 */
#include "core/base/check.h"
#include "core/base/mutant.h"
#include "core/meta/apply_node.h"
#include "core/meta/holds.h"

fsp_time_t
fsp_apply_expiry(const fsp_machine_t *m, fsp_time_t duration)
{
    fsp_time_t now = fsp_holds_now(m);
    return duration > UINT64_MAX - now ? UINT64_MAX : now + duration;
}

static bool
is_mine(const fsp_machine_t *m, const fsp_lease_t *lease)
{
    return lease->token != 0 && fsp_subject_id_eq(lease->holder, m->command->subject);
}

static bool
has_passed(const fsp_machine_t *m, const fsp_lease_t *lease)
{
    return fsp_holds_now(m) >= lease->expiry;
}

static fsp_status_t
refuse(fsp_machine_t *m, fsp_file_id_t id, const fsp_node_row_t *node, fsp_status_t refusal)
{
    fsp_machine_show(m, id, node);
    return refusal;
}

fsp_status_t
fsp_lease_check(fsp_machine_t *m, fsp_file_id_t id, fsp_node_row_t *node, uint64_t token)
{
    const fsp_lease_t *lease = &node->lease;
    bool mine = is_mine(m, lease);
    if (token != 0 && !FSP_MUTANT(old_token_taken) &&
        (!mine || lease->token != token || has_passed(m, lease)))
        return refuse(m, id, node, FSP_LEASE_LOST);
    if (lease->token == 0 || mine)
        return FSP_OK;
    if (!has_passed(m, lease) && !FSP_MUTANT(lease_ignored))
        return refuse(m, id, node, FSP_LOCKED);
    node->lease = (fsp_lease_t){0};
    return FSP_OK;
}

/* The file or symlink of a lease command. */
static fsp_status_t
find(fsp_machine_t *m, fsp_found_t *ret)
{
    fsp_status_t status = fsp_namespace_find_live(m, &m->command->node.lease.target, ret);
    if (status)
        return status;
    return ret->node.kind == FSP_KIND_DIRECTORY ? FSP_IS_DIRECTORY : FSP_OK;
}

static fsp_status_t
write(fsp_machine_t *m, fsp_found_t *found)
{
    fsp_machine_put_node(m, found->id, &found->node);
    fsp_machine_show(m, found->id, &found->node);
    fsp_apply_note(m, found->node.kind, found->id, found->path, (fsp_slice_t){0});
    return FSP_OK;
}

fsp_status_t
fsp_apply_lock(fsp_machine_t *m)
{
    fsp_found_t found;
    fsp_status_t status = find(m, &found);
    if (status == FSP_OK)
        status = fsp_lease_check(m, found.id, &found.node, 0);
    if (status)
        return status;
    found.node.lease = (fsp_lease_t){
        .token = fsp_machine_next_index(m),
        .holder = m->command->subject,
        .expiry = fsp_apply_expiry(m, m->command->node.lease.duration),
    };
    return write(m, &found);
}

fsp_status_t
fsp_apply_renew(fsp_machine_t *m)
{
    fsp_found_t found;
    fsp_status_t status = find(m, &found);
    if (status)
        return status;
    fsp_lease_t *lease = &found.node.lease;
    /* One that has passed is still there if nobody else changed the file: it goes on. */
    if (!is_mine(m, lease) || lease->token != m->command->node.lease.token)
        return refuse(m, found.id, &found.node, FSP_LEASE_LOST);
    lease->expiry = fsp_apply_expiry(m, m->command->node.lease.duration);
    return write(m, &found);
}

fsp_status_t
fsp_apply_unlock(fsp_machine_t *m)
{
    fsp_found_t found;
    fsp_status_t status = find(m, &found);
    if (status)
        return status;
    fsp_lease_t *lease = &found.node.lease;
    bool force = m->command->node.lease.force;
    if (force && lease->token == 0) {
        fsp_machine_show(m, found.id, &found.node);
        m->unchanged = true;
        return FSP_OK;
    }
    if (!force && (!is_mine(m, lease) || lease->token != m->command->node.lease.token))
        return refuse(m, found.id, &found.node, FSP_LEASE_LOST);
    *lease = (fsp_lease_t){0};
    return write(m, &found);
}
