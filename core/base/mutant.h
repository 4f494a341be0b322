/* SPDX-License-Identifier: MIT */
/* mutant - deliberate faults, for the simulator's mutation gate only.  Layer core/base.
 *
 * `if (FSP_MUTANT(name) || rule)` breaks a rule of the protocol when the test program was compiled
 * with FSP_MUTANTS and chose that name; everywhere else it is the constant false and leaves no
 * trace in the binary.  A mutant that the simulator does not catch is a missing check.
 * The lists are in mutant_list.h; each name stands in exactly one place of core.
 */
#ifndef FSP_CORE_BASE_MUTANT_H
#define FSP_CORE_BASE_MUTANT_H

#ifdef FSP_MUTANTS
#include "core/base/mutant_list.h"
typedef enum {
    FSP_MUTANT_none,
#define X(name, words) FSP_MUTANT_##name,
    FSP_MUTANT_LIST(X) FSP_MUTANT_COLLECT_LIST(X) FSP_MUTANT_BASE_LIST(X)
#undef X
} fsp_mutant_t;
/* Set once, before anything runs, by the test program that defines it. */
extern fsp_mutant_t fsp_mutant_active;
#define FSP_MUTANT(name) (__builtin_expect(fsp_mutant_active == FSP_MUTANT_##name, 0))
#else
#define FSP_MUTANT(name) false
#endif
#endif
