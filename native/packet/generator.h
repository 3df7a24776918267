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
};

struct nv_generator {
    /* Where things are, counted from the start of the slot's data (a vnet header, if any, comes first). */
    uint32_t link, l3, l4, ports, checksum, payload;
    uint8_t protocol, length_words; /* how often the transport length counts in its checksum */
    bool v6, bare, has_udp_length;
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
 * same seed; stream is the number of the stamped sequence. 0, or -EINVAL when stamped packets are too
 * short for a stamp and -ENOMEM, with *err filled.
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

/*
 * Patch the current packet of `frame` bytes into buf. v6 and kind are the generator's own, passed as constants so
 * that each combination has its own code. Frames shorter than the headers are bare: the EtherType of local
 * experiments and no IP header.
 */
static inline __attribute__((always_inline)) void nv_generator_store(struct nv_generator *g, uint8_t *buf,
                                                                     uint32_t frame, bool v6, enum nv_payload kind)
{
    const struct nv_tuples *t = &g->tuples;

    if (g->bare) { /* sizes below the headers' occur: the buffer may hold a frame of the other kind */
        memcpy(buf, g->head, g->payload);
        if (frame < g->payload - g->link)
            nv_put_be16(buf + g->l3 - 2, NV_TYPE_CUSTOM);
    }
    if (t->macs) {
        uint64_t src = htobe64(t->src_mac.mac << 16), dst = htobe64(t->dst_mac.mac << 16);
        memcpy(buf + g->link, &dst, 6);
        memcpy(buf + g->link + 6, &src, 6);
    }
    if (g->bare && frame < g->payload - g->link)
        return;
    uint32_t bytes = g->link + frame, text = bytes - g->payload;
    uint16_t l4_len = htobe16((uint16_t)(bytes - g->l4));
    uint64_t l4 = g->l4_sum + (uint64_t)l4_len * g->length_words;

    if (kind == NV_PAYLOAD_TEXT) {
        l4 += g->sums[text];
    } else {
        l4 += nv_stamp_put(buf + g->payload, &g->stamp);
        if (kind == NV_PAYLOAD_STAMPED)
            l4 += g->sums[text - NV_STAMP_BYTES];
        else
            l4 += nv_stamp_fill(buf + g->payload + NV_STAMP_BYTES, text - NV_STAMP_BYTES, nv_stamp_word(&g->stamp));
    }
    uint8_t *ip = buf + g->l3;
    uint16_t mark = htobe16((uint16_t)g->stamp.sequence);
    if (v6) {
        uint64_t src_high = htobe64((uint64_t)(t->src.address >> 64)), src_low = htobe64((uint64_t)t->src.address);
        uint64_t dst_high = htobe64((uint64_t)(t->dst.address >> 64)), dst_low = htobe64((uint64_t)t->dst.address);
        if (kind != NV_PAYLOAD_TEXT)
            nv_store16(ip + 2, mark);
        nv_store16(ip + 4, l4_len);
        nv_store64(ip + 8, src_high);
        nv_store64(ip + 16, src_low);
        nv_store64(ip + 24, dst_high);
        nv_store64(ip + 32, dst_low);
        l4 = nv_sum_add64(nv_sum_add64(nv_sum_add64(nv_sum_add64(l4, src_high), src_low), dst_high), dst_low);
    } else {
        uint32_t src = htobe32((uint32_t)t->src.address), dst = htobe32((uint32_t)t->dst.address);
        uint16_t length = htobe16((uint16_t)(bytes - g->l3));
        uint64_t addresses = (uint64_t)src + dst, sum = g->ip_sum + length + addresses;
        nv_store16(ip + 2, length);
        if (kind != NV_PAYLOAD_TEXT) {
            nv_store16(ip + 4, mark);
            sum += mark;
        }
        nv_store16(ip + 10, (uint16_t)~nv_sum_fold(sum));
        nv_store32(ip + 12, src);
        nv_store32(ip + 16, dst);
        l4 += addresses & g->address_mask;
    }
    uint32_t ports = htobe32(t->src.port << 16 | t->dst.port);
    nv_store32(buf + g->ports, ports);
    if (g->has_udp_length)
        nv_store16(buf + g->l4 + 4, l4_len);
    uint16_t checksum = (uint16_t)~nv_sum_fold(l4 + ports);
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
