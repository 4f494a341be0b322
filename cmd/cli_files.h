/* SPDX-License-Identifier: MIT */
/* cli_files - local files: complete or not at all, and never through a symbolic link.  Layer cmd.
 *
 * Everything is relative to a directory descriptor and a plain name, so that a tree that changes
 * meanwhile, or a node that lies, cannot make the program write elsewhere.
 */
#ifndef FSP_CMD_CLI_FILES_H
#define FSP_CMD_CLI_FILES_H
#include "actors/filesphere.h"
#include "core/base/buf.h"

#include <sys/stat.h>

/* A file in the making: hidden under a name of its own beside the target. */
typedef struct {
    int directory_fd; /* borrowed */
    int fd;
    char name[32];
} cli_temp_t;

/* 0, or -1 with errno. */
int cli_temp_open(int directory_fd, cli_temp_t *ret);
/* Mode, times, close, rename over `name`.  0, or -1 with errno; the temporary file is gone in any
 * case. */
int cli_temp_commit(cli_temp_t *self, const char *name, const filesphere_attr_t *attr,
                    mode_t default_mode);
/* Removes the file; harmless after commit. */
void cli_temp_drop(cli_temp_t *self);

/* A symbolic link under `name`, in place of what was there unless that is a directory; with its own
 * time, where the file system can.  0, or -1 with errno. */
int cli_symlink(int directory_fd, const char *target, const char *name,
                const filesphere_attr_t *attr);
/* Removes `name` and, if it is a directory, all that is in it; links are removed, not followed.  0,
   or -1 with errno: some of it may be gone then. */
int cli_remove(int directory_fd, const char *name);
/* The directory `name`, made for us alone if it is not there, opened without following a link; its
   owner can write in it from now on.  *ret_mode is what it had, or what a new one usually gets.
   *ret_made says whether it was made.  -1 with errno. */
int cli_directory(int directory_fd, const char *name, mode_t default_mode, mode_t *ret_mode,
                  bool *ret_made);
/* Mode (without set-id bits) and times of an open file or directory, as far as they are known. */
int cli_apply_attr(int fd, const filesphere_attr_t *attr);

/* All of it, over short writes and signals; interrupted (may be NULL) ends it with EINTR.  0, or -1
 * with errno. */
int cli_write_all(int fd, const void *data, size_t bytes, bool (*interrupted)(void));

/* Names of a directory in byte order.  Packed: each name, then NUL. */
typedef struct {
    fsp_buf_t text;
    size_t count;
} cli_names_t;
/* Takes directory_fd.  0, or -1 with errno; end with cli_names_clear in any case. */
int cli_names_read(int directory_fd, cli_names_t *ret);
void cli_names_init(cli_names_t *self);
void cli_names_clear(cli_names_t *self);
#endif
