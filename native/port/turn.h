/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * turn.h - openers of one ring go in one after the other, as netmap's kernel lets them (nm_kr_tryget).
 *
 * A ring's word `turn` (in control) names who is in there: 0, or a process and one of its descriptors. It is taken by
 * one compare-and-swap and given back by one store. Who finds it taken tries for TURN_WAIT_NS, giving the processor
 * away, which is longer than any sync takes; then it leaves the ring alone this time, and that is counted. A turn is
 * taken away only from the dead: nobody holds their descriptor any more, or, where it is shared (fork), there is no
 * such process in this pid namespace. One that is merely stopped keeps it, because it may go on at any instruction.
 */
#ifndef NETVALE_TURN_H
#define NETVALE_TURN_H

#include "port/port.h"

enum nv_turn {
    NV_TURN_BUSY,  /* somebody else stays in there */
    NV_TURN_TAKEN, /* ours, to be given back */
    NV_TURN_HELD,  /* ours already: the application took it (nv_turn_take) */
    NV_TURN_HEIR,  /* ours, taken over from one that died in there: what it had half done is to be set right */
};

/* turn.c: this process's part of a word; changes in a forked child. */
extern uint64_t nv_turn_process;
void nv_turn_renew(void);

/* turn.c: somebody is in there. */
enum nv_turn nv_turn_wait(struct nv_port *port, struct nv_ring_ctl *ctl, uint64_t seen, uint64_t mine);

/* turn.c: does the process that this word names live, and its descriptor? */
bool nv_turn_lives(const struct nv_world *w, uint64_t word);

#define NV_TURN_DESC_SHIFT 22                  /* pid, descriptor, generation, whether it sweeps, pid namespace */
#define NV_TURN_SWEEPS     (UINT64_C(1) << 46) /* not in a sync of this ring, but looking at all of the port's */

static inline uint64_t nv_turn_mine(const struct nv_port *p)
{
    return nv_turn_process | (uint64_t)(p->desc | (p->generation & 0xfffu) << 12) << NV_TURN_DESC_SHIFT;
}

static inline enum nv_turn nv_turn_enter(struct nv_port *p, struct nv_ring_ctl *ctl)
{
    uint64_t seen = 0, mine = nv_turn_mine(p);
    if (__builtin_expect(
            __atomic_compare_exchange_n(&ctl->turn, &seen, mine, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED), 1))
        return NV_TURN_TAKEN;
    return nv_turn_wait(p, ctl, seen, mine);
}

static inline void nv_turn_leave(struct nv_ring_ctl *ctl, enum nv_turn turn)
{
    if (turn != NV_TURN_HELD)
        __atomic_store_n(&ctl->turn, 0, __ATOMIC_RELEASE);
}

#endif
