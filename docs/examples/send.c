/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * send.c - a minimal sender: COUNT packets of 60 bytes into a port.
 *
 *   cc -I native/include docs/examples/send.c build/libnetvale_core.a -lpthread -lm -o send
 *   ./send vale0:a 1000000
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netvale.h>
#include <net/netmap_user.h>

int main(int argc, char **argv)
{
    /* To everybody, from a made-up address, of a type for experiments; the rest is zeros. */
    static const char packet[60] = "\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01\x88\xb5 hello";
    unsigned long count = argc > 2 ? strtoul(argv[2], NULL, 10) : 0, sent = 0;
    struct nv_error error;
    struct nv_port *port;
    if (count == 0) {
        fprintf(stderr, "usage: %s PORT COUNT\n", argv[0]);
        return 2;
    }
    if (nv_open(argv[1], NULL, &port, &error) < 0) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    struct netmap_ring *ring = nv_txring(port, 0);
    while (sent < count) {
        if (nv_wait(port, POLLOUT, -1) < 0) /* at once, but in a pipe that is full */
            break;
        for (; sent < count && !nm_ring_empty(ring); sent++) {
            struct netmap_slot *slot = &ring->slot[ring->cur];
            memcpy(NETMAP_BUF(ring, slot->buf_idx), packet, sizeof(packet));
            slot->len = sizeof(packet);
            slot->flags = 0;
            ring->head = ring->cur = nm_ring_next(ring, ring->cur);
        }
        nv_txsync(port, 0);
    }
    struct nv_port_stats stats;
    nv_stats(port, &stats);
    printf("%lu packets sent, %lu delivered\n", sent, (unsigned long)stats.tx_delivered);
    nv_close(port);
    return sent < count;
}
