/* SPDX-License-Identifier: MIT */
/* world - random schedules of publishing and collecting in one space on one node.  Layer tests.
 *
 * The real state machine (core/meta) behind a log that loses nothing, the real marker and the real
 * node that stores; sessions of gateways that sleep over rounds, uploads, people that prune, copy,
 * restore, delete and purge, markers that die, overlap and begin anew, crashes that lose what was
 * not written, messages that come late or twice, a disk that is exchanged.  After every step:
 *
 *   LOST   below a retained version, or an upload, an object is not on the disk, or about to go
 *   BYTES  a row without its bytes
 * and after faults have stopped and two full rounds have run:
 *   LEAK   an object that nobody can reach is still there
 *
 * The rules are those of the executable specification of the whole protocol, at one node.
 */
#ifndef FSP_TESTS_UNIT_COLLECT_WORLD_H
#define FSP_TESTS_UNIT_COLLECT_WORLD_H
#include "core/data/collect.h"
#include "tests/unit/collect/disk.h"
#include "tests/unit/meta/meta_world.h"

#include <setjmp.h>

enum { SESSIONS = 4, MARKERS = 2, VERSIONS_MAX = 64, NAMES = 3, STEPS = 500 };

/* Deviations of what is not core: gateways, and the shell around a marker. */
typedef enum {
    LIE_NONE,
    LIE_NO_RESTAMP,     /* a gateway raises its epoch without stamping again */
    LIE_LIVE_STATE,     /* a marker reads the living state, not a frozen one */
    LIE_DONE_AT_ONCE,   /* DONE before anything is marked */
    LIE_DONE_ANY_ROUND, /* DONE for the newest round, whichever was marked */
    LIE_DONE_STOPPED,   /* DONE though the marker was stopped */
} lie_t;

typedef struct {
    fsp_version_id_t id;
    fsp_file_id_t file_id;
    size_t root;
    bool head;
} version_t;

typedef enum { SESSION_FREE, SESSION_PLACES, SESSION_WAITS, SESSION_PUBLISHES } session_phase_t;
typedef struct {
    session_phase_t phase;
    uint64_t epoch, next_epoch; /* u; the one with which all is placed again, 0: none */
    size_t root;                /* of the version to be made */
    set_t todo, placed;
    size_t placing;
    bool having; /* the question under way is HAVE */
    uint64_t token;
    unsigned sleep; /* turns of its own */
    bool keeps;     /* it can send bytes again */
    bool careful;   /* looks for newer epochs */
    fsp_version_id_t bases[2];
    size_t base_count;
    bool upload; /* parts first */
    bool appended;
    size_t part; /* root of the upload */
    fsp_upload_id_t upload_id;
    unsigned attempts;
} session_t;

typedef struct {
    fsp_collect_t *collect;
    fsp_memview_t *frozen;
    uint64_t round;
    const fsp_collect_question_t *question;
    uint64_t token; /* 0: to be asked (again) */
    unsigned sleep;
} marker_t;

static struct {
    fsp_prng_t prng;
    lie_t lie;
    size_t versions_wanted; /* few: objects die; many: they are shared */
    unsigned disk_slow;     /* one look in so many writes */
    fsp_memview_t *old;     /* the state as it was a while ago */
    session_t sessions[SESSIONS];
    marker_t markers[MARKERS];
    version_t versions[VERSIONS_MAX]; /* retained */
    size_t version_count;
    fsp_version_id_t pruned[8]; /* some of those that are not */
    size_t pruned_count;
    set_t needed; /* below all roots that are retained */
    uint64_t last_upload;
    fsp_upload_id_t uploads[4]; /* the last ones that were opened */
    bool faults;
    jmp_buf out;
    char words[160];
    /* What was seen, so that a test knows that it looked at something. */
    uint64_t published, fenced, rounds, marked, stopped, swept, crashes, pruned_total, copied;
    uint64_t appended, finished_uploads, exchanged, restamped;
} sim;

static inline uint64_t
below(uint64_t bound)
{
    return fsp_prng_below(&sim.prng, bound);
}
static inline bool
chance(uint64_t one_in)
{
    return below(one_in) == 0;
}

static void
violate(const char *what, size_t which, const char *when)
{
    (void)snprintf(sim.words, sizeof(sim.words), "%s: object %zu when %s", what, which, when);
    longjmp(sim.out, 1);
}

