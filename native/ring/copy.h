/* SPDX-License-Identifier: BSD-2-Clause */
/* copy.h - copying a packet between two buffers, in whole cache lines. */
#ifndef NETVALE_COPY_H
#define NETVALE_COPY_H

#include <stdint.h>
#include <string.h>

#include "memory/region.h"
#include "ring/prefetch.h"

#define NV_LINE 64u

/*
 * The rest of a packet longer than a line. The lines of the buffers behind these two are asked for meanwhile:
 * mostly they hold the next packet, and a copy waits for memory much longer than it works.
 */
static inline void nv_copy_long(char *restrict to, const char *restrict from, uint32_t len)
{
    if (len > 512) {
        for (uint32_t at = NV_LINE; at < len; at += NV_LINE) {
            nv_prefetch(from + NV_BUF_SIZE + at);
            nv_prefetch_write(to + NV_BUF_SIZE + at);
        }
        memcpy(to + NV_LINE, from + NV_LINE, len - NV_LINE);
        return;
    }
    for (uint32_t at = NV_LINE; at < len; at += NV_LINE)
        __builtin_memcpy(to + at, from + at, NV_LINE);
}

/*
 * Copy len bytes, rounded up to whole lines, between buffers of at least that size, which begin on a line and are
 * whole lines long.
 */
static inline void nv_copy_packet(char *restrict to, const char *restrict from, uint32_t len)
{
    to = __builtin_assume_aligned(to, NV_LINE);
    from = __builtin_assume_aligned(from, NV_LINE);
    __builtin_memcpy(to, from, NV_LINE);
    if (len > NV_LINE)
        nv_copy_long(to, from, len);
}

#endif
