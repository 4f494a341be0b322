/* SPDX-License-Identifier: MIT */
/* listener - which process of this machine listens on a port, and where its data are: /proc says
 * it, to whoever may look. */
#include "bench/load.h"

#include "core/base/text.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 320, LINE_BYTES = 512, COMMAND_BYTES = 4096, LISTENS = 10, FIELDS = 10 };

/* /proc/net/tcp: "sl local rem st tx:rx tr:when retrnsmt uid timeout inode ...", addresses in
   hexadecimal, ports behind a colon.  The inode of the socket that listens on the port; 0: none. */
static uint64_t
listening_inode(const char *table, uint16_t port)
{
    char line[LINE_BYTES];
    uint64_t inode = 0;
    FILE *file = fopen(table, "re");
    while (file && inode == 0 && fgets(line, sizeof(line), file)) {
        char *place = NULL, *field[FIELDS] = {NULL};
        size_t count = 0;
        for (char *word = strtok_r(line, " \n", &place); word && count < FIELDS;
             word = strtok_r(NULL, " \n", &place))
            field[count++] = word;
        char *colon = count == FIELDS ? strchr(field[1], ':') : NULL;
        uint8_t octets[2], state;
        if (!colon || fsp_hex_decode(fsp_slice_text(colon + 1), octets, 2) != FSP_OK ||
            fsp_hex_decode(fsp_slice_text(field[3]), &state, 1) != FSP_OK)
            continue; /* the head of the table */
        if (state == LISTENS && (octets[0] << 8 | octets[1]) == port &&
            fsp_parse_u64(fsp_slice_text(field[9]), UINT64_MAX, &inode) != FSP_OK)
            inode = 0;
    }
    if (file)
        (void)fclose(file); /* was only read */
    return inode;
}

/* Does the process have this socket among its descriptors? */
static bool
has_socket(const char *pid, uint64_t inode)
{
    char path[PATH_BYTES], wanted[64], link[64];
    (void)snprintf(path, sizeof(path), "/proc/%s/fd", pid);
    (void)snprintf(wanted, sizeof(wanted), "socket:[%llu]", (unsigned long long)inode);
    DIR *directory = opendir(path);
    bool found = false;
    for (struct dirent *entry; directory && !found && (entry = readdir(directory));) {
        (void)snprintf(path, sizeof(path), "/proc/%s/fd/%s", pid, entry->d_name);
        ssize_t length = readlink(path, link, sizeof(link) - 1);
        link[length > 0 ? length : 0] = '\0';
        found = strcmp(link, wanted) == 0;
    }
    if (directory)
        (void)closedir(directory); /* was only read */
    return found;
}

/* What follows --data among its arguments, from the root on. */
static void
find_data(const char *pid, char ret_data[BENCH_DATA_MAX])
{
    char path[PATH_BYTES], command[COMMAND_BYTES], cwd[BENCH_DATA_MAX / 2] = "";
    (void)snprintf(path, sizeof(path), "/proc/%s/cmdline", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, command, sizeof(command) - 1) : 0;
    if (fd >= 0)
        (void)close(fd); /* was only read */
    size_t bytes = got > 0 ? (size_t)got : 0;
    command[bytes] = '\0';
    (void)snprintf(path, sizeof(path), "/proc/%s/cwd", pid);
    ssize_t length = readlink(path, cwd, sizeof(cwd) - 1);
    cwd[length > 0 ? length : 0] = '\0';
    ret_data[0] = '\0';
    for (size_t at = 0; at < bytes; at += strlen(command + at) + 1) {
        const char *next = command + at + strlen(command + at) + 1;
        if (strcmp(command + at, "--data") != 0 || next >= command + bytes)
            continue;
        int used = snprintf(ret_data, BENCH_DATA_MAX, "%s%s%s", next[0] == '/' ? "" : cwd,
                            next[0] == '/' ? "" : "/", next);
        if (used >= BENCH_DATA_MAX)
            ret_data[0] = '\0'; /* too long to be used */
    }
}

/* An address of another machine cannot be bound here. */
static bool
is_local(const char *host)
{
    if (strcmp(host, "localhost") == 0)
        return true;
    struct sockaddr_in address = {.sin_family = AF_INET};
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
        return strcmp(host, "::1") == 0 || strcmp(host, "[::1]") == 0;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool local = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    if (fd >= 0)
        (void)close(fd); /* nothing was sent */
    return local;
}

pid_t
bench_listener(const char *host, uint16_t port, char ret_data[BENCH_DATA_MAX])
{
    ret_data[0] = '\0';
    if (!is_local(host))
        return 0;
    uint64_t inode = listening_inode("/proc/net/tcp", port);
    if (inode == 0)
        inode = listening_inode("/proc/net/tcp6", port);
    DIR *processes = inode != 0 ? opendir("/proc") : NULL;
    uint64_t found = 0;
    for (struct dirent *entry; processes && found == 0 && (entry = readdir(processes));) {
        uint64_t pid;
        if (fsp_parse_u64(fsp_slice_text(entry->d_name), INT32_MAX, &pid) != FSP_OK ||
            !has_socket(entry->d_name, inode))
            continue;
        found = pid;
        find_data(entry->d_name, ret_data);
    }
    if (processes)
        (void)closedir(processes); /* was only read */
    return (pid_t)found;
}
