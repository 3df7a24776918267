/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lab.h - a network of the test's own: a new network namespace with a bridge, to which tap interfaces are joined, so
 * that what one tap port sends another receives. Nothing of it reaches the machine's network, and it goes with the
 * process.
 */
#ifndef NETVALE_TEST_LAB_H
#define NETVALE_TEST_LAB_H

#include "netlink/message.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define LAB_MTU 9000

static int lab_socket = -1;

/* One ioctl on an interface. 0 or -errno. */
static inline int lab_ioctl(unsigned long request, const char *name, struct ifreq *ifr)
{
    snprintf(ifr->ifr_name, sizeof(ifr->ifr_name), "%s", name);
    return ioctl(lab_socket, request, ifr) < 0 ? -errno : 0;
}

static inline int lab_set_flags(const char *name, int set, int clear)
{
    struct ifreq ifr = {0};
    int error = lab_ioctl(SIOCGIFFLAGS, name, &ifr);
    ifr.ifr_flags = (short)((ifr.ifr_flags | set) & ~clear);
    return error ? error : lab_ioctl(SIOCSIFFLAGS, name, &ifr);
}

/* Is there an interface of this name? */
static inline bool lab_has(const char *name)
{
    return if_nametoindex(name) != 0;
}

/* Write a setting; one that the kernel has not got is as good as written. */
static inline bool lab_write(const char *path, const char *value)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool done = fd >= 0 ? write(fd, value, 1) == 1 : errno == ENOENT;
    if (fd >= 0)
        close(fd);
    return done;
}

/*
 * Go into a new namespace where nobody but the test speaks: no IPv6, no multicast reports. NULL, or why it
 * cannot be; the process then stays where it was, or is good for nothing else.
 */
static inline const char *lab_enter(void)
{
    if (access("/dev/net/tun", R_OK | W_OK) < 0)
        return errno == ENOENT ? "the kernel has no tap interfaces (/dev/net/tun)"
                               : "this process may not open /dev/net/tun";
    if (unshare(CLONE_NEWNET) < 0)
        return errno == EPERM ? "this process may not make a network namespace (CAP_SYS_ADMIN)"
                              : "the kernel has no network namespaces";
    lab_socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (!lab_write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1") ||
        !lab_write("/proc/sys/net/ipv4/igmp_link_local_mcast_reports", "0"))
        return "this process may not silence interfaces in a network namespace (/proc/sys is read-only)";
    if (ioctl(lab_socket, SIOCBRADDBR, "lab") < 0)
        return "the kernel has no bridges (module bridge)";
    return lab_set_flags("lab", IFF_UP, 0) ? "the bridge cannot be set up" : NULL;
}

/* Write a netlink attribute, and return the bytes it takes. */
static inline size_t lab_attribute(char *at, unsigned short type, const void *data, size_t size)
{
    const struct rtattr head = {.rta_len = (unsigned short)RTA_LENGTH(size), .rta_type = type};
    memset(at, 0, RTA_SPACE(size));
    memcpy(at, &head, sizeof(head));
    memcpy(at + RTA_LENGTH(0), data, size);
    return RTA_SPACE(size);
}

/* Remove an interface, as `ip link del` does. */
static inline void lab_remove(const char *name)
{
    struct {
        struct nlmsghdr header;
        struct ifinfomsg link;
    } message = {{sizeof(message), RTM_DELLINK, NLM_F_REQUEST, 0, 0}, {.ifi_index = (int)if_nametoindex(name)}};
    int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (s < 0 || send(s, &message, sizeof(message), 0) < 0)
        perror("RTM_DELLINK");
    close(s);
}

/* Make a veth pair, both ends up, with this MTU and as many queues. 0 or -errno. */
static inline int lab_pair(const char *a, const char *b, unsigned mtu, unsigned queues)
{
    struct nv_nl_request r;
    union {
        struct nlmsghdr header;
        char bytes[512];
    } answer;
    /* IFLA_LINKINFO holds IFLA_INFO_DATA, which holds VETH_INFO_PEER: the other end as a message of its own. */
    char peer[128] = {0}, data[192], info[256];
    const struct ifinfomsg none = {0};
    size_t n = sizeof(none);
    memcpy(peer, &none, n);
    n += lab_attribute(peer + n, IFLA_IFNAME, b, strlen(b) + 1);
    n += lab_attribute(peer + n, IFLA_MTU, &mtu, sizeof(mtu));
    n += lab_attribute(peer + n, IFLA_NUM_TX_QUEUES, &queues, sizeof(queues));
    n += lab_attribute(peer + n, IFLA_NUM_RX_QUEUES, &queues, sizeof(queues));
    size_t inner = lab_attribute(data, 1 /* VETH_INFO_PEER */, peer, n);
    size_t outer = lab_attribute(info, IFLA_INFO_KIND, "veth", 5);
    outer += lab_attribute(info + outer, IFLA_INFO_DATA, data, inner);
    nv_nl_begin(&r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &none, sizeof(none));
    nv_nl_add(&r, IFLA_IFNAME, a, strlen(a) + 1);
    nv_nl_add(&r, IFLA_MTU, &mtu, sizeof(mtu));
    nv_nl_add(&r, IFLA_NUM_TX_QUEUES, &queues, sizeof(queues));
    nv_nl_add(&r, IFLA_NUM_RX_QUEUES, &queues, sizeof(queues));
    nv_nl_add(&r, IFLA_LINKINFO, info, outer);
    int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    int error = s < 0 || send(s, &r, r.header.nlmsg_len, 0) < 0 || recv(s, &answer, sizeof(answer), 0) < 0
                    ? -errno
                    : ((struct nlmsgerr *)NLMSG_DATA(&answer.header))->error;
    close(s);
    if (!error)
        error = lab_set_flags(a, IFF_UP, 0);
    return error ? error : lab_set_flags(b, IFF_UP, 0);
}

/* Join a tap to the bridge, with room for long frames. 0 or -errno. */
static inline int lab_join(const char *name)
{
    struct ifreq ifr = {.ifr_mtu = LAB_MTU};
    int error = lab_ioctl(SIOCSIFMTU, name, &ifr);
    ifr = (struct ifreq){.ifr_ifindex = (int)if_nametoindex(name)};
    return error ? error : lab_ioctl(SIOCBRADDIF, "lab", &ifr);
}

#endif
