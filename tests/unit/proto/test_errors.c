/* SPDX-License-Identifier: MIT */
/* test_errors - the error registry and the document made from it.  Layer tests.
 *
 * `test_errors --write` writes docs/errors.md; the suite fails while it says anything else.
 */
#include "proto/errors.h"
#include "tests/unit/proto/docs.h"
#include "tests/unit/suite.h"

#include <ctype.h>

static const char DOCUMENT[] = "docs/errors.md";

static const char *
retry_name(fsp_retry_t retry)
{
    return retry == FSP_RETRY_NO ? "no" : retry == FSP_RETRY_SAME ? "same" : "renew";
}

static void
render(fsp_buf_t *buf)
{
    static const char head[] =
        "# Errors\n"
        "\n"
        "<!-- Made from proto/errors.c by `test_errors --write`; the test compares. -->\n"
        "\n"
        "One registry for everything that can go wrong. *Code* is the number on the wire (`code`\n"
        "of an ERROR) and in `--json` output, *symbol* its name for programs. *Exit* is the exit\n"
        "code of `filesphere`, *HTTP* the status of the HTTP interface. Codes and symbols never\n"
        "change their meaning and are never reused. A client that meets an unknown code goes by\n"
        "the `retry` field of the ERROR and treats the rest as a failure.\n"
        "\n"
        "*Retry* says what may be done about it:\n"
        "\n"
        "* `no`: the same request fails again until somebody acts;\n"
        "* `same`: the same request may succeed later: same operation id, `attempt` + 1, after a\n"
        "  pause;\n"
        "* `renew`: look at the present state first, then decide anew, with a new operation id.\n"
        "\n"
        "| Code | Symbol | Meaning | Exit | HTTP | Retry |\n"
        "|---:|---|---|---:|---:|---|\n";
    static const char tail[] =
        "\n"
        "Exit codes: 0 done, 1 other failure, 2 usage, 3 not found, 4 conflict, 5 not logged in,\n"
        "6 forbidden, 7 partly done, 8 temporary, 9 quota or space, 10 integrity, 130\n"
        "interrupted. An unknown exit code means failure. 7 belongs to no single error:\n"
        "`filesphere` exits with it when some of several files failed.\n";
    fsp_buf_append(buf, head, sizeof(head) - 1);
    size_t count;
    const fsp_error_info_t *errors = fsp_error_table(&count);
    for (size_t i = 0; i < count; i++)
        fsp_buf_printf(buf, "| %u | `%s` | %s | %d | %d | %s |\n", errors[i].code, errors[i].symbol,
                       errors[i].text, errors[i].exit_code, errors[i].http_status,
                       retry_name(errors[i].retry));
    fsp_buf_append(buf, tail, sizeof(tail) - 1);
}

