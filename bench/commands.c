/* SPDX-License-Identifier: MIT */
/* commands - the commands that `apply` and `recover` feed to a state machine. */
#include "bench/commands.h"

#include "core/base/alloc.h"
#include "core/base/check.h"

#include <stdio.h>

enum { PATH_BYTES_MAX = 64, FILE_BYTES = 100000 };

void
bench_commands_init(bench_commands_t *self, fsp_space_id_t space_id, fsp_subject_id_t subject,
                    size_t files)
{
    *self = (bench_commands_t){.space_id = space_id, .subject = subject, .files = files};
    fsp_prng_init(&self->prng, 1);
    self->versions = fsp_alloc_array(files, sizeof(*self->versions));
}

void
bench_commands_clear(bench_commands_t *self)
{
    fsp_free(self->versions);
    *self = (bench_commands_t){0};
}

size_t
bench_commands_path(size_t file, char *ret, size_t bytes)
{
    int length = snprintf(ret, bytes, "/dir-%04zu/file-%03zu.dat", file / BENCH_DIRECTORY_FILES,
                          file % BENCH_DIRECTORY_FILES);
    FSP_ASSERT(length > 0 && (size_t)length < bytes);
    return (size_t)length;
}

static fsp_command_t *
new_command(bench_commands_t *self, fsp_command_type_t type)
{
    fsp_command_t *command = FSP_NEW(fsp_command_t);
    command->type = type;
    command->version = FSP_COMMAND_VERSION;
    command->space_id = self->space_id;
    command->subject = self->subject;
    command->attempt = 1;
    command->since = self->since;
    command->layout_version = 1;
    fsp_prng_fill(&self->prng, command->op_id.bytes, sizeof(command->op_id.bytes));
    fsp_prng_fill(&self->prng, command->request_digest.bytes,
                  sizeof(command->request_digest.bytes));
    return command;
}

static void
finish(fsp_command_t *command, fsp_buf_t *buf)
{
    fsp_command_encode(command, buf);
    FSP_ASSERT(fsp_buf_ok(buf));
    fsp_free(command);
}

void
bench_commands_space(bench_commands_t *self, fsp_buf_t *buf)
{
    uint8_t wrapped[96];
    fsp_prng_fill(&self->prng, wrapped, sizeof(wrapped));
    fsp_command_t *command = new_command(self, FSP_COMMAND_SPACE_INIT);
    command->space_init.name = fsp_slice_text("bench");
    command->space_init.owner = self->subject;
    fsp_prng_fill(&self->prng, command->space_init.root_id.bytes, sizeof(fsp_file_id_t));
    fsp_prng_fill(&self->prng, command->space_init.trash_id.bytes, sizeof(fsp_file_id_t));
    command->space_init.chunk_bytes_min = 256 * 1024;
    command->space_init.chunk_bytes_avg = 1024 * 1024;
    command->space_init.chunk_bytes_max = 4 * 1024 * 1024;
    command->space_init.keys[0] =
        (fsp_wrapped_key_t){.generation = 1, .wrapped = fsp_slice(wrapped, sizeof(wrapped))};
    command->space_init.key_count = 1;
    command->space_init.wrapped_cut_key = fsp_slice(wrapped, sizeof(wrapped));
    finish(command, buf);
}

/* A file of one chunk, as a gateway puts it: sealed details in the carrier, sealed attributes. */
static void
put(bench_commands_t *self, size_t file, const fsp_version_id_t *base, fsp_buf_t *buf)
{
    char path[PATH_BYTES_MAX];
    uint8_t sealed[BENCH_DETAILS_BYTES], attr[BENCH_ATTR_BYTES];
    fsp_prng_fill(&self->prng, sealed, sizeof(sealed));
    fsp_prng_fill(&self->prng, attr, sizeof(attr));
    fsp_carrier_t carrier = {.root_kind = FSP_ROOT_CHUNK,
                             .sealed_part = fsp_slice(sealed, sizeof(sealed))};
    fsp_prng_fill(&self->prng, carrier.root_key.bytes, sizeof(carrier.root_key.bytes));
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_CARRIER_BYTES_MAX);
    fsp_carrier_encode(&carrier, &bytes);

    fsp_command_t *command = new_command(self, FSP_COMMAND_PUT);
    command->put.target.path = fsp_slice(path, bench_commands_path(file, path, sizeof(path)));
    command->put.kind = FSP_KIND_FILE;
    command->put.condition.type = base ? FSP_IF_EDIT : FSP_IF_REPLACE;
    if (base) {
        command->put.condition.version_count = 1;
        command->put.condition.versions[0] = *base;
    }
    command->put.create_parents = true;
    fsp_prng_fill(&self->prng, command->put.ids_seed.bytes, sizeof(fsp_file_id_t));
    command->put.size = FILE_BYTES;
    command->put.carrier = fsp_buf_slice(&bytes);
    command->put.attr = fsp_slice(attr, sizeof(attr));
    finish(command, buf);
    fsp_buf_clear(&bytes);
}

void
bench_commands_put(bench_commands_t *self, size_t file, fsp_buf_t *buf)
{
    put(self, file, NULL, buf);
}

void
bench_commands_edit(bench_commands_t *self, size_t file, fsp_buf_t *buf)
{
    put(self, file, &self->versions[file], buf);
}

void
bench_commands_replace(bench_commands_t *self, size_t file, fsp_buf_t *buf)
{
    put(self, file, NULL, buf);
}

void
bench_commands_move(bench_commands_t *self, size_t file, fsp_buf_t *buf)
{
    char from[PATH_BYTES_MAX], to[PATH_BYTES_MAX + 8];
    size_t bytes = bench_commands_path(file, from, sizeof(from));
    int length = snprintf(to, sizeof(to), "/moved%s", from);
    FSP_ASSERT(length > 0 && (size_t)length < sizeof(to));
    fsp_command_t *command = new_command(self, FSP_COMMAND_MOVE);
    command->move.from.path = fsp_slice(from, bytes);
    command->move.to.path = fsp_slice(to, (size_t)length);
    command->move.create_parents = true;
    command->move.condition.type = FSP_IF_REPLACE;
    fsp_prng_fill(&self->prng, command->move.ids_seed.bytes, sizeof(fsp_file_id_t));
    finish(command, buf);
}

void
bench_commands_remove(bench_commands_t *self, size_t file, fsp_buf_t *buf)
{
    char path[PATH_BYTES_MAX];
    fsp_command_t *command = new_command(self, FSP_COMMAND_DELETE);
    command->remove.target.path = fsp_slice(path, bench_commands_path(file, path, sizeof(path)));
    command->remove.condition.type = FSP_IF_REPLACE;
    finish(command, buf);
}
