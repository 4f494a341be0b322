/* SPDX-License-Identifier: MIT */
/* sim_history - what the clients of one space asked, when, and what they were told.  Layer tests.
 */
#include "tests/sim/sim_history.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/prng.h"

#include <inttypes.h>
#include <stdio.h>

void
sim_history_init(sim_history_t *self)
{
    *self = (sim_history_t){0};
}

void
sim_history_clear(sim_history_t *self)
{
    for (uint32_t i = 0; i < self->path_count; i++)
        fsp_free((char *)self->paths[i].text); /* ours: from fsp_strdup */
    fsp_free(self->paths);
    fsp_free(self->ops);
    sim_history_init(self);
}

static uint32_t
add_path(sim_history_t *self, const char *text, uint32_t parent)
{
    if (self->path_count == self->path_capacity) {
        self->path_capacity = self->path_capacity ? 2 * self->path_capacity : 16;
        self->paths = fsp_realloc(self->paths, self->path_capacity * sizeof(*self->paths));
    }
    self->paths[self->path_count] = (sim_path_t){.text = fsp_strdup(text), .parent = parent};
    return self->path_count++;
}

uint32_t
sim_history_path(sim_history_t *self, const char *text)
{
    FSP_PRE(text[0] == '/');
    for (uint32_t i = 0; i < self->path_count; i++)
        if (strcmp(self->paths[i].text, text) == 0)
            return i;
    if (text[1] == '\0')
        return add_path(self, text, UINT32_MAX);
    char *above = fsp_strdup(text);
    char *slash = strrchr(above, '/');
    FSP_PRE(slash[1] != '\0');
    slash[slash == above ? 1 : 0] = '\0';
    uint32_t parent = sim_history_path(self, above);
    fsp_free(above);
    return add_path(self, text, parent);
}

size_t
sim_history_add(sim_history_t *self, const sim_op_t *op)
{
    FSP_PRE(op->path < self->path_count);
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? 2 * self->capacity : 64;
        self->ops = fsp_realloc(self->ops, self->capacity * sizeof(*self->ops));
    }
    self->ops[self->count] = *op;
    return self->count++;
}

uint64_t
sim_mark(uint64_t x)
{
    return fsp_mix64(x + 0x9e3779b97f4a7c15); /* mix64 alone keeps 0 */
}

bool
sim_op_is_put(const sim_op_t *op)
{
    return op->kind >= SIM_OP_PUT && op->kind <= SIM_OP_EDIT;
}

bool
sim_op_is_read(const sim_op_t *op)
{
    return op->kind == SIM_OP_READ || op->kind == SIM_OP_LIST;
}

bool
sim_op_is_change(const sim_op_t *op)
{
    return !sim_op_is_read(op) &&
           (op->outcome == SIM_OUTCOME_OK || (op->outcome == SIM_OUTCOME_UNKNOWN && op->index > 0));
}

bool
sim_op_has_index(const sim_op_t *op)
{
    return op->outcome != SIM_OUTCOME_UNKNOWN || sim_op_is_change(op);
}

void
sim_history_check(const sim_history_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        const sim_op_t *op = &self->ops[i];
        bool unknown = op->outcome == SIM_OUTCOME_UNKNOWN;
        FSP_PRE(op->path < self->path_count);
        FSP_PRE(op->kind <= SIM_OP_DELETE);
        FSP_PRE(op->outcome <= SIM_OUTCOME_UNKNOWN);
        FSP_PRE(op->invoked_us <= op->returned_us);
        FSP_PRE((op->returned_us == FSP_TIME_NEVER) == unknown);
        FSP_IMPLIES(sim_op_is_put(op), op->value != 0);
        FSP_IMPLIES(op->kind == SIM_OP_MATCH || op->kind == SIM_OP_EDIT, op->base != 0);
        /* What has no condition is never refused for it; nothing to see is OK, with sight 0. */
        FSP_IMPLIES(op->outcome == SIM_OUTCOME_REFUSED,
                    !sim_op_is_read(op) && op->kind != SIM_OP_PUT);
    }
}

void
sim_op_words(const sim_history_t *self, const sim_op_t *op, char ret_words[SIM_OP_WORDS_BYTES])
{
    static const char *const kinds[] = {"read", "list",  "put", "put if-match", "put if-none-match",
                                        "edit", "delete"};
    static const char *const outcomes[] = {"ok", "refused", "declined", "unknown"};
    char what[96] = "", when[48] = "..never";
    if (op->kind == SIM_OP_MATCH || op->kind == SIM_OP_EDIT)
        snprintf(what, sizeof(what), " value %" PRIu64 " base %" PRIu64, op->value, op->base);
    else if (sim_op_is_put(op))
        snprintf(what, sizeof(what), " value %" PRIu64, op->value);
    else if (sim_op_is_read(op) && op->outcome == SIM_OUTCOME_OK)
        snprintf(what, sizeof(what), " saw %016" PRIx64, op->seen);
    if (op->returned_us != FSP_TIME_NEVER)
        snprintf(when, sizeof(when), "..%" PRIu64, op->returned_us);
    snprintf(ret_words, SIM_OP_WORDS_BYTES,
             "client %u operation %" PRIu64 " [%" PRIu64 "%s us] %s %.60s%s: %s at %" PRIu64,
             op->client, op->number, op->invoked_us, when, kinds[op->kind],
             self->paths[op->path].text, what, outcomes[op->outcome], op->index);
}
