/* SPDX-License-Identifier: MIT */
/* text - hexadecimal, Z85, UTF-8, numbers, names, times.  Layer core/base.  Pure.
 *
 * Outputs are untouched on failure.
 */
#ifndef FSP_CORE_BASE_TEXT_H
#define FSP_CORE_BASE_TEXT_H
#include "core/base/status.h"
#include "core/base/types.h"

/* Lower-case hex of bytes into ret_text, which has room for 2 * bytes + 1. */
void fsp_hex_encode(const void *data, size_t bytes, char *ret_text);
/* Exactly 2 * bytes hex digits of either case, nothing more; INVALID otherwise. */
FSP_MUST_CHECK fsp_status_t fsp_hex_decode(fsp_slice_t text, void *ret_data, size_t bytes);

/* Z85 (ZeroMQ RFC 32).  bytes a multiple of 4; ret_text has room for bytes * 5 / 4 + 1. */
void fsp_z85_encode(const void *data, size_t bytes, char *ret_text);
FSP_MUST_CHECK fsp_status_t fsp_z85_decode(fsp_slice_t text, void *ret_data, size_t bytes);

/* Valid UTF-8: shortest forms, no surrogates, at most U+10FFFF.  NUL is allowed here. */
bool fsp_utf8_valid(fsp_slice_t text);
/* Decimal, no sign, no blanks, no leading zeros but "0" itself, at most max. */
FSP_MUST_CHECK fsp_status_t fsp_parse_u64(fsp_slice_t text, uint64_t max, uint64_t *ret_value);

/* A name of an entry: 1..255 bytes of UTF-8 without NUL and '/', not "." or "..". */
bool fsp_name_valid(fsp_slice_t name);
/* A path "/" or "/a/b": starts with '/', every part a valid name, no empty part, no trailing '/'
   but in "/" itself; at most 4,096 bytes and 64 parts.  BAD_NAME otherwise. */
FSP_MUST_CHECK fsp_status_t fsp_path_check(fsp_slice_t path);
/* Takes the first part off *path ("/a/b" -> "a", rest "/b"); false when *path is empty or "/". */
bool fsp_path_next(fsp_slice_t *path, fsp_slice_t *ret_name);
/* Splits a checked path other than "/" into parent ("/" or "/a") and last name. */
void fsp_path_split(fsp_slice_t path, fsp_slice_t *ret_parent, fsp_slice_t *ret_name);
/* Space names: 1..63 of a-z 0-9 '-' '.', starting and ending with a letter or digit. */
bool fsp_space_name_valid(fsp_slice_t name);

/* RFC 3339 in UTC with milliseconds ("2026-11-25T15:18:36.000Z", 24 characters) of a Unix time in
   microseconds, by integer arithmetic; what lies behind 9999 is its last millisecond. */
enum { FSP_RFC3339_BYTES = 25 };
void fsp_rfc3339(fsp_time_t unix_us, char ret_text[FSP_RFC3339_BYTES]);
#endif
