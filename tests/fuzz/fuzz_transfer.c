/* SPDX-License-Identifier: MIT */
/* fuzz_transfer - an upload and a download as machines, under events in any order.  Layer tests.
 *
 * The input decides what is sent, which job ends next and how, when credit comes, which bytes a
 * storage node or a thief changed.  What comes out is what went in, or an error; never more than
 * the window is held.
 */
#include "tests/fuzz/ck.h"

#include "tests/unit/data/gets.h"

enum { CONTENT_BYTES = 64 * 1024, STEPS_MAX = 3000 };

static uint8_t *contents[5]; /* made once */
static const uint8_t *content;
static world_t world;

/* Ends a job badly.  False if it is not of a kind that can. */
static bool
fail_job(driver_t *driver, size_t position)
{
    job_t job = driver->jobs[position];
    if (job.effect.type == FSP_UPLOAD_SEAL)
        return false;
    driver->jobs[position] = driver->jobs[--driver->job_count];
    if (job.effect.type == FSP_UPLOAD_HAVE)
        fsp_upload_have(driver->upload, job.effect.token, FSP_IO, false, &driver->effects);
    else
        fsp_upload_stored(driver->upload, job.effect.token, FSP_LAYOUT, &driver->effects);
    job_clear(&job);
    drain(driver);
    FUZZ_CHECK(driver->failed);
    return true;
}

/* Events that the shell may still deliver when all is over. */
static void
finish_late_jobs(driver_t *driver)
{
    while (driver->job_count > 0) {
        bool was = driver->failed;
        do_job(driver, 0);
        FUZZ_CHECK(driver->failed == was && was);
    }
}

static bool
upload(fuzz_input_t *input, size_t bytes, fsp_upload_outcome_t *ret)
{
    driver_t driver;
    uint64_t window = (uint64_t)world.params.bytes_max * (2 + fuzz_u8(input) % 8);
    uint64_t size_max = fuzz_u8(input) < 16 ? fuzz_u16(input) : 0;
    driver_init(&driver, &world, window, size_max);
    size_t sent = 0;
    bool finished = false;
    for (int step = 0; step < STEPS_MAX && !driver.ready && !driver.failed; step++) {
        uint8_t what = fuzz_u8(input);
        uint64_t credit = driver.granted - sent;
        if (what == 255 && !finished) { /* more than was granted */
            uint8_t *large = fsp_alloc((size_t)credit + 1);
            fsp_upload_data(driver.upload, fsp_slice(large, (size_t)credit + 1), &driver.effects);
            fsp_free(large);
            drain(&driver);
            FUZZ_CHECK(driver.failed && (driver.status == FSP_NO_CREDIT || size_max));
        } else if (what == 254 && driver.job_count > 0) {
            (void)fail_job(&driver, fuzz_u8(input) % driver.job_count);
        } else if (driver.job_count > 0 && ((what & 1) || finished || credit == 0)) {
            do_job(&driver, fuzz_u8(input) % driver.job_count);
        } else if (sent < bytes && credit > 0) {
            size_t most = bytes - sent < 32 * 1024 ? bytes - sent : 32 * 1024;
            sent += send_some(&driver, content + sent, 1 + (size_t)fuzz_u16(input) % most);
        } else {
            FUZZ_CHECK(!finished || driver.job_count > 0); /* or it is stuck */
            if (!finished) {
                finished = true;
                fsp_upload_finish(driver.upload, &driver.effects);
                drain(&driver);
            }
        }
    }
    bool ready = driver.ready;
    FUZZ_CHECK(!(driver.failed && size_max == 0 && driver.status == FSP_TOO_LARGE));
    if (ready) {
        fsp_upload_outcome(driver.upload, ret);
        FUZZ_CHECK(ret->size == sent && sent == bytes);
        fsp_hash_t hash = fsp_sha256(fsp_slice(content, sent));
        FUZZ_CHECK(fsp_hash_eq(ret->sha256, hash));
        if (ret->root_kind == FSP_ROOT_INLINE)
            FUZZ_CHECK(fsp_slice_eq(ret->inline_content, fsp_slice(content, sent)));
        ret->inline_content = fsp_slice(NULL, 0);
    } else if (driver.failed) {
        finish_late_jobs(&driver);
    }
    driver_clear(&driver);
    return ready;
}

