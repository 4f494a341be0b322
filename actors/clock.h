/* SPDX-License-Identifier: MIT */
/* clock - the only place that asks the system for time, randomness and memory use.  Layer actors.
 */
#ifndef FSP_ACTORS_CLOCK_H
#define FSP_ACTORS_CLOCK_H
#include "core/base/types.h"

fsp_time_t fsp_clock_mono_us(void); /* CLOCK_BOOTTIME: counts while the machine sleeps */
fsp_time_t fsp_clock_wall_us(void); /* microseconds since 1970, UTC */
/* Random bytes of the kernel (getrandom); aborts if there are none, since nothing could go on. */
void fsp_random(void *data, size_t bytes);
/* Resident memory of this process, 0 if unknown. */
uint64_t fsp_resident_bytes(void);
#endif
