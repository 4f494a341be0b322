/* SPDX-License-Identifier: MIT */
/* supervisor - starts the actors of a node in order, watches them, and stops them in reverse. Layer
 * actors.
 *
 *   open store -> identity -> store actor -> shard -> its feature level -> (first start: space
 * `home`) -> objects -> workers -> auth -> frontend binds -> admin.profile gets the address ->
 * SERVE
 * -> READY=1
 *
 * An actor whose start fails, or that fails later, stops the node with its reason and a non-zero
 * exit code.
 */
#include "actors/supervisor.h"

#include "actors/clock.h"
#include "actors/housekeeping.h"
#include "actors/identity.h"
#include "actors/log.h"
#include "actors/node.h"
#include "actors/shardcall.h"
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"
#include "proto/errors.h"
#include "store/datadir.h"

#include <czmq.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    LOCK_WAIT_US = 2 * 1000 * 1000,
    DRAIN_MS_MAX = 10 * 1000,
    CLOSE_WAIT_US = 5 * 1000 * 1000,
    ROWS_WAIT_MS = 5,
    DESCRIPTORS_WANTED = 65536,
    DESCRIPTORS_MIN = 8192, /* sessions, twice: those that come while others go */
    REPLICA_NUMBER =
        FSP_HOME_REPLICA, /* numbers are given by configurations; the first of a mesh is 1 */
    LAYOUT_VERSION = 1,
    DUTIES_FIRST_S = 600, /* a node that was just started has other things to do */
    DUTIES_EVERY_S = 24 * 3600,
};

typedef struct {
    const fsp_supervisor_config_t *config;
    fsp_identity_t identity;
    fsp_store_t *store;
    fsp_mailbox_t *mailbox;
    int signal_fd;
    size_t worker_count;
    fsp_spaces_t *spaces;
    uint64_t feature_level; /* of the shard */
    fsp_housekeeping_t housekeeping;
    fsp_actor_t *actors[FSP_ACTOR_COUNT]; /* by id; NULL: not running */
    fsp_store_actor_args_t store_args;
    fsp_shard_actor_args_t shard_args;
    fsp_objects_actor_args_t objects_args;
    fsp_rebalancer_actor_args_t rebalancer_args;
    fsp_auth_actor_args_t auth_args;
    fsp_frontend_actor_args_t frontend_args;
} supervisor_t;

/* -- actors ------------------------------------------------------------------------------------ */

static fsp_status_t
start_actor(supervisor_t *self, const fsp_actor_class_t *class, fsp_actor_id_t id, void *args,
            fsp_error_t *error)
{
    self->actors[id] = fsp_actor_new(class, id, args);
    fsp_status_t status = fsp_actor_command(self->actors[id], "START", error);
    if (status != FSP_OK && error->text[0] == '\0')
        (void)fsp_error_set(error, status, "actor %s does not start: %s", class->name,
                            fsp_status_text(status));
    return status;
}

static fsp_shardcall_t
shardcall(const supervisor_t *self)
{
    return (fsp_shardcall_t){.mailbox = self->mailbox,
                             .shard = self->actors[FSP_ACTOR_SHARD],
                             .store = self->actors[FSP_ACTOR_STORE]};
}

/* -- spaces ------------------------------------------------------------------------------------ */

static fsp_status_t
make_home(supervisor_t *self, fsp_error_t *error)
{
    fsp_subject_id_t admin = fsp_subject_of(self->identity.admin_public_key);
    fsp_command_t command = {.type = FSP_COMMAND_SPACE_INIT,
                             .version = FSP_COMMAND_VERSION,
                             .subject = admin,
                             .attempt = 1,
                             .layout_version = LAYOUT_VERSION};
    fsp_random(command.space_id.bytes, sizeof(command.space_id.bytes));
    fsp_random(command.op_id.bytes, sizeof(command.op_id.bytes));
    fsp_random(command.request_digest.bytes, sizeof(command.request_digest.bytes));
    command.space_init.name = fsp_slice_text(FSP_HOME_SPACE);
    command.space_init.owner = admin;
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_COMMAND_BYTES_MAX);
    fsp_spaces_make(self->spaces, &command, &bytes);
    fsp_shardcall_t call = shardcall(self);
    fsp_status_t status = fsp_shardcall_command(&call, fsp_buf_slice(&bytes), NULL, error);
    if (status != FSP_OK)
        (void)fsp_error_set(error, status, "space %s cannot be made: %s", FSP_HOME_SPACE,
                            fsp_status_text(status));
    fsp_buf_clear(&bytes);
    return status;
}

