/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * generator.h - makes the packets that a struct nv_traffic describes, one after the other.
 *
 * The bytes that never change are kept once, with their checksums summed. A packet is drawn (next addresses, next
 * size), and then either written whole (nv_generator_write) or, into a buffer that already holds one of this
 * generator's packets, patched: only what differs is stored, and the checksums are the stored sums plus a
 * few words (RFC 1071: sums add up). Both leave the same bytes.
 */
#ifndef NETVALE_PACKET_GENERATOR_H
#define NETVALE_PACKET_GENERATOR_H

#include <stdbool.h>
#include <stdint.h>

#include "packet/build.h"
#include "packet/sizes.h"
#include "packet/stamp.h"
#include "packet/tuples.h"

/* What the payload holds. */
enum nv_payload {
    NV_PAYLOAD_TEXT,     /* a line of text again and again */
    NV_PAYLOAD_STAMPED,  /* the same behind a stamp */
    NV_PAYLOAD_SEQUENCE, /* a stamp and its word again and again, as nv_stamp_verify wants it */
    NV_PAYLOAD_NONE,     /* nothing is written, only sizes are drawn: any will do */
};

struct nv_generator {
    /* Where things are, counted from the start of the slot's data (a vnet header, if any, comes first). */
    uint32_t link, l3, l4, ports, checksum, payload;
    uint8_t protocol, length_words; /* how often the transport length counts in its checksum */
    bool v6, has_udp_length;
    enum nv_payload kind;

    uint64_t ip_sum, l4_sum; /* of what never changes */
    uint64_t address_mask;   /* ~0: addresses are part of the transport checksum; 0: ICMP */

    struct nv_tuples tuples;
    struct nv_sizes sizes;
    struct nv_stamp stamp; /* of the next packet; the caller sets time_ns */

    uint8_t head[128]; /* vnet, link, IP and transport header */
    uint8_t *text;     /* sizes.max bytes of payload, behind the stamp if there is one */
    uint16_t *sums;    /* [n]: folded sum of the first n bytes of text */
};

/*
 * Set up for traffic that passed nv_traffic_check. worker separates the random numbers of workers with the
 * same seed; stream is the number of the stamped sequence. 0, or -EINVAL when packets are too short for their headers
 * and a stamp and -ENOMEM, with *err filled.
 */
int nv_generator_init(struct nv_generator *g, const struct nv_traffic *traffic, enum nv_payload kind, uint64_t worker,
                      uint16_t stream, struct nv_error *err);
void nv_generator_free(struct nv_generator *g);

/* Bytes of a slot (or of all slots of a packet): vnet header and frame. */
static inline uint32_t nv_generator_bytes(const struct nv_generator *g, uint32_t frame)
{
    return g->link + frame;
}

/* Most bytes a packet has. */
static inline uint32_t nv_generator_max_bytes(const struct nv_generator *g)
{
    return g->link + g->sizes.max;
}

/* Put down the bytes that never change of a packet of `bytes` bytes. */
void nv_generator_base(const struct nv_generator *g, uint8_t *buf, uint32_t bytes);

/* What follows from a packet's size alone: computed once when all have the same. */
struct nv_size_terms {
    uint32_t bytes;                /* of its slots */
    uint32_t behind;               /* payload bytes behind the stamp, if there is one */
    uint16_t ip_length, l4_length; /* in network order */
    uint64_t ip_sum, l4_sum;       /* of all that is known by now */
};

static inline __attribute__((always_inline)) struct nv_size_terms
nv_generator_terms(const struct nv_generator *g, uint32_t frame, enum nv_payload kind)
{
    struct nv_size_terms t = {.bytes = nv_generator_bytes(g, frame)};

    t.behind = t.bytes - g->payload - (kind == NV_PAYLOAD_TEXT ? 0 : NV_STAMP_BYTES);
    t.ip_length = htobe16((uint16_t)(t.bytes - g->l3));
    t.l4_length = htobe16((uint16_t)(t.bytes - g->l4));
    t.ip_sum = g->ip_sum + t.ip_length;
    t.l4_sum = g->l4_sum + (uint64_t)t.l4_length * g->length_words;
    if (kind != NV_PAYLOAD_SEQUENCE)
        t.l4_sum += g->sums[t.behind];
    return t;
}

