/* SPDX-License-Identifier: BSD-2-Clause */
/* link.c - rtnetlink(7)'s RTM_GETLINK, and the family "netdev" of generic netlink for what XDP can do. */
#include "nic/link.h"
#include "netlink/message.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER 32768u /* an interface with all its statistics is some 2 KiB, with many virtual functions more */

/* linux/netdev.h, which headers before Linux 6.3 lack. */
#define NETDEV_FAMILY      "netdev"
#define NETDEV_DEV_GET     1
#define NETDEV_IFINDEX     1
#define NETDEV_XDP         3
#define NETDEV_ZC_SEGMENTS 4

#ifndef IFF_LOWER_UP
#define IFF_LOWER_UP (1u << 16)
#endif

union answer {
    struct nlmsghdr header;
    char bytes[ANSWER];
};

/* Send a request and take its one answer. 0 or -errno; with `want`, the answer is a message of this type. */
static int exchange(int fd, struct nv_nl_request *r, union answer *answer, uint16_t want)
{
    if (send(fd, r, r->header.nlmsg_len, 0) < 0)
        return -errno;
    ssize_t n = recv(fd, answer, sizeof(*answer), 0);
    if (n < 0)
        return -errno;
    if (!NLMSG_OK(&answer->header, (size_t)n))
        return -EPROTO;
    if (answer->header.nlmsg_type == NLMSG_ERROR)
        return ((struct nlmsgerr *)NLMSG_DATA(&answer->header))->error;
    return answer->header.nlmsg_type == want ? 0 : -EPROTO;
}

static uint32_t number(const struct rtattr *a)
{
    uint32_t value = 0;
    if (RTA_PAYLOAD(a) >= sizeof(value))
        memcpy(&value, RTA_DATA(a), sizeof(value));
    return value;
}

static void copy_text(char *to, size_t size, const struct rtattr *a)
{
    size_t n = RTA_PAYLOAD(a) < size ? RTA_PAYLOAD(a) : size - 1;
    memset(to, 0, size);
    memcpy(to, RTA_DATA(a), n);
    to[size - 1] = '\0';
}

static void take_xdp(struct nv_nic *nic, struct rtattr *nest)
{
    size_t left = RTA_PAYLOAD(nest);
    for (struct rtattr *a = RTA_DATA(nest); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        if (a->rta_type == IFLA_XDP_ATTACHED && RTA_PAYLOAD(a) >= 1)
            nic->attached = (enum nv_nic_attached) * (uint8_t *)RTA_DATA(a);
        if (a->rta_type == IFLA_XDP_PROG_ID)
            nic->program = number(a);
    }
}

static void take_kind(struct nv_nic *nic, struct rtattr *nest)
{
    size_t left = RTA_PAYLOAD(nest);
    for (struct rtattr *a = RTA_DATA(nest); RTA_OK(a, left); a = RTA_NEXT(a, left))
        if (a->rta_type == IFLA_INFO_KIND)
            copy_text(nic->kind, sizeof(nic->kind), a);
}

static void take_attribute(struct nv_nic *nic, struct rtattr *a, int *netns_id)
{
    switch (a->rta_type & NLA_TYPE_MASK) {
    case IFLA_IFNAME:
        copy_text(nic->name, sizeof(nic->name), a);
        return;
    case IFLA_ADDRESS:
        if (RTA_PAYLOAD(a) == sizeof(nic->mac))
            memcpy(nic->mac, RTA_DATA(a), sizeof(nic->mac));
        return;
    case IFLA_MTU:
        nic->mtu = number(a);
        return;
    case IFLA_MIN_MTU:
        nic->min_mtu = number(a);
        return;
    case IFLA_MAX_MTU:
        nic->max_mtu = number(a);
        return;
    case IFLA_NUM_TX_QUEUES:
        nic->tx_queues = number(a);
        return;
    case IFLA_NUM_RX_QUEUES:
        nic->rx_queues = number(a);
        return;
    case IFLA_PROMISCUITY:
        nic->promiscuity = number(a);
        return;
    case IFLA_LINK:
        nic->peer_index = number(a);
        return;
    case IFLA_LINK_NETNSID:
        *netns_id = (int)number(a);
        return;
    case IFLA_XDP:
        take_xdp(nic, a);
        return;
    case IFLA_LINKINFO:
        take_kind(nic, a);
        return;
    default:
        return;
    }
}

