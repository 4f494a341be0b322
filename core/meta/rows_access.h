/* SPDX-License-Identifier: MIT */
/* rows_access - rows of rights and links, and what spaces and nodes keep of them.  Layer core/meta.
 * Pure.
 *
 * Included by rows.h, which declares what these stand in.  Decoded links borrow the password.
 */
#ifndef FSP_CORE_META_ROWS_ACCESS_H
#define FSP_CORE_META_ROWS_ACCESS_H
#include "core/auth/policy.h"
#include "core/base/canon.h"
#include "core/meta/command.h"

/* -- space: its life, and what rights need to know of all its directories -----------------------
 */
typedef enum {
    FSP_LIFE_OPEN = 0,
    FSP_LIFE_CLOSING = 1,  /* read only; may be opened again */
    FSP_LIFE_DROPPING = 2, /* SPACE_DROP removes its rows; no way back */
    FSP_LIFE_GONE = 3,     /* the tombstone, for ever */
} fsp_life_t;

typedef struct {
    fsp_life_t state;
    fsp_time_t deadline; /* CLOSING and DROPPING: SPACE_DROP is refused before */
    bool parted;         /* some directory stops or once stopped inheriting */
    uint64_t link_count;
    bool round_open;    /* a round of collection, of the space's epoch */
    fsp_slice_t cursor; /* DROPPING: table u8 and rest of the key removed last; may be empty */
} fsp_space_access_t;
/* As one field of the space row: nil if all is zero. */
bool fsp_space_access_is_empty(const fsp_space_access_t *part);
void fsp_space_access_write(const fsp_space_access_t *part, fsp_buf_t *buf);
void fsp_space_access_read(fsp_canon_t *reader, fsp_space_access_t *ret);

/* -- node: rules of a directory -----------------------------------------------------------------
 */
typedef struct {
    bool parted; /* what stands above grants nothing here: the flag *inherit*, turned round */
    size_t rule_count;
    fsp_rule_t rules[FSP_RULES_MAX]; /* ascending ids */
} fsp_node_access_t;
/* As one field of the node row: nil if there is nothing to say. */
bool fsp_node_access_is_empty(const fsp_node_access_t *part);
void fsp_node_access_write(const fsp_node_access_t *part, fsp_buf_t *buf);
/* Leaves the rules behind rule_count as they are. */
void fsp_node_access_read(fsp_canon_t *reader, fsp_node_access_t *ret);

/* -- link ---------------------------------------------------------------------------------------
 */
typedef struct {
    fsp_file_id_t file_id;
    fsp_kind_t kind;   /* of the node when the link was made: a kind is for the life of an id */
    uint32_t rights;   /* of FSP_RIGHTS_LINK */
    fsp_time_t expiry; /* by expiry time; 0: never */
    uint64_t uses_max; /* 0: without limit */
    uint64_t uses;     /* counted so far */
    fsp_subject_id_t maker;
    fsp_time_t made;
    fsp_slice_t password; /* sealed by gateways; empty: none */
} fsp_link_row_t;
enum { FSP_LINK_PASSWORD_BYTES_MAX = 512, FSP_LINKS_MAX = 4096 /* of a space */ };
void fsp_link_row_encode(const fsp_link_row_t *row, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_link_row_decode(fsp_slice_t bytes, fsp_link_row_t *ret);
/* Judged by expiry time (apply.h). */
static inline bool
fsp_link_row_passed(const fsp_link_row_t *row, fsp_time_t expiry_time)
{
    return row->expiry != 0 && row->expiry <= expiry_time;
}
#endif
