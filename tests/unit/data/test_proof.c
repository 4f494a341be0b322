/* SPDX-License-Identifier: MIT */
/* test_proof - all that a version refers to is looked at, and every damage of it found.  Tests. */
#include "core/base/memview.h"
#include "core/data/details.h"
#include "core/data/proof.h"
#include "tests/unit/data/transfer.h"

enum { SLOT_BITS = 16, CONTENT_BYTES = 60 * 1000, SETS_BYTES = 1024 * 1024 };

static const fsp_space_id_t space = {{1, 2, 3}};
static world_t world;
static fsp_memview_t *rows, *bytes;
static fsp_proof_t proof;
static fsp_fault_t last;
static size_t fault_count;
static uint8_t *content;
static fsp_upload_outcome_t outcome;
static fsp_buf_t carrier_bytes;

static void
on_fault(void *context, const fsp_fault_t *fault)
{
    (void)context;
    fault_count++;
    last = *fault;
    last.key = (fsp_slice_t){0};
}

static fsp_status_t
read_bytes(void *context, fsp_family_t family, fsp_slice_t key, fsp_blob_t **ret)
{
    (void)context;
    fsp_memview_t *view = family == FSP_FAMILY_OBJECT ? rows : bytes;
    const fsp_omap_row_t *row = fsp_omap_get(fsp_memview_map(view), key);
    if (!row)
        return FSP_NOT_FOUND;
    *ret = fsp_blob_copy(row->value.data, row->value.bytes);
    return FSP_OK;
}

static fsp_buf_t
row_key(fsp_key_t key, uint8_t suffix)
{
    fsp_buf_t buf;
    fsp_buf_init(&buf, FSP_ROW_KEY_BYTES_MAX);
    fsp_object_row_key(SLOT_BITS, space, key, suffix, &buf);
    return buf;
}

static void
put_in(fsp_memview_t *view, fsp_key_t key, uint8_t suffix, fsp_slice_t value)
{
    fsp_buf_t buf = row_key(key, suffix);
    fsp_omap_put(fsp_memview_map(view), fsp_buf_slice(&buf), value, 0);
    fsp_buf_clear(&buf);
}

static void
remove_from(fsp_memview_t *view, fsp_key_t key, uint8_t suffix)
{
    fsp_buf_t buf = row_key(key, suffix);
    fsp_omap_remove(fsp_memview_map(view), fsp_buf_slice(&buf));
    fsp_buf_clear(&buf);
}

/* Stores an object: some in OBJECT, some in BYTES. */
static void
store(fsp_key_t key, fsp_slice_t object, uint64_t flags)
{
    fsp_key_t name;
    fsp_object_header_t header;
    fsp_object_row_t row = {.family = key.bytes[31] & 1 ? FSP_FAMILY_BYTES : FSP_FAMILY_OBJECT,
                            .flags = flags};
    ck_assert_int_eq(fsp_object_name(object, &name, row.head), FSP_OK);
    ck_assert_int_eq(fsp_object_header_decode(object, &header), FSP_OK);
    row.kind = header.kind;
    row.open_bytes = header.open_bytes;
    row.sealed_bytes = fsp_object_sealed_bytes(&header);
    fsp_buf_t value;
    fsp_buf_init(&value, 1024);
    fsp_object_row_encode(&row, &value);
    put_in(rows, key, 0, fsp_buf_slice(&value));
    if (row.family == FSP_FAMILY_BYTES)
        put_in(bytes, key, 0, object);
    else
        put_in(rows, key, 1, object);
    fsp_buf_clear(&value);
}

static void
store_all(void)
{
    const fsp_omap_row_t *row = fsp_omap_first(world.objects);
    for (; row; row = fsp_omap_next(row)) {
        fsp_key_t key;
        memcpy(key.bytes, row->key.data, sizeof(key.bytes));
        store(key, row->value, 0);
    }
}