int nv_link_ask(struct nv_nic *nic, int *netns_id)
{
    union answer answer = {0};
    struct nv_nl_request r;
    const struct ifinfomsg fixed = {.ifi_index = nic->name[0] ? 0 : (int)nic->index};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0)
        return -errno;
    nv_nl_begin(&r, RTM_GETLINK, 0, &fixed, sizeof(fixed));
    if (nic->name[0])
        nv_nl_add(&r, IFLA_IFNAME, nic->name, strlen(nic->name) + 1);
    int error = exchange(fd, &r, &answer, RTM_NEWLINK);
    close(fd);
    if (error)
        return error;
    const struct ifinfomsg *link = NLMSG_DATA(&answer.header);
    *netns_id = -1;
    nic->index = (uint32_t)link->ifi_index;
    nic->flags = link->ifi_flags;
    nic->carrier = (link->ifi_flags & IFF_LOWER_UP) != 0;
    nic->ethernet = link->ifi_type == ARPHRD_ETHER || link->ifi_type == ARPHRD_LOOPBACK;
    size_t left = NLMSG_PAYLOAD(&answer.header, sizeof(*link));
    for (struct rtattr *a = IFLA_RTA(link); RTA_OK(a, left); a = RTA_NEXT(a, left))
        take_attribute(nic, a, netns_id);
    return 0;
}

/* The attributes of an answer of generic netlink. */
static struct rtattr *generic_attributes(union answer *answer, size_t *left)
{
    *left = NLMSG_PAYLOAD(&answer->header, GENL_HDRLEN);
    return (struct rtattr *)(void *)((char *)NLMSG_DATA(&answer->header) + GENL_HDRLEN);
}

/* The number of a family of generic netlink; 0: the kernel has none of this name. */
static uint16_t family_number(int fd, const char *name)
{
    union answer answer = {0};
    struct nv_nl_request r;
    size_t left;
    const struct genlmsghdr fixed = {.cmd = CTRL_CMD_GETFAMILY, .version = 1};
    nv_nl_begin(&r, GENL_ID_CTRL, 0, &fixed, sizeof(fixed));
    nv_nl_add(&r, CTRL_ATTR_FAMILY_NAME, name, strlen(name) + 1);
    if (exchange(fd, &r, &answer, GENL_ID_CTRL))
        return 0;
    for (struct rtattr *a = generic_attributes(&answer, &left); RTA_OK(a, left); a = RTA_NEXT(a, left))
        if (a->rta_type == CTRL_ATTR_FAMILY_ID && RTA_PAYLOAD(a) >= sizeof(uint16_t))
            return *(uint16_t *)RTA_DATA(a);
    return 0;
}

void nv_link_ask_xdp(struct nv_nic *nic)
{
    union answer answer = {0};
    struct nv_nl_request r;
    size_t left;
    const struct genlmsghdr fixed = {.cmd = NETDEV_DEV_GET, .version = 1};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
    if (fd < 0)
        return;
    uint16_t family = family_number(fd, NETDEV_FAMILY);
    nv_nl_begin(&r, family, 0, &fixed, sizeof(fixed));
    nv_nl_add(&r, NETDEV_IFINDEX, &nic->index, sizeof(nic->index));
    if (family && !exchange(fd, &r, &answer, family)) {
        nic->xdp_known = true;
        for (struct rtattr *a = generic_attributes(&answer, &left); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
            if (a->rta_type == NETDEV_XDP)
                nic->xdp_features = number(a); /* 64 bits, of which the low half is in use */
            if (a->rta_type == NETDEV_ZC_SEGMENTS)
                nic->xdp_zc_segments = number(a);
        }
    }
    close(fd);
}
