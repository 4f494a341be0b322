/* SPDX-License-Identifier: MIT */
/* filesphered - the daemon: one node.  Layer cmd. */
#include "actors/storecheck.h"
#include "actors/supervisor.h"
#include "core/base/text.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#ifndef FSP_SLOW_CHECKS
/* jemalloc gives memory back some seconds after a load and keeps few arenas (measured, 15 s after
   puts and gets of 1 MiB: 33 MiB).  Within a second would be too soon: under load what was given
   back is wanted again, at a page fault for each 4 KiB (111 to 145 for a put of 1 MiB, against 40
   to 50). */
extern const char *malloc_conf;
const char *malloc_conf = "background_thread:true,dirty_decay_ms:5000,narenas:2";
#endif

static void
print_usage(FILE *to)
{
    (void)fputs(
        "Usage: filesphered --data DIR [--listen tcp://HOST:PORT]\n"
        "       filesphered check DIR [--json] [--quick]\n"
        "\n"
        "Runs one FileSphere node that keeps its data in DIR.  An empty or missing DIR becomes a "
        "new mesh\n"
        "of one node; DIR/admin.profile then lets the command `filesphere` in.\n"
        "\n"
        "  --data DIR         data directory (required)\n"
        "  --listen ENDPOINT  where clients connect (default tcp://127.0.0.1:7420)\n"
        "  --duties-after S   seconds until it first collects garbage and prunes by policy "
        "(default 600);\n"
        "                     then it does so once a day\n"
        "  --help             this text\n"
        "  --version          the program's version\n"
        "\n"
        "check: reads a stopped node's directory, writes nothing, and verifies all of it: every "
        "row, version\n"
        "and object.  One line for each fault, then a summary.\n"
        "\n"
        "  --json             one JSON object a line\n"
        "  --quick            chunks are not read: rows, trees and history only\n"
        "\n"
        "Example:  filesphered --data /srv/filesphere\n"
        "          filesphere --profile /srv/filesphere/admin.profile ls /\n"
        "\n"
        "SIGTERM finishes what is under way and stops; a second SIGINT stops at once.\n"
        "Exit codes: 0 stopped as asked, 1 failure, 2 usage, 8 directory in use, 9 no space,\n"
        "10 stored data is damaged.\n",
        to);
}

/* argv[1] is "check". */
static int
run_check(int argc, char **argv)
{
    static const struct option options[] = {{"json", no_argument, NULL, 'j'},
                                            {"quick", no_argument, NULL, 'q'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    fsp_storecheck_config_t config = {.directory = NULL};
    int option;
    while ((option = getopt_long(argc - 1, argv + 1, "", options, NULL)) != -1) {
        switch (option) {
        case 'j':
            config.json = true;
            break;
        case 'q':
            config.quick = true;
            break;
        case 'h':
            print_usage(stdout);
            return 0;
        default:
            (void)fputs("Try: filesphered --help\n", stderr);
            return 2;
        }
    }
    if (optind != argc - 2) {
        print_usage(stderr);
        return 2;
    }
    config.directory = argv[1 + optind];
    return fsp_storecheck_run(&config);
}

/* Memory holds the mesh key and contents in the clear, which must not get into a file (sanitizers
   do the same). */
static void
forbid_core_dumps(void)
{
    const struct rlimit none = {.rlim_cur = 0, .rlim_max = 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0)
        (void)fprintf(stderr, "filesphered: core dumps cannot be turned off: %s\n",
                      strerror(errno));
}

int
main(int argc, char **argv)
{
    forbid_core_dumps();
    if (argc > 1 && strcmp(argv[1], "check") == 0)
        return run_check(argc, argv);
    static const struct option options[] = {{"data", required_argument, NULL, 'd'},
                                            {"listen", required_argument, NULL, 'l'},
                                            {"duties-after", required_argument, NULL, 'a'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'v'},
                                            {NULL, 0, NULL, 0}};
    fsp_supervisor_config_t config = {.listen = "tcp://127.0.0.1:7420", .sync = true};
    enum { DUTIES_S_MAX = 86400 };
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'd':
            config.directory = optarg;
            break;
        case 'l':
            config.listen = optarg;
            break;
        case 'a':
            if (fsp_parse_u64(fsp_slice_text(optarg), DUTIES_S_MAX, &config.duties_after_s) !=
                    FSP_OK ||
                config.duties_after_s == 0) {
                (void)fputs("filesphered: --duties-after takes seconds, 1 to 86400\n", stderr);
                return 2;
            }
            break;
        case 'h':
            print_usage(stdout);
            return 0;
        case 'v':
            (void)printf("filesphered %s\n", FSP_VERSION);
            return 0;
        default:
            (void)fputs("Try: filesphered --help\n", stderr);
            return 2;
        }
    }
    if (!config.directory || optind < argc) {
        print_usage(stderr);
        return 2;
    }
    return fsp_supervisor_run(&config);
}
