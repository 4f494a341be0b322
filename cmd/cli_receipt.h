/* SPDX-License-Identifier: MIT */
/* cli_receipt - receipts in JSON.  Layer cmd. */
#ifndef FSP_CMD_CLI_RECEIPT_H
#define FSP_CMD_CLI_RECEIPT_H
#include "cmd/cli_common.h"

/* The object "receipt": its fields and, as `signed`, the bytes themselves.  Nothing if they are no
   receipt. */
void cli_json_receipt(fsp_json_t *json, const uint8_t *bytes, size_t size);
#endif