static void
make_carrier(const fsp_details_t *details, fsp_object_kind_t details_kind)
{
    fsp_buf_t plain;
    fsp_key_t key;
    fsp_buf_init(&plain, 4096);
    fsp_details_encode(details, &plain);
    fsp_blob_t *sealed = fsp_object_seal(world.keys, details_kind, fsp_slice(NULL, 0),
                                         fsp_buf_slice(&plain), &key, NULL);
    fsp_carrier_t carrier = {.root_kind = outcome.root_kind,
                             .root_key = outcome.root_key,
                             .sealed_part = fsp_blob_slice(sealed)};
    fsp_buf_reset(&carrier_bytes);
    fsp_carrier_encode(&carrier, &carrier_bytes);
    fsp_blob_destroy(&sealed);
    fsp_buf_clear(&plain);
}

static fsp_details_t
right_details(void)
{
    return (fsp_details_t){.sha256 = outcome.sha256, .chunk_count = outcome.chunk_count};
}

static void
begin(void)
{
    fsp_proof_clear(&proof);
    fsp_proof_init(&proof, SETS_BYTES);
    proof.objects = fsp_memview_view(rows);
    proof.slot_bits = SLOT_BITS;
    proof.read = read_bytes;
    proof.fault = on_fault;
    proof.space_id = space;
    proof.keys = world.keys;
    fault_count = 0;
}

static void
set_up(void)
{
    world_init(&world, &params_small, fsp_suite_seed(5));
    rows = fsp_memview_new();
    bytes = fsp_memview_new();
    fsp_buf_init(&carrier_bytes, FSP_CARRIER_BYTES_MAX);
    content = make_content(&world, CONTENT_BYTES, 1);
    outcome = upload_content(&world, content, CONTENT_BYTES);
    ck_assert_int_eq(outcome.root_kind, FSP_ROOT_TREE);
    store_all();
    fsp_details_t details = right_details();
    make_carrier(&details, FSP_OBJECT_DETAILS);
    proof = (fsp_proof_t){0};
    begin();
}

static void
tear_down(void)
{
    fsp_proof_clear(&proof);
    fsp_free(content);
    fsp_buf_clear(&carrier_bytes);
    fsp_memview_destroy(&rows);
    fsp_memview_destroy(&bytes);
    world_clear(&world);
}

static size_t
prove(uint64_t size)
{
    begin();
    fsp_proof_version(&proof, fsp_buf_slice(&carrier_bytes), size);
    return fault_count;
}

START_TEST(a_sound_version_has_no_fault_and_no_orphan)
{
    ck_assert_msg(prove(CONTENT_BYTES) == 0, "%s: %s", last.kind, last.what);
    ck_assert_uint_eq(fsp_keyset_count(proof.seen), fsp_omap_count(world.objects));
    fsp_proof_version(&proof, fsp_buf_slice(&carrier_bytes), CONTENT_BYTES);
    fsp_proof_rows(&proof, fsp_memview_view(bytes));
    ck_assert_uint_eq(fault_count, 0);
    ck_assert_uint_eq(proof.contents, 2);
    ck_assert_uint_eq(proof.object_count, fsp_omap_count(world.objects));
    ck_assert_uint_eq(proof.orphan_count, 0);
    ck_assert_uint_eq(proof.loose_count, 0);
}
END_TEST

