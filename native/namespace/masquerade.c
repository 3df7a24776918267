/* SPDX-License-Identifier: BSD-2-Clause */
/* masquerade.c - see masquerade.h. The messages are those of `nft add table; add chain; add rule` (nfnetlink). */
#include "namespace/masquerade.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define CHAIN       "postrouting"
#define OWNED       2u  /* NFT_TABLE_F_OWNER, which older headers have not */
#define SOURCE_NAT  100 /* NF_IP_PRI_NAT_SRC */
#define MESSAGES    3u  /* that are acknowledged */
#define ANSWER_S    5
#define ATTR_HEADER sizeof(struct nlattr)

/* A batch of messages being put together. */
struct batch {
    char bytes[1024];
    size_t length;
    size_t message; /* where the last one begins */
    uint32_t sequence;
};

static void *room(struct batch *b, size_t size)
{
    void *at = b->bytes + b->length;
    size = (size + NLA_ALIGNTO - 1) & ~((size_t)NLA_ALIGNTO - 1);
    memset(at, 0, size);
    b->length += size;
    return at;
}

static void begin(struct batch *b, unsigned type, unsigned flags, uint8_t family, uint16_t resource)
{
    b->message = b->length;
    struct nlmsghdr *header = room(b, sizeof(*header));
    struct nfgenmsg *generic = room(b, sizeof(*generic));
    header->nlmsg_type = (uint16_t)type;
    header->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    header->nlmsg_seq = b->sequence++;
    *generic = (struct nfgenmsg){family, NFNETLINK_V0, htons(resource)};
}

static void end(struct batch *b)
{
    ((struct nlmsghdr *)(void *)(b->bytes + b->message))->nlmsg_len = (uint32_t)(b->length - b->message);
}

static void change(struct batch *b, unsigned what)
{
    begin(b, NFNL_SUBSYS_NFTABLES << 8 | what, NLM_F_CREATE | NLM_F_ACK, NFPROTO_INET, 0);
}

static void add(struct batch *b, unsigned type, const void *data, size_t size)
{
    struct nlattr *attr = room(b, ATTR_HEADER + size);
    *attr = (struct nlattr){(uint16_t)(ATTR_HEADER + size), (uint16_t)type};
    memcpy((char *)attr + ATTR_HEADER, data, size);
}

static void add_text(struct batch *b, unsigned type, const char *text)
{
    add(b, type, text, strlen(text) + 1);
}

static void add_number(struct batch *b, unsigned type, uint32_t number)
{
    number = htonl(number);
    add(b, type, &number, sizeof(number));
}

/* Attributes inside an attribute: what is added until close_nest is in it. */
static size_t open_nest(struct batch *b, unsigned type)
{
    size_t at = b->length;
    struct nlattr *attr = room(b, ATTR_HEADER);
    attr->nla_type = (uint16_t)(type | NLA_F_NESTED);
    return at;
}

static void close_nest(struct batch *b, size_t at)
{
    ((struct nlattr *)(void *)(b->bytes + at))->nla_len = (uint16_t)(b->length - at);
}

static void add_table_and_chain(struct batch *b, const char *table)
{
    change(b, NFT_MSG_NEWTABLE);
    add_text(b, NFTA_TABLE_NAME, table);
    add_number(b, NFTA_TABLE_FLAGS, OWNED);
    end(b);
    change(b, NFT_MSG_NEWCHAIN);
    add_text(b, NFTA_CHAIN_TABLE, table);
    add_text(b, NFTA_CHAIN_NAME, CHAIN);
    size_t hook = open_nest(b, NFTA_CHAIN_HOOK);
    add_number(b, NFTA_HOOK_HOOKNUM, NF_INET_POST_ROUTING);
    add_number(b, NFTA_HOOK_PRIORITY, SOURCE_NAT);
    close_nest(b, hook);
    add_text(b, NFTA_CHAIN_TYPE, "nat");
    end(b);
}

/* iifname "IFNAME" masquerade */
static void add_rule(struct batch *b, const char *table, const char *ifname)
{
    char name[IFNAMSIZ] = "";
    size_t length = strnlen(ifname, IFNAMSIZ - 1);
    memcpy(name, ifname, length);
    change(b, NFT_MSG_NEWRULE);
    add_text(b, NFTA_RULE_TABLE, table);
    add_text(b, NFTA_RULE_CHAIN, CHAIN);
    size_t all = open_nest(b, NFTA_RULE_EXPRESSIONS);
    size_t one = open_nest(b, NFTA_LIST_ELEM);
    add_text(b, NFTA_EXPR_NAME, "meta");
    size_t data = open_nest(b, NFTA_EXPR_DATA);
    add_number(b, NFTA_META_KEY, NFT_META_IIFNAME);
    add_number(b, NFTA_META_DREG, NFT_REG_1);
    close_nest(b, data);
    close_nest(b, one);
    one = open_nest(b, NFTA_LIST_ELEM);
    add_text(b, NFTA_EXPR_NAME, "cmp");
    data = open_nest(b, NFTA_EXPR_DATA);
    add_number(b, NFTA_CMP_SREG, NFT_REG_1);
    add_number(b, NFTA_CMP_OP, NFT_CMP_EQ);
    size_t value = open_nest(b, NFTA_CMP_DATA);
    add(b, NFTA_DATA_VALUE, name, sizeof(name));
    close_nest(b, value);
    close_nest(b, data);
    close_nest(b, one);
    one = open_nest(b, NFTA_LIST_ELEM);
    add_text(b, NFTA_EXPR_NAME, "masq");
    data = open_nest(b, NFTA_EXPR_DATA);
    close_nest(b, data);
    close_nest(b, one);
    close_nest(b, all);
    end(b);
}

/* Send the batch and take the answer to each message. */
static int talk(int fd, const struct batch *b)
{
    union {
        struct nlmsghdr header;
        char bytes[4096];
    } answer;
    const struct timeval limit = {.tv_sec = ANSWER_S};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    if (send(fd, b->bytes, b->length, 0) < 0)
        return -errno;
    for (unsigned answered = 0; answered < MESSAGES;) {
        ssize_t n = recv(fd, &answer, sizeof(answer), 0);
        if (n < 0)
            return -errno;
        size_t left = (size_t)n;
        for (struct nlmsghdr *m = &answer.header; NLMSG_OK(m, left); m = NLMSG_NEXT(m, left)) {
            if (m->nlmsg_type != NLMSG_ERROR)
                continue;
            int error = ((struct nlmsgerr *)NLMSG_DATA(m))->error;
            if (error)
                return error;
            answered++;
        }
    }
    return 0;
}

int nv_masquerade(const char *ifname)
{
    struct batch b = {.length = 0};
    char table[64];
    snprintf(table, sizeof(table), "netvale-%.15s", ifname);
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
    if (fd < 0)
        return -errno;
    begin(&b, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
    end(&b);
    add_table_and_chain(&b, table);
    add_rule(&b, table, ifname);
    begin(&b, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
    end(&b);
    int error = talk(fd, &b);
    if (!error)
        return fd;
    close(fd);
    return error;
}
