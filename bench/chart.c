/* SPDX-License-Identifier: MIT */
/* chart - lines over a logarithmic axis and bars, as SVG that can be read by day and by night.
 *
 * Colours are Okabe and Ito's, which people tell apart who see fewer of them, darker or lighter as
 * the ground wants it; each series has a mark of its own besides.
 */
#include "bench/chart.h"

#include "core/base/check.h"
#include "core/base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    WIDTH = 780,
    HEIGHT = 420,
    LEFT = 78,
    RIGHT = 150, /* the legend */
    TOP = 64,
    BOTTOM = 58,
    TICKS_MAX = 24,
    LABEL_WIDTH = 210, /* of a bar */
    NOTE_WIDTH = 150,
    BAR_PITCH = 24,
    BAR_HEIGHT = 15,
};

/* What an axis can hold without losing its figures. */
static const double VALUE_LEAST = 1e-9, VALUE_MOST = 1e15;

/* -- texts ------------------------------------------------------------------------------------- */

void
bench_chart_escape(fsp_buf_t *svg, const char *text)
{
    if (!fsp_utf8_valid(fsp_slice_text(text))) {
        fsp_buf_append_u8(svg, '?');
        return;
    }
    for (const char *at = text; *at; at++) {
        if (*at == '&')
            fsp_buf_printf(svg, "&amp;");
        else if (*at == '<')
            fsp_buf_printf(svg, "&lt;");
        else if (*at == '>')
            fsp_buf_printf(svg, "&gt;");
        else if (*at == '"')
            fsp_buf_printf(svg, "&quot;");
        else
            fsp_buf_append_u8(svg, (uint8_t)*at >= ' ' && *at != '\x7f' ? (uint8_t)*at : '?');
    }
}

void
bench_number_text(double value, char ret[BENCH_NUMBER_TEXT])
{
    static const struct {
        double unit;
        const char *name;
    } units[] = {{1e9, " G"}, {1e6, " M"}, {1e3, " k"}, {1, ""}};
    size_t i = 0;
    /* 999.6 is 1 k: what rounds up to the next unit belongs there. */
    while (i + 1 < sizeof units / sizeof units[0] && fabs(value) < units[i].unit * 0.9995)
        i++;
    (void)snprintf(ret, BENCH_NUMBER_TEXT, "%.3g%s", value / units[i].unit, units[i].name);
}

typedef enum { AT_START, AT_MIDDLE, AT_END } anchor_t;

/* class: t title, n words, m muted words. */
static void
write_text(fsp_buf_t *svg, double x, double y, anchor_t anchor, char class, const char *text)
{
    static const char *const anchors[] = {"start", "middle", "end"};
    fsp_buf_printf(svg, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" class=\"%c\">", x, y,
                   anchors[anchor], class);
    bench_chart_escape(svg, text);
    fsp_buf_printf(svg, "</text>\n");
}

/* -- the sheet --------------------------------------------------------------------------------- */

static const char *const by_day[BENCH_SERIES_MAX] = {"#0072b2", "#d55e00", "#00825e", "#b3478a",
                                                     "#8a6d00", "#5b4b9a", "#c0392b", "#4d5963"};
static const char *const by_night[BENCH_SERIES_MAX] = {"#58a6ff", "#ff9d57", "#3fc99a", "#f0a6d0",
                                                       "#e3c04f", "#b3a6ff", "#ff7b72", "#a9b4bf"};

static void
write_colours(fsp_buf_t *svg, const char *const colours[BENCH_SERIES_MAX])
{
    for (unsigned i = 0; i < BENCH_SERIES_MAX; i++)
        fsp_buf_printf(svg, ".l%u{stroke:%s}.f%u{fill:%s}", i, colours[i], i, colours[i]);
}

