/* SPDX-License-Identifier: MIT */
/* chart - lines over a logarithmic axis and bars, as SVG that can be read by day and by night.
 *
 * Pure: everything is appended to a buffer.  Texts are escaped; what is no UTF-8 or not allowed in
 * XML becomes '?'.  Values that cannot be drawn (not finite, or not above 0 on a logarithmic axis)
 * are left out.
 */
#ifndef FSP_BENCH_CHART_H
#define FSP_BENCH_CHART_H
#include "core/base/buf.h"

enum { BENCH_SERIES_MAX = 8, BENCH_BARS_MAX = 64 };

typedef struct {
    double x, y;
    double low, high; /* of several runs; drawn as a whisker when they differ */
} bench_point_t;

typedef struct {
    const char *name;
    const bench_point_t *points; /* x rising */
    size_t count;
} bench_series_t;

typedef struct {
    const char *title, *subtitle;
    const char *x_label, *y_label;
    bool log_y;                   /* else from 0 */
    const bench_series_t *series; /* at most BENCH_SERIES_MAX */
    size_t series_count;
} bench_lines_t;
/* The x axis is logarithmic and has a tick at each x that occurs. */
void bench_chart_lines(fsp_buf_t *svg, const bench_lines_t *chart);

typedef struct {
    const char *label; /* at the left */
    const char *note;  /* behind the value; "" for none */
    double share;      /* 0.7: 70 % */
} bench_bar_t;
typedef struct {
    const char *title, *subtitle;
    double goal; /* a line across the bars; 0: none */
    const bench_bar_t *bars;
    size_t count; /* at most BENCH_BARS_MAX */
} bench_bars_t;
/* From 0 to 100 %, or as far as the longest bar goes. */
void bench_chart_bars(fsp_buf_t *svg, const bench_bars_t *chart);

/* Text between tags or in an attribute. */
void bench_chart_escape(fsp_buf_t *svg, const char *text);
/* "850", "1.2 k", "15 M", "0.05": at most three figures. */
enum { BENCH_NUMBER_TEXT = 32 };
void bench_number_text(double value, char ret[BENCH_NUMBER_TEXT]);
#endif
