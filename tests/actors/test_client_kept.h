/* SPDX-License-Identifier: MIT */
/* test_client_kept - the fake node as one that keeps uploads and takes offers.  Layer tests.
 *
 * It keeps whole steps of content ("durable"), forgets the rest when it breaks the connection, and
 * does so at any message that a test names, before or after it has dealt with it.
 */
#ifndef FSP_TESTS_ACTORS_TEST_CLIENT_KEPT_H
#define FSP_TESTS_ACTORS_TEST_CLIENT_KEPT_H
#include "core/data/chunker.h"
#include "tests/actors/test_client_streams.h"

enum { KEPT_WINDOW = 8 * 1024 * 1024, KEPT_BASE_CHUNKS_MAX = 4096 };

typedef struct {
    /* Knobs. */
    uint64_t step;        /* durable grows by this; 0: never */
    unsigned break_type;  /* the connection breaks at the break_nth message of this type */
    unsigned break_nth;   /* counts down; 0: never (again) */
    bool break_after;     /* after it was dealt with, without an answer */
    unsigned break_again; /* so many more times, at the first of this type */
    int64_t offset_lie;   /* added to the offset of a later opening */
    int64_t durable_lie;  /* added to `durable` of CREDIT, from 4 MiB on */
    bool generous;        /* credit without bound */
    unsigned unlisted;    /* so many VERSIONS do not know what was put */
    bool forgets;         /* an upload that became a version is none any more */
    unsigned refuse_code; /* ERROR for PUT, once */
    bool cuts;            /* says `cut` */
    uint64_t chunking[3]; /* as said with it; 0: 64 KiB, 128 KiB, 256 KiB */
    size_t chunking_count;
    bool coarse;       /* chunks as in a space by default */
    unsigned want_lie; /* 1 none, 2 one too many, 3 another place, 4 no truth value */

    /* What is there. */
    fsp_buf_t base; /* the version before */
    struct {
        fsp_hash_t digest;
        uint64_t at;
        uint32_t bytes;
    } known[KEPT_BASE_CHUNKS_MAX];
    size_t known_count;

    /* State of the thread. */
    fsp_buf_t content; /* of the upload */
    uint64_t durable, granted_to, request_id;
    _Atomic unsigned durable_mib; /* what the test's thread may look at */
    uint8_t upload_id[16], op_id[16];
    struct {
        fsp_hash_t digest;
        uint32_t bytes, whole; /* still to come; all */
    } wanted[FSP_OFFER_CHUNKS_MAX];
    bool known_chunk[FSP_OFFER_CHUNKS_MAX];
    size_t offered, passed;
    uint64_t offer_end;
    bool done;

    /* What was seen. */
    unsigned openings, data_bytes, offers, known_passed;
    uint64_t said_offset;
    bool offset_wrong; /* DATA that did not fit */
    fsp_version_id_t known_ids[FSP_KNOWN_MAX];
    size_t known_id_count;
} kept_t;

static kept_t kept;

static inline void
kept_cut_key(fsp_secret_t *ret)
{
    memset(ret->bytes, 5, sizeof ret->bytes);
}

static inline fsp_chunk_params_t
kept_params(void)
{
    if (kept.coarse)
        return fsp_chunk_params_default;
    return (fsp_chunk_params_t){.bytes_min = 65536, .bytes_avg = 131072, .bytes_max = 262144};
}

/* The base becomes an index of its chunks. */
static inline void
kept_index_base(void)
{
    fsp_secret_t key;
    kept_cut_key(&key);
    fsp_chunk_params_t params = kept_params();
    fsp_gear_t *gear = fsp_gear_new(&key, &params);
    fsp_chunker_t chunker;
    fsp_chunker_init(&chunker, gear);
    for (size_t at = 0, start = 0; at < kept.base.bytes;) {
        bool cut = false;
        at +=
            fsp_chunker_feed(&chunker, fsp_slice(kept.base.data + at, kept.base.bytes - at), &cut);
        if (!cut && at < kept.base.bytes)
            continue;
        ck_assert_uint_lt(kept.known_count, KEPT_BASE_CHUNKS_MAX);
        kept.known[kept.known_count].digest =
            fsp_sha256(fsp_slice(kept.base.data + start, at - start));
        kept.known[kept.known_count].at = start;
        kept.known[kept.known_count++].bytes = (uint32_t)(at - start);
        start = at;
    }
    fsp_gear_destroy(&gear);
}

