/* SPDX-License-Identifier: MIT */
/* filesphere.h - the client library of FileSphere.
 *
 * Everything is opaque or plain C; no ZeroMQ type appears.  docs/library.md says how the parts fit
 * together, docs/examples has whole programs.
 *
 * Threads.  A handle is one connection to a node of one mesh.  Any thread may use a handle; calls
 * on one handle run one after another.  A callback must not call its own handle ("invalid"), except
 * for filesphere_cancel.  All handles of a process share one I/O context, which is made with the
 * first one and ends with the process.  In a child by fork of a process that has used the library
 * every call fails with "unsupported", until it calls exec.  No signal handler is changed.
 *
 * Errors.  Every call that can fail returns a filesphere_code_t: FILESPHERE_OK (0) or the number of
 * the error registry (docs/errors.md); arguments that cannot be right, a NULL handle among them,
 * are "invalid".  Words for people: filesphere_error(handle).  What is to be filled (ret...) is
 * filled on success only, and belongs to the caller.
 *
 * Ownership.  Strings, arrays and structs that are passed in are only read, and only during the
 * call; what a callback is given is valid until it returns.  Fields that are not set are zero.
 *
 * Units.  Times are microseconds since 1970 UTC, sizes bytes, hashes and ids raw octets.  Remote
 * paths are absolute ("/dir/file"), UTF-8, in a space given by name (NULL: the profile's space,
 * else the node's home space).  A `ret` of filesphere_info_t may be NULL if nobody wants it.
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

/* Connects and waits for the welcome.  config NULL: all defaults.  *ret_handle is made also on
   failure (to ask for the words), NULL only when the arguments are wrong; always end it with
   filesphere_close.  It is written before connecting, so that a signal handler can cancel that,
   too. */
FILESPHERE_API filesphere_code_t filesphere_open(const filesphere_config_t *config,
                                                 filesphere_t **ret_handle);
/* Ends the connection, frees the handle, and makes *handle_p NULL; a NULL one is left alone.  No
   call may be running on it.  Handles that are open when the process exits cost 0.2 s there. */
FILESPHERE_API void filesphere_close(filesphere_t **handle_p);
/* Last error of this handle in words, "" if none: what happened, to which path, what to do next.
   Valid until the next call on the handle, whichever thread makes it. */
FILESPHERE_API const char *filesphere_error(const filesphere_t *handle);
/* "not-found" for a code; "unknown-error" for an unknown one.  Static storage. */
FILESPHERE_API const char *filesphere_symbol(filesphere_code_t code);
/* Process exit code that stands for a code (docs/errors.md). */
FILESPHERE_API int filesphere_exit_code(filesphere_code_t code);
/* Something the user should know that is no failure ("" if none), since filesphere_open: the
   profile's mode, for one.  Valid as long as the handle. */
FILESPHERE_API const char *filesphere_warning(const filesphere_t *handle);
/* May be called from any thread or a signal handler: the running call ends with the code of
   "cancelled"; if none is running, the next one does.  A change that was cancelled may have been
   made: its request may have reached the node.  NULL is allowed. */
FILESPHERE_API void filesphere_cancel(filesphere_t *handle);

/* Every later call on the handle has to end within this many milliseconds ("timeout" else; a change
   may have been made then); 0, the default: no bound but the signs of life of the node.  A callback
   that does not return is waited for. */
FILESPHERE_API void filesphere_set_deadline(filesphere_t *handle, uint64_t milliseconds);
/* How long, in milliseconds, a call that lost its node goes on trying, with the same operation id;
   the default is 30,000; 0: not at all.  Then its code says "unreachable" or "timeout".  A put
   counts from its last progress anew. */
FILESPHERE_API void filesphere_set_patience(filesphere_t *handle, uint64_t milliseconds);

/* How far a put or a get is. */
typedef struct {
    uint64_t done_bytes;  /* of the content: read and taken care of, or received and written */
    uint64_t total_bytes; /* UINT64_MAX: not known */
    uint64_t moved_bytes; /* payload that crossed the network for it, in this process */
} filesphere_progress_t;
typedef void(filesphere_progress_fn)(void *arg, const filesphere_progress_t *progress);
/* Called from the thread of a put or a get, at most some 20 times a second and once at its good
   end; done_bytes and moved_bytes never fall.  NULL, the default: none.  It must not call the
   handle, except for filesphere_cancel. */
