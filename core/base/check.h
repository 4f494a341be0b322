/* SPDX-License-Identifier: MIT */
/* check - assertions for ourselves; statuses are for the world.  Layer core/base.
 *
 * Always on, also in release: a broken invariant must stop the process before it reaches a disk.
 * Never on input from outside and never on the result of I/O.
 */
#ifndef FSP_CORE_BASE_CHECK_H
#define FSP_CORE_BASE_CHECK_H

/* Prints file, line and condition on standard error and aborts. */
_Noreturn void fsp_check_fail(const char *file, int line, const char *kind, const char *condition);

#define FSP_CHECK_(kind, condition)                                                                \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0))                                                     \
            fsp_check_fail(__FILE__, __LINE__, kind, #condition);                                  \
    } while (0)

#define FSP_ASSERT(condition) FSP_CHECK_("assert", condition)
#define FSP_PRE(condition) FSP_CHECK_("precondition", condition)
#define FSP_POST(condition) FSP_CHECK_("postcondition", condition)
#define FSP_IMPLIES(a, b) FSP_CHECK_("implication", !(a) || (b))
#define FSP_UNREACHABLE() fsp_check_fail(__FILE__, __LINE__, "unreachable", "")

/* Invariants of whole structures: in sanitizer builds, simulation and fuzzing only. */
#ifdef FSP_SLOW_CHECKS
#define FSP_CHECK_SLOW(condition) FSP_CHECK_("invariant", condition)
#else
#define FSP_CHECK_SLOW(condition) ((void)0)
#endif
#endif
