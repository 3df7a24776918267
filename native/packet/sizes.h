/* SPDX-License-Identifier: BSD-2-Clause */
/* sizes.h - frame sizes: fixed, evenly random, or a mix of a few. */
#ifndef NETVALE_PACKET_SIZES_H
#define NETVALE_PACKET_SIZES_H

#include <stdbool.h>
#include <stdint.h>

#include "packet/random.h"
#include "packet/template.h"

#define NV_IMIX_SHARES 12u /* 7 + 4 + 1 */

struct nv_sizes {
    uint32_t min, max; /* frame bytes that can be drawn */
    bool fixed, mix;
    uint16_t imix[NV_IMIX_SHARES];
    struct nv_random random;
};

/* The sizes of `traffic`; the default and those of the mix are raised to `least`, for tagged, IPv6 and stamped frames.
 */
void nv_sizes_init(struct nv_sizes *s, const struct nv_traffic *traffic, uint32_t least, uint64_t sequence);

/* Size of the next frame, bytes without checksum. */
static inline uint32_t nv_sizes_next(struct nv_sizes *s)
{
    if (s->fixed)
        return s->max;
    uint32_t bits = (uint32_t)(nv_random_next(&s->random) >> 32);
    if (s->mix)
        return s->imix[nv_random_scale(bits, NV_IMIX_SHARES)];
    return s->min + nv_random_scale(bits, s->max - s->min + 1u);
}

#endif