FILESPHERE_API void filesphere_on_progress(filesphere_t *handle, filesphere_progress_fn *progress,
                                           void *arg);

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
    uint64_t resumed_at; /* put: bytes that an earlier call had brought; 0: begun anew */
    uint8_t
        receipt[FILESPHERE_RECEIPT_MAX]; /* put: the node's signed word (docs/protocol/keys.md) */
    size_t receipt_size;
    uint64_t change; /* the space's change number */
    filesphere_attr_t attr;
    uint8_t heads[FILESPHERE_HEADS_MAX][32];
    size_t head_count;
    uint64_t at_change;   /* asked with a moment: the change number that is shown; else 0 */
    uint64_t lease_token; /* of the file's lease, also one that has passed; 0: none */
    uint8_t lease_holder[16];
    uint64_t lease_expires_us;
} filesphere_info_t;

/* A moment of a space: a change number, or the last change up to a time.  Both 0: now. */
typedef struct {
    uint64_t change;
    uint64_t time_us;
} filesphere_at_t;

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

/* Where a content comes from (fstat), so that a put that was interrupted can be taken up if it is
   still the same.  What is needed for it is kept in $XDG_STATE_HOME/filesphere/transfers (0600),
   from before the first message until the put has ended; what is older than 7 days is deleted.
   From 4 MiB on: below, to send it again costs no more.  No more than `size` bytes are read then,
   so that a file that grows meanwhile is stored as it was; one that gets shorter fails ("io"). */
typedef struct {
    bool set;
    uint64_t device, inode, size;
    int64_t mtime_s, ctime_s;
    uint32_t mtime_ns, ctime_ns;
} filesphere_source_t;

typedef struct {
    const char *space;
    const char *path;
    filesphere_kind_t kind; /* FILE or SYMLINK (content = target) */
    bool create_parents;
    bool if_none_match;      /* only if nothing is there */
    const uint8_t *if_match; /* only if this version (32 bytes) is the only head */
    filesphere_attr_t attr;
    const char *message;
    uint64_t size_hint;   /* if known, else UINT64_MAX: small contents then travel in one message */
    uint64_t lease_token; /* of filesphere_lock: fails if anybody else came between; 0: none */
    const uint8_t
        *edit_of; /* made from this version (32 bytes): a sibling if others came between */
    const uint8_t (*merge_of)[32]; /* takes the place of these heads */
    size_t merge_count;
    /* Paths in the same space whose present content may have parts in common with this one, besides
       the target itself: what the node has is not sent.  At most 16 count. */
    const char *const *bases;
    size_t base_count;
    filesphere_source_t source; /* set: a later call, also of another process, takes up where this
                                   one was interrupted */
} filesphere_put_t;
/* Makes a version of a file, and the file if there is none, of what `read` gives, which is called
   from the thread of the call and asked for each byte once, in order, as fast as the node takes it.
   Until the put has ended well, nobody sees any of it.  Up to 38 MiB of it stay in memory until the
   node has them for good, so that also a pipe outlives a broken connection and a restart of the
   node.  ret (may be NULL) is filled on success; its receipt was verified, and is absent
   (receipt_size 0) if an earlier call had brought the put to its end.  Without ret nobody looks at
   the receipt, which saves a small put half of the client's work. Codes besides those of any call:
   "cancelled" (by filesphere_cancel or by read), "invalid" (more than one condition), "exists",
   "mismatch", "lease-lost" and their like (the conditions), "busy" (also: another process is at
   this very put), "gone" (the node lost what it had confirmed), "quota", "disk-reserve",
   "unreachable" and "timeout": then the same call may be made again, and with `source` it goes on.
 */
FILESPHERE_API filesphere_code_t filesphere_put(filesphere_t *handle, const filesphere_put_t *put,
                                                filesphere_read_fn *read, void *arg,
                                                filesphere_info_t *ret);

