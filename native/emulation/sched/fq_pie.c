/* SPDX-License-Identifier: BSD-2-Clause */
/* fq_pie.c - FQ-PIE, as FreeBSD has it: flow queueing as in RFC 8290 with PIE (RFC 8033) in each queue. */
#include "emulation/sched/fair.h"

static int fq_pie_init(struct emu_sched *sched, const struct emu_fair *fair)
{
    return fair_init(sched, fair, &emu_aqm_pie);
}

const struct emu_sched_ops emu_sched_fq_pie = {
    .name = "fq_pie",
    .size = fair_size,
    .init = fq_pie_init,
    .join = fair_join,
    .leave = fair_leave,
    .reshare = fair_reshare,
    .enqueue = fair_enqueue,
    .dequeue = fair_dequeue,
};
