/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * receive.c - a minimal receiver: counts what comes to a port until nothing has come for a second.
 *
 *   cc -I native/include docs/examples/receive.c build/libnetvale_core.a -lpthread -lm -o receive
 *   ./receive vale0:b
 */
#include <poll.h>
#include <stdio.h>

#include <netvale.h>
#include <net/netmap_user.h>

#define SECOND 1000000000

int main(int argc, char **argv)
{
    unsigned long packets = 0, bytes = 0;
    struct nv_error error;
    struct nv_port *port;
    if (argc != 2) {
        fprintf(stderr, "usage: %s PORT\n", argv[0]);
        return 2;
    }
    if (nv_open(argv[1], NULL, &port, &error) < 0) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    printf("receiving on %s\n", nv_name(port));
    fflush(stdout);
    struct netmap_ring *ring = nv_rxring(port, 0);
    while (nv_wait(port, POLLIN, packets ? SECOND : -1) > 0) { /* syncs: gives back what we took, shows what came */
        for (; !nm_ring_empty(ring); packets++) {
            const struct netmap_slot *slot = &ring->slot[ring->cur];
            const char *packet = NETMAP_BUF(ring, slot->buf_idx);
            if (packets == 0)
                printf("the first one says%.6s\n", packet + 14);
            bytes += slot->len;
            ring->head = ring->cur = nm_ring_next(ring, ring->cur);
        }
    }
    printf("%lu packets, %lu bytes\n", packets, bytes);
    nv_close(port);
    return 0;
}