static void
open_sheet(fsp_buf_t *svg, int height, const char *title, const char *subtitle)
{
    fsp_buf_printf(svg,
                   "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
                   "viewBox=\"0 0 %d %d\" font-family=\"system-ui, sans-serif\" font-size=\"13\" "
                   "role=\"img\">\n<title>",
                   WIDTH, height, WIDTH, height);
    bench_chart_escape(svg, title);
    fsp_buf_printf(svg, "</title>\n<style>.b{fill:#fff}.t{fill:#1f2328;font-size:16px;font-weight:"
                        "600}.n{fill:#1f2328}.m{fill:#59636e;font-size:12px}.g{stroke:#d8dee4}.a{"
                        "stroke:#59636e}.l{fill:none;stroke-width:2}");
    write_colours(svg, by_day);
    fsp_buf_printf(svg, "\n@media (prefers-color-scheme:dark){.b{fill:#0d1117}.t,.n{fill:#f0f6fc}"
                        ".m{fill:#9aa4ae}.g{stroke:#2b323b}.a{stroke:#9aa4ae}");
    write_colours(svg, by_night);
    fsp_buf_printf(svg,
                   "}</style>\n<rect class=\"b\" width=\"100%%\" height=\"100%%\" rx=\"6\"/>\n");
    write_text(svg, 16, 27, AT_START, 't', title);
    write_text(svg, 16, 46, AT_START, 'm', subtitle);
}

static void
write_line(fsp_buf_t *svg, const char *class, double x1, double y1, double x2, double y2)
{
    fsp_buf_printf(svg, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
                   class, x1, y1, x2, y2);
}

/* A mark of the series' own shape and colour. */
static void
write_mark(fsp_buf_t *svg, size_t series, double x, double y)
{
    static const char *const shapes[] = {
        "m-4.5,-4.5h9v9h-9z",       /* square */
        "m0,-5.5l5.5,9.5h-11z",     /* triangle */
        "m0,-6l6,6l-6,6l-6,-6z",    /* diamond */
        "m0,5.5l5.5,-9.5h-11z",     /* triangle on its head */
        "m-2,-6h4v12h-4z",          /* bar */
        "m-6,-2h12v4h-12z",         /* dash */
        "m-5,-5l10,0l-10,10l10,0z", /* hour-glass */
    };
    if (series == 0)
        fsp_buf_printf(svg, "<circle class=\"f0\" cx=\"%.1f\" cy=\"%.1f\" r=\"4.5\"/>\n", x, y);
    else
        fsp_buf_printf(svg, "<path class=\"f%zu\" d=\"M%.1f,%.1f%s\"/>\n", series, x, y,
                       shapes[(series - 1) % (sizeof shapes / sizeof shapes[0])]);
}

/* -- axes -------------------------------------------------------------------------------------- */

typedef struct {
    double low, high; /* of values */
    double from, to;  /* of the sheet */
    bool logarithmic;
    double ticks[TICKS_MAX];
    size_t tick_count;
} axis_t;

static double
place(const axis_t *axis, double value)
{
    double share = axis->logarithmic
                       ? (log(value) - log(axis->low)) / (log(axis->high) - log(axis->low))
                       : (value - axis->low) / (axis->high - axis->low);
    return axis->from + share * (axis->to - axis->from);
}

static void
add_tick(axis_t *axis, double value)
{
    if (axis->tick_count < TICKS_MAX)
        axis->ticks[axis->tick_count++] = value;
}

/* From 0 to a round number above most, with ticks at multiples of 1, 2 or 5. */
static void
round_axis(axis_t *axis, double most)
{
    double step = pow(10, floor(log10(most)));
    if (most / step < 2)
        step /= 5;
    else if (most / step < 5)
        step /= 2;
    axis->low = 0;
    axis->high = ceil(most / step) * step;
    for (double value = 0; value < axis->high + step / 2; value += step)
        add_tick(axis, value);
}

/* From a 1, 2 or 5 times a power of ten at or below least to one at or above most, which is more.
 */
static void
round_log_axis(axis_t *axis, double least, double most)
{
    static const double steps[] = {1, 2, 5};
    int first = (int)floor(log10(least)) - 1; /* rounding may have it one too high */
    bool powers_only = log10(most) - log10(least) > 4;
    for (int i = 0; i == 0 || axis->high < most || axis->high <= axis->low; i++) {
        double value = powers_only ? pow(10, first + i) : steps[i % 3] * pow(10, first + i / 3);
        if (value <= least) {
            axis->low = value;
            axis->tick_count = 0;
        }
        add_tick(axis, value);
        axis->high = value;
    }
}

