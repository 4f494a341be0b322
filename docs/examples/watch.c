/* SPDX-License-Identifier: MIT */
/* watch - prints changes of a space as they happen, each once and in order; ends after some.
 *
 *   cc watch.c -o watch $(pkg-config --cflags --libs filesphere)
 *   ./watch 10              the next 10 changes of the home space
 *   ./watch 10 team 127     of the space team, those after change 127
 *
 * Ctrl-C ends it, too: filesphere_cancel may be called from a signal handler.
 */
#define _POSIX_C_SOURCE 200809L /* sigaction, also with -std=c11 */

#include <filesphere.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static filesphere_t *handle; /* filesphere_open writes it before it connects */

static void
on_interrupt(int number)
{
    (void)number;
    filesphere_cancel(handle);
}

typedef struct {
    unsigned long long wanted, seen, last;
} state_t;

/* Called with NULL when there is nothing to tell for the moment. */
static int
print_change(void *arg, const filesphere_change_t *change)
{
    state_t *state = arg;
    if (!change) {
        fflush(stdout);
        return 0;
    }
    state->last = change->index; /* what to give as `after` next time */
    if (change->part > 0)        /* an operation of a batch, which follows its change */
        printf("  ");
    printf("%llu %s %s", state->last, filesphere_operation_name(change->operation), change->path);
    if (*change->from_path)
        printf(" (from %s)", change->from_path);
    printf("\n");
    fflush(stdout);
    state->seen += change->part == 0;
    return state->seen >= state->wanted; /* 1 ends the watch, with the code of "cancelled" */
}

int
main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &action, NULL);
    state_t state = {.wanted = argc > 1 ? strtoull(argv[1], NULL, 10) : 10};
    const char *space = argc > 2 ? argv[2] : NULL;
    uint64_t after = argc > 3 ? strtoull(argv[3], NULL, 10) : UINT64_MAX; /* UINT64_MAX: from now */

    filesphere_code_t code = filesphere_open(NULL, &handle);
    if (code == FILESPHERE_OK)
        code = filesphere_watch(handle, space, after, print_change, &state);
    if (code != FILESPHERE_OK && strcmp(filesphere_symbol(code), "cancelled") == 0)
        code = FILESPHERE_OK; /* we have seen enough, or were interrupted */
    else if (code != FILESPHERE_OK)
        fprintf(stderr, "watch: %s (%s)\n", filesphere_error(handle), filesphere_symbol(code));
    fprintf(stderr, "%llu changes seen, the last one is %llu\n", state.seen, state.last);
    filesphere_close(&handle);
    return filesphere_exit_code(code);
}
