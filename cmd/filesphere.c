/* SPDX-License-Identifier: MIT */
/* filesphere - the command line client: connecting, running a command, signals.  Layer cmd. */
#include "cmd/cli_common.h"
#include "cmd/cli_help.h"
#include "cmd/cli_options.h"
#include "cmd/cli_profile.h"
#include "cmd/cli_walk.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* -- signals ----------------------------------------------------------------------------------- */

static volatile sig_atomic_t interrupt_count;
static cli_t *volatile interrupt_cli; /* whose handle is to be cancelled */

static void
on_interrupt(int number)
{
    (void)number;
    if (++interrupt_count > 3) /* it hangs, and the user means it */
        _exit(130);
    if (interrupt_cli)
        filesphere_cancel(interrupt_cli->handle);
}

bool
cli_interrupted(void)
{
    return interrupt_count > 0;
}

/* Without SA_RESTART: a read from a terminal ends. */
static void
catch_interrupts(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_interrupt;
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL); /* cannot fail for these */
    (void)sigaction(SIGTERM, &action, NULL);
    struct sigaction before;
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN) /* nohup */
        (void)sigaction(SIGHUP, &action, NULL);
}

/* -- standard streams -------------------------------------------------------------------------- */

/* A standard stream that is closed gets a descriptor with which its use fails: else the next file
   or socket would have its number, and lines would be written into it. */
static void
hold_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0)
            (void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY); /* the lowest: fd */
    }
}

/* False, and says so, if not all of it could be written. */
static bool
end_output(const cli_t *cli)
{
    int error = fflush(stdout) != 0 ? errno : cli->output_error;
    if (error == 0 && !ferror(stdout))
        return true;
    (void)fprintf(stderr, "filesphere: standard output: %s\n",
                  error != 0 ? strerror(error)
                             : "not all of it could be written; is its disk full?");
    return false;
}

/* -- memory ------------------------------------------------------------------------------------ */

/* Frames of a transfer are 256 KiB, which libc would map and unmap each time, at the price of a
   page fault for every 4 KiB: it is told to keep what was used.  A program that lives shortly and
   moves one thing after the other has nobody to give it back to. */
static void
keep_memory(void)
{
    enum { BLOCK_BYTES_MAX = 8 * 1024 * 1024, SPARE_BYTES_MAX = 64 * 1024 * 1024 };
    (void)mallopt(M_MMAP_THRESHOLD, BLOCK_BYTES_MAX); /* what it refuses costs time only */
    (void)mallopt(M_TRIM_THRESHOLD, SPARE_BYTES_MAX);
}

/* -- main -------------------------------------------------------------------------------------- */

static int
run_connected(cli_t *cli)
{
    cli_profile_find(cli);
    filesphere_config_t config = {.profile_path = cli->profile_path,
                                  .timeout_ms = cli->timeout_s * 1000,
                                  .client_name = "filesphere/" FSP_VERSION};
    interrupt_cli = cli;
    filesphere_code_t code = filesphere_open(&config, &cli->handle);
    if (*filesphere_warning(cli->handle))
        cli_warn(cli, "%s", filesphere_warning(cli->handle));
    int exit_code;
    if (cli_is(code, FSP_NO_PROFILE) && !cli->profile) {
        cli_fail(cli, code,
                 "no profile; a node writes one to admin.profile in its data directory: take it "
                 "with: filesphere profile add NAME FILE, or give it with --profile FILE");
        exit_code = cli_finish(cli);
    } else if (code != FILESPHERE_OK) {
        cli_fail_call(cli, code);
        exit_code = cli_finish(cli);
    } else {
        exit_code = cli_expand_operands(cli) ? cli->command->run(cli) : cli_finish(cli);
        cli_drop_operands(cli);
    }
    interrupt_cli = NULL;
    filesphere_close(&cli->handle);
    return exit_code;
}

static int
run(cli_t *cli)
{
    catch_interrupts();
    return cli->command->flags & CLI_OFFLINE ? cli->command->run(cli) : run_connected(cli);
}

int
main(int argc, char **argv)
{
    cli_t cli = {.json = false};
    hold_streams();
    keep_memory();
    fsp_buf_init(&cli.line, 1024 * 1024);
    mode_t mask = umask(077);
    (void)umask(mask);
    cli.file_mode = 0666 & ~mask;
    /* A mistake in the options is told in the form the user wants, wherever he says so. */
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        cli.json = cli.json || strcmp(argv[i], "--json") == 0;

    int exit_code = 0;
    switch (cli_parse(&cli, argc, argv)) {
    case CLI_NOTHING:
        cli_print_welcome(&cli);
        break;
    case CLI_HELP:
        cli_print_help(&cli, cli.command, cli.group);
        break;
    case CLI_VERSION:
        cli_print_version(&cli);
        break;
    case CLI_WRONG:
        exit_code = cli_finish(&cli);
        break;
    case CLI_PARSED:
        exit_code = run(&cli);
        break;
    }
    fsp_buf_clear(&cli.line);
    return end_output(&cli) || exit_code != 0 ? exit_code : 1;
}