START_TEST(any_object_that_is_damaged_is_found)
{
    const fsp_omap_row_t *row = fsp_omap_first(world.objects);
    for (; row; row = fsp_omap_next(row)) {
        fsp_key_t key;
        memcpy(key.bytes, row->key.data, sizeof(key.bytes));
        fsp_memview_t *where = key.bytes[31] & 1 ? bytes : rows;
        uint8_t suffix = key.bytes[31] & 1 ? 0 : 1;
        uint8_t *copy = fsp_alloc(row->value.bytes);
        memcpy(copy, row->value.data, row->value.bytes);

        remove_from(rows, key, 0);
        ck_assert_uint_eq(prove(CONTENT_BYTES), 1);
        ck_assert_str_eq(last.kind, "object-missing");
        store(key, row->value, 0);

        remove_from(where, key, suffix);
        ck_assert_uint_eq(prove(CONTENT_BYTES), 1);
        ck_assert_str_eq(last.kind, "object-bytes");
        put_in(where, key, suffix, fsp_slice(copy, row->value.bytes - 1));
        ck_assert_uint_eq(prove(CONTENT_BYTES), 1);
        ck_assert_str_eq(last.kind, "object-bytes");

        put_in(rows, key, 0, fsp_slice_text("no row"));
        ck_assert_uint_eq(prove(CONTENT_BYTES), 1);
        ck_assert_str_eq(last.kind, "object-row");
        store(key, row->value, FSP_OBJECT_SUSPECT);
        ck_assert_uint_eq(prove(CONTENT_BYTES), 1);
        ck_assert_str_eq(last.kind, "object-suspect");

        store(key, row->value, 0);
        for (size_t at = 0; at < row->value.bytes; at += 1 + row->value.bytes / 7) {
            copy[at] ^= 0x20;
            put_in(where, key, suffix, fsp_slice(copy, row->value.bytes));
            ck_assert_uint_eq(prove(CONTENT_BYTES), 1);
            ck_assert_str_eq(last.kind, "object-name");
            copy[at] ^= 0x20;
        }
        store(key, row->value, 0);
        fsp_free(copy);
    }
    ck_assert_uint_eq(prove(CONTENT_BYTES), 0);
}
END_TEST

START_TEST(damage_is_told_for_every_version)
{
    const fsp_omap_row_t *row = fsp_omap_first(world.objects);
    fsp_key_t key;
    memcpy(key.bytes, row->key.data, sizeof(key.bytes));
    uint8_t *copy = fsp_alloc(row->value.bytes);
    memcpy(copy, row->value.data, row->value.bytes);
    copy[row->value.bytes - 1] ^= 1;
    put_in(key.bytes[31] & 1 ? bytes : rows, key, key.bytes[31] & 1 ? 0 : 1,
           fsp_slice(copy, row->value.bytes));
    ck_assert_uint_eq(prove(CONTENT_BYTES), 1);
    proof.number = 2;
    fsp_proof_version(&proof, fsp_buf_slice(&carrier_bytes), CONTENT_BYTES);
    ck_assert_uint_eq(fault_count, 2);
    ck_assert_uint_eq(last.number, 2);
    fsp_free(copy);
}
END_TEST

START_TEST(objects_under_other_names_are_found)
{
    const fsp_omap_row_t *first = fsp_omap_first(world.objects);
    const fsp_omap_row_t *second = fsp_omap_next(first);
    fsp_key_t key;
    memcpy(key.bytes, first->key.data, sizeof(key.bytes));
    store(key, second->value, 0); /* sound, but another */
    ck_assert_uint_eq(prove(CONTENT_BYTES), 1);
    ck_assert_str_eq(last.kind, "object-row");
}
END_TEST

START_TEST(what_the_record_and_the_details_say_is_compared)
{
    ck_assert_uint_eq(prove(CONTENT_BYTES + 1), 1);
    ck_assert_str_eq(last.kind, "content");
    fsp_details_t details = right_details();
    details.sha256.bytes[7] ^= 1;
    make_carrier(&details, FSP_OBJECT_DETAILS);
    ck_assert_uint_eq(prove(CONTENT_BYTES), 1);
    ck_assert_str_eq(last.kind, "content");
    details = right_details();
    details.chunk_count++;
    make_carrier(&details, FSP_OBJECT_DETAILS);
    ck_assert_uint_eq(prove(CONTENT_BYTES), 1);
    ck_assert_str_eq(last.kind, "content");
    details = right_details();
    make_carrier(&details, FSP_OBJECT_ATTR);
    ck_assert_uint_eq(prove(CONTENT_BYTES), 1);
    ck_assert_str_eq(last.kind, "details");
    make_carrier(&details, FSP_OBJECT_DETAILS);
    carrier_bytes.data[carrier_bytes.bytes - 1] ^= 1;
    ck_assert_uint_eq(prove(CONTENT_BYTES), 1);
    ck_assert_str_eq(last.kind, "details");
}
END_TEST

