/* SPDX-License-Identifier: MIT */
/* collect - the marker of a round of garbage collection.  Layer core/data.  Pure.
 *
 *   page of roots -> LOOK -> a stack of lists, one a level: the next key of the last list
 *       -> OPEN -> its children: nodes -> LOOK -> a further list
 *                                chunks -> queue 0
 *       a list is through -> the node above it -> queue 1 + its level
 *   a queue is full -> MARK of it, but first of the queues below, lowest first
 *   a page is through -> MARK of all queues -> the next page
 *
 * A node gets into its queue after everything below it is in a lower one, or has its mark; and
 * a queue is sent after the answers to the lower ones have come.  That is the whole order.
 */
#include "core/data/collect.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/mutant.h"
#include "core/crypto/digest.h"
#include "core/data/tree.h"

#include <stdlib.h>

enum {
    PAGE_ROOTS = 1024, /* tree roots that are walked together */
    READ_ROWS = 4096,  /* rows of the state that one step looks at */
    QUEUES = 1 + FSP_TREE_DEPTH_MAX,
    LISTS = FSP_TREE_DEPTH_MAX,
    LEVEL_ANY = FSP_TREE_DEPTH_MAX, /* of roots: the node says */
};

typedef struct {
    fsp_key_t key;
    fsp_file_id_t file_id;
    uint64_t number;
    fsp_upload_id_t upload_id;
} root_t;

/* Tree nodes to be walked, ascending. */
typedef struct {
    fsp_key_t *keys;
    size_t count;
    unsigned level;
    size_t looked, kept; /* asked for, and of those not marked, which are in front */
    size_t asked;        /* of the LOOK under way */
    size_t at;           /* to be opened next */
} list_t;

typedef struct {
    fsp_key_t *keys;
    size_t count;
} queue_t;

struct fsp_collect {
    fsp_shard_ref_t shard;
    fsp_space_id_t space_id;
    uint64_t round;
    fsp_view_t *state;
    size_t keys_max;
    bool begun;
    fsp_collect_question_t question;
    fsp_store_id_t store_id;
    fsp_collect_counts_t counts;
    fsp_collect_fault_t fault;

    size_t table;        /* of root_tables; behind the last: all were read */
    fsp_row_key_t after; /* the row of that table that was read last; used 0: none */
    root_t roots[PAGE_ROOTS];
    size_t root_count;

    list_t lists[LISTS];
    size_t depth;
    fsp_tree_node_t node; /* opened last */
    bool taking;          /* its children are being taken in */
    size_t child_at;

    queue_t queues[QUEUES]; /* 0: chunks; 1 + n: nodes of level n */
    size_t flush;           /* queues below this one are being sent; 0: none */
    size_t sent;            /* the one that MARK is about */
};

static const fsp_table_t root_tables[] = {FSP_TABLE_VERSION, FSP_TABLE_UPLOAD,
                                          FSP_TABLE_UPLOAD_PART};
enum { ROOT_TABLES = sizeof(root_tables) / sizeof(root_tables[0]) };

fsp_collect_t *
fsp_collect_new(fsp_shard_ref_t shard, fsp_space_id_t space_id, uint64_t round, fsp_view_t *state,
                size_t keys_max)
{
    FSP_PRE(round > 0);
    FSP_PRE(state != NULL);
    FSP_PRE(keys_max >= 1);
    FSP_PRE(keys_max <= FSP_HAVE_KEYS_MAX);
    fsp_collect_t *self = FSP_NEW(fsp_collect_t);
    self->shard = shard;
    self->space_id = space_id;
    self->round = round;
    self->state = state;
    self->keys_max = keys_max;
    for (size_t i = 0; i < QUEUES; i++)
        self->queues[i].keys = fsp_alloc_array(keys_max, sizeof(fsp_key_t));
    for (size_t i = 0; i < LISTS; i++)
        self->lists[i].keys =
            fsp_alloc_array(i == 0 ? PAGE_ROOTS : FSP_TREE_FANOUT_MAX, sizeof(fsp_key_t));
    return self;
}

void
fsp_collect_destroy(fsp_collect_t **self_p)
{
    FSP_PRE(self_p != NULL);
    fsp_collect_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < QUEUES; i++)
        fsp_free(self->queues[i].keys);
    for (size_t i = 0; i < LISTS; i++)
        fsp_free(self->lists[i].keys);
    fsp_free(self);
    *self_p = NULL;
}

