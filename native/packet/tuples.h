/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tuples.h - the sequence of addresses and ports that traffic goes through.
 *
 * Ranges advance like an odometer, as in netmap's pkt-gen: source port fastest, then source address,
 * destination port, destination address; MAC addresses, source fastest, by themselves. A side chosen at random
 * takes no part. With flows = N the sequence begins anew after N packets, random ones too.
 */
#ifndef NETVALE_PACKET_TUPLES_H
#define NETVALE_PACKET_TUPLES_H

#include <stdbool.h>
#include <stdint.h>

#include "packet/bytes.h"
#include "packet/random.h"
#include "packet/template.h"

typedef unsigned __int128 nv_u128;

/* One side: addresses and ports in host order. IPv4 addresses are numbers below 2^32. */
struct nv_side {
    uint64_t high,
        low; /* the address now; two words, as 128 bits in one would be stored and loaded in different sizes */
    nv_u128 first, last;
    uint32_t port, first_port, last_port;
    bool random, random_address, random_port; /* at random; over everything, not just the range */
};

struct nv_mac_side {
    uint64_t mac, first, last; /* 48-bit numbers */
};

struct nv_tuples {
    struct nv_side src, dst;
    struct nv_mac_side src_mac, dst_mac;
    bool v6, macs, varies; /* more than one MAC pair; more than one tuple */
    uint32_t flows, flow;  /* 0: no limit; number of the next tuple within the flows */
    struct nv_random random, random_start;
};

/*
 * Start at the first tuple. `sequence` separates the random numbers of workers that share a seed. False when
 * there are not traffic->flows tuples from the first source address up.
 */
bool nv_tuples_init(struct nv_tuples *t, const struct nv_traffic *traffic, uint64_t sequence);

/* After how many packets everything repeats; UINT64_MAX when never, or in more than 2^63 packets. */
uint64_t nv_tuples_period(const struct nv_tuples *t);

/* Go to the first tuple, or draw it. */
void nv_tuples_restart(struct nv_tuples *t);

/* Draw an IPv6 address of a side at random. */
void nv_side_random6(struct nv_side *side, struct nv_random *random);

static inline void nv_side_set(struct nv_side *s, nv_u128 address)
{
    s->high = (uint64_t)(address >> 64);
    s->low = (uint64_t)address;
}

static inline void nv_side_draw(struct nv_side *s, struct nv_random *random, bool v6)
{
    uint64_t bits = nv_random_next(random);
    if (v6)
        nv_side_random6(s, random);
    else if (s->random_address)
        s->low = (uint32_t)bits;
    else
        s->low = (uint64_t)s->first + nv_random_scale((uint32_t)bits, (uint64_t)(s->last - s->first) + 1);
    uint32_t high = (uint32_t)(bits >> 32);
    s->port = s->random_port ? high >> 16 : s->first_port + nv_random_scale(high, s->last_port - s->first_port + 1u);
}

/* One step of one side's odometer; true when it went round. */
static inline bool nv_side_step(struct nv_side *s, bool v6)
{
    if (s->port < s->last_port) {
        s->port++;
        return false;
    }
    s->port = s->first_port;
    if (v6 ? ((nv_u128)s->high << 64 | s->low) < s->last : s->low < (uint64_t)s->last) {
        s->low++;
        s->high += s->low == 0;
        return false;
    }
    nv_side_set(s, s->first);
    return true;
}

/* Move on to the next tuple. v6 is t->v6, passed so that a caller who knows it has its own code. */
static inline void nv_tuples_next(struct nv_tuples *t, bool v6)
{
    if (t->macs) {
        if (t->src_mac.mac < t->src_mac.last) {
            t->src_mac.mac++;
        } else {
            t->src_mac.mac = t->src_mac.first;
            t->dst_mac.mac = t->dst_mac.mac < t->dst_mac.last ? t->dst_mac.mac + 1 : t->dst_mac.first;
        }
    }
    if (!t->varies)
        return;
    if (t->flows && ++t->flow == t->flows) {
        nv_tuples_restart(t);
        return;
    }
    bool carry = true;
    if (t->src.random)
        nv_side_draw(&t->src, &t->random, v6);
    else
        carry = nv_side_step(&t->src, v6);
    if (t->dst.random)
        nv_side_draw(&t->dst, &t->random, v6);
    else if (carry)
        nv_side_step(&t->dst, v6);
}

#endif