START_TEST(another_key_opens_nothing)
{
    fsp_space_keys_t *others = fsp_space_keys_new();
    fsp_secret_t secret = {{9}};
    fsp_space_keys_add(others, 1, &secret);
    begin();
    proof.keys = others;
    fsp_proof_version(&proof, fsp_buf_slice(&carrier_bytes), CONTENT_BYTES);
    ck_assert_uint_eq(fault_count, 1);
    ck_assert_str_eq(last.kind, "details");
    fsp_space_keys_destroy(&others);
}
END_TEST

START_TEST(inline_content_is_proved)
{
    const fsp_slice_t text = fsp_slice_text("inline content");
    fsp_key_t key, details_key;
    fsp_blob_t *object =
        fsp_object_seal(world.keys, FSP_OBJECT_INLINE, (fsp_slice_t){0}, text, &key, NULL);
    fsp_details_t details = {.sha256 = fsp_sha256(text)};
    fsp_buf_t plain;
    fsp_buf_init(&plain, 4096);
    fsp_details_encode(&details, &plain);
    fsp_blob_t *sealed = fsp_object_seal(world.keys, FSP_OBJECT_DETAILS, (fsp_slice_t){0},
                                         fsp_buf_slice(&plain), &details_key, NULL);
    fsp_carrier_t carrier = {.root_kind = FSP_ROOT_INLINE,
                             .root_key = key,
                             .inline_object = fsp_blob_slice(object),
                             .sealed_part = fsp_blob_slice(sealed)};
    fsp_buf_reset(&carrier_bytes);
    fsp_carrier_encode(&carrier, &carrier_bytes);
    ck_assert_uint_eq(prove(text.bytes), 0);
    ck_assert_uint_eq(prove(text.bytes - 1), 1);
    carrier.root_key.bytes[5] ^= 1;
    fsp_buf_reset(&carrier_bytes);
    fsp_carrier_encode(&carrier, &carrier_bytes);
    ck_assert_uint_eq(prove(text.bytes), 1);
    ck_assert_str_eq(last.kind, "content");
    begin();
    fsp_proof_attr(&proof, fsp_blob_slice(sealed));
    ck_assert_uint_eq(fault_count, 1);
    ck_assert_str_eq(last.kind, "attr");
    fsp_blob_destroy(&object);
    fsp_blob_destroy(&sealed);
    fsp_buf_clear(&plain);
}
END_TEST

/* An upload of all of the content, as a gateway leaves it. */
static size_t
prove_upload_of(const fsp_midstate_t *midstate, fsp_key_t root, uint64_t offset)
{
    fsp_buf_t plain, roots;
    fsp_key_t key;
    fsp_buf_init(&plain, 512);
    fsp_buf_init(&roots, 512);
    fsp_midstate_encode(midstate, &plain);
    fsp_blob_t *sealed = fsp_object_seal(world.keys, FSP_OBJECT_DETAILS, fsp_slice(NULL, 0),
                                         fsp_buf_slice(&plain), &key, NULL);
    fsp_upload_root_write(&(fsp_upload_root_t){.kind = FSP_ROOT_TREE, .key = root, .bytes = offset},
                          &roots);
    fsp_upload_info_t upload = {.offset = offset,
                                .roots = fsp_buf_slice(&roots),
                                .root_count = 1,
                                .midstate = fsp_blob_slice(sealed)};
    begin();
    fsp_proof_upload(&proof, &upload);
    fsp_blob_destroy(&sealed);
    fsp_buf_clear(&plain);
    fsp_buf_clear(&roots);
    return fault_count;
}