const fsp_collect_counts_t *
fsp_collect_counts(const fsp_collect_t *self)
{
    return &self->counts;
}

fsp_store_id_t
fsp_collect_store(const fsp_collect_t *self)
{
    return self->store_id;
}

const fsp_collect_fault_t *
fsp_collect_fault(const fsp_collect_t *self)
{
    return &self->fault;
}

/* -- keys -------------------------------------------------------------------------------------- */

static int
compare_keys(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(fsp_key_t));
}

/* Ascending, none twice; returns how many are left. */
static size_t
sort_keys(fsp_key_t *keys, size_t count)
{
    if (count == 0)
        return 0;
    qsort(keys, count, sizeof(*keys), compare_keys);
    size_t kept = 1;
    for (size_t i = 1; i < count; i++)
        if (!fsp_key_eq(keys[i], keys[kept - 1]))
            keys[kept++] = keys[i];
    return kept;
}

/* False if the queue is full: then it is sent first. */
static bool
push(fsp_collect_t *self, size_t queue, fsp_key_t key)
{
    queue_t *to = &self->queues[queue];
    if (to->count == self->keys_max) {
        self->flush = queue + 1;
        return false;
    }
    to->keys[to->count++] = key;
    return true;
}

static void
ask(fsp_collect_t *self, fsp_collect_ask_t what, const fsp_key_t *keys, size_t count)
{
    self->question = (fsp_collect_question_t){.ask = what, .keys = keys, .key_count = count};
}

static void
end(fsp_collect_t *self, fsp_status_t status)
{
    self->question = (fsp_collect_question_t){.ask = FSP_COLLECT_ENDED, .status = status};
}

/* -- roots ------------------------------------------------------------------------------------- */

/* The state must be one in which this round is open. */
static fsp_status_t
check_space(fsp_collect_t *self)
{
    fsp_row_key_t key = fsp_row_key(self->shard, FSP_TABLE_SPACE, self->space_id);
    fsp_space_row_t space;
    fsp_buf_t value;
    fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
    fsp_status_t status = fsp_view_get(self->state, fsp_row_key_slice(&key), &value);
    if (status == FSP_OK && fsp_space_row_decode(fsp_buf_slice(&value), &space) != FSP_OK)
        status = FSP_DAMAGED;
    if (status == FSP_NOT_FOUND || (status == FSP_OK && space.access.state >= FSP_LIFE_DROPPING))
        status = FSP_NO_SUCH_SPACE;
    if (status == FSP_OK && space.epoch > self->round)
        status = FSP_EPOCH;
    if (status == FSP_OK && space.epoch < self->round && !FSP_MUTANT(mark_old_state))
        status = FSP_BUSY;
    fsp_buf_clear(&value);
    return status;
}

/* What one row of a table says of roots.  ret->key zero: nothing. */
static fsp_status_t
read_root(fsp_table_t table, fsp_slice_t rest, fsp_slice_t value, root_t *ret,
          fsp_root_kind_t *ret_kind)
{
    *ret = (root_t){.number = 0};
    *ret_kind = FSP_ROOT_CHUNK;
    if (table == FSP_TABLE_VERSION) {
        fsp_version_row_t row;
        fsp_carrier_t carrier;
        if (rest.bytes != sizeof(ret->file_id.bytes) + 8 ||
            fsp_version_row_decode(value, &row) != FSP_OK)
            return FSP_DAMAGED;
        if (!row.retained)
            return FSP_OK;
        memcpy(ret->file_id.bytes, rest.data, sizeof(ret->file_id.bytes));
        ret->number = fsp_load_u64(rest.data + sizeof(ret->file_id.bytes));
        if (fsp_carrier_decode(row.carrier, &carrier) != FSP_OK)
            return FSP_DAMAGED;
        *ret_kind = carrier.root_kind;
        if (carrier.root_kind != FSP_ROOT_INLINE)
            ret->key = carrier.root_key;
        return FSP_OK;
    }
    if (FSP_MUTANT(mark_no_uploads))
        return FSP_OK;
    if (rest.bytes < sizeof(ret->upload_id.bytes))
        return FSP_DAMAGED;
    memcpy(ret->upload_id.bytes, rest.data, sizeof(ret->upload_id.bytes));
    if (table == FSP_TABLE_UPLOAD) {
        fsp_upload_row_t row;
        if (fsp_upload_row_decode(value, &row) != FSP_OK)
            return FSP_DAMAGED;
        ret->key = row.tail;
        return FSP_OK;
    }
    fsp_upload_root_t root;
    if (fsp_upload_root_decode(value, &root) != FSP_OK)
        return FSP_DAMAGED;
    *ret_kind = root.kind;
    ret->key = root.key;
    return FSP_OK;
}

