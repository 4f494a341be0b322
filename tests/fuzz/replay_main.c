/* SPDX-License-Identifier: MIT */
/* replay_main - runs a fuzz target over files: FUZZ_NAME FILE-OR-DIRECTORY...  Layer tests.
 *
 * Each input lies in memory of exactly its size, so that a sanitizer sees a read behind its end.
 * Prints how many inputs it ran; none at all is a failure.
 */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

__attribute__((weak)) int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

static size_t ran;

static void
run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat about;
    if (!file || fstat(fileno(file), &about) == -1) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(2);
    }
    size_t bytes = (size_t)about.st_size;
    uint8_t *data = malloc(bytes ? bytes : 1);
    if (!data || fread(data, 1, bytes, file) != bytes) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(2);
    }
    (void)fclose(file);
    printf("%s\n", path);
    (void)fflush(stdout); /* the last line names what failed */
    (void)LLVMFuzzerTestOneInput(data, bytes);
    free(data);
    ran++;
}

static int
visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void
run_path(const char *path)
{
    struct stat about;
    if (stat(path, &about) == -1) {
        fprintf(stderr, "no %s\n", path);
        exit(2);
    }
    if (!S_ISDIR(about.st_mode)) {
        run_file(path);
        return;
    }
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, visible, alphasort);
    for (int i = 0; i < count; i++) {
        char name[4096];
        (void)snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
        run_path(name);
        free(entries[i]);
    }
    free(entries);
}

int
main(int argc, char **argv)
{
    (void)LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++)
        run_path(argv[i]);
    printf("replayed %zu inputs\n", ran);
    return ran > 0 ? 0 : 1;
}
