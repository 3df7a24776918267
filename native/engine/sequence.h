/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sequence.h - what became of a stream's sequence numbers: lost, late, duplicated, counted exactly.
 *
 * For each stream a circular bitmap remembers the last NV_SEQUENCE_WINDOW numbers. Of the numbers from the
 * least to the greatest seen, those never seen are lost (so far). A number below the greatest that comes for the first
 * time is late (reordered); one that came before is a duplicate. What is further behind than the window cannot be told
 * and is counted as too late, as nothing else.
 */
#ifndef NETVALE_ENGINE_SEQUENCE_H
#define NETVALE_ENGINE_SEQUENCE_H

#include <stdbool.h>
#include <stdint.h>

#define NV_SEQUENCE_BITS    (UINT64_C(1) << 17)
#define NV_SEQUENCE_WINDOW  (NV_SEQUENCE_BITS - 64) /* one word is being cleared */
#define NV_SEQUENCE_STREAMS 256u                    /* tracked at once; packets of further ones are refused */

/* Of all streams together. lost = span - unique. */
struct nv_sequence_totals {
    uint64_t span, unique, late, duplicated, too_late, streams;
};

struct nv_sequence {
    uint64_t first, next; /* least seen, greatest seen + 1 */
    uint64_t bits[NV_SEQUENCE_BITS / 64];
};

struct nv_sequences {
    struct nv_sequence_totals totals;
    struct nv_sequence *stream[65536];
};

/* NULL when there is no memory. */
struct nv_sequences *nv_sequences_new(void);
void nv_sequences_free(struct nv_sequences *s);

/* A number that is not simply the next one; use nv_sequences_see. */
bool nv_sequences_see_other(struct nv_sequences *s, uint16_t stream, uint64_t number);

/* Take note of one packet. False: one stream too many (or no memory for it), not counted. */
static inline bool nv_sequences_see(struct nv_sequences *s, uint16_t stream, uint64_t number)
{
    struct nv_sequence *q = s->stream[stream];

    if (!q || number != q->next)
        return nv_sequences_see_other(s, stream, number);
    uint64_t *word = &q->bits[number % NV_SEQUENCE_BITS / 64], bit = UINT64_C(1) << number % 64;
    *word = number % 64 ? *word | bit : bit;
    q->next++;
    s->totals.span++;
    s->totals.unique++;
    return true;
}

#endif
