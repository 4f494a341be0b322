/* SPDX-License-Identifier: MIT */
/* sim_mutant - deliberate faults by name: lies of the world, and breaks of core.  Layer tests.
 *
 * Lies (sim_config.h) are there in every build.  Breaks (core/base/mutant_list.h) are compiled into
 * core only for filesphere-sim-mutants; elsewhere their names are known and refused.
 */
#ifndef FSP_TESTS_SIM_SIM_MUTANT_H
#define FSP_TESTS_SIM_SIM_MUTANT_H
#include "tests/sim/sim_config.h"

typedef struct {
    const char *name, *text;
    bool is_lie;
    int value; /* sim_lie_t, or fsp_mutant_t */
} sim_mutant_t;

size_t sim_mutant_count(void);
const sim_mutant_t *sim_mutant_at(size_t position);
/* NULL: there is none of that name. */
const sim_mutant_t *sim_mutant_find(const char *name);
/* False: this program was built without it. */
bool sim_mutant_possible(const sim_mutant_t *self);
/* Makes it active; NULL: none.  Returns the lie to run with. */
sim_lie_t sim_mutant_choose(const sim_mutant_t *self);
#endif
