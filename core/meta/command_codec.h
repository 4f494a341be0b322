/* SPDX-License-Identifier: MIT */
/* command_codec - one walk over the fields of a body, for both directions.  Layer core/meta.
 *
 * Private to the files command*.c.  One function per body names its fields once; with `out` set it
 * writes them, else it reads and bounds them, so that writer and reader cannot drift apart.  The
 * reader's status is sticky (core/base/canon).
 */
#ifndef FSP_CORE_META_COMMAND_CODEC_H
#define FSP_CORE_META_COMMAND_CODEC_H
#include "core/base/canon.h"
#include "core/meta/command.h"

/* Either writes to `out` or reads from `in`.  The fields of a command are passed by address; a
   writer only reads them. */
typedef struct {
    fsp_buf_t *out; /* NULL: reading */
    fsp_canon_t in;
} fsp_codec_t;

void fsp_code_array(fsp_codec_t *codec, size_t count);
void fsp_code_u64(fsp_codec_t *codec, uint64_t *value, uint64_t max);
void fsp_code_u32(fsp_codec_t *codec, uint32_t *value);
void fsp_code_bool(fsp_codec_t *codec, bool *value);
void fsp_code_fixed(fsp_codec_t *codec, uint8_t *value, size_t bytes);
#define FSP_CODE_ID(codec, id) fsp_code_fixed((codec), (id)->bytes, sizeof((id)->bytes))
void fsp_code_bin(fsp_codec_t *codec, fsp_slice_t *value, size_t bytes_max);
/* Marks the input as wrong unless a condition holds.  Without effect on a writer: what our own
   program encodes is judged where it is decoded. */
void fsp_code_require(fsp_codec_t *codec, bool holds, fsp_status_t otherwise);
void fsp_code_path(fsp_codec_t *codec, fsp_slice_t *path);
/* A path as text, or an id as binary. */
void fsp_code_target(fsp_codec_t *codec, fsp_target_t *target, bool path_only);
/* Bit of a condition type in a mask of those that a command takes. */
#define FSP_CODE_ALLOW(type) (1u << (type))
/* [type, version id...] */
void fsp_code_condition(fsp_codec_t *codec, fsp_condition_t *condition, unsigned allowed);

/* An id that is nil when it is zero. */
void fsp_code_optional(fsp_codec_t *codec, uint8_t *value, size_t bytes);

/* The body of any command, by its type and version. */
void fsp_code_body(fsp_codec_t *codec, fsp_command_t *command); /* command.c */
/* Bodies, by family (command.h). */
void fsp_code_history(fsp_codec_t *codec, fsp_command_t *command); /* command_history.c */
void fsp_code_node(fsp_codec_t *codec, fsp_command_t *command);    /* command_node.c */
void fsp_code_access(fsp_codec_t *codec, fsp_command_t *command);  /* command_access.c */
void fsp_code_system(fsp_codec_t *codec, fsp_command_t *command);  /* command_system.c */
#endif
