/* SPDX-License-Identifier: MIT */
/* test_chart - what is drawn is well-formed, whatever the texts and figures are. */
#include "bench/chart.h"

#include "core/base/prng.h"
#include "tests/unit/suite.h"

#include <ctype.h>
#include <math.h>

enum { SVG_BYTES_MAX = 1 << 20, DEPTH_MAX = 16, NAME_MAX_BYTES = 32 };

/* -- a judge of its own: tags nest, attributes are quoted, entities are XML's -------------------
 */

static bool
is_entity(const char *at)
{
    static const char *const known[] = {"&amp;", "&lt;", "&gt;", "&quot;"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strncmp(at, known[i], strlen(known[i])) == 0)
            return true;
    }
    return false;
}

/* Behind the name at `at`, which goes to ret; NULL: there is none. */
static const char *
read_name(const char *at, char ret[NAME_MAX_BYTES])
{
    size_t bytes = 0;
    while ((isalnum((unsigned char)at[bytes]) || at[bytes] == '-') && bytes + 1 < NAME_MAX_BYTES)
        bytes++;
    memcpy(ret, at, bytes);
    ret[bytes] = '\0';
    return bytes > 0 ? at + bytes : NULL;
}

/* Behind ` name="value"`...; NULL: that is not what stands there, or a name stands twice. */
static const char *
read_attributes(const char *at)
{
    char names[16][NAME_MAX_BYTES];
    for (size_t count = 0; at && *at == ' '; count++) {
        if (count == 16 || !(at = read_name(at + 1, names[count])) || strncmp(at, "=\"", 2) != 0)
            return NULL;
        for (size_t i = 0; i < count; i++) {
            if (strcmp(names[i], names[count]) == 0)
                return NULL;
        }
        for (at += 2; *at != '"'; at++) {
            if (*at == '\0' || *at == '<' || (*at == '&' && !is_entity(at)))
                return NULL;
        }
        at++;
    }
    return at;
}

static bool
is_well_formed(const char *text)
{
    char open[DEPTH_MAX][NAME_MAX_BYTES], name[NAME_MAX_BYTES];
    size_t depth = 0;
    bool begun = false;
    const char *at = text;
    while (*at) {
        if (*at != '<') {
            bool bad = *at == '&' ? !is_entity(at) : (depth == 0 && *at != '\n');
            if (bad || ((unsigned char)*at < ' ' && *at != '\n'))
                return false;
            at++;
        } else if (at[1] == '/') {
            at = read_name(at + 2, name);
            if (!at || *at++ != '>' || depth == 0 || strcmp(open[--depth], name) != 0)
                return false;
        } else {
            at =
                depth < DEPTH_MAX && !(begun && depth == 0) ? read_name(at + 1, open[depth]) : NULL;
            at = at ? read_attributes(at) : NULL;
            begun = true;
            if (at && strncmp(at, "/>", 2) == 0)
                at += 2;
            else if (at && *at == '>')
                at++, depth++;
            else
                return false;
        }
    }
    return begun && depth == 0;
}

