/* SPDX-License-Identifier: BSD-2-Clause */
/* bytes.h - unaligned loads and stores, in memory order and in network order. */
#ifndef NETVALE_PACKET_BYTES_H
#define NETVALE_PACKET_BYTES_H

#include <stdint.h>
#include <string.h>
#include <arpa/inet.h>
#include <endian.h>

static inline uint16_t nv_load16(const void *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static inline uint32_t nv_load32(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static inline uint64_t nv_load64(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static inline void nv_store16(void *p, uint16_t v)
{
    memcpy(p, &v, sizeof(v));
}

static inline void nv_store32(void *p, uint32_t v)
{
    memcpy(p, &v, sizeof(v));
}

static inline void nv_store64(void *p, uint64_t v)
{
    memcpy(p, &v, sizeof(v));
}

static inline uint16_t nv_get_be16(const void *p)
{
    return be16toh(nv_load16(p));
}

static inline uint32_t nv_get_be32(const void *p)
{
    return be32toh(nv_load32(p));
}

static inline uint64_t nv_get_be64(const void *p)
{
    return be64toh(nv_load64(p));
}

static inline void nv_put_be16(void *p, uint16_t v)
{
    nv_store16(p, htobe16(v));
}

static inline void nv_put_be32(void *p, uint32_t v)
{
    nv_store32(p, htobe32(v));
}

static inline void nv_put_be64(void *p, uint64_t v)
{
    nv_store64(p, htobe64(v));
}

#endif
