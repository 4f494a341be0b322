/* SPDX-License-Identifier: MIT */
/* model_parts - what the files of the model share.  Layer tests.
 *
 * Everything but the space's and shard's present scalars is immutable once made, so that giving up
 * a command is forgetting its state, and an old state is an old pointer.
 */
#ifndef FSP_TESTS_SIM_MODEL_PARTS_H
#define FSP_TESTS_SIM_MODEL_PARTS_H
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/omap.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"
#include "core/meta/past.h"
#include "core/meta/versions.h"
#include "tests/sim/model.h"

/* Memory that is freed with the model. */
typedef struct model_block {
    struct model_block *next;
} model_block_t;

/* One version of a file; the list over `older` is the file's history by descending numbers. */
typedef struct model_version {
    fsp_version_info_t info; /* retained, carrier: as of now; is_head: not used */
    fsp_slice_t record;
    uint64_t rekeyed; /* change of its last REKEY; 0: none */
    struct model_version *older;
} model_version_t;

/* What a node is from one change on until the next that touches it. */
typedef struct {
    fsp_file_id_t id;
    fsp_kind_t kind;
    fsp_file_id_t parent_id; /* zero: root and trash */
    uint8_t name_data[FSP_NAME_BYTES_MAX];
    size_t name_bytes;
    uint64_t since;       /* change that gave it its place */
    fsp_time_t time;      /* of the change that made this state */
    fsp_time_t made_time; /* of the node itself */
    fsp_slice_t attr;

    /* Level 2. */
    bool legal_hold;
    fsp_time_t worm_until;
    bool purging;            /* marked; nobody finds it or what is below it */
    fsp_file_id_t origin_id; /* in the trash: where it was; zero: not known */
    uint8_t origin_data[FSP_NAME_BYTES_MAX];
    size_t origin_bytes;
    fsp_lease_t lease;
    bool stops; /* does not inherit rules */
    fsp_rule_t rules[FSP_RULES_MAX];
    size_t rule_count;

    model_version_t *newest;                     /* NULL for directories */
    const model_version_t *heads[FSP_HEADS_MAX]; /* descending numbers */
    size_t head_count;
} model_node_t;

/* All nodes of a space, in no order. */
typedef struct {
    const model_node_t **nodes;
    size_t count;
    size_t capacity;
} model_tree_t;

/* One change of a space: its row, and the tree after it. */
typedef struct {
    fsp_slice_t row;
    fsp_hash_t hash;
    fsp_time_t time;
    fsp_file_id_t file_id, displaced_id;
    fsp_slice_t path;
    model_tree_t tree;
} model_change_t;

typedef struct model_link {
    struct model_link *next; /* ascending ids */
    fsp_link_info_t info;    /* password: the model's */
} model_link_t;

typedef struct model_upload {
    struct model_upload *next; /* ascending ids */
    fsp_upload_info_t info;    /* roots: not used; path, midstate: the model's */
    fsp_upload_root_t roots[FSP_UPLOAD_ROOTS_MAX];
    uint64_t before; /* offset from which the last APPEND came */
    bool gone;
} model_upload_t;

typedef struct model_space {
    struct model_space *next; /* ascending ids */
    fsp_space_info_t info;    /* texts are the model's; change_index, used_bytes: as of now */
    uint64_t gc_layout_version;
    uint64_t horizon;
    model_tree_t tree;       /* now */
    model_change_t *changes; /* [0]: before the first */
    size_t change_capacity;
    fsp_omap_t *answers; /* subject, op -> model_kept_t, result */
    fsp_omap_t *order;   /* change number u64, subject, op -> log time u64 */

    /* Level 2. */
    uint64_t at_horizon, feed_horizon;
    fsp_retention_t retention;
    fsp_omap_t *past_entries; /* directory, name, NUL, until u64: what the name meant before */
    fsp_omap_t *past_heads;   /* file, until u64 */
    uint64_t first_change;    /* whose row is kept */
    fsp_prune_work_t round;   /* of PRUNE: where the next step begins; phase 0: there is none */
    bool closing;
    fsp_time_t deadline;
    bool parted;
    model_link_t *links;
    model_upload_t *uploads; /* also `gone` ones, which nobody sees */
} model_space_t;

struct model {
    model_block_t *blocks;
    model_space_t *spaces;
    uint64_t applied_index;
    fsp_time_t log_time;
    uint64_t feature_level;
    uint64_t subject_floor;
    fsp_time_t jump_time; /* 0: log time is not doubted */
    fsp_time_t frozen_time, elapsed_us;
};

