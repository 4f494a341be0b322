/* SPDX-License-Identifier: MIT */
/* storekit - what tests of a store do again and again.  Layer tests. */
#ifndef FSP_TESTS_UNIT_STORE_STOREKIT_H
#define FSP_TESTS_UNIT_STORE_STOREKIT_H
#include "store/journalscan.h"
#include "store/store.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static inline fsp_store_config_t
storekit_config(const char *directory)
{
    return (fsp_store_config_t){.directory = directory,
                                .memory_bytes = 12 * 1024 * 1024,
                                .sync = true,
                                .lock_wait_us = 5000000};
}

/* For children, which have no Check: NULL, and the reason on standard error. */
static inline fsp_store_t *
storekit_child_open(const char *directory)
{
    fsp_store_config_t config = storekit_config(directory);
    fsp_store_t *store = NULL;
    bool fresh = false;
    fsp_error_t error = {.text = ""};
    if (fsp_store_open(&config, &store, &fresh, &error) != FSP_OK)
        fprintf(stderr, "child: %s\n", error.text);
    return store;
}

static inline bool
storekit_child_put(fsp_store_t *store, fsp_family_t family, const char *key, const char *value)
{
    fsp_error_t error = {.text = ""};
    fsp_batch_t *batch = fsp_batch_new();
    fsp_batch_put(batch, family, fsp_slice_text(key), fsp_slice_text(value));
    bool done = fsp_store_write(store, &batch, 1, &error) == FSP_OK;
    fsp_batch_destroy(&batch);
    return done;
}

static inline fsp_store_t *
storekit_open(const char *directory, bool *ret_fresh)
{
    fsp_store_config_t config = storekit_config(directory);
    fsp_store_t *store = NULL;
    fsp_error_t error = {.text = ""};
    fsp_status_t status = fsp_store_open(&config, &store, ret_fresh, &error);
    ck_assert_msg(status == FSP_OK, "open: %s", error.text);
    return store;
}

/* Opening must fail with this status and these words. */
static inline void
storekit_refuse(const char *directory, fsp_status_t expected, const char *words)
{
    fsp_store_config_t config = storekit_config(directory);
    config.lock_wait_us = 0;
    fsp_store_t *store = NULL;
    bool fresh = false;
    fsp_error_t error = {.text = ""};
    fsp_status_t status = fsp_store_open(&config, &store, &fresh, &error);
    if (store)
        fsp_store_close(&store, false, 0);
    ck_assert_msg(status == expected, "%s: %s", fsp_status_name(status), error.text);
    ck_assert_int_eq(error.status, expected);
    ck_assert_msg(strstr(error.text, words) != NULL, "\"%s\" lacks \"%s\"", error.text, words);
}

/* Writes and ends the batch. */
static inline void
storekit_write(fsp_store_t *store, fsp_batch_t **batch_p)
{
    fsp_error_t error = {.text = ""};
    fsp_status_t status = fsp_store_write(store, batch_p, 1, &error);
    ck_assert_msg(status == FSP_OK, "write: %s", error.text);
    fsp_batch_destroy(batch_p);
}

static inline void
storekit_put(fsp_store_t *store, fsp_family_t family, const char *key, const char *value)
{
    fsp_batch_t *batch = fsp_batch_new();
    fsp_batch_put(batch, family, fsp_slice_text(key), fsp_slice_text(value));
    storekit_write(store, &batch);
}

/* value NULL: not there.  Of BYTES: the bytes, not the row that says where they are. */
static inline void
storekit_expect(fsp_store_t *store, fsp_family_t family, const char *key, const char *value)
{
    fsp_buf_t buf;
    fsp_buf_init(&buf, 4096);
    fsp_blob_t *blob = NULL;
    fsp_status_t status =
        family == FSP_FAMILY_BYTES
            ? fsp_store_read_bytes(store, family, fsp_slice_text(key), 0, 0, &blob)
            : fsp_view_get(fsp_store_view(store, family), fsp_slice_text(key), &buf);
    if (blob)
        fsp_buf_append_slice(&buf, fsp_blob_slice(blob));
    fsp_blob_destroy(&blob);
    ck_assert_msg(status == (value ? FSP_OK : FSP_NOT_FOUND), "%s: %s", key,
                  fsp_status_name(status));
    ck_assert(!value || fsp_slice_eq(fsp_buf_slice(&buf), fsp_slice_text(value)));
    fsp_buf_clear(&buf);
}

static inline bool
storekit_clean(fsp_store_t *store)
{
    uint64_t index = 0;
    bool clean = false;
    fsp_store_watermark(store, 0, 0, &index, &clean);
    return clean;
}

/* A record of the journal of a store that is not open. */
typedef struct {
    char path[700];    /* of its file */
    uint64_t at, next; /* where it begins, and what is behind it */
    uint64_t sequence;
} storekit_record_t;

/* The last but `before` ones. */
static inline storekit_record_t
storekit_last_record(const char *directory, unsigned before)
{
    storekit_record_t found[8] = {{.path = ""}}; /* the last ones, newest at count % 8 */
    char path[600];
    fsp_error_t error;
    uint64_t *numbers = NULL;
    size_t file_count = 0, count = 0;
    fsp_journalscan_t scan = {.number = 0};
    ck_assert_uint_lt(before, 8);
    (void)snprintf(path, sizeof(path), "%s/journal", directory);
    ck_assert_int_eq(fsp_journalscan_list(path, &numbers, &file_count, &error), FSP_OK);
    for (size_t i = 0; i < file_count; i++) {
        ck_assert_int_eq(fsp_journalscan_open(&scan, path, numbers[i], &error), FSP_OK);
        while (fsp_journalscan_next(&scan, &error) == FSP_OK) {
            storekit_record_t *record = &found[++count % 8];
            *record = (storekit_record_t){
                .at = scan.at, .next = scan.next, .sequence = scan.head.sequence};
            (void)snprintf(record->path, sizeof(record->path), "%s/%016llx", path,
                           (unsigned long long)numbers[i]);
        }
    }
    fsp_journalscan_clear(&scan);
    free(numbers);
    ck_assert_uint_gt(count, before);
    return found[(count - before) % 8];
}

/* Zeros from there on: that much of a record never came to the disk. */
static inline void
storekit_tear(const storekit_record_t *record, uint64_t from)
{
    static const uint8_t zeros[4096];
    int fd = open(record->path, O_WRONLY);
    ck_assert(fd >= 0);
    for (uint64_t at = from; at < record->next; at += sizeof(zeros)) {
        size_t bytes =
            record->next - at < sizeof(zeros) ? (size_t)(record->next - at) : sizeof(zeros);
        ck_assert_int_eq(pwrite(fd, zeros, bytes, (off_t)at), (ssize_t)bytes);
    }
    ck_assert_int_eq(close(fd), 0);
}

/* Takes the last group out of the journal of a store; after a clean stop also the empty record that
   it ended with. */
static inline void
storekit_lose_last(const char *directory, bool clean)
{
    for (int i = 0; i < 1 + clean; i++) {
        storekit_record_t record = storekit_last_record(directory, 0);
        storekit_tear(&record, record.at);
    }
}

/* A child that opens the store, says so by one byte, and waits to be killed. */
static inline int
storekit_hold(const char *directory)
{
    fsp_store_t *store = storekit_child_open(directory);
    if (store && write(STDOUT_FILENO, "x", 1) == 1)
        (void)pause(); /* until it is killed */
    fsp_store_close(&store, false, 0);
    return 1;
}
#endif