START_TEST(every_status_has_exactly_one_row)
{
    size_t count;
    const fsp_error_info_t *errors = fsp_error_table(&count);
    size_t listed = 0;
#define X(number, name, words)                                                                     \
    {                                                                                              \
        size_t rows = 0;                                                                           \
        for (size_t i = 0; i < count; i++)                                                         \
            rows += errors[i].status == FSP_##name;                                                \
        ck_assert_msg(rows == 1, #name " has %zu rows", rows);                                     \
        ck_assert_int_eq(fsp_error_info(FSP_##name)->status, FSP_##name);                          \
        ck_assert_str_eq(fsp_error_info(FSP_##name)->text, words);                                 \
        listed++;                                                                                  \
    }
    FSP_STATUS_LIST(X)
#undef X
    ck_assert_uint_eq(listed, count);
}
END_TEST

START_TEST(codes_and_symbols_are_unique_and_lead_back)
{
    size_t count;
    const fsp_error_info_t *errors = fsp_error_table(&count);
    for (size_t i = 0; i < count; i++) {
        ck_assert_ptr_eq(fsp_error_by_code(errors[i].code), &errors[i]);
        for (size_t k = 0; k < i; k++) {
            ck_assert_uint_ne(errors[i].code, errors[k].code);
            ck_assert_str_ne(errors[i].symbol, errors[k].symbol);
        }
    }
}
END_TEST

START_TEST(symbols_are_names_in_kebab_case)
{
    size_t count;
    const fsp_error_info_t *errors = fsp_error_table(&count);
    for (size_t i = 0; i < count; i++) {
        char symbol[64] = "";
        const char *name = fsp_status_name(errors[i].status);
        ck_assert_uint_lt(strlen(name), sizeof(symbol));
        for (size_t k = 0; name[k]; k++)
            symbol[k] = name[k] == '_' ? '-' : (char)tolower((unsigned char)name[k]);
        ck_assert_str_eq(errors[i].symbol, symbol);
    }
}
END_TEST

/* Numbers that left this program once never move: a second list, to be extended, not edited. */
START_TEST(codes_never_change)
{
    static const struct {
        unsigned code;
        const char *symbol;
    } frozen[] = {
        {0, "ok"},
        {1001, "invalid"},
        {1002, "too-large"},
        {1003, "bad-name"},
        {1004, "bad-range"},
        {1005, "unsupported"},
        {1006, "level"},
        {1007, "ambiguous"},
        {1008, "protocol"},
        {1009, "no-credit"},
        {2001, "not-found"},
        {2002, "no-such-space"},
        {2003, "no-such-version"},
        {2004, "gone"},
        {2005, "no-parent"},
        {2006, "no-such-upload"},
        {2007, "no-such-link"},
        {2008, "no-such-node"},
        {3001, "exists"},
        {3002, "mismatch"},
        {3003, "is-directory"},
        {3004, "not-directory"},
        {3005, "not-empty"},
        {3006, "cycle"},
        {3007, "too-many-heads"},
        {3008, "trashed"},
        {3009, "locked"},
        {3010, "op-reused"},
        {3011, "held"},
        {3012, "space-closing"},
        {3013, "lease-lost"},
        {3014, "pending"},
        {4001, "busy"},
        {4002, "not-leader"},
        {4003, "epoch"},
        {4004, "base-gone"},
        {4005, "stale"},
        {4006, "layout"},
        {4007, "expired"},
        {4008, "outcome-unknown"},
        {4009, "timeout"},
        {4010, "closing"},
        {4011, "unreachable"},
        {4012, "needs-two-copies"},
        {5001, "unknown-key"},
        {5002, "forbidden"},
        {5003, "no-profile"},
        {5004, "spent"},
        {6001, "quota"},
        {6002, "disk-reserve"},
        {7001, "damaged"},
        {7002, "format-newer"},
        {8001, "internal"},
        {8002, "io"},
        {8003, "lock-held"},
        {8004, "cancelled"},
    };
    size_t count;
    (void)fsp_error_table(&count);
    ck_assert_uint_eq(sizeof(frozen) / sizeof(frozen[0]), count);
    for (size_t i = 0; i < count; i++) {
        const fsp_error_info_t *info = fsp_error_by_code(frozen[i].code);
        ck_assert(info);
        ck_assert_str_eq(info->symbol, frozen[i].symbol);
    }
}
END_TEST

START_TEST(values_are_in_their_ranges)
{
    size_t count;
    const fsp_error_info_t *errors = fsp_error_table(&count);
    for (size_t i = 0; i < count; i++) {
        if (errors[i].status == FSP_OK)
            continue;
        ck_assert(errors[i].code >= 1000 && errors[i].code <= 9999);
        ck_assert((errors[i].exit_code >= 1 && errors[i].exit_code <= 10) ||
                  errors[i].exit_code == 130);
        ck_assert(errors[i].http_status >= 400 && errors[i].http_status <= 599);
        ck_assert_uint_le(errors[i].retry, FSP_RETRY_RENEW);
        /* What can be had by waiting is temporary, to a shell as to a program. */
        if (errors[i].retry == FSP_RETRY_SAME) {
            ck_assert_int_eq(errors[i].exit_code, 8);
            ck_assert_int_ge(errors[i].http_status, 503);
        }
    }
    ck_assert_int_eq(fsp_error_info(FSP_OK)->exit_code, 0);
    ck_assert_int_eq(fsp_error_info(FSP_OK)->http_status, 200);
}
END_TEST

START_TEST(unlisted_statuses_are_internal)
{
    ck_assert_int_eq(fsp_error_info((fsp_status_t)9999)->status, FSP_INTERNAL);
    ck_assert_ptr_null(fsp_error_by_code(1));
    ck_assert_ptr_null(fsp_error_by_code(9999));
}
END_TEST

START_TEST(document_is_up_to_date)
{
    fsp_buf_t made, found;
    fsp_buf_init(&made, 1024 * 1024);
    fsp_buf_init(&found, 1024 * 1024);
    render(&made);
    fsp_docs_read(DOCUMENT, &found);
    ck_assert_msg(fsp_slice_eq(fsp_buf_slice(&made), fsp_buf_slice(&found)),
                  "%s is not what proto/errors.c yields; run test_errors --write", DOCUMENT);
    fsp_buf_clear(&made);
    fsp_buf_clear(&found);
}
END_TEST

static Suite *
errors_suite(void)
{
    Suite *suite = suite_create("errors");
    TCase *tcase = tcase_create("errors");
    tcase_add_test(tcase, every_status_has_exactly_one_row);
    tcase_add_test(tcase, codes_and_symbols_are_unique_and_lead_back);
    tcase_add_test(tcase, symbols_are_names_in_kebab_case);
    tcase_add_test(tcase, codes_never_change);
    tcase_add_test(tcase, values_are_in_their_ranges);
    tcase_add_test(tcase, unlisted_statuses_are_internal);
    tcase_add_test(tcase, document_is_up_to_date);
    suite_add_tcase(suite, tcase);
    return suite;
}

int
main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--write") == 0) {
        fsp_buf_t made;
        fsp_buf_init(&made, 1024 * 1024);
        render(&made);
        int outcome = fsp_docs_write(DOCUMENT, fsp_buf_slice(&made));
        fsp_buf_clear(&made);
        return outcome;
    }
    return fsp_suite_main(errors_suite());
}