/* Takes the spaces of an answer; ret_last: the id of the last one. */
static fsp_status_t
take_spaces(supervisor_t *self, fsp_slice_t bytes, bool *ret_more, fsp_space_id_t *ret_last)
{
    fsp_answer_t answer;
    fsp_status_t status = fsp_answer_open(bytes, &answer);
    if (status == FSP_OK)
        status = answer.status;
    for (size_t i = 0; status == FSP_OK && i < answer.count; i++) {
        fsp_space_info_t info;
        fsp_gateway_space_t *space;
        status = fsp_answer_space(&answer, &info);
        if (status == FSP_OK)
            status = fsp_spaces_take(self->spaces, &info, &space);
        if (status == FSP_OK)
            *ret_last = info.space_id;
    }
    if (status == FSP_OK)
        *ret_more = answer.more && answer.count > 0;
    return status;
}

static bool
note_closing(void *arg, fsp_space_id_t space_id, fsp_time_t deadline)
{
    supervisor_t *self = arg;
    fsp_gateway_space_t *space = fsp_spaces_by_id(self->spaces, space_id);
    if (space) /* what is being dropped has no keys any more and is not in the list */
        space->closes = deadline;
    return true;
}

/* What reads rows of the state from the database itself (closing spaces, housekeeping, the
   rebalancer's first look) shall not begin with those of a while ago: after a crash the database
   lacks what the last entries did, and the shard, which answers from memory, writes it again. */
static fsp_status_t
await_rows(supervisor_t *self, fsp_error_t *error)
{
    fsp_actor_t *shard = self->actors[FSP_ACTOR_SHARD];
    fsp_status_t status;
    while ((status = fsp_actor_command(shard, "IDLE", error)) == FSP_BUSY) {
        if (fsp_actor_failure(shard, error) ||
            fsp_actor_failure(self->actors[FSP_ACTOR_STORE], error))
            return error->status;
        (void)zmq_poll(NULL, 0, ROWS_WAIT_MS);
    }
    return status;
}

static fsp_status_t
load_spaces(supervisor_t *self, fsp_error_t *error)
{
    /* The node itself sees all of them, whoever may; at level 1 only their owner does. */
    fsp_query_t query = {.type = FSP_QUERY_SPACES, .limit = FSP_LIST_LIMIT_MAX};
    if (self->feature_level < 2)
        query.subject = fsp_subject_of(self->identity.admin_public_key);
    fsp_buf_t bytes, answer;
    fsp_buf_init(&bytes, FSP_COMMAND_BYTES_MAX);
    fsp_buf_init(&answer, FSP_BODY_BYTES_MAX);
    fsp_shardcall_t call = shardcall(self);
    fsp_space_id_t last;
    fsp_status_t status = FSP_OK;
    for (bool more = true; more && status == FSP_OK;) {
        fsp_buf_reset(&bytes);
        fsp_buf_reset(&answer);
        fsp_query_encode(&query, &bytes);
        status = fsp_shardcall(&call, FSP_SHARD_QUERY, fsp_buf_slice(&bytes), &answer, error);
        if (status != FSP_OK)
            break;
        status = take_spaces(self, fsp_buf_slice(&answer), &more, &last);
        query.after = FSP_SLICE_OF(last);
        if (status == FSP_OK && !more)
            status = await_rows(self, error);
        if (status == FSP_OK && !more)
            status = fsp_housekeeping_closing(fsp_store_view(self->store, FSP_FAMILY_STATE),
                                              self->shard_args.shard, note_closing, self);
        if (status != FSP_OK)
            (void)fsp_error_set(
                error, status, "spaces cannot be opened: %s",
                status == FSP_DAMAGED
                    ? "their keys do not open with the mesh key: damage, or a store "
                      "from before the formats were frozen (run: filesphered check)"
                    : fsp_status_text(status));
    }
    fsp_buf_clear(&bytes);
    fsp_buf_clear(&answer);
    return status;
}

