/* SPDX-License-Identifier: MIT */
/* view - an ordered key-value space as the state machine sees it.  Layer core/base. */
#include "core/base/view.h"

#include "core/base/check.h"

void
fsp_view_prefix_end(fsp_slice_t prefix, fsp_buf_t *ret)
{
    FSP_PRE(ret != NULL);
    /* The last byte that can be counted up is; what follows it falls away. */
    size_t bytes = prefix.bytes;
    while (bytes > 0 && prefix.data[bytes - 1] == 0xff)
        bytes--;
    if (bytes == 0)
        return;
    fsp_buf_append(ret, prefix.data, bytes - 1);
    fsp_buf_append_u8(ret, (uint8_t)(prefix.data[bytes - 1] + 1));
}
