/* SPDX-License-Identifier: MIT */
/* test_cli_glob - patterns of remote names and paths.  Layer tests. */
#include "cmd/cli_glob.c" /* cmd has no library */

#include "core/base/prng.h"
#include "tests/unit/suite.h"

static bool
fits(const char *pattern, const char *name)
{
    return cli_glob_match(fsp_slice_text(pattern), fsp_slice_text(name), true);
}

static bool
shell_fits(const char *pattern, const char *name)
{
    return cli_glob_match(fsp_slice_text(pattern), fsp_slice_text(name), false);
}

static bool
path_fits(const char *pattern, const char *path)
{
    return cli_glob_match_path(fsp_slice_text(pattern), fsp_slice_text(path));
}

typedef struct {
    const char *pattern, *name;
    bool fits;
} case_t;

START_TEST(names_fit_patterns)
{
    static const case_t cases[] = {
        {"", "", true},
        {"", "a", false},
        {"a", "", false},
        {"abc", "abc", true},
        {"abc", "abd", false},
        {"*", "", true},
        {"*", "anything at all", true},
        {"*.pdf", "a.pdf", true},
        {"*.pdf", ".pdf", true},
        {"*.pdf", "a.pdf2", false},
        {"a*b*c", "aXbYc", true},
        {"a*b*c", "abbbc", true},
        {"a*b*c", "acb", false},
        {"***a", "bba", true},
        {"a?c", "abc", true},
        {"a?c", "ac", false},
        {"?", "\xc3\xa9", true}, /* one character of two octets */
        {"??", "\xc3\xa9", false},
        {"?", "\xff", true}, /* an octet that is no character counts as one */
        {"[abc]x", "bx", true},
        {"[abc]x", "dx", false},
        {"[a-f0-9]", "e", true},
        {"[a-f0-9]", "g", false},
        {"[!a-f]", "g", true},
        {"[^a-f]", "b", false},
        {"[]x]", "]", true},
        {"[!]x]", "]", false},
        {"[a-]", "-", true},
        {"[\xc3\xa0-\xc3\xbf]", "\xc3\xa9", true},
        {"[\xc3\xa0-\xc3\xbf]", "e", false},
        {"[z-a]", "m", false},
        {"a[b", "a[b", true}, /* not closed: itself */
        {"a[b", "ab", false},
        {"[", "[", true},
        {"\\*", "*", true},
        {"\\*", "a", false},
        {"a\\", "a\\", true},
        {"[\\]]", "]", true},
        {"\\[a]", "[a]", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ck_assert_msg(fits(cases[i].pattern, cases[i].name) == cases[i].fits, "%s %s",
                      cases[i].pattern, cases[i].name);
}
END_TEST

START_TEST(hidden_names_want_their_dot)
{
    ck_assert(!shell_fits("*", ".a"));
    ck_assert(!shell_fits("?a", ".a"));
    ck_assert(!shell_fits("[.]a", ".a"));
    ck_assert(shell_fits(".*", ".a"));
    ck_assert(shell_fits("\\.a", ".a"));
    ck_assert(shell_fits("*", "a."));
    ck_assert(fits("*", ".a"));
}
END_TEST

START_TEST(paths_fit_part_by_part)
{
    static const case_t cases[] = {
        {"a/b", "a/b", true},       {"a/b", "a/b/c", false},
        {"a", "a/b", false},        {"*", "a/b", false},
        {"*/*", "a/b", true},       {"**", "a/b/c", true},
        {"**", "a", true},          {"**/c", "c", true},
        {"**/c", "a/b/c", true},    {"**/c", "a/b/d", false},
        {"a/**/c", "a/c", true},    {"a/**/c", "a/x/y/c", true},
        {"a/**/c", "b/x/c", false}, {"**/b/**", "a/b/c", true},
        {"**/b/**", "a/b", true},   {"**/b/**", "a/c", false},
        {"a**", "abc", true},       {"a**", "a/b", false},
        {"**/*.o", "x/.o", true},   {"**/a/**/b", "a/a/b/b", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ck_assert_msg(path_fits(cases[i].pattern, cases[i].name) == cases[i].fits, "%s %s",
                      cases[i].pattern, cases[i].name);
}
END_TEST

START_TEST(special_letters_are_seen)
{
    static const char *const special[] = {"*", "a?", "[a", "a\\"};
    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++)
        ck_assert(cli_glob_special(fsp_slice_text(special[i])));
    ck_assert(!cli_glob_special(fsp_slice_text("a]b{c}~!^-")));
    ck_assert(!cli_glob_special(fsp_slice_text("")));
}
END_TEST

/* The same by trying everything: only letters, '?' and '*'. */
static bool
tried(const char *pattern, const char *name)
{
    if (*pattern == '\0')
        return *name == '\0';
    if (*pattern == '*')
        return tried(pattern + 1, name) || (*name && tried(pattern, name + 1));
    return *name && (*pattern == '?' || *pattern == *name) && tried(pattern + 1, name + 1);
}

static void
draw(fsp_prng_t *prng, const char *letters, size_t bytes_max, char *ret)
{
    size_t bytes = (size_t)fsp_prng_below(prng, bytes_max + 1);
    for (size_t i = 0; i < bytes; i++)
        ret[i] = letters[fsp_prng_below(prng, strlen(letters))];
    ret[bytes] = '\0';
}

START_TEST(agrees_with_trying_everything)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(1));
    unsigned fitting = 0;
    for (unsigned i = 0; i < 200000; i++) {
        char pattern[9], name[9];
        draw(&prng, "ab?*", 8, pattern);
        draw(&prng, "ab", 8, name);
        bool wanted = tried(pattern, name);
        fitting += wanted;
        ck_assert_msg(fits(pattern, name) == wanted, "%s %s", pattern, name);
    }
    ck_assert_uint_gt(fitting, 1000);
}
END_TEST

START_TEST(any_octets_are_taken_in_time)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(2));
    for (unsigned i = 0; i < 100000; i++) {
        char pattern[25], name[25];
        draw(&prng, "[]-!\\*?a\xc3\xa9\xff\xf0", 24, pattern);
        draw(&prng, "[]-!\\*?a\xc3\xa9\xff\xf0", 24, name);
        (void)fits(pattern, name); /* the sanitizers look */
        (void)path_fits(pattern, name);
    }
    /* Stars do not multiply: 255 octets against 127 of them. */
    char stars[256], letters[256];
    for (size_t i = 0; i < 255; i++) {
        stars[i] = i % 2 ? '*' : 'a';
        letters[i] = 'a';
    }
    stars[254] = 'b';
    stars[255] = letters[255] = '\0';
    ck_assert(!fits(stars, letters));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cli_glob");
    TCase *tcase = tcase_create("cli_glob");
    tcase_add_test(tcase, names_fit_patterns);
    tcase_add_test(tcase, hidden_names_want_their_dot);
    tcase_add_test(tcase, paths_fit_part_by_part);
    tcase_add_test(tcase, special_letters_are_seen);
    tcase_add_test(tcase, agrees_with_trying_everything);
    tcase_add_test(tcase, any_octets_are_taken_in_time);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
