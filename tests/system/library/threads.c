/* SPDX-License-Identifier: MIT */
/* threads - eight threads use eight handles, each all of them; then what fork, SIGPIPE and the last
 * close leave behind.  Prints `ok WHAT` and `not ok WHAT` for tests/system/test_library.py.
 *
 *   threads PROFILE [ROUNDS]
 *
 * The script ends and starts the node with kill -9 meanwhile, when it reads "half way".
 */
#include <filesphere.h>

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 8, HANDLES = 8, SMALL_BYTES = 3000, LARGE_BYTES = 700 * 1000 };

static filesphere_t *handles[HANDLES];
static const char *profile;
static unsigned rounds = 24;
static atomic_uint failures, finished, failed_checks;

static void
check(const char *what, int holds)
{
    printf("%s %s\n", holds ? "ok" : "not ok", what);
    fflush(stdout);
    if (!holds)
        atomic_fetch_add(&failed_checks, 1);
}

static int
is(filesphere_code_t code, const char *symbol)
{
    return strcmp(filesphere_symbol(code), symbol) == 0;
}

/* -- contents: bytes that depend on place and seed ----------------------------------------------*/

typedef struct {
    unsigned seed;
    size_t at, size;
    int wrong;
    filesphere_t *nested; /* called from the callback, which must be refused */
} stream_t;

static unsigned char
octet(const stream_t *self, size_t at)
{
    return (unsigned char)(((at + 1) * (self->seed * 2u + 1u)) >> 3);
}

static int
give(void *arg, void *buffer, size_t size_max, size_t *ret_size)
{
    stream_t *self = arg;
    size_t left = self->size - self->at;
    *ret_size = left < size_max ? left : size_max;
    for (size_t i = 0; i < *ret_size; i++)
        ((unsigned char *)buffer)[i] = octet(self, self->at + i);
    self->at += *ret_size;
    return 0;
}

static int
take(void *arg, const void *data, size_t size)
{
    stream_t *self = arg;
    filesphere_node_t node;
    if (self->nested && filesphere_node(self->nested, &node) == FILESPHERE_OK)
        self->wrong = 1;
    for (size_t i = 0; i < size; i++)
        self->wrong |= ((const unsigned char *)data)[i] != octet(self, self->at + i);
    self->at += size;
    return 0;
}

static int
count_entry(void *arg, const filesphere_entry_t *entry)
{
    (void)entry;
    ++*(unsigned *)arg;
    return 0;
}

static int
fail(const char *what, unsigned thread, unsigned round, filesphere_code_t code)
{
    printf("# thread %u, round %u: %s: %s\n", thread, round, what, filesphere_symbol(code));
    atomic_fetch_add(&failures, 1);
    return 0;
}

/* One put and what must then be seen, through three handles. */
static int
one_round(unsigned thread, unsigned round)
{
    filesphere_t *writer = handles[(thread + round) % HANDLES];
    filesphere_t *reader = handles[(thread + 3 * round + 1) % HANDLES];
    char path[64];
    (void)snprintf(path, sizeof path, "/threads/%u/%u", thread, round % 6);
    stream_t stream = {.seed = thread * 1000 + round,
                       .size = round % 4 == 3 ? LARGE_BYTES : SMALL_BYTES};
    filesphere_put_t put = {
        .path = path, .kind = FILESPHERE_FILE, .create_parents = true, .size_hint = stream.size};
    filesphere_info_t put_info, info;
    filesphere_code_t code = filesphere_put(writer, &put, give, &stream, &put_info);
    if (code != FILESPHERE_OK)
        return fail("put", thread, round, code);
    code = filesphere_stat(reader, NULL, path, NULL, &info);
    if (code != FILESPHERE_OK || memcmp(info.version_id, put_info.version_id, 32) != 0)
        return fail("stat", thread, round, code);
    stream.at = 0;
    filesphere_get_t get = {.path = path};
    code = filesphere_get(reader, &get, take, &stream, NULL);
    if (code != FILESPHERE_OK || stream.wrong || stream.at != stream.size)
        return fail("get", thread, round, code);
    (void)snprintf(path, sizeof path, "/threads/%u", thread);
    unsigned count = 0;
    code = filesphere_list(writer, NULL, path, NULL, count_entry, &count);
    if (code != FILESPHERE_OK || count != (round < 6 ? round + 1 : 6))
        return fail("list", thread, round, code);
    return 1;
}