START_TEST(an_open_upload_is_proved_with_its_hash)
{
    fsp_midstate_t midstate = {.root_kind = FSP_ROOT_TREE,
                               .root_key = outcome.root_key,
                               .root_object_bytes = 1000,
                               .offset = CONTENT_BYTES,
                               .chunk_count = outcome.chunk_count,
                               .hashed = true};
    fsp_sha256_t *sha256 = fsp_sha256_new();
    fsp_sha256_update(sha256, fsp_slice(content, CONTENT_BYTES));
    fsp_sha256_save(sha256, &midstate.hash);
    fsp_sha256_destroy(&sha256);
    ck_assert_msg(prove_upload_of(&midstate, outcome.root_key, CONTENT_BYTES) == 0, "%s: %s",
                  last.kind, last.what);
    fsp_proof_rows(&proof, fsp_memview_view(bytes));
    ck_assert_uint_eq(fault_count, 0);
    ck_assert_uint_eq(proof.orphan_count, 0);
    fsp_midstate_t bad = midstate;
    bad.hash.words[7] ^= 1;
    ck_assert_uint_eq(prove_upload_of(&bad, outcome.root_key, CONTENT_BYTES), 1);
    ck_assert_str_eq(last.kind, "upload");
    bad = midstate;
    bad.chunk_count++;
    ck_assert_uint_eq(prove_upload_of(&bad, outcome.root_key, CONTENT_BYTES), 1);
    bad = midstate;
    bad.root_key.bytes[3] ^= 1;
    ck_assert_uint_eq(prove_upload_of(&bad, outcome.root_key, CONTENT_BYTES), 1);
    ck_assert_str_eq(last.kind, "upload");
    /* A missing root; a root of another length. */
    bad = midstate;
    bad.root_key.bytes[3] ^= 1;
    ck_assert_uint_eq(prove_upload_of(&bad, bad.root_key, CONTENT_BYTES), 1);
    ck_assert_str_eq(last.kind, "object-missing");
    ck_assert_uint_ge(prove_upload_of(&midstate, outcome.root_key, CONTENT_BYTES - 1), 1);
    /* Without a hash, all but it is proved. */
    midstate.hashed = false;
    ck_assert_uint_eq(prove_upload_of(&midstate, outcome.root_key, CONTENT_BYTES), 0);
}
END_TEST

START_TEST(orphans_are_counted_and_damaged_ones_found)
{
    begin();
    fsp_proof_rows(&proof, fsp_memview_view(bytes));
    ck_assert_uint_eq(fault_count, 0);
    ck_assert_uint_eq(proof.orphan_count, fsp_omap_count(world.objects));
    ck_assert_uint_eq(proof.orphan_bytes, proof.object_bytes);

    /* Bytes without a row, on either side. */
    size_t loose = 0;
    for (const fsp_omap_row_t *row = fsp_omap_first(world.objects); row && loose < 4;
         row = fsp_omap_next(row), loose++) {
        fsp_key_t key;
        memcpy(key.bytes, row->key.data, sizeof(key.bytes));
        remove_from(rows, key, 0);
    }
    begin();
    fsp_proof_rows(&proof, fsp_memview_view(bytes));
    ck_assert_uint_eq(fault_count, 0);
    ck_assert_uint_eq(proof.loose_count, loose);
    store_all();

    const fsp_omap_row_t *row = fsp_omap_first(world.objects);
    fsp_key_t key;
    memcpy(key.bytes, row->key.data, sizeof(key.bytes));
    remove_from(key.bytes[31] & 1 ? bytes : rows, key, key.bytes[31] & 1 ? 0 : 1);
    begin();
    fsp_proof_rows(&proof, fsp_memview_view(bytes));
    ck_assert_uint_eq(fault_count, 1);
    ck_assert_str_eq(last.kind, "object-bytes");
    begin();
    proof.quick = true;
    fsp_proof_rows(&proof, NULL);
    ck_assert_uint_eq(fault_count, 0);
    store_all();

    fsp_omap_put(fsp_memview_map(rows), fsp_slice_text("no key"), fsp_slice_text("x"), 0);
    fsp_omap_put(fsp_memview_map(bytes), fsp_slice_text("no key"), fsp_slice_text("x"), 0);
    begin();
    fsp_proof_rows(&proof, fsp_memview_view(bytes));
    ck_assert_uint_eq(fault_count, 2);
    ck_assert_str_eq(last.kind, "stray");
}
END_TEST

