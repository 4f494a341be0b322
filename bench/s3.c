/* SPDX-License-Identifier: MIT */
/* s3 - the driver for other systems: S3, path-style, requests signed by libcurl (SigV4).
 *
 * A session is one libcurl handle, which keeps its one connection; small contents leave in one
 * send with their header.  What libcurl 7.88 does not do for us:
 *   - it signs path and query as they stand: s3_text makes them canonical;
 *   - it hashes no content that a callback gives: the header x-amz-content-sha256 is set here, and
 *     it takes the value into the signature;
 *   - "Expect:" (to send none) is signed, though it is never sent: above 1 MiB the header stays,
 * and the wait for its answer is short, for servers that do not give one.
 */
#include "bench/driver.h"
#include "bench/s3_text.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SMALL_BYTES = 64 * 1024, /* in one piece with the header: libcurl's own bound */
    TRANSFER_BYTES = 256 * 1024,
    ANSWER_BYTES_MAX = 16 * 1024 * 1024,
    URL_BYTES_MAX = 16 * 1024,
    CONNECT_TIMEOUT_MS = 10000,
    EXPECT_TIMEOUT_MS = 20,
    STALLED_S = 60, /* without a byte: given up */
    STATUS_NOT_FOUND = 404,
    HEX_BYTES = 65,
};
static const char UNSIGNED[] = "UNSIGNED-PAYLOAD", NO_REGION[] = "us-east-1";

typedef struct {
    const bench_target_t *target;
    CURL *curl;
    fsp_sha256_t *sha;
    const char *key, *secret, *region; /* of the environment */
    fsp_buf_t url;                     /* NUL-terminated */
    fsp_buf_t answer;                  /* what is not given to a caller */
    uint8_t *small;                    /* SMALL_BYTES */
    char words[BENCH_WORDS_MAX];
    char curl_words[CURL_ERROR_SIZE];
} session_t;

/* One request; what is not set is not part of it. */
typedef struct {
    const char *method;
    const char *path;            /* of an object; NULL: the bucket */
    fsp_slice_t query;           /* canonical */
    const char *copy_of;         /* path of the object that is copied */
    const void *data;            /* content in memory, data_bytes */
    size_t data_bytes;           /* at most SMALL_BYTES */
    const bench_content_t *from; /* content that is streamed */
    char sha256[HEX_BYTES];      /* of the content, or UNSIGNED */
    bench_write_fn *write;       /* takes the body of a good answer */
    void *arg;
    session_t *session;
} request_t;

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void
start_curl(void)
{
    CURLcode rc = curl_global_init(CURL_GLOBAL_DEFAULT);
    FSP_ASSERT(rc == CURLE_OK);
}

/* -- one request ------------------------------------------------------------------------------- */

static void
hex_of(fsp_hash_t hash, char ret[HEX_BYTES])
{
    fsp_hex_encode(hash.bytes, sizeof hash.bytes, ret);
}

static long
status_of(const session_t *self)
{
    long status = 0;
    (void)curl_easy_getinfo(self->curl, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static bool
is_good(long status)
{
    return status >= 200 && status < 300;
}

static size_t
take_body(char *data, size_t size, size_t count, void *arg)
{
    request_t *request = arg;
    session_t *self = request->session;
    size_t bytes = size * count;
    if (request->write && is_good(status_of(self)))
        return request->write(request->arg, data, bytes) == 0 ? bytes : CURL_WRITEFUNC_ERROR;
    fsp_buf_append(&self->answer, data, bytes);
    return fsp_buf_ok(&self->answer) ? bytes : CURL_WRITEFUNC_ERROR;
}

static size_t
give_body(char *buffer, size_t size, size_t count, void *arg)
{
    request_t *request = arg;
    size_t bytes = 0;
    int rc = request->from->read(request->from->arg, buffer, size * count, &bytes);
    return rc == 0 ? bytes : CURL_READFUNC_ABORT;
}

/* libcurl asks for it when a kept connection turns out to be dead. */
static int
seek_body(void *arg, curl_off_t offset, int origin)
{
    request_t *request = arg;
    if (offset != 0 || origin != SEEK_SET)
        return CURL_SEEKFUNC_CANTSEEK;
    request->from->rewind(request->from->arg);
    return CURL_SEEKFUNC_OK;
}

/* What is the same for all requests of a session. */
static void
set_session(session_t *self)
{
    CURL *curl = self->curl;
    char provider[BENCH_WORDS_MAX];
    (void)snprintf(provider, sizeof provider, "aws:amz:%s:s3", self->region);
    curl_easy_reset(curl); /* the connection stays */
    (void)curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, provider);
    (void)curl_easy_setopt(curl, CURLOPT_USERNAME, self->key);
    (void)curl_easy_setopt(curl, CURLOPT_PASSWORD, self->secret);
    (void)curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    (void)curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L); /* many threads */
    (void)curl_easy_setopt(curl, CURLOPT_PROXY, "");    /* whatever the environment says */
    (void)curl_easy_setopt(curl, CURLOPT_MAXCONNECTS, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, (long)TRANSFER_BYTES);
    (void)curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, (long)TRANSFER_BYTES);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    (void)curl_easy_setopt(curl, CURLOPT_EXPECT_100_TIMEOUT_MS, (long)EXPECT_TIMEOUT_MS);
    (void)curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)STALLED_S);
    self->curl_words[0] = '\0';
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, self->curl_words);
}

