/* SPDX-License-Identifier: MIT */
/* load - one kind of load on one or more nodes, and what came of it.
 *
 *   load.c          the parent: makes the plan, starts the workers, watches the nodes, cleans up
 *   load_worker.c   a process of clients: prepares, runs, notes times; the parent's plan is mapped
 *   load_ops.c      what one operation of each kind is
 *   load_print.c    the table and the JSON line
 *   load_options.c  the command
 *
 * A client is a thread with one connection (session) of its own and one operation under way.
 * Clients are spread over worker processes, which are this program anew, so that no client shares
 * anything with a node.
 *
 * Closed loop: each client begins the next operation when the one before has ended, so a node that
 * stalls is asked less, and the stall is a single long time a client.  Open loop (rate > 0):
 * operations are due at the times of arrivals.h, whatever the node does; whichever client is free
 * takes the next one, and its time counts from when it was due, not from when it began. */
#ifndef FSP_BENCH_LOAD_H
#define FSP_BENCH_LOAD_H
#include "bench/driver.h"
#include "bench/figures.h"
#include "bench/histogram.h"
#include "bench/terms.h"

#include <sys/types.h>

typedef enum {
    BENCH_PUT,    /* a new file each */
    BENCH_GET,    /* one of the client's files */
    BENCH_EDIT,   /* a few bytes into the middle of the client's file */
    BENCH_LIST,   /* a page of a directory of `entries` names, which all clients list */
    BENCH_STAT,   /* of one of the client's files */
    BENCH_RENAME, /* of the client's file, there and back */
    BENCH_MIXED,  /* 45 % get, 15 % put, 10 % delete, 30 % stat, as warp does */
    BENCH_OP_COUNT
} bench_op_t;
const char *bench_op_name(bench_op_t op);
/* False: it is none. */
bool bench_op_find(const char *name, bench_op_t *ret);

enum { BENCH_CLIENTS_MAX = 256, BENCH_TARGETS_MAX = 16, BENCH_NODES_MAX = 16 };
enum { BENCH_LATE_MS = 1 }; /* more than a wake-up takes: all clients were busy */

typedef struct {
    bench_op_t op;
    const bench_driver_t *driver;
    bench_target_t targets[BENCH_TARGETS_MAX]; /* client k uses target k % target_count */
    size_t target_count;
    uint64_t bytes;   /* of each content */
    uint64_t clients; /* 1 .. BENCH_CLIENTS_MAX */
    uint64_t processes;
    uint64_t files;     /* of each client, prepared; 0: as many as make sense */
    uint64_t entries;   /* BENCH_LIST */
    uint64_t rate;      /* operations a second of an open loop; 0: a closed one */
    uint64_t moved_max; /* octets of content, prepared ones included, after which it ends early */
    double warmup_s, seconds;
    bool cold;   /* the page cache of the nodes' files is dropped, again and again */
    bool verify; /* what is got is compared */
    bool keep;   /* the target's teardown is left out: its node ends soon anyway */
    struct {
        pid_t pid;
        const char *data;     /* its directory; NULL: unknown */
    } nodes[BENCH_NODES_MAX]; /* those that are watched */
    size_t node_count;
    const bench_limits_t *limits; /* NULL: none were measured */
} bench_load_t;

/* What is not known is NAN. */
typedef struct {
    bench_histogram_t times;
    uint64_t errors;
    char error[BENCH_WORDS_MAX]; /* the first one's words */
    double seconds;              /* from the end of the warm-up to the last answer */
    double ops_per_s;            /* the sum of the clients' own rates; open loop: of all */
    double mb_per_s;             /* 10^6 octets of content, both ways */
    double names_per_s;          /* BENCH_LIST */
    uint64_t late, dropped;      /* open loop: begun BENCH_LATE_MS after they were due; due, but
                                    not begun when the run was given up */
    double late_max_s;           /* the latest */
    double sent_per_op;          /* BENCH_PUT, BENCH_EDIT: octets of content that crossed */
    double client_cpu_s;         /* of the workers, between the same instants */
    double node_cpu_s;           /* of all nodes together */
    double cpu_ns_per_byte;      /* of clients and nodes, an octet of content that was moved; unlike
                                    rates it is the same on a busy machine */
    double rss_bytes;            /* the most that was seen of one node; at the end */
    double rss_end_bytes;
    double write_bytes;         /* caused to be written by the nodes */
    double disk_bytes;          /* that their directories grew by, preparation included */
    double write_amplification; /* write_bytes an octet of content that was put */
    bool cold;                  /* the page cache could be dropped */
    bool interrupted;           /* by a signal */
    bench_terms_t terms;        /* BENCH_PUT, BENCH_GET with limits; else count is 0 */
    double of_limit;
} bench_load_result_t;

/* Prepares, runs, and takes away what it made.  False, with words on standard error: nothing could
   be measured. */
bool bench_load_run(const bench_load_t *load, bench_load_result_t *ret);
/* A table for people, or one JSON object in one line. */
void bench_load_print(const bench_load_t *load, const bench_load_result_t *result, bool json);
/* The hidden command of a worker process: its arguments are a file descriptor and a number. */
int bench_cmd_load_worker(int argc, char **argv);

extern const bench_driver_t bench_driver_filesphere;

/* The process that listens on this port of this machine, 0 if there is none that can be seen; its
   data directory as its options say it, "" if they do not. */
enum { BENCH_DATA_MAX = 512 };
pid_t bench_listener(const char *host, uint16_t port, char ret_data[BENCH_DATA_MAX]);
#endif
