/* SPDX-License-Identifier: MIT */
/* cli_profile - which profile, and `filesphere profile`.  Layer cmd. */
#include "cmd/cli_profile.h"

#include "cmd/cli_files.h"
#include "core/base/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_BYTES_MAX = 63, NAMES_BYTES_MAX = 1024 * 1024 };

/* -- places ------------------------------------------------------------------------------------ */

/* DIR/filesphere, DIR/filesphere/TAIL; false without a home. */
static bool
config_path(const char *tail, char ret[PATH_MAX])
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    int bytes = -1;
    if (config && *config == '/') /* others are to be passed over, as its specification says */
        bytes = snprintf(ret, PATH_MAX, "%s/filesphere%s%s", config, *tail ? "/" : "", tail);
    else if (home && *home)
        bytes = snprintf(ret, PATH_MAX, "%s/.config/filesphere%s%s", home, *tail ? "/" : "", tail);
    return bytes > 0 && bytes < PATH_MAX;
}

bool
cli_profile_name_valid(const char *name)
{
    size_t bytes = strlen(name);
    for (size_t i = 0; i < bytes; i++) {
        char c = name[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (i == 0 || !strchr("-_.", c)))
            return false;
    }
    return bytes > 0 && bytes <= NAME_BYTES_MAX;
}

static bool
stored_path(const char *name, char ret[PATH_MAX])
{
    char tail[16 + NAME_BYTES_MAX];
    (void)snprintf(tail, sizeof tail, "profiles/%.63s", name);
    return config_path(tail, ret);
}

/* False, with the failure noted, if it is no name or there is no home. */
static bool
name_path(cli_t *cli, const char *name, char ret[PATH_MAX])
{
    if (!cli_profile_name_valid(name)) {
        cli_fail_status(cli, FSP_BAD_NAME,
                        "%.80s: not a name for a profile; use at most 63 letters, digits, '-', '_' "
                        "and '.', a letter or digit first",
                        name);
        return false;
    }
    if (stored_path(name, ret))
        return true;
    cli_fail_status(cli, FSP_INVALID, "no home directory; set HOME or XDG_CONFIG_HOME");
    return false;
}

void
cli_profile_find(cli_t *cli)
{
    char path[PATH_MAX];
    const char *given = cli->profile && *cli->profile ? cli->profile : NULL;
    bool named = given && cli_profile_name_valid(given) && stored_path(given, path) &&
                 access(path, F_OK) == 0;
    /* The library does not know XDG_CONFIG_HOME. */
    bool present = !given && config_path("profile", path) && access(path, F_OK) == 0;
    (void)snprintf(cli->profile_place, sizeof cli->profile_place, "%s",
                   named || present ? path
                   : given          ? given
                                    : "");
    cli->profile_path = *cli->profile_place ? cli->profile_place : NULL;
}

/* -- reading ----------------------------------------------------------------------------------- */

/* False: the failure is noted. */
static bool
load(cli_t *cli, const char *path, fsp_buf_t *text, fsp_profile_t *ret)
{
    if (!cli_read_file(cli, path, text))
        return false;
    fsp_error_t error = {.text = ""};
    fsp_status_t status = fsp_profile_decode(fsp_buf_slice(text), ret, &error);
    if (status == FSP_OK)
        return true;
    cli_fail_status(cli, status, "%.400s: not a profile: %.300s", path, error.text);
    return false;
}

/* The text has the secret. */
static void
wipe(fsp_buf_t *text)
{
    if (text->data)
        explicit_bzero(text->data, text->capacity);
    fsp_buf_clear(text);
}

bool
cli_profile_load(cli_t *cli, fsp_profile_t *ret)
{
    char path[PATH_MAX];
    cli_profile_find(cli);
    if (!cli->profile_path && (!config_path("profile", path) || access(path, F_OK) != 0)) {
        cli_fail_status(cli, FSP_NO_PROFILE,
                        "no profile; take one with: filesphere profile add NAME FILE");
        return false;
    }
    fsp_buf_t text;
    fsp_buf_init(&text, FSP_PROFILE_BYTES_MAX);
    bool good = load(cli, cli->profile_path ? cli->profile_path : path, &text, ret);
    wipe(&text);
    return good;
}

size_t
cli_profile_names(fsp_buf_t *ret)
{
    char path[PATH_MAX];
    if (!config_path("profiles", path))
        return 0;
    cli_names_t names;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    size_t count = 0;
    if (cli_names_read(fd, &names) == 0) {
        const char *at = (const char *)names.text.data;
        for (size_t i = 0; i < names.count; i++, at += strlen(at) + 1) {
            if (!cli_profile_name_valid(at))
                continue;
            fsp_buf_append(ret, at, strlen(at) + 1);
            count += fsp_buf_ok(ret);
        }
    }
    cli_names_clear(&names);
    return count;
}

/* -- the one in use ---------------------------------------------------------------------------- */