static bool
has_home(supervisor_t *self)
{
    return fsp_spaces_find(self->spaces, fsp_slice_text(FSP_HOME_SPACE)) != NULL;
}

/* -- start ------------------------------------------------------------------------------------- */

static void
choose_workers(supervisor_t *self)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    self->worker_count = cores < 1 ? 1 : (size_t)cores;
    if (self->worker_count > FSP_WORKERS_MAX)
        self->worker_count = FSP_WORKERS_MAX;
}

/* From the start until the node first collects, and looks after the past of its spaces. */
static fsp_time_t
duties_first_us(const supervisor_t *self)
{
    uint64_t seconds = self->config->duties_after_s ? self->config->duties_after_s : DUTIES_FIRST_S;
    return (fsp_time_t)seconds * 1000 * 1000;
}

static fsp_status_t
start_rebalancer(supervisor_t *self, fsp_error_t *error)
{
    self->rebalancer_args =
        (fsp_rebalancer_actor_args_t){.store = self->store,
                                      .shard = self->shard_args.shard,
                                      .layout_version = LAYOUT_VERSION,
                                      .first_us = duties_first_us(self),
                                      .every_us = (fsp_time_t)DUTIES_EVERY_S * 1000 * 1000};
    return start_actor(self, &fsp_rebalancer_actor_class, FSP_ACTOR_REBALANCER,
                       &self->rebalancer_args, error);
}

static fsp_status_t
start_services(supervisor_t *self, fsp_error_t *error)
{
    self->store_args.store = self->store;
    fsp_status_t status =
        start_actor(self, &fsp_store_actor_class, FSP_ACTOR_STORE, &self->store_args, error);
    if (status != FSP_OK)
        return status;
    self->shard_args = (fsp_shard_actor_args_t){.store = self->store,
                                                .shard = {.shard = FSP_HOME_SHARD, .generation = 1},
                                                .self = {.node_id = self->identity.node_id,
                                                         .replica = REPLICA_NUMBER,
                                                         .store_id = self->identity.store_id}};
    status = start_actor(self, &fsp_shard_actor_class, FSP_ACTOR_SHARD, &self->shard_args, error);
    self->spaces = fsp_spaces_new(&self->identity.mesh_key);
    fsp_shardcall_t call = shardcall(self);
    uint64_t wanted = self->config->feature_level ? self->config->feature_level : FSP_FEATURE_LEVEL;
    /* After a crash thousands of entries may have to be applied: longer than an answer may take. */
    if (status == FSP_OK)
        status = await_rows(self, error);
    if (status == FSP_OK)
        status = fsp_shardcall_raise_level(&call, wanted, &self->feature_level, error);
    if (status == FSP_OK)
        status = load_spaces(self, error);
    if (status == FSP_OK && !has_home(self)) {
        status = make_home(self, error);
        if (status == FSP_OK)
            status = load_spaces(self, error);
    }
    if (status != FSP_OK)
        return status;
    self->objects_args = (fsp_objects_actor_args_t){.store = self->store,
                                                    .slot_bits = self->identity.slot_bits,
                                                    .layout_version = LAYOUT_VERSION,
                                                    .store_id = self->identity.store_id};
    status =
        start_actor(self, &fsp_objects_actor_class, FSP_ACTOR_OBJECTS, &self->objects_args, error);
    if (status == FSP_OK)
        status = start_rebalancer(self, error);
    for (size_t i = 0; status == FSP_OK && i < self->worker_count; i++)
        status = start_actor(self, &fsp_worker_actor_class, (fsp_actor_id_t)(FSP_ACTOR_WORKER + i),
                             NULL, error);
    if (status != FSP_OK)
        return status;
    return start_actor(self, &fsp_auth_actor_class, FSP_ACTOR_AUTH, &self->auth_args, error);
}