static void *
work(void *arg)
{
    unsigned thread = (unsigned)(size_t)arg;
    for (unsigned round = 0; round < rounds; round++) {
        if (one_round(thread, round))
            atomic_fetch_add(&finished, 1);
        if (thread == 0 && round == rounds / 2) {
            printf("half way\n");
            fflush(stdout);
        }
    }
    return NULL;
}

/* Threads of this process. */
static unsigned
task_count(void)
{
    unsigned count = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *entry; tasks && (entry = readdir(tasks));)
        count += entry->d_name[0] != '.';
    if (tasks)
        closedir(tasks);
    return count;
}

static filesphere_code_t
open_one(filesphere_t **ret)
{
    filesphere_config_t config = {.profile_path = profile, .client_name = "threads"};
    return filesphere_open(&config, ret);
}

static void *
open_in_thread(void *arg)
{
    if (open_one(arg) != FILESPHERE_OK)
        atomic_fetch_add(&failures, 1);
    return NULL;
}

static void
in_threads(void *(*run)(void *), void *(*argument)(unsigned))
{
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, run, argument(i)) != 0)
            abort();
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static void *
its_handle(unsigned i)
{
    return &handles[i];
}

static void *
its_number(unsigned i)
{
    return (void *)(size_t)i;
}

/* -- fork ---------------------------------------------------------------------------------------*/

/* LeakSanitizer cannot judge a process whose threads are the parent's; it asks here. */
static int is_child;
int __lsan_is_turned_off(void);
int
__lsan_is_turned_off(void)
{
    return is_child;
}

/* In the child: the parent's handle and a new one are refused with words. */
static int
child(void)
{
    filesphere_info_t info;
    filesphere_code_t old = filesphere_stat(handles[0], NULL, "/", NULL, &info);
    int said = strstr(filesphere_error(handles[0]), "fork") != NULL;
    filesphere_t *handle = NULL;
    filesphere_code_t fresh = open_one(&handle);
    filesphere_close(&handle);
    return is(old, "unsupported") && is(fresh, "unsupported") && said ? 0 : 1;
}

static int
run_child(int by_exit)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        is_child = 1;
        alarm(20); /* a child that hangs fails */
        int code = child();
        if (by_exit)
            exit(code);                /* with what the library left to be done at exit */
        filesphere_close(&handles[0]); /* what is the parent's of it is left alone */
        _exit(code);
    }
    int status = -1;
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static void
check_fork(void)
{
    check("a child by fork is told that it cannot use the library", run_child(0));
    check("and ends by exit(), too", run_child(1));
    filesphere_info_t info;
    check("its parent goes on",
          filesphere_stat(handles[0], NULL, "/", NULL, &info) == FILESPHERE_OK);
}

int
main(int argc, char **argv)
{
    profile = argc > 1 ? argv[1] : NULL;
    rounds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : rounds;
    unsigned alone = task_count(); /* a sanitizer may have a thread of its own */
    in_threads(open_in_thread, its_handle);
    check("eight threads open eight handles at once", failures == 0);
    unsigned tasks = task_count();
    in_threads(work, its_number);
    check("every call of every thread did what it says, over a kill -9 of the node",
          failures == 0 && finished == THREADS * rounds);
    check("all handles share one context: its I/O thread and its reaper", tasks == alone + 2);

    struct sigaction action;
    sigaction(SIGPIPE, NULL, &action);
    check("SIGPIPE is as the program left it, and did not end it", action.sa_handler == SIG_DFL);
    sigaction(SIGINT, NULL, &action);
    check("and so is SIGINT", action.sa_handler == SIG_DFL);

    stream_t stream = {.seed = (THREADS - 1) * 1000 + 5, .nested = handles[0]};
    filesphere_put_t put = {.path = "/nested", .kind = FILESPHERE_FILE, .size_hint = UINT64_MAX};
    stream.size = SMALL_BYTES;
    filesphere_code_t code = filesphere_put(handles[0], &put, give, &stream, NULL);
    stream.at = 0;
    filesphere_get_t get = {.path = "/nested"};
    code = code ? code : filesphere_get(handles[0], &get, take, &stream, NULL);
    check("a callback that calls its own handle is refused and does not hang",
          code == FILESPHERE_OK && !stream.wrong && stream.at == SMALL_BYTES);
    check_fork();

    for (unsigned i = 0; i < HANDLES; i++)
        filesphere_close(&handles[i]);
    code = open_one(&handles[0]);
    filesphere_node_t node;
    code = code ? code : filesphere_node(handles[0], &node);
    check("after the last close a new handle works", code == FILESPHERE_OK);
    check("with the same context", task_count() == alone + 2);
    filesphere_close(&handles[0]);
    return failed_checks > 0;
}
