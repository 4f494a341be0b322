/* SPDX-License-Identifier: MIT */
/* driver - what a load asks of a system: FileSphere by its library, or another one by S3.
 *
 * A session is one connection and belongs to one thread.  Paths begin with '/' and name what a load
 * made itself.  Calls return false on failure, and `error` says why until the next call.
 */
#ifndef FSP_BENCH_DRIVER_H
#define FSP_BENCH_DRIVER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BENCH_WORDS_MAX = 256 };

typedef struct {
    const char *endpoint; /* the file of a profile (NULL: the default one), or http://HOST:PORT */
    const char *bucket;   /* S3 only */
    bool signed_payload;  /* S3 only: the SHA-256 of what is put is part of the signature */
    bool made;            /* by setup: the bucket was not there before */
} bench_target_t;

/* Gives up to bytes_max bytes; *ret_bytes 0 ends the content.  As filesphere_read_fn. */
typedef int(bench_read_fn)(void *arg, void *buffer, size_t bytes_max, size_t *ret_bytes);
/* Takes bytes in order; any other return than 0 ends the call.  As filesphere_write_fn. */
typedef int(bench_write_fn)(void *arg, const void *data, size_t bytes);

/* Called at the end of each page of a listing. */
typedef void(bench_page_fn)(void *arg, uint64_t names);

/* What is put: `bytes` of it, the same ones after each rewind, which comes before the first read.
 */
typedef struct {
    uint64_t bytes;
    bench_read_fn *read;
    void (*rewind)(void *arg);
    void *arg;
} bench_content_t;

typedef struct {
    const char *name; /* "filesphere", "s3" */
    /* Once for a run, before any session: what the target needs to take files.  NULL: nothing. */
    bool (*setup)(bench_target_t *target, char ret_words[BENCH_WORDS_MAX]);
    /* Takes away what setup made, with all that is in it.  NULL: nothing. */
    bool (*teardown)(const bench_target_t *target, char ret_words[BENCH_WORDS_MAX]);
    /* One connection; the target is borrowed until close.  NULL: the words say why. */
    void *(*open)(const bench_target_t *target, char ret_words[BENCH_WORDS_MAX]);
    void (*close)(void *session);
    const char *(*error)(void *session);
    /* Makes the file or its next version, and the directories above it.  *ret_sent: octets of its
       content that crossed the network. */
    bool (*put)(void *session, const char *path, const bench_content_t *content,
                uint64_t *ret_sent);
    bool (*get)(void *session, const char *path, bench_write_fn *write, void *arg);
    /* Makes names n%09d of small files from a number on, in a directory that is made.  NULL: they
       are put one by one. */
    bool (*fill)(void *session, const char *directory, uint64_t first, uint64_t count);
    /* All of a directory, page by page as the system gives it. */
    bool (*list)(void *session, const char *directory, bench_page_fn *page, void *arg);
    bool (*stat)(void *session, const char *path, uint64_t *ret_bytes);
    /* S3 has none: a copy on the server's side, then a delete, as its users do it. */
    bool (*rename)(void *session, const char *from, const char *to);
    /* tree: a directory with all that is in it. */
    bool (*remove)(void *session, const char *path, bool tree);
} bench_driver_t;

extern const bench_driver_t bench_driver_s3;
#endif
