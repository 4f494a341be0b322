/* SPDX-License-Identifier: MIT */
/* shardcall - asks the node's shard and waits for the answer.  Layer actors.
 *
 * For the supervisor while it starts a node, when nobody else asks yet; also where the level of the
 * shard is raised to that of the program.
 */
#ifndef FSP_ACTORS_SHARDCALL_H
#define FSP_ACTORS_SHARDCALL_H
#include "actors/actor.h"
#include "core/meta/command.h"

typedef struct {
    fsp_mailbox_t *mailbox;
    fsp_actor_t *shard, *store; /* their failures end the wait; may be NULL */
} fsp_shardcall_t;

/* type: FSP_SHARD_COMMAND or FSP_SHARD_QUERY; the answer's bytes are appended to ret.  A shard that
   is not serving yet is asked again.  TIMEOUT after 30 s, the shard's refusal, or the failure of an
   actor, always with words. */
FSP_MUST_CHECK fsp_status_t fsp_shardcall(const fsp_shardcall_t *self, unsigned type,
                                          fsp_slice_t body, fsp_buf_t *ret, fsp_error_t *error);
/* A command of bytes; its result's status is returned, words are the caller's.  ret_number may be
   NULL. */
FSP_MUST_CHECK fsp_status_t fsp_shardcall_command(const fsp_shardcall_t *self, fsp_slice_t command,
                                                  uint64_t *ret_number, fsp_error_t *error);
/* Raises the shard's feature level step by step to `level`; one that is there already, or higher,
   stays.  ret_level: what it is now. */
FSP_MUST_CHECK fsp_status_t fsp_shardcall_raise_level(const fsp_shardcall_t *self, uint64_t level,
                                                      uint64_t *ret_level, fsp_error_t *error);
#endif
