/* SPDX-License-Identifier: MIT */
/* filesphere.h - the client library of FileSphere.
 *
 * Everything is opaque or plain C; no ZeroMQ type appears.  A handle is one connection to a node of
 * one mesh. Any thread may use a handle; calls on one handle run one after another.  A callback
 * must not call its own handle, except for filesphere_cancel.  All handles of a process share one
 * I/O context, which ends with the process.
 *
 * Every call that can fail returns a filesphere_code_t: FILESPHERE_OK (0) or the number of the
 * error registry (docs/errors.md).  Words for people: filesphere_error(handle).  Times are
 * microseconds since 1970 UTC, sizes bytes. Remote paths are absolute ("/dir/file") in a space
 * given by name (NULL: the profile's space).
 */
#ifndef FILESPHERE_H
#define FILESPHERE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#define FILESPHERE_API __attribute__((visibility("default")))

typedef struct filesphere filesphere_t;
typedef unsigned filesphere_code_t;
enum { FILESPHERE_OK = 0 };

enum { FILESPHERE_RECEIPT_MAX = 4096 };
enum { FILESPHERE_HEADS_MAX = 64, FILESPHERE_NAME_MAX = 255, FILESPHERE_PATH_MAX = 4096 };

typedef enum {
    FILESPHERE_FILE = 1,
    FILESPHERE_DIRECTORY = 2,
    FILESPHERE_SYMLINK = 3
} filesphere_kind_t;

typedef struct {
    const char *profile_path; /* NULL: $FILESPHERE_PROFILE, else ~/.config/filesphere/profile */
    uint64_t timeout_ms; /* to connect and be welcomed, and between two signs of life: 0 = 5,000 */
    const char *client_name; /* shown to the node; NULL = "libfilesphere" */
} filesphere_config_t;

/* Connects and waits for the welcome.  *ret_handle is made also on failure (to ask for the words),
   NULL only when the arguments are wrong; always end it with filesphere_close.  It is written
   before connecting, so that a signal handler can cancel that, too. */
FILESPHERE_API filesphere_code_t filesphere_open(const filesphere_config_t *config,
                                                 filesphere_t **ret_handle);
FILESPHERE_API void filesphere_close(filesphere_t **handle_p);
/* Last error of this handle in words, "" if none: what happened, to which path, what to do next.
   Valid until the next call on the handle. */
FILESPHERE_API const char *filesphere_error(const filesphere_t *handle);
/* "not-found" for a code; "unknown-error" for an unknown one.  Static storage. */
FILESPHERE_API const char *filesphere_symbol(filesphere_code_t code);
/* Process exit code that stands for a code (docs/errors.md). */
FILESPHERE_API int filesphere_exit_code(filesphere_code_t code);
/* Something the user should know that is no failure ("" if none), since filesphere_open: the
 * profile's mode, for one. */
FILESPHERE_API const char *filesphere_warning(const filesphere_t *handle);
/* May be called from any thread or a signal handler: the running call ends with the code of
   "cancelled"; if none is running, the next one does. */
FILESPHERE_API void filesphere_cancel(filesphere_t *handle);

/* Attributes that travel with a file: only what is set. */
typedef struct {
    bool set;
    uint32_t mode; /* 0..07777 */
    int64_t mtime_s;
    uint32_t mtime_ns;
} filesphere_attr_t;

/* What a path (or an id) means now, or what one version was. */
typedef struct {
    filesphere_kind_t kind;
    char space[64];
    char path[FILESPHERE_PATH_MAX + 1];
    uint8_t file_id[16];
    uint8_t version_id[32]; /* zero for directories */
    uint64_t number;
    uint64_t size;
    uint64_t modified_us;
    uint8_t sha256[32];
    uint8_t content_root[32];
    uint64_t chunks;     /* 0: inline */
    uint64_t chunks_new; /* put: how many had to be stored */
    uint64_t bytes_sent; /* put: payload bytes and digests sent for it, retries included */
    uint8_t
        receipt[FILESPHERE_RECEIPT_MAX]; /* put: the node's signed word (docs/protocol/keys.md) */
    size_t receipt_size;
    uint64_t change; /* the space's change number */
    filesphere_attr_t attr;
    uint8_t heads[FILESPHERE_HEADS_MAX][32];
    size_t head_count;
} filesphere_info_t;

/* Returned by the two callbacks below: nothing could be read or written yet, call again.  A
   callback that may wait for long (a terminal, a pipe) returns this every second or so; the library
   then tells the node that it is alive. */
enum { FILESPHERE_NOT_YET = -2 };
/* A receipt, read and verified: where a version was durable at the instant `issued_us`. */
enum { FILESPHERE_RECEIPT_CLASSES_MAX = 4, FILESPHERE_RECEIPT_NODES_MAX = 16 };
typedef struct {
    uint8_t version_id[32];
    uint8_t content_root[32];
    uint8_t sha256[32];
    unsigned durable_copies, wanted_copies; /* W of R */
    struct {
        unsigned kind; /* 1 chunk, 2 tree node, 3 inline */
        uint64_t count;
        uint8_t nodes[FILESPHERE_RECEIPT_NODES_MAX][32];
        size_t node_count;
        unsigned zones;
    } classes[FILESPHERE_RECEIPT_CLASSES_MAX];
    size_t class_count;
    uint64_t change;
    uint64_t issued_us;
    uint8_t node_id[32];
    uint8_t node_key[32]; /* Ed25519, which signed it */
    uint8_t signature[64];
} filesphere_receipt_t;
/* "invalid" if bytes are no receipt, "damaged" if the signature does not fit, or node_key (32
   bytes, from a profile; NULL: any) is not the key that signed.  Needs no connection. */
