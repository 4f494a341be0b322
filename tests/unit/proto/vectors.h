/* SPDX-License-Identifier: MIT */
/* vectors - golden vectors: tests/vectors/FILE.json against the codecs of the program.  Layer
 * tests.
 *
 * A file is an array of entries of three forms (tests/vectors/README.md):
 *     {name, kind, meaning, hex}    bytes: the codec must read them, say this meaning, and write
 * them again {name, kind, refused, hex}    bytes that the codec must refuse, with this status
 *     {name, kind, given, result}   a computation: from what is given follows the result, for ever
 *
 * A suite names its files; for each the maker adds every vector that the program knows.  A vector
 * that the file lacks fails, and so does one that differs.  `SUITE --write` adds what a file lacks;
 * it refuses to change what is there, unless --force, which is for the time before a release only:
 * afterwards a change is another format.
 */
#ifndef FSP_TESTS_UNIT_PROTO_VECTORS_H
#define FSP_TESTS_UNIT_PROTO_VECTORS_H
#include "core/base/buf.h"
#include "core/base/status.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"
#include "tests/unit/proto/docs.h"
#include "tests/unit/suite.h"

#include <jansson.h>

#include <inttypes.h>

#define VECTORS_SENTENCE "a format change needs a number and a migration"
enum { VECTORS_BYTES_MAX = 8 * 1024 * 1024, VECTORS_HEX_BYTES_MAX = 4096 };

/* One kind of entry: either read or compute. */
typedef struct {
    const char *name;
    /* Decodes bytes, says what they mean in the object, and encodes that again. */
    fsp_status_t (*read)(fsp_slice_t bytes, json_t *ret_meaning, fsp_buf_t *ret_again);
    /* A new object that follows from what is given. */
    json_t *(*compute)(const json_t *given);
} vectors_kind_t;

typedef struct {
    const char *name; /* tests/vectors/NAME.json */
    void (*make)(json_t *entries);
} vectors_file_t;

static const vectors_kind_t *vectors_kinds; /* ends with an empty one */
static const vectors_file_t *vectors_files; /* ends with an empty one */

/* -- values in JSON ---------------------------------------------------------------------------- */

/* Beyond 2^53 - 1 a number is a string of digits: JavaScript would round it. */
static inline json_t *
vectors_u64(uint64_t value)
{
    if (value < UINT64_C(1) << 53)
        return json_integer((json_int_t)value);
    char digits[24];
    (void)snprintf(digits, sizeof(digits), "%" PRIu64, value);
    return json_string(digits);
}

static inline json_t *
vectors_hex(fsp_slice_t bytes)
{
    char *text = malloc(2 * bytes.bytes + 1);
    ck_assert(text != NULL);
    text[0] = '\0';
    if (bytes.bytes > 0)
        fsp_hex_encode(bytes.data, bytes.bytes, text);
    json_t *value = json_string(text);
    free(text);
    return value;
}

static inline json_t *
vectors_text(fsp_slice_t text)
{
    json_t *value = json_stringn(text.bytes ? (const char *)text.data : "", text.bytes);
    ck_assert_msg(value != NULL, "not UTF-8");
    return value;
}

static inline void
say(json_t *object, const char *key, json_t *value)
{
    ck_assert_int_eq(json_object_set_new(object, key, value), 0);
}

static inline void
say_u64(json_t *object, const char *key, uint64_t value)
{
    say(object, key, vectors_u64(value));
}

static inline void
say_bool(json_t *object, const char *key, bool value)
{
    say(object, key, json_boolean(value));
}

static inline void
say_hex(json_t *object, const char *key, fsp_slice_t bytes)
{
    say(object, key, vectors_hex(bytes));
}
#define say_id(object, key, id) say_hex((object), (key), FSP_SLICE_OF(id))

/* An identifier that may be absent: null if it is zero. */
static inline void
say_optional(json_t *object, const char *key, fsp_slice_t id)
{
    bool zero = true;
    for (size_t i = 0; i < id.bytes; i++)
        zero = zero && id.data[i] == 0;
    say(object, key, zero ? json_null() : vectors_hex(id));
}
#define say_optional_id(object, key, id) say_optional((object), (key), FSP_SLICE_OF(id))

static inline void
say_text(json_t *object, const char *key, fsp_slice_t text)
{
    say(object, key, vectors_text(text));
}

/* -- values from JSON -------------------------------------------------------------------------- */

static inline const json_t *
take(const json_t *given, const char *key)
{
    const json_t *value = json_object_get(given, key);
    ck_assert_msg(value != NULL, "\"%s\" is missing", key);
    return value;
}