typedef struct {
    const char *space;
    const char *path;
    const char *version; /* hex, 8 to 64 digits; NULL: the newest */
    bool has_range;
    uint64_t first, last; /* inclusive */
    filesphere_at_t at;   /* without version */
} filesphere_get_t;
/* Gives a content to `write`, each byte once and in order.  ret is filled before the first byte is
   written (may be NULL).  A link that breaks is made again, and the rest of the same version is
   asked for.  A whole content is compared with its SHA-256 at the end ("damaged": do not use what
   came); a range cannot be.  After another failure, what was written is a beginning of it. */
FILESPHERE_API filesphere_code_t filesphere_get(filesphere_t *handle, const filesphere_get_t *get,
                                                filesphere_write_fn *write, void *arg,
                                                filesphere_info_t *ret);

/* What is at the path now, or what one of its versions (hex, 8 to 64 digits) was. */
FILESPHERE_API filesphere_code_t filesphere_stat(filesphere_t *handle, const char *space,
                                                 const char *path, const char *version,
                                                 filesphere_info_t *ret);
/* What the path meant then. */
FILESPHERE_API filesphere_code_t filesphere_stat_at(filesphere_t *handle, const char *space,
                                                    const char *path, filesphere_at_t at,
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
    bool lost; /* at a moment: it was there then, and its content is not kept any more */
    filesphere_attr_t attr; /* as it is now; not set by nodes older than protocol 1.3 */
} filesphere_entry_t;
/* Called for each entry in name order; any other return than 0 ends the listing (with "cancelled").
 */
typedef int(filesphere_entry_fn)(void *arg, const filesphere_entry_t *entry);
/* What is in a directory; prefix (may be NULL): only names that begin so.  It comes in pages of at
   most 1,000, each of its own moment; the next is asked for while the caller gets one. */
FILESPHERE_API filesphere_code_t filesphere_list(filesphere_t *handle, const char *space,
                                                 const char *path, const char *prefix,
                                                 filesphere_entry_fn *entry, void *arg);
/* As it was.  ret_change (may be NULL): the change number that was shown. */
FILESPHERE_API filesphere_code_t filesphere_list_at(filesphere_t *handle, const char *space,
                                                    const char *path, const char *prefix,
                                                    filesphere_at_t at, filesphere_entry_fn *entry,
                                                    void *arg, uint64_t *ret_change);

typedef struct {
    uint8_t version_id[32];
    uint64_t number;
    unsigned kind; /* 1 put, 2 delete, 3 restore, 4 merge */
    uint64_t size;
    uint64_t time_us;
    uint8_t author[16];
    uint8_t op_id[16];
    uint8_t parents[FILESPHERE_HEADS_MAX][32];
    size_t parent_count;
    bool is_head, retained;
} filesphere_version_t;
typedef int(filesphere_version_fn)(void *arg, const filesphere_version_t *version);
/* The history of a file, newest first; any other return of the callback than 0 ends it. */
FILESPHERE_API filesphere_code_t filesphere_versions(filesphere_t *handle, const char *space,
                                                     const char *path,
                                                     filesphere_version_fn *version, void *arg);

/* A change, or (part > 0) one operation of a batch, which follows its change under the same index.
 */
typedef struct {
    uint64_t index;
    unsigned part;      /* 1 ..: operation of a batch; 0: the change itself */
    unsigned operation; /* docs/protocol/client.md, 7.3 */
    uint64_t time_us;
    uint8_t author[16];
    uint8_t op_id[16];
    filesphere_kind_t kind;
    uint8_t file_id[16];
    uint8_t version_id[32];
    char path[FILESPHERE_PATH_MAX + 1];
    char from_path[FILESPHERE_PATH_MAX + 1];
    uint8_t hash[32];         /* zero for parts */
    uint8_t displaced_id[16]; /* what it put into the trash to make room; zero: nothing */
} filesphere_change_t;
/* "put" for an operation; "other" for one that is not known.  Static storage. */
FILESPHERE_API const char *filesphere_operation_name(unsigned operation);
typedef int(filesphere_change_fn)(void *arg, const filesphere_change_t *change);
/* Changes of the space after an index, oldest first, up to the present. */
FILESPHERE_API filesphere_code_t filesphere_changes(filesphere_t *handle, const char *space,
                                                    uint64_t after, filesphere_change_fn *change,
                                                    void *arg);