FILESPHERE_API filesphere_code_t filesphere_receipt_verify(const void *bytes, size_t size,
                                                           const uint8_t *node_key,
                                                           filesphere_receipt_t *ret);

/* Gives up to size_max bytes into buffer; *ret_size 0 ends the content.  Any other return than 0
 * cancels. */
typedef int(filesphere_read_fn)(void *arg, void *buffer, size_t size_max, size_t *ret_size);
/* Takes bytes in order, all of them or (FILESPHERE_NOT_YET) none.  Any other return than 0 cancels.
 */
typedef int(filesphere_write_fn)(void *arg, const void *data, size_t size);

typedef struct {
    const char *space;
    const char *path;
    filesphere_kind_t kind; /* FILE or SYMLINK (content = target) */
    bool create_parents;
    bool if_none_match;      /* only if nothing is there */
    const uint8_t *if_match; /* only if this version (32 bytes) is the only head */
    filesphere_attr_t attr;
    const char *message;
    uint64_t size_hint; /* if known, else UINT64_MAX: small contents then travel in one message */
} filesphere_put_t;
FILESPHERE_API filesphere_code_t filesphere_put(filesphere_t *handle, const filesphere_put_t *put,
                                                filesphere_read_fn *read, void *arg,
                                                filesphere_info_t *ret);

typedef struct {
    const char *space;
    const char *path;
    const char *version; /* hex, 8 to 64 digits; NULL: the newest */
    bool has_range;
    uint64_t first, last; /* inclusive */
} filesphere_get_t;
/* ret is filled before the first byte is written (may be NULL). */
FILESPHERE_API filesphere_code_t filesphere_get(filesphere_t *handle, const filesphere_get_t *get,
                                                filesphere_write_fn *write, void *arg,
                                                filesphere_info_t *ret);

FILESPHERE_API filesphere_code_t filesphere_stat(filesphere_t *handle, const char *space,
                                                 const char *path, const char *version,
                                                 filesphere_info_t *ret);

typedef struct {
    char name[FILESPHERE_NAME_MAX + 1];
    filesphere_kind_t kind;
    uint8_t file_id[16];
    uint8_t version_id[32];
    uint64_t number;
    uint64_t size;
    uint64_t modified_us;
    size_t head_count;
} filesphere_entry_t;
/* Called for each entry in name order; any other return than 0 ends the listing (with "cancelled").
 */
typedef int(filesphere_entry_fn)(void *arg, const filesphere_entry_t *entry);
FILESPHERE_API filesphere_code_t filesphere_list(filesphere_t *handle, const char *space,
                                                 const char *path, const char *prefix,
                                                 filesphere_entry_fn *entry, void *arg);

typedef struct {
    uint8_t version_id[32];
    uint64_t number;
    unsigned kind; /* 1 put, 2 delete, 3 restore, 4 merge */
    uint64_t size;
    uint64_t time_us;
    uint8_t author[16];
    bool is_head, retained;
} filesphere_version_t;
typedef int(filesphere_version_fn)(void *arg, const filesphere_version_t *version);
/* Newest first. */
FILESPHERE_API filesphere_code_t filesphere_versions(filesphere_t *handle, const char *space,
                                                     const char *path,
                                                     filesphere_version_fn *version, void *arg);

typedef struct {
    uint64_t index;
    unsigned operation; /* 1 space-init, 2 put, 3 delete, 4 mkdir, 5 move, 6 restore, 7 copy */
    uint64_t time_us;
    uint8_t author[16];
    uint8_t op_id[16];
    filesphere_kind_t kind;
    uint8_t file_id[16];
    uint8_t version_id[32];
    char path[FILESPHERE_PATH_MAX + 1];
    char from_path[FILESPHERE_PATH_MAX + 1];
    uint8_t hash[32];
} filesphere_change_t;
typedef int(filesphere_change_fn)(void *arg, const filesphere_change_t *change);
/* Changes of the space after an index, oldest first, up to the present. */
FILESPHERE_API filesphere_code_t filesphere_changes(filesphere_t *handle, const char *space,
                                                    uint64_t after, filesphere_change_fn *change,
                                                    void *arg);

FILESPHERE_API filesphere_code_t filesphere_mkdir(filesphere_t *handle, const char *space,
                                                  const char *path, bool create_parents,
                                                  bool exist_ok, const filesphere_attr_t *attr,
                                                  filesphere_info_t *ret);
FILESPHERE_API filesphere_code_t filesphere_remove(filesphere_t *handle, const char *space,
                                                   const char *path, bool recursive,
                                                   filesphere_info_t *ret);
FILESPHERE_API filesphere_code_t filesphere_move(filesphere_t *handle, const char *space,
                                                 const char *from, const char *to,
                                                 bool create_parents, bool replace,
                                                 filesphere_info_t *ret);
FILESPHERE_API filesphere_code_t filesphere_copy(filesphere_t *handle, const char *space,
                                                 const char *from, const char *to,
                                                 bool create_parents, bool replace,
                                                 filesphere_info_t *ret);
FILESPHERE_API filesphere_code_t filesphere_restore(filesphere_t *handle, const char *space,
                                                    const char *path, const char *version,
                                                    filesphere_info_t *ret);

typedef struct {
    char version[64]; /* of the program */
    uint8_t node_id[32];
    uint64_t uptime_s;
    uint64_t rss_bytes;
    uint64_t disk_total_bytes, disk_free_bytes, disk_reserve_bytes;
    char disk_state[16]; /* "ok" or "reserve" */
    bool sync;           /* fsync is on */
} filesphere_node_t;
FILESPHERE_API filesphere_code_t filesphere_node(filesphere_t *handle, filesphere_node_t *ret);

#ifdef __cplusplus
}
#endif
#endif