/* What few kinds of traffic need: MAC addresses that change. */
static inline void nv_generator_store_macs(struct nv_generator *g, uint8_t *buf)
{
    const struct nv_tuples *t = &g->tuples;
    uint64_t src = htobe64(t->src_mac.mac << 16), dst = htobe64(t->dst_mac.mac << 16);

    memcpy(buf + g->link, &dst, 6);
    memcpy(buf + g->link + 6, &src, 6);
}

/*
 * Patch the current packet, of the size that `size` is about, into buf. v6, kind and fixed are the generator's own,
 * passed as constants so that each combination has its own code.
 */
static inline __attribute__((always_inline)) void nv_generator_store(struct nv_generator *g, uint8_t *buf,
                                                                     const struct nv_size_terms *size, bool v6,
                                                                     enum nv_payload kind, bool fixed)
{
    const struct nv_tuples *t = &g->tuples;
    uint8_t *ip = buf + g->l3, *l4 = buf + g->l4;
    uint64_t ip_sum = size->ip_sum, l4_sum = size->l4_sum;

    if (__builtin_expect(t->macs, 0))
        nv_generator_store_macs(g, buf);
    if (kind != NV_PAYLOAD_TEXT) {
        uint16_t mark = htobe16((uint16_t)g->stamp.sequence);
        l4_sum += nv_stamp_put(buf + g->payload, &g->stamp);
        nv_store16(ip + (v6 ? 2 : 4), mark);
        ip_sum += mark;
    }
    if (kind == NV_PAYLOAD_SEQUENCE)
        l4_sum += nv_stamp_fill(buf + g->payload + NV_STAMP_BYTES, size->behind, nv_stamp_word(&g->stamp));
    if (!fixed) { /* otherwise they are part of what never changes */
        nv_store16(ip + (v6 ? 4 : 2), v6 ? size->l4_length : size->ip_length);
        if (g->has_udp_length)
            nv_store16(l4 + 4, size->l4_length);
    }
    if (v6) {
        uint64_t src_high = htobe64(t->src.high), src_low = htobe64(t->src.low);
        uint64_t dst_high = htobe64(t->dst.high), dst_low = htobe64(t->dst.low);
        nv_store64(ip + 8, src_high);
        nv_store64(ip + 16, src_low);
        nv_store64(ip + 24, dst_high);
        nv_store64(ip + 32, dst_low);
        l4_sum = nv_sum_add64(nv_sum_add64(nv_sum_add64(nv_sum_add64(l4_sum, src_high), src_low), dst_high), dst_low);
    } else {
        uint32_t src = htobe32((uint32_t)t->src.low), dst = htobe32((uint32_t)t->dst.low);
        uint64_t addresses = (uint64_t)src + dst;
        nv_store16(ip + 10, (uint16_t)~nv_sum_fold(ip_sum + addresses));
        nv_store32(ip + 12, src);
        nv_store32(ip + 16, dst);
        l4_sum += addresses & g->address_mask;
    }
    uint32_t ports = htobe32(t->src.port << 16 | t->dst.port);
    nv_store32(buf + g->ports, ports);
    uint16_t checksum = (uint16_t)~nv_sum_fold(l4_sum + ports);
    if (checksum == 0 && g->has_udp_length)
        checksum = 0xffff;
    nv_store16(buf + g->checksum, checksum);
}

/* Move on to the next packet. */
static inline __attribute__((always_inline)) void nv_generator_advance(struct nv_generator *g, bool v6)
{
    nv_tuples_next(&g->tuples, v6);
    g->stamp.sequence++;
}

/* Patch the next packet into a buffer that holds one of this generator's at least as long; returns its bytes. */
uint32_t nv_generator_patch(struct nv_generator *g, uint8_t *buf);

/* Write the next packet whole; buf has nv_generator_max_bytes of room. Returns its bytes. */
uint32_t nv_generator_write(struct nv_generator *g, uint8_t *buf);

#endif
