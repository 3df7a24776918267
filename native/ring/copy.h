/* SPDX-License-Identifier: BSD-2-Clause */
/* copy.h - copying a packet between two buffers, in whole cache lines. */
#ifndef NETVALE_COPY_H
#define NETVALE_COPY_H

#include <stdint.h>
#include <string.h>

#define NV_LINE 64u

/*
 * Copy len bytes, rounded up to whole lines, between buffers of at least that size (a buffer is a multiple of a
 * line long). Short packets go line by line, long ones by memcpy, which knows the machine.
 */
static inline void nv_copy_packet(char *restrict to, const char *restrict from, uint32_t len)
{
    if (len > 512) {
        memcpy(to, from, len);
        return;
    }
    do {
        __builtin_memcpy(__builtin_assume_aligned(to, 64), __builtin_assume_aligned(from, 64), NV_LINE);
        to += NV_LINE;
        from += NV_LINE;
        len -= len < NV_LINE ? len : NV_LINE;
    } while (len);
}

#endif