/* Answers a fetch with bytes that were changed, or with nothing. */
static void
lie(get_t *get, size_t position, fuzz_input_t *input)
{
    fsp_download_effect_t job = take_job(get, position);
    if (job.type == FSP_DOWNLOAD_OPEN) {
        fsp_download_opened(get->download, job.token, FSP_DAMAGED, NULL, NULL, &get->effects);
        fsp_object_part_clear(&job.part);
        take_effects(get);
        FUZZ_CHECK(get->failed || get->ended);
        return;
    }
    fsp_object_part_t part = {0};
    uint8_t how = fuzz_u8(input);
    if (how >= 32) {
        read_part(get, &job, &part);
        fsp_blob_t *sealed = fsp_blob_copy(fsp_blob_data(part.sealed), fsp_blob_bytes(part.sealed));
        fsp_blob_destroy(&part.sealed);
        part.sealed = sealed;
        size_t at = fuzz_u16(input);
        if (how < 128)
            part.head[at % sizeof(part.head)] ^= (uint8_t)(1 << how % 8);
        else if (how < 224)
            fsp_blob_writable(sealed)[at % fsp_blob_bytes(sealed)] ^= (uint8_t)(1 << how % 8);
        else if (how < 240)
            fsp_blob_shrink(sealed, fsp_blob_bytes(sealed) - 1 - at % fsp_blob_bytes(sealed));
        else
            part.sealed_bytes += 1 + at;
    }
    fsp_download_fetched(get->download, job.token, how < 16 ? FSP_NOT_FOUND : FSP_OK, &part,
                         &get->effects);
    take_effects(get);
}

static void
download(fuzz_input_t *input, const fsp_upload_outcome_t *what)
{
    get_t get;
    uint64_t from = fuzz_u32(input) % (what->size + 1);
    uint64_t to = from + fuzz_u32(input) % (what->size - from + 1);
    if (fuzz_u8(input) < 64) {
        from = 0;
        to = what->size;
    }
    get_init(&get, &world, what, from, to, 4096 + fuzz_u16(input));
    bool lied = false;
    for (int step = 0; step < STEPS_MAX && !get.ended && !get.failed; step++) {
        uint8_t choice = fuzz_u8(input);
        if (choice == 255 && get.job_count > 0) {
            lied = true;
            lie(&get, fuzz_u8(input) % get.job_count, input);
        } else if (get.job_count > 0 && ((choice & 1) || get.credit > to)) {
            do_get_job(&get, fuzz_u8(input) % get.job_count);
        } else {
            FUZZ_CHECK(get.job_count > 0 || get.credit == 0 || lied);
            give_credit(&get, 1 + fuzz_u16(input));
        }
    }
    FUZZ_CHECK(get.received_bytes == 0 ||
               memcmp(get.received, content + from, (size_t)get.received_bytes) == 0);
    FUZZ_CHECK(!get.ended || get.received_bytes == to - from);
    FUZZ_CHECK(!get.failed || lied);
    get_clear(&get);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    fuzz_input_t input = fuzz_input(data, bytes);
    world_init(&world, &params_small, fuzz_u8(&input));
    unsigned share = fuzz_u8(&input) % 5;
    if (!contents[share])
        contents[share] = make_content(&world, CONTENT_BYTES, share);
    content = contents[share];
    uint8_t scale = fuzz_u8(&input) % 17;
    size_t content_bytes = ((size_t)fuzz_u16(&input) & ((1u << scale) - 1)) % (CONTENT_BYTES + 1);
    fsp_upload_outcome_t outcome;
    if (upload(&input, content_bytes, &outcome)) {
        if (outcome.root_kind != FSP_ROOT_INLINE)
            download(&input, &outcome);
        fsp_upload_outcome_t again; /* the same bytes, sent anew */
        if (upload(&input, content_bytes, &again))
            FUZZ_CHECK(fsp_key_eq(again.root_key, outcome.root_key) &&
                       again.chunk_count == outcome.chunk_count);
    }
    world_clear(&world);
    return 0;
}