/* True if there was room for it. */
static bool
take_root(fsp_collect_t *self, const root_t *root, fsp_root_kind_t kind)
{
    if (fsp_key_is_zero(root->key))
        return true;
    if (kind == FSP_ROOT_TREE) {
        if (self->root_count == PAGE_ROOTS)
            return false;
        self->roots[self->root_count++] = *root;
    } else if (!push(self, 0, root->key)) {
        return false;
    }
    self->counts.roots++;
    return true;
}

/* A cursor behind the row that was read last. */
static fsp_cursor_t *
scan_roots(fsp_collect_t *self)
{
    fsp_row_key_t to = fsp_row_key(self->shard, root_tables[self->table], self->space_id);
    fsp_row_key_t from = self->after.used ? self->after : to;
    static const uint8_t nul[1] = {0};
    if (self->after.used)
        fsp_row_key_add(&from, fsp_slice(nul, sizeof(nul)));
    fsp_row_key_to_prefix_end(&to);
    return fsp_view_scan(self->state, fsp_row_key_slice(&from), fsp_row_key_slice(&to));
}

/* Reads on until the page or queue 0 is full, all was read, or it has done enough for one step. */
static fsp_status_t
read_roots(fsp_collect_t *self, bool *ret_full)
{
    fsp_cursor_t *cursor = scan_roots(self);
    fsp_status_t status = FSP_OK;
    *ret_full = false;
    for (size_t i = 0; i < READ_ROWS && cursor->valid && status == FSP_OK && !*ret_full; i++) {
        root_t root;
        fsp_root_kind_t kind;
        fsp_slice_t key = cursor->key;
        if (key.bytes < FSP_ROW_PREFIX_BYTES || key.bytes >= FSP_ROW_KEY_BYTES_MAX)
            status = FSP_DAMAGED;
        else
            status = read_root(
                root_tables[self->table],
                fsp_slice(key.data + FSP_ROW_PREFIX_BYTES, key.bytes - FSP_ROW_PREFIX_BYTES),
                cursor->value, &root, &kind);
        if (status != FSP_OK)
            break;
        if (!take_root(self, &root, kind)) {
            *ret_full = true;
            break;
        }
        memcpy(self->after.bytes, key.data, key.bytes);
        self->after.used = key.bytes;
        fsp_cursor_next(cursor);
    }
    if (status == FSP_OK && !cursor->valid) {
        status = cursor->status;
        self->table++;
        self->after.used = 0;
    }
    fsp_cursor_destroy(&cursor);
    return status;
}

static int
compare_roots(const void *a, const void *b)
{
    return memcmp(((const root_t *)a)->key.bytes, ((const root_t *)b)->key.bytes,
                  sizeof(fsp_key_t));
}

/* -- lists ------------------------------------------------------------------------------------- */

static void
begin_list(fsp_collect_t *self, unsigned level, size_t count)
{
    FSP_ASSERT(self->depth < LISTS);
    list_t *list = &self->lists[self->depth++];
    list->level = level;
    list->count = sort_keys(list->keys, count);
    list->looked = list->kept = list->asked = list->at = 0;
}

static void
begin_page(fsp_collect_t *self)
{
    qsort(self->roots, self->root_count, sizeof(self->roots[0]), compare_roots);
    for (size_t i = 0; i < self->root_count; i++)
        self->lists[0].keys[i] = self->roots[i].key;
    begin_list(self, LEVEL_ANY, self->root_count);
}

/* Names the node that is being walked, and the root above it. */
static void
note_fault(fsp_collect_t *self)
{
    const list_t *list = &self->lists[self->depth - 1];
    const list_t *page = &self->lists[0];
    const root_t wanted = {.key = page->keys[page->at]};
    const root_t *root =
        bsearch(&wanted, self->roots, self->root_count, sizeof(wanted), compare_roots);
    self->fault = (fsp_collect_fault_t){.key = list->keys[list->at]};
    if (root) {
        self->fault.file_id = root->file_id;
        self->fault.number = root->number;
        self->fault.upload_id = root->upload_id;
    }
}

