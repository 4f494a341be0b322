/* SPDX-License-Identifier: MIT */
/* requests - the types of requests, and the least that each must say.  Layer tests. */
#ifndef FSP_TESTS_UNIT_PROTO_REQUESTS_H
#define FSP_TESTS_UNIT_PROTO_REQUESTS_H
#include "proto/client.h"

static const fsp_client_type_t REQUESTS[] = {
    FSP_MSG_HELLO,        FSP_MSG_PING,    FSP_MSG_PUT,      FSP_MSG_COMMIT,
    FSP_MSG_ABORT,        FSP_MSG_CREDIT,  FSP_MSG_RESUME,   FSP_MSG_GET,
    FSP_MSG_STAT,         FSP_MSG_LIST,    FSP_MSG_VERSIONS, FSP_MSG_CHANGES,
    FSP_MSG_SPACES,       FSP_MSG_MKDIR,   FSP_MSG_DELETE,   FSP_MSG_MOVE,
    FSP_MSG_COPY,         FSP_MSG_RESTORE, FSP_MSG_NODE,     FSP_MSG_WATCH,
    FSP_MSG_LOCK,         FSP_MSG_RENEW,   FSP_MSG_UNLOCK,   FSP_MSG_UNDELETE,
    FSP_MSG_PRUNE,        FSP_MSG_PURGE,   FSP_MSG_BATCH,    FSP_MSG_SPACE_CREATE,
    FSP_MSG_SPACE_REMOVE, FSP_MSG_OFFER,   FSP_MSG_ATTR,     FSP_MSG_SPACE_SET,
    FSP_MSG_COLLECT,      FSP_MSG_KEY_ADD, FSP_MSG_KEY_LIST, FSP_MSG_KEY_REMOVE,
};
enum { REQUEST_COUNT = sizeof(REQUESTS) / sizeof(REQUESTS[0]) };

static inline bool
changes_something(fsp_client_type_t type)
{
    return type == FSP_MSG_PUT || (type >= FSP_MSG_MKDIR && type <= FSP_MSG_PRUNE) ||
           (type >= FSP_MSG_PURGE && type <= FSP_MSG_SPACE_SET);
}

static inline bool
has_target(fsp_client_type_t type)
{
    return type == FSP_MSG_PUT || type == FSP_MSG_GET || type == FSP_MSG_STAT ||
           type == FSP_MSG_LIST || type == FSP_MSG_VERSIONS ||
           (type >= FSP_MSG_DELETE && type <= FSP_MSG_PRUNE) || type == FSP_MSG_ATTR;
}

/* The least that a request of this type must say. */
static inline fsp_request_t
least(fsp_client_type_t type)
{
    fsp_request_t request = {.version_count = 0};
    if (has_target(type) || type == FSP_MSG_MKDIR)
        request.path = fsp_slice_text("/a");
    if (changes_something(type)) {
        memset(request.op_id.bytes, 0x11, sizeof(request.op_id.bytes));
        request.attempt = 1;
    }
    if (type == FSP_MSG_HELLO) {
        request.versions[0] = 1;
        request.version_count = 1;
    }
    if (type == FSP_MSG_MOVE || type == FSP_MSG_COPY)
        request.to_path = fsp_slice_text("/b");
    if (type == FSP_MSG_RESTORE || type == FSP_MSG_PRUNE)
        request.version = fsp_slice_text("0123abcd");
    if (type == FSP_MSG_CREDIT || type == FSP_MSG_WATCH)
        request.credit = 1;
    if (type == FSP_MSG_LOCK || type == FSP_MSG_RENEW)
        request.duration = 1000000;
    if (type == FSP_MSG_RENEW || type == FSP_MSG_UNLOCK)
        request.token = 7;
    if (type == FSP_MSG_SPACE_CREATE || type == FSP_MSG_SPACE_REMOVE || type == FSP_MSG_SPACE_SET)
        request.space = fsp_slice_text("team");
    if (type == FSP_MSG_BATCH) {
        /* MKDIR of "/a" */
        request.op_count = 1;
        request.ops = fsp_slice_text("\x92\x28\x81\xa4path\xa2/a");
    }
    if (type == FSP_MSG_OFFER)
        request.chunks = fsp_slice_text("digest of 32 octets of one chunk\1\1\1\1");
    request.has_attr = type == FSP_MSG_ATTR;
    request.set = type == FSP_MSG_SPACE_SET ? FSP_SET_QUOTA : 0;
    if (type == FSP_MSG_KEY_ADD || type == FSP_MSG_KEY_REMOVE)
        memset(request.key.bytes, 0x17, sizeof(request.key.bytes));
    if (type == FSP_MSG_KEY_ADD)
        request.name = fsp_slice_text("laptop");
    return request;
}

#endif
