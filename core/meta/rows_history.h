/* SPDX-License-Identifier: MIT */
/* rows_history - rows of the past, and what other rows say of it since level 2.  Layer core/meta.
 *
 * Included by rows.h only, in its middle: it uses types declared there.
 */
#ifndef FSP_CORE_META_ROWS_HISTORY_H
#define FSP_CORE_META_ROWS_HISTORY_H

/* The level from which on the past of names and heads is kept. */
enum { FSP_LEVEL_HISTORY = 2 };

/* The numbers of a policy, one behind the other, without the array around them. */
enum { FSP_RETENTION_VALUES = 6 };
bool fsp_retention_is_set(const fsp_retention_t *keep);
void fsp_retention_write(const fsp_retention_t *keep, fsp_buf_t *buf);
void fsp_retention_read(fsp_canon_t *reader, fsp_retention_t *ret);

/* Part of the space row; all zero: not written. */
typedef struct {
    uint64_t at_horizon;   /* lowest change number that `at` can show; 0: level 1 so far */
    uint64_t feed_horizon; /* lowest change number whose row is kept; 0: all are */
    fsp_retention_t retention;
} fsp_space_history_t;

/* Part of the node row; all zero: not written. */
typedef struct {
    uint64_t since;          /* change that set the heads, or made the directory; 0: at level 1 */
    bool legal_hold;         /* until it is taken away */
    fsp_time_t worm_until;   /* a hold until then */
    bool purging;            /* being deleted for good: no parent, no name, a work row instead */
    fsp_file_id_t origin_id; /* in the trash: directory and name before; zero: not known */
    size_t origin_name_bytes;
    uint8_t origin_name[FSP_NAME_BYTES_MAX];
} fsp_node_history_t;

/* Each as one field: nil if all is zero. */
bool fsp_space_history_is_empty(const fsp_space_history_t *part);
void fsp_space_history_write(const fsp_space_history_t *part, fsp_buf_t *buf);
void fsp_space_history_read(fsp_canon_t *reader, fsp_space_history_t *ret);
bool fsp_node_history_is_empty(const fsp_node_history_t *part);
void fsp_node_history_write(const fsp_node_history_t *part, fsp_buf_t *buf);
void fsp_node_history_read(fsp_canon_t *reader, fsp_node_history_t *ret);
#endif