static inline uint64_t
take_u64(const json_t *given, const char *key)
{
    const json_t *value = take(given, key);
    if (json_is_integer(value))
        return (uint64_t)json_integer_value(value);
    uint64_t number = 0;
    const char *digits = json_string_value(value);
    ck_assert_msg(digits && fsp_parse_u64(fsp_slice_text(digits), UINT64_MAX, &number) == FSP_OK,
                  "\"%s\" is not a number", key);
    return number;
}

static inline const char *
take_text(const json_t *given, const char *key)
{
    const char *text = json_string_value(take(given, key));
    ck_assert_msg(text != NULL, "\"%s\" is not a text", key);
    return text;
}

/* Appends the bytes of a text in hex. */
static inline void
vectors_unhex(const char *text, fsp_buf_t *ret)
{
    size_t bytes = strlen(text) / 2;
    uint8_t *room = fsp_buf_extend(ret, bytes);
    ck_assert(room != NULL);
    if (bytes > 0)
        ck_assert_int_eq(fsp_hex_decode(fsp_slice_text(text), room, bytes), FSP_OK);
}

static inline void
take_hex(const json_t *given, const char *key, void *ret, size_t bytes)
{
    ck_assert_msg(fsp_hex_decode(fsp_slice_text(take_text(given, key)), ret, bytes) == FSP_OK,
                  "\"%s\" is not %zu bytes in hex", key, bytes);
}

/* Appends content that a rule describes: {hex}, {text}, {counter, bytes}, {repeat, bytes}, {join}.
 */
static inline void
vectors_content(const json_t *rule, fsp_buf_t *ret)
{
    size_t begin = ret->bytes;
    const json_t *part;
    size_t index;
    if (json_object_get(rule, "hex")) {
        vectors_unhex(take_text(rule, "hex"), ret);
    } else if (json_object_get(rule, "text")) {
        fsp_buf_append_slice(ret, fsp_slice_text(take_text(rule, "text")));
    } else if (json_object_get(rule, "counter")) {
        /* SHA-256(seed | 0), SHA-256(seed | 1), ...: seed as UTF-8, numbers of 8 bytes. */
        size_t end = begin + (size_t)take_u64(rule, "bytes");
        const fsp_slice_t seed = fsp_slice_text(take_text(rule, "counter"));
        for (uint64_t block = 0; ret->bytes < end; block++) {
            uint8_t number[8];
            fsp_store_u64(number, block);
            const fsp_slice_t pieces[] = {seed, fsp_slice(number, sizeof(number))};
            fsp_hash_t hash = fsp_sha256_pieces(pieces, 2);
            size_t left = end - ret->bytes;
            fsp_buf_append(ret, hash.bytes, left < sizeof(hash.bytes) ? left : sizeof(hash.bytes));
        }
    } else if (json_object_get(rule, "repeat")) {
        uint8_t byte;
        take_hex(rule, "repeat", &byte, 1);
        size_t bytes = (size_t)take_u64(rule, "bytes");
        uint8_t *room = fsp_buf_extend(ret, bytes);
        ck_assert(room != NULL);
        memset(room, byte, bytes);
    } else {
        json_array_foreach((json_t *)(uintptr_t)take(rule, "join"), index, part)
            vectors_content(part, ret);
    }
    ck_assert(fsp_buf_ok(ret));
}

/* Bytes in hex, or if there are many their number and digest. */
static inline void
say_bytes(json_t *object, fsp_slice_t bytes)
{
    say_u64(object, "bytes", bytes.bytes);
    fsp_hash_t digest = fsp_sha256(bytes);
    say_id(object, "sha256", digest);
    if (bytes.bytes <= VECTORS_HEX_BYTES_MAX)
        say_hex(object, "hex", bytes);
}

/* -- entries ----------------------------------------------------------------------------------- */

static inline const vectors_kind_t *
vectors_kind(const char *name)
{
    for (const vectors_kind_t *kind = vectors_kinds; kind->name; kind++)
        if (strcmp(kind->name, name) == 0)
            return kind;
    ck_abort_msg("no kind %s", name);
    return NULL;
}

