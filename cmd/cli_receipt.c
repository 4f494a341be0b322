/* SPDX-License-Identifier: MIT */
/* cli_receipt - `filesphere receipt`: a node's signed word, read and verified offline.  Layer cmd.
 */
#include "cmd/cli_receipt.h"

#include "cmd/cli_profile.h"
#include "core/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Hexadecimal digits, two an octet, and a line end. */
enum { FILE_BYTES_MAX = 2 * FILESPHERE_RECEIPT_MAX + 2 };

static const char *
kind_name(unsigned kind)
{
    static const char *const kinds[] = {"", "chunk", "tree", "inline"};
    return kind > 0 && kind < sizeof kinds / sizeof kinds[0] ? kinds[kind] : "other";
}

static void
json_fields(fsp_json_t *json, const filesphere_receipt_t *receipt)
{
    cli_json_id(json, "version", receipt->version_id, sizeof receipt->version_id);
    cli_json_id(json, "content_root", receipt->content_root, sizeof receipt->content_root);
    cli_json_id(json, "sha256", receipt->sha256, sizeof receipt->sha256);
    fsp_json_object(json, "durability");
    fsp_json_uint(json, "w", receipt->durable_copies);
    fsp_json_uint(json, "r", receipt->wanted_copies);
    fsp_json_object_end(json);
    fsp_json_array(json, "classes");
    for (size_t i = 0; i < receipt->class_count; i++) {
        fsp_json_object(json, NULL);
        fsp_json_text(json, "kind", kind_name(receipt->classes[i].kind));
        fsp_json_uint(json, "count", receipt->classes[i].count);
        fsp_json_array(json, "nodes");
        for (size_t n = 0; n < receipt->classes[i].node_count; n++)
            cli_json_id(json, NULL, receipt->classes[i].nodes[n], 32);
        fsp_json_array_end(json);
        fsp_json_uint(json, "zones", receipt->classes[i].zones);
        fsp_json_object_end(json);
    }
    fsp_json_array_end(json);
    fsp_json_uint(json, "change", receipt->change);
    fsp_json_time(json, "issued", receipt->issued_us);
    cli_json_id(json, "node", receipt->node_id, sizeof receipt->node_id);
    cli_json_id(json, "node_key", receipt->node_key, sizeof receipt->node_key);
    cli_json_id(json, "signature", receipt->signature, sizeof receipt->signature);
}

void
cli_json_receipt(fsp_json_t *json, const uint8_t *bytes, size_t size)
{
    filesphere_receipt_t receipt;
    if (filesphere_receipt_verify(bytes, size, NULL, &receipt) != FILESPHERE_OK)
        return;
    fsp_json_object(json, "receipt");
    json_fields(json, &receipt);
    cli_json_id(json, "signed", bytes, size);
    fsp_json_object_end(json);
}

/* -- files ------------------------------------------------------------------------------------- */

/* The bytes of a receipt out of a file: as they are, or in hexadecimal digits.  False: the failure
   is noted. */
static bool
read_receipt(cli_t *cli, const char *path, uint8_t ret[FILESPHERE_RECEIPT_MAX], size_t *ret_size)
{
    fsp_buf_t text;
    fsp_buf_init(&text, FILE_BYTES_MAX);
    if (!cli_read_file(cli, path, &text)) {
        fsp_buf_clear(&text);
        return false;
    }
    fsp_slice_t trimmed = fsp_buf_slice(&text);
    while (trimmed.bytes > 0 && strchr(" \t\r\n", trimmed.data[trimmed.bytes - 1]))
        trimmed.bytes--;
    size_t bytes = trimmed.bytes / 2;
    bool good = true;
    if (bytes > 0 && bytes <= FILESPHERE_RECEIPT_MAX &&
        fsp_hex_decode(trimmed, ret, bytes) == FSP_OK) {
        *ret_size = bytes;
    } else if (text.bytes > 0 && text.bytes <= FILESPHERE_RECEIPT_MAX) {
        memcpy(ret, text.data, text.bytes);
        *ret_size = text.bytes;
    } else {
        cli_fail_status(cli, FSP_INVALID, "%.400s: is no receipt; give what put --receipt wrote",
                        path);
        good = false;
    }
    fsp_buf_clear(&text);
    return good;
}

