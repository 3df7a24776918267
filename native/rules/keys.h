/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keys.h - what the index asks of the packets of a batch: one array a field, so that its loops become vectors.
 *
 * Most packets are decided by their keys alone. Only who wants to know more makes a packet's view (packet.h).
 */
#ifndef NETVALE_RULES_KEYS_H
#define NETVALE_RULES_KEYS_H

#include "rules/packet.h"

enum {
    KEYS_BATCH = 64, /* packets taken through the steps together: as many as there are bits in a word */
    KEYS_LANES = 16, /* loops over keys run to a multiple of this */
    KEYS_AHEAD = 24, /* frames fetched ahead */
};

struct rules_keys {
    uint32_t src[KEYS_BATCH], dst[KEYS_BATCH]; /* IPv4 */
    uint32_t ports[KEYS_BATCH];                /* source << 16 | destination */
    uint32_t kind[KEYS_BATCH];                 /* 0 no IP, 1 IPv4, 2 IPv6; * 256 + protocol */
    uint32_t place[KEYS_BATCH];                /* outgoing * 256 + receive interface */
    uint32_t xmit[KEYS_BATCH];                 /* transmit interface; 256: incoming */
    uint32_t bytes[KEYS_BATCH];                /* as rules_view.bytes */
    uint64_t not4, is6, no_ports;              /* a bit a packet */
    uint64_t viewed;                           /* its view is made */
    uint64_t refused;                          /* the rules are not to be asked: see reasons */
    uint64_t resumed;                          /* goes on where it left the rules */
    uint64_t lacking;                          /* a header was not captured */
    uint64_t tagged;                           /* IP behind VLAN tags that the rules do not look behind */
    uint8_t reasons[KEYS_BATCH];
    struct rules_view views[KEYS_BATCH];
};

/* Keys of a packet that is not plain, from its view. */
void rules_keys_any(struct rules_keys *keys, unsigned i, const struct nv_rules_packet *packet,
                    const struct nv_rules_params *params);

/* Fetch the frames of the first packets; those behind are fetched by rules_keys_fill as it goes. */
static inline void rules_keys_fetch(const struct nv_rules_packet *packets, unsigned count)
{
    for (unsigned i = 0; i < count && i < KEYS_AHEAD; i++)
        __builtin_prefetch(packets[i].data);
}

/* Fill the keys of a batch (1..KEYS_BATCH packets). there: packets in the array, with those of later batches. */
static inline __attribute__((always_inline)) void rules_keys_fill(struct rules_keys *keys,
                                                                  const struct nv_rules_params *params,
                                                                  const struct nv_rules_packet *packets, unsigned count,
                                                                  unsigned there)
{
    uint64_t resumed = 0;
    keys->not4 = keys->is6 = keys->no_ports = keys->viewed = keys->refused = keys->lacking = keys->tagged = 0;
    for (unsigned i = 0; i < count; i++) {
        const struct nv_rules_packet *packet = &packets[i];
        const uint8_t *ip = packet->data + RULES_MAC_BYTES;
        uint32_t out = packet->direction == NV_RULES_OUT ? 256 : 0;
        __builtin_prefetch(packets[i + KEYS_AHEAD < there ? i + KEYS_AHEAD : i].data);
        keys->place[i] = out | (packet->in_if & 255u);
        keys->xmit[i] = out ? packet->out_if & 255u : 256;
        resumed |= (uint64_t)(packet->resume.generation != 0) << i;
        if (__builtin_expect(!rules_plain(packet), 0)) {
            rules_keys_any(keys, i, packet, params);
            continue;
        }
        uint32_t room = packet->length - RULES_MAC_BYTES, length = view_u16(ip + 2);
        keys->bytes[i] = length < room ? length : room;
        keys->kind[i] = 256u + ip[9];
        keys->src[i] = view_u32(ip + 12);
        keys->dst[i] = view_u32(ip + 16);
        keys->ports[i] = view_u32(ip + 20);
    }
    keys->resumed = resumed;
}

/* The view of packet i, made now if nobody asked before. */
static inline struct rules_view *rules_keys_view(struct rules_keys *keys, unsigned i,
                                                 const struct nv_rules_packet *packet)
{
    if (!(keys->viewed >> i & 1)) {
        rules_parse_plain(packet, &keys->views[i]);
        keys->viewed |= UINT64_C(1) << i;
    }
    return &keys->views[i];
}

#endif
