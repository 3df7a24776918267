/* SPDX-License-Identifier: BSD-2-Clause */
/* impair_config.c - parameters of impairments: checked, copied, exchanged. */
#include <stdlib.h>
#include <string.h>

#include "emulation/impair.h"

enum { MAX_ENTRIES = 1 << 24, MAX_OVERHEAD = 1 << 16, MAX_CELL_RATIO = 64 };
/* The longest packet in the costliest cells, the last one full: its air time times 10^9 must fit into 64 bits. */
#define MAX_COST ((NV_EMU_LENGTH_MAX + UINT64_C(2) * MAX_OVERHEAD) * (1 + MAX_CELL_RATIO))
_Static_assert(MAX_COST * 8 < UINT64_MAX / UINT64_C(1000000000) / 2 && MAX_COST < UINT32_MAX, "what a packet costs");

static bool is_fraction(double value)
{
    return value >= 0 && value <= 1;
}

static bool rises(const uint64_t *values, uint32_t count, bool strictly)
{
    for (uint32_t i = 1; i < count; i++)
        if (values[i] < values[i - 1] || (strictly && values[i] == values[i - 1]))
            return false;
    return true;
}

static const char *check_loss(const struct nv_emu_impairments *impair)
{
    const double *p = impair->markov;
    switch (impair->loss) {
    case NV_EMU_LOSS_NONE:
        return NULL;
    case NV_EMU_LOSS_LIST:
    case NV_EMU_LOSS_BITS:
        if (impair->loss_count == 0 || impair->loss_count > MAX_ENTRIES)
            return "loss pattern: 1 to 2^24 entries";
        if (impair->loss == NV_EMU_LOSS_BITS)
            return strspn(impair->loss_bits, "01") >= impair->loss_count ? NULL : "loss pattern: only 0 and 1";
        if (impair->loss_list[0] == 0 || !rises(impair->loss_list, impair->loss_count, true))
            return "loss list: packet numbers rise, from 1";
        return NULL;
    case NV_EMU_LOSS_MARKOV:
        for (unsigned i = 0; i < 5; i++)
            if (!is_fraction(p[i]))
                return "loss: probabilities must be in 0..1";
        return p[0] + p[4] <= 1 && p[1] + p[2] <= 1 ? NULL : "loss: p13 + p14 and p31 + p32 must not exceed 1";
    case NV_EMU_LOSS_BER:
        return is_fraction(impair->bit_errors) ? NULL : "loss: the bit error rate must be in 0..1";
    default:
        return "loss: no such model";
    }
}

const char *emu_impair_check(const struct nv_emu_impairments *impair)
{
    const uint64_t max_ns = UINT64_C(1) << 60;
    if (impair->jitter > NV_EMU_JITTER_TABLE)
        return "jitter: no such distribution";
    if (impair->jitter_ns > max_ns)
        return "jitter: at most 2^60 ns";
    if (impair->jitter == NV_EMU_JITTER_TABLE && (impair->jitter_count == 0 || impair->jitter_count > MAX_ENTRIES))
        return "jitter: a table has 1 to 2^24 entries";
    if (!is_fraction(impair->reorder) || !is_fraction(impair->duplicate) || !is_fraction(impair->corrupt))
        return "reorder, duplicate, corrupt: probabilities must be in 0..1";
    if (impair->overhead > MAX_OVERHEAD || impair->overhead < -MAX_OVERHEAD)
        return "overhead: at most 65536 bytes";
    if (impair->cell_size > MAX_OVERHEAD || impair->cell_overhead > MAX_OVERHEAD ||
        (impair->cell_overhead && !impair->cell_size) ||
        impair->cell_overhead > MAX_CELL_RATIO * (uint64_t)impair->cell_size)
        return "cells: a size of 1 to 65536 bytes, an overhead of at most 64 times that";
    if (impair->trace_count > MAX_ENTRIES || !rises(impair->trace_ns, impair->trace_count, false))
        return "trace: at most 2^24 instants, rising";
    if (impair->trace_count &&
        (impair->trace_ns[impair->trace_count - 1] == 0 || impair->trace_ns[impair->trace_count - 1] > max_ns))
        return "trace: the last instant must be later than 0 and at most 2^60 ns";
    if (impair->slot_min_ns > impair->slot_max_ns || impair->slot_max_ns > max_ns)
        return "slot: min must not exceed max";
    if (!impair->slot_max_ns && (impair->slot_packets || impair->slot_bytes))
        return "slot: packets and bytes need a distance between slots";
    return check_loss(impair);
}