/* -- answers ----------------------------------------------------------------------------------- */

/* All marks must lie on one disk. */
static fsp_status_t
check_store(fsp_collect_t *self, const fsp_collect_answer_t *answer)
{
    if (answer->marks.bytes != self->question.key_count)
        return FSP_INVALID;
    if (fsp_store_id_is_zero(self->store_id) || FSP_MUTANT(mark_any_store))
        self->store_id = answer->store_id;
    return fsp_store_id_eq(self->store_id, answer->store_id) ? FSP_OK : FSP_STALE;
}

static fsp_status_t
take_look(fsp_collect_t *self, const fsp_collect_answer_t *answer)
{
    fsp_status_t status = check_store(self, answer);
    if (status != FSP_OK)
        return status;
    list_t *list = &self->lists[self->depth - 1];
    for (size_t i = 0; i < list->asked; i++)
        if (answer->marks.data[i] != FSP_MARK_BEFORE)
            list->keys[list->kept++] = list->keys[list->looked + i];
    list->looked += list->asked;
    if (list->looked == list->count)
        list->count = list->looked = list->kept;
    return FSP_OK;
}

static fsp_status_t
take_marks(fsp_collect_t *self, const fsp_collect_answer_t *answer)
{
    fsp_status_t status = check_store(self, answer);
    if (status != FSP_OK)
        return status;
    queue_t *queue = &self->queues[self->sent];
    for (size_t i = 0; i < self->question.key_count; i++) {
        self->counts.marked += answer->marks.data[i] == FSP_MARK_NEW;
        if (answer->marks.data[i] > FSP_MARK_UNSOUND)
            continue;
        if (self->counts.missing++ == 0)
            self->fault = (fsp_collect_fault_t){.key = queue->keys[i]};
    }
    queue->count = 0;
    return FSP_OK;
}

/* The head must have the key, the open part must be the head's, and the node must fit its place. */
static fsp_status_t
judge_node(fsp_collect_t *self, const fsp_collect_answer_t *answer, fsp_key_t key, unsigned level)
{
    fsp_object_header_t header;
    if (answer->head.bytes != FSP_OBJECT_HEAD_BYTES)
        return FSP_DAMAGED;
    fsp_hash_t name = fsp_sha256(answer->head);
    fsp_hash_t open = fsp_sha256(answer->open);
    if (memcmp(name.bytes, key.bytes, sizeof(key.bytes)) != 0 ||
        memcmp(open.bytes, answer->head.data + FSP_OBJECT_HEADER_BYTES, sizeof(open.bytes)) != 0)
        return FSP_DAMAGED;
    fsp_status_t status = fsp_object_header_decode(answer->head, &header);
    if (status != FSP_OK)
        return status == FSP_UNSUPPORTED ? status : FSP_DAMAGED;
    if (header.kind != FSP_OBJECT_TREE ||
        fsp_tree_decode(answer->open, (fsp_slice_t){0}, &self->node) != FSP_OK)
        return FSP_DAMAGED;
    return level == LEVEL_ANY || self->node.level == level ? FSP_OK : FSP_DAMAGED;
}

static fsp_status_t
take_node(fsp_collect_t *self, const fsp_collect_answer_t *answer)
{
    list_t *list = &self->lists[self->depth - 1];
    fsp_status_t status = answer->status;
    if (status == FSP_OK)
        status = judge_node(self, answer, list->keys[list->at], list->level);
    if (status != FSP_OK && FSP_MUTANT(mark_unreadable)) {
        list->at++;
        return FSP_OK;
    }
    if (status != FSP_OK) {
        note_fault(self);
        return status;
    }
    self->counts.nodes++;
    self->taking = true;
    self->child_at = 0;
    if (FSP_MUTANT(mark_node_first) && self->queues[0].count < self->keys_max)
        self->queues[0].keys[self->queues[0].count++] = list->keys[list->at];
    return FSP_OK;
}

