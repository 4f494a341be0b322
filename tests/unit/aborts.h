/* SPDX-License-Identifier: MIT */
/* aborts - does a statement break an assertion?  Works with CK_FORK=no too.  Layer tests. */
#ifndef FSP_TESTS_UNIT_ABORTS_H
#define FSP_TESTS_UNIT_ABORTS_H
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs statement in a child, with standard error closed to it, and fails the test unless the child
   dies of SIGABRT. */
#define FSP_EXPECT_ABORT(statement)                                                                \
    do {                                                                                           \
        fflush(NULL);                                                                              \
        pid_t child_ = fork();                                                                     \
        ck_assert(child_ >= 0);                                                                    \
        if (child_ == 0) {                                                                         \
            int null_ = open("/dev/null", O_WRONLY);                                               \
            (void)dup2(null_, STDERR_FILENO);                                                      \
            (void)signal(SIGABRT, SIG_DFL);                                                        \
            statement;                                                                             \
            _exit(0);                                                                              \
        }                                                                                          \
        int how_ = 0;                                                                              \
        ck_assert(waitpid(child_, &how_, 0) == child_);                                            \
        ck_assert_msg(WIFSIGNALED(how_) && WTERMSIG(how_) == SIGABRT, "%s did not abort",          \
                      #statement);                                                                 \
    } while (0)
#endif