static void
print_receipt(const filesphere_receipt_t *receipt)
{
    cli_print_hex("version   ", receipt->version_id, sizeof receipt->version_id);
    cli_print_hex("root      ", receipt->content_root, sizeof receipt->content_root);
    cli_print_hex("sha256    ", receipt->sha256, sizeof receipt->sha256);
    (void)printf("durable   %u of %u copies\nchange    %llu\nissued    ", receipt->durable_copies,
                 receipt->wanted_copies, (unsigned long long)receipt->change);
    cli_print_time(receipt->issued_us);
    (void)printf("\n");
    for (size_t i = 0; i < receipt->class_count; i++) {
        (void)printf("objects   %llu of kind %s, on %zu nodes in %u zones\n",
                     (unsigned long long)receipt->classes[i].count,
                     kind_name(receipt->classes[i].kind), receipt->classes[i].node_count,
                     receipt->classes[i].zones);
    }
    cli_print_hex("node      ", receipt->node_id, sizeof receipt->node_id);
    cli_print_hex("key       ", receipt->node_key, sizeof receipt->node_key);
}

/* node_key NULL: whoever signed it.  True if it fits. */
static bool
check(cli_t *cli, const uint8_t *node_key, filesphere_receipt_t *ret)
{
    const char *path = cli->operands[0];
    uint8_t bytes[FILESPHERE_RECEIPT_MAX];
    size_t size = 0;
    if (!read_receipt(cli, path, bytes, &size))
        return false;
    filesphere_code_t code = filesphere_receipt_verify(bytes, size, node_key, ret);
    if (code == FILESPHERE_OK)
        return true;
    if (!cli_is(code, FSP_DAMAGED))
        cli_fail(cli, code, "%.400s: is no receipt; give what put --receipt wrote", path);
    else if (node_key && filesphere_receipt_verify(bytes, size, NULL, ret) == FILESPHERE_OK)
        cli_fail(cli, code,
                 "%.400s: was signed by another key than the one of the profile's node; do not "
                 "trust it, or choose the profile of that mesh",
                 path);
    else
        cli_fail(cli, code, "%.400s: the signature does not fit; do not trust it", path);
    return false;
}

int
cli_receipt_show(cli_t *cli)
{
    filesphere_receipt_t receipt;
    if (!check(cli, NULL, &receipt))
        return cli_finish(cli);
    if (cli->json) {
        json_fields(cli_line(cli, "result"), &receipt);
        cli_line_end(cli);
    } else {
        print_receipt(&receipt);
    }
    return 0;
}

int
cli_receipt_verify(cli_t *cli)
{
    fsp_profile_t profile;
    filesphere_receipt_t receipt;
    if (!cli_profile_load(cli, &profile))
        return cli_finish(cli);
    bool good = check(cli, profile.node_key, &receipt);
    if (good && cli->json) {
        fsp_json_t *json = cli_line(cli, "result");
        fsp_json_bool(json, "valid", true);
        fsp_json_text(json, "profile", profile.name);
        json_fields(json, &receipt);
        cli_line_end(cli);
    } else if (good && !cli->quiet) {
        (void)printf("the node of profile ");
        cli_print_escaped(profile.name);
        (void)printf(" signed it: %u of %u copies were durable at ", receipt.durable_copies,
                     receipt.wanted_copies);
        cli_print_time(receipt.issued_us);
        (void)printf("\n");
        cli_print_hex("version   ", receipt.version_id, sizeof receipt.version_id);
        cli_print_hex("sha256    ", receipt.sha256, sizeof receipt.sha256);
    }
    fsp_profile_wipe(&profile);
    return cli_finish(cli);
}
