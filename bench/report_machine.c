/* SPDX-License-Identifier: MIT */
/* report_machine - what the figures were measured on, as far as the system tells. */
#include "bench/report.h"

#include "core/base/text.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { LINE_BYTES = 4096, WORD_BYTES = 128 };

/* The first line of a file without its end; "" if there is none. */
static void
first_line(const char *path, char *ret, size_t bytes_max)
{
    FILE *file = fopen(path, "re");
    ret[0] = '\0';
    if (!file)
        return;
    if (!fgets(ret, (int)bytes_max, file))
        ret[0] = '\0';
    ret[strcspn(ret, "\n")] = '\0';
    (void)fclose(file); /* was only read */
}

/* What stands behind "key" and ':' in a file of such lines; "" if nothing. */
static void
value_of(const char *path, const char *key, char *ret, size_t bytes_max)
{
    char line[LINE_BYTES];
    FILE *file = fopen(path, "re");
    ret[0] = '\0';
    while (file && !ret[0] && fgets(line, sizeof line, file)) {
        char *value = strchr(line, ':');
        if (!value || strncmp(line, key, strlen(key)) != 0)
            continue;
        value += 1 + strspn(value + 1, " \t");
        value[strcspn(value, "\n")] = '\0';
        (void)snprintf(ret, bytes_max, "%s", value);
    }
    if (file)
        (void)fclose(file); /* was only read */
}

static bool
has_word(const char *text, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = strstr(text, word); at; at = strstr(at + length, word)) {
        bool begins = at == text || at[-1] == ' ', ends = at[length] == ' ' || !at[length];
        if (begins && ends)
            return true;
    }
    return false;
}

static void
describe_processor(bench_results_t *results)
{
    static const char *const telling[] = {"sha_ni", "aes", "vaes", "avx2", "avx512f"};
    char model[WORD_BYTES], flags[LINE_BYTES], text[BENCH_MACHINE_TEXT];
    value_of("/proc/cpuinfo", "model name", model, sizeof model);
    value_of("/proc/cpuinfo", "flags", flags, sizeof flags);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    (void)snprintf(text, sizeof text, "%.80s, %ld cores%s", model[0] ? model : "unknown", cores,
                   has_word(flags, "hypervisor") ? " of a virtual machine" : "");
    bench_machine_row(results, "processor", text);
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < sizeof telling / sizeof telling[0]; i++) {
        if (has_word(flags, telling[i]))
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", used ? ", " : "",
                                     telling[i]);
    }
    if (used > 0)
        bench_machine_row(results, "instructions", text);
    char governor[WORD_BYTES];
    first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", governor, sizeof governor);
    if (governor[0])
        bench_machine_row(results, "governor", governor);
}

static void
describe_memory(bench_results_t *results)
{
    char words[WORD_BYTES], text[BENCH_MACHINE_TEXT];
    uint64_t kib = 0;
    value_of("/proc/meminfo", "MemTotal", words, sizeof words);
    words[strspn(words, "0123456789")] = '\0';
    if (fsp_parse_u64(fsp_slice_text(words), UINT64_MAX / 1024, &kib) == FSP_OK) {
        (void)snprintf(text, sizeof text, "%.1f GiB", (double)kib / (1024 * 1024));
        bench_machine_row(results, "memory", text);
    }
    first_line("/sys/kernel/mm/transparent_hugepage/enabled", words, sizeof words);
    if (words[0])
        bench_machine_row(results, "huge pages", words);
}

/* One line of /proc/self/mountinfo: "id parent device root MOUNT options ... - TYPE source ...".
   True: the path lies below MOUNT, which is not shorter than *longest. */
static bool
is_mount_of(const char *path, char *line, size_t *longest, const char **ret_type)
{
    char *save = NULL, *mount = NULL, *word = strtok_r(line, " ", &save);
    for (int field = 0; word && strcmp(word, "-") != 0; field++) {
        if (field == 4)
            mount = word;
        word = strtok_r(NULL, " ", &save);
    }
    const char *type = word ? strtok_r(NULL, " ", &save) : NULL;
    if (!mount || !type)
        return false;
    size_t length = strcmp(mount, "/") == 0 ? 0 : strlen(mount);
    bool below = strncmp(path, mount, length) == 0 && (path[length] == '/' || !path[length]);
    if (!below || length < *longest)
        return false;
    *longest = length;
    *ret_type = type;
    return true;
}

static void
describe_disk(const char *directory, bench_results_t *results)
{
    char line[LINE_BYTES], text[BENCH_MACHINE_TEXT] = "unknown";
    char real[PATH_MAX];
    const char *path = realpath(directory, real);
    FILE *file = fopen("/proc/self/mountinfo", "re");
    size_t longest = 0;
    const char *type;
    while (path && file && fgets(line, sizeof line, file)) {
        if (is_mount_of(path, line, &longest, &type))
            (void)snprintf(text, sizeof text, "%s", type);
    }
    if (file)
        (void)fclose(file); /* was only read */
    bench_machine_row(results, "file system", text);
}

void
bench_machine_describe(const char *directory, bench_results_t *results)
{
    char words[WORD_BYTES], text[BENCH_MACHINE_TEXT];
    struct utsname names;
    describe_processor(results);
    describe_memory(results);
    if (uname(&names) == 0) {
        (void)snprintf(text, sizeof text, "%.20s %.80s %.40s", names.sysname, names.release,
                       names.machine);
        bench_machine_row(results, "kernel", text);
    }
    describe_disk(directory, results);
    first_line("/proc/loadavg", words, sizeof words);
    if (words[0]) {
        words[strcspn(words, "/")] = '\0'; /* the averages, and how many run now */
        char *last = strrchr(words, ' ');
        if (last)
            *last = '\0';
        bench_machine_row(results, "load average before", words);
    }
}