static fsp_status_t
start_frontend(supervisor_t *self, fsp_error_t *error)
{
    self->frontend_args =
        (fsp_frontend_actor_args_t){.listen = self->config->listen,
                                    .curve_secret = self->identity.curve_key.secret_key,
                                    .sign_key = self->identity.sign_key,
                                    .node_id = self->identity.node_id,
                                    .mesh_id = self->identity.mesh_id,
                                    .store = self->store,
                                    .spaces = self->spaces,
                                    .worker_count = self->worker_count,
                                    .layout_version = LAYOUT_VERSION,
                                    .feature_level = self->feature_level};
    self->frontend_args.keyring = self->auth_args.keyring; /* nobody has asked to change it yet */
    memcpy(self->frontend_args.curve_public, self->identity.curve_key.public_key, 32);
    fsp_status_t status = start_actor(self, &fsp_frontend_actor_class, FSP_ACTOR_FRONTEND,
                                      &self->frontend_args, error);
    if (status == FSP_OK)
        status = fsp_identity_publish(self->config->directory, &self->identity,
                                      self->frontend_args.endpoint, error);
    if (status == FSP_OK)
        status = fsp_actor_command(self->actors[FSP_ACTOR_FRONTEND], "SERVE", error);
    return status;
}

/* The recovery code is shown once, to a person; a script or a journal only learns where it lies. */
static void
announce(supervisor_t *self)
{
    const char *directory = self->config->directory;
    char node_hex[65];
    fsp_hex_encode(self->identity.node_id.bytes, sizeof(self->identity.node_id.bytes), node_hex);
    if (self->identity.fresh) {
        (void)printf("New mesh made in %s.\n", directory);
        if (isatty(STDOUT_FILENO)) {
            fsp_buf_t code;
            fsp_buf_init(&code, 256);
            fsp_error_t ignored;
            if (fsp_datadir_read(directory, "recovery-code", true, &code, &ignored) == FSP_OK)
                (void)printf("Recovery code (shown only now): %.*s", (int)code.bytes,
                             (const char *)code.data);
            if (code.data)
                fsp_wipe(code.data, code.bytes);
            fsp_buf_clear(&code);
        }
        (void)printf("The recovery code lies in %s/recovery-code: move it off this machine.  With "
                     "it and a copy of\n"
                     "the data your files can be read again when every gateway is lost; without it "
                     "they cannot.\n",
                     directory);
    }
    (void)printf("Node %.16s listens on %s\n", node_hex, self->frontend_args.endpoint);
    (void)printf("Profile for clients: %s/admin.profile\n", directory);
    (void)fflush(stdout);
}

/* Tells systemd, if it started us (sd_notify(3), without the library). */
static void
notify_systemd(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!path || strlen(path) >= sizeof(address.sun_path) || strlen(path) < 2)
        return;
    memcpy(address.sun_path, path, strlen(path));
    if (address.sun_path[0] == '@')
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    socklen_t bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address, bytes);
    (void)close(fd);
}

/* -- watch and stop ---------------------------------------------------------------------------- */

/* Number of the signal that waits, 0 if none. */
static int
next_signal(supervisor_t *self)
{
    struct signalfd_siginfo info;
    ssize_t got = read(self->signal_fd, &info, sizeof(info));
    return got == (ssize_t)sizeof(info) ? (int)info.ssi_signo : 0;
}

static void
keep_house(supervisor_t *self)
{
    fsp_mail_t mail;
    while (fsp_mailbox_receive(self->mailbox, &mail)) {
        fsp_housekeeping_mail(&self->housekeeping, &mail, fsp_clock_mono_us(), fsp_clock_wall_us());
        fsp_mail_clear(&mail);
    }
    fsp_housekeeping_turn(&self->housekeeping, fsp_clock_mono_us(), fsp_clock_wall_us());
}

