/* SPDX-License-Identifier: MIT */
/* s3_text - addresses in the canonical form that is signed, and the little XML that S3 answers.
 *
 * libcurl signs path and query as they stand, so they are made canonical here: every octet but
 * letters, digits and "-._~" is %XX in capitals, the pairs of a query stand in the order of names.
 */
#ifndef FSP_BENCH_S3_TEXT_H
#define FSP_BENCH_S3_TEXT_H
#include "core/base/buf.h"
#include "core/base/types.h"

/* Appends text percent-encoded; '/' stays if slashes (paths), and not else (queries). */
void bench_s3_encode(fsp_buf_t *buf, fsp_slice_t text, bool slashes);

/* One page of ListObjectsV2 of a prefix, without '?'.  delimited: what lies deeper is one name a
   directory.  token: where the page before ended, empty for the first. */
void bench_s3_list_query(fsp_buf_t *buf, fsp_slice_t prefix, bool delimited, fsp_slice_t token);

/* The text of the next element of that name (which has no attributes) in *rest, and *rest behind
   it; false, with nothing changed: there is none.  Not for an element within one of its own name.
 */
bool bench_s3_element(fsp_slice_t *rest, const char *name, fsp_slice_t *ret);

/* Appends text with its entities (&amp; &lt; &gt; &quot; &apos; and &#N; below 128) read.  False:
   another one is in it, or one that does not end. */
bool bench_s3_unescape(fsp_buf_t *buf, fsp_slice_t text);
#endif
