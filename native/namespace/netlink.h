/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netlink.h - the little of rtnetlink(7) that a link's two ends need: addresses, routes, an interface up.
 *
 * Everything works on the stack and by system calls alone, so that a process just cloned from one with threads may use
 * it. Addresses are in network order, 4 bytes (AF_INET) or 16 (AF_INET6). Functions return 0 or -errno.
 */
#ifndef NETVALE_NETLINK_H
#define NETVALE_NETLINK_H

#include <stdbool.h>
#include <stdint.h>

/* Routes that are ours carry this in rtm_protocol: a namespace that was made for a command is known by them. */
#define NV_ROUTE_PROTOCOL 0xe7

struct nv_prefix {
    int family;
    uint8_t address[16];
    unsigned bits;
};

/* A socket of the caller's network namespace; -errno. Close it with close(). */
int nv_netlink_open(void);

/* Set the interface up, with this MTU unless it is 0, and this Ethernet address unless it is NULL. */
int nv_netlink_up(int fd, unsigned ifindex, unsigned mtu, const uint8_t *mac);

/* Say for ever which Ethernet address a neighbour has: nobody needs to ask. */
int nv_netlink_neighbour(int fd, unsigned ifindex, const struct nv_prefix *address, const uint8_t *mac);

/* Add an address with the length of its network. IPv6 without duplicate address detection: usable at once. */
int nv_netlink_address(int fd, unsigned ifindex, const struct nv_prefix *address);

/* Add a route to `to` by `gateway` (of the same family) on an interface; gateway NULL: unreachable. */
int nv_netlink_route(int fd, const struct nv_prefix *to, const uint8_t *gateway, unsigned ifindex);

/*
 * Call fn for each route of a family: its destination, whether it says "unreachable", and its protocol. fn returns true
 * to stop. Local addresses are among them.
 */
typedef bool nv_route_fn(void *arg, const struct nv_prefix *to, bool unreachable, unsigned protocol);
int nv_netlink_routes(int fd, int family, nv_route_fn *fn, void *arg);

#endif