static void
disk_check(const char *when)
{
    set_t missing = sim.needed & ~(disk.there & ~disk.doomed);
    if (missing)
        violate("LOST", (size_t)__builtin_ctz(missing), when);
}

/* -- the log ----------------------------------------------------------------------------------- */

static inline fsp_space_row_t
sim_space(void)
{
    fsp_row_key_t key = fsp_row_key(world.shard, FSP_TABLE_SPACE, world.space_id);
    const fsp_omap_row_t *found =
        fsp_omap_get(fsp_memview_map(world.rows), fsp_row_key_slice(&key));
    fsp_space_row_t row;
    ck_assert_ptr_nonnull(found);
    ck_assert_int_eq(fsp_space_row_decode(found->value, &row), FSP_OK);
    return row;
}

static inline uint64_t
now_epoch(void)
{
    return sim_space().epoch;
}

static inline void
note_version(fsp_slice_t key, fsp_slice_t value)
{
    fsp_version_row_t row;
    fsp_carrier_t carrier;
    ck_assert_int_eq(fsp_version_row_decode(value, &row), FSP_OK);
    fsp_hash_t id = fsp_sha256(row.record);
    if (!row.retained) {
        fsp_version_id_t *slot = &sim.pruned[sim.pruned_count++ % 8];
        memcpy(slot->bytes, id.bytes, sizeof(id.bytes));
        return;
    }
    ck_assert_uint_lt(sim.version_count, VERSIONS_MAX);
    version_t *version = &sim.versions[sim.version_count];
    ck_assert_int_eq(fsp_carrier_decode(row.carrier, &carrier), FSP_OK);
    *version = (version_t){.root = shape_of(carrier.root_key)};
    if (carrier.root_kind == FSP_ROOT_INLINE)
        return; /* deletions have such */
    ck_assert_uint_lt(version->root, OBJECTS);
    memcpy(version->id.bytes, id.bytes, sizeof(id.bytes));
    memcpy(version->file_id.bytes, key.data + FSP_ROW_PREFIX_BYTES, 16);
    sim.needed |= shapes[version->root].below;
    sim.version_count++;
}

/* What the state says is retained, read with other means than the marker's. */
static inline void
look_at_state(const char *when)
{
    sim.version_count = sim.pruned_count = 0;
    sim.needed = 0;
    const fsp_omap_row_t *row = fsp_omap_first(fsp_memview_map(world.rows));
    for (; row; row = fsp_omap_next(row)) {
        if (row->key.bytes < FSP_ROW_PREFIX_BYTES)
            continue;
        fsp_upload_root_t root;
        if (row->key.data[8] == FSP_TABLE_VERSION) {
            note_version(row->key, row->value);
        } else if (row->key.data[8] == FSP_TABLE_UPLOAD_PART) {
            ck_assert_int_eq(fsp_upload_root_decode(row->value, &root), FSP_OK);
            sim.needed |= shapes[shape_of(root.key)].below;
        } else if (row->key.data[8] == FSP_TABLE_UPLOAD) {
            fsp_upload_row_t upload;
            ck_assert_int_eq(fsp_upload_row_decode(row->value, &upload), FSP_OK);
            if (!fsp_key_is_zero(upload.tail))
                sim.needed |= shapes[shape_of(upload.tail)].below;
        }
    }
    if (sim.pruned_count > 8)
        sim.pruned_count = 8;
    disk_check(when);
}

static inline fsp_status_t
command(const fsp_command_t *wanted, const char *when)
{
    fsp_status_t status = apply(&world, wanted);
    look_at_state(when);
    return status;
}

static inline fsp_slice_t
sim_carrier(size_t root, fsp_buf_t *buf)
{
    fsp_carrier_t carrier = {.root_kind = shapes[root].kind,
                             .root_key = shapes[root].key,
                             .sealed_part = text("sealed")};
    fsp_buf_init(buf, FSP_CARRIER_BYTES_MAX);
    fsp_carrier_encode(&carrier, buf);
    return fsp_buf_slice(buf);
}

static inline const char *
any_name(void)
{
    static const char *const names[NAMES] = {"/f", "/g", "/h"};
    return names[below(NAMES)];
}

/* -- sessions ---------------------------------------------------------------------------------- */

static inline void
session_end(session_t *session)
{
    *session = (session_t){.phase = SESSION_FREE};
}