static bool
can_draw(const bench_lines_t *chart, const bench_point_t *point)
{
    return isfinite(point->x) && isfinite(point->y) && point->x > 0 && point->y <= VALUE_MOST &&
           point->y >= (chart->log_y ? VALUE_LEAST : 0);
}

/* The ends of what several runs gave; the value itself where there are none. */
static void
spread_of(const bench_lines_t *chart, const bench_point_t *point, double *ret_low, double *ret_high)
{
    bool low = point->low >= (chart->log_y ? VALUE_LEAST : 0) && point->low <= point->y;
    bool high = point->high >= point->y && point->high <= VALUE_MOST;
    *ret_low = low ? point->low : point->y;
    *ret_high = high ? point->high : point->y;
}

static void
add_x_tick(axis_t *axis, double value)
{
    for (size_t i = 0; i < axis->tick_count; i++) {
        if (axis->ticks[i] == value)
            return;
    }
    add_tick(axis, value);
}

/* False: there is nothing to draw. */
static bool
fit_axes(const bench_lines_t *chart, axis_t *x, axis_t *y)
{
    double least = INFINITY, most = 0, first = INFINITY, last = 0;
    for (size_t i = 0; i < chart->series_count; i++) {
        for (size_t j = 0; j < chart->series[i].count; j++) {
            const bench_point_t *point = &chart->series[i].points[j];
            double low, high;
            if (!can_draw(chart, point))
                continue;
            spread_of(chart, point, &low, &high);
            least = fmin(least, low);
            most = fmax(most, high);
            first = fmin(first, point->x);
            last = fmax(last, point->x);
            add_x_tick(x, point->x);
        }
    }
    if (!(last > 0))
        return false;
    x->low = first / 1.25; /* a little room at both ends */
    x->high = last * 1.25;
    if (chart->log_y)
        round_log_axis(y, least, most);
    else
        round_axis(y, most > VALUE_LEAST ? most : 1);
    return true;
}

static void
write_axes(fsp_buf_t *svg, const bench_lines_t *chart, const axis_t *x, const axis_t *y)
{
    char text[BENCH_NUMBER_TEXT];
    for (size_t i = 0; i < y->tick_count; i++) {
        double at = place(y, y->ticks[i]);
        write_line(svg, "g", x->from, at, x->to, at);
        bench_number_text(y->ticks[i], text);
        write_text(svg, x->from - 8, at + 4, AT_END, 'm', text);
    }
    for (size_t i = 0; i < x->tick_count; i++) {
        double at = place(x, x->ticks[i]);
        write_line(svg, "a", at, y->from, at, y->from + 5);
        bench_number_text(x->ticks[i], text);
        write_text(svg, at, y->from + 19, AT_MIDDLE, 'm', text);
    }
    write_line(svg, "a", x->from, y->from, x->to, y->from);
    write_text(svg, (x->from + x->to) / 2, y->from + 42, AT_MIDDLE, 'n', chart->x_label);
    fsp_buf_printf(svg, "<g transform=\"translate(20,%.1f) rotate(-90)\">", (y->from + y->to) / 2);
    write_text(svg, 0, 0, AT_MIDDLE, 'n', chart->y_label);
    fsp_buf_printf(svg, "</g>\n");
}

/* -- lines ------------------------------------------------------------------------------------- */

static void
write_series(fsp_buf_t *svg, const bench_lines_t *chart, size_t number, const axis_t *x,
             const axis_t *y)
{
    const bench_series_t *series = &chart->series[number];
    char class[24];
    (void)snprintf(class, sizeof class, "l%zu", number);
    fsp_buf_printf(svg, "<polyline class=\"l %s\" points=\"", class);
    for (size_t i = 0; i < series->count; i++) {
        const bench_point_t *point = &series->points[i];
        if (can_draw(chart, point))
            fsp_buf_printf(svg, "%.1f,%.1f ", place(x, point->x), place(y, point->y));
    }
    fsp_buf_printf(svg, "\"/>\n");
    for (size_t i = 0; i < series->count; i++) {
        const bench_point_t *point = &series->points[i];
        double low, high;
        if (!can_draw(chart, point))
            continue;
        spread_of(chart, point, &low, &high);
        double at = place(x, point->x);
        if (high > low)
            write_line(svg, class, at, place(y, low), at, place(y, high));
        write_mark(svg, number, at, place(y, point->y));
    }
}