/* "NAME" if `profile` is a link to profiles/NAME, else "". */
static void
used_name(char ret[NAME_BYTES_MAX + 1])
{
    char path[PATH_MAX], target[16 + NAME_BYTES_MAX];
    ret[0] = '\0';
    ssize_t bytes = config_path("profile", path) ? readlink(path, target, sizeof target - 1) : -1;
    if (bytes <= 9 || memcmp(target, "profiles/", 9) != 0)
        return;
    target[bytes] = '\0';
    if (cli_profile_name_valid(target + 9))
        (void)snprintf(ret, NAME_BYTES_MAX + 1, "%.*s", NAME_BYTES_MAX, target + 9);
}

/* Directories for the store.  False: the failure is noted. */
static bool
make_store(cli_t *cli)
{
    char path[PATH_MAX];
    if (!config_path("profiles", path)) {
        cli_fail_status(cli, FSP_INVALID, "no home directory; set HOME or XDG_CONFIG_HOME");
        return false;
    }
    /* A home that is not there is a mistake of the caller's, not a directory to be made. */
    const char *home = getenv("HOME");
    size_t home_bytes = home ? strlen(home) : 0;
    bool at_home = home_bytes > 0 && strncmp(path, home, home_bytes) == 0;
    for (char *slash = path + (at_home ? home_bytes : 1); (slash = strchr(slash, '/')) != NULL;
         slash++) {
        if (slash == path + home_bytes && at_home)
            continue;
        *slash = '\0';
        (void)mkdir(path, 0700); /* what is missing in the end is told below */
        *slash = '/';
    }
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return true;
    cli_fail_status(cli, FSP_IO, "%.400s: cannot be made: %s", path, strerror(errno));
    return false;
}

/* A new file that only its owner can read, all of it or nothing.  0, or -1 with errno. */
static int
write_new(const char *path, fsp_slice_t text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    int rc = cli_write_all(fd, text.data, text.bytes, NULL);
    if (rc == 0)
        rc = fsync(fd);
    int error = errno;
    if (close(fd) != 0 && rc == 0) {
        rc = -1;
        error = errno;
    }
    if (rc != 0)
        (void)unlink(path);
    errno = error;
    return rc;
}

/* A profile that lies at `profile` as a file becomes the stored one "default" (or default-2, ...).
   False: the failure is noted, and it lies where it lay. */
static bool
take_in_file(cli_t *cli, const char *path)
{
    struct stat about;
    if (lstat(path, &about) != 0 || !S_ISREG(about.st_mode))
        return true;
    fsp_buf_t text;
    fsp_buf_init(&text, FSP_PROFILE_BYTES_MAX);
    bool good = cli_read_file(cli, path, &text);
    for (unsigned i = 1; good; i++) {
        char name[24], to[PATH_MAX];
        (void)snprintf(name, sizeof name, i == 1 ? "default" : "default-%u", i);
        if (!name_path(cli, name, to)) {
            good = false;
        } else if (write_new(to, fsp_buf_slice(&text)) == 0) {
            cli_warn(cli, "%.400s: is now the profile %s", path, name);
            break;
        } else if (errno != EEXIST || i == 99) {
            cli_fail_status(cli, FSP_IO, "%.400s: cannot be written: %s", to, strerror(errno));
            good = false;
        }
    }
    wipe(&text);
    return good;
}

/* False: the failure is noted. */
static bool
use(cli_t *cli, const char *name)
{
    char path[PATH_MAX], target[16 + NAME_BYTES_MAX], temporary[PATH_MAX];
    if (!config_path("profile", path) || !config_path(".profile-new", temporary))
        return false;
    (void)snprintf(target, sizeof target, "profiles/%.63s", name);
    if (!take_in_file(cli, path))
        return false;
    (void)unlink(temporary); /* of a call that was interrupted */
    if (symlink(target, temporary) == 0 && rename(temporary, path) == 0)
        return true;
    cli_fail_status(cli, FSP_IO, "%.400s: cannot be made a link: %s", path, strerror(errno));
    return false;
}

/* -- commands ---------------------------------------------------------------------------------- */

static void
list_profile(cli_t *cli, const char *name, const char *path, bool used)
{
    fsp_buf_t text;
    fsp_profile_t profile;
    fsp_error_t error = {.text = ""};
    fsp_buf_init(&text, FSP_PROFILE_BYTES_MAX);
    bool good = cli_read_quietly(path, &text) &&
                fsp_profile_decode(fsp_buf_slice(&text), &profile, &error) == FSP_OK;
    if (cli->json) {
        fsp_json_t *json = cli_line(cli, "profile");
        fsp_json_text(json, "name", name);
        fsp_json_bool(json, "used", used);
        fsp_json_text(json, "path", path);
        fsp_json_bool(json, "valid", good);
        if (good) {
            fsp_json_text(json, "mesh_name", profile.name);
            fsp_json_hex(json, "mesh_id", profile.mesh_id, sizeof profile.mesh_id);
            fsp_json_text(json, "space", profile.space);
            fsp_json_array(json, "endpoints");
            for (size_t i = 0; i < profile.endpoint_count; i++)
                fsp_json_text(json, NULL, profile.endpoints[i]);
            fsp_json_array_end(json);
        }
        cli_line_end(cli);
    } else {
        (void)printf("%s %-20s  ", used ? "*" : " ", name);
        if (good) {
            cli_print_escaped(profile.endpoints[0]);
            (void)printf("  space %s\n", profile.space);
        } else {
            (void)printf("(cannot be read as a profile)\n");
        }
    }
    if (good)
        fsp_profile_wipe(&profile);
    wipe(&text);
}