/* Placed again with this epoch, which counts once all are. */
static inline void
session_restamp(session_t *session)
{
    uint64_t epoch = now_epoch();
    if (epoch <= session->epoch)
        return;
    if (sim.lie == LIE_NO_RESTAMP) {
        session->epoch = epoch;
        return;
    }
    sim.restamped++;
    session->next_epoch = epoch;
    session->todo |= session->placed;
    session->placed = 0;
}

static inline void
session_begin(session_t *session)
{
    static const size_t roots[] = {0, 3, 5, 6, 7, 8, 9, 10, 11, 8, 10, 11};
    *session = (session_t){.phase = SESSION_PLACES,
                           .epoch = now_epoch(),
                           .root = roots[below(sizeof(roots) / sizeof(*roots))],
                           .keeps = !chance(3),
                           .careful = chance(2)};
    session->todo = shapes[session->root].below;
    session->upload = session->root >= 8 && chance(3);
    if (session->upload) {
        session->part = (size_t)(shape_children[session->root][0] - '0');
        session->todo = shapes[session->part].below;
        fsp_command_t open = new_command(&world, FSP_COMMAND_UPLOAD_OPEN);
        fsp_store_u64(session->upload_id.bytes, ++sim.last_upload);
        sim.uploads[sim.last_upload % 4] = session->upload_id;
        open.node.upload_open.id = session->upload_id;
        open.node.upload_open.target = at(any_name());
        open.node.upload_open.condition = condition(FSP_IF_REPLACE);
        open.node.upload_open.duration = (fsp_time_t)3600 * 1000 * 1000;
        ck_assert_int_eq(command(&open, "an upload was opened"), FSP_OK);
    }
    while (sim.version_count > 0 && session->base_count < 2 && chance(2)) {
        const version_t *base = &sim.versions[below(sim.version_count)];
        session->bases[session->base_count++] = base->id;
        if (!session->upload)
            session->todo &= ~shapes[base->root].below;
    }
    if (session->base_count > 0 && !session->upload && chance(2)) {
        /* The content of a base once more, as an edit that changes little: nothing but the root is
           touched. */
        const version_t *base = &sim.versions[below(sim.version_count)];
        session->bases[0] = base->id;
        session->root = base->root;
        session->todo = 0;
    }
    session->todo |= (set_t)1 << (session->upload ? session->part : session->root);
}

static inline fsp_status_t
session_append(session_t *session)
{
    fsp_command_t append = new_command(&world, FSP_COMMAND_UPLOAD_APPEND);
    fsp_buf_t roots;
    fsp_buf_init(&roots, 256);
    fsp_upload_root_write(&(fsp_upload_root_t){.kind = shapes[session->part].kind,
                                               .key = shapes[session->part].key,
                                               .bytes = shapes[session->part].content_bytes},
                          &roots);
    append.epoch = session->epoch;
    append.layout_version = LAYOUT;
    append.node.upload_append.id = session->upload_id;
    append.node.upload_append.roots = fsp_buf_slice(&roots);
    append.node.upload_append.root_count = 1;
    append.node.upload_append.midstate = text("state");
    fsp_status_t status = apply(&world, &append);
    fsp_buf_clear(&roots);
    look_at_state("an upload was appended to");
    return status;
}

static inline fsp_status_t
session_put(session_t *session)
{
    fsp_buf_t carrier;
    fsp_command_t put_it = new_command(&world, FSP_COMMAND_PUT);
    put_it.version = 2;
    put_it.epoch = session->epoch;
    put_it.layout_version = LAYOUT;
    put_it.put.target = at(any_name());
    put_it.put.kind = FSP_KIND_FILE;
    put_it.put.condition = condition(FSP_IF_REPLACE);
    put_it.put.ids_seed = next_seed(&world);
    put_it.put.size = shapes[session->root].content_bytes;
    put_it.put.carrier = sim_carrier(session->root, &carrier);
    put_it.put.upload_id = session->upload_id;
    put_it.put.base_count = session->base_count;
    memcpy(put_it.put.bases, session->bases, sizeof(session->bases));
    fsp_status_t status = apply(&world, &put_it);
    fsp_buf_clear(&carrier);
    look_at_state("a version was published");
    return status;
}