/* The same, and then every further change as it happens, over broken connections and restarts of
   the node, until the callback ends it ("cancelled") or it fails ("gone": changes behind `after`
   are not kept any more).  after UINT64_MAX: only what comes from now on.  `change` is called with
   NULL when nothing is left to tell for the moment, at least once. */
FILESPHERE_API filesphere_code_t filesphere_watch(filesphere_t *handle, const char *space,
                                                  uint64_t after, filesphere_change_fn *change,
                                                  void *arg);

/* A directory; exist_ok: one that is there already is as good.  attr may be NULL. */
FILESPHERE_API filesphere_code_t filesphere_mkdir(filesphere_t *handle, const char *space,
                                                  const char *path, bool create_parents,
                                                  bool exist_ok, const filesphere_attr_t *attr,
                                                  filesphere_info_t *ret);
/* Mode and time of what is there; if_match (32 bytes, may be NULL): only if this version is the
   only head. */
FILESPHERE_API filesphere_code_t filesphere_set_attr(filesphere_t *handle, const char *space,
                                                     const char *path,
                                                     const filesphere_attr_t *attr,
                                                     const uint8_t *if_match,
                                                     filesphere_info_t *ret);
/* Into the trash; recursive: also a directory that is not empty. */
FILESPHERE_API filesphere_code_t filesphere_remove(filesphere_t *handle, const char *space,
                                                   const char *path, bool recursive,
                                                   filesphere_info_t *ret);
/* A file or a whole directory, at one instant.  `to` is its new path; what is there is put into the
   trash if `replace`, else "exists". */
FILESPHERE_API filesphere_code_t filesphere_move(filesphere_t *handle, const char *space,
                                                 const char *from, const char *to,
                                                 bool create_parents, bool replace,
                                                 filesphere_info_t *ret);
/* A file, without its bytes crossing the network; a new file with a history of its own. */
FILESPHERE_API filesphere_code_t filesphere_copy(filesphere_t *handle, const char *space,
                                                 const char *from, const char *to,
                                                 bool create_parents, bool replace,
                                                 filesphere_info_t *ret);
/* The content of an older version (hex digits) becomes the newest one. */
FILESPHERE_API filesphere_code_t filesphere_restore(filesphere_t *handle, const char *space,
                                                    const char *path, const char *version,
                                                    filesphere_info_t *ret);

/* An old version's content goes for good; its place in the history stays.  Never a head. */
FILESPHERE_API filesphere_code_t filesphere_prune(filesphere_t *handle, const char *space,
                                                  const char *path, const char *version,
                                                  filesphere_info_t *ret);

/* -- leases: one holder at a time ----------------------------------------------------------------
 */

/* *ret_token names the lease; who puts with it is told when somebody else came between. */
FILESPHERE_API filesphere_code_t filesphere_lock(filesphere_t *handle, const char *space,
                                                 const char *path, uint64_t duration_us,
                                                 uint64_t *ret_token, filesphere_info_t *ret);
/* The lease lasts for this long from now on. */
FILESPHERE_API filesphere_code_t filesphere_renew(filesphere_t *handle, const char *space,
                                                  const char *path, uint64_t token,
                                                  uint64_t duration_us, filesphere_info_t *ret);
/* token 0: whoever holds it (for who administers the file). */
FILESPHERE_API filesphere_code_t filesphere_unlock(filesphere_t *handle, const char *space,
                                                   const char *path, uint64_t token,
                                                   filesphere_info_t *ret);

/* -- trash ---------------------------------------------------------------------------------------
 */

typedef struct {
    char name[FILESPHERE_NAME_MAX + 1]; /* in the trash */
    filesphere_kind_t kind;
    uint8_t file_id[16];
    uint64_t size;
    uint64_t change;                    /* that put it there */
    uint64_t deleted_us;                /* when; 0: not known any more */
    char path[FILESPHERE_PATH_MAX + 1]; /* where it was; "": not known any more */
} filesphere_trashed_t;
typedef int(filesphere_trashed_fn)(void *arg, const filesphere_trashed_t *trashed);
/* Oldest first. */
FILESPHERE_API filesphere_code_t filesphere_trash(filesphere_t *handle, const char *space,
                                                  filesphere_trashed_fn *trashed, void *arg);
