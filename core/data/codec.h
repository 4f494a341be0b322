/* SPDX-License-Identifier: MIT */
/* codec - compression of chunks, and whether to try it: the door to zstd.  Layer core/data.
   Pure. */
#ifndef FSP_CORE_DATA_CODEC_H
#define FSP_CORE_DATA_CODEC_H
#include "core/base/types.h"

/* Whether compression is worth a try: from at most 16 KiB of the chunk's own bytes at fixed
   places, in integers, without the compressor.  So the answer is the same for ever. */
bool fsp_codec_promises(fsp_slice_t plain);
/* The chunk as one zstd frame of level 1 that tells its content size, if it promises and saves
   1/16; else NULL. End with fsp_free. */
uint8_t *fsp_codec_compress(fsp_slice_t plain, size_t *ret_bytes);
/* Undoes it into ret, which has room for bytes.  True only for one whole frame of exactly that
   content size; ret is undefined otherwise.  The frame may be hostile. */
bool fsp_codec_decompress(fsp_slice_t frame, uint8_t *ret, size_t bytes);
#endif