/* The connection is gone, and what is not durable. */
static inline void
kept_break(fake_t *self)
{
    kept.request_id = 0;
    kept.content.bytes = kept.durable;
    self->restart = true;
}

static inline void
kept_credit(fake_t *self, bool opening)
{
    uint64_t to = kept.generous ? kept.content.bytes + KEPT_WINDOW : kept.durable + KEPT_WINDOW;
    fsp_reply_t reply = {.credit = 0};
    if (to > kept.granted_to)
        reply.credit = to - kept.granted_to;
    kept.granted_to += reply.credit;
    reply.has_durable = true;
    reply.durable = kept.durable;
    if (kept.durable >= 4 * 1024 * 1024 && !opening)
        reply.durable = (uint64_t)((int64_t)kept.durable + kept.durable_lie);
    if (opening) {
        reply.has_offset = true;
        reply.offset = kept.durable;
        if (kept.openings > 1)
            reply.offset = reply.durable = (uint64_t)((int64_t)kept.durable + kept.offset_lie);
        if (kept.cuts) {
            fsp_secret_t key;
            kept_cut_key(&key);
            memcpy(reply.cut_key.bytes, key.bytes, sizeof key.bytes);
            fsp_chunk_params_t params = kept_params();
            const uint64_t usual[3] = {params.bytes_min, params.bytes_avg, params.bytes_max};
            memcpy(reply.chunking, kept.chunking_count ? kept.chunking : usual, sizeof usual);
            reply.chunking_count = 3;
        }
    }
    kept.said_offset = reply.offset;
    fake_reply(self, FSP_MSG_CREDIT, kept.request_id, &reply, fsp_slice(NULL, 0));
}

static inline void
kept_put(fake_t *self, uint64_t id, const fsp_request_t *request)
{
    kept.openings++;
    ck_assert_mem_eq(request->op_id.bytes, request->upload_id.bytes, 16);
    ck_assert(request->offer);
    if (kept.refuse_code) {
        fake_error(self, id, kept.refuse_code, 0);
        kept.refuse_code = 0;
        return;
    }
    if (memcmp(kept.upload_id, request->upload_id.bytes, 16) != 0 || (kept.done && kept.forgets)) {
        memcpy(kept.upload_id, request->upload_id.bytes, 16);
        fsp_buf_reset(&kept.content);
        kept.durable = 0;
    }
    memcpy(kept.op_id, request->op_id.bytes, 16);
    memcpy(kept.known_ids, request->known, sizeof kept.known_ids);
    kept.known_id_count = request->known_count;
    kept.content.bytes = kept.durable;
    kept.granted_to = kept.durable;
    kept.request_id = id;
    kept.offered = kept.passed = 0;
    kept.offer_end = kept.durable;
    kept_credit(self, true);
}

/* Content came or was known: durable follows in steps. */
static inline void
kept_grew(fake_t *self)
{
    uint64_t durable = kept.step ? kept.content.bytes - kept.content.bytes % kept.step : 0;
    if (durable > kept.durable || kept.generous) {
        kept.durable = durable > kept.durable ? durable : kept.durable;
        kept.durable_mib = (unsigned)(kept.durable >> 20);
        kept_credit(self, false);
    }
}

/* Chunks that the node has are copied from the base as their turn comes. */
static inline void
kept_pass_known(fake_t *self)
{
    while (kept.passed < kept.offered && kept.known_chunk[kept.passed % FSP_OFFER_CHUNKS_MAX]) {
        size_t i = kept.passed++ % FSP_OFFER_CHUNKS_MAX;
        for (size_t k = 0; k < kept.known_count; k++) {
            if (!fsp_hash_eq(kept.known[k].digest, kept.wanted[i].digest))
                continue;
            fsp_buf_append(&kept.content, kept.base.data + kept.known[k].at, kept.known[k].bytes);
            kept.granted_to += kept.known[k].bytes;
            kept.known_passed++;
            break;
        }
    }
    kept_grew(self);
}

