/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * message.h - putting a netlink request together, attribute by attribute. On the stack and by system calls alone, so
 * that a process just cloned from one with threads may use it.
 */
#ifndef NETVALE_NETLINK_MESSAGE_H
#define NETVALE_NETLINK_MESSAGE_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A request being put together. */
struct nv_nl_request {
    struct nlmsghdr header;
    char body[256];
};

/* Start a request of `type` with the family's fixed part. `flags` besides NLM_F_REQUEST. */
static inline void nv_nl_begin(struct nv_nl_request *r, uint16_t type, uint16_t flags, const void *fixed, size_t size)
{
    memset(r, 0, sizeof(*r));
    r->header.nlmsg_type = type;
    r->header.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    r->header.nlmsg_len = (uint32_t)NLMSG_LENGTH(size);
    memcpy(NLMSG_DATA(&r->header), fixed, size);
}

/* Add an attribute; all of them must fit the body. */
static inline void nv_nl_add(struct nv_nl_request *r, uint16_t type, const void *data, size_t size)
{
    struct rtattr *a = (struct rtattr *)(void *)((char *)r + NLMSG_ALIGN(r->header.nlmsg_len));
    a->rta_type = type;
    a->rta_len = (uint16_t)RTA_LENGTH(size);
    memcpy(RTA_DATA(a), data, size);
    r->header.nlmsg_len = (uint32_t)(NLMSG_ALIGN(r->header.nlmsg_len) + RTA_ALIGN(a->rta_len));
}

#endif
