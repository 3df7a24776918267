/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * net/netmap_user.h - for programs: from offsets to addresses, ring arithmetic, and with NETMAP_WITH_LIBS the small
 * library nm_open ... nm_close that netmap programs compile in.
 *
 *   #define NETMAP_WITH_LIBS
 *   #include <net/netmap_user.h>
 *
 *   struct nm_desc *d = nm_open("vale0:a", NULL, 0, NULL);
 *   struct pollfd p = {.fd = NETMAP_FD(d), .events = POLLIN};
 *   struct nm_pkthdr h;
 *   const unsigned char *packet;
 *   while (poll(&p, 1, -1) > 0)
 *       while ((packet = nm_nextpkt(d, &h)))
 *           use(packet, h.len);
 *   nm_close(d);
 *
 * Macros evaluate their arguments more than once. Nothing here is safe against two threads on one ring.
 */
#ifndef NET_NETMAP_USER_H
#define NET_NETMAP_USER_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include <net/netmap.h>

#ifndef likely
#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#endif

#ifndef NETMAP_DEVICE_NAME
#define NETMAP_DEVICE_NAME "/dev/netmap"
#endif

/* ---- addresses --------------------------------------------------------------------------------- */

#define _NETMAP_OFFSET(type, ptr, offset) ((type)(void *)((char *)(ptr) + (offset)))

/* The interface in a mapping; nr_offset from the answer to the registration. */
#define NETMAP_IF(base, nr_offset) _NETMAP_OFFSET(struct netmap_if *, base, nr_offset)

/* Ring `index` of a direction; the host rings come after the others. An unbound ring gives nifp itself. */
#define NETMAP_TXRING(nifp, index) _NETMAP_OFFSET(struct netmap_ring *, nifp, (nifp)->ring_ofs[index])
#define NETMAP_RXRING(nifp, index)                                                                                     \
    _NETMAP_OFFSET(struct netmap_ring *, nifp,                                                                         \
                   (nifp)->ring_ofs[(index) + (nifp)->ni_tx_rings + (nifp)->ni_host_tx_rings])

/* Address of a buffer (char *) from its index, and back. */
#define NETMAP_BUF(ring, index) ((char *)(ring) + (ring)->buf_ofs + (int64_t)((uint64_t)(index) * (ring)->nr_buf_size))
#define NETMAP_BUF_IDX(ring, buf)                                                                                      \
    ((uint32_t)(((const char *)(buf) - ((const char *)(ring) + (ring)->buf_ofs)) / (ring)->nr_buf_size))

/* Where data begins in a slot's buffer: read, write (must fit the mask), and the address of the data. */
#define NETMAP_ROFFSET(ring, slot) ((slot)->ptr & (ring)->offset_mask)
#define NETMAP_WOFFSET(ring, slot, offset)                                                                             \
    do {                                                                                                               \
        (slot)->ptr = ((slot)->ptr & ~(ring)->offset_mask) | ((offset) & (ring)->offset_mask);                         \
    } while (0)
#define NETMAP_BUF_OFFSET(ring, slot) (NETMAP_BUF(ring, (slot)->buf_idx) + NETMAP_ROFFSET(ring, slot))

/* ---- rings ------------------------------------------------------------------------------------- */

/* The slot after i. */
static inline uint32_t nm_ring_next(struct netmap_ring *ring, uint32_t i)
{
    return unlikely(i + 1 == ring->num_slots) ? 0 : i + 1;
}

/* Does the application own no slot? */
static inline int nm_ring_empty(struct netmap_ring *ring)
{
    return ring->head == ring->tail;
}

/* Slots the application owns: room on a tx ring, received slots on an rx ring. */
static inline uint32_t nm_ring_space(struct netmap_ring *ring)
{
    int32_t space = (int32_t)(ring->tail - ring->head);
    return (uint32_t)(space < 0 ? space + (int32_t)ring->num_slots : space);
}

/* Are there slots that were handed over and have not come back? (As of the last sync.) */
static inline int nm_tx_pending(struct netmap_ring *ring)
{
    return nm_ring_next(ring, ring->tail) != ring->head;
}

/* Copy l bytes from src to dst, which do not overlap. */
static inline void nm_pkt_copy(const void *src, void *dst, int l)
{
    memcpy(dst, src, (size_t)l);
}

/* ---- messages ---------------------------------------------------------------------------------- */

/* ND: nothing. D: a line on standard error, with time and place. RD: the same, at most lps lines a second. */
#ifndef ND
#define ND(...)                                                                                                        \
    do {                                                                                                               \
    } while (0)
#define D(...)                                                                                                         \
    do {                                                                                                               \
        struct timeval nm_now;                                                                                         \
        gettimeofday(&nm_now, NULL);                                                                                   \
        fprintf(stderr, "%03d.%06d %s [%d] ", (int)(nm_now.tv_sec % 1000), (int)nm_now.tv_usec, __func__, __LINE__);   \
        fprintf(stderr, __VA_ARGS__);                                                                                  \
        fputc('\n', stderr);                                                                                           \
    } while (0)
#define RD(lps, ...)                                                                                                   \
    do {                                                                                                               \
        static time_t nm_second;                                                                                       \
        static int nm_lines;                                                                                           \
        struct timeval nm_rd_now;                                                                                      \
        gettimeofday(&nm_rd_now, NULL);                                                                                \
        if (nm_second != nm_rd_now.tv_sec) {                                                                           \
            nm_second = nm_rd_now.tv_sec;                                                                              \
            nm_lines = 0;                                                                                              \
        }                                                                                                              \
        if (nm_lines < (lps)) {                                                                                        \
            nm_lines++;                                                                                                \
            D(__VA_ARGS__);                                                                                            \
        }                                                                                                              \
    } while (0)
#endif

#ifdef NETMAP_WITH_LIBS
#include <net/netmap_lib.h>
#endif

#endif
