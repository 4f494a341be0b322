/* SPDX-License-Identifier: MIT */
/* test_cli_exclude - patterns of --exclude.  Layer tests. */
#include "cmd/cli_exclude.c" /* cmd has no library */

#include "tests/unit/suite.h"

typedef struct {
    const char *pattern, *path;
    bool is_directory, excluded;
} case_t;

START_TEST(patterns_fit_as_in_gitignore)
{
    static const case_t cases[] = {
        /* A name, anywhere. */
        {"a", "a", false, true},
        {"a", "x/a", false, true},
        {"a", "x/y/a", true, true},
        {"a", "ab", false, false},
        {"a", "ba", false, false},
        {"a", "a/b", false, false}, /* nobody asks: "a" was left out */
        {"*.o", "x.o", false, true},
        {"*.o", "d/x.o", false, true},
        {"*.o", ".o", false, true},
        {"*.o", "x.oo", false, false},
        {"x*y*z", "x-y-y-z", false, true},
        {"x*y*z", "x-y-z-", false, false},
        {"*", "anything", false, true},
        {"a?c", "abc", false, true},
        {"a?c",
         "a\xc3\xbc"
         "c",
         false, true},
        {"a?c", "ac", false, false},
        {"?", "ab", false, false},
        /* From the root. */
        {"/a", "a", false, true},
        {"/a", "x/a", false, false},
        {"a/b", "a/b", false, true},
        {"a/b", "x/a/b", false, false},
        {"a/*", "a/b", false, true},
        {"a/*", "a/b/c", false, false},
        {"/*.c", "x.c", false, true},
        {"/*.c", "d/x.c", false, false},
        {"a?b/c", "a/b/c", false, false},
        /* Directories only. */
        {"cache/", "cache", true, true},
        {"cache/", "x/cache", true, true},
        {"cache/", "cache", false, false},
        {"/cache/", "x/cache", true, false},
        {"a/b/", "a/b", true, true},
        /* Over names. */
        {"**/x", "x", false, true},
        {"**/x", "a/b/x", false, true},
        {"**/x", "a/bx", false, false},
        {"a/**", "a/b/c", false, true},
        {"a/**", "a", true, false},
        {"a/**/z", "a/z", false, true},
        {"a/**/z", "a/b/c/z", false, true},
        {"a/**/z", "a/bz", false, false},
        {"a/**/b/*.c", "a/b/x/b/y.c", false, true},
        {"a/**/b/*.c", "a/b/x/y.c", false, false},
        {"a**z", "az", false, true},
        {"/a**z", "a/b/z", false, true},
        {"**", "a/b", false, true},
        /* As it is. */
        {"\\*", "*", false, true},
        {"\\*", "x", false, false},
        {"\\?", "x", false, false},
        {"a\\", "a\\", false, true},
        {"[a]", "[a]", false, true},
        {"[a]", "a", false, false},
        {"!a", "a", false, false},
        /* Nothing. */
        {"", "a", true, false},
        {"/", "a", true, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const case_t *each = &cases[i];
        ck_assert_msg(cli_excluded(&each->pattern, 1, each->path, each->is_directory) ==
                          each->excluded,
                      "'%s' and '%s'", each->pattern, each->path);
    }
}
END_TEST

START_TEST(one_of_several_is_enough)
{
    static const char *const patterns[] = {"a", "*.o", "/b/"};
    ck_assert(cli_excluded(patterns, 3, "x/a", false));
    ck_assert(cli_excluded(patterns, 3, "y.o", false));
    ck_assert(cli_excluded(patterns, 3, "b", true));
    ck_assert(!cli_excluded(patterns, 3, "b", false));
    ck_assert(!cli_excluded(patterns, 0, "a", false));
}
END_TEST

/* The simplest matcher, exponential: what `matches` has to agree with on short texts. */
static bool
slow(const char *pattern, const char *text, bool begins)
{
    if (*pattern == '\0')
        return *text == '\0';
    if (begins && strncmp(pattern, "**/", 3) == 0) {
        if (slow(pattern + 3, text, true))
            return true;
        const char *slash = strchr(text, '/');
        return slash && slow(pattern, slash + 1, true);
    }
    if (strncmp(pattern, "**", 2) == 0)
        return slow(pattern + 2, text, false) || (*text && slow(pattern, text + 1, false));
    if (*pattern == '*')
        return slow(pattern + 1, text, false) ||
               (*text && *text != '/' && slow(pattern, text + 1, false));
    if (*pattern == '?')
        return *text && *text != '/' && slow(pattern + 1, text + 1, false);
    return *pattern == *text && slow(pattern + 1, text + 1, *pattern == '/');
}

START_TEST(agrees_with_the_plainest_matcher)
{
    static const char letters[] = "ab*?/*";
    uint64_t state = 0x9e3779b97f4a7c15u;
    size_t fitting = 0;
    for (int round = 0; round < 200000; round++) {
        char pattern[9], text[9];
        for (size_t i = 0; i < 8; i++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            pattern[i] = letters[(state >> 33) % 6];
            text[i] = "aab/"[(state >> 45) % 4];
        }
        pattern[(state >> 55) % 8 + 1] = '\0';
        text[(state >> 58) % 8 + 1] = '\0';
        if (strstr(pattern, "***")) /* the plain one reads a '*' after "**" in its own way */
            continue;
        bool wanted = slow(pattern, text, true);
        fitting += wanted;
        ck_assert_msg(matches((span_t){pattern, pattern + strlen(pattern)}, text) == wanted,
                      "'%s' and '%s'", pattern, text);
    }
    ck_assert_uint_gt(fitting, 1000);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cli_exclude");
    TCase *tcase = tcase_create("cli_exclude");
    tcase_add_test(tcase, patterns_fit_as_in_gitignore);
    tcase_add_test(tcase, one_of_several_is_enough);
    tcase_add_test(tcase, agrees_with_the_plainest_matcher);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