/* One command on its way.  Works on copies; model_step_commit makes them the present. */
typedef struct {
    model_t *model;
    model_space_t *space;
    const fsp_command_t *command;
    fsp_time_t time;
    model_tree_t tree;
    uint64_t used;
    uint64_t credit; /* of `used`, what the upload of a PUT counts */
    bool unchanged;  /* succeeded and takes no change number */
    size_t trashed;  /* nodes that this change put into the trash so far */
    fsp_buf_t items; /* BATCH: of the change row, */
    size_t item_count;
    fsp_buf_t result_items;                     /* and of the result */
    model_upload_t *ended[FSP_BATCH_ITEMS_MAX]; /* uploads that PUTs ended */
    size_t ended_count;
    fsp_buf_t dropped;        /* of the change row */
    fsp_change_info_t change; /* path texts: from_text, or the command's */
    uint8_t path_text[FSP_PATH_BYTES_MAX];
    uint8_t from_text[FSP_PATH_BYTES_MAX];
    fsp_result_t *result;
} model_step_t;

/* -- model.c ----------------------------------------------------------------------------------- */

void *model_alloc(model_t *self, size_t bytes);
fsp_slice_t model_copy(model_t *self, fsp_slice_t bytes);
model_space_t *model_space(const model_t *self, fsp_space_id_t id);
static inline bool
model_is_new_level(const model_step_t *step)
{
    return step->model->feature_level >= 2;
}
/* The number that the change being made takes. */
static inline uint64_t
model_next_change(const model_step_t *step)
{
    return step->space->info.change_index + 1;
}
/* The time by which things expire. */
fsp_time_t model_now(const model_t *self);
/* Steps 6 and 7 of one command or item of a batch, of any family. */
fsp_status_t model_perform(model_step_t *self);
void model_write_optional(fsp_buf_t *buf, fsp_slice_t id);

/* -- model_tree.c ------------------------------------------------------------------------------ */

void model_tree_copy(model_tree_t *to, const model_tree_t *from);
const model_node_t *model_tree_find(const model_tree_t *self, fsp_file_id_t id);
const model_node_t *model_tree_child(const model_tree_t *self, fsp_file_id_t directory_id,
                                     fsp_slice_t name);
bool model_tree_is_empty(const model_tree_t *self, fsp_file_id_t directory_id);
/* Replaces the node of the same id, or adds it. */
void model_tree_put(model_tree_t *self, const model_node_t *node);
void model_tree_remove(model_tree_t *self, fsp_file_id_t id);

/* Where a path leads. */
typedef struct {
    const model_node_t *directory;           /* deepest one on the way that exists */
    const model_node_t *node;                /* what is there; NULL: nothing */
    fsp_slice_t name;                        /* last name; empty for "/" */
    fsp_slice_t missing[FSP_PATH_DEPTH_MAX]; /* directories on the way that do not exist */
    size_t missing_count;
} model_walk_t;
/* From the directory `start`.  NOT_DIRECTORY; CYCLE if it passes through the directory `avoid`. */
fsp_status_t model_walk(const model_tree_t *tree, fsp_file_id_t start, fsp_slice_t path,
                        fsp_file_id_t avoid, model_walk_t *ret);

/* Where a node lies. */
typedef struct {
    const model_node_t *node;
    bool fixed;       /* root or trash */
    bool trashed;     /* it is or lies in the trash */
    bool deep;        /* longer or deeper than a path may be */
    fsp_slice_t path; /* empty if trashed or deep */
    uint8_t text[FSP_PATH_BYTES_MAX];
} model_place_t;
/* Where the node lies. */
void model_place_of(const model_space_t *space, const model_tree_t *tree, const model_node_t *node,
                    model_place_t *ret);
/* By path or id; NOT_FOUND, NOT_DIRECTORY.  ret->path borrows from the target or ret. */
fsp_status_t model_find(const model_space_t *space, const model_tree_t *tree,
                        const fsp_target_t *target, model_place_t *ret);
/* The node whose version this is, also one being purged; NULL. */
const model_node_t *model_owner_of(const model_tree_t *tree, fsp_version_id_t id);
/* The version of this id in a node's history; NULL. */
model_version_t *model_version_of(const model_node_t *node, fsp_version_id_t id);

/* -- model_files.c ----------------------------------------------------------------------------- */