START_TEST(a_quick_proof_reads_trees_and_no_chunk)
{
    const fsp_omap_row_t *row = fsp_omap_first(world.objects);
    for (; row; row = fsp_omap_next(row)) {
        fsp_object_header_t header;
        fsp_key_t key;
        ck_assert_int_eq(fsp_object_header_decode(row->value, &header), FSP_OK);
        memcpy(key.bytes, row->key.data, sizeof(key.bytes));
        if (header.kind == FSP_OBJECT_CHUNK)
            remove_from(key.bytes[31] & 1 ? bytes : rows, key, key.bytes[31] & 1 ? 0 : 1);
    }
    begin();
    proof.quick = true;
    fsp_proof_version(&proof, fsp_buf_slice(&carrier_bytes), CONTENT_BYTES);
    ck_assert_uint_eq(fault_count, 0);
    ck_assert_uint_gt(prove(CONTENT_BYTES), 10);
}
END_TEST

/* -- keyset ------------------------------------------------------------------------------------ */

static fsp_key_t
key_of(uint64_t number)
{
    uint8_t seed[8];
    fsp_store_u64(seed, number);
    fsp_hash_t hash = fsp_sha256(fsp_slice(seed, sizeof(seed)));
    fsp_key_t key;
    memcpy(key.bytes, hash.bytes, sizeof(key.bytes));
    return key;
}

START_TEST(a_keyset_is_exact_and_bounded)
{
    fsp_keyset_t *set = fsp_keyset_new(4096 * sizeof(fsp_key_t));
    for (uint64_t i = 0; i < 3072; i++)
        ck_assert(fsp_keyset_add(set, key_of(i)));
    ck_assert(!fsp_keyset_full(set));
    for (uint64_t i = 0; i < 3072; i++) {
        ck_assert(!fsp_keyset_add(set, key_of(i)));
        ck_assert(fsp_keyset_has(set, key_of(i)));
        ck_assert(!fsp_keyset_has(set, key_of(100000 + i)));
    }
    ck_assert_uint_eq(fsp_keyset_count(set), 3072);
    ck_assert(fsp_keyset_add(set, key_of(5000)));
    ck_assert(fsp_keyset_full(set));
    ck_assert(fsp_keyset_add(set, key_of(5000)));
    ck_assert(!fsp_keyset_has(set, key_of(5000)));
    fsp_keyset_destroy(&set);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("proof");
    TCase *tcase = tcase_create("proof");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_sound_version_has_no_fault_and_no_orphan);
    tcase_add_test(tcase, any_object_that_is_damaged_is_found);
    tcase_add_test(tcase, damage_is_told_for_every_version);
    tcase_add_test(tcase, objects_under_other_names_are_found);
    tcase_add_test(tcase, what_the_record_and_the_details_say_is_compared);
    tcase_add_test(tcase, another_key_opens_nothing);
    tcase_add_test(tcase, inline_content_is_proved);
    tcase_add_test(tcase, an_open_upload_is_proved_with_its_hash);
    tcase_add_test(tcase, orphans_are_counted_and_damaged_ones_found);
    tcase_add_test(tcase, a_quick_proof_reads_trees_and_no_chunk);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("keyset");
    tcase_add_test(tcase, a_keyset_is_exact_and_bounded);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