static inline void
session_publish(session_t *session)
{
    bool first = session->upload && !session->appended;
    fsp_status_t status = first ? session_append(session) : session_put(session);
    if (status == FSP_EPOCH) {
        sim.fenced++;
        session->phase = SESSION_PLACES;
        if (session->attempts++ < 2 && chance(2))
            session_restamp(session);
        else
            session_end(session);
        return;
    }
    if (status == FSP_OK && first) {
        /* Taken up later, by another session: what the upload has is not looked at again. */
        sim.appended++;
        session->appended = true;
        session->phase = SESSION_PLACES;
        session->epoch = now_epoch();
        session->placed = 0;
        session->todo = shapes[session->root].below & ~shapes[session->part].below;
        session->sleep = (unsigned)below(chance(3) ? 16 : 3);
        return;
    }
    sim.published += status == FSP_OK;
    sim.finished_uploads += status == FSP_OK && session->upload;
    session_end(session);
}

static inline void
session_ask(session_t *session)
{
    shape_t *shape = &shapes[session->placing];
    uint64_t epoch = session->next_epoch ? session->next_epoch : session->epoch;
    fsp_objects_event_t event = {
        .type = FSP_OBJECTS_HAVE, .epoch = epoch, .keys = &shape->key, .key_count = 1};
    if (!session->having) {
        event.type = FSP_OBJECTS_PUT;
        event.object = shape->bytes;
    }
    session->phase = SESSION_WAITS;
    session->token = disk_ask(&sim.prng, event);
}

static inline void
session_heard(session_t *session)
{
    const request_t *request = request_of(session->token);
    session->phase = SESSION_PLACES;
    bool yes = request->status == FSP_OK && (!session->having || request->yes[0] == 1);
    if (yes) {
        session->placed |= (set_t)1 << session->placing;
        session->todo &= ~((set_t)1 << session->placing);
        session->sleep = chance(6) ? (unsigned)below(chance(4) ? 24 : 4) : 0;
    } else if (session->having && (session->keeps || !session->next_epoch)) {
        session->having = false;
        session_ask(session);
    } else {
        session_end(session);
    }
}

static inline void
session_act(session_t *session)
{
    if (session->sleep > 0) {
        session->sleep--;
        return;
    }
    switch (session->phase) {
    case SESSION_FREE:
        if (sim.faults && chance(4) && sim.version_count < sim.versions_wanted)
            session_begin(session);
        break;
    case SESSION_PLACES:
        if (session->careful && !session->next_epoch && chance(4))
            session_restamp(session);
        if (session->todo) {
            do
                session->placing = (size_t)below(OBJECTS);
            while (!(session->todo & (set_t)1 << session->placing));
            session->having = session->next_epoch || chance(2);
            session_ask(session);
            break;
        }
        if (session->next_epoch) {
            session->epoch = session->next_epoch;
            session->next_epoch = 0;
        }
        session->sleep = chance(3) ? (unsigned)below(session->base_count > 0 ? 30 : 16) : 0;
        session->phase = SESSION_PUBLISHES;
        break;
    case SESSION_WAITS:
        if (request_of(session->token)->answered)
            session_heard(session);
        break;
    case SESSION_PUBLISHES:
        session_publish(session);
        break;
    }
}

/* -- people ------------------------------------------------------------------------------------ */

static inline void
prune_one(const version_t *version)
{
    fsp_command_t prune = new_command(&world, FSP_COMMAND_PRUNE);
    prune.history.given = true;
    prune.history.target = by_id(version->file_id);
    prune.history.versions = FSP_SLICE_OF(version->id);
    sim.pruned_total += command(&prune, "a version was pruned") == FSP_OK;
}

static inline void
purge_all(void)
{
    fsp_command_t purge = new_command(&world, FSP_COMMAND_PURGE);
    purge.history.before = world.time + 1000000;
    purge.history.person = true;
    (void)command(&purge, "the trash was purged");
}

static inline void
copy_or_restore(fsp_version_id_t id, fsp_file_id_t from)
{
    fsp_command_t again = new_command(&world, chance(2) ? FSP_COMMAND_COPY : FSP_COMMAND_RESTORE);
    again.epoch = now_epoch();
    again.layout_version = LAYOUT;
    if (again.type == FSP_COMMAND_COPY) {
        again.copy.from = by_id(from);
        again.copy.version_id = id;
        again.copy.to = at(any_name());
        again.copy.condition = condition(FSP_IF_REPLACE);
        again.copy.ids_seed = file_id(below(2000) + 3); /* before or behind the others */
    } else {
        again.restore.target = by_id(from);
        again.restore.version_id = id;
        again.restore.condition = condition(FSP_IF_REPLACE);
    }
    sim.copied += command(&again, "a version was copied") == FSP_OK;
}