void model_show(model_step_t *self, const model_node_t *node);
/* What the change and the result say: this node, there. */
void model_tell(model_step_t *self, const model_node_t *node, fsp_slice_t path);
/* A copy of the node, or a new one, that this change makes. */
model_node_t *model_touch(model_step_t *self, const model_node_t *node);
void model_put_at(const model_step_t *self, model_node_t *node, fsp_file_id_t directory_id,
                  fsp_slice_t name);
/* To the trash, under the number of this change. */
void model_trash(model_step_t *self, const model_node_t *node, bool ends_lease);
/* NO_PARENT, INVALID (an id is taken). */
fsp_status_t model_make_parents(model_step_t *self, model_walk_t *walk, bool create,
                                fsp_file_id_t seed);
/* MATCH for what makes no version: MISMATCH with the heads. */
fsp_status_t model_check_match(model_step_t *self, const model_node_t *node,
                               const fsp_condition_t *condition);
/* NOT_FOUND, NOT_DIRECTORY, TOO_LARGE, TRASHED. */
fsp_status_t model_find_live(model_step_t *self, const fsp_target_t *target, model_place_t *ret);
/* A path that outlives the place it was found in. */
fsp_slice_t model_keep_path(uint8_t memory[FSP_PATH_BYTES_MAX], fsp_slice_t path);
/* Judges and applies one of the commands PUT..COPY on the step's copies. */
fsp_status_t model_apply_file(model_step_t *self);

/* -- model_node.c ------------------------------------------------------------------------------ */

/* LEASE_LOST, LOCKED with the node. */
fsp_status_t model_check_lease(model_step_t *self, const model_node_t *node, uint64_t token);
/* Ends a lease that another one's command may end, in a node that it changes. */
void model_end_lease(const model_step_t *self, model_node_t *node);
/* What PUT version 2 says of upload and bases: NO_SUCH_UPLOAD, MISMATCH, BASE_GONE. */
fsp_status_t model_begin_put(model_step_t *self, model_upload_t **ret_upload);
model_upload_t *model_upload(const model_space_t *space, fsp_upload_id_t id);
void model_end_upload(model_step_t *self, model_upload_t *upload);
fsp_status_t model_apply_node(model_step_t *self);

/* -- model_history.c --------------------------------------------------------------------------- */

/* Held itself; it or a directory above it; a directory above it. */
bool model_is_held(const model_step_t *self, const model_node_t *node);
bool model_is_covered(const model_step_t *self, const model_node_t *node);
bool model_is_covered_above(const model_step_t *self, const model_node_t *node);
/* Marked as being purged, or below one that is. */
bool model_is_purging(const model_tree_t *tree, const model_node_t *node);
/* Takes a trashed node out, to the path `to` or, if that is empty, to where it was. */
fsp_status_t model_undelete(model_step_t *self, const model_place_t *from, fsp_slice_t to,
                            bool create_parents, fsp_file_id_t seed, model_place_t *ret);
/* Keeps what names meant and heads were in the tree before this change, where it altered them. */
void model_keep_past(model_step_t *self);
fsp_status_t model_apply_history(model_step_t *self);

/* -- model_access.c ---------------------------------------------------------------------------- */

/* Who asks for what, of a command or a query. */
typedef struct {
    const model_t *model;
    const model_space_t *space;
    const model_tree_t *tree;
    fsp_subject_id_t subject;
    const fsp_asker_t *asker;
    const model_link_t *link;
} model_asking_t;
/* NO_SUCH_LINK, FORBIDDEN, SPENT by the link of the asker. */
fsp_status_t model_asking_begin(model_asking_t *ret, const model_t *model,
                                const model_space_t *space, const model_tree_t *tree,
                                fsp_subject_id_t subject, const fsp_asker_t *asker);
uint32_t model_rights_at(const model_asking_t *self, const fsp_target_t *target);
uint32_t model_rights_at_root(const model_asking_t *self);
/* FORBIDDEN, or what the link says: rights of the command of the step. */
fsp_status_t model_judge_rights(model_step_t *self);
fsp_status_t model_apply_access(model_step_t *self);
/* Shard-wide commands, which know no space. */
fsp_status_t model_apply_shard_wide(model_t *self, const fsp_command_t *command, fsp_result_t *ret);
/* An entry of this log time comes: does it jump, does a doubt end? */
void model_pass_time(model_t *self, bool first, fsp_time_t time);
model_link_t *model_link(const model_space_t *space, fsp_link_id_t id);
#endif