/* Waits until a signal asks for an end (OK) or an actor fails, and keeps house meanwhile. */
static fsp_status_t
watch(supervisor_t *self, fsp_error_t *error)
{
    fsp_housekeeping_t *house = &self->housekeeping;
    fsp_housekeeping_init(house, self->mailbox, fsp_store_view(self->store, FSP_FAMILY_STATE),
                          self->shard_args.shard, fsp_clock_mono_us() + duties_first_us(self));
    enum { SIGNAL, INBOX, FIRST_ACTOR };
    zmq_pollitem_t items[FIRST_ACTOR + FSP_ACTOR_COUNT] = {
        [SIGNAL] = {.fd = self->signal_fd, .events = ZMQ_POLLIN},
        [INBOX] = {.socket = fsp_mailbox_socket(self->mailbox), .events = ZMQ_POLLIN}};
    fsp_actor_t *watched[FIRST_ACTOR + FSP_ACTOR_COUNT] = {NULL};
    int count = FIRST_ACTOR;
    for (int i = 0; i < FSP_ACTOR_COUNT; i++) {
        if (self->actors[i]) {
            watched[count] = self->actors[i];
            items[count++] =
                (zmq_pollitem_t){.socket = fsp_actor_pipe(self->actors[i]), .events = ZMQ_POLLIN};
        }
    }
    for (;;) {
        keep_house(self);
        fsp_time_t now_us = fsp_clock_mono_us(), due_us = fsp_housekeeping_deadline(house);
        (void)zmq_poll(items, count, due_us > now_us ? (long)((due_us - now_us) / 1000 + 1) : 0);
        for (int i = FIRST_ACTOR; i < count; i++) {
            if ((items[i].revents & ZMQ_POLLIN) && fsp_actor_failure(watched[i], error))
                return error->status;
        }
        if (items[SIGNAL].revents & ZMQ_POLLIN) {
            int number = next_signal(self);
            if (number == SIGTERM || number == SIGINT) {
                fsp_log(FSP_LOG_INFO, "supervisor", "msg=\"stopping\" signal=%d", number);
                return FSP_OK;
            }
        }
    }
}

/* Refuses new work and waits for what is under way.  Another SIGINT ends the process where it
   stands: what was acknowledged is on stable storage. */
static void
drain(supervisor_t *self)
{
    fsp_error_t reply;
    fsp_actor_t *frontend = self->actors[FSP_ACTOR_FRONTEND];
    if (fsp_actor_command(frontend, "DRAIN", &reply) != FSP_OK)
        return; /* it has failed: there is nobody to wait for */
    fsp_time_t until = fsp_clock_mono_us() + (fsp_time_t)DRAIN_MS_MAX * 1000;
    while (fsp_actor_command(frontend, "IDLE", &reply) != FSP_OK && fsp_clock_mono_us() < until) {
        zmq_pollitem_t item = {.fd = self->signal_fd, .events = ZMQ_POLLIN};
        if (zmq_poll(&item, 1, 20) > 0 && next_signal(self) == SIGINT) {
            fsp_log(FSP_LOG_WARNING, "supervisor", "msg=\"stopped at once\"");
            _exit(130);
        }
    }
}

