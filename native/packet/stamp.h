/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stamp.h - sequence number, time and stream in the first NV_STAMP_BYTES of a payload, and the payload behind them.
 *
 *   0  sequence, low 32 bits    4  sequence, high 32 bits    8  time, ns    16  stream
 *
 * all in network order. The low half comes first because pkt-gen's rxseq expects a 32-bit number there. A
 * stream is one sender's ring; numbers rise by one within it. Behind the stamp, packets of txseq hold one
 * 64-bit word again and again that only this number of this stream has, so that a packet mixed from two
 * is seen for what it is.
 */
#ifndef NETVALE_PACKET_STAMP_H
#define NETVALE_PACKET_STAMP_H

#include "packet/bytes.h"
#include "packet/checksum.h"
#include "packet/random.h"
#include "packet/template.h"

struct nv_stamp {
    uint64_t sequence, time_ns;
    uint16_t stream;
};

/* Write the stamp at p and return the sum of its bytes. */
static inline uint64_t nv_stamp_put(uint8_t *p, const struct nv_stamp *stamp)
{
    uint32_t low = htobe32((uint32_t)stamp->sequence), high = htobe32((uint32_t)(stamp->sequence >> 32));
    uint64_t time = htobe64(stamp->time_ns);
    uint16_t stream = htobe16(stamp->stream);

    nv_store32(p, low);
    nv_store32(p + 4, high);
    nv_store64(p + 8, time);
    nv_store16(p + 16, stream);
    return nv_sum_add64((uint64_t)low + high + stream, time);
}

static inline struct nv_stamp nv_stamp_get(const uint8_t *p)
{
    return (struct nv_stamp){
        .sequence = (uint64_t)nv_get_be32(p + 4) << 32 | nv_get_be32(p),
        .time_ns = nv_get_be64(p + 8),
        .stream = nv_get_be16(p + 16),
    };
}

/* The word behind the stamp, as it lies in memory. */
static inline uint64_t nv_stamp_word(const struct nv_stamp *stamp)
{
    uint64_t state = stamp->sequence ^ (uint64_t)stamp->stream << 48;
    return htole64(nv_splitmix64(&state));
}

/* Fill len bytes at p (an even address offset) with the word and return their sum. */
static inline uint64_t nv_stamp_fill(uint8_t *p, uint32_t len, uint64_t word)
{
    uint32_t words = len / 8, rest = len % 8;
    uint64_t sum = nv_sum_add64(0, word) * words, tail = 0;

    for (uint32_t i = 0; i < words; i++)
        nv_store64(p + (size_t)8 * i, word);
    memcpy(p + (size_t)8 * words, &word, rest);
    memcpy(&tail, &word, rest);
    return nv_sum_add64(sum, tail);
}

/*
 * Look for a stamp in `len` bytes of a frame (behind any vnet header). Returns the payload's offset, or 0 when this is
 * no UDP, TCP or echo packet with room for a stamp. The first `have` bytes of the frame are at hand; the stamp must lie
 * within them.
 */
uint32_t nv_stamp_find(const uint8_t *frame, uint32_t have);

/*
 * Whether the frame, whole and with its stamp at `payload`, is as txseq made it: lengths, IP identification or
 * flow label, checksums, and every byte behind the stamp.
 */
bool nv_stamp_verify(const uint8_t *frame, uint32_t len, uint32_t payload);

#endif
