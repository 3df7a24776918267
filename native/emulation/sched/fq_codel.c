/* SPDX-License-Identifier: BSD-2-Clause */
/* fq_codel.c - FQ-CoDel (RFC 8290): flow queueing with CoDel in each queue. */
#include "emulation/sched/fair.h"

static int fq_codel_init(struct emu_sched *sched, const struct emu_fair *fair)
{
    return fair_init(sched, fair, &emu_aqm_codel);
}

const struct emu_sched_ops emu_sched_fq_codel = {
    .name = "fq_codel",
    .size = fair_size,
    .init = fq_codel_init,
    .join = fair_join,
    .leave = fair_leave,
    .reshare = fair_reshare,
    .enqueue = fair_enqueue,
    .dequeue = fair_dequeue,
};
