/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shared.h - reading a word that somebody else may be writing at this moment: a ring's head, a slot, a list's link.
 *
 * The rule: such a word is read once, by one of these, into a variable; the variable is checked and the variable is
 * used. A neighbour who maps the memory may change the word between any two reads.
 *
 * A normal build has plain loads here. A test build (NETVALE_STEPS) counts them, and has a neighbour write into the
 * word just read, or just before it is read, at the read that the test names: so every read of a loop is tried in turn.
 */
#ifndef NETVALE_SHARED_H
#define NETVALE_SHARED_H

#include <stdint.h>

#ifdef NETVALE_STEPS

enum nv_flip_when {
    NV_FLIP_AFTER,  /* this read sees the old word, later ones see the new */
    NV_FLIP_BEFORE, /* this read sees the new word, later ones see the old again */
};

/*
 * From now on count reads of shared words, and at read number `read` (from 1; 0: at none) exclusive-or the word with
 * `mask`, as much of it as the word is wide.
 */
void nv_flip_arm(uint64_t read, uint64_t mask, enum nv_flip_when when);

/* Reads since then; none is changed any more, and the word that was gets its old value back. */
uint64_t nv_flip_end(void);

uint64_t nv_flip_load(const void *at, unsigned size);

/* The word at `at`, of 1, 2, 4 or 8 bytes. */
#define nv_shared_load(at) ((__typeof__(((void)0, *(at))))nv_flip_load((at), sizeof(*(at))))

#else

#define nv_shared_load(at) __atomic_load_n((at), __ATOMIC_RELAXED)

#endif

/* The same, and what its writer wrote before it is seen, too. */
#ifdef NETVALE_STEPS
#define nv_shared_acquire(at)                                                                                          \
    __extension__({                                                                                                    \
        __typeof__(((void)0, *(at))) seen_ = nv_shared_load(at);                                                       \
        __atomic_thread_fence(__ATOMIC_ACQUIRE);                                                                       \
        seen_;                                                                                                         \
    })
#else
#define nv_shared_acquire(at) __atomic_load_n((at), __ATOMIC_ACQUIRE)
#endif

#endif