START_TEST(the_judge_finds_faults)
{
    ck_assert(is_well_formed("<a x=\"1\" y=\"&amp;\"><b/>t &lt; u</a>\n"));
    static const char *const wrong[] = {
        "",           "<a>",         "<a></b>",        "<a x=1/>",    "<a x=\"<\"/>",
        "<a>&</a>",   "<a>&no;</a>", "<a/><b/>",       "x<a/>",       "<a x=\"1\" x=\"2\"/>",
        "<a><b></a>", "<a>\x01</a>", "<a x=\"1\" y/>", "<a></a></a>", "<a x=\"",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ck_assert_msg(!is_well_formed(wrong[i]), "%s", wrong[i]);
}
END_TEST

/* -- charts ------------------------------------------------------------------------------------ */

static fsp_buf_t svg;

static void
set_up(void)
{
    fsp_buf_init(&svg, SVG_BYTES_MAX);
}

static void
tear_down(void)
{
    fsp_buf_clear(&svg);
}

static const char *
text_of(void)
{
    fsp_buf_append_u8(&svg, '\0');
    ck_assert(fsp_buf_ok(&svg));
    return (const char *)svg.data;
}

static size_t
count_of(const char *text, const char *mark)
{
    size_t count = 0;
    for (const char *at = strstr(text, mark); at; at = strstr(at + 1, mark))
        count++;
    return count;
}

/* Well-formed, and no number in it is none. */
static void
check_chart(const char *text)
{
    ck_assert_msg(is_well_formed(text), "%s", text);
    ck_assert_msg(!strstr(text, "nan") && !strstr(text, "inf"), "%s", text);
    ck_assert_uint_eq(count_of(text, "<svg "), 1);
}

static const char nasty[] = "a <b> & \"c\" \x01 </text>";
static const char nasty_escaped[] = "a &lt;b&gt; &amp; &quot;c&quot; ? &lt;/text&gt;";

START_TEST(texts_are_escaped)
{
    bench_point_t point = {.x = 1, .y = 5};
    bench_series_t series = {.name = nasty, .points = &point, .count = 1};
    bench_lines_t lines = {.title = nasty,
                           .subtitle = nasty,
                           .x_label = nasty,
                           .y_label = nasty,
                           .series = &series,
                           .series_count = 1};
    bench_chart_lines(&svg, &lines);
    check_chart(text_of());
    /* The title stands twice: shown, and for who cannot see it. */
    ck_assert_uint_eq(count_of(text_of(), nasty_escaped), 6);
    fsp_buf_reset(&svg);
    bench_bar_t bar = {.label = nasty, .note = nasty, .share = 0.5};
    bench_bars_t bars = {.title = nasty, .subtitle = nasty, .bars = &bar, .count = 1};
    bench_chart_bars(&svg, &bars);
    check_chart(text_of());
    ck_assert_uint_eq(count_of(text_of(), nasty_escaped), 5);
    fsp_buf_reset(&svg);
    bench_chart_escape(&svg, "\xff no UTF-8 <");
    ck_assert_str_eq(text_of(), "?");
    fsp_buf_reset(&svg);
    bench_chart_escape(&svg, "64 KiB, \xc3\xa9");
    ck_assert_str_eq(text_of(), "64 KiB, \xc3\xa9");
}
END_TEST

START_TEST(what_is_no_number_is_left_out)
{
    const double odd[] = {NAN, INFINITY, -INFINITY, -1, 0, 1e300};
    bench_point_t points[8] = {{.x = 1, .y = 10},
                               {.x = 256, .y = 20, .low = NAN, .high = INFINITY}};
    for (size_t i = 0; i < 6; i++)
        points[2 + i] = (bench_point_t){.x = 4, .y = odd[i], .low = odd[i], .high = odd[i]};
    bench_series_t series = {.name = "s", .points = points, .count = 8};
    for (int log_y = 0; log_y < 2; log_y++) {
        bench_lines_t lines = {.title = "t",
                               .subtitle = "",
                               .x_label = "x",
                               .y_label = "y",
                               .log_y = log_y,
                               .series = &series,
                               .series_count = 1};
        fsp_buf_reset(&svg);
        bench_chart_lines(&svg, &lines);
        const char *text = text_of();
        check_chart(text);
        /* Two points, one at 0 where 0 can be drawn, and the mark of the legend. */
        ck_assert_uint_eq(count_of(text, "<circle class=\"f0\""), log_y ? 3 : 4);
    }
    bench_bar_t bars[6];
    for (size_t i = 0; i < 6; i++)
        bars[i] = (bench_bar_t){.label = "l", .note = "", .share = odd[i]};
    bars[5].share = 2.5;
    bench_bars_t chart = {.title = "t", .subtitle = "", .goal = 0.7, .bars = bars, .count = 6};
    fsp_buf_reset(&svg);
    bench_chart_bars(&svg, &chart);
    check_chart(text_of());
    ck_assert_uint_eq(count_of(text_of(), "not measured"), 4);
    ck_assert_uint_eq(count_of(text_of(), "250 %"), 2); /* the bar and the end of the axis */
}
END_TEST

START_TEST(nothing_is_said_to_be_nothing)
{
    bench_lines_t lines = {.title = "t", .subtitle = "", .x_label = "x", .y_label = "y"};
    bench_chart_lines(&svg, &lines);
    check_chart(text_of());
    ck_assert_uint_eq(count_of(text_of(), "nothing was measured"), 1);
    fsp_buf_reset(&svg);
    bench_bars_t bars = {.title = "t", .subtitle = ""};
    bench_chart_bars(&svg, &bars);
    check_chart(text_of());
    ck_assert_uint_eq(count_of(text_of(), "nothing was measured"), 1);
}
END_TEST

/* Where the first circle of class f0 is. */
static double
first_mark_y(const char *text)
{
    const char *at = strstr(text, "<circle class=\"f0\"");
    ck_assert_ptr_nonnull(at);
    return strtod(strstr(at, "cy=\"") + 4, NULL);
}

START_TEST(more_is_higher_on_both_kinds_of_axis)
{
    for (int log_y = 0; log_y < 2; log_y++) {
        double before = 1e9;
        for (double value = 10; value <= 1000; value *= 10) {
            bench_point_t points[] = {
                {.x = 1, .y = value}, {.x = 16, .y = 10}, {.x = 64, .y = 1000}};
            bench_series_t series = {.name = "s", .points = points, .count = 3};
            bench_lines_t lines = {.title = "t",
                                   .subtitle = "",
                                   .x_label = "x",
                                   .y_label = "y",
                                   .log_y = log_y,
                                   .series = &series,
                                   .series_count = 1};
            fsp_buf_reset(&svg);
            bench_chart_lines(&svg, &lines);
            double y = first_mark_y(text_of());
            ck_assert_msg(y < before - 0.5, "%g is at %g, less was at %g", value, y, before);
            before = y;
        }
    }
}
END_TEST

START_TEST(any_figures_give_a_chart)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(7));
    for (int round = 0; round < 300; round++) {
        bench_point_t points[BENCH_SERIES_MAX][6];
        bench_series_t series[BENCH_SERIES_MAX];
        bench_lines_t lines = {.title = "t",
                               .subtitle = "s",
                               .x_label = "x",
                               .y_label = "y",
                               .log_y = fsp_prng_chance(&prng, 1, 2),
                               .series = series,
                               .series_count = fsp_prng_below(&prng, BENCH_SERIES_MAX + 1)};
        for (size_t i = 0; i < lines.series_count; i++) {
            series[i] = (bench_series_t){.name = "s", .points = points[i], .count = 6};
            for (size_t j = 0; j < 6; j++) {
                double y = pow(10, (double)fsp_prng_below(&prng, 40) - 20);
                points[i][j] =
                    (bench_point_t){.x = pow(2, (double)j), .y = y, .low = y / 2, .high = y * 3};
            }
        }
        fsp_buf_reset(&svg);
        bench_chart_lines(&svg, &lines);
        check_chart(text_of());
    }
}
END_TEST

START_TEST(numbers_are_short)
{
    static const struct {
        double value;
        const char *text;
    } rows[] = {{0, "0"},         {0.05, "0.05"},   {1, "1"},        {999.4, "999"},
                {999.9, "1 k"},   {1200, "1.2 k"},  {15000, "15 k"}, {12345678, "12.3 M"},
                {2.5e9, "2.5 G"}, {-1500, "-1.5 k"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[BENCH_NUMBER_TEXT];
        bench_number_text(rows[i].value, text);
        ck_assert_str_eq(text, rows[i].text);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("chart");
    TCase *tcase = tcase_create("chart");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, the_judge_finds_faults);
    tcase_add_test(tcase, texts_are_escaped);
    tcase_add_test(tcase, what_is_no_number_is_left_out);
    tcase_add_test(tcase, nothing_is_said_to_be_nothing);
    tcase_add_test(tcase, more_is_higher_on_both_kinds_of_axis);
    tcase_add_test(tcase, any_figures_give_a_chart);
    tcase_add_test(tcase, numbers_are_short);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