static inline void
manage(void)
{
    const version_t *version =
        sim.version_count > 0 ? &sim.versions[below(sim.version_count)] : NULL;
    /* Often one on which a session builds just now. */
    const session_t *session = &sim.sessions[below(SESSIONS)];
    for (size_t i = 0; i < sim.version_count && session->base_count > 0; i++)
        if (fsp_version_id_eq(sim.versions[i].id, session->bases[0]))
            version = &sim.versions[i];
    switch (below(sim.version_count < sim.versions_wanted ? 8 : 4)) {
    case 0:
    case 1:
    case 2:
        if (version)
            prune_one(version);
        break;
    case 3:
        (void)remove_at(&world, any_name());
        look_at_state("a file was deleted");
        break;
    case 4:
        purge_all();
        break;
    case 5:
        if (version) {
            version_t before = *version; /* the list is made anew with every command */
            copy_or_restore(before.id, before.file_id);
            if (chance(2))
                prune_one(&before);
        }
        break;
    case 6:
        if (version && sim.pruned_count > 0)
            copy_or_restore(sim.pruned[below(sim.pruned_count)], version->file_id);
        break;
    default: {
        fsp_command_t abort_it = new_command(&world, FSP_COMMAND_UPLOAD_ABORT);
        abort_it.node.upload_abort.id = sim.uploads[below(4)];
        (void)command(&abort_it, "an upload was aborted");
        break;
    }
    }
}

/* -- rounds ------------------------------------------------------------------------------------ */

static inline void
gc_command(fsp_command_type_t type, uint64_t round)
{
    fsp_command_t gc = new_command(&world, type);
    gc.subject = (fsp_subject_id_t){{0}};
    gc.access.value = round;
    gc.access.detail = type == FSP_COMMAND_GC_OPEN ? LAYOUT : 0;
    sim.rounds += command(&gc, "a round was opened") == FSP_OK && type == FSP_COMMAND_GC_OPEN;
}

static inline void
marker_end(marker_t *marker)
{
    fsp_collect_destroy(&marker->collect);
    fsp_memview_destroy(&marker->frozen);
    *marker = (marker_t){.round = 0};
}

static inline void
send_done(uint64_t round, fsp_store_id_t store_id)
{
    if (sim.lie == LIE_DONE_ANY_ROUND)
        round = now_epoch();
    (void)disk_ask(&sim.prng, (fsp_objects_event_t){
                                  .type = FSP_OBJECTS_DONE, .round = round, .store_id = store_id});
}

static inline fsp_memview_t *
frozen_state(void)
{
    fsp_memview_t *frozen = fsp_memview_new();
    const fsp_omap_row_t *row = fsp_omap_first(fsp_memview_map(world.rows));
    for (; row; row = fsp_omap_next(row))
        fsp_omap_put(fsp_memview_map(frozen), row->key, row->value, 0);
    return frozen;
}

/* Over the state as it is now, or as a lagging replica has it: the marker finds out. */
static inline void
marker_begin(marker_t *marker, uint64_t round, bool lagging)
{
    marker->round = round;
    if (lagging && sim.old) {
        marker->frozen = sim.old;
        sim.old = NULL;
    } else if (sim.lie != LIE_LIVE_STATE) {
        marker->frozen = frozen_state();
    }
    marker->collect =
        fsp_collect_new(world.shard, world.space_id, round,
                        fsp_memview_view(marker->frozen ? marker->frozen : world.rows),
                        chance(2) ? 1 : 1 + (size_t)below(16));
    marker->question = fsp_collect_step(marker->collect, NULL);
    if (sim.lie == LIE_DONE_AT_ONCE)
        send_done(round, disk.store_id);
}

static inline void
marker_ask(marker_t *marker)
{
    const fsp_collect_question_t *question = marker->question;
    for (size_t i = 1; i < question->key_count; i++)
        ck_assert_int_lt(fsp_key_cmp(question->keys[i - 1], question->keys[i]), 0);
    marker->token =
        disk_ask(&sim.prng, (fsp_objects_event_t){.type = FSP_OBJECTS_MARK,
                                                  .round = marker->round,
                                                  .store_id = fsp_collect_store(marker->collect),
                                                  .look = question->ask == FSP_COLLECT_LOOK,
                                                  .keys = question->keys,
                                                  .key_count = question->key_count});
}