int
cli_profile_ls(cli_t *cli)
{
    fsp_buf_t names;
    char used[NAME_BYTES_MAX + 1], path[PATH_MAX];
    struct stat about;
    fsp_buf_init(&names, NAMES_BYTES_MAX);
    used_name(used);
    size_t count = cli_profile_names(&names);
    const char *at = (const char *)names.data;
    for (size_t i = 0; i < count; i++, at += strlen(at) + 1) {
        if (stored_path(at, path))
            list_profile(cli, at, path, strcmp(at, used) == 0);
    }
    if (config_path("profile", path) && !*used && stat(path, &about) == 0) {
        list_profile(cli, "(a file)", path, true); /* `use` takes it in as "default" */
        count++;
    }
    if (cli->json) {
        fsp_json_uint(cli_line(cli, "result"), "count", count);
        cli_line_end(cli);
    } else if (count == 0 && !cli->quiet) {
        (void)fprintf(stderr, "no profiles; take one with: filesphere profile add NAME FILE\n");
    }
    fsp_buf_clear(&names);
    return cli_finish(cli);
}

static int
finish(cli_t *cli, const char *name, bool used)
{
    if (cli->failure_count > 0)
        return cli_finish(cli);
    if (cli->json) {
        fsp_json_t *json = cli_line(cli, "result");
        fsp_json_text(json, "name", name);
        fsp_json_bool(json, "used", used);
        cli_line_end(cli);
    } else if (!cli->quiet) {
        (void)printf("%s%s\n", name, used ? "  (in use)" : "");
    }
    return 0;
}

int
cli_profile_add(cli_t *cli)
{
    const char *name = cli->operands[0];
    char path[PATH_MAX], link_path[PATH_MAX];
    struct stat about;
    fsp_buf_t text;
    fsp_profile_t profile;
    bool used = false;
    fsp_buf_init(&text, FSP_PROFILE_BYTES_MAX);
    if (name_path(cli, name, path) && load(cli, cli->operands[1], &text, &profile)) {
        fsp_profile_wipe(&profile);
        if (!make_store(cli)) {
            /* the failure is noted */
        } else if (write_new(path, fsp_buf_slice(&text)) != 0) {
            cli_fail_status(cli, errno == EEXIST ? FSP_EXISTS : FSP_IO, "%.80s: %s; %s", name,
                            errno == EEXIST ? "there is a profile of this name" : strerror(errno),
                            errno == EEXIST ? "choose another name, or: filesphere profile rm"
                                            : "look at the directory of profiles");
        } else if (config_path("profile", link_path) && lstat(link_path, &about) != 0) {
            used = use(cli, name); /* the first one */
        }
    }
    wipe(&text);
    return finish(cli, name, used);
}

int
cli_profile_use(cli_t *cli)
{
    const char *name = cli->operands[0];
    char path[PATH_MAX];
    bool used = false;
    if (name_path(cli, name, path) && make_store(cli)) {
        if (access(path, F_OK) != 0)
            cli_fail_status(cli, FSP_NOT_FOUND,
                            "%.80s: there is no such profile; look with: filesphere profile ls",
                            name);
        else
            used = use(cli, name);
    }
    return finish(cli, name, used);
}

int
cli_profile_rm(cli_t *cli)
{
    const char *name = cli->operands[0];
    char path[PATH_MAX], link_path[PATH_MAX], used[NAME_BYTES_MAX + 1], what[160];
    if (!name_path(cli, name, path))
        return cli_finish(cli);
    (void)snprintf(what, sizeof what, "the profile %.63s and the key in it go", name);
    used_name(used);
    if (access(path, F_OK) != 0)
        cli_fail_status(cli, FSP_NOT_FOUND,
                        "%.80s: there is no such profile; look with: filesphere profile ls", name);
    else if (cli_confirm(cli, what, name)) {
        if (unlink(path) != 0)
            cli_fail_status(cli, FSP_IO, "%.400s: cannot be removed: %s", path, strerror(errno));
        else if (strcmp(used, name) == 0 && config_path("profile", link_path))
            (void)unlink(link_path); /* it would lead nowhere */
    }
    return finish(cli, name, false);
}