void
bench_chart_lines(fsp_buf_t *svg, const bench_lines_t *chart)
{
    FSP_PRE(chart->series_count <= BENCH_SERIES_MAX);
    axis_t x = {.from = LEFT, .to = WIDTH - RIGHT, .logarithmic = true};
    axis_t y = {.from = HEIGHT - BOTTOM, .to = TOP, .logarithmic = chart->log_y};
    open_sheet(svg, HEIGHT, chart->title, chart->subtitle);
    if (!fit_axes(chart, &x, &y)) {
        write_text(svg, WIDTH / 2.0, HEIGHT / 2.0, AT_MIDDLE, 'm', "nothing was measured");
    } else {
        write_axes(svg, chart, &x, &y);
        for (size_t i = 0; i < chart->series_count; i++) {
            double at = TOP + 12 + 22 * (double)i;
            write_series(svg, chart, i, &x, &y);
            write_mark(svg, i, WIDTH - RIGHT + 22, at - 4);
            write_text(svg, WIDTH - RIGHT + 34, at, AT_START, 'n', chart->series[i].name);
        }
    }
    fsp_buf_printf(svg, "</svg>\n");
}

/* -- bars -------------------------------------------------------------------------------------- */

static void
write_bar(fsp_buf_t *svg, const bench_bar_t *bar, const axis_t *x, double goal, double top)
{
    double baseline = top + BAR_HEIGHT - 3;
    write_text(svg, LABEL_WIDTH - 10, baseline, AT_END, 'n', bar->label);
    if (!isfinite(bar->share) || bar->share < 0) {
        write_text(svg, LABEL_WIDTH + 6, baseline, AT_START, 'm', "not measured");
        return;
    }
    double end = place(x, bar->share);
    fsp_buf_printf(svg,
                   "<rect class=\"f%d\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" "
                   "rx=\"2\"/>\n",
                   bar->share >= goal ? 0 : 1, x->from, top, fmax(end - x->from, 1), BAR_HEIGHT);
    fsp_buf_printf(svg, "<text x=\"%.1f\" y=\"%.1f\" class=\"m\">%.0f %%", end + 6, baseline,
                   bar->share * 100);
    if (bar->note[0]) {
        fsp_buf_printf(svg, ", ");
        bench_chart_escape(svg, bar->note);
    }
    fsp_buf_printf(svg, "</text>\n");
}

void
bench_chart_bars(fsp_buf_t *svg, const bench_bars_t *chart)
{
    FSP_PRE(chart->count <= BENCH_BARS_MAX);
    double longest = 1;
    for (size_t i = 0; i < chart->count; i++) {
        if (isfinite(chart->bars[i].share))
            longest = fmax(longest, chart->bars[i].share);
    }
    int height = TOP + BAR_PITCH * (int)(chart->count > 0 ? chart->count : 1) + 40;
    axis_t x = {.from = LABEL_WIDTH, .to = WIDTH - NOTE_WIDTH};
    round_axis(&x, longest);
    open_sheet(svg, height, chart->title, chart->subtitle);
    if (chart->count == 0)
        write_text(svg, WIDTH / 2.0, height / 2.0, AT_MIDDLE, 'm', "nothing was measured");
    for (size_t i = 0; i < x.tick_count; i++) {
        double at = place(&x, x.ticks[i]);
        write_line(svg, "g", at, TOP - 4, at, height - 36);
        fsp_buf_printf(svg,
                       "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\" class=\"m\">%.0f %%"
                       "</text>\n",
                       at, height - 18, x.ticks[i] * 100);
    }
    for (size_t i = 0; i < chart->count; i++)
        write_bar(svg, &chart->bars[i], &x, chart->goal, TOP + BAR_PITCH * (double)i);
    if (chart->goal > 0 && chart->goal <= x.high)
        write_line(svg, "a", place(&x, chart->goal), TOP - 4, place(&x, chart->goal), height - 36);
    fsp_buf_printf(svg, "</svg>\n");
}
