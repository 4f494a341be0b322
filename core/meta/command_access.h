/* SPDX-License-Identifier: MIT */
/* command_access - who asks, and bodies of commands: rights, links, and what concerns a space or
 * shard as a whole.  Layer core/meta.  Pure.
 *
 * Included by command.h only, in its middle: it uses types declared there.
 */
#ifndef FSP_CORE_META_COMMAND_ACCESS_H
#define FSP_CORE_META_COMMAND_ACCESS_H
#include "core/auth/policy.h"
#include "core/base/canon.h"

/* What a command or query says of its sender besides the subject (level 2).  All zero: no groups,
   no link, nothing withheld; then it is not written at all. */
typedef struct {
    uint32_t withheld;     /* rights that the credential does not leave; on the wire the others */
    fsp_link_id_t link_id; /* the request came by this share link; zero: by none */
    fsp_subject_id_t groups[FSP_GROUPS_MAX]; /* ascending */
    size_t group_count;
} fsp_asker_t;
bool fsp_asker_is_empty(const fsp_asker_t *asker);
void fsp_asker_write(const fsp_asker_t *asker, fsp_buf_t *buf);
/* Errors stay in the reader; an empty one that is written out is INVALID. */
void fsp_asker_read(fsp_canon_t *reader, fsp_asker_t *ret);

typedef struct {
    fsp_target_t target;             /* RULES, LINK_MAKE */
    bool inherit;                    /* RULES */
    fsp_rule_t rules[FSP_RULES_MAX]; /* RULES: ascending ids */
    size_t rule_count;
    fsp_link_id_t link_id; /* LINK_MAKE, LINK_DROP */
    uint32_t rights;       /* LINK_MAKE */
    fsp_time_t expiry;     /* LINK_MAKE; 0: never */
    uint64_t uses_max;     /* LINK_MAKE; 0: without limit */
    fsp_slice_t password;  /* LINK_MAKE; empty: none */
    uint64_t value;        /* SUBJECT_FLOOR: index; LEVEL_RAISE: level; SPACE_STATE: state, open or
                              closing; GC_*: epoch; TIME_CONFIRM: log time of the jump */
    uint64_t detail;       /* SPACE_STATE: deadline; GC_OPEN: layout version */
} fsp_access_body_t;
#endif