/* From now on another SIGINT ends the process at once, whatever the actors wait for. */
static void
unblock_interrupt(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    (void)signal(SIGINT, SIG_DFL);
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* hurry: an actor has failed, so that what the others wait for may never come. */
static void
stop_actors(supervisor_t *self, bool hurry)
{
    for (int i = 0; hurry && i < FSP_ACTOR_COUNT; i++)
        fsp_actor_hurry(self->actors[i]);
    /* Reverse order of the flow: who asks goes before who answers. */
    fsp_actor_destroy(&self->actors[FSP_ACTOR_FRONTEND]);
    fsp_actor_destroy(&self->actors[FSP_ACTOR_AUTH]);
    fsp_actor_destroy(&self->actors[FSP_ACTOR_REBALANCER]);
    for (int i = FSP_ACTOR_WORKER; i < FSP_ACTOR_COUNT; i++)
        fsp_actor_destroy(&self->actors[i]);
    fsp_actor_destroy(&self->actors[FSP_ACTOR_OBJECTS]);
    fsp_actor_destroy(&self->actors[FSP_ACTOR_SHARD]);
    fsp_actor_destroy(&self->actors[FSP_ACTOR_STORE]);
}

static fsp_status_t
load_keyring(supervisor_t *self, fsp_error_t *error)
{
    self->auth_args.directory = self->config->directory;
    fsp_keyring_init(&self->auth_args.keyring, self->identity.mesh_id,
                     self->identity.admin_public_key);
    return fsp_keyring_load(self->config->directory, &self->auth_args.keyring, error);
}

/* A store of an older format is brought to this one at the first start, which may take a while. */
static void
log_migration(void *context, uint64_t done_bytes, uint64_t total_bytes)
{
    (void)context;
    fsp_log(FSP_LOG_INFO, "supervisor", "msg=\"migrating the store\" done_mib=%llu of_mib=%llu",
            (unsigned long long)(done_bytes / (1024 * 1024)),
            (unsigned long long)(total_bytes / (1024 * 1024)));
}

static fsp_status_t
open_node(supervisor_t *self, fsp_error_t *error)
{
    fsp_status_t status = fsp_datadir_make(self->config->directory, error);
    if (status == FSP_OK)
        status = fsp_datadir_check_own(self->config->directory, error);
    if (status != FSP_OK)
        return status;
    fsp_store_config_t config = {.directory = self->config->directory,
                                 .sync = self->config->sync,
                                 .lock_wait_us = LOCK_WAIT_US,
                                 .progress = log_migration};
    bool fresh = false;
    status = fsp_store_open(&config, &self->store, &fresh, error);
    if (status == FSP_OK)
        status = fsp_identity_open(self->config->directory, self->store, &self->identity, error);
    if (status == FSP_OK)
        status = load_keyring(self, error);
    if (status == FSP_OK)
        status = start_services(self, error);
    if (status == FSP_OK)
        status = start_frontend(self, error);
    return status;
}

static void
block_signals(supervisor_t *self)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGPIPE);
    (void)sigprocmask(SIG_BLOCK, &set, NULL); /* inherited by every thread made from now on */
    sigdelset(&set, SIGPIPE);
    self->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    FSP_ASSERT(self->signal_fd >= 0);
}

/* Every connection takes a descriptor, and so does every file of the database, whose writes must
   not fail for want of one.  What the administrator allows is therefore taken. */
static void
raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= DESCRIPTORS_WANTED)
        return;
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS_WANTED ? limit.rlim_max : DESCRIPTORS_WANTED;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < DESCRIPTORS_MIN)
        fsp_log(FSP_LOG_WARNING, "supervisor",
                "msg=\"few file descriptors: raise the limit (ulimit -n)\" limit=%llu",
                (unsigned long long)limit.rlim_cur);
}

int
fsp_supervisor_run(const fsp_supervisor_config_t *config)
{
    supervisor_t *self = FSP_NEW(supervisor_t);
    self->config = config;
    block_signals(self);
    raise_descriptor_limit();
    (void)zsys_init();
    zsys_handler_set(NULL);
    choose_workers(self);
    zsys_set_io_threads(2); /* CURVE runs in them: a connection stays on one */
    zsys_set_max_sockets(4096);
    self->mailbox = fsp_mailbox_new(FSP_ACTOR_SUPERVISOR);

    fsp_error_t error = {.status = FSP_OK};
    fsp_status_t status = open_node(self, &error);
    if (status == FSP_OK) {
        announce(self);
        notify_systemd("READY=1");
        fsp_log(FSP_LOG_INFO, "supervisor", "msg=\"serving\" endpoint=%s version=%s",
                self->frontend_args.endpoint, FSP_VERSION);
        status = watch(self, &error);
        notify_systemd("STOPPING=1");
        if (status == FSP_OK)
            drain(self);
    }
    unblock_interrupt();
    stop_actors(self, status != FSP_OK);
    fsp_mailbox_destroy(&self->mailbox);
    if (self->store)
        fsp_store_close(&self->store, status == FSP_OK, CLOSE_WAIT_US);
    fsp_spaces_destroy(&self->spaces);
    fsp_secret_wipe(&self->frontend_args.curve_secret);
    fsp_secret_wipe(&self->frontend_args.sign_key.seed);
    fsp_identity_wipe(&self->identity);
    (void)close(self->signal_fd);
    fsp_free(self);
    zsys_shutdown();
    if (status == FSP_OK) {
        fsp_log(FSP_LOG_INFO, "supervisor", "msg=\"stopped\"");
        return 0;
    }
    (void)fprintf(stderr, "filesphered: %s\n",
                  error.text[0] ? error.text : fsp_status_text(status));
    return fsp_error_info(status)->exit_code;
}