/* Takes it out of the trash, to where it was or to `to`; under another name if that one is taken,
   which ret->path says. */
FILESPHERE_API filesphere_code_t filesphere_undelete(filesphere_t *handle, const char *space,
                                                     const uint8_t file_id[16], const char *to,
                                                     bool create_parents, filesphere_info_t *ret);
/* Removes for good one thing in the trash, or (file_id NULL) all that was deleted up to a time
   (0: all). */
FILESPHERE_API filesphere_code_t filesphere_purge(filesphere_t *handle, const char *space,
                                                  const uint8_t file_id[16], uint64_t before_us,
                                                  uint64_t *ret_change);

/* -- batches -------------------------------------------------------------------------------------
 */

typedef enum {
    FILESPHERE_OP_PUT = 10,
    FILESPHERE_OP_MKDIR = 40,
    FILESPHERE_OP_DELETE = 41,
    FILESPHERE_OP_MOVE = 42,
    FILESPHERE_OP_COPY = 43,
    FILESPHERE_OP_RESTORE = 44,
    FILESPHERE_OP_LOCK = 45,
    FILESPHERE_OP_UNLOCK = 47,
    FILESPHERE_OP_UNDELETE = 48,
    FILESPHERE_OP_ATTR = 55
} filesphere_op_t;
enum { FILESPHERE_BATCH_MAX = 256, FILESPHERE_BATCH_CONTENT_MAX = 4096 };

/* Each operation uses what its own call takes. */
typedef struct {
    filesphere_op_t op;
    const char *path;
    const char *to;          /* MOVE, COPY; UNDELETE: may be NULL */
    const char *version;     /* RESTORE, COPY: all 64 digits */
    const uint8_t *file_id;  /* UNDELETE, instead of path: 16 bytes */
    const void *content;     /* PUT */
    size_t size;             /* at most FILESPHERE_BATCH_CONTENT_MAX */
    const uint8_t *if_match; /* 32 bytes */
    bool if_none_match;      /* PUT */
    bool create_parents, recursive, replace, exist_ok;
    filesphere_attr_t attr; /* PUT, MKDIR, ATTR */
    const char *message;    /* PUT */
    uint64_t token;         /* PUT, UNLOCK */
    uint64_t duration_us;   /* LOCK */
} filesphere_operation_t;
typedef struct {
    filesphere_kind_t kind;
    uint8_t file_id[16];
    uint8_t version_id[32];
    uint64_t number;
    uint64_t size;
} filesphere_did_t;
/* All of them, in order, or none.  ret (count elements) and ret_change are filled on success,
 *ret_failed (from 1) when one of them was refused: nothing was done then; 0: none was. */
FILESPHERE_API filesphere_code_t filesphere_batch(filesphere_t *handle, const char *space,
                                                  const filesphere_operation_t *operations,
                                                  size_t count, filesphere_did_t *ret,
                                                  uint64_t *ret_change, size_t *ret_failed);

/* -- spaces --------------------------------------------------------------------------------------
 */

/* What a space keeps of old versions.  All zero: everything. */
typedef struct {
    uint64_t last;                   /* newest versions of a file */
    uint64_t days;                   /* all versions, so long after they were superseded */
    uint64_t daily, weekly, monthly; /* what stood at so many midnights, ends of weeks, of months */
    uint64_t past_days;              /* how far `at` and the feed reach back; 0: for ever */
} filesphere_keep_t;

typedef struct {
    char name[64];
    uint8_t space_id[16];
    uint8_t owner[16];
    uint8_t root_id[16];
    uint8_t trash_id[16];
    uint64_t change;
    uint64_t quota_bytes; /* 0: none */
    uint64_t used_bytes;
    uint64_t closes_us; /* it is being removed: when its content goes; 0: it is not */
    uint64_t epoch;     /* of its garbage collection: rounds so far, and one */
    uint64_t chunk_bytes_min, chunk_bytes_avg, chunk_bytes_max;
    filesphere_keep_t keep;
} filesphere_space_t;
typedef int(filesphere_space_fn)(void *arg, const filesphere_space_t *space);
/* All spaces that this key may read. */
FILESPHERE_API filesphere_code_t filesphere_spaces(filesphere_t *handle, filesphere_space_fn *space,
                                                   void *arg);