static inline void
marker_open(marker_t *marker)
{
    static uint8_t head[FSP_OBJECT_HEAD_BYTES];
    fsp_collect_answer_t answer = {.store_id = disk.store_id};
    size_t which = shape_of(marker->question->keys[0]);
    ck_assert_uint_lt(which, OBJECTS);
    if (sim.faults && chance(25))
        answer.status = chance(2) ? FSP_IO : FSP_TIMEOUT;
    else
        answer.status = disk_read(which, &answer.head, &answer.open, head);
    marker->question = fsp_collect_step(marker->collect, &answer);
}

static inline void
marker_act(marker_t *marker)
{
    if (!marker->collect)
        return;
    if (marker->sleep > 0) {
        marker->sleep--;
        return;
    }
    marker->sleep = chance(15) ? (unsigned)below(12) : 0;
    if (marker->token != 0) {
        const request_t *request = request_of(marker->token);
        if (!request->answered)
            return;
        marker->token = 0;
        fsp_collect_answer_t answer = {.status = request->status,
                                       .store_id = disk.store_id,
                                       .marks = fsp_slice(request->yes, request->yes_count)};
        marker->question = fsp_collect_step(marker->collect, &answer);
        return;
    }
    switch (marker->question->ask) {
    case FSP_COLLECT_LOOK:
    case FSP_COLLECT_MARK:
        marker_ask(marker);
        break;
    case FSP_COLLECT_OPEN:
        marker_open(marker);
        break;
    case FSP_COLLECT_AGAIN:
        marker->question = fsp_collect_step(marker->collect, &(fsp_collect_answer_t){0});
        break;
    case FSP_COLLECT_ENDED:
        sim.marked += marker->question->status == FSP_OK;
        sim.stopped += marker->question->status != FSP_OK;
        if (marker->question->status == FSP_OK || sim.lie == LIE_DONE_STOPPED) {
            send_done(marker->round, fsp_collect_store(marker->collect));
            if (chance(2))
                gc_command(FSP_COMMAND_GC_CLOSE, marker->round);
        }
        marker_end(marker);
        break;
    case FSP_COLLECT_NOTHING:
        ck_abort_msg("a question that is none");
    }
}

/* Somebody looks after rounds: opens one, lets a marker run, or die. */
static inline void
look_after_rounds(void)
{
    marker_t *marker = &sim.markers[below(MARKERS)];
    uint64_t epoch = now_epoch();
    if (marker->collect) {
        if (chance(12))
            marker_end(marker);
    } else if (!sim.old && chance(6)) {
        sim.old = frozen_state();
    } else if (chance(4)) {
        gc_command(FSP_COMMAND_GC_OPEN, epoch + 1);
        marker_begin(marker, epoch + 1, chance(3));
    } else if (epoch > 0) {
        marker_begin(marker, epoch, false);
    }
}

/* -- schedules --------------------------------------------------------------------------------- */

static inline void
forget_questions(void)
{
    for (size_t i = 0; i < MARKERS; i++)
        sim.markers[i].token = 0;
    for (size_t i = 0; i < SESSIONS; i++)
        if (sim.sessions[i].phase == SESSION_WAITS)
            sim.sessions[i].phase = SESSION_PLACES;
}

static inline void
one_event(unsigned crashes)
{
    uint64_t dice = below(1000);
    if (dice < 330) {
        session_act(&sim.sessions[below(SESSIONS)]);
    } else if (dice < 560) {
        if (chance(sim.disk_slow))
            disk_write();
    } else if (dice < 760) {
        marker_act(&sim.markers[below(MARKERS)]);
    } else if (dice < 860) {
        if (fsp_objects_sweeping(disk.engine))
            disk_step(&(fsp_objects_event_t){.type = FSP_OBJECTS_SWEEP});
    } else if (dice < 910) {
        manage();
    } else if (dice < 950) {
        look_after_rounds();
    } else if (dice < 975) {
        disk_late(&sim.prng);
    } else if (dice < 975 + crashes) {
        disk_crash(&sim.prng);
        forget_questions();
        sim.crashes++;
    } else if (dice >= 995 && crashes) {
        disk_exchange(&sim.prng);
        forget_questions();
        sim.exchanged++;
    }
}