static fsp_status_t
take_answer(fsp_collect_t *self, const fsp_collect_answer_t *answer)
{
    fsp_collect_ask_t what = self->question.ask;
    if (what == FSP_COLLECT_OPEN)
        return take_node(self, answer);
    if (what == FSP_COLLECT_AGAIN || answer->status != FSP_OK)
        return answer->status;
    return what == FSP_COLLECT_LOOK ? take_look(self, answer) : take_marks(self, answer);
}

/* -- what next --------------------------------------------------------------------------------- */

/* Sends the lowest queue that has something, of those that must go; false if all have gone. */
static bool
send_queue(fsp_collect_t *self)
{
    for (size_t i = 0; i < self->flush; i++) {
        queue_t *queue = &self->queues[i];
        if (queue->count == 0)
            continue;
        queue->count = sort_keys(queue->keys, queue->count);
        self->sent = i;
        ask(self, FSP_COLLECT_MARK, queue->keys, queue->count);
        return true;
    }
    self->flush = 0;
    return false;
}

/* Takes in the children of the node that was opened. */
static void
take_children(fsp_collect_t *self)
{
    const fsp_tree_node_t *node = &self->node;
    if (node->level > 0) {
        list_t *below = &self->lists[self->depth];
        for (size_t i = 0; i < node->count; i++)
            below->keys[i] = node->children[i].key;
        self->taking = false;
        begin_list(self, node->level - 1, node->count);
        return;
    }
    for (; self->child_at < node->count; self->child_at++)
        if (!push(self, 0, node->children[self->child_at].key))
            return;
    list_t *list = &self->lists[self->depth - 1];
    if (!push(self, 1, list->keys[list->at]))
        return;
    list->at++;
    self->taking = false;
}

/* A list is through: the node above it has everything below it marked, or in a lower queue. */
static void
lift(fsp_collect_t *self)
{
    const list_t *list = &self->lists[self->depth - 1];
    if (self->depth == 1) {
        self->depth = 0;
        self->root_count = 0;
        self->flush = QUEUES;
        return;
    }
    list_t *above = &self->lists[self->depth - 2];
    if (!push(self, 1 + list->level + 1, above->keys[above->at]))
        return;
    above->at++;
    self->depth--;
}

/* The last list: what is to be asked about it; nothing if it is through. */
static void
walk(fsp_collect_t *self)
{
    list_t *list = &self->lists[self->depth - 1];
    if (list->looked < list->count) {
        list->asked = list->count - list->looked;
        if (list->asked > self->keys_max)
            list->asked = self->keys_max;
        ask(self, FSP_COLLECT_LOOK, list->keys + list->looked, list->asked);
    } else if (list->at < list->count) {
        ask(self, FSP_COLLECT_OPEN, &list->keys[list->at], 1);
    } else {
        lift(self);
    }
}

static void
next_page(fsp_collect_t *self)
{
    if (self->table == ROOT_TABLES) {
        if (self->root_count > 0)
            begin_page(self);
        else if (self->queues[0].count > 0)
            self->flush = QUEUES;
        else if (fsp_store_id_is_zero(self->store_id))
            ask(self, FSP_COLLECT_MARK, NULL, 0); /* there is nothing; which disk has it? */
        else
            end(self, FSP_OK);
        return;
    }
    bool full;
    fsp_status_t status = read_roots(self, &full);
    if (status != FSP_OK)
        end(self, status);
    else if (full && self->root_count == PAGE_ROOTS)
        begin_page(self);
    else if (!full)
        ask(self, FSP_COLLECT_AGAIN, NULL, 0);
}

const fsp_collect_question_t *
fsp_collect_step(fsp_collect_t *self, const fsp_collect_answer_t *answer)
{
    FSP_PRE(self != NULL);
    FSP_PRE((answer != NULL) == self->begun);
    FSP_PRE(self->question.ask != FSP_COLLECT_ENDED);
    fsp_status_t status = self->begun ? take_answer(self, answer) : check_space(self);
    self->begun = true;
    if (status != FSP_OK) {
        end(self, status);
        return &self->question;
    }
    ask(self, FSP_COLLECT_NOTHING, NULL, 0);
    while (self->question.ask == FSP_COLLECT_NOTHING) {
        if (self->flush > 0 && send_queue(self))
            break;
        if (self->taking)
            take_children(self);
        else if (self->depth > 0)
            walk(self);
        else
            next_page(self);
    }
    return &self->question;
}