/* An entry of bytes that the codec reads, or of bytes that it refuses. */
static inline void
vectors_add(json_t *entries, const char *name, const char *kind, fsp_slice_t bytes)
{
    json_t *entry = json_object();
    say(entry, "name", json_string(name));
    say(entry, "kind", json_string(kind));
    json_t *meaning = json_object();
    fsp_buf_t again;
    fsp_buf_init(&again, VECTORS_BYTES_MAX);
    fsp_status_t status = vectors_kind(kind)->read(bytes, meaning, &again);
    if (status == FSP_OK) {
        say(entry, "meaning", json_incref(meaning));
        ck_assert_msg(fsp_slice_eq(fsp_buf_slice(&again), bytes), "%s: another encoding", name);
    } else {
        say(entry, "refused", json_string(fsp_status_name(status)));
    }
    json_decref(meaning);
    fsp_buf_clear(&again);
    say_hex(entry, "hex", bytes);
    ck_assert_int_eq(json_array_append_new(entries, entry), 0);
}

static inline void
vectors_add_hex(json_t *entries, const char *name, const char *kind, const char *hex)
{
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, VECTORS_BYTES_MAX);
    vectors_unhex(hex, &bytes);
    vectors_add(entries, name, kind, fsp_buf_slice(&bytes));
    fsp_buf_clear(&bytes);
}

/* Takes given. */
static inline void
vectors_add_computed(json_t *entries, const char *name, const char *kind, json_t *given)
{
    json_t *entry = json_object();
    say(entry, "name", json_string(name));
    say(entry, "kind", json_string(kind));
    say(entry, "result", vectors_kind(kind)->compute(given));
    say(entry, "given", given);
    ck_assert_int_eq(json_array_append_new(entries, entry), 0);
}

static inline void
vectors_check_entry(const char *file, const json_t *entry)
{
    const char *name = take_text(entry, "name");
    const vectors_kind_t *kind = vectors_kind(take_text(entry, "kind"));
    if (kind->compute) {
        json_t *result = kind->compute(take(entry, "given"));
        char *is = json_dumps(result, JSON_COMPACT);
        ck_assert_msg(json_equal(result, take(entry, "result")),
                      "%s.json: %s gives %s: " VECTORS_SENTENCE, file, name, is);
        free(is);
        json_decref(result);
        return;
    }
    fsp_buf_t bytes, again;
    fsp_buf_init(&bytes, VECTORS_BYTES_MAX);
    fsp_buf_init(&again, VECTORS_BYTES_MAX);
    vectors_unhex(take_text(entry, "hex"), &bytes);
    json_t *meaning = json_object();
    fsp_status_t status = kind->read(fsp_buf_slice(&bytes), meaning, &again);
    const json_t *refused = json_object_get(entry, "refused");
    const char *wanted = refused ? json_string_value(refused) : "OK";
    ck_assert_msg(strcmp(wanted, fsp_status_name(status)) == 0,
                  "%s.json: %s is answered %s, not %s: " VECTORS_SENTENCE, file, name,
                  fsp_status_name(status), wanted);
    if (!refused) {
        char *is = json_dumps(meaning, JSON_COMPACT);
        ck_assert_msg(json_equal(meaning, take(entry, "meaning")),
                      "%s.json: %s now means %s: " VECTORS_SENTENCE, file, name, is);
        free(is);
        ck_assert_msg(fsp_slice_eq(fsp_buf_slice(&bytes), fsp_buf_slice(&again)),
                      "%s.json: %s is written in other bytes: " VECTORS_SENTENCE, file, name);
    }
    json_decref(meaning);
    fsp_buf_clear(&bytes);
    fsp_buf_clear(&again);
}

/* -- files ------------------------------------------------------------------------------------- */

static inline void
vectors_path(const vectors_file_t *file, char *ret, size_t capacity)
{
    char name[64];
    (void)snprintf(name, sizeof(name), "tests/vectors/%s.json", file->name);
    fsp_docs_path(name, ret, capacity);
}

