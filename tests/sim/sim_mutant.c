/* SPDX-License-Identifier: MIT */
/* sim_mutant - deliberate faults by name.  Layer tests. */
#include "tests/sim/sim_mutant.h"

#include "core/base/check.h"
#include "core/base/mutant.h"
#include "core/base/mutant_list.h"

/* Numbers of core's mutants, as mutant.h gives them where there are any. */
enum {
    NUMBER_none,
#define X(name, text) NUMBER_##name,
    FSP_MUTANT_LIST(X)
#undef X
};

static const sim_mutant_t mutants[] = {
#define X(name, text) {#name, text, true, SIM_LIE_##name},
    SIM_LIE_LIST(X)
#undef X
#define X(name, text) {#name, text, false, NUMBER_##name},
        FSP_MUTANT_LIST(X)
#undef X
};

size_t
sim_mutant_count(void)
{
    return sizeof(mutants) / sizeof(mutants[0]);
}

const sim_mutant_t *
sim_mutant_at(size_t position)
{
    FSP_PRE(position < sim_mutant_count());
    return &mutants[position];
}

const sim_mutant_t *
sim_mutant_find(const char *name)
{
    for (size_t i = 0; i < sim_mutant_count(); i++)
        if (strcmp(mutants[i].name, name) == 0)
            return &mutants[i];
    return NULL;
}

bool
sim_mutant_possible(const sim_mutant_t *self)
{
#ifdef FSP_MUTANTS
    (void)self;
    return true;
#else
    return self->is_lie;
#endif
}

sim_lie_t
sim_mutant_choose(const sim_mutant_t *self)
{
#ifdef FSP_MUTANTS
    fsp_mutant_active = self && !self->is_lie ? (fsp_mutant_t)self->value : FSP_MUTANT_none;
#endif
    return self && self->is_lie ? (sim_lie_t)self->value : SIM_LIE_NONE;
}
