/* SPDX-License-Identifier: MIT */
/* fuzz_canary - must fail: proves that each alarm rings.  Layer tests.
 *
 * replay.py runs corpus/canary and demands a failure of each file; run.py demands that libFuzzer
 * finds one.
 */
#include "tests/fuzz/fuzz.h"

static volatile int largest = 2147483647;
static volatile uint8_t sink;
static void *volatile kept;

static bool
starts(fsp_slice_t input, const char *word)
{
    size_t bytes = strlen(word);
    return input.bytes >= bytes && memcmp(input.data, word, bytes) == 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    fsp_slice_t input = fsp_slice(data, bytes);
    FUZZ_CHECK(!starts(input, "check"));
    if (starts(input, "behind"))
        sink = data[bytes]; /* one byte behind the input: AddressSanitizer */
    if (starts(input, "overflow"))
        largest = largest + 1; /* UndefinedBehaviorSanitizer */
    if (starts(input, "leak")) {
        kept = fsp_alloc(100);
        kept = NULL; /* LeakSanitizer */
    }
    if (starts(input, "freed")) {
        uint8_t *memory = fsp_alloc(bytes);
        kept = memory;
        fsp_free(memory);
        sink = *(volatile uint8_t *)kept; /* AddressSanitizer */
    }
    return 0;
}