/* A new array; empty if there is no such file. */
static inline json_t *
vectors_load(const vectors_file_t *file)
{
    char path[4096];
    vectors_path(file, path, sizeof(path));
    json_error_t error;
    FILE *from = fopen(path, "rb");
    if (!from)
        return json_array();
    json_t *entries = json_loadf(from, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    (void)fclose(from);
    ck_assert_msg(json_is_array(entries), "%s:%d: %s", path, error.line, error.text);
    return entries;
}

static inline json_t *
vectors_find(const json_t *entries, const char *name)
{
    size_t index;
    json_t *entry;
    json_array_foreach((json_t *)(uintptr_t)entries, index,
                       entry) if (strcmp(take_text(entry, "name"), name) == 0) return entry;
    return NULL;
}

START_TEST(vectors_of_the_file_mean_what_they_say)
{
    const vectors_file_t *file = &vectors_files[_i];
    json_t *entries = vectors_load(file);
    size_t index;
    json_t *entry;
    ck_assert_msg(json_array_size(entries) > 0, "%s.json has no vectors", file->name);
    json_array_foreach(entries, index, entry)
    {
        vectors_check_entry(file->name, entry);
        ck_assert_msg(vectors_find(entries, take_text(entry, "name")) == entry,
                      "%s.json: %s is there twice", file->name, take_text(entry, "name"));
    }
    json_decref(entries);
}
END_TEST

START_TEST(vectors_of_the_program_are_in_the_file)
{
    const vectors_file_t *file = &vectors_files[_i];
    json_t *entries = vectors_load(file), *made = json_array();
    file->make(made);
    size_t index;
    json_t *entry;
    json_array_foreach(made, index, entry)
    {
        const char *name = take_text(entry, "name");
        const json_t *there = vectors_find(entries, name);
        ck_assert_msg(there != NULL, "%s.json lacks %s: run this program with --write", file->name,
                      name);
        ck_assert_msg(json_equal(there, entry),
                      "%s.json: %s is made otherwise now: " VECTORS_SENTENCE, file->name, name);
    }
    json_decref(made);
    json_decref(entries);
}
END_TEST

/* Entries one below the other, each part of an entry on a line of its own. */
static inline int
vectors_store(const vectors_file_t *file, const json_t *entries)
{
    static const char *const keys[] = {"name",  "kind",   "meaning", "refused",
                                       "given", "result", "hex"};
    char path[4096];
    vectors_path(file, path, sizeof(path));
    FILE *to = fopen(path, "wb");
    if (!to) {
        perror(path);
        return 1;
    }
    size_t index;
    json_t *entry;
    fputs("[", to);
    json_array_foreach((json_t *)(uintptr_t)entries, index, entry)
    {
        fputs(index ? ",\n {" : "\n {", to);
        bool first = true;
        for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
            const json_t *value = json_object_get(entry, keys[k]);
            if (!value)
                continue;
            char *text = json_dumps(value, JSON_ENCODE_ANY);
            fprintf(to, "%s\"%s\": %s", first ? "" : ",\n  ", keys[k], text);
            free(text);
            first = false;
        }
        fputs("}", to);
    }
    fputs("\n]\n", to);
    if (fclose(to) != 0) {
        perror(path);
        return 1;
    }
    printf("wrote %s: %zu vectors\n", path, json_array_size(entries));
    return 0;
}

static inline int
vectors_write(const vectors_file_t *file, bool force)
{
    json_t *entries = vectors_load(file), *made = json_array();
    file->make(made);
    size_t index;
    json_t *entry;
    int failed = 0;
    json_array_foreach(made, index, entry)
    {
        const char *name = take_text(entry, "name");
        json_t *there = vectors_find(entries, name);
        if (!there) {
            (void)json_array_append(entries, entry);
        } else if (!json_equal(there, entry) && force) {
            printf("%s.json: %s is changed\n", file->name, name);
            (void)json_object_clear(there);
            (void)json_object_update(there, entry);
        } else if (!json_equal(there, entry)) {
            fprintf(stderr, "%s.json: %s would change: " VECTORS_SENTENCE "\n", file->name, name);
            failed = 1;
        }
    }
    if (!failed)
        failed = vectors_store(file, entries);
    json_decref(made);
    json_decref(entries);
    return failed;
}

static bool vectors_force;

START_TEST(vectors_are_written)
{
    ck_assert_int_eq(vectors_write(&vectors_files[_i], vectors_force), 0);
}
END_TEST

static inline int
vectors_main(const char *name, const vectors_file_t *files, const vectors_kind_t *kinds, int argc,
             char **argv)
{
    vectors_files = files;
    vectors_kinds = kinds;
    int count = 0;
    while (files[count].name)
        count++;
    Suite *suite = suite_create(name);
    TCase *tests = tcase_create("vectors");
    tcase_set_timeout(tests, 120);
    if (argc > 1 && strcmp(argv[1], "--write") == 0) {
        vectors_force = argc > 2 && strcmp(argv[2], "--force") == 0;
        tcase_add_loop_test(tests, vectors_are_written, 0, count);
    } else {
        tcase_add_loop_test(tests, vectors_of_the_file_mean_what_they_say, 0, count);
        tcase_add_loop_test(tests, vectors_of_the_program_are_in_the_file, 0, count);
    }
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}

/* Fills an identifier with one byte. */
#define FILL(id, value) memset((id).bytes, (value), sizeof((id).bytes))
#endif
