/* SPDX-License-Identifier: BSD-2-Clause */
/* netlink.c - see netlink.h. */
#include "namespace/netlink.h"
#include "netlink/message.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAC_SIZE 6

static size_t address_size(int family)
{
    return family == AF_INET ? 4 : 16;
}

int nv_netlink_open(void)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    return fd < 0 ? -errno : fd;
}

/* Send a request and take its acknowledgement. */
static int talk(int fd, struct nv_nl_request *r)
{
    union {
        struct nlmsghdr header;
        char bytes[1024];
    } answer;
    r->header.nlmsg_flags |= NLM_F_ACK;
    if (send(fd, r, r->header.nlmsg_len, 0) < 0)
        return -errno;
    ssize_t n = recv(fd, &answer, sizeof(answer), 0);
    if (n < 0)
        return -errno;
    if (!NLMSG_OK(&answer.header, (size_t)n) || answer.header.nlmsg_type != NLMSG_ERROR)
        return -EPROTO;
    return ((struct nlmsgerr *)NLMSG_DATA(&answer.header))->error;
}

int nv_netlink_up(int fd, unsigned ifindex, unsigned mtu, const uint8_t *mac)
{
    struct nv_nl_request r;
    const struct ifinfomsg link = {.ifi_index = (int)ifindex, .ifi_flags = 1, .ifi_change = 1}; /* IFF_UP */
    nv_nl_begin(&r, RTM_NEWLINK, 0, &link, sizeof(link));
    if (mtu)
        nv_nl_add(&r, IFLA_MTU, &mtu, sizeof(mtu));
    if (mac)
        nv_nl_add(&r, IFLA_ADDRESS, mac, MAC_SIZE);
    return talk(fd, &r);
}

int nv_netlink_neighbour(int fd, unsigned ifindex, const struct nv_prefix *address, const uint8_t *mac)
{
    struct nv_nl_request r;
    const struct ndmsg fixed = {
        .ndm_family = (uint8_t)address->family, .ndm_ifindex = (int)ifindex, .ndm_state = NUD_PERMANENT};
    nv_nl_begin(&r, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &fixed, sizeof(fixed));
    nv_nl_add(&r, NDA_DST, address->address, address_size(address->family));
    nv_nl_add(&r, NDA_LLADDR, mac, MAC_SIZE);
    return talk(fd, &r);
}

int nv_netlink_address(int fd, unsigned ifindex, const struct nv_prefix *address)
{
    struct nv_nl_request r;
    const struct ifaddrmsg fixed = {.ifa_family = (uint8_t)address->family,
                                    .ifa_prefixlen = (uint8_t)address->bits,
                                    .ifa_flags = IFA_F_NODAD,
                                    .ifa_index = ifindex};
    nv_nl_begin(&r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &fixed, sizeof(fixed));
    nv_nl_add(&r, IFA_LOCAL, address->address, address_size(address->family));
    nv_nl_add(&r, IFA_ADDRESS, address->address, address_size(address->family));
    return talk(fd, &r);
}

int nv_netlink_route(int fd, const struct nv_prefix *to, const uint8_t *gateway, unsigned ifindex)
{
    struct nv_nl_request r;
    const struct rtmsg fixed = {.rtm_family = (uint8_t)to->family,
                                .rtm_dst_len = (uint8_t)to->bits,
                                .rtm_table = RT_TABLE_MAIN,
                                .rtm_protocol = NV_ROUTE_PROTOCOL,
                                .rtm_scope = RT_SCOPE_UNIVERSE,
                                .rtm_type = gateway ? RTN_UNICAST : RTN_UNREACHABLE};
    nv_nl_begin(&r, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &fixed, sizeof(fixed));
    if (to->bits)
        nv_nl_add(&r, RTA_DST, to->address, address_size(to->family));
    if (gateway) {
        nv_nl_add(&r, RTA_GATEWAY, gateway, address_size(to->family));
        nv_nl_add(&r, RTA_OIF, &ifindex, sizeof(ifindex));
    }
    return talk(fd, &r);
}

/* One route of a dump. True: fn wants no more. */
static bool show_route(struct nlmsghdr *message, nv_route_fn *fn, void *arg)
{
    const struct rtmsg *route = NLMSG_DATA(message);
    struct nv_prefix to = {.family = route->rtm_family, .bits = route->rtm_dst_len};
    size_t left = RTM_PAYLOAD(message);
    if (route->rtm_flags & RTM_F_CLONED)
        return false;
    for (struct rtattr *a = RTM_RTA(route); RTA_OK(a, left); a = RTA_NEXT(a, left))
        if (a->rta_type == RTA_DST && RTA_PAYLOAD(a) <= sizeof(to.address))
            memcpy(to.address, RTA_DATA(a), RTA_PAYLOAD(a));
    return fn(arg, &to, route->rtm_type == RTN_UNREACHABLE, route->rtm_protocol);
}

int nv_netlink_routes(int fd, int family, nv_route_fn *fn, void *arg)
{
    union {
        struct nlmsghdr header;
        char bytes[16384];
    } answer;
    struct nv_nl_request r;
    const struct rtmsg fixed = {.rtm_family = (uint8_t)family};
    bool enough = false;
    nv_nl_begin(&r, RTM_GETROUTE, NLM_F_DUMP, &fixed, sizeof(fixed));
    if (send(fd, &r, r.header.nlmsg_len, 0) < 0)
        return -errno;
    for (;;) { /* to the end, also when fn has enough: the socket is used again */
        ssize_t n = recv(fd, &answer, sizeof(answer), 0);
        if (n < 0)
            return -errno;
        size_t left = (size_t)n;
        for (struct nlmsghdr *m = &answer.header; NLMSG_OK(m, left); m = NLMSG_NEXT(m, left)) {
            if (m->nlmsg_type == NLMSG_DONE)
                return 0;
            if (m->nlmsg_type == NLMSG_ERROR)
                return ((struct nlmsgerr *)NLMSG_DATA(m))->error;
            enough = enough || (m->nlmsg_type == RTM_NEWROUTE && show_route(m, fn, arg));
        }
    }
}