static inline void
kept_offer(fake_t *self, uint64_t id, const fsp_request_t *request)
{
    ck_assert(kept.cuts);
    ck_assert_uint_eq(request->offset, kept.offer_end);
    size_t count = request->chunks.bytes / FSP_OFFER_CHUNK_BYTES;
    uint8_t want[FSP_OFFER_CHUNKS_MAX + 1];
    kept.offers++;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *at = request->chunks.data + i * FSP_OFFER_CHUNK_BYTES;
        size_t place = kept.offered++ % FSP_OFFER_CHUNKS_MAX;
        ck_assert_uint_le(kept.offered - kept.passed, FSP_OFFER_CHUNKS_MAX);
        memcpy(kept.wanted[place].digest.bytes, at, 32);
        kept.wanted[place].bytes = kept.wanted[place].whole = fsp_load_u32(at + 32);
        kept.offer_end += kept.wanted[place].bytes;
        kept.known_chunk[place] = false;
        for (size_t k = 0; k < kept.known_count && !kept.known_chunk[place]; k++)
            kept.known_chunk[place] = fsp_hash_eq(kept.known[k].digest, kept.wanted[place].digest);
        want[i] = !kept.known_chunk[place];
    }
    want[count] = 1;
    fsp_reply_t reply = {.has_offset = true, .offset = request->offset};
    reply.want = fsp_slice(want, count);
    if (kept.want_lie == 1)
        reply.want = fsp_slice(want, 0);
    if (kept.want_lie == 2)
        reply.want.bytes++;
    if (kept.want_lie == 3)
        reply.offset++;
    if (kept.want_lie == 4)
        want[0] = 2;
    fake_reply(self, FSP_MSG_WANT, id, &reply, fsp_slice(NULL, 0));
    kept_pass_known(self);
}

static inline void
kept_data(fake_t *self, fsp_slice_t body, fsp_slice_t payload)
{
    if (body.bytes != 8 || fsp_load_u64(body.data) != kept.content.bytes)
        kept.offset_wrong = true;
    if (kept.content.bytes + payload.bytes > kept.granted_to)
        self->overrun = true;
    fsp_buf_append_slice(&kept.content, payload);
    kept.data_bytes += (unsigned)payload.bytes;
    if (kept.offered > 0) { /* wanted chunks end where they were offered to end */
        size_t place = kept.passed % FSP_OFFER_CHUNKS_MAX;
        uint32_t *left = &kept.wanted[place].bytes;
        ck_assert(kept.passed < kept.offered && !kept.known_chunk[place]);
        ck_assert_uint_le(payload.bytes, *left);
        *left -= (uint32_t)payload.bytes;
        if (*left == 0) {
            size_t whole = kept.wanted[place].whole;
            const uint8_t *end = kept.content.data + kept.content.bytes;
            ck_assert(
                fsp_hash_eq(fsp_sha256(fsp_slice(end - whole, whole)), kept.wanted[place].digest));
            kept.passed++;
            kept_pass_known(self);
            return;
        }
    }
    kept_grew(self);
}

static inline void
kept_commit(fake_t *self, uint64_t id, const fsp_request_t *request, bool quiet)
{
    ck_assert_uint_eq(kept.passed, kept.offered);
    fsp_buf_reset(&self->content);
    fsp_buf_append_slice(&self->content, fsp_buf_slice(&kept.content));
    kept.done = true;
    if (!quiet)
        fake_stored(self, id, request);
}