/* A copy of count elements; NULL for none. *ok becomes false when there is no memory. */
static void *copy_of(const void *from, size_t count, size_t size, bool *ok)
{
    void *to = count ? malloc(count * size) : NULL;
    if (to)
        memcpy(to, from, count * size);
    else if (count)
        *ok = false;
    return to;
}

bool emu_impair_copy(struct nv_emu_impairments *to, const struct nv_emu_impairments *from)
{
    bool ok = true;
    *to = *from;
    if (to->jitter != NV_EMU_JITTER_TABLE)
        to->jitter_count = 0;
    to->jitter_table = copy_of(from->jitter_table, to->jitter_count, sizeof *from->jitter_table, &ok);
    size_t list = to->loss == NV_EMU_LOSS_LIST ? to->loss_count : 0;
    size_t bits = to->loss == NV_EMU_LOSS_BITS ? to->loss_count : 0;
    to->loss_list = copy_of(from->loss_list, list, sizeof *from->loss_list, &ok);
    to->loss_bits = copy_of(from->loss_bits, bits, 1, &ok);
    to->trace_ns = copy_of(from->trace_ns, to->trace_count, sizeof *from->trace_ns, &ok);
    if (!ok)
        emu_impair_free(to);
    return ok;
}

void emu_impair_free(struct nv_emu_impairments *impair)
{
    free((void *)(uintptr_t)impair->jitter_table);
    free((void *)(uintptr_t)impair->loss_list);
    free((void *)(uintptr_t)impair->loss_bits);
    free((void *)(uintptr_t)impair->trace_ns);
    *impair = (struct nv_emu_impairments){0};
}

static bool same(const void *a, const void *b, size_t bytes)
{
    return bytes == 0 || memcmp(a, b, bytes) == 0;
}

bool emu_impair_same_trace(const struct nv_emu_impairments *a, const struct nv_emu_impairments *b)
{
    return a->trace_count == b->trace_count && a->trace_once == b->trace_once &&
           same(a->trace_ns, b->trace_ns, a->trace_count * sizeof *a->trace_ns);
}

static bool same_loss(const struct nv_emu_impairments *a, const struct nv_emu_impairments *b)
{
    if (a->loss != b->loss)
        return false;
    if (a->loss == NV_EMU_LOSS_LIST)
        return a->loss_count == b->loss_count && same(a->loss_list, b->loss_list, a->loss_count * sizeof *a->loss_list);
    if (a->loss == NV_EMU_LOSS_BITS)
        return a->loss_count == b->loss_count && same(a->loss_bits, b->loss_bits, a->loss_count);
    return true;
}

void emu_impaired_adopt(struct emu_impaired *state, const struct nv_emu_impairments *was,
                        const struct nv_emu_impairments *is)
{
    if (!same_loss(was, is)) {
        state->arrivals = 0;
        state->loss_at = 0;
        state->markov = 0;
    }
    if (!emu_impair_same_trace(was, is))
        state->trace_runs = false;
    if (was->reorder_gap != is->reorder_gap)
        state->reorder_count = 0;
    if (is->slot_max_ns == 0)
        state->slot_runs = false;
}

bool emu_impair_any(const struct nv_emu_impairments *impair)
{
    return impair->jitter || impair->loss || impair->reorder > 0 || impair->duplicate > 0 || impair->corrupt > 0 ||
           impair->trace_count || impair->slot_max_ns;
}