static void
set_content(session_t *self, request_t *request)
{
    CURL *curl = self->curl;
    if (request->from) {
        (void)curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        (void)curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->from->bytes);
        (void)curl_easy_setopt(curl, CURLOPT_READFUNCTION, give_body);
        (void)curl_easy_setopt(curl, CURLOPT_READDATA, request);
        (void)curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, seek_body);
        (void)curl_easy_setopt(curl, CURLOPT_SEEKDATA, request);
    } else if (request->data) {
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->data_bytes);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->data);
    }
    if (strcmp(request->method, "HEAD") == 0)
        (void)curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    else
        (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
}

/* "/bucket" or "/bucket/path". */
static void
append_resource(session_t *self, fsp_buf_t *buf, const char *path)
{
    fsp_buf_append_u8(buf, '/');
    bench_s3_encode(buf, fsp_slice_text(self->target->bucket), false);
    if (path) {
        FSP_PRE(path[0] == '/');
        bench_s3_encode(buf, fsp_slice_text(path), true);
    }
}

static bool
set_url(session_t *self, const request_t *request)
{
    fsp_buf_reset(&self->url);
    fsp_buf_append_slice(&self->url, fsp_slice_text(self->target->endpoint));
    while (self->url.bytes > 0 && self->url.data[self->url.bytes - 1] == '/')
        self->url.bytes--;
    append_resource(self, &self->url, request->path);
    if (request->query.bytes > 0) {
        fsp_buf_append_u8(&self->url, '?');
        fsp_buf_append_slice(&self->url, request->query);
    }
    fsp_buf_append_u8(&self->url, '\0');
    if (!fsp_buf_ok(&self->url))
        return false;
    (void)curl_easy_setopt(self->curl, CURLOPT_URL, (const char *)self->url.data);
    return true;
}

/* All of them are signed.  End with curl_slist_free_all. */
static struct curl_slist *
make_headers(session_t *self, const request_t *request)
{
    char line[HEX_BYTES + 32];
    (void)snprintf(line, sizeof line, "x-amz-content-sha256: %s", request->sha256);
    struct curl_slist *list = curl_slist_append(NULL, line);
    if (request->data || request->from)
        list = curl_slist_append(list, "Content-Type: application/octet-stream");
    if (request->copy_of) {
        fsp_buf_t source;
        fsp_buf_init(&source, URL_BYTES_MAX);
        fsp_buf_printf(&source, "x-amz-copy-source: ");
        append_resource(self, &source, request->copy_of);
        fsp_buf_append_u8(&source, '\0');
        list = curl_slist_append(list, (const char *)source.data);
        fsp_buf_clear(&source);
    }
    FSP_ASSERT(list);
    return list;
}

/* Words for an answer that is no good one: its code and message. */
static void
say_refused(session_t *self, const request_t *request, long status)
{
    fsp_slice_t rest = fsp_buf_slice(&self->answer), message = {0}, code = {0};
    (void)bench_s3_element(&rest, "Code", &code);
    rest = fsp_buf_slice(&self->answer);
    (void)bench_s3_element(&rest, "Message", &message);
    int shown = message.bytes < 100 ? (int)message.bytes : 100;
    (void)snprintf(self->words, sizeof self->words, "%s %.80s: %ld %.*s %.*s", request->method,
                   request->path ? request->path : "bucket", status,
                   (int)(code.bytes < 40 ? code.bytes : 40), (const char *)code.data, shown,
                   (const char *)message.data);
}

