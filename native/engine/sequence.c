/* SPDX-License-Identifier: BSD-2-Clause */
/* sequence.c - see sequence.h. */
#include "engine/sequence.h"

#include <stdlib.h>

struct nv_sequences *nv_sequences_new(void)
{
    return calloc(1, sizeof(struct nv_sequences));
}

void nv_sequences_free(struct nv_sequences *s)
{
    if (!s)
        return;
    for (unsigned i = 0; i < 65536; i++)
        free(s->stream[i]);
    free(s);
}

static uint64_t *word_of(struct nv_sequence *q, uint64_t number)
{
    return &q->bits[number % NV_SEQUENCE_BITS / 64];
}

static void mark(struct nv_sequences *s, struct nv_sequence *q, uint64_t number)
{
    *word_of(q, number) |= UINT64_C(1) << number % 64;
    s->totals.unique++;
}

/* Forward over a gap: clear the words in between, which hold numbers of long ago. */
static void jump(struct nv_sequences *s, struct nv_sequence *q, uint64_t number)
{
    uint64_t word = (q->next + 63) / 64, last = number / 64;

    if (last - word >= NV_SEQUENCE_BITS / 64 && last >= word)
        word = last - NV_SEQUENCE_BITS / 64 + 1;
    for (; word <= last; word++)
        *word_of(q, word * 64) = 0;
    s->totals.span += number + 1 - q->next;
    q->next = number + 1;
    mark(s, q, number);
}

bool nv_sequences_see_other(struct nv_sequences *s, uint16_t stream, uint64_t number)
{
    struct nv_sequence *q = s->stream[stream];

    if (!q) {
        if (s->totals.streams == NV_SEQUENCE_STREAMS || !(q = calloc(1, sizeof(*q))))
            return false;
        s->stream[stream] = q;
        s->totals.streams++;
        q->first = q->next = number;
    }
    if (number >= q->next) {
        jump(s, q, number);
    } else if (q->next - number > NV_SEQUENCE_WINDOW) {
        s->totals.too_late++;
    } else if (number < q->first) {
        s->totals.span += q->first - number;
        s->totals.late++;
        q->first = number;
        mark(s, q, number);
    } else if (*word_of(q, number) >> number % 64 & 1) {
        s->totals.duplicated++;
    } else {
        s->totals.late++;
        mark(s, q, number);
    }
    return true;
}