static inline void
kept_versions(fake_t *self, uint64_t id)
{
    if (!kept.done) {
        fake_error(self, id, fsp_error_info(FSP_NOT_FOUND)->code, 0);
        return;
    }
    fsp_buf_t items;
    fsp_buf_init(&items, FSP_BODY_BYTES_MAX);
    fsp_reply_t reply = {.change = 41, .item_count = 2};
    fsp_version_info_t version = {.number = 4, .kind = FSP_VERSION_PUT, .size = 1};
    memset(version.id.bytes, 3, sizeof version.id.bytes);
    memset(version.op_id.bytes, 4, sizeof version.op_id.bytes);
    fsp_item_version_encode(&version, &items);
    version.number = 3;
    version.id = fake_about(self, fsp_slice(NULL, 0)).version_id;
    if (kept.unlisted == 0)
        memcpy(version.op_id.bytes, kept.op_id, 16);
    else
        kept.unlisted--;
    fsp_item_version_encode(&version, &items);
    reply.items = fsp_buf_slice(&items);
    fake_reply(self, FSP_MSG_OK, id, &reply, fsp_slice(NULL, 0));
    fsp_buf_clear(&items);
}

/* True: this message is where the connection breaks. */
static inline bool
kept_breaks(unsigned type)
{
    if (type != kept.break_type || kept.break_nth == 0 || --kept.break_nth > 0)
        return false;
    if (kept.break_again > 0) {
        kept.break_again--;
        kept.break_nth = 1;
    }
    return true;
}

static inline bool
kept_first(fake_t *self, const fsp_envelope_t *envelope, fsp_slice_t body, fsp_slice_t payload)
{
    unsigned type = envelope->type;
    uint64_t id = envelope->request_id;
    fsp_request_t request;
    bool mine = type == FSP_MSG_PUT || type == FSP_MSG_COMMIT || type == FSP_MSG_OFFER ||
                type == FSP_MSG_ABORT || type == FSP_MSG_VERSIONS;
    if (type == FSP_MSG_DATA || type == FSP_MSG_COMMIT || type == FSP_MSG_OFFER)
        if (id != kept.request_id)
            return true; /* crossed what ended it */
    if (!mine && type != FSP_MSG_DATA)
        return false;
    if (mine)
        ck_assert_int_eq(fsp_request_decode((fsp_client_type_t)type, body, &request), FSP_OK);
    if (type == FSP_MSG_PUT && request.end)
        return false;
    if (type == FSP_MSG_PUT && self->op_count < FAKE_OPS_MAX) {
        memcpy(self->ops[self->op_count], request.op_id.bytes, 16);
        self->attempts[self->op_count] = request.attempt;
        self->sinces[self->op_count++] = request.since;
    }
    bool breaks = kept_breaks(type);
    if (!breaks || kept.break_after) {
        if (type == FSP_MSG_PUT)
            kept_put(self, id, &request);
        else if (type == FSP_MSG_DATA)
            kept_data(self, body, payload);
        else if (type == FSP_MSG_OFFER)
            kept_offer(self, id, &request);
        else if (type == FSP_MSG_COMMIT)
            kept_commit(self, id, &request, breaks);
        else if (type == FSP_MSG_VERSIONS)
            kept_versions(self, id);
        else
            self->aborts++;
    }
    if (breaks)
        kept_break(self);
    return true;
}

static inline void
kept_set_up(void)
{
    set_up();
    memset(&kept, 0, sizeof kept);
    fsp_buf_init(&kept.content, FAKE_CONTENT_MAX);
    fsp_buf_init(&kept.base, FAKE_CONTENT_MAX);
    kept.step = 1024 * 1024;
    fake.minor = 3;
    fake.first = kept_first;
}

static inline void
kept_tear_down(void)
{
    tear_down();
    fsp_buf_clear(&kept.content);
    fsp_buf_clear(&kept.base);
}

/* The node has the pattern from 0 on, all of it. */
static inline void
kept_expect_pattern(uint64_t bytes)
{
    (void)pthread_mutex_lock(&fake.mutex);
    ck_assert_uint_eq(fake.content.bytes, bytes);
    bool same = true;
    for (uint64_t i = 0; i < bytes; i++)
        same = same && fake.content.data[i] == pattern(i);
    ck_assert(same);
    ck_assert(!kept.offset_wrong);
    ck_assert(!fake.overrun);
    (void)pthread_mutex_unlock(&fake.mutex);
}
#endif
