/* SPDX-License-Identifier: MIT */
/* units - sizes and durations as people write them on a command line, and as they read them. */
#include "bench/units.h"

#include "core/base/check.h"
#include "core/base/text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { FRACTION_DIGITS_MAX = 6, WHOLE_SECONDS_MAX = 100000000 };

bool
bench_parse_size(const char *text, uint64_t most, uint64_t *ret_bytes)
{
    FSP_PRE(text != NULL);
    FSP_PRE(ret_bytes != NULL);
    static const struct {
        const char *name;
        unsigned shift;
    } units[] = {{"", 0},    {"B", 0},  {"K", 10},   {"KB", 10}, {"KiB", 10}, {"M", 20},
                 {"MB", 20}, {"G", 30}, {"MiB", 20}, {"GB", 30}, {"GiB", 30}};
    size_t digits = strspn(text, "0123456789");
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcasecmp(text + digits, units[i].name) != 0)
            continue;
        uint64_t number;
        if (fsp_parse_u64(fsp_slice(text, digits), most >> units[i].shift, &number) != FSP_OK)
            return false;
        *ret_bytes = number << units[i].shift;
        return true;
    }
    return false;
}

bool
bench_parse_seconds(const char *text, double most, double *ret_seconds)
{
    FSP_PRE(text != NULL);
    FSP_PRE(ret_seconds != NULL);
    size_t digits = strspn(text, "0123456789");
    uint64_t whole;
    if (fsp_parse_u64(fsp_slice(text, digits), WHOLE_SECONDS_MAX, &whole) != FSP_OK)
        return false;
    double seconds = (double)whole;
    text += digits;
    if (*text == '.') {
        digits = strspn(++text, "0123456789");
        if (digits == 0 || digits > FRACTION_DIGITS_MAX)
            return false;
        double place = 0.1;
        for (size_t i = 0; i < digits; i++, place /= 10)
            seconds += place * (text[i] - '0');
        text += digits;
    }
    if (strcmp(text, "ms") == 0)
        seconds /= 1000;
    else if (strcmp(text, "m") == 0)
        seconds *= 60;
    else if (strcmp(text, "") != 0 && strcmp(text, "s") != 0)
        return false;
    if (seconds > most)
        return false;
    *ret_seconds = seconds;
    return true;
}

const char *
bench_size_text(uint64_t bytes, char ret[BENCH_SIZE_TEXT])
{
    static const char *const names[] = {"B", "KiB", "MiB", "GiB"};
    unsigned unit = 0;
    while (unit < 3 && bytes > 0 && bytes % 1024 == 0) {
        bytes /= 1024;
        unit++;
    }
    (void)snprintf(ret, BENCH_SIZE_TEXT, "%llu %s", (unsigned long long)bytes, names[unit]);
    return ret;
}