/* quota_bytes 0: no bound.  "exists" if the name is taken. */
FILESPHERE_API filesphere_code_t filesphere_space_create(filesphere_t *handle, const char *name,
                                                         uint64_t quota_bytes,
                                                         filesphere_info_t *ret);
/* The same with sizes of chunks of its own: least, average, most (bytes); equal ones: all chunks
   have this length. */
FILESPHERE_API filesphere_code_t filesphere_space_create_chunked(filesphere_t *handle,
                                                                 const char *name,
                                                                 uint64_t quota_bytes,
                                                                 const uint64_t chunking[3],
                                                                 filesphere_info_t *ret);
/* name NULL: the home space. */
FILESPHERE_API filesphere_code_t filesphere_space_show(filesphere_t *handle, const char *name,
                                                       filesphere_space_t *ret);
typedef struct {
    bool set_quota;
    uint64_t quota_bytes; /* 0: none */
    bool set_keep;
    filesphere_keep_t keep;
} filesphere_space_settings_t;
/* What is not `set` stays as it is. */
FILESPHERE_API filesphere_code_t filesphere_space_set(filesphere_t *handle, const char *name,
                                                      const filesphere_space_settings_t *settings);
typedef struct {
    uint64_t epoch;         /* number of the round */
    uint64_t live_objects;  /* reachable from versions and uploads */
    uint64_t swept_objects; /* that went, and their bytes on disk */
    uint64_t swept_bytes;
} filesphere_collection_t;
/* One round of garbage collection, to its end: what nobody can reach goes from the disk two rounds
   after it was last touched.  May take minutes. */
FILESPHERE_API filesphere_code_t filesphere_space_collect(filesphere_t *handle, const char *name,
                                                          filesphere_collection_t *ret);
/* From now on it can only be read; after the delay its content goes for good.  *ret_closes_us: when
   (may be NULL). */
FILESPHERE_API filesphere_code_t filesphere_space_remove(filesphere_t *handle, const char *name,
                                                         uint64_t delay_us,
                                                         uint64_t *ret_closes_us);
/* Takes that back, as long as the content is there. */
FILESPHERE_API filesphere_code_t filesphere_space_keep(filesphere_t *handle, const char *name);

/* -- client keys ---------------------------------------------------------------------------------
 */

typedef struct {
    uint8_t key[32]; /* CURVE public key */
    char name[64];
    uint64_t added_us; /* 0: it came with the mesh */
    bool own;          /* of this handle */
} filesphere_key_t;
typedef int(filesphere_key_fn)(void *arg, const filesphere_key_t *key);
/* The keys that may connect; any other return of the callback than 0 ends it. */
FILESPHERE_API filesphere_code_t filesphere_keys(filesphere_t *handle, filesphere_key_fn *key,
                                                 void *arg);
/* A fresh key that may connect from now on, with the rights of this one.  Its profile, which has
   the secret, is written to profile_path (0600; "exists" if there is something). */
FILESPHERE_API filesphere_code_t filesphere_key_add(filesphere_t *handle, const char *name,
                                                    const char *profile_path,
                                                    filesphere_key_t *ret);
/* It cannot connect any more, and connections that it has end.  "forbidden" for the key of this
   handle, and for the one that came with the mesh. */
FILESPHERE_API filesphere_code_t filesphere_key_remove(filesphere_t *handle, const uint8_t key[32]);

typedef struct {
    char version[64]; /* of the program */
    uint8_t node_id[32];
    uint64_t uptime_s;
    uint64_t rss_bytes;
    uint64_t disk_total_bytes, disk_free_bytes, disk_reserve_bytes; /* free < reserve: no puts */
    char disk_state[16];                                            /* "ok" or "reserve" */
    bool sync;                                                      /* fsync is on */
} filesphere_node_t;
/* The node at the other end, now. */
FILESPHERE_API filesphere_code_t filesphere_node(filesphere_t *handle, filesphere_node_t *ret);

#ifdef __cplusplus
}
#endif
#endif
