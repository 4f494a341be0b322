/* SPDX-License-Identifier: MIT */
/* client_fields - the tables behind client.h, for tests and documentation.  Layer proto.  Pure. */
#ifndef FSP_PROTO_CLIENT_FIELDS_H
#define FSP_PROTO_CLIENT_FIELDS_H
#include "proto/fields.h"

#define FSP_CLIENT_ATTR_TEXT "array [mode, mtime s, mtime ns]"
/* Attributes as requests, answers and entries say them. */
void fsp_client_attr_encode(uint32_t mode, int64_t mtime_s, uint32_t mtime_ns, fsp_buf_t *buf);
fsp_status_t fsp_client_attr_decode(fsp_slice_t value, uint32_t *ret_mode, int64_t *ret_mtime_s,
                                    uint32_t *ret_mtime_ns);

fsp_fields_t fsp_request_fields(void);
fsp_fields_t fsp_reply_fields(void);
fsp_fields_t fsp_reply_disk_fields(void);
fsp_fields_t fsp_item_entry_fields(void);
fsp_fields_t fsp_item_version_fields(void);
fsp_fields_t fsp_item_change_fields(void);
fsp_fields_t fsp_item_space_fields(void);
fsp_fields_t fsp_item_did_fields(void);
fsp_fields_t fsp_item_part_fields(void);
fsp_fields_t fsp_item_key_fields(void);
#endif
