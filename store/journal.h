/* SPDX-License-Identifier: MIT */
/* journal - what the store wrote, in order: log rows, and redo for the database.  Layer store.
 *
 * Rows of LOG live here and nowhere else: an index in memory says where, and the view reads the
 * files.  Rows of LOCAL, OBJECT and BYTES lie here until the database says that it has them on
 * stable storage; opening hands those that may be missing on, oldest first.
 *
 * One thread writes: put, commit, release, move, close.  Views read from any thread.  Octets:
 * journalrow.h.  Everything that reports FSP_IO is final: afterwards nobody knows what lies on
 * disk, and every later commit answers IO, too.
 */
#ifndef FSP_STORE_JOURNAL_H
#define FSP_STORE_JOURNAL_H
#include "core/base/batch.h"
#include "core/base/status.h"
#include "core/base/view.h"

enum {
    FSP_JOURNAL_FILE_BYTES = 16 * 1024 * 1024, /* nominal size of a file, unless told */
    FSP_JOURNAL_MOVE_BYTES = 4 * 1024 * 1024,  /* copied at a time by fsp_journal_move */
    FSP_JOURNAL_FILES = 4,                     /* of nominal size, that are never too many */
    FSP_JOURNAL_PAYLOAD_BYTES_MAX = 1024 * 1024 * 1024 /* rows of one record; more asserts */
};

typedef struct fsp_journal fsp_journal_t;

typedef struct {
    const char *directory; /* DIR/journal; may be missing, the first commit makes it (DIR exists) */
    uint64_t file_bytes;   /* nominal size of a file, a multiple of 4,096; 0: FILE_BYTES */
    bool sync;             /* false only in benchmarks: commits do not wait for the disk */
    bool read_only;        /* nothing on disk is changed; only the view and info may be used */
} fsp_journal_config_t;

/* One row of LOCAL, OBJECT or BYTES and the sequence of its group, oldest first; row is borrowed
   for the call, its blob NULL.  Anything but OK ends the opening with that status. */
typedef fsp_status_t fsp_journal_replay_fn(void *context, uint64_t sequence,
                                           const fsp_batch_row_t *row, fsp_error_t *error);

/* The newest record; any false: there is none, the journal is empty or missing. */
typedef struct {
    uint64_t sequence;
    uint64_t kept[FSP_FAMILY_COUNT]; /* as its writer said; 0 for LOG */
    bool any;
} fsp_journal_found_t;

/* Reads all records, and makes, changes and deletes no file.  *ret_found is filled in before the
   first row is replayed; it may be NULL with read_only.  replay NULL: nobody wants the rows.  After
   DAMAGED or IO (with text) there is no journal, though rows may have been replayed; each of them
   was written, and none before it is missing. */
FSP_MUST_CHECK fsp_status_t fsp_journal_open(const fsp_journal_config_t *config,
                                             fsp_journal_replay_fn *replay, void *context,
                                             fsp_journal_t **ret_self,
                                             fsp_journal_found_t *ret_found, fsp_error_t *error);
/* Nothing is lent (fsp_journal_lent).  What was put but not committed is lost.  Accepts NULL. */
void fsp_journal_close(fsp_journal_t **self_p);
/* Cursors that stand on a row, and reads under way.  Any thread. */
size_t fsp_journal_lent(fsp_journal_t *self);
/* Deletes all files of a journal that is not open, durably: migration throws a half-made one away.
   A missing directory is fine.  IO. */
FSP_MUST_CHECK fsp_status_t fsp_journal_erase(const char *directory, fsp_error_t *error);

/* Adds a row, copied, to the record under way.  Any family but STATE; a key of at most
   FSP_ROW_KEY_BYTES_MAX octets. */
void fsp_journal_put(fsp_journal_t *self, const fsp_batch_row_t *row);
/* A row is in the record under way. */
bool fsp_journal_waiting(const fsp_journal_t *self);
/* Writes the record under way, which may be empty, and with config.sync waits until it is on stable
   storage; then its rows of LOG are visible, and files that were released go.  sequence: above that
   of the record before if it has rows, else not below.  kept[f]: rows of f of all groups up to it
   are on stable storage in the database; the record says so, and nothing else is done with it (LOG:
   ignored).  IO. */
FSP_MUST_CHECK fsp_status_t fsp_journal_commit(fsp_journal_t *self, uint64_t sequence,
                                               const uint64_t kept[FSP_FAMILY_COUNT],
                                               fsp_error_t *error);

/* What was committed is on stable storage on return, whatever config.sync says.  IO. */
FSP_MUST_CHECK fsp_status_t fsp_journal_sync(fsp_journal_t *self, fsp_error_t *error);

/* To be called when it has been opened, and by ticks: notes which of the oldest files hold nothing
   that is needed, given what the database has kept, and gives memory back.  The files go with the
   next commit (an empty one will do), since a record must say first that they are not missed; some
   of them are kept for reuse unless tight, and then no new file takes room ahead. */
void fsp_journal_release(fsp_journal_t *self, const uint64_t kept[FSP_FAMILY_COUNT], bool tight);
/* More files than max(FSP_JOURNAL_FILES, 2 x what the live rows need): flush the families that hold
   it back.  Released files do not count. */
bool fsp_journal_full(const fsp_journal_t *self);
/* Lowest of kept that lets the oldest file go, for one family: below it the family holds the oldest
   file back.  0: it does not.  LOG: 1 if live rows do. */
uint64_t fsp_journal_holds(const fsp_journal_t *self, fsp_family_t family);
/* If the journal is full, and by the last fsp_journal_release only live rows of LOG hold the oldest
   file back: puts some of them, FSP_JOURNAL_MOVE_BYTES and a row at most, into the record under
   way, which must be empty; *ret_moved says whether.  The caller commits it as a group of its own.
   DAMAGED, IO. */
FSP_MUST_CHECK fsp_status_t fsp_journal_move(fsp_journal_t *self, bool *ret_moved,
                                             fsp_error_t *error);

/* The rows of LOG; belongs to the journal.  A cursor sees each row as it is when the cursor comes
   to it: no snapshot, and freeze answers NULL. */
fsp_view_t *fsp_journal_view(fsp_journal_t *self);

typedef struct {
    uint64_t bytes; /* of all files on disk, spare and released ones too */
    uint64_t files; /* that hold records */
    uint64_t spare_bytes;
    uint64_t released_bytes;        /* of files that only wait for the next commit */
    uint64_t live_rows, live_bytes; /* of LOG: keys and values */
    uint64_t oldest, newest;        /* numbers of files; 0: none */
    uint64_t sequence;              /* of the newest record */
} fsp_journal_info_t;
/* Any thread. */
void fsp_journal_info(fsp_journal_t *self, fsp_journal_info_t *ret);
#endif