/* One whole round without faults. */
static inline void
full_round(void)
{
    gc_command(FSP_COMMAND_GC_OPEN, now_epoch() + 1);
    marker_t *marker = &sim.markers[0];
    marker_begin(marker, now_epoch(), false);
    while (marker->collect) {
        marker->sleep = 0;
        marker_act(marker);
        disk_write();
    }
    while (fsp_objects_sweeping(disk.engine) || disk.written_token < disk.write_token) {
        disk_step(&(fsp_objects_event_t){.type = FSP_OBJECTS_SWEEP});
        disk_write();
    }
}

static inline void
heal(void)
{
    sim.faults = false;
    disk.late_count = 0;
    for (size_t i = 0; i < MARKERS; i++)
        marker_end(&sim.markers[i]);
    for (size_t i = 0; i < SESSIONS; i++)
        session_end(&sim.sessions[i]);
    while (disk.written_token < disk.write_token)
        disk_write();
    full_round();
    full_round();
    set_t left = disk.there & ~sim.needed;
    if (left)
        violate("LEAK", (size_t)__builtin_ctz(left), "two full rounds had run");
    disk_check_bytes();
}

static inline void
begin_world(uint64_t seed, lie_t lie)
{
    fsp_prng_init(&sim.prng, seed);
    sim.lie = lie;
    sim.faults = true;
    sim.versions_wanted = (size_t)2 << below(4);
    sim.disk_slow = 1u << 2 * below(3);
    sim.needed = 0;
    sim.last_upload = 0;
    memset(sim.uploads, 0xee, sizeof(sim.uploads));
    world_init(&world);
    ck_assert(fsp_space_id_eq(world.space_id, shape_space));
    fsp_command_t level = new_command(&world, FSP_COMMAND_LEVEL_RAISE);
    level.subject = (fsp_subject_id_t){{0}};
    level.space_id = (fsp_space_id_t){{0}};
    level.access.value = 2;
    ck_assert_int_eq(apply(&world, &level), FSP_OK);
    disk_open();
}

static inline void
end_world(void)
{
    sim.swept += disk.swept;
    for (size_t i = 0; i < MARKERS; i++)
        marker_end(&sim.markers[i]);
    fsp_memview_destroy(&sim.old);
    memset(sim.sessions, 0, sizeof(sim.sessions));
    disk_close();
    world_clear(&world);
}

/* False, with words, if the schedule of this seed shows something wrong.  Counters add up. */
static inline bool
schedule(uint64_t seed, lie_t lie)
{
    begin_world(seed, lie);
    unsigned crashes = chance(2) ? (unsigned)below(12) : 0;
    bool fine = setjmp(sim.out) == 0;
    if (fine) {
        look_at_state("nothing had happened");
        for (unsigned step = 0; step < STEPS; step++)
            one_event(crashes);
        heal();
    }
    end_world();
    return fine;
}

/* A session that touches nothing but its root, since all below is below its base, which is pruned,
   and swept, before it publishes.  False, with words, if something is lost; *ret: what the log said
   to it. */
static inline bool
pruned_base(fsp_status_t *ret)
{
    begin_world(1, LIE_NONE);
    sim.faults = false;
    bool fine = setjmp(sim.out) == 0;
    if (fine) {
        session_t first = {.root = 8};
        for (size_t i = 0; i < OBJECTS; i++)
            if (shapes[8].below & (set_t)1 << i) {
                first.placing = i;
                session_ask(&first);
                disk_write();
            }
        ck_assert_int_eq(session_put(&first), FSP_OK);
        full_round();
        full_round();
        full_round();
        session_t second = {.root = 8, .placing = 8, .epoch = now_epoch(), .base_count = 1};
        version_t base = sim.versions[0];
        second.bases[0] = base.id;
        session_ask(&second);
        session_t third = {.root = 3, .placing = 3, .epoch = now_epoch()};
        session_ask(&third);
        disk_write();
        disk_write();
        uint64_t pruned = sim.pruned_total;
        while (sim.pruned_total == pruned) { /* until it lies over the base, under some name */
            ck_assert_int_eq(session_put(&third), FSP_OK);
            prune_one(&base);
        }
        full_round();
        *ret = session_put(&second);
    }
    end_world();
    return fine;
}
#endif
