/* SPDX-License-Identifier: MIT */
/* limits - every bound on what comes from outside, in one place.  Layer core/base.  Pure.
 *
 * Enumerations, not macros: an unparenthesised macro expression is an error no compiler reports.
 * Relations between limits are asserted below, with the reason.
 */
#ifndef FSP_CORE_BASE_LIMITS_H
#define FSP_CORE_BASE_LIMITS_H
#include <assert.h>

enum {
    /* Names and paths. */
    FSP_NAME_BYTES_MAX = 255,
    FSP_PATH_BYTES_MAX = 4096,
    FSP_PATH_DEPTH_MAX = 64,
    FSP_SPACE_NAME_BYTES_MAX = 63,

    /* Versions. */
    FSP_HEADS_MAX = 64,
    FSP_PARENTS_MAX = 64,
    FSP_MESSAGE_BYTES_MAX = 1024, /* a version's message */
    FSP_MEDIA_TYPE_BYTES_MAX = 127,
    FSP_ATTR_BYTES_MAX = 4096, /* sealed attributes of a node */

    /* Objects. */
    FSP_INLINE_BYTES_MAX = 4096, /* plaintext kept in the version's carrier */
    FSP_CHUNK_BYTES_MIN = 256 * 1024,
    FSP_CHUNK_BYTES_AVG = 1024 * 1024,
    FSP_CHUNK_BYTES_MAX = 4 * 1024 * 1024,
    FSP_TREE_FANOUT_MAX = 1024,
    FSP_TREE_DEPTH_MAX = 5,
    FSP_SUBBLOCK_BYTES = 65536,
    FSP_GCM_TAG_BYTES = 16,
    FSP_OBJECT_OPEN_BYTES_MAX = 128 * 1024,
    FSP_OBJECT_BYTES_MAX = 4 * 1024 * 1024 + 128 * 1024,
    FSP_CARRIER_BYTES_MAX = 16 * 1024,
    FSP_BLOB_BYTES_MIN = 64 * 1024, /* objects from here on lie outside the index database */
    FSP_HAVE_BYTES_MIN = 64 * 1024, /* objects from here on are asked for before they are sent */
    FSP_HAVE_KEYS_MAX = 1024,

    /* Commands and the log. */
    FSP_COMMAND_BYTES_MAX = 1024 * 1024,
    FSP_COMMAND_ROWS_MAX = 4096,
    FSP_RESULT_BYTES_MAX = 64 * 1024,
    FSP_VALUE_BYTES_MAX = 2 * 1024 * 1024, /* one row of state or log */
    FSP_ROW_KEY_BYTES_MAX = 512,

    /* Answers of readers. */
    FSP_LIST_LIMIT_MAX = 1000,
    FSP_ANSWER_BYTES_MAX = 1024 * 1024,

    /* Messages. */
    FSP_ENVELOPE_BYTES = 20,
    FSP_FRAME_BYTES_MAX = 256 * 1024,     /* one payload frame between processes */
    FSP_BODY_BYTES_MAX = 2 * 1024 * 1024, /* one msgpack body */
    FSP_MESSAGE_FRAMES_MAX = 4,
    FSP_MSGPACK_DEPTH_MAX = 8,
    FSP_MSGPACK_ITEMS_MAX = 64 * 1024,
    FSP_SOCKET_MESSAGE_BYTES_MAX = 2 * 1024 * 1024 + 64 * 1024, /* ZMQ_MAXMSGSIZE */

    /* Sessions and transfers. */
    FSP_SESSIONS_MAX = 4096,
    FSP_TRANSFERS_PER_SESSION_MAX = 64,
    FSP_UPLOAD_WINDOW_BYTES = 8 * 1024 * 1024,    /* plaintext a transfer may hold in the gateway */
    FSP_DOWNLOAD_WINDOW_BYTES = 8 * 1024 * 1024,  /* credit a client may grant ahead */
    FSP_TRANSFER_MEMORY_BYTES = 88 * 1024 * 1024, /* all transfers of a node together */

    /* Identifiers given as text. */
    FSP_VERSION_PREFIX_HEX_MIN = 8,

    /* Operation ids: how far exactly-once reaches back. */
    FSP_OPS_KEPT_MIN = 100000
};

static_assert(FSP_CHUNK_BYTES_MIN < FSP_CHUNK_BYTES_AVG &&
                  FSP_CHUNK_BYTES_AVG < FSP_CHUNK_BYTES_MAX,
              "normalised chunking needs min < average < max");
static_assert(FSP_OBJECT_BYTES_MAX >=
                  FSP_CHUNK_BYTES_MAX +
                      (FSP_CHUNK_BYTES_MAX / FSP_SUBBLOCK_BYTES) * FSP_GCM_TAG_BYTES + 1024,
              "the largest chunk must fit an object when it does not compress");
static_assert(FSP_OBJECT_OPEN_BYTES_MAX >= FSP_TREE_FANOUT_MAX * (32 + 4 + 9 + 9 + 8),
              "a full tree node's child list must fit the open part");
static_assert(FSP_CARRIER_BYTES_MAX >= 2 * FSP_INLINE_BYTES_MAX + FSP_MESSAGE_BYTES_MAX + 1024,
              "a carrier holds an inline object and a sealed part");
static_assert(FSP_COMMAND_BYTES_MAX + 4096 <= FSP_VALUE_BYTES_MAX, "a log entry is one row");
static_assert(FSP_SOCKET_MESSAGE_BYTES_MAX >= FSP_BODY_BYTES_MAX + 64 * 1024,
              "the socket's bound is the net under the protocol's");
static_assert(FSP_UPLOAD_WINDOW_BYTES >= 2 * FSP_CHUNK_BYTES_MAX,
              "a window must hold one chunk in the making and one being sealed");
static_assert(FSP_ROW_KEY_BYTES_MAX >= 64 + FSP_NAME_BYTES_MAX, "an entry's key holds a name");
#endif