/* Runs it; the answer's body is in self->answer or went to its write.  Fills sha256 if it is empty
   (of no content).  False: words say why. */
static bool
run(session_t *self, request_t *request)
{
    request->session = self;
    if (request->sha256[0] == '\0')
        hex_of(fsp_sha256(fsp_slice(request->data, request->data_bytes)), request->sha256);
    fsp_buf_reset(&self->answer);
    set_session(self);
    set_content(self, request);
    if (!set_url(self, request)) {
        (void)snprintf(self->words, sizeof self->words, "the address is too long");
        return false;
    }
    struct curl_slist *headers = make_headers(self, request);
    (void)curl_easy_setopt(self->curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(self->curl, CURLOPT_WRITEFUNCTION, take_body);
    (void)curl_easy_setopt(self->curl, CURLOPT_WRITEDATA, request);
    CURLcode rc = curl_easy_perform(self->curl);
    curl_slist_free_all(headers);
    long status = status_of(self);
    fsp_slice_t rest = fsp_buf_slice(&self->answer), failure;
    if (rc != CURLE_OK)
        (void)snprintf(self->words, sizeof self->words, "%s %.80s: %.120s", request->method,
                       request->path ? request->path : "bucket",
                       self->curl_words[0] ? self->curl_words : curl_easy_strerror(rc));
    /* A copy may fail after its 200 was sent: the body says so. */
    else if (!is_good(status) || bench_s3_element(&rest, "Error", &failure))
        say_refused(self, request, status);
    else
        return true;
    return false;
}

/* -- sessions ---------------------------------------------------------------------------------- */

static void
close_session(void *session)
{
    session_t *self = session;
    if (!self)
        return;
    if (self->curl)
        curl_easy_cleanup(self->curl);
    fsp_sha256_destroy(&self->sha);
    fsp_buf_clear(&self->url);
    fsp_buf_clear(&self->answer);
    fsp_free(self->small);
    fsp_free(self);
}

static const char *
region_of_environment(void)
{
    const char *region = getenv("AWS_REGION");
    if (!region || !*region)
        region = getenv("AWS_DEFAULT_REGION");
    return region && *region ? region : NO_REGION;
}

static void *
open_session(const bench_target_t *target, char ret_words[BENCH_WORDS_MAX])
{
    FSP_PRE(target && target->endpoint && target->bucket);
    const char *key = getenv("AWS_ACCESS_KEY_ID"), *secret = getenv("AWS_SECRET_ACCESS_KEY");
    if (!key || !secret) {
        (void)snprintf(ret_words, BENCH_WORDS_MAX,
                       "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be in the environment");
        return NULL;
    }
    if (strncmp(target->endpoint, "http://", 7) != 0 &&
        strncmp(target->endpoint, "https://", 8) != 0) {
        (void)snprintf(ret_words, BENCH_WORDS_MAX, "an endpoint is http://HOST:PORT, not %.100s",
                       target->endpoint);
        return NULL;
    }
    int rc = pthread_once(&curl_once, start_curl);
    FSP_ASSERT(rc == 0);
    session_t *self = FSP_NEW(session_t);
    self->target = target;
    self->key = key;
    self->secret = secret;
    self->region = region_of_environment();
    fsp_buf_init(&self->url, URL_BYTES_MAX);
    fsp_buf_init(&self->answer, ANSWER_BYTES_MAX);
    self->small = fsp_alloc_raw(SMALL_BYTES);
    self->sha = fsp_sha256_new();
    self->curl = curl_easy_init();
    FSP_ASSERT(self->curl);
    return self;
}

static const char *
error_of(void *session)
{
    return ((session_t *)session)->words;
}

/* -- objects ----------------------------------------------------------------------------------- */

/* Reads content to its end into buffer (bytes_max) or, if that is NULL, into the hash only. */
static bool
read_all(session_t *self, const bench_content_t *content, uint8_t *buffer, size_t bytes_max)
{
    uint64_t at = 0;
    content->rewind(content->arg);
    while (at < content->bytes) {
        uint8_t *to = buffer ? buffer + at : self->small;
        size_t room = buffer ? bytes_max - (size_t)at : SMALL_BYTES, got = 0;
        if (content->read(content->arg, to, room, &got) != 0 || got == 0)
            return false;
        if (self->target->signed_payload)
            fsp_sha256_update(self->sha, fsp_slice(to, got));
        at += got;
    }
    return true;
}

static bool
put(void *session, const char *path, const bench_content_t *content, uint64_t *ret_sent)
{
    session_t *self = session;
    bool small = content->bytes <= SMALL_BYTES, hash = self->target->signed_payload;
    request_t request = {.method = "PUT", .path = path};
    /* S3 wants the hash in the header, before the content: one pass more, as its clients make. */
    if ((small || hash) &&
        !read_all(self, content, small ? self->small : NULL, small ? SMALL_BYTES : 0)) {
        (void)snprintf(self->words, sizeof self->words, "the content cannot be read");
        return false;
    }
    if (hash)
        hex_of(fsp_sha256_finish(self->sha), request.sha256);
    else
        memcpy(request.sha256, UNSIGNED, sizeof UNSIGNED);
    if (small) {
        request.data = self->small;
        request.data_bytes = (size_t)content->bytes;
    } else {
        request.from = content;
        content->rewind(content->arg);
    }
    if (!run(self, &request))
        return false;
    *ret_sent = content->bytes;
    return true;
}

static bool
get(void *session, const char *path, bench_write_fn *write, void *arg)
{
    request_t request = {.method = "GET", .path = path, .write = write, .arg = arg};
    return run(session, &request);
}

static bool
stat_object(void *session, const char *path, uint64_t *ret_bytes)
{
    session_t *self = session;
    request_t request = {.method = "HEAD", .path = path};
    curl_off_t bytes = -1;
    if (!run(self, &request) ||
        curl_easy_getinfo(self->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &bytes) != CURLE_OK ||
        bytes < 0)
        return false;
    *ret_bytes = (uint64_t)bytes;
    return true;
}

static bool
remove_object(session_t *self, const char *path)
{
    request_t request = {.method = "DELETE", .path = path};
    return run(self, &request);
}

static bool
rename_object(void *session, const char *old_path, const char *new_path)
{
    session_t *self = session;
    request_t copy = {.method = "PUT", .path = new_path, .copy_of = old_path};
    return run(self, &copy) && remove_object(self, old_path);
}

/* -- listings ---------------------------------------------------------------------------------- */

/* Takes the XML of a page; false ends the listing, and words say why. */
typedef bool(page_fn)(session_t *self, fsp_slice_t page, void *arg);

/* Gives each page of the listing of a prefix to page, until that returns false. */
static bool
list_pages(session_t *self, fsp_slice_t prefix, bool delimited, page_fn *page, void *arg)
{
    fsp_buf_t query, token, body;
    fsp_buf_init(&query, URL_BYTES_MAX);
    fsp_buf_init(&token, URL_BYTES_MAX);
    fsp_buf_init(&body, ANSWER_BYTES_MAX);
    bool more = true, good = true;
    while (more && good) {
        fsp_buf_reset(&query);
        bench_s3_list_query(&query, prefix, delimited, fsp_buf_slice(&token));
        request_t request = {.method = "GET", .query = fsp_buf_slice(&query)};
        good = run(self, &request);
        fsp_buf_reset(&body); /* what page asks for next takes the place of the answer */
        fsp_buf_append_slice(&body, fsp_buf_slice(&self->answer));
        fsp_buf_reset(&token);
        fsp_slice_t rest = fsp_buf_slice(&body), truncated, text;
        more = bench_s3_element(&rest, "IsTruncated", &truncated) &&
               fsp_slice_eq(truncated, fsp_slice_text("true"));
        rest = fsp_buf_slice(&body);
        if (good && more &&
            (!bench_s3_element(&rest, "NextContinuationToken", &text) ||
             !bench_s3_unescape(&token, text) || token.bytes == 0)) {
            (void)snprintf(self->words, sizeof self->words,
                           "a page of a listing that goes on does not say where");
            good = false;
        }
        good = good && page(self, fsp_buf_slice(&body), arg);
    }
    fsp_buf_clear(&query);
    fsp_buf_clear(&token);
    fsp_buf_clear(&body);
    return good;
}

static uint64_t
count_elements(fsp_slice_t page, const char *name)
{
    uint64_t count = 0;
    fsp_slice_t text;
    while (bench_s3_element(&page, name, &text))
        count++;
    return count;
}

typedef struct {
    bench_page_fn *page;
    void *arg;
} counting_t;

static bool
count_page(session_t *self, fsp_slice_t page, void *arg)
{
    (void)self;
    const counting_t *counting = arg;
    counting->page(counting->arg,
                   count_elements(page, "Key") + count_elements(page, "CommonPrefixes"));
    return true;
}

static bool
remove_page(session_t *self, fsp_slice_t page, void *arg)
{
    (void)arg;
    fsp_slice_t key;
    fsp_buf_t path;
    fsp_buf_init(&path, URL_BYTES_MAX);
    bool good = true;
    while (good && bench_s3_element(&page, "Key", &key)) {
        fsp_buf_reset(&path);
        fsp_buf_append_u8(&path, '/');
        good = bench_s3_unescape(&path, key);
        fsp_buf_append_u8(&path, '\0');
        if (!good)
            (void)snprintf(self->words, sizeof self->words, "a key is written in a strange way");
        good = good && remove_object(self, (const char *)path.data);
    }
    fsp_buf_clear(&path);
    return good;
}

/* The keys of a directory begin with its path and '/', without the first '/'. */
static bool
list_below(session_t *self, const char *directory, bool delimited, page_fn *page, void *arg)
{
    fsp_buf_t prefix;
    fsp_buf_init(&prefix, URL_BYTES_MAX);
    fsp_buf_printf(&prefix, "%s/", directory + 1);
    bool good = list_pages(self, fsp_buf_slice(&prefix), delimited, page, arg);
    fsp_buf_clear(&prefix);
    return good;
}

static bool
list(void *session, const char *directory, bench_page_fn *page, void *arg)
{
    counting_t counting = {.page = page, .arg = arg};
    return list_below(session, directory, true, count_page, &counting);
}

static bool
remove_path(void *session, const char *path, bool tree)
{
    return tree ? list_below(session, path, false, remove_page, NULL)
                : remove_object(session, path);
}

/* -- the bucket -------------------------------------------------------------------------------- */

static bool
make_bucket(session_t *self)
{
    fsp_buf_t body;
    fsp_buf_init(&body, URL_BYTES_MAX);
    if (strcmp(self->region, NO_REGION) != 0)
        fsp_buf_printf(&body,
                       "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/"
                       "\"><LocationConstraint>%s</LocationConstraint></CreateBucketConfiguration>",
                       self->region);
    fsp_buf_append_u8(&body, '\0'); /* so that there is memory */
    request_t request = {.method = "PUT", .data = body.data, .data_bytes = body.bytes - 1};
    bool good = run(self, &request);
    fsp_buf_clear(&body);
    return good;
}

static bool
setup(bench_target_t *target, char ret_words[BENCH_WORDS_MAX])
{
    session_t *self = open_session(target, ret_words);
    if (!self)
        return false;
    fsp_buf_t query; /* rather than HEAD, whose refusal has no words */
    fsp_buf_init(&query, URL_BYTES_MAX);
    bench_s3_list_query(&query, fsp_slice(NULL, 0), false, fsp_slice(NULL, 0));
    request_t look = {.method = "GET", .query = fsp_buf_slice(&query)};
    bool good = run(self, &look);
    fsp_buf_clear(&query);
    if (!good && status_of(self) == STATUS_NOT_FOUND)
        good = target->made = make_bucket(self);
    if (!good)
        (void)snprintf(ret_words, BENCH_WORDS_MAX, "%s", self->words);
    close_session(self);
    return good;
}

static bool
teardown(const bench_target_t *target, char ret_words[BENCH_WORDS_MAX])
{
    if (!target->made)
        return true;
    session_t *self = open_session(target, ret_words);
    if (!self)
        return false;
    request_t request = {.method = "DELETE"};
    bool good =
        list_pages(self, fsp_slice(NULL, 0), false, remove_page, NULL) && run(self, &request);
    if (!good)
        (void)snprintf(ret_words, BENCH_WORDS_MAX, "%s", self->words);
    close_session(self);
    return good;
}

const bench_driver_t bench_driver_s3 = {
    .name = "s3",
    .setup = setup,
    .teardown = teardown,
    .open = open_session,
    .close = close_session,
    .error = error_of,
    .put = put,
    .get = get,
    .list = list,
    .stat = stat_object,
    .rename = rename_object,
    .remove = remove_path,
};
