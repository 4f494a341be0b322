/* SPDX-License-Identifier: MIT */
/* commands - the commands that `apply` and `recover` feed to a state machine. */
#ifndef FSP_BENCH_COMMANDS_H
#define FSP_BENCH_COMMANDS_H
#include "core/base/prng.h"
#include "core/meta/command.h"

enum {
    BENCH_DIRECTORY_FILES = 1000,
    /* Octets of a sealed record of details and of one of attributes (core/data/object.h). */
    BENCH_DETAILS_BYTES = 72 + 48 + 16,
    BENCH_ATTR_BYTES = 72 + 20 + 16,
};

/* A client with one operation after the other.  File k lies at /dir-DDDD/file-FFF.dat. */
typedef struct {
    fsp_space_id_t space_id;
    fsp_subject_id_t subject;
    fsp_prng_t prng;
    uint64_t since;             /* change number it knows */
    fsp_version_id_t *versions; /* head of each file; owned */
    size_t files;               /* room in versions */
} bench_commands_t;

void bench_commands_init(bench_commands_t *self, fsp_space_id_t space_id, fsp_subject_id_t subject,
                         size_t files);
void bench_commands_clear(bench_commands_t *self);
/* Each appends one encoded command. */
void bench_commands_space(bench_commands_t *self, fsp_buf_t *buf);
void bench_commands_put(bench_commands_t *self, size_t file, fsp_buf_t *buf);  /* a new file */
void bench_commands_edit(bench_commands_t *self, size_t file, fsp_buf_t *buf); /* on its head */
void bench_commands_replace(bench_commands_t *self, size_t file, fsp_buf_t *buf);
void bench_commands_move(bench_commands_t *self, size_t file, fsp_buf_t *buf);
void bench_commands_remove(bench_commands_t *self, size_t file, fsp_buf_t *buf);
/* Path of a file; returns its length. */
size_t bench_commands_path(size_t file, char *ret, size_t bytes);
#endif
