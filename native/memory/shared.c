/* SPDX-License-Identifier: BSD-2-Clause */
/* shared.c - the neighbour of the test build who writes between two reads; empty in a normal one. */
#include "memory/shared.h"

#ifdef NETVALE_STEPS
#include <stdbool.h>
#include <string.h>

static uint64_t reads, wanted, change;
static enum nv_flip_when moment;
static struct {
    void *at; /* NULL: nothing is changed */
    uint64_t word;
    unsigned size;
} changed;

void nv_flip_arm(uint64_t read, uint64_t mask, enum nv_flip_when when)
{
    __atomic_store_n(&reads, 0, __ATOMIC_RELAXED);
    change = mask;
    moment = when;
    __atomic_store_n(&wanted, read, __ATOMIC_RELEASE);
}

uint64_t nv_flip_end(void)
{
    __atomic_store_n(&wanted, 0, __ATOMIC_RELAXED);
    if (changed.at)
        memcpy(changed.at, &changed.word, changed.size); /* of a little-endian machine */
    changed.at = NULL;
    return __atomic_load_n(&reads, __ATOMIC_RELAXED);
}

static uint64_t load(const void *at, unsigned size)
{
    switch (size) {
    case 1:
        return __atomic_load_n((const uint8_t *)at, __ATOMIC_RELAXED);
    case 2:
        return __atomic_load_n((const uint16_t *)at, __ATOMIC_RELAXED);
    case 4:
        return __atomic_load_n((const uint32_t *)at, __ATOMIC_RELAXED);
    default:
        return __atomic_load_n((const uint64_t *)at, __ATOMIC_RELAXED);
    }
}

uint64_t nv_flip_load(const void *at, unsigned size)
{
    uint64_t word = load(at, size), number = __atomic_add_fetch(&reads, 1, __ATOMIC_RELAXED);
    if (number != __atomic_load_n(&wanted, __ATOMIC_ACQUIRE))
        return word;
    uint64_t other = word ^ change;
    if (moment == NV_FLIP_BEFORE)
        return load(&other, size);
    changed.at = (void *)(uintptr_t)at;
    changed.word = word;
    changed.size = size;
    memcpy(changed.at, &other, size);
    return word;
}
#else
typedef int nv_shared_unused; /* ISO C wants a declaration in every file */
#endif
