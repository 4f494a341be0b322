/* SPDX-License-Identifier: MIT */
/* client_fields - the tables behind client.h, for tests and documentation.  Layer proto.  Pure. */
#ifndef FSP_PROTO_CLIENT_FIELDS_H
#define FSP_PROTO_CLIENT_FIELDS_H
#include "proto/fields.h"

fsp_fields_t fsp_request_fields(void);
fsp_fields_t fsp_reply_fields(void);
fsp_fields_t fsp_reply_disk_fields(void);
fsp_fields_t fsp_item_entry_fields(void);
fsp_fields_t fsp_item_version_fields(void);
fsp_fields_t fsp_item_change_fields(void);
fsp_fields_t fsp_item_space_fields(void);
fsp_fields_t fsp_item_did_fields(void);
fsp_fields_t fsp_item_part_fields(void);
#endif
